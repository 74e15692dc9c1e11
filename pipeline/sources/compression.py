"""Decompress a file of any source: gzip, zstandard, xz and bzip2, recognized by the first bytes.

The bytes decide and not the name: servers and people rename files. Output comes in bounded pieces, so a file that
expands a thousandfold takes time but no memory. Concatenated streams are one file; bytes after the last stream that
are no padding are damage, not skipped.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import UnavailableError
from pipeline.sources.byte_streams import peek

ENDINGS = (".gz", ".zst", ".xz", ".bz2")
_HEAD = 10  # bytes by which every format is recognized
_PIECE = 1024 * 1024  # bytes of output at a time
_ZSTD_STEP = 256  # bytes fed at a time: a zstd block of 4 bytes can expand to 128 KiB, so 8 MiB of output at most
_XZ_MEMORY = 256 * 1024 * 1024  # bytes of an xz dictionary; `xz -9` takes 65 MiB, and the format allows 4 GiB
_DAMAGED = (zlib.error, lzma.LZMAError, OSError)  # what the decompressors raise; bz2 raises `OSError`


class _Decompressor(Protocol):
    """What `bz2` and `lzma` have: one compressed stream, fed in pieces."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether all output of the input so far has been given."""

    @property
    def unused_data(self) -> bytes:
        """The input behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return output of `data` and of the input that is left; for bz2, lzma and gzip at most `max_length` bytes."""
        ...


class _Gzip:
    """`zlib` with the interface of `bz2` and `lzma`."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail and not self._is_full

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._is_full = len(piece) == max_length
        return piece


class _Zstandard:
    """`zstandard` with the interface of `bz2` and `lzma`; its output is bounded by the input that it is fed."""

    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor().decompressobj()
        self._error = zstandard.ZstdError
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:  # noqa: ARG002 - see the class
        data = self._waiting + data
        self._waiting = data[_ZSTD_STEP:]
        try:
            return self._inner.decompress(data[:_ZSTD_STEP])
        except self._error as error:
            raise OSError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    start: re.Pattern[bytes]
    open: Callable[[], _Decompressor]


_FORMATS = (
    _Format("gzip", re.compile(rb"\x1f\x8b\x08"), _Gzip),
    _Format("zstd", re.compile(rb"\x28\xb5\x2f\xfd"), _Zstandard),
    _Format("xz", re.compile(rb"\xfd7zXZ\x00"), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
    # the digit is the block size; then comes a block, or the end of an empty stream
    _Format("bzip2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), bz2.BZ2Decompressor),
)


def is_compressed(name: str) -> bool:
    """Return whether a file's name says that it is compressed."""
    return name.lower().endswith(ENDINGS)


def without_endings(name: str) -> str:
    """Return a file's name, in lower case, without the endings of compression."""
    name = name.lower()
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name


def decompressed(chunks: Iterator[bytes], *, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file, compressed or not.

    Raises `UnavailableError` where the compressed data is damaged or cut short, and where a name says that the file is
    compressed and it is not.
    """
    head, chunks = peek(chunks, _HEAD)
    found = next((one for one in _FORMATS if one.start.match(head)), None)
    if found is not None:
        yield from _decompressed(chunks, found, name)
    elif is_compressed(name):
        state = "is not packed as its name says" if head else "is empty"
        raise UnavailableError(f"{name}: {state}; it may have been cut off while it was fetched")
    else:
        yield from chunks


def _decompressed(chunks: Iterable[bytes], packing: _Format, name: str) -> Iterator[bytes]:
    stream = packing.open()
    for chunk in chunks:
        data = chunk
        while data or not (stream.eof or stream.needs_input):
            if stream.eof:  # another stream, or the zeros that tapes, disks and xz pad with
                data = data.lstrip(b"\0")
                if not data:
                    break
                stream = packing.open()
            try:
                piece = stream.decompress(data, _PIECE)
            except _DAMAGED as error:
                raise UnavailableError(f"{name}: the {packing.name} data is damaged: {error}") from None
            if piece:
                yield piece
            data = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise UnavailableError(f"{name}: the {packing.name} data is cut short; fetch the file again")
