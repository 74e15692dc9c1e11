"""Describe disk errors: the path that failed, the reason, and the owner where access is refused."""

from __future__ import annotations

import errno
import os
import pwd
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import WorldError

_REFUSED = frozenset({errno.EACCES, errno.EPERM})
_GRANT = "let its owner give this account access (chmod g+rwX, umask 002)"
_ANY = "it has to be readable and writable, with room on its disk"


@contextmanager
def on_disk(folder: Path, *, remedy: str) -> Iterator[None]:
    """Turn an `OSError` or a SQLite error in the block into a `WorldError` that names the path and a remedy.

    `remedy` is for what fails in `folder`, which is named where the error itself names no path.
    """
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        raise WorldError(f"{describe(error, folder=folder)}; {_remedy(error, folder, remedy)}") from None


def describe(error: OSError | sqlite3.Error, *, folder: Path) -> str:
    """Return `PATH: REASON`, with the owner where access is refused; PATH is `folder` where the error names none."""
    path = path_of(error) or folder
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, OSError) and error.errno in _REFUSED:
        reason += _refused_by(path)
    return f"{path}: {reason}"


def path_of(error: OSError | sqlite3.Error) -> Path | None:
    """Return the path that an error names."""
    name = getattr(error, "filename", None)
    return Path(os.fsdecode(name)) if isinstance(name, str | bytes) else None


def temporary_folder() -> Path:
    """Return the folder for temporary files; raises `WorldError` where none can be written."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise WorldError(f"{error.strerror}; set TMPDIR to a folder that this account can write") from None


def require_access(path: Path, mode: int) -> None:
    """Raise the `OSError` that opening `path` with this access (os.R_OK, os.W_OK) would raise."""
    if not os.access(path, mode):
        is_read_only = mode & os.W_OK and os.statvfs(path).f_flag & os.ST_RDONLY
        code = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(code, os.strerror(code), str(path))


def require_folder(folder: Path) -> None:
    """Raise the `OSError` with which making `folder`, and files in it, would fail; makes nothing."""
    there = existing(folder)
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    require_access(there, os.W_OK | os.X_OK)


def existing(folder: Path) -> Path:
    """Return the nearest folder that is there: the folder itself, or where it would be made."""
    whole = folder.absolute()
    return next(one for one in (whole, *whole.parents) if one.exists())


def _remedy(error: OSError | sqlite3.Error, folder: Path, remedy: str) -> str:
    path = (path_of(error) or folder).absolute()
    refused = isinstance(error, OSError) and error.errno in _REFUSED
    if path != folder.absolute() and folder.absolute().is_relative_to(path):  # it could not be made, or entered
        return remedy
    remedies = ([_GRANT] if refused else []) + ([remedy] if path.is_relative_to(folder.absolute()) else [])
    return "; otherwise ".join(remedies) or _ANY


def _refused_by(path: Path) -> str:
    """Return which file or folder on the way to `path` refuses access, its owner and mode, and this account."""
    whole = path.absolute()
    refusing = whole
    for step in (*reversed(whole.parents), whole):
        if not os.path.lexists(step):  # it is not there, or the folder above it refuses to say
            break
        refusing = step
    try:
        found = refusing.stat()
    except OSError:
        return ""
    owner, mode = _account(found.st_uid), found.st_mode & 0o7777
    return f" ({refusing} is owned by {owner}, mode {mode:04o}; this account is {_account(os.geteuid())})"


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
