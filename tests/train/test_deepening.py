"""A deeper T5 computes what the checkpoint computes, and its new layers learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import MarianConfig, MarianMTModel, T5Config, T5ForConditionalGeneration

from pipeline.errors import ConfigError
from pipeline.train.config import Deepen
from pipeline.train.deepening import _plan, deepened


@pytest.mark.parametrize(
    ("now", "wanted", "expected"),
    [
        (6, 8, [0, 1, 2, -2, 3, 4, -4, 5]),
        (2, 3, [0, -0, 1]),
        (2, 2, [0, 1]),
        (1, 3, [0, -0, -0]),
        (2, 6, [0, -0, -0, -0, -0, 1]),
    ],
)
def test_copies_stand_evenly_and_the_last_layer_stays_the_last(now: int, wanted: int, expected: list[int]) -> None:
    plan = _plan(now, wanted)
    assert [layer for layer, _ in plan] == [abs(layer) for layer in expected]
    assert sum(is_new for _, is_new in plan) == wanted - now


def small() -> Any:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "vocab_size": 60, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 2,
        "dropout_rate": 0.0, "decoder_start_token_id": 0, "tie_word_embeddings": True,
    }  # fmt: skip
    config = T5Config(**shape)
    return T5ForConditionalGeneration(config)


def test_the_outputs_are_the_same_and_the_new_layers_get_gradients() -> None:
    model = small()
    grown: Any = deepened(model, Deepen(encoder=5, decoder=4))
    assert (grown.config.num_layers, grown.config.num_decoder_layers) == (5, 4)
    ids, labels = torch.randint(2, 60, (3, 9)), torch.randint(2, 60, (3, 7))
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids, labels=labels).logits, grown(input_ids=ids, labels=labels).logits)
    grown(input_ids=ids, labels=labels).loss.backward()
    silent = [
        weight
        for name, weight in grown.named_parameters()
        if name.endswith((".o.weight", ".wo.weight")) and not weight.any()
    ]
    assert len(silent) == 2 * 2 + 2 * 3  # two matrices of a new encoder layer, three of a new decoder layer
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in silent)


def test_fewer_layers_and_other_models_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"deepen\.encoder: 2, but the checkpoint has 3 layers"):
        deepened(small(), Deepen(encoder=2, decoder=2))
    marian = MarianMTModel(
        MarianConfig(vocab_size=60, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                     decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=0, decoder_start_token_id=0)
    )  # fmt: skip
    with pytest.raises(ConfigError, match="deepen: is for T5, this is marian"):
        deepened(marian, Deepen(encoder=2, decoder=2))
