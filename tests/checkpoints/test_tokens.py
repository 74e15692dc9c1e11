"""The ids that reach the model: prefix, language code, exactly one end mark; and the way back to text."""

from __future__ import annotations

import functools
import json
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as JsonFile

from pipeline.checkpoints import Checkpoint, prepare, tokenizers
from pipeline.checkpoints import metadata as known
from pipeline.checkpoints.checkpoint import unsegment
from pipeline.checkpoints.metadata import read_metadata
from pipeline.checkpoints.tokenizers import JsonTokenizer, _by_words
from pipeline.config import Runtime, Stage, TranslateStage
from pipeline.errors import ModelError
from tests import tiny

TEXTS = [
    *tiny.sentences()[::45],
    "Đây là 1.000.000 đồng – “ngoặc” … N.T.H. (16 tuổi)",
    "Xin chào 🎉 các bạn",
    "a",
]


@functools.cache
def cache() -> Path:
    return tiny.checkpoint("t5").parent / "cache"


def prepared(folder: Path, **stage: Any) -> Checkpoint:
    return prepare(
        Stage(model=str(folder), engine="transformers", **stage),
        runtime=Runtime(device="cpu"),
        deterministic=False,
        reproducible="warn",
        cache=cache(),
    )


@functools.cache
def of(kind: tiny.Kind) -> Checkpoint:
    segmented = {"word_segmented": False} if kind == "bartpho-word" else {}
    return prepared(tiny.checkpoint(kind), **tiny.LANGUAGES.get(kind, {}), **segmented)


def raw(name: str, kind: tiny.Kind, texts: list[str]) -> list[list[int]]:
    """Return what SentencePiece itself says."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(tiny.checkpoint(kind) / name))
    return [list(row) for row in model.encode(texts)]


def test_t5_ids_are_sentencepiece_s_own_then_one_end_mark() -> None:
    for kind in ("t5", "t5-bpe", "mt5"):
        expected = [[*row, 1] for row in raw("spiece.model", kind, TEXTS)]
        assert of(kind).encode(TEXTS) == expected


def test_mbart_ids_are_shifted_by_one_and_end_with_the_source_language() -> None:
    rows = raw("sentencepiece.bpe.model", "mbart", TEXTS)
    size = tiny._size(tiny.checkpoint("mbart") / "sentencepiece.bpe.model")
    vi, en = size + 1 + 23, size + 1 + 3  # 24th and 4th of mBART's 25 codes
    expected = [[*(3 if token == 0 else token + 1 for token in row), 2, vi] for row in rows]
    assert of("mbart").encode(TEXTS) == expected
    assert of("mbart").decoder_start_id == en
    assert of("mbart").forced_bos_id is None


def test_nllb_ids_are_shifted_by_one_and_begin_with_the_source_language() -> None:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    rows = raw("sentencepiece.bpe.model", "nllb", TEXTS)
    size = tiny._size(tiny.checkpoint("nllb") / "sentencepiece.bpe.model")
    vi, en = (size + 1 + FAIRSEQ_LANGUAGE_CODES.index(code) for code in ("vie_Latn", "eng_Latn"))
    expected = [[vi, *(3 if token == 0 else token + 1 for token in row), 2] for row in rows]
    assert of("nllb").encode(TEXTS) == expected
    assert of("nllb").decoder_start_id == 2
    assert of("nllb").forced_bos_id == en


@pytest.mark.parametrize(
    ("kind", "tokenizer"),
    [
        ("t5", "T5Tokenizer"),
        ("mt5", "T5Tokenizer"),
        ("t5-json", "PreTrainedTokenizerFast"),
        ("t5-json", "AutoTokenizer"),
        ("mbart50", "MBart50Tokenizer"),
        ("m2m100", "M2M100Tokenizer"),
        ("marian", "MarianTokenizer"),
        ("bartpho", "BartphoTokenizer"),
        ("bartpho-word", "PhobertTokenizer"),
        ("bart", "BartTokenizer"),
    ],
)
def test_ids_equal_those_of_transformers_where_it_is_right(kind: tiny.Kind, tokenizer: str) -> None:
    import transformers

    languages = {"src_lang": tiny.LANGUAGES[kind]["source_lang"]} if kind in tiny.LANGUAGES else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
        theirs = getattr(transformers, tokenizer).from_pretrained(tiny.checkpoint(kind), **languages)
    assert of(kind).encode(TEXTS) == theirs(TEXTS)["input_ids"]


@pytest.mark.parametrize(
    ("kind", "code", "target"),
    [("mbart50", "vi_VN", "en_XX"), ("m2m100", "__vi__", "__en__"), ("nllb", "vie_Latn", "eng_Latn")],
)
def test_languages_stand_in_front_and_the_answer_is_forced_into_the_other(
    kind: tiny.Kind, code: str, target: str
) -> None:
    checkpoint = of(kind)
    [row] = checkpoint.encode(["Hôm nay trời mưa."])
    assert checkpoint.tokens(row)[0] == code
    assert checkpoint.tokens(row)[-1] == "</s>"
    assert checkpoint.forced_bos_id is not None
    assert checkpoint.tokens([checkpoint.forced_bos_id]) == [target]


def test_the_bundled_kind_reads_the_same_by_three_libraries() -> None:
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    folder = tiny.checkpoint("t5-json")
    by_tokenizers = [row.ids for row in JsonFile.from_file(str(folder / "tokenizer.json")).encode_batch(TEXTS)]
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(folder / "tokenizer.json"), eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    assert by_tokenizers == of("t5-json").encode(TEXTS)
    assert by_tokenizers == fast(TEXTS, return_token_type_ids=False)["input_ids"]
    assert by_tokenizers == AutoTokenizer.from_pretrained(folder)(TEXTS)["input_ids"]


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize(
    "text", ["một </s> hai", "câu </s>", "</s>", "<pad> <s> <mask> <extra_id_0>", "vi_VN __vi__ >>en<<", ""]
)
def test_text_never_becomes_a_special_token(kind: tiny.Kind, text: str) -> None:
    checkpoint = of(kind)
    [row] = checkpoint.encode([text])
    assert row.count(checkpoint.eos_id) == 1
    inside = row[len(checkpoint.before) : len(row) - len(checkpoint.after)]
    assert checkpoint.special_ids.isdisjoint(inside)


@settings(max_examples=60)
@given(text=st.text(max_size=60), kind=st.sampled_from(tiny.KINDS))
def test_any_text_has_one_end_mark_and_its_count_is_what_stands_between(text: str, kind: tiny.Kind) -> None:
    checkpoint = of(kind)
    [row] = checkpoint.encode([text])
    assert row.count(checkpoint.eos_id) == 1
    assert len(row) == len(checkpoint.before) + checkpoint.count(text) + len(checkpoint.after)
    assert max(row) < checkpoint.vocab_size
    assert checkpoint.decode([row])[0] == checkpoint.decode([row[::1]])[0]


@settings(max_examples=40)
@given(text=st.sampled_from(TEXTS), kind=st.sampled_from(tiny.KINDS))
def test_decomposed_text_and_odd_spaces_give_the_ids_of_composed_text(text: str, kind: tiny.Kind) -> None:
    decomposed = unicodedata.normalize("NFD", text).replace(" ", " \n\u00a0\t")
    assert of(kind).encode([f"  {decomposed}\n"]) == of(kind).encode([text])


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_known_text_comes_back(kind: tiny.Kind) -> None:
    checkpoint = of(kind)
    for text in TEXTS:
        [row] = checkpoint.encode([text])
        if checkpoint.unk_id not in row and "…" not in text:  # which SentencePiece normalizes to three dots
            assert checkpoint.decode([row]) == [text]


def test_an_unknown_token_shows_in_the_answer() -> None:
    assert of("t5").decode(of("t5").encode(["Xin chào 🎉 các bạn"])) == ["Xin chào ⁇ các bạn"]
    assert of("t5-json").decode(of("t5-json").encode(["Xin chào 🎉 các bạn"])) == ["Xin chào 🎉 các bạn"]


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_every_id_has_a_piece_of_its_own(kind: tiny.Kind) -> None:
    checkpoint = of(kind)
    assert len(set(checkpoint.tokens(range(checkpoint.vocab_size)))) == checkpoint.vocab_size


def test_a_prefix_is_read_with_the_text_and_an_output_prefix_is_taken_off() -> None:
    checkpoint = prepared(tiny.checkpoint("t5-bpe"), prefix="vi: ", output_prefix="en: ")
    [row] = checkpoint.encode(["Hôm nay trời mưa."])
    assert row == [*raw("spiece.model", "t5-bpe", ["vi: Hôm nay trời mưa."])[0], 1]
    assert checkpoint.budget == checkpoint.max_source - 1 - len(raw("spiece.model", "t5-bpe", ["vi: "])[0])
    model = sentencepiece.SentencePieceProcessor(model_file=str(tiny.checkpoint("t5-bpe") / "spiece.model"))
    answers = [model.encode("en: It is late."), model.encode("It is en: late.")]
    assert checkpoint.decode(answers) == ["It is late.", "It is en: late."]


def test_a_prefix_that_is_one_token_is_not_spelled_out(tmp_path: Path) -> None:
    folder = tiny.copy("t5-json", tmp_path / "madlad")
    tokenizer = JsonFile.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<2en>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    tiny.change_json(folder / "config.json", vocab_size=tokenizer.get_vocab_size())
    checkpoint = prepared(folder, prefix="<2en> ")
    [row] = checkpoint.encode(["trời mưa <2en>"])
    assert checkpoint.tokens(row)[0] == "<2en>"
    assert checkpoint.tokens(row).count("<2en>") == 1
    assert checkpoint.budget == checkpoint.max_source - 2


def test_a_prefix_that_happens_to_be_a_piece_is_read_with_the_text() -> None:
    assert of("t5").tokenizer.find("o") is not None
    [row] = prepared(tiny.checkpoint("t5"), prefix="o ").encode(["trời mưa"])
    assert row == [*raw("spiece.model", "t5", ["o trời mưa"])[0], 1]


def test_a_prefix_the_tokenizer_does_not_know_is_refused() -> None:
    with pytest.raises(ModelError, match="prefix: the tokenizer does not know '<2en> '"):
        prepared(tiny.checkpoint("t5"), prefix="<2en> ")


@pytest.mark.parametrize(
    ("kind", "languages", "message"),
    [
        ("nllb", {"source_lang": "vi_VN", "target_lang": "eng_Latn"}, "source_lang: 'vi_VN'.*did you mean `vie_Latn`"),
        ("nllb", {"source_lang": "vie_Latn"}, "target_lang: is missing"),
        ("mbart", {"source_lang": "vi_VN", "target_lang": "en"}, "target_lang: 'en'.*`en_XX`"),
        ("m2m100", {"source_lang": "vie", "target_lang": "en"}, "source_lang: 'vie'.*`vi`"),
        ("t5", {"source_lang": "vi"}, "has no language codes"),
    ],
)
def test_wrong_language_codes(kind: tiny.Kind, languages: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        prepared(tiny.checkpoint(kind), **languages)


@pytest.mark.parametrize(
    ("kind", "family"), [("mbart50", "mbart50"), ("mbart", "mbart"), ("nllb", "nllb"), ("m2m100", "m2m100")]
)
def test_families_of_one_class_are_told_apart_without_the_tokenizer_s_class(
    kind: tiny.Kind, family: str, tmp_path: Path
) -> None:
    folder = tiny.copy(kind, tmp_path / "nameless")
    (folder / "tokenizer_config.json").unlink()
    assert prepared(folder, **tiny.LANGUAGES[kind]).encode(TEXTS) == of(kind).encode(TEXTS)
    assert prepared(folder, **tiny.LANGUAGES[kind]).family == family


def test_nllb_s_first_layout_has_the_code_behind_the_text(tmp_path: Path) -> None:
    folder = tiny.copy("nllb", tmp_path / "legacy")
    tiny.change_json(folder / "tokenizer_config.json", legacy_behaviour=True)
    [row] = prepared(folder, **tiny.LANGUAGES["nllb"]).encode(["trời mưa"])
    assert of("nllb").tokens(row)[-2:] == ["</s>", "vie_Latn"]


def test_a_tokenizer_json_that_transformers_made_of_a_bpe_model_is_refused(tmp_path: Path) -> None:
    from transformers import T5Tokenizer

    folder = tiny.copy("t5-bpe", tmp_path / "broken")
    T5Tokenizer.from_pretrained(folder, extra_ids=96).save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "tokenizer.json").rename(folder / "tokenizer.json")
    with pytest.raises(ModelError, match=r"tokenizer\.json and spiece\.model give different ids") as caught:
        prepared(folder)
    assert "▁nay=" in str(caught.value)  # SentencePiece's pieces
    assert "▁n=" in str(caught.value)  # and those of the wrong one


def test_a_tokenizer_json_that_agrees_may_stand_beside_the_model(tmp_path: Path) -> None:
    folder = tiny.copy("t5-json", tmp_path / "both")
    (folder / "spiece.model").write_bytes(tiny.spm("t5-bytes", "unigram").read_bytes())
    alike = [text for text in TEXTS if "…" not in text]  # which this model's own normalizer makes three dots
    assert prepared(folder).encode(alike) == of("t5-json").encode(alike)


def test_a_token_that_only_tokenizer_json_has_is_found_there(tmp_path: Path) -> None:
    folder = tiny.copy("t5-json", tmp_path / "both")
    (folder / "spiece.model").write_bytes(tiny.spm("t5-bytes", "unigram").read_bytes())
    tokenizer = JsonFile.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<2en>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    tiny.change_json(folder / "config.json", vocab_size=tokenizer.get_vocab_size())
    checkpoint = prepared(folder, prefix="<2en> ")
    assert checkpoint.tokens(checkpoint.encode(["trời"])[0])[0] == "<2en>"


@settings(max_examples=200)
@given(st.lists(st.text(max_size=30) | st.text("▁ a…Ư1</s>", max_size=30), max_size=4))
def test_reading_word_by_word_gives_what_reading_the_whole_does(texts: list[str]) -> None:
    reader = JsonTokenizer(tiny.checkpoint("t5-json") / "tokenizer.json", unk_piece="<unk>")
    assert reader._known is not None
    texts = [" ".join(text.split()) for text in texts]
    assert reader.encode(texts) == reader._encode(texts)


@pytest.mark.parametrize(
    "stage", [Stage(model="bundled/summarizer"), TranslateStage(model="bundled/translator")], ids=lambda one: one.model
)
def test_a_bundled_tokenizer_gives_the_same_ids_however_it_is_loaded(stage: Stage) -> None:
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    checkpoint = prepare(
        stage.model_copy(update={"engine": "transformers"}),
        runtime=Runtime(device="cpu"),
        deterministic=False,
        reproducible="warn",
        cache=cache(),
    )
    texts = [*tiny.sentences()[::9], *TEXTS, "€135, Ưu tiên ▁ ▁▂▃ 漢字", "10 000 – 1.234,5", "a"]
    whole = JsonFile.from_file(str(checkpoint.folder / "tokenizer.json")).encode_batch(texts)
    assert checkpoint.encode(texts) == [row.ids for row in whole]
    auto = AutoTokenizer.from_pretrained(checkpoint.folder)
    fast = PreTrainedTokenizerFast.from_pretrained(checkpoint.folder)
    for reader in (auto, fast):
        assert reader(texts, return_token_type_ids=False)["input_ids"] == checkpoint.encode(texts)
        pieces = [reader.convert_ids_to_tokens(row) for row in checkpoint.encode(texts)]
        assert pieces == [checkpoint.tokens(row) for row in checkpoint.encode(texts)]  # what CTranslate2 is given


@pytest.mark.parametrize("kind", ["t5-json", "bartpho-word"])
def test_the_words_that_are_kept_do_not_grow_without_end(kind: tiny.Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "_WORDS_KEPT", 10)
    folder = tiny.checkpoint(kind)
    reader: Any = known.open_tokenizer(read_metadata(folder), folder)
    for number in range(100):
        reader.encode([f"từ số {number} là một và hai"])
        assert len(reader._known) <= 10 + 7


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": []}},
        {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}},
        {"added_tokens": [{"id": 5, "content": "a b", "special": False}]},
    ],
)
def test_a_tokenizer_that_may_reach_across_a_space_is_read_whole(change: dict[str, Any]) -> None:
    file = json.loads((tiny.checkpoint("t5-json") / "tokenizer.json").read_text(encoding="utf-8"))
    assert _by_words(file)
    assert not _by_words(file | change)


def test_bytes_that_tokenizer_json_lost_are_read_from_sentencepiece(tmp_path: Path) -> None:
    from transformers import T5Tokenizer

    folder = tiny.copy("t5-json", tmp_path / "lossy")
    (folder / "spiece.model").write_bytes(tiny.spm("t5-bytes", "unigram").read_bytes())
    (folder / "tokenizer.json").unlink()
    T5Tokenizer.from_pretrained(folder, extra_ids=0).save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "tokenizer.json").rename(folder / "tokenizer.json")
    checkpoint = prepared(folder)
    assert checkpoint.decode(checkpoint.encode(["Xin chào 🎉"])) == ["Xin chào 🎉"]


def test_a_tokenizer_that_does_not_know_vietnamese_is_told(tmp_path: Path, messages: list[str]) -> None:
    folder = tiny.copy("t5", tmp_path / "english")
    corpus = tmp_path / "english.txt"
    corpus.write_text("\n".join(tiny.sentences()[2::3]).encode("ascii", "ignore").decode(), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(tmp_path / "english"), vocab_size=150, hard_vocab_limit=False,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2,
    )  # fmt: skip
    (tmp_path / "english.model").rename(folder / "spiece.model")
    prepare(
        Stage(model=str(folder), engine="transformers"), runtime=Runtime(device="cpu"), deterministic=False,
        reproducible="warn", cache=tmp_path / "cache",
    )  # fmt: skip
    assert any("unknown to its tokenizer" in message for message in messages)


def test_truncation_and_padding_written_into_tokenizer_json_do_not_apply(tmp_path: Path) -> None:
    folder = tiny.copy("t5-json", tmp_path / "trained")
    tokenizer = JsonFile.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(folder / "tokenizer.json"))
    assert prepared(folder).encode(TEXTS) == of("t5-json").encode(TEXTS)


def test_words_are_segmented_on_the_way_in_and_joined_on_the_way_out() -> None:
    checkpoint = prepared(tiny.checkpoint("bartpho-word"), word_segmented=True)
    [row] = checkpoint.encode(["Sinh viên ở Hà Nội cho biết: trời mưa."])
    assert "Hà_Nội" in " ".join(checkpoint.tokens(row)).replace("@@ ", "")
    assert checkpoint.decode([row]) == ["Sinh viên ở Hà Nội cho biết: trời mưa."]


@pytest.mark.parametrize(
    ("segmented", "text"),
    [
        ("Sinh_viên ở Hà_Nội ( hôm_nay ) nói : “ Mưa ! ”", "Sinh viên ở Hà Nội (hôm nay) nói: “Mưa!”"),
        ("Giá tăng 3,5 % .", "Giá tăng 3,5%."),
        ("", ""),
    ],
)
def test_segmentation_undone(segmented: str, text: str) -> None:
    assert unsegment(segmented) == text


def test_word_segmentation_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "underthesea", None)
    with pytest.raises(ModelError, match=r"tomdich\[segment\]"):
        prepared(tiny.checkpoint("bartpho-word"), word_segmented=True)
