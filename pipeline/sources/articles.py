"""Turn a row or document into an `Article` or a listed `Failure`: map the columns, repair, tidy, exclude.

Every row and document that was read passes through here exactly once, so nothing is lost without a record of it.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice

from pipeline import ids
from pipeline.config import Columns, Exclude, Markup, Source
from pipeline.errors import SourceError
from pipeline.records import JSON, Article, Failure, Origin
from pipeline.sources import dates, markup
from pipeline.sources.byte_streams import LONGEST, MEGABYTES
from pipeline.sources.markup import Plain
from pipeline.storage import names
from pipeline.text import normalize as text
from pipeline.text import prose

_LOOK_AHEAD = 100  # rows in which each configured column must occur, where rows name their own columns
_LOOK_AHEAD_CHARACTERS = 8_000_000
_TEXT_COLUMNS = ("content", "body", "article", "document", "noi_dung", "noidung", "nội dung", "maintext", "text")
_SHOWN = 12  # columns named in one message
_SHOWN_WIDTH = 40
_COMPARED = 1_000  # columns among which a similar name is searched for
_NESTED = 32  # levels of a value that is kept


_NOISE = {"encoded": "encoded data (base64)", "address": "addresses of the web"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table as it was read."""

    index: int  # 0-based
    where: str  # for messages: "line 12", "row 3"
    values: dict[str, object]
    encoding: str | None = None
    repairs: tuple[str, ...] = ()
    line: int | None = None  # 1-based, its first one; None where the format has no lines


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that could not be read, and why."""

    index: int
    where: str
    message: str
    kind: str = "bad_row"
    line: int | None = None  # as in `Row`


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The texts of one article as they were read, before repair."""

    text: str
    id: str = ""
    title: str = ""
    url: str = ""
    published: object = ""
    outlet: str = ""
    reference_summary: str = ""
    reference_translation: str = ""


def from_rows(
    rows: Iterator[Row | BadRow],
    *,
    name: str,
    source: Source,
    exclude: Exclude,
    columns: Collection[str] | None,
    owns: Callable[[Row | BadRow], bool] | None = None,
) -> Iterator[Article | Failure]:
    """Yield an article or a listed failure for each row, in order.

    `columns`: the table's, or None where each row names its own; then a column that is in none of the first
    hundred rows does not exist. Rows that `owns` says no to are passed over. Raises `SourceError` for a configured
    column that does not exist.
    """
    head: list[Row | BadRow] = []
    if columns is None:
        seen: dict[str, None] = {}
        size = 0
        for row in rows:
            if isinstance(row, BadRow) and not head:
                if owns is None or owns(row):
                    yield damaged(row.kind, row.message, Origin(name, row.index))
                continue
            head.append(row)
            if isinstance(row, Row):
                seen.update(dict.fromkeys(row.values))
                size += sum(len(value) for value in row.values.values() if isinstance(value, str))
            if not _absent(source, seen) or len(head) >= _LOOK_AHEAD or size > _LOOK_AHEAD_CHARACTERS:
                break
        columns = seen
        if not head:
            return
    _check_columns(source, columns, name=name)
    fields = {name: getattr(source.columns, name) or name for name in Columns.model_fields}
    for row in chain(_popped(head), rows):
        if owns is None or owns(row):
            yield _from_row(row, fields=fields, name=name, source=source, exclude=exclude)


def _popped(rows: list[Row | BadRow]) -> Iterator[Row | BadRow]:
    """Yield the rows in order; each leaves the list, which would hold it in memory."""
    while rows:
        yield rows.pop(0)


def finish(
    draft: Draft,
    *,
    origin: Origin,
    exclude: Exclude,
    where: str,
    fields: Markup,
    body: str | None = None,
    extra: dict[str, JSON] | None = None,
    set_aside: tuple[tuple[str, str], ...] = (),
) -> Article | Failure:
    """Return the article of `draft`, repaired and tidied, or its rejection.

    `body`: the text where it is repaired already. `fields`: whether the fields are HTML. `where`: file and row, for
    messages.
    """
    title = markup.clean_line(draft.title, fields)
    outlet = markup.clean_line(draft.outlet, fields)
    references = [markup.clean(one, fields) for one in (draft.reference_summary, draft.reference_translation)]
    done = list(origin.repairs)
    if body is None:
        draft, found = _with_body(replace(draft, title=title.text), fields)
        body, set_aside = found.text, (*found.set_aside, *set_aside)
        done += found.repairs
    else:
        draft = replace(draft, title=title.text)
    done += [repair for part in (title, outlet, *references) for repair in part.repairs]
    origin = Origin(origin.path, origin.row, origin.encoding, tuple(dict.fromkeys(done)))
    if draft.title and not prose.has_letters(draft.title):
        set_aside, draft = (*set_aside, ("title", draft.title)), replace(draft, title="")
    found_text = text.tidy(body)
    if not found_text:
        return rejected("empty", f"{where}: there is no text", origin, id_=draft.id)
    body, noise = prose.without_noise(found_text)
    body, set_aside = text.tidy(body), (*set_aside, *noise)
    if not prose.has_letters(body):
        what = f"nothing but {' and '.join(dict.fromkeys(_NOISE[kind] for kind, _ in noise)) or 'signs'}"
        message = f"{where}: the text is {what}: there is nothing to summarize"
        return rejected("not_prose", message, origin, id_=draft.id, text_sha256=ids.text_digest(found_text))
    text_sha256 = ids.text_digest(body)
    article_id = draft.id or ids.article_id(text_sha256)
    if exclude.under_syllables and (count := len(text.syllables(body))) < exclude.under_syllables:
        message = f"{where}: {count} syllables; exclude.under_syllables is {exclude.under_syllables}"
        return rejected("short", message, origin, id_=article_id, text_sha256=text_sha256)
    if exclude.not_vietnamese and not text.looks_vietnamese(body):
        message = f"{where}: the text is not Vietnamese; exclude.not_vietnamese: false keeps it"
        return rejected("not_vietnamese", message, origin, id_=article_id, text_sha256=text_sha256)
    return Article(
        id=article_id,
        text=body,
        text_sha256=text_sha256,
        source=origin,
        title=draft.title,
        url=markup.clean_line(draft.url, fields).text,
        published=dates.iso(draft.published),
        outlet=outlet.text,
        extra=extra or {},
        set_aside=set_aside,
        reference_summary=text.tidy(references[0].text),
        reference_translation=text.tidy(references[1].text),
    )


def _with_body(draft: Draft, fields: Markup) -> tuple[Draft, Plain]:
    """Return the article's body, and the draft with the title and date from the text where no column gives them.

    A text in HTML is read as a `.html` file is: what is not the article's body is set aside.
    """
    found = markup.clean(draft.text, fields)
    if "html" not in found.repairs:
        return draft, found
    from pipeline.sources import html, pasted  # their patterns take a while to compile, and most tables need none

    page = html.parse(text.repair(draft.text)[0]) if markup.is_page(draft.text) else None
    parts = pasted.parse(found.text, title=draft.title) if page is None else page.pasted
    title = parts.title if page is None else page.title
    published = parts.published if page is None else page.published
    aside = parts.dropped + (found.set_aside if page is None else ())
    return (
        replace(draft, title=draft.title or title, published=draft.published or published),
        replace(found, text=parts.body, set_aside=aside),
    )


def rejected(kind: str, message: str, origin: Origin, *, id_: str = "", text_sha256: str = "") -> Failure:
    """Return the failure of something that is not an article to publish: listed, not retried, no reason to stop."""
    return Failure(
        stage="load",
        kind=kind,
        message=message,
        source=origin,
        id=id_,
        text_sha256=text_sha256,
        rejected=True,
    )


def damaged(kind: str, message: str, origin: Origin) -> Failure:
    """Return the failure of a row or document that cannot be read: counted apart, under the limit of failures."""
    return Failure(stage="load", kind=kind, message=message, source=origin, damaged=True)


def _from_row(
    row: Row | BadRow, *, fields: dict[str, str], name: str, source: Source, exclude: Exclude
) -> Article | Failure:
    if isinstance(row, BadRow):
        return damaged(row.kind, row.message, Origin(name, row.index))
    origin = Origin(name, row.index, row.encoding, row.repairs)
    where = f"{name}: {row.where}"
    found: dict[str, str] = {}
    published: object = ""
    for field, column in fields.items():
        value = _cell(row, column)
        if field == "published":
            if isinstance(value, list | tuple | dict):
                return damaged("bad_row", f"{where}: column '{column}' holds no date", origin)
            published = _plain(value) or ""
            continue
        try:
            found[field] = _as_body(value) if field == "text" else as_text(value)
        except ValueError as error:
            return damaged("bad_row", f"{where}: column '{column}': {error}", origin)
    extra: dict[str, JSON] = {}
    for column in source.keep:
        try:
            extra[column] = _plain(_cell(row, column))
        except ValueError as error:
            return damaged("bad_row", f"{where}: column '{column}': {error}", origin)
    found["id"] = unicodedata.normalize("NFC", found["id"].strip())  # an id may be typed in either normal form
    draft = Draft(published=published, **found)
    return finish(draft, origin=origin, exclude=exclude, where=where, fields=source.markup, extra=extra)


def _absent(source: Source, columns: Collection[str]) -> list[tuple[str, str]]:
    """Return the configured columns that are not among `columns`, each with the field of the config."""
    wanted = [
        (f"columns.{field}", column)
        for field in Columns.model_fields
        if (column := getattr(source.columns, field)) is not None
    ]
    if source.columns.text is None:
        wanted.append(("columns.text", "text"))
    wanted += [("keep", column) for column in source.keep]
    return [(field, column) for field, column in wanted if names.among(column, columns) is None]


def _cell(row: Row, column: str) -> object:
    held = names.among(column, row.values)
    return None if held is None else row.values[held]


def _check_columns(source: Source, columns: Collection[str], *, name: str) -> None:
    for field, column in _absent(source, columns):
        shown = [f"'{_without_surrogates(one[:_SHOWN_WIDTH])}'" for one in columns]
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        has = f"{name}: row 1: its columns are {', '.join(shown[:_SHOWN])}{more}"
        if field == "columns.text" and source.columns.text is None:
            known = {one.casefold(): one for one in columns}
            near = next((known[one] for one in _TEXT_COLUMNS if one in known), "content")
            raise SourceError(f"{has}; none is 'text': say which holds it with `columns: {{text: {near}}}`")
        close = difflib.get_close_matches(column, list(islice(columns, _COMPARED)), n=1, cutoff=0.5)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise SourceError(f"{has}; `{field}` asks for '{column}', which does not exist{hint}")


def as_text(value: object) -> str:
    """Return a cell as text; raises `ValueError` where it is not text."""
    match value:
        case str():
            return _without_surrogates(value)
        case None:
            return ""
        case bytes():
            if len(value) > LONGEST:
                raise ValueError(f"is longer than {MEGABYTES} MiB")
            return text.decode(value).text
        case bool():
            pass
        case float():
            if not math.isfinite(value):
                return ""
            return str(int(value)) if value.is_integer() else str(value)  # an id from a data frame: 12.0
        case date() | time():
            return value.isoformat()
        case int() | Decimal():
            return str(value)
        case _:
            pass
    raise ValueError(f"holds {type(value).__name__}, not text")


def _as_body(value: object) -> str:
    """Return a cell as an article's text: a string or a list of paragraphs; raises `ValueError` for others."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = "\n".join(value)
    if value is None or isinstance(value, str | bytes) or value != value:  # noqa: PLR0124 - NaN, a data frame's None
        return as_text(value)
    raise ValueError(f"holds {type(value).__name__}, not text")


def _plain(value: object, *, levels: int = _NESTED) -> JSON:
    """Return a cell as a JSON value; raises `ValueError` where it is nested too deep or too long."""
    match value:
        case str():
            return _without_surrogates(value)
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple() | dict() if not levels:
            raise ValueError(f"is nested deeper than {_NESTED} levels")
        case list() | tuple():
            return [_plain(part, levels=levels - 1) for part in value]
        case dict():
            return {_without_surrogates(str(key)): _plain(part, levels=levels - 1) for key, part in value.items()}
        case bytes():
            return value.decode("utf-8", errors="replace")
        case Decimal() | timedelta():
            return str(value)
        case _:
            return str(value)


def _without_surrogates(value: str) -> str:
    """Return `value` without unpaired surrogates, which JSON can name: each becomes U+FFFD.

    Raises `ValueError` for what is too long to be a cell of an article.
    """
    if len(value) > LONGEST:
        raise ValueError(f"is longer than {MEGABYTES} MiB")
    if value.isascii() or value.isprintable():
        return value
    return value.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
