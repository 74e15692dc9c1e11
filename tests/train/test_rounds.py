from __future__ import annotations

import pytest

from pipeline.extractive import summarize
from pipeline.text.chunking import TITLE_MARK, Chunker
from pipeline.text.sentences import sentences
from pipeline.train.config import Rounds
from pipeline.train.from_scratch.rounds import examples, extractive_examples

TITLE = "Lũ lên ở Huế"
SHORT = "Nước sông Hương lên nhanh trong đêm. Người dân Huế dọn đồ lên gác. Trường học cho nghỉ hai ngày."
LONG = " ".join(
    f"{SHORT} Đội cứu hộ số {number} đưa dân tới nơi cao. Chợ ở xã {number} vẫn họp như mọi ngày."
    for number in ("một", "hai", "ba", "bốn")
)
SUMMARY = "Nước sông Hương lên nhanh trong đêm, người dân Huế dọn đồ lên gác."


def words(text: str) -> int:
    return len(text.split())


def asked(text: str, summary: str = SUMMARY, *, budget: int = 48, **rounds: float) -> list[tuple[str, str]]:
    chunker = Chunker(words, budget, with_title=True)
    return list(examples(TITLE, text, summary, chunker=chunker, rounds=Rounds(**{"untitled": 0.0} | rounds)))


def test_an_article_that_fits_is_asked_for_its_summary() -> None:
    assert asked(SHORT) == [(TITLE + TITLE_MARK + SHORT, SUMMARY)]


def test_a_long_one_is_asked_for_of_a_part_and_of_the_sentences_of_all_parts() -> None:
    (part, wanted), (together, summary) = asked(LONG, least_support=0.4)
    assert part.removeprefix(TITLE + TITLE_MARK) in LONG
    assert wanted in (SUMMARY, *sentences(part.removeprefix(TITLE + TITLE_MARK)))
    assert summary == SUMMARY
    assert together.startswith(TITLE + TITLE_MARK)
    shown = sentences(together.removeprefix(TITLE + TITLE_MARK))
    assert len(shown) > 1
    assert set(shown) <= set(sentences(LONG))
    assert words(together) <= 48 + 1


def test_what_a_part_does_not_show_is_not_asked_for() -> None:
    for number in range(8):  # the part is drawn by the text
        (part, wanted), *_ = asked(f"{LONG} Hết ngày {number}.", f"{SUMMARY} Ba tàu mắc cạn.", least_support=0.99)
        assert wanted in sentences(part.removeprefix(TITLE + TITLE_MARK))


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Trường học cho nghỉ hai ngày vì lũ", "Trường học cho nghỉ hai ngày."),
        ("Nỗi lo hai mùa", "Nước sông Hương lên nhanh trong đêm."),
    ],
    ids=["the headline points elsewhere", "the first sentence has a lead"],
)
def test_the_sentence_is_the_first_unless_the_headline_points_elsewhere(title: str, wanted: str) -> None:
    chunker = Chunker(words, 48, with_title=True)
    ((_, target),) = examples(title, SHORT, "Lũ dữ ập về bất ngờ", chunker=chunker, rounds=Rounds(untitled=0.0))
    assert target == wanted


@pytest.mark.parametrize(("least", "wanted"), [(0.4, True), (0.9, False)])
def test_a_summary_without_support_gives_way(least: float, wanted: bool) -> None:
    summary = "Nước sông Hương lên nhanh khiến ba tàu hàng mắc cạn"
    ((_, target),) = asked(SHORT, summary, least_support=least)
    assert (target == summary) is wanted
    assert target in (summary, *sentences(SHORT))


def test_some_are_shown_without_their_headline_and_always_the_same_ones() -> None:
    articles = [SHORT.replace("hai", f"{number}") for number in range(200)]
    shown = [asked(article, untitled=0.3)[0][0].startswith(TITLE) for article in articles]
    assert 0.55 < sum(shown) / len(shown) < 0.85
    assert shown == [asked(article, untitled=0.3)[0][0].startswith(TITLE) for article in articles]


def test_what_does_not_fit_together_is_not_asked_for() -> None:
    assert len(asked(LONG, budget=24)) == 1


def test_an_extractive_answer_stands_in_what_is_shown() -> None:
    chunker = Chunker(words, 100, with_title=True)
    assert list(extractive_examples(TITLE, SHORT, chunker=chunker)) == [
        (TITLE + TITLE_MARK + SHORT, " ".join(summarize(SHORT, TITLE)))
    ]
    (part, answer), (together, final) = extractive_examples(TITLE, LONG, chunker=chunker)
    for shown, wanted in ((part, answer), (together, final)):
        assert words(shown) <= 100 + 1
        chosen = sentences(wanted)
        assert len(chosen) == 2
        assert set(chosen) <= set(sentences(shown.removeprefix(TITLE + TITLE_MARK))) <= set(sentences(LONG))
