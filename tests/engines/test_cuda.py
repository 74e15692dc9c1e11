"""What CUDA does to an engine, on a machine without: errors in torch's and CTranslate2's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.checkpoints import Checkpoint, weights
from pipeline.config import Runtime
from pipeline.engines import LoadedModel, open_engine, with_transformers
from pipeline.errors import EngineError, ModelError
from tests.engines.test_engines import TEXTS, prepared

CUDA = Runtime(device="cuda", batch_tokens=64)
FULL = "CUDA out of memory. Tried to allocate 20.00 MiB."
MIG = (
    'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/CUDACachingAllocator.cpp":1154, please report a bug'
)
LOST = "CUDA error: an illegal memory access was encountered"


class Model:
    """The tiny checkpoint on a GPU that is none: it computes on the CPU, and fails when a test says so."""

    def __init__(self, real: Any, fail: Callable[[str, int], None]) -> None:
        self.real, self.fail, self.batches, self.sizes = real, fail, 0, list[int]()

    def to(self, device: str) -> Model:
        assert device == "cuda"
        self.fail("load", 0)
        return self

    def generate(self, **asked: Any) -> Any:
        self.batches += 1
        rows = len(asked["input_ids"])
        self.fail("batch" if self.batches > 1 else "first", rows)
        self.sizes.append(rows)
        return self.real.generate(**asked)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, int], None]], tuple[Checkpoint, list[Model]]]:
    """Give a function that returns a checkpoint on a GPU that fails as `fail(step, rows)` raises."""
    import torch

    tensor = torch.tensor

    def on_the_cpu(*given: Any, **options: Any) -> Any:
        if str(options.get("device")) == "cuda":
            del options["device"]
        return tensor(*given, **options)

    def make(fail: Callable[[str, int], None]) -> tuple[Checkpoint, list[Model]]:
        checkpoint = prepared("t5", "transformers", limit=8)
        made: list[Model] = []

        def load(*given: Any, **options: Any) -> Model:
            made.append(Model(weights.load(*given, **options), fail))
            return made[-1]

        monkeypatch.setattr(with_transformers, "load", load)
        monkeypatch.setattr(torch, "tensor", on_the_cpu)
        monkeypatch.setattr(torch.cuda, "empty_cache", lambda: fail("free", 0))
        return replace(checkpoint, device="cuda"), made

    return make


def nothing(step: str, rows: int) -> None:
    """Let everything succeed."""


def test_a_gpu_answers_as_the_cpu_does_and_tries_itself_first(gpu: Any) -> None:
    own = open_engine(prepared("t5", "transformers", limit=8), runtime=Runtime(device="cpu"))
    expected = dict(own.generate(TEXTS))
    own.close()
    checkpoint, made = gpu(nothing)
    engine = open_engine(checkpoint, runtime=CUDA)
    assert made[0].sizes == [1]
    assert dict(engine.generate(TEXTS)) == expected
    engine.close()


@pytest.mark.parametrize("step", ["load", "first"])
@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (RuntimeError(FULL), r"another process.*CUDA_VISIBLE_DEVICES, or set `runtime.device: cpu`"),
        (RuntimeError(MIG), r"another process.*CUDA_VISIBLE_DEVICES"),
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), r"docs/gpu\.md"),
        (RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"), r"docs/gpu\.md"),
    ],
)
def test_a_gpu_that_does_not_take_the_model_is_said_when_it_opens(
    gpu: Any, step: str, error: Exception, remedy: str
) -> None:
    """Two processes on one GPU, a slice of one, a GPU that this build of torch does not know."""

    def fail(at: str, rows: int) -> None:
        if at == step:
            raise error

    checkpoint, _ = gpu(fail)
    with (
        LoadedModel() as models,
        pytest.raises(ModelError, match=f"transformers cannot run on cuda: .*{remedy}") as caught,
    ):
        open_engine(checkpoint, runtime=CUDA, models=models)
    assert caught.value.__cause__ is None  # the traceback would hold the model


def test_a_torch_without_cuda_is_said_and_not_asserted(gpu: Any) -> None:
    def fail(at: str, rows: int) -> None:
        if at == "load":
            raise AssertionError("Torch not compiled with CUDA enabled")

    checkpoint, _ = gpu(fail)
    with pytest.raises(ModelError, match="Torch not compiled with CUDA enabled; see docs/gpu"):
        open_engine(checkpoint, runtime=CUDA)


@pytest.mark.parametrize("message", [FULL, MIG, "CUDA error: out of memory"])
def test_a_batch_that_does_not_fit_is_halved_and_its_size_is_remembered(gpu: Any, message: str) -> None:
    import torch

    def fail(at: str, rows: int) -> None:
        if at == "batch" and rows > 2:
            raise torch.OutOfMemoryError(message) if message == FULL else RuntimeError(message)

    checkpoint, made = gpu(fail)
    engine = open_engine(checkpoint, runtime=Runtime(device="cuda", batch_tokens=400))
    found = dict(engine.generate(TEXTS))
    assert sorted(found) == list(range(len(TEXTS)))
    assert max(made[0].sizes) <= 2
    assert engine.stats().budget < 400
    engine.close()


def test_a_device_that_is_lost_ends_the_run_with_that_reason_and_refuses_no_text(gpu: Any) -> None:
    """The error stays with the process: to free what was held fails with it too, and must not hide the reason."""
    lost: list[str] = []

    def fail(at: str, rows: int) -> None:
        if lost or (at == "batch" and rows):
            lost.append(at)
            raise RuntimeError(LOST)

    checkpoint, _ = gpu(fail)
    engine = open_engine(checkpoint, runtime=CUDA)
    with pytest.raises(EngineError, match=r"the cuda device was lost: CUDA error: an illegal memory access.*run again"):
        list(engine.generate(TEXTS))
    engine.close()
    assert "free" in lost
