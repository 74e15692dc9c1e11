"""Sentences and clauses: what ends one and what does not, in news of our own writing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.sentences import clauses, sentences
from tests.benchmarks.sentences import gold, score

VIETNEWS = Path(__file__).parents[3] / "shared" / "data" / "vietnews.val.jsonl.xz"

# Each line is a sentence; joined by spaces they are split again.
SPLIT_AS_WRITTEN = {
    "plain": """Mưa lớn kéo dài từ đêm qua.
Nhiều tuyến phố ngập sâu!
Khi nào nước rút?
Chưa ai biết.""",
    "abbreviations": """UBND TP. Hải Phòng vừa họp.
PGS.TS. Trần Thị Bé và ThS. BS. Lê Minh cùng dự.
TS. Hồ Sĩ Quý phát biểu.""",
    "an abbreviation that does end a sentence": """Ông trình dự thảo lên lãnh đạo TP.
Theo kế hoạch, cầu mở năm sau.""",
    "addresses": """Cửa hàng ở Q.1 đã dời sang Q. 3, gần P. Bến Nghé.
Tiền thuê giảm.""",
    "initials": """Nạn nhân là em N.T.H. (16 tuổi).
Chị Tr. bỏ chạy, anh Ph. đuổi theo ông L. Văn Bình.
Ca sĩ R. Kelly và nhà văn J. K. Rowling vắng mặt.""",
    "an initial that ends a sentence": """Công an đã tìm thấy xe của ông H.
Theo cơ quan điều tra, xe không hư hại.
Chúng cướp tiền của ông M..
Cả bọn bỏ trốn.""",
    "party": """Hội nghị do Ban Kinh tế T.Ư tổ chức.
Đoàn T.Ư. Đảng về dự.""",
    "labels are no initials": """Trời lạnh, có nơi dưới 10 độ C.
Nên bổ sung vitamin C.
Đội nằm ở bảng A.
Giải diễn ra ở Đông Nam Á.
Bà vừa từ nước Ý.
Xong.""",
    "numbers": """GRDP tăng 13,94% trong năm 2022.
Giá vé là 1.200 đồng, tổng chi 8.500.000 đ.
4 nạn nhân nhập viện lúc 20.30.
Xe biển số 51A-123.45.""",
    "a number that a tokenizer tore apart": "Vé giá 1. 200 đồng một lượt.",
    "addresses of the web": """Tra cứu tại https://vi.example.org/a.b?c=d.html.
Trang example.vn đã mở.""",
    "ellipsis": """Rồi anh đi…
Không ai gọi lại...
Chợ có cam, quýt, bưởi... và cả mít.""",
    "a pause in speech": "Bà kể: “Tôi sợ lắm… Con tôi còn nhỏ”.",
    "quotations": """“Chúng tôi đã báo trước.
Không ai nghe cả.”
Ông Nam nói vậy.
“Đi thôi!” - bà giục.
“Ai đó?”, anh hỏi rồi im.
"Thật thế à?"
Cô cười.
Bác nói: "Về đi."
Trời đã tối.""",
    "brackets": """Đường đã thông (ảnh: T.H.).
(Còn nữa.)
Hai xe va nhau (một xe chở cát).
Không ai bị thương.""",
    "a list": """1. Nộp hồ sơ tại phường.
2. Chờ kết quả.
a. Nhận thẻ.
IV. Kết luận.""",
    "dialogue": """- Anh đi đâu?
- Tôi ra chợ.
- Thế à!""",
    "several marks": """Sao lại thế?!
Không thể tin nổi!!!
Hết.""",
    "and so on": """Họ bán gạo, muối, v.v.
Ngoài ra còn có vải.""",
    "a headline without a full stop": """Bắt nhóm cướp ở chợ đầu mối
Ngày 5/3, công an cho biết đã bắt ba người.
Nâng cấp quốc lộ qua đèo
Theo chủ đầu tư, đường rộng thêm hai làn.""",
    "a proper name is no headline": "Chị Nguyễn Thị Theo và anh Trần Văn Trong cùng xem Người Về Từ Trong Mưa.",
    "numbers of a birth, a page, a telephone": """Nghi can là Lê Văn Tám (sn. 1980, quê Huế).
Xem tr. 25 của sách, hoặc gọi ĐT. 0903.
Hết.""",
    "a small letter goes on": "Giá cổ phiếu của Saigon Co. op không đổi.",
}


@pytest.mark.parametrize("lines", SPLIT_AS_WRITTEN.values(), ids=SPLIT_AS_WRITTEN)
def test_splits_as_written(lines: str) -> None:
    assert sentences(lines.replace("\n", " ")) == lines.split("\n")


def test_a_line_break_always_ends_a_sentence() -> None:
    assert sentences("Ông Nguyễn\nVăn A\r\n\n  ở TP.\nHCM ") == ["Ông Nguyễn", "Văn A", "ở TP.", "HCM"]


def test_a_torn_closing_quote_stays_with_its_sentence() -> None:
    assert sentences('Bà nói: " Tôi mệt. " Ông im lặng.') == ['Bà nói: " Tôi mệt. "', "Ông im lặng."]


@pytest.mark.parametrize("empty", ["", "  \n\t\n ", "\u00a0"])
def test_nothing_has_no_sentences(empty: str) -> None:
    assert sentences(empty) == []


PIECES = 'TP. N.T.H. Theo ông Nam ... … " “ ” ( ) - – . ?! 1. 1.200 a Ở , ; : và đi.'.split()
NEWSLIKE = st.lists(st.sampled_from([*PIECES, "Ngày 5", " ", "  ", "\n", "\u00a0", "\u2028", "\x1c"])).map("".join)


@given(NEWSLIKE | st.text())
def test_sentences_lose_no_word(text: str) -> None:
    found = sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in found)


@pytest.mark.parametrize(
    "lines",
    [
        "Em nhớ mẹ.|Dựa vào lời kể, công an tìm ra nhà.",
        "GRDP tăng 5,2%.|Trong đó, nông nghiệp tăng 3%.",
        "Trời tối.|Ông về.|Hết.",
        "Giá là 90 triệu đồng/lượng.|Theo công ty, giá còn lên.",
        "Anh nói: “Tôi đi”.|Lưu im lặng.",
        "Đèn tắt (ảnh).|Nhiều người về.",
        "Sao lại thế?!|Không ai biết.",
        "Rồi anh đi…|Còn chị ở lại.",
        "Bị bắt ngày 15/11/2016.|Văn khai nhận.",
        "Ông sống ở Hà Nội.|Theo gia đình, ông khỏe.",
        "Cuộc họp ở TP.HCM.|Trong đó có ba sở.",
        "Bà khóc.|“Bây giờ tôi ở đâu?”",
        "Đường đã thông.|(Ảnh: Hà My)",
    ],
)
def test_splits_where_a_space_lacks(lines: str) -> None:
    assert sentences(lines.replace("|", "")) == lines.split("|")


@pytest.mark.parametrize(
    "sentence",
    [
        "Sở Y tế TP.HCM và UBND TP.Hải Phòng họp.",
        "Th.S Lê Văn A và Th.S. Trần B đến U.S, gặp PGS.TS.Nguyễn C.",
        "Theo VnExpress.net và Booking.Com, giá tăng.",
        "Xem www.Rikvip.vn, https://a.vn/b.Theo?c=D.Trong, viết cho le.Van@bao.vn.",
        "Giá 1.200 đồng, tăng 5.2% so với 3.Q.",
        "Em N.T.Hà ở Q.Tân Bình, H.Hóc Môn, gặp ông D.Trước.",
        "Tệp anh1878308_3.JPG bị xóa.",
        "1.Phương pháp mới.",
        "Đứng thứ hai là 16.Omar, thứ ba là 7.Neil.",
        "Ông dùng Node.JS và ASP.NET.",
        "Ban T.Ư.Đảng họp.",
    ],
)
def test_a_stop_within_a_name_an_address_or_a_number_ends_nothing(sentence: str) -> None:
    assert sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        ".",
        ". ",
        "A. ",
        "1. ",
        '." ',
        ".) ",
        ". - ",
        "… “",
        " ",
        "(",
        '"',
        ".\n",
        "Theo ",
        "a Theo",
        "? ! ",
        "a.Theo",
        "%.B",
    ],
)
def test_takes_linear_time_on_hostile_input(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        sentences(text)
        clauses(text)
        return time.process_time() - started

    # ten times the text may take ten times as long; a quadratic algorithm takes a hundred, and more than the floor
    assert seconds(200_000) < max(40 * seconds(20_000), 1.0)


@pytest.mark.skipif(not VIETNEWS.exists(), reason="the vietnews validation set is not beside the repository")
def test_f1_on_vietnews() -> None:
    got = score(sentences, gold(VIETNEWS, skip=0, articles=400))
    assert got.f1 >= 0.965
    assert got.articles_per_second > 300


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "Mưa to; đường ngập, xe hỏng – nhưng anh vẫn đi vì con chờ.",
            ["Mưa to;", "đường ngập,", "xe hỏng", "– nhưng anh vẫn đi", "vì con chờ."],
        ),
        ("Giá tăng 13,94% trong khi lương giảm.", ["Giá tăng 13,94%", "trong khi lương giảm."]),
        ("Ba nhóm: cam, quýt và bưởi", ["Ba nhóm:", "cam,", "quýt", "và bưởi"]),
        ("Vào lúc 20:30 ở Bà Rịa - Vũng Tàu", ["Vào lúc 20:30 ở Bà Rịa", "- Vũng Tàu"]),
        ("Không dấu nào", ["Không dấu nào"]),
        ("", []),
    ],
)
def test_clauses(sentence: str, expected: list[str]) -> None:
    assert clauses(sentence) == expected


@given(NEWSLIKE | st.text())
def test_clauses_lose_no_word(text: str) -> None:
    found = clauses(text)
    assert " ".join(found).split() == text.split()
    assert all(clause == clause.strip() != "" for clause in found)
