"""Read the published rows and the failures of a version or an edition, in order, one batch in memory at a time.

`arrow_schema` derives the schema of the Parquet files from `records.PublishedRow`. A reader that needs few columns
declares them as a frozen dataclass, a *projection*: its fields are columns of `PublishedRow`, with their types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints, overload

import msgspec

from pipeline.errors import DifferenceError
from pipeline.records import DEFAULT_ORDER, JSON, ROW_COLUMNS, Failure, Int64, PublishedRow
from pipeline.storage.disk_errors import describe
from pipeline.storage.versions import Version

if TYPE_CHECKING:
    import pyarrow as pa

P = TypeVar("P")  # `PublishedRow`, or a projection of it

_BATCH = 256
_REMEDY = "`tomdich verify` lists the files that changed since they were published; put them back from a copy"
_failure = msgspec.json.Decoder(Failure)


@dataclass(frozen=True, slots=True)
class Edition:
    """Several versions of one day, read as one: the newest text of each id. `editions.find` makes it."""

    name: str  # night@2026-11-23
    # of the newest version, but for `counts`, which are those of the edition, and `recipe` and `signature`, which name
    # each that a version of it has
    manifest: dict[str, Any]
    versions: tuple[Version, ...]  # oldest first
    # by id: the index in `versions` of the one that it is read from, and its `text_sha256`
    texts: Mapping[str, tuple[int, str]]


Readable: TypeAlias = Version | Edition


@dataclass(frozen=True, slots=True)
class ArticleKey:
    """What identifies an article: a projection."""

    id: str
    text_sha256: str


def translates_first(version: Readable) -> bool:
    """Return whether a version, or one of an edition, has English summaries of translated articles."""
    versions = version.versions if isinstance(version, Edition) else (version,)
    return any(one.order != DEFAULT_ORDER for one in versions)


def arrow_schema(keep: tuple[str, ...] = ()) -> pa.Schema:
    """Return the Arrow schema of published rows (`schema: 1`); the kept columns of the sources last, as strings."""
    import pyarrow as pa

    columns = [*_columns(PublishedRow), *((name, pa.string()) for name in keep)]
    return pa.schema(columns, metadata={"tomdich": "schema 1"})


def as_json(row: PublishedRow) -> dict[str, JSON]:
    """Return a row as plain values by column, the kept columns last."""
    values: dict[str, JSON] = msgspec.to_builtins(row)
    kept: dict[str, JSON] = values.pop("kept")
    return values | kept


@overload
def rows(version: Readable) -> Iterator[PublishedRow]: ...
@overload
def rows(version: Readable, projection: type[P]) -> Iterator[P]: ...
def rows(version: Readable, projection: type[Any] = PublishedRow) -> Iterator[Any]:
    """Yield the records in order, whole or as a projection, for which only its columns are read.

    Raises `DifferenceError` naming the file where it cannot be read or holds no such rows.
    """
    names = None if projection is PublishedRow else _names(projection)
    for path, values in _stored(version, names):
        known = {name: value for name, value in values.items() if value is not None}
        if names is None:
            known["kept"] = {name: value for name, value in values.items() if name not in ROW_COLUMNS}
        try:
            yield msgspec.convert(known, projection)
        except msgspec.ValidationError as error:
            raise DifferenceError(f"{path}: record {values.get('id')!r}: {error}; {_REMEDY}") from None


def kept_column_names(version: Readable) -> tuple[str, ...]:
    """Return the names of the kept columns, in order; of an edition those that any of its versions has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(version, Edition):
        return tuple(dict.fromkeys(name for one in version.versions for name in kept_column_names(one)))
    first = version.data()[0]
    try:
        return tuple(name for name in pq.read_schema(first).names if name not in ROW_COLUMNS)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(first, error) from None


def failures(version: Readable) -> Iterator[Failure]:
    """Yield the articles that are not among the records, in order.

    An edition gives each once, and none of an id that a later version of it published. Raises `DifferenceError` naming
    the line where the list is damaged.
    """
    if not isinstance(version, Edition):
        yield from read_failures(version.path("failures.jsonl"))
        return
    seen: set[tuple[str, str, str, str, int]] = set()
    for at, one in enumerate(version.versions):
        for failure in failures(one):
            source = failure.source
            key = (failure.kind, failure.id, failure.text_sha256, source.path, source.row)
            if key not in seen and version.texts.get(failure.id, (0, ""))[0] <= at:
                seen.add(key)
                yield failure


def read_failures(path: Path) -> Iterator[Failure]:
    """Yield the failures of a failures.jsonl; raises `DifferenceError` naming the line where it is damaged."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    failure = _failure.decode(line)
                except msgspec.DecodeError as error:
                    raise DifferenceError(f"{path}:{number}: {error}; {_REMEDY}") from None
                yield failure
    except OSError as error:
        raise _unreadable(path, error) from None


def _stored(version: Readable, columns: tuple[str, ...] | None) -> Iterator[tuple[Path, dict[str, JSON]]]:
    """Yield each row's file and its stored values by column; a column that the file lacks is absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(version, Edition):
        read = None if columns is None else tuple(dict.fromkeys(("id", *columns)))
        for at, one in enumerate(version.versions):
            for path, values in _stored(one, read):
                if version.texts.get(values["id"], (None,))[0] == at:
                    yield path, values
        return
    for path in version.data():
        try:
            with pq.ParquetFile(path) as file:
                there = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
                for batch in file.iter_batches(batch_size=_BATCH, columns=there):
                    yield from ((path, values) for values in batch.to_pylist())
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DifferenceError:
    why = describe(error, folder=path) if isinstance(error, OSError) else f"{path}: {error}"
    return DifferenceError(f"{why}; {_REMEDY}")


def _names(projection: type) -> tuple[str, ...]:
    columns, wanted = _columns(PublishedRow), _columns(projection)
    assert set(wanted) <= set(columns), f"{projection.__name__} is no projection of PublishedRow"
    return tuple(name for name, _ in wanted)


def _columns(record: type) -> list[tuple[str, pa.DataType]]:
    hints = get_type_hints(record, include_extras=True)
    return [(one.name, _arrow_type(hints[one.name])) for one in fields(record) if one.name != "kept"]


def _arrow_type(hint: Any) -> pa.DataType:  # noqa: ANN401 - a type hint has no common type
    import pyarrow as pa

    if is_dataclass(hint):
        assert isinstance(hint, type)
        return pa.struct(_columns(hint))
    if get_origin(hint) is tuple:
        return pa.list_(_arrow_type(get_args(hint)[0]))
    if get_origin(hint) is UnionType:  # every column may be null
        return _arrow_type(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return pa.string()
    plain: dict[Any, pa.DataType] = {
        str: pa.string(),
        int: pa.int32(),
        Int64: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
    }
    return plain[hint]
