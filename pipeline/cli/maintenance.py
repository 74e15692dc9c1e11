"""The maintenance commands: prune, forget, train."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import (
    UsageError,
)

if TYPE_CHECKING:
    from pipeline.commands.compact import Compaction
    from pipeline.commands.forget import Forgotten
from pipeline.cli.options import DEFAULT_OUTPUTS, MAINTENANCE, Outputs, Set, app
from pipeline.cli.parsing import parse_bytes, parse_seconds
from pipeline.cli.terminal import keep_exit_code, say, show_messages, show_progress, stop_signals

Yes = Annotated[bool, typer.Option("--yes", help="Make the changes; without it, only report them.")]
WaitLock = Annotated[
    str, typer.Option("--wait-lock", metavar="TIME", help="Wait up to this long for a run of this name.")
]
TrainingConfigPath = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="The YAML config of a training; `configs/train` has examples.")
]
_TOLD = 100  # characters of an engine's identity


@app.command(rich_help_panel=MAINTENANCE)
def prune(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment.")],
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, metavar="N", help="Delete all but the newest N versions.")
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="TIME", help="Delete versions, and shards, older than this: 12h, 30d."),
    ] = None,
    over: Annotated[
        str | None,
        typer.Option("--over", metavar="SIZE", help="Delete the oldest versions until the rest take this much: 20GB."),
    ] = None,
    memo: Annotated[
        bool, typer.Option("--memo", help="Also delete the memo's calls of engines that no remaining version names.")
    ] = False,
    memo_older_than: Annotated[
        str | None,
        typer.Option("--memo-older-than", metavar="TIME", help="Also delete the memo's calls older than this."),
    ] = None,
    outputs: Outputs = DEFAULT_OUTPUTS,
    yes: Yes = False,
    wait_lock: WaitLock = "0s",
) -> None:
    """Delete old versions, but never `latest`, and calls of the memo; a deleted call is computed again when needed."""
    from pipeline.commands import compact as compacting
    from pipeline.storage import pruning

    compact = memo or memo_older_than is not None
    if keep is None and older_than is None and over is None and not compact:
        raise UsageError("prune: say what goes, with --keep N, --older-than 30d, --over 20GB or --memo")
    calls_age = None if memo_older_than is None else timedelta(seconds=parse_seconds(memo_older_than))
    with show_messages():
        age = None if older_than is None else timedelta(seconds=parse_seconds(older_than))
        wait = parse_seconds(wait_lock)
        to_delete = pruning.prune(
            outputs,
            name,
            keep=keep,
            older_than=age,
            over=None if over is None else parse_bytes(over),
            delete=yes,
            wait=wait,
        )
        old_shards = [] if age is None else pruning.prune_shards(outputs, name, older_than=age, delete=yes, wait=wait)
        going = [version for version, _ in to_delete]
        compactions = (
            compacting.compact(outputs, name, going=going, older_than=calls_age, delete=yes) if compact else []
        )
    with keep_exit_code(_whether_done(yes=yes)):
        named = [(version.name, size) for version, size in to_delete]
        named += [(f"shard {shard.share} of {name}", size) for shard, size in old_shards]
        _report_pruned(named, compactions, yes=yes)


def _report_pruned(to_delete: list[tuple[str, int]], compactions: list[Compaction], *, yes: bool) -> None:
    """Print what went, or would go: one line for each version or shard, and for each engine of each memo."""
    from pipeline.runner.disk_space import format_bytes

    for name, size in to_delete:
        typer.echo(f"{'deleted' if yes else 'would delete'} {name} ({format_bytes(size)})")
    for one in compactions:
        for engine, calls in sorted(one.calls.items()):
            brief = f"{engine[:_TOLD]}…" if len(engine) > _TOLD else engine
            typer.echo(f"{'removed' if yes else 'would remove'} {calls} calls from {one.memo} of {brief}")
    freed = sum(size for _, size in to_delete) + sum(one.shrunk if yes else one.bytes for one in compactions)
    if to_delete or any(one.calls for one in compactions):
        say(
            f"freed {format_bytes(freed)}"
            if yes
            else f"would free about {format_bytes(freed)}; nothing is deleted without --yes"
        )
    else:
        say("nothing to delete")


@app.command(rich_help_panel=MAINTENANCE)
def forget(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="The article's id, as in the column `id`.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Only from this experiment; by default from all.")
    ] = None,
    memo: Annotated[
        bool,
        typer.Option(
            "--memo", help="Empty the memo: nothing of the article remains, and every call is computed again."
        ),
    ] = False,
    outputs: Outputs = DEFAULT_OUTPUTS,
    yes: Yes = False,
    wait_lock: WaitLock = "0s",
) -> None:
    """Remove an article that its publisher withdrew from the memo and from every version that contains it."""
    from pipeline.commands import forget as forgetting
    from pipeline.text.sanitize import one_line

    with show_messages():
        found = forgetting.forget(
            outputs, article_id, name=name, everything=memo, delete=yes, wait=parse_seconds(wait_lock)
        )
    with keep_exit_code(_whether_done(yes=yes)):
        for holding in found.holdings:
            held = one_line("; ".join(holding.titles)) or "among the failures"
            typer.echo(f"{'rewritten' if yes else 'would rewrite'} {holding.version.name} without: {held}")
        for left in found.shards:
            where = f"shard {left.shard.share} of {left.shard.experiment.name}"
            typer.echo(f"{'removed' if yes else 'would remove'} {where}, which read it: run it again before the merge")
        if found.calls:
            typer.echo(f"{'removed' if yes else 'would remove'} {found.calls} calls from the memo")
        for path in found.aside:
            typer.echo(f"{'deleted' if yes else 'would delete'} {path}, set aside as damaged")
        for path in found.cached:
            typer.echo(f"{'deleted' if yes else 'would delete'} {path}, rows that datasets.load_dataset cached")
    _say_what_is_left(found, outputs, name=name, emptied=memo, yes=yes)


def _say_what_is_left(found: Forgotten, outputs: Path, *, name: str | None, emptied: bool, yes: bool) -> None:
    """Say what `forget` cannot reach."""
    from pipeline.storage import dataset_cache, object_store

    cache = dataset_cache.location()
    if found.already and not found.holdings and not found.shards:
        say("withdrawn before: no version here holds it any more")
    if found.elsewhere:
        say(f"still held, because --name asks for one experiment only: {', '.join(found.elsewhere)}")
    if not emptied:
        where = "a run published no version with it" if found.certain else "a run failed on it, or its version is gone"
        say(f"calls made where {where} cannot be identified: --memo empties the memo, and nothing is left")
    runs = "into these outputs" if name is None else f"of {name}"
    say(
        f"{'searched' if dataset_cache.is_readable(cache) else 'nothing to read in'} the cache of "
        f"datasets.load_dataset at {cache}; not searched: those of other users, and a folder given as cache_dir"
    )
    say("sources, exports, briefs and copies that were sent are not touched")
    if (store := object_store.of(outputs)) is not None:
        say(f"other machines that use {store.url} lose it with their next command, but not from their memos")
    say(f"no later run {runs} publishes its text again")
    if not yes:
        say("nothing is changed without --yes")


@app.command(rich_help_panel=MAINTENANCE)
def train(config: TrainingConfigPath, overrides: Set = None) -> None:
    """Train a tokenizer, summarizer or translator, from scratch or from a checkpoint; resumes a stopped training."""
    from pipeline.train import train as train_

    with stop_signals() as stopping, show_progress() as progress:
        folder = train_(config, tuple(overrides or ()), progress=progress, stopping=stopping)
    with keep_exit_code(f"the result is in {folder}"):
        typer.echo(str(folder))


def _whether_done(*, yes: bool) -> str:
    return "all of it is done" if yes else "nothing is changed without --yes"
