"""The stage runner: results in order, each distinct text asked once, bounded memory, and errors of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EngineError, StoppedError
from pipeline.records import Article, Candidates, Failure, Generation, Hypothesis, Origin, Refused, Request
from pipeline.runner.stage_runner import StageRunner
from pipeline.stages import Round
from pipeline.storage.memo import Calls, open_memo
from tests.records import article_record


def article(number: int, text: str) -> Article:
    return article_record(text, id=f"a{number}", source=Origin("f", number))


def generation(request: Request) -> Generation:
    if isinstance(request, Candidates):
        others = tuple(Hypothesis(f"{request.text} {n}", 1, finished=True, score=-n) for n in range(1, request.count))
        return replace(generation(request.text), others=others)
    return Generation(request[::-1], len(request), 0, len(request), finished=True, score=None)


class Backwards:
    """An engine that answers each chunk of texts in reverse order, and remembers what it was asked."""

    def __init__(self, chunk: int = 4) -> None:
        self.asked: list[Request] = []
        self.chunk = chunk
        self.ahead = 0
        self.is_closed = False

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[int, Generation | Refused]]:
        pending: list[tuple[int, Request]] = []
        for number, request in enumerate(requests):
            self.asked.append(request)
            pending.append((number, request))
            self.ahead = max(self.ahead, len(pending))
            if len(pending) == self.chunk:
                yield from self.flush(pending)
        yield from self.flush(pending)

    def flush(self, pending: list[tuple[int, Request]]) -> Iterator[tuple[int, Generation | Refused]]:
        while pending:
            number, request = pending.pop()
            yield number, Refused("error", "poison") if "poison" in str(request) else generation(request)

    def at_hand(self) -> int:
        return 0

    def width(self) -> int:
        return 1

    def close(self) -> None:
        self.is_closed = True


def spell(record: Article) -> Round[str | Failure]:
    """Ask for each word, then for all the answers joined; a text `raise` is a bug in the stage."""
    if record.text == "raise":
        raise ValueError("a bug")
    words = yield record.text.split()
    if len(words) > 1:
        words = yield [" ".join(word.text for word in words)]
    return words[0].text if words else ""


def expected(text: str) -> str:
    words = [word[::-1] for word in text.split()]
    return " ".join(words)[::-1] if len(words) > 1 else "".join(words)


def memo_calls() -> Calls:
    return open_memo(None).calls({})


def results_of(texts: list[str], *, window: int = 8, engine: Backwards | None = None, calls: Calls | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    engine = engine or Backwards()
    runner: StageRunner[Article, str] = StageRunner(
        name="summarize", stage=spell, calls=calls or memo_calls(), open_engine=lambda: engine, window=window
    )
    return list(runner.over(article(n, text) for n, text in enumerate(texts))), runner, engine


@settings(max_examples=100)
@given(st.lists(st.text(alphabet="ab ", max_size=12), max_size=40), st.integers(1, 10), st.integers(1, 7))
def test_results_come_in_order_and_each_distinct_text_is_asked_once(texts: list[str], window: int, chunk: int) -> None:
    results, runner, engine = results_of(texts, window=window, engine=Backwards(chunk))
    assert results == [expected(text) for text in texts]
    assert len(engine.asked) == len(set(engine.asked)) == runner.counts.computed


def test_candidates_of_a_text_are_a_call_of_their_own_beside_its_first_answer() -> None:
    def ask_again(record: Article) -> Round[str | Failure]:
        first, wider = yield [record.text, Candidates(record.text, 3)]
        (again,) = yield [Candidates(record.text, 2)]
        return " | ".join([first.text, wider.text, *(one.text for one in (*wider.others, *again.others))])

    calls, found = memo_calls(), list[list[str | Failure]]()
    for _ in range(2):
        runner: StageRunner[Article, str] = StageRunner(
            name="summarize", stage=ask_again, calls=calls, open_engine=Backwards
        )
        found.append(list(runner.over([article(0, "ba"), article(1, "ba")])))
        counted = runner.counts.computed, runner.counts.replayed
        assert counted == ((3, 3) if len(found) == 1 else (0, 6))
    assert found == [["ab | ab | ba 1 | ba 2 | ba 1"] * 2] * 2


def test_what_the_memo_knows_opens_no_engine() -> None:
    calls = memo_calls()
    texts = ["một hai", "ba", "bốn năm"]
    first, _, _ = results_of(texts, calls=calls)
    again, runner, engine = results_of(texts, calls=calls)
    assert again == first
    assert engine.asked == []
    assert (runner.counts.computed, runner.counts.replayed) == (0, 7 - 0)


def test_what_the_memo_knows_leaves_before_the_next_record_is_started() -> None:
    calls = memo_calls()
    texts = ["một hai", "ba", "bốn năm", "sáu"]
    results_of(texts, calls=calls)
    started = 0

    def records() -> Iterator[Article]:
        nonlocal started
        for number, text in enumerate([*texts[:3], "mới", texts[3]]):
            started += 1
            yield article(number, text)

    runner: StageRunner[Article, str] = StageRunner(name="summarize", stage=spell, calls=calls, open_engine=Backwards)
    seen = [started for _ in runner.over(records())]
    assert seen == [1, 2, 3, 5, 5]


def test_the_engine_is_opened_once_for_all_rounds_and_closed_with_the_runner() -> None:
    engines: list[Backwards] = []

    def opened() -> Backwards:
        engines.append(Backwards())
        return engines[-1]

    runner: StageRunner[Article, str] = StageRunner(
        name="summarize", stage=spell, calls=memo_calls(), open_engine=opened, window=1
    )
    with runner:
        list(runner.over([article(0, "một hai"), article(1, "ba bốn")]))
        assert [engine.is_closed for engine in engines] == [False]
    assert engines[0].is_closed


def test_a_refused_text_fails_its_records_only_and_is_asked_again_next_time() -> None:
    calls = memo_calls()
    results, _, _ = results_of(["một", "poison", "hai", "ba poison"], calls=calls)
    assert [type(result).__name__ for result in results] == ["str", "Failure", "str", "Failure"]
    assert results[1].retry
    assert "poison" in results[1].message
    _, _, engine = results_of(["poison"], calls=calls)
    assert engine.asked == ["poison"]


def test_a_record_of_which_two_texts_are_refused_fails_once() -> None:
    results, runner, _ = results_of(["poison một poisonous", "hai"])
    assert [type(result).__name__ for result in results] == ["Failure", "str"]
    assert runner.finished == 2


def test_a_bug_in_a_stage_fails_its_record_only() -> None:
    results, _, _ = results_of(["một", "raise", "hai"])
    assert isinstance(results[1], Failure)
    assert "ValueError: a bug" in results[1].message
    assert results[0::2] == ["tộm", "iah"]


def test_records_in_flight_stay_within_the_window() -> None:
    started = finished = most = 0

    def records() -> Iterator[Article]:
        nonlocal started, most
        for number in range(200):
            started += 1
            most = max(most, started - finished)
            yield article(number, f"chữ{number}")

    runner: StageRunner[Article, str] = StageRunner(
        name="summarize", stage=spell, calls=memo_calls(), open_engine=Backwards, window=16, widest=16
    )
    for _ in runner.over(records()):
        finished += 1
    assert most <= 16 + 1
    assert finished == 200


def test_stopping_keeps_what_is_finished() -> None:
    calls = memo_calls()
    texts = [f"chữ{number}" for number in range(50)]
    answered = 0

    def stopping() -> str | None:
        nonlocal answered
        answered += 1
        return "SIGTERM" if answered > 10 else None

    runner: StageRunner[Article, str] = StageRunner(
        name="summarize", stage=spell, calls=calls, open_engine=Backwards, stopping=stopping
    )
    with pytest.raises(StoppedError, match="SIGTERM"):
        list(runner.over(article(n, text) for n, text in enumerate(texts)))
    _, again, _ = results_of(texts, calls=calls)
    assert (again.counts.replayed, again.counts.computed) == (11, 39)


class Batches(Backwards):
    """It says how many answers of a chunk are left."""

    left = 0

    def flush(self, pending: list[tuple[int, Request]]) -> Iterator[tuple[int, Generation | Refused]]:
        for self.left, answer in zip(range(len(pending) - 1, -1, -1), super().flush(pending), strict=False):
            yield answer

    def at_hand(self) -> int:
        return self.left


def test_stopping_keeps_the_whole_batch_that_is_computed() -> None:
    calls = memo_calls()
    texts = [f"chữ{number}" for number in range(50)]
    runner: StageRunner[Article, str] = StageRunner(
        name="summarize", stage=spell, calls=calls, open_engine=lambda: Batches(8), stopping=lambda: "the deadline"
    )
    with pytest.raises(StoppedError):
        list(runner.over(article(n, text) for n, text in enumerate(texts)))
    assert runner.counts.computed == 8
    assert runner.finished == 8


def test_characters_are_counted_as_they_are_answered_and_are_all_of_a_record_in_the_end() -> None:
    counted: list[int] = []
    texts = ["một hai ba", "raise", "poison", "bốn"]
    runner: StageRunner[Article, str] = StageRunner(
        name="summarize",
        stage=spell,
        calls=memo_calls(),
        open_engine=Backwards,
        answered=lambda: counted.append(runner.characters),
    )
    list(runner.over(article(n, text) for n, text in enumerate(texts)))
    assert counted == sorted(counted)
    assert 0 < counted[0] < runner.characters == sum(map(len, texts))
    assert runner.finished == 4


def test_a_growing_window_completes_the_first_records_before_it_takes_many() -> None:
    class Counting(Backwards):
        def __init__(self) -> None:
            super().__init__(chunk=100)
            self.calls: list[int] = []

        def generate(self, requests: Iterable[Request]) -> Iterator[tuple[int, Generation | Refused]]:
            asked = list(requests)
            self.calls.append(len(asked))
            return super().generate(asked)

    engine = Counting()
    runner: StageRunner[Article, str] = StageRunner(
        name="summarize", stage=spell, calls=memo_calls(), open_engine=lambda: engine, window=2, widest=8
    )
    assert len(list(runner.over(article(n, f"chữ{n}") for n in range(30)))) == 30
    assert engine.calls == [2, 4, 8, 8, 8]


class Twice(Backwards):
    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[int, Generation | Refused]]:
        for index, answer in super().generate(requests):
            yield index, answer
            yield index, answer


class Lazy(Backwards):
    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[int, Generation | Refused]]:
        yield from list(super().generate(requests))[1:]


@pytest.mark.parametrize(("engine", "said"), [(Twice(), "twice"), (Lazy(), "unanswered")])
def test_an_engine_that_breaks_its_contract_ends_the_run(engine: Backwards, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        results_of(["một", "hai", "ba"], engine=engine)


def test_an_answer_is_in_the_memo_before_its_record_is_handed_on(tmp_path: Path) -> None:
    with open_memo(tmp_path) as memo, open_memo(tmp_path) as other:
        runner: StageRunner[Article, str] = StageRunner(
            name="summarize", stage=spell, calls=memo.calls({}), open_engine=lambda: Backwards(1)
        )
        for number, _ in enumerate(runner.over(article(n, f"chữ{n}") for n in range(5))):
            assert other.calls({}).get(f"chữ{number}") is not None
