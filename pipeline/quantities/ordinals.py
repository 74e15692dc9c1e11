"""Ordinals, weekdays, Roman numerals and quarters: `thứ ba` is Tuesday or the third, `khóa XII`, "the 21st", "Q3"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities.number_words import EN_HALVES, EN_ORDINALS, EN_TENS, VI_DIGITS, VI_ORDINALS, readings, vi_atom
from pipeline.quantities.patterns import END, START, VI_TIME_OF_DAY, any_of, needs
from pipeline.quantities.scanned_text import Rule, ScannedText
from pipeline.quantities.values import WEEKDAYS, Quantity, Reading

_ROMAN_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50}
_ROMAN_FORM = re.compile("(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMANS: Final = frozenset(
    tens + ones for tens in ("", *"x xx xxx xl l".split()) for ones in ("", *"i ii iii iv v vi vii viii ix".split())
)  # those that the words of a text may be


def _roman(numeral: str) -> int | None:
    """Return the value of a Roman numeral in capitals below ninety, None where it is not well formed."""
    if not numeral or not _ROMAN_FORM.fullmatch(numeral):
        return None
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    behind = [*values[1:], 0]
    return sum(-value if value < following else value for value, following in zip(values, behind, strict=True))


# Vietnamese


_VI_WEEKDAYS: Final = {"hai": 1, "ba": 2, "tư": 3, "năm": 4, "sáu": 5, "bảy": 6, "bẩy": 6}
_VI_WEEKDAY_BEFORE = re.compile(
    rf"{START}(?:hôm|{VI_TIME_OF_DAY}|vào|ngày|từ|đến|tới|và|mỗi|hàng|hằng|tuần)[ ]\Z|[,(][ ]?\Z"
)
_VI_WEEKDAY_BEHIND = re.compile(r",? ?(?:tuần|hàng tuần|hằng tuần|vừa qua|ngày|\(|[0-9]+/[0-9])")
_VI_ORDINAL_BEFORE = re.compile(
    rf"{START}(?:lần|người|đứng|hạng|vị trí|con|quý|điều|thế giới|ca|lớn|cao|thế hệ|vợ|cái|trường hợp|bước|hiệp|bàn"
    r"|chiếc|bên|nước|nhóm|phần|tháng|năm|tuần|trận|lý do|thế chiến|giai đoạn|vụ|đợt|nhân vật|đời|số|xếp|về|nhất|yếu tố"
    r"|cách)[ ]\Z"
)


def _vi_quarter(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = VI_DIGITS.get(match[1]) or int(match[1])
    return (scanned.quantity(match.span(), value, "ordinal"),)


VI_QUARTER: Final = Rule(
    name="Vietnamese: quarter",
    pattern=re.compile(rf"{START}(?:quý|quí)[ ]([1-4]|một|hai|ba|tư|bốn){END}(?![.,][0-9])"),
    read=_vi_quarter,
    needs=needs("quý quí"),
    examples={
        "khóa XII, thế kỷ XX, quý II, quý 3": "12th; 20th; 2nd; 3rd",
    },
)


def _vi_roman(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    start, end = match.span("numeral")
    if not scanned.text[start:end].isupper():
        return None
    value = _roman(scanned.text[start:end])
    if value is None or (not match["head"] and end - start == 1):
        return None
    whole_span = match.span() if match["head"] else (start, end)
    return (scanned.quantity(whole_span, value, "ordinal", salience="figure" if match["head"] else "optional"),)


VI_ROMAN: Final = Rule(
    name="Vietnamese: roman",
    pattern=re.compile(
        rf"{START}(?P<head>(?:khóa|khoá|thế kỷ|thế kỉ|quý|quí|lần thứ|đại hội|thứ|chương|loại|hạng|thế chiến|vùng|bậc"
        rf"|cấp|phần|tập|vòng|đợt|giai đoạn|nhóm|quân khu|quân đoàn)[ ])?(?P<numeral>[ivxl]{{1,7}}){END}(?![.-]\w)"
    ),
    read=_vi_roman,
    needs=_ROMANS,
    examples={
        "khóa XII, thế kỷ XX, quý II, quý 3": "12th; 20th; 2nd; 3rd",
        "Tư lệnh Quân khu V": "5th",
    },
)


def _vi_weekday(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    name = match["name"]
    if name is None:
        return (scanned.quantity(match.span(), 7, "weekday"),)
    weekday = _VI_WEEKDAYS.get(name) or int(name) - 1
    day, order = Reading(Fraction(weekday), "weekday"), Reading(Fraction(weekday + 1), "ordinal")
    before = scanned.lowercased[max(0, match.start() - 14) : match.start()]
    capital = scanned.text[match.start("name")].isupper() and scanned.text[match.start()].islower()
    if capital or _VI_WEEKDAY_BEHIND.match(scanned.lowercased, match.end()):
        readings = [day]
    elif _VI_ORDINAL_BEFORE.search(before):
        readings = [order]
    elif _VI_WEEKDAY_BEFORE.search(before):
        readings = [day, order]
    else:
        readings = [order, day]
    first = readings[0]
    return (scanned.quantity(match.span(), first.value, first.kind, alternatives=tuple(readings[1:]), salience="word"),)


VI_WEEKDAY: Final = Rule(
    name="Vietnamese: weekday",
    pattern=re.compile(rf"{START}(?:chủ nhật|chúa nhật|thứ[ ](?P<name>[2-7]|{any_of(_VI_WEEKDAYS)})){END}(?!/)"),
    read=_vi_weekday,
    needs=needs("thứ nhật"),
    examples={
        "hôm thứ Ba, thứ hai tuần trước, Chủ nhật": "Tuesday (word); Monday (word); Sunday",
    },
)


def _vi_ordinal(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    name = match["name"]
    value = VI_ORDINALS.get(name)
    if value is None:
        read = vi_atom(name, scanned)
        if not read:
            return None
        return (scanned.quantity(match.span(), read[0], "ordinal", alternatives=readings(read[1:], "ordinal")),)
    return (scanned.quantity(match.span(), value, "ordinal", salience="word" if value > 1 else "optional"),)


VI_ORDINAL: Final = Rule(
    name="Vietnamese: ordinal",
    pattern=re.compile(rf"{START}thứ[ ](?P<name>[0-9][0-9.,]*|{any_of(VI_ORDINALS)}){END}"),
    read=_vi_ordinal,
    needs=needs("thứ"),
    examples={
        "lần thứ hai, ca thứ 54": "2nd (word); 54th",
    },
)


# English


_EN_WEEKDAY_NAMES: Final = {name.lower(): at + 1 for at, name in enumerate(WEEKDAYS)}
_EN_MOST_IDIOMATIC: Final = 3
# What makes "second" or "third" a statement, not an idiom.
_EN_RANKED = re.compile(
    r"[ -](?:quarter|half|term|phase|century|time|wave|round|place|(?:lunar )?month|day|week|year|case|death|batch"
    r"|stage|floor)"
)
_EN_RANKS = re.compile(
    rf"{START}(?:rank(?:s|ed|ing)?|placed|(?:came|finish(?:ed|es)|stands?|stood|sits?|is) (?:in )?)[ ]?\Z"
)
_EN_ANNIVERSARY = re.compile(r"[ -](?:\w+ )?(?:anniversar|birthday)")
_EN_ORDINAL_WORDS: Final = frozenset(EN_ORDINALS) | {name + "s" for name in EN_ORDINALS}


def _en_weekday(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (scanned.quantity(match.span(), _EN_WEEKDAY_NAMES[match[1]], "weekday", salience="word"),)


EN_WEEKDAY: Final = Rule(
    name="English: weekday",
    pattern=re.compile(rf"{START}({any_of(_EN_WEEKDAY_NAMES)})(?:s|{END})"),
    read=_en_weekday,
    needs=frozenset((*_EN_WEEKDAY_NAMES, *(name + "s" for name in _EN_WEEKDAY_NAMES))),
    examples={
        "on Tuesday": "Tuesday (word)",
    },
)


def _en_ordinal_figure(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = Fraction(match[1].replace(",", ""))
    return (scanned.quantity(match.span(), value, "ordinal", alternatives=_en_anniversary(scanned, match, value)),)


EN_ORDINAL_FIGURE: Final = Rule(
    name="English: ordinal figure",
    pattern=re.compile(rf"(?<![\w.,])([0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,6}})[ ]?(?:st|nd|rd|th){END}"),
    read=_en_ordinal_figure,
    needs=needs("st nd rd th"),
    examples={
        "the 21st, the twenty-first": "21st; 21st",
    },
)


def _en_ordinal(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = EN_ORDINALS[match["name"]]
    if match["plural"] and not match["tens"]:  # seconds, thirds: a unit, a part
        return None
    if match["tens"]:
        if value >= min(EN_TENS.values()) // 2:  # twenty-tenth
            return None
        return (scanned.quantity(match.span(), EN_TENS[match["tens"]] + value, "ordinal"),)
    alternatives = (Reading(Fraction(1, value), "fraction"),) if value > EN_HALVES else ()
    firm = value > _EN_MOST_IDIOMATIC or (
        value > 1
        and (
            _EN_RANKED.match(scanned.lowercased, match.end())
            or _EN_RANKS.search(scanned.lowercased, max(0, match.start() - 13), match.start())
        )
    )
    return (
        scanned.quantity(
            match.span(), value, "ordinal", alternatives=alternatives, salience="word" if firm else "optional"
        ),
    )


EN_ORDINAL: Final = Rule(
    name="English: ordinal",
    pattern=re.compile(
        rf"{START}(?:(?P<tens>{any_of(EN_TENS)})[ -])?(?P<name>{any_of(EN_ORDINALS)})(?P<plural>s?){END}"
    ),
    read=_en_ordinal,
    needs=_EN_ORDINAL_WORDS,
    examples={
        "it ranks third": "3rd or 1/3 (word)",
        "the third time": "3rd or 1/3 (word)",
        "the third lunar month": "3rd or 1/3 or 3rd lunar month (word)",
    },
)


def _en_roman(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    numeral = scanned.text[match.start() : match.end()]
    value = _roman(numeral) if numeral.isupper() else None
    return (scanned.quantity(match.span(), value, "ordinal", salience="optional"),) if value else None


EN_ROMAN: Final = Rule(
    name="English: roman",
    pattern=re.compile(
        rf"{START}([ivxl]{{2,7}}|(?<=quarter )[iv]|(?<=war )[iv]|(?<=type )[iv]|(?<=phase )[iv]|(?<=term )[ivx]){END}"
        r"(?![.-]\w)"
    ),
    read=_en_roman,
    needs=_ROMANS,
    examples={
        "World War II": "2nd (optional)",
    },
)


def _en_quarter(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (scanned.quantity(match.span(), int(match[1]), "ordinal"),)


EN_QUARTER: Final = Rule(
    name="English: quarter",
    pattern=re.compile(rf"{START}q([1-4]){END}"),
    read=_en_quarter,
    needs=needs("q"),
    examples={
        "Q3 profit": "3rd",
    },
)


def _en_anniversary(scanned: ScannedText, match: re.Match[str], value: Fraction) -> tuple[Reading, ...]:
    """Return the years that an anniversary counts."""
    return (Reading(value, "measure", "years"),) if _EN_ANNIVERSARY.match(scanned.lowercased, match.end()) else ()
