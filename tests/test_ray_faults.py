"""Faults of a Ray cluster, for real: workers, those that inspect, whole nodes and the driver are killed in mid-batch.

Run by `make faults`. After each, every article that was read is published once or listed, and no process is left.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.runner.inspection import MANY
from pipeline.storage import versions
from tests.conftest import article
from tests.engines.test_engine_pool import Night, ended, poisoned, sent
from tests.faults_tally import FaultFixture, accounted, whole
from tests.ray_cluster import (
    ROOT,
    RayCluster,
    command_of,
    commands_with,
    descendants,
    kill,
    needs_ray,
    ray_cluster,
    until,
)

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


def test_a_batch_that_hangs_ends_the_run_and_its_worker(tmp_path: Path, cluster: RayCluster) -> None:
    night = Night(tmp_path, cluster)
    night.feed([*(article(number) for number in range(5)), poisoned(100, "hang")])
    script = (
        "import sys; from pipeline.engines import batching; batching.PATIENCE = 20.0;"
        "from pipeline.cli import main; sys.argv[0] = 'tomdich'; main()"
    )
    night.write()
    hung = subprocess.run(
        [sys.executable, "-c", script, "run", "night.yaml", "--outputs", "out"],
        cwd=night.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | night.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert hung.returncode == 1, hung.stderr
    assert "the fake engine hangs" in hung.stderr
    until(lambda: not cluster.workers())


def test_a_cluster_that_no_client_reaches_is_one_message(tmp_path: Path) -> None:
    """Ray tries for half a minute."""
    night = Night(tmp_path, None)
    night.feed([article(1)])
    night.pool["address"] = "ray://127.0.0.1:9"
    said = night.run(code=2)
    assert "runtime.engine_pool" in said
    assert "no cluster answers" in said


# Those that inspect: on the CPUs that no worker can take


def inspected(folder: Path, cluster: RayCluster) -> tuple[Night, list[str]]:
    """Return a night that takes the cluster's GPU for a minute of translating, and its ids."""
    night = Night(folder, cluster)
    rows = [article(number) for number in range(3 * MANY)]
    rows[MANY:] = [row | {"title": f"{row['title']} fake:second"} for row in rows[MANY:]]
    night.feed(rows)
    night.pool |= {"gpus_per_worker": 1, "workers": 1}
    return night, [row["id"] for row in rows]


def in_mid_batch(night: Night) -> Path:
    """Have each batch of those that inspect on the cluster take a second; return the file that is there from the first on."""
    begun = night.folder / "begun"
    answer = "return _answer(bundle, self._rules)"
    slow = f"import time; open({str(begun)!r}, 'a').close(); time.sleep(1); {answer}"
    sent(night, "checks/worker.py", answer, slow)
    return begun


def equal_to_a_run_without_a_cluster(night: Night) -> None:
    found = night.rows()
    night.run("--force", pool=False)
    assert night.rows() == found


def inspecting(cluster: RayCluster) -> list[int]:
    return [pid for pid in cluster.inspectors() if ".inspect" in command_of(pid)]


def test_one_that_inspects_is_killed_in_mid_batch(tmp_path: Path, fault: FaultFixture) -> None:
    with ray_cluster(cpus=3, gpus=1) as cluster:
        night, ids = inspected(tmp_path, cluster)
        begun = in_mid_batch(night)
        with fault("an inspecting actor killed", read=ids) as one:
            run = night.start(batch_tokens=ONE)
            until(lambda: (begun.exists() and inspecting(cluster)) or run.poll() is not None, seconds=300)
            kill(inspecting(cluster)[0])
            said = ended(run, code=0)
            assert said.count("has ended before its time") == 1, said
            assert "a process that inspected on node" in said
            one.left(accounted(published(night)))
        until(lambda: not cluster.workers() and not cluster.inspectors())
        equal_to_a_run_without_a_cluster(night)


def test_a_node_that_only_inspects_is_killed(tmp_path: Path, fault: FaultFixture) -> None:
    with ray_cluster(cpus=1, gpus=1) as cluster:
        second = cluster.join(cpus=2)
        night, ids = inspected(tmp_path, cluster)
        begun = in_mid_batch(night)
        with fault("an inspecting node killed", read=ids) as one:
            run = night.start(batch_tokens=ONE)
            until(lambda: (begun.exists() and inspecting(cluster)) or run.poll() is not None, seconds=300)
            assert set(inspecting(cluster)) <= set(descendants(second.pid))
            for pid in [second.pid, *descendants(second.pid)]:
                kill(pid)
            said = ended(run, code=0)
            assert "a process that inspected on node" in said
            assert " died: " not in said, "a worker of the pool was on the second node"
            one.left(accounted(published(night)))
        until(lambda: not cluster.workers() and not cluster.inspectors())
        equal_to_a_run_without_a_cluster(night)


def test_a_driver_that_is_killed_leaves_none_that_inspects(tmp_path: Path, fault: FaultFixture) -> None:
    with ray_cluster(cpus=2, gpus=1) as cluster:
        night, ids = inspected(tmp_path, cluster)
        with fault("driver of inspecting actors killed", read=ids) as one:
            run = night.start(batch_tokens=ONE)
            until(lambda: cluster.inspectors() or run.poll() is not None, seconds=300)
            beside = [pid for pid in descendants(run.pid) if "checks.worker" in command_of(pid)]
            assert beside
            run.send_signal(signal.SIGKILL)
            run.communicate()
            until(lambda: not cluster.workers() and not cluster.inspectors())
            until(lambda: not any("checks.worker" in command_of(pid) for pid in beside))
            night.run()
            one.left(accounted(published(night)))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, None], ids=["SIGINT", "SIGTERM", "deadline"])
def test_a_run_that_is_stopped_leaves_no_actor(tmp_path: Path, stop: signal.Signals | None) -> None:
    with ray_cluster(cpus=2, gpus=1) as cluster:
        night, _ = inspected(tmp_path, cluster)
        run = night.start(*(() if stop else ("--deadline", "40s")), batch_tokens=ONE)
        until(lambda: (cluster.workers() and cluster.inspectors()) or run.poll() is not None)
        assert run.poll() is None
        if stop is not None:
            run.send_signal(stop)
        assert "run it again" in ended(run, code=5)
        until(lambda: not cluster.workers() and not cluster.inspectors())


def test_a_node_with_another_tomdich_inspects_nothing(tmp_path: Path) -> None:
    with ray_cluster(cpus=2, gpus=1) as cluster:
        night, ids = inspected(tmp_path, cluster)
        sent(night, "checks/worker.py", "return __version__", "return '9.9'")
        said = ended(night.start(batch_tokens=ONE), code=0)
        assert "nothing is inspected: " in said
        assert "has tomdich 9.9, and the run is of" in said
        assert [row["id"] for row in night.rows()] == ids
        until(lambda: not cluster.inspectors())
