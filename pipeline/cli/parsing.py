"""What a person writes on the command line, as values: times, sizes, dates, configs."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import (
    UsageError,
)

if TYPE_CHECKING:
    from pipeline.config import Config


_LONGEST = 36_525 * 24 * 3600  # seconds: dates reckon with no more
_LARGEST = 10**18  # bytes


def load_config(path: Path, overrides: list[str] | None) -> Config:
    """Return the config at `path` with the overrides of `--set`."""
    from pipeline import config

    return config.load(path, tuple(overrides or ()))


def load_given(path: Path | None, overrides: list[str] | None) -> Config:
    """Return the config of `--config`, else that of the bundled checkpoints, overrides applied."""
    from pipeline.commands.single import bundled_config

    return bundled_config(tuple(overrides or ())) if path is None else load_config(path, overrides)


def edition_day(text: str | None, config: Config) -> date | None:
    """Return the day of `--edition`, in the config's time zone."""
    from pipeline.config import today
    from pipeline.storage.editions import day

    if text is not None and ".." in text:
        raise UsageError(f"--edition {text}: only `run` takes a range; name one day")
    return None if text is None else day(text, today=today(config))


def outputs_folder(text: str | Path) -> Path:
    """Return the folder of `--outputs`; for an address in an object store, its working copy in the cache."""
    if ":/" not in str(text):
        return Path(text)  # without an import that takes long
    from pipeline.runner import preparing

    return preparing.outputs_folder(text)


def parse_seconds(text: str) -> float:
    """Return `90s`, `10m`, `2h` or `30d` in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
    seconds = _amount(text, units)
    if seconds is None:
        raise UsageError(f"{text}: write a time as 90s, 10m, 2h or 30d")
    if seconds > _LONGEST:
        raise UsageError(f"{text}: is longer than {_LONGEST // units['d']}d, a hundred years")
    return seconds


def parse_bytes(text: str) -> int:
    """Return `20GB` or `500MB` in bytes, in powers of a thousand as disks are sold."""
    size = _amount(text, {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12})
    if size is None or size > _LARGEST:
        raise UsageError(f"{text}: write a size as 500MB or 20GB")
    return int(size)


def _amount(text: str, units: dict[str, int]) -> float | None:
    """Return a number with one of these units as their product; None for what is written otherwise."""
    found = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)({'|'.join(units)})", text)
    return None if found is None else float(found[1]) * units[found[2]]
