"""Each word of `number_order.toml` tells which of two numbers is which: its two figures may not change places."""

from __future__ import annotations

import pytest

from pipeline.checks import number_order
from pipeline.checks.phrases import read
from pipeline.checks.view import View
from pipeline.quantities import english, vietnamese
from pipeline.records import Flag
from tests.records import translated

TABLE = read("number_order")
WORDS = [(word, form) for word, forms in TABLE["examples"].items() for form in forms.split()]


def flags(source: str, target: str) -> list[Flag]:
    (pair,) = View(translated((source, target))).pairs
    return list(number_order.check(pair, vietnamese(source), english(target)))


@pytest.mark.parametrize(("word", "form"), WORDS)
def test_a_word_tells_which_number_is_its_own(word: str, form: str) -> None:
    other, translated_as = ("đình công", "strike") if word != "đình công" else ("bắt", "arrest")
    vietnamese_sentence = f"Có 37 vụ {word}, 58 vụ {other}."
    assert flags(vietnamese_sentence, f"There were 37 cases of {form}, 58 of {translated_as}.") == []
    assert flags(vietnamese_sentence, f"There were 58 {translated_as}s, 37 cases of {form}.") == []
    (flag,) = flags(vietnamese_sentence, f"There were 58 cases of {form}, 37 of {translated_as}.")
    assert (flag.severity, flag.field, flag.expected, flag.found) == ("error", "translation", "37 … 58", "58 … 37")


def test_a_word_and_a_beginning_have_an_example_each() -> None:
    assert TABLE["words"].keys() == TABLE["examples"].keys()
    for word, beginnings in TABLE["words"].items():
        assert len(beginnings.split()) == len(TABLE["examples"][word].split())


@pytest.mark.parametrize(
    ("source", "target"),
    [
        # a third number in the clause: which one the word belongs to is open
        ("Có 37 người bị bắt trong 12 ngày, 58 người đình công.", "58 arrested in 12 days, 37 on strike."),
        # the word is in both clauses
        ("Bắt 37 người ở Huế, bắt 58 người ở Vinh.", "58 people arrested in Hue, 37 arrested in Vinh."),
        # only one of the two words tells
        ("Có 37 người bị bắt, 58 người ra về.", "58 arrested, 37 went home."),
        # of another kind
        ("Bắt 37 người, đình công 58%.", "Arrested 58 people, strike 37%."),
        # the clauses cannot be told apart
        ("Có 37 người bị bắt, 58 người đình công.", "58 arrested 37 strike."),
    ],
)
def test_what_is_left_open_is_not_flagged(source: str, target: str) -> None:
    assert flags(source, target) == []
