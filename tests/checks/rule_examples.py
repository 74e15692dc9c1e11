"""The examples beside the entries of the rule tables, and the flags of the four checks that have such a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.checks import attribution, hedges, labels, negation, number_context, procedure
from pipeline.checks.view import View
from pipeline.records import SEVERITIES, Flag, Severity, Translated
from tests.records import translated

CHECKS = {
    "negation": negation,
    "hedges": hedges,
    "procedure": procedure,
    "attribution": attribution,
    "number_context": number_context,
    "labels": labels,
}
LISTS = ("vi", "en", "wrong")  # what the sentence beside an entry replaces: the Vietnamese, the right or wrong English


@dataclass(frozen=True, slots=True)
class Example:
    """A Vietnamese sentence with a right and a wrong translation; either may be absent."""

    entry: str
    vietnamese: str
    right: str | None
    wrong: str | None
    severity: Severity  # of the worst flag of the wrong translation
    doubtful: bool  # the right translation gets a warning, because it tells the meaning in a less certain way


def groups(data: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    """Return the groups of a section, which is one group or a list of them."""
    found = data[section]
    return found if isinstance(found, list) else [found]


def _three(texts: Sequence[str]) -> list[str | None]:
    return [*texts, *[None] * 3][:3]


def examples(group: Mapping[str, Any]) -> Iterator[Example]:
    """Yield the examples of a group, in the order of its entries."""
    severity: Severity = group.get("severity", "error")
    shared = _three(group.get("example", ()))
    for vietnamese, right, wrong in (shared, *map(_three, group.get("examples", ()))):
        if vietnamese:
            yield Example("examples", vietnamese, right, wrong, severity, doubtful=bool(group.get("doubtful")))
    for name in LISTS:
        for entry, given in group.get(name, {}).items():
            if isinstance(given, str):
                texts = list(shared)
                texts[LISTS.index(name)] = given
            else:
                texts = _three(given)
            assert given, f"the entry {entry!r} has no example"
            assert texts[0], f"the entry {entry!r} has no Vietnamese example"
            assert texts[1] or texts[2], f"the entry {entry!r} has no English example"
            yield Example(
                entry,
                texts[0],
                texts[1],
                texts[2],
                group.get("severity", "error"),
                name == "en" and group.get("doubtful", False),
            )


def worst(check: str, vietnamese: str, english: str, tables: Any) -> Severity | None:
    """Return the severity of the worst flag of a check on a sentence, None where it has none."""
    (pair,) = View(translated((vietnamese, english))).pairs
    found = {flag.severity for flag in CHECKS[check].flags(pair, tables)}
    return next((severity for severity in SEVERITIES if severity in found), None)


def problems(check: str, group: Mapping[str, Any], tables: Any) -> Iterator[str]:
    """Yield a line for each example of a group that the check does not agree with."""
    for example in examples(group):
        for english, expected in (
            (example.right, "warning" if example.doubtful else None),
            (example.wrong, example.severity),
        ):
            if english:
                found = worst(check, example.vietnamese, english, tables)
                if found != expected:
                    yield f"{example.entry}: {example.vietnamese} → {english}: {found}, not {expected}"


def flags(record: Translated) -> list[Flag]:
    """Return the flags of the four checks on a record."""
    view = View(record)
    return [flag for check in (negation, hedges, procedure, attribution) for flag in check.check(view)]


def flags_of(vietnamese: str, english: str) -> list[Flag]:
    return flags(translated((vietnamese, english), text=""))


def raised(vietnamese: str, english: str) -> set[tuple[str, str]]:
    return {(flag.check, flag.severity) for flag in flags_of(vietnamese, english)}
