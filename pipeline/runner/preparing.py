"""Prepare a run: checkpoints, glossary, recipe, folders."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline import __version__, catalog, checks, extractive, glossary, messages, stages
from pipeline.checkpoints import Checkpoint, default_cache, prepare
from pipeline.checkpoints.device import processor
from pipeline.checks.terms import Terms
from pipeline.config import Config, GenerationOptions, ModelOptions, Repair, Stage, TranslateStage
from pipeline.errors import ConfigError, LicenseError, ModelError, UsageError
from pipeline.glossary import Glossary
from pipeline.records import DEFAULT_ORDER, JSON, Article, Failure, Order, StageName, Summarized, Translated
from pipeline.runner import disk_space
from pipeline.runner.options import RunOptions, Until
from pipeline.stages import Round
from pipeline.storage import object_store, published, versions
from pipeline.storage.disk_errors import on_disk
from pipeline.text.chunking import Chunker

M = TypeVar("M", bound=ModelOptions)

SCHEMA = 1
_LIBRARIES = ("torch", "transformers", "tokenizers", "ctranslate2", "sentencepiece", "datasets", "pyarrow")


def outputs_folder(outputs: str | Path) -> Path:
    """Return the folder of outputs; for an address in an object store, its working copy in the cache.

    Raises `UsageError` for another address.
    """
    address = re.sub(r"^(\w+):/(?=[^/])", r"\1://", str(outputs))  # a `Path` has lost a slash
    return object_store.working_copy(address, cache=default_cache()) if "://" in address else Path(outputs)


def memo_folder(config: Config, outputs: Path) -> Path:
    """Return the memo's folder: the config's, else one shared by all experiments of `outputs`."""
    return Path(config.memo) if config.memo else outputs / ".memo"


def prepare_stages(
    config: Config,
    *,
    until: Until | None,
    prepare: Callable[..., Checkpoint | None] = prepare,
) -> dict[StageName, Checkpoint]:
    """Return the prepared checkpoint of each model stage that the run reaches, in the order of the stages.

    Stages for which `prepare` returns None are omitted.
    """
    found: dict[StageName, Checkpoint] = {}
    for name in model_stages(config, until=until):
        with messages.about(field_of(name)):
            checkpoint = _prepared(config, name, prepare)
        if checkpoint is not None:
            found[name] = checkpoint
    require_second_is_other(found)
    return found


def prepare_stage(config: Config, name: StageName) -> Checkpoint:
    """Return the prepared checkpoint of one model stage."""
    checkpoint = _prepared(config, name, prepare)
    assert checkpoint is not None
    return checkpoint


def prepare_translator(config: Config) -> dict[StageName, Checkpoint]:
    """Return the prepared checkpoints that translate: that of the stage and the second one, if the config names one."""
    stages_ = model_stages(config, until=None)
    found: dict[StageName, Checkpoint] = {name: prepare_stage(config, name) for name in stages_ if name != "summarize"}
    require_second_is_other(found)
    return found


def model_stages(config: Config, *, until: Until | None) -> tuple[StageName, ...]:
    """Return the model stages that a run goes through, in order; raises `UsageError` for another than the first."""
    if config.order == DEFAULT_ORDER:
        found = repair(config.translate)
        second: tuple[StageName, ...] = ("repair",) if found is not None and found.model is not None else ()
        every: tuple[StageName, ...] = ("summarize", "translate", *second)
    else:
        every = ("translate", "summarize")
    if until is None:
        return every
    if until == "load":
        return ()
    if until != every[0]:
        raise UsageError(
            f"--until {until}: with `order: {config.order}` a run can stop after load or {every[0]}; write "
            f"--until load or --until {every[0]}, or leave it out"
        )
    return every[:1]


def field_of(name: StageName) -> str:
    """Return the field of the config that says which checkpoint a model stage runs."""
    return "translate.repair.model" if name == "repair" else name


def stage_of(config: Config, name: StageName) -> Stage:
    """Return how a model stage calls its checkpoint; `name`: one of `model_stages`."""
    if name == "summarize":
        is_english = config.order != DEFAULT_ORDER  # no check compares its answers, so that nothing is asked for again
        return config.summarize.model_copy(update={"repair": False}) if is_english else config.summarize
    if name == "translate":
        return config.translate
    found = repair(config.translate)
    assert found is not None
    assert found.model is not None, f"{name} is no stage of this config"
    return TranslateStage(**dict(found.model), repair=False)


def require_second_is_other(checkpoints: Mapping[StageName, Checkpoint]) -> None:
    """Raise `ConfigError` where the second checkpoint has the weights of the first: it would repair next to nothing."""
    if not checkpoints.keys() >= {"translate", "repair"}:
        return
    first, second = checkpoints["translate"], checkpoints["repair"]
    # the fake engine has no weights: its settings make it another one
    if second.digest == first.digest and (second.engine != "fake" or second.identity() == first.identity()):
        raise ConfigError(
            f"{field_of('repair')}: {second.name} has the same weights as `translate.model: {first.name}`, which was "
            "asked again already; name another checkpoint, or remove `model` from `translate.repair`"
        )


def _prepared(config: Config, name: StageName, prepare: Callable[..., Checkpoint | None]) -> Checkpoint | None:
    try:
        checkpoint = prepare(
            stage_of(config, name),
            runtime=config.runtime,
            deterministic=config.deterministic,
            reproducible=config.reproducible,
            cache=default_cache(),
        )
        if checkpoint is not None and name == "summarize" and config.order != DEFAULT_ORDER:
            _require_english(checkpoint, config.order)
    except (ConfigError, LicenseError, ModelError) as error:
        if isinstance(error, ConfigError) or name == "repair":  # of two translators, say which
            raise type(error)(f"{field_of(name)}: {error}") from None
        raise
    return checkpoint


def _require_english(checkpoint: Checkpoint, order: Order) -> None:
    """Raise `ConfigError` for a summarizer that prepares its texts as Vietnamese, by the config or its own files."""
    found = {"word_segmented: true": checkpoint.word_segmented, "tone_style": checkpoint.tone_style != "any"}
    for field in (field for field, is_wrong in found.items() if is_wrong):
        raise ConfigError(
            f"{field}: is for Vietnamese text, and with `order: {order}` {checkpoint.name} would read English; name an "
            "English checkpoint, without this field"
        )


def recipe(config: Config, checkpoints: dict[StageName, Checkpoint], glossary_: Glossary) -> dict[str, JSON]:
    """Return everything that changes the answers, resolved; its digest names a version."""
    return {
        "schema": SCHEMA,
        "stages_version": stages.VERSION,
        "on_same_id": config.on_same_id,
        "exclude": config.exclude.model_dump(mode="json"),
        "stages": {name: checkpoint.identity() for name, checkpoint in checkpoints.items()},
        # Model calls do not depend on these, but published flags, statuses and corrected sentences do. A change of them
        # gives another recipe and costs a replay. Limits are not included: they decide whether a version is published,
        # not its contents.
        "inspect": {"version": checks.VERSION, "hold": sorted(set(config.inspect.hold))},
        **({} if config.order == DEFAULT_ORDER else {"order": config.order}),  # earlier recipes stay as they are
        **_repairs(config, checkpoints),
        "house": dict(glossary_.digests),
    }


def _repairs(config: Config, checkpoints: Iterable[StageName]) -> dict[str, JSON]:
    """Return the `repair` of the recipe, nothing where no stage has one: earlier recipes stay as they are."""
    found = {name: repair(stage_of(config, name)) for name in checkpoints}
    # a second checkpoint is in `stages`
    options = {name: one.model_dump(mode="json", exclude={"model"}) for name, one in found.items() if one is not None}
    return {"repair": options} if options else {}


def repair(stage: Stage) -> Repair | None:
    """Return how a stage asks again where the checks flag an answer, or None where it does not."""
    if stage.repair == "auto":
        entry = catalog.find(stage.model)
        return Repair() if entry is not None and entry.repair else None
    return stage.repair or None


def summarizing(config: Config, glossary_: Glossary) -> Callable[[Article, Chunker], Round[Summarized | Failure]]:
    """Return the summarizing stage of a config."""
    return partial(stages.summarize_or_edited, summaries=glossary_.summaries, repair=repair(config.summarize))


def translating(config: Config, glossary_: Glossary) -> Callable[[Summarized, Chunker], Round[Translated | Failure]]:
    """Return the translating stage of a config."""
    return partial(stages.translate, repair=repair(config.translate), corrected=glossary_.corrections)


def translating_articles(config: Config, glossary_: Glossary) -> Callable[[Article, Chunker], Round[Translated]]:
    """Return the translating stage of a config that translates first."""
    return partial(
        stages.translate_article,
        terms=Terms(glossary_.terms),
        corrections=glossary_.corrections,
        repair=repair(config.translate),
    )


def steps(config: Config, glossary_: Glossary) -> dict[StageName, Callable[..., Round[Any]]]:
    """Return what each model stage does with a record and a chunker, in the order of the stages."""
    if config.order == DEFAULT_ORDER:
        return {
            "summarize": summarizing(config, glossary_),
            "translate": translating(config, glossary_),
            "repair": stages.translate_second,
        }
    return {"translate": translating_articles(config, glossary_), "summarize": stages.summarize_translation}


def resolved(config: Config, checkpoints: dict[StageName, Checkpoint]) -> Config:
    """Return `config` with unset values replaced by those this run used, from the commit to the generation values.

    It gives the same recipe later and on another machine, where `auto`, the main branch or the catalog may differ.
    """
    update: dict[str, Stage] = {}
    for name, checkpoint in checkpoints.items():
        if name == "repair":
            continue
        stage = stage_of(config, name)
        if checkpoint.engine == "extractive":
            update[name] = stage.model_copy(update={"sentences": checkpoint.generation["sentences"]})
            continue
        asks_again = repair(stage)
        if asks_again is not None and asks_again.model is not None:
            second = _resolved_model(asks_again.model, checkpoints["repair"])
            asks_again = asks_again.model_copy(update={"model": second})
        update[name] = _resolved_model(stage, checkpoint).model_copy(
            update={
                "with_title": checkpoint.with_title,
                **({"lead": checkpoint.lead_only and checkpoint.max_source} if name == "summarize" else {}),
                **({"truncate": True} if checkpoint.truncate else {}),
                "repair": asks_again or False,
            }
        )
    return config.model_copy(update=update)


def _resolved_model(options: M, checkpoint: Checkpoint) -> M:
    return options.model_copy(
        update={
            "revision": checkpoint.revision or options.revision,
            "engine": checkpoint.engine,
            "compute_type": checkpoint.compute_type,
            "prefix": checkpoint.prefix,
            "output_prefix": checkpoint.output_prefix,
            "source_lang": checkpoint.source_lang,
            "target_lang": checkpoint.target_lang,
            "max_source_tokens": checkpoint.max_source,
            "tone_style": checkpoint.tone_style,
            "word_segmented": checkpoint.word_segmented,
            "generation": _written(checkpoint.generation, options.generation),
        }
    )


def _written(values: Mapping[str, JSON], asked: GenerationOptions) -> GenerationOptions:
    """Return generation values as fields of a config; a value that a config cannot hold is left to the checkpoint."""
    for name, value in values.items():
        with suppress(ValidationError):
            asked = GenerationOptions.model_validate(asked.model_dump() | {name: value})
    return asked


def read_glossary(config: Config) -> Glossary:
    """Return the terms and corrections that `config` names; raises `ConfigError` naming the bad line."""
    found = glossary.read(config.translate.terms, config.translate.corrections)
    if found.summaries and config.order != DEFAULT_ORDER:
        raise ConfigError(
            f"translate.corrections: {config.translate.corrections}: has a Vietnamese summary that an editor wrote (of "
            f"{next(iter(found.summaries))}), and `order: {config.order}` has no Vietnamese summary; give a file "
            "without these lines, or leave out `order`"
        )
    return found


def before_reading(config: Config, options: RunOptions) -> Glossary:
    """Check outputs, glossary and disk space before reading sources; return the glossary.

    Raises `WorldError` for a folder that cannot be written or a disk without room for the run, and `ConfigError` for an
    invalid glossary. The disk space is not checked for a sample or for new articles only, whose size is not known in
    advance, nor where no source is read: for a revision, and for the articles of a version.
    """
    require_writable(config, options.outputs)
    found = read_glossary(config)
    if options.limit is None and not options.only_new and not options.revise and options.articles_of is None:
        disk_space.require(config, outputs=options.outputs, shards=1 if options.shard is None else options.shard.of)
    return found


def require_writable(config: Config, outputs: Path) -> None:
    """Raise the `WorldError` that a run would raise because it cannot write its versions; writes nothing."""
    with on_disk(outputs, remedy="choose another --outputs"):
        versions.require_writable(outputs, config.name)
        published.require_writable(outputs / config.name)


def kept_columns(config: Config) -> tuple[str, ...]:
    """Return the columns that sources pass through, each once, in the order of the config."""
    return tuple(dict.fromkeys(name for source in config.sources for name in source.keep))


def chunker(checkpoint: Checkpoint) -> Chunker:
    """Return the `Chunker` of a checkpoint."""
    select = None
    if checkpoint.engine == "extractive":
        count = checkpoint.generation["sentences"]
        assert isinstance(count, int)
        select = partial(extractive.summarize, method=extractive.method(checkpoint.name), count=count)
    return Chunker(
        checkpoint.count,
        checkpoint.budget,
        checkpoint.tone_style,
        checkpoint.with_title,
        checkpoint.lead_only,
        checkpoint.truncate,
        select,
    )


def environment(checkpoints: Mapping[StageName, Checkpoint]) -> dict[str, JSON]:
    """Return what may change an answer although it is not in the recipe: library versions, the device, the system."""
    return {
        "tomdich": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "processors": [processor()],
        "devices": sorted({checkpoint.device for checkpoint in checkpoints.values()}),
        # Ray only where an engine pool has computed: it is optional
        "libraries": {name: installed(name) for name in (*_LIBRARIES, *({"ray"} & sys.modules.keys()))},
    }
