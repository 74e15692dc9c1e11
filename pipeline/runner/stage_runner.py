"""Drive one stage over a stream of records: thousands of generators side by side, one stream to the engine.

A record that the memo knows wholly leaves at once, if nothing waits before it; the engine is opened only when something
is left to ask. Results leave in the order of the records; at most `window` records are in flight.
`open_stage` is the one way from a prepared checkpoint to a stage that runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Generic, Self, TypeAlias, TypeVar

from pipeline.engines import Engine, open_engine
from pipeline.errors import EngineError, StoppedError
from pipeline.failures import attempt, failure
from pipeline.records import Article, Failure, Generation, Refused, Request, StageName, Summarized, Translated
from pipeline.runner.preparing import chunker
from pipeline.stages import Round, second_characters

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.config import Runtime
    from pipeline.engines import LoadedModel
    from pipeline.engines.batching import BatchingEngine
    from pipeline.engines.ray_cluster import Cluster
    from pipeline.storage.memo import Calls, Memo
    from pipeline.text.chunking import Chunker

R = TypeVar("R", Article, Summarized, Translated)
T = TypeVar("T")

WINDOW = 4096
Opening: TypeAlias = "Callable[[Callable[[], BatchingEngine]], Engine]"


def open_stage(
    name: StageName,
    stage: Callable[[R, Chunker], Round[T | Failure]],
    checkpoint: Checkpoint,
    *,
    memo: Memo,
    runtime: Runtime,
    models: LoadedModel | None = None,
    opening: Opening = lambda open_: open_(),
    connect: Callable[[], Cluster] | None = None,
    stopping: Callable[[], str | None] = lambda: None,
    answered: Callable[[], None] = lambda: None,
    window: int = WINDOW,
    widest: int = WINDOW,
) -> StageRunner[R, T]:
    """Return the runner of `stage` with a prepared checkpoint: its chunker, its calls in the memo, its engine.

    A context manager, at whose end the engine is closed; `models` and `connect` as for `open_engine`. `opening` is
    called in place of what opens the engine, and is given that; the other arguments are those of `StageRunner`.
    """
    fitted = chunker(checkpoint)
    return StageRunner(
        name=name,
        stage=lambda record: stage(record, fitted),
        calls=memo.calls(checkpoint.identity()),
        open_engine=lambda: opening(
            partial(open_engine, checkpoint, runtime=runtime, models=models, connect=connect, stopping=stopping)
        ),
        stopping=stopping,
        answered=answered,
        window=window,
        widest=widest,
    )


@dataclass(slots=True)
class CallCounts:
    """How many calls of a stage were computed, and how many the memo or the call of an equal text answered."""

    computed: int = 0
    replayed: int = 0


@dataclass(slots=True)
class _InFlight(Generic[R, T]):
    """One record under way: its generator, and the answers of its present round."""

    record: R
    steps: Round[T | Failure]
    answers: list[Generation | None] = field(default_factory=list)
    missing: int = 0
    started: bool = False
    rounds: int = 0  # begun
    uncounted: int = 0  # characters of the record's text that are not in `StageRunner.characters` yet
    result: T | Failure | None = None


def characters(record: Article | Summarized | Translated) -> int:
    """Return how many characters a stage reads of a record: a measure of its work that needs no tokenizer."""
    match record:
        case Article():
            return len(record.text)
        case Summarized():
            return len(record.summary) + len(record.article.title)
        case Translated():
            return len(record.article_translation) if record.article_sentences else second_characters(record)


@dataclass(slots=True, kw_only=True)
class StageRunner(Generic[R, T]):
    """One stage over many records; a context manager, at whose end the engine is closed."""

    name: StageName
    stage: Callable[[R], Round[T | Failure]]
    calls: Calls
    open_engine: Callable[[], Engine]  # called once, when the memo first lacks an answer
    stopping: Callable[[], str | None] = lambda: None
    answered: Callable[[], None] = lambda: None  # called after each answer of the engine
    window: int = WINDOW  # records in flight, times the engine's `width`
    widest: int = 0  # to which `window` doubles, where it is larger, whenever all that it let in is answered
    counts: CallCounts = field(default_factory=CallCounts)
    finished: int = 0  # records with a result, also those that wait for one before them
    characters: int = 0  # of the records' texts, as far as they are answered
    _engine: Engine | None = None
    _flights: deque[_InFlight[R, T]] = field(default_factory=deque)
    _todo: deque[Request] = field(default_factory=deque)
    _waiting: dict[Request, list[tuple[_InFlight[R, T], int]]] = field(default_factory=dict)
    _asked: dict[int, Request] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine, if it is open, and free its memory."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def over(self, records: Iterable[R]) -> Iterator[T | Failure]:
        """Yield the stage's result for each record, in order.

        Raises `StoppedError` when asked to stop; every finished call is in the memo by then.
        """
        source = iter(records)
        while True:
            if self._todo:
                yield from self._ask(self._feed(source))
                yield from self._finished()  # those that asked nothing, behind the last answer
                self.window = max(self.window, min(2 * self.window, self.widest))
            elif (record := next(source, None)) is not None:
                self._start(record)
                yield from self._finished()
                if not self._todo:
                    self.check_stop()
            else:
                return

    def check_stop(self) -> None:
        """Raise `StoppedError` where there is a reason to stop."""
        reason = self.stopping()
        if reason:
            raise StoppedError(f"{reason}; {self.counts.computed} finished {self.name} calls are kept, run it again")

    def complete(self) -> Iterator[T | Failure]:
        """Yield the results that are finished when `over` was stopped, in order; what is in flight is passed over."""
        for flight in self._flights:
            if flight.result is not None:
                yield flight.result
        self._flights.clear()

    def _start(self, record: R) -> None:
        flight = _InFlight(record, self.stage(record), uncounted=characters(record))
        self._flights.append(flight)
        self._advance(flight)

    def _feed(self, source: Iterator[R]) -> Generator[Request]:
        """Yield the requests the memo does not know; start records as long as the window has room."""
        assert self._engine is not None, "the engine asks for them"
        for number in count():  # pragma: no branch - it counts without end
            while not self._todo:
                if len(self._flights) >= self.window * self._engine.width():
                    return
                record = next(source, None)
                if record is None:
                    return
                self._start(record)
            self._asked[number] = self._todo.popleft()
            yield self._asked[number]

    def _ask(self, requests: Iterable[Request]) -> Iterator[T | Failure]:
        if self._engine is None:
            self._engine = self.open_engine()
        engine = self._engine
        answers = engine.generate(requests)
        with closing(answers):  # type: ignore[type-var]
            for index, answer in answers:
                request = self._asked.pop(index, None)
                if request is None:
                    raise EngineError(f"{self.name}: the engine answered text {index} twice, or was never asked it")
                self._answer(request, answer)
                self.answered()
                yield from self._finished()
                if not engine.at_hand():  # what a batch has computed is kept whole
                    self.check_stop()
        if self._asked:
            raise EngineError(f"{self.name}: the engine left {len(self._asked)} texts unanswered")

    def _answer(self, request: Request, answer: Generation | Refused) -> None:
        waiting = self._waiting.pop(request)
        if isinstance(answer, Refused):
            for flight, _ in waiting:
                if flight.result is None:
                    flight.steps.close()
                    message = f"{answer.kind}: {answer.message}"
                    flight.result = failure(flight.record, stage=self.name, kind="refused", message=message)
                    self._count(flight, flight.uncounted)
                    self.finished += 1
            return
        stored = self.calls.put(request, answer)
        self.counts.computed += 1
        self.counts.replayed += len(waiting) - 1
        for flight, slot in waiting:
            self._count(flight, len(request) if isinstance(request, str) else 0)
            flight.answers[slot] = stored
            flight.missing -= 1
            if not flight.missing and flight.result is None:
                self._advance(flight)

    def _advance(self, flight: _InFlight[R, T]) -> None:
        """Send the answers in, take the next round; go on for as long as the memo knows it all."""
        result = attempt(self.name, flight.record, lambda: self._steps(flight))
        if result is not None:
            flight.result = result
            self._count(flight, flight.uncounted)
            self.finished += 1

    def _count(self, flight: _InFlight[R, T], size: int) -> None:
        """Count so many more characters of a record as answered, at most what it has."""
        counted = min(size, flight.uncounted)
        flight.uncounted -= counted
        self.characters += counted

    def _steps(self, flight: _InFlight[R, T]) -> T | Failure | None:
        try:
            while not flight.missing:
                if flight.started:
                    answers = [answer for answer in flight.answers if answer is not None]
                    round_ = flight.steps.send(answers)
                else:
                    flight.started = True
                    round_ = next(flight.steps)
                self._request(flight, round_)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        return None

    def _request(self, flight: _InFlight[R, T], requests: Sequence[Request]) -> None:
        flight.answers = [None] * len(requests)
        flight.rounds += 1
        for slot, request in enumerate(requests):
            known = None if request in self._waiting else self.calls.get(request)
            if known is not None:
                flight.answers[slot] = known
                self.counts.replayed += 1
                continue
            flight.missing += 1
            if request not in self._waiting and flight.rounds > 1:
                self._todo.appendleft(request)  # what completes a record goes before what begins one
            elif request not in self._waiting:
                self._todo.append(request)
            self._waiting.setdefault(request, []).append((flight, slot))

    def _finished(self) -> Iterator[T | Failure]:
        while self._flights and self._flights[0].result is not None:
            yield self._flights.popleft().result  # type: ignore[misc]
