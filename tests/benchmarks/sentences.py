"""Sentence splitting on the first articles of vietnews val, whose line breaks are the gold: ours and others'.

    python tests/benchmarks/sentences.py [--articles N] [--skip N]

An article's lines are joined by a space and split again. A sentence end is its place counted in characters that are
not spaces; precision, recall and F1 are over all sentence ends of all articles together. `F1` counts the end of the
last sentence of each article, as the numbers that others quote for this set do; `F1 inner` leaves that gift out.
The gold has errors of its own: it breaks behind "Tr." and "Th.", and headlines that lack a full stop are sentences.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import importlib
import json
import lzma
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VIETNEWS = ROOT.parent / "shared" / "data" / "vietnews.val.jsonl.xz"

Splitter = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Score:
    precision: float
    recall: float
    f1: float
    inner_f1: float
    articles_per_second: float


def gold(path: Path, *, skip: int, articles: int) -> list[list[str]]:
    """Return the sentences of each article."""
    found: list[list[str]] = []
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number >= skip + articles:
                break
            if number >= skip:
                lines = (" ".join(sentence.split()) for sentence in json.loads(line)["body"].split("\n"))
                found.append([sentence for sentence in lines if sentence])
    return found


def ends(sentences: list[str]) -> set[int]:
    """Return where each sentence ends, in characters that are not spaces."""
    at = 0
    places = set()
    for sentence in sentences:
        at += sum(map(len, sentence.split()))
        places.add(at)
    return places


def score(split: Splitter, articles: list[list[str]]) -> Score:
    hits = wrong = missed = 0
    started = time.process_time()
    answers = [split(" ".join(article)) for article in articles]
    seconds = time.process_time() - started
    for article, answer in zip(articles, answers, strict=True):
        want, have = ends(article), ends(answer)
        hits += len(want & have)
        wrong += len(have - want)
        missed += len(want - have)
    inner = hits - len(articles)
    return Score(
        precision=hits / (hits + wrong),
        recall=hits / (hits + missed),
        f1=2 * hits / (2 * hits + wrong + missed),
        inner_f1=2 * inner / (2 * inner + wrong + missed),
        articles_per_second=len(articles) / seconds,
    )


def splitters() -> Iterator[tuple[str, Splitter]]:
    """Yield each splitter that is installed here, and its name."""
    yield "tomdich", importlib.import_module("pipeline.text.sentences").sentences
    if underthesea := _module("underthesea"):
        yield "underthesea", underthesea.sent_tokenize
    if sentencex := _module("sentencex"):
        yield "sentencex", lambda text: list(sentencex.segment("vi", text))
    if pysbd := _module("pysbd"):
        yield "pysbd (English rules)", pysbd.Segmenter(language="en", clean=False).segment
    yield "regex: stop, space", lambda text: re.split(r"(?<=[.!?…])\s+", text)
    yield "regex: stop, space, capital", _capital


def _capital(text: str) -> list[str]:
    pieces = re.split(r"(?<=[.!?…])\s+(?=[\"“'(]?([^\W_]))", text)
    # the captured first letters stand at the odd places: a small one means that it was no break
    sentences = [pieces[0]]
    for first, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if first.islower():
            sentences[-1] += " " + piece
        else:
            sentences.append(piece)
    return sentences


def _module(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - modules without types
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name}: not installed, left out", file=sys.stderr)
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description="F1 of sentence splitters on vietnews val.")
    parser.add_argument("--articles", type=int, default=400, help="how many articles (default: the first 400)")
    parser.add_argument("--skip", type=int, default=0, help="how many to pass over first")
    parser.add_argument("--data", type=Path, default=VIETNEWS, help="the articles, JSON lines in xz")
    options = parser.parse_args()
    if not options.data.exists():
        print(f"skipped: {options.data} is not there; --data says where the articles are")
        return
    sys.path.insert(0, str(ROOT))
    articles = gold(options.data, skip=options.skip, articles=options.articles)
    count = sum(map(len, articles))
    print(f"{len(articles)} articles, {count} sentences, {options.data.name} from {options.skip + 1}")
    print(f"{'':28}{'precision':>10}{'recall':>10}{'F1':>10}{'F1 inner':>10}{'articles/s':>12}")
    for name, split in splitters():
        got = score(split, articles)
        numbers = (got.precision, got.recall, got.f1, got.inner_f1)
        print(f"{name:28}" + "".join(f"{number:10.4f}" for number in numbers) + f"{got.articles_per_second:12.0f}")


if __name__ == "__main__":
    main()
