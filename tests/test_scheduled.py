"""Scheduled runs: deadlines, editions, `--only-new`, gates on the feed, and the notification at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline import config as configs
from pipeline.config import Config
from pipeline.errors import EngineError, GateError
from pipeline.records import PublishedRow
from pipeline.runner.deadline import PUBLISHING, Deadline
from pipeline.runner.notify import Finish
from pipeline.runner.rates import TimeLeft
from pipeline.storage import versions as store
from tests.conftest import article, tomdich, write_feed

ROOT = Path(__file__).parents[1]
FEED = [article(number) for number in range(4)]


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Path:
    """Return the path of a config on the fake engine, with a feed of four articles beside it."""
    write_feed(tmp_path / "feed.jsonl", FEED)
    return make_config()


def run(night: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tomdich("run", night, "--outputs", "out", *arguments, cwd=night.parent)


def versions(night: Path) -> list[store.Version]:
    return store.versions(night.parent / "out" / "night")


def ids(version: store.Version) -> list[str]:
    from pipeline.storage.rows import rows as stored

    return [row.id for row in stored(version)]


# Only what is new


def test_only_new_publishes_what_no_version_has_and_nothing_new_is_no_version(night: Path) -> None:
    assert run(night).returncode == 0
    again = run(night, "--only-new")
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing new" in again.stderr
    updated = FEED[1] | {"text": article(77)["text"]}
    write_feed(night.parent / "feed.jsonl", [FEED[0], updated, *FEED[2:], article(5)])
    planned = tomdich("plan", night, "--outputs", "out", "--only-new", cwd=night.parent)
    assert "2 articles" in planned.stdout
    done = run(night, "--only-new")
    assert done.returncode == 0, done.stderr
    _, second = versions(night)
    assert ids(second) == ["a1", "a5"]
    assert second.manifest["scope"] == "new"
    assert second.manifest["counts"]["known"] == 3
    assert (second.folder.parent / "latest").resolve() == second.folder
    assert run(night, "--only-new").stdout == ""


def test_a_sample_publishes_nothing_as_far_as_only_new_goes(night: Path) -> None:
    run(night, "--limit", "2")
    run(night, "--only-new")
    assert [ids(version) for version in versions(night)] == [["a0", "a1"], ["a0", "a1", "a2", "a3"]]


def test_what_was_pruned_is_still_known(night: Path) -> None:
    run(night)
    write_feed(night.parent / "feed.jsonl", [*FEED, article(5)])
    run(night, "--only-new")
    tomdich("prune", "night", "--keep", "1", "--yes", "--outputs", "out", cwd=night.parent)
    assert len(versions(night)) == 1
    assert run(night, "--only-new").stdout == ""


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 5000)])
def test_a_lost_or_damaged_list_is_filled_again_from_the_versions(night: Path, damage: Callable[[Path], Any]) -> None:
    run(night)
    damage(night.parent / "out" / "night" / ".published")
    again = run(night, "--only-new")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert len(versions(night)) == 1


def test_a_refused_article_stays_new(night: Path) -> None:
    poisoned = article(9) | {"text": article(9)["text"] + " fake:refuse"}
    write_feed(night.parent / "feed.jsonl", [*FEED, poisoned])
    run(night, "--only-new")
    write_feed(night.parent / "feed.jsonl", [*FEED, article(9)])
    run(night, "--only-new")
    assert [ids(version) for version in versions(night)] == [["a0", "a1", "a2", "a3"], ["a9"]]


TWICE = [
    article(1) | {"published": "2026-03-01"},
    article(2) | {"id": "a1", "title": "Tin sửa", "published": "2026-03-02"},
]


@pytest.mark.parametrize("order", [1, -1], ids=["old first", "new first"])
def test_a_superseded_text_is_not_news_the_next_night(
    tmp_path: Path, make_config: Callable[..., Path], order: int
) -> None:
    night = make_config(on_same_id="newest")
    write_feed(tmp_path / "feed.jsonl", TWICE[::order])
    assert run(night, "--only-new").returncode == 0
    again = run(night, "--only-new")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    write_feed(tmp_path / "feed.jsonl", [*TWICE[::order], article(5)])
    assert run(night, "--only-new").returncode == 0
    assert [[row.title for row in rows_of(version)] for version in versions(night)] == [
        ["Tin sửa"],
        [article(5)["title"]],
    ]
    counts = versions(night)[-1].manifest["counts"]
    assert (counts["read"], counts["known"], counts["failures"], counts["unfinished"]) == (3, 2, 0, 0)
    log = (versions(night)[-1].folder / "log.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["record"] for line in log.splitlines() if '"outdated"' in line] == ["a1"]


@pytest.mark.parametrize("order", [1, -1], ids=["old first", "new first"])
def test_an_update_beside_the_text_that_is_known_is_published(
    tmp_path: Path, make_config: Callable[..., Path], order: int
) -> None:
    night = make_config(on_same_id="newest")
    write_feed(tmp_path / "feed.jsonl", TWICE[:1])
    run(night, "--only-new")
    write_feed(tmp_path / "feed.jsonl", TWICE[::order])
    assert run(night, "--only-new").returncode == 0
    version = versions(night)[-1]
    assert [row.title for row in rows_of(version)] == ["Tin sửa"]
    counts = version.manifest["counts"]
    assert (counts["known"], counts["failures"], counts["records"]) == (1, 0, 1)


def text(number: int, published: str) -> dict[str, Any]:
    """Return the article `a1` with the text of another number, so that each number is another text of one id."""
    return article(number) | {"id": "a1", "title": f"Bản {number}", "published": published}


@pytest.mark.parametrize("on_same_id", ["newest", "error"])
@pytest.mark.parametrize(
    ("nights", "published"),
    [
        pytest.param([text(2, "2026-03-02"), text(1, "2026-03-01")], ["Bản 2"], id="the older text comes late"),
        pytest.param(
            [text(1, "2026-03-01"), text(3, "2026-03-03"), text(2, "2026-03-02")],
            ["Bản 1", "Bản 3"],
            id="a text between two versions",
        ),
        pytest.param(
            [text(2, "2026-03-02"), text(3, ""), text(1, "2026-03-01")],
            ["Bản 2", "Bản 3"],
            id="a version without a date does not hide the date before it",
        ),
        pytest.param(
            [text(1, "2026-03-01"), text(2, "2026-03-02"), text(1, "2026-03-01")],
            ["Bản 1", "Bản 2"],
            id="the first text comes again",
        ),
        pytest.param(
            [text(1, "2026-03-01"), text(2, "2026-03-02"), text(1, "2026-03-03")],
            ["Bản 1", "Bản 2", "Bản 1"],
            id="the publisher goes back to the first text",
        ),
        pytest.param(
            [text(1, "2026-03-02T23:30:00+00:00"), text(2, "2026-03-02T23:45:00+07:00")],
            ["Bản 1"],
            id="moments are compared and not their letters",
        ),
        pytest.param(
            [text(1, "2026-03-02T10:00:00+07:00"), text(2, "2026-03-02")],
            ["Bản 1", "Bản 2"],
            id="a day is not before a time of that day",
        ),
        pytest.param([text(1, "2026-03-02"), text(2, "hôm qua")], ["Bản 1", "Bản 2"], id="no readable date"),
    ],
)
def test_an_older_text_is_never_published_over_a_newer_one(
    tmp_path: Path,
    make_config: Callable[..., Path],
    on_same_id: str,
    nights: list[dict[str, Any]],
    published: list[str],
) -> None:
    night = make_config(on_same_id=on_same_id)
    for feed in nights:
        write_feed(tmp_path / "feed.jsonl", [feed])
        planned = tomdich("plan", night, "--outputs", "out", "--only-new", cwd=tmp_path).stdout
        before = len(versions(night))
        done = run(night, "--only-new")
        assert done.returncode == 0, done.stderr
        assert f"{len(versions(night)) - before} articles" in planned
    assert [row.title for version in versions(night) for row in rows_of(version)] == published


def test_an_older_text_beside_new_articles_is_known_and_stands_in_the_log(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    night = make_config(on_same_id="newest")
    write_feed(tmp_path / "feed.jsonl", [text(2, "2026-03-02")])
    run(night, "--only-new")
    tomdich("prune", "night", "--keep", "1", "--yes", "--outputs", "out", cwd=tmp_path)
    write_feed(tmp_path / "feed.jsonl", [article(5), text(1, "2026-03-01"), text(3, ""), article(6)])
    run(night, "--only-new")
    version = versions(night)[-1]
    assert [row.title for row in rows_of(version)] == ["Tỉnh số 5 trồng rừng", "Bản 3", "Tỉnh số 6 trồng rừng"]
    counts = version.manifest["counts"]
    assert (counts["read"], counts["known"], counts["failures"], counts["records"]) == (4, 1, 0, 3)
    log = (version.folder / "log.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["record"] for line in log.splitlines() if '"outdated"' in line] == ["a1"]


def test_a_known_older_text_read_last_does_not_displace_an_undated_new_one(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    night = make_config(on_same_id="newest")
    for feed in ([text(1, "2026-03-01")], [text(2, "2026-03-02")], [text(3, ""), text(1, "2026-03-01")]):
        write_feed(tmp_path / "feed.jsonl", feed)
        run(night, "--only-new")
    assert [row.title for version in versions(night) for row in rows_of(version)] == ["Bản 1", "Bản 2", "Bản 3"]


@pytest.mark.parametrize("order", [1, -1], ids=["known first", "known last"])
def test_without_newest_another_text_of_a_known_id_is_a_failure(
    tmp_path: Path, make_config: Callable[..., Path], order: int
) -> None:
    night = make_config()
    write_feed(tmp_path / "feed.jsonl", TWICE[:1])
    run(night, "--only-new")
    write_feed(tmp_path / "feed.jsonl", TWICE[::order])
    closed = run(night, "--only-new")
    assert closed.returncode == 3
    assert "no record is left of 2 read (0 rejected, 1 failed)" in closed.stderr
    write_feed(tmp_path / "feed.jsonl", [*TWICE[::order], article(5)])
    assert run(night, "--only-new").returncode == 0
    version = versions(night)[-1]
    assert ids(version) == ["a5"]
    listed = (version.folder / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(json.loads(line)["kind"], json.loads(line)["id"]) for line in listed] == [("same_id", "a1")]


def test_a_failure_that_a_version_lists_already_is_no_news_but_another_is(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    night = make_config()
    twice = [article(1), article(2) | {"id": "a1"}]
    refused = article(3) | {"text": article(3)["text"] + " fake:refuse"}
    write_feed(tmp_path / "feed.jsonl", [*twice, refused])
    assert run(night, "--only-new").returncode == 0
    again = run(night, "--only-new")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert "2 articles failed as in an earlier version" in again.stderr
    write_feed(tmp_path / "feed.jsonl", [*twice, refused, article(4) | {"id": "a1"}])
    assert run(night, "--only-new").returncode == 3


def test_lasting_failures_do_not_close_the_gate_of_a_small_night(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    night = make_config(limits={"max_failure_ratio": 0.5})
    lasting = [article(number) for number in range(25)] + [article(100 + n) | {"id": f"a{n}"} for n in range(25)]
    write_feed(tmp_path / "feed.jsonl", lasting)
    assert run(night, "--only-new").returncode == 0
    write_feed(tmp_path / "feed.jsonl", [*lasting, article(50)])
    done = run(night, "--only-new")
    assert done.returncode == 0, done.stderr
    version = versions(night)[-1]
    assert ids(version) == ["a50"]
    assert version.manifest["counts"]["failures"] == 25


@pytest.mark.parametrize(
    ("feed", "code"),
    [
        ([{"id": "x", "text": ""}], 3),  # nothing but what is rejected: the feed has changed its form
        ([FEED[0], {"id": "x", "text": ""}], 0),
    ],
)
def test_a_feed_of_nothing_usable_is_no_quiet_night(night: Path, feed: list[dict[str, Any]], code: int) -> None:
    run(night)
    write_feed(night.parent / "feed.jsonl", feed)
    done = run(night, "--only-new")
    assert done.returncode == code, done.stderr
    assert ("nothing new" in done.stderr) == (code == 0)
    assert ("no record is left of 1 read (1 rejected, 0 failed)" in done.stderr) == (code == 3)
    assert len(versions(night)) == 1


# Editions


def test_the_edition_is_in_the_paths_in_the_manifest_and_selects_versions(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    night = make_config(sources=[{"path": "feeds/{edition:%Y/%m}/{edition}.jsonl"}])
    (tmp_path / "feeds" / "2026" / "11").mkdir(parents=True)
    for day in (22, 23):
        write_feed(tmp_path / "feeds" / "2026" / "11" / f"2026-11-{day}.jsonl", [article(day)])
        done = run(night, "--edition", f"2026-11-{day}")
        assert done.returncode == 0, done.stderr
    run(night, "--edition", "2026-11-22", "--limit", "1")  # a sample does not stand for the edition
    found = {
        name: tomdich("show", name, "--jsonl", "--outputs", "out", cwd=tmp_path).stdout
        for name in ("night@2026-11-22", "night@2026-11-23", "night@latest", "night")
    }
    assert [json.loads(text)["id"] for text in found.values()] == ["a22", "a23", "a23", "a23"]
    assert store.find(tmp_path / "out", "night@2026-11-22").manifest["scope"] == "full"
    assert [version.manifest["edition"] for version in versions(night)] == ["2026-11-22", "2026-11-23", "2026-11-22"]
    missing = tomdich("show", "night@2026-01-01", "--outputs", "out", cwd=tmp_path)
    assert missing.returncode == 2
    assert "there are: 2026-11-22, 2026-11-23" in missing.stderr
    assert run(night, "--edition", "2026-11-24").returncode == 2  # no such feed
    assert run(night, "--edition", "heute").returncode == 2


@pytest.mark.parametrize(
    ("path", "arguments", "names"),
    [("{edition}.jsonl", [], True), ("feed.jsonl", ["--edition", "2026-11-22"], True), ("feed.jsonl", [], False)],
)
def test_a_run_that_was_stopped_names_the_edition_to_go_on_with(
    tmp_path: Path, make_config: Callable[..., Path], path: str, arguments: list[str], names: bool
) -> None:
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    for name in (str(today), str(today + timedelta(days=1)), "feed"):
        write_feed(tmp_path / f"{name}.jsonl", FEED)
    stopped = run(make_config(sources=[{"path": path}]), "--deadline", "0s", *arguments)
    assert stopped.returncode == 5
    said = stopped.stderr.strip().splitlines()[-1]
    day = arguments[-1] if arguments else str(today)
    tomorrow = str(today + timedelta(days=1))
    assert said.endswith((f"run it again with --edition {day}", f"--edition {tomorrow}")) == names, said
    assert said.count("run it again") == 1


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # it is never the same day in both
def test_without_an_edition_it_is_today_in_the_configs_time_zone(
    tmp_path: Path, make_config: Callable[..., Path], zone: str
) -> None:
    today = datetime.now(ZoneInfo(zone)).date()
    for day in (today, today + timedelta(days=1)):
        write_feed(tmp_path / f"{day}.jsonl", FEED)
    night = make_config(timezone=zone, sources=[{"path": "{edition}.jsonl"}])
    assert run(night).returncode == 0
    (version,) = versions(night)
    assert version.manifest["edition"] in {str(today), str(today + timedelta(days=1))}


def test_another_day_alone_publishes_nothing_but_another_edition_does(night: Path) -> None:
    run(night, "--edition", "2026-11-22")
    assert "nothing changed" in run(night).stderr
    run(night, "--edition", "2026-11-23")
    assert len(versions(night)) == 2


def test_a_published_config_reads_the_feed_of_its_edition(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "2026-11-22.jsonl", FEED)
    night = make_config(sources=[{"path": "{edition}.jsonl"}])
    run(night, "--edition", "2026-11-22")
    (version,) = versions(night)
    config = configs.load(version.folder / "config.yaml")
    assert config.sources[0].path == str(tmp_path / "2026-11-22.jsonl")


def test_a_rerun_of_an_older_edition_leaves_latest_where_it_is(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    night = make_config(sources=[{"path": "{edition}.jsonl"}])
    for day in (22, 23):
        write_feed(tmp_path / f"2026-11-{day}.jsonl", [article(day)])
        run(night, "--edition", f"2026-11-{day}")
    assert "nothing changed" in run(night, "--edition", "2026-11-22").stderr
    assert store.find(tmp_path / "out", "night").manifest["edition"] == "2026-11-23"


# Deadlines


def slow(night: Path, count: int) -> None:
    """Write a feed whose every batch takes 50 ms, in both stages."""
    feed = [article(n) | {"text": "Tin fake:slow " + article(n)["text"]} for n in range(count)]
    write_feed(night.parent / "feed.jsonl", feed)


def test_a_deadline_keeps_what_is_finished_and_the_next_run_goes_on(night: Path) -> None:
    slow(night, 300)
    stopped = run(night, "--deadline", "5s", "--set", "runtime.batch_tokens=64")
    assert stopped.returncode == 5, stopped.stderr
    assert "deadline of 5 s" in stopped.stderr
    assert (stopped.stdout, versions(night)) == ("", [])
    done = run(night)
    assert done.returncode == 0, done.stderr
    (version,) = versions(night)
    assert version.manifest["calls"]["summarize"]["replayed"] > 0
    assert version.manifest["counts"]["records"] == 300


@pytest.mark.parametrize("how", ["deadline", "signal"])
def test_a_run_that_waits_for_the_lock_heeds_the_deadline_and_a_signal(night: Path, how: str) -> None:
    command = [sys.executable, "-m", "pipeline", "run", str(night), "--outputs", "out", "--wait-lock", "10m"]
    with store.locked(night.parent / "out", "night", wait=0):
        process = subprocess.Popen(
            [*command, *(["--deadline", "1s"] if how == "deadline" else [])],
            cwd=night.parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        waiting = process.stderr.readline()
        assert "waiting at most 600 s" in waiting
        if how == "signal":
            process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 5, stderr
    assert "while waiting for another run; run it again" in stderr


def test_a_stop_is_heeded_before_the_models_are_looked_for(night: Path) -> None:
    stopped = run(night, "--deadline", "0s", "--set", "summarize.engine=auto", "--set", "summarize.model=no/such")
    assert stopped.returncode == 5, stopped.stderr


def test_what_is_complete_at_the_deadline_is_published_on_request(night: Path) -> None:
    slow(night, 300)
    stopped = run(night, "--deadline", "8s", "--publish-partial", "--set", "runtime.batch_tokens=64")
    assert stopped.returncode == 5, stopped.stderr
    assert "what is complete is published" in stopped.stderr
    assert "--edition" not in stopped.stderr
    (version,) = versions(night)
    assert stopped.stdout.strip().endswith(version.folder.name)
    store.verify(version)
    counts = version.manifest["counts"]
    assert version.manifest["scope"] == "partial"
    assert counts["records"] > 0
    assert counts["unfinished"] > 0
    assert counts["records"] + counts["unfinished"] + counts["failures"] == 300
    assert all(row.translation for row in rows_of(version))
    assert not (version.folder.parent / "latest").exists()
    assert run(night, "--only-new").returncode == 0
    assert len(ids(versions(night)[-1])) == 300  # what was partial is still new


def test_long_articles_first_and_no_earlier_version_leave_something_to_publish(night: Path) -> None:
    """Each of 60 articles is five calls and a round more, of 50 ms: one pass of all would complete none for 18 s."""
    marked = [article(number, length=60) for number in range(60)]
    for row in marked:
        row["text"] = " ".join(f"fake:slow {part}." for part in row["text"].split("."))
    write_feed(night.parent / "feed.jsonl", marked)
    stopped = run(night, "--deadline", "12s", "--publish-partial", "--set", "runtime.batch_tokens=256")
    assert stopped.returncode == 5, stopped.stderr
    (version,) = versions(night)
    assert 0 < version.manifest["counts"]["records"] < 60


def rows_of(version: store.Version) -> list[PublishedRow]:
    from pipeline.storage.rows import rows as stored

    return list(stored(version))


def test_a_signal_publishes_what_is_complete_on_request(night: Path) -> None:
    slow(night, 200)
    run(night, "--until", "summarize")  # paid for
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", night, "--outputs", "out", "--publish-partial",
         "--set", "runtime.batch_tokens=64"],
        cwd=night.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:  # the stage before has been told: this one has begun
        if line.startswith("summarize:"):
            break
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5, stderr
    assert versions(night)[-1].manifest["scope"] == "partial"


def test_a_signal_that_comes_while_something_is_printed_stops_the_run_like_any_other(tmp_path: Path) -> None:
    """Python's own `print` raises there: a buffer is not entered twice."""
    printing = (
        "import sys; from pipeline.cli.terminal import stop_signals\n"
        "with stop_signals() as reason:\n"
        "    print('begun', flush=True)\n"
        "    print('x' * 1_000_000, file=sys.stderr, flush=True)\n"  # more than the pipe takes: it waits for a reader
        "    print(reason())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", printing],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    stdout, stderr = process.communicate(timeout=30)
    assert stdout == "stopped by SIGTERM\n", stderr[-500:]
    assert "SIGTERM: stopping after the batch in flight" in stderr


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_run_at_once(night: Path, second: signal.Signals) -> None:
    write_feed(night.parent / "feed.jsonl", [FEED[0] | {"text": "Tin fake:hang " + FEED[0]["text"]}])
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", str(night), "--outputs", "out"],
        cwd=night.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    began = process.stderr.readline()  # of loading: the engine hangs from here on
    assert began.startswith("load: ")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    told = process.stderr.readline()
    assert "SIGINT: stopping after the batch in flight; once more to stop at once" in told
    assert process.poll() is None
    process.send_signal(second)
    assert process.wait(5) == 130
    process.stderr.close()
    assert not versions(night)


def test_a_run_that_is_in_time_is_not_partial(night: Path) -> None:
    assert run(night, "--deadline", "1h", "--publish-partial").returncode == 0
    assert [version.manifest["scope"] for version in versions(night)] == ["full"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("complete", "later", "step", "stops_at"),
    [
        (0, 0.0, 10.0, 100.0),  # 90 + the longest step is still in time
        (3000, 0.0, 10.0, 70.0),  # 30 seconds to publish them
        (0, 1.0, 10.0, 50.0),  # as long again for the next stage
        (0, 0.0, 40.0, 80.0),
    ],
)
def test_a_window_leaves_time_for_the_batch_in_flight_and_for_what_comes_after(
    complete: int, later: float, step: float, stops_at: float
) -> None:
    clock = Clock()
    deadline = Deadline(100.0, clock=clock)
    deadline.begin(later=later)
    while deadline.over(complete=complete) is None:
        clock.now += step
    assert clock.now == pytest.approx(stops_at, abs=step)
    assert clock.now + PUBLISHING * complete + later * clock.now <= 100.0 + step


def test_loading_a_model_is_no_batch_and_costs_a_window_only_its_own_time() -> None:
    clock = Clock()
    deadline = Deadline(25.0, clock=clock)
    deadline.begin(later=0.5)
    clock.now = 5.0
    deadline.opened()
    while deadline.over() is None:
        clock.now += 1.0
    # at t: 1 for the next batch, 5 to load the next model, half of what was computed to translate it: t + 6 + (t - 5) / 2
    assert clock.now == 15.0


def test_time_left_goes_by_source_characters_and_not_by_finished_records() -> None:
    """A long text of 9,000 characters and 90 of 100: it runs first, and its half stands for a quarter of the time."""
    clock = Clock()
    left = TimeLeft(18_000, clock=clock)
    assert left.seconds(0) is None
    clock.now = 3.0
    left.begin(0)  # the model is loaded
    clock.now = 13.0
    assert left.seconds(4_500) == pytest.approx(30.0)  # no record is finished yet
    clock.now = 43.0
    assert left.seconds(18_000) == 0.0


def test_what_the_memo_knew_says_nothing_of_the_time_left() -> None:
    clock = Clock()
    left = TimeLeft(1_000, clock=clock)
    left.begin(800)
    clock.now = 10.0
    assert left.seconds(800) is None
    assert left.seconds(900) == pytest.approx(10.0)


def test_without_a_deadline_a_window_is_never_over() -> None:
    clock = Clock()
    deadline = Deadline(None, clock=clock)
    clock.now = 1e9
    assert deadline.over() is None


# The feed's gate


def test_a_dying_feed_is_an_error_with_a_reason(night: Path) -> None:
    done = run(night, "--set", "limits.min_records=5")
    assert done.returncode == 3
    assert "the sources hold 4 articles, fewer than limits.min_records = 5" in done.stderr
    assert "feed.jsonl: 4 records" in done.stderr
    assert not versions(night)
    assert run(night, "--set", "limits.min_records=4").returncode == 0
    # what is known is part of the feed's health, a sample says nothing of it
    assert run(night, "--set", "limits.min_records=4", "--only-new").returncode == 0
    assert run(night, "--set", "limits.min_records=5", "--limit", "2").returncode == 0


# Someone is told


@pytest.mark.parametrize(
    ("arguments", "code", "reason", "published"),
    [
        ([], 0, "published", True),
        (["--set", "limits.min_records=5"], 3, "limits.min_records", False),
        (["--set", "sources.0.path=none.jsonl"], 2, "none.jsonl", False),
        (["--deadline", "0s"], 5, "deadline", False),
    ],
)
def test_a_command_is_told_how_the_run_ended(
    tmp_path: Path,
    make_config: Callable[..., Path],
    arguments: list[str],
    code: int,
    reason: str,
    published: bool,
) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    script = tmp_path / "told.sh"
    script.write_text('#!/bin/sh\ncat > told.json\necho "$TOMDICH_EXIT $TOMDICH_VERSION" > told.env\necho noise\n')
    script.chmod(0o755)
    done = run(make_config(on_finish="./told.sh --quiet"), *arguments)
    assert done.returncode == code, done.stderr
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["exit"] == code
    assert reason in told["reason"]
    assert told["name"] == "night"
    assert (told["version"] is not None, told["counts"] is not None) == (published, published)
    assert (tmp_path / "told.env").read_text().split() == [str(code), *([told["version"]] if published else [])]
    assert "noise" not in done.stdout


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("./no-such-program", "cannot be run"),
        (["sh", "-c", "echo the mail server is away; exit 7"], "ended with 7: the mail server is away"),
        ("https://127.0.0.1:9/hook/${NOT_SET}", "NOT_SET"),
        ("http://127.0.0.1:9/hook", "cannot be told"),
    ],
)
def test_what_goes_wrong_in_telling_is_said_and_never_fails_the_run(
    tmp_path: Path, make_config: Callable[..., Path], told: object, said: str
) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    done = run(make_config(on_finish=told))
    assert done.returncode == 0, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_hangs_is_killed_with_its_children(
    tmp_path: Path, load_config: Callable[..., Config], messages: list[str]
) -> None:
    config = load_config(on_finish=["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/child; wait"])
    with Finish(config, outputs=tmp_path, timeout=0.5):
        pass
    assert "did not end within 0.5 s" in messages[0]
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split(")")[1][:3]:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child lives on")


def test_a_command_that_leaves_a_daemon_with_its_output_is_not_waited_for(
    tmp_path: Path, load_config: Callable[..., Config], messages: list[str]
) -> None:
    script = tmp_path / "tell.py"
    script.write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "sys.exit(int(sys.argv[1]))\n"
    )
    for code in ("0", "7"):
        config = load_config(on_finish=[sys.executable, str(script), code])
        with Finish(config, outputs=tmp_path, timeout=2):
            pass
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)  # it lives: it was not waited for
        assert f"ended with {code} and left a process that held its output open for 2 s" in messages[-1]


def test_a_daemon_outlives_a_command_that_is_killed_and_holds_nobody_up(
    tmp_path: Path, load_config: Callable[..., Config], messages: list[str]
) -> None:
    config = load_config(on_finish=["sh", "-c", f"setsid sleep 60 & echo $! > {tmp_path}/child; sleep 60"])
    with Finish(config, outputs=tmp_path, timeout=0.5):
        pass
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)  # it lives: it was not waited for
    assert "did not end within 0.5 s and was killed" in messages[0]


def test_a_program_and_a_web_address_may_stand_in_the_environment(
    tmp_path: Path,
    load_config: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
    hook: tuple[str, list[dict[str, Any]]],
    messages: list[str],
) -> None:
    script = tmp_path / "tell.sh"
    script.write_text(f'#!/bin/sh\ncat > "{tmp_path}/$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("HOOK", hook[0] + "/geheim")
    for told in ("${PLACE}/tell.sh told.json", "${HOOK}/run", "${NOT_SET}/tell.sh"):
        with Finish(load_config(on_finish=told), outputs=tmp_path):
            pass
    assert json.loads((tmp_path / "told.json").read_text())["exit"] == 0
    assert [one["exit"] for one in hook[1]] == [0]
    assert messages == ["on_finish: ${NOT_SET} is not set in the environment; the run itself ended with exit 0"]


@pytest.mark.parametrize("told", ["/broken/geheim", "/slow/geheim", "/broken?key=geheim"])
def test_of_a_web_address_only_the_host_is_said_and_nothing_is_kept(
    tmp_path: Path,
    make_config: Callable[..., Path],
    hook: tuple[str, list[dict[str, Any]]],
    told: str,
    messages: list[str],
) -> None:
    address, _ = hook
    write_feed(tmp_path / "feed.jsonl", FEED)
    config = make_config(on_finish=address + told)
    with Finish(configs.load(config), outputs=tmp_path, timeout=0.5):
        pass
    assert address in messages[0]
    assert "geheim" not in messages[0]
    if "slow" not in told:
        run(config)
        kept = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
        assert kept
        assert not any(b"geheim" in text or b"on_finish" in text for text in kept)


class Hook(BaseHTTPRequestHandler):
    """A web address that keeps what it is told and answers what its path says; on /slow only when it may."""

    told: list[dict[str, Any]]
    may_answer: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append(json.loads(body))
        if self.path.startswith("/slow"):
            self.may_answer.wait(60)
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give the address of a web hook, and what it is told."""
    told: list[dict[str, Any]] = []
    over = threading.Event()
    server = HTTPServer(("127.0.0.1", 0), type("OneHook", (Hook,), {"told": told, "may_answer": over}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", told
    over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_address_is_posted_the_end_and_its_token_stays_out_of_all_that_is_kept(
    tmp_path: Path, make_config: Callable[..., Path], hook: tuple[str, list[dict[str, Any]]]
) -> None:
    address, told = hook
    write_feed(tmp_path / "feed.jsonl", FEED)
    night = make_config(on_finish=address + "/broken/${HOOK_TOKEN}")
    done = tomdich("run", night, "--outputs", "out", cwd=tmp_path, HOOK_TOKEN="geheim")
    assert done.returncode == 0
    assert [(one["exit"], one["counts"]["records"]) for one in told] == [(0, 4)]
    assert "answered 500" in done.stderr
    kept = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(b"geheim" in text for text in [*kept, done.stderr.encode()])


def test_a_web_address_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, load_config: Callable[..., Config], hook: tuple[str, list[dict[str, Any]]], messages: list[str]
) -> None:
    with Finish(load_config(on_finish=hook[0] + "/slow"), outputs=tmp_path, timeout=0.3):
        pass
    assert "on_finish" in messages[0]  # a hook that answered is not told of


@pytest.mark.parametrize(
    ("error", "code"),
    [(GateError("closed"), 3), (EngineError("lost"), 1), (ZeroDivisionError(), 1), (SystemExit(2), 2)],
)
def test_every_end_has_its_exit_code(
    tmp_path: Path, load_config: Callable[..., Config], error: BaseException, code: int
) -> None:
    config = load_config(on_finish=["sh", "-c", f"cat > {tmp_path}/told.json"])
    with pytest.raises(type(error)), Finish(config, outputs=tmp_path):
        raise error
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["exit"] == code
    assert told["reason"]


def test_dates_are_written_as_asked() -> None:
    config = Config.model_validate(
        {
            "name": "n",
            "sources": [{"path": "a/{edition}/{edition:%d%m}/{section}.csv"}, {"dataset": "d/e"}],
            "summarize": {"model": "fake"},
            "translate": {"model": "fake"},
        }
    )
    dated = configs.at_edition(config, date(2026, 2, 3))
    assert [source.path for source in dated.sources] == ["a/2026-02-03/0302/{section}.csv", None]


# What a monitor sees


def test_metrics_tell_of_the_newest_version_and_of_the_last_good_end(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    night = make_config(metrics="prom/night.prom")

    def samples() -> dict[str, float]:
        text = (tmp_path / "prom" / "night.prom").read_text(encoding="utf-8")
        return {
            " ".join([one.name, *(value for key, value in sorted(one.labels.items()) if key != "name")]): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    assert run(night).returncode == 0
    good = samples()
    assert good["tomdich_last_exit_code"] == 0
    assert good["tomdich_articles records"] == 4
    assert good["tomdich_calls computed summarize"] == 4
    assert good["tomdich_tokens output summarize"] > 0
    assert run(night, "--set", "limits.min_records=9").returncode == 3
    closed = samples()
    assert closed["tomdich_last_exit_code"] == 3
    assert closed["tomdich_last_success_timestamp_seconds"] == good["tomdich_last_success_timestamp_seconds"]
    assert closed["tomdich_last_run_timestamp_seconds"] > good["tomdich_last_run_timestamp_seconds"]


@pytest.mark.usefixtures("no_messages")
def test_metrics_of_a_version_of_before_there_was_drift(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    night = make_config(metrics="night.prom")
    run(night)
    path = versions(night)[0].folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["drift"]
    path.chmod(0o644)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with Finish(configs.load(night), outputs=tmp_path / "out"):
        pass
    assert "tomdich_last_exit_code" in (tmp_path / "night.prom").read_text(encoding="utf-8")


def test_metrics_that_cannot_be_written_do_not_fail_the_run(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    done = run(make_config(metrics="feed.jsonl/night.prom"))
    assert done.returncode == 0
    assert "metrics:" in done.stderr


def test_a_night_unlike_the_others_is_said_in_the_log_and_the_manifest(night: Path) -> None:
    for day in range(4):
        write_feed(night.parent / "feed.jsonl", [article(100 * day + number) for number in range(30)])
        assert run(night).returncode == 0
    write_feed(night.parent / "feed.jsonl", [article(1000 + number) for number in range(3)])
    done = run(night)
    assert "drift: the number of records is 3, where the last 4 versions had about 30" in done.stderr
    (sentence, *_) = versions(night)[-1].manifest["drift"]
    log = (versions(night)[-1].folder / "log.jsonl").read_text(encoding="utf-8")
    assert sentence in [json.loads(line).get("message") for line in log.splitlines()]
    assert [version.manifest["drift"] for version in versions(night)[:4]] == [[], [], [], []]


def test_a_log_line_names_run_stage_and_record(night: Path) -> None:
    poisoned = article(9) | {"text": article(9)["text"] + " fake:refuse"}
    write_feed(night.parent / "feed.jsonl", [*FEED, poisoned])
    run(night)
    log = (versions(night)[-1].folder / "log.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["run"].split("-")[0] for line in lines} == {"night"}
    assert [(line["stage"], line["record"]) for line in lines if line["event"] == "failure"] == [("summarize", "a9")]
    assert [line["stage"] for line in lines if line["event"] == "stage"] == [
        "load", "summarize", "translate", "inspect", "publish",
    ]  # fmt: skip


def test_check_looks_at_the_feed_of_today(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    night = make_config(sources=[{"path": "{edition}.jsonl"}])
    missing = tomdich("check", night, cwd=tmp_path)
    assert missing.returncode == 2
    assert "{edition}" not in missing.stdout
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    for day in (today, today + timedelta(days=1)):
        write_feed(tmp_path / f"{day}.jsonl", FEED)
    assert tomdich("check", night, cwd=tmp_path).returncode == 0
