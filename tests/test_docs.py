"""The documents: the generated ones are what the code says, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import picture, reference


@pytest.mark.parametrize("name", ["cli.md", "configuration.md"])
def test_a_generated_document_is_what_the_code_says(name: str) -> None:
    written = (reference.DOCS / name).read_text(encoding="utf-8")
    assert written == reference.documents()[name], "out of date: python -m tests.reference"


def test_every_command_and_field_is_explained() -> None:
    for name, text in reference.documents().items():
        for line in text.splitlines():
            if line.startswith("| `") and name == "cli.md":
                assert not line.endswith("|  |"), f"{name}: no help: {line}"


ROOT = reference.DOCS.parent
PAGES = [*ROOT.glob("*.md"), *reference.DOCS.glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_module_that_a_document_names_is_there(page: Path) -> None:
    for path in re.findall(
        r"`((?:pipeline|tests|configs)/[\w/.-]+\.(?:py|toml|yaml))`", page.read_text(encoding="utf-8")
    ):
        assert (ROOT / path).exists(), path


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_has_one_picture_which_is_small_and_up_to_date() -> None:
    (place,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert ROOT / place == picture.PICTURE
    assert picture.PICTURE.stat().st_size < 150_000
    assert picture.taken_of(picture.PICTURE) == picture.look(), "the report has another look: python -m tests.picture"
