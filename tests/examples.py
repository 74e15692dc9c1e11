"""The examples of the documents, read from their Markdown: fenced blocks, and commands within a line of text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

from pipeline.cli import app

ROOT = Path(__file__).parents[1]
GENERATED = {"cli.md"}  # from the Typer app itself
IN_ORDER = {"experiments.md"}  # one block builds on the one before: `tests/test_experiments.py` runs them
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in GENERATED),
]


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its language, what stands behind the language, and its lines."""

    page: Path
    line: int  # of its first line of text, from 1
    language: str
    remark: str
    text: str

    @property
    def place(self) -> str:
        """Where the block is: page and line."""
        return f"{self.page.name}:{self.line}"


def fences(page: Path) -> list[Fence]:
    """Return the fenced blocks of a page, in order."""
    found: list[Fence] = []
    opened: tuple[int, str, str] | None = None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.lstrip().startswith("```"):
            continue
        if opened is None:
            language, _, remark = line.strip().removeprefix("```").partition(" ")
            opened = (number, language, remark)
        else:
            first, language, remark = opened
            found.append(Fence(page, first + 1, language, remark, "\n".join(lines[first : number - 1]) + "\n"))
            opened = None
    assert opened is None, f"{page}:{opened}: the block is not closed"
    return found


def commands() -> dict[str, TyperCommand]:
    """Return every command of the command line by its name, subcommands too."""
    found: dict[str, TyperCommand] = {}
    groups = {"": typer.main.get_command(app)}
    while groups:
        prefix, group = groups.popitem()
        assert isinstance(group, TyperGroup)
        for name, command in group.commands.items():
            if isinstance(command, TyperGroup):
                groups[f"{prefix}{name} "] = command
            else:
                assert isinstance(command, TyperCommand)
                found[prefix + name] = command
    return found


def inline(page: Path) -> Iterator[tuple[int, str]]:
    """Give the commands of `tomdich` within the text of a page, with their line."""
    within = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        within ^= line.lstrip().startswith("```")
        if not within:
            yield from ((number, told) for told in re.findall(r"`(tomdich [^`]+)`", line))


def parse(told: str) -> None:
    """Parse a command line of `tomdich` as the command line does; an error says what is wrong with it.

    A placeholder stands for itself: `[VERSION]`, `FILE|URL|-`, `--keep N`, `--to html\\|docx`.
    """
    words = [re.split(r"\\?\|", word.strip("[]"))[0] for word in shlex.split(told.replace("\\|", "|"), comments=True)]
    words = ["1" if word == "N" else word for word in words][1:]
    every = commands()
    if words and words[0].startswith("-"):  # `tomdich --version`
        group = typer.main.get_command(app)
        known = {name for parameter in group.params for name in parameter.opts}
        assert set(words) <= known, told
        return
    name = " ".join(words[:2]) if " ".join(words[:2]) in every else words[0]
    if any(one.startswith(f"{name} ") for one in every) and len(words) == 1:  # a group, which is a command itself
        return
    assert name in every, f"{told}: no such command"
    if arguments := words[len(name.split()) :]:  # else only the name is mentioned
        every[name].make_context(name, arguments)
