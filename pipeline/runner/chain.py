"""One run: load, summarize and translate in the order of the config, inspect, publish, under the lock of its name."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline import __version__, report, waiting
from pipeline.checkpoints import OTHER_SEARCH, Checkpoint
from pipeline.checks.protocol import WorkerConfig
from pipeline.config import Config, dump
from pipeline.corrections import Rejection
from pipeline.engines import LoadedModel
from pipeline.engines.ray_cluster import RunCluster
from pipeline.errors import StoppedError
from pipeline.glossary import Glossary
from pipeline.ids import digest
from pipeline.progress import Progress
from pipeline.records import DEFAULT_ORDER, JSON, Article, PublishedRow, StageName, Summarized, Translated
from pipeline.runner.context import Day, RunContext, open_run
from pipeline.runner.inspection import Inspection
from pipeline.runner.loading import (
    Loaded,
    Reader,
    from_sources,
    holds_nothing_new,
    load,
    load_version,
    standing_in,
)
from pipeline.runner.manifest import Counted, described, manifest, same_again
from pipeline.runner.monitoring import drift
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.passes import StagePasses
from pipeline.runner.preparing import before_reading, environment, memo_folder, prepare_stages, recipe, resolved
from pipeline.runner.publishing import card, get_ready, written
from pipeline.runner.revising import Revision
from pipeline.runner.spool import Records, Spool
from pipeline.storage import labels, object_store, versions
from pipeline.storage.memo import Memo, open_memo
from pipeline.storage.rows import read_failures

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarizedAhead:
    """What it took to have the summaries of a run in the memo before the run."""

    computed: int  # calls
    seconds: float
    opening: float  # of the seconds: until the engine was open
    log: list[str]  # the lines of the stage


def summarize_ahead(config: Config, *, options: RunOptions, progress: Progress, models: LoadedModel) -> SummarizedAhead:
    """Make the summaries of a run, which takes them from the memo afterwards; publishes nothing. Raises as `run`."""
    day = Day.of(config, options)
    with open_run(day, options=replace(options, until="summarize"), progress=progress, models=models) as run:
        glossary = before_reading(run.config, run.options)
        checkpoints = prepare_models(run)
        loaded = _load(run, glossary)
        with (
            open_memo(memo_folder(run.config, run.options.outputs), stopping=run.stop.now) as memo,
            RunCluster(run.config.runtime.engine_pool) as cluster,
            _inspecting(run, glossary, total=0, cluster=cluster) as inspection,
            StagePasses(
                run, checkpoints, memo=memo, glossary=glossary, inspection=inspection, connect=cluster.connect
            ) as passes,
        ):
            deque(passes.summarize(loaded), maxlen=0)
        return SummarizedAhead(
            computed=passes.calls["summarize"]["computed"],
            seconds=run.run_log.timings["summarize"],
            opening=run.run_log.opening.get("summarize", 0.0),
            log=run.run_log.lines("summarize"),
        )


def run(
    config: Config,
    *,
    options: RunOptions,
    progress: Progress,
    models: LoadedModel | None = None,
    ahead: SummarizedAhead | None = None,
) -> Outcome:
    """Run `config` and publish a version, or return the existing one where nothing would change.

    `models`: of `open_engine`, for several runs one after the other. `ahead`: of `summarize_ahead`, whose calls and
    seconds count as those of this run.

    Raises `GateError` when the feed is too small, too many records failed or are held back; `StoppedError` when
    stopped early with nothing to publish; `UsageError` and `WorldError` as they come. In each case nothing is
    published, and every finished model call is in the memo.
    """
    day = Day.of(config, options)
    try:
        with open_run(day, options=options, progress=progress, models=models) as context:
            outcome = _chain(context, ahead)
            if outcome.version is not None and (options.tags or options.note is not None):
                labels.edit(outcome.version, add=options.tags, note=options.note)
                context.experiment.point_latest()  # which of several cells of a matrix it is, their labels say
    except StoppedError as error:
        raise type(error)(day.rerun(str(error))) from None
    return replace(outcome, stopped=outcome.stopped and day.rerun(outcome.stopped))


def _chain(run: RunContext, ahead: SummarizedAhead | None) -> Outcome:
    """Load, summarize and translate, inspect, publish; or return early where there is nothing to publish."""
    if ahead is not None:
        run.run_log.include(ahead.log)
    run.run_log.event("start", {"name": run.config.name, "scope": run.options.scope, "tomdich": __version__})
    glossary = before_reading(run.config, run.options)
    checkpoints = prepare_models(run)
    warn_of_searches(checkpoints)
    identity = recipe(run.config, checkpoints, glossary)
    folder = memo_folder(run.config, run.options.outputs) if checkpoints else None

    loaded = _load(run, glossary)
    if not loaded.count and _nothing_is_new(run, loaded):
        return _nothing_new(loaded)
    there = run.experiment.versions()
    if same := same_again(there, digest(identity), loaded, options=run.options, day=run.day, revision=run.revision):
        return Outcome(same, published=False, unavailable=loaded.reasons)
    check_failures(run, loaded, records=loaded.count)

    with open_memo(folder, stopping=run.stop.now) as memo:
        inspection, passes = through_stages(run, loaded, checkpoints, memo=memo, glossary=glossary)
    records = inspection.records
    calls = passes.calls
    if ahead is not None:
        run.run_log.add("summarize", seconds=ahead.seconds, opening=ahead.opening)
        calls["summarize"]["computed"] += ahead.computed
        calls["summarize"]["replayed"] -= ahead.computed
    if passes.stopped and not records.count:
        raise StoppedError(passes.stopped)
    if not records.count and _nothing_is_new(run, loaded):
        return _nothing_new(loaded)
    check_failures(run, loaded, records=records.count)
    run.gates.holds(inspection.held, records=records.count, listed=inspection.listed)

    facts = manifest(
        run,
        identity,
        models=described(checkpoints),
        environment=environment(checkpoints),
        loaded=loaded,
        counted=Counted(records.count, inspection.flagged, inspection.held),
        calls=calls,
        scope="partial" if passes.stopped else run.options.scope,
    )
    version = publish(run, records, facts, loaded=loaded, config=resolved(run.config, checkpoints))
    return Outcome(version, published=True, stopped=passes.stopped, unavailable=loaded.reasons)


def through_stages(
    run: RunContext,
    articles: Records[Article],
    checkpoints: dict[StageName, Checkpoint],
    *,
    memo: Memo,
    glossary: Glossary,
) -> tuple[Inspection, StagePasses]:
    """Take the articles through the model stages and inspect them.

    The records are in the `Inspection`, the calls in the passes.
    """
    with (
        RunCluster(run.config.runtime.engine_pool) as cluster,
        _inspecting(run, glossary, total=articles.count, cluster=cluster) as inspection,
        StagePasses(
            run, checkpoints, memo=memo, glossary=glossary, inspection=inspection, connect=cluster.connect
        ) as passes,
        ExitStack() as spools,
    ):
        if run.config.order == DEFAULT_ORDER:
            summarized = Spool(passes.summarize(articles), run.work / "summarize.jsonl", Summarized)
            first = Spool(passes.translate(spools.enter_context(summarized)), run.work / "translate.jsonl", Translated)
            finished = passes.repair(spools.enter_context(first))
        else:
            translated = Spool(passes.translate_articles(articles), run.work / "translate.jsonl", Translated)
            finished = passes.summarize_translations(spools.enter_context(translated))
        for record in finished:
            inspection.add(record)
        get_ready()  # the last records are inspected meanwhile
    run.run_log.ended("inspect", inspection.seconds)
    return inspection, passes


def _inspecting(run: RunContext, glossary: Glossary, *, total: int, cluster: RunCluster) -> Inspection:
    setup = WorkerConfig(glossary, run.config.inspect.hold)
    fail = run.failures.add
    return Inspection(run.work, setup=setup, total=total, fail=fail, cluster=lambda: cluster.connected)


def prepare_models(run: RunContext) -> dict[StageName, Checkpoint]:
    """Return the checkpoint of each model stage that the run reaches."""
    run_log = run.run_log
    run.stop.check("before anything was read")
    checkpoints = waiting.call(
        lambda: prepare_stages(run.config, until=run.options.until),
        what="a checkpoint to be fetched or prepared",
        stopping=run.stop.now,
    )
    for name, checkpoint in checkpoints.items():
        effective = {"generation": dict(checkpoint.generation), "from": dict(checkpoint.origins)}
        run_log.event("model", {"of": name, "name": checkpoint.name, "revision": checkpoint.revision} | effective)
    return checkpoints


def warn_of_searches(checkpoints: dict[StageName, Checkpoint]) -> None:
    """Say where the search of a stage is not that of transformers."""
    for name, checkpoint in checkpoints.items():
        for difference in checkpoint.search_differences:
            _log.warning(f"{name}: {OTHER_SEARCH}: {difference}")


def _load(run: RunContext, glossary: Glossary) -> Loaded:
    """Return the articles of the sources, or of versions; raises `GateError` as the limits say."""
    rejected = glossary.rejected_texts()
    if run.revision is not None:
        return _load_revised(run, run.revision, rejected=rejected)
    if (version := run.options.articles_of) is None:
        return load_through_gates(run, from_sources(run.config, run.stop.now), rejected=rejected)
    folder, advance = run.work, run.run_log.advance
    return _through_gates(run, lambda: load_version(version, folder=folder, advance=advance, stopping=run.stop.now))


def _load_revised(run: RunContext, revision: Revision, *, rejected: Mapping[str, Rejection]) -> Loaded:
    with run.run_log.stage("load", None):
        run.stop.deadline.begin()
        loaded = revision.load(
            folder=run.work,
            withdrawn=run.published.is_withdrawn,
            rejected=rejected,
            fail=run.failures.add,
            advance=run.run_log.advance,
            check=lambda: run.stop.check("while loading"),
        )
    run.failures.loaded(all_known=True)
    return loaded


def load_through_gates(run: RunContext, read: Reader, *, rejected: Mapping[str, Rejection]) -> Loaded:
    """Return the articles that `read` gives; raises `GateError` as the limits say."""
    return _through_gates(
        run,
        lambda: load(
            run.config,
            read=read,
            folder=run.work,
            limit=run.options.limit,
            standing=standing_in(run.published, only_new=run.options.only_new),
            withdrawn=run.published.is_withdrawn,
            rejected=rejected,
            fail=run.failures.add,
            event=run.run_log.event,
            advance=run.run_log.advance,
            stopping=run.stop.now,
        ),
    )


def _through_gates(run: RunContext, loading: Callable[[], Loaded]) -> Loaded:
    failures = run.failures
    with run.run_log.stage("load", run.options.limit):
        run.stop.deadline.begin()
        loaded = loading()
    failures.loaded(all_known=False)
    if not run.options.limit:
        run.gates.feed(loaded)
    run.gates.damage(loaded, listed=failures.listed())
    if failures.superseded > loaded.read / 2:
        superseded = f"{failures.superseded} of {loaded.read} rows have the id of another row"
        _log.warning(f"{superseded}: is `columns.id` the column that names each article?")
    return loaded


def _nothing_is_new(run: RunContext, loaded: Loaded) -> bool:
    """Return whether nothing is new, nor any failure."""
    if not run.options.only_new or run.failures.new or not holds_nothing_new(loaded, run.published):
        return False
    if run.failures.known:
        _log.warning(f"{run.failures.known} articles failed as in an earlier version, which lists them")
    return True


def _nothing_new(loaded: Loaded) -> Outcome:
    return Outcome(None, published=False, unavailable=loaded.reasons, damaged=loaded.damaged)


def check_failures(run: RunContext, loaded: Loaded, *, records: int) -> None:
    """Raise `GateError` where too many records failed, or none of `records` is left."""
    failures = run.failures
    run.gates.failures(
        failures.new, superseded=failures.new_superseded, records=records, loaded=loaded, listed=failures.listed()
    )


def publish(
    run: RunContext, records: Iterable[Translated], manifest: dict[str, JSON], *, loaded: Loaded, config: Config
) -> versions.Version:
    """Write the version's files, the rows and the report in one pass over the records, and publish it."""
    run_log, staged = run.run_log, run.staged
    with run_log.stage("publish", manifest["counts"]["records"]):
        rows = _with_progress(run, written(records, folder=staged / "data", keep=run.kept_columns))
        tally = report.write(staged, manifest=manifest, rows=rows, failures=read_failures(run.failures.listed()))
        manifest["statistics"] = tally.statistics()
        manifest["drift"] = _drift(run, manifest)
        _say_where_latest_stays(run, manifest)
        manifest["version"] = run.experiment.next_name(manifest["recipe"])
        (staged / "README.md").write_text(card(manifest, data=staged / "data"), encoding="utf-8")
        (staged / "config.yaml").write_text(dump(config, folder=_final_folder(run, manifest)), encoding="utf-8")
        with (staged / "sources.jsonl").open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(asdict(file), ensure_ascii=False) + "\n" for file in loaded.files)
    run_log.event("publish", {"counts": manifest["counts"]})
    run_log.close()
    run.failures.close()
    manifest["timings"] = run_log.timings | manifest["timings"]  # of a merge, those of its shards stay
    version = run.experiment.publish(staged, manifest=manifest)
    with suppress(StoppedError):  # another process holds the list: the next run takes the version in
        run.published.note([version])
    return version


def _final_folder(run: RunContext, manifest: dict[str, JSON]) -> Path | None:
    """Return the folder that the staged version becomes; None in an object store, to which no path is relative."""
    if object_store.of(run.experiment.folder.parent) is not None:
        return None
    return (run.experiment.folder / str(manifest["version"])).resolve()


def _with_progress(run: RunContext, rows: Iterable[PublishedRow]) -> Iterator[PublishedRow]:
    for row in rows:
        if (reason := run.stop.space.low()) is not None:
            raise StoppedError(f"{reason}, while publishing; every finished call is kept, run it again with room")
        run.run_log.advance(1)
        yield row


def _drift(run: RunContext, manifest: dict[str, JSON]) -> list[str]:
    """Return, and say, what strays from the versions of this scope before.

    The cells of a matrix differ by intention: they are compared with nothing, and nothing with them.
    """
    if labels.is_cell(run.options.tags):
        return []
    ordinary = (one for one in run.experiment.versions() if not labels.is_cell(labels.read(one).tags))
    earlier = [version.manifest for version in ordinary]
    strays = drift(manifest, [one for one in earlier if one["scope"] == manifest["scope"]])
    for stray in strays:
        _log.warning(stray)
    return strays


def _say_where_latest_stays(run: RunContext, manifest: dict[str, JSON]) -> None:
    newest = versions.leading(run.experiment.versions())
    if newest is not None and manifest["scope"] in versions.WHOLE and newest.edition > str(run.day.edition):
        _log.warning(f"latest stays at {newest.folder.name}, of the later edition {newest.edition}")
