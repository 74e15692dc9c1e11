"""Versions on disk: a version that is visible is complete.

A version is built in `<name>/.staging/`, every file fsynced, and renamed into place; `latest` moves last. Nothing
visible is half-written; there are no status files, and a folder without a manifest is not a version. A published
version never changes, with one exception, `replace`: an article that its publisher withdrew is removed from the
versions that hold it. Deleting renames a version into `.staging/` and then removes it; the next holder of the lock
removes what a killed process left there. The kernel releases the lock (flock) when its process ends. This module knows
no models.

A folder of outputs may be the working copy of an object store (`object_store`): then a version is uploaded before it
takes its place here, and its files but the manifest are read by `Version.path`, which fetches them.

Layout:
    <outputs>/<name>/latest -> <version>        <outputs>/<name>/.staging/   <outputs>/<name>/.lock
    <outputs>/<name>/<version>/manifest.json    and the files the manifest lists with size and SHA-256
    <outputs>/<name>/.labels/<version>.json     its tags and note, see `labels`
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.errors import DifferenceError, LockedError, UsageError, WorldError
from pipeline.ids import file_digest
from pipeline.records import DEFAULT_ORDER, Order
from pipeline.storage import labels, locking, object_store
from pipeline.storage.atomic import exchange, sync, sync_tree
from pipeline.storage.disk_errors import require_access

_log = logging.getLogger(__name__)

MANIFEST = object_store.MANIFEST
WHOLE = frozenset({"full", "new", "revised"})  # scopes: what else is published is a sample or a part
_VERSION = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")
_NAME_OR_DIGEST = re.compile(r"\d{8}T|[0-9a-f]{4,8}$")  # where a version may be meant that is named without `name/`
_TIME = "%Y%m%dT%H%M%SZ"
# Before a version's name: its successor, whole, where two folders cannot be exchanged, and what is being uploaded.
_REPLACING = ".replacing-"


@dataclass(frozen=True, slots=True)
class Version:
    """A published version: its folder and its manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def _store(self) -> object_store.ObjectStore | None:
        return object_store.of(self.folder.parents[1])

    @property
    def name(self) -> str:
        """The experiment and the version, as the command line takes them: `name/version`."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def published(self) -> datetime:
        """When it was published, by its name."""
        found = version_time(self.folder.name)
        assert found is not None, self.folder
        return found

    @property
    def edition(self) -> str:
        """The day it is for, as 2026-11-23."""
        return str(self.manifest.get("edition") or self.published.date())

    @property
    def order(self) -> Order:
        """The order of its model stages."""
        order: Order = self.manifest["identity"].get("order", DEFAULT_ORDER)
        return order

    @property
    def address(self) -> str:
        """Where it is published: its folder, or its address in an object store."""
        return str(self.folder) if self._store is None else f"{self._store.url}/{self.name}"

    def path(self, name: str) -> Path:
        """Return the path of one of its files, fetched from the object store that it is kept in, if need be."""
        if (store := self._store) is not None:
            for file in (file for file in self.manifest["files"] if file["path"] == name):
                store.fetch(self.folder, file)
        return self.folder / name

    def data(self) -> list[Path]:
        """Return the Parquet files with its records, in order, fetched as by `path`."""
        if self._store is None:
            return sorted((self.folder / "data").glob("*.parquet"))
        paths = sorted(file["path"] for file in self.manifest["files"])
        return [self.path(path) for path in paths if path.startswith("data/") and path.endswith(".parquet")]

    def fetch(self) -> None:
        """Fetch all its files, where it is kept in an object store."""
        if (store := self._store) is not None:
            for file in self.manifest["files"]:
                store.fetch(self.folder, file)

    def link(self) -> str:
        """Return a clause that says where the version, or a file of it, is a link to; "" where nothing is a link."""
        entries = (self.folder, *sorted(self.folder.rglob("*")))
        link = next((entry for entry in entries if entry.is_symlink()), None)
        return "" if link is None else f"{link}: is a link to {link.readlink()}"

    def bytes(self) -> int:
        """Return the size of its files."""
        if self._store is not None:
            return int(sum(file["bytes"] for file in self.manifest["files"])) + (self.folder / MANIFEST).stat().st_size
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment's folder, with its lock held."""

    folder: Path

    @property
    def staging(self) -> Path:
        """The folder in which versions are built, and into which they are renamed before they are removed."""
        return self.folder / ".staging"

    @property
    def _store(self) -> object_store.ObjectStore | None:
        return object_store.of(self.folder.parent)

    def stage(self) -> Path:
        """Return a new empty folder in the staging area."""
        folder = self.staging / f"build-{time.time_ns()}"
        folder.mkdir(parents=True)
        return folder

    def versions(self) -> list[Version]:
        """Return the published versions, oldest first."""
        return versions(self.folder)

    def next_name(self, recipe: str) -> str:
        """Return the next version's name: the UTC time, always later than the last one's, and the recipe's digest.

        In an object store it is claimed, so that no other machine takes it.
        """
        name = _next_name(self.folder, recipe=recipe)
        while (store := self._store) is not None and not store.claim(self.folder / name):
            store.refresh(self.folder.name)
            name = max(_next_name(self.folder, recipe=recipe), _next_name(self.folder, recipe=recipe, last=name))
        return name

    def publish(self, staged: Path, *, manifest: dict[str, Any]) -> Version:
        """Write the manifest of `staged`, flush its files to the disk, rename it into place, and put `latest` right.

        The version's name is that of `manifest["version"]`, taken from `next_name` before, else the `next_name`.
        """
        name = manifest.get("version") or self.next_name(manifest["recipe"])
        manifest = manifest | {"version": name, "files": _files(staged)}
        write_json(staged / MANIFEST, manifest)
        sync_tree(staged)
        target = self.folder / name
        if self._store is None:
            staged.rename(target)
            sync(self.folder)
        else:
            self._replace(staged, name)
        self.point_latest()
        return Version(target, manifest)

    def _replace(self, staged: Path, name: str) -> None:
        """Put a complete version into place in steps, which the next holder of the lock completes after a kill."""
        ready = self.folder / f"{_REPLACING}{name}"
        staged.rename(ready)
        sync(self.folder)
        self._put_in_place(ready)

    def point_latest(self) -> None:
        """Make `latest` lead where it should, if it does not yet; one atomic rename, or one object."""
        point_latest(self.folder)
        store = self._store
        while store is not None and (newest := leading(self.versions())) is not None:
            if not store.put_latest(self.folder.name, newest.folder.name):
                break
            store.refresh(self.folder.name)  # what another machine published meanwhile may be the newest
            point_latest(self.folder)

    def remove(self, version: Version) -> None:
        """Delete a version and its labels: rename it into the staging area, then remove its files."""
        if (store := self._store) is not None:
            store.remove(version.folder)
        self.staging.mkdir(exist_ok=True)
        to_delete = self.staging / f"deleted-{version.folder.name}"
        version.folder.rename(to_delete)
        sync(self.folder)
        labels.remove(version)
        shutil.rmtree(to_delete)

    def replace(self, version: Version, staged: Path, *, manifest: dict[str, Any]) -> Version:
        """Replace `version` by `staged` under the same name; only a withdrawal is a reason to.

        The two folders are exchanged atomically. Where the file system cannot do that, there is no version of this name
        for a moment between two renames, nor in an object store during the upload, and the next holder of the lock
        completes what a killed process began. Raises `DifferenceError` where `staged` is not what its manifest says.
        """
        manifest = manifest | {"version": version.folder.name, "files": _files(staged)}
        write_json(staged / MANIFEST, manifest)
        sync_tree(staged)
        verify(Version(staged, _read_manifest(staged)))
        if self._store is None and exchange(staged, version.folder):
            sync(self.folder)
            shutil.rmtree(staged)
        else:
            self._replace(staged, version.folder.name)
        return Version(version.folder, manifest)

    def _put_in_place(self, ready: Path) -> None:
        """Complete a replacement: move the old version, if still there, into staging, and the new one into place."""
        target = self.folder / ready.name.removeprefix(_REPLACING)
        if (store := self._store) is not None:
            store.upload(ready, target)
        if target.exists():
            self.staging.mkdir(exist_ok=True)
            target.rename(self.staging / f"deleted-{target.name}")
        ready.rename(target)
        sync(self.folder)

    def require_sound(self) -> None:
        """Raise `WorldError` where `.staging` or `latest` is not what it has to be; needs no lock.

        A `latest` that is a folder and not a link would hide its articles from every command.
        """
        if self.staging.is_symlink():
            raise WorldError(
                f"{self.staging}: is a link to {self.staging.readlink()}, and versions are renamed within one file "
                "system; remove the link"
            )
        latest = self.folder / "latest"
        if latest.is_dir() and not latest.is_symlink():
            raise WorldError(f"{latest}: is a folder, and not the link to a version: copied so, perhaps; remove it")

    def clear(self) -> None:
        """Clean up after a killed process: complete its replacements, remove what it was building or deleting.

        `latest` is moved where the process was killed just before it would have. Raises as `require_sound`, and
        `WorldError` where an object store cannot be reached, or refuses to be written.
        """
        if (store := self._store) is not None:
            store.require_writable(self.folder.name)
            refresh(self.folder.parent, self.folder.name)
        for ready in sorted(self.folder.glob(f"{_REPLACING}*")):
            self._put_in_place(ready)
        self.require_sound()
        if self.staging.exists():
            shutil.rmtree(self.staging)
        self.staging.mkdir()
        if store is not None:
            store.clear(self.folder)
            newest = leading(self.versions())
            store.evict(self.folder, keep=None if newest is None else newest.folder.name)
        self.point_latest()


def refresh(outputs: Path, name: str | None = None) -> None:
    """Bring the working copy of an object store up to date, of one experiment or of all; needs no lock."""
    store = object_store.of(outputs)
    for folder in () if store is None else store.refresh(name):
        point_latest(folder)


def point_latest(folder: Path) -> None:
    """Make the link `latest` in an experiment's folder lead to its `leading` version, if it does not yet."""
    newest = leading(versions(folder))
    if newest is None or (folder / "latest").resolve().name == newest.folder.name:
        return
    staging = folder / ".staging"
    staging.mkdir(exist_ok=True)
    link = staging / f"latest-{time.time_ns()}"
    link.symlink_to(newest.folder.name)
    link.replace(folder / "latest")
    sync(folder)


def leading(versions: Sequence[Version]) -> Version | None:
    """Return the version that `latest` leads to: of the whole ones that of the newest edition, of several the last.

    So a run of an older edition, or a revision of it, leaves `latest` where it is. Where that version is a cell of a
    matrix, it is the matrix's baseline, if one is published: which cell ran last says nothing. None where no version is
    whole. Raises `WorldError` where labels are damaged.
    """
    whole = [version for version in versions if version.manifest.get("scope") in WHOLE]
    newest = max(whole, key=_by_edition, default=None)
    if newest is None or not (markers := labels.baseline_markers(labels.read(newest).tags)):
        return newest
    baselines = [version for version in whole if markers & {*labels.read(version).tags}]
    return max(baselines, key=_by_edition, default=newest)


def _by_edition(version: Version) -> tuple[str, str]:
    return version.edition, version.folder.name


def settle_latest(outputs: Path, name: str) -> None:
    """Make `latest` of an experiment lead where the labels say by now; a process that holds its lock does it itself."""
    with suppress(LockedError), locked(outputs, name, wait=0.0):
        pass  # `clear` does it


@contextmanager
def locked(
    outputs: Path,
    name: str,
    *,
    wait: float,
    stopping: Callable[[], str | None] = lambda: None,
) -> Iterator[Experiment]:
    """Hold the lock of experiment `name` during the block, waiting at most `wait` seconds; clean up staging first.

    What the block leaves there goes too, but for the files that a gate left for a person. What looks like a
    version and is none is logged. Raises `LockedError` when another run holds it, `StoppedError` where `stopping`
    says so before it is let go, `WorldError` where the file system has no locks or cannot be written.
    """
    folder = outputs / name
    busy = "wait for it with --wait-lock 10m"
    with locking.locked(folder, holder="run", busy=busy, setting="--outputs", wait=wait, stopping=stopping):
        experiment = Experiment(folder)
        experiment.clear()
        for said in unreadable_versions(folder):
            _log.warning(said)
        try:
            yield experiment
        except BaseException:
            for left in experiment.staging.iterdir():
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
            raise
        shutil.rmtree(experiment.staging, ignore_errors=True)


def require_writable(outputs: Path, name: str) -> None:
    """Raise the `WorldError` with which `locked` would fail because nothing can be published; writes nothing."""
    folder = outputs / name
    locking.require_lockable(folder, setting="--outputs")
    experiment = Experiment(folder)
    experiment.require_sound()
    if experiment.staging.exists():
        require_access(experiment.staging, os.W_OK | os.X_OK)


def version_time(name: str) -> datetime | None:
    """Return the time of publication in a version's name; None for another name."""
    match = _VERSION.fullmatch(name)
    return None if match is None else datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)


def stamp(when: datetime) -> str:
    """Return a time as it is written in the names of versions and runs; the names sort by time."""
    return when.astimezone(UTC).strftime(_TIME)


def versions(folder: Path) -> list[Version]:
    """Return the versions in an experiment's folder, oldest first; `unreadable_versions` names those left out."""
    return [Version(entry, manifest) for entry in _entries(folder) if (manifest := _manifest_or_none(entry))]


def unreadable_versions(folder: Path) -> list[str]:
    """Return a sentence for each folder that has a version's name and no manifest that can be read."""
    return [
        f"{entry}: is passed over, its {MANIFEST} is missing or damaged: put it back from a copy, or remove the folder"
        for entry in _entries(folder)
        if _manifest_or_none(entry) is None and entry.exists()  # a prune beside this may have taken it away just now
    ]


def experiments(outputs: Path) -> list[Path]:
    """Return the folders of the experiments that have a version, by name."""
    if not outputs.is_dir():
        return []
    return sorted(
        entry for entry in outputs.iterdir() if not entry.name.startswith(".") and entry.is_dir() and versions(entry)
    )


def find(outputs: Path, name: str | None) -> Version:
    """Return the version that `name`, `name/prefix`, `name/cell`, `name@edition` or a path names; None is the newest.

    `name` alone, and `name@latest`, is its `latest`; of an edition it is the newest that is whole. The digest at the
    end of a version's name stands for it too, with or without `name/` before it; its address in an object store too.
    Raises `UsageError` naming what there is.
    """
    refresh(outputs)
    where = object_store.shown(outputs)
    if name is None:
        every = [version for folder in experiments(outputs) for version in versions(folder)]
        if not every:
            raise UsageError(f"{where}: no version is published here yet; `tomdich run CONFIG` publishes one")
        return max(every, key=lambda version: version.folder.name)
    name = object_store.without_address(name, where)
    path = Path(name)
    if (path / MANIFEST).is_file():
        return Version(path.resolve(), _read_manifest(path))
    experiment, at, edition = name.partition("@")
    experiment, _, prefix = experiment.partition("/")
    found = versions(outputs / experiment)
    if not found:
        if called := _match_anywhere(outputs, name):
            return _only(called, name)
        _require_readable(outputs / experiment, "")
        there = ", ".join(folder.name for folder in experiments(outputs)) or "none"
        raise UsageError(f"{name}: no such experiment in {where}; there are: {there}")
    if at and edition != "latest":
        return _of_edition(name, found, edition)
    if prefix in {"", "latest"}:
        latest = outputs / experiment / "latest"
        if latest.exists():
            return Version(latest.resolve(), _read_manifest(latest))
        return found[-1]
    matching = _match(found, prefix) or labels.of_cell(found, prefix)
    if not matching:
        _require_readable(outputs / experiment, prefix)
        which = ", ".join(version.folder.name for version in found[-5:])
        raise UsageError(f"{name}: no such version or cell; there are: {which}")
    return _only(matching, name)


def _match(versions: list[Version], prefix: str) -> list[Version]:
    """Return the versions whose name begins so; where none does, those whose recipe's digest does."""
    by_name = [version for version in versions if version.folder.name.startswith(prefix)]
    return by_name or [version for version in versions if version.folder.name.partition("-")[2].startswith(prefix)]


def _match_anywhere(outputs: Path, name: str) -> list[Version]:
    """Return the versions of any experiment that match a version's name or digest."""
    if not _NAME_OR_DIGEST.match(name):
        return []
    return _match([version for folder in experiments(outputs) for version in versions(folder)], name)


def _only(matching: list[Version], name: str) -> Version:
    if len(matching) > 1:
        which = ", ".join(version.name for version in matching[-5:])
        raise UsageError(f"{name}: several match; name one of them whole: {which}")
    return matching[0]


def _of_edition(name: str, versions: list[Version], edition: str) -> Version:
    """Return the newest version of an edition, a sample or a part only where there is no other."""
    editions = [str(version.manifest.get("edition")) for version in versions]
    matching = [version for version, one in zip(versions, editions, strict=True) if one == edition]
    if not matching:
        raise UsageError(f"{name}: no such edition; there are: {', '.join(sorted(set(editions))[-5:])}")
    return max(matching, key=lambda version: (version.manifest["scope"] in WHOLE, version.folder.name))


def verify(version: Version) -> None:
    """Raise `DifferenceError` naming every file that is missing, changed or not in the manifest."""
    listed = {file["path"]: file for file in version.manifest["files"]}
    store = object_store.of(version.folder.parents[1])
    if store is None:
        files = {
            str(path.relative_to(version.folder)): path.stat().st_size
            for path in version.folder.rglob("*")
            if path.is_file()
        }
    else:
        files = store.files(version.folder)
    problems = []
    for path, file in listed.items():
        if path not in files:
            problems.append(f"{path}: missing")
        elif files[path] != file["bytes"] or _digest(version, path, store) != file["sha256"]:
            problems.append(f"{path}: changed since it was published")
    problems += [f"{path}: not in the manifest" for path in sorted(files.keys() - listed.keys() - {MANIFEST})]
    if problems:
        raise DifferenceError("\n".join(f"{version.address}: {problem}" for problem in problems))


def _digest(version: Version, path: str, store: object_store.ObjectStore | None) -> str:
    return file_digest(version.folder / path) if store is None else store.digest(version.folder, path)


def _next_name(folder: Path, *, recipe: str, last: str | None = None) -> str:
    """Return the name of a new version: after all others, also of two in one second and when the clock went back.

    Or after the version named `last`.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    taken = [entry.name for entry in _entries(folder)] if last is None else [last]
    newest = version_time(taken[-1]) if taken else None
    if newest is not None and now <= newest:
        now = newest + timedelta(seconds=1)
    return f"{stamp(now)}-{recipe[:8]}"


def _entries(folder: Path) -> list[Path]:
    """Return the folders that have a version's name, in the order of time."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if _VERSION.fullmatch(entry.name))


def _require_readable(folder: Path, prefix: str) -> None:
    """Raise `DifferenceError` where a version that is asked for is there, and its manifest damaged."""
    for entry in _entries(folder):
        if entry.name.startswith(prefix):
            _read_manifest(entry)


def _manifest_or_none(folder: Path) -> dict[str, Any] | None:
    try:
        return _read_manifest(folder)
    except DifferenceError:
        return None


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON with a final newline."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DifferenceError(f"{path}: cannot be read: {error}") from None
    if not isinstance(manifest, dict):
        raise DifferenceError(f"{path}: is not a manifest")
    return manifest


def _files(folder: Path) -> list[dict[str, str | int]]:
    return [
        {"path": str(path.relative_to(folder)), "bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
