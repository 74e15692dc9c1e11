"""Where a file that a person asked for goes: beside her, whole or not at all, and never into a published version."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import UsageError, WorldError
from pipeline.store import MANIFEST, Version

STDOUT = Path("-")


def deliver(version: Version, output: Path | None, *, ending: str, write: Callable[[BinaryIO], object]) -> Path:
    """Let `write` fill `output` and return its path; `-` is stdout, None a name in the present folder after `version`.

    A file that is there is replaced when the new one is whole. Raises `UsageError` where `output` is in a version's
    folder or none can be written there, `WorldError` where the disk gives way.
    """
    if output == STDOUT:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return STDOUT
    path = output or Path(f"{version.name.replace('/', '-')}.{ending}")
    inside = next((folder for folder in path.resolve().parents if (folder / MANIFEST).is_file()), None)
    if inside is not None:
        raise UsageError(f"-o {path}: {inside} is a published version, which never changes; write it elsewhere")
    if path.is_dir():
        raise UsageError(f"-o {path}: is a folder; name a file in it")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise UsageError(f"-o {path}: cannot be written: {error.strerror}") from None
    try:
        with file:
            write(file)
        part.replace(path)
    except OSError as error:
        raise WorldError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return path
