"""Records on the way from one step of a run to the next: a run never holds its articles in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import msgspec

from pipeline.records import Article, Summarized, Translated
from pipeline.runner.stage_runner import characters

R_co = TypeVar("R_co", Article, Summarized, Translated, covariant=True)
T = TypeVar("T", Summarized, Translated)

_encoder = msgspec.json.Encoder()


class Records(Protocol[R_co]):
    """The records that a stage is given: those that were loaded, or a `Spool`."""

    @property
    def is_complete(self) -> bool:
        """Whether what gives the records has ended: `count` and `characters` are then those of all of them."""
        ...

    @property
    def count(self) -> int:
        """How many records there are."""
        ...

    @property
    def characters(self) -> int:
        """How many characters the stage reads of them."""
        ...

    def drain(self) -> None:
        """Make them complete: no model is needed any more to give them."""
        ...

    def __iter__(self) -> Iterator[R_co]: ...


class RecordFile(Generic[T]):
    """Records in a file, in the order they were added; a context manager while they are."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path, self.count = path, 0
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self._out = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the file; the records can be read from now on."""
        self._out.close()

    def add(self, record: T) -> None:
        """Add a record."""
        self.add_line(_encoder.encode(record))

    def add_line(self, line: bytes) -> None:
        """Add a record that is JSON already."""
        self._out.write(line + b"\n")
        self.count += 1

    def __iter__(self) -> Iterator[T]:
        with self.path.open("rb") as lines:
            for line in lines:
                yield self._decoder.decode(line)


class Spool(Generic[T]):
    """The records, of the type `kind`, between two model stages; a context manager.

    They pass through one by one until the spool is drained, which takes all that are left from the stage before at
    once, into a file, and so ends it and closes its engine. The stage behind drains it before it opens its own engine:
    one model is in memory at a time. As long as the memo knows every answer of that stage, nothing is written.
    """

    def __init__(self, records: Iterable[T], path: Path, kind: type[T]) -> None:
        self.is_complete = False
        self.count = self.characters = 0  # of the records that have come so far
        self._coming: Iterator[T] = self._counted(records)
        self._file: RecordFile[T] = RecordFile(path, kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def drain(self) -> None:
        """Take all the records that are still to come into the file."""
        for record in self._coming:
            self._file.add(record)
        self._file.close()

    def __iter__(self) -> Iterator[T]:
        """Yield each record once: as it comes, then those that were drained meanwhile."""
        yield from self._coming
        self._file.close()
        yield from self._file

    def _counted(self, records: Iterable[T]) -> Iterator[T]:
        for record in records:
            self.count += 1
            self.characters += characters(record)
            yield record
        self.is_complete = True
