"""`tomdich lint` as a person, a program and a code host meet it."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.checks.pairs import MEANINGS
from pipeline.records import SEVERITIES
from tests import examples
from tests.conftest import tomdich_in_process as tomdich

ROOT = Path(__file__).parents[2]
CSV = """\
id,vi,en
a,Có 12 xe ở Huế.,There are 13 cars in Hue.
b,Không ai bị thương.,Nobody was hurt.
c,Xin chào,
d,,
"đ,"hở
"""
SUMMARY = "4 pairs checked, 2 flagged: 2 errors, 1 warning, 0 notes (1 unit that cannot be read); not checked: 1 (both texts are empty)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a table of pairs: one wrong, one right, one not translated, one empty, one damaged, one more."""
    (tmp_path / "cặp câu.csv").write_text(CSV + "e,Hai nhà,Two houses\n", encoding="utf-8")
    return tmp_path


def test_a_person_sees_each_pair_with_its_flags_and_a_table(folder: Path) -> None:
    done = tomdich("lint", "cặp câu.csv", cwd=folder)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:2] == ["line 2 · a", "Có 12 xe ở Huế. There are 13 cars in Hue."]
    assert lines[2].startswith("⚑ number (target): ")
    assert "⚑ empty (target): there is no translation" in lines
    assert any(line.startswith("⚑ unreadable: text follows the closing quote") for line in lines)
    assert lines[-4:] == ["check error warning note", "number 1", "empty 1", "unreadable 1"]
    assert not any("Nobody" in line for line in lines)
    assert f"cặp câu.csv: {SUMMARY}" in done.stderr


@pytest.mark.parametrize(("limit", "code"), [((), 3), (("--max-errors", "1"), 3), (("--max-errors", "2"), 0)])
def test_the_exit_code_says_whether_there_are_more_errors_than_allowed(
    folder: Path, limit: tuple[str, ...], code: int
) -> None:
    done = tomdich("lint", "cặp câu.csv", *limit, cwd=folder)
    assert done.returncode == code
    assert ("more errors than --max-errors allows: 2" in done.stderr) == (code == 3)


def test_a_program_gets_a_line_for_each_flag(folder: Path) -> None:
    done = tomdich("lint", "cặp câu.csv", "--to", "jsonl", cwd=folder)
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert {name: first[name] for name in ("file", "line", "id", "check", "severity", "field", "expected", "found")} == {
        "file": "cặp câu.csv", "line": 2, "id": "a", "check": "number", "severity": "error", "field": "target",
        "expected": "12", "found": "13",
    }  # fmt: skip
    assert first["target"][first["start"] : first["end"]] == "13"
    assert (second["check"], second["id"]) == ("empty", "c")
    assert (third["check"], third["line"], third["severity"], third["source"]) == ("unreadable", 6, "error", "")


# What the schema of SARIF 2.1.0 requires of the objects that are written here, by the property that holds them:
# https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json
REQUIRED: dict[str, dict[str, type]] = {
    "": {"version": str, "runs": list},
    "runs": {"tool": dict},
    "tool": {"driver": dict},
    "driver": {"name": str},
    "rules": {"id": str, "shortDescription": dict, "fullDescription": dict, "help": dict},
    "shortDescription": {"text": str},
    "fullDescription": {"text": str},
    "help": {"text": str},
    "results": {"message": dict},
    "message": {"text": str},
    "invocations": {"executionSuccessful": bool},
    "toolExecutionNotifications": {"message": dict},
}
KNOWN: dict[str, set[str]] = {
    "": {"$schema", "version", "runs"},
    "runs": {"tool", "columnKind", "results", "invocations"},
    "tool": {"driver"},
    "driver": {"name", "version", "rules"},
    "rules": {"id", "shortDescription", "fullDescription", "help"},
    "shortDescription": {"text"},
    "fullDescription": {"text"},
    "help": {"text"},
    "results": {"ruleId", "level", "message", "locations", "properties"},
    "message": {"text"},
    "locations": {"physicalLocation", "logicalLocations"},
    "physicalLocation": {"artifactLocation", "region"},
    "artifactLocation": {"uri"},
    "region": {"startLine"},
    "logicalLocations": {"name", "kind"},
    "invocations": {"executionSuccessful", "toolExecutionNotifications"},
    "toolExecutionNotifications": {"level", "message"},
}


def conform(value: Any, name: str = "") -> None:
    """Assert that a value has what the schema requires, and no property that the schema does not have."""
    if name == "properties":  # a property bag holds anything
        return
    if isinstance(value, list):
        for one in value:
            conform(one, name)
    elif isinstance(value, dict):
        for required, kind in REQUIRED.get(name, {}).items():
            assert isinstance(value.get(required), kind), (name, required)
        assert set(value) <= KNOWN[name], name
        for key, inner in value.items():
            conform(inner, key)


def sarif(done: Any) -> dict[str, Any]:
    """Return the one run of a document that conforms to the schema."""
    document = json.loads(done.stdout)
    conform(document)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert rules == {*MEANINGS, "unreadable"}
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in SEVERITIES
        assert result["locations"][0]["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
    assert isinstance(run, dict)
    return run


def test_a_code_host_gets_sarif_with_lines_and_ids(folder: Path) -> None:
    run = sarif(tomdich("lint", "cặp câu.csv", "--to", "sarif", cwd=folder))
    first, _, third = run["results"]
    (location,) = first["locations"]
    assert location == {
        "physicalLocation": {"artifactLocation": {"uri": "c%E1%BA%B7p%20c%C3%A2u.csv"}, "region": {"startLine": 2}},
        "logicalLocations": [{"name": "a", "kind": "unit"}],
    }
    assert (first["ruleId"], first["level"], first["properties"]["found"]) == ("number", "error", "13")
    assert third["ruleId"] == "unreadable"
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == SUMMARY


def test_sarif_of_a_file_that_ends_too_early_is_whole_and_says_so(tmp_path: Path) -> None:
    text = (
        '<tmx><body><tu><tuv xml:lang="vi"><seg>hai xe</seg></tuv><tuv xml:lang="en"><seg>three cars</seg></tuv></tu>'
    )
    (tmp_path / "a.tmx").write_text(text, encoding="utf-8")
    done = tomdich("lint", tmp_path / "a.tmx", "--to", "sarif", cwd=tmp_path)
    assert done.returncode == 2
    run = sarif(done)
    assert [result["ruleId"] for result in run["results"]] == ["number"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")
    assert run["invocations"][0]["executionSuccessful"] is False
    assert "not valid XML" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_a_file_without_flags_is_exit_0_and_sarif_without_results(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("vi,en\nCó 12 xe.,There are 12 cars.\n", encoding="utf-8")
    done = tomdich("lint", "a.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 pair checked, 0 flagged" in done.stderr
    assert sarif(tomdich("lint", "a.csv", "--to", "sarif", cwd=tmp_path))["results"] == []


def test_a_very_long_text_and_very_many_flags_are_counted_in_the_table_and_whole_for_a_program(tmp_path: Path) -> None:
    english = "Rain on 7 May 1999. " * 5000
    (tmp_path / "a.csv").write_text(f"vi,en\nMưa.,{english}\n", encoding="utf-8")
    done = tomdich("lint", "a.csv", cwd=tmp_path)
    shown = " ".join(done.stdout.split())
    assert "… and 97,999 more characters" in shown
    assert len(done.stdout.splitlines()) < 150
    lines = tomdich("lint", "a.csv", "--to", "jsonl", cwd=tmp_path).stdout.splitlines()
    assert f"… and {len(lines) - 20} more flags: " in shown
    assert json.loads(lines[0])["target"] == english.strip()


def test_what_could_act_in_a_terminal_is_written_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,vi,en\n\x1b[2J,Có 12 xe \x1b[31m,There are 13 cars\n", encoding="utf-8")
    done = tomdich("lint", "a.csv", cwd=tmp_path)
    assert "\x1b[" not in done.stdout
    assert "\\u001b[2J" in done.stdout


def test_the_document_shows_what_its_command_prints(tmp_path: Path) -> None:
    commands, shown, *_ = examples.fences(ROOT / "docs" / "lint.md")
    making, linting = commands.text.rsplit("tomdich ", 1)
    subprocess.run(["bash", "-euc", making], cwd=tmp_path, check=True)
    done = tomdich(*shlex.split(linting), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == shown.text.split()
