"""Names of files and columns as others wrote them: one name in two normal forms of Unicode is one name. Pure.

macOS and zip files made on it hold names decomposed (NFD), people type them composed (NFC): they look the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection


def forms(name: str) -> tuple[str, ...]:
    """Return `name` as it is, then composed and decomposed, each once."""
    if name.isascii():
        return (name,)
    return tuple(dict.fromkeys((name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))))


def among(name: str, held: Collection[str]) -> str | None:
    """Return what `name` is called among `held`: itself where it is there, else another form of it, else None."""
    return next((form for form in forms(name) if form in held), None)
