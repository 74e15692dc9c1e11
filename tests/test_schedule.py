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


def job_code(folder: Path, stand_in: str) -> int:
    """Return the exit code of the Slurm job where *stand_in*, a Python program, stands for tomdich."""
    program = folder / "tomdich" / ".venv" / "bin" / "tomdich"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable} -SE\n{stand_in}")
    program.chmod(0o755)
    job = subprocess.run(["bash", str(SCHEDULE / "night.slurm")], cwd=folder, timeout=60, check=False)
    return job.returncode


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
