"""The check `number`: the values of the article in its summary, and those of each sentence in its translation.

An English summary of the translated article is compared with the Vietnamese article, as a Vietnamese summary is.

Values are read by `pipeline.quantities`; here they are only compared. A value counts as translated if it is anywhere
in the other text, in any form; one that is missing and one that came from nowhere, near the same place, are a change.
A number word alone says less than a figure ("one", `hai bên`, "both"): missing, it is a warning; up to two, nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise, product
from typing import Final

from pipeline.checks import number_context, number_order
from pipeline.checks.view import Pair, View, occurs_whole
from pipeline.quantities import Quantity, english, in_english, rounded, same, vietnamese
from pipeline.quantities.units import UNITS
from pipeline.records import Flag, Severity

_AMOUNTS: Final = frozenset(("number", "percent", "money", "measure", "year"))
_DATES: Final = frozenset(("day", "month", "lunar", "year", "decade", "weekday"))
_TIMES: Final = frozenset(("multiple", "fraction"))  # doubled, tripled, half, a quarter
_NO_IDIOMS: Final = frozenset(("multiple", "half"))  # of which the small ones too are meant
_DEGREES: Final = frozenset(("°C", "°F"))
_FARTHEST: Final = 0.75  # of the texts' length, and what `_distance` adds for kinds that differ
_MOST: Final = 250  # numbers of one sentence that are compared, each with each: no prose has as many
_IDIOMATIC: Final = 2  # "one", "two", "first" come and go between languages
_COUNTED: Final = 5
# What says of a loss or a fall that it is below zero, so that its figure need not.
_FALLING: Final = re.compile(
    r"\b(?:f[ae]ll(?:s|ing|en)?|declin|decreas|contract(?!or)|shr[aiu]nk|drop|los[est]|deficit|down|below|negative|minus"
    r"|reduc|cut|plung|slump|slid|sank|tumbl|lower|giảm|âm|lỗ|thâm hụt|sụt|mất|xuống|hụt|kém|rớt)",
    re.IGNORECASE,
)
_DONG_FOR_ONE: Final = (Fraction(10_000), Fraction(40_000))  # of a dollar, euro or pound, in any year since 1990


@dataclass(slots=True)
class _Sides:
    """The two texts of a pair as values, and what of each the other does not have."""

    pair: Pair
    source: list[Quantity]
    target: list[Quantity]
    missing: list[Quantity] = field(init=False)
    new: list[Quantity] = field(init=False)

    def __post_init__(self) -> None:
        missing = [one for one in self.source if not _is_matched(one, self.target)]
        new = [one for one in self.target if not _is_matched(one, self.source)]
        # one of these alone may be an idiom or a name; where each side has another, one became the other
        both = [
            matches
            for matches in (_is_times, _is_half, _is_roman, _is_one_or_two)
            if any(map(matches, missing)) and any(map(matches, new))
        ]
        lengths = [[one for one in side if _is_length(one)] for side in (missing, new)]
        if all(lengths) and any(one.salience != "optional" for side in lengths for one in side):
            both.append(_is_length)
        self.missing = [one for one in missing if one.salience != "optional" or any(matches(one) for matches in both)]
        self.new = [one for one in new if one.salience != "optional" or any(matches(one) for matches in both)]


def check(view: View) -> list[Flag]:
    """Return the flags `number`: of the summary beside its article, then of each translation beside its sentence."""
    context = f"{view.record.summary}\n{view.title_and_text}"
    pairs = [(pair, vietnamese(pair.source.text, context=context), english(pair.target.text)) for pair in view.pairs]
    sides = [_Sides(pair, source[:_MOST], target[:_MOST]) for pair, source, target in pairs]
    cut = [
        pair.target.flag("number", f"over {_MOST} numbers: only the first {_MOST} were compared")
        for pair, source, target in pairs
        if max(len(source), len(target)) > _MOST
    ]
    if view.record.english_summary:
        summary = _summary(english(view.record.english_summary), view.title_and_text, field="translation")
    else:
        summary = [] if view.is_copied else _summary(_read_summary(view, sides, context), view.title_and_text)
    return [*cut, *summary, *_translations([side for side in sides if side.pair.target.text.strip()])]


def _read_summary(view: View, sides: Sequence[_Sides], context: str) -> list[Quantity]:
    if not view.record.sentences:
        return vietnamese(view.record.summary, context=context)
    return [
        replace(one, start=one.start + side.pair.source.start, end=one.end + side.pair.source.start)
        for side in sides
        if side.pair.source.field == "summary"
        for one in side.source
    ]


def _summary(read: Sequence[Quantity], source: str, *, field: str = "summary") -> list[Flag]:
    """Return a flag for each number of the summary that neither the article nor its headline has."""
    article = _Read(source)
    found: list[Flag] = []
    for one in read:
        if one.salience == "optional" or _idiomatic(one):
            continue
        # an English figure may be another number in Vietnamese: 1.5 and 1.500
        if field == "summary" and one.kind in _AMOUNTS and occurs_whole(one.text, source):
            continue
        if article.contains(one):
            continue
        counted = one.kind == "number" and 0 <= one.value <= _COUNTED  # "three suspects", where the article names them
        severity: Severity = "error" if one.salience == "figure" and not counted else "warning"
        near = next((other for other in article.values if rounded(other, one)), None)
        message = f"the summary says {_shown(one)}, which the article does not"
        if near is not None:
            severity, message = "note", f"the summary rounds {near.text} to {one.text}"
        found.append(
            Flag(
                check="number",
                field=field,
                start=one.start,
                end=one.end,
                message=message,
                expected=in_english(near) if near else "",
                found=in_english(one),
                severity=severity,
            )
        )
    return found


class _Read:
    """The values of an article, read line by line only as far as needed: most are in the first lines."""

    def __init__(self, source: str) -> None:
        self.values: list[Quantity] = []
        self._lines = (vietnamese(line, context=source) for line in source.splitlines())

    def contains(self, one: Quantity) -> bool:
        """Return whether the article has this value; where it has not, `values` is all of the article."""
        if _is_matched(one, self.values):
            return True
        for found in self._lines:
            self.values += found
            if _is_matched(one, found):
                return True
        return False


def _translations(sides: Sequence[_Sides]) -> list[Flag]:
    """Return the flags of the pairs that have a translation; an empty one has a flag of its own."""
    found: list[Flag] = []
    for at, one in enumerate(sides):
        for other in sides[max(0, at - 1) : at + 2]:
            if other is not one and other.pair.target.field == one.pair.target.field:
                found += _moved(one, other)
    for one in sides:
        found += _compared(one)
    return found


def _moved(one: _Sides, other: _Sides) -> list[Flag]:
    """Return notes for the values that left one sentence and turned up beside it; they are settled with that."""
    found: list[Flag] = []
    for quantity in list(one.missing):
        arrived = next((new for new in other.new if same(quantity, new)), None)
        if arrived is None:
            continue
        one.missing.remove(quantity)
        other.new.remove(arrived)
        message = f"{_shown(quantity)} is in the translation of the neighboring sentence"
        found.append(_source_flag(one.pair, quantity, message, "note"))
    return found


def _compared(sides: _Sides) -> list[Flag]:
    """Return the flags of one pair."""
    pair = sides.pair
    found = [*_rounded(sides), *_dated(sides)]
    found += number_context.check(pair, sides.source, sides.target)
    found += number_order.check(pair, sides.source, sides.target)
    for one in sides.target:
        if one.foreign and one not in sides.new:
            how = "mixes two clocks" if one.kind == "time" else "is written in the Vietnamese way"
            said = in_english(one)
            message = f"“{one.text}” {how}: English writes {said}"
            flag = _target_flag(pair, one, message, "warning", expected=said)
            found.append(replace(flag, found=one.text))
    for one, instead in _changes(pair, sides.missing, sides.new):
        sides.missing.remove(one)
        sides.new.remove(instead)
        message, severity = _change(pair, one, instead)
        found.append(_target_flag(pair, instead, message, severity, expected=in_english(one)))
    found += [
        _source_flag(pair, one, f"{_shown(one)} is not in the translation", _weighed(one))
        for one in sides.missing
        if one.salience != "optional" and not _idiomatic(one)
    ]
    found += [_invented(sides, one) for one in sides.new if one.salience != "optional" and not _idiomatic(one)]
    return found


def _rounded(sides: _Sides) -> list[Flag]:
    """Return notes for the values that the translation rounds; they are settled with that."""
    found: list[Flag] = []
    for one in list(sides.missing):
        rough = next((other for other in sides.new if rounded(one, other)), None)
        if rough is None:
            continue
        sides.missing.remove(one)
        sides.new.remove(rough)
        message = f"{_shown(one)} is rounded to {rough.text}"
        found.append(_target_flag(sides.pair, rough, message, "note", expected=in_english(one)))
    return found


def _dated(sides: _Sides) -> Iterator[Flag]:
    """Yield warnings for the days and months that the translation writes 14.3, 14-3 or 14/3, as the Vietnamese does."""
    written = {(int(match[1]), int(match[2])): match for match in _ODD_DATE.finditer(sides.pair.target.text)}
    if not written:
        return
    named = {one.value for one in sides.target if one.kind == "month"}
    for day, month in pairwise(sides.source):
        if day.kind != "day" or month.kind not in ("month", "lunar") or month.value in named:
            continue
        at = written.get((int(day.value), int(month.value)))
        if at is None or day.value == month.value:
            continue
        plain = month not in sides.missing and (day.alternatives or month.alternatives)
        if plain and not _ON_A_DAY.search(sides.pair.target.text, max(0, at.start() - _SHOWN), at.start()):
            continue  # it may be a fraction, decimal or score, translated as such
        sides.missing = [one for one in sides.missing if one not in (day, month)]
        sides.new = [one for one in sides.new if one.end <= at.start() or at.end() <= one.start]
        said = f"{in_english(month)} {day.value}"
        yield sides.pair.target.flag(
            "number", f"{at[0]} is {said}, written in the Vietnamese way", span=at.span(), expected=said, found=at[0]
        )


_SHOWN: Final = 12  # characters before a date that tell that it is one
_ON_A_DAY: Final = re.compile(
    r"(?<!\w)(?:on|from|until|till|since|by|before|after|of|morning|afternoon|evening|night|day)[ ,]+(?:the )?\(?\Z"
    r"|\(\Z",
    re.IGNORECASE,
)
_ODD_DATE: Final = re.compile(r"(?<![\w.,/-])([0-9]{1,2})[./-]([0-9]{1,2})(?![\w%]|[.,/-][0-9])")


def _invented(sides: _Sides, one: Quantity) -> Flag:
    converted = next((other for other in sides.source if _converted(other, one)), None)
    if converted is not None:
        return _target_flag(sides.pair, one, f"{one.text} is {converted.text} in another currency", "note")
    return _target_flag(sides.pair, one, f"{one.text} is not in the Vietnamese", _weighed(one))


def _weighed(one: Quantity) -> Severity:
    return "error" if one.salience == "figure" else "warning"


def _changes(pair: Pair, missing: Sequence[Quantity], new: Sequence[Quantity]) -> list[tuple[Quantity, Quantity]]:
    """Return what became what: the nearest first, each once."""
    near = sorted(
        (distance, left, right)
        for left, quantity in enumerate(missing)
        for right, instead in enumerate(new)
        if (distance := _distance(pair, quantity, instead)) <= _FARTHEST
    )
    found: list[tuple[Quantity, Quantity]] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for _, left, right in near:
        if left not in taken[0] and right not in taken[1]:
            taken[0].add(left)
            taken[1].add(right)
            found.append((missing[left], new[right]))
    return found


def _distance(pair: Pair, one: Quantity, other: Quantity) -> float:
    apart = abs(one.start / len(pair.source.text) - other.start / len(pair.target.text))
    if abs(one.value) == abs(other.value):
        return apart / 4  # the unit or the sign changed
    if one.kind == other.kind:
        return apart
    return apart + (0.15 if (one.kind in _DATES) == (other.kind in _DATES) else 0.4)


def _change(pair: Pair, one: Quantity, instead: Quantity) -> tuple[str, Severity]:
    """Return what to say of a value that became another, and how bad it is."""
    said = f"the Vietnamese says {_shown(one)}, the translation {instead.text}"
    if _converted(one, instead):
        return f"{_shown(one)} is given only as {instead.text}, in another currency", "warning"
    if one.value == instead.value and {"percent", "number"} == {one.kind, instead.kind}:
        return said, "warning"
    if one.value == -instead.value and one.unit not in _DEGREES:
        plain = pair.target.text if one.value < 0 else pair.source.text
        if _FALLING.search(plain):
            return f"{said}: the sign is written in words", "note"
    least, most = sorted((one.value, instead.value))
    if "optional" in (one.salience, instead.salience) and _is_times(one) and _is_times(instead):
        sure = "multiple" in (one.kind, instead.kind) or "figure" in (one.salience, instead.salience)
        return said, "error" if sure else "warning"
    if one.kind == instead.kind and one.kind in _NO_IDIOMS:
        return said, "error"
    if _is_length(one) and _is_length(instead):
        return said, "error"
    idiom = (
        "weekday" not in (one.kind, instead.kind)
        and "figure" not in (one.salience, instead.salience)
        and least >= 0
        and most <= _IDIOMATIC
    )
    return said, "warning" if idiom else "error"


def _converted(one: Quantity, other: Quantity) -> bool:
    """Return whether one can be the other in another currency: dong and a currency of the size of the dollar."""
    low, high = _DONG_FOR_ONE
    money = [[reading for reading in quantity.readings if reading.kind == "money"] for quantity in (one, other)]
    for left, right in product(*money):
        dong, foreign = (left, right) if left.unit == "VND" else (right, left)
        in_both = dong.unit == "VND" != foreign.unit
        if in_both and low * foreign.value <= dong.value <= high * foreign.value:
            return True
    return False


def _is_matched(one: Quantity, others: Sequence[Quantity]) -> bool:
    return any(same(one, other) for other in others)


def _is_times(one: Quantity) -> bool:
    return one.kind in _TIMES


def _is_half(one: Quantity) -> bool:
    return one.kind == "half"


def _is_one_or_two(one: Quantity) -> bool:
    """Return whether it is the `một` of one person, mostly an article, or the "two" that it became."""
    return one.kind == "number" and one.text.lower() in ("một", "two")


def _is_length(one: Quantity) -> bool:
    return one.kind == "measure" and UNITS[one.unit].dimension == "time"


def _is_roman(one: Quantity) -> bool:
    return one.kind == "ordinal" and _ROMAN.fullmatch(one.text) is not None


_ROMAN: Final = re.compile("[IVXL]+")


def _idiomatic(one: Quantity) -> bool:
    return one.kind in ("number", "ordinal", "multiple", "measure") and (
        one.value == 1 or (0 <= one.value <= _IDIOMATIC and one.salience == "word")
    )


def _shown(one: Quantity) -> str:
    """Return a quantity as it is written, and in English where that is another text."""
    english = in_english(one)
    return one.text if english == one.text else f"{one.text} ({english})"


def _source_flag(pair: Pair, one: Quantity, message: str, severity: Severity) -> Flag:
    return pair.source.flag("number", message, span=(one.start, one.end), expected=in_english(one), severity=severity)


def _target_flag(pair: Pair, one: Quantity, message: str, severity: Severity, *, expected: str = "") -> Flag:
    return pair.target.flag(
        "number", message, span=(one.start, one.end), expected=expected, found=in_english(one), severity=severity
    )
