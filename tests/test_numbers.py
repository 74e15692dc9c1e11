"""The check `number`: what it flags, and what it leaves alone, in sentences of our own writing."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import numbers
from pipeline.records import Article, Flag, Origin, Sentence, Translated


def record(
    *sentences: tuple[str, str], title: str = "", title_translation: str = "", article: str | None = None
) -> Translated:
    summary = " ".join(vietnamese for vietnamese, _ in sentences)
    return Translated(
        article=Article(
            id="a",
            text=summary if article is None else article,
            text_sha256="",
            source=Origin("a.jsonl", 0),
            title=title,
        ),
        summary=summary,
        title_translation=title_translation,
        sentences=tuple(Sentence(vietnamese, english) for vietnamese, english in sentences),
        calls=(),
    )


def flags(vietnamese: str, english: str) -> list[Flag]:
    return numbers.check(record((vietnamese, english)))


def errors(found: Sequence[Flag]) -> list[tuple[str, str]]:
    return [(flag.expected, flag.found) for flag in found if flag.severity == "error"]


# Vietnamese, a right translation, a wrong one.
FORMS = [
    # percent and decimals
    ("GRDP tăng 13,94% so với năm trước.", "GRDP rose 13.94% on the year before.", "GRDP rose 13.49% on the year before."),
    ("Chín mươi chín phần trăm cử tri đi bầu.", "Ninety-nine per cent of voters turned out.", "Ninety per cent of voters turned out."),
    ("Lãi suất giảm 0,5 điểm phần trăm.", "Rates fell 0.5 percentage points.", "Rates fell 5 percentage points."),
    ("Tăng từ 5 đến 10%.", "Up 5 to 10 percent.", "Up 5 to 100 percent."),
    ("Khoảng 50% số hộ có điện.", "About half of the households have power.", "About a third of the households have power, or 30%."),
    # scale words
    ("Dự án có vốn 1.200 tỷ đồng.", "The project costs VND1.2 trillion.", "The project costs VND1.2 billion."),
    ("Công ty lãi 2 tỷ 300 triệu đồng.", "The company made 2.3 billion dong.", "The company made 2.03 billion dong."),
    ("Thành phố chi 1,5 nghìn tỷ đồng.", "The city spent 1.5 trillion dong.", "The city spent 1.5 billion dong."),
    ("Có 5 vạn người dự lễ.", "Some 50,000 people attended.", "Some 5,000 people attended."),
    ("Hàng chục nghìn người sơ tán.", "Tens of thousands of people were evacuated.", "Tens of millions of people were evacuated."),
    ("Ông nợ 1 tỷ rưỡi đồng.", "He owes one and a half billion dong.", "He owes 1 billion dong."),
    ("Chi phí gần nửa triệu USD.", "The cost is nearly half a million dollars.", "The cost is nearly a million dollars."),
    ("Giá từ 2-3 triệu đồng.", "It costs 2 to 3 million dong.", "It costs 2 to 3 billion dong."),
    ("Hai trăm năm mươi nghìn hộ mất điện.", "Power was cut to 250,000 homes.", "Power was cut to 215,000 homes."),
    ("Xe giá hai triệu ba trăm nghìn đồng.", "It costs 2.3 million dong.", "It costs 3.2 million dong."),
    ("Gói vay 3,5 triệu USD.", "A $3.5m loan.", "A $3.5bn loan."),
    ("Vốn hóa 1,2 nghìn tỷ USD.", "It is worth $1.2tn.", "It is worth $1.2bn."),
    # what only looks like a number
    ("Tỷ lệ hộ nghèo giảm còn 3%.", "The poverty rate fell to 3%.", "The poverty rate fell to 3 billion."),
    ("Đội thắng với tỷ số 2-1.", "The team won 2-1.", "The team won 3-1."),
    ("Ông là một trong 7 tỷ phú.", "He is one of 7 billionaires.", "He is one of 9 billionaires."),
    ("Triệu chứng kéo dài 14 ngày.", "The symptoms last 14 days.", "The symptoms last 14 months."),
    ("Anh sống ở quận Ba Đình 4 năm.", "He lived in Ba Dinh district for four years.", "He lived in Ba Dinh district for five years."),
    # dates and times
    ("Ngày 2/3, tòa tuyên án.", "The court ruled on March 2.", "The court ruled on March 3."),
    ("Ngày 2/3, tòa tuyên án.", "The court ruled on 2 March.", "Two-thirds of the court ruled."),
    ("Hơn 2/3 đại biểu tán thành.", "More than two-thirds of the delegates agreed.", "Delegates agreed on March 2."),
    ("Vụ việc xảy ra ngày 8 tháng 3 năm 2020.", "It happened on March 8, 2020.", "It happened on May 8, 2020."),
    ("Cầu mở từ tháng 3/2021.", "The bridge has been open since March 2021.", "The bridge has been open since March 2012."),
    ("Hội nghị họp thứ Ba tuần trước.", "The conference met last Tuesday.", "The conference met last Wednesday."),
    ("Lễ hội mở vào rằm tháng Giêng.", "The festival opens at the full moon of the first lunar month.", "The festival opens on January 15."),
    ("Trận đấu bắt đầu lúc 20h30.", "The match starts at 8:30 p.m.", "The match starts at 8:30 a.m."),
    ("Trận đấu bắt đầu lúc 20h30.", "The match starts at 20:30.", "The match starts at 20:50."),
    ("Tàu đến lúc 3 giờ chiều.", "The train arrives at 3 p.m.", "The train arrives at 3 a.m."),
    ("Nhạc thập niên 90 trở lại.", "Music of the 1990s is back.", "Music of the 1980s is back."),
    ("Bà ngoài tuổi 30.", "She is in her thirties.", "She is in her forties, or 43."),
    ("Doanh thu quý II tăng mạnh.", "Revenue jumped in the second quarter.", "Revenue jumped in the fourth quarter."),
    ("Xuất khẩu tăng trong 6 tháng đầu năm.", "Exports rose in the first half of the year.", "Exports rose in the first nine months of the year."),
    ("Xuất khẩu tăng trong nửa đầu năm 2023.", "Exports rose in the first half of 2023.", "Exports rose in the first half of 2022."),
    # ordinals and Roman numerals
    ("Quốc hội khóa XII họp phiên cuối.", "The 12th National Assembly held its last session.", "The 13th National Assembly held its last session."),
    ("Đây là ca thứ 54.", "It is the 54th case.", "It is the 45th case."),
    ("Đền xây từ thế kỷ XI.", "The temple dates from the 11th century.", "The temple dates from the 9th century."),
    # number words, fractions, multiples
    ("Hai mươi lăm người bị thương.", "Twenty-five people were hurt.", "Fifteen people were hurt."),
    ("Mười thợ mỏ được cứu.", "Ten miners were rescued.", "Seven miners were rescued."),
    ("Năm người bị bắt.", "Five people were arrested.", "Nine people were arrested."),
    ("Hai phần ba diện tích bị cháy.", "Two-thirds of the area burned.", "Three-quarters of the area burned."),
    ("Lợi nhuận tăng gấp đôi lên 40 tỷ đồng.", "Profit doubled to 40 billion dong.", "Profit tripled to 400 billion dong."),
    ("Anh mua 3 tá bút chì.", "He bought three dozen pencils.", "He bought three hundred pencils."),
    # measures
    ("Nghi phạm cao 1m72.", "The suspect is 1.72 m tall.", "The suspect is 1.27 m tall."),
    ("Rừng rộng 120 ha.", "The forest covers 120 hectares.", "The forest covers 120 square kilometres."),
    ("Đường dài 16 km.", "The road is 10 miles long.", "The road is 16 miles long."),
    ("Bé 18 tháng tuổi.", "The child is 18 months old.", "The child is 18 years old."),
    ("Bão đạt sức gió 110 km/giờ.", "The storm has winds of 110 km/h.", "The storm has winds of 110 mph."),
    ("Bị cáo lĩnh 12 năm tù.", "The defendant got 12 years in prison.", "The defendant got 12 months in prison."),
    ("Bị cáo lĩnh 2 năm 6 tháng tù.", "He was jailed for two and a half years.", "He was jailed for three and a half years."),
    ("Bị cáo lĩnh 2 năm 6 tháng tù.", "He was jailed for 30 months.", "He was jailed for 26 months."),
    ("Bị cáo lĩnh 2 năm 6 tháng tù.", "He was jailed for two years and six months.", "He was jailed for two years and five months."),
    ("Nhiệt độ lên 40 độ C.", "It will be 40 degrees Celsius.", "It will be 40 degrees Fahrenheit."),
    ("Giá vé 5 euro.", "Tickets are 5 euros.", "Tickets are 5 dollars."),
    ("Căn hộ 70m2 có giá 3 tỷ đồng.", "The 70 sq m apartment costs VND3 billion.", "The 70 sq m apartment has 2 rooms and costs VND3 billion."),
    ("Khu đất rộng 120 km2.", "The site covers 120 square kilometres.", "The site covers 120 square metres."),
    ("Hồ chứa 500 m3 nước.", "The tank holds 500 cubic meters of water.", "The tank holds 500 square meters of water."),
    ("Đất có giá 35 triệu đồng/m2.", "Land costs VND35 million per square metre.", "Land costs $35 million per square metre."),
    ("Thuế là 500 đồng/lít.", "The tax is VND500 per litre.", "The tax is USD500 per litre."),
    ("Gạo giá 35.000 đồng/kg.", "Rice costs VND35,000 per kg.", "Rice costs USD35,000 per kg."),
    # below zero, and a list of months
    ("Sa Pa -1,6 độ C sáng nay.", "Sa Pa had minus 1.6 degrees Celsius this morning.", "Sa Pa had 1.6 degrees Celsius this morning."),
    ("Nhiệt độ xuống âm 15 độ C.", "It fell to 15 degrees Celsius below zero.", "It fell to 15 degrees Celsius."),
    ("Nhiệt độ là 15 độ C.", "It is 15 degrees Celsius.", "It is -15 degrees Celsius."),
    ("GDP tăng trưởng âm 3,2%.", "GDP growth was -3.2%.", "GDP grew 3.2%."),
    ("Mưa từ tháng Ba đến Bảy.", "It rains from March to July.", "It rains from March to June."),
    ("Hội mở vào tháng Ba và Tư.", "The festival is in March and April.", "The festival is in March and May."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right"), [row[:2] for row in FORMS])
def test_a_right_translation_is_not_flagged(vietnamese: str, right: str) -> None:
    assert flags(vietnamese, right) == []


@pytest.mark.parametrize(("vietnamese", "wrong"), [(row[0], row[2]) for row in FORMS])
def test_a_wrong_translation_is_an_error(vietnamese: str, wrong: str) -> None:
    assert errors(flags(vietnamese, wrong)) != []


def test_a_change_is_one_flag_on_the_english_with_both_readings() -> None:
    english = "The project costs VND1.2 billion."
    (flag,) = flags("Dự án có vốn 1.200 tỷ đồng.", english)
    assert (flag.check, flag.field, flag.severity) == ("number", "translation", "error")
    assert english[flag.start : flag.end] == "VND1.2 billion"
    assert (flag.expected, flag.found) == ("1.2 trillion dong", "1.2 billion dong")


def test_a_missing_number_is_flagged_on_the_vietnamese() -> None:
    vietnamese = "Bão làm sập 340 căn nhà."
    (flag,) = flags(vietnamese, "The storm destroyed many houses.")
    assert (flag.field, flag.severity, flag.expected) == ("summary", "error", "340")
    assert vietnamese[flag.start : flag.end] == "340"


def test_an_invented_number_is_flagged_on_the_english() -> None:
    english = "The storm destroyed 340 houses."
    (flag,) = flags("Bão làm sập nhiều căn nhà.", english)
    assert (flag.field, flag.severity, flag.found) == ("translation", "error", "340")
    assert english[flag.start : flag.end] == "340"


@pytest.mark.parametrize(
    ("vietnamese", "english", "severities"),
    [
        ("Có 3.015 người dự.", "About 3,000 people attended.", ["note"]),
        ("Có 3.015 người dự.", "There were 3,000 people.", ["error"]),
        ("Vốn là 1.234.567 USD.", "The capital is $1.23 million.", ["note"]),
        ("Tăng 13,94%.", "Up 13.9%.", ["note"]),
        ("Giá 2,3 tỷ đồng.", "It costs 2.3 billion dong ($92,000).", ["note"]),
        ("Giá 2,3 tỷ đồng.", "It costs $92,000.", ["warning"]),
        ("Giá 2,3 tỷ đồng.", "It costs $920 million.", ["error"]),
        ("Tăng 13,94%.", "Up 13.94.", ["warning"]),
        ("Tăng 13,94%.", "Up 13,94%.", ["warning"]),
        ("Có 12.345 người.", "There were 12.345 people.", ["error"]),
        ("Sáu thợ mỏ được cứu.", "The miners were rescued.", ["warning"]),
        ("Thợ mỏ được cứu.", "Six miners were rescued.", ["warning"]),
        ("Hai bên ký kết.", "The parties signed.", []),
        ("GDP tăng trưởng âm 3,2%.", "GDP contracted by 3.2%.", ["note"]),
        ("Doanh thu giảm 3,2%.", "Revenue: -3.2%.", ["note"]),
        ("Một người bị bắt.", "A man was arrested.", []),
        ("Các bên ký kết.", "Both sides signed.", []),
    ],
)  # fmt: skip
def test_how_bad_it_is(vietnamese: str, english: str, severities: list[str]) -> None:
    assert [flag.severity for flag in flags(vietnamese, english)] == severities


def test_a_value_that_moved_to_the_sentence_beside_it_is_a_note() -> None:
    moved = record(
        ("Bão làm sập 340 căn nhà.", "The storm hit."), ("Không ai chết.", "It destroyed 340 houses; nobody died.")
    )
    assert [(flag.severity, flag.field) for flag in numbers.check(moved)] == [("note", "summary")]


def test_the_headline_is_compared_with_its_own_translation() -> None:
    (flag,) = numbers.check(
        record(("Trời mưa.", "It rained."), title="Bắt 12 nghi phạm", title_translation="21 suspects held")
    )
    assert (flag.field, flag.start, flag.end, flag.expected) == ("title_translation", 0, 2, "12")


@pytest.mark.parametrize(
    ("article", "title", "summary", "expected"),
    [
        ("Bão làm sập 340 căn nhà.", "", "Có 340 nhà sập.", []),
        ("Bão làm sập ba trăm bốn mươi căn nhà.", "", "Có 340 nhà sập.", []),
        ("Bão gây thiệt hại lớn.", "340 nhà sập", "Có 340 nhà sập.", []),
        ("Bão làm sập 1.340 căn nhà.", "", "Có 340 nhà sập.", [("error", "340")]),
        ("Vốn 1.200 tỷ đồng.", "", "Vốn 1,2 nghìn tỷ đồng.", []),
        ("Vốn 1.200 tỷ đồng.", "", "Vốn 1.200 triệu đồng.", [("error", "1.2 billion dong")]),
        ("Có 3.015 người dự.", "", "Có khoảng 3.000 người dự.", [("note", "3,000")]),
        ("Nhiệt độ là -5 độ C.", "", "Nhiệt độ là 5 độ C.", [("error", "5 °C")]),
        ("Nhiệt độ âm 5 độ C.", "", "Nhiệt độ là 5 độ C.", [("error", "5 °C")]),
        ("Nhiệt độ âm 5 độ C.", "", "Nhiệt độ là -5 độ C.", []),
        ("Nhiệt độ 2-5 độ C.", "", "Nhiệt độ 5 độ C.", []),
        ("An, Bình và Chi bị bắt.", "", "3 người bị bắt.", [("warning", "3")]),
    ],
)
def test_a_number_of_the_summary_has_to_be_in_the_article(
    article: str, title: str, summary: str, expected: list[tuple[str, str]]
) -> None:
    untranslated = Translated(
        Article(id="a", text=article, text_sha256="", source=Origin("a", 0), title=title), summary, "", (), ()
    )
    found = numbers.check(untranslated)
    assert [(flag.severity, flag.found) for flag in found] == expected
    assert all(flag.field == "summary" for flag in found)


def test_spans_count_from_the_start_of_the_field() -> None:
    one = record(("Trời mưa to.", "It rained hard."), ("Có 12 người bị nạn.", "There were 21 victims."))
    (flag,) = numbers.check(one)
    assert one.translation[flag.start : flag.end] == "21"


def test_a_comma_is_a_thousand_only_for_a_writer_who_has_no_decimal_comma() -> None:
    assert flags("Có 1,234 người dự.", "There were 1,234 people.") == []
    assert errors(flags("Tăng 13,9%, có 1,234 tỷ đồng.", "Up 13.9%, 1,234 billion dong.")) != []


pieces = st.sampled_from(
    "1 2 12 1.200 13,94 % tỷ triệu nghìn đồng USD $ ngày tháng năm thứ ba hai mươi lăm trăm khóa XII 2/3 20h30 1m72 - và"
    " million billion percent March Tuesday second two-thirds p.m. dozen half a hundred thousands km . , ( İ \n".split()
)


@given(
    st.lists(st.tuples(st.lists(pieces, max_size=8), st.lists(pieces, max_size=8)), max_size=3), st.text(max_size=20)
)
def test_flags_lie_inside_their_fields(parts: list[tuple[list[str], list[str]]], article: str) -> None:
    sentences = [(" ".join(left), " ".join(right)) for left, right in parts]
    one = record(*[pair for pair in sentences if pair[0].strip()], article=article)
    fields = {"summary": one.summary, "translation": one.translation}
    for flag in numbers.check(one):
        assert 0 <= flag.start < flag.end <= len(fields[flag.field])
        assert flag.message
    assert numbers.check(one) == numbers.check(pickle.loads(pickle.dumps(one)))
