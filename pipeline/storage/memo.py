"""The memo: a cache of model calls in SQLite, keyed by the digest of the engine's identity and the exact request.

A request is a text, or a text and how many candidates of it are wanted; both have keys of their own.

It knows nothing of records or stages. A call is committed (WAL mode) as soon as it is answered, so that after `kill -9`
only the calls in flight are made again. Writing is insert-or-ignore followed by reading the stored row back: two runs
that share a memo agree on every text. Refusals are never stored.

Damage is detected and never replayed: each row has a checksum, and a file whose structure is broken is renamed, at
whatever point SQLite reports it, and a new file begun; its calls are made again. Opening and renaming take a lock of
their own, so that only one of several runs renames a damaged file.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import math
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import msgspec

from pipeline import waiting
from pipeline.errors import MemoError
from pipeline.ids import canonical
from pipeline.records import JSON, Candidates, Generation, Hypothesis, Request
from pipeline.storage.disk_errors import describe
from pipeline.storage.locking import open_shared
from pipeline.storage.mounts import file_system, is_network
from pipeline.storage.sqlite_recovery import FAULTS, TRY, connect, is_damage, patiently, require_sound, set_aside
from pipeline.waiting import Stopping

_log = logging.getLogger(__name__)

T = TypeVar("T")
SCHEMA = 1
FILE = "memo.sqlite"
_LOCK = "memo.lock"
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
_CALLS_AFTER = (
    "SELECT key, digest, calls.created, text, source_tokens, dropped_tokens, output_tokens, finished, score, checksum"
    " FROM calls JOIN engines ON engines.id = engine WHERE key > ? ORDER BY key LIMIT ?"
)
_REGISTER = "INSERT OR IGNORE INTO engines (digest, identity, created) VALUES (?, ?, ?)"
_UNWRITABLE = (
    "let its owner give this account access (chmod g+rwX, umask 002) or set `memo:` in the config to a folder on a "
    "local disk that can be written"
)
_REMEDIES = {
    sqlite3.SQLITE_FULL: "free some space on that disk and run again: finished calls are kept",
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_BUSY: "another process has held it for over a minute; wait for it, or set another `memo:`",
}
_REMEDY = "see whether the disk is full or failing, or set `memo:` in the config to a folder on another local disk"
_CHECKED_WHOLE = 256 * 1024 * 1024  # bytes; a file up to this size is checked when it is opened
_PAGE = 2_000  # rows looked at, and at most removed, in one transaction
_DELETED_AT_ONCE = 200  # rows removed by one statement
_ROW = 100  # bytes a row takes beside its text: key, checksum, numbers, and what a page of it is not filled
_ALONE = "PRAGMA locking_mode = EXCLUSIVE"
_INCREMENTAL = 2  # of PRAGMA auto_vacuum
_VACUUM_LIMIT = 1024**3  # bytes
_PAGES_FREED = 1_000  # pages of 4 KiB, in one transaction


@dataclass(frozen=True, slots=True)
class StoredCall:
    """The engine, time and numbers of a stored call, without its text."""

    engine: str  # the digest of its identity, in hexadecimal
    created: float  # seconds since 1970
    source_tokens: int
    dropped_tokens: int
    output_tokens: int
    finished: bool
    score: float | None
    bytes: int  # that it takes, about


class Calls:
    """The calls of one engine in one memo; those of the memo behind it, if there is one, are read too."""

    def __init__(self, memo: Memo, *, digest: bytes, behind: Calls | None) -> None:
        self._memo = memo
        self._digest = digest
        self._behind = behind

    def get(self, request: Request) -> Generation | None:
        """Return the stored answer to `request`, or None; a row that fails its checksum is removed with a warning.

        Raises `MemoError` where the file cannot be read.
        """
        found = self._get(request)
        return self._behind.get(request) if found is None and self._behind is not None else found

    def _get(self, request: Request) -> Generation | None:
        key = self._key(request)
        rows = self._memo.execute(
            "SELECT text, source_tokens, dropped_tokens, output_tokens, finished, score, checksum"
            " FROM calls WHERE key = ?",
            key,
        )
        if not rows:
            return None
        stored = _verified(key, rows[0])
        generation = stored if stored is None or isinstance(request, str) else _with_others(stored)
        if generation is None:
            _log.warning(f"memo: the row {key.hex()[:12]} fails its checksum; it is removed and the call made again")
            self._memo.execute("DELETE FROM calls WHERE key = ?", key)
        return generation

    def put(self, request: Request, generation: Generation) -> Generation:
        """Store and commit a generation; return the stored one, which is another run's where that came first.

        Raises `MemoError` where the disk is full or fails.
        """
        if generation.score is not None and math.isnan(generation.score):  # SQLite keeps no NaN, and it says nothing
            generation = replace(generation, score=None)
        key = self._key(request)
        stored = generation if isinstance(request, str) else _in_one_text(generation)
        added = self._memo.execute(
            "INSERT OR IGNORE INTO calls VALUES (?, (SELECT id FROM engines WHERE digest = ?), ?, ?, ?, ?, ?, ?, ?, ?)"
            " RETURNING 1",
            key,
            self._digest,
            time.time(),
            stored.text,
            stored.source_tokens,
            stored.dropped_tokens,
            stored.output_tokens,
            int(stored.finished),
            stored.score,
            _checksum(key, stored),
        )
        return generation if added else self.get(request) or generation

    def _key(self, request: Request) -> bytes:
        if isinstance(request, Candidates):
            search = hashlib.sha256(self._digest + canonical({"candidates": request.count})).digest()
            return hashlib.sha256(search + request.text.encode()).digest()
        return hashlib.sha256(self._digest + request.encode()).digest()


class Memo:
    """An open memo; a context manager."""

    def __init__(
        self, path: Path | None, *, stopping: Stopping, alone: bool = False, behind: Memo | None = None
    ) -> None:
        """`alone`, `behind`: as in `open_memo`."""
        self._path = path
        self._stopping = stopping
        self._alone = alone
        self._behind = behind
        self._engines: dict[bytes, str] = {}  # to register again in a new file
        self._connection, self._inode = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def calls(self, identity: dict[str, JSON]) -> Calls:
        """Return the calls of the engine with this identity."""
        text = canonical(identity)
        digest = hashlib.sha256(text).digest()
        self._engines[digest] = text.decode()
        self.execute(_REGISTER, digest, text.decode(), time.time())
        behind = None if self._behind is None else self._behind.calls(identity)
        return Calls(self, digest=digest, behind=behind)

    def size(self) -> int:
        """Return the number of stored calls."""
        return int(self.execute("SELECT count() FROM calls")[0][0])

    def identities(self) -> dict[str, str]:
        """Return the engines whose calls were ever stored: their digests in hexadecimal, and their identities."""
        return {digest.hex(): identity for digest, identity in self.execute("SELECT digest, identity FROM engines")}

    def scan(self, unwanted: Callable[[StoredCall], bool], *, delete: bool) -> Iterator[StoredCall]:
        """Yield every stored call that is `unwanted`, in the order of the keys; with `delete`, remove it afterwards.

        Each page of rows is a transaction, so that another run can write between two pages. That run loses nothing:
        at most it repeats a call that it has not asked for yet. The rows of engines stay, because another run may be
        about to store a call of any of them.
        """
        last = b""
        while page := self.execute(
            "SELECT key, lower(hex(digest)), calls.created, source_tokens, dropped_tokens, output_tokens, finished,"
            " score, length(CAST(text AS BLOB)) FROM calls JOIN engines ON engines.id = engine"
            " WHERE key > ? ORDER BY key LIMIT ?",
            last,
            _PAGE,
        ):
            last = page[-1][0]
            found = [(key, stored) for key, stored in map(_stored, page) if unwanted(stored)]
            yield from (stored for _, stored in found)
            for start in range(0, len(found) if delete else 0, _DELETED_AT_ONCE):
                some = [key for key, _ in found[start : start + _DELETED_AT_ONCE]]
                marks = ",".join("?" * len(some))
                self.execute(f"DELETE FROM calls WHERE key IN ({marks})", *some)  # noqa: S608 - nothing but marks

    def absorb(self, other: Memo) -> int:
        """Add the calls of another memo; return how many were not known. A call that both have stays as it is here.

        The rows come in the order of the keys, in small transactions, so that a file of any size takes little memory
        and another run can write in between. A damaged row is copied with its checksum, and found when it is asked for.
        """
        added = 0
        for digest, identity, created in other.execute("SELECT digest, identity, created FROM engines"):
            self.execute(_REGISTER, digest, identity, created)
        engines = dict(self.execute("SELECT digest, id FROM engines"))
        last = b""
        while page := other.execute(_CALLS_AFTER, last, _PAGE):
            last = page[-1][0]
            added += self._add([(key, engines[digest], *rest) for key, digest, *rest in page])
        return added

    def _add(self, rows: list[tuple[Any, ...]]) -> int:
        def add() -> int:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                return self._connection.executemany(
                    "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
                ).rowcount

        try:
            return self._retry_while_busy(add)
        except FAULTS as error:
            raise _as_memo_error(self._path, error) from None

    def shrink(self, *, fully: bool = False) -> None:
        """Shrink the file by the space of removed calls.

        A file with up to 1 GiB of calls is rewritten (`VACUUM`), for which another run waits: measured, 100 MB of calls
        in 2 s on a busy machine, and a run waits up to a minute. A larger file only frees its unused pages, in small
        transactions, unless `fully`: then it is rewritten too, and no byte of a removed call is left. Returns when the
        write-ahead log is empty too, or after a minute where another run reads it.
        """
        pages, free, size = (
            self.execute(f"PRAGMA {what}")[0][0] for what in ("page_count", "freelist_count", "page_size")
        )
        if fully or (pages - free) * size <= _VACUUM_LIMIT:
            self.execute("PRAGMA secure_delete = ON")
            self.execute("VACUUM")
        while (free := self.execute("PRAGMA freelist_count")[0][0]) > 0:
            self.execute(f"PRAGMA incremental_vacuum({_PAGES_FREED})")
            if self.execute("PRAGMA freelist_count")[0][0] >= free:
                break  # another run deletes as fast; the rest is for its own rows
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute one statement to its end and return its rows.

        Where the file turns out damaged, it is set aside and the statement is executed on a new file. Raises
        `MemoError` where the disk is full, fails or cannot be written.
        """
        try:
            return self._run(statement, *values)
        except FAULTS as error:
            if self._path is None or not is_damage(error, self._path):
                raise _as_memo_error(self._path, error) from None
            self._replace_damaged(error)
        return self._run_once(statement, *values)

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._retry_while_busy(lambda: self._connection.execute(statement, values).fetchall())

    def _retry_while_busy(self, action: Callable[[], T]) -> T:
        return patiently(action, path=self._path, stopping=self._stopping)

    def _open_lock(self) -> AbstractContextManager[None]:
        assert self._path is not None
        return _open_lock(self._path.with_name(_LOCK), stopping=self._stopping)

    def _run_once(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._run(statement, *values)
        except FAULTS as error:  # a new file fails too: the disk is the cause
            raise _as_memo_error(self._path, error) from None

    def _replace_damaged(self, damage: Exception) -> None:
        """Set the file aside, unless another run has, and open the one that takes its place."""
        assert self._path is not None
        # Before the renaming: on closing SQLite removes the write-ahead log by its name, which is then the new file's.
        with suppress(*FAULTS):
            self._connection.close()
        with self._open_lock():
            if _inode(self._path) == self._inode:
                self._set_aside("damaged", f"is damaged ({damage})")
        self._connection, self._inode = self._open()
        for digest, identity in self._engines.items():
            self._run_once(_REGISTER, digest, identity, time.time())

    def _open(self) -> tuple[sqlite3.Connection, tuple[int, int] | None]:
        """Return a connection to the file, made if absent and set aside if it cannot be used, and its inode."""
        path = self._path
        if path is None:
            return _connect(None), None
        with self._open_lock():
            try:
                schema = self._retry_while_busy(lambda: _schema(path, alone=self._alone))
                if schema > SCHEMA:
                    message = f"was written by a newer tomdich (schema {schema}, this one reads {SCHEMA})"
                    self._set_aside(f"schema-{schema}", message)
                return self._retry_while_busy(lambda: _connect(path, alone=self._alone)), _inode(path)
            except FAULTS as error:
                if not is_damage(error, path):
                    raise _as_memo_error(path, error) from None
                self._set_aside("damaged", f"is damaged ({error})")
            except OSError as error:
                raise _as_memo_error(path, error) from None
            try:
                return self._retry_while_busy(lambda: _connect(path, alone=self._alone)), _inode(path)
            except (*FAULTS, OSError) as error:
                raise _as_memo_error(path, error) from None

    def _set_aside(self, what: str, message: str) -> None:
        assert self._path is not None
        try:
            aside = set_aside(self._path, what)
        except OSError as error:
            why = describe(error, folder=self._path.parent)
            raise MemoError(f"{self._path}: {message} and cannot be set aside: {why}; {_REMEDY}") from None
        _log.warning(f"{self._path}: {message}; set aside as {aside.name}, its calls will be made again")


def open_memo(
    folder: Path | None, *, stopping: Stopping = lambda: None, alone: bool = False, behind: Memo | None = None
) -> Memo:
    """Return the memo in `folder`, made if absent; None keeps it in memory only (`tomdich try`).

    `alone`: only one process at a time opens it, by a lock of the caller's. It then may be on a network file system:
    SQLite keeps the file for itself and uses no shared memory, which a network does not give. `behind`: a memo whose
    calls are read too, where this one does not have them.

    A damaged file, and one of a newer tomdich, is set aside beside it and its name is logged; a stale write-ahead
    log goes with it. Raises `MemoError` where the folder cannot be written, and on a network file system, where
    SQLite's locks cannot be trusted; `StoppedError` where `stopping` gives a reason while another process holds it.
    """
    if folder is None:
        return Memo(None, stopping=stopping)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MemoError(
            f"{folder}: the memo's folder cannot be made: {describe(error, folder=folder)}; {_UNWRITABLE}"
        ) from None
    kind = file_system(folder)
    if is_network(kind) and not alone:
        raise MemoError(
            f"{folder}: is on a network file system ({kind}), where SQLite's locks are not safe; "
            "set `memo:` in the config to a folder on a local disk"
        )
    return Memo(folder / FILE, stopping=stopping, alone=alone, behind=behind)


@contextmanager
def _open_lock(lock: Path, *, stopping: Stopping) -> Iterator[None]:
    """Hold the lock for opening the memo or setting it aside; it is not held while the memo is in use."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_shared(lock))
            waiting.poll(lambda: _try_lock(file.fileno()), what=f"the lock {lock}", stopping=stopping)
        except OSError as error:
            raise MemoError(f"the memo cannot be locked: {describe(error, folder=lock)}; {_UNWRITABLE}") from None
        yield


def _try_lock(descriptor: int) -> Literal[True] | None:
    """Take a lock, or return None where another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return True


def _inode(path: Path) -> tuple[int, int] | None:
    """Return the device and inode, which tell a file from a later one of the same name; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _schema(path: Path, *, alone: bool) -> int:
    """Return the schema that the file at `path` was written in, 0 for a new one."""
    connection = connect(path, timeout=TRY)
    try:
        if alone:
            connection.execute(_ALONE)
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def _connect(path: Path | None, *, alone: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None) if path is None else connect(path, timeout=TRY)
    try:
        if alone:  # before the write-ahead log is opened: it then has no shared memory
            connection.execute(_ALONE)
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    # damaged bytes in a text fail the checksum of its row; decoding them must not raise
    connection.text_factory = lambda data: data.decode("utf-8", errors="replace")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")  # takes effect in a new file only
    connection.execute("PRAGMA journal_mode = WAL")
    # NORMAL: a killed process loses nothing; a power cut may lose the last calls, but does not damage the file
    connection.execute("PRAGMA synchronous = NORMAL")
    pages, size = (int(connection.execute(f"PRAGMA {what}").fetchone()[0]) for what in ("page_count", "page_size"))
    if 0 < pages * size <= _CHECKED_WHOLE:
        require_sound(connection)
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    # these fail where a table has other columns
    connection.execute("SELECT id, digest, identity, created FROM engines LIMIT 1").fetchone()
    connection.execute("SELECT key, engine, created, checksum FROM calls LIMIT 1").fetchone()


def _as_memo_error(path: Path | None, error: Exception) -> MemoError:
    if isinstance(error, OSError):
        assert path is not None
        return MemoError(f"{describe(error, folder=path)}; {_UNWRITABLE}")
    remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _REMEDY)
    return MemoError(f"{path or 'the memo'}: {error}; {remedy}")


def _stored(row: tuple[Any, ...]) -> tuple[bytes, StoredCall]:
    """Return the key, and what is known of the call, of a row as `scan` asks for it."""
    key, engine, created, source_tokens, dropped_tokens, output_tokens, finished, score, size = row
    numbers = source_tokens, dropped_tokens, output_tokens
    return key, StoredCall(engine, created, *numbers, bool(finished), score, size + _ROW)


def _verified(key: bytes, row: tuple[Any, ...]) -> Generation | None:
    """Return the generation of a stored row, or None where it is not what was stored under `key`."""
    text, source_tokens, dropped_tokens, output_tokens, finished, score, checksum = row
    try:
        generation = Generation(text, source_tokens, dropped_tokens, output_tokens, bool(finished), score)
        return generation if checksum == _checksum(key, generation) else None
    except (struct.error, AttributeError):  # a value of another type than was stored
        return None


def _in_one_text(generation: Generation) -> Generation:
    """Return an answer to `Candidates` as a row holds it: every hypothesis in its text, as JSON."""
    texts = msgspec.json.encode((generation.text, generation.others)).decode()
    return replace(generation, text=texts, others=())


def _with_others(stored: Generation) -> Generation:
    """Return the answer to `Candidates` that a row holds; the inverse of `_in_one_text`."""
    text, others = _hypotheses.decode(stored.text)
    return replace(stored, text=text, others=others)


_hypotheses = msgspec.json.Decoder(tuple[str, tuple[Hypothesis, ...]])


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
