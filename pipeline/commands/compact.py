"""Make the memo smaller: the calls of engines that no version names any more, and the calls that are old.

What goes is paid again if it is asked for again, and nothing else is lost; so this is a matter of what a disk costs
against what a night costs, and a person decides. A run that has published nothing yet is known by no version: an engine
that answered within the last week keeps its calls, unless it is one whose versions go in the same breath.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pipeline import yaml_core
from pipeline.errors import UsageError
from pipeline.ids import digest
from pipeline.storage.memo import FILE, Memo, Stored, open_memo
from pipeline.storage.versions import Version, experiments, versions

RESUMED = timedelta(days=7)  # a run that stops at a deadline every night, over a holiday too, is resumed within it


@dataclass(slots=True)
class Compaction:
    """What goes from one memo: by engine, its calls and about their bytes; `shrunk`: bytes the file gave back."""

    memo: Path
    calls: Counter[str] = field(default_factory=Counter)  # by the engine's identity
    bytes: int = 0
    shrunk: int = 0


def memos(outputs: Path, versions: Collection[Version]) -> list[Path]:
    """Return the folders of the memos that these versions were made with, and that are there."""
    folders = {outputs / ".memo"}
    configs = (version.folder / "config.yaml" for version in versions)
    for config in configs:
        told = yaml_core.load(config.read_text(encoding="utf-8")).get("memo") if config.is_file() else None
        folders |= {Path(told)} if told else set()
    return sorted(folder for folder in folders if (folder / FILE).exists())


def compact(
    outputs: Path,
    name: str,
    *,
    going: Collection[Version],
    older_than: timedelta | None,
    delete: bool,
) -> list[Compaction]:
    """Return what goes from the memos of `name`; remove it, and give its room back to the disk, if `delete`.

    The versions of `outputs` are asked for the engines they name, less those in `going`, which this prune lets go:
    a memo that another folder of outputs shares may lose calls that only versions there name. With `older_than`,
    calls made longer ago go too, whatever their engine. Raises `MemoError`, `UsageError` where there is no memo.
    """
    every = [version for folder in experiments(outputs) for version in versions(folder)]
    gone = {version.folder for version in going}
    named = {engine for version in every if version.folder not in gone for engine in engines(version)}
    condemned = {engine for version in going for engine in engines(version)} - named
    found = memos(outputs, [*going, *versions(outputs / name)])
    if not found:
        raise UsageError(f"{outputs / '.memo'}: there is no memo here to make smaller")
    oldest = 0.0 if older_than is None else time.time() - older_than.total_seconds()
    compactions = []
    for folder in found:
        with open_memo(folder) as memo:
            answering = _answering(memo, since=time.time() - RESUMED.total_seconds())
            kept = named | (answering - condemned)

            def goes(call: Stored, kept: Collection[str] = kept) -> bool:
                return call.engine not in kept or call.created < oldest

            compactions.append(_sifted(memo, folder, goes, delete=delete))
    return compactions


def engines(version: Version) -> dict[str, str]:
    """Return the engines whose calls a version was made of: the digest in the memo, and the stage."""
    stages = version.manifest.get("identity", {}).get("stages", {})
    return {digest(identity): stage for stage, identity in stages.items()}


def _answering(memo: Memo, *, since: float) -> set[str]:
    return {call.engine for call in memo.scan(lambda call: call.created >= since, delete=False)}


def _sifted(memo: Memo, folder: Path, goes: Callable[[Stored], bool], *, delete: bool) -> Compaction:
    found = Compaction(folder)
    identities = memo.identities()
    before = (folder / FILE).stat().st_size
    for call in memo.scan(goes, delete=delete):
        found.calls[identities[call.engine]] += 1
        found.bytes += call.bytes
    if delete and found.calls:
        memo.shrink()
        found.shrunk = max(0, before - (folder / FILE).stat().st_size)
    return found
