"""Plan and run the cells of a matrix: each is an ordinary run, and all share the one memo.

A call that several cells need is made by the first of them. A cell that fails leaves the others as they are. Nothing
but the memo and the published versions is kept between two commands: the same command again takes the answers of what
was killed from the memo, and finds the cells that are published.

One model is in memory at a time, and each cell needs two, or three with `translate.repair.model`. So the summaries of
all cells are made first, and kept in the memo, but for those of cells that translate first; the cells with one
translator follow each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.config import Config
from pipeline.engines import LoadedModel
from pipeline.errors import HungError, StoppedError, TomdichError
from pipeline.progress import Progress
from pipeline.records import DEFAULT_ORDER, StageName
from pipeline.runner import planning
from pipeline.runner.cells import Cell, Matrix
from pipeline.runner.chain import SummarizedAhead
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.planning import Plan, StagePlan
from pipeline.runner.preparing import stage_of
from pipeline.storage import labels
from pipeline.storage.versions import settle_latest, versions


@dataclass(frozen=True, slots=True)
class CellPlan:
    """What a cell's run would do, or the error that it would end with."""

    cell: Cell
    plan: Plan | None
    error: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a cell's run came to."""

    cell: Cell
    outcome: Outcome | None
    error: str = ""
    exit_code: int = 0


def in_order(cells: Sequence[Cell], *, options: RunOptions) -> list[Cell]:
    """Return the cells in the order in which they run: those whose last model is the same one after the other."""
    return _grouped(cells, by="summarize" if options.until else "translate")


def _grouped(cells: Iterable[Cell], *, by: StageName) -> list[Cell]:
    """Return the cells with those together whose config names the same checkpoint in a stage, else in their order."""
    groups: dict[tuple[str | None, ...], list[Cell]] = {}
    for cell in cells:
        stage = stage_of(cell.config, by)
        key = stage.model, stage.revision, stage.engine, stage.compute_type
        groups.setdefault(key, []).append(cell)
    return [cell for group in groups.values() for cell in group]


def plan(cells: Iterable[Cell], *, options: RunOptions, progress: Progress) -> list[CellPlan]:
    """Return the plan of each cell, in order; a call that several cells need is counted in the first of them."""
    planned: list[CellPlan] = []
    with planning.open_planner() as planner:
        for cell in cells:
            try:
                found = planner.plan(cell.config, options=options, progress=progress)
            except StoppedError:
                raise
            except TomdichError as error:
                planned.append(CellPlan(cell, None, str(error), error.exit_code))
            else:
                planned.append(CellPlan(cell, found))
    return planned


def price(planned: Iterable[CellPlan]) -> StagePlan:
    """Return the calls of all cells and stages together; no seconds where a stage with calls to make has none."""
    named = [named for one in planned if one.plan is not None for named in one.plan.stages.items()]
    stages = [stage for _, stage in named]
    paid = [stage for stage in stages if stage.missing or stage.waiting]
    seconds = [stage.seconds for stage in paid if stage.seconds is not None]
    return StagePlan(
        known=sum(stage.known for stage in stages),
        missing=sum(stage.missing for stage in stages),
        waiting=sum(stage.waiting for name, stage in named if name != "repair"),  # which may need no call at all
        seconds=sum(seconds) if len(seconds) == len(paid) else None,
    )


def run(
    matrix: Matrix,
    planned: Sequence[CellPlan],
    *,
    options: RunOptions,
    summarize_cell: Callable[[Cell, RunOptions, LoadedModel], SummarizedAhead],
    run_cell: Callable[[int, Cell, RunOptions, LoadedModel, SummarizedAhead | None], Outcome],
) -> list[CellResult]:
    """Run the planned cells of the matrix one after the other and return what each came to.

    First `summarize_cell` makes the summaries of the cells that lack some, so that each model is loaded once: the
    summarizers, then the translators. With a deadline it does not, so that what is finished in time is published.
    `run_cell` is also given the number of the cell, from 1. Both are given the model that the cell before it left.

    A cell that fails does not end the rest. A run that is stopped early ends them all: those that are left are results
    with the exit code of `StoppedError`. Each version is tagged as its cell, see `storage.labels`. Raises `HungError`
    where the process must end.
    """
    cells = [one.cell for one in planned]
    results: list[CellResult] = []
    current = {cell.name: "" for cell in matrix.cells}
    with LoadedModel() as models:
        try:
            ahead = _summarized_ahead(planned, options=options, models=models, summarize_cell=summarize_cell)
        except StoppedError as error:
            return [CellResult(cell, None, str(error), error.exit_code) for cell in cells]
        for number, cell in enumerate(cells, start=1):
            tags = labels.cell_tags(matrix.name, cell.name, is_baseline=cell is matrix.baseline)
            asked = replace(options, tags=(*options.tags, *tags))
            try:
                outcome = run_cell(number, cell, asked, models, ahead.get(cell.name))
            except HungError:
                raise
            except TomdichError as error:
                models.close()  # the model or its device may be what failed
                results.append(CellResult(cell, None, str(error), error.exit_code))
                if isinstance(error, StoppedError):
                    left = cells[number:]
                    results += [CellResult(one, None, "not begun", error.exit_code) for one in left]
                    break
            else:
                results.append(CellResult(cell, outcome))
                if outcome.version is not None:
                    current[cell.name] = outcome.version.folder.name
            there = versions(options.outputs / cell.config.name)
            labels.settle_cells(there, matrix.name, current, baseline=matrix.baseline.name)
    settle_latest(options.outputs, matrix.baseline.config.name)  # the baseline may be another one now
    return results


def _summarized_ahead(
    planned: Sequence[CellPlan],
    *,
    options: RunOptions,
    models: LoadedModel,
    summarize_cell: Callable[[Cell, RunOptions, LoadedModel], SummarizedAhead],
) -> dict[str, SummarizedAhead]:
    """Return by cell what was done ahead of the runs; where that fails, the cell's own run says why.

    Raises `StoppedError` and `HungError`.
    """
    lacking: list[Cell] = []
    summarized: list[Config] = []  # as if all had one translator
    for one in planned:
        config = one.cell.config.model_copy(update={"translate": planned[0].cell.config.translate})
        if _lacks_summaries(one) and config not in summarized:
            lacking.append(one.cell)
            summarized.append(config)
    if options.deadline is not None or options.until is not None or lacking in ([], [planned[0].cell]):
        return {}
    found: dict[str, SummarizedAhead] = {}
    for cell in _grouped(lacking, by="summarize"):
        try:
            found[cell.name] = summarize_cell(cell, options, models)
        except (HungError, StoppedError):
            raise
        except TomdichError:
            models.close()
    return found


def _lacks_summaries(one: CellPlan) -> bool:
    """Return whether calls of the summarizer are to be made first in the cell, as far as that is known."""
    if one.plan is None or one.plan.same or one.cell.config.order != DEFAULT_ORDER:
        return False
    stage = one.plan.stages.get("summarize")
    return bool(one.plan.unprepared) if stage is None else bool(stage.missing or stage.waiting)
