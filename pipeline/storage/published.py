"""The index of what an experiment has published: the ids and text digests for `--only-new`, in `<name>/.published`.

For each id it also keeps the text that was published last and the latest date of publication, so that an older text
of an id, which a feed brings late or again, is not published over a newer one.

It is filled from the versions themselves: under the lock, every version that is whole (`full`, `new` or `revised`;
what a sample holds is still to be published) and is not yet in it is read, each in one transaction. So the next run
adds what a run that was killed after publishing did not, and pruned versions stay known. A damaged file is set aside
and filled again from the versions that are left.

No run publishes a withdrawn article (`tomdich forget`) again, even if a source still has it. Withdrawals are recorded
in `<outputs>/.withdrawn` and in the manifests of the rewritten versions, as digests of ids and of text digests, from
which the id cannot be derived.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from pipeline.errors import WorldError
from pipeline.ids import text_digest
from pipeline.storage import object_store, sqlite_recovery
from pipeline.storage.atomic import TEMPORARY, sync, write_atomically
from pipeline.storage.disk_errors import describe
from pipeline.storage.rows import rows
from pipeline.storage.sqlite_recovery import FAULTS, TRY, connect, is_damage, patiently, require_sound, set_aside
from pipeline.storage.versions import WHOLE, Version
from pipeline.text.near_duplicates import is_earlier, parse_date
from pipeline.waiting import Stopping

T = TypeVar("T")

_log = logging.getLogger(__name__)

FILE = ".published"
WITHDRAWN = object_store.WITHDRAWN
_TABLES = """
CREATE TABLE IF NOT EXISTS articles (id TEXT, sha TEXT, PRIMARY KEY (id, sha)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dated_versions (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS newest (id TEXT PRIMARY KEY, sha TEXT, published TEXT) STRICT, WITHOUT ROWID;
"""
_LIST_REMEDY = "put it back from a copy, or remove it and `tomdich forget` again what was withdrawn"


@dataclass(frozen=True, slots=True)
class _Dated:
    """A text of an id and its date of publication: a projection."""

    id: str
    text_sha256: str
    published: str = ""


class PublishedState(NamedTuple):
    """What was published before under an article's id."""

    known: bool  # this text was published, and no newer date brings it back
    outdated: bool  # a text with a later date of publication was published


NEW = PublishedState(known=False, outdated=False)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One article that was withdrawn: `text_digest` of its id and of the digests of its texts."""

    at: str  # ISO 8601
    article: str
    texts: tuple[str, ...]
    name: str | None  # the one experiment it was withdrawn from, None: all of the folder, those to come too
    names: tuple[str, ...]  # experiments in which the id is this article's; elsewhere it may be another's

    def digests(self, experiment: str) -> set[str]:
        """Return the digests of ids and texts that an experiment must not publish."""
        if self.name not in {None, experiment}:
            return set()
        return {*self.texts, self.article} if experiment in self.names else {*self.texts}


def withdrawals(outputs: Path) -> list[Withdrawal]:
    """Return every withdrawal of a folder of outputs, oldest first; raises `WorldError` where the list is damaged."""
    path = outputs / WITHDRAWN
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorldError(
            f"{describe(error, folder=path)}; without it a run could publish what was withdrawn: keep it, and let its "
            "owner give this account read access"
        ) from None
    except UnicodeDecodeError as error:
        raise WorldError(f"{path}: cannot be read: {error}; {_LIST_REMEDY}") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            found.append(
                Withdrawal(entry["at"], entry["article"], tuple(entry["texts"]), entry["name"], tuple(entry["names"]))
            )
        except (ValueError, TypeError, KeyError):
            raise WorldError(f"{path}:{number}: is damaged; {_LIST_REMEDY}") from None
    return found


def withdraw(outputs: Path, withdrawal: Withdrawal) -> None:
    """Append a withdrawal to the list of a folder of outputs, unless an equal one is there; needs its lock."""
    there = withdrawals(outputs)
    key = (withdrawal.article, withdrawal.texts, withdrawal.name, withdrawal.names)
    if any((one.article, one.texts, one.name, one.names) == key for one in there):
        return
    line = json.dumps(asdict(withdrawal), ensure_ascii=False)
    if (store := object_store.of(outputs)) is not None:
        store.withdraw(line)
        return
    for left in outputs.glob(f"{TEMPORARY}*-{WITHDRAWN}.part"):  # left by a killed process
        left.unlink()
    lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in (*there, withdrawal))
    write_atomically(outputs / WITHDRAWN, "".join(lines))
    sync(outputs)


class Published:
    """An open index of published articles; a context manager. `withdrawn`: digests of ids and texts.

    Each method raises `StoppedError` where `stopping` gives a reason while another process holds the file.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, path: Path, withdrawn: Collection[str], stopping: Stopping
    ) -> None:
        self._connection = connection
        self._path = path
        self._withdrawn = set(withdrawn)
        self._stopping = stopping

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def has(self, article_id: str, text_sha256: str) -> bool:
        """Return whether this id was published with this text: an updated text is new."""
        return bool(self._ask("SELECT 1 FROM articles WHERE id = ? AND sha = ?", article_id, text_sha256))

    def state_of(self, article_id: str, text_sha256: str, published: str) -> PublishedState:
        """Return what was published under an article's id before; `published` is the article's own date.

        A text that was published, then replaced, and returns with a later date than any before is new again: the
        publisher reverted to it.
        """
        found = self._ask("SELECT sha, published FROM newest WHERE id = ?", article_id)
        known = self.has(article_id, text_sha256)
        if not found:
            return PublishedState(known=known, outdated=False)
        sha, latest = found[0]
        reverted = sha != text_sha256 and is_earlier(latest, published)
        return PublishedState(known=known and not reverted, outdated=is_earlier(published, latest))

    def has_any(self) -> bool:
        """Return whether any article was published, also in a version that has been pruned since."""
        return bool(self._ask("SELECT 1 FROM articles LIMIT 1"))

    def texts(self, article_id: str) -> frozenset[str]:
        """Return the digests of the texts that were published under this id."""
        return frozenset(sha for (sha,) in self._ask("SELECT sha FROM articles WHERE id = ?", article_id))

    def is_withdrawn(self, article_id: str, text_sha256: str = "") -> bool:
        """Return whether this id, or this text, was withdrawn."""
        return not self._withdrawn.isdisjoint((text_digest(article_id), text_digest(text_sha256)))

    def forget(self, *, article_id: str | None, texts: Collection[str]) -> None:
        """Remove an id, and every text whose digest has one of these digests; raises `WorldError`.

        The file is rewritten, so that no byte of them is left.
        """
        try:
            self._ask("PRAGMA secure_delete = ON")
            self._patiently(lambda: self._forget(article_id, texts))
            self._ask("VACUUM")
        except sqlite3.Error as error:
            raise WorldError(f"{self._path}: cannot be written: {error}") from None

    def _forget(self, article_id: str | None, texts: Collection[str]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            shas = [(sha,) for (sha,) in self._connection.execute("SELECT DISTINCT sha FROM articles")]
            self._connection.execute("DELETE FROM articles WHERE id = ?", (article_id,))
            self._connection.execute("DELETE FROM newest WHERE id = ?", (article_id,))
            gone = [(sha,) for (sha,) in shas if text_digest(sha) in texts]
            self._connection.executemany("DELETE FROM articles WHERE sha = ?", gone)
            self._connection.executemany("DELETE FROM newest WHERE sha = ?", gone)

    def note(self, versions: Iterable[Version]) -> None:
        """Add the articles of the whole versions that were not added yet; raises `WorldError`."""
        for version in versions:
            self.note_withdrawn(version)
            if version.manifest["scope"] not in WHOLE or self._ask(
                "SELECT 1 FROM dated_versions WHERE name = ?", version.folder.name
            ):
                continue
            try:
                self._patiently(partial(self._note, version))
            except sqlite3.Error as error:
                raise WorldError(f"{self._path}: cannot be written: {error}") from None

    def _note(self, version: Version) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for row in rows(version, _Dated):
                self._note_row(row.id, row.text_sha256, row.published)
            self._connection.execute("INSERT INTO dated_versions VALUES (?)", (version.folder.name,))

    def _note_row(self, article_id: str, text_sha256: str, published: str) -> None:
        self._connection.execute("INSERT OR IGNORE INTO articles VALUES (?, ?)", (article_id, text_sha256))
        found = self._connection.execute("SELECT published FROM newest WHERE id = ?", (article_id,)).fetchone()
        latest = "" if found is None else found[0]
        if is_earlier(published, latest):
            return
        later = published if parse_date(published) is not None else latest  # an unreadable date hides no earlier one
        self._connection.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?)", (article_id, text_sha256, later))

    def _ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._patiently(lambda: self._connection.execute(statement, values).fetchall())

    def _patiently(self, action: Callable[[], T]) -> T:
        return patiently(action, path=self._path, stopping=self._stopping)

    def note_withdrawn(self, version: Version) -> None:
        """Add what the version's manifest lists as withdrawn from it."""
        self._withdrawn.update(digest for one in version.manifest.get("withdrawn", ()) for digest in one["digests"])


def open_published(folder: Path, versions: Iterable[Version], *, stopping: Stopping = lambda: None) -> Published:
    """Return the index of the experiment in `folder`, with every version of `versions` added; needs the lock.

    Raises `StoppedError` where `stopping` gives a reason while another process holds the file.
    """
    path = folder / FILE
    withdrawn = _withdrawn(folder)

    def opened() -> Published:
        connection = patiently(lambda: _connect(path), path=path, stopping=stopping)
        return Published(connection, path=path, withdrawn=withdrawn, stopping=stopping)

    try:
        published = opened()
    except FAULTS as error:
        if not is_damage(error, path):  # locked, read-only, disk full
            raise WorldError(f"{path}: cannot be opened: {error}") from None
        aside = set_aside(path, "damaged")
        _log.warning(
            f"{path}: is damaged ({error}); set aside as {aside.name}, filled again from the versions that are left"
        )
        published = opened()
    published.note(versions)
    return published


def require_writable(folder: Path) -> None:
    """Raise the `OSError` with which `open_published` would fail because a file refuses access; writes nothing."""
    if folder.exists():
        sqlite_recovery.require_writable(folder / FILE)


def read_published(folder: Path, versions: Iterable[Version], *, stopping: Stopping = lambda: None) -> Published:
    """Return the index of the experiment in `folder`, without a lock and without writing to it.

    Raises as `open_published` where `stopping` gives a reason.
    """
    path = folder / FILE
    uri = f"{path.absolute().as_uri()}?mode=ro"
    withdrawn = _withdrawn(folder)
    try:
        connection = patiently(
            lambda: _checked(sqlite3.connect(uri, uri=True, timeout=TRY, isolation_level=None)),
            path=path,
            stopping=stopping,
        )
        published = Published(connection, path=path, withdrawn=withdrawn, stopping=stopping)
    except FAULTS:  # absent, damaged, or left by a killed run: the next run repairs it
        published = Published(_connect(None), path=path, withdrawn=withdrawn, stopping=stopping)
        published.note(versions)
    else:
        for version in versions:
            published.note_withdrawn(version)
    return published


def _withdrawn(folder: Path) -> set[str]:
    return set().union(*(one.digests(folder.name) for one in withdrawals(folder.parent)))


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None) if path is None else connect(path, timeout=TRY)
    try:
        connection.executescript(_TABLES)
    except BaseException:
        connection.close()
        raise
    return _checked(connection)


def _checked(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return the connection, closed where its file is damaged or of another shape.

    A flipped bit within a text is not detected. Such a digest or date equals no other, and its article counts as new.
    """
    connection.text_factory = lambda data: data.decode("utf-8", errors="replace")
    try:
        require_sound(connection)
        connection.execute("SELECT id, sha FROM articles LIMIT 1").fetchone()
        connection.execute("SELECT name FROM dated_versions LIMIT 1").fetchone()
        connection.execute("SELECT id, sha, published FROM newest LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
