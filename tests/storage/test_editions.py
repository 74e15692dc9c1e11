"""Editions: how days are named, several runs of one day read as one, and an edition published again, corrected."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.errors import UsageError
from pipeline.ids import text_digest
from pipeline.storage import editions
from pipeline.storage import versions as store
from pipeline.storage.published import Withdrawal, withdraw
from pipeline.storage.rows import rows
from tests import conftest
from tests.conftest import tomdich_in_process as tomdich

TODAY = date(2026, 11, 24)
DAY = "2026-11-22"


def article(number: int) -> dict[str, Any]:
    """Return a row of a feed, with a column that is passed through."""
    return conftest.article(number) | {"section": f"Mục {number % 10}"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tomdich("run", "night.yaml", "--outputs", "out", *arguments, cwd=folder)


def versions(folder: Path) -> list[store.Version]:
    return store.versions(folder / "out" / "night")


def latest(folder: Path) -> str:
    return (folder / "out" / "night" / "latest").resolve().name


def shown(folder: Path, name: str, *arguments: str) -> list[dict[str, Any]]:
    done = tomdich("show", name, "--jsonl", "--outputs", "out", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def correct(folder: Path, row: dict[str, Any], english: str) -> None:
    """Add an editor's correction of the first sentence of a row."""
    line = {"vi": row["sentences"][0]["summary"], "en": english, "by": "Mai", "at": "2026-11-24T08:00:00+07:00"}
    with (folder / "corrections.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Path:
    """Return a folder with a config over dated feeds, of three days, and an empty file of corrections."""
    (tmp_path / "feeds").mkdir()
    for day in (21, 22, 23):
        feed = [article(day * 10 + number) for number in (1, 2)]
        conftest.write_feed(tmp_path / "feeds" / f"2026-11-{day}.jsonl", feed)
    (tmp_path / "corrections.jsonl").write_text("", encoding="utf-8")
    stage = {"model": "fake", "engine": "fake"}
    make_config(
        sources=[{"path": "feeds/{edition}.jsonl", "keep": ["section"]}],
        on_same_id="newest",
        summarize=stage | {"generation": {"max_new_tokens": 60}},
        translate=stage | {"corrections": "corrections.jsonl"},
    )
    return tmp_path


# Naming days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", ["2026-11-23"]),
        ("today", ["2026-11-24"]),
        ("yesterday", ["2026-11-23"]),
        ("-1d", ["2026-11-23"]),
        ("-30d", ["2026-10-25"]),
        ("2026-11-22..2026-11-24", ["2026-11-22", "2026-11-23", "2026-11-24"]),
        ("-2d..yesterday", ["2026-11-22", "2026-11-23"]),
        ("yesterday..yesterday", ["2026-11-23"]),
    ],
)
def test_days_are_named_by_date_or_from_today(text: str, expected: list[str]) -> None:
    assert [str(day) for day in editions.days(text, today=TODAY)] == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("heute", "write a date as 2026-11-23, yesterday or -1d"),
        ("-1w", "write a date"),
        ("-99999d..today", "days long"),
        ("2026-11-24..2026-11-23", "ends before it begins"),
        ("2026-11-24..", "write a date"),
        ("2016-11-24..2026-11-23", "366 are the most"),
        ("2026-02-30", "write a date"),
    ],
)
def test_what_is_no_day_is_refused_with_the_way_to_write_it(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        editions.days(text, today=TODAY)


def test_yesterday_is_a_day_of_the_configs_time_zone(night: Path) -> None:
    yesterday = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date() - timedelta(days=1)
    conftest.write_feed(night / "feeds" / f"{yesterday}.jsonl", [article(1)])
    conftest.write_feed(night / "feeds" / f"{yesterday + timedelta(days=1)}.jsonl", [article(1)])  # past midnight
    checked = tomdich("check", "night.yaml", "--outputs", "out", "--edition", "yesterday", cwd=night)
    assert checked.returncode == 0, checked.stdout
    assert tomdich("check", "night.yaml", "--edition", "-400d", cwd=night).returncode == 2
    assert run(night, "--edition", "-1d").returncode == 0
    assert versions(night)[0].manifest["edition"] in {str(yesterday), str(yesterday + timedelta(days=1))}


# A range of days


def test_a_range_is_one_run_after_the_other_and_ends_with_the_worst_code(night: Path) -> None:
    conftest.write_feed(
        night / "feeds" / "2026-11-22.jsonl", [{"id": "x", "text": "", "section": ""}]
    )  # its gate closes: exit 3
    (night / "feeds" / "2026-11-21.jsonl").unlink()  # exit 2
    done = run(night, "--edition", "2026-11-20..2026-11-23")
    assert done.returncode == 2
    assert [version.manifest["edition"] for version in versions(night)] == ["2026-11-23"]
    assert "feeds/2026-11-21.jsonl: no such file" in done.stderr
    assert "no record is left" in done.stderr
    assert run(night, "--edition", "2026-11-22..2026-11-23").returncode == 3
    assert run(night, "--edition", "2026-11-23..2026-11-23").returncode == 0


def test_a_backfill_leaves_latest_at_the_newest_edition(night: Path) -> None:
    run(night, "--edition", "2026-11-23")
    newest = latest(night)
    backfill = run(night, "--edition", "2026-11-21..2026-11-22")
    assert backfill.returncode == 0
    assert backfill.stderr.count(f"latest stays at {newest}, of the later edition 2026-11-23") == 2
    assert latest(night) == newest
    again = run(night, "--edition", "2026-11-23", "--force")
    assert latest(night) == versions(night)[-1].folder.name
    assert "latest stays" not in again.stderr
    for version in (versions(night)[0], versions(night)[-1]):  # of a day that was given by mistake
        shutil.rmtree(version.folder)
    run(night, "--edition", "2026-11-21", "--force")
    assert latest(night) == versions(night)[1].folder.name


def test_a_range_that_is_stopped_says_which_days_are_left(night: Path) -> None:
    done = run(night, "--edition", "2026-11-21..2026-11-23", "--deadline", "0s")
    assert done.returncode == 5
    assert "resume with --edition 2026-11-21..2026-11-23" in done.stderr
    assert done.stderr.count("error: ") == 1


def test_a_range_of_one_feed_is_refused(night: Path, make_config: Callable[..., Path]) -> None:
    conftest.write_feed(night / "feed.jsonl", [article(1)])
    make_config()
    done = run(night, "--edition", "2026-11-21..2026-11-23")
    assert done.returncode == 2
    assert "no source path holds {edition}" in done.stderr
    planned = tomdich("plan", "night.yaml", "--edition", "2026-11-21..2026-11-23", cwd=night)
    assert planned.returncode == 2
    assert "only `run` takes a range" in planned.stderr


# Two runs of a day


def test_two_runs_of_a_day_are_one_edition_for_show_brief_and_export(night: Path) -> None:
    feed = night / "feeds" / f"{DAY}.jsonl"
    first = [article(1) | {"published": "2026-11-22T06:00"}, article(2) | {"published": "2026-11-22T06:00"}]
    refused = article(3) | {"text": article(3)["text"] + " fake:refuse"}
    conftest.write_feed(feed, [*first, refused, article(9) | {"text": "Ngắn."}])
    assert run(night, "--edition", DAY).returncode == 0
    update = article(52) | {"id": "a2", "title": "Tin sửa", "published": "2026-11-22T09:00"}
    conftest.write_feed(feed, [update, article(3), article(4)])
    assert run(night, "--edition", DAY, "--only-new").returncode == 0
    run(night, "--edition", "2026-11-23")
    name = f"night@{DAY}"
    assert [row["id"] for row in shown(night, name)] == ["a1", "a2", "a3", "a4"]
    assert [row["title"] for row in shown(night, name)][1] == "Tin sửa"
    failed = tomdich("show", name, "--failures", "--jsonl", "--outputs", "out", cwd=night).stdout
    assert [json.loads(line)["kind"] for line in failed.splitlines()] == ["short"]  # a3 is published now
    more = tomdich("show", name, "--limit", "1", "--outputs", "out", cwd=night).stdout
    assert f"… and 3 more: tomdich show {name}" in more
    held = shown(night, name, "--hold")
    assert {row["status"] for row in held} <= {"hold"}
    exported = tomdich("export", name, "--to", "jsonl", "-o", "-", "--outputs", "out", cwd=night).stdout
    assert [json.loads(line)["id"] for line in exported.splitlines()] == ["a1", "a2", "a3", "a4"]
    table = tomdich("export", name, "--to", "csv", "--outputs", "out", cwd=night)
    assert table.stdout == f"{name}.csv\n", table.stderr
    brief = tomdich("brief", name, "--to", "md", "--hold", "mark", "-o", "-", "--outputs", "out", cwd=night).stdout
    assert "22 November 2026 · 4 stories" in brief
    assert all(version.folder.name in brief for version in versions(night)[:2])


def test_two_runs_of_a_day_are_one_edition_for_eval_compare_and_verify(night: Path) -> None:
    feed = night / "feeds" / f"{DAY}.jsonl"
    run(night, "--edition", DAY)
    before = f"night/{versions(night)[0].folder.name}"
    update = article(60) | {"id": "a222", "reference_summary": "Tỉnh trồng rừng."}
    conftest.write_feed(feed, [update, article(61)])
    other = ["--set", "translate.generation.max_new_tokens=90"]
    run(night, "--edition", DAY, "--only-new", *other)
    first, second = versions(night)
    name = f"night@{DAY}"

    done = tomdich("eval", name, "--to", "json", "--outputs", "out", cwd=night)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["version"], found["records"]) == (name, 3)
    assert found["summaries"][0]["score"]["texts"] == 1
    assert found["recipe"] == f"{first.manifest['recipe']} + {second.manifest['recipe']}"
    assert found["throughput"] == []
    assert found["left_out"][0] == f"several versions, each with a throughput of its own: {first.name}, {second.name}"
    assert "Throughput" not in tomdich("eval", name, "--outputs", "out", cwd=night).stdout
    alone = json.loads(tomdich("eval", before, "--to", "json", "--outputs", "out", cwd=night).stdout)
    assert [one["stage"] for one in alone["throughput"]] == ["load", "summarize", "translate", "inspect", "publish"]

    done = tomdich("compare", before, name, "--to", "json", "--outputs", "out", cwd=night)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["common"], found["same_recipe"]) == (1, False)
    assert [(one["id"], one["where"]) for one in found["unpaired"]] == [("a222", "both"), ("a61", "b")]
    assert {"section": "recipe", "field": "digests", "a": "", "b": " + ".join(
        version.manifest["recipe"] for version in (first, second)
    )} in found["changes"]  # fmt: skip

    done = tomdich("verify", name, "--outputs", "out", cwd=night)
    assert [line.partition(": all ")[0] for line in done.stdout.splitlines()] == [first.name, second.name]
    for version in (first, second):
        (version.folder / "log.jsonl").unlink()
    done = tomdich("verify", name, "--outputs", "out", cwd=night)
    assert done.returncode == 1
    assert done.stderr.count("log.jsonl: missing") == 2


def test_of_an_edition_the_newest_text_of_an_id_counts_by_its_date(night: Path) -> None:
    feed = night / "feeds" / f"{DAY}.jsonl"
    conftest.write_feed(feed, [article(2) | {"id": "a", "title": "Mới", "published": "2026-11-22"}])
    run(night, "--edition", DAY)
    older = article(1) | {"id": "a", "title": "Cũ", "published": "2026-11-21"}
    conftest.write_feed(feed, [older, article(5)])
    run(night, "--edition", DAY)  # a whole run, which publishes what the feed holds now
    assert [row["title"] for row in shown(night, f"night@{DAY}")] == ["Mới", "Tỉnh số 5 trồng rừng"]


def test_a_sample_of_a_day_is_shown_only_where_nothing_whole_is(night: Path) -> None:
    run(night, "--edition", DAY, "--limit", "1")
    assert len(shown(night, f"night@{DAY}")) == 1
    run(night, "--edition", DAY)
    run(night, "--edition", DAY, "--limit", "1")
    assert len(shown(night, f"night@{DAY}")) == 2


# Revisions


def test_a_revision_applies_corrections_without_sources_or_calls_and_supersedes(night: Path) -> None:
    feed = night / "feeds" / f"{DAY}.jsonl"
    refused = article(7) | {"text": article(7)["text"] + " fake:refuse"}
    with feed.open("a", encoding="utf-8") as out:
        out.write(json.dumps(refused, ensure_ascii=False) + "\n")
    run(night, "--edition", DAY)
    conftest.write_feed(feed, [article(222), article(8)])
    run(night, "--edition", DAY, "--only-new")
    before = shown(night, f"night@{DAY}")
    made = [version.folder.name for version in versions(night)]
    correct(night, before[1], "An editor wrote this.")
    shutil.rmtree(night / "feeds")
    done = run(night, "--edition", DAY, "--revise")
    assert done.returncode == 0, done.stderr
    revised = versions(night)[-1]
    manifest = revised.manifest
    assert (manifest["scope"], manifest["supersedes"], manifest["edition"]) == ("revised", made, DAY)
    assert {calls["computed"] for calls in manifest["calls"].values()} == {0}
    counts = manifest["counts"]
    assert (counts["read"], counts["records"], counts["failures"], counts["unfinished"]) == (4, 3, 1, 0)
    assert latest(night) == revised.folder.name
    after = shown(night, f"night@{DAY}")
    assert after == shown(night, "night")
    assert after[1]["sentences"][0]["translation"] == "An editor wrote this."
    same = {"sentences", "translation", "flags", "status"}
    assert [{k: v for k, v in row.items() if k not in same} for row in after] == [
        {k: v for k, v in row.items() if k not in same} for row in before
    ]
    assert [row["section"] for row in after] == ["Mục 1", "Mục 2", "Mục 8"]
    assert tomdich("verify", "night", "--outputs", "out", cwd=night).returncode == 0
    assert f"It supersedes `{made[0]}`, `{made[1]}`" in (revised.folder / "README.md").read_text(encoding="utf-8")
    again = run(night, "--edition", DAY, "--revise")
    assert "nothing changed" in again.stderr
    assert again.stdout.strip().endswith(revised.folder.name)
    correct(night, before[0], "And this.")
    run(night, "--edition", DAY, "--revise")
    assert versions(night)[-1].manifest["supersedes"] == [revised.folder.name]
    assert [row["sentences"][0]["translation"] for row in shown(night, f"night@{DAY}")][:2] == [
        "And this.",
        "An editor wrote this.",
    ]


def test_a_revision_does_not_bring_back_what_was_withdrawn(night: Path) -> None:
    """Also where a version still holds it: it was put back from a copy, or its rewriting was interrupted."""
    run(night, "--edition", DAY)
    first, second = shown(night, f"night@{DAY}")
    correct(night, second, "An editor wrote this.")
    at = "2026-11-26T00:00:00+00:00"
    withdraw(night / "out", Withdrawal(at, text_digest(first["id"]), (), None, ("night",)))
    shutil.rmtree(night / "feeds")
    done = run(night, "--edition", DAY, "--revise")
    assert done.returncode == 0, done.stderr
    revised = versions(night)[-1]
    assert [row.id for row in rows(revised)] == [second["id"]]
    assert revised.manifest["counts"]["read"] == 1
    assert first["summary"] not in (revised.folder / "report.html").read_text("utf-8")


def plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tomdich("plan", "night.yaml", "--outputs", "out", *arguments, cwd=folder)


def test_a_plan_of_a_revision_says_what_it_replays_and_supersedes(night: Path) -> None:
    none = plan(night, "--edition", DAY, "--revise")
    assert (none.returncode, none.stdout) == (2, "")
    assert "no version of night is published" in none.stderr
    run(night, "--edition", DAY)
    first, second = shown(night, f"night@{DAY}")
    decide(night, first, action="reject")
    correct(night, second, "An editor wrote this.")
    shutil.rmtree(night / "feeds")
    done = plan(night, "--edition", DAY, "--revise", "--json")
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stdout)
    assert planned["supersedes"] == [versions(night)[0].name]
    assert (planned["read"], planned["articles"], planned["rejected"]) == (2, 1, 1)
    assert [stage["missing"] + stage["waiting"] for stage in planned["stages"].values()] == [0, 0]
    assert f"revises {versions(night)[0].name}\n" in plan(night, "--edition", DAY, "--revise").stdout
    assert len(versions(night)) == 1
    decide(night, second, action="summary", vi="Tỉnh trồng rừng ngập mặn.")
    planned = json.loads(plan(night, "--edition", DAY, "--revise", "--json").stdout)
    assert planned["stages"]["translate"]["missing"] == 1  # which a revision may make


@pytest.mark.parametrize("arguments", [["--set", "summarize.generation.max_new_tokens=7"], ["--limit", "1"], []])
def test_a_plan_refuses_a_revision_that_a_run_refuses(night: Path, arguments: list[str]) -> None:
    run(night, "--edition", DAY)
    if not arguments:
        shutil.rmtree(night / "out" / ".memo")
        unchanged = plan(night, "--edition", DAY, "--revise").stdout
        assert unchanged.startswith(f"nothing changed: already published as {versions(night)[0].name}\n")
        correct(night, shown(night, "night")[0], "An editor wrote this.")
    planned, done = (command(night, "--edition", DAY, "--revise", *arguments) for command in (plan, run))
    assert planned.returncode == done.returncode == 2
    assert planned.stdout == ""
    assert planned.stderr.splitlines()[-1] == done.stderr.splitlines()[-1]


def test_a_plan_of_only_new_refuses_what_a_run_refuses(night: Path) -> None:
    run(night, "--edition", DAY)
    known = plan(night, "--edition", DAY, "--only-new")
    assert "read 2: 0 articles, 2 published before, 0 duplicates" in known.stdout
    feed = night / "feeds" / f"{DAY}.jsonl"
    conftest.write_feed(feed, [article(5) | {"text": "Ngắn."}])
    lost = [article(60 + n) | {"id": f"a{n}"} for n in range(2)]
    twice = [article(number) for number in range(30)] + lost
    for articles, code in (([article(5) | {"text": "Ngắn."}], 3), ([*twice, article(222)], 0)):
        conftest.write_feed(feed, articles)
        planned, done = (command(night, "--edition", DAY, "--only-new") for command in (plan, run))
        assert planned.returncode == done.returncode == code, (planned.stderr, done.stderr)


def test_a_revision_of_an_older_day_leaves_latest_where_it_is_for_good(night: Path) -> None:
    run(night, "--edition", "2026-11-22..2026-11-23")
    newest = latest(night)
    correct(night, shown(night, f"night@{DAY}")[0], "An editor wrote this.")
    revised = run(night, "--edition", DAY, "--revise")
    assert f"latest stays at {newest}, of the later edition 2026-11-23" in revised.stderr
    assert latest(night) == newest
    run(night, "--edition", DAY, "--revise")  # every command that takes the lock puts `latest` right
    assert latest(night) == newest
    run(night, "--edition", "2026-11-23", "--revise")
    newest = versions(night)[-1].folder.name
    assert latest(night) == newest
    tomdich("prune", "night", "--keep", "1", "--yes", "--outputs", "out", cwd=night)
    (night / "out" / "night" / "latest").unlink()  # as a kill before it is moved leaves it
    run(night, "--edition", "2026-11-23", "--revise")
    assert latest(night) == newest


def test_what_a_revision_holds_is_published_as_far_as_only_new_goes(night: Path) -> None:
    run(night, "--edition", DAY)
    correct(night, shown(night, f"night@{DAY}")[0], "An editor wrote this.")
    run(night, "--edition", DAY, "--revise")
    tomdich("prune", "night", "--keep", "1", "--yes", "--outputs", "out", cwd=night)
    (night / "out" / "night" / ".published").unlink()
    again = run(night, "--edition", DAY, "--only-new")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr


def test_a_range_is_revised_day_by_day(night: Path) -> None:
    run(night, "--edition", "2026-11-21..2026-11-22")
    correct(night, shown(night, f"night@{DAY}")[0], "An editor wrote this.")
    shutil.rmtree(night / "feeds")
    done = run(night, "--edition", "2026-11-21..2026-11-23", "--revise")
    assert done.returncode == 2
    assert "night has no edition 2026-11-23; there are: 2026-11-21, 2026-11-22" in done.stderr
    assert [version.manifest["scope"] for version in versions(night)] == ["full", "full", "revised", "revised"]


@pytest.mark.parametrize("lost", ["the memo", "the model"])
def test_a_revision_never_asks_a_model(night: Path, make_config: Callable[..., Path], lost: str) -> None:
    run(night, "--edition", DAY)
    if lost == "the memo":
        shutil.rmtree(night / "out" / ".memo")
        correct(night, shown(night, "night")[0], "An editor wrote this.")
    else:
        stage = {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": 7}}
        make_config(sources=[{"path": "feeds/{edition}.jsonl"}], summarize=stage)
    done = run(night, "--edition", DAY, "--revise")
    assert done.returncode == 2
    assert "--revise makes no model call, and the memo lacks an answer of fake (summarize)" in done.stderr
    assert str(versions(night)[0].folder.name) in done.stderr
    assert len(versions(night)) == 1


def test_the_config_of_the_version_revises_it_where_the_present_one_has_another_model(
    night: Path, make_config: Callable[..., Path]
) -> None:
    run(night, "--edition", DAY)
    correct(night, shown(night, "night")[0], "An editor wrote this.")
    made = versions(night)[0].folder / "config.yaml"
    done = tomdich("run", made, "--outputs", "out", "--edition", DAY, "--revise", cwd=night)
    assert done.returncode == 0, done.stderr
    assert shown(night, "night")[0]["sentences"][0]["translation"] == "An editor wrote this."


def test_a_stricter_config_rejects_nothing_in_a_revision(night: Path) -> None:
    run(night, "--edition", DAY)
    correct(night, shown(night, "night")[0], "An editor wrote this.")
    assert run(night, "--edition", DAY, "--revise", "--set", "exclude.under_syllables=5000").returncode == 0
    first, second = versions(night)
    assert second.manifest["identity"]["exclude"] == first.manifest["identity"]["exclude"]
    assert "under_syllables: 5\n" in (second.folder / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--limit", "1"], "leave out --limit"),
        (["--until", "summarize"], "leave out --limit, --until"),
        (["--only-new"], "leave out --limit, --until, --only-new"),
        (["--publish-partial"], "--publish-partial"),
        ([], "only a part is published"),
    ],
)
def test_what_cannot_be_revised_says_why(night: Path, arguments: list[str], problem: str) -> None:
    none = run(night, "--edition", DAY, "--revise")
    assert none.returncode == 2
    assert "no version of night is published" in none.stderr
    run(night, "--edition", DAY, "--limit", "1")
    done = run(night, "--edition", DAY, "--revise", *arguments)
    assert done.returncode == 2
    assert problem in done.stderr


def test_a_stopped_revision_names_the_command_to_go_on_with(night: Path) -> None:
    run(night, "--edition", DAY)
    done = run(night, "--edition", DAY, "--revise", "--deadline", "0s")
    assert done.returncode == 5
    assert f"run it again with --edition {DAY} --revise" in done.stderr


def decide(folder: Path, row: dict[str, Any], **line: str) -> None:
    """Let an editor decide about one text of an article, and nothing else."""
    whole = {"id": row["id"], "text_sha256": row["text_sha256"], "by": "Mai", "at": "2026-11-24T08:00:00+07:00"} | line
    (folder / "corrections.jsonl").write_text(json.dumps(whole, ensure_ascii=False) + "\n", encoding="utf-8")


def test_an_article_that_an_editor_rejects_leaves_the_edition_and_comes_back_when_she_takes_it_back(
    night: Path,
) -> None:
    run(night, "--edition", DAY)
    first, second = shown(night, f"night@{DAY}")
    decide(night, first, action="reject", reason="tin giả")
    run(night, "--edition", DAY, "--revise")
    assert [row["id"] for row in shown(night, f"night@{DAY}")] == [second["id"]]
    counts = versions(night)[-1].manifest["counts"]
    assert (counts["read"], counts["records"], counts["rejected"], counts["failures"]) == (2, 1, 1, 0)
    (night / "corrections.jsonl").write_text("", encoding="utf-8")
    run(night, "--edition", DAY, "--revise")
    assert [row["id"] for row in shown(night, f"night@{DAY}")] == [first["id"], second["id"]]
    assert versions(night)[-1].manifest["counts"]["rejected"] == 0


def test_a_rejection_by_a_later_run_of_the_day_takes_the_article_out_of_the_edition(night: Path) -> None:
    run(night, "--edition", DAY)
    first, second = shown(night, f"night@{DAY}")
    decide(night, first, action="reject")
    with (night / "feeds" / f"{DAY}.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps(article(229), ensure_ascii=False) + "\n")
    run(night, "--edition", DAY, "--only-new")
    assert [row["id"] for row in shown(night, f"night@{DAY}")] == [second["id"], "a229"]
    failed = tomdich("show", f"night@{DAY}", "--failures", "--jsonl", "--outputs", "out", cwd=night).stdout
    assert [json.loads(line)["kind"] for line in failed.splitlines()] == ["by_editor"]


def test_a_summary_that_an_editor_wrote_is_translated_in_a_revision(night: Path) -> None:
    run(night, "--edition", DAY)
    first, _ = shown(night, f"night@{DAY}")
    decide(night, first, action="summary", vi="Tỉnh trồng rừng ngập mặn.")
    done = run(night, "--edition", DAY, "--revise")
    assert done.returncode == 0, done.stderr
    assert shown(night, f"night@{DAY}")[0]["summary"] == "Tỉnh trồng rừng ngập mặn."
    calls = versions(night)[-1].manifest["calls"]
    assert (calls["summarize"]["computed"], calls["translate"]["computed"]) == (0, 1)
    other = ["--set", "translate.generation.max_new_tokens=9"]
    decide(night, first, action="summary", vi="Tỉnh trồng hai khu rừng ngập mặn.")
    done = run(night, "--edition", DAY, "--revise", *other)
    assert done.returncode == 2
    assert "lacks an answer of fake (translate)" in done.stderr
