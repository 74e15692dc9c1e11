"""Faults at run time, produced for real: full and read-only disks, damaged files, dying engines, clocks, concurrent runs.

After each fault the same three things hold: the error is one message, nothing half-written is visible, and a rerun
gives every record that was read, as a record or as a listed failure. `make test` runs the short ones, `make faults`
all of them; kills at system calls are in test_crash, readers and configs under arbitrary bytes in test_fuzz.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipeline import config as configs
from pipeline.checkpoints import Checkpoint
from pipeline.engines.batching import Answer, BatchingEngine
from pipeline.errors import EngineError, GateError, SourceError, TomdichError, WorldError
from pipeline.records import Generation, Refused
from pipeline.runner.chain import run
from pipeline.runner.options import RunOptions
from pipeline.storage import versions as store
from tests.conftest import article, cold_tomdich, tomdich, write_feed
from tests.engines.test_batching import engine as batching_engine
from tests.engines.test_batching import words
from tests.faults_tally import FaultFixture, accounted, whole

ROOT = Path(__file__).parents[1]
STAGES = ("load", "summarize", "translate", "publish")  # inspecting goes on beside translating
FEED = [article(number) for number in range(40)]
IDS = [row["id"] for row in FEED]


@dataclass
class Watching:
    """Progress that does something when a stage begins or a record is done."""

    on_begin: Callable[[str], None] = lambda _stage: None
    on_advance: Callable[[str, int], None] = lambda _stage, _done: None
    stage: str = ""
    done: int = 0

    def begin(self, stage: str, total: int | None) -> None:  # noqa: ARG002 - the protocol's
        self.stage, self.done = stage, 0
        self.on_begin(stage)

    def advance(self, count: int) -> None:
        self.done += count
        self.on_advance(self.stage, self.done)

    def expect(self, _seconds: float) -> None:
        pass


class Night:
    """A config on the fake engine with its feed, run in this process."""

    def __init__(self, config: Path, outputs: Path) -> None:
        self.config, self.outputs = config, outputs
        self.folder = config.parent

    def feed(self, rows: list[dict[str, Any]]) -> None:
        write_feed(self.folder / "feed.jsonl", rows)

    def run(self, progress: Watching | None = None, *, force: bool = False) -> store.Version:
        options = RunOptions(outputs=self.outputs, force=force)
        version = run(configs.load(self.config), options=options, progress=progress or Watching()).version
        assert version is not None
        return version

    def versions(self) -> list[store.Version]:
        return whole(self.outputs / "night")

    @property
    def memo(self) -> Path:
        return self.outputs / ".memo" / "memo.sqlite"


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Night:
    return fed(make_config(), tmp_path / "out")


def fed(config: Path, outputs: Path) -> Night:
    """Return a night whose feed lies beside its config."""
    night = Night(config, outputs)
    night.feed(FEED)
    return night


def rows_of(version: store.Version) -> list[dict[str, Any]]:
    """Return the rows, without what a batch's neighbors may move."""
    return pq.read_table(version.folder / "data").to_pylist()


# Disks


@contextmanager
def mounted(folder: Path, *, size: str) -> Iterator[Path]:
    """Mount a small file system in memory; skip the test where that is not allowed."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tomdich-faults", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"cannot mount a small disk here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, *, leave: int) -> None:
    """Take all the room there is but `leave` bytes."""
    left = shutil.disk_usage(disk).free - leave
    with (disk / "filler").open("ab") as filler:
        while left > 0:
            left -= filler.write(bytes(min(left, 1 << 20)))


def full_in(stage: str, night: Night, *, leave: int) -> Watching:
    """Progress that leaves the disk so much room when a stage begins."""
    return Watching(on_begin=lambda begun: fill(night.outputs, leave=leave) if begun == stage else None)


def runs_out(night: Night, stage: str, *, leave: int) -> bool:
    """Run with so much room from a stage on, then make room; return whether it was too little."""
    told: TomdichError | None = None
    try:
        night.run(full_in(stage, night, leave=leave))
    except TomdichError as error:
        told = error
    (night.outputs / "filler").unlink()
    if told is None:
        return False
    assert told.exit_code in {1, 5}, told  # 5: the watch over the disk saw it first
    assert any(word in str(told).lower() for word in ("full", "no space", "room")), told
    night.versions()  # none, or one that was whole before the room ran out under `latest`
    return True


def recovered(night: Night) -> list[str]:
    """Run again, with room; return the ids there are then, where there is one version and `latest` leads to it."""
    version = night.run()
    assert [one.folder for one in night.versions()] == [version.folder]
    assert (night.outputs / "night" / "latest").resolve() == version.folder.resolve()
    return accounted(version)


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_ends_the_run_and_a_rerun_with_room_loses_nothing(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, stage: str
) -> None:
    with mounted(tmp_path / "disk", size="24m") as disk:
        night = fed(make_config(), disk)
        with fault("full disk", read=IDS) as one:
            assert runs_out(night, stage, leave=0)
            one.left(recovered(night))


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", STAGES)
def test_a_disk_that_fills_at_any_later_page_ends_the_run_cleanly(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, stage: str
) -> None:
    for leave in (*range(4, 240, 12), *range(240, 2000, 240)):
        with mounted(tmp_path / f"disk-{leave}", size="24m") as disk:
            night = fed(make_config(), disk)
            with fault("full disk", read=IDS) as one:
                enough = not runs_out(night, stage, leave=leave * 1024)
                one.left(recovered(night))
            if enough:
                break


def test_a_full_disk_can_be_pruned(tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture) -> None:
    with mounted(tmp_path / "disk", size="24m") as disk:
        night = fed(make_config(), disk)
        for _ in range(3):
            night.run(force=True)
        latest = night.versions()[-1]
        with fault("full disk", read=IDS) as one:
            fill(disk, leave=0)
            arguments = ("prune", "night", "--keep", "1", "--memo", "--yes", "--outputs", disk)
            pruned = tomdich(*arguments, cwd=tmp_path)
            assert pruned.returncode == 0, pruned.stderr
            assert [version.folder for version in night.versions()] == [latest.folder]
            one.left(accounted(latest))


def read_only(disk: Path, *, on: bool) -> None:
    subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", disk], check=True)


@pytest.mark.parametrize("what", ["outputs", "memo"])
def test_a_disk_that_cannot_be_written_is_named_with_a_remedy(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, what: str
) -> None:
    with mounted(tmp_path / "disk", size="24m") as disk:
        outputs = disk if what == "outputs" else tmp_path / "out"
        night = fed(make_config(memo=str(disk / "memo")), outputs)
        for first in (True, False):  # a disk that is empty, and one that holds a version
            with fault("read-only disk", read=IDS) as one:
                read_only(disk, on=True)
                arguments = ("run", night.config, "--outputs", outputs, "--force")
                refused = tomdich(*arguments, cwd=tmp_path)
                assert refused.returncode == 1, refused.stderr
                assert "Traceback" not in refused.stderr
                assert ("--outputs" if what == "outputs" else "`memo:`") in refused.stderr
                assert len(night.versions()) == (0 if first else 1)
                read_only(disk, on=False)
                one.left(accounted(night.run()))


# The memo


def flipped(data: bytes, *, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def test_a_run_on_a_damaged_memo_gives_what_a_run_without_one_gives(
    night: Night, fault: FaultFixture, messages: list[str]
) -> None:
    first = rows_of(night.run())
    sound = night.memo.read_bytes()
    rng = random.Random(5)
    damages: list[tuple[str, bytes]] = [("memo: truncated", sound[: len(sound) * share // 4]) for share in (0, 2)]
    damages += [
        ("memo: bits flipped", flipped(sound, at=rng.randrange(len(sound)), bit=rng.randrange(8))) for _ in range(6)
    ]
    damages.append(("memo: no database", b"\xff" * len(sound)))
    damages.append(("memo: future schema", sound[:60] + (99).to_bytes(4, "big") + sound[64:]))  # PRAGMA user_version
    for kind, data in damages:
        with fault(kind, read=IDS) as one:
            night.memo.write_bytes(data)
            messages.clear()
            version = night.run(force=True)
            assert rows_of(version) == first
            if kind in {"memo: no database", "memo: future schema"}:
                assert any("set aside as memo.sqlite." in message for message in messages)
            one.left(accounted(version))
        for aside in night.memo.parent.glob("memo.sqlite.*"):
            aside.unlink()


def test_a_stale_write_ahead_log_is_never_believed(night: Night, fault: FaultFixture, tmp_path: Path) -> None:
    """A memo restored from a backup, beside the log of the one that was lost."""
    first = rows_of(night.run())
    old = night.memo.read_bytes()
    script = (
        "import os, signal, sys; from pathlib import Path; from pipeline.storage.memo import open_memo;"
        "from pipeline.records import Generation;"
        "calls = open_memo(Path(sys.argv[1])).calls({'another': 'engine'});"
        "[calls.put(str(n), Generation('khác ' * 40, 1, 0, 1, True, None)) for n in range(300)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    other = tmp_path / "other"
    killed = subprocess.run([sys.executable, "-c", script, other], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    with fault("memo: stale log", read=IDS) as one:
        night.memo.write_bytes(old)
        shutil.copy(other / "memo.sqlite-wal", f"{night.memo}-wal")
        version = night.run(force=True)
        assert rows_of(version) == first
        one.left(accounted(version))


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("share", range(8))
def test_a_bit_flipped_in_any_byte_of_the_memo_is_never_believed(
    tmp_path: Path, fault: FaultFixture, share: int
) -> None:
    from tests.storage.test_memo import fill as filled
    from tests.storage.test_memo import opened, recalled

    answers = filled(tmp_path, 30)
    path = tmp_path / "memo.sqlite"
    sound = path.read_bytes()
    for at in range(share, len(sound), 8):
        with fault("memo: bits flipped", read=answers) as one:
            path.write_bytes(flipped(sound, at=at, bit=(at // 8) % 8))
            recalled(tmp_path, answers)  # each as it was stored, or not at all
            with opened(tmp_path) as memo:
                calls = memo.calls({})
                one.left(text for text, answer in answers.items() if calls.put(text, answer) == answer)
        for file in tmp_path.glob("memo.sqlite*"):
            file.unlink()


@pytest.mark.faults
def test_a_memo_cut_off_at_any_size_is_never_believed(tmp_path: Path, fault: FaultFixture) -> None:
    from tests.storage.test_memo import fill as filled
    from tests.storage.test_memo import opened, recalled

    answers = filled(tmp_path, 30)
    path = tmp_path / "memo.sqlite"
    sound = path.read_bytes()
    for size in range(0, len(sound), 97):
        with fault("memo: truncated", read=answers) as one:
            path.write_bytes(sound[:size])
            recalled(tmp_path, answers)
            with opened(tmp_path) as memo:
                calls = memo.calls({})
                one.left(text for text, answer in answers.items() if calls.put(text, answer) == answer)
        for file in tmp_path.glob("memo.sqlite*"):
            file.unlink()


@pytest.mark.parametrize("flips", [6, pytest.param(200, marks=[pytest.mark.faults, pytest.mark.timeout(600)])])
def test_a_list_of_what_was_published_with_a_flipped_bit_passes_no_article_over(
    night: Night, fault: FaultFixture, tmp_path: Path, flips: int
) -> None:
    """An article may be published twice, where its own line was hit; never not at all."""
    night.run()
    night.feed([*FEED, article(99)])
    shutil.copytree(night.outputs, tmp_path / "backup", symlinks=True)
    sound = (night.outputs / "night" / ".published").read_bytes()
    rng = random.Random(6)
    for _ in range(flips):
        with fault("list of what was published: bits flipped", read=[*IDS, "a99"]) as one:
            shutil.rmtree(night.outputs)
            shutil.copytree(tmp_path / "backup", night.outputs, symlinks=True)
            damaged = flipped(sound, at=rng.randrange(len(sound)), bit=rng.randrange(8))
            (night.outputs / "night" / ".published").write_bytes(damaged)
            run(
                configs.load(night.config),
                options=RunOptions(outputs=night.outputs, only_new=True),
                progress=Watching(),
            )
            first, second = night.versions()
            assert "a99" in accounted(second)
            one.left([*accounted(first), *accounted(second)])


# Sources


def pack(folder: Path, ending: str) -> bytes:
    """Return the feed as a shard of this kind."""
    data = (folder / "feed.jsonl").read_bytes()
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(FEED), folder / "shard.parquet", row_group_size=10)
        return (folder / "shard.parquet").read_bytes()
    return gzip.compress(data) if ending == "jsonl.gz" else zstandard.compress(data)


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "parquet"])
def test_a_shard_cut_short_publishes_nothing_and_the_whole_one_everything(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, ending: str
) -> None:
    shard = tmp_path / f"shard.{ending}"
    night = fed(make_config(sources=[{"path": shard.name}]), tmp_path / "out")
    data = pack(tmp_path, ending)
    for size in (0, 3, len(data) // 2, len(data) - 1):
        with fault("truncated shard", read=IDS) as one:
            shard.write_bytes(data[:size])
            with pytest.raises(SourceError, match=rf"shard\.{ending}: "):
                night.run()
            assert night.versions() == []
            shard.write_bytes(data)
            one.left(accounted(night.run()))
        shutil.rmtree(night.outputs / "night")


CHANGES: dict[str, Callable[[Path], object]] = {
    "grows": lambda path: path.write_bytes(path.read_bytes() + b'{"id": "late", "text": "x"}\n'),
    "shrinks": lambda path: os.truncate(path, path.stat().st_size // 2),
    "replaced": lambda path: Path(shutil.copy(path, f"{path}.new")).replace(path),
    "deleted": lambda path: path.unlink(),
    "rewritten": lambda path: path.write_bytes(path.read_bytes().upper()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_source_that_changes_while_it_is_read_publishes_nothing(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, change: str
) -> None:
    night = fed(make_config(), tmp_path / "out")
    sound = (tmp_path / "feed.jsonl").read_bytes()

    def meddle(stage: str, done: int) -> None:
        if stage == "load" and done == 10:
            CHANGES[change](tmp_path / "feed.jsonl")

    with fault("input changes", read=IDS) as one:
        with pytest.raises(SourceError, match="changed while it was read"):
            night.run(Watching(on_advance=meddle))
        assert night.versions() == []
        (tmp_path / "feed.jsonl").write_bytes(sound)
        one.left(accounted(night.run()))


# Records and engines


def poison(word: str) -> dict[str, Any]:
    """Return an article that makes the fake engine misbehave; a short one, so that others are answered before it."""
    return article(99, length=1) | {"text": f"{article(99, length=1)['text']} fake:{word}"}


@pytest.mark.parametrize("word", ["refuse", "huge", "memory", "empty", "loop"])
def test_a_poison_record_costs_itself_at_most(night: Night, fault: FaultFixture, word: str) -> None:
    night.feed([*FEED[:20], poison(word), *FEED[20:]])
    with fault("poison record", read=[*IDS, "a99"]) as one:
        version = night.run()
        assert {row["id"] for row in rows_of(version)} >= set(IDS)
        one.left(accounted(version))


def test_a_thousand_poison_records_close_the_gate_or_are_listed(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture
) -> None:
    bad = [article(n) | {"text": f"{article(n)['text']} fake:refuse"} for n in range(100, 1100)]
    ids = [*IDS, *(row["id"] for row in bad)]
    rng = random.Random(5)
    mixed = rng.sample([*FEED, *bad], len(ids))
    night = fed(make_config(), tmp_path / "out")
    night.feed(mixed)
    with fault("a thousand poison records", read=ids) as one:
        with pytest.raises(GateError, match="1000 of 1040"):
            night.run()
        assert night.versions() == []
        make_config(limits={"max_failure_ratio": 1.0})
        version = night.run()
        assert {row["id"] for row in rows_of(version)} == set(IDS)
        one.left(accounted(version))


def test_an_engine_that_dies_takes_the_process_and_a_rerun_goes_on(night: Night, fault: FaultFixture) -> None:
    deadly = [*FEED[:30], poison("crash"), *FEED[31:]]
    night.feed(deadly)
    run_ = ("run", night.config, "--outputs", night.outputs, "--set", "runtime.batch_tokens=100")
    with fault("engine dies", read=IDS) as one:
        died = tomdich(*run_, cwd=night.folder)
        assert died.returncode == 1
        assert night.versions() == []
        night.feed(FEED)
        again = tomdich(*run_, cwd=night.folder)
        assert again.returncode == 0, again.stderr
        (version,) = night.versions()
        assert version.manifest["calls"]["summarize"]["replayed"] > 0  # what was finished is not paid again
        one.left(accounted(version))


def test_an_engine_that_is_lost_ends_the_run_with_one_message(night: Night, fault: FaultFixture) -> None:
    night.feed([*FEED[:30], poison("lost"), *FEED[31:]])
    with fault("engine lost", read=IDS) as one:
        with pytest.raises(EngineError, match="fake:lost"):
            night.run()
        assert night.versions() == []
        night.feed(FEED)
        one.left(accounted(night.run()))


def test_an_engine_that_hangs_is_told_of_and_the_process_ends(night: Night, fault: FaultFixture) -> None:
    night.feed([*FEED[:30], poison("hang"), *FEED[31:]])
    script = (
        "import sys; from pipeline.engines import batching; batching.PATIENCE = 1.0;"
        "from pipeline.cli import main; sys.argv[0] = 'tomdich'; main()"
    )
    with fault("engine hangs", read=IDS) as one:
        hung = subprocess.run(
            [
                *(sys.executable, "-c", script, "run", night.config, "--outputs", night.outputs),
                *(
                    "--set",
                    "runtime.batch_tokens=100",
                    "--set",
                    f"on_finish=sh -c 'cat > {night.folder / 'told.json'}'",
                ),
            ],
            cwd=night.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert hung.returncode == 1, hung.stderr
        assert "has not come back in 0.0166667 minutes; the fake engine hangs" in hung.stderr
        assert "Traceback" not in hung.stderr
        assert json.loads((night.folder / "told.json").read_text(encoding="utf-8"))["exit"] == 1
        assert night.versions() == []
        night.feed(FEED)
        version = night.run()
        assert version.manifest["calls"]["summarize"]["replayed"] > 0
        one.left(accounted(version))


@dataclass
class Faulty:
    """A backend with so much memory, or one that leaves out or repeats answers."""

    checkpoint: Checkpoint
    memory: int = 10**9
    extra: int = 0
    workers: int = 1

    def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
        assert candidates is None
        slots = len(rows) * max(len(row) for row in rows)
        if slots > self.memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        answers = [Answer(list(row[:-1]), finished=True, score=None) for row in rows]
        return [*answers, *answers[:1]] if self.extra > 0 else answers[: len(answers) + self.extra]

    def close(self) -> None:
        pass


@pytest.mark.parametrize("memory", [3000, 700, 97, 30])
def test_an_engine_that_runs_out_of_memory_at_a_size_goes_on_below_it(
    fault: FaultFixture, memory: int, messages: list[str]
) -> None:
    checkpoint = words()
    texts = [f"câu số {number} " + "dài " * (number % 20) for number in range(300)]
    with fault("out of memory at a size", read=list(map(str, range(300)))) as one:
        opened = batching_engine(Faulty(checkpoint, memory=memory), checkpoint=checkpoint, budget=4000)
        answers = dict(opened.generate(texts))
        assert all(isinstance(answer, Generation) for answer in answers.values())
        assert "did not fit in memory" in messages[0]
        assert opened.stats().budget <= memory
        one.left(map(str, answers))


@pytest.mark.parametrize(("extra", "said"), [(1, "answers to a batch"), (-1, "answers to a batch")])
def test_a_backend_that_answers_twice_or_not_at_all_is_an_error_and_nothing_is_believed(
    fault: FaultFixture, extra: int, said: str
) -> None:
    checkpoint = words()
    with fault("an index twice, or not at all"):
        opened = batching_engine(Faulty(checkpoint, extra=extra), checkpoint=checkpoint)
        with pytest.raises(EngineError, match=said):
            list(opened.generate(["một", "hai", "ba"]))


def wrong(how: str, texts: Iterable[str]) -> Iterator[tuple[int, Generation | Refused]]:
    """Answer an index twice, leave one out, or answer one that nobody asked for."""
    for index, text in enumerate(texts):
        answer = Generation(text, 1, 0, 1, finished=True, score=None)
        if index == 5 and how == "left out":
            continue
        yield index, answer
        if index == 5:
            yield (index if how == "twice" else 999), answer


@pytest.mark.parametrize(("how", "said"), [("twice", "twice"), ("left out", "unanswered"), ("unasked", "never asked")])
def test_an_engine_that_breaks_its_contract_ends_the_run_before_anything_is_published(
    night: Night, fault: FaultFixture, monkeypatch: pytest.MonkeyPatch, how: str, said: str
) -> None:
    with fault("an index twice, or not at all", read=IDS) as one:
        with monkeypatch.context() as patched:
            patched.setattr(BatchingEngine, "generate", lambda _, texts: wrong(how, texts))
            with pytest.raises(EngineError, match=said):
                night.run()
        assert night.versions() == []
        one.left(accounted(night.run()))


# Clocks, crowds and locks

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

/* A wall clock that is off by CLOCK_OFFSET seconds, and goes back by CLOCK_STEP more each time it is read. */
static long off(void) {
    static long reads;
    const char *offset = getenv("CLOCK_OFFSET"), *step = getenv("CLOCK_STEP");
    return (offset ? atol(offset) : 0) - reads++ * (step ? atol(step) : 0);
}
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, now);
    if (!failed && id == CLOCK_REALTIME) now->tv_sec += off();
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    int failed = clock_gettime(CLOCK_REALTIME, &exact);
    (void)zone;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return failed;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs a C compiler, on Linux")
def test_versions_stay_in_order_when_the_clock_goes_back(night: Night, fault: FaultFixture) -> None:
    (night.folder / "clock.c").write_text(CLOCK)
    shim = night.folder / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, night.folder / "clock.c", "-ldl"], check=True)
    published: list[str] = []
    for offset, step in ((0, 0), (-10 * 365 * 86_400, 60)):
        with fault("clock goes back", read=IDS) as one:
            done = cold_tomdich(
                *("run", night.config, "--outputs", night.outputs, "--force"),
                cwd=night.folder,
                LD_PRELOAD=str(shim),
                CLOCK_OFFSET=str(offset),
                CLOCK_STEP=str(step),
            )
            assert done.returncode == 0, done.stderr
            published.append(Path(done.stdout.split()[0]).name)
            assert published == sorted(set(published))
            assert [version.folder.name for version in night.versions()] == published
            # the day of the second run is long before the first one's
            assert (night.outputs / "night" / "latest").resolve().name == published[0]
            assert ("latest stays" in done.stderr) == bool(offset)
            version = night.versions()[-1]
            assert all(seconds >= 0 for seconds in version.manifest["timings"].values())
            one.left(accounted(version))


def crowd(night: Night, size: int, *arguments: str) -> list[tuple[int, str]]:
    """Start so many runs at once; return the exit code and stderr of each."""
    command = [sys.executable, "-m", "pipeline", "run", str(night.config), "--outputs", str(night.outputs)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(
            [*command, *arguments],
            cwd=night.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(size)
    ]
    said = [process.communicate(timeout=1000)[1] for process in started]
    return [(process.returncode, stderr) for process, stderr in zip(started, said, strict=True)]


def check_crowd(night: Night, fault: FaultFixture, size: int, *arguments: str) -> None:
    night.feed([row | {"text": f"Tin fake:slow {row['text']}"} for row in FEED])
    with fault(f"{size} starts at once", read=IDS) as one:
        ended = crowd(night, size, *arguments)
        codes = [code for code, _ in ended]
        assert set(codes) <= ({0} if arguments else {0, 4}), [stderr for code, stderr in ended if code not in {0, 4}]
        assert codes.count(0) >= 1
        assert not [stderr for _, stderr in ended if "Traceback" in stderr]
        (version,) = night.versions()
        one.left(accounted(version))


@pytest.mark.parametrize("arguments", [(), ("--wait-lock", "10m")], ids=["refused", "waiting"])
def test_some_starts_at_once_on_one_name(night: Night, fault: FaultFixture, arguments: tuple[str, ...]) -> None:
    check_crowd(night, fault, 4, *arguments)


@pytest.mark.faults
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("arguments", [(), ("--wait-lock", "10m")], ids=["refused", "waiting"])
def test_a_hundred_starts_at_once_on_one_name(night: Night, fault: FaultFixture, arguments: tuple[str, ...]) -> None:
    check_crowd(night, fault, 100, *arguments)


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_many_names_at_once_share_a_memo_that_is_not_there_yet(night: Night, fault: FaultFixture) -> None:
    with fault("20 names, one new memo", read=IDS) as one:
        errors: list[str] = []

        def start(number: int) -> None:
            done = tomdich(
                *("run", night.config, "--outputs", night.outputs, "--set", f"name=night{number}"), cwd=night.folder
            )
            if done.returncode:
                errors.append(done.stderr)

        threads = [threading.Thread(target=start, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        found = [whole(night.outputs / f"night{number}")[0] for number in range(20)]
        assert all(rows_of(version) == rows_of(found[0]) for version in found)
        one.left(accounted(found[0]))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it takes the locks away")
@pytest.mark.parametrize("error", ["ENOLCK", pytest.param("EOPNOTSUPP", marks=pytest.mark.faults)])
@pytest.mark.parametrize(("when", "remedy"), [("1", "--outputs"), ("2+", "`memo:`")], ids=["outputs", "memo"])
def test_a_file_system_without_locks_is_refused_with_advice(
    night: Night, fault: FaultFixture, error: str, when: str, remedy: str
) -> None:
    with fault("no locks", read=IDS) as one:
        refused = subprocess.run(
            [
                *("strace", "-f", "--seccomp-bpf", "-qq", "-o", night.folder / "trace", "-e", "trace=flock"),
                *("-e", f"inject=flock:error={error}:when={when}"),
                *(sys.executable, "-m", "pipeline", "run", night.config, "--outputs", night.outputs),
            ],
            cwd=night.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode == 1, refused.stderr
        assert "Traceback" not in refused.stderr
        assert remedy in refused.stderr
        assert "local disk" in refused.stderr
        assert night.versions() == []
        one.left(accounted(night.run()))


def test_the_world_s_errors_have_one_exit_code() -> None:
    assert WorldError.exit_code == EngineError.exit_code == 1
