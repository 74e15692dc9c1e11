"""What the words beside a number say of it: by 152 or to 152, before May 3 or after it, early May or late, 7 o'clock.

Part of the check `number`: every figure is there, and the sense is another. The table is `number_context.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from pipeline.checks.phrases import Phrases, Table, expressions_of, read
from pipeline.checks.view import Pair, Text
from pipeline.quantities import Quantity, Reading, english, in_english, same, vietnamese
from pipeline.records import Flag, Severity

_BEFORE: Final = 48  # characters before a number in which its words stand
_NOON: Final = 12 * 60  # minutes
_LATE: Final = range(13 * 60, 24 * 60)  # hours that lengths seldom have
_RANGE: Final = re.compile(r"[0-9]{1,2} ?(?:h|giờ)?[0-9]{0,2} ?[-–] ?\Z")
# An hour of the 24-hour clock, as the press writes it; `7 giờ` alone may be one in the evening.
_CLOCK: Final = re.compile(r"[0-9]{1,2} ?(?:h ?(?:[0-9]{1,2})?|:[0-9]{2}|giờ ?[0-9]{1,2})(?: phút)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A phrase beside a number, and the English phrases beside this number that say the opposite."""

    vi: re.Pattern[str]
    wrong: re.Pattern[str]
    before: bool  # the phrases stand before the number, else behind it
    vi_says: str  # what the Vietnamese says of the number, for the message
    wrong_says: str  # what the English says of it
    severity: Severity

    @classmethod
    def of(cls, table: Table, fillers: Table) -> _Turn:
        beside = _before if table["place"] == "before" else _behind
        return cls(
            beside(table["vi"], fillers["vi"]),
            beside(table["wrong"], fillers["wrong"]),
            table["place"] == "before",
            table["vi_says"],
            table["wrong_says"],
            table.get("severity", "error"),
        )

    def found(
        self, vietnamese: tuple[str, str], english: tuple[str, str]
    ) -> tuple[re.Match[str], re.Match[str]] | None:
        """Return the phrases in the texts before or behind the number, of either side, if both have one."""
        if self.before:
            said, wrong = self.vi.search(vietnamese[0]), self.wrong.search(english[0])
        else:
            said, wrong = self.vi.match(vietnamese[1]), self.wrong.match(english[1])
        return (said, wrong) if said and wrong else None


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
class _Numbered:
    """A noun before the figure 1 that makes it the number of something, and the English that says it in words."""

    vi: re.Pattern[str]
    en: Phrases

    @classmethod
    def of(cls, table: Table) -> _Numbered:
        return cls(_before(table["vi"], ()), Phrases(table.get("en", ())))


@dataclass(frozen=True, slots=True)
class Tables:
    """`number_context.toml`, compiled."""

    turns: tuple[_Turn, ...]
    excuses_vi: Phrases
    excuses_en: Phrases
    parts: tuple[_Part, ...]
    time_of_day: re.Pattern[str]
    time_of_day_behind: re.Pattern[str]
    late_hour_before: re.Pattern[str]
    length_before: re.Pattern[str]
    length_behind: re.Pattern[str]
    late_hours: Phrases
    numbered: tuple[_Numbered, ...]

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
            time_of_day_behind=_behind(data["time_of_day_behind"]["vi"], ()),
            late_hour_before=_before(data["late_hour_before"]["vi"], fillers["vi"]),
            length_before=_before(data["length_before"]["vi"], fillers["vi"]),
            length_behind=_behind(data["length_behind"]["vi"], ()),
            late_hours=Phrases(data["late_hours"]["vi"]),
            numbered=tuple(_Numbered.of(nouns) for nouns in data["numbered"]),
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
        if len(said) != 1:
            continue
        found = [other for other in target if same(said[0], other)]
        if len(found) == 1:
            yield from _turned(pair, said[0], one, tables)
        if found[0] is one and (
            len(found) == 1 or all(other.kind == "measure" for other in found)
        ):  # 15 hours 30 minutes
            yield from _clock(pair, said[0], one, tables)
    yield from _part_of_period(pair, tables)
    yield from _unnumbered(pair, source, target, tables)


def _beside(text: Text, one: Quantity) -> tuple[str, str]:
    """Return the text before and behind a number, in lower case."""
    return text.lowercased[max(0, one.start - _BEFORE) : one.start], text.lowercased[one.end :]


def _turned(pair: Pair, said: Quantity, one: Quantity, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where a change by a number becomes a change to it, a past time a later one, or the reverse."""
    source, target = pair.source.normalized, pair.target.normalized
    beside = _beside(source, said), _beside(target, one)
    for turn in tables.turns:
        found = turn.found(*beside)
        if found is None or tables.excuses_vi.search(source) or tables.excuses_en.search(target):
            continue
        (first, last), (start, end) = _phrase(said, found[0], turn), _phrase(one, found[1], turn)
        expected, instead = source.written[first:last], target.written[start:end]
        yield pair.target.flag(
            "number",
            f"“{instead}” says {turn.wrong_says}; the Vietnamese “{expected}” says {turn.vi_says}",
            span=(start, end),
            expected=expected,
            found=instead,
            severity=turn.severity,
        )


def _phrase(one: Quantity, match: re.Match[str], turn: _Turn) -> tuple[int, int]:
    """Return the span of a number with the phrase that was found beside it."""
    if turn.before:
        return max(0, one.start - _BEFORE) + match.start(), one.end
    return one.start, one.end + match.end()


def _clock(pair: Pair, said: Quantity, one: Quantity, tables: Tables) -> Iterator[Flag]:
    """Yield an error where a time of day becomes a length, a length a time of day, or the morning the evening."""
    before, behind = _beside(pair.source.normalized, said)
    before = _RANGE.sub("", before)  # the words before 18h-22h are those of both
    time = next((reading for reading in said.readings if reading.kind == "time"), None)
    if time is None:
        return
    is_length = tables.length_before.search(before) or tables.length_behind.match(behind)
    if one.kind == "measure" and not is_length and _is_time_of_day(said, before, behind, tables):
        message = f"“{one.text}” is a length of time, {said.text} in the Vietnamese a time of day"
        yield _clock_flag(pair, said, one, message, expected=time)
    elif one.kind == "time":
        if is_length:
            message = f"“{one.text}” is a time of day, {said.text} in the Vietnamese a length of time"
            length = next((reading for reading in said.readings if reading.kind == "measure"), time)
            yield _clock_flag(pair, said, one, message, expected=length)
        elif (
            said.kind == "time"
            and one.value == said.value + _NOON
            and _CLOCK.fullmatch(said.text)
            and not tables.late_hours.search(pair.source.normalized)
        ):
            message = f"“{one.text}” is twelve hours later than {said.text} in the Vietnamese"
            yield _clock_flag(pair, said, one, message, expected=time)


def _is_time_of_day(said: Quantity, before: str, behind: str, tables: Tables) -> bool:
    """Return whether the words beside an hour, or the hour itself, make it a time of day."""
    if tables.time_of_day.search(before) or tables.time_of_day_behind.match(behind):
        return True
    late = said.kind == "time" and _LATE.start <= said.value < _LATE.stop
    return late and tables.late_hour_before.search(before) is not None


def _clock_flag(pair: Pair, said: Quantity, one: Quantity, message: str, *, expected: Reading) -> Flag:
    meant = replace(said, value=expected.value, kind=expected.kind, unit=expected.unit)
    span = one.start, one.end
    return pair.target.flag("number", message, span=span, expected=in_english(meant), found=one.text, severity="error")


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


def _unnumbered(pair: Pair, source: Sequence[Quantity], target: Sequence[Quantity], tables: Tables) -> Iterator[Flag]:
    """Yield a warning for each 1 that is the number of something (`quận 1`) and that the English leaves out.

    Other figures are flagged wherever they are missing; a 1 that counts is often an article in English. Where a number
    of the English comes from nowhere, the 1 may have become that one, which `numbers` flags.
    """
    ones = [one for one in source if one.kind in ("number", "ordinal") and one.value == 1 and one.text == "1"]
    if not ones or any(one.salience != "optional" and not any(same(one, other) for other in source) for one in target):
        return
    for one in ones:
        before, _ = _beside(pair.source.normalized, one)
        for nouns in tables.numbered:
            match = nouns.vi.search(before)
            if match is None or any(same(one, other) for other in target) or nouns.en.search(pair.target.normalized):
                continue
            start = max(0, one.start - _BEFORE) + match.start()
            shown = pair.source.text[start : one.end]
            message = f"the number of “{shown}” is not in the translation"
            yield pair.source.flag("number", message, span=(start, one.end), expected="1", severity="warning")
            break
