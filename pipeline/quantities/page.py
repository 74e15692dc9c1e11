"""The sheet that a reader works on: what is read is blanked, so that the next, wider form does not read it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Final, TypeAlias

from pipeline.quantities.units import BY_NAME, SIGNS, Unit
from pipeline.quantities.values import Kind, Quantity, Reading, Weight
from pipeline.text.normalize import small

DIGIT: Final = "0"  # among the words of a page: it has a figure
MOST_DIGITS: Final = 30  # what is longer is no number that anybody reads
MONTHS_OF_YEAR: Final = 12
DAYS_OF_MONTH: Final = 31
NOON: Final = 12  # hours
HOURS: Final = 24
LAST_MINUTE: Final = 59

_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile("[0-9]")
_MARKS = "/:"

Reader: TypeAlias = "Callable[[Page, re.Match[str]], Iterable[Quantity] | None]"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a value: its pattern, what reads a match, and the words one of which any match has.

    The reader answers None where the match is not that form after all; without a reader a match is passed over.
    """

    pattern: re.Pattern[str]
    reader: Reader | None
    needs: frozenset[str]


@dataclass
class Page:
    """A text on its way through the forms of its language."""

    text: str
    low: str = field(init=False)  # in small letters, as long as the text
    rest: str = field(init=False)  # `low` with what was read blanked
    found: list[Quantity] = field(default_factory=list)
    scales: dict[int, int] = field(default_factory=dict)  # the scale words' worth, by where their number starts
    decimal_comma: bool = False  # the writer's decimals have a comma for sure

    def __post_init__(self) -> None:
        self.low = self.rest = small(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the text, its slashes and colons, and `DIGIT` where it has a figure."""
        found = set(_WORD.findall(self.low))
        found.update(mark for mark in _MARKS if mark in self.low)
        if _DIGIT.search(self.low):
            found.add(DIGIT)
        return frozenset(found)

    def read(self, form: Form) -> None:
        """Read all that has this form."""
        if form.needs.isdisjoint(self.words):
            return
        pieces: list[str] = []
        at = 0
        match = form.pattern.search(self.rest)
        while match is not None:
            end = match.end()
            found = form.reader(self, match) if form.reader else ()
            if found is not None:
                kept = len(self.found)
                self.found.extend(found)
                # a unit or sign behind the figure belongs to it: the 2 of 70 m2 is no figure of its own
                end = max(end, *(quantity.end for quantity in self.found[kept:]), 0)
                pieces += self.rest[at : match.start()], "\0" * (end - match.start())
                at = end
            match = form.pattern.search(self.rest, end)
        if at:
            self.rest = "".join(pieces) + self.rest[at:]

    @cached_property
    def month_ends(self) -> frozenset[int]:
        """Where the months found end; asked for once those that say so themselves are all read."""
        return frozenset(quantity.end for quantity in self.found if quantity.kind in ("month", "lunar"))

    def before(self, at: int, most: int = 14) -> str:
        """Return the few characters before a place, in small letters."""
        return self.low[max(0, at - most) : at]

    def quantity(
        self,
        span: tuple[int, int],
        value: Fraction | int,
        kind: Kind,
        *,
        unit: str = "",
        also: tuple[Reading, ...] = (),
        weight: Weight = "figure",
    ) -> Quantity:
        """Return the quantity that stands at `span`."""
        start, end = span
        return Quantity(Fraction(value), kind, start, end, self.text[start:end], unit=unit, also=also, weight=weight)


def percent(quantity: Quantity, *, end: int, text: str) -> Quantity:
    """Return a plain number together with the percent sign behind it."""
    also = tuple(replace(reading, kind="percent") for reading in quantity.also)
    return replace(quantity, kind="percent", end=end, text=text[quantity.start : end], also=also)


def with_unit(quantity: Quantity, unit: Unit, *, end: int, text: str) -> Quantity:
    """Return a plain number together with the unit or currency behind it."""
    kind: Kind = "money" if unit.dimension == "money" else "measure"
    also = tuple(reading if reading.unit else replace(reading, kind=kind, unit=unit.name) for reading in quantity.also)
    return replace(quantity, kind=kind, unit=unit.name, end=end, text=text[quantity.start : end], also=also)


def with_sign(quantity: Quantity, sign: str, *, start: int, text: str) -> Quantity:
    """Return a plain number together with the currency sign before it."""
    return with_unit(replace(quantity, start=start), Unit(SIGNS[sign], "money"), end=quantity.end, text=text)


def signed(
    page: Page,
    quantity: Quantity,
    *,
    said: re.Pattern[str],
    degrees: re.Pattern[str],
    below: re.Pattern[str],
    needs: frozenset[str],
) -> Quantity:
    """Return the number as it is, or below zero where a minus or words of the language say so.

    `said` are the words before it, `below` those behind it (without one of `needs` a text has neither), and `degrees`
    what shows that a hyphen before a number is a minus: elsewhere it is a bullet or a dash as often, and the number has
    both readings. One behind another number is that of a range or a score.
    """
    start, end, low = quantity.start, quantity.end, page.low
    if not needs.isdisjoint(page.words):
        if behind := below.match(low, end):
            return _negative(quantity, start=start, end=behind.end(), text=page.text)
        if word := said.search(low, max(0, start - 10), start):
            return _negative(quantity, start=word.start(), end=end, text=page.text)
    minus = _MINUS.search(low, max(0, start - 1), start)
    if minus is None:
        return quantity
    at = minus.start()
    if any(one.end <= at and not low[one.end : at].strip() for one in page.found[-1:]):
        return quantity
    if minus[0] == "\N{MINUS SIGN}" or quantity.unit in ("°C", "°F") or degrees.match(low, end):
        return _negative(quantity, start=at, end=end, text=page.text)
    if quantity.kind == "percent" and low[:at].rstrip(" \xa0")[-1:] not in ("", "\n"):
        return _negative(quantity, start=at, end=end, text=page.text)
    return replace(quantity, also=(*quantity.also, *map(_below_zero, quantity.readings)))


# Not behind a word (a hyphen) nor behind a figure, whether or not there is a space (a range, a score)
_MINUS: Final = re.compile(r"(?<![^\s(\[“‘\"'])(?<![0-9%]\s)[-–\N{MINUS SIGN}]\Z")


def _negative(quantity: Quantity, *, start: int, end: int, text: str) -> Quantity:
    also = tuple(map(_below_zero, quantity.also))
    return replace(quantity, value=-quantity.value, start=start, end=end, text=text[start:end], also=also)


def _below_zero(reading: Reading) -> Reading:
    return replace(reading, value=-reading.value)


def pieces(page: Page, start: int, figure: str) -> Iterable[Quantity]:
    """Return the runs of digits of a figure that is no number, such as a telephone's or "1,2,3"."""
    for digits in re.finditer(r"[0-9]+", figure):
        if len(digits[0]) <= MOST_DIGITS:
            span = (start + digits.start(), start + digits.end())
            yield page.quantity(span, int(digits[0]), "number", weight="word")


def code(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a telephone number or a number plate, however its groups are parted: 0912.345.678 is 0912 345 678."""
    written = page.text[match.start() : match.end()]
    if match["plate"]:
        if not match["letters"].isalpha() or not page.text[match.start("letters")].isupper():
            return None
        # every letter counts: 51A is not 51B
        signs = [sign for sign in written.upper().replace("Đ", "D") if sign.isalnum() and sign.isascii()]
        return (page.quantity(match.span(), int("".join(signs), 36), "code"),)
    digits = re.sub(r"[^0-9]", "", written.removeprefix("+84"))
    if not (_FEWEST_OF_A_TELEPHONE <= len(digits) <= _MOST_OF_A_TELEPHONE) or _DATE_LIKE.match(written):
        return None
    return (page.quantity(match.span(), int(digits), "code"),)


_FEWEST_OF_A_TELEPHONE, _MOST_OF_A_TELEPHONE = 8, 12  # digits
_DATE_LIKE = re.compile(r"[0-3]?[0-9][.-][01]?[0-9][.-](?:19|20)[0-9][0-9](?![0-9])")
CODE: Final = re.compile(
    r"(?<![\w.,/+-])(?:(?P<plate>[0-9]{2}[ ]?-?[ ]?(?P<letters>[a-zđ]{1,2})[0-9]?[ ]?[-–.]?[ ]?"
    r"(?:[0-9]{3}[.,][0-9]{2}|[0-9]{4,5}))"
    r"|(?:\+84[ .-]?|\(?0)[0-9]{1,4}\)?(?:[ .-]?[0-9]{2,4}){2,4}|1[89]00[ .-]?[0-9]{4})(?!\w|[.,/-][0-9])"
)


def short_years(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 2019-20: the second year is told by its last digits."""
    first, last = int(match[1] + match[2]), int(match[1] + match[3])
    if not first < last <= first + 30:
        return None
    short = Reading(Fraction(int(match[3])), "number")
    return (
        page.quantity((match.start(), match.end(2)), first, "year"),
        page.quantity(match.span(3), last, "year", also=(short,)),
    )


def square_or_cubic(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Pass over the 2 of 70 m2; not that of M2, which stands alone."""
    alone = page.text[match.start()] == "M" and not page.before(match.start(), 2).strip(" /")[-1:].isdigit()
    return None if alone and page.before(match.start(), 1) != "/" else ()


SHORT_YEARS: Final = re.compile(r"(?<![\w.,/-])(1[0-9]|20)([0-9]{2})[-–/]([0-9]{2})(?![\w/-]|[.,][0-9]|[–%])")

_ROMAN_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50}
_ROMAN_FORM = re.compile("(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


ROMANS: Final = frozenset(
    tens + ones for tens in ("", *"x xx xxx xl l".split()) for ones in ("", *"i ii iii iv v vi vii viii ix".split())
)  # those the words of a page may be


def roman(numeral: str) -> int | None:
    """Return the value of a Roman numeral in capitals below ninety, None where it is not well formed."""
    if not numeral or not _ROMAN_FORM.fullmatch(numeral):
        return None
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    behind = [*values[1:], 0]
    return sum(-value if value < following else value for value, following in zip(values, behind, strict=True))


def finished(page: Page, *, between: re.Pattern[str], hedge: re.Pattern[str]) -> list[Quantity]:
    """Return what was found in order, with hedges, and with the unit that a range or list says once on all its ends."""
    found = sorted(page.found, key=lambda quantity: (quantity.start, quantity.end))
    for at in range(len(found) - 1, -1, -1):
        quantity = found[at]
        if hedge.search(page.low, max(0, quantity.start - 20), quantity.start):
            quantity = replace(quantity, hedged=True)
        if at + 1 < len(found) and between.fullmatch(page.low, quantity.end, found[at + 1].start):
            quantity, found[at + 1] = _shared(quantity, found[at + 1], page.scales)
        if at + 1 < len(found) and page.low[quantity.end : found[at + 1].start] in _TOGETHER:
            quantity, found[at + 1] = _summed(quantity, found[at + 1])
        found[at] = quantity
    return found


_TOGETHER: Final = (" ", " and ", " và ", ", ")


def _summed(left: Quantity, right: Quantity) -> tuple[Quantity, Quantity]:
    """Return the two with what they make together: of two years and six months each may be the 30 months."""
    if left.kind != "measure" or right.kind != "measure":
        return left, right
    large, small = BY_NAME[left.unit], BY_NAME[right.unit]
    if large.dimension != small.dimension or large.size <= small.size:
        return left, right
    total = Reading(left.value + right.value * small.size / large.size, "measure", large.name)
    return replace(left, also=(*left.also, total)), replace(right, also=(*right.also, total))


_UNITED: Final = ("percent", "money", "measure")


def _shared(left: Quantity, right: Quantity, scales: dict[int, int]) -> tuple[Quantity, Quantity]:
    """Return the two ends with what the other's scale and unit make of them: of "2-3 million", "$2-3", "5 or 10 %"."""
    if left.value < 0 < right.value:  # minus three to five degrees
        right = replace(right, also=(*right.also, *map(_below_zero, right.readings)))
    elif right.value < 0 < left.value:  # three to five degrees below zero
        left = replace(left, also=(*left.also, *map(_below_zero, left.readings)))
    scale = 1 if _scale(left, scales) > 1 else _scale(right, scales)
    if left.kind == "number" and (right.kind in _UNITED or scale > 1):
        more = {Reading(left.value * scale, right.kind, right.unit), Reading(left.value, right.kind, right.unit)}
        more.add(Reading(left.value * scale, "number"))
        return replace(left, also=(*left.also, *sorted(more, key=repr))), right
    if left.kind in _UNITED and right.kind == "number":
        if scale > 1:
            left = replace(left, also=(*left.also, Reading(left.value * scale, left.kind, left.unit)))
        return left, replace(right, also=(*right.also, Reading(right.value, left.kind, left.unit)))
    return left, right


def _scale(quantity: Quantity, scales: dict[int, int]) -> int:
    return next((scales[at] for at in range(quantity.start, quantity.end) if at in scales), 1) if scales else 1
