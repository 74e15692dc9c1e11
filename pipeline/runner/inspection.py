"""The inspect stage: records into a file, in their order, inspected by processes beside this one where there are many.

The checks are the processor's work in Python, so threads would take turns, and the engine's thread with them. On a
cluster, actors on its spare CPUs inspect; the processes beside the run do until the first actor is ready, and again
where no actor is left.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from pipeline.checkpoints.device import cores
from pipeline.checks.protocol import CheckResult, WorkerConfig
from pipeline.records import Failure, Translated
from pipeline.runner.inspectors import Inspectors, Process
from pipeline.runner.spool import RecordFile

if TYPE_CHECKING:
    from pipeline.checks.rules import Rules
    from pipeline.engines.ray_cluster import Cluster
    from pipeline.runner.ray_inspectors import RayInspectors

_log = logging.getLogger(__name__)

HELD = "held.jsonl"  # the records that are held back, for a person
MANY = 200  # records; of fewer the workers' start is not worth it
_MOST_WORKERS = 4  # more would wait for this process, which sends and writes
_BUNDLE = 16  # records sent at once
_BUNDLE_BYTES = 1024 * 1024  # after which fewer are sent: the object store of a local cluster is small
_AHEAD = 64  # bundles sent and not yet written, at most: some ten megabytes

_encoder = msgspec.json.Encoder()


class Inspection:
    """The records inspected, in a file; a context manager, at whose end all are."""

    def __init__(
        self,
        folder: Path,
        *,
        setup: WorkerConfig,
        total: int,
        fail: Callable[[Failure], None],
        cluster: Callable[[], Cluster | None] = lambda: None,
    ) -> None:
        """Take about `total` records; `cluster` gives that of the run, once it is connected."""
        self.listed = folder / HELD
        self.flagged = self.held = 0
        self.seconds = 0.0  # that the run's own thread spent on it
        self._setup = setup
        self._fail = fail
        self._files = ExitStack()
        self.records = self._files.enter_context(RecordFile(folder / "inspect.jsonl", Translated))
        self._listed = self._files.enter_context(self.listed.open("wb"))
        self._cluster = cluster
        self._is_many = total >= MANY
        self._actors: RayInspectors | None = None
        self._inspectors = Inspectors(setup)
        self._is_alone = True  # nobody inspects but this process
        count = min(cores(), _MOST_WORKERS) if self._is_many else 0
        for _ in range(count if count > 1 else 0):
            self._is_alone = False
            self._inspectors.join(Process(), reserve=True)
        self._bundle: list[bytes] = []
        self._size = 0  # bytes of the bundle
        self._deaths: set[str] = set()  # where one is reported
        self._sent: deque[tuple[bytes, Future[list[CheckResult] | None]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._files:
            try:
                if kind is None:
                    self._finish()
            finally:
                if self._actors is not None:
                    self._actors.close()
                self._inspectors.close()

    def add(self, record: Translated) -> None:
        """Inspect a record, now or soon."""
        started = time.monotonic()
        if self._is_many:
            self._take_actors()
        if self._is_alone:
            from pipeline.checks.worker import inspected

            self._keep(inspected(record, self._rules))
        else:
            line = _encoder.encode(record)
            self._bundle.append(line)
            self._size += len(line)
            if len(self._bundle) == _BUNDLE or self._size >= _BUNDLE_BYTES:
                self._send()
            while self._sent and (len(self._sent) > _AHEAD or self._sent[0][1].done()):
                self._land()
        self.seconds += time.monotonic() - started

    def _finish(self) -> None:
        started = time.monotonic()
        if self._bundle:
            self._send()
        while self._sent:
            self._land()
        self.seconds += time.monotonic() - started

    def _take_actors(self) -> None:
        """Have the actors inspect that have become ready on the cluster."""
        if self._actors is None and (cluster := self._cluster()) is not None:
            from pipeline.runner.ray_inspectors import RayInspectors

            self._actors = RayInspectors(cluster, most=_MOST_WORKERS)
        for inspector in () if self._actors is None else self._actors.arrived():
            self._is_alone = False
            self._inspectors.join(inspector, reserve=False)

    def _send(self) -> None:
        bundle = b"\n".join(self._bundle)
        self._bundle, self._size = [], 0
        self._sent.append((bundle, self._inspectors.ask(bundle)))

    def _land(self) -> None:
        """Keep the first bundle that was sent; it is inspected here where nobody else can."""
        bundle, future = self._sent.popleft()
        answers = future.result()
        for where in self._inspectors.deaths():
            if where not in self._deaths:
                self._deaths.add(where)
                _log.warning(
                    f"a process that inspected {where} has ended before its time; what it had is inspected again"
                )
        if answers is None:
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
