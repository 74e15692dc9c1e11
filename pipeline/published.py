"""What an experiment has published so far: the ids and text digests behind `--only-new`, in `<name>/.published`.

Beside them, what was withdrawn since (`tomdich forget`), as digests of ids and of text digests: no run publishes it
again, in whatever source it still stands.

It is filled from the versions themselves: under the lock, every version that is whole (`full` or `new`; what a sample
holds is still to be published) and is not yet in it is read, each in one transaction. So a run that is killed between
publishing and noting it is made good by the next one, and what was pruned since is still known. A damaged file is set
aside and filled again from the versions that are left, whose manifests know what was withdrawn from them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from pipeline.errors import WorldError
from pipeline.ids import text_digest
from pipeline.rows import rows
from pipeline.store import WHOLE, Version

FILE = ".published"
_TABLES = """
CREATE TABLE IF NOT EXISTS versions (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS articles (id TEXT, sha TEXT, PRIMARY KEY (id, sha)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawn (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""


class Published:
    """The articles published so far; a context manager."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def has(self, article_id: str, text_sha256: str) -> bool:
        """Return whether this id was published with this text: an updated text is new."""
        found = self._connection.execute("SELECT 1 FROM articles WHERE id = ? AND sha = ?", (article_id, text_sha256))
        return found.fetchone() is not None

    def texts(self, article_id: str) -> frozenset[str]:
        """Return the digests of the texts that were published under this id."""
        found = self._connection.execute("SELECT sha FROM articles WHERE id = ?", (article_id,))
        return frozenset(sha for (sha,) in found)

    def is_withdrawn(self, article_id: str, text_sha256: str = "") -> bool:
        """Return whether this id, or this text, was withdrawn."""
        either = (text_digest(article_id), text_digest(text_sha256))
        return self._connection.execute("SELECT 1 FROM withdrawn WHERE digest IN (?, ?)", either).fetchone() is not None

    def withdraw(self, digests: Iterable[str], *, article_id: str | None, texts: Iterable[str]) -> None:
        """Note what was withdrawn, and keep neither the id nor these texts among the published; raises `WorldError`.

        `digests`: `text_digest` of the id and of the text digests. The file is written anew: no byte of them is left.
        """
        try:
            self._connection.execute("PRAGMA secure_delete = ON")
            with self._connection:
                self._connection.execute("BEGIN")
                self._connection.executemany("INSERT OR IGNORE INTO withdrawn VALUES (?)", ((one,) for one in digests))
                self._connection.execute("DELETE FROM articles WHERE id = ?", (article_id,))
                self._connection.executemany("DELETE FROM articles WHERE sha = ?", ((sha,) for sha in texts))
            self._connection.execute("VACUUM")
        except sqlite3.Error as error:
            raise WorldError(f"{FILE}: cannot be written: {error}") from None

    def note(self, versions: Iterable[Version]) -> None:
        """Take in the articles of the versions that are whole and not known yet; raises `WorldError`."""
        for version in versions:
            name = version.folder.name
            self._note_withdrawn(version)
            if (
                version.manifest["scope"] not in WHOLE
                or self._connection.execute("SELECT 1 FROM versions WHERE name = ?", (name,)).fetchone()
            ):
                continue
            pairs = ((row["id"], row["text_sha256"]) for row in rows(version, ["id", "text_sha256"]))
            try:
                with self._connection:
                    self._connection.execute("BEGIN")
                    self._connection.executemany("INSERT OR IGNORE INTO articles VALUES (?, ?)", pairs)
                    self._connection.execute("INSERT INTO versions VALUES (?)", (name,))
            except sqlite3.Error as error:
                raise WorldError(f"{version.folder.parent / FILE}: cannot be written: {error}") from None

    def _note_withdrawn(self, version: Version) -> None:
        digests = {digest for one in version.manifest.get("withdrawn", ()) for digest in one["digests"]}
        known = {digest for (digest,) in self._connection.execute("SELECT digest FROM withdrawn")} if digests else set()
        try:
            self._connection.executemany("INSERT INTO withdrawn VALUES (?)", ((one,) for one in digests - known))
        except sqlite3.Error as error:
            raise WorldError(f"{version.folder.parent / FILE}: cannot be written: {error}") from None


def open_published(folder: Path, versions: Iterable[Version], *, warn: Callable[[str], None]) -> Published:
    """Return what the experiment in `folder` has published, every version of `versions` taken in; needs the lock."""
    path = folder / FILE
    try:
        published = Published(_connect(path))
    except sqlite3.OperationalError as error:  # locked, read-only, disk full: not damage
        raise WorldError(f"{path}: cannot be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{FILE}.damaged-{time.time_ns()}")
        path.rename(aside)
        warn(f"{path}: is damaged ({error}); set aside as {aside.name}, filled again from the versions that are left")
        published = Published(_connect(path))
    published.note(versions)
    return published


def look(folder: Path, versions: Iterable[Version]) -> Published:
    """Return what the experiment in `folder` has published, without a lock and without writing anything."""
    path = folder / FILE
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60)
        connection.execute("SELECT count(*) FROM versions, withdrawn").fetchone()
        return Published(connection)
    except sqlite3.DatabaseError:  # not there yet, damaged, or left by a killed run: the next run mends it
        published = Published(_connect(Path(":memory:")))
        published.note(versions)
        return published


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        connection.executescript(_TABLES)
        connection.execute("SELECT count(*) FROM versions").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
