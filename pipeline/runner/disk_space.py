"""Disk space: what a run will need, asked before it starts, and what is left, watched while it works.

The estimate is for the outputs. It need not be close: it stops the run that would end on a full disk at four in the
morning. What it cannot foresee, another program or a memo that grows elsewhere, is met by the watch, which stops the
run like a deadline while there is still room for the memo to close.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline import sources
from pipeline.config import Config, Source
from pipeline.errors import WorldError
from pipeline.messages import muted
from pipeline.secrets import expand_path
from pipeline.storage.disk_errors import existing
from pipeline.storage.versions import Version, versions

# Measured on 3,000 articles of the press (9.6 MB of JSON lines): at its height a run takes 6.8 times the bytes of its
# sources, the files between its passes and the version together, and the version alone 0.98 times.
_HEIGHT = 7.0
# Bytes of text in a byte of a source: tags and scripts are most of a page, packed text is a third.
_TEXT = {".html": 0.1, ".htm": 0.1, ".parquet": 2.0, ".gz": 3.0, ".zst": 3.0, ".xz": 4.0, ".bz2": 4.0}
_FLOOR = 256 * 1024**2  # bytes that are left alone: the write-ahead log, and all else that lives on the disk
_FLOOR_SHARE = 50  # but never more than a fiftieth of a small disk
_EVERY = 1.0  # seconds between two looks


class Watch:
    """What is free where a run writes, asked after each answer."""

    def __init__(self, folders: Iterable[Path], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folders = tuple(folders)
        self._clock = clock
        self._next = float("-inf")
        self._low: str | None = None

    def low(self) -> str | None:
        """Return why to stop now: too little is free in one of the folders."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _EVERY
            self._low = next(filter(None, map(_low, self._folders)), None)
        return self._low


def require(config: Config, *, outputs: Path, shards: int = 1) -> None:
    """Raise `WorldError` where a run over the config's sources, or over one of `shards` shares of them, has no room.

    The last full version of the name gives the bytes written per byte of its sources. Sources whose size nobody knows
    (the web, stdin, a hub) count as nothing.
    """
    full = [version for version in versions(outputs / config.name) if version.manifest["scope"] == "full"]
    needed = int(_HEIGHT * _version_bytes(config, full[-1] if full else None)) // shards
    usage = shutil.disk_usage(existing(outputs))
    if needed + _floor(usage.total) > usage.free:
        raise WorldError(
            f"{outputs}: the disk is too full for this run: it needs about {format_bytes(needed)} and leaves "
            f"{format_bytes(_floor(usage.total))} alone, {format_bytes(usage.free)} are free; "
            f"`tomdich prune {config.name}` says what could go, or choose another --outputs"
        )


def format_bytes(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - what the units are powers of
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def _version_bytes(config: Config, last: Version | None) -> float:
    """Return about how large the version will be."""
    sizes = [size for source in config.sources for size in _sizes(source)]
    if last is not None:
        listed = last.path("sources.jsonl").read_text(encoding="utf-8").splitlines()
        read = int(sum(json.loads(line)["bytes"] for line in listed))
        if read:
            return sum(size for _, size in sizes) * last.bytes() / read
    return sum(size * _TEXT.get(ending, 1.0) for ending, size in sizes)


def _sizes(source: Source) -> list[tuple[str, int]]:
    """Return the ending and the size of each file of a source that is on this machine."""
    if source.path is None or source.path == "-" or "://" in expand_path(source.path):
        return []
    # names hide the value of ${…}: if they differ from the paths, the size is not known
    with muted("pipeline.sources"):  # the run that follows reads them, and logs it
        found = [Path(name) for name in sources.find(source)]
    return [(path.suffix, path.stat().st_size) for path in found if path.is_file()]


def _low(folder: Path) -> str | None:
    usage = shutil.disk_usage(existing(folder))
    floor = _floor(usage.total)
    if usage.free >= floor:
        return None
    free = f"{format_bytes(usage.free)} free, under {format_bytes(floor)}"
    return f"stopped because the disk is nearly full: {folder} has {free}"


def _floor(total: int) -> int:
    return min(_FLOOR, total // _FLOOR_SHARE)
