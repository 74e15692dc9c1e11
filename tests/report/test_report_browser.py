"""The report as an editor meets it: opened from a disk in Chromium, read, searched, corrected, attacked.

Skipped where no Chromium is installed, unless `CI` is set: there it must be. How quickly 10,000 records open is
printed by

    python -m pytest tests/report/test_report_browser.py -k ten_thousand

10,000 records of 3014 characters: 21.7 MB written in 5.5 s, opened in 1.79 s, first search 0.68 s,
scrolling 28 ms a frame, 41 ms at worst, 25 rows drawn      (two cores at a load of eight, Chromium 156)
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from pipeline import glossary, report
from pipeline.records import ArticleSentence, Flag, Origin, PublishedRow, RepairedText, Sentence, SetAsideLine

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Dialog, Locator, sync_playwright
from playwright.sync_api import expect as untyped_expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium here: apt-get install chromium"
)

Scheme = Literal["light", "dark"]
SAMPLES = Path(__file__).parents[2] / "configs" / "quickstart"
MANIFEST: dict[str, Any] = {
    "name": "night",
    "recipe": "3f9a1c2b" * 8,
    "scope": "full",
    "sources": [{"path": "feed.jsonl", "records": 3, "digest": "0" * 64}],
    "models": {
        stage: {
            "name": f"fake/{stage}", "revision": "", "digest": "ab" * 32, "engine": "fake", "compute_type": "float32",
            "license": "apache-2.0",
        }
        for stage in ("summarize", "translate")
    },
    "calls": {},
    "environment": {"tomdich": "0.1.0", "devices": ["cpu"]},
}  # fmt: skip


def row(number: int, **fields: Any) -> PublishedRow:
    sentences = fields.pop(
        "sentences", [(f"Câu một số {number}.", f"Sentence one of {number}."), ("Câu hai.", "Sentence two.")]
    )
    summary, translation = " ".join(vi for vi, _ in sentences), " ".join(en for _, en in sentences)
    made: dict[str, Any] = {
        "id": f"a{number}", "url": f"https://example.vn/{number}", "title": f"Bão số {number} đổ bộ",
        "published": "2026-11-24T05:00:00+07:00", "outlet": "Báo Sáng" if number % 2 else "Báo Chiều",
        "article": f"Thân bài số {number}.\nĐoạn hai có 1.200 tỷ đồng.", "text_sha256": "",
        "source": Origin("feed.jsonl", number, "utf-8"),
        "summary": summary, "title_translation": f"Storm {number} makes landfall", "translation": translation,
        "sentences": tuple(Sentence(*pair) for pair in sentences),
    }  # fmt: skip
    return PublishedRow(**made | fields)


def flag(field: str, start: int, end: int, **fields: Any) -> Flag:
    made = {"check": "number", "message": "a number changed", "severity": "error"}
    return Flag(field=field, start=start, end=end, **made | fields)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as running:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = running.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def expect(locator: Locator) -> Any:
    """Return playwright's assertions, which wait; their methods have no types."""
    return untyped_expect(locator)


class Opened:
    """A report in a tab, and all that the tab complained of or asked the network for."""

    def __init__(self, browser: Browser, folder: Path, *, width: int, fragment: str, scheme: Scheme) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto((folder / report.writing.FILE).as_uri() + fragment)
        self.page.wait_for_selector("html[data-ready]")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.type}")
        dialog.accept()

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until the element has the text: a dialog tells its answer in a later task of the browser."""
        self.page.locator(selector, has_text=text).wait_for()

    def texts(self, selector: str) -> list[str]:
        return list(self.page.locator(selector).all_inner_texts())


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Give a function that writes a report of rows and opens it; complaints and requests fail the test."""
    tabs: list[Opened] = []

    def look(
        rows: list[PublishedRow],
        *,
        width: int = 1440,
        fragment: str = "",
        scheme: Scheme = "light",
        **options: Any,
    ) -> Opened:
        report.write(
            tmp_path, manifest=MANIFEST, rows=rows, failures=[], made=datetime(2026, 11, 24, tzinfo=UTC), **options
        )
        tabs.append(Opened(browser, tmp_path, width=width, fragment=fragment, scheme=scheme))
        return tabs[-1]

    yield look
    for tab in tabs:
        tab.page.context.close()
        assert not tab.complaints
        assert all(url.startswith(("file:", "blob:")) for url in tab.requests), tab.requests


def test_hold_comes_first_and_every_part_of_the_record_is_there(look: Callable[..., Opened]) -> None:
    tab = look([row(1), row(2, status="hold", flags=[flag("translation", 0, 8)])])
    assert tab.requests == [tab.page.url]  # one file, and nothing else is asked for
    assert tab.texts(".row-headline") == ["Storm 2 makes landfall", "Storm 1 makes landfall"]
    assert tab.texts(".pair .vi") == ["Bão số 2 đổ bộ", "Câu một số 2.", "Câu hai."]
    assert [text.split("\n")[0] for text in tab.texts(".pair .en")] == [
        "Storm 2 makes landfall",
        "Sentence one of 2.",
        "Sentence two.",
    ]
    tab.page.wait_for_selector(".body")
    assert tab.texts(".body p") == ["Thân bài số 2.", "Đoạn hai có 1.200 tỷ đồng."]
    assert tab.page.get_attribute(".about a", "href") == "https://example.vn/2"
    assert tab.page.get_attribute(".body", "lang") == "vi"


def test_an_article_that_was_translated_first_is_read_and_corrected_below_its_summary(
    look: Callable[..., Opened], tmp_path: Path
) -> None:
    sentences = (ArticleSentence("Câu một.", "Sentence one."), ArticleSentence("Câu hai.", "Sentence too."))
    english = "Sentence one.\nSentence too."
    fields: dict[str, Any] = {
        "article": "Câu một. Câu hai.",
        "summary": "",
        "sentences": [],
        "translation": "A summary.",
    }
    flags = [flag("article_translation", 23, 26), flag("article", 9, 12), flag("translation", 2, 9)]
    tab = look([row(1, article_sentences=sentences, article_translation=english, flags=flags, **fields)])
    assert tab.texts(".pair .vi") == ["Bão số 1 đổ bộ", "", "Câu một.", "Câu hai."]
    assert tab.text("#summary").startswith("The English summary was made of the translated article")
    assert [mark.split() for mark in tab.texts(".pair mark")] == [["summary"], ["Câu"], ["too"]]
    tab.page.keyboard.press("v")  # there is no Vietnamese summary to write
    assert not tab.page.query_selector("#summary textarea")
    tab.page.click("#pair-3 button >> text=Accept")
    sign(tab)
    (line,) = downloaded(tab, tmp_path / "made.jsonl")
    assert (line["vi"], line["en"], line["by"]) == ("Câu hai.", "Sentence too.", "Lan")


def test_the_first_answer_of_a_repaired_text_is_shown_on_demand_at_that_text(look: Callable[..., Opened]) -> None:
    def repaired(field: str, index: int, first: str) -> RepairedText:
        before = ("number error",)
        return RepairedText(
            field=field, index=index, first=first, taken="beam", rank=2, candidates=5, before=before, after=()
        )

    texts = (repaired("summary", 0, "Câu đầu."), repaired("translation", 1, "Sentence 2."))
    alone = row(2, sentences=[], repaired=texts[:1])
    tab = look([row(1, repaired=texts), replace(alone, summary="Câu một. Câu hai.")])
    notes = tab.page.locator("details.repaired")
    expect(notes).to_have_count(2)
    expect(notes.first.locator("p").first).to_be_hidden()
    notes.first.locator("summary").click()
    expect(notes.first.locator("p").first).to_have_text("Câu đầu.")
    notes.last.locator("summary").click()
    expect(notes.last).to_contain_text(
        "Sentence 2.was the first answer, flagged: number error. Taken: another hypothesis"
    )
    tab.page.goto(f"{tab.page.url.partition('#')[0]}#r=a2")
    expect(tab.page.locator("#summary details.repaired")).to_have_count(1)
    expect(notes).to_have_count(1)  # a summary without a translation has no note in the place of the English


def test_filters_search_and_sorting(look: Callable[..., Opened]) -> None:
    rows = [
        row(1),
        row(2, flags=[flag("translation", 0, 4, check="negation", severity="warning")]),
        row(3, status="hold", flags=[flag("title", 0, 3), flag("article", 0, 4)], article="Đường sắt Đà Lạt. " * 9),
    ]
    tab = look(rows)

    def shows(numbers: list[int]) -> None:
        expect(tab.page.locator(".row-headline")).to_have_text([f"Storm {number} makes landfall" for number in numbers])

    shows([3, 1, 2])
    assert tab.texts("#check option") == [
        "All records", "On hold (1)", "On hold, undecided", "Flagged (2)", "Checked by you", "negation (1)", "number (1)",
    ]  # fmt: skip
    for control, choice, numbers in (
        ("#check", "hold", [3]), ("#check", "any", [3, 2]), ("#check", "check negation", [2]),
        ("#check", "", [3, 1, 2]), ("#severity", "error", [3]), ("#severity", "warning", [2]),
        ("#severity", "", [3, 1, 2]), ("#origin", "Báo Chiều", [2]), ("#origin", "", [3, 1, 2]),
        ("#sort", "order", [1, 2, 3]), ("#sort", "flags", [3, 2, 1]), ("#sort", "longest", [3, 1, 2]),
    ):  # fmt: skip
        tab.page.select_option(control, choice)
        shows(numbers)
    for words, numbers in (
        ("bao CHIEU", [2]), ("landfall câu", [3, 1, 2]), ("a3", [3]), ('"bao so 2"', [2]), ('"do bo" 3', [3]),
        ("DUONG sat", [3]), ("dalat", []), ('"da lat" hai', [3]), ('"bo do"', []), ("“số 3 đổ", [3]), ("no such", []),
    ):  # fmt: skip
        tab.page.fill("#search", words)
        shows(numbers)
    assert tab.text("#count") == "0 of 3 records"


def test_a_deep_link_leads_to_its_record_and_follows_the_reader(look: Callable[..., Opened]) -> None:
    tab = look([row(1), row(2, id="năm/2 50%?"), row(3)], fragment="#r=n%C4%83m%2F2%2050%25%3F")
    assert tab.text(".pair.headline .vi") == "Bão số 2 đổ bộ"
    tab.page.keyboard.press("j")
    assert tab.text(".pair.headline .vi") == "Bão số 3 đổ bộ"
    assert tab.page.url.endswith("#r=a3")
    tab.page.keyboard.press("p")
    assert tab.page.url.endswith("#r=n%C4%83m%2F2%2050%25%3F")
    tab.page.evaluate("location.hash = '#r=gone'")
    expect(tab.page.locator("#count")).to_contain_text("gone")
    tab.page.evaluate("location.hash = '#r=%'")  # not an address that this page makes, and no reason to stop
    expect(tab.page.locator("#count")).to_contain_text("“%”")


def test_flags_are_marked_where_they_are_and_lead_there(look: Callable[..., Opened]) -> None:
    article = "😀 Mở đầu.\n" + "Dòng dài. \n" * 80 + "Cuối cùng 1.200 tỷ đồng."
    start = article.index("1.200")
    flags = [
        flag("article", start, start + 10, expected="1.2 trillion", found="1.2 billion"),
        flag("title", 0, 6, check="name", severity="warning"),
        flag("title_translation", 6, 7, severity="note"),
        flag("summary", 0, 3), flag("summary", 14, 17, check="hedge", severity="warning"),
        flag("translation", 9, 30, check="coverage"), flag("translation", 12, 12, check="negation"),
    ]  # fmt: skip
    tab = look([row(1, article=article, flags=flags)])
    tab.page.wait_for_selector(".body")
    assert tab.texts(".body mark") == ["1.200 tỷ đ"]
    assert tab.texts(".pair .vi mark") == ["Bão số", "Câu", "Câu"]
    assert tab.texts(".pair .en mark:not(.missing)") == ["1", "one", " of 1.", "Sentence tw"]
    assert tab.page.locator(".en mark.missing").count() == 1
    assert tab.page.locator(".vi mark.warning").count() == 2
    assert tab.texts(".readings")[0] == "1.2 trillion → 1.2 billion"
    tab.page.locator(".flag", has_text="1.2 trillion").click()
    assert tab.page.locator(".body mark.shown").count() == 1
    expect(tab.page.locator(".body mark")).to_be_in_viewport()
    tab.page.keyboard.press("f")
    assert tab.page.locator("mark.shown").count() >= 1


def test_both_sides_of_a_sentence_light_up_and_its_place_in_the_article(look: Callable[..., Opened]) -> None:
    tab = look([row(1, article="Mở đầu. Câu hai. Hết.")])
    tab.page.wait_for_selector(".body")

    def color() -> Any:
        return tab.page.locator(".pair").nth(2).evaluate("pair => getComputedStyle(pair).backgroundColor")

    tab.page.emulate_media(reduced_motion="reduce")
    before = color()
    tab.page.hover(".pair >> nth=2 >> .vi")
    assert color() != before  # one background under both
    lit = "[...CSS.highlights.get('origin')].map(range => range.toString())"
    assert tab.page.evaluate(lit) == ["Câu hai."]
    tab.page.mouse.move(0, 0)
    assert color() == before
    tab.page.locator(".pair").nth(2).focus()
    assert color() != before


def test_corrections_are_made_by_keyboard_and_downloaded(look: Callable[..., Opened], tmp_path: Path) -> None:
    tab = look([row(1), row(2)])
    press = tab.page.keyboard.press
    press("a")  # the headline; the name is asked once
    tab.page.fill("#name", "Nguyễn Lan")
    press("Enter")
    tab.page.wait_for_selector(".pair.headline.decided")
    press("e")  # the keys have moved on to the first sentence
    tab.page.fill("textarea", "The editor's\nown <b>sentence</b>.")
    press("Control+Enter")
    tab.page.wait_for_selector(".own")
    press("s")
    press("e")
    tab.page.fill("textarea", "never mind")
    press("Escape")
    press("j")
    press("A")
    press("u")  # the headline of the second record, taken back
    with tab.page.expect_download() as download:
        tab.page.click("#download")
    assert download.value.suggested_filename == "corrections.jsonl"
    download.value.save_as(tmp_path / "corrections.jsonl")
    saved = [json.loads(line) for line in (tmp_path / "corrections.jsonl").read_text("utf-8").splitlines()]
    machine = {("a1", -1): "Storm 1 makes landfall", ("a1", 0): "Sentence one of 1.", ("a2", 0): "Sentence one of 2.",
               ("a2", 1): "Sentence two."}  # fmt: skip
    assert {(line["id"], line["index"]): line["machine"] for line in saved} == machine
    assert [line["en"] for line in saved if line["en"] != line["machine"]] == ["The editor's own <b>sentence</b>."]
    assert {line["by"] for line in saved} == {"Nguyễn Lan"}
    assert [line["vi"] for line in saved] == ["Bão số 1 đổ bộ", "Câu một số 1.", "Câu một số 2.", "Câu hai."]
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in saved)
    tab.page.select_option("#check", "decided")
    assert tab.text("#count") == "2 records"


def test_leaving_with_unsaved_corrections_warns(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    tab.page.keyboard.press("a")
    tab.page.fill("#name", "Lan")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".decided")
    tab.page.reload()
    assert tab.complaints == ["dialog: beforeunload"]
    tab.complaints.clear()
    tab.page.wait_for_selector("html[data-ready]")
    assert tab.text("#download") == "Download 1 correction"
    tab.page.reload()  # nothing was decided since
    assert not tab.complaints
    tab.page.wait_for_selector("html[data-ready]")
    press = tab.page.keyboard.press
    press("u")
    press("a")  # as before, but at another time: a change
    tab.page.reload()
    assert tab.complaints == ["dialog: beforeunload"]
    tab.complaints.clear()
    tab.page.wait_for_selector("html[data-ready]")
    with tab.page.expect_download():
        press("u")
        press("s")
        press("a")
        tab.page.click("#download")
    press("a")
    press("u")  # back to what was downloaded
    tab.page.reload()
    assert not tab.complaints


def test_a_look_and_an_untouched_editor_are_nothing_unsaved(look: Callable[..., Opened]) -> None:
    tab = look([row(1), row(2)])
    for key in ("e", "Escape", "v", "Escape", "j", "e"):
        tab.page.keyboard.press(key)
    tab.page.reload()
    assert not tab.complaints


# Drafts and decisions that last


def sign(tab: Opened, name: str = "Lan") -> None:
    tab.page.wait_for_selector("#who[open]")
    tab.page.fill("#name", name)
    tab.page.keyboard.press("Enter")


def downloaded(tab: Opened, path: Path) -> list[dict[str, Any]]:
    with tab.page.expect_download() as download:
        tab.page.click("#download")
    download.value.save_as(path)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def reopened(tab: Opened) -> None:
    """Close the report and open it again in the same browser."""
    tab.page.goto("about:blank")
    tab.complaints[:] = [complaint for complaint in tab.complaints if complaint != "dialog: beforeunload"]
    tab.page.go_back()
    tab.page.wait_for_selector("html[data-ready]")


def test_a_half_typed_correction_outlives_another_record_and_the_browser(
    look: Callable[..., Opened], tmp_path: Path
) -> None:
    tab = look([row(1), row(2)])
    press = tab.page.keyboard.press
    press("s")
    press("e")
    tab.page.keyboard.type(" Half typed")
    tab.page.click(".row >> nth=1")
    assert tab.text(".pair.headline .vi") == "Bão số 2 đổ bộ"
    assert tab.page.locator("textarea").count() == 0
    assert tab.text(".row >> nth=0").count("draft") == 1
    assert tab.text("#kept") == "1 draft, kept in this browser"
    tab.page.click(".row >> nth=0")
    assert tab.page.input_value("textarea") == "Sentence one of 1. Half typed"
    assert "A draft, not kept yet" in tab.text(".pair >> nth=1")
    reopened(tab)
    assert tab.page.input_value("textarea") == "Sentence one of 1. Half typed"
    tab.page.focus("textarea")
    press("Control+Enter")
    sign(tab)
    assert [line["en"] for line in downloaded(tab, tmp_path / "c.jsonl")] == ["Sentence one of 1. Half typed"]
    assert tab.text("#kept") == "1 correction saved as corrections.jsonl."
    tab.page.reload()
    assert not tab.complaints


def test_what_was_left_can_be_brought_back(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    tab.page.keyboard.press("e")
    tab.page.keyboard.type(" dear words")
    tab.page.keyboard.press("Escape")
    assert tab.page.locator("textarea").count() == 0
    tab.page.click("text=Bring back what I typed")
    assert tab.page.input_value("textarea") == "Storm 1 makes landfall dear words"
    tab.page.keyboard.press("Escape")
    tab.page.reload()
    assert tab.page.locator("textarea").count() == 0
    tab.complaints.clear()


def test_what_was_kept_and_taken_back_can_be_brought_back(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    for start, undo, place in (
        ("v", "#summary >> text=Undo", "#summary"),
        ("e", ".pair.headline >> text=Undo", ".headline"),
    ):
        tab.page.keyboard.press(start)
        tab.page.fill("textarea", "My own words.")
        tab.page.keyboard.press("Control+Enter")
        if start == "v":
            sign(tab)
        assert tab.text(f"{place} .own") == "My own words."
        tab.page.click(undo)
        assert tab.page.locator(f"{place} .own").count() == 0
        tab.page.click(f"{place} >> text=Bring back what I typed")
        assert tab.page.input_value(f"{place} textarea") == "My own words."
        tab.page.focus(f"{place} textarea")
        tab.page.keyboard.press("Escape")
    assert tab.text("#download") == "No corrections yet"


def test_a_version_that_has_the_decisions_says_so_when_they_are_loaded(
    look: Callable[..., Opened], tmp_path: Path
) -> None:
    by = {"id": "a1", "text_sha256": "ab" * 32, "by": "Mai", "at": "2026-11-23T08:00:00+07:00"}
    lines = [
        by | {"action": "summary", "vi": "Câu một số 1. Câu hai.", "machine": "Cũ."},
        by | {"index": 0, "vi": "Câu một số 1.", "en": "Sentence one of 1.", "machine": "Old one."},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    tab = look([row(1, text_sha256="ab" * 32)])
    tab.page.set_input_files("#file", path)
    expect(tab.page.locator("#summary")).to_contain_text("This version has it.")
    assert "Old one." in tab.text(".pair >> nth=1 >> .machine")
    tab.page.reload()
    assert not tab.complaints


def test_what_is_kept_belongs_to_one_version(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    tab.page.keyboard.press("a")
    sign(tab)
    tab.page.wait_for_selector(".decided")
    other = [row(1, title_translation="Another machine's headline")]
    report.write(
        Path(tab.page.url.removeprefix("file://").split("#")[0]).parent, manifest=MANIFEST, rows=other, failures=[]
    )
    reopened(tab)
    assert tab.text("#download") == "No corrections yet"
    assert tab.page.locator(".decided").count() == 0


def test_two_tabs_of_one_report_do_not_overwrite_each_other(look: Callable[..., Opened], tmp_path: Path) -> None:
    tab = look([row(1), row(2)])
    other = tab.page.context.new_page()
    other.goto(tab.page.url.split("#")[0] + "#r=a2")
    other.wait_for_selector("html[data-ready]")
    tab.page.keyboard.press("a")
    sign(tab)
    tab.page.wait_for_selector(".decided")
    expect(other.locator("#download")).to_have_text("Download 1 correction")
    other.reload()  # it has the name now
    other.wait_for_selector("html[data-ready]")
    other.keyboard.press("a")
    expect(tab.page.locator("#download")).to_have_text("Download 2 corrections")
    assert {line["id"] for line in downloaded(tab, tmp_path / "c.jsonl")} == {"a1", "a2"}
    other.close()


def test_a_browser_that_keeps_nothing_says_so(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    tab.page.evaluate(
        "void (Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); })"
    )
    tab.page.keyboard.press("e")
    tab.page.keyboard.type("x")
    assert tab.text("#kept") == "1 draft, this browser keeps nothing: download before you close"
    tab.page.reload()
    assert tab.complaints == ["dialog: beforeunload"]
    tab.complaints.clear()


def test_a_corrections_file_is_loaded_back_and_nothing_of_it_is_lost(
    look: Callable[..., Opened], tmp_path: Path
) -> None:
    by = {"by": "Mai", "at": "2026-11-23T08:00:00+07:00"}
    lines: list[dict[str, Any]] = [
        {"id": "a1", "index": 0, "vi": "Câu  một số 1.", "en": "Mai's sentence.", "machine": "Sentence one of 1."} | by,
        {"id": "a1", "index": -1, "vi": "Một tít khác", "en": "A headline of another version."} | by,
        {"id": "a1", "action": "reject", "text_sha256": "ab" * 32, "reason": "off topic"} | by,
        {"id": "a2", "action": "summary", "text_sha256": "00" * 32, "vi": "Của văn bản khác."} | by,
        {"id": "a2", "index": 1, "vi": "Câu hai.", "en": "Two.", "machine": "", "by": "Mai", "at": "2020-01-01"},
    ]  # fmt: skip
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    tab = look([row(1, text_sha256="ab" * 32), row(2)], fragment="#r=a2")
    tab.page.locator(".pair").nth(2).focus()
    tab.page.keyboard.press("a")
    sign(tab)
    tab.page.wait_for_selector(".decided")
    tab.page.set_input_files("#file", path)
    expect(tab.page.locator("#kept")).to_have_text(
        "3 corrections of this report read from mine.jsonl, 2 of others kept for the download,"
        " 1 older than yours passed over."
    )
    tab.page.keyboard.press("k")
    assert tab.text(".own") == "Mai's sentence."
    assert "Rejected by Mai: off topic" in tab.text("#verdict")
    saved = downloaded(tab, tmp_path / "c.jsonl")
    assert len(saved) == 5
    assert all(line in saved for line in lines[:4])
    assert {(line["id"], line["en"]) for line in saved if line.get("index") == 1} == {("a2", "Sentence two.")}
    for text, told in (
        ('{"vi": 1}', "line 1 has no “vi”"), ("[]", "line 1 is not a correction"), ('\n{"action": "x"}', "line 2 is not"),
        (json.dumps(lines[0] | {"at": "yesterday"}), "line 1: “at” is no time"),
    ):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        tab.page.set_input_files("#file", path)
        expect(tab.page.locator("#kept")).to_contain_text(f"mine.jsonl was not read: {told}")
    assert tab.text("#download") == "Download 5 corrections"
    tab.page.reload()
    assert not tab.complaints


def test_an_editors_summary_a_rejection_and_a_release_are_in_the_download(
    look: Callable[..., Opened], tmp_path: Path
) -> None:
    flags = [flag("translation", 0, 8, expected="5", found="6"), flag("title", 0, 3, severity="note")]
    tab = look([row(1, text_sha256="ab" * 32, status="hold", flags=flags), row(2, text_sha256="cd" * 32)])
    press = tab.page.keyboard.press
    press("v")
    assert tab.page.input_value("textarea") == "Câu một số 1. Câu hai."
    tab.page.fill("textarea", "Bản của tôi.\nHai câu.")
    press("Control+Enter")
    sign(tab)
    assert tab.text("#summary .own") == "Bản của tôi. Hai câu."
    assert "The next run translates this summary" in tab.text("#summary")
    press("r")
    assert tab.texts("#errors li") == ["number: a number changed"]
    press("Enter")
    tab.wait_for_text("#verdict", "Released from hold by Lan")
    press("r")  # a letter typed by mistake takes nothing back
    assert tab.texts(".badge") == ["Released", "Released"]
    press("j")
    press("r")  # it is not on hold
    press("x")
    tab.page.fill("#reason", " off  topic")
    press("Enter")
    tab.wait_for_text("#verdict", "Rejected by Lan: off topic")
    assert tab.text(".row >> nth=1 >> .badge") == "Rejected"
    summary, release, rejection = downloaded(tab, tmp_path / "c.jsonl")
    stamped: dict[str, Any] = {"by": "Lan", "text_sha256": "ab" * 32, "id": "a1"}
    for line, expected in (
        (summary, stamped | {"action": "summary", "vi": "Bản của tôi. Hai câu.", "machine": "Câu một số 1. Câu hai."}),
        (release, stamped | {"action": "release", "flags": [
            {"check": "number", "field": "translation", "expected": "5", "found": "6", "message": "a number changed"}]}),
        (rejection, stamped | {"action": "reject", "id": "a2", "text_sha256": "cd" * 32, "reason": "off topic"}),
    ):  # fmt: skip
        assert datetime.fromisoformat(line.pop("at")).tzinfo
        assert line == expected
    read = glossary.read(None, str(tmp_path / "c.jsonl"))  # as the next run does
    assert (set(read.summaries), set(read.releases), set(read.rejections)) == ({"a1"}, {"a1"}, {"a2"})
    tab.page.select_option("#check", "undecided")
    assert tab.text("#count") == "0 of 2 records"
    tab.page.select_option("#check", "decided")
    assert tab.text("#count") == "2 records"
    press("x")
    assert not tab.page.is_visible("#why")
    tab.page.click("text=Do not reject")
    assert "Rejected" not in tab.text("#verdict")
    assert tab.page.evaluate("document.activeElement.textContent") == "Reject the article…"  # the focus stays there
    press("k")
    tab.page.click("text=Hold again")
    assert tab.text(".about .badge") == "Hold"
    tab.page.click("#summary >> text=Undo")
    assert tab.page.locator("#summary .own").count() == 0
    assert tab.text("#download") == "No corrections yet"
    reopened(tab)
    assert tab.text("#download") == "No corrections yet"


def test_a_rejection_can_be_called_off(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    tab.page.click("text=Reject the article…")
    sign(tab)
    tab.page.wait_for_selector("#why[open]")
    tab.page.keyboard.press("Escape")
    assert tab.text("#download") == "No corrections yet"
    assert tab.page.locator(".badge").count() == 0


def test_one_absurdly_long_article_does_not_flatten_the_chart(look: Callable[..., Opened]) -> None:
    rows = [row(number, article="dài " * (100 + 10 * number)) for number in range(9)]
    tab = look([*rows, row(9, article="dài " * 60_000)])
    bars = tab.page.locator("figure >> nth=0 >> rect")
    assert bars.count() >= 9
    assert tab.text("figure >> nth=0").endswith("nine in ten between 100 and 60,000")
    assert bars.last.locator("title").text_content() == "185 words or more: 1 record"


def test_near_copies_of_a_story_lead_to_each_other(look: Callable[..., Opened]) -> None:
    text = " ".join(f"Câu số {number} kể chuyện bão {number * 7} ở tỉnh." for number in range(12))
    rows = [
        row(1, article=text, published="2026-11-24T05:00:00+07:00"),
        row(2, article=text + " Thêm một câu.", published="2026-11-24T06:00:00+07:00"),
        row(3),
    ]
    tab = look(rows)
    assert tab.text(".also") == "Also in Báo Chiều"
    assert tab.text(".row >> nth=1 >> .row-about").split() == ["+1", "Báo", "Chiều"]
    tab.page.click(".also a")
    assert tab.text(".pair.headline .vi") == "Bão số 2 đổ bộ"
    assert tab.text(".also") == "Also in Báo Sáng"
    tab.page.keyboard.press("j")
    assert tab.page.locator(".also").count() == 0


def test_a_search_finds_and_shows_what_only_the_article_says(look: Callable[..., Opened]) -> None:
    article = "Đoạn mở đầu.\n" + "Dòng dài không có gì. \n" * 80 + "Ông Nguyễn Văn Đức nói về đường sắt."
    tab = look([row(1), row(2, article=article), row(3)], inline_bytes=0)  # from pages beside the report too
    tab.page.fill("#search", '"nguyen van duc" storm')
    expect(tab.page.locator(".row-headline")).to_have_text(["Storm 2 makes landfall"])
    assert "in the article" in tab.text(".row")
    tab.page.click(".row")
    tab.page.wait_for_selector(".body")
    found = "[...CSS.highlights.get('found')].map(range => range.toString())"
    assert tab.page.evaluate(found) == ["Nguyễn Văn Đức"]
    expect(tab.page.locator(".body p").last).to_be_in_viewport()
    tab.page.fill("#search", "")
    expect(tab.page.locator("#count")).to_have_text("3 records")


ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'></script><!--<script>{{7*7}}${alert(3)}"


def test_an_article_is_text_whatever_it_holds(look: Callable[..., Opened]) -> None:
    hostile = {
        "id": f"</script>{ATTACK}", "title": f"{ATTACK} \u202eabc\u202c", "title_translation": ATTACK, "outlet": ATTACK,
        "url": "javascript:alert(4)", "published": ATTACK, "article": f"{ATTACK}\n\u202e\u0000\u200b đảo \ud800 ngược",
        "set_aside": (SetAsideLine(ATTACK, ATTACK),), "source": Origin(ATTACK, 0),
        "sentences": [(ATTACK, ATTACK)], "reference_summary": ATTACK,
        "flags": [flag("title", 0, 8, check=ATTACK, message=ATTACK, expected=ATTACK, found=ATTACK, severity=ATTACK),
                  flag("article", 0, 9**9)],
    }  # fmt: skip
    urls = ["JaVaScRiPt:alert(5)", "data:text/html,<script>alert(6)</script>", " javascript:alert(7)", "http://["]
    tab = look([row(1, **hostile), *(row(number, url=url) for number, url in enumerate(urls, start=2))])
    tab.page.wait_for_selector(".body")
    assert tab.text(".pair.headline .en h3") == ATTACK
    assert tab.text(".body p >> nth=0") == ATTACK
    assert "RLO NUL ZWSP" in tab.text(".body")
    assert "�" in tab.text(".body")
    assert tab.page.evaluate("document.querySelectorAll('img, iframe, script:not([type])').length") == 5
    for _ in urls:
        links = tab.page.eval_on_selector_all("a", "links => links.map(link => link.protocol)")
        assert set(links) <= {"file:", "http:", "https:"}, links
        tab.page.keyboard.press("j")
    assert tab.page.evaluate("document.title").startswith("Storm 5")
    with_text = tab.page.evaluate("document.documentElement.outerHTML")
    assert "<script>alert" not in with_text.replace(json.dumps(ATTACK), "")


def test_the_policy_stops_a_script_that_gets_in_all_the_same(look: Callable[..., Opened]) -> None:
    tab = look([row(1)])
    tab.page.evaluate(
        "() => { const script = document.createElement('script'); script.append('window.ran = true');"
        " try { document.body.append(script); } catch {} }"
    )
    assert tab.page.evaluate("window.ran === undefined")
    assert tab.page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; } })()"
    )
    assert tab.complaints
    assert all("Security Policy" in complaint or "Trusted" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_a_word_of_a_megabyte_and_a_text_of_controls(look: Callable[..., Opened]) -> None:
    tab = look(
        [row(1, article="x" * 1_000_000, title="y" * 50_000), row(2, article="\u202e" * 300_000 + "a\u202e" * 3_000)]
    )
    tab.page.wait_for_selector(".body")
    assert len(tab.text(".body p")) == 1_000_000
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.page.keyboard.press("j")
    tab.page.wait_for_selector(".body .control")
    assert tab.page.locator(".control").count() == 500


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_no_sideways_scroll_and_shows_the_record_in_place_of_the_list(
    look: Callable[..., Opened], scheme: Scheme
) -> None:
    tab = look([row(1), row(2, status="hold", flags=[flag("translation", 0, 8)])], width=390, scheme=scheme)
    fits = "document.documentElement.scrollWidth <= 390"
    assert tab.page.evaluate(fits)
    tab.page.click(".row >> nth=1")
    assert not tab.page.is_visible(".list")
    assert tab.page.is_visible(".pair")
    assert tab.page.evaluate(fits)
    tab.page.click("text=All records >> visible=true")
    assert tab.page.is_visible(".list")
    assert not tab.page.is_visible(".pair")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(look: Callable[..., Opened], scheme: Scheme, width: int) -> None:
    flags = [flag("translation", 0, 8, severity=severity) for severity in ("error", "warning", "note")]
    flags += [
        flag("title", number * 3, number * 3 + 2, severity=name)
        for number, name in enumerate(("error", "warning", "note"))
    ]
    tab = look([row(1, status="hold", flags=flags), row(2)], scheme=scheme, width=width)
    if width == 390:
        assert tab.page.evaluate(CONTRAST) == []
        tab.page.click(".row")
    tab.page.wait_for_selector(".body")
    assert tab.page.evaluate(CONTRAST) == []
    tab.page.keyboard.press("v")
    tab.page.fill("textarea", "Bản khác.")
    tab.page.keyboard.press("Control+Enter")
    sign(tab)
    tab.page.keyboard.press("e")
    tab.page.keyboard.type("!")
    for button, confirm in (("Release from hold…", "Release"), ("Reject the article…", "Reject")):
        tab.page.click(f"text={button}")
        assert tab.page.evaluate(CONTRAST) == []
        tab.page.click(f"dialog[open] button:text-is('{confirm}')")
        assert tab.page.evaluate(CONTRAST) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# Every element with text of its own, whose color stands less than 4.5 : 1 against the first background under it.
CONTRAST = """() => {
  const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const under = (element) => {
    for (; element; element = element.parentElement) {
      const color = parts(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && element.checkVisibility()
    && !element.closest('svg, script, noscript, option, :disabled')).flatMap((element) => {
      const [one, other] = [light(parts(getComputedStyle(element).color)), light(under(element))].sort((a, b) => b - a);
      const ratio = (one + 0.05) / (other + 0.05);
      return ratio < 4.5 ? [`${element.className || element.tagName} ${ratio.toFixed(2)}`] : [];
    });
}"""


def test_keys_help_theme_and_names(look: Callable[..., Opened]) -> None:
    tab = look([row(1), row(2)])
    tab.page.keyboard.press("?")
    assert tab.page.is_visible("#help")
    tab.page.uncheck("#keys")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("j")
    assert tab.text(".pair.headline .vi") == "Bão số 1 đổ bộ"  # single keys are off
    tab.page.click("#help-button")
    tab.page.check("#keys")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("j")  # a letter in a field is a letter
    assert tab.page.input_value("#search") == "j"
    ground = "getComputedStyle(document.body).backgroundColor"
    before = tab.page.evaluate(ground)
    tab.page.click("#theme")
    assert tab.page.evaluate(ground) != before
    nameless = "[...document.querySelectorAll('button, input, select, textarea, a')].filter(e => !(e.innerText || e.ariaLabel || e.labels?.length)).length"
    assert tab.page.evaluate(nameless) == 0
    for name in ("main", "search", "listbox", "article"):
        assert tab.page.get_by_role(name).count() >= 1, name


def test_a_printed_sheet_has_the_records_of_the_list(look: Callable[..., Opened]) -> None:
    tab = look([row(1), row(2, flags=[flag("translation", 0, 8)])])
    tab.page.emulate_media(media="print")
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    sheet = tab.text("#sheet")
    assert "Storm 1 makes landfall" in sheet
    assert "error, number: a number changed" in sheet
    assert not tab.page.is_visible("#desk")


def test_pages_beside_the_report_are_read_and_a_missing_one_is_named(
    look: Callable[..., Opened], tmp_path: Path
) -> None:
    tab = look([row(number) for number in range(3)], inline_bytes=0)
    tab.page.wait_for_selector(".body")
    assert tab.texts(".row-headline")[2] == "Storm 2 makes landfall"
    tab.page.keyboard.press("j")
    assert tab.texts(".body p")[0] == "Thân bài số 1."
    assert len(tab.requests) == 3
    (tmp_path / "report-data" / "rest-000.js").unlink()
    tab.page.reload()
    expect(tab.page.locator(".source")).to_contain_text("rest-000.js is not beside")
    assert [complaint for complaint in tab.complaints if "ERR_FILE_NOT_FOUND" not in complaint] == []
    tab.complaints.clear()


def test_of_a_long_list_only_the_rows_in_sight_are_drawn(browser: Browser, tmp_path: Path) -> None:
    report.write(tmp_path, manifest=MANIFEST, rows=many(3_000), failures=[])
    tab = Opened(browser, tmp_path, width=1440, fragment="", scheme="light")
    assert tab.text("#count") == "3,000 records"
    assert 0 < tab.page.locator(".row").count() < 60
    tab.page.fill("#search", "storm 2777")
    expect(tab.page.locator(".row")).to_have_count(1)
    tab.page.fill("#search", "")
    expect(tab.page.locator("#count")).to_have_text("3,000 records")
    assert tab.page.evaluate(SCROLL) < 60
    assert not tab.complaints
    tab.page.close()


# A hundred jumps over the whole list, one a frame; gives the most rows that were drawn at once.
SCROLL = """() => new Promise((resolve) => {
  const list = document.getElementById('list');
  let steps = 0, most = 0;
  const step = () => {
    most = Math.max(most, document.querySelectorAll('.row').length);
    if (++steps > 100) resolve(most);
    else { list.scrollTop += list.scrollHeight / 101; requestAnimationFrame(step); }
  };
  requestAnimationFrame(step);
})"""


def many(count: int) -> list[PublishedRow]:
    """Return rows of a real size: articles of some 3,000 characters, in runs of words that pack as the press does.

    (3.1 to one; 3.2 in the articles of vietnews.)
    """
    order = random.Random(20261124)
    words = re.findall(r"\S+", "\n".join(path.read_text("utf-8") for path in sorted(SAMPLES.glob("0[1-7]*.txt"))))

    def text(length: int) -> str:
        runs: list[str] = []
        while len(runs) < length:
            at = order.randrange(len(words) - 4)
            runs += words[at : at + order.randint(1, 4)]
        return " ".join(runs)

    bodies = [text(660) for _ in range(400)]  # further apart than the packer looks back
    lines = [text(26) for _ in range(4_000)]
    return [
        row(
            number,
            article=bodies[number % 400],
            sentences=[(lines[number * 4 % 4_000 + side], lines[number * 4 % 4_000 + 1 + side]) for side in (0, 2)],
            flags=[flag("translation", 0, 9, message=lines[number % 4_000]) for _ in range(number % 4)],
            status="hold" if number % 9 == 0 else "ok",
        )
        for number in range(count)
    ]
