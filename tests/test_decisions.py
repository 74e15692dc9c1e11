"""The decisions an editor makes in the report apply to the next run: summaries, rejections, releases from hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.ids import text_digest
from tests.conftest import article, tomdich, write_feed

FEED = [article(number) for number in range(4)]
AT = "2026-11-23T08:00:00+07:00"
FAKE = {"model": "fake", "engine": "fake"}


class Newsroom:
    """A config on the fake engine whose checks hold every record back, its feed and its corrections file."""

    def __init__(self, folder: Path, make_config: Callable[..., Path]) -> None:
        self.folder = folder
        make_config(translate=FAKE | {"corrections": "corrections.jsonl"}, inspect={"hold": ["vietnamese_left"]})
        self.decide()
        self.feed(FEED)

    def feed(self, articles: list[dict[str, Any]]) -> None:
        write_feed(self.folder / "feed.jsonl", articles)

    def decide(self, *lines: dict[str, Any]) -> None:
        text = "".join(json.dumps({"by": "Mai", "at": AT} | line, ensure_ascii=False) + "\n" for line in lines)
        (self.folder / "corrections.jsonl").write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> str:
        done = tomdich(*arguments, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def run(self) -> dict[str, dict[str, Any]]:
        """Run the config and return the published rows by id."""
        self.command("run", "night.yaml")
        return {row["id"]: row for row in pq.read_table(self.latest / "data").to_pylist()}

    @property
    def latest(self) -> Path:
        return self.folder / "outputs" / "night" / "latest"

    @property
    def manifest(self) -> dict[str, Any]:
        found = json.loads((self.latest / "manifest.json").read_text("utf-8"))
        assert isinstance(found, dict)
        return found

    def failures(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.latest / "failures.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def newsroom(tmp_path: Path, make_config: Callable[..., Path]) -> Newsroom:
    return Newsroom(tmp_path, make_config)


def flag(row: dict[str, Any], check: str) -> dict[str, Any]:
    (found,) = (flag for flag in row["flags"] if flag["check"] == check)
    assert isinstance(found, dict)
    return found


def release(row: dict[str, Any]) -> dict[str, Any]:
    """Return the line that the page writes for a record on hold."""
    names = ("check", "field", "expected", "found", "message")
    errors = [flag for flag in row["flags"] if flag["severity"] == "error"]
    about = {name: row[name] for name in ("id", "text_sha256")}
    return about | {"action": "release", "flags": [{name: flag[name] for name in names} for flag in errors]}


def test_an_editors_summary_replaces_the_models_and_is_translated(newsroom: Newsroom) -> None:
    machine = newsroom.run()["a1"]
    assert any(flag["check"] == "unfinished" for flag in machine["flags"])
    about = {"action": "summary", "id": "a1", "text_sha256": machine["text_sha256"]}
    newsroom.decide(about | {"vi": "Tỉnh trồng rừng.\n Dân mừng 12345 lần."})
    assert "summaries: 1" in newsroom.command("check", "night.yaml")
    newsroom.command("plan", "night.yaml")
    rows = newsroom.run()
    row = rows["a1"]
    assert row["summary"] == "Tỉnh trồng rừng. Dân mừng 12345 lần."
    assert [one["summary"] for one in row["sentences"]] == ["Tỉnh trồng rừng.", "Dân mừng 12345 lần."]
    assert [one["translation"] for one in row["sentences"]] == ["Tỉnh trồng rừng.", "Dân mừng 12345 lần."]  # the fake's
    by_her = flag(row, "corrected")
    assert (by_her["field"], by_her["found"]) == ("summary", machine["summary"])
    assert by_her["message"] == f"summary written by Mai, {AT}"
    # the length limit stopped the model's summary, not hers; that her number is not in the article is a note
    assert not any(flag["check"] == "unfinished" for flag in row["flags"])
    of_hers = [flag for flag in row["flags"] if flag["field"] == "summary"]
    assert "number" in {flag["check"] for flag in of_hers}
    assert {flag["severity"] for flag in of_hers} == {"note"}
    assert rows["a2"]["summary"] == newsroom.run()["a2"]["summary"]
    calls = newsroom.manifest["calls"]
    assert (calls["summarize"]["computed"], calls["translate"]["computed"]) == (0, 2)


def test_a_rejected_article_is_listed_with_the_editors_name_and_not_published(newsroom: Newsroom) -> None:
    row = newsroom.run()["a2"]
    newsroom.decide(
        {"action": "reject", "id": "a2", "text_sha256": row["text_sha256"], "reason": "off topic"},
        {"action": "reject", "id": "a9", "text_sha256": "0" * 64},  # of another night
    )
    assert set(newsroom.run()) == {"a0", "a1", "a3"}
    (line,) = newsroom.failures()
    assert (line["id"], line["stage"], line["kind"], line["rejected"]) == ("a2", "load", "by_editor", True)
    assert line["message"] == f"rejected by Mai, {AT}: off topic"
    counts = newsroom.manifest["counts"]
    assert (counts["rejected"], counts["rejected_by_editor"], counts["failures"], counts["read"]) == (1, 1, 0, 4)
    assert "rejected: by editor" in (newsroom.latest / "report.html").read_text("utf-8")


def test_the_same_text_under_another_id_is_rejected_too(newsroom: Newsroom) -> None:
    newsroom.feed([*FEED, FEED[2] | {"id": "copy"}])
    row = newsroom.run()["a2"]
    newsroom.decide({"action": "reject", "id": "a2", "text_sha256": row["text_sha256"]})
    assert set(newsroom.run()) == {"a0", "a1", "a3"}
    assert [line["id"] for line in newsroom.failures()] == ["a2", "copy"]


def test_a_rejection_does_not_close_the_gate_on_a_dying_feed(
    newsroom: Newsroom, make_config: Callable[..., Path]
) -> None:
    row = newsroom.run()["a2"]
    newsroom.decide({"action": "reject", "id": "a2", "text_sha256": row["text_sha256"]})
    make_config(translate=FAKE | {"corrections": "corrections.jsonl"}, limits={"min_records": 4})
    assert len(newsroom.run()) == 3


def test_a_released_record_is_not_on_hold_and_names_the_editor(newsroom: Newsroom) -> None:
    rows = newsroom.run()
    assert {row["status"] for row in rows.values()} == {"hold"}
    newsroom.decide(release(rows["a1"]))
    released = newsroom.run()
    assert {name: row["status"] for name, row in released.items()} == {
        "a0": "hold", "a1": "ok", "a2": "hold", "a3": "hold",
    }  # fmt: skip
    assert newsroom.manifest["counts"]["held"] == 3
    assert flag(released["a1"], "released")["message"] == f"released from hold by Mai, {AT}"
    errors = [flag for flag in released["a1"]["flags"] if flag["severity"] == "error"]
    assert errors  # what was found stays found
    assert newsroom.command("show", "night", "--hold").count("a1") == 0


def test_a_release_covers_only_the_flags_that_the_editor_saw(newsroom: Newsroom) -> None:
    line = release(newsroom.run()["a1"])
    newsroom.decide(line | {"flags": line["flags"][:1]})
    assert newsroom.run()["a1"]["status"] == "hold"


def test_a_decision_on_an_earlier_text_is_not_applied_and_says_so(newsroom: Newsroom) -> None:
    rows = newsroom.run()
    about = {name: {"id": name, "text_sha256": rows[name]["text_sha256"]} for name in rows}
    newsroom.decide(
        about["a0"] | {"action": "summary", "vi": "Bản tóm tắt cũ."},
        about["a1"] | {"action": "reject", "reason": "wrong date"},
        release(rows["a2"]),
    )
    newsroom.feed([row | {"text": row["text"] + " Tin được cập nhật."} for row in FEED])
    updated = newsroom.run()
    assert updated["a0"]["summary"] == rows["a0"]["summary"]
    message = flag(updated["a0"], "edit_outdated")["message"]
    assert message == f"Mai wrote a summary for another text of this article, {AT}; it is not used"
    stale = flag(updated["a1"], "edit_outdated")
    assert (stale["severity"], updated["a1"]["status"]) == ("error", "hold")
    assert stale["message"] == f"Mai rejected another text of this article, {AT} (wrong date); read this one"
    assert updated["a2"]["status"] == "hold"
    newsroom.decide(about["a1"] | {"action": "reject", "reason": "wrong date"}, release(updated["a1"]))
    assert newsroom.run()["a1"]["status"] == "ok"


def test_of_two_lines_about_one_text_the_later_counts(newsroom: Newsroom) -> None:
    row = newsroom.run()["a1"]
    about = {"action": "summary", "id": "a1", "text_sha256": row["text_sha256"]}
    newsroom.decide(
        about | {"vi": "Bản sau.", "at": "2026-11-24T08:00:00+07:00", "by": "An"}, about | {"vi": "Bản trước."}
    )
    assert newsroom.run()["a1"]["summary"] == "Bản sau."


def test_text_digest_is_what_the_lines_are_found_by(newsroom: Newsroom) -> None:
    assert newsroom.run()["a1"]["text_sha256"] == text_digest(FEED[1]["text"])
