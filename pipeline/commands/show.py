"""Print versions, records, failures, plans and checkpoints for a person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.checkpoints import OTHER_SEARCH, list_models
from pipeline.checks.pairs import CheckedPair
from pipeline.evaluation.tables import print_fitted, print_whole
from pipeline.progress import duration
from pipeline.records import SEVERITIES, Flag, PublishedRow, StageName, Translated
from pipeline.report.rows import Pair, pairs
from pipeline.runner.planning import Plan, StagePlan
from pipeline.runner.publishing import published_row
from pipeline.storage import labels
from pipeline.storage.editions import superseded
from pipeline.storage.rows import Readable, as_json, failures, rows
from pipeline.storage.versions import Version
from pipeline.text.sanitize import one_line, visible

_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}
_HOLD = "bold white on red"
_NUMBERS = {"records", "flagged", "held", "failed", "seconds"}
_PROSE = 30  # characters that a column of sentences has at least
_WORDS = 40  # of the article that are shown
_SHOWN = 60  # characters of what was expected or found
_LONGEST = 2000  # characters of a text of a pair that are shown
_MOST_FLAGS = 20  # flags of a pair that are shown


def side_by_side(version: Readable, *, limit: int | None, held: bool = False) -> None:
    """Print the records: the article's beginning, its summary and its translation, sentence beside sentence.

    What a flag is about is underlined in the flag's color. `held`: only the records that are held back.
    """
    console = Console(soft_wrap=False)
    for number, record in enumerate(_chosen(version, limit=limit, held=held)):
        if number:
            console.print()
        _print_row(console, record)
    total = version.manifest["counts"].get("held" if held else "records", 0)
    if held and not total:
        console.print(f"{version.name}: no record is held back", highlight=False, soft_wrap=True)
    if limit is not None:
        _say_more(console, total - limit, version, *(["--hold"] if held else []))


def print_record(record: Translated) -> None:
    """Print one record that is not published."""
    _print_row(Console(), published_row(record, keep=()))


def print_pair(console: Console, heading: str, pair: CheckedPair) -> None:
    """Print a pair of texts side by side, what a flag is about in its color, and the flags below.

    Of a very long text the beginning is shown, and of very many flags the worst; the rest is counted.
    """
    console.print(Text(visible(heading), style="bold"), soft_wrap=True)
    if pair.source or pair.target:
        _print_beside(
            console,
            [(_beginning(pair.source, "source", pair.flags), _beginning(pair.target, "target", pair.flags))],
        )
    worst_first = sorted(pair.flags, key=lambda flag: SEVERITIES.index(flag.severity))
    _print_flags(console, worst_first[:_MOST_FLAGS])
    if len(worst_first) > _MOST_FLAGS:
        rest = Counter(f"{flag.check} {flag.severity}" for flag in worst_first[_MOST_FLAGS:])
        said = ", ".join(f"{count} {name}" for name, count in rest.most_common())
        console.print(Padding(Text(f"… and {len(worst_first) - _MOST_FLAGS} more flags: {said}"), (0, 2)))


def _beginning(text: str, field: str, flags: Sequence[Flag]) -> Text:
    """Return a text with its flagged spans, or the beginning of a very long one and how much more there is."""
    if len(text) <= _LONGEST:
        return _marked(text, 0, field, flags)
    return Text.assemble(_marked(text[:_LONGEST], 0, field, flags), f" … and {len(text) - _LONGEST:,} more characters")


def print_jsonl(version: Readable, *, limit: int | None, held: bool = False) -> None:
    """Print the records, or only those that are held back, as JSON lines."""
    for record in _chosen(version, limit=limit, held=held):
        print(json.dumps(as_json(record), ensure_ascii=False))  # noqa: T201


def _chosen(version: Readable, *, limit: int | None, held: bool) -> Iterator[PublishedRow]:
    return islice((record for record in rows(version) if not held or record.status == "hold"), limit)


def print_failures(version: Readable, *, limit: int | None, as_jsonl: bool) -> None:
    """Print the articles that are not among the records, and why."""
    everything = list(failures(version))
    found = everything[:limit]
    if as_jsonl:
        for failure in found:
            print(json.dumps(asdict(failure), ensure_ascii=False))  # noqa: T201
        return
    console = Console()
    if not found:
        console.print(f"{version.name}: every article read is among the records", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "kind", "where", "id"):
        table.add_column(heading, no_wrap=True)
    table.add_column("message", overflow="fold", min_width=_PROSE)
    for failure in found:
        where = f"{failure.source.path}:{failure.source.row}"
        cells = (failure.stage, failure.kind, where, failure.id, failure.message)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    print_fitted(table, console=console)
    _say_more(console, len(everything) - len(found), version, "--failures")


def _say_more(console: Console, more: int, version: Readable, *options: str) -> None:
    if more > 0:
        said = " ".join([f"\n… and {more} more: tomdich show {version.name}", *options])
        console.print(said, style="dim", highlight=False, soft_wrap=True)


def print_runs(listed: Sequence[tuple[Path, Sequence[Version]]], *, tags: frozenset[str] = frozenset()) -> None:
    """Print the versions of each experiment that have all of `tags`, newest last, with an arrow at `latest`."""
    console = Console()
    labelled = {version.folder: labels.read(version) for _, versions in listed for version in versions}
    if not labelled:
        console.print("no version is published here yet; `tomdich run CONFIG` publishes one")
        return
    shown = {folder: one for folder, one in labelled.items() if tags <= {*one.tags}}
    if not shown:
        console.print(f"no version here has {' and '.join(sorted(tags))}", highlight=False, soft_wrap=True)
        return
    said = {"tags": any(one.tags for one in shown.values()), "note": any(one.note for one in shown.values())}
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "edition", "scope", "records", "flagged", "held", "failed", "seconds", ""):
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=True)
    for heading in (heading for heading, is_said in said.items() if is_said):
        table.add_column(heading, no_wrap=True)
    for folder, versions in listed:
        latest = (folder / "latest").resolve()
        replaced = superseded(versions)
        for version in (one for one in versions if one.folder in shown):
            manifest, counts = version.manifest, version.manifest["counts"]
            own = shown[version.folder]
            texts = {"tags": ", ".join(own.tags), "note": one_line(own.note)}
            table.add_row(
                escape(version.name),
                manifest.get("edition") or "",
                manifest["scope"],
                str(counts["records"]),
                str(counts["flagged"]),
                str(counts.get("held", 0)),
                str(counts["failures"]),
                f"{sum(manifest['timings'].values()):.1f}",
                "latest"
                if version.folder.resolve() == latest
                else "superseded"
                if version.folder.name in replaced
                else "",
                *(escape(text) for heading, text in texts.items() if said[heading]),
            )
    print_whole(table, console=console)  # a name that is cut names nothing


def print_plan(plan: Plan) -> None:
    """Print what would be read, what is known, what remains and how long it may take."""
    console = Console(highlight=False, soft_wrap=True)
    loaded = plan.loaded
    if plan.same:
        console.print(f"nothing changed: already published as {escape(plan.same)}")
    elif plan.supersedes:
        console.print(f"revises {', '.join(map(escape, plan.supersedes))}")
    known = f"{loaded.known} published before, " if loaded.known else ""
    console.print(
        f"read {loaded.read}: {loaded.count} articles, {known}{loaded.duplicates} duplicates, "
        f"{loaded.rejected} rejected, {loaded.damaged} damaged, {plan.failures} failed"
    )
    for tally in loaded.tallies:
        console.print(f"  {escape(tally.path)}: {tally.records} records")
    for failure in plan.listed:
        state = failure.category
        where = f"{failure.source.path}:{failure.source.row}"
        console.print(f"  {state}: {escape(visible(f'{where} {failure.id} ({failure.kind}): {failure.message}'))}")
    more = loaded.rejected + loaded.damaged + loaded.duplicates + plan.failures - len(plan.listed)
    if more > 0:
        console.print(f"  … and {more} more; a run lists every one in failures.jsonl")
    for name, checkpoint in plan.checkpoints.items():
        how = f"{checkpoint.engine} {checkpoint.compute_type} on {checkpoint.device}"
        why = f" ({'; '.join(checkpoint.choices)})" if checkpoint.choices else ""
        console.print(f"{name}: {escape(checkpoint.name)} by {how}{why}")
        for difference in checkpoint.search_differences:
            console.print(f"  {OTHER_SEARCH}: {difference}")
    if plan.unprepared:
        console.print(f"all calls remain, and cannot be counted yet: {escape(plan.unprepared)}")
    for name, stage in plan.stages.items():
        depends = _depending(name, stage)
        console.print(f"{name}: {stage.known} calls known, {stage.missing} to make{depends}{_time(stage)}")


def _depending(name: StageName, stage: StagePlan) -> str:
    if not stage.waiting:
        return ""
    if name == "repair":
        return f", and one for each error that is left in {stage.waiting} records, which are not translated yet"
    return f", and at least {stage.waiting} that depend on them or on the stage before"


def _time(stage: StagePlan) -> str:
    if not stage.missing and not stage.waiting:
        return ""
    if stage.seconds is None:
        return "; how long they take, no version here has measured"
    return f"; about {duration(stage.seconds)} at the rate of an earlier version"


def print_models() -> None:
    """Print the catalog: what each checkpoint is for, its license, and whether it is at hand."""
    console = Console()
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "stage", "license", "on this machine"):
        table.add_column(heading, no_wrap=True)
    table.add_column("note", overflow="fold", min_width=_PROSE)
    for listed in list_models():
        here = ", ".join(commit[:12] for commit in listed.commits) or ("yes" if listed.present else "no")
        entry = listed.entry
        table.add_row(*map(escape, (entry.name, entry.stage, entry.license, here, entry.note)))
    print_fitted(table, console=console)


def _print_row(console: Console, record: PublishedRow) -> None:
    held = Text.assemble((" HOLD ", _HOLD), " ") if record.status == "hold" else Text("")
    headline, *sentences = [
        *([] if record.title else [(Text(visible(record.id)), Text(""))]),
        *_paired(record),
    ]
    for text, style in zip(headline, ("bold", "bold cyan"), strict=True):
        if text.plain:
            text.style = style
            console.print(Text.assemble(held, text))
            held = Text("")
    words = record.article.split()
    about = " · ".join(
        part for part in (record.outlet, record.published, f"{len(words)} words", record.source.path) if part
    )
    console.print(Text(visible(about), style="dim"), soft_wrap=True)
    beginning = " ".join(words[:_WORDS]) + (" …" if len(words) > _WORDS else "")
    console.print(Padding(Text(visible(beginning), style="dim"), (0, 2)))
    _print_beside(console, sentences)
    _print_flags(console, record.flags)


def _print_beside(console: Console, sentences: Iterable[tuple[Text, Text]]) -> None:
    """Print each Vietnamese text beside its English."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    for vietnamese, english in sentences:
        english.style = "cyan"
        table.add_row(vietnamese, english)
    console.print(table)


def _print_flags(console: Console, flags: Iterable[Flag]) -> None:
    """Print the flags, the worst first."""
    for flag in sorted(flags, key=lambda flag: SEVERITIES.index(flag.severity)):
        console.print(Padding(_flag(flag), (0, 2)))


def _paired(record: PublishedRow) -> Iterator[tuple[Text, Text]]:
    """Yield the headline and the sentences beside their translations, what a flag is about in its color.

    Of an article that was translated first, only the sentences with a flag of more than a note.
    """
    for pair in pairs(record):
        if pair.fields[0] == "article" and not any(_is_on(flag, pair) for flag in record.flags):
            continue
        source, target = pair.fields
        yield (
            _marked(pair.vietnamese, pair.vietnamese_start, source, record.flags),
            _marked(pair.english, pair.english_start, target, record.flags),
        )


def _is_on(flag: Flag, pair: Pair) -> bool:
    """Return whether a flag that is more than a note is on one of the texts of a pair."""
    sides = zip(pair.fields, (pair.vietnamese_start, pair.english_start), (pair.vietnamese, pair.english), strict=True)
    return flag.severity != "note" and any(
        flag.field == field and start is not None and start <= flag.start and flag.end <= start + len(text)
        for field, start, text in sides
    )


def _marked(text: str, start: int | None, field: str, flags: Sequence[Flag]) -> Text:
    """Return a text at `start` of `field`, with its flagged spans; those of the whole text mark nothing."""
    marked = Text(text)
    if start is not None:
        for flag in sorted(flags, key=lambda flag: -SEVERITIES.index(flag.severity)):
            begin, end = max(flag.start - start, 0), min(flag.end - start, len(text))
            if flag.field == field and begin < end and (begin, end) != (0, len(text)):
                marked.stylize(f"{_COLOURS[flag.severity]} underline", begin, end)
    return _visible(marked)


def _visible(text: Text) -> Text:
    """Return `text` with what could act in a terminal written out; its marks stay where they were."""
    if visible(text.plain) == text.plain:
        return text
    return Text("").join(Text(visible(one.plain), spans=one.spans) for one in text.divide(range(1, len(text))))


def _flag(flag: Flag) -> Text:
    details = (("expected", flag.expected), ("found", flag.found))
    shown = [f"{name} {_shortened(visible(text))}" for name, text in details if text]
    return Text.assemble(
        (f"⚑ {flag.check}", _COLOURS[flag.severity]),
        f"{f' ({flag.field})' if flag.field else ''}: {visible(flag.message)}",
        (f" · {', '.join(shown)}" if shown else "", "dim"),
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
