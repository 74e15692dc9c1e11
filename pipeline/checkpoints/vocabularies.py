"""The id tables of checkpoints whose tokenizer is a SentencePiece model or PhoBERT's BPE: which piece has which id.

Sources: the tokenizer classes of transformers (T5, MBart, MBart50, Nllb, M2M100, Marian, Bartpho, Phobert), whose ids
`tests/checkpoints/test_checkpoints.py` compares with these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Family
from pipeline.checkpoints.families import language_codes
from pipeline.checkpoints.tokenizers import BpeTokenizer, PieceTokenizer, load_sentencepiece
from pipeline.errors import ModelError

_MODELS = ("spiece.model", "sentencepiece.bpe.model", "sentencepiece.model")
_FAIRSEQ = (
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
)  # fairseq's first four; the pieces follow from SentencePiece's third on


@dataclass(frozen=True, slots=True)
class IdTable:
    """A tokenizer file and the id of each of its pieces."""

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


def read(folder: Path, *, family: Family, vocab_size: int) -> IdTable | None:
    """Return the id table of the checkpoint in `folder`, or None where its files hold none."""
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
            above = range(len(pieces), vocab_size)  # sentinels, the first one last, and padding of the embedding
            ids.update({f"<extra_id_{vocab_size - 1 - number}>": number for number in above})
            specials = {ids[piece] for piece in ("<pad>", "</s>", "<s>") if piece in ids} | set(above)
            return IdTable(model, ids, frozenset(specials))
        case "mbart" | "mbart50" | "m2m100" | "nllb" if model is not None:
            return _fairseq(folder, model, family=family, vocab_size=vocab_size)
        case _:
            return None


def _fairseq(folder: Path, model: str, *, family: Family, vocab_size: int) -> IdTable:
    """Return the table of mBART, mBART-50 and NLLB: four specials, pieces shifted by one, language codes, `<mask>`."""
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
    """Return the table of a BARTpho: fairseq's four, then the dictionary's pieces in its order, then `<mask>`."""
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
        raise ModelError(f"{path}: not a table of pieces and ids ({error}); copy or download it again") from None
