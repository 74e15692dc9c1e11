"""One run: load, summarize, translate, inspect, publish, under the lock of its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Generic, TypeVar

from pipeline import __version__, report, waiting
from pipeline.checkpoints import OTHER_SEARCH, Checkpoint
from pipeline.checks.protocol import WorkerConfig
from pipeline.config import Config, at_edition, dump, today
from pipeline.engines import Engine
from pipeline.errors import StoppedError, UsageError
from pipeline.glossary import Glossary
from pipeline.ids import digest
from pipeline.progress import Progress
from pipeline.records import JSON, SAME_ID, Article, Failure, StageName, Summarized, Translated
from pipeline.runner import disk_space, revising
from pipeline.runner.deadline import Deadline
from pipeline.runner.gates import Gates
from pipeline.runner.inspection import Inspection
from pipeline.runner.loading import Loaded, load, standing_in
from pipeline.runner.monitoring import Statistics, drift
from pipeline.runner.options import Options, Outcome
from pipeline.runner.preparing import (
    SCHEMA,
    LazyEngine,
    before_reading,
    chunker,
    environment,
    kept_columns,
    memo_folder,
    prepare_stages,
    recipe,
    resolved,
)
from pipeline.runner.publishing import card, get_ready, written
from pipeline.runner.rates import TimeLeft
from pipeline.runner.run_log import RunLog
from pipeline.runner.spool import Spool
from pipeline.runner.stage_runner import WINDOW, StageRunner, characters
from pipeline.stages import Round, summarize_or_edited, translate
from pipeline.storage import versions
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.memo import Memo, open_memo
from pipeline.storage.published import Published, open_published
from pipeline.storage.rows import Edition, category, failures
from pipeline.text.chunking import Chunker

_MAKE_ROOM = "what is finished is kept: make room, or choose another --outputs, and run again"
# Under a short deadline where what is complete is published, a stage takes few records at a time and in small batches:
# the engine sorts texts by length, so of many records few are complete before all are, and a large batch may end too
# late. It is slower, which a run of hours would notice and one of minutes does not.
_SHORT_DEADLINE = 600.0  # seconds
_FIRST_RECORDS, _MOST_RECORDS = 2, 16
_SMALL_BATCH = 512  # source tokens on a CPU, a quarter of the default
_TRANSLATING = 0.5  # seconds a second of summarizing, where no version tells: sentences are short, articles long
_TELLING = 20  # calls of both stages in a version that tells better

R = TypeVar("R", Article, Summarized)
T = TypeVar("T", Summarized, Translated)


def run(config: Config, *, options: Options, progress: Progress) -> Outcome:
    """Run `config` and publish a version, or return the existing one where nothing would change.

    Raises `GateError` when the feed is too small, too many records failed or are held back; `StoppedError` when
    stopped early with nothing to publish; `UsageError` and `WorldError` as they come. In each case nothing is
    published, and every finished model call is in the memo.
    """
    if options.revise and (options.limit or options.until or options.only_new or options.publish_partial):
        raise UsageError(
            "--revise publishes the whole edition again, from its versions: leave out --limit, --until, --only-new and "
            "--publish-partial"
        )
    deadline = Deadline(options.deadline)
    edition = options.edition or today(config)
    dated = at_edition(config, edition)
    # the day alone is no news: equal sources are the same again on another day, unless it was asked for
    names_edition = options.edition is not None or options.revise or dated.sources != config.sources
    go_on_with = f"--edition {edition}{' --revise' if options.revise else ''}" if names_edition else None
    try:
        with (
            on_disk(options.outputs, remedy=_MAKE_ROOM),
            versions.locked(
                options.outputs,
                config.name,
                wait=options.wait_lock,
                notice=progress.notice,
                stopping=lambda: options.stopping() or deadline.over(),
            ) as experiment,
            ExitStack() as stack,
        ):
            staged, work = experiment.stage(), experiment.stage()
            name = f"{config.name}-{versions.stamp(datetime.now(UTC))}"
            run_log = stack.enter_context(RunLog(staged, run=name, progress=progress))
            published = stack.enter_context(
                open_published(experiment.folder, experiment.versions(), warn=run_log.notice),
            )
            job = _Job(
                dated,
                options=options,
                experiment=experiment,
                run_log=run_log,
                published=published,
                deadline=deadline,
                edition=edition,
                names_edition=names_edition,
                staged=staged,
                work=work,
            )
            outcome = job.run()
    except StoppedError as error:
        raise type(error)(_again(str(error), go_on_with)) from None
    return replace(outcome, stopped=outcome.stopped and _again(outcome.stopped, go_on_with))


def _again(stopped: str, go_on_with: str | None) -> str:
    """Return why the run stopped, with the edition to go on with: past midnight, none given is another day's."""
    if go_on_with is None:
        return stopped
    return f"{stopped.removesuffix('run it again').rstrip(' ,;')}; run it again with {go_on_with}"


@dataclass(slots=True)
class _ModelStage(Generic[R, T]):
    """Summarizing or translating: what drives it over the records, its engine, and how many it has done."""

    name: StageName
    sweep: StageRunner[R, T]
    engine: LazyEngine
    done: int = 0


class _Job:
    """One run under its lock."""

    def __init__(
        self,
        config: Config,
        *,
        options: Options,
        experiment: versions.Experiment,
        run_log: RunLog,
        published: Published,
        deadline: Deadline,
        edition: date,
        names_edition: bool,
        staged: Path,
        work: Path,
    ) -> None:
        self.config, self.options, self.experiment, self.run_log = config, options, experiment, run_log
        self.published, self.deadline = published, deadline
        self.edition, self.names_edition = edition, names_edition
        self.staged, self.work = staged, work
        self.gates = Gates(config.name, config.limits, experiment.staging)
        self.space = disk_space.Watch([experiment.folder, memo_folder(config, options.outputs)])
        self.stopped = ""  # why the model stages ended early, in a run that publishes what is complete
        self.failed_loading = 0
        self.failed_again = 0  # of all failures, those of versions before
        self.superseded_again = 0  # of these, those whose id another text holds
        self.calls: dict[str, dict[str, int]] = {}
        # the versions that a revision supersedes
        self.revised = revising.to_revise(experiment, edition) if options.revise else ()
        if self.revised:
            self.config = revising.as_published(config, self.revised)

    @cached_property
    def source(self) -> Edition:
        """The edition that a revision takes its articles from."""
        return revising.articles_of(self.experiment, self.edition)

    @property
    def scope(self) -> str:
        return "partial" if self.stopped else self.options.scope

    def run(self) -> Outcome:
        config, options, run_log = self.config, self.options, self.run_log
        run_log.event("start", {"name": config.name, "scope": options.scope, "tomdich": __version__})
        glossary = before_reading(config, options)
        self._go_on("before anything was read")
        checkpoints = waiting.call(
            lambda: prepare_stages(config, until=options.until, warn=run_log.notice),
            what="a checkpoint to be fetched or prepared",
            stopping=self._over,
        )
        for name, checkpoint in checkpoints.items():
            effective = {"generation": dict(checkpoint.generation), "from": dict(checkpoint.origins)}
            run_log.event("model", {"of": name, "name": checkpoint.name, "revision": checkpoint.revision} | effective)
            for difference in checkpoint.search_differences:
                run_log.notice(f"{name}: {OTHER_SEARCH}: {difference}")
        identity = recipe(config, checkpoints, glossary)
        loaded = self._load(glossary)
        if not loaded.kept and self._is_quiet(loaded):
            return self._quiet(loaded)
        same = self._same_again(digest(identity), loaded)
        if same is not None:
            return same
        self.gates.loaded(
            run_log.failed - self.failed_again,
            superseded=run_log.superseded - self.superseded_again,
            loaded=loaded,
            listed=run_log.listed_failures(),
        )
        setup = WorkerConfig(glossary, config.inspect.hold)
        with Inspection(
            self.work, setup=setup, total=loaded.kept, fail=self._fail, notice=run_log.notice
        ) as inspection:
            self._passes(loaded, checkpoints, inspection, glossary=glossary)
            get_ready()  # the last records are inspected meanwhile
        run_log.ended("inspect", inspection.seconds)
        records = inspection.records
        if self.stopped and not records.count:
            raise StoppedError(self.stopped)
        if not records.count and self._is_quiet(loaded):
            return self._quiet(loaded)
        self.gates.failures(
            run_log.failed - self.failed_again,
            superseded=run_log.superseded - self.superseded_again,
            records=records.count,
            loaded=loaded,
            listed=run_log.listed_failures(),
        )
        self.gates.holds(inspection.held, records=records.count, listed=inspection.listed)
        manifest = self._manifest(identity, loaded, checkpoints, inspection)
        version = self._publish(records, manifest, loaded, config=resolved(config, checkpoints))
        return Outcome(version, published=True, stopped=self.stopped, unavailable=_reasons(loaded))

    def _go_on(self, when: str) -> None:
        """Raise `StoppedError` where there is a reason to stop."""
        if (reason := self._over()) is not None:
            raise StoppedError(f"{reason} {when}; run it again")

    def _over(self) -> str | None:
        """Return why to stop: as `_stopping`, or because the next answer would come too late."""
        return self._stopping() or self.deadline.over()

    def _stopping(self) -> str | None:
        """Return why to stop and publish nothing: somebody waits for the end, or the disk has no room for a version."""
        return self.options.stopping() or self.space.low()

    def _load(self, glossary: Glossary) -> Loaded:
        options, run_log = self.options, self.run_log
        if self.revised:
            return self._load_revised(glossary)
        with run_log.stage("load", options.limit):
            self.deadline.begin()
            loaded = load(
                self.config,
                folder=self.work,
                limit=options.limit,
                standing=standing_in(self.published, only_new=options.only_new),
                withdrawn=self.published.is_withdrawn,
                rejected=glossary.rejected_texts(),
                fail=self._fail,
                warn=run_log.notice,
                event=run_log.event,
                advance=run_log.advance,
                stopping=self._over,
            )
        self.failed_loading = run_log.failed
        if not options.limit:
            self.gates.feed(loaded)
        self.gates.damage(loaded, listed=run_log.listed_failures())
        if run_log.superseded > loaded.read / 2:
            told = f"{run_log.superseded} of {loaded.read} rows have the id of another row"
            run_log.notice(f"{told}: is `columns.id` the column that names each article?")
        return loaded

    def _load_revised(self, glossary: Glossary) -> Loaded:
        run_log = self.run_log

        def check() -> None:
            self._go_on("while loading")

        with run_log.stage("load", None):
            self.deadline.begin()
            loaded = revising.load(
                self.source,
                folder=self.work,
                withdrawn=self.published.is_withdrawn,
                rejected=glossary.rejected_texts(),
                fail=self._fail,
                advance=run_log.advance,
                check=check,
            )
        self.failed_loading = self.failed_again = run_log.failed
        self.superseded_again = run_log.superseded
        return loaded

    def _fail(self, failure: Failure) -> None:
        """List a failure; under `--only-new` count apart what an earlier version lists: it lasts, and is no news."""
        self.run_log.fail(failure)
        if self.options.only_new and failure.category == "failed":
            again = (failure.kind, failure.id, failure.text_sha256) in self._failed_before
            self.failed_again += again
            self.superseded_again += again and failure.kind == SAME_ID

    @cached_property
    def _failed_before(self) -> set[tuple[str, str, str]]:
        return {
            (line["kind"], line["id"], line["text_sha256"])
            for version in self.experiment.versions()
            if version.manifest["scope"] in versions.WHOLE
            for line in failures(version)
            if category(line) == "failed"
        }

    def _is_quiet(self, loaded: Loaded) -> bool:
        """Return whether nothing is new, nor any failure; a feed of rejected articles only is no quiet night.

        Nor are sources of which nothing was read, unless they are there and empty and something was published before.
        """
        if not self.options.only_new or self.run_log.failed > self.failed_again:
            return False
        is_empty = not loaded.read and not loaded.unavailable and self.published.has_any()
        if not loaded.known and not is_empty:
            return False
        if self.failed_again:
            self.run_log.notice(f"{self.failed_again} articles failed as in an earlier version, which lists them")
        return True

    def _quiet(self, loaded: Loaded) -> Outcome:
        return Outcome(None, published=False, unavailable=_reasons(loaded), damaged=loaded.damaged)

    def _lost(self) -> int:
        """Return how many records have failed since they were loaded."""
        return self.run_log.failed - self.failed_loading

    def _same_again(self, recipe_digest: str, loaded: Loaded) -> Outcome | None:
        """Return the published version that this run would only repeat, or None."""
        if self.options.force or self.options.only_new:
            return None
        if self.revised:
            is_same = all(version.manifest["recipe"] == recipe_digest for version in self.revised)
            return Outcome(self.revised[-1], published=False) if is_same else None
        sources = [asdict(tally) for tally in loaded.tallies]
        for version in reversed(self.experiment.versions()):
            manifest = version.manifest
            if (
                manifest["recipe"] == recipe_digest
                and manifest["sources"] == sources
                and manifest["scope"] == self.options.scope
                and manifest["until"] == self.options.until
                and (not self.names_edition or manifest.get("edition") == str(self.edition))
                and not manifest["counts"]["retryable"]
            ):
                return Outcome(version, published=False, unavailable=_reasons(loaded))
        return None

    def _passes(
        self, loaded: Loaded, checkpoints: dict[StageName, Checkpoint], inspection: Inspection, *, glossary: Glossary
    ) -> None:
        """Run the model stages; the last one's records are inspected as they come, while its engine computes others."""
        if "summarize" not in checkpoints:
            for article in loaded:
                if (reason := self._stopping()) is not None:
                    raise StoppedError(f"{reason}, run it again")
                inspection.add(_untranslated(Summarized(article, "", ())))
            return
        folder = memo_folder(self.config, self.options.outputs)
        with open_memo(folder, warn=self.run_log.notice, stopping=self._over) as memo:
            edited = partial(summarize_or_edited, summaries=glossary.summaries)
            summarizing = self._stage("summarize", edited, checkpoints, memo, glossary=glossary)
            if "translate" not in checkpoints:

                def keep(record: Summarized) -> None:
                    inspection.add(_untranslated(record))

                self._pass(
                    summarizing,
                    loaded,
                    loaded.kept,
                    work=loaded.characters,
                    keep=keep,
                    inspection=inspection,
                    is_last=True,
                )
                return
            translating = self._stage("translate", translate, checkpoints, memo, glossary=glossary)
            to_translate = 0  # characters
            with Spool(self.work / "summarize.jsonl", Summarized) as summarized:

                def hand_over(record: Summarized) -> None:
                    """Translate the first records at once, as long as the memo knows them; leave the rest."""
                    nonlocal to_translate
                    to_translate += characters(record)
                    if translating.sweep.has_pending:
                        summarized.add(record)
                    else:
                        for result in translating.sweep.start(record):
                            self._settle(translating, result, keep=inspection.add)

                self._pass(
                    summarizing,
                    loaded,
                    loaded.kept,
                    work=loaded.characters,
                    keep=hand_over,
                    inspection=inspection,
                    is_last=False,
                )
            total = translating.done + translating.sweep.has_pending + summarized.count
            self._pass(
                translating,
                summarized,
                total,
                work=to_translate,
                keep=inspection.add,
                inspection=inspection,
                is_last=True,
            )

    def _stage(
        self,
        name: StageName,
        stage: Callable[[R, Chunker], Round[T | Failure]],
        checkpoints: dict[StageName, Checkpoint],
        memo: Memo,
        *,
        glossary: Glossary,
    ) -> _ModelStage[R, T]:
        checkpoint = checkpoints[name]
        fitted = chunker(checkpoint)
        runtime, window, widest = self.config.runtime, WINDOW, WINDOW
        if self.options.publish_partial and (self.options.deadline or _SHORT_DEADLINE) < _SHORT_DEADLINE:
            window, widest = _FIRST_RECORDS, _MOST_RECORDS
            if checkpoint.device == "cpu" and runtime.batch_tokens is None:
                runtime = runtime.model_copy(update={"batch_tokens": _SMALL_BATCH})
        engine = LazyEngine(checkpoint, runtime, self.run_log.notice)
        open_engine = engine.open
        if self.revised and not (name == "translate" and revising.may_translate(self.source, glossary, checkpoint)):
            open_engine = revising.refuse_calls(name, model=checkpoint.name, newest=self.revised[-1])
        sweep: StageRunner[R, T] = StageRunner(
            name=name,
            stage=lambda record: stage(record, fitted),
            calls=memo.calls(checkpoint.identity()),
            engine=open_engine,
            stopping=lambda: self._stopping() or self.deadline.over(complete=sweep.finished),
            window=window,
            widest=widest,
        )
        return _ModelStage(name, sweep, engine)

    def _pass(
        self,
        stage: _ModelStage[R, T],
        records: Iterable[R],
        total: int,
        *,
        work: int,
        keep: Callable[[T], None],
        inspection: Inspection,
        is_last: bool,
    ) -> None:
        """Drive one stage over the records that it has not done yet, and `keep` its results.

        `total`: the records of the stage, those done included; `work`: the characters of their texts.

        A run that publishes what is complete goes on with what is finished when its time is over. The summarizing
        stage then ends early enough for its summaries to be translated.
        """
        options, sweep = self.options, stage.sweep
        to_translate = options.publish_partial and not is_last
        inspected = inspection.seconds
        with self.run_log.stage(stage.name, total, beside=lambda: inspection.seconds - inspected), stage.engine:
            self.run_log.advance(stage.done)
            self.deadline.begin(later=self._translating() if to_translate else 0.0)
            left = TimeLeft(work)

            open_engine = sweep.engine

            def engine() -> Engine:
                is_first = not stage.engine.is_open
                opened = open_engine()
                if is_first:
                    self.deadline.opened()
                    left.begin(sweep.characters)
                return opened

            def answered() -> None:
                if (seconds := left.seconds(sweep.characters)) is not None:
                    self.run_log.expect(seconds)

            sweep.engine, sweep.answered = engine, answered

            def settle(results: Iterable[T | Failure]) -> None:
                for result in results:
                    self.run_log.advance(1)
                    self._settle(stage, result, keep=keep)

            try:
                settle(sweep.over(records))
            except StoppedError as error:
                # after a signal nothing more is translated: someone waits for the end
                if not options.publish_partial or (to_translate and options.stopping()) or self.space.low():
                    raise
                self.stopped = str(error)
                settle(sweep.complete())
        self.calls[stage.name] = {"computed": sweep.counts.computed, "replayed": sweep.counts.replayed}

    def _settle(self, stage: _ModelStage[R, T], result: T | Failure, *, keep: Callable[[T], None]) -> None:
        stage.done += 1
        if isinstance(result, Failure):
            self._fail(result)
        else:
            keep(result)

    def _translating(self) -> float:
        """Return the seconds that translating takes for a second of summarizing, from the newest version that tells."""
        for version in reversed(self.experiment.versions()):
            calls, timings = version.manifest["calls"], version.manifest["timings"]
            if all(calls.get(name, {}).get("computed", 0) >= _TELLING for name in ("summarize", "translate")):
                return float(timings["translate"] / max(timings["summarize"], 0.001))
        return _TRANSLATING

    def _publish(
        self, records: Spool[Translated], manifest: dict[str, JSON], loaded: Loaded, *, config: Config
    ) -> versions.Version:
        """Write the version's files, the rows and the report in one pass over the records, and publish it."""
        run_log, staged = self.run_log, self.staged
        with run_log.stage("publish", records.count):
            statistics = Statistics()
            rows = self._counted(
                written(records, folder=staged / "data", keep=self._kept_columns()), statistics=statistics
            )
            with run_log.failures.open(encoding="utf-8") as lines:
                report.write(staged, manifest=manifest, rows=rows, failures=map(json.loads, lines))
            manifest["statistics"] = statistics.as_json()
            manifest["drift"] = self._drift(manifest)
            newest = versions.leading(self.experiment.versions())
            if newest is not None and self.scope in versions.WHOLE and newest.edition > str(self.edition):
                run_log.notice(f"latest stays at {newest.folder.name}, of the later edition {newest.edition}")
            manifest["version"] = self.experiment.next_name(manifest["recipe"])
            (staged / "README.md").write_text(card(manifest, data=staged / "data"), encoding="utf-8")
            (staged / "config.yaml").write_text(dump(config), encoding="utf-8")
            with (staged / "sources.jsonl").open("w", encoding="utf-8") as out:
                out.writelines(json.dumps(asdict(file), ensure_ascii=False) + "\n" for file in loaded.files)
        run_log.event("publish", {"counts": manifest["counts"]})
        run_log.close()
        manifest["timings"] = run_log.timings
        version = self.experiment.publish(staged, manifest=manifest)
        self.published.note([version])
        return version

    def _kept_columns(self) -> tuple[str, ...]:
        return revising.kept_columns(self.source) if self.revised else kept_columns(self.config)

    def _revision(self) -> dict[str, JSON]:
        """Return what the manifest of a revision says of the versions that it supersedes."""
        return {"supersedes": [version.folder.name for version in self.revised]} if self.revised else {}

    def _counted(self, rows: Iterable[dict[str, JSON]], *, statistics: Statistics) -> Iterator[dict[str, JSON]]:
        for row in rows:
            if (reason := self.space.low()) is not None:
                raise StoppedError(f"{reason}, while publishing; every finished call is kept, run it again with room")
            self.run_log.advance(1)
            statistics.add(row)
            yield row

    def _drift(self, manifest: dict[str, JSON]) -> list[str]:
        """Return, and say, what strays from the versions of this scope before."""
        earlier = [version.manifest for version in self.experiment.versions()]
        unreadable_versions = drift(manifest, [one for one in earlier if one["scope"] == self.scope])
        for stray in unreadable_versions:
            self.run_log.notice(stray)
        return unreadable_versions

    def _manifest(
        self,
        identity: dict[str, JSON],
        loaded: Loaded,
        checkpoints: dict[StageName, Checkpoint],
        inspection: Inspection,
    ) -> dict[str, JSON]:
        models = {
            stage: {
                "name": checkpoint.name,
                "revision": checkpoint.revision,
                "digest": checkpoint.digest,
                "engine": checkpoint.engine,
                "compute_type": checkpoint.compute_type,
                "search_differences": list(checkpoint.search_differences),
                "license": checkpoint.license,
            }
            for stage, checkpoint in checkpoints.items()
        }
        called = [
            f"{stage}:{m['name']}@{m['digest'][:8]}.{m['engine']}.{m['compute_type']}" for stage, m in models.items()
        ]
        return {
            "schema": SCHEMA,
            "name": self.config.name,
            "recipe": digest(identity),
            "scope": self.scope,
            "until": self.options.until,
            "edition": str(self.edition),
            **self._revision(),
            "signature": "|".join([f"tomdich:{__version__}", *called, f"scope:{self.scope}"]),
            "identity": identity,
            "sources": [asdict(tally) for tally in loaded.tallies],
            "unavailable": [asdict(one) for one in loaded.unavailable],  # of the optional sources
            "models": models,
            "counts": {
                "read": loaded.read,
                "duplicates": loaded.duplicates,
                "rejected": loaded.rejected,
                "rejected_by_editor": loaded.rejected_by_editor,  # of those
                "damaged": loaded.damaged,
                "known": loaded.known,  # under --only-new: published before
                "failures": self.run_log.failed,
                "retryable": self.run_log.retryable,
                "unfinished": loaded.kept - self._lost() - inspection.records.count,  # of a partial version
                "records": inspection.records.count,
                "flagged": inspection.flagged,
                "held": inspection.held,
            },
            "calls": self.calls,
            "timings": self.run_log.timings,
            "environment": environment(checkpoints),
        }


def _reasons(loaded: Loaded) -> tuple[str, ...]:
    return tuple(one.reason for one in loaded.unavailable)


def _untranslated(record: Summarized) -> Translated:
    return Translated(record.article, record.summary, "", (), record.calls, record.flags)
