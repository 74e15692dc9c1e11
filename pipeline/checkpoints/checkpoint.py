"""The prepared checkpoint that an engine runs: settings, tokenizer, and the encoding of a text as model input.

Every engine gets its ids from `Checkpoint.encode`, so two engines can differ only in their arithmetic. Text is
normalized to NFC with single spaces first: decomposed Vietnamese gets other ids, and no supported family was trained
on line breaks. Text never becomes a special token: `</s>` in an article is encoded as text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from pipeline.catalog import BUNDLED, Family, ToneStyle
from pipeline.errors import ModelError
from pipeline.records import JSON

ENCODING_VERSION = 2
"""Bump when encoding a text, or decoding ids, gives another result than before. Part of `identity`."""

CONVERSION_VERSION = 2
"""Bump when the metadata read from a checkpoint or its conversion changes: cached ones are then made again."""

EngineKind = Literal["transformers", "ctranslate2", "fake", "extractive"]
ComputeType = Literal["float32", "bfloat16", "int8"]
Device = Literal["cpu", "cuda", "mps"]


class Tokenizer(Protocol):
    """Encode text as ids and back, without special tokens. One instance may be used by several threads."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        ...

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of ids, an unknown token as `⁇`."""
        ...

    def piece(self, token: int) -> str:
        """Return the piece of an id; no two ids have the same piece."""
        ...

    def find(self, piece: str) -> int | None:
        """Return the id of a piece, or None where the vocabulary has none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A prepared checkpoint. Lengths are in tokens of its own tokenizer."""

    name: str  # as the config writes it
    revision: str  # commit hash; "" for a folder, a bundled checkpoint and the fake
    folder: Path  # holds config.json, weights, tokenizer
    digest: str  # SHA-256 over the names and digests of the weight, config and tokenizer files
    family: Family
    license: str
    engine: EngineKind
    compute_type: ComputeType
    device: Device  # not part of `identity`
    prefix: str
    output_prefix: str
    tone_style: ToneStyle
    word_segmented: bool
    with_title: bool  # the input of a summarizer begins with the headline
    lead_only: bool  # a summarizer reads only the beginning of an article, up to `max_source`
    truncate: bool  # the beginning that `lead_only` reads ends at a token, not at a sentence
    max_source: int  # longest encoder input, with special tokens and prefix
    budget: int  # longest text: `max_source` minus prefix and special tokens
    deterministic: bool
    pad_id: int
    eos_id: int
    unk_id: int
    decoder_start_id: int
    forced_bos_id: int | None
    vocab_size: int
    generation: Mapping[str, JSON]  # every value an engine uses; none is left to the default of a library
    origins: Mapping[str, str]  # of each generation value: "config", "catalog", "checkpoint" or "default"
    tokenizer: Tokenizer
    converted: Path | None  # the CTranslate2 model when `engine` is "ctranslate2"
    before: tuple[int, ...] = ()  # special ids before the text: a language code, `<s>`
    after: tuple[int, ...] = ()  # special ids after the text: `</s>`, a language code
    source_lang: str | None = None  # language codes, of the families that have them; their ids are in `identity`
    target_lang: str | None = None
    prefix_ids: tuple[int, ...] = ()  # set when the prefix is a single token such as `<2en>`
    special_ids: frozenset[int] = field(default_factory=frozenset)  # `decode` drops these
    choices: tuple[str, ...] = ()  # what `auto` stands for, and why, a clause each; not part of `identity`

    @property
    def search_differences(self) -> tuple[str, ...]:
        """How CTranslate2 searches differently from transformers with these generation values, one sentence each.

        Not part of `identity`, which has the engine and the values from which they follow. None for a bundled
        checkpoint, whose values and published numbers are CTranslate2's own.
        """
        if self.engine != "ctranslate2" or self.name.startswith(BUNDLED):
            return ()
        # mBART's decoder starts with the language code, which CTranslate2 also gets as a given first token
        first_token_given = self.forced_bos_id is not None or self.family == "mbart"
        return search_differences(self.generation, first_token_given=first_token_given)

    def count(self, text: str) -> int:
        """Return the number of tokens of the text, without prefix and special tokens."""
        return len(self.tokenizer.encode([self._clean(text)])[0])

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the input ids of the model: prefix, language code, text, exactly one `</s>`; never truncated."""
        joined = "" if self.prefix_ids else self.prefix
        rows = self.tokenizer.encode([joined + self._clean(text) for text in texts])
        return [[*self.before, *self.prefix_ids, *row, *self.after] for row in rows]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row, without special tokens and output prefix; an unknown token becomes `⁇`."""
        kept = [[token for token in row if token not in self.special_ids] for row in rows]
        return [self._tidy(text) for text in self.tokenizer.decode(kept)]

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """Return the pieces of `ids`: the input format of CTranslate2."""
        return [self.tokenizer.piece(token) for token in ids]

    def identity(self) -> dict[str, JSON]:
        """Return everything that can change the output: part of the memo's key and of the recipe."""
        return {
            "calling": ENCODING_VERSION,
            "preparing": CONVERSION_VERSION,
            "engine": self.engine,
            "compute_type": self.compute_type,
            "digest": self.digest,
            "prefix": self.prefix,
            "output_prefix": self.output_prefix,
            "before": list(self.before),
            "after": list(self.after),
            "decoder_start_id": self.decoder_start_id,
            "forced_bos_id": self.forced_bos_id,
            "max_source": self.max_source,
            "generation": dict(self.generation),
            "deterministic": self.deterministic,
            "tone_style": self.tone_style,
            "word_segmented": self.word_segmented,
            "with_title": self.with_title,
            # left out where they are false: earlier keys of the memo stay
            **({"lead_only": True} if self.lead_only else {}),
            **({"truncate": True} if self.truncate else {}),
        }

    def _clean(self, text: str) -> str:
        text = " ".join(unicodedata.normalize("NFC", text).split())
        return segment(text) if self.word_segmented else text

    def _tidy(self, text: str) -> str:
        text = re.sub(r"\s+", " ", text).strip()
        if self.output_prefix:
            text = text.removeprefix(self.output_prefix.strip()).lstrip()
        return unsegment(text) if self.word_segmented else text


OTHER_SEARCH = "ctranslate2 searches differently from transformers (`engine: transformers` gives published numbers)"
"""Heading of a message about `search_differences`."""


def search_differences(values: Mapping[str, JSON], *, first_token_given: bool) -> tuple[str, ...]:
    """Return how CTranslate2 searches differently from transformers with these values: one sentence each, or none.

    CTranslate2 accepts every value but gives some of them another meaning. `first_token_given`: each output begins with
    a token that is given, such as a language code. Sources: CTranslate2 4.8 `decoding.cc` and `decoding_utils.cc`,
    transformers 5.24 `generation/utils.py`. In float32 on the tiny checkpoints of the tests, at least 95 % of the
    outputs are equal where this function returns nothing, and fewer where it returns something.
    """
    beams, penalty = values["num_beams"], values["length_penalty"]
    stopping, ngrams, repetition = (
        values["early_stopping"],
        values["no_repeat_ngram_size"],
        values["repetition_penalty"],
    )
    assert isinstance(beams, int)
    found: list[str] = []
    if beams > 1 and stopping is not True and penalty != 0:  # with penalty 0 both stop at the first finished best beam
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


def require_segmenter() -> None:
    """Raise `ModelError` unless underthesea, an optional dependency that imports torch, is installed."""
    try:
        import underthesea  # noqa: F401
    except ImportError:
        raise ModelError(
            "this checkpoint needs word-segmented input (nghiên_cứu_viên), and underthesea is not installed; "
            "install it with `pip install 'tomdich[segment]'`"
        ) from None


def segment(text: str) -> str:
    """Return `text` with the syllables of each word joined by `_`, and spaces around punctuation."""
    from underthesea import word_tokenize

    return str(word_tokenize(text, format="text")) if text else ""


_CLOSING = re.compile(r" +([,.;:!?%…)\]}”’»])")
_OPENING = re.compile(r"([(\[{“‘«]) +")


def unsegment(text: str) -> str:
    """Return `text` without the `_` and the spaces around punctuation that `segment` adds."""
    return _OPENING.sub(r"\1", _CLOSING.sub(r"\1", text.replace("_", " ")))
