"""Which engine, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.checkpoints.checkpoint import ComputeType, Device, EngineKind
from pipeline.checkpoints.generation import ctranslate2_obstacle
from pipeline.config import Stage
from pipeline.errors import ConfigError
from pipeline.records import JSON


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and what it computes in; never "auto"."""

    engine: EngineKind
    compute_type: ComputeType


def choose(
    stage: Stage, values: Mapping[str, JSON], *, device: Device, deterministic: bool, warn: Callable[[str], None]
) -> Choice:
    """Return the engine and its arithmetic for a stage with these effective generation values.

    `auto` takes CTranslate2 on the CPU where it can answer alike, in int8; transformers elsewhere, in bfloat16 on
    CUDA (its wheels look for CUDA 12 libraries that torch of today does not bring) and float32 otherwise.
    Raises `ConfigError` for what cannot be had together.
    """
    asked = stage.compute_type
    if deterministic and asked not in {"auto", "float32"}:
        raise ConfigError(f"compute_type: {asked} with `deterministic: true`, which computes in float32; drop one")
    engine = _engine(stage, ctranslate2_obstacle(values), device=device, warn=warn)
    if engine == "transformers" and asked == "int8":
        raise ConfigError("compute_type: int8 is for `engine: ctranslate2`; transformers takes float32 or bfloat16")
    if asked != "auto":
        return Choice(engine, asked)
    if deterministic:
        return Choice(engine, "float32")
    if engine == "ctranslate2":
        return Choice(engine, "int8" if device == "cpu" else "bfloat16")
    return Choice(engine, "bfloat16" if device == "cuda" else "float32")


def _engine(stage: Stage, obstacle: str | None, *, device: Device, warn: Callable[[str], None]) -> EngineKind:
    if stage.engine == "ctranslate2":
        if device == "mps":
            raise ConfigError("runtime.device: mps is not for ctranslate2; use `auto` or `cpu`")
        if obstacle is not None:
            warn(f"{stage.model}: ctranslate2 is asked for, and will not answer as transformers would: {obstacle}")
        return "ctranslate2"
    if stage.engine != "auto" or device != "cpu" or stage.compute_type == "bfloat16":
        return "transformers"
    if obstacle is None:
        return "ctranslate2"
    if stage.compute_type == "int8":
        raise ConfigError(f"compute_type: int8 is ctranslate2's, and {obstacle}; or say `engine: ctranslate2` as well")
    warn(f"{stage.model}: runs on transformers, several times slower here than ctranslate2: {obstacle}")
    return "transformers"
