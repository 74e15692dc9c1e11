"""Numbers that changed places: from 8 to 10 for from 10 to 8, a score of 1-3, "5 arrested, 3 charged".

Part of the check `number`: every figure is there, and the sense is another. `number_order.toml` has words that tell
which of two numbers is which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from typing import Final

from pipeline.checks.phrases import Table, read
from pipeline.checks.view import Pair, Text
from pipeline.quantities import Quantity, same
from pipeline.records import Flag, Severity
from pipeline.text.normalize import fold


def check(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity]) -> Iterator[Flag]:
    """Yield the flags of one pair; `source` and `target` are the numbers of its sides, in order."""
    yield from _reversed(pair, source, target)
    yield from _exchanged(pair, source, target)


# Before and after


def _reversed(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity]) -> Iterator[Flag]:
    """Yield an error where a fall from 10 to 8 becomes one from 8 to 10: every figure is there, the sense is not.

    And a warning where the two figures of a score or ratio changed places; a defeat of 1-3 may be one of 3-1.
    """
    vietnamese, english = pair.source.text, pair.target.text
    steps = list(pairwise(source))
    turned = [(one, two) for one, two in steps if _TURNED.fullmatch(vietnamese, one.end, two.start)]
    scores = [
        (one, two)
        for one, two in steps
        if one.kind == two.kind == "number" and vietnamese[one.end : two.start].strip() in _SCORE
    ]
    if not (turned or scores):
        return
    lost = _LOST.search(english) or _LOST.search(vietnamese)
    for first, second in pairwise(target):
        turn = _turn(english, first, second)
        if turn is not None and (crossed := _crossed(turned, *turn)):
            said = f"from {crossed[0].text} to {crossed[1].text}"
            yield _crossed_flag(pair, first, second, said, severity="error")
        score = not lost and english[first.end : second.start].strip() in _SCORE
        if score and (crossed := _crossed(scores, first, second)):
            said = vietnamese[crossed[0].start : crossed[1].end]
            yield _crossed_flag(pair, first, second, said, severity="warning")


def _turn(english: str, first: Quantity, second: Quantity) -> tuple[Quantity, Quantity] | None:
    """Return what was before and after in "from 10 to 8" and "to 8 from 10"."""
    before, between = slice(max(0, first.start - 12), first.start), english[first.end : second.start]
    if _FROM.search(english[before]) and _TO.fullmatch(between):
        return first, second
    if _TO_FIRST.search(english[before]) and _FROM_SECOND.fullmatch(between):
        return second, first
    return None


def _crossed(
    pairs: Sequence[tuple[Quantity, Quantity]], first: Quantity, second: Quantity
) -> tuple[Quantity, Quantity] | None:
    """Return the pair whose figures stand in `first` and `second` the other way round, if none has them as they are."""
    if any(same(one, first) and same(two, second) for one, two in pairs):
        return None
    return next(((one, two) for one, two in pairs if same(one, second) and same(two, first)), None)


def _crossed_flag(pair: Pair, first: Quantity, second: Quantity, said: str, *, severity: Severity) -> Flag:
    span = first.start, second.end
    return pair.target.flag(
        "number",
        f"the Vietnamese says {said}, the translation has it the other way round",
        span=span,
        expected=said,
        found=pair.target.text[slice(*span)],
        severity=severity,
    )


_SCORE: Final = ("-", "–", "/")
_LOST: Final = re.compile(
    r"\b(?:thua|bại|thất thủ|lost|los(?:e|es|ing)|defeat|beaten|beat|fell|fall|down)", re.IGNORECASE
)
_TURNED: Final = re.compile(
    r"[^.;:0-9]{0,40} (?:xuống|lên|đến|thành|còn|tới|sang) (?:còn |mức |chỉ còn |gần |hơn |khoảng )*", re.IGNORECASE
)
_TO: Final = re.compile(r"[^.;:0-9]{0,40}[ ]to (?:just |only |about |nearly |over |around |VND|US\$|\$)*")
_FROM: Final = re.compile(r"\bfrom (?:about |nearly |over |around |VND|US\$|\$)*\Z", re.IGNORECASE)
_FROM_SECOND: Final = re.compile(r"[^.;:0-9]{0,40}[ ]from (?:about |nearly |over |around |VND|US\$|\$)*")
_TO_FIRST: Final = re.compile(r"\bto (?:just |only |about |nearly |over |around |VND|US\$|\$)*\Z", re.IGNORECASE)


# Two figures that changed places between two clauses


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of a sentence with one number, and its words: Vietnamese ones with the beginnings of their English."""

    number: Quantity
    words: Mapping[str, tuple[str, ...]]


def _exchanged(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity]) -> Iterator[Flag]:
    """Yield an error where "3 arrested, 5 charged" becomes "5 arrested, 3 charged".

    The words of each of two clauses must be in the English clause that has the number of the other one, and none of
    them in that of its own number: a translation that only puts the clauses in another order has no such words.
    """
    if not _TWO <= len(source) <= _MOST:
        return
    usable = [one for one in source if _is_usable(one) and _is_single(one, source, target)]
    if len(usable) < _TWO:
        return
    clauses = _vietnamese_clauses(pair.source.normalized, source, usable)
    if len(clauses) < _TWO:
        return
    english = _english_clauses(pair.target.normalized, target)
    for one, other in combinations(clauses, 2):
        if one.number.kind != other.number.kind or one.number.unit != other.number.unit:
            continue
        own, its = (_of(english, clause.number) for clause in (one, other))
        if own is None or its is None or own is its:
            continue
        moved = _moved(one.words, other.words, own=own, other=its), _moved(other.words, one.words, own=its, other=own)
        if all(moved):
            said = f"{one.number.text} … {other.number.text}"
            message = (
                f"in the Vietnamese “{moved[0]}” is said of {one.number.text}, in the English of {its.number.text}"
            )
            yield pair.target.flag(
                "number",
                message,
                span=(own.number.start, own.number.end),
                expected=said,
                found=f"{its.number.text} … {own.number.text}",
                severity="error",
            )


def _moved(words: Mapping[str, tuple[str, ...]], not_in: Mapping[str, object], *, own: _Clause, other: _Clause) -> str:
    """Return a word whose English is in the `other` clause; "" if there is none, or if some word is in its `own`."""
    moved = ""
    for word, beginnings in words.items():
        if word in not_in:
            continue
        in_own, in_other = (any(en.startswith(beginnings) for en in clause.words) for clause in (own, other))
        if in_own and not in_other:
            return ""
        if in_other and not in_own:
            moved = moved or word
    return moved


_TWO: Final = 2
_MOST: Final = 30  # numbers of a sentence; more make a table or a list
_USABLE: Final = frozenset(("number", "measure", "money", "percent"))
_VI_BORDER: Final = re.compile(r"[,;:()–—]|[.!?](?= )| (?:và|còn|trong khi|nhưng|với|cùng) ")
_EN_BORDER: Final = re.compile(r"[,;:()–—]|[.!?](?= )| (?:and|while|but|whereas|with|plus|against) ")
_SYLLABLE: Final = re.compile(r"\w+")


def _is_usable(one: Quantity) -> bool:
    return one.kind in _USABLE and one.salience != "optional"


def _is_single(one: Quantity, source: Sequence[Quantity], target: Sequence[Quantity]) -> bool:
    """Return whether a number of the source has one equal in the target, and none beside it in the source."""
    return sum(same(one, other) for other in source) == 1 == sum(same(one, other) for other in target)


def _vietnamese_clauses(text: Text, numbers: Sequence[Quantity], usable: Sequence[Quantity]) -> list[_Clause]:
    words = _words()
    found: list[_Clause] = []
    for begin, end, number in _parts(text, _VI_BORDER, numbers):
        if number in usable:
            syllables = [
                match[0]
                for match in _SYLLABLE.finditer(text.lowercased, begin, end)
                if not any(one.start <= match.start() < one.end for one in numbers)
            ]
            runs = {" ".join(syllables[at : at + size]) for size in (1, 2, 3) for at in range(len(syllables))}
            found.append(_Clause(number, {run: words[run] for run in runs if run in words}))
    return found


def _english_clauses(text: Text, numbers: Sequence[Quantity]) -> list[_Clause]:
    return [
        _Clause(number, dict.fromkeys(_SYLLABLE.findall(fold(text.lowercased[begin:end])), ()))
        for begin, end, number in _parts(text, _EN_BORDER, numbers)
    ]


def _parts(text: Text, border: re.Pattern[str], numbers: Sequence[Quantity]) -> Iterator[tuple[int, int, Quantity]]:
    """Yield the start and end of each part of a text that has a single number that counts something."""
    cuts = [
        match.span()
        for match in border.finditer(text.lowercased)
        if not any(one.start < match.end() and match.start() < one.end for one in numbers)
    ]
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text.lowercased)]
    for begin, end in zip(starts, ends, strict=True):
        within = [one for one in numbers if begin <= one.start < end and _is_usable(one)]
        if len(within) == 1:
            yield begin, end, within[0]


def _of(clauses: Sequence[_Clause], number: Quantity) -> _Clause | None:
    return next((clause for clause in clauses if same(number, clause.number)), None)


@cache
def _words() -> Mapping[str, tuple[str, ...]]:
    return words_of(read("number_order"))


def words_of(data: Table) -> Mapping[str, tuple[str, ...]]:
    """Return the beginnings of the English of each word of the table."""
    return {word: tuple(beginnings.split()) for word, beginnings in data["words"].items()}
