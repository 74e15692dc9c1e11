"""The rules of each language in the order in which they read, and what is read: `vietnamese` and `english`.

Narrow forms come first (`ngày 2/3`, `20h30`, `khóa XII`, "two-thirds"), then numerals with their scale words and units,
then words that can stand for a number (`đôi`, "both"). What one rule reads is hidden from the next.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pipeline.quantities import (
    below_zero,
    clock,
    codes,
    dates,
    homographs,
    measures,
    number_words,
    numerals,
    ordinals,
    ratios,
    vague,
    years,
)
from pipeline.quantities.patterns import START
from pipeline.quantities.scanned_text import ScannedText
from pipeline.quantities.units import UNITS
from pipeline.quantities.values import Quantity, Reading

_TOGETHER: Final = (" ", " and ", " và ", ", ")
_UNITED: Final = ("percent", "money", "measure")


def _finished(scanned: ScannedText, *, between: re.Pattern[str], hedge: re.Pattern[str]) -> list[Quantity]:
    """Return what was found in order, with hedges, and with the unit that a range or list says once on all its ends."""
    found = sorted(scanned.found, key=lambda quantity: (quantity.start, quantity.end))
    for at in range(len(found) - 1, -1, -1):
        quantity = found[at]
        if hedge.search(scanned.lowercased, max(0, quantity.start - 20), quantity.start):
            quantity = replace(quantity, hedged=True)
        if at + 1 < len(found) and between.fullmatch(scanned.lowercased, quantity.end, found[at + 1].start):
            quantity, found[at + 1] = _shared(quantity, found[at + 1], scanned.scales)
        if at + 1 < len(found) and scanned.lowercased[quantity.end : found[at + 1].start] in _TOGETHER:
            quantity, found[at + 1] = _summed(quantity, found[at + 1])
        found[at] = quantity
    return found


def _summed(left: Quantity, right: Quantity) -> tuple[Quantity, Quantity]:
    """Return the two with what they make together: of two years and six months each may be the 30 months."""
    if left.kind != "measure" or right.kind != "measure":
        return left, right
    large, small = UNITS[left.unit], UNITS[right.unit]
    if large.dimension != small.dimension or large.size <= small.size:
        return left, right
    total = Reading(left.value + right.value * small.size / large.size, "measure", large.name)
    return replace(left, alternatives=(*left.alternatives, total)), replace(
        right, alternatives=(*right.alternatives, total)
    )


def _shared(left: Quantity, right: Quantity, scales: dict[int, int]) -> tuple[Quantity, Quantity]:
    """Return the two ends with what the other's scale and unit make of them: of "2-3 million", "$2-3", "5 or 10 %"."""
    if left.value < 0 < right.value:  # minus three to five degrees
        right = replace(right, alternatives=(*right.alternatives, *map(below_zero.below_zero, right.readings)))
    elif right.value < 0 < left.value:  # three to five degrees below zero
        left = replace(left, alternatives=(*left.alternatives, *map(below_zero.below_zero, left.readings)))
    scale = 1 if _scale_of(left, scales) > 1 else _scale_of(right, scales)
    if scale == 1 and left.text.isdigit() and left.value < right.value / 1000 * 2 and _THOUSANDS.match(right.text):
        scale = 1000  # 250 - 300.000 đồng
    if left.kind == "number" and (right.kind in _UNITED or scale > 1):
        more = {Reading(left.value * scale, right.kind, right.unit), Reading(left.value, right.kind, right.unit)}
        more.add(Reading(left.value * scale, "number"))
        return replace(left, alternatives=(*left.alternatives, *sorted(more, key=repr))), right
    if left.kind in _UNITED and right.kind == "number":
        if scale > 1:
            left = replace(left, alternatives=(*left.alternatives, Reading(left.value * scale, left.kind, left.unit)))
        return left, replace(right, alternatives=(*right.alternatives, Reading(right.value, left.kind, left.unit)))
    return left, right


_THOUSANDS: Final = re.compile(r"[0-9]{2,3}[.,]000(?![0-9.,])")


def _scale_of(quantity: Quantity, scales: dict[int, int]) -> int:
    return next((scales[at] for at in range(quantity.start, quantity.end) if at in scales), 1) if scales else 1


_VI_HEDGE: Final = re.compile(
    rf"{START}(?:gần|hơn|khoảng|trên|dưới|chừng|xấp xỉ|ít nhất|tối thiểu|tối đa|quá|cỡ|tầm|ước tính|ngót|độ"
    r"|tới|đến)[ ]\Z"
)
_VI_BETWEEN: Final = re.compile(
    r"[ ]?(?:-|–|—|~|,|đến|tới|và|hoặc|hay|lên|xuống|xuống còn|lên tới|lên đến)[ ]?(?:hơn |gần |khoảng |còn |mức )?\Z"
)


def vietnamese(text: str, *, context: str = "") -> list[Quantity]:
    """Return the quantities of NFC Vietnamese `text`, in order.

    `context`: more text by the same writer. It can show that the writer has decimal commas; else "1,234" may be either.
    """
    scanned = ScannedText(text)
    if scanned.words.isdisjoint(_VI_ANY):
        return []
    if number_words.VI_DOUBTFUL.search(text):
        scanned.decimal_comma = any(number_words.VI_DECIMAL_COMMA.search(one) for one in (text, context))
    for rule in VIETNAMESE_RULES:
        scanned.read(rule)
    return dates.vi_in_context(scanned, _finished(scanned, between=_VI_BETWEEN, hedge=_VI_HEDGE))


_EN_MONEY: Final = r"(?:us\$|\$|vnd ?|€|£)?"
_EN_HEDGE: Final = re.compile(
    r"(?<!\w)(?:about|around|nearly|almost|over|above|more than|roughly|approximately|some|up to|at least|estimated"
    rf"|close to|less than|under|below|upwards of|circa|just|exceed(?:ed|ing)?|topped|surpassed|~)[ ]?{_EN_MONEY}\Z"
)
_EN_BETWEEN: Final = re.compile(
    r"[ ]?(?:-|–|—|~|,|to|and|or|through|up to|compared to|,? and|,? or)[ ]?"
    rf"(?:about |over |nearly |a |around )?{_EN_MONEY}\Z"
)


def english(text: str) -> list[Quantity]:
    """Return the quantities of English `text`, in order."""
    scanned = ScannedText(text)
    if scanned.words.isdisjoint(_EN_ANY):
        return []
    for rule in ENGLISH_RULES:
        scanned.read(rule)
    found = _finished(scanned, between=_EN_BETWEEN, hedge=_EN_HEDGE)
    return (
        [dates.en_lunar(scanned, quantity) for quantity in found]
        if dates.EN_LUNAR_WORD.search(scanned.lowercased)
        else found
    )


VIETNAMESE_RULES: Final = (
    codes.VI_NO_NUMBER,
    codes.VIRUS_VARIANT,
    codes.SOFTWARE_VERSION,
    clock.VI_ALL_DAY,
    codes.CODE,
    dates.VI_DAYS,
    dates.VI_WHOLE_DATE,
    years.SHORT_YEARS,
    dates.VI_MONTHS_AND_DAYS,
    dates.VI_MONTH,
    dates.VI_MORE_MONTHS,
    dates.VI_FULL_MOON,
    years.VI_MONTH_YEAR,
    clock.VI_MINUTES_BEFORE_HOUR,
    clock.VI_TIME,
    dates.VI_DOTTED,
    ratios.VI_KNOCKOUT,
    dates.VI_SLASHED,
    measures.VI_HEIGHT,
    ordinals.VI_QUARTER,
    ordinals.VI_ROMAN,
    ordinals.VI_WEEKDAY,
    ordinals.VI_ORDINAL,
    years.VI_DECADE,
    ratios.VI_FRACTION,
    ratios.VI_HALF_OF_YEAR,
    ratios.VI_HALF_A,
    ratios.VI_HALF,
    codes.VI_MORE_TIME,
    years.VI_BORN_IN,
    ratios.VI_FOLD,
    dates.VI_DAY,
    years.VI_YEAR,
    measures.SQUARE_OR_CUBIC,
    codes.VI_LABEL,
    numerals.VI_NUMERAL,
    vague.VI_VAGUE,
    vague.VI_OPTIONAL_WORD,
)


ENGLISH_RULES: Final = (
    codes.EN_NO_NUMBER,
    codes.VIRUS_VARIANT,
    codes.SOFTWARE_VERSION,
    codes.EN_FOOTNOTE,
    homographs.EN_PRONOUN,
    clock.EN_ALL_DAY,
    codes.CODE,
    years.SHORT_YEARS,
    clock.EN_SPOKEN_TIME,
    clock.EN_MALFORMED_TIME,
    clock.EN_TIME,
    dates.EN_MONTH,
    ordinals.EN_WEEKDAY,
    years.EN_DECADE,
    years.EN_MONTH_YEAR,
    dates.EN_SLASHED,
    dates.EN_LAST_LUNAR_MONTH,
    ordinals.EN_ORDINAL_FIGURE,
    ratios.EN_HALF,
    ratios.EN_HALF_A,
    ratios.EN_UNIT_AND_HALF,
    ratios.EN_PART_IN,
    ratios.EN_FRACTION,
    ordinals.EN_ORDINAL,
    measures.EN_HEIGHT,
    ordinals.EN_ROMAN,
    ordinals.EN_QUARTER,
    vague.EN_VAGUE,
    years.EN_YEAR,
    measures.SQUARE_OR_CUBIC,
    codes.EN_LABEL,
    numerals.EN_NUMERAL,
    vague.EN_OPTIONAL_WORD,
)


_VI_ANY: Final = frozenset().union(*(rule.needs for rule in VIETNAMESE_RULES))
_EN_ANY: Final = frozenset().union(*(rule.needs for rule in ENGLISH_RULES))
