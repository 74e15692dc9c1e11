"""Repair: which of several answers is taken, and the other ways to write a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.repair import Answer, Choice, Judgment, judge_summary, judge_translation
from pipeline.checks.variants import ascii_names, in_clauses, joined_clauses, spelled_amounts, variants
from tests.records import article_record

SOURCE = "Ông Nguyễn Văn Tèo bị phạt 12 triệu đồng."


def judged(answer: Answer) -> Judgment:
    return judge_translation(answer, SOURCE, title="", summary=SOURCE)


def choice_of(first: str, *others: str, finished: bool = True) -> Choice:
    choice = Choice(Answer(first, finished), judged, field="translation", index=3)
    choice.offer(Answer(text, source="beam", rank=rank) for rank, text in enumerate(others, start=1))
    return choice


RIGHT = "Nguyen Van Teo was fined VND12 million."
WRONG_NAME = "Nguyen Van To was fined VND12 million."
WRONG_BOTH = "Nguyen Van To was fined VND20 million."


def test_the_candidate_with_the_fewest_errors_is_taken_and_the_record_says_which_and_why() -> None:
    record = choice_of(WRONG_BOTH, WRONG_NAME, RIGHT).record()
    assert (record.field, record.index, record.first) == ("translation", 3, WRONG_BOTH)
    assert (record.taken, record.rank, record.candidates) == ("beam", 2, 2)
    assert record.before == ("number error", "name error")
    assert record.after == ()


def test_the_first_answer_wins_ties_and_so_does_the_earlier_candidate() -> None:
    also_right = "Mr Nguyen Van Teo was fined 12 million dong."
    assert choice_of(RIGHT, also_right).best.text == RIGHT
    assert choice_of(WRONG_NAME, also_right, RIGHT).best.text == also_right
    other = "Nguyen Van Ta was fined VND12 million."
    assert choice_of(WRONG_NAME, other).record().taken == "first"


def test_an_equal_text_is_no_candidate_and_an_empty_one_is_an_error() -> None:
    choice = choice_of(WRONG_NAME, WRONG_NAME, "", " ")
    assert choice.record().candidates == 2
    assert choice.best.text == WRONG_NAME
    assert choice_of("", WRONG_BOTH).best.text == ""  # two errors are no better than one
    assert choice_of(RIGHT.replace("fined", "fin�d"), RIGHT).record().before == ("replacement error",)


def test_an_answer_that_was_cut_off_is_worse_than_one_that_was_not() -> None:
    choice = choice_of(RIGHT, "Mr Nguyen Van Teo was fined 12 million dong.", finished=False)
    assert choice.record().taken == "beam"
    assert choice.record().before == ("unfinished warning",)


def test_the_title_is_judged_with_what_the_summary_says() -> None:
    found = judge_translation(Answer("Fine of 20 million"), "Phạt 12 triệu", title="Phạt 12 triệu", summary=SOURCE)
    assert "number error" in found.named
    assert judge_translation(Answer("Fine of 12 million"), "Phạt 12 triệu", title="Phạt 12 triệu", summary="").is_clean


def test_a_label_that_is_translated_as_text_counts() -> None:
    title = "TRỰC TIẾP: Việt Nam gặp Thái Lan"
    found = judge_translation(Answer("DIRECTIVE: Vietnam meet Thailand"), title, title=title, summary="")
    assert found.named == ("label warning",)
    assert judge_translation(Answer("LIVE: Vietnam meet Thailand"), title, title=title, summary="").is_clean


@pytest.mark.parametrize(
    ("summary", "named"),
    [
        ("Ông Tèo bị phạt 12 triệu đồng.", ()),
        ("Ông Tèo bị phạt 15 triệu đồng.", ("number error",)),
        ("Cơ quan công an đã phạt ông 12 triệu đồng. Cơ quan công an đã phạt ông 12 triệu đồng.", ("loop error",)),
        ("", ("empty error",)),
    ],
)
def test_a_summary_is_judged_by_its_article(summary: str, named: tuple[str, ...]) -> None:
    article = article_record("Chiều 3/5, cơ quan công an đã phạt ông Tèo 12 triệu đồng vì lấn chiếm vỉa hè ở phố cổ.")
    assert judge_summary(Answer(summary), article).named == named


@pytest.mark.parametrize(
    ("sentence", "written"),
    [
        ("Ông Nguyễn Văn Đức ở Đà Nẵng sang Nhật Bản.", "Ông Nguyen Van Duc ở Da Nang sang Nhật Bản."),
        ("Trời mưa to.", "Trời mưa to."),
    ],
)
def test_names_are_written_in_ascii_where_english_writes_them_so(sentence: str, written: str) -> None:
    assert ascii_names(sentence) == written


@pytest.mark.parametrize(
    ("sentence", "written"),
    [
        ("Sáng 14/2, giá là 5tr.", "Sáng ngày 14 tháng 2, giá là 5 triệu đồng."),
        ("Từ 1/12/2025 lúc 20h30.", "Từ ngày 1 tháng 12 năm 2025 lúc 8 giờ 30 phút tối."),
        ("Từ 22h ngày 12/6 đến 5h ngày 15/6.", "Từ 10 giờ đêm ngày 12 tháng 6 đến 5 giờ ngày 15 tháng 6."),
        ("Khoảng 21h45 tối, 13h chiều và 14 giờ 05.", "Khoảng 9 giờ 45 phút tối, 1 giờ chiều và 2 giờ 05 phút chiều."),
        ("Lúc 19 giờ, 17g và 18g.", "Lúc 7 giờ tối, 5 giờ chiều và 6 giờ tối."),
        ("Sau 20 giờ đồng hồ, 15h/ngày, 24h qua.", "Sau 20 giờ đồng hồ, 15 giờ/ngày, 24 giờ qua."),  # lengths of time
        ("Lúc 12h, 9h15 và 0h.", "Lúc 12 giờ, 9 giờ 15 phút và 0 giờ."),  # as they are said already
        ("Tỷ số 3-2, chiếm 1/2 số phiếu.", "Tỷ số 3-2, chiếm 1/2 số phiếu."),
        ("Rộng 30ha, 50m2.", "Rộng 30 héc-ta, 50 mét vuông."),
        ("Phạt 500.000đ, đi 3h, 10 đồng hồ.", "Phạt 500.000 đồng, đi 3 giờ, 10 đồng hồ."),
    ],
)
def test_short_dates_times_and_units_are_written_in_full(sentence: str, written: str) -> None:
    assert spelled_amounts(sentence) == written


LONG = (
    "Theo kết quả điều tra ban đầu của cơ quan công an, ông Nguyễn Văn Tèo đã lấn chiếm vỉa hè ở phố cổ, "
    "nhưng gia đình ông cho rằng họ có giấy phép của phường từ năm 2019."
)


def test_a_long_sentence_has_its_clauses_which_lose_no_word() -> None:
    groups = in_clauses(LONG)
    assert len(groups) > 1
    assert " ".join(groups) == LONG
    assert in_clauses("Một câu ngắn, không cần tách.") == []
    assert [way for way, _ in variants(LONG)] == ["names", "clauses"]


def test_clauses_are_joined_without_the_full_stops_between_them() -> None:
    assert joined_clauses(["một,", "hai."], ["One.", "two."]) == "One two."
    assert joined_clauses(["Một.", "hai"], ["One.", "two"]) == "One. two"


@given(st.text(alphabet="aăđ Hà1/2.,-hg ngày tháng năm5tr", max_size=40))
def test_variants_of_any_text_differ_from_it_and_from_one_another(sentence: str) -> None:
    written = [" ".join(texts) for way, texts in variants(sentence) if way != "clauses"]
    assert sentence not in written
    assert len(set(written)) == len(written)
