"""The bundled checkpoints, or others, measured through the pipeline itself, on data that is not part of tomdich.

    python -m tests.benchmarks.bundled [--first N] [--skip N] [--translator NAME] [--summarizer NAME]
                                       [--only translate|press|summarize|whole|records] [--repair]
                                       [--engine ENGINE] [--compute-type TYPE]

Translations are what `tomdich translate` prints for the source side of `parallel.test`, and (press) of the headlines and
sentences of `indomain.dev`, a line in, a line out. `summarize` publishes the summaries of the first 1,000 articles of
vietnews val, whole-bodied, as `tomdich run --until summarize` does; beside them stand the article's first sentence and its
headline, which the bundled summarizer is shown. `whole` goes from the articles of `summaries.dev` to English, against
their reference translation; `records` does the same for the first 628 articles of vietnews val, which have no English, and
prints how many records the checks find an error in, and obscene words.
The checkpoints answer alone, without repair, which `--repair` adds (`tests.benchmarks.repair` measures it). A text that
failed counts as an empty answer. Checkpoints are chosen on other texts (`parallel.dev`; val from 1,001 on, which is
`--skip 1000`), never on these.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipeline.catalog import MODEL_FREE
from pipeline.commands.single import SUMMARIZER, TRANSLATOR, translate_lines
from pipeline.config import Columns, Config, Exclude, Limits, Repair, Runtime, Source, Stage, TranslateStage
from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import Score
from pipeline.progress import Lines
from pipeline.runner import chain
from pipeline.runner.options import RunOptions
from pipeline.text.normalize import press_tone
from pipeline.text.sentences import sentences
from pipeline.train import config as training
from pipeline.train import reading

AnyStage = TypeVar("AnyStage", bound=Stage)

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
ARTICLES = 1000
SHOWN = 20
FAKE = TranslateStage(model="fake", engine="fake")
EVERYTHING = Exclude(under_syllables=0, not_vietnamese=False)
WIDTH = 600  # of a shown text


def main() -> None:
    options = _options()
    for task, (name, measure) in {
        "translate": ("parallel.test.tsv.xz", translate),
        "press": ("indomain.dev.tsv", press),
        "summarize": ("vietnews.val.jsonl.xz", summarize),
        "whole": ("summaries.dev.jsonl.xz", whole),
        "records": ("vietnews.val.jsonl.xz", records),
    }.items():
        path = options.data / name
        if options.only not in (None, task):
            continue
        if path.exists():
            measure(path, options)
        else:
            print(f"{task}: skipped: {path} is not there; --data says where it is")


def translate(path: Path, options: argparse.Namespace) -> None:
    """Translate the source side and print the scores beside the human reference's."""
    source = training.Pairs(path=str(path), source=2, target=3, skip=options.skip, take=options.first)
    pairs = list(reading.read_pairs(source, tone_style="any", tally=reading.ReadCounts()))
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    started = time.monotonic()
    answers = _translated(sources, options)
    _head("translate", options.translator, path, len(sources), time.monotonic() - started)
    _translation_scores(sources, answers, references, options)


def press(path: Path, options: argparse.Namespace) -> None:
    """Translate headlines and sentences of the press and print the scores of each kind."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    started = time.monotonic()
    answers = _translated([row[1] for row in rows], options)
    _head("press", options.translator, path, len(rows), time.monotonic() - started)
    for kind in sorted({row[0] for row in rows}):
        chosen = [at for at, row in enumerate(rows) if row[0] == kind]
        print(f" {kind}: {len(chosen)}")
        sources, references = ([rows[at][column] for at in chosen] for column in (1, 2))
        _translation_scores(sources, [answers[at] for at in chosen], references, options)


def whole(path: Path, options: argparse.Namespace) -> None:
    """Summarize and translate the articles, and print the scores against the reference's English."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        lines = list(islice(file, options.skip, options.skip + options.first if options.first else None))
    rows = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder) / "articles.jsonl"
        feed.write_text("".join(lines), encoding="utf-8")
        columns = Columns(text="body", reference_summary="summary", reference_translation="translation")
        config = _config(
            Source(path=str(feed), columns=columns),
            summarize=_summarizer(options),
            translate=_stage(TranslateStage, options.translator, options),
            options=options,
        )
        published = _published(config, Path(folder) / "outputs", until=None)
    found = [published.get(str(row["id"]), {"summary": "", "translation": ""}) for row in rows]
    print(f"\nwhole: {options.summarizer}, {options.translator} on {path.name}, {len(rows)} texts")
    for score in metrics.rouge([row["summary"] for row in found], [row["summary"] for row in rows]):
        _line(score)
    _support([row["title"] + "\n" + row["body"] for row in rows], [row["summary"] for row in found])
    _translation_scores(
        [row["summary"] for row in found],
        [row["translation"] for row in found],
        [row["translation"] for row in rows],
        options,
    )


def records(path: Path, options: argparse.Namespace) -> None:
    """Summarize and translate the articles, and print the share of the records in which a check finds an error."""
    count = options.first or RECORDS
    with lzma.open(path, "rt", encoding="utf-8") as file:
        lines = list(islice(file, options.skip, options.skip + count))
    titles = {str(row["id"]): row["title"] for row in map(json.loads, lines)}
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder) / "articles.jsonl"
        feed.write_text("".join(lines), encoding="utf-8")
        config = _config(
            Source(path=str(feed), columns=Columns(text="body")),
            summarize=_summarizer(options),
            translate=_stage(TranslateStage, options.translator, options),
            options=options,
        )
        published = _published(config, Path(folder) / "outputs", until=None)
    print(
        f"\nrecords: {options.summarizer}, {options.translator} on {path.name}, {len(published)} of {len(lines)} records"
    )
    sources = [f"{titles[id_]}\n{row['summary']}" for id_, row in published.items()]
    answers = [f"{row['title_translation']}\n{row['translation']}" for row in published.values()]
    errors = Counter(
        check
        for row in published.values()
        for check in {flag["check"] for flag in row["flags"] if flag["severity"] == "error"}
    )
    for check, found in errors.most_common():
        print(f"  records with an error of {check:12} {100 * found / len(published):5.1f} %")
    loops = sum(metrics.loops(text) for answer in answers for text in answer.split("\n"))
    print(f"  loops {100 * loops / (2 * len(answers)):.2f} % of the headlines and summaries")
    obscene = [(source, answer) for source, answer in zip(sources, answers, strict=True) if _OBSCENE.search(answer)]
    print(f"  records with an obscene word: {len(obscene)}")
    for source, answer in obscene:
        print(f"\n  source  {source}\n  answer  {answer}")
    _show(sources, answers, [""] * len(sources), options)


RECORDS = 628
# Of any kind: a reader of the list sees whether the source speaks of it.
_OBSCENE = re.compile(
    r"\b(?:\w+-)?(?:sex\w*|porn\w*|rap(?:e[ds]?|ing)|nud\w+|fuck\w*|shit\w*|whor\w+|slut\w*)\b", re.IGNORECASE
)
_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_LONGEST_FUNCTION_WORD = 3  # letters; longer syllables are mostly of content words


def _support(articles: Sequence[str], summaries: Sequence[str]) -> None:
    """Print how much of the summaries stands in their articles: words of over three letters, figures, names."""
    words, figures, names = ([0, 0] for _ in range(3))
    first_sentence = unsupported = 0
    for article, summary in zip(articles, summaries, strict=True):
        shown, said = (unicodedata.normalize("NFC", press_tone(text)) for text in (article, summary))
        known = {*re.findall(_WORD, shown.lower())}
        figures_shown = {*_FIGURE.findall(shown)}
        flat = " ".join(shown.split())
        found = [word in known for word in re.findall(_WORD, said.lower()) if len(word) > _LONGEST_FUNCTION_WORD]
        figures_found = [figure in figures_shown for figure in _FIGURE.findall(said)]
        names_found = [" ".join(name) in flat for name in _capitalized(said)]
        for counts, one in ((words, found), (figures, figures_found), (names, names_found)):
            counts[0] += sum(one)
            counts[1] += len(one)
        unsupported += not all(figures_found)
        opening = sentences(shown.partition("\n")[2])[:1]
        first_sentence += [" ".join(said.split())] == opening
    for name, (found_count, total) in (("words", words), ("figures", figures), ("names", names)):
        print(f"  {name} of the summary that stand in the article {100 * found_count / max(1, total):.2f} % of {total}")
    count = len(summaries)
    print(f"  summaries with a figure that the article does not have {100 * unsupported / count:.1f} %")
    print(f"  summaries that are the first sentence {100 * first_sentence / count:.1f} %")


_WORD = "[^\\W\\d_]+"
_NAME = re.compile(f"{_WORD}(?: {_WORD})*")


def names_kept(sources: Sequence[str], answers: Sequence[str], references: Sequence[str]) -> tuple[int, int]:
    """Return how many Vietnamese names of the references stand in the answers too, and how many there are.

    A name is two or more capitalized syllables of the source, of which one has a mark, that stand in the reference
    without their marks; a first word that is no part of it is left away.
    """
    kept = total = 0
    for source, answer, reference in zip(sources, answers, references, strict=True):
        for syllables in _capitalized(source):
            names = [" ".join(syllables[at:]) for at in range(len(syllables) - 1)]
            name = next((name for name in names if _plain(name) in reference), None)
            if name is not None and _plain(name) != name:
                total += 1
                kept += _plain(name) in answer
    return kept, total


def _capitalized(text: str) -> Iterator[list[str]]:
    """Yield the runs of two or more capitalized words with only spaces between them."""
    for match in _NAME.finditer(text):
        for capital, words in groupby(match[0].split(), lambda word: word[0].isupper()):
            run = list(words)
            if capital and len(run) > 1:
                yield run


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _translated(sources: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Return what `tomdich translate` prints for the lines."""
    config = _config(Source(path="-"), translate=_stage(TranslateStage, options.translator, options), options=options)
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "source.txt"
        lines.write_text("".join(text + "\n" for text in sources), encoding="utf-8")
        answers = list(translate_lines(str(lines), config=config, translator=None))
    assert len(answers) == len(sources), "a line in, a line out"
    return answers


def _translation_scores(
    sources: Sequence[str], answers: Sequence[str], references: Sequence[str], options: argparse.Namespace
) -> None:
    for metric in ("chrf", "bleu", "chrf++"):
        _line(metrics.score(metric, answers, references))
    ours = metrics.numbers_kept(sources, answers)
    theirs = metrics.numbers_kept(sources, references)
    for score, human in zip(ours, theirs, strict=True):
        _line(score, beside=f"human reference {human.value:.2f} [{human.low:.2f}, {human.high:.2f}]")
    kept, total = names_kept(sources, answers, references)
    print(f"  names kept {100 * kept / max(1, total):.1f} % of {total}")
    _without_references(answers, references, "human reference")
    _show(sources, answers, references, options)


def summarize(path: Path, options: argparse.Namespace) -> None:
    """Summarize the articles and print ROUGE beside that of their first sentence, of the first two, of the headline."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        lines = list(islice(file, options.skip, options.skip + min(options.first or ARTICLES, ARTICLES)))
    rows = [json.loads(line) for line in lines]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder) / "articles.jsonl"
        feed.write_text("".join(lines), encoding="utf-8")
        config = _config(
            Source(path=str(feed), columns=Columns(text="body", reference_summary="abstract")),
            summarize=_summarizer(options),
            options=options,
        )
        published = _published(config, Path(folder) / "outputs", until="summarize")
        answers = [published.get(str(row["id"]), {"summary": ""})["summary"] for row in rows]
    references = [row["abstract"] for row in rows]
    leads, twos = (["\n".join(row["body"].split("\n")[:count]) for row in rows] for count in (1, 2))  # one a line
    _head("summarize", options.summarizer, path, len(rows), time.monotonic() - started)
    scores = [*metrics.rouge(answers, references), *metrics.rouge(answers, references, ascii_only=True)]
    titles = [row["title"] for row in rows]
    baselines = [
        [*metrics.rouge(texts, references), *metrics.rouge(texts, references, ascii_only=True)]
        for texts in (leads, twos, titles)
    ]
    for score, lead, two, title in zip(scores, *baselines, strict=True):
        beside = f"first sentence {lead.value:.2f}, first two {two.value:.2f}, headline {title.value:.2f}"
        _line(score, beside=beside)
    for name, texts in (("first sentence", leads), ("first two", twos), ("headline", titles)):
        more = metrics.paired("rougeL", answers, texts, references)
        print(f"  ROUGE-L above the {name} by {more.value:.2f} [{more.low:.2f}, {more.high:.2f}], p={more.p:.3f}")
    same = sum(
        answer.strip().rstrip(".") == title.strip().rstrip(".") for answer, title in zip(answers, titles, strict=True)
    )
    print(f"  the headline and nothing else: {100 * same / len(rows):.1f} %")
    _support([f"{row['title']}\n{row['body']}" for row in rows], answers)
    _without_references(answers, references, "reference")
    bodies = [" ".join(row["body"].split()) for row in rows]
    _show(bodies, answers, references, options)


def _published(config: Config, outputs: Path, *, until: Literal["summarize"] | None) -> dict[str, dict[str, Any]]:
    """Return the published records by their id; those that failed are not among them."""
    import pyarrow.parquet as pq

    progress = Lines()
    outcome = chain.run(config, options=RunOptions(outputs=outputs, until=until), progress=progress)
    progress.done()
    assert outcome.version is not None
    columns = ["id", "summary", *([] if until else ["title_translation", "translation", "flags"])]
    table = pq.read_table(outcome.version.folder / "data", columns=columns).to_pylist()
    print(f"counts: {outcome.version.manifest['counts']}; signature: {outcome.version.manifest['signature']}")
    if not until:
        errors = Counter(check for row in table for check in {flag["check"] for flag in row["flags"]})
        shares = ", ".join(f"{check} {100 * count / len(table):.1f} %" for check, count in errors.most_common())
        print(f"records with a flag of: {shares}")
    return {row["id"]: row for row in table}


def _config(
    source: Source, *, options: argparse.Namespace, summarize: Stage = FAKE, translate: TranslateStage = FAKE
) -> Config:
    return Config(
        name="bundled",
        sources=(source,),
        on_same_id="newest",
        exclude=EVERYTHING,
        summarize=summarize,
        translate=translate,
        limits=Limits(max_failure_ratio=1.0),
        runtime=Runtime(threads=options.threads),
    )


def _summarizer(options: argparse.Namespace) -> Stage:
    if options.summarizer in MODEL_FREE:
        return Stage(model=options.summarizer, sentences=options.sentences)
    return _stage(Stage, options.summarizer, options)


def _stage(kind: type[AnyStage], name: str, options: argparse.Namespace) -> AnyStage:
    folder = Path(name).is_dir()
    return kind(
        model=str(Path(name).resolve()) if folder else name,
        engine=options.engine,
        compute_type=options.compute_type,
        with_title=options.with_title,
        repair=Repair() if options.repair else False,
        accept_license=options.accept_license,
    )


def _head(task: str, model: str, path: Path, count: int, seconds: float) -> None:
    print(f"\n{task}: {model} on {path.name}, {count} texts in {seconds:.0f} s ({count / seconds:.2f}/s)")


def _line(score: Score, *, beside: str = "") -> None:
    interval = f"[{score.low:.2f}, {score.high:.2f}]"
    print(f"  {score.name:16} {score.value:6.2f} {interval:16} {beside:34} {score.signature}")


def _without_references(answers: Sequence[str], references: Sequence[str], name: str) -> None:
    count = len(answers)
    loops, theirs = (sum(map(metrics.loops, texts)) for texts in (answers, references))
    empty = sum(not answer.strip() for answer in answers)
    length, wanted = (sum(len(text.split()) for text in texts) / count for texts in (answers, references))
    print(f"  loops {100 * loops / count:.2f} % ({name} {100 * theirs / count:.2f} %), empty {empty}")
    print(f"  words a text {length:.1f} ({name} {wanted:.1f})")


def _show(
    sources: Sequence[str], answers: Sequence[str], references: Sequence[str], options: argparse.Namespace
) -> None:
    chosen = random.Random(options.seed).sample(range(len(sources)), min(options.show, len(sources)))
    for at in sorted(chosen):
        print(f"\n  {at + 1}. source     {sources[at][:WIDTH]}{'…' if len(sources[at]) > WIDTH else ''}")
        print(f"     answer     {answers[at]}\n     reference  {references[at]}")


def _notice(message: str) -> None:
    print(message, file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.bundled", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--first", type=int, metavar="N", help="only the first N texts of each task")
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="not the first N texts of each task")
    parser.add_argument(
        "--only", choices=["translate", "press", "summarize", "whole", "records"], help="only this task"
    )
    parser.add_argument("--translator", default=TRANSLATOR, help="a checkpoint: a folder or a name")
    parser.add_argument("--summarizer", default=SUMMARIZER, help="a checkpoint: a folder or a name")
    parser.add_argument(
        "--with-title", action="store_true", default=None, help="the summarizer, a folder, reads headlines"
    )
    parser.add_argument("--sentences", type=int, help="of the summarizers `extractive` and `lead`")
    parser.add_argument("--engine", default="auto", choices=["auto", "transformers", "ctranslate2"])
    parser.add_argument("--compute-type", default="auto", choices=["auto", "float32", "bfloat16", "int8"])
    parser.add_argument("--repair", action="store_true", help="ask again where the checks flag an answer")
    parser.add_argument("--accept-license", help="of checkpoints whose license must be accepted by name")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the data")
    parser.add_argument("--show", type=int, default=SHOWN, help="random answers to print beside their sources")
    parser.add_argument("--seed", type=int, default=1, help="of that choice")
    return parser.parse_args()


if __name__ == "__main__":
    main()
