"""Fractions, halves and multiples: `hai phần ba`, `nửa đầu năm`, `gấp đôi`, "two-thirds", "half an hour"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities.number_words import EN_HALVES, EN_ONES, EN_PARTS, EN_QUARTERS, EN_SCALES, VI_DIGITS, VI_SCALES
from pipeline.quantities.patterns import END, START, any_of, needs
from pipeline.quantities.scanned_text import Rule, ScannedText
from pipeline.quantities.units import EN_UNITS, VI_UNITS, named, of_time
from pipeline.quantities.values import Quantity, Reading, Salience

# Vietnamese


def _vi_knockout(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read vòng 1/8: the round of 16."""
    below = int(match[1])
    alternatives = tuple(Reading(Fraction(value), "number") for value in (2 * below, below, 1))
    return (
        scanned.quantity(
            (match.start(1) - 2, match.end()),
            Fraction(1, below),
            "fraction",
            alternatives=alternatives,
            salience="optional",
        ),
    )


VI_KNOCKOUT: Final = Rule(
    name="Vietnamese: knockout",
    pattern=re.compile(rf"{START}vòng 1/(2|4|8|16|32)(?![\w/]|[.,][0-9])"),
    read=_vi_knockout,
    needs=needs("vòng"),
    examples={
        "vào vòng 1/8": "0.125 or 16 or 8 or 1 (optional)",
    },
)


def _vi_fraction(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    above = VI_DIGITS.get(match[1]) or int(match[1])
    below = 10 if match[2] == "mười" else VI_DIGITS.get(match[2]) or int(match[2])
    if not below:
        return None
    parts = (Reading(Fraction(above), "number"), Reading(Fraction(below), "number"))
    return (scanned.quantity(match.span(), Fraction(above, below), "fraction", alternatives=parts),)


VI_FRACTION: Final = Rule(
    name="Vietnamese: fraction",
    pattern=re.compile(
        rf"{START}([0-9]{{1,2}}|{any_of(VI_DIGITS)})[ ]phần[ ]([0-9]{{1,3}}|mười|{any_of(VI_DIGITS)})"
        r"(?![^\W_]|[ ]triệu)"
    ),
    read=_vi_fraction,
    needs=needs("phần"),
    examples={
        "hai phần ba": "2/3 or 2 or 3",
    },
)


def _vi_half_of_year(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    said = match["part"] or match["months"] or match["number"]
    value = 1 if said in ("đầu", "một", "1", "nhất") else 2
    of_year = match["months"] or match["year"]
    alternatives = (Reading(Fraction(6), "measure", "months"),) if of_year else (Reading(Fraction(value), "ordinal"),)
    salience: Salience = "figure" if match["months"] else "word" if of_year else "optional"
    return (scanned.quantity(match.span(), value, "half", alternatives=alternatives, salience=salience),)


# nửa đầu năm and 6 tháng đầu năm are the same half of a year
VI_HALF_OF_YEAR: Final = Rule(
    name="Vietnamese: half of year",
    pattern=re.compile(
        rf"{START}(?:nửa (?P<part>đầu|cuối|sau)(?=[ ](?P<year>năm|20[0-9][0-9])|)"
        rf"|(?:6|sáu) tháng (?P<months>đầu|cuối)(?! tiên| đời)"
        rf"|hiệp (?P<number>một|hai|1|2|đầu|nhất)(?! tiên)){END}"
    ),
    read=_vi_half_of_year,
    needs=needs("nửa tháng hiệp"),
    examples={
        "nửa đầu năm": "first half or 6 months (word)",
        "nửa cuối 2023": "second half or 6 months (word); 2023",
        "sáu tháng đầu năm": "first half or 6 months",
        "hiệp một": "first half or 1st (optional)",
        "nửa sau": "second half or 2nd (optional)",
    },
)


def _vi_half_a(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read half an hour; half a month may be translated as two weeks or fifteen days."""
    unit = named(VI_UNITS, match["unit"]).name
    alternatives: tuple[Reading, ...] = (Reading(Fraction(1, 2), "fraction"), Reading(Fraction(50), "percent"))
    if unit == "months":
        alternatives = (*alternatives, Reading(Fraction(2), "measure", "weeks"))
    return (
        scanned.quantity(
            match.span(), Fraction(1, 2), "measure", unit=unit, alternatives=alternatives, salience="optional"
        ),
    )


VI_HALF_A: Final = Rule(
    name="Vietnamese: half a",
    pattern=re.compile(rf"{START}nửa {of_time(VI_UNITS)}(?! (?:đầu|cuối|sau){END})"),
    read=_vi_half_a,
    needs=needs("nửa"),
    examples={
        "nửa tiếng": "0.5 hours or 0.5 or 50% (optional)",
    },
)


def _vi_half(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match["scale"]:
        return (scanned.quantity(match.span(), Fraction(VI_SCALES[match["scale"]], 2), "number"),)
    return (
        scanned.quantity(
            match.span(),
            Fraction(1, 2),
            "fraction",
            alternatives=(Reading(Fraction(50), "percent"),),
            salience="optional",
        ),
    )


VI_HALF: Final = Rule(
    name="Vietnamese: half",
    pattern=re.compile(rf"{START}(?:(?:một|1)[ ])?nửa{END}(?:[ ](?P<scale>triệu|tỷ|tỉ|nghìn|ngàn){END})?"),
    read=_vi_half,
    needs=needs("nửa"),
    examples={
        "nửa triệu": "500,000",
    },
)


def _vi_fold(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    name = match[1]
    value = {"đôi": Fraction(2), "rưỡi": Fraction(3, 2)}.get(name) or Fraction(VI_DIGITS[name])
    alternatives = [Reading((value - 1) * 100, "percent"), Reading(value * 100, "percent")]  # up by 100 %, to 200 %
    if name == "rưỡi":
        alternatives.append(Reading(Fraction(1, 2), "fraction"))
    return (scanned.quantity(match.span(), value, "multiple", alternatives=tuple(alternatives), salience="word"),)


VI_FOLD: Final = Rule(
    name="Vietnamese: fold",
    pattern=re.compile(
        rf"{START}gấp[ ](?:hơn |gần |khoảng )?(đôi|rưỡi|{any_of(VI_DIGITS)}){END}(?![ ](?:mươi|trăm|nghìn))"
    ),
    read=_vi_fold,
    needs=needs("gấp"),
    examples={
        "gấp đôi": "twice (double) or 100% or 200% (word)",
        "gấp rưỡi": "1.5 times or 50% or 150% or 0.5 (word)",
        "gấp ba": "3 times or 200% or 300% (word)",
    },
)


# English


_EN_OF_YEAR = re.compile(r" of (?:the |this |last |next )?(?:fiscal |financial )?(?:year|20[0-9][0-9])")


def _en_half(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read the first half of a year or a match; H1; the first six months, which are no half of anything else."""
    if match["number"] and not scanned.text[match.start()].isupper():
        return None
    value = int(match["number"]) if match["number"] else 1 if match["first"] else 2
    alternatives = Reading(Fraction(6), "measure", "months") if match["months"] else Reading(Fraction(value), "ordinal")
    of_year = match["number"] or match["months"] or _EN_OF_YEAR.match(scanned.lowercased, match.end())
    return (
        scanned.quantity(
            match.span(), value, "half", alternatives=(alternatives,), salience="word" if of_year else "optional"
        ),
    )


EN_HALF: Final = Rule(
    name="English: half",
    pattern=re.compile(
        rf"{START}(?:(?:(?P<first>first|1st|opening)|second|2nd|latter|last|final)[ -]"
        rf"(?:half|(?P<months>six months|6 months))"
        rf"|h(?P<number>[12])){END}"
    ),
    read=_en_half,
    needs=needs("half h months"),
    examples={
        "the first half of the year": "first half or 1st (word)",
        "H2": "second half or 2nd (word)",
        "the last six months": "second half or 6 months (word)",
        "scored in the second half": "second half or 2nd (optional)",
    },
)


def _en_half_a(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read half an hour."""
    alternatives = (Reading(Fraction(1, 2), "fraction"), Reading(Fraction(50), "percent"))
    unit = named(EN_UNITS, match["unit"]).name
    return (
        scanned.quantity(
            match.span(), Fraction(1, 2), "measure", unit=unit, alternatives=alternatives, salience="optional"
        ),
    )


EN_HALF_A: Final = Rule(
    name="English: half a",
    pattern=re.compile(rf"{START}(?:half (?:an?|the) |(?<!and )an? half[ -]){of_time(EN_UNITS)}"),
    read=_en_half_a,
    needs=needs("half"),
    examples={
        "half an hour": "0.5 hours or 0.5 or 50% (optional)",
        "half a year": "0.5 years or 0.5 or 50% (optional)",
    },
)


def _en_unit_and_half(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read an hour and a half."""
    unit = named(EN_UNITS, match["unit"]).name
    return (scanned.quantity(match.span(), Fraction(3, 2), "measure", unit=unit, salience="word"),)


EN_UNIT_AND_HALF: Final = Rule(
    name="English: unit and half",
    pattern=re.compile(rf"{START}an? {of_time(EN_UNITS)} and a half{END}"),
    read=_en_unit_and_half,
    needs=needs("half"),
    examples={
        "an hour and a half, three months and a half": "1.5 hours (word); 3.5 months (word)",
        "an hour and a half": "1.5 hours (word)",
    },
)


def _en_fraction(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    above, below = match["above"], EN_PARTS[match["below"]]
    upper = 1 if above == "a" else EN_ONES.get(above) or int(above)
    if (above == "a" and below == EN_HALVES) or upper == 0:  # and a half
        return None
    value = Fraction(upper, below)
    alternatives = [
        Reading(Fraction(below), "ordinal"),
        Reading(Fraction(upper), "number"),
        Reading(Fraction(below), "number"),
    ]
    if below == EN_QUARTERS:  # of a year
        alternatives.append(Reading(Fraction(upper * 3), "measure", "months"))
    alternatives.append(Reading(value * 100, "percent"))
    salience: Salience = "optional" if upper == 1 else "figure"
    return (scanned.quantity(match.span(), value, "fraction", alternatives=tuple(alternatives), salience=salience),)


EN_FRACTION: Final = Rule(
    name="English: fraction",
    pattern=re.compile(rf"{START}(?P<above>[0-9]{{1,2}}|a|{any_of(EN_ONES)})[ -](?P<below>{any_of(EN_PARTS)}){END}"),
    read=_en_fraction,
    needs=frozenset(EN_PARTS),
    examples={
        "two-thirds": "2/3 or 3rd or 2 or 3 or 200/3%",
        "three quarters": "0.75 or 4th or 3 or 4 or 9 months or 75%",
    },
)


def _en_part_in(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read two parts in a thousand; the figures may be told apart in Vietnamese: `hai trên một nghìn`."""
    above, below = match["above"], EN_SCALES[match["below"]]
    upper = EN_ONES.get(above) or int(above)
    share = Fraction(upper, below)
    alternatives = (
        Reading(Fraction(upper), "number"),
        Reading(Fraction(below), "number"),
        Reading(share * 100, "percent"),
    )
    salience: Salience = "optional" if upper == 1 else "figure"
    return (scanned.quantity(match.span(), share, "fraction", alternatives=alternatives, salience=salience),)


EN_PART_IN: Final = Rule(
    name="English: part in",
    pattern=re.compile(
        rf"(?<![\w.,])(?P<above>[0-9]{{1,3}}|{any_of(EN_ONES)})(?: parts?)? (?:in|out of|to|per) (?:an?|one|every)"
        rf" (?P<below>hundred|thousand|million|billion|trillion){END}"
    ),
    read=_en_part_in,
    needs=needs("hundred thousand million billion trillion"),
    examples={
        "one in a thousand": "0.001 or 1 or 1,000 or 0.1% (optional)",
        "2 parts in a million": "0.000002 or 2 or 1 million or 0.0002%",
    },
)
