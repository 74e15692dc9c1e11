"""Add layers to a T5 without changing what it computes: copies of its layers with zero output projections.

A residual layer that adds nothing changes nothing, so training continues from the checkpoint's quality instead of from
scratch (Chen et al. 2016, Net2Net; Gong et al. 2019, stacking); the copied weights give the new layers something to
learn from at the first step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError
from pipeline.train.config import Deepen

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_OUTPUTS = (".o.weight", ".wo.weight")  # of attention and feed-forward: what a layer adds to the residual stream
_POSITIONS = "relative_attention_bias"  # only in the first layer of a stack


def deepened(model: PreTrainedModel, depth: Deepen) -> PreTrainedModel:
    """Return a float32 model of the same outputs as `model`, with as many layers as `depth` says.

    Raises `ConfigError` for another model than T5, and where the checkpoint has more layers already.
    """
    from transformers import T5ForConditionalGeneration

    config: Any = model.config
    if config.model_type != "t5":
        raise ConfigError(f"deepen: is for T5, this is {config.model_type}")
    wider = type(config)(**config.to_dict() | {"num_layers": depth.encoder, "num_decoder_layers": depth.decoder})
    layers = {"encoder": (config.num_layers, depth.encoder), "decoder": (config.num_decoder_layers, depth.decoder)}
    old = model.state_dict()
    weights = {name: weight for name, weight in old.items() if ".block." not in name}
    for stack, (now, wanted) in layers.items():
        if wanted < now:
            raise ConfigError(f"deepen.{stack}: {wanted}, but the checkpoint has {now} layers")
        for at, (layer, is_new) in enumerate(_plan(now, wanted)):
            weights |= _layer(old, stack, layer, at, is_new=is_new)
    grown: PreTrainedModel = T5ForConditionalGeneration(wider)
    grown.load_state_dict(weights)
    grown.generation_config = model.generation_config
    return grown


def _plan(now: int, wanted: int) -> list[tuple[int, bool]]:
    """Return for each new layer the old one that it is or copies: copies are evenly spaced, the last one stays."""
    added = wanted - now
    copied = [max(0, min(now - 2, (one + 1) * now // (added + 1))) for one in range(added)]
    return [part for layer in range(now) for part in [(layer, False), *[(layer, True)] * copied.count(layer)]]


def _layer(old: dict[str, torch.Tensor], stack: str, layer: int, at: int, *, is_new: bool) -> dict[str, torch.Tensor]:
    """Return the weights of an old layer under the name of the new one."""
    import torch

    begin = f"{stack}.block.{layer}."
    weights: dict[str, torch.Tensor] = {}
    for name, weight in old.items():
        if name.startswith(begin) and not (at and _POSITIONS in name):
            zero = is_new and name.endswith(_OUTPUTS)
            weights[f"{stack}.block.{at}.{name.removeprefix(begin)}"] = torch.zeros_like(weight) if zero else weight
    return weights
