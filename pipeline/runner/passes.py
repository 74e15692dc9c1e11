"""The stage passes of a run: each model stage over all the records, its progress, its time, and how it ends early."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pipeline.errors import StoppedError
from pipeline.records import JSON, Article, Failure, StageName, Summarized, Translated
from pipeline.runner.preparing import summarizing, translating, translating_articles
from pipeline.runner.rates import TimeLeft
from pipeline.runner.stage_runner import WINDOW, StageRunner, open_stage
from pipeline.stages import Round, summarize_translation, translate_second

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.config import Runtime
    from pipeline.engines import Engine
    from pipeline.engines.batching import BatchingEngine
    from pipeline.engines.ray_cluster import Cluster
    from pipeline.glossary import Glossary
    from pipeline.runner.context import RunContext
    from pipeline.runner.inspection import Inspection
    from pipeline.runner.options import RunOptions
    from pipeline.runner.spool import Records
    from pipeline.storage.memo import Memo
    from pipeline.storage.versions import Version
    from pipeline.text.chunking import Chunker

# Under a short deadline where what is complete is published, a stage takes few records at a time and in small batches:
# the engine sorts texts by length, so of many records few are complete before all are, and a large batch may end too
# late. It is slower, which a run of hours would notice and one of minutes does not.
_SHORT_DEADLINE = 600.0  # seconds
_FIRST_RECORDS, _MOST_RECORDS = 2, 16
_SMALL_BATCH = 512  # source tokens on a CPU, a quarter of the default
_BEHIND = 0.5  # seconds of each stage behind one, per second of it, if no version has a measurement
_MIN_CALLS = 20  # calls of each stage that a version needs for its measurement to be used

R = TypeVar("R", Article, Summarized, Translated)
T = TypeVar("T", Summarized, Translated)


class StagePasses:
    """The model stages of a run over all its records; a context manager, at whose end no engine is open.

    `summarize`, `translate` and `repair` are those of the default order, `translate_articles` and
    `summarize_translations` those of a run that translates first. A stage without a checkpoint, which the run does not
    reach, passes its records on with empty texts.
    """

    def __init__(
        self,
        run: RunContext,
        checkpoints: Mapping[StageName, Checkpoint],
        *,
        memo: Memo,
        glossary: Glossary,
        inspection: Inspection,
        connect: Callable[[], Cluster],
    ) -> None:
        """`inspection` takes the records while the passes go on; its seconds are not theirs.

        `connect` gives the cluster of an engine pool, which the caller closes.
        """
        self._run, self._checkpoints = run, checkpoints
        self._memo, self._glossary, self._inspection, self._connect = memo, glossary, inspection, connect
        self._passes: list[_StagePass[Any, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stage_pass in self._passes:
            stage_pass.runner.close()

    def summarize(self, articles: Records[Article]) -> Iterator[Summarized]:
        """Yield each article with its summary, in order; failures go to the run's list."""
        if "summarize" not in self._checkpoints:
            return self._without_summary(articles)
        stage = summarizing(self._run.config, self._glossary)
        opened: _StagePass[Article, Summarized] = self._opened("summarize", stage)
        return opened.over(articles)

    def translate(self, summarized: Records[Summarized]) -> Iterator[Translated]:
        """Yield each record with its translation, in order; failures go to the run's list."""
        if "translate" not in self._checkpoints:
            return map(_untranslated, summarized)
        stage = translating(self._run.config, self._glossary)
        opened: _StagePass[Summarized, Translated] = self._opened("translate", stage)
        return opened.over(summarized)

    def repair(self, translated: Records[Translated]) -> Iterator[Translated]:
        """Yield each record as a second checkpoint repairs it, if the config names one; else as it is."""
        if "repair" not in self._checkpoints:
            return iter(translated)
        opened: _StagePass[Translated, Translated] = self._opened("repair", translate_second)
        return opened.over(translated)

    def translate_articles(self, articles: Records[Article]) -> Iterator[Translated]:
        """Yield each article with its translation, in order; failures go to the run's list."""
        if "translate" not in self._checkpoints:
            return map(_untranslated, self._without_summary(articles))
        stage = translating_articles(self._run.config, self._glossary)
        opened: _StagePass[Article, Translated] = self._opened("translate", stage)
        return opened.over(articles)

    def summarize_translations(self, translated: Records[Translated]) -> Iterator[Translated]:
        """Yield each record with its English summary, in order; failures go to the run's list."""
        if "summarize" not in self._checkpoints:
            return iter(translated)
        opened: _StagePass[Translated, Translated] = self._opened("summarize", summarize_translation)
        return opened.over(translated)

    @property
    def stopped(self) -> str:
        """Why a pass ended early, in a run that publishes what is complete; empty where none did."""
        return next((one.stopped for one in reversed(self._passes) if one.stopped), "")

    @property
    def calls(self) -> dict[str, JSON]:
        """The model calls of each stage, as the manifest has them."""
        counts = {stage_pass.name: stage_pass.runner.counts for stage_pass in self._passes}
        return {name: {"computed": count.computed, "replayed": count.replayed} for name, count in counts.items()}

    def _opened(self, name: StageName, stage: Callable[[R, Chunker], Round[T | Failure]]) -> _StagePass[R, T]:
        opened: _StagePass[R, T] = _StagePass(
            self._run,
            name,
            stage,
            self._checkpoints[name],
            memo=self._memo,
            glossary=self._glossary,
            inspection=self._inspection,
            connect=self._connect,
            behind=tuple(self._checkpoints)[tuple(self._checkpoints).index(name) + 1 :],
        )
        self._passes.append(opened)
        return opened

    def _without_summary(self, articles: Iterable[Article]) -> Iterator[Summarized]:
        for article in articles:
            if (reason := self._run.stop.publish_nothing()) is not None:
                raise StoppedError(f"{reason}, run it again")
            yield Summarized(article, "", ())


def _untranslated(record: Summarized) -> Translated:
    return Translated(record.article, record.summary, "", (), record.calls, record.flags, repaired=record.repaired)


class _StagePass(Generic[R, T]):
    """One stage over all the records of a run.

    It begins when its records are complete: until then it only replays, in the time of the pass before it. Its engine
    is opened after that.
    """

    def __init__(
        self,
        run: RunContext,
        name: StageName,
        stage: Callable[[R, Chunker], Round[T | Failure]],
        checkpoint: Checkpoint,
        *,
        memo: Memo,
        glossary: Glossary,
        inspection: Inspection,
        connect: Callable[[], Cluster],
        behind: tuple[StageName, ...],
    ) -> None:
        """`behind`: the model stages that follow."""
        self.name: StageName = name
        self.stopped = ""
        self._run, self._checkpoint, self._glossary = run, checkpoint, glossary
        self._inspection, self._behind = inspection, behind
        self._done = 0  # records with a result
        self._left: TimeLeft | None = None  # from when the pass has begun
        self._until_ended = ExitStack()
        runtime, window, widest = _batching(run.options, checkpoint, run.config.runtime)
        self.runner: StageRunner[R, T] = open_stage(
            name,
            stage,
            checkpoint,
            memo=memo,
            runtime=runtime,
            models=run.models,
            opening=self._open,
            connect=connect,
            stopping=self._stopping,
            answered=self._answered,
            window=window,
            widest=widest,
        )

    def over(self, records: Records[R]) -> Generator[T]:
        """Yield the results in the order of the records.

        A run that publishes what is complete goes on with what is finished when its time is over. A pass then ends
        early enough for those behind it to take its records.
        """
        self._records: Records[R] = records
        with self._until_ended, self.runner:
            if records.is_complete:
                self._begin()
            try:
                yield from self._finished(self.runner.over(records))
                self._begin()
            except StoppedError as error:
                if not self._ends_early():
                    raise
                self.stopped = str(error)
                yield from self._finished(self.runner.complete())

    def _finished(self, results: Iterable[T | Failure]) -> Iterator[T]:
        for result in results:
            self._done += 1
            if self._left is not None:
                self._run.run_log.advance(1)
            if isinstance(result, Failure):
                self._run.failures.add(result)
            else:
                yield result

    def _begin(self) -> None:
        """Start the pass's progress and its time, once."""
        if self._left is not None:
            return
        run, inspection = self._run, self._inspection
        inspected = inspection.seconds
        self._until_ended.enter_context(
            run.run_log.stage(self.name, self._records.count, beside=lambda: inspection.seconds - inspected)
        )
        run.run_log.advance(self._done)
        ordered = [version for version in run.experiment.versions() if version.order == run.config.order]
        later = _later(self.name, self._behind, ordered) if run.options.publish_partial else 0.0
        run.stop.deadline.begin(later=later)
        self._left = TimeLeft(self._records.characters)

    def _open(self, open_engine: Callable[[], BatchingEngine]) -> Engine:
        """Open the engine, after that of the pass before is closed."""
        self._records.drain()
        self._begin()
        revision = self._run.revision
        if revision is not None and not revision.may_ask(self.name, self._checkpoint, glossary=self._glossary):
            raise revision.refusal(self.name, self._checkpoint)
        self.runner.check_stop()  # the pass before may have ended early: then no model is loaded any more
        models = self._run.models
        reused, started = 0 if models is None else models.reused, time.monotonic()
        engine = open_engine()
        is_kept = models is not None and models.reused > reused
        self._run.run_log.opened(self.name, time.monotonic() - started, is_kept=is_kept)
        self._run.stop.deadline.opened()
        assert self._left is not None
        self._left.begin(self.runner.characters)
        return engine

    def _answered(self) -> None:
        if self._left is not None and (seconds := self._left.seconds(self.runner.characters)) is not None:
            self._run.run_log.expect(seconds)

    def _stopping(self) -> str | None:
        """Return why to stop; before the pass has begun, the one before it asks."""
        return None if self._left is None else self._run.stop.now(complete=self.runner.finished)

    def _ends_early(self) -> bool:
        """Return whether the results so far are to be published after a stop."""
        options, stop = self._run.options, self._run.stop
        if not options.publish_partial or self._left is None or stop.space.low():
            return False
        # after a signal nothing more is translated or summarized: someone waits for the end
        return all(one == "repair" for one in self._behind) or not stop.signal()


def _batching(options: RunOptions, checkpoint: Checkpoint, runtime: Runtime) -> tuple[Runtime, int, int]:
    """Return the runtime of a stage, how many records it takes at first, and to how many that grows."""
    if not options.publish_partial or (options.deadline or _SHORT_DEADLINE) >= _SHORT_DEADLINE:
        return runtime, WINDOW, WINDOW
    if checkpoint.device == "cpu" and runtime.batch_tokens is None:
        runtime = runtime.model_copy(update={"batch_tokens": _SMALL_BATCH})
    return runtime, _FIRST_RECORDS, _MOST_RECORDS


def _later(name: StageName, behind: Sequence[StageName], versions: Iterable[Version]) -> float:
    """Return the seconds of the stages behind one per second of it, from the newest version with enough calls."""
    if not behind:
        return 0.0
    for version in reversed(list(versions)):
        calls, timings = version.manifest["calls"], version.manifest["timings"]
        if all(calls.get(one, {}).get("computed", 0) >= _MIN_CALLS for one in (name, *behind)):
            return float(sum(timings[one] for one in behind) / max(timings[name], 0.001))
    return _BEHIND * len(behind)
