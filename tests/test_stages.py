"""The stages as generators: what they ask, and what they make of the answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks import truncation
from pipeline.checks.view import View
from pipeline.config import Repair
from pipeline.records import Article, Candidates, Failure, Generation, Hypothesis, Summarized, Translated
from pipeline.stages import summarize, translate
from pipeline.text.chunking import Chunker
from tests.records import article_record


def words(text: str) -> int:
    return len(text.split())


FIT = Chunker(words, 10)


def article(text: str, *, title: str = "Tin mới") -> Article:
    return article_record(text, title=title)


def answer(text: str, *, finished: bool = True, dropped: int = 0) -> Generation:
    return Generation(text, 5, dropped, words(text), finished, None)


def drive(stage: Any, *, say: Any) -> tuple[Any, list[list[str]]]:
    """Answer every round of a stage with `say(text)`; return its result and the rounds it asked for."""
    rounds: list[list[str]] = []
    try:
        texts = next(stage)
        while True:
            rounds.append(texts)
            texts = stage.send([answer(say(text)) for text in texts])
    except StopIteration as stop:
        return stop.value, rounds


def test_a_short_article_is_one_call() -> None:
    result, rounds = drive(summarize(article("Mưa to. Gió lớn."), FIT), say=lambda _: "Mưa.")
    assert rounds == [["Mưa to. Gió lớn."]]
    assert result.summary == "Mưa."


def test_a_long_article_is_summarized_in_rounds_until_one_text_is_left() -> None:
    body = " ".join(f"Câu số {number} nói về mưa lũ." for number in range(9))  # 63 words
    result, rounds = drive(summarize(article(body), FIT), say=lambda text: text.split(".")[0] + ".")
    assert len(rounds[0]) == 9
    assert all(words(text) <= 10 for round_ in rounds for text in round_)
    assert " ".join(rounds[0]) == body
    assert isinstance(result, Failure)  # each part is one sentence: this summarizer does not shorten
    assert result.kind == "no_shrink"


def test_what_fits_the_model_at_last_is_summarized_however_little_was_left_out() -> None:
    body = "Mưa to ở miền Bắc nước ta. Gió lớn ở miền Trung."  # 12 words, two parts
    result, rounds = drive(summarize(article(body), FIT), say=lambda text: " ".join(text.split()[:5]))
    assert [len(round_) for round_ in rounds] == [2, 1]
    assert isinstance(result, Summarized)  # 10 of 12 words were left, more than three quarters


def test_a_part_s_summary_that_is_cut_between_words_is_flagged() -> None:
    body = "Gió rất lớn ở miền Trung. " + "Mưa to ở miền Bắc nước ta. " * 7
    long = " ".join(f"từ{number}" for number in range(12))
    result, _ = drive(summarize(article(body), FIT), say=lambda text: long if text.startswith("Gió") else "Mưa.")
    assert isinstance(result, Summarized)
    assert ["a sentence of a part's summary" in flag.message for flag in result.flags] == [True]


def test_rounds_end_in_a_summary_when_the_summarizer_shortens() -> None:
    body = " ".join(f"Câu số {number} nói về mưa lũ." for number in range(9))
    result, rounds = drive(summarize(article(body), FIT), say=lambda text: " ".join(text.split()[1:3]) + ".")
    assert isinstance(result, Summarized)
    assert len(rounds) == len({call.round for call in result.calls}) > 1
    assert [call.index for call in result.calls if call.round == 0] == list(range(len(rounds[0])))


def test_a_summarizer_of_the_lead_is_asked_once_and_the_rest_is_counted() -> None:
    body = " ".join(f"Câu số {number} nói về mưa lũ." for number in range(9))  # 63 words
    result, rounds = drive(summarize(article(body), replace(FIT, lead_only=True)), say=lambda _: "Mưa.")
    assert rounds == [["Câu số 0 nói về mưa lũ."]]
    (flag,) = result.flags
    assert (flag.check, flag.severity) == ("lead", "note")
    assert "first 7 tokens of the article; 56 were left out" in flag.message
    assert body[flag.start : flag.end] == body.removeprefix("Câu số 0 nói về mưa lũ. ")


def test_of_an_article_that_fits_the_lead_is_the_whole() -> None:
    result, rounds = drive(summarize(article("Mưa to."), replace(FIT, lead_only=True)), say=lambda _: "Mưa.")
    assert (rounds, result.flags) == ([["Mưa to."]], ())


def test_a_sentence_longer_than_the_budget_is_split_at_clauses_and_flagged() -> None:
    body = "Mưa rất to ở miền Bắc nước ta, gió rất lớn ở miền Trung nước ta."
    result, rounds = drive(summarize(article(body), FIT), say=lambda _: "Mưa.")
    assert rounds[0] == ["Mưa rất to ở miền Bắc nước ta,", "gió rất lớn ở miền Trung nước ta."]
    assert [flag.check for flag in result.flags] == ["long_sentence"]
    assert "clauses" in result.flags[0].message


def test_a_clause_longer_than_the_budget_is_cut_between_words_and_flagged() -> None:
    body = " ".join(f"từ{number}" for number in range(25))
    result, rounds = drive(summarize(article(body), FIT), say=lambda _: "Mưa.")
    assert " ".join(rounds[0]) == body
    assert "words" in result.flags[0].message


@settings(max_examples=200)
@given(st.text(alphabet="ab .,;\n!?", max_size=300), st.integers(1, 12))
def test_splitting_loses_no_word_and_every_part_fits(text: str, budget: int) -> None:
    parts = Chunker(words, budget).split(text)
    assert " ".join(part.text for part in parts).split() == text.split()
    assert all(words(part.text) <= budget for part in parts)


@settings(max_examples=50)
@given(st.text(alphabet="ăđ.x", max_size=200), st.integers(1, 7))
def test_a_text_without_spaces_is_cut_by_characters_and_nothing_is_lost(text: str, budget: int) -> None:
    parts = Chunker(len, budget).split(text)
    assert "".join(part.text for part in parts).replace(" ", "") == text
    assert all(len(part.text) <= budget for part in parts)


def test_parts_of_a_long_article_are_of_about_equal_length() -> None:
    body = " ".join("Trời mưa to lắm." for _ in range(11))  # 44 words, 5 parts at least
    sizes = [words(part.text) for part in Chunker(words, 12).split(body)]
    assert max(sizes) - min(sizes) <= 8
    assert len(sizes) <= 5


def test_the_title_and_each_sentence_get_one_translation_each() -> None:
    summarized = Summarized(article("x", title="Tin mới"), "Mưa to. Gió lớn!", ())
    result, rounds = drive(translate(summarized, FIT), say=str.upper)
    assert rounds == [["Tin mới", "Mưa to.", "Gió lớn!"]]
    assert result.title_translation == "TIN MỚI"
    assert [(s.summary, s.translation) for s in result.sentences] == [
        ("Mưa to.", "MƯA TO."),
        ("Gió lớn!", "GIÓ LỚN!"),
    ]
    assert result.translation == "MƯA TO. GIÓ LỚN!"


def test_an_article_without_title_or_summary_asks_nothing() -> None:
    result, rounds = drive(translate(Summarized(article("x", title=""), "", ()), FIT), say=str)
    assert rounds == [[]]
    assert isinstance(result, Translated)
    assert result.sentences == ()


def test_a_long_sentence_is_translated_in_pieces_that_make_one_sentence_again() -> None:
    long = "Mưa rất to ở miền Bắc nước ta, gió rất lớn ở miền Trung nước ta."
    result, rounds = drive(translate(Summarized(article("x"), long, ()), FIT), say=str)
    assert len(rounds[0]) == 3
    assert [s.translation for s in result.sentences] == [long]
    assert [flag.check for flag in result.flags] == ["long_sentence"]


def test_text_is_turned_to_the_models_tone_style_and_the_summary_back_to_the_sources() -> None:
    press = replace(FIT, tone_style="press")
    result, rounds = drive(summarize(article("Hoà bình là quý."), press), say=lambda text: text)
    assert rounds == [["Hòa bình là quý."]]
    assert result.summary == "Hoà bình là quý."


def test_the_calls_tell_what_was_cut_short_dropped_empty_or_damaged() -> None:
    steps = summarize(article("Mưa to � quá."), FIT)
    next(steps)
    with pytest.raises(StopIteration) as stop:
        steps.send([answer("Mưa.", finished=False, dropped=3)])
    steps2 = translate(stop.value.value, FIT)
    next(steps2)
    with pytest.raises(StopIteration) as stop:
        steps2.send([answer("News"), answer("")])
    flags = truncation.check(View(stop.value.value))
    assert [(flag.check, flag.field) for flag in flags] == [
        ("dropped", "summary"),
        ("unfinished", "summary"),
        ("empty", "translation"),
        ("replacement", "article"),
    ]
    assert flags[-1].start == "Mưa to � quá.".index("�")


def test_of_a_good_record_the_calls_tell_nothing() -> None:
    result, _ = drive(translate(Summarized(article("x"), "Mưa to.", ()), FIT), say=str)
    assert truncation.check(View(result)) == []


# Repair


ASKS = Repair(candidates=3)
FINED = "Ông Nguyễn Văn Tèo bị phạt 12 triệu đồng."


def several(*texts: str) -> Generation:
    best, *others = texts
    return replace(
        answer(best), others=tuple(Hypothesis(text, words(text), finished=True, score=None) for text in others)
    )


def repaired(stage: Any, say: dict[Any, Generation]) -> tuple[Any, list[Any]]:
    """Answer a stage's requests as `say` has them; return its result and the requests of each round."""
    rounds: list[Any] = []
    try:
        requests = next(stage)
        while True:
            rounds.append(requests)
            requests = stage.send([say[request] for request in requests])
    except StopIteration as stop:
        return stop.value, rounds


def test_a_flagged_translation_is_asked_for_again_and_the_clean_candidate_taken() -> None:
    record = Summarized(article("Bài.", title="Phạt 12 triệu"), f"{FINED} Trời mưa to.", ())
    result, rounds = repaired(
        translate(record, FIT, repair=ASKS),
        {
            "Phạt 12 triệu": answer("A fine of 12 million"),
            FINED: answer("Nguyen Van To was fined VND20 million."),
            "Trời mưa to.": answer("It rained heavily."),
            Candidates(FINED, 3): several("Nguyen Van To.", "Nguyen Van Teo was fined VND12 million.", "Teo."),
        },
    )
    assert rounds[1:] == [[Candidates(FINED, 3)]]
    assert result.sentences[0].translation == "Nguyen Van Teo was fined VND12 million."
    assert result.translation.endswith("It rained heavily.")
    (one,) = result.repaired
    assert (one.field, one.index, one.taken, one.rank) == ("translation", 0, "beam", 2)
    assert one.first == "Nguyen Van To was fined VND20 million."
    assert [(call.round, call.repair) for call in result.calls] == [(0, False)] * 3 + [(1, True)]


def test_where_an_error_is_left_other_ways_to_write_the_sentence_are_tried() -> None:
    wrong = several("Nguyen Van To was fined VND12 million.")
    ascii_ = "Ông Nguyen Van Teo bị phạt 12 triệu đồng."
    say = {
        FINED: wrong,
        Candidates(FINED, 3): wrong,
        ascii_: answer("Nguyen Van Teo was fined VND12 million."),
    }
    record = Summarized(article("Bài.", title=""), FINED, ())
    result, rounds = repaired(translate(record, FIT, repair=ASKS), say)
    assert rounds == [[FINED], [Candidates(FINED, 3)], [ascii_]]
    assert (result.repaired[0].taken, result.repaired[0].rank, result.repaired[0].after) == ("names", 0, ())
    plain = ASKS.model_copy(update={"variants": False})
    result, rounds = repaired(translate(record, FIT, repair=plain), say)
    assert len(rounds) == 2
    assert (result.repaired[0].taken, result.repaired[0].after) == ("first", ("name error",))
    assert result.translation == result.repaired[0].first == wrong.text


def test_what_an_editor_has_corrected_is_not_asked_for_again() -> None:
    record = Summarized(article("Bài.", title=""), FINED, ())
    say = {FINED: answer("Nguyen Van To was fined VND12 million.")}
    result, rounds = repaired(translate(record, FIT, repair=ASKS, corrected={FINED}), say)
    assert (len(rounds), result.repaired) == (1, ())


BODY = "Chiều 3/5, cơ quan công an đã phạt ông Tèo 12 triệu đồng vì lấn chiếm vỉa hè ở phố cổ Hà Nội."
ROOMY = Chunker(words, 100)


def summary_of(first: str, *others: str, repair: Repair = ASKS) -> tuple[Any, list[Any]]:
    say = {BODY: answer(first), Candidates(BODY, 3): several(*(others or ("",)))}
    return repaired(summarize(article(BODY, title="Phạt"), ROOMY, repair=repair), say)


def test_a_summary_with_a_number_that_the_article_lacks_is_asked_for_again() -> None:
    result, rounds = summary_of("Ông Tèo bị phạt 15 triệu đồng.", "Phạt 16 triệu.", "Ông Tèo bị phạt 12 triệu đồng.")
    assert rounds[1:] == [[Candidates(BODY, 3)]]
    assert result.summary == "Ông Tèo bị phạt 12 triệu đồng."
    assert (result.repaired[0].field, result.repaired[0].taken) == ("summary", "beam")
    assert [(call.round, call.repair) for call in result.calls] == [(0, False), (1, True)]


def test_where_every_summary_has_an_error_the_article_s_own_sentences_are_taken() -> None:
    wrong = "Ông Tèo bị phạt 15 triệu đồng."
    result, _ = summary_of(wrong, "Phạt 16 triệu đồng.")
    assert result.summary == BODY
    assert (result.repaired[0].taken, result.repaired[0].first) == ("extractive", wrong)
    result, _ = summary_of(wrong, "Phạt 16 triệu đồng.", repair=ASKS.model_copy(update={"fallback": "none"}))
    assert (result.summary, result.repaired[0].taken) == (wrong, "first")


def test_a_clean_summary_costs_nothing() -> None:
    result, rounds = summary_of("Ông Tèo bị phạt 12 triệu đồng.")
    assert (len(rounds), result.repaired) == (1, ())


def test_a_sentence_that_was_cut_off_and_replaced_is_not_flagged_as_unfinished() -> None:
    say = {
        FINED: answer("Nguyen Van Teo was fined", finished=False),
        Candidates(FINED, 3): several("Nguyen Van Teo was fined VND12 million."),
    }
    result, _ = repaired(translate(Summarized(article("Bài.", title=""), FINED, ()), FIT, repair=ASKS), say)
    assert [flag for flag in truncation.check(View(result)) if flag.check == "unfinished"] == []
    say[Candidates(FINED, 3)] = replace(several("Nguyen Van Teo was fined VND12 million"), finished=False)
    result, _ = repaired(translate(Summarized(article("Bài.", title=""), FINED, ()), FIT, repair=ASKS), say)
    (flag,) = (flag for flag in truncation.check(View(result)) if flag.check == "unfinished")
    assert (flag.field, flag.start, flag.end) == ("translation", 0, len(result.translation))
