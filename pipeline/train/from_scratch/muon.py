"""Build the optimizer of a T5 from scratch: Muon for the hidden matrices, AdamW for the rest, in one object.

T5 starts its embeddings at a standard deviation of 1 and its matrices at 1/√width, so one rate cannot serve all under
AdamW (the loss stood at 5.26 after 40 minutes). Muon's update is an orthogonal matrix: with torch's scaling its root
mean square is lr times what T5's k, v, o, wi and wo start with, at every width, so `lr: 0.01` moves each by 1 % a step.
T5's q alone starts √head_width times smaller, because it holds the 1/√d that T5 leaves out of its attention: under the
common rate the cross-attention never settled (the loss was near a language model's after 1,800 steps). So q gets
lr/√head_width. Embeddings, norms and relative position biases are not linear maps and use AdamW.

torch's Muon orthogonalizes in bfloat16, whatever the training computes in. A CPU without AVX-512 has no fast bfloat16
product (see `device.cpu_has_fast_bfloat16`), so a training in float32 takes `Float32Muon`, the same in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError
from pipeline.train.config import Optimizer as Settings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_BETAS = (0.9, 0.98)  # Vaswani et al. 2017
_MOMENTUM = 0.95  # Jordan et al. 2024, and five Newton-Schulz steps, torch's default


def muon_and_adamw(model: PreTrainedModel, settings: Settings, *, in_bfloat16: bool) -> torch.optim.Optimizer:
    """Return the optimizer of a T5 model; raises `ConfigError` for another model, and where torch has no Muon.

    `in_bfloat16`: the products that make an update orthogonal.
    """
    import torch

    if model.config.model_type not in {"t5", "mt5"}:
        raise ConfigError(f"optimizer.kind: muon is for T5, this is {model.config.model_type}; take adafactor or adamw")
    if not hasattr(torch.optim, "Muon"):
        raise ConfigError(f"optimizer.kind: muon needs torch 2.9, this is {torch.__version__}; take adafactor or adamw")
    queries: list[torch.nn.Parameter] = []
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.ndim != 2 or any(part in name for part in ("shared", "embed", "relative", "lm_head")):  # noqa: PLR2004
            others.append(parameter)
        elif name.endswith("Attention.q.weight"):
            queries.append(parameter)
        else:
            matrices.append(parameter)
    kind = torch.optim.Muon if in_bfloat16 else _float32_muon()
    muon = kind(
        [
            {"params": matrices, "lr": settings.lr},
            {"params": queries, "lr": settings.lr / model.config.d_kv**0.5},
        ],
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        momentum=_MOMENTUM,
    )
    adamw = torch.optim.AdamW(others, lr=settings.embedding_lr, betas=_BETAS, weight_decay=0.0)
    return _joined(muon, adamw)


def _float32_muon() -> type[torch.optim.Muon]:
    """Return torch's Muon with its Newton-Schulz steps in float32: the same fields, state and update otherwise."""
    import torch

    class Float32Muon(torch.optim.Muon):
        @torch.no_grad()
        def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
            assert closure is None
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is None:
                        continue
                    buffer = self.state[weight].setdefault("momentum_buffer", torch.zeros_like(weight.grad))
                    buffer.lerp_(weight.grad, 1 - group["momentum"])
                    update = weight.grad.lerp(buffer, group["momentum"])  # Nesterov
                    rows, columns = weight.shape
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    rate = group["lr"] * max(1, rows / columns) ** 0.5
                    weight.add_(_orthogonal(update, group), alpha=-rate)

    return Float32Muon


def _orthogonal(update: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """Return the orthogonal matrix nearest `update`, roughly, by Newton-Schulz steps (Jordan et al. 2024)."""
    import torch

    a, b, c = group["ns_coefficients"]
    is_tall = update.size(0) > update.size(1)
    found = update.T if is_tall else update
    found = found / found.norm().clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.T if is_tall else found


def _joined(first: torch.optim.Optimizer, second: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return two optimizers as one: accelerate and the schedule know a single object with parameter groups."""
    import torch

    class Joined(torch.optim.Optimizer):
        def __init__(self) -> None:
            parameters = [one for part in (first, second) for group in part.param_groups for one in group["params"]]
            super().__init__(parameters, {})
            self._share()

        def _share(self) -> None:
            # the same dictionaries: the schedule's changes reach both optimizers
            self.param_groups = [*first.param_groups, *second.param_groups]

        def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
            assert closure is None
            first.step()
            second.step()

        def zero_grad(self, set_to_none: bool = True) -> None:
            first.zero_grad(set_to_none)
            second.zero_grad(set_to_none)

        def state_dict(self) -> dict[str, Any]:
            return {"first": first.state_dict(), "second": second.state_dict()}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            first.load_state_dict(state_dict["first"])
            second.load_state_dict(state_dict["second"])
            self._share()  # loading makes new dictionaries

    return Joined()
