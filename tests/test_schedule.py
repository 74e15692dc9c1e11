"""The schedules under configs/schedule, each read by the tool that will read it, and their commands by tomdich itself."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("name", ["tomdich-night.service", "crontab", "night.slurm"])
def test_the_command_line_takes_what_the_schedules_give(name: str, tmp_path: Path) -> None:
    (line,) = re.findall(r"tomdich run (\S+ --[^&>\n]*)", (SCHEDULE / name).read_text(encoding="utf-8"))
    shown = tomdich("run", "--help", cwd=tmp_path, COLUMNS="200")
    for word in shlex.split(line):
        if word.startswith("--"):
            assert re.search(rf"{re.escape(word)}\b", shown.stdout), word


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (5, 0), (3, 3)])
def test_the_slurm_job_passes_a_signal_on_and_takes_5_for_success(tmp_path: Path, code: int, seen: int) -> None:
    stand_in = tmp_path / "tomdich" / ".venv" / "bin" / "tomdich"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text(
        f"#!/bin/bash\ntrap 'touch stopped; exit {code}' TERM\ntouch began\nwhile :; do sleep 0.05; done\n"
    )
    stand_in.chmod(0o755)
    job = subprocess.Popen(["bash", str(SCHEDULE / "night.slurm")], cwd=tmp_path)
    until = time.monotonic() + 20
    while not (tmp_path / "began").exists() and time.monotonic() < until:
        time.sleep(0.02)
    job.send_signal(signal.SIGTERM)
    assert job.wait(20) == seen
    assert (tmp_path / "stopped").exists()
