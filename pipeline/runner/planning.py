"""What a run would do: read the sources, ask the memo, load no model.

Whatever a run refuses before its first model call, a plan refuses with the same error.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.checkpoints import Checkpoint, ready
from pipeline.config import Config, at_edition, today
from pipeline.glossary import Glossary
from pipeline.ids import text_digest
from pipeline.progress import Progress
from pipeline.records import SAME_ID, Article, Failure, Generation, StageName, Summarized
from pipeline.runner.gates import Gates
from pipeline.runner.loading import Loaded, load, standing_in
from pipeline.runner.options import REACHED, RunOptions
from pipeline.runner.preparing import before_reading, chunker, memo_folder, prepare_stages
from pipeline.runner.rates import Rate, measured
from pipeline.stages import Round, summarize_or_edited, translate
from pipeline.storage.disk_errors import on_disk, temporary_folder
from pipeline.storage.memo import Calls, open_memo
from pipeline.storage.published import look
from pipeline.storage.versions import versions

_LISTED = 20  # articles that are named as rejected or failed; a run lists all of them in failures.jsonl


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The model calls of one stage."""

    known: int  # already paid for
    missing: int  # texts to be asked, each once
    waiting: int  # records whose further calls depend on missing ones: at least one call each
    seconds: float | None = None  # that the calls will take, at the rate of an earlier version; None without one


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would read, replay and compute; `unprepared` names what kept a stage from being counted."""

    loaded: Loaded
    failures: int
    listed: list[Failure]  # the first of those that are rejected or failed
    checkpoints: dict[StageName, Checkpoint]
    stages: dict[StageName, StagePlan]
    unprepared: str = ""


def plan(config: Config, *, options: RunOptions, progress: Progress) -> Plan:
    """Return what `run` would do with the same config and options, without a model in memory.

    Raises as `run` does for what ends it before its first model call: a file of the config that cannot be read, a disk
    without room, a checkpoint that cannot be had, a feed that is too small or of which too much is lost.
    """
    temporary = temporary_folder()
    with on_disk(temporary, remedy="set TMPDIR to a folder that can be written, with room for the articles"):
        return _planned(config, options, progress, Path(tempfile.mkdtemp(prefix="tomdich-plan-", dir=temporary)))


def _planned(config: Config, options: RunOptions, progress: Progress, folder: Path) -> Plan:
    config = at_edition(config, options.edition or today(config))
    counts: Counter[str] = Counter()  # of failures, by category, and of those of the kind `SAME_ID`
    listed: list[Failure] = []

    def fail(failure: Failure) -> None:
        counts[failure.category] += 1
        counts[SAME_ID] += failure.kind == SAME_ID
        if len(listed) < _LISTED:
            listed.append(failure)

    try:
        glossary = before_reading(config, options)
        progress.begin("load", options.limit)
        with look(options.outputs / config.name, versions(options.outputs / config.name)) as published:
            loaded = load(
                config,
                folder=folder,
                limit=options.limit,
                standing=standing_in(published, only_new=options.only_new),
                withdrawn=published.is_withdrawn,
                rejected=glossary.rejected_texts(),
                fail=fail,
                warn=progress.notice,
                event=lambda _kind, _values: None,
                advance=progress.advance,
                stopping=options.stopping,
            )
        gates = Gates(config.name, config.limits, options.outputs / config.name)
        if not options.limit:
            gates.feed(loaded)
        gates.damage(loaded)
        if not options.only_new:  # then a failure that an earlier version lists is not counted again
            gates.loaded(counts["failed"], superseded=counts[SAME_ID], loaded=loaded)
        checkpoints = prepare_stages(config, until=options.until, warn=progress.notice, prepare=ready)
        planned = Plan(loaded, counts["failed"], listed, checkpoints, {})
        if len(checkpoints) < REACHED[options.until]:
            missing = "not every checkpoint is prepared on this machine; `tomdich check CONFIG` prepares them"
            return replace(planned, unprepared=missing)
        if "summarize" not in checkpoints:
            return planned
        progress.begin("plan", loaded.count)
        with (
            open_memo(memo_folder(config, options.outputs), warn=progress.notice, stopping=options.stopping) as memo,
            _distinct(folder / "missing.sqlite") as first_time,
        ):
            calls = {name: memo.calls(checkpoint.identity()) for name, checkpoint in checkpoints.items()}
            counters = {name: _Counter(calls[name], first_time, name) for name in checkpoints}
            for article in loaded:
                _walk(article, checkpoints, counters, glossary)
                progress.advance(1)
        rates = measured(versions(options.outputs / config.name), checkpoints)
        return replace(planned, stages={name: counter.plan(rates.get(name)) for name, counter in counters.items()})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _walk(
    article: Article, checkpoints: dict[StageName, Checkpoint], counters: dict[StageName, _Counter], glossary: Glossary
) -> None:
    steps = summarize_or_edited(article, chunker(checkpoints["summarize"]), summaries=glossary.summaries)
    summarized = counters["summarize"].walk(steps)
    if "translate" not in counters:
        return
    if isinstance(summarized, Summarized):
        counters["translate"].walk(translate(summarized, chunker(checkpoints["translate"])))
    elif summarized is None:
        counters["translate"].waiting += 1


class _Counter:
    """Walks the generators of one stage as far as the memo leads."""

    def __init__(self, calls: Calls, first_time: Callable[[str], bool], name: str) -> None:
        self._calls, self._first_time, self._name = calls, first_time, name
        self.known = self.missing = self.waiting = 0

    def walk(self, steps: Round[object]) -> object | None:
        """Return the stage's result where the memo knows every answer, else None."""
        try:
            texts = next(steps)
            while True:
                found: list[Generation | None] = [self._calls.get(text) for text in texts]
                answers = [generation for generation in found if generation is not None]
                self.known += len(answers)
                for text, generation in zip(texts, found, strict=True):
                    if generation is None:
                        # an equal text asked for elsewhere is one call only
                        self.missing += self._first_time(text_digest(f"{self._name} {text}"))
                if len(answers) < len(texts):
                    self.waiting += self._name == "summarize" and len(texts) > 1
                    return None
                texts = steps.send(answers)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def plan(self, rate: Rate | None) -> StagePlan:
        seconds = None
        if rate is not None:
            # a summary's missing parts are counted, and at least one call more; of a translation nothing is
            each = rate.calls_per_record if self._name == "translate" else 1.0
            seconds = rate.seconds_per_call * (self.missing + self.waiting * each)
        return StagePlan(self.known, self.missing, self.waiting, seconds)


@contextmanager
def _distinct(path: Path) -> Iterator[Callable[[str], bool]]:
    """Give a function that says whether a digest is seen for the first time; what it has seen lives on disk."""
    with closing(sqlite3.connect(path, isolation_level=None)) as scratch:
        scratch.execute("PRAGMA journal_mode = OFF")
        scratch.execute("PRAGMA synchronous = OFF")
        scratch.execute("CREATE TABLE seen (digest TEXT PRIMARY KEY) WITHOUT ROWID")
        scratch.execute("BEGIN")

        def first_time(digest: str) -> bool:
            return bool(scratch.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount)

        yield first_time
