"""A small Ray cluster on this machine, in processes of its own: no test process imports Ray."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: it has no wheel for this Python"
)
# a token of its own, so that no other cluster of the machine is taken for this one; and nothing in the home folder
_TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4, "RAY_USAGE_STATS_ENABLED": "0"}
# `ray`, that gets SIGTERM when the tests end, also where they are killed
_RAY = """
import ctypes, runpy, signal
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
runpy.run_module("ray.scripts.scripts", run_name="__main__")
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class RayCluster:
    """A head node and those that join it; `environment` is for a run that uses it with `address: auto`."""

    folder: Path
    port: int
    client_port: int
    cache: Path | None  # of the nodes
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return _TOKEN | {"RAY_ADDRESS": f"127.0.0.1:{self.port}"}

    def start(self, *arguments: str, cpus: int, gpus: int = 0) -> subprocess.Popen[bytes]:
        """Start a node; it ends with this process, or by `stop`. Its `gpus` are a number: the fake engine needs none."""
        out = (self.folder / f"node{len(self.nodes)}.log").open("wb")
        command = [sys.executable, "-c", _RAY, "start", "--block"]
        options = [
            f"--num-cpus={cpus}",
            f"--num-gpus={gpus}",
            "--object-store-memory=83886080",
            "--disable-usage-stats",
        ]
        with out:
            node = subprocess.Popen(
                [*command, *options, *arguments],
                stdout=out,
                stderr=out,
                cwd=self.folder,
                env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
                | _TOKEN
                # Ray gives its workers the niceness 15, with which they starve where other tests run
                | {"PYTHONPATH": str(ROOT), "RAY_TMPDIR": str(self.folder), "RAY_worker_niceness": "0"}
                | ({} if self.cache is None else {"TOMDICH_CACHE": str(self.cache)}),
                start_new_session=True,
            )
        self.nodes.append(node)
        return node

    def join(self, *, cpus: int, gpus: int = 0) -> subprocess.Popen[bytes]:
        """Start a further node."""
        return self.start(f"--address=127.0.0.1:{self.port}", cpus=cpus, gpus=gpus)

    def workers(self) -> list[int]:
        """Return the processes of workers of a pool, on any node."""
        return self._with("ray::Worker")

    def inspectors(self) -> list[int]:
        """Return the processes of actors that inspect, on any node."""
        return self._with("ray::InspectingActor")

    def _with(self, title: str) -> list[int]:
        return [pid for node in self.nodes for pid in descendants(node.pid) if title in command_of(pid)]

    def stop(self) -> None:
        for node in reversed(self.nodes):
            every = descendants(node.pid)
            kill(node.pid, signal.SIGTERM)
            try:
                node.wait(15)
            except subprocess.TimeoutExpired:
                every += descendants(node.pid)
                kill(node.pid)
                node.wait()
            for pid in every:
                kill(pid)


@contextmanager
def ray_cluster(*, cpus: int, gpus: int = 0, cache: Path | None = None) -> Iterator[RayCluster]:
    """Start a head node with so many CPUs and GPUs, whatever this machine has."""
    folder = Path(tempfile.mkdtemp(prefix="rc-", dir="/tmp"))  # short: Ray's sockets lie in it
    cluster = RayCluster(folder, free_port(), free_port(), cache)
    try:
        for _ in range(4):  # Ray gives itself 30 s, which a busy machine exceeds
            node = cluster.start(
                *("--head", f"--port={cluster.port}", f"--ray-client-server-port={cluster.client_port}"),
                *("--include-dashboard=false", f"--temp-dir={folder / 'r'}"),
                cpus=cpus,
                gpus=gpus,
            )
            said = folder / f"node{len(cluster.nodes) - 1}.log"
            until(lambda: b"Ray runtime started" in said.read_bytes() or node.poll() is not None)  # noqa: B023
            if node.poll() is None:
                break
        assert node.poll() is None, said.read_text("utf-8", "replace")
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def until(
    is_so: Callable[[], object], *, what: Callable[[], str] = lambda: "it did not happen", seconds: float = 120
) -> None:
    """Wait until something is so; fail with `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def commands_with(word: str) -> list[str]:
    """Return the command lines of this machine's processes that have `word`."""
    found = [command_of(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [command for command in found if word in command]


def descendants(pid: int) -> list[int]:
    """Return the processes below one, from /proc."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text("utf-8").rpartition(") ")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found
