"""The command line: each command parses, calls one function of the library, and prints.

Results go to stdout, progress and notices to stderr. Only this module turns an error into an exit code. The library is
imported inside the commands, so that `--help` stays quick.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline import __version__, streams
from pipeline.errors import (
    AbandonedError,
    HungError,
    ReaderGoneError,
    StdoutError,
    StoppedError,
    TomdichError,
    UsageError,
    WorldError,
)
from pipeline.storage.disk_errors import describe, path_of

if TYPE_CHECKING:
    from types import FrameType

    from pipeline.commands.compact import Compaction
    from pipeline.commands.forget import Forgotten
    from pipeline.config import Config
    from pipeline.progress import Progress
    from pipeline.runner import Outcome
    from pipeline.storage.versions import Version

EVERY_DAY, INSPECT, KEEP_HOUSE = "Every day", "Inspect", "Keep house"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    invoke_without_command=True,
    help="List the checkpoints the catalog knows, with licence and whether they are in the local cache.",
)
app.add_typer(models_app, name="models", rich_help_panel=INSPECT)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML config; `tomdich init` writes one.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=V", help="Override one field of the config; may be given many times."),
]
Outputs = Annotated[
    Path,
    typer.Option("--outputs", envvar="TOMDICH_OUTPUTS", metavar="DIR", help="Where versions are published."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Take only the first N articles.")]
UntilOption = Annotated[
    Literal["load", "summarize"] | None, typer.Option("--until", help="Stop after this stage and publish that.")
]
VersionName = Annotated[
    str | None,
    typer.Argument(
        metavar="[VERSION]",
        help="`name`, `name/prefix`, `name@edition`, the digest in a version's name or a path; without it, the newest.",
    ),
]
TableFormat = Annotated[
    Literal["text", "json", "latex"], typer.Option("--to", help="For a person, a program or a paper.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write it, - for stdout; else a file beside you."),
]
OnlyNew = Annotated[
    bool, typer.Option("--only-new", help="Only articles whose id and text no version of this name has published.")
]
Edition = Annotated[
    str | None,
    typer.Option(
        "--edition",
        metavar="DATE",
        help="The day that {edition} in source paths is: 2026-11-23, yesterday, -2d; else today there.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Yes = Annotated[bool, typer.Option("--yes", help="Really do it; without it, only say what would go.")]
WaitLock = Annotated[str, typer.Option("--wait-lock", metavar="TIME", help="Wait so long for a run.")]
DEFAULT_OUTPUTS = Path("outputs")
_TOLD = 100  # characters of an engine's identity
_LONGEST = 36_525 * 24 * 3600  # seconds: dates reckon with no more
_LARGEST = 10**18  # bytes


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tomdich {__version__}")
        raise typer.Exit


@app.callback()
def tomdich(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Summarize Vietnamese news articles and translate the summaries to English.

    In batches that can be resumed, rerun for nothing and explained months later.
    """


@app.command(rich_help_panel=EVERY_DAY)
def run(
    config: ConfigPath,
    overrides: Set = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    limit: Limit = None,
    until: UntilOption = None,
    force: Annotated[bool, typer.Option("--force", help="Publish even if nothing changed.")] = False,
    wait_lock: Annotated[
        str,
        typer.Option("--wait-lock", metavar="TIME", help="Wait so long for another run on the same name: 90s, 10m."),
    ] = "0s",
    only_new: OnlyNew = False,
    edition: Annotated[
        str | None,
        typer.Option(
            "--edition",
            metavar="DATE",
            help="The day that {edition} in source paths is: 2026-11-23, yesterday, -2d; else today there. A range, "
            "2026-11-20..2026-11-23, is one run after the other.",
        ),
    ] = None,
    revise: Annotated[
        bool,
        typer.Option(
            "--revise",
            help="Publish the edition again with today's corrections and terms, from its versions and without a model "
            "call; it supersedes them.",
        ),
    ] = False,
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", metavar="TIME", help="End within this time, what is finished is kept: 90s, 5h."),
    ] = None,
    publish_partial: Annotated[
        bool, typer.Option("--publish-partial", help="Where the run is stopped early, publish what is complete.")
    ] = False,
    show_: Annotated[int, typer.Option("--show", min=0, metavar="N", help="Print the first N records when done.")] = 0,
) -> None:
    """Load, summarize, translate and publish a version; resumes and replays what is already paid for."""
    from pipeline import runner
    from pipeline.runner.notify import Finish

    loaded = _load(config, overrides)
    days = _days(edition, loaded, revise=revise)
    waiting, seconds = _seconds(wait_lock), None if deadline is None else _seconds(deadline)
    started = time.monotonic()
    with _stopping() as stopping:

        def run_one(day: date | None) -> None:
            left = None if seconds is None else max(0.0, seconds - (time.monotonic() - started))
            with _progress() as progress, Finish(loaded, outputs=outputs, notice=progress.notice) as finish:
                options = runner.Options(
                    outputs=outputs,
                    limit=limit,
                    until=until,
                    force=force,
                    wait_lock=waiting,
                    only_new=only_new,
                    edition=day,
                    revise=revise,
                    deadline=seconds if len(days) == 1 else left,
                    publish_partial=publish_partial,
                    stopping=stopping,
                )
                outcome = runner.run(loaded, options=options, progress=progress)
                finish.version = outcome.version
                finish.unavailable = outcome.unavailable
                finish.reason = (
                    "published"
                    if outcome.published
                    else "nothing changed"
                    if outcome.version
                    else _nothing_new(outcome)
                )
                if outcome.stopped:
                    _report(outcome, show=show_)
                    raise StoppedError(f"{outcome.stopped}; what is complete is published")
            _report(outcome, show=show_)

        if len(days) == 1:
            run_one(days[0])
        else:
            _run_each(days, run_one)


def _run_each(days: Sequence[date | None], run_one: Callable[[date | None], None]) -> None:
    """Run each day after the other; a run that is stopped early ends them. Exits with the worst code, if any."""
    codes: list[int] = []
    for at, day in enumerate(days):
        _say(f"edition {day}:")
        try:
            run_one(day)
        except HungError:
            raise
        except TomdichError as error:
            _say(f"error: {error}")
            codes.append(error.exit_code)
            if isinstance(error, StoppedError):
                _say(f"not finished: go on with --edition {day}..{days[-1]}" if at + 1 < len(days) else "not finished")
                break
    if codes:
        raise typer.Exit(min(codes))  # the codes are in the order of gravity, see the README


def _report(outcome: Outcome, *, show: int) -> None:
    """Print what a run came to: the version's folder on stdout, its counts on stderr."""
    version = outcome.version
    if version is None:
        _say(f"{_nothing_new(outcome)}; no version was made")
        return
    counts = version.manifest["counts"]
    state = "published" if outcome.published else "nothing changed, already published"
    if outcome.stopped:
        state = f"published what is complete ({counts['unfinished']} are not)"
    _say(
        f"{state}: {counts['records']} records, {counts['flagged']} flagged, {counts['held']} held, "
        f"{counts['failures']} failed, {counts['rejected']} rejected, "
        f"{counts.get('damaged', 0)} damaged, {counts['duplicates']} duplicates"
        f"{_unavailable(outcome)}"
    )
    with _keeping_the_exit_code(f"the version is {version.folder}"):
        typer.echo(str(version.folder))
        if show:
            from pipeline.commands.show import side_by_side

            side_by_side(version, limit=show)


def _nothing_new(outcome: Outcome) -> str:
    """Return why no version was made; only sources that were read whole are said to hold nothing new."""
    if not outcome.unavailable and not outcome.damaged:
        return "nothing new: every article of the sources is published"
    damaged = f"; {outcome.damaged} damaged" if outcome.damaged else ""
    return f"nothing new in what could be read{damaged}{_unavailable(outcome)}"


def _unavailable(outcome: Outcome) -> str:
    """Return the optional sources that were not read to their end, for a summary line."""
    return "".join(f"; unavailable: {reason}" for reason in outcome.unavailable)


@app.command(rich_help_panel=EVERY_DAY)
def plan(
    config: ConfigPath,
    overrides: Set = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    limit: Limit = None,
    until: UntilOption = None,
    only_new: OnlyNew = False,
    edition: Edition = None,
    as_json: AsJson = False,
) -> None:
    """Say what would be read, what is already paid for and how many calls remain; loads no model."""
    from pipeline import runner
    from pipeline.commands import listings
    from pipeline.commands.show import print_plan

    loaded = _load(config, overrides)
    day = _day(edition, loaded)
    with _stopping() as stopping, _progress() as progress:
        options = runner.Options(
            outputs=outputs, limit=limit, until=until, only_new=only_new, edition=day, stopping=stopping
        )
        planned = runner.plan(loaded, options=options, progress=progress)
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
    edition: Edition = None,
    as_json: AsJson = False,
) -> None:
    """Check config, sources, models, licences, disk and device: every problem at once, each with its remedy."""
    from pipeline.commands import listings
    from pipeline.commands.check import check as check_

    loaded = _load(config, overrides)
    findings = check_(loaded, outputs=outputs, trial=trial, edition=_day(edition, loaded))
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
    """Summarize and translate one article, on the screen; nothing is published."""
    from pipeline.commands.show import print_record
    from pipeline.commands.single import try_article

    with _progress() as progress:
        record = try_article(
            article,
            config=_load_given(config, overrides),
            summarizer=model,
            translator=translator,
            notice=progress.notice,
        )
    print_record(record)


@app.command(rich_help_panel=EVERY_DAY)
def translate(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="Vietnamese text, a sentence a line.")] = "-",
    model: Annotated[str | None, typer.Option("--model", help="Translate with this checkpoint.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Take the translator from this config.")] = None,
    overrides: Set = None,
) -> None:
    """Translate text: a line in, a line out."""
    from pipeline.commands.single import translate_lines

    with _progress() as progress:
        for line in translate_lines(
            file,
            config=_load_given(config, overrides),
            translator=model,
            notice=progress.notice,
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
    title: Annotated[str | None, typer.Option("--title", help="Its title; else the experiment's name.")] = None,
    output: Output = None,
) -> None:
    """Write what an editor mails: English headlines and summaries, with outlet, date and link, by topic."""
    from pipeline.export import brief as briefs
    from pipeline.storage import editions

    written = briefs.write(editions.find(outputs, version), to=to, watch=watch, hold=hold, title=title, output=output)
    _tell(written)


@app.command(rich_help_panel=EVERY_DAY)
def export(
    to: Annotated[Literal["xlsx", "csv", "jsonl"], typer.Option("--to", help="Excel, CSV or JSON lines.")],
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    output: Output = None,
) -> None:
    """Write every column of a version for a spreadsheet or another program; near copies share a `story`."""
    from pipeline.export import spreadsheets
    from pipeline.storage import editions

    _tell(spreadsheets.export(editions.find(outputs, version), to=to, output=output))


@app.command(rich_help_panel=EVERY_DAY)
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment's name; writes NAME.yaml.")],
    articles: Annotated[Path, typer.Option("--articles", help="The folder the articles are in.")] = Path("articles"),
) -> None:
    """Write a commented config for the articles in a folder."""
    from pipeline.commands.single import write_config

    written = write_config(name, articles=articles)
    with _keeping_the_exit_code(f"{written} is written"):
        typer.echo(str(written))


@app.command(rich_help_panel=INSPECT)
def runs(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this experiment.")] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    as_json: AsJson = False,
) -> None:
    """List the published versions, newest last."""
    from pipeline.commands import listings
    from pipeline.commands.show import print_runs
    from pipeline.storage import versions

    folders = [outputs / name] if name else versions.experiments(outputs)
    if name and not versions.versions(folders[0]):
        folders = [versions.find(outputs, name).folder.parent]  # raises, naming what there is
    for folder in folders:
        for said in versions.strays(folder):
            _say(said)
    listed = [(folder, versions.versions(folder)) for folder in folders]
    if as_json:
        typer.echo(listings.runs(listed))
    else:
        print_runs(listed)


@app.command(rich_help_panel=INSPECT)
def show(
    version: VersionName = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    limit: Limit = None,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="Print the records as JSON lines.")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="Print the articles that are not among them.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Only the records that are held back.")] = False,
) -> None:
    """Show a version: article beside summary and translation."""
    from pipeline.commands.show import print_failures, print_jsonl, side_by_side
    from pipeline.storage import editions

    if failures and hold:
        raise UsageError("show: a failure is no record and cannot be on hold; give --failures or --hold")
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
    """Say what a version is worth: scores where it has references, flags, lengths, novelty and speed."""
    from pipeline.evaluation import evaluate
    from pipeline.evaluation.tables import latex, print_tables
    from pipeline.storage import versions

    found = evaluate.evaluate(versions.find(outputs, version), comet_checkpoint=comet, comet_python=comet_python)
    match to:
        case "text":
            print_tables(evaluate.tables(found))
        case "json":
            typer.echo(evaluate.as_json(found))
        case "latex":
            typer.echo(latex(evaluate.tables(found)))


@app.command(rich_help_panel=INSPECT)
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="The version before: `name`, `name/prefix` or a path.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The version after.")],
    outputs: Outputs = DEFAULT_OUTPUTS,
    to: TableFormat = "text",
    records: Annotated[
        int, typer.Option("--records", min=0, metavar="N", help="Show the N records that differ most.")
    ] = 5,
) -> None:
    """Say what changed between two versions: the recipe, the scores, the flags, the records that differ most."""
    from pipeline.evaluation import compare as comparing
    from pipeline.evaluation.tables import latex
    from pipeline.storage import versions

    found = comparing.compare(versions.find(outputs, a), versions.find(outputs, b), records=records)
    match to:
        case "text":
            comparing.print_comparison(found)
        case "json":
            typer.echo(comparing.as_json(found))
        case "latex":
            typer.echo(latex(comparing.tables(found)))


@app.command(rich_help_panel=INSPECT)
def verify(version: VersionName = None, outputs: Outputs = DEFAULT_OUTPUTS) -> None:
    """Check every file of a version against its manifest."""
    from pipeline.storage import versions

    found = versions.find(outputs, version)
    versions.verify(found)
    typer.echo(f"{found.name}: all {len(found.manifest['files'])} files are as published")


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

    loaded = _load(config, overrides)
    day = _day(edition, loaded)
    with _progress() as progress:
        found = benching.bench(
            loaded,
            articles=articles or benching.ARTICLES,
            edition=day,
            notice=progress.notice,
        )
    for line in benching.report(found):
        typer.echo(line)


@app.command(rich_help_panel=KEEP_HOUSE)
def prune(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment.")],
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, metavar="N", help="Versions beyond the newest N go.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Versions older than this go: 12h, 30d.")
    ] = None,
    over: Annotated[
        str | None, typer.Option("--over", metavar="SIZE", help="The oldest go, until the rest takes this: 20GB.")
    ] = None,
    memo: Annotated[
        bool, typer.Option("--memo", help="Also the memo's calls of engines that no version left names.")
    ] = False,
    memo_older_than: Annotated[
        str | None, typer.Option("--memo-older-than", metavar="TIME", help="Also the memo's calls older than this.")
    ] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    yes: Yes = False,
    wait_lock: WaitLock = "0s",
) -> None:
    """Delete old versions, never `latest`, and calls of the memo that are paid again if they are asked for again."""
    from pipeline.commands import compact as compacting
    from pipeline.storage import versions

    compact = memo or memo_older_than is not None
    if keep is None and older_than is None and over is None and not compact:
        raise UsageError("prune: say what goes, with --keep N, --older-than 30d, --over 20GB or --memo")
    calls_age = None if memo_older_than is None else timedelta(seconds=_seconds(memo_older_than))
    doomed = versions.prune(
        outputs,
        name,
        keep=keep,
        older_than=None if older_than is None else timedelta(seconds=_seconds(older_than)),
        over=None if over is None else _bytes(over),
        really=yes,
        wait=_seconds(wait_lock),
        notice=_say,
    )
    going = [version for version, _ in doomed]
    compactions = (
        compacting.compact(outputs, name, going=going, older_than=calls_age, really=yes, warn=_say) if compact else []
    )
    with _keeping_the_exit_code(_whether_done(yes=yes)):
        _report_pruned(doomed, compactions, yes=yes)


def _report_pruned(doomed: list[tuple[Version, int]], compactions: list[Compaction], *, yes: bool) -> None:
    """Print what went, or would go: one line for each version, and for each engine of each memo."""
    from pipeline.runner.disk_space import told

    for version, size in doomed:
        typer.echo(f"{'deleted' if yes else 'would delete'} {version.name} ({told(size)})")
    for one in compactions:
        for engine, calls in sorted(one.calls.items()):
            brief = f"{engine[:_TOLD]}…" if len(engine) > _TOLD else engine
            typer.echo(f"{'removed' if yes else 'would remove'} {calls} calls from {one.memo} of {brief}")
    freed = sum(size for _, size in doomed) + sum(one.shrunk if yes else one.bytes for one in compactions)
    if doomed or any(one.calls for one in compactions):
        _say(f"freed {told(freed)}" if yes else f"would free about {told(freed)}; nothing is deleted without --yes")
    else:
        _say("nothing to delete")


@app.command(rich_help_panel=KEEP_HOUSE)
def forget(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="The article's id, as in the column `id`.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Only of this experiment; else of every one.")
    ] = None,
    memo: Annotated[
        bool, typer.Option("--memo", help="Empty the memo: nothing of the article is left, every call is paid again.")
    ] = False,
    outputs: Outputs = DEFAULT_OUTPUTS,
    yes: Yes = False,
    wait_lock: WaitLock = "0s",
) -> None:
    """Take an article that its publisher withdrew out of the memo and out of every version that holds it."""
    from pipeline.commands import forget as forgetting
    from pipeline.text.sanitize import one_line

    found = forgetting.forget(
        outputs, article_id, name=name, everything=memo, really=yes, wait=_seconds(wait_lock), notice=_say
    )
    with _keeping_the_exit_code(_whether_done(yes=yes)):
        for holding in found.holdings:
            held = one_line("; ".join(holding.titles)) or "among the failures"
            typer.echo(f"{'rewritten' if yes else 'would rewrite'} {holding.version.name} without: {held}")
        if found.calls:
            typer.echo(f"{'removed' if yes else 'would remove'} {found.calls} calls from the memo")
        for path in found.aside:
            typer.echo(f"{'deleted' if yes else 'would delete'} {path}, set aside as damaged")
        for path in found.cached:
            typer.echo(f"{'deleted' if yes else 'would delete'} {path}, rows that datasets.load_dataset cached")
    _say_what_is_left(found, name=name, emptied=memo, yes=yes)


def _say_what_is_left(found: Forgotten, *, name: str | None, emptied: bool, yes: bool) -> None:
    """Say what `forget` cannot reach."""
    from pipeline.storage import dataset_cache

    cache = dataset_cache.location()
    if found.already and not found.holdings:
        _say("withdrawn before: no version here holds it any more")
    if found.elsewhere:
        _say(f"still held, because --name asks for one experiment only: {', '.join(found.elsewhere)}")
    if not emptied:
        where = "a run published no version with it" if found.certain else "a run failed on it, or its version is gone"
        _say(f"calls made where {where} cannot be told from others: --memo empties the memo, and nothing is left")
    runs = "into these outputs" if name is None else f"of {name}"
    _say(
        f"{'searched' if dataset_cache.is_readable(cache) else 'nothing to read in'} the cache of "
        f"datasets.load_dataset at {cache}; not searched: those of other users, and a folder given as cache_dir"
    )
    _say("sources, exports, briefs and copies that were sent are not touched")
    _say(f"no later run {runs} publishes its text again")
    if not yes:
        _say("nothing is changed without --yes")


@app.command(rich_help_panel=KEEP_HOUSE)
def train(config: ConfigPath, overrides: Set = None) -> None:
    """Train a tokenizer, a summarizer or a translator, from scratch or from a checkpoint; resumes where it was."""
    from pipeline.train import train as train_

    with _stopping() as stopping, _progress() as progress:
        folder = train_(config, tuple(overrides or ()), progress=progress, stopping=stopping)
    with _keeping_the_exit_code(f"the result is in {folder}"):
        typer.echo(str(folder))


@models_app.callback()
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the checkpoints the catalog knows, with licence and whether they are in the local cache."""
    if context.invoked_subcommand is None:
        from pipeline.commands import listings
        from pipeline.commands.show import print_models

        if as_json:
            typer.echo(listings.models())
        else:
            print_models()


@models_app.command("pull")
def models_pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the catalog or of the hub.")],
    revision: Annotated[str | None, typer.Option("--revision", help="A commit, tag or branch.")] = None,
) -> None:
    """Download a checkpoint into the local cache and verify it."""
    from pipeline.checkpoints import pull
    from pipeline.runner import default_cache

    with _progress() as progress:
        snapshot = pull(name, revision=revision, cache=default_cache(), warn=progress.notice)
    with _keeping_the_exit_code(f"{snapshot.folder} is complete"):
        typer.echo(f"{name}@{snapshot.commit}\n{snapshot.folder}")


@models_app.command("pin")
def models_pin(config: ConfigPath) -> None:
    """Write the present commit of each hub checkpoint into a config."""
    from pipeline.commands.single import pin

    pinned = pin(config)
    with _keeping_the_exit_code(f"{config} is written"):
        for line in pinned:
            typer.echo(line)


def main() -> None:
    """Run the command line; every `TomdichError` becomes one message and its exit code."""
    streams.begin()
    if os.environ.get("COLUMNS", "1").strip("0") == "":
        del os.environ["COLUMNS"]  # 0 and an empty one mean that the width is not known; rich would print nothing
    code: str | int | None = 0
    try:
        app()
    except SystemExit as ended:
        code = ended.code
    except (HungError, AbandonedError) as error:  # its thread would be waited for at the end of a usual exit
        _say(f"error: {error}")
        with suppress(TomdichError):
            sys.stdout.flush()
        os._exit(error.exit_code)
    except TomdichError as error:
        code = _failed(error)
    except OSError as error:
        if (path := path_of(error)) is None:
            raise
        code = _failed(WorldError(describe(error, folder=path)))
    try:
        sys.stdout.flush()
    except TomdichError as error:
        code = code or _failed(error)
    raise SystemExit(code)


def _whether_done(*, yes: bool) -> str:
    return "all of it is done" if yes else "nothing is changed without --yes"


def _failed(error: TomdichError) -> int:
    """Print the message of `error` and return its exit code."""
    if not isinstance(error, ReaderGoneError):
        _say(f"error: {error}")
    return error.exit_code


@contextmanager
def _keeping_the_exit_code(done: str) -> Iterator[None]:
    """Print results of what is `done`: where stdout cannot take them, that is a notice, and no failure of the work."""
    try:
        yield
        sys.stdout.flush()
    except ReaderGoneError:
        pass
    except StdoutError as error:
        _say(f"{error}; {done}")


def _load(path: Path, overrides: list[str] | None) -> Config:
    from pipeline import config

    return config.load(path, tuple(overrides or ()))


def _load_given(path: Path | None, overrides: list[str] | None) -> Config:
    """Return the config of `--config`, else that of the bundled checkpoints, overrides applied."""
    from pipeline.commands.single import bundled_config

    return bundled_config(tuple(overrides or ())) if path is None else _load(path, overrides)


def _day(text: str | None, config: Config) -> date | None:
    """Return the day of `--edition`, in the config's time zone."""
    from pipeline.config import today
    from pipeline.storage.editions import day

    if text is not None and ".." in text:
        raise UsageError(f"--edition {text}: only `run` takes a range; name one day")
    return None if text is None else day(text, today=today(config))


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


def _seconds(text: str) -> float:
    """Return `90s`, `10m`, `2h` or `30d` in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
    seconds = _amount(text, units)
    if seconds is None:
        raise UsageError(f"{text}: write a time as 90s, 10m, 2h or 30d")
    if seconds > _LONGEST:
        raise UsageError(f"{text}: is longer than {_LONGEST // units['d']}d, a hundred years")
    return seconds


def _bytes(text: str) -> int:
    """Return `20GB` or `500MB` in bytes, in powers of a thousand as disks are sold."""
    size = _amount(text, {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12})
    if size is None or size > _LARGEST:
        raise UsageError(f"{text}: write a size as 500MB or 20GB")
    return int(size)


def _amount(text: str, units: dict[str, int]) -> float | None:
    """Return a number with one of these units as their product; None for what is written otherwise."""
    found = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)({'|'.join(units)})", text)
    return None if found is None else float(found[1]) * units[found[2]]


def _tell(written: Path) -> None:
    """Print where a file went, unless it went to stdout itself."""
    if written != Path("-"):
        with _keeping_the_exit_code(f"{written} is written"):
            typer.echo(str(written))


def _say(message: str) -> None:
    from pipeline.text.sanitize import visible

    typer.echo(visible(message), err=True)  # a path or an id in it is a stranger's


@contextmanager
def _stopping() -> Iterator[Callable[[], str | None]]:
    """Give a function that returns why to stop; a second signal ends the process at once.

    SIGHUP, of a terminal that is gone, stops like the others unless it is ignored (`nohup`). It is never the second
    signal: systemd and shells send it along with another one.
    """
    received: list[signal.Signals] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if any(one != signal.SIGHUP for one in received) and number != signal.SIGHUP:
            os._exit(130)
        received.append(signal.Signals(number))
        if len(received) > 1:
            return
        told = f"{received[0].name}: stopping after the batch in flight; once more to stop at once\n"
        with suppress(OSError):  # a stderr that is gone
            # not by way of `sys.stderr`: it raises where the signal came while something was printed
            os.write(2, told.encode())

    handled = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        handled.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield lambda: f"stopped by {received[0].name}" if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Give a progress bar on a terminal, a plain line every few seconds elsewhere; both on stderr."""
    from pipeline.progress import Bar, Lines

    if sys.stderr.isatty():
        with Bar() as bar:
            yield bar
    else:
        lines = Lines()
        yield lines
        lines.done()


if __name__ == "__main__":
    main()
