"""Array jobs: shards of the sources, and the one version that `merge` makes of them."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config as configs
from pipeline import sources
from pipeline.commands import forget as forgetting
from pipeline.config import Config
from pipeline.errors import DifferenceError, GateError, LockedError, StoppedError, TomdichError, UsageError
from pipeline.ids import text_digest
from pipeline.progress import Silent
from pipeline.records import Generation
from pipeline.runner import chain, merging, sharding
from pipeline.runner.options import Outcome, RunOptions
from pipeline.sources.articles import Row
from pipeline.sources.shares import Division
from pipeline.storage import labels, pruning
from pipeline.storage import versions as store
from pipeline.storage.memo import open_memo
from pipeline.storage.published import WITHDRAWN, Withdrawal, withdraw
from pipeline.storage.shards import ENTRIES, EntryFile, Shard, Share, entries, waiting
from pipeline.storage.versions import Version
from tests.conftest import article, tomdich_in_process, write_feed


@dataclass
class Job:
    """A config on the fake engine, run whole and as an array job, in this process."""

    load: Callable[..., Config]
    folder: Path
    shards: int = 3
    fields: dict[str, Any] | None = None

    @property
    def config(self) -> Config:
        return self.load(**(self.fields or {}))

    @property
    def outputs(self) -> Path:
        return self.folder / "many"

    def whole(self) -> Version:
        outcome = chain.run(self.config, options=RunOptions(outputs=self.folder / "one"), progress=Silent())
        assert outcome.version is not None
        return outcome.version

    def shard(self, number: int, **options: Any) -> Version:
        asked = RunOptions(outputs=self.outputs, shard=Share(self.shards, number), **options)
        outcome = sharding.run(self.config, options=asked, progress=Silent())
        assert outcome.version is not None
        return outcome.version

    def all_shards(self, **options: Any) -> None:
        for number in range(1, self.shards + 1):
            self.shard(number, **options)

    def merge(self, **options: Any) -> Outcome:
        asked = RunOptions(outputs=self.outputs, **options)
        return merging.merge("night", shards=self.shards, options=asked, progress=Silent())

    def merged(self) -> Version:
        version = self.merge().version
        assert version is not None
        return version

    def published(self) -> list[Version]:
        return store.versions(self.outputs / "night")


@pytest.fixture
def job(tmp_path: Path, load_config: Callable[..., Config]) -> Job:
    return Job(load_config, tmp_path)


def feed(job: Job, count: int) -> list[dict[str, Any]]:
    """Write a feed with duplicates, equal ids, refusals, rejected and damaged rows, in an order of its own."""
    chance = random.Random(17)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        row = article(number) | {"published": f"2026-11-{chance.randrange(1, 29):02}", "topic": f"t{number % 3}"}
        match number % 11:
            case 3:
                row["text"] = article(chance.randrange(number))[
                    "text"
                ]  # perhaps a duplicate, perhaps of nobody any more
            case 5:
                row["id"] = f"a{chance.randrange(number)}"
            case 7:
                row["text"] = f"fake:refuse {row['text']}"
            case 9:
                row["text"] = "Ngắn."
        rows.append(row)
    write_feed(job.folder / "feed.jsonl", rows)
    return rows


def facts(version: Version) -> dict[str, bytes]:
    """Return what a merge must make byte for byte: all but the log, times, the calls that it took, and the name."""
    found = {
        str(path.relative_to(version.folder)): path.read_bytes()
        for path in sorted(version.folder.rglob("*"))
        if path.is_file() and path.name not in {"log.jsonl", "manifest.json"}
    }
    report = re.sub(rb"<time .*?</time>|<dt>Time</dt>.*|<td [^>]*data-label=.calls.>.*", b"", found["report.html"])
    found |= {"report.html": report, "README.md": found["README.md"].replace(version.folder.name.encode(), b"VERSION")}
    manifest = {
        name: value
        for name, value in version.manifest.items()
        # what it took, and where
        if name not in {"version", "files", "timings", "opening", "calls", "shards", "environment", "drift"}
    }
    return found | {"manifest.json": json.dumps(manifest, ensure_ascii=False, indent=1).encode()}


def assert_equal(one: Version, other: Version) -> None:
    before, after = facts(one), facts(other)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []
    store.verify(other)


LIMITS = {"max_failure_ratio": 0.9}


@pytest.mark.parametrize("on_same_id", ["error", "newest"])
@pytest.mark.parametrize("shards", [1, 3, 7])
def test_merged_shards_are_the_version_of_a_run_without_shards(job: Job, on_same_id: str, shards: int) -> None:
    job.shards, job.fields = shards, {"on_same_id": on_same_id, "limits": LIMITS}
    feed(job, 120)
    whole = job.whole()
    job.all_shards()
    assert not job.published()  # until the merge
    assert not (job.outputs / "night" / "latest").exists()
    merged = job.merged()
    assert_equal(whole, merged)
    counts = whole.manifest["counts"]
    assert all(counts[name] for name in ("duplicates", "rejected", "failures", "records"))
    assert (job.outputs / "night" / "latest").resolve() == merged.folder


def test_shards_of_every_kind_of_source_merge_into_the_version_of_a_run_without_shards(job: Job) -> None:
    rows = [article(number) | {"topic": f"t{number % 3}"} for number in range(60)]
    folder = job.folder
    write_feed(folder / "feed.jsonl", [*rows[:15], rows[2] | {"id": ""}])
    with (folder / "feed.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"id": "cut\n')
    table = pa.Table.from_pylist([{name: row[name] for name in ("id", "title", "text")} for row in rows[10:34]])
    pq.write_table(table, folder / "groups.parquet", row_group_size=1)
    pq.write_table(table.slice(3), folder / "rows.parquet")
    (folder / "table.csv").write_text(
        "id,text\n" + "".join(f'{row["id"]},"{row["text"]}"\n' for row in rows[30:40]), encoding="utf-8"
    )
    (folder / "pages").mkdir()
    for number, row in enumerate(rows[36:44]):
        (folder / "pages" / f"{number}.txt").write_text(f"{row['title']}\n\n{row['text']}", encoding="utf-8")
    (folder / "days").mkdir()
    for number, row in enumerate(rows[40:]):  # too few for whole files
        write_feed(folder / "days" / f"{number:02}.jsonl", [row])
    (folder / "archive").mkdir()
    for number in range(70):  # enough for whole files
        write_feed(folder / "archive" / f"{number:02}.jsonl", [article(100 + number)])
    paths = ["feed.jsonl", "groups.parquet", "rows.parquet", "table.csv", "pages", "days", "archive"]
    places = [{"path": path} for path in paths] + [{"path": "absent.jsonl", "optional": True}]
    job.shards, job.fields = 2, {"sources": places, "limits": LIMITS}
    whole = job.whole()
    job.all_shards()
    assert_equal(whole, job.merged())
    assert len(whole.manifest["unavailable"]) == 1


def test_a_run_without_shards_finds_the_merged_version_and_its_answers(job: Job) -> None:
    feed(job, 30)
    job.fields = {"limits": LIMITS}
    write_feed(job.folder / "feed.jsonl", map(article, range(30)))
    job.all_shards()
    merged = job.merged()
    again = chain.run(job.config, options=RunOptions(outputs=job.outputs), progress=Silent())
    assert (again.version, again.published) == (merged, False)
    forced = chain.run(job.config, options=RunOptions(outputs=job.outputs, force=True), progress=Silent()).version
    assert forced is not None
    assert {stage["computed"] for stage in forced.manifest["calls"].values()} == {0}
    assert not list((job.outputs / "night" / ".shards").rglob("*.sqlite"))


def test_a_shard_takes_what_the_memo_of_earlier_runs_knows(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(12)))
    chain.run(job.config, options=RunOptions(outputs=job.outputs), progress=Silent())
    write_feed(job.folder / "feed.jsonl", map(article, range(14)))
    job.all_shards()
    assert job.merged().manifest["calls"]["summarize"] == {"computed": 2, "replayed": 12}


def test_merging_again_what_did_not_change_publishes_nothing(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    first = job.merged()
    job.all_shards()
    outcome = job.merge()
    assert (outcome.version, outcome.published) == (first, False)
    job.all_shards()
    again = job.merge(force=True, tags=("archive",)).version
    assert again is not None
    assert again != first
    assert labels.read(again).tags == ("archive",)


def test_what_editors_rejected_and_what_is_held_is_merged_as_in_a_run_without_shards(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    translate = {"model": "fake", "engine": "fake", "corrections": "corrections.jsonl"}
    limits = {"max_hold_ratio": 1.0}
    job.fields = {"translate": translate, "inspect": {"hold": ["vietnamese_left"]}, "limits": limits}
    (job.folder / "corrections.jsonl").touch()
    row = pq.read_table(job.whole().folder / "data").to_pylist()[4]
    decision = {"action": "reject", "id": row["id"], "text_sha256": row["text_sha256"], "reason": "no news"}
    line = json.dumps(decision | {"by": "Mai", "at": "2026-11-23T08:00:00+07:00"})
    (job.folder / "corrections.jsonl").write_text(line + "\n", encoding="utf-8")
    whole = job.whole()
    job.all_shards()
    assert_equal(whole, job.merged())
    counts = whole.manifest["counts"]
    assert (counts["records"], counts["held"], counts["rejected_by_editor"]) == (8, 8, 1)


def test_too_many_held_records_of_all_shards_are_a_closed_gate_that_lists_them(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(60)))
    job.fields = {"inspect": {"hold": ["vietnamese_left"]}, "limits": {"max_hold_ratio": 0.5}}
    job.all_shards()
    with pytest.raises(GateError, match=r"60 of 60 records.*(/\S*held\.jsonl)") as refused:
        job.merge()
    listed = re.findall(r"/\S*held\.jsonl", str(refused.value))
    assert len(Path(listed[0]).read_text("utf-8").splitlines()) == 60
    assert not job.published()


def test_shards_that_called_no_model_are_merged_without_a_memo(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards(until="load")
    assert job.merged().manifest["counts"]["records"] == 6
    assert not list(job.outputs.rglob("memo.sqlite"))


def test_the_memo_of_a_shard_that_is_lost_or_cannot_be_read_keeps_no_version_back(
    job: Job, messages: list[str]
) -> None:
    """What the others hold is moved in the first case; in the second it stays where it is."""
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    shards = [Shard(job.outputs / "night", Share(3, number)) for number in (1, 2, 3)]
    shutil.rmtree(shards[1].memo)
    assert job.merge().published
    assert not any(shard.memo.exists() for shard in shards)
    with open_memo(job.outputs / ".memo") as memo:
        assert 0 < memo.size() < 18
    job.all_shards()
    assert all(shard.has_memo for shard in shards)
    (shards[1].memo / "memo.sqlite").unlink()
    (shards[1].memo / "memo.sqlite").mkdir()
    assert job.merge(force=True).published
    assert "the calls stay in the memos of the shards, which the next run of each shard reads" in messages[-1]
    assert all(shard.has_memo for shard in shards)
    assert not any(shard.version() for shard in shards)


def test_a_merge_that_is_stopped_keeps_its_shards(job: Job) -> None:
    class Merging(Silent):
        here = False

        def begin(self, stage: str, _total: int | None) -> None:
            self.here = stage == "merge"

    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    progress = Merging()
    options = RunOptions(outputs=job.outputs, stopping=lambda: "stopped by SIGTERM" if progress.here else None)
    with pytest.raises(StoppedError, match=r"^night: stopped by SIGTERM while merging; run it again"):
        merging.merge("night", shards=3, options=options, progress=progress)
    assert not job.published()
    assert job.merge().published


def test_a_merge_of_many_shards_raises_the_limit_of_open_files(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (260, before[1]))
    try:
        assert job.merge().published
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (268, before[1])  # 256, and 4 for each shard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# What is refused


def test_a_missing_shard_is_named_and_nothing_is_published(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.shard(2)
    with pytest.raises(
        UsageError, match=r"2 of 3 shards have no result[^\n]*--shard 1/3`[^\n]*\n  shard 1/3: has not"
    ) as refused:
        job.merge()
    assert "shard 3/3: has not been run" in str(refused.value)
    assert not job.published()
    job.shard(1)
    job.shard(3)
    assert job.merge().published


def test_a_shard_that_was_stopped_is_named_with_the_reason(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    with pytest.raises(StoppedError):
        job.shard(2, deadline=0.0)
    with pytest.raises(UsageError, match=r"shard 2/3: stopped at the deadline of 0 s"):  # and no older result of it
        job.merge()
    job.shard(2)
    assert job.merge().published


def test_a_shard_that_fails_is_named_with_the_reason(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", [article(0) | {"text": "fake:lost " + article(0)["text"]}])
    failed = 0
    for number in range(1, 4):
        try:
            job.shard(number)
        except TomdichError:
            failed += 1
    assert failed == 1
    with pytest.raises(UsageError, match=r"shard \d/3: fake: the fake engine is lost"):
        job.merge()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"exclude": {"under_syllables": 6}}, r"of different recipes.*\n  shards 1/3, 2/3: \w{8}\n  shard 3/3: \w{8}$"),
        ({"timezone": "UTC"}, r"of different configs"),
        ({"limits": {"max_failure_ratio": 0.5}}, r"of different configs"),
    ],
)
def test_shards_of_different_configs_are_refused(job: Job, change: dict[str, Any], said: str) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    edition = date(2026, 11, 23)  # the day of two time zones is not always the same
    job.all_shards(edition=edition)
    job.fields = change
    job.shard(3, edition=edition)
    with pytest.raises(UsageError, match=said):
        job.merge()
    assert not job.published()


def test_shards_of_other_devices_and_memos_are_of_one_job(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    job.fields = {"runtime": {"threads": 2}, "memo": "elsewhere"}
    job.shard(3)
    assert job.merge().published


def test_shards_of_different_editions_and_stages_are_refused(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards(edition=date(2026, 11, 23))
    job.shard(3, edition=date(2026, 11, 24))
    with pytest.raises(UsageError, match=r"different editions.*--edition\n.*2026-11-23\n  shard 3/3: 2026-11-24"):
        job.merge()
    job.shard(3, edition=date(2026, 11, 23), until="summarize")
    with pytest.raises(UsageError, match=r"different (recipes|stages)"):
        job.merge()
    job.all_shards(edition=date(2026, 11, 23), until="summarize")
    version = job.merged()
    assert (version.manifest["scope"], version.manifest["edition"]) == ("until", "2026-11-23")


def test_shards_that_read_other_bytes_or_other_files_are_refused(job: Job) -> None:
    job.fields = {"sources": [{"path": "feeds"}]}
    (job.folder / "feeds").mkdir()
    write_feed(job.folder / "feeds" / "a.jsonl", map(article, range(6)))
    job.all_shards()
    text = (job.folder / "feeds" / "a.jsonl").read_text("utf-8")
    (job.folder / "feeds" / "a.jsonl").write_text(text.replace("trồng rừng", "trồng rựng"), encoding="utf-8")
    job.shard(2)
    with pytest.raises(UsageError, match=r"a\.jsonl: was another file for shard 2/3 than for shard 1/3; nothing"):
        job.merge()
    write_feed(job.folder / "feeds" / "b.jsonl", map(article, range(9)))
    job.shard(2)
    with pytest.raises(
        UsageError, match=r"found different files at .*feeds; nothing.*\n  shards 1/3, 3/3.*\n  shard 2/3"
    ):
        job.merge()
    assert not job.published()


def test_a_damaged_shard_is_named(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    (entries,) = (job.outputs / "night" / ".shards" / "2-of-3").rglob("entries.jsonl")
    entries.write_bytes(entries.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(DifferenceError, match=r"2-of-3.*entries\.jsonl: changed"):
        job.merge()
    assert not job.published()


def test_a_shard_that_was_run_again_since_the_merge_waits_for_the_others(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    job.merged()
    job.shard(2)
    with pytest.raises(UsageError, match=r"2 of 3 shards have no result.*\n  shard 1/3: has not"):
        job.merge()
    assert len(job.published()) == 1
    assert Shard(job.outputs / "night", Share(3, 2)).version() is not None


def test_an_article_whose_withdrawal_was_taken_back_needs_its_shard_again(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    job.outputs.mkdir()
    withdraw(job.outputs, Withdrawal("2026-11-26T00:00:00+00:00", text_digest("a4"), (), None, ("night",)))
    job.all_shards()
    (job.outputs / WITHDRAWN).unlink()
    with pytest.raises(UsageError, match=r"shard \d/3 did not summarize the article a4.*; run that shard again"):
        job.merge()
    assert not job.published()
    job.all_shards()
    assert job.merged().manifest["counts"]["records"] == 9


@pytest.mark.parametrize("damage", [lambda line: line[:40] + b"\n", lambda line: line.replace(b'"file"', b'"fill"')])
def test_an_entry_that_cannot_be_read_is_damage_of_its_shard(job: Job, damage: Callable[[bytes], bytes]) -> None:
    """Also where the file changes after `merge` has compared its digest."""
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    version = job.shard(2)
    path = version.folder / ENTRIES
    first, *others = path.read_bytes().splitlines(keepends=True)
    assert len(list(entries(version))) == 1 + len(others) > 1
    path.write_bytes(b"".join([first, *map(damage, others)]))
    said = r"2-of-3.*entries\.jsonl: cannot be read: .*; run the shard again"
    with pytest.raises(DifferenceError, match=said):
        list(entries(version))
    with EntryFile(version) as file:
        assert file.at(0).read
        with pytest.raises(DifferenceError, match=said):
            file.at(len(first))


def test_a_shard_that_is_running_is_waited_for_or_named(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.all_shards()
    shard = Shard(job.outputs / "night", Share(3, 2))
    with store.locked(shard.folder.parent, shard.name, wait=0.0):
        with pytest.raises(LockedError, match="2-of-3: another run holds"):
            job.merge()
        with pytest.raises(LockedError, match="2-of-3"):
            job.shard(2)
        job.shard(1)  # the others do not wait for each other
    with store.locked(job.outputs, "night", wait=0.0):
        job.shard(3)  # nor for a run of the name
        with pytest.raises(LockedError, match="night: another run holds"):
            job.merge()
    assert job.merge().published


def test_the_gates_wait_for_the_merge_and_see_the_whole(job: Job) -> None:
    rows = [article(number) for number in range(60)]
    for row in rows[:30:2]:
        row["text"] = f"fake:refuse {row['text']}"
    write_feed(job.folder / "feed.jsonl", rows)
    job.all_shards()
    with pytest.raises(GateError, match=r"15 of 60 records failed.*the reasons are in (.*failures\.jsonl)"):
        job.merge()
    assert not job.published()
    listed = (job.outputs / "night" / ".staging" / "failures.jsonl").read_text("utf-8").splitlines()
    assert len(listed) == 15
    job.fields = {"limits": {"min_records": 61}}
    job.all_shards()
    with pytest.raises(GateError, match=r"fewer than limits\.min_records = 61"):
        job.merge()


@pytest.mark.parametrize("options", [{"limit": 3}, {"only_new": True}, {"publish_partial": True}, {"revise": True}])
def test_a_shard_with_an_option_of_the_whole_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--shard leaves what is published to `tomdich merge`"):
        RunOptions(outputs=tmp_path, shard=Share(3, 1), **options)


@pytest.mark.parametrize("options", [{"force": True}, {"tags": ("draft",)}, {"note": "a draft"}])
def test_a_shard_with_an_option_of_the_version_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="give --force, --tag and --note to `tomdich merge`"):
        RunOptions(outputs=tmp_path, shard=Share(3, 1), **options)


def test_standard_input_cannot_be_shared(job: Job) -> None:
    job.fields = {"sources": [{"path": "-"}]}
    with pytest.raises(UsageError, match="standard input can be read by one job only"):
        job.shard(1)


# After a kill


def test_a_merge_that_was_killed_while_it_removed_its_shards_is_completed(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    job.all_shards()
    shutil.copytree(job.outputs, job.folder / "backup", symlinks=True)
    first = job.merged()
    shards = job.outputs / "night" / ".shards"
    for name in ("2-of-3", "3-of-3"):  # as they were before
        shutil.rmtree(shards / name)
        shutil.copytree(job.folder / "backup" / "night" / ".shards" / name, shards / name)
    outcome = job.merge()
    assert (outcome.version, outcome.published) == (first, False)
    assert not list(shards.rglob("manifest.json"))
    with pytest.raises(UsageError, match="3 of 3 shards have no result"):  # there is nothing to merge any more
        job.merge()


def test_a_shard_is_replaced_by_its_next_run(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    job.shard(1)
    second = job.shard(1)
    assert [version.folder for version in store.versions(second.folder.parent)] == [second.folder]
    assert {stage["computed"] for stage in second.manifest["calls"].values()} == {0}


# The division


@given(st.lists(st.text(max_size=5), max_size=60), st.integers(1, 9))
def test_every_row_belongs_to_one_shard_wherever_it_stands(ids: list[str], of: int) -> None:
    source = configs.Source(path="feed.jsonl")
    shares = [Share(of, number) for number in range(1, of + 1)]
    owners = [Division(share).owner(source) for share in shares]

    def owned_by(index: int, id_: str) -> list[int]:
        row = Row(index, "", {"id": id_, "text": f"văn bản {id_}"})
        return [number for number, owns in enumerate(owners) if owns is not None and owns(row)]

    for index, id_ in enumerate(ids):
        (owner,) = owned_by(index, id_)
        assert owned_by(index + 7, id_) == [owner]


def test_shards_are_of_like_size() -> None:
    owns = Division(Share(16, 3)).owner(configs.Source(path="feed.jsonl"))
    assert owns is not None
    count = sum(
        owns(Row(index, "", {"id": f"https://bao.vn/bai-{index}.html", "text": "x"})) for index in range(16_000)
    )
    assert 900 < count < 1100


def test_of_many_files_a_shard_opens_its_own_only(tmp_path: Path) -> None:
    for number in range(64):
        write_feed(tmp_path / f"{number}.jsonl", [article(number)])
    source, exclude = configs.Source(path=str(tmp_path)), configs.Exclude(under_syllables=5)
    read: Counter[str] = Counter()
    ids: list[str] = []
    for number in (1, 2):
        files: list[sources.SourceFile] = []
        found = sources.read(source, exclude=exclude, on_file=files.append, division=Division(Share(2, number)))
        ids += [record.id for record in found]
        read.update(file.path for file in files)
    assert set(read.values()) == {1}
    assert len(read) == 64
    assert sorted(ids) == sorted(f"a{number}" for number in range(64))


def test_of_a_parquet_file_of_many_row_groups_a_shard_decodes_its_own_only(tmp_path: Path) -> None:
    rows = [{name: article(number)[name] for name in ("id", "title", "text")} for number in range(48)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=3)
    damaged = bytearray((tmp_path / "a.parquet").read_bytes())
    column = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(1).column(2)
    at, size = column.dictionary_page_offset or column.data_page_offset, column.total_compressed_size
    damaged[at : at + size] = bytes(size)  # of the second group, which the first of two shards does not read
    (tmp_path / "a.parquet").write_bytes(damaged)
    source, exclude = configs.Source(path=str(tmp_path / "a.parquet")), configs.Exclude(under_syllables=5)
    first = Division(Share(2, 1))
    read = list(sources.read(source, exclude=exclude, on_file=lambda _: None, division=first))
    assert [record.source.row for record in read] == [row for row in range(48) if row // 3 % 2 == 0]
    with pytest.raises(TomdichError):
        list(sources.read(source, exclude=exclude, on_file=lambda _: None, division=Division(Share(2, 2))))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "1/10001", "-1/4", "1/4/2"])
def test_a_share_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write 3/16 for the third of 16"):
        Share.parse(text)


def test_a_share_is_written_as_it_is_read() -> None:
    assert str(Share.parse("3/16")) == "3/16"
    assert Shard(Path("out/night"), Share.parse("3/16")).folder == Path("out/night/.shards/03-of-16")


# The memo of a shard


def test_a_memo_of_one_process_uses_no_shared_memory(tmp_path: Path) -> None:
    with open_memo(tmp_path / "alone", alone=True) as memo:
        memo.calls({"engine": "fake"}).put("một", Generation("one", 1, 0, 1, finished=True, score=None))
        assert not list((tmp_path / "alone").glob("*-shm"))
    with open_memo(tmp_path / "shared") as memo:
        memo.calls({"engine": "fake"}).put("một", Generation("one", 1, 0, 1, finished=True, score=None))
        assert list((tmp_path / "shared").glob("*-shm"))


def test_a_memo_on_a_network_is_for_one_process_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.storage.memo.file_system", lambda _: "nfs4")
    with pytest.raises(TomdichError, match="network file system"):
        open_memo(tmp_path)
    with open_memo(tmp_path, alone=True) as memo:
        assert memo.size() == 0


def test_a_memo_takes_the_calls_of_another_and_keeps_its_own(tmp_path: Path) -> None:
    def said(text: str) -> Generation:
        return Generation(text, 1, 0, 1, finished=True, score=-0.5)

    with open_memo(tmp_path / "one") as one, open_memo(tmp_path / "two") as two:
        one.calls({"engine": "a"}).put("một", said("its own"))
        one.calls({"engine": "a"}).put("hai", said("two"))
        for number in range(5_000):
            two.calls({"engine": "b"}).put(f"text {number}", said(f"answer {number}"))
        two.calls({"engine": "a"}).put("một", said("another"))
        assert one.absorb(two) == 5_000
        assert one.calls({"engine": "a"}).get("một") == said("its own")
        assert one.calls({"engine": "b"}).get("text 4321") == said("answer 4321")
        assert one.absorb(two) == 0
    connection = sqlite3.connect(tmp_path / "one" / "memo.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


# Withdrawn articles, and what is left over


def test_an_article_that_is_forgotten_is_in_no_shard_and_not_in_the_merged_version(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    job.all_shards()
    text = article(4)["text"].encode()

    def holds() -> list[Path]:
        files = (path for path in job.outputs.rglob("*") if path.is_file())
        return [path for path in files if text in path.read_bytes() or b'"a4"' in path.read_bytes()]

    assert holds()
    found = forgetting.forget(job.outputs, "a4", delete=False, wait=0.0)
    (removed,) = found.shards
    assert found.calls >= 3  # summary, title, sentence; the fake engine gives no score that tells them from others
    assert holds()
    forgetting.forget(job.outputs, "a4", delete=True, wait=0.0)
    assert holds() == []
    with pytest.raises(UsageError, match=rf"shard {removed.shard.share}: held an article that was withdrawn"):
        job.merge()
    job.shard(removed.shard.share.number)
    version = job.merged()
    assert [row["id"] for row in pq.read_table(version.folder / "data").to_pylist()] == [
        f"a{n}" for n in range(9) if n != 4
    ]
    assert version.manifest["counts"]["rejected"] == 1
    assert holds() == []


def test_an_article_is_forgotten_beside_a_shard_that_has_no_result(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    job.all_shards()
    with pytest.raises(StoppedError):
        job.shard(2, deadline=0.0)
    found = forgetting.forget(job.outputs, "a5", delete=True, wait=0.0)
    assert [str(one.shard.share) for one in found.shards] in (["1/3"], ["3/3"])
    text = article(5)["text"].encode()
    assert [path for path in job.outputs.rglob("*") if path.is_file() and text in path.read_bytes()] == []


def test_a_forgotten_article_does_not_return_from_a_shard_that_had_read_it(job: Job) -> None:
    """It was withdrawn from the versions of an earlier run; the shards were begun before that."""
    write_feed(job.folder / "feed.jsonl", map(article, range(9)))
    chain.run(job.config, options=RunOptions(outputs=job.outputs), progress=Silent())
    job.all_shards()
    shutil.copytree(job.outputs / "night" / ".shards", job.folder / "shards")
    forgetting.forget(job.outputs, "a4", delete=True, wait=0.0)
    shutil.rmtree(job.outputs / "night" / ".shards")
    shutil.copytree(job.folder / "shards", job.outputs / "night" / ".shards")  # as from a copy of the node
    version = job.merge(force=True).version
    assert version is not None
    assert "a4" not in {row["id"] for row in pq.read_table(version.folder / "data").to_pylist()}


def test_shards_that_nobody_merged_are_listed_and_pruned_by_age(job: Job) -> None:
    write_feed(job.folder / "feed.jsonl", map(article, range(6)))
    job.shard(1)
    job.shard(3)
    assert waiting(job.outputs / "night") == ["night: 2 of 3 shards wait for `tomdich merge night --shards 3`"]
    done = tomdich_in_process("runs", "--outputs", job.outputs, cwd=job.folder)
    assert (done.returncode, done.stderr) == (0, "night: 2 of 3 shards wait for `tomdich merge night --shards 3`\n")
    assert pruning.prune_shards(job.outputs, "night", older_than=timedelta(days=1), delete=True, wait=0.0) == []
    for path in (job.outputs / "night" / ".shards").rglob("*"):
        os.utime(path, (0, 0))
    done = tomdich_in_process("prune", "night", "--older-than", "1d", "--outputs", job.outputs, cwd=job.folder)
    assert re.findall(r"would delete shard (\d/3) of night", done.stdout) == ["1/3", "3/3"]
    assert waiting(job.outputs / "night")
    tomdich_in_process("prune", "night", "--older-than", "1d", "--yes", "--outputs", job.outputs, cwd=job.folder)
    assert waiting(job.outputs / "night") == []
    assert not list((job.outputs / "night").rglob("memo.sqlite"))


# The command line


def test_the_command_line_runs_shards_and_merges_them(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    config = make_config(on_finish=["sh", "-c", "cat >>finished.jsonl"], metrics="night.prom")
    write_feed(tmp_path / "feed.jsonl", map(article, range(6)))
    for number in (1, 2):
        done = tomdich_in_process("run", config, "--shard", f"{number}/2", "--outputs", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"shard {number}/2: " in done.stderr
        assert "`tomdich merge night --shards 2` publishes all shards" in done.stderr
    assert not (tmp_path / "finished.jsonl").exists()  # the merge tells how the whole ended
    done = tomdich_in_process("merge", "night", "--shards", "3", "--outputs", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "3 of 3 shards have no result" in done.stderr
    done = tomdich_in_process("merge", "night", "--shards", "2", "--outputs", "out", "--show", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "published: 6 records" in done.stderr
    (ending,) = map(json.loads, (tmp_path / "finished.jsonl").read_text("utf-8").splitlines())
    assert (ending["exit"], ending["reason"], ending["counts"]["records"]) == (0, "published", 6)
    assert 'tomdich_last_exit_code{name="night"} 0' in (tmp_path / "night.prom").read_text("utf-8")
    written = (tmp_path / "out" / "night" / "latest" / "config.yaml").read_text("utf-8")
    assert "on_finish" not in written
    assert "path: ../../../feed.jsonl" in written  # as that of a run: relative to the version


def test_a_range_of_editions_cannot_be_sharded(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    config = make_config(sources=[{"path": "{edition}.jsonl"}])
    days = "2026-11-20..2026-11-22"
    done = tomdich_in_process("run", config, "--shard", "1/2", "--edition", days, cwd=tmp_path)
    assert (done.returncode, "a shard is of one day" in done.stderr) == (2, True)
