"""`tomdich matrix`: the plan and its price, shared calls paid once, a cell that fails, a kill, tags, no drift."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from pipeline.commands.matrix import in_order, plan, run
from pipeline.engines import LoadedModel
from pipeline.errors import UsageError
from pipeline.progress import Lines
from pipeline.runner import cells, chain
from pipeline.runner.options import Outcome, RunOptions
from pipeline.storage import labels, versions
from pipeline.storage.rows import rows
from pipeline.storage.versions import Version
from tests import forked, tiny
from tests.conftest import article, tomdich_in_process, write_feed

BEAMS, PENALTY = "summarize.generation.num_beams", "translate.generation.length_penalty"
FAKE = {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": 12}}


@pytest.fixture
def beams(tmp_path: Path, make_config: Callable[..., Path]) -> Callable[..., Path]:
    """Give a function that writes a feed of six articles and a config with a matrix over it; returns the config."""

    def make(matrix: dict[str, Any], *, feed: list[dict[str, Any]] | None = None, **fields: Any) -> Path:
        write_feed(tmp_path / "feed.jsonl", feed or [article(number) for number in range(6)])
        return make_config(**{"name": "beams", "summarize": FAKE, "matrix": matrix} | fields)

    return make


def matrix(config: Path, *words: str, code: int = 0) -> str:
    done = tomdich_in_process("matrix", config, "--outputs", "out", *words, cwd=config.parent)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def as_json(config: Path, *words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(matrix(config, *words, "--json", code=code))
    return found


def published(config: Path) -> list[Version]:
    return versions.versions(config.parent / "out" / "beams")


def tags(version: Version) -> set[str]:
    return set(labels.read(version).tags)


def test_shared_calls_are_planned_and_paid_once(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 4], PENALTY: [1.0, 2.0]})
    first = as_json(config, "--dry")
    assert published(config) == []
    # two ways to summarize, each shared by two cells; no summary is known yet, so each translation is only a bound
    assert [(one["missing"], one["waiting"]) for one in first["cells"]] == [(6, 6), (0, 6), (6, 6), (0, 6)]
    assert (first["known"], first["missing"], first["waiting"], first["seconds"]) == (0, 12, 24, None)
    matrix(config)
    calls = [version.manifest["calls"] for version in published(config)]
    assert sum(one["summarize"]["computed"] for one in calls) == 12
    assert sum(one["translate"]["computed"] for one in calls) == 24  # the fake's summaries do not depend on the beams
    assert sum(stage["replayed"] for one in calls for stage in one.values()) == 36
    again = as_json(config, "--dry")
    assert (again["known"], again["missing"], again["waiting"]) == (72, 0, 0)
    assert [one["same"] for one in again["cells"]] == [version.name for version in published(config)]


def test_sources_that_cells_read_alike_are_read_once_for_the_plan(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 2, 3], "include": [{"exclude.under_syllables": 1}]})
    done = tomdich_in_process("matrix", config, "--outputs", "out", "--dry", cwd=config.parent)
    assert done.returncode == 0
    assert [line.partition(":")[0] for line in done.stderr.splitlines()].count("load") == 2


def test_cells_whose_values_are_the_defaults_are_one_version(beams: Callable[..., Path]) -> None:
    config = beams({"include": [{"name": "plain", BEAMS: None}, {"name": "one", BEAMS: 1}]})
    found = as_json(config)
    assert [(one["version"], one["published"]) for one in found["cells"]] == [
        (published(config)[0].name, True),
        (published(config)[0].name, False),
    ]
    assert [(cell.name, cell.is_baseline) for cell in labels.cells(published(config), "night")] == [
        ("plain", True),
        ("one", False),
    ]


def test_a_time_is_estimated_from_the_version_with_the_same_search(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 4]}, feed=[article(number) for number in range(20)])
    matrix(config)
    write_feed(config.parent / "feed.jsonl", [article(number) for number in range(25)])
    planned = as_json(config, "--dry")
    for one, version in zip(planned["cells"], published(config), strict=True):
        computed = version.manifest["calls"]["summarize"]["computed"]
        assert one["missing"] == 5
        assert computed == 20
        assert one["seconds"] >= 5 * version.manifest["timings"]["summarize"] / computed
    assert "at the rate of earlier versions" in matrix(config, "--dry")


def test_cells_are_versions_with_tags_and_no_drift_among_them(beams: Callable[..., Path]) -> None:
    values = [1, 2, 3, 4]
    config = beams({BEAMS: values, "include": [{"name": "lead", "summarize": {"model": "lead", "sentences": 3}}]})
    shown = matrix(config, "--tag", "paper", "--note", "bảng 2")
    assert "matrix night: 5 cells; the baseline is num_beams=1" in shown
    there = published(config)
    assert [cell.name for cell in labels.cells(there, "night")] == [*(f"num_beams={one}" for one in values), "lead"]
    assert [cell.is_baseline for cell in labels.cells(there, "night")] == [True, False, False, False, False]
    assert {labels.read(version).note for version in there} == {"bảng 2"}
    assert all("paper" in tags(version) for version in there)
    assert [versions.find(config.parent / "out", f"beams/{name}").folder for name in ("num_beams=1", "lead")] == [
        there[0].folder, there[4].folder,
    ]  # fmt: skip
    with pytest.raises(UsageError, match="beams/num_beams: no such version or cell; there are: "):
        versions.find(config.parent / "out", "beams/num_beams")
    lengths = [version.manifest["statistics"]["mean_words"]["summary"] for version in there]
    assert lengths[4] > 2 * lengths[3]  # else there would be no drift to leave out
    assert [version.manifest["drift"] for version in there] == [[]] * 5


def test_the_matrix_can_be_compared_as_it_is_named_at_its_end(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 4]})
    done = tomdich_in_process("matrix", config, "--outputs", "out", cwd=config.parent)
    (hint,) = [line for line in done.stderr.splitlines() if line.startswith("compare them: tomdich ")]
    words = shlex.split(hint.removeprefix("compare them: tomdich "))
    compared = tomdich_in_process(*words, "--outputs", "out", cwd=config.parent)
    assert compared.returncode == 0, compared.stderr
    assert "num_beams=4" in compared.stdout


def test_a_later_run_of_the_name_is_not_compared_with_cells(beams: Callable[..., Path], tmp_path: Path) -> None:
    config = beams({"summarize.sentences": [1, 2, 3]}, summarize={"model": "lead"})
    matrix(config)
    single = tmp_path / "single.yaml"
    single.write_text("extends: night.yaml\nmatrix: null\nsummarize: {sentences: 9}\n", encoding="utf-8")
    done = tomdich_in_process("run", single, "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "drift" not in done.stderr
    assert published(config)[-1].manifest["drift"] == []


def test_the_others_go_on_when_a_cell_fails_and_the_worst_code_is_returned(beams: Callable[..., Path]) -> None:
    config = beams(
        {
            "include": [
                {"name": "nowhere", "summarize": {"model": "./nowhere"}},
                {"name": "lead", "summarize": {"model": "lead"}},
                {"name": "refused", "exclude.under_syllables": 1000},
            ]
        }
    )
    found = as_json(config, code=2)
    assert [(one["cell"], one["exit"], one["version"] is None) for one in found["cells"]] == [
        ("nowhere", 2, True),
        ("lead", 0, False),
        ("refused", 3, True),
    ]
    assert "no such folder" in found["cells"][0]["error"]
    planned = as_json(config, "--dry", code=2)
    assert [one["exit"] for one in planned["cells"]] == [2, 0, 3]
    assert len(published(config)) == 1


def test_only_some_cells_and_another_baseline(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 4], "include": [{"name": "lead", "summarize": {"model": "lead"}}]})
    assert "2 of 3 cells; the baseline is lead" in matrix(
        config, "--only", "num_beams=4", "--only", "lead", "--baseline=lead"
    )
    four, lead = published(config)
    assert tags(four) == {"matrix=night", "cell=night/num_beams=4"}
    assert tags(lead) == {"matrix=night", "cell=night/lead", "baseline=night"}
    matrix(config)
    assert [version.folder for version in published(config)[:2]] == [four.folder, lead.folder]
    assert [(cell.name, cell.is_baseline) for cell in labels.cells(published(config), "night")] == [
        ("num_beams=4", False),
        ("lead", False),
        ("num_beams=1", True),
    ]
    matrix(config, "--only", "x", code=2)


def test_the_tags_of_a_cell_go_with_it(beams: Callable[..., Path]) -> None:
    matrix(beams({BEAMS: [1, 4]}))
    config = beams({BEAMS: [1]}, exclude={"under_syllables": 4})  # another recipe, and one cell less
    matrix(config)
    first, four, new = published(config)
    assert tags(first) == tags(four) == set()
    assert tags(new) == {"matrix=night", "cell=night/num_beams=1", "baseline=night"}


def test_a_killed_matrix_goes_on_where_it_was(beams: Callable[..., Path], tmp_path: Path) -> None:
    slow = [article(number) for number in range(5)]
    for row in slow:
        row["title"] += " fake:slow"
    config = beams({BEAMS: [1, 2, 3]}, feed=slow, runtime={"batch_tokens": 64})
    words: list[str | Path] = ["matrix", config, "--outputs", "out"]
    out, err = tmp_path / "printed", tmp_path / "said"
    process = forked.start(words, cwd=tmp_path, out=out, err=err, environment=dict(os.environ))
    end = time.monotonic() + 120
    while len(published(config)) < 1:
        assert process.is_alive(), err.read_text()
        assert time.monotonic() < end
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    before = published(config)
    assert len(before) < 3, "it was over before it was killed"
    matrix(config)
    after = published(config)
    assert [version.folder for version in after[: len(before)]] == [version.folder for version in before]
    assert [cell.name for cell in labels.cells(after, "night")] == ["num_beams=1", "num_beams=2", "num_beams=3"]
    whole = tomdich_in_process("matrix", config, "--outputs", "whole", cwd=tmp_path)
    assert whole.returncode == 0
    for killed, uninterrupted in zip(after, versions.versions(tmp_path / "whole" / "beams"), strict=True):
        assert [row.translation for row in rows(killed)] == [row.translation for row in rows(uninterrupted)]
        assert killed.manifest["recipe"] == uninterrupted.manifest["recipe"]


def test_a_deadline_ends_the_matrix_and_names_what_was_not_begun(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 4]})
    found = as_json(config, "--deadline", "0s", code=5)
    assert [one["exit"] for one in found["cells"]] == [5, 5]
    assert found["cells"][1]["error"] == "not begun"


def test_cells_with_the_same_translator_run_one_after_the_other(beams: Callable[..., Path]) -> None:
    config = beams({PENALTY: [1.0, 2.0], "translate.model": ["fake", "other"], "summarize.model": ["fake", "third"]})
    loaded = cells.load(config)

    def order(options: RunOptions) -> list[tuple[str | None, ...]]:
        found = in_order(loaded.cells, options=options)
        return [(cell.config.translate.model, cell.config.summarize.model) for cell in found]

    assert order(RunOptions()) == [
        (translator, summarizer)
        for translator in ("fake", "other")
        for summarizer in ("fake", "fake", "third", "third")
    ]
    assert order(RunOptions(until="summarize")) == [
        (translator, summarizer) for summarizer in ("fake", "third") for translator in ("fake", "other") * 2
    ]


def opened(version: Version) -> list[tuple[str, bool]]:
    """Return the stages whose engines were opened for a version, and whether the model was in memory already."""
    lines = map(json.loads, version.path("log.jsonl").read_text(encoding="utf-8").splitlines())
    return [(line["of"], line["kept"]) for line in lines if line["event"] == "open"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Give four stages, each with a tiny checkpoint of a real class."""
    stages = []
    for number in range(4):
        folder = tiny.copy("t5", tmp_path_factory.mktemp("models") / str(number))
        weights = load_file(folder / "model.safetensors")
        weights["shared.weight"][0, 0] += number
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        how = {"engine": "transformers", "compute_type": "float32", "generation": {"max_new_tokens": 6}}
        stages.append({"model": str(folder), **how})
    return stages


def test_each_model_is_loaded_once_and_a_summary_is_counted_in_the_cell_it_was_made_for(
    beams: Callable[..., Path], real: list[dict[str, Any]]
) -> None:
    named = [
        {"name": f"{summarizer}{translator}", "summarize": real[summarizer], "translate": real[translator]}
        for summarizer in (0, 1)
        for translator in (2, 3)
    ]
    config = beams({"include": named}, runtime={"device": "cpu"})
    matrix(config)
    there = published(config)
    first, second = [("summarize", False), ("translate", False)], [("summarize", False), ("translate", True)]
    third, fourth = first[1:], second[1:]
    assert [cell.name for cell in labels.cells(there, "night")] == ["02", "12", "03", "13"]
    assert [opened(version) for version in there] == [first, second, third, fourth]
    for version in there:
        manifest = version.manifest
        calls = manifest["calls"]
        assert (calls["summarize"]["computed"], calls["summarize"]["replayed"]) == (
            (6, 0) if version in there[:2] else (0, 6)
        )
        assert set(manifest["opening"]) == {stage for stage, _ in opened(version)}
        assert all(manifest["opening"][stage] <= manifest["timings"][stage] for stage in manifest["opening"])

    # with a deadline each cell ends before the next begins: what is finished in time is published
    words = ["--deadline", "1h", "--only", "02", "--only", "12"]
    done = tomdich_in_process("matrix", config, "--outputs", "late", *words, cwd=config.parent)
    assert done.returncode == 0, done.stderr
    assert [opened(version) for version in versions.versions(config.parent / "late" / "beams")] == [first, first]


def test_other_values_of_the_search_load_no_other_model(beams: Callable[..., Path], real: list[dict[str, Any]]) -> None:
    config = beams(
        {BEAMS: [1, 2], "include": [{"name": "lead", "summarize": {"model": "lead"}}]},
        summarize=real[0], translate=real[2], runtime={"device": "cpu"},
    )  # fmt: skip
    matrix(config)
    loads = [stage for version in published(config) for stage, kept in opened(version) if not kept]
    assert loads == ["summarize", "translate"]


def test_a_matrix_that_is_stopped_among_the_summaries_says_so_for_each_cell(beams: Callable[..., Path]) -> None:
    config = beams({BEAMS: [1, 4]})
    loaded = cells.load(config)
    options = RunOptions(outputs=config.parent / "out", stopping=lambda: "stopped by SIGTERM")
    planned = plan(loaded.cells, options=replace(options, stopping=lambda: None), progress=Lines())

    def summarize_cell(cell: cells.Cell, options: RunOptions, models: LoadedModel) -> chain.SummarizedAhead:
        return chain.summarize_ahead(cell.config, options=options, progress=Lines(), models=models)

    def run_cell(*_: object) -> Outcome:
        raise AssertionError("nothing is run after a stop")

    found = run(loaded, planned, options=options, summarize_cell=summarize_cell, run_cell=run_cell)
    assert [(one.cell.name, one.exit_code) for one in found] == [("num_beams=1", 5), ("num_beams=4", 5)]
    assert all("stopped by SIGTERM" in one.error for one in found)


def test_latest_is_the_baseline_whichever_cell_ran_last(beams: Callable[..., Path]) -> None:
    def latest() -> str:
        return versions.find(config.parent / "out", "beams").folder.name

    config = beams({BEAMS: [1, 4], "include": [{"name": "lead", "summarize": {"model": "lead"}}]})
    matrix(config)
    one, four, lead = (version.folder.name for version in published(config))
    assert latest() == one
    matrix(config, "--only", "lead", "--baseline", "num_beams=4")  # runs nothing
    assert latest() == four
    matrix(config, "--baseline", "lead")
    assert latest() == lead
    changed = config.parent / "changed.yaml"  # the same cells with another recipe, and the baseline does not run again
    changed.write_text("extends: night.yaml\nexclude: {under_syllables: 4}\n", encoding="utf-8")
    tomdich_in_process("matrix", changed, "--outputs", "out", "--only", "num_beams=4", cwd=config.parent)
    assert latest() == published(config)[-1].folder.name  # of another matrix, whose baseline has no version
    single = config.parent / "single.yaml"
    single.write_text("extends: night.yaml\nmatrix: null\nexclude: {under_syllables: 3}\n", encoding="utf-8")
    tomdich_in_process("run", single, "--outputs", "out", cwd=config.parent)
    assert latest() == published(config)[-1].folder.name  # an ordinary run
    matrix(config)
    assert latest() == published(config)[-1].folder.name  # no cell was published: the ordinary version is the newest
