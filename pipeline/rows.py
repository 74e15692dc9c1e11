"""Read back what a version holds: its records and its failures, in order, a batch in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from pipeline.store import Version

Row: TypeAlias = dict[str, Any]  # a record as `records.arrow_schema` describes it

_BATCH = 256


def rows(version: Version, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Yield a version's records in order, or only these columns of them; what an old version lacks is not in the row.

    Reading few columns is quick: the files are by column.
    """
    import pyarrow.parquet as pq

    for path in sorted((version.folder / "data").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            there = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=_BATCH, columns=there):
                yield from batch.to_pylist()


def column_names(version: Version) -> tuple[str, ...]:
    """Return the names of a version's columns, in order."""
    import pyarrow.parquet as pq

    first = min((version.folder / "data").glob("*.parquet"))
    return tuple(pq.read_schema(first).names)


def failures(version: Version) -> Iterator[Row]:
    """Yield a version's failures and rejections, in the order they were found."""
    with (version.folder / "failures.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def on_hold(row: Row) -> bool:
    """Return whether a record waits for a person; a version of before there was a status holds nothing."""
    return row.get("status") == "hold"
