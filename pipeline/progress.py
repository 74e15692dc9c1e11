"""Progress of long work on stderr: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, Self

from pipeline.text.sanitize import visible

if TYPE_CHECKING:
    from rich.progress import TaskID

_EVERY = 5.0  # seconds between plain lines: enough to see life, few enough for a log


def duration(seconds: float) -> str:
    """Return a time as a person reads it: `4.2 s`, `3 min 05 s`, `2 h 10 min`."""
    minutes, left = divmod(seconds, 60)
    if minutes < 1:
        return f"{left:.1f} s"
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {left:02.0f} s"


class Progress(Protocol):
    """What reports the progress of a run or a training; `Bar`, `Lines` and `Silent` implement it."""

    def begin(self, stage: str, total: int | None) -> None:
        """Say that a stage starts, with the number of what it will do if it is known."""
        ...

    def advance(self, count: int) -> None:
        """Say that so many more are done in the present stage."""
        ...

    def expect(self, seconds: float) -> None:
        """Say how many seconds the present stage still needs, where that is known better than by what is done."""
        ...


class Silent:
    """Progress that nobody sees: of a run that a program starts."""

    def begin(self, stage: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def expect(self, seconds: float) -> None:
        """Do nothing."""


class Bar:
    """A bar for each stage, with counts, rate and time left; a context manager."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description:>10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None
        self._expects = False

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._bars.stop()

    def begin(self, stage: str, total: int | None) -> None:
        """Start a bar; the one before it is full."""
        self._end()
        self._task = self._bars.add_task(stage, total=total, rate="", left="")
        self._expects = False

    def advance(self, count: int) -> None:
        """Move the present bar."""
        if self._task is not None:
            self._bars.advance(self._task, count)
            task = self._bars.tasks[self._task]
            if task.speed:
                self._bars.update(self._task, rate=f"{task.speed:.1f}/s")
            if not self._expects and task.time_remaining is not None:
                self._bars.update(self._task, left=f"{duration(task.time_remaining)} left")

    def expect(self, seconds: float) -> None:
        """Show the time left beside the present bar."""
        if self._task is not None:
            self._expects = True
            self._bars.update(self._task, left=f"{duration(seconds)} left")

    def notice(self, message: str) -> None:
        """Print above the bars."""
        self._bars.console.print(visible(message), markup=False, highlight=False, soft_wrap=True)

    def _end(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._task]
            self._bars.update(self._task, total=task.total or task.completed, left="")
            self._bars.stop_task(self._task)


class Lines:
    """A line when a stage starts and ends, and every few seconds between."""

    def __init__(self) -> None:
        self._stage, self._done = "", 0
        self._total: int | None = None
        self._started = self._last = 0.0
        self._ends: float | None = None  # as expected

    def begin(self, stage: str, total: int | None) -> None:
        """Start counting a stage."""
        self.done()
        self._stage, self._total, self._done, self._ends = stage, total, 0, None
        self._started = self._last = time.monotonic()

    def advance(self, count: int) -> None:
        """Count; say so when the last line is old enough."""
        self._done += count
        self._say()

    def expect(self, seconds: float) -> None:
        """Keep what the stage still needs; say so when the last line is old enough."""
        self._ends = time.monotonic() + seconds
        self._say()

    def notice(self, message: str) -> None:
        """Print the message."""
        print(visible(message), file=sys.stderr, flush=True)  # noqa: T201

    def done(self) -> None:
        """Say what the present stage came to."""
        if self._stage:
            self._line()
            self._stage = ""

    def _say(self) -> None:
        if time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            self._line()

    def _line(self) -> None:
        now = time.monotonic()
        seconds = max(now - self._started, 1e-3)
        rate = self._done / seconds
        left = ""
        if self._total and self._done < self._total and (self._ends is not None or rate):
            ends = now + (self._total - self._done) / rate if self._ends is None else self._ends
            left = f", {duration(max(0.0, ends - now))} left"
        of = f" of {self._total}" if self._total else ""
        self.notice(f"{self._stage}: {self._done}{of} in {seconds:.1f} s, {rate:.1f}/s{left}")
