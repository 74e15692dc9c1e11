"""Where the time of a run goes beside the engine, what a replay costs, and how full the batches are."""

# ruff: noqa: T201 - a measurement prints

from __future__ import annotations

import cProfile
import io
import os
import pstats
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline import engines
from pipeline.checkpoints import Checkpoint, default_cache, prepare
from pipeline.config import Runtime
from pipeline.engines.batching import BatchingEngine, Stats
from pipeline.records import Generation
from pipeline.runner.inspection import MANY
from pipeline.storage import versions
from tests.benchmarks import machine
from tests.benchmarks.peers import command_line
from tests.benchmarks.workload import Asked, Workload, asked, run

PROFILED = 25  # functions printed


@contextmanager
def remembered() -> Iterator[list[tuple[Checkpoint, BatchingEngine, float]]]:
    """Give the engines that runs of this process open, and the seconds each took to open."""
    found: list[tuple[Checkpoint, BatchingEngine, float]] = []

    def opening(checkpoint: Checkpoint, **options: Any) -> BatchingEngine:
        started = time.perf_counter()
        engine = engines.open_engine(checkpoint, **options)
        found.append((checkpoint, engine, time.perf_counter() - started))
        return engine

    with patch("pipeline.runner.preparing.open_engine", opening):
        yield found


def waiting(workload: Workload, outputs: Path) -> None:
    """Run with an empty memo in this process; print the share of the wall time in which no engine computed."""
    started = time.perf_counter()
    with remembered() as found:
        run(workload, outputs)
    wall = time.perf_counter() - started
    busy = 0.0
    print(f"\noverhead: {workload.described}; {wall:.1f} s, {workload.articles / wall:.2f} articles/s")
    for checkpoint, engine, opening in found:
        stats = engine.stats()
        busy += stats.busy_seconds
        print(
            f"  {checkpoint.name}: computed {stats.busy_seconds:.2f} s, waited between batches"
            f" {stats.idle_seconds:.2f} s, opened in {opening:.2f} s; {_batches(stats)}"
        )
    print(f"  no engine computed in {100 * (1 - busy / wall):.1f} % of the wall time (aim: under 5 %)")
    _timings(workload, outputs)


def replay(workload: Workload, outputs: Path, *, rounds: int) -> None:
    """Publish again from the memo, each time in a process of its own; print articles a second."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        command_line(workload, str(outputs), "--force")
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    print(
        f"\nreplay: {workload.described}; median of {rounds}: {median:.2f} s [{min(seconds):.2f}, {max(seconds):.2f}],"
        f" {workload.articles / median:.0f} articles/s (aim: 200), Python's start and all"
    )
    _timings(workload, outputs)


def profile(workload: Workload, outputs: Path) -> None:
    """Print the functions in which a replay spends its time."""
    profiler = cProfile.Profile()
    profiler.runcall(partial(run, force=True), workload, outputs)
    for order in ("tottime", "cumulative"):
        out = io.StringIO()
        pstats.Stats(profiler, stream=out).strip_dirs().sort_stats(order).print_stats(PROFILED)
        print(f"\nreplay by {order}:\n" + "\n".join(out.getvalue().splitlines()[6:]))


def waste(workload: Workload, outputs: Path) -> None:
    """Print padding and fill of each engine on the texts of a finished run, and how far it is from the machine."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(f"\nwaste and limits: {workload.described}; {threads} threads")
    for name, one in asked(workload, outputs).items():
        shape = machine.Shape.of(one.checkpoint.folder)
        lengths = [len(row) for row in one.checkpoint.encode(one.texts)]
        beams = one.checkpoint.generation["num_beams"]
        # of a batch of the present size; the encoder's height is that of a whole batch
        step_rows = beams * max(1, min(len(lengths), machine.ENCODER_ROWS * len(lengths) // sum(lengths)))
        found = machine.limits(shape, step_rows=step_rows, threads=threads)
        print(f"  {name}: {one.checkpoint.name}, {len(one.texts)} texts")
        for arithmetic, rates in found.items():
            told = ", ".join(f"{rate / 1e9:.0f} Gop/s at {rows} rows" for rows, rate in rates.items())
            print(f"    this machine's product, {arithmetic}: {told}")
        for checkpoint in _engines(workload, name, one.checkpoint):
            _one_engine(checkpoint, one, shape, limit=found[checkpoint.compute_type], few=step_rows)


def _engines(workload: Workload, name: str, checkpoint: Checkpoint) -> Iterator[Checkpoint]:
    """Yield the checkpoint as it runs, and as the other engines run it."""
    yield checkpoint
    config = workload.config
    stage = config.summarize if name == "summarize" else config.translate
    for compute_type in ("bfloat16", "float32"):
        yield prepare(
            stage.model_copy(update={"engine": "transformers", "compute_type": compute_type}),
            runtime=config.runtime,
            deterministic=False,
            reproducible="warn",
            cache=default_cache(),
        )


def _one_engine(checkpoint: Checkpoint, one: Asked, shape: machine.Shape, *, limit: dict[int, float], few: int) -> None:
    """Run the texts through an engine, whole and with answers of one token; print what it computed a second."""
    beams = checkpoint.generation["num_beams"]
    short = replace(checkpoint, generation=dict(checkpoint.generation) | {"max_new_tokens": 1})
    lengths = [len(row) for row in checkpoint.encode(one.texts)]
    stats, answers = _through(checkpoint, one.texts)
    encoding, _ = _through(short, one.texts)
    outputs = [answers[at].output_tokens for at in range(len(one.texts))]
    encode = shape.encoding(lengths)
    decode = shape.decoding(lengths, outputs, beams=beams)
    one_step = shape.decoding(lengths, [0] * len(lengths), beams=1)
    rows = machine.ENCODER_ROWS
    least = encode / limit[rows] + decode / limit[few]
    writing = max(1e-9, stats.busy_seconds - encoding.busy_seconds)
    print(
        f"    {checkpoint.engine} {checkpoint.compute_type}: {stats.busy_seconds:.1f} s,"
        f" {len(one.texts) / stats.busy_seconds:.2f} texts/s, {stats.tokens / stats.busy_seconds:.0f} source and"
        f" {sum(outputs) / stats.busy_seconds:.0f} answer tokens/s; {_batches(stats)}\n"
        f"      encoding {encoding.busy_seconds:.1f} s at"
        f" {(encode + one_step) / encoding.busy_seconds / 1e9:.0f} Gop/s"
        f" ({(encode + one_step) / encoding.busy_seconds / limit[rows]:.0%} of the limit), writing {writing:.1f} s at"
        f" {decode / writing / 1e9:.0f} Gop/s ({decode / writing / limit[few]:.0%});"
        f" the limit for both: {least:.1f} s, so {least / stats.busy_seconds:.0%} of it is reached"
    )


def _through(checkpoint: Checkpoint, texts: list[str]) -> tuple[Stats, dict[int, Generation]]:
    """Return an engine's counts and answers over `texts`, after some to warm it."""
    answers: dict[int, Generation] = {}
    with closing(engines.open_engine(checkpoint, runtime=Runtime())) as engine:
        for _ in engine.generate(texts[:8]):
            pass
        warm = engine.stats()
        for index, answer in engine.generate(texts):
            assert isinstance(answer, Generation)
            answers[index] = answer
        stats = engine.stats()
    return (
        replace(
            stats,
            batches=stats.batches - warm.batches,
            texts=stats.texts - warm.texts,
            tokens=stats.tokens - warm.tokens,
            slots=stats.slots - warm.slots,
            busy_seconds=stats.busy_seconds - warm.busy_seconds,
        ),
        answers,
    )


def _batches(stats: Stats) -> str:
    fill = stats.slots / max(1, stats.batches * stats.budget)
    return f"{stats.batches} batches, {fill:.0%} full, {1 - stats.tokens / max(1, stats.slots):.1%} of it padding"


def _timings(workload: Workload, outputs: Path) -> None:
    folder = outputs if outputs.is_absolute() else workload.folder / outputs
    timings = versions.find(folder, "throughput").manifest["timings"]
    told = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in timings.items())
    print(f"  seconds by stage: {told}, together {sum(timings.values()):.2f}")


def growth(run_: Callable[[int], tuple[float, int]], counts: tuple[int, ...]) -> None:
    """Print the processor's seconds and the peak memory of runs over so many articles, and what a further one costs.

    Each count is set against the one before it, the first against the fewest that are inspected by processes of their
    own: what a run costs once, the start of Python and of those, is no part of it.
    """
    before, (past, _) = MANY, run_(MANY)
    base: float | None = None
    print(f"\ngrowth: the fake engine, seconds of the processor; {MANY} articles: {past:.1f} s")
    for count in counts:
        seconds, peak = run_(count)
        each = (seconds - past) / (count - before)
        base = base or each
        print(
            f"  {count:>7} articles: {seconds:.1f} s, {1000 * each:.3f} ms for each further article"
            f" ({each / base:.2f} of the first), peak {peak / 2**20:.0f} MiB"
        )
        before, past = count, seconds
