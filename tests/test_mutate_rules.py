"""The mutation tool notices what it should: an entry with an example counts as tested, one without is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutate_rules import Bench, entries_of_rules, entries_of_table, unnoticed

TABLE = """
[words]
quiet = true
most = 3
examples = ["không"]

[words.told]
"cấm" = "ban"
"bỏ" = "leave"
"ca|vụ" = "case|incident"
"""
CODE = """
import functools, tomllib
from pathlib import Path

def read():
    return tomllib.loads(Path(__file__).with_name("names.toml").read_text("utf-8"))["words"]

{read}

def told(word):
    words = table()
    in_table = {{one: rendering.split("|") for key, rendering in words["told"].items() for one in key.split("|")}}
    return in_table.get(word, [])
"""
TEST = """
import pytest
from {package}.code import told, table

@pytest.mark.parametrize(("word", "english"), [("cấm", "ban"), ("ca", "case"), ("vụ", "incident")])
def test_told(word, english):
    assert english in told(word)

@pytest.mark.parametrize("word", ["mưa", pytest.param("gió")])
def test_nothing_else_is_told(word):
    assert told(word) == []

def test_with_a_fixture(tmp_path):
    raise AssertionError("not called: it needs a fixture")

def test_settings():
    assert table()["quiet"] and table()["most"] == 3
"""
LAZY = "@functools.cache\ndef table():\n    return read()"
AT_IMPORT = "TABLE = read()\ndef table():\n    return TABLE"


@pytest.mark.parametrize(("package", "read"), [("sample_lazy", LAZY), ("sample_eager", AT_IMPORT)])
def test_an_entry_without_an_example_is_reported(
    package: str, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / package
    folder.mkdir()
    (folder / "names.toml").write_text(TABLE, encoding="utf-8")  # a table of this name parts its strings at |
    (folder / "code.py").write_text(CODE.format(read=read), encoding="utf-8")
    (folder / "cases.py").write_text(TEST.format(package=package), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entries = list(entries_of_table(folder / "names.toml"))
    lines: list[str] = []
    with Bench([f"{package}.cases"], [package]) as bench:
        found = unnoticed(bench, entries, lines.append)

    assert bench.failed == []
    assert [entry.text for entry in entries] == [
        "quiet = true",
        "most = 3",
        "cấm",
        "ban",
        "bỏ",
        "leave",
        "ca",
        "vụ",
        "case",
        "incident",
    ]
    here = folder / "names.toml"
    assert [str(entry) for entry in found] == [f"{here}: words.told.bỏ: bỏ", f"{here}: words.told.bỏ: leave"]
    assert lines == [f"{entry}: no test notices its loss" for entry in found]


def test_a_rule_that_no_test_reads_is_reported() -> None:
    rules = {rule.name: rule for rule in entries_of_rules()}
    with Bench(["tests.quantities.test_examples"], ["no.module"]) as bench:
        assert bench.failed == []
        assert bench.notices(rules["Vietnamese: whole date"])
    with Bench(["tests.quantities"], ["no.module"]) as bench:
        assert not bench.notices(rules["Vietnamese: whole date"])
