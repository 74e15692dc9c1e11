"""Those that inspect records for a run, each in a process of its own, and the queue from which they take bundles.

A bundle whose inspector died is inspected once more by another one, and then by the run itself. How an inspector is
reached is behind `Inspector`: a process beside the run over pipes (`Process`), or an actor of a cluster (`with_ray`).
The processes are plain ones: those of `concurrent.futures` import the main module again, and stay for ever where the
run is killed.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Protocol

import msgspec

from pipeline.checks.protocol import CheckResult, WorkerConfig, receive, send

_TRIES = 2  # inspectors that may die of one bundle: the run itself inspects it after that
# SIGTERM: systemd sends it to all the processes of a run at once, and the run itself ends in its own time
_START = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.path[:] = {path!r}
from pipeline.checks.worker import main
main()
"""

_answers = msgspec.msgpack.Decoder(list[CheckResult])


class Inspector(Protocol):
    """One that inspects; its calls are made by one thread, but for `end`."""

    @property
    def where(self) -> str:
        """Where it is, in words, for a message of its death."""
        ...

    def begin(self, setup: bytes) -> None:
        """Have it load the tables of the checks; `setup` is a `WorkerConfig`. The first bundle reports a failure."""
        ...

    def ask(self, bundle: bytes) -> bytes | None:
        """Return its answer to a bundle (see `protocol`), or None where it has died."""
        ...

    def end(self) -> None:
        """End it, whatever it does: a call that waits for it returns. More than once is no error."""
        ...

    def close(self) -> None:
        """Free what it held, after `end`."""
        ...


@dataclass(slots=True, eq=False)
class _Task:
    """A bundle, and where what is found goes: None where the run itself has to inspect it."""

    bundle: bytes
    future: Future[list[CheckResult] | None] = field(default_factory=Future)
    deaths: int = 0


class Inspectors:
    """Inspectors, each with a thread here that speaks to it."""

    def __init__(self, setup: WorkerConfig) -> None:
        self._setup = msgspec.msgpack.encode(setup)
        self._tasks: deque[_Task] = deque()
        self._inspectors: list[Inspector] = []
        self._alive = self._preferred = 0
        self._threads: list[Thread] = []
        self._deaths: list[str] = []
        self._closing = False
        self._changed = Condition()

    def join(self, inspector: Inspector, *, reserve: bool) -> None:
        """Let `inspector` take bundles; one that is in `reserve` only while there is no other."""
        with self._changed:
            self._inspectors.append(inspector)
            self._alive += 1
            self._preferred += not reserve
        thread = Thread(target=self._serve, args=(inspector, reserve), name="inspect")
        self._threads.append(thread)
        thread.start()

    def ask(self, bundle: bytes) -> Future[list[CheckResult] | None]:
        """Return what will be found, or None, where the inspectors die."""
        task = _Task(bundle)
        with self._changed:
            self._put(task)
        return task.future

    def deaths(self) -> list[str]:
        """Return where inspectors have died since the last call."""
        with self._changed:
            deaths, self._deaths = self._deaths, []
        return deaths

    def close(self) -> None:
        """End the inspectors, whatever they do."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for inspector in self._inspectors:
            inspector.end()
        for thread in self._threads:
            thread.join()
        for inspector in self._inspectors:
            inspector.close()

    def _put(self, task: _Task) -> None:
        if not self._alive or task.deaths == _TRIES:
            task.future.set_result(None)
        elif task.deaths:
            self._tasks.appendleft(task)
        else:
            self._tasks.append(task)
        self._changed.notify_all()

    def _serve(self, inspector: Inspector, reserve: bool) -> None:
        inspector.begin(self._setup)
        while (task := self._next(reserve=reserve)) is not None:
            answers = None
            try:
                answers = _answered(inspector, task.bundle)
            finally:
                if answers is None:
                    inspector.end()  # what it might still say would answer another question
                    self._lose(inspector, task, reserve=reserve)
            if answers is None:
                return
            task.future.set_result(answers)

    def _next(self, *, reserve: bool) -> _Task | None:
        """Return the next bundle for one inspector; None where it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or (self._tasks and not (reserve and self._preferred)))
            return None if self._closing else self._tasks.popleft()

    def _lose(self, inspector: Inspector, task: _Task, *, reserve: bool) -> None:
        """Go on without an inspector that has died of `task`, or during it."""
        with self._changed:
            self._alive -= 1
            self._preferred -= not reserve
            self._deaths.append(inspector.where)
            task.deaths += 1
            self._put(task)
            if not self._alive:
                for left in self._tasks:
                    left.future.set_result(None)
                self._tasks.clear()


def _answered(inspector: Inspector, bundle: bytes) -> list[CheckResult] | None:
    """Return the results of a bundle, None where they are not what was asked for."""
    if (answer := inspector.ask(bundle)) is None:
        return None
    try:
        answers = _answers.decode(answer)
    except (msgspec.DecodeError, MemoryError):
        return None
    return answers if len(answers) == bundle.count(b"\n") + 1 else None


class Process:
    """A process beside the run; where it cannot be started, it answers None."""

    where = "on this machine"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # -P and this process's path: the package that runs here, and no folder of its name where the run was started
        command = [sys.executable, "-P", "-c", _START.format(path=sys.path)]
        pipe = subprocess.PIPE
        with suppress(OSError):  # no memory, no process left
            # a group of its own: Ctrl-C of the terminal is for the run
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, process_group=0)

    def begin(self, setup: bytes) -> None:
        """Send the setup: the process loads its tables while the run still reads."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):  # the pipe is broken, or closed
                send(self._process.stdin, setup)

    def ask(self, bundle: bytes) -> bytes | None:
        """Return its answer, or None where it has died."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            send(process.stdin, bundle)
            return receive(process.stdout)
        except (OSError, ValueError, MemoryError):  # the pipe is broken, closed, or of another's words
            return None

    def end(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Wait for the process and close the pipes; what was not sent is not."""
        if self._process is not None:
            with suppress(OSError), self._process:
                pass
