"""What the command line prints beside results: messages and progress on stderr, and the signals that stop a run."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.errors import (
    ReaderGoneError,
    StdoutError,
)
from pipeline.messages import logged_to

if TYPE_CHECKING:
    from types import FrameType

    from pipeline.progress import Progress


@contextmanager
def keep_exit_code(done: str) -> Iterator[None]:
    """Print results of what is `done`: where stdout cannot take them, that is a notice, and no failure of the work."""
    try:
        yield
        sys.stdout.flush()
    except ReaderGoneError:
        pass
    except StdoutError as error:
        say(f"{error}; {done}")


def print_path(written: Path) -> None:
    """Print where a file went, unless it went to stdout itself."""
    if written != Path("-"):
        with keep_exit_code(f"{written} is written"):
            typer.echo(str(written))


def say(message: str) -> None:
    """Print a message on stderr, controls made visible: a path or an id in it comes from outside."""
    from pipeline.text.sanitize import visible

    typer.echo(visible(message), err=True)


@contextmanager
def stop_signals() -> Iterator[Callable[[], str | None]]:
    """Give a function that returns why to stop; a second signal ends the process at once.

    SIGHUP, of a terminal that is gone, stops like the others unless it is ignored (`nohup`). It is never the second
    signal: systemd and shells send it along with another one.
    """
    received: list[signal.Signals] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if any(one != signal.SIGHUP for one in received) and number != signal.SIGHUP:
            os._exit(130)
        received.append(signal.Signals(number))
        if len(received) > 1:
            return
        notice = f"{received[0].name}: stopping after the batch in flight; once more to stop at once\n"
        with suppress(OSError):  # a stderr that is gone
            # not by way of `sys.stderr`: it raises where the signal came while something was printed
            os.write(2, notice.encode())

    handled = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        handled.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield lambda: f"stopped by {received[0].name}" if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Give a progress bar on a terminal, a plain line every few seconds elsewhere; messages are printed above it."""
    from pipeline.progress import Bar, Lines

    if sys.stderr.isatty():
        with Bar() as bar, _print_messages(bar.notice):
            yield bar
    else:
        lines = Lines()
        with _print_messages(lines.notice):
            yield lines
        lines.done()


def show_messages() -> AbstractContextManager[None]:
    """Print on stderr what is logged in the block, for a command without progress."""
    return _print_messages(say)


def _print_messages(tell: Callable[[str], None]) -> AbstractContextManager[None]:
    return logged_to(tell, level=logging.INFO)
