"""Puts a checkpoint together: its conventions from the config, else the catalog, else its own files."""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline import catalog
from pipeline.checkpoints import families, generation, words
from pipeline.checkpoints.checkpoint import Checkpoint, Device, Tokenizer
from pipeline.checkpoints.choose import Choice
from pipeline.checkpoints.files import read_json
from pipeline.checkpoints.locate import Located
from pipeline.checkpoints.metadata import Facts
from pipeline.config import Stage
from pipeline.errors import ModelError

_DEFAULT_SOURCE = 512  # tokens; where neither config, catalog nor the checkpoint's files say
_SMALLEST_BUDGET = 16  # tokens of text that a call must be able to take


def effective_values(
    stage: Stage, where: Located, facts: Facts, *, warn: Callable[[str], None]
) -> generation.Effective:
    """Return the generation values that apply, fitted to the model's positions."""
    config = read_json(where.folder / "config.json")
    path = where.folder / "generation_config.json"
    own = read_json(path) if path.is_file() else None
    effective = generation.effective(
        stage.generation,
        catalog=where.entry.generation if where.entry is not None else {},
        checkpoint=generation.from_files(config, own),
    )
    dropped = generation.left_out(config, own)
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
    effective: generation.Effective,
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
        words.require()
    source_id, target_id = _languages(stage, facts, tokenizer, entry)
    before, after = families.frame(
        facts.family, bos_id=facts.bos_id, eos_id=facts.eos_id, source_id=source_id, legacy=facts.legacy
    )
    prefix_ids, prefix_size = _prefix(stage.model, prefix, tokenizer, facts)
    max_source = _max_source(stage, entry, facts, warn=warn)
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


def _max_source(stage: Stage, entry: catalog.Entry, facts: Facts, *, warn: Callable[[str], None]) -> int:
    """Return how many tokens the encoder takes; raises `ModelError` where the positions end before what is asked."""
    found = stage.max_source_tokens or entry.max_source or facts.model_max_length or facts.positions
    if found is None:
        warn(f"{stage.model}: nothing says how long a source it takes; max_source_tokens: {_DEFAULT_SOURCE} it is")
        found = _DEFAULT_SOURCE
    if facts.positions is not None and found > facts.positions:
        if stage.max_source_tokens:
            raise ModelError(f"{stage.model}: max_source_tokens: {found}, but the model ends at {facts.positions}")
        found = facts.positions
    return found
