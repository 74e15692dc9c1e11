"""The labels of a version, tags and a note: outside its recipe and its files, so that they can be edited later.

Each version has a file of its own, `<outputs>/<name>/.labels/<version>.json`. A published version does not change, and
its manifest lists all its files: labels lie beside it.

A tag of a person has no `=`. `tomdich matrix` gives its versions three that have one: `matrix=NAME`, `cell=NAME/CELL`
and, of the baseline, `baseline=NAME`. NAME is that of the matrix's file without its ending.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import UsageError, WorldError
from pipeline.storage import locking, object_store
from pipeline.storage.atomic import write_atomically

if TYPE_CHECKING:
    from pipeline.storage.versions import Version

_WAIT = 10.0  # seconds for another process that edits labels, which takes it milliseconds
_TAG = re.compile(r"\w[\w.-]{0,63}")
_MATRIX, _CELL, _BASELINE = "matrix=", "cell=", "baseline="


@dataclass(frozen=True, slots=True)
class Labels:
    """What people say of a version."""

    tags: tuple[str, ...] = ()  # each once, in the order in which they were given
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A version that is a cell of a matrix."""

    name: str
    version: Version
    is_baseline: bool


def person_tag(text: str) -> str:
    """Return a tag that a person gives; raises `UsageError` for an invalid one."""
    if not _TAG.fullmatch(text):
        raise UsageError(
            f"{text!r}: a tag begins with a letter or a digit and consists of those, `.`, `_` and `-`, 64 at most, "
            "without spaces"
        )
    return text


def cell_tags(matrix: str, cell: str, *, is_baseline: bool) -> tuple[str, ...]:
    """Return the tags of a version that is a cell of a matrix."""
    tags = f"{_MATRIX}{matrix}", f"{_CELL}{matrix}/{cell}"
    return (*tags, f"{_BASELINE}{matrix}") if is_baseline else tags


def baseline_markers(tags: Iterable[str]) -> set[str]:
    """Return the tags that the baselines have of the matrices that a version with these `tags` is a cell of."""
    return {f"{_BASELINE}{tag.removeprefix(_MATRIX)}" for tag in tags if tag.startswith(_MATRIX)}


def is_cell(tags: Iterable[str]) -> bool:
    """Return whether a version with these tags is a cell of a matrix."""
    return any(tag.startswith(_CELL) for tag in tags)


def cells(versions: Sequence[Version], matrix: str) -> list[Cell]:
    """Return those of `versions`, oldest first, that are cells of the matrix with this name, one for each cell."""
    found: list[Cell] = []
    prefix = f"{_CELL}{matrix}/"
    for version in versions:
        tags = read(version).tags
        names = [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]
        is_baseline = f"{_BASELINE}{matrix}" in tags  # of two cells that are one version, the first
        found += [Cell(name, version, is_baseline and name == names[0]) for name in names]
    return found


def of_cell(versions: Iterable[Version], name: str) -> list[Version]:
    """Return those of `versions` that are the cell with this name, of any matrix."""
    return [
        version
        for version in versions
        if any(tag.startswith(_CELL) and tag.partition("/")[2] == name for tag in read(version).tags)
    ]


def settle_cells(versions: Iterable[Version], matrix: str, current: Mapping[str, str], *, baseline: str) -> None:
    """Leave the tags of a matrix to the versions that are its cells now, one for each.

    `current`: by the name of each cell the name of its version's folder, or "" where any that has the tag is it.
    """
    prefix, marker = f"{_CELL}{matrix}/", f"{_BASELINE}{matrix}"
    for version in versions:
        tags = read(version).tags
        cells = {tag: tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)}
        kept = {tag for tag, name in cells.items() if current.get(name) in {"", version.folder.name}}
        gone = cells.keys() - kept
        is_baseline = f"{prefix}{baseline}" in kept
        if cells and (gone or is_baseline != (marker in tags)):
            lost = {*gone, *(() if kept else (f"{_MATRIX}{matrix}",)), *(() if is_baseline else (marker,))}
            edit(version, add=(marker,) if is_baseline else (), remove=lost)


def read(version: Version) -> Labels:
    """Return the labels of a version; raises `WorldError` where their file is damaged."""
    path = _path(version)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Labels)
    except FileNotFoundError:
        return Labels()
    except (OSError, msgspec.DecodeError) as error:
        raise WorldError(f"{path}: cannot be read: {error}; correct it, or remove it with the labels in it") from None


def edit(version: Version, *, add: Iterable[str] = (), remove: Collection[str] = (), note: str | None = None) -> Labels:
    """Add and remove tags of a version, and give it another note unless that is None; return its labels then.

    Raises `WorldError` where they cannot be written.
    """
    path = _path(version)
    with locking.locked(path.parent, holder="command", busy="run it again", setting="--outputs", wait=_WAIT):
        store = object_store.of(version.folder.parents[1])
        if store is not None:
            store.pull(path)
        before = read(version)
        tags = [*(tag for tag in before.tags if tag not in remove), *add]
        after = Labels(tuple(dict.fromkeys(tags)), before.note if note is None else note)
        if after != before:
            write_atomically(path, json.dumps(asdict(after), ensure_ascii=False, indent=2) + "\n")
            if store is not None:
                store.push(path)
    return after


def remove(version: Version) -> None:
    """Remove the labels of a version that is deleted."""
    _path(version).unlink(missing_ok=True)


def _path(version: Version) -> Path:
    return version.folder.parent / object_store.LABELS / f"{version.folder.name}.json"
