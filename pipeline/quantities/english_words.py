"""The English words of numbers, and what may stand beside a number."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from pipeline.quantities.units import ENGLISH, SIGNS, alternatives, beside
from pipeline.quantities.values import MONTHS, Kind

START: Final = r"(?<![^\W_])"
END: Final = r"(?![^\W_])"

ONES: Final = {
    word: value
    for value, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen".split(),
        start=1,
    )
}
TENS: Final = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
SCALES: Final = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "mn": 10**6,
    "mln": 10**6, "mil": 10**6, "bn": 10**9, "bln": 10**9, "tn": 10**12, "trn": 10**12, "quadrillion": 10**15,
    "dozen": 12, "k": 10**3, "m": 10**6, "b": 10**9,
}  # fmt: skip
ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40,
    "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
    "thousandth": 1000,
}  # fmt: skip
HALF: Final = 2
QUARTER: Final = 4
PARTS: Final = {"half": HALF, "halves": HALF, "quarter": QUARTER, "quarters": QUARTER} | {
    name + plural: value for name, value in ORDINALS.items() if value > HALF for plural in ("", "s")
}

# Vague numbers: tens of thousands, several hundred

_SOME: Final = "hundred|thousand|million|billion"
VAGUE: Final = re.compile(
    rf"{START}(?:(?:tens|dozens|scores(?= of)|hundreds|thousands|millions|billions|trillions)"
    rf"(?: of (?:hundreds|thousands|millions|billions|trillions)){{0,2}}"
    rf"|(?:a few|several|some) (?:{_SOME}|dozen)(?: (?:{_SOME}))?){END}"
)
# 17.3 billions, two millions: what a number counts; not "In 2019 millions", nor "On March 8 millions"
COUNTED: Final = re.compile(
    rf"(?:(?<![0-9.,])(?!(?:19|20)[0-9][0-9][ -])[0-9][0-9.,]*|{START}(?:{alternatives(ONES | TENS)}))[ -]\Z"
)
DAY_OF_MONTH: Final = re.compile(rf"(?:{alternatives(name.lower() for name in MONTHS)}) [0-9]{{1,2}}[ -]\Z")
VAGUE_VALUES: Final = {
    "tens": 10, "dozen": 10, "dozens": 10, "scores": 10, "hundred": 10**2, "hundreds": 10**2, "thousand": 10**3,
    "thousands": 10**3, "million": 10**6, "millions": 10**6, "billion": 10**9, "billions": 10**9, "trillions": 10**12,
}  # fmt: skip

# Numerals: figures and words with their scale words

_FIGURE: Final = r"[0-9]+(?:[.,][0-9]+)*"
_BELOW_HUNDRED: Final = (
    rf"(?:(?:{alternatives(TENS)})(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|{alternatives(ONES)}){END}"
)
_BELOW_THOUSAND: Final = rf"(?:(?:{_BELOW_HUNDRED}|a) hundred(?:(?: and)? {_BELOW_HUNDRED})?|{_BELOW_HUNDRED})"
_ATOM: Final = rf"(?:{_FIGURE}|{_BELOW_THOUSAND})"
_NAME: Final = (
    rf"(?:hundreds?|thousands?|millions?|billions?|trillions?|quadrillions?|dozen|mln|bln|trn|mn|mil|bn|tn){END}"
)
_SCALE: Final = rf"(?:[ \xa0-]?{_NAME})"
_LETTER: Final = rf"(?<=[0-9])[kmb]{END}"  # $3.5m; 3.5 m is a length
PART: Final = re.compile(rf"(?P<atom>{_ATOM}|half an?|half|an?)(?P<scales>{_SCALE}{{1,3}}|{_LETTER}|)")
NUMERAL: Final = re.compile(
    rf"(?:{START}|(?<=[a-zđ])(?=[0-9]))"  # VND5
    rf"(?:{_ATOM}(?:{_SCALE}{{1,3}}|{_LETTER})?|(?:half )?an? {_NAME}(?:[ ]{_NAME})?|half {_NAME})"
    rf"(?:(?:,? and|,)? {_ATOM}{_SCALE})*(?:(?:,? and)? {_BELOW_THOUSAND}{END}(?! {_NAME}))?"
    rf"(?: and a half{END}(?: {_NAME})?)?"
)
ANY_SCALE: Final = re.compile(rf"{_NAME}|[kmb]{END}")
LABEL: Final = re.compile(r"(?<![^\W_])([a-z]{1,5})-?([0-9]{1,4})(?:[a-zđ](?![^\W_])|(?![^\W_]|[.,][0-9]))")

# Words that can answer for a number, and need not be answered


def _loose() -> dict[str, tuple[Fraction, Kind, str]]:
    table: tuple[tuple[str, str, Kind, str], ...] = (
        ("0", "zero nil nought goalless scoreless", "number", ""),
        ("1", "single sole", "number", ""),
        ("2", "both pair pairs couple couples dual twin twins duo either neither bilateral brace latter", "number", ""),
        ("3", "trio trilateral hat-trick triplets", "number", ""),
        ("12", "dozen", "number", ""),
        ("100", "hundred centennial centenary century-old", "number", ""),
        ("1000", "thousand millennium", "number", ""),
        ("1000000", "million", "number", ""),
        ("1000000000", "billion", "number", ""),
        ("1000000000000", "trillion", "number", ""),
        ("1", "once", "multiple", ""),
        ("2", "twice double doubled doubling doubles doubly twofold two-fold", "multiple", ""),
        ("3", "triple tripled tripling triples threefold three-fold thrice", "multiple", ""),
        ("4", "quadruple quadrupled fourfold four-fold", "multiple", ""),
        ("5", "fivefold five-fold", "multiple", ""),
        ("10", "tenfold ten-fold", "multiple", ""),
        ("1/2", "half halved halves", "fraction", ""),
        ("1/4", "quarter", "fraction", ""),
        ("1", "decade decade-long", "measure", "decades"),
        ("1", "century", "measure", "centuries"),
        ("2", "fortnight", "measure", "weeks"),
        ("3", "quarterly", "measure", "months"),
        ("6", "half-year", "measure", "months"),
    )
    found: dict[str, tuple[Fraction, Kind, str]] = {
        name: (Fraction(value), kind, unit) for value, names, kind, unit in table for name in names.split()
    }
    decades = {word.removesuffix("y") + "ies": value for word, value in TENS.items()}  # his thirties, the nineties
    return found | {word: (Fraction(value), "number", "") for word, value in decades.items()}


LOOSE: Final = _loose()
LOOSE_WORD: Final = re.compile(rf"{START}(?:{alternatives(LOOSE)}){END}")

ORDINAL_BEFORE: Final = re.compile(rf"{START}(?:{alternatives(ORDINALS)}|[0-9](?:st|nd|rd|th))[ -]\Z")

# What stands beside a number

UNIT: Final = re.compile(rf"[ \xa0-]?{beside(ENGLISH)}(?!['’]t)")
NO_UNIT: Final = re.compile(
    r"[ -](?:second(?! \w+ (?:later|after|before))|h|min|l|us|day[ -]care"
    rf"|won (?:the|a|an|by|in|his|her|their|gold|silver|\w+ medals?)){END}"
)
PERCENT: Final = re.compile(rf"[ \xa0-]?(?:%|per[ -]?cents?{END}|pct|percentage[ -]points?|pp{END})")
ROAD: Final = re.compile(rf"{START}(?:road|highway|route|street|lane|house|no\.?|number|class|room|gate|block) \Z")
AND_HALF: Final = re.compile(rf" and a half{END}")
BASIS_POINTS: Final = re.compile(rf"[ -](?:basis[ -]points?|bps){END}")  # hundredths of a percent
SIGN: Final = re.compile(rf"(?:(?<![^\W\d_])(?:u\.s\.)?({alternatives(SIGNS)}))[ \xa0]?\Z")
# A number below zero: "minus 5", "5 degrees Celsius below zero"; a lone minus before so many degrees is one for sure
BELOW_ZERO_SAID: Final = re.compile(rf"{START}(?:minus|negative)[ -]\Z")
BELOW_ZERO: Final = re.compile(
    rf"(?:[ -]degrees?)?[ ]below (?:zero|0)(?![.,][0-9])(?:[ ]?(?:degrees?(?: celsius| c)?|°c?))?{END}"
)
BELOW_ZERO_NEEDS: Final = frozenset(("minus", "negative", "below"))
DEGREES: Final = re.compile(
    rf"(?:[ ]?(?:-|–|to|and|or)[ ]?(?:minus |[-−])?{_FIGURE})?[ \xa0-]?(?:degrees?{END}|[°º℃℉])"
)
_MONEY: Final = r"(?:us\$|\$|vnd ?|€|£)?"
HEDGE: Final = re.compile(
    r"(?<!\w)(?:about|around|nearly|almost|over|above|more than|roughly|approximately|some|up to|at least|estimated"
    rf"|close to|less than|under|below|upwards of|circa|just|exceed(?:ed|ing)?|topped|surpassed|~)[ ]?{_MONEY}\Z"
)
BETWEEN: Final = re.compile(
    r"[ ]?(?:-|–|—|~|,|to|and|or|through|up to|compared to|,? and|,? or)[ ]?"
    rf"(?:about |over |nearly |a |around )?{_MONEY}\Z"
)
SENTENCE_START: Final = re.compile(r"(?:\A|[.!?…:;\n]|[“\"'‘(•*\[-])[\s“\"'‘(\[]*\Z")
CAPITAL: Final = re.compile(r" [A-Z]")
