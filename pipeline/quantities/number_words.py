"""Number words and scale words of both languages, and the patterns of numbers that are made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities.patterns import END, any_of
from pipeline.quantities.scanned_text import MOST_DIGITS, ScannedText
from pipeline.quantities.values import Kind, Reading

VI_DIGITS: Final = {
    "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "nhăm": 5, "sáu": 6, "bảy": 7,
    "bẩy": 7, "tám": 8, "chín": 9,
}  # fmt: skip
VI_SCALES: Final = {
    "chục": 10, "tá": 12, "trăm": 10**2, "nghìn": 10**3, "ngàn": 10**3, "vạn": 10**4, "triệu": 10**6, "tỷ": 10**9,
    "tỉ": 10**9,
}  # fmt: skip
VI_ORDINALS: Final = {"nhất": 1, "nhì": 2} | {word: value for word, value in VI_DIGITS.items() if value > 1}
FIGURE: Final = r"[0-9]+(?:[.,][0-9]+)*"
_VI_D: Final = "một|hai|ba|bốn|năm|sáu|bảy|bẩy|tám|chín"
_VI_TAIL: Final = "một|mốt|hai|ba|bốn|tư|lăm|nhăm|sáu|bảy|bẩy|tám|chín"  # năm behind a ten is a year
_VI_BELOW_HUNDRED: Final = (
    rf"(?:(?:{_VI_D}) mươi(?: (?:{_VI_TAIL}){END})?|(?:{_VI_D}) (?:lăm|nhăm|mốt)"
    rf"|mười(?: (?:{_VI_TAIL}){END})?|(?:{_VI_D}))"
)
_VI_BELOW_THOUSAND: Final = (
    rf"(?:(?:{_VI_D}) trăm(?: (?:linh|lẻ) (?:{_VI_D})| {_VI_BELOW_HUNDRED})?|{_VI_BELOW_HUNDRED}){END}"
)
# tỷ lệ, tỷ số, tỷ giá, tỷ phú and triệu tập, triệu hồi, triệu chứng, triệu phú hold no scale
VI_SCALE: Final = (
    rf"(?:chục|tá|trăm|nghìn|ngàn|vạn|triệu(?! (?:tập|hồi|chứng|phú){END})"
    rf"|t[ỷỉ](?! (?:lệ|số|giá|trọng|suất|phú|phần|mỉ|đối|thí){END})){END}"
)
VI_ATOM: Final = rf"(?:{FIGURE}|{_VI_BELOW_THOUSAND})"
VI_SHORT_SCALES: Final = {"k": 10**3, "tr": 10**6}  # 500k, 50 tr đồng
VI_SHORT_SCALE: Final = rf"(?:(?<=[0-9])k|(?<=[0-9])[ ]?tr){END}"
VI_PART: Final = re.compile(rf"(?P<atom>{VI_ATOM})(?P<scales>{VI_SHORT_SCALE}|(?:[ \xa0]?{VI_SCALE}){{0,3}})")
_VI_ANY_SCALE: Final = re.compile(VI_SCALE)


# A figure that shows how its writer separates decimals, and one of which it matters.
VI_DECIMAL_COMMA: Final = re.compile(
    r"[0-9]\.[0-9]{3}(?![0-9])|(?<![0-9,.])[0-9]{1,3},(?:[0-9]{1,2}|[0-9]{4,})(?![0-9])"
)
VI_DOUBTFUL: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}(?![0-9])")


def vi_product(scales: str) -> int:
    """Return what the Vietnamese scale words multiply by: 10^12 for `nghìn tỷ`."""
    value = 1
    for scale in _VI_ANY_SCALE.findall(scales):
        value *= VI_SCALES[scale]
    return value


def vi_atom(text: str, scanned: ScannedText) -> list[Fraction]:
    """Return what a figure or the words of a number below a thousand may mean, the Vietnamese reading first."""
    if text[0].isdigit():
        return _vi_figure(text, scanned)
    value = digit = 0
    for word in text.split():
        if word == "trăm":
            value, digit = value + digit * 100, 0
        elif word == "mươi":
            value, digit = value + digit * 10, 0
        elif word == "mười":
            value += 10
        elif word in ("lăm", "nhăm", "mốt") and digit:  # bốn lăm: 45
            value, digit = value + digit * 10, VI_DIGITS[word]
        elif word in VI_DIGITS:
            digit = VI_DIGITS[word]
    return [Fraction(value + digit)]


def _vi_figure(text: str, scanned: ScannedText) -> list[Fraction]:
    """Return what a figure may mean; nothing if it is not a number."""
    if len(text) > MOST_DIGITS:
        return []
    if text.isdigit():
        return [Fraction(int(text))]
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?", text):
        return [Fraction(text.replace(".", "").replace(",", "."))]
    if re.fullmatch(r"[0-9]+,[0-9]+", text):
        values = [Fraction(text.replace(",", "."))]
        if VI_DOUBTFUL.fullmatch(text) and not scanned.decimal_comma:
            values.append(Fraction(text.replace(",", "")))
        return values
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+\.[0-9]+", text):  # the English way
        return [Fraction(text.replace(",", ""))]
    return []


EN_ONES: Final = {
    word: value
    for value, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen".split(),
        start=1,
    )
}
EN_TENS: Final = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
EN_SCALES: Final = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "mln": 10**6, "mil": 10**6, "bln": 10**9, "tn": 10**12, "trn": 10**12, "quadrillion": 10**15,
    "dozen": 12, "k": 10**3, "m": 10**6, "b": 10**9,
}  # fmt: skip
EN_ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40,
    "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
    "thousandth": 1000,
}  # fmt: skip
EN_HALVES: Final = 2
EN_QUARTERS: Final = 4
EN_PARTS: Final = {"half": EN_HALVES, "halves": EN_HALVES, "quarter": EN_QUARTERS, "quarters": EN_QUARTERS} | {
    name + plural: value for name, value in EN_ORDINALS.items() if value > EN_HALVES for plural in ("", "s")
}
_EN_BELOW_HUNDRED: Final = (
    rf"(?:(?:{any_of(EN_TENS)})(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|{any_of(EN_ONES)}){END}"
)
EN_BELOW_THOUSAND: Final = (
    rf"(?:(?:{_EN_BELOW_HUNDRED}|a) hundred(?:(?: and)? {_EN_BELOW_HUNDRED})?|{_EN_BELOW_HUNDRED})"
)
EN_ATOM: Final = rf"(?:{FIGURE}|{EN_BELOW_THOUSAND})"
EN_SCALE_NAME: Final = (
    rf"(?:hundreds?|thousands?|millions?|billions?|trillions?|quadrillions?|dozen|mln|bln|trn|mn|mil|bn|tn){END}"
)
EN_SCALE: Final = rf"(?:[ \xa0-]?{EN_SCALE_NAME})"
EN_LETTER: Final = rf"(?<=[0-9])[kmb]{END}"  # $3.5m; 3.5 m is a length
EN_PART: Final = re.compile(rf"(?P<atom>{EN_ATOM}|half an?|half|an?)(?P<scales>{EN_SCALE}{{1,3}}|{EN_LETTER}|)")
_EN_ANY_SCALE: Final = re.compile(rf"{EN_SCALE_NAME}|[kmb]{END}")


def en_product(scales: str) -> int:
    """Return what the English scale words multiply by."""
    value = 1
    for scale in _EN_ANY_SCALE.findall(scales):
        value *= EN_SCALES[scale] if scale in EN_SCALES else EN_SCALES[scale[:-1]]
    return value


def en_atom(text: str) -> tuple[Fraction, bool] | None:
    """Return the value of an atom and whether it is written in the Vietnamese way; None if it is not a number."""
    if text[0].isdigit():
        return _en_figure(text)
    if text.startswith("half"):
        return Fraction(1, 2), False
    value = part = 0
    for word in re.findall(r"[a-z]+", text):
        if word in ("a", "an"):
            part = 1
        elif word == "hundred":
            value, part = part * 100, 0
        else:
            part += EN_ONES.get(word) or EN_TENS.get(word, 0)
    return Fraction(value + part), False


def _en_figure(text: str) -> tuple[Fraction, bool] | None:
    if len(text) > MOST_DIGITS:
        return None
    # 4,0000 is malformed, and no number that the Vietnamese has is told by its parts
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|[0-9]{1,3},[0-9]{4}", text):
        return Fraction(text.replace(",", "")), False
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?|[0-9]{1,3}\.[0-9]{3},[0-9]+|[0-9]+,[0-9]{1,2}", text):
        return Fraction(text.replace(".", "").replace(",", ".")), True
    return None


def readings(values: Iterable[Fraction], kind: Kind) -> tuple[Reading, ...]:
    """Return each value as a reading of this kind."""
    return tuple(Reading(value, kind) for value in values)
