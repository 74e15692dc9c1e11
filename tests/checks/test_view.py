"""Where a flag on a pair stands in its field: never past the end, also where the place is only the nearest known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.checks.rules import inspect
from pipeline.checks.view import View
from pipeline.records import Sentence
from tests.records import translated

SUMMARY = "Trời  mưa to. Chi  2 tỷ."  # the sentences have one space each: neither is found as it stands
RECORD = translated(
    ("Trời mưa to.", "It rained."),
    ("Chi 2 tỷ, hết.", "It costs 2 billion."),
    summary=SUMMARY,
    title="Mưa to",
    title_translation="Heavy rain",
    text="x",
)


@pytest.mark.parametrize(
    ("pair", "span", "source", "target"),
    [
        (0, None, ("title", 0, 6), ("title_translation", 0, 10)),
        (0, (4, 6), ("title", 4, 6), ("title_translation", 4, 6)),
        (1, None, ("summary", 0, 12), ("translation", 0, 10)),
        (2, (3, 8), ("summary", 15, 20), ("translation", 14, 19)),
        (2, None, ("summary", 12, 24), ("translation", 11, 30)),  # 12 + 14 letters lead past the end
    ],
)
def test_a_flag_stands_in_its_field(
    pair: int, span: tuple[int, int] | None, source: tuple[str, int, int], target: tuple[str, int, int]
) -> None:
    one = View(RECORD).pairs[pair]
    for flag, expected in (
        (one.source.flag("name", "why", span=span, expected="x", found="y", severity="note"), source),
        (one.target.flag("name", "why", span=span, expected="x", found="y", severity="note"), target),
    ):
        assert (flag.field, flag.start, flag.end) == expected
        assert (flag.check, flag.message, flag.expected, flag.found, flag.severity) == ("name", "why", "x", "y", "note")
    assert one.target.flag("name", "why").severity == one.source.flag("name", "why").severity == "warning"


ARTICLE = "Ông Nam nói: “Lãi 12,5 tỷ đồng.” Giá 2.500 đồng một kg, Hà Nội -5 độ C.\nBà Lan không nhận tiền. Hết"


@pytest.mark.parametrize(
    ("sentences", "copied"),
    [
        (["Bà Lan không nhận tiền."], True),
        (["Bà Lan không nhận tiền.", "Ông Nam nói: “Lãi 12,5 tỷ đồng.”"], True),
        (["Bà Lan nhận tiền."], False),
        (["Bà Lan không nhận tiền.", "Ông Nam lãi."], False),
        (["Ông Nam nói: “Lãi 12"], False),  # cut within a figure
        (["500 đồng một kg"], False),
        (["5 độ C."], False),  # below zero there
        (["Lan không nhận tiền. H"], False),
        ([], False),
    ],
)
def test_a_summary_is_copied_where_its_sentences_stand_in_the_article(sentences: list[str], copied: bool) -> None:
    record = replace(
        RECORD,
        article=replace(RECORD.article, text=ARTICLE),
        summary=" ".join(sentences) or "Bà Lan nhận tiền.",
        sentences=tuple(Sentence(text, "x") for text in sentences),
    )
    assert View(record).is_copied == copied


@pytest.mark.parametrize("cut", ["Ông Nam nói: “Lãi 12", "500 đồng một kg", "5 độ C."])
def test_a_figure_that_a_cut_changed_is_flagged(cut: str) -> None:
    record = replace(
        RECORD, article=replace(RECORD.article, text=ARTICLE), summary=cut, sentences=(Sentence(cut, "x"),)
    )
    flags = inspect(record).flags
    assert any(flag.check == "number" and flag.field == "summary" and flag.severity == "error" for flag in flags)
