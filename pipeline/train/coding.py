"""Encode text to the ids a model is trained on, with the same code as in use.

From scratch it is the tokenizer alone; for fine-tuning the prepared checkpoint, with its prefix and its end marks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.checkpoints import Checkpoint, prepare
from pipeline.checkpoints.locate import CallingConventions
from pipeline.checkpoints.metadata import read_metadata
from pipeline.checkpoints.tokenizers import JsonTokenizer, PieceTokenizer
from pipeline.config import Runtime, Stage
from pipeline.errors import ConfigError, ModelError
from pipeline.ids import digest
from pipeline.train.config import ModelTraining

Rows = list[list[int]]
PAD, EOS, UNK = "<pad>", "</s>", "<unk>"  # T5's, and our tokenizers'
_FAMILIES = ("t5", "mt5", "marian")


@dataclass(frozen=True, slots=True)
class Coder:
    """Text to ids and back, as the model is trained on them."""

    source: Callable[[Sequence[str]], Rows]  # prefix and end mark counted
    target: Callable[[Sequence[str]], Rows]  # end mark counted
    decode: Callable[[Sequence[Sequence[int]]], list[str]]
    size: int  # of the vocabulary
    pad: int
    eos: int
    start: int  # what the decoder starts with
    digest: str  # of everything that changes the ids
    called: CallingConventions = field(default_factory=CallingConventions)  # with which prefixes
    tokenizer: Path | None = None  # from scratch: the tokenizer.json
    checkpoint: Checkpoint | None = None  # for fine-tuning


def coder(training: ModelTraining) -> Coder:
    """Return the coder of a training; raises `ModelError` or `ConfigError` where what it needs is not there."""
    if training.tokenizer is not None:
        return _of_tokenizer(Path(training.tokenizer), prefix=training.prefix or "")
    assert training.init_from is not None
    stage = Stage(
        model=training.init_from,
        revision=training.revision,
        engine="transformers",
        compute_type="float32",
        prefix=training.prefix,
        accept_license=training.accept_license,
    )
    try:
        checkpoint = prepare(
            stage,
            runtime=Runtime(device="cpu"),
            deterministic=False,
            reproducible="warn",
            cache=training.home / "cache",
        )
    except ModelError as error:
        raise ModelError(f"init_from: {error}") from None
    if checkpoint.family not in _FAMILIES:
        raise ModelError(
            f"init_from: {training.init_from} is {checkpoint.family}; only T5, mT5 and Marian checkpoints are trained"
        )
    if training.lengths.source > checkpoint.max_source and checkpoint.family == "marian":
        raise ConfigError(f"lengths.source: {training.lengths.source}, but the model ends at {checkpoint.max_source}")
    return _of_checkpoint(checkpoint)


def _of_tokenizer(path: Path, *, prefix: str) -> Coder:
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            f"tokenizer: {file} is not there; `tomdich train` with a config of `task: tokenizer` makes one"
        )
    reader = JsonTokenizer(file, unk_piece=UNK)
    pad, eos, unk = (reader.find(piece) for piece in (PAD, EOS, UNK))
    if pad is None or eos is None or unk is None:
        raise ModelError(f"{file}: has no {PAD}, {EOS} and {UNK}; make one with a config of `task: tokenizer`")

    def target(texts: Sequence[str]) -> Rows:
        return [[*row, eos] for row in reader.encode(texts)]

    def source(texts: Sequence[str]) -> Rows:
        return target([prefix + text for text in texts] if prefix else texts)

    def decode(rows: Sequence[Sequence[int]]) -> list[str]:
        return [text.strip() for text in reader.decode([[one for one in row if one not in {pad, eos}] for row in rows])]

    identity = digest({"tokenizer": json.loads(file.read_text(encoding="utf-8")), "prefix": prefix})
    called = CallingConventions(prefix=prefix)
    return Coder(source, target, decode, reader.size(), pad, eos, pad, identity, called, tokenizer=file)


def _of_checkpoint(checkpoint: Checkpoint) -> Coder:
    tokenizer = checkpoint.tokenizer
    facts = read_metadata(checkpoint.folder)
    if facts.target is not None and facts.ids is not None:  # Marian: the target side has a model of its own
        tokenizer = PieceTokenizer(checkpoint.folder / facts.target, ids=facts.ids, unk_id=facts.unk_id)

    def target(texts: Sequence[str]) -> Rows:
        whole = [checkpoint.output_prefix + text for text in texts]
        return [[*row, checkpoint.eos_id] for row in tokenizer.encode(whole)]

    return Coder(
        checkpoint.encode,
        target,
        checkpoint.decode,
        checkpoint.vocab_size,
        checkpoint.pad_id,
        checkpoint.eos_id,
        checkpoint.decoder_start_id,
        digest({"checkpoint": checkpoint.digest, "prefix": checkpoint.prefix}),
        CallingConventions(prefix=checkpoint.prefix, output_prefix=checkpoint.output_prefix),
        checkpoint=checkpoint,
    )
