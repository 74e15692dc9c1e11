"""Reading rows and failures back: whole, as a projection, and with an error that names what is damaged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import DifferenceError
from pipeline.records import Flag, Origin, PublishedRow, SetAsideLine
from pipeline.storage.editions import union
from pipeline.storage.rows import ArticleKey, arrow_schema, as_json, failures, kept_column_names, rows
from pipeline.storage.versions import Version

FLAG = Flag(check="number", field="translation", start=0, end=3, message="changed", severity="error")
ROW = PublishedRow(
    id="a", article="Thân bài.", text_sha256="0" * 64, source=Origin("feed.jsonl", 2**40, None, ("nfc",)),
    set_aside=(SetAsideLine("caption", "Ảnh"),), flags=(FLAG,), kept={"section": "Xã hội", "desk": None},
)  # fmt: skip
DATA = Path("data") / "articles-00000.parquet"


@pytest.fixture
def version(tmp_path: Path) -> Version:
    (tmp_path / "data").mkdir()
    write(tmp_path, [ROW], keep=("section", "desk"))
    (tmp_path / "failures.jsonl").write_text("", encoding="utf-8")
    return Version(tmp_path, {"recipe": "r", "signature": "s"})


def write(folder: Path, listed: list[PublishedRow], *, keep: tuple[str, ...] = ()) -> None:
    table = pa.Table.from_pylist([as_json(row) for row in listed], schema=arrow_schema(keep))
    pq.write_table(table, folder / DATA)


def test_a_row_reads_back_as_it_was_written(version: Version) -> None:
    assert list(rows(version)) == [ROW]
    assert kept_column_names(version) == ("section", "desk")
    assert list(as_json(ROW))[-3:] == ["article_sentences", "section", "desk"]


def test_a_projection_has_its_columns_only_and_an_edition_reads_the_id_for_it(version: Version) -> None:
    @dataclass(frozen=True)
    class Flagged:
        flags: tuple[Flag, ...] = ()

    assert list(rows(version, ArticleKey)) == [ArticleKey("a", "0" * 64)]
    edition = union("night@2026-11-23", [version])
    assert list(rows(edition, Flagged)) == [Flagged((FLAG,))]
    assert kept_column_names(edition) == ("section", "desk")


def test_a_projection_of_what_is_no_column_is_refused(version: Version) -> None:
    @dataclass(frozen=True)
    class Wrong:
        id: int = 0

    with pytest.raises(AssertionError, match="Wrong is no projection"):
        next(rows(version, Wrong))


def test_a_column_that_is_absent_or_null_has_its_default(version: Version) -> None:
    table = pq.read_table(version.folder / DATA).drop_columns(["outlet", "status", "section", "desk"])
    table = table.set_column(table.schema.get_field_index("title"), "title", pa.nulls(1, pa.string()))
    pq.write_table(table, version.folder / DATA)
    (row,) = rows(version)
    assert (row.outlet, row.status, row.title, row.kept) == ("", "ok", "", {})


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("status", pa.array(["perhaps"]), r"Invalid enum value 'perhaps'"),
        ("id", pa.array([7]), r"Expected `str`, got `int`"),
    ],
)
def test_a_value_that_no_row_has_is_named_with_its_file_and_record(
    version: Version, column: str, value: Any, said: str
) -> None:
    table = pq.read_table(version.folder / DATA)
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, value), version.folder / DATA)
    with pytest.raises(DifferenceError, match=rf"articles-00000.parquet: record .*: {said}.*tomdich verify"):
        list(rows(version))


def test_a_column_that_every_row_needs_is_named(version: Version) -> None:
    pq.write_table(pq.read_table(version.folder / DATA).drop_columns(["article"]), version.folder / DATA)
    with pytest.raises(DifferenceError, match=r"record 'a': Object missing required field `article`"):
        list(rows(version))


def test_a_file_that_is_cut_off_is_named(version: Version) -> None:
    path = version.folder / DATA
    path.write_bytes(path.read_bytes()[:-20])
    for read in (rows, kept_column_names):
        with pytest.raises(DifferenceError, match=r"articles-00000.parquet: .*tomdich verify"):
            list(read(version))


def test_a_line_of_the_failures_that_is_none_is_named(version: Version) -> None:
    whole = {"stage": "load", "kind": "empty", "message": "m", "source": {"path": "f", "row": 0}}
    path = version.folder / "failures.jsonl"
    path.write_text(f"{json.dumps(whole)}\n{json.dumps(whole | {'stage': 'print'})}\n", encoding="utf-8")
    with pytest.raises(DifferenceError, match=r"failures.jsonl:2: Invalid enum value 'print'.*verify"):
        list(failures(version))
    path.unlink()
    with pytest.raises(DifferenceError, match=r"failures.jsonl: No such file or directory; .*verify"):
        list(failures(version))
