"""The Python API: summarize, translate and inspect texts, run a config, read a version, as the command line does.

`import pipeline` has these names and imports nothing of this until one of them is used. Each function checks its
arguments when it is called. Those that take many texts return an iterator: texts are read, and answers come, as they
are needed, in batches, and memory is bounded by the texts in flight.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat, zip_longest
from pathlib import Path
from typing import Any, TypeVar

from pipeline import config as configs
from pipeline.checks.pairs import CheckedPair, check_pair
from pipeline.commands import single
from pipeline.commands.single import SUMMARIZER, TRANSLATOR
from pipeline.config import Config
from pipeline.ids import text_digest
from pipeline.progress import Silent
from pipeline.records import Article, Failure, Origin, PublishedRow, Summarized, Translated
from pipeline.runner import chain
from pipeline.runner.notify import Finish
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.preparing import outputs_folder
from pipeline.storage import editions, rows
from pipeline.storage.rows import Readable
from pipeline.text.normalize import repair, tidy

__all__ = [
    "CheckedPair",
    "LoadedVersion",
    "Outcome",
    "RunOptions",
    "Summarized",
    "Translated",
    "inspect",
    "load_version",
    "run",
    "summarize",
    "translate",
]

T = TypeVar("T")
_MISSING: Any = object()  # in place of a text or a headline where there are fewer of one than of the other


def summarize(
    texts: Iterable[str],
    *,
    titles: Iterable[str] | None = None,
    model: str = SUMMARIZER,
    memo: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Iterator[Summarized]:
    """Return an iterator over the summary of each Vietnamese text, in order: `.summary`, `.calls`, `.flags`.

    `titles`: the headlines, as many as `texts`, for a summarizer that reads them. `model`: a checkpoint, as
    `summarize.model` of a config. `memo`: a folder that keeps the answers, so that a text is computed once; it can be
    that of a run. `overrides`: fields of a config, as `--set` of the command line takes them
    (`"summarize.generation.num_beams=4"`, `"runtime.device=cuda"`). A text without words has an empty summary.

    Raises `UsageError` where the model or a field is wrong, `TypeError` or `ValueError` where an item is no text or
    `titles` are not as many, `EngineError` naming a text that cannot be summarized.

    >>> [one.summary for one in summarize(["Một câu."], model="lead")]
    ['Một câu.']
    """
    config = single.bundled_config((_field("summarize.model", model), *_many(overrides, name="overrides")))
    named = _titles(_many(texts, name="texts"), titles)
    articles = (_article(number, text, title) for number, (text, title) in enumerate(named))
    return single.summarize_texts(articles, config=config, memo=_folder(memo))


def translate(
    texts: Iterable[str],
    *,
    model: str = TRANSLATOR,
    memo: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Iterator[Translated]:
    """Return an iterator over the English of each Vietnamese text: `.translation`, `.sentences`, `.calls`, `.flags`.

    A text is translated sentence by sentence. `model`: a checkpoint, as `translate.model` of a config; the other
    arguments and the errors are those of `summarize`, with overrides such as `"translate.terms=terms.csv"`.
    """
    config = single.bundled_config((_field("translate.model", model), *_many(overrides, name="overrides")))
    articles = (_article(number, text, "") for number, text in enumerate(_many(texts, name="texts")))
    return single.translate_texts(
        (Summarized(article, article.text, ()) for article in articles), config=config, memo=_folder(memo)
    )


def inspect(pairs: Iterable[tuple[str, str]]) -> Iterator[CheckedPair]:
    """Return an iterator over each pair of a Vietnamese text and its English with the flags of the checks, in order.

    A flag has `check`, `severity` ("error", "warning", "note"), `field` ("source" or "target"), `start`, `end`,
    `expected`, `found` and `message`; `docs/checks.md` lists the checks.

    >>> [flag.message for pair in inspect([("Có 12 xe.", "There are 13 cars.")]) for flag in pair.flags]
    ['the Vietnamese says 12, the translation 13']
    """
    return (check_pair(*_pair(number, pair)) for number, pair in enumerate(_many(pairs, name="pairs")))


def run(config: str | Path | Config, *, overrides: Sequence[str] = (), options: RunOptions | None = None) -> Outcome:
    """Run a config, as `tomdich run` does: publish a version, or find the one that is there; return what it came to.

    `config`: the path of a YAML file, or a loaded config, which takes no overrides. `options`: what the command line
    adds (`outputs`, `limit`, `only_new`, `force`, …). The outcome's `version` has the folder and the manifest.

    Raises `GateError` where too many articles failed or are held back, `StoppedError` where the run was stopped early,
    `LockedError` where another run holds the name, `UsageError` and `WorldError`.
    """
    if isinstance(config, Config):
        if overrides:
            raise ValueError("overrides: are for the path of a config; a loaded one is complete")
        loaded = config
    else:
        loaded = configs.load(Path(config), tuple(overrides))
    asked = options or RunOptions()
    asked = replace(asked, outputs=outputs_folder(asked.outputs))
    with Finish(loaded, outputs=asked.outputs) as finish:
        outcome = finish.outcome = chain.run(loaded, options=asked, progress=Silent())
        if outcome.stopped:
            raise outcome.stopped_early()
    return outcome


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A published version, or all versions of an edition read as one."""

    stored: Readable

    @property
    def name(self) -> str:
        """`experiment/version`, or `experiment@edition`."""
        return self.stored.name

    @property
    def manifest(self) -> dict[str, Any]:
        """How it was made: recipe, models, counts, calls, timings, library versions, files."""
        return self.stored.manifest

    def rows(self) -> Iterator[PublishedRow]:
        """Return an iterator over the records, in order; each has the version's columns as attributes.

        Raises `DifferenceError` naming a file that is not as it was published.
        """
        return rows.rows(self.stored)

    def failures(self) -> Iterator[Failure]:
        """Return an iterator over the articles that are not among the records, each with the reason."""
        return rows.failures(self.stored)


def load_version(version: str | Path, *, outputs: str | Path | None = None) -> LoadedVersion:
    """Return a published version: a path, or a name as the command line takes it (`night`, `night@2026-11-23`).

    `outputs`: where versions are published, a folder or `s3://bucket/prefix`, by default as in `RunOptions`. Raises
    `UsageError` naming what there is where this is not.
    """
    folder = outputs_folder(RunOptions().outputs if outputs is None else outputs)
    return LoadedVersion(editions.find(folder, str(version)))


def _article(number: int, text: object, title: object) -> Article:
    body = tidy(repair(_text(text, name=f"texts: item {number}"))[0])
    headline = " ".join(repair(_text(title, name=f"titles: item {number}"))[0].split())
    digest = text_digest(body)
    return Article(id=str(number), text=body, text_sha256=digest, source=Origin("texts", number), title=headline)


def _titles(texts: Iterable[str], titles: Iterable[str] | None) -> Iterator[tuple[str, str]]:
    """Yield each text with its headline; raises `ValueError` where there are not as many of both."""
    if titles is None:
        yield from zip(texts, repeat(""), strict=False)
        return
    for number, (text, title) in enumerate(zip_longest(texts, _many(titles, name="titles"), fillvalue=_MISSING)):
        if text is _MISSING or title is _MISSING:
            count = f"only {number}" if title is _MISSING else f"more than {number}"
            raise ValueError(f"titles: there are {count}; give one for each text, '' where it has none")
        yield text, title


def _pair(number: int, pair: tuple[str, str]) -> tuple[str, str]:
    if isinstance(pair, str) or len(pair) != len(("source", "target")):
        raise ValueError(f"pairs: item {number} is not two texts, a Vietnamese one and its English")
    source, target = (_text(text, name=f"pairs: item {number}") for text in pair)
    return source, target


def _text(text: object, *, name: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{name} is of type {type(text).__name__}, not str; give '' where there is no text")
    return text


def _many(texts: Iterable[T], *, name: str) -> Iterable[T]:
    if isinstance(texts, str):
        raise TypeError(f"{name}: is one text; give a list of texts")
    return texts


def _field(name: str, value: str) -> str:
    return f"{name}={json.dumps(value, ensure_ascii=False)}"


def _folder(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
