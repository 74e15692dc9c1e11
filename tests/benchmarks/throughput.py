"""How fast it is beside what people run instead, where the rest of the time goes, and how it grows.

    python -m tests.benchmarks.throughput [--articles 500] [--models bundled|vit5-shape] [--only PART] [--rounds 5]

Parts: `peers` (ours beside a loop over `generate`, batches of it, and CTranslate2 alone; see `peers`), `overhead` (the
share of a run in which no engine computes, replays, and their profile), `waste` (padding, fill, and the distance to
this machine's matrix product), `growth` (1,000 to 100,000 articles on the fake engine). Everything that is compared runs
in one process after the other on this machine, in turn; the median counts.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.benchmarks import overhead, peers
from tests.benchmarks.workload import DATA, NAMES, Workload, asked, make, run
from tests.conftest import article, write_feed
from tests.test_soak import run as run_measured

PARTS = ("peers", "overhead", "waste", "growth")
AIMS = {"(d)": 0.95, "(b)": 4.0, "(a)": 8.0}  # ours as many times as fast
GROWTH = (1_000, 10_000, 100_000)
FORCED = "vit5-shape"


def main() -> None:
    options = _options()
    parts = options.only or PARTS
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {device()}: {' '.join(['throughput', *sys.argv[1:]])}")
    with tempfile.TemporaryDirectory(prefix="throughput-") as name:
        folder = Path(name)
        if {"peers", "overhead", "waste"} & set(parts):
            workload = make(folder, articles=options.articles, models=options.models, data=options.data)
            first = folder / "first"
            if "overhead" in parts:
                run(workload, folder / "warm")  # prepares the checkpoints: no part of any measurement
                overhead.waiting(workload, first)
                overhead.replay(workload, first, rounds=options.rounds)
                if options.profile:
                    overhead.profile(workload, first)
            else:
                run(workload, first)
            if "waste" in parts:
                overhead.waste(workload, first)
            if "peers" in parts:
                beside_peers(workload, first, options)
        if "growth" in parts:
            overhead.growth(lambda count: _grown(folder, count), tuple(c for c in GROWTH if c <= options.most))


def beside_peers(workload: Workload, outputs: Path, options: argparse.Namespace) -> None:
    """Measure ours beside its peers and print the ratios, and how many answers are the same."""
    found = asked(workload, outputs)
    told = ", ".join(f"{len(found[name].texts)} texts to {name}" for name in NAMES)
    print(f"\npeers: {workload.described}; {told}; median of {options.rounds} rounds in turn")
    if options.every > 1:
        print(f"  (a) to (c) answer one text of {options.every}, in order; their seconds count {options.every} times")
    everyone = peers.everyone(workload, found, every=options.every)
    if options.models == FORCED:
        for name in NAMES:
            limit = found[name].checkpoint.generation["max_new_tokens"]
            lengths = {answer.output_tokens for answer in found[name].answers}
            assert lengths == {limit}, f"{name}: answers of {lengths} tokens, not all of {limit}"
    peers.measure(everyone, rounds=options.rounds)
    ours = everyone[0]
    for peer in everyone:
        aim = next((aim for mark, aim in AIMS.items() if peer.name.startswith(mark)), None)
        ratio = peer.median / ours.median
        print(
            f"  {peer.median:8.1f} s [{peer.every * min(peer.seconds):.1f}, {peer.every * max(peer.seconds):.1f}]"
            f" {workload.articles / peer.median:7.2f} articles/s  ours {ratio:5.2f}x as fast"
            f"{'' if aim is None else f' (aim: {aim:g})':14} {peer.name}"
        )
    tuned, bf16, batched, alone = everyone[1:]
    for name in NAMES:
        mine = [answer.text for answer in found[name].answers]
        few = mine[:: options.every]
        print(
            f"  {name}, equal answers: (a) and (b), both float32: {peers.alike(alone.answers[name], batched.answers[name])};"
            f" ours and (d), both {found[name].checkpoint.compute_type}: {peers.alike(mine, tuned.answers[name])};"
            f" (c) and (b): {peers.alike(bf16.answers[name], batched.answers[name])};"
            f" ours and (b): {peers.alike(few, batched.answers[name])}"
        )


def _grown(folder: Path, count: int) -> tuple[float, int]:
    """Run `count` articles on the fake engine, in a process of its own; return the processor's seconds and peak memory in bytes."""
    here = folder / f"grown{count}"
    here.mkdir()
    write_feed(here / "feed.jsonl", (article(number) for number in range(count)))
    whole = {
        "name": "growth",
        "sources": [{"path": "feed.jsonl"}],
        "exclude": {"under_syllables": 5},
        "summarize": {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": 12}},
        "translate": {"model": "fake", "engine": "fake"},
    }
    path = here / "growth.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return run_measured(path)


def device() -> str:
    """Return the processor's name and the cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {cores} cores, load {os.getloadavg()[0]:.1f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.throughput", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--articles", type=int, default=500, metavar="N", help="articles of the feed")
    parser.add_argument("--models", choices=("bundled", FORCED), default="bundled", help="real or random weights")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given many times")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each measurement")
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="(a) to (c) answer one text of N, and their seconds count N times",
    )
    parser.add_argument("--most", type=int, default=GROWTH[-1], metavar="N", help="articles of the growth, at most")
    parser.add_argument("--profile", action="store_true", help="also print where a replay spends its time")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the articles")
    return parser.parse_args()


if __name__ == "__main__":
    main()
