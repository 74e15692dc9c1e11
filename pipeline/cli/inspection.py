"""The commands that inspect: runs, tag, show, eval, compare, verify, bench; lint, of translations made elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.options import (
    DEFAULT_OUTPUTS,
    INSPECT,
    AsJson,
    ConfigPath,
    Edition,
    Outputs,
    Set,
    VersionName,
    app,
)
from pipeline.cli.parsing import edition_day, load_config
from pipeline.cli.terminal import say, show_progress, stop_signals
from pipeline.errors import (
    DifferenceError,
    GateError,
    UsageError,
)
from pipeline.text.sanitize import visible

TableFormat = Annotated[
    Literal["text", "json", "latex"], typer.Option("--to", help="For a person, a program or a paper.")
]


@app.command(rich_help_panel=INSPECT)
def runs(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this experiment.")] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only versions with this tag; with each of several."),
    ] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """List the published versions, newest last."""
    from pipeline.commands import listings
    from pipeline.commands.show import print_runs
    from pipeline.storage import shards, versions

    versions.refresh(outputs)
    folders = [outputs / name] if name else versions.experiments(outputs)
    for folder in folders if name else shards.having_shards(outputs):
        for said in shards.waiting(folder):
            say(said)
    if name and not versions.versions(folders[0]):
        folders = [versions.find(outputs, name).folder.parent]  # raises, naming what there is
    for folder in folders:
        for said in versions.unreadable_versions(folder):
            say(said)
    listed = [(folder, versions.versions(folder)) for folder in folders]
    wanted = frozenset(tags or ())
    if as_json:
        typer.echo(listings.runs(listed, tags=wanted))
    else:
        print_runs(listed, tags=wanted)


@app.command(rich_help_panel=INSPECT)
def tag(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As for `tomdich show`.")],
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="TAG", help="Add this tag; may be repeated.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="Remove this tag; may be repeated.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Replace the note; '' removes it.")] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
) -> None:
    """Show or edit the tags and the note of a version; its recipe and files stay as they are."""
    from pipeline.storage import labels, versions

    found = versions.find(outputs, version)
    if add or remove or note is not None:
        after = labels.edit(found, add=map(labels.person_tag, add or ()), remove=remove or (), note=note)
    else:
        after = labels.read(found)
    typer.echo(f"{found.name}: {', '.join(after.tags) or 'no tags'}")
    if after.note:
        typer.echo(visible(after.note))


@app.command(rich_help_panel=INSPECT)
def show(
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Print only the first N.")] = None,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="Print the records as JSON lines.")] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="Print the failures: articles without a record, and why.")
    ] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Only the records that are held back.")] = False,
) -> None:
    """Show a version: article beside summary and translation."""
    from pipeline.commands.show import print_failures, print_jsonl, side_by_side
    from pipeline.storage import editions

    if failures and hold:
        raise UsageError("show: a failure is not a record and cannot be on hold; give --failures or --hold")
    found = editions.find(outputs, version)
    if failures:
        print_failures(found, limit=limit, as_jsonl=as_jsonl)
    elif as_jsonl:
        print_jsonl(found, limit=limit, held=hold)
    else:
        side_by_side(found, limit=limit, held=hold)


@app.command("eval", rich_help_panel=INSPECT)
def eval_(
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    to: TableFormat = "text",
    comet: Annotated[
        Path | None,
        typer.Option("--comet", metavar="PATH", help="Also score translations with this COMET checkpoint (.ckpt)."),
    ] = None,
    comet_python: Annotated[
        str | None,
        typer.Option(
            "--comet-python",
            envvar="TOMDICH_COMET_PYTHON",
            metavar="PATH",
            help="The Python of the environment COMET is installed in.",
        ),
    ] = None,
) -> None:
    """Evaluate a version: scores where it has references, flags, lengths, novelty and speed."""
    from pipeline.evaluation import evaluate
    from pipeline.evaluation.tables import latex, print_tables
    from pipeline.storage import editions

    found = evaluate.evaluate(editions.find(outputs, version), comet_checkpoint=comet, comet_python=comet_python)
    match to:
        case "text":
            print_tables(evaluate.tables(found))
        case "json":
            typer.echo(evaluate.as_json(found))
        case "latex":
            typer.echo(latex(evaluate.tables(found)))


@app.command(rich_help_panel=INSPECT)
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A B ...]", help="The versions, each as VERSION of `tomdich show`; A is the baseline."),
    ] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    to: Annotated[
        Literal["text", "json", "latex", "csv", "html"],
        typer.Option("--to", help="For a person, a program, a paper, a spreadsheet or a browser."),
    ] = "text",
    records: Annotated[
        int, typer.Option("--records", min=0, metavar="N", help="Show the N records that differ most.")
    ] = 5,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="VERSION", help="The version that the others are compared with; else A."),
    ] = None,
    matrix: Annotated[
        str | None,
        typer.Option("--matrix", metavar="NAME", help="Compare the cells of this matrix with its baseline."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="A,B", help="The measures of --to latex and csv, in this order."),
    ] = None,
    label: Annotated[
        str, typer.Option("--label", metavar="LABEL", help="By which a paper refers to the table of --to latex.")
    ] = "tab:compare",
) -> None:
    """Compare versions: scores, flags, lengths, costs, and the records that differ most.

    Of two versions `--to text`, `json` and `latex` show the change from A to B, with the recipe. Of more, and of two
    with `--baseline`, `--matrix` or `--columns`, every version stands beside the baseline.
    """
    from pipeline.commands import comparing
    from pipeline.evaluation import compare_tables
    from pipeline.evaluation.compare import compare as compare_pair
    from pipeline.evaluation.tables import latex

    asked = comparing.find(outputs, names or (), baseline=baseline, matrix=matrix)
    chosen = tuple(filter(None, (columns or "").split(",")))
    if not asked.is_pair or chosen or to in {"csv", "html"}:
        comparing.show(asked, to=to, records=records, columns=chosen, label=label)
        return
    found = compare_pair(*asked.versions, records=records)
    match to:
        case "text":
            compare_tables.print_comparison(found)
        case "json":
            typer.echo(compare_tables.as_json(found))
        case "latex":
            typer.echo(latex(compare_tables.tables(found)))


@app.command(rich_help_panel=INSPECT)
def lint(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Vietnamese texts with their English: CSV, TSV, JSON lines, Parquet, TMX or XLIFF; a path, a URL, or "
            "- for stdin.",
        ),
    ],
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="The column, or the language, of the Vietnamese text.")
    ] = "vi",
    target: Annotated[
        str, typer.Option("--target", metavar="NAME", help="The column, or the language, of the English text.")
    ] = "en",
    format_: Annotated[
        Literal["csv", "tsv", "jsonl", "json", "parquet", "tmx", "xliff"] | None,
        typer.Option("--format", help="The format of the file, where its ending does not say it."),
    ] = None,
    to: Annotated[
        Literal["table", "jsonl", "sarif"], typer.Option("--to", help="For a person, a program or a code host.")
    ] = "table",
    max_errors: Annotated[
        int, typer.Option("--max-errors", min=0, metavar="N", help="Exit with 3 where there are more errors.")
    ] = 0,
) -> None:
    """Check anybody's translations in a file of pairs by the checks that compare a text with its translation."""
    from pipeline.commands.lint import lint as lint_

    with show_progress() as progress:
        if not sys.stdout.isatty():  # results on a terminal are the progress
            progress.begin("lint", None)
        totals = lint_(
            file,
            source=source,
            target=target,
            format_=format_,
            to=to,
            advanced=progress.advance,
        )
    say(f"{file}: {totals}")
    if (errors := totals.counted("error")) > max_errors:
        raise GateError(f"{file}: more errors than --max-errors allows: {errors}, the limit is {max_errors}")


@app.command(rich_help_panel=INSPECT)
def verify(version: VersionName = None, outputs: Outputs = DEFAULT_OUTPUTS) -> None:
    """Check every file of a version against its manifest."""
    from pipeline.storage import editions, versions
    from pipeline.storage.rows import Edition

    found = editions.find(outputs, version)
    problems = []
    for one in found.versions if isinstance(found, Edition) else (found,):
        try:
            versions.verify(one)
        except DifferenceError as error:
            problems.append(str(error))
        else:
            typer.echo(f"{one.name}: all {len(one.manifest['files'])} files are as published")
    if problems:
        raise DifferenceError("\n".join(problems))


@app.command(rich_help_panel=INSPECT)
def bench(
    config: ConfigPath,
    overrides: Set = None,
    articles: Annotated[
        int | None,
        typer.Option("--articles", min=1, metavar="N", help="Measure on the first N, in turn from each source."),
    ] = None,
    edition: Edition = None,
) -> None:
    """Measure which `runtime:` is the fastest for your articles on this machine; publishes nothing."""
    from pipeline.commands import bench as benching

    loaded = load_config(config, overrides)
    day = edition_day(edition, loaded)
    with show_progress():
        found = benching.bench(
            loaded,
            articles=articles or benching.ARTICLES,
            edition=day,
            reading=stop_signals,
        )
    for line in benching.report(found):
        typer.echo(line)
