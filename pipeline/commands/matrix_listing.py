"""Print the plan and the results of a matrix, for a person and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.checkpoints import OTHER_SEARCH
from pipeline.commands import listings
from pipeline.commands.matrix import CellPlan, CellResult, price
from pipeline.evaluation.tables import print_whole
from pipeline.progress import duration
from pipeline.records import JSON
from pipeline.runner.cells import Cell, Matrix
from pipeline.runner.planning import StagePlan
from pipeline.text.sanitize import one_line

_COUNTS = ("records", "flagged", "held", "failures")


def print_plan(matrix: Matrix, planned: Sequence[CellPlan]) -> None:
    """Print what each cell's run would compute, and the price of all of them."""
    console = Console(highlight=False, soft_wrap=True)
    of = "" if len(planned) == len(matrix.cells) else f" of {len(matrix.cells)}"
    console.print(escape(f"matrix {matrix.name}: {len(planned)}{of} cells; the baseline is {matrix.baseline.name}"))
    table = Table(box=None, pad_edge=False)
    for heading in ("cell", "known", "to make", "depending", "time", ""):
        table.add_column(heading, justify="left" if heading in {"cell", ""} else "right", no_wrap=True)
    for one in planned:
        paid = price([one])
        table.add_row(escape(one_line(one.cell.name)), *_numbers(one, paid), escape(_remark(one)))
    print_whole(table, console=console)
    total = price(planned)
    unknown = any(one.plan is None or one.plan.unprepared for one in planned)
    counted = "without the cells that cannot be counted: " if unknown else ""
    depending = f", and at least {total.waiting} that depend on them" if total.waiting else ""
    for said, names in _searches(planned).items():
        console.print(escape(one_line(f"{', '.join(names)}: {said}")))
    console.print(f"{counted}{total.known} calls known, {total.missing} to make{depending}{_time(total)}")


def _searches(planned: Sequence[CellPlan]) -> dict[str, list[str]]:
    """Return how the search of a cell differs from that of transformers, with the cells of which that is true."""
    found: dict[str, list[str]] = {}
    for one in planned:
        for stage, checkpoint in ({} if one.plan is None else one.plan.checkpoints).items():
            for difference in checkpoint.search_differences:
                found.setdefault(f"{stage}: {OTHER_SEARCH}: {difference}", []).append(one.cell.name)
    return found


def _numbers(one: CellPlan, paid: StagePlan) -> tuple[str, str, str, str]:
    if one.plan is None or one.plan.unprepared:
        return "", "", "", ""
    depending = f"≥ {paid.waiting}" if paid.waiting else "0"
    time = "" if paid.seconds is None or not (paid.missing or paid.waiting) else duration(paid.seconds)
    return str(paid.known), str(paid.missing), depending, time


def _remark(one: CellPlan) -> str:
    if one.plan is None:
        return f"error: {one_line(one.error)}"
    if one.plan.same:
        return f"published as {one.plan.same}"
    return one.plan.unprepared


def _time(total: StagePlan) -> str:
    if not total.missing and not total.waiting:
        return ""
    if total.seconds is None:
        return "; how long they take, no version here has measured"
    return f"; about {duration(total.seconds)} at the rate of earlier versions"


def print_results(matrix: Matrix, results: Sequence[CellResult]) -> None:
    """Print what each cell's run came to, the baseline marked."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("cell", "version", "records", "flagged", "held", "failed", "seconds", ""):
        table.add_column(heading, justify="left" if heading in {"cell", "version", ""} else "right", no_wrap=True)
    for one in results:
        name = escape(one_line(one.cell.name))
        version = None if one.outcome is None else one.outcome.version
        if version is None:
            said = f"exit {one.exit_code}: {one_line(one.error)}" if one.error else "no version"
            table.add_row(name, "", "", "", "", "", "", escape(said))
            continue
        counts = [str(version.manifest["counts"].get(count, 0)) for count in _COUNTS]
        seconds = f"{sum(version.manifest['timings'].values()):.1f}"
        state = "" if one.outcome is None or one.outcome.published else "published before"
        marks = ", ".join(filter(None, ("baseline" if one.cell is matrix.baseline else "", state)))
        table.add_row(name, escape(version.name), *counts, seconds, marks)
    print_whole(table, console=console)


def plan_json(matrix: Matrix, planned: Sequence[CellPlan]) -> str:
    """Return the plan of a matrix as JSON."""
    total = price(planned)
    return _json(
        matrix,
        [
            {
                **_cell(matrix, one.cell),
                "same": "" if one.plan is None else one.plan.same,
                "unprepared": "" if one.plan is None else one.plan.unprepared,
                **_calls(price([one])),
                "models": {} if one.plan is None else listings.models_of(one.plan.checkpoints),
                "error": one.error,
                "exit": one.exit_code,
            }
            for one in planned
        ],
        _calls(total),
    )


def results_json(matrix: Matrix, results: Sequence[CellResult]) -> str:
    """Return what the cells came to as JSON."""
    rows = []
    for one in results:
        version = None if one.outcome is None else one.outcome.version
        rows.append(
            {
                **_cell(matrix, one.cell),
                "version": None if version is None else version.name,
                "published": one.outcome is not None and one.outcome.published,
                "counts": None if version is None else version.manifest["counts"],
                "error": one.error,
                "exit": one.exit_code,
            }
        )
    return _json(matrix, rows, {})


def _cell(matrix: Matrix, cell: Cell) -> dict[str, JSON]:
    return {"cell": cell.name, "values": dict(cell.values), "baseline": cell is matrix.baseline}


def _calls(paid: StagePlan) -> dict[str, JSON]:
    return {"known": paid.known, "missing": paid.missing, "waiting": paid.waiting, "seconds": paid.seconds}


def _json(matrix: Matrix, cells: list[dict[str, JSON]], total: dict[str, JSON]) -> str:
    whole = {"matrix": matrix.name, "baseline": matrix.baseline.name, **total, "cells": cells}
    return json.dumps(whole, ensure_ascii=False, indent=2)
