"""Extractive summaries without a model: sentences of the article in its order, chosen by one of four methods.

`extractive` is for use, the others are baselines of an experiment. `lead` takes the first sentences. `textrank` takes
the most central ones (Mihalcea and Tarau 2004); where the paper counts the words that two sentences share, it counts
syllable bigrams. `oracle` takes those that are most like the reference summary, an upper bound for every method that
copies sentences.

`extractive` chooses by a linear score. The score of a selection is the weighted sum (`WEIGHTS`) of a few features
(`Candidates.features`). Captions and fragments (`_is_fragment`) are candidates only if there is nothing else. The
search adds the best sentence until the selection is full, then exchanges single sentences as long as the score rises;
its time is about linear in the length of the article. The result depends only on the text, the title and the options.

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
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise
from types import MappingProxyType
from typing import Literal, TypeVar, assert_never, cast

from pipeline.catalog import MODEL_FREE
from pipeline.ids import digest
from pipeline.text.normalize import press_tone, small, syllables
from pipeline.text.sentences import sentences

T = TypeVar("T")
Method = Literal["extractive", "lead", "textrank", "oracle"]
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

_MOST_RANKED = 500  # sentences: the graph grows with their square
_DAMPING = 0.85  # of PageRank, as in the paper
_DIGITS = 9  # of a rank that count: the last ones depend on the order of additions

_FIGURE = re.compile(r"\d[\d.,]*")
_ENDS = re.compile(r"[.!?…][\"'”’»)\]]*\Z")
_PICTURE = "(?:(?:nguồn |hình )?ảnh|clip|video|đồ họa)"
_CREDITED = re.compile(rf"\({_PICTURE}\b[^()]*\)[.\s]*\Z")
_CREDIT_LENGTH = 100  # characters at the end of a sentence in which a picture credit is searched


class NotSummarizedError(ValueError):
    """A method cannot summarize this article; `kind` is that of the record's failure."""

    def __init__(self, kind: str, message: str) -> None:
        """Take the kind and the message of the failure."""
        super().__init__(message)
        self.kind = kind


def method(name: str) -> Method:
    """Return the method with this name in a config."""
    assert name in MODEL_FREE, name
    return cast("Method", name)


def fingerprint(method: Method) -> str:
    """Return the digest of everything but the article and `count` that determines the chosen sentences."""
    return digest({"method": method, "version": VERSION, "weights": dict(WEIGHTS) if method == "extractive" else {}})


def summarize(
    text: str,
    title: str,
    reference: str = "",
    *,
    method: Method = "extractive",
    count: int = SENTENCES,
    split: Callable[[str], list[str]] = sentences,
) -> list[str]:
    """Return `count` sentences of `text`, or all if it has fewer, in its order; the first ones for `lead`.

    `split` gives the sentences of `text`. `reference`: the reference summary, for `oracle` only, which returns fewer
    sentences where more would make it less like the reference. Empty only if `text` is blank. Raises
    `NotSummarizedError` for `oracle` without a reference and for `textrank` of more than 500 sentences.
    """
    match method:
        case "lead":
            return split(text)[:count]
        case "textrank":
            return _textrank(split(text), count)
        case "oracle":
            return _oracle(split(text), reference, count)
        case "extractive":
            candidates = Candidates(text, title, split=split)
            return [candidates.sentences[at] for at in candidates.best(count)]
        case _:
            assert_never(method)


def _textrank(every: Sequence[str], count: int) -> list[str]:
    """Return the sentences with the highest PageRank in the graph of their similarities."""
    import networkx as nx  # type: ignore[import-untyped] # here: no other method needs it

    if len(every) > _MOST_RANKED:
        message = f"{len(every)} sentences, and textrank takes {_MOST_RANKED} at most; use `model: extractive`"
        raise NotSummarizedError("too_long", message)
    pairs = [list(pairwise(_words(sentence))) for sentence in every]
    graph = nx.Graph()
    graph.add_nodes_from(range(len(every)))
    for one, other in combinations(range(len(every)), 2):
        common = len({*pairs[one]} & {*pairs[other]})
        if common and (size := math.log(len(pairs[one])) + math.log(len(pairs[other]))):
            graph.add_edge(one, other, weight=common / size)
    ranks: dict[int, float] = nx.pagerank(graph, alpha=_DAMPING)
    best = sorted(ranks, key=lambda at: (-round(ranks[at], _DIGITS), at))[:count]
    return [every[at] for at in sorted(best)]


def _oracle(every: Sequence[str], reference: str, count: int) -> list[str]:
    """Return the sentences that, added one by one, raise the sum of ROUGE-1 and ROUGE-2 (F1, on syllables) the most.

    The greedy search of Liu and Lapata (2019), with the first sentence where none is like the reference.
    """
    if not reference.strip():
        message = "oracle chooses by the reference summary, and the article has none; name its column under `columns:`"
        raise NotSummarizedError("no_reference", message)
    wanted, tokens = _words(reference), [_words(sentence) for sentence in every]

    def score(chosen: Sequence[int]) -> float:
        words = Counter(word for at in chosen for word in tokens[at])
        pairs = Counter(pair for at in chosen for pair in pairwise(tokens[at]))
        return _f1(words, Counter(wanted)) + _f1(pairs, Counter(pairwise(wanted)))

    chosen: list[int] = []
    while len(chosen) < min(count, len(every)):
        more = [[*chosen, at] for at in range(len(every)) if at not in chosen]
        better = max(more, key=score)
        if chosen and score(better) <= score(chosen):
            break
        chosen = better
    return [every[at] for at in sorted(chosen)]


def _f1(found: Counter[T], wanted: Counter[T]) -> float:
    """Return the F1 of the overlap of two bags: ROUGE-N."""
    return 2 * (found & wanted).total() / max(1, found.total() + wanted.total())


class Candidates:
    """The sentences of an article, prepared for computing the features of a selection."""

    def __init__(self, text: str, title: str, *, split: Callable[[str], list[str]] = sentences) -> None:
        """Split the text and weight its syllable bigrams; the title may be empty."""
        self.sentences = split(text)
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
