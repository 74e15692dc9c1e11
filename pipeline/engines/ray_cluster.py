"""The Ray cluster of a run: one that the run starts on this machine and ends, or one that is there.

What Ray does by itself and a run must not: send usage statistics, choose another Python under `uv run`, write a token
into the home folder (which may be read-only), take the handlers of SIGTERM and of uncaught exceptions, fill a disk with
spilled objects, print on standard output. A run keeps few and small objects: the batches in flight.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pipeline import __version__, yaml_core
from pipeline.checkpoints.device import cores, cuda_devices
from pipeline.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from pipeline.config import EnginePool

OBJECT_STORE = 80 * 1024 * 1024
"""Bytes of the object store of a local cluster; Ray takes 75 MiB at least, and /dev/shm or else the disk for it."""
_LONGEST_FOLDER = 40  # bytes: Ray's sockets lie 60 below, and the name of a socket has at most 107
_FIELD = "runtime.engine_pool"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is alive."""

    id: str
    host: str
    room: int  # workers that it can hold by its resources, whoever uses them now
    spare: int  # CPUs that it has beyond those of so many workers

    @classmethod
    def of(cls, described: dict[str, Any], pool: EnginePool) -> Self:
        """Return a node as Ray describes it, with its room for the workers of `pool`."""
        cpus, gpus = (described["Resources"].get(name, 0) for name in ("CPU", "GPU"))
        room = _room(pool, cpus=cpus, gpus=gpus)
        return cls(described["NodeID"], described["NodeManagerHostname"], room, int(cpus) - room * pool.cpus_per_worker)


class Cluster:
    """A connection to a cluster; `close` ends it, and with it every actor of this run."""

    def __init__(self, pool: EnginePool) -> None:
        """Connect; raises `ConfigError` with the remedy where that is not possible."""
        self._pool = pool
        self._folder: Path | None = None
        environment = None if pool.runtime_env is None else _runtime_env(Path(pool.runtime_env))
        self.is_local = pool.address == "local"
        if self.is_local and not _room(pool, cpus=cores(), gpus=cuda_devices()):
            raise ConfigError(
                f"{_FIELD}: this machine, with {cores()} CPUs and {cuda_devices()} GPUs, has no room for a worker with "
                f"{needs(pool)}; lower `cpus_per_worker`, or write `gpus_per_worker: 0` to compute on CPUs"
            )
        self.ray = _import_ray(local=self.is_local)
        self._ours = not self.ray.is_initialized()
        try:
            if self._ours:
                self._connect(environment)
        except BaseException:
            self.close()
            raise

    def nodes(self) -> list[Node]:
        """Return the nodes that are alive now."""
        return [Node.of(node, self._pool) for node in self.ray.nodes() if node["Alive"]]

    def start(self, kind: type, *, node: Node) -> Any:  # noqa: ANN401 - an actor of Ray's, or of its client's
        """Return an actor that takes one CPU of `node`, once that is free there, and no GPU."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node_id=node.id, soft=False)
        options = {"num_cpus": 1, "num_gpus": 0, "max_restarts": 0, "max_task_retries": 0}
        return self.ray.remote(kind).options(scheduling_strategy=there, **options).remote()

    def kill(self, actor: Any) -> None:  # noqa: ANN401
        """End an actor, whatever it does."""
        with suppress(self.ray.exceptions.RayError, ValueError):  # the cluster is gone
            self.ray.kill(actor, no_restart=True)

    def close(self) -> None:
        """End the connection, or the cluster that this run started."""
        if self._ours:
            with _own_handlers():
                self.ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self, environment: dict[str, Any] | None) -> None:
        options: dict[str, Any] = {} if environment is None else {"runtime_env": environment}
        if self.is_local:
            self._folder = _session_folder()
            options |= {
                "num_cpus": cores(),
                "num_gpus": cuda_devices(),
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE,
                "_temp_dir": str(self._folder),
                "_system_config": {"automatic_object_spilling_enabled": False},
            }
        try:
            with _own_handlers(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.ray.init(self._pool.address, logging_level=logging.ERROR, log_to_driver=False, **options)
        except self.ray.exceptions.AuthenticationError as error:
            raise ConfigError(
                f"{_FIELD}: the cluster asks for a token: {_first_line(error)}; set RAY_AUTH_MODE=token and "
                "RAY_AUTH_TOKEN_PATH to the file of the cluster's token"
            ) from None
        except Exception as error:  # noqa: BLE001 - Ray raises `Exception` itself where a node does not start in time
            raise self._cannot_connect(error) from None

    def _cannot_connect(self, error: Exception) -> Exception:
        message = " ".join(str(error).split())
        if "ersion mismatch" in message:
            return ConfigError(
                f"{_FIELD}: the cluster has another Ray or Python than this machine: {message}; start the run with the "
                "cluster's versions, or the cluster with these"
            )
        if self.is_local:
            return EngineError(
                f"{_FIELD}: Ray cannot start on this machine: {message}; if it is only busy, run again later"
            )
        return ConfigError(
            f"{_FIELD}.address: {self._pool.address}: no cluster answers: {message[:300]}; start one with "
            "`ray start --head`, or write `address: local`"
        )


class RunCluster:
    """The cluster of a run, connected when an engine first needs it; a context manager, at whose end it is closed."""

    def __init__(self, pool: EnginePool | None) -> None:
        self._pool = pool
        self.connected: Cluster | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.connected is not None:
            self.connected.close()

    def connect(self) -> Cluster:
        """Return the cluster; raises as `Cluster` does."""
        assert self._pool is not None, "only an engine pool needs a cluster"
        if self.connected is None:
            self.connected = Cluster(self._pool)
        return self.connected


def needs(pool: EnginePool) -> str:
    """Return what a worker needs, in words."""
    gpus = f" and {pool.gpus_per_worker:g} GPU" if pool.gpus_per_worker else ""
    return f"{pool.cpus_per_worker} CPU{'s' if pool.cpus_per_worker > 1 else ''}{gpus}"


def _room(pool: EnginePool, *, cpus: float, gpus: float) -> int:
    """Return how many workers a node with these resources can hold."""
    room = int(cpus // pool.cpus_per_worker)
    return min(room, int(gpus) * int(1 / pool.gpus_per_worker)) if pool.gpus_per_worker else room


def other_version(host: str, found: str) -> ConfigError:
    """Return the error of a node that lacks this version of tomdich; `found` is the one it has, empty where none."""
    has = f"has tomdich {found}" if found else f"has no tomdich {__version__}"
    return ConfigError(
        f"{_FIELD}: {host} {has}, and the run is of {__version__}; install it there with "
        f"`pip install 'tomdich[ray]=={__version__}'`, or name an environment that has it in `{_FIELD}.runtime_env`"
    )


def lacks_package(error: Exception) -> bool:
    """Return whether an actor died because its node lacks the package, or that part of it."""
    return "failed to import on the worker" in str(error)


def reason(error: Exception) -> str:
    """Return Ray's reason of a death in one line, without what names the actor."""
    named = ("class_name:", "actor_id:", "pid:", "name:", "namespace:", "ip:")
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(named))[:400]


def no_environment(error: Exception) -> ConfigError:
    """Return the error of a node that cannot make the runtime environment."""
    return ConfigError(f"{_FIELD}.runtime_env: a node cannot make that environment: {' '.join(str(error).split())}")


def _import_ray(*, local: bool) -> Any:  # noqa: ANN401 - Ray is optional
    """Return the module `ray`, with the environment set in which neither it nor its workers do what a run must not."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as Ray will have it; it warns otherwise
    if local and not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        # Other accounts of this machine could run code in a cluster without a token. Ray would write one into the home.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        with _own_handlers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
            from ray._private import worker
    except ImportError as error:
        raise ConfigError(
            f"{_FIELD}: Ray cannot be imported ({error}); install it with `pip install 'tomdich[ray]'`, or remove "
            f"`{_FIELD}`"
        ) from None
    # Ray tells of a worker's death on the run's standard output, whatever `log_to_driver` says; there is no setting
    worker.print_to_stdstream = _say_nothing
    return ray


def _say_nothing(*_: object, **_options: object) -> None:
    pass


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Give the run back what Ray takes: the handlers of signals and of uncaught exceptions."""
    hook = sys.excepthook
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        sys.excepthook = hook
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                if handler is not None:
                    signal.signal(number, handler)


def _session_folder() -> Path:
    """Return a new folder for the files of a local cluster, which are of no use afterwards."""
    temporary = tempfile.gettempdir()
    return Path(
        tempfile.mkdtemp(prefix="tomdich-", dir="/tmp" if len(os.fsencode(temporary)) > _LONGEST_FOLDER else temporary)  # noqa: S108 - its mode is 0700
    )


def _runtime_env(path: Path) -> dict[str, Any]:
    """Return the runtime environment in a YAML file; raises `ConfigError` where that cannot be read."""
    try:
        found = yaml_core.load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml_core.NotYamlError) as error:
        raise ConfigError(f"{_FIELD}.runtime_env: {path}: {_first_line(error)}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{_FIELD}.runtime_env: {path}: is no mapping; Ray takes fields such as `pip: [...]`")
    return found


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
