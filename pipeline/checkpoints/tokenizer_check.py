"""The tokenizer self-check: what we read must be what the checkpoint was trained with.

transformers 5 rebuilds every SentencePiece tokenizer of its T5 and mBART classes as a Unigram: a BPE one breaks, or
gives wrong ids and says nothing. So where a folder has both a SentencePiece model and a `tokenizer.json`, they must
give the same ids for ordinary sentences, or we refuse and show both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.checkpoints.checkpoint import Tokenizer
from pipeline.errors import ModelError

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
