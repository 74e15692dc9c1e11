"""Looks into a checkpoint's folder for the first time: family, tokenizer and its check, ids, lengths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.checkpoints import families, metadata, tokenizer_check, vocabularies
from pipeline.checkpoints.files import read_json
from pipeline.checkpoints.tokenizers import BpeTokenizer, JsonTokenizer, PieceTokenizer
from pipeline.errors import ModelError
from pipeline.records import JSON

_Reader = JsonTokenizer | PieceTokenizer | BpeTokenizer


def examine(folder: Path) -> metadata.Facts:
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
    table = vocabularies.read(folder, family=family, vocab_size=vocab_size)
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
    return metadata.Facts(
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
        unknown_share=tokenizer_check.unknown_share(reader, unk_id),
    )


_NO_LENGTH = 1_000_000  # transformers writes about 1e30 where a tokenizer has no longest input


def _choose(folder: Path, table: vocabularies.IdTable | None, *, family: str, unk_piece: str) -> tuple[_Reader, str]:
    """Return the tokenizer to read and its file, after comparing the two where there are two."""
    path = folder / "tokenizer.json"
    by_file = JsonTokenizer(path, unk_piece=unk_piece) if path.is_file() else None
    by_model = table.open(folder, unk_piece) if table is not None else None
    if by_file is not None and by_model is not None and table is not None:
        if not tokenizer_check.agree(by_file, by_model, tokenizer_check.PROBES):
            raise tokenizer_check.refuse(folder, json_file=by_file, model_file=by_model, model_name=table.source)
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
