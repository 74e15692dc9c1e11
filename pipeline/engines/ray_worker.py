"""One worker of a pool: an actor with a model, in a process of its own on some node of a cluster.

It sees rows of token ids and gives answers; it knows neither texts nor the memo. The driver (`with_ray`) calls its
methods in this order: `place`, `find` (and `receive`, `received`), `open`, then `run` until it is killed.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.checkpoints.nodes import Receiving, node_cache, on_this_node
from pipeline.engines import open_backend
from pipeline.engines.workers import Outcome, attempt
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.config import Runtime
    from pipeline.engines.batching import Backend


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is."""

    node: str  # Ray's id of it
    host: str
    process: int
    version: str  # of tomdich


class Worker:
    """A model on a node; not yet an actor."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._backend: Backend | None = None
        self._receiving: Receiving | None = None

    def place(self) -> Place:
        """Return where this is."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        return Place(node, socket.gethostname(), os.getpid(), __version__)

    def find(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """Return the checkpoint with the paths of this node; None: it has to be sent."""
        return on_this_node(checkpoint, cache=node_cache())

    def receive(self, checkpoint: Checkpoint, name: str, data: bytes) -> None:
        """Keep a piece of a file."""
        if self._receiving is None:
            self._receiving = Receiving(checkpoint, cache=node_cache())
        self._receiving.write(name, data)

    def received(self, digests: dict[str, str]) -> Checkpoint:
        """Return the checkpoint that was sent, with the paths of this node."""
        assert self._receiving is not None, "the pieces come first"
        return self._receiving.finish(digests)

    def open(self, checkpoint: Checkpoint, runtime: Runtime) -> int:
        """Load the model; return how many batches it computes at the same time."""
        self._backend = open_backend(checkpoint, runtime=runtime)
        return self._backend.workers

    def run(self, rows: list[list[int]], candidates: int | None) -> Outcome:
        """Return what becomes of a batch."""
        assert self._backend is not None, "`open` comes first"
        try:
            outcome = attempt(self._backend, rows, candidates, worker=self._number)
        except EngineError as error:
            raise EngineError(f"{error} (on node {socket.gethostname()})") from None
        if not isinstance(outcome.result, list) and outcome.result.kind == "lost":
            trouble = replace(outcome.result, message=f"{outcome.result.message} (on node {socket.gethostname()})")
            outcome = replace(outcome, result=trouble)
        return outcome

    def leave(self) -> None:
        """Free the model, so that the memory of its device is free before the process has ended."""
        if self._backend is not None:
            self._backend.close()
