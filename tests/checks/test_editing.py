"""An editor's sentence replaces the model's, in headlines too, and flags on it become notes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.checks.rules import Rules, inspect
from pipeline.checks.terms import Terms
from pipeline.checks.view import View
from pipeline.corrections import Correction
from pipeline.glossary import Term, sentence_key
from pipeline.records import Flag, Translated
from tests.records import translated

RECORD = translated(
    ("Trời mưa to.", "Sky rain."),
    ("Ở huyện Mai, không ai bị thương.", "In Mai county, people were hurt."),
    title="Mưa to ở huyện Mai",
    title_translation="Big rain in Mai county",
    text="Bài.",
)


def corrected(vi: str, en: str) -> dict[str, Correction]:
    return {sentence_key(vi): Correction(vi, en, "Mai", "2026-11-23")}


def placed(record: Translated, flag: Flag) -> str:
    texts = {
        "title": record.article.title,
        "summary": record.summary,
        "translation": record.translation,
        "title_translation": record.title_translation,
    }
    return texts[flag.field][flag.start : flag.end]


def test_an_editors_sentence_stands_for_the_models_with_her_name_on_it() -> None:
    record = inspect(RECORD, Rules(corrections=corrected("Trời mưa to.", "It rained heavily.")))
    assert record.translation == "It rained heavily. In Mai county, people were hurt."
    (flag,) = (flag for flag in record.flags if flag.check == "corrected")
    assert (flag.message, flag.found, flag.severity) == ("written by Mai, 2026-11-23", "Sky rain.", "note")
    assert placed(record, flag) == "It rained heavily."


def test_an_editors_headline_too() -> None:
    record = inspect(RECORD, Rules(corrections=corrected("Mưa to ở huyện Mai", "Heavy rain in Mai")))
    assert record.title_translation == "Heavy rain in Mai"
    assert [flag.field for flag in record.flags if flag.check == "corrected"] == ["title_translation"]


def test_a_sentence_that_is_accepted_says_so() -> None:
    record = inspect(RECORD, Rules(corrections=corrected("Trời mưa to.", "Sky rain.")))
    assert [flag.message for flag in record.flags if flag.check == "corrected"] == [
        "accepted as it is by Mai, 2026-11-23"
    ]
    assert record.translation == RECORD.translation


def test_terms_are_replaced_in_headline_and_sentences_and_not_in_hers() -> None:
    terms = Terms([Term("huyện", "rural district", ("county",))])
    record = inspect(
        RECORD, Rules(terms=terms, corrections=corrected(RECORD.sentences[1].summary, "In Mai county, nobody was."))
    )
    assert record.title_translation == "Big rain in Mai rural district"
    assert record.sentences[1].translation == "In Mai county, nobody was."
    flags = [flag for flag in record.flags if flag.check == "term"]
    assert [(flag.field, placed(record, flag)) for flag in flags] == [("title_translation", "rural district")]


def test_places_are_those_of_the_text_that_is_published() -> None:
    terms = Terms([Term("huyện", "rural district", ("county",)), Term("mưa", "rainfall")])
    rules = Rules(terms=terms, corrections=corrected("Trời mưa to.", "A much longer sentence than the machine's."))
    record = inspect(RECORD, rules)
    assert [(flag.check, placed(record, flag)) for flag in record.flags if flag.check in {"term", "corrected"}] == [
        ("term", "rural district"), ("term", "Mưa"), ("corrected", "A much longer sentence than the machine's."), ("term", "rural district"),
    ]  # fmt: skip


def lost(view: View) -> list[Flag]:
    """Return what a check might find: a number in the summary that the article lacks; an English sentence without not."""
    record = view.record
    flags = [Flag(check="number", field="summary", start=0, end=4, message="", severity="error")]
    at = record.translation.find("people were hurt")
    if at >= 0:
        flags.append(Flag(check="negation", field="translation", start=at, end=at + 6, message="", severity="error"))
        vi = record.summary.find("không")
        flags.append(Flag(check="negation", field="summary", start=vi, end=vi + 5, message="", severity="error"))
    return flags


@pytest.mark.parametrize(
    ("hold", "rules", "status"),
    [
        (["number", "negation"], {}, "hold"),
        (["negation"], {}, "hold"),
        (["name"], {}, "ok"),
        # she stands for the sentence, not for what the summary says of the article
        (["negation"], {"corrections": corrected(RECORD.sentences[1].summary, RECORD.sentences[1].translation)}, "ok"),
        (["number"], {"corrections": corrected(RECORD.sentences[1].summary, RECORD.sentences[1].translation)}, "hold"),
        (["negation"], {"corrections": corrected("Trời mưa to.", "Rain.")}, "hold"),
    ],
)
def test_an_error_holds_a_record_until_an_editor_stands_for_the_sentence(
    monkeypatch: pytest.MonkeyPatch, hold: list[str], rules: dict[str, object], status: str
) -> None:
    monkeypatch.setattr("pipeline.checks.rules.CHECK_FUNCTIONS", (lost,))
    record = inspect(RECORD, replace(Rules(hold=frozenset(hold)), **rules))  # type: ignore[arg-type]
    assert record.status == status
    assert {flag.check for flag in record.flags} >= {"number", "negation"}  # kept, if only as a note


def test_a_warning_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    flag = Flag(check="number", field="summary", start=0, end=4, message="")
    monkeypatch.setattr("pipeline.checks.rules.CHECK_FUNCTIONS", (lambda _record: [flag],))
    assert inspect(RECORD, Rules(hold=frozenset({"number"}))).status == "ok"


def test_equal_flags_are_listed_once() -> None:
    # as each round of a long article may raise one
    same = Flag(check="long_sentence", field="article", start=0, end=4, message="split at clauses")
    other = replace(same, end=3)
    flags = inspect(replace(RECORD, flags=(same, other, same))).flags
    assert (flags.count(same), flags.count(other)) == (1, 1)
