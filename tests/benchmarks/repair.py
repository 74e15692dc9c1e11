"""Repair (`translate.repair`, `summarize.repair`) measured by what the checks do not see.

    python -m tests.benchmarks.repair [--only translate|summarize|labels] [--translator NAME] [--summarizer NAME]
                                      [--first N] [--news N] [--articles N] [--set NAME=VALUE] [--sheet DIR]

Choosing by the checks makes the checks look better than the text is, so the answers with and without repair are
compared by scores against reference translations, and by how many of the reference's numbers and names they have. Both
are counted here and share no code with the checks: a number is a run of digits, a name a capitalized word of the
reference, not at the beginning of a sentence, that the source has too when both are folded to ASCII. Many references
have a number that their source has not (a year, a footnote), or write six for 6: the numbers that the source has in figures,
words up to twelve counted as figures, are a row of their own. Time is the
processor's, of all threads: other processes on the machine change it less than the time on the wall.

`parallel.test` and `indomain.dev` have references; headlines and leads of `vietnamese-news2` (`--news`) have none and
add pairs to the sheet. `--sheet DIR` draws 150 pairs whose text was replaced, and writes both versions in random order
without labels (`sheet.tsv`), and which is which apart from it (`key.tsv`), for a person to judge.

`--set translate.repair.model=NAME` measures a second checkpoint too: what it adds to repair by the first.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import csv
import json
import lzma
import random
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pipeline import config as configs
from pipeline.checks import labels
from pipeline.checks.phrases import read
from pipeline.checks.view import View
from pipeline.commands.single import SUMMARIZER, TRANSLATOR
from pipeline.config import Config, Repair
from pipeline.evaluation import metrics
from pipeline.records import Article, Failure, Origin, RepairedText, StageName, Summarized, Translated
from pipeline.runner.preparing import prepare_stage, prepare_translator
from pipeline.runner.stage_runner import open_stage
from pipeline.stages import Round, summarize, translate, translate_second
from pipeline.storage.memo import open_memo
from pipeline.text.normalize import repair as repaired_text
from pipeline.text.normalize import small

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SHEET = 150  # pairs
LABELLED = ("vietnamese-news2.jsonl.xz", "vietnews.val.jsonl.xz", "baomoi.train.jsonl.xz", "vietnews.train.jsonl.xz")
NEWS_STEP = 150  # one article of so many

R = TypeVar("R", Article, Summarized)
T = TypeVar("T", Summarized, Translated)


@dataclass(frozen=True, slots=True)
class Line:
    """A text to translate, and its reference where it has one."""

    kind: str
    source: str
    reference: str = ""


def main() -> None:
    options = _options()
    if options.only in (None, "translate"):
        translated(options)
    if options.only in (None, "summarize"):
        summarized(options)
    if options.only in (None, "labels"):
        labelled(options)


def _without_and_with(
    name: StageName, stage: Callable[..., Round[T | Failure]], over: Iterable[R], config: Config, answered: type[T]
) -> tuple[list[T], list[T], list[float]]:
    """Return the records of a stage without repair, those with it, and the seconds of both; they share a memo."""
    checkpoint = prepare_stage(config, name)
    found: list[list[T]] = []
    seconds: list[float] = []
    with open_memo(None) as memo:
        for repair in (None, getattr(config, name).repair):
            assert repair is None or isinstance(repair, Repair)
            started = time.process_time()
            with open_stage(
                name, partial(stage, repair=repair), checkpoint, memo=memo, runtime=config.runtime
            ) as runner:
                found.append([result for result in runner.over(over) if isinstance(result, answered)])
            seconds.append(time.process_time() - started)
    return found[0], found[1], seconds


# Translation


def translated(options: argparse.Namespace) -> None:
    """Translate every line without repair, then with it, and print the comparison."""
    lines = list(_lines(options))
    if not lines:
        print(f"translate: skipped: {options.data} has none of the files; --data says where they are")
        return
    records = [Summarized(article_of(str(at), ""), repaired_text(line.source)[0], ()) for at, line in enumerate(lines)]
    config = config_of(options)
    before, after, seconds = _without_and_with("translate", translate, records, config, Translated)
    repaired = [one for record in after for one in record.repaired]
    pairs = sum(len(record.sentences) for record in after)
    print(f"\ntranslate: {config.translate.model}, {config.translate.repair}")
    _counts(repaired, pairs)
    each = seconds[1] / max(1, len(repaired)) / (seconds[0] / pairs)
    print(
        f"  cost: a flagged pair takes {each:.1f} times the processor's time of a pair; here the translating time is "
        f"{1 + seconds[1] / seconds[0]:.2f} times as long ({len(repaired) / pairs:.1%} flagged), with a tenth flagged "
        f"{1 + each / 10:.2f} times"
    )
    _all_compared(lines, before, after)
    if isinstance(config.translate.repair, Repair) and config.translate.repair.model is not None:
        before, (after, taken) = after, _by_second(after, config)
        asked = [one for record in after for one in record.repaired if one.second]
        print(f"\nsecond checkpoint: {config.translate.repair.model.model}")
        print(f"  asked for {len(asked)}, taken {sum(one.taken == 'second' for one in asked)}")
        print(
            f"  cost: a text takes {taken / max(1, len(asked)) / (seconds[0] / pairs):.1f} times the processor's time"
        )
        _all_compared(lines, before, after)
    if options.sheet is not None:
        _write_sheet(after, options)


def _by_second(translated: Sequence[Translated], config: Config) -> tuple[list[Translated], float]:
    """Return the records as a second checkpoint repairs them, and the seconds without loading it."""
    checkpoint = prepare_translator(config)["repair"]
    with (
        open_memo(None) as memo,
        open_stage("repair", translate_second, checkpoint, memo=memo, runtime=config.runtime) as runner,
    ):
        started = time.process_time()
        found = [result for result in runner.over(translated) if isinstance(result, Translated)]
        return found, time.process_time() - started


def _all_compared(lines: Sequence[Line], before: Sequence[Translated], after: Sequence[Translated]) -> None:
    for kind in dict.fromkeys(line.kind for line in lines if line.reference):
        _compared(kind, lines, before, after, only_changed=False, kind=kind)
    _compared("all with a reference", lines, before, after, only_changed=False)
    _compared("those of them that changed", lines, before, after, only_changed=True)


def labelled(options: argparse.Namespace) -> None:
    """Translate every headline with a label, without repair and with it, and print how many have a flag `label`."""
    paths = [path for name in LABELLED if (path := options.data / name).exists()]
    if not paths:
        print(f"labels: skipped: {options.data} has none of the files; --data says where they are")
        return
    tables = labels.Tables.of(read("labels"))
    titles: list[str] = []
    for path in paths:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            read_titles = (repaired_text(json.loads(row)["title"])[0] for row in file)
            titles += [one for one in read_titles if any(label.vi.match(small(one)) for label in tables.labels)]
    records = [Summarized(article_of(str(at), ""), title, ()) for at, title in enumerate(titles)]
    versions = _without_and_with("translate", translate, records, config_of(options), Translated)[:2]
    flagged = [sum(any(labels.check(View(one))) for one in version) for version in versions]
    print(f"\nlabels: {len(titles)} headlines with a label; with a flag `label` {flagged[0]} → {flagged[1]}")


def _lines(options: argparse.Namespace) -> Iterator[Line]:
    path = options.data / "parallel.test.tsv.xz"
    if path.exists():
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for row in islice(file, options.first):
                _, vi, en = row.rstrip("\n").split("\t")
                yield Line("parallel.test", vi, en)
    path = options.data / "indomain.dev.tsv"
    if path.exists():
        for row in islice(path.read_text(encoding="utf-8").splitlines(), options.first):
            kind, vi, en = row.split("\t")
            yield Line(f"indomain.dev {kind}s", vi, en)
    path = options.data / "vietnamese-news2.jsonl.xz"
    if path.exists():
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for row in islice(file, 0, options.news * NEWS_STEP, NEWS_STEP):
                article = json.loads(row)
                for text in (article["title"], article["abstract"]):
                    if text.strip():
                        yield Line("news", text)


def _compared(
    name: str,
    lines: Sequence[Line],
    before: Sequence[Translated],
    after: Sequence[Translated],
    *,
    only_changed: bool,
    kind: str | None = None,
) -> None:
    """Print the scores of both versions, of one kind of line or of all."""
    chosen = [
        at
        for at, line in enumerate(lines)
        if line.reference
        and kind in (None, line.kind)
        and not (only_changed and before[at].translation == after[at].translation)
    ]
    if not chosen:
        return
    references = [lines[at].reference for at in chosen]
    versions = [[version[at].translation for at in chosen] for version in (before, after)]
    print(f"  {name}: {len(chosen)} lines")
    for metric in ("chrf", "bleu"):
        first, second = (metrics.score(metric, answers, references) for answers in versions)
        change = metrics.paired(metric, versions[1], versions[0], references)
        print(
            f"    {first.name:6} {first.value:6.2f} → {second.value:6.2f}  "
            f"{change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}], p={change.p:.3f}  {first.signature}"
        )
    sources = [set(map(_plain, _WORD.findall(lines[at].source))) for at in chosen]
    named = [
        Counter({name: n for name, n in names(text).items() if name in there})
        for text, there in zip(references, sources, strict=True)
    ]
    there = [figures(lines[at].source) for at in chosen]
    told = [
        Counter({value: n for value, n in values(text).items() if value in of_source})
        for text, of_source in zip(references, there, strict=True)
    ]
    for what, of, wanted in (
        ("numbers", numbers, list(map(numbers, references))),
        ("numbers that the source has in figures", values, told),
        ("names", names, named),
    ):
        counts = [_recalled(list(map(of, answers)), wanted) for answers in versions]
        total = sum(one.total() for one in wanted)
        missing = total - counts[0]
        share = (counts[1] - counts[0]) / missing if missing else 0.0
        print(
            f"    {what} of the reference {counts[0] / max(1, total):7.2%} → {counts[1] / max(1, total):7.2%} of {total}"
            f"  ({share:+.0%} of the distance to the reference)"
        )


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def numbers(text: str) -> Counter[str]:
    """Return the runs of digits of an English text, without commas between thousands."""
    return Counter(match.replace(",", "") for match in _NUMBER.findall(text))


_SPELLED = dict(
    zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13), strict=True)
)
_TOLD = re.compile(rf"{_NUMBER.pattern}|\b(?:{'|'.join(_SPELLED)})\b", re.IGNORECASE)


def values(text: str) -> Counter[str]:
    """Return the values of the runs of digits and of the words up to twelve of an English text: 6 is six, 07 is 7."""
    return Counter(_value(match.replace(",", "")) for match in _TOLD.findall(text))


def figures(text: str) -> set[str]:
    """Return the values that the runs of digits of a Vietnamese text may have, in either way of writing, and parted."""
    found: set[str] = set()
    for match in _NUMBER.findall(text):
        ways = (match, match.replace(".", "").replace(",", "."), match.replace(",", ""))
        found.update(map(_value, (*ways, *re.split("[.,]", match))))
    return found


def _value(figure: str) -> str:
    if figure.lower() in _SPELLED:
        return str(_SPELLED[figure.lower()])
    try:
        return str(float(figure)).removesuffix(".0")
    except ValueError:
        return figure


def names(text: str) -> Counter[str]:
    """Return the capitalized words of a text that do not begin a sentence, folded to ASCII."""
    found: Counter[str] = Counter()
    for match in _WORD.finditer(text):
        before = text[: match.start()].rstrip(" \"'“”‘’(")
        if match[0][0].isupper() and before and not before.endswith((".", "!", "?", ":")):
            found[_plain(match[0])] += 1
    return found


def _plain(word: str) -> str:
    marked = unicodedata.normalize("NFD", word.replace("đ", "d").replace("Đ", "D").replace("’", "'"))
    return "".join(letter for letter in marked if not unicodedata.combining(letter)).removesuffix("'s")


def _recalled(answers: Sequence[Counter[str]], references: Sequence[Counter[str]]) -> int:
    return sum((answer & reference).total() for answer, reference in zip(answers, references, strict=True))


def _counts(repaired: Sequence[RepairedText], texts: int) -> None:
    replaced = [one for one in repaired if one.taken != "first"]
    clean = sum(not one.after for one in repaired)
    print(
        f"  {len(repaired)} of {texts} texts flagged ({len(repaired) / texts:.1%}), {len(replaced)} replaced, "
        f"{clean} without a flag afterwards; taken: {dict(Counter(one.taken for one in repaired).most_common())}"
    )
    for when in ("before", "after"):
        flags = Counter(flag for one in repaired for flag in getattr(one, when))
        print(f"  texts with a flag {when}: {', '.join(f'{flag} {count}' for flag, count in flags.most_common(8))}")


def _write_sheet(after: Sequence[Translated], options: argparse.Namespace) -> None:
    """Write the drawn pairs, and apart from them which version is which."""
    draw = random.Random(options.seed)
    found = [(record.sentences[one.index], one) for record in after for one in record.repaired if one.taken != "first"]
    drawn = draw.sample(found, min(SHEET, len(found)))
    options.sheet.mkdir(parents=True, exist_ok=True)
    with (
        (options.sheet / "sheet.tsv").open("w", encoding="utf-8", newline="") as sheet,
        (options.sheet / "key.tsv").open("w", encoding="utf-8", newline="") as key,
    ):
        shown, hidden = (csv.writer(file, delimiter="\t", lineterminator="\n") for file in (sheet, key))
        shown.writerow(["number", "vietnamese", "A", "B", "verdict (A, B or =)"])
        hidden.writerow(["number", "repaired", "taken", "before", "after"])
        for number, (sentence, one) in enumerate(drawn, start=1):
            is_first = draw.random() < 0.5
            versions = (sentence.translation, one.first) if is_first else (one.first, sentence.translation)
            shown.writerow([number, sentence.summary, *versions, ""])
            hidden.writerow([number, "A" if is_first else "B", one.taken, ", ".join(one.before), ", ".join(one.after)])
    print(f"  sheet: {len(drawn)} of {len(found)} replaced pairs in {options.sheet}")


# Summaries


def summarized(options: argparse.Namespace) -> None:
    """Summarize articles without repair, then with it, and print the comparison."""
    path = options.data / "vietnews.val.jsonl.xz"
    if not path.exists():
        print(f"summarize: skipped: {path} is not there; --data says where it is")
        return
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, options.articles)]
    articles = [replace(article_of(str(row["id"]), row["body"]), title=row["title"]) for row in rows]
    config = config_of(options)
    before, after, seconds = _without_and_with("summarize", summarize, articles, config, Summarized)
    repaired = [one for record in after for one in record.repaired]
    print(f"\nsummarize: {config.summarize.model}, {config.summarize.repair}, {path.name}")
    _counts(repaired, len(after))
    print(f"  cost: the summarizing time is {1 + seconds[1] / seconds[0]:.2f} times as long")
    changed = [at for at in range(len(after)) if before[at].summary != after[at].summary]
    for name, chosen in (("all", list(range(len(after)))), ("changed", changed)):
        references = [rows[at]["abstract"] for at in chosen]
        scores = [metrics.rouge([version[at].summary for at in chosen], references) for version in (before, after)]
        print(f"  {name}: {len(chosen)} summaries")
        for first, second in zip(*scores, strict=True):
            print(f"    {first.name:10} {first.value:6.2f} → {second.value:6.2f}  {first.signature}")
        for what, count in (("a loop", _loops), ("a figure the article lacks", _unsupported)):
            times = [sum(count(version[at]) for at in chosen) for version in (before, after)]
            print(f"    with {what}: {times[0]} → {times[1]}")


def _loops(record: Summarized) -> bool:
    return metrics.loops(record.summary)


def _unsupported(record: Summarized) -> bool:
    there = {*_NUMBER.findall(f"{record.article.title}\n{record.article.text}")}
    return any(number not in there for number in _NUMBER.findall(record.summary))


def article_of(id_: str, text: str) -> Article:
    return Article(id=id_, text=text, text_sha256="", source=Origin("", 0))


def config_of(options: argparse.Namespace) -> Config:
    fields = {
        "name": "repair",
        "sources": [{"path": "-"}],
        "summarize": {"model": options.summarizer, "repair": {}},
        "translate": {"model": options.translator, "repair": {}},
    }
    return configs.build(fields, tuple(options.set), named="--set")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("translate", "summarize", "labels"))
    parser.add_argument("--translator", default=TRANSLATOR)
    parser.add_argument("--summarizer", default=SUMMARIZER)
    parser.add_argument("--first", type=int, help="lines of each file with references; all")
    parser.add_argument("--news", type=int, default=400, help="articles whose headline and lead are translated")
    parser.add_argument("--articles", type=int, default=300, help="articles that are summarized")
    parser.add_argument(
        "--set", action="append", default=[], help="a field of the config, such as translate.repair.candidates=4"
    )
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data", type=Path, default=DATA)
    return parser.parse_args()


if __name__ == "__main__":
    main()
