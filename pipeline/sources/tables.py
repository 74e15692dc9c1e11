"""Read tables a row at a time: JSON lines, CSV, TSV and Parquet.

A CSV is split into fields before it is decoded (its structure is ASCII in every encoding it may have), so that the
encoding is detected from a whole row. Quotes are parsed strictly: a quote that is never closed damages its own row and
not the rows after it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import accumulate
from typing import IO, TYPE_CHECKING, Any

import msgspec

from pipeline.config import Format
from pipeline.errors import SourceError, UnavailableError
from pipeline.sources import byte_streams, json_values
from pipeline.sources.articles import BadRow, Row
from pipeline.sources.byte_streams import LONGEST, MEGABYTES
from pipeline.storage import names
from pipeline.text import normalize

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_DELIMITERS = (",", ";", "\t", "|")
# Parts of the csv module's messages, and the messages in their place.
_CSV_MESSAGES = {
    "unexpected end": "a quote is opened and never closed",
    "new-line character": "a carriage return is inside a field; put the field in quotes",
    "expected after": "text follows the closing quote of a field; double the quotes inside it",
}
_SEPARATOR = "\n<|field|>\n"  # between a row's fields while they are decoded as one text
_PARQUET_ROWS = 256  # rows decoded at a time
# What Arrow raises for a value that Python cannot represent: a year 60000, bytes that are not UTF-8, an unknown zone
_NO_VALUE = (ValueError, OverflowError, KeyError)


def from_text(
    chunks: Iterator[bytes], *, kind: Format, name: str, text_column: str
) -> tuple[list[str] | None, Iterator[Row | BadRow]]:
    """Return the columns and rows of a decompressed table of JSON, CSV or TSV.

    The columns are None where each row names its own, and empty in a table without a header, which has no rows.
    `text_column`: as in `from_csv`.
    """
    encoding, chunks = byte_streams.as_utf8(chunks)
    if kind in {"csv", "tsv"}:
        lines = byte_streams.lines(chunks)
        return from_csv(lines, name=name, encoding=encoding, tabs=kind == "tsv", text_column=text_column)
    in_lines, chunks = json_values.is_lines(chunks) if kind == "json" else (True, chunks)
    is_array, chunks = json_values.is_array(chunks)
    if in_lines and not is_array:
        return None, from_json(byte_streams.lines(chunks), name=name, encoding=encoding)
    return None, from_json(json_values.values(chunks, name=name), name=name, encoding=encoding, unit="item")


def from_json(
    lines: Iterator[bytes | None], *, name: str, encoding: str | None, unit: str = "line"
) -> Iterator[Row | BadRow]:
    """Yield a row for each line, or other `unit`, that is not blank; `index` counts them."""
    decode = msgspec.json.Decoder().decode
    for index, line in enumerate(lines):
        where = f"{unit} {index + 1}"
        number = index + 1 if unit == "line" else None
        if line is None:
            yield BadRow(index, where, f"{name}: {where}: longer than {MEGABYTES} MiB", line=number)
            continue
        if not line or line.isspace():
            continue
        found = encoding or "utf-8"
        repairs: tuple[str, ...] = ()
        try:
            value = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            read = _read_json(line)
            if isinstance(read, BadRow):
                yield BadRow(index, where, f"{name}: {where}: {read.message}", read.kind, number)
                continue
            value, found, repairs = read
        if not isinstance(value, dict):
            message = f"{name}: {where}: a JSON object is wanted, not {type(value).__name__}"
            yield BadRow(index, where, message, line=number)
            continue
        yield Row(index, where, value, found, repairs, number)


def _read_json(line: bytes) -> tuple[object, str, tuple[str, ...]] | BadRow:
    """Parse what the strict reader refused (other encodings, NaN, lone surrogates), or return why it is not JSON."""
    try:
        decoded = normalize.decode(line)
    except UnicodeError as error:
        return BadRow(0, "", f"cannot be decoded: {error}", "undecodable")
    try:
        return json.loads(decoded.text), decoded.encoding, decoded.repairs
    except (ValueError, RecursionError) as error:
        return BadRow(0, "", f"not valid JSON: {error}")


class _End(Enum):
    """The end of the lines."""

    END = auto()


_END = _End.END


@dataclass(slots=True)
class _Lines:
    """The lines of a file; those taken since the last `forget` can be given back."""

    source: Iterator[bytes | None]
    number: int = 0  # of lines taken
    taken: list[bytes | None] = field(default_factory=list)  # since the last `forget`
    ahead: deque[bytes | None] = field(default_factory=deque)

    def peek(self) -> bytes | _End | None:
        """Return the next line without taking it; None for one that is too long."""
        if not self.ahead:
            try:
                self.ahead.append(next(self.source))
            except StopIteration:
                return _END
        return self.ahead[0]

    def next(self) -> bytes | _End | None:
        """Take the next line."""
        line = self.peek()
        if line is not _END:
            self.ahead.popleft()
            self.taken.append(line)
            self.number += 1
        return line

    def forget(self) -> None:
        """Forget the lines that have been taken: they cannot be given back any more."""
        self.taken.clear()

    def rewind_to(self, number: int) -> None:
        """Give back the lines after `number`: they are taken again."""
        while self.number > number:
            self.ahead.appendleft(self.taken.pop())
            self.number -= 1


def from_csv(
    lines: Iterator[bytes | None], *, name: str, encoding: str | None, tabs: bool, text_column: str
) -> tuple[list[str], Iterator[Row | BadRow]]:
    """Return the header's columns and the rows under it; raises `SourceError` where there is no usable header.

    `text_column`: the delimiter that separates it is the file's. `index` counts the rows under the header.
    """
    physical = _Lines(lines)
    delimiter = "\t" if tabs else ","
    while (first := physical.peek()) is not _END:
        if first is None:
            raise SourceError(f"{name}: line 1: longer than {MEGABYTES} MiB; is this a CSV?")
        if first[:4].lower() == b"sep=":  # Excel's own note of the delimiter
            delimiter = first[4:5].decode("latin-1") or delimiter
        elif first.strip():
            break
        physical.next()
    else:
        return [], iter(())
    delimiter = _delimiter(_header_text(first, name), delimiter, text_column)
    number = physical.number + 1
    fields = _fields(physical, delimiter)
    if isinstance(fields, str):
        raise SourceError(f"{name}: line {number}: the header cannot be read: {fields}")
    read = _decoded(fields, encoding)
    if isinstance(read, str):
        raise SourceError(f"{name}: line {number}: the header cannot be decoded: {read}")
    header = [column.strip() for column in read[0]]
    twice = [column for column, count in Counter(header).items() if column and count > 1]
    if twice:
        raise SourceError(f"{name}: line {number}: two columns are named '{twice[0]}'; rename one")
    return header, _csv_rows(physical, header, delimiter=delimiter, name=name, encoding=encoding)


def _csv_rows(
    physical: _Lines, header: list[str], *, delimiter: str, name: str, encoding: str | None
) -> Iterator[Row | BadRow]:
    index = -1
    while (first := physical.peek()) is not _END:
        if first is not None and not first.strip(b" \r"):
            physical.next()
            continue
        index += 1
        start = physical.number + 1
        fields = _fields(physical, delimiter)
        if delimiter == "\t" and len(fields) != len(header) and first is not None:
            # Many TSV files have no quoting: then a quote mark is a character like any other.
            literal = first.decode("latin-1").rstrip("\r").split("\t")
            if len(literal) == len(header):
                physical.rewind_to(start)
                fields = literal
        where = f"line {start}" if physical.number <= start else f"lines {start} to {physical.number}"
        if isinstance(fields, str):
            yield BadRow(index, where, f"{name}: {where}: {fields}", line=start)
        elif len(fields) != len(header):
            message = f"{len(fields)} fields where the header has {len(header)}; is a quote or delimiter missing?"
            yield BadRow(index, where, f"{name}: {where}: {message}", line=start)
        elif isinstance(read := _decoded(fields, encoding), str):
            yield BadRow(index, where, f"{name}: {where}: cannot be decoded: {read}", "undecodable", start)
        else:
            yield Row(index, where, dict(zip(header, read[0], strict=True)), read[1], read[2], start)


def _fields(physical: _Lines, delimiter: str) -> list[str] | str:
    """Return the next row's fields, each byte as one character, or what is wrong with it.

    Of a wrong row only the first line is consumed: the others are given back.
    """
    start = physical.number + 1
    size = 0

    def feed() -> Iterator[str]:
        nonlocal size
        while isinstance(line := physical.next(), bytes):
            size += len(line)
            if size > LONGEST:
                break
            yield line.decode("latin-1") + "\n"
        if line is not _END:
            raise csv.Error(f"longer than {MEGABYTES} MiB, or a quote is never closed")

    physical.forget()
    limit = csv.field_size_limit(LONGEST)  # the module's own, for every reader: restored below
    try:
        return next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except csv.Error as error:
        physical.rewind_to(start)
        return next((message for part, message in _CSV_MESSAGES.items() if part in str(error)), str(error))
    finally:
        csv.field_size_limit(limit)


def _decoded(fields: list[str], encoding: str | None) -> tuple[list[str], str, tuple[str, ...]] | str:
    """Return the fields as text, their encoding and its repairs, or why they cannot be decoded."""
    row = [field.encode("latin-1") for field in fields]
    try:
        return [field.decode() for field in row], encoding or "utf-8", ()
    except UnicodeDecodeError:
        pass
    try:
        decoded = normalize.decode(_SEPARATOR.encode().join(row))
    except UnicodeError as error:
        return str(error)
    parts = decoded.text.split(_SEPARATOR)
    if len(parts) != len(fields):
        return f"read as {decoded.encoding} the fields run together"
    return parts, decoded.encoding, decoded.repairs


def _header_text(line: bytes, name: str) -> str:
    try:
        return normalize.decode(line).text
    except UnicodeError as error:
        raise SourceError(f"{name}: line 1: {error}; is this a CSV?") from None


def _delimiter(header: str, default: str, text_column: str) -> str:
    """Return the delimiter that separates the text's column, else the one that gives most columns."""
    counts: dict[str, int] = {}
    for delimiter in dict.fromkeys((default, *_DELIMITERS)):
        try:
            columns = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            continue
        if len(columns) > 1 and names.among(text_column, {column.strip() for column in columns}) is not None:
            return delimiter
        counts[delimiter] = len(columns)
    return max(counts, key=counts.__getitem__, default=default)


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """An open Parquet file."""

    name: str
    columns: list[str]
    wanted: list[str]  # of the columns, those that are read
    file: pq.ParquetFile

    @property
    def row_groups(self) -> int:
        """How many row groups it has."""
        return int(self.file.metadata.num_row_groups)

    def rows(self, groups: Sequence[int] | None = None) -> Iterator[Row | BadRow]:
        """Yield its rows with the wanted columns; of `groups` only, if given; `index` counts those of all groups."""
        if groups is None:
            yield from self._rows(None, start=0)
            return
        sizes = [self.file.metadata.row_group(number).num_rows for number in range(self.row_groups)]
        starts = list(accumulate(sizes, initial=0))
        for group in groups:
            yield from self._rows([group], start=starts[group])

    def _rows(self, groups: list[int] | None, *, start: int) -> Iterator[Row | BadRow]:
        import pyarrow as pa

        batches = self.file.iter_batches(batch_size=_PARQUET_ROWS, row_groups=groups, columns=self.wanted)
        index = start
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise UnavailableError(f"{self.name}: row {index + 1}: the Parquet data is damaged: {error}") from None
            if batch is None:
                return
            for values in _rows_of(_in_microseconds(batch)):
                where = f"row {index + 1}"
                if isinstance(values, str):
                    yield BadRow(index, where, f"{self.name}: {where}: {values}")
                else:
                    yield Row(index, where, values)
                index += 1


def open_parquet(file: IO[bytes], *, name: str, wanted: Collection[str]) -> ParquetTable:
    """Return an open Parquet file, of which the columns that are `wanted` are read.

    Raises `SourceError` where the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        columns = list(table.schema_arrow.names)
        oversized = _oversized(table.metadata, wanted)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnavailableError(f"{name}: not a readable Parquet file: {error}") from None
    if oversized:
        raise SourceError(f"{name}: column '{oversized}': rows are longer than {MEGABYTES} MiB; are these articles?")
    twice = [column for column, count in Counter(columns).items() if count > 1 and column in wanted]
    if twice:
        raise SourceError(f"{name}: two columns are named '{twice[0]}'; rename one")
    return ParquetTable(name, columns, [column for column in columns if column in wanted], table)


def _oversized(metadata: pq.FileMetaData, wanted: Collection[str]) -> str:
    """Return a column of which some rows are too long to unpack, by the file's own sizes; or ""."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        most = LONGEST * max(1, group.num_rows)
        # Columns are examined only where one may be too long: for a damaged file Arrow would end the process.
        for place in range(group.num_columns if group.total_byte_size > most else 0):
            column = group.column(place)
            name = str(column.path_in_schema).partition(".")[0]
            if name in wanted and column.total_uncompressed_size > most:
                return name
    return ""


def _rows_of(batch: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
    """Yield the values of each row, or what is wrong with it; bytes for a string that is not valid UTF-8."""
    try:
        yield from batch.to_pylist()
    except _NO_VALUE:  # `to_pylist` is one call: nothing was yielded before it raised
        pass
    else:
        return
    for index in range(batch.num_rows):
        values: dict[str, object] = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                values[name] = _value(column[index])
            except _NO_VALUE as error:
                yield f"column '{name}': cannot be read: {error}"
                break
        else:
            yield values


def _value(scalar: pa.Scalar[Any]) -> object:
    import pyarrow as pa

    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        if isinstance(scalar, pa.StringScalar | pa.LargeStringScalar) and (data := scalar.as_buffer()) is not None:
            return data.to_pybytes()
        raise


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return `batch` with its times in microseconds, the precision of Python's."""
    import pyarrow as pa

    schema = pa.schema(
        [
            pa.field(field.name, pa.timestamp("us", field.type.tz))
            if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
            else field
            for field in batch.schema
        ]
    )
    return batch if schema.equals(batch.schema) else batch.cast(schema, safe=False)
