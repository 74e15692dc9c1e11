"""Fit the weights of `pipeline.extractive`, and measure them without the rest of the pipeline.

    python -m tests.benchmarks.extractive [--folds 5] [--data DIR] [--only fit|measure]

The weights maximize the expected ROUGE (the mean of ROUGE-1, 2 and L, syllables) of a softmax over all selections of
two sentences of an article, on `summaries.train`; the cross-validation on the same articles is what features and
constants are chosen by. `summaries.dev` is only measured, with the weights that stand in the module. The scores
through the whole pipeline: `python -m tests.benchmarks.bundled --only summarize --summarizer extractive`.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import json
import lzma
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import _f1, _syllable_tokens
from pipeline.extractive import SENTENCES, WEIGHTS, Candidates
from pipeline.text.normalize import repair, tidy
from tests.benchmarks.bundled import DATA

TRAIN, DEV = "summaries.train.jsonl.xz", "summaries.dev.jsonl.xz"
_ROUGE = ("rouge1", "rouge2", "rougeL")
_MOST = 30  # sentences of an article that are paired: the reference is of its beginning
_PENALTY = 1e-5  # of the squared weights
_STEPS = 80


@dataclass(frozen=True, slots=True)
class Example:
    """An article with the features and the ROUGE of every selection of two of its sentences."""

    candidates: Candidates
    reference: str
    features: Any  # selections x features
    rewards: Any  # selections, 0 to 1

    def summary(self, weights: Any) -> str:
        return " ".join(self.candidates.sentences[at] for at in self.candidates.best(SENTENCES, tuple(weights)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.extractive")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the data")
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation")
    parser.add_argument("--only", choices=["fit", "measure"], help="only this part")
    options = parser.parse_args()
    for part, name, do in (("fit", TRAIN, _fit), ("measure", DEV, _measure)):
        if options.only not in {None, part}:
            continue
        if (options.data / name).exists():
            do(options.data / name, options.folds)
        else:
            print(f"{part}: skipped: {options.data / name} is not there; --data says where it is")


def _fit(path: Path, folds: int) -> None:
    started = time.monotonic()
    examples = [example for row in _rows(path) if (example := _example(row)) is not None]
    print(f"{len(examples)} articles of {path.name}, read in {time.monotonic() - started:.0f} s")
    order = np.random.default_rng(0).permutation(len(examples))
    answers: dict[int, str] = {}
    for fold in range(folds):
        held_out = set(order[fold::folds].tolist())
        weights = _fitted([example for at, example in enumerate(examples) if at not in held_out])
        answers |= {at: examples[at].summary(weights) for at in held_out}
    references = [example.reference for example in examples]
    print(f"cross-validation, {folds} folds:")
    _scores([answers[at] for at in range(len(examples))], references)
    print("the first two sentences:")
    _scores([_first(example.candidates) for example in examples], references)
    print("weights fitted on all of them:")
    for name, weight in zip(WEIGHTS, _fitted(examples), strict=True):
        print(f'        "{name}": {weight:.2f},')


def _measure(path: Path, _: int) -> None:
    rows = _rows(path)
    found = [Candidates(_body(row), row["title"]) for row in rows]
    references = [row["summary"] for row in rows]
    started = time.monotonic()
    chosen = [" ".join(one.sentences[at] for at in one.best(SENTENCES)) for one in found]
    print(f"{path.name}, {len(rows)} articles, {1000 * (time.monotonic() - started) / len(rows):.1f} ms each:")
    _scores(chosen, references)
    print("the first two sentences:")
    _scores([_first(one) for one in found], references)


def _rows(path: Path) -> list[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _body(row: dict[str, str]) -> str:
    return tidy(repair(row["body"])[0])


def _example(row: dict[str, str]) -> Example | None:
    """Return the example of an article, or None where there is nothing to choose."""
    found = Candidates(_body(row), row["title"])
    selections = list(combinations(found.eligible[:_MOST], SENTENCES))
    if len(selections) < SENTENCES:
        return None
    tokens, reference = [_syllable_tokens(sentence) for sentence in found.sentences], _syllable_tokens(row["summary"])
    texts = [[token for at in chosen for token in tokens[at]] for chosen in selections]
    rewards = [sum(_f1(metric, text, reference) for metric in _ROUGE) / len(_ROUGE) for text in texts]
    features = [found.features(chosen) for chosen in selections]
    return Example(found, row["summary"], np.array(features), np.array(rewards))


def _fitted(examples: list[Example]) -> Any:
    """Return the weights that maximize the expected reward of a softmax over the selections, by L-BFGS from zero."""
    import torch

    most, width = max(len(example.rewards) for example in examples), len(WEIGHTS)
    features = torch.zeros(len(examples), most, width, dtype=torch.float64)
    rewards = torch.zeros(len(examples), most, dtype=torch.float64)
    outside = torch.full((len(examples), most), -1e9, dtype=torch.float64)
    for at, example in enumerate(examples):
        size = len(example.rewards)
        features[at, :size] = torch.from_numpy(example.features)
        rewards[at, :size] = torch.from_numpy(example.rewards)
        outside[at, :size] = 0
    weights = torch.zeros(width, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Any:
        optimizer.zero_grad()
        chances = torch.softmax(features @ weights + outside, 1)
        value = -(chances * rewards).sum(1).mean() + _PENALTY * (weights * weights).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy()


def _first(found: Candidates) -> str:
    return " ".join(found.sentences[:SENTENCES])


def _scores(answers: list[str], references: list[str]) -> None:
    for score in metrics.rouge(answers, references):
        print(f"  {score.name:8} {score.value:6.2f} [{score.low:.2f}, {score.high:.2f}]  {score.signature}")


if __name__ == "__main__":
    main()
