"""A T5 as three ONNX graphs, for runtimes that have no generation loop of their own; and the loop, greedy.

`encoder` gives the states of a source, `cross` the keys and values each decoder layer makes of them, once, and `step`
the next token's logits with the keys and values so far. Batch and lengths are free.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel

from pipeline.checkpoints.weights import load

NAMES = ("encoder", "cross", "step")
Array = np.ndarray[Any, Any]
Graph = Callable[[dict[str, Array]], list[Array]]


class _Encoder(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.encoder

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        return self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state


class _Cross(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(block.layer[1].EncDecAttention for block in model.decoder.block)

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        layers: list[Any] = list(self.layers)
        shape = (*states.shape[:-1], -1, layers[0].key_value_proj_dim)
        return tuple(
            project(states).view(shape).transpose(1, 2).contiguous()
            for layer in layers
            for project in (layer.k, layer.v)
        )


class _Step(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder, self.head, self.config = model.decoder, model.lm_head, model.config

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, cross: list[torch.Tensor], past: list[torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        for layer in range(self.config.num_decoder_layers):
            at, then = 2 * layer, 2 * layer + 1
            cache.self_attention_cache.update(past[at], past[then], layer)
            cache.cross_attention_cache.update(cross[at], cross[then], layer)
            cache.is_updated[layer] = True
        states = self.decoder(
            input_ids=ids,
            # never read, as its keys and values are in the cache; its shape makes the mask
            encoder_hidden_states=torch.zeros(ids.shape[0], mask.shape[1], self.config.d_model),
            encoder_attention_mask=mask,
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        if self.config.scale_decoder_outputs:
            states = states * self.config.d_model**-0.5
        layers: list[Any] = list(cache.self_attention_cache.layers)
        present = [tensor for layer in layers for tensor in (layer.keys, layer.values)]
        return (self.head(states)[:, -1], *present)


def export(checkpoint: Path, folder: Path) -> None:
    """Write the three graphs of the checkpoint into `folder`, in float32; those that are there are left alone."""
    wanted = [name for name in NAMES if not (folder / f"{name}.onnx").exists()]
    if not wanted:
        return
    model = load(checkpoint, dtype="float32")
    model.set_attn_implementation("eager")  # the exporter of torch 2.13 fails on the layout of the other's results
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        _export(name, model, folder / f"{name}.onnx")


def _export(name: str, model: PreTrainedModel, path: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=512)
    length = torch.export.Dim("length", min=2, max=4096)
    past = torch.export.Dim("past", min=0, max=512)
    config: Any = model.config
    count, heads, width = 2 * config.num_decoder_layers, config.num_heads, config.d_kv
    mask = torch.ones(2, 9, dtype=torch.long)
    kept = [f"cross_{at}" for at in range(count)]
    module: torch.nn.Module
    inputs: tuple[Any, ...]
    match name:
        case "encoder":
            module, inputs = _Encoder(model), (torch.full((2, 9), 5), mask)
            takes, gives = ["ids", "mask"], ["states"]
            shapes: tuple[Any, ...] = ({0: batch, 1: length}, {0: batch, 1: length})
        case "cross":
            module, inputs = _Cross(model), (torch.zeros(2, 9, config.d_model),)
            takes, gives = ["states"], kept
            shapes = ({0: batch, 1: length},)
        case _:
            source, before = ([torch.zeros(2, heads, many, width) for _ in range(count)] for many in (9, 3))
            module, inputs = _Step(model), (torch.full((2, 1), 5), mask, source, before)
            takes = ["ids", "mask", *kept, *(f"past_{at}" for at in range(count))]
            gives = ["logits", *(f"present_{at}" for at in range(count))]
            free = [{0: batch, 2: length}] * count, [{0: batch, 2: past}] * count
            shapes = ({0: batch}, {0: batch, 1: length}, *free)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, of its future
        torch.onnx.export(
            module.eval(),
            inputs,
            path,
            input_names=takes,
            output_names=gives,
            dynamic_shapes=shapes,
            external_data=True,
            dynamo=True,
            verbose=False,
        )


def greedy(graphs: Sequence[Graph], ids: Array, mask: Array, *, tokens: int, start: int, end: int) -> Array:
    """Return exactly so many tokens for each row, never the end mark."""
    encoder, cross, step = graphs
    source = cross({"states": encoder({"ids": ids, "mask": mask})[0]})
    fixed = {"mask": mask, **{f"cross_{at}": array for at, array in enumerate(source)}}
    past = [array[:, :, :0] for array in source]  # as many heads, as wide
    said = [np.full(len(ids), start, np.int64)]
    for _ in range(tokens):
        inputs = {"ids": said[-1][:, None], **fixed, **{f"past_{at}": array for at, array in enumerate(past)}}
        logits, *past = step(inputs)
        logits[:, end] = -np.inf
        said.append(logits.argmax(-1))
    return np.stack(said[1:], axis=1)
