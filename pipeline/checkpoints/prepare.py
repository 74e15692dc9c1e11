"""From a stage of the config to a checkpoint that an engine can open.

Order matters: what is wrong with the config is told before anything is downloaded, the licence before anything is
computed. What is found out is kept under the weights' digest (`metadata`), so that a second time imports neither torch
nor transformers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pipeline import catalog, extractive
from pipeline.checkpoints import device as devices
from pipeline.checkpoints import metadata
from pipeline.checkpoints.checkpoint import CONVERSION_VERSION, Checkpoint
from pipeline.checkpoints.files import CACHE_REMEDY, build_folder, folder_digest
from pipeline.checkpoints.locate import locate, require_license
from pipeline.checkpoints.settings import assemble, choose, effective_generation, effective_values
from pipeline.checkpoints.tokenizers import WordTokenizer
from pipeline.checkpoints.weights import convert
from pipeline.config import Runtime, Stage
from pipeline.ids import text_digest
from pipeline.storage.disk_errors import on_disk, require_access

FAKE_DIGEST = text_digest("fake-1")
FAKE_BUDGET = 256
_UNKNOWN_SHARE = 0.05  # of <unk> among ordinary sentences' tokens: above it the tokenizer is not for our languages


def prepare(
    stage: Stage,
    *,
    runtime: Runtime,
    deterministic: bool,
    reproducible: Literal["warn", "strict"],
    cache: Path,
    warn: Callable[[str], None],
) -> Checkpoint:
    """Return the checkpoint of `stage`: found or downloaded, checked, converted where its engine needs that.

    `cache` keeps what was found out. `warn` is told of each thing a person should know. Raises `ModelError`,
    `LicenseError` or `ConfigError`, each with its remedy.
    """
    with on_disk(cache, remedy=CACHE_REMEDY):
        checkpoint = _prepare(
            stage,
            runtime=runtime,
            deterministic=deterministic,
            reproducible=reproducible,
            cache=cache,
            warn=warn,
            only_ready=False,
        )
    assert checkpoint is not None
    return checkpoint


def ready(
    stage: Stage,
    *,
    runtime: Runtime,
    deterministic: bool,
    reproducible: Literal["warn", "strict"],
    cache: Path,
    warn: Callable[[str], None],
) -> Checkpoint | None:
    """Return the checkpoint of `stage` if an earlier `prepare` left nothing to do, else None.

    Downloads and converts nothing, imports neither torch nor transformers. Raises as `prepare` does for what is wrong
    with the config itself (no such folder, licence not accepted).
    """
    with on_disk(cache, remedy=CACHE_REMEDY):
        return _prepare(
            stage,
            runtime=runtime,
            deterministic=deterministic,
            reproducible=reproducible,
            cache=cache,
            warn=warn,
            only_ready=True,
        )


def _prepare(
    stage: Stage,
    *,
    runtime: Runtime,
    deterministic: bool,
    reproducible: Literal["warn", "strict"],
    cache: Path,
    warn: Callable[[str], None],
    only_ready: bool,
) -> Checkpoint | None:
    if stage.engine == "fake":
        return _fake(stage, deterministic=deterministic)
    if stage.model in catalog.MODEL_FREE:
        return _model_free(stage)
    device = devices.resolve(runtime.device)
    where = locate(stage, reproducible=reproducible, cache=cache, warn=warn, only_ready=only_ready)
    if where is None:
        return None
    digest = folder_digest(where.folder, cache=cache)
    name = f"{digest[:32]}-{CONVERSION_VERSION}"
    note = cache / "prepared" / f"{name}.json"
    facts = metadata.remembered(note)
    if facts is None:
        if only_ready:
            return None
        facts = metadata.examine(where.folder)
        metadata.remember(facts, note)
    if facts.unknown_share > _UNKNOWN_SHARE:
        warn(
            f"{stage.model}: {facts.unknown_share:.0%} of ordinary Vietnamese and English text is unknown to its "
            "tokenizer; its answers will show it"
        )
    tokenizer = metadata.tokenizer(facts, where.folder)
    effective = effective_values(stage, where, facts, warn=warn)
    choice = choose(stage, device=device, deterministic=deterministic)
    checkpoint = assemble(
        stage,
        where,
        facts,
        tokenizer=tokenizer,
        effective=effective,
        choice=choice,
        device=device,
        deterministic=deterministic,
        digest=digest,
        warn=warn,
    )
    if choice.engine != "ctranslate2":
        return checkpoint
    converted = note.with_name(f"{name}-ct2-{choice.compute_type}-{checkpoint.decoder_start_id}")
    if not converted.is_dir():
        if only_ready:
            return None
        build_folder(
            converted,
            lambda build_dir: convert(
                where.folder,
                facts=facts,
                tokenizer=tokenizer,
                start_id=checkpoint.decoder_start_id,
                compute_type=choice.compute_type,
                build_dir=build_dir,
            ),
        )
    require_access(converted, os.R_OK | os.X_OK)
    return replace(checkpoint, converted=converted)


def _fake(stage: Stage, *, deterministic: bool) -> Checkpoint:
    """Return the checkpoint of the fake engine: every word is a token, nothing stands around a text."""
    effective = effective_generation(stage.generation, catalog={}, checkpoint={})
    tokenizer = WordTokenizer()
    prefix = stage.prefix or ""
    max_source = stage.max_source_tokens or FAKE_BUDGET
    if stage.lead:
        max_source = min(max_source, stage.lead)
    return Checkpoint(
        name=stage.model,
        revision="",
        folder=Path(),
        digest=FAKE_DIGEST,
        family="fake",
        license="none",
        engine="fake",
        compute_type="float32",
        device="cpu",
        prefix=prefix,
        output_prefix=stage.output_prefix or "",
        tone_style=stage.tone_style or "any",
        word_segmented=False,
        with_title=bool(stage.with_title),
        lead_only=bool(stage.lead),
        max_source=max_source,
        budget=max_source - len(prefix.split()),
        deterministic=deterministic,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        decoder_start_id=0,
        forced_bos_id=None,
        vocab_size=3,
        generation=effective.values,
        origins=effective.origins,
        tokenizer=tokenizer,
        converted=None,
    )


def _model_free(stage: Stage) -> Checkpoint:
    """Return what stands for a summarizer without a model: its name, licence and identity; no engine opens it."""
    entry = catalog.find(stage.model)
    assert entry is not None
    require_license(stage, entry.license)
    return replace(
        _fake(stage, deterministic=False),  # the fields of a model are idle in both
        digest=extractive.fingerprint(extractive.method(stage.model)),
        family=entry.family,
        license=entry.license,
        engine="extractive",
        max_source=0,
        budget=0,
        generation={"sentences": stage.sentences or extractive.SENTENCES},
        origins={"sentences": "default" if stage.sentences is None else "config"},
    )
