"""What `tomdich compare` does with several versions: find them, the cells of a matrix too, and print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.errors import UsageError
from pipeline.evaluation import systems_tables
from pipeline.evaluation.systems import compare_systems
from pipeline.evaluation.tables import latex
from pipeline.export import comparison
from pipeline.storage import editions, labels, versions
from pipeline.storage.rows import Readable


@dataclass(frozen=True, slots=True)
class Asked:
    """The versions that are to be compared."""

    versions: tuple[Readable, ...]
    baseline: int = 0  # its index
    is_pair: bool = False  # two versions, without a baseline: the change from one to the other
    labels: Mapping[str, str] = field(default_factory=dict)  # by version: the cell of a matrix


def find(outputs: Path, names: Sequence[str], *, baseline: str | None, matrix: str | None) -> Asked:
    """Return the versions that are named, or the cells of a matrix; `baseline` is one of them or is added to them.

    Raises `UsageError` where one does not exist, or fewer than two are named.
    """
    found: list[Readable] = [editions.find(outputs, name) for name in names]
    first, cells = 0, {}
    if matrix is not None:
        of_matrix = _cells(outputs, matrix)
        cells = {cell.version.name: cell.name for cell in of_matrix}
        first = next((at for at, cell in enumerate(of_matrix) if cell.is_baseline), 0)
        found = [*(cell.version for cell in of_matrix), *found]
    if baseline is not None:
        chosen = editions.find(outputs, baseline)
        known = [version.name for version in found]
        if chosen.name not in known:
            found.append(chosen)
        first = [version.name for version in found].index(chosen.name)
    if len(found) < 2:  # noqa: PLR2004 - a comparison is of two
        raise UsageError("compare: name two versions or more, or a matrix; `tomdich runs` lists the versions")
    is_pair = len(found) == 2 and baseline is None and matrix is None  # noqa: PLR2004
    return Asked(tuple(found), first, is_pair, cells)


def _cells(outputs: Path, matrix: str) -> list[labels.Cell]:
    """Return the cells of a matrix, `NAME` or `experiment/NAME`; raises `UsageError` where it is none or several."""
    versions.refresh(outputs)
    experiment, _, name = matrix.rpartition("/")
    found = {
        folder.name: cells
        for folder in versions.experiments(outputs)
        if experiment in {"", folder.name} and (cells := labels.cells(versions.versions(folder), name))
    }
    if not found:
        raise UsageError(f"--matrix {matrix}: no version in {outputs} is a cell of it; `tomdich runs` lists them")
    if len(found) > 1:
        raise UsageError(
            f"--matrix {matrix}: several experiments have it; name one: {', '.join(f'{e}/{name}' for e in found)}"
        )
    return next(iter(found.values()))


def show(
    asked: Asked,
    *,
    to: Literal["text", "json", "latex", "csv", "html"],
    records: int,
    columns: Sequence[str],
    label: str,
) -> None:
    """Print the versions beside the baseline; the arguments are those of the command line."""
    found = compare_systems(asked.versions, labels=asked.labels, baseline=asked.baseline, records=records)
    match to:
        case "text":
            systems_tables.print_systems(found)
        case "json":
            print(systems_tables.as_json(found))  # noqa: T201
        case "latex":
            print(latex([systems_tables.paper_table(found, columns=columns, label=label)]))  # noqa: T201
        case "csv":
            print(systems_tables.as_csv(found, columns=columns), end="")  # noqa: T201
        case "html":
            print(comparison.page(found))  # noqa: T201
