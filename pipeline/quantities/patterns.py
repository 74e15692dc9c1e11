"""Parts of patterns that the rules of both languages use; imports nothing, so that units and values can use it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

START: Final = r"(?<![^\W_])"  # the borders of a word
END: Final = r"(?![^\W_])"
SENTENCE_START: Final = re.compile(r"(?:\A|[.!?…:;\n]|[“\"'‘(•*\[-])[\s“\"'‘(\[]*\Z")
VI_TIME_OF_DAY: Final = r"(?:sáng|trưa|chiều|tối|đêm|khuya)"
VI_CAPITAL: Final = re.compile(f"[ -][{''.join(chr(code) for code in range(0x41, 0x1EFA) if chr(code).isupper())}]")
EN_CAPITAL: Final = re.compile(r" [A-Z]")


def any_of(names: Iterable[str]) -> str:
    """Return a pattern of the names, the longest first; a space in a name matches a hyphen too."""
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return "|".join(re.escape(name).replace(r"\ ", "[ \xa0-]") for name in longest_first)


def needs(names: str) -> frozenset[str]:
    """Return the words, separated by spaces, one of which any match of a rule has."""
    return frozenset(names.split())
