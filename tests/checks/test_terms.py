"""Terms of a newsroom: what is replaced, what is only flagged, and what is left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.terms import Terms
from pipeline.glossary import Term

HOUSE = (
    Term("huyện", "rural district", ("district", "county")),
    Term("Chủ tịch nước", "State President", ("President", "the head of state")),
    Term("Chủ tịch", "Chairman", ("President",)),
    Term("Uỷ ban nhân dân", "People's Committee", ("Peoples Committee", "popular committee")),
    Term("TP.HCM", "HCMC", ("TP.HCM",)),
    Term("hòa giải", "mediation"),
    Term("Đảng", "the Party", ("the party",)),
)


@pytest.mark.parametrize(
    ("vietnamese", "english", "wanted"),
    [
        ("Ở huyện Mai.", "In Mai county.", "In Mai rural district."),
        ("Huyện Mai họp.", "County leaders met.", "Rural district leaders met."),
        ("Các huyện họp.", "The districts met.", "The rural districts met."),
        ("Ở huyện Mai.", "In the rural district of Mai.", "In the rural district of Mai."),
        ("Ở huyện Mai.", "A rural district, not a county.", "A rural district, not a rural district."),
        ("Ở quận Mai.", "In Mai district.", "In Mai district."),
        ("Ở huyệnMai.", "In Mai district.", "In Mai district."),
        ("Ở huyện Mai.", "The redistricting.", "The redistricting."),
        ("Chủ tịch nước thăm.", "The President came.", "The State President came."),
        ("Chủ tịch thăm.", "President Long came.", "Chairman Long came."),
        ("chủ tịch thăm.", "President Long came.", "President Long came."),
        ("Ủy ban nhân dân họp.", "The peoples Committee met.", "The People's Committee met."),
        ("Ủy ban nhân dân họp.", "The People’s Committee’s vote.", "The People’s Committee’s vote."),
        ("Chủ tịch nước thăm.", "THE STATE PRESIDENT CAME.", "THE STATE PRESIDENT CAME."),
        ("Đảng đã ra đời.", "the party was founded by the Party.", "the Party was founded by the Party."),
        ("Ở TP.HCM.", "In TP.HCM.", "In HCMC."),
        ("Ở huyện Mai.", "", ""),
    ],
)
def test_a_wrong_rendering_is_replaced(vietnamese: str, english: str, wanted: str) -> None:
    rendered = Terms(HOUSE).render(vietnamese, english)
    assert rendered.english == wanted
    notes = [flag for flag in rendered.flags if flag.severity == "note"]
    assert bool(notes) == (english != wanted)
    for flag in notes:
        assert wanted[flag.start : flag.end] == flag.expected
        assert flag.found in english
        assert flag.check == "term"


@pytest.mark.parametrize(
    ("vietnamese", "english", "missing"),
    [
        ("Hoà giải thành.", "They settled.", [("Hoà giải", "mediation")]),
        ("Hoà giải thành.", "Mediation worked.", []),
        ("Ở huyện Mai.", "In Mai.", [("huyện", "rural district")]),
        ("Chủ tịch nước thăm huyện.", "He came.", [("Chủ tịch nước", "State President"), ("huyện", "rural district")]),
        ("Chủ tịch nước thăm.", "The state president came.", []),
        ("Ở xã Mai.", "In Mai.", []),
    ],
)
def test_what_the_english_lacks_is_told_at_the_vietnamese_term(
    vietnamese: str, english: str, missing: list[tuple[str, str]]
) -> None:
    flags = [flag for flag in Terms(HOUSE).render(vietnamese, english).flags if flag.severity == "warning"]
    assert [(vietnamese[flag.start : flag.end], flag.expected) for flag in flags] == missing


@given(st.text(), st.text())
def test_any_text_is_rendered_and_every_place_lies_in_it(vietnamese: str, english: str) -> None:
    rendered = Terms(HOUSE).render("Huyện " + vietnamese, english)
    for flag in rendered.flags:
        text = rendered.english if flag.field == "english" else "Huyện " + vietnamese
        assert 0 <= flag.start < flag.end <= len(text)


def test_the_time_does_not_grow_with_the_number_of_terms() -> None:
    vietnamese = "Hôm nay cơ quan số 7 và cơ quan số 8 họp ở huyện Mai. " * 4
    english = "Today office 7 and office 8 met. " * 4

    def seconds(count: int) -> float:
        terms = Terms(Term(f"cơ quan số {n}", f"agency {n}", (f"office {n}",)) for n in range(count))
        terms.render(vietnamese, english)  # what is compiled once is not measured
        started = time.process_time()
        for _ in range(50):
            terms.render(vietnamese, english)
        return time.process_time() - started

    assert min(seconds(2_000) for _ in range(3)) < 10 * min(seconds(20) for _ in range(3))
