"""Export a version as XLSX, CSV or JSON lines: every column, nothing cut.

CSV and XLSX have the columns that people read first, and what is nested as JSON; flags are a line each. A cell that a
spreadsheet could take for a formula begins with an apostrophe. Excel holds 32,767 characters a cell and about a million
rows a sheet: a longer text continues in the sheet "long texts", more rows in another sheet. JSON lines are the rows as
they are. Each adds `story`: the id of the record that leads its near copies (see `near_duplicates`).
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from pipeline.errors import UsageError
from pipeline.export import output_file
from pipeline.records import JSON, ROW_COLUMNS, Flag
from pipeline.storage.rows import Readable, as_json, kept_column_names, rows
from pipeline.text import near_duplicates
from pipeline.text.sanitize import cell, visible

Format: TypeAlias = Literal["xlsx", "csv", "jsonl"]

STORY = "story"
_FIRST = (
    "id", "status", STORY, "published", "outlet", "title", "title_translation", "summary", "translation", "flags",
    "url", "article", "reference_summary", "reference_translation",
)  # fmt: skip
CELL_LIMIT = 32_767  # UTF-16 units, as Excel counts: support.microsoft.com, "Excel specifications and limits"
ROW_LIMIT = 1_048_576
LONG = "long texts"
_GOES_ON = f" … [goes on in the sheet “{LONG}”]"
_PIECE = 32_000
_WIDTHS = {
    "title": 40,
    "title_translation": 40,
    "summary": 60,
    "translation": 60,
    "article": 60,
    "flags": 50,
    "url": 30,
}
_ESCAPE = re.compile("_(x[0-9A-Fa-f]{4}_)")  # in a cell these seven characters stand for one: ECMA-376, ST_Xstring


def export(version: Readable, *, to: Format, output: Path | None, row_limit: int = ROW_LIMIT) -> Path:
    """Write the records of `version` and return where; `row_limit` is a sheet's, with its heading.

    Raises `UsageError` where it cannot be written there, or where a kept column is called `story`.
    """
    kept = kept_column_names(version)
    if STORY in kept:
        raise UsageError(
            f"{version.name}: has a kept column `{STORY}`, which the export adds; rename it in sources.keep"
        )
    leads = near_duplicates.leads(rows(version, near_duplicates.Story))
    records = (as_json(row) | {STORY: leads[row.id]} for row in rows(version))
    columns = (*_FIRST, *kept, *(name for name in ROW_COLUMNS if name not in _FIRST))
    writers: dict[Format, Callable[[BinaryIO], object]] = {
        "jsonl": lambda file: _jsonl(file, records),
        "csv": lambda file: _csv(file, records, columns),
        "xlsx": lambda file: _xlsx(file, records, columns, row_limit),
    }
    return output_file.write(version, output, ending=to, fill=writers[to])


def _jsonl(file: BinaryIO, records: Iterator[dict[str, JSON]]) -> None:
    file.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in records)


def _csv(file: BinaryIO, records: Iterator[dict[str, JSON]], columns: Sequence[str]) -> None:
    # Excel takes a file without the mark for the machine's old code page
    writer = csv.writer(codecs.getwriter("utf-8-sig")(file))  # unlike `TextIOWrapper`, it never closes the file
    writer.writerow([cell(visible(name)) for name in columns])
    for row in records:
        writer.writerow([cell(_words(row, name)) for name in columns])


def _xlsx(file: BinaryIO, records: Iterator[dict[str, JSON]], columns: Sequence[str], row_limit: int) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheets = _Sheets(book, "records", columns, row_limit)
    long = _Sheets(book, LONG, ("id", "column", "part", "text"), row_limit)
    sheets.begin()  # it comes first, and is there without a record too
    for row in records:
        cells = []
        for name in columns:
            words = _words(row, name)
            cells.append(_shortened(words))
            if cells[-1] == cell(words):
                continue
            where = _shortened(_words(row, "id")), _shortened(visible(name))
            pieces = list(_pieces(words))
            for part, piece in enumerate(pieces, start=1):
                long.append((*where, f"{part} of {len(pieces)}", cell(piece)))
        sheets.append(cells)
    book.save(file)


class _Sheets:
    """Rows of one kind, with more sheets where one does not hold them: `records`, `records 2`."""

    def __init__(self, book: Any, title: str, columns: Sequence[str], row_limit: int) -> None:  # noqa: ANN401
        self._book, self._title, self._columns, self._limit = book, title, columns, row_limit
        self._sheet: Any = None
        self._sheets = self._written = 0

    def begin(self) -> None:
        """Begin the next sheet, with its heading."""
        self._sheets += 1
        title = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet, self._written = _sheet(self._book, title, self._columns), 1

    def append(self, cells: Sequence[str]) -> None:
        """Write a row of cells that fit."""
        if self._sheet is None or self._written == self._limit:
            self.begin()
        self._sheet.append([_literal(text) for text in cells])
        self._written += 1


def _sheet(book: Any, title: str, columns: Sequence[str]) -> Any:  # noqa: ANN401 - openpyxl has no types
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.freeze_panes = "B2"
    for at, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS.get(name, 18)
    heading = [WriteOnlyCell(sheet, value=_literal(cell(visible(name)))) for name in columns]
    for one in heading:
        one.font = Font(bold=True)
    sheet.append(heading)
    return sheet


def _words(row: dict[str, JSON], name: str) -> str:
    """Return a value of a row as the text of a cell; controls are written out, lines stay lines."""
    value = row.get(name)  # of an edition, one version may lack a kept column of another
    if name == "flags":
        return visible("\n".join(_flag(Flag(**flag)) for flag in row["flags"]))
    if value is None:
        return ""
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _flag(flag: Flag) -> str:
    """Return a flag as a line that says all it holds: `error number, translation 10-14: … (expected …, found …)`."""
    details = ", ".join(f"{name} {text}" for name, text in (("expected", flag.expected), ("found", flag.found)) if text)
    return (
        f"{flag.severity} {flag.check}, {flag.field} {flag.start}-{flag.end}: "
        f"{flag.message}{f' ({details})' if details else ''}"
    )


def _literal(text: str) -> str:
    """Return `text` so that Excel shows just this: what would be an escape of one character gets its own escaped."""
    return _ESCAPE.sub(r"_x005F_\1", text)


def _shortened(words: str) -> str:
    """Return a cell of `words`, or of its beginning and where it goes on."""
    whole = cell(words)
    return whole if _units(whole) <= CELL_LIMIT else cell(next(_pieces(words))) + _GOES_ON


def _units(text: str) -> int:
    return len(_literal(text).encode("utf-16-le")) // 2


def _pieces(text: str) -> Iterator[str]:
    """Yield `text` in pieces that fit into a cell, also with what `cell` and `_literal` add."""
    start = 0
    while start < len(text):
        length = _PIECE
        while _units(text[start : start + length]) > _PIECE:
            length //= 2
        yield text[start : start + length]
        start += length
