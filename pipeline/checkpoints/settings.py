"""What applies to a checkpoint: engine, arithmetic, generation values, conventions.

Each comes from the config, else the catalog, else the checkpoint's own files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline import catalog
from pipeline.checkpoints import families
from pipeline.checkpoints.checkpoint import Checkpoint, ComputeType, Device, EngineKind, Tokenizer, require_segmenter
from pipeline.checkpoints.files import read_json
from pipeline.checkpoints.locate import Located
from pipeline.checkpoints.metadata import Facts
from pipeline.config import GenerationOptions, Stage
from pipeline.errors import ConfigError, ModelError
from pipeline.records import JSON


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


DEFAULT_NEW_TOKENS = 256
"""Where nobody says: transformers' own default of 20 tokens would cut nearly every summary."""

_DEFAULTS: Mapping[str, JSON] = {  # transformers' GenerationConfig, but for the length
    "max_new_tokens": DEFAULT_NEW_TOKENS,
    "num_beams": 1,
    "length_penalty": 1.0,
    "early_stopping": False,
    "no_repeat_ngram_size": 0,
    "repetition_penalty": 1.0,
}
# What else changes an answer and is not carried over, with the value at which it changes nothing. `forced_eos_token_id`
# is not among them: it would only make an answer that was cut off look finished.
_LEFT_OUT: Mapping[str, JSON] = {
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
class Effective:
    """The values that apply, and where each was written: "config", "catalog", "checkpoint" or "default"."""

    values: dict[str, JSON]
    origins: dict[str, str]


def from_files(config: Mapping[str, JSON], generation_config: Mapping[str, JSON] | None) -> dict[str, JSON]:
    """Return the checkpoint's own values: of `generation_config.json`, or of an old `config.json` without one."""
    raw = config if generation_config is None else generation_config
    values = {name: raw[name] for name in _DEFAULTS if raw.get(name) is not None}
    length = raw.get("max_length")
    if "max_new_tokens" not in values and isinstance(length, int):
        values["max_new_tokens"] = max(1, length - 1)  # max_length counts the token that starts the decoder
    return values


def left_out(config: Mapping[str, JSON], generation_config: Mapping[str, JSON] | None) -> dict[str, JSON]:
    """Return the values of the checkpoint's files that would change an answer and are not applied."""
    raw = config if generation_config is None else generation_config
    return {name: raw[name] for name, inert in _LEFT_OUT.items() if raw.get(name) not in (None, inert, [])}


def effective_generation(
    asked: GenerationOptions, *, catalog: Mapping[str, JSON], checkpoint: Mapping[str, JSON]
) -> Effective:
    """Return the values that apply: the config's, else the catalog's, else the checkpoint's, else the default."""
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
        values[name] = float(value)  # 1 and 1.0 must not be two identities
    return Effective(values, origins)


_DEFAULT_SOURCE = 512  # tokens; where neither config, catalog nor the checkpoint's files say
_SMALLEST_BUDGET = 16  # tokens of text that a call must be able to take


def effective_values(stage: Stage, where: Located, facts: Facts, *, warn: Callable[[str], None]) -> Effective:
    """Return the generation values that apply, fitted to the model's positions."""
    config = read_json(where.folder / "config.json")
    path = where.folder / "generation_config.json"
    own = read_json(path) if path.is_file() else None
    effective = effective_generation(
        stage.generation,
        catalog=where.entry.generation if where.entry is not None else {},
        checkpoint=from_files(config, own),
    )
    dropped = left_out(config, own)
    if dropped:
        named = ", ".join(f"{name}={value}" for name, value in dropped.items())
        warn(f"{stage.model}: its files also ask for {named}; tomdich does not apply that")
    asked = effective.values["max_new_tokens"]
    assert isinstance(asked, int)
    room = asked if facts.positions is None else facts.positions - 1  # one for the token the decoder starts with
    if asked > room:
        if effective.origins["max_new_tokens"] == "config":
            raise ModelError(f"{stage.model}: generation.max_new_tokens: {asked}, but the model ends at {room}")
        effective.values["max_new_tokens"] = room
    return effective


def assemble(
    stage: Stage,
    where: Located,
    facts: Facts,
    *,
    tokenizer: Tokenizer,
    effective: Effective,
    choice: Choice,
    device: Device,
    deterministic: bool,
    digest: str,
    warn: Callable[[str], None],
) -> Checkpoint:
    """Return the checkpoint, its conventions taken from the config, else the catalog, else the files."""
    entry = where.entry or _NO_ENTRY
    prefix = entry.prefix if stage.prefix is None else stage.prefix
    segmented = entry.word_segmented if stage.word_segmented is None else stage.word_segmented
    if segmented:
        require_segmenter()
    source_id, target_id = _languages(stage, facts, tokenizer, entry)
    before, after = families.frame(
        facts.family, bos_id=facts.bos_id, eos_id=facts.eos_id, source_id=source_id, legacy=facts.legacy
    )
    prefix_ids, prefix_size = _prefix(stage.model, prefix, tokenizer, facts)
    lead = entry.lead if stage.lead is None else stage.lead or None
    max_source = _max_source(stage, entry, facts, lead=lead, warn=warn)
    budget = max_source - len(before) - len(after) - prefix_size
    if budget < _SMALLEST_BUDGET:
        raise ModelError(f"{stage.model}: max_source_tokens: {max_source} leaves {budget} tokens for the text")
    return Checkpoint(
        name=stage.model,
        revision=where.revision,
        folder=where.folder,
        digest=digest,
        family=facts.family,
        license=where.license,
        engine=choice.engine,
        compute_type=choice.compute_type,
        device=device,
        prefix=prefix,
        output_prefix=entry.output_prefix if stage.output_prefix is None else stage.output_prefix,
        tone_style=stage.tone_style or entry.tone_style,
        word_segmented=segmented,
        with_title=entry.with_title if stage.with_title is None else stage.with_title,
        lead_only=lead is not None,
        max_source=max_source,
        budget=budget,
        deterministic=deterministic,
        pad_id=facts.pad_id,
        eos_id=facts.eos_id,
        unk_id=facts.unk_id,
        decoder_start_id=_decoder_start(facts, target_id),
        forced_bos_id=_forced_bos(facts, target_id),
        vocab_size=facts.vocab_size,
        generation=effective.values,
        origins=effective.origins,
        tokenizer=tokenizer,
        converted=None,
        before=before,
        after=after,
        prefix_ids=prefix_ids,
        special_ids=frozenset(facts.special_ids),
    )


_NO_ENTRY = catalog.Entry(name="", stage="summarize", family="t5", license="", license_class="unclear", note="")


def _languages(stage: Stage, facts: Facts, tokenizer: Tokenizer, entry: catalog.Entry) -> tuple[int | None, int | None]:
    """Return the ids of the two language codes, None for families that have none."""
    if facts.family not in families.WITH_LANGUAGES:
        for field in ("source_lang", "target_lang"):
            if getattr(stage, field) is not None:
                raise ModelError(f"{stage.model}: {field}: a {facts.family} checkpoint has no language codes; drop it")
        return None, None
    codes = (stage.source_lang or entry.source_lang, stage.target_lang or entry.target_lang)
    source, target = (
        families.language_id(
            code,
            family=facts.family,
            vocabulary=tokenizer,
            unk_id=facts.unk_id,
            field=f"{stage.model}: {field}",
        )
        for code, field in zip(codes, ("source_lang", "target_lang"), strict=True)
    )
    return source, target


def _decoder_start(facts: Facts, target_id: int | None) -> int:
    """Return what the decoder starts with: mBART's target language; else what the files or the family's custom say."""
    if facts.family == "mbart":
        assert target_id is not None
        return target_id
    if facts.decoder_start_id is not None:
        return facts.decoder_start_id
    return facts.pad_id if facts.family in {"t5", "mt5", "marian"} else facts.eos_id


def _forced_bos(facts: Facts, target_id: int | None) -> int | None:
    """Return the token every answer must begin with: the target language where it is not the decoder's start."""
    if facts.family == "mbart":
        return None
    return target_id if facts.family in families.WITH_LANGUAGES else facts.forced_bos_id


_TAG = re.compile(r"<[^<>\s]+>|>>[^<>\s]+<<")  # MADLAD's `<2en>`, Marian's `>>eng<<`: never a piece of ordinary text


def _prefix(name: str, prefix: str, tokenizer: Tokenizer, facts: Facts) -> tuple[tuple[int, ...], int]:
    """Return the prefix's ids where it is one token (`<2en>`, `>>eng<<`), and how many tokens it takes."""
    bare = prefix.strip()
    if not bare:
        return (), 0
    token = tokenizer.find(bare) if _TAG.fullmatch(bare) else None
    if token is not None and token != facts.unk_id:
        return (token,), 1
    ids = tokenizer.encode([prefix])[0]
    if facts.unk_id in ids:
        raise ModelError(
            f"{name}: prefix: {prefix!r} holds what the tokenizer does not know; this checkpoint has another"
        )
    return (), len(ids)


def _max_source(
    stage: Stage, entry: catalog.Entry, facts: Facts, *, lead: int | None, warn: Callable[[str], None]
) -> int:
    """Return how many tokens the encoder takes; raises `ModelError` where the positions end before what is asked."""
    found = stage.max_source_tokens or entry.max_source or facts.model_max_length or facts.positions
    if found is None:
        warn(f"{stage.model}: nothing says how long a source it takes; max_source_tokens: {_DEFAULT_SOURCE} it is")
        found = _DEFAULT_SOURCE
    if facts.positions is not None and found > facts.positions:
        if stage.max_source_tokens:
            raise ModelError(f"{stage.model}: max_source_tokens: {found}, but the model ends at {facts.positions}")
        found = facts.positions
    if lead is not None and lead > found:
        if stage.lead:
            raise ModelError(
                f"{stage.model}: lead: {lead}, but the model takes {found} tokens; raise max_source_tokens"
            )
        return found
    return found if lead is None else lead
