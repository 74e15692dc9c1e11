"""Feeds that are damaged, absent or not what the config says: counted apart, limited, and told wherever a run is told.

Each goes through the command line, on the fake engine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.storage import versions as store
from tests.conftest import article, tomdich, write_feed

Make = Callable[..., Path]


def command(name: str, night: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tomdich(name, night, "--outputs", "out", *arguments, cwd=night.parent)


def versions(night: Path) -> list[store.Version]:
    return store.versions(night.parent / "out" / "night")


def listed(night: Path) -> list[dict[str, Any]]:
    path = versions(night)[-1].folder / "failures.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cut_off(path: Path, articles: Iterable[dict[str, Any]], *, every: int) -> None:
    """Write a feed in which every n-th line ends in the middle."""
    lines = [json.dumps(row, ensure_ascii=False) for row in articles]
    lines = [line if number % every else line[:60] for number, line in enumerate(lines)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# Damaged rows


def test_a_feed_of_which_half_is_cut_off_closes_the_gate_before_a_model_is_asked(
    tmp_path: Path, make_config: Make
) -> None:
    night = make_config()
    cut_off(tmp_path / "feed.jsonl", map(article, range(40)), every=2)
    done = command("run", night)
    assert done.returncode == 3
    assert "20 of 40 rows read are damaged, more than limits.max_failure_ratio = 0.05 allows" in done.stderr
    assert "summarize" not in done.stderr
    reasons = tmp_path / "out" / "night" / ".staging" / "failures.jsonl"
    assert str(reasons.relative_to(tmp_path)) in done.stderr
    kept = [json.loads(line) for line in reasons.read_text(encoding="utf-8").splitlines()]
    assert [(one["kind"], one["damaged"], one["rejected"]) for one in kept] == [("bad_row", True, False)] * 20
    assert versions(night) == []
    assert command("plan", night).returncode == 3


def test_a_csv_whose_rows_gained_a_field_publishes_nothing(tmp_path: Path, make_config: Make) -> None:
    rows = [f"n{number},{article(number)['text'].replace(',', ';')}" for number in range(200)]
    gained = [f"{row},thêm" if number >= 5 else row for number, row in enumerate(rows)]
    (tmp_path / "feed.csv").write_text("\n".join(["id,text", *gained]) + "\n", encoding="utf-8")
    done = command("run", make_config(sources=[{"path": "feed.csv"}]))
    assert done.returncode == 3
    assert "195 of 200 rows read are damaged" in done.stderr


def test_a_few_damaged_rows_are_counted_apart_in_all_that_a_run_says(tmp_path: Path, make_config: Make) -> None:
    night = make_config(metrics="night.prom", on_finish=["sh", "-c", "cat > told.json"])
    cut_off(tmp_path / "feed.jsonl", [article(number) for number in range(60)] + [{"id": "e", "text": ""}], every=30)
    done = command("run", night, "--set", "limits.max_failure_ratio=0.1")
    assert done.returncode == 0, done.stderr
    assert "58 records" in done.stderr
    assert "0 failed, 1 rejected, 2 damaged" in done.stderr
    counts = versions(night)[-1].manifest["counts"]
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    for said in (counts, told["counts"]):
        assert {name: said[name] for name in ("read", "records", "damaged", "rejected", "failures")} == {
            "read": 61, "records": 58, "damaged": 2, "rejected": 1, "failures": 0,
        }  # fmt: skip
    assert 'tomdich_articles{kind="damaged",name="night"} 2.0' in (tmp_path / "night.prom").read_text()
    assert "damaged: bad row" in (versions(night)[-1].folder / "report.html").read_text(encoding="utf-8")


def test_check_reads_a_sample_of_every_file_and_says_what_share_is_damaged(tmp_path: Path, make_config: Make) -> None:
    night = make_config(sources=[{"path": "feeds"}])
    (tmp_path / "feeds").mkdir()
    write_feed(tmp_path / "feeds" / "a.jsonl", map(article, range(40)))
    sound = command("check", night)
    assert sound.returncode == 0, sound.stdout
    assert "1 file, 40 rows: every one can be read" in sound.stdout
    cut_off(tmp_path / "feeds" / "b.jsonl", map(article, range(40, 80)), every=2)
    done = command("check", night)
    assert done.returncode == 2
    assert "2 files, 80 rows: 20 (25%) are damaged; first, bad row: " in done.stdout
    assert "b.jsonl: line 1: " in done.stdout
    most = "more than limits.max_failure_ratio = 0.05 allows; a run would publish nothing"
    assert f"✗ limits: 20 of 80 rows are damaged, {most}" in done.stdout
    lenient = command("check", night, "--set", "limits.max_failure_ratio=0.5")
    assert lenient.returncode == 0, lenient.stdout
    assert "! source " in lenient.stdout
    assert "only a run knows the share of records that fail (max_failure_ratio = 0.5)" in lenient.stdout


def test_check_counts_the_damaged_rows_of_all_sources_as_a_run_does(tmp_path: Path, make_config: Make) -> None:
    write_feed(tmp_path / "a.jsonl", map(article, range(100)))
    cut_off(tmp_path / "b.jsonl", map(article, range(100, 108)), every=2)
    both = make_config(sources=[{"path": "a.jsonl"}, {"path": "b.jsonl"}])
    for name in ("check", "plan"):
        done = command(name, both)
        assert done.returncode == 0, done.stdout + done.stderr
    for name, code in (("check", 2), ("plan", 3)):
        done = command(name, both, "--set", "limits.max_failure_ratio=0.03")
        assert done.returncode == code, done.stdout + done.stderr
        assert "4 of 108 rows" in done.stdout + done.stderr


def test_check_says_of_the_least_number_of_articles_what_a_sample_can_say(tmp_path: Path, make_config: Make) -> None:
    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
    done = command("check", make_config(limits={"min_records": 4, "max_hold_ratio": 0.1}))
    assert done.returncode == 2
    fewer = "the sources hold 3 articles, fewer than limits.min_records = 4; a run would publish nothing"
    assert f"✗ limits: {fewer}" in done.stdout
    assert "(max_failure_ratio = 0.05) and of records that are held back (max_hold_ratio = 0.1)" in done.stdout
    write_feed(tmp_path / "feed.jsonl", map(article, [1, *range(2_000)]))
    for least, mark in ((1_000, "✓"), (3_000, "!")):
        done = command("check", make_config(limits={"min_records": least}))
        assert done.returncode == 0, done.stdout
        known = f"limits.min_records = {least}: a sample of 2000 articles; `tomdich plan` counts"
        assert f"{mark} limits: {known}" in done.stdout
    assert "1 file, a sample of 2000 rows: every one can be read" in done.stdout


def test_check_says_what_share_is_rejected(tmp_path: Path, make_config: Make) -> None:
    night = make_config()
    write_feed(tmp_path / "feed.jsonl", [article(1), {"id": "e", "text": ""}])
    done = command("check", night)
    assert done.returncode == 0, done.stdout
    assert "2 rows: 1 (50%) are rejected; first, empty: " in done.stdout
    write_feed(tmp_path / "feed.jsonl", [{"id": "e", "text": ""}])
    done = command("check", night)
    assert done.returncode == 2
    assert "✗ limits: no article among 1 row; a run would publish nothing" in done.stdout


# Equal ids and equal texts


def test_texts_whose_id_another_text_holds_close_no_gate(tmp_path: Path, make_config: Make) -> None:
    night = make_config(on_same_id="newest")
    feed = [article(number) for number in range(20)] + [article(100 + n) | {"id": f"a{n}"} for n in range(15)]
    write_feed(tmp_path / "feed.jsonl", feed)
    done = command("run", night)
    assert done.returncode == 0, done.stderr
    counts = versions(night)[-1].manifest["counts"]
    assert (counts["records"], counts["failures"]) == (20, 15)
    assert "columns.id" not in done.stderr


def test_an_id_column_that_names_no_article_is_told(tmp_path: Path, make_config: Make) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) | {"id": "thời sự"} for number in range(30)])
    done = command("run", make_config())
    assert (
        "29 of 30 rows have the id of another row: is `columns.id` the column that names each article?" in done.stderr
    )


def test_duplicates_are_listed_with_the_article_that_holds_their_text(tmp_path: Path, make_config: Make) -> None:
    night = make_config()
    write_feed(tmp_path / "feed.jsonl", [article(1), article(2), article(1) | {"id": "copy"}])
    done = command("run", night)
    assert done.returncode == 0, done.stderr
    (duplicate,) = listed(night)
    assert (duplicate["kind"], duplicate["id"], duplicate["source"]["row"]) == ("duplicate", "copy", 2)
    assert "a1" in duplicate["message"]
    counts = versions(night)[-1].manifest["counts"]
    assert (counts["duplicates"], counts["rejected"], counts["failures"]) == (1, 0, 0)
    assert command("run", night, "--only-new").returncode == 0
    assert tomdich("forget", "copy", "--yes", "--outputs", "out", cwd=tmp_path).returncode == 0
    assert listed(night) == []
    assert versions(night)[-1].manifest["counts"]["duplicates"] == 0


# Optional sources


def test_a_feed_that_is_left_out_stands_wherever_a_run_is_told(tmp_path: Path, make_config: Make) -> None:
    night = make_config(
        sources=[{"path": "feed.jsonl"}, {"path": "dead.jsonl", "optional": True}],
        metrics="night.prom",
        on_finish=["sh", "-c", "cat > told.json"],
    )
    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))

    def is_told(done: subprocess.CompletedProcess[str]) -> None:
        assert done.returncode == 0, done.stderr
        (summary,) = [line for line in done.stderr.splitlines() if "; unavailable: " in line]
        assert "dead.jsonl: no such file" in summary
        told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
        assert ["dead.jsonl: no such file" in one for one in told["unavailable"]] == [True]
        assert 'tomdich_unavailable_sources{name="night"} 1.0' in (tmp_path / "night.prom").read_text()

    is_told(command("run", night))
    (one,) = versions(night)[-1].manifest["unavailable"]
    assert one["source"] == str(tmp_path / "dead.jsonl")
    assert "no such file" in one["reason"]
    is_told(command("run", night))  # nothing changed
    quiet = command("run", night, "--only-new")
    is_told(quiet)
    assert "nothing new in what could be read" in quiet.stderr
    assert "every article of the sources is published" not in quiet.stderr
    write_feed(tmp_path / "dead.jsonl", [article(1)])
    whole = command("run", night, "--only-new")
    assert "nothing new: every article of the sources is published" in whole.stderr


def test_damaged_rows_are_not_said_to_be_published(tmp_path: Path, make_config: Make) -> None:
    night = make_config()
    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
    assert command("run", night).returncode == 0
    with (tmp_path / "feed.jsonl").open("a") as feed:
        feed.write('{"id": "a9", "te\n')
    quiet = command("run", night, "--only-new")
    assert quiet.returncode == 0, quiet.stderr
    assert "nothing new in what could be read; 1 damaged; no version was made" in quiet.stderr


@pytest.mark.parametrize("published", [False, True], ids=["nothing published", "published before"])
def test_a_night_on_which_no_feed_was_there_is_no_quiet_night(
    tmp_path: Path, make_config: Make, published: bool
) -> None:
    night = make_config(sources=[{"path": "feed.jsonl", "optional": True}])
    if published:
        write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
        assert command("run", night).returncode == 0
        (tmp_path / "feed.jsonl").unlink()
    done = command("run", night, "--only-new")
    assert done.returncode == 3
    assert "no record is left of 0 read (0 rejected, 0 failed); unavailable: " in done.stderr
    assert "feed.jsonl: no such file" in done.stderr


@pytest.mark.parametrize("published", [False, True], ids=["nothing published", "published before"])
def test_an_empty_feed_is_a_quiet_night_only_where_something_was_published(
    tmp_path: Path, make_config: Make, published: bool
) -> None:
    night = make_config()
    if published:
        write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
        assert command("run", night).returncode == 0
    write_feed(tmp_path / "feed.jsonl", [])
    done = command("run", night, "--only-new")
    assert done.returncode == (0 if published else 3), done.stderr
    assert ("nothing new" in done.stderr) == published


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"keep": ["sectoin"]}, "`keep` asks for 'sectoin', which does not exist; did you mean 'section'?"),
        ({"columns": {"title": "tilte"}}, "`columns.title` asks for 'tilte', which does not exist; did you mean 'title'?"),
        ({"columns": {"text": "body"}}, "`columns.text` asks for 'body', which does not exist"),
        ({"path": "feed.dat"}, "unknown ending"),
        ({"path": "feeds"}, "only "),
        ({"path": "nosuch://feed.jsonl"}, "Protocol not known: nosuch"),
        ({"path": "head.csv"}, "two columns are named 'text'"),
    ],
)  # fmt: skip
def test_optional_does_not_cover_a_mistake_in_the_config(
    tmp_path: Path, make_config: Make, source: dict[str, Any], told: str
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) | {"section": "Thời sự"} for number in range(3)])
    write_feed(tmp_path / "feed.dat", [article(1)])
    (tmp_path / "feeds").mkdir()
    write_feed(tmp_path / "feeds" / "feed.dat", [article(1)])
    (tmp_path / "head.csv").write_text(f"id,text,text\n1,a,{article(1)['text']}\n", encoding="utf-8")
    night = make_config(sources=[{"path": "feed.jsonl", "optional": True} | source])
    for name in ("check", "plan", "run"):
        done = command(name, night)
        assert done.returncode == 2, done.stderr
        assert told in done.stdout + done.stderr


def test_optional_covers_a_file_that_did_not_come_whole(tmp_path: Path, make_config: Make) -> None:
    import gzip

    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress((tmp_path / "feed.jsonl").read_bytes())[:-20])
    night = make_config(sources=[{"path": "feed.jsonl"}, {"path": "cut.jsonl.gz", "optional": True}])
    done = command("run", night)
    assert done.returncode == 0, done.stderr
    assert "; unavailable: " in done.stderr
    assert "cut short" in done.stderr


# The digest of a source


def test_the_digest_of_a_source_is_of_its_content_and_not_of_its_path(tmp_path: Path, make_config: Make) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        cut_off(tmp_path / folder / f"{folder}.jsonl", map(article, range(3)), every=3)
    digests = []
    for folder in ("here", "there"):
        night = make_config(sources=[{"path": f"{folder}/{folder}.jsonl"}])
        assert command("run", night).returncode == 0
        digests.append(versions(night)[-1].manifest["sources"][0]["digest"])
    assert digests[0] == digests[1]
    write_feed(tmp_path / "there" / "there.jsonl", map(article, range(1, 4)))
    assert command("run", night).returncode == 0
    assert versions(night)[-1].manifest["sources"][0]["digest"] != digests[0]
