"""Split English news into sentences, for a summarizer of translated articles.

A stop ends a sentence if a capital or a digit follows it, but for initials ("U.S. Army", "J. Smith"), and for
abbreviations that stand before a name or number ("Mr. Smith", "No. 5"). Where this is ambiguous ("in the U.S. He"), the
sentences stay together: a summarizer without a model then takes one that is too long rather than a part of one.
"""

from __future__ import annotations

import re

_STOP = re.compile(r"[.!?…]+[\"'”’»)\]}]*(?=\s)")
_BEFORE = re.compile(r"[^\s\"'“‘«(\[{/,;:–—-]*\Z")
_NEXT = re.compile(r"[\s\"'“‘«(\[{–—-]*(.)")
_INITIALS = re.compile(r"(?:[A-ZĐ]\.)*[A-ZĐ]")
_BEFORE_NAMES = frozenset(
    "Mr Mrs Ms Dr Prof St Gen Gov Sen Rep Lt Col Capt Maj Sgt Hon Rev Pres Assoc Inc Ltd Co Corp Jr Sr vs".split()
)
_BEFORE_NUMBERS = frozenset("No Nos Art Fig Vol pp Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec".split())
_LOOK_BACK = 24  # characters: longer than any abbreviation; a limit keeps hostile input linear


def english_sentences(text: str) -> list[str]:
    """Return the sentences of `text` in order, stripped, none empty, with every character of `text` but spaces.

    A line break always ends a sentence.
    """
    return [sentence for line in text.splitlines() for sentence in _of_line(line)]


def _of_line(line: str) -> list[str]:
    ends = [stop.end() for stop in _STOP.finditer(line) if _is_end(line, stop)]
    pieces = (line[start:end].strip() for start, end in zip((0, *ends), (*ends, len(line)), strict=True))
    return [piece for piece in pieces if piece]


def _is_end(line: str, stop: re.Match[str]) -> bool:
    following = _NEXT.match(line, stop.end())
    if following is None or not (following[1].isupper() or following[1].isdigit()):
        return False
    if stop[0] != ".":
        return True
    before = _BEFORE.search(line, max(0, stop.start() - _LOOK_BACK), stop.start())
    assert before is not None
    word = before[0]
    if _INITIALS.fullmatch(word) or word in _BEFORE_NAMES:
        return False
    return not (word in _BEFORE_NUMBERS and following[1].isdigit())
