"""Tokenizers without transformers: `tokenizer.json`, a SentencePiece model with its id table, PhoBERT's BPE.

`AutoTokenizer` imports torch, which takes seconds, and rebuilds some tokenizers as another type with wrong ids (see
`metadata`). Here SentencePiece itself segments the text, and the id table of the family (see `families`), with which
the checkpoint was trained, gives the ids of the pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import ModelError

if TYPE_CHECKING:
    import sentencepiece
    import tokenizers

UNKNOWN = "⁇"


class JsonTokenizer:
    """A `tokenizer.json`, read by the `tokenizers` library."""

    def __init__(self, path: Path, *, unk_piece: str) -> None:
        from tokenizers import Tokenizer

        content = path.read_bytes()
        try:
            # from_file raises a bare Exception
            self._inner: tokenizers.Tokenizer = Tokenizer.from_buffer(content)
        except ValueError as error:
            raise ModelError(
                f"{path}: the `tokenizers` library cannot read it ({error}); copy or download it again"
            ) from None
        self._inner.no_truncation()  # some files have the truncation of the training, which would cut articles silently
        self._inner.no_padding()
        self._inner.encode_special_tokens = True
        self._unk_piece = unk_piece
        # A Unigram vocabulary lists its special tokens as pieces, so it finds them in a text even so.
        specials = self.specials()
        self._spelled = {number: self._spell(piece) for piece, number in specials.items() if piece != unk_piece}
        self._known: dict[str, list[int]] | None = {} if _by_words(json.loads(content)) else None

    def _spell(self, piece: str) -> list[int]:
        """Return the ids of the characters of a special token, which replace it where a text contains it."""
        find = self._inner.token_to_id
        unk = find(self._unk_piece)
        ids: list[int] = []
        for letter in piece:
            whole = find(letter)
            parts = [whole] if whole is not None else [find(f"<0x{byte:02X}>") for byte in letter.encode()]
            ids.extend(part for part in (unk if part is None else part for part in parts) if part is not None)
        return ids

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        known = self._known
        if known is None:
            return self._encode(texts)
        try:
            return [self._row(text, known) for text in texts]
        except KeyError:  # a new word
            known = self._learn(texts, known)
            return [self._row(text, known) for text in texts]

    def _row(self, text: str, known: dict[str, list[int]]) -> list[int]:
        # Metaspace does not put its mark before a word that begins with the mark, unless another word precedes it.
        if _SPACE in text:
            return self._encode([text])[0]
        return list(chain.from_iterable(map(known.__getitem__, text.split(" "))))

    def _learn(self, texts: Sequence[str], known: dict[str, list[int]]) -> dict[str, list[int]]:
        """Add the words of `texts` to the cached words and return them; a full cache is emptied first."""
        if len(known) > _WORDS_KEPT:
            known = self._known = {}
        new = set(chain.from_iterable(text.split(" ") for text in texts)).difference(known)
        known.update(zip(new, self._encode(list(new)), strict=True))
        return known

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        if len(texts) < _MANY:
            encodings = [self._inner.encode(text, add_special_tokens=False) for text in texts]
        else:
            encodings = self._inner.encode_batch(list(texts), add_special_tokens=False)
        rows = [encoding.ids for encoding in encodings]
        return [
            row
            if self._spelled.keys().isdisjoint(row)
            else [part for token in row for part in self._spelled.get(token, [token])]
            for row in rows
        ]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of ids."""
        texts = self._inner.decode_batch([list(row) for row in rows], skip_special_tokens=False)
        return [text.replace(self._unk_piece, UNKNOWN) for text in texts]

    def piece(self, token: int) -> str:
        """Return the piece of an id."""
        return self._inner.id_to_token(token) or f"<unused_{token}>"

    def find(self, piece: str) -> int | None:
        """Return the id of a piece, or None."""
        return self._inner.token_to_id(piece)

    def size(self) -> int:
        """Return one more than the highest id."""
        return max(self._inner.get_vocab(with_added_tokens=True).values()) + 1

    def specials(self) -> dict[str, int]:
        """Return the special tokens and their ids."""
        added = self._inner.get_added_tokens_decoder()
        return {token.content: number for number, token in added.items() if token.special}

    def added(self) -> dict[str, int]:
        """Return the tokens added to the model's own vocabulary, special ones too, and their ids."""
        return {token.content: number for number, token in self._inner.get_added_tokens_decoder().items()}


_SPACE = "▁"  # Metaspace's mark of a space
_MANY = 64
"""From this number of texts on, several threads are faster: starting them takes 0.1 ms, encoding a word 0.01 ms."""
_WORDS_KEPT = 200_000
"""Words in the cache, about 50 MB; 1,000 news articles have about 16,000 different words."""


def _by_words(file: dict[str, Any]) -> bool:
    """Return whether the tokenizer encodes each word independently, so that the ids of words can be cached.

    The cache makes news, whose words repeat, several times faster. It needs that nothing spans a space: Metaspace, no
    added tokens but special ones, and a normalizer that adds no spaces.
    """
    metaspace = file.get("pre_tokenizer") or {}
    normalizer = file.get("normalizer") or {}
    steps = normalizer.get("normalizers", [normalizer]) if normalizer else []
    return (
        (metaspace.get("type"), metaspace.get("split")) == ("Metaspace", True)
        and metaspace.get("prepend_scheme") == "always"
        and all(token["special"] for token in file.get("added_tokens", []))
        and all(
            step["type"] in {"NFC", "Strip"} or (step["type"] == "Replace" and step["content"] == " ") for step in steps
        )
    )


class PieceTokenizer:
    """A SentencePiece model and the table from its pieces to the checkpoint's ids."""

    def __init__(self, source: Path, *, ids: Mapping[str, int], unk_id: int, target: Path | None = None) -> None:
        self._source = load_sentencepiece(source)
        self._target = load_sentencepiece(target) if target is not None else self._source
        self._ids = ids
        self._unk_id = unk_id
        self._pieces = {number: piece for piece, number in ids.items()}
        self._target_unk = self._target.id_to_piece(self._target.unk_id())  # decoded as `⁇`

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        rows: list[list[str]] = self._source.encode(list(texts), out_type=str)
        return [[self._ids.get(piece, self._unk_id) for piece in row] for row in rows]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of ids."""
        return [self._text([self.piece(token) for token in row]) for row in rows]

    def _text(self, pieces: list[str]) -> str:
        unk = self._pieces.get(self._unk_id)
        return str(self._target.decode_pieces([self._target_unk if piece == unk else piece for piece in pieces]))

    def piece(self, token: int) -> str:
        """Return the piece of an id."""
        return self._pieces.get(token) or f"<unused_{token}>"

    def find(self, piece: str) -> int | None:
        """Return the id of a piece, or None."""
        return self._ids.get(piece)

    def size(self) -> int:
        """Return one more than the highest id."""
        return max(self._pieces) + 1


def load_sentencepiece(path: Path) -> sentencepiece.SentencePieceProcessor:
    """Return the SentencePiece model at `path`; raises `ModelError` if it is not one."""
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path}: is not a SentencePiece model ({error}); copy or download it again") from None


class BpeTokenizer:
    """PhoBERT's BPE (`bpe.codes`, `vocab.txt`), used by bartpho-word; a piece that ends within a word ends in `@@`."""

    def __init__(self, codes: Path, *, ids: Mapping[str, int], unk_id: int) -> None:
        lines = codes.read_text(encoding="utf-8").splitlines()
        self._ranks = {(line.split()[0], line.split()[1]): rank for rank, line in enumerate(lines) if line.strip()}
        self._ids = ids
        self._unk_id = unk_id
        self._pieces = {number: piece for piece, number in ids.items()}
        self._known: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        if len(self._known) > _WORDS_KEPT:
            self._known = {}
        return [[token for word in re.findall(r"\S+", text) for token in self._word(word)] for text in texts]

    def _word(self, word: str) -> list[int]:
        found = self._known.get(word)
        if found is None:
            parts = [*word[:-1], word[-1] + "</w>"]
            while len(parts) > 1:
                best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
                if best not in self._ranks:
                    break
                parts = _merge(parts, best)
            pieces = [*(part + "@@" for part in parts[:-1]), parts[-1].removesuffix("</w>")]
            found = [self._ids.get(piece, self._unk_id) for piece in pieces]
            self._known[word] = found
        return found

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of ids."""
        unk = self._pieces.get(self._unk_id)
        named = ([self.piece(token) for token in row] for row in rows)
        texts = (" ".join(UNKNOWN if piece == unk else piece for piece in row) for row in named)
        return [re.sub(r"@@( |$)", "", text) for text in texts]

    def piece(self, token: int) -> str:
        """Return the piece of an id."""
        return self._pieces.get(token) or f"<unused_{token}>"

    def find(self, piece: str) -> int | None:
        """Return the id of a piece, or None."""
        return self._ids.get(piece)

    def size(self) -> int:
        """Return one more than the highest id."""
        return max(self._pieces) + 1


def _merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Return `parts` with every occurrence of `pair` merged, from left to right."""
    merged: list[str] = []
    at = 0
    while at < len(parts):
        if tuple(parts[at : at + 2]) == pair:
            merged.append(parts[at] + parts[at + 1])
            at += 2
        else:
            merged.append(parts[at])
            at += 1
    return merged


class WordTokenizer:
    """The tokenizer of the fake engine: a word is a token, and its id encodes its letters, so it needs no table."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        return [[int.from_bytes(b"\1" + word.encode()) for word in text.split()] for text in texts]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of ids."""
        return [" ".join(self.piece(token) for token in row) for row in rows]

    def piece(self, token: int) -> str:
        """Return the word that the id encodes."""
        return token.to_bytes((token.bit_length() + 7) // 8)[1:].decode()

    def find(self, piece: str) -> int | None:
        """Return the id of a word."""
        return self.encode([piece])[0][0] if piece.strip() else None
