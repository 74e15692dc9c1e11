"""Delete old versions of an experiment, by number, age or size, and old shards by age."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.storage.disk_errors import on_disk
from pipeline.storage.shards import Shard, shards
from pipeline.storage.versions import Version, find, locked, refresh, versions

_log = logging.getLogger(__name__)


def prune(
    outputs: Path,
    name: str,
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    over: int | None = None,
    delete: bool,
    wait: float,
) -> list[tuple[Version, int]]:
    """Return the versions that the rules select, oldest first, with their sizes in bytes; remove them if `delete`.

    A version is selected by any of the rules: it is beyond the newest `keep`; it was published longer ago than
    `older_than`; it is among the oldest, as long as the rest takes more than `over` bytes. The version that `latest`
    leads to is never selected, nor the newest where there is no `latest`. The lock is taken only to delete.
    """
    refresh(outputs)
    if not versions(outputs / name) and not shards(outputs / name):
        find(outputs, name)  # raises, naming what there is
    for version in versions(outputs / name):
        if link := version.link():
            _log.warning(f"{link}; it is left alone: remove it by hand")
    to_delete = _to_delete(outputs / name, keep=keep, older_than=older_than, over=over)
    if not delete or not to_delete:
        return to_delete
    with (
        on_disk(outputs, remedy="what is deleted is deleted; run it again"),
        locked(outputs, name, wait=wait) as experiment,
    ):
        to_delete = _to_delete(experiment.folder, keep=keep, older_than=older_than, over=over)
        for version, _ in to_delete:
            experiment.remove(version)
    return to_delete


def prune_shards(
    outputs: Path, name: str, *, older_than: timedelta, delete: bool, wait: float
) -> list[tuple[Shard, int]]:
    """Return the shards of an experiment that nothing was written to for `older_than`, with their sizes in bytes.

    `tomdich merge` removes its shards; these were never merged. With `delete`, they and their memos are removed.
    """
    found = []
    for shard in shards(outputs / name):
        files = [path.stat() for path in shard.files()]
        newest = max((file.st_mtime for file in files), default=None)
        if newest is None or datetime.now(UTC) - datetime.fromtimestamp(newest, UTC) <= older_than:
            continue
        if delete:
            with on_disk(outputs, remedy="what is deleted is deleted; run it again"), shard.locked(wait=wait):
                shard.remove(memo=True)
        found.append((shard, sum(file.st_size for file in files)))
    return found


def _to_delete(
    folder: Path, *, keep: int | None, older_than: timedelta | None, over: int | None
) -> list[tuple[Version, int]]:
    there = [(version, version.bytes()) for version in versions(folder) if not version.link()]
    if not there:
        return []
    latest = folder / "latest"
    kept = latest.resolve().name if latest.exists() else there[-1][0].folder.name
    left = sum(size for _, size in there)
    now = datetime.now(UTC)
    found = []
    for age, (version, size) in zip(range(len(there), 0, -1), there, strict=True):  # age 1 is the newest
        selected = (
            (keep is not None and age > keep)
            or (older_than is not None and now - version.published > older_than)
            or (over is not None and left > over)
        )
        if selected and version.folder.name != kept:
            found.append((version, size))
            left -= size
    return found
