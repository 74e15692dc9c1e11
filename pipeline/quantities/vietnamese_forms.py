"""What the numbers of a Vietnamese text say.

The narrow forms are read first (`ngày 2/3`, `20h30`, `khóa XII`, `thứ Ba`), then numerals with their scale words and
units, then what can answer for a number. Homographs are told by their neighbours: `tỷ lệ` and `tỷ phú` hold no
billion, `năm` is five only before something that is counted, `Ba Đình` is a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from pipeline.quantities import vietnamese_numerals as numerals
from pipeline.quantities import vietnamese_words as words
from pipeline.quantities.page import (
    CODE,
    DAYS_OF_MONTH,
    DIGIT,
    HOURS,
    LAST_MINUTE,
    MONTHS_OF_YEAR,
    NOON,
    ROMANS,
    SHORT_YEARS,
    Form,
    Page,
    code,
    finished,
    roman,
    short_years,
    square_or_cubic,
)
from pipeline.quantities.units import SQUARE_CUBIC_UNITS, SQUARE_OR_CUBIC, VIETNAMESE, alternatives, named, of_time
from pipeline.quantities.values import Quantity, Reading, Weight
from pipeline.quantities.vietnamese_words import DIGITS, END, MONTHS, ORDINALS, START, WEEKDAYS

# Names of a virus and words of the clock that hold no number of their own.
_NO_NUMBER = re.compile(
    rf"{START}(?:(?:sars-|n|2019-n)?cov(?:id)?[ ‐-–-]{{0,3}}(?:2019|19|2)|2019[ -]?ncov"
    rf"|corona(?: ?virus)? 2019(?:[-–]20)?){END}"
)
_VERSION = re.compile(rf"{START}[a-z](?:\.[0-9]+){{1,4}}{END}")  # the variant B.1.617

_ALL_DAY = re.compile(rf"{START}24(?:h?/24h?|h?/7){END}(?!/[0-9])")
_ALL = re.compile(rf"{START}(?:suốt|cả|mỗi|hàng|hằng) (?:ngày|đêm)[ ]\Z")
_HOUR = r"(?:sáng|trưa|chiều|tối|đêm|khuya)"
_TIME = re.compile(
    rf"(?<![\w.,:/])(?P<hour>[0-9]{{1,2}})(?:[ ]?:[ ]?(?P<colon>[0-9][0-9])"
    r"|[ ]?(?:h|g|giờ)[ ]?(?P<minute>[0-9]{1,2})(?:[ ]?(?:phút|p|'))?"
    rf"|[ ]?(?P<full>h|giờ)(?P<half> rưỡi)?)(?![\w:]|/)(?P<clock>[0-9])?"
    rf"(?:[ ](?P<period>{_HOUR}|am|pm|a\.m|p\.m){END})?"
)
# The minutes that lack to the hour: 12 giờ kém 15, bảy giờ kém mười
_TIME_LESS = re.compile(
    rf"(?<![\w.,:/-])(?P<hour>[0-9]{{1,2}}|mười hai|mười một|mười|{alternatives(DIGITS)})[ ]?(?:giờ|h|g)"
    r"[ ](?:kém|thiếu)[ ](?P<less>[0-9]{1,2}|hai mươi lăm|hai mươi|mười lăm|mười|năm)"
    rf"(?:[ ]?(?:phút|p|'))?{END}(?:[ ](?P<period>{_HOUR}){END})?"
)
_LATE_MORNING: Final = 10  # 11 giờ trưa is before noon, 1 giờ trưa behind it
_EVENING: Final = 6  # 9 giờ đêm is in the evening, 2 giờ đêm is not
_AT = re.compile(rf"{START}(?:lúc|vào|hồi|từ|đến|tới|trước|sau|khoảng|{_HOUR}|nay|qua|mai)[ ,]*\Z")
_WHOLE_DATE = re.compile(
    r"(?<![0-9/.,-])([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|(?<=/)[0-9][0-9])(?![0-9/]|[.,][0-9])"
)
_MONTH_YEAR = re.compile(r"(?<![0-9/.,-])([0-9]{1,2})[/-]((?:19|20)[0-9][0-9])(?![0-9/-])")
_MONTH = re.compile(
    rf"(?:{START}(?P<lead>ngày|mùng|mồng|rằm|đêm|hôm)[ ])?(?:(?<![0-9/.,-])(?P<day>[0-9]{{1,2}})[ ])?"
    rf"{START}tháng[ ](?P<month>[0-9]{{1,2}}|{alternatives(MONTHS)})"
    rf"(?![^\W_]|[.,/][0-9][0-9]?(?![0-9])|[ ](?:lần|trời|tuổi){END})"
    rf"(?:[ ]?[/-][ ]?(?P<year>(?:19|20)[0-9][0-9])(?![0-9])|[ ]?[-–][ ]?(?P<until>[0-9]{{1,2}})(?![0-9/.]))?"
)
# What follows a month in a list or range that says `tháng` once. In small letters (`ba`, `tư`) and in figures it is a
# month only where nothing can be counted behind it.
_MONTH_NAME = rf"(?:[0-9]{{1,2}}|{alternatives(MONTHS)}){END}"
_MORE_MONTHS = re.compile(
    rf"(?<=\0)(?:,[ ]{_MONTH_NAME})*(?:[ ](?:đến|tới|và|hoặc|hay)[ ]|[ ]?[-–][ ]?){_MONTH_NAME}"
    rf"(?![.,/-][0-9]|[ ]{words.SCALE})(?P<end>\Z|[^\w\s%/]|[ ](?:năm (?:[0-9]{{4}}|nay|ngoái)|hàng|hằng"
    rf"|này|tới|vừa|sắp|âm lịch){END})?"
)
_NAME_OF_MONTH = re.compile(_MONTH_NAME)
_LUNAR = re.compile(r"\s*(?:năm \S+ )?\(?(?:âm lịch|âl|al)(?![^\W_])")
_FULL_MOON = re.compile(rf"{START}rằm{END}")
_SLASHED = re.compile(r"(?<![0-9/.,-])([0-9]{1,3})/([0-9]{1,3})(?![0-9/]|[.,][0-9])")
_DATED = re.compile(
    rf"{START}(?:ngày|hôm|{_HOUR}|mùng|mồng|từ|trước|sau|qua|nay|dịp|lễ|hết|vào|rạng)[ ]\Z"
    r"|\(\Z|[0-9]/[0-9]{1,2} ?(?:-|–|và|,|đến) ?\Z"
)
_SHARED = re.compile(
    r"[ ](?:số|đại biểu|dân|diện tích|thành viên|người|tổng|lượng|phiếu|trong số|quốc gia|chặng|thời gian|nước|cổ phần"
    r"|quãng|trận|mẫu|doanh nghiệp|tỉnh|hộ|ca|các|những|đội|khách|lần|cử tri|bệnh nhân|học sinh)(?![^\W_])"
)
_RATIO = re.compile(rf"{START}t[ỷỉ] (?:lệ|số)(?: [^\W\d_]+){{0,3}} \Z")
_HEIGHT = re.compile(rf"(?<![\w.,])([12])m([0-9]{{1,2}}){END}")
_WEEKDAY = re.compile(rf"{START}(?:chủ nhật|chúa nhật|thứ[ ](?P<name>[2-7]|{alternatives(WEEKDAYS)})){END}(?!/)")
_WEEKDAY_BEFORE = re.compile(rf"{START}(?:hôm|{_HOUR}|vào|ngày|từ|đến|tới|và|mỗi|hàng|hằng|tuần)[ ]\Z|[,(][ ]?\Z")
_WEEKDAY_BEHIND = re.compile(r",? ?(?:tuần|hàng tuần|hằng tuần|vừa qua|ngày|\(|[0-9]+/[0-9])")
_ORDINAL_BEFORE = re.compile(
    rf"{START}(?:lần|người|đứng|hạng|vị trí|con|quý|điều|thế giới|ca|lớn|cao|thế hệ|vợ|cái|trường hợp|bước|hiệp|bàn"
    r"|chiếc|bên|nước|nhóm|phần|tháng|năm|tuần|trận|lý do|thế chiến|giai đoạn|vụ|đợt|nhân vật|đời|số|xếp|về|nhất|yếu tố"
    r"|cách)[ ]\Z"
)
_ORDINAL = re.compile(rf"{START}thứ[ ](?P<name>[0-9][0-9.,]*|{alternatives(ORDINALS)}){END}")
_DECADE = re.compile(
    rf"{START}(?:thập niên|thập kỷ|thập kỉ|những năm|các năm)[ ](?:của thế kỷ \S+ )?"
    rf"([0-9]{{2}}|[0-9]{{3}}0)(?![0-9/%-]|[.,][0-9])"
)
_ROMAN = re.compile(
    rf"{START}(?P<head>(?:khóa|khoá|thế kỷ|thế kỉ|quý|quí|lần thứ|đại hội|thứ|chương|loại|hạng|thế chiến|vùng|bậc|cấp"
    rf"|phần|tập|vòng|đợt|giai đoạn|nhóm)[ ])?(?P<numeral>[ivxl]{{1,7}}){END}(?![.-]\w)"
)
_QUARTER = re.compile(rf"{START}(?:quý|quí)[ ]([1-4]|một|hai|ba|tư|bốn){END}(?![.,][0-9])")
_FRACTION = re.compile(
    rf"{START}([0-9]{{1,2}}|{alternatives(DIGITS)})[ ]phần[ ]([0-9]{{1,3}}|mười|{alternatives(DIGITS)})"
    r"(?![^\W_]|[ ]triệu)"
)
# nửa đầu năm and 6 tháng đầu năm are the same half of a year
_HALF_OF_YEAR = re.compile(
    rf"{START}(?:nửa (?P<part>đầu|cuối|sau)(?=[ ](?P<year>năm|20[0-9][0-9])|)"
    rf"|(?:6|sáu) tháng (?P<months>đầu|cuối)(?! tiên| đời)"
    rf"|hiệp (?P<number>một|hai|1|2|đầu|nhất)(?! tiên)){END}"
)
_DAYS = re.compile(
    r"(?<![0-9/.,-])([0-9]{1,2})[ ]?[-–][ ]?([0-9]{1,2})/([0-9]{1,2})(?:/((?:19|20)[0-9][0-9]))?(?![0-9/]|[.,][0-9])"
)
# Chiều 2-9; with a hyphen only behind a word that a day follows
_HYPHENED = re.compile(
    rf"(?:{START}(?:ngày|hôm|mùng|dịp|lễ|{_HOUR})[ ])([0-9]{{1,2}})-([0-9]{{1,2}})"
    rf"(?![\w%-]|[.,/][0-9]|[ ]?(?:ngày|giờ|tuần){END})"
)
_KNOCKOUT = re.compile(rf"{START}vòng 1/(2|4|8|16|32)(?![\w/]|[.,][0-9])")
_MORE_TIME = re.compile(r"(?<![\w.,])(45|90|105|120)[ ]?['’]?\+[ ]?([0-9]{1,2})(?!\w|[.,][0-9])")
_BORN_IN = re.compile(rf"{START}([6-9])x{END}")
_HALF_A = re.compile(rf"{START}nửa {of_time(VIETNAMESE)}(?! (?:đầu|cuối|sau){END})")
_HALF = re.compile(rf"{START}(?:(?:một|1)[ ])?nửa{END}(?:[ ](?P<scale>triệu|tỷ|tỉ|nghìn|ngàn){END})?")
_FOLD = re.compile(
    rf"{START}gấp[ ](?:hơn |gần |khoảng )?(đôi|rưỡi|{alternatives(DIGITS)}){END}(?![ ](?:mươi|trăm|nghìn))"
)
_DAY = re.compile(rf"{START}(?:ngày|mùng|mồng)[ ]([0-9]{{1,2}})(?![^\W_]|[.,/:-][0-9]|[ ]?%)")
_YEAR = re.compile(rf"{START}năm[ ](1[0-9]{{3}}|20[0-9][0-9])(?![^\W_]|[.,][0-9]{{3}})")


def vietnamese(text: str, *, context: str = "") -> list[Quantity]:
    """Return the quantities of NFC Vietnamese `text`, in order.

    `context`: more text by the same writer, which can show that he writes decimals with a comma; else "1,234" may be
    either.
    """
    page = Page(text)
    if page.words.isdisjoint(_ANY):
        return []
    if words.DOUBTFUL.search(text):
        page.decimal_comma = any(words.DECIMAL_COMMA.search(one) for one in (text, context))
    for form in _FORMS:
        page.read(form)
    return finished(page, between=words.BETWEEN, hedge=words.HEDGE)


# Readers of one form each: the quantities of a match, or None where it is not that form after all


def _all_day(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    before = page.low[max(0, match.start() - 12) : match.start()]
    if match[0] == "24/7" and _DATED.search(before) and not _ALL.search(before):
        return None  # July
    return (page.quantity(match.span(), 24, "measure", unit="hours", weight="loose"),)


def _time(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    hour, minute = int(match["hour"]), int(match["colon"] or match["minute"] or (30 if match["half"] else 0))
    period = match["period"]
    if match["clock"] or minute > LAST_MINUTE or (hour > HOURS and not match["full"]):
        return None
    span = match.span()
    length = Reading(Fraction(hour * 60 + minute, 60), "measure", "hours")
    if hour > HOURS:
        return (page.quantity(span, length.value, "measure", unit="hours"),)
    if period:
        return (page.quantity(span, _of_day(hour, period) * 60 + minute, "time"),)
    moment = Fraction(hour * 60 + minute)
    also = [length] if not match["colon"] else []
    if hour < NOON:
        also.append(Reading(moment + NOON * 60, "time"))
    if match["full"] == "giờ" and not _AT.search(page.low, max(0, match.start() - 12), match.start()):
        return (page.quantity(span, length.value, "measure", unit="hours", also=(Reading(moment, "time"), *also)),)
    return (page.quantity(span, moment, "time", also=tuple(also)),)


def _time_less(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 12 giờ kém 15: 11:45."""
    hour, less = (int(numerals.atom(match[name], page)[0]) for name in ("hour", "less"))
    if hour > HOURS or not 0 < less <= LAST_MINUTE:
        return None
    period = match["period"]
    moment = ((_of_day(hour, period) if period else hour) * 60 - less) % (HOURS * 60)
    also = (
        (Reading(Fraction(moment + NOON * 60), "time"),) if not period and hour <= NOON and moment < NOON * 60 else ()
    )
    return (page.quantity(match.span(), moment, "time", also=also),)


def _of_day(hour: int, period: str) -> int:
    if period in ("chiều", "tối", "pm", "p.m", "trưa"):
        late = hour < NOON and not (period == "trưa" and hour >= _LATE_MORNING)
        return hour + NOON if late else hour
    if period in ("đêm", "khuya") and _EVENING <= hour <= NOON:
        return (hour + NOON) % HOURS
    return 0 if hour == NOON and period in ("am", "a.m") else hour


def _whole_date(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    day, month = int(match[1]), int(match[3])
    places = [match.span(1), match.span(3)]
    if month > MONTHS_OF_YEAR >= day:  # the American order
        day, month = month, day
        places.reverse()
    if not _valid(day, month):
        return None
    year = int(match[4]) + (2000 if len(match[4]) < len("2000") else 0)
    return (
        page.quantity(places[0], day, "day"),
        page.quantity(places[1], month, "month"),
        page.quantity(match.span(4), year, "year"),
    )


def _month_year(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    month = int(match[1])
    if not 1 <= month <= MONTHS_OF_YEAR:
        return None
    number = Reading(Fraction(month), "number")  # a decree's number and year
    return (
        page.quantity(match.span(1), month, "month", also=(number,)),
        page.quantity(match.span(2), int(match[2]), "year"),
    )


def _month(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    name, lead, day = match["month"], match["lead"], match["day"]
    month = MONTHS.get(name) or (int(name) if name.isdigit() else 0)
    if not 1 <= month <= MONTHS_OF_YEAR or (lead == "ngày" and not day and name == "năm"):  # ngày tháng năm
        return None
    lunar = lead == "rằm" or name == "chạp" or _LUNAR.match(page.low, match.end()) is not None
    span = (match.start("month") - len("tháng "), match.end("month"))
    found: list[Quantity] = []
    if lead == "rằm":
        moon = (match.start("lead"), match.end("lead"))
        found.append(page.quantity(moon, 15, "day", weight="loose"))
    elif day and int(day) <= DAYS_OF_MONTH:
        found.append(page.quantity(match.span("day"), int(day), "day"))
    elif day:
        return None
    also: tuple[Reading, ...] = ()
    if not lunar and (name == "giêng" or lead in ("mùng", "mồng")):
        also = (Reading(Fraction(month), "lunar"),)
    found.append(page.quantity(span, month, "lunar" if lunar else "month", also=also))
    if match["year"]:
        found.append(page.quantity(match.span("year"), int(match["year"]), "year"))
    if match["until"]:
        until = int(match["until"])
        is_month = month < until <= MONTHS_OF_YEAR
        found.append(page.quantity(match.span("until"), until, "month" if is_month else "number"))
    return found


def _more_months(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match.start() not in page.month_ends:
        return None
    names = list(_NAME_OF_MONTH.finditer(page.low, match.start(), match.start("end") if match["end"] else match.end()))
    values = [MONTHS.get(name[0]) or (int(name[0]) if name[0].isdigit() else 0) for name in names]
    if not all(1 <= value <= MONTHS_OF_YEAR for value in values):
        return None
    if all(page.text[name.start()].isupper() for name in names):
        if not match["end"] and words.CAPITAL.match(page.text, match.end()):  # tháng Ba và Hai Bà Trưng
            return None
        numbered = False
    elif match["end"] is None or any(name[0] == "năm" for name in names):
        return None
    else:
        numbered = True
    return [
        page.quantity(name.span(), value, "month", also=(Reading(Fraction(value), "number"),) if numbered else ())
        for name, value in zip(names, values, strict=True)
    ]


def _full_moon(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (page.quantity(match.span(), 15, "day", weight="loose"),)


def _slashed(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    left, right = int(match[1]), int(match[2])
    if not right:
        return None
    share = Reading(Fraction(left, right), "fraction")
    before, after = page.low[max(0, match.start() - 12) : match.start()], _SHARED.match(page.low, match.end())
    dated = _DATED.search(before) is not None
    if (
        not _valid(left, right)
        or (after and not dated)
        or _RATIO.search(page.low, max(0, match.start() - 30), match.start())
    ):
        return (
            page.quantity(match.span(1), left, "number", also=(share,)),
            page.quantity(match.span(2), right, "number", also=(share,)),
        )
    also = () if dated else (share,)
    lunar = _LUNAR.match(page.low, match.end())
    return (
        page.quantity(match.span(1), left, "day", also=also),
        page.quantity(match.span(2), right, "lunar" if lunar else "month", also=also),
    )


def _valid(day: int, month: int) -> bool:
    return 1 <= day <= DAYS_OF_MONTH and 1 <= month <= MONTHS_OF_YEAR


def _height(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = Fraction(f"{match[1]}.{match[2]}")
    also = [Reading(value * 100, "measure", "cm")]
    if unit := SQUARE_CUBIC_UNITS.get(match[2]):  # 1m2: the size of a plot or a man's height
        also.append(Reading(Fraction(match[1]), "measure", unit))
    return (page.quantity(match.span(), value, "measure", unit="m", also=tuple(also)),)


def _weekday(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    name = match["name"]
    if name is None:
        return (page.quantity(match.span(), 7, "weekday"),)
    weekday = WEEKDAYS.get(name) or int(name) - 1
    day, order = Reading(Fraction(weekday), "weekday"), Reading(Fraction(weekday + 1), "ordinal")
    before = page.low[max(0, match.start() - 14) : match.start()]
    capital = page.text[match.start("name")].isupper() and page.text[match.start()].islower()
    if capital or _WEEKDAY_BEHIND.match(page.low, match.end()):
        readings = [day]
    elif _ORDINAL_BEFORE.search(before):
        readings = [order]
    elif _WEEKDAY_BEFORE.search(before):
        readings = [day, order]
    else:
        readings = [order, day]
    first = readings[0]
    return (page.quantity(match.span(), first.value, first.kind, also=tuple(readings[1:]), weight="word"),)


def _ordinal(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    name = match["name"]
    value = ORDINALS.get(name)
    if value is None:
        read = numerals.atom(name, page)
        if not read:
            return None
        return (page.quantity(match.span(), read[0], "ordinal", also=numerals.readings(read[1:], "ordinal")),)
    return (page.quantity(match.span(), value, "ordinal", weight="word" if value > 1 else "loose"),)


def _decade(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = int(match[1])
    return (page.quantity(match.span(1), value, "decade", also=(Reading(Fraction(value), "number"),)),)


def _roman(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    start, end = match.span("numeral")
    if not page.text[start:end].isupper():
        return None
    value = roman(page.text[start:end])
    if value is None or (not match["head"] and end - start == 1):
        return None
    whole_span = match.span() if match["head"] else (start, end)
    return (page.quantity(whole_span, value, "ordinal", weight="figure" if match["head"] else "loose"),)


def _quarter(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = DIGITS.get(match[1]) or int(match[1])
    return (page.quantity(match.span(), value, "ordinal"),)


def _fraction(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    above = DIGITS.get(match[1]) or int(match[1])
    below = 10 if match[2] == "mười" else DIGITS.get(match[2]) or int(match[2])
    if not below:
        return None
    parts = (Reading(Fraction(above), "number"), Reading(Fraction(below), "number"))
    return (page.quantity(match.span(), Fraction(above, below), "fraction", also=parts),)


def _half(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match["scale"]:
        return (page.quantity(match.span(), Fraction(words.SCALES[match["scale"]], 2), "number"),)
    return (
        page.quantity(
            match.span(),
            Fraction(1, 2),
            "fraction",
            also=(Reading(Fraction(50), "percent"),),
            weight="loose",
        ),
    )


def _half_a(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read half an hour; half a month may be told as two weeks or fifteen days."""
    unit = named(VIETNAMESE, match["unit"]).name
    also: tuple[Reading, ...] = (Reading(Fraction(1, 2), "fraction"), Reading(Fraction(50), "percent"))
    if unit == "months":
        also = (*also, Reading(Fraction(2), "measure", "weeks"))
    return (page.quantity(match.span(), Fraction(1, 2), "measure", unit=unit, also=also, weight="loose"),)


def _half_of_year(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    said = match["part"] or match["months"] or match["number"]
    value = 1 if said in ("đầu", "một", "1", "nhất") else 2
    of_year = match["months"] or match["year"]
    also = (Reading(Fraction(6), "measure", "months"),) if of_year else (Reading(Fraction(value), "ordinal"),)
    weight: Weight = "figure" if match["months"] else "word" if of_year else "loose"
    return (page.quantity(match.span(), value, "half", also=also, weight=weight),)


def _days(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 20-25/1 and từ 20 - 25/1/2024: two days of one month."""
    first, last, month = int(match[1]), int(match[2]), int(match[3])
    if not (_valid(first, month) and _valid(last, month) and first < last):
        return None
    found = [page.quantity(match.span(group), int(match[group]), "day") for group in (1, 2)]
    found.append(page.quantity(match.span(3), month, "month"))
    if match[4]:
        found.append(page.quantity(match.span(4), int(match[4]), "year"))
    return found


def _hyphened(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    day, month = int(match[1]), int(match[2])
    if not _valid(day, month):
        return None
    number = Reading(Fraction(month), "number")
    return (
        page.quantity(match.span(1), day, "day"),
        page.quantity(match.span(2), month, "month", also=(number,)),
    )


def _knockout(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read vòng 1/8: the round of 16."""
    below = int(match[1])
    also = tuple(Reading(Fraction(value), "number") for value in (2 * below, below, 1))
    return (
        page.quantity((match.start(1) - 2, match.end()), Fraction(1, below), "fraction", also=also, weight="loose"),
    )


def _more_time(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read phút 90+3, which is the 93rd too."""
    minute = (Reading(Fraction(int(match[1]) + int(match[2])), "number"),)
    return [page.quantity(match.span(group), int(match[group]), "number", also=minute) for group in (1, 2)]


def _born_in(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 9X: who was born in the nineties."""
    decade = int(match[1]) * 10
    also = (Reading(Fraction(decade), "number"), Reading(Fraction(match[1]), "number"))
    return (page.quantity(match.span(), decade, "decade", also=also, weight="word"),)


def _fold(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    name = match[1]
    value = {"đôi": Fraction(2), "rưỡi": Fraction(3, 2)}.get(name) or Fraction(DIGITS[name])
    also = [Reading((value - 1) * 100, "percent"), Reading(value * 100, "percent")]  # up by 100 %, to 200 %
    if name == "rưỡi":
        also.append(Reading(Fraction(1, 2), "fraction"))
    return (page.quantity(match.span(), value, "multiple", also=tuple(also), weight="word"),)


def _day(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = int(match[1])
    return (page.quantity(match.span(1), value, "day"),) if 1 <= value <= DAYS_OF_MONTH else None


def _year(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (page.quantity(match.span(1), int(match[1]), "year"),)


def _needs(names: str) -> frozenset[str]:
    return frozenset(names.split())


_NUMERALS: Final = frozenset((DIGIT, "mười", *DIGITS))
_FORMS: Final = (
    Form(_NO_NUMBER, None, _needs("cov covid ncov corona coronavirus")),
    Form(_VERSION, None, _needs(DIGIT)),
    Form(_ALL_DAY, _all_day, _needs("/")),
    Form(CODE, code, _needs(DIGIT)),
    Form(_DAYS, _days, _needs("/")),
    Form(_WHOLE_DATE, _whole_date, _needs(DIGIT)),
    Form(SHORT_YEARS, short_years, _needs(DIGIT)),
    Form(_MONTH, _month, _needs("tháng")),
    Form(_MORE_MONTHS, _more_months, _needs("tháng")),
    Form(_FULL_MOON, _full_moon, _needs("rằm")),
    Form(_MONTH_YEAR, _month_year, _needs(DIGIT)),
    Form(_TIME_LESS, _time_less, _needs("kém thiếu")),
    Form(_TIME, _time, _needs(": h g giờ")),
    Form(_HYPHENED, _hyphened, _needs(DIGIT)),
    Form(_KNOCKOUT, _knockout, _needs("vòng")),
    Form(_SLASHED, _slashed, _needs("/")),
    Form(_HEIGHT, _height, _needs("m")),
    Form(_QUARTER, _quarter, _needs("quý quí")),
    Form(_ROMAN, _roman, ROMANS),
    Form(_WEEKDAY, _weekday, _needs("thứ nhật")),
    Form(_ORDINAL, _ordinal, _needs("thứ")),
    Form(_DECADE, _decade, _needs(DIGIT)),
    Form(_FRACTION, _fraction, _needs("phần")),
    Form(_HALF_OF_YEAR, _half_of_year, _needs("nửa tháng hiệp")),
    Form(_HALF_A, _half_a, _needs("nửa")),
    Form(_HALF, _half, _needs("nửa")),
    Form(_MORE_TIME, _more_time, _needs(DIGIT)),
    Form(_BORN_IN, _born_in, _needs("x")),
    Form(_FOLD, _fold, _needs("gấp")),
    Form(_DAY, _day, _needs("ngày mùng mồng")),
    Form(_YEAR, _year, _needs(DIGIT)),
    Form(SQUARE_OR_CUBIC, square_or_cubic, _needs("m km cm dm mm")),
    Form(words.LABEL, numerals.label, _needs(DIGIT)),
    Form(words.NUMERAL, numerals.numeral, _NUMERALS),
    Form(words.VAGUE, numerals.vague, frozenset(words.SCALES)),
    Form(words.LOOSE_WORD, numerals.loose, _needs(" ".join(words.LOOSE))),
)
_ANY: Final = frozenset().union(*(form.needs for form in _FORMS))
