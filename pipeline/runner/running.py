"""One run: load, summarize, translate, inspect, publish, under the lock of its name."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version as installed
from pathlib import Path
from typing import Generic, Literal, Protocol, Self, TypeVar

import msgspec

from pipeline import __version__, store
from pipeline.checkpoints import Checkpoint, prepare
from pipeline.checks import inspect
from pipeline.config import Config, Runtime, Stage, dump
from pipeline.engines import Engine, open_engine
from pipeline.errors import GateError
from pipeline.ids import digest
from pipeline.memo import Memo, open_memo
from pipeline.records import JSON, Article, Failure, StageName, Summarized, Translated
from pipeline.runner.loading import Loaded, load
from pipeline.runner.publishing import card, write_rows
from pipeline.runner.sweep import Sweep
from pipeline.stages import Fit, Round, summarize, translate

SCHEMA = 1
_GATE_FROM = 20  # failures among fewer records say nothing of a ratio
_LIBRARIES = ("torch", "transformers", "tokenizers", "ctranslate2", "sentencepiece", "datasets", "pyarrow")

_encoder = msgspec.json.Encoder()

R = TypeVar("R", Article, Summarized)
T = TypeVar("T", Summarized, Translated)

Until = Literal["load", "summarize"]
REACHED: dict[Until | None, int] = {None: 2, "summarize": 1, "load": 0}  # model stages that a run goes through


class Progress(Protocol):
    """What a run tells a person while it works."""

    def begin(self, stage: str, total: int | None) -> None:
        """Say that a stage starts, with the number of records if it is known."""
        ...

    def advance(self, count: int) -> None:
        """Say that so many more records are done in the present stage."""
        ...

    def notice(self, message: str) -> None:
        """Say something a person should know."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line adds to a config; outside the recipe."""

    outputs: Path
    limit: int | None = None
    until: Until | None = None
    force: bool = False
    wait_lock: float = 0.0  # seconds
    stopping: Callable[[], str | None] = lambda: None  # a reason to stop, asked after each answer

    @property
    def scope(self) -> str:
        """What part of the job this run is: `full`, `limited` or `until`."""
        return "until" if self.until else "limited" if self.limit else "full"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the version, and whether it was there already."""

    version: store.Version
    published: bool


def default_cache() -> Path:
    """Return where prepared checkpoints are kept: TOMDICH_CACHE, else the user's cache folder."""
    given = os.environ.get("TOMDICH_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tomdich"


def memo_folder(config: Config, outputs: Path) -> Path:
    """Return the memo's folder: the config's, else one shared by all experiments of `outputs`."""
    return Path(config.memo) if config.memo else outputs / ".memo"


def prepare_stages(
    config: Config,
    *,
    until: Until | None,
    warn: Callable[[str], None],
    prepare: Callable[..., Checkpoint | None] = prepare,
) -> dict[StageName, Checkpoint]:
    """Return the prepared checkpoint of each model stage that the run reaches, less those `prepare` gives None for."""
    wanted: list[tuple[StageName, Stage]] = [("summarize", config.summarize), ("translate", config.translate)]
    found: dict[StageName, Checkpoint] = {}
    for name, stage in wanted[: REACHED[until]]:
        checkpoint = prepare(
            stage,
            runtime=config.runtime,
            deterministic=config.deterministic,
            reproducible=config.reproducible,
            cache=default_cache(),
            warn=partial(_about, name, warn),
        )
        if checkpoint is not None:
            found[name] = checkpoint
    return found


def _about(name: StageName, warn: Callable[[str], None], message: str) -> None:
    warn(f"{name}: {message}")


def recipe(config: Config, checkpoints: dict[StageName, Checkpoint]) -> dict[str, JSON]:
    """Return everything that changes the answers, resolved; its digest names a version."""
    return {
        "schema": SCHEMA,
        "on_same_id": config.on_same_id,
        "exclude": config.exclude.model_dump(mode="json"),
        "stages": {name: checkpoint.identity() for name, checkpoint in checkpoints.items()},
    }


def kept_columns(config: Config) -> tuple[str, ...]:
    """Return the columns that sources pass through, each once, in the order of the config."""
    return tuple(dict.fromkeys(name for source in config.sources for name in source.keep))


def fit(checkpoint: Checkpoint) -> Fit:
    """Return what a stage may know of `checkpoint`."""
    return Fit(checkpoint.count, checkpoint.budget, checkpoint.tone_style)


def run(config: Config, *, options: Options, progress: Progress) -> Outcome:
    """Run `config` and publish a version, or return the existing one where nothing would change.

    Raises `GateError` when too many records failed, `StoppedError` when stopped early, `UsageError` and `WorldError`
    as they come; in each case nothing is published and every finished model call is in the memo.
    """
    with (
        store.locked(options.outputs, config.name, wait=options.wait_lock, notice=progress.notice) as experiment,
        ExitStack() as stack,
    ):
        return _Job(config, options=options, progress=progress, experiment=experiment, stack=stack).run()


class _Job:
    """One run under its lock."""

    def __init__(
        self,
        config: Config,
        *,
        options: Options,
        progress: Progress,
        experiment: store.Experiment,
        stack: ExitStack,
    ) -> None:
        self.config, self.options, self.progress, self.experiment = config, options, progress, experiment
        self.stack = stack
        self.staged, self.work = experiment.stage(), experiment.stage()
        self._log = stack.enter_context((self.staged / "log.jsonl").open("w", encoding="utf-8"))
        self._failures = stack.enter_context((self.staged / "failures.jsonl").open("w", encoding="utf-8"))
        self.failed = 0  # failures that are not rejections
        self.failed_loading = 0
        self.retryable = 0
        self.timings: dict[str, float] = {}
        self.calls: dict[str, dict[str, int]] = {}

    def run(self) -> Outcome:
        config, options = self.config, self.options
        self.event("start", {"name": config.name, "scope": options.scope, "tomdich": __version__})
        checkpoints = prepare_stages(config, until=options.until, warn=self.notice)
        for name, checkpoint in checkpoints.items():
            effective = {"generation": dict(checkpoint.generation), "from": dict(checkpoint.origins)}
            self.event("model", {"stage": name, "name": checkpoint.name, "revision": checkpoint.revision} | effective)
        identity = recipe(config, checkpoints)
        loaded = self._load()
        same = None if options.force else self._same_again(digest(identity), loaded)
        if same is not None:
            return same
        final = self._passes(loaded, checkpoints)
        records = self._gate(loaded)
        with self._timed("publish", records):
            flagged = write_rows(self._inspected(final), folder=self.staged / "data", keep=kept_columns(config))
            self._failures.close()
            manifest = self._manifest(identity, loaded, checkpoints) | {
                "counts": {
                    "read": loaded.read,
                    "duplicates": loaded.duplicates,
                    "rejected": loaded.rejected,
                    "failures": self.failed,
                    "retryable": self.retryable,
                    "records": records,
                    "flagged": flagged,
                }
            }
            languages = ("vi", "en") if "translate" in checkpoints else ("vi",)
            (self.staged / "README.md").write_text(card(manifest, languages=languages), encoding="utf-8")
            (self.staged / "config.yaml").write_text(dump(config), encoding="utf-8")
            with (self.staged / "sources.jsonl").open("w", encoding="utf-8") as out:
                out.writelines(json.dumps(asdict(file), ensure_ascii=False) + "\n" for file in loaded.files)
        self.event("publish", {"counts": manifest["counts"]})
        self._log.close()
        manifest["timings"] = {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
        version = self.experiment.publish(self.staged, manifest=manifest, move_latest=options.scope == "full")
        return Outcome(version, published=True)

    def event(self, kind: str, values: dict[str, JSON]) -> None:
        """Write one line of log.jsonl."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": kind} | values
        self._log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._log.flush()

    def notice(self, message: str) -> None:
        """Tell the person, and the log."""
        self.progress.notice(message)
        self.event("notice", {"message": message})

    def fail(self, failure: Failure) -> None:
        """Keep a record that is not in the output."""
        self._failures.write(json.dumps(asdict(failure), ensure_ascii=False) + "\n")
        self.failed += not failure.rejected
        self.retryable += failure.retry

    def _load(self) -> Loaded:
        with self._timed("load", self.options.limit):
            loaded = load(
                self.config,
                folder=self.work,
                limit=self.options.limit,
                fail=self.fail,
                warn=self.notice,
                event=self.event,
                advance=self.progress.advance,
                stopping=self.options.stopping,
            )
        self.failed_loading = self.failed
        return loaded

    def _same_again(self, recipe_digest: str, loaded: Loaded) -> Outcome | None:
        """Return the published version that this run would only repeat, `latest` repaired, or None."""
        sources = [asdict(tally) for tally in loaded.tallies]
        for version in reversed(self.experiment.versions()):
            manifest = version.manifest
            if (
                manifest["recipe"] == recipe_digest
                and manifest["sources"] == sources
                and manifest["scope"] == self.options.scope
                and manifest["until"] == self.options.until
                and not manifest["counts"]["retryable"]
            ):
                if self.options.scope == "full":
                    self.experiment.point_latest(version.folder)
                return Outcome(version, published=False)
        return None

    def _passes(self, loaded: Loaded, checkpoints: dict[StageName, Checkpoint]) -> Iterable[Translated]:
        """Run the model stages; return the records, to be read from the last handover file."""
        if "summarize" not in checkpoints:
            return (_untranslated(Summarized(article, "", ())) for article in loaded)
        with open_memo(memo_folder(self.config, self.options.outputs), warn=self.notice) as memo:
            summarized = self._pass("summarize", summarize, loaded, loaded.kept, checkpoints, memo, Summarized)
            if "translate" not in checkpoints:
                return (_untranslated(record) for record in summarized)
            return self._pass("translate", translate, summarized, summarized.count, checkpoints, memo, Translated)

    def _pass(
        self,
        name: StageName,
        stage: Callable[[R, Fit], Round[T | Failure]],
        records: Iterable[R],
        total: int,
        checkpoints: dict[StageName, Checkpoint],
        memo: Memo,
        kind: type[T],
    ) -> _Handover[T]:
        """Drive one stage over all the records into a handover file."""
        checkpoint = checkpoints[name]
        fitted = fit(checkpoint)
        handover = _Handover(self.work / f"{name}.jsonl", kind)
        with self._timed(name, total), LazyEngine(checkpoint, self.config.runtime, self.notice) as engine:
            sweep: Sweep[R, T] = Sweep(
                name=name,
                stage=lambda record: stage(record, fitted),
                calls=memo.calls(checkpoint.identity()),
                engine=engine.open,
                stopping=self.options.stopping,
            )
            with handover.path.open("wb") as out:
                for result in sweep.over(records):
                    self.progress.advance(1)
                    if isinstance(result, Failure):
                        self.fail(result)
                    else:
                        out.write(_encoder.encode(result) + b"\n")
                        handover.count += 1
        self.calls[name] = {"computed": sweep.tally.computed, "replayed": sweep.tally.replayed}
        return handover

    def _gate(self, loaded: Loaded) -> int:
        """Return the number of records to publish; raise `GateError` where publishing would mislead."""
        failures = self.work.parent / "failures.jsonl"
        records = loaded.kept - (self.failed - self.failed_loading)
        tried = records + self.failed
        ratio = self.failed / tried if tried else 0.0
        if records and (tried < _GATE_FROM or ratio <= self.config.limits.max_failure_ratio):
            return records
        self._failures.flush()
        failures.write_bytes((self.staged / "failures.jsonl").read_bytes())
        what = (
            f"{self.failed} of {tried} records failed, more than limits.max_failure_ratio"
            f" = {self.config.limits.max_failure_ratio:g} allows"
            if records
            else f"no record is left of {loaded.read} read ({loaded.rejected} rejected, {self.failed} failed)"
        )
        raise GateError(f"{self.config.name}: {what}; nothing is published, the reasons are in {failures}")

    def _inspected(self, records: Iterable[Translated]) -> Iterator[Translated]:
        for record in records:
            self.progress.advance(1)
            yield inspect(record)

    @contextmanager
    def _timed(self, stage: str, total: int | None) -> Iterator[None]:
        started = time.monotonic()
        self.progress.begin(stage, total)
        yield
        self.timings[stage] = time.monotonic() - started
        self.event("stage", {"stage": stage, "seconds": round(self.timings[stage], 3)})

    def _manifest(
        self, identity: dict[str, JSON], loaded: Loaded, checkpoints: dict[StageName, Checkpoint]
    ) -> dict[str, JSON]:
        name = self.config.name
        models = {
            stage: {
                "name": checkpoint.name,
                "revision": checkpoint.revision,
                "digest": checkpoint.digest,
                "engine": checkpoint.engine,
                "compute_type": checkpoint.compute_type,
                "license": checkpoint.license,
            }
            for stage, checkpoint in checkpoints.items()
        }
        called = [
            f"{stage}:{m['name']}@{m['digest'][:8]}.{m['engine']}.{m['compute_type']}" for stage, m in models.items()
        ]
        return {
            "schema": SCHEMA,
            "name": name,
            "recipe": digest(identity),
            "scope": self.options.scope,
            "until": self.options.until,
            "signature": "|".join([f"tomdich:{__version__}", *called, f"scope:{self.options.scope}"]),
            "identity": identity,
            "sources": [asdict(tally) for tally in loaded.tallies],
            "models": models,
            "calls": self.calls,
            "environment": _environment(checkpoints),
        }


class _Handover(Generic[T]):
    """The records one pass left for the next, in a file."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path, self.count = path, 0
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def __iter__(self) -> Iterator[T]:
        with self.path.open("rb") as lines:
            for line in lines:
                yield self._decoder.decode(line)


class LazyEngine:
    """An engine that is opened when it is first asked, and closed with the block."""

    def __init__(self, checkpoint: Checkpoint, runtime: Runtime, notice: Callable[[str], None]) -> None:
        self._checkpoint, self._runtime, self._notice = checkpoint, runtime, notice
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.close()

    def open(self) -> Engine:
        """Return the engine."""
        if self._engine is None:
            self._engine = open_engine(self._checkpoint, runtime=self._runtime, notice=self._notice)
        return self._engine


def _untranslated(record: Summarized) -> Translated:
    return Translated(record.article, record.summary, "", (), record.calls, record.flags)


def _environment(checkpoints: dict[StageName, Checkpoint]) -> dict[str, JSON]:
    """Return what may move an answer without being in the recipe: library versions, the device, the system."""
    return {
        "tomdich": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "devices": sorted({checkpoint.device for checkpoint in checkpoints.values()}),
        "libraries": {name: installed(name) for name in _LIBRARIES},
    }
