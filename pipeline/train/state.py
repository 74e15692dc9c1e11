"""Keep the files of a training: lock, checkpoints, result; a checkpoint or result that is visible is complete.

    <folder>/.lock            the kernel's (flock): dies with its process
             training.json    what the training is made of; it is resumed only where that is unchanged
             data/            packed examples (see `data`)
             checkpoints/checkpoint-N/   the Trainer's files; `complete.json`, written last, lists them
             model/           the result; result.json says of what it is made, once it is finished
             config.yaml, tracked.json   of a finished training: its config, and what a tracker gets (see `tracked`)

The Trainer writes a checkpoint file by file under its final name, so a killed process leaves an incomplete checkpoint
that looks complete: only one with `complete.json` counts. Where files must be small (`shard_mb`), a large one is cut
into pieces `NAME.piece-000`, … that are joined when it is read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import WorldError
from pipeline.storage import locking
from pipeline.storage.atomic import TEMPORARY, new_folder, sync, write_atomically

_NUMBERED = re.compile(r"checkpoint-(\d+)")
_PIECE = re.compile(r"(.+)\.piece-(\d{3})")
_COMPLETE = "complete.json"
RESULT = "model"  # the folder of the result
MADE_OF = "training.json"
FINISHED = "result.json"
_BUILD = ".build-"  # how the name of a folder begins that is being written or removed
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Saved:
    """One complete checkpoint."""

    folder: Path
    step: int
    decay: tuple[int, int]  # the learning rate falls from this step to that, by the schedule it was saved under
    seconds: float  # of training up to here, in all sessions

    @property
    def stable(self) -> bool:
        """Whether it was saved before the learning rate began to fall."""
        return self.step <= self.decay[0]


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the lock of the training's folder for the block; raises `LockedError` where another process holds it."""
    busy = "wait for it, or give another `folder:`"
    with locking.locked(home, holder="training", busy=busy, setting="`folder:`"):
        result = Path(os.path.realpath(home / RESULT))
        for left in (*home.glob(f"{_BUILD}*"), *result.parent.glob(f"{_BUILD}{result.name}-*")):
            shutil.rmtree(left, ignore_errors=True)
        for left in (home / "data").glob(f"{TEMPORARY}*"):
            left.unlink()
        yield


@contextmanager
def on_disk(home: Path) -> Iterator[None]:
    """Turn what Python and the libraries raise for a full or failing disk into a `WorldError`."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in reason:
            raise
        where = getattr(error, "filename", None) or home
        raise WorldError(
            f"{where}: {reason}; the checkpoints in {home} are complete: make room there, and run it again"
        ) from error


def require_room(home: Path, *, checkpoint: int, kept: int) -> None:
    """Raise `WorldError` where `kept` checkpoints of `checkpoint` bytes do not fit the disk, with those that exist."""
    there = sum(path.stat().st_size for path in (home / "checkpoints").rglob("*") if path.is_file())
    free = shutil.disk_usage(home).free
    if checkpoint * kept - there > free:
        raise WorldError(
            f"{home}: {kept} checkpoints of about {checkpoint / 1e9:.2g} GB are kept at the most, {free / 1e9:.2g} GB "
            "are free: make room, lower `choose.average`, or give another `folder:`"
        )


def build_dir(target: Path) -> Path:
    """Return a new empty folder beside `target`, links followed, to be `put` in its place."""
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    return new_folder(target.parent, f"{_BUILD}{target.name}-")


def put(build_dir: Path, target: Path) -> None:
    """Make `build_dir` the folder `target`, or the target of the link `target`; the previous folder is removed."""
    target = Path(os.path.realpath(target))
    _sync_folder(build_dir)
    for path in build_dir.iterdir():  # safetensors writes files with mode 0600; the umask decides
        path.chmod(build_dir.stat().st_mode & 0o666)
    if target.exists():
        old = new_folder(target.parent, _BUILD)
        target.rename(old / target.name)
        build_dir.rename(target)
        shutil.rmtree(old)
    else:
        build_dir.rename(target)


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON at `path`, or None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_json(path: Path, value: object) -> None:
    """Write `value` whole or not at all."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def saved(folder: Path) -> list[Saved]:
    """Return the complete checkpoints in `folder`, by step."""
    found = []
    for path in folder.glob("checkpoint-*"):
        listed = read_json(path / _COMPLETE)
        if listed is None or not _NUMBERED.fullmatch(path.name):
            continue
        if all((path / name).is_file() and (path / name).stat().st_size == size for name, size in listed["files"]):
            falls, ends = listed["decay"]
            found.append(Saved(path, listed["step"], (falls, ends), listed["seconds"]))
    return sorted(found, key=lambda one: one.step)


def unfinished(folder: Path) -> list[Path]:
    """Return the checkpoints that a killed process left unfinished."""
    whole = {one.folder for one in saved(folder)}
    return sorted(path for path in folder.glob("checkpoint-*") if path not in whole)


def complete(checkpoint: Saved, *, shard_mb: int | None) -> None:
    """Cut the large files of a checkpoint that has been written, and mark it as complete."""
    folder = checkpoint.folder
    if shard_mb is not None:
        for path in sorted(folder.iterdir()):
            if path.stat().st_size > shard_mb * _MIB:
                _cut(path, shard_mb * _MIB)
    _sync_folder(folder)
    files = [[path.name, path.stat().st_size] for path in sorted(folder.iterdir())]
    described = {"step": checkpoint.step, "decay": checkpoint.decay, "seconds": checkpoint.seconds}
    write_json(folder / _COMPLETE, described | {"files": files})
    sync(folder)  # its entries: the files were before


def _cut(path: Path, size: int) -> None:
    with path.open("rb") as file:
        number = 0
        while part := file.read(size):
            path.with_name(f"{path.name}.piece-{number:03}").write_bytes(part)
            number += 1
    path.unlink()


@contextmanager
def whole(checkpoint: Saved, home: Path) -> Iterator[Path]:
    """Give the checkpoint's folder, or for the block a copy of it with its pieces joined."""
    pieces = sorted(path for path in checkpoint.folder.iterdir() if _PIECE.fullmatch(path.name))
    if not pieces:
        yield checkpoint.folder
        return
    copy = new_folder(home, _BUILD) / checkpoint.folder.name
    copy.mkdir()
    try:
        for path in sorted(checkpoint.folder.iterdir()):
            if (match := _PIECE.fullmatch(path.name)) is None:
                os.link(path, copy / path.name)
            else:
                with (copy / match[1]).open("ab") as out:
                    out.write(path.read_bytes())
        yield copy
    finally:
        shutil.rmtree(copy.parent, ignore_errors=True)


def prune(folder: Path, *, last: int, best: int | None) -> None:
    """Keep the `last` newest checkpoints, the best, and the newest one before the decay; remove the others."""
    every = saved(folder)
    stable = [one.step for one in every if one.stable][-1:]
    kept = {best, *stable, *(one.step for one in every[-last:])}
    for one in every:
        if one.step not in kept:
            remove(one.folder)


def remove(folder: Path) -> None:
    """Mark a checkpoint as incomplete at once, then remove it."""
    (folder / _COMPLETE).unlink(missing_ok=True)
    shutil.rmtree(folder)


def _sync_folder(folder: Path) -> None:
    """Sync the folder and its files to the disk."""
    for path in (*folder.iterdir(), folder):
        sync(path)
