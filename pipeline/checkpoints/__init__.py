"""Checkpoints: found, verified, checked, converted, their tokens counted; the only way from a config to an engine.

    stage ──locate──▶ folder ──examine──▶ facts ──┬──────────────▶ Checkpoint ──▶ engines
     (catalog, hub)            (once, kept)       └──convert (once, kept)──┘

Nothing here imports torch or transformers but the first examination of some tokenizers and the conversion.
"""

from __future__ import annotations

from pipeline.catalog import Family
from pipeline.checkpoints.checkpoint import (
    ENCODING_VERSION,
    OTHER_SEARCH,
    Checkpoint,
    ComputeType,
    Device,
    EngineKind,
    Tokenizer,
)
from pipeline.checkpoints.files import CACHE_REMEDY
from pipeline.checkpoints.locate import Row, list_models, pin, pull
from pipeline.checkpoints.prepare import FAKE_BUDGET, FAKE_DIGEST, prepare, ready

__all__ = [
    "CACHE_REMEDY",
    "ENCODING_VERSION",
    "FAKE_BUDGET",
    "FAKE_DIGEST",
    "OTHER_SEARCH",
    "Checkpoint",
    "ComputeType",
    "Device",
    "EngineKind",
    "Family",
    "Row",
    "Tokenizer",
    "list_models",
    "pin",
    "prepare",
    "pull",
    "ready",
]
