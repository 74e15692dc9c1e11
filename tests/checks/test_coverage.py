"""Sentences left out, cut, swapped, invented or left in Vietnamese; and translations that are none of these."""

from __future__ import annotations

import time
import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import coverage
from pipeline.checks.coverage import is_untranslated
from pipeline.checks.view import View
from pipeline.records import Flag
from tests.records import translated

FLOOD = (
    "Mưa lớn kéo dài ba ngày làm 12 người chết tại tỉnh Quảng Nam, trong khi quân đội tiếp tục tìm kiếm các nạn nhân."
)
FLOOD_EN = (
    "Three days of heavy rain killed 12 people in Quang Nam province, while the army continued to search for victims."
)
VACCINE = "Bộ Y tế cho biết 1.500 bệnh nhân tại Hà Nội đã được tiêm vắc xin trong tháng 3."
VACCINE_EN = "The Ministry of Health said 1,500 patients in Hanoi were vaccinated in March."


def flags_of(*pairs: tuple[str, str]) -> list[Flag]:
    return coverage.check(View(translated(*pairs)))


@pytest.mark.parametrize(
    ("vietnamese", "english"),
    [
        (FLOOD, FLOOD_EN),
        (VACCINE, VACCINE_EN),
        (
            "Giá vàng trong nước hôm nay giảm mạnh theo thị trường thế giới, còn 70 triệu đồng một lượng.",
            "Tracking the global market, domestic gold fell sharply today to VND70 million a tael.",
        ),
        ("Ừ.", "That is right."),
        ("Hà Nội mưa to.", "Heavy rain hits Hanoi."),
        (
            "Bà Nguyễn Thị Kim Ngân, nguyên Chủ tịch Quốc hội, thăm huyện Cần Giờ ở TP HCM.",
            "Nguyen Thi Kim Ngan, former National Assembly chair, visited HCMC's Can Gio District.",
        ),
    ],
)
def test_a_whole_translation_is_not_flagged(vietnamese: str, english: str) -> None:
    assert not flags_of((vietnamese, english))


@pytest.mark.parametrize("english", ["", "  "])
def test_a_sentence_without_translation(english: str) -> None:
    (flag,) = flags_of((FLOOD, FLOOD_EN), (VACCINE, english))
    assert (flag.check, flag.severity, flag.field) == ("coverage", "error", "summary")
    assert (flag.start, flag.end) == (len(FLOOD) + 1, len(FLOOD) + 1 + len(VACCINE))


def test_a_sentence_dropped_beside_another() -> None:
    (flag,) = flags_of((f"{FLOOD} {VACCINE}", FLOOD_EN))
    assert (flag.check, flag.severity) == ("coverage", "error")
    assert "bệnh nhân" in flag.expected
    assert "Quảng Nam" not in flag.expected


def test_a_clause_dropped() -> None:
    flags = flags_of((FLOOD, "Three days of heavy rain killed 12 people in Quang Nam province."))
    assert [flag.check for flag in flags] == ["coverage"]
    assert flags[0].expected.startswith("quân đội")


def test_much_too_short_needs_no_anchors() -> None:
    (flag,) = flags_of(("Blah " * 40, "Blah."))
    assert (flag.check, flag.severity) == ("coverage", "error")


def test_swapped_translations_are_said_of_both() -> None:
    flags = [flag for flag in flags_of((FLOOD, VACCINE_EN), (VACCINE, FLOOD_EN)) if flag.found]
    assert {(flag.check, flag.severity) for flag in flags} == {("coverage", "error")}
    assert {(flag.expected, flag.found) for flag in flags} == {(FLOOD_EN, VACCINE_EN), (VACCINE_EN, FLOOD_EN)}


def test_too_long_may_be_invented() -> None:
    (flag,) = flags_of((FLOOD, f"{FLOOD_EN} {VACCINE_EN} Officials hope that more help will follow."))
    assert (flag.check, flag.severity, flag.field) == ("length", "warning", "translation")


def test_every_word_is_found_in_each_of_its_examples() -> None:
    text = files("pipeline.checks").joinpath("coverage.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    for vietnamese, words in table["examples"].items():
        assert coverage._anchors(vietnamese, "") == [coverage._Anchor("word", 0, len(vietnamese), found=False)]
        for word in words.split():
            (anchor,) = coverage._anchors(vietnamese, word)
            assert anchor.found, f"{vietnamese}: {word}"
    assert len(table["examples"]) == len(table["words"])


def test_the_headline_is_compared_too() -> None:
    (flag,) = coverage.check(View(translated(title=FLOOD, title_translation="Rain.")))
    assert (flag.check, flag.field) == ("coverage", "title")


# Vietnamese that was left


@pytest.mark.parametrize(
    ("text", "vietnamese"),
    [
        ("Mưa lớn kéo dài ba ngày", True),
        ("ông không đồng ý với đề xuất", True),
        ("MƯA LỚN GÂY NGẬP TẠI HÀ NỘI", True),
        ("Nguyễn Phú Trọng met Trần Đại Quang in Hà Nội", False),
        ("the café in Đà Nẵng serves phở", False),
        ("A fiancée with a résumé", False),
        ("Heavy rain for three days", False),
        ("HEAVY RAIN FLOODS THE CITY OF HÀ NỘI", False),
        ("", False),
        ("12.5", False),
    ],
)
def test_is_untranslated(text: str, vietnamese: bool) -> None:
    assert is_untranslated(text) is vietnamese


@pytest.mark.parametrize(
    ("english", "flagged"),
    [
        ("雨が三日続いた。", True),
        ("Сильный дождь шёл три дня.", True),
        ("Heavy rain fell on Tokyo (東京) for three days.", False),
    ],
)
def test_another_script_is_no_english(english: str, flagged: bool) -> None:
    flags = flags_of(("Mưa lớn kéo dài ba ngày.", english))
    assert ("vietnamese_left", "error") in {(flag.check, flag.severity) for flag in flags} or not flagged
    assert flagged or not flags


def test_a_sentence_still_vietnamese_is_not_also_short_or_cut() -> None:
    (flag,) = flags_of((FLOOD, FLOOD))
    assert (flag.check, flag.severity, flag.found) == ("vietnamese_left", "error", FLOOD)


def test_a_clause_still_vietnamese() -> None:
    english = (
        "Three days of heavy rain killed 12 people in Quang Nam, trong khi quân đội tiếp tục tìm kiếm các nạn nhân."
    )
    (flag,) = [flag for flag in flags_of((FLOOD, english)) if flag.check == "vietnamese_left"]
    assert flag.severity == "error"
    assert flag.found == "trong khi quân đội tiếp tục tìm kiếm các nạn nhân"
    assert english[flag.start : flag.end] == flag.found


@pytest.mark.parametrize(
    "english",
    [
        "She cooks bún bò and phở for Lê Văn Tám.",
        'The film "Bố già về làng ăn tết với cả nhà" opened.',
        "He sells nước mắm (nước chấm làm từ cá ủ muối) in Phú Quốc.",
    ],
)
def test_dishes_and_quoted_titles_may_stay(english: str) -> None:
    assert not [flag for flag in flags_of(("Xin chào các bạn.", english)) if flag.check == "vietnamese_left"]


ANY = st.text(max_size=60) | st.sampled_from(
    [FLOOD, FLOOD_EN, VACCINE, VACCINE_EN, "quân đội tìm kiếm", "12 12 12", "İ ŉ ß"]
)


@given(st.lists(st.tuples(ANY, ANY), max_size=4))
def test_any_text_gives_spans_inside_it(pairs: list[tuple[str, str]]) -> None:
    record = translated(*pairs)
    texts = {"summary": record.summary, "translation": record.translation}
    for flag in coverage.check(View(record)):
        assert 0 <= flag.start <= flag.end <= len(texts[flag.field])


@pytest.mark.parametrize(
    ("vietnamese", "english"),
    [
        ("x", "ơ"),
        ("Đ", "“(ơ "),
        ("A a ", "“a"),
        ("quân đội tìm kiếm 12 ", "the army 12 "),
    ],
)
def test_a_long_text_is_read_in_linear_time(vietnamese: str, english: str) -> None:
    def seconds(letters: int) -> float:
        record = translated((vietnamese * (letters // len(vietnamese)), english * (letters // len(english))))
        took = []
        for _ in range(3):
            started = time.process_time()
            coverage.check(View(record))
            took.append(time.process_time() - started)
        return min(took)

    least = 0.005  # less is noise
    assert seconds(200_000) < 12 * max(least, seconds(50_000))  # four times the text; squared it would be 16
