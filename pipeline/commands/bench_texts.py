"""The requests that a bench measures with: a few articles, and what both stages ask their engines for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline import sources
from pipeline.checkpoints import Checkpoint
from pipeline.config import Config, Runtime, Source
from pipeline.engines.batching import BatchingEngine
from pipeline.errors import SourceError, StoppedError
from pipeline.glossary import Glossary
from pipeline.records import Article, Failure, Generation, Refused, Request, StageName, Summarized, Translated
from pipeline.runner.preparing import model_stages, steps
from pipeline.runner.stage_runner import open_stage
from pipeline.stages import Round
from pipeline.storage.memo import open_memo
from pipeline.text.chunking import Chunker
from pipeline.waiting import Stopping

_log = logging.getLogger(__name__)

R = TypeVar("R", Article, Summarized, Translated)
T = TypeVar("T", Summarized, Translated)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTexts:
    """The requests of one stage to its engine, each once, in order, and the answers."""

    name: StageName
    checkpoint: Checkpoint
    texts: tuple[Request, ...]
    answers: dict[int, str]
    budget: int  # tokens a batch at present


def sample_articles(config: Config, count: int, *, stopping: Stopping = lambda: None) -> list[Article]:
    """Return the first `count` articles with different texts, in turn from each source."""
    found: dict[str, Article] = {}
    with ExitStack() as stack:
        left = [stack.enter_context(closing(_articles(source, config, stopping=stopping))) for source in config.sources]
        while left and len(found) < count:
            for records in list(left):
                article = next(records, None)
                if article is None:
                    left.remove(records)
                elif len(found) < count:
                    found.setdefault(article.text_sha256, article)
    if not found:
        raise SourceError("the sources hold no article to measure with; `tomdich check` says what they hold")
    return list(found.values())


def _articles(source: Source, config: Config, *, stopping: Stopping) -> Generator[Article]:
    for record in sources.read(source, exclude=config.exclude, on_file=lambda _: None, stopping=stopping):
        if reason := stopping():
            raise StoppedError(f"{reason} while reading the articles; nothing was measured")
        if isinstance(record, Article):
            yield record


class _Listening:
    """An engine that keeps what it was asked, and what it answered."""

    def __init__(self, engine: BatchingEngine) -> None:
        self._engine = engine
        self.texts: list[Request] = []
        self.answers: dict[int, str] = {}

    def generate(self, requests: Iterable[Request]) -> Generator[tuple[int, Generation | Refused]]:
        """Pass on the requests and the answers."""
        before = len(self.texts)
        for index, answer in self._engine.generate(self._heard(requests)):
            if isinstance(answer, Generation):
                self.answers[before + index] = answer.text
            yield index, answer

    def _heard(self, requests: Iterable[Request]) -> Iterator[Request]:
        for request in requests:
            self.texts.append(request)
            yield request

    def at_hand(self) -> int:
        """Return how many answers are computed already."""
        return self._engine.at_hand()

    def width(self) -> int:
        """Return how many times as many texts as usual are pulled ahead."""
        return self._engine.width()

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()

    @property
    def budget(self) -> int:
        """The tokens of a batch."""
        return self._engine.stats().budget


def stage_texts(
    config: Config,
    checkpoints: dict[StageName, Checkpoint],
    articles: Sequence[Article],
    *,
    threads: int | None,
) -> list[StageTexts]:
    """Run both stages once over the articles; return what each asked its engine, if anything."""
    runtime = config.runtime.model_copy(update={"threads": threads})
    plain = config.model_copy(  # what is asked again costs a few calls more, and is not measured
        update={
            "summarize": config.summarize.model_copy(update={"repair": False}),
            "translate": config.translate.model_copy(update={"repair": False}),
        }
    )
    records: Sequence[Any] = articles
    jobs: list[StageTexts] = []
    found = steps(plain, Glossary())
    for name in model_stages(plain, until=None):
        step = found[name]
        records, job = _asked(name, step, records, checkpoints, runtime)
        jobs += [job] if job is not None else []
    if not jobs:
        raise SourceError("the articles gave the models nothing to read; `tomdich run` says why")
    return jobs


def _asked(
    name: StageName,
    stage: Callable[[R, Chunker], Round[T | Failure]],
    records: Sequence[R],
    checkpoints: Mapping[StageName, Checkpoint],
    runtime: Runtime,
) -> tuple[list[T], StageTexts | None]:
    """Return the results of one stage, with a memo in memory only, and what it asked its engine, if anything."""
    engines: list[_Listening] = []

    def listen(open_engine: Callable[[], BatchingEngine]) -> _Listening:
        engines.append(_Listening(open_engine()))
        return engines[0]

    checkpoint = checkpoints[name]
    with (
        open_memo(None) as memo,
        open_stage(name, stage, checkpoint, memo=memo, runtime=runtime, opening=listen) as runner,
    ):
        results = list(runner.over(records))
        jobs = [
            StageTexts(
                name=name,
                checkpoint=checkpoint,
                texts=tuple(engine.texts),
                answers=engine.answers,
                budget=engine.budget,
            )
            for engine in engines
        ]
    failures = [result for result in results if isinstance(result, Failure)]
    if failures:
        _log.warning(f"bench: {len(failures)} of {len(records)} failed to {name}, the first: {failures[0].message}")
    return [result for result in results if not isinstance(result, Failure)], jobs[0] if jobs else None
