"""Tables: JSON lines, CSV, TSV and Parquet, a row at a time.

A CSV is split into fields before it is decoded (its structure is ASCII in every encoding it may have), so that
the encoding is told from a whole row. Quotes are read strictly: a quote that is never closed costs its own row, not
the rows it would swallow.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import IO, TYPE_CHECKING, Any

import msgspec

from pipeline.errors import SourceError, UnavailableError
from pipeline.sources import names
from pipeline.sources.articles import BadRow, Row
from pipeline.sources.byte_streams import LONGEST, MEGABYTES
from pipeline.text import normalize

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_DELIMITERS = (",", ";", "\t", "|")
# What the csv module says of a row, and what that means to who wrote it.
_CSV_TOLD = {
    "unexpected end": "a quote is opened and never closed",
    "new-line character": "a carriage return stands inside a field; put the field in quotes",
    "expected after": "something follows the closing quote of a field; double the quotes inside it",
}
_SEPARATOR = "\n<|field|>\n"  # between a row's fields while they are decoded as one text
_PARQUET_ROWS = 256  # rows decoded at a time
# What Arrow raises for a value that Python has none for: a year 60000, letters that are not UTF-8, an unknown time zone
_NO_VALUE = (ValueError, OverflowError, KeyError)


def from_json(
    lines: Iterator[bytes | None], *, name: str, encoding: str | None, unit: str = "line"
) -> Iterator[Row | BadRow]:
    """Yield a row for each line, or other `unit`, that is not blank; `index` counts them. Raises for none."""
    decode = msgspec.json.Decoder().decode
    for index, line in enumerate(lines):
        where = f"{unit} {index + 1}"
        if line is None:
            yield BadRow(index, where, f"{name}: {where}: longer than {MEGABYTES} MiB")
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
                yield BadRow(index, where, f"{name}: {where}: {read.message}", read.kind)
                continue
            value, found, repairs = read
        if not isinstance(value, dict):
            yield BadRow(index, where, f"{name}: {where}: a JSON object is wanted, not {type(value).__name__}")
            continue
        yield Row(index, where, value, found, repairs)


def _read_json(line: bytes) -> tuple[object, str, tuple[str, ...]] | BadRow:
    """Return what the strict reader refused: other encodings, NaN, half characters; or why it is no JSON."""
    try:
        decoded = normalize.decode(line)
    except UnicodeError as error:
        return BadRow(0, "", f"cannot be decoded: {error}", "undecodable")
    try:
        return json.loads(decoded.text), decoded.encoding, decoded.repairs
    except (ValueError, RecursionError) as error:
        return BadRow(0, "", f"not valid JSON: {error}")


class _End(Enum):
    """What stands after the last line."""

    END = auto()


_END = _End.END


@dataclass(slots=True)
class _Lines:
    """The lines of a file, which can be gone back over as far as the last `forget`."""

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
        """Give up going back over what has been taken."""
        self.taken.clear()

    def rewind_to(self, number: int) -> None:
        """Give back the lines after `number`, as if they had not been taken."""
        while self.number > number:
            self.ahead.appendleft(self.taken.pop())
            self.number -= 1


def from_csv(
    lines: Iterator[bytes | None], *, name: str, encoding: str | None, tabs: bool, text_column: str
) -> tuple[list[str], Iterator[Row | BadRow]]:
    """Return the header's columns and the rows under it; raises `SourceError` where there is no usable header.

    `text_column`: the delimiter that sets it apart is the file's. `index` counts the rows under the header.
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
            # Many a TSV has no quoting at all: then a quote mark is a letter like any other.
            literal = first.decode("latin-1").rstrip("\r").split("\t")
            if len(literal) == len(header):
                physical.rewind_to(start)
                fields = literal
        where = f"line {start}" if physical.number <= start else f"lines {start} to {physical.number}"
        if isinstance(fields, str):
            yield BadRow(index, where, f"{name}: {where}: {fields}")
        elif len(fields) != len(header):
            message = f"{len(fields)} fields where the header has {len(header)}; is a quote or delimiter missing?"
            yield BadRow(index, where, f"{name}: {where}: {message}")
        elif isinstance(read := _decoded(fields, encoding), str):
            yield BadRow(index, where, f"{name}: {where}: cannot be decoded: {read}", "undecodable")
        else:
            yield Row(index, where, dict(zip(header, read[0], strict=True)), read[1], read[2])


def _fields(physical: _Lines, delimiter: str) -> list[str] | str:
    """Return the next row's fields, each byte as one letter, or what is wrong with it.

    A wrong row costs its first line only: the others it took are given back.
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
    limit = csv.field_size_limit(LONGEST)  # the module's own, for every reader: put back below
    try:
        return next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except csv.Error as error:
        physical.rewind_to(start)
        return next((told for said, told in _CSV_TOLD.items() if said in str(error)), str(error))
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
    """Return the delimiter that sets the text's column apart, else the one that gives most columns."""
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


def from_parquet(file: IO[bytes], *, name: str, wanted: Collection[str]) -> tuple[list[str], Iterator[Row | BadRow]]:
    """Return the columns of a Parquet file, and its rows with those of them that are `wanted`.

    Raises `SourceError` where the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        columns = list(table.schema_arrow.names)
        swollen = _swollen(table.metadata, wanted)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnavailableError(f"{name}: not a readable Parquet file: {error}") from None
    if swollen:
        raise SourceError(f"{name}: column '{swollen}': its rows are longer than {MEGABYTES} MiB; are these articles?")
    twice = [column for column, count in Counter(columns).items() if count > 1 and column in wanted]
    if twice:
        raise SourceError(f"{name}: two columns are named '{twice[0]}'; rename one")

    def rows() -> Iterator[Row | BadRow]:
        batches = table.iter_batches(
            batch_size=_PARQUET_ROWS, columns=[column for column in columns if column in wanted]
        )
        index = 0
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise UnavailableError(f"{name}: row {index + 1}: the Parquet data is damaged: {error}") from None
            if batch is None:
                return
            for values in _rows_of(_in_microseconds(batch)):
                where = f"row {index + 1}"
                if isinstance(values, str):
                    yield BadRow(index, where, f"{name}: {where}: {values}")
                else:
                    yield Row(index, where, values)
                index += 1

    return columns, rows()


def _swollen(metadata: pq.FileMetaData, wanted: Collection[str]) -> str:
    """Return the column of which some rows, by the file's own account, are too long to be unpacked; or ""."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        most = LONGEST * max(1, group.num_rows)
        # Columns are looked at only where one may be at fault: of a damaged file Arrow ends the process for asking.
        for place in range(group.num_columns if group.total_byte_size > most else 0):
            column = group.column(place)
            name = str(column.path_in_schema).partition(".")[0]
            if name in wanted and column.total_uncompressed_size > most:
                return name
    return ""


def _rows_of(batch: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
    """Yield the values of each row, or what is wrong with it; bytes for a string that is not the UTF-8 it should be."""
    try:
        yield from batch.to_pylist()
    except _NO_VALUE:  # as one: nothing is yielded before all are read
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
    """Return `batch` with its times cut to what Python's own can hold."""
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
