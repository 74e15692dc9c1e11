"""Each entry of `names.toml` and `ordinary_words.toml`, in a sentence that is read otherwise without it.

The sentences are in `names_table/`, one a line, with columns separated by tabs. A new entry needs a sentence there:

    entries.tsv         entry, Vietnamese and English, the rendering that messages suggest, numbers of both
    spans.tsv           Vietnamese, and the names that are read in it
    surnames.tsv        Vietnamese, and right translations separated by ` / `
    mergers.tsv         Vietnamese, and a translation with the name after the merger
    ordinary_words.txt  English with capitalized words that are not names
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.checks.names import comparison
from pipeline.checks.names.entities import read_english, read_vietnamese
from pipeline.checks.view import View
from pipeline.records import Flag
from tests.checks.test_names import record

FOLDER = Path(__file__).with_name("names_table")
FRAME = {"Bài", "viết", "dùng", "các", "từ", "và", "người", "The", "article", "uses", "the", "word", "words", "and"}


def rows(name: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def flags(vietnamese: str, english: str, *, published: str = "") -> list[Flag]:
    return comparison.check(View(record(vietnamese, english, published=published)))


@pytest.mark.parametrize(("name", "vietnamese", "english", "suggested", "spellings", "renderings"), rows("entries.tsv"))
def test_every_spelling_and_rendering_of_an_entry_is_read(
    name: str, vietnamese: str, english: str, suggested: str, spellings: str, renderings: str
) -> None:
    source = read_vietnamese(vietnamese)
    entities = [entity for entity in source.entities if entity.entry.name == name]
    assert {entity.entry.english for entity in entities} == {suggested}
    assert len(entities) == int(spellings)
    covered = {at for entity in entities for at in range(entity.begin, entity.end)}
    assert {token.text for at, token in enumerate(source.tokens) if at not in covered} <= FRAME

    target = read_english(english)
    spans = [(begin, end) for means, begin, end in target.entities if name in {entry.name for entry in means}]
    assert len(spans) == int(renderings)
    covered = {at for begin, end in spans for at in range(begin, end)}
    assert {token.text for at, token in enumerate(target.tokens) if at not in covered} <= FRAME

    assert flags(vietnamese, english) == []


@pytest.mark.parametrize(("vietnamese", "expected"), rows("spans.tsv"))
def test_syllables_that_are_also_names_titles_or_words(vietnamese: str, expected: str) -> None:
    reading = read_vietnamese(vietnamese)
    found = [f"table: {entity.entry.name}" for entity in reading.entities]
    for span in reading.spans:
        kinds = [kind for kind in ("person", "place", "translatable") if getattr(span, kind)]
        name = vietnamese[span.tokens[0].start : span.tokens[-1].end]
        found.append(f"{' '.join(kinds) or 'name'}: {name}")
    assert "; ".join(found) == expected


@pytest.mark.parametrize(("vietnamese", "english"), rows("surnames.tsv"))
def test_a_surname_may_be_romanized_from_chinese_or_korean(vietnamese: str, english: str) -> None:
    for sentence in english.split(" / "):
        assert [flag.expected for flag in flags(vietnamese, sentence) if flag.field == "summary"] == []
    assert [flag.expected for flag in flags(vietnamese, "The man spoke.") if flag.field == "summary"] != []


@pytest.mark.parametrize(("vietnamese", "english"), rows("mergers.tsv"))
def test_the_name_after_a_merger_is_a_note(vietnamese: str, english: str) -> None:
    assert [flag.severity for flag in flags(vietnamese, english, published="2025-08-01")] == ["note"]


@pytest.mark.parametrize("english", [row for (row,) in rows("ordinary_words.txt")])
def test_ordinary_words_with_a_capital_are_not_names(english: str) -> None:
    (flag,) = flags("Danh mục của Lương Xuân Hùng có nhiều từ.", english)
    assert (flag.expected, flag.found) == ("Luong Xuan Hung", "")  # missing, and no word is taken for what replaced it


def test_a_word_that_is_no_ordinary_word_may_be_a_name() -> None:
    (flag,) = flags("Danh mục của Lương Xuân Hùng có nhiều từ.", "The index lists Zanzibar too.")
    assert flag.found == "Zanzibar"
