"""Read one file from end to end, hashed on the way; local, on the web, in a bucket, or stdin.

The digest is of the bytes of the file, compressed or not. What file systems and network clients raise becomes a
`SourceError` that names the file and shows no secret.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, quote_plus

from pipeline.config import Format
from pipeline.errors import SourceError, UnavailableError
from pipeline.secrets import ENV, masked
from pipeline.sources import compression
from pipeline.storage.disk_errors import on_disk, temporary_folder
from pipeline.storage.names import forms as name_forms

_CHUNK = 256 * 1024
_SECRET = 4  # letters; a shorter value is not a secret, and occurs in many words


@dataclass(frozen=True, slots=True)
class Found:
    """One file to read."""

    path: str  # what is opened
    name: str  # what is shown and recorded: `${ENV}` stays unexpanded, so that no secret is published
    format: Format | None  # None: by its first characters


@dataclass(slots=True)
class RunningDigest:
    """The number of bytes read of a file so far, and their SHA-256."""

    bytes: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)  # hashlib's own type has no public name

    def digest(self) -> str:
        """Return the SHA-256 of the bytes read so far, in hexadecimal."""
        return str(self.sha256.hexdigest())


def stamp(found: Found) -> tuple[int, int, int] | None:
    """Return what changes when a local file does (size, mtime, inode); None if it is not a local file."""
    if found.path == "-" or "://" in found.path:
        return None
    try:
        status = os.stat(found.path)  # noqa: PTH116 - see Found.path
    except OSError:
        return (-1, -1, -1)
    return (status.st_size, status.st_mtime_ns, status.st_ino) if Path(found.path).is_file() else None


def raw(found: Found, running: RunningDigest) -> Generator[bytes, None, None]:
    """Yield the bytes of the file in chunks, counted and hashed in `running`; raises `SourceError`."""
    with _opened(found) as file:
        while True:
            with reading(found.name):
                chunk = file.read(_CHUNK)
            if not chunk:
                return
            running.bytes += len(chunk)
            running.sha256.update(chunk)
            yield chunk


@contextmanager
def seekable(found: Found, chunks: Iterator[bytes]) -> Iterator[IO[bytes]]:
    """Give the file open at its beginning; `chunks`, its raw bytes, are read to the end for their digest.

    A file that is compressed or not local is copied to a temporary one first.
    """
    if stamp(found) is not None and not compression.is_compressed(found.path):
        for _ in chunks:
            pass
        with _opened(found) as file:
            yield file
        return
    temporary = temporary_folder()
    remedy = f"set TMPDIR to a folder with room to unpack {found.name}"
    with ExitStack() as stack:
        with on_disk(temporary, remedy=remedy):
            copy = stack.enter_context(tempfile.TemporaryFile(prefix="tomdich-", dir=temporary))
        for chunk in compression.decompressed(chunks, name=found.name):
            with on_disk(temporary, remedy=remedy):
                copy.write(chunk)
        copy.seek(0)
        yield copy


def readable(path: str, pattern: str) -> str:
    """Return `path` for messages and records: without secrets, and as text whatever its bytes are."""
    return writable(masked(hidden(path, pattern)))


def writable(name: str) -> str:
    r"""Return `name` with bytes that are not UTF-8 shown as `\xff`."""
    return name.encode("utf-8", errors="backslashreplace").decode()


def hidden(message: str, pattern: str) -> str:
    """Return `message` with the values of the environment that `pattern` names put back as `${NAME}`."""
    for match in ENV.finditer(pattern):
        value = os.environ.get(match[1], "")
        # as it is, and as URLs write it
        forms = {value, quote(value), quote(value, safe=""), quote_plus(value), repr(value)[1:-1]}
        forms = {shown for form in forms for shown in name_forms(form)}
        for form in sorted(forms, key=len, reverse=True):
            if len(form) >= _SECRET:
                message = message.replace(form, match[0])
            elif form:
                message = message.replace(form, match[0], 1)
    return message


@contextmanager
def _opened(found: Found) -> Iterator[IO[bytes]]:
    if found.path == "-":
        # not through its buffer: an abandoned read would hold the buffer's lock when the process ends
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return
    with ExitStack() as stack:
        with reading(found.name):
            if "://" in found.path:
                import fsspec

                file = stack.enter_context(fsspec.open(found.path, "rb"))
            else:
                file = stack.enter_context(Path(found.path).open("rb"))
        yield file


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what file systems raise into a `SourceError` that names the file, and no secret."""
    try:
        yield
    except FileNotFoundError as error:
        # fsspec raises this for a server that refuses too, with the server's error as its cause
        cause = error.__cause__
        reason = "" if cause is None else f": {readable(str(cause), name)}"
        match None if cause is None else getattr(cause, "status", 0):
            case None | 404 | 410:
                what = f"no such file{reason}"
            case 0:
                what = f"cannot be reached{reason}; is the address right, and the network up?"
            case _:
                what = f"the server refuses it{reason}"
        raise UnavailableError(f"{name}: {what}") from None
    except ImportError as error:
        remedy = "for s3:// install tomdich[s3], for gs:// tomdich[gcs]"
        raise SourceError(f"{name}: {readable(str(error), name)}; {remedy}") from None
    except ValueError as error:  # a scheme that fsspec does not know, a path with a null byte
        raise SourceError(_unreadable(name, error)) from None
    except OSError as error:
        raise UnavailableError(_unreadable(name, error)) from None
    except _client_errors() as error:
        raise UnavailableError(_unreadable(name, error)) from None


def _unreadable(name: str, error: Exception) -> str:
    return f"{name}: cannot be read: {readable(str(error) or type(error).__name__, name)}"


def _client_errors() -> tuple[type[Exception], ...]:
    """Return the error classes of the network clients in use that are not an `OSError`; imports none of them."""
    classes = (
        ("aiohttp", "ClientError"),
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("google.auth.exceptions", "GoogleAuthError"),
        ("gcsfs.retry", "HttpError"),
    )
    return tuple(getattr(sys.modules[module], name) for module, name in classes if module in sys.modules)
