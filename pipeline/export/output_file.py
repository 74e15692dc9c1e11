"""Write an output file to stdout or to a path, and never into a published version."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import UsageError, WorldError
from pipeline.storage.atomic import own_descriptor, writing
from pipeline.storage.rows import Readable
from pipeline.storage.versions import MANIFEST

STDOUT = Path("-")
_STDOUT_DESCRIPTOR = 1


def write(version: Readable, output: Path | None, *, ending: str, fill: Callable[[BinaryIO], object]) -> Path:
    """Let `fill` write the file `output` and return its path.

    `-` is stdout; None is a file in the current folder, named after `version`. A file is replaced once the new one is
    complete; a link is followed; a pipe or a device is written into. Raises
    `UsageError` where `output` is in a version's folder or cannot be opened, `WorldError` where writing fails.
    """
    if output is not None and (output == STDOUT or own_descriptor(output) == _STDOUT_DESCRIPTOR):
        fill(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return STDOUT
    path = output or Path(f"{version.name.replace('/', '-')}.{ending}")
    inside = next((folder for folder in path.resolve().parents if (folder / MANIFEST).is_file()), None)
    if inside is not None:
        raise UsageError(f"-o {path}: {inside} is a published version, which never changes; write it elsewhere")
    if path.is_dir():
        raise UsageError(f"-o {path}: is a folder; name a file in it")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"-o {path}: No such file or folder: {path.parent}; make the folder first")
    opened = False
    try:
        with writing(path) as file:
            opened = True
            fill(file)
    except OSError as error:
        if opened:
            raise WorldError(f"{path}: cannot be written: {error.strerror}") from None
        raise UsageError(f"-o {path}: cannot be written: {error.strerror}") from None
    return path
