"""Guided alignment: train the cross-attention of the first decoder layer on alignments (Chen et al. 2016; Marian).

Two heads of the first decoder layer's cross-attention get a cross-entropy to the hard alignment. Without it a small T5
from scratch stayed a language model (the loss stuck near 5.2 after 1,800 steps); with it the loss passed 4.0 within
400. The attention itself stays on SDPA, which returns no weights: the heads' scores are computed again from the inputs
of the layer, by hooks before it. Only the batches of the guided steps hold an alignment, so no step is counted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError
from pipeline.train.batches import IGNORED, UNALIGNED
from pipeline.train.config import Guidance, Smoothing

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_FAR = -1e9  # a score to which a softmax gives no weight


class Guide:
    """The guided heads, and their inputs in the current step."""

    def __init__(self, model: PreTrainedModel, guidance: Guidance) -> None:
        """Register the hooks on a T5; raises `ConfigError` for another model or one with fewer heads."""
        if model.config.model_type not in {"t5", "mt5"}:
            raise ConfigError(f"guidance: is for T5, this is {model.config.model_type}; drop it")
        if guidance.heads > model.config.num_heads:
            raise ConfigError(f"guidance.heads: {guidance.heads}, but the model has {model.config.num_heads}")
        parts: Any = model
        self._attention: Any = parts.decoder.block[0].layer[1].EncDecAttention
        self._heads, self._size, self._weight = guidance.heads, model.config.d_kv, guidance.weight
        self._alignment: torch.Tensor | None = None
        self._mask: torch.Tensor | None = None
        self._seen: tuple[torch.Tensor, torch.Tensor] | None = None
        parts.register_forward_pre_hook(self._take, with_kwargs=True)
        self._attention.register_forward_pre_hook(self._keep_inputs, with_kwargs=True)

    def _take(self, _model: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Take the alignment out of the batch: the model does not accept it."""
        self._alignment = kwargs.pop("alignment", None)
        self._mask, self._seen = kwargs.get("attention_mask"), None
        return args, kwargs

    def _keep_inputs(self, _attention: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._alignment is not None:
            self._seen = (kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]), kwargs["key_value_states"]

    def loss(self) -> torch.Tensor | None:
        """Return the weighted cross-entropy of the current step, None where its batch has no alignment."""
        if self._alignment is None or self._seen is None or self._mask is None:
            return None
        from torch.nn.functional import linear

        decoder, encoder = (states.float() for states in self._seen)
        width = self._heads * self._size
        queries, keys = (
            linear(states, part.weight[:width].float()).view(*states.shape[:2], self._heads, self._size).transpose(1, 2)
            for states, part in ((decoder, self._attention.q), (encoder, self._attention.k))
        )
        scores = (queries @ keys.transpose(-1, -2)).masked_fill(self._mask[:, None, None] == 0, _FAR).log_softmax(-1)
        aligned = self._alignment != UNALIGNED
        places = self._alignment.clamp(max=scores.shape[-1] - 1)[:, None, :, None].expand(-1, self._heads, -1, -1)
        hits = scores.gather(-1, places).squeeze(-1) * aligned[:, None]
        found: torch.Tensor = -self._weight * hits.sum() / (self._heads * aligned.sum()).clamp(min=1)
        return found


class Loss:
    """The training loss: cross-entropy, smoothed from a step on, plus the loss of the guide."""

    def __init__(self, guide: Guide | None, smoothing: Smoothing | None) -> None:
        """Start at step 0; the Trainer's callback sets `step`."""
        self._guide, self._smoothing = guide, smoothing
        self.step = 0

    def __call__(
        self,
        outputs: Any,  # noqa: ANN401 - the model's
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,  # noqa: ARG002 - the Trainer gives it
    ) -> torch.Tensor:
        """Return the loss of one batch, as `compute_loss_func` of the Trainer."""
        from torch.nn.functional import cross_entropy

        smooth = self._smoothing.value if self._smoothing is not None and self.step >= self._smoothing.after else 0.0
        found: torch.Tensor = cross_entropy(
            outputs["logits"].flatten(0, 1), labels.flatten(), ignore_index=IGNORED, label_smoothing=smooth
        )
        guided = self._guide.loss() if self._guide is not None else None
        return found if guided is None else found + guided
