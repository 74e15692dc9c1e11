"""Write files atomically: a reader sees the old content or the new; a pipe or a device is written into directly."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp-"  # a killed process leaves files whose names begin so
_AT_CWD = -100  # AT_FDCWD of Linux's fcntl.h
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h, RENAME_SWAP of macOS's stdio.h
_LINKS = 40  # links followed from a name to its file, as many as Linux follows


@contextmanager
def replacing(path: Path, *, keep_mode: bool = True) -> Iterator[BinaryIO]:
    """Yield a temporary file that replaces `path` at the end of the block, so that no reader sees an unfinished file.

    It is a temporary file in the same folder, renamed at the end. A link is followed, not replaced. The new file has
    the mode that the umask gives. With `keep_mode`, for the file of a person, it has the mode and, where the system
    permits, the owner of the old one, and `PermissionError` is raised for a file that this process may not write, even
    where it may replace it. Raises `FileExistsError` for what is not a regular file.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    old = _stat(target)
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise FileExistsError(errno.EEXIST, "is not a regular file", str(path))
    if old is not None and keep_mode and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    # the ending is that of no other file: a folder may be watched for `*.prom`
    partial = target.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{target.name[:40]}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if old is not None and keep_mode:
                with suppress(PermissionError):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            yield file
            file.flush()
            os.fsync(descriptor)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, *, wait: bool = True) -> Iterator[BinaryIO]:
    """Open a path that a person named for output: a regular or absent file is replaced, all else is written into.

    All else is a pipe, a device, a socket or one of this process's descriptors (`/dev/stdout`, `/dev/fd/3`). Opening a
    named pipe waits for its reader; without `wait` it raises `OSError` where there is none, and where it is full.
    """
    descriptor = own_descriptor(path)
    if descriptor is not None:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
    elif is_file_or_absent(path):
        with replacing(path) as file:
            yield file
    else:
        flags = os.O_WRONLY | os.O_NOCTTY | (0 if wait else os.O_NONBLOCK)
        try:
            opened = os.open(path, flags)
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise OSError(errno.ENXIO, "nothing reads from this pipe or device", str(path)) from None
            raise
        with os.fdopen(opened, "wb") as file:
            yield file


def own_descriptor(path: Path) -> int | None:
    """Return the number of the descriptor that `path` leads to: 1 for `/dev/stdout`; None for all else."""
    folder = Path(os.path.realpath("/dev/fd"))  # on Linux /proc/<this process>/fd
    at = path.absolute()
    for _ in range(_LINKS):
        at = Path(os.path.realpath(at.parent)) / at.name
        if at.parent == folder and at.name.isdigit():
            return int(at.name)
        if not at.is_symlink():
            break
        at = at.parent / at.readlink()
    return None


def is_file_or_absent(path: Path) -> bool:
    """Return whether `path` leads to a regular file, or to nothing yet; raises `OSError` where that cannot be known."""
    found = _stat(path)
    return found is None or stat.S_ISREG(found.st_mode)


def write_atomically(path: Path, text: str) -> None:
    """Replace one of tomdich's own files atomically; every account of its group can replace it too."""
    with replacing(path, keep_mode=False) as file:
        file.write(text.encode("utf-8"))


def create(path: Path) -> None:
    """Make an empty file with the mode that the umask gives; raises `FileExistsError` where there is one."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))


def new_folder(parent: Path, prefix: str) -> Path:
    """Make an empty folder with a new name and the mode that the umask gives; `tempfile` would keep others out."""
    folder = parent / f"{prefix}{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def sync(path: Path) -> None:
    """Flush a file or folder to the disk (fsync), so that its content survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders of one file system atomically; return False where the system or the disk cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":  # pragma: no cover - the tests run on Linux
        done = libc.renamex_np(*names, _EXCHANGE)
    elif hasattr(libc, "renameat2"):
        done = libc.renameat2(_AT_CWD, names[0], _AT_CWD, names[1], _EXCHANGE)
    else:  # pragma: no cover - a C library of before 2018
        return False
    return bool(done == 0)


def sync_tree(folder: Path) -> None:
    """Flush a folder and all that is in it to the disk, as `sync` does."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
