"""Prepare checkpoints: find or download them, verify, convert, and open the tokenizer.

    stage ──locate──▶ folder ──read_metadata──▶ Metadata ──┬───────────▶ Checkpoint ──▶ engines
     (catalog, hub)             (cached)                   └──convert (cached)──┘

Only the conversion, and the first reading of a tokenizer whose folder does not list its language codes, import torch
and transformers.
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
from pipeline.checkpoints.files import CACHE_REMEDY, default_cache
from pipeline.checkpoints.locate import ListedModel, list_models, pin, pull
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
    "ListedModel",
    "Tokenizer",
    "default_cache",
    "list_models",
    "pin",
    "prepare",
    "pull",
    "ready",
]
