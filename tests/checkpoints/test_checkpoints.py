"""Preparing a checkpoint: what is refused and why, which engine and values, and that a second time costs nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from pipeline import catalog
from pipeline.checkpoints import FAKE_DIGEST, Checkpoint, list_models, prepare, pull, ready
from pipeline.checkpoints import device as devices
from pipeline.checkpoints.files import build_folder, remembered_digest
from pipeline.checkpoints.locate import bundled_folder
from pipeline.checkpoints.settings import choose_engine
from pipeline.checkpoints.weights import load
from pipeline.config import GenerationOptions, Runtime, Stage, TranslateStage
from pipeline.errors import ConfigError, LicenseError, ModelError
from pipeline.messages import logged_to
from tests import tiny

CPU = Runtime(device="cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def prepared(
    model: Path | str,
    cache: Path,
    *,
    told: list[str] | None = None,
    deterministic: bool = False,
    **stage: Any,
) -> Checkpoint:
    entry = catalog.find(str(model))
    kind = TranslateStage if entry is not None and entry.stage == "translate" else Stage
    with logged_to((told if told is not None else []).append):
        return prepare(
            kind(model=str(model), **stage),
            runtime=CPU,
            deterministic=deterministic,
            reproducible="warn",
            cache=cache,
        )


# --- the fake


def test_the_fake_counts_words_and_needs_no_files(tmp_path: Path) -> None:
    checkpoint = prepared(
        "anything", tmp_path / "cache", engine="fake", prefix="tóm tắt: ", generation={"num_beams": 3}
    )
    assert (checkpoint.family, checkpoint.engine, checkpoint.digest, checkpoint.license) == (
        "fake",
        "fake",
        FAKE_DIGEST,
        "none",
    )
    assert checkpoint.budget == 254
    assert checkpoint.count("Hôm nay\n trời mưa.") == 4
    [row] = checkpoint.encode(["Hôm nay trời mưa."])
    assert checkpoint.decode([row]) == ["tóm tắt: Hôm nay trời mưa."]
    assert checkpoint.tokens(row)[2:] == ["Hôm", "nay", "trời", "mưa."]
    assert checkpoint.generation["num_beams"] == 3
    assert prepared("x", tmp_path, engine="fake", max_source_tokens=40).budget == 40
    assert not (tmp_path / "cache").exists()


# --- what cannot be used


def broken(folder: Path, how: str) -> Path:  # noqa: C901, PLR0912
    """Return a copy of a tiny T5 with one thing wrong."""
    tiny.copy("t5", folder)
    match how:
        case "no config":
            (folder / "config.json").unlink()
        case "no weights":
            (folder / "model.safetensors").unlink()
        case "a shard missing":
            (folder / "model.safetensors").unlink()
            tiny.write_json(
                folder / "model.safetensors.index.json", {"weight_map": {"shared.weight": "model-1-of-2.safetensors"}}
            )
        case "a shard elsewhere":
            (folder / "model.safetensors").unlink()
            tiny.write_json(folder / "model.safetensors.index.json", {"weight_map": {"shared.weight": "../secret"}})
        case "torn config":
            (folder / "config.json").write_text('{"model_type": "t5', encoding="utf-8")
        case "no tokenizer":
            (folder / "spiece.model").unlink()
        case "torn tokenizer":
            (folder / "spiece.model").write_bytes(b"nothing of the kind")
        case "torn tokenizer.json":
            (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
        case "other pad":
            tiny.change_json(folder / "config.json", pad_token_id=7)
        case "small embedding":
            tiny.change_json(folder / "config.json", vocab_size=100)
        case "a causal model":
            tiny.change_json(folder / "config.json", model_type="llama", architectures=["LlamaForCausalLM"])
        case "an encoder":
            tiny.change_json(folder / "config.json", architectures=["T5EncoderModel"])
        case "headless":
            tiny.change_json(
                folder / "config.json", model_type="mt5", architectures=["MT5Model"], tie_word_embeddings=False
            )
        case "two vocabularies":
            tiny.change_json(folder / "tokenizer_config.json", separate_vocabs=True)
        case "no vocab_size":
            tiny.change_json(folder / "config.json", vocab_size=None)
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no config", "no config.json; give the folder"),
        ("no weights", r"no weights \(model.safetensors"),
        ("a shard missing", "1 of 1 weight files are missing: model-1-of-2.safetensors"),
        ("a shard elsewhere", "not a plain file name"),
        ("torn config", "config.json: cannot be read as JSON"),
        ("no tokenizer", "no tokenizer that fits a t5 checkpoint"),
        ("torn tokenizer", "spiece.model: is not a SentencePiece model"),
        ("torn tokenizer.json", "tokenizer.json: the `tokenizers` library cannot read it"),
        ("other pad", "pad_token_id 7, but the tokenizer's '<pad>' is 0"),
        ("small embedding", "the model's embedding 100"),
        ("a causal model", "LlamaForCausalLM .model_type 'llama'.; tomdich needs an encoder-decoder"),
        ("an encoder", "T5EncoderModel.* cannot generate text"),
        ("headless", "MT5Model.* cannot generate text"),
        ("two vocabularies", "separate vocabularies"),
        ("no vocab_size", "no vocab_size"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_refused_with_the_reason(how: str, message: str, tmp_path: Path) -> None:
    folder = broken(tmp_path / "broken", how)
    with pytest.raises(ModelError, match=message) as caught:
        prepared(folder, tmp_path / "cache")
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./no/such/folder", "no such folder"),
        ("bundled/sumarizer", "did you mean bundled/summarizer"),
        ("bundled/summarize", "did you mean bundled/summarizer"),
        ("what is this", "is not a valid model name; write a folder as ./"),
        ("a/b/c", "is not a valid model name"),
    ],
)
def test_a_model_that_is_nowhere_is_refused_with_its_neighbors(model: str, message: str, cache: Path) -> None:
    with pytest.raises(ModelError, match=message):
        prepared(model, cache)


def test_a_folder_has_no_revision(cache: Path) -> None:
    with pytest.raises(ModelError, match="revision: applies to models of the hub"):
        prepared(tiny.checkpoint("t5"), cache, revision="main")


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("facebook/nllb-200-distilled-600M", "accept_license: cc-by-nc-4.0"),
        ("vinai/vinai-translate-vi2en-v2", "accept_license: agpl-3.0"),
        ("VietAI/envit5-translation", "accept_license: openrail"),
        ("facebook/mbart-large-50-many-to-many-mmt", "accept_license: unknown"),
        ("csebuetnlp/mT5_multilingual_XLSum", "accept_license: cc-by-nc-sa-4.0"),
    ],
)
def test_a_license_that_is_not_free_must_be_accepted_by_its_name(model: str, line: str, cache: Path) -> None:
    attempts: list[dict[str, Any]] = [{}, {"accept_license": "mit"}, {"accept_license": "yes"}]
    for wrong in attempts:
        with pytest.raises(LicenseError) as caught:
            prepared(model, cache, **wrong)
        assert str(caught.value).endswith(line)


def test_a_folder_needs_no_acceptance_and_tells_its_card_s_license(tmp_path: Path) -> None:
    folder = tiny.copy("t5", tmp_path / "own")
    assert prepared(folder, tmp_path / "cache").license == "unknown"
    (folder / "README.md").write_text("---\nlicense: mit\ndate: 2026-02-30\n---\nNo such day.", encoding="utf-8")
    assert prepared(folder, tmp_path / "cache").license == "mit"
    (folder / "README.md").write_text("---\nlanguage: vi\nlicense: cc-by-nc-4.0\n---\nA card.", encoding="utf-8")
    assert prepared(folder, tmp_path / "cache").license == "cc-by-nc-4.0"
    (folder / "README.md").write_text("---\n: [broken\n---\n", encoding="utf-8")
    assert prepared(folder, tmp_path / "cache").license == "unknown"


# --- weights


class _Trap:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.proof),)


@pytest.mark.parametrize("form", ["plain", "torch"])
def test_a_pickle_s_code_never_runs(form: str, tmp_path: Path) -> None:
    import torch

    folder = tiny.copy("t5", tmp_path / "trap")
    (folder / "model.safetensors").unlink()
    trap = {"shared.weight": _Trap(tmp_path / "proof")}
    if form == "plain":
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(trap, protocol=2))
    else:
        torch.save(trap, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="the weights cannot be loaded"):
        prepared(folder, tmp_path / "cache", engine="ctranslate2", compute_type="float32")
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{torn...", b"nothing of the kind"])
def test_torn_weights_are_refused(file: str, content: bytes, tmp_path: Path) -> None:
    folder = tiny.copy("t5", tmp_path / "torn")
    (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=r"the weights cannot be loaded"):
        load(folder, dtype="float32")


def test_honest_bin_weights_are_read(tmp_path: Path) -> None:
    import torch

    folder = tiny.copy("t5", tmp_path / "bin")
    model = load(folder, dtype="float32")
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    again = load(folder, dtype="float32")
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in model.state_dict().items())


def test_weights_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    folder = tiny.copy("t5", tmp_path / "short")
    tiny.change_json(folder / "config.json", num_layers=3)
    with pytest.raises(ModelError, match=r"lacks .* of the model's weights, encoder\.block\.2"):
        load(folder, dtype="float32")


# --- the generation values that apply


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [
        ("t5", {}, {"max_new_tokens": 256, "num_beams": 1, "length_penalty": 1.0, "early_stopping": False, "no_repeat_ngram_size": 0, "repetition_penalty": 1.0}),
        ("t5-json", {}, {"max_new_tokens": 48}),
        ("mt5", {}, {"max_new_tokens": 83, "num_beams": 4, "length_penalty": 0.6, "no_repeat_ngram_size": 2}),
        ("mt5", {"num_beams": 2, "length_penalty": 1}, {"max_new_tokens": 83, "num_beams": 2, "length_penalty": 1.0, "no_repeat_ngram_size": 2}),
        ("mbart50", {}, {"max_new_tokens": 199, "num_beams": 5, "early_stopping": True}),
    ],
)  # fmt: skip
def test_effective_generation_values(
    kind: tiny.Kind, asked: dict[str, Any], expected: dict[str, Any], cache: Path
) -> None:
    checkpoint = prepared(
        tiny.checkpoint(kind), cache, engine="transformers", generation=asked, **tiny.LANGUAGES.get(kind, {})
    )
    assert set(checkpoint.generation) == set(GenerationOptions.model_fields)
    assert {name: checkpoint.generation[name] for name in expected} == expected
    assert all(checkpoint.origins[name] == "config" for name in asked)


def test_the_checkpoint_s_own_values_are_those_transformers_would_apply(cache: Path) -> None:
    checkpoint = prepared(tiny.checkpoint("mt5"), cache, engine="transformers")
    theirs = load(tiny.checkpoint("mt5"), dtype="float32").generation_config
    assert theirs is not None
    for name in ("num_beams", "length_penalty", "no_repeat_ngram_size"):
        assert checkpoint.generation[name] == getattr(theirs, name)
        assert checkpoint.origins[name] == "checkpoint"
    assert checkpoint.generation["max_new_tokens"] == theirs.max_length - 1


def test_generation_config_json_replaces_the_values_of_config_json(tmp_path: Path) -> None:
    folder = tiny.copy("mt5", tmp_path / "both")
    tiny.write_json(folder / "generation_config.json", {"num_beams": 3, "length_penalty": None})
    checkpoint = prepared(folder, tmp_path / "cache", engine="transformers")
    assert checkpoint.generation["num_beams"] == 3
    assert checkpoint.generation["no_repeat_ngram_size"] == 0
    assert checkpoint.generation["max_new_tokens"] == 256


CARD = "---\npipeline_tag: {}\n---\nA card.\n"
BART_CNN = {"summarization": {"num_beams": 4}}  # of the config.json of facebook/bart-large-cnn
T5_PAPER = {"summarization": {"prefix": "summarize: "}, "translation_en_to_de": {"prefix": "translate: "}}


@pytest.mark.parametrize(
    ("kind", "card", "parameters", "stage", "said"),
    [
        ("t5", "summarization", None, TranslateStage, "its model card says `pipeline_tag: summarization`"),
        ("t5", "translation", None, Stage, "its model card says `pipeline_tag: translation`"),
        ("t5", "translation", BART_CNN, TranslateStage, None),
        ("t5", "text2text-generation", BART_CNN, TranslateStage, "`task_specific_params` of summarization"),
        ("t5", None, T5_PAPER, TranslateStage, None),
        ("t5", None, None, TranslateStage, None),
        ("marian", None, None, Stage, "it is of the family marian, which translates"),
        ("marian", "summarization", None, Stage, None),  # fine-tuned, and the card says so
    ],
)
def test_a_checkpoint_of_the_other_task_is_told(
    kind: tiny.Kind,
    card: str | None,
    parameters: dict[str, Any] | None,
    stage: type[Stage],
    said: str | None,
    tmp_path: Path,
) -> None:
    folder = tiny.copy(kind, tmp_path / "own")
    if card is not None:
        (folder / "README.md").write_text(CARD.format(card), encoding="utf-8")
    if parameters is not None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | {"task_specific_params": parameters}), encoding="utf-8")
    told: list[str] = []
    with logged_to(told.append):
        prepare(
            stage(model=str(folder), engine="transformers"),
            runtime=CPU,
            deterministic=False,
            reproducible="warn",
            cache=tmp_path / "cache",
        )
    other, wanted = ("summarizer", "translator") if stage is TranslateStage else ("translator", "summarizer")
    found = [one for one in told if "expect poor output" in one]
    assert len(found) == (said is not None)
    for message in found:
        assert f"{said}" in message
        assert f"it is a {other}; expect poor output, or set `model` to a {wanted}" in message


@pytest.mark.parametrize(
    ("stage", "model", "said"),
    [
        (TranslateStage, "bundled/summarizer", "summarizes, it does not translate; name a translator"),
        (Stage, "bundled/translator", "translates, it does not summarize; name a summarizer"),
        (Stage, "Helsinki-NLP/opus-mt-vi-en", "translates, it does not summarize; name a summarizer"),
    ],
)
def test_a_model_that_the_catalog_knows_for_the_other_stage_is_refused(
    stage: type[Stage], model: str, said: str
) -> None:
    with pytest.raises(ValueError, match=f"`model: {model}` {said}"):
        stage(model=model)
    assert stage(model=model, engine="fake").model == model  # uses no checkpoint


def test_values_that_are_left_out_are_told(cache: Path) -> None:
    told: list[str] = []
    prepared(tiny.checkpoint("bart"), cache, told=told, engine="transformers")
    assert ["min_length=5" in message for message in told] == [True]


def test_catalog_values_stand_between_config_and_checkpoint(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.find("bundled/summarizer")
    assert entry is not None
    entry = dataclasses.replace(
        entry, generation={"num_beams": 2, "max_new_tokens": 30}, prefix="vietnews: ", tone_style="new"
    )
    monkeypatch.setattr(catalog, "find", lambda _: entry)
    monkeypatch.setattr("pipeline.checkpoints.locate.bundled_folder", lambda _: tiny.checkpoint("t5-json"))
    checkpoint = prepared("bundled/summarizer", cache, generation={"max_new_tokens": 20}, engine="transformers")
    assert checkpoint.generation["max_new_tokens"] == 20
    assert checkpoint.generation["num_beams"] == 2
    assert (checkpoint.prefix, checkpoint.tone_style, checkpoint.license) == ("vietnews: ", "new", entry.license)
    assert prepared("bundled/summarizer", cache, prefix="", engine="transformers").prefix == ""


# --- lengths


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [
        ("t5", None, 512),
        ("t5", 2000, 2000),
        ("t5-json", None, 512),
        ("marian", None, 256),
        ("marian", 100, 100),
        ("mbart", None, 256),
    ],
)
def test_the_longest_source(kind: tiny.Kind, asked: int | None, expected: int, cache: Path) -> None:
    checkpoint = prepared(
        tiny.checkpoint(kind), cache, engine="transformers", max_source_tokens=asked, **tiny.LANGUAGES.get(kind, {})
    )
    assert checkpoint.max_source == expected
    assert checkpoint.budget == expected - len(checkpoint.before) - len(checkpoint.after)


def test_the_lead_is_as_long_as_asked_and_can_be_turned_off(tmp_path: Path) -> None:
    folder = tiny.copy("t5", tmp_path / "trained")
    card = "---\ntomdich: {lead: 48}\n---\n# A summarizer of the lead\n"
    (folder / "README.md").write_text(card, encoding="utf-8")
    found = [prepared(folder, tmp_path / "cache", lead=lead) for lead in (None, 32, False)]
    assert [(one.lead_only, one.max_source) for one in found] == [(True, 48), (True, 32), (False, 512)]


def test_a_model_max_length_of_1e30_says_nothing(tmp_path: Path) -> None:
    folder = tiny.copy("t5", tmp_path / "endless")
    tiny.change_json(folder / "tokenizer_config.json", model_max_length=1000000000000000019884624838656)
    assert prepared(folder, tmp_path / "cache").max_source == 512
    tiny.change_json(folder / "config.json", n_positions=None)
    told: list[str] = []
    assert prepared(folder, tmp_path / "cache", told=told).max_source == 512
    assert any("its longest input is unknown" in message for message in told)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"max_source_tokens": 257}, "max_source_tokens: 257 is more than the model supports: 256"),
        ({"generation": {"max_new_tokens": 256}}, "max_new_tokens: 256 is more than the model supports: 255"),
        ({"max_source_tokens": 16}, "leaves only 15 tokens for the text"),
        ({"lead": 300}, "lead: 300, but the model takes 256 tokens"),
    ],
)
def test_lengths_the_model_does_not_have(stage: dict[str, Any], message: str, cache: Path) -> None:
    with pytest.raises(ModelError, match=message):
        prepared(tiny.checkpoint("marian"), cache, **stage)


# --- engine and arithmetic


@pytest.mark.parametrize(
    ("kind", "stage", "expected"),
    [
        ("t5-json", {}, ("ctranslate2", "int8")),
        ("t5-json", {"deterministic": True}, ("ctranslate2", "float32")),
        ("t5-json", {"compute_type": "float32"}, ("ctranslate2", "float32")),
        ("t5-json", {"compute_type": "bfloat16"}, ("transformers", "bfloat16")),
        ("t5-json", {"engine": "transformers"}, ("transformers", "float32")),
        ("t5-json", {"engine": "transformers", "deterministic": True}, ("transformers", "float32")),
        ("t5-json", {"generation": {"no_repeat_ngram_size": 3}}, ("ctranslate2", "int8")),
        ("t5-json", {"generation": {"num_beams": 4}}, ("ctranslate2", "int8")),
        ("t5-json", {"generation": {"num_beams": 4}, "engine": "transformers"}, ("transformers", "float32")),
        ("t5-json", {"generation": {"num_beams": 4}, "compute_type": "int8"}, ("ctranslate2", "int8")),
        ("t5-json", {"generation": {"num_beams": 4, "early_stopping": True}}, ("ctranslate2", "int8")),
        (
            "t5-json",
            {"generation": {"num_beams": 4, "early_stopping": True, "no_repeat_ngram_size": 3}},
            ("ctranslate2", "int8"),
        ),
        ("t5-json", {"generation": {"repetition_penalty": 1.2}}, ("ctranslate2", "int8")),
        ("t5-json", {"generation": {"repetition_penalty": 1.2}, "engine": "ctranslate2"}, ("ctranslate2", "int8")),
        ("mt5", {}, ("ctranslate2", "int8")),  # its files ask for four beams
        ("marian", {}, ("ctranslate2", "int8")),
    ],
)
def test_the_engine_and_what_it_computes_in(
    kind: tiny.Kind, stage: dict[str, Any], expected: tuple[str, str], cache: Path
) -> None:
    told: list[str] = []
    checkpoint = prepared(tiny.checkpoint(kind), cache, told=told, **stage)
    assert (checkpoint.engine, checkpoint.compute_type) == expected
    assert (checkpoint.converted is not None) == (expected[0] == "ctranslate2")
    assert checkpoint.device == "cpu"


@pytest.mark.parametrize(
    ("stage", "fast", "warned"),
    [
        ({"compute_type": "bfloat16"}, False, True),
        ({"compute_type": "bfloat16"}, True, False),
        ({"compute_type": "float32", "engine": "transformers"}, False, False),
        ({}, False, False),
    ],
)
def test_bfloat16_on_a_cpu_that_is_slow_at_it_is_a_warning(
    stage: dict[str, Any], fast: bool, warned: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "cpu_has_fast_bfloat16", lambda: fast)
    told: list[str] = []
    prepared(tiny.checkpoint("t5-json"), cache, told=told, **stage)
    assert any("bfloat16 on a CPU without AVX-512 is many times slower" in line for line in told) is warned


@pytest.mark.parametrize("engine", [one for one in get_args(Stage.model_fields["engine"].annotation) if one not in {"auto", "fake"}])  # fmt: skip
def test_an_engine_given_by_name_is_never_replaced(engine: Any) -> None:
    stage = Stage(model="owner/model", engine=engine)
    assert choose_engine(stage, device="cpu", deterministic=False).engine == engine


@pytest.mark.parametrize(
    ("stage", "device", "deterministic", "reasons"),
    [
        (
            {},
            "cpu",
            False,
            ["engine: auto is ctranslate2 on a CPU", "compute_type: auto is int8 for ctranslate2 on a CPU"],
        ),
        ({}, "cpu", True, ["engine: auto is ctranslate2", "compute_type: auto is float32 under deterministic: true"]),
        (
            {},
            "cuda",
            False,
            ["engine: auto is transformers on cuda", "compute_type: auto is bfloat16 for transformers"],
        ),
        ({"compute_type": "bfloat16"}, "cpu", False, ["engine: auto is transformers for compute_type: bfloat16"]),
        ({"engine": "transformers"}, "cpu", False, ["compute_type: auto is float32 for transformers on a CPU"]),
        ({"engine": "ctranslate2", "compute_type": "float32"}, "cpu", False, []),
    ],
)
def test_what_auto_stands_for_is_said_with_its_reason(
    stage: dict[str, Any], device: Any, deterministic: bool, reasons: list[str]
) -> None:
    choice = choose_engine(Stage(model="owner/model", **stage), device=device, deterministic=deterministic)
    assert len(choice.reasons) == len(reasons)
    assert all(said.startswith(begins) for said, begins in zip(choice.reasons, reasons, strict=True))
    assert all(value in " ".join(reasons) for value in (choice.engine, choice.compute_type) if reasons and not stage)


def test_the_fake_engine_has_one_number_type(cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"compute_type: int8 with `engine: fake`, .*; remove it"):
        prepared(Path("fake"), cache, engine="fake", compute_type="int8")


@pytest.mark.parametrize(
    ("kind", "generation", "named"),
    [
        ("t5-json", {}, []),
        ("t5-json", {"no_repeat_ngram_size": 3}, []),
        ("t5-json", {"no_repeat_ngram_size": 1}, ["no_repeat_ngram_size=1"]),
        ("t5-json", {"repetition_penalty": 1.2}, ["repetition_penalty=1.2"]),
        ("t5-json", {"num_beams": 4}, ["early_stopping=False with num_beams=4"]),
        ("t5-json", {"num_beams": 4, "early_stopping": True}, []),
        ("t5-json", {"num_beams": 4, "length_penalty": 0.0}, []),
        (
            "t5-json",
            {"num_beams": 2, "no_repeat_ngram_size": 3, "repetition_penalty": 1.2},
            [
                "early_stopping=False with num_beams=2",
                "no_repeat_ngram_size=3 with num_beams=2",
                "repetition_penalty=1.2 with num_beams=2",
            ],
        ),
        ("mbart50", {"num_beams": 4, "early_stopping": True}, ["num_beams=4 where the first token is given"]),
    ],
)
def test_each_value_with_another_search_is_named(
    kind: tiny.Kind, generation: dict[str, Any], named: list[str], cache: Path
) -> None:
    values = {"num_beams": 1, "early_stopping": False, "no_repeat_ngram_size": 0} | generation
    stage = {"generation": values, "accept_license": "unknown"} | tiny.LANGUAGES.get(kind, {})
    found = prepared(tiny.checkpoint(kind), cache, **stage).search_differences
    assert [difference.partition(": ")[0].partition(" (")[0] for difference in found] == named
    assert prepared(tiny.checkpoint(kind), cache, engine="transformers", **stage).search_differences == ()


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"deterministic": True, "compute_type": "int8"}, "computes in float32"),
        ({"engine": "transformers", "compute_type": "int8"}, "int8 needs `engine: ctranslate2`"),
    ],
)
def test_what_cannot_be_had_together(stage: dict[str, Any], message: str, cache: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        prepared(tiny.checkpoint("t5-json"), cache, **stage)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_conversion_has_the_pieces_that_will_be_sent_and_the_right_start(kind: tiny.Kind, cache: Path) -> None:
    checkpoint = prepared(
        tiny.checkpoint(kind), cache, engine="ctranslate2", compute_type="float32", generation={"num_beams": 1, "no_repeat_ngram_size": 0}, **tiny.LANGUAGES.get(kind, {})
    )  # fmt: skip
    assert checkpoint.converted is not None
    pieces = json.loads((checkpoint.converted / "shared_vocabulary.json").read_text(encoding="utf-8"))
    expected = checkpoint.tokens(range(checkpoint.vocab_size))
    assert pieces == (expected[:-1] if kind == "marian" else expected)  # Marian's <pad> is no answer
    start = json.loads((checkpoint.converted / "config.json").read_text(encoding="utf-8"))["decoder_start_token"]
    if kind == "mbart":
        assert start is None  # the language code is sent with each call
    elif kind != "marian":  # whose decoder starts from zeros, whatever the token
        assert start == checkpoint.tokens([checkpoint.decoder_start_id])[0]


# --- devices


def test_devices_are_told_without_torch() -> None:
    import torch

    assert devices.resolve("cpu") == "cpu"
    assert devices.torch_has_cuda() == (torch.version.cuda is not None)
    assert (devices.resolve("auto") == "cuda") == torch.cuda.is_available()
    if devices.cuda_devices() == 0:
        with pytest.raises(ConfigError, match=r"runtime\.device: cuda"):
            devices.resolve("cuda")
    if sys.platform == "linux":
        with pytest.raises(ConfigError, match=r"runtime\.device: mps"):
            devices.resolve("mps")


# --- identity


def test_identity_is_what_changes_an_answer(tmp_path: Path, cache: Path) -> None:
    folder = tiny.checkpoint("t5-json")
    base = prepared(folder, cache)
    changed: list[dict[str, Any]] = [
        {"prefix": "x: "},
        {"output_prefix": "en: "},
        {"engine": "transformers"},
        {"compute_type": "float32"},
        {"max_source_tokens": 100},
        {"lead": 100},
        {"tone_style": "new"},
        {"generation": {"num_beams": 2, "early_stopping": True}},
        {"deterministic": True},
    ]
    identities = [json.dumps(prepared(folder, cache, **stage).identity(), sort_keys=True) for stage in [{}, *changed]]
    assert len(set(identities)) == len(identities)
    copied = prepared(tiny.copy("t5-json", tmp_path / "elsewhere"), cache)
    assert copied.identity() == base.identity()
    assert dataclasses.replace(base, device="cuda").identity() == base.identity()
    json.dumps(base.identity())


def test_identity_knows_the_languages(cache: Path) -> None:
    to_english, to_french = (
        prepared(tiny.checkpoint("nllb"), cache, engine="transformers", source_lang="vie_Latn", target_lang=target)
        for target in ("eng_Latn", "fra_Latn")
    )
    assert to_english.identity() != to_french.identity()


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json", "generation_config.json"])
def test_a_changed_file_is_another_checkpoint(file: str, tmp_path: Path, cache: Path) -> None:
    folder = tiny.copy("t5-json", tmp_path / "copy")
    before = prepared(folder, cache, engine="transformers")
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(
        content[:-1] + bytes([content[-1] ^ 1]) if file == "model.safetensors" else content + b"\n"
    )
    after = prepared(folder, cache, engine="transformers")
    assert before.digest != after.digest
    (folder / "README.md").write_text("a card changes nothing", encoding="utf-8")
    assert prepared(folder, cache, engine="transformers").digest == after.digest


# --- once


def test_a_digest_is_computed_once_for_each_state_of_a_file(tmp_path: Path) -> None:
    file, cache = tmp_path / "weights", tmp_path / "cache"
    file.write_bytes(b"one")
    first = remembered_digest(file, cache=cache)
    stat = file.stat()
    with file.open("r+b") as same_inode:
        same_inode.write(b"two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert remembered_digest(file, cache=cache) == first  # not read again: same size, time and inode
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    second = remembered_digest(file, cache=cache)
    assert second != first
    for note in (cache / "digests").iterdir():
        note.write_text("{torn", encoding="utf-8")
    assert remembered_digest(file, cache=cache) == second


IN_A_PROCESS = """
import sys
from pathlib import Path
from pipeline.checkpoints import prepare, ready
from pipeline.config import Runtime, Stage

how, cache, stages = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
for stage in map(Stage.model_validate_json, stages):
    got = (ready if how == "ready" else prepare)(
        stage, runtime=Runtime(), deterministic=False, reproducible="warn", cache=cache
    )
    print(got and got.tokens(got.encode(["Hôm nay trời mưa."])[0]))
print(sorted({"torch", "transformers"} & set(sys.modules)))
"""


def run(how: str, cache: Path, stages: list[Stage]) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", IN_A_PROCESS, how, str(cache), *(stage.model_dump_json() for stage in stages)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_time_imports_neither_torch_nor_transformers(tmp_path: Path) -> None:
    """Every kind, both engines; and before the first time `ready` says no and does nothing."""
    greedy = {"generation": {"num_beams": 1, "no_repeat_ngram_size": 0}}
    stages = [
        Stage(model=str(tiny.checkpoint(kind)), engine=engine, **greedy, **tiny.LANGUAGES.get(kind, {}))  # type: ignore[arg-type]
        for kind in tiny.KINDS
        for engine in ("transformers", "ctranslate2")
    ]
    arguments: dict[str, Any] = {
        "runtime": CPU,
        "deterministic": False,
        "reproducible": "warn",
        "cache": tmp_path,
    }
    assert ready(stages[0], **arguments) is None
    assert not (tmp_path / "prepared").exists()
    first = [prepare(stage, **arguments) for stage in stages]
    expected = [str(one.tokens(one.encode(["Hôm nay trời mưa."])[0])) for one in first]
    for how in ("ready", "prepare"):
        out, errors = run(how, tmp_path, stages).communicate(timeout=60)
        assert errors == ""
        assert out.splitlines() == [*expected, "[]"]


def test_two_processes_may_find_out_the_same_facts(tmp_path: Path) -> None:
    stages = [Stage(model=str(tiny.checkpoint("t5-json")), engine="transformers")]
    both = [run("prepare", tmp_path, stages) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(list((tmp_path / "prepared").iterdir())) == 1


def test_two_processes_may_convert_the_same_checkpoint(tmp_path: Path) -> None:
    """Both are in the middle of it at once; one folder comes out, whole, and no building site."""
    script = (
        "import sys, time; from pathlib import Path; from pipeline.checkpoints.files import build_folder\n"
        "root, me = Path(sys.argv[1]), sys.argv[2]\n"
        "def make(site):\n    (site / 'one').write_text(me)\n    (root / me).touch()\n"
        "    while len(list(root.glob('process*'))) < 2: time.sleep(0.01)\n    (site / 'two').write_text(me)\n"
        "build_folder(root / 'prepared' / 'model', make)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], env=environment)
        for name in ("process-a", "process-b")
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == ["model"]
    one, two = ((tmp_path / "prepared" / "model" / name).read_text() for name in ("one", "two"))
    assert one == two


def test_a_process_killed_while_converting_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from pipeline.checkpoints.files import build_folder\n"
        "def make(site):\n    (site / 'model.bin').write_bytes(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "build_folder(Path(sys.argv[1]), make)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    where = tmp_path / "prepared" / "model"
    killed = subprocess.run([sys.executable, "-c", script, str(where)], env=environment, check=False)
    assert killed.returncode < 0
    assert not where.exists()
    [site] = where.parent.iterdir()
    os.utime(site, (0, 0))  # long ago
    build_folder(where, lambda fresh: (fresh / "model.bin").write_bytes(b"whole"))
    assert [path.name for path in where.parent.iterdir()] == ["model"]
    assert (where / "model.bin").read_bytes() == b"whole"


def test_facts_that_were_torn_are_found_out_again(tmp_path: Path) -> None:
    folder = tiny.checkpoint("t5")
    before = prepared(folder, tmp_path, engine="transformers")
    [facts] = (tmp_path / "prepared").iterdir()
    facts.write_text('{"family": "t5"', encoding="utf-8")
    assert prepared(folder, tmp_path, engine="transformers").identity() == before.identity()
    assert ready(
        Stage(model=str(folder), engine="transformers"), runtime=CPU, deterministic=False, reproducible="warn",
        cache=tmp_path,
    )  # fmt: skip


# --- the shelf


@pytest.mark.parametrize("name", ["bundled/summarizer", "bundled/translator"])
def test_a_copy_of_a_bundled_checkpoint_is_called_as_the_bundled_one_by_what_its_card_says(
    name: str, cache: Path, tmp_path: Path
) -> None:
    entry = catalog.find(name)
    assert entry is not None
    copy = shutil.copytree(bundled_folder(entry), tmp_path / "copy")
    assert prepared(copy, cache).identity() == prepared(name, cache).identity()


def test_a_bundled_checkpoint_has_no_other_published_numbers_than_those_of_ctranslate2(
    cache: Path, tmp_path: Path
) -> None:
    entry = catalog.find("bundled/translator")
    assert entry is not None
    copy = shutil.copytree(bundled_folder(entry), tmp_path / "copy")
    (difference,) = prepared(copy, cache).search_differences
    assert difference.startswith("repetition_penalty=1.05 with num_beams=4")
    assert prepared("bundled/translator", cache).search_differences == ()


def test_the_shelf_lists_the_catalog_and_what_is_here() -> None:
    rows = list_models()
    assert [row.entry.name for row in rows] == [entry.name for entry in catalog.entries()]
    for row in rows:
        if row.entry.bundled:
            there = (bundled_folder(row.entry) / "config.json").is_file()
            assert row.present == (row.entry.name in catalog.MODEL_FREE or there)


@pytest.mark.parametrize("name", ["bundled/summarizer", "bundled/translator"])
def test_bundled_checkpoints_come_with_tomdich(
    name: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="nothing to pull"):
        pull(name, revision=None, cache=cache)
    monkeypatch.setattr("pipeline.checkpoints.locate.bundled_folder", lambda _: tmp_path / "absent")
    with pytest.raises(ModelError, match="not in this installation"):
        prepared(name, cache)
    shutil.copytree(tiny.checkpoint("t5-json"), tmp_path / "absent")
    checkpoint = prepared(name, cache)
    assert (checkpoint.engine, checkpoint.revision, checkpoint.license) == (
        "ctranslate2",
        "",
        "research-and-demonstration",
    )
