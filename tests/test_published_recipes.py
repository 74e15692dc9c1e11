"""The configs of published evaluations: on a stand-in of the checkpoint, the answers of the authors' own scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline import catalog
from pipeline import config as configs
from pipeline.storage import versions
from pipeline.storage.rows import rows
from tests import tiny
from tests.conftest import tomdich_in_process, write_feed

RECIPES = Path(__file__).parents[1] / "configs" / "published"
# What the scripts give to `tokenizer` and `generate`: eval/Eval_vietnews_sum.ipynb of github.com/vietai/ViT5, and
# seq2seq/evaluate.sh of github.com/csebuetnlp/xl-sum
VIT5: tuple[str, int, dict[str, Any]] = ("vietnews: ", 1024, {"max_length": 256})
XLSUM: tuple[str, int, dict[str, Any]] = (
    "", 512, {"max_length": 84, "num_beams": 4, "length_penalty": 0.6, "no_repeat_ngram_size": 2},
)  # fmt: skip
SENTENCES = [one for one in tiny.sentences() if one.isascii() is False]


def answers(folder: Path, texts: list[str], script: tuple[str, int, dict[str, Any]]) -> list[str]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    prefix, longest, values = script
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder)
    found = []
    for text in texts:
        encoded = tokenizer(prefix + text, max_length=longest, truncation=True, return_tensors="pt")
        (output,) = model.generate(**encoded, **values)
        found.append(" ".join(str(tokenizer.decode(output, skip_special_tokens=True)).split()))
    assert len(tokenizer(prefix + texts[0])["input_ids"]) > longest  # one is cut
    return found


@pytest.mark.parametrize(
    ("recipe", "kind", "script", "variant"),
    [
        ("vit5-base-vietnews", "t5", VIT5, "ASCII"),
        ("mt5-xlsum-vietnamese", "mt5", XLSUM, "XL-Sum"),
    ],
)
def test_a_recipe_gives_the_answers_of_its_script(
    tmp_path: Path, recipe: str, kind: tiny.Kind, script: Any, variant: str
) -> None:
    texts = [" ".join(SENTENCES[:120]), " ".join(SENTENCES[120:124])]
    config = configs.load(RECIPES / f"{recipe}.yaml")
    summary = config.sources[0].columns.reference_summary or "reference_summary"
    write_feed(tmp_path / "test.jsonl", [{"text": text, summary: text[:60]} for text in texts])
    folder = tiny.copy(kind, tmp_path / "stand-in")
    changed = [f"sources.0.path={tmp_path / 'test.jsonl'}", f"summarize.model={folder}"]
    changed.append("summarize.accept_license=unknown")
    done = tomdich_in_process(
        "run", RECIPES / f"{recipe}.yaml", "--until", "summarize", *(word for one in changed for word in ("--set", one)),
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    version = versions.find(tmp_path / "outputs", recipe)
    assert [row.summary for row in rows(version)] == answers(folder, texts, script)
    scores = json.loads(tomdich_in_process("eval", recipe, "--to", "json", cwd=tmp_path).stdout)["summaries"]
    assert [one["score"]["texts"] for one in scores if f"({variant})" in one["score"]["name"]] == [2, 2, 2]


@pytest.mark.parametrize("path", sorted(RECIPES.iterdir()), ids=lambda path: path.stem)
def test_a_recipe_names_the_number_of_the_catalog_and_its_own_command(path: Path) -> None:
    config, text = configs.load(path), path.read_text(encoding="utf-8")
    entry = catalog.find(config.summarize.model)
    assert entry is not None
    numbers = re.findall(r"\d\d\.\d\d", entry.published)
    assert len(numbers) == 3
    assert all(number in text for number in numbers)
    assert f"tomdich run configs/published/{path.name} --until summarize" in text
    assert f"tomdich eval {config.name}\n" in text
