"""Read articles from text files, web pages, feeds, tables and datasets, on disk, on the web or in a bucket.

Everything that is read becomes an `Article` or a listed `Failure`, in the order of the source: files by path, rows in
the order of the file. A single document is held in memory whole; of a table one row is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline import waiting
from pipeline.config import Columns, Exclude, Format, Markup, Source
from pipeline.errors import SourceError, UnavailableError
from pipeline.records import JSON, Article, Failure, Origin
from pipeline.secrets import expand_path
from pipeline.sources import (
    articles,
    byte_streams,
    compression,
    dates,
    files,
    finding,
    hub,
    markup,
    tables,
)
from pipeline.sources.articles import Draft
from pipeline.sources.files import Found
from pipeline.sources.shares import Division
from pipeline.storage import names
from pipeline.text import normalize
from pipeline.waiting import Stopping

if TYPE_CHECKING:
    from pipeline.sources.pasted import Pasted

_log = logging.getLogger(__name__)

__all__ = ["Division", "SourceFile", "find", "read", "sample"]

_SAMPLED = 2_000  # rows of a sample: about two seconds
_SAMPLED_FILES = 100
_FEED = re.compile(r"<(?:rss|feed|rdf:RDF|urlset|sitemapindex)[\s>]")  # the root of a feed or a sitemap


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file, or dataset, that was read to its end."""

    path: str
    digest: str  # SHA-256 of the bytes of the file, compressed or not; of a hub dataset its commit
    bytes: int
    records: int  # articles and listed failures


def _ignore(_: str) -> None:
    pass


def find(source: Source, *, stopping: Stopping | None = None) -> list[str]:
    """Return the files that `read` would read, in its order; a dataset is one name.

    Raises `SourceError` where there is nothing to read; where that is an `UnavailableError` and the source is optional,
    that is logged instead. `stopping`: as in `read`.
    """
    if source.path is None:
        return [hub.name_of(source)]
    return [found.name for found in _found(source, source.path, on_unavailable=_ignore, stopping=stopping)]


def read(
    source: Source,
    *,
    exclude: Exclude,
    on_file: Callable[[SourceFile], None],
    on_unavailable: Callable[[str], None] = _ignore,
    timezone: str | None = None,
    stopping: Stopping | None = None,
    division: Division | None = None,
) -> Iterator[Article | Failure]:
    """Yield every article of `source`, and a listed failure for everything that is not an article, in a stable order.

    `on_file` is called with each file when it has been read. Raises `SourceError` for a file without a configured
    column or of no known format, and its subclass `UnavailableError` for a file that is missing, cut short or changed
    while it was read. After the latter an optional source continues with the next file, keeps what was read, and calls
    `on_unavailable` with the reason. `timezone`: of dates of publication that have a time and no offset;
    without it they stay as they are. `stopping` returns a reason to stop while a pipe, a server or a hub is waited for;
    the wait then raises `AbandonedError`. Without it the wait has no limit. With a `division` only the rows and files
    of its share are yielded, in the same order.
    """
    zone = None if timezone is None else ZoneInfo(timezone)
    for record in _read(
        source,
        exclude=exclude,
        on_file=on_file,
        on_unavailable=on_unavailable,
        stopping=stopping,
        division=division,
    ):
        if zone is not None and isinstance(record, Article) and record.published:
            yield replace(record, published=dates.in_zone(record.published, zone))
        else:
            yield record


def _read(
    source: Source,
    *,
    exclude: Exclude,
    on_file: Callable[[SourceFile], None],
    on_unavailable: Callable[[str], None],
    stopping: Stopping | None,
    division: Division | None,
) -> Iterator[Article | Failure]:
    if source.path is None:
        yield from _guarded(_read_dataset(source, exclude, on_file, stopping, division), source, on_unavailable)
        return
    found = _found(source, source.path, on_unavailable=on_unavailable, stopping=stopping)
    for one in found if division is None else division.files(found):
        yield from _guarded(_read_file(one, source, exclude, on_file, stopping, division), source, on_unavailable)


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a source."""

    files: int  # of the source
    articles: int
    failures: tuple[Failure, ...]
    is_whole: bool  # the source has no other row

    @property
    def rows(self) -> int:
        """The number of rows that were read."""
        return self.articles + len(self.failures)

    def counted(self, category: str) -> list[Failure]:
        """Return the failures of one category."""
        return [failure for failure in self.failures if failure.category == category]


def sample(source: Source, *, exclude: Exclude, stopping: Stopping) -> Sample:
    """Return what `read` yields for the first rows of up to a hundred files, evenly spaced among those of `source`.

    Raises as `read` does.
    """
    records: list[Article | Failure] = []
    if source.path is None:
        rows = _guarded(_read_dataset(source, exclude, _ignore_file, stopping), source, _ignore)
        with closing(rows):
            is_whole = _take(rows, _SAMPLED, into=records)
        files = 1
    else:
        found = _found(source, source.path, on_unavailable=_ignore, stopping=stopping)
        files = len(found)
        is_whole = files <= _SAMPLED_FILES
        chosen = found if is_whole else [found[number * files // _SAMPLED_FILES] for number in range(_SAMPLED_FILES)]
        for one in chosen:
            file = _read_file(one, source, exclude, _ignore_file, stopping)
            with closing(_guarded(file, source, _ignore)) as rows:
                is_whole &= _take(rows, _SAMPLED // len(chosen), into=records)
    failures = tuple(record for record in records if isinstance(record, Failure))
    return Sample(files, len(records) - len(failures), failures, is_whole)


def _take(rows: Iterator[Article | Failure], count: int, *, into: list[Article | Failure]) -> bool:
    """Append at most `count` rows; return whether there are no others."""
    into += islice(rows, count)
    return next(rows, None) is None


def _ignore_file(_: SourceFile) -> None:
    pass


def _found(
    source: Source,
    path: str,
    *,
    on_unavailable: Callable[[str], None],
    stopping: Stopping | None,
) -> list[Found]:
    try:
        return waiting.call(
            lambda: finding.find(path, given=source.format),
            what=path,
            stopping=stopping if "://" in expand_path(path) else None,
        )
    except UnavailableError as error:
        if not source.optional:
            raise
        on_unavailable(str(error))
        _log.warning(f"{error}; the source is optional and is left out")
        return []


def _guarded(
    records: Iterator[Article | Failure],
    source: Source,
    on_unavailable: Callable[[str], None],
) -> Generator[Article | Failure]:
    try:
        yield from records
    except UnavailableError as error:
        if not source.optional:
            raise
        on_unavailable(str(error))
        _log.warning(f"{error}; the source is optional: the articles already read are kept")


def _read_file(
    found: Found,
    source: Source,
    exclude: Exclude,
    on_file: Callable[[SourceFile], None],
    stopping: Stopping | None,
    division: Division | None = None,
) -> Iterator[Article | Failure]:
    before = files.stamp(found)
    running = files.RunningDigest()
    records = 0
    chunks = waiting.iterate(
        lambda: files.raw(found, running), what=found.name, stopping=stopping if before is None else None
    )
    with closing(chunks):
        try:
            for record in _records(found, chunks, source, exclude, division):
                records += 1
                yield record
        except UnavailableError:
            if source.optional:  # what was read counts, with the digest of the whole file
                _drain(chunks)
                on_file(SourceFile(found.name, running.digest(), running.bytes, records))
            raise
        _drain(chunks)
    if files.stamp(found) != before and not source.optional:
        raise UnavailableError(f"{found.name}: was changed while it was read; run again when it is complete")
    on_file(SourceFile(found.name, running.digest(), running.bytes, records))
    if files.stamp(found) != before:
        raise UnavailableError(f"{found.name}: was changed while it was read")


def _drain(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def _records(
    found: Found, chunks: Iterator[bytes], source: Source, exclude: Exclude, division: Division | None
) -> Iterator[Article | Failure]:
    name = found.name
    columns: list[str] | None
    owns = None if division is None else division.owner(source)
    if found.format == "parquet":
        with files.seekable(found, chunks) as file:
            table = tables.open_parquet(file, name=name, wanted=_wanted(source))
            groups = None if division is None else division.row_groups(table.row_groups)
            owns = owns if groups is None else None
            yield from articles.from_rows(
                table.rows(groups), name=name, source=source, exclude=exclude, columns=table.columns, owns=owns
            )
        return
    plain = compression.decompressed(chunks, name=name)
    kind: Format | None = found.format
    if kind is None:
        kind, plain = _sniffed(plain)
    if kind in {"txt", "html"}:
        if division is None or division.owns_document(found):
            yield _document(plain, kind=kind, found=found, source=source, exclude=exclude)
        return
    if kind == "feed":
        from pipeline.sources import feeds

        data = byte_streams.whole(plain)
        if data is None:
            raise SourceError(f"{name}: longer than {byte_streams.MEGABYTES} MiB, the limit of a feed; split it")
        entries = feeds.rows(data, name=name)
        yield from articles.from_rows(entries, name=name, source=source, exclude=exclude, columns=None, owns=owns)
        return
    columns, rows = tables.from_text(plain, kind=kind, name=name, text_column=source.columns.text or "text")
    if columns == []:
        return
    yield from articles.from_rows(rows, name=name, source=source, exclude=exclude, columns=columns, owns=owns)


def _sniffed(chunks: Iterator[bytes]) -> tuple[Format, Iterator[bytes]]:
    """Return the format of stdin or of a web page by its first characters: JSON, a feed, HTML, else pasted text."""
    head, chunks = byte_streams.peek(chunks, 1024)
    start = head.decode("utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig", errors="ignore").lstrip()
    if start.startswith(("{", "[")):
        return "json", chunks
    if start.startswith("<") and _FEED.search(start):
        return "feed", chunks
    return (
        "html" if start.lower().startswith(("<!doctype html", "<html", "<?xml", "<head", "<body")) else "txt"
    ), chunks


def _document(
    chunks: Iterator[bytes], *, kind: Format, found: Found, source: Source, exclude: Exclude
) -> Article | Failure:
    """Return the article of a `.txt` or `.html`; a `.txt` that holds a web page is read as HTML."""
    from pipeline.sources import html, pasted  # here: their patterns compile slowly, and tables do not need them

    name = found.name
    data = byte_streams.whole(chunks)
    if data is None:
        limit = f"longer than {byte_streams.MEGABYTES} MiB, the limit of an article"
        message = f"{name}: {limit}; split it, or give `format:` if it is a table"
        return articles.damaged("bad_row", message, Origin(name, 0))
    try:
        decoded = html.decode(data) if kind == "html" else normalize.decode(data)
    except UnicodeError as error:
        return articles.damaged("undecodable", f"{name}: {error}", Origin(name, 0))
    repaired, repairs = normalize.repair(decoded.text)
    origin = Origin(name, 0, decoded.encoding, (*decoded.repairs, *repairs))

    def finished(parts: Pasted, draft: Draft) -> Article | Failure:
        return _finished(parts, draft, origin=origin, exclude=exclude, name=name, fields=source.markup)

    if kind == "txt" and not (source.markup != "text" and markup.is_page(repaired)):
        plain = markup.clean(repaired, source.markup)
        origin = replace(origin, repairs=(*origin.repairs, *plain.repairs))
        parts = pasted.parse(plain.text)
        return finished(replace(parts, dropped=parts.dropped + plain.set_aside), Draft(text=""))
    page = html.parse(repaired, url=name if name.startswith("http") else "")  # not the path, which may hold a secret
    if page is None:
        return articles.rejected("empty", f"{name}: no article was found in the page", origin)
    draft = Draft(text="", url=page.url, published=page.published, outlet=page.outlet)
    parts = replace(page.pasted, title=page.title, byline=page.pasted.byline or page.author)
    return finished(parts, draft)


def _finished(
    parts: Pasted, draft: Draft, *, origin: Origin, exclude: Exclude, name: str, fields: Markup
) -> Article | Failure:
    """Return the article made of the parts of a page; the removed lines are kept in `set_aside`."""
    extra: dict[str, JSON] = {}
    if parts.section:
        extra["section"] = parts.section
    if parts.byline:
        extra["byline"] = parts.byline
    draft = replace(draft, title=parts.title, published=draft.published or parts.published)
    return articles.finish(
        draft,
        origin=origin,
        exclude=exclude,
        where=name,
        fields=fields,
        body=parts.body,
        extra=extra,
        set_aside=parts.dropped,
    )


def _read_dataset(
    source: Source,
    exclude: Exclude,
    on_file: Callable[[SourceFile], None],
    stopping: Stopping | None,
    division: Division | None = None,
) -> Iterator[Article | Failure]:
    name = hub.name_of(source)
    owns = None if division is None else division.owner(source)
    if division is not None:
        division.dataset(name)
    with hub.local_folder(source) as local:
        dataset = waiting.call(
            lambda: hub.open_dataset(source, local, wanted=_wanted(source)), what=name, stopping=stopping
        )
        records = 0
        with closing(waiting.iterate(lambda: dataset.rows, what=name, stopping=stopping)) as rows:
            for record in articles.from_rows(
                rows, name=name, source=source, exclude=exclude, columns=dataset.columns, owns=owns
            ):
                records += 1
                yield record
        if dataset.changed():
            raise UnavailableError(f"{dataset.name}: was changed while it was read; run again when it is complete")
    on_file(SourceFile(dataset.name, dataset.digest, dataset.bytes, records))


def _wanted(source: Source) -> frozenset[str]:
    """Return the names of the columns that the source needs, each in every normal form."""
    mapped = (getattr(source.columns, field) or field for field in Columns.model_fields)
    return frozenset(form for column in (*mapped, *source.keep) for form in names.forms(column))
