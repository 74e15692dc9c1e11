"""Read back what a version holds: its records and its failures, in order, a batch in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pipeline import records
from pipeline.records import Category
from pipeline.store import Version

Row: TypeAlias = dict[str, Any]  # a record as `records.arrow_schema` describes it

_BATCH = 256


def rows(version: Version, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Yield a version's records in order, or only these columns of them; what an old version lacks is not in the row.

    But for the status of a record and the severity of a flag, which are "ok" and "warning" in versions of before there
    were any: here, so that no reader needs to know. Reading few columns is quick: the files are by column.
    """
    import pyarrow.parquet as pq

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


def column_names(version: Version) -> tuple[str, ...]:
    """Return the names of a version's columns, in order."""
    import pyarrow.parquet as pq

    first = min((version.folder / "data").glob("*.parquet"))
    return tuple(pq.read_schema(first).names)


def failures(version: Version) -> Iterator[Row]:
    """Yield the lines of a version's failures.jsonl, in order."""
    with (version.folder / "failures.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def category(failure: Mapping[str, Any]) -> Category:
    """Return what a line of failures.jsonl is counted as; versions before `damaged` counted such rows as rejected."""
    return records.category(failure["kind"], rejected=failure["rejected"], damaged=failure.get("damaged", False))


def on_hold(row: Row) -> bool:
    """Return whether a record waits for a person before it is printed."""
    return bool(row["status"] == "hold")
