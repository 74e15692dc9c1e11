"""The inspect stage: records into a file, in their order, inspected by processes beside this one where there are many.

The checks are the processor's work in Python, so threads would take turns, and the engine's thread with them. The
workers are plain processes over pipes: those of `concurrent.futures` import the main module again, and stay for ever
where the run is killed.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Self

import msgspec

from pipeline.checkpoints.device import cores
from pipeline.checks.protocol import CheckResult, WorkerConfig, receive, send
from pipeline.records import Failure, Translated
from pipeline.runner.spool import RecordFile

if TYPE_CHECKING:
    from pipeline.checks.rules import Rules

_log = logging.getLogger(__name__)

HELD = "held.jsonl"  # the records that are held back, for a person
MANY = 200  # records; of fewer the workers' start is not worth it
_MOST_WORKERS = 4  # more would wait for this process, which sends and writes
_BUNDLE = 16  # records sent at once
_AHEAD = 64  # bundles sent and not yet written, at most: some ten megabytes
# SIGTERM: systemd sends it to all the processes of a run at once, and the run itself ends in its own time
_START = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.path[:] = {path!r}
from pipeline.checks.worker import main
main()
"""

_encoder = msgspec.json.Encoder()
_answers = msgspec.msgpack.Decoder(list[CheckResult])
_BROKEN = (OSError, ValueError, MemoryError, msgspec.DecodeError)  # pipes: broken, closed, or of another's words


class Inspection:
    """The records inspected, in a file; a context manager, at whose end all are."""

    def __init__(
        self,
        folder: Path,
        *,
        setup: WorkerConfig,
        total: int,
        fail: Callable[[Failure], None],
    ) -> None:
        """Take about `total` records."""
        self.listed = folder / HELD
        self.flagged = self.held = 0
        self.seconds = 0.0  # that the run's own thread spent on it
        self._setup = setup
        self._fail = fail
        self._files = ExitStack()
        self.records = self._files.enter_context(RecordFile(folder / "inspect.jsonl", Translated))
        self._listed = self._files.enter_context(self.listed.open("wb"))
        count = min(cores(), _MOST_WORKERS) if total >= MANY else 0
        self._workers = _Workers(setup, count=count) if count > 1 else None
        self._bundle: list[bytes] = []
        self._sent: deque[tuple[bytes, Future[list[CheckResult] | None]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._files:
            try:
                if kind is None:
                    self._finish()
            finally:
                if self._workers is not None:
                    self._workers.close()

    def add(self, record: Translated) -> None:
        """Inspect a record, now or soon."""
        started = time.monotonic()
        if self._workers is None:
            from pipeline.checks.worker import inspected

            self._keep(inspected(record, self._rules))
        else:
            self._bundle.append(_encoder.encode(record))
            if len(self._bundle) == _BUNDLE:
                self._send(self._workers)
            while self._sent and (len(self._sent) > _AHEAD or self._sent[0][1].done()):
                self._land()
        self.seconds += time.monotonic() - started

    def _finish(self) -> None:
        started = time.monotonic()
        if self._bundle and self._workers is not None:
            self._send(self._workers)
        while self._sent:
            self._land()
        self.seconds += time.monotonic() - started

    def _send(self, workers: _Workers) -> None:
        bundle = b"\n".join(self._bundle)
        self._bundle = []
        self._sent.append((bundle, workers.ask(bundle)))

    def _land(self) -> None:
        """Keep the first bundle that was sent; it is inspected here where its worker has died."""
        bundle, future = self._sent.popleft()
        answers = future.result()
        if answers is None:
            if self._workers is not None and not self._workers.death_reported:
                self._workers.death_reported = True
                _log.warning("a process that inspected has ended before its time; what it had is inspected here")
            from pipeline.checks.worker import bundle_inspected

            answers = bundle_inspected(bundle, self._rules)
        for answer in answers:
            self._keep(answer)

    @cached_property
    def _rules(self) -> Rules:
        from pipeline.checks.worker import rules

        return rules(self._setup)

    def _keep(self, answer: CheckResult) -> None:
        if answer.failure is not None:
            self._fail(answer.failure)
            return
        self.records.add_line(answer.line)
        self.flagged += answer.flagged
        if answer.held:
            self.held += 1
            self._listed.write(answer.held + b"\n")


class _Workers:
    """Processes that inspect, each with a thread here that speaks to it."""

    def __init__(self, setup: WorkerConfig, *, count: int) -> None:
        self.death_reported = False  # it was said that one has died
        self._all = [_Worker(msgspec.msgpack.encode(setup)) for _ in range(count)]
        self._left = count
        self._lock = Lock()
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="inspect")
        for worker in self._all:
            self._threads.submit(self._begin, worker)

    def _begin(self, worker: _Worker) -> None:
        try:
            worker.begin()
        finally:
            self._idle.put(worker)

    def ask(self, bundle: bytes) -> Future[list[CheckResult] | None]:
        """Return what will be found, or None, where the worker dies."""
        return self._threads.submit(self._ask, bundle)

    def _ask(self, bundle: bytes) -> list[CheckResult] | None:
        worker = self._idle.get()
        answers: list[CheckResult] | None = None
        try:
            answers = worker.ask(bundle)
        finally:
            with self._lock:
                if answers is None and self._left > 1:
                    self._left -= 1  # the others take its turns
                else:
                    self._idle.put(worker)
        return answers

    def close(self) -> None:
        """End the processes, whatever they do."""
        for worker in self._all:
            worker.end()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._all:
            worker.close()


class _Worker:
    """One process; where it has died, or never began, it answers None."""

    def __init__(self, setup: bytes) -> None:
        self._setup = setup
        self._dead = False
        self._process: subprocess.Popen[bytes] | None = None
        # -P and this process's path: the package that runs here, and no folder of its name where the run was started
        command = [sys.executable, "-P", "-c", _START.format(path=sys.path)]
        pipe = subprocess.PIPE
        with suppress(OSError):  # no memory, no process left
            # a group of its own: Ctrl-C of the terminal is for the run
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, process_group=0)

    def begin(self) -> None:
        """Send the setup: the process loads its tables while the run still reads."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(*_BROKEN):  # the first bundle reports it
                send(self._process.stdin, self._setup)

    def ask(self, bundle: bytes) -> list[CheckResult] | None:
        """Return an answer for each record of the bundle; None for this bundle and all that follow."""
        process = self._process
        if self._dead or process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            send(process.stdin, bundle)
            if (answer := receive(process.stdout)) is not None:
                answers = _answers.decode(answer)
                if len(answers) == bundle.count(b"\n") + 1:
                    return answers
        except _BROKEN:
            pass
        self._dead = True  # what it might still say would answer another question
        self.end()
        return None

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        if self._process is not None:
            with suppress(OSError), self._process:  # waits for it and closes the pipes; what was not sent is not
                pass
