"""What `tomdich show` prints: held records marked, what a flag is about in its color, nothing that acts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.commands.show import print_failures, print_jsonl, print_record, side_by_side
from pipeline.records import Flag
from pipeline.report.rows import listed
from pipeline.runner.publishing import written
from pipeline.storage import versions
from pipeline.storage.rows import rows
from pipeline.tally import Tally
from tests.records import translated

FLAGS = (
    Flag(check="copied_lead", field="summary", start=0, end=12, message="is the lead", severity="note"),
    Flag(check="number", field="summary", start=17, end=22, message="a number changed", severity="error"),
    Flag(
        check="number",
        field="translation",
        start=20,
        end=29,
        message="a number changed",
        expected="2 trillion",
        found="2 billion",
        severity="error",
    ),
)
RECORD = translated(
    ("Trời mưa to.", "It rained."),
    ("Chi 2.000 tỷ đồng.", "It costs 2 billion."),
    title="Mưa to",
    title_translation="Heavy rain",
    flags=FLAGS,
    status="hold",
)
RED = "\x1b[4;31m"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def version(tmp_path: Path) -> versions.Version:
    """Return a version of three records, the second of them held back."""
    records = [replace(RECORD, article=replace(RECORD.article, id=name, title=f"Tin {name}")) for name in "abc"]
    records[0] = replace(records[0], status="ok", flags=())
    records[2] = replace(records[2], status="ok", flags=())
    with versions.locked(tmp_path, "night", wait=0) as experiment:
        staged = experiment.stage()
        assert [row.id for row in written(records, folder=staged / "data", keep=())] == ["a", "b", "c"]
        counts = {"records": 3, "held": 1}
        return experiment.publish(staged, manifest={"recipe": "0" * 64, "counts": counts})


@pytest.fixture
def old(version: versions.Version) -> versions.Version:
    """Return the version as one of before a record had a status and a flag a severity."""
    (path,) = (version.folder / "data").glob("*.parquet")
    listed = pq.read_table(path).drop_columns(["status"]).to_pylist()
    for row in listed:
        for flag in row["flags"]:
            del flag["severity"]
    path.chmod(0o644)
    pq.write_table(pa.Table.from_pylist(listed), path)
    return version


def test_an_old_version_reads_as_one_without_holds_whose_flags_are_warnings(
    old: versions.Version, capsys: pytest.CaptureFixture[str]
) -> None:
    side_by_side(old, limit=None)
    assert "⚑ number" in capsys.readouterr().out
    read = list(rows(old))
    assert [row.status for row in read] == ["ok"] * 3
    assert [flag.severity for row in read for flag in row.flags] == ["warning"] * len(FLAGS)
    assert listed(read[0], order=0, sources=[], second="")["hold"] is False
    tally = Tally()
    for row in read:
        tally.add(row)
    assert {severity for _, severity in tally.flags} == {"warning"}
    assert tally.held == 0


def test_what_a_flag_is_about_is_underlined_in_its_color(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_record(RECORD)
    shown = capsys.readouterr().out
    assert "\x1b[1;37;41m HOLD \x1b[0m \x1b[1mMưa to\x1b[0m" in shown
    assert f"{RED}2.000\x1b" in shown
    assert f"{RED}2 billion\x1b" in shown
    for color, words in (("31", "⚑ number"), ("34", "⚑ copied_lead")):
        assert f"\x1b[{color}m{words}\x1b[0m (" in shown


def test_a_flag_says_what_was_expected_and_what_was_found_errors_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(RECORD)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "⚑" in line]
    assert lines == [
        "⚑ number (summary): a number changed",
        "⚑ number (translation): a number changed · expected 2 trillion, found 2 billion",
        "⚑ copied_lead (summary): is the lead",
    ]


def test_no_colors_where_nobody_sees_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(RECORD)
    assert "\x1b" not in capsys.readouterr().out


def test_only_the_held_records(capsys: pytest.CaptureFixture[str], version: versions.Version) -> None:
    side_by_side(version, limit=None, held=True)
    shown = capsys.readouterr().out
    assert ("HOLD  Tin b" in shown, "Tin a" in shown) == (True, False)
    print_jsonl(version, limit=None, held=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["id"] == "b"


def test_the_rest_is_told(capsys: pytest.CaptureFixture[str], version: versions.Version) -> None:
    side_by_side(version, limit=1)
    assert "… and 2 more" in capsys.readouterr().out


def test_failures_are_written_out_too(capsys: pytest.CaptureFixture[str], version: versions.Version) -> None:
    hostile = "x\x1b[2J\x9b\u202e"
    failure = {"stage": "load", "kind": "empty", "id": hostile, "message": f"[red]{hostile}", "rejected": True}
    source = {"path": hostile, "row": 1}
    (version.folder / "failures.jsonl").write_text(json.dumps(failure | {"source": source}), encoding="utf-8")
    print_failures(version, limit=None, as_jsonl=False)
    shown = capsys.readouterr().out
    assert not set(hostile) - {*"x[2J"} & set(shown)
    assert shown.count(r"x\u001b[2J\u009b\u202e") == 3
    assert "[red]x" in shown


def test_a_record_without_a_title_shows_its_id_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    article = replace(RECORD.article, id="x\x1b[2J", title="")
    print_record(replace(RECORD, article=article, title_translation=""))
    assert r"x\u001b[2J" in capsys.readouterr().out


def test_what_could_act_in_a_terminal_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "Mưa \x1b]0;owned\x07to \u202egnp"
    article = replace(RECORD.article, title=hostile, text=hostile, outlet=hostile, url="")
    flag = Flag(check="name", field="title", start=0, end=3, message=hostile, found=hostile)
    print_record(replace(RECORD, article=article, title_translation=hostile, flags=(flag,)))
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "\\u202e" in shown
