"""A summary that its article supports, one that it does not, and one that is its first paragraph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import support
from pipeline.checks.view import View
from pipeline.records import Flag
from tests.records import translated

ARTICLE = (
    "Chiều 5/3, mưa lớn kéo dài khiến nhiều tuyến đường tại thành phố Đà Nẵng ngập sâu nửa mét. "
    "Hàng trăm hộ dân phải di dời đến các trường học gần đó, lực lượng cứu hộ dùng xuồng đưa người già và trẻ nhỏ ra khỏi nhà. "
    "Theo đài khí tượng, mưa còn tiếp diễn đến cuối tuần và có thể gây sạt lở ở vùng núi phía tây."
)


def flags_of(summary: str, *, text: str = ARTICLE, title: str = "") -> list[Flag]:
    return list(support.check(View(translated(summary=summary, text=text, title=title))))


@pytest.mark.parametrize(
    "summary",
    [
        "Mưa lớn khiến nhiều tuyến đường Đà Nẵng ngập sâu, hàng trăm hộ dân phải di dời đến trường học.",
        "Đà Nẵng ngập sâu.",
        "",
    ],
)
def test_a_supported_summary(summary: str) -> None:
    assert not flags_of(summary)


def test_a_summary_of_another_article() -> None:
    (flag,) = flags_of("Đội tuyển bóng đá Việt Nam giành huy chương vàng sau loạt sút luân lưu kịch tính với Thái Lan.")
    assert (flag.check, flag.severity, flag.field) == ("support", "error", "summary")
    assert flag.found.endswith("%")


def test_an_invented_clause_is_marked_where_it_stands() -> None:
    invented = "hai cầu thủ Thái Lan bị trọng tài truất quyền"
    summary = f"Mưa lớn khiến nhiều tuyến đường tại thành phố Đà Nẵng ngập sâu nửa mét, {invented}."
    (flag,) = flags_of(summary)
    assert (flag.check, flag.severity) == ("support", "warning")
    assert summary[flag.start : flag.end] == flag.found
    assert "trọng tài" in flag.found
    assert "Đà Nẵng" not in flag.found


def test_tone_placement_makes_no_word_new() -> None:
    article = "Hòa bình, khỏe khoắn, thủy thủ, tòa nhà, xóa sổ, họa sĩ."
    assert not flags_of("Hoạ sĩ xoá sổ, toà nhà thuỷ thủ, hoà bình khoẻ khoắn.", text=article)


def test_the_headline_supports_too() -> None:
    summary = "Huy chương vàng bóng đá nữ Đông Nam Á năm nay."
    assert flags_of(summary)
    assert not flags_of(summary, title=summary)


def test_a_copied_lead_is_a_note() -> None:
    lead = ARTICLE.split(". ", maxsplit=1)[0] + "."
    (flag,) = flags_of(lead, text=ARTICLE * 2)
    assert (flag.check, flag.severity) == ("copied_lead", "note")
    assert not flags_of("Theo đài khí tượng, mưa còn tiếp diễn đến cuối tuần và có thể gây sạt lở.", text=ARTICLE * 2)


def test_an_article_that_is_empty_supports_nothing_and_is_flagged_elsewhere() -> None:
    assert not flags_of("Mưa lớn tại Đà Nẵng chiều nay.", text="")


@given(st.text(max_size=120), st.text(max_size=120))
def test_any_text_gives_spans_inside_it(summary: str, text: str) -> None:
    for flag in flags_of(summary, text=text):
        assert 0 <= flag.start <= flag.end <= len(summary)
