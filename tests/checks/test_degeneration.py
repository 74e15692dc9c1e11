"""Loops, the model's own tokens, and headlines in capitals; and texts that only look like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import degeneration
from pipeline.checks.view import View
from pipeline.records import Flag
from tests.records import translated


def flags_of(english: str, *, summary: str = "Một câu.", title: str = "", title_translation: str = "") -> list[Flag]:
    return degeneration.check(View(translated((summary, english), title=title, title_translation=title_translation)))


@pytest.mark.parametrize(
    ("english", "severity", "found"),
    [
        ("He went to the market and the market and the market and the market.", "error", "the market and the market and the market and the market"),
        ("It was very very very very good.", "error", "very very very very"),
        (
            "The price of gold rose. The price of gold fell. The price of gold stood.",
            "warning",
            "The price of gold rose. The price of gold fell. The price of gold",
        ),
        ("The price of gold rose, " * 3 + "the price of gold fell.", "error", None),
        ("The man was was was arrested.", "error", "was was was"),
        (
            "The man said that the man said that the man said that he left.",
            "error",
            "The man said that the man said that the man said that",
        ),
        (
            "A court in Ho Chi Minh City in Ho Chi Minh City in Ho Chi Minh City met.",
            "error",
            "in Ho Chi Minh City in Ho Chi Minh City in Ho Chi Minh City",
        ),
        ("He got 10 years, 10 years, 10 years.", "error", "10 years, 10 years, 10 years"),
        ("He laughed: hahahahahaha.", "error", "hahahahahaha"),
        ("It is 2-2-2-2-2-2-2.", "error", "-2-2-2-2-2-2"),
        ("It cost 10,000,000,000,000,000,000 dong.", "error", ",000,000,000,000,000,000"),
        ("He left. . . . . . . . . .", "error", ". . . . . . . . . ."),
    ],
)  # fmt: skip
def test_loops(english: str, severity: str, found: str | None) -> None:
    (flag,) = flags_of(english)
    assert (flag.check, flag.severity, flag.field) == ("loop", severity, "translation")
    assert english[flag.start : flag.end] == flag.found
    assert found is None or flag.found == found


@pytest.mark.parametrize(
    "english",
    [
        "People in Ho Chi Minh City left Ho Chi Minh City, and Ho Chi Minh City's roads were full in Ho Chi Minh City.",
        "It was very, very, very good.",
        "The score was 2 2 2 2 2 2.",
        "He waited...... and left.",
        "They had had that that day.",
        "It cost 10,000,000,000,000 dong.",
        "One thing was said twice in here, and one thing was said twice in there.",
    ],
)
def test_names_figures_and_emphasis_are_no_loops(english: str) -> None:
    assert not flags_of(english)


def test_a_loop_in_the_summary() -> None:
    summary = "Giá vàng giá vàng giá vàng giá vàng tăng."
    (flag,) = flags_of("Gold rose.", summary=summary)
    assert (flag.check, flag.field, summary[flag.start : flag.end]) == (
        "loop",
        "summary",
        "Giá vàng giá vàng giá vàng giá vàng",
    )


def test_a_sentence_of_the_summary_that_is_written_twice() -> None:
    sentence = "Giá vàng miếng tăng mạnh trong phiên sáng nay."
    record = translated((sentence, "Gold rose."), ("Dầu giảm.", "Oil fell."), (sentence, "Gold bars rose."))
    (flag,) = degeneration.check(View(record))
    assert (flag.field, flag.severity) == ("summary", "error")
    assert (flag.start, record.summary[flag.start : flag.end]) == (len(sentence) + len("Dầu giảm.") + 2, sentence)


def test_a_slogan_may_stand_twice() -> None:
    slogan = ("Việt Nam vô địch!", "Vietnam are champions!")
    assert not degeneration.check(View(translated(slogan, slogan)))


@pytest.mark.parametrize(
    "left",
    ["vi: ", "en: ", "EN:", "<2en> ", "vi_VN ", "en_XX ", "__en__ ", "vietnews: ", "<pad>", "</s>", "<s>", "<unk>", "<extra_id_0>", "▁", "eng_Latn ", ">>vie<< ", "translate English to Vietnamese: "],
)  # fmt: skip
def test_what_the_model_left(left: str) -> None:
    (flag, *_) = flags_of(f"{left}Gold rose.")
    assert (flag.check, flag.severity, flag.field) == ("prefix_left", "error", "translation")
    assert flag.found.strip() == left.strip()


@pytest.mark.parametrize("inside", ["</s>", "<pad>", "en: ", "<extra_id_1>"])
def test_what_the_model_left_behind_a_sentence(inside: str) -> None:
    assert [flag.check for flag in flags_of(f"Gold rose. {inside}Silver fell.")] == ["prefix_left"]


@pytest.mark.parametrize("english", ["Gold rose: it fell.", "He said: “En: a letter.”", "a < b and b > c", "See vi."])
def test_colons_and_brackets_of_a_text_may_stay(english: str) -> None:
    assert not flags_of(english)


@pytest.mark.parametrize(
    ("title", "english", "flagged"),
    [
        ("MƯA LỚN GÂY NGẬP HÀ NỘI", "HEAVY RAIN FLOODS HANOI", "HEAVY RAIN FLOODS HANOI"),
        ("MƯA LỚN GÂY NGẬP HÀ NỘI", "Heavy rain floods Hanoi", None),
        ("Mưa lớn gây ngập Hà Nội", "HEAVY RAIN FLOODS HANOI", "HEAVY RAIN FLOODS HANOI"),
        ("NATO họp", "NATO meets", None),
        ("EU, US, UN", "EU, US", None),
        ("Ông nói", "He said THE RAIN WILL FLOOD ALL OF THE CITY tonight", "THE RAIN WILL FLOOD ALL OF THE CITY"),
        ("Họp", "The heads of NATO, ASEAN, WHO, UNESCO and FIFA met", None),
    ],
)
def test_capitals(title: str, english: str, flagged: str | None) -> None:
    flags = flags_of("Gold rose.", title=title, title_translation=english)
    assert [(flag.check, flag.field, flag.found) for flag in flags] == (
        [("capitals", "title_translation", flagged)] if flagged else []
    )


def test_a_megabyte_is_read_in_linear_time() -> None:
    for text in ("ha" * 100 + "x", "! ", "2-", ",000", "the man said "):
        flags_of(text * (1_000_000 // len(text)))
        flags_of(text[:-1] * 20_000)


@given(
    st.lists(
        st.sampled_from("a B CD gold giá vàng < > </s> vi: ▁ 1 . EFG ß".split()) | st.text(max_size=9), max_size=40
    )
)
def test_any_text_gives_spans_inside_it(words: list[str]) -> None:
    text = " ".join(words)
    for flag in flags_of(text, summary=text):
        assert 0 <= flag.start <= flag.end <= len(text)
