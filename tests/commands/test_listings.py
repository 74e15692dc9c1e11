"""What the listings print: JSON for programs, whole names for people, and names that find a version again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from pipeline.evaluation.tables import print_fitted
from tests.conftest import article, write_feed
from tests.conftest import tomdich_in_process as tomdich


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Path:
    """Return a folder with a config, and a feed of two articles and one that is too short."""
    write_feed(tmp_path / "feed.jsonl", [article(1), article(2), {"id": "short", "text": "Ngắn."}])
    make_config()
    return tmp_path


def command(folder: Path, *arguments: str) -> str:
    done = tomdich(*arguments, "--outputs", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_shows_edition_and_scope_and_tells_a_program_more(night: Path) -> None:
    for day in ("2026-11-22", "2026-11-23"):
        command(night, "run", "night.yaml", "--edition", day)
    command(night, "run", "night.yaml", "--edition", "2026-11-22", "--revise", "--force")
    heading, *lines = command(night, "runs").splitlines()
    assert heading.split()[:3] == ["version", "edition", "scope"]
    assert [line.split()[1:3] + line.split()[8:] for line in lines] == [
        ["2026-11-22", "full", "superseded"],
        ["2026-11-23", "full", "latest"],
        ["2026-11-22", "revised"],
    ]
    listed: list[dict[str, Any]] = json.loads(command(night, "runs", "night", "--json"))
    assert [(one["edition"], one["scope"], one["latest"], one["superseded"]) for one in listed] == [
        ("2026-11-22", "full", False, True),
        ("2026-11-23", "full", True, False),
        ("2026-11-22", "revised", False, False),
    ]
    assert listed[2]["supersedes"] == [listed[0]["version"].removeprefix("night/")]
    assert (night / listed[0]["path"] / "manifest.json").is_file()
    assert listed[0]["counts"]["records"] == 2


def test_no_run_is_an_empty_list(tmp_path: Path) -> None:
    assert json.loads(command(tmp_path, "runs", "--json")) == []


def test_what_runs_prints_is_a_version(night: Path) -> None:
    command(night, "run", "night.yaml")
    whole = command(night, "runs").splitlines()[1].split()[0]
    stamp, digest = whole.removeprefix("night/").split("-")
    for name in (whole, f"{stamp}-{digest}", stamp, digest, digest[:5], f"night/{digest}", f"night/{stamp}"):
        assert command(night, "verify", name).startswith(f"{whole}: all ")
    command(night, "run", "night.yaml", "--force")
    several = tomdich("verify", digest, "--outputs", "out", cwd=night)
    assert several.returncode == 2
    assert f"{digest}: several match; name one of them whole: {whole}, night/" in several.stderr
    for name in ("0123abcd", "night/0123abcd", "20010101T000000Z"):
        none = tomdich("verify", name, "--outputs", "out", cwd=night)
        assert none.returncode == 2
        assert "there are: " in none.stderr


def test_an_experiment_whose_name_reads_as_a_digest_is_meant_first(
    night: Path, make_config: Callable[..., Path]
) -> None:
    command(night, "run", "night.yaml")
    digest = command(night, "runs").splitlines()[1].split()[0].split("-")[1]
    make_config(name=digest)
    command(night, "run", "night.yaml")
    assert command(night, "verify", digest).startswith(f"{digest}/")


def test_plan_and_check_tell_a_program_what_they_tell_a_person(night: Path) -> None:
    planned = json.loads(command(night, "plan", "night.yaml", "--json"))
    assert (planned["read"], planned["articles"], planned["rejected"], planned["failed"]) == (3, 2, 1, 0)
    assert planned["stages"]["summarize"]["missing"] == 2
    assert planned["models"]["translate"]["engine"] == "fake"
    assert [one["kind"] for one in planned["listed"]] == ["short"]
    checked = json.loads(command(night, "check", "night.yaml", "--json"))
    assert checked["ready"]
    assert any(one["what"].startswith("source ") for one in checked["findings"])
    (night / "feed.jsonl").unlink()
    broken = tomdich("check", "night.yaml", "--outputs", "out", "--json", cwd=night)
    assert broken.returncode == 2
    told = json.loads(broken.stdout)
    assert not told["ready"]
    assert any(one["problem"] and "no such file" in one["message"] for one in told["findings"])


def test_models_as_json_names_every_checkpoint_of_the_catalog(tmp_path: Path) -> None:
    found = json.loads(tomdich("models", "--json", cwd=tmp_path).stdout)
    bundled = next(one for one in found if one["model"] == "bundled/summarizer")
    assert (bundled["stage"], bundled["present"], bundled["commits"]) == ("summarize", True, [])


def test_lines_are_whole_where_no_terminal_is(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = tomdich("models", cwd=night).stdout.splitlines()
    assert len(listed) == 1 + len(json.loads(tomdich("models", "--json", cwd=night).stdout))
    assert any("VietAI/vit5-large-vietnews-summarization" in line for line in listed)
    long = {"id": "x" * 70, "text": "Ngắn."}
    write_feed(night / "feed.jsonl", [article(1), long])
    command(night, "run", "night.yaml")
    heading, line = command(night, "show", "night", "--failures").splitlines()
    assert "message" in heading
    assert long["id"] in line
    assert f"{night / 'feed.jsonl'}:1" in line


@pytest.mark.parametrize("terminal", [True, False])
def test_a_column_of_names_is_whole_on_a_narrow_screen_and_prose_is_folded_there(terminal: bool) -> None:
    grid = Table(box=None, pad_edge=False)
    grid.add_column("name", no_wrap=True)
    grid.add_column("note", overflow="fold", min_width=10)
    grid.add_row("a-name-of-thirty-six-characters-x-y-z", "some words that need more than one line")
    out = io.StringIO()
    print_fitted(grid, console=Console(file=out, width=40, force_terminal=terminal, color_system=None))
    lines = out.getvalue().splitlines()
    assert lines[1].startswith("a-name-of-thirty-six-characters-x-y-z ")
    assert (len(lines) > 2) is terminal
    assert terminal or lines[1].endswith("some words that need more than one line")
