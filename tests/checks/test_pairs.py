"""A Vietnamese text and its translation, checked without an article."""

from __future__ import annotations

import json
import unicodedata

import pytest

from pipeline.checks.pairs import MEANINGS, check_pair
from pipeline.records import CHECKS
from tests.checks.test_golden_flags import RECORDS


@pytest.mark.parametrize(
    ("source", "target", "check", "severity", "field", "marked"),
    [
        ("Có 1.200 tỷ đồng.", "There are 1,200 dong.", "number", "error", "target", "1,200 dong"),
        ("Hai mươi lăm người chết.", "Twenty people died.", "number", "error", "target", "Twenty"),
        ("Ông Nguyễn Văn Nam đến Huế.", "Nguyen Van Hung came to Hue.", "name", "error", "target", "Nguyen Van Hung"),
        ("Không ai bị thương.", "Somebody was hurt.", "negation", "error", "source", "Không"),
        ("Xe mới.", "Xe mới.", "vietnamese_left", "error", "target", "Xe mới."),
    ],
)
def test_what_differs_is_flagged_at_its_place(
    source: str, target: str, check: str, severity: str, field: str, marked: str
) -> None:
    pair = check_pair(source, target)
    (flag,) = [one for one in pair.flags if one.check == check]
    text = {"source": pair.source, "target": pair.target}[flag.field]
    assert (flag.severity, flag.field, text[flag.start : flag.end]) == (severity, field, marked)


def test_a_good_translation_has_no_flag_and_the_source_is_not_compared_with_itself() -> None:
    source = "Ông Nguyễn Văn Nam, 63 tuổi, trồng 3,2 ha sen ở Đồng Tháp từ ngày 30/10/2021. " * 3
    target = "Nguyen Van Nam, 63, has grown 3.2 hectares of lotus in Dong Thap since October 30, 2021. " * 3
    assert [flag for flag in check_pair(source, target).flags if flag.check != "loop"] == []


def test_every_check_of_a_pair_has_a_meaning_and_is_raised() -> None:
    records = [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]
    pairs = [tuple(pair) for one in records for pair in one["sentences"]]
    pairs += [(one.get("title", ""), one.get("title_translation", "")) for one in records]
    raised = {flag.check for vietnamese, english in pairs for flag in check_pair(vietnamese, english).flags}
    assert raised == set(MEANINGS)
    assert [name for name in CHECKS if name in MEANINGS] == list(MEANINGS)


def test_an_empty_side_is_one_warning_and_two_are_none() -> None:
    (flag,) = check_pair("Một", " ").flags
    assert (flag.check, flag.severity, flag.field, flag.message) == (
        "empty",
        "warning",
        "target",
        "there is no translation",
    )
    (flag,) = check_pair("", "One").flags
    assert (flag.check, flag.field) == ("empty", "source")
    assert check_pair("", "\n").flags == ()


def test_spans_are_those_of_the_texts_as_they_were_checked() -> None:
    source = unicodedata.normalize("NFD", "Ở Đồng Tháp có 12 xe.")
    pair = check_pair(f"  {source}", "There are 13 cars in Dong Thap.\n")
    assert (pair.source, pair.target) == ("Ở Đồng Tháp có 12 xe.", "There are 13 cars in Dong Thap.")
    (flag,) = [one for one in pair.flags if one.check == "number"]
    assert pair.target[flag.start : flag.end] == "13"


def test_an_unreadable_character_is_flagged_once_on_each_side() -> None:
    flags = [
        flag
        for flag in check_pair("Có 12 xe \ufffd.", "There are 12 cars \ufffd.").flags
        if flag.check == "replacement"
    ]
    assert [flag.field for flag in flags] == ["source", "target"]
