"""Find the files of a source's path: a file, folder, glob, URL or `-`."""

from __future__ import annotations

import difflib
import glob
import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import get_args
from urllib.parse import unquote, urlsplit

from pipeline.config import Format
from pipeline.errors import SourceError, UnavailableError
from pipeline.secrets import expand_path
from pipeline.sources import compression
from pipeline.sources.files import Found, readable, reading, writable
from pipeline.storage.names import existing_part
from pipeline.storage.names import forms as name_forms

_log = logging.getLogger(__name__)

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
_LISTED = 5  # names shown in one message


def find(pattern: str, *, given: Format | None) -> list[Found]:
    """Return the files of `pattern` (a file, folder, glob, URL or `-`), sorted by path.

    `given`: the format of all of them; else each ending decides, and the files of a folder or glob with other endings
    are named in one warning. Names that begin with a dot are skipped. Raises `SourceError` where nothing is found,
    naming what there is instead.
    """
    path = expand_path(pattern)
    if not path:
        raise SourceError(f"{pattern}: is empty in the environment; set it to the path of a file or folder")
    if path == "-":
        return [Found("-", "-", given)]
    with reading(pattern):
        paths, named = _listed(path, pattern)
    if not named and (special := [readable(one, pattern) for one in paths if _is_special(one)]):
        kinds = "a pipe, a socket, a device"
        _log.warning(f"{pattern}: ignored {len(special)} that are not regular files ({kinds}): {_some(special)}")
        paths = [one for one in paths if not _is_special(one)]
    found: list[Found] = []
    unknown: list[str] = []
    for one in paths:
        kind = given or format_of(one)
        name = readable(one, pattern)
        if kind is not None or _is_web(one):
            found.append(Found(one, name, kind))
        elif named:
            raise SourceError(
                f"{name}: unknown ending; give `format:` ({', '.join(get_args(Format))}), or name it .jsonl, …"
            )
        else:
            unknown.append(name)
    if not found:
        known = f"known endings: {', '.join(_ENDINGS)}, each also with {' or '.join(compression.ENDINGS)}"
        if unknown:
            raise SourceError(f"{pattern}: only {_some(unknown)}; {known}")
        raise UnavailableError(f"{pattern}: no file; {known}")
    if unknown:
        _log.warning(f"{pattern}: ignored {len(unknown)} with unknown endings (give `format:`): {_some(unknown)}")
    return found


def format_of(path: str) -> Format | None:
    """Return the format that belongs to the ending of `path`, without the ending of a compression."""
    name = compression.without_endings(urlsplit(path).path if "://" in path else path)
    return _ENDINGS.get(os.path.splitext(name)[1])  # noqa: PTH122 - the path may be a URL


def _listed(path: str, pattern: str) -> tuple[list[str], bool]:
    """Return the paths that match `path`, sorted, and whether it names a single one."""
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    if "://" in path:
        return _listed_remote(path, pattern)
    there, rest = existing_part(path)
    if not rest:
        return (sorted(_walk(there, pattern)), False) if Path(there).is_dir() else ([there], True)
    if not glob.has_magic(rest):
        raise _missing(path, pattern)
    folder = glob.escape(there)  # `[` in the name of an existing folder is not a pattern
    patterns = (os.path.join(folder, form) for form in name_forms(rest))  # noqa: PTH118 - may be absolute
    matches = [match for one in patterns for match in glob.glob(one, recursive=True)]  # noqa: PTH207
    inside = (_walk(match, pattern) if Path(match).is_dir() else [match] for match in matches)
    paths = sorted(set(chain.from_iterable(inside)))
    if not matches:
        raise _missing(path, pattern)
    return paths, False


def _listed_remote(path: str, pattern: str) -> tuple[list[str], bool]:
    if _is_web(path):  # a "?" in a URL is not a pattern, and a URL cannot be listed
        return [path], True
    name = readable(path, pattern)
    with reading(name):
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
    """Yield the files under `folder`, following links, and entering no folder twice."""
    seen: set[tuple[int, int]] = set()

    def stop(error: OSError) -> None:
        raise UnavailableError(f"{readable(str(error.filename), pattern)}: cannot be read: {error.strerror}") from None

    for parent, folders, names in os.walk(folder, onerror=stop, followlinks=True):
        status = os.stat(parent)  # noqa: PTH116 - os.walk gives strings
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, name) for name in names if not name.startswith("."))  # noqa: PTH118


def _missing(path: str, pattern: str) -> UnavailableError:
    """Return the error for a path that does not exist, with what its deepest existing folder holds."""
    folder = Path(path)
    wanted = folder.name
    while not folder.is_dir() and folder != folder.parent:
        wanted, folder = folder.name, folder.parent
    try:
        held = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        held = []
        reason = f"{readable(str(folder), pattern)}: {error.strerror}"
    else:
        shown = readable(str(folder), pattern)
        reason = f"{shown} holds {_some(held)}" if held else f"{shown} is empty"
    bare = re.sub(r"[*?\[\]]", "", wanted)
    near = difflib.get_close_matches(bare, held, n=3, cutoff=0.5)
    if near:
        reason = f"{readable(str(folder), pattern)} holds {_some(near)}"
    what = "nothing matches" if glob.has_magic(path) else "no such file"
    return UnavailableError(f"{pattern}: {what}; {reason}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return writable(", ".join(names[:_LISTED]) + more)


def _is_special(path: str) -> bool:
    """Return whether a local path is a pipe, a socket or a device, on which a reader may block forever."""
    try:
        return "://" not in path and not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - see Found.path
    except OSError:  # broken link or deleted file; the error is reported on opening
        return False


def _is_web(path: str) -> bool:
    return path.startswith(("http://", "https://"))
