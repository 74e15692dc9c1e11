"""The schedules under configs/schedule, each read by the tool that will read it, and their commands by tomdich itself."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import tomdich

SCHEDULE = Path(__file__).parents[1] / "configs" / "schedule"
UNITS = [SCHEDULE / "tomdich-night.service", SCHEDULE / "tomdich-night.timer"]


def needs(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed here")
    return found


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    done = subprocess.run(
        [needs("systemd-analyze"), "verify", "--user", *map(str, UNITS)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_that_ended_inside_its_window_is_no_failure_to_systemd() -> None:
    assert "SuccessExitStatus=5" in UNITS[0].read_text(encoding="utf-8").split("\n")


def test_cron_reads_the_line() -> None:
    done = subprocess.run(
        [needs("crontab"), "-n", str(SCHEDULE / "crontab")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("tomdich-night.service", "run"),
        ("crontab", "run"),
        ("night.slurm", "run"),
        ("shards.slurm", "run"),
        ("merge.slurm", "merge"),
        ("rayjob.yaml", "run"),
    ],
)
def test_the_command_line_takes_what_the_schedules_give(name: str, command: str, tmp_path: Path) -> None:
    (line,) = re.findall(rf"tomdich {command} (\S+ --[^&>\n\"]*)", (SCHEDULE / name).read_text(encoding="utf-8"))
    shown = tomdich(command, "--help", cwd=tmp_path, COLUMNS="200")
    for word in shlex.split(line):
        if word.startswith("--"):
            assert re.search(rf"{re.escape(word)}\b", shown.stdout), word


def job_code(folder: Path, stand_in: str, *, job: str = "night.slurm", **environment: str) -> int:
    """Return the exit code of a Slurm job where *stand_in*, a Python program, stands for tomdich."""
    program = folder / "tomdich" / ".venv" / "bin" / "tomdich"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable} -SE\n{stand_in}")
    program.chmod(0o755)
    environment = os.environ | environment
    done = subprocess.run(["bash", str(SCHEDULE / job), "16"], cwd=folder, timeout=60, env=environment, check=False)
    return done.returncode


@pytest.mark.parametrize("signals", [1, 3])
@pytest.mark.parametrize(("code", "seen"), [(0, 0), (5, 0), (3, 3)])
def test_the_slurm_job_passes_a_signal_on_and_takes_5_for_success(
    tmp_path: Path, code: int, seen: int, signals: int
) -> None:
    """The stand-in signals the job itself, as early as anything can, and leaves at once when it is signalled."""
    stand_in = f"""
import os, signal
def stop(*_):
    open("stopped", "w").close()
    os._exit({code})
signal.signal(signal.SIGTERM, stop)
for _ in range({signals}):
    os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""
    assert job_code(tmp_path, stand_in) == seen
    assert (tmp_path / "stopped").exists()


def test_the_slurm_job_gives_the_code_of_a_run_that_ends_by_itself(tmp_path: Path) -> None:
    assert job_code(tmp_path, "raise SystemExit(4)") == 4


SAYS_ITS_WORDS = """
import sys
open("words", "w").write(" ".join(sys.argv[1:]))
raise SystemExit({code})
"""


@pytest.mark.parametrize(("code", "queued"), [(0, False), (1, False), (5, True)])
def test_a_job_of_the_array_runs_its_shard_and_is_queued_again_after_5(tmp_path: Path, code: int, queued: bool) -> None:
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text('#!/bin/sh\necho "$@" >queued\n')
    scontrol.chmod(0o755)
    path = f"{scontrol.parent}:{os.environ['PATH']}"
    slurm = {"SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3", "PATH": path}
    seen = job_code(tmp_path, SAYS_ITS_WORDS.format(code=code), job="shards.slurm", **slurm)
    assert seen == (0 if queued else code)
    words = (tmp_path / "words").read_text(encoding="utf-8")
    assert words == "run archive.yaml --shard 3/16 --deadline 5h"
    assert (tmp_path / "queued").exists() == queued
    assert not queued or (tmp_path / "queued").read_text(encoding="utf-8") == "requeue 77_3\n"


def test_the_job_after_the_array_merges_as_many_shards(tmp_path: Path) -> None:
    assert job_code(tmp_path, SAYS_ITS_WORDS.format(code=3), job="merge.slurm") == 3
    assert (tmp_path / "words").read_text(encoding="utf-8") == "merge archive --shards 16 --wait-lock 10m"


def test_the_ray_job_asks_for_a_gpu_on_each_worker_and_none_on_the_head() -> None:
    job = yaml.safe_load((SCHEDULE / "rayjob.yaml").read_text(encoding="utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    pods = [cluster["headGroupSpec"]["template"], cluster["workerGroupSpecs"][0]["template"]]
    containers = [pod["spec"]["containers"][0] for pod in pods]
    assert [one["resources"]["limits"].get("nvidia.com/gpu") for one in containers] == [None, "1"]
    assert len({one["image"] for one in containers}) == 1  # one version of tomdich
