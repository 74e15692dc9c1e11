"""The command line in a process that is forked from one that has imported what a run imports.

Most of what a short command costs is the start of Python and its imports, which a fork does not repeat. It is a process
of its own all the same, with its own working directory, environment, streams, locks, signals and exit code, and the
umask of the test. What happens before the fork (the interpreter's flags, `PYTHON*` and `LD_*` variables, the order of
imports, the seed of `hash`) is for `tests.conftest.cold_tomdich`.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_forked = multiprocessing.get_context("forkserver")  # one server for each worker of the test session
_forked.set_forkserver_preload(["tests.warm"])

_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)  # of Linux's prctl.h: where a tracer must be a parent, let this one


def start(
    arguments: Sequence[str | Path],
    *,
    cwd: Path,
    out: Path,
    err: Path,
    environment: dict[str, str],
    traced: bool = False,
) -> ForkServerProcess:
    """Start `tomdich` with `arguments`; its output is appended to `out` and `err`.

    `traced`: the process stops before its first step, for somebody to trace it and let it go on.
    """
    os.umask(umask := os.umask(0))
    words = [*map(str, arguments)]
    process = _forked.Process(target=_command, args=(words, str(cwd), str(out), str(err), environment, umask, traced))
    process.start()
    return process


def _command(
    arguments: list[str], cwd: str, out: str, err: str, environment: dict[str, str], umask: int, traced: bool
) -> None:
    from pipeline.cli import main

    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in enumerate((os.devnull, out, err)):  # `main` makes Python's own streams of them
        opened = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        os.dup2(opened, stream)
        os.close(opened)
    sys.argv = ["tomdich", *arguments]
    if traced:
        ctypes.CDLL(None).prctl(_SET_PTRACER, _ANY, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
    main()


def is_stopped(pid: int) -> bool:
    """Return whether a process waits for SIGCONT."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].startswith("T")
