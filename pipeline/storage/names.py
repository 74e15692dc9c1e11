"""Names of files and columns as others wrote them: one name in two normal forms of Unicode is one name.

macOS, and zip files made on it, hold names decomposed (NFD); people type them composed (NFC). They look the same.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection
from pathlib import Path


def forms(name: str) -> tuple[str, ...]:
    """Return `name` as it is, then composed and decomposed, each once."""
    if name.isascii():
        return (name,)
    return tuple(dict.fromkeys((name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))))


def among(name: str, held: Collection[str]) -> str | None:
    """Return what `name` is called among `held`: itself where it is there, else another form of it, else None."""
    return next((form for form in forms(name) if form in held), None)


def existing_part(path: str) -> tuple[str, str]:
    """Return the part of `path` that exists, each name in the normal form that the disk has, and the rest.

    A name that exists is that file, whatever it would mean in a pattern: `tin [1]`.
    """
    parts = Path(path).parts
    there = ""
    for at, part in enumerate(parts):
        steps = (os.path.join(there, form) for form in forms(part))  # noqa: PTH118 - "" is no Path
        found = next((step for step in steps if Path(step).exists()), None)
        if found is None:
            return there, os.path.join(*parts[at:])  # noqa: PTH118
        there = found
    return there, ""


def as_on_disk(path: str) -> str:
    """Return `path` with the names of it that exist in the normal form that the disk has; a URL stays as it is."""
    if path.isascii() or "://" in path:
        return path
    return os.path.join(*existing_part(path)).removesuffix(os.sep)  # noqa: PTH118 - the rest may be ""
