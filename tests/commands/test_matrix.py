"""`tomdich matrix`: the plan and its price, shared calls paid once, a cell that fails, a kill, tags, no drift."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.matrix import grouped
from pipeline.errors import UsageError
from pipeline.runner import cells
from pipeline.storage import labels, versions
from pipeline.storage.rows import rows
from pipeline.storage.versions import Version
from tests import forked
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


def test_cells_with_the_same_checkpoints_run_one_after_the_other(beams: Callable[..., Path]) -> None:
    lead = {"model": "lead"}
    config = beams({"summarize": [FAKE, lead], PENALTY: [1.0, 2.0], "translate.model": ["fake", "other"]})
    loaded = cells.load(config)
    order = [
        (cell.config.summarize.model, cell.config.translate.model, cell.config.translate.generation.length_penalty)
        for cell in grouped(loaded.cells)
    ]
    assert order == [
        (summarizer, translator, penalty)
        for summarizer in ("fake", "lead")
        for translator in ("fake", "other")
        for penalty in (1.0, 2.0)
    ]
