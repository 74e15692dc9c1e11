"""What is found out about a checkpoint once, kept under its digest: family, tokenizer, ids, its own lengths.

Facts are a file, a conversion is a folder; either is made under another name and renamed: it is whole or not there.
Two processes may make the same folder; the first rename wins and the other's work is thrown away.
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
class Facts:
    """What the files of one checkpoint say."""

    family: Family
    form: Literal["json", "pieces", "bpe"]
    source: str  # the tokenizer file that is read
    target: str | None  # Marian's SentencePiece model of the target side
    ids: dict[str, int] | None  # the id table of a SentencePiece model; None for tokenizer.json
    bos_id: int | None
    pad_id: int
    eos_id: int
    unk_id: int
    unk_piece: str
    special_ids: list[int]
    vocab_size: int  # rows of the embedding
    decoder_start_id: int | None  # as the files say
    forced_bos_id: int | None  # as the files say
    positions: int | None  # the longest source the position table allows; None where positions are relative
    model_max_length: int | None
    legacy: bool  # NLLB's first layout: the language code behind the text
    unknown_share: float  # of <unk> among the probes' tokens


def tokenizer(facts: Facts, folder: Path) -> Tokenizer:
    """Return the tokenizer that the facts speak of; imports neither torch nor transformers."""
    path = folder / facts.source
    match facts.form:
        case "json":
            return JsonTokenizer(path, unk_piece=facts.unk_piece)
        case "pieces":
            assert facts.ids is not None
            target = folder / facts.target if facts.target else None
            return PieceTokenizer(path, ids=facts.ids, unk_id=facts.unk_id, target=target)
        case "bpe":
            assert facts.ids is not None
            return BpeTokenizer(path, ids=facts.ids, unk_id=facts.unk_id)


def remembered(path: Path) -> Facts | None:
    """Return the facts kept at `path`, or None where there are none that this version can read."""
    try:
        return Facts(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remember(facts: Facts, path: Path) -> None:
    """Keep the facts at `path`."""
    write_atomically(path, json.dumps(asdict(facts), ensure_ascii=False))


_Reader = JsonTokenizer | PieceTokenizer | BpeTokenizer


def examine(folder: Path) -> Facts:
    """Return the facts of the checkpoint in `folder`; raises `ModelError` with a remedy when it cannot be used."""
    config = read_json(folder / "config.json")
    generation = read_json(folder / "generation_config.json")
    tokenizer_config = read_json(folder / "tokenizer_config.json")
    family = families.detect(folder, config, tokenizer_config)
    if tokenizer_config.get("separate_vocabs"):
        raise ModelError(f"{folder}: has separate vocabularies for source and target, which tomdich does not support")
    vocab_size = _whole(config, "vocab_size")
    if vocab_size is None:
        raise ModelError(f"{folder}/config.json: no vocab_size; the checkpoint is damaged: copy or download it again")
    names = _special_names(folder, tokenizer_config)
    table = families.read_id_table(folder, family=family, vocab_size=vocab_size)
    reader, source = _choose(folder, table, family=family, unk_piece=names["unk"])
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
    return Facts(
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
        unknown_share=unknown_share(reader, unk_id),
    )


_NO_LENGTH = 1_000_000  # transformers writes about 1e30 where a tokenizer has no longest input


def _choose(folder: Path, table: families.IdTable | None, *, family: str, unk_piece: str) -> tuple[_Reader, str]:
    """Return the tokenizer to read and its file, after comparing the two where there are two."""
    path = folder / "tokenizer.json"
    by_file = JsonTokenizer(path, unk_piece=unk_piece) if path.is_file() else None
    by_model = table.open(folder, unk_piece) if table is not None else None
    if by_file is not None and by_model is not None and table is not None:
        if not agree(by_file, by_model, PROBES):
            raise refuse(folder, json_file=by_file, model_file=by_model, model_name=table.source)
        own = {piece: number for piece, number in by_file.added().items() if not piece.startswith("<extra_id_")}
        if all(table.ids.get(piece) == number for piece, number in own.items()):
            # ten times faster, and it still has the bytes that are lost on the way to tokenizer.json
            return by_model, table.source
    if by_file is not None:
        return by_file, path.name
    if by_model is not None and table is not None:
        return by_model, table.source
    raise ModelError(
        f"{folder}: no tokenizer that a {family} checkpoint can have (tokenizer.json, a SentencePiece model with its "
        "table, or bpe.codes with vocab.txt); copy or download it beside config.json"
    )


def _special_names(folder: Path, tokenizer_config: Mapping[str, JSON]) -> dict[str, str]:
    """Return the pieces of the four special tokens, as the files name them or as every family writes them."""
    mapped = read_json(folder / "special_tokens_map.json")
    names = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    for kind in names:
        for said in (tokenizer_config.get(f"{kind}_token"), mapped.get(f"{kind}_token")):
            content = said.get("content") if isinstance(said, dict) else said
            if isinstance(content, str):
                names[kind] = content
                break
    return names


def _special_ids(
    folder: Path, reader: _Reader, names: Mapping[str, str], config: Mapping[str, JSON]
) -> dict[str, int | None]:
    """Return the ids of the special tokens, compared with what the model was built for."""
    ids = {kind: reader.find(piece) for kind, piece in names.items()}
    for kind in ("pad", "eos", "unk"):
        if ids[kind] is None:
            raise ModelError(
                f"{folder}: the tokenizer has no {kind} token {names[kind]!r}; name it in tokenizer_config.json "
                f"as {kind}_token"
            )
    for kind in ("pad", "eos"):
        said = _whole(config, f"{kind}_token_id")
        if said is not None and said != ids[kind]:
            raise ModelError(
                f"{folder}: config.json says {kind}_token_id {said}, but the tokenizer's {names[kind]!r} is "
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
"""Ordinary sentences: letters with every tone, digits, punctuation, quotes, English."""


def agree(one: Tokenizer, other: Tokenizer, texts: Sequence[str]) -> bool:
    """Return whether two tokenizers give the same ids for all of `texts`."""
    return one.encode(texts) == other.encode(texts)


def refuse(folder: Path, *, json_file: Tokenizer, model_file: Tokenizer, model_name: str) -> ModelError:
    """Return the error that shows the first probe on which `tokenizer.json` and the SentencePiece model differ."""
    pairs = zip(PROBES, json_file.encode(PROBES), model_file.encode(PROBES), strict=True)
    text, by_json, by_model = next(pair for pair in pairs if pair[1] != pair[2])
    return ModelError(
        f"{folder}: tokenizer.json and {model_name} do not agree, and one of them would feed the model wrong ids "
        f"without a sign. {text!r} is {_show(by_json, json_file)} by tokenizer.json and "
        f"{_show(by_model, model_file)} by {model_name}. Remove the one that the checkpoint was not trained with "
        "(a tokenizer.json that transformers 5 wrote for a BPE model is the usual culprit)"
    )


def unknown_share(tokenizer: Tokenizer, unk_id: int) -> float:
    """Return the share of `<unk>` among the tokens of the probes."""
    tokens = [token for row in tokenizer.encode(PROBES) for token in row]
    return tokens.count(unk_id) / max(1, len(tokens))


def _show(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    shown = " ".join(f"{tokenizer.piece(token)}={token}" for token in ids[:12])
    return f"[{shown}{' …' if len(ids) > 12 else ''}]"  # noqa: PLR2004 - what fits on a screen
