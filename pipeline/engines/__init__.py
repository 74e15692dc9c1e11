"""The engine seam: one file per backend, and the batching that serves them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, assert_never

from pipeline.errors import HungError, ModelError
from pipeline.records import Generation, Refused, Request

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.config import Runtime
    from pipeline.engines.batching import Backend, BatchingEngine
    from pipeline.engines.ray_cluster import Cluster

M = TypeVar("M")


class Engine(Protocol):
    """Something that answers texts with generations."""

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[int, Generation | Refused]]:
        """Yield `(index, answer)` for every request, each index exactly once, in the order they finish.

        A plain text is answered by the checkpoint's own search, `Candidates` by `count` hypotheses, of which the best
        is the generation and the rest its `others`; one loaded model serves both.

        `requests` is pulled lazily, in the caller's thread, at most a window ahead; it never waits on the
        answers of this call. Closing the iterator early abandons what is in flight. Raises `EngineError` when
        the engine itself is lost; a text that cannot be answered is a `Refused`.
        """
        ...

    def at_hand(self) -> int:
        """Return how many answers `generate` gives next that are computed already: the rest of a finished batch."""
        ...

    def width(self) -> int:
        """Return how many times as many texts as usual are to be pulled ahead: more than 1 for many workers."""
        ...

    def close(self) -> None:
        """Free the model's memory."""
        ...


class LoadedModel:
    """The last model that was loaded, kept for the next engine that runs the same one; a context manager.

    One model is in memory at a time: the other one is freed before another is loaded. The engines of several runs may
    share it, one after the other, each with its own generation values.
    """

    def __init__(self) -> None:
        self.reused = 0  # how often the model that is asked for was there
        self._key: tuple[object, ...] = ()
        self._model: Any = None  # of the backend's own type
        self._free: Callable[[], None] = _nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, HungError):  # a model that computes for ever cannot be freed
            self.close()

    def get(self, key: tuple[object, ...], load: Callable[[], tuple[M, Callable[[], None]]]) -> M:
        """Return the model with this key, which is all that it depends on: the one that is kept, else a new one.

        `load` returns the model and a function that gives its memory back, called when nothing here refers to it.
        """
        if self._key == key:
            self.reused += 1
        else:
            self.close()
            self._model, self._free = load()
            self._key = key
        model: M = self._model
        return model

    def close(self) -> None:
        """Free the model, if there is one."""
        free = self._free
        self._key, self._model, self._free = (), None, _nothing
        free()


def cannot_open(checkpoint: Checkpoint, message: str) -> ModelError:
    """Return the error of a model that its device does not take, with the remedy that the message asks for."""
    from pipeline.engines.workers import NO_MEMORY

    if any(words in message for words in NO_MEMORY):
        remedy = (
            "it does not fit in what is free there, perhaps because of another process (`nvidia-smi` shows them): "
            "wait for it, name another GPU in CUDA_VISIBLE_DEVICES, or set `runtime.device: cpu`"
        )
    elif "libcublas" in message:
        remedy = "install `nvidia-cublas-cu12`, or set `engine: transformers`"
    else:
        remedy = "see docs/gpu.md for the driver and the build of torch, or set `runtime.device: cpu`"
    return ModelError(f"{checkpoint.name}: {checkpoint.engine} cannot run on {checkpoint.device}: {message}; {remedy}")


def _nothing() -> None:
    """Free nothing."""


def open_engine(
    checkpoint: Checkpoint,
    *,
    runtime: Runtime,
    models: LoadedModel | None = None,
    connect: Callable[[], Cluster] | None = None,
    stopping: Callable[[], str | None] = lambda: None,
) -> BatchingEngine:
    """Return the checkpoint's engine with its model loaded; what it has done is in its `stats()`.

    `models`: where the model is taken from, and left when the engine is closed; None, and an engine pool, free it then.
    `connect` gives the cluster of an engine pool, which the caller closes; without it the engine makes a connection of
    its own. `stopping` is asked while the engine waits for workers of a cluster; it then raises `StoppedError`.
    What slows the run down is logged: a batch that did not fit in memory. Raises `ModelError` when the model cannot be
    loaded, or not on this device.
    """
    from pipeline.engines.batching import PATIENCE, BatchingEngine
    from pipeline.engines.workers import Threads, Workers

    workers: Workers
    if runtime.engine_pool is None:
        workers = Threads(open_backend(checkpoint, runtime=runtime, models=models))
    else:
        from pipeline.engines.with_ray import RayWorkers

        workers = RayWorkers(checkpoint, pool=runtime.engine_pool, runtime=runtime, connect=connect, stopping=stopping)
    budget = runtime.batch_tokens or _default_budget(checkpoint)
    return BatchingEngine(checkpoint, workers=workers, budget=budget, patience=PATIENCE)


def open_backend(checkpoint: Checkpoint, *, runtime: Runtime, models: LoadedModel | None = None) -> Backend:
    """Return the checkpoint's model on this machine, loaded; `models` and errors as of `open_engine`."""
    match checkpoint.engine:
        case "transformers":
            from pipeline.engines.with_transformers import TransformersBackend

            return TransformersBackend(checkpoint, runtime=runtime, models=models)
        case "ctranslate2":
            from pipeline.engines.with_ctranslate2 import CTranslate2Backend

            return CTranslate2Backend(checkpoint, runtime=runtime, models=models)
        case "fake":
            from pipeline.engines.fake import FakeBackend

            return FakeBackend(checkpoint)
        case "extractive":
            raise AssertionError("a summarizer without a model asks no engine")
        case _:
            assert_never(checkpoint.engine)


def _default_budget(checkpoint: Checkpoint) -> int:
    """Return how many source tokens, padding counted, a batch has by default.

    On a CPU 2048 was fastest, of 1024 to 4096, for summaries, with the bundled checkpoint and in ViT5-base's shape, and
    of no matter for translations (`tomdich bench` tries it). The others are estimates, not yet measured.
    """
    match checkpoint.device:
        case "cuda":
            return 32768
        case "mps":
            return 8192
        case "cpu":
            return 2048
