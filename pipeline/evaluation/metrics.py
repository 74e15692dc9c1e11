"""Metrics against references, reproducible: each score has a signature and a confidence interval.

ROUGE counts Unicode syllables: the usual `rouge-score` tokenizer keeps only `[a-z0-9]`, which splits Vietnamese at
its diacritics ("thủy" becomes "th", "y"). Its ASCII variant (ViT5 on vietnews) and that of XL-Sum are here too, for
comparison with papers, and say so in their signatures. BLEU and chrF are sacrebleu's. Intervals are bootstraps over the
texts: 1,000 resamples, 95 %, seeded.
Knows nothing of files, models or records.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pipeline import __version__
from pipeline.quantities import Quantity, english, same, vietnamese
from pipeline.text.normalize import LOOP_LENGTH, LOOP_TIMES, press_tone, syllables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

Metric = Literal[
    "rouge1", "rouge2", "rougeL", "rouge1-ascii", "rouge2-ascii", "rougeL-ascii", "rouge1-xlsum", "rouge2-xlsum",
    "rougeL-xlsum", "bleu", "chrf", "chrf++",
]  # fmt: skip

RESAMPLES = 1000
SEED = 12345  # sacrebleu's own
_AT_ONCE = 2**20  # numbers of a bootstrap in memory, 8 MB
_OUTSIDE = 2.5  # percent on each side of the interval
_NAMES = {
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "bleu": "BLEU",
    "chrf": "chrF",
    "chrf++": "chrF++",
}
_VARIANTS = {"ascii": " (ASCII)", "xlsum": " (XL-Sum)"}  # of ROUGE: how a text becomes tokens


@dataclass(frozen=True, slots=True)
class Score:
    """A score from 0 to 100, its 95 % interval, the number of texts, and the signature that makes it reproducible."""

    name: str
    value: float
    low: float
    high: float
    texts: int
    signature: str

    def __str__(self) -> str:
        """Return the score as a line for a person: `chrF 51.30 [50.12, 52.44] n=789 nrefs:1|…`."""
        return f"{self.name} {self.value:.2f} [{self.low:.2f}, {self.high:.2f}] n={self.texts} {self.signature}"


# What `p` is, for the notes of tables: the p-value of a test, not the probability that the systems are equal.
P_VALUE = "p: how often equal systems would differ by this much or more (p-value, two-sided paired bootstrap)"


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more one system scores than a baseline on the same texts, its 95 % interval, and its p-value."""

    name: str
    value: float
    low: float
    high: float
    p: float  # see P_VALUE
    texts: int
    signature: str


# Scores against references


def score(metric: Metric, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """Return the score of `hypotheses` against one reference each; raises `ValueError` where they do not pair up."""
    statistics, value, signature = _statistics(metric, hypotheses, references)
    found, low, high = _interval(statistics, value)
    return Score(_name(metric), found, low, high, len(hypotheses), signature)


def rouge(
    hypotheses: Sequence[str], references: Sequence[str], *, ascii_only: bool = False
) -> tuple[Score, Score, Score]:
    """Return ROUGE-1, ROUGE-2 and ROUGE-L: the means over the texts of F1, on syllables or as papers print it."""
    return (
        score("rouge1-ascii" if ascii_only else "rouge1", hypotheses, references),
        score("rouge2-ascii" if ascii_only else "rouge2", hypotheses, references),
        score("rougeL-ascii" if ascii_only else "rougeL", hypotheses, references),
    )


def paired(metric: Metric, hypotheses: Sequence[str], baseline: Sequence[str], references: Sequence[str]) -> Difference:
    """Return the difference to `baseline` by a paired bootstrap: both systems on the same resampled texts.

    p is the share of resamples whose difference strays from the mean difference by at least the one found, as
    sacrebleu and Moses count it (Koehn 2004). Raises `ValueError` where the texts do not pair up.
    """
    import numpy as np

    system, value, signature = _statistics(metric, hypotheses, references)
    base, _, _ = _statistics(metric, baseline, references)
    found = value(system.sum(0)) - value(base.sum(0))
    drawn = ((weights @ system, weights @ base) for weights in _resamples(len(references)))
    differences = np.array([value(one) - value(other) for sums in drawn for one, other in zip(*sums, strict=True)])
    strays = int((np.abs(differences - differences.mean()) >= abs(found)).sum())
    low, high = np.percentile(differences, [_OUTSIDE, 100 - _OUTSIDE])
    p = (strays + 1) / (RESAMPLES + 1)
    return Difference(_name(metric), float(found), float(low), float(high), p, len(references), signature)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number by Holm's step-down method (Holm 1979), in their order.

    With these, the chance that any of the comparisons is called significant at 0.05 by accident is 0.05 at most.
    """
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return corrected


_Value: TypeAlias = "Callable[[Floats], float]"


def _name(metric: Metric) -> str:
    plain, _, variant = metric.partition("-")
    return _NAMES[plain] + _VARIANTS.get(variant, "")


def _statistics(metric: Metric, hypotheses: Sequence[str], references: Sequence[str]) -> tuple[Floats, _Value, str]:
    """Return what each text adds (texts × k), how their sum becomes the score, and the signature."""
    import numpy as np

    if len(hypotheses) != len(references) or not references:
        raise ValueError(f"{len(hypotheses)} hypotheses for {len(references)} references: one each, and at least one")
    if metric.startswith("rouge"):
        plain, _, variant = metric.partition("-")
        tokens, how = _TOKENS[variant]
        pairs = zip(map(tokens, hypotheses), map(tokens, references), strict=True)
        scores = [_f1(plain, hypothesis, reference) for hypothesis, reference in pairs]
        signature = f"f1:mean|case:lower|{how}|bs:{RESAMPLES}|seed:{SEED}|version:tomdich-{__version__}"
        return np.array([[found, 1.0] for found in scores]), _percent, signature
    scorer = _sacrebleu(metric)
    # what sacrebleu's own significance tests are built on: it has no public way to a text's share of a corpus score
    statistics = scorer._extract_corpus_statistics(list(hypotheses), [list(references)])  # noqa: SLF001
    scorer.n_bootstrap, scorer.seed = RESAMPLES, SEED
    return np.array(statistics, dtype=float), _corpus_value(scorer), str(scorer.get_signature())


def _sacrebleu(metric: Metric) -> Any:  # noqa: ANN401 - sacrebleu has no types
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    # force: only silences a warning about texts that look tokenized
    return BLEU(force=True) if metric == "bleu" else CHRF(word_order=2 if metric == "chrf++" else 0)


def _corpus_value(scorer: Any) -> _Value:  # noqa: ANN401
    return lambda total: float(scorer._compute_score_from_stats(total.tolist()).score)  # noqa: SLF001


def _percent(total: Floats) -> float:
    return float(100 * total[0] / total[1]) if total[1] else 0.0


def _resamples(texts: int) -> Iterator[Floats]:
    """Yield how often each text is drawn in each resample (some resamples × texts), in all `RESAMPLES` of them.

    The draws equal those of one call for all resamples; about `_AT_ONCE` numbers are in memory at a time.
    """
    import numpy as np

    rng = np.random.default_rng(SEED)
    chances = np.full(texts, 1 / texts)
    step = max(1, _AT_ONCE // texts)
    for done in range(0, RESAMPLES, step):
        yield rng.multinomial(texts, chances, size=min(step, RESAMPLES - done)).astype(float)


def _interval(statistics: Floats, value: _Value) -> tuple[float, float, float]:
    import numpy as np

    drawn = np.array([value(total) for weights in _resamples(len(statistics)) for total in weights @ statistics])
    low, high = np.percentile(drawn, [_OUTSIDE, 100 - _OUTSIDE])
    return value(statistics.sum(0)), float(low), float(high)


# ROUGE

_ASCII = re.compile("[a-z0-9]+")


def _syllable_tokens(text: str) -> list[str]:
    return syllables(press_tone(unicodedata.normalize("NFC", text)).lower())


def _ascii_tokens(text: str) -> list[str]:
    """Return the tokens of `rouge-score` without its stemmer: runs of what is left when all but [a-z0-9] is dropped."""
    return _ASCII.findall(text.lower())


def _xlsum_tokens(text: str) -> list[str]:
    """Return the tokens of XL-Sum's multilingual ROUGE, which has no stemmer and no segmenter for Vietnamese.

    Runs of letters with their marks, runs of digits, and each symbol that is neither punctuation nor ASCII. Equal to
    github.com/csebuetnlp/xl-sum, `multilingual_rouge_scoring` with pyonmttok 1.38, on NFC text in Latin script.
    """
    tokens: list[str] = []
    run = ""  # the kind of the run that the last token is; "" where none is open
    for letter in text.lower():
        kind = unicodedata.category(letter)[0]
        if letter == _REPLACEMENT or (kind == "C" and letter not in "\t\n\r"):
            continue  # as if it were not there
        if kind in _RUNS and _RUNS[kind] == run:
            tokens[-1] += letter
            continue
        if kind in _RUNS or (kind == "S" and not letter.isascii()):
            tokens.append(letter)
        run = _RUNS.get(kind, "")
    return tokens


_REPLACEMENT = "\ufffd"
_RUNS = {"L": "letters", "M": "letters", "N": "digits"}  # by the first letter of the Unicode category
_TOKENS: Mapping[str, tuple[Callable[[str], list[str]], str]] = {  # by the variant: tokens, and what a signature says
    "": (_syllable_tokens, "tok:syllable|tone:press"),
    "ascii": (_ascii_tokens, "tok:ascii"),
    "xlsum": (_xlsum_tokens, "tok:xlsum"),
}


def _f1(metric: str, hypothesis: Sequence[str], reference: Sequence[str]) -> float:
    """Return F1, from 0 to 1, of one text; 0 where either has no n-gram."""
    if metric == "rougeL":
        common, total = _longest_common(hypothesis, reference), len(hypothesis) + len(reference)
    else:
        order = int(metric[-1])
        left, right = _ngrams(hypothesis, order), _ngrams(reference, order)
        common, total = (left & right).total(), left.total() + right.total()
    return 2 * common / total if common else 0.0


def _ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[at : at + order]) for at in range(len(tokens) - order + 1))


def _longest_common(left: Sequence[str], right: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, a row of the table at a time as the bits of one number.

    Allison and Dix 1986, in the form of Hyyrö 2004: fifty times faster than cell by cell on summaries.
    """
    places: dict[str, int] = {}
    for at, token in enumerate(left):
        places[token] = places.get(token, 0) | 1 << at
    full = (1 << len(left)) - 1
    row = full
    for token in right:
        match = row & places.get(token, 0)
        row = (row + match) | (row - match)
        row &= full
    return len(left) - row.bit_count()


# Without references


def loops(text: str) -> bool:
    """Return whether `text` repeats itself: some run of four syllables occurs three times."""
    most = _ngrams(_syllable_tokens(text), LOOP_LENGTH).most_common(1)
    return bool(most) and most[0][1] >= LOOP_TIMES


def numbers_kept(sources: Sequence[str], translations: Sequence[str]) -> tuple[Score, Score]:
    """Return the share of the Vietnamese figures that reach the English, as figures or words, and of invented ones.

    Invented is a figure of the English that no number of the Vietnamese can mean; `quantities.same` decides
    what agrees. Print a human reference's own numbers beside these: people round and reword. Raises `ValueError`
    where the texts do not pair up.
    """
    import numpy as np

    if len(sources) != len(translations) or not sources:
        raise ValueError(f"{len(translations)} translations for {len(sources)} sources: one each, and at least one")
    kept, invented = np.zeros((len(sources), 2)), np.zeros((len(sources), 2))
    for at, (source, translation) in enumerate(zip(sources, translations, strict=True)):
        asked, given = vietnamese(source), english(translation)
        kept[at] = _answered(asked, given)
        found, figures = _answered(given, asked)
        invented[at] = figures - found, figures
    signature = f"figures:vi-en|bs:{RESAMPLES}|seed:{SEED}|version:tomdich-{__version__}"
    texts = len(sources)
    return (
        Score("numbers kept", *_interval(kept, _percent), texts, signature),
        Score("numbers invented", *_interval(invented, _percent), texts, signature),
    )


def _answered(ones: Sequence[Quantity], others: Sequence[Quantity]) -> tuple[int, int]:
    """Return how many figures among `ones` some number of the other text can mean, and how many there are."""
    figures = [one for one in ones if one.salience == "figure"]
    return sum(any(same(one, other) for other in others) for one in figures), len(figures)
