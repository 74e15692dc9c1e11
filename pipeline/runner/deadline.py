"""Why a run stops early: a signal, a disk that is nearly full, a deadline.

At a deadline it stops early enough that the batch in flight, and publishing, end in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import StoppedError
from pipeline.runner.disk_space import Watch

# Seconds to inspect and publish a record, with the report: measured 4 ms for articles of 600 words, on a busy core.
PUBLISHING = 0.01


class Deadline:
    """A deadline, asked after each batch; without one it is never over."""

    def __init__(self, seconds: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = float("inf") if seconds is None else clock() + seconds
        self.begin()

    def begin(self, *, later: float = 0.0) -> None:
        """Start a stage; for each second that it computes, `later` seconds must be left for the next one."""
        self._began = self._last = self._clock()
        self._longest = self._opening = 0.0
        self._later = later

    def opened(self) -> None:
        """Say that the stage's model is loaded: that time is no batch's, but the next stage's model needs it too."""
        now = self._clock()
        self._opening += now - self._last
        self._began += now - self._last
        self._last = now

    def over(self, *, complete: int = 0) -> str | None:
        """Return why to stop now: the next batch would come too late, if it takes as long as the longest so far.

        `complete`: the records that are to be published if the stage ends here. Only they need time for it.
        """
        now = self._clock()
        self._longest, self._last = max(self._longest, now - self._last), now
        needed = self._longest + PUBLISHING * complete
        if self._later:
            needed += self._opening + self._later * (now - self._began)
        if now + needed <= self._end:
            return None
        return f"stopped at the deadline of {self._seconds:g} s"


@dataclass(frozen=True, slots=True)
class StopConditions:
    """What may end a run early, asked after each answer of an engine."""

    signal: Callable[[], str | None]
    space: Watch
    deadline: Deadline

    def publish_nothing(self) -> str | None:
        """Return why to stop and publish nothing: somebody waits for the end, or the disk has no room for a version."""
        return self.signal() or self.space.low()

    def now(self, *, complete: int = 0) -> str | None:
        """Return why to stop: as `publish_nothing`, or because the next answer would come after the deadline.

        `complete`: as in `Deadline.over`.
        """
        return self.publish_nothing() or self.deadline.over(complete=complete)

    def check(self, when: str) -> None:
        """Raise `StoppedError` where there is a reason to stop."""
        if (reason := self.now()) is not None:
            raise StoppedError(f"{reason} {when}; run it again")
