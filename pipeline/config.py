"""The config of a run: its fields and their checks.

Every field outside `runtime`, `memo`, `limits`, `metrics`, `track` and `on_finish` can change an answer or what is
published; `runtime` changes only the speed. The identity of a run is not computed here: it needs the resolved
checkpoints (see `runner`).
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, field_validator, model_validator

from pipeline import catalog, yaml_core
from pipeline.catalog import MODEL_FREE
from pipeline.config_file import Fields, overridden, read, validate
from pipeline.errors import ConfigError, UsageError
from pipeline.records import CHECKS, DEFAULT_ORDER, ROW_COLUMNS, Order
from pipeline.secrets import ENV, RELATIVE_TO, is_relative, masked
from pipeline.storage.names import as_on_disk
from pipeline.storage.user_folders import expand_home


class _Model(BaseModel):
    # `config_file` shows the value, masked: pydantic's own message would show a password
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def _as_written(text: str) -> str:
    name = ENV.search(text)
    if name is not None:
        raise ValueError(
            f"{name[0]} is not replaced here, only in `sources` and `on_finish`, which may hold secrets; write it "
            f"out, or give this field on the command line with --set, where the shell replaces ${name[1]}"
        )
    return text


AsWritten = Annotated[str, AfterValidator(_as_written)]
# Strict: `1.000` is not an integer, and only true and false are booleans.
StrictBool = Annotated[bool, Strict()]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]

_EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def experiment_name(name: str) -> str:
    """Return the name of an experiment, the name of its folder too; raises `ValueError` for an invalid one."""
    if not _EXPERIMENT.fullmatch(name):
        raise ValueError(
            "a name begins with a letter or a digit (a to z, 0 to 9) and consists of those, `.`, `_` and `-`, "
            "100 at most, without spaces"
        )
    return name


class Columns(_Model):
    """Which column of the source holds which field of the article; unset fields are read under their own name."""

    id: str | None = None  # unique in the source; where there is no such column, the digest of the text
    text: str | None = None  # the body of the article
    title: str | None = None  # the headline
    url: str | None = None  # the address of the article
    published: str | None = None  # the date of publication
    outlet: str | None = None  # the newspaper or site
    reference_summary: str | None = None  # a Vietnamese summary by a person, for `eval`
    reference_translation: str | None = None  # its English translation by a person, for `eval`


Markup = Literal["auto", "html", "text"]
Track = Literal["mlflow", "trackio", "none"]
Format = Literal["txt", "html", "feed", "json", "jsonl", "csv", "tsv", "parquet"]


class Source(_Model):
    """One place articles come from: `path` (file, folder, glob, URL, `-` for stdin) or `dataset` (Hugging Face)."""

    path: str | None = None  # a file, folder, glob, URL or `-` for stdin; `{edition}` is the date of the run
    dataset: str | None = None  # a Hugging Face dataset: a name on the hub, or a folder
    subset: AsWritten | None = None  # the dataset's configuration name
    split: AsWritten = "train"  # of the dataset
    revision: AsWritten | None = None  # of the dataset: a commit, tag or branch
    format: Format | None = None  # None: by the file's ending
    markup: Markup = "auto"  # whether texts and titles are HTML; auto: where they have tags or entities
    columns: Columns = Columns()
    keep: tuple[str, ...] = ()  # columns that the output keeps, in their own columns
    # a source that is absent, unreachable or cut short gets a warning; what was read of it is used
    optional: StrictBool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.dataset is None):
            raise ValueError("give exactly one of `path` and `dataset`")
        place = self.path or self.dataset or ""
        if masked(place) != place:
            raise ValueError(
                f"{masked(place)} holds a secret, and every version would publish it; write ${{NAME}} in its "
                "place, and set NAME in the environment of the run"
            )
        return self


class Exclude(_Model):
    """Texts that are not summarized: they are counted and listed."""

    under_syllables: Annotated[int, Strict(), Field(ge=0, le=100_000)] = 20  # exclude texts with fewer syllables
    not_vietnamese: StrictBool = True  # exclude texts in other languages


class GenerationOptions(_Model):
    """Generation values; an unset field takes the catalog's value, else the checkpoint's own."""

    max_new_tokens: Annotated[int, Strict(), Field(ge=1, le=4096)] | None = None  # the longest output, in tokens
    # hypotheses of the beam search; 1: greedy search
    num_beams: Annotated[int, Strict(), Field(ge=1, le=32)] | None = None
    # above 0: longer outputs score better, below 0: shorter ones
    length_penalty: Annotated[float, Strict(), Field(ge=-10, le=10)] | None = None
    early_stopping: StrictBool | None = None  # stop as soon as `num_beams` hypotheses are complete
    # no n-gram of this size occurs twice in an output; 0: no such limit
    no_repeat_ngram_size: Annotated[int, Strict(), Field(ge=0, le=4096)] | None = None
    # above 1: tokens that the output has already score lower
    repetition_penalty: Annotated[float, Strict(), Field(gt=0, le=10)] | None = None


class ModelOptions(_Model):
    """A checkpoint and how it is called: what a stage begins with, and the second checkpoint of `translate.repair`."""

    model: AsWritten  # a name of the catalog, a hub name, or a folder (begins with /, ./, ../ or ~)
    revision: AsWritten | None = None  # a commit; anything else is a warning, or an error under `reproducible: strict`
    # what runs the checkpoint; auto: ctranslate2 on a CPU, else transformers; fake: no model, for tests
    engine: Literal["auto", "transformers", "ctranslate2", "fake"] = "auto"
    # auto: ctranslate2 int8 on a CPU, bfloat16 on CUDA, else float32
    compute_type: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    prefix: str | None = None  # precedes each text; replaces the catalog's, and `''` removes it
    output_prefix: str | None = None  # removed from the start of each output; replaces the catalog's
    source_lang: str | None = (
        None  # of families with language codes (mBART, NLLB, M2M100): the code of the input's language
    )
    target_lang: str | None = None  # of families with language codes: the code of the output's language
    # the longest input with prefix and special tokens; unset: the catalog's, else the checkpoint's
    max_source_tokens: Annotated[int, Strict(), Field(ge=16, le=1_000_000)] | None = None
    tone_style: Literal["press", "new", "any"] | None = None  # hòa, hoà, or as it is written
    word_segmented: StrictBool | None = (
        None  # the checkpoint reads segmented words (nghiên_cứu_viên); unset: the catalog's
    )
    generation: GenerationOptions = GenerationOptions()
    accept_license: str | None = None  # the license by its name, where it is non-commercial, copyleft or unclear


class Repair(_Model):
    """Where the checks flag an answer, ask again, and take the candidate that they flag least."""

    # hypotheses of a beam of this width
    candidates: Annotated[int, Strict(), Field(ge=2, le=32)] = 6
    # of a translator, where an error is left: also the source with names in ASCII, with short dates and units in full,
    # one clause at a time
    variants: StrictBool = True
    # of a translator, where an error is left after that: a second checkpoint, by its name or with the fields of a model
    model: ModelOptions | None = None
    # of a summarizer, where every candidate has an error: the article's own sentences, or the candidate
    fallback: Literal["extractive", "none"] = "extractive"

    @field_validator("model", mode="before")
    @classmethod
    def _by_its_name(cls, model: object) -> object:
        return {"model": model} if isinstance(model, str) else model

    @model_validator(mode="after")
    def _second_can_translate(self) -> Self:
        if self.model is not None and self.model.engine != "fake":
            _require_task(self.model.model, "translate", field="repair.model")
        return self


def _require_task(model: str, task: Literal["summarize", "translate"], *, field: str) -> None:
    """Raise `ValueError` where the catalog has the model for the other task."""
    known = catalog.find(model)
    if known is not None and known.stage != task:
        kind = "translator" if task == "translate" else "summarizer"
        raise ValueError(f"`{field}: {model}` {known.stage}s, it does not {task}; name a {kind}")


class Stage(ModelOptions):
    """One model stage: which checkpoint, how it is called, and with which engine."""

    with_title: StrictBool | None = None  # of a summarizer: the headline precedes each text
    # of a summarizer: the tokens of the beginning that it reads; false: the whole article, in rounds
    lead: Annotated[int, Strict(), Field(ge=16, le=1_000_000)] | Literal[False] | None = None
    # with `lead`: it ends after exactly so many tokens, within a sentence too, as published evaluations cut articles
    truncate: StrictBool | None = None
    # of the summarizers without a model: `extractive`, `lead`, `textrank`, `oracle`
    sentences: Annotated[int, Strict(), Field(ge=1, le=20)] | None = None
    # asks again where the checks flag an answer; auto: for the checkpoints of the catalog that gain by it; null: never
    repair: Repair | Literal["auto", False] = "auto"

    @field_validator("repair", mode="before")
    @classmethod
    def _null_is_off(cls, repair: object) -> object:
        return False if repair is None else repair  # a null is left out when the config is written

    @model_validator(mode="after")
    def _only_what_it_takes(self) -> Self:
        """Refuse an option that has no effect: a summarizer without a model takes `sentences` only."""
        if self.truncate and not self.lead:
            raise ValueError("`truncate: true` needs `lead: N`, the tokens after which the article is cut")
        if isinstance(self.repair, Repair) and not self.repair.variants and not isinstance(self, TranslateStage):
            raise ValueError("`repair: {variants: false}` is of a translator: a summarizer gets no variants; remove it")
        if isinstance(self.repair, Repair) and self.repair.model is not None and not isinstance(self, TranslateStage):
            raise ValueError(
                "`repair: {model: …}` is of a translator: a summary with an error gets the article's own sentences "
                "(`fallback: extractive`); remove it"
            )
        if self.engine != "fake":  # which uses no checkpoint
            _require_task(self.model, "translate" if isinstance(self, TranslateStage) else "summarize", field="model")
        if self.model not in MODEL_FREE:
            if self.sentences is not None:
                raise ValueError(
                    f"`sentences` is for the models {', '.join(f'`{name}`' for name in MODEL_FREE)}; remove it, or "
                    "limit the length with `generation: {max_new_tokens: N}`"
                )
            return self
        allowed = {"model", "sentences", "accept_license"}
        fields = type(self).model_fields
        idle = [name for name in fields if name not in allowed and getattr(self, name) != fields[name].default]
        if idle:
            raise ValueError(
                f"`model: {self.model}` uses no checkpoint and takes `sentences` only; remove "
                f"{', '.join(f'`{name}`' for name in idle)}"
            )
        return self


class TranslateStage(Stage):
    """The translating stage, with the newsroom's terms and corrections: see `glossary`."""

    terms: AsWritten | None = None  # a CSV of the newsroom's terms: vi, en, wrong
    corrections: AsWritten | None = None  # JSON lines: the decisions of editors in the report

    @model_validator(mode="after")
    def _can_translate(self) -> Self:
        if isinstance(self.repair, Repair) and self.repair.fallback == "none":
            raise ValueError("`repair: {fallback: none}` is of a summarizer: a translation has no fallback; remove it")
        return self


class Inspect(_Model):
    """What flags do; the checks themselves always run."""

    # an error of these holds a record back
    hold: tuple[str, ...] = (
        "number",
        "name",
        "office",
        "negation",
        "procedure",
        "coverage",
        "replacement",
        "not_prose",
    )

    @field_validator("hold")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in CHECKS:
                near = difflib.get_close_matches(name, CHECKS, n=1)
                remedy = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(CHECKS)}"
                raise ValueError(f"no such check: `{name}`; {remedy}")
        return names


class Limits(_Model):
    """Gates: beyond a limit nothing is published. The ratios apply from 20 records on."""

    max_failure_ratio: Share = 0.05  # of the records that failed, and of the rows read that are damaged
    max_hold_ratio: Share | None = None  # of the records on hold; unset: no limit
    # articles in the sources: fewer mean that a feed has failed
    min_records: Annotated[int, Strict(), Field(ge=1, le=1_000_000_000)] | None = None


_RAY_ADDRESS = re.compile(r"local|auto|ray://[^/\s:]+:\d+")


class EnginePool(_Model):
    """Engines on a Ray cluster, one in each worker, instead of one in the process of the run; needs the extra `ray`."""

    # local: the run starts Ray on this machine and ends it; auto: the cluster of this machine, or of RAY_ADDRESS;
    # ray://HOST:10001: a cluster that is reached through its Ray Client server
    address: AsWritten = "local"
    # workers at the same time, at most; auto: as many as the cluster's nodes have room for
    workers: Annotated[int, Strict(), Field(ge=1, le=10_000)] | Literal["auto"] = "auto"
    # 0: engines on the CPU; a part of 1: workers share a GPU
    gpus_per_worker: Annotated[float, Strict(), Field(ge=0, le=1)] = 1
    cpus_per_worker: Annotated[int, Strict(), Field(ge=1, le=1024)] = 1  # CPU cores of a worker
    # a YAML file with Ray's runtime environment of the workers: how they get tomdich where the nodes do not have it
    runtime_env: AsWritten | None = None

    @field_validator("workers", mode="before")
    @classmethod
    def _number_or_auto(cls, workers: object) -> object:
        if workers != "auto" and (type(workers) is not int or workers < 1):  # a bool is an int too
            raise ValueError("must be `auto`, or a whole number of workers")
        return workers

    @field_validator("address")
    @classmethod
    def _known_address(cls, address: str) -> str:
        if not _RAY_ADDRESS.fullmatch(address):
            raise ValueError(f"{address!r} is none of `local`, `auto` and `ray://HOST:PORT`")
        return address


class Runtime(_Model):
    """What changes only the speed."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"  # auto: CUDA if torch can use it, else the CPU
    # source tokens of a batch, with padding; None: by device
    batch_tokens: Annotated[int, Strict(), Field(ge=64, le=16_777_216)] | None = None
    threads: Annotated[int, Strict(), Field(ge=1, le=1024)] | None = None  # CPU threads; None: all cores
    engine_pool: EnginePool | None = None

    @model_validator(mode="after")
    def _one_device(self) -> Self:
        pool = self.engine_pool
        if pool is not None and self.device not in ("auto", device := "cuda" if pool.gpus_per_worker else "cpu"):
            raise ValueError(
                f"`device: {self.device}` with `engine_pool.gpus_per_worker: {pool.gpus_per_worker:g}`, whose workers "
                f"compute on {device}; remove `device`, or change `gpus_per_worker`"
            )
        return self


class Config(_Model):
    """A whole config."""

    name: Annotated[str, AfterValidator(experiment_name)]  # of the experiment: the folder of its versions
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    # of two texts with one id, which is a listed failure. error: the later one read; newest: the older one
    on_same_id: Literal["error", "newest"] = "error"
    exclude: Exclude = Exclude()
    # what becomes the English text: the translated Vietnamese summary, or the English summary of the translated article
    order: Order = DEFAULT_ORDER
    summarize: Stage
    translate: TranslateStage
    inspect: Inspect = Inspect()
    limits: Limits = Limits()
    reproducible: Literal["warn", "strict"] = "warn"  # a checkpoint without a pinned revision is a warning, or an error
    timezone: str = "Asia/Ho_Chi_Minh"  # of the default edition (today), and of dates without an offset
    # a command or a web address that gets the outcome of each run: see `is_web_address`
    on_finish: str | tuple[str, ...] | None = None
    metrics: AsWritten | None = None  # a Prometheus textfile, written when a run ends
    # an experiment tracker that gets each version once it is published; needs the extra of its name
    track: Track = "none"
    deterministic: StrictBool = (
        False  # float32, one text in a batch: slower; the same texts in every run on one machine
    )
    memo: AsWritten | None = None  # the folder of the memo; None: `.memo` in the folder of `--outputs`
    runtime: Runtime = Runtime()

    @field_validator("timezone")
    @classmethod
    def _time_zone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
            raise ValueError(f"no such time zone{f'; did you mean `{near[0]}`?' if near else ''}") from None
        return name

    @field_validator("on_finish")
    @classmethod
    def _command_or_address(cls, target: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        if target is not None and not is_web_address(target) and not command(target):
            raise ValueError("is empty; give a command, or an address that begins with https://")
        return target

    @model_validator(mode="after")
    def _kept_columns_are_free(self) -> Self:
        taken = {name for source in self.sources for name in source.keep} & set(ROW_COLUMNS)
        if taken:
            names = ", ".join(f"`{name}`" for name in sorted(taken))
            raise ValueError(f"sources.keep: {names} already has its own column in the output; keep another")
        return self

    @model_validator(mode="after")
    def _possible_order(self) -> Self:
        if (problem := order_problem(self)) is not None:
            raise ValueError(problem)
        return self


def order_problem(config: Config) -> str | None:
    """Return which field of a stage cannot be in the config's `order`, why, and the remedy; None if all can."""
    stage, order = config.summarize, f"`order: {config.order}`"
    code, language = ("vi", "Vietnamese") if config.order == DEFAULT_ORDER else ("en", "English")
    entry = catalog.find(stage.model)
    if entry is not None and code not in entry.languages and stage.engine != "fake":
        known = (one.name for one in catalog.entries() if one.stage == "summarize" and code in one.languages)
        return (
            f"summarize.model: with {order} the summarizer reads {language}, and {stage.model} does not; name another "
            f"checkpoint, of the hub or a folder, or one of {', '.join(known)}"
        )
    if config.order == DEFAULT_ORDER:
        return None
    if isinstance(config.translate.repair, Repair) and config.translate.repair.model is not None:
        return (
            f"translate.repair.model: with {order} the article is summarized before a second checkpoint could "
            "translate a sentence; remove it"
        )
    if isinstance(stage.repair, Repair):
        return (
            "summarize.repair: the checks that choose among summaries read Vietnamese ones, and with "
            f"{order} the summary is English; remove it (`translate.repair` works)"
        )
    return None


S = TypeVar("S", bound=Source)
G = TypeVar("G", bound=Stage)

MATRIX = "matrix"
"""The field of a config that `tomdich matrix` makes several of: see `runner.cells`."""

_EDITION = re.compile(r"\{edition(?::([^{}]+))?\}")


def load(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Return the config at `path` with `a.b=v` overrides applied; see `checked`."""
    return checked(read(path, overrides))


def build(fields: dict[str, Any], overrides: tuple[str, ...], *, named: str) -> Config:
    """Return the config of these fields with `a.b=v` overrides applied; relative paths are resolved against `cwd`.

    `named` is its name in messages. Raises `ConfigError` as `load` does.
    """
    return checked(Fields(named, overridden(fields, overrides), Path.cwd()))


def checked(fields: Fields) -> Config:
    """Return `fields` as a config; a relative path is resolved against the folder of the file that gives it.

    Raises `ConfigError` with every problem at once, each with its file, line and field.
    """
    if fields.values.get(MATRIX) is not None:
        where = fields.origin([MATRIX])
        raise ConfigError(
            f"{where}: {MATRIX}: one run takes no matrix; `tomdich matrix {fields.name}` runs each cell, and "
            f"`--set {MATRIX}=null` leaves the matrix out"
        )
    config = validate(fields.without(MATRIX), Config)
    with naming(fields.name):
        return _absolute(config, lambda *field: fields.origin(field).folder)


def today(config: Config) -> date:
    """Return the date it is now in the config's time zone."""
    return datetime.now(zoneinfo.ZoneInfo(config.timezone)).date()


def at_edition(config: Config, edition: date) -> Config:
    """Return `config` with `{edition}` in its source paths replaced by the date.

    It is written as 2026-11-23, or as `strftime` has it: `{edition:%Y/%m/%d}` is 2026/11/23.
    """

    def path(source: Source) -> Source:
        if source.path is None:
            return source
        dated = _EDITION.sub(lambda match: edition.strftime(match[1] or "%Y-%m-%d"), source.path)
        return source.model_copy(update={"path": dated})

    return config.model_copy(update={"sources": tuple(path(source) for source in config.sources)})


def is_web_address(target: str | tuple[str, ...]) -> bool:
    """Return whether `on_finish` is a web address and not a command; `${NAME}` at its beginning is replaced."""
    if not isinstance(target, str):
        return False
    name = ENV.match(target)
    begins = os.environ.get(name[1], "") + target[name.end() :] if name else target
    return begins.startswith(("https://", "http://"))


def command(target: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command; a string is split as a shell does. Raises `ValueError` for an open quote."""
    return tuple(shlex.split(target)) if isinstance(target, str) else target


def dump(config: Config, *, folder: Path | None = None) -> str:
    """Return `config` as YAML that `load` reads back to an equal one.

    With `folder`, which the file will be in, paths are relative to it (`relative_path`), so that both can be moved
    together. Defaults are written out: those of a later version may differ. `on_finish` and `metrics` are left out:
    they belong to the machine of the run, and the address of a web hook is a secret.
    """
    if folder is not None:
        config = _relative(config, folder)
    fields = config.model_dump(mode="json", exclude_none=True, exclude={"on_finish", "metrics"})
    return yaml_core.dump(fields, width=110)


def is_folder_name(model: str) -> bool:
    """Return whether `model` is written as a folder rather than as a catalog or hub name."""
    return model.startswith(("/", "./", "../", "~"))


@contextmanager
def naming(file: Path | str) -> Iterator[None]:
    """Name the config's `file` in the error of a path that cannot be resolved; it becomes a `ConfigError`."""
    try:
        yield
    except UsageError as error:
        raise ConfigError(f"{file}: {error}") from None


def resolve_path(path: str, base: Path) -> str:
    """Return a path as a config writes it, absolute against `base`; a URL and `-` stay as they are.

    `${NAME}` stays unexpanded; where its value is a relative path now, it is written after `base` in the form that
    `secrets.expand_path` reads, so that the config can be used again with another value.
    """
    if path == "-" or "://" in path:
        return path
    if path.startswith("${"):
        now = ENV.sub(lambda match: os.environ.get(match[1], ""), path)
        return f"{base}{RELATIVE_TO}{path.removeprefix('${')}" if is_relative(now) else path
    folder, mark, name = path.partition(RELATIVE_TO)
    # not resolve(): a glob or a link that the person chose stays as it is written
    return os.path.normpath(base / expand_home(folder)) + mark + name


def relative_path(path: str, folder: Path) -> str:
    """Return a path that `resolve_path` made absolute as a config in `folder` writes it; the two undo each other.

    A URL, `-` and `${NAME}` stay as they are, and so does a path that has only the root in common with `folder`: it
    would not move together with it.
    """
    base, mark, name = path.partition(RELATIVE_TO)
    if not base.startswith("/") or os.path.commonpath([base, folder]) == "/":
        return path
    written = os.path.relpath(base, folder)
    return (written if written.startswith("..") else f"./{written}") + mark + name


def resolve_file(path: str, base: Path) -> str:
    """Return the path of one file or folder as `resolve_path` does, in the normal form of Unicode that the disk has."""
    return as_on_disk(resolve_path(path, base))


def resolve_sources(sources: Iterable[S], folder: Callable[..., Path], field: str) -> tuple[S, ...]:
    """Return the sources of `field` with their paths, or their datasets' folders, absolute.

    `folder` gives the one that a place of the config is relative to, by its names and numbers.
    """

    def resolve(number: int, source: S) -> S:
        if source.path is not None:
            return source.model_copy(update={"path": resolve_path(source.path, folder(field, number, "path"))})
        if source.dataset is not None and is_folder_name(source.dataset):
            return source.model_copy(update={"dataset": resolve_file(source.dataset, folder(field, number, "dataset"))})
        return source

    return tuple(resolve(number, source) for number, source in enumerate(sources))


def _resolved_command(target: str | tuple[str, ...] | None, base: Path) -> str | tuple[str, ...] | None:
    """Return `on_finish` with a program that is written as a path made absolute against `base`."""
    if target is None or is_web_address(target):
        return target
    program, *words = command(target)
    return (resolve_file(program, base) if is_folder_name(program) else program, *words)


def _absolute(config: Config, folder: Callable[..., Path]) -> Config:
    """Return `config` with the relative paths in it absolute against the `folder` of the field, given by its names."""
    return _with_files(config, lambda path, *names: resolve_file(path, folder(*names))).model_copy(
        update={
            "sources": resolve_sources(config.sources, folder, "sources"),
            "on_finish": _resolved_command(config.on_finish, folder("on_finish")),
            "metrics": None if config.metrics is None else resolve_file(config.metrics, folder("metrics")),
        }
    )


def _relative(config: Config, folder: Path) -> Config:
    """Return `config` with its absolute paths relative to `folder`, as `relative_path` writes them."""

    def source(source: Source) -> Source:
        places = {name: getattr(source, name) for name in ("path", "dataset")}
        update = {name: relative_path(place, folder) for name, place in places.items() if place is not None}
        return source.model_copy(update=update)

    config = _with_files(config, lambda path, *_: relative_path(path, folder))
    return config.model_copy(update={"sources": tuple(source(one) for one in config.sources)})


def _with_files(config: Config, place: Callable[..., str]) -> Config:
    """Return `config` with what `place` returns for each path of its models, terms, corrections and memo.

    It is given the path and the names that lead to its field.
    """

    def stage(section: str, stage: G) -> G:
        files = {name: getattr(stage, name, None) for name in ("terms", "corrections")}
        named = files | {"model": stage.model if is_folder_name(stage.model) else None}
        update: dict[str, object] = {
            name: place(path, section, name) for name, path in named.items() if path is not None
        }
        repair = stage.repair
        if isinstance(repair, Repair) and repair.model is not None and is_folder_name(repair.model.model):
            folder = place(repair.model.model, section, "repair", "model", "model")
            update["repair"] = repair.model_copy(update={"model": repair.model.model_copy(update={"model": folder})})
        return stage.model_copy(update=update)

    runtime, pool = config.runtime, config.runtime.engine_pool
    if pool is not None and pool.runtime_env is not None:
        pool = pool.model_copy(update={"runtime_env": place(pool.runtime_env, "runtime", "engine_pool", "runtime_env")})
        runtime = runtime.model_copy(update={"engine_pool": pool})
    return config.model_copy(
        update={
            "runtime": runtime,
            "summarize": stage("summarize", config.summarize),
            "translate": stage("translate", config.translate),
            "memo": None if config.memo is None else place(config.memo, "memo"),
        }
    )
