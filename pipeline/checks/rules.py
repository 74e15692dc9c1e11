"""What a config adds to the checks, and inspecting one record by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.checks import coverage, degeneration, delivery, meaning, names, numbers, people, support
from pipeline.checks.editing import edit, vouched
from pipeline.checks.terms import Terms
from pipeline.house import Correction, House
from pipeline.records import Flag, Translated

_CHECKS = (
    numbers.check,
    names.check,
    people.check,
    meaning.check,
    coverage.check,
    degeneration.check,
    support.check,
    delivery.check,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a config adds to the checks: the house's terms and corrections, and which checks hold a record back."""

    terms: Terms = field(default_factory=lambda: Terms(()))
    corrections: Mapping[str, Correction] = field(default_factory=dict)  # by `house.sentence_key`
    hold: frozenset[str] = frozenset()

    @classmethod
    def of(cls, house: House, *, hold: tuple[str, ...]) -> Rules:
        """Return the rules of a house, ready to be used on many records."""
        return cls(Terms(house.terms), house.corrections, frozenset(hold))


def inspect(translated: Translated, rules: Rules | None = None) -> Translated:
    """Return the record with the house's English, the flags of every check added to those it has, and its status."""
    rules = rules or Rules()
    edited = edit(translated, terms=rules.terms, corrections=rules.corrections)
    record = edited.record
    found = _found(record)
    if edited.hers:
        untranslated = replace(record, title_translation="", sentences=())
        found = vouched(found, without=_found(untranslated), hers=edited.hers)
    flags = (*translated.flags, *edited.flags, *found)
    held = any(flag.severity == "error" and flag.check in rules.hold for flag in flags)
    return replace(record, flags=flags, status="hold" if held else "ok")


def _found(record: Translated) -> list[Flag]:
    return [flag for check in _CHECKS for flag in check(record)]
