"""The commands of experiments: matrix."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.every_day import print_outcome, run_once
from pipeline.cli.options import EXPERIMENTS, AsJson, ConfigPath, Edition, Note, Set, Tags, app
from pipeline.cli.parsing import edition_day
from pipeline.cli.run_options import takes_run_options
from pipeline.cli.terminal import say, show_progress, stop_signals
from pipeline.errors import TomdichError
from pipeline.runner.options import RunOptions

if TYPE_CHECKING:
    from pipeline.engines import LoadedModel
    from pipeline.runner.cells import Cell
    from pipeline.runner.options import Outcome


@app.command(rich_help_panel=EXPERIMENTS)
@takes_run_options(("outputs", "limit", "until", "wait_lock", "deadline"))
def matrix(
    config: ConfigPath,
    overrides: Set = None,
    *,
    options: RunOptions,
    edition: Edition = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CELL", help="Only this cell: its name, or a field=value; may be repeated."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="CELL", help="The cell that the others are compared with; else the first."),
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Print the plan and its price, and run nothing.")] = False,
    tags: Tags = None,
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """Run every cell of a config's `matrix:`, each a version of its own; prints the plan and its price first.

    A call that several cells need is made once. The same command again goes on where it was stopped or killed.
    """
    from pipeline.commands import matrix as matrices
    from pipeline.commands import matrix_listing as listing
    from pipeline.runner import cells
    from pipeline.storage.labels import person_tag

    loaded = cells.load(config, tuple(overrides or ()))
    if baseline is not None:
        loaded = loaded.with_baseline(baseline)
    chosen = matrices.grouped(loaded.selected(only or ()))
    day = edition_day(edition, chosen[0].config)
    options = replace(options, edition=day, tags=tuple(map(person_tag, tags or ())), note=note)
    started = time.monotonic()
    with stop_signals() as stopping:
        options = replace(options, stopping=stopping)
        with show_progress() as progress:
            planned = matrices.plan(chosen, options=options, progress=progress)
        if dry and as_json:
            typer.echo(listing.plan_json(loaded, planned))
        elif not as_json:
            listing.print_plan(loaded, planned)
        if dry:
            _exit([one.exit_code for one in planned])
            return

        def run_cell(number: int, cell: Cell, asked: RunOptions, models: LoadedModel) -> Outcome:
            say(f"cell {number} of {len(chosen)}, {cell.name}:")
            if asked.deadline is not None:
                asked = replace(asked, deadline=max(0.0, asked.deadline - (time.monotonic() - started)))
            try:
                return run_once(
                    cell.config, asked, models=models, report=lambda outcome: print_outcome(outcome, path=False)
                )
            except TomdichError as error:
                say(f"error: {error}")
                raise

        results = matrices.run(loaded, chosen, options=options, run_cell=run_cell)
    if as_json:
        typer.echo(listing.results_json(loaded, results))
    else:
        listing.print_results(loaded, results)
    _exit([one.exit_code for one in results])


def _exit(codes: list[int]) -> None:
    """Exit with the worst code, if any."""
    if failed := [code for code in codes if code]:
        raise typer.Exit(min(failed))  # the codes are in the order of gravity, see the README
