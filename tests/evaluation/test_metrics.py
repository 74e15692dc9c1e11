"""Metrics: texts and the number that a person gets for them by hand; intervals that hold what they should."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import Metric

SAME = "Giá xăng giảm 500 đồng từ chiều nay"


@pytest.mark.parametrize(
    ("metric", "hypothesis", "reference", "expected"),
    [
        ("rouge1", SAME, SAME, 100),
        ("rouge2", SAME, SAME, 100),
        ("rougeL", SAME, SAME, 100),
        ("rouge1", "a b c d", "a b x y", 50),  # 2 of 4, both ways
        ("rouge2", "a b c d", "a b x y", 33.33),  # 1 of 3 pairs
        ("rougeL", "a b c d", "b a c x d", 66.67),  # b c d (or a c d): 2·3/(4+5)
        ("rouge1", "a a a", "a b", 40),  # a counts once: 2·1/(3+2)
        ("rouge1", "", "a", 0),
        ("rouge1", "a", "", 0),
        ("rouge2", "a", "a", 0),  # no pair
        ("rouge1", "HÒA BÌNH!", "hoà, bình", 100),  # case, marks and tone style fold
        ("rouge1", "hòa", "hoa", 0),  # a tone does not
        ("rouge1", "thủy", "thuỷ", 100),
        ("rouge1", "hòa bình", "ho\u0300a bi\u0300nh", 100),  # decomposed
        ("rouge1-ascii", "thủy", "thông", 50),  # th·y, th·ng: shattered at the diacritics
        ("rougeL-ascii", "năm 2024", "nam 2024", 40),  # n·m·2024, nam·2024
        ("rouge1-xlsum", "hòa bình", "hoà bình", 50),  # the tone style does not fold
        ("rouge1-xlsum", "giá 30°C, RON95-III", "giá 30 c ron 95 iii", 92.31),  # ° is a token: 2·6/(7+6)
        ("rouge1-xlsum", "COVID\u200b19; $5%", "covid 19 5", 100),  # ASCII symbols and control characters are none
        ("rougeL-xlsum", "“Một” — hai", "một hai", 100),
        ("chrf", "the cat", "the cat", 100),
        ("chrf", "abc", "xyz", 0),
        ("bleu", "the cat sat on the mat", "the cat sat on the mat", 100),
        ("bleu", "the the the the the the", "the cat sat on the mat", 9.65),  # (2/6 · 1/10 · 1/16 · 1/24)^¼
        ("chrf++", "the cat sat", "the cat sat", 100),
    ],
)
def test_one_text_scores_what_it_does_by_hand(metric: Metric, hypothesis: str, reference: str, expected: float) -> None:
    assert metrics.score(metric, [hypothesis], [reference]).value == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("metric", "call"), [("bleu", "corpus_bleu"), ("chrf", "corpus_chrf")])
def test_corpus_scores_are_sacrebleus(metric: Metric, call: str) -> None:
    import sacrebleu

    hypotheses = ["The bridge opens in May.", "Prices fell by 4 percent on Tuesday.", "He did not say why."]
    references = ["The bridge will open in May.", "On Tuesday prices fell 4 percent.", "He gave no reason."]
    theirs = getattr(sacrebleu, call)(hypotheses, [references]).score
    ours = metrics.score(metric, hypotheses, references)
    assert ours.value == pytest.approx(theirs)
    assert ours.low < ours.value < ours.high


def test_a_mean_is_over_the_texts() -> None:
    one, two, longest = metrics.rouge(["a b", "c d"], ["a b", "x y"])
    assert (one.value, two.value, longest.value) == (50, 50, 50)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("rougeL", "f1:mean|case:lower|tok:syllable|tone:press|bs:1000|seed:12345|version:tomdich-"),
        ("rouge1-ascii", "tok:ascii"),
        ("rouge2-xlsum", "tok:xlsum"),
        ("bleu", "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:"),
        ("chrf", "nc:6|nw:0"),
        ("chrf++", "nc:6|nw:2"),
    ],
)
def test_the_signature_says_how_the_number_was_had(metric: Metric, said: str) -> None:
    found = metrics.score(metric, [SAME, "a"], [SAME, "b"])
    assert said in found.signature
    assert found.signature in str(found)


def test_the_interval_is_the_bootstraps_and_the_same_each_time() -> None:
    hypotheses = ["a"] * 60 + ["b"] * 40  # 60 % right: a binomial, whose interval is known: 60 ± 9.6
    first = metrics.score("rouge1", hypotheses, ["a"] * 100)
    assert first == metrics.score("rouge1", hypotheses, ["a"] * 100)
    assert first.low == pytest.approx(50.4, abs=1.5)
    assert first.high == pytest.approx(69.6, abs=1.5)


@pytest.mark.parametrize("texts", [1, 7, 300, 5000])
def test_resamples_drawn_in_parts_are_those_drawn_at_once(texts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(metrics.SEED)
    at_once = rng.multinomial(texts, np.full(texts, 1 / texts), size=metrics.RESAMPLES)
    monkeypatch.setattr(metrics, "_AT_ONCE", 10_000)
    parts = list(metrics._resamples(texts))
    assert np.array_equal(np.concatenate(parts), at_once)
    assert max(part.size for part in parts) <= 10_000


def test_a_bootstrap_over_many_texts_needs_little_memory() -> None:
    statistics = np.ones((100_000, 2))
    tracemalloc.start()
    metrics._interval(statistics, metrics._percent)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6  # all 1,000 resamples at once would take 800 MB


def test_a_paired_bootstrap_tells_a_real_difference_from_none() -> None:
    references = [f"câu thứ {number} nói về chuyện {number * 7}" for number in range(80)]
    worse = [" ".join(text.split()[:-1]) if at % 2 else text for at, text in enumerate(references)]
    other = [" ".join(text.split()[:-1]) if at % 2 == 0 else text for at, text in enumerate(references)]
    real = metrics.paired("rougeL", references, worse, references)
    assert real.low > 0
    assert real.p < 0.01
    chance = metrics.paired("chrf", worse, other, references)
    assert chance.low < 0 < chance.high
    assert chance.p > 0.1
    same = metrics.paired("bleu", worse, worse, references)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("texts", [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_texts_that_do_not_pair_up_are_refused(texts: tuple[list[str], list[str]]) -> None:
    with pytest.raises(ValueError, match="one each"):
        metrics.score("rouge1", *texts)
    with pytest.raises(ValueError, match="one each"):
        metrics.numbers_kept(*texts)


def _longest_by_table(left: list[str], right: list[str]) -> int:
    row = [0] * (len(right) + 1)
    for one in left:
        before = row[:]
        for at, other in enumerate(right, 1):
            row[at] = before[at - 1] + 1 if one == other else max(before[at], row[at - 1])
    return row[-1]


_WORDS = st.lists(st.sampled_from("a b c d e".split()), min_size=1, max_size=30)


@given(_WORDS, _WORDS)
def test_rouge_l_is_the_longest_common_subsequence(left: list[str], right: list[str]) -> None:
    expected = 200 * _longest_by_table(left, right) / (len(left) + len(right))
    assert metrics._f1("rougeL", left, right) * 100 == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("một hai ba bốn, một hai ba bốn, một hai ba bốn", True),
        ("một hai ba bốn, một hai ba bốn", False),
        ("a a a a a a", True),  # three runs of four a's, one within the other
        ("a a a a a", False),
        ("", False),
        ("Ông Long nói vậy. Bà Hoa nói vậy. Cô Mai nói vậy.", False),
    ],
)
def test_a_loop_is_a_run_of_four_that_stands_three_times(text: str, expected: bool) -> None:
    assert metrics.loops(text) is expected


def test_numbers_kept_counts_what_arrived_and_what_came_from_nowhere() -> None:
    sources = ["Ngày 2/3, 15 người và 1.200 tỷ đồng", "hai người"]
    answers = ["On March 2, fifteen people and 1.3 trillion dong", "2 people, 7 dogs"]
    kept, invented = metrics.numbers_kept(sources, answers)
    assert kept.value == pytest.approx(75)  # 2, 3 (March), 15 (fifteen); 1.2e12 is lost
    assert invented.value == pytest.approx(40)  # of March, 2, 1.3e12, 2, 7: the third and the last
