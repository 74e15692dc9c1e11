"""Show several compared versions: tables for a person, one table for a paper, CSV and JSON for a program."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict

from pipeline.errors import UsageError
from pipeline.evaluation.compare import FIELDS
from pipeline.evaluation.compare_tables import FIELD_NAMES, percent, short_value
from pipeline.evaluation.evaluate import interval, signatures, signed
from pipeline.evaluation.systems import COLUMNS, HOLM, Column, System, Systems
from pipeline.evaluation.tables import Table, print_tables
from pipeline.records import SEVERITIES
from pipeline.text.sanitize import cell

SIGNIFICANT = 0.05
_LISTED = 20  # ids that a person is shown; JSON has all
_PAPER = ("rougeL", "chrf++", "bleu", "errors", "seconds")  # what fits the width of a page
_LABEL = re.compile(r"[A-Za-z0-9:._-]+")
_MOST_CHANGES = 4  # of a recipe in the overview: a summarizer of another kind has a dozen
_SECONDS = "s/article: of the model stages, without the loading of the models"
_ESTIMATED = f"{_SECONDS}; ≈: estimated from the calls that the memo did not answer"


def print_systems(systems: Systems) -> None:
    """Print a comparison for a person."""
    print_tables(tables(systems))


def tables(systems: Systems) -> list[Table]:
    """Return a comparison as tables for a person, the records that differ most last."""
    found = [_overview(systems), _score_table(systems), _measure_table(systems), _flag_table(systems)]
    if systems.left_out:
        found.append(_left_out_table(systems))
    return [*found, *record_tables(systems)]


def record_tables(systems: Systems) -> list[Table]:
    """Return a table for each of the records that differ most: the texts of the systems side by side."""
    return [
        Table(
            title=f"{one.title or one.id} ({one.id}), {percent(one.distance)} apart",
            headings=("", *(system.letter for system in systems.systems)),
            rows=tuple(
                (FIELD_NAMES[name], *(texts[name] for texts in one.texts))
                for name in FIELDS
                if any(texts[name] for texts in one.texts)
            ),
            align="words",
        )
        for one in systems.apart
    ]


def paper_table(systems: Systems, *, columns: Sequence[str], label: str) -> Table:
    """Return one table for a paper: a row for each system, a column for each measure, † where it is significant.

    `columns`: keys of `COLUMNS`, in the order of the table; by default a few that fit a page. Raises
    `UsageError` for a column that does not exist or that no system has, and for a label that LaTeX cannot hold.
    """
    if not _LABEL.fullmatch(label):
        raise UsageError(f"--label {label}: consists of letters, digits, `:`, `.`, `_` and `-`, as tab:compare")
    chosen = _chosen(systems, columns or [one.key for one in systems.columns if one.key in _PAPER])
    base = systems.baseline
    notes = [f"Baseline: {base.label}. {systems.common} articles that every version has."]
    if any(column.key in one.compared for column in chosen for one in systems.systems):
        notes.append(f"†: differs from the baseline at {SIGNIFICANT} ({HOLM}).")
    notes += [f"{note}." for note in _time_notes(systems, chosen)]
    if any("/100" in column.heading for column in chosen):
        notes.append("/100: in 100 articles.")
    notes += signatures([base.scores[column.key] for column in chosen if column.key in base.scores])
    return Table(
        title=f"{len(systems.systems)} systems on {systems.common} articles",
        headings=("system", *(column.heading for column in chosen)),
        rows=tuple((one.label, *(_value(one, column, mark=True) for column in chosen)) for one in systems.systems),
        notes=tuple(notes),
        label=label,
    )


def as_csv(systems: Systems, *, columns: Sequence[str]) -> str:
    """Return a row for each system; of a score also its interval, its difference to the baseline and both p-values."""
    chosen = _chosen(systems, columns)
    header = ["system", "version", "baseline", "common"]
    for column in chosen:
        header += [column.key, "seconds_estimated"] if column.key == "seconds" else [column.key]
        if any(column.key in one.scores for one in systems.systems):
            header += [f"{column.key}_{name}" for name in ("low", "high")]
        if any(column.key in one.compared for one in systems.systems):
            header += [f"{column.key}_{name}" for name in ("difference", "p", "p_holm")]
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    for one in systems.systems:
        row: dict[str, object] = {"system": cell(one.label), "version": cell(one.version)}
        row |= {"baseline": cell(systems.baseline.version), "common": systems.common}
        row |= {column.key: one.values[column.key] for column in chosen if column.key in one.values}
        if "seconds_estimated" in header:
            row["seconds_estimated"] = str(one.replayed).lower()
        for column in chosen:
            if (score := one.scores.get(column.key)) is not None:
                row |= {f"{column.key}_low": score.low, f"{column.key}_high": score.high}
            if (compared := one.compared.get(column.key)) is not None:
                found = (compared.difference.value, compared.difference.p, compared.corrected)
                names = (f"{column.key}_{name}" for name in ("difference", "p", "p_holm"))
                row |= dict(zip(names, found, strict=True))
        writer.writerow(row)
    return out.getvalue()


def as_json(systems: Systems) -> str:
    """Return a comparison as JSON, two spaces a level; the flags as a list."""
    value = asdict(systems)
    for one, system in zip(value["systems"], systems.systems, strict=True):
        one["flags"] = [
            {"check": check, "severity": severity, "count": count}
            for (check, severity), count in sorted(system.flags.items())
        ]
    return json.dumps(value | {"correction": HOLM}, ensure_ascii=False, indent=2)


def _chosen(systems: Systems, columns: Sequence[str]) -> list[Column]:
    there = {column.key: column for column in systems.columns}
    for key in columns:
        if key not in there:
            known = key in {column.key for column in COLUMNS}
            why = "; ".join(("no version has it", *systems.not_scored)) if known else "no such column"
            raise UsageError(f"--columns {key}: {why}; there are: {', '.join(there)}")
    return [there[key] for key in columns] if columns else list(there.values())


def _value(system: System, column: Column, *, mark: bool = False) -> str:
    """Return a measure of a system as text; – where it is not known."""
    value = system.values.get(column.key)
    if value is None:
        return "–"
    compared = system.compared.get(column.key)
    dagger = "†" if mark and compared is not None and compared.corrected < SIGNIFICANT else ""
    about = "≈ " if column.key == "seconds" and system.replayed else ""
    return f"{about}{value:.{column.digits}f}{dagger}"


def _time_notes(systems: Systems, columns: Sequence[Column]) -> list[str]:
    if not any(column.key == "seconds" for column in columns):
        return []
    return [_ESTIMATED if any(one.replayed for one in systems.systems) else _SECONDS]


def _overview(systems: Systems) -> Table:
    base, *others = systems.systems
    rows = [(base.letter, base.label, "the baseline")]
    for one in others:
        shown = one.changes[:_MOST_CHANGES]
        changes = [f"{change.field}: {short_value(change.a)} → {short_value(change.b)}" for change in shown]
        if more := len(one.changes) - len(shown):
            changes.append(f"and {more} more, which --to json lists")
        rows.append((one.letter, one.label, "; ".join(changes) or "the recipe is that of the baseline"))
    left = f"{len(systems.left_out)} records are not in all of them with the same text, and are not compared"
    return Table(
        title=f"{len(systems.systems)} versions, {systems.common} records in all of them",
        headings=("", "version", "differs from A in"),
        rows=tuple(rows),
        notes=(left,) if systems.left_out else (),
        align="words",
    )


def _score_table(systems: Systems) -> Table:
    notes = list(systems.not_scored)
    if systems.other_references:
        notes.append(f"left out: {systems.other_references} records whose references differ")
    rows: list[tuple[str, ...]] = []
    for column in systems.columns:
        for one in systems.systems:
            if (score := one.scores.get(column.key)) is None:
                continue
            compared = one.compared.get(column.key)
            against = ("", "", "", "")
            if compared is not None:
                found = compared.difference
                against = signed(found.value), interval(found), f"{found.p:.3f}", f"{compared.corrected:.3f}"
            name = score.name if one.letter == "A" else ""
            rows.append((name, one.letter, f"{score.value:.2f}", interval(score), *against, str(score.texts)))
    if not rows:
        return Table(title="No scores: no common record has a reference", headings=("",), rows=(), notes=tuple(notes))
    return Table(
        title="Scores",
        headings=("", "", "score", "95 %", "− A", "95 %", "p alone", "p", "n"),
        rows=tuple(rows),
        notes=(*notes, HOLM, *signatures(list(systems.baseline.scores.values()))),
    )


def _measure_table(systems: Systems) -> Table:
    scored = systems.baseline.scores
    shown = [column for column in systems.columns if column.key not in scored]
    return Table(
        title="Flags, lengths and costs",
        headings=("", *(one.letter for one in systems.systems)),
        rows=tuple((column.heading, *(_value(one, column) for one in systems.systems)) for column in shown),
        notes=("/100: in 100 records", *_time_notes(systems, shown)),
    )


def _flag_table(systems: Systems) -> Table:
    kinds = {kind for one in systems.systems for kind in one.flags}
    ordered = sorted(
        kinds,
        key=lambda kind: (SEVERITIES.index(kind[1]), -sum(one.flags.get(kind, 0) for one in systems.systems), kind),
    )
    return Table(
        title=f"Flags on the common records{'' if ordered else ': none'}",
        headings=("check", "severity", *(one.letter for one in systems.systems)),
        rows=tuple((*kind, *(str(one.flags.get(kind, 0)) for one in systems.systems)) for kind in ordered),
    )


def _left_out_table(systems: Systems) -> Table:
    more = len(systems.left_out) - _LISTED
    return Table(
        title="Records that are not compared",
        headings=("id", "in", "why"),
        rows=tuple(
            (one.id, one.where, "the article’s text differs" if one.other_text else "not in the others")
            for one in systems.left_out[:_LISTED]
        ),
        notes=(f"and {more} more: --to json lists them all",) if more > 0 else (),
        align="words",
    )
