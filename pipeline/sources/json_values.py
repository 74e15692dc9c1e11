"""Split a JSON text into values: the items of its array, or the objects that follow one another.

Only brackets, commas and quotes are examined. One value is held in memory at a time, and each is decoded like a line
of a JSON lines file, whatever its encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from pipeline.errors import UnavailableError
from pipeline.sources import byte_streams

_OUTSIDE = re.compile(rb'["\[\]{},]')  # what counts outside a string
_INSIDE = re.compile(rb'["\\]')  # and inside one
_HEAD = 1024 * 1024  # bytes in which the first line is searched for
_SPACE = b" \t\r\n"


def is_lines(chunks: Iterator[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Return whether a JSON text is JSON lines (its first line is an object of its own), and the chunks again."""
    head, chunks = byte_streams.peek(chunks, _HEAD)
    first, newline, _ = head.lstrip(_SPACE).partition(b"\n")
    if not newline or not first.startswith(b"{"):
        return False, chunks
    try:
        msgspec.json.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False, chunks
    return True, chunks


def is_array(chunks: Iterator[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Return whether a JSON text begins as an array does, and the chunks again."""
    head, chunks = byte_streams.peek(chunks, 1024)
    return head.lstrip(_SPACE).startswith(b"["), chunks


def values(chunks: Iterable[bytes], *, name: str, longest: int = byte_streams.LONGEST) -> Iterator[bytes | None]:
    """Yield the text of each item of the array, else of each object; None marks one over `longest` bytes.

    Raises `UnavailableError` where the text ends inside a value or before the array does.
    """
    scanner = _Scanner(longest)
    for chunk in chunks:
        yield from scanner.feed(chunk)
    if scanner.depth or scanner.in_string:
        raise UnavailableError(f"{name}: the JSON ends inside a value or an array; fetch the file again")
    yield from scanner.take()


@dataclass(slots=True)
class _Scanner:
    """The state of the scan, and the part of the present value that is held."""

    longest: int
    held: list[bytes] = field(default_factory=list)
    size: int = 0
    depth: int = 0
    items_at: int | None = None  # the depth of the values: 1 in an array, 0 without one, None before the first bracket
    in_string: bool = False
    is_escaped: bool = False

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Yield the values that end in this chunk."""
        start, at = 0, int(self.is_escaped and bool(chunk))  # of what is not kept yet, of what is not scanned yet
        self.is_escaped = self.is_escaped and not chunk
        while found := (_INSIDE if self.in_string else _OUTSIDE).search(chunk, at):
            mark, at = found[0], found.end()
            if mark == b"\\":
                self.is_escaped = at == len(chunk)
                at += 1
            elif mark == b'"':
                self.in_string = not self.in_string
            elif self._ends(mark):
                self._keep(chunk[start : found.start() if self._is_of_array(mark) else at])
                start = at
                yield from self.take()
        self._keep(chunk[start:])

    def take(self) -> Iterator[bytes | None]:
        """Yield the value that is held, unless it is only white space."""
        value, length = b"".join(self.held).strip(_SPACE), self.size
        self.held, self.size = [], 0
        if length > self.longest:
            yield None
        elif value:
            yield value

    def _ends(self, mark: bytes) -> bool:
        """Count a bracket or comma, and return whether a value ends at it."""
        if mark == b",":
            return self.depth == self.items_at
        if mark in b"[{":
            if self.items_at is None:
                self.items_at = int(mark == b"[")
            self.depth += 1
            return self.depth == self.items_at  # the array begins: text before it is a value of its own
        self.depth = max(0, self.depth - 1)
        return self.depth == 0

    def _is_of_array(self, mark: bytes) -> bool:
        """Return whether a mark at which a value ends belongs to the array and is not the value's last bracket."""
        return mark == b"," or bool(self.items_at)

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self.longest:
            self.held.clear()
        else:
            self.held.append(piece)
