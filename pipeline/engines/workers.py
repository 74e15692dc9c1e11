"""Where batches are computed: in threads of this process (`Threads`), or by a cluster's actors (`with_ray`)."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import get_ident
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pipeline.engines.batching import Answer, Backend

NO_MEMORY = (
    "out of memory",  # CUDA and MPS, in torch and in CTranslate2
    "allocate memory",  # "can't" in torch on a CPU, "failed to" in CTranslate2
    "not enough memory",  # torch on a CPU, on other platforms
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDACachingAllocator.cpp",  # torch, full, where NVML gives no numbers: a slice of a GPU (MIG) in a container
)
_DEVICE_LOST = (
    "CUDA error",  # torch; sticky: every later call of the process fails too
    "CUDA failed with error",  # CTranslate2
    "cuBLAS failed with status",  # CTranslate2
    "device-side assert",
    "unspecified launch failure",
    "cannot be loaded",  # CTranslate2 opens its CUDA libraries at the first batch
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a batch failed. Not the exception: its traceback holds the tensors that did not fit."""

    kind: Literal["memory", "error", "lost", "died"]  # died: the process that computed it, and others go on
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch; the times are of the worker's clock."""

    result: list[Answer] | Trouble
    worker: int
    started: float
    ended: float


class Workers(Protocol):
    """Those that compute the batches of one engine."""

    @property
    def count(self) -> int:
        """Batches that are computed at the same time; at least 1. It may change while the engine is open."""
        ...

    def submit(self, rows: list[list[int]], candidates: int | None) -> Future[Outcome]:
        """Hand over a batch, of one search (see `Backend.run`); its outcome comes while somebody waits."""
        ...

    def wait(self, batches: Collection[Future[Outcome]], *, timeout: float) -> set[Future[Outcome]]:
        """Return those of `batches` that are done, as soon as one is; none after `timeout` seconds."""
        ...

    def cancel(self, batch: Future[Outcome]) -> bool:
        """Give a batch up; return False where it is computed all the same, and has to be waited for before `close`."""
        ...

    def close(self, *, hung: bool) -> None:
        """Free the models; `hung`: a batch never comes back."""
        ...


class Threads:
    """A backend in this process: a thread for each batch that it computes at the same time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._executor = ThreadPoolExecutor(backend.workers, thread_name_prefix="engine")

    @property
    def count(self) -> int:
        """Batches that are computed at the same time."""
        return self._backend.workers

    def submit(self, rows: list[list[int]], candidates: int | None) -> Future[Outcome]:
        """Hand over a batch."""
        return self._executor.submit(lambda: attempt(self._backend, rows, candidates, worker=get_ident()))

    def wait(self, batches: Collection[Future[Outcome]], *, timeout: float) -> set[Future[Outcome]]:
        """Return those of `batches` that are done, as soon as one is; none after `timeout` seconds."""
        return wait(batches, timeout=timeout, return_when=FIRST_COMPLETED).done

    def cancel(self, batch: Future[Outcome]) -> bool:
        """Give a batch up; one that runs cannot be stopped."""
        return batch.cancel()

    def close(self, *, hung: bool) -> None:
        """Free the model; where it hangs, leave it to the end of the process."""
        if not hung:
            self._backend.close()
        self._executor.shutdown(wait=not hung, cancel_futures=True)


def attempt(backend: Backend, rows: list[list[int]], candidates: int | None, *, worker: int) -> Outcome:
    """Run one batch; what may be the fault of its texts or of its size is returned and not raised."""
    started = time.perf_counter()
    result: list[Answer] | Trouble
    try:
        result = backend.run(rows, candidates)
    except MemoryError as error:
        result = Trouble("memory", str(error) or "out of memory")
    except (RuntimeError, ValueError, LookupError) as error:
        result = _trouble(error)
    return Outcome(result, worker, started, time.perf_counter())


def _trouble(error: Exception) -> Trouble:
    """Return what `error` means; the libraries raise one type for all of it, so the words must tell."""
    message = str(error) or type(error).__name__
    if any(words in message for words in NO_MEMORY):
        return Trouble("memory", message)
    return Trouble("lost" if any(words in message for words in _DEVICE_LOST) else "error", message)
