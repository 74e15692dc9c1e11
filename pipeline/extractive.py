"""Extractive summaries without a model: sentences of the article, chosen by a linear score, in the article's order.

The score of a selection is the weighted sum (`WEIGHTS`) of a few features (`Candidates.features`). Captions and
fragments (`_is_fragment`) are candidates only if there is nothing else. The search adds the best sentence until the
selection is full, then exchanges single sentences as long as the score rises; its time is about linear in the length of
the article. The result depends only on the text, the title and the options.

The weights are fitted to ROUGE on summaries that are faithful to their article. This command prints them, the scores of
the cross-validation that chose the features, and the scores on the development set:

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
"""Bump when a change here changes the chosen sentences; part of `fingerprint`."""

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
_MOST_FIGURES = 3  # figures of a sentence beyond these do not count
_SHORTEST = 8  # syllables; a shorter sentence is a heading, a name or an exclamation

_FIGURE = re.compile(r"\d[\d.,]*")
_ENDS = re.compile(r"[.!?…][\"'”’»)\]]*\Z")
_PICTURE = "(?:(?:nguồn |hình )?ảnh|clip|video|đồ họa)"
_CREDITED = re.compile(rf"\({_PICTURE}\b[^()]*\)[.\s]*\Z")
_CREDIT_LENGTH = 100  # characters at the end of a sentence in which a picture credit is searched


def method(name: str) -> Method:
    """Return the method with this name in a config."""
    assert name in MODEL_FREE, name
    return cast("Method", name)


def fingerprint(method: Method) -> str:
    """Return the digest of everything but the article and `count` that determines the chosen sentences."""
    return digest({"method": method, "version": VERSION, "weights": dict(WEIGHTS) if method == "extractive" else {}})


def summarize(text: str, title: str, *, method: Method = "extractive", count: int = SENTENCES) -> list[str]:
    """Return `count` sentences of `text`, or all if it has fewer, in its order; the first ones for `lead`.

    Empty only if `text` is blank.
    """
    if method == "lead":
        return sentences(text)[:count]
    candidates = Candidates(text, title)
    return [candidates.sentences[at] for at in candidates.best(count)]


class Candidates:
    """The sentences of an article, prepared for computing the features of a selection."""

    def __init__(self, text: str, title: str) -> None:
        """Split the text and weight its syllable bigrams; the title may be empty."""
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
        # A syllable bigram is roughly a Vietnamese word. Its weight rises with the number of sentences that contain it
        # and falls with their position.
        before = 0
        self._importance: Counter[tuple[str, str]] = Counter()
        for length, pairs in zip(self._lengths, self._pairs, strict=True):
            early = math.exp(-before / _DECAY)
            for pair in pairs:
                self._importance[pair] += early  # type: ignore[assignment]
            before += length
        self._total = math.fsum(self._importance.values()) or 1.0

    def features(self, chosen: Sequence[int]) -> tuple[float, ...]:
        """Return the features of a selection (indices of sentences in order), in the order of `WEIGHTS`."""
        count = len(chosen)
        pairs = frozenset[tuple[str, str]]().union(*(self._pairs[at] for at in chosen))
        words = frozenset[str]().union(*(self._words[at] for at in chosen))
        # fsum: the order of a set, and with it the result of sum(), differs between processes
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
        """Return the indices of the best `count` sentences found, or of all eligible ones if fewer, in order."""
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
    """Return whether the sentence is very short, lacks final punctuation, or is a caption with its credit."""
    end = sentence[-_CREDIT_LENGTH:]
    return syllables < _SHORTEST or _ENDS.search(end) is None or _CREDITED.search(small(end)) is not None
