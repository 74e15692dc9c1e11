"""Actors that inspect for a run, on the CPUs of a cluster that no worker of the engine pool can take.

All but the calls of an actor's own thread happens in the caller's. Each actor is bound to its node, so that a worker of
the pool finds there what it needs, whenever it comes. A node on which one has died, or cannot begin, gets no other.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.checks.worker import InspectingActor
from pipeline.engines.batching import PATIENCE
from pipeline.engines.ray_cluster import lacks_package, other_version, reason

if TYPE_CHECKING:
    from pipeline.engines.ray_cluster import Cluster, Node

_log = logging.getLogger(__name__)

_LOOK = 5.0  # seconds between two looks at the nodes of the cluster
_ASK = 0.5  # seconds between two questions whether an actor is ready
_SLICE = 1.0  # seconds after which a wait looks whether it is to end


class RayInspector:
    """An actor that inspects: an `Inspector`."""

    def __init__(self, cluster: Cluster, node: Node) -> None:
        self.node = node
        self.is_over = False
        self._cluster = cluster
        self._actor = cluster.start(InspectingActor, node=node)
        self.version = self._actor.version.remote()

    @property
    def where(self) -> str:
        """Its node."""
        return f"on node {self.node.host}"

    def begin(self, setup: bytes) -> None:
        """Send the setup."""
        self._actor.begin.remote(setup)

    def ask(self, bundle: bytes) -> bytes | None:
        """Return its answer, or None where it has died, or has given none for too long."""
        ray = self._cluster.ray
        late = time.monotonic() + PATIENCE
        try:
            answer = self._actor.inspect.remote(bundle)
            while not ray.wait([answer], timeout=_SLICE)[0]:
                if self.is_over or time.monotonic() > late:
                    return None
            found: bytes = ray.get(answer)
        except (ray.exceptions.RayError, ConnectionError):
            return None
        return found

    def end(self) -> None:
        """Kill the actor."""
        self.is_over = True
        self._cluster.kill(self._actor)

    def close(self) -> None:
        """Do nothing: Ray frees what an actor held."""


class RayInspectors:
    """Starts as many actors as a run has use for; a record that none of them inspects is the caller's."""

    def __init__(self, cluster: Cluster, *, most: int) -> None:
        self._cluster, self._most = cluster, most
        self._asked: dict[Any, RayInspector] = {}  # by what its version will be
        self._begun: list[RayInspector] = []
        self._left_out: set[str] = set()  # nodes
        self._look_at = self._ask_at = 0.0

    def arrived(self) -> list[RayInspector]:
        """Return those that are ready since the last call, after a look at the nodes now and then."""
        ray, now = self._cluster.ray, time.monotonic()
        if now < self._ask_at:
            return []
        self._ask_at = now + _ASK
        if now >= self._look_at:
            self._look_at = now + _LOOK
            self._grow()
        arrived = []
        if asked := list(self._asked):
            for ref in ray.wait(asked, num_returns=len(asked), timeout=0)[0]:
                inspector = self._asked.pop(ref)
                if (unfit := self._unfit(inspector)) is None:
                    arrived.append(inspector)
                else:
                    self._leave_out(inspector)
                    _log.warning(f"inspection: {inspector.where} nothing is inspected: {unfit}")
        self._begun += arrived
        return arrived

    def close(self) -> None:
        """End those that have not arrived: the others are the caller's."""
        for inspector in self._asked.values():
            inspector.end()

    def _unfit(self, inspector: RayInspector) -> str | None:
        """Return why an actor that has answered is of no use."""
        host = f"node {inspector.node.host}"
        try:
            version: str = self._cluster.ray.get(inspector.version)
        except self._cluster.ray.exceptions.RayError as error:
            return str(other_version(host, "")) if lacks_package(error) else reason(error)
        return None if version == __version__ else str(other_version(host, version))

    def _leave_out(self, inspector: RayInspector) -> None:
        inspector.end()
        self._left_out.add(inspector.node.id)

    def _grow(self) -> None:
        """Ask for an actor on the nodes with the most CPUs left, until there are enough."""
        self._left_out |= {inspector.node.id for inspector in self._begun if inspector.is_over}
        self._begun = [inspector for inspector in self._begun if not inspector.is_over]
        taken = Counter(inspector.node.id for inspector in (*self._begun, *self._asked.values()))
        nodes = [node for node in self._cluster.nodes() if node.id not in self._left_out]
        while taken.total() < self._most:
            node = max(nodes, key=lambda one: one.spare - taken[one.id], default=None)
            if node is None or node.spare <= taken[node.id]:
                return
            inspector = RayInspector(self._cluster, node)
            self._asked[inspector.version] = inspector
            taken[node.id] += 1
