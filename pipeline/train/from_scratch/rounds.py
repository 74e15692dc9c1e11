"""Make a summarizer's training examples as in use: the headline with a part, then with first-round sentences.

A small summarizer trained on the start of an article and its abstract invents: an abstract says what is further down,
or nowhere. So a long article gives two examples, each of which can be answered from what it shows: one of its
parts, and the sentence of every part that is nearest to the abstract, all together. The answer is the abstract; where
too little of it occurs in the source, it is the nearest sentence there (the greedy oracle of extractive
summarization, Nallapati et al. 2017, for one sentence). Nearness to a headline that is shown counts most, and the first
sentence has a lead over the others: which sentence an abstract will take up often cannot be seen in what is shown,
and a small model trained on it chose no better than by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import TypeVar

from pipeline.extractive import summarize
from pipeline.ids import text_digest
from pipeline.text.chunking import Chunker
from pipeline.text.normalize import syllables
from pipeline.text.sentences import sentences
from pipeline.train.config import Rounds

T = TypeVar("T")

_SUMMARY_WEIGHT = 0.25  # of the similarity to a headline: the summary is not shown, so it only breaks ties
_LEAD = 0.35  # advantage of the first sentence, which a small model can recognize


def examples(title: str, text: str, summary: str, *, chunker: Chunker, rounds: Rounds) -> Iterator[tuple[str, str]]:
    """Yield source and target of one example (an article that fits in one part) or two.

    An article whose parts are too many for their sentences to fit together gives only the first. Which part it is, and
    whether the headline is shown, is drawn by the text itself: the same in every packing.
    """
    rng = Random(text_digest(text))  # noqa: S311 - no secret
    heading, beside = chunker.with_heading("" if rng.random() < rounds.untitled else title)
    parts = [part.text for part in beside.split(text)]
    wanted = _Wanted(summary, title if heading else "")
    if len(parts) == 1:
        yield heading + parts[0], wanted.supported(heading, parts[0], rounds.least_support)
        return
    nearest = [wanted.nearest(part) for part in parts]
    at = rng.randrange(len(parts))
    yield heading + parts[at], wanted.supported(heading, parts[at], rounds.least_support)
    together = [part.text for part in beside.split("\n".join(nearest))]
    if len(together) == 1:
        yield heading + together[0], wanted.supported(heading, together[0], rounds.least_support)


def extractive_examples(title: str, text: str, *, chunker: Chunker) -> Iterator[tuple[str, str]]:
    """Yield source and target where the answer is the extractive summary of what is shown, with its headline.

    An article of one part gives one example; a longer one gives two, a part drawn by the text, and the answers of all
    parts together, where these fit in one.
    """
    rng = Random(text_digest(text))  # noqa: S311 - no secret
    heading, beside = chunker.with_heading(title)
    parts = [part.text for part in beside.split(text)]

    def chosen(shown: str) -> str:
        return " ".join(summarize(shown, title))

    shown = parts[rng.randrange(len(parts))]
    yield heading + shown, chosen(shown)
    if len(parts) > 1:
        together = beside.split("\n".join(map(chosen, parts)))
        if len(together) == 1:
            yield heading + together[0].text, chosen(together[0].text)


class _Wanted:
    """A summary, and the similarity of sentences to it."""

    def __init__(self, summary: str, title: str) -> None:
        self.summary = summary
        self._words = _words(summary)
        self._sides = [
            (weight, Counter(words), Counter(pairwise(words)))
            for weight, words in ((_SUMMARY_WEIGHT, self._words), (1.0, _words(title)))
        ]

    def nearest(self, text: str) -> str:
        """Return the first sentence of `text` unless another is nearer by more than its lead: unigram and bigram F1."""
        first, *others = sentences(text)
        best = max(others, key=self._nearness, default=first)
        return best if self._nearness(best) > self._nearness(first) + _LEAD else first

    def supported(self, heading: str, text: str, least: float) -> str:
        """Return the summary where at least the share `least` of its words is shown, else the nearest sentence."""
        shown = {*_words(heading), *_words(text)}
        found = sum(word in shown for word in self._words)
        return self.summary if found >= least * len(self._words) else self.nearest(text)

    def _nearness(self, sentence: str) -> float:
        words = _words(sentence)
        singles, pairs = Counter(words), Counter(pairwise(words))
        return sum(weight * (_f1(ones, singles) + _f1(twos, pairs)) for weight, ones, twos in self._sides)


def _f1(wanted: Counter[T], found: Counter[T]) -> float:
    return 2 * (wanted & found).total() / max(1, wanted.total() + found.total())


def _words(text: str) -> Sequence[str]:
    return syllables(text.lower())
