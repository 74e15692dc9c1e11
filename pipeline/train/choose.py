"""Choose the weights by a metric of what they generate for the dev set, not by the loss.

During the training the model generates for the start of the dev set at every evaluation. At the end the best single
checkpoint and the average of the last ones (Junczys-Dowmunt et al. 2018: a gain of a few tenths of a point at no cost)
generate for the whole dev set, and the better of the two is the result.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.weights import load
from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import Metric, Score
from pipeline.train import state
from pipeline.train.batches import DevBatches
from pipeline.train.coding import Coder
from pipeline.train.config import SummarizeTraining, TranslateTraining
from pipeline.train.data import Dev
from pipeline.train.state import Saved

if TYPE_CHECKING:
    import torch
    from transformers import EvalPrediction, Seq2SeqTrainer

_log = logging.getLogger(__name__)

FULL_EVAL = "dev"  # the Trainer's prefix for the last evaluations; those during the training have "eval"


@dataclass(frozen=True, slots=True)
class Choice:
    """The weights that were chosen, and their scores on the dev set."""

    weights: dict[str, torch.Tensor]
    what: str  # for a person: "checkpoint 5000", "the average of checkpoints 4000, 4500, 5000"
    step: int
    scores: tuple[Score, ...]


def metric_of(training: TranslateTraining | SummarizeTraining) -> Metric:
    """Return the metric by which the checkpoint is chosen."""
    return training.choose.metric or ("chrf" if isinstance(training, TranslateTraining) else "rougeL")


class Evaluator:
    """Computes the scores of generated texts, as `compute_metrics` of the Trainer."""

    def __init__(self, training: TranslateTraining | SummarizeTraining, dev: Dev, coder: Coder) -> None:
        """Prepare the quick evaluation and the full one."""
        self._decode, self._special = coder.decode, {coder.pad, coder.start, coder.eos}
        self.reported: tuple[Metric, ...] = (
            ("chrf", "bleu") if isinstance(training, TranslateTraining) else ("rougeL", "rouge1", "rouge2")
        )
        first = metric_of(training)
        self.reported = (first, *(one for one in self.reported if one != first))
        tokens = training.batch_tokens
        self.quick_eval = DevBatches(dev, coder, examples=training.choose.examples, batch_tokens=tokens)
        self.full_eval = DevBatches(dev, coder, examples=None, batch_tokens=tokens)
        self.scores: tuple[Score, ...] = ()

    def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
        """Return the scores of the generated texts, which are in the order of the batches."""
        rows: Any = prediction.predictions
        batches = self.quick_eval if len(rows) == len(self.quick_eval.order) else self.full_eval
        assert len(rows) == len(batches.order), "the Trainer lost or added an answer"
        answers = self._decode([[one for one in row if one not in self._special and one >= 0] for row in rows.tolist()])
        self.scores = tuple(metrics.score(metric, answers, batches.references) for metric in self.reported)
        return {metric: score.value for metric, score in zip(self.reported, self.scores, strict=True)}


def history(log: Sequence[dict[str, float]], metric: Metric) -> list[tuple[int, float]]:
    """Return step and score of each evaluation, in order."""
    name = f"eval_{metric}"
    return [(int(line["step"]), line[name]) for line in log if name in line]


def best_evaluated(log: Sequence[dict[str, float]], metric: Metric, steps: set[int]) -> int | None:
    """Return the step of the best evaluation among `steps`, the earliest of equals; None where there is none."""
    evaluations = [(score, -step) for step, score in history(log, metric) if step in steps]
    return -max(evaluations)[1] if evaluations else None


def exhausted(log: Sequence[dict[str, float]], metric: Metric, patience: int | None) -> bool:
    """Return whether the last `patience` evaluations brought nothing better.

    Computed from the log, which is saved with every checkpoint: the Trainer's own early stopping counts from zero again
    when a training is resumed.
    """
    scores = [score for _, score in history(log, metric)]
    return patience is not None and len(scores) > patience and max(scores[-patience:]) <= max(scores[:-patience])


def choose(
    trainer: Seq2SeqTrainer,
    evaluator: Evaluator,
    checkpoints: Sequence[Saved],
    *,
    best: int | None,
    average: int,
    home: Path,
) -> Choice:
    """Return the better of the best single checkpoint and the average of the last, on the whole dev set.

    The weights of the trainer's model are changed.
    """
    single = next((one for one in checkpoints if one.step == best), checkpoints[-1])
    candidates = [(f"checkpoint {single.step}", [single])]
    last = list(checkpoints[-average:])
    if len(last) > 1:
        steps = ", ".join(str(one.step) for one in last)
        candidates.append((f"the average of checkpoints {steps}", last))
    choices: list[Choice] = []
    for what, members in candidates:
        weights = _average(members, home)
        model: Any = trainer.model
        model.load_state_dict(weights)
        trainer.evaluate(evaluator.full_eval, metric_key_prefix=FULL_EVAL)  # type: ignore[arg-type]
        choices.append(Choice(weights, what, members[-1].step, evaluator.scores))
        scores = ", ".join(f"{score.name} {score.value:.2f}" for score in evaluator.scores)
        _log.info(f"{what}: {scores} on the dev set")
    return max(choices, key=lambda choice: choice.scores[0].value)


def weights_of(checkpoint: Saved, home: Path) -> dict[str, torch.Tensor]:
    """Return the weights of one checkpoint, float32."""
    with state.whole(checkpoint, home) as folder:
        return dict(load(folder, dtype="float32").state_dict())


def _average(checkpoints: Sequence[Saved], home: Path) -> dict[str, torch.Tensor]:
    total = weights_of(checkpoints[0], home)
    for number, checkpoint in enumerate(checkpoints[1:], 1):
        for name, weight in weights_of(checkpoint, home).items():
            if weight.is_floating_point():
                total[name] = total[name] + (weight - total[name]) / (number + 1)  # the mean so far
    return total
