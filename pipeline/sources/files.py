"""Files: found by path, folder, glob, URL or `-`, read once from end to end, hashed on the way, unpacked.

Compression is told by the first bytes, not by the name: servers and people rename files. Unpacking gives bounded
pieces, so a file that swells a thousandfold costs time but not memory. The digest is of the bytes as read.
"""

from __future__ import annotations

import codecs
import difflib
import glob
import hashlib
import os
import re
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal, get_args
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pipeline import config
from pipeline.errors import SourceError, UnavailableError
from pipeline.sources.names import forms as name_forms
from pipeline.storage.disk_errors import on_disk, temporary_folder

Format = Literal["txt", "html", "feed", "json", "jsonl", "csv", "tsv", "parquet"]

# Bytes of one line, field or document; what is longer is no article. JSON of small values takes some thirty times its
# size in memory.
LONGEST = 16 * 1024 * 1024
MEGABYTES = LONGEST // (1024 * 1024)

_ENDINGS: dict[str, Format] = {
    ".txt": "txt",
    ".html": "html",
    ".htm": "html",
    ".rss": "feed",
    ".atom": "feed",
    ".xml": "feed",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_PACKED = (".gz", ".zst")
_GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_CHUNK = 256 * 1024
_LINE_ENDS = 64 * 1024  # bytes in which the end of the first line is looked for
_PIECE = 1024 * 1024  # bytes unpacked at a time
_ZSTD_STEP = 256  # bytes fed at a time: a zstd block of 4 bytes can swell to 128 KiB, so 8 MiB at most
_SECRET = 4  # letters; a shorter value hides nothing, and stands in many a word
_LISTED = 5  # names shown in one message


@dataclass(frozen=True, slots=True)
class Found:
    """One file to read."""

    path: str  # what is opened
    name: str  # what is shown and recorded: `${ENV}` stays unexpanded, so that no secret is published
    format: Format | None  # None: by its first characters


@dataclass(slots=True)
class RunningDigest:
    """What has been read of a file so far."""

    bytes: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)  # hashlib's own type has no public name

    def digest(self) -> str:
        """Return the SHA-256 of the bytes read so far, in hexadecimal."""
        return str(self.sha256.hexdigest())


def find(pattern: str, *, given: Format | None, warn: Callable[[str], None]) -> list[Found]:
    """Return the files that `pattern` (file, folder, glob, URL, `-`) stands for, sorted by path.

    `given`: the format of all of them, else it is told by the ending; a folder's or a glob's files with other
    endings are named in one warning. Names that begin with a dot are passed over. Raises `SourceError` where
    nothing is found, with what is there instead.
    """
    path = config.expand_env(pattern)
    if not path:
        raise SourceError(f"{pattern}: is empty in the environment; set it to the path of a file or folder")
    if path == "-":
        return [Found("-", "-", given)]
    with _reading(pattern):
        paths, named = _listed(path, pattern)
    if not named and (special := [_masked(one, pattern) for one in paths if _is_special(one)]):
        warn(f"{pattern}: left out {len(special)} that are no files (a pipe, a socket, a device): {_some(special)}")
        paths = [one for one in paths if not _is_special(one)]
    found: list[Found] = []
    unknown: list[str] = []
    for one in paths:
        kind = given or format_of(one)
        name = _masked(one, pattern)
        if kind is not None or _is_web(one):
            found.append(Found(one, name, kind))
        elif named:
            raise SourceError(
                f"{name}: unknown ending; give `format:` ({', '.join(get_args(Format))}), or name it .jsonl, …"
            )
        else:
            unknown.append(name)
    if not found:
        known = f"known endings: {', '.join(_ENDINGS)}, each also with .gz or .zst"
        if unknown:
            raise SourceError(f"{pattern}: only {_some(unknown)}; {known}")
        raise UnavailableError(f"{pattern}: no file; {known}")
    if unknown:
        warn(f"{pattern}: left out {len(unknown)} with unknown endings (give `format:`): {_some(unknown)}")
    return found


def format_of(path: str) -> Format | None:
    """Return the format that the ending of `path`, .gz or .zst taken off, stands for."""
    name = urlsplit(path).path if "://" in path else path
    name = name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return _ENDINGS.get(os.path.splitext(name)[1])  # noqa: PTH122 - the path may be a URL


def stamp(found: Found) -> tuple[int, int, int] | None:
    """Return what changes when a local file does (size, mtime, inode); None for what is no local file."""
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
            with _reading(found.name):
                chunk = file.read(_CHUNK)
            if not chunk:
                return
            running.bytes += len(chunk)
            running.sha256.update(chunk)
            yield chunk


def unpacked(chunks: Iterator[bytes], *, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file whatever it is packed with; raises `SourceError` where the packing is damaged."""
    head, chunks = peek(chunks, len(_ZSTD))
    if head.startswith(_GZIP):
        yield from _gunzipped(chunks, name)
    elif head.startswith(_ZSTD):
        yield from _unzstd(chunks, name)
    elif name.lower().endswith(_PACKED):
        state = "is not packed as its name says" if head else "is empty"
        raise UnavailableError(f"{name}: {state}; it may have been cut off while it was fetched")
    else:
        yield from chunks


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
    r"""Yield the lines without their "\n"; None stands for a line over `longest` bytes, which is never held.

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


@contextmanager
def seekable(found: Found, chunks: Iterator[bytes]) -> Iterator[IO[bytes]]:
    """Give the file open at its beginning; `chunks`, its raw bytes, are read to the end for their digest.

    What is no plain local file is copied to a temporary one first.
    """
    if stamp(found) is not None and not found.path.lower().endswith(_PACKED):
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
        for chunk in unpacked(chunks, name=found.name):
            with on_disk(temporary, remedy=remedy):
                copy.write(chunk)
        copy.seek(0)
        yield copy


def _listed(path: str, pattern: str) -> tuple[list[str], bool]:
    """Return the paths that `path` stands for, sorted, and whether it names a single one."""
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    if "://" in path:
        return _listed_remote(path, pattern)
    there, rest = _on_disk(path)
    if not rest:
        return (sorted(_walk(there, pattern)), False) if Path(there).is_dir() else ([there], True)
    if not glob.has_magic(rest):
        raise _missing(path, pattern)
    folder = glob.escape(there)  # its own [ and ] are no pattern
    patterns = (os.path.join(folder, form) for form in name_forms(rest))  # noqa: PTH118 - may be absolute
    matches = [match for one in patterns for match in glob.glob(one, recursive=True)]  # noqa: PTH207
    inside = (_walk(match, pattern) if Path(match).is_dir() else [match] for match in matches)
    paths = sorted(set(chain.from_iterable(inside)))
    if not matches:
        raise _missing(path, pattern)
    return paths, False


def _on_disk(path: str) -> tuple[str, str]:
    """Return the part of `path` that is there, each name in the normal form that the disk has, and the rest.

    A name that is there is itself, whatever it would mean in a pattern: `tin [1]`.
    """
    parts = Path(path).parts
    there = ""
    for at, part in enumerate(parts):
        steps = (os.path.join(there, form) for form in name_forms(part))  # noqa: PTH118 - "" is no Path
        found = next((step for step in steps if Path(step).exists()), None)
        if found is None:
            return there, os.path.join(*parts[at:])  # noqa: PTH118
        there = found
    return there, ""


def _listed_remote(path: str, pattern: str) -> tuple[list[str], bool]:
    if _is_web(path):  # a "?" in it is no glob, and a page has no folder
        return [path], True
    name = _masked(path, pattern)
    with _reading(name):
        import fsspec

        files, inner = fsspec.core.url_to_fs(path)
        if glob.has_magic(inner):
            paths = [match for match in files.glob(inner) if not files.isdir(match)]
        elif files.isdir(inner):
            paths = files.find(inner)
        elif files.exists(inner):
            return [path], True
        else:
            paths = []
    if not paths:
        raise UnavailableError(f"{name}: no such file, or nothing there matches")
    hidden = re.compile(r"/\.")
    return sorted(files.unstrip_protocol(one) for one in paths if not hidden.search(one)), False


def _walk(folder: str, pattern: str) -> Iterator[str]:
    """Yield the files under `folder`, through links too, but into no folder twice."""
    seen: set[tuple[int, int]] = set()

    def stop(error: OSError) -> None:
        raise UnavailableError(f"{_masked(str(error.filename), pattern)}: cannot be read: {error.strerror}") from None

    for parent, folders, names in os.walk(folder, onerror=stop, followlinks=True):
        status = os.stat(parent)  # noqa: PTH116 - os.walk gives strings
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, name) for name in names if not name.startswith("."))  # noqa: PTH118


def _missing(path: str, pattern: str) -> UnavailableError:
    """Return the error for a path that is not there, with what its deepest existing folder holds."""
    folder = Path(path)
    wanted = folder.name
    while not folder.is_dir() and folder != folder.parent:
        wanted, folder = folder.name, folder.parent
    try:
        held = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        held = []
        reason = f"{_masked(str(folder), pattern)}: {error.strerror}"
    else:
        shown = _masked(str(folder), pattern)
        reason = f"{shown} holds {_some(held)}" if held else f"{shown} is empty"
    bare = re.sub(r"[*?\[\]]", "", wanted)
    near = difflib.get_close_matches(bare, held, n=3, cutoff=0.5)
    if near:
        reason = f"{_masked(str(folder), pattern)} holds {_some(near)}"
    what = "nothing matches" if glob.has_magic(path) else "no such file"
    return UnavailableError(f"{pattern}: {what}; {reason}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return _writable(", ".join(names[:_LISTED]) + more)


def _is_special(path: str) -> bool:
    """Return whether a local path is a pipe, a socket or a device: what reads it may wait for ever."""
    try:
        return "://" not in path and not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - see Found.path
    except OSError:  # a link to nothing, or gone: said when it is opened
        return False


def _is_web(path: str) -> bool:
    return path.startswith(("http://", "https://"))


def _masked(path: str, pattern: str) -> str:
    """Return `path` as it is shown: without secrets, in letters that can be written whatever bytes it is made of."""
    return _writable(config.masked(hidden(path, pattern)))


def _writable(name: str) -> str:
    return name.encode("utf-8", errors="backslashreplace").decode()


def hidden(message: str, pattern: str) -> str:
    """Return `message` with the values of the environment that `pattern` names put back as `${NAME}`."""
    for match in config.ENV.finditer(pattern):
        value = os.environ.get(match[1], "")
        # as it stands, and as URLs write it
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
        # not by way of its buffer: a read that is given up on would hold that one's lock when the process ends
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return
    with ExitStack() as stack:
        with _reading(found.name):
            if "://" in found.path:
                import fsspec

                file = stack.enter_context(fsspec.open(found.path, "rb"))
            else:
                file = stack.enter_context(Path(found.path).open("rb"))
        yield file


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what file systems raise into a `SourceError` that names the file, and no secret."""
    try:
        yield
    except FileNotFoundError as error:
        # fsspec says this of a server that refuses too, and keeps what the server said beside it
        cause = error.__cause__
        reason = "" if cause is None else f": {_masked(str(cause), name)}"
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
        raise SourceError(f"{name}: {_masked(str(error), name)}; {remedy}") from None
    except ValueError as error:  # a scheme that fsspec does not know, a path with a null byte
        raise SourceError(_unreadable(name, error)) from None
    except OSError as error:
        raise UnavailableError(_unreadable(name, error)) from None
    except _client_errors() as error:
        raise UnavailableError(_unreadable(name, error)) from None


def _unreadable(name: str, error: Exception) -> str:
    return f"{name}: cannot be read: {_masked(str(error) or type(error).__name__, name)}"


def _client_errors() -> tuple[type[Exception], ...]:
    """Return the error classes of the network clients in use, which are no `OSError`s; imports none of them."""
    classes = (
        ("aiohttp", "ClientError"),
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("google.auth.exceptions", "GoogleAuthError"),
        ("gcsfs.retry", "HttpError"),
    )
    return tuple(getattr(sys.modules[module], name) for module, name in classes if module in sys.modules)


def _gunzipped(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    engine = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while True:
            if engine.eof:  # another member, or the zeros that tapes and disks pad with
                data = data.lstrip(b"\0")
                if not data:
                    break
                engine = zlib.decompressobj(wbits=31)
            try:
                piece = engine.decompress(data, _PIECE)
            except zlib.error as error:
                raise UnavailableError(f"{name}: the gzip data is damaged: {error}") from None
            if piece:
                yield piece
            data = engine.unused_data if engine.eof else engine.unconsumed_tail
            if not data and len(piece) < _PIECE:
                break
    if not engine.eof:
        raise UnavailableError(f"{name}: the gzip data is cut short; fetch the file again")


def _unzstd(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    import zstandard

    engine = zstandard.ZstdDecompressor().decompressobj()
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_STEP):
            data = chunk[start : start + _ZSTD_STEP]
            while data:
                if engine.eof:
                    engine = zstandard.ZstdDecompressor().decompressobj()
                try:
                    piece = engine.decompress(data)
                except zstandard.ZstdError as error:
                    raise UnavailableError(f"{name}: the zstd data is damaged: {error}") from None
                if piece:
                    yield piece
                data = engine.unused_data if engine.eof else b""
    if not engine.eof:
        raise UnavailableError(f"{name}: the zstd data is cut short; fetch the file again")


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
