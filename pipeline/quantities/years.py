"""Years, decades and seasons: `năm 2015`, `tháng 9/2023`, `thập niên 90`, "the 1990s", "2019-20"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities.dates import MONTHS_OF_YEAR
from pipeline.quantities.patterns import END, START, needs
from pipeline.quantities.scanned_text import DIGIT, Rule, ScannedText
from pipeline.quantities.values import Quantity, Reading


def _short_years(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 2019-20: the second year is abbreviated to its last digits."""
    first, last = int(match[1] + match[2]), int(match[1] + match[3])
    if not first < last <= first + 30:
        return None
    short = Reading(Fraction(int(match[3])), "number")
    return (
        scanned.quantity((match.start(), match.end(2)), first, "year"),
        scanned.quantity(match.span(3), last, "year", alternatives=(short,)),
    )


SHORT_YEARS: Final = Rule(
    name="short years",
    pattern=re.compile(r"(?<![\w.,/-])(1[0-9]|20)([0-9]{2})[-–/]([0-9]{2})(?![\w/-]|[.,][0-9]|[–%])"),
    read=_short_years,
    needs=needs(DIGIT),
    examples={
        "mùa giải 2019-20": "year 2019; year 2020 or 20",
        "the 2019-20 season": "year 2019; year 2020 or 20",
    },
)


# Vietnamese


def _vi_month_year(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    month = int(match[1])
    if not 1 <= month <= MONTHS_OF_YEAR:
        return None
    number = Reading(Fraction(month), "number")  # a decree's number and year
    return (
        scanned.quantity(match.span(1), month, "month", alternatives=(number,)),
        scanned.quantity(match.span(2), int(match[2]), "year"),
    )


VI_MONTH_YEAR: Final = Rule(
    name="Vietnamese: month year",
    pattern=re.compile(r"(?<![0-9/.,-])([0-9]{1,2})[/-]((?:19|20)[0-9][0-9])(?![0-9/-])"),
    read=_vi_month_year,
    needs=needs(DIGIT),
    examples={
        "9/2023 và 10-2023": "September or 9; year 2023; October or 10; year 2023",
    },
)


def _vi_decade(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = int(match[1])
    return (scanned.quantity(match.span(1), value, "decade", alternatives=(Reading(Fraction(value), "number"),)),)


VI_DECADE: Final = Rule(
    name="Vietnamese: decade",
    pattern=re.compile(
        rf"{START}(?:thập niên|thập kỷ|thập kỉ|những năm|các năm)[ ](?:của thế kỷ \S+ )?"
        rf"([0-9]{{2}}|[0-9]{{3}}0)(?![0-9/%-]|[.,][0-9])"
    ),
    read=_vi_decade,
    needs=needs(DIGIT),
    examples={
        "thập niên 90, những năm 1980": "90s or 90; 1980s or 1980",
    },
)


def _vi_born_in(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 9X: people born in the nineties."""
    decade = int(match[1]) * 10
    alternatives = (Reading(Fraction(decade), "number"), Reading(Fraction(match[1]), "number"))
    return (scanned.quantity(match.span(), decade, "decade", alternatives=alternatives, salience="word"),)


VI_BORN_IN: Final = Rule(
    name="Vietnamese: born in",
    pattern=re.compile(rf"{START}([6-9])x{END}"),
    read=_vi_born_in,
    needs=needs("x"),
    examples={
        "nhóm 8X": "80s or 80 or 8 (word)",
    },
)


def _vi_year(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (scanned.quantity(match.span(1), int(match[1]), "year"),)


VI_YEAR: Final = Rule(
    name="Vietnamese: year",
    pattern=re.compile(rf"{START}năm[ ](1[0-9]{{3}}|20[0-9][0-9])(?![^\W_]|[.,][0-9]{{3}})"),
    read=_vi_year,
    needs=needs(DIGIT),
    examples={
        "năm người, năm 2015, năm nay, năm năm": "5 (word); year 2015; 5 years (word)",
        "ngày 8 tháng 3 năm 2020": "day 8; March; year 2020",
        "tháng Ba và 2 triệu, tháng ba và năm 2020": "March; 2 million; March; year 2020",
        "năm 1975": "year 1975",
    },
)


# English


def _en_decade(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = int(match[1])
    return (scanned.quantity(match.span(), value, "decade", alternatives=(Reading(Fraction(value), "number"),)),)


EN_DECADE: Final = Rule(
    name="English: decade",
    pattern=re.compile(rf"(?<![\w.,])['’]?((?:1[0-9]|20)?[0-9]0)(?:['’]?s){END}"),
    read=_en_decade,
    needs=needs("s"),
    examples={
        "the 1990s, the '90s": "1990s or 1,990; 90s or 90",
        "in the 1990s": "1990s or 1,990",
    },
)


def _en_month_year(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    month = int(match[1])
    if not 1 <= month <= MONTHS_OF_YEAR:
        return None
    return (
        scanned.quantity(match.span(1), month, "number", alternatives=(Reading(Fraction(month), "month"),)),
        scanned.quantity(match.span(2), int(match[2]), "year"),
    )


EN_MONTH_YEAR: Final = Rule(
    name="English: month year",
    pattern=re.compile(r"(?<![0-9/.,-])([0-9]{1,2})[/-]((?:19|20)[0-9][0-9])(?![0-9/-])"),
    read=_en_month_year,
    needs=needs(DIGIT),
    examples={
        "10/2023": "10 or October; year 2023",
    },
)


def _en_year(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (scanned.quantity(match.span(1), int(match[1]), "year"),)


EN_YEAR: Final = Rule(
    name="English: year",
    pattern=re.compile(
        rf"{START}(?:in|since|from|until|by|of|early|late|mid)[ -](1[0-9]{{3}}|20[0-9][0-9])"
        rf"(?![\w%]|[.,][0-9]{{3}}|[ ]\w+s{END})"
    ),
    read=_en_year,
    needs=needs(DIGIT),
    examples={
        "the second half of 2023": "second half or 2nd (word); year 2023",
        "in 2019": "year 2019",
    },
)
