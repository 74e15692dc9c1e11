"""Workers on a Ray cluster: plain actors, each with a model, and a driver that alone has the memo and the texts.

Ray restarts no actor and repeats no call (`max_restarts=0, max_task_retries=0`): what a death means is decided here and
in `batching`. Each worker has two batches for every one that it computes at a time. All of it happens in the caller's
thread, while it waits: it takes what is done, commits, and refills.

- *A worker dies, or its node leaves*: the batches that it computed come back as `died`, those behind them go to others.
  A worker is asked for in its place.
- *A node comes*: with `workers: auto` it is seen within some seconds; with a number, Ray places the workers that wait
  for room.
- *A worker cannot open its model*, or its node has another version of tomdich: it is left out, with a warning. Where
  none can, the error is raised.
- *A checkpoint* is found, converted or received by the first worker of a node; the others of the node wait for it.
- *The end*: every actor is killed before `close` returns, whatever it does.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline import __version__
from pipeline.checkpoints.nodes import Sending
from pipeline.engines.batching import AHEAD, PATIENCE
from pipeline.engines.ray_cluster import Cluster, lacks_package, needs, no_environment, other_version, reason
from pipeline.engines.ray_worker import Place, Worker
from pipeline.engines.workers import Outcome, Trouble
from pipeline.errors import EngineError, StoppedError, TomdichError

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.config import EnginePool, Runtime

_log = logging.getLogger(__name__)

LOOK = 5.0
"""Seconds between two looks at the nodes of the cluster."""
_SLICE = 1.0  # seconds after which a wait looks around
_TELL = 15.0  # seconds without a worker after which that is said
_LEAVE = 10.0  # seconds in which an idle worker frees its model
DEATHS = 10
"""So many workers that die one after the other, with no batch finished between, end the run: it is not the texts."""

_Ref: TypeAlias = Any  # of Ray's, or of its client's


@dataclass(slots=True, eq=False)
class _Batch:
    """A batch, and where its outcome goes."""

    rows: list[list[int]]
    candidates: int | None
    future: Future[Outcome]


@dataclass(slots=True, eq=False)
class _Member:
    """A worker of the pool."""

    actor: Any
    number: int
    place: Place | None = None
    is_open: bool = False
    batches: dict[_Ref, _Batch] = field(default_factory=dict)  # in the order in which it computes them
    sending: Sending | None = None
    pieces: Iterator[tuple[str, bytes]] = field(default_factory=lambda: iter(()))

    @property
    def where(self) -> str:
        return "a node" if self.place is None else f"node {self.place.host}"


@dataclass(slots=True, eq=False)
class _Node:
    """What of the checkpoint is on a node."""

    checkpoint: Checkpoint | None = None  # with the node's paths, once its files are there
    first: _Member | None = None  # sees to the files
    others: list[_Member] = field(default_factory=list)  # wait for them


_Step: TypeAlias = Callable[[_Member, Any], None]


class RayWorkers:
    """The `Workers` of an engine pool."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        pool: EnginePool,
        runtime: Runtime,
        connect: Callable[[], Cluster] | None,
        stopping: Callable[[], str | None],
    ) -> None:
        """Connect, and wait for the first worker with its model loaded; a cluster of `connect` the caller closes.

        Raises `ConfigError` and `ModelError` as the cluster and its workers say, `StoppedError` where `stopping` does
        while nobody computes.
        """
        self._checkpoint, self._pool, self._stopping = checkpoint, pool, stopping
        self._members: list[_Member] = []
        self._nodes: dict[str, _Node] = {}
        self._queue: deque[_Batch] = deque()
        self._refs: dict[_Ref, tuple[_Member, _Step | None]] = {}  # None: a batch
        self._made = self._unfit = self._deaths = 0
        self._look_at = 0.0
        self._idle_since: float | None = None
        self._told = False
        threads = runtime.threads or pool.cpus_per_worker
        self._runtime = runtime.model_copy(update={"threads": threads, "engine_pool": None})
        # CTranslate2 computes a batch on each core; the others share a batch among the cores
        self._each = threads if (checkpoint.engine, checkpoint.device) == ("ctranslate2", "cpu") else 1
        self._is_own = connect is None
        self._cluster = Cluster(pool) if connect is None else connect()
        self._ray = self._cluster.ray
        try:
            options = {"num_cpus": pool.cpus_per_worker, "num_gpus": pool.gpus_per_worker}
            self._actor = self._ray.remote(Worker).options(
                max_restarts=0, max_task_retries=0, max_concurrency=self._each, **options
            )
            self._spec = self._ray.put(checkpoint)
            while not any(member.is_open for member in self._members):
                self._turn(_SLICE)
        except BaseException:
            self.close(hung=False)
            raise

    @property
    def count(self) -> int:
        """Batches that are computed at the same time by the workers that are open; at least 1."""
        return max(1, self._each * sum(member.is_open for member in self._members))

    def submit(self, rows: list[list[int]], candidates: int | None) -> Future[Outcome]:
        """Hand over a batch."""
        batch = _Batch(rows, candidates, Future())
        self._queue.append(batch)
        self._dispatch()
        return batch.future

    def wait(self, batches: Collection[Future[Outcome]], *, timeout: float) -> set[Future[Outcome]]:
        """Return those of `batches` that are done, as soon as one is; none after `timeout` seconds.

        Raises `EngineError` where workers die one after the other, or the cluster has none for too long.
        """
        end = time.monotonic() + timeout
        self._turn(0)
        while not (done := {batch for batch in batches if batch.done()}):
            left = end - time.monotonic()
            if left <= 0:
                break
            self._turn(min(left, _SLICE))
        return done

    def cancel(self, batch: Future[Outcome]) -> bool:
        """Give a batch up; its worker is killed rather than waited for."""
        batch.cancel()
        return True

    def close(self, *, hung: bool) -> None:
        """End every worker, and the connection where it is this pool's own."""
        del hung  # an actor that hangs is killed as well
        with suppress(self._ray.exceptions.RayError, ConnectionError):
            idle = [member for member in self._members if member.is_open and not member.batches]
            if leaving := [member.actor.leave.remote() for member in idle]:
                self._ray.wait(leaving, num_returns=len(leaving), timeout=_LEAVE)
        for member in self._members:
            self._cluster.kill(member.actor)
        self._members.clear()
        self._refs.clear()
        if self._is_own:
            self._cluster.close()

    # One turn: take what is done, give out what waits, look at the nodes now and then

    def _turn(self, timeout: float) -> None:
        if time.monotonic() >= self._look_at:
            self._grow()
        refs = list(self._refs)
        if not refs:
            time.sleep(timeout)
        elif self._ray.wait(refs, num_returns=1, timeout=timeout)[0]:
            done, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
            for ref in done:
                self._take(ref)
        self._dispatch()
        self._require_workers()

    def _take(self, ref: _Ref) -> None:
        """Take what a worker has answered."""
        if ref not in self._refs:
            return  # its worker has died in this turn
        member, step = self._refs.pop(ref)
        try:
            value = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, TomdichError) else _defect(error, member.where)
            if step is not None:
                self._leave_out(member, cause)
            elif not (future := member.batches.pop(ref).future).cancelled():
                future.set_exception(cause)
        except self._ray.exceptions.RayError as error:
            self._lose(member, error)
        else:
            if step is not None:
                step(member, value)
            else:
                self._deaths = 0
                _finish(member.batches.pop(ref), value)

    def _dispatch(self) -> None:
        """Give the batches that wait to the workers with the fewest."""
        while self._queue:
            member = min(
                (member for member in self._members if member.is_open), key=lambda one: len(one.batches), default=None
            )
            if member is None or len(member.batches) >= AHEAD * self._each:
                return
            batch = self._queue.popleft()
            if not batch.future.cancelled():
                ref = member.actor.run.remote(batch.rows, batch.candidates)
                member.batches[ref] = batch
                self._refs[ref] = (member, None)

    # How many workers there are to be

    def _room(self) -> int:
        return sum(node.room for node in self._cluster.nodes())

    def _wanted(self) -> int:
        """Return how many workers to have or to wait for. On a cluster that grows, those that wait are its demand."""
        asked = self._pool.workers
        if asked != "auto" and not self._cluster.is_local:
            return asked
        room = max(1, self._room())
        if asked == "auto" or asked <= room:
            return room if asked == "auto" else asked
        if not self._told:
            self._told = True
            _log.warning(f"runtime.engine_pool.workers: this machine has room for {room} of {asked}")
        return room

    def _grow(self) -> None:
        self._look_at = time.monotonic() + LOOK
        for _ in range(self._wanted() - self._unfit - len(self._members)):
            member = _Member(self._actor.remote(self._made), self._made)
            self._made += 1
            self._members.append(member)
            self._then(member, member.actor.place.remote(), self._placed)

    # The steps of a worker until it is open

    def _then(self, member: _Member, ref: _Ref, step: _Step) -> None:
        self._refs[ref] = (member, step)

    def _placed(self, member: _Member, place: Place) -> None:
        member.place = place
        if place.version != __version__:
            self._leave_out(member, other_version(member.where, place.version))
        else:
            self._prepare(member, place)

    def _prepare(self, member: _Member, place: Place) -> None:
        node = self._nodes.setdefault(place.node, _Node())
        if node.checkpoint is not None:
            self._then(member, member.actor.open.remote(node.checkpoint, self._runtime), self._opened)
        elif node.first is None:
            node.first = member
            self._then(member, member.actor.find.remote(self._spec), self._found)
        else:
            node.others.append(member)

    def _found(self, member: _Member, checkpoint: Checkpoint | None) -> None:
        assert member.place is not None
        if checkpoint is None:
            _log.info(f"{self._checkpoint.name}: is sent to {member.where}, which has neither it nor a way to the hub")
            member.sending = Sending(self._checkpoint)
            member.pieces = iter(member.sending)
            self._send(member)
            return
        node = self._nodes[member.place.node]
        node.checkpoint = checkpoint
        node.first = None
        for one in (member, *node.others):
            self._prepare(one, member.place)
        node.others.clear()

    def _send(self, member: _Member, _: None = None) -> None:
        """Send the next piece once the last one has arrived, and so on to the end."""
        assert member.sending is not None
        if (piece := next(member.pieces, None)) is None:
            self._then(member, member.actor.received.remote(member.sending.digests), self._found)
        else:
            self._then(member, member.actor.receive.remote(self._spec, *piece), self._send)

    def _opened(self, member: _Member, workers: int) -> None:
        assert workers == self._each, f"{workers} batches at a time, and not {self._each}"
        member.is_open = True

    # What goes wrong

    def _leave_out(self, member: _Member, error: TomdichError) -> None:
        """Go on without a worker that cannot be used; raise the error where there is no other."""
        self._remove(member)
        self._unfit += 1
        if not self._members:
            raise error
        _log.warning(f"{self._checkpoint.name}: a worker on {member.where} is left out: {error}")

    def _lose(self, member: _Member, error: Exception) -> None:
        """Give out again what a dead worker had; ask for another one."""
        if isinstance(error, self._ray.exceptions.RuntimeEnvSetupError):
            self._leave_out(member, no_environment(error))
            return
        if member.place is None and lacks_package(error):
            address = re.search(r"^\s*ip: (\S+)", str(error), re.MULTILINE)
            self._leave_out(member, other_version(f"node {address[1]}" if address else "a node", ""))
            return
        why = reason(error)
        refs = list(member.batches)
        answered = set(self._ray.wait(refs, num_returns=len(refs), timeout=0)[0]) if refs else set()
        lost = []
        for ref, batch in member.batches.items():
            try:
                outcome = self._ray.get(ref) if ref in answered else None  # what it said before it died
            except self._ray.exceptions.RayError:
                outcome = None
            if outcome is None:
                lost.append(batch)
            else:
                _finish(batch, outcome)
        self._remove(member)
        for batch in lost[: self._each]:
            _finish(batch, Outcome(Trouble("died", why), member.number, 0.0, 0.0))
        self._queue.extendleft(reversed(lost[self._each :]))
        self._look_at = 0.0
        self._deaths += 1
        if self._deaths >= DEATHS:
            raise EngineError(
                f"{self._checkpoint.name}: {DEATHS} workers died one after the other, the last on {member.where}: "
                f"{why}; what is finished is kept, so see to the cluster and run again"
            )
        _log.warning(f"{self._checkpoint.name}: a worker on {member.where} died: {why}; its texts go to others")

    def _remove(self, member: _Member) -> None:
        """Forget a worker; where it saw to the files of its node, the next one there does."""
        self._cluster.kill(member.actor)
        self._members.remove(member)
        for ref in [ref for ref, (owner, _) in self._refs.items() if owner is member]:
            del self._refs[ref]
        if member.place is None or (node := self._nodes.get(member.place.node)) is None:
            return
        if member in node.others:
            node.others.remove(member)
        if node.first is member:
            node.first = None
            if node.others:
                self._prepare(node.others.pop(0), member.place)

    def _require_workers(self) -> None:
        """Raise where no worker is open for too long, or the run is to stop meanwhile."""
        if any(member.is_open for member in self._members):
            self._idle_since = None
            return
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if reason := self._stopping():
            raise StoppedError(f"{reason} while waiting for a worker of the cluster; run it again")
        if now - self._idle_since > PATIENCE:
            raise EngineError(
                f"{self._checkpoint.name}: the cluster has had no worker with {needs(self._pool)} for "
                f"{PATIENCE / 60:g} minutes; what is finished is kept, so run again when it has"
            )
        if now - self._idle_since > _TELL and not self._told:
            self._told = True
            _log.warning(
                f"runtime.engine_pool: waits for a worker with {needs(self._pool)}; the cluster has no room yet"
            )


def _finish(batch: _Batch, outcome: Outcome) -> None:
    if not batch.future.cancelled():
        batch.future.set_result(outcome)


def _defect(error: Exception, where: str) -> EngineError:
    """Return what an exception of a worker comes to that no backend should raise."""
    return EngineError(
        f"a worker on {where}: {str(error).strip().splitlines()[-1]}; its traceback is in Ray's logs there"
    )
