"""Extractive summaries without a model: sentences of the article, chosen by a linear score, in the article's order.

A selection of sentences is scored by a few features (`Candidates.features`) with the weights `WEIGHTS`. Captions and
fragments (`_is_fragment`) are candidates only where nothing else is left. The search adds the best sentence until the
selection is full, then exchanges single sentences as long as the score grows, so its time is about linear in the
length of the article. Pure functions of two strings: deterministic, no model, no file.

The weights are fitted to ROUGE on summaries that are faithful to their article; the command prints them, the scores of
the cross-validation by which the features were chosen, and the scores on the development set:

    python -m tests.benchmarks.extractive

ROUGE-1/2/L on syllables, through the pipeline: 51.8/38.3/40.1 on `summaries.dev` (the first two sentences
47.7/34.5/36.9), 28.3/15.5/20.0 on the first 1,000 articles of vietnews val (25.9/14.0/18.5); the commands are in
tests/benchmarks/README.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, cast

from pipeline.catalog import MODEL_FREE
from pipeline.ids import digest
from pipeline.text.normalize import press_tone, small, syllables
from pipeline.text.sentences import sentences

Method = Literal["extractive", "lead"]
SENTENCES = 2
"""How many sentences a summary has by default."""

VERSION = 1
"""Bumped whenever a change here changes which sentences are chosen; `fingerprint` holds it beside the weights."""

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "coverage": 14.8,
        "density": 14.4,
        "headline": 14.4,
        "figures": 9.9,
        "length": 5.2,
    }
)

_DECAY = 200  # syllables of text over which the importance of a syllable pair falls by a factor of e
_TYPICAL = 30  # syllables of a sentence
_MOST_FIGURES = 3  # of a sentence that count
_SHORTEST = 8  # syllables; a shorter sentence is a heading, a name or a shout

_FIGURE = re.compile(r"\d[\d.,]*")
_ENDS = re.compile(r"[.!?…][\"'”’»)\]]*\Z")
_PICTURE = "(?:(?:nguồn |hình )?ảnh|clip|video|đồ họa)"
_CREDITED = re.compile(rf"\({_PICTURE}\b[^()]*\)[.\s]*\Z")
_CREDIT_LENGTH = 100  # characters at the end of a sentence that are searched for a picture's credit


def method(name: str) -> Method:
    """Return the method that a config calls `name`."""
    assert name in MODEL_FREE, name
    return cast("Method", name)


def fingerprint(method: Method) -> str:
    """Return the digest of everything but the article and the count that changes what `summarize` chooses."""
    return digest({"method": method, "version": VERSION, "weights": dict(WEIGHTS) if method == "extractive" else {}})


def summarize(text: str, title: str, *, method: Method = "extractive", count: int = SENTENCES) -> list[str]:
    """Return `count` sentences of `text`, all where it has fewer, in its order; the first ones for `lead`.

    Empty only where `text` is blank.
    """
    if method == "lead":
        return sentences(text)[:count]
    candidates = Candidates(text, title)
    return [candidates.sentences[at] for at in candidates.best(count)]


class Candidates:
    """The sentences of an article, and what the features of a selection are computed from."""

    def __init__(self, text: str, title: str) -> None:
        """Split the text and weigh its pairs of neighbouring syllables; the title may be empty."""
        self.sentences = sentences(text)
        words = [_words(sentence) for sentence in self.sentences]
        whole = [
            at for at, sentence in enumerate(self.sentences) if not _is_fragment(sentence, syllables=len(words[at]))
        ]
        self.eligible = whole or list(range(len(self.sentences)))
        self._lengths = [len(own) for own in words]
        self._words = [frozenset(own) for own in words]
        self._pairs = [frozenset(pairwise(own)) for own in words]
        self._headline = frozenset(_words(title))
        self._figures = [min(_MOST_FIGURES, len(_FIGURE.findall(sentence))) for sentence in self.sentences]
        # A pair of syllables is about a word of Vietnamese. It weighs the more, the more sentences have it, and the
        # earlier they stand.
        before = 0
        self._importance: Counter[tuple[str, str]] = Counter()
        for length, pairs in zip(self._lengths, self._pairs, strict=True):
            early = math.exp(-before / _DECAY)
            for pair in pairs:
                self._importance[pair] += early  # type: ignore[assignment]
            before += length
        self._total = math.fsum(self._importance.values()) or 1.0

    def features(self, chosen: Sequence[int]) -> tuple[float, ...]:
        """Return the features of a selection, indices of sentences in order, as `WEIGHTS` names them."""
        count = len(chosen)
        pairs = frozenset[tuple[str, str]]().union(*(self._pairs[at] for at in chosen))
        words = frozenset[str]().union(*(self._words[at] for at in chosen))
        # not sum(): in the order of a set it is another number in another process
        covered = math.fsum(self._importance[pair] for pair in pairs)
        excess = sum(self._lengths[at] for at in chosen) / count / _TYPICAL - 1
        return (
            covered / self._total,
            covered / max(1, len(pairs)),
            len(self._headline & words) / max(1, len(self._headline)),
            sum(self._figures[at] for at in chosen) / count / _MOST_FIGURES,
            -excess * excess,
        )

    def best(self, count: int, weights: Sequence[float] = tuple(WEIGHTS.values())) -> list[int]:
        """Return the indices of the `count` sentences, or all eligible ones, that the search finds best, in order."""
        if len(self.eligible) <= count:
            return self.eligible

        def score(chosen: Sequence[int]) -> float:
            return math.fsum(map(float.__mul__, weights, self.features(chosen)))

        chosen: list[int] = []
        for _ in range(count):
            chosen = max(self._with_one_more(chosen), key=score)
        found = score(chosen)
        while True:
            exchanges = (more for out in chosen for more in self._with_one_more([at for at in chosen if at != out]))
            better = max(exchanges, key=score)
            if score(better) <= found:
                return chosen
            chosen, found = better, score(better)

    def _with_one_more(self, chosen: Sequence[int]) -> list[list[int]]:
        return [sorted([*chosen, at]) for at in self.eligible if at not in chosen]


def _words(text: str) -> list[str]:
    return syllables(small(press_tone(text)))


def _is_fragment(sentence: str, *, syllables: int) -> bool:
    """Return whether this is no sentence to print: very short, without a final mark, or a caption with its credit."""
    end = sentence[-_CREDIT_LENGTH:]
    return syllables < _SHORTEST or _ENDS.search(end) is None or _CREDITED.search(small(end)) is not None
