"""SIGKILL inside a given system call of the command line, by `strace`; the kill is checked to have taken place.

strace counts the invocations of each system call by itself, so a point is a call's name and its number; without
`--seccomp-bpf`, under which strace 6.1 injects nothing on some kernels and says nothing of it. It is attached to a
command that waits for it in a process forked from a warm one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.storage.versions import Version
from tests import forked
from tests.faults_tally import whole

# All that changes a file or a folder; `?`: not every machine has each of them.
CALLS = ",".join(
    f"?{call}"
    for call in (
        "write pwrite64 writev pwritev pwritev2 sendfile copy_file_range ftruncate fallocate fsync fdatasync rename renameat "
        "renameat2 link linkat symlink symlinkat unlink unlinkat mkdir mkdirat rmdir"
    ).split()
)
RENAMES = frozenset({"rename", "renameat", "renameat2"})  # where things change places
Point: TypeAlias = tuple[str, int]
_PATIENCE = 120.0  # seconds; a command takes less than one


@dataclass(frozen=True, slots=True)
class _Done:
    pid: int
    exit_code: int
    said: str
    trace: list[str]


def points(arguments: list[str | Path], *, cwd: Path, refuse: str = "") -> list[Point]:
    """Run the command line to its end; return each call of its main thread, in order. `refuse`: a call that fails."""
    done = _traced(arguments, cwd=cwd, inject=_refusing(refuse))
    assert done.exit_code == 0, done.said
    lines = [re.match(rf"{done.pid} +(\w+)\(", line) for line in done.trace]
    counts: Counter[str] = Counter()
    found = []
    for line in lines:
        if line and line[1] != refuse:
            counts[line[1]] += 1
            found.append((line[1], counts[line[1]]))
    return found


def some(points: list[Point], samples: int) -> list[Point]:
    """Return so many of the points, evenly spread, and each rename with the call after it: a kill is before its call."""
    step = max(1, len(points) // samples)
    before = [("", 0), *points]
    return [
        point
        for number, point in enumerate(points)
        if number % step == step // 2 or point[0] in RENAMES or before[number][0] in RENAMES
    ]


def kill(arguments: list[str | Path], *, cwd: Path, at: Point, refuse: str = "") -> None:
    """Run the command line and kill it in the call `at`."""
    call, number = at
    inject = [*_refusing(refuse), "-e", f"inject={call}:signal=SIGKILL:when={number}"]
    done = _traced(arguments, cwd=cwd, inject=inject)
    assert done.exit_code == -signal.SIGKILL, f"{call} {number} was not reached: exit {done.exit_code} {done.said}"


def _refusing(call: str) -> list[str]:
    return ["-e", f"inject={call}:error=EINVAL"] if call else []


def _traced(arguments: list[str | Path], *, cwd: Path, inject: list[str]) -> _Done:
    trace, said = cwd / "trace", cwd / "said"
    said.unlink(missing_ok=True)
    process = forked.start(arguments, cwd=cwd, out=said, err=said, environment=dict(os.environ), traced=True)
    assert process.pid is not None
    until = time.monotonic() + _PATIENCE
    while not forked.is_stopped(process.pid):
        assert process.is_alive(), said.read_text("utf-8")
        assert time.monotonic() < until
        time.sleep(0.002)
    with subprocess.Popen(
        ["strace", "-f", "-o", trace, "-e", f"trace={CALLS}", *inject, "-p", str(process.pid)],
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr is not None
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        os.kill(process.pid, signal.SIGCONT)
        process.join(_PATIENCE)
        exit_code = process.exitcode
        if exit_code is None:
            process.kill()
    assert exit_code is not None, f"{arguments} did not end"
    found = _Done(
        process.pid, exit_code, said.read_text("utf-8", "replace"), trace.read_text("utf-8", "replace").splitlines()
    )
    process.close()
    return found


class Experiment:
    """The outputs of the experiment `night`, which can be put back to what they were."""

    def __init__(self, cwd: Path) -> None:
        self.cwd, self.outputs = cwd, cwd / "out"

    def keep(self) -> None:
        shutil.copytree(self.outputs, self.cwd / "backup", symlinks=True)

    def restore(self) -> None:
        shutil.rmtree(self.outputs)
        shutil.copytree(self.cwd / "backup", self.outputs, symlinks=True)

    def versions(self) -> list[Version]:
        return whole(self.outputs / "night")
