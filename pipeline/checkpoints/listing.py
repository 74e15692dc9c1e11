"""What stands on the shelf: the catalog with what is on this machine, and fetching by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline import catalog
from pipeline.checkpoints import hub
from pipeline.checkpoints.files import CACHE_REMEDY
from pipeline.checkpoints.locate import bundled_folder
from pipeline.errors import ModelError
from pipeline.storage.disk_errors import on_disk


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `tomdich models`."""

    entry: catalog.Entry
    present: bool
    commits: tuple[str, ...]  # of a hub model: what the local cache holds


def list_models() -> list[Row]:
    """Return the catalog in its order, with what is on this machine; asks no network."""
    rows = []
    for entry in catalog.entries():
        if entry.bundled:
            present = entry.name in catalog.MODEL_FREE or (bundled_folder(entry) / "config.json").is_file()
            rows.append(Row(entry, present, ()))
        else:
            commits = tuple(hub.cached_commits(entry.name))
            rows.append(Row(entry, bool(commits), commits))
    return rows


def pull(name: str, *, revision: str | None, cache: Path, warn: Callable[[str], None]) -> hub.Snapshot:
    """Download the model, compare its digests, and return its folder and commit; raises `ModelError`.

    Fetching is not running: the licence is asked for when a config uses it.
    """
    entry = catalog.find(name)
    if entry is not None and entry.bundled:
        raise ModelError(f"{name}: comes with tomdich; there is nothing to pull")
    wanted = revision or (entry.revision if entry is not None else None)
    with on_disk(cache, remedy=CACHE_REMEDY):
        return hub.snapshot(name, revision=wanted, cache=cache, warn=warn)


def pin(name: str, *, revision: str | None = None) -> str:
    """Return the commit that the model's `revision` (None: the main branch) is now; raises `ModelError`."""
    entry = catalog.find(name)
    if entry is not None and entry.bundled:
        raise ModelError(f"{name}: comes with tomdich; its revision is tomdich's own version")
    return hub.resolve(name, revision=revision)
