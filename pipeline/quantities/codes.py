"""Figures of names: telephone numbers, number plates, `U23`, `QL1A`; Covid-19 and B.1.617 hold no number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities.patterns import END, START, needs
from pipeline.quantities.scanned_text import DIGIT, Rule, ScannedText
from pipeline.quantities.units import SIGNS
from pipeline.quantities.values import Quantity, Reading, Salience

_FEWEST_OF_A_TELEPHONE, _MOST_OF_A_TELEPHONE = 8, 12  # digits
_DATE_LIKE = re.compile(r"[0-3]?[0-9][.-][01]?[0-9][.-](?:19|20)[0-9][0-9](?![0-9])")


# the variant B.1.617
VIRUS_VARIANT: Final = Rule(
    name="variant of a virus",
    pattern=re.compile(rf"{START}(?:b|[a-z](?=\.[0-9]+\.))(?:\.[0-9]+){{1,4}}{END}"),  # not U.23, Q.4
    read=None,
    needs=needs(DIGIT),
    examples={
        "Covid-19, SARS-CoV-2, biến thể B.1.617": "",
        "biến thể B.1.617 gây Covid-19": "",
        "B.1.617": "",
        "P.1.2, B.1": "",
    },
)


_LARGEST_PART: Final = 1000  # of a version, each part of which is below it


def _software_version(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = 0
    for part in match["version"].split("."):
        value = value * _LARGEST_PART + int(part) + 1
    return (scanned.quantity(match.span("version"), value, "code"),)


SOFTWARE_VERSION: Final = Rule(
    name="version of software",
    pattern=re.compile(
        rf"{START}(?:i(?:pad)?os|macos|watchos|tvos|android|windows|linux|firmware|phiên bản|version|v|beta)[ ]?"
        rf"(?P<version>[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{2,3}}){END}"
    ),
    read=_software_version,
    needs=needs("ios ipados macos watchos tvos android windows linux firmware bản version v beta"),
    examples={
        "iOS 10.3.3, version 2.0.1": "10.3.3; 2.0.1",
    },
)


def code(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a telephone number or a number plate, however its groups are parted: 0912.345.678 is 0912 345 678."""
    written = scanned.text[match.start() : match.end()]
    if match["plate"]:
        if not match["letters"].isalpha() or not scanned.text[match.start("letters")].isupper():
            return None
        # every letter counts: 51A is not 51B
        signs = [sign for sign in written.upper().replace("Đ", "D") if sign.isalnum() and sign.isascii()]
        return (scanned.quantity(match.span(), int("".join(signs), 36), "code"),)
    digits = re.sub(r"[^0-9]", "", written.removeprefix("+84"))
    if not (_FEWEST_OF_A_TELEPHONE <= len(digits) <= _MOST_OF_A_TELEPHONE) or _DATE_LIKE.match(written):
        return None
    return (scanned.quantity(match.span(), int(digits), "code"),)


CODE: Final = Rule(
    name="telephone number, number plate",
    pattern=re.compile(
        r"(?<![\w.,/+-])(?:(?P<plate>[0-9]{2}[ ]?-?[ ]?(?P<letters>[a-zđ]{1,2})[0-9]?[ ]?[-–.]?[ ]?"
        r"(?:[0-9]{3}[.,][0-9]{2}|[0-9]{4,5}))"
        r"|(?:\+84[ .-]?|\(?0)[0-9]{1,4}\)?(?:[ .-]?[0-9]{2,4}){2,4}|1[89]00[ .-]?[0-9]{4})(?!\w|[.,/-][0-9])"
    ),
    read=code,
    needs=needs(DIGIT),
    examples={
        "0912.345.678, (028) 3822 1234, 1900 1234": "0912.345.678; (028) 3822 1234; 1900 1234",
        "51A-123.45, 29H1-234.56, QL21B": "51A-123.45; 29H1-234.56; 21 (word)",
        "0912 345 678, plate 51A-123.45": "0912 345 678; 51A-123.45",
    },
)


# Vietnamese


# Names of a virus and words of the clock that hold no number of their own.
VI_NO_NUMBER: Final = Rule(
    name="Vietnamese: no number",
    pattern=re.compile(
        rf"{START}(?:(?:sars-|n|2019-n)?cov(?:id)?[ ‐-–-]{{0,3}}(?:2019|19|2)|2019[ -]?ncov"
        rf"|corona(?: ?virus)? 2019(?:[-–]20)?){END}"
    ),
    read=None,
    needs=needs("cov covid ncov corona coronavirus"),
    examples={
        "- 5 người, F-16, Covid-19, 10 ngày âm lịch": "5; 16 (word); 10 days",
    },
)


def _vi_more_time(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read phút 90+3, which is the 93rd too."""
    minute = (Reading(Fraction(int(match[1]) + int(match[2])), "number"),)
    return [scanned.quantity(match.span(group), int(match[group]), "number", alternatives=minute) for group in (1, 2)]


VI_MORE_TIME: Final = Rule(
    name="Vietnamese: more time",
    pattern=re.compile(r"(?<![\w.,])(45|90|105|120)[ ]?['’]?\+[ ]?([0-9]{1,2})(?!\w|[.,][0-9])"),
    read=_vi_more_time,
    needs=needs(DIGIT),
    examples={
        "phút 90+3, thế hệ 9X": "90 or 93; 3 or 93; 90s or 90 or 9 (word)",
    },
)


def _vi_label(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read the number of a name: U23, F0, QL1A."""
    if match[1] in SIGNS or not scanned.text[match.start()].isupper():
        return None
    weekday = match[1] == "t" and match[2] in "234567"  # T2-T6: Monday to Friday
    alternatives = (Reading(Fraction(int(match[2]) - 1), "weekday"),) if weekday else ()
    return (scanned.quantity(match.span(), int(match[2]), "number", alternatives=alternatives, salience="word"),)


VI_LABEL: Final = Rule(
    name="Vietnamese: number of a name",
    pattern=re.compile(
        r"(?<![^\W_])([a-zđ]{1,5})(?:-|(?<![a-zđ]{2})\.)?([0-9]{1,4})(?:[a-zđ](?![^\W_])|(?![^\W_]|[.,][0-9]))"
    ),
    read=_vi_label,
    needs=needs(DIGIT),
    examples={
        "U23, F0": "23 (word); 0 (word)",
        "tuyển U.23 ở Q.4": "23 (word); 4 (word)",
    },
)


# English


EN_NO_NUMBER: Final = Rule(
    name="English: no number",
    pattern=re.compile(
        rf"{START}(?:(?:sars-|n|2019-n)?cov(?:id)?[ ‐-–-]{{0,3}}(?:2019|19|2)|2019[ -]?ncov"
        rf"|2019(?:[-–]20)? (?:novel )?coronavirus|corona ?virus(?: disease)? 2019){END}"
    ),
    read=None,
    needs=needs("cov covid ncov coronavirus corona"),
    examples={
        "Covid-19, the 2019–20 coronavirus pandemic": "",
    },
)


EN_FOOTNOTE: Final = Rule(
    name="English: footnote",
    pattern=re.compile(r"(?<=[a-z])\([0-9]{1,2}\)|(?<=[a-z]) \([0-9]\)"),
    read=None,
    needs=needs(DIGIT),
    examples={
        "he is ill(3)": "",
    },
)


def _en_label(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read the number of a name: U23, G20, QL1A. Covid-19 is skipped by an earlier rule: there is no Covid-91."""
    if match[1] in SIGNS or match[1] == "mid" or not scanned.text[match.start()].isupper():
        return None
    salience: Salience = "figure" if match[1] == "covid" else "word"
    return (scanned.quantity(match.span(), int(match[2]), "number", salience=salience),)


EN_LABEL: Final = Rule(
    name="English: label",
    pattern=re.compile(r"(?<![^\W_])([a-z]{1,5})-?([0-9]{1,4})(?:[a-zđ](?![^\W_])|(?![^\W_]|[.,][0-9]))"),
    read=_en_label,
    needs=needs(DIGIT),
    examples={
        "won 2-1, 2 -1, the F-16, 15-20 degrees Celsius": "2; 1; 2; 1; 16 (word); 15 or 15 °C; 20 °C",
        "a 1.72m wall, chip M2": "1.72 million or 1.72 m; 2 (word)",
        "U23, Covid-91": "23 (word); 91",
    },
)
