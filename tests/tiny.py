"""Tiny checkpoints of every family, real in all but size: built, saved and cached once a process.

Each has the files that the checkpoint it stands for has on the hub: the same config fields, the same tokenizer files
(SentencePiece models trained here on sentences made here), random weights. Weights are drawn wide, so that the next
token is decided by the input rather than by rounding, and answers differ from text to text.
"""

from __future__ import annotations

import atexit
import functools
import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Kind = Literal[
    "t5", "t5-bpe", "t5-json", "mt5", "mbart", "mbart50", "m2m100", "nllb", "marian", "bartpho", "bartpho-word", "bart"
]
KINDS: tuple[Kind, ...] = (
    "t5", "t5-bpe", "t5-json", "mt5", "mbart", "mbart50", "m2m100", "nllb", "marian", "bartpho", "bartpho-word", "bart"
)  # fmt: skip
LANGUAGES: dict[str, dict[str, Any]] = {  # what a stage must be given for each kind that has language codes
    "mbart": {"source_lang": "vi_VN", "target_lang": "en_XX"},
    "mbart50": {"source_lang": "vi_VN", "target_lang": "en_XX"},
    "m2m100": {"source_lang": "vi", "target_lang": "en"},
    "nllb": {"source_lang": "vie_Latn", "target_lang": "eng_Latn"},
}

_WHO = ["Chị Hoa", "Anh Tuấn", "Ông Bảy", "Cô giáo", "Nhóm sinh viên", "Huấn luyện viên", "Bác sĩ trực", "Ủy ban tỉnh", "Người dân", "Đội cứu hộ"]  # fmt: skip
_DID = ["cho biết", "khẳng định", "lo ngại rằng", "vừa công bố rằng", "hy vọng", "từng nghĩ", "nói thêm", "dự báo"]
_WHAT = ["giá xăng sẽ giảm", "mưa lớn còn kéo dài", "cây cầu mới sắp mở", "trường học đóng cửa", "mùa vải năm nay được giá", "trận đấu bị hoãn", "nước sông đang rút", "bệnh viện thiếu thuốc"]  # fmt: skip
_WHEN = ["hôm nay", "vào tuần tới", "từ tháng 9", "sau kỳ nghỉ", "trong quý II/2023", "lúc 5 giờ 30", "ở Hà Nội", "tại TP.HCM", "ở Mẫu Sơn"]  # fmt: skip
_EN_WHO = ["The mayor", "A nurse", "Our teacher", "The coach", "Two students", "The ministry", "She", "Nobody"]
_EN_DID = ["said that", "does not believe", "hopes", "announced on Tuesday that", "doesn't know whether", "wrote that"]
_EN_WHAT = ["the bridge will open", "prices rose by 4.2%", "the river is falling", "schools stay closed", "the match was delayed"]  # fmt: skip
_EN_WHEN = ["before Christmas", "last year", "in Hanoi", "this week", "after the holiday", "at 5:30"]


def sentences(count: int = 900) -> list[str]:
    """Return made-up sentences, two of three Vietnamese, the same on every call."""
    rng = random.Random(7)
    made = []
    for at in range(count):
        if at % 3 == 2:
            line = f"{rng.choice(_EN_WHO)} {rng.choice(_EN_DID)} {rng.choice(_EN_WHAT)} {rng.choice(_EN_WHEN)}"
        else:
            line = f"{rng.choice(_WHO)} {rng.choice(_DID)} {rng.choice(_WHAT)} {rng.choice(_WHEN)}"
        number = (
            f"{rng.randrange(1, 99)},{rng.randrange(10)}% trong {rng.randrange(1, 30)}.{rng.randrange(100, 999)} ca"
        )
        made.append(rng.choice([f"{line}.", f"“{line}”, {number}!", f"{line}: {number} - có đúng không?", f"({line})"]))
    # every letter with every tone, so that no ordinary text is unknown
    vowels = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ"
    letters = "bcdđghklmnpqrstvxfjwzBCDĐGHKLMNPQRSTVXFJWZAĂÂEÊIOÔƠUƯY"
    made += [
        f"{rng.choice(letters)}{vowel}{rng.choice('nmtc')} {vowel}{letter}"
        for vowel in vowels
        for letter in letters[:8]
    ]
    made += [f"x{letter} {letter}" for letter in letters]
    return made


@functools.cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="tiny-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@functools.cache
def spm(layout: Literal["t5", "fairseq", "t5-bytes"], model_type: Literal["unigram", "bpe"]) -> Path:
    """Return a trained SentencePiece model with the special pieces of T5 (pad, eos, unk) or fairseq (unk, s, /s)."""
    import sentencepiece

    prefix = _root() / f"{layout}-{model_type}"
    corpus = _root() / "corpus.txt"
    corpus.write_text("\n".join(sentences()), encoding="utf-8")
    t5 = layout != "fairseq"
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(prefix),
        vocab_size=420 + 256 * (layout == "t5-bytes"),
        model_type=model_type,
        byte_fallback=layout == "t5-bytes",
        character_coverage=1.0,
        pad_id=0 if t5 else -1,
        eos_id=1 if t5 else 2,
        unk_id=2 if t5 else 0,
        bos_id=-1 if t5 else 1,
        minloglevel=2,
    )
    return prefix.with_suffix(".model")


@functools.cache
def checkpoint(kind: Kind) -> Path:  # noqa: C901
    """Return the folder of the tiny checkpoint of this kind."""
    folder = _root() / kind
    folder.mkdir()
    match kind:
        case "t5":
            _t5(folder, spm("t5", "unigram"))
        case "t5-bpe":
            _t5(folder, spm("t5", "bpe"))
        case "t5-json":
            _t5_json(folder)
        case "mt5":
            _mt5(folder)
        case "mbart":
            _mbart(folder)
        case "mbart50":
            _mbart50(folder)
        case "m2m100":
            _m2m100(folder)
        case "nllb":
            _nllb(folder)
        case "marian":
            _marian(folder)
        case "bartpho":
            _bartpho(folder)
        case "bartpho-word":
            _bartpho_word(folder)
        case "bart":
            _bart(folder)
    return folder


def copy(kind: Kind, folder: Path) -> Path:
    """Return a copy of the tiny checkpoint, for a test that changes its files."""
    return Path(shutil.copytree(checkpoint(kind), folder))


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def change_json(path: Path, **values: object) -> None:
    raw = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, {**raw, **values})


def _save(model: PreTrainedModel, folder: Path, *, seed: int) -> None:
    """Draw the weights wide and save them; the generation values are written by each builder itself.

    Layers weigh more than embeddings, or each token would only call for itself; the end mark's row is longer than
    the others', or no answer would ever end.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    rng = torch.Generator().manual_seed(seed)
    end, pad = model.config.eos_token_id, model.config.pad_token_id
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "shared" in name or "embed_tokens" in name or "lm_head" in name:
                weight.normal_(0, 0.5, generator=rng)
                weight[end] *= 1.8
                if model.config.model_type not in {"t5", "mt5"}:
                    weight[pad] = 0  # as `padding_idx` leaves it; CTranslate2 starts Marian's decoder from zeros
            elif "position" in name:
                if model.config.model_type in {"bart", "mbart"}:  # learned; the others compute theirs
                    weight.normal_(0, 0.1, generator=rng)
            elif weight.dim() > 1:
                weight.normal_(0, 2.5 * weight.shape[1] ** -0.5, generator=rng)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def _specials(folder: Path, tokenizer_class: str, **more: Any) -> None:
    tokens = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    write_json(folder / "special_tokens_map.json", tokens)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": tokenizer_class, **tokens, **more})


def _size(model: Path) -> int:
    import sentencepiece

    return int(sentencepiece.SentencePieceProcessor(model_file=str(model)).get_piece_size())


def _t5_config(vocab_size: int, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": vocab_size, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 2,
        "num_heads": 4, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, **more,
    }  # fmt: skip


def _t5(folder: Path, model: Path) -> None:
    """As VietAI/vit5 (and envit5, with BPE): `spiece.model`, and sentinels above its pieces."""
    from transformers import T5Config, T5ForConditionalGeneration

    shutil.copy(model, folder / "spiece.model")
    size = _size(model) + 96
    _save(T5ForConditionalGeneration(T5Config(**_t5_config(size, tie_word_embeddings=True))), folder, seed=1)
    _specials(folder, "T5Tokenizer", extra_ids=96)
    change_json(folder / "config.json", n_positions=512)


def _t5_json(folder: Path) -> None:
    """As the bundled checkpoints: one `tokenizer.json`, Unigram with bytes, float16 weights."""
    import sentencepiece
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import T5Config, T5ForConditionalGeneration

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(spm("t5-bytes", "unigram")))
    vocabulary = [(pieces.id_to_piece(at), pieces.get_score(at)) for at in range(len(pieces))]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    metaspace = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), metaspace])
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = T5Config(**_t5_config(len(pieces), tie_word_embeddings=True))
    model = T5ForConditionalGeneration(config)
    model.half()  # type: ignore[no-untyped-call]
    _save(model, folder, seed=2)
    _specials(folder, "PreTrainedTokenizerFast", model_max_length=512)
    write_json(folder / "generation_config.json", {"max_new_tokens": 48, "num_beams": 1, "decoder_start_token_id": 0})


def _mt5(folder: Path) -> None:
    """As csebuetnlp/mT5_multilingual_XLSum: generation values in an old `config.json`."""
    from transformers import MT5Config, MT5ForConditionalGeneration

    model = spm("t5", "unigram")
    shutil.copy(model, folder / "spiece.model")
    config = _t5_config(_size(model) + 12, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    _save(MT5ForConditionalGeneration(MT5Config(**config)), folder, seed=3)
    _specials(folder, "T5Tokenizer", extra_ids=0)
    change_json(
        folder / "config.json", max_length=84, num_beams=4, no_repeat_ngram_size=2, length_penalty=0.6, n_positions=512
    )


def _bart_config(vocab_size: int, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": vocab_size, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
        "max_position_embeddings": 256, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
        "decoder_start_token_id": 2, **more,
    }  # fmt: skip


def _mbart(folder: Path) -> None:
    """As vinai/vinai-translate-vi2en-v2: mBART-25's tokenizer."""
    from transformers import MBartConfig, MBartForConditionalGeneration

    model = spm("fairseq", "unigram")
    shutil.copy(model, folder / "sentencepiece.bpe.model")
    config = MBartConfig(**_bart_config(_size(model) + 1 + 25 + 1, scale_embedding=True))
    _save(MBartForConditionalGeneration(config), folder, seed=4)
    _specials(folder, "MBartTokenizer", bos_token="<s>")


def _mbart50(folder: Path) -> None:
    """As facebook/mbart-large-50-many-to-many-mmt."""
    from transformers import MBartConfig, MBartForConditionalGeneration

    model = spm("fairseq", "unigram")
    shutil.copy(model, folder / "sentencepiece.bpe.model")
    config = MBartConfig(**_bart_config(_size(model) + 1 + 52 + 1, scale_embedding=True))
    _save(MBartForConditionalGeneration(config), folder, seed=5)
    _specials(folder, "MBart50Tokenizer", bos_token="<s>")
    write_json(
        folder / "generation_config.json",
        {
            "decoder_start_token_id": 2,
            "forced_eos_token_id": 2,
            "max_length": 200,
            "num_beams": 5,
            "early_stopping": True,
        },
    )


def _m2m100(folder: Path) -> None:
    """As facebook/m2m100_418M: `vocab.json` beside the SentencePiece model, language ids above it."""
    import sentencepiece
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    model = spm("fairseq", "bpe")
    shutil.copy(model, folder / "sentencepiece.bpe.model")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    listed = ["<s>", "<pad>", "</s>", "<unk>", *(pieces.id_to_piece(at) for at in range(3, len(pieces)))]
    write_json(folder / "vocab.json", {piece: at for at, piece in enumerate(listed)})
    config = M2M100Config(**_bart_config(len(listed) + 100 + 8, scale_embedding=True))
    _save(M2M100ForConditionalGeneration(config), folder, seed=6)
    _specials(folder, "M2M100Tokenizer", bos_token="<s>")
    write_json(
        folder / "generation_config.json",
        {"decoder_start_token_id": 2, "max_length": 200, "num_beams": 5, "early_stopping": True},
    )


def _nllb(folder: Path) -> None:
    """As facebook/nllb-200: M2M100's model, a BPE SentencePiece model, 202 language codes."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    model = spm("fairseq", "bpe")
    shutil.copy(model, folder / "sentencepiece.bpe.model")
    config = M2M100Config(**_bart_config(_size(model) + 1 + len(FAIRSEQ_LANGUAGE_CODES) + 1 + 2, scale_embedding=True))
    _save(M2M100ForConditionalGeneration(config), folder, seed=7)
    _specials(folder, "NllbTokenizer", bos_token="<s>")
    write_json(folder / "generation_config.json", {"decoder_start_token_id": 2, "max_length": 200})


def _marian(folder: Path) -> None:
    """As Helsinki-NLP/opus-mt-vi-en: two SentencePiece models, one vocabulary, `<pad>` its last piece."""
    import sentencepiece
    from transformers import MarianConfig, MarianMTModel

    model = spm("fairseq", "unigram")
    for name in ("source.spm", "target.spm"):
        shutil.copy(model, folder / name)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    rest = [pieces.id_to_piece(at) for at in range(3, len(pieces))]
    random.Random(8).shuffle(rest)
    listed = ["</s>", "<unk>", *rest, "<pad>"]
    write_json(folder / "vocab.json", {piece: at for at, piece in enumerate(listed)})
    pad = len(listed) - 1
    config = MarianConfig(
        **{
            **_bart_config(len(listed), scale_embedding=True),
            "pad_token_id": pad, "eos_token_id": 0, "bos_token_id": 0, "decoder_start_token_id": pad,
            "share_encoder_decoder_embeddings": True, "activation_function": "swish",
        }
    )  # fmt: skip
    _save(MarianMTModel(config), folder, seed=8)
    _specials(folder, "MarianTokenizer", source_lang="vi", target_lang="en", model_max_length=256)
    write_json(
        folder / "generation_config.json",
        {
            "bad_words_ids": [[pad]],
            "decoder_start_token_id": pad,
            "forced_eos_token_id": 0,
            "max_length": 200,
            "num_beams": 1,
        },
    )


def _bartpho(folder: Path) -> None:
    """As vinai/bartpho-syllable: mBART's model, `dict.txt` for the Vietnamese part of its vocabulary."""
    import sentencepiece
    from transformers import MBartConfig, MBartForConditionalGeneration

    model = spm("fairseq", "unigram")
    shutil.copy(model, folder / "sentencepiece.bpe.model")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    kept = [pieces.id_to_piece(at) for at in range(3, len(pieces)) if at % 40]  # a part: the rest is unknown
    random.Random(9).shuffle(kept)
    (folder / "dict.txt").write_text("".join(f"{piece} 1\n" for piece in kept), encoding="utf-8")
    config = MBartConfig(**_bart_config(4 + len(kept) + 1, scale_embedding=False))
    _save(MBartForConditionalGeneration(config), folder, seed=9)
    _specials(folder, "BartphoTokenizer", bos_token="<s>")


def _bartpho_word(folder: Path) -> None:
    """As vinai/bartpho-word: PhoBERT's tokenizer (`vocab.txt`, `bpe.codes`) over segmented words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import MBartConfig, MBartForConditionalGeneration

    corpus = [line.replace("Hà Nội", "Hà_Nội").replace("sinh viên", "sinh_viên") for line in sentences()]
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trained.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=500, end_of_word_suffix="</w>", show_progress=False)
    )
    merges = [tuple(pair) for pair in json.loads(trained.to_str())["model"]["merges"]]
    (folder / "bpe.codes").write_text("".join(f"{one} {two} 1\n" for one, two in merges), encoding="utf-8")
    parts = sorted(trained.get_vocab(), key=trained.get_vocab().__getitem__)
    pieces = [part.removesuffix("</w>") if part.endswith("</w>") else f"{part}@@" for part in parts]
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in dict.fromkeys(pieces)), encoding="utf-8")
    config = MBartConfig(**_bart_config(4 + len(dict.fromkeys(pieces)) + 1, scale_embedding=False))
    _save(MBartForConditionalGeneration(config), folder, seed=10)
    _specials(folder, "PhobertTokenizer", bos_token="<s>")


def _bart(folder: Path) -> None:
    """As facebook/bart: a byte-level BPE `tokenizer.json`."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import BartConfig, BartForConditionalGeneration

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        sentences(), vocab_size=600, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    trained.save(str(folder / "tokenizer.json"))
    _save(BartForConditionalGeneration(BartConfig(**_bart_config(trained.get_vocab_size()))), folder, seed=11)
    _specials(folder, "BartTokenizer", bos_token="<s>")
    write_json(
        folder / "generation_config.json",
        {
            "decoder_start_token_id": 2,
            "forced_bos_token_id": 0,
            "forced_eos_token_id": 2,
            "min_length": 5,
            "max_length": 100,
        },
    )
