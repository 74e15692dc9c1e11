"""What eval says of a version: the numbers are the metrics', the counts are right, COMET runs elsewhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import EngineError, UsageError
from pipeline.evaluation import comet, metrics
from pipeline.evaluation.evaluate import Evaluation, as_json, evaluate, tables
from pipeline.evaluation.tables import latex
from pipeline.storage.rows import rows
from pipeline.storage.versions import Version
from tests.conftest import article, tomdich
from tests.published import edit, flag, publish

SUMMARY = "Tỉnh số {} công bố kế hoạch trồng rừng."
ENGLISH = "Province {} made its plan to plant a forest public."


def feed(count: int, *, referenced: int) -> list[dict[str, Any]]:
    """Return articles of which the first `referenced` have a reference summary and translation."""
    return [
        article(n)
        | (
            {"reference_summary": SUMMARY.format(n), "reference_translation": ENGLISH.format(n)}
            if n < referenced
            else {}
        )
        for n in range(count)
    ]


def answer(row: dict[str, Any]) -> dict[str, Any]:
    """Give each record a summary and a translation of its own."""
    number = row["id"][1:]
    return {"summary": f"Tỉnh số {number} trồng rừng.", "translation": f"Province {number} plants a forest."}


@pytest.fixture
def version(tmp_path: Path) -> Version:
    """Return a version of six records of which four have references."""
    return edit(publish(tmp_path, feed(6, referenced=4)), answer)


XLSUM: tuple[metrics.Metric, ...] = ("rouge1-xlsum", "rouge2-xlsum", "rougeL-xlsum")


def test_scores_are_the_metrics_on_the_records_with_references(version: Version) -> None:
    found = evaluate(version)
    referenced = list(rows(version))[:4]
    summaries = [row.summary for row in referenced]
    references = [row.reference_summary for row in referenced]
    first = [row.article.split(". ")[0] + "." for row in referenced]
    assert [one.score for one in found.summaries] == [
        *metrics.rouge(summaries, references),
        *metrics.rouge(summaries, references, ascii_only=True),
        *(metrics.score(metric, summaries, references) for metric in XLSUM),
    ]
    assert [one.lead1 for one in found.summaries[:3]] == list(metrics.rouge(first, references))
    assert found.summaries[0].difference == metrics.paired("rouge1", summaries, first, references)
    texts = [row.translation for row in referenced], [row.reference_translation for row in referenced]
    assert list(found.translations) == [metrics.score("chrf++", *texts), metrics.score("bleu", *texts)]
    assert found.summaries[0].score.texts == 4
    assert metrics.P_VALUE in tables(found)[1].notes  # not "the probability of no difference"
    assert metrics.P_VALUE.startswith("p: how often equal systems would differ by this much or more")


def test_without_references_there_are_no_scores_and_it_says_so(tmp_path: Path) -> None:
    found = evaluate(publish(tmp_path, feed(2, referenced=0)))
    assert (found.summaries, found.translations) == ((), ())
    notes = tables(found)[0].notes
    assert "without reference summaries: no ROUGE" in notes
    assert "without reference translations: no chrF++, no BLEU" in notes


def test_flags_are_counted_per_thousand_records_the_severe_first(version: Version) -> None:
    flags = {
        "a0": [flag("number", "error"), flag("number", "error"), flag("length", "note")],
        "a1": [flag("length", "note")],
    }
    edit(version, lambda row: {"flags": flags.get(row["id"], []), "status": "hold" if row["id"] == "a0" else "ok"})
    found = evaluate(version)
    assert [(one.check, one.severity, one.flags, one.records) for one in found.flags] == [
        ("number", "error", 2, 1),
        ("length", "note", 2, 2),
    ]
    assert found.flags[0].per_1000 == pytest.approx(2 / 6 * 1000)
    assert (found.records, found.flagged, found.held) == (6, 2, 1)


def test_lengths_and_novelty_are_counted_in_syllables(version: Version) -> None:
    edit(version, lambda _: {"article": "Một hai ba bốn năm sáu bảy tám hoà bình.", "summary": "Một hai ba HÒA bình!"})
    spreads = {one.name: one for one in evaluate(version).spreads}
    assert spreads["summary"].median == 5
    assert spreads["summary / article"].mean == pytest.approx(50)
    assert spreads["translation"].mean == 5  # Province 0 plants a forest.
    assert spreads["new bigrams in the summary"].mean == pytest.approx(25)  # of four, "ba hòa"


def test_an_empty_answer_has_no_length(version: Version) -> None:
    edit(version, lambda row: {"summary": "", "translation": ""} if row["id"] == "a5" else {})
    spreads = {one.name: one for one in evaluate(version).spreads}
    assert {one.records for one in spreads.values()} == {5}


def test_throughput_is_of_computed_calls(version: Version) -> None:
    version.manifest["timings"] |= {"summarize": 2.0, "translate": 4.0}
    version.manifest["calls"] = {
        "summarize": {"computed": 3, "replayed": 3},
        "translate": {"computed": 0, "replayed": 12},
    }
    tokens = sum(call.output_tokens for row in rows(version) for call in row.calls if call.stage == "summarize")
    found = {one.stage: one for one in evaluate(version).throughput}
    assert found["summarize"].records_per_second == 3
    assert found["summarize"].output_tokens_per_second == pytest.approx(tokens / 2 / 2.0)
    assert found["translate"].output_tokens_per_second is None
    assert found["load"].computed == 0


def test_a_version_until_summarize_is_evaluated_too(tmp_path: Path) -> None:
    found = evaluate(publish(tmp_path, feed(3, referenced=3), until="summarize"))
    assert len(found.summaries) == 9
    assert found.translations == ()  # not a BLEU of 0
    assert tables(found)[0].notes[1:] == ("without translations, translate did not run: no chrF++, no BLEU",)
    assert {one.name for one in found.spreads} == {"summary", "summary / article", "new bigrams in the summary"}


def test_a_version_until_load_has_no_scores(tmp_path: Path) -> None:
    found = evaluate(publish(tmp_path, feed(3, referenced=3), until="load"))
    assert (found.summaries, found.translations) == ((), ())
    assert found.left_out == (
        "without summaries, summarize did not run: no ROUGE",
        "without translations, translate did not run: no chrF++, no BLEU",
    )


def test_json_holds_everything(version: Version) -> None:
    found: Evaluation = evaluate(version)
    read = json.loads(as_json(found))
    assert read["summaries"][0]["score"]["signature"] == found.summaries[0].score.signature
    assert read["recipe"] == version.manifest["recipe"]
    assert {one["stage"] for one in read["throughput"]} >= {"load", "summarize", "translate"}


def test_latex_is_balanced_and_escaped(version: Version) -> None:
    edit(version, lambda _: {"flags": [flag("long_title", "note")]})
    text = latex(tables(evaluate(version)))
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    assert text.count("{") == text.count("}")
    assert r"long\_title" in text
    assert "95 \\%" in text
    for line in text.splitlines():
        if line.endswith(r"\\"):
            assert line.count(" & ") in {3, 4, 5, 6}
    assert r"\textbar{}tok:ascii" in text


def test_the_command_prints_scores_with_interval_baseline_and_signature(version: Version) -> None:
    folder = version.folder.parents[2]
    done = tomdich("eval", version.folder, cwd=folder)
    assert done.returncode == 0, done.stderr
    score = evaluate(version).summaries[0].score
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ROUGE-1 ") and "(" not in line]
    assert line.split()[1] == f"{score.value:.2f}"
    assert f"[{score.low:.2f}, {score.high:.2f}]" in line
    assert done.stdout.count("lead-1") == 9 + 2
    assert "tok:syllable|tone:press" in done.stdout
    assert "ROUGE-1 (ASCII)" in done.stdout
    as_json_ = json.loads(tomdich("eval", version.folder, "--to", "json", cwd=folder).stdout)
    assert as_json_["records"] == 6


# COMET, with a package of its name that scores by length, in a real process

FAKE_COMET = """
import os
from types import SimpleNamespace
__version__ = "9.9"
class _Model:
    def requires_references(self):
        return REFERENCES
    def predict(self, samples, batch_size, gpus):
        print("a bar on stdout")
        assert all(set(sample) == ({"src", "mt", "ref"} if REFERENCES else {"src", "mt"}) for sample in samples)
        return SimpleNamespace(scores=SCORES)
def load_from_checkpoint(path):
    assert os.path.isfile(path), path
    print("loading")
    return _Model()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that puts a package `comet` where this Python finds it, and returns a checkpoint's folder."""

    def make(*, references: bool, scores: str) -> Path:
        site = tmp_path / "site"
        (site / "comet").mkdir(parents=True)
        code = FAKE_COMET.replace("REFERENCES", str(references)).replace("SCORES", scores)
        (site / "comet" / "__init__.py").write_text(code, encoding="utf-8")
        (site / "torch.py").write_text("class cuda:\n    is_available = staticmethod(lambda: False)\n")
        monkeypatch.setenv("PYTHONPATH", str(site))
        checkpoint = tmp_path / "wmt22-comet-da" / "checkpoints" / "model.ckpt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"weights")
        return tmp_path / "wmt22-comet-da"

    return make


def test_comet_scores_what_has_a_reference_in_the_other_python(version: Version, stand_in: Any) -> None:
    model = stand_in(references=True, scores='[len(sample["mt"]) / 100 for sample in samples]')
    score = evaluate(version, comet_checkpoint=model, comet_python=sys.executable).translations[-1]
    assert (score.name, score.texts, score.value) == ("COMET", 4, 27)
    assert (score.low, score.high) == (27, 27)
    assert score.signature == "nrefs:1|model:wmt22-comet-da|scale:100|bs:1000|seed:12345|version:comet-9.9"


def test_comet_without_references_scores_every_translation(tmp_path: Path, stand_in: Any) -> None:
    version = edit(publish(tmp_path, feed(3, referenced=0)), answer)
    model = stand_in(references=False, scores="[0.5, 0.6, 0.7]")
    (score,) = evaluate(
        version, comet_checkpoint=model / "checkpoints" / "model.ckpt", comet_python=sys.executable
    ).translations
    assert (round(score.value), score.texts) == (60, 3)
    assert score.signature.startswith("nrefs:0|")
    assert score.low < 60 < score.high


@pytest.mark.parametrize(
    ("references", "scores", "error", "said"),
    [
        (True, "[]", UsageError, "wants reference translations"),
        (False, "[0.5]", EngineError, "1 scores for 3 texts"),
        (False, "1 / 0", EngineError, "ZeroDivisionError"),
        (False, "['a'] * 3", EngineError, "could not convert"),
    ],
)
def test_what_comet_can_get_wrong_is_told(
    tmp_path: Path, stand_in: Any, references: bool, scores: str, error: type[Exception], said: str
) -> None:
    version = edit(publish(tmp_path, feed(3, referenced=0)), answer)
    model = stand_in(references=references, scores=scores)
    with pytest.raises(error, match=said):
        evaluate(version, comet_checkpoint=model, comet_python=sys.executable)


def test_without_an_environment_for_comet_the_error_says_how_to_make_one(tmp_path: Path, stand_in: Any) -> None:
    version = publish(tmp_path, feed(1, referenced=1))
    model = stand_in(references=True, scores="[1.0]")
    for python, said in ((None, "own"), ("no-such-python", "no-such-python: no such program")):
        with pytest.raises(UsageError, match=said) as caught:
            evaluate(version, comet_checkpoint=model, comet_python=python)
        assert comet.REMEDY in str(caught.value)
    with pytest.raises(UsageError, match="no such checkpoint"):
        evaluate(version, comet_checkpoint=tmp_path / "none.ckpt", comet_python=sys.executable)
    (tmp_path / "second.ckpt").write_bytes(b"")
    with pytest.raises(UsageError, match=r"give one \.ckpt file"):
        evaluate(version, comet_checkpoint=tmp_path, comet_python=sys.executable)


def test_a_python_without_comet_is_told_from_a_broken_one(tmp_path: Path, stand_in: Any) -> None:
    version = publish(tmp_path, feed(1, referenced=1))
    model = stand_in(references=True, scores="[1.0]")
    (tmp_path / "site" / "comet" / "__init__.py").write_text("import no_such_part_of_comet")
    with pytest.raises(UsageError, match=r"has no COMET.*no_such_part_of_comet"):
        evaluate(version, comet_checkpoint=model, comet_python=sys.executable)
