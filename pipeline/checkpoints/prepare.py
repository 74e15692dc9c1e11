"""Turn a stage of the config into a prepared checkpoint.

Errors of the config are raised before the download, and license errors before any computation. The metadata and the
conversion are cached under the digest of the checkpoint, so a second run imports neither torch nor transformers.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pipeline import catalog, extractive
from pipeline.checkpoints import device as devices
from pipeline.checkpoints.checkpoint import CONVERSION_VERSION, Checkpoint, Device
from pipeline.checkpoints.files import CACHE_REMEDY, build_folder, folder_digest
from pipeline.checkpoints.locate import locate, require_license
from pipeline.checkpoints.metadata import Metadata, load_metadata, open_tokenizer, read_metadata, save_metadata
from pipeline.checkpoints.settings import (
    EngineChoice,
    assemble,
    choose_engine,
    effective_generation,
    resolve_generation,
)
from pipeline.checkpoints.task import told_task
from pipeline.checkpoints.tokenizers import WordTokenizer
from pipeline.checkpoints.weights import convert
from pipeline.config import Runtime, Stage, TranslateStage
from pipeline.errors import ConfigError
from pipeline.ids import text_digest
from pipeline.storage.disk_errors import on_disk, require_access

_log = logging.getLogger(__name__)

FAKE_DIGEST = text_digest("fake-1")
FAKE_BUDGET = 256
_UNKNOWN_SHARE = 0.05  # above this share of <unk> the tokenizer was not made for Vietnamese or English


def prepare(
    stage: Stage,
    *,
    runtime: Runtime,
    deterministic: bool,
    reproducible: Literal["warn", "strict"],
    cache: Path,
) -> Checkpoint:
    """Return the checkpoint of `stage`: located or downloaded, checked, and converted if its engine needs that.

    `cache` is the folder of metadata and conversions; what the user should know is logged. Raises `ModelError`,
    `LicenseError` or `ConfigError`.
    """
    with on_disk(cache, remedy=CACHE_REMEDY):
        checkpoint = _prepare(
            stage,
            runtime=runtime,
            deterministic=deterministic,
            reproducible=reproducible,
            cache=cache,
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
) -> Checkpoint | None:
    """Return the checkpoint of `stage` if it is prepared already, else None.

    Downloads and converts nothing, imports neither torch nor transformers. Raises like `prepare` for errors of the
    config (no such folder, license not accepted).
    """
    with on_disk(cache, remedy=CACHE_REMEDY):
        return _prepare(
            stage,
            runtime=runtime,
            deterministic=deterministic,
            reproducible=reproducible,
            cache=cache,
            only_ready=True,
        )


def _prepare(
    stage: Stage,
    *,
    runtime: Runtime,
    deterministic: bool,
    reproducible: Literal["warn", "strict"],
    cache: Path,
    only_ready: bool,
) -> Checkpoint | None:
    if stage.engine == "fake":
        return _fake(stage, deterministic=deterministic)
    if stage.model in catalog.MODEL_FREE:
        return _model_free(stage)
    device = devices.of_runtime(runtime)
    where = locate(stage, reproducible=reproducible, cache=cache, only_ready=only_ready)
    if where is None:
        return None
    digest = folder_digest(where.folder, cache=cache)
    name = f"{digest[:32]}-{CONVERSION_VERSION}"
    note = cache / "prepared" / f"{name}.json"
    metadata = load_metadata(note)
    if metadata is None:
        if only_ready:
            return None
        metadata = read_metadata(where.folder)
        save_metadata(metadata, note)
    if metadata.unknown_share > _UNKNOWN_SHARE:
        _log.warning(
            f"{stage.model}: {metadata.unknown_share:.0%} of ordinary Vietnamese and English text is unknown to its "
            "tokenizer; expect poor output, or choose another model"
        )
    _warn_of_another_task(stage, where.folder, metadata)
    tokenizer = open_tokenizer(metadata, where.folder)
    effective = resolve_generation(stage, where, metadata)
    choice = _usable_engine(stage, device=device, deterministic=deterministic, elsewhere=devices.is_elsewhere(runtime))
    checkpoint = assemble(
        stage,
        where,
        metadata,
        tokenizer=tokenizer,
        effective=effective,
        choice=choice,
        device=device,
        deterministic=deterministic,
        digest=digest,
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
                metadata=metadata,
                tokenizer=tokenizer,
                start_id=checkpoint.decoder_start_id,
                compute_type=choice.compute_type,
                build_dir=build_dir,
            ),
        )
    require_access(converted, os.R_OK | os.X_OK)
    return replace(checkpoint, converted=converted)


def _warn_of_another_task(stage: Stage, folder: Path, metadata: Metadata) -> None:
    """Log a warning where the files of a checkpoint say that it does what the other stage does."""
    kinds = {"summarization": "summarizer", "translation": "translator"}
    task = "translation" if isinstance(stage, TranslateStage) else "summarization"
    told = told_task(folder, metadata.family)
    if told is not None and told.task != task:
        _log.warning(
            f"{stage.model}: {told.evidence}, so that it is a {kinds[told.task]}; expect poor output, or set `model` "
            f"to a {kinds[task]}"
        )


def _fake(stage: Stage, *, deterministic: bool) -> Checkpoint:
    """Return the checkpoint of the fake engine: every word is a token, and there are no special tokens."""
    if stage.compute_type not in {"auto", "float32"}:
        raise ConfigError(f"compute_type: {stage.compute_type} with `engine: fake`, which has float32 only; remove it")
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
        truncate=bool(stage.truncate),
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


def _usable_engine(stage: Stage, *, device: Device, deterministic: bool, elsewhere: bool) -> EngineChoice:
    """Return the engine and compute type; raises `ConfigError` where they cannot be, or this torch has no CUDA."""
    choice = choose_engine(stage, device=device, deterministic=deterministic, elsewhere=elsewhere)
    if device == "cuda" and choice.engine == "transformers" and not elsewhere:
        devices.require_torch_cuda()
    return choice


def _model_free(stage: Stage) -> Checkpoint:
    """Return the checkpoint of a summarizer without a model: name, license and identity; no engine opens it."""
    entry = catalog.find(stage.model)
    assert entry is not None
    require_license(stage, entry.license)
    return replace(
        _fake(stage, deterministic=False),  # the fields of a model are unused in both
        digest=extractive.fingerprint(extractive.method(stage.model)),
        family=entry.family,
        license=entry.license,
        engine="extractive",
        max_source=0,
        budget=0,
        generation={"sentences": stage.sentences or extractive.SENTENCES},
        origins={"sentences": "default" if stage.sentences is None else "config"},
    )
