"""An engine pool on Ray: what it costs beside bare processes, and how many texts a second one driver can serve.

    python -m tests.benchmarks.pool workers [--articles 48] [--rounds 3]
    python -m tests.benchmarks.pool driver [--workers 64] [--latency second|slow|none] [--texts 40000] [--profile]
    python -m tests.benchmarks.pool shares [--articles 5000] [--pages]

`workers`: two workers with one core each, CTranslate2 in int8 in the shape of ViT5-base, the engine stage alone, in turn
with two bare processes of one core that have half the texts each. `driver`: the fake engine, whose batch of 32 texts
takes a second, 50 ms or nothing, through the stage runner and a memo that commits each answer. `shares`: a whole run on
the fake engine in this process: what of the driver's thread reading takes, and what those that inspect take beside it.
On a busy machine the wall times say little; the processor's time of a thread per text depends little on who else computes.
Ray's workers have the niceness of this process here, not the 15 that Ray gives them.
"""

# ruff: noqa: T201 - a measurement prints

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import os
import pstats
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import msgspec
import yaml

from pipeline import config as configs
from pipeline import sources
from pipeline.checkpoints import Checkpoint, default_cache, prepare
from pipeline.config import EnginePool, GenerationOptions, Runtime, Stage
from pipeline.engines import open_engine
from pipeline.engines.batching import BatchingEngine
from pipeline.progress import Silent
from pipeline.records import Article, Generation, Origin
from pipeline.runner import chain
from pipeline.runner.options import RunOptions
from pipeline.runner.stage_runner import open_stage
from pipeline.stages import summarize
from pipeline.storage.memo import open_memo
from tests.benchmarks.workload import invented, vit5_base
from tests.conftest import fake_config, write_feed
from tests.ray_cluster import ray_cluster

BATCH = 32  # texts
WORDS = 40  # of a text
LATENCIES = {"second": 1.0, "slow": 0.05, "none": 0.0}
AIM, AIM_SHARE, AIM_RATE = 0.85, 0.90, 3000


def load() -> str:
    return f"load {', '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} cores"


# Two workers beside two bare processes


def workers(*, articles: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = prepare(
            Stage(
                model=str(vit5_base(Path(folder, "vit5-base"))),
                engine="ctranslate2",
                compute_type="int8",
                accept_license="unknown",
                max_source_tokens=1024,
                generation=GenerationOptions(max_new_tokens=48, num_beams=1),
            ),
            runtime=Runtime(device="cpu"),
            deterministic=False,
            reproducible="warn",
            cache=Path(folder, "cache"),
        )
        texts = [one["body"] for one in invented(articles)]
        context = multiprocessing.get_context("spawn")
        barrier, results = context.Barrier(3), context.Queue()
        halves = [
            context.Process(target=bare, args=(checkpoint, texts[half::2], rounds, barrier, results)) for half in (0, 1)
        ]
        for half in halves:
            half.start()
        pool = EnginePool(address="local", workers=2, gpus_per_worker=0, cpus_per_worker=1)
        ray = open_engine(checkpoint, runtime=Runtime(engine_pool=pool))
        ratios = []
        print(f"workers: {articles} articles in the shape of ViT5-base, int8, 48 tokens each; {load()}")
        for _ in range(rounds):
            barrier.wait()
            alone = max(results.get() for _ in halves)
            pooled = answered(ray, texts)
            ratios.append(alone / pooled)
            print(f"  two bare processes {alone:.1f} s, two Ray workers {pooled:.1f} s: {ratios[-1]:.2f}; {load()}")
        ray.close()
        for half in halves:
            half.join()
        print(f"  median {statistics.median(ratios):.2f} of the bare processes' rate (aim: {AIM})")


def bare(checkpoint: Checkpoint, texts: list[str], rounds: int, barrier: Barrier, results: Any) -> None:
    engine = open_engine(checkpoint, runtime=Runtime(threads=1))
    for _ in range(rounds):
        barrier.wait()
        results.put(answered(engine, texts))
    engine.close()


def answered(engine: BatchingEngine, texts: list[str]) -> float:
    """Return the seconds in which the engine answers the texts."""
    started = time.perf_counter()
    assert all(isinstance(answer, Generation) for _, answer in engine.generate(texts))
    return time.perf_counter() - started


# The driver


def driver(*, count: int, latency: str, texts: int, profile: bool) -> None:
    # that many processes start slowly on few cores, and Ray gives up on those that do
    os.environ["RAY_worker_register_timeout_seconds"] = "1800"  # noqa: SIM112 - Ray's own spelling
    with ray_cluster(cpus=count) as cluster, tempfile.TemporaryDirectory() as folder:
        os.environ.update(cluster.environment)
        measure(Path(folder), count=count, latency=latency, texts=texts, profile=profile)


def measure(folder: Path, *, count: int, latency: str, texts: int, profile: bool) -> None:
    checkpoint = prepare(
        Stage(model="fake", engine="fake"),
        runtime=Runtime(),
        deterministic=False,
        reproducible="warn",
        cache=default_cache(),
    )
    pool = EnginePool(address="auto", workers=count, gpus_per_worker=0)
    runtime = Runtime(engine_pool=pool, batch_tokens=BATCH * WORDS)
    ideal = count * BATCH / LATENCIES[latency] if LATENCIES[latency] else float("inf")

    def opening(open_: Callable[[], BatchingEngine]) -> BatchingEngine:
        engine = open_()
        pool_ = engine._workers
        while pool_.count < count:  # all of them, before the clock runs
            pool_.wait([], timeout=0)
            time.sleep(0.2)
        print(f"driver: {pool_.count} workers are open; {load()}", flush=True)
        clock.start()
        return engine

    clock = Clock()
    with (
        open_memo(folder / "memo", stopping=lambda: None) as memo,
        open_stage("summarize", summarize, checkpoint, memo=memo, runtime=runtime, opening=opening) as runner,
    ):
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        done = sum(1 for _ in runner.over(articles(texts, latency)))
        profiler.disable()
        clock.stop()
        assert done == texts == runner.counts.computed
    rate = texts / clock.wall
    share = f", {rate / ideal:.0%} of the ideal {ideal:.0f} (aim: {AIM_SHARE:.0%})" if LATENCIES[latency] else ""
    print(
        f"  {texts} texts, {BATCH} a batch, {LATENCIES[latency]:g} s each: {clock.wall:.1f} s, {rate:.0f} texts/s{share}\n"
        f"  the driver's thread: {1e6 * clock.thread / texts:.0f} µs of the processor a text, so {texts / clock.thread:.0f}"
        f" texts/s on a core of its own (aim: {AIM_RATE}); its process {1e6 * clock.process / texts:.0f} µs; {load()}"
    )
    if profile:
        pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(25)


class Clock:
    """Seconds since the engine is open: of the wall, of this thread, of this process."""

    def start(self) -> None:
        self._began = (time.perf_counter(), time.thread_time(), time.process_time())

    def stop(self) -> None:
        now = (time.perf_counter(), time.thread_time(), time.process_time())
        self.wall, self.thread, self.process = (end - begin for begin, end in zip(self._began, now, strict=True))


def articles(count: int, latency: str) -> Iterator[Article]:
    word = "" if latency == "none" else f" fake:{latency}"
    for number in range(count):
        first = f"Tin số {number} " + "của tỉnh nhà hôm nay " * 4 + "."
        rest = "và thêm nữa " * WORDS
        text = " ".join((first + rest).split()[: WORDS - bool(word)]) + word
        yield Article(id=str(number), text=text, text_sha256=str(number), source=Origin("", number))


# The shares of a run


def shares(*, count: int, pages: bool) -> None:
    """Print the milliseconds of the processor that an article of real length takes, and where."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source: dict[str, Any] = {"path": "pages"} if pages else {"path": "feed.jsonl", "columns": {"text": "body"}}
        if pages:
            (folder / "pages").mkdir()
            for one in invented(count):
                (folder / "pages" / f"{one['id']}.html").write_text(page(**one), encoding="utf-8")
        else:
            write_feed(folder / "feed.jsonl", invented(count))
        path = folder / "shares.yaml"
        path.write_text(yaml.safe_dump(fake_config(max_new_tokens=60, sources=[source])), encoding="utf-8")
        config = configs.load(path)
        began = time.thread_time()
        records = list(sources.read(config.sources[0], exclude=config.exclude, on_file=lambda _: None))
        read = time.thread_time() - began
        encoder, decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Article)
        began = time.thread_time()
        for record in records:
            assert isinstance(record, Article)
            decoder.decode(encoder.encode(record))
        moved = time.thread_time() - began
        began = time.thread_time()
        chain.run(config, options=RunOptions(outputs=folder / "out"), progress=Silent())
        driver_ = time.thread_time() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        each = {
            "the driver's thread": driver_,
            "of it reading": read,
            "encoding and decoding an article once": moved,
            "those that inspect, with their start": used.ru_utime + used.ru_stime,
        }
        print(f"shares: {count} articles as {'web pages' if pages else 'rows of JSON lines'}, ms each; {load()}")
        for what, seconds in each.items():
            print(f"  {what}: {1000 * seconds / count:.2f} ({seconds / driver_:.0%})")


def page(*, id: str, title: str, body: str) -> str:  # noqa: A002 - the fields of an article
    paragraphs = "".join(f"<p>{line}</p>" for line in body.split("\n"))
    head = f"<head><meta charset=utf-8><title>{title}</title></head>"
    return f"<!doctype html><html>{head}<body><article><h1>{title}</h1>{paragraphs}</article></body></html>"


def main() -> None:
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - Ray's own spelling
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["workers", "driver", "shares"])
    parser.add_argument("--articles", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--latency", choices=LATENCIES, default="second")
    parser.add_argument("--texts", type=int, default=40_000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--pages", action="store_true")
    asked = parser.parse_args()
    if asked.what == "workers":
        workers(articles=asked.articles or 48, rounds=asked.rounds)
    elif asked.what == "shares":
        shares(count=asked.articles or 5000, pages=asked.pages)
    else:
        driver(count=asked.workers, latency=asked.latency, texts=asked.texts, profile=asked.profile)


if __name__ == "__main__":
    main()
