"""`tomdich bench`: it measures what a run would ask, proposes only `runtime:`, and leaves nothing behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config as configs
from pipeline.commands import bench as benching
from pipeline.commands.bench import Bench, Trial, bench, report
from pipeline.commands.bench_texts import sample_articles, stage_texts
from pipeline.config import Config
from pipeline.errors import SourceError
from pipeline.progress import Silent
from pipeline.runner.chain import run
from pipeline.runner.options import RunOptions
from pipeline.runner.preparing import prepare_stages
from tests import tiny
from tests.conftest import article, write_feed


def test_it_measures_the_texts_a_run_would_ask_and_leaves_nothing_behind(
    tmp_path: Path, load_config: Callable[..., Config]
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(12)])
    config = load_config()
    before = set(tmp_path.rglob("*"))
    found = bench(config, articles=5, repeats=1)
    assert set(tmp_path.rglob("*")) == before
    outcome = run(config, options=RunOptions(outputs=tmp_path / "out", limit=5), progress=Silent())
    assert outcome.version is not None
    calls = outcome.version.manifest["calls"]
    assert found.articles == 5
    assert found.texts == {name: calls[name]["computed"] for name in ("summarize", "translate")}


def test_the_printed_block_is_a_runtime_that_a_config_takes(
    tmp_path: Path, load_config: Callable[..., Config], make_config: Callable[..., Path]
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(4)])
    found = bench(load_config(runtime={"device": "cpu"}), articles=4, repeats=1)
    lines = list(report(found))
    block = yaml.safe_load(found.runtime)
    assert found.runtime in lines
    runtime = configs.load(make_config(**block)).runtime
    assert (runtime.device, runtime.batch_tokens, runtime.threads) == (
        "cpu",
        found.best.batch_tokens,
        found.best.threads,
    )
    rows = [line for line in lines if line.rstrip().endswith(("x", "(present)", "<- take this"))]
    assert len(rows) == len(found.trials)


def test_the_present_setting_is_among_the_trials_and_measured_again(
    tmp_path: Path, load_config: Callable[..., Config]
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(4)])
    found = bench(load_config(runtime={"batch_tokens": 500, "threads": 1}), articles=4, repeats=2)
    assert (found.present.batch_tokens, found.present.threads) == (500, 1)
    assert {len(seconds) for seconds in found.present.seconds.values()} == {3}
    tried = {trial.batch_tokens for trial in found.trials}
    assert tried == {125, 250, 500, 1000, 2000}


def test_a_deterministic_config_has_no_batches_to_choose(tmp_path: Path, load_config: Callable[..., Config]) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(4)])
    found = bench(load_config(deterministic=True), articles=4, repeats=1)
    assert len({trial.batch_tokens for trial in found.trials}) == 1


def test_articles_are_taken_in_turn_from_each_source_and_equal_texts_once(
    tmp_path: Path, load_config: Callable[..., Config]
) -> None:
    write_feed(tmp_path / "one.jsonl", [article(number) for number in (1, 1, 2, 3)])
    write_feed(tmp_path / "two.jsonl", [article(number) for number in (7, 8, 9)])
    config = load_config(sources=[{"path": "one.jsonl"}, {"path": "two.jsonl"}])
    found = sample_articles(config, 4)
    assert sorted(one.id for one in found) == ["a1", "a2", "a7", "a8"]


def test_without_an_article_there_is_nothing_to_measure(tmp_path: Path, load_config: Callable[..., Config]) -> None:
    write_feed(tmp_path / "feed.jsonl", [{"id": "a", "text": "Too short."}])
    with pytest.raises(SourceError, match="no article to measure with"):
        bench(load_config())


def test_a_text_the_model_refuses_is_told(
    tmp_path: Path, load_config: Callable[..., Config], messages: list[str]
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1), article(2) | {"title": "Tin fake:refuse hôm nay"}])
    found = bench(load_config(), articles=2, repeats=1)
    assert found.texts["summarize"] == 2
    assert any("1 of 2 failed to translate" in message for message in messages)


def trial(batch_tokens: int, *seconds: float, **more: Any) -> Trial:
    return Trial(batch_tokens=batch_tokens, threads=2, seconds={"summarize": seconds}, **more)


@pytest.mark.parametrize(
    ("trials", "best"),
    [
        ([trial(2048, 9, 10, 11), trial(4096, 9, 9.8, 10.9)], 2048),  # within noise: nothing to change
        ([trial(2048, 9, 10, 11), trial(4096, 8, 8, 8), trial(8192, 7.9, 7.9, 7.9)], 4096),  # near: the smaller batch
        ([trial(2048, 9, 10, 11), trial(512, 5, 5, 5), trial(1024, 4, 4, 4)], 1024),
        ([trial(2048, 9, 10, 11), trial(1024, 4, 4, 12)], 2048),  # slower in one of the passes run side by side
        ([trial(2048, 9, 10, 11), trial(1024, 4)], 2048),  # not among the finalists
        ([trial(2048, 9, 10, 11), trial(8192, 5, 5, 5, reduced=True)], 2048),  # did not fit in memory
    ],
)
def test_the_choice(trials: list[Trial], best: int) -> None:
    assert benching._best(trials).batch_tokens == best


def test_the_median_of_the_passes_counts() -> None:
    measured = Trial(batch_tokens=64, threads=1, seconds={"summarize": (1.0, 9.0, 2.0), "translate": (4.0, 4.0, 5.0)})
    assert measured.whole == 6.0


def tiny_config(tmp_path: Path, **fields: Any) -> Config:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(6)])
    stage = {
        "model": str(tiny.checkpoint("t5-json")),
        "compute_type": "float32",
        "accept_license": "unknown",
        "generation": {"max_new_tokens": 8},
    }
    whole = {
        "name": "night",
        "sources": [{"path": "feed.jsonl"}],
        "summarize": stage | {"engine": "ctranslate2"},
        "translate": stage | {"engine": "ctranslate2"},
    } | fields
    path = tmp_path / "night.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return configs.load(path)


def test_real_checkpoints_are_measured_and_another_arithmetic_is_told_apart(
    tmp_path: Path, messages: list[str]
) -> None:
    config = tiny_config(tmp_path)
    found = bench(config, articles=6, repeats=1)
    assert all("ctranslate2 float32 on cpu" in engine for engine in found.engines.values())
    assert 0 <= found.present.padding < 1
    # however fast this machine is: against a present of an hour, every arithmetic it has is faster
    slow = Trial(
        batch_tokens=found.best.batch_tokens, threads=1, seconds={"summarize": (3600.0,), "translate": (3600.0,)}
    )
    checkpoints = prepare_stages(config, until=None)
    sample = sample_articles(config, 6)
    job = stage_texts(config, checkpoints, sample, threads=1)[0]
    messages.clear()
    others = list(benching._arithmetic(config, job, slow))
    assert "int8" in {other.compute_type for other in others}
    assert len(others) + len(messages) == 2  # bfloat16 where this machine has it, else why not
    assert all(0 <= other.same <= other.texts == len(job.texts) for other in others)
    printed = list(report(Bench(**{**as_fields(found), "faster": tuple(others)})))
    assert any("`compute_type: int8`" in line and "changes answers" in line for line in printed)


def as_fields(found: Bench) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Bench.__dataclass_fields__}


def test_a_pass_that_takes_too_long_is_given_up(tmp_path: Path, load_config: Callable[..., Config]) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(4)])
    config = load_config()
    checkpoints = prepare_stages(config, until=None)
    sample = sample_articles(config, 4)
    job = stage_texts(config, checkpoints, sample, threads=None)[0]
    passes = [benching._run(job, config.runtime, checkpoint=job.checkpoint, within=within) for within in (0.0, 60.0)]
    assert passes[0] is None
    assert passes[1] is not None
    assert passes[1].answers == job.answers
    assert all(one == two for one, two in itertools.pairwise([len(passes[1].answers), len(job.texts)]))
