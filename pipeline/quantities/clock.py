"""Times of day and of the clock: `20h30`, `12 giờ kém 15`, "8:30 p.m.", "a quarter past seven"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities.dates import EN_DATED, VI_DATED
from pipeline.quantities.number_words import EN_ONES, VI_DIGITS, vi_atom
from pipeline.quantities.patterns import END, START, VI_TIME_OF_DAY, any_of, needs
from pipeline.quantities.scanned_text import DIGIT, Rule, ScannedText
from pipeline.quantities.values import Quantity, Reading, Salience

_NOON: Final = 12  # hours
_HOURS: Final = 24
_LAST_MINUTE: Final = 59


# Vietnamese


_VI_EVERY_DAY = re.compile(rf"{START}(?:suốt|cả|mỗi|hàng|hằng) (?:ngày|đêm)[ ]\Z")
_VI_LATE_MORNING: Final = 10  # 11 giờ trưa is before noon, 1 giờ trưa after it
_EVENING: Final = 6  # 9 giờ đêm is in the evening, 2 giờ đêm is not
_VI_AT = re.compile(rf"{START}(?:lúc|vào|hồi|từ|đến|tới|trước|sau|khoảng|{VI_TIME_OF_DAY}|nay|qua|mai)[ ,]*\Z")


def _vi_all_day(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    before = scanned.lowercased[max(0, match.start() - 12) : match.start()]
    if match[0] == "24/7" and VI_DATED.search(before) and not _VI_EVERY_DAY.search(before):
        return None  # July
    return (scanned.quantity(match.span(), 24, "measure", unit="hours", salience="optional"),)


VI_ALL_DAY: Final = Rule(
    name="Vietnamese: all day",
    pattern=re.compile(rf"{START}24(?:h?/24h?|h?/7){END}(?!/[0-9])"),
    read=_vi_all_day,
    needs=needs("/"),
    examples={
        "đỗ xe 24h/24": "24 hours (optional)",
    },
)


def _vi_minutes_before_hour(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read 12 giờ kém 15: 11:45."""
    hour, before = (int(vi_atom(match[name], scanned)[0]) for name in ("hour", "before"))
    if hour > _HOURS or not 0 < before <= _LAST_MINUTE:
        return None
    period = match["period"]
    moment = ((_vi_of_day(hour, period) if period else hour) * 60 - before) % (_HOURS * 60)
    alternatives = (
        (Reading(Fraction(moment + _NOON * 60), "time"),)
        if not period and hour <= _NOON and moment < _NOON * 60
        else ()
    )
    return (scanned.quantity(match.span(), moment, "time", alternatives=alternatives),)


# Minutes before the hour: 12 giờ kém 15, bảy giờ kém mười
VI_MINUTES_BEFORE_HOUR: Final = Rule(
    name="Vietnamese: minutes before the hour",
    pattern=re.compile(
        rf"(?<![\w.,:/-])(?P<hour>[0-9]{{1,2}}|mười hai|mười một|mười|{any_of(VI_DIGITS)})[ ]?(?:giờ|h|g)"
        r"[ ](?:kém|thiếu)[ ](?P<before>[0-9]{1,2}|hai mươi lăm|hai mươi|mười lăm|mười|năm)"
        rf"(?:[ ]?(?:phút|p|'))?{END}(?:[ ](?P<period>{VI_TIME_OF_DAY}){END})?"
    ),
    read=_vi_minutes_before_hour,
    needs=needs("kém thiếu"),
    examples={
        "12 giờ kém 15": "11:45 a.m. or 11:45 p.m.",
        "lúc bảy giờ kém mười": "6:50 a.m. or 6:50 p.m.",
        "8 giờ kém 5 phút tối": "7:55 p.m.",
    },
)


def _vi_time(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    hour, minute = int(match["hour"]), int(match["colon"] or match["minute"] or (30 if match["half"] else 0))
    period = match["period"]
    if match["clock"] or minute > _LAST_MINUTE or (hour > _HOURS and not match["full"]):
        return None
    span = match.span()
    length = Reading(Fraction(hour * 60 + minute, 60), "measure", "hours")
    if hour > _HOURS:
        return (scanned.quantity(span, length.value, "measure", unit="hours"),)
    if period:
        return (scanned.quantity(span, _vi_of_day(hour, period) * 60 + minute, "time"),)
    moment = Fraction(hour * 60 + minute)
    alternatives = [length] if not match["colon"] else []
    if hour < _NOON:
        alternatives.append(Reading(moment + _NOON * 60, "time"))
    if match["full"] == "giờ" and not _VI_AT.search(scanned.lowercased, max(0, match.start() - 12), match.start()):
        return (
            scanned.quantity(
                span, length.value, "measure", unit="hours", alternatives=(Reading(moment, "time"), *alternatives)
            ),
        )
    return (scanned.quantity(span, moment, "time", alternatives=tuple(alternatives)),)


VI_TIME: Final = Rule(
    name="Vietnamese: time",
    pattern=re.compile(
        rf"(?<![\w.,:/])(?P<hour>[0-9]{{1,2}})(?:[ ]?:[ ]?(?P<colon>[0-9][0-9])"
        r"|[ ]?(?:h|g|giờ)[ ]?(?P<minute>[0-9]{1,2})(?:[ ]?(?:phút|p|'))?"
        rf"|[ ]?(?P<full>h|giờ)(?P<half> rưỡi)?)(?!\w|:[0-9]|/)(?P<clock>[0-9])?"
        rf"(?:[ ](?P<period>{VI_TIME_OF_DAY}|am|pm|a\.m|p\.m){END})?"
    ),
    read=_vi_time,
    needs=needs(": h g giờ"),
    examples={
        "20h30, 8h sáng, 3 giờ chiều, 9 giờ tối": "8:30 p.m. or 20.5 hours; 8:00 a.m.; 3:00 p.m.; 9:00 p.m.",
        "trong 3 giờ": "3 hours or 3:00 a.m. or 3:00 p.m.",
        "điểm tin 6h: bão": "6:00 a.m. or 6 hours or 6:00 p.m.",
    },
)


def _vi_of_day(hour: int, period: str) -> int:
    if period in ("chiều", "tối", "pm", "p.m", "trưa"):
        late = hour < _NOON and not (period == "trưa" and hour >= _VI_LATE_MORNING)
        return hour + _NOON if late else hour
    if period in ("đêm", "khuya") and _EVENING <= hour <= _NOON:
        return (hour + _NOON) % _HOURS
    return 0 if hour == _NOON and period in ("am", "a.m") else hour


# English


_EN_DOTTED: Final = re.compile(r"(?:[01]?[0-9]|2[0-3])\.[0-5][0-9]")
_EN_SOME_MINUTES = r"(?:(?:a )?quarter|(?:five|ten|fifteen|twenty|twenty-five|[0-9]{1,2}) minutes)"
_EN_MINUTES: Final = {"quarter": 15, "five": 5, "ten": 10, "fifteen": 15, "twenty": 20, "twenty-five": 25}


def _en_all_day(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match[0] == "24/7" and EN_DATED.search(scanned.lowercased, max(0, match.start() - 12), match.start()):
        return None  # 24 July, as the Vietnamese write it
    salience: Salience = "optional" if "/" in match[0] else "figure"
    return (scanned.quantity(match.span(), 24, "measure", unit="hours", salience=salience),)


EN_ALL_DAY: Final = Rule(
    name="English: all day",
    pattern=re.compile(rf"{START}24(?:/24|/7|[ -]hours?){END}(?!/[0-9])"),
    read=_en_all_day,
    needs=needs(DIGIT),
    examples={
        "open 24/7": "24 hours (optional)",
    },
)


def _en_spoken_time(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a quarter past seven, 6 in the morning, 1900 hours."""
    if match["hundred"]:
        return (scanned.quantity(match.span(), int(match["hundred"]) * 60 + int(match["rest"]), "time"),)
    name = match["name"] or match["hour"]
    hour, minute = EN_ONES.get(name) or int(name), int(match["minute"] or 0)
    if hour > _HOURS or minute > _LAST_MINUTE:
        return None
    if match["name"]:
        words = (match["before"] or match["to"]).removeprefix("a ").removesuffix(" minutes")
        minutes = _EN_MINUTES.get(words) or int(words)
        if minutes > _LAST_MINUTE:
            return None
        value = (hour * 60 + (minutes if match["before"] else -minutes)) % (_HOURS * 60)
        return (
            scanned.quantity(
                match.span(), value, "time", alternatives=(Reading(Fraction(value + _NOON * 60), "time"),)
            ),
        )
    late = match["day"] in ("afternoon", "evening") or (match["night"] and hour >= _EVENING)
    value = (hour + _NOON if late and hour < _NOON else hour) * 60 + minute
    # "two at night" may be two accidents; an ordinal, as a number would match any time with that hour
    count = () if match["minute"] else (Reading(Fraction(hour), "ordinal"),)
    return (scanned.quantity(match.span(), value, "time", alternatives=count),)


EN_SPOKEN_TIME: Final = Rule(
    name="English: spoken time",
    pattern=re.compile(
        rf"{START}(?:(?P<before>{_EN_SOME_MINUTES}|twenty|ten|five) past|(?P<to>{_EN_SOME_MINUTES}) (?:to|before))"
        rf" (?P<name>[0-9]{{1,2}}|{any_of(EN_ONES)}){END}"
        r"|(?<![\w.,:/$€£])(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-9][0-9]))?(?: o['’]clock)?"
        rf" (?:in the (?P<day>morning|afternoon|evening)|at (?P<night>night)){END}"
        r"|(?<=\b(?:at|by)[ ])(?P<hundred>[01][0-9]|2[0-3])(?P<rest>[0-5][0-9])(?: hours| hrs)(?!\w)"
    ),
    read=_en_spoken_time,
    needs=needs("past to before morning afternoon evening night hours hrs"),
    examples={
        "at 6 in the evening, 9 at night, at 1900 hours": "6:00 p.m. or 6th; 9:00 p.m. or 9th; 7:00 p.m.",
        "a quarter past seven, quarter to 8": "7:15 a.m. or 7:15 p.m.; 7:45 a.m. or 7:45 p.m.",
        "15 minutes to 12": "11:45 a.m. or 11:45 p.m.",
        "ten minutes before seven": "6:50 a.m. or 6:50 p.m.",
        "5 minutes past 6": "6:05 a.m. or 6:05 p.m.",
    },
)


def _en_malformed_time(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > _HOURS:
        return None
    if match["half"]:
        hour = hour % _NOON + (_NOON if match["half"] == "p" else 0)
    value = hour * 60 + minute
    alternatives = [Reading(Fraction(value, 60), "measure", "hours")]
    if hour < _NOON and not match["half"]:
        alternatives.append(Reading(Fraction(value + _NOON * 60), "time"))
    return (scanned.quantity(match.span(), value, "time", alternatives=tuple(alternatives)),)


# 19 h 50, 20 o'clock 30 minutes, 8 hours 30 p.m.: not idiomatic English, but the time is clear
EN_MALFORMED_TIME: Final = Rule(
    name="English: malformed time",
    pattern=re.compile(
        r"(?<![\w.,:/$€£])(?P<hour>[0-9]{1,2})(?: h ?|h | hours? | o['’]clock (?:and )?)(?P<minute>[0-5][0-9])"
        r"(?:(?<=clock [0-9][0-9]) minutes?)?(?: ?(?P<half>[ap])\.?m(?!\w)\.?)?"
        r"(?=[.,;:)]?(?:\Z|\s(?:on|in|of)\s|\s*[\n)])|[.,;]\s)"
    ),
    read=_en_malformed_time,
    needs=needs("h hour hours clock"),
    examples={
        "8 hours 30 p.m.": "8:30 p.m. or 20.5 hours",
    },
)


def _en_time(scanned: ScannedText, match: re.Match[str]) -> Iterable[Quantity] | None:
    hour = match["hour"] or match["hour24"] or match["clock"] or match["half"]
    if hour is None:
        value = 0 if match["named"] == "midnight" else _NOON * 60
        alternatives = (Reading(Fraction(_HOURS * 60), "time"),) if not value else ()
        return (scanned.quantity(match.span(), value, "time", alternatives=alternatives, salience="optional"),)
    hours = EN_ONES.get(hour) or int(hour)
    minutes = int(match["minute"] or match["minute24"] or match["minute_h"] or (30 if match["half"] else 0))
    if hours > _HOURS or minutes > _LAST_MINUTE:
        return None
    if match["period"] == "p" and hours > _NOON:  # 15:30 p.m.
        return (replace(scanned.quantity(match.span(), hours % _HOURS * 60 + minutes, "time"), foreign=True),)
    if match["period"]:
        value = hours % _NOON * 60 + minutes + (_NOON * 60 if match["period"] == "p" else 0)
        return (scanned.quantity(match.span(), value, "time"),)
    value = hours * 60 + minutes
    alternatives = (Reading(Fraction(value + _NOON * 60), "time"),) if hours < _NOON else ()
    return (scanned.quantity(match.span(), value, "time", alternatives=alternatives),)


EN_TIME: Final = Rule(
    name="English: time",
    pattern=re.compile(
        rf"(?<![\w.,:/$€£])(?P<hour>[0-9]{{1,2}})(?:[:.](?P<minute>[0-9][0-9]))?[ ]?"
        rf"(?P<period>[ap])\.?[ ]?m{END}(?:(?<=\.m)\.)?"
        rf"|(?<![\w.,:/$€£])(?P<hour24>[0-9]{{1,2}})(?::(?P<minute24>[0-9][0-9])|h(?P<minute_h>[0-9][0-9])?)(?![\w:])"
        rf"|{START}(?P<clock>[0-9]{{1,2}}|{any_of(EN_ONES)}) o['’]clock"
        rf"|{START}half past (?P<half>[0-9]{{1,2}}|{any_of(EN_ONES)}){END}"
        rf"|{START}(?P<named>noon|midday|midnight){END}"
    ),
    read=_en_time,
    needs=needs(": h am pm m clock past noon midday midnight"),
    examples={
        "9 p.m., 8:30 am, 20:30, 10.15pm": "9:00 p.m.; 8:30 a.m.; 8:30 p.m.; 10:15 p.m.",
        "15:30 p.m., 17 a.m.": "3:30 p.m. (Vietnamese way); 5:00 a.m.",
    },
)


def en_maybe_clock(quantity: Quantity) -> Quantity:
    """Return 19.50 with the time of day that it may be."""
    if quantity.kind != "number" or not _EN_DOTTED.fullmatch(quantity.text):
        return quantity
    hour, minute = map(int, quantity.text.split("."))
    alternatives = [Reading(Fraction(hour * 60 + minute), "time")]
    if hour < _NOON:
        alternatives.append(Reading(Fraction((hour + _NOON) * 60 + minute), "time"))
    return replace(quantity, alternatives=(*quantity.alternatives, *alternatives))
