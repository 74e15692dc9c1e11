"""HTML in the fields of rows: what is markup, what is plain text with a `<` or `&`, and what the text then is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import sources
from pipeline.config import Exclude, Source
from pipeline.messages import logged_to
from pipeline.records import Article, Failure
from pipeline.sources import markup
from tests.conftest import tomdich, write_feed

ALL = Exclude(under_syllables=0, not_vietnamese=False)
FIRST = (
    "Sáng nay, hơn hai trăm người dân phường Bến Đá ra công viên trồng cây, dọn rác và sơn lại ghế đá cho các em nhỏ."
)
SECOND = "Chiều qua, đội cứu hộ đưa được chín thuyền viên gặp nạn ngoài khơi vào bờ an toàn sau mười hai giờ tìm kiếm."


def read(tmp_path: Path, row: dict[str, Any], **fields: Any) -> Article:
    path = write_feed(tmp_path / "a.jsonl", [row])
    source = Source(path=str(path), **fields)
    with logged_to(pytest.fail):
        (found,) = sources.read(source, exclude=ALL, on_file=lambda _: None)
    assert isinstance(found, Article), found
    return found


def test_a_body_in_html_is_read_as_a_page_is(tmp_path: Path) -> None:
    body = (
        f"<p>{FIRST.replace('Bến Đá', '<b>Bến&nbsp;Đá</b>').replace('dọn rác', 'dọn' + chr(10) + 'rác')}</p>"
        '<figure><img src="a.jpg" alt="1 > 0"><figcaption>Người dân trồng cây. Ảnh: <i>Hà My</i></figcaption></figure>'
        "<script>if (a < b) { document.write('<p>x</p>'); }</script><style>p { color: red }</style><!-- <p>nháp</p> -->"
        f"<p>{SECOND}<br/>AT&amp;T &#8220;đã&#8221; về.</p>"
    )
    found = read(tmp_path, {"id": "1", "title": "Tom &amp; Jerry: <i>trồng cây</i> &quot;xanh&quot;", "text": body})
    assert found.text == f"{FIRST}\n{SECOND}\nAT&T “đã” về."
    assert found.title == 'Tom & Jerry: trồng cây "xanh"'
    assert found.source.repairs == ("html", "entities")
    assert ("caption", "Người dân trồng cây. Ảnh: Hà My") in found.set_aside


def test_a_whole_page_in_a_field_is_searched_for_its_article(tmp_path: Path) -> None:
    page = (
        "<!DOCTYPE html><html><head><title>Trồng cây ở Bến Đá</title>"
        '<meta property="article:published_time" content="2026-05-06T10:15:00+07:00"></head><body>'
        f"<nav><a href='/'>Trang chủ</a></nav><article><h1>Trồng cây ở Bến Đá</h1><p>{FIRST}</p><p>{SECOND}</p>"
        "</article><footer>Giấy phép số 12/GP cấp ngày 1/2/2019</footer></body></html>"
    )
    found = read(tmp_path, {"id": "1", "text": page})
    assert found.text == f"{FIRST}\n{SECOND}"
    assert found.title == "Trồng cây ở Bến Đá"
    assert found.published == "2026-05-06T10:15:00+07:00"
    assert found.source.repairs == ("html",)


@pytest.mark.parametrize(
    ("raw", "plain", "repairs"),
    [
        ("Doanh thu &gt; 5 tỷ &amp; lãi", "Doanh thu > 5 tỷ & lãi", ("entities",)),
        ("&amp;quot;Xanh&amp;quot;", '"Xanh"', ("entities",)),
        ("&lt;p&gt;Bài&lt;/p&gt;", "Bài", ("html", "entities")),
        ("<p>Thẻ &lt;b&gt;đậm&lt;/b&gt;", "Thẻ <b>đậm</b>", ("html", "entities")),
        ("Một<br>Hai", "Một\nHai", ("html",)),
        ("Một\n\n<b>Hai</b>\nBa", "Một\nHai\nBa", ("html",)),
        ("<table><tr><td>Gạo</td><td>12</td></tr><tr><td>Ngô<td>9</table>", "Gạo | 12\nNgô | 9", ("html",)),
        ("<p>Trẻ <5 tuổi, ông <Nguyễn Văn A></p>", "Trẻ <5 tuổi, ông <Nguyễn Văn A>", ("html",)),
        ("<P CLASS=x>Hoa<o:p></o:p>", "Hoa", ("html",)),
    ],
)
def test_extracts(raw: str, plain: str, repairs: tuple[str, ...]) -> None:
    found = markup.clean(raw, "auto")
    assert "\n".join(line.strip() for line in found.text.split("\n") if line.strip()) == plain
    assert tuple(repair for repair in found.repairs if repair != "nfc") == repairs


@pytest.mark.parametrize(
    "text",
    [
        "a < b", "5 &", "a<b và c>d", "Trẻ <5 tuổi", "R&D; AT&T; S&P 500", "<Nguyễn Văn A> nói", "x <- y -> z", "<3 <3",
        "Thẻ <p> và <b> mở, </i> đóng", "https://a.vn/?x=1&y=2", "&", "&;", "&#;", "&abc;", "<>", "<!", "x <!-- y",
    ],
)  # fmt: skip
def test_plain_text_stays(text: str) -> None:
    assert markup.clean(text, "auto") == markup.Plain(text)


WORDS = st.sampled_from(
    ["<", ">", "&", " < ", " & ", "5 &", "<5", "a<4", "<Hà", "Nội>", "Ông", " ", "\n", ";", "</", "!", "#"]
)


@given(st.lists(WORDS).map("".join))
def test_stray_signs_are_no_markup(text: str) -> None:
    assert markup.plain(text, "auto").text == text


@given(st.lists(WORDS).map("".join))
def test_no_word_is_lost_between_tags(text: str) -> None:
    for raw in (f"<p>{text}</p>", f'<div class="a">{text}<br/></div>'):
        assert markup.plain(raw, "auto").text.split() == text.split()


@given(st.text())
def test_text_is_never_touched_under_markup_text(text: str) -> None:
    assert markup.plain(text, "text") == markup.Plain(text)


def test_markup_of_a_source_is_the_configs_choice(tmp_path: Path) -> None:
    row = {"id": "1", "title": "Cà phê &amp; sữa", "text": f"<p>{FIRST}</p>"}
    as_text = read(tmp_path, row, markup="text")
    assert (as_text.title, as_text.text, as_text.source.repairs) == ("Cà phê &amp; sữa", f"<p>{FIRST}</p>", ())
    assert read(tmp_path, {"id": "1", "text": f"<i>{FIRST}"}, markup="html").text == FIRST


def test_what_follows_a_script_without_an_end_is_set_aside(tmp_path: Path) -> None:
    found = read(tmp_path, {"id": "1", "title": "Cây", "text": f"<p>{FIRST}</p><script>var a = 1;"})
    assert found.text == FIRST
    assert ("script", "<script>var a = 1;") in found.set_aside


@pytest.mark.usefixtures("no_messages")
def test_every_format_and_field(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f'id,title,text,reference_summary\n1,A &amp; B,"<p>{FIRST}</p>",<b>Hay</b>\n', "utf-8"
    )
    (tmp_path / "b.txt").write_text(
        f"<h1>Người dân trồng cây ở công viên</h1>\n<p>{FIRST}</p>\n<p>{SECOND}</p>\n", "utf-8"
    )
    found = list(sources.read(Source(path=str(tmp_path)), exclude=ALL, on_file=lambda _: None))
    assert not [one for one in found if isinstance(one, Failure)]
    table, pasted = found
    assert isinstance(table, Article)
    assert isinstance(pasted, Article)
    assert (table.title, table.text, table.reference_summary) == ("A & B", FIRST, "Hay")
    assert (pasted.title, pasted.text) == ("Người dân trồng cây ở công viên", f"{FIRST}\n{SECOND}")


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<p",
        "<p ",
        '<p "',
        "<p '\"",
        "<!--",
        "<script>",
        "<p>",
        "</p>",
        "<b><i>",
        "&amp;",
        "&",
        "&#",
        "\n",
        "<figcaption>",
    ],
)
def test_takes_linear_time_on_hostile_input(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        markup.plain(text, "auto")
        markup.plain(text, "html")
        return time.process_time() - started

    # ten times the text may take ten times as long; a quadratic algorithm takes a hundred, and more than the floor
    assert seconds(200_000) < max(40 * seconds(20_000), 1.0)


def test_no_tag_reaches_a_published_version(tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", [{"id": "1", "title": "A &amp; B", "text": f"<p>{FIRST}</p><p>{SECOND}</p>"}])
    (tmp_path / "c.yaml").write_text(
        "name: c\nsources: [{path: feed.jsonl}]\nsummarize: {model: fake, engine: fake}\n"
        "translate: {model: fake, engine: fake}\n",
        encoding="utf-8",
    )
    done = tomdich("run", "c.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = pq.read_table(next((tmp_path / "outputs/c/latest/data").glob("*.parquet"))).to_pylist()
    assert not {"<", "&amp;"} & {mark for mark in ("<", "&amp;") if mark in json.dumps(row)}
    assert row["source"]["repairs"] == ["html", "entities"]
