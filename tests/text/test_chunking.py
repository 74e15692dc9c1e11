from __future__ import annotations

import pytest

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
