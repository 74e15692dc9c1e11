"""Render tables for a terminal and for LaTeX.

The cells may hold text from outside, so control sequences are escaped here, for every caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from pipeline.text.sanitize import visible

_ANY_WIDTH = 100_000  # characters
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "−": r"\ensuremath{-}", "≈": r"\ensuremath{\approx}", "→": r"\ensuremath{\to}",
    "×": r"\ensuremath{\times}", "±": r"\ensuremath{\pm}", "†": r"\ensuremath{^\dagger}", '"': r"\textquotedbl{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A title, headings, rows of cells, and notes below."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    align: Literal["numbers", "words"] = "numbers"  # numbers: all but the first column to the right
    label: str = ""  # by which a paper refers to it


def print_tables(tables: Iterable[Table], *, console: Console | None = None) -> None:
    """Print `tables` for a person, one under the other."""
    console = console or Console(highlight=False)
    for at, table in enumerate(tables):
        if at:
            console.print()
        console.print(Text(visible(table.title), style="bold"), soft_wrap=True)
        if table.rows:
            grid = _grid(table)
            if table.align == "numbers":
                print_whole(grid, console=console)
            else:
                print_fitted(grid, console=console)
        for note in table.notes:
            console.print(Text(visible(note), style="dim"), soft_wrap=True)


def print_whole(grid: Grid, *, console: Console) -> None:
    """Print `grid` in its natural width: on a narrow screen or in a pipe its lines are longer, and nothing is cut."""
    natural = Measurement.get(console, console.options.update(width=_ANY_WIDTH), grid).maximum
    screen = console.width
    console.width = max(screen, natural)  # rich prints nothing wider than its console
    console.print(grid)
    console.width = screen


def print_fitted(grid: Grid, *, console: Console) -> None:
    """Print `grid` with its cells folded to the screen, but for columns that are not wrapped: these stay whole.

    If the output is not a terminal, lines are not shortened, because a program may read them.
    """
    if not console.is_terminal:
        print_whole(grid, console=console)
        return
    screen, wide = console.width, console.options.update(width=_ANY_WIDTH)
    for column in grid.columns:
        if column.no_wrap:
            cells = (column.header, *column.cells)
            column.min_width = max(Measurement.get(console, wide, cell).maximum for cell in cells)
    console.width = max(screen, Measurement.get(console, wide, grid).minimum)
    console.print(grid)
    console.width = screen


def latex(tables: Iterable[Table]) -> str:
    """Return `tables` as LaTeX (booktabs): floats with the title as caption and the notes under the rule.

    Vietnamese needs XeLaTeX or LuaLaTeX, or the encoding T5.
    """
    return "\n".join(_float(table) for table in tables)


def latex_text(text: str) -> str:
    """Return `text` on one line, with what LaTeX or a terminal would obey written as what it is."""
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(visible(text).split()))


def _grid(table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="dim")
    for at, heading in enumerate(table.headings):
        right = table.align == "numbers" and at > 0
        grid.add_column(visible(heading), justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in table.rows:
        grid.add_row(*(Text(visible(text)) for text in row))
    return grid


def _float(table: Table) -> str:
    rest = len(table.headings) - 1
    columns = "l" + (
        "r" * rest if table.align == "numbers" else rf"p{{{0.66 / rest:.2f}\linewidth}}" * rest if rest else ""
    )
    body = [r"\begin{table}", r"\centering", rf"\caption{{{latex_text(table.title)}}}"]
    if table.label:
        body.append(rf"\label{{{table.label}}}")
    if table.rows:
        body += [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _line(table.headings),
            r"\midrule",
            *map(_line, table.rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    body += [rf"\par\smallskip\footnotesize {latex_text(note)}" for note in table.notes]
    return "\n".join([*body, r"\end{table}", ""])


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"
