"""The files of a checkpoint: which ones matter, their digests, and the atomic building of a folder.

Digests are cached by size, modification time and inode.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.ids import digest, file_digest, text_digest
from pipeline.records import JSON
from pipeline.storage.atomic import new_folder, sync, write_atomically
from pipeline.storage.user_folders import base_folder

CACHE_REMEDY = (
    "set TOMDICH_CACHE to a folder for prepared checkpoints that this account can write, with room for a copy of each"
)

CONFIGS = ("config.json", "generation_config.json")
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "source.spm",
    "target.spm",
    "vocab.json",
    "dict.txt",
    "vocab.txt",
    "bpe.codes",
)
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""In order of preference, as in transformers; safetensors first, which cannot contain code."""


def default_cache() -> Path:
    """Return the folder of prepared checkpoints: TOMDICH_CACHE, else the user's cache folder.

    Raises `UsageError` if there is neither.
    """
    given = os.environ.get("TOMDICH_CACHE")
    if given:
        return Path(given)
    return base_folder("XDG_CACHE_HOME", ".cache", remedy=CACHE_REMEDY) / "tomdich"


def weights_entry(names: Collection[str]) -> str | None:
    """Return the preferred weight file, or index of a sharded set, among `names`; None if there is none."""
    return next((name for name in _WEIGHTS if name in names), None)


def shards(index: JSON, *, where: str) -> list[str]:
    """Return the names of the weight files that an index lists; raises `ModelError` for an invalid index."""
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelError(f"{where}: lists no weight files; the checkpoint is damaged: copy or download it again")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if Path(name).name != name:
            raise ModelError(f"{where}: lists {name!r}, which is not a plain file name; do not use this checkpoint")
    return names


def read_json(path: Path) -> dict[str, JSON]:
    """Return the JSON object at `path`, {} if there is no such file; raises `ModelError` if it is invalid."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({error}); copy or download the checkpoint again") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path}: is not a JSON object; copy or download the checkpoint again")
    return value


def members(folder: Path) -> list[str]:
    """Return the names of the files in `folder` that can change the output; raises `ModelError` if one is missing."""
    names = {path.name for path in folder.iterdir()}
    if "config.json" not in names:
        raise ModelError(
            f"{folder}: no config.json; give the folder that directly contains the files of the checkpoint"
        )
    entry = weights_entry(names)
    if entry is None:
        raise ModelError(f"{folder}: no weights ({', '.join(_WEIGHTS)}); copy or download them beside config.json")
    weights = [entry]
    if entry.endswith(".index.json"):
        listed = shards(read_json(folder / entry), where=str(folder / entry))
        missing = [name for name in listed if name not in names]
        if missing:
            raise ModelError(
                f"{folder}: {len(missing)} of {len(listed)} weight files are missing: {', '.join(missing)}"
            )
        weights += listed
    return sorted([*weights, *(name for name in (*CONFIGS, *TOKENIZERS) if name in names)])


def folder_digest(folder: Path, *, cache: Path) -> str:
    """Return the SHA-256 of the checkpoint in `folder`: of the names and digests of its `members`."""
    return digest({name: remembered_digest(folder / name, cache=cache) for name in members(folder)})


def remembered_digest(path: Path, *, cache: Path) -> str:
    """Return the file's SHA-256, cached by path, size, modification time and inode."""
    real = path.resolve()
    stat = real.stat()
    seen: JSON = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    note = cache / "digests" / f"{text_digest(str(real))[:32]}.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["seen"] == seen:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not cached, or an invalid cache file: compute it
    found = file_digest(real)
    write_atomically(note, json.dumps({"path": str(real), "seen": seen, "sha256": found}))
    return found


_STALE = 24 * 3600.0  # seconds after which the folder of a killed process is removed


def build_folder(where: Path, make: Callable[[Path], object]) -> None:
    """Call `make` with an empty folder and rename that folder to `where`, which is therefore complete or absent.

    Two processes may build the same folder: the first rename wins, and the other result is deleted.
    """
    where.parent.mkdir(parents=True, exist_ok=True)
    _clear_stale(where.parent)
    build_dir = new_folder(where.parent, ".building-")
    try:
        make(build_dir)
        for path in build_dir.rglob("*"):
            sync(path)
        try:
            build_dir.rename(where)
        except OSError:
            if not where.is_dir():  # otherwise another process was faster
                raise
    finally:
        shutil.rmtree(build_dir, ignore_errors=True)


def _clear_stale(parent: Path) -> None:
    """Remove the folders that killed processes left."""
    for build_dir in parent.glob(".building-*"):
        with contextlib.suppress(OSError):
            if time.time() - build_dir.stat().st_mtime > _STALE:
                shutil.rmtree(build_dir, ignore_errors=True)
