"""JSON that is not JSON lines, CSV with other line ends, datasets whose files differ: read, or refused with a message."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError, UnavailableError
from pipeline.sources import byte_streams, json_values
from tests.sources.test_sources import TEXTS, Reading, jsonl, three, write

ROWS = [{"id": f"n{number}", "text": text, "tags": ["a,]}", {"b": '\\"['}]} for number, text in enumerate(TEXTS)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_json_array_is_read_item_by_item_whatever_it_is_called(
    tmp_path: Path, name: str, indent: int | None, encoding: str
) -> None:
    text = json.dumps(ROWS, ensure_ascii=False, indent=indent)
    read = Reading(write(tmp_path / name, text.encode(encoding)), keep=("tags",))
    assert read.texts == TEXTS
    assert [article.id for article in read.articles] == ["n0", "n1", "n2"]
    assert [article.extra["tags"] for article in read.articles] == [row["tags"] for row in ROWS]
    assert [article.source.row for article in read.articles] == [0, 1, 2]


def test_a_json_file_may_hold_lines_or_one_object(tmp_path: Path) -> None:
    assert Reading(write(tmp_path / "lines.json", three())).texts == TEXTS
    assert Reading(write(tmp_path / "one.json", json.dumps(ROWS[0], indent=2))).texts == TEXTS[:1]
    cut = three().replace(TEXTS[1] + '"}', TEXTS[1])  # a line that is cut off costs itself, as in .jsonl
    read = Reading(write(tmp_path / "cut.json", cut))
    assert read.texts == [TEXTS[0], TEXTS[2]]
    assert "line 2: not valid JSON" in read.failures[0].message


def test_an_item_that_is_no_object_is_damaged_and_the_next_is_read(tmp_path: Path) -> None:
    read = Reading(write(tmp_path / "a.json", json.dumps([ROWS[0], "tin", None, ROWS[1]], ensure_ascii=False)))
    assert read.texts == TEXTS[:2]
    assert [failure.category for failure in read.failures] == ["damaged"] * 2
    assert "a.json: item 2: a JSON object is wanted, not str" in read.failures[0].message


def test_a_json_array_that_is_cut_short_is_no_whole_source(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps(ROWS, ensure_ascii=False)[:-40])
    with pytest.raises(UnavailableError, match=r"a\.json: the JSON ends inside"):
        Reading(path)
    read = Reading(path, optional=True)
    assert read.texts == TEXTS[:2]
    assert "the JSON ends inside" in read.warnings[0]


def test_an_item_too_long_for_an_article_costs_itself_and_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as out:
        out.write(b'[{"text": "')
        for _ in range(40):
            out.write(b"a" * 1024 * 1024)
        out.write(b'"},' + json.dumps(ROWS[0]).encode() + b"]")
    read = Reading(path)
    assert read.texts == TEXTS[:1]
    assert f"item 1: longer than {byte_streams.MEGABYTES} MiB" in read.failures[0].message


@given(st.lists(JSON, max_size=5) | st.dictionaries(st.text(), JSON), st.integers(1, 9), st.sampled_from([None, 1]))
def test_the_values_of_any_json_text_are_found_in_pieces_of_any_size(value: Any, size: int, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False).encode()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = [json.loads(one) for one in json_values.values(pieces, name="a.json") if one is not None]
    assert found == (value if isinstance(value, list) else [value])


def test_json_on_stdin_is_told_by_its_first_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(json.dumps(ROWS).encode())))
    assert Reading("-").texts == TEXTS


def test_lines_that_end_in_a_carriage_return_are_lines(tmp_path: Path) -> None:
    table = f'id,text\rn0,"{TEXTS[0]}"\rn1,"{TEXTS[1]}\nHai."\r'
    read = Reading(write(tmp_path / "a.csv", table))
    assert read.texts == [TEXTS[0], f"{TEXTS[1]}\nHai."]
    assert Reading(write(tmp_path / "a.jsonl", three().replace("\n", "\r"))).texts == TEXTS
    assert Reading(write(tmp_path / "b.jsonl", three().replace("\n", "\r\n"))).texts == TEXTS


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("n0,một\rhai", "line 2: a carriage return is inside a field; put the field in quotes"),
        ('n0,"một"hai', "line 2: text follows the closing quote of a field; double the quotes inside it"),
        ('n0,"một', "line 2: a quote is opened and never closed"),
    ],
)
def test_what_is_wrong_with_a_csv_row_is_said_in_words_of_the_file(tmp_path: Path, row: str, told: str) -> None:
    read = Reading(write(tmp_path / "a.csv", f"id,text\n{row}\n"))
    (failure,) = read.failures
    assert told in failure.message


def test_a_column_that_only_a_later_file_has_stops_neither_a_folder_nor_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "d" / "a.jsonl", jsonl({"id": "a", "text": TEXTS[0]}))
    write(tmp_path / "d" / "b.jsonl", jsonl({"id": "b", "text": TEXTS[1], "extra": "x"}))
    for read in (Reading(tmp_path / "d"), Reading(dataset=str(tmp_path / "d"))):
        assert [article.id for article in read.articles] == ["a", "b"]
    with pytest.raises(SourceError, match="`keep` asks for 'extar', which does not exist; did you mean 'extra'"):
        Reading(dataset=str(tmp_path / "d"), keep=("extar",))
