"""What the words beside a number say of it: by 152 or to 152, before May 3 or after it, early May or late, 7 o'clock.

Part of the check `number`: every figure is there, and the sense is another. The table is `number_context.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from pipeline.checks.phrases import Phrases, Table, expressions_of, read
from pipeline.checks.view import Pair, Text
from pipeline.quantities import Quantity, english, same, vietnamese
from pipeline.records import Flag, Severity

_BEFORE: Final = 48  # characters before a number in which its words stand
_NOON: Final = 12 * 60  # minutes
# An hour of the 24-hour clock, as the press writes it; `7 giờ` alone may be one in the evening.
_CLOCK: Final = re.compile(r"[0-9]{1,2} ?(?:h ?(?:[0-9]{1,2})?|:[0-9]{2}|giờ ?[0-9]{1,2})(?: phút)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A phrase beside a number, and the English phrases beside this number that say the opposite."""

    vi: re.Pattern[str]
    wrong: re.Pattern[str]
    before: bool  # the phrases stand before the number, else behind it
    is_wrong: str  # what a message says of the English
    severity: Severity

    @classmethod
    def of(cls, table: Table, fillers: Table) -> _Turn:
        beside = _before if table["place"] == "before" else _behind
        return cls(
            beside(table["vi"], fillers["vi"]),
            beside(table["wrong"], fillers["wrong"]),
            table["place"] == "before",
            table["is_wrong"],
            table.get("severity", "error"),
        )

    def found(self, vietnamese: tuple[str, str], english: tuple[str, str]) -> bool:
        """Return whether the texts before and behind the number, of either side, have the phrases."""
        if self.before:
            return bool(self.vi.search(vietnamese[0]) and self.wrong.search(english[0]))
        return bool(self.vi.match(vietnamese[1]) and self.wrong.match(english[1]))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a year, month or week: the Vietnamese, the English that can tell it, and that of another part."""

    vi: Phrases
    en: Phrases
    wrong: re.Pattern[str]

    @classmethod
    def of(cls, table: Table, periods: Table) -> _Part:
        wrong, period = "|".join(expressions_of(table["wrong"])), "|".join(expressions_of(periods["wrong"]))
        between = "(?:(?:the|this|last|next|of|in) ){0,3}"
        return cls(
            Phrases(table["vi"]),
            Phrases(table["en"]),
            re.compile(rf"(?<!\w)(?:{wrong})[ -]{between}(?:{period})(?!\w)"),
        )


@dataclass(frozen=True, slots=True)
class Tables:
    """`number_context.toml`, compiled."""

    turns: tuple[_Turn, ...]
    excuses_vi: Phrases
    excuses_en: Phrases
    parts: tuple[_Part, ...]
    time_of_day: re.Pattern[str]
    length_before: re.Pattern[str]
    length_behind: re.Pattern[str]
    late_hours: Phrases

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        fillers = data["fillers"]
        return cls(
            turns=tuple(_Turn.of(turn, fillers) for turn in data["turns"]),
            excuses_vi=Phrases(data["excuses"]["vi"]),
            excuses_en=Phrases(data["excuses"]["en"]),
            parts=tuple(_Part.of(part, data["periods"]) for part in data["parts"]),
            time_of_day=_before(data["time_of_day"]["vi"], fillers["vi"]),
            length_before=_before(data["length_before"]["vi"], fillers["vi"]),
            length_behind=_behind(data["length_behind"]["vi"], ()),
            late_hours=Phrases(data["late_hours"]["vi"]),
        )


def _before(entries: Iterable[str], fillers: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of the entries at the end of a text, with fillers behind them."""
    between = "".join(rf"(?: (?:{filler}))?" for filler in ("|".join(expressions_of(fillers)),) * 2 if filler)
    return re.compile(rf"(?<!\w)(?:{'|'.join(expressions_of(entries))}){between} \Z")


def _behind(entries: Iterable[str], fillers: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of the entries at the beginning of a text; fillers stand before a number only."""
    del fillers
    return re.compile(rf" (?:{'|'.join(expressions_of(entries))})(?!\w)")


@cache
def _tables() -> Tables:
    return Tables.of(read("number_context"))


def flags(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield the flags of one pair, with its numbers read here."""
    yield from _flags(pair, vietnamese(pair.source.text), english(pair.target.text), tables)


def check(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity]) -> Iterator[Flag]:
    """Yield the flags of one pair; `source` and `target` are the numbers of its sides, in order."""
    yield from _flags(pair, source, target, _tables())


def _flags(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity], tables: Tables) -> Iterator[Flag]:
    for one in target:
        said = [other for other in source if same(other, one)]
        if len(said) == 1 and sum(same(said[0], other) for other in target) == 1:
            yield from _turned(pair, said[0], one, tables)
            yield from _clock(pair, said[0], one, tables)
    yield from _part_of_period(pair, tables)


def _beside(text: Text, one: Quantity) -> tuple[str, str]:
    """Return the text before and behind a number, in lower case."""
    return text.lowercased[max(0, one.start - _BEFORE) : one.start], text.lowercased[one.end :]


def _turned(pair: Pair, said: Quantity, one: Quantity, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where a change by a number becomes a change to it, a past time a later one, or the reverse."""
    source, target = pair.source.normalized, pair.target.normalized
    beside = _beside(source, said), _beside(target, one)
    for turn in tables.turns:
        if not turn.found(*beside) or tables.excuses_vi.search(source) or tables.excuses_en.search(target):
            continue
        yield _flag(pair, said, one, f"{turn.is_wrong} {one.text}: the Vietnamese says the opposite", turn.severity)


def _clock(pair: Pair, said: Quantity, one: Quantity, tables: Tables) -> Iterator[Flag]:
    """Yield an error where a time of day becomes a length, a length a time of day, or the morning the evening."""
    before, behind = _beside(pair.source.normalized, said)
    times = [reading for reading in said.readings if reading.kind == "time"]
    if not times:
        return
    if one.kind == "measure" and tables.time_of_day.search(before):
        yield _flag(pair, said, one, f"{one.text} is a length of time, the Vietnamese says a time of day", "error")
    elif one.kind == "time":
        if tables.length_before.search(before) or tables.length_behind.match(behind):
            yield _flag(pair, said, one, f"{one.text} is a time of day, the Vietnamese says a length of time", "error")
        elif (
            said.kind == "time"
            and one.value == said.value + _NOON
            and _CLOCK.fullmatch(said.text)
            and not tables.late_hours.search(pair.source.normalized)
        ):
            yield _flag(pair, said, one, f"{one.text} is twelve hours late", "error")


def _flag(pair: Pair, said: Quantity, one: Quantity, message: str, severity: Severity) -> Flag:
    return pair.target.flag(
        "number",
        f"{message} ({said.text})",
        span=(one.start, one.end),
        expected=said.text,
        found=one.text,
        severity=severity,
    )


def _part_of_period(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield an error where the beginning of a year, month or week is translated as its end, or the reverse."""
    source, target = pair.source.normalized, pair.target.normalized
    said = [(part, match) for part in tables.parts if (match := part.vi.search(source))]
    if len(said) != 1:
        return
    ((part, at),) = said
    instead = part.wrong.search(target.lowercased)
    if instead is None or part.en.search(target):
        return
    message = f"“{target[instead]}” is not what the Vietnamese says ({source[at]})"
    yield pair.flag("number", message, source=at, target=instead, severity="error")
