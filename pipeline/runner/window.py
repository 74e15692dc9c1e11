"""The time a run has: it stops early enough that the batch in flight, and publishing, end inside it."""

from __future__ import annotations

import time
from collections.abc import Callable

# Seconds to inspect and publish a record, with the report: measured 4 ms for articles of 600 words, on a busy core.
PUBLISHING = 0.01


class Window:
    """A deadline, asked after each answer; without one it is never over."""

    def __init__(self, seconds: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = float("inf") if seconds is None else clock() + seconds
        self.begin(reserve=0.0)

    def begin(self, *, reserve: float, later: float = 0.0) -> None:
        """Start a stage: `reserve` seconds must be left at its end, and `later` seconds for each that it took."""
        self._began = self._last = self._clock()
        self._longest = 0.0
        self._reserve, self._later = reserve, later

    def over(self) -> str | None:
        """Return why to stop now: the next answer would come too late, if it takes as long as the longest so far."""
        now = self._clock()
        self._longest, self._last = max(self._longest, now - self._last), now
        needed = self._longest + self._reserve + self._later * (now - self._began)
        if now + needed <= self._end:
            return None
        return f"stopped at the deadline of {self._seconds:g} s"
