"""SIGKILL inside a given system call of the command line, by `strace`; the kill is checked to have taken place.

strace counts the invocations of each system call by itself, so a point is a call's name and its number; without
`--seccomp-bpf`, under which strace 6.1 injects nothing on some kernels and says nothing of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TypeAlias

import pytest

CALLS = "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,symlink,symlinkat,unlink,unlinkat,rmdir,ftruncate"
RENAMES = frozenset({"rename", "renameat", "renameat2"})  # where things change places
Point: TypeAlias = tuple[str, int]


def points(arguments: list[str | Path], *, cwd: Path, refuse: str = "") -> list[Point]:
    """Run the command line to its end; return each call of its main process, in order. `refuse`: a call that fails."""
    done, trace = _traced(arguments, cwd=cwd, inject=_refusing(refuse))
    assert done.returncode == 0, done.stderr
    lines = [re.match(r"(\d+) +(\w+)\(", line) for line in trace]
    main = next(line[1] for line in lines if line)
    counts: Counter[str] = Counter()
    found = []
    for line in lines:
        if line and line[1] == main and line[2] != refuse:
            counts[line[2]] += 1
            found.append((line[2], counts[line[2]]))
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
    done, _ = _traced(arguments, cwd=cwd, inject=inject)
    if done.returncode not in {-9, 137}:
        pytest.fail(f"{call} {number} was not reached: exit {done.returncode} {done.stderr}")


def _refusing(call: str) -> list[str]:
    return ["-e", f"inject={call}:error=EINVAL"] if call else []


def _traced(
    arguments: list[str | Path], *, cwd: Path, inject: list[str]
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    trace = cwd / "trace"
    done = subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}", *inject),
            *(sys.executable, "-m", "pipeline.cli", *map(str, arguments)),
        ],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done, trace.read_text(errors="replace").splitlines()
