"""The config of a training, checked field by field like a run's.

There are three tasks: `tokenizer`, `translate` (parallel pairs) and `summarize` (articles that have a summary). What
changes the weights is part of `identity`: a training is resumed only where its identity is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator, model_validator

from pipeline import config as configs
from pipeline import config_file
from pipeline.catalog import ToneStyle
from pipeline.config import Exclude, GenerationOptions, Source, StrictBool, Track
from pipeline.errors import ConfigError
from pipeline.ids import digest
from pipeline.records import JSON
from pipeline.storage.user_folders import base_folder


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Count = Annotated[int, Strict(), Field(ge=1)]
Share = Annotated[float, Strict(), Field(ge=0, lt=1)]
Rate = Annotated[float, Strict(), Field(gt=0, le=1)]


class Pairs(_Model):
    """A file of sentence pairs: TSV, CSV or JSON lines, compressed or not."""

    path: str  # a file, compressed or not
    format: Literal["tsv", "csv", "jsonl"] | None = None  # None: by the file's ending
    source: str | Count = "source"  # a column's name in the header, or its number (1 is the first) where there is none
    target: str | Count = "target"  # as `source`
    skip: Annotated[int, Strict(), Field(ge=0)] = 0  # rows to skip at the start of the file
    take: Count | None = None  # rows to use at most; None: all
    every: Count = 1  # use every n-th of those
    repeat: Count = 1  # how often an epoch contains each
    variants: Annotated[int, Strict(), Field(ge=0, le=20)] = (
        0  # further copies of each pair, with other names and figures on both sides
    )
    license: str = "unstated"  # for the model card
    note: str = ""  # for the model card

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if isinstance(self.source, int) != isinstance(self.target, int):
            raise ValueError("give `source` and `target` both as names of the header, or both as numbers")
        return self


class Articles(Source):
    """A source of articles, as in a run's config; the summary is `columns.reference_summary`."""

    # "extractive": the target is the extractive summary of the source text; no reference is needed
    targets: Literal["reference", "extractive"] = "reference"
    skip: Annotated[int, Strict(), Field(ge=0)] = 0  # articles to skip at the start
    take: Count | None = None  # articles to use at most; None: all
    every: Count = 1  # use every n-th of those
    repeat: Count = 1  # how often an epoch contains each
    license: str = "unstated"  # for the model card
    note: str = ""  # for the model card


class Lines(_Model):
    """A text file, compressed or not, with a sentence on each line."""

    path: str  # a file, compressed or not
    skip: Annotated[int, Strict(), Field(ge=0)] = 0  # lines to skip at the start of the file
    take: Count | None = None  # lines to use at most; None: all
    every: Count = 1  # use every n-th of those
    license: str = "unstated"  # for the model card
    note: str = ""  # for the model card


class Card(_Model):
    """The parts of the model card that are not measured."""

    license: str = "other"  # of the result
    title: str = ""  # the heading; empty: the training's name
    about: str = "Trained with tomdich for research and demonstration."  # the first paragraph
    limits: tuple[str, ...] = ()  # a list of what the model cannot do


class Shape(_Model):
    """The shape of a T5 from scratch; a deep encoder with a shallow decoder is fastest (Kasai et al. 2021)."""

    width: Count = 256  # of the embeddings and hidden states (`d_model`)
    heads: Count = 4  # attention heads
    head_width: Count = 64  # of each head (`d_kv`)
    feed_forward: Count = 1024  # the inner width of the feed-forward layers (`d_ff`)
    activation: Literal["relu", "gated-gelu"] = "relu"  # of the feed-forward layers
    encoder_layers: Count = 6  # layers of the encoder
    decoder_layers: Count = 2  # layers of the decoder
    dropout: Share = 0.0  # costs a third of the speed on a CPU, and a small model does not need it


class Deepen(_Model):
    """The number of layers that the checkpoint has in the training, see `train.deepening`."""

    encoder: Count  # layers of the encoder
    decoder: Count  # layers of the decoder


class Lengths(_Model):
    """The lengths of the examples that are used, in tokens with the end mark; others are counted and reported."""

    source: Annotated[int, Strict(), Field(ge=8, le=65535)] = 160  # the longest source
    target: Annotated[int, Strict(), Field(ge=8, le=65535)] = 128  # the longest target
    least_source: Count = 4  # the shortest source
    least_target: Count = 4  # the shortest target
    ratio: Annotated[float, Strict(), Field(gt=1)] | None = (
        None  # an example is left out where a side is longer than ratio × the other + 6
    )
    cut_source: StrictBool = False  # a longer source is cut to its beginning (the article's lead), not left out


class Optimizer(_Model):
    """`muon`: T5 only, see `train.from_scratch.muon`. `adamw` and `adafactor` are the Trainer's own."""

    kind: Literal["muon", "adamw", "adafactor"] = "muon"  # the algorithm
    lr: Rate = 0.01  # the learning rate at its highest; of muon: of the matrices
    embedding_lr: Rate = 0.01  # of muon: for embeddings, norms and position biases, by AdamW
    weight_decay: Annotated[float, Strict(), Field(ge=0)] = 0.0  # decoupled weight decay


class Schedule(_Model):
    """Warm-up, stable, decay: from the stable part a training can be resumed with more `steps`."""

    steps: Count  # optimizer steps in all
    warmup: Annotated[int, Strict(), Field(ge=0)] = 100  # steps in which the learning rate rises
    decay: Rate = 0.3  # the share of `steps`, at the end, in which the learning rate falls

    @property
    def decay_steps(self) -> int:
        """The number of steps in which the learning rate falls."""
        return max(1, round(self.steps * self.decay))

    @property
    def decay_between(self) -> tuple[int, int]:
        """The last step at the full learning rate, and the last step."""
        return self.steps - self.decay_steps, self.steps

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.warmup + self.decay_steps > self.steps:
            raise ValueError(f"{self.steps} steps have no room for a `warmup` of {self.warmup} and the decay")
        return self


class CurriculumStage(_Model):
    """Easier examples up to a step: short pairs, or only the lead of an article; see `train.batches`."""

    until: Count  # the last step of this stage
    longest: Annotated[int, Strict(), Field(ge=8)] | None = None  # tokens that either side of an example may have
    lead: Annotated[int, Strict(), Field(ge=8)] | None = None  # tokens to which sources are cut

    @model_validator(mode="after")
    def _easier(self) -> Self:
        if self.longest is None and self.lead is None:
            raise ValueError("give `longest` or `lead`")
        return self


class Guidance(_Model):
    """Guided alignment, see `from_scratch.guidance`; for pairs the aligner's values, see `from_scratch.alignment`."""

    steps: Count = 1200  # the first steps, in which the loss is used
    weight: Annotated[float, Strict(), Field(gt=0)] = 0.3  # of the loss
    heads: Count = 2  # cross-attention heads of the first decoder layer that are guided
    rounds: Count = 4  # of expectation maximization
    # how strongly the prior favors the diagonal; 0: not at all
    diagonal: Annotated[float, Strict(), Field(ge=0)] = 5.0
    least_posterior: Share = 0.35  # a target token whose best alignment has less stays unaligned


class Rounds(_Model):
    """Examples as in use: a part of an article, and the sentences of its parts; see `from_scratch.rounds`."""

    least_support: Share = 0.9  # of a summary's syllables occur in the source, else the nearest sentence is the target
    untitled: Share = 0.15  # of the examples have no headline


class Smoothing(_Model):
    """Label smoothing from a step on: in the first steps it only slows the learning."""

    value: Share = 0.1  # the probability that is spread over all tokens
    after: Annotated[int, Strict(), Field(ge=0)] = 0  # the first step with smoothing


class Choose(_Model):
    """How the checkpoint is chosen: by a metric of the texts that it generates for the dev set."""

    metric: Literal["chrf", "bleu", "rougeL", "rouge1", "rouge2"] | None = None  # None: chrf, or rougeL for summaries
    every: Count = 500  # steps between two evaluations; each saves a checkpoint
    examples: Count = 200  # of the dev set's start, for an evaluation; the last ones take all of it
    beams: Count = 1  # of the generation for the dev set
    patience: Count | None = None  # evaluations without a better score, after which the training ends
    average: Annotated[int, Strict(), Field(ge=1, le=20)] = (
        3  # of the last checkpoints, compared with the best single one
    )


class _Training(_Model):
    # of the training: its folder, and the name on the card
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    folder: str | None = None  # all of this training's files; None: `tomdich/training/NAME` in the user's state folder
    seed: Annotated[int, Strict()] = 1  # of the order of the examples, of initial weights and of variants
    exclude: Exclude = Exclude()  # of articles
    tone_style: ToneStyle = "press"  # of the training texts: hòa, hoà, or as written
    card: Card = Card()

    @property
    def home(self) -> Path:
        """The folder of this training: packed data, checkpoints, and the result in `model/`."""
        assert self.folder is not None, "load() fills it"
        return Path(self.folder)


class TokenizerTraining(_Training):
    """A bilingual SentencePiece Unigram model, as `tokenizer.json`."""

    task: Literal["tokenizer"]  # which training this is
    pairs: tuple[Pairs, ...] = ()
    articles: tuple[Articles, ...] = ()  # title, summary and the start of the body
    lines: tuple[Lines, ...] = ()
    body_characters: Count = 600  # how many characters of an article's body are used
    vocabulary: Annotated[int, Strict(), Field(ge=300, le=65535)] = 12000  # the number of pieces
    coverage: Annotated[float, Strict(), Field(gt=0.9, le=1)] = 0.9998  # of the characters; others are encoded as bytes
    sentences: Count = 600_000  # the size of the random sample

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.pairs or self.articles or self.lines):
            raise ValueError("give at least one of `pairs`, `articles` and `lines`")
        return self


class ModelTraining(_Training):
    """The common fields of the training of a translator and of a summarizer."""

    init_from: str | None = None  # a checkpoint to fine-tune: a folder or a name of the catalog or hub
    revision: str | None = None  # of `init_from`: a commit
    accept_license: str | None = None  # of `init_from`: its license by name
    deepen: Deepen | None = None  # of `init_from`, a T5
    tokenizer: str | None = None  # from scratch: the folder of a tokenizer, or its tokenizer.json
    model: Shape | None = None  # from scratch
    prefix: str | None = None  # before each source; None: the catalog's
    lengths: Lengths = Lengths()
    batch_tokens: Annotated[int, Strict(), Field(ge=64)] = 7000  # rows × (source + 1.6 × target length) of a batch
    # of the computation; weights are kept in float32. auto: bfloat16 where the GPU or the CPU (by AVX-512) is fast at
    # it, else float32
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    optimizer: Optimizer = Optimizer()
    schedule: Schedule
    curriculum: tuple[CurriculumStage, ...] = ()
    guidance: Guidance | None = None
    smoothing: Smoothing | None = None
    choose: Choose = Choose()
    generation: GenerationOptions = GenerationOptions()  # of the result
    weights: Literal["float16", "bfloat16", "float32"] = "float16"  # of the result
    compress: StrictBool = False  # the packed data
    shard_mb: Annotated[int, Strict(), Field(ge=1)] | None = None  # the largest file of a checkpoint, in MiB
    max_minutes: Annotated[float, Strict(), Field(gt=0)] | None = (
        None  # of a session; then it ends, and the same command resumes it
    )
    only: Literal["pack", "export"] | None = None  # only pack the data, or only export `model/` from the checkpoints
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: CUDA where there is one, else the CPU
    threads: Annotated[int, Strict(), Field(ge=1, le=1024)] | None = None  # CPU threads; None: all cores
    log_every: Count = 25  # steps between two lines of the log
    # an experiment tracker that gets the training once it is finished; needs the extra of its name
    track: Track = "none"

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        scratch = self.model is not None or self.tokenizer is not None
        if self.init_from is not None and scratch:
            raise ValueError("`init_from` brings its own shape and tokenizer: drop `model` and `tokenizer`")
        if self.init_from is None and self.deepen is not None:
            raise ValueError("`deepen` is for `init_from`; from scratch give the layers in `model`")
        if self.init_from is None and (self.model is None or self.tokenizer is None):
            raise ValueError("from scratch give `model` and `tokenizer`, else `init_from`")
        return self

    @field_validator("dev", check_fields=False)
    @classmethod
    def _held(cls, sources: tuple[Any, ...]) -> tuple[Any, ...]:
        if not sources:
            raise ValueError(
                "give what the checkpoint is chosen on, other texts than it is trained on: a file of its own, or the "
                "same one with `take: 200` here and `skip: 200` under `data`"
            )
        return sources

    @field_validator("curriculum")
    @classmethod
    def _rising(cls, stages: tuple[CurriculumStage, ...]) -> tuple[CurriculumStage, ...]:
        if [stage.until for stage in stages] != sorted({stage.until for stage in stages}):
            raise ValueError("the `until` of each stage must be later than that of the stage before")
        return stages

    def identity(self) -> dict[str, JSON]:
        """Return what changes the weights at a step, except the data and the start; `steps` and `decay` do not."""
        kept: dict[str, Any] = self.model_dump(
            mode="json",
            include={
                "task", "seed", "exclude", "tone_style", "model", "prefix", "lengths", "batch_tokens",
                "precision", "optimizer", "curriculum", "guidance", "smoothing", "with_title", "rounds",
            },
        )  # fmt: skip
        if self.deepen is not None:  # left out otherwise: earlier trainings keep their identity
            kept["deepen"] = self.deepen.model_dump()
        return kept | {"warmup": self.schedule.warmup}


class TranslateTraining(ModelTraining):
    """A translator, from sentence pairs."""

    task: Literal["translate"]  # which training this is
    data: Annotated[tuple[Pairs, ...], Field(min_length=1)]
    dev: Annotated[tuple[Pairs, ...], Field(validate_default=True)] = ()  # what the checkpoint is chosen on


class SummarizeTraining(ModelTraining):
    """A summarizer, from articles that have a summary."""

    task: Literal["summarize"]  # which training this is
    with_title: StrictBool = False  # the headline precedes the text
    # None: an article's beginning and its summary; with `lengths.cut_source` the result is a summarizer of the lead
    rounds: Rounds | None = None
    data: Annotated[tuple[Articles, ...], Field(min_length=1)]
    dev: Annotated[tuple[Articles, ...], Field(validate_default=True)] = ()  # what the checkpoint is chosen on

    @property
    def lead(self) -> int | None:
        """The tokens of an article's beginning that the summarizer is shown; None where it is shown all parts."""
        return self.lengths.source if self.rounds is None and self.lengths.cut_source else None


Training = TokenizerTraining | TranslateTraining | SummarizeTraining
_KINDS: dict[str, type[Training]] = {
    "tokenizer": TokenizerTraining,
    "translate": TranslateTraining,
    "summarize": SummarizeTraining,
}


def load(path: Path, overrides: tuple[str, ...] = ()) -> Training:
    """Return the training config at `path` with `a.b=v` overrides applied; relative paths against the file's folder.

    Raises `ConfigError` with every problem at once, each with its line and field.
    """
    fields = config_file.read(path, overrides)
    task = fields.values.get("task")
    if not isinstance(task, str) or task not in _KINDS:
        raise ConfigError(f"{path}: task: is one of {', '.join(_KINDS)} (found {task!r})")
    training = config_file.validate(fields, _KINDS[task])
    with configs.naming(path):
        return _absolute(training, lambda *field: fields.origin(field).folder)


def _absolute(training: Training, folder: Callable[..., Path]) -> Training:
    """Return `training` with the relative paths in it absolute against the `folder` of the field."""
    update: dict[str, Any] = {"folder": _folder(training, folder("folder"))}
    if isinstance(training, TokenizerTraining):
        update["pairs"] = _placed(training.pairs, folder, "pairs")
        update["articles"] = configs.resolve_sources(training.articles, folder, "articles")
        update["lines"] = _placed(training.lines, folder, "lines")
        return training.model_copy(update=update)
    if isinstance(training, TranslateTraining):
        update |= {"data": _placed(training.data, folder, "data"), "dev": _placed(training.dev, folder, "dev")}
    else:
        update["data"] = configs.resolve_sources(training.data, folder, "data")
        update["dev"] = configs.resolve_sources(training.dev, folder, "dev")
    if training.tokenizer is not None:
        update["tokenizer"] = configs.resolve_file(training.tokenizer, folder("tokenizer"))
    if training.init_from is not None and configs.is_folder_name(training.init_from):
        update["init_from"] = configs.resolve_file(training.init_from, folder("init_from"))
    return training.model_copy(update=update)


def data_key(source: Pairs | Articles | Lines) -> str:
    """Return a digest of how `source` is read, without its folder: packed data may be used on another machine."""
    dumped = source.model_dump(mode="json", exclude={"repeat", "license", "note", "optional"})
    return digest(dumped | {"path": Path(source.path).name if source.path else None})


def _placed(sources: tuple[Any, ...], folder: Callable[..., Path], field: str) -> tuple[Any, ...]:
    return tuple(
        source.model_copy(update={"path": configs.resolve_path(source.path, folder(field, number, "path"))})
        for number, source in enumerate(sources)
    )


def _folder(training: _Training, base: Path) -> str:
    """Return the training's folder: outside the work tree by default, because it grows large."""
    if training.folder is not None:
        return configs.resolve_file(training.folder, base)
    state = base_folder("XDG_STATE_HOME", ".local/state", remedy="give the training a `folder:`")
    return str(state / "tomdich" / "training" / training.name)
