"""A whole run on the fake engine: what is published, what is replayed, what closes a gate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import checks
from pipeline import config as configs
from pipeline.checks.view import View
from pipeline.config import Config
from pipeline.errors import ConfigError, GateError, StoppedError, UsageError
from pipeline.progress import Silent
from pipeline.records import Flag
from pipeline.runner.chain import run
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.planning import plan
from pipeline.storage import versions
from pipeline.storage.rows import arrow_schema
from tests.conftest import article, write_feed


@pytest.fixture
def go(tmp_path: Path, load_config: Callable[..., Config]) -> Callable[..., Outcome]:
    """Give a function that runs the fake config over a feed, with options and config fields of the caller's."""

    def run_(
        articles: list[dict[str, Any]] | None = None,
        *,
        limit: int | None = None,
        until: Any = None,
        force: bool = False,
        stopping: Callable[[], str | None] = lambda: None,
        **fields: Any,
    ) -> Outcome:
        if articles is not None:
            write_feed(tmp_path / "feed.jsonl", articles)
        options = RunOptions(outputs=tmp_path / "out", limit=limit, until=until, force=force, stopping=stopping)
        return run(load_config(**fields), options=options, progress=Silent())

    return run_


def rows(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.version is not None
    return pq.read_table(outcome.version.folder / "data").to_pylist()


def failures(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.version is not None
    lines = (outcome.version.folder / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


FEED = [article(number) for number in range(5)]


def test_a_run_publishes_every_article_in_source_order_with_summary_title_and_translation(go: Any) -> None:
    outcome = go(FEED)
    published = rows(outcome)
    assert [row["id"] for row in published] == [row["id"] for row in FEED]
    assert [row["article"] for row in published] == [row["text"] for row in FEED]
    for row in published:
        assert row["summary"]
        assert row["title_translation"]
        assert [sentence["summary"] for sentence in row["sentences"]] == [row["summary"]]
        assert row["translation"] == row["sentences"][0]["translation"]
        assert {call["stage"] for call in row["calls"]} == {"summarize", "translate"}
    versions.verify(outcome.version)
    assert (outcome.version.folder.parent / "latest").resolve() == outcome.version.folder


def test_the_manifest_says_what_ran_and_the_counts_add_up(go: Any) -> None:
    feed = [*FEED, FEED[0] | {"id": "copy"}, {"id": "e", "text": ""}, {"id": "s", "text": "Ngắn."}]
    manifest = go(feed).version.manifest
    counts = manifest["counts"]
    assert counts == {
        "read": 8, "duplicates": 1, "rejected": 2, "rejected_by_editor": 0, "damaged": 0, "known": 0, "failures": 0,
        "retryable": 0, "unfinished": 0, "records": 5, "flagged": counts["flagged"], "held": 0,
    }  # fmt: skip
    assert manifest["scope"] == "full"
    assert manifest["models"]["summarize"]["engine"] == "fake"
    assert manifest["calls"]["summarize"] == {"computed": 5, "replayed": 0}
    assert set(manifest["timings"]) == {"load", "summarize", "translate", "inspect", "publish"}
    assert manifest["sources"][0]["records"] == 8


def test_an_unchanged_rerun_publishes_nothing_and_returns_the_version(go: Any) -> None:
    first = go(FEED)
    again = go()
    assert not again.published
    assert again.version.folder == first.version.folder


def test_force_replays_everything_without_a_call(go: Any) -> None:
    first = go(FEED)
    again = go(force=True)
    assert again.published
    assert {stage: calls["computed"] for stage, calls in again.version.manifest["calls"].items()} == {
        "summarize": 0,
        "translate": 0,
    }
    assert rows(again) == rows(first)
    assert again.version.manifest["recipe"] == first.version.manifest["recipe"]


def test_new_articles_cost_their_own_calls_only(go: Any) -> None:
    go(FEED)
    calls = go([*FEED, article(5), article(6)]).version.manifest["calls"]
    assert calls["summarize"] == {"computed": 2, "replayed": 5}
    assert calls["translate"]["computed"] == 4


def test_known_articles_before_between_and_behind_new_ones_are_published_in_source_order(go: Any) -> None:
    go(FEED)
    feed = [FEED[0], FEED[1], article(5), FEED[2], article(6), FEED[3], FEED[4]]
    outcome = go(feed)
    assert [row["id"] for row in rows(outcome)] == [one["id"] for one in feed]
    calls = outcome.version.manifest["calls"]
    assert calls == {"summarize": {"computed": 2, "replayed": 5}, "translate": {"computed": 4, "replayed": 10}}
    go([FEED[4], *FEED[:4]], until="summarize")
    unknown = article(7) | {"text": article(7)["text"] + " fake:refuse"}
    last = go([FEED[0], unknown, FEED[1]])
    assert [row["id"] for row in rows(last)] == [FEED[0]["id"], FEED[1]["id"]]
    assert [failure["id"] for failure in failures(last)] == ["a7"]


def test_the_second_engine_is_opened_after_the_first_is_closed(go: Any, engine_events: list[str]) -> None:
    go([article(n) for n in range(5)])
    assert engine_events == ["open", "close", "open", "close"]


def test_another_batch_size_costs_nothing_and_is_the_same_recipe(go: Any) -> None:
    go(FEED)
    assert not go(runtime={"batch_tokens": 64}).published


def test_another_beam_size_in_translate_costs_no_summarize_call(go: Any) -> None:
    first = go(FEED)
    second = go(translate={"model": "fake", "engine": "fake", "generation": {"num_beams": 5}})
    assert second.version.manifest["calls"]["summarize"]["computed"] == 0
    assert second.version.manifest["calls"]["translate"]["computed"] == 10
    assert second.version.manifest["recipe"] != first.version.manifest["recipe"]


def test_a_limited_run_leaves_latest_alone(go: Any) -> None:
    first = go(FEED)
    limited = go(limit=2)
    assert len(rows(limited)) == 2
    assert limited.version.manifest["scope"] == "limited"
    assert (limited.version.folder.parent / "latest").resolve() == first.version.folder


def test_until_summarize_publishes_summaries_without_translations(go: Any) -> None:
    outcome = go(FEED, until="summarize")
    assert [bool(row["summary"]) for row in rows(outcome)] == [True] * 5
    assert {row["translation"] for row in rows(outcome)} == {""}
    assert not [flag for row in rows(outcome) for flag in row["flags"] if flag["check"] == "empty"]
    assert "translate" not in outcome.version.manifest["models"]
    assert not (outcome.version.folder.parent / "latest").exists()


def test_an_unchanged_rerun_repairs_latest(go: Any) -> None:
    first = go(FEED)
    latest = first.version.folder.parent / "latest"
    latest.unlink()
    go()
    assert latest.resolve() == first.version.folder


def test_a_refused_text_is_a_listed_failure_and_the_next_run_tries_again(go: Any) -> None:
    poisoned = article(99) | {"text": article(99)["text"] + " fake:refuse"}
    feed = [article(number) for number in range(30)] + [poisoned]
    first = go(feed)
    assert [(failure["id"], failure["kind"], failure["retry"]) for failure in failures(first)] == [
        ("a99", "refused", True)
    ]
    assert first.version.manifest["counts"]["failures"] == 1
    again = go()
    assert again.published  # something was left to retry
    assert again.version.manifest["calls"]["summarize"] == {"computed": 0, "replayed": 30}


def test_too_many_failures_publish_nothing_and_name_the_list(go: Any, tmp_path: Path) -> None:
    feed = [article(number) for number in range(18)]
    feed += [article(n) | {"text": article(n)["text"] + " fake:refuse"} for n in range(18, 22)]
    with pytest.raises(GateError, match=r"4 of 22 records failed.*failures.jsonl") as caught:
        go(feed)
    named = Path(str(caught.value).rsplit(" ", 1)[-1])
    assert len(named.read_text(encoding="utf-8").splitlines()) == 4
    assert not versions.versions(tmp_path / "out" / "night")


def test_few_failures_among_few_records_are_no_gate(go: Any) -> None:
    outcome = go([FEED[0], FEED[1] | {"text": FEED[1]["text"] + " fake:refuse"}])
    assert len(rows(outcome)) == 1


def test_nothing_to_publish_is_a_closed_gate(go: Any) -> None:
    with pytest.raises(GateError, match="1 rejected"):
        go([{"id": "x", "text": ""}])


@pytest.mark.parametrize(
    ("on_same_id", "kept", "said"),
    [("error", "Tỉnh số 1 trồng rừng", "newest"), ("newest", "Tin sửa", "newer text")],
)
def test_an_id_that_comes_twice_keeps_one_and_lists_the_other(go: Any, on_same_id: str, kept: str, said: str) -> None:
    feed = [
        FEED[1] | {"published": "2026-03-01"},
        article(2) | {"id": "a1", "title": "Tin sửa", "published": "2026-03-02"},
        FEED[3],
    ]
    outcome = go(feed, on_same_id=on_same_id)
    assert [row["title"] for row in rows(outcome)] == [kept, FEED[3]["title"]]
    assert [(failure["kind"], said in failure["message"]) for failure in failures(outcome)] == [("same_id", True)]


A, B, C = (article(number) for number in (1, 2, 3))


def under(id_: str, text: dict[str, Any], published: str = "") -> dict[str, Any]:
    return text | {"id": id_, "published": published}


@pytest.mark.parametrize(
    ("on_same_id", "feed", "kept", "counts"),
    [
        ("error", [under("1", A), under("1", B), under("2", B)], {"1": A, "2": B}, (0, 1)),
        ("newest", [under("1", A), under("2", A), under("1", B)], {"1": B, "2": A}, (0, 1)),
        ("newest", [under("1", A), under("1", A), under("1", B)], {"1": B}, (1, 1)),
        (  # what takes the place of a text that went may itself lose, or free another
            "newest",
            [under("1", A), under("2", A, "2026-01-01"), under("2", C, "2026-02-02"), under("1", B)],
            {"1": B, "2": C},
            (0, 2),
        ),
        (
            "newest",
            [under("2", C, "2026-01-01"), under("1", A), under("2", A, "2026-02-02"), under("3", C), under("1", B)],
            {"1": B, "2": A, "3": C},
            (0, 2),
        ),
        # 20:00 in Hanoi is before 14:00 in London, and a day without an hour is its beginning
        (
            "newest",
            [under("1", A, "2026-01-01T14:00:00+00:00"), under("1", B, "2026-01-01T20:00:00+07:00")],
            {"1": A},
            (0, 1),
        ),
        ("newest", [under("1", A, "2026-01-01"), under("1", B)], {"1": B}, (0, 1)),
        # milliseconds as text: the correction is of 2024-04-01, the stale text of the day before
        ("newest", [under("1", A, "1712010312345"), under("1", B, "2024-03-31T08:00:00")], {"1": A}, (0, 1)),
    ],
)
def test_a_text_is_a_duplicate_only_of_one_that_is_published(
    go: Any, on_same_id: str, feed: list[dict[str, Any]], kept: dict[str, dict[str, Any]], counts: tuple[int, int]
) -> None:
    outcome = go(feed, on_same_id=on_same_id, limits={"max_failure_ratio": 1.0})
    assert {row["id"]: row["article"] for row in rows(outcome)} == {id_: text["text"] for id_, text in kept.items()}
    told = outcome.version.manifest["counts"]
    assert (told["duplicates"], told["failures"]) == counts
    assert told["read"] == told["records"] + told["duplicates"] + told["failures"]


def test_published_has_one_offset_for_times_that_name_none(go: Any) -> None:
    dates = ("2026-05-06 10:15", "2026-05-06T10:15:00Z", "6/5/2026")
    outcome = go([article(number) | {"published": date} for number, date in enumerate(dates)], timezone="Asia/Tokyo")
    assert [row["published"] for row in rows(outcome)] == [
        "2026-05-06T10:15:00+09:00",
        "2026-05-06T10:15:00+00:00",
        "2026-05-06",
    ]


def test_kept_columns_pass_through_as_text(go: Any) -> None:
    feed = [FEED[0] | {"section": "Thời sự", "tags": ["a", "b"]}]
    outcome = go(feed, sources=[{"path": "feed.jsonl", "keep": ["section", "tags"]}])
    assert [(row["section"], row["tags"]) for row in rows(outcome)] == [("Thời sự", '["a", "b"]')]


def test_the_schema_is_the_same_with_and_without_flags(go: Any) -> None:
    outcome = go(FEED)
    (path,) = (outcome.version.folder / "data").glob("*.parquet")
    assert pq.read_schema(path).equals(arrow_schema())


def test_a_published_config_gives_the_same_recipe(go: Any, tmp_path: Path) -> None:
    outcome = go(FEED)
    config = configs.load(outcome.version.folder / "config.yaml")
    again = run(config, options=RunOptions(outputs=tmp_path / "out"), progress=Silent())
    assert again.version == outcome.version
    assert not again.published


def test_a_stopped_run_keeps_its_calls_and_publishes_nothing(go: Any, tmp_path: Path) -> None:
    asked = 0
    last: float = math.inf

    def stopping() -> str | None:
        nonlocal asked
        asked += 1
        return "SIGTERM" if asked >= last else None

    feed = [article(number) for number in range(40)]
    go(feed, stopping=stopping, name="whole", memo=str(tmp_path / "memo of the whole run"))
    last, asked = asked - 1, 0  # how often a run asks is its own affair: this one stops shortly before its end
    with pytest.raises(StoppedError, match="run it again"):
        go(feed, stopping=stopping)
    assert not versions.versions(tmp_path / "out" / "night")
    calls = go().version.manifest["calls"]
    assert calls["summarize"]["replayed"] > 0
    assert calls["summarize"]["replayed"] + calls["summarize"]["computed"] == 40


def test_datasets_loads_a_version_as_it_lies(go: Any) -> None:
    import datasets

    outcome = go(FEED)
    found = datasets.load_dataset(
        str(outcome.version.folder), split="train", cache_dir=str(outcome.version.folder.parents[2] / "hf")
    )
    assert found["id"] == [row["id"] for row in FEED] or list(found["id"]) == [row["id"] for row in FEED]
    assert set(found.features) == set(arrow_schema().names)


def test_plan_counts_what_is_known_and_what_remains_and_touches_nothing(
    go: Any, tmp_path: Path, load_config: Callable[..., Config]
) -> None:
    go(FEED)
    write_feed(tmp_path / "feed.jsonl", [*FEED, article(5), article(6)])
    before = sorted(path.name for path in (tmp_path / "out" / "night").iterdir())
    planned = plan(load_config(), options=RunOptions(outputs=tmp_path / "out"), progress=Silent())
    assert (planned.stages["summarize"].known, planned.stages["summarize"].missing) == (5, 2)
    assert planned.stages["translate"].known == 10
    assert planned.stages["translate"].waiting == 2
    assert sorted(path.name for path in (tmp_path / "out" / "night").iterdir()) == before


def test_each_stage_tells_the_time_it_still_needs_down_to_none(
    tmp_path: Path, load_config: Callable[..., Config]
) -> None:
    class Told(Silent):
        def __init__(self) -> None:
            super().__init__()
            self.left: dict[str, list[float]] = {}

        def begin(self, stage: str, _total: int | None) -> None:
            self.stage = stage

        def expect(self, seconds: float) -> None:
            self.left.setdefault(self.stage, []).append(seconds)

    write_feed(tmp_path / "feed.jsonl", [article(0, length=60), *FEED[1:]])
    told = Told()
    run(load_config(), options=RunOptions(outputs=tmp_path / "out"), progress=told)
    assert set(told.left) == {"summarize", "translate"}
    assert [seconds[-1] for seconds in told.left.values()] == [0.0, 0.0]
    assert all(later > 0 for seconds in told.left.values() for later in seconds[:-1])


def test_a_refused_record_of_the_inspection_is_a_listed_failure(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(view: View) -> list[Flag]:
        if view.record.article.id == "a1":
            raise ValueError("a rule stumbled")
        return []

    monkeypatch.setattr("pipeline.checks.rules.CHECK_FUNCTIONS", (broken,))
    outcome = go(FEED)
    assert [row["id"] for row in rows(outcome)] == ["a0", "a2", "a3", "a4"]
    assert [(f["id"], f["stage"], f["message"], f["retry"]) for f in failures(outcome)] == [
        ("a1", "inspect", "ValueError: a rule stumbled", True)
    ]
    assert outcome.version.manifest["counts"]["failures"] == 1


def wrong_number(view: View) -> list[Flag]:
    """Find a wrong number in the articles with an odd number."""
    if int(view.record.article.id.removeprefix("a")) % 2:
        return [Flag(check="number", field="translation", start=0, end=1, message="1 became 2", severity="error")]
    return []


def test_an_error_of_a_holding_check_sets_the_status_and_is_counted(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.checks.rules.CHECK_FUNCTIONS", (wrong_number,))
    outcome = go(FEED)
    assert [row["status"] for row in rows(outcome)] == ["ok", "hold", "ok", "hold", "ok"]
    assert outcome.version.manifest["counts"]["held"] == 2
    assert outcome.version.manifest["statistics"]["flags"] == {"number": 2}
    free = go(inspect={"hold": ["negation"]})
    assert {row["status"] for row in rows(free)} == {"ok"}
    assert free.version.manifest["recipe"] != outcome.version.manifest["recipe"]
    assert {calls["computed"] for calls in free.version.manifest["calls"].values()} == {0}  # a replay


def test_the_order_of_the_hold_list_is_not_in_the_recipe(go: Any) -> None:
    go(FEED, inspect={"hold": ["number", "negation"]})
    assert not go(inspect={"hold": ["negation", "number", "number"]}).published


def test_a_change_of_the_rules_publishes_anew_for_nothing(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    go(FEED)
    monkeypatch.setattr(checks, "VERSION", checks.VERSION + 1)
    again = go()
    assert again.published
    assert {calls["computed"] for calls in again.version.manifest["calls"].values()} == {0}


def test_too_many_held_records_publish_nothing_and_name_the_reasons(
    go: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.checks.rules.CHECK_FUNCTIONS", (wrong_number,))
    feed = [article(number) for number in range(20)]
    with pytest.raises(GateError, match=r"10 of 20 records are held back.*max_hold_ratio = 0.4 .*held.jsonl") as caught:
        go(feed, limits={"max_hold_ratio": 0.4})
    named = Path(str(caught.value).rsplit(" ", 1)[-1])
    reasons = [json.loads(line) for line in named.read_text(encoding="utf-8").splitlines()]
    assert [reason["id"] for reason in reasons] == [f"a{number}" for number in range(1, 20, 2)]
    assert reasons[0]["flags"][0]["message"] == "1 became 2"
    assert not versions.versions(tmp_path / "out" / "night")
    assert go(limits={"max_hold_ratio": 0.5}).published


def test_few_held_records_among_few_are_no_gate(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.checks.rules.CHECK_FUNCTIONS", (wrong_number,))
    assert go(FEED, limits={"max_hold_ratio": 0.0}).published


HOUSE = {"model": "fake", "engine": "fake", "terms": "house.csv", "corrections": "corrections.jsonl"}


def write_house(folder: Path, *, terms: str = "", **correction: str) -> None:
    (folder / "house.csv").write_text(f"vi,en,wrong\n{terms}", encoding="utf-8")
    line = {"by": "Mai", "at": "2026-11-23T08:00:00+07:00"} | correction
    text = json.dumps(line, ensure_ascii=False) + "\n" if correction else ""
    (folder / "corrections.jsonl").write_text(text, encoding="utf-8")


def test_house_terms_and_an_editors_sentence_are_in_every_later_run_for_nothing(go: Any, tmp_path: Path) -> None:
    write_house(tmp_path)
    first = go(FEED, translate=HOUSE)
    sentence = rows(first)[2]["sentences"][0]
    write_house(tmp_path, terms="tỉnh,province,Tỉnh\n", vi=sentence["summary"], en="The province plants trees.")
    second = go(translate=HOUSE)
    assert second.published
    assert {calls["computed"] for calls in second.version.manifest["calls"].values()} == {0}
    row = rows(second)[2]
    assert row["translation"] == "The province plants trees."
    assert row["title_translation"] == "Province số 2 trồng rừng"  # the fake translator answers in Vietnamese
    told = {
        (flag["check"], flag["field"], flag["found"]) for flag in row["flags"] if flag["check"] in {"corrected", "term"}
    }
    assert told == {("corrected", "translation", sentence["translation"]), ("term", "title_translation", "Tỉnh")}
    assert not go(translate=HOUSE).published


def test_the_house_files_are_in_the_recipe_by_what_they_hold(go: Any, tmp_path: Path) -> None:
    write_house(tmp_path, terms="tỉnh,province,\n")
    first = go(FEED, translate=HOUSE)
    (tmp_path / "house.csv").rename(tmp_path / "moved.csv")
    assert not go(translate=HOUSE | {"terms": "moved.csv"}).published
    (tmp_path / "moved.csv").write_text("vi,en\ntỉnh,Province of\n", encoding="utf-8")
    second = go(translate=HOUSE | {"terms": "moved.csv"})
    assert second.version.manifest["recipe"] != first.version.manifest["recipe"]


def test_a_bad_line_of_a_house_file_ends_the_run_before_anything_is_read(go: Any, tmp_path: Path) -> None:
    write_house(tmp_path, vi="Câu.", en="")
    with pytest.raises(ConfigError, match=r"corrections.jsonl:1: en: "):
        go([{"id": "x", "text": ""}], translate=HOUSE)


def test_equal_sentences_are_translated_once(go: Any) -> None:
    feed = [article(1) | {"id": str(n), "text": f"Mưa to ở miền Bắc hôm nay. Câu số {n} khác hẳn."} for n in range(6)]
    calls = go(feed).version.manifest["calls"]["translate"]
    assert calls["computed"] == 2  # one title, one summary sentence
    assert calls["replayed"] == 10


# Ends before anything is published


def after(calls: int, reason: str = "stopped by SIGTERM") -> Callable[[], str | None]:
    """Return a reason to stop that is given from the so manyth time on that it is asked for."""
    asked = iter(range(1_000_000))
    return lambda: reason if next(asked) >= calls else None


@pytest.mark.parametrize(
    ("calls", "when"), [(0, "before anything was read"), (3, "while loading")], ids=["at once", "while loading"]
)
def test_a_run_that_is_stopped_says_where_it_was(go: Any, tmp_path: Path, calls: int, when: str) -> None:
    with pytest.raises(StoppedError, match=f"^stopped by SIGTERM {when}; run it again") as stopped:
        go([article(number) for number in range(500)], stopping=after(calls))
    assert stopped.value.exit_code == 5
    assert versions.versions(tmp_path / "out" / "night") == []


class Watched(Silent):
    """Progress that gives a reason to stop once all articles are loaded, or once a stage has begun."""

    def __init__(self, stage: str, after: int) -> None:
        self._stage, self._left, self._here = stage, after, False

    def begin(self, stage: str, _total: int | None) -> None:
        self._here = stage == self._stage

    def advance(self, count: int) -> None:
        self._left -= count if self._here else 0

    def stopping(self) -> str | None:
        return "stopped by SIGTERM" if self._here and self._left <= 0 else None


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("stage", "after", "until"), [("load", 5, "load"), ("summarize", 0, None), ("summarize", 0, "summarize")]
)
def test_a_run_that_is_stopped_before_its_first_record_publishes_nothing(
    load_config: Callable[..., Config], tmp_path: Path, stage: str, after: int, until: Any, partial: bool
) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    progress = Watched(stage, after)
    options = RunOptions(outputs=tmp_path / "out", until=until, publish_partial=partial, stopping=progress.stopping)
    with pytest.raises(StoppedError, match=r"^stopped by SIGTERM.*run it again"):
        run(load_config(), options=options, progress=progress)
    assert versions.versions(tmp_path / "out" / "night") == []


def test_a_revision_of_what_was_never_published_says_what_to_do(
    load_config: Callable[..., Config], tmp_path: Path
) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    options = RunOptions(outputs=tmp_path / "out", revise=True)
    with pytest.raises(UsageError, match=r"--revise: no version of night is published; run it without --revise"):
        run(load_config(), options=options, progress=Silent())


def test_a_plan_that_is_stopped_says_that_nothing_was_planned(
    load_config: Callable[..., Config], tmp_path: Path
) -> None:
    class Counting(Silent):
        """Progress that notes when the calls are counted."""

        here = False

        def begin(self, stage: str, _total: int | None) -> None:
            self.here = stage == "plan"

    progress = Counting()
    options = RunOptions(outputs=tmp_path / "out", stopping=lambda: "stopped by SIGTERM" if progress.here else None)
    write_feed(tmp_path / "feed.jsonl", FEED)
    with pytest.raises(StoppedError, match=r"^stopped by SIGTERM; nothing was planned"):
        plan(load_config(), options=options, progress=progress)
