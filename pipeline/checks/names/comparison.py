"""Names, offices and initials: what the summary names must stand in the article, and what it names in the translation.

Compared are not spellings but things: a name of the table by any of its renderings, any other name by its syllables
without marks. A name that is missing is worse where another one, which nobody wrote, stands in its place. Who is a man
and who is a woman, and what comes after Mr, is checked in `gender`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.checks.names.entities import (
    CapitalizedSpan,
    English,
    Entity,
    Initials,
    Vietnamese,
    capitalised_within,
    is_syllable,
    read_english,
    read_vietnamese,
    spoken,
)
from pipeline.checks.names.gazetteer import Entry, Kind, gazetteer, is_borne
from pipeline.checks.names.unsupported_names import (
    NAMED,
    SHORTEST_JOINED,
    Source,
    UnsupportedName,
    alike,
    changed,
    strangers_of,
)
from pipeline.checks.view import Pair, View
from pipeline.records import Flag, Severity
from pipeline.text.normalize import fold

_DEPUTIES = ("Phó ", "Thứ ")
_PRONOUNS = frozenset({"he", "his", "him", "she", "her", "hers"})
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class _Missing:
    """A name of the Vietnamese that the English lacks."""

    check: str
    start: int
    end: int
    expected: str
    severity: Severity | None  # where nothing stands in its place; None: no flag
    severity_replaced: Severity | None  # where a stranger does


def check(view: View) -> list[Flag]:
    """Return the flags `name`, `office` and `initials` of the record."""
    article = view.record.article
    article_spoken, article_folded = spoken(view.title_and_text)
    summary_spoken, summary_folded = spoken(view.record.summary)
    source = Source(
        article=article_spoken,
        article_folded=article_folded,
        spoken=article_spoken + summary_spoken,
        folded=article_folded | summary_folded,
        known=capitalised_within(article.text),
        published=_date(article.published),
    )
    found = _unsupported(view, source)
    for pair in view.pairs:
        if pair.source.text.strip() and pair.target.text.strip():
            found += _compared(pair, source)
    return found


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


# Summary and article


def _unsupported(view: View, source: Source) -> list[Flag]:
    """Return a flag for each name of the summary that neither the article nor its title has."""
    if not view.record.article.text.strip() or view.is_copied:
        return []
    text = source.article
    folded = source.article_folded
    summary = view.record.summary
    reading = read_vietnamese(summary, known=source.known)
    spoken_of = gazetteer().spoken
    found: list[Flag] = []
    for entity in reading.entities:
        span = reading.tokens[entity.begin : entity.end]
        said = any(way in text for way in spoken_of[entity.entry]) or all(token.folded in folded for token in span)
        if entity.entry.kind in NAMED and not said:
            found.append(_unsupported_flag(summary, span[0].start, span[-1].end, "error"))
    found += [
        _unsupported_flag(summary, run.tokens[0].start, run.tokens[-1].end, severity)
        for run in reading.runs
        if (severity := _unsupported_run(run, text, folded))
    ]
    plain = fold(text) if reading.initials else ""
    for initials in reading.initials:
        if f" {' '.join(initials.letters)} " not in plain and f" {initials.letters} " not in plain:
            flag = _unsupported_flag(summary, initials.start, initials.end, "error")
            found.append(replace(flag, check="initials"))
    return found


def _unsupported_run(run: CapitalizedSpan, text: str, folded: frozenset[str]) -> Severity | None:
    """Return how bad it is that the article lacks the run: a word of it is nowhere, or a person is not so called."""
    if _may_be_a_word(run):
        return None
    if any(f" {token.key} " not in text and not alike(token.folded, folded) for token in run.tokens):
        return "error"
    together = f" {' '.join(token.key for token in run.tokens)} " in text
    return "warning" if run.person and not together else None


def _unsupported_flag(summary: str, start: int, end: int, severity: Severity) -> Flag:
    name = summary[start:end]
    how = "stands nowhere in the article" if severity == "error" else "does not stand in the article in this form"
    return Flag(
        check="name",
        field="summary",
        start=start,
        end=end,
        message=f"the summary names “{name}”, which {how}",
        found=name,
        severity=severity,
    )


# Summary and translation


def _compared(pair: Pair, source: Source) -> list[Flag]:
    vietnamese = read_vietnamese(pair.source.text, known=source.known)
    english = read_english(pair.target.text)
    unsupported_names = strangers_of(pair.target.text, vietnamese, english, source)
    found: list[Flag] = []
    missing: list[_Missing] = []
    for entity in {entity.entry: entity for entity in vietnamese.entities}.values():
        match entity.entry.kind:
            case "office":
                found += _office(pair, vietnamese, entity, english)
            case "country" | "place" | "person" | "organisation" if entity.entry not in english.standing:
                if renamed := _renamed(pair, vietnamese, entity, english, source):
                    found.append(renamed)
                    unsupported_names = [
                        stranger
                        for stranger in unsupported_names
                        if not (
                            renamed.field == pair.target.field and stranger.start + pair.target.start == renamed.start
                        )
                    ]
                elif entity.entry.kind == "organisation":
                    found += _another(pair, vietnamese, entity, english, source)
                else:
                    missing += _missing_entity(vietnamese, entity, english)
            case _:
                pass
    for run in vietnamese.runs:
        if changed_to := changed(run, english, unsupported_names):
            unsupported_names.remove(changed_to)
            found.append(_changed_flag(pair, run, changed_to))
        else:
            missing += _missing_run(run, english)
    for initials in vietnamese.initials:
        missing += _missing_initials(initials, pair.target.text)
    return found + _settled(pair, missing, unsupported_names)


def _settled(pair: Pair, missing: Sequence[_Missing], unsupported_names: Sequence[UnsupportedName]) -> list[Flag]:
    """Return the flags of what is missing, each with a stranger that may stand in its place, and of the others."""
    found: list[Flag] = []
    left = sorted(unsupported_names, key=lambda stranger: (stranger.weak, not stranger.sure))
    for lost in missing:
        stranger = left.pop(0) if left and lost.severity_replaced else None
        severity = lost.severity_replaced if stranger else lost.severity
        if severity == "warning" and stranger and stranger.sure:
            severity = "error"
        if severity is None:
            continue
        name = pair.source.text[lost.start : lost.end]
        instead = pair.target.text[stranger.start : stranger.end] if stranger else ""
        message = f"“{name}” is not in the translation"
        if instead:
            message += f"; “{instead}” is, which stands in no Vietnamese text of this record"
        found.append(
            pair.source.flag(
                lost.check,
                message,
                span=(lost.start, lost.end),
                expected=lost.expected,
                found=instead,
                severity=severity,
            )
        )
    for stranger in left:
        if stranger.weak:
            continue
        name = pair.target.text[stranger.start : stranger.end]
        found.append(
            pair.target.flag(
                "name",
                f"the translation names “{name}”, which stands in no Vietnamese text of this record",
                span=(stranger.start, stranger.end),
                found=name,
                severity="error" if stranger.sure else "warning",
            )
        )
    return found


# What is missing


def _missing_entity(vietnamese: Vietnamese, entity: Entity, english: English) -> list[_Missing]:
    span = vietnamese.tokens[entity.begin : entity.end]
    joined = "".join(token.folded for token in span)
    borne = is_borne(entity.entry.kind, span)
    if borne and len(joined) >= SHORTEST_JOINED and joined in english.joined:
        return []
    if len(span) == 1 and span[0].folded in english.capitals:  # Tiến sĩ Nga may be Dr Nga, and a Russian
        return []
    # a reader knows which country a Vietnamese paper is about
    alone: Severity | None = None if entity.entry.name == "Việt Nam" else "error"
    return [_Missing("name", span[0].start, span[-1].end, entity.entry.english, alone, "error")]


def _missing_run(run: CapitalizedSpan, english: English) -> list[_Missing]:
    """Return the run as missing, unless it, or enough of it, stands in the English."""
    name = " ".join(fold(token.text).capitalize() for token in run.tokens)
    joined = "".join(token.folded for token in run.tokens)
    lost = _Missing("name", run.tokens[0].start, run.tokens[-1].end, name, None, "error")
    if len(joined) >= SHORTEST_JOINED and joined in english.joined:
        return []
    if run.person:
        if run.tokens[-1].folded in english.words or _romanised(run, english):
            return []
        return [replace(lost, severity="error")]
    if any(token.folded in english.words or alike(token.folded, english.capitals) for token in run.tokens):
        return []
    if all(token.text.isupper() for token in run.tokens) or not all(token.capital for token in run.tokens):
        return []  # an acronym may be written out, and Lơ-nan is a sound, not a spelling
    if run.place and len(run.tokens) > 1:
        return [replace(lost, severity="error")]
    if _may_be_a_word(run):
        return []
    if run.vague:
        return [replace(lost, severity_replaced="warning")]
    if run.titled and english.words & _PRONOUNS:
        return [lost]
    # the title of a film is written like a name
    foreign = len(run.tokens) > 1 and not all(is_syllable(token.folded) for token in run.tokens)
    return [replace(lost, severity="error" if foreign else "warning")]


def _may_be_a_word(run: CapitalizedSpan) -> bool:
    """Return whether the run is one syllable or letter that nothing marks as a name: tội Giết người, bảng G."""
    token = run.tokens[0]
    return len(run.tokens) == 1 and not run.titled and (is_syllable(token.folded) or len(token.text) < _SHORTEST_NAME)


def _romanised(run: CapitalizedSpan, english: English) -> bool:
    """Return whether the surname stands in the English as Chinese and Korean names are written there."""
    return not english.capitals.isdisjoint(gazetteer().chinese.get(run.tokens[0].key, frozenset()))


def _missing_initials(initials: Initials, english: str) -> list[_Missing]:
    pattern = r"\b" + r"\.?\s?".join(map(re.escape, initials.letters)) + r"\b"
    if re.search(pattern, fold(english)):
        return []
    shown = "".join(f"{letter.upper()}." for letter in initials.letters)
    severity: Severity = "error" if len(initials.letters) > 1 else "warning"
    return [_Missing("initials", initials.start, initials.end, shown, severity, None)]


def _changed_flag(pair: Pair, run: CapitalizedSpan, stranger: UnsupportedName) -> Flag:
    name = pair.source.text[run.tokens[0].start : run.tokens[-1].end]
    other = pair.target.text[stranger.start : stranger.end]
    return pair.target.flag(
        "name",
        f"“{name}” is another name in the translation: “{other}” stands in no Vietnamese text of this record",
        span=(stranger.start, stranger.end),
        expected=" ".join(fold(token.text).capitalize() for token in run.tokens),
        found=other,
        severity="error",
    )


# What was renamed, and offices


def _renamed(pair: Pair, vietnamese: Vietnamese, entity: Entity, english: English, source: Source) -> Flag | None:
    """Return a note where the English names what this province or ministry went into, or what went into it."""
    if source.published is None:
        return None
    changes = gazetteer().changes
    for means, begin, end in english.entities:
        for other in means:
            change = changes.get(entity.entry)
            back = changes.get(other)
            if change is not None and change.into == other and source.published >= change.date:
                said = f"merged into “{other.english}” on {change.date.isoformat()}"
            elif back is not None and back.into == entity.entry and source.published >= back.date:
                said = f"took in “{other.english}” on {back.date.isoformat()}"
            else:
                continue
            if any(seen.entry == other for seen in vietnamese.entities):
                continue
            start, finish = english.tokens[begin].start, english.tokens[end - 1].end
            return pair.target.flag(
                "name",
                f"the article says “{entity.entry.name}”, which {said}; the translation uses the other name",
                span=(start, finish),
                expected=entity.entry.english,
                found=pair.target.text[start:finish],
                severity="note",
            )
    return None


def _office(pair: Pair, vietnamese: Vietnamese, entity: Entity, english: English) -> list[Flag]:
    """Return a flag where another office stands in the English, or none does."""
    standing = english.standing
    deputy = any(entry.name.startswith(_DEPUTIES) for entry in standing)
    if entity.entry in standing or (entity.entry in english.found and not deputy):
        return []
    start, finish = vietnamese.tokens[entity.begin].start, vietnamese.tokens[entity.end - 1].end
    name = pair.source.text[start:finish]
    if instead := _instead(vietnamese, english, kind="office"):
        return [_another_flag(pair, entity, name, instead, severity="error")]
    if entity.entry in english.found:
        return []
    return [
        pair.source.flag(
            "office",
            f"the office “{name}” is not in the translation",
            span=(start, finish),
            expected=entity.entry.english,
        )
    ]


def _another(pair: Pair, vietnamese: Vietnamese, entity: Entity, english: English, source: Source) -> list[Flag]:
    """Return a flag where another body of the table stands in the place of this one: the Senate for Quốc hội.

    One that is missing without another in its place is often told in words that no table has, and not flagged.
    """
    if entity.entry in english.found:
        return []
    instead = _instead(vietnamese, english, kind="organisation")
    ways = (way for entry in instead.means for way in gazetteer().spoken[entry]) if instead else ()
    if instead is None or any(way in source.spoken for way in ways):
        return []
    name = pair.source.text[vietnamese.tokens[entity.begin].start : vietnamese.tokens[entity.end - 1].end]
    return [_another_flag(pair, entity, name, instead, severity="warning")]


@dataclass(frozen=True, slots=True)
class _Instead:
    """A rendering in the English of something that the Vietnamese does not have."""

    means: frozenset[Entry]
    start: int
    end: int


def _instead(vietnamese: Vietnamese, english: English, *, kind: Kind) -> _Instead | None:
    mine = {seen.entry for seen in vietnamese.entities}
    for means, begin, end in english.entities:
        if all(entry.kind == kind for entry in means) and mine.isdisjoint(means):
            return _Instead(means, english.tokens[begin].start, english.tokens[end - 1].end)
    return None


def _another_flag(pair: Pair, entity: Entity, name: str, instead: _Instead, *, severity: Severity) -> Flag:
    other = pair.target.text[instead.start : instead.end]
    return pair.target.flag(
        "office",
        f"“{name}” is {entity.entry.english}; the translation says “{other}”",
        span=(instead.start, instead.end),
        expected=entity.entry.english,
        found=other,
        severity=severity,
    )
