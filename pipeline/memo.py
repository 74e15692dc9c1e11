"""The memo: every model call ever paid for, keyed by (the engine's identity, the exact text).

It knows nothing of records or stages. SQLite in WAL mode: a call is committed as it is answered, so that after
`kill -9` only what was in flight is paid again. Writing is insert-or-ignore followed by reading the stored row back:
two runs that share a memo agree on every text. Refusals are never stored.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from pipeline.errors import MemoError
from pipeline.ids import canonical
from pipeline.records import JSON, Generation

SCHEMA = 1
_FILE = "memo.sqlite"
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "lustre", "glusterfs"})
_TABLES = """
CREATE TABLE IF NOT EXISTS engines (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, identity TEXT NOT NULL, created REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS calls (
    key BLOB PRIMARY KEY, engine INTEGER NOT NULL REFERENCES engines (id), created REAL NOT NULL,
    text TEXT NOT NULL, source_tokens INTEGER NOT NULL, dropped_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, finished INTEGER NOT NULL, score REAL, checksum BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Calls:
    """The calls of one engine in one memo."""

    def __init__(
        self, connection: sqlite3.Connection, *, engine: int, digest: bytes, warn: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._engine = engine
        self._digest = digest
        self._warn = warn

    def get(self, text: str) -> Generation | None:
        """Return the stored generation of `text`, or None; a row that fails its checksum is removed and named."""
        key = self._key(text)
        row = self._connection.execute(
            "SELECT text, source_tokens, dropped_tokens, output_tokens, finished, score, checksum"
            " FROM calls WHERE key = ?",
            (key,),
        ).fetchone()
        if row is None:
            return None
        generation = Generation(row[0], row[1], row[2], row[3], bool(row[4]), row[5])
        if row[6] != _checksum(key, generation):
            self._warn(f"memo: the row {key.hex()[:12]} fails its checksum; it is removed and the call made again")
            self._connection.execute("DELETE FROM calls WHERE key = ?", (key,))
            return None
        return generation

    def put(self, text: str, generation: Generation) -> Generation:
        """Store and commit; return the stored row, which is another run's where that was first."""
        key = self._key(text)
        added = self._connection.execute(
            "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                self._engine,
                time.time(),
                generation.text,
                generation.source_tokens,
                generation.dropped_tokens,
                generation.output_tokens,
                int(generation.finished),
                generation.score,
                _checksum(key, generation),
            ),
        ).rowcount
        return generation if added else self.get(text) or generation

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(self._digest + text.encode()).digest()


class Memo:
    """An open memo; a context manager."""

    def __init__(self, connection: sqlite3.Connection, *, warn: Callable[[str], None]) -> None:
        self._connection = connection
        self._warn = warn

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def calls(self, identity: dict[str, JSON]) -> Calls:
        """Return the calls of the engine with this identity."""
        text = canonical(identity)
        digest = hashlib.sha256(text).digest()
        self._connection.execute(
            "INSERT OR IGNORE INTO engines (digest, identity, created) VALUES (?, ?, ?)",
            (digest, text.decode(), time.time()),
        )
        engine = self._connection.execute("SELECT id FROM engines WHERE digest = ?", (digest,)).fetchone()[0]
        return Calls(self._connection, engine=engine, digest=digest, warn=self._warn)

    def size(self) -> int:
        """Return the number of stored calls."""
        return int(self._connection.execute("SELECT count(*) FROM calls").fetchone()[0])


def open_memo(folder: Path | None, *, warn: Callable[[str], None]) -> Memo:
    """Return the memo in `folder`, made if absent; None keeps it in memory only (`tomdich try`).

    A damaged file is set aside beside it and named. Raises `MemoError` for a memo written by a newer tomdich, and on a
    network file system, where SQLite's locks cannot be trusted.
    """
    if folder is None:
        return Memo(_connect(":memory:"), warn=warn)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MemoError(f"{folder}: the memo's folder cannot be made: {error.strerror}") from None
    kind = file_system(folder)
    if kind in _NETWORK:
        raise MemoError(
            f"{folder}: is on a network file system ({kind}), where SQLite's locks are not safe; "
            "set `memo:` in the config to a folder on a local disk"
        )
    path = folder / _FILE
    try:
        return Memo(_connect(str(path)), warn=warn)
    except sqlite3.OperationalError as error:  # locked, read-only, disk full: not damage
        raise MemoError(f"{path}: cannot be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{_FILE}.damaged-{time.time_ns()}")
        path.rename(aside)
        for tail in (
            "-wal",
            "-shm",
        ):  # they belong to the damaged file: SQLite must not replay them into the new one
            with suppress(FileNotFoundError):
                Path(f"{path}{tail}").rename(f"{aside}{tail}")
        warn(f"{path}: is damaged ({error}); set aside as {aside.name}, its calls will be made again")
        return Memo(_connect(str(path)), warn=warn)


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds `folder`, "" where the system does not tell (macOS)."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    mounts = [(Path(fields[1].replace("\\040", " ")), fields[2]) for fields in (line.split() for line in lines)]
    real = folder.resolve()
    holding = [(point, kind) for point, kind in mounts if real.is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0].parts), default=(Path("/"), ""))[1]


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    if schema > SCHEMA:
        raise MemoError(f"{path}: was written by a newer tomdich (schema {schema}, this one reads {SCHEMA}); update")
    connection.execute("PRAGMA journal_mode = WAL")
    # NORMAL: a process killed loses nothing; a power cut may lose the last calls, never the file
    connection.execute("PRAGMA synchronous = NORMAL")
    if schema < SCHEMA:
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("SELECT count(*) FROM engines").fetchone()


def _checksum(key: bytes, generation: Generation) -> bytes:
    numbers = struct.pack(
        "<qqq?d",
        generation.source_tokens,
        generation.dropped_tokens,
        generation.output_tokens,
        generation.finished,
        float("inf") if generation.score is None else generation.score,
    )
    return hashlib.blake2b(key + numbers + generation.text.encode(), digest_size=8).digest()
