"""The one place where weights are read: never code of the checkpoint, never a pickle's objects, never half a model."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.checkpoints.checkpoint import ComputeType, Tokenizer
from pipeline.checkpoints.metadata import Facts
from pipeline.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load(folder: Path, *, dtype: Literal["float32", "bfloat16"]) -> PreTrainedModel:
    """Return the model in `folder`, on the CPU, for inference; raises `ModelError` when its weights are not usable."""
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
            weights_only=True,  # for .bin files; .safetensors are taken first where both are there
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
    if missing:  # transformers only warns, and fills them with noise
        raise ModelError(
            f"{folder}: lacks {len(missing)} of the model's weights, {missing[0]} first: the checkpoint is damaged, "
            "or of another architecture than its config.json says"
        )
    model.eval()
    loaded: PreTrainedModel = model
    return loaded


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What the converter asks of a transformers tokenizer."""

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
    folder: Path, *, facts: Facts, tokenizer: Tokenizer, start_id: int, compute_type: ComputeType, build_dir: Path
) -> None:
    """Write the CTranslate2 model of the checkpoint in `folder` into the folder `build_dir`.

    `start_id` is what the decoder starts with, but for mBART, whose start is a language code sent with each call.
    Raises `ModelError` when the weights cannot be read or the architecture cannot be converted.
    """
    from ctranslate2.converters import TransformersConverter  # type: ignore[import-untyped]

    pieces = [tokenizer.piece(number) for number in range(facts.vocab_size)]
    assert len(set(pieces)) == len(pieces), "two ids with one piece: CTranslate2 could not tell them apart"

    class Converter(TransformersConverter):  # type: ignore[misc] # the one way it takes another loader
        def load_model(self, _model_class: object, model_name_or_path: str, **_options: object) -> PreTrainedModel:
            model = load(Path(model_name_or_path), dtype="float32")
            if model.config.model_type in {"bart", "mbart"}:  # fixed in transformers; the converter asks the config
                model.config.normalize_before = model.config.model_type == "mbart"
                model.config.normalize_embedding = True
            if model.config.model_type in {"t5", "mt5"}:
                # The converter scales the decoder's outputs where the embeddings are tied. transformers 5 says "tied"
                # of every T5 and mT5, and keeps in another field whether this one scales; mT5 never does.
                model.config.tie_word_embeddings = getattr(model.config, "scale_decoder_outputs", False)
            # by this name the converter tells whether the decoder's start comes with each call
            model.config.tokenizer_class = "MBartTokenizer" if facts.family == "mbart" else "MBart50Tokenizer"
            model.config.decoder_start_token_id = start_id
            return model

        def load_tokenizer(self, *_asked: object, **_options: object) -> _Vocabulary:
            return _Vocabulary(
                pieces=pieces,
                pad_token=pieces[facts.pad_id],
                bos_token=pieces[facts.bos_id if facts.bos_id is not None else facts.pad_id],
                eos_token=pieces[facts.eos_id],
                unk_token=pieces[facts.unk_id],
                unk_token_id=facts.unk_id,
                special_tokens_map={},
            )

    try:
        Converter(str(folder)).convert(str(build_dir), quantization=compute_type, force=True)
    except (ValueError, NotImplementedError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder}: CTranslate2 cannot convert it: {error}; set `engine: transformers`") from error
