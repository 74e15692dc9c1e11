"""Wait for what may never answer: a pipe, a server, a model hub, and stop when there is a reason to.

A read that blocks cannot be interrupted, neither by a signal nor by a deadline. It runs in a thread of its own, and
the caller asks ten times a second whether to go on waiting.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from pipeline.errors import AbandonedError, StoppedError

Stopping: TypeAlias = Callable[[], str | None]  # returns why to stop, or None

T = TypeVar("T")
_EVERY = 0.1  # seconds between two questions whether to stop
_AHEAD = 8  # items that are read before they are asked for


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


def poll(action: Callable[[], T | None], *, what: str, stopping: Stopping) -> T:
    """Return what `action` returns, asked ten times a second until it is not None; raises `StoppedError`."""
    while True:
        if (found := action()) is not None:
            return found
        if reason := stopping():
            raise StoppedError(f"{reason} while waiting for {what}; run it again")
        time.sleep(_EVERY)


def call(action: Callable[[], T], *, what: str, stopping: Stopping | None) -> T:
    """Return what `action` returns; `what` it waits for is named in the error.

    Raises `AbandonedError` where `stopping` gives a reason first. None: the action is simply called.
    """
    if stopping is None:
        return action()

    def once() -> Iterator[T]:
        yield action()

    return next(iterate(once, what=what, stopping=stopping))


def iterate(produce: Callable[[], Iterator[T]], *, what: str, stopping: Stopping | None) -> Generator[T]:
    """Yield what the iterator of `produce` yields; raises as `call` does, and what the iterator raises."""
    if stopping is None:
        yield from produce()
        return
    reader = _Reader(produce)
    threading.Thread(target=reader.work, name=f"read {what}", daemon=True).start()
    try:
        while True:
            if reason := stopping():
                raise AbandonedError(f"{reason} while waiting for {what}; run it again")
            match reader.answer():
                case _Item(value):
                    yield value
                case _End(error):
                    if error is not None:
                        raise error
                    return
                case None:
                    pass
    finally:
        reader.left.set()


class _Reader(Generic[T]):
    """An iterator that a thread reads a few items ahead; `left`: nobody waits for it any more."""

    def __init__(self, produce: Callable[[], Iterator[T]]) -> None:
        self.left = threading.Event()
        self._produce = produce
        self._answers: queue.Queue[_Item[T] | _End] = queue.Queue(_AHEAD)

    def answer(self) -> _Item[T] | _End | None:
        """Return the next item, or the end; None where there is none yet."""
        try:
            return self._answers.get(timeout=_EVERY)
        except queue.Empty:
            return None

    def work(self) -> None:
        """Read to the end, or until nobody waits for it."""
        try:
            items = self._produce()
            with closing(items) if isinstance(items, Generator) else nullcontext():
                for item in items:
                    self._put(_Item(item))
                    if self.left.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._put(_End(error))
        else:
            self._put(_End(None))

    def _put(self, answer: _Item[T] | _End) -> None:
        while not self.left.is_set():
            with suppress(queue.Full):
                self._answers.put(answer, timeout=_EVERY)
                return
