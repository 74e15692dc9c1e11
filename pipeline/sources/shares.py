"""The share of the sources that one shard of an array job reads.

All shards find the same files and divide them by the same rules, so that every row belongs to exactly one shard:

- A document belongs to a shard by the hash of its name.
- A source of many files is divided by whole files, likewise by name; the other files are not opened.
- A Parquet file of many row groups is divided by row group; the other groups are not decoded.
- Of any other table each shard reads every row, and repairs those whose id (without one: text) hashes to it. To read a
  row takes some 20 µs, to repair it 1 to 2 ms.

A hash and not a position decides, so that a file or a row that is added moves no other to another shard, whose memo
does not have its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.config import Source
from pipeline.ids import digest
from pipeline.sources.articles import BadRow, Row
from pipeline.sources.files import Found, stamp
from pipeline.storage.shards import Share

_FILES = 32  # files for each shard from which on a source is divided by file: names hash unevenly, and files differ
_GROUPS = 8  # row groups for each shard from which on a Parquet file is divided by them: they are of one size
_DOCUMENTS = {"txt", "html"}


@dataclass(slots=True)
class Division:
    """How one source is divided, as far as it has been read."""

    share: Share
    found: list[tuple[str, int | None]] = field(default_factory=list)  # every file; its bytes if local
    number: int = -1  # of the file that is being read, in the order of the source; -1: none yet
    _by_file: bool = False

    def listing(self) -> str:
        """Return the digest of the files that were found, equal in every shard of one job."""
        return digest(self.found)

    def files(self, found: Sequence[Found]) -> Iterator[Found]:
        """Yield the files of the source that the shard reads, all or a part of each."""
        self.found = [(one.name, None if (local := stamp(one)) is None else local[0]) for one in found]
        self._by_file = len(found) >= _FILES * self.share.of
        for number, one in enumerate(found):
            if not (self._by_file or one.format in _DOCUMENTS) or self.share.owns(one.name):
                self.number = number
                yield one

    def dataset(self, name: str) -> None:
        """Say that the source is one dataset, of which the shard reads a part."""
        self.found, self.number = [(name, None)], 0

    def owns_document(self, found: Found) -> bool:
        """Return whether a file is the shard's, of which only its content tells that it is a document."""
        return self.share.owns(found.name)

    def row_groups(self, count: int) -> list[int] | None:
        """Return which of the row groups of a Parquet file are the shard's; None: all, by row."""
        if self._by_file or count < _GROUPS * self.share.of:
            return None
        return list(range(self.share.number - 1, count, self.share.of))

    def owner(self, source: Source) -> Callable[[Row | BadRow], bool] | None:
        """Return the function that says whether a row is the shard's; None: every row is."""
        if self._by_file:
            return None
        columns = (source.columns.id or "id", source.columns.text or "text")

        def owns(row: Row | BadRow) -> bool:
            values = (row.values.get(column) for column in columns) if isinstance(row, Row) else iter(())
            key = next((value for value in values if value == value and value not in (None, "")), row.index)  # noqa: PLR0124 - NaN, a data frame's None
            return self.share.owns(str(key))

        return owns
