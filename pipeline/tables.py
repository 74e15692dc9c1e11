"""Tables of words and numbers, for a terminal and for LaTeX. Knows nothing of what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "−": r"\ensuremath{-}", "≈": r"\ensuremath{\approx}", "→": r"\ensuremath{\to}",
    "×": r"\ensuremath{\times}", "±": r"\ensuremath{\pm}", '"': r"\textquotedbl{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A title, headings, rows of cells, and notes to stand under it."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    align: Literal["numbers", "words"] = "numbers"  # numbers: all but the first column to the right


def print_tables(tables: Iterable[Table], *, console: Console | None = None) -> None:
    """Print `tables` for a person, one under the other."""
    console = console or Console(highlight=False)
    for at, table in enumerate(tables):
        if at:
            console.print()
        console.print(Text(table.title, style="bold"), soft_wrap=True)
        if table.rows:
            grid = _grid(table)
            # numbers are never cut to a narrow screen; words wrap
            natural = console.measure(grid).maximum if table.align == "numbers" else 0
            console.print(grid, width=max(console.width, natural), crop=False)
        for note in table.notes:
            console.print(Text(note, style="dim"), soft_wrap=True)


def latex(tables: Iterable[Table]) -> str:
    """Return `tables` as LaTeX (booktabs): floats with the title as caption and the notes under the rule.

    Vietnamese needs XeLaTeX or LuaLaTeX, or the encoding T5.
    """
    return "\n".join(_float(table) for table in tables)


def latex_text(text: str) -> str:
    """Return `text` with what LaTeX would obey written as what it is."""
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _grid(table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="dim")
    for at, heading in enumerate(table.headings):
        right = table.align == "numbers" and at > 0
        grid.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def _float(table: Table) -> str:
    rest = len(table.headings) - 1
    columns = "l" + (
        "r" * rest if table.align == "numbers" else rf"p{{{0.66 / rest:.2f}\linewidth}}" * rest if rest else ""
    )
    body = [r"\begin{table}", r"\centering", rf"\caption{{{latex_text(table.title)}}}"]
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
