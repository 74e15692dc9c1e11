"""What is found out about a checkpoint once, kept under its digest: family, tokenizer, ids, its own lengths.

Facts are a file, a conversion is a folder; either is made under another name and renamed: it is whole or not there.
Two processes may make the same folder; the first rename wins and the other's work is thrown away.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.catalog import Family
from pipeline.checkpoints.checkpoint import Tokenizer
from pipeline.checkpoints.tokenizers import BpeTokenizer, JsonTokenizer, PieceTokenizer
from pipeline.storage.atomic import new_folder, sync, write_atomically

_STALE = 24 * 3600.0  # seconds after which an abandoned building site is cleared


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


def build(where: Path, make: Callable[[Path], object]) -> None:
    """Have `make` fill an empty folder and rename it to `where`; a folder that is there already is kept."""
    where.parent.mkdir(parents=True, exist_ok=True)
    _clear_stale(where.parent)
    build_dir = new_folder(where.parent, ".building-")
    try:
        make(build_dir)
        for path in build_dir.rglob("*"):
            sync(path)
        try:
            build_dir.rename(where)
        except OSError:
            if not where.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(build_dir, ignore_errors=True)


def _clear_stale(parent: Path) -> None:
    """Remove what killed processes left behind."""
    for build_dir in parent.glob(".building-*"):
        with contextlib.suppress(OSError):
            if time.time() - build_dir.stat().st_mtime > _STALE:
                shutil.rmtree(build_dir, ignore_errors=True)
