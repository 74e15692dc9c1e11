"""Exports read back: every column, every character, no formula."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.export.spreadsheets import CELL_LIMIT, export
from pipeline.records import ROW_COLUMNS
from pipeline.storage.rows import as_json, rows
from pipeline.storage.versions import Version
from pipeline.text.sanitize import cell
from tests.conftest import article, tomdich
from tests.published import Row, edit, flag, publish


@pytest.fixture
def version(tmp_path: Path) -> Version:
    """Return a version of three articles, the last a copy of the first, with a kept column."""
    articles = [article(n) | {"section": "Thời sự", "published": f"2024-03-0{n + 1}"} for n in range(2)]
    articles.append(articles[0] | {"id": "copy", "published": "2024-02-29", "text": articles[0]["text"] + " Hết."})
    whole = publish(tmp_path, articles, sources=[{"path": "feed.jsonl", "keep": ["section"]}])
    return edit(whole, lambda _: {"flags": [flag("number", "error", expected="1.2", found="3", message="differs")]})


def as_rows(version: Version, to: Any, tmp_path: Path, **options: Any) -> list[Row]:
    """Return an export read back as rows of texts (JSON lines: of values)."""
    path = export(version, to=to, output=tmp_path / f"out.{to}", **options)
    if to == "jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if to == "csv":
        return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    found: list[Row] = []
    for sheet in openpyxl.load_workbook(path).worksheets:
        heading, *lines = [[value or "" for value in line] for line in sheet.iter_rows(values_only=True)]
        names = [str(name) for name in heading]
        found += [dict(zip(names, line, strict=True)) for line in lines if sheet.title.startswith("records")]
    return found


@pytest.mark.parametrize("to", ["csv", "xlsx"])
def test_every_column_is_there_and_reads_back(version: Version, tmp_path: Path, to: str) -> None:
    found = as_rows(version, to, tmp_path)
    published = list(map(as_json, rows(version)))
    assert set(found[0]) == {*ROW_COLUMNS, "status", "section", "story"}
    assert list(found[0])[:4] == ["id", "status", "story", "published"]
    for row, original in zip(found, published, strict=True):
        for name in ("id", "title", "article", "summary", "translation", "text_sha256", "section", "status"):
            assert row[name] == (original[name] or "")
        for name in ("sentences", "calls", "source", "set_aside"):
            assert json.loads(row[name]) == json.loads(json.dumps(original[name]))
        assert row["flags"] == "error number, translation 0-3: differs (expected 1.2, found 3)"
    assert [row["story"] for row in found] == ["copy", "a1", "copy"]


def test_json_lines_are_the_rows_with_their_story(version: Version, tmp_path: Path) -> None:
    found = as_rows(version, "jsonl", tmp_path)
    assert [row.pop("story") for row in found] == ["copy", "a1", "copy"]
    assert found == [json.loads(json.dumps(as_json(row))) for row in rows(version)]


@pytest.mark.parametrize("to", ["csv", "xlsx"])
@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\n", "＝"])
def test_no_cell_begins_a_formula(version: Version, tmp_path: Path, to: str, begin: str) -> None:
    text = begin + 'HYPERLINK("http://evil.example";"x")'
    edit(version, lambda _: {"title": text, "section": text, "summary": f"a {text}"})
    if to == "xlsx":
        path = export(version, to="xlsx", output=tmp_path / "out.xlsx")
        kinds = {one.data_type for line in openpyxl.load_workbook(path)["records"].iter_rows() for one in line}
        assert "f" not in kinds
    row = as_rows(version, to, tmp_path)[0]
    assert row["title"] == row["section"] == "'" + text
    assert row["summary"] == f"a {text}"


@given(st.text(min_size=1))
def test_a_cell_is_the_text_or_the_text_behind_an_apostrophe(text: str) -> None:
    found = cell(text)
    assert found in {text, "'" + text}
    assert found[0] not in "=+-@\t\r\n"


@pytest.mark.parametrize("to", ["csv", "xlsx"])
def test_controls_and_marks_of_direction_are_shown(version: Version, tmp_path: Path, to: str) -> None:
    edit(version, lambda _: {"title": "a\x00\x0b\x1f\u202eb\ud7ffc", "summary": 'one\ntwo "three", four;\tfive'})
    row = as_rows(version, to, tmp_path)[0]
    assert row["title"] == "a\\u0000\\u000b\\u001f\\u202eb\ud7ffc"
    assert row["summary"] == 'one\ntwo "three", four;\tfive'


def test_csv_begins_with_the_mark_that_excel_needs(version: Version, tmp_path: Path) -> None:
    assert export(version, to="csv", output=tmp_path / "x.csv").read_bytes().startswith(b"\xef\xbb\xbfid,status,")


@pytest.mark.parametrize(
    "text",
    [
        "đ" * CELL_LIMIT,  # the longest that fits
        "đ" * (CELL_LIMIT + 1),
        "=" + "đ" * (CELL_LIMIT - 1),  # fits without its apostrophe only
        "😀" * 20_000,  # two units a character
        "từ " * 30_000 + "hết",
        "=1+1 " * 10_000,
        "_x0041_" * 5_000,  # fits without its escapes only
    ],
)
def test_what_a_cell_cannot_hold_goes_on_in_full_in_another_sheet(version: Version, tmp_path: Path, text: str) -> None:
    edit(version, lambda row: {"article": text} if row["id"] == "a1" else {})
    path = export(version, to="xlsx", output=tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(path)
    row = as_rows(version, "xlsx", tmp_path)[1]
    fits = text == "đ" * CELL_LIMIT
    assert (len(book.sheetnames) == 1) is fits
    if fits:
        assert row["article"] == text
        return
    assert row["article"].endswith(" … [goes on in the sheet “long texts”]")
    heading, *parts = book["long texts"].iter_rows(values_only=True)
    assert heading == ("id", "column", "part", "text")
    assert {part[:2] for part in parts} == {("a1", "article")}
    assert [part[2] for part in parts] == [f"{at} of {len(parts)}" for at in range(1, len(parts) + 1)]
    pieces = [str(part[3]).replace("_x005F_", "_") for part in parts]
    assert "".join(piece[1:] if piece[0] == "'" else piece for piece in pieces) == text
    for line in (*parts, *book["records"].iter_rows(values_only=True)):
        assert all(len(str(value).encode("utf-16-le")) // 2 <= CELL_LIMIT for value in line)


def test_what_excel_would_take_for_an_escape_is_escaped(version: Version, tmp_path: Path) -> None:
    edit(version, lambda _: {"title": "_x0041_ a_x000D_b _xyz_"})
    assert as_rows(version, "xlsx", tmp_path)[0]["title"] == "_x005F_x0041_ a_x005F_x000D_b _xyz_"
    assert as_rows(version, "csv", tmp_path)[0]["title"] == "_x0041_ a_x000D_b _xyz_"


def test_more_rows_than_a_sheet_holds_go_on_in_another(version: Version, tmp_path: Path) -> None:
    found = as_rows(version, "xlsx", tmp_path, row_limit=3)
    assert openpyxl.load_workbook(tmp_path / "out.xlsx").sheetnames == ["records", "records 2"]
    assert [row["id"] for row in found] == ["a0", "a1", "copy"]


def test_a_long_text_under_a_strangers_id_and_column_has_neither_control_nor_formula(tmp_path: Path) -> None:
    column, long = "=1+1", "đ" * 70_000
    articles = [article(n) | {"id": f"a\x1b{n}", column: "x"} for n in range(2)]
    version = publish(tmp_path, articles, sources=[{"path": "feed.jsonl", "keep": [column]}])
    edit(version, lambda _: {column: long})
    path = export(version, to="xlsx", output=tmp_path / "out.xlsx", row_limit=4)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["records", "long texts", "long texts 2"]  # three lines each under the heading
    lines = [line for name in book.sheetnames[1:] for line in book[name].iter_rows(min_row=2)]
    assert [tuple(one.value for one in line[:3]) for line in lines] == [
        (rf"a\u001b{n}", "'=1+1", f"{part} of 3") for n in range(2) for part in (1, 2, 3)
    ]
    assert "f" not in {one.data_type for sheet in book for line in sheet.iter_rows() for one in line}
    assert "".join(str(line[3].value) for line in lines) == 2 * long


def test_an_id_that_is_too_long_itself_goes_on_too(version: Version, tmp_path: Path) -> None:
    long = "i" * (CELL_LIMIT + 1)
    edit(version, lambda row: {"url": long} if row["id"] == "a1" else {})
    edit(version, lambda row: {"id": long} if row["id"] == "a1" else {})
    book = openpyxl.load_workbook(export(version, to="xlsx", output=tmp_path / "out.xlsx"))
    ids = [line[0] for line in book["long texts"].iter_rows(min_row=2, values_only=True)]
    assert len(ids) > 2
    assert all(str(one).startswith("iii") and str(one).endswith("“long texts”]") for one in ids)


def test_an_old_version_without_status_is_exported_as_ok(version: Version, tmp_path: Path) -> None:
    edit(version, lambda _: {"status": None})
    assert {row["status"] for row in as_rows(version, "csv", tmp_path)} == {"ok"}


def test_a_kept_column_called_story_is_refused(tmp_path: Path) -> None:
    articles = [article(1) | {"story": "x"}]
    version = publish(tmp_path, articles, sources=[{"path": "feed.jsonl", "keep": ["story"]}])
    with pytest.raises(UsageError, match=r"rename it in sources\.keep"):
        export(version, to="csv", output=None)


def test_the_command_writes_a_file_or_stdout(version: Version, tmp_path: Path) -> None:
    done = tomdich("export", version.folder, "--to", "csv", cwd=tmp_path)
    assert done.stdout.strip() == f"night-{version.folder.name}.csv"
    assert (tmp_path / done.stdout.strip()).is_file()
    piped = tomdich("export", version.folder, "--to", "jsonl", "-o", "-", cwd=tmp_path)
    assert [json.loads(line)["id"] for line in piped.stdout.splitlines()] == ["a0", "a1", "copy"]
    assert tomdich("export", version.folder, cwd=tmp_path).returncode == 2
