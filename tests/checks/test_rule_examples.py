"""Every example beside an entry of the rule tables: the right English passes, the wrong English is flagged.

`python -m tests.mutate_rules pipeline/checks/negation.toml` overwrites each entry in turn and reports those whose loss no
example notices.
"""

from __future__ import annotations

import pytest

from pipeline.checks.phrases import read
from tests.checks.rule_examples import CHECKS, groups, problems

SECTIONS = [
    *(
        ("negation", section)
        for section in (
            "negators", "harmless", "implicit", "not_only", "also", "plain_only", "paraphrases", "equivalents", "terms"
        )
    ),
    *(("hedges", section) for section in ("claim", "suspect", "chance", "doubt")),
    ("procedure", "stages"),
    ("procedure", "crimes"),
    ("procedure", "terms"),
    ("attribution", "certain"),
    ("attribution", "any"),
    ("labels", "labels"),
    *(
        ("number_context", section)
        for section in (
            "turns", "excuses", "fillers", "periods", "parts", "time_of_day", "late_hour_before", "time_of_day_behind",
            "length_before", "length_behind", "late_hours", "numbered"
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "section"), SECTIONS)
def test_the_examples_of_a_section(check: str, section: str) -> None:
    data = read(check)
    tables = CHECKS[check].Tables.of(data)
    found = [problem for group in groups(data, section) for problem in problems(check, group, tables)]
    assert not found, "\n".join(found)


def test_every_section_is_listed() -> None:
    assert {(check, section) for check in CHECKS for section in read(check)} == set(SECTIONS)
