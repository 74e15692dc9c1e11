"""Show two compared versions: tables and colored texts for a person, JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from difflib import SequenceMatcher

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pipeline.evaluation.compare import FIELDS, Change, Comparison
from pipeline.evaluation.evaluate import interval, signatures, signed
from pipeline.evaluation.metrics import P_VALUE
from pipeline.evaluation.tables import Table, print_tables
from pipeline.text.sanitize import one_line, visible

FIELD_NAMES = {"title_translation": "headline", "summary": "summary", "translation": "translation"}
_LISTED = 20  # ids that a person is shown; JSON has all
_LONG_VALUE = 40
_DIGEST = 12


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison for a person: tables, then the records side by side with what differs in color."""
    console = Console(highlight=False)
    print_tables(_tables(comparison), console=console)
    if not comparison.apart:
        return
    console.print(Text("\nThe records that differ most", style="bold"))
    for one in comparison.apart:
        console.print()
        about = f"  {one_line(one.id)}, {percent(one.distance)} apart"
        console.print(Text.assemble((one_line(one.title or one.id), "bold"), (about, "dim")), soft_wrap=True)
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        grid.add_column("", style="dim")
        grid.add_column("A", ratio=1)
        grid.add_column("B", ratio=1)
        for name in FIELDS:
            if one.a[name] or one.b[name]:
                grid.add_row(FIELD_NAMES[name], *_marked(one.a[name], one.b[name]))
        console.print(grid)


def tables(comparison: Comparison) -> list[Table]:
    """Return a comparison as tables, the records that differ most among them."""
    return [
        *_tables(comparison),
        *(
            Table(
                title=f"{one.title or one.id} ({one.id}), {percent(one.distance)} apart",
                headings=("", "A", "B"),
                rows=tuple(
                    (FIELD_NAMES[name], one.a[name], one.b[name]) for name in FIELDS if one.a[name] or one.b[name]
                ),
                align="words",
            )
            for one in comparison.apart
        ),
    ]


def as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON, two spaces a level."""
    return json.dumps(asdict(comparison), ensure_ascii=False, indent=2)


def _tables(comparison: Comparison) -> list[Table]:
    found = [_overview(comparison), _change_table(comparison)]
    if comparison.unpaired:
        found.append(_unpaired_table(comparison))
    return [*found, _score_table(comparison), _flag_table(comparison)]


def _overview(comparison: Comparison) -> Table:
    common = comparison.common
    changed = ", ".join(f"the {FIELD_NAMES[name]} of {count}" for name, count in comparison.changed.items() if count)
    differ = f"they differ in {changed}" if changed else "every headline, summary and translation is the same"
    one = ("A and B are one version; `tomdich runs` lists the others",) if comparison.a == comparison.b else ()
    return Table(
        title=f"A {comparison.a}  →  B {comparison.b}",
        headings=("",),
        rows=(),
        notes=(
            *one,
            f"{common} records in both" + (f"; {differ}" if common else ""),
            f"{len(comparison.unpaired)} in one only, or with another text in the other",
        ),
    )


def _change_table(comparison: Comparison) -> Table:
    single, changes = _stages_of_one(comparison.changes)
    recipe = [change for change in changes if change.section == "recipe"]
    rest = [change for change in changes if change.section != "recipe"]
    lines = [(f"stages.{change.field}", short_value(change.a), short_value(change.b)) for change in single]
    lines += [(change.field, short_value(change.a), short_value(change.b)) for change in recipe]
    lines += [(f"({change.section}) {change.field}", short_value(change.a), short_value(change.b)) for change in rest]
    title = "The recipe is the same" if comparison.same_recipe else "What changed in the recipe"
    notes = [f"{change.field} ran in one only: --to json lists its fields" for change in single]
    if rest:
        notes.append("in brackets: not in the recipe")
    if not lines:
        return Table(title=title + ", and so is all else", headings=("", "A", "B"), rows=())
    return Table(title=title, headings=("", "A", "B"), rows=tuple(lines), notes=tuple(notes), align="words")


def _stages_of_one(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return the stages that ran in one version only, each as one change of its model, and all other changes."""
    single = [
        replace(change, field=change.field.removesuffix(".name"))
        for change in changes
        if change.section == "models" and change.field.endswith(".name") and not (change.a and change.b)
    ]
    fields = tuple(
        (section, f"{prefix}{change.field}.")
        for change in single
        for section, prefix in (("recipe", "stages."), ("recipe", "repair."), ("models", ""))
    )
    return single, [
        change
        for change in changes
        if not any(change.section == section and change.field.startswith(start) for section, start in fields)
    ]


def _unpaired_table(comparison: Comparison) -> Table:
    shown, rest = comparison.unpaired[:_LISTED], len(comparison.unpaired) - _LISTED
    places = {"a": "A only", "b": "B only", "both": "both"}
    return Table(
        title="Records that are not compared",
        headings=("id", "in", "why"),
        rows=tuple((one.id, places[one.where], one.why) for one in shown),
        notes=(f"and {rest} more: --to json lists them all",) if rest > 0 else (),
        align="words",
    )


def _score_table(comparison: Comparison) -> Table:
    left_out = comparison.not_scored
    if comparison.other_references:
        left_out = (f"left out: {comparison.other_references} records whose references differ", *left_out)
    if not comparison.scores:
        title = "No scores" if comparison.not_scored else "No scores: no common record has a reference"
        return Table(title=title, headings=("",), rows=(), notes=left_out)
    return Table(
        title="Scores on the common records that have a reference",
        headings=("", "A", "B", "B − A", "95 %", "p", "n"),
        rows=tuple(
            (
                f"{one.of}, {one.difference.name}",
                f"{one.a.value:.2f}",
                f"{one.b.value:.2f}",
                signed(one.difference.value),
                interval(one.difference),
                f"{one.difference.p:.3f}",
                str(one.difference.texts),
            )
            for one in comparison.scores
        ),
        notes=(
            *left_out,
            P_VALUE,
            *signatures([one.a for one in comparison.scores]),
        ),
    )


def _flag_table(comparison: Comparison) -> Table:
    rows = [(flag.check, flag.severity, str(flag.a), str(flag.b), _step(flag.a, flag.b)) for flag in comparison.flags]
    for name, counts in (
        ("records on hold", comparison.held),
        ("texts repaired", comparison.repaired),
        ("of these by a second checkpoint", comparison.repaired_by_second),
    ):
        if any(counts) or (rows and name == "records on hold"):
            rows.append((name, "", str(counts[0]), str(counts[1]), _step(*counts)))
    return Table(
        title=f"Flags on the common records{'' if comparison.flags else ': none in either'}",
        headings=("check", "severity", "A", "B", "B − A"),
        rows=tuple(rows),
        notes=(comparison.flags_differ,) if comparison.flags_differ else (),
    )


def _step(a: int, b: int) -> str:
    return f"{b - a:+d}".replace("-", "−") if a != b else "="


def percent(share: float) -> str:
    """Return a distance as text: 1 % at least."""
    return f"{max(1, round(100 * share))} %"


def short_value(value: str) -> str:
    """Return a value at a length for a table; only digests are cut, and JSON has them whole."""
    if len(value) > _LONG_VALUE and set(value) <= set("0123456789abcdef"):
        return value[:_DIGEST] + "…"
    return value or "–"


def _marked(a: str, b: str) -> tuple[Text, Text]:
    """Return both texts with the words that differ in color."""
    words_a, words_b = visible(a).split(), visible(b).split()
    left, right = Text(), Text()
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, words_a, words_b, autojunk=False).get_opcodes():
        left.append("".join(f"{word} " for word in words_a[a1:a2]), "" if kind == "equal" else "bold red")
        right.append("".join(f"{word} " for word in words_b[b1:b2]), "" if kind == "equal" else "bold green")
    left.rstrip()
    right.rstrip()
    return left, right
