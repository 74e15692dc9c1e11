"""Restore the case of a headline in capitals from its article.

Translation models treat words in capitals as unknown names.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise

from pipeline.text.normalize import fold

_WORD = re.compile(r"[^\W_]+")
_SENTENCE_START = re.compile(r"(?:\A|[\n.!?…:“\"])[\s\"“(]*\Z")
_LOOK_BACK = 8
_VOWELS = frozenset("aeiouy")
_LEAST_WORDS = 3  # of two letters and more; "TP.HCM" or "USD" alone is not a headline in capitals


def is_all_capitals(title: str) -> bool:
    """Return whether a headline is entirely in capitals."""
    words = [word for word in _WORD.findall(title) if len(word) > 1 and not word.isdigit()]
    return len(words) >= _LEAST_WORDS and title.isupper()


def recased(title: str, body: str) -> str:
    """Return a headline in capitals with its words in the case that they have in `body`; return others unchanged.

    A word takes its most frequent case beside the same neighbor, else its most frequent case. A word that the body
    does not have becomes lower case, except an abbreviation without a vowel.
    """
    if not is_all_capitals(title):
        return title
    words: dict[str, Counter[str]] = defaultdict(Counter)
    left: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # case of the first of two words
    right: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    body = "\n".join(line for line in body.split("\n") if not is_all_capitals(line))
    found = list(_WORD.finditer(body))
    for match, following in pairwise([*found, None]):
        assert match is not None
        opens = _SENTENCE_START.search(body, max(0, match.start() - _LOOK_BACK), match.start()) is not None
        pair = (match[0].lower(), "" if following is None else following[0].lower())
        if not opens or (len(match[0]) > 1 and match[0].isupper()):
            words[pair[0]][match[0]] += 1
            left[pair][match[0]] += 1
        if following is not None:
            right[pair][following[0]] += 1
    in_title = list(_WORD.finditer(title))
    small = [match[0].lower() for match in in_title]
    pieces: list[str] = []
    at = 0
    for place, match in enumerate(in_title):
        word = small[place]
        beside = left[word, small[place + 1]] if place + 1 < len(small) else Counter[str]()
        if place:
            beside = beside + right[small[place - 1], word]
        known = beside or words[word]
        form = max(known, key=lambda one: (known[one], one.islower())) if known else _unknown(match[0])
        pieces += title[at : match.start()], form
        at = match.end()
    whole = "".join((*pieces, title[at:]))
    first = next(index for index, letter in enumerate(whole) if letter.isalnum())
    return whole[:first] + whole[first].upper() + whole[first + 1 :]


def _unknown(word: str) -> str:
    return word.lower() if _VOWELS.intersection(fold(word)) else word
