"""Which device, and how many cores: told without importing torch, so that a run without a GPU never waits for it."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pipeline.checkpoints.checkpoint import Device
from pipeline.errors import ConfigError
from pipeline.storage.mounts import mounts


def resolve(asked: Literal["auto", "cpu", "cuda", "mps"], *, field: str = "runtime.device") -> Device:
    """Return the device; "auto" is CUDA where there is one that torch can use, else the CPU.

    Apple's MPS is taken only when asked for: on a Mac, CTranslate2 on the CPU is the better choice. Raises
    `ConfigError`, naming the `field` of the config, for a device that is asked for and not there.
    """
    match asked:
        case "auto":
            return "cuda" if cuda_devices() and torch_has_cuda() else "cpu"
        case "cuda" if not cuda_devices():
            raise ConfigError(f"{field}: cuda is asked for, but the NVIDIA driver shows no device; use `auto`")
        case "mps" if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
            raise ConfigError(f"{field}: mps is asked for, but this is not an Apple Silicon Mac; use `auto`")
        case _:
            return asked


def cuda_devices() -> int:
    """Return how many devices the NVIDIA driver shows this process (it heeds CUDA_VISIBLE_DEVICES)."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")  # by name: find_library would start a process or two to ask
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def torch_has_cuda() -> bool:
    """Return whether the installed torch was built for CUDA, read from its version file."""
    spec = importlib.util.find_spec("torch")  # finds, does not import
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py")
    return bool(re.search(r"^cuda\b[^=\n]*=\s*['\"]\d", version.read_text(encoding="utf-8"), re.MULTILINE))


def cores() -> int:
    """Return how many CPU cores this process may use: by its affinity and by its container's quota, rounded up."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # none on macOS
    quota = cpu_quota()
    return known if quota is None else max(1, min(known, math.ceil(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return how many cores' time this process may use by the strictest quota of its groups; None without a quota."""
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
                # in a container the path may be the host's, and the mount its own group: its root is read in any case
                folders = [group, *(folder for folder in group.parents if folder.is_relative_to(at))]
                yield from filter(None, map(_quota_2 if version_2 else _quota_1, folders))


def _groups(table: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the controllers, none in version 2, and the path of each of the process's groups."""
    for line in _text(table).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        yield [name for name in controllers.split(",") if name], path


def _quota_2(folder: Path) -> float | None:
    """Return what `cpu.max` says: `max 100000`, or a quota and its period in microseconds."""
    words = _text(folder / "cpu.max").split()
    return _share(*words) if len(words) == 2 else None  # noqa: PLR2004


def _quota_1(folder: Path) -> float | None:
    return _share(_text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip())


def _share(quota: str, period: str) -> float | None:
    """Return quota / period; None for `max`, and for the -1 that says so in version 1."""
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
