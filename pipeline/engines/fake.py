"""The fake backend: no model, the same answer to the same text always, and words that make it misbehave.

It is a real `engine: fake` of the config, behind the same batching as the others, so tests of everything
above it need no patching. Its answer is the text up to its first sentence end, at most `max_new_tokens`
words; a word is a token. A text that holds one of these words (by itself, between spaces) gets this instead:

    fake:empty     an answer without a word
    fake:slip      the answer without its words with a digit; of several candidates, the first one only
    fake:loop      its own words again and again up to the length limit, unfinished
    fake:slow      the answer, but its batch takes 50 ms
    fake:second    the answer, but its batch takes a second
    fake:memory    its batch does not fit in memory, unless it is alone
    fake:huge      it does not fit in memory, even alone
    fake:refuse    its batch fails, and so does it alone
    fake:lost      the engine is lost
    fake:crash     the process ends, as killed, half a second into its batch
    fake:hang      its batch never comes back

Of several candidates, each one after the first lacks one more word at the end.

A word in the first sentence is part of the answer, and so reaches the next stage too; one after it does not.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Literal, get_args

from pipeline.engines.batching import Answer
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint

Trigger = Literal["empty", "slip", "loop", "slow", "second", "memory", "huge", "refuse", "lost", "crash", "hang"]
_SLOW_SECONDS = 0.05
_CRASH_SECONDS = 0.5
_FOREVER = 7 * 24 * 3600.0


class FakeBackend:
    """A `Backend` that computes nothing."""

    workers = 1

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take the fake checkpoint, whose tokens are words."""
        self._checkpoint = checkpoint
        limit = checkpoint.generation["max_new_tokens"]
        assert isinstance(limit, int)
        self._limit = limit
        words = checkpoint.tokenizer.encode([f"fake:{name}" for name in get_args(Trigger)])
        self._triggers: dict[int, Trigger] = {row[0]: name for row, name in zip(words, get_args(Trigger), strict=True)}
        self._head = len(checkpoint.before) + len(checkpoint.tokenizer.encode([f"{checkpoint.prefix}x"])[0]) - 1
        self._tail = len(checkpoint.after)

    def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
        """Return the answers to `rows`; misbehaves where their words ask for it."""
        found = [{self._triggers[token] for token in row if token in self._triggers} for row in rows]
        everything: set[Trigger] = set().union(*found)
        if "crash" in everything:
            time.sleep(_CRASH_SECONDS)  # so that the answers to the batch before have left the process
            os._exit(1)
        if "hang" in everything:
            time.sleep(_FOREVER)
        if "lost" in everything:
            raise EngineError(f"{self._checkpoint.name}: the fake engine is lost: a text says fake:lost")
        if "huge" in everything or ("memory" in everything and len(rows) > 1):
            raise MemoryError("a text says fake:memory or fake:huge")
        if "refuse" in everything:
            raise RuntimeError("a text says fake:refuse")
        if "slow" in everything:
            time.sleep(_SLOW_SECONDS)
        if "second" in everything:
            time.sleep(1.0)
        return [self._best(row, triggers, candidates or 1) for row, triggers in zip(rows, found, strict=True)]

    def close(self) -> None:
        """Free nothing."""

    def _best(self, row: Sequence[int], triggers: set[Trigger], count: int) -> Answer:
        answer = self._answer(row, triggers)
        others = tuple(replace(answer, ids=answer.ids[: max(0, len(answer.ids) - lost)]) for lost in range(1, count))
        if "slip" in triggers:
            kept = [token for token in answer.ids if not re.search(r"\d", self._checkpoint.tokenizer.piece(token))]
            return replace(answer, ids=kept, others=(answer, *others[:-1]) if others else ())
        return replace(answer, others=others)

    def _answer(self, row: Sequence[int], triggers: set[Trigger]) -> Answer:
        text = list(row[self._head : len(row) - self._tail])
        if "empty" in triggers:
            return Answer([], finished=True, score=None)
        if "loop" in triggers:
            return Answer(list(islice(cycle(text), self._limit)), finished=False, score=None)
        for end, word in enumerate(map(self._checkpoint.tokenizer.piece, text[: self._limit]), start=1):
            if word.endswith((".", "!", "?", "…")):
                return Answer(text[:end], finished=True, score=None)
        return Answer(text[: self._limit], finished=len(text) <= self._limit, score=None)
