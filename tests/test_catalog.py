"""The catalog is data: complete, consistent, and found by name."""

from __future__ import annotations

import dataclasses

import pytest

from pipeline import catalog
from pipeline.config import GenerationOptions, Stage, TranslateStage


def test_the_checkpoints_people_bring_are_there() -> None:
    names = {entry.name for entry in catalog.entries()}
    assert names >= {
        "bundled/summarizer", "bundled/translator", "VietAI/vit5-base-vietnews-summarization",
        "VietAI/vit5-large-vietnews-summarization", "vinai/bartpho-syllable", "vinai/bartpho-word",
        "csebuetnlp/mT5_multilingual_XLSum", "VietAI/envit5-translation", "vinai/vinai-translate-vi2en-v2",
        "facebook/nllb-200-distilled-600M", "Helsinki-NLP/opus-mt-vi-en", "facebook/m2m100_418M",
        "facebook/mbart-large-50-many-to-many-mmt", "google/madlad400-3b-mt",
    }  # fmt: skip
    assert len(names) == len(catalog.entries())


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.name)
def test_an_entry_is_whole(entry: catalog.Entry) -> None:
    languages = (entry.source_lang, entry.target_lang)
    if entry.family in {"mbart", "mbart50", "m2m100", "nllb"}:
        assert all(languages)
    else:
        assert languages == (None, None)
    assert entry.note
    assert entry.bundled or entry.max_source
    assert set(entry.generation) <= set(GenerationOptions.model_fields)
    GenerationOptions.model_validate(dict(entry.generation))
    if entry.name not in catalog.MODEL_FREE:
        kind = TranslateStage if entry.stage == "translate" else Stage
        kind(model=entry.name, tone_style=entry.tone_style, prefix=entry.prefix, output_prefix=entry.output_prefix)
    assert entry.revision is None or len(entry.revision) == 40
    assert entry.bundled == (entry.name in {"bundled/summarizer", "bundled/translator", *catalog.MODEL_FREE})


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("VietAI/vit5-base-vietnews-summarization", "prefix", "vietnews: "),
        ("VietAI/vit5-base-vietnews-summarization", "generation", {"max_new_tokens": 255, "early_stopping": True}),
        ("csebuetnlp/mT5_multilingual_XLSum", "max_source", 512),
        ("VietAI/envit5-translation", "output_prefix", "en: "),
        ("VietAI/envit5-translation", "license_class", "unclear"),
        ("vinai/vinai-translate-vi2en-v2", "license_class", "copyleft"),
        ("vinai/vinai-translate-vi2en-v2", "target_lang", "en_XX"),
        ("facebook/nllb-200-distilled-600M", "license_class", "noncommercial"),
        ("Helsinki-NLP/opus-mt-vi-en", "license_class", "free"),
        ("facebook/mbart-large-50-many-to-many-mmt", "license_class", "unclear"),
        ("vinai/bartpho-word", "word_segmented", True),
        ("google/madlad400-3b-mt", "prefix", "<2en> "),
        ("bundled/translator", "license", "research-and-demonstration"),
    ],
)
def test_conventions_of_the_cards(name: str, field: str, value: object) -> None:
    entry = catalog.find(name)
    assert entry is not None
    assert getattr(entry, field) == value


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("vit5-base", "VietAI/vit5-base-vietnews-summarization"),
        ("vietai/VIT5-large-vietnews-summarisation", "VietAI/vit5-large-vietnews-summarization"),
        ("Helsinki-NLP/opus-mt-en-vi", "Helsinki-NLP/opus-mt-vi-en"),
        ("bundled/translater", "bundled/translator"),
        ("envit5", "VietAI/envit5-translation"),
    ],
)
def test_a_name_mistyped_finds_its_neighbor(typed: str, expected: str) -> None:
    assert catalog.find(typed) is None
    assert catalog.near(typed)[0] == expected


def test_a_name_like_nothing_has_no_neighbor() -> None:
    assert catalog.near("zzzz/qqqq") == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("MIT", "free"), ("apache-2.0", "free"), ("CC-BY-NC-SA-4.0", "noncommercial"), ("agpl-3.0", "copyleft"), ("openrail", "unclear"), ("unknown", "unclear"), ("other", "unclear")],
)  # fmt: skip
def test_license_classes(name: str, kind: str) -> None:
    assert catalog.license_class(name) == kind


def test_nobody_can_change_an_entry() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.entries()[0].prefix = "x"  # type: ignore[misc]
