"""The load pass: every configured source into one file of articles, each text once, each id once.

Ids and texts already seen live in a scratch SQLite file, not in memory: a run never holds its input.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from pipeline import sources
from pipeline.config import Config
from pipeline.errors import StoppedError
from pipeline.records import JSON, Article, Failure

_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class SourceTally:
    """What one configured source gave: `digest` covers every record it yielded, in order."""

    path: str
    records: int
    digest: str


@dataclass(slots=True)
class Loaded:
    """What the load pass found, and where it put it."""

    articles: Path
    superseded: frozenset[int]  # lines of `articles` that a newer article with the same id replaced
    tallies: list[SourceTally] = field(default_factory=list)
    files: list[sources.SourceFile] = field(default_factory=list)
    read: int = 0
    duplicates: int = 0
    rejected: int = 0
    kept: int = 0

    def __iter__(self) -> Iterator[Article]:
        """Yield the articles, in source order."""
        decoder = msgspec.json.Decoder(Article)
        with self.articles.open("rb") as lines:
            for number, line in enumerate(lines):
                if number not in self.superseded:
                    yield decoder.decode(line)


def load(
    config: Config,
    *,
    folder: Path,
    limit: int | None,
    fail: Callable[[Failure], None],
    warn: Callable[[str], None],
    event: Callable[[str, dict[str, JSON]], None],
    advance: Callable[[int], None],
    stopping: Callable[[], str | None],
) -> Loaded:
    """Read all sources into `folder`/articles.jsonl; at most `limit` articles are kept.

    Every record read is kept, counted as a duplicate, or handed to `fail`.
    """
    loaded = Loaded(folder / "articles.jsonl", frozenset())
    superseded: set[int] = set()
    scratch = sqlite3.connect(folder / "seen.sqlite", isolation_level=None)
    with closing(scratch), loaded.articles.open("wb") as out:
        scratch.execute("PRAGMA journal_mode = OFF")
        scratch.execute("PRAGMA synchronous = OFF")
        scratch.execute("CREATE TABLE texts (sha TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID")
        scratch.execute(
            "CREATE TABLE ids (id TEXT PRIMARY KEY, line INTEGER, published TEXT, record BLOB) WITHOUT ROWID"
        )
        scratch.execute("BEGIN")
        lines = 0
        for source in config.sources:
            tally = SourceTally(source.path or source.dataset or "", 0, "")
            running = hashlib.sha256()
            for record in sources.read(source, exclude=config.exclude, warn=warn, on_file=loaded.files.append):
                reason = stopping()
                if reason:
                    raise StoppedError(f"{reason} while loading; run it again")
                running.update(_encoder.encode(record))
                tally.records += 1
                loaded.read += 1
                advance(1)
                if isinstance(record, Failure):
                    loaded.rejected += record.rejected
                    fail(record)
                    continue
                if not _first_of_its_text(scratch, record, event):
                    loaded.duplicates += 1
                    continue
                loser = _loser(scratch, record, newest=config.on_same_id == "newest")
                if loser is not None:
                    fail(_same_id(loser, newest=config.on_same_id == "newest"))
                if loser is record:
                    continue
                if loser is not None:
                    superseded.add(_line_of(scratch, record))
                    loaded.kept -= 1
                _remember(scratch, record, line=lines)
                out.write(_encoder.encode(record) + b"\n")
                lines += 1
                loaded.kept += 1
                if loaded.kept == limit:
                    break
            tally.digest = running.hexdigest()
            loaded.tallies.append(tally)
            if loaded.kept == limit:
                break
    return replace(loaded, superseded=frozenset(superseded))


def _first_of_its_text(
    scratch: sqlite3.Connection, article: Article, event: Callable[[str, dict[str, JSON]], None]
) -> bool:
    added = scratch.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (article.text_sha256, article.id)).rowcount
    if not added:
        first = scratch.execute("SELECT id FROM texts WHERE sha = ?", (article.text_sha256,)).fetchone()[0]
        event("duplicate", {"id": article.id, "same_text_as": first, "path": article.source.path})
    return bool(added)


def _loser(scratch: sqlite3.Connection, article: Article, *, newest: bool) -> Article | None:
    """Return which of two articles with one id goes: the earlier one, this one, or None where the id is new.

    Under `newest` the later publication date stays; dates that are equal or missing count by the order of reading.
    """
    row = scratch.execute("SELECT published, record FROM ids WHERE id = ?", (article.id,)).fetchone()
    if row is None:
        return None
    if newest and article.published >= row[0]:
        earlier: Article = msgspec.json.decode(row[1], type=Article)
        return earlier
    return article


def _line_of(scratch: sqlite3.Connection, article: Article) -> int:
    return int(scratch.execute("SELECT line FROM ids WHERE id = ?", (article.id,)).fetchone()[0])


def _remember(scratch: sqlite3.Connection, article: Article, *, line: int) -> None:
    brief = replace(article, text="", extra={})
    scratch.execute(
        "INSERT OR REPLACE INTO ids VALUES (?, ?, ?, ?)",
        (article.id, line, article.published, _encoder.encode(brief)),
    )


def _same_id(loser: Article, *, newest: bool) -> Failure:
    other = "another, newer text has the same id" if newest else "an earlier, other text has the same id"
    remedy = "" if newest else "; `on_same_id: newest` keeps the newest"
    return Failure(
        stage="load",
        kind="same_id",
        message=f"{other}{remedy}",
        source=loser.source,
        id=loser.id,
        text_sha256=loser.text_sha256,
    )
