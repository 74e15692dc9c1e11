"""SIGKILL in the jobs of an array and in the merge, at random and at system calls; then the same again, to the end.

    python -m tests.test_shard_kills [--shards 8] [--articles 20000]

runs so many shards of so many articles each, two at a time, kills each several times at random, merges them, and
compares the version with that of a run without shards, byte for byte. `make soak` runs it too; `make test` a small one.
"""

# ruff: noqa: T201 - a measurement prints

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from pipeline.storage import versions as store
from tests import forked
from tests import kills as killing
from tests.conftest import article, fake_config, tomdich, write_feed
from tests.faults_tally import FaultFixture, accounted, whole
from tests.runner.test_sharding import assert_equal

ROOT = Path(__file__).parents[1]
KILLS = 3  # of each shard
_BESIDE = 2  # shards at a time


class Job(Protocol):
    """A command in a process of its own."""

    def wait(self, seconds: float | None = None) -> int | None:
        """Return its exit code, or None where it has not ended within `seconds`."""
        ...

    def kill(self) -> None:
        """End it by SIGKILL."""
        ...


class Cold:
    """A command in an interpreter of its own."""

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "pipeline", *arguments]
        with (folder / "said").open("ab") as said:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said
            )

    def wait(self, seconds: float | None = None) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Warm:
    """A command in a process forked from one that has imported what a run imports."""

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        said = folder / "said"
        self._process = forked.start(arguments, cwd=folder, out=said, err=said, environment=dict(os.environ))

    def wait(self, seconds: float | None = None) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@dataclass(frozen=True, slots=True)
class Campaign:
    """An array job whose jobs are killed, each so many times."""

    folder: Path
    shards: int
    kills: int
    start: Callable[[Sequence[str], Path], Job]
    chance: random.Random

    def finish(self, *arguments: str) -> None:
        """Run a command to its end."""
        code = self.start(arguments, self.folder).wait()
        assert code == 0, (arguments, code, (self.folder / "said").read_text("utf-8", "replace")[-2000:])

    def killed(self, *arguments: str, seconds: float, ends: bool) -> int:
        """Run a command, killed at random moments of the `seconds` that it takes, then to its end; return the kills.

        `ends`: it is not run again once it has ended before a kill.
        """
        killed = 0
        for _ in range(self.kills):
            job = self.start(arguments, self.folder)
            code = job.wait(self.chance.uniform(0.0, seconds))
            if code is None:
                job.kill()
                killed += 1
            elif ends and code == 0:
                return killed
        self.finish(*arguments)
        return killed


def rows(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield articles, of a hundred some duplicates, equal ids, refusals and rejected ones."""
    for number in range(count):
        row = article(number, length=1) | {"published": f"2026-11-{chance.randrange(1, 29):02}"}
        match number % 100:
            case 13 | 41 | 77:
                row["text"] = article(chance.randrange(number), length=1)["text"]
            case 25 | 55:
                row["id"] = f"a{chance.randrange(number)}"
            case 67:
                row["text"] = f"fake:refuse {row['text']}"
            case 99:
                row["text"] = "Ngắn."
        yield row


def survive(
    folder: Path,
    *,
    shards: int,
    articles: int,
    seed: int,
    kills: int = KILLS,
    start: Callable[[Sequence[str], Path], Job] = Cold,
) -> tuple[int, store.Version]:
    """Run an array job of `shards`, of `articles` each, that is killed at random, and compare it with a run without.

    Returns the number of kills, and the merged version.
    """
    chance = random.Random(seed)
    write_feed(folder / "feed.jsonl", rows(shards * articles, chance))
    config = fake_config(on_same_id="newest")
    (folder / "night.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    campaign = Campaign(folder, shards, kills, start, chance)
    into = ("--outputs", "many")
    started = time.monotonic()
    campaign.finish("run", "night.yaml", "--outputs", "one")
    alone = time.monotonic() - started
    with ThreadPoolExecutor(_BESIDE) as jobs:
        shares = [f"{number}/{shards}" for number in range(1, shards + 1)]
        running = [
            jobs.submit(campaign.killed, "run", "night.yaml", *into, "--shard", share, seconds=alone / 2, ends=False)
            for share in shares
        ]
        killed = sum(job.result() for job in running)
    killed += campaign.killed("merge", "night", *into, "--shards", str(shards), seconds=alone / 2, ends=True)
    (before,) = whole(folder / "one" / "night")
    *earlier, merged = whole(folder / "many" / "night")
    assert not earlier, "published twice"
    assert_equal(before, merged)
    assert not list((folder / "many").rglob("*.damaged*"))
    campaign.finish("run", "night.yaml", *into, "--force")
    again = whole(folder / "many" / "night")[-1]
    assert {stage["computed"] for stage in again.manifest["calls"].values()} <= {0, refused(before)}
    return killed, merged


def refused(version: store.Version) -> int:
    """Return how many records an engine refused, which is asked again by every run."""
    return int(version.manifest["counts"]["retryable"])


def test_shards_that_are_killed_at_random_merge_into_the_version_of_a_run_without_shards(tmp_path: Path) -> None:
    killed, _ = survive(tmp_path, shards=2, articles=30, seed=1, kills=1, start=Warm)
    assert killed


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_8_shards_of_20_000_articles_that_are_killed_at_random(tmp_path: Path) -> None:
    killed, _ = survive(tmp_path, shards=8, articles=20_000, seed=2)
    print(f"8 shards of 20000 articles: {killed} kills")
    assert killed > 8


# At each system call


class Array(killing.Experiment):
    """A small array job of two shards."""

    def __init__(self, config: Path) -> None:
        super().__init__(config.parent)
        self.config = config
        self.merge: list[str | Path] = ["merge", "night", "--shards", "2", "--outputs", self.outputs]
        write_feed(self.cwd / "feed.jsonl", [*map(article, range(6)), article(2) | {"id": "copy"}])

    def shard(self, number: int) -> list[str | Path]:
        return ["run", self.config, "--shard", f"{number}/2", "--outputs", self.outputs]

    def do(self, arguments: list[str | Path]) -> int:
        return tomdich(*arguments, cwd=self.cwd).returncode


needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: it delivers the kills"
)
EVERY = pytest.param(True, marks=[pytest.mark.faults, pytest.mark.timeout(3000)])


@pytest.fixture
def array(make_config: Callable[..., Path]) -> Array:
    return Array(make_config())


@needs_strace
@pytest.mark.parametrize("every", [False, EVERY])
def test_a_merge_that_was_killed_is_made_whole_by_another(array: Array, fault: FaultFixture, every: bool) -> None:
    assert [array.do(array.shard(number)) for number in (1, 2)] == [0, 0]
    array.keep()
    points = killing.points(array.merge, cwd=array.cwd)
    (uninterrupted,) = array.versions()
    shutil.copytree(uninterrupted.folder, array.cwd / "first")
    before = store.Version(array.cwd / "first", uninterrupted.manifest)
    read = accounted(before)
    for at in points if every else killing.some(points, 1)[::3]:
        with fault("killed at a write of a merge", read=read) as one:
            array.restore()
            killing.kill(array.merge, cwd=array.cwd, at=at)
            visible = array.versions()
            code = array.do(array.merge)
            versions = array.versions()
            assert code == 0 or (code == 2 and visible), at  # 2: it had published, and had removed all shards
            assert versions[-1].folder == (array.outputs / "night" / "latest").resolve(strict=True), at
            assert len(versions) == 1, at  # nothing twice
            assert [name for name, data in texts(before).items() if texts(versions[-1])[name] != data] == [], at
            assert not list((array.outputs / "night" / ".shards").rglob("entries.jsonl")), at
            assert not list(array.outputs.rglob("*.damaged*")), at
            one.left(accounted(versions[-1]))


@needs_strace
@pytest.mark.parametrize("every", [False, EVERY])
def test_a_shard_that_was_killed_is_made_whole_by_another_run(array: Array, fault: FaultFixture, every: bool) -> None:
    assert array.do(array.shard(1)) == 0
    array.keep()
    points = killing.points(array.shard(2), cwd=array.cwd)
    assert array.do(array.merge) == 0
    (before,) = array.versions()
    expected, read = texts(before), accounted(before)
    for at in points if every else killing.some(points, 1)[::3]:
        with fault("killed at a write of a shard", read=read) as one:
            array.restore()
            killing.kill(array.shard(2), cwd=array.cwd, at=at)
            if array.do(array.merge):  # it was killed before it was whole: nothing is published
                assert not array.versions(), at
                assert array.do(array.shard(2)) == 0, at
                assert array.do(array.merge) == 0, at
            (version,) = array.versions()
            assert texts(version) == expected, at
            one.left(accounted(version))


def texts(version: store.Version) -> dict[str, bytes]:
    """Return what must be equal byte for byte between two merges: the rows, the failures and the sources."""
    files = [*(version.folder / "data").glob("*"), version.folder / "failures.jsonl", version.folder / "sources.jsonl"]
    return {path.name: path.read_bytes() for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill the jobs of an array at random, merge them, and compare.")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--articles", type=int, default=20_000, help="of each shard, about")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shard-kills-") as name:
        started = time.monotonic()
        killed, merged = survive(Path(name), shards=options.shards, articles=options.articles, seed=options.seed)
        counts = merged.manifest["counts"]
        print(
            f"{options.shards} shards of {options.articles} articles, {killed} kills, merged in"
            f" {time.monotonic() - started:.0f} s: equal to the run without shards; {counts['records']} records,"
            f" {counts['duplicates']} duplicates, {counts['failures']} failed, {counts['rejected']} rejected"
        )


if __name__ == "__main__":
    main()
