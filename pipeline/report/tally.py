"""What the head of the report counts, gathered while the rows go by: bounded by kinds and lengths, not by records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

from pipeline.records import JSON, Category
from pipeline.storage.rows import category, on_hold

_EXAMPLES = 3


@dataclass(slots=True)
class Missing:
    """Articles that are not among the records for one reason, and the first few of them."""

    category: Category
    stage: str
    kind: str
    count: int = 0
    examples: list[dict[str, JSON]] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Counts over the records of a version."""

    records: int = 0
    held: int = 0
    flagged: int = 0
    suspect: int = 0  # flagged with more than notes
    flags: Counter[tuple[str, str]] = field(default_factory=Counter)  # (check, severity)
    article_words: Counter[int] = field(default_factory=Counter)
    summary_words: Counter[int] = field(default_factory=Counter)
    percents: Counter[int] = field(default_factory=Counter)  # words of the summary in a hundred of the article

    def add(self, row: dict[str, JSON]) -> None:
        """Count a row."""
        self.records += 1
        self.held += on_hold(row)
        self.flagged += bool(row["flags"])
        self.suspect += any(flag["severity"] != "note" for flag in row["flags"] or ())
        self.flags.update((flag["check"], flag["severity"]) for flag in row["flags"] or ())
        article, summary = len(row["article"].split()), len((row["summary"] or "").split())
        self.article_words[article] += 1
        if summary:
            self.summary_words[summary] += 1
        if summary and article:
            self.percents[round(100 * summary / article)] += 1


def missing(failures: Iterable[dict[str, JSON]]) -> list[Missing]:
    """Return the failures by kind: failed, damaged, rejected, duplicate; of each the most frequent first."""
    found: dict[tuple[Category, str, str], Missing] = {}
    for failure in failures:
        key = (category(failure), failure["stage"], failure["kind"])
        entry = found.setdefault(key, Missing(*key))
        entry.count += 1
        if len(entry.examples) < _EXAMPLES:
            entry.examples.append(failure)
    order = get_args(Category)

    def rank(entry: Missing) -> tuple[int, int, str, str]:
        return order.index(entry.category), -entry.count, entry.stage, entry.kind

    return sorted(found.values(), key=rank)
