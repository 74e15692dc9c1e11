"""Two versions side by side: pairs by id and text, changes line by line, what differs most first, nothing dropped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.evaluation import metrics
from pipeline.evaluation.compare import compare
from pipeline.evaluation.compare_tables import as_json, print_comparison, tables
from pipeline.evaluation.evaluate import lead_one
from pipeline.evaluation.tables import latex
from pipeline.storage.versions import Version
from tests.conftest import article, tomdich
from tests.published import Row, edit, flag, publish

Publish = Callable[..., Version]


def feed(count: int) -> list[Row]:
    return [
        article(n)
        | {"reference_summary": lead_one(article(n)["text"]), "reference_translation": f"Province {n} plants a forest."}
        for n in range(count)
    ]


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., tuple[Version, Version]]:
    """Give a function that publishes two versions; the second over its own articles, with its own config fields."""

    def make(articles: list[Row], later: list[Row] | None = None, **fields: Any) -> tuple[Version, Version]:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        return publish(tmp_path / "a", articles), publish(tmp_path / "b", later or articles, **fields)

    return make


def fake(**generation: Any) -> dict[str, Any]:
    return {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": 24} | generation}


def test_a_stage_that_one_version_has_is_one_line_and_its_fields_stand_in_the_json(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = publish(tmp_path / "a", feed(1)), publish(tmp_path / "b", feed(1), until="summarize")
    for first, second, cells in ((a, b, ("fake", "–")), (b, a, ("–", "fake"))):
        found = compare(first, second, records=0)
        (table,) = [table for table in tables(found) if table.title == "What changed in the recipe"]
        assert [row for row in table.rows if "translate" in row[0]] == [("stages.translate", *cells)]
        assert "translate ran in one only: --to json lists its fields" in table.notes
        fields = {change["field"] for change in json.loads(as_json(found))["changes"]}
        assert {"stages.translate.engine", "stages.translate.generation.num_beams", "translate.name"} <= fields


def test_a_version_beside_itself_is_said_to_be_one(two: Any) -> None:
    a, b = two(feed(1), summarize=fake(max_new_tokens=12))
    said = "A and B are one version"
    assert [said in str(tables(compare(a, other, records=0))[0].notes) for other in (a, b)] == [True, False]


def test_the_overview_names_only_what_differs(two: Any) -> None:
    a, b = two(feed(3), summarize=fake(max_new_tokens=12))
    assert "; they differ in the summary of 3, the translation of 3" in tables(compare(a, b, records=0))[0].notes[0]


def test_what_the_recipe_says_of_a_model_is_said_once(two: Any) -> None:
    a, b = two(feed(1))
    manifest = deepcopy(b.manifest)
    for said in (manifest["identity"]["stages"], manifest["models"]):
        said["translate"]["compute_type"] = "bfloat16"
    manifest["models"]["translate"]["revision"] = "abc"
    changes = compare(a, replace(b, manifest=manifest), records=0).changes
    assert [(change.section, change.field) for change in changes if change.section in {"recipe", "models"}] == [
        ("recipe", "stages.translate.compute_type"),
        ("models", "translate.revision"),
    ]


def test_what_changed_in_the_recipe_stands_line_by_line_and_the_rest_says_it_is_not_in_it(two: Any) -> None:
    a, b = two(feed(3), feed(2), summarize=fake(max_new_tokens=12))
    found = compare(a, b, records=0)
    changes = {(change.section, change.field): (change.a, change.b) for change in found.changes}
    assert not found.same_recipe
    assert changes["recipe", "stages.summarize.generation.max_new_tokens"] == ("24", "12")
    assert changes["counts", "records"] == ("3", "2")
    assert [section for section, _ in changes].count("recipe") == 1
    assert any(section == "sources" and field.endswith("feed.jsonl.records") for section, field in changes)
    (table,) = [table for table in tables(found) if table.title == "What changed in the recipe"]
    assert table.rows[0][0] == "stages.summarize.generation.max_new_tokens"
    assert ("(counts) records", "3", "2") in table.rows


def test_a_version_is_the_same_as_itself(tmp_path: Path) -> None:
    version = publish(tmp_path, feed(3))
    found = compare(version, version, records=5)
    assert (found.same_recipe, found.changes, found.unpaired, found.apart) == (True, (), (), ())
    assert found.common == 3
    assert set(found.changed.values()) == {0}
    assert {one.difference.p for one in found.scores} == {1}


def test_records_are_paired_by_id_and_text_and_what_has_no_partner_is_listed_with_the_reason(two: Any) -> None:
    articles = feed(5)
    later = [
        articles[1],
        articles[2] | {"text": articles[2]["text"] + " Thêm một câu mới."},
        articles[3] | {"text": "Quá ngắn."},  # rejected there
        article(9),
        articles[0],
    ]
    found = compare(*two(articles, later), records=5)
    assert found.common == 2
    why = {(one.id, one.where): one.why for one in found.unpaired}
    assert why.keys() == {("a2", "both"), ("a3", "a"), ("a4", "a"), ("a9", "b")}
    assert why["a3", "a"].startswith("rejected there: short")
    assert why["a4", "a"] == "not among what B read"
    assert why["a9", "b"] == "not among what A read"
    (table,) = [table for table in tables(found) if table.title == "Records that are not compared"]
    assert len(table.rows) == 4


def test_a_long_list_of_partnerless_records_says_how_many_more_and_json_has_all(two: Any) -> None:
    found = compare(*two(feed(40), [article(99)]), records=0)
    (table,) = [table for table in tables(found) if table.title == "Records that are not compared"]
    assert (len(table.rows), table.notes) == (20, ("and 21 more: --to json lists them all",))
    assert len(json.loads(as_json(found))["unpaired"]) == 41


def test_significance_is_the_paired_bootstraps_on_common_records_with_the_same_reference(two: Any) -> None:
    articles = feed(12)
    changed = articles[0] | {"reference_summary": "Một bản tóm tắt khác."}
    bare = articles[1] | {"reference_summary": "", "reference_translation": ""}
    a, b = two([articles[0], bare, *articles[2:]], [changed, bare, *articles[2:]], summarize=fake(max_new_tokens=8))
    found = compare(a, b, records=0)
    assert found.other_references == 1
    references = [one["reference_summary"] for one in articles[2:]]
    cut = [" ".join(text.split()[:8]) for text in references]  # the fake engine's answers at 24 and at 8 words
    (rouge1,) = [one for one in found.scores if one.difference.name == "ROUGE-1"]
    assert rouge1.a == metrics.score("rouge1", references, references)
    assert rouge1.b == metrics.score("rouge1", cut, references)
    assert rouge1.difference == metrics.paired("rouge1", cut, references, references)
    assert rouge1.difference.value < 0
    assert [one.difference.name for one in found.scores] == ["ROUGE-1", "ROUGE-2", "ROUGE-L", "chrF++", "BLEU"]
    (table,) = [table for table in tables(found) if table.title.startswith("Scores")]
    assert table.notes[0] == "left out: 1 records whose references differ"
    assert table.notes[1] == metrics.P_VALUE


def test_flags_stand_side_by_side_for_the_common_records(two: Any) -> None:
    a, b = two(feed(3))
    edit(a, lambda row: {"flags": [flag("number", "error")], "status": "hold"} if row["id"] != "a2" else {})
    edit(b, lambda row: {"flags": [flag("number", "error"), flag("length")]} if row["id"] == "a1" else {})
    found = compare(a, b, records=0)
    assert [(one.check, one.severity, one.a, one.b) for one in found.flags] == [
        ("number", "error", 2, 1),
        ("length", "warning", 0, 1),
    ]
    assert found.held == (2, 0)
    table = tables(found)[-1]
    assert table.rows[0] == ("number", "error", "2", "1", "−1")
    assert table.rows[-1] == ("records on hold", "", "2", "0", "−2")


def test_the_records_that_differ_most_come_first(two: Any, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = two(feed(5))
    text = "The province made its plan public on Tuesday."
    texts = {
        "a0": text,
        "a1": "Nothing of the kind was ever said.",
        "a2": text.replace("Tuesday", "Monday"),
        "a3": text.replace("province made its plan", "city made a plan"),
        "a4": "public on Tuesday. The province made its plan",  # the words in another order are not the same
    }
    for version, answers in ((a, dict.fromkeys(texts, text)), (b, texts)):
        edit(version, lambda row, answers=answers: {"translation": answers[row["id"]]})  # type: ignore[misc]
    found = compare(a, b, records=3)
    assert [one.id for one in found.apart] == ["a1", "a3", "a4"]
    assert found.changed == {"title_translation": 0, "summary": 0, "translation": 4}
    assert [one.id for one in compare(a, b, records=9).apart] == ["a1", "a3", "a4", "a2"]
    print_comparison(found)
    printed = capsys.readouterr().out
    assert printed.index("Nothing of the kind") < printed.index("The city made")


def test_control_sequences_of_a_feed_are_written_out(two: Any, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\x9b1m\x1c\u202e"
    articles = feed(2)
    articles[0] |= {"id": f"x{evil}", "title": ""}
    a, b = two(articles, [*articles[:1], article(9) | {"id": f"y{evil}"}], summarize=fake(max_new_tokens=8))
    edit(b, lambda _: {"translation": f"Evil {evil} words.", "flags": [flag(f"number{evil}")]})
    found = compare(a, b, records=2)
    print_comparison(found)
    printed = capsys.readouterr().out
    for text in (printed, latex(tables(found))):
        assert not set(text) & {"\x1b", "\x9b", "\x1c", "\u202e"}
    assert printed.count(r"x\u001b[2J\u009b1m\u001c\u202e") == 2  # for the title too
    assert r"y\u001b" in printed
    assert r"Evil \u001b" in printed
    assert r"\textbackslash{}u001b[2J" in latex(tables(found))


def test_a_stage_that_did_not_run_is_named_and_not_scored(tmp_path: Path, two: Any) -> None:
    whole, _ = two(feed(3))
    for until, names in (("summarize", ["ROUGE-1", "ROUGE-2", "ROUGE-L"]), ("load", [])):
        (tmp_path / until).mkdir()
        other = publish(tmp_path / until, feed(3), until=until)
        found = compare(whole, other, records=0)
        assert [one.difference.name for one in found.scores] == names
        (table,) = [table for table in tables(found) if "cores" in table.title]
        assert "translations are not scored: translate did not run in B" in table.notes
        assert ("summaries are not scored: summarize did not run in B" in table.notes) is (until == "load")
    assert (
        compare(other, other, records=0).not_scored[0] == "summaries are not scored: summarize did not run in A and B"
    )


def test_latex_has_the_records_too(two: Any) -> None:
    a, b = two(feed(2), summarize=fake(max_new_tokens=8))
    edit(b, lambda _: {"translation": "50 % of A&B_c {x} #1 \\ ~"})
    text = latex(tables(compare(a, b, records=1)))
    assert r"50 \% of A\&B\_c \{x\} \#1 \textbackslash{} \textasciitilde{}" in text
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")


def test_the_command_prints_what_changed_the_scores_and_the_records(two: Any, tmp_path: Path) -> None:
    a, b = two(feed(3), summarize=fake(max_new_tokens=8))
    done = tomdich("compare", a.folder, b.folder, "--records", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"stages\.summarize\.generation\.max_new_tokens +24 +8", done.stdout)
    assert re.search(r"summary, ROUGE-1 +100\.00 +\d", done.stdout)
    assert done.stdout.count("% apart") == 1
    read = json.loads(tomdich("compare", a.folder, b.folder, "--to", "json", cwd=tmp_path).stdout)
    assert len(read["apart"]) == 3
    missing = tomdich("compare", "x", "y", "--outputs", "out", cwd=tmp_path)
    assert (missing.returncode, missing.stdout) == (2, "")
