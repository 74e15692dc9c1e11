"""The commands of experiments: matrix, reproduce, pack, rate, track."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.cli.every_day import print_outcome, run_once
from pipeline.cli.options import (
    DEFAULT_OUTPUTS,
    EXPERIMENTS,
    AsJson,
    ConfigPath,
    Edition,
    Note,
    Outputs,
    Set,
    Tags,
    VersionName,
    app,
)
from pipeline.cli.parsing import edition_day
from pipeline.cli.run_options import takes_run_options
from pipeline.cli.terminal import print_path, say, show_progress, stop_signals
from pipeline.errors import DifferenceError, TomdichError, UsageError
from pipeline.runner.options import RunOptions

if TYPE_CHECKING:
    from pipeline.engines import LoadedModel
    from pipeline.runner.cells import Cell
    from pipeline.runner.chain import SummarizedAhead
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
    chosen = matrices.in_order(loaded.selected(only or ()), options=options)
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

        runner = _CellRunner(len(chosen), started)
        results = matrices.run(loaded, planned, options=options, summarize_cell=runner.summarize, run_cell=runner.run)
    if as_json:
        typer.echo(listing.results_json(loaded, results))
    else:
        listing.print_results(loaded, results)
        if sum(one.outcome is not None for one in results) > 1:
            say(f"compare them: tomdich compare --matrix {shlex.quote(loaded.name)}")
    _exit([one.exit_code for one in results])


@dataclass(frozen=True, slots=True)
class _CellRunner:
    """Runs the cells of a matrix, with progress and errors on stderr."""

    count: int
    started: float  # the command, by the monotonic clock

    def summarize(self, cell: Cell, options: RunOptions, models: LoadedModel) -> SummarizedAhead:
        """Make the summaries of a cell."""
        from pipeline.runner import chain

        say(f"summaries of {cell.name}:")
        with self._telling_errors(), show_progress() as progress:
            return chain.summarize_ahead(cell.config, options=options, progress=progress, models=models)

    def run(
        self, number: int, cell: Cell, options: RunOptions, models: LoadedModel, ahead: SummarizedAhead | None
    ) -> Outcome:
        """Run the cell with this number, from 1."""
        say(f"cell {number} of {self.count}, {cell.name}:")
        if options.deadline is not None:
            options = replace(options, deadline=max(0.0, options.deadline - (time.monotonic() - self.started)))
        with self._telling_errors():
            return run_once(
                cell.config,
                options,
                models=models,
                ahead=ahead,
                report=lambda outcome: print_outcome(outcome, path=False),
            )

    @contextmanager
    def _telling_errors(self) -> Iterator[None]:
        try:
            yield
        except TomdichError as error:
            say(f"error: {error}")
            raise


@app.command(rich_help_panel=EXPERIMENTS)
def reproduce(
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION|PACK]", help="A version, as for `tomdich show`, or a file of `tomdich pack`."),
    ] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    sources: Annotated[
        Path | None,
        typer.Option("--sources", metavar="DIR", help="The folder that the source files are in now."),
    ] = None,
    from_version: Annotated[
        bool, typer.Option("--from-version", help="Take the articles from the records of the version.")
    ] = False,
    overrides: Set = None,
    as_json: AsJson = False,
) -> None:
    """Run a version again with an empty memo: exit 0 if its texts are the same, else 1 with the records and causes."""
    from pipeline.commands import reproduce as reproducing

    if sources is not None and from_version:
        raise UsageError("reproduce: give --sources or --from-version, not both")
    with stop_signals() as stopping, show_progress() as progress:
        found = reproducing.reproduce(
            outputs,
            version,
            overrides=tuple(overrides or ()),
            sources=sources,
            from_version=from_version,
            progress=progress,
            stopping=stopping,
        )
    if as_json:
        typer.echo(reproducing.as_json(found))
    else:
        for line in reproducing.lines(found):
            typer.echo(line)
    if found.differing:
        raise DifferenceError(f"{found.version}: {len(found.differing)} records differ")


@app.command(rich_help_panel=EXPERIMENTS)
def pack(
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    articles: Annotated[
        Literal["digests", "sources", "version"],
        typer.Option(
            "--articles",
            help="What to pack of the articles: only the digests of the sources, the source files, or the records.",
        ),
    ] = "digests",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it, - for stdout; else a new file in the current folder.",
        ),
    ] = None,
) -> None:
    """Write what another machine needs to reproduce a version into one archive: config, digests, terms, libraries."""
    from pipeline.commands import packing
    from pipeline.storage import versions

    print_path(packing.pack(versions.find(outputs, version), articles=articles, output=output))


@app.command(rich_help_panel=EXPERIMENTS)
def rate(
    a: Annotated[str, typer.Argument(metavar="A", help="One version, as VERSION of `tomdich show`.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other version, likewise.")],
    outputs: Outputs = DEFAULT_OUTPUTS,
    sample: Annotated[int, typer.Option("--sample", min=1, metavar="N", help="How many records are rated.")] = 100,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed samples other records.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The page, FILE.html, with FILE.csv beside it; else new files in the current folder.",
        ),
    ] = None,
    read: Annotated[
        list[Path] | None,
        typer.Option("--read", metavar="FILE", help="Read the CSV of a rater instead; may be given many times."),
    ] = None,
    to: Annotated[
        Literal["text", "json", "latex"], typer.Option("--to", help="With --read: for a person, a program or a paper.")
    ] = "text",
) -> None:
    """Write a blinded sheet on which people rate two versions; with --read, say what they preferred and agree on."""
    from pipeline.evaluation.tables import latex, print_tables
    from pipeline.export import rating
    from pipeline.export.rating import reading
    from pipeline.storage import editions

    first, second = editions.find(outputs, a), editions.find(outputs, b)
    if not read:
        for path in rating.write(first, second, sample=sample, seed=seed, output=output):
            print_path(path)
        return
    found = reading.read(first, second, read)
    match to:
        case "text":
            print_tables(reading.tables(found))
        case "json":
            typer.echo(reading.as_json(found))
        case "latex":
            typer.echo(latex(reading.tables(found)))


@app.command(rich_help_panel=EXPERIMENTS)
def track(
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION|FOLDER]", help="A version, as for `tomdich show`, or a training's folder."),
    ] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    to: Annotated[
        Literal["mlflow", "trackio"] | None,
        typer.Option("--to", help="The tracker. Default: `track` of the config that the version or training has."),
    ] = None,
) -> None:
    """Send a version or a finished training to an experiment tracker, unless it is there, and print where it is."""
    from pipeline import tracking
    from pipeline.storage import versions
    from pipeline.train import tracked

    if version is not None and tracked.is_training(Path(version)):
        job = tracked.job(Path(version), to)
    else:
        job = tracking.job(versions.find(outputs, version), to)
    sent = tracking.deliver(job)
    if not sent.is_new:
        say(f"{job.tracker} has {job.key} already")
    typer.echo(sent.place)


def _exit(codes: list[int]) -> None:
    """Exit with the worst code, if any."""
    if failed := [code for code in codes if code]:
        raise typer.Exit(min(failed))  # the codes are in the order of gravity, see the README
