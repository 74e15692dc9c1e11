"""Offices and bodies: another one in the English, or the name of a province or ministry before or after its merger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pipeline.checks.names.entities import English, Entity, Vietnamese
from pipeline.checks.names.gazetteer import Entry, Kind, gazetteer, syllable_key
from pipeline.checks.names.unsupported_names import Source
from pipeline.checks.view import Pair
from pipeline.records import Flag, Severity

_DEPUTIES = ("Phó ", "Thứ ")


def merged(pair: Pair, vietnamese: Vietnamese, entity: Entity, english: English, source: Source) -> Flag | None:
    """Return a note if the English has the name of this province or ministry after or before its merger."""
    if source.published is None:
        return None
    mergers = gazetteer().mergers
    for means, begin, end in english.entities:
        for other in means:
            change = mergers.get(entity.entry)
            back = mergers.get(other)
            if change is not None and change.into == other and source.published >= change.date:
                merger = f"merged into “{other.english}” on {change.date.isoformat()}"
            elif back is not None and back.into == entity.entry and source.published >= back.date:
                merger = f"took in “{other.english}” on {back.date.isoformat()}"
            else:
                continue
            if any(seen.entry == other for seen in vietnamese.entities):
                continue
            start, finish = english.tokens[begin].start, english.tokens[end - 1].end
            return pair.target.flag(
                "name",
                f"the article says “{entity.entry.name}”, which {merger}; the translation uses the other name",
                span=(start, finish),
                expected=entity.entry.english,
                found=pair.target.text[start:finish],
                severity="note",
            )
    return None


def office(pair: Pair, vietnamese: Vietnamese, entity: Entity, english: English) -> list[Flag]:
    """Return a flag if the English has another office, or none."""
    outermost = english.outermost
    deputy = any(entry.name.startswith(_DEPUTIES) for entry in outermost)
    if entity.entry in outermost or (entity.entry in english.found and not deputy):
        return []
    start, finish = vietnamese.tokens[entity.begin].start, vietnamese.tokens[entity.end - 1].end
    name = pair.source.text[start:finish]
    if instead := _replacement(vietnamese, english, kind="office"):
        return [_other_body_flag(pair, entity, name, instead, severity="error")]
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


@cache
def _distinct_bodies() -> tuple[Entry, ...]:
    """Return the bodies of party and state that are not to be confused, in the order of the table."""
    table = gazetteer()
    return tuple(entry for entry in table.spellings if syllable_key(entry.name) in table.distinct_bodies)


def invented_body(pair: Pair, vietnamese: Vietnamese, english: English) -> list[Flag]:
    """Return an error where the English has the Party Committee for the People's Committee, or the like.

    Both are bodies of `distinct_bodies`, and the Vietnamese sentence has only the other one, maybe within an office.
    """
    table = gazetteer()
    text = f" {' '.join(token.key for token in vietnamese.tokens)} "
    bodies = _distinct_bodies()
    said = [entry for entry in bodies if any(way in text for way in table.spellings[entry])]
    if not said or not english.outermost.isdisjoint(said):
        return []
    found: list[Flag] = []
    for means, begin, end in english.entities:
        if end - begin > 1 and all(entry in bodies for entry in means):
            span = english.tokens[begin].start, english.tokens[end - 1].end
            other = pair.target.text[slice(*span)]
            found.append(
                pair.target.flag(
                    "office",
                    f"the translation says “{other}”; the Vietnamese says “{said[0].name}” ({said[0].english})",
                    span=span,
                    expected=said[0].english,
                    found=other,
                    severity="error",
                )
            )
    return found


def other_body(pair: Pair, vietnamese: Vietnamese, entity: Entity, english: English, source: Source) -> list[Flag]:
    """Return a flag if the English has another body of the table instead: the Senate for Quốc hội.

    A missing body without a replacement is not flagged: it is often paraphrased in words that no table has.
    """
    if entity.entry in english.found:
        return []
    instead = _replacement(vietnamese, english, kind="organization")
    ways = (way for entry in instead.means for way in gazetteer().spellings[entry]) if instead else ()
    if instead is None or any(way in source.syllables for way in ways):
        return []
    name = pair.source.text[vietnamese.tokens[entity.begin].start : vietnamese.tokens[entity.end - 1].end]
    return [_other_body_flag(pair, entity, name, instead, severity="warning")]


@dataclass(frozen=True, slots=True)
class _Replacement:
    """A rendering in the English of an entry that the Vietnamese does not contain."""

    means: frozenset[Entry]
    start: int
    end: int


def _replacement(vietnamese: Vietnamese, english: English, *, kind: Kind) -> _Replacement | None:
    in_source = {seen.entry for seen in vietnamese.entities}
    any_office = gazetteer().any_office
    for means, begin, end in english.entities:
        if end - begin == 1 and english.tokens[begin].folded.removesuffix("s") in any_office:
            continue
        if all(entry.kind == kind for entry in means) and in_source.isdisjoint(means):
            return _Replacement(means, english.tokens[begin].start, english.tokens[end - 1].end)
    return None


def _other_body_flag(pair: Pair, entity: Entity, name: str, instead: _Replacement, *, severity: Severity) -> Flag:
    other = pair.target.text[instead.start : instead.end]
    return pair.target.flag(
        "office",
        f"“{name}” is {entity.entry.english}; the translation says “{other}”",
        span=(instead.start, instead.end),
        expected=entity.entry.english,
        found=other,
        severity=severity,
    )
