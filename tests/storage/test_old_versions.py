"""A version that tomdich 0.1.0 wrote: every reader still reads it, and `forget` still rewrites it.

`tests/data/versions/0.1.0` is the folder of outputs of a run of that release on the fake engine: three rows of a feed
with a kept column, a pasted page, a rejected row, a duplicate and a damaged line.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from openpyxl import load_workbook

from pipeline.commands.forget import forget
from pipeline.commands.listings import runs
from pipeline.commands.show import print_failures, print_jsonl, print_runs, side_by_side
from pipeline.evaluation import compare as comparison
from pipeline.evaluation import evaluate as evaluation
from pipeline.export import brief, spreadsheets
from pipeline.records import Origin, Sentence, SetAsideLine
from pipeline.storage import editions, versions
from pipeline.storage.published import open_published, read_published
from pipeline.storage.rows import arrow_schema, as_json, failures, kept_column_names, rows
from pipeline.storage.versions import Version
from tests.conftest import tomdich

WRITTEN = Path(__file__).parents[1] / "data" / "versions" / "0.1.0"
PAGE = "a8f37ed85ab6ea05"  # the id of the pasted page
IDS = ["muoi-1", "cau-2", "che-3", PAGE]
ADDED = {"repaired", "article_sentences", "article_translation"}  # columns, since 0.1.0
KEPT = ["Kinh tế", None, "Xã hội", "Văn hóa"]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WRITTEN, tmp_path / "out", symlinks=True))


@pytest.fixture
def version(outputs: Path) -> Version:
    return versions.find(outputs, "night")


def ids(version: Version) -> list[str]:
    return [row.id for row in rows(version)]


def test_its_columns_are_those_of_today_to_which_some_were_added(version: Version, tmp_path: Path) -> None:
    schema = pq.read_schema(version.folder / "data" / "articles-00000.parquet")
    pq.write_table(
        arrow_schema(("section",)).empty_table(), tmp_path / "today.parquet"
    )  # Parquet names list items anew
    today = pq.read_schema(tmp_path / "today.parquet")
    assert schema.metadata == today.metadata
    assert [name for name in today.names if name in schema.names] == schema.names
    assert set(today.names) - set(schema.names) == ADDED
    for name in schema.names:
        assert is_part(schema.field(name).type, today.field(name).type), name
    assert kept_column_names(version) == ("section",)


def is_part(old: pa.DataType, new: pa.DataType) -> bool:
    """Whether the type is equal, or its structs have more fields now."""
    if isinstance(old, pa.ListType):
        return isinstance(new, pa.ListType) and is_part(old.value_type, new.value_type)
    if isinstance(old, pa.StructType):
        assert isinstance(new, pa.StructType)
        return all(is_part(one.type, new.field(new.get_field_index(one.name)).type) for one in old)
    return bool(old == new)


def test_rows_have_every_value(version: Version) -> None:
    first, second, _, page = rows(version)
    assert first.source == Origin("/tmp/news/feed.jsonl", 0, "utf-8")
    assert (first.outlet, first.published, first.status) == ("Báo Ví Dụ", "2026-11-23T05:00:00+07:00", "hold")
    assert first.reference_summary == "Xã Vĩnh Lạc khởi công kho muối 12 tỷ đồng."
    sentence = "Xã Vĩnh Lạc khởi công kho muối 12 tỷ đồng vào sáng 3/11."
    assert first.sentences == (Sentence(sentence, sentence),)
    assert [(flag.check, flag.field, flag.severity) for flag in first.flags] == [
        ("number", "title_translation", "error"),
        ("number", "translation", "error"),
        ("vietnamese_left", "title_translation", "error"),
        ("vietnamese_left", "translation", "error"),
        ("copied_lead", "summary", "note"),
    ]
    assert (first.flags[0].expected, first.flags[0].found) == ("12 billion dong", "12")
    assert [(call.stage, call.round, call.finished, call.score) for call in first.calls] == [
        ("summarize", 0, True, None),
        ("translate", 0, True, None),
        ("translate", 0, True, None),
    ]
    assert second.source.repairs == ("nfc",)
    assert [row.kept["section"] for row in rows(version)] == KEPT
    assert SetAsideLine("caption", "Khung dệt cũ của làng Dâu được sửa lại. Ảnh: Lê Mẫu") in page.set_aside


def test_failures(version: Version) -> None:
    assert [(one.category, one.kind, one.id, one.source.row) for one in failures(version)] == [
        ("rejected", "short", "kem-4", 3),
        ("damaged", "bad_row", "", 5),
        ("duplicate", "duplicate", "muoi-1b", 4),
    ]


def test_its_files_are_as_published(version: Version) -> None:
    versions.verify(version)


def test_show(version: Version, outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    side_by_side(version, limit=None)
    shown = capsys.readouterr().out
    assert "Làng Dâu phục dựng nghề dệt chiếu" in shown
    assert "⚑ number" in shown
    print_jsonl(version, limit=None)
    assert [json.loads(line)["section"] for line in capsys.readouterr().out.splitlines()] == KEPT
    print_failures(version, limit=None, as_jsonl=True)
    assert capsys.readouterr().out == (version.folder / "failures.jsonl").read_text(encoding="utf-8")
    listed = [(outputs / "night", [version])]
    print_runs(listed)
    assert version.name in capsys.readouterr().out
    assert json.loads(runs(listed))[0]["counts"]["held"] == 1


def test_exports(version: Version, tmp_path: Path) -> None:
    found = {
        to: spreadsheets.export(version, to=to, output=tmp_path / f"night.{to}") for to in ("csv", "xlsx", "jsonl")
    }
    lines = [json.loads(line) for line in found["jsonl"].read_text(encoding="utf-8").splitlines()]
    assert lines == [json.loads(json.dumps(as_json(row))) | {"story": row.id} for row in rows(version)]
    assert found["csv"].read_text(encoding="utf-8-sig").startswith("id,status,story,published,outlet,title,")
    sheet = load_workbook(found["xlsx"])["records"]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == IDS


@pytest.mark.parametrize("to", ["html", "docx", "md"])
def test_briefs(version: Version, tmp_path: Path, to: brief.Format) -> None:
    path = brief.write(version, to=to, watch=None, hold="mark", title=None, output=tmp_path / f"night.{to}")
    if to != "docx":
        assert "Làng Dâu phục dựng nghề dệt chiếu cói" in path.read_text(encoding="utf-8")
    assert path.stat().st_size > 1_000


def test_eval_and_compare(version: Version) -> None:
    found = evaluation.evaluate(version)
    assert (found.records, found.held, found.flagged) == (4, 1, 4)
    assert [one.score.texts for one in found.summaries] == [1] * 9
    assert [one.source_tokens_per_second is not None for one in found.throughput] == [False, True, True, False, False]
    same = comparison.compare(version, version, records=3)
    assert (same.common, same.changes, same.apart) == (4, (), ())
    assert [flag.a for flag in same.flags] == [flag.b for flag in same.flags] == [8, 2, 3]


def test_load_dataset(version: Version, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(version.folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(found["id"]) == IDS
    assert set(found.features) == {*arrow_schema(("section",)).names} - ADDED


def test_the_list_of_what_was_published_and_the_edition(version: Version, outputs: Path) -> None:
    with read_published(outputs / "night", [version]) as published:
        assert published.texts("cau-2") == {next(row.text_sha256 for row in rows(version) if row.id == "cau-2")}
    assert editions.find(outputs, "night@2026-11-23").name == version.name
    union = editions.union("night@2026-11-23", [version, version])
    assert [row.id for row in rows(union)] == IDS
    assert union.manifest["counts"]["damaged"] == 1


def test_its_config_runs_again(version: Version, outputs: Path, tmp_path: Path) -> None:
    """The same recipe as then is not promised (the checks have changed since), but the config is read."""
    config = yaml.safe_load((version.folder / "config.yaml").read_text(encoding="utf-8"))
    config["sources"] = [{"path": "feed.jsonl"}]
    (tmp_path / "night.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    feed = [{"id": row.id, "title": row.title, "text": row.article} for row in rows(version)]
    lines = (
        json.dumps(one, ensure_ascii=False) + "\n" for one in [*feed, feed[0] | {"id": "moi", "text": "Tin mới. " * 9}]
    )
    (tmp_path / "feed.jsonl").write_text("".join(lines), encoding="utf-8")
    done = tomdich("run", "night.yaml", "--only-new", "--outputs", outputs, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ids(versions.versions(outputs / "night")[-1]) == ["moi"]


@pytest.mark.usefixtures("no_messages")
def test_forget_rewrites_it(version: Version, outputs: Path) -> None:
    before = [row for row in rows(version) if row.id != PAGE]
    with open_published(outputs / "night", [version]):
        pass
    found = forget(outputs, PAGE, delete=True, wait=0)
    assert [holding.version.name for holding in found.holdings] == [version.name]
    rewritten = versions.find(outputs, "night")
    versions.verify(rewritten)
    assert list(rows(rewritten)) == before
    assert rewritten.manifest["counts"]["records"] == 3
    assert not [
        path
        for path in rewritten.folder.rglob("*")
        if path.is_file() and b"L\xc3\xaa M\xe1\xba\xabu" in path.read_bytes()
    ]
