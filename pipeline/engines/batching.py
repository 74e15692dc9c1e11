"""Batching for every backend: knows rows of token ids and how long they are, nothing of models or files.

The caller's thread pulls texts, encodes, sorts, packs and decodes; the backend's worker threads compute, each with a
batch in hand and one waiting for it, so the model does not idle while the next window is read. A window is half of
what may be pulled ahead: while its batches run, the other half fills. Decisions that need one place are taken
here, once:

- *Cut*: a source longer than the checkpoint takes loses the end of its text, but keeps what follows it: a
  model that sees no `</s>` does not know that the text ended. `Generation.dropped_tokens` counts the loss.
- *Memory*: a batch that does not fit is halved, and half its size is the budget from then on.
- *Poison*: a batch that fails otherwise is bisected until the text at fault is alone, and that text is
  `Refused`.
- *Death*: where the process that computed a batch dies and others go on, each of its texts is tried once more, alone;
  a text that was in two dead workers is `Refused`.
- *Hang*: where no batch comes back for so long, the engine is given up (`HungError`): a thread that computes cannot
  be stopped, so the process has to end once what is finished is stored and reported.
- *Deterministic*: one text a batch, in the order they come. Any larger batch pads a text by its neighbors'
  length, and then the order of additions, so the last bits, depend on who they are.
- *Search*: a batch has one search. A row of a beam that is several times as wide as the checkpoint's own counts as
  several: each hypothesis has a decoder state of its own.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, NoReturn, Protocol

from pipeline.engines.workers import Outcome, Trouble, Workers
from pipeline.errors import EngineError, HungError
from pipeline.records import Candidates, Generation, Hypothesis, Refused, Request

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint

_log = logging.getLogger(__name__)

# Pulled and not yet answered, at most: so many full batches' worth of tokens, and so many texts (for
# memory's sake, where they are short). With lengths like those of news articles, 8192 tokens a batch, a
# window of 8 batches leaves 12 % padding and one of 64 leaves 3 %; with sentences, 4096 a batch, 24 and 6 %.
WINDOW_BATCHES = 64
WINDOW_TEXTS = 16384
# With more workers than this the window is as many times as large: each of them has batches of its own in it.
WINDOW_WORKERS = 8
# A model about to have nothing to do gets a smaller window: the first one, or any of a slow source.
START_BATCHES = 4
# Texts encoded in one call: some milliseconds, so that a finished batch is seen soon.
CHUNK_TEXTS = 64
# Batches given to each worker: one it computes, and one so that it never waits for this thread.
AHEAD = 2
# Seconds a batch is waited for while no other comes back. The slowest that is seen here, 2048 tokens on two busy cores,
# takes two minutes; the first on a GPU may compile for some.
PATIENCE = 30 * 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend gives for one row."""

    ids: list[int]  # of the answer alone: no start, language code, end mark or padding
    finished: bool  # the model itself ended it
    score: float | None  # mean log-probability a token, or None
    others: tuple[Answer, ...] = ()  # with `candidates`: the hypotheses after this one, the best first


class Backend(Protocol):
    """A model on a device: one batch in, one answer for each of its rows."""

    workers: int  # batches it computes at the same time, each `run` in a thread of its own

    def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
        """Return the answers to `rows` (unpadded token ids, the longest first), in their order.

        By the checkpoint's own search; with `candidates`, each is the best of so many hypotheses of a beam of that
        width, which ends when all of them are finished, and the rest are its `others`.

        May raise `MemoryError`, or a `RuntimeError` that speaks of memory, when the batch does not fit; any
        other `RuntimeError`, `ValueError` or `IndexError` when a row cannot be answered; `EngineError` when
        the device is lost.
        """
        ...

    def close(self) -> None:
        """Free the model's memory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What an engine has done so far; batches that failed and were tried again are not counted."""

    batches: int = 0
    texts: int = 0
    tokens: int = 0  # of the sources, after cuts
    slots: int = 0  # rows × longest, summed: 1 - tokens / slots is the padding
    budget: int = 0  # slots a batch may have now: slots / (batches × budget) is how full they were
    busy_seconds: float = 0.0  # the backend computed; with several workers, the mean of theirs
    idle_seconds: float = 0.0  # it waited, between two batches of one call, for this thread or the caller


@dataclass(frozen=True, slots=True)
class _Row:
    index: int
    ids: list[int]
    dropped: int
    candidates: int | None  # that its request asks for
    width: int  # of its beam, in beams of the checkpoint's own search, at least 1
    died: bool = False  # a worker died while it computed this

    @property
    def load(self) -> int:
        """How much of a batch's budget it takes when it is not padded."""
        return len(self.ids) * self.width


@dataclass(slots=True)
class _Call:
    """One call of `generate`: where its texts are. Rows wait, are packed into batches, and fly."""

    source: Iterator[tuple[int, Request]]
    more: bool = True  # the source may have more
    held: int = 0  # texts pulled and not yet answered
    waiting: list[_Row] = field(default_factory=list)
    waiting_tokens: int = 0
    batches: deque[list[_Row]] = field(default_factory=deque)
    flying: dict[Future[Outcome], list[_Row]] = field(default_factory=dict)  # in the order they were launched
    last_end: dict[int, float] = field(default_factory=dict)  # of each worker

    def put_back(self, rows: list[_Row]) -> None:
        self.waiting = rows
        self.waiting_tokens = sum(row.load for row in rows)


class BatchingEngine:
    """An `Engine` made of a checkpoint (which encodes and decodes) and a backend (which computes)."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        workers: Workers,
        budget: int,
        patience: float,
    ) -> None:
        """Take `budget` source tokens a batch, padding counted; each reduction is logged.

        Where no batch comes back for longer than `patience` seconds, `generate` raises `HungError`.
        """
        self._checkpoint = checkpoint
        self._workers = workers
        self._patience = patience
        self._launched: dict[Future[Outcome], list[_Row]] = {}  # not yet seen to be done
        self._hung = False
        self._at_hand = 0
        self._budget = budget  # as asked for; `Stats.budget` is what fits
        beams = checkpoint.generation["num_beams"]
        assert isinstance(beams, int)
        self._beams = beams
        self._stats = Stats(budget=budget)

    def generate(self, requests: Iterable[Request]) -> Generator[tuple[int, Generation | Refused]]:
        """Yield `(index, answer)` for every request; see `Engine.generate`."""
        call = _Call(enumerate(requests))
        try:
            while True:
                while call.batches and len(call.flying) < self._ahead:
                    self._launch(call)
                if room := self._room(call):
                    yield from self._pull(call, room)
                    if call.flying and self._workers.wait(call.flying, timeout=0):
                        yield from self._land(call)
                elif call.waiting and len(call.flying) < self._ahead:
                    call.batches.extend(self._pack(call.waiting, budget=self._share(call)))
                    # The last batch holds what was left over; with more to come it can still be filled.
                    call.put_back(call.batches.pop() if call.more and len(call.batches) > 1 else [])
                elif call.flying:
                    yield from self._land(call)
                else:
                    return
        finally:
            for future in call.flying:
                self._workers.cancel(future)  # where it is computed all the same, its answers are dropped

    def at_hand(self) -> int:
        """Return how many answers of a finished batch `generate` has not given yet."""
        return self._at_hand

    def width(self) -> int:
        """Return how many times as large as for a few workers the window is."""
        return -(-self._workers.count // WINDOW_WORKERS)

    def stats(self) -> Stats:
        """Return the totals of every `generate` of this engine so far."""
        return self._stats

    def close(self) -> None:
        """Wait for the batches that run, if any, and free the model; where it hangs, leave it to the process's end."""
        if not self._hung:
            running = {one: batch for one, batch in self._launched.items() if not self._workers.cancel(one)}
            while running:
                for future in self._done(running):
                    del running[future]
        self._workers.close(hung=self._hung)

    @property
    def _ahead(self) -> int:
        """How many batches are handed over at a time."""
        return AHEAD * self._workers.count

    def _room(self, call: _Call) -> int:
        """Return how many texts to pull now: none when the source is at its end or the window is full."""
        width, full = self.width(), len(call.flying) >= self._ahead
        enough = WINDOW_BATCHES // 2 * width if full else START_BATCHES * self._workers.count
        if not call.more or call.waiting_tokens >= enough * self._budget:
            return 0
        return min(CHUNK_TEXTS, WINDOW_TEXTS // 2 * width - len(call.waiting), WINDOW_TEXTS * width - call.held)

    def _pull(self, call: _Call, room: int) -> Iterator[tuple[int, Refused]]:
        """Take the next texts of the source into `call.waiting`."""
        pulled = list(islice(call.source, room))
        call.more = len(pulled) == room
        call.held += len(pulled)
        for index, row in self._encode(pulled):
            if isinstance(row, Refused):
                call.held -= 1
                yield index, row
            else:
                call.waiting.append(row)
                call.waiting_tokens += row.load

    def _launch(self, call: _Call) -> None:
        """Give the next batch to the worker, packed again where the budget has shrunk since."""
        batch = call.batches.popleft()
        if len(batch) > 1 and _load(batch) > self._stats.budget:
            call.batches.extendleft(reversed(self._pack(batch, budget=self._stats.budget)))
            batch = call.batches.popleft()
        future = self._workers.submit([row.ids for row in batch], batch[0].candidates)
        call.flying[future] = batch
        self._launched = {one: rows for one, rows in self._launched.items() if not one.done()} | {future: batch}

    def _land(self, call: _Call) -> Iterator[tuple[int, Generation | Refused]]:
        """Wait for a batch in flight; yield its answers, or put its texts into smaller batches."""
        future = self._done(call.flying)[0]
        batch, outcome = call.flying.pop(future), future.result()
        self._clock(outcome, call.last_end.get(outcome.worker))
        call.last_end[outcome.worker] = outcome.ended
        answers: Iterable[tuple[int, Generation | Refused]]
        if isinstance(outcome.result, Trouble):
            answers = self._recover(batch, outcome.result, call.batches)
        else:
            answers = self._answers(batch, outcome.result)
            self._at_hand = len(batch)
        for answer in answers:
            call.held -= 1
            self._at_hand = max(0, self._at_hand - 1)
            yield answer

    def _done(self, flying: dict[Future[Outcome], list[_Row]]) -> list[Future[Outcome]]:
        """Wait for one of the batches at least; return those that are done, in the order they were launched."""
        done = self._workers.wait(flying, timeout=self._patience)
        if not done:
            self._give_up(next(iter(flying.values())))
        return [future for future in flying if future in done]

    def _give_up(self, batch: list[_Row]) -> NoReturn:
        self._hung = True
        raise HungError(
            f"{self._checkpoint.name}: a batch of {len(batch)} texts × {len(batch[0].ids)} tokens has not come back in "
            f"{self._patience / 60:g} minutes; the {self._checkpoint.engine} engine hangs, so the process ends here. "
            "What is finished is kept: run again, with a lower `runtime.batch_tokens` if batches are that slow"
        )

    def _encode(self, pulled: list[tuple[int, Request]]) -> Iterator[tuple[int, _Row | Refused]]:
        """Yield the row of each text, cut to what the checkpoint takes, or why it cannot be encoded."""
        if not pulled:
            return
        try:
            encoded = self._checkpoint.encode(
                [request.text if isinstance(request, Candidates) else request for _, request in pulled]
            )
        except (TypeError, ValueError) as error:  # what the tokenizers raise for a lone surrogate
            if len(pulled) == 1:
                yield pulled[0][0], Refused("error", f"the text cannot be encoded: {error}")
                return
            for one in pulled:
                yield from self._encode([one])
            return
        for (index, request), ids in zip(pulled, encoded, strict=True):
            over = max(0, len(ids) - self._checkpoint.max_source)
            end = len(ids) - len(self._checkpoint.after)
            candidates = request.count if isinstance(request, Candidates) else None
            width = 1 if candidates is None else -(-candidates // self._beams)
            yield index, _Row(index, ids[: end - over] + ids[end:] if over else ids, over, candidates, width)

    def _share(self, call: _Call) -> int:
        """Return the budget of the batches to pack: less where nothing more comes and workers would get none."""
        if call.more:
            return self._stats.budget
        return min(self._stats.budget, -(-call.waiting_tokens // self._workers.count))

    def _pack(self, rows: list[_Row], *, budget: int) -> list[list[_Row]]:
        """Return `rows` in batches of one search, the longest first, of at most the budget, or of one row."""
        if self._checkpoint.deterministic:
            return [[row] for row in rows]
        rows = sorted(rows, key=lambda row: (row.candidates or 0, len(row.ids)), reverse=True)
        batches: list[list[_Row]] = []
        for row in rows:
            first = batches[-1][0] if batches else None
            if first and first.candidates == row.candidates and first.load * (len(batches[-1]) + 1) <= budget:
                batches[-1].append(row)
            else:
                batches.append([row])
        return batches

    def _answers(self, batch: list[_Row], answers: list[Answer]) -> Iterator[tuple[int, Generation]]:
        if len(answers) != len(batch):
            raise EngineError(
                f"{self._checkpoint.name}: the {self._checkpoint.engine} engine gave {len(answers)} "
                f"answers to a batch of {len(batch)} texts; this is a defect of tomdich, please report it"
            )
        self._stats = replace(
            self._stats,
            batches=self._stats.batches + 1,
            texts=self._stats.texts + len(batch),
            tokens=self._stats.tokens + sum(len(row.ids) for row in batch),
            slots=self._stats.slots + _slots(batch),
        )
        hypotheses = [[answer, *answer.others] for answer in answers]
        texts = iter(self._checkpoint.decode([one.ids for several in hypotheses for one in several]))
        for row, several in zip(batch, hypotheses, strict=True):
            best, *others = (Hypothesis(next(texts), len(one.ids), one.finished, one.score) for one in several)
            yield (
                row.index,
                Generation(
                    text=best.text,
                    source_tokens=len(row.ids) + row.dropped,
                    dropped_tokens=row.dropped,
                    output_tokens=best.output_tokens,
                    finished=best.finished,
                    score=best.score,
                    others=tuple(others),
                ),
            )

    def _recover(
        self, batch: list[_Row], trouble: Trouble, batches: deque[list[_Row]]
    ) -> Iterator[tuple[int, Refused]]:
        """Put the texts of a batch that failed into smaller ones; refuse a text that was alone."""
        rows, longest = len(batch), len(batch[0].ids)
        if trouble.kind == "lost":
            raise EngineError(
                f"{self._checkpoint.name}: the {self._checkpoint.device} device was lost: {trouble.message}; "
                "what is finished is kept, so run again"
            )
        if trouble.kind == "died":
            yield from self._survive(batch, trouble, batches)
        elif rows == 1 and trouble.kind == "memory":
            message = f"its {longest} tokens do not fit in memory, even alone: {trouble.message}"
            yield batch[0].index, Refused("memory", message)
        elif rows == 1:
            yield batch[0].index, Refused("error", trouble.message)
        elif trouble.kind == "memory":
            if _load(batch) <= self._stats.budget:  # else it was packed before an earlier reduction
                budget = _load(batch) // 2
                self._stats = replace(self._stats, budget=budget)
                _log.warning(
                    f"{self._checkpoint.name}: {rows} texts × {longest} tokens did not fit in memory; from "
                    f"here on at most {budget} tokens a batch (`runtime.batch_tokens: {budget}` starts there)"
                )
            batches.extendleft(reversed(self._pack(batch, budget=self._stats.budget)))
        else:
            batches.extendleft((batch[rows // 2 :], batch[: rows // 2]))

    def _survive(
        self, batch: list[_Row], trouble: Trouble, batches: deque[list[_Row]]
    ) -> Iterator[tuple[int, Refused]]:
        """Put the texts that a worker died with into batches of their own; refuse those that it was the second of."""
        for row in batch:
            if row.died:
                yield row.index, Refused("died", f"two workers died while they computed it: {trouble.message}")
            else:
                batches.appendleft([replace(row, died=True)])

    def _clock(self, outcome: Outcome, last_end: float | None) -> None:
        idle = 0.0 if last_end is None else max(0.0, outcome.started - last_end)
        self._stats = replace(
            self._stats,
            busy_seconds=self._stats.busy_seconds + (outcome.ended - outcome.started) / self._workers.count,
            idle_seconds=self._stats.idle_seconds + idle / self._workers.count,
        )


def _slots(batch: list[_Row]) -> int:
    return len(batch) * max(len(row.ids) for row in batch)


def _load(batch: list[_Row]) -> int:
    """Return how much of a budget the batch takes: its slots, times the width of its beam."""
    return _slots(batch) * batch[0].width
