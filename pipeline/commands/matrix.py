"""Plan and run the cells of a matrix: each is an ordinary run, and all share the one memo.

A call that several cells need is made by the first of them. A cell that fails leaves the others as they are. Nothing
but the memo and the published versions is kept between two commands: the same command again takes the answers of what
was killed from the memo, and finds the cells that are published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.engines import LoadedModel
from pipeline.errors import HungError, StoppedError, TomdichError
from pipeline.progress import Progress
from pipeline.runner import planning
from pipeline.runner.cells import Cell, Matrix
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.planning import Plan, StagePlan
from pipeline.runner.preparing import model_stages, stage_of
from pipeline.storage import labels
from pipeline.storage.versions import versions


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


def grouped(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells in the order in which they run: those with the same checkpoints one after the other.

    The checkpoints are those that the config names. Else the order is that of `cells`.
    """

    def checkpoints(cell: Cell) -> tuple[tuple[str | None, ...], ...]:
        stages = (stage_of(cell.config, name) for name in model_stages(cell.config, until=None))
        return tuple((stage.model, stage.revision, stage.engine, stage.compute_type) for stage in stages)

    first: dict[tuple[int, tuple[str | None, ...]], int] = {}  # by stage and checkpoint
    for at, cell in enumerate(cells):
        for key in enumerate(checkpoints(cell)):
            first.setdefault(key, at)
    return sorted(cells, key=lambda cell: [first[key] for key in enumerate(checkpoints(cell))])


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
    cells: Sequence[Cell],
    *,
    options: RunOptions,
    run_cell: Callable[[int, Cell, RunOptions, LoadedModel], Outcome],
) -> list[CellResult]:
    """Run `cells` of the matrix one after the other and return what each came to; one that fails does not end the rest.

    `run_cell` is given the number of the cell, from 1, the cell, its options, and the model that the cell before it
    left, which is loaded again only where a cell needs another one in between. A run that is stopped early ends them
    all: those that are left are results with the exit code of `StoppedError`. Each version is tagged as its cell, see
    `storage.labels`. Raises `HungError` where the process must end.
    """
    results: list[CellResult] = []
    current = {cell.name: "" for cell in matrix.cells}
    with LoadedModel() as models:
        for number, cell in enumerate(cells, start=1):
            tags = labels.cell_tags(matrix.name, cell.name, is_baseline=cell is matrix.baseline)
            try:
                outcome = run_cell(number, cell, replace(options, tags=(*options.tags, *tags)), models)
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
    return results
