"""The examples of the rules: each reads as it is written beside its rule, and each rule has one that fails without it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from unittest import mock

import pytest

from pipeline.quantities import Quantity, Reading, english, in_english, same, scanner, vietnamese
from pipeline.quantities.scanned_text import Rule

READ: dict[str, Callable[[str], list[Quantity]]] = {"VIETNAMESE_RULES": vietnamese, "ENGLISH_RULES": english}
RULES = [(language, rule) for language in READ for rule in getattr(scanner, language)]
EXAMPLES = [(language, *example) for language, rule in RULES for example in rule.examples.items()]


def written(found: list[Quantity]) -> str:
    """Return what was read as the examples have it: "~10 or 10 dong; 2 (word)", hedged and with its alternatives."""
    return "; ".join(
        ("~" if one.hedged else "")
        + " or ".join(dict.fromkeys(_named(one, reading) for reading in one.readings))
        + ("" if one.salience == "figure" else f" ({one.salience})")
        + (" (Vietnamese way)" if one.foreign else "")
        for one in found
    )


def _named(quantity: Quantity, reading: Reading) -> str:
    if reading.kind == "year" or (reading.kind == "month" and reading.value > 12):
        return f"{reading.kind} {reading.value}"
    return in_english(replace(quantity, value=reading.value, kind=reading.kind, unit=reading.unit, alternatives=()))


@pytest.mark.parametrize(("language", "text", "expected"), EXAMPLES)
def test_an_example_reads_as_it_is_written(language: str, text: str, expected: str) -> None:
    assert written(READ[language](text)) == expected


@pytest.mark.parametrize(("language", "rule"), RULES, ids=[rule.name for _, rule in RULES])
def test_a_rule_has_an_example_that_fails_without_it(language: str, rule: Rule) -> None:
    without = tuple(one for one in getattr(scanner, language) if one is not rule)
    with mock.patch.object(scanner, language, without):
        assert any(written(READ[language](text)) != expected for text, expected in rule.examples.items())


def test_rules_have_names_of_their_own() -> None:
    names = [rule.name for rule in {id(rule): rule for _, rule in RULES}.values()]
    assert len(names) == len(set(names))


UNIT_TABLE = tomllib.loads(files("pipeline.quantities").joinpath("units.toml").read_text(encoding="utf-8"))
NAMES = [
    (language, example, row["name"])
    for row in UNIT_TABLE["units"]
    for language, names in (("VIETNAMESE_RULES", row["vi"]), ("ENGLISH_RULES", row["en"]))
    for example in names.values()
]
SIGNS = [
    (language, example, code)
    for language in READ
    for code, signs in UNIT_TABLE["signs"].items()
    for example in signs.values()
]


@pytest.mark.parametrize(("language", "example", "unit"), NAMES + SIGNS)
def test_a_name_of_a_unit_is_read(language: str, example: str, unit: str) -> None:
    text, expected = example.replace("[", "").replace("]", ""), example.partition("[")[2].partition("]")[0] or example
    assert (expected, unit) in [(one.text, one.unit) for one in READ[language](text)]


@pytest.mark.parametrize(("measure", "other"), [row["examples"] for row in UNIT_TABLE["units"] if "examples" in row])
def test_a_measure_is_the_same_in_another_unit(measure: str, other: str) -> None:
    (source,), (target,) = vietnamese(measure), english(other)
    assert same(source, target)
    assert not same(replace(source, value=source.value * Fraction(11, 10), alternatives=()), target)


def test_a_unit_of_another_size_has_an_example() -> None:
    assert [row["name"] for row in UNIT_TABLE["units"] if "size" in row and "examples" not in row] == []
