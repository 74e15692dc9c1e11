"""Read back what a version or an edition holds: its records and its failures, in order, a batch in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pipeline import records
from pipeline.records import Category
from pipeline.storage.versions import Version

Row: TypeAlias = dict[str, Any]  # a record as `records.arrow_schema` describes it

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Edition:
    """Several versions of one day, read as one: of each id the newest text. `editions.find` makes it."""

    name: str  # night@2026-11-23
    # of the newest version, but for `counts`, which are those of the edition, and `recipe` and `signature`, which name
    # each that a version of it has
    manifest: dict[str, Any]
    versions: tuple[Version, ...]  # oldest first
    # by id: the place in `versions` of the one that it is read from, and its `text_sha256`
    texts: Mapping[str, tuple[int, str]]


Readable: TypeAlias = Version | Edition


def rows(version: Readable, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Yield the records in order, or only these columns of them; what an old version lacks is not in the row.

    But for the status of a record and the severity of a flag, which are "ok" and "warning" in versions of before there
    were any: here, so that no reader needs to know. Reading few columns is quick: the files are by column.
    """
    import pyarrow.parquet as pq

    if isinstance(version, Edition):
        read = None if columns is None else tuple(dict.fromkeys(("id", *columns)))
        for at, one in enumerate(version.versions):
            for row in rows(one, read):
                if version.texts.get(row["id"], (None,))[0] == at:
                    yield row
        return
    for path in sorted((version.folder / "data").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            there = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=_BATCH, columns=there):
                yield from (_completed(row, columns) for row in batch.to_pylist())


def _completed(row: Row, columns: Sequence[str] | None) -> Row:
    if columns is None or "status" in columns:
        row["status"] = row.get("status") or "ok"
    for flag in row.get("flags") or ():
        flag["severity"] = flag.get("severity") or "warning"
    return row


def column_names(version: Readable) -> tuple[str, ...]:
    """Return the names of the columns, in order; those of an edition that a version of it lacks too."""
    import pyarrow.parquet as pq

    if isinstance(version, Edition):
        return tuple(dict.fromkeys(name for one in version.versions for name in column_names(one)))
    first = min((version.folder / "data").glob("*.parquet"))
    return tuple(pq.read_schema(first).names)


def failures(version: Readable) -> Iterator[Row]:
    """Yield the lines of failures.jsonl, in order.

    Of an edition each once, and none of an id that a later version of it published.
    """
    if isinstance(version, Edition):
        seen: set[tuple[str, ...]] = set()
        for at, one in enumerate(version.versions):
            for failure in failures(one):
                source = failure["source"]
                key = (failure["kind"], failure["id"], failure["text_sha256"], source["path"], str(source["row"]))
                if key not in seen and version.texts.get(failure["id"], (0, ""))[0] <= at:
                    seen.add(key)
                    yield failure
        return
    with (version.folder / "failures.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def category(failure: Mapping[str, Any]) -> Category:
    """Return what a line of failures.jsonl is counted as; versions before `damaged` counted such rows as rejected."""
    return records.category(failure["kind"], rejected=failure["rejected"], damaged=failure.get("damaged", False))


def on_hold(row: Row) -> bool:
    """Return whether a record waits for a person before it is printed."""
    return bool(row["status"] == "hold")
