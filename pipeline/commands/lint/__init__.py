"""Check the translations in a file of pairs, and print what is found: for a person, as JSON lines, or as SARIF."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from pipeline.commands.lint.results import Totals, results
from pipeline.commands.lint.writers import LintFormat, writer
from pipeline.sources import bitext
from pipeline.sources.bitext import BitextFormat

__all__ = ["lint"]


def lint(
    file: str,
    *,
    source: str,
    target: str,
    format_: BitextFormat | None,
    to: LintFormat,
    advanced: Callable[[int], None],
) -> Totals:
    """Check every pair of `file` and print the results; return the totals.

    The other arguments are those of the command line. `advanced` is called with the number of units that were read. One
    unit is in memory at a time. Raises `SourceError` where the file cannot be read to its end, after the results until
    there.
    """
    totals = Totals()
    with writer(to, file) as out, closing(bitext.read(file, format_=format_, source=source, target=target)) as units:
        for result in results(units, totals=totals, advanced=advanced):
            out.write(result)
        out.end(totals)
    return totals
