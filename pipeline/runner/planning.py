"""What a run would do: read the sources, ask the memo, load no model.

Whatever a run refuses before its first model call, a plan refuses with the same error.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec

from pipeline.checkpoints import Checkpoint, ready
from pipeline.config import Config
from pipeline.errors import StoppedError
from pipeline.glossary import Glossary
from pipeline.ids import digest, text_digest
from pipeline.progress import Progress
from pipeline.records import JSON, Article, Failure, Generation, StageName
from pipeline.runner import revising
from pipeline.runner.context import Day
from pipeline.runner.failure_list import FailureList
from pipeline.runner.gates import Gates
from pipeline.runner.loading import Loaded, from_sources, holds_nothing_new, load, standing_in
from pipeline.runner.manifest import same_again
from pipeline.runner.options import RunOptions
from pipeline.runner.preparing import (
    before_reading,
    chunker,
    memo_folder,
    model_stages,
    prepare_stages,
    recipe,
    steps,
)
from pipeline.runner.rates import Rate, measured
from pipeline.runner.revising import Revision
from pipeline.stages import Round
from pipeline.storage.atomic import new_folder
from pipeline.storage.disk_errors import on_disk, temporary_folder
from pipeline.storage.memo import Calls, open_memo
from pipeline.storage.published import read_published
from pipeline.storage.versions import Experiment, Version, experiments, refresh, versions

_LISTED = 20  # articles that are named as rejected or failed; a run lists all of them in failures.jsonl


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The model calls of one stage."""

    known: int  # the memo has the answer
    missing: int  # texts to be asked, each once
    waiting: int  # records whose further calls depend on missing ones: at least one each, of `repair` perhaps none
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
    same: str = ""  # the version that a run would only repeat: it would publish nothing
    supersedes: tuple[str, ...] = ()  # the versions that a revision would stand for


def plan(config: Config, *, options: RunOptions, progress: Progress) -> Plan:
    """Return the plan of one run; raises as `Planner.plan`."""
    with open_planner() as planner:
        return planner.plan(config, options=options, progress=progress)


@contextmanager
def open_planner() -> Iterator[Planner]:
    """Give a planner, with a temporary folder for the block."""
    temporary = temporary_folder()
    with on_disk(temporary, remedy="set TMPDIR to a folder that can be written, with room for the articles"):
        folder = Path(tempfile.mkdtemp(prefix="tomdich-plan-", dir=temporary))
        try:
            with _distinct(folder / "missing.sqlite") as first_time:
                yield Planner(folder, first_time)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a plan has read: the articles, and what is listed as failed."""

    loaded: Loaded
    failures: int
    listed: list[Failure]


class Planner:
    """Plans one or several runs: sources that they read alike are read once, a call is counted in the first of them."""

    def __init__(self, folder: Path, first_time: Callable[[str], bool]) -> None:
        """Take the folder for what is read, and a function that says whether a digest is seen for the first time."""
        self._folder, self._first_time = folder, first_time
        self._reads: dict[str, _Read] = {}  # by what decides what is read

    def plan(self, config: Config, *, options: RunOptions, progress: Progress) -> Plan:
        """Return what `run` would do with the same config and options, without a model in memory.

        Raises as `run` does for what ends it before its first model call: a folder that cannot be written, a file of
        the config that cannot be read, a disk without room, a checkpoint that cannot be had, a feed that is too small
        or of which too much is lost, a revision that would ask a model.
        """
        day = Day.of(config, options)
        refresh(options.outputs)
        experiment = Experiment(options.outputs / day.config.name)
        revision = revising.to_revise(experiment, day.edition) if options.revise else None
        config = day.config if revision is None else revision.as_published(day.config)
        glossary = before_reading(config, options)
        read = self._read(config, options, progress, revision=revision, glossary=glossary)
        return _planned(
            read,
            config,
            day,
            options,
            progress,
            revision=revision,
            glossary=glossary,
            first_time=self._first_time,
        )

    def _read(
        self, config: Config, options: RunOptions, progress: Progress, *, revision: Revision | None, glossary: Glossary
    ) -> _Read:
        read_by = config.model_dump(
            mode="json", include={"name", "sources", "exclude", "on_same_id", "timezone", "limits"}
        )
        key = digest([read_by, dict(glossary.digests)])
        if key in self._reads:
            return self._reads[key]
        folder = new_folder(self._folder, "read-")
        experiment = Experiment(options.outputs / config.name)
        with FailureList(folder, event=_unlogged, earlier=experiment if options.only_new else None) as failures:
            loaded = _load(config, options, progress, folder, revision=revision, glossary=glossary, failures=failures)
            with failures.listed().open(encoding="utf-8") as lines:
                listed = [msgspec.json.decode(line, type=Failure) for line in islice(lines, _LISTED)]
        read = _Read(loaded, failures.failed, listed)
        if revision is None:
            self._reads[key] = read
        return read


def _planned(
    read: _Read,
    config: Config,
    day: Day,
    options: RunOptions,
    progress: Progress,
    *,
    revision: Revision | None,
    glossary: Glossary,
    first_time: Callable[[str], bool],
) -> Plan:
    """Return the plan of a run that reads this."""
    experiment, loaded = Experiment(options.outputs / config.name), read.loaded
    checkpoints = prepare_stages(config, until=options.until, prepare=ready)
    replaced = () if revision is None else tuple(version.name for version in revision.versions)
    planned = Plan(loaded, read.failures, read.listed, checkpoints, {}, supersedes=replaced)
    wanted = model_stages(config, until=options.until)
    is_prepared = len(checkpoints) == len(wanted)
    if is_prepared:
        made = digest(recipe(config, checkpoints, glossary))
        same = same_again(experiment.versions(), made, loaded, options=options, day=day, revision=revision)
        planned = replace(planned, same="" if same is None else same.name)
    if not wanted:
        return planned
    # opened also where no call can be counted: what keeps a run from it is said here
    with open_memo(memo_folder(config, options.outputs), stopping=options.stopping) as memo:
        if not is_prepared:
            missing = "not every checkpoint is prepared on this machine; `tomdich check CONFIG` prepares them"
            return replace(planned, unprepared=missing)
        progress.begin("plan", loaded.count)
        does = steps(config, glossary)
        walks = [
            (
                partial(does[name], chunker=chunker(one)),
                _Counter(
                    memo.calls(one.identity()), first_time, name, digest(one.identity()), is_first=name == wanted[0]
                ),
            )
            for name, one in checkpoints.items()
        ]
        for article in loaded:
            _go_on(options)
            _walk(article, walks)
            progress.advance(1)
    counters = dict(zip(checkpoints, (counter for _, counter in walks), strict=True))
    if revision is not None and not planned.same:
        _require_answers(revision, checkpoints, counters, glossary)
    rates = measured(experiment.versions(), checkpoints)
    if len(rates) < len(checkpoints):
        rates = measured(_newest_last(options.outputs), checkpoints) | rates
    return replace(planned, stages={name: counter.plan(rates.get(name)) for name, counter in counters.items()})


def _newest_last(outputs: Path) -> list[Version]:
    """Return the versions of every experiment."""
    found = [version for folder in experiments(outputs) for version in versions(folder)]
    return sorted(found, key=lambda version: version.folder.name)


def _load(
    config: Config,
    options: RunOptions,
    progress: Progress,
    folder: Path,
    *,
    revision: Revision | None,
    glossary: Glossary,
    failures: FailureList,
) -> Loaded:
    """Return the articles of a run, read without its lock; raises `GateError` as the run does."""
    experiment = options.outputs / config.name
    progress.begin("load", options.limit)
    with read_published(experiment, versions(experiment), stopping=options.stopping) as published:
        if revision is not None:
            loaded = revision.load(
                folder=folder,
                withdrawn=published.is_withdrawn,
                rejected=glossary.rejected_texts(),
                fail=failures.add,
                advance=progress.advance,
                check=lambda: _go_on(options),
            )
        else:
            loaded = load(
                config,
                read=from_sources(config, options.stopping),
                folder=folder,
                limit=options.limit,
                standing=standing_in(published, only_new=options.only_new),
                withdrawn=published.is_withdrawn,
                rejected=glossary.rejected_texts(),
                fail=failures.add,
                event=_unlogged,
                advance=progress.advance,
                stopping=options.stopping,
            )
        is_quiet = options.only_new and not failures.new and holds_nothing_new(loaded, published)
    failures.loaded(all_known=revision is not None)
    gates = Gates(config.name, config.limits, experiment)
    if revision is None:
        if not options.limit:
            gates.feed(loaded)
        gates.damage(loaded)
    if loaded.count or not is_quiet:
        gates.failures(failures.new, superseded=failures.new_superseded, records=loaded.count, loaded=loaded)
    return loaded


def _require_answers(
    revision: Revision,
    checkpoints: dict[StageName, Checkpoint],
    counters: dict[StageName, _Counter],
    glossary: Glossary,
) -> None:
    """Raise `UsageError` where a stage of a revision would have to ask a model that it may not ask."""
    for name, counter in counters.items():
        checkpoint = checkpoints[name]
        if (counter.missing or counter.waiting) and not revision.may_ask(name, checkpoint, glossary=glossary):
            raise revision.refusal(name, checkpoint)


def _go_on(options: RunOptions) -> None:
    if reason := options.stopping():
        raise StoppedError(f"{reason}; nothing was planned")


def _unlogged(_kind: str, _values: dict[str, JSON]) -> None:
    """Stand in for the log of a run."""


def _walk(article: Article, walks: Sequence[tuple[Callable[..., Round[object]], _Counter]]) -> None:
    """Take an article through the stages, each given as what it does with a record, as far as the memo leads."""
    record: object | None = article
    for step, counter in walks:
        if isinstance(record, Failure):
            return
        if record is None:
            counter.waiting += 1
        else:
            record = counter.walk(step(record))


class _Counter:
    """Walks the generators of one stage as far as the memo leads."""

    def __init__(
        self, calls: Calls, first_time: Callable[[str], bool], name: StageName, identity: str, *, is_first: bool
    ) -> None:
        self._calls, self._first_time, self._name, self._identity = calls, first_time, name, identity
        self._is_first = is_first
        self.known = self.missing = self.waiting = 0

    def walk(self, steps: Round[object]) -> object | None:
        """Return the stage's result where the memo knows every answer, else None."""
        try:
            requests = next(steps)
            while True:
                found: list[Generation | None] = [self._calls.get(request) for request in requests]
                answers = [generation for generation in found if generation is not None]
                self.known += len(answers)
                for request, generation in zip(requests, found, strict=True):
                    if generation is None:
                        # an equal one elsewhere is one call only
                        self.missing += self._first_time(text_digest(f"{self._identity} {request}"))
                if len(answers) < len(requests):
                    self.waiting += self._name == "summarize" and len(requests) > 1
                    return None
                requests = steps.send(answers)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def plan(self, rate: Rate | None) -> StagePlan:
        seconds = None
        if rate is not None:
            # a summary's missing parts are counted, and at least one call more; of a later stage nothing is
            each = 1.0 if self._is_first else rate.calls_per_record
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
