"""A file's bytes in chunks: its first bytes, its encoding, its lines.

A line or document is held in memory up to `LONGEST` bytes and not beyond, however long it is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

# Bytes of one line, field or document; nothing longer is an article. JSON of small values takes some thirty times its
# size in memory.
LONGEST = 16 * 1024 * 1024
MEGABYTES = LONGEST // (1024 * 1024)

_LINE_ENDS = 64 * 1024  # bytes in which the end of the first line is looked for


def peek(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first `size` bytes or more (less at the end), and the chunks as if nothing had been read."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, chain([head], chunks)


def as_utf8(chunks: Iterator[bytes]) -> tuple[str | None, Iterator[bytes]]:
    """Return the encoding that a byte order mark names, and the chunks without it: UTF-16 turned to UTF-8."""
    head, chunks = peek(chunks, 4)
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if head.startswith(mark):
            return encoding, _recoded(chunks, encoding, len(mark))
    return None, chunks


def lines(chunks: Iterable[bytes], *, longest: int = LONGEST) -> Iterator[bytes | None]:
    r"""Yield the lines without their "\n"; None marks a line over `longest` bytes, which is never held in memory.

    Where a "\r" without a "\n" ends the first line, as on old Macs, each of them ends one.
    """
    head, chunks = peek(iter(chunks), _LINE_ENDS)
    first = re.search(rb"\r\n?|\n", head[:_LINE_ENDS])
    if first is not None and first[0] == b"\r" and first.end() < len(head):
        chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
    rest: list[bytes] = []
    size = 0
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for piece in whole:
            yield b"".join([*rest, piece]) if size + len(piece) <= longest else None
            rest, size = [], 0
        size += len(last)
        if size > longest:
            rest = []
        elif last:
            rest.append(last)
    if size:
        yield b"".join(rest) if size <= longest else None


def whole(chunks: Iterable[bytes], *, longest: int = LONGEST) -> bytes | None:
    """Return all the bytes, or None where they are more than `longest`."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > longest:
            return None
        pieces.append(chunk)
    return b"".join(pieces)


def _recoded(chunks: Iterable[bytes], encoding: str, mark: int) -> Iterator[bytes]:
    """Yield `chunks` without the first `mark` bytes, as UTF-8."""
    pieces = iter(chunks)
    first = next(pieces)[mark:]
    if encoding == "utf-8":
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in chain([first], pieces):
        yield decoder.decode(piece).encode("utf-8", errors="replace")
    yield decoder.decode(b"", final=True).encode("utf-8", errors="replace")
