"""The documents: the generated ones are what the code says, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.config import Inspect
from pipeline.records import CHECKS, SEVERITIES
from tests import picture, reference
from tests.checks.test_golden_flags import golden
from tests.test_layers import FLOORS


@pytest.mark.parametrize("name", ["cli.md", "configuration.md"])
def test_a_generated_document_is_what_the_code_says(name: str) -> None:
    written = (reference.DOCS / name).read_text(encoding="utf-8")
    assert written == reference.documents()[name], "out of date: python -m tests.reference"


def test_every_command_and_field_is_explained() -> None:
    for name, text in reference.documents().items():
        for line in text.splitlines():
            if line.startswith("| `"):
                assert not line.endswith("|  |"), f"{name}: no help: {line}"


def test_a_generated_document_has_no_html() -> None:
    for name, text in reference.documents().items():
        shown = re.sub(r"`[^`]*`", "", text.replace("```", ""))
        assert not re.search(r"<\w", shown), name


ROOT = reference.DOCS.parent
PAGES = [*ROOT.glob("*.md"), *reference.DOCS.glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_path_that_a_document_names_is_there_and_holds_the_names_behind_it(page: Path) -> None:
    """`pipeline/x.py` (`name`, `other`): the file is there, and both names are in it."""
    text = " ".join(page.read_text(encoding="utf-8").split())
    pattern = r"`((?:pipeline|tests|configs|docs)/[\w/.-]+)`(?: \(((?:`\w+`(?:, )?)+)[^`)]*\))?"
    for path, names in re.findall(pattern, text):
        assert (ROOT / path).exists(), path
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), f"{path} has no {name}"


def test_the_map_names_no_file_by_half_its_path() -> None:
    """A file is named from the root, so that it can be opened as it is written."""
    text = (reference.DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.(?:py|toml))`", text)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_map_draws_the_floors_as_they_are() -> None:
    text = (reference.DOCS / "architecture.md").read_text(encoding="utf-8").split("## Floors")[1].split("```")[1]
    drawn = [set(line.split("    ")[0].split()) for line in text.splitlines()[1:]]
    assert drawn == [set(rooms) for rooms in reversed(FLOORS) if rooms != ("__main__",)]


def test_the_page_of_the_checks_has_each_with_its_severities() -> None:
    text = (reference.DOCS / "checks.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (\w*) ?\| \S", text, re.MULTILINE)
    assert [name for name, _, _ in listed] == list(CHECKS)
    assert {name for name, _, held in listed if held == "yes"} == set(Inspect().hold)
    severities = {name: set(said.split(", ")) for name, said, _ in listed}
    assert set().union(*severities.values()) == set(SEVERITIES)
    found = {(flag[0], flag[1]) for flags in golden()[1] for flag in flags}
    assert [(name, severity) for name, severity in found if severity not in severities[name]] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_has_one_picture_which_is_small_and_up_to_date() -> None:
    (place,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert ROOT / place == picture.PICTURE
    assert picture.PICTURE.stat().st_size < 150_000
    assert picture.taken_of(picture.PICTURE) == picture.look(), "the report has another look: python -m tests.picture"
