from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.runner.monitoring import drift, last_success, write_metrics


def manifest(**changed: Any) -> dict[str, Any]:
    counts = {"read": 110, "rejected": 8, "failures": 2, "records": 100, "flagged": 10}
    statistics = {
        "flags": {"number": 5, "name": 30},
        "mean_words": {"summary": 40.0, "translation": 30.0},
        "repaired": {"translate": {"repaired": 4, "unchanged": 1}},
        "tokens": {"summarize": {"source": 900, "output": 90}},
    }
    return {
        "counts": counts | changed.get("counts", {}),
        "statistics": statistics | changed.get("statistics", {}),
        "timings": {"load": 0.5, "summarize": 3.25},
        "calls": {"summarize": {"computed": 90, "replayed": 10}},
    }


@pytest.mark.parametrize(
    ("tonight", "named"),
    [
        (manifest(), None),
        (manifest(counts={"records": 110}), None),
        (
            manifest(counts={"records": 12, "failures": 0}, statistics={"flags": {"number": 1, "name": 4}}),
            "the number of records is 12",
        ),
        (manifest(counts={"failures": 40}), "the share of failures"),
        (manifest(statistics={"mean_words": {"summary": 12.0, "translation": 30.0}}), "a summary (words) is 12"),
        (manifest(statistics={"flags": {"number": 60, "name": 30}}), "`number` flags a record is 0.6"),
        (manifest(statistics={"flags": {"number": 5, "name": 30, "loop": 40}}), "`loop` flags a record is 0.4"),
        (manifest(statistics={"flags": {"number": 5, "name": 30, "loop": 4}}), None),  # too few to be news
        (manifest(statistics={"flags": {"number": 5}}), "`name` flags a record is 0, where"),
        (manifest(statistics={"flags": {"name": 30}}), None),
    ],
    ids=[
        "as ever",
        "a few more",
        "a dying feed",
        "failures",
        "short summaries",
        "flags",
        "a check appears",
        "a check appears now and then",
        "a check vanishes",
        "a rare check vanishes",
    ],
)
def test_a_night_that_strays_is_told(tonight: dict[str, Any], named: str | None) -> None:
    nights = [manifest(counts={"records": 100 + number}) for number in range(9)]
    told = drift(tonight, nights)
    assert len(told) == (0 if named is None else 1), told
    assert named is None or named in told[0]


def test_only_the_last_seven_count_and_two_are_too_few() -> None:
    old, new = [manifest(counts={"records": 1000})] * 9, [manifest()] * 7
    assert drift(manifest(), [*old, *new]) == []
    assert drift(manifest(counts={"records": 1}), new[:2]) == []


def test_a_night_without_a_checks_flags_counts_as_none() -> None:
    silent, flagging = manifest(statistics={"flags": {}}), manifest(statistics={"flags": {"name": 30}})
    assert drift(flagging, [silent] * 5) != []
    assert drift(silent, [silent] * 5) == []
    assert drift(flagging, [silent, *[flagging] * 4]) == []


def test_a_version_without_statistics_is_no_trouble() -> None:
    bare = {key: value for key, value in manifest().items() if key != "statistics"}
    assert drift(manifest(), [bare] * 5) == []
    assert drift(bare, [manifest()] * 5) == []


def test_the_textfile_is_read_back_by_the_client_library(tmp_path: Path) -> None:
    path = tmp_path / "node" / "tomdich.prom"
    write_metrics(
        path, name='ni"ght', exit_code=3, finished=1000.5, manifest=manifest(), succeeded=900.0, drifts=1, unavailable=2
    )
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8"))
        for sample in family.samples
    }
    name = ("name", 'ni"ght')
    assert samples["tomdich_last_exit_code", (name,)] == 3
    assert samples["tomdich_last_run_timestamp_seconds", (name,)] == 1000.5
    assert samples["tomdich_last_success_timestamp_seconds", (name,)] == 900
    assert samples["tomdich_drifts", (name,)] == 1
    assert samples["tomdich_articles", (("kind", "records"), name)] == 100
    assert samples["tomdich_stage_seconds", (name, ("stage", "summarize"))] == 3.25
    assert samples["tomdich_calls", (("kind", "computed"), name, ("stage", "summarize"))] == 90
    assert samples["tomdich_flags", (("check", "number"), name)] == 5
    assert samples["tomdich_repaired", (name, ("outcome", "unchanged"), ("stage", "translate"))] == 1
    assert samples["tomdich_tokens", (name, ("side", "source"), ("stage", "summarize"))] == 900
    assert list(path.parent.iterdir()) == [path]  # no half-written file beside it


def test_a_run_without_a_version_has_its_exit_code_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tomdich.prom"
    write_metrics(
        path, name="night", exit_code=2, finished=1.0, manifest=None, succeeded=None, drifts=0, unavailable=None
    )
    text = path.read_text(encoding="utf-8")
    assert 'tomdich_last_exit_code{name="night"} 2.0' in text
    assert "tomdich_articles{" not in text


def test_a_pipe_and_standard_output_have_no_last_success_and_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert last_success(tmp_path / "pipe", name="night") is None
    assert last_success(Path("/dev/stdout"), name="night") is None
