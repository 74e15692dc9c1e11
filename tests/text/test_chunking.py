from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.chunking import TITLE_MARK, Chunker


def words(text: str) -> int:
    return len(text.split())


def test_a_headline_stands_in_front_and_takes_its_room() -> None:
    heading, beside = Chunker(words, 20, with_title=True).with_heading("Lũ lên\nnhanh")
    assert heading == "Lũ lên nhanh" + TITLE_MARK
    assert beside.budget == 20 - words(heading) - 1


def test_the_headline_is_turned_to_the_tone_style_of_the_checkpoint() -> None:
    assert Chunker(words, 20, "press", with_title=True).with_heading("Hoà bình")[0] == "Hòa bình" + TITLE_MARK


@pytest.mark.parametrize(
    ("title", "with_title"),
    [("", True), ("  ", True), ("Lũ lên nhanh", False), ("một hai ba bốn năm sáu bảy tám chín mười mười một", True)],
    ids=["none", "blank", "not asked for", "over half of the budget"],
)
def test_without_a_headline_everything_stays(title: str, with_title: bool) -> None:
    chunker = Chunker(words, 20, with_title=with_title)
    assert chunker.with_heading(title) == ("", chunker)


def test_the_lead_is_whole_sentences_and_counts_what_it_leaves_out() -> None:
    text = "Mưa to ở miền Bắc. Gió lớn ở miền Trung.\nLũ lên nhanh ở miền Nam."  # 5, 5 and 6 words
    part, left_out = Chunker(words, 12).lead(text)
    assert (part.text, part.tokens, left_out) == ("Mưa to ở miền Bắc. Gió lớn ở miền Trung.", 10, 6)


def test_the_lead_of_a_first_sentence_longer_than_the_budget_is_its_first_clause() -> None:
    part, left_out = Chunker(words, 8).lead("Mưa rất to ở miền Bắc, gió rất lớn ở miền Trung. Lũ lên.")
    assert (part.text, part.cut, left_out) == ("Mưa rất to ở miền Bắc,", "clause", 8)


@given(st.lists(st.integers(1, 14), max_size=12), st.integers(2, 20))
def test_the_lead_fits_and_begins_the_text(lengths: list[int], budget: int) -> None:
    text = " ".join("Từ " + "chữ " * (length - 1) + "." for length in lengths)
    part, left_out = Chunker(words, budget).lead(text)
    assert part.tokens <= budget
    assert part.tokens + left_out == words(text)
    assert " ".join(text.split()).startswith(part.text)
    assert part.text or not text


def test_a_lead_that_is_truncated_is_left_to_the_engine_whole() -> None:
    text = "Mưa rất to ở miền Bắc.\nLũ lên."
    part, left_out = Chunker(words, 4, lead_only=True, truncate=True).lead(text)
    assert (part.text, part.tokens, part.cut, left_out) == ("Mưa rất to ở miền Bắc. Lũ lên.", 8, "", 0)
