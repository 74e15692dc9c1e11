"""The one place where weights are read: never code of the checkpoint, never a pickle's objects, never half a model."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Literal

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
