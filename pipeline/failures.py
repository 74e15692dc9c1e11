"""Turn an error while processing one record into a `Failure`, so that one article cannot stop a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import TomdichError
from pipeline.records import Article, Failure, StageName, Summarized, Translated

R = TypeVar("R", Article, Summarized, Translated)
T = TypeVar("T")


def attempt(stage: StageName, record: R, step: Callable[[], T]) -> T | Failure:
    """Return the result of `step`, or a `Failure` for any exception but a `TomdichError`, which is re-raised."""
    try:
        return step()
    except TomdichError:
        raise
    except Exception as error:  # noqa: BLE001 - an article that triggers a defect must not stop the run
        return failure(record, stage=stage, kind="error", message=f"{type(error).__name__}: {error}")


def failure(record: R, *, stage: StageName, kind: str, message: str) -> Failure:
    """Return the failure of a record in a stage, which the next run retries."""
    article = record if isinstance(record, Article) else record.article
    return Failure(
        stage=stage,
        kind=kind,
        message=message,
        source=article.source,
        id=article.id,
        text_sha256=article.text_sha256,
        retry=True,
    )
