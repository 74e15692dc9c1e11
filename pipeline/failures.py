"""Where an error of a single record becomes its `Failure`: one article must not take the night with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import TomdichError
from pipeline.records import Article, Failure, StageName, Summarized, Translated

R = TypeVar("R", Article, Summarized, Translated)
T = TypeVar("T")


def attempt(stage: StageName, record: R, step: Callable[[], T]) -> T | Failure:
    """Return what `step` does with a record; an error that is the record's own, of whatever type, is its `Failure`."""
    try:
        return step()
    except TomdichError:
        raise
    except Exception as error:  # noqa: BLE001 - an article that breaks a rule of ours must not take the night with it
        return failure(record, stage=stage, kind="error", message=f"{type(error).__name__}: {error}")


def failure(record: R, *, stage: StageName, kind: str, message: str) -> Failure:
    """Return the failure of a record in a stage, to be tried again by the next run."""
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
