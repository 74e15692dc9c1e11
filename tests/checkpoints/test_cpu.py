"""The CPU: its kind, and a container's share of it as the kernel's control groups tell it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from pipeline.checkpoints import device
from pipeline.checkpoints.device import cpu_has_fast_bfloat16, cpu_quota, processor

V2 = "41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
)
V1_FILES = "/sys/fs/cgroup/cpu,cpuacct"

TABLE: list[tuple[str, str, dict[str, str], float | None]] = [
    # mounts, /proc/self/cgroup, files, cores
    (V2, "0::/\n", {"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),  # in a container
    (V2, "0::/\n", {"/sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    (V2, "0::/\n", {}, None),  # the root group of a machine has no such file
    (V2, "0::/a.slice/b.service\n", {"/sys/fs/cgroup/a.slice/b.service/cpu.max": "50000 100000\n"}, 0.5),
    (V2, "0::/a.slice/b.service\n", {"/sys/fs/cgroup/a.slice/cpu.max": "400000 100000\n"}, 4.0),  # of a group above
    (
        V2, "0::/a/b\n",
        {"/sys/fs/cgroup/a/cpu.max": "400000 100000", "/sys/fs/cgroup/a/b/cpu.max": "800000 100000"}, 4.0,
    ),
    (V2, "0::/docker/1f\n", {"/sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),  # the host's path, its own mount
    (V1, "4:cpu,cpuacct:/\n0::/\n", {f"{V1_FILES}/cpu.cfs_quota_us": "300000\n", f"{V1_FILES}/cpu.cfs_period_us": "100000\n"}, 3.0),
    (V1, "4:cpu,cpuacct:/\n", {f"{V1_FILES}/cpu.cfs_quota_us": "-1\n", f"{V1_FILES}/cpu.cfs_period_us": "100000\n"}, None),
    (V1, "4:cpu,cpuacct:/docker/1f\n", {f"{V1_FILES}/docker/1f/cpu.cfs_quota_us": "250000", f"{V1_FILES}/docker/1f/cpu.cfs_period_us": "100000"}, 2.5),
    (V1, "5:cpuset:/\n", {"/sys/fs/cgroup/cpuset/cpu.cfs_quota_us": "1", "/sys/fs/cgroup/cpuset/cpu.cfs_period_us": "1"}, None),
    ("", "", {}, None),
    (V2, "nonsense\n", {"/sys/fs/cgroup/cpu.max": "nonsense 0\n"}, None),
]  # fmt: skip


def tree(root: Path, mounts: str, groups: str, files: dict[str, str]) -> Path:
    for name, text in {"/proc/self/mountinfo": mounts, "/proc/self/cgroup": groups, **files}.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(("mounts", "groups", "files", "expected"), TABLE)
def test_the_strictest_quota_counts(
    tmp_path: Path, mounts: str, groups: str, files: dict[str, str], expected: float | None
) -> None:
    assert cpu_quota(tree(tmp_path, mounts, groups, files)) == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "expected"), [(0.2, 1), (1.0, 1), (1.5, 2), (3.0, 3), (100.0, 4), (None, 4)])
def test_the_cores_of_a_process_are_limited_by_the_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(device, "cpu_quota", lambda: quota)
    assert device.cores() == expected


X86 = "processor\t: 0\nmodel name\t: {0}\nflags\t\t: fpu sse2 {1}\n\nprocessor\t: 1\nmodel name\t: another\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format("AMD EPYC", "avx avx2 fma"), "AMD EPYC (avx2)"),
        (
            X86.format("Intel(R) Xeon(R)", "avx2 avx512f avx512_vnni avx512_bf16 amx_int8 amx_bf16"),
            "Intel(R) Xeon(R) (avx2 avx512f avx512_vnni avx512_bf16 amx_int8 amx_bf16)",
        ),
        (X86.format("Core2", ""), "Core2"),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp sve i8mm bf16\n", "aarch64 (asimddp i8mm bf16 sve)"),
        ("", "aarch64"),  # no such file: another system
    ],
)
def test_the_kind_of_cpu_is_its_name_and_the_instructions_that_int8_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "")  # as on Debian
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert processor(tree(tmp_path, "", "", {"/proc/cpuinfo": text} if text else {})) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [(X86.format("EPYC", "avx2"), False), (X86.format("Xeon", "avx2 avx512f avx512_vnni"), True), ("", False)],
)
def test_bfloat16_is_fast_by_avx_512(tmp_path: Path, text: str, expected: bool) -> None:
    assert cpu_has_fast_bfloat16(tree(tmp_path, "", "", {"/proc/cpuinfo": text})) is expected
