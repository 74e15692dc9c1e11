"""The standard streams of the command line: UTF-8 in every locale, each on an open descriptor, with its own errors.

stdout carries results: where it cannot be written, that is an error of its own kind. stderr carries notices: one that
cannot be written is dropped and never ends a run, whose log keeps it all the same.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING

from pipeline.errors import ReaderGoneError, StdoutError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def begin() -> None:
    """Make the process and its standard streams use UTF-8; may start the process again, under the same id."""
    _require_utf8()
    _open_all()
    unbuffered = bool(getattr(sys.stdout, "write_through", False))  # python -u
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(_STDIN, "rb", closefd=False)), encoding="utf-8")
    # a path is printed as the bytes that it is
    sys.stdout = _text(_Stdout(_STDOUT, "wb", closefd=False), errors="surrogateescape", direct=unbuffered)
    sys.stderr = _text(_Stderr(_STDERR, "wb", closefd=False), errors="backslashreplace", direct=True)


def _require_utf8() -> None:
    """Start Python again in UTF-8 mode where the locale's encoding is another one.

    Python fixes the encoding of paths and arguments when it starts. In another encoding a path of the config leads to
    another file, and published files hold garbled names.
    """
    if sys.getfilesystemencoding().lower() not in {"utf-8", "utf8"} and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - no shell is wanted


def _open_all() -> None:
    """Put `/dev/null` where a standard descriptor is closed, opened so that using it is an error as before.

    The next file that is opened would get its number else, and notices would be written into it.
    """
    for number, flags in ((_STDIN, os.O_WRONLY), (_STDOUT, os.O_RDONLY), (_STDERR, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)


def _text(raw: io.FileIO, *, errors: str, direct: bool) -> io.TextIOWrapper:
    by_line = direct or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors=errors, line_buffering=by_line)


def _write(raw: io.FileIO, data: ReadableBuffer) -> int:
    """Write as `io.FileIO` does, and wait for a pipe that is full and set not to block."""
    written: int | None
    while (written := io.FileIO.write(raw, data)) is None:
        select.select([], [raw], [])
    return written


class _Stdout(io.FileIO):
    """stdout; its faults are distinguished from those of all other files, and are raised once."""

    def write(self, data: ReadableBuffer) -> int:
        try:
            return _write(self, data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())  # what is still buffered must not fail again at the end of the process
            os.close(nowhere)
            if isinstance(error, BrokenPipeError):
                raise ReaderGoneError("stdout: nobody reads it any more") from None
            raise StdoutError(f"stdout: cannot be written: {error.strerror}") from None


class _Stderr(io.FileIO):
    """stderr; what cannot be written there is dropped."""

    def write(self, data: ReadableBuffer) -> int:
        try:
            return _write(self, data)
        except OSError:
            return memoryview(data).nbytes
