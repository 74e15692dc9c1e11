"""Handle the Trainer's events: report progress, end a session, stop early, mark checkpoints as complete.

The Trainer calls these methods through an instance of its own callback class, whose other events do nothing; so nothing
here inherits, and transformers is imported only when that instance is made.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EngineError
from pipeline.evaluation.metrics import Metric
from pipeline.progress import Progress
from pipeline.train import choose, state
from pipeline.train.config import ModelTraining
from pipeline.train.from_scratch.guidance import Loss
from pipeline.train.state import Saved

if TYPE_CHECKING:
    from transformers import TrainerCallback, TrainerControl, TrainerState

_log = logging.getLogger(__name__)

_KEPT = 2  # checkpoints at least: a killed process may leave the newest incomplete
_EVENTS = ("on_train_begin", "on_step_begin", "on_step_end", "on_log", "on_evaluate", "on_save")


def kept(training: ModelTraining) -> int:
    """Return how many of the newest checkpoints stay."""
    return max(_KEPT, training.choose.average)


class TrainerEvents:
    """The state of one session of a training (from one start to its end) between the steps."""

    def __init__(
        self,
        training: ModelTraining,
        *,
        metric: Metric,
        folder: Path,
        loss: Loss,
        progress: Progress,
        stopping: Callable[[], str | None],
        since: Saved | None,
        began: float,
    ) -> None:
        """Begin at the checkpoint `since`, at `began` by the monotonic clock; `folder` holds the checkpoints."""
        self._training, self._metric, self._folder, self._loss = training, metric, folder, loss
        self._progress, self._stopping = progress, stopping
        self._steps = training.schedule.steps
        self._began = began
        self._started: float | None = None  # the time of the first step: packing and loading do not count
        self._before = 0.0 if since is None else since.seconds
        self.step = 0 if since is None else since.step
        self.reason: str | None = None  # why the session ended before the training

    def callback(self) -> TrainerCallback:
        """Return the callback object for the Trainer."""
        from transformers import TrainerCallback

        callback = TrainerCallback()
        for event in _EVENTS:
            setattr(callback, event, getattr(self, event))
        return callback

    def seconds(self) -> float:
        """Return the seconds of training so far, in all sessions."""
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    def on_train_begin(self, _: object, now: TrainerState, _control: object, **_more: object) -> None:
        """Begin the progress display."""
        self._started = time.monotonic()
        self._progress.begin("train", self._steps - now.global_step)  # the rate is of this session alone

    def on_step_begin(self, _: object, now: TrainerState, _control: object, **_more: object) -> None:
        """Give the loss the step number."""
        self._loss.step = now.global_step

    def on_step_end(self, _: object, now: TrainerState, control: TrainerControl, **_more: object) -> None:
        """Count the step, and end the session where its time is over or it was asked to stop."""
        self.step = now.global_step
        self._progress.advance(1)
        if self.step >= self._steps:
            control.should_evaluate = control.should_save = True
            return
        minutes = self._training.max_minutes
        if minutes is not None and time.monotonic() - self._began > 60 * minutes:
            self.reason = f"max_minutes: {minutes:g} are over"
        self.reason = self._stopping() or self.reason
        if self.reason is not None:
            control.should_training_stop = control.should_save = True

    def on_log(self, _: object, now: TrainerState, _control: object, logs: dict[str, float], **_more: object) -> None:
        """Report the loss; raises `EngineError` where it is not finite."""
        if "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise EngineError(
                f"{self._training.name}: the loss is {logs['loss']} at step {now.global_step}: lower `optimizer.lr` or "
                f"raise `schedule.warmup`; the checkpoints before are in {self._folder}"
            )
        _log.info(f"step {now.global_step}: loss {logs['loss']:.3f}, gradient {logs['grad_norm']:.2f}")

    def on_evaluate(
        self, _: object, now: TrainerState, control: TrainerControl, metrics: dict[str, float], **_more: object
    ) -> None:
        """Report the dev score, and end the training where `choose.patience` is exhausted."""
        score = metrics.get(f"eval_{self._metric}")
        if score is None:  # the last evaluations have another prefix
            return
        _log.info(f"step {now.global_step}: dev {self._metric} {score:.2f}, dev loss {metrics['eval_loss']:.3f}")
        patience = self._training.choose.patience
        if choose.exhausted(now.log_history, self._metric, patience):
            _log.info(f"step {now.global_step}: no better in {patience} evaluations: the training ends")
            control.should_training_stop = True

    def on_save(self, _: object, now: TrainerState, _control: object, **_more: object) -> None:
        """Mark the checkpoint that was written as complete, and remove those that are not needed."""
        step = now.global_step
        written = Saved(
            self._folder / f"checkpoint-{step}", step, self._training.schedule.decay_between, self.seconds()
        )
        state.complete(written, shard_mb=self._training.shard_mb)
        every = {one.step for one in state.saved(self._folder)}
        best = choose.best_evaluated(now.log_history, self._metric, every)
        state.prune(self._folder, last=kept(self._training), best=best)
