"""Choose among candidates for a text by what the checks find in each: the part of the repair that needs no model.

A summary or a translation whose first answer is flagged is asked for again (`stages`). Of the first answer and the
candidates the one with the fewest errors is taken, then with the fewest warnings, then the first: the first answer is
before the candidates, these are in the order of the requests, and those of one request in the order of the model's
score. Notes do not count. A second checkpoint is asked only where an error is left: an error holds a record back, and a
warning alone is not worth another model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.checks import degeneration, negation, numbers, support, truncation
from pipeline.checks.names import comparison
from pipeline.checks.rules import CHECK_FUNCTIONS
from pipeline.checks.view import View
from pipeline.records import (
    Article,
    Flag,
    Generation,
    Hypothesis,
    Origin,
    RepairedText,
    RepairSource,
    Sentence,
    Translated,
)
from pipeline.text.sentences import sentences

_OF_A_PAIR = tuple(check for check in CHECK_FUNCTIONS if check not in (support.check, truncation.check))
_OF_A_SUMMARY: tuple[Callable[[View], Iterable[Flag]], ...] = (
    numbers.check,
    comparison.check,
    negation.check,
    degeneration.check,
    support.check,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that a model gave, or that was made from what it gave."""

    text: str
    finished: bool = True  # False: stopped by the length limit
    source: RepairSource = "first"
    rank: int = 0  # of the hypothesis in its beam, from 1; 0 where it is not from one


def of_beam(generation: Generation) -> list[Answer]:
    """Return the hypotheses of a beam, the best first."""
    best_first: tuple[Generation | Hypothesis, ...] = (generation, *generation.others)
    return [Answer(one.text.strip(), one.finished, "beam", rank) for rank, one in enumerate(best_first, start=1)]


def taken(record: RepairedText, text: str) -> Answer:
    """Return the answer that was taken, of which `record` says what happened and `text` is the text."""
    return Answer(text, f"{truncation.UNFINISHED} warning" not in record.after)


@dataclass(frozen=True, slots=True)
class Judgment:
    """What the checks find in a text: the names of its errors and warnings, each as often as it is found."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing but notes was found."""
        return not self.errors and not self.warnings

    @property
    def named(self) -> tuple[str, ...]:
        """The checks with their severities, each once."""
        errors, warnings = (f"{check} error" for check in self.errors), (f"{check} warning" for check in self.warnings)
        return tuple(dict.fromkeys((*errors, *warnings)))


Judge = Callable[[Answer], Judgment]


def judge_translation(answer: Answer, source: str, *, title: str, summary: str) -> Judgment:
    """Return what the checks find in a translation of `source`, a sentence of `summary`, or `title` itself.

    The summary takes the place of the article: it is what the translator could know.
    """
    is_title = source == title
    article = Article(id="", text=summary or title, text_sha256="", title=title, source=Origin("", 0))
    pair = () if is_title else (Sentence(source, answer.text),)
    view = View(Translated(article, article.text, answer.text if is_title else "", pair, ()))
    return _judged(answer, view, _OF_A_PAIR)


def judge_summary(answer: Answer, article: Article) -> Judgment:
    """Return what the checks find in a summary of `article`, before it is translated."""
    split = tuple(Sentence(sentence, "") for sentence in sentences(answer.text))
    return _judged(answer, View(Translated(article, answer.text, "", split, ())), _OF_A_SUMMARY)


def _judged(answer: Answer, view: View, checks: Sequence[Callable[[View], Iterable[Flag]]]) -> Judgment:
    if not answer.text.strip():
        return Judgment(("empty",), ())
    flags = [flag for check in checks for flag in check(view)]
    cut = () if answer.finished else (truncation.UNFINISHED,)
    unreadable = ("replacement",) if "�" in answer.text else ()
    return Judgment(
        (*(flag.check for flag in flags if flag.severity == "error"), *unreadable),
        (*(flag.check for flag in flags if flag.severity == "warning"), *cut),
    )


class Choice:
    """The best answer for one text so far."""

    def __init__(self, first: Answer, judge: Judge, *, field: str, index: int = 0) -> None:
        """Begin with the first answer to the text that `field` and `index` name, see `RepairedText`."""
        self.best = first
        self.found = self._of_first = judge(first)
        self._first, self._judge, self._field, self._index = first, judge, field, index
        self._seen = {first.text}

    @property
    def is_clean(self) -> bool:
        """Whether the checks find nothing in the best answer."""
        return self.found.is_clean

    def offer(self, candidates: Iterable[Answer]) -> None:
        """Take the candidate that is better than all before it, if one is."""
        for candidate in candidates:
            if candidate.text in self._seen:
                continue
            self._seen.add(candidate.text)
            found = self._judge(candidate)
            if _severity(found) < _severity(self.found):
                self.best, self.found = candidate, found

    def record(self) -> RepairedText:
        """Return what happened, for the published record."""
        return RepairedText(
            field=self._field,
            index=self._index,
            first=self._first.text,
            taken=self.best.source,
            rank=self.best.rank,
            candidates=len(self._seen) - 1,
            before=self._of_first.named,
            after=self.found.named,
        )

    def record_after(self, earlier: RepairedText) -> RepairedText:
        """Return what happened in all, with a second checkpoint, where the first answer is what `earlier` took."""
        own = self.record()
        source = earlier if own.taken == "first" else own
        return replace(
            earlier,
            taken=source.taken,
            rank=source.rank,
            candidates=earlier.candidates + own.candidates,
            after=own.after,
            second=True,
        )


def _severity(found: Judgment) -> tuple[int, int]:
    return len(found.errors), len(found.warnings)
