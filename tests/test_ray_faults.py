"""Faults of a Ray cluster, for real: a worker, a whole node and the driver are killed in mid-batch; run by `make faults`.

After each, every article that was read is published once or listed, and no process is left.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.storage import versions
from tests.conftest import article
from tests.engines.test_engine_pool import Night, ended
from tests.faults_tally import FaultFixture, accounted, whole
from tests.ray_cluster import RayCluster, command_of, commands_with, descendants, kill, needs_ray, ray_cluster, until

pytestmark = [
    needs_ray,
    pytest.mark.faults,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

ONE = 64  # tokens a batch: one text, which takes a second


def feed(count: int) -> list[dict[str, Any]]:
    return [article(number) | {"text": f"{article(number)['text']} fake:second"} for number in range(count)]


@pytest.fixture
def cluster() -> Iterator[RayCluster]:
    with ray_cluster(cpus=1) as found:
        yield found


def fed(folder: Path, cluster: RayCluster | None, count: int) -> tuple[Night, list[str]]:
    """Return a night whose articles take a worker so many seconds, and their ids."""
    night, rows = Night(folder, cluster), feed(count)
    night.feed(rows)
    return night, [row["id"] for row in rows]


def published(night: Night) -> versions.Version:
    (version,) = whole(night.folder / "out" / "night")
    ids = [row["id"] for row in night.rows()]
    assert len(ids) == len(set(ids))
    return version


def finished(night: Night) -> int:
    """Return how many calls are in the memo."""
    path = night.folder / "out" / ".memo" / "memo.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as memo:
        try:
            return int(memo.execute("SELECT count(*) FROM calls").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0


def computing(night: Night, run: Any) -> None:
    """Wait until batches come back: the next ones are being computed."""
    until(lambda: finished(night) or run.poll() is not None, seconds=300)
    assert run.poll() is None, run.communicate()


def test_a_worker_that_is_killed_costs_no_article(tmp_path: Path, cluster: RayCluster, fault: FaultFixture) -> None:
    night, ids = fed(tmp_path, cluster, 30)
    with fault("worker killed", read=ids) as one:
        run = night.start(batch_tokens=ONE)
        computing(night, run)
        kill(cluster.workers()[0])
        said = ended(run, code=0)
        assert said.count(" died: ") == 1, said
        assert len(night.rows()) == len(ids)
        one.left(accounted(published(night)))
    until(lambda: not cluster.workers(), seconds=120)


def test_a_node_that_joins_is_used_and_one_that_is_killed_costs_no_article(
    tmp_path: Path, cluster: RayCluster, fault: FaultFixture
) -> None:
    night, ids = fed(tmp_path, cluster, 150)
    with fault("node killed", read=ids) as one:
        run = night.start(batch_tokens=ONE)
        computing(night, run)
        second = cluster.join(cpus=1)

        def computes() -> bool:
            assert run.poll() is None, run.communicate()
            return any("Worker.run" in command_of(pid) for pid in descendants(second.pid))

        until(computes, seconds=300)
        for pid in [second.pid, *descendants(second.pid)]:
            kill(pid)
        said = ended(run, code=0)
        assert " died: " in said, said
        assert len(night.rows()) == len(ids)
        one.left(accounted(published(night)))
    until(lambda: not cluster.workers(), seconds=120)


@pytest.mark.parametrize("where", ["cluster", "local"])
def test_a_driver_that_is_killed_leaves_no_process_and_a_rerun_goes_on(
    tmp_path: Path, request: pytest.FixtureRequest, fault: FaultFixture, where: str
) -> None:
    cluster: RayCluster | None = request.getfixturevalue("cluster") if where == "cluster" else None
    night, ids = fed(tmp_path, cluster, 30)
    temporary = tempfile.mkdtemp(prefix="rf-", dir="/tmp")
    with fault("driver killed", read=ids) as one:
        run = night.start(batch_tokens=ONE, TMPDIR=temporary)
        computing(night, run)
        workers = [
            pid for pid in (cluster.workers() if cluster else descendants(run.pid)) if "ray::" in command_of(pid)
        ]
        assert workers
        run.send_signal(signal.SIGKILL)
        run.communicate()
        until(lambda: not any("ray::" in command_of(pid) for pid in workers), seconds=120)
        until(lambda: not commands_with(temporary), seconds=120, what=lambda: str(commands_with(temporary)))
        assert not (night.folder / "out" / "night" / "latest").exists()
        night.environment["TMPDIR"] = temporary
        night.run()
        manifest = json.loads((night.version() / "manifest.json").read_text("utf-8"))
        assert manifest["calls"]["summarize"]["replayed"] > 0
        one.left(accounted(published(night)))
