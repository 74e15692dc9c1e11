"""Inspection in processes beside the run: the same records in the same order, also where those processes die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pipeline.checkpoints.device import cores
from pipeline.checks.protocol import WorkerConfig
from pipeline.corrections import Correction
from pipeline.glossary import Glossary, Term
from pipeline.messages import logged_to
from pipeline.records import Call, Failure, Origin, Translated
from pipeline.runner.inspection import MANY, Inspection
from pipeline.storage import versions
from pipeline.storage.rows import rows
from tests.conftest import article, write_feed
from tests.faults_tally import FaultFixture
from tests.records import translated

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
HOUSE = Glossary(
    terms=(Term("rừng ngập mặn", "mangrove forest", ("mangroves",)),),
    corrections={"Tỉnh trồng 9 ha rừng ngập mặn.": Correction("", "Nine hectares are planted.", "An", "")},
)
pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="one core: no processes beside"
)


def record(number: int) -> Translated:
    """Return a translated record; every third has a figure that changed, every seventh one that no check can read."""
    said = f"Tỉnh trồng {number} ha rừng ngập mặn."
    english = f"The province plants {number + (not number % 3)} ha of mangroves."
    calls = [
        Call(
            stage="translate",
            index=9 if number % 7 == 0 else index,  # no such sentence: IndexError in a check
            round=0,
            source_tokens=9,
            dropped_tokens=1,
            output_tokens=9,
            finished=True,
            score=None,
        )
        for index in (0, 1)
    ]
    origin = Origin("feed.jsonl", number)
    article: dict[str, Any] = {"id": f"a{number}", "text_sha256": str(number), "source": origin, "title": "Tin"}
    return translated((said, english), title_translation="News", calls=calls, **article)


def inspected(
    folder: Path, records: Iterator[Translated], *, total: int, meanwhile: Callable[[int, list[int]], None]
) -> tuple[list[str], str, list[Failure], list[str]]:
    """Inspect the records; return the lines, what is held, the failures and what was noticed.

    `meanwhile` is told how many were added, and the workers' processes.
    """
    folder.mkdir()
    failures: list[Failure] = []
    notices: list[str] = []
    before = children()
    setup = WorkerConfig(HOUSE, ("number",))
    with (
        logged_to(notices.append),
        Inspection(folder, setup=setup, total=total, fail=failures.append) as inspection,
    ):
        workers = sorted(children() - before)
        assert bool(workers) == (total >= MANY)
        for count, one in enumerate(records):
            inspection.add(one)
            meanwhile(count, workers)
    assert not children() - before, "a process was left behind"
    lines = inspection.records.path.read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == inspection.records.count
    assert inspection.flagged == sum(bool(json.loads(line)["flags"]) for line in lines)
    held = inspection.listed.read_text(encoding="utf-8")
    assert inspection.held == held.count("\n") > 0
    return lines, held, failures, notices


def children() -> set[int]:
    """Return the processes that this one has started."""
    return {pid for pid, parent in processes() if parent == os.getpid()}


def processes() -> Iterator[tuple[int, int]]:
    """Yield each process that runs: its number and its parent's."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(folder.name), int(parent)


def nothing(_count: int, _workers: list[int]) -> None:
    pass


def test_processes_find_what_one_finds_in_the_same_order(tmp_path: Path) -> None:
    here = inspected(tmp_path / "here", map(record, range(300)), total=MANY - 1, meanwhile=nothing)
    beside = inspected(tmp_path / "beside", map(record, range(300)), total=MANY, meanwhile=nothing)
    assert beside == here
    lines, _, failures, notices = beside
    assert [failure.id for failure in failures] == [f"a{number}" for number in range(0, 300, 7)]
    assert len(lines) == 300 - len(failures)
    assert not notices
    assert sum("mangrove forest" in line for line in lines) > 200, "the house's terms did not reach the processes"
    assert "Nine hectares are planted." in "".join(lines)


@pytest.mark.parametrize("how_many", [1, 2])
def test_where_processes_are_killed_nothing_is_lost(tmp_path: Path, how_many: int, fault: FaultFixture) -> None:
    def kill(count: int, workers: list[int]) -> None:
        if count == 100:
            for worker in workers[:how_many]:
                os.kill(worker, signal.SIGKILL)

    here = inspected(tmp_path / "here", map(record, range(400)), total=0, meanwhile=nothing)
    with fault("an inspecting process killed"):
        beside = inspected(tmp_path / "beside", map(record, range(400)), total=MANY, meanwhile=kill)
        assert beside[:3] == here[:3]
        assert len(beside[3]) == 1
        assert "a process that inspected on this machine has ended before its time" in beside[3][0]


def test_a_run_that_others_inspect_for_does_not_load_the_checks(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    """They take a seventh of a second to load, in which nothing else goes on."""
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(MANY)])
    loaded = (
        "import sys; from pipeline.cli import main\n"
        f"try: sys.argv[1:] = ['run', {str(make_config())!r}]; main()\n"
        "finally: print(sorted({'pipeline.checks.protocol', 'pipeline.checks.rules'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['pipeline.checks.protocol']"


def test_where_no_process_can_be_started_it_is_done_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    here = inspected(tmp_path / "here", map(record, range(300)), total=0, meanwhile=nothing)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    (tmp_path / "beside").mkdir()
    with Inspection(
        tmp_path / "beside",
        setup=WorkerConfig(HOUSE, ("number",)),
        total=MANY,
        fail=lambda _: None,
    ) as inspection:
        for number in range(300):
            inspection.add(record(number))
    assert inspection.records.path.read_text(encoding="utf-8").splitlines() == here[0]
    assert len(messages) == 1


def test_a_process_that_says_something_else_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello from the site', flush=True)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    here = inspected(tmp_path / "here", map(record, range(300)), total=0, meanwhile=nothing)
    beside = inspected(tmp_path / "beside", map(record, range(300)), total=MANY, meanwhile=nothing)
    assert beside[:3] == here[:3]
    assert len(beside[3]) == 1


@pytest.mark.parametrize("answer", [b"\x90", b"\xc1"], ids=["no results for its records", "no message"])
def test_a_process_that_answers_something_else_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from pipeline.checks.protocol import receive, send\n"
        f"while receive(sys.stdin.buffer) is not None:\n    send(sys.stdout.buffer, {answer!r})\n"
    )
    program.chmod(0o755)
    here = inspected(tmp_path / "here", map(record, range(100)), total=0, meanwhile=nothing)
    monkeypatch.setattr(sys, "executable", str(program))
    beside = inspected(tmp_path / "beside", map(record, range(100)), total=MANY, meanwhile=nothing)
    assert beside[:3] == here[:3]
    assert len(beside[3]) == 1


def test_a_run_that_fails_leaves_no_process(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(RuntimeError, match="in the middle"):
        _fail_in_the_middle(tmp_path)
    assert not children() - before


def _fail_in_the_middle(folder: Path) -> None:
    setup = WorkerConfig(HOUSE, ())
    with Inspection(folder, setup=setup, total=MANY, fail=lambda _: None) as inspection:
        for number in range(100):
            inspection.add(record(number))
        raise RuntimeError("in the middle")


def test_texts_of_every_kind_reach_the_processes_and_come_back(tmp_path: Path) -> None:
    odd = ["\x00\x1f\u2028\u2029\x85", 'a"\\\n\r\tb', "\N{GRINNING FACE}" * 3, "", " ", "ñ" * 70_000]
    texts = [odd[number % len(odd)] for number in range(60)]

    def records() -> Iterator[Translated]:
        for number, text in enumerate(texts):
            one = record(number + 1)
            yield replace(one, article=replace(one.article, text=text, extra={"kept": [text, number]}))

    here = inspected(tmp_path / "here", records(), total=0, meanwhile=nothing)
    assert inspected(tmp_path / "beside", records(), total=MANY, meanwhile=nothing) == here


def night(tmp_path: Path, make_config: Callable[..., Path], *, count: int) -> Path:
    write_feed(tmp_path / "feed.jsonl", (article(number) for number in range(count)))
    return make_config()


def test_a_run_of_many_is_that_of_few(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    """And a folder named as the package, where the run is started, is not taken for it."""
    config = night(tmp_path, make_config, count=MANY + 20)
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").write_text("raise SystemExit('another package of that name')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline", "run", str(config), "--outputs", "out"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ended before its time" not in done.stderr
    version = versions.find(tmp_path / "out", "night")
    assert [row.id for row in rows(version)] == [f"a{number}" for number in range(MANY + 20)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_takes_its_processes_with_it(
    tmp_path: Path, make_config: Callable[..., Path], how: signal.Signals, fault: FaultFixture
) -> None:
    """While they inspect: the first records are translated, the others take a quarter of a minute at least."""
    feed = [article(number) for number in range(10 * MANY)]
    for row in feed[MANY:]:
        row["title"] += " fake:slow"
    write_feed(tmp_path / "feed.jsonl", feed)
    config = make_config(runtime={"batch_tokens": 64})
    command = [sys.executable, "-m", "pipeline", "run", str(config), "--outputs", "out", "--publish-partial"]
    with fault("a run with inspecting processes killed"):
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("summarize:"):
                break
        handed = tmp_path / "out" / "night"
        _eventually(lambda: any(path.stat().st_size for path in handed.rglob("inspect.jsonl")))
        workers = {pid for pid, parent in processes() if parent == process.pid}
        assert len(workers) == min(cores(), 4)
        if how == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, how)  # as from a terminal
            for worker in workers if how == signal.SIGTERM else ():
                os.kill(worker, how)  # as from systemd
        _, said = process.communicate(timeout=60)
        assert process.returncode == (-9 if how == signal.SIGKILL else 5), said
        assert "Traceback" not in said
        assert "before its time" not in said
        assert _eventually(lambda: workers.isdisjoint(pid for pid, _ in processes())), "a process outlived its run"
        if how != signal.SIGKILL:
            version = versions.find(tmp_path / "out", "night")
            assert 0 < len(list(rows(version))) < len(feed)


def _eventually(ask: Callable[[], T], *, seconds: float = 20) -> T:
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        with suppress(InterruptedError):
            time.sleep(0.05)
    return answer
