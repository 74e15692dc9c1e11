"""SIGKILL at a system call that writes, syncs or renames, in a run and in a prune; then the same again, to the end.

strace delivers the signal as the call begins, so SQLite, Arrow and Python's own files are all covered. `make test`
kills before and after every rename and in the middle, `make faults` at every call.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli import app
from pipeline.storage import versions as store
from tests import kills
from tests.conftest import article, write_feed
from tests.faults_tally import FaultFixture, accounted

SHARES = 16  # of the long campaign, for the machine's cores
EVERY = [pytest.param(share, marks=[pytest.mark.faults, pytest.mark.timeout(3000)]) for share in range(SHARES)]

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it delivers the kills")


class Night(kills.Experiment):
    """A small experiment on the fake engine."""

    def __init__(self, config: Path) -> None:
        super().__init__(config.parent)
        self.run: list[str | Path] = ["run", config, "--outputs", self.outputs]
        self.prune: list[str | Path] = ["prune", "night", "--keep", "1", "--yes", "--outputs", self.outputs]
        self.outputs.mkdir()

    def feed(self, articles: int) -> None:
        """Give the run so many articles, and one that is rejected."""
        bad = {"id": "bad", "title": "", "text": ""}
        write_feed(self.cwd / "feed.jsonl", [*map(article, range(articles)), bad])

    def do(self, arguments: list[str | Path], *more: str) -> None:
        app([*map(str, arguments), *more], standalone_mode=False)

    def latest(self) -> Path:
        return (self.outputs / "night" / "latest").resolve(strict=True)

    def left_over(self) -> list[Path]:
        """Return what a kill may leave and the next command must clear, and what was damaged, which none may be."""
        return [*(self.outputs / "night" / ".staging").glob("*"), *self.outputs.rglob("*.damaged*")]

    def paid(self) -> int:
        """Return how many calls the memo holds; of a copy, for to look would mend what the kill left."""
        copy = self.cwd / "memo"
        shutil.rmtree(copy, ignore_errors=True)
        if not (self.outputs / ".memo" / "memo.sqlite").exists():
            return 0
        shutil.copytree(self.outputs / ".memo", copy)
        connection = sqlite3.connect(copy / "memo.sqlite")
        has_table = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'calls'").fetchone()[0]
        rows = connection.execute("SELECT count(*) FROM calls").fetchone()[0] if has_table else 0
        connection.close()
        return int(rows)


@pytest.fixture
def night(make_config: Callable[..., Path]) -> Night:
    night = Night(make_config())
    night.feed(8)
    return night


def content(version: store.Version) -> dict[str, bytes]:
    """Return what must be equal byte for byte between two runs: the rows and the failures."""
    data = sorted((version.folder / "data").glob("*"))
    return {path.name: path.read_bytes() for path in [*data, version.folder / "failures.jsonl"]}


def chosen(points: list[kills.Point], share: int | None) -> list[kills.Point]:
    """Return a share of all the points, or the few of the short tests."""
    few = kills.some(points, 1)
    assert {"rename", "fsync"} <= {call for call, _ in few}  # before a version is in its place, and after
    return few if share is None else points[share::SHARES]


def kill_runs(night: Night, fault: FaultFixture, kind: str, share: int | None) -> None:
    """Kill the run at the points, each time from what there is now, and run again."""
    night.keep()
    earlier = [version.folder for version in night.versions()]
    points = kills.points(night.run, cwd=night.cwd)
    version = night.versions()[-1]
    uninterrupted, read, total = content(version), accounted(version), night.paid()
    assert version.manifest["counts"]["records"] > 0 < total
    for at in chosen(points, share):
        with fault(kind, read=read) as one:
            night.restore()
            kills.kill(night.run, cwd=night.cwd, at=at)
            visible = [version.folder for version in night.versions()]
            assert visible[: len(earlier)] == earlier, at
            linked = (night.outputs / "night" / "latest").is_symlink()
            assert night.latest() in visible if linked else not earlier, at  # it never leads nowhere
            paid = night.paid()
            night.do(night.run)
            *before, again = night.versions()
            assert [version.folder for version in before] == earlier, at  # nothing twice
            assert night.latest() == again.folder, at
            assert content(again) == uninterrupted, at
            if paid < total:  # only what was in flight is paid again
                assert sum(stage["computed"] for stage in again.manifest["calls"].values()) == total - paid, at
            assert night.paid() == total, at
            night.do(night.run, "--only-new")
            assert night.versions()[-1].folder == again.folder, at  # it is known what was published
            assert not night.left_over(), at
            one.left(accounted(again))


@pytest.mark.parametrize("share", [None, *EVERY])
def test_a_first_run_that_was_killed_is_made_whole_by_a_rerun(
    night: Night, fault: FaultFixture, share: int | None
) -> None:
    kill_runs(night, fault, "killed at a write of a first run", share)


@pytest.mark.parametrize("share", [None, *EVERY])
def test_a_later_run_that_was_killed_is_made_whole_by_a_rerun(
    night: Night, fault: FaultFixture, share: int | None
) -> None:
    night.do(night.run)
    night.feed(10)
    kill_runs(night, fault, "killed at a write of a later run", share)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=[pytest.mark.faults, pytest.mark.timeout(3000)])])
def test_a_prune_that_was_killed_leaves_only_whole_versions(night: Night, fault: FaultFixture, every: bool) -> None:
    for _ in range(3):
        night.do(night.run, "--force")
    night.keep()
    latest = night.versions()[-1]
    uninterrupted, read = content(latest), accounted(latest)
    points = kills.points(night.prune, cwd=night.cwd)
    for at in points if every else chosen(points, None):
        with fault("killed at a write of a prune", read=read) as one:
            night.restore()
            kills.kill(night.prune, cwd=night.cwd, at=at)
            assert night.versions()[-1].folder == night.latest() == latest.folder, at
            night.do(night.prune)
            (left,) = night.versions()
            assert left.folder == night.latest() == latest.folder, at
            assert content(left) == uninterrupted, at
            night.do(night.run)  # clears what is left, and finds nothing new
            assert [version.folder for version in night.versions()] == [latest.folder], at
            assert not night.left_over(), at
            one.left(accounted(left))
