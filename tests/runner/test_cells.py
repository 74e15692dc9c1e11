"""The cells of a matrix: product, exclude and include, their names, and what is refused with its line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config as configs
from pipeline.errors import ConfigError, UsageError
from pipeline.runner import cells
from pipeline.runner.cells import Matrix

BASE = """\
name: beams
sources: [{path: feed.jsonl}]
summarize: {model: fake, engine: fake, generation: {max_new_tokens: 12}}
translate: {model: fake, engine: fake}
"""
BEAMS, PENALTY = "summarize.generation.num_beams", "summarize.generation.length_penalty"


def loaded(folder: Path, matrix: str, *overrides: str) -> Matrix:
    path = folder / "beams.yaml"
    path.write_text(f"{BASE}matrix:\n{matrix}", encoding="utf-8")
    return cells.load(path, overrides)


def names(matrix: Matrix) -> list[str]:
    return [cell.name for cell in matrix.cells]


def test_the_cells_are_the_product_of_the_lists(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, f"  {BEAMS}: [1, 4]\n  {PENALTY}: [1.0, 2.0]\n")
    assert matrix.name == "beams"
    assert names(matrix) == [
        "num_beams=1,length_penalty=1.0",
        "num_beams=1,length_penalty=2.0",
        "num_beams=4,length_penalty=1.0",
        "num_beams=4,length_penalty=2.0",
    ]
    assert matrix.baseline is matrix.cells[0]
    generation = matrix.cells[2].config.summarize.generation
    assert (generation.num_beams, generation.length_penalty, generation.max_new_tokens) == (4, 1.0, 12)


def test_exclude_and_include_as_in_a_build_matrix(tmp_path: Path) -> None:
    matrix = loaded(
        tmp_path,
        f"  {BEAMS}: [1, 4]\n  {PENALTY}: [1.0, 2.0]\n"
        f"  exclude:\n    - {{{BEAMS}: 1, {PENALTY}: 2.0}}\n    - {{{BEAMS}: 4, {PENALTY}: 1.0}}\n"
        "  include:\n    - {name: first sentences, summarize: {model: lead, sentences: 1}}\n    - {name: as it is}\n",
    )
    assert names(matrix) == [
        "num_beams=1,length_penalty=1.0",
        "num_beams=4,length_penalty=2.0",
        "first sentences",
        "as it is",
    ]
    lead = matrix.cells[2].config.summarize
    assert (lead.model, lead.sentences, lead.engine) == ("lead", 1, "auto")  # the whole section is replaced


def test_one_exclude_removes_every_combination_that_has_it(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, f"  {BEAMS}: [1, 4]\n  {PENALTY}: [1.0, 2.0]\n  exclude: [{{{BEAMS}: 4}}]\n")
    assert names(matrix) == ["num_beams=1,length_penalty=1.0", "num_beams=1,length_penalty=2.0"]


def test_a_name_has_as_much_of_the_field_as_tells_it_from_others(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, f"  {BEAMS}: [1]\n  translate.generation.num_beams: [2]\n  deterministic: [true]\n")
    assert names(matrix) == ["summarize.generation.num_beams=1,translate.generation.num_beams=2,deterministic=true"]


def test_a_section_in_a_name_is_written_as_yaml_without_quotes(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, "  summarize: [{model: lead, sentences: 1}, {model: lead, sentences: 2}]\n")
    assert names(matrix) == ["summarize={model: lead, sentences: 1}", "summarize={model: lead, sentences: 2}"]
    matrix = loaded(tmp_path, "  inspect.hold: [[], [number, name]]\n")
    assert names(matrix) == ["hold=[]", "hold=[number, name]"]


def test_a_cell_that_is_no_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`sentences` is for .*\nin the cell sentences=3 of the matrix"):
        loaded(tmp_path, "  include: [{summarize.sentences: 3}]\n")


def test_cells_are_selected_by_name_or_by_one_of_their_values(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, f"  {BEAMS}: [1, 4]\n  {PENALTY}: [1.0, 2.0]\n")
    assert matrix.selected([]) == matrix.cells
    assert matrix.selected(["num_beams=4"]) == matrix.cells[2:]
    assert matrix.selected(["num_beams=1,length_penalty=2.0", "length_penalty=1.0"]) == matrix.cells[:3]
    assert matrix.with_baseline("num_beams=4,length_penalty=1.0").baseline is matrix.cells[2]
    with pytest.raises(UsageError, match=r"--only beams=4: no such cell; there are: num_beams=1,length_penalty=1.0; "):
        matrix.selected(["beams=4"])
    with pytest.raises(UsageError, match="--baseline num_beams=4: several cells match"):
        matrix.with_baseline("num_beams=4")
    with pytest.raises(UsageError, match="--baseline x: no such cell"):
        matrix.with_baseline("x")


def test_an_override_is_the_config_beneath_the_cells(tmp_path: Path) -> None:
    matrix = loaded(tmp_path, f"  {BEAMS}: [1, 4]\n", "summarize.generation={max_new_tokens: 7, num_beams: 9}")
    assert [cell.config.summarize.generation.num_beams for cell in matrix.cells] == [1, 4]
    assert {cell.config.summarize.generation.max_new_tokens for cell in matrix.cells} == {7}


def test_a_relative_path_of_a_matrix_is_relative_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "base.yaml").write_text(
        f"{BASE}matrix:\n  translate.terms: [a.csv]\n  include: [{{translate.terms: b.csv}}]\n", encoding="utf-8"
    )
    path = tmp_path / "own.yaml"
    path.write_text("extends: shared/base.yaml\nname: own\n", encoding="utf-8")
    matrix = cells.load(path)
    assert [cell.config.translate.terms for cell in matrix.cells] == [
        str(tmp_path / "shared" / name) for name in ("a.csv", "b.csv")
    ]
    assert {cell.config.name for cell in matrix.cells} == {"own"}


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ("  {}\n", r"beams\.yaml:5: matrix: must be a section with a list for each field, such as .*; `tomdich run "),
        (f"  {BEAMS}: 4\n", rf"beams\.yaml:6: matrix\.{BEAMS}: must be a list of values"),
        (f"  {BEAMS}: []\n", "must be a list of values"),
        (f"  {BEAMS}: [4, 4]\n", "a value occurs twice"),
        (f"  {BEAMS}: [1, many]\n", rf"beams\.yaml:6: {BEAMS}: must be a whole number.*found 'many'"),
        ("  summarize.beams: [1]\n", r"beams\.yaml:6: summarize\.beams: no such field"),
        ("  name.x: [1]\n", r"matrix\.name\.x: changes no answer"),
        ("  track: [mlflow, trackio]\n", r"matrix\.track: changes no answer"),
        ("  runtime.threads: [1, 2]\n", r"beams\.yaml:6: matrix\.runtime\.threads: changes no answer"),
        ("  sources.7.path: [a]\n", r"beams\.yaml:6: sources\.7\.path: `sources` has items 0 to 0"),
        ("  summarize..model: [a]\n", "must be a field, written with dots"),
        ("  7: [a]\n", "must be a field, written with dots"),
        ("  seeds: [1, 2]\n", "matrix.seeds: beam search gives the same text for every seed; remove it"),
        (f"  {BEAMS}: [1]\n  exclude: [{{{BEAMS}: 2}}]\n", r"exclude\.0\..*: 2 is no value of it"),
        (f"  {BEAMS}: [1]\n  exclude: [{{translate.model: x}}]\n", r"translate\.model: the matrix has no list for it"),
        (f"  {BEAMS}: [1]\n  exclude: [{{{BEAMS}: 1}}]\n", "no cell is left"),
        (f"  {BEAMS}: [1]\n  exclude: {{{BEAMS}: 1}}\n", r"beams\.yaml:7: matrix\.exclude: must be a list of sections"),
        ("  include: [lead]\n", r"matrix\.include: must be a list of sections"),
        ("  include:\n    - {name: [a]}\n", r"beams\.yaml:7: matrix\.include\.0\.name: must be text"),
        ("  include: [{memo: x}]\n", r"matrix\.include\.0\.memo: changes no answer"),
        (f"  include: [{{{BEAMS}: 2}}, {{{BEAMS}: 2}}]\n", "the cells num_beams=2 and num_beams=2 are the same config"),
        (f"  include: [{{name: a, {BEAMS}: 2}}, {{name: a, {BEAMS}: 3}}]\n", "two cells are called a"),
        (f"  {BEAMS}: {[*range(1, 33)]}\n  translate.generation.num_beams: {[*range(1, 33)]}\n", "has 1024 cells"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_remedy(tmp_path: Path, matrix: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, matrix)


def test_one_run_takes_no_matrix(tmp_path: Path) -> None:
    loaded(tmp_path, f"  {BEAMS}: [1, 4]\n")
    with pytest.raises(
        ConfigError, match=r"beams\.yaml:5: matrix: one run takes no matrix; `tomdich matrix .*beams\.yaml`"
    ):
        configs.load(tmp_path / "beams.yaml")
