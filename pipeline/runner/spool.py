"""The records that one pass leaves for the next, in a file: a run never holds its articles in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, Self, TypeVar

import msgspec

from pipeline.records import Summarized, Translated

T = TypeVar("T", Summarized, Translated)

_encoder = msgspec.json.Encoder()


class Spool(Generic[T]):
    """Records in the order they were added; a context manager while they are."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path, self.count = path, 0
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self._out = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
