"""Versions on disk: complete or not there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DifferenceError, LockedError, UsageError, WorldError
from pipeline.storage import versions
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.pruning import prune

RECIPE = "3f9a1c2b" + "0" * 56


def published(outputs: Path, *, text: str = "one", name: str = "night", latest: bool = True) -> versions.Version:
    with versions.locked(outputs, name, wait=0) as experiment:
        staged = experiment.stage()
        (staged / "data").mkdir()
        (staged / "data" / "rows").write_text(text)
        manifest = {"recipe": RECIPE, "counts": {}, "scope": "full" if latest else "limited"}
        return experiment.publish(staged, manifest=manifest)


def test_a_version_is_found_by_name_prefix_path_and_as_the_newest(tmp_path: Path) -> None:
    version = published(tmp_path)
    for name in ("night", "night/latest", f"night/{version.folder.name[:8]}", str(version.folder), None):
        assert versions.find(tmp_path, name).manifest == version.manifest


def test_an_edition_is_its_newest_whole_version(tmp_path: Path) -> None:
    def publish(edition: str, scope: str) -> versions.Version:
        with versions.locked(tmp_path, "night", wait=0) as experiment:
            manifest = {"recipe": RECIPE, "counts": {}, "edition": edition, "scope": scope}
            return experiment.publish(experiment.stage(), manifest=manifest)

    publish("2026-11-22", "full")
    whole = publish("2026-11-22", "new")
    partial = publish("2026-11-23", "partial")
    publish("2026-11-22", "limited")
    assert versions.find(tmp_path, "night@2026-11-22") == whole
    assert versions.find(tmp_path, "night@2026-11-23") == partial
    assert versions.find(tmp_path, "night@latest") == versions.find(tmp_path, "night")
    with pytest.raises(UsageError, match="no such edition; there are: 2026-11-22, 2026-11-23"):
        versions.find(tmp_path, "night@2026")


def test_the_manifest_lists_every_file_and_verify_believes_it(tmp_path: Path) -> None:
    version = published(tmp_path)
    assert [file["path"] for file in version.manifest["files"]] == ["data/rows"]
    versions.verify(version)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "data" / "rows").write_text("two"), "data/rows: changed"),
        (lambda folder: (folder / "data" / "rows").unlink(), "data/rows: missing"),
        (lambda folder: (folder / "more").write_text(""), "more: not in the manifest"),
    ],
)
def test_verify_names_what_differs(tmp_path: Path, damage: object, said: str) -> None:
    version = published(tmp_path)
    damage(version.folder)  # type: ignore[operator]
    with pytest.raises(DifferenceError, match=said):
        versions.verify(version)


def test_two_versions_in_one_second_have_two_names_in_order(tmp_path: Path) -> None:
    names = [published(tmp_path).folder.name for _ in range(3)]
    assert names == sorted(set(names))


def test_a_clock_that_went_back_does_not_disorder_versions(tmp_path: Path) -> None:
    version = published(tmp_path)
    future = tmp_path / "night" / ("29990101T000000Z-" + version.folder.name[-8:])
    version.folder.rename(future)
    assert published(tmp_path).folder.name > future.name


def test_a_partial_scope_leaves_latest_alone(tmp_path: Path) -> None:
    first = published(tmp_path)
    published(tmp_path, latest=False)
    assert versions.find(tmp_path, "night").folder == first.folder


def test_a_second_holder_is_refused_or_waits(tmp_path: Path, messages: list[str]) -> None:
    with versions.locked(tmp_path, "night", wait=0):
        with (
            pytest.raises(LockedError, match="--wait-lock"),
            versions.locked(tmp_path, "night", wait=0),
        ):
            pass
        with pytest.raises(LockedError), versions.locked(tmp_path, "night", wait=0.3):
            pass
        assert "waiting" in messages[0]
    with versions.locked(tmp_path, "night", wait=0):
        pass


def test_what_a_killed_run_left_is_cleared_under_the_lock(tmp_path: Path) -> None:
    left = tmp_path / "night" / ".staging" / "build-1"
    left.mkdir(parents=True)
    with versions.locked(tmp_path, "night", wait=0):
        assert not left.exists()


def test_prune_keeps_the_newest_and_latest_and_is_dry_by_default(tmp_path: Path) -> None:
    oldest = published(tmp_path)
    others = [published(tmp_path, latest=False) for _ in range(3)]
    with versions.locked(tmp_path, "night", wait=0):  # a look needs no lock
        to_delete = prune(tmp_path, "night", keep=1, delete=False, wait=0)
        with pytest.raises(LockedError):
            prune(tmp_path, "night", keep=1, delete=True, wait=0)
    assert to_delete == [(version, version.bytes()) for version in others[:2]]
    assert all(version.folder.exists() for version in others)
    prune(tmp_path, "night", keep=1, delete=True, wait=0)
    assert [v.folder for v in versions.versions(tmp_path / "night")] == [oldest.folder, others[2].folder]


def aged(version: versions.Version, days: int) -> versions.Version:
    """Return the version under a name that says that it was published so many days ago; `latest` goes with it."""
    stamp = f"{datetime.now(UTC) - timedelta(days=days):%Y%m%dT%H%M%SZ}"
    folder = version.folder.rename(version.folder.with_name(f"{stamp}-{version.folder.name[-8:]}"))
    latest = folder.parent / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
        latest.symlink_to(folder.name)
    return versions.Version(folder, version.manifest)


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        ({"keep": 2}, [40, 30]),
        ({"older_than": timedelta(days=25)}, [40, 30]),
        ({"older_than": timedelta(0)}, [40, 30, 20]),
        ({"over": 0}, [40, 30, 20]),
        ({"over": 10_500}, [40]),
        ({"over": 100_000}, []),
        ({"keep": 3, "older_than": timedelta(days=25)}, [40, 30]),
        ({"keep": 1, "older_than": timedelta(days=99)}, [40, 30, 20]),
        ({}, []),
    ],
)
def test_a_version_goes_by_any_rule_of_count_age_and_size(
    tmp_path: Path, rules: dict[str, Any], gone: list[int]
) -> None:
    # 3,000 bytes of rows each, and a manifest; `latest` is the newest
    there = {days: aged(published(tmp_path, text="x" * 3_000), days) for days in (40, 30, 20, 10)}
    to_delete = prune(tmp_path, "night", delete=True, wait=0, **rules)
    assert [version.folder for version, _ in to_delete] == [there[days].folder for days in gone]
    assert [v.folder for v in versions.versions(tmp_path / "night")] == [
        version.folder for days, version in there.items() if days not in gone
    ]


def test_the_only_version_stays_where_there_is_no_latest(tmp_path: Path) -> None:
    only = published(tmp_path, latest=False)
    rules = {"older_than": timedelta(0), "over": 0}
    assert prune(tmp_path, "night", delete=True, wait=0, **rules) == []  # type: ignore[arg-type]
    assert only.folder.exists()


def replaced(experiment: versions.Experiment, version: versions.Version) -> versions.Version:
    staged = experiment.stage()
    (staged / "rows").write_text("without")
    return experiment.replace(version, staged, manifest=version.manifest | {"withdrawn": []})


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_version_is_replaced_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:  # as on a network file system
        monkeypatch.setattr(versions, "exchange", lambda _one, _other: False)
    version = published(tmp_path)
    with versions.locked(tmp_path, "night", wait=0) as experiment:
        new = replaced(experiment, version)
        assert not any(path.is_dir() for path in experiment.staging.glob("build-*"))
    found = versions.find(tmp_path, "night")
    assert found == new
    assert found.manifest["version"] == version.folder.name
    versions.verify(found)
    assert [file["path"] for file in found.manifest["files"]] == ["rows"]


@pytest.mark.parametrize("out_of_sight", [False, True])
def test_a_replacement_that_was_killed_between_its_renames_is_ended_by_the_next_holder(
    tmp_path: Path, out_of_sight: bool
) -> None:
    version = published(tmp_path)
    ready = tmp_path / "night" / f".replacing-{version.folder.name}"
    shutil.copytree(version.folder, ready)
    (ready / "data" / "rows").write_text("without")
    if out_of_sight:
        (tmp_path / "night" / ".staging").mkdir(exist_ok=True)
        version.folder.rename(tmp_path / "night" / ".staging" / "to_delete")
    with versions.locked(tmp_path, "night", wait=0) as experiment:
        (found,) = experiment.versions()
    assert (found.folder / "data" / "rows").read_text() == "without"
    assert not ready.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("nigth", "there are: night"), ("night/1999", "no such version"), ("night/2", "several match")],
)
def test_an_unknown_version_names_what_there_is(tmp_path: Path, name: str, said: str) -> None:
    published(tmp_path)
    published(tmp_path)
    with pytest.raises(UsageError, match=said):
        versions.find(tmp_path, name)


def test_nothing_published_yet_says_how_to(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tomdich run CONFIG"):
        versions.find(tmp_path, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorldError, match="--outputs"), versions.locked(tmp_path, "night", wait=0):
        pass


def test_a_version_is_named_by_its_utc_time_and_recipe(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    name = published(tmp_path).folder.name
    stamp, recipe = name.split("-")
    assert recipe == RECIPE[:8]
    assert before <= datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) <= datetime.now(UTC)


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    version = published(tmp_path)
    (version.folder / "manifest.json").write_text(json.dumps([]))
    with pytest.raises(DifferenceError, match="manifest"):
        versions.find(tmp_path, "night")


def test_what_only_looks_like_a_version_is_passed_over_and_named(tmp_path: Path, messages: list[str]) -> None:
    version = published(tmp_path)
    empty = tmp_path / "night" / "29990101T000000Z-00000000"
    empty.mkdir()
    damaged = tmp_path / "night" / "20000101T000000Z-00000000"
    damaged.mkdir()
    (damaged / "manifest.json").write_text("{")
    assert versions.versions(tmp_path / "night") == [version]
    with versions.locked(tmp_path, "night", wait=0):
        pass
    assert [line.partition(": ")[0] for line in messages] == [str(damaged), str(empty)]
    assert all("put it back from a copy, or remove the folder" in line for line in messages)
    assert versions.find(tmp_path, "night") == version
    with pytest.raises(DifferenceError, match=r"20000101T000000Z-00000000/manifest\.json: cannot be read"):
        versions.find(tmp_path, "night/2000")
    assert published(tmp_path).folder.name > empty.name


def test_latest_is_moved_by_whoever_next_holds_the_lock_where_a_kill_forestalled_it(tmp_path: Path) -> None:
    first, newest = published(tmp_path), published(tmp_path)
    latest = tmp_path / "night" / "latest"
    latest.unlink()
    latest.symlink_to(first.folder.name)  # killed between the two renames
    assert versions.find(tmp_path, "night") == first
    with versions.locked(tmp_path, "night", wait=0):
        assert versions.find(tmp_path, "night") == newest


def test_latest_leads_to_the_newest_edition_and_of_one_edition_to_the_last_version(tmp_path: Path) -> None:
    def publish(edition: str, scope: str = "full") -> versions.Version:
        with versions.locked(tmp_path, "night", wait=0) as experiment:
            manifest = {"recipe": RECIPE, "counts": {}, "scope": scope, "edition": edition}
            return experiment.publish(experiment.stage(), manifest=manifest)

    def latest() -> versions.Version:
        return versions.find(tmp_path, "night")

    newest = publish("2026-11-23")
    publish("2026-11-21")
    publish("2026-11-22", "revised")
    publish("2026-11-24", "limited")
    assert latest() == newest
    again = publish("2026-11-23", "new")
    assert latest() == again


def test_after_an_error_only_files_are_left_in_staging(tmp_path: Path) -> None:
    def build() -> None:
        with versions.locked(tmp_path, "night", wait=0) as experiment:
            (experiment.stage() / "rows").write_text("half")
            (experiment.staging / "failures.jsonl").write_text("")  # a gate's reasons, for a person
            raise WorldError("the disk")

    with pytest.raises(WorldError):
        build()
    assert [path.name for path in (tmp_path / "night" / ".staging").iterdir()] == ["failures.jsonl"]


def test_a_latest_that_was_copied_as_a_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    published(tmp_path)
    shutil.copytree(tmp_path / "night", tmp_path / "copy")
    with (
        pytest.raises(WorldError, match=r"copy/latest: is a folder.*; remove it"),
        versions.locked(tmp_path, "copy", wait=0),
    ):
        pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; make room"),
        (sqlite3.OperationalError("database or disk is full"), "database or disk is full; make room"),
        (sqlite3.DatabaseError("database disk image is malformed"), "malformed; make room"),
    ],
)
def test_what_a_disk_raises_is_one_message_with_a_remedy(tmp_path: Path, error: Exception, said: str) -> None:
    with pytest.raises(WorldError, match=said), on_disk(tmp_path, remedy="make room"):
        raise error


def test_prune_of_what_is_no_experiment_says_what_there_is(tmp_path: Path) -> None:
    published(tmp_path)
    with pytest.raises(UsageError, match=r"nigth: no such experiment in .*; there are: night"):
        prune(tmp_path, "nigth", keep=1, delete=False, wait=0)


def test_a_staging_area_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / ".staging").symlink_to(tmp_path)
    with (
        pytest.raises(WorldError, match=r"\.staging: is a link to .*one file system; remove the link"),
        versions.locked(tmp_path, "night", wait=0),
    ):
        pytest.fail("the lock was given")
