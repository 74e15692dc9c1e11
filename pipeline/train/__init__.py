"""`tomdich train CONFIG`: tokenizers, translators and summarizers, from scratch or fine-tuned; see configs/train.

    config ──▶ reading ──▶ coding ──▶ data ──▶ batches ──▶ training ──▶ choose ──▶ modelling ──▶ <folder>/model
              (sources,    (ids as    (packed)  (of each    (Trainer,    (by what    (+ card)      the pipeline
               pairs)       in use)              step)       state)       it writes)               loads it by path

torch, transformers and accelerate are imported when a training begins, not when this package is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.progress import Progress
from pipeline.train.config import TokenizerTraining, load

__all__ = ["train"]


def train(
    path: Path,
    overrides: tuple[str, ...] = (),
    *,
    progress: Progress,
    stopping: Callable[[], str | None] = lambda: None,
) -> Path:
    """Train what the config at `path` says and return the folder of the result; finished work is not repeated.

    `stopping` is called after each step and returns a reason to end, or None. Raises `UsageError` for a mistake of the
    user, `StoppedError` where the training ended early and the same command resumes it, and `LockedError` where another
    process trains in the same folder.
    """
    training = load(path, overrides)
    if isinstance(training, TokenizerTraining):
        from pipeline.train.from_scratch.tokenizer import build

        return build(training, progress=progress, stopping=stopping)
    from pipeline.train.training import run

    return run(training, progress=progress, stopping=stopping)
