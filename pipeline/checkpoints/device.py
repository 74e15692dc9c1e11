"""Find the compute device and the number of usable CPU cores, without importing torch, which takes seconds.

The CPU quota of a container or service is read from its Linux control group, version 1 or 2.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import math
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pipeline.checkpoints.checkpoint import Device
from pipeline.config import Runtime
from pipeline.errors import ConfigError
from pipeline.storage.mounts import mounts

_log = logging.getLogger(__name__)

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE of cuda.h
_CAPABILITY = (75, 76)  # major and minor in cuda.h's CUdevice_attribute
_INSTALL = "install a CUDA build of torch, see docs/gpu.md"


def resolve(asked: Literal["auto", "cpu", "cuda", "mps"], *, field: str = "runtime.device") -> Device:
    """Return the device to use; "auto" is CUDA if torch can use it, else the CPU.

    MPS (Apple GPUs) is used only by its name: on a Mac, CTranslate2 on the CPU is faster. Raises `ConfigError`, naming
    the `field` of the config, for a device that this machine does not have. A GPU that "auto" leaves unused, because of
    its driver or of torch, is logged.
    """
    match asked:
        case "auto":
            count, problem = cuda_devices(), cuda_problem()
            if count and torch_has_cuda():
                return "cuda"
            if count:
                problem = f"the installed torch is a CPU build; {_INSTALL}"
            if problem:
                _log.warning(f"{field}: auto is the CPU, although there is a GPU: {problem}, or set `device: cpu`")
            return "cpu"
        case "cuda" if not cuda_devices():
            problem = cuda_problem() or "the NVIDIA driver shows no device"
            visible = os.environ.get("CUDA_VISIBLE_DEVICES")
            of_those = "" if visible is None else f" of CUDA_VISIBLE_DEVICES={visible!r}"
            raise ConfigError(f"{field}: cuda is asked for, but {problem}{of_those}; use `auto`")
        case "mps" if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
            raise ConfigError(f"{field}: mps is asked for, but this is not an Apple Silicon Mac; use `auto`")
        case _:
            return asked


def of_runtime(runtime: Runtime) -> Device:
    """Return the device of a run's engines: that of this machine, or of the workers of its cluster.

    Raises `ConfigError` as `resolve` does. What the workers' machines have is not known here.
    """
    if runtime.engine_pool is None:
        return resolve(runtime.device)
    return "cuda" if runtime.engine_pool.gpus_per_worker else "cpu"


def is_elsewhere(runtime: Runtime) -> bool:
    """Return whether a run's engines are on other machines: what this one has then says nothing about theirs."""
    return runtime.engine_pool is not None and runtime.engine_pool.address != "local"


def cuda_devices() -> int:
    """Return the number of devices that the NVIDIA driver reports; it applies CUDA_VISIBLE_DEVICES."""
    driver, count = _driver(), ctypes.c_int(0)
    if driver is None or driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def cuda_problem() -> str:
    """Return why the NVIDIA driver does not start, "" where it does, has no device, or is absent.

    Otherwise such a machine would look like one without a GPU: after an update of the driver without a restart, or with
    the service that joins the GPUs of a server not yet up.
    """
    driver = _driver()
    error = 0 if driver is None else driver.cuInit(0)
    if driver is None or error in {0, _NO_DEVICE}:
        return ""
    words = ctypes.c_char_p()
    driver.cuGetErrorString(error, ctypes.byref(words))
    return f"the NVIDIA driver does not start (error {error}: {(words.value or b'unknown').decode()})"


def cuda_capability() -> tuple[int, int] | None:
    """Return the compute capability of the first device that is visible, as (8, 0); None where there is none."""
    if not cuda_devices():
        return None
    driver, device, found = _driver(), ctypes.c_int(0), []
    assert driver is not None
    driver.cuDeviceGet(ctypes.byref(device), 0)
    for attribute in _CAPABILITY:
        value = ctypes.c_int(0)
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        found.append(value.value)
    return found[0], found[1]


def require_torch_cuda(*, field: str = "runtime.device") -> None:
    """Raise `ConfigError` where the installed torch cannot use a GPU."""
    if not torch_has_cuda():
        raise ConfigError(
            f"{field}: cuda is asked for, but the installed torch is a CPU build; {_INSTALL}, or use `auto`"
        )


def _driver() -> Any:  # noqa: ANN401 - a ctypes library, or None
    try:
        return ctypes.CDLL("libcuda.so.1")  # by its name: find_library would start other processes
    except OSError:
        return None


def torch_has_cuda() -> bool:
    """Return whether the installed torch is a CUDA build, from its version file."""
    spec = importlib.util.find_spec("torch")  # does not import it
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py")
    return bool(re.search(r"^cuda\b[^=\n]*=\s*['\"]\d", version.read_text(encoding="utf-8"), re.MULTILINE))


def cores() -> int:
    """Return how many CPU cores this process may use: the smaller of its affinity and its quota, rounded up."""
    known = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )  # macOS has no affinity
    quota = cpu_quota()
    return known if quota is None else max(1, min(known, math.ceil(quota)))


_INSTRUCTIONS = (  # by which libraries choose how they multiply matrices, as Linux names them
    "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
    "asimddp", "i8mm", "bf16", "sve",
)  # fmt: skip


def processor(root: Path = Path("/")) -> str:
    """Return the CPU's name and those of its instruction sets on which the texts of int8 and bfloat16 depend."""
    name, flags = _cpuinfo(root)
    known = [flag for flag in _INSTRUCTIONS if flag in flags]
    return f"{name} ({' '.join(known)})" if known else name


def cpu_has_fast_bfloat16(root: Path = Path("/")) -> bool:
    """Return whether torch multiplies matrices faster in bfloat16 than in float32 on this CPU: by AVX-512.

    Without it oneDNN has no such product, and torch's own is some fifty times slower than float32
    (pytorch/pytorch#146508).
    """
    return "avx512f" in _cpuinfo(root)[1]


def _cpuinfo(root: Path) -> tuple[str, set[str]]:
    """Return the CPU's name and the flags of its first core; none on a system without `/proc/cpuinfo`."""
    fields: dict[str, str] = {}
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    called = fields.get("model name") or platform.processor() or platform.machine()
    return called, {*fields.get("flags", "").split(), *fields.get("Features", "").split()}  # x86, ARM


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the strictest CPU quota of the process's control groups, in cores; None without a quota."""
    return min(_quotas(root), default=None)


def _quotas(root: Path) -> Iterator[float]:
    groups = list(_groups(root / "proc/self/cgroup"))
    for mount in mounts(root / "proc/self/mountinfo"):
        for controllers, path in groups:
            version_2 = mount.kind == "cgroup2" and not controllers
            version_1 = mount.kind == "cgroup" and "cpu" in mount.options and "cpu" in controllers
            if version_1 or version_2:
                at = root / mount.point.relative_to("/")
                group = at / path.lstrip("/")
                # in a container the path may be the host's and the mount the container's: always read the mount's root
                folders = [group, *(folder for folder in group.parents if folder.is_relative_to(at))]
                yield from filter(None, map(_quota_2 if version_2 else _quota_1, folders))


def _groups(table: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the controllers (empty in version 2) and the path of each control group of the process."""
    for line in _text(table).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        yield [name for name in controllers.split(",") if name], path


def _quota_2(folder: Path) -> float | None:
    """Return the quota in `cpu.max`, which holds `max 100000` or a quota and its period in microseconds."""
    words = _text(folder / "cpu.max").split()
    return _share(*words) if len(words) == 2 else None  # noqa: PLR2004


def _quota_1(folder: Path) -> float | None:
    return _share(_text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip())


def _share(quota: str, period: str) -> float | None:
    """Return quota / period; None for no quota: `max` in version 2, -1 in version 1."""
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
