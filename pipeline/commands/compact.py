"""Shrink the memo: remove the calls of engines that no version names any more, and old calls.

A removed call is made again if a run needs it; nothing else is lost. Deleting trades disk space for computing time, so
it is never automatic. No version names the engines of a run that has not published yet, so an engine that answered
within the last week keeps its calls, unless the same command deletes the last version that names it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pipeline import yaml_core
from pipeline.config import resolve_path
from pipeline.errors import UsageError
from pipeline.ids import digest
from pipeline.storage.memo import FILE, Memo, StoredCall, open_memo
from pipeline.storage.shards import having_shards, shard_versions
from pipeline.storage.versions import Version, experiments, versions

KEEP_RECENT = timedelta(days=7)  # a run that stops at a deadline is resumed within it, even over a holiday


@dataclass(slots=True)
class Compaction:
    """The calls to remove from one memo, by engine, their approximate bytes, and by how much the file shrank."""

    memo: Path
    calls: Counter[str] = field(default_factory=Counter)  # by the engine's identity
    bytes: int = 0
    shrunk: int = 0


def memos(outputs: Path, versions: Collection[Version]) -> list[Path]:
    """Return the folders of the memos that these versions were made with, if they exist."""
    folders = {outputs / ".memo"}
    configs = (version.path("config.yaml") for version in versions)
    for config in configs:
        path = yaml_core.load(config.read_text(encoding="utf-8")).get("memo") if config.is_file() else None
        folders |= {Path(resolve_path(path, config.resolve().parent))} if path else set()
    return sorted(folder for folder in folders if (folder / FILE).exists())


def compact(
    outputs: Path,
    name: str,
    *,
    going: Collection[Version],
    older_than: timedelta | None,
    delete: bool,
) -> list[Compaction]:
    """Return the calls to remove from the memos of `name`; with `delete`, remove them and shrink the files.

    Kept are the calls of engines that a version or a shard in `outputs` names, except the versions in `going`, which
    this prune deletes. A memo that another folder of outputs shares may lose calls that only versions there name. With
    `older_than`, older calls are removed too, whatever their engine. Raises `MemoError`, `UsageError` if there is no
    memo.
    """
    every = [version for folder in experiments(outputs) for version in versions(folder)]
    every += [version for folder in having_shards(outputs) for version in shard_versions(folder)]
    gone = {version.folder for version in going}
    named = {engine for version in every if version.folder not in gone for engine in engines(version)}
    orphaned = {engine for version in going for engine in engines(version)} - named
    found = memos(outputs, [*going, *versions(outputs / name)])
    if not found:
        raise UsageError(f"{outputs / '.memo'}: no memo found; give the --outputs of a run that wrote one")
    oldest = 0.0 if older_than is None else time.time() - older_than.total_seconds()
    compactions = []
    for folder in found:
        with open_memo(folder) as memo:
            recently_used = _used_since(memo, since=time.time() - KEEP_RECENT.total_seconds())
            kept = named | (recently_used - orphaned)

            def is_unwanted(call: StoredCall, kept: Collection[str] = kept) -> bool:
                return call.engine not in kept or call.created < oldest

            compactions.append(_compact(memo, folder, is_unwanted, delete=delete))
    return compactions


def engines(version: Version) -> dict[str, str]:
    """Return the engines whose calls a version was made of: the digest in the memo, and the stage."""
    stages = version.manifest.get("identity", {}).get("stages", {})
    return {digest(identity): stage for stage, identity in stages.items()}


def _used_since(memo: Memo, *, since: float) -> set[str]:
    return {call.engine for call in memo.scan(lambda call: call.created >= since, delete=False)}


def _compact(memo: Memo, folder: Path, is_unwanted: Callable[[StoredCall], bool], *, delete: bool) -> Compaction:
    found = Compaction(folder)
    identities = memo.identities()
    before = (folder / FILE).stat().st_size
    for call in memo.scan(is_unwanted, delete=delete):
        found.calls[identities[call.engine]] += 1
        found.bytes += call.bytes
    if delete and found.calls:
        memo.shrink()
        found.shrunk = max(0, before - (folder / FILE).stat().st_size)
    return found
