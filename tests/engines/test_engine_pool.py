"""An engine pool on a real Ray: one small cluster for the session, and once the one that a run starts by itself."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline import __version__
from tests.accounts import needs_root
from tests.conftest import article, fake_config, tomdich, write_feed
from tests.equal_versions import differences
from tests.ray_cluster import (
    ROOT,
    RayCluster,
    command_of,
    commands_with,
    descendants,
    needs_ray,
    ray_cluster,
    until,
)

pytestmark = [
    needs_ray,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.xdist_group("ray"),
]

FEED = [article(number) for number in range(60)]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with ray_cluster(cpus=2, gpus=1, cache=tmp_path_factory.mktemp("node-cache")) as found:
        yield found


class Night:
    """A config with an engine pool, run in a process of its own."""

    def __init__(self, folder: Path, cluster: RayCluster | None) -> None:
        self.folder = folder
        self.environment = {} if cluster is None else cluster.environment
        self.config = fake_config(limits={"max_failure_ratio": 0.5})
        self.pool: dict[str, Any] = {"address": "auto" if cluster else "local", "gpus_per_worker": 0}

    def feed(self, rows: list[dict[str, Any]]) -> None:
        write_feed(self.folder / "feed.jsonl", rows)

    def start(
        self, *arguments: str, outputs: str = "out", pool: bool = True, batch_tokens: int = 1000, **environment: str
    ) -> subprocess.Popen[str]:
        path = self.write(pool=pool, batch_tokens=batch_tokens)
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", "run", str(path), "--outputs", outputs, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, *, pool: bool = True, batch_tokens: int = 1000) -> Path:
        runtime = {"engine_pool": self.pool, "batch_tokens": batch_tokens}
        config = self.config | ({"runtime": runtime} if pool else {})
        path = self.folder / "night.yaml"
        path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        return path

    def run(self, *arguments: str, outputs: str = "out", pool: bool = True, code: int = 0) -> str:
        """Run to the end; return what was said."""
        path = self.write(pool=pool)
        done = tomdich("run", path, "--outputs", outputs, *arguments, cwd=self.folder, **self.environment)
        return checked(done.returncode, done.stdout, done.stderr, code=code)

    def version(self, outputs: str = "out") -> Path:
        return max(path for path in (self.folder / outputs / "night").iterdir() if path.name[0].isdigit())

    def rows(self, outputs: str = "out") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.version(outputs) / "data").to_pylist()
        return rows

    def failures(self, outputs: str = "out") -> list[dict[str, Any]]:
        lines = (self.version(outputs) / "failures.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


def ended(process: subprocess.Popen[str], *, code: int, publishes: bool | None = None) -> str:
    out, err = process.communicate(timeout=600)
    return checked(process.returncode, out, err, code=code, publishes=publishes)


def checked(found: int, out: str, err: str, *, code: int, publishes: bool | None = None) -> str:
    assert found == code, f"exit {found}: {out}{err}"
    assert "Traceback" not in err, err
    # the version's line, whatever Ray would like to say
    assert len(out.splitlines()) == (code == 0 if publishes is None else publishes), out
    return out + err


@pytest.fixture
def night(tmp_path: Path, cluster: RayCluster) -> Night:
    night = Night(tmp_path, cluster)
    night.feed(FEED)
    return night


def poisoned(number: int, word: str) -> dict[str, Any]:
    row = article(number)
    return row | {"text": f"{row['text']} fake:{word}"}


def test_faults_of_texts_mean_the_same_as_on_one_machine_and_a_worker_s_death_one_refusal(
    night: Night, cluster: RayCluster
) -> None:
    words = ["refuse", "memory", "huge", "empty", "loop"]
    rows = [*FEED, *(poisoned(100 + number, word) for number, word in enumerate(words))]
    night.feed([*rows, poisoned(200, "crash")])
    said = night.run()
    assert said.count(" died: ") == 2, said
    died = next(one for one in night.failures() if one["id"] == "a200")
    assert died["kind"] == "refused"
    assert "two workers died while they computed it" in died["message"]

    night.feed(rows)
    night.run(pool=False, outputs="alone")
    assert night.rows() == night.rows("alone")
    assert [one for one in night.failures() if one["id"] != "a200"] == night.failures("alone")
    until(lambda: not cluster.workers())
    # the pool is runtime: in neither the recipe nor the keys of the memo
    manifests = [json.loads((night.version(out) / "manifest.json").read_text("utf-8")) for out in ("out", "alone")]
    assert manifests[0]["recipe"] == manifests[1]["recipe"]
    night.run(pool=False)
    calls = json.loads((night.version() / "manifest.json").read_text("utf-8"))["calls"]
    assert {name: count["computed"] for name, count in calls.items()} == {"summarize": 0, "translate": 0}


def test_in_float32_the_published_text_is_that_of_one_local_engine(night: Night) -> None:
    stage = {"model": "bundled/translator", "compute_type": "float32", "generation": {"max_new_tokens": 12}}
    night.config |= {"summarize": {"model": "lead"}, "translate": stage}
    night.feed(FEED[:12])
    night.run()
    night.run(pool=False, outputs="alone")
    assert not list(differences(night.rows("alone"), night.rows()))
    assert len({row["translation"] for row in night.rows()}) > 5


@needs_root
@pytest.mark.timeout(900)
def test_a_checkpoint_that_only_the_run_can_read_is_sent_to_the_node(night: Night, cluster: RayCluster) -> None:
    """It lies on a disk that is mounted for the run alone."""
    (disk := night.folder / "disk").mkdir()
    night.config |= {
        "summarize": {"model": "lead"},
        "translate": {"model": str(disk / "model"), "accept_license": "unknown", "generation": {"max_new_tokens": 4}},
    }
    night.feed(FEED[:4])
    night.pool["workers"] = 1
    night.write()
    script = f"""
        mount -t tmpfs tomdich-disk "{disk}" || exit 99
        cp -r "{ROOT / "pipeline/bundled/translator"}" "{disk}/model" && rm -f "{disk}/model/README.md"
        exec "{sys.executable}" -m pipeline run night.yaml --outputs out
    """
    run = subprocess.Popen(
        ["unshare", "--mount", "bash", "-c", script],
        cwd=night.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TOMDICH_CACHE": str(disk / "cache")} | night.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if run.wait(600) == 99:
        pytest.skip("cannot mount a disk here")
    said = ended(run, code=0)
    assert "is sent to node" in said
    assert len(night.rows()) == 4
    assert cluster.cache is not None
    assert list((cluster.cache / "prepared").glob("*-ct2-int8-*/model.bin"))


def test_a_lost_device_ends_the_run_and_names_the_node(night: Night, cluster: RayCluster) -> None:
    night.feed([*FEED, poisoned(100, "lost")])
    night.pool["workers"] = 1
    said = night.run(code=1)
    assert "fake:lost (on node " in said
    until(lambda: not cluster.workers())


def test_a_run_that_is_interrupted_leaves_no_actor(night: Night, cluster: RayCluster) -> None:
    night.feed([poisoned(number, "second") for number in range(60)])
    night.pool["workers"] = 1
    run = night.start()
    until(cluster.workers, what=lambda: f"no worker: {run.poll()}")
    run.send_signal(signal.SIGINT)
    assert "run it again" in ended(run, code=5)
    until(lambda: not cluster.workers())


def sent(night: Night, file: str, old: str, new: str) -> None:
    """Have the workers get a copy of the package in which `old` is `new`."""
    package = night.folder / "sent" / "pipeline"
    shutil.copytree(ROOT / "pipeline", package, ignore=shutil.ignore_patterns("bundled", "__pycache__"))
    text = (package / file).read_text("utf-8")
    assert old in text
    (package / file).write_text(text.replace(old, new), encoding="utf-8")
    (night.folder / "env.yaml").write_text(yaml.safe_dump({"py_modules": [str(package)]}), encoding="utf-8")
    night.pool |= {"runtime_env": "env.yaml", "workers": 1}


def test_a_runtime_environment_brings_the_package_to_the_workers(night: Night) -> None:
    sent(night, "engines/fake.py", "a text says fake:refuse", "from the package that was sent")
    night.feed([*FEED, poisoned(100, "refuse")])
    night.run("--until", "summarize")
    (failed,) = night.failures()
    assert "from the package that was sent" in failed["message"]


@pytest.mark.parametrize(
    ("file", "new", "said"),
    [
        ("__init__.py", '__version__ = "9.9"', "has tomdich 9.9, and the run is of"),
        ("engines/ray_worker.py", "raise ImportError", "has no tomdich"),
    ],
    ids=["another version", "without the pool"],
)
def test_a_cluster_with_another_tomdich_is_refused_with_the_remedy(
    night: Night, cluster: RayCluster, file: str, new: str, said: str
) -> None:
    old = f'__version__ = "{__version__}"' if file == "__init__.py" else "from __future__ import annotations"
    sent(night, file, old, new)
    told = night.run(code=2)
    assert said in told
    assert "pip install 'tomdich[ray]==" in told
    assert "runtime.engine_pool.runtime_env" in told
    until(lambda: not cluster.workers())


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({"runtime_env": "absent.yaml"}, "absent.yaml"),
        ({"runtime_env": "feed.jsonl"}, "feed.jsonl"),
    ],
)
def test_a_pool_that_cannot_be_had_is_one_message(night: Night, pool: dict[str, Any], said: str) -> None:
    night.pool |= pool
    told = night.run(code=2)
    assert "runtime.engine_pool" in told
    assert said in told


def test_the_client_of_a_cluster(night: Night, cluster: RayCluster) -> None:
    night.pool |= {"address": f"ray://127.0.0.1:{cluster.client_port}", "workers": 1}
    night.run("--until", "summarize")
    assert len(night.rows()) == len(FEED)
    until(lambda: not cluster.workers())


# What Ray does by itself on this machine


@needs_root
def test_a_local_cluster_keeps_out_of_the_home_uv_run_and_a_small_dev_shm_and_leaves_nothing(tmp_path: Path) -> None:
    """Under `uv run`, with a home that cannot be written, and a /dev/shm of 32 MB, all at once."""
    night = Night(tmp_path, None)
    night.feed([*FEED[:4], poisoned(100, "second")])
    night.pool["workers"] = 1
    night.write()
    temporary = Path(tempfile.mkdtemp(prefix="lt-", dir="/tmp"))
    (tmp_path / "run").write_text(
        f"mount -t tmpfs -o size=32m tomdich-shm /dev/shm || exit 99\n"
        f'"{sys.executable}" -m pipeline run night.yaml --outputs out --until summarize\n'
        "exit $?\n"
    )
    run = subprocess.Popen(
        # bash under the name of uv, which Ray looks for among the parents; in mounts of its own
        ["unshare", "--mount", "bash", "-c", "exec -a uv bash run run"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        | {"PYTHONPATH": str(ROOT), "HOME": "/dev/null/home", "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    raylet = gcs = 0

    def is_up() -> bool:
        nonlocal raylet, gcs
        for pid in descendants(run.pid):
            words = command_of(pid).split(" ")
            raylet = pid if words[0].endswith("/raylet") else raylet
            gcs = pid if words[0].endswith("/gcs_server") else gcs
        return bool(raylet and gcs) or run.poll() is not None

    until(is_up)
    if run.poll() == 99:
        pytest.skip("cannot mount a small /dev/shm here")
    assert raylet, run.communicate()
    environment = Path(f"/proc/{raylet}/environ").read_bytes().split(b"\0")
    assert b"RAY_USAGE_STATS_ENABLED=0" in environment
    assert b"RAY_AUTH_MODE=token" in environment
    (settings,) = [word for word in command_of(gcs).split(" ") if word.startswith("--config_list=")]
    assert json.loads(base64.b64decode(settings.partition("=")[2]))["automatic_object_spilling_enabled"] is False
    ended(run, code=0)
    assert (tmp_path / "out" / "night").is_dir()
    assert commands_with(str(temporary)) == []
    assert list(temporary.iterdir()) == []
    temporary.rmdir()


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ({"cpus_per_worker": 1024}, "has no room for a worker with 1024 CPUs"),
        ({"gpus_per_worker": 1}, "write `gpus_per_worker: 0`"),
    ],
)
def test_a_machine_without_room_for_a_worker_is_refused_before_ray_starts(
    tmp_path: Path, pool: dict[str, Any], said: str
) -> None:
    night = Night(tmp_path, None)
    night.feed(FEED[:4])
    night.pool |= pool
    night.environment["CUDA_VISIBLE_DEVICES"] = ""
    assert said in night.run(code=2)


def test_without_ray_the_remedy_is_named(tmp_path: Path) -> None:
    night = Night(tmp_path, None)
    night.feed(FEED[:4])
    (tmp_path / "ray.py").write_text("raise ImportError('no Ray')", encoding="utf-8")
    said = ended(night.start(PYTHONPATH=f"{tmp_path}:{ROOT}"), code=2)
    assert "pip install 'tomdich[ray]'" in said
