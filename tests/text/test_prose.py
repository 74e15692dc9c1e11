"""Text that is valid and no prose: addresses, encoded data, signs and capitals, in what is read and what is written."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config as configs
from pipeline import sources
from pipeline.checks import truncation
from pipeline.checks.rules import Rules, inspect
from pipeline.checks.view import View
from pipeline.config import Config, Exclude, Source
from pipeline.messages import logged_to
from pipeline.records import Article, Failure, Flag, Translated
from pipeline.text import prose
from pipeline.text.recase import recased
from tests.conftest import article, tomdich, write_feed
from tests.records import translated

ALL = Exclude(under_syllables=0, not_vietnamese=False)
TEXT = (
    "Sáng nay, hơn hai trăm người dân phường Bến Đá ra công viên trồng cây, dọn rác và sơn lại ghế đá cho các em nhỏ."
)
BLOB = base64.b64encode(bytes(range(256))).decode()
LINK = "https://bao.example/tin/trong-cay-ABC123.html?utm_source=x&id=5"


def read(tmp_path: Path, text: str, title: str = "Trồng cây") -> Article | Failure:
    path = write_feed(tmp_path / "a.jsonl", [{"id": "1", "title": title, "text": text}])
    with logged_to(pytest.fail):
        (found,) = sources.read(Source(path=str(path)), exclude=ALL, on_file=lambda _: None)
    return found


@pytest.mark.parametrize(
    ("text", "body", "set_aside"),
    [
        (f"{LINK} {TEXT}", TEXT, (("address", LINK),)),
        (f"{LINK}\n{TEXT}", TEXT, (("address", LINK),)),
        (f"<{LINK}> - www.bao.example\n{TEXT}", TEXT, (("address", f"<{LINK}> - www.bao.example"),)),
        (f"{TEXT}\n{LINK}\n{TEXT}", f"{TEXT}\n{TEXT}", (("address", LINK),)),
        (f"{TEXT} Xem {LINK} để biết thêm.", f"{TEXT} Xem {LINK} để biết thêm.", ()),
        (f"{BLOB} {TEXT}", TEXT, (("encoded", BLOB),)),
        (
            f"![](data:image/png;base64,{BLOB[:30]})\n{TEXT}",
            f"![]()\n{TEXT}",
            (("encoded", f"data:image/png;base64,{BLOB[:30]}"),),
        ),
    ],
)
def test_addresses_and_encoded_data_are_set_aside(
    tmp_path: Path, text: str, body: str, set_aside: tuple[tuple[str, str], ...]
) -> None:
    found = read(tmp_path, text)
    assert isinstance(found, Article)
    assert (found.text, found.set_aside) == (body, set_aside)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LINK, "addresses of the web"),
        (BLOB, "encoded data (base64)"),
        (f"{LINK}\n{BLOB}", "encoded data (base64) and addresses of the web"),
        ("😀😀 🎉!!!", "signs"),
    ],
)
def test_a_text_without_prose_is_rejected_with_its_reason(tmp_path: Path, text: str, told: str) -> None:
    found = read(tmp_path, text)
    assert isinstance(found, Failure)
    assert (found.kind, found.rejected) == ("not_prose", True)
    assert f"line 1: the text is nothing but {told}: there is nothing to summarize" in found.message


def test_a_headline_of_emoji_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, TEXT, title="🔥🔥🔥")
    assert isinstance(found, Article)
    assert (found.title, found.set_aside) == ("", (("title", "🔥🔥🔥"),))


@given(st.text(alphabet="ăâ đê\nAbc 12.,/:-_=+%“”()&?@"))
def test_text_without_addresses_and_long_runs_stays(text: str) -> None:
    if "www." not in text.lower() and max(map(len, text.split()), default=0) < 60:
        assert prose.without_noise(text) == (text, ())


@pytest.mark.parametrize(
    "unit", ["www.", "https://", "https://a ", "a", "aA1", "data:", "data:a;b,", "=", "/", "<www.a"]
)
def test_takes_linear_time_on_hostile_input(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        prose.without_noise(text)
        prose.addresses(text)
        return time.process_time() - started

    assert seconds(200_000) < max(40 * seconds(20_000), 1.0)


def record(
    *, title: str = "Trồng cây", title_en: str = "Planting", vi: str = TEXT, en: str = "They came."
) -> Translated:
    return translated((vi, en), title=title, title_translation=title_en, text=TEXT)


def found(flags: list[Flag], check: str) -> list[tuple[str, str]]:
    return [(flag.field, flag.severity) for flag in flags if flag.check == check]


@pytest.mark.parametrize(
    ("fields", "check", "flags"),
    [
        ({"en": "They c\ufffdme."}, "replacement", [("translation", "error")]),
        ({"vi": "Sáng \ufffd nay."}, "replacement", [("summary", "error")]),
        ({"title_en": "\ufffd\ufffd"}, "replacement", [("title_translation", "error")]),
        ({"vi": LINK}, "not_prose", [("summary", "error")]),
        ({"vi": f"{LINK} {TEXT}"}, "not_prose", [("summary", "error")]),
        ({"vi": f"{TEXT} Xem {LINK}."}, "not_prose", [("summary", "note")]),
        ({"en": f"They sent {BLOB}."}, "not_prose", [("translation", "error")]),
        ({"title_en": "🎉!"}, "not_prose", [("title_translation", "error")]),
        ({}, "not_prose", []),
    ],
)
def test_what_is_no_prose_in_an_answer_is_flagged_and_held(
    fields: dict[str, str], check: str, flags: list[tuple[str, str]], load_config: Any
) -> None:
    one = record(**fields)
    assert found(truncation.check(View(one)), check) == flags
    config: Config = load_config()
    inspected = inspect(one, Rules(hold=frozenset(config.inspect.hold)))
    if "error" in dict(flags).values():
        assert inspected.status == "hold"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("CÔNG AN TỈNH GIA LAI BẮT NĂM NGƯỜI", "Công an tỉnh Gia Lai bắt năm người"),
        ("“HÀ NỘI: MƯA LỚN, UBND TP.HCM HỌP”", "“Hà Nội: mưa lớn, UBND TP.HCM họp”"),
        ("GIÁ VÀNG TĂNG 5,2%", "Giá vàng tăng 5,2%"),
        ("TP.HCM: USD, EUR", "TP.HCM: USD, EUR"),
        ("Công an BẮT NĂM NGƯỜI", "Công an BẮT NĂM NGƯỜI"),
        ("NATO HỌP", "NATO HỌP"),
        ("🎉", "🎉"),
        ("", ""),
    ],
)
def test_the_model_reads_a_headline_in_capitals_in_the_case_of_its_article(title: str, shown: str) -> None:
    body = (
        "Giá cả tăng. Ông Lê Lai ở Gia Lai nói với công an tỉnh Gia Lai về người ở Hà Nội. UBND TP.HCM và USD, EUR: "
        "“Năm người bị bắt”, năm trước có mưa lớn."
    )
    assert recased(title, body) == shown


@given(st.text(), st.text())
def test_recasing_changes_case_alone(title: str, body: str) -> None:
    assert recased(title, body).upper() == title.upper() or recased(title, body).lower() == title.lower()


def test_a_headline_in_capitals_is_checked_in_the_case_that_the_model_read() -> None:
    all_capitals = record(title="CÔNG AN BẮT GIAM NĂM NGƯỜI", title_en="Police detain five people")
    assert "title_translation" not in dict(found(list(inspect(all_capitals).flags), "number"))
    wrong = record(title="CÔNG AN BẮT GIAM NĂM NGƯỜI", title_en="Police detain six people")
    assert "title_translation" in dict(found(list(inspect(wrong).flags), "number"))


def test_a_run_says_why_a_text_was_rejected(tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1), {"id": "b", "title": "Ảnh", "text": BLOB}])
    (tmp_path / "c.yaml").write_text(
        "name: c\nsources: [{path: feed.jsonl}]\nsummarize: {model: fake, engine: fake}\n"
        "translate: {model: fake, engine: fake}\n",
        encoding="utf-8",
    )
    assert configs.load(tmp_path / "c.yaml").inspect.hold[-2:] == ("replacement", "not_prose")
    assert tomdich("run", "c.yaml", cwd=tmp_path).returncode == 0
    listed = (tmp_path / "outputs/c/latest/failures.jsonl").read_text(encoding="utf-8")
    assert "not_prose" in listed
    assert "feed.jsonl: line 2: the text is nothing but encoded data (base64)" in listed
