"""Numbers read as values, in both languages: when two agree, and what holds for any text.

What each form reads is in the examples of the rules (`test_examples.py`).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.quantities import english, in_english, rounded, same, vietnamese


@pytest.mark.parametrize(
    "text",
    ["tỷ lệ, tỷ số, tỷ giá, tỉ mỉ, triệu tập, triệu chứng", "quận Ba Đình, nước Ba Lan, ông Năm"],
)
def test_what_holds_no_number_in_vietnamese(text: str) -> None:
    assert vietnamese(text) == []


def test_what_holds_no_number_in_english() -> None:
    assert english("they may march") == []


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("20h30", "8:30 p.m.", True),
        ("20h30", "8:30 a.m.", False),
        ("8h", "8 p.m.", True),  # which half of the day is not said
        ("2/3 đại biểu", "two-thirds", True),
        ("hai phần ba", "three quarters", False),
        ("thứ ba", "Tuesday", True),
        ("thứ ba", "the third", True),
        ("hôm thứ Ba", "the third", False),
        ("16 km", "10 miles", True),
        ("16 km", "16 miles", False),
        ("12 tháng", "a one-year term", True),
        ("30 ngày", "one month", True),
        ("5 năm", "5 days", False),
        ("1 tấn", "1,000 kg", True),
        ("5 đô la", "5 Australian dollars", True),
        ("5 USD", "5 euros", False),
        ("5 triệu", "5 million dong", True),
        ("tháng 3", "three months", False),
        ("5%", "5", False),
        ("25 độ C", "77 degrees Fahrenheit", True),
        ("1.200 đồng", "1.200 dong", False),  # an English reader sees one dong and a fifth
        ("tỷ lệ 5%", "13,94%", False),
        ("70m2", "2 rooms", False),  # the figure of a unit is none
        ("70 m2", "70 square metres", True),
        ("70 m2", "70 square kilometres", False),
        ("nền nhà 2m2", "2 square metres", True),
        ("cao 1m2", "1.2 metres", True),
        ("500 đồng/lít", "USD500 per litre", False),
        ("-1,6 độ C", "minus 1.6 degrees Celsius", True),
        ("-1,6 độ C", "1.6 degrees Celsius below zero", True),
        ("-1,6 độ C", "1.6 degrees Celsius", False),
        ("âm 10 độ C", "14 degrees Fahrenheit", True),
        ("âm 3 đến 5 độ C", "minus 5 degrees Celsius", True),  # the words leave it open
        ("chuyến -5 khách", "5 guests", True),  # a dash
        ("tháng Ba đến Bảy", "in July", True),
        ("tháng Ba và Tư", "four people", False),
        ("lúc 19h50", "at 19.50", True),
        ("lúc 19h50", "at 19.30", False),
        ("6 giờ sáng", "6 in the evening", False),
        ("hai vụ ban đêm", "two at night", True),
        ("0912.345.678", "0912 345 678", True),
        ("51A-123.45", "51A-12345", True),
        ("51A-123.45", "51B-123.45", False),
        ("QL21B", "Highway 21B", True),
        ("nửa đầu năm", "the first six months", True),
        ("nửa đầu năm", "the last six months", False),
        ("6 tháng đầu năm", "the second half", False),
        ("gấp đôi", "up 100%", True),
        ("gấp đôi", "tripled", False),
        ("25 điểm cơ bản", "0.25 percentage points", True),
        ("phút 90+3", "the 93rd minute", True),
        ("cao 1m65", "5 feet 5 inches tall", True),
        ("cao 1m65", "5 feet 9 inches tall", False),
        ("nửa tháng", "two weeks", True),
        ("2 năm rưỡi", "30 months", True),
        ("2 năm rưỡi", "two years", False),
    ],
)
def test_same(left: str, right: str, expected: bool) -> None:
    ours, theirs = vietnamese(left), english(right)
    assert any(same(one, other) for one in ours for other in theirs) is expected


@pytest.mark.parametrize(
    ("exact", "rough", "expected"),
    [
        ("3.015 người", "about 3,000 people", True),
        ("3.015 người", "3,000 people", False),
        ("75 người", "about 73 people", False),
        ("13,94%", "13.9%", True),
        ("13,94%", "13.8%", False),
        ("1.234.567 đồng", "1.23 million dong", True),
        ("1.234.567 đồng", "1.32 million dong", False),
        ("năm 2018", "about 2000", False),
        ("1,25 tỷ đồng", "1.3 billion dong", True),
        ("2,3 tỷ đồng", "2 billion dong", False),
        ("13,95%", "14%", True),
    ],
)
def test_rounded(exact: str, rough: str, expected: bool) -> None:
    assert rounded(vietnamese(exact)[0], english(rough)[0]) is expected


def test_the_comma_of_a_doubtful_figure_is_told_by_the_writers_other_figures() -> None:
    (doubtful,) = vietnamese("1,234 tấn")
    assert {reading.value for reading in doubtful.readings} == {Fraction("1.234"), Fraction(1234)}
    (clear,) = vietnamese("1,234 tấn", context="tăng 13,9%")
    assert [reading.value for reading in clear.readings] == [Fraction("1.234")]


@pytest.mark.parametrize(
    "text", ["1,200 người", "1,234 người", "1,200 hộ dân", "1,200 đồng", "1,234 vụ", "1,200", "2,500 cây"]
)
def test_the_comma_parts_thousands_where_no_fraction_can_be(text: str) -> None:
    for context in ("", "tăng 13,9%"):
        (found,) = vietnamese(text, context=context if " " in text else "")
        assert {reading.value for reading in found.readings} == {Fraction(text.split(maxsplit=1)[0].replace(",", ""))}


words = st.sampled_from(
    "một hai ba bốn năm mươi mười lăm trăm linh nghìn tỷ triệu rưỡi chục tá hàng vài thứ ngày tháng giờ rằm giêng quý II XII"
    " nửa phần gấp đôi đồng USD $ % 1 2 12 31 2020 1.200 13,94 2/3 20h30 1m72 24/7 - – và đến , . ( İ ﷺ \n a one two twenty"
    " hundred thousand million and half dozen third second March may pm p.m. o'clock lunar Q2 th st s km VND m2 70m2 /kg -5 âm minus below zero độ C degrees".split(
        " "
    )
)
any_text = st.one_of(
    st.text(max_size=60), st.lists(words, max_size=20).map(" ".join), st.lists(words, max_size=20).map("".join)
)


@given(any_text)
def test_what_was_read_stands_where_it_says(text: str) -> None:
    for read in (vietnamese, english):
        found = read(text)
        for quantity in found:
            assert 0 <= quantity.start < quantity.end <= len(text)
            assert text[quantity.start : quantity.end] == quantity.text
            assert in_english(quantity)
            assert same(quantity, quantity)
        assert [quantity.start for quantity in found] == sorted(quantity.start for quantity in found)


@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_a_figure_is_read_as_either_language_writes_it(value: Decimal) -> None:
    written = f"{value:,.2f}"
    (read,) = english(f"{written}%")
    (other,) = vietnamese(written.translate(str.maketrans(",.", ".,")) + "%")
    assert read.value == other.value == Fraction(value)
    assert read.kind == other.kind == "percent"
    assert same(read, other)


ONES = "một hai ba bốn năm sáu bảy tám chín".split()
ENGLISH_ONES = "one two three four five six seven eight nine".split()
ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


@given(
    st.integers(2, 9),
    st.integers(2, 9),
    st.integers(1, 9),
    st.sampled_from([("nghìn", "thousand", 3), ("tỷ", "billion", 9)]),
)
def test_number_words_round_trip(hundreds: int, tens: int, ones: int, scale: tuple[str, str, int]) -> None:
    last = {1: "mốt", 5: "lăm"}.get(ones, ONES[ones - 1])
    ours = f"{ONES[hundreds - 1]} trăm {ONES[tens - 1]} mươi {last} {scale[0]}"
    theirs = f"{ENGLISH_ONES[hundreds - 1]} hundred and {ENGLISH_TENS[tens - 2]}-{ENGLISH_ONES[ones - 1]} {scale[1]}"
    value = (100 * hundreds + 10 * tens + ones) * 10 ** scale[2]
    (left,), (right,) = vietnamese(f"có {ours} con"), english(f"there are {theirs} birds")
    assert (left.value, left.text) == (value, ours)
    assert (right.value, right.text) == (value, theirs)


@given(st.integers(0, 23), st.integers(0, 59))
def test_clock_times_round_trip(hour: int, minute: int) -> None:
    (ours,) = vietnamese(f"lúc {hour}h{minute:02}")
    half = "a.m." if hour < 12 else "p.m."
    (theirs,) = english(f"at {(hour - 1) % 12 + 1}:{minute:02} {half}")
    assert same(ours, theirs)
    (wrong,) = english(f"at {(hour - 1) % 12 + 1}:{(minute + 1) % 60:02} {half}")
    assert not same(ours, wrong)


@pytest.mark.parametrize(
    "text",
    [
        "1," * 20_000,
        "9" * 50_000,
        "tỷ " * 20_000,
        "một trăm " * 10_000,
        "1/2 " * 10_000,
        "$" * 50_000,
        "-1 " * 15_000,
        "70 m2 " * 10_000,
        "tháng 3 và 4. " * 5_000,
        "tháng 3" + ", 4" * 15_000,
        "0912 " * 10_000,
        "5-6/7 " * 10_000,
        "tỷ lệ " * 10_000 + "1/2",
        "half an " * 10_000,
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    vietnamese(text)
    english(text)
