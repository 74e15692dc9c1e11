"""The files of a prepared checkpoint on another machine, a node of a cluster, under its digest.

A node takes them from where the run has them (a shared file system), from its own cache, or from the hub; else the run
sends them (`Sending`, `Receiving`). They are complete or absent, as everything in the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline import catalog
from pipeline.checkpoints import hub
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.files import build_folder, default_cache, folder_digest, members
from pipeline.checkpoints.locate import bundled_folder
from pipeline.checkpoints.metadata import read_metadata
from pipeline.checkpoints.weights import convert
from pipeline.errors import ModelError, UsageError, WorldError
from pipeline.ids import file_digest

PIECE = 8 * 1024 * 1024
"""Bytes of a file that are sent at once: so much of it is in the memory of the run, and of the cluster."""


def node_cache() -> Path:
    """Return the folder of prepared checkpoints on this node: a temporary one where the user's cannot be written."""
    with contextlib.suppress(UsageError, OSError):
        cache = default_cache()
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            return cache
    cache = Path(tempfile.gettempdir()) / f"tomdich-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise WorldError(f"{cache} belongs to another account; set TOMDICH_CACHE on this node to a folder of your own")
    return cache


def on_this_node(checkpoint: Checkpoint, *, cache: Path) -> Checkpoint | None:
    """Return `checkpoint`, prepared by the run on its machine, with the paths of this one; None: they are not here.

    Converts a checkpoint that only the hub or a shared path has. Raises `ModelError` where that fails.
    """
    if checkpoint.engine == "fake":
        return checkpoint
    if checkpoint.converted is not None:
        for folder in (checkpoint.converted, _received(checkpoint, cache)):
            if os.access(folder / "model.bin", os.R_OK):
                return replace(checkpoint, converted=folder)
    found = _folder(checkpoint, cache)
    if found is None or checkpoint.converted is None:
        return None if found is None else replace(checkpoint, folder=found)
    converted = _received(checkpoint, cache)
    build_folder(
        converted,
        lambda build_dir: convert(
            found,
            metadata=read_metadata(found),
            tokenizer=checkpoint.tokenizer,
            start_id=checkpoint.decoder_start_id,
            compute_type=checkpoint.compute_type,
            build_dir=build_dir,
        ),
    )
    return replace(checkpoint, folder=found, converted=converted)


def _received(checkpoint: Checkpoint, cache: Path) -> Path:
    """Return the folder in this node's cache of what the engine opens: its name is the digest's."""
    if checkpoint.converted is not None:
        return cache / "prepared" / checkpoint.converted.name
    return cache / "received" / checkpoint.digest[:32]


def _folder(checkpoint: Checkpoint, cache: Path) -> Path | None:
    """Return a folder on this node with exactly the files of the checkpoint, downloaded from the hub if need be."""
    candidates = [checkpoint.folder]
    if checkpoint.converted is None:
        candidates.append(_received(checkpoint, cache))
    if checkpoint.name.startswith(catalog.BUNDLED) and (entry := catalog.find(checkpoint.name)) is not None:
        candidates.append(bundled_folder(entry))
    for folder in candidates:
        with contextlib.suppress(ModelError, OSError):
            if folder_digest(folder, cache=cache) == checkpoint.digest:
                return folder
    if checkpoint.revision:
        with contextlib.suppress(UsageError, WorldError, OSError):  # no way to the hub: the run sends it
            folder = hub.snapshot(checkpoint.name, revision=checkpoint.revision, cache=cache).folder
            if folder_digest(folder, cache=cache) == checkpoint.digest:
                return folder
    return None


@dataclass(slots=True)
class Sending:
    """The files that an engine opens, in pieces; an iterator of `(name, bytes)`."""

    checkpoint: Checkpoint
    digests: dict[str, str] = field(default_factory=dict)  # the SHA-256 of each file, once it is sent

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        converted, folder = self.checkpoint.converted, self.checkpoint.folder
        names = members(folder) if converted is None else sorted(path.name for path in converted.iterdir())
        for name in names:
            seen = hashlib.sha256()
            with ((converted or folder) / name).open("rb") as source:
                while True:
                    data = source.read(PIECE)
                    seen.update(data)
                    if data or not source.tell():
                        yield name, data
                    if not data:
                        break
            self.digests[name] = seen.hexdigest()


class Receiving:
    """Files that arrive in pieces, each file in order."""

    def __init__(self, checkpoint: Checkpoint, *, cache: Path) -> None:
        self._checkpoint, self._cache = checkpoint, cache
        self._folder = tempfile.TemporaryDirectory(prefix=".receiving-", dir=cache)

    def write(self, name: str, data: bytes) -> None:
        """Append a piece of the file `name`."""
        with (Path(self._folder.name) / Path(name).name).open("ab") as out:
            out.write(data)

    def finish(self, digests: dict[str, str]) -> Checkpoint:
        """Return the checkpoint with the paths of this node; raises `WorldError` where a file arrived damaged."""
        where = _received(self._checkpoint, self._cache)
        with self._folder as arrived:
            for name, digest in digests.items():
                if file_digest(Path(arrived, name)) != digest:
                    raise WorldError(f"{name} of {self._checkpoint.name} arrived damaged on this node; run again")
            build_folder(where, lambda folder: [Path(arrived, name).rename(folder / name) for name in digests])
        if self._checkpoint.converted is None:
            return replace(self._checkpoint, folder=where)
        return replace(self._checkpoint, converted=where)
