"""Disk space: asked for before the run, watched during it; small disks are real ones, in memory."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import config as configs
from pipeline.errors import StoppedError, WorldError
from pipeline.runner import disk_space
from pipeline.runner.chain import run
from pipeline.runner.options import RunOptions
from pipeline.storage import versions
from tests.conftest import article, tomdich, write_feed
from tests.faults_tally import accounted, whole


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 24 MiB, of which half a MiB is left alone."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tomdich-space", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"cannot mount a small disk here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, *, leave: int) -> None:
    """Take all the room there is but `leave` bytes."""
    with (disk / "filler").open("ab") as filler:
        filler.write(bytes(shutil.disk_usage(disk).free - leave))


class Filling:
    """Progress that fills a disk when a stage has come so far."""

    def __init__(self, disk: Path, stage: str, *, after: int = 0) -> None:
        self._disk, self._stage, self._left = disk, stage, after
        self._here = False

    def begin(self, stage: str, _total: int | None) -> None:
        self._here = stage == self._stage

    def advance(self, count: int) -> None:
        if self._here:
            self._left -= count
            if self._left <= 0:
                fill(self._disk, leave=300_000)
                self._here = False

    def expect(self, _seconds: float) -> None:
        pass


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Path:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(30)])
    return make_config()


def test_a_run_that_the_disk_has_no_room_for_is_refused_before_it_starts(night: Path, disk: Path) -> None:
    write_feed(night.parent / "feed.jsonl", [article(number, length=60) for number in range(800)])
    size = (night.parent / "feed.jsonl").stat().st_size
    assert 7 * size > 24 * 1024**2 > size
    done = tomdich("run", night, "--outputs", disk, cwd=night.parent)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for said in (str(disk), disk_space.format_bytes(7 * size), "MB are free", "tomdich prune night"):
        assert said in done.stderr
    assert not (disk / ".memo").exists()
    checked = tomdich("check", night, "--outputs", disk, cwd=night.parent)
    assert checked.returncode == 2
    assert "the disk is too full for this run" in checked.stdout
    sample = tomdich("run", night, "--outputs", disk, "--limit", "3", cwd=night.parent)
    assert sample.returncode == 0, sample.stderr


def test_the_last_version_tells_how_much_becomes_of_a_byte(night: Path, tmp_path: Path) -> None:
    config = configs.load(night)
    outcome = run(config, options=RunOptions(outputs=tmp_path / "out"), progress=Filling(tmp_path, "none"))
    assert outcome.version is not None
    read, made = (tmp_path / "feed.jsonl").stat().st_size, outcome.version.bytes()
    usage = shutil.disk_usage(tmp_path)
    times = usage.free // made + 1  # so many such versions do not fit
    with (tmp_path / "feed.jsonl").open("ab") as feed:  # a sparse file: it takes no room of ours
        feed.truncate(times * read)
    with pytest.raises(WorldError, match="too full"):
        disk_space.require(config, outputs=tmp_path / "out")


def test_a_version_that_read_no_source_tells_nothing_of_the_size_of_the_next(night: Path, tmp_path: Path) -> None:
    config, options = configs.load(night), RunOptions(outputs=tmp_path / "out")
    first = run(config, options=options, progress=Filling(tmp_path, "none")).version
    options = RunOptions(outputs=tmp_path / "out", articles_of=first, force=True)
    second = run(config, options=options, progress=Filling(tmp_path, "none")).version
    assert second is not None
    assert second.path("sources.jsonl").read_text("utf-8") == ""
    disk_space.require(config, outputs=tmp_path / "out")
    with (tmp_path / "feed.jsonl").open("ab") as feed:  # a sparse file
        feed.truncate(shutil.disk_usage(tmp_path).free)
    with pytest.raises(WorldError, match="too full"):
        disk_space.require(config, outputs=tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "times"),
    [("feed.jsonl", 1.0), ("feed.jsonl.gz", 3.0), ("feed.jsonl.xz", 4.0), ("feed.parquet", 2.0), ("pages", 0.1)],
)
def test_packed_text_unpacks_and_a_page_is_mostly_tags(
    tmp_path: Path, load_config: Callable[..., configs.Config], name: str, times: float
) -> None:
    path = tmp_path / name
    if name == "pages":
        path.mkdir()
        path /= "a.html"
    free = shutil.disk_usage(tmp_path).free
    config = load_config(sources=[{"path": name}])
    for size, fits in ((free * 0.5, True), (free * 1.1, False)):
        with path.open("wb") as file:
            file.truncate(int(size / times / 7))
        if fits:
            disk_space.require(config, outputs=tmp_path / "out")
        else:
            with pytest.raises(WorldError, match="too full for this run"):
                disk_space.require(config, outputs=tmp_path / "out")


def test_sources_of_no_known_size_count_as_nothing(
    tmp_path: Path, load_config: Callable[..., configs.Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDS", "https://example.org")
    sources = [{"path": "-"}, {"path": "${FEEDS}/feed.jsonl"}, {"dataset": "some/set"}]
    disk_space.require(load_config(sources=sources), outputs=tmp_path / "out")


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(("stage", "after"), [("load", 3), ("summarize", 1), ("translate", 1), ("publish", 1)])
def test_a_disk_that_fills_stops_the_run_and_with_room_it_goes_on(
    night: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, stage: str, after: int, partial: bool
) -> None:
    monkeypatch.setattr(disk_space, "_EVERY", 0.0)  # these runs last less than a second
    config = configs.load(night)
    options = RunOptions(outputs=disk, publish_partial=partial)
    with pytest.raises(StoppedError, match=r"nearly full: .*kB free") as told:
        run(config, options=options, progress=Filling(disk, stage, after=after))
    assert told.value.exit_code == 5
    assert whole(disk / "night") == []
    (disk / "filler").unlink()
    outcome = run(config, options=options, progress=Filling(disk, "none"))
    assert outcome.version is not None
    assert len(set(accounted(outcome.version))) == 30
    calls = outcome.version.manifest["calls"]["summarize"]
    assert (calls["replayed"] > 0) == (stage != "load")  # finished calls were kept


def test_a_look_is_taken_once_a_second(tmp_path: Path) -> None:
    now = [0.0]
    missing = tmp_path / "not" / "there" / "yet"
    watch = disk_space.Watch([missing], clock=lambda: now[0])
    assert watch.low() is None
    looked = []

    def usage(folder: Path) -> shutil._ntuple_diskusage:
        looked.append(folder)
        return shutil._ntuple_diskusage(1000, 995, 5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", usage)
        assert watch.low() is None
        now[0] = 1.5
        assert "5 bytes free, under 20 bytes" in str(watch.low())
        now[0] = 2.0
        assert watch.low() is not None
    assert looked == [tmp_path]
    now[0] = 3.0
    assert watch.low() is None


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (20 * 10**9, "20 GB"), (3 * 10**12, "3 TB")],
)
def test_bytes_as_a_person_reads_them(size: int, told: str) -> None:
    assert disk_space.format_bytes(size) == told


def test_versions_say_what_they_take(night: Path, tmp_path: Path) -> None:
    run(configs.load(night), options=RunOptions(outputs=tmp_path / "out"), progress=Filling(tmp_path, "none"))
    (version,) = versions.versions(tmp_path / "out" / "night")
    listed = sum(file["bytes"] for file in version.manifest["files"])
    assert version.bytes() == listed + (version.folder / "manifest.json").stat().st_size
