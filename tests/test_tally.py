"""What is counted of published rows and of failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.records import Call, Failure, Flag, Origin, PublishedRow, RepairedText, Severity
from pipeline.tally import Tally, group_failures

ROW = PublishedRow(
    id="a", article="Một hai ba.\nBốn.", text_sha256="", source=Origin("f", 0), summary="Một hai ba bốn.",
    translation="One two.",
)  # fmt: skip


def flag(check: str, severity: Severity) -> Flag:
    return Flag(check=check, field="title", start=0, end=4, message="changed", severity=severity)


def call(stage: str) -> Call:
    return Call(
        stage=stage,
        index=0,
        round=0,
        source_tokens=7,
        dropped_tokens=2,
        output_tokens=5,
        finished=True,
        score=None,
    )


def test_flags_are_counted_by_check_and_severity_and_records_once() -> None:
    tally = Tally()
    both = (flag("number", "warning"), flag("number", "note"), flag("number", "note"))
    tally.add(replace(ROW, status="hold", flags=both))
    tally.add(ROW)
    tally.add_flags((flag("number", "note"),), status="ok")
    assert (tally.records, tally.held, tally.flagged, tally.above_note) == (3, 1, 2, 1)
    assert tally.flags == {("number", "warning"): 1, ("number", "note"): 3}
    assert tally.flagged_by == {("number", "warning"): 1, ("number", "note"): 2}


def test_lengths_are_counted_in_words_and_a_summary_of_none_has_no_share() -> None:
    tally = Tally()
    tally.add(ROW)
    tally.add(replace(ROW, summary=""))
    assert (tally.article_words, tally.summary_words, tally.translation_words) == ({4: 2}, {4: 1, 0: 1}, {2: 2})
    assert tally.percents == {100: 1}


def test_repairs_are_counted_by_stage() -> None:
    kept = RepairedText(
        field="summary",
        index=0,
        first="",
        taken="first",
        rank=0,
        candidates=5,
        before=("loop error",),
        after=("loop error",),
    )
    mended = replace(kept, field="translation", taken="beam", rank=2, after=())
    tally = Tally()
    tally.add(replace(ROW, repaired=(kept, mended, mended)))
    assert tally.statistics()["repaired"] == {
        "summarize": {"asked": 1, "replaced": 0, "clean": 0},
        "translate": {"asked": 2, "replaced": 2, "clean": 2},
    }
    tally.add(replace(ROW, repaired=(replace(mended, second=True), replace(mended, taken="second", second=True))))
    assert tally.statistics()["repaired"]["translate"] == {
        "asked": 4, "replaced": 4, "clean": 4, "second_asked": 2, "second_taken": 1,
    }  # fmt: skip


def test_the_statistics_of_a_manifest() -> None:
    tally = Tally()
    flags = (flag("number", "warning"), flag("number", "error"), flag("name", "note"))
    tally.add(replace(ROW, flags=flags, calls=(call("translate"), call("translate"))))
    tally.add(replace(ROW, summary="Một hai.", translation=""))
    assert tally.statistics() == {
        "flags": {"name": 1, "number": 2},
        "mean_words": {"summary": 3.0, "translation": 1.0},
        "repaired": {},
        "tokens": {"translate": {"source": 14, "output": 10}},
    }
    assert tally.tokens["translate", "dropped"] == 4


def test_no_row_has_a_mean_length_of_0() -> None:
    assert Tally().statistics()["mean_words"] == {"summary": 0.0, "translation": 0.0}


def test_failures_are_grouped_what_failed_before_what_was_rejected_with_a_few_examples() -> None:
    def failure(**fields: Any) -> Failure:
        return Failure(message="", source=Origin("f", 0), **fields)

    rejected = failure(rejected=True, stage="load", kind="empty")
    duplicate = failure(rejected=True, stage="load", kind="duplicate")
    damaged = failure(damaged=True, stage="load", kind="bad_row")
    failed = failure(stage="translate", kind="refused")
    found = group_failures([duplicate] * 9 + [rejected] * 5 + [damaged] * 7 + [failed])
    assert [(group.category, group.kind, group.count, len(group.examples)) for group in found] == [
        ("failed", "refused", 1, 1),
        ("damaged", "bad_row", 7, 3),
        ("rejected", "empty", 5, 3),
        ("duplicate", "duplicate", 9, 3),
    ]
