"""Generation values: which apply, in full, and where CTranslate2 searches differently with them.

Old `config.json` files carry generation values that transformers applies without a word (mT5-XLSum: 4 beams, 84
tokens). Here every value is made explicit, `effective` says where it came from, and what is in the files but not
carried over is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.config import GenerationOptions
from pipeline.records import JSON

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


OTHER_SEARCH = "ctranslate2 searches differently from transformers (`engine: transformers` gives published numbers)"
"""What stands before each of the `search_differences`."""


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


def effective(asked: GenerationOptions, *, catalog: Mapping[str, JSON], checkpoint: Mapping[str, JSON]) -> Effective:
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


def search_differences(values: Mapping[str, JSON], *, first_token_given: bool) -> tuple[str, ...]:
    """Return how CTranslate2's search differs from transformers' with these values: a sentence for each, or none.

    CTranslate2 runs every value; these are the ones whose meaning differs. `first_token_given`: each answer begins with
    a token that is not searched for, such as a language code. From the sources of both (CTranslate2 4.8 `decoding.cc`
    and `decoding_utils.cc`, transformers 5.24 `generation/utils.py`). In float32 on the tiny checkpoints of the tests,
    at least 95 % of the answers are equal where nothing is named, and fewer where something is.
    """
    beams, penalty = values["num_beams"], values["length_penalty"]
    stopping, ngrams, repetition = (
        values["early_stopping"],
        values["no_repeat_ngram_size"],
        values["repetition_penalty"],
    )
    assert isinstance(beams, int)
    found: list[str] = []
    if beams > 1 and stopping is not True and penalty != 0:  # at 0 the first finished best beam is final in both
        found.append(
            f"early_stopping={stopping} with num_beams={beams}: CTranslate2 ends a search when {beams} hypotheses are "
            "finished, as `early_stopping: true` does"
        )
    if beams > 1 and ngrams != 0:
        found.append(
            f"no_repeat_ngram_size={ngrams} with num_beams={beams}: CTranslate2 shares the probability of a banned "
            "token among the others, transformers does not, so beams rank differently"
        )
    elif ngrams == 1:
        found.append("no_repeat_ngram_size=1: transformers also bans the token the decoder starts with")
    if repetition != 1.0 and beams > 1:
        found.append(
            f"repetition_penalty={repetition} with num_beams={beams}: CTranslate2 penalizes logits, transformers "
            "log-probabilities and also the token the decoder starts with"
        )
    elif repetition != 1.0:
        found.append(f"repetition_penalty={repetition}: transformers also penalizes the token the decoder starts with")
    if beams > 1 and first_token_given:
        found.append(
            f"num_beams={beams} where the first token is given (a language code): CTranslate2 drops an empty "
            "hypothesis unless it is the likeliest"
        )
    return tuple(found)
