"""The load pass: every configured source into one file of articles, each text once, each id once.

A text is a duplicate only as long as the article that holds it stays: where that one loses its id to another text, the
first of its duplicates takes its place.
Ids and texts already seen live in a scratch SQLite file, not in memory: a run never holds its input.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol, Self

import msgspec

from pipeline import sources
from pipeline.config import Config, Source
from pipeline.corrections import Rejection
from pipeline.errors import StoppedError
from pipeline.records import BY_EDITOR, DUPLICATE, JSON, SAME_ID, Article, Failure, PublishedRow
from pipeline.secrets import masked
from pipeline.storage.published import NEW, Published, PublishedState
from pipeline.storage.rows import rows
from pipeline.storage.versions import Version
from pipeline.text.near_duplicates import is_earlier

_WITHDRAWN = "was withdrawn with `tomdich forget`; take it out of the source"
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class SourceTotals:
    """What one configured source gave: `digest` covers every record it yielded, in order, wherever it was read."""

    path: str  # as the config writes it, without a password
    records: int
    digest: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An optional source, or a file of one, that was not read, or not to its end."""

    source: str  # as the config writes it, without a password
    reason: str


@dataclass(slots=True)
class Loaded:
    """What the load pass found, and where it put it: the records of the first stage."""

    articles: Path
    superseded: frozenset[int]  # lines of `articles` that a newer article with the same id replaced
    tallies: list[SourceTotals] = field(default_factory=list)
    files: list[sources.SourceFile] = field(default_factory=list)
    read: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejected_by_editor: int = 0  # of those
    damaged: int = 0  # rows and documents that cannot be read
    unavailable: list[Unavailable] = field(default_factory=list)
    known: int = 0  # passed over: published before, or older than what was published before under the same id
    count: int = 0  # articles that are kept
    characters: int = 0  # of the texts of the articles that are written, superseded ones included
    is_complete: ClassVar[bool] = True

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why optional sources were not read, or not to their end."""
        return tuple(one.reason for one in self.unavailable)

    def drain(self) -> None:
        """Do nothing: the articles are in a file already."""

    def __iter__(self) -> Iterator[Article]:
        """Yield the articles, in source order."""
        decoder = msgspec.json.Decoder(Article)
        with self.articles.open("rb") as lines:
            for number, line in enumerate(lines):
                if number not in self.superseded:
                    yield decoder.decode(line)


class Reader(Protocol):
    """Yields the records of one source of the config, each with what the digest of the source covers of it."""

    def __call__(
        self,
        number: int,
        source: Source,
        /,
        *,
        on_file: Callable[[sources.SourceFile], None],
        on_unavailable: Callable[[str], None],
    ) -> Iterator[tuple[Article | Failure, bytes]]:
        """Read `source`, the `number`-th of the config; as `sources.read`."""
        ...


def from_sources(config: Config, stopping: Callable[[], str | None]) -> Reader:
    """Return the reader of the sources themselves."""

    def read(
        _: int,
        source: Source,
        /,
        *,
        on_file: Callable[[sources.SourceFile], None],
        on_unavailable: Callable[[str], None],
    ) -> Iterator[tuple[Article | Failure, bytes]]:
        for record in sources.read(
            source,
            exclude=config.exclude,
            on_file=on_file,
            on_unavailable=on_unavailable,
            timezone=config.timezone,
            stopping=stopping,
        ):
            yield record, content(record)

    return read


def load(
    config: Config,
    *,
    read: Reader,
    folder: Path,
    limit: int | None,
    fail: Callable[[Failure], None],
    event: Callable[[str, dict[str, JSON]], None],
    advance: Callable[[int], None],
    stopping: Callable[[], str | None],
    standing: Callable[[Article], PublishedState],
    withdrawn: Callable[[str, str], bool],
    rejected: Mapping[str, Rejection],
) -> Loaded:
    """Read all sources into `folder`/articles.jsonl; at most `limit` articles are kept.

    Every record read is kept, counted as known (by its `standing`), or handed to `fail`, duplicates too; one that was
    `withdrawn` without its id or anything else of it. An article that is older than a published text of its id
    counts as known too. Where the sources hold both, the older one is passed over likewise under `on_same_id: newest`,
    and under `error` one of the two is a failure each time. `rejected`: what editors do not want published, by the
    digest of its text.
    """
    loaded = Loaded(folder / "articles.jsonl", frozenset())
    with _Seen(folder / "seen.sqlite", newest=config.on_same_id == "newest") as seen, loaded.articles.open("wb") as out:
        intake = _Intake(loaded, seen, out, standing=standing, fail=fail, event=event)
        for number, source in enumerate(config.sources):
            tally = SourceTotals(masked(source.path or source.dataset or ""), 0, "")
            running = hashlib.sha256()

            def miss(reason: str, source: str = tally.path) -> None:
                loaded.unavailable.append(Unavailable(source, reason))

            for record, covered in read(number, source, on_file=loaded.files.append, on_unavailable=miss):
                _check(stopping)
                running.update(covered)
                tally.records += 1
                loaded.read += 1
                advance(1)
                # the digest above is of what was read
                record = unless_rejected(unless_withdrawn(record, withdrawn), rejected)  # noqa: PLW2901
                if isinstance(record, Failure):
                    loaded.rejected += record.rejected
                    loaded.rejected_by_editor += record.kind == BY_EDITOR
                    loaded.damaged += record.damaged
                    fail(record)
                else:
                    intake.take(record)
                if loaded.count == limit:
                    break
            tally.digest = running.hexdigest()
            loaded.tallies.append(tally)
            if loaded.count == limit:
                break
        for duplicate in seen.duplicates():
            fail(duplicate)
    loaded.superseded = frozenset(seen.superseded)
    return loaded


def load_version(
    version: Version,
    *,
    folder: Path,
    advance: Callable[[int], None],
    stopping: Callable[[], str | None],
) -> Loaded:
    """Return the articles of the rows of `version`, in `folder`/articles.jsonl; no source is read.

    The totals of the sources are those of its manifest.
    """
    loaded = Loaded(folder / "articles.jsonl", frozenset())
    with loaded.articles.open("wb") as out:
        for row in rows(version):
            _check(stopping)
            article = article_of(row)
            out.write(_encoder.encode(article) + b"\n")
            loaded.read += 1
            loaded.count += 1
            loaded.characters += len(article.text)
            advance(1)
    loaded.tallies = [SourceTotals(**tally) for tally in version.manifest["sources"]]
    return loaded


def article_of(row: PublishedRow) -> Article:
    """Return the article that a published row was made of."""
    return Article(
        id=row.id,
        text=row.article,
        text_sha256=row.text_sha256,
        source=row.source,
        title=row.title,
        url=row.url,
        published=row.published,
        outlet=row.outlet,
        extra={name: text for name, text in row.kept.items() if text is not None},
        set_aside=tuple((line.kind, line.text) for line in row.set_aside),
        reference_summary=row.reference_summary,
        reference_translation=row.reference_translation,
    )


@dataclass(frozen=True, slots=True)
class _Intake:
    """What becomes of each article that is read: written, counted as a duplicate or as known, or a failure."""

    loaded: Loaded
    seen: _Seen
    out: BinaryIO
    standing: Callable[[Article], PublishedState] = field(kw_only=True)
    fail: Callable[[Failure], None] = field(kw_only=True)
    event: Callable[[str, dict[str, JSON]], None] = field(kw_only=True)

    def take(self, article: Article) -> None:
        """Keep an article or not; then the duplicates whose text nobody holds any more."""
        coming: Article | None = article
        while coming is not None:
            duplicate = self.seen.same_text(coming)
            if duplicate is not None:
                self.seen.set_aside(coming)
                self.loaded.duplicates += 1
                self.event("duplicate", {"record": coming.id, "same_text_as": duplicate, "path": coming.source.path})
                return
            coming = self._freed(coming)
            if coming is not None:
                self.loaded.duplicates -= 1
                self.event("no_duplicate", {"record": coming.id, "path": coming.source.path})

    def _freed(self, article: Article) -> Article | None:
        """Keep an article with a new text or not; return a duplicate of the one that it replaced."""
        loaded = self.loaded
        verdict = self.seen.same_id(article, standing=self.standing(article))
        if verdict.taken:
            self.out.write(_encoder.encode(article) + b"\n")
            loaded.characters += len(article.text)
        superseded = verdict.superseded
        replaced = superseded is not None and superseded is not article
        loaded.count += verdict.taken - replaced
        loaded.known += verdict.known + verdict.outdated
        if superseded is None:
            return None
        if verdict.outdated:
            self.event("outdated", {"record": superseded.id, "path": superseded.source.path})
        else:
            self.fail(self.seen.failure(superseded))
        return self.seen.duplicate(superseded) if replaced else None


def standing_in(published: Published, *, only_new: bool) -> Callable[[Article], PublishedState]:
    """Return the function that compares an article with those published before; all are new unless `only_new`."""
    if not only_new:
        return lambda _article: NEW
    return lambda article: published.state_of(article.id, article.text_sha256, article.published)


def holds_nothing_new(loaded: Loaded, published: Published) -> bool:
    """Return whether what was read is published; where every article was rejected, that is a reason to fail.

    Sources of which nothing was read are a reason too, unless they are there and empty, and something was published
    before.
    """
    is_empty = not loaded.read and not loaded.unavailable and published.has_any()
    return bool(loaded.known) or is_empty


def content(record: Article | Failure) -> bytes:
    """Return what the digest of a source covers of a record: all but the path it was read from."""
    source = replace(record.source, path="")
    if isinstance(record, Failure):  # the message names the path
        return _encoder.encode(replace(record, source=source, message=""))
    return _encoder.encode(replace(record, source=source))


def unless_withdrawn(record: Article | Failure, withdrawn: Callable[[str, str], bool]) -> Article | Failure:
    """Return the record; for a withdrawn article, return a rejection that contains only its place in the source."""
    if isinstance(record, Failure) or not withdrawn(record.id, record.text_sha256):
        return record
    return Failure(stage="load", kind="withdrawn", message=_WITHDRAWN, source=record.source, rejected=True)


def unless_rejected(record: Article | Failure, rejected: Mapping[str, Rejection]) -> Article | Failure:
    """Return the record, or the rejection of an article that an editor does not want published."""
    if isinstance(record, Failure) or (line := rejected.get(record.text_sha256)) is None:
        return record
    message = f"rejected by {line.by}, {line.at}{f': {line.reason}' if line.reason else ''}"
    return _failure(record, kind=BY_EDITOR, message=message, rejected=True)


def _failure(article: Article, *, kind: str, message: str, rejected: bool) -> Failure:
    """Return the listed failure of an article that is not among those loaded."""
    return Failure(
        stage="load",
        kind=kind,
        message=message,
        source=article.source,
        id=article.id,
        text_sha256=article.text_sha256,
        rejected=rejected,
    )


def _check(stopping: Callable[[], str | None]) -> None:
    reason = stopping()
    if reason:
        raise StoppedError(f"{reason} while loading; run it again")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What becomes of an article, and of an earlier one that has its id."""

    taken: bool  # the article is one of the run's
    known: bool  # it was published before
    superseded: Article | None = None  # which of the two goes, where it was not published before
    outdated: bool = False  # it goes for a newer one that was published before


class _Seen:
    """The ids and texts already read, in a scratch file; a context manager."""

    def __init__(self, path: Path, *, newest: bool) -> None:
        self.superseded: set[int] = set()
        self._newest = newest
        self._lines = 0
        self._scratch = sqlite3.connect(path, isolation_level=None)
        self._scratch.execute("PRAGMA journal_mode = OFF")
        self._scratch.execute("PRAGMA synchronous = OFF")
        self._scratch.execute("CREATE TABLE texts (sha TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID")
        self._scratch.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, line INTEGER, brief BLOB) WITHOUT ROWID")
        self._scratch.execute("CREATE TABLE twins (number INTEGER PRIMARY KEY, sha TEXT, article BLOB)")
        self._scratch.execute("CREATE INDEX twins_of ON twins (sha)")
        self._scratch.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def same_text(self, article: Article) -> str | None:
        """Return the id of the article that holds this text: one of the run's, or one that was published before."""
        row = self._scratch.execute("SELECT id FROM texts WHERE sha = ?", (article.text_sha256,)).fetchone()
        return None if row is None else str(row[0])

    def set_aside(self, article: Article) -> None:
        """Keep a duplicate, for the case that the article that holds its text goes."""
        row = (article.text_sha256, _encoder.encode(article))
        self._scratch.execute("INSERT INTO twins (sha, article) VALUES (?, ?)", row)

    def duplicate(self, superseded: Article) -> Article | None:
        """Return the first duplicate of an article that went, under another id than its own, and forget it."""
        rows = self._scratch.execute(
            "SELECT number, article FROM twins WHERE sha = ? ORDER BY number", (superseded.text_sha256,)
        )
        for number, encoded in rows.fetchall():
            article = msgspec.json.decode(encoded, type=Article)
            if article.id != superseded.id:
                self._scratch.execute("DELETE FROM twins WHERE number = ?", (number,))
                return article
        return None

    def same_id(self, article: Article, *, standing: PublishedState) -> _Verdict:
        """Return which of two articles with one id stays; one that is known, or outdated, is not taken.

        Under `newest` the later moment of publication stays; equal, missing or unreadable ones count by the order of
        reading. Else it is the one that was published before, or the earlier one.
        """
        known = standing.known
        row = self._scratch.execute("SELECT line, brief FROM ids WHERE id = ?", (article.id,)).fetchone()
        earlier = None if row is None else msgspec.json.decode(row[1], type=Article)
        line = None if row is None else row[0]  # None too where the earlier one was published before
        if standing.outdated:
            stays = False
        elif earlier is None:
            stays = True
        elif self._newest:
            stays = not is_earlier(article.published, earlier.published)
        else:
            stays = known and line is not None
        if stays or known:
            self._scratch.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (article.text_sha256, article.id))
        if not stays:
            outdated = not known and (standing.outdated or (self._newest and line is None))
            return _Verdict(taken=False, known=known, superseded=None if known else article, outdated=outdated)
        if line is not None and earlier is not None:
            self.superseded.add(line)
            self._scratch.execute("DELETE FROM texts WHERE sha = ?", (earlier.text_sha256,))
        metadata = _encoder.encode(replace(article, text="", extra={}, set_aside=()))
        self._scratch.execute(
            "INSERT OR REPLACE INTO ids VALUES (?, ?, ?)", (article.id, None if known else self._lines, metadata)
        )
        self._lines += not known
        superseded = earlier if line is not None else None
        return _Verdict(
            taken=not known,
            known=known,
            superseded=superseded,
            outdated=self._newest and known and superseded is not None,
        )

    def duplicates(self) -> Iterator[Failure]:
        """Yield the listed failure of each article whose text another article holds, in the order of reading."""
        rows = self._scratch.execute(
            "SELECT article, id FROM twins LEFT JOIN texts ON texts.sha = twins.sha ORDER BY number"
        )
        for encoded, holder in rows:
            article = msgspec.json.decode(encoded, type=Article)
            message = f"the same text as {holder or article.id}"
            yield _failure(article, kind=DUPLICATE, message=message, rejected=True)

    def failure(self, superseded: Article) -> Failure:
        """Return the listed failure of an article whose id another text holds."""
        message = (
            "another, newer text has the same id"
            if self._newest
            else "another text has the same id, and was read or published before; `on_same_id: newest` keeps the newest"
        )
        return _failure(superseded, kind=SAME_ID, message=message, rejected=False)
