"""Labels: tags and a note of a version, edited beside it; the version and its recipe stay as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError, WorldError
from pipeline.storage import labels, versions
from tests.conftest import article, write_feed
from tests.conftest import tomdich_in_process as tomdich


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Path:
    """Return a folder with a config and a feed of two articles."""
    write_feed(tmp_path / "feed.jsonl", [article(1), article(2)])
    make_config()
    return tmp_path


def command(folder: Path, *arguments: str, code: int = 0) -> str:
    done = tomdich(*arguments, "--outputs", "out", cwd=folder)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def listed(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command(folder, "runs", "--json", *arguments))
    return found


def test_a_run_tags_its_version_and_tags_can_be_edited_later(night: Path) -> None:
    command(night, "run", "night.yaml", "--tag", "thử", "--tag", "paper", "--note", "hạn chót 1/12")
    (version,) = versions.versions(night / "out" / "night")
    assert labels.read(version) == labels.Labels(("thử", "paper"), "hạn chót 1/12")
    shown = command(night, "tag", "night", "--add", "final", "--remove", "paper", "--note", "đã nộp")
    assert shown == f"{version.name}: thử, final\nđã nộp\n"
    assert command(night, "tag", "night") == shown
    command(night, "tag", "night", "--note", "")
    assert labels.read(version) == labels.Labels(("thử", "final"))
    versions.verify(version)  # its files are as published


def test_a_run_that_changes_nothing_tags_the_version_that_is_there(night: Path) -> None:
    command(night, "run", "night.yaml", "--note", "first")
    command(night, "run", "night.yaml", "--tag", "again")
    (one,) = listed(night)
    assert (one["tags"], one["note"]) == (["again"], "first")


def test_runs_lists_the_versions_that_have_every_tag(night: Path) -> None:
    command(night, "run", "night.yaml", "--tag", "a", "--tag", "b")
    command(night, "run", "night.yaml", "--force", "--tag", "a")
    assert len(listed(night, "--tag", "a")) == 2
    assert [one["tags"] for one in listed(night, "--tag", "b", "--tag", "a")] == [["a", "b"]]
    assert listed(night, "--tag", "c") == []
    heading, *rows = command(night, "runs", "--tag", "b").splitlines()
    assert heading.split()[-1] == "tags"
    assert len(rows) == 1
    assert command(night, "runs", "--tag", "c") == "no version here has c\n"


def test_a_deleted_version_leaves_no_labels(night: Path) -> None:
    command(night, "run", "night.yaml", "--tag", "old")
    command(night, "run", "night.yaml", "--force")
    assert len(list((night / "out" / "night" / ".labels").glob("*.json"))) == 1
    command(night, "prune", "night", "--keep", "1", "--yes")
    assert list((night / "out" / "night" / ".labels").glob("*.json")) == []


@pytest.mark.parametrize("tag", ["", "two words", "cell=x", "-x", "x" * 65, "a/b"])
def test_a_tag_that_is_none_is_refused(night: Path, tag: str) -> None:
    assert "a tag begins with" in command(night, "run", "night.yaml", f"--tag={tag}", code=2)
    with pytest.raises(UsageError):
        labels.person_tag(tag)


def test_a_damaged_file_is_named(night: Path) -> None:
    command(night, "run", "night.yaml", "--tag", "a")
    (path,) = (night / "out" / "night" / ".labels").glob("*.json")
    path.write_text("{")
    assert f"{path.relative_to(night)}: cannot be read" in command(night, "runs", code=1)
    (version,) = versions.versions(night / "out" / "night")
    with pytest.raises(WorldError, match="correct it, or remove it"):
        labels.read(version)


def test_the_cells_of_a_matrix_are_found_by_their_tags(night: Path) -> None:
    for _ in range(3):
        command(night, "run", "night.yaml", "--force")
    one, two, three = versions.versions(night / "out" / "night")
    labels.edit(one, add=labels.cell_tags("beams", "num_beams=1", is_baseline=True))
    labels.edit(two, add=labels.cell_tags("beams", "num_beams=4", is_baseline=False))
    labels.edit(two, add=labels.cell_tags("lengths", "max=9", is_baseline=True))
    there = [one, two, three]
    assert [(cell.name, cell.version, cell.is_baseline) for cell in labels.cells(there, "beams")] == [
        ("num_beams=1", one, True),
        ("num_beams=4", two, False),
    ]
    assert [cell.name for cell in labels.cells(there, "lengths")] == ["max=9"]
    assert labels.cells(there, "none") == []
