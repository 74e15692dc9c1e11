"""What differs between the families of encoder-decoder checkpoints: detection, language codes, special tokens, ids.

Sources: the tokenizer classes of transformers 5.23 (`build_inputs_with_special_tokens`, `set_src_lang_special_tokens`)
and the model cards. `tests/checkpoints/` compares the ids with those of transformers.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.catalog import Family
from pipeline.checkpoints.tokenizers import BpeTokenizer, PieceTokenizer, load_sentencepiece
from pipeline.errors import ModelError
from pipeline.records import JSON

_SUPPORTED = "T5, mT5, mBART, mBART-50, BARTpho, BART, M2M100, NLLB or Marian"
_BY_TYPE: Mapping[str, Family] = {
    "t5": "t5",
    "mt5": "mt5",
    "umt5": "mt5",  # same tokens and special tokens as mT5
    "mbart": "mbart",
    "m2m_100": "m2m100",
    "nllb-moe": "nllb",
    "marian": "marian",
    "bart": "bart",
}
WITH_LANGUAGES: frozenset[Family] = frozenset({"mbart", "mbart50", "m2m100", "nllb"})


class Vocabulary(Protocol):
    """The part of a tokenizer that looks up ids."""

    def find(self, piece: str) -> int | None:
        """Return the id of a piece, or None."""
        ...


def detect(folder: Path, config: Mapping[str, JSON], tokenizer_config: Mapping[str, JSON]) -> Family:
    """Return the family of the checkpoint in `folder`; raises `ModelError` if it is not an encoder-decoder model.

    Some families share a model class (mBART, mBART-50 and BARTpho; M2M100 and NLLB): the class of the tokenizer, then
    its files, distinguish them.
    """
    kind = config.get("model_type")
    architectures = config.get("architectures")
    named = ", ".join(str(name) for name in architectures) if isinstance(architectures, list) else ""
    what = f"{folder}: is {named or 'a model'} (model_type {kind!r})"
    family = _BY_TYPE.get(str(kind))
    if family is None:
        raise ModelError(
            f"{what}; tomdich needs an encoder-decoder checkpoint that generates text: {_SUPPORTED}. "
            "`tomdich models` lists some"
        )
    whole = named == "" or named.endswith(("ForConditionalGeneration", "MTModel", "WithLMHeadModel"))
    tied = config.get("tie_word_embeddings", True) is True
    base = named in {"MBartModel", "BartModel", "M2M100Model", "T5Model", "MT5Model"}
    if not whole and not (base and tied):
        raise ModelError(f"{what}, which cannot generate text; give the checkpoint with its language-model head")
    tokenizer_class = str(tokenizer_config.get("tokenizer_class") or config.get("tokenizer_class") or "")
    has = {path.name for path in folder.iterdir()}
    if family == "mbart":
        if tokenizer_class.startswith(("Bartpho", "Phobert")) or {"dict.txt", "bpe.codes"} & has:
            return "bart"
        if tokenizer_class.startswith("MBart50"):
            return "mbart50"
    if family == "m2m100" and tokenizer_class.startswith("Nllb"):
        return "nllb"
    return family


def refine(family: Family, vocabulary: Vocabulary) -> Family:
    """Return the family, corrected by the language codes of the vocabulary if the tokenizer's class was not named."""
    if family == "mbart" and vocabulary.find("gl_ES") is not None:  # one of the 27 codes that mBART-50 adds to mBART's
        return "mbart50"
    if family == "m2m100" and vocabulary.find("vie_Latn") is not None:
        return "nllb"
    return family


def language_codes(family: Family) -> list[str]:
    """Return the language tokens of a family in the order of their ids, for a folder that does not list them.

    Imports transformers (and with it torch), which has the lists; only the first preparation of a checkpoint calls it.
    """
    match family:
        case "mbart":
            from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES as mbart  # noqa: N811

            return list(mbart)
        case "mbart50":
            from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as mbart50  # noqa: N811

            return list(mbart50)
        case "nllb":
            from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as nllb  # noqa: N811

            return list(nllb)
        case "m2m100":
            from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as m2m100  # noqa: N811

            return [f"__{code}__" for code in m2m100["m2m100"]]
        case _:
            return []


def language_id(code: str | None, *, family: Family, vocabulary: Vocabulary, unk_id: int, field: str) -> int:
    """Return the id of a language code; raises `ModelError` naming `field` if the vocabulary does not have it.

    transformers replaces an unknown code by `<unk>`, and the model then translates into an arbitrary language.
    """
    if code is None:
        raise ModelError(f"{field}: is missing: this {family} checkpoint needs language codes, e.g. {_e_g(family)}")
    token = f"__{code}__" if family == "m2m100" else code
    found = vocabulary.find(token)
    if found is None or found == unk_id:
        likely = [c for c in _LIKELY if vocabulary.find(f"__{c}__" if family == "m2m100" else c) is not None]
        close = difflib.get_close_matches(code, likely, n=1, cutoff=0.1)
        hint = f"; did you mean `{close[0]}`?" if close else f"; codes look like {_e_g(family)}"
        raise ModelError(f"{field}: {code!r} is not a language code of this {family} checkpoint{hint}")
    return found


_LIKELY = ("vi_VN", "en_XX", "vie_Latn", "eng_Latn", "vi", "en")


def _e_g(family: Family) -> str:
    match family:
        case "nllb":
            return "`vie_Latn`, `eng_Latn`"
        case "m2m100":
            return "`vi`, `en`"
        case _:
            return "`vi_VN`, `en_XX`"


def surrounding_ids(
    family: Family, *, bos_id: int | None, eos_id: int, source_id: int | None, legacy: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the special ids before and after a source text; `legacy`: NLLB's first layout, with the code after it."""
    match family:
        case "t5" | "mt5" | "marian":
            return (), (eos_id,)
        case "bart":
            assert bos_id is not None
            return (bos_id,), (eos_id,)
        case "mbart":
            assert source_id is not None
            return (), (eos_id, source_id)
        case "mbart50" | "m2m100" | "nllb":
            assert source_id is not None
            return ((), (eos_id, source_id)) if legacy else ((source_id,), (eos_id,))
        case "fake" | "extractive":
            return (), ()


_MODELS = ("spiece.model", "sentencepiece.bpe.model", "sentencepiece.model")
_FAIRSEQ = (
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
)  # the first four ids of fairseq; SentencePiece's ids from 3 on follow, shifted by one


@dataclass(frozen=True, slots=True)
class IdTable:
    """A SentencePiece model or BPE file and the id of each of its pieces."""

    source: str
    ids: Mapping[str, int]
    specials: frozenset[int]
    target: str | None = None  # Marian's model of the target side

    def open(self, folder: Path, unk_piece: str) -> PieceTokenizer | BpeTokenizer:
        """Return the tokenizer."""
        unk_id = self.ids.get(unk_piece)
        if unk_id is None:
            raise ModelError(f"{folder / self.source}: has no unknown token {unk_piece!r}")
        if self.source == "bpe.codes":
            return BpeTokenizer(folder / self.source, ids=self.ids, unk_id=unk_id)
        target = folder / self.target if self.target else None
        return PieceTokenizer(folder / self.source, ids=self.ids, unk_id=unk_id, target=target)


def read_id_table(folder: Path, *, family: Family, vocab_size: int) -> IdTable | None:
    """Return the id table of the checkpoint in `folder`, or None if its files do not determine one."""
    model = next((name for name in _MODELS if (folder / name).is_file()), None)
    match family:
        case "marian":
            if not (folder / "source.spm").is_file() or not (folder / "vocab.json").is_file():
                return None
            ids = _json_ids(folder / "vocab.json")
            specials = {ids[piece] for piece in ("<pad>", "</s>", "<s>") if piece in ids}
            specials |= {number for piece, number in ids.items() if piece.startswith(">>") and piece.endswith("<<")}
            target = "target.spm" if (folder / "target.spm").is_file() else None
            return IdTable("source.spm", ids, frozenset(specials), target)
        case "bart" if (folder / "bpe.codes").is_file() and (folder / "vocab.txt").is_file():
            return _with_dictionary("bpe.codes", folder / "vocab.txt")
        case "bart" if model is not None and (folder / "dict.txt").is_file():
            return _with_dictionary(model, folder / "dict.txt")
        case "m2m100" if model is not None and (folder / "vocab.json").is_file():
            ids = _json_ids(folder / "vocab.json")
            listed = {code: len(ids) + at for at, code in enumerate(language_codes("m2m100"))}
            ids.update(listed)
            specials = {ids[piece] for piece in ("<pad>", "</s>", "<s>") if piece in ids} | set(listed.values())
            return IdTable(model, ids, frozenset(specials))
        case "t5" | "mt5" if model is not None:
            pieces = _pieces(folder / model)
            ids = {piece: number for number, piece in enumerate(pieces)}
            above = range(len(pieces), vocab_size)  # sentinels in descending order, and padding of the embedding
            ids.update({f"<extra_id_{vocab_size - 1 - number}>": number for number in above})
            specials = {ids[piece] for piece in ("<pad>", "</s>", "<s>") if piece in ids} | set(above)
            return IdTable(model, ids, frozenset(specials))
        case "mbart" | "mbart50" | "m2m100" | "nllb" if model is not None:
            return _fairseq(folder, model, family=family, vocab_size=vocab_size)
        case _:
            return None


def _fairseq(folder: Path, model: str, *, family: Family, vocab_size: int) -> IdTable:
    """Return the table of mBART, mBART-50 or NLLB: four special tokens, shifted pieces, language codes, `<mask>`."""
    pieces = _pieces(folder / model)
    ids = {piece: number for number, piece in enumerate(_FAIRSEQ)}
    ids.update({piece: number + 1 for number, piece in enumerate(pieces) if number >= len(_FAIRSEQ) - 1})
    if family == "m2m100":  # M2M100 has a vocab.json; without it, and with the same model class, it is NLLB
        family = "nllb"
    codes = language_codes(family)
    if family == "mbart" and vocab_size > len(pieces) + 1 + len(codes) + 1:
        codes = language_codes("mbart50")
    added = {piece: len(pieces) + 1 + at for at, piece in enumerate([*codes, "<mask>"])}
    ids.update(added)
    return IdTable(model, ids, frozenset({0, 1, 2, *added.values()}))


def _with_dictionary(source: str, dictionary: Path) -> IdTable:
    """Return the table of BARTpho: fairseq's four special tokens, the pieces of the dictionary in order, `<mask>`."""
    ids = {piece: number for number, piece in enumerate(_FAIRSEQ)}
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        piece = line.rpartition(" ")[0].strip() or line.strip()
        if piece:
            ids.setdefault(piece, len(ids))
    ids.setdefault("<mask>", len(ids))
    return IdTable(source, ids, frozenset({0, 1, 2, ids["<mask>"]}))


def _pieces(path: Path) -> list[str]:
    model = load_sentencepiece(path)
    return [str(piece) for piece in model.id_to_piece(list(range(model.get_piece_size())))]


def _json_ids(path: Path) -> dict[str, int]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {str(piece): int(number) for piece, number in raw.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{path}: is not a JSON object of pieces and ids ({error}); copy or download it again"
        ) from None
