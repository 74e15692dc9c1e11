"""A second checkpoint for what repair by the first leaves wrong: in a run, a shard, a plan, a revision and beside a run.

The first translator here writes three words at most, so that every candidate lacks a figure behind them; the second
one writes sixteen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline import catalog
from pipeline import config as configs
from pipeline.checkpoints.locate import bundled_folder
from pipeline.config import Config
from pipeline.engines.batching import BatchingEngine
from pipeline.errors import ConfigError, EngineError, LicenseError, ModelError, StoppedError, UsageError
from pipeline.progress import Silent
from pipeline.records import PublishedRow
from pipeline.runner import chain
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.passes import _later
from pipeline.runner.planning import plan
from pipeline.storage import versions as store
from pipeline.storage.memo import open_memo
from pipeline.storage.rows import failures, rows
from pipeline.storage.versions import Version
from tests import tiny
from tests.conftest import article, tomdich_in_process, write_feed
from tests.runner.test_sharding import Job, assert_equal

FAKE = {"model": "fake", "engine": "fake"}
FIRST = FAKE | {"generation": {"max_new_tokens": 3}}
SECOND = {"model": "other", "engine": "fake", "generation": {"max_new_tokens": 16}}
REPAIR = {"candidates": 2, "model": SECOND}
TITLE = "Tàu hỏa chở 25 người"
FEED = [article(0) | {"title": TITLE}, article(1)]
ASKED = 4  # the titles and the summaries of the feed: the fake's English is Vietnamese, which is an error too
Go = Callable[..., Outcome]


@pytest.fixture
def go(tmp_path: Path, load_config: Callable[..., Config]) -> Go:
    """Give a function that runs the fake config over the feed, or over other articles."""
    write_feed(tmp_path / "feed.jsonl", FEED)

    def run(
        repair: object = REPAIR, *, outputs: str = "out", translate: Any = FIRST, runtime: Any = None, **options: Any
    ) -> Outcome:
        config = load_config(translate=translate | {"repair": repair}, runtime=runtime or {})
        return chain.run(config, options=RunOptions(outputs=tmp_path / outputs, **options), progress=Silent())

    return run


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give a list to which each engine that is opened and closed is added."""
    told: list[str] = []
    open_, close = BatchingEngine.__init__, BatchingEngine.close

    def opening(engine: BatchingEngine, checkpoint: Any, **options: Any) -> None:
        told.append(f"open {checkpoint.name}")
        open_(engine, checkpoint, **options)

    def closing(engine: BatchingEngine) -> None:
        told.append("close")
        close(engine)

    monkeypatch.setattr(BatchingEngine, "__init__", opening)
    monkeypatch.setattr(BatchingEngine, "close", closing)
    return told


def version_of(outcome: Outcome) -> Version:
    assert outcome.version is not None
    return outcome.version


def rows_of(outcome: Outcome) -> list[PublishedRow]:
    return list(rows(version_of(outcome)))


# A run


def test_an_error_that_is_left_is_mended_by_the_second_checkpoint_and_the_record_says_so(go: Go) -> None:
    (first, second) = rows_of(go())
    assert first.title_translation == TITLE
    (one,) = (one for one in first.repaired if one.field == "title_translation")
    assert (one.first, one.taken, one.rank, one.second) == ("Tàu hỏa chở", "second", 0, True)
    assert ("number error" in one.before, "number error" in one.after) == (True, False)
    assert [row.translation for row in (first, second)] == [row.summary for row in (first, second)]
    asked = [call for call in first.calls if call.stage == "repair"]
    assert [(call.round, call.repair, call.output_tokens) for call in asked] == [(0, True, 5), (0, True, 12)]
    assert "unfinished" not in [flag.check for flag in first.flags if flag.field == "title_translation"]


def test_the_manifest_has_the_second_checkpoint_among_its_models_calls_and_counts(go: Go) -> None:
    manifest = version_of(go()).manifest
    assert (list(manifest["models"]), manifest["models"]["repair"]["name"]) == (
        ["summarize", "translate", "repair"],
        "other",
    )
    assert manifest["calls"]["repair"] == {"computed": ASKED, "replayed": 0}
    assert manifest["statistics"]["repaired"]["translate"] == {
        "asked": ASKED, "replaced": ASKED, "clean": 0, "second_asked": ASKED, "second_taken": ASKED,
    }  # fmt: skip
    assert set(manifest["statistics"]["tokens"]) == {"summarize", "translate", "repair"}
    assert "repair" in manifest["timings"]


def test_an_answer_that_is_no_better_is_not_taken(go: Go) -> None:
    worse = SECOND | {"generation": {"max_new_tokens": 1}}
    (first, _) = rows_of(go({"candidates": 2, "model": worse}))
    (one,) = (one for one in first.repaired if one.field == "title_translation")
    assert (first.title_translation, one.taken, one.second) == ("Tàu hỏa chở", "first", True)


def test_one_model_is_in_memory_at_a_time_and_none_is_loaded_for_nothing(go: Go, opened: list[str]) -> None:
    version = version_of(go())
    assert opened == ["open fake", "close", "open fake", "close", "open other", "close"]
    opened.clear()
    again = version_of(go(force=True))
    assert (again != version, opened) == (True, [])
    assert again.manifest["calls"]["repair"] == {"computed": 0, "replayed": ASKED}


def test_a_text_without_an_error_is_not_asked_for(go: Go, tmp_path: Path, opened: list[str]) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(0) | {"title": "", "text": "Seoul. Năm câu ngắn ở đây."}])
    version = version_of(go({"candidates": 2, "model": SECOND}))
    assert opened == ["open fake", "close", "open fake", "close"]
    assert version.manifest["calls"]["repair"] == {"computed": 0, "replayed": 0}
    assert version.manifest["models"]["repair"]["name"] == "other"


def test_a_sentence_that_an_editor_corrected_is_not_asked_for(go: Go, tmp_path: Path) -> None:
    line = {"vi": TITLE, "en": "A train for 25", "by": "Lan", "at": "2026-11-23T09:30:00+07:00"}
    path = tmp_path / "corrections.jsonl"
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
    outcome = go(translate=FIRST | {"corrections": str(path)})
    assert rows_of(outcome)[0].title_translation == "A train for 25"
    assert version_of(outcome).manifest["calls"]["repair"]["computed"] == ASKED - 1


def test_a_text_that_is_longer_than_its_input_is_not_asked_for_and_gets_a_note(go: Go, tmp_path: Path) -> None:
    title = " ".join(["tàu"] * 16 + ["chở", "25", "người"])
    write_feed(tmp_path / "feed.jsonl", [article(0) | {"title": title}])
    (row,) = rows_of(go({"candidates": 2, "model": SECOND | {"max_source_tokens": 16}}))
    notes = [flag for flag in row.flags if flag.check == "long_sentence"]
    assert [(flag.field, flag.severity, flag.end) for flag in notes] == [("title", "note", len(title))]
    assert "second checkpoint" in notes[0].message
    assert {one.field: one.second for one in row.repaired} == {"title_translation": False, "translation": True}
    # the first answer was cut off, and is flagged at its place: what was not asked moves no call
    assert "title_translation" in [flag.field for flag in row.flags if flag.check == "unfinished"]


def test_it_is_in_the_recipe_and_its_own_config_gives_the_same_version(go: Go, tmp_path: Path) -> None:
    mended, plain = version_of(go()), version_of(go({"candidates": 2}))
    assert mended.manifest["recipe"] != plain.manifest["recipe"]
    identities = [version.manifest["identity"] for version in (mended, plain)]
    assert [list(identity["stages"]) for identity in identities] == [
        ["summarize", "translate", "repair"],
        ["summarize", "translate"],
    ]
    options = {"candidates": 2, "variants": True, "fallback": "extractive"}
    assert [identity["repair"] for identity in identities] == [{"translate": options}] * 2  # as without such a field
    other = version_of(go({"candidates": 2, "model": SECOND | {"generation": {"max_new_tokens": 15}}}))
    assert other.manifest["recipe"] != mended.manifest["recipe"]
    kept = configs.load(mended.folder / "config.yaml")
    found = chain.run(kept, options=RunOptions(outputs=tmp_path / "out"), progress=Silent())
    assert (found.published, found.version) == (False, mended)


def test_without_translations_there_is_no_second_checkpoint(go: Go) -> None:
    assert list(version_of(go(until="summarize")).manifest["models"]) == ["summarize"]


# What goes wrong


def test_a_text_that_the_second_checkpoint_refuses_is_a_failure_and_retried(go: Go) -> None:
    refusing = SECOND | {"prefix": "fake:refuse "}
    with pytest.raises(Exception, match="no record is left"):
        go({"candidates": 2, "model": refusing})
    go_on = version_of(go({"candidates": 2, "model": SECOND}))
    assert go_on.manifest["counts"]["records"] == 2


def test_only_the_records_that_need_it_fail(go: Go, tmp_path: Path) -> None:
    clean = article(2) | {"title": "", "text": "Seoul. Năm câu ngắn ở đây."}
    write_feed(tmp_path / "feed.jsonl", [*FEED, clean])
    version = version_of(go({"candidates": 2, "model": SECOND | {"prefix": "fake:refuse "}}))
    listed = list(failures(version))
    assert [(one.stage, one.kind, one.retry) for one in listed] == [("repair", "refused", True)] * 2
    assert [row.id for row in rows(version)] == [clean["id"]]


def test_a_lost_engine_ends_the_run_and_what_was_finished_is_kept(go: Go) -> None:
    with pytest.raises(EngineError, match="the fake engine is lost"):
        go({"candidates": 2, "model": SECOND | {"prefix": "fake:lost "}})
    calls = version_of(go()).manifest["calls"]
    assert [calls[stage]["computed"] for stage in ("summarize", "translate", "repair")] == [0, 0, ASKED]


class StopAfter:
    """Says to stop when it has been asked so many times, which is after each answer."""

    def __init__(self, times: float = float("inf")) -> None:
        self.times, self.asked = times, 0

    def __call__(self) -> str | None:
        self.asked += 1
        return "stopped by a signal" if self.asked > self.times else None


SMALL = {"batch_tokens": 64}  # a few texts in a batch


def test_a_run_that_is_stopped_anywhere_goes_on_and_computes_nothing_twice(go: Go, tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(8)])
    whole = StopAfter()
    expected = go(runtime=SMALL, stopping=whole)
    computed = {name: calls["computed"] for name, calls in version_of(expected).manifest["calls"].items()}
    assert computed["repair"] == 16
    stages = set()
    for times in (whole.asked - 6, whole.asked - 4, whole.asked - 2):
        with pytest.raises(StoppedError) as stopped:
            go(outputs=f"out{times}", runtime=SMALL, stopping=StopAfter(times))
        resumed = go(outputs=f"out{times}", runtime=SMALL)
        calls = version_of(resumed).manifest["calls"]
        kept = re.search(r"(\d+) finished (\w+) calls are kept", str(stopped.value))
        assert kept is not None
        stages.add(kept[2])
        assert calls[kept[2]]["computed"] == computed[kept[2]] - int(kept[1])
        assert calls["summarize"]["computed"] == 0
        assert rows_of(resumed) == rows_of(expected)
    assert "repair" in stages


def test_what_is_complete_when_it_is_stopped_is_published_on_request_and_the_rest_later(
    go: Go, tmp_path: Path, opened: list[str]
) -> None:
    clean = article(2) | {"title": "", "text": "Seoul. Năm câu ngắn ở đây."}
    write_feed(tmp_path / "feed.jsonl", [clean, *FEED])

    def after_translating() -> str | None:
        return "stopped by a signal" if opened.count("close") > 1 else None

    outcome = go(stopping=after_translating, publish_partial=True)
    version = version_of(outcome)
    assert (outcome.stopped != "", version.manifest["scope"]) == (True, "partial")
    assert [row.id for row in rows(version)] == [clean["id"]]
    assert version.manifest["counts"]["unfinished"] == 2
    assert "open other" not in opened  # someone waits for the end: no model is loaded any more
    done = go(only_new=True)
    assert [row.id for row in rows_of(done)] == [clean["id"], *(row["id"] for row in FEED)]


def test_before_a_deadline_each_stage_leaves_time_for_those_behind_it(go: Go) -> None:
    version = version_of(go())
    seconds = {"summarize": 10.0, "translate": 4.0, "repair": 2.0}

    def measured(calls: int) -> list[Version]:
        counts = {stage: {"computed": calls, "replayed": 0} for stage in seconds}
        return [replace(version, manifest=version.manifest | {"calls": counts, "timings": seconds})]

    assert _later("summarize", ("translate", "repair"), measured(100)) == 0.6
    assert _later("translate", ("repair",), measured(100)) == 0.5
    assert _later("repair", (), measured(100)) == 0
    assert _later("summarize", ("translate", "repair"), measured(2)) == 1.0  # too few calls to go by


def test_the_calls_of_a_withdrawn_article_are_forgotten(go: Go, tmp_path: Path) -> None:
    version = version_of(go())
    calls = sum(one["computed"] for one in version.manifest["calls"].values())
    for name in ("a0", "a1"):
        assert tomdich_in_process("forget", name, "--outputs", "out", "--yes", cwd=tmp_path).returncode == 0
    with open_memo(tmp_path / "out" / ".memo") as memo:
        assert (calls, memo.size()) == (16, 0)


def test_the_same_checkpoint_again_is_refused_before_anything_is_read(
    go: Go, tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    """For all its other arithmetic: the first was asked with a wider beam and other sources already."""
    with pytest.raises(ConfigError, match=r"^translate.repair.model: other has the same weights as"):
        go({"candidates": 2, "model": FIRST | {"model": "other"}})
    entry = catalog.find("bundled/translator")
    assert entry is not None
    engine = {"engine": "transformers"}  # which converts nothing
    folder = engine | {"model": str(bundled_folder(entry)), "accept_license": entry.license, "compute_type": "bfloat16"}
    path = make_config(translate=engine | {"model": entry.name, "repair": {"model": folder}})
    for command in ("check", "plan", "run"):
        done = tomdich_in_process(command, path, "--outputs", "out", cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "has the same weights as `translate.model: " in done.stdout + done.stderr


# Beside a run


def test_a_plan_counts_its_calls_and_those_that_depend(go: Go, tmp_path: Path, load_config: Any) -> None:
    options = RunOptions(outputs=tmp_path / "out")

    def planned() -> Any:
        config = load_config(translate=FIRST | {"repair": REPAIR})
        return plan(config, options=options, progress=Silent())

    before = planned().stages["repair"]
    assert (before.known, before.missing, before.waiting) == (0, 0, len(FEED))
    go({"candidates": 2})
    between = planned().stages["repair"]
    assert (between.known, between.missing, between.waiting) == (0, ASKED, 0)
    go()
    assert planned().stages["repair"].known == ASKED
    told = tomdich_in_process("plan", tmp_path / "night.yaml", "--outputs", "none", cwd=tmp_path).stdout
    assert "repair: other by fake float32 on cpu" in told
    assert "repair: 0 calls known, 0 to make, and one for each error that is left in 2 records" in told


def test_shards_give_the_version_of_a_run_without_shards(tmp_path: Path, load_config: Callable[..., Config]) -> None:
    job = Job(load_config, tmp_path, fields={"translate": FIRST | {"repair": REPAIR}})
    write_feed(tmp_path / "feed.jsonl", [*FEED, *(article(number) for number in range(2, 7))])
    job.all_shards()
    merged = job.merged()
    assert_equal(merged, job.whole())
    assert merged.manifest["calls"]["repair"]["computed"] == 14


def test_failures_of_shards_come_in_the_order_of_a_run(tmp_path: Path, load_config: Callable[..., Config]) -> None:
    refusing = FIRST | {"repair": {"candidates": 2, "model": SECOND | {"prefix": "fake:refuse "}}}
    job = Job(load_config, tmp_path, fields={"translate": refusing, "limits": {"max_failure_ratio": 1.0}})
    clean = article(2) | {"title": "", "text": "Seoul. Năm câu ngắn ở đây."}
    write_feed(tmp_path / "feed.jsonl", [FEED[0], clean, FEED[1]])
    job.all_shards()
    assert_equal(job.merged(), job.whole())


def test_a_revision_asks_the_second_checkpoint_as_its_version_did(go: Go) -> None:
    mended = version_of(go())
    revised = go(revise=True)
    assert (revised.published, revised.version) == (False, mended)
    with pytest.raises(UsageError, match=r"was made with `translate.repair.model: other`, and the config names none"):
        go(None, revise=True)


def test_a_revision_of_a_version_without_it_asks_none(go: Go) -> None:
    plain = version_of(go({"candidates": 2}))
    assert (go(revise=True).published, go(revise=True).version) == (False, plain)


def test_a_version_is_reproduced_and_weights_that_moved_are_named(go: Go, tmp_path: Path) -> None:
    version = version_of(go())
    done = tomdich_in_process("reproduce", "--outputs", "out", cwd=tmp_path)
    assert (done.returncode, "2 of 2 records have the same texts" in done.stdout) == (0, True)
    packed = tomdich_in_process("pack", version.folder, "-o", tmp_path / "night.tar.gz", "--articles", "sources", cwd=tmp_path)  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    done = tomdich_in_process("reproduce", tmp_path / "night.tar.gz", cwd=tmp_path)
    assert (done.returncode, "2 of 2 records have the same texts" in done.stdout) == (0, True), done.stderr
    manifest = json.loads((version.folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["models"]["repair"]["digest"] = "0" * 64
    store.write_json(version.folder / "manifest.json", manifest)
    done = tomdich_in_process("reproduce", "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "the weights of `translate.repair.model.model: other`" in done.stderr.replace("\n", " ")
    assert "--set translate.repair.model.model=FOLDER" in done.stderr


def test_lines_texts_and_articles_beside_a_run_are_repaired_too(go: Go, tmp_path: Path, opened: list[str]) -> None:
    overrides = (
        f"translate={json.dumps(FIRST)}",
        f"translate.repair={json.dumps(REPAIR)}",
        f"summarize={json.dumps(FAKE)}",
    )
    texts = [TITLE, "", "Bảy người và 31 xe.", TITLE]
    memo = tmp_path / "answers"
    found = list(pipeline.translate(texts, memo=memo, overrides=overrides))
    assert [one.translation for one in found] == texts
    assert [one.taken for one in found[0].repaired] == ["second"]
    assert opened == ["open fake", "close", "open other", "close"]
    opened.clear()
    assert list(pipeline.translate(texts, memo=memo, overrides=overrides)) == found
    assert opened == []
    (tmp_path / "lines.txt").write_text("\n".join(texts), encoding="utf-8")
    (tmp_path / "one.txt").write_text(f"{TITLE}\n\n{article(1)['text']}", encoding="utf-8")
    options = [word for override in overrides for word in ("--set", override)]
    told = tomdich_in_process("translate", "lines.txt", *options, cwd=tmp_path)
    assert (told.returncode, told.stdout.splitlines()) == (0, texts), told.stderr
    go({"candidates": 2})  # writes night.yaml
    path = tmp_path / "night.yaml"
    tried = tomdich_in_process("try", "one.txt", "--config", path, "--set", f"translate.repair={json.dumps(REPAIR)}", cwd=tmp_path)  # fmt: skip
    assert (tried.returncode, TITLE in tried.stdout.splitlines()[1]) == (0, True), tried.stdout + tried.stderr


def test_a_check_prepares_and_tries_it(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    path = make_config(translate=FIRST | {"repair": REPAIR})
    done = tomdich_in_process("check", path, "--trial", "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "translate.repair.model other" in done.stdout
    resolved = tomdich_in_process("check", path, "--resolved", cwd=tmp_path).stdout
    line = next(line for line in resolved.splitlines() if "model: other" in line)
    assert line.endswith(f"# {path}:{_line(path, 'model: other')}")


def test_eval_and_compare_count_what_it_gave(go: Go, tmp_path: Path) -> None:
    plain, mended = (version_of(go(repair)) for repair in ({"candidates": 2}, REPAIR))
    told = tomdich_in_process("eval", mended.folder, cwd=tmp_path).stdout
    assert f"the second checkpoint: asked for {ASKED}, taken {ASKED}" in told
    assert "second checkpoint" not in tomdich_in_process("eval", plain.folder, cwd=tmp_path).stdout
    told = tomdich_in_process("compare", plain.folder, mended.folder, cwd=tmp_path).stdout
    (line,) = (line for line in told.splitlines() if "of these by a second checkpoint" in line)
    assert line.split()[-3:] == ["0", str(ASKED), f"+{ASKED}"]


def _line(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


# Checkpoints of real classes


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("nllb", tiny.LANGUAGES["nllb"]),
        ("m2m100", tiny.LANGUAGES["m2m100"]),
        ("t5", {"prefix": "vi: "}),
    ],
)
def test_its_calls_are_those_of_the_same_checkpoint_as_a_translator(
    go: Go, tmp_path: Path, kind: Any, fields: dict[str, Any]
) -> None:
    """Random weights repair nothing: what matters is what it was asked, and that the memo has it under its identity."""
    short = {"generation": {"max_new_tokens": 8, "num_beams": 1}, "accept_license": "unknown", "engine": "transformers"}
    first = {"model": str(tiny.checkpoint("marian"))} | short
    second = {"model": str(tiny.checkpoint(kind))} | short | fields
    mended = version_of(go({"candidates": 2, "variants": False, "model": second}, translate=first))
    asked = [one for row in rows(mended) for one in row.repaired if one.second]
    assert mended.manifest["calls"]["repair"]["computed"] == len(asked) > 0
    alone = version_of(go(None, translate=second))
    assert alone.manifest["identity"]["stages"]["translate"] == mended.manifest["identity"]["stages"]["repair"]
    assert alone.manifest["calls"]["translate"]["replayed"] == len(asked)
    answers = {(row.id, one.field): one for row in rows(mended) for one in row.repaired if one.taken == "second"}
    for row in rows(alone):
        if (row.id, "title_translation") in answers:
            assert row.title_translation in [one.title_translation for one in rows(mended) if one.id == row.id]


# The config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"summarize": FAKE | {"repair": {"model": "other"}}}, r"`repair: \{model: …\}` is of a translator"),
        ({"translate": FAKE | {"repair": {"model": "lead"}}}, "`repair.model: lead` summarizes, it does not translate"),
        ({"translate": FAKE | {"repair": {"model": {"engine": "fake"}}}}, "translate.repair.model.model: is required"),
        ({"translate": FAKE | {"repair": {"model": {"model": "x", "with_title": True}}}}, "with_title: no such field"),
        (
            {"translate": FAKE | {"repair": {"model": {"model": "x", "beams": 4}}}},
            "translate.repair.model.beams: no such",
        ),
        ({"translate": FAKE | {"repair": {"model": "${SECOND}"}}}, "is not replaced here"),
        ({"translate": FAKE | {"repair": {"model": 7}}}, "translate.repair.model: must be a section"),
    ],
)
def test_what_it_cannot_be_is_refused_with_its_field(
    load_config: Callable[..., Config], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(**fields)


def test_a_checkpoint_that_cannot_be_had_is_named_with_its_field(go: Go, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^translate.repair.model: .*nowhere: no such folder"):
        go({"model": str(tmp_path / "nowhere")})
    with pytest.raises(LicenseError, match=r"(?s)^translate.repair.model: .*accept_license: cc-by-nc-4.0"):
        go({"model": "facebook/nllb-200-distilled-600M"})


@pytest.mark.parametrize("written", ["./second", {"model": "./second", "revision": None}])
def test_a_name_alone_is_enough_and_a_folder_is_relative_to_the_file(
    make_config: Callable[..., Path], written: object
) -> None:
    path = make_config(translate=FIRST | {"repair": {"model": written}})
    config = configs.load(path)
    assert isinstance(config.translate.repair, configs.Repair)
    assert config.translate.repair.model == configs.ModelOptions(model=str(path.parent / "second"))
    moved = path.parent / "moved" / "config.yaml"
    moved.parent.mkdir()
    moved.write_text(configs.dump(config, folder=moved.parent), encoding="utf-8")
    assert "../second" in moved.read_text(encoding="utf-8")
    assert configs.load(moved).translate == config.translate
