"""What the words beside a number say of it: from 10 to 8, by 152 or to 152, ten years ago or later, early May or late.

Part of the check `number`: every figure is there, and the sense is another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from pipeline.checks.view import Pair
from pipeline.quantities import Quantity, same
from pipeline.quantities.values import MONTHS
from pipeline.records import Flag, Severity

_Around: TypeAlias = tuple[re.Pattern[str], re.Pattern[str]]
_BEFORE: Final = 48  # characters before a number in which its words stand


def check(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity]) -> Iterator[Flag]:
    """Yield the flags of one pair; `source` and `target` are the numbers of its sides, in order."""
    yield from _reversed(pair, source, target)
    for one in target:
        said = [other for other in source if same(other, one)]
        if len(said) == 1 and sum(same(said[0], other) for other in target) == 1:
            yield from _turned(pair, said[0], one)
    yield from _part_of_period(pair)


def _turned(pair: Pair, said: Quantity, one: Quantity) -> Iterator[Flag]:
    """Yield an error where a change by a number becomes a change to it, or a past time a later one, or the reverse."""
    vietnamese, english = pair.source.text, pair.target.text
    before = vietnamese[max(0, said.start - _BEFORE) : said.start], english[max(0, one.start - _BEFORE) : one.start]
    behind = vietnamese[said.end :], english[one.end :]
    for (source_before, source_behind), (target_before, target_behind), wrong, severity in _TURNS:
        if (
            source_before.search(before[0])
            and source_behind.match(behind[0])
            and target_before.search(before[1])
            and target_behind.match(behind[1])
        ):
            span = one.start, one.end
            message = f"{wrong} {one.text}: the Vietnamese says the opposite ({said.text})"
            yield pair.target.flag("number", message, span=span, expected=said.text, found=one.text, severity=severity)


def _part_of_period(pair: Pair) -> Iterator[Flag]:
    """Yield an error where the beginning of a year, month or week is translated as its end, or the reverse."""
    vietnamese, english = pair.source.text, pair.target.text
    for said, other, translated, wrong in (
        (_VI_EARLY, _VI_LATE, _EN_ANY_EARLY, _EN_LATE),
        (_VI_LATE, _VI_EARLY, _EN_ANY_LATE, _EN_EARLY),
    ):
        at, instead = said.search(vietnamese), wrong.search(english)
        if at and instead and not other.search(vietnamese) and not translated.search(english):
            message = f"“{instead[0]}” is not what the Vietnamese says ({at[0]})"
            yield pair.target.flag(
                "number", message, span=instead.span(), expected=at[0], found=instead[0], severity="error"
            )


_VI_PERIOD: Final = r"(?:năm|tháng|tuần|thế kỷ|thập niên|thập kỷ)\b"
_VI_EARLY: Final = re.compile(rf"\bđầu {_VI_PERIOD}", re.IGNORECASE)
_VI_LATE: Final = re.compile(rf"\b(?:cuối|hết) {_VI_PERIOD}", re.IGNORECASE)
_EN_PERIOD: Final = (
    r"(?:the |this |last |next |of |in )*(?:year|month|week|century|decade|[12][0-9]{3}|(?:"
    + "|".join(MONTHS)
    + r"))\b"
)
_EN_EARLY: Final = re.compile(rf"\b(?:early|beginning of|start of) {_EN_PERIOD}", re.IGNORECASE)
_EN_LATE: Final = re.compile(rf"\b(?:late|end of) {_EN_PERIOD}", re.IGNORECASE)
# what can tell the beginning or the end of a period in other words
_EN_ANY_EARLY: Final = re.compile(
    r"\b(?:earl(?:y|ier)|beg[ia]n\w*|start\w*|first|opening|onset|outset|turn|new|january|monday)\b", re.IGNORECASE
)
_EN_ANY_LATE: Final = re.compile(
    r"(?:\b|-)(?:late|end\w*|last|final|clos\w+|latter|second|december|weekend|saturday|sunday)\b", re.IGNORECASE
)
_ANY: Final = re.compile("")
_ABOUT: Final = r"(?:(?:about|around|nearly|almost|over|more than|just|only|some|as much as|VND|US\$|\$|€) ?)*"
_RISE_OR_FALL: Final = (
    r"\b(?:r[io]se[ns]?|rising|increas\w+|gr[eo]w\w*|climb\w*|jump\w*|surg\w+|soar\w*|f[ae]ll\w*|dropp?\w*|declin\w+"
    r"|decreas\w+|slump\w*|reduc\w+|lower\w*)"
)
_EN_TO: Final = re.compile(rf"{_RISE_OR_FALL}(?: [a-z]+)?? to {_ABOUT}\Z", re.IGNORECASE)
_EN_BY: Final = re.compile(rf"{_RISE_OR_FALL}(?: [a-z]+)?? by {_ABOUT}\Z", re.IGNORECASE)
_VI_ABOUT: Final = r"(?:khoảng |gần |hơn |trên |chừng )*"
_VI_BY: Final = re.compile(rf"\b(?:tăng|giảm)(?: thêm| bớt| trung bình| bình quân)? {_VI_ABOUT}\Z", re.IGNORECASE)
_VI_TO: Final = re.compile(
    rf"\b(?:tăng|giảm|hạ|sụt)(?: (?!từ)[^\W\d_]+){{0,3}}? (?:lên|xuống)(?: còn| mức| đến| tới| thành)? {_VI_ABOUT}\Z",
    re.IGNORECASE,
)
_VI_AGO: Final = re.compile(r" (?:trước|qua)(?=[ ]?[.,;:!?)]|\Z| đây)")
_VI_LATER: Final = re.compile(r" sau(?=[ ]?[.,;:!?)]|\Z| đó)")
_EN_AGO: Final = re.compile(r" (?:ago|earlier)\b")
_EN_LATER: Final = re.compile(r" later\b")
# What is before and after a number in either language, what is wrong, and how bad it is: Vietnamese writes
# `tăng lên 15%` for "rose by 15%" too.
_TURNS: Final[tuple[tuple[_Around, _Around, str, Severity], ...]] = (
    ((_VI_BY, _ANY), (_EN_TO, _ANY), "a change to", "error"),
    ((_VI_TO, _ANY), (_EN_BY, _ANY), "a change by", "warning"),
    ((_ANY, _VI_AGO), (_ANY, _EN_LATER), "later by", "error"),
    ((_ANY, _VI_LATER), (_ANY, _EN_AGO), "ago by", "error"),
)


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
