"""What the calls tell: which text an answer that was cut belongs to, in each way that texts are cut into pieces."""

from __future__ import annotations

import pytest

from pipeline.checks import truncation
from pipeline.checks.view import View
from pipeline.records import Call, Flag, Translated
from tests.records import translated

HEADLINE, FIRST, SECOND = "Rain again", "It rained.", "The wind rose."


def record(calls: list[Call], *, title: str = "Lại mưa", cut: tuple[str, ...] = ()) -> Translated:
    """Return a record of two sentences; the texts of the fields in `cut` were longer than the model takes."""
    return translated(
        ("Trời mưa.", FIRST),
        ("Gió lên.", SECOND),
        title=title,
        title_translation=HEADLINE if title else "",
        calls=calls,
        flags=[Flag(check="long_sentence", field=field, start=0, end=0, message="") for field in cut],
    )


def calls(count: int, *, cut_short: int, dropped: int = 0) -> list[Call]:
    return [
        Call(
            stage="translate",
            index=index,
            round=0,
            source_tokens=9,
            dropped_tokens=dropped if index == cut_short else 0,
            output_tokens=9,
            finished=index != cut_short,
            score=None,
        )
        for index in range(count)
    ]


def said(translated: Translated, check: str = "unfinished") -> list[tuple[str, str]]:
    texts = {"title_translation": translated.title_translation, "translation": translated.translation}
    return [
        (flag.field, texts[flag.field][flag.start : flag.end])
        for flag in truncation.check(View(translated))
        if flag.check == check
    ]


@pytest.mark.parametrize(
    ("cut_short", "expected"),
    [(0, ("title_translation", HEADLINE)), (1, ("translation", FIRST)), (2, ("translation", SECOND))],
)
def test_the_flag_is_on_the_headline_or_the_sentence_that_was_cut_short(
    cut_short: int, expected: tuple[str, str]
) -> None:
    assert said(record(calls(3, cut_short=cut_short))) == [expected]
    assert said(record(calls(3, cut_short=cut_short, dropped=4)), "dropped") == [expected]


def test_without_a_headline_the_first_answer_is_the_first_sentence() -> None:
    assert said(record(calls(2, cut_short=0), title="")) == [("translation", FIRST)]


@pytest.mark.parametrize(
    ("cut", "cut_short", "fields"),
    [
        (("summary",), 0, ["title_translation"]),
        (("summary",), 1, ["translation"]),
        (("title",), 1, ["title_translation"]),
        (("title",), 3, ["translation"]),
        (("title", "summary"), 1, ["title_translation"]),
        (("title", "summary"), 4, ["translation"]),
        (("title", "summary"), 2, ["title_translation", "translation"]),
    ],
)
def test_where_texts_went_in_pieces_the_flag_is_on_each_field_it_may_be_about(
    cut: tuple[str, ...], cut_short: int, fields: list[str]
) -> None:
    count = 3 + len(cut)  # one piece more of each text that was cut
    assert [field for field, _ in said(record(calls(count, cut_short=cut_short), cut=cut))] == fields


def test_an_empty_last_sentence_is_a_place_within_the_text() -> None:
    one = translated(
        ("Trời mưa.", FIRST), ("Gió lên.", ""), title="Lại mưa", title_translation=HEADLINE, calls=calls(3, cut_short=2)
    )
    (flag,) = [flag for flag in truncation.check(View(one)) if flag.check == "unfinished"]
    assert (flag.start, flag.end) == (len(FIRST), len(FIRST))
