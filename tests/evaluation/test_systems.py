"""Several versions beside a baseline: the same records for all, corrected significance, honest costs, nothing dropped."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.evaluation import metrics
from pipeline.evaluation.compare import Change
from pipeline.evaluation.systems import COLUMNS, MOST, Systems, compare_systems, letter
from pipeline.evaluation.systems_tables import SIGNIFICANT, as_csv, as_json, paper_table, tables
from pipeline.evaluation.tables import Table, latex
from pipeline.storage import labels
from pipeline.storage.versions import Version
from tests.conftest import article, tomdich_in_process
from tests.evaluation.test_compare import fake, feed
from tests.published import Row, edit, flag, publish
from tests.tex import HAS_TEX, NO_TEX, typeset

Make = Callable[..., list[Version]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Version]:
    """Give a function that publishes a version for a length of the summaries, each only once; copy it before editing."""

    @cache
    def once(length: int) -> Version:
        folder = tmp_path_factory.mktemp(f"words{length}")
        return publish(folder, feed(12), name=f"words{length}", summarize=fake(max_new_tokens=length))

    return once


@pytest.fixture
def make(tmp_path: Path, published: Callable[[int], Version]) -> Make:
    """Give a function that returns a version for each length of the summaries, over its own or the same articles."""

    def make_all(*lengths: int, articles: list[list[Row]] | None = None) -> list[Version]:
        found = []
        for at, length in enumerate(lengths):
            folder = tmp_path / f"run{at}"
            if articles is None:
                version = published(length)
                target = folder / version.folder.parent.name / version.folder.name
                shutil.copytree(version.folder, target)
                found.append(replace(version, folder=target))
            else:
                folder.mkdir()
                own = publish(folder, articles[at], name=f"words{length}", summarize=fake(max_new_tokens=length))
                found.append(own)
        return found

    return make_all


def compared(versions: list[Version], *, baseline: int = 0, records: int = 2) -> Systems:
    return compare_systems(versions, labels={}, baseline=baseline, records=records)


def table(systems: Systems, title: str) -> Table:
    (found,) = [one for one in tables(systems) if one.title.startswith(title)]
    return found


# Significance


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # the example of Holm's method: 3 × 0.01, 2 × 0.03, 1 × 0.04 raised
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
    ],
)
def test_holm_corrects_for_the_number_of_comparisons(given_: list[float], expected: list[float]) -> None:
    assert metrics.holm(given_) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_a_corrected_p_is_no_smaller_keeps_the_order_and_is_at_most_bonferronis(values: list[float]) -> None:
    corrected = metrics.holm(values)
    assert all(p <= found <= min(1, len(values) * p) + 1e-12 for p, found in zip(values, corrected, strict=True))
    ordered = [found for _, found in sorted(zip(values, corrected, strict=True))]
    assert ordered == sorted(ordered)


def test_each_system_is_compared_with_the_baseline_and_its_p_is_corrected(make: Make) -> None:
    versions = make(24, 12, 6)
    found = compared(versions, baseline=1)
    assert [(one.letter, one.label) for one in found.systems] == [("A", "words12"), ("B", "words24"), ("C", "words6")]
    references = [row["reference_summary"] for row in feed(12)]
    texts = {length: [" ".join(text.split()[:length]) for text in references] for length in (24, 12, 6)}
    differences = [metrics.paired("rouge1", texts[length], texts[12], references) for length in (24, 6)]
    assert [one.compared["rouge1"].difference for one in found.systems[1:]] == differences
    corrected = metrics.holm([one.p for one in differences])
    assert [one.compared["rouge1"].corrected for one in found.systems[1:]] == corrected
    assert found.baseline.compared == {}
    assert {"rouge1", "rouge2", "rougeL", "chrf++", "bleu", "numbers_kept"} <= found.baseline.scores.keys()
    notes = table(found, "Scores").notes
    assert "Holm" in notes[0]
    assert any(note.startswith("chrF++: nrefs:1|bs:1000|seed:12345") for note in notes)


# Records


def test_only_records_that_all_have_with_the_same_text_are_compared_and_the_others_are_listed(make: Make) -> None:
    articles = feed(4)
    other = [articles[0], articles[1] | {"text": articles[1]["text"] + " Thêm một câu mới."}, *articles[2:], article(9)]
    found = compared(make(24, 12, 6, articles=[articles, articles[:3], other]))
    assert found.common == 2  # a0 and a2
    assert {(one.id, one.where, one.other_text) for one in found.left_out} == {
        ("a1", "A B C", True),
        ("a3", "A C", False),
        ("a9", "C", False),
    }
    assert ("a9", "C", "not in the others") in table(found, "Records that are not compared").rows
    assert {one.scores["rouge1"].texts for one in found.systems} == {2}


def test_records_whose_references_differ_are_left_out_of_the_scores(make: Make) -> None:
    articles = feed(3)
    found = compared(make(24, 12, articles=[articles, [articles[0] | {"reference_summary": "Khác."}, *articles[1:]]]))
    assert (found.common, found.other_references) == (3, 1)
    assert found.baseline.scores["rouge1"].texts == 2
    assert "left out: 1 records whose references differ" in table(found, "Scores").notes


def test_without_references_there_are_no_scores_and_it_is_said(make: Make) -> None:
    found = compared(make(24, 12, articles=[[article(n) for n in range(2)]] * 2))
    assert set(found.baseline.scores) == {"numbers_kept", "numbers_invented"}
    assert "rouge1" not in {column.key for column in found.columns}


def test_a_stage_that_did_not_run_is_not_scored(tmp_path: Path, make: Make) -> None:
    (tmp_path / "until").mkdir()
    until = publish(tmp_path / "until", feed(3), until="summarize", name="until")
    found = compared([*make(24, articles=[feed(3)]), until])
    assert found.not_scored == ("translations are not scored: translate did not run in B",)
    assert "chrf++" not in found.baseline.scores


def test_the_records_that_differ_most_come_first_with_the_texts_and_flags_of_each_system(make: Make) -> None:
    versions = make(24, 12, 6)
    edit(
        versions[2],
        lambda row: {"summary": "Không có gì.", "flags": [flag("number", "error")]} if row["id"] == "a7" else {},
    )
    first, second = compared(versions).apart
    assert first.id == "a7"
    assert [texts["summary"] for texts in first.texts][2] == "Không có gì."
    assert [[one.check for one in flags] for flags in first.flags][2] == ["number"]
    assert first.distance > second.distance > 0


# Measures


def test_flags_are_rates_of_the_common_records(make: Make) -> None:
    versions = make(24, 12)
    edit(
        versions[1],
        lambda row: (
            {"flags": [flag("number", "error"), flag("name", "error"), flag("length")], "status": "hold"}
            if row["id"] in {"a0", "a1", "a2"}
            else {}
        ),
    )
    edit(versions[0], lambda _: {})
    a, b = compared(versions).systems
    keys = ("number_errors", "name_errors", "errors", "warnings", "held")
    assert [a.values[key] for key in keys] == [0.0] * 5
    assert [b.values[key] for key in keys] == [25.0, 25.0, 50.0, 25.0, 25.0]
    assert (b.flags["number", "error"], b.flags["length", "warning"]) == (3, 3)


def test_repaired_are_the_texts_that_were_replaced(make: Make) -> None:
    versions = make(24, 12)
    asked = {
        "field": "summary",
        "index": 0,
        "first": "Một",
        "rank": 1,
        "candidates": 8,
        "before": ["number error"],
        "after": [],
        "second": False,
    }
    repaired = {"a0": [asked | {"taken": "beam"}], "a1": [asked | {"taken": "beam"}, asked | {"taken": "first"}]}
    edit(versions[1], lambda row: {"repaired": repaired.get(row["id"], [])})
    a, b = compared(versions).systems
    assert a.values["repaired"] == 0
    assert b.values["repaired"] == pytest.approx(100 * 2 / 12)


def test_lengths_and_tokens_are_means_of_the_common_records(make: Make) -> None:
    a, b = compared(make(24, 4)).systems
    assert b.values["summary_syllables"] == 5  # of the four words “Sáng ngày 1/3, tỉnh”
    assert a.values["summary_syllables"] > 4
    assert a.values["tokens"] > b.values["tokens"] > 0
    assert b.values["novelty"] == 0  # the fake engine copies


def timed(version: Version, *, computed: int, replayed: int) -> Version:
    calls = {stage: {"computed": computed, "replayed": replayed} for stage in ("summarize", "translate")}
    timings, opening = {"load": 9.0, "summarize": 7.0, "translate": 12.0}, {"summarize": 1.0}
    return replace(version, manifest=version.manifest | {"calls": calls, "timings": timings, "opening": opening})


def test_seconds_are_those_of_the_model_stages_as_if_the_memo_had_answered_nothing_and_models_were_loaded(
    make: Make,
) -> None:
    versions = make(24, 12, 6)
    versions = [
        timed(versions[0], computed=12, replayed=0),
        timed(versions[1], computed=3, replayed=9),
        timed(versions[2], computed=0, replayed=12),
    ]
    found = compared(versions)
    assert [one.values.get("seconds") for one in found.systems] == [1.5, 6.0, None]
    (row,) = [row for row in table(found, "Flags, lengths and costs").rows if row[0] == "s/article"]
    assert row == ("s/article", "1.500", "≈ 6.000", "–")


def test_the_overview_says_what_differs_from_the_baseline_in_the_recipe(make: Make) -> None:
    rows = tables(compared(make(24, 12)))[0].rows
    assert rows[0] == ("A", "words24", "the baseline")
    assert rows[1][2] == "stages.summarize.generation.max_new_tokens: 24 → 12"


def test_the_overview_counts_the_changes_that_it_does_not_show(make: Make) -> None:
    found = compared(make(24, 12))
    many = tuple(Change(section="recipe", field=f"field{number}", a="1", b="2") for number in range(6))
    rows = tables(replace(found, systems=(found.systems[0], replace(found.systems[1], changes=many))))[0].rows
    assert rows[1][2].startswith("field0: 1 → 2; field1: 1 → 2; ")
    assert rows[1][2].endswith("field3: 1 → 2; and 2 more, which --to json lists")


def test_of_the_most_systems_a_difference_can_still_be_significant() -> None:
    smallest = 1 / (metrics.RESAMPLES + 1)
    assert metrics.holm([smallest] * (MOST - 1))[0] < SIGNIFICANT
    assert metrics.holm([smallest] * (MOST + 1))[0] > SIGNIFICANT


def test_the_letters_go_on_behind_z() -> None:
    assert [letter(at) for at in (0, 25, 26, 27, 51, 52)] == ["A", "Z", "AA", "AB", "AZ", "BA"]


def test_two_versions_of_one_experiment_are_named_whole(make: Make) -> None:
    versions = make(24, 12)
    renamed = replace(versions[1], folder=versions[0].folder.parent / "20261123T110500Z-3f9a1c2b")
    shutil.copytree(versions[1].folder, renamed.folder)
    assert [one.label for one in compared([versions[0], renamed]).systems] == [versions[0].name, renamed.name]


@pytest.mark.parametrize(("chosen", "said"), [([0], "name 2 to 50"), ([0, 1, 0], "is named twice")])
def test_too_few_versions_and_one_twice_are_refused(make: Make, chosen: list[int], said: str) -> None:
    versions = make(24, 12)
    with pytest.raises(UsageError, match=said):
        compared([versions[at] for at in chosen])


# Formats


def test_csv_has_a_row_for_each_system_with_intervals_differences_and_both_p_values(make: Make) -> None:
    found = compared(make(24, 12, 6))
    a, b, _ = csv.DictReader(io.StringIO(as_csv(found, columns=["rouge1", "errors"])))
    assert list(a) == [
        "system", "version", "baseline", "common", "rouge1", "rouge1_low", "rouge1_high", "rouge1_difference", "rouge1_p",
        "rouge1_p_holm", "errors",
    ]  # fmt: skip
    compared_b = found.systems[1].compared["rouge1"]
    assert (b["system"], b["baseline"], b["common"]) == ("words12", found.baseline.version, "12")
    assert float(b["rouge1_difference"]) == compared_b.difference.value
    assert float(b["rouge1_p_holm"]) == compared_b.corrected
    assert a["rouge1_p"] == ""
    whole = next(csv.DictReader(io.StringIO(as_csv(found, columns=[]))))
    assert {column.key for column in found.columns} <= set(whole)
    assert whole["seconds_estimated"] == "false"


def test_json_has_everything_and_names_the_correction(make: Make) -> None:
    versions = make(24, 12)
    edit(versions[1], lambda _: {"flags": [flag("number", "error")]})
    found = json.loads(as_json(compared(versions)))
    assert "Holm" in found["correction"]
    assert found["systems"][1]["flags"] == [{"check": "number", "severity": "error", "count": 12}]
    assert found["systems"][1]["compared"]["bleu"].keys() == {"difference", "corrected"}
    assert len(found["apart"]) == 2


def test_the_table_of_a_paper_has_the_columns_that_are_asked_for_a_label_and_marks_what_is_significant(
    make: Make,
) -> None:
    found = compared(make(24, 4))
    text = latex([paper_table(found, columns=["errors", "rouge1", "seconds"], label="tab:length")])
    assert r"\label{tab:length}" in text
    assert r"\toprule" in text
    assert r"system & errors /100 & ROUGE-1 & s/article \\" in text
    (row,) = [line for line in text.splitlines() if line.startswith("words4 ")]
    assert r"\ensuremath{^\dagger}" in row
    assert "Holm" in text
    assert text.index(r"\caption") < text.index(r"\label")


@pytest.mark.parametrize(
    ("columns", "label", "said"),
    [(["comet"], "a", "comet: no such column; there are: rouge1"), (["chrf++"], "a_b}", "--label a_b}")],
)
def test_a_column_or_label_that_cannot_be_is_refused(make: Make, columns: list[str], label: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        paper_table(compared(make(24, 12)), columns=columns, label=label)
    assert said in str(raised.value)


@pytest.mark.skipif(not HAS_TEX, reason=NO_TEX)
@pytest.mark.parametrize("columns", [[], [column.key for column in COLUMNS]], ids=["default", "all"])
def test_the_table_of_a_paper_compiles_and_its_label_is_known(make: Make, tmp_path: Path, columns: list[str]) -> None:
    text = latex([paper_table(compared(make(24, 12, 6)), columns=columns, label="tab:a")])
    assert ("Overfull" in typeset(text, tmp_path, label="tab:a")) == bool(columns)


# The command


@pytest.fixture
def outputs(make: Make, tmp_path: Path) -> Path:
    """Return a folder with three published versions, each an experiment, and all three as the cells of a matrix."""
    for at, version in enumerate(make(24, 12, 6)):
        shutil.copytree(version.folder.parent, tmp_path / "outputs" / version.folder.parent.name, symlinks=True)
        cell = tmp_path / "outputs" / "swept" / version.folder.name
        shutil.copytree(version.folder, cell)
        labels.edit(replace(version, folder=cell), add=labels.cell_tags("sweep", f"words={at}", is_baseline=at == 2))
    return tmp_path / "outputs"


def test_the_command_compares_all_that_are_named_with_the_baseline(outputs: Path) -> None:
    done = tomdich_in_process("compare", "words24", "words12", "words6", "--baseline", "words12", cwd=outputs.parent)
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "3 versions, 12 records in all of them"
    assert "A words12 the baseline" in lines
    pair = tomdich_in_process("compare", "words24", "--baseline", "words6", "--to", "csv", cwd=outputs.parent)
    assert [row["system"] for row in csv.DictReader(io.StringIO(pair.stdout))] == ["words6", "words24"]


def test_two_versions_without_a_baseline_show_the_change_from_one_to_the_other(outputs: Path) -> None:
    done = tomdich_in_process("compare", "words24", "words12", cwd=outputs.parent)
    assert "What changed in the recipe" in done.stdout
    found = tomdich_in_process("compare", "words24", "words12", "--to", "json", cwd=outputs.parent)
    assert {"a", "b", "same_recipe"} <= json.loads(found.stdout).keys()


def test_the_cells_of_a_matrix_are_compared_with_its_baseline(outputs: Path) -> None:
    done = tomdich_in_process("compare", "--matrix", "sweep", "--to", "latex", "--columns", "bleu", cwd=outputs.parent)
    rows = [line.partition(" ")[0] for line in done.stdout.splitlines() if line.startswith("words=")]
    assert rows[0] == "words=2"
    assert sorted(rows) == ["words=0", "words=1", "words=2"]
    assert r"\label{tab:compare}" in done.stdout


def test_a_matrix_that_two_experiments_have_is_named_with_its_experiment(outputs: Path) -> None:
    shutil.copytree(outputs / "swept", outputs / "again")
    done = tomdich_in_process("compare", "--matrix", "sweep", cwd=outputs.parent)
    assert done.returncode == 2
    assert "several experiments have it; name one: again/sweep, swept/sweep" in done.stderr
    assert tomdich_in_process("compare", "--matrix", "again/sweep", cwd=outputs.parent).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["words24"], "name two versions or more"),
        (["--matrix", "none"], "--matrix none: no version in"),
        (["words24", "nothing"], "no such experiment"),
        (["words24", "words6", "--to", "latex", "--columns", "bleu,blue"], "--columns blue: no such column"),
    ],
)
def test_what_cannot_be_compared_is_said(outputs: Path, arguments: list[str], said: str) -> None:
    done = tomdich_in_process("compare", *arguments, cwd=outputs.parent)
    assert done.returncode == 2
    assert said in done.stderr
