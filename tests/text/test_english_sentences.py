"""English sentences: where a stop ends one, and that nothing but space is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.english_sentences import english_sentences

NEWSLIKE = st.lists(
    st.sampled_from(
        ["Mr.", "U.S.", "Jan.", "No.", "5", "3.5", "rain", "He", "Hanoi", ".", "?", "!”", "…", " ", "“", "(", ")", "\n"]
    )
).map(" ".join)


@pytest.mark.parametrize(
    "text",
    [
        "It rained.|The wind rose.|Nobody came!|Why?|“We wait.”|(They left.)|It is 5 p.m.|2 people stayed.",
        "Mr. Smith met Dr. Ba and Gen. Vo Nguyen Giap.|They spoke.",
        "The U.S. Army came.|J. Smith of St. Louis and L. V. Ba did not.",
        "On Jan. 5 and Oct. 12, No. 3 won.|No.|He lost.",
        "It grew 3.5 percent.|Prices fell 1.200 dong... and rose.|“Go!” she said.",
        "Apple Inc. Chief Executive Tim Cook spoke.|He left.",
    ],
)
def test_a_stop_ends_a_sentence_unless_it_is_part_of_a_name_or_number(text: str) -> None:
    assert english_sentences(text.replace("|", " ")) == text.split("|")


def test_a_line_is_never_joined_to_the_next() -> None:
    assert english_sentences("a line\r\nMr.\n\n  another  ") == ["a line", "Mr.", "another"]


@given(NEWSLIKE | st.text())
def test_no_character_but_space_is_lost_and_each_sentence_stays_whole(text: str) -> None:
    found = english_sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(english_sentences(sentence) == [sentence] for sentence in found if "\n" not in sentence)
