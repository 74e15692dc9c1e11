"""Vague numbers, and words that can stand for a number: `hàng nghìn`, "tens of thousands", "both", "a decade"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities.number_words import EN_ONES, EN_ORDINALS, EN_TENS, VI_SCALE, VI_SCALES, vi_product
from pipeline.quantities.patterns import END, SENTENCE_START, START, any_of, needs
from pipeline.quantities.scanned_text import Rule, ScannedText
from pipeline.quantities.values import MONTHS, Kind, Quantity, Reading, Salience

# Vietnamese


# Words that can answer for a number, and need not be answered.
_VI_OPTIONAL: Final[dict[str, tuple[Fraction, Kind, str]]] = {
    "đôi": (Fraction(2), "number", ""),
    "cặp": (Fraction(2), "number", ""),
    "bộ tứ": (Fraction(4), "number", ""),
    "kép": (Fraction(2), "multiple", ""),
    "tá": (Fraction(12), "number", ""),
    "rưỡi": (Fraction(1, 2), "fraction", ""),
    "duy nhất": (Fraction(1), "number", ""),
    "đầu tiên": (Fraction(1), "ordinal", ""),
    "thập kỷ": (Fraction(1), "measure", "decades"),
    "thập kỉ": (Fraction(1), "measure", "decades"),
    "thế kỷ": (Fraction(1), "measure", "centuries"),
    "thế kỉ": (Fraction(1), "measure", "centuries"),
}


def _vi_vague(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read scale words without a number: hàng nghìn, vài trăm, nghìn tỷ."""
    names = match["scales"].split()
    start = match.start("scales")
    named_so = scanned.text[start].isupper() and not (  # Triệu Vy, Vạn Phúc; not Trăm tỷ đồng
        len(names) > 1 and SENTENCE_START.search(scanned.text, max(0, start - 4), start)
    )
    if named_so or (not match["head"] and names == ["tá"]):
        return None
    value = vi_product(match["scales"])
    alternatives = (Reading(Fraction(12), "number"),) if names[-1] == "chục" else ()
    if not match["head"]:  # a project of trăm tỷ may be one of 100 billion
        alternatives = (*alternatives, Reading(Fraction(value), "number"))
    salience: Salience = "word" if match["head"] or len(names) > 1 else "optional"
    return (scanned.quantity(match.span(), value, "vague", alternatives=alternatives, salience=salience),)


VI_VAGUE: Final = Rule(
    name="Vietnamese: vague",
    pattern=re.compile(
        rf"{START}(?!(?<=phần )(?:nghìn|ngàn)(?! t[ỷỉ]))"
        rf"(?P<head>(?:hàng|nhiều|vài|mấy|dăm|cả|vài ba|hằng)[ ])?(?P<scales>{VI_SCALE}(?:[ ]{VI_SCALE}){{0,2}})"
    ),
    read=_vi_vague,
    needs=frozenset(VI_SCALES),
    examples={
        "hàng nghìn, vài trăm, hàng chục nghìn": "thousands (word); hundreds (word); tens of thousands (word)",
        "Trăm tỷ đồng, ông Triệu, bà Vạn": "hundreds of billions or 100 billion (word)",
        "vài phần nghìn giây, một phần nghìn tỷ": "1 (optional); trillions or 1 trillion (word)",
    },
)


def _vi_optional(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a word that can answer for a number."""
    value, kind, unit = _VI_OPTIONAL[match[0]]
    return (scanned.quantity(match.span(), value, kind, unit=unit, salience="optional"),)


VI_OPTIONAL_WORD: Final = Rule(
    name="Vietnamese: optional word",
    pattern=re.compile(rf"{START}(?:{any_of(_VI_OPTIONAL)}){END}"),
    read=_vi_optional,
    needs=needs(" ".join(_VI_OPTIONAL)),
    examples={
        "một cặp vợ chồng duy nhất": "1 (optional); 2 (optional); 1 (optional)",
    },
)


# English


_EN_SOME: Final = "hundred|thousand|million|billion"
# 17.3 billions, two millions: what a number counts; not "In 2019 millions", nor "On March 8 millions"
_EN_COUNTED: Final = re.compile(
    rf"(?:(?<![0-9.,])(?!(?:19|20)[0-9][0-9][ -])[0-9][0-9.,]*|{START}(?:{any_of(EN_ONES | EN_TENS)}))[ -]\Z"
)
_EN_DAY_OF_MONTH: Final = re.compile(rf"(?:{any_of(name.lower() for name in MONTHS)}) [0-9]{{1,2}}[ -]\Z")
EN_VAGUE_VALUES: Final = {
    "tens": 10, "dozen": 10, "dozens": 10, "scores": 10, "hundred": 10**2, "hundreds": 10**2, "thousand": 10**3,
    "thousands": 10**3, "million": 10**6, "millions": 10**6, "billion": 10**9, "billions": 10**9, "trillions": 10**12,
}  # fmt: skip
_EN_ORDINAL_BEFORE: Final = re.compile(rf"{START}(?:{any_of(EN_ORDINALS)}|[0-9](?:st|nd|rd|th))[ -]\Z")


def _en_optional_words() -> dict[str, tuple[Fraction, Kind, str]]:
    table: tuple[tuple[str, list[str], Kind, str], ...] = (
        ("0", "zero nil nought goalless scoreless".split(), "number", ""),
        ("1", "single sole".split(), "number", ""),
        (
            "2",
            "both pair pairs couple couples dual twin twins duo either neither bilateral brace latter".split(),
            "number",
            "",
        ),
        ("3", "trio trilateral hat-trick triplets".split(), "number", ""),
        ("12", "dozen".split(), "number", ""),
        ("100", "hundred centennial centenary century-old".split(), "number", ""),
        ("1000", "thousand millennium".split(), "number", ""),
        ("1000000", "million".split(), "number", ""),
        ("1000000000", "billion".split(), "number", ""),
        ("1000000000000", "trillion".split(), "number", ""),
        ("1", "once".split(), "multiple", ""),
        ("2", "twice double doubled doubling doubles doubly twofold".split(), "multiple", ""),
        ("3", "triple tripled tripling triples threefold thrice".split(), "multiple", ""),
        ("4", "quadruple quadrupled fourfold".split(), "multiple", ""),
        ("5", ["fivefold"], "multiple", ""),
        ("10", ["tenfold"], "multiple", ""),
        ("1/2", "half halved halves".split(), "fraction", ""),
        ("1/4", "quarter".split(), "fraction", ""),
        ("1", ["decade"], "measure", "decades"),
        ("1", "century".split(), "measure", "centuries"),
        ("2", "fortnight".split(), "measure", "weeks"),
        ("3", "quarterly".split(), "measure", "months"),
        ("6", "half-year".split(), "measure", "months"),
    )
    found: dict[str, tuple[Fraction, Kind, str]] = {
        name: (Fraction(value), kind, unit) for value, names, kind, unit in table for name in names
    }
    decades = {word.removesuffix("y") + "ies": value for word, value in EN_TENS.items()}  # his thirties, the nineties
    return found | {word: (Fraction(value), "number", "") for word, value in decades.items()}


_EN_OPTIONAL: Final = _en_optional_words()


def _en_vague(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read tens of thousands, several hundred; not the billions of 17.3 billions."""
    before = scanned.lowercased[max(0, match.start() - 32) : match.start()]
    if (
        match[0] in ("millions", "billions", "trillions")
        and _EN_COUNTED.search(before)
        and not _EN_DAY_OF_MONTH.search(before)
    ):
        return None
    value = 1
    for word in match[0].replace("-", " ").split():
        value *= EN_VAGUE_VALUES.get(word, 1)
    return (scanned.quantity(match.span(), value, "vague", salience="word"),)


EN_VAGUE: Final = Rule(
    name="English: vague",
    pattern=re.compile(
        rf"{START}(?:(?:tens|dozens|scores(?= of)|hundreds|thousands|millions|billions|trillions)"
        rf"(?:[ -]of[ -](?:hundreds|thousands|millions|billions|trillions)){{0,2}}"
        rf"|(?:a few|several|some) (?:{_EN_SOME}|dozen)(?: (?:{_EN_SOME}))?){END}"
    ),
    read=_en_vague,
    needs=frozenset(EN_VAGUE_VALUES),
    examples={
        "tens of thousands, several hundred": "tens of thousands (word); hundreds (word)",
        "tens of thousands": "tens of thousands (word)",
        "a tens-of-billions house": "tens of billions (word)",
    },
)


def _en_optional(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a word that can answer for a number."""
    value, kind, unit = _EN_OPTIONAL[match[0]]
    alternatives: tuple[Reading, ...] = ()
    if match[0] in ("half", "quarter"):  # of a hundred, of a year, of an hour; and the half, the quarter
        alternatives = (
            Reading(value * 100, "percent"),
            Reading(value * 12, "measure", "months"),
            Reading(value * 60, "measure", "minutes"),
        )
        if not _EN_ORDINAL_BEFORE.search(scanned.lowercased, max(0, match.start() - 12), match.start()):
            alternatives = (*alternatives, Reading(1 / value, "ordinal"))
    elif kind == "multiple":  # doubled: up by 100 %, to 200 %
        alternatives = (Reading((value - 1) * 100, "percent"), Reading(value * 100, "percent"))
    return (scanned.quantity(match.span(), value, kind, unit=unit, alternatives=alternatives, salience="optional"),)


EN_OPTIONAL_WORD: Final = Rule(
    name="English: optional word",
    pattern=re.compile(rf"{START}(?:{any_of(_EN_OPTIONAL)}){END}"),
    read=_en_optional,
    needs=needs(" ".join(_EN_OPTIONAL).replace("-", " ")),
    examples={
        "both": "2 (optional)",
        "twice": "twice (double) or 100% or 200% (optional)",
        "a decade": "1 decade (optional)",
        "a pair of twins": "2 (optional); 2 (optional)",
    },
)
