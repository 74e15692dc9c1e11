"""Write the model card of a result, and the picture of the training's curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pipeline import __version__, yaml_core
from pipeline.checkpoints import Checkpoint
from pipeline.checkpoints.locate import CARD_FIELD, CallingConventions
from pipeline.config import is_folder_name
from pipeline.evaluation.metrics import Metric, Score
from pipeline.train.choose import history
from pipeline.train.config import (
    Articles,
    Lines,
    ModelTraining,
    Pairs,
    SummarizeTraining,
    TokenizerTraining,
    TranslateTraining,
)
from pipeline.train.data import Packed
from pipeline.train.reading import ReadCounts

CURVES = "curves.png"
_FRONT_WIDTH = 110  # characters of a line of the front matter
_DOTTED = 30  # points
_LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What the card says of how the weights were made."""

    what: str  # "checkpoint 5000", "the average of checkpoints …"
    step: int
    whole: bool  # the training is finished, also by `choose.patience`
    seconds: float
    parameters: int
    device: str
    scores: tuple[Score, ...]  # on the whole dev set; empty where the session ended before
    called: CallingConventions
    base: Checkpoint | None  # what was fine-tuned


def model_card(
    training: TranslateTraining | SummarizeTraining, packed: Packed, dev: Packed, result: TrainingResult
) -> str:
    """Return the result's README.md; its front matter names the license, which `tomdich` reads."""
    summarizer = isinstance(training, SummarizeTraining)
    front: dict[str, Any] = {
        "license": training.card.license,
        "language": ["vi"] if summarizer else ["vi", "en"],
        "library_name": "transformers",
        "pipeline_tag": "summarization" if summarizer else "translation",
        "tags": ["tomdich"],
    }
    if result.base is not None and not is_folder_name(result.base.name):
        front["base_model"] = result.base.name
    front[CARD_FIELD] = result.called.model_dump(exclude_defaults=True)
    steps = training.schedule.steps
    unfinished = [] if result.whole else [f"**Unfinished: step {result.step} of {steps}.**", ""]
    used: tuple[Pairs | Articles, ...] = training.data
    kept: tuple[Pairs | Articles, ...] = training.dev
    data = [_row(facts, source) for facts, source in zip(packed.facts, used, strict=True)]
    held = [_row(facts, source) for facts, source in zip(dev.facts, kept, strict=True)]
    lines = [
        *_head(front, training.card.title or training.name),
        training.card.about,
        "",
        *unfinished,
        "## Use",
        "",
        *_use("summarize" if summarizer else "translate", result),
        "",
        "## Numbers",
        "",
        *_numbers(training, result.scores),
        "",
        f"![losses and dev score by step]({CURVES})",
        "",
        "## Data",
        "",
        "| file | read | used | left out | license | note |",
        "|---|---|---|---|---|---|",
        *data,
        "",
        "For choosing the checkpoint:",
        "",
        "| file | read | used | left out | license | note |",
        "|---|---|---|---|---|---|",
        *held,
        "",
        f"Texts were repaired and brought to NFC, their tone marks are placed {_TONES[training.tone_style]}.",
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in training.card.limits),
        f"- Sources of at most {training.lengths.source} tokens; what is longer must be split before.",
        "- What it writes is written by machine: check it before you publish it.",
        "",
        "## How it was made",
        "",
        *_recipe(training, result),
        "",
    ]
    return "\n".join(lines)


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that a training depends on."""
    return {name: installed(name) for name in _LIBRARIES}


def tokenizer_card(
    training: TokenizerTraining, tallies: Mapping[str, ReadCounts], *, compared: int, differing: int
) -> str:
    """Return the README.md of a tokenizer."""
    sources: list[Pairs | Articles | Lines] = [*training.pairs, *training.articles, *training.lines]
    lines = [
        *_head({"license": training.card.license, "language": ["vi", "en"]}, training.card.title or training.name),
        training.card.about,
        "",
        f"SentencePiece Unigram, {training.vocabulary} pieces, byte fallback, digits one by one, NFC, in the format of",
        f"the `tokenizers` library. Of {compared} lines {differing} get other ids than from SentencePiece itself, none",
        "gets others in transformers.",
        "",
        "| source | texts read | license | note |",
        "|---|---|---|---|",
        *(
            f"| {name} | {tally.read} | {source.license} | {source.note} |"
            for (name, tally), source in zip(tallies.items(), sources, strict=True)
        ),
        "",
    ]
    return "\n".join(lines)


def curves(log: Sequence[Mapping[str, float]], metric: Metric, *, decay_from: int, title: str) -> bytes:
    """Return the picture (PNG) of the losses, of training and dev set, and of the dev score by step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, label, color in (("loss", "training loss", "#1f5fa8"), ("eval_loss", "dev loss", "#4f9d69")):
        losses = [(line["step"], line[name]) for line in log if name in line]
        marker = "." if len(losses) < _DOTTED else ""  # a line through one point is invisible
        axes.plot([step for step, _ in losses], [loss for _, loss in losses], color=color, marker=marker, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a token)")
    axes.set_title(title)
    axes.axvline(decay_from, color="#999999", linestyle=":", label="learning rate decay begins")
    evaluations = history([dict(line) for line in log], metric)
    if evaluations:
        right = axes.twinx()
        right.plot(*zip(*evaluations, strict=True), color="#c0571d", marker="o", label=f"dev {metric}")
        right.set_ylabel(f"{metric} of the dev set's start")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


_TONES = {"press": "as in hòa, thủy", "new": "as in hoà, thuỷ", "any": "as they came"}

_BY_NAME = [
    "In transformers use `AutoTokenizer`: `T5Tokenizer` builds the tokenizer without byte",
    "fallback, so that € and the like become unknown.",
]


def _use(stage: str, result: TrainingResult) -> list[str]:
    """Return how to use the result, with its calling conventions for those who use it without tomdich."""
    called = result.called
    listed = [
        f"the text behind `{called.prefix}`" if called.prefix else "no prefix",
        *(["the headline and ` | ` in front of the text"] if called.with_title else []),
        *([f"the first {called.lead} tokens at most"] if called.lead else []),
        *([f"answers begin with `{called.output_prefix}`"] if called.output_prefix else []),
    ]
    return [
        "In the config of a run, with the path of this folder:",
        "",
        f"    {stage}: {{model: ./this-folder}}",
        "",
        f"`tomdich` reads in this card's front matter how it is called: {'; '.join(listed)}.",
        *([] if result.base is not None else _BY_NAME),
    ]


def _head(front: Mapping[str, Any], title: str) -> list[str]:
    return ["---", yaml_core.dump(front, width=_FRONT_WIDTH).strip(), "---", f"# {title}", ""]


def _numbers(training: ModelTraining, scores: Sequence[Score]) -> list[str]:
    if not scores:
        return ["Not measured yet on the whole dev set."]
    how = f"as the training saw it (beams: {training.choose.beams}, {training.precision})"
    return [
        f"On the {scores[0].texts} texts of the dev set, {how}:",
        "",
        "| | score | 95 % interval | signature |",
        "|---|---|---|---|",
        *(f"| {s.name} | {s.value:.2f} | {s.low:.2f} – {s.high:.2f} | `{s.signature}` |" for s in scores),
    ]


def _row(facts: Mapping[str, Any], source: Pairs | Articles) -> str:
    left = "; ".join(f"{count} {reason}" for reason, count in facts["left_out"].items())
    cut = f"{facts['cut']} cut to their start" if facts["cut"] else ""
    repeated = f"{source.repeat} times an epoch" if source.repeat > 1 else ""
    listed = "; ".join(one for one in (left, cut, repeated) if one) or "–"
    return f"| {facts['name']} | {facts['read']} | {facts['used']} | {listed} | {source.license} | {source.note} |"


def _recipe(training: ModelTraining, result: TrainingResult) -> list[str]:
    shape, guided, schedule = training.model, training.guidance, training.schedule
    if result.base is not None:
        base = result.base
        name = f"the folder `{Path(base.name).name}`" if is_folder_name(base.name) else base.name
        at = f", commit {base.revision}" if base.revision else ""
        start = f"fine-tuned from {name}{at} (license: {base.license}; SHA-256 of its files: {base.digest})"
    else:
        assert shape is not None
        layers = f"{shape.encoder_layers} encoder and {shape.decoder_layers} decoder layers"
        start = f"T5 from scratch, width {shape.width}, {layers}, feed-forward {shape.feed_forward}"
    rate = f"{training.optimizer.kind}, learning rate {training.optimizer.lr:g}"
    used = ", ".join(f"{name} {version}" for name, version in libraries().items())
    falls, ends = schedule.decay_between
    early = f" of {ends}, ended where {training.choose.patience} evaluations brought nothing better"
    early_end = early if result.whole and result.step < ends else ""
    warmup = f"warm-up of {schedule.warmup} steps"
    lines = [
        f"`tomdich train` {__version__}: {start}; {result.parameters:,} parameters.",
        f"{result.step} steps{early_end}, of {training.batch_tokens} tokens; {rate}; {warmup}.",
        f"The learning rate falls to zero from step {falls} to {ends}.",
        f"The weights are {result.what}, in {training.weights}.",
        f"{result.seconds / 60:.0f} minutes on {result.device}, {training.precision}; {used}.",
    ]
    if guided is not None:
        lines.append(
            f"Word alignments guided {guided.heads} heads of the first decoder layer for {guided.steps} steps."
        )
    return [f"- {line}" for line in lines]
