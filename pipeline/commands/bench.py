"""Which `runtime:` is fastest for somebody's own articles on her own machine: `tomdich bench CONFIG`.

A few articles go through both stages once, which gives the texts each engine is asked; these texts are then run under
one setting after the other. No memo is read or written and nothing is published, so a bench never changes a run. Only
`runtime:` is proposed, which cannot change an answer; another number type can, and is listed apart from it.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import get_args

from pipeline.checkpoints import Checkpoint, ComputeType, default_cache, prepare
from pipeline.checkpoints.device import cores
from pipeline.commands.bench_texts import StageTexts, sample_articles, stage_texts
from pipeline.config import Config, Runtime, Stage, at_edition, today
from pipeline.engines import open_engine
from pipeline.errors import TomdichError
from pipeline.messages import muted
from pipeline.records import Generation, StageName
from pipeline.runner.preparing import prepare_stages
from pipeline.waiting import Stopping

_log = logging.getLogger(__name__)

ARTICLES = 50
REPEATS = 3
BUDGETS = (0.25, 0.5, 1, 2, 4)  # of what a batch takes at present
FINALISTS = 3
NOISE = 0.03  # two settings this near count as equal: the smaller batch is taken, as a killed run loses it
_SMALLEST = 64  # the config takes no less
_WARM_UP = 8  # texts, before the clock runs: the first batches of every library are slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting, and the seconds of each pass over each stage's texts."""

    batch_tokens: int
    threads: int | None  # None: not on this device
    seconds: dict[StageName, tuple[float, ...]] = field(default_factory=dict)
    padding: float = 0.0  # share of the slots computed that held no token
    reduced: bool = False  # a batch of this size did not fit in memory

    def stage(self, name: StageName) -> float:
        """Return the median seconds of a pass over one stage's texts."""
        return statistics.median(self.seconds[name])

    @property
    def passes(self) -> list[float]:
        """The seconds of each pass over both stages."""
        return [sum(both) for both in zip(*self.seconds.values(), strict=True)]

    @property
    def whole(self) -> float:
        """The median seconds of both stages."""
        return sum(map(self.stage, self.seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """Another `compute_type` of a stage that is faster; its answers are others."""

    stage: StageName
    compute_type: ComputeType
    ratio: float  # how many times as fast
    same: int  # of the texts: answered alike
    texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What was measured; the first of `trials` is the present setting."""

    articles: int
    texts: dict[StageName, int]
    engines: dict[StageName, str]  # "ctranslate2 int8 on cpu"
    trials: tuple[Trial, ...]
    best: Trial
    faster: tuple[Arithmetic, ...]
    device: str  # as the config asks for it

    @property
    def present(self) -> Trial:
        """The setting of the config as it is."""
        return self.trials[0]

    @property
    def runtime(self) -> str:
        """The `runtime:` block to paste into the config."""
        lines = ["runtime:"]
        if self.device != "auto":
            lines.append(f"  device: {self.device}")
        lines.append(f"  batch_tokens: {self.best.batch_tokens}")
        if self.best.threads is not None:
            lines.append(f"  threads: {self.best.threads}")
        return "\n".join(lines)


def bench(
    config: Config,
    *,
    articles: int = ARTICLES,
    edition: date | None = None,
    repeats: int = REPEATS,
    reading: Callable[[], AbstractContextManager[Stopping]] = lambda: nullcontext(lambda: None),
) -> Bench:
    """Measure `config` on its own first articles, taken in turn from each source, under several settings.

    Every setting is run once, the fastest and the present one `repeats` times more, in turn. Checkpoints are prepared
    (another arithmetic is converted, and kept in the cache). Raises what `run` would raise for a bad source or model.

    An engine pool is left out: one engine on this machine is measured. `reading` is held while the articles are read,
    and gives what says why to stop waiting for them.
    """
    config = at_edition(config, edition or today(config))
    alone = config.runtime.model_copy(update={"engine_pool": None})
    # nor is repair measured: both stages are, with their first answers
    once = config.translate.model_copy(update={"repair": False})
    config = config.model_copy(update={"runtime": alone, "translate": once})
    with reading() as stopping:
        sample = sample_articles(config, articles, stopping=stopping)
    checkpoints = prepare_stages(config, until=None)
    first = Trial(batch_tokens=config.runtime.batch_tokens or 0, threads=_threads(config.runtime, checkpoints))
    started = time.perf_counter()
    jobs = stage_texts(config, checkpoints, sample, threads=first.threads)
    first = replace(first, batch_tokens=first.batch_tokens or max(job.budget for job in jobs))
    settings = _settings(first, deterministic=config.deterministic)
    passes = len(settings) + (FINALISTS + 1) * repeats + 2
    _log.info(f"bench: a pass takes {time.perf_counter() - started:.1f} s; about {passes} follow")
    trials = [_tried(setting, jobs, base=config.runtime) for setting in settings]
    if first.threads is not None:
        quickest = min(trials, key=lambda trial: trial.whole)
        others = [threads for threads in _thread_counts() if threads != first.threads]
        more = [Trial(batch_tokens=quickest.batch_tokens, threads=threads) for threads in others]
        trials += [_tried(setting, jobs, base=config.runtime) for setting in more]
    trials = _finals(trials, jobs, repeats=repeats, base=config.runtime)
    best = _best(trials)
    return Bench(
        articles=len(sample),
        texts={job.name: len(job.texts) for job in jobs},
        engines={job.name: _engine_name(job.checkpoint) for job in jobs},
        trials=tuple(trials),
        best=best,
        faster=tuple(found for job in jobs for found in _arithmetic(config, job, best)),
        device=config.runtime.device,
    )


def report(found: Bench) -> Iterator[str]:
    """Yield the lines of the table, the block to paste, and what else would be faster."""
    asked = ", ".join(f"{count} texts to {name}" for name, count in found.texts.items())
    yield f"{found.articles} articles, {asked}"
    yield from (f"{name}: {engine}" for name, engine in found.engines.items())
    heads = [f"{'batch_tokens':>14}", f"{'threads':>7}", *(f"{name:>11}" for name in found.texts)]
    yield ""
    yield "  ".join([*heads, f"{'whole':>9}", f"{'articles/s':>10}", f"{'padding':>7}", "of the present speed"])
    fastest_first = sorted(found.trials, key=lambda trial: trial.whole)
    for trial in fastest_first:
        cells = [
            f"{trial.batch_tokens:>14}",
            f"{trial.threads or '-':>7}",
            *(f"{trial.stage(name):>9.2f} s" for name in found.texts),
            f"{trial.whole:>7.2f} s",
            f"{found.articles / trial.whole:>10.2f}",
            f"{trial.padding:>7.0%}",
            f"{found.present.whole / trial.whole:.2f}x",
        ]
        marks = [
            "(present)" if trial is found.present else "",
            "<- take this" if trial is found.best else "",
            "did not fit in memory" if trial.reduced else "",
        ]
        yield " ".join(["  ".join(cells), *filter(None, marks)])
    yield ""
    if found.best is found.present:
        yield f"No setting is faster than the present one by more than {NOISE:.0%} and in every pass. It is:"
    else:
        yield "Paste into the config; it changes how fast the answers come, not what they are in float32:"
    yield found.runtime
    for other in found.faster:
        yield (
            f"{other.stage}: `compute_type: {other.compute_type}` is {other.ratio:.2f}x as fast, and changes answers: "
            f"{other.same} of {other.texts} were the same here. All calls would be made again."
        )


# The work


@dataclass(frozen=True, slots=True)
class _Pass:
    seconds: float
    tokens: int
    slots: int
    reduced: bool
    answers: dict[int, str]


def _run(job: StageTexts, runtime: Runtime, *, checkpoint: Checkpoint, within: float) -> _Pass | None:
    """Return a pass over the job's texts on an engine of its own, or None where it takes longer than `within`."""
    with closing(open_engine(checkpoint, runtime=runtime)) as engine:
        for _ in engine.generate(job.texts[:_WARM_UP]):
            pass
        warm = engine.stats()
        answers: dict[int, str] = {}
        started = time.perf_counter()
        with closing(engine.generate(job.texts)) as stream:
            for index, answer in stream:
                if isinstance(answer, Generation):
                    answers[index] = answer.text
                if time.perf_counter() - started > within:
                    return None
        seconds = time.perf_counter() - started
        stats = engine.stats()
    asked = runtime.batch_tokens or warm.budget
    return _Pass(seconds, stats.tokens - warm.tokens, stats.slots - warm.slots, stats.budget < asked, answers)


def _tried(setting: Trial, jobs: Sequence[StageTexts], *, base: Runtime) -> Trial:
    """Return `setting` with one more pass over every job."""
    tokens = slots = 0
    runtime = _under(base, setting)
    for job in jobs:
        done = _run(job, runtime, checkpoint=job.checkpoint, within=float("inf"))
        assert done is not None
        tokens, slots = tokens + done.tokens, slots + done.slots
        before = setting.seconds.get(job.name, ())
        setting = replace(
            setting,
            seconds=setting.seconds | {job.name: (*before, done.seconds)},
            reduced=setting.reduced or done.reduced,
        )
    return replace(setting, padding=1 - tokens / max(1, slots))


def _under(base: Runtime, setting: Trial) -> Runtime:
    return base.model_copy(update={"batch_tokens": setting.batch_tokens, "threads": setting.threads})


def _settings(first: Trial, *, deterministic: bool) -> list[Trial]:
    """Return the present setting, then the same with other batches; a deterministic run has no batches."""
    shares = () if deterministic else tuple(share for share in BUDGETS if share != 1)
    budgets = {max(_SMALLEST, int(share * first.batch_tokens)) for share in shares} - {first.batch_tokens}
    return [first, *(replace(first, batch_tokens=budget) for budget in sorted(budgets))]


def _finals(trials: list[Trial], jobs: Sequence[StageTexts], *, repeats: int, base: Runtime) -> list[Trial]:
    """Return the trials, the fastest ones and the present one with more passes, run in turn."""
    order = sorted(range(len(trials)), key=lambda at: trials[at].whole)
    chosen = sorted({0, *islice(order, FINALISTS)})
    for _ in range(repeats):
        for at in chosen:
            trials[at] = _tried(trials[at], jobs, base=base)
    return trials


def _best(trials: Sequence[Trial]) -> Trial:
    """Return the present setting, unless others are faster by more than noise; of those near, the smallest batch."""
    present = trials[0]
    usable = [trial for trial in trials if not trial.reduced and _is_faster(trial, present)]
    if not usable:
        return present
    fastest = min(trial.whole for trial in usable)
    near = [trial for trial in usable if trial.whole <= (1 + NOISE) * fastest]
    return min(near, key=lambda trial: trial.batch_tokens)


def _is_faster(trial: Trial, present: Trial) -> bool:
    """Return whether `trial` is faster in the median, and in every pass beside the present one: machines have moods."""
    finals = range(1, min(len(trial.passes), len(present.passes)))
    return (
        trial.whole * (1 + NOISE) < present.whole
        and len(finals) > 0
        and all(trial.passes[at] < present.passes[at] for at in finals)
    )


def _arithmetic(config: Config, job: StageTexts, best: Trial) -> Iterator[Arithmetic]:
    """Yield the other arithmetics of this stage's engine that are faster under the best setting."""
    if job.checkpoint.engine == "fake" or config.deterministic:
        return
    stage: Stage = config.summarize if job.name == "summarize" else config.translate
    runtime = _under(config.runtime, best)
    now = best.stage(job.name)
    for other in get_args(ComputeType):
        if other == job.checkpoint.compute_type:
            continue
        asked = stage.model_copy(update={"engine": job.checkpoint.engine, "compute_type": other})
        try:
            with muted("pipeline.checkpoints"):  # logged when the config itself was prepared
                checkpoint = prepare(
                    asked,
                    runtime=config.runtime,
                    deterministic=False,
                    reproducible=config.reproducible,
                    cache=default_cache(),
                )
            done = _run(job, runtime, checkpoint=checkpoint, within=now)
        except TomdichError as error:
            _log.warning(f"bench: {job.name}: compute_type {other} is not for this machine or engine: {error}")
            continue
        if done is not None and done.seconds * (1 + NOISE) < now:
            same = sum(done.answers.get(at) == answer for at, answer in job.answers.items())
            yield Arithmetic(
                stage=job.name, compute_type=other, ratio=now / done.seconds, same=same, texts=len(job.texts)
            )


# The machine


def _threads(runtime: Runtime, checkpoints: dict[StageName, Checkpoint]) -> int | None:
    """Return the CPU threads at present, as a number: torch keeps the last one it was given; None off the CPU."""
    if all(checkpoint.device != "cpu" for checkpoint in checkpoints.values()):
        return None
    return runtime.threads or cores()


def _thread_counts() -> list[int]:
    """Return what is worth trying: every core, and half of them, which is every real one where two share it."""
    return sorted({max(1, cores() // 2), cores()})


def _engine_name(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.name} ({checkpoint.engine} {checkpoint.compute_type} on {checkpoint.device})"
