"""The options of a run: each field of `RunOptions` is on the command line, and comes from there as it is used."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import typer

from pipeline.cli.run_options import PLAN, RUN, takes_run_options
from pipeline.errors import UsageError
from pipeline.runner.options import RunOptions


def parsed(names: tuple[str, ...], *words: str) -> RunOptions:
    """Return the options that a command is given."""
    given: list[RunOptions] = []
    app = typer.Typer()

    @app.command()
    @takes_run_options(names)
    def command(*, options: RunOptions) -> None:
        given.append(options)

    app(list(words), standalone_mode=False)
    return given[0]


def test_every_field_that_the_command_line_does_not_make_itself_is_an_option() -> None:
    assert {*RUN, "edition", "stopping", "tags", "note", "articles_of"} == {field.name for field in fields(RunOptions)}
    assert set(PLAN) < set(RUN)


@pytest.mark.parametrize("names", [RUN, PLAN])
def test_without_words_the_options_are_those_of_the_library(names: tuple[str, ...]) -> None:
    assert parsed(names) == RunOptions(outputs=Path("outputs"))


def test_words_become_the_values_that_a_run_uses() -> None:
    words = "--outputs out --limit 3 --until summarize --force --wait-lock 2m --only-new --deadline 90s"
    assert parsed(RUN, *words.split(), "--publish-partial") == RunOptions(
        outputs=Path("out"),
        limit=3,
        until="summarize",
        force=True,
        wait_lock=120.0,
        only_new=True,
        deadline=90.0,
        publish_partial=True,
    )


def test_what_a_run_refuses_together_is_refused_before_it_begins() -> None:
    assert parsed(RUN, "--revise").revise
    with pytest.raises(UsageError, match="leave out --limit"):
        parsed(RUN, "--revise", "--limit", "3")


def test_a_time_that_cannot_be_read_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="write a time as 90s, 10m, 2h or 30d"):
        parsed(RUN, "--deadline", "soon")
