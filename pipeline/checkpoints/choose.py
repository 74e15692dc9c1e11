"""Which engine, and in which arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.checkpoints.checkpoint import ComputeType, Device, EngineKind
from pipeline.config import Stage
from pipeline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and what it computes in; never "auto"."""

    engine: EngineKind
    compute_type: ComputeType


def choose(stage: Stage, *, device: Device, deterministic: bool) -> Choice:
    """Return the engine and its arithmetic for a stage.

    `auto` takes CTranslate2 on the CPU, in int8, whatever the generation values: a change of the search must not change
    the arithmetic with it (`generation.search_differences` says how the search differs). Elsewhere it takes
    transformers, in bfloat16 on CUDA (CTranslate2's wheels look for CUDA 12 libraries that torch of today does not
    bring) and float32 otherwise. A named engine is never replaced.
    Raises `ConfigError` for what cannot be had together.
    """
    asked = stage.compute_type
    if deterministic and asked not in {"auto", "float32"}:
        raise ConfigError(f"compute_type: {asked} with `deterministic: true`, which computes in float32; drop one")
    engine = _engine(stage, device=device)
    if engine == "transformers" and asked == "int8":
        raise ConfigError("compute_type: int8 is for `engine: ctranslate2`; transformers takes float32 or bfloat16")
    if engine == "ctranslate2" and asked == "bfloat16":
        _require_bfloat16(device)
    if asked != "auto":
        return Choice(engine, asked)
    if deterministic:
        return Choice(engine, "float32")
    if engine == "ctranslate2":
        return Choice(engine, "int8" if device == "cpu" else "bfloat16")
    return Choice(engine, "bfloat16" if device == "cuda" else "float32")


def _engine(stage: Stage, *, device: Device) -> EngineKind:
    if stage.engine == "ctranslate2":
        if device == "mps":
            raise ConfigError("runtime.device: mps is not for ctranslate2; use `auto` or `cpu`")
        return "ctranslate2"
    if stage.engine != "auto" or device != "cpu" or stage.compute_type == "bfloat16":
        return "transformers"
    return "ctranslate2"


def _require_bfloat16(device: Device) -> None:
    """Raise `ConfigError` where CTranslate2 cannot compute in bfloat16, before anything is converted for it."""
    import ctranslate2  # type: ignore[import-untyped]

    if "bfloat16" not in ctranslate2.get_supported_compute_types(device):
        raise ConfigError(
            f"compute_type: bfloat16 with `engine: ctranslate2`: CTranslate2 cannot compute in it on this {device}; "
            "take int8 or float32, or `engine: transformers`"
        )
