"""Read parallel text: each unit of a table (CSV, TSV, JSON, Parquet) or a translation file (TMX, XLIFF) as a pair.

Every unit of the file is yielded, in order: as a `Unit`, as a `BadRow` where it cannot be read, or as an `Omitted`
with the reason why it is no pair. A row, or a unit of XML, is held in memory at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from itertools import chain
from pathlib import PurePath
from typing import Literal, TypeAlias, get_args

from pipeline.errors import SourceError
from pipeline.sources import bitext_xml, compression, files, tables
from pipeline.sources.articles import BadRow, Row, as_text
from pipeline.sources.bitext_xml import Omitted, Place, Unit
from pipeline.sources.files import Found
from pipeline.storage import names

__all__ = ["BadRow", "BitextFormat", "Omitted", "Place", "Read", "Unit", "read"]

BitextFormat = Literal["csv", "tsv", "jsonl", "json", "parquet", "tmx", "xliff"]
Read: TypeAlias = Unit | Omitted | BadRow

_ENDINGS: dict[str, BitextFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".tmx": "tmx",
    ".xlf": "xliff",
    ".xliff": "xliff",
    ".sdlxliff": "xliff",
    ".mqxliff": "xliff",
    ".mxliff": "xliff",
}
_ID = "id"  # the column that names a row, where there is one
_LOOK_AHEAD = 100  # rows in which both columns must occur, where rows name their own columns
_SHOWN = 12  # columns named in a message


def read(file: str, *, format_: BitextFormat | None, source: str, target: str) -> Generator[Read]:
    """Yield each unit of `file`: a path, a URL, or `-` for stdin; compressed or not.

    `format_`: by default that of the ending. `source` and `target` name the columns of a table with the Vietnamese and
    the English text, or the languages of a translation file. Raises `SourceError` where the file cannot be read, is not
    in the format, or lacks these columns or languages, and where both are one.
    """
    if source == target:
        raise SourceError(f"{file}: `--source` and `--target` are both '{source}'; name two")
    kind = format_ or _ENDINGS.get(PurePath(compression.without_endings(file)).suffix.lower())
    if kind is None:
        what = "stdin has no ending" if file == "-" else "unknown ending"
        raise SourceError(f"{file}: {what}; say `--format` ({', '.join(get_args(BitextFormat))})")
    found = Found(file, files.readable(file, file), None)
    chunks = files.raw(found, files.RunningDigest())
    match kind:
        case "parquet":
            wanted = frozenset(form for column in (source, target, _ID) for form in names.forms(column))
            with files.seekable(found, chunks) as opened:
                table = tables.open_parquet(opened, name=found.name, wanted=wanted)
                yield from _pairs(table.rows(), table.columns, name=found.name, source=source, target=target)
        case "tmx" | "xliff":
            plain = compression.decompressed(chunks, name=found.name)
            yield from bitext_xml.units(plain, name=found.name, source=source, target=target)
        case _:
            plain = compression.decompressed(chunks, name=found.name)
            named, rows = tables.from_text(plain, kind=kind, name=found.name, text_column=source)
            yield from _pairs(rows, named, name=found.name, source=source, target=target)


def _pairs(
    rows: Iterator[Row | BadRow], columns: Collection[str] | None, *, name: str, source: str, target: str
) -> Iterator[Read]:
    """Yield a pair for each row. `columns`: the table's, or None where each row names its own."""
    head: list[Row | BadRow] = []
    if columns is None:
        seen: dict[str, None] = {}
        for row in rows:
            head.append(row)
            seen.update(dict.fromkeys(row.values if isinstance(row, Row) else ()))
            if not _absent((source, target), seen) or len(head) >= _LOOK_AHEAD:
                break
        columns = seen
    if columns == []:
        raise SourceError(f"{name}: is empty; a table begins with a line of column names")
    if columns and (absent := _absent((source, target), columns)):
        shown = ", ".join(f"'{one}'" for one in list(columns)[:_SHOWN])
        more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
        raise SourceError(
            f"{name}: its columns are {shown}{more}; none is '{absent[0]}': say which hold the Vietnamese and the "
            "English text with `--source COLUMN --target COLUMN`, or put a line with names first"
        )
    for row in chain(head, rows):
        yield row if isinstance(row, BadRow) else _pair(row, name=name, source=source, target=target)


def _absent(wanted: Collection[str], columns: Collection[str]) -> list[str]:
    return [column for column in wanted if names.among(column, columns) is None]


def _pair(row: Row, *, name: str, source: str, target: str) -> Read:
    texts: list[str] = []
    for column in (source, target, _ID):
        held = names.among(column, row.values)
        if held is None and column != _ID:
            message = f"{name}: {row.where}: has no column '{column}'"
            return BadRow(row.index, row.where, message, line=row.line)
        try:
            texts.append("" if held is None else as_text(row.values[held]))
        except (ValueError, UnicodeError) as error:
            if column == _ID:  # a list or an object names no row
                texts.append("")
                continue
            message = f"{name}: {row.where}: column '{column}': {error}"
            return BadRow(row.index, row.where, message, line=row.line)
    return bitext_xml.unit(Place(row.where, row.line, texts[2].strip()), source=texts[0], target=texts[1])
