"""What a run writes down while it works: log.jsonl and the seconds of each stage.

Every line of the log is one JSON object with `time`, `run`, `stage` and `event`, and `record` where it is about one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pipeline.messages import logged_to
from pipeline.progress import Progress
from pipeline.records import JSON


class RunLog:
    """The log of one run, in its staging folder; a context manager. What the library logs meanwhile is in it too."""

    def __init__(self, folder: Path, *, run: str, progress: Progress) -> None:
        self.timings: dict[str, float] = {}
        self.opening: dict[str, float] = {}  # of the timings: the seconds in which an engine was opened
        self._run, self._progress = run, progress
        self._stage = ""
        self._open = ExitStack()
        self._path = folder / "log.jsonl"
        self._log = self._open.enter_context(self._path.open("w", encoding="utf-8"))
        self._open.enter_context(logged_to(lambda message: self.event("notice", {"message": message})))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the file; what is logged from now on is not in it."""
        self._open.close()

    def event(self, kind: str, values: dict[str, JSON]) -> None:
        """Write one line of the log."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "run": self._run, "stage": self._stage, "event": kind} | values
        self._log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._log.flush()

    @contextmanager
    def stage(self, name: str, total: int | None, *, beside: Callable[[], float] = lambda: 0.0) -> Iterator[None]:
        """Time a stage, and say that it starts and ends; `beside`: the seconds of it that were another stage's."""
        self._stage = name
        started = time.monotonic()
        self._progress.begin(name, total)
        yield
        self.ended(name, time.monotonic() - started - beside())

    def ended(self, name: str, seconds: float) -> None:
        """Say that a stage has ended, and what it took."""
        self._stage = name
        self.timings[name] = round(seconds, 3)
        self.event("stage", {"seconds": self.timings[name]})

    def opened(self, name: str, seconds: float, *, is_kept: bool) -> None:
        """Say that the engine of a stage is open, and whether its model was in memory already."""
        self.opening[name] = round(seconds, 3)
        self.event("open", {"of": name, "seconds": self.opening[name], "kept": is_kept})

    def add(self, name: str, *, seconds: float, opening: float) -> None:
        """Add what a stage took before this run."""
        self.timings[name] = round(self.timings[name] + seconds, 3)
        self.opening[name] = round(self.opening.get(name, 0.0) + opening, 3)

    def include(self, lines: Iterable[str]) -> None:
        """Write lines of the log of another run."""
        self._log.writelines(lines)

    def lines(self, name: str) -> list[str]:
        """Return what was logged in a stage."""
        with self._path.open(encoding="utf-8") as log:
            return [line for line in log if json.loads(line)["stage"] == name]

    def expect(self, seconds: float) -> None:
        """Say how many seconds the present stage still needs."""
        self._progress.expect(seconds)

    def advance(self, count: int) -> None:
        """Say that so many more records are done in the present stage."""
        self._progress.advance(count)
