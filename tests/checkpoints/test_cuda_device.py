"""The GPU as the NVIDIA driver tells of it: an object with the functions of its library, which the tests make."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.checkpoints import device as devices
from pipeline.checkpoints import prepare
from pipeline.checkpoints.settings import choose_engine
from pipeline.config import EnginePool, Runtime, Stage
from pipeline.errors import ConfigError
from tests import tiny


@dataclass
class Driver:
    """What `libcuda.so.1` answers; each function returns an error code and writes through its pointers."""

    started: int = 0
    count: int = 1
    capability: tuple[int, int] = (9, 0)

    def cuInit(self, flags: int) -> int:  # noqa: N802
        assert flags == 0
        return self.started

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.count
        return 0

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:  # noqa: N802
        device._obj.value = ordinal
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: ctypes.c_int) -> int:  # noqa: N802
        assert device.value == 0
        value._obj.value = self.capability[{75: 0, 76: 1}[attribute]]
        return 0

    def cuGetErrorString(self, error: int, words: Any) -> int:  # noqa: N802
        words._obj.value = f"words of {error}".encode()
        return 0


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Give the driver of a machine with one GPU, whose torch is a CUDA build."""
    driver = Driver()
    monkeypatch.setattr(devices, "_driver", lambda: driver)
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return driver


def test_a_gpu_is_taken_by_itself_and_by_its_name(driver: Driver, no_messages: None) -> None:
    assert devices.resolve("auto") == devices.resolve("cuda") == "cuda"
    assert devices.cuda_devices() == 1
    assert devices.cuda_problem() == ""


@pytest.mark.parametrize("started", [0, 100])
def test_a_driver_that_shows_no_device_is_a_machine_without_one(
    driver: Driver, started: int, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    """As with CUDA_VISIBLE_DEVICES that is empty, or names none: the driver itself applies it."""
    driver.started, driver.count = started, 0
    assert devices.resolve("auto") == "cpu"
    assert messages == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with pytest.raises(ConfigError, match=r"the NVIDIA driver shows no device of CUDA_VISIBLE_DEVICES='7'; use `auto`"):
        devices.resolve("cuda")


def test_a_driver_that_does_not_start_is_said(driver: Driver, messages: list[str]) -> None:
    driver.started = 803
    assert devices.resolve("auto") == "cpu"
    (said,) = messages
    assert said == (
        "runtime.device: auto is the CPU, although there is a GPU: the NVIDIA driver does not start (error 803: words of "
        "803), or set `device: cpu`"
    )
    with pytest.raises(ConfigError, match=r"cuda is asked for, but the NVIDIA driver does not start \(error 803"):
        devices.resolve("cuda")
    assert devices.cuda_capability() is None


def test_a_gpu_that_torch_cannot_use_is_said(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    assert devices.resolve("auto") == "cpu"
    (said,) = messages
    assert "the installed torch is a CPU build; install a CUDA build of torch, see docs/gpu.md" in said


@pytest.mark.parametrize(
    ("capability", "engine", "expected", "why"),
    [
        ((9, 0), "auto", "bfloat16", "for transformers on cuda"),
        ((8, 0), "ctranslate2", "bfloat16", "for ctranslate2 on cuda"),
        ((7, 5), "auto", "float32", "for a GPU of compute capability 7.5, without bfloat16"),
        ((7, 5), "ctranslate2", "float32", "for a GPU of compute capability 7.5, without bfloat16"),
    ],
)
def test_the_compute_type_is_one_that_the_gpu_has(
    driver: Driver, capability: tuple[int, int], engine: Any, expected: str, why: str
) -> None:
    driver.capability = capability
    choice = choose_engine(Stage(model="owner/model", engine=engine), device="cuda", deterministic=False)
    assert choice.compute_type == expected
    assert choice.reasons[-1] == f"compute_type: auto is {expected} {why}"
    asked = Stage(model="owner/model", engine="transformers", compute_type="bfloat16")
    assert choose_engine(asked, device="cuda", deterministic=False).compute_type == "bfloat16"


def test_what_this_machine_has_decides_nothing_for_the_workers_of_a_cluster_elsewhere(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver.capability = (7, 5)
    found = []
    for address, torch_has_cuda in (("local", True), ("auto", False)):
        monkeypatch.setattr(devices, "torch_has_cuda", lambda has=torch_has_cuda: has)
        checkpoint = prepare(
            Stage(model=str(tiny.checkpoint("t5")), accept_license="unknown"),
            runtime=Runtime(engine_pool=EnginePool(address=address)),
            deterministic=False,
            reproducible="warn",
            cache=tmp_path / "cache",
        )
        found.append((checkpoint.device, checkpoint.engine, checkpoint.compute_type))
    assert found == [("cuda", "transformers", "float32"), ("cuda", "transformers", "bfloat16")]


def test_cuda_with_a_torch_that_has_none_is_refused_before_a_model_is_loaded(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    stage = Stage(model=str(tiny.checkpoint("t5")))
    with pytest.raises(
        ConfigError, match=r"runtime\.device: cuda is asked for, but the installed torch is a CPU build"
    ):
        prepare(
            stage, runtime=Runtime(device="cuda"), deterministic=False, reproducible="warn", cache=tmp_path / "cache"
        )
