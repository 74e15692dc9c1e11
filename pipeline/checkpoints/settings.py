"""Determine the effective settings of a checkpoint: engine, compute type, generation values, conventions.

Each comes from the config, else the catalog, else the checkpoint's own files, else a default. transformers applies the
generation values of old `config.json` files silently (mT5-XLSum: 4 beams, 84 tokens); here every value is explicit,
has its origin, and the user gets a message about values of the files that tomdich does not support.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from pipeline import catalog
from pipeline.checkpoints import device as devices
from pipeline.checkpoints import families
from pipeline.checkpoints.checkpoint import Checkpoint, ComputeType, Device, EngineKind, Tokenizer, require_segmenter
from pipeline.checkpoints.device import cuda_capability
from pipeline.checkpoints.files import read_json
from pipeline.checkpoints.locate import Located
from pipeline.checkpoints.metadata import Metadata
from pipeline.config import GenerationOptions, Stage
from pipeline.errors import ConfigError, ModelError
from pipeline.records import JSON

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The resolved engine and compute type; never "auto"."""

    engine: EngineKind
    compute_type: ComputeType
    reasons: tuple[str, ...] = ()  # what each `auto` stands for, and why, a clause each


def choose_engine(stage: Stage, *, device: Device, deterministic: bool, elsewhere: bool = False) -> EngineChoice:
    """Return the engine and compute type of a stage.

    `auto` is CTranslate2 in int8 on the CPU, whatever the generation values: a change of the search must not change the
    compute type (`Checkpoint.search_differences` lists how the search differs). On other devices it is transformers, in
    bfloat16 on a GPU that has it, and float32 otherwise: the CTranslate2 wheels need CUDA 12 libraries, which current
    torch does not install. An engine or a compute type given by name is never replaced. `elsewhere`: the device is
    another machine's, whose GPU is taken to have bfloat16. Raises `ConfigError` for settings that cannot run together,
    or not on this device.
    """
    asked = stage.compute_type
    if deterministic and asked not in {"auto", "float32"}:
        raise ConfigError(
            f"compute_type: {asked} with `deterministic: true`, which computes in float32; remove one of them"
        )
    engine, engine_reason = _engine(stage, device=device)
    if engine == "transformers" and asked == "int8":
        raise ConfigError("compute_type: int8 needs `engine: ctranslate2`; transformers supports float32 and bfloat16")
    if asked != "auto":
        if engine == "ctranslate2" and asked != "float32" and not elsewhere:
            _require_supported(asked, device)
        on_this_cpu = engine == "transformers" and device == "cpu" and not elsewhere
        if asked == "bfloat16" and on_this_cpu and not devices.cpu_has_fast_bfloat16():
            _log.warning(
                "compute_type: bfloat16 on a CPU without AVX-512 is many times slower than float32; set `float32`"
            )
        return EngineChoice(engine, asked, engine_reason)
    capability = cuda_capability() if device == "cuda" and not elsewhere else None
    compute_type, why = _compute_type(engine, device=device, capability=capability, deterministic=deterministic)
    return EngineChoice(engine, compute_type, (*engine_reason, f"compute_type: auto is {compute_type} {why}"))


def _engine(stage: Stage, *, device: Device) -> tuple[EngineKind, tuple[str, ...]]:
    """Return the engine of a stage, and why `auto` stands for it."""
    match stage.engine:
        case "transformers":
            return "transformers", ()
        case "ctranslate2":
            if device == "mps":
                raise ConfigError("runtime.device: ctranslate2 does not support mps; use `auto` or `cpu`")
            return "ctranslate2", ()
        case "auto":
            if device != "cpu":
                return "transformers", (f"engine: auto is transformers on {device}",)
            if stage.compute_type == "bfloat16":
                return "transformers", ("engine: auto is transformers for compute_type: bfloat16 on a CPU",)
            return "ctranslate2", ("engine: auto is ctranslate2 on a CPU",)
        case "fake":
            raise AssertionError("the fake engine has no checkpoint files and is prepared without a choice")
        case _:
            assert_never(stage.engine)


def _compute_type(
    engine: EngineKind, *, device: Device, capability: tuple[int, int] | None, deterministic: bool
) -> tuple[ComputeType, str]:
    """Return what `compute_type: auto` stands for, and a clause that says why."""
    if deterministic:
        return "float32", "under deterministic: true"
    if device == "cuda":
        if capability is not None and capability < _BFLOAT16:
            return "float32", f"for a GPU of compute capability {capability[0]}.{capability[1]}, without bfloat16"
        return "bfloat16", f"for {engine} on cuda"
    if engine == "ctranslate2":
        return "int8", "for ctranslate2 on a CPU"
    return "float32", f"for transformers on {'a CPU' if device == 'cpu' else device}"


def _require_supported(compute_type: ComputeType, device: Device) -> None:
    """Raise `ConfigError` if CTranslate2 does not support this on the device; called before the conversion."""
    import ctranslate2  # type: ignore[import-untyped]

    if device == "cuda" and not devices.cuda_devices():
        return  # an engine pool on this machine refuses that with the remedy when it opens
    supported = ctranslate2.get_supported_compute_types(device)
    if compute_type not in supported:
        others = [name for name in ("int8", "bfloat16", "float32") if name in supported]
        raise ConfigError(
            f"compute_type: {compute_type} with `engine: ctranslate2`: CTranslate2 does not support it on this "
            f"{device}; use {' or '.join(others)}, or `engine: transformers`"
        )


_BFLOAT16 = (8, 0)  # the first compute capability with bfloat16 arithmetic (CUDA C++ Programming Guide): Ampere

DEFAULT_NEW_TOKENS = 256
"""If not configured: transformers' own default of 20 tokens would cut nearly every summary."""

_DEFAULTS: Mapping[str, JSON] = {  # as in transformers' GenerationConfig, except for the length
    "max_new_tokens": DEFAULT_NEW_TOKENS,
    "num_beams": 1,
    "length_penalty": 1.0,
    "early_stopping": False,
    "no_repeat_ngram_size": 0,
    "repetition_penalty": 1.0,
}
# Values that change the output and are not supported, each with its neutral value. `forced_eos_token_id` is not listed:
# it only makes an output that was cut off look finished.
_UNSUPPORTED: Mapping[str, JSON] = {
    "do_sample": False,
    "min_length": 0,
    "min_new_tokens": 0,
    "encoder_no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "penalty_alpha": 0.0,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "sequence_bias": None,
}


@dataclass(frozen=True, slots=True)
class EffectiveGeneration:
    """The effective values and the origin of each: "config", "catalog", "checkpoint" or "default"."""

    values: dict[str, JSON]
    origins: dict[str, str]


def checkpoint_values(config: Mapping[str, JSON], generation_config: Mapping[str, JSON] | None) -> dict[str, JSON]:
    """Return the checkpoint's own values, from `generation_config.json`, else from an old `config.json`."""
    raw = config if generation_config is None else generation_config
    values = {name: raw[name] for name in _DEFAULTS if raw.get(name) is not None}
    length = raw.get("max_length")
    if "max_new_tokens" not in values and isinstance(length, int):
        values["max_new_tokens"] = max(1, length - 1)  # max_length includes the decoder's start token
    return values


def unsupported_values(config: Mapping[str, JSON], generation_config: Mapping[str, JSON] | None) -> dict[str, JSON]:
    """Return the values of the checkpoint's files that change the output and that tomdich does not support."""
    raw = config if generation_config is None else generation_config
    return {name: raw[name] for name, inert in _UNSUPPORTED.items() if raw.get(name) not in (None, inert, [])}


def effective_generation(
    asked: GenerationOptions, *, catalog: Mapping[str, JSON], checkpoint: Mapping[str, JSON]
) -> EffectiveGeneration:
    """Return each value from the config, else the catalog, else the checkpoint, else the default."""
    written = asked.model_dump(exclude_none=True)
    values: dict[str, JSON] = {}
    origins: dict[str, str] = {}
    for name, default in _DEFAULTS.items():
        layers: tuple[tuple[str, Mapping[str, JSON]], ...] = (
            ("config", written),
            ("catalog", catalog),
            ("checkpoint", checkpoint),
        )
        origins[name], values[name] = next(
            ((origin, layer[name]) for origin, layer in layers if name in layer), ("default", default)
        )
    for name in ("length_penalty", "repetition_penalty"):
        value = values[name]
        assert isinstance(value, int | float)
        values[name] = float(value)  # 1 and 1.0 must give the same identity
    return EffectiveGeneration(values, origins)


_DEFAULT_SOURCE = 512  # tokens; if neither config, catalog nor the checkpoint's files have it
_SMALLEST_BUDGET = 16  # tokens of text that must fit


def resolve_generation(stage: Stage, where: Located, metadata: Metadata) -> EffectiveGeneration:
    """Return the effective generation values, with `max_new_tokens` limited to the model's positions."""
    config = read_json(where.folder / "config.json")
    path = where.folder / "generation_config.json"
    own = read_json(path) if path.is_file() else None
    effective = effective_generation(
        stage.generation,
        catalog=where.entry.generation if where.entry is not None else {},
        checkpoint=checkpoint_values(config, own),
    )
    dropped = unsupported_values(config, own)
    if dropped:
        named = ", ".join(f"{name}={value}" for name, value in dropped.items())
        _log.warning(f"{stage.model}: its files also set {named}, which tomdich does not support and ignores")
    asked = effective.values["max_new_tokens"]
    assert isinstance(asked, int)
    room = asked if metadata.positions is None else metadata.positions - 1  # one is the decoder's start token
    if asked > room:
        if effective.origins["max_new_tokens"] == "config":
            raise ModelError(
                f"{stage.model}: generation.max_new_tokens: {asked} is more than the model supports: {room}"
            )
        effective.values["max_new_tokens"] = room
    return effective


def assemble(
    stage: Stage,
    where: Located,
    metadata: Metadata,
    *,
    tokenizer: Tokenizer,
    effective: EffectiveGeneration,
    choice: EngineChoice,
    device: Device,
    deterministic: bool,
    digest: str,
) -> Checkpoint:
    """Return the checkpoint with its conventions from the config, else the catalog, else its files."""
    entry = where.entry or _NO_ENTRY
    prefix = entry.prefix if stage.prefix is None else stage.prefix
    segmented = entry.word_segmented if stage.word_segmented is None else stage.word_segmented
    if segmented:
        require_segmenter()
    codes = stage.source_lang or entry.source_lang, stage.target_lang or entry.target_lang
    source_id, target_id = _languages(stage, metadata, tokenizer, codes)
    before, after = families.surrounding_ids(
        metadata.family, bos_id=metadata.bos_id, eos_id=metadata.eos_id, source_id=source_id, legacy=metadata.legacy
    )
    prefix_ids, prefix_size = _prefix(stage.model, prefix, tokenizer, metadata)
    lead = entry.lead if stage.lead is None else stage.lead or None
    max_source = _max_source(stage, entry, metadata, lead=lead)
    budget = max_source - len(before) - len(after) - prefix_size
    if budget < _SMALLEST_BUDGET:
        raise ModelError(
            f"{stage.model}: max_source_tokens: {max_source} leaves only {budget} tokens for the text; raise it"
        )
    return Checkpoint(
        name=stage.model,
        revision=where.revision,
        folder=where.folder,
        digest=digest,
        family=metadata.family,
        license=where.license,
        engine=choice.engine,
        compute_type=choice.compute_type,
        choices=choice.reasons,
        device=device,
        prefix=prefix,
        output_prefix=entry.output_prefix if stage.output_prefix is None else stage.output_prefix,
        tone_style=stage.tone_style or entry.tone_style,
        word_segmented=segmented,
        with_title=entry.with_title if stage.with_title is None else stage.with_title,
        lead_only=lead is not None,
        truncate=lead is not None and bool(stage.truncate),
        max_source=max_source,
        budget=budget,
        deterministic=deterministic,
        pad_id=metadata.pad_id,
        eos_id=metadata.eos_id,
        unk_id=metadata.unk_id,
        decoder_start_id=_decoder_start(metadata, target_id),
        forced_bos_id=_forced_bos(metadata, target_id),
        vocab_size=metadata.vocab_size,
        generation=effective.values,
        origins=effective.origins,
        tokenizer=tokenizer,
        converted=None,
        before=before,
        after=after,
        source_lang=codes[0] if source_id is not None else None,
        target_lang=codes[1] if target_id is not None else None,
        prefix_ids=prefix_ids,
        special_ids=frozenset(metadata.special_ids),
    )


_NO_ENTRY = catalog.Entry(name="", stage="summarize", family="t5", license="", license_class="unclear", note="")


def _languages(
    stage: Stage, metadata: Metadata, tokenizer: Tokenizer, codes: tuple[str | None, str | None]
) -> tuple[int | None, int | None]:
    """Return the ids of the source and target language codes; None for families without language codes."""
    if metadata.family not in families.WITH_LANGUAGES:
        for field in ("source_lang", "target_lang"):
            if getattr(stage, field) is not None:
                raise ModelError(
                    f"{stage.model}: {field}: a {metadata.family} checkpoint has no language codes; remove it"
                )
        return None, None
    source, target = (
        families.language_id(
            code,
            family=metadata.family,
            vocabulary=tokenizer,
            unk_id=metadata.unk_id,
            field=f"{stage.model}: {field}",
        )
        for code, field in zip(codes, ("source_lang", "target_lang"), strict=True)
    )
    return source, target


def _decoder_start(metadata: Metadata, target_id: int | None) -> int:
    """Return the decoder's start token: mBART's target language, else from the files, else the family's default."""
    if metadata.family == "mbart":
        assert target_id is not None
        return target_id
    if metadata.decoder_start_id is not None:
        return metadata.decoder_start_id
    return metadata.pad_id if metadata.family in {"t5", "mt5", "marian"} else metadata.eos_id


def _forced_bos(metadata: Metadata, target_id: int | None) -> int | None:
    """Return the forced first output token: the target language, unless the decoder starts with it."""
    if metadata.family == "mbart":
        return None
    return target_id if metadata.family in families.WITH_LANGUAGES else metadata.forced_bos_id


_TAG = re.compile(r"<[^<>\s]+>|>>[^<>\s]+<<")  # MADLAD's `<2en>`, Marian's `>>eng<<`: single tokens


def _prefix(name: str, prefix: str, tokenizer: Tokenizer, metadata: Metadata) -> tuple[tuple[int, ...], int]:
    """Return the ids of a prefix that is a single token (`<2en>`, `>>eng<<`), else (), and its length in tokens."""
    bare = prefix.strip()
    if not bare:
        return (), 0
    token = tokenizer.find(bare) if _TAG.fullmatch(bare) else None
    if token is not None and token != metadata.unk_id:
        return (token,), 1
    ids = tokenizer.encode([prefix])[0]
    if metadata.unk_id in ids:
        raise ModelError(
            f"{name}: prefix: the tokenizer does not know {prefix!r}; see the model card for the right prefix"
        )
    return (), len(ids)


def _max_source(stage: Stage, entry: catalog.Entry, metadata: Metadata, *, lead: int | None) -> int:
    """Return the longest encoder input in tokens; raises `ModelError` if the config asks for too many."""
    found = stage.max_source_tokens or entry.max_source or metadata.model_max_length or metadata.positions
    if found is None:
        _log.warning(f"{stage.model}: its longest input is unknown; using max_source_tokens: {_DEFAULT_SOURCE}")
        found = _DEFAULT_SOURCE
    if metadata.positions is not None and found > metadata.positions:
        if stage.max_source_tokens:
            raise ModelError(
                f"{stage.model}: max_source_tokens: {found} is more than the model supports: {metadata.positions}"
            )
        found = metadata.positions
    if lead is not None and lead > found:
        if stage.lead:
            raise ModelError(
                f"{stage.model}: lead: {lead}, but the model takes {found} tokens; raise max_source_tokens"
            )
        return found
    return found if lead is None else lead
