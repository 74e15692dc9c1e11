"""English numerals: figures and number words, their scale words, and the unit or currency beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities import english_words as words
from pipeline.quantities.page import MOST_DIGITS, NOON, Page, percent, pieces, signed, with_sign, with_unit
from pipeline.quantities.units import ENGLISH, SIGNS, named
from pipeline.quantities.values import Quantity, Reading, Weight

_NO_IDIOM: Final = 100  # number words of this size are meant


def numeral(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a run of figures, number words and scale words."""
    return [_clock(_signed(page, _with_neighbours(page, _judged(page, quantity)))) for quantity in _values(page, match)]


def vague(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read tens of thousands, several hundred; not the billions of 17.3 billions."""
    before = page.low[max(0, match.start() - 32) : match.start()]
    if (
        match[0] in ("millions", "billions", "trillions")
        and words.COUNTED.search(before)
        and not words.DAY_OF_MONTH.search(before)
    ):
        return None
    value = 1
    for word in match[0].split():
        value *= words.VAGUE_VALUES.get(word, 1)
    return (page.quantity(match.span(), value, "vague", weight="word"),)


def loose(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a word that can answer for a number."""
    value, kind, unit = words.LOOSE[match[0]]
    also: tuple[Reading, ...] = ()
    if match[0] in ("half", "quarter"):  # of a hundred, of a year, of an hour; and the half, the quarter
        also = (
            Reading(value * 100, "percent"),
            Reading(value * 12, "measure", "months"),
            Reading(value * 60, "measure", "minutes"),
        )
        if not words.ORDINAL_BEFORE.search(page.low, max(0, match.start() - 12), match.start()):
            also = (*also, Reading(1 / value, "ordinal"))
    elif kind == "multiple":  # doubled: up by 100 %, to 200 %
        also = (Reading((value - 1) * 100, "percent"), Reading(value * 100, "percent"))
    return (page.quantity(match.span(), value, kind, unit=unit, also=also, weight="loose"),)


def label(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read the number of a name: U23, G20, QL1A. Covid-19 was passed over before: there is no Covid-91."""
    if match[1] in SIGNS or match[1] == "mid" or not page.text[match.start()].isupper():
        return None
    weight: Weight = "figure" if match[1] == "covid" else "word"
    return (page.quantity(match.span(), int(match[2]), "number", weight=weight),)


def _values(page: Page, match: re.Match[str]) -> Iterator[Quantity]:
    """Yield the numbers of a run: "two million three hundred thousand" is one, "two million, five million" two."""
    parts = list(words.PART.finditer(page.rest, match.start(), match.end()))
    at = 0
    while at < len(parts):
        start, end = parts[at].span()
        read = _atom(parts[at]["atom"])
        if read is None:
            yield from pieces(page, start, parts[at]["atom"])
            at += 1
            continue
        value, foreign = read
        scale = largest = _product(parts[at]["scales"])
        also = (Reading(value, "measure", "m"),) if parts[at]["scales"].strip() == "m" else ()  # 100m
        letter = page.text[parts[at].end("atom") : parts[at].end()]
        road = words.ROAD.search(page.low, max(0, start - 10), start) is not None
        if letter in ("B", "M", "K") or (letter and road):  # Highway 21B, a 4K screen; Road 295b
            also = (*also, Reading(value, "number"))
        value *= scale
        while at + 1 < len(parts) and scale > 1:
            added = _added(page, parts[at], parts[at + 1], scale)
            if added is None:
                break
            at += 1
            value, scale, end = value + added, _product(parts[at]["scales"]), parts[at].end()
        at += 1
        if page.rest.startswith(" and a half", end) and end < match.end():
            value, end, at = value + Fraction(largest, 2), end + len(" and a half"), len(parts)
            if end < match.end():  # two and a half million
                largest = _product(page.rest[end : match.end()])
                value, end = value * largest, match.end()
        if parts[at - 1]["atom"] in ("a", "an") and largest == 1:
            continue
        if largest > 1:
            page.scales[start] = largest
        figure = value >= _NO_IDIOM or any(letter.isdigit() for letter in page.rest[start:end])
        quantity = page.quantity((start, end), value, "number", also=also, weight="figure" if figure else "word")
        yield replace(quantity, foreign=foreign)


def _added(page: Page, part: re.Match[str], following: re.Match[str], scale: int) -> Fraction | None:
    """Return what the part that follows adds to a number with this scale, None where it is a number of its own."""
    read, smaller = _atom(following["atom"]), _product(following["scales"])
    gap = page.rest[part.end() : following.start()]
    if read is None or following["atom"] in ("a", "an") or read[0] * smaller >= scale:
        return None
    figures = part["atom"][0].isdigit() or following["atom"][0].isdigit()
    if figures and gap != " " and not (smaller == 1 and " and" in gap and not following["atom"][0].isdigit()):
        return None
    if smaller == 1 and " and" not in gap and (figures or gap != " "):
        return None
    return read[0] * smaller


def _judged(page: Page, quantity: Quantity) -> Quantity:
    """Return a number word of a name, the Four Seasons, as loose."""
    start, end = quantity.start, quantity.end
    if (
        quantity.weight == "word"
        and quantity.text[0].isupper()
        and words.CAPITAL.match(page.text, end)
        and not words.SENTENCE_START.search(page.text, max(0, start - 4), start)
    ):
        return replace(quantity, weight="loose")
    return quantity


def _with_neighbours(page: Page, quantity: Quantity) -> Quantity:
    """Return the number with the percent sign, currency or unit that stands beside it."""
    low, end = page.low, quantity.end
    if sign := words.PERCENT.match(low, end):
        return percent(quantity, end=sign.end(), text=page.text)
    if behind := words.BASIS_POINTS.match(low, end):
        points = Reading(quantity.value / 100, "percent")
        return replace(quantity, end=behind.end(), text=page.text[quantity.start : behind.end()], also=(points,))
    if before := words.SIGN.search(low, max(0, quantity.start - 8), quantity.start):
        return with_sign(quantity, before[1], start=before.start(1), text=page.text)
    unit = words.UNIT.match(low, end)
    if unit is None or words.NO_UNIT.match(low, end) or page.text[unit.start(1) : unit.end(1)] in ("G", "L", "H"):
        return quantity
    counted = with_unit(quantity, named(ENGLISH, unit[1]), end=unit.end(), text=page.text)
    if counted.kind == "measure" and (more := words.AND_HALF.match(low, counted.end)):  # three months and a half
        text = page.text[counted.start : more.end()]
        counted = replace(counted, value=counted.value + Fraction(1, 2), end=more.end(), text=text)
    if unit[1] in ("pound", "pounds"):
        counted = replace(counted, also=(*counted.also, Reading(quantity.value, "money", "GBP")))
    return counted


def _clock(quantity: Quantity) -> Quantity:
    """Return 19.50 with the time of day that it may be."""
    if quantity.kind != "number" or not _CLOCK.fullmatch(quantity.text):
        return quantity
    hour, minute = map(int, quantity.text.split("."))
    also = [Reading(Fraction(hour * 60 + minute), "time")]
    if hour < NOON:
        also.append(Reading(Fraction((hour + NOON) * 60 + minute), "time"))
    return replace(quantity, also=(*quantity.also, *also))


_CLOCK: Final = re.compile(r"(?:[01]?[0-9]|2[0-3])\.[0-5][0-9]")


def _signed(page: Page, quantity: Quantity) -> Quantity:
    return signed(
        page,
        quantity,
        said=words.BELOW_ZERO_SAID,
        degrees=words.DEGREES,
        below=words.BELOW_ZERO,
        needs=words.BELOW_ZERO_NEEDS,
    )


def _atom(text: str) -> tuple[Fraction, bool] | None:
    """Return the value of an atom and whether it is written in the Vietnamese way; None where it is no number."""
    if text[0].isdigit():
        return _figure(text)
    if text.startswith("half"):
        return Fraction(1, 2), False
    value = part = 0
    for word in re.findall(r"[a-z]+", text):
        if word in ("a", "an"):
            part = 1
        elif word == "hundred":
            value, part = part * 100, 0
        else:
            part += words.ONES.get(word) or words.TENS.get(word, 0)
    return Fraction(value + part), False


def _figure(text: str) -> tuple[Fraction, bool] | None:
    if len(text) > MOST_DIGITS:
        return None
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?", text):
        return Fraction(text.replace(",", "")), False
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?|[0-9]{1,3}\.[0-9]{3},[0-9]+|[0-9]+,[0-9]{1,2}", text):
        return Fraction(text.replace(".", "").replace(",", ".")), True
    return None


def _product(scales: str) -> int:
    value = 1
    for scale in words.ANY_SCALE.findall(scales):
        value *= words.SCALES[scale] if scale in words.SCALES else words.SCALES[scale[:-1]]
    return value
