"""What the checks cost on whole records: milliseconds of the processor for each record, and the share of each check.

    python -m tests.benchmarks.check_cost [--articles 300] [--rounds 5] [--profile CHECK]

The first articles of `vietnews.val`, whole, are summarized and translated by the bundled checkpoints, without repair; then
their records are inspected. A record is read once for all checks (`View`); the time of that is a row of its own, so that the
check that comes first is not charged with it. Times are the processor's and of the median round. Milliseconds are this
machine's; the shares are nearly the same on any. `--profile` prints the functions that one check spends its time in.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import cProfile
import json
import lzma
import pstats
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from pipeline.checks.rules import CHECK_FUNCTIONS, inspect
from pipeline.checks.view import View
from pipeline.commands.single import SUMMARIZER, TRANSLATOR
from pipeline.records import Summarized, Translated
from pipeline.runner.preparing import prepare_stage
from pipeline.runner.stage_runner import open_stage
from pipeline.stages import summarize, translate
from pipeline.storage.memo import open_memo
from tests.benchmarks import repair
from tests.benchmarks.repair import DATA

NAMES = {check: f"{check.__module__.removeprefix('pipeline.checks.')}.{check.__name__}" for check in CHECK_FUNCTIONS}


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of each check on whole records.")
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", choices=sorted(NAMES.values()))
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of vietnews.val.jsonl.xz")
    options = parser.parse_args()
    path = options.data / "vietnews.val.jsonl.xz"
    if not path.exists():
        print(f"skipped: {path} is not there; --data says where it is")
        return
    records = translated(path, options.articles)
    if options.profile:
        profile(records, options.profile)
        return
    rounds = [timed(records) for _ in range(options.rounds)]
    spent = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    whole = spent.pop("inspect")
    each = 1000 / len(records)
    sentences = sum(len(record.sentences) for record in records)
    print(f"{len(records)} records of {sentences} sentences: inspect takes {whole * each:.2f} ms a record")
    print(f"{'':34}{'ms a record':>12}{'share':>8}")
    total = sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda one: -one[1]):
        print(f"{name:34}{seconds * each:12.3f}{seconds / total:8.1%}")


def translated(path: Path, count: int) -> list[Translated]:
    """Return the records of the first `count` articles through the bundled checkpoints."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, count)]
    articles = [replace(repair.article_of(str(row["id"]), row["body"]), title=row["title"]) for row in rows]
    config = repair.config_of(argparse.Namespace(summarizer=SUMMARIZER, translator=TRANSLATOR, set=[]))
    with open_memo(None) as memo:
        with open_stage(
            "summarize", partial(summarize, repair=None), prepare_stage(config, "summarize"), memo=memo,
            runtime=config.runtime,
        ) as runner:  # fmt: skip
            summaries = [one for one in runner.over(articles) if isinstance(one, Summarized)]
        with open_stage(
            "translate", partial(translate, repair=None), prepare_stage(config, "translate"), memo=memo,
            runtime=config.runtime,
        ) as runner:  # fmt: skip
            return [one for one in runner.over(summaries) if isinstance(one, Translated)]


def timed(records: Sequence[Translated]) -> dict[str, float]:
    """Return the processor's seconds of a whole inspection, of reading the records, and of each check."""
    spent = dict.fromkeys(("inspect", "reading the record", *NAMES.values()), 0.0)
    for record in records:
        started = time.process_time()
        inspect(record)
        spent["inspect"] += time.process_time() - started
        started = time.process_time()
        view = View(record)
        assert view.pairs is not None
        assert view.title_and_text is not None
        assert view.is_copied is not None
        spent["reading the record"] += time.process_time() - started
        for check, name in NAMES.items():
            started = time.process_time()
            list(check(view))
            spent[name] += time.process_time() - started
    return spent


def profile(records: Sequence[Translated], name: str) -> None:
    """Print the functions that a check spends its time in."""
    check = next(one for one, its_name in NAMES.items() if its_name == name)
    profiler = cProfile.Profile()
    for record in records:
        view = View(record)
        profiler.enable()
        list(check(view))
        profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
