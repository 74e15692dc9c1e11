"""What `make run` shows: the sample articles through the bundled checkpoints, offline."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from pipeline.evaluation.metrics import loops
from pipeline.storage import versions
from pipeline.text.normalize import looks_vietnamese, syllables
from tests.conftest import tomdich

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart")
    outputs = folder / "out"
    done = tomdich(
        "run", ROOT / "configs" / "quickstart.yaml", "--outputs", outputs,
        cwd=ROOT, TOMDICH_CACHE=str(folder / "cache"), HF_HUB_OFFLINE="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    versions.verify(versions.find(outputs, "quickstart"))
    return outputs


@pytest.fixture(scope="module")
def rows(outputs: Path) -> list[dict[str, str]]:
    shown = tomdich("show", "quickstart", "--jsonl", "--outputs", outputs, cwd=ROOT)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def test_every_sample_article_is_summarized_and_translated(rows: list[dict[str, str]]) -> None:
    samples = [path for path in (ROOT / "configs" / "quickstart").iterdir() if path.suffix in {".txt", ".html"}]
    assert len(rows) == len(samples) >= 12
    for row in rows:
        assert row["title"], row["source"]
        assert row["summary"], row["source"]
        assert row["title_translation"], row["source"]
        assert row["translation"], row["source"]


def test_the_summary_is_vietnamese_and_shorter_than_the_article(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert looks_vietnamese(row["summary"]), row["summary"]
        assert len(row["summary"]) < len(row["article"])


def test_the_translation_is_not_vietnamese_and_no_token_is_left_in_it(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for text in (row["translation"], row["title_translation"]):
            assert not looks_vietnamese(text), text
            assert "<" not in text, text


def test_the_summary_is_about_its_article(rows: list[dict[str, str]]) -> None:
    """Of a summary's syllables, three in four stand in its article, and more of them than in any other article."""
    articles = [set(syllables(row["article"].lower())) for row in rows]
    for number, row in enumerate(rows):
        said = set(syllables(row["summary"].lower()))
        shares = [len(said & article) / len(said) for article in articles]
        assert shares[number] >= 0.75, row["summary"]
        assert shares[number] == max(shares), row["summary"]


def test_few_translations_loop(rows: list[dict[str, str]]) -> None:
    assert sum(loops(row["translation"]) for row in rows) <= 2


def test_the_readme_shows_the_first_record_as_it_comes(outputs: Path) -> None:
    """In int8 a word of the English may differ on another processor; all that is Vietnamese is equal."""
    example = (ROOT / "README.md").read_text(encoding="utf-8").split("## What comes out")[1].split("```")[1].strip("\n")
    shown = tomdich("show", "quickstart", "--limit", "1", "--outputs", outputs, cwd=ROOT, COLUMNS="80").stdout
    lines = [line.rstrip() for line in shown.replace(f"{ROOT}/", "").strip("\n").splitlines()]
    told = example.splitlines()[1:]  # behind the language of the block
    assert SequenceMatcher(a=told, b=lines, autojunk=False).ratio() > 0.8
    for at in (0, 2, *range(3, 6)):  # title, where it is from, how it begins
        assert lines[at] == told[at]
    assert [line for line in lines if "⚑" in line] == [line for line in told if "⚑" in line]
