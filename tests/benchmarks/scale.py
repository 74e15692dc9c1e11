"""What a million articles take: seconds of the processor, memory, disk, memo, report; in one run, and as an array job.

    python -m tests.benchmarks.scale [--articles 10000 30000] [--array 100000] [--shards 4] [--real 2000] [--folder DIR]

Short articles on the fake engine, so that nothing but the pipeline itself is measured: each count in one run, and those
of `--array` as an array job of so many shards, merged. A figure that grows with the count more than the count does is marked.
Then `--real` articles of real length, for the bytes of each, and the search for near copies in texts of one template, which
`--near` names the counts of. `docs/scale.md` reckons with what this prints.

Seconds are of the processor, of the command and its children: the clock's are those of whatever else runs.
"""

# ruff: noqa: T201 - a measurement prints

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from pipeline.report.writing import FOLDER
from pipeline.storage import versions
from pipeline.text import near_duplicates
from tests.benchmarks import workload
from tests.benchmarks.throughput import device
from tests.conftest import article, write_feed
from tests.test_soak import measured

MIB = 1024 * 1024
_EVERY = 1.0  # seconds between two looks at the disk
_GROWS = 1.15  # a cost for each article that is so many times that of the count before is marked


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run of so many articles took; sizes in bytes."""

    articles: int
    seconds: float
    memory: int
    disk: int  # at its fullest: versions, staging, shards and memo
    version: int
    memo: int
    report: int  # the page
    data: int  # the pages beside it

    def each(self) -> dict[str, float]:
        """Return what may not grow for each article."""
        return {
            "ms": 1000 * self.seconds / self.articles,
            "disk": self.disk / self.articles,
            "version": self.version / self.articles,
            "memo": self.memo / self.articles,
        }


def main() -> None:
    options = _options()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {device()}: {' '.join(['scale', *sys.argv[1:]])}")
    with tempfile.TemporaryDirectory(prefix="scale-", dir=options.folder) as name:
        folder = Path(name)
        before: Cost | None = None
        for count in options.articles:
            cost = _one_run(_config(folder / f"run{count}", short(count)), count)
            _print(f"{count:,} short articles, one run", cost, before)
            before = cost
        if options.array:
            _array_job(folder / "array", options.array, options.shards)
        if options.real:
            here = folder / "real"
            here.mkdir()
            made = workload.make(here, articles=options.real, models="bundled", data=options.data)
            config = _config(here, None, columns={"text": "body"}, words=60)
            _print(f"{made.described.partition(', ')[2]}, on the fake engine, one run", _one_run(config, options.real))
        near_copies(options.near)


def short(count: int) -> Iterator[dict[str, Any]]:
    """Yield articles of three sentences, no two alike."""
    return (article(number) for number in range(count))


def near_copies(counts: Sequence[int]) -> None:
    """Print what finding near copies takes of texts that are of one template, and no copies: the worst case."""
    for count in counts:
        stories = [near_duplicates.Story(str(number), article(number, length=1)["text"]) for number in range(count)]
        started = time.process_time()
        near_duplicates.leads(stories)
        each = 1000 * (time.process_time() - started) / count
        print(f"near copies among {count:,} texts of one template: {each:.2f} ms each", flush=True)


def _config(
    folder: Path, articles: Iterable[dict[str, Any]] | None, *, columns: dict[str, str] | None = None, words: int = 12
) -> Path:
    """Write a config on the fake engine, with its feed if there is none yet; return its path."""
    folder.mkdir(exist_ok=True)
    if articles is not None:
        write_feed(folder / "feed.jsonl", articles)
    whole = {
        "name": "scale",
        "sources": [{"path": "feed.jsonl", "columns": columns or {}}],
        "exclude": {"under_syllables": 5},
        "summarize": {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": words}},
        "translate": {"model": "fake", "engine": "fake"},
    }
    path = folder / "scale.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return path


def _one_run(config: Path, count: int) -> Cost:
    outputs = config.parent / "out"
    with _fullest(outputs) as disk:
        seconds, memory = measured("run", config, cwd=config.parent)
    cost = _cost(outputs, count, seconds, memory, disk())
    shutil.rmtree(outputs)
    return cost


def _array_job(folder: Path, count: int, shards: int) -> None:
    """Run an array job and merge it; print what the shards took, and the merge."""
    config = _config(folder, short(count))
    outputs = folder / "out"
    with _fullest(outputs) as disk:
        each = [measured("run", config, "--shard", f"{n}/{shards}", cwd=folder) for n in range(1, shards + 1)]
        waiting = _size(outputs)
        total = sum(one for one, _ in each)
        print(
            f"\n{count:,} short articles, an array job of {shards} shards: {total:.0f} s of the processor,"
            f" {1000 * total / count:.2f} ms each, the longest shard {max(one for one, _ in each):.0f} s, peak memory"
            f" {max(peak for _, peak in each) / MIB:.0f} MiB; {waiting / count:.0f} bytes for each wait for the merge",
            flush=True,
        )
        seconds, memory = measured("merge", "scale", "--shards", str(shards), cwd=folder)
    cost = _cost(outputs, count, seconds, memory, disk())
    _print("the merge", cost)
    shutil.rmtree(outputs)


def _print(what: str, cost: Cost, before: Cost | None = None) -> None:
    each = cost.each()
    grown = {} if before is None else {name: value / before.each()[name] for name, value in each.items()}
    marks = ", ".join(f"{name} x{ratio:.2f}" for name, ratio in grown.items() if ratio > _GROWS)
    print(
        f"\n{what}: {cost.seconds:.0f} s of the processor, {cost.articles / cost.seconds:.0f} articles a second,"
        f" {each['ms']:.2f} ms each; peak memory {cost.memory / MIB:.0f} MiB\n"
        f"  bytes for each article: version {each['version']:.0f}, memo {each['memo']:.0f}, disk at its fullest"
        f" {each['disk']:.0f}\n"
        f"  version {cost.version / MIB:.1f} MiB, of it report.html {cost.report / MIB:.1f} and {FOLDER}"
        f" {cost.data / MIB:.1f}; memo {cost.memo / MIB:.1f} MiB"
        + (f"\n  grows faster than the count: {marks}" if marks else ""),
        flush=True,
    )


def _cost(outputs: Path, count: int, seconds: float, memory: int, disk: int) -> Cost:
    (version,) = versions.versions(outputs / "scale")
    assert version.manifest["counts"]["records"] > 0.9 * count, version.manifest["counts"]
    return Cost(
        count,
        seconds,
        memory,
        disk,
        version.bytes(),
        _size(outputs / ".memo"),
        (version.folder / "report.html").stat().st_size,
        _size(version.folder / FOLDER),
    )


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a file of staging
            continue
    return total


@contextmanager
def _fullest(folder: Path) -> Iterator[Callable[[], int]]:
    """Look at the size of `folder` again and again; give the function that returns the largest."""
    sizes = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY):
            sizes.append(_size(folder))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: max(sizes[0], *sizes, _size(folder))
    finally:
        ended.set()
        thread.join()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, nargs="*", default=[10_000, 30_000], help="of each run")
    parser.add_argument("--array", type=int, default=100_000, help="articles of the array job; 0: none")
    parser.add_argument("--shards", type=int, default=4, help="of the array job")
    parser.add_argument("--real", type=int, default=2_000, help="articles of real length; 0: none")
    parser.add_argument("--near", type=int, nargs="*", default=[1_000, 2_000, 4_000], help="texts of one template")
    parser.add_argument("--data", type=Path, default=workload.DATA, help="the folder with the real articles")
    parser.add_argument("--folder", type=Path, default=None, help="where the outputs are written, then removed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
