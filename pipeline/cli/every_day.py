"""The commands of every day: run, plan, check, try, translate, brief, export, push, init."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.errors import (
    HungError,
    StoppedError,
    TomdichError,
    UsageError,
)

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.engines import LoadedModel
    from pipeline.runner.chain import SummarizedAhead
    from pipeline.runner.options import Outcome
from pipeline.cli.options import (
    DEFAULT_OUTPUTS,
    EVERY_DAY,
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
from pipeline.cli.parsing import edition_day, load_config, load_given
from pipeline.cli.run_options import MERGE, PLAN, RUN, takes_run_options
from pipeline.cli.terminal import keep_exit_code, print_path, say, show_messages, show_progress, stop_signals
from pipeline.runner.options import RunOptions

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where to write it, - for stdout; else a new file in the current folder."
    ),
]
ShowFirst = Annotated[int, typer.Option("--show", min=0, metavar="N", help="Print the first N records when done.")]


@app.command(rich_help_panel=EVERY_DAY)
@takes_run_options(RUN)
def run(
    config: ConfigPath,
    overrides: Set = None,
    *,
    options: RunOptions,
    edition: Annotated[
        str | None,
        typer.Option(
            "--edition",
            metavar="DATE",
            help="The date that {edition} in source paths stands for: 2026-11-23, yesterday, -2d; by default today in "
            "the config's time zone. A range, 2026-11-20..2026-11-23, is one run for each day.",
        ),
    ] = None,
    tags: Tags = None,
    note: Note = None,
    show_: ShowFirst = 0,
) -> None:
    """Load, summarize, translate and publish a version; resumes, and takes known answers from the memo."""
    from pipeline.storage.labels import person_tag

    options = replace(options, tags=tuple(map(person_tag, tags or ())), note=note)
    loaded = load_config(config, overrides)
    days = _days(edition, loaded, revise=options.revise)
    if options.shard is not None:
        if len(days) > 1:
            raise UsageError(f"--edition {edition}: a shard is of one day; name one day")
        _run_shard(loaded, replace(options, edition=days[0]))
        return
    started = time.monotonic()
    with stop_signals() as stopping:

        def run_one(day: date | None) -> None:
            left = options.deadline
            if left is not None and len(days) > 1:
                left = max(0.0, left - (time.monotonic() - started))
            asked = replace(options, edition=day, deadline=left, stopping=stopping)
            run_once(loaded, asked, report=lambda outcome: print_outcome(outcome, show=show_))

        if len(days) == 1:
            run_one(days[0])
        else:
            _run_each(days, run_one)


def run_once(
    config: Config,
    options: RunOptions,
    *,
    report: Callable[[Outcome], None],
    models: LoadedModel | None = None,
    ahead: SummarizedAhead | None = None,
) -> Outcome:
    """Run a config once, with progress on stderr; `report` prints what it came to, also where it is stopped early."""
    from pipeline.runner import chain
    from pipeline.runner.notify import Finish

    with show_progress() as progress, Finish(config, outputs=options.outputs) as finish:
        outcome = finish.outcome = chain.run(config, options=options, progress=progress, models=models, ahead=ahead)
        if outcome.stopped:
            report(outcome)
            raise outcome.stopped_early()
    report(outcome)
    return outcome


def _run_shard(config: Config, options: RunOptions) -> None:
    """Run one job of an array; how the whole ended is told by `merge`, to `on_finish` and `metrics` too."""
    from pipeline.runner import sharding
    from pipeline.storage import object_store

    object_store.require_folder(options.outputs, "run --shard")
    with stop_signals() as stopping, show_progress() as progress:
        outcome = sharding.run(config, options=replace(options, stopping=stopping), progress=progress)
    assert outcome.version is not None
    assert options.shard is not None
    counts = outcome.version.manifest["counts"]
    say(
        f"shard {options.shard}: {counts['records']} records, {counts['failures']} failed, of {counts['read']} read"
        f"{outcome.missing_sources}; `tomdich merge {config.name} --shards {options.shard.of}` publishes all shards"
    )
    with keep_exit_code(f"the shard is {outcome.version.folder}"):
        typer.echo(str(outcome.version.folder))


@app.command(rich_help_panel=EVERY_DAY)
@takes_run_options(MERGE)
def merge(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment, as in the config of the shards.")],
    shards: Annotated[int, typer.Option("--shards", min=1, metavar="N", help="How many shards there are.")],
    *,
    options: RunOptions,
    tags: Tags = None,
    note: Note = None,
    show_: ShowFirst = 0,
) -> None:
    """Publish the results of `run --shard` as one version, that of a run without shards; then remove the shards."""
    from pipeline.runner import merging
    from pipeline.runner.notify import Finish
    from pipeline.storage import object_store
    from pipeline.storage.labels import person_tag

    options = replace(options, tags=tuple(map(person_tag, tags or ())), note=note)
    object_store.require_folder(options.outputs, "merge")
    settings = merging.settings(options.outputs, name, shards=shards)
    with ExitStack() as stack:
        stopping = stack.enter_context(stop_signals())
        progress = stack.enter_context(show_progress())
        finish = None if settings is None else stack.enter_context(Finish(settings, outputs=options.outputs))
        asked = replace(options, stopping=stopping)
        outcome = merging.merge(name, shards=shards, options=asked, progress=progress)
        if finish is not None:
            finish.outcome = outcome
    print_outcome(outcome, show=show_)


def _run_each(days: Sequence[date | None], run_one: Callable[[date | None], None]) -> None:
    """Run each day after the other; a run that is stopped early ends them. Exits with the worst code, if any."""
    codes: list[int] = []
    for at, day in enumerate(days):
        say(f"edition {day}:")
        try:
            run_one(day)
        except HungError:
            raise
        except TomdichError as error:
            say(f"error: {error}")
            codes.append(error.exit_code)
            if isinstance(error, StoppedError):
                say(f"not finished: resume with --edition {day}..{days[-1]}" if at + 1 < len(days) else "not finished")
                break
    if codes:
        raise typer.Exit(min(codes))  # the codes are in the order of gravity, see the README


def print_outcome(outcome: Outcome, *, show: int = 0, path: bool = True) -> None:
    """Print what a run came to: its counts on stderr, and with `path` the version's folder on stdout."""
    version = outcome.version
    if version is None:
        say(f"{outcome.reason}; no version was made")
        return
    counts = version.manifest["counts"]
    state = "published" if outcome.published else "nothing changed, already published"
    if outcome.stopped:
        state = f"published what is complete ({counts['unfinished']} are not)"
    say(
        f"{state}: {counts['records']} records, {counts['flagged']} flagged, {counts['held']} held, "
        f"{counts['failures']} failed, {counts['rejected']} rejected, "
        f"{counts.get('damaged', 0)} damaged, {counts['duplicates']} duplicates"
        f"{outcome.missing_sources}"
    )
    if not path:
        return
    with keep_exit_code(f"the version is {version.address}"):
        typer.echo(version.address)
        if show:
            from pipeline.commands.show import side_by_side

            side_by_side(version, limit=show)


@app.command(rich_help_panel=EVERY_DAY)
@takes_run_options(PLAN)
def plan(
    config: ConfigPath, overrides: Set = None, *, options: RunOptions, edition: Edition = None, as_json: AsJson = False
) -> None:
    """Report what a run would read, which answers the memo has and how many calls remain; loads no model."""
    from pipeline.commands import listings
    from pipeline.commands.show import print_plan
    from pipeline.runner import planning

    loaded = load_config(config, overrides)
    day = edition_day(edition, loaded)
    with stop_signals() as stopping, show_progress() as progress:
        asked = replace(options, edition=day, stopping=stopping)
        planned = planning.plan(loaded, options=asked, progress=progress)
    if as_json:
        typer.echo(listings.plan(planned))
    else:
        print_plan(planned)


@app.command(rich_help_panel=EVERY_DAY)
def check(
    config: ConfigPath,
    overrides: Set = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    trial: Annotated[bool, typer.Option("--trial", help="Also run one batch through each engine.")] = False,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved",
            help="Print the config as a run takes it, with the file and line of each value, and check nothing else.",
        ),
    ] = False,
    edition: Edition = None,
    as_json: AsJson = False,
) -> None:
    """Check config, sources, models, licenses, disk and device: every problem at once, each with its remedy."""
    from pipeline.commands import listings

    if resolved:
        from pipeline.commands.resolved import resolve

        shown = resolve(config, tuple(overrides or ()))
        typer.echo(listings.resolved(shown) if as_json else shown.as_yaml())
        return
    from pipeline.commands.check import check as check_

    loaded = load_config(config, overrides)
    findings = check_(loaded, outputs=outputs, trial=trial, edition=edition_day(edition, loaded))
    if as_json:
        typer.echo(listings.check(findings))
    else:
        for finding in findings:
            typer.echo(f"{finding.mark} {finding.what}: {finding.message}")
    problems = sum(finding.problem for finding in findings)
    if problems:
        raise UsageError(f"{config}: {problems} {'problem' if problems == 1 else 'problems'} found, see above")
    if not as_json:
        typer.echo(f"{config}: ready")


@app.command("try", rich_help_panel=EVERY_DAY)
def try_(
    article: Annotated[str, typer.Argument(metavar="FILE|URL|-", help="One article: a file, a URL, or - for stdin.")],
    config: Annotated[Path | None, typer.Option("--config", help="Take the models from this config.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Summarize with this checkpoint instead.")] = None,
    translator: Annotated[str | None, typer.Option("--translator", help="Translate with this checkpoint.")] = None,
    overrides: Set = None,
) -> None:
    """Summarize and translate one article and print the result; nothing is published."""
    from pipeline.commands.show import print_record
    from pipeline.commands.single import try_article

    with show_progress():
        record = try_article(
            article,
            config=load_given(config, overrides),
            summarizer=model,
            translator=translator,
        )
    print_record(record)


@app.command(rich_help_panel=EVERY_DAY)
def translate(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="Vietnamese text, a sentence a line.")] = "-",
    model: Annotated[str | None, typer.Option("--model", help="Translate with this checkpoint.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Take the translator from this config.")] = None,
    overrides: Set = None,
) -> None:
    """Translate text line by line."""
    from pipeline.commands.single import translate_lines

    with show_progress():
        for line in translate_lines(
            file,
            config=load_given(config, overrides),
            translator=model,
        ):
            typer.echo(line)


@app.command(rich_help_panel=EVERY_DAY)
def brief(
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    to: Annotated[Literal["html", "docx", "md"], typer.Option("--to", help="Mail, Word or Markdown.")] = "html",
    watch: Annotated[
        Path | None,
        typer.Option(
            "--watch",
            metavar="FILE",
            help="Group by these terms: one a line, or YAML topics, each with a list of terms.",
        ),
    ] = None,
    hold: Annotated[
        Literal["leave-out", "mark"], typer.Option("--hold", help="What to do with records on hold.")
    ] = "leave-out",
    title: Annotated[
        str | None, typer.Option("--title", help="The heading of the brief. Default: the experiment's name.")
    ] = None,
    output: Output = None,
) -> None:
    """Write a brief to mail: English headlines and summaries, with outlet, date and link, by topic."""
    from pipeline.export import brief as briefs
    from pipeline.storage import editions

    written = briefs.write(editions.find(outputs, version), to=to, watch=watch, hold=hold, title=title, output=output)
    print_path(written)


@app.command(rich_help_panel=EVERY_DAY)
def export(
    to: Annotated[Literal["xlsx", "csv", "jsonl"], typer.Option("--to", help="Excel, CSV or JSON lines.")],
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    output: Output = None,
) -> None:
    """Write every column of a version for a spreadsheet or another program; near duplicates share a `story`."""
    from pipeline.export import spreadsheets
    from pipeline.storage import editions

    print_path(spreadsheets.export(editions.find(outputs, version), to=to, output=output))


@app.command(rich_help_panel=EVERY_DAY)
def push(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As for `tomdich show`.")],
    repository: Annotated[str, typer.Argument(metavar="REPO", help="The dataset repository on the hub: owner/name.")],
    outputs: Outputs = DEFAULT_OUTPUTS,
    public: Annotated[
        bool, typer.Option("--public", help="Create a public repository, or push to one that is public.")
    ] = False,
) -> None:
    """Upload a version to a dataset repository of the hub, private by default; its tag is the version's name."""
    from pipeline.commands import push as pushing
    from pipeline.storage import editions

    with show_messages():
        pushed = pushing.push(editions.find(outputs, version), repository, public=public)
    state = "pushed" if pushed.is_new else "nothing changed, already pushed"
    say(f"{state}{f'; {pushed.held} records on hold are in it' if pushed.held else ''}")
    with keep_exit_code(f"it is at {pushed.address}"):
        typer.echo(pushed.address)


@app.command(rich_help_panel=EVERY_DAY)
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment's name; writes NAME.yaml.")],
    articles: Annotated[Path, typer.Option("--articles", help="The folder the articles are in.")] = Path("articles"),
) -> None:
    """Write a commented config for the articles in a folder."""
    from pipeline.commands.single import write_config

    written = write_config(name, articles=articles)
    with keep_exit_code(f"{written} is written"):
        typer.echo(str(written))


def _days(text: str | None, config: Config, *, revise: bool) -> Sequence[date | None]:
    """Return each day of `--edition` of a run; None is today when the run begins."""
    from pipeline.config import at_edition, today
    from pipeline.storage import editions

    if text is None:
        return [None]
    days = editions.days(text, today=today(config))
    if len(days) > 1 and not revise and at_edition(config, days[0]).sources == config.sources:
        raise UsageError(
            f"--edition {text}: no source path holds {{edition}}, so that every day would publish the same articles; "
            "write it into sources.path, as feeds/{edition}/*.jsonl, or name one day"
        )
    return days
