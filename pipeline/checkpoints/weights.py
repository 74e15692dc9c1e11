"""Load the weights of a checkpoint, and convert them for CTranslate2.

No code of the checkpoint is run and no pickled object is created; a checkpoint that lacks weights is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.checkpoints.checkpoint import ComputeType, Tokenizer
from pipeline.checkpoints.metadata import Metadata
from pipeline.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load(folder: Path, *, dtype: Literal["float32", "bfloat16"]) -> PreTrainedModel:
    """Return the model in `folder`, on the CPU, for inference; raises `ModelError` for unusable weights."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSeq2SeqLM
    from transformers.utils import logging

    bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, info = AutoModelForSeq2SeqLM.from_pretrained(
            folder,
            dtype=torch.float32 if dtype == "float32" else torch.bfloat16,
            attn_implementation="sdpa",
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,  # for .bin files; safetensors are preferred if both exist
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: the weights cannot be loaded: {error}; copy or download the checkpoint again, as "
            "safetensors if there is a choice"
        ) from error
    finally:
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    missing = sorted(info["missing_keys"])
    if missing:  # transformers only warns, and initializes them at random
        raise ModelError(
            f"{folder}: lacks {len(missing)} of the model's weights, {missing[0]} first: it is damaged, or config.json "
            "is of another architecture; copy or download the checkpoint again"
        )
    model.eval()
    loaded: PreTrainedModel = model
    return loaded


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The part of a transformers tokenizer that CTranslate2's converter uses."""

    pieces: list[str]
    pad_token: str
    bos_token: str
    eos_token: str
    unk_token: str
    unk_token_id: int
    special_tokens_map: Mapping[str, object]

    def get_vocab(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.pieces)}

    def convert_ids_to_tokens(self, number: int) -> str:
        return self.pieces[number]


def convert(
    folder: Path, *, metadata: Metadata, tokenizer: Tokenizer, start_id: int, compute_type: ComputeType, build_dir: Path
) -> None:
    """Write the CTranslate2 model of the checkpoint in `folder` into the folder `build_dir`.

    The converter would load the tokenizer by transformers, which can give a wrong vocabulary; it gets the pieces of
    `tokenizer` instead, which are those that `Checkpoint.tokens` sends. `start_id` is the decoder's start token (unused
    for mBART, which gets a language code with each call). Raises `ModelError` if the weights cannot be read or the
    architecture is not supported.
    """
    from ctranslate2.converters import TransformersConverter  # type: ignore[import-untyped]

    pieces = [tokenizer.piece(number) for number in range(metadata.vocab_size)]
    assert len(set(pieces)) == len(pieces), "two ids with one piece: CTranslate2 could not tell them apart"

    class Converter(TransformersConverter):  # type: ignore[misc] # subclassing is the only way to change its loaders
        def load_model(self, _model_class: object, model_name_or_path: str, **_options: object) -> PreTrainedModel:
            model = load(Path(model_name_or_path), dtype="float32")
            if model.config.model_type in {
                "bart",
                "mbart",
            }:  # constant in transformers; the converter reads it from the config
                model.config.normalize_before = model.config.model_type == "mbart"
                model.config.normalize_embedding = True
            if model.config.model_type in {"t5", "mt5"}:
                # The converter scales the decoder's outputs if the embeddings are tied. transformers 5 sets "tied"
                # for every T5 and mT5 and has another field for the scaling; mT5 never scales.
                model.config.tie_word_embeddings = getattr(model.config, "scale_decoder_outputs", False)
            # by this name the converter decides whether each call gives the decoder's start token
            model.config.tokenizer_class = "MBartTokenizer" if metadata.family == "mbart" else "MBart50Tokenizer"
            model.config.decoder_start_token_id = start_id
            return model

        def load_tokenizer(self, *_asked: object, **_options: object) -> _Vocabulary:
            return _Vocabulary(
                pieces=pieces,
                pad_token=pieces[metadata.pad_id],
                bos_token=pieces[metadata.bos_id if metadata.bos_id is not None else metadata.pad_id],
                eos_token=pieces[metadata.eos_id],
                unk_token=pieces[metadata.unk_id],
                unk_token_id=metadata.unk_id,
                special_tokens_map={},
            )

    try:
        Converter(str(folder)).convert(str(build_dir), quantization=compute_type, force=True)
    except (ValueError, NotImplementedError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder}: CTranslate2 cannot convert it: {error}; set `engine: transformers`") from error
