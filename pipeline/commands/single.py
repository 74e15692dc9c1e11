"""The small jobs beside a run: one article on the screen, lines translated, a config written or pinned."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from pydantic import ValidationError

from pipeline import catalog, checkpoints, sources, yaml_core
from pipeline import config as configs
from pipeline.checks.editing import edit
from pipeline.checks.rules import Rules, inspect
from pipeline.checks.truncation import first_answers
from pipeline.commands.examples import example_config
from pipeline.config import Config, Exclude, Source, Stage, TranslateStage, experiment_name
from pipeline.config_file import in_words
from pipeline.errors import ConfigError, EngineError, SourceError, UsageError
from pipeline.records import DEFAULT_ORDER, Article, Failure, Origin, StageName, Summarized, Translated
from pipeline.runner.preparing import (
    field_of,
    model_stages,
    prepare_stage,
    prepare_translator,
    read_glossary,
    stage_of,
    steps,
    summarizing,
    translating,
)
from pipeline.runner.spool import Spool
from pipeline.runner.stage_runner import open_stage
from pipeline.stages import Round, translate_second
from pipeline.storage.atomic import replacing
from pipeline.storage.disk_errors import on_disk, temporary_folder
from pipeline.storage.memo import Memo, open_memo
from pipeline.text.chunking import Chunker
from pipeline.text.normalize import repair

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.engines import Engine
    from pipeline.engines.batching import BatchingEngine
    from pipeline.glossary import Glossary

_log = logging.getLogger(__name__)

R = TypeVar("R", Article, Summarized, Translated)
T = TypeVar("T", Summarized, Translated)

_TEMPLATE = """\
# tomdich: {name}. Check it with `tomdich check {file}`, run it with `tomdich run {file}`.
name: {name}

sources:
  # A file, a folder, a glob, a URL, or `dataset:` for a Hugging Face dataset.
  # .txt and .html are one article each; .jsonl, .csv, .tsv and .parquet one a row.
  - path: {articles}
    # Tables: which column holds which field.
    # columns: {{id: url, text: content, title: headline, published: date, outlet: site}}
    # keep: [section, author]     # passed through to the output
    # optional: true              # a missing source is a warning, not an error

exclude:
  under_syllables: 20             # shorter texts are listed as rejected
  not_vietnamese: true

# The bundled checkpoints are small, for trying things out and for machines without a model hub.
# `tomdich models` lists better ones; an example with them: {example}
summarize:
  model: {summarizer}      # or `extractive`: two of the article's own sentences, no model
translate:
  model: {translator}
  # terms: house.csv              # columns vi, en, wrong: the newsroom's terms
  # corrections: corrections.jsonl  # what your editors decided in the report

limits:
  max_failure_ratio: 0.05         # above it nothing is published
  # max_hold_ratio: 0.3           # nor where more than this is held back by the checks
"""


SUMMARIZER, TRANSLATOR = "bundled/summarizer", "bundled/translator"


def try_article(
    where: str,
    *,
    config: Config | None,
    summarizer: str | None,
    translator: str | None,
) -> Translated:
    """Return the one article at `where` (a file, a URL, `-`) summarized, translated, inspected; keeps nothing."""
    config = _with_models(config, summarizer=summarizer, translator=translator)
    everything = Exclude(under_syllables=0, not_vietnamese=False)
    try:
        source = Source(path=where)
    except ValidationError as error:
        raise UsageError(in_words(error.errors()[0])) from None
    found = list(islice(sources.read(source, exclude=everything, on_file=lambda _: None), 2))
    if len(found) != 1:
        raise SourceError(f"{where}: holds {'several articles' if found else 'no article'}; `tomdich run` takes many")
    article = found[0]
    if isinstance(article, Failure):
        raise SourceError(article.message)  # names the file
    glossary = read_glossary(config)
    rules = Rules.of(glossary, hold=config.inspect.hold)
    with open_memo(None) as memo:
        if config.order == DEFAULT_ORDER:
            summarized = next(_summarized(summarizing(config, glossary), [article], config, memo))
            return inspect(next(_translated([summarized], config, glossary, memo)), rules)
        record: Any = article
        for name, step in steps(config, glossary).items():
            record = next(_results(name, step, [record], prepare_stage(config, name), config, memo))
        return inspect(record, rules)


def translate_lines(file: str, *, config: Config | None, translator: str | None) -> Iterator[str]:
    """Yield the translation of each line of `file` (`-`: stdin), in order; an empty line gives an empty line.

    A line of several sentences is translated sentence by sentence, as a run does. The config's terms and
    corrections apply, as in a run. A message names each line of which something was cut.
    """
    config = _with_models(config, summarizer=None, translator=translator)
    glossary = read_glossary(config)
    rules = Rules.of(glossary, hold=())
    with ExitStack() as stack:
        memo = stack.enter_context(open_memo(None))
        try:
            opened = _utf8_stdin() if file == "-" else Path(file).open(encoding="utf-8")  # noqa: SIM115 - just below
            lines = stack.enter_context(opened)
        except OSError as error:
            raise SourceError(f"{file}: cannot be read: {error.strerror}") from None
        for record in _translated(_lines(lines, name=file), config, glossary, memo):
            for said in _cuts(record):
                _log.warning(f"{file}:{record.article.source.row}: {said}")
            edited = edit(record, terms=rules.terms, corrections=rules.corrections)
            yield " ".join(edited.view.record.translation.split())


def summarize_texts(articles: Iterable[Article], *, config: Config, memo: Path | None) -> Iterator[Summarized]:
    """Yield the summary of each article, in order, with the flags that a run gives it; one without text has none.

    `memo`: a folder, as `memo:` of a config; None keeps no answer. Raises `EngineError` that names the article where
    one cannot be summarized; the answers until there are in the memo. Raises `UsageError` for a config that translates
    first, whose summarizer reads English.
    """
    if config.order != DEFAULT_ORDER:
        raise UsageError(f"order: {config.order}: these texts are Vietnamese; leave it out, or run a config with it")
    glossary = read_glossary(config)
    rules = Rules.of(glossary, hold=config.inspect.hold)
    stage = partial(_summarize_text, stage=summarizing(config, glossary))
    with open_memo(memo) as opened:
        for record in _summarized(stage, articles, config, opened):
            alone = Translated(
                record.article, record.summary, "", (), record.calls, record.flags, repaired=record.repaired
            )
            yield replace(record, flags=inspect(alone, rules).flags if record.article.text else ())


def translate_texts(texts: Iterable[Summarized], *, config: Config, memo: Path | None) -> Iterator[Translated]:
    """Yield the translation of each summary, in order, with the flags, terms and corrections that a run gives it.

    `memo` and errors: as in `summarize_texts`. Where a second checkpoint is asked, all are translated before that.
    """
    glossary = read_glossary(config)
    rules = Rules.of(glossary, hold=config.inspect.hold)
    with open_memo(memo) as opened:
        for record in _translated(texts, config, glossary, opened):
            yield inspect(record, rules) if record.summary else record


def _summarize_text(
    article: Article, chunker: Chunker, *, stage: Callable[[Article, Chunker], Round[Summarized | Failure]]
) -> Round[Summarized | Failure]:
    if not article.text:
        yield []
        return Summarized(article, "", ())
    return (yield from stage(article, chunker))


@contextmanager
def _utf8_stdin() -> Iterator[TextIO]:
    text = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
    try:
        yield text
    finally:
        text.detach()  # it would close stdin


def write_config(name: str, *, articles: Path) -> Path:
    """Write a commented config NAME.yaml for the articles in a folder; return its path; never overwrites."""
    try:
        experiment_name(name)
    except ValueError as error:
        raise UsageError(f"init {name!r}: {error}") from None
    path = Path(f"{name}.yaml")
    quoted = json.dumps(str(articles), ensure_ascii=False)  # YAML reads it as it is, a # or a colon in it too
    text = _TEMPLATE.format(
        name=name,
        file=path,
        articles=quoted,
        example=example_config("gpu.yaml") or "configs/gpu.yaml of the project",
        summarizer=SUMMARIZER,
        translator=TRANSLATOR,
    )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path}: is there already; choose another name, or edit it") from None
    except OSError as error:
        if path.is_file() and not path.is_symlink():
            path.unlink()  # the half of it that fitted the disk
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        configs.load(path)
    except ConfigError:
        path.unlink()
        raise
    return path


def pin(path: Path) -> list[str]:
    """Write the present commit of each hub checkpoint into the config; return a line for each stage.

    Only the lines of `revision:` change: comments, order and line ends stay as the person wrote them, and the file is
    replaced whole or not at all. Raises `UsageError` where that cannot be done; the file is then as it was.
    """
    config = configs.load(path)
    done, commits = [], {}
    for stage_name in model_stages(config, until=None):
        name, stage = field_of(stage_name), stage_of(config, stage_name)
        entry = catalog.find(stage.model)
        if stage.engine == "fake" or configs.is_folder_name(stage.model) or (entry is not None and entry.bundled):
            done.append(
                f"{name}: {stage.model} is on this machine; its content is in the recipe, there is nothing to pin"
            )
            continue
        commits[name] = checkpoints.pin(stage.model)
        done.append(f"{name}: {stage.model}@{commits[name]}")
    try:
        old = path.read_bytes()  # only now: asking the hub takes time, and an editor may have saved it meanwhile
        new = _with_revisions(path, old.decode("utf-8"), commits).encode("utf-8")
        if new != old:
            with replacing(path) as file:
                file.write(new)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be written: {reason}; it is as it was. {_by_hand(commits)}") from None
    return done


def _by_hand(commits: Mapping[str, str]) -> str:
    lines = (f"`revision: {commit}` under `{section}:`" for section, commit in commits.items())
    return f"By hand, write {' and '.join(lines)}"


def _with_revisions(path: Path, text: str, commits: Mapping[str, str]) -> str:
    """Return the YAML `text` with `revision: commit` in each section, named with dots, beside its `model:`.

    Raises `UsageError` where the text that comes out does not say this, and all else as before.
    """
    expected = yaml_core.load(text)
    new = text
    try:
        for section, commit in commits.items():
            names = section.split(".")
            inner = expected
            for name in names:
                inner = inner.get(name) if isinstance(inner, dict) else None
            if isinstance(inner, str):
                raise UsageError(
                    f"{path}: `{section}: {inner}` is a name only; write `{{model: {inner}, revision: {commit}}}` "
                    "there; the file is as it was"
                )
            if not isinstance(inner, dict):
                raise UsageError(
                    f"{path}: has no section `{section}:` of its own; it is in the file that `extends:` names: pin "
                    f"that one. {_by_hand(commits)}"
                )
            inner["revision"] = commit
            new = yaml_core.with_field(new, section=names, name="revision", value=commit, after="model")
        is_pinned = yaml_core.load(new) == expected
    except yaml_core.NotYamlError:
        is_pinned = False
    if not is_pinned:
        raise UsageError(f"{path}: a stage has no plain line `model:`; it is as it was. {_by_hand(commits)}")
    return new


def bundled_config(overrides: tuple[str, ...]) -> Config:
    """Return the config of the bundled checkpoints, with `a.b=v` overrides applied."""
    fields = {
        "name": "single",
        "sources": [{"path": "-"}],
        "summarize": {"model": SUMMARIZER},
        "translate": {"model": TRANSLATOR},
    }
    return configs.build(fields, overrides, named="--set")


def _with_models(config: Config | None, *, summarizer: str | None, translator: str | None) -> Config:
    """Return `config`, or one of the bundled checkpoints, with the models named instead."""
    if config is None:
        config = bundled_config(())
    update: dict[str, Stage] = {}
    try:
        if summarizer is not None:
            kept = {name: getattr(config.summarize, name) for name in ("accept_license", "repair")}
            update["summarize"] = Stage(model=summarizer, **kept)
        if translator is not None:
            kept = {
                name: getattr(config.translate, name) for name in ("accept_license", "terms", "corrections", "repair")
            }
            update["translate"] = TranslateStage(model=translator, **kept)
    except ValidationError as error:
        raise UsageError(in_words(error.errors()[0])) from None
    config = config.model_copy(update=update)
    if (problem := configs.order_problem(config)) is not None:
        raise UsageError(problem)
    return config


def _summarized(
    stage: Callable[[Article, Chunker], Round[Summarized | Failure]],
    articles: Iterable[Article],
    config: Config,
    memo: Memo,
) -> Iterator[Summarized]:
    """Yield the summary of each article, in order; raises `EngineError` where there is none."""
    return _results("summarize", stage, articles, prepare_stage(config, "summarize"), config, memo)


def _translated(records: Iterable[Summarized], config: Config, glossary: Glossary, memo: Memo) -> Iterator[Translated]:
    """Yield the translation of each record, in order; raises `EngineError` where there is none.

    A second checkpoint is loaded when all records are translated, as in a run: the others wait in a temporary file.
    """
    checkpoints = prepare_translator(config)
    first = _results("translate", translating(config, glossary), records, checkpoints["translate"], config, memo)
    if "repair" not in checkpoints:
        yield from first
        return
    temporary = temporary_folder()
    with (
        on_disk(temporary, remedy="set TMPDIR to a folder that can be written, with room for the texts"),
        TemporaryDirectory(prefix="tomdich-translate-", dir=temporary) as folder,
        Spool(first, Path(folder) / "translate.jsonl", Translated) as spool,
    ):
        yield from _results(
            "repair", translate_second, spool, checkpoints["repair"], config, memo, before_opening=spool.drain
        )


def _results(
    name: StageName,
    stage: Callable[[R, Chunker], Round[T | Failure]],
    records: Iterable[R],
    checkpoint: Checkpoint,
    config: Config,
    memo: Memo,
    *,
    before_opening: Callable[[], None] = lambda: None,
) -> Iterator[T]:
    """Yield the stage's results in order; raises `EngineError` where one failed."""

    def opening(open_engine: Callable[[], BatchingEngine]) -> Engine:
        before_opening()
        return open_engine()

    with open_stage(name, stage, checkpoint, memo=memo, runtime=config.runtime, opening=opening) as runner:
        for result in runner.over(records):
            if isinstance(result, Failure):
                raise EngineError(f"{name}: {result.source.path}:{result.source.row}: {result.message}")
            yield result


def _lines(lines: Iterable[str], *, name: str) -> Iterator[Summarized]:
    """Yield each line as the summary of an article that has nothing else; raises `SourceError` that names the file."""
    try:
        for number, line in enumerate(lines, start=1):
            text, _ = repair(line.strip())
            yield Summarized(Article(id=str(number), text="", text_sha256="", source=Origin(name, number)), text, ())
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}: is not UTF-8 ({error.reason}); convert it first") from None
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror}") from None


def _cuts(record: Translated) -> Iterator[str]:
    """Yield what a person should know of a translation that is not of the whole line, or of a line in pieces."""
    yield from (flag.message for flag in record.flags if flag.check == "long_sentence")
    for call in first_answers(record):
        if call.dropped_tokens:
            yield f"its last {call.dropped_tokens} tokens are not translated: the model takes no more"
        if not call.finished:
            yield (
                f"the translation is cut off after {call.output_tokens} tokens, the most the model may write; "
                "`generation.max_new_tokens` in a config raises it"
            )
