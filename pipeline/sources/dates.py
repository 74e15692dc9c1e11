"""Convert dates as Vietnamese pages and feeds write them to ISO 8601. Pure.

The day comes before the month, as Vietnamese writes it. A date that cannot be read (month 13) stays as it was found;
a date is never guessed. Only `in_zone` gives a time without an offset one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime

_DAY_FIRST = re.compile(r"(?<![\d/.-])(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4})(?![\d/-])")
_YEAR_FIRST = re.compile(r"(?<![\d/.-])(?P<y>\d{4})[/.-](?P<m>\d{1,2})[/.-](?P<d>\d{1,2})(?![\d/-])")
_IN_WORDS = re.compile(
    r"(?:ngày\s+)?(?<!\d)(?P<d>\d{1,2})\s+tháng\s+(?P<m>\d{1,2})\s*,?\s*(?:năm\s+)?(?P<y>\d{4})(?!\d)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<![\d:+-])(?P<hour>\d{1,2})\s?(?::|h|g|giờ)\s?(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r"(?:\s*(?P<half>SA|CH|AM|PM)\b)?(?![\d:])",
    re.IGNORECASE,
)
_ZONE = re.compile(
    r"\(?\s*\b(?:GMT|UTC)\s*(?P<sign>[+-])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?\s*\)?", re.IGNORECASE
)
_WEEKDAY = re.compile(r"(?<!\w)(?:thứ\s+(?:hai|ba|tư|năm|sáu|bảy|bẩy|[2-7])|chủ\s+nhật|t[2-7]|cn)(?!\w)", re.IGNORECASE)
_LABEL = re.compile(
    r"(?<!\w)(?:ngày\s+đăng|ngày\s+cập\s+nhật|cập\s+nhật\s+lúc|đăng\s+lúc|cập\s+nhật|xuất\s+bản|đã\s+đăng|đăng|lúc|ngày)"
    r"(?!\w)",
    re.IGNORECASE,
)
_WIDE_GAP = re.compile(r"\t+|\s{2,}")  # parts that the page separates stay separate
_RFC_2822 = re.compile(r"(?:[A-Z][a-z]{2},\s*)?\d{1,2}\s[A-Z][a-z]{2}\s\d{4}\s\d{2}:\d{2}")
_EDGES = " \t,;|-–—•·:()[]/"
_NOON = 12
# Unix times are read between 1985 and 2096; a number outside that range is not a date of a news article.
_SECONDS = range(500_000_000, 4_000_000_000)
_FINER = (1, 1000, 1000**2, 1000**3)  # units a second of a Unix time: seconds, milliseconds, micro-, nanoseconds
_UNIX = re.compile(r"[1-9][0-9]{8,18}(?:\.[0-9]+)?")
# `datetime.fromisoformat` alone also reads "1712010312345" as a day in 1712.
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T\s]\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d+)?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?"
    r"|(?:19|20)\d{6}(?:T\d{4}(?:\d{2})?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(?:19|20)\d{10}(?:\d{2})?")  # 202605061015, 20260506101500


def iso(value: object) -> str:
    """Return `value` (text, date, datetime or Unix time) in ISO 8601 where it can be read, else unchanged."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    found = str(value).strip()
    return read(found) or found


def read(written: str) -> str | None:
    """Return a date in ISO 8601, None where it cannot be read; a Unix time may be in seconds or finer."""
    written = written.strip()
    try:
        if _ISO.fullmatch(written):
            parsed = datetime.fromisoformat(re.sub(r"\s(?=Z|[+-]\d{2}(?::?\d{2})?$)", "", written.upper()))
            return parsed.date().isoformat() if len(written) <= len("2023-03-02") else parsed.isoformat()
        if _COMPACT.fullmatch(written):
            return datetime.strptime(written.ljust(14, "0"), "%Y%m%d%H%M%S").isoformat()  # noqa: DTZ007 - see `in_zone`
    except ValueError:
        pass
    if _UNIX.fullmatch(written):
        whole = int(written.partition(".")[0])
        seconds = next((whole // finer for finer in _FINER if whole // finer in _SECONDS), None)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
    if _RFC_2822.match(written):
        try:
            parsed = parsedate_to_datetime(written)
        except ValueError:
            return None
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).isoformat()  # "-0000" is UTC
    found = split(written)
    return found[0] if found is not None and not found[1] else None


def in_zone(published: str, zone: tzinfo) -> str:
    """Return a time in ISO 8601 without an offset as one in `zone`; a day alone, or no date, stays unchanged."""
    if len(published) <= len("2023-03-02"):
        return published
    try:
        parsed = datetime.fromisoformat(published)
    except ValueError:
        return published
    return published if parsed.tzinfo else parsed.replace(tzinfo=zone).isoformat()


def split(line: str) -> tuple[str, str] | None:
    """Return `(date and time in ISO 8601, rest of the line)` for a line that writes a full date, or None.

    Weekday, time zone and words such as "Cập nhật" belong to the date and are not in the rest.
    """
    line = _WIDE_GAP.sub(" | ", line)
    match = _DAY_FIRST.search(line) or _YEAR_FIRST.search(line) or _IN_WORDS.search(line)
    if match is None:
        return None
    rest = f"{line[: match.start()]} | {line[match.end() :]}"
    offset: timezone | None = None
    if zone := _ZONE.search(rest):
        shift = timedelta(hours=int(zone["hours"]), minutes=int(zone["minutes"] or 0))
        if shift >= timedelta(days=1):
            return None
        offset = timezone(-shift if zone["sign"] == "-" else shift)
        rest = f"{rest[: zone.start()]} | {rest[zone.end() :]}"
    clock = _TIME.search(rest)
    try:
        if clock is None:
            stamp = date(int(match["y"]), int(match["m"]), int(match["d"])).isoformat()
        else:
            rest = f"{rest[: clock.start()]} | {rest[clock.end() :]}"
            stamp = datetime(
                int(match["y"]),
                int(match["m"]),
                int(match["d"]),
                _hour(int(clock["hour"]), clock["half"]),
                int(clock["minute"]),
                int(clock["second"] or 0),
                tzinfo=offset,
            ).isoformat()
    except ValueError:
        return None
    rest = _LABEL.sub(" ", _WEEKDAY.sub(" ", rest))
    pieces = (piece.strip(_EDGES) for piece in rest.split("|"))
    return stamp, " | ".join(" ".join(piece.split()) for piece in pieces if piece)


def _hour(hour: int, half: str | None) -> int:
    """Return the hour of the day; SA and AM are before noon, CH and PM after."""
    if half is None or hour > _NOON:
        return hour
    return hour % _NOON + (_NOON if half.upper() in {"CH", "PM"} else 0)
