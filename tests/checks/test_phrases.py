"""The notation of an entry: what it matches, and what it does not."""

from __future__ import annotations

import pytest

from pipeline.checks.phrases import Phrases
from pipeline.checks.view import Text


@pytest.mark.parametrize(
    ("entry", "matched", "left"),
    [
        ("alleg*", ["alleged", "Allegedly", "ALLEG"], ["unalleged", "allégé"]),
        ("*n't", ["didn't", "Won't"], ["didnt"]),
        ("(left|kept) open", ["left open", "kept open"], ["left", "open"]),
        ("(in|un)fit*", ["unfit", "infitting"], ["fit"]),
        ("bị (tạm )?giam", ["bị giam", "bị tạm giam"], ["tạm giam"]),
        ("không(?! khí)", ["không đến"], ["không khí"]),
        ("(?<!tạm )đình chỉ", ["bị đình chỉ"], ["tạm đình chỉ"]),
        ("theo(?= (?-i:[A-ZĐ]))", ["Theo Nam", "theo Đài"], ["theo ông", "THEO ông"]),
        ("no\\. ?[0-9]+", ["No. 5", "no.5"], ["no 5"]),
        ("in(abil|act(iv|ion))*", ["inability", "inactive"], ["in", "inn"]),
    ],
)
def test_an_entry_is_matched_as_whole_words(entry: str, matched: list[str], left: list[str]) -> None:
    phrases = Phrases([entry])
    assert [text for text in matched if phrases.search(Text.of(text)) is None] == []
    assert [text for text in left if phrases.search(Text.of(text)) is not None] == []


def test_of_several_entries_the_longest_is_matched() -> None:
    text = Text.of("Công an bắt khẩn cấp ông.")
    match = Phrases(["bắt", "bắt khẩn cấp"]).search(text)
    assert match is not None
    assert text[match] == "bắt khẩn cấp"


def test_no_entry_matches_nothing() -> None:
    assert Phrases([]).count(Text.of("")) == 0


def test_what_is_hidden_keeps_its_place() -> None:
    hidden = Phrases(["nghi phạm"]).hidden(Text.of("Nghi phạm và nghi phạm."), 1)
    assert hidden == Text("######### và nghi phạm.", "######### và nghi phạm.")
