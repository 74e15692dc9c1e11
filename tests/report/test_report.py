"""The report's rows, counts, figures and file; how it looks and answers in a browser is in test_report_browser.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import report
from pipeline.records import Failure, Flag, Origin, PublishedRow, RepairedText, Severity
from pipeline.report import charts, rows
from pipeline.runner.publishing import published_row
from pipeline.tally import FlagKind
from tests.records import translated

PACKAGE = Path(report.__file__).parent
MADE = datetime(2026, 11, 24, 5, tzinfo=UTC)
MANIFEST: dict[str, Any] = {
    "name": "night <b>",
    "recipe": "3f9a1c2b" * 8,
    "scope": "full",
    "sources": [{"path": "/news/day/*.jsonl", "records": 2, "digest": ""}],
    "models": {
        "summarize": {
            "name": "some/model", "revision": "0123456789abcdef", "digest": "cd" * 32, "engine": "ctranslate2",
            "compute_type": "int8", "license": "mit",
        }
    },
    "calls": {"summarize": {"computed": 1200, "replayed": 3}},
    "environment": {"tomdich": "0.1.0", "devices": ["cuda"], "platform": "Linux"},
    "timings": {"summarize": 61.5},
    "counts": {"read": 9, "duplicates": 1, "rejected": 2, "failures": 1, "records": 5, "flagged": 1},
}  # fmt: skip


def record(number: int = 1, *sentences: tuple[str, str], **fields: Any) -> PublishedRow:
    """Return a row as `publish` makes it, with fields of the caller's."""
    pairs = sentences or (("Câu một.", "Sentence one."), ("Câu hai.", "Sentence two."))
    origin = Origin("/news/day/one.jsonl", number)
    article: dict[str, Any] = {"id": f"a{number}", "text": "Một hai ba.\nBốn.", "source": origin, "title": "Tiêu đề"}
    return replace(published_row(translated(*pairs, title_translation="Title", **article), keep=()), **fields)


def flag(field: str, start: int, end: int, *, severity: Severity = "warning", check: str = "number") -> Flag:
    return Flag(check=check, field=field, start=start, end=end, message="changed", severity=severity)


# Rows


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("Tiêu đề", "Title", -1), ("Câu một.", "Sentence one.", 0), ("Câu hai.", "Sentence two.", 1)]),
        ({"title": "", "title_translation": ""}, [("Câu một.", "Sentence one.", 0), ("Câu hai.", "Sentence two.", 1)]),
        # until the summary: nothing was translated
        ({"sentences": (), "translation": "", "title_translation": ""},
         [("Tiêu đề", "", -1), ("Câu một. Câu hai.", "", None)]),
        # a part of the summary that no sentence holds is shown all the same
        ({"summary": "Đầu. Câu một. Giữa! Câu hai. Cuối", "title": "", "title_translation": ""},
         [("Đầu. ", "", None), ("Câu một.", "Sentence one.", 0), (" Giữa! ", "", None), ("Câu hai.", "Sentence two.", 1),
          (" Cuối", "", None)]),
        # a sentence over two lines
        ({"summary": "Câu\nmột. Câu hai.", "title": "", "title_translation": ""},
         [("Câu một.", "Sentence one.", 0), ("Câu hai.", "Sentence two.", 1)]),
        ({"summary": "", "translation": "", "sentences": (), "title_translation": ""},
         [("Tiêu đề", "", -1)]),
    ],
)  # fmt: skip
def test_pairs(fields: dict[str, Any], expected: list[tuple[str, str, int | None]]) -> None:
    found = rows.pairs(record(**fields))
    assert [(pair.vietnamese, pair.english, pair.index) for pair in found] == expected


TEXT = st.text(st.sampled_from("aô đ\n😀𝒳.\u202e"), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4), TEXT, st.data())
def test_a_flag_is_seen_on_exactly_its_characters(
    pairs: list[tuple[str, str]], article: str, data: st.DataObject
) -> None:
    row = record(1, *(pairs or [("", "")]), article=article)
    field = data.draw(st.sampled_from(["title", "article", "summary", "title_translation", "translation"]))
    start = data.draw(st.integers(0, len(getattr(row, field))))
    end = data.draw(st.integers(start, len(getattr(row, field))))
    aligned = rows.pairs(row)
    shown = {"title": row.title, "headline": row.title_translation, "article": article} | {
        f"{side}{number}": text
        for number, pair in enumerate(aligned)
        for side, text in (("vi", pair.vietnamese), ("en", pair.english))
    }
    found = rows.spans(flag(field, start, end), rows.places(row, aligned)[field])
    seen = "".join(shown[slot].encode("utf-16-le")[2 * a : 2 * b].decode("utf-16-le") for slot, a, b in found)
    flagged = getattr(row, field)[start:end].split()
    assert seen.split() == flagged or "".join(seen.split()) == "".join(flagged)
    if start == end:
        assert len(found) <= 1


def test_every_word_of_the_summary_is_on_the_page() -> None:
    # the sentences stand in another order than in the summary
    row = record(1, ("Một.", "One."), ("Hai.", "Two."), summary="X Hai. Một. Y")
    assert {word for pair in rows.pairs(row) for word in pair.vietnamese.split()} == {
        "X",
        "Một.",
        "Hai.",
        "Y",
        "Tiêu",
        "đề",
    }


@pytest.mark.parametrize(
    ("field", "start", "end", "expected"),
    [
        ("title", 0, 4, [("title", 0, 4)]),
        ("title_translation", 0, 99, [("headline", 0, 5)]),
        ("summary", 4, 12, [("vi1", 4, 8), ("vi2", 0, 3)]),
        ("summary", 9, 9, [("vi2", 0, 0)]),
        ("translation", 0, 27, [("en1", 0, 13), ("en2", 0, 13)]),
        ("translation", 90, 99, []),
        ("article", 12, 16, [("article", 12, 16)]),
    ],
)
def test_spans(field: str, start: int, end: int, expected: list[tuple[str, int, int]]) -> None:
    row = record()
    assert rows.spans(flag(field, start, end), rows.places(row, rows.pairs(row))[field]) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"outlet": "Báo Sáng", "url": "https://a.vn/1"}, "Báo Sáng"),
        ({"url": "https://www.a.vn/1"}, "www.a.vn"),
        ({"url": "http://["}, "day/*.jsonl"),
        ({"url": "javascript:alert(1)"}, "day/*.jsonl"),
        ({}, "day/*.jsonl"),
        ({"source": Origin("hub:org/set", 0)}, "hub:org/set"),
    ],
)
def test_origin(fields: dict[str, Any], expected: str) -> None:
    assert rows.origin(record(**fields), ["/news/night/*.jsonl", "/news/day/*.jsonl"]) == expected


REPAIRED = RepairedText(
    field="translation",
    index=1,
    first="Sentence 2.",
    taken="beam",
    rank=3,
    candidates=5,
    before=("number error",),
    after=(),
)


def test_a_replaced_text_has_its_first_answer_and_why_and_one_that_stayed_has_not() -> None:
    stayed = replace(REPAIRED, index=0, taken="first")
    summary = replace(REPAIRED, field="summary", index=0, taken="extractive")
    found = rows.listed(record(repaired=(stayed, REPAIRED, summary)), order=0, sources=[], second="")["repaired"]
    assert [(one["index"], one["first"], one["before"]) for one in found] == [
        (1, "Sentence 2.", ["number error"]),
        ("summary", "Sentence 2.", ["number error"]),
    ]
    assert found[0]["taken"] == "another hypothesis of a wider beam"
    mended = record(repaired=(replace(REPAIRED, taken="second", second=True),))
    (found,) = rows.listed(mended, order=0, sources=[], second="facebook/nllb-200-distilled-600M")["repaired"]
    assert found["taken"] == "the translation by facebook/nllb-200-distilled-600M"


def test_what_is_held_back_is_listed_as_such() -> None:
    assert rows.listed(record(), order=0, sources=[], second="")["hold"] is False
    assert rows.listed(record(status="hold"), order=0, sources=[], second="")["hold"] is True


# Counts and figures


@given(st.dictionaries(st.integers(0, 100_000), st.integers(1, 1_000), min_size=1))
def test_a_histogram_holds_every_record_within_its_frame(counts: dict[int, int]) -> None:
    figure = charts.histogram("Length", Counter(counts), unit="words")
    assert figure is not None
    assert 1 <= len(figure.bars) <= 26
    told = [int(re.sub(r"\D", "", bar.label.rpartition(":")[2])) for bar in figure.bars]
    assert sum(told) == sum(counts.values())
    assert all(bar.x >= 0 and bar.x + bar.width <= charts.WIDTH + 0.01 for bar in figure.bars)
    assert all(0 < bar.height <= charts.PLOT_HEIGHT for bar in figure.bars)
    assert 0 <= figure.median <= charts.WIDTH


def test_a_histogram_says_in_words_what_it_shows() -> None:
    figure = charts.histogram("Length", Counter({10: 1, 20: 18, 2_000: 1}), unit="words")
    assert figure is not None
    assert (figure.middle, figure.spread) == ("median 20 words", "nine in ten between 10 and 20, the most 2,000")
    assert [bar.label for bar in figure.bars] == [
        "10 words: 1 record",
        "20 words: 18 records",
        "21 words or more: 1 record",
    ]
    assert charts.histogram("Length", Counter(), unit="words") is None


def test_flags_by_check_are_ranked_and_the_rest_is_one_line_that_counts_them_all() -> None:
    counts = Counter[FlagKind]({(f"check_{number}", "error"): number for number in range(1, 11)})
    counts["check_10", "note"] = 5
    figure = charts.by_check(counts)
    assert figure is not None
    assert [(line.label, line.count) for line in figure.lines] == [
        ("check 10", 15), ("check 9", 9), ("check 8", 8), ("check 7", 7), ("check 6", 6), ("check 5", 5), ("4 others", 10),
    ]  # fmt: skip
    assert [bar.kind for bar in figure.lines[0].bars] == ["error", "note"]
    assert "check 1 1" in figure.summary
    assert charts.by_check(Counter()) is None


# The file


def write(folder: Path, rows: Any, **fields: Any) -> list[Path]:
    """Write a report and return its files, the page first."""
    report.write(folder, **{"manifest": MANIFEST, "rows": rows, "failures": [], "made": MADE} | fields)
    return [folder / report.writing.FILE, *sorted((folder / report.writing.FOLDER).glob("*.js"))]


def unpack(packed: str) -> list[dict[str, Any]]:
    found = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert isinstance(found, list)
    return found


def inside(page: str, kind: str) -> list[dict[str, Any]]:
    """Return the rows packed into the page: those of the list or those of the articles."""
    parts = re.findall(r'<script type="text/plain" id="((?:held|rest)-\d+)(-list)?">([^<]*)</script>', page)
    return [row for _, part, packed in parts if (part or "text").strip("-") == kind for row in unpack(packed)]


def test_one_file_holds_every_record_those_on_hold_first(tmp_path: Path) -> None:
    given = [record(number, status="hold" if number == 3 else "ok", article=f"Bài {number}.") for number in range(5)]
    assert write(tmp_path, given) == [tmp_path / "report.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert [(row["id"], row["order"], row["hold"]) for row in inside(page, "list")] == [
        ("a3", 3, True), ("a0", 0, False), ("a1", 1, False), ("a2", 2, False), ("a4", 4, False),
    ]  # fmt: skip
    assert [row["article"] for row in inside(page, "text")] == ["Bài 3.", "Bài 0.", "Bài 1.", "Bài 2.", "Bài 4."]


def test_past_the_limit_the_articles_lie_beside_then_the_list_too(tmp_path: Path) -> None:
    order = [record(number, article=Random(number).randbytes(8_000).hex()) for number in range(200)]
    whole = write(tmp_path, order)[0].stat().st_size
    written = write(tmp_path, order, inline_bytes=whole // 2)
    page = written[0].read_text("utf-8")
    assert len(inside(page, "list")) == 200
    assert inside(page, "text") == []
    assert len(written) > 2
    beside = [re.fullmatch(r'tomdichPage\("(.+)","(.+)"\);\n', path.read_text("ascii")) for path in written[1:]]
    assert [match[1] for match in beside if match] == [path.stem for path in written[1:]]
    assert sum(len(unpack(match[2])) for match in beside if match) == 200
    assert "'strict-dynamic'" in page
    everything = write(tmp_path, order, inline_bytes=0)
    assert len(everything) == 2 * len(written) - 1
    assert inside(everything[0].read_text("utf-8"), "list") == []


def test_a_report_that_cannot_hold_all_says_so_and_keeps_what_is_on_hold(tmp_path: Path) -> None:
    big = "x" * report.writing.PAGE_CHARACTERS
    given = [record(number, article=big, status="hold" if number > 2 else "ok") for number in range(5)]
    page = write(tmp_path, given, most_records=3)[0].read_text("utf-8")
    assert [row["id"] for row in inside(page, "list")] == ["a3", "a4", "a0"]
    assert "This page holds 3 of 5 records, those on hold first" in page
    assert "This page holds" not in write(tmp_path, given)[0].read_text("utf-8")


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    once = write(tmp_path, [record()])[0].read_bytes()
    assert write(tmp_path, [record()])[0].read_bytes() == once


class Head(HTMLParser):
    """The text and the tags of the page, its packed data and its own script left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: Counter[str] = Counter()
        self.unclosed: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        if tag not in {"meta", "link", "input", "rect", "line", "path"}:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"rect", "line", "path"}:
            return
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.unclosed and self.unclosed[-1] not in {"script", "style"}:
            self.words.append(data)


def test_the_head_says_what_ran_what_came_out_and_what_did_not(tmp_path: Path) -> None:
    message = "memory <script>alert(1)</script>"
    failure = Failure(stage="translate", kind="out_of_room", message=message, source=Origin("a&b.jsonl", 7))
    head = Head(write(tmp_path, [record(flags=[flag("title", 0, 4)])], failures=[failure])[0].read_text("utf-8"))
    assert head.unclosed == []
    assert head.tags["script"] == 3 + len(SCRIPTS)  # the facts and two parts of a page come with them
    for words in (
        "night <b>", "1 article , summarized by machine · 24 November 2026, 05:00 UTC", "1 flagged", "1 failed",
        "1 with errors or warnings",
        "2 rejected", "failed: out of room", "memory <script>alert(1)</script>", "a&b.jsonl:7", "some/model",
        "0123456789ab", "ctranslate2, int8", "mit", "1,200 made, 3 known", "tomdich 0.1.0 on cuda, Linux",
        "summarize 1 min 02 s", "3f9a1c2b" * 8, "/news/day/*.jsonl , 2 records", "Median 4 words",
    ):  # fmt: skip
        assert words in head.text or words.replace(" ,", ",") in head.text, words


def test_a_version_that_is_known_dates_the_report(tmp_path: Path) -> None:
    manifest = MANIFEST | {"version": "20250102T030405Z-3f9a1c2b"}
    assert "2 January 2025, 03:04 UTC" in Head(write(tmp_path, [], manifest=manifest)[0].read_text("utf-8")).text


def test_no_records_and_a_manifest_of_the_least(tmp_path: Path) -> None:
    manifest = {"name": "empty", "recipe": "ab" * 32, "scope": "until"}
    head = Head(write(tmp_path, [], manifest=manifest)[0].read_text("utf-8"))
    assert "No check raised a flag." in head.text
    assert head.tags["figure"] == 1


SCRIPTS = sorted(PACKAGE.glob("*.js"))


@pytest.mark.parametrize("path", [*SCRIPTS, PACKAGE / "report.css"], ids=lambda path: path.name)
def test_the_policy_names_exactly_our_scripts_and_style(tmp_path: Path, path: Path) -> None:
    page = write(tmp_path, [record()])[0].read_text("utf-8")
    policy = re.search(r'content="(default-src .none.[^"]*)"', page)
    text = "\n" + path.read_text("utf-8")
    tag = "script" if path.suffix == ".js" else "style"
    assert f"<{tag}>{text}</{tag}>" in page
    assert policy
    assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy[1]
    assert policy[1].count("sha256-") == len(SCRIPTS) + 1
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_can_turn_text_into_markup_or_knows_an_address(path: Path) -> None:
    script = re.sub(r"//.*", "", path.read_text("utf-8"))
    for sink in "innerHTML outerHTML insertAdjacentHTML document.write eval( Function( srcdoc fetch( setHTML".split():
        assert sink not in script, sink
    assert not re.search(r"https?://\w", script)


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    def stream(count: int) -> Iterator[PublishedRow]:
        base = record()
        for number in range(count):
            yield replace(base, id=f"a{number}", article=f"{number}-" + "mộthaiba" * 1_500)

    def peak(count: int) -> int:
        tracemalloc.start()
        write(tmp_path, stream(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)  # what is loaded once
    assert peak(450) < peak(150) * 1.2
