"""Count published rows and failures, for the manifest, the report, `eval` and `compare`.

The memory that the counts take grows with the number of checks and of different lengths, not with the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, get_args

from pipeline.records import JSON, Category, Failure, Flag, PublishedRow, RepairedText, Severity, Status

FlagKind: TypeAlias = tuple[str, Severity]  # the check, and how severe

_EXAMPLES = 3


@dataclass(slots=True)
class Tally:
    """Counts over the published rows that were added to it."""

    records: int = 0
    held: int = 0
    flagged: int = 0
    above_note: int = 0  # records with a flag that is more than a note
    flags: Counter[FlagKind] = field(default_factory=Counter)
    flagged_by: Counter[FlagKind] = field(default_factory=Counter)  # records with at least one such flag
    article_words: Counter[int] = field(default_factory=Counter)  # records by the length of their article
    summary_words: Counter[int] = field(default_factory=Counter)
    translation_words: Counter[int] = field(default_factory=Counter)
    percents: Counter[int] = field(default_factory=Counter)  # by words of the summary in a hundred of the article
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)  # (stage, "source", "dropped" or "output")
    repaired: Counter[tuple[str, str]] = field(default_factory=Counter)  # (stage, outcome), see `add_repaired`

    def add(self, row: PublishedRow) -> None:
        """Count a row."""
        self.add_flags(row.flags, status=row.status)
        self.add_repaired(row.repaired)
        article, summary = len(row.article.split()), len(row.summary.split())
        self.article_words[article] += 1
        if not row.article_sentences:  # with them, the summary is English: it has no other length than `translation`
            self.summary_words[summary] += 1
        self.translation_words[len(row.translation.split())] += 1
        if summary and article:
            self.percents[round(100 * summary / article)] += 1
        for call in row.calls:
            self.tokens[call.stage, "source"] += call.source_tokens
            self.tokens[call.stage, "dropped"] += call.dropped_tokens
            self.tokens[call.stage, "output"] += call.output_tokens

    def add_flags(self, flags: Sequence[Flag], *, status: Status) -> None:
        """Count a row of which only the flags and the status were read."""
        kinds: list[FlagKind] = [(flag.check, flag.severity) for flag in flags]
        self.records += 1
        self.held += status == "hold"
        self.flagged += bool(kinds)
        self.above_note += any(severity != "note" for _, severity in kinds)
        self.flags.update(kinds)
        self.flagged_by.update(set(kinds))

    def add_repaired(self, repaired: Iterable[RepairedText]) -> None:
        """Count the texts of a row that were asked for again: "asked", of these "replaced", and "clean" afterwards.

        With a second checkpoint also those that it was asked for, "second_asked", and of these "second_taken".
        """
        for one in repaired:
            stage = "summarize" if one.field == "summary" else "translate"
            self.repaired[stage, "asked"] += 1
            self.repaired[stage, "replaced"] += one.taken != "first"
            self.repaired[stage, "clean"] += not one.after
            if one.second:
                self.repaired[stage, "second_asked"] += 1
                self.repaired[stage, "second_taken"] += one.taken == "second"

    def repaired_by_stage(self) -> dict[str, dict[str, int]]:
        """Return, of each stage, how many texts had each outcome."""
        found: dict[str, dict[str, int]] = {}
        for (stage, outcome), count in sorted(self.repaired.items()):
            found.setdefault(stage, {})[outcome] = count
        return found

    def statistics(self) -> dict[str, JSON]:
        """Return what the manifest holds under `statistics`: flags, mean lengths, repairs and tokens."""
        checks = Counter[str]()
        for (check, _), count in self.flags.items():
            checks[check] += count
        stages = sorted({stage for stage, _ in self.tokens})
        return {
            "flags": dict(sorted(checks.items())),
            "mean_words": {
                **({"summary": _mean(self.summary_words)} if self.summary_words or not self.records else {}),
                "translation": _mean(self.translation_words),
            },
            "repaired": self.repaired_by_stage(),
            "tokens": {stage: {side: self.tokens[stage, side] for side in ("source", "output")} for stage in stages},
        }


@dataclass(slots=True)
class FailureGroup:
    """The failures of one category, stage and kind: how many, and the first few of them."""

    category: Category
    stage: str
    kind: str
    count: int = 0
    examples: list[Failure] = field(default_factory=list)


def group_failures(failures: Iterable[Failure]) -> list[FailureGroup]:
    """Return the failures in groups: failed, damaged, rejected, duplicate; in each category the largest group first."""
    found: dict[tuple[Category, str, str], FailureGroup] = {}
    for failure in failures:
        key = (failure.category, failure.stage, failure.kind)
        group = found.setdefault(key, FailureGroup(*key))
        group.count += 1
        if len(group.examples) < _EXAMPLES:
            group.examples.append(failure)
    order = get_args(Category)
    return sorted(found.values(), key=lambda one: (order.index(one.category), -one.count, one.stage, one.kind))


def _mean(lengths: Counter[int]) -> float:
    return round(sum(length * count for length, count in lengths.items()) / max(1, lengths.total()), 2)
