"""Messages for a person: what the library logs, and who listens to it.

Each module logs to the logger of its own name, below `pipeline`, as any library does: without a listener nothing is
printed. The command line prints the messages, a run writes them into its log.jsonl, `check` makes findings of them. A
warning is about a run's input, its models or its outputs; information is about the progress of long work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

_ABOUT: ContextVar[str] = ContextVar("about", default="")


class _Listener(logging.Handler):
    """Calls a function with each message, in the thread that logs it; what the function raises is raised there."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(_ABOUT.get() + record.getMessage())


@contextmanager
def logged_to(
    tell: Callable[[str], None], *, of: str = "pipeline", level: int = logging.WARNING, alone: bool = False
) -> Iterator[None]:
    """Call `tell` with each message of the logger `of`, and of those below it, that is logged in the block.

    `level`: the least level of them. `alone`: no listener of a logger above hears them meanwhile.
    """
    logger, listener = logging.getLogger(of), _Listener(tell)
    listener.setLevel(level)
    before = logger.level, logger.propagate
    if not logger.isEnabledFor(level):
        logger.setLevel(level)
    logger.propagate = logger.propagate and not alone
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def muted(of: str) -> AbstractContextManager[None]:
    """Drop the messages of the logger `of`, and of those below it, in the block: they are logged elsewhere."""
    return logged_to(lambda _: None, of=of, alone=True)


@contextmanager
def about(name: str) -> Iterator[None]:
    """Put `name: ` before each message that this thread logs in the block."""
    token = _ABOUT.set(f"{name}: ")
    try:
        yield
    finally:
        _ABOUT.reset(token)
