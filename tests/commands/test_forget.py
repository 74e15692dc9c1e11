"""`forget`: no trace of a withdrawn article is left in the memo, in a version, or in the next run."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import app
from pipeline.commands.forget import Forgotten, forget
from pipeline.errors import LockedError, UsageError
from pipeline.ids import text_digest
from pipeline.records import Generation
from pipeline.storage import locking
from pipeline.storage import versions as store
from pipeline.storage.memo import open_memo
from pipeline.storage.pruning import prune
from pipeline.storage.rows import as_json, failures, rows
from tests import kills
from tests.conftest import article, sentence, tomdich, write_feed
from tests.faults_tally import FaultFixture, whole

ID = "tin-bi-rut"
WORDS = ("Quỳnh Lưu", "bị thu hồi", "rẽ ngang", ID)  # of the withdrawn article, and of nothing else
WITHDRAWN = {
    "id": ID,
    "title": "Bài viết bị thu hồi ở Quỳnh Lưu",
    # longer than the fake engine takes: its first round's answers stand in no record
    "text": "\n".join(
        f"Quỳnh Lưu rẽ ngang lần {n}. " + " ".join(map(sentence, range(n * 40, n * 40 + 40))) for n in range(9)
    ),
}
REFUSED = article(70) | {"id": "hong", "text": "Tin fake:refuse " + article(70)["text"]}
FEED = [article(0), WITHDRAWN, article(1), REFUSED, article(2)]


class Night:
    """Two experiments over one feed, with one memo."""

    def __init__(self, config: Path) -> None:
        self.config, self.outputs = config, config.parent / "out"

    def run(self, *arguments: str, name: str = "night") -> store.Version:
        app(["run", str(self.config), "--outputs", str(self.outputs), "--set", f"name={name}", *arguments],
            standalone_mode=False)  # fmt: skip
        return self.versions(name)[-1]

    def versions(self, name: str = "night") -> list[store.Version]:
        return whole(self.outputs / name)

    def forget(self, article_id: str = ID, **options: Any) -> Forgotten:
        chosen: dict[str, Any] = {"delete": True, "wait": 0} | options
        return forget(self.outputs, article_id, **chosen)

    @property
    def memo(self) -> Path:
        return self.outputs / ".memo" / "memo.sqlite"

    def paid(self) -> int:
        connection = sqlite3.connect(self.memo)
        (found,) = connection.execute("SELECT count(*) FROM calls").fetchone()
        connection.close()
        return int(found)


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Night:
    write_feed(tmp_path / "feed.jsonl", FEED)
    night = Night(make_config(limits={"max_failure_ratio": 1.0}))
    night.run()
    return night


def traces(folder: Path) -> list[str]:
    """Return where any of the article's words stand: in bytes, in rows, in the pages of the reports."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        packed = re.findall(rb"[A-Za-z0-9+/]{100,}={0,2}", data) if path.name == "report.html" else []
        texts = [data, *(unpacked(one) for one in packed)]
        if path.suffix == ".parquet":
            version = store.Version(path.parents[1], {})
            texts = [json.dumps([as_json(row) for row in rows(version)], ensure_ascii=False).encode()]
        found += [f"{path}: {word}" for word in WORDS for text in texts if word.encode() in text]
    return found


def unpacked(page: bytes) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(page))
    except (ValueError, zlib.error):  # not a page
        return b""


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-shm" not in path.name}


def ids(version: store.Version) -> list[str]:
    return [row.id for row in rows(version)]


def test_an_article_leaves_every_version_and_the_memo_and_nothing_else_does(night: Night) -> None:
    night.run("--force", "--set", "summarize.generation.max_new_tokens=9")
    night.run(name="day")
    before = {version.name: list(rows(version)) for name in ("night", "day") for version in night.versions(name)}
    calls = {len(row.calls) for found in before.values() for row in found if row.id == ID}
    assert min(calls) > 4  # in rounds
    assert len(traces(night.outputs)) > 10
    found = night.forget()
    assert {holding.version.name for holding in found.holdings} == set(before)
    assert traces(night.outputs) == []
    for name in ("night", "day"):
        for version in night.versions(name):  # each is as its manifest says
            assert list(rows(version)) == [row for row in before[version.name] if row.id != ID]
            counts = version.manifest["counts"]
            assert (counts["read"], counts["records"], counts["failures"], counts["withdrawn"]) == (5, 3, 1, 1)
            (said,) = version.manifest["withdrawn"]
            assert text_digest(ID) in said["digests"]
            assert re.match(r"\d{4}-\d\d-\d\dT", said["at"])
        assert (night.outputs / name / "latest").resolve() == night.versions(name)[-1].folder


def test_what_it_cost_to_answer_the_others_is_kept(night: Night) -> None:
    own = sum(len(row.calls) for row in rows(night.versions()[0]) if row.id == ID)
    before = night.paid()
    night.forget()
    assert before - night.paid() >= own - 2  # equal texts are one call
    version = night.run("--force")
    assert version.manifest["counts"]["records"] == 3
    # the fake engine gives no scores: calls with the same numbers of tokens went too
    assert sum(stage["replayed"] for stage in version.manifest["calls"].values()) > 0


def test_scores_tell_calls_apart(night: Night) -> None:
    """As with a real engine: only the article's own calls go."""
    version = night.versions()[0]
    connection = sqlite3.connect(night.memo)
    with connection:
        connection.execute("UPDATE calls SET score = abs(random()) / 1e19")
    connection.close()
    found = night.forget(delete=False)
    assert found.calls == 0  # the record's numbers are those of before
    assert found.holdings[0].version == version


def test_a_look_changes_nothing(night: Night) -> None:
    before, paid = snapshot(night.outputs / "night"), night.paid()
    with store.locked(night.outputs, "night", wait=0):  # nor does it need the lock
        found = night.forget(delete=False)
    assert found.calls > 4
    assert found.holdings[0].titles == (WITHDRAWN["title"],)
    assert (snapshot(night.outputs / "night"), night.paid()) == (before, paid)


def test_no_later_run_publishes_it_again(night: Night) -> None:
    night.forget("hong")  # which every run would try again
    night.forget()
    (version,) = night.versions()
    assert night.run().folder == version.folder  # the same sources are still the same again
    for arguments in (("--force",), ("--only-new",), ("--force", "--set", "summarize.generation.max_new_tokens=5")):
        again = night.run(*arguments)
        assert ID not in ids(again)
    (night.outputs / "night" / ".published").unlink()  # the manifests know it too
    again = night.run("--force")
    assert ids(again) == ["a0", "a1", "a2"]
    told = [(one.kind, one.id, one.rejected, one.source.row) for one in failures(again)]
    assert told == [("withdrawn", "", True, 1), ("withdrawn", "", True, 3)]
    assert traces(night.outputs) == []
    planned = tomdich("plan", night.config, "--outputs", night.outputs, cwd=night.config.parent)
    assert "3 articles" in planned.stdout


def test_a_second_time_there_is_nothing_left_to_do(night: Night) -> None:
    night.forget()
    before = snapshot(night.outputs / "night")
    found = night.forget()
    assert (found.holdings, found.calls, found.already) == ([], 0, True)
    assert snapshot(night.outputs / "night").keys() == before.keys()


def test_a_copy_under_another_id_goes_too_and_another_article_under_the_same_id_stays(
    night: Night, tmp_path: Path
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(5), WITHDRAWN | {"id": "copy"}])
    night.run(name="copies")
    write_feed(tmp_path / "feed.jsonl", [article(6), article(7) | {"id": "copy"}])
    night.run(name="others")
    found = night.forget()
    assert {holding.version.folder.parent.name for holding in found.holdings} == {"night", "copies"}
    (version,) = night.versions("copies")
    assert ids(version) == ["a5"]
    assert ids(night.versions("others")[0]) == ["a6", "copy"]
    assert ids(night.run("--force", name="others")) == ["a6", "copy"]


def test_no_run_under_a_new_name_publishes_it_either(night: Night) -> None:
    night.forget()
    assert ids(night.run(name="fresh")) == ["a0", "a1", "a2"]


def test_of_one_experiment_only_another_name_may_publish_it(night: Night) -> None:
    night.run(name="day")
    night.forget(name="day")
    assert ID in ids(night.run(name="fresh"))
    assert ID not in ids(night.run("--force", name="day"))


def test_versions_that_were_copied_here_without_their_lock_are_found(night: Night) -> None:
    shutil.copytree(night.outputs / "night", night.outputs / "restored", symlinks=True)
    (night.outputs / "restored" / ".lock").unlink()
    found = night.forget()
    assert {holding.version.folder.parent.name for holding in found.holdings} == {"night", "restored"}
    assert traces(night.outputs) == []


def test_an_article_that_was_passed_over_as_a_duplicate_is_found_by_its_id(night: Night, tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(0), WITHDRAWN, article(1), WITHDRAWN | {"id": "ban-sao"}])
    version = night.run(name="copies")
    assert ids(version) == ["a0", ID, "a1"]
    found = night.forget("ban-sao")
    assert {holding.version.folder.parent.name for holding in found.holdings} == {"night", "copies"}
    assert ids(night.versions("copies")[0]) == ["a0", "a1"]
    assert "ban-sao" not in (night.versions("copies")[0].folder / "log.jsonl").read_text("utf-8")


def test_a_duplicate_that_took_the_place_of_what_it_was_one_of_is_not_the_other(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    old, new = article(1) | {"published": "2026-03-01"}, article(2) | {"id": "a1", "published": "2026-03-02"}
    write_feed(tmp_path / "feed.jsonl", [old, old | {"id": "copy"}, new])
    night = Night(make_config(on_same_id="newest"))
    assert set(ids(night.run())) == {"copy", "a1"}
    night.forget("copy")
    assert ids(night.versions()[0]) == ["a1"]


def test_a_damaged_version_beside_is_named(night: Night, messages: list[str]) -> None:
    damaged = night.run("--force")
    (damaged.folder / "manifest.json").write_text("{")
    for delete in (False, True):
        messages.clear()
        night.forget(delete=delete)
        assert len([line for line in messages if str(damaged.folder) in line and "passed over" in line]) == 1


@pytest.mark.parametrize("name", [None, "night"])
def test_killed_between_two_versions_a_rerun_still_finds_the_copy_under_another_id(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(5), WITHDRAWN | {"id": "copy"}])
    night.run()
    real = store.Experiment.replace
    done: list[str] = []

    def replace(experiment: store.Experiment, version: store.Version, *args: Any, **options: Any) -> store.Version:
        done.append(version.name)
        if len(done) == 2:
            raise KeyboardInterrupt
        return real(experiment, version, *args, **options)

    monkeypatch.setattr(store.Experiment, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        night.forget(name=name)
    monkeypatch.undo()
    assert [ID in ids(version) for version in night.versions()] == [False, False]
    assert "copy" in ids(night.versions()[1])
    found = night.forget(name=name)
    assert [holding.version.folder for holding in found.holdings] == [night.versions()[1].folder]
    assert [ids(version) for version in night.versions()] == [["a0", "a1", "a2"], ["a5"]]
    assert traces(night.outputs) == []


def test_a_disk_that_is_full_is_one_message_and_the_rerun_ends_it(night: Night) -> None:
    script = (
        "import atexit, signal, sys; from resource import RLIMIT_FSIZE, getrlimit, setrlimit;"
        "from pipeline.commands import forget as forgetting; from pipeline.cli import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); real = forgetting.rewrite; before = getrlimit(RLIMIT_FSIZE);"
        "forgetting.rewrite = lambda *a: (setrlimit(RLIMIT_FSIZE, (300, before[1])), real(*a));"
        "atexit.register(setrlimit, RLIMIT_FSIZE, before);"  # before coverage writes what it has measured
        "sys.argv[0] = 'tomdich'; main()"
    )
    full = subprocess.run(
        [sys.executable, "-c", script, "forget", ID, "--yes", "--outputs", night.outputs],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    assert "File too large; make room for a copy" in full.stderr
    night.forget()
    assert traces(night.outputs) == []


def test_the_only_article_of_a_version_leaves_it_empty(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", [WITHDRAWN])
    night = Night(make_config())
    night.run()
    night.forget()
    assert traces(night.outputs) == []
    (version,) = night.versions()
    assert ids(version) == []
    assert (version.manifest["counts"]["records"], version.manifest["counts"]["withdrawn"]) == (0, 1)
    store.verify(version)


def test_one_experiment_only(night: Night) -> None:
    night.run(name="day")
    found = night.forget(name="day")
    assert [holding.version.folder.parent.name for holding in found.holdings] == ["day"]
    assert found.elsewhere == [night.versions()[0].name]
    assert ids(night.versions()[0]) == ["a0", ID, "a1", "a2"]
    assert ids(night.versions("day")[0]) == ["a0", "a1", "a2"]


def test_an_article_that_failed_leaves_the_failures_and_its_calls_cannot_be_told(night: Night) -> None:
    found = night.forget("hong")
    assert not found.certain
    (version,) = night.versions()
    assert list(failures(version)) == []
    counts = version.manifest["counts"]
    assert (counts["records"], counts["failures"], counts["retryable"], counts["withdrawn"]) == (4, 0, 0, 1)
    assert "hong" not in (version.folder / "log.jsonl").read_text("utf-8")


def test_what_was_pruned_is_only_certainly_gone_with_the_whole_memo(night: Night) -> None:
    write_feed(night.config.parent / "feed.jsonl", [article(3)])
    night.run()
    prune(night.outputs, "night", keep=1, delete=True, wait=0)
    found = night.forget()
    assert (found.holdings, found.known, found.certain) == ([], ["night"], False)
    assert traces(night.outputs / ".memo")
    assert night.forget(everything=True).calls > 0
    assert traces(night.outputs) == []


def test_files_that_were_set_aside_go(night: Night) -> None:
    for path in (night.memo, night.outputs / "night" / ".published"):
        shutil.copy2(path, path.with_name(f"{path.name}.damaged-1"))
    found = night.forget()
    assert len(found.aside) == 2
    assert not any(path.exists() for path in found.aside)
    assert night.memo.exists()


def test_no_byte_is_left_between_the_calls_that_stay(tmp_path: Path) -> None:
    folder = tmp_path / "memo"
    with open_memo(folder) as memo:
        for number in range(500):
            answer = Generation(f"Quỳnh Lưu {number} " * 9, 1, 0, number % 2, finished=True, score=None)
            memo.calls({}).put(str(number), answer if number % 2 else Generation("khác", 1, 0, 0, True, None))  # noqa: FBT003
        assert sum(1 for _ in memo.scan(lambda call: call.output_tokens == 1, delete=True)) == 250
        memo.shrink(fully=True)
        assert traces(folder) == []


def test_a_file_named_after_the_article_is_not_named_any_more(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    (tmp_path / "pages").mkdir()
    for number, row in enumerate([article(0), WITHDRAWN]):
        name = f"{ID}.txt" if row["id"] == ID else f"{number}.txt"
        (tmp_path / "pages" / name).write_text(f"{row['title']}\n\n{row['text']}\n", encoding="utf-8")
    night = Night(make_config(sources=[{"path": "pages"}]))
    version = night.run()
    (gone,) = [row.id for row in rows(version) if ID in row.source.path]
    night.forget(gone)
    assert traces(night.outputs) == []
    assert len((night.versions()[0].folder / "sources.jsonl").read_text("utf-8").splitlines()) == 2


def test_an_id_that_nothing_knows_is_an_error_that_says_where_ids_are(night: Night) -> None:
    with pytest.raises(UsageError, match="column `id`"):
        night.forget("a99")
    with pytest.raises(UsageError, match="no such experiment"):
        night.forget(name="nihgt")
    night.run("--limit", "1", name="day")
    with pytest.raises(UsageError, match="these hold it: night/"):
        night.forget(name="day")


def test_a_run_under_way_is_waited_for_or_refused(night: Night) -> None:
    before = snapshot(night.outputs / "night")
    with store.locked(night.outputs, "night", wait=0), pytest.raises(LockedError, match="--wait-lock"):
        night.forget()
    assert snapshot(night.outputs / "night").keys() == before.keys()


def test_one_at_a_time_changes_the_list_of_withdrawals(night: Night) -> None:
    with (
        locking.locked(night.outputs, holder="forget", busy="wait", setting="--outputs"),
        pytest.raises(LockedError, match="another forget"),
    ):
        night.forget(name="night")


def test_the_command_says_what_it_would_do_and_what_it_cannot(night: Night) -> None:
    arguments = ("forget", ID, "--outputs", night.outputs)
    dry = tomdich(*arguments, cwd=night.config.parent)
    assert (dry.returncode, "nothing is changed without --yes" in dry.stderr) == (0, True)
    assert f"would rewrite {night.versions()[0].name} without: {WITHDRAWN['title']}" in dry.stdout
    done = tomdich(*arguments, "--yes", cwd=night.config.parent)
    assert "removed" in done.stdout
    assert "--memo empties the memo" in done.stderr
    assert ID not in ids(night.versions()[0])
    again = tomdich(*arguments, "--yes", cwd=night.config.parent)
    assert (again.stdout, "no version here holds it any more" in again.stderr) == ("", True)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it delivers the kills")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.faults)])
@pytest.mark.parametrize("refuse", ["", "renameat2"])  # where two folders cannot be exchanged, in three renames
def test_killed_at_any_write_it_leaves_only_whole_versions_and_a_rerun_finishes(
    night: Night, fault: FaultFixture, every: bool, refuse: str
) -> None:
    arguments: list[str | Path] = ["forget", ID, "--yes", "--outputs", night.outputs]
    cwd = night.config.parent
    write_feed(cwd / "feed.jsonl", [article(5), WITHDRAWN | {"id": "copy"}])
    night.run()
    backup = cwd / "backup"
    shutil.copytree(night.outputs, backup, symlinks=True)
    there = kills.points(arguments, cwd=cwd, refuse=refuse)
    assert ("rename" if refuse else "renameat2") in {call for call, _ in there}
    renames = [number for number, (call, _) in enumerate(there) if call in kills.RENAMES]
    for at in there if every else [there[one] for one in renames[-2:]]:
        with fault("killed at a write of a forget", read=["a0", "a1", "a2", "a5"]) as one:
            shutil.rmtree(night.outputs)
            shutil.copytree(backup, night.outputs, symlinks=True)
            kills.kill(arguments, cwd=cwd, at=at, refuse=refuse)
            assert refuse or len(night.versions()) == 2, at  # what is visible is whole, with an exchange always both
            night.forget()
            first, second = night.versions()
            assert (night.outputs / "night" / "latest").resolve() == second.folder
            assert traces(night.outputs) == [], at
            one.left([*ids(first), *ids(second)])


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it delivers the kills")
@pytest.mark.timeout(3000)
@pytest.mark.faults  # the versions alone are in test_crash; here the memo is sifted too
def test_a_prune_with_its_memo_killed_at_any_write_leaves_only_whole_versions(
    night: Night, fault: FaultFixture
) -> None:
    latest = night.run("--force")
    arguments: list[str | Path] = ["prune", "night", "--keep", "1", "--memo", "--yes", "--outputs", night.outputs]
    cwd = night.config.parent
    shutil.copytree(night.outputs, cwd / "backup", symlinks=True)
    for at in kills.points(arguments, cwd=cwd):
        with fault("killed at a write of a prune", read=ids(latest)) as one:
            shutil.rmtree(night.outputs)
            shutil.copytree(cwd / "backup", night.outputs, symlinks=True)
            kills.kill(arguments, cwd=cwd, at=at)
            night.versions()  # what is visible is whole
            prune(night.outputs, "night", keep=1, delete=True, wait=0)
            (left,) = night.versions()
            assert left.folder == latest.folder
            one.left(ids(left))
