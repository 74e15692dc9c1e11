"""A quantity: the value of a span of text, what kind of value it is, and when two of them agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from pipeline.quantities.units import DOLLARS, UNITS

Kind: TypeAlias = Literal[
    "number", "percent", "money", "measure", "ordinal", "fraction", "multiple", "vague",
    "day", "month", "lunar", "year", "decade", "weekday", "time", "half", "code",
]  # fmt: skip
# How strictly a value must be matched. A figure must be in the translation; a number word (`hai`, "six") often is an
# idiom, an article or a name; an optional value ("both", "a decade", `một nửa`) can match a number and need not be
# matched itself.
Salience: TypeAlias = Literal["figure", "word", "optional"]

MONTHS: Final = tuple("January February March April May June July August September October November December".split())
WEEKDAYS: Final = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())

# Plain values agree with one another: "the 8th", "8 March" and "8" can all be `ngày 8`.
_PLAIN: Final = frozenset(("number", "ordinal", "day", "year", "multiple"))
_CENTURY: Final = 100
_CONVERTED: Final = Fraction(6, 100)  # tolerance for imperial conversions: 1.6 km may be "a mile"
_CONVERTED_INCHES: Final = Fraction(2, 100)  # tolerance for heights in inches: one inch
_ABOUT: Final = Fraction(3, 100)
_ROUNDED: Final = Fraction(5, 100)  # 1.25 billion may be rounded to 1.3, 2.3 billion not to 2
_TIME_TOLERANCE: Final = Fraction(2, 100)  # thirty days may be "a month"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a stretch of text; a value below zero has its sign."""

    # percent: 13.94 for 13.94 %; time: minutes since midnight; month 1-12; weekday 1 is Monday; half: 1 the first,
    # 2 the second; code: the letters and digits of a telephone number or number plate, compared exactly
    value: Fraction
    kind: Kind
    unit: str = ""  # of money the currency's code ("$" for a dollar that does not say whose), of a measure its unit


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in a text: `text` is what was read, from `start` to `end` in code points."""

    value: Fraction
    kind: Kind
    start: int
    end: int
    text: str
    unit: str = ""
    alternatives: tuple[Reading, ...] = ()  # other meanings it may have
    salience: Salience = "figure"
    hedged: bool = False  # "about", "nearly", `hơn`, `gần`
    foreign: bool = False  # a figure of English text in the Vietnamese way of writing, "13,94"

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The first reading and the others."""
        return (Reading(self.value, self.kind, self.unit), *self.alternatives)


def same(one: Quantity, other: Quantity) -> bool:
    """Return whether two quantities can mean the same: some reading of one agrees with some reading of the other."""
    # the 3 of two-thirds is not that of three-quarters, the 200 % of doubled not those of tripled
    if one.kind == other.kind and one.kind in ("fraction", "multiple", "half"):
        return one.value == other.value
    return any(_agree(left, right) for left in one.readings for right in other.readings)


def rounded(exact: Quantity, rough: Quantity) -> bool:
    """Return whether `rough` is `exact` rounded: within 3 % if hedged ("about"), otherwise half of the last digit.

    Without a hedge, integers must match exactly: 103 is not 100. 13.94 can be 13.9, and 1,234,567 can be 1.23 million,
    but 2.3 billion is not 2 billion.
    """
    if exact.kind != rough.kind or exact.kind not in ("number", "percent", "money", "measure"):
        return False
    if exact.unit != rough.unit and not (exact.kind == "money" and _one_currency(exact.unit, rough.unit)):
        return False
    digits = _digits(rough.value)
    if not 0 < digits < _digits(exact.value):
        return False
    if rough.hedged:
        return _digits(exact.value) > 2 and abs(rough.value / exact.value - 1) <= _ABOUT  # noqa: PLR2004 - 75 is not "about 70"
    if exact.value.denominator == 1 and not any(letter.isalpha() for letter in rough.text[:-1]):
        return False
    apart = abs(rough.value - exact.value)
    return apart <= _last_place(rough.value, digits) / 2 and apart <= _ROUNDED * abs(exact.value)


def in_english(quantity: Quantity) -> str:  # noqa: C901, PLR0912 - a table of kinds
    """Return the first reading as an editor reads it: "1.2 trillion dong", "13.94%", "March", "8:30 p.m."."""
    value, unit = quantity.value, quantity.unit
    match quantity.kind:
        case "percent":
            return f"{_number(value)}%"
        case "money":
            return f"{_number(value)} {'dollars' if unit == '$' else 'dong' if unit == 'VND' else unit}"
        case "measure":
            return f"{_number(value)} {_SINGULAR.get(unit, unit.removesuffix('s')) if value == 1 else unit}"
        case "ordinal":
            return _ordinal(value)
        case "multiple":
            return _TIMES.get(value) or f"{_number(value)} times"
        case "vague":
            return _vague_in_words(value)
        case "month":
            return MONTHS[int(value) - 1]
        case "lunar":
            return f"{_ordinal(value)} lunar month"
        case "weekday":
            return WEEKDAYS[int(value) - 1]
        case "day":
            return f"day {value}"
        case "half":
            return "second half" if value > 1 else "first half"
        case "code":
            return quantity.text
        case "decade":
            return f"{value}s"
        case "year":
            return str(value)
        case "time":
            hour, minute = divmod(int(value), 60)
            return f"{(hour - 1) % 12 + 1}:{minute:02} {'ap'[hour // 12 % 2]}.m."
        case "number" | "fraction":
            return quantity.text if re.fullmatch("[1-9][0-9]{3}", quantity.text) else _number(value)


def _agree(one: Reading, other: Reading) -> bool:
    kinds = {one.kind, other.kind}
    if len(kinds) == 1:
        if one.kind == "measure":
            return _measure(one, other)
        if one.kind == "money":
            return one.value == other.value and _one_currency(one.unit, other.unit)
        if one.kind == "decade":
            in_short = min(one.value, other.value) < _CENTURY
            return one.value == other.value or (in_short and one.value % _CENTURY == other.value % _CENTURY)
        return one.value == other.value
    if kinds <= _PLAIN:
        return one.value == other.value
    if "number" not in kinds:
        return kinds <= {"fraction", "multiple"} and one.value == other.value
    if "half" in kinds:
        return False
    if "time" in kinds:
        time, number = sorted((one, other), key=lambda reading: reading.kind != "time")
        return time.value in (number.value * 60, number.value * 60 + 12 * 60)
    # a bare number may match a value with a unit, but never the name of a month or weekday
    return one.value == other.value and kinds & {"money", "measure", "fraction", "vague", "decade", "code"} != set()


def _measure(one: Reading, other: Reading) -> bool:
    if one.unit == other.unit:
        return one.value == other.value
    left, right = UNITS[one.unit], UNITS[other.unit]
    if left.dimension != right.dimension:
        return False
    if left.dimension == "temperature":
        celsius, fahrenheit = (one, other) if left.name == "°C" else (other, one)
        return abs((fahrenheit.value - 32) * 5 / 9 - celsius.value) <= 1
    allowed = _CONVERTED if left.imperial or right.imperial else _TIME_TOLERANCE if left.dimension == "time" else 0
    if "inches" in (one.unit, other.unit):
        allowed = _CONVERTED_INCHES
    first, second = one.value * left.size, other.value * right.size
    return abs(first - second) <= allowed * max(abs(first), abs(second))


def _one_currency(one: str, other: str) -> bool:
    return one == other or ("$" in (one, other) and {one, other} <= DOLLARS)


def _digits(value: Fraction) -> int:
    """Return the number of significant digits of `value`: 3 for 13,900."""
    text = _plain(abs(value)).replace(".", "").strip("0")
    return len(text)


def _last_place(value: Fraction, digits: int) -> Fraction:
    """Return the place value of the last of `digits` significant digits of `value`: 0.1 for 13.9 with three."""
    exponent = int(f"{float(abs(value)):e}".partition("e")[2])
    return Fraction(10) ** (exponent - digits + 1)


def _plain(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.6f}".rstrip("0")


_TIMES: Final = {Fraction(1): "once", Fraction(2): "twice (double)"}
_SINGULAR: Final = {"centuries": "century", "inches": "inch", "feet": "foot", "m/s": "m/s"}
_READABLE: Final = len("12.345")
_SCALES: Final = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))


def _number(value: Fraction) -> str:
    if value.denominator not in (1, 2, 4) and _plain(value).rstrip(".") and Fraction(_plain(value)) != value:
        return f"{value.numerator}/{value.denominator}"
    for size, name in _SCALES:
        if abs(value) >= size:
            scaled = value / size
            if Fraction(_plain(scaled)) == scaled and len(_plain(scaled)) <= _READABLE:
                return f"{_plain(scaled)} {name}"
    return f"{value.numerator:,}" if value.denominator == 1 else _plain(value)


def _vague_in_words(value: Fraction) -> str:
    """Return "hundreds of thousands" for 100,000."""
    size, name = next(((size, name) for size, name in (*_SCALES, (1000, "thousand")) if value >= size), (1, ""))
    count = {1: "", 10: "tens", 100: "hundreds"}.get(int(value / size), f"some {_number(value)}")
    return " of ".join(part for part in (count, name and name + "s") if part)


def _ordinal(value: Fraction) -> str:
    number = int(value)
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
