"""Near copies: which edits leave a copy one, who leads, and who stays apart."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text import near_duplicates
from pipeline.text.near_duplicates import Story
from pipeline.text.normalize import new_tone

ONSETS, RIMES = (
    "b c ch d đ g h kh l m n ng nh ph qu s t th tr v x".split(),
    "a an ăn âm e ê i ong ô ơ u ươn yên oà uý".split(),
)


def body(seed: int, *, sentences: int = 12) -> str:
    """Return an article's body of seeded syllables, a sentence a line; no two seeds share a run of three."""
    rng = random.Random(seed)
    lines = [" ".join(rng.choice(ONSETS) + rng.choice(RIMES) for _ in range(20)) for _ in range(sentences)]
    return "\n".join(f"{line.capitalize()}." for line in lines)


def cut(text: str, *, keep: int) -> str:
    return "\n".join(text.split("\n")[:keep])


def changed(text: str, *, every: int) -> str:
    return " ".join("khác" if at % every == every - 1 else word for at, word in enumerate(text.split(" ")))


ONE, OTHER = body(1), body(2)


@pytest.mark.parametrize(
    ("copy", "same"),
    [
        (ONE, True),
        (ONE.upper(), True),
        (new_tone(ONE), True),
        (cut(ONE, keep=9), True),  # the last quarter cut
        (cut(ONE, keep=6), False),  # half of it: more of another article than of this
        ("\n".join([OTHER.split("\n")[0], *ONE.split("\n")[1:]]), True),  # a paper's own first paragraph
        (ONE + "\n" + cut(OTHER, keep=3), True),  # and its own background
        (changed(ONE, every=20), True),
        (changed(ONE, every=8), False),
        (OTHER, False),
        ("", False),
        ("Tin", False),
    ],
)
def test_which_edits_leave_a_copy_one(copy: str, same: bool) -> None:
    assert near_duplicates.leads([Story("a", ONE), Story("b", copy)]) == {"a": "a", "b": "a" if same else "b"}


@pytest.mark.parametrize(
    ("published", "leads"),
    [
        (("", "", ""), "aaa"),  # none dated: the first
        (("2024-03-03", "2024-03-02", "2024-03-01"), "ccc"),  # the earliest
        (("", "2024-03-02", "2024-03-01"), "ccc"),  # a date leads what has none
        (("2024-03-01T08:00:00+07:00", "2024-03-01T00:30:00+00:00", "hôm qua"), "bbb"),  # 7.30 in Hanoi; no date
        (("2024-03-01T08:00:00+07:00", "2024-03-01T07:59:00", ""), "bbb"),  # Hanoi's time where none is told
        (("2024-03-01", "2024-03-02", "2024-03-09"), "aac"),  # the same text a week later is news again
    ],
)
def test_the_earliest_leads(published: tuple[str, ...], leads: str) -> None:
    rows = [Story(id_, ONE, when) for id_, when in zip("abc", published, strict=True)]
    assert "".join(near_duplicates.leads(rows).values()) == leads


@pytest.mark.parametrize(
    ("published", "readable"),
    [
        ("0001-01-01", False),
        ("0001-01-01T00:00:00+07:00", False),
        ("9999-12-31T23:00:00-05:00", False),
        ("9999-12-31", True),
        ("0001-01-02", True),
        ("2024-03-01", True),
        ("hôm qua", False),
        ("", False),
    ],
)
def test_a_date_at_either_end_of_the_calendar_is_no_moment(published: str, readable: bool) -> None:
    assert (near_duplicates.parse_date(published) is not None) is readable
    assert near_duplicates.leads([Story("a", ONE, published), Story("b", ONE)]) == {"a": "a", "b": "a"}


def test_a_copy_of_a_copy_that_is_no_copy_of_the_lead_stands_apart() -> None:
    lines = body(3, sentences=16).split("\n")
    chain = ["\n".join(lines[start : start + 12]) for start in (0, 2, 4)]  # 10 of 14 in common, then 8 of 16
    assert near_duplicates.leads([Story(id_, text) for id_, text in zip("abc", chain, strict=True)]) == {
        "a": "a",
        "b": "a",
        "c": "c",
    }


def test_many_stories_are_told_apart_and_the_order_of_the_rows_does_not_matter() -> None:
    rows = [
        Story(f"{seed}{copy}", changed(body(seed), every=30 + copy) if copy else body(seed), f"2024-03-01T{copy:02}:00")
        for seed in range(100)
        for copy in range(3)
    ]
    leads = near_duplicates.leads(rows)
    assert leads == {one.id: one.id[:-1] + "0" for one in rows}
    random.Random(1).shuffle(rows)
    assert near_duplicates.leads(rows) == leads
    assert list(near_duplicates.leads(rows)) == [one.id for one in rows]


@settings(max_examples=50)
@given(st.lists(st.text(max_size=40), max_size=6))
def test_every_row_has_a_lead_that_leads_itself(texts: list[str]) -> None:
    leads = near_duplicates.leads(Story(str(at), text) for at, text in enumerate(texts))
    assert list(leads) == [str(at) for at in range(len(texts))]
    assert all(leads[lead] == lead for lead in leads.values())


def test_the_share_is_jaccards_of_runs_of_three() -> None:
    one, other = near_duplicates._shingles("a b c d e"), near_duplicates._shingles("A b c d x")
    assert (len(one), len(other)) == (3, 3)
    assert near_duplicates._share(one, other) == 2 / 4  # abc and bcd of abc, bcd, cde, cdx
