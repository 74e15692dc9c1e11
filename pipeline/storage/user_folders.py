"""Resolve folders below the home folder, which an account in a container or of a service may lack."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.errors import UsageError


def base_folder(variable: str, default: str, *, remedy: str) -> Path:
    """Return the folder that an XDG `variable` names, else `default` in the home folder.

    Raises `UsageError` with the `remedy` where there is no home folder.
    """
    given = os.environ.get(variable)
    return Path(given) if given else _home(remedy) / default


def expand_home(path: str | Path) -> Path:
    """Return `path` with a leading `~` or `~name` replaced; raises `UsageError` where there is no such home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(
            f"{path}: ~ cannot be replaced, that account has no home folder; write the whole path"
        ) from None


def _home(remedy: str) -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise UsageError(f"HOME is not set and this account has no home folder; {remedy}") from None
