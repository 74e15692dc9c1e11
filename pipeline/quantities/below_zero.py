"""Numbers below zero: a minus sign, `âm 5 độ`, "5 degrees below zero"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pipeline.quantities.number_words import FIGURE
from pipeline.quantities.patterns import END, START, any_of
from pipeline.quantities.scanned_text import ScannedText
from pipeline.quantities.units import SIGNS
from pipeline.quantities.values import Quantity, Reading

# Not behind a word (a hyphen) nor behind a figure, whether or not there is a space (a range, a score)
_MINUS: Final = re.compile(r"(?<![^\s(\[“‘\"'])(?<![0-9%]\s)[-–\N{MINUS SIGN}]\Z")


def _signed(
    scanned: ScannedText,
    quantity: Quantity,
    *,
    said: re.Pattern[str],
    degrees: re.Pattern[str],
    below: re.Pattern[str],
    needs: frozenset[str],
) -> Quantity:
    """Return the number as it is, or below zero where a minus or words of the language say so.

    `said` are the words before it, `below` those after it (without one of `needs` a text has neither), and `degrees`
    what shows that a hyphen before a number is a minus: elsewhere it is a bullet or a dash as often, and the number has
    both readings. One behind another number is that of a range or a score.
    """
    start, end, low = quantity.start, quantity.end, scanned.lowercased
    if not needs.isdisjoint(scanned.words):
        if behind := below.match(low, end):
            return _negative(quantity, start=start, end=behind.end(), text=scanned.text)
        if word := said.search(low, max(0, start - 10), start):
            return _negative(quantity, start=word.start(), end=end, text=scanned.text)
    minus = _MINUS.search(low, max(0, start - 1), start)
    if minus is None:
        return quantity
    at = minus.start()
    if any(one.end <= at and not low[one.end : at].strip() for one in scanned.found[-1:]):
        return quantity
    if minus[0] == "\N{MINUS SIGN}" or quantity.unit in ("°C", "°F") or degrees.match(low, end):
        return _negative(quantity, start=at, end=end, text=scanned.text)
    if quantity.kind == "percent" and low[:at].rstrip(" \xa0")[-1:] not in ("", "\n"):
        return _negative(quantity, start=at, end=end, text=scanned.text)
    return replace(quantity, alternatives=(*quantity.alternatives, *map(below_zero, quantity.readings)))


def _negative(quantity: Quantity, *, start: int, end: int, text: str) -> Quantity:
    alternatives = tuple(map(below_zero, quantity.alternatives))
    return replace(
        quantity, value=-quantity.value, start=start, end=end, text=text[start:end], alternatives=alternatives
    )


def below_zero(reading: Reading) -> Reading:
    """Return the reading with the other sign."""
    return replace(reading, value=-reading.value)


# A number below zero: `âm 5 độ C`, `5 độ C dưới 0`; a lone minus before so many degrees is one for sure
_VI_BELOW_ZERO_SAID: Final = re.compile(rf"{START}âm[ \xa0](?:{any_of(SIGNS)})?[ ]?\Z")
_VI_BELOW_ZERO: Final = re.compile(rf"(?:[ ]?độ)?[ ]dưới (?:0|không)(?![.,][0-9])(?:[ ]?(?:độ(?: c{END})?|°c))?{END}")
_VI_BELOW_ZERO_NEEDS: Final = frozenset(("âm", "dưới"))
_VI_DEGREES: Final = re.compile(rf"(?:[ ]?(?:-|–|đến|tới|và|hoặc)[ ]?(?:âm |[-−])?{FIGURE})?[ \xa0]?(?:độ{END}|[°º℃℉])")


def vi_signed(scanned: ScannedText, quantity: Quantity) -> Quantity:
    """Return the Vietnamese number with its sign."""
    return _signed(
        scanned,
        quantity,
        said=_VI_BELOW_ZERO_SAID,
        degrees=_VI_DEGREES,
        below=_VI_BELOW_ZERO,
        needs=_VI_BELOW_ZERO_NEEDS,
    )


# A number below zero: "minus 5", "5 degrees Celsius below zero"; a lone minus before so many degrees is one for sure
_EN_BELOW_ZERO_SAID: Final = re.compile(rf"{START}(?:minus|negative)[ -]\Z")
_EN_BELOW_ZERO: Final = re.compile(
    rf"(?:[ -]degrees?)?[ ]below (?:zero|0)(?![.,][0-9])(?:[ ]?(?:degrees?(?: celsius| c)?|°c?))?{END}"
)
_EN_BELOW_ZERO_NEEDS: Final = frozenset(("minus", "negative", "below"))
_EN_DEGREES: Final = re.compile(
    rf"(?:[ ]?(?:-|–|to|and|or)[ ]?(?:minus |[-−])?{FIGURE})?[ \xa0-]?(?:degrees?{END}|[°º℃℉])"
)


def en_signed(scanned: ScannedText, quantity: Quantity) -> Quantity:
    """Return the English number with its sign."""
    return _signed(
        scanned,
        quantity,
        said=_EN_BELOW_ZERO_SAID,
        degrees=_EN_DEGREES,
        below=_EN_BELOW_ZERO,
        needs=_EN_BELOW_ZERO_NEEDS,
    )
