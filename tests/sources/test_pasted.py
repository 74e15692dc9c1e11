"""Pasted pages: whole pages from files, single lines as tables, and properties of any page."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources import dates, line_classifier
from pipeline.sources.pasted import Pasted, parse
from pipeline.text.normalize import tidy

PAGES = Path(__file__).parents[1] / "data" / "pasted"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "articles"


def parse_file(path: Path) -> Pasted:
    return parse(path.read_text(encoding="utf-8"))


def without_stop(text: str) -> str:
    return text.rstrip(".")


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.txt")), ids=lambda path: path.stem)
def test_pages(page: Path) -> None:
    expected: dict[str, Any] = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    found = parse_file(page)
    body = tidy(found.body)
    assert found.title == expected["title"]
    assert body.startswith(expected["body_starts"])
    assert without_stop(body).endswith(without_stop(expected["body_ends"]))
    assert [text for text in expected["not_in_body"] if text in body] == []
    assert [text for text in expected.get("in_body", ()) if text not in body] == []
    assert found.published.startswith(expected.get("published", ""))


def test_there_are_pages_to_test() -> None:
    assert len(list(PAGES.glob("own-*.txt"))) >= 8


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real article is not part of the repository")
def test_a_real_article() -> None:
    (page,) = SHARED.glob("*.txt")
    found = parse_file(page)
    assert found.title == "Tham gia xây dựng Đảng, góp phần phát triển kinh tế - xã hội địa phương"
    assert found.section == "Xây dựng Đảng"
    assert found.byline == "Duy Ba"
    assert "Duy Ba" not in found.body
    assert "Xem thêm" not in found.body
    assert "TTXVN" not in found.body
    assert "/." not in found.body
    assert found.body.startswith("Năm 2022, ")
    assert "\nNgày 2/3, " in found.body
    assert [kind for kind, _ in found.dropped] == ["section", "place", "dateline", "end_mark", "byline", "related"]


def test_what_goes_is_kept_with_its_kind() -> None:
    found = parse(
        "Thời sự\n\nBão số 3 đổi hướng, nhiều tỉnh cho học sinh nghỉ học\n\n"
        "TTO - Sáng nay bão số 3 đổi hướng lên phía bắc.\n\nBiển động ở Cô Tô. Ảnh: Lê Na\n\n"
        "Học sinh bốn tỉnh được nghỉ từ ngày mai./.\n\nLê Na\n\nChia sẻ"
    )
    assert found.dropped == (
        ("section", "Thời sự"),
        ("dateline", "TTO -"),
        ("caption", "Biển động ở Cô Tô. Ảnh: Lê Na"),
        ("end_mark", "./."),
        ("byline", "Lê Na"),
        ("share", "Chia sẻ"),
    )
    assert found.body == "Sáng nay bão số 3 đổi hướng lên phía bắc.\nHọc sinh bốn tỉnh được nghỉ từ ngày mai."
    assert found.byline == "Lê Na"


def test_a_known_title_is_not_looked_for_but_its_repetition_goes() -> None:
    found = parse("Chợ nổi đông khách\nChợ mở từ 4 giờ sáng mỗi ngày.", title="Chợ nổi đông khách")
    assert (found.title, found.body) == ("Chợ nổi đông khách", "Chợ mở từ 4 giờ sáng mỗi ngày.")
    assert found.dropped == (("title_again", "Chợ nổi đông khách"),)


@pytest.mark.parametrize(
    "title",
    [
        "Thời tiết ngày 2/3/2023",
        "Video: Lũ về thành phố trong đêm",
        "Mưa lớn khiến nhiều tuyến phố ngập sâu, người dân chật vật đi làm, học sinh được nghỉ, chợ vắng khách, hàng trăm chuyến xe bị hủy trong ngày đầu tuần, và còn kéo dài đến cuối tháng",
        "Người mẹ trẻ và chuyến đò cuối năm...",
        "Vì sao giá lúa tăng?",
    ],
)
def test_unusual_titles(title: str) -> None:
    found = parse(f"Thời sự\n\n{title}\n\nSáng nay trời mưa to ở nhiều nơi.\n\nĐến trưa thì tạnh hẳn.")
    assert found.title == title
    assert found.body == "Sáng nay trời mưa to ở nhiều nơi.\nĐến trưa thì tạnh hẳn."


def test_a_box_of_links_in_the_middle_does_not_end_the_article() -> None:
    found = parse(
        "Hồ chứa cạn dần vì nắng hạn kéo dài\n\nHồ chỉ còn một phần ba lượng nước.\n\nTin liên quan\n\n"
        "Nắng hạn đến sớm hơn mọi năm\n\nTỉnh cho bơm nước từ sông lên.\n\nNông dân chuyển sang trồng bắp."
    )
    assert found.body == (
        "Hồ chỉ còn một phần ba lượng nước.\nTỉnh cho bơm nước từ sông lên.\nNông dân chuyển sang trồng bắp."
    )


@pytest.mark.parametrize(
    ("line", "byline"),
    [
        ("Duy Ba", True),
        ("Theo VnExpress", True),
        ("Theo báo Tuổi Trẻ", True),
        ("Nguyễn Văn A - Trần B", True),
        ("PV", True),
        ("Phóng viên Minh Anh", True),
        ("H.A. (Theo Reuters)", True),
        ("Hoàng Phong (Theo Reuters, AFP)", True),
        ("Minh Anh/TTXVN", True),
        ("Bài, ảnh: Lê Văn", True),
        ("Thu Hà (tổng hợp)", True),
        ("Ánh Dương", True),
        ("PV: Thưa ông, vì sao giá tăng?", False),
        ("Theo đó, giá tăng", False),
        ("Bắc Kạn.", False),
        ("Người dân phấn khởi", False),
        ("Hà Nội\t17\t25", False),
    ],
)
def test_bylines(line: str, byline: bool) -> None:
    assert line_classifier.is_byline(line) is byline


@pytest.mark.parametrize(
    ("line", "caption"),
    [
        ("Ảnh: Minh Anh", True),
        ("Ảnh minh họa", True),
        ("(Ảnh: Minh Anh/TTXVN)", True),
        ("Toàn cảnh lễ hội - Ảnh: T.L.", True),
        ("Tiệm sửa xe của ba ông già - Ảnh 1.", True),
        ("Các đại biểu dự hội nghị. ẢNH: LÊ NA", True),
        ("Tàu rời bệ phóng. (Nguồn: AFP)", True),
        ("Ảnh hưởng của bão khiến ba người chết.", False),
        ("Hình ảnh tại hiện trường", False),
        ("Ông nói: “Ảnh của tôi bị dùng trái phép”.", False),
        (" ".join(["Đoạn văn dài"] * 30) + ". Ảnh: Lê Na", False),
    ],
)
def test_captions(line: str, caption: bool) -> None:
    assert line_classifier.is_caption(line) is caption


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("TTXVN - Ngày 2/3, tỉnh họp.", "Ngày 2/3, tỉnh họp."),
        ("(Dân trí) - Sáng nay trời mưa.", "Sáng nay trời mưa."),
        ("TTO - Sáng nay trời mưa.", "Sáng nay trời mưa."),
        ("VOV.VN – Sáng nay trời mưa.", "Sáng nay trời mưa."),
        ("Hà Nội (TTXVN) - Sáng nay trời mưa.", "Sáng nay trời mưa."),
        ("Paris (TTXVN 2/3) - Sáng nay trời mưa.", "Sáng nay trời mưa."),
        ("Hà Nội - Sáng nay trời mưa.", "Sáng nay trời mưa."),
        ("Hà Nội - Hải Phòng là tuyến đông khách.", None),
        ("TP-HCM là nơi đông dân.", None),
        ("GDP - thước đo quen thuộc.", None),
        ("(49 tuổi) - người bị thương nặng.", None),
        ("(2/3) - hôm nay trời mưa.", None),
    ],
)
def test_datelines(line: str, rest: str | None) -> None:
    found, dateline = line_classifier.without_dateline(line)
    assert found == (line if rest is None else rest)
    assert bool(dateline) is (rest is not None)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("Lễ hội kết thúc./.", "Lễ hội kết thúc."),
        ("Lễ hội kết thúc ./.", "Lễ hội kết thúc."),
        ("Lễ hội, hội chợ.../.", "Lễ hội, hội chợ..."),
        ("“Xin cảm ơn./.”", "“Xin cảm ơn.”"),
        ("Giá 5.000 đồng/kg.", "Giá 5.000 đồng/kg."),
        ("Tỷ lệ là 1/2.", "Tỷ lệ là 1/2."),
    ],
)
def test_end_marks(line: str, rest: str) -> None:
    assert line_classifier.without_end_mark(line)[0] == rest


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2023-03-02", "2023-03-02"),
        ("2023-03-02 10:15:00", "2023-03-02T10:15:00"),
        ("2023-03-02T10:15:00Z", "2023-03-02T10:15:00+00:00"),
        ("02/03/2023", "2023-03-02"),
        ("2/3/2023 10:15", "2023-03-02T10:15:00"),
        ("10:15 | 02/03/2023", "2023-03-02T10:15:00"),
        ("Thứ Ba, 2/3/2023, 10:15 (GMT+7)", "2023-03-02T10:15:00+07:00"),
        ("Thứ Ba, 02/03/2023 10:15 GMT+7", "2023-03-02T10:15:00+07:00"),
        ("Cập nhật lúc 10h15 ngày 2/3/2023", "2023-03-02T10:15:00"),
        ("ngày 2 tháng 3 năm 2023", "2023-03-02"),
        ("02/03/2023 3:05 CH", "2023-03-02T15:05:00"),
        ("Thu, 02 Mar 2023 10:15:00 +0700", "2023-03-02T10:15:00+07:00"),
        (1_677_726_900, "2023-03-02T03:15:00+00:00"),
        (1_677_726_900_000, "2023-03-02T03:15:00+00:00"),
        ("1712010312345", "2024-04-01T22:25:12+00:00"),
        ("1712010312", "2024-04-01T22:25:12+00:00"),
        ("1712010312.5", "2024-04-01T22:25:12+00:00"),
        (1_712_010_312_345_678, "2024-04-01T22:25:12+00:00"),
        ("20260506", "2026-05-06"),
        (20260506, "2026-05-06"),
        ("20260506101500", "2026-05-06T10:15:00"),
        ("20260506T101500Z", "2026-05-06T10:15:00+00:00"),
        ("2026-05-06 10:15:00 +07:00", "2026-05-06T10:15:00+07:00"),
        ("Thu, 02 Mar 2023 10:15:00 -0000", "2023-03-02T10:15:00+00:00"),
        ("17120103", "17120103"),
        ("0912345678", "0912345678"),
        ("20261345", "20261345"),
        ("2/13/2023", "2/13/2023"),
        ("31/2/2023", "31/2/2023"),
        ("hôm qua", "hôm qua"),
        (7, "7"),
    ],
)
def test_dates(written: object, iso: str) -> None:
    assert dates.iso(written) == iso


@given(st.text(max_size=30) | st.integers() | st.floats() | st.from_regex(r"[0-9]{1,20}", fullmatch=True))
def test_any_date_is_read_or_stays(written: object) -> None:
    read = dates.iso(written)
    assert read == str(written).strip() or datetime.fromisoformat(read).year >= 1


LINES = st.sampled_from(
    [
        "",
        "Thời sự",
        "Hà Nội",
        "Duy Ba",
        "Theo VnExpress",
        "Thứ Ba, 02/03/2023 10:15 GMT+7",
        "Gần ba trăm hộ dân lần đầu có nước sạch tận nhà",
        "Sáng nay, đoàn tàu rời ga đúng giờ.",
        "Ông nói: “Tôi rất vui”.",
        "Vì sao lại như vậy?",
        "Ảnh: Lê Na",
        "Khách chờ tàu ở sân ga. Ảnh: Lê Na",
        "Xem thêm",
        "Bình luận (2)",
        "Chia sẻ",
        "#nước #sạch",
        "Vàng\t66\t67",
        "40718",
        "Kết thúc",
    ]
)


@given(st.lists(LINES, max_size=30).map("\n".join))
def test_every_line_is_in_exactly_one_place(page: str) -> None:
    found = parse(page)
    out = [found.title, *found.body.split("\n"), *(line for _, line in found.dropped)]
    assert Counter(line for line in out if line) == Counter(line for line in page.split("\n") if line)


@given(st.text())
def test_any_text_can_be_told_apart(page: str) -> None:
    found = parse(page)
    parts = (found.title, found.body, *(line for _, line in found.dropped))
    assert set(re.findall(r"\w", "".join(parts))) == set(re.findall(r"\w", page))


def test_lines_wrapped_by_a_machine_are_joined_and_others_are_not() -> None:
    text = (
        "Năm sinh viên đã ghép ba mươi sáu vỏ chai nhựa thành một chiếc phao chịu được người nặng tám mươi lăm cân. "
        * 3
    )
    wrapped = textwrap.fill(text, 60)
    assert parse(wrapped).body == wrapped.replace("\n", " ")
    poem = "Mẹ nhóm lửa lên từ lá ướt\nKhói cay qua mắt hóa ra cười\nCon ơi hạt gạo còn nguyên sáng"
    assert parse(poem).body == poem
