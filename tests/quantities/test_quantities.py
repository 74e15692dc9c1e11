"""Numbers read as values, in both languages: tables of forms, and what holds for any text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.quantities import Quantity, english, in_english, rounded, same, vietnamese

# The first readings as an editor sees them, those of loose words left out.
VIETNAMESE = [
    ("tăng 13,94%", ["13.94%"]),
    ("1.200 tỷ đồng", ["1.2 trillion dong"]),
    ("2 tỷ 300 triệu", ["2.3 billion"]),
    ("1,5 nghìn tỷ", ["1.5 trillion"]),
    ("5 vạn", ["50,000"]),
    ("1 tỷ 2 đồng", ["1.2 billion dong"]),
    ("một triệu hai", ["1.2 million"]),
    ("2 tỷ rưỡi", ["2.5 billion"]),
    ("5 nghìn 300 đồng", ["5,300 dong"]),
    ("5 triệu 2 ca", ["5 million", "2"]),
    ("nửa triệu", ["500,000"]),
    ("10 tỷ phú, 5 triệu phú", ["10", "5"]),
    ("tỷ lệ, tỷ số, tỷ giá, tỉ mỉ, triệu tập, triệu chứng", []),
    ("tỷ số 2-1", ["2", "1"]),
    ("hai mươi lăm", ["25"]),
    ("hai mươi năm tù", ["20 years"]),
    ("một trăm linh năm", ["105"]),
    ("một nghìn chín trăm bốn mươi lăm", ["1,945"]),
    ("bốn lăm, mười hai, chín mươi chín", ["45", "12", "99"]),
    ("ba trăm nghìn tỷ đồng", ["300 trillion dong"]),
    ("năm người, năm 2015, năm nay, năm năm", ["5", "2015", "5 years"]),
    ("quận Ba Đình, nước Ba Lan, ông Năm", []),
    ("Ba người bị bắt", ["3"]),
    ("hàng nghìn, vài trăm, hàng chục nghìn", ["thousands", "hundreds", "tens of thousands"]),
    ("ngày 2/3", ["day 2", "March"]),
    ("hơn 2/3 đại biểu", ["2", "3"]),
    ("15/16 đội", ["15", "16"]),
    ("2/3/2020, 2-3-2020, 2.3.2020", ["day 2", "March", "2020"] * 3),
    ("ngày 8 tháng 3 năm 2020", ["day 8", "March", "2020"]),
    ("tháng 3/2020", ["March", "2020"]),
    ("tháng mười một, tháng Tư", ["November", "April"]),
    ("3 tháng", ["3 months"]),
    ("rằm tháng Giêng", ["1st lunar month"]),
    ("10/3 âm lịch", ["day 10", "3rd lunar month"]),
    ("12 giờ kém 15, lúc bảy giờ kém mười, 8 giờ kém 5 phút tối", ["11:45 a.m.", "6:50 a.m.", "7:55 p.m."]),
    ("20h30, 8h sáng, 3 giờ chiều, 9 giờ tối", ["8:30 p.m.", "8:00 a.m.", "3:00 p.m.", "9:00 p.m."]),
    ("trong 3 giờ", ["3 hours"]),
    ("hôm thứ Ba, thứ hai tuần trước, Chủ nhật", ["Tuesday", "Monday", "Sunday"]),
    ("lần thứ hai, ca thứ 54", ["2nd", "54th"]),
    ("khóa XII, thế kỷ XX, quý II, quý 3", ["12th", "20th", "2nd", "3rd"]),
    ("thập niên 90, những năm 1980", ["90s", "1980s"]),
    ("hai phần ba", ["2/3"]),
    ("gấp đôi, gấp rưỡi, gấp ba", ["twice (double)", "1.5 times", "3 times"]),
    ("cao 1m72", ["1.72 m"]),
    ("2,5 ha, 35 độ C, 110 km/giờ, 3 tấn", ["2.5 hectares", "35 °C", "110 km/h", "3 tonnes"]),
    ("$5, 5 USD, VND5, 5 đô la Úc", ["5 dollars", "5 USD", "5 dong", "5 AUD"]),
    ("5 đồng phạm, 3 bảng đấu", ["5", "3"]),
    ("Covid-19, SARS-CoV-2, biến thể B.1.617", []),
    ("U23, F0", ["23", "0"]),
    ("70m2, 70 m2, 70 M2, 70m², 5 km2, 5km2, 3m3, 3 m3", ["70 m²"] * 4 + ["5 km²"] * 2 + ["3 m³"] * 2),
    ("35 triệu đồng/m2, 2 triệu/m3", ["35 million dong", "2 million"]),
    ("12 cm2 giấy, chip M2", ["12", "2"]),
    ("3 thập kỷ", ["3 decades"]),
    ("500 đồng/lít, 35.000 đồng/kg, 35.000đ/kg, 5 USD/thùng", ["500 dong", "35,000 dong", "35,000 dong", "5 USD"]),
    ("60 km/h, 5 m/giây, 3 kg/người", ["60 km/h", "5 m/s", "3"]),
    ("-1,6 độ C, giảm -5%, âm 5 độ, âm 3,2%, −4 điểm", ["-1.6 °C", "-5%", "-5", "-3.2%", "-4"]),
    ("15 độ C dưới 0, từ -3 đến -1 độ C", ["-15 °C", "-3", "-1 °C"]),
    ("2-1, 15-20 độ C, 20 -25 độ C, 20 độ C -25 độ C", ["2", "1", "15", "20 °C", "20", "25 °C", "20 °C", "25 °C"]),
    ("- 5 người, F-16, Covid-19, 10 ngày âm lịch", ["5", "16", "10 days"]),
    ("tháng Ba đến Bảy, tháng Ba và Tư", ["March", "July", "March", "April"]),
    ("tháng Ba, Tư và Năm; tháng 3 và 4; tháng ba và tư.", ["March", "April", "May"] + ["March", "April"] * 2),
    ("tháng 3 và 4 người, tháng Ba và Hai Bà Trưng", ["March", "4", "March"]),
    ("tháng Ba và 2 triệu, tháng ba và năm 2020", ["March", "2 million", "March", "2020"]),
    ("2.5 lần, 1,200,000 người", ["2.5", "1.2 million"]),
    ("500k, 50 tr đồng, bản 4K", ["500,000", "50 million dong", "4,000"]),
    ("0912.345.678, (028) 3822 1234, 1900 1234", ["0912.345.678", "(028) 3822 1234", "1900 1234"]),
    ("51A-123.45, 29H1-234.56, QL21B", ["51A-123.45", "29H1-234.56", "21"]),
    ("20-25/1, từ 20 - 25/1/2024", ["day 20", "day 25", "January", "day 20", "day 25", "January", "2024"]),
    ("chiều 2-9, thắng 2-1, 3-5 ngày", ["day 2", "September", "2", "1", "3", "5 days"]),
    ("nửa đầu năm, nửa cuối 2023, sáu tháng đầu năm", ["first half", "second half", "2023", "first half"]),
    ("hiệp một, nửa sau, nửa tiếng", []),  # need not be answered
    ("2 năm rưỡi tù, một tiếng rưỡi, hai mét rưỡi", ["2.5 years", "1.5 hours", "2.5 m"]),
    ("phút 90+3, thế hệ 9X", ["90", "3", "90s"]),
    ("25 điểm cơ bản", ["25"]),
    ("cả năm người, cả năm, những năm qua", ["5"]),
    ("Trăm tỷ đồng, ông Triệu, bà Vạn", ["hundreds of billions"]),
    ("lò vi-ba, ba-ri, ba que xỏ lá, có18 người, 5 km vuông", ["18", "5 km²"]),
    ("tỷ lệ chọi 1/12, ngày 1/12", ["1", "12", "day 1", "December"]),
]  # fmt: skip
ENGLISH = [
    ("up 13.94%, 13.94 percent, 13.94 per cent", ["13.94%"] * 3),
    ("VND1.2 trillion, 1.2 trillion dong", ["1.2 trillion dong"] * 2),
    ("1.2tn, $3.5m, 5bn, 20k", ["1.2 trillion", "3.5 million dollars", "5 billion", "20,000"]),
    ("US$42 million, 42 million U.S. dollars", ["42 million USD"] * 2),
    ("two million three hundred thousand", ["2.3 million"]),
    ("two hundred and fifty thousand", ["250,000"]),
    ("half a million, a million and a half, two and a half million", ["500,000", "1.5 million", "2.5 million"]),
    ("a dozen, three dozen, a hundred", ["12", "36", "100"]),
    ("one million and two million", ["1 million", "2 million"]),
    ("twenty-one, ninety-nine", ["21", "99"]),
    ("tens of thousands, several hundred", ["tens of thousands", "hundreds"]),
    ("March 8, 2020", ["March", "8", "2020"]),
    ("on 8 March, in May, May 5", ["8", "March", "May", "May", "5"]),
    ("they may march", []),
    ("9 p.m., 8:30 am, 20:30, 10.15pm", ["9:00 p.m.", "8:30 a.m.", "8:30 p.m.", "10:15 p.m."]),
    ("on Tuesday", ["Tuesday"]),
    ("the 21st, the twenty-first", ["21st", "21st"]),
    ("two-thirds, three quarters", ["2/3", "0.75"]),
    ("the 1990s, the '90s", ["1990s", "90s"]),
    ("a five-year-old, 12 years in prison, a two-day visit", ["5 years", "12 years", "2 days"]),
    ("5ft 8in, 1.72 m", ["68 inches", "1.72 m"]),
    ("70 sq m, 70m2, 70 m2, 70-square-metre, 70 square meters, 70 sq. m", ["70 m²"] * 6),
    ("5 square kilometres, 5 sq km, 5 km2, 3 cubic metres, 3 m3", ["5 km²"] * 3 + ["3 m³"] * 2),
    ("35 million dong/m2, VND500 per litre, 500 dong/litre", ["35 million dong", "500 dong", "500 dong"]),
    ("a two-decade war", ["2 decades"]),
    ("minus 1.6 degrees Celsius, -1.6°C, –1.6 degrees", ["-1.6 °C", "-1.6 °C", "-1.6"]),
    ("5 degrees below zero, five degrees Celsius below zero, fell -5%", ["-5", "-5 °C", "-5%"]),
    ("won 2-1, 2 -1, the F-16, 15-20 degrees Celsius", ["2", "1", "2", "1", "16", "15", "20 °C"]),
    ("13,94% and 1.200.000 dong", ["13.94%", "1.2 million dong"]),
    ("Covid-19, the 2019–20 coronavirus pandemic", []),
    ("both, twice, a decade", []),
    ("at 6 in the evening, 9 at night, at 1900 hours", ["6:00 p.m.", "9:00 p.m.", "7:00 p.m."]),
    ("a quarter past seven, quarter to 8", ["7:15 a.m.", "7:45 a.m."]),
    ("15 minutes to 12, ten minutes before seven, 5 minutes past 6", ["11:45 a.m.", "6:50 a.m.", "6:05 a.m."]),
    ("the first half of the year, H2, the last six months", ["first half", "second half", "second half"]),
    ("scored in the second half, half an hour, half a year", []),
    ("an hour and a half, three months and a half", ["1.5 hours", "3.5 months"]),
    ("two and a half hours, 2.5 hours", ["2.5 hours", "2.5 hours"]),
    ("1 quadrillion dong", ["1000 trillion dong"]),
    ("25 basis points", ["25"]),
    ("0912 345 678, plate 51A-123.45", ["0912 345 678", "51A-123.45"]),
    ("it ranks third, the third time, the third lunar month", ["3rd", "3rd", "3rd"]),
]  # fmt: skip


def shown(found: list[Quantity]) -> list[str]:
    return [in_english(quantity) for quantity in found if quantity.weight != "loose"]


@pytest.mark.parametrize(("text", "expected"), VIETNAMESE)
def test_vietnamese(text: str, expected: list[str]) -> None:
    assert shown(vietnamese(text)) == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english(text: str, expected: list[str]) -> None:
    assert shown(english(text)) == expected


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
