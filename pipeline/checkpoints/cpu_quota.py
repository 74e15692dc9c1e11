"""The share of the CPU that a container or a service may use: the quota of its Linux control group, version 1 or 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.storage.mounts import mounts


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
