"""Days and months: `ngày 2/3`, `tháng Ba`, `rằm tháng Giêng`, "March 8", "3/8"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities.number_words import VI_SCALE
from pipeline.quantities.patterns import END, START, VI_CAPITAL, VI_TIME_OF_DAY, any_of, needs
from pipeline.quantities.scanned_text import DIGIT, Rule, ScannedText
from pipeline.quantities.values import MONTHS, Quantity, Reading

MONTHS_OF_YEAR: Final = 12
_DAYS_OF_MONTH: Final = 31


# Vietnamese


_VI_MONTHS: Final = {
    "giêng": 1, "một": 1, "hai": 2, "ba": 3, "tư": 4, "năm": 5, "sáu": 6, "bảy": 7, "bẩy": 7, "tám": 8, "chín": 9,
    "mười một": 11, "mười hai": 12, "mười": 10, "chạp": 12,
}  # fmt: skip
# What follows a month in a list or range that says `tháng` once. In small letters (`ba`, `tư`) and in figures it is a
# month only where nothing countable follows it.
_VI_MONTH_NAME = rf"(?:[0-9]{{1,2}}|{any_of(_VI_MONTHS)}){END}"
_VI_NAME_OF_MONTH = re.compile(_VI_MONTH_NAME)
_VI_LUNAR = re.compile(r"\s*(?:năm \S+ )?\(?(?:âm lịch|âl|al)(?![^\W_])")
VI_DATED = re.compile(
    rf"{START}(?:ngày|hôm|{VI_TIME_OF_DAY}|mùng|mồng|từ|trước|sau|qua|nay|dịp|lễ|hết|vào|rạng)[ ]\Z"
    r"|\(\Z|[0-9]/[0-9]{1,2} ?(?:-|–|và|,|đến) ?\Z"
)
_VI_SHARED = re.compile(
    r"[ ](?:số|đại biểu|dân|diện tích|thành viên|người|tổng|lượng|phiếu|trong số|quốc gia|chặng|thời gian|nước|cổ phần"
    r"|quãng|trận|mẫu|doanh nghiệp|tỉnh|hộ|ca|các|những|đội|khách|lần|cử tri|bệnh nhân|học sinh|nhân viên|phụ nữ"
    r"|nam giới|trẻ em)(?![^\W_])"
)
_VI_RATIO = re.compile(rf"{START}t[ỷỉ] (?:lệ|số)(?: [^\W\d_]+){{0,3}} \Z")


def _vi_days(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 20-25/1 and từ 20 - 25/1/2024: two days of one month."""
    first, last, month = int(match[1]), int(match[2]), int(match[3])
    if not (_vi_valid(first, month) and _vi_valid(last, month) and first < last):
        return None
    found = [scanned.quantity(match.span(group), int(match[group]), "day") for group in (1, 2)]
    found.append(scanned.quantity(match.span(3), month, "month"))
    if match[4]:
        found.append(scanned.quantity(match.span(4), int(match[4]), "year"))
    return found


VI_DAYS: Final = Rule(
    name="Vietnamese: days",
    pattern=re.compile(
        r"(?<![0-9/.,-])([0-9]{1,2})[ ]?[-–][ ]?([0-9]{1,2})/([0-9]{1,2})(?:/((?:19|20)[0-9][0-9]))?"
        r"(?![0-9/]|[.,][0-9])"
    ),
    read=_vi_days,
    needs=needs("/"),
    examples={
        "20-25/1, từ 20 - 25/1/2024": "day 20; day 25; January; day 20; day 25; January; year 2024",
    },
)


def _vi_whole_date(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    day, month = int(match[1]), int(match[3])
    places = [match.span(1), match.span(3)]
    if month > MONTHS_OF_YEAR >= day:  # the American order
        day, month = month, day
        places.reverse()
    if not _vi_valid(day, month):
        return None
    year = int(match[4]) + (2000 if len(match[4]) < len("2000") else 0)
    return (
        scanned.quantity(places[0], day, "day"),
        scanned.quantity(places[1], month, "month"),
        scanned.quantity(match.span(4), year, "year"),
    )


VI_WHOLE_DATE: Final = Rule(
    name="Vietnamese: whole date",
    pattern=re.compile(
        r"(?<![0-9/.,-])([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|(?<=/)[0-9][0-9])(?![0-9/]|[.,][0-9])"
    ),
    read=_vi_whole_date,
    needs=needs(DIGIT),
    examples={
        "2/3/2020": "day 2; March; year 2020",
        "2-3-2020": "day 2; March; year 2020",
        "2.3.2020": "day 2; March; year 2020",
    },
)


def _vi_month(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    name, lead, day = match["month"], match["lead"], match["day"]
    month = _VI_MONTHS.get(name) or (int(name) if name.isdigit() else 0)
    if not 1 <= month <= MONTHS_OF_YEAR or (lead == "ngày" and not day and name == "năm"):  # ngày tháng năm
        return None
    lunar = lead == "rằm" or name == "chạp" or _VI_LUNAR.match(scanned.lowercased, match.end()) is not None
    span = (match.start("month") - len("tháng "), match.end("month"))
    found: list[Quantity] = []
    if lead == "rằm":
        moon = (match.start("lead"), match.end("lead"))
        found.append(scanned.quantity(moon, 15, "day", salience="optional"))
    elif day and int(day) <= _DAYS_OF_MONTH:
        found.append(scanned.quantity(match.span("day"), int(day), "day"))
    elif day:
        return None
    alternatives: tuple[Reading, ...] = ()
    if not lunar and (name == "giêng" or lead in ("mùng", "mồng")):
        alternatives = (Reading(Fraction(month), "lunar"),)
    found.append(scanned.quantity(span, month, "lunar" if lunar else "month", alternatives=alternatives))
    if match["year"]:
        found.append(scanned.quantity(match.span("year"), int(match["year"]), "year"))
    if match["until"]:
        until = int(match["until"])
        is_month = month < until <= MONTHS_OF_YEAR
        found.append(scanned.quantity(match.span("until"), until, "month" if is_month else "number"))
    return found


def _vi_months_and_days(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return [
        scanned.quantity(match.span(group), int(match[f"{group}_figure"]), "measure", unit=group)
        for group in ("months", "days")
    ]


# five months and three days, not the fifth of March
VI_MONTHS_AND_DAYS: Final = Rule(
    name="Vietnamese: months and days",
    pattern=re.compile(
        rf"(?<![0-9/.,-])(?<!ngày )(?<!mùng )(?<!mồng )(?<!{START}đêm )(?<!hôm )"
        rf"(?P<months>(?P<months_figure>[0-9]{{1,2}}) tháng) (?P<days>(?P<days_figure>[0-9]{{1,2}}) ngày){END}"
    ),
    read=_vi_months_and_days,
    needs=needs("tháng"),
    examples={
        "5 tháng 3 ngày tù": "5 months or 2483/487 months; 3 days or 2483/487 months",
        "ngày 5 tháng 3 ngày nào cũng thế": "day 5; March",
    },
)


VI_MONTH: Final = Rule(
    name="Vietnamese: month",
    pattern=re.compile(
        rf"(?:{START}(?P<lead>ngày|mùng|mồng|rằm|đêm|hôm)[ ])?(?:(?<![0-9/.,-])(?P<day>[0-9]{{1,2}})[ ])?"
        rf"{START}tháng[ ](?P<month>[0-9]{{1,2}}|{any_of(_VI_MONTHS)})"
        rf"(?![^\W_]|[.,/][0-9][0-9]?(?![0-9])|[ ](?:lần|trời|tuổi){END})"
        rf"(?:[ ]?[/-][ ]?(?P<year>(?:19|20)[0-9][0-9])(?![0-9])|[ ]?[-–][ ]?(?P<until>[0-9]{{1,2}})(?![0-9/.]))?"
    ),
    read=_vi_month,
    needs=needs("tháng"),
    examples={
        "tháng 3/2020": "March; year 2020",
        "tháng mười một, tháng Tư": "November; April",
        "rằm tháng Giêng": "day 15 (optional); 1st lunar month",
        "tháng Ba": "March",
        "tháng 3 và 4 người, tháng Ba và Hai Bà Trưng": "March; 4; March",
        "tháng 3": "March",
    },
)


def _vi_more_months(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match.start() not in scanned.month_ends:
        return None
    names = list(
        _VI_NAME_OF_MONTH.finditer(
            scanned.lowercased, match.start(), match.start("end") if match["end"] else match.end()
        )
    )
    values = [_VI_MONTHS.get(name[0]) or (int(name[0]) if name[0].isdigit() else 0) for name in names]
    if not all(1 <= value <= MONTHS_OF_YEAR for value in values):
        return None
    if all(scanned.text[name.start()].isupper() for name in names):
        if not match["end"] and VI_CAPITAL.match(scanned.text, match.end()):  # tháng Ba và Hai Bà Trưng
            return None
        numbered = False
    elif match["end"] is None or any(name[0] == "năm" for name in names):
        return None
    else:
        numbered = True
    return [
        scanned.quantity(
            name.span(), value, "month", alternatives=(Reading(Fraction(value), "number"),) if numbered else ()
        )
        for name, value in zip(names, values, strict=True)
    ]


VI_MORE_MONTHS: Final = Rule(
    name="Vietnamese: more months",
    pattern=re.compile(
        rf"(?<=\0)(?:,[ ]{_VI_MONTH_NAME})*(?:[ ](?:đến|tới|và|hoặc|hay)[ ]|[ ]?[-–][ ]?){_VI_MONTH_NAME}"
        rf"(?![.,/-][0-9]|[ ]{VI_SCALE})(?P<end>\Z|[^\w\s%/]|[ ](?:năm (?:[0-9]{{4}}|nay|ngoái)|hàng|hằng"
        rf"|này|tới|vừa|sắp|âm lịch){END})?"
    ),
    read=_vi_more_months,
    needs=needs("tháng"),
    examples={
        "tháng Ba đến Bảy, tháng Ba và Tư": "March; ~July; March; April",
        "Tư và Năm; tháng 3 và 4; tháng ba và tư.": "March; April or 4; March; April or 4",
    },
)


def _vi_full_moon(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (scanned.quantity(match.span(), 15, "day", salience="optional"),)


VI_FULL_MOON: Final = Rule(
    name="Vietnamese: full moon",
    pattern=re.compile(rf"{START}rằm{END}"),
    read=_vi_full_moon,
    needs=needs("rằm"),
    examples={
        "ngày rằm": "day 15 (optional)",
    },
)


# chiều 2-9, sáng nay (9-11), thứ Hai, 9-11; not mỗi ngày 1.5 lít
_VI_DAY_FOLLOWS = re.compile(
    rf"(?:{START}(?:(?<!mỗi )(?<!một )(?<!hàng )(?<!hằng )ngày|hôm|mùng|dịp|lễ|nhanh|{VI_TIME_OF_DAY}"
    r"|(?P<only>quốc khánh|diễu hành|chậm nhất|muộn nhất)"
    r"|(?:nay|qua|mai|chủ nhật|thứ (?:[2-7]|hai|ba|tư|năm|sáu|bảy)),?)[ ]\(?)\Z"
)


# từ 22.5, (17.6): a decimal has a comma; not IELTS từ 5.5
_VI_DOT_FOLLOWS = re.compile(rf"\(\Z|{START}(?<!ielts )(?<!điểm )(?:từ|đến|tới|trước|sau|hết|vào|và)[ ]\Z")


def _vi_dotted(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read chiều 2-9 and ngày 30.10; what is written so may be a number or a range too."""
    day, month = int(match["day"]), int(match["month"])
    before, dotted = scanned.before(match.start(), 16), match["mark"] == "."
    follows = _VI_DAY_FOLLOWS.search(before)
    if not _vi_valid(day, month) or not (follows or (dotted and _VI_DOT_FOLLOWS.search(before))):
        return None
    if scanned.lowercased.startswith(" tháng", match.end()):  # ngày 4-8 tháng 5
        return None
    surely = follows is not None and follows["only"] is not None
    decimal = (Reading(Fraction(f"{day}.{match['month']}"), "number"),) if dotted and not surely else ()
    number = (Reading(Fraction(month), "number"),) if not surely else ()
    return (
        scanned.quantity(match.span("day"), day, "day", alternatives=decimal),
        scanned.quantity(match.span("month"), month, "month", alternatives=(*number, *decimal)),
    )


VI_DOTTED: Final = Rule(
    name="Vietnamese: day and month with a dot or hyphen",
    pattern=re.compile(
        r"(?<![\w.,/-])(?P<day>[0-9]{1,2})(?P<mark>[.-])(?P<month>[0-9]{1,2})"
        rf"(?![\w%-]|[.,/][0-9]|[ ]?(?:(?:ngày|giờ|tuần|tháng|độ|lần){END}|{VI_SCALE}))"
    ),
    read=_vi_dotted,
    needs=needs(DIGIT),
    examples={
        "chiều 2-9, thắng 2-1, 3-5 ngày": "day 2; September or 9; 2; 1 or January; 3 or 3 days; 5 days",
        "ngày 22-8 triệu tập đại sứ": "day 22; August or 8",
        "ngày 30.10": "day 30 or 30.1; October or 10 or 30.1",
        "sáng nay (9-11)": "day 9; November or 11",
        "từ ngày 4-8 tháng 5, tin nhanh 18-5": "4; 8; May; day 18; May or 5",
        "hậu trường (17.6)": "day 17 or 17.6; June or 6 or 17.6",
        "thứ Hai, 9-11": "Monday (word); day 9; November or 11",
        "mỗi ngày 1.5 lít, ngày 2.5 triệu": "1.5 litres; 2.5 million",
        "mừng Quốc khánh 2.9, chậm nhất 15.11": "day 2; September; day 15; November",
        "muộn nhất 15-11, buổi diễu hành 2.9": "day 15; November; day 2; September",
        "IELTS từ 5.5, điểm từ 6.5": "5.5; 6.5",
    },
)


def _vi_slashed(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    left, right = int(match[1]), int(match[2])
    if not right:
        return None
    share = Reading(Fraction(left, right), "fraction")
    before, after = (
        scanned.lowercased[max(0, match.start() - 12) : match.start()],
        _VI_SHARED.match(scanned.lowercased, match.end()),
    )
    dated = VI_DATED.search(before) is not None
    if (
        not _vi_valid(left, right)
        or (after and not dated)
        or _VI_RATIO.search(scanned.lowercased, max(0, match.start() - 30), match.start())
    ):
        return (
            scanned.quantity(match.span(1), left, "number", alternatives=(share,)),
            scanned.quantity(match.span(2), right, "number", alternatives=(share,)),
        )
    alternatives = () if dated else (share,)
    lunar = _VI_LUNAR.match(scanned.lowercased, match.end())
    return (
        scanned.quantity(match.span(1), left, "day", alternatives=alternatives),
        scanned.quantity(match.span(2), right, "lunar" if lunar else "month", alternatives=alternatives),
    )


VI_SLASHED: Final = Rule(
    name="Vietnamese: slashed",
    pattern=re.compile(r"(?<![0-9/.,-])([0-9]{1,3})/([0-9]{1,3})(?![0-9/]|[.,][0-9])"),
    read=_vi_slashed,
    needs=needs("/"),
    examples={
        "ngày 2/3": "day 2; March",
        "hơn 2/3 đại biểu": "~2 or 2/3; 3 or 2/3",
        "4/10 nhân viên": "4 or 0.4; 10 or 0.4",
        "15/16 đội": "15 or 0.9375; 16 or 0.9375",
        "10/3 âm lịch": "day 10 or 10/3; 3rd lunar month or 10/3",
        "tỷ lệ chọi 1/12, ngày 1/12": "1 or 1/12; 12 or 1/12; day 1; December",
    },
)


def _vi_day(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = int(match[1])
    return (scanned.quantity(match.span(1), value, "day"),) if 1 <= value <= _DAYS_OF_MONTH else None


VI_DAY: Final = Rule(
    name="Vietnamese: day",
    pattern=re.compile(rf"{START}(?:ngày|mùng|mồng)[ ]([0-9]{{1,2}})(?![^\W_]|[.,/:-][0-9]|[ ]?%)"),
    read=_vi_day,
    needs=needs("ngày mùng mồng"),
    examples={
        "ngày 20, mùng 3": "day 20; day 3",
    },
)


# trong 2 ngày 22-23/5: the days are named, so English need not count them
_VI_NAMED_DAYS: Final = re.compile(
    r" ngày [0-9]{1,2}(?: và [0-9]{1,2}|, [0-9]{1,2}|[-–][0-9]{1,2})*[-/.][0-9]{1,2}(?![^\W_])"
)


def vi_in_context(scanned: ScannedText, found: list[Quantity]) -> list[Quantity]:
    """Return the numbers read, with what those around them show: 18-3 may be March 18, wherever it is written."""
    for at, right in enumerate(found):
        if right.kind in ("number", "measure") and _VI_NAMED_DAYS.match(
            scanned.lowercased, right.end - len(" ngày") * (right.unit == "days")
        ):
            found[at] = replace(right, salience="optional")
        left = found[at - 1] if at else right
        if (
            left.kind == right.kind == "number"
            and scanned.text[left.end : right.start] == "-"
            and left.text.isdigit()
            and right.text.isdigit()
            and _vi_valid(int(left.value), int(right.value))
            and not scanned.lowercased.startswith(" tháng", right.end)  # from the fourth to the eighth of May
        ):
            found[at] = replace(right, alternatives=(*right.alternatives, Reading(right.value, "month")))
    return found


def _vi_valid(day: int, month: int) -> bool:
    return 1 <= day <= _DAYS_OF_MONTH and 1 <= month <= MONTHS_OF_YEAR


# English


EN_DATED = re.compile(
    rf"{START}(?:on|from|until|till|since|by|before|after|morning|afternoon|evening|night)[ ,]+\Z|\(\Z"
)
_EN_MONTH_NAMES: Final = {name.lower(): at + 1 for at, name in enumerate(MONTHS)}
_EN_MONTH_SHORT: Final = {name[:3].lower(): at + 1 for at, name in enumerate(MONTHS)} | {"sept": 9}
_EN_BESIDE_DIGITS = re.compile(r"[ .,]{1,3}[0-9]|[ ,.]{0,2}\Z")
_EN_DIGITS_BEFORE = re.compile(r"[0-9](?:st|nd|rd|th)?(?: of[ -]|[ /-]{1,3})\Z")
_EN_MONTH_BEFORE = re.compile(
    r"(?<!\w)(?:in|of|on|by|since|until|till|from|to|last|this|next|early|late|mid|and|or|through|between|during|before|after"
    r"|around|for|every|each|as of)[ -]\Z|(?<![\w])(?:end|start|beginning) of \Z"
)
EN_LUNAR_WORD = re.compile(r"lunar|full moon")


def _en_month(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    start, end = match.span()
    if not scanned.text[start].isupper() and (match["short"] or match["name"] in ("may", "march", "august")):
        return None
    before = scanned.lowercased[max(0, start - 14) : start]
    digits = (
        _EN_BESIDE_DIGITS.match(scanned.lowercased, end) is not None or _EN_DIGITS_BEFORE.search(before) is not None
    )
    name = match["name"] or match["short"]
    sure = digits or (match["name"] and (name not in ("may", "march") or _EN_MONTH_BEFORE.search(before)))
    if not sure and match["short"]:
        return None
    value = _EN_MONTH_NAMES.get(name) or _EN_MONTH_SHORT[name]
    return (scanned.quantity(match.span(), value, "month", salience="figure" if sure else "optional"),)


EN_MONTH: Final = Rule(
    name="English: month",
    pattern=re.compile(rf"{START}(?:(?P<name>{any_of(_EN_MONTH_NAMES)})|(?P<short>{any_of(_EN_MONTH_SHORT)})\.?){END}"),
    read=_en_month,
    needs=frozenset((*_EN_MONTH_NAMES, *_EN_MONTH_SHORT)),
    examples={
        "March 8, 2020": "March; 8; 2020",
        "on 8 March, in May, May 5": "8; March; May; May; 5",
        "March is the month of coffee. Theresa May spoke": "March (optional); May (optional)",
        "March 8": "March; 8",
    },
)


def _en_slashed(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    at = (4, 6, 7) if match[4] else (1, 2, 3)
    left, right, year = int(match[at[0]]), int(match[at[1]]), match[at[2]]
    if not right:
        return None
    share = (Reading(Fraction(left, right), "fraction"),) if year is None else ()
    found = [
        scanned.quantity(
            match.span(group),
            value,
            "number",
            alternatives=(*share, Reading(Fraction(value), "month"), Reading(Fraction(value), "lunar")),
        )
        for group, value in ((at[0], left), (at[1], right))
    ]
    if year:
        found.append(scanned.quantity(match.span(at[2]), int(year) + (2000 if len(year) < len("2000") else 0), "year"))
    return found


EN_SLASHED: Final = Rule(
    name="English: slashed",
    pattern=re.compile(
        r"(?<![0-9/.,-])([0-9]{1,2})/([0-9]{1,2})(?:/([0-9]{4}|[0-9][0-9]))?(?![0-9/]|[.,][0-9])|(?<![0-9/.,-])([0-9]{1,2})([.-])([0-9]{1,2})\5([0-9]{4})(?![0-9]|[.-][0-9])"
    ),
    read=_en_slashed,
    needs=needs(DIGIT),
    examples={
        "on 24/7/2023": "24 or month 24 or 24th lunar month; 7 or July or 7th lunar month; year 2023",
        "14-3-2023": "14 or month 14 or 14th lunar month; 3 or March or 3rd lunar month; year 2023",
    },
)


def _en_last_lunar_month(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (scanned.quantity(match.span(), MONTHS_OF_YEAR, "lunar"),)


EN_LAST_LUNAR_MONTH: Final = Rule(
    name="English: last lunar month",
    pattern=re.compile(rf"{START}(?:last|final) (?:lunar month|month of the (?:lunar|old) (?:year|calendar)){END}"),
    read=_en_last_lunar_month,
    needs=needs("lunar"),
    examples={
        "the 21st day of the last lunar month": "21st; 12th lunar month",
        "the final month of the lunar year": "12th lunar month",
    },
)


def en_lunar(scanned: ScannedText, quantity: Quantity) -> Quantity:
    """Return the quantity with the reading it has where the text speaks of the lunar calendar."""
    if quantity.kind not in ("month", "ordinal", "number") or not 1 <= quantity.value <= MONTHS_OF_YEAR:
        return quantity
    if scanned.lowercased.startswith(" day", quantity.end):
        return quantity
    return replace(quantity, alternatives=(*quantity.alternatives, Reading(quantity.value, "lunar")))
