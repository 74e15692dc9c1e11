"""Errors that the checks raise on reference translations, each pair a record of its own: false alarms, or references that err.

    python -m tests.benchmarks.clean_pairs [--checks name,office] [--read]

The sets are `parallel.test`, `parallel.dev` (human), `indomain.dev` and 2,000 pairs of `indomain.train` (by a large language
model; drawn with seed 1, from the 6,001st on, which no rule was written on). Each error of the named checks was read, and
`judged.tsv` has a line for it: a digest of the pair and the flag, and what the reader said of it. `differs`: the reference
does not say what the Vietnamese says (it leaves a name out, adds one, or is of another sentence). `misspelled`: the
Vietnamese misspells a name that the reference mends. `false`: nothing is wrong. An error without a line is `unread`.
`--read` prints the pairs with their digests, to be judged.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import hashlib
import lzma
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.checks.rules import inspect
from pipeline.config import Inspect
from pipeline.records import Flag, Sentence
from pipeline.text.normalize import looks_vietnamese
from tests.benchmarks.fidelity import DATA, record, share

JUDGED = Path(__file__).with_name("judged.tsv")
VERDICTS = ("differs", "misspelled", "false", "unread")
SAMPLE = slice(6000, 8000)
FEWEST_WORDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description="Errors of the checks on reference translations.")
    parser.add_argument("--checks", default="name,office", help="the checks whose errors were read")
    parser.add_argument("--read", action="store_true", help="print each error with its pair and digest")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the parallel texts")
    options = parser.parse_args()
    if not (options.data / "indomain.dev.tsv").exists():
        print(f"skipped: {options.data} has no indomain.dev.tsv; --data says where the texts are")
        return
    verdicts = dict(line.split("\t") for line in JUDGED.read_text(encoding="utf-8").splitlines())
    checks = options.checks.split(",")
    print(f"{'':32}{'pairs':>6}  {'with such an error':24}{'held by default':24}{'  '.join(VERDICTS)}")
    for name, pairs in sets(options.data).items():
        read: Counter[str] = Counter()
        held = flagged = 0
        for vietnamese, english in pairs:
            errors = [
                flag for flag in inspect(record([Sentence(vietnamese, english)])).flags if flag.severity == "error"
            ]
            ours = [flag for flag in errors if flag.check in checks]
            flagged += bool(ours)
            held += any(flag.check in Inspect().hold for flag in errors)
            for flag in ours:
                key = digest(vietnamese, english, flag)
                read[verdicts.get(key, "unread")] += 1
                if options.read:
                    print(
                        f"{key}\t{verdicts.get(key, 'unread')}\n  {vietnamese}\n  {english}\n  {flag.check}: {flag.message}"
                    )
        count = len(pairs)
        verdict = "  ".join(f"{read[one]:>{len(one)}}" for one in VERDICTS)
        print(f"{name:32}{count:>6}  {share(flagged, count):24}{share(held, count):24}{verdict}")


def sets(data: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of each set whose sides are Vietnamese and English."""
    train = list(lines(data / "indomain.train.tsv.xz"))
    random.Random(1).shuffle(train)
    found = {
        name: list(lines(data / name)) for name in ("parallel.test.tsv.xz", "parallel.dev.tsv.xz", "indomain.dev.tsv")
    }
    found["indomain.train.tsv.xz, 2,000"] = train[SAMPLE]
    return {name: [pair for pair in pairs if in_both_languages(*pair)] for name, pairs in found.items()}


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the Vietnamese and the English of each line."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        for line in file:
            _, vietnamese, english = line.rstrip("\n").split("\t")
            yield vietnamese, english


def in_both_languages(vietnamese: str, english: str) -> bool:
    return not looks_vietnamese(english) and (looks_vietnamese(vietnamese) or len(vietnamese.split()) < FEWEST_WORDS)


def digest(vietnamese: str, english: str, flag: Flag) -> str:
    """Return a digest of a pair and a flag on it, so that the texts are not copied into the repository."""
    whole = f"{vietnamese}\t{english}\t{flag.check}\t{flag.expected}\t{flag.found}"
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
