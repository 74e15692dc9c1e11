"""Detect damaged SQLite files, and set them aside under another name."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pipeline import waiting
from pipeline.storage.atomic import create
from pipeline.storage.disk_errors import require_access
from pipeline.waiting import Stopping

T = TypeVar("T")

# SQLite's result codes for a damaged file.
_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
    }
)
_DAMAGE_IN_FULL = frozenset(
    {
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_DATA,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
        sqlite3.SQLITE_READONLY_DBMOVED,  # another run has set the file aside
    }
)
TRY = 0.2  # seconds that SQLite waits at a time for another process's transaction
_WAIT = 60.0  # seconds in all
_SIDE_FILES = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file
# The second where SQLite's own message quotes a damaged schema, which Python then cannot decode.
FAULTS = (sqlite3.DatabaseError, UnicodeDecodeError)


def patiently(action: Callable[[], T], *, path: Path | None, stopping: Stopping) -> T:
    """Return what `action` returns, tried again for a minute while another process holds the file at `path`.

    SQLite's own wait cannot be interrupted, so connections wait `TRY` at a time, and `stopping` is asked in between.
    Raises `StoppedError` where it gives a reason, SQLite's error when the minute is over.
    """
    end = time.monotonic() + _WAIT

    def tried() -> tuple[T] | None:
        try:
            return (action(),)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            return None

    return waiting.poll(tried, what=f"another process's transaction on {path}", stopping=stopping)[0]


def connect(path: Path, *, timeout: float) -> sqlite3.Connection:
    """Return a connection to the file at `path`, made if absent; other accounts of its group can use the file too.

    SQLite makes a file with mode 0644 whatever the umask, and those beside with the mode of the file, so the file is
    made here. Write access is tested first: a reader would leave files beside that the owner cannot write. Raises as
    `require_writable`.
    """
    with suppress(FileExistsError):
        create(path)
    require_writable(path)
    return sqlite3.connect(path, timeout=timeout, isolation_level=None)


def require_writable(path: Path) -> None:
    """Raise the `OSError` that names which of the files at and beside `path`, or their folder, refuses access."""
    for file in (path, *(Path(f"{path}{tail}") for tail in _SIDE_FILES)):
        if file.exists():
            require_access(file, os.R_OK | os.W_OK)
    require_access(path.parent, os.W_OK | os.X_OK)


def require_sound(connection: sqlite3.Connection) -> None:
    """Raise a `sqlite3.DatabaseError` for which `is_damage` is true where the structure of the file is broken.

    The values of the cells are not checked. 50 MB take 0.05 s.
    """
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        error = sqlite3.DatabaseError(" ".join(str(found).split()))
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def is_damage(error: Exception, path: Path) -> bool:
    """Return whether an error means that the file at `path` is damaged, and not that the disk is full or it is busy."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # absent where Python itself raised it
    if code == sqlite3.SQLITE_ERROR:  # the statements are correct: a table or column is missing
        return str(error).startswith(("no such ", "table ", "unsupported file format"))
    return code & 0xFF in _DAMAGE or code in _DAMAGE_IN_FULL or _has_unknown_format(path)


def set_aside(path: Path, what: str) -> Path:
    """Rename a file and SQLite's side files, and return the new path, the old name with `what` and a number appended.

    The side files are renamed first: a process killed between two renames must leave no log that SQLite would replay
    into a new file.
    """
    aside = path.with_name(f"{path.name}.{what}-{time.time_ns()}")
    for tail in (*_SIDE_FILES, ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{tail}").rename(f"{aside}{tail}")
    return aside


def _has_unknown_format(path: Path) -> bool:
    """Return whether the header names an unknown format version, of which SQLite only says that it is read-only."""
    try:
        with path.open("rb") as file:
            versions = file.read(20)[18:]
    except OSError:
        return False
    return not set(versions) <= {1, 2}
