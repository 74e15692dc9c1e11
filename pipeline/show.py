"""What the command line prints about versions, plans and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.checkpoints import list_models
from pipeline.records import Translated
from pipeline.runner import Plan
from pipeline.runner.publishing import row
from pipeline.store import Version


def rows(version: Version) -> Iterator[dict[str, Any]]:
    """Yield a version's records in order, one row group in memory at a time."""
    import pyarrow.parquet as pq

    for path in sorted((version.folder / "data").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                yield from batch.to_pylist()


def failures(version: Version) -> Iterator[dict[str, Any]]:
    """Yield a version's failures and rejections, in the order they were found."""
    with (version.folder / "failures.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def side_by_side(version: Version, *, limit: int | None) -> None:
    """Print the records: the article's beginning, its summary and its translation, sentence beside sentence."""
    console = Console(soft_wrap=False)
    for number, record in enumerate(islice(rows(version), limit)):
        if number:
            console.print()
        _print_row(console, record)
    total = version.manifest["counts"]["records"]
    if limit is not None and total > limit:
        console.print(f"\n… and {total - limit} more: tomdich show {version.name}", style="dim", highlight=False)


def print_record(record: Translated) -> None:
    """Print one record that is not published."""
    _print_row(Console(), row(record, keep=()))


def print_jsonl(version: Version, *, limit: int | None) -> None:
    """Print the records as JSON lines."""
    for record in islice(rows(version), limit):
        print(json.dumps(record, ensure_ascii=False))  # noqa: T201


def print_failures(version: Version, *, as_jsonl: bool) -> None:
    """Print the articles that are not among the records, and why."""
    found = list(failures(version))
    if as_jsonl:
        for failure in found:
            print(json.dumps(failure, ensure_ascii=False))  # noqa: T201
        return
    console = Console()
    if not found:
        console.print(f"{version.name}: every article read is among the records")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "kind", "where", "id", "message"):
        table.add_column(heading, overflow="fold")
    for failure in found:
        source = failure["source"]
        cells = (
            failure["stage"],
            failure["kind"],
            f"{source['path']}:{source['row']}",
            failure["id"],
            failure["message"],
        )
        table.add_row(*map(escape, cells))
    console.print(table)


def print_runs(listed: Sequence[tuple[Path, Sequence[Version]]]) -> None:
    """Print the versions of each experiment, newest last, with an arrow at `latest`."""
    console = Console()
    if not any(versions for _, versions in listed):
        console.print("no version is published here yet; `tomdich run CONFIG` publishes one")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "scope", "records", "flagged", "failed", "seconds", ""):
        table.add_column(heading, justify="right" if heading in {"records", "flagged", "failed", "seconds"} else "left")
    for folder, versions in listed:
        latest = (folder / "latest").resolve()
        for version in versions:
            manifest, counts = version.manifest, version.manifest["counts"]
            table.add_row(
                escape(version.name),
                manifest["scope"],
                str(counts["records"]),
                str(counts["flagged"]),
                str(counts["failures"]),
                f"{sum(manifest['timings'].values()):.1f}",
                "latest" if version.folder.resolve() == latest else "",
            )
    console.print(table)


def print_plan(plan: Plan) -> None:
    """Print what would be read, what is known and what remains."""
    console = Console(highlight=False)
    loaded = plan.loaded
    console.print(
        f"read {loaded.read}: {loaded.kept} articles, {loaded.duplicates} duplicates, {loaded.rejected} rejected, "
        f"{plan.failures} failed"
    )
    for tally in loaded.tallies:
        console.print(f"  {escape(tally.path)}: {tally.records} records", soft_wrap=True)
    if plan.unprepared:
        console.print(f"all calls remain, and cannot be counted yet: {escape(plan.unprepared)}", soft_wrap=True)
    for name, stage in plan.stages.items():
        depends = f", and at least {stage.waiting} that depend on them or on the stage before" if stage.waiting else ""
        console.print(f"{name}: {stage.known} calls known, {stage.missing} to make{depends}")


def print_models() -> None:
    """Print the catalog: what each checkpoint is for, its licence, and whether it is at hand."""
    console = Console()
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "stage", "licence", "on this machine", "note"):
        table.add_column(heading, overflow="fold")
    for listed in list_models():
        here = ", ".join(commit[:12] for commit in listed.commits) or ("yes" if listed.present else "no")
        entry = listed.entry
        table.add_row(*map(escape, (entry.name, entry.stage, entry.license, here, entry.note)))
    console.print(table)


def _print_row(console: Console, record: dict[str, Any]) -> None:
    console.print(Text(record["title"] or record["id"], style="bold"))
    if record["title_translation"]:
        console.print(Text(record["title_translation"], style="bold cyan"))
    words = record["article"].split()
    about = " · ".join(
        part
        for part in (record["outlet"], record["published"], f"{len(words)} words", record["source"]["path"])
        if part
    )
    console.print(Text(about, style="dim"), soft_wrap=True)
    console.print(Padding(Text(" ".join(words[:40]) + (" …" if len(words) > 40 else ""), style="dim"), (0, 2)))  # noqa: PLR2004
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    if record["sentences"]:
        for sentence in record["sentences"]:
            table.add_row(Text(sentence["summary"]), Text(sentence["translation"], style="cyan"))
    else:
        table.add_row(Text(record["summary"]), "")
    console.print(table)
    for flag in record["flags"]:
        console.print(Padding(Text(f"⚑ {flag['check']} ({flag['field']}): {flag['message']}", style="yellow"), (0, 2)))
