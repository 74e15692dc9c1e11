"""The check `term`: where the Vietnamese has a term of the glossary, the English should have its rendering.

Terms are found in the Vietnamese, the longest first, so that `Chủ tịch nước` is not also `Chủ tịch`. In the English a
rendering listed as wrong is replaced, but not inside a right one. A rendering that is missing is flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pipeline.glossary import Term, sentence_key
from pipeline.records import Flag
from pipeline.text.normalize import press_tone

_WORDS = re.compile(r"\w+")
_ENDING = r"(?:['’]s|s['’]?|es)?(?!\w)"  # a plural or possessive ending, which is kept
SOURCE, TARGET = "source", "target"  # the field of a flag, before its place in the record is known
_CACHED = 4096  # sets of terms that occur together in one sentence


@dataclass(frozen=True, slots=True)
class Rendered:
    """An English text with the terms applied; the `field` of a flag is `SOURCE` or `TARGET`, its span is in that."""

    english: str
    flags: tuple[Flag, ...] = ()


class Terms:
    """The terms of a glossary, indexed by their Vietnamese words."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._by_words: dict[tuple[str, ...], list[tuple[re.Pattern[str], Term]]] = {}
        self._most: dict[str, int] = {}  # by the first word: the words of the longest term that begins with it
        for term in terms:
            vi = sentence_key(term.vi)
            words = tuple(_WORDS.findall(vi.lower()))
            self._by_words.setdefault(words, []).append((_vietnamese(vi), term))
            self._most[words[0]] = max(len(words), self._most.get(words[0], 0))

    def find(self, vietnamese: str) -> Iterator[tuple[int, int, Term]]:
        """Yield the terms in a text, start and end in code points, the longest where several begin."""
        if not self._most:
            return
        text = press_tone(vietnamese)  # as long as it was: only marks move
        places = [(word.start(), word[0].lower()) for word in _WORDS.finditer(text)]
        words = [word for _, word in places]
        end = 0
        for number, (start, first) in enumerate(places):
            if start < end:
                continue
            found = self._longest(text, start, words[number : number + self._most.get(first, 0)])
            if found is not None:
                end, term = found
                yield start, end, term

    def _longest(self, text: str, start: int, words: list[str]) -> tuple[int, Term] | None:
        for length in range(len(words), 0, -1):
            for pattern, term in self._by_words.get(tuple(words[:length]), ()):
                if found := pattern.match(text, start):
                    return found.end(), term
        return None

    def render(self, vietnamese: str, english: str) -> Rendered:
        """Return `english`, the translation of `vietnamese`, with wrong renderings replaced, and flags on that."""
        found: dict[Term, tuple[int, int]] = {}
        for start, end, term in self.find(vietnamese):
            found.setdefault(term, (start, end))
        if not found or not english.strip():
            return Rendered(english)
        english, flags = _replaced(english, tuple(found))
        for term, (start, end) in found.items():
            if not _right(term).search(english):
                said = vietnamese[start:end]
                message = f"“{said}” is “{term.en}” in the glossary, and the English does not have it"
                flags.append(Flag(check="term", field=SOURCE, start=start, end=end, message=message, expected=term.en))
        return Rendered(english, tuple(flags))


def _replaced(english: str, terms: tuple[Term, ...]) -> tuple[str, list[Flag]]:
    pattern, wanted = _known(terms)
    if pattern is None:
        return english, []
    flags: list[Flag] = []
    parts: list[str] = []
    at = length = 0
    for found in pattern.finditer(english):
        wrong = found[0]
        en = wanted.get(found.lastgroup or "") or wanted.get(wrong)
        if en is None:
            continue
        right = en[0].upper() + en[1:] if wrong[0].isupper() else en
        parts += [english[at : found.start()], right]
        length += found.start() - at
        message = f"“{wrong}” was replaced by “{right}”, as the glossary says"
        start, length = length, length + len(right)
        flags.append(
            Flag(
                check="term",
                field=TARGET,
                start=start,
                end=length,
                message=message,
                expected=right,
                found=wrong,
                severity="note",
            )
        )
        at = found.end()
    return "".join([*parts, english[at:]]), flags


@lru_cache(_CACHED)
def _known(terms: tuple[Term, ...]) -> tuple[re.Pattern[str] | None, dict[str, str]]:
    """Return a pattern of the right and wrong renderings of `terms`, and the replacement of each wrong one.

    The key of a replacement is the group that matched, or the text for a rendering that differs in capitals only.
    """
    wanted = {wrong: term.en for term in terms for wrong in term.wrong if wrong.lower() == term.en.lower()}
    spelled = [(term.en, "") for term in terms]
    spelled += [(wrong, term.en) for term in terms for wrong in term.wrong if wrong not in wanted]
    choices = []
    for number, (written, right) in enumerate(sorted(spelled, key=lambda one: -len(one[0]))):
        choices.append(f"(?P<g{number}>{_english(written, any_case=not right)})")
        if right:
            wanted[f"g{number}"] = right
    if not wanted:
        return None, wanted
    # the ending is a lookahead, so that it stays
    return re.compile(rf"(?<!\w)(?:{'|'.join(choices)})(?={_ENDING})"), wanted


@lru_cache(_CACHED)
def _right(term: Term) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){_english(term.en, any_case=True)}{_ENDING}")


def _vietnamese(vi: str) -> re.Pattern[str]:
    body = r"\s+".join(map(re.escape, vi.split(" ")))
    return re.compile(rf"{body}(?!\w)", re.IGNORECASE if vi == vi.lower() else 0)


def _english(written: str, *, any_case: bool) -> str:
    """Return a pattern for an English term. Unless `any_case`, capitals count, except in its first letter."""
    body = r"\s+".join(re.escape(word) for word in written.split())
    body = re.sub("['’]", "['’]", body)
    if any_case or written == written.lower():
        return f"(?i:{body})"
    first = written[0]
    if not first.isalpha():
        return body
    return f"[{first.lower()}{first.upper()}]{body[1:]}"
