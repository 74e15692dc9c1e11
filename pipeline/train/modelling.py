"""Build the model that is trained, and export the result as a folder that the pipeline loads by path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.files import TOKENIZERS, read_json
from pipeline.checkpoints.metadata import read_metadata
from pipeline.checkpoints.weights import load
from pipeline.errors import EngineError, ModelError
from pipeline.records import JSON
from pipeline.train import state
from pipeline.train.coding import EOS, PAD, UNK, Coder
from pipeline.train.config import ModelTraining
from pipeline.train.deepening import deepened

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel

_WHOLE = "100GB"  # never in shards
_OF_BEAMS = ("length_penalty", "early_stopping")  # have no effect without beams, and transformers warns of them


def build(training: ModelTraining, coder: Coder) -> PreTrainedModel:
    """Return the model to train, float32, on the CPU: a T5 initialized with the training's seed, or the checkpoint."""
    import torch

    if coder.checkpoint is not None:
        model = load(coder.checkpoint.folder, dtype="float32")
        return model if training.deepen is None else deepened(model, training.deepen)
    from transformers import T5Config, T5ForConditionalGeneration

    shape = training.model
    assert shape is not None
    torch.manual_seed(training.seed)
    fields: dict[str, Any] = {  # Any: the config accepts more than its signature declares
        "vocab_size": coder.size,
        "d_model": shape.width,
        "d_kv": shape.head_width,
        "d_ff": shape.feed_forward,
        "num_layers": shape.encoder_layers,
        "num_decoder_layers": shape.decoder_layers,
        "num_heads": shape.heads,
        "dropout_rate": shape.dropout,
        "feed_forward_proj": shape.activation,
        "tie_word_embeddings": True,
        "pad_token_id": coder.pad,
        "eos_token_id": coder.eos,
        "decoder_start_token_id": coder.start,
    }
    return T5ForConditionalGeneration(T5Config(**fields))


def evaluation_config(training: ModelTraining, coder: Coder) -> GenerationConfig:
    """Return the generation config of evaluations: that of the result, except for the number of beams."""
    from transformers import GenerationConfig

    values = _generation(training, coder) | {"num_beams": training.choose.beams}
    if training.choose.beams == 1:
        values = {name: value for name, value in values.items() if name not in _OF_BEAMS}
    marian = coder.checkpoint is not None and coder.checkpoint.family == "marian"
    return GenerationConfig(  # type: ignore[no-untyped-call]
        **values,
        do_sample=False,
        use_cache=True,  # the Trainer turns it off in the model's config during training
        suppress_tokens=[coder.pad] if marian else None,  # see engines.with_transformers
    )


def export(
    training: ModelTraining, coder: Coder, weights: Mapping[str, torch.Tensor], *, files: Mapping[str, bytes]
) -> Path:
    """Return the folder `model/` with these weights, the tokenizer, the generation values and `files`.

    The folder is replaced whole, after the pipeline has examined the new one. Raises `EngineError` where a weight is
    not finite or does not fit float16.
    """
    import torch

    model: Any = build(training, coder)
    model.load_state_dict(weights)
    model.to(getattr(torch, training.weights))
    broken = [name for name, weight in model.state_dict().items() if not torch.isfinite(weight).all()]
    if broken:
        raise EngineError(f"{broken[0]}: a value is not finite in {training.weights}; set `weights: float32`")
    target = training.home / state.RESULT
    build_dir = state.build_dir(target)
    model.save_pretrained(build_dir, max_shard_size=f"{training.shard_mb}MB" if training.shard_mb else _WHOLE)
    # written here, not by transformers, which adds values of its own
    state.write_json(build_dir / "generation_config.json", _generation(training, coder))
    _copy_tokenizer(training, coder, build_dir)
    for name, content in files.items():
        (build_dir / name).write_bytes(content)
    try:
        read_metadata(build_dir)
    except ModelError as error:
        raise EngineError(f"the result cannot be used by the pipeline: {error}") from error
    state.put(build_dir, target)
    return target


def _copy_tokenizer(training: ModelTraining, coder: Coder, build_dir: Path) -> None:
    """Copy the tokenizer's files; their longest source is the one of the training."""
    settings: dict[str, JSON]
    if coder.checkpoint is not None:
        for name in TOKENIZERS:
            if (coder.checkpoint.folder / name).is_file():
                shutil.copyfile(coder.checkpoint.folder / name, build_dir / name)
        settings = read_json(build_dir / "tokenizer_config.json")
    else:
        assert coder.tokenizer is not None
        shutil.copyfile(coder.tokenizer, build_dir / "tokenizer.json")
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        settings |= {"pad_token": PAD, "eos_token": EOS, "unk_token": UNK}
    state.write_json(build_dir / "tokenizer_config.json", settings | {"model_max_length": training.lengths.source})


def _generation(training: ModelTraining, coder: Coder) -> dict[str, JSON]:
    """Return the generation values of the result: the config's, else the fine-tuned checkpoint's."""
    scratch: dict[str, JSON] = {"max_new_tokens": training.lengths.target, "num_beams": 1}
    values = dict(coder.checkpoint.generation) if coder.checkpoint is not None else scratch
    values |= training.generation.model_dump(exclude_none=True)
    if values.get("num_beams", 1) == 1:
        values = {name: value for name, value in values.items() if name not in _OF_BEAMS}
    special = {"decoder_start_token_id": coder.start, "pad_token_id": coder.pad, "eos_token_id": coder.eos}
    return values | special
