"""Read the metadata of a checkpoint from its files: family, tokenizer, special ids, lengths.

`prepare` caches them under the digest of the checkpoint. Reading includes the tokenizer check: transformers 5 rebuilds
every SentencePiece tokenizer of its T5 and mBART classes as a Unigram, so a BPE one fails or silently gives wrong ids.
If a folder has both a SentencePiece model and a `tokenizer.json`, they must give the same ids for ordinary sentences,
otherwise the checkpoint is refused with an error that shows both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.catalog import Family
from pipeline.checkpoints import families
from pipeline.checkpoints.checkpoint import Tokenizer
from pipeline.checkpoints.files import read_json
from pipeline.checkpoints.tokenizers import BpeTokenizer, JsonTokenizer, PieceTokenizer
from pipeline.errors import ModelError
from pipeline.records import JSON
from pipeline.storage.atomic import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The metadata of one checkpoint. Ids and lengths are in tokens of its own tokenizer."""

    family: Family
    form: Literal["json", "pieces", "bpe"]
    source: str  # name of the tokenizer file
    target: str | None  # Marian's SentencePiece model of the target side
    ids: dict[str, int] | None  # the id table of a SentencePiece model; None for tokenizer.json
    bos_id: int | None
    pad_id: int
    eos_id: int
    unk_id: int
    unk_piece: str
    special_ids: list[int]
    vocab_size: int  # rows of the embedding
    decoder_start_id: int | None  # from the config files
    forced_bos_id: int | None  # from the config files
    positions: int | None  # rows of the position table; None for relative positions
    model_max_length: int | None
    legacy: bool  # NLLB's first layout: the language code after the text
    unknown_share: float  # share of <unk> among the tokens of `PROBES`


def open_tokenizer(metadata: Metadata, folder: Path) -> Tokenizer:
    """Return the tokenizer of the checkpoint in `folder`; imports neither torch nor transformers."""
    path = folder / metadata.source
    match metadata.form:
        case "json":
            return JsonTokenizer(path, unk_piece=metadata.unk_piece)
        case "pieces":
            assert metadata.ids is not None
            target = folder / metadata.target if metadata.target else None
            return PieceTokenizer(path, ids=metadata.ids, unk_id=metadata.unk_id, target=target)
        case "bpe":
            assert metadata.ids is not None
            return BpeTokenizer(path, ids=metadata.ids, unk_id=metadata.unk_id)


def load_metadata(path: Path) -> Metadata | None:
    """Return the metadata cached at `path`, or None if this version cannot read them."""
    try:
        return Metadata(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def save_metadata(metadata: Metadata, path: Path) -> None:
    """Write the metadata to `path`."""
    write_atomically(path, json.dumps(asdict(metadata), ensure_ascii=False))


_Tokenizer = JsonTokenizer | PieceTokenizer | BpeTokenizer


def read_metadata(folder: Path) -> Metadata:
    """Return the metadata of the checkpoint in `folder`; raises `ModelError` with a remedy when it cannot be used."""
    config = read_json(folder / "config.json")
    generation = read_json(folder / "generation_config.json")
    tokenizer_config = read_json(folder / "tokenizer_config.json")
    family = families.detect(folder, config, tokenizer_config)
    if tokenizer_config.get("separate_vocabs"):
        raise ModelError(
            f"{folder}: has separate vocabularies for source and target, which is not supported; use another model"
        )
    vocab_size = _whole(config, "vocab_size")
    if vocab_size is None:
        raise ModelError(f"{folder}/config.json: no vocab_size; the checkpoint is damaged: copy or download it again")
    names = _special_names(folder, tokenizer_config)
    table = families.read_id_table(folder, family=family, vocab_size=vocab_size)
    reader, source = _choose_tokenizer(folder, table, family=family, unk_piece=names["unk"])
    ids = _special_ids(folder, reader, names, config)
    if reader.size() > vocab_size:
        raise ModelError(
            f"{folder}: the tokenizer has {reader.size()} tokens, the model's embedding {vocab_size}; the tokenizer "
            "is another checkpoint's: copy or download both again"
        )
    by_json = isinstance(reader, JsonTokenizer)
    specials = set(reader.specials().values()) if isinstance(reader, JsonTokenizer) else set()
    if table is not None and not by_json:
        specials |= table.specials
    specials |= {number for kind, number in ids.items() if number is not None and kind != "unk"}
    start, forced = (_whole(generation, name) for name in ("decoder_start_token_id", "forced_bos_token_id"))
    pad_id, eos_id, unk_id = ids["pad"], ids["eos"], ids["unk"]
    assert pad_id is not None
    assert eos_id is not None
    assert unk_id is not None
    length = _whole(tokenizer_config, "model_max_length")
    return Metadata(
        family=families.refine(family, reader),
        form="json" if by_json else "bpe" if isinstance(reader, BpeTokenizer) else "pieces",
        source=source,
        target=table.target if table is not None and not by_json else None,
        ids=dict(table.ids) if table is not None and not by_json else None,
        bos_id=ids["bos"],
        pad_id=pad_id,
        eos_id=eos_id,
        unk_id=unk_id,
        unk_piece=names["unk"],
        special_ids=sorted(specials - {unk_id}),
        vocab_size=vocab_size,
        decoder_start_id=_whole(config, "decoder_start_token_id") if start is None else start,
        forced_bos_id=_whole(config, "forced_bos_token_id") if forced is None else forced,
        positions=None if family in {"t5", "mt5"} else _whole(config, "max_position_embeddings"),
        model_max_length=length if length is not None and length < _NO_LENGTH else _whole(config, "n_positions"),
        legacy=tokenizer_config.get("legacy_behaviour") is True,
        unknown_share=_unknown_share(reader, unk_id),
    )


_NO_LENGTH = 1_000_000  # transformers writes about 1e30 for a tokenizer without a longest input


def _choose_tokenizer(
    folder: Path, table: families.IdTable | None, *, family: str, unk_piece: str
) -> tuple[_Tokenizer, str]:
    """Return the tokenizer to use and the name of its file; compares the two if the folder has two."""
    path = folder / "tokenizer.json"
    by_file = JsonTokenizer(path, unk_piece=unk_piece) if path.is_file() else None
    by_model = table.open(folder, unk_piece) if table is not None else None
    if by_file is not None and by_model is not None and table is not None:
        if not _same_ids(by_file, by_model, PROBES):
            raise _mismatch(folder, json_file=by_file, model_file=by_model, model_name=table.source)
        own = {piece: number for piece, number in by_file.added().items() if not piece.startswith("<extra_id_")}
        if all(table.ids.get(piece) == number for piece, number in own.items()):
            # The SentencePiece model is ten times faster, and has byte_fallback, which tokenizer.json files lack.
            return by_model, table.source
    if by_file is not None:
        return by_file, path.name
    if by_model is not None and table is not None:
        return by_model, table.source
    raise ModelError(
        f"{folder}: no tokenizer that fits a {family} checkpoint (tokenizer.json, a SentencePiece model with its "
        "table, or bpe.codes with vocab.txt); copy or download it beside config.json"
    )


def _special_names(folder: Path, tokenizer_config: Mapping[str, JSON]) -> dict[str, str]:
    """Return the pieces of the four special tokens, from the files or by the common default."""
    mapped = read_json(folder / "special_tokens_map.json")
    names = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    for kind in names:
        for value in (tokenizer_config.get(f"{kind}_token"), mapped.get(f"{kind}_token")):
            content = value.get("content") if isinstance(value, dict) else value
            if isinstance(content, str):
                names[kind] = content
                break
    return names


def _special_ids(
    folder: Path, reader: _Tokenizer, names: Mapping[str, str], config: Mapping[str, JSON]
) -> dict[str, int | None]:
    """Return the ids of the special tokens; raises `ModelError` if config.json has other ids."""
    ids = {kind: reader.find(piece) for kind, piece in names.items()}
    for kind in ("pad", "eos", "unk"):
        if ids[kind] is None:
            raise ModelError(
                f"{folder}: the tokenizer has no {kind} token {names[kind]!r}; name it in tokenizer_config.json "
                f"as {kind}_token"
            )
    for kind in ("pad", "eos"):
        expected = _whole(config, f"{kind}_token_id")
        if expected is not None and expected != ids[kind]:
            raise ModelError(
                f"{folder}: config.json says {kind}_token_id {expected}, but the tokenizer's {names[kind]!r} is "
                f"{ids[kind]}; the tokenizer is another checkpoint's: copy or download both again"
            )
    return ids


def _whole(mapping: Mapping[str, JSON], name: str) -> int | None:
    value = mapping.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


PROBES = (
    "Hôm nay trời mưa to ở Hà Nội, nhiều tuyến phố ngập sâu.",
    "Ủy ban nhân dân tỉnh vừa phê duyệt dự án trị giá 1.250 tỷ đồng.",
    "Nghiên cứu viên cho biết giá xăng tăng 3,5% trong quý II/2023.",
    "“Chúng tôi sẽ cố gắng hết sức”, huấn luyện viên nói sau trận đấu.",
    "TP.HCM: Thêm 12 ca mắc mới, người dân được khuyến cáo đeo khẩu trang.",
    "The government said on Tuesday that prices rose by 4.2% last year.",
    "She doesn't know whether the new bridge will open before Christmas.",
)
"""Ordinary sentences: every tone, digits, punctuation, quotes, English."""


def _same_ids(one: Tokenizer, other: Tokenizer, texts: Sequence[str]) -> bool:
    """Return whether two tokenizers give the same ids for each of `texts`."""
    return one.encode(texts) == other.encode(texts)


def _mismatch(folder: Path, *, json_file: Tokenizer, model_file: Tokenizer, model_name: str) -> ModelError:
    """Return the error that shows the first of `PROBES` for which the two tokenizers give different ids."""
    pairs = zip(PROBES, json_file.encode(PROBES), model_file.encode(PROBES), strict=True)
    text, by_json, by_model = next(pair for pair in pairs if pair[1] != pair[2])
    return ModelError(
        f"{folder}: tokenizer.json and {model_name} give different ids, so one of them would silently give the model "
        f"wrong input. {text!r} is {_show(by_json, json_file)} by tokenizer.json and "
        f"{_show(by_model, model_file)} by {model_name}. Remove the one that the checkpoint was not trained with "
        "(usually a tokenizer.json that transformers 5 wrote for a BPE model)"
    )


def _unknown_share(tokenizer: Tokenizer, unk_id: int) -> float:
    """Return the share of `<unk>` among the tokens of `PROBES`."""
    tokens = [token for row in tokenizer.encode(PROBES) for token in row]
    return tokens.count(unk_id) / max(1, len(tokens))


def _show(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    shown = " ".join(f"{tokenizer.piece(token)}={token}" for token in ids[:12])
    return f"[{shown}{' …' if len(ids) > 12 else ''}]"  # noqa: PLR2004 - fits on a screen
