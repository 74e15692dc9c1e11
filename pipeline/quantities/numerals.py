"""Numerals: figures and number words with their scale words, `2 tỷ 300 triệu`, "two and a half million"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities.below_zero import en_signed, vi_signed
from pipeline.quantities.clock import en_maybe_clock
from pipeline.quantities.homographs import VI_COUNTED_BEHIND, en_judged, vi_judged
from pipeline.quantities.measures import VI_UNIT, en_with_neighbors, vi_with_neighbors
from pipeline.quantities.number_words import (
    EN_ATOM,
    EN_BELOW_THOUSAND,
    EN_LETTER,
    EN_ONES,
    EN_PART,
    EN_SCALE,
    EN_SCALE_NAME,
    EN_SCALES,
    EN_TENS,
    VI_ATOM,
    VI_DIGITS,
    VI_DOUBTFUL,
    VI_PART,
    VI_SCALE,
    VI_SHORT_SCALE,
    VI_SHORT_SCALES,
    en_atom,
    en_product,
    readings,
    vi_atom,
    vi_product,
)
from pipeline.quantities.patterns import END, START
from pipeline.quantities.scanned_text import DIGIT, MOST_DIGITS, Rule, ScannedText
from pipeline.quantities.units import VI_UNITS, named
from pipeline.quantities.vague import EN_VAGUE_VALUES
from pipeline.quantities.values import Quantity, Reading


def pieces(scanned: ScannedText, start: int, figure: str) -> Iterable[Quantity]:
    """Return the runs of digits of a figure that is not one number, such as a telephone number or "1,2,3"."""
    for digits in re.finditer(r"[0-9]+", figure):
        if len(digits[0]) <= MOST_DIGITS:
            span = (start + digits.start(), start + digits.end())
            yield scanned.quantity(span, int(digits[0]), "number", salience="word")


# Vietnamese


_VI_CLAUSE_END: Final = re.compile(r"[ ]?(?:[.;:!?…)”\"/]|,(?![0-9])|\Z)")
_NO_IDIOM: Final = 100  # number words of this size are meant
_VI_THOUSAND: Final = 1000
_VI_LARGEST_LABEL: Final = 20  # 4K, 8K, a run of 10K
# 15.254 vĩ độ Bắc, 108.157 độ kinh Đông: as instruments write them, with a point
_VI_DECIMAL_DEGREE: Final = re.compile(r"[0-9]{1,3}\.[0-9]{3}")
_VI_COORDINATE: Final = re.compile(rf"[ ](?:độ[ ])?(?:vĩ|kinh)(?:[ ]độ)?[ ](?:bắc|nam|đông|tây){END}")
_VI_NUMERALS: Final = frozenset((DIGIT, "mười", *VI_DIGITS))


def _vi_numeral(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a run of figures, number words and scale words."""
    found = []
    for quantity in _vi_values(scanned, match):
        read = vi_judged(scanned, quantity)
        if read is not None:
            found.append(vi_signed(scanned, vi_with_neighbors(scanned, read)))
    return found


VI_NUMERAL: Final = Rule(
    name="Vietnamese: numeral",
    pattern=re.compile(
        rf"(?:{START}|(?<=[^\W\d_])(?=[0-9])){VI_ATOM}"  # VND5
        rf"(?:{VI_SHORT_SCALE})?(?:(?:[ \xa0]?{VI_SCALE}){{1,3}}"
        rf"(?:[ ](?:không trăm )?(?:(?:linh|lẻ) )?{VI_ATOM}(?![.,/][0-9]))?)*"
        rf"(?:[ ]r[ưu][ỡở]i{END})?"
    ),
    read=_vi_numeral,
    needs=_VI_NUMERALS,
    examples={
        "tăng 13,94%": "13.94%",
        "1.200 tỷ đồng": "1.2 trillion dong",
        "2 tỷ 300 triệu": "2.3 billion",
        "1,5 nghìn tỷ": "1.5 trillion",
        "5 vạn": "50,000",
        "1 tỷ 2 đồng": "1.2 billion dong",
        "một triệu hai": "1.2 million",
        "2 tỷ rưỡi": "2.5 billion",
        "5 nghìn 300 đồng": "5,300 dong",
        "5 triệu 2 ca": "5 million; 2",
        "10 tỷ phú, 5 triệu phú": "10; 5",
        "tỷ số 2-1": "2; 1 or January",
        "hai mươi lăm": "25 (word)",
        "hai mươi năm tù": "20 years (word)",
        "một trăm linh năm": "105",
        "một nghìn chín trăm bốn mươi lăm": "1,945",
        "bốn lăm, mười hai, chín mươi chín": "45 (word); 12 (word); 99 (word)",
        "ba trăm nghìn tỷ đồng": "300 trillion dong",
        "Ba người bị bắt": "3 (word)",
        "3 tháng": "3 months",
        "2,5 ha, 35 độ C, 110 km/giờ, 3 tấn": "2.5 hectares; 35 °C; 110 km/h; 3 tonnes",
        "$5, 5 USD, VND5, 5 đô la Úc": "5 dollars; 5 USD; 5 dong; 5 AUD",
        "5 đồng phạm, 3 bảng đấu": "5; 3",
        "70m2": "70 m²",
        "70 m2": "70 m²",
        "70m²": "70 m²",
        "5 km2": "5 km²",
        "5km2": "5 km²",
        "3m3": "3 m³",
        "3 m3": "3 m³",
        "3 thập kỷ": "3 decades",
        "500 đồng/lít, 35.000 đồng/kg, 35.000đ/kg, 5 USD/thùng": "500 dong; 35,000 dong; 35,000 dong; 5 USD",
        "15.254 độ vĩ Bắc, 108.157 kinh độ Đông, 15.254 độ": "15.254; 108.157; 15,254",
        "35 triệu đồng/m2, 2 triệu/m3": "35 million dong; 2 million",
        "60 km/h, 5 m/giây, 3 kg/người": "60 km/h; 5 m/s; 3 or 3 m/s",
        "-1,6 độ C, giảm -5%, âm 5 độ, âm 3,2%, −4 điểm": "-1.6 °C; -5%; -5 or -5%; -3.2%; -4 or -4%",
        "15 độ C dưới 0, từ -3 đến -1 độ C": "-15 °C; -3 or -3 °C; ~-1 °C",
        "2-1": "2; 1 or January",
        "15-20 độ C": "15 or 15 °C; 20 °C",
        "20 -25 độ C": "20 or 20 °C; 25 °C",
        "20 độ C -25 độ C": "20 °C; 25 °C",
        "2.5 lần, 1,200,000 người": "2.5; 1.2 million",
        "500k, 50 tr đồng, bản 4K": "500,000 or 500,000 dong; 50 million dong; 4,000 or 4",
        "2 năm rưỡi tù, một tiếng rưỡi, hai mét rưỡi": "2.5 years; 1.5 hours (word); 2.5 m (word)",
        "25 điểm cơ bản": "25 or 0.25%",
        "cả năm người, cả năm, những năm qua": "5 (word)",
        "lò vi-ba": "3 (optional)",
        "ba-ri": "3 (optional)",
        "ba que xỏ lá": "3 (optional)",
        "có18 người": "18",
        "250 - 300.000 đồng": "250 or 250 dong or 250,000 dong or 250,000; 300,000 dong",
        "đợt 20-7, trong 2 ngày 22-23/5, 3 ngày nay": "20; 7 or July; 2 (optional); day 22; day 23; May; 3 days",
        "căn nhà cấp 4": "4 (optional)",
        "2 cha con, 2 vợ chồng, 2 người": "2 (optional); 2 (optional); 2",
        "5 km vuông": "5 km²",
    },
)


def _vi_values(scanned: ScannedText, match: re.Match[str]) -> Iterator[Quantity]:
    """Yield the numbers of a run: `2 tỷ 300 triệu` is one, `5 triệu 7 tỷ` would be two."""
    parts = list(VI_PART.finditer(scanned.unread, match.start(), match.end()))
    at = 0
    while at < len(parts):
        start, end = parts[at].span()
        read = vi_atom(parts[at]["atom"], scanned)
        if read and _VI_DECIMAL_DEGREE.fullmatch(parts[at]["atom"]) and _VI_COORDINATE.match(scanned.lowercased, end):
            read = [Fraction(parts[at]["atom"])]
        if read and _vi_is_whole(scanned, parts[at]):
            read = [Fraction(parts[at]["atom"].replace(",", ""))]
        if not read:
            yield from pieces(scanned, start, parts[at]["atom"])
            at += 1
            continue
        if (short := parts[at]["scales"].strip()) in VI_SHORT_SCALES:
            yield _vi_short(scanned, parts[at], [value * VI_SHORT_SCALES[short] for value in read], read)
            at += 1
            continue
        scale = largest = vi_product(parts[at]["scales"])
        values = [value * scale for value in read]
        while at + 1 < len(parts) and scale > 1:
            added = _vi_added(scanned, parts[at], parts[at + 1], scale)
            if added is None:
                break
            at += 1
            values = [value + added for value in values]
            scale, end = vi_product(parts[at]["scales"]), parts[at].end()
        if scale > 1 and scanned.unread.startswith((" rưỡi", " rưởi"), end) and end < match.end():
            values = [value + Fraction(scale, 2) for value in values]
            end += len(" rưỡi")
        if largest > 1:
            scanned.scales[start] = largest
        figure = values[0] >= _NO_IDIOM or any(letter.isdigit() for letter in scanned.unread[start:end])
        alternatives = tuple(Reading(value, "number") for value in values[1:])
        yield scanned.quantity(
            (start, end), values[0], "number", alternatives=alternatives, salience="figure" if figure else "word"
        )
        at += 1


def _vi_is_whole(scanned: ScannedText, part: re.Match[str]) -> bool:
    """Return whether the comma of a figure such as "1,200" parts its thousands for sure: of people there are no 1.2.

    Nor are there decimals that end in two zeros, of a writer who is not known to have decimals with a comma.
    """
    if part["scales"] or not VI_DOUBTFUL.fullmatch(part["atom"]):
        return False
    if VI_COUNTED_BEHIND.match(scanned.lowercased, part.end()):
        unit = VI_UNIT.match(scanned.lowercased, part.end())
        return unit is None or named(VI_UNITS, unit[1]).dimension in ("money", "time")
    return part["atom"].endswith("00") and not scanned.decimal_comma


def _vi_short(
    scanned: ScannedText, part: re.Match[str], values: Sequence[Fraction], bare: Sequence[Fraction]
) -> Quantity:
    """Return what `500k` says, or may say: a television of 4K has no 4,000 of anything."""
    scanned.scales[part.start()] = int(values[0] / bare[0]) if bare[0] else 1
    label = scanned.text[part.end() - 1] == "K" and bare[0] <= _VI_LARGEST_LABEL
    alternatives = (*readings(values[1:], "number"), *(readings(bare, "number") if label else ()))
    return scanned.quantity(part.span(), values[0], "number", alternatives=alternatives)


def _vi_added(scanned: ScannedText, part: re.Match[str], following: re.Match[str], scale: int) -> Fraction | None:
    """Return what the part that follows adds to a number with this scale, None where it is a number of its own."""
    read, smaller = vi_atom(following["atom"], scanned), vi_product(following["scales"])
    gap = scanned.unread[part.end() : following.start()]
    if not read or read[0] * smaller >= scale:
        return None
    if smaller > 1:
        return read[0] * smaller
    if part["atom"][0].isdigit() or following["atom"][0].isdigit():  # 1 tỷ 2 đồng, 5 nghìn 300 đồng; not 5 triệu 2 ca
        unit = VI_UNIT.match(scanned.lowercased, following.end())
        money = unit is not None and named(VI_UNITS, unit[1]).dimension == "money"
        money = money or (
            scale > _VI_THOUSAND and _VI_CLAUSE_END.match(scanned.lowercased, following.end()) is not None
        )
        if (
            not money
            or not following["atom"].isdigit()
            or len(following["atom"]) != (3 if scale == _VI_THOUSAND else 1)
        ):
            return None
        return read[0] if scale == _VI_THOUSAND else read[0] * scale / 10
    if gap == " " and read[0] < 10 and scale >= _VI_THOUSAND:  # noqa: PLR2004 - một triệu hai: 1.2 million
        return read[0] * scale / 10
    return read[0]


# English


_EN_ROAD: Final = re.compile(rf"{START}(?:road|highway|route|street|lane|house|no\.?|number|class|room|gate|block) \Z")


def _en_numeral(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a run of figures, number words and scale words."""
    return [
        en_maybe_clock(en_signed(scanned, en_with_neighbors(scanned, en_judged(scanned, quantity))))
        for quantity in _en_values(scanned, match)
    ]


EN_NUMERAL: Final = Rule(
    name="English: numeral",
    pattern=re.compile(
        rf"(?:{START}|(?<=[a-zđ])(?=[0-9]))"  # VND5
        rf"(?:{EN_ATOM}(?:{EN_SCALE}{{1,3}}|{EN_LETTER})?"
        rf"|(?:half )?an? {EN_SCALE_NAME}(?:[ ]{EN_SCALE_NAME})?|half {EN_SCALE_NAME})"
        rf"(?:(?:,? and|,)? {EN_ATOM}{EN_SCALE})*(?:(?:,? and)? {EN_BELOW_THOUSAND}{END}(?! {EN_SCALE_NAME}))?"
        rf"(?: and a half{END}(?: {EN_SCALE_NAME})?)?"
    ),
    read=_en_numeral,
    needs=frozenset((DIGIT, *EN_SCALES, *EN_VAGUE_VALUES, *EN_ONES, *EN_TENS)),
    examples={
        "up 13.94%, 13.94 percent, 13.94 per cent": "13.94%; 13.94%; 13.94%",
        "VND1.2 trillion, 1.2 trillion dong": "1.2 trillion dong; 1.2 trillion dong",
        "1.2tn": "1.2 trillion",
        "$3.5m": "3.5 million dollars or 3.5 m",
        "5bn": "5 billion",
        "20k": "20,000",
        "US$42 million, 42 million U.S. dollars": "42 million USD; 42 million USD",
        "two million three hundred thousand": "2.3 million",
        "two hundred and fifty thousand": "250,000",
        "half a million, a million and a half, two and a half million": "500,000; 1.5 million; 2.5 million",
        "a dozen, three dozen, a hundred": "12 (word); 36 (word); 100",
        "one million and two million": "1 million; 2 million",
        "twenty-one, ninety-nine": "21 (word); 99 (word)",
        "a five-year-old, 12 years in prison, a two-day visit": "5 years (word); 12 years; 2 days (word)",
        "70 sq m": "70 m²",
        "70m2": "70 m²",
        "70 m2": "70 m²",
        "70-square-metre": "70 m²",
        "70 square meters": "70 m²",
        "70 sq. m": "70 m²",
        "5 square kilometres, 5 sq km, 5 km2, 3 cubic metres, 3 m3": "5 km²; 5 km²; 5 km²; 3 m³; 3 m³",
        "a two-decade war": "2 decades (word)",
        "minus 1.6 degrees Celsius, -1.6°C, –1.6 degrees": "-1.6 °C; -1.6 °C; -1.6 or -1.6 °C",
        "5 degrees below zero, five degrees Celsius below zero, fell -5%": "-5 or -5 °C; -5 °C (word); -5%",
        "13,94% and 1.200.000 dong": "13.94% (Vietnamese way); 1.2 million dong (Vietnamese way)",
        "two and a half hours, 2.5 hours": "2.5 hours (word); 2.5 hours",
        "35 million dong/m2, VND500 per litre, 500 dong/litre": "35 million dong; 500 dong; 500 dong",
        "1 quadrillion dong": "1000 trillion dong",
        "3-4,0000 people": "3; 40,000",
        "25 basis points": "25 or 0.25%",
    },
)


def _en_values(scanned: ScannedText, match: re.Match[str]) -> Iterator[Quantity]:
    """Yield the numbers of a run: "two million three hundred thousand" is one, "two million, five million" two."""
    parts = list(EN_PART.finditer(scanned.unread, match.start(), match.end()))
    at = 0
    while at < len(parts):
        start, end = parts[at].span()
        read = en_atom(parts[at]["atom"])
        if read is None:
            yield from pieces(scanned, start, parts[at]["atom"])
            at += 1
            continue
        value, foreign = read
        scale = largest = en_product(parts[at]["scales"])
        alternatives = (Reading(value, "measure", "m"),) if parts[at]["scales"].strip() == "m" else ()  # 100m
        letter = scanned.text[parts[at].end("atom") : parts[at].end()]
        road = _EN_ROAD.search(scanned.lowercased, max(0, start - 10), start) is not None
        if letter in ("B", "M", "K") or (letter and road):  # Highway 21B, a 4K screen; Road 295b
            alternatives = (*alternatives, Reading(value, "number"))
        value *= scale
        while at + 1 < len(parts) and scale > 1:
            added = _en_added(scanned, parts[at], parts[at + 1], scale)
            if added is None:
                break
            at += 1
            value, scale, end = value + added, en_product(parts[at]["scales"]), parts[at].end()
        at += 1
        if scanned.unread.startswith(" and a half", end) and end < match.end():
            value, end, at = value + Fraction(largest, 2), end + len(" and a half"), len(parts)
            if end < match.end():  # two and a half million
                largest = en_product(scanned.unread[end : match.end()])
                value, end = value * largest, match.end()
        if parts[at - 1]["atom"] in ("a", "an") and largest == 1:
            continue
        if largest > 1:
            scanned.scales[start] = largest
        figure = value >= _NO_IDIOM or any(letter.isdigit() for letter in scanned.unread[start:end])
        quantity = scanned.quantity(
            (start, end), value, "number", alternatives=alternatives, salience="figure" if figure else "word"
        )
        yield replace(quantity, foreign=foreign)


def _en_added(scanned: ScannedText, part: re.Match[str], following: re.Match[str], scale: int) -> Fraction | None:
    """Return what the part that follows adds to a number with this scale, None where it is a number of its own."""
    read, smaller = en_atom(following["atom"]), en_product(following["scales"])
    gap = scanned.unread[part.end() : following.start()]
    if read is None or following["atom"] in ("a", "an") or read[0] * smaller >= scale:
        return None
    figures = part["atom"][0].isdigit() or following["atom"][0].isdigit()
    if figures and gap != " " and not (smaller == 1 and " and" in gap and not following["atom"][0].isdigit()):
        return None
    if smaller == 1 and " and" not in gap and (figures or gap != " "):
        return None
    return read[0] * smaller
