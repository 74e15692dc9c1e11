"""What a config adds to the checks, and inspecting one record by all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.checks import (
    attribution,
    coverage,
    degeneration,
    hedges,
    labels,
    negation,
    numbers,
    procedure,
    support,
    truncation,
)
from pipeline.checks.editing import (
    OUTDATED,
    as_edited,
    downgrade_editors_summary,
    downgrade_reviewed,
    edit,
    has_editors_summary,
    outdated,
    released,
)
from pipeline.checks.names import comparison, gender
from pipeline.checks.terms import Terms
from pipeline.checks.view import View
from pipeline.corrections import Correction
from pipeline.glossary import Glossary, of_text
from pipeline.records import Flag, Translated

CHECK_FUNCTIONS: tuple[Callable[[View], Iterable[Flag]], ...] = (
    numbers.check,
    comparison.check,
    gender.check,
    negation.check,
    hedges.check,
    procedure.check,
    attribution.check,
    labels.check,
    coverage.check,
    degeneration.check,
    support.check,
    truncation.check,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a config adds to the checks: the glossary's terms and corrections, and which checks hold a record back."""

    terms: Terms = field(default_factory=lambda: Terms(()))
    corrections: Mapping[str, Correction] = field(default_factory=dict)  # by `glossary.sentence_key`
    hold: frozenset[str] = frozenset()
    glossary: Glossary = field(default_factory=Glossary)

    @classmethod
    def of(cls, glossary: Glossary, *, hold: tuple[str, ...]) -> Rules:
        """Return the rules that a glossary gives, ready for many records."""
        return cls(Terms(glossary.terms), glossary.corrections, frozenset((*hold, OUTDATED)), glossary)

    def holding(self, flags: Iterable[Flag]) -> list[Flag]:
        """Return the flags that hold a record back, unless it was released from them."""
        return [flag for flag in flags if flag.severity == "error" and flag.check in self.hold]


def inspect(translated: Translated, rules: Rules | None = None) -> Translated:
    """Return the record with the glossary's English, the flags of every check added to those it has, and its status."""
    rules = rules or Rules()
    if translated.article_sentences:  # the translating stage has applied the glossary, so that the summarizer read it
        edited = as_edited(translated)
    else:
        edited = edit(translated, terms=rules.terms, corrections=rules.corrections)
    record = edited.view.record
    found = _found(edited.view)
    by_editor = has_editors_summary(record)
    if by_editor or edited.approved:
        without = _found(View(replace(record, title_translation="", sentences=(), article_sentences=())))
        found = downgrade_reviewed(found, without=without, approved=edited.approved)
        if by_editor:
            found = downgrade_editors_summary(found, without=without)
    # a long text may get the same flag in each round: keep one
    flags = tuple(dict.fromkeys((*translated.flags, *edited.flags, *outdated(record, rules.glossary), *found)))
    holding = rules.holding(flags)
    if holding and (release := released(holding, of_text(rules.glossary.releases, record.article))):
        return replace(record, flags=(*flags, release), status="ok")
    return replace(record, flags=flags, status="hold" if holding else "ok")


def _found(view: View) -> list[Flag]:
    return [flag for check in CHECK_FUNCTIONS for flag in check(view)]
