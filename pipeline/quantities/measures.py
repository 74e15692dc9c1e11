"""Units of a number: percent signs, currencies and measures; heights; the figure of m2 and m3."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities.patterns import END, any_of, needs
from pipeline.quantities.scanned_text import DIGIT, Rule, ScannedText
from pipeline.quantities.units import EN_UNITS, SIGNS, VI_UNITS, Unit, beside, named
from pipeline.quantities.values import Kind, Quantity, Reading, Salience

_SQUARE_CUBIC_UNITS: Final = {"2": "m²", "3": "m³"}


def _square_or_cubic(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Pass over the 2 of 70 m2; not that of M2, which has no number before it."""
    alone = scanned.text[match.start()] == "M" and not scanned.before(match.start(), 2).strip(" /")[-1:].isdigit()
    return None if alone and scanned.before(match.start(), 1) != "/" else ()


# `70m2`, `35 triệu đồng/m2`: the figure of a unit is not a number. Of both languages; it is read only to be blanked.
SQUARE_OR_CUBIC: Final = Rule(
    name="square or cubic",
    pattern=re.compile(r"(?:(?<![^\W_])|(?<=[0-9]))[ckdm]?m[23](?![^\W_])"),
    read=_square_or_cubic,
    needs=needs("m km cm dm mm"),
    examples={
        "70 M2": "70 m²",
        "12 cm2 giấy, chip M2": "12; 2 (word)",
    },
)


def _percent(quantity: Quantity, *, end: int, text: str) -> Quantity:
    """Return a plain number together with the percent sign after it."""
    alternatives = tuple(replace(reading, kind="percent") for reading in quantity.alternatives)
    return replace(quantity, kind="percent", end=end, text=text[quantity.start : end], alternatives=alternatives)


def _with_unit(quantity: Quantity, unit: Unit, *, end: int, text: str) -> Quantity:
    """Return a plain number together with the unit or currency after it."""
    kind: Kind = "money" if unit.dimension == "money" else "measure"
    alternatives = tuple(
        reading if reading.unit else replace(reading, kind=kind, unit=unit.name) for reading in quantity.alternatives
    )
    if unit.dimension == "share":
        share = quantity.value * unit.size
        alternatives = (*alternatives, Reading(share * 100, "percent"), Reading(share, "fraction"))
    if unit.name == "per mille":  # the salinity of water: 4 ‰ is told as 4 grams per litre
        alternatives = (*alternatives, Reading(quantity.value, "measure", "g"))
    return replace(
        quantity, kind=kind, unit=unit.name, end=end, text=text[quantity.start : end], alternatives=alternatives
    )


def _with_sign(quantity: Quantity, sign: str, *, start: int, text: str) -> Quantity:
    """Return a plain number together with the currency sign before it."""
    return _with_unit(replace(quantity, start=start), Unit(SIGNS[sign], "money"), end=quantity.end, text=text)


# Vietnamese


VI_UNIT: Final = re.compile(rf"[ \xa0-]?{beside(VI_UNITS)}")
_VI_NO_UNIT: Final = re.compile(
    r"[ \xa0-]?(?:đồng (?:chí|phạm|nghiệp|đội|hồ|bằng|thời|minh|bào|hương|tác|loạt|ý|tháp|nai|hới|chủ|sáng|đẳng|phục"
    r"|lõa|xoài)|đô (?:thị|vật|đốc)|bảng (?:đấu|xếp|điểm|xanh|tổng|cân|giá)|cân (?:đối|nặng|bằng|nhắc)"
    r"|tháng [0-9]+|ngày [0-9]+|năm (?:[0-9]{4}|nay)"
    r"|tiếng (?:súng|nổ|nói|anh|việt|pháp|trung|nhật|hàn|nga|kêu|động|la|đồn)"
    r"|tuần (?:tra|lộc)|yên (?:bái|thế|tĩnh|ổn)|giờ đây|đêm (?:nhạc|diễn)|tạ (?:ơn|lỗi|đình|tội)|tấn công"
    rf"|phút (?:bù|cuối)|yến (?:tiệc|sào)|phần (?:nghìn|ngàn) t[ỷỉ]){END}"
)
_VI_PERCENT: Final = re.compile(rf"[ \xa0]?(?:%(?!o{END})|phần trăm{END}|điểm phần trăm|điểm %|pct)")
_VI_AND_A_HALF: Final = re.compile(rf"[ ]r[ưu][ỡở]i{END}")
_VI_BASIS_POINTS: Final = re.compile(rf"[ ]điểm cơ bản{END}")  # hundredths of a percent
_VI_SIGN: Final = re.compile(rf"(?:(?<![^\W\d_])({any_of(SIGNS)}))[ \xa0]?\Z")


def _vi_height(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = Fraction(f"{match[1]}.{match[2]}")
    alternatives = [Reading(value * 100, "measure", "cm")]
    if unit := _SQUARE_CUBIC_UNITS.get(match[2]):  # 1m2: the size of a plot or a man's height
        alternatives.append(Reading(Fraction(match[1]), "measure", unit))
    return (scanned.quantity(match.span(), value, "measure", unit="m", alternatives=tuple(alternatives)),)


VI_HEIGHT: Final = Rule(
    name="Vietnamese: height",
    pattern=re.compile(rf"(?<![\w.,])([12])m([0-9]{{1,2}}){END}"),
    read=_vi_height,
    needs=needs("m"),
    examples={
        "cao 1m72": "1.72 m or 172 cm",
    },
)


def vi_with_neighbors(scanned: ScannedText, quantity: Quantity) -> Quantity:
    """Return the number with the percent sign, currency or unit beside it."""
    low, end = scanned.lowercased, quantity.end
    if sign := _VI_PERCENT.match(low, end):
        if re.fullmatch(r"[0-9]{1,2}\.[0-9]{3}", quantity.text):  # 3.125 % in the English way
            quantity = replace(quantity, alternatives=(Reading(Fraction(quantity.text), "percent"),))
        return _percent(quantity, end=sign.end(), text=scanned.text)
    if behind := _VI_BASIS_POINTS.match(low, end):
        points = Reading(quantity.value / 100, "percent")
        return replace(
            quantity, end=behind.end(), text=scanned.text[quantity.start : behind.end()], alternatives=(points,)
        )
    if before := _VI_SIGN.search(low, max(0, quantity.start - 5), quantity.start):
        return _with_sign(quantity, before[1], start=before.start(), text=scanned.text)
    unit = VI_UNIT.match(low, end)
    if unit is None or _VI_NO_UNIT.match(low, end) or scanned.text[unit.start(1) : unit.end(1)] in ("G", "K", "M"):
        return quantity
    counted = _with_unit(quantity, named(VI_UNITS, unit[1]), end=unit.end(), text=scanned.text)
    if counted.kind == "measure" and (more := _VI_AND_A_HALF.match(low, counted.end)):  # 2 năm rưỡi
        text = scanned.text[counted.start : more.end()]
        salience: Salience = "word" if counted.salience == "optional" else counted.salience
        counted = replace(counted, value=counted.value + Fraction(1, 2), end=more.end(), text=text, salience=salience)
    return counted


# English


_EN_UNIT: Final = re.compile(rf"[ \xa0-]?{beside(EN_UNITS)}(?!['’]t)")
_EN_NO_UNIT: Final = re.compile(
    r"[ -](?:second(?! \w+ (?:later|after|before))|h|min|l|day[ -]care"
    rf"|won (?:the|a|an|by|in|his|her|their|gold|silver|\w+ medals?)){END}"
)
_EN_PERCENT: Final = re.compile(rf"[ \xa0-]?(?:%|per[ -]?cents?{END}|pct|percentage[ -]points?|pp{END})")
_EN_AND_A_HALF: Final = re.compile(rf" and a half{END}")
_EN_BASIS_POINTS: Final = re.compile(rf"[ -](?:basis[ -]points?|bps){END}")  # hundredths of a percent
_EN_SIGN: Final = re.compile(rf"(?:(?<![^\W\d_])(?:u\.s\.)?({any_of(SIGNS)}))[ \xa0]?\Z")


def _en_height(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match["metres"]:
        return (scanned.quantity(match.span(), Fraction(f"{match['metres']}.{match['cm']}"), "measure", unit="m"),)
    inches = int(match["feet"]) * 12 + int(match["inches"])
    return (scanned.quantity(match.span(), inches, "measure", unit="inches"),)


EN_HEIGHT: Final = Rule(
    name="English: height",
    pattern=re.compile(
        rf"(?<![\w.,])(?P<metres>[12])m(?P<cm>[0-9]{{1,2}}){END}"
        rf"|(?<![\w.,])(?P<feet>[0-9])[ -]?(?:ft\.?|feet|foot|['’′])[ -]?(?P<inches>[0-9]{{1,2}})"
        r"[ -]?(?:in\b\.?|inch(?:es)?|[\"”″])?"
    ),
    read=_en_height,
    needs=needs(DIGIT),
    examples={
        "5ft 8in, 1.72 m": "68 inches; 1.72 m",
        "1.9m houses, 1m72": "1.9 million or 1.9 m; 1.72 m",
        "5ft 8in": "68 inches",
    },
)


def en_with_neighbors(scanned: ScannedText, quantity: Quantity) -> Quantity:
    """Return the number with the percent sign, currency or unit beside it."""
    low, end = scanned.lowercased, quantity.end
    if sign := _EN_PERCENT.match(low, end):
        return _percent(quantity, end=sign.end(), text=scanned.text)
    if behind := _EN_BASIS_POINTS.match(low, end):
        points = Reading(quantity.value / 100, "percent")
        return replace(
            quantity, end=behind.end(), text=scanned.text[quantity.start : behind.end()], alternatives=(points,)
        )
    if before := _EN_SIGN.search(low, max(0, quantity.start - 8), quantity.start):
        return _with_sign(quantity, before[1], start=before.start(1), text=scanned.text)
    unit = _EN_UNIT.match(low, end)
    if unit is None or _EN_NO_UNIT.match(low, end) or scanned.text[unit.start(1) : unit.end(1)] in ("G", "L", "H"):
        return quantity
    counted = _with_unit(quantity, named(EN_UNITS, unit[1]), end=unit.end(), text=scanned.text)
    if counted.kind == "measure" and (more := _EN_AND_A_HALF.match(low, counted.end)):  # three months and a half
        text = scanned.text[counted.start : more.end()]
        counted = replace(counted, value=counted.value + Fraction(1, 2), end=more.end(), text=text)
    if unit[1] in ("pound", "pounds"):
        counted = replace(counted, alternatives=(*counted.alternatives, Reading(quantity.value, "money", "GBP")))
    return counted
