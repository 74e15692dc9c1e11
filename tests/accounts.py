"""Run the command line as other accounts: root can become any uid, so that no account has to be created."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALICE, BOB, GROUP = 12_001, 12_002, 13_000  # not in /etc/passwd: as in a container with an arbitrary uid

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a command as another account")

# The interpreter may lie where the other account cannot read it: so the commands are first run as root, on a copy, and
# what they import is loaded before the account changes. Then each runs in a fork, or in the same process where it is
# the only one: the threads of an engine do not survive a fork. The saved uid stays root's: no access goes by it, and
# under `make coverage` the process writes what it has measured as root, into a folder that is closed to the account.
# What the command starts could not, and is not measured.
_RUN = """
import _strptime, json, os, sys
import pipeline
from pipeline import cli
warm, steps, scratch, cache, gid, clone = json.loads(sys.argv[1])
assert os.path.dirname(os.path.dirname(pipeline.__file__)) == clone, pipeline.__file__

def call(arguments, stdout, stderr):
    for stream, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.argv = ["tomdich", *arguments]
    try:
        cli.main()
    except SystemExit as end:
        return end.code or 0
    finally:
        sys.stdout.flush(), sys.stderr.flush()
    return 0

def step(number, uid, umask, environment, arguments):
    for name, value in environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    out = [f"{scratch}/{number}.{name}" for name in ("out", "err")]
    for path in out:
        os.close(os.open(path, os.O_CREAT, 0o666))
        os.chmod(path, 0o666)
    os.umask(umask)
    if uid:
        os.setgroups([gid])
        os.setgid(uid)
        os.setresuid(uid, uid, 0)
    try:
        return call(arguments, *out)
    finally:
        os.setresuid(0, 0, 0)

there = os.getcwd()
os.chdir(scratch)
os.environ["TOMDICH_CACHE"] = cache
for arguments in warm:
    call(arguments, os.devnull, os.devnull)
os.chdir(there)
if len(steps) == 1:
    raise SystemExit(step(0, *steps[0]))
for number, one in enumerate(steps):
    child = os.fork()
    if not child:
        code = 70
        try:
            code = step(number, *one)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(f"{scratch}/{number}.code", "w") as file:
        file.write(str(code))
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of one account."""

    uid: int
    command: str
    umask: int = 0o002
    environment: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    code: int
    out: str
    err: str


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every account can enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="tomdich-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def is_open(path: Path) -> bool:
    """Return whether every account can read `path`."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents))


def run_as(*steps: Step, cwd: Path, clone: Path = ROOT) -> list[Result]:
    """Run commands of the package in `clone` one after the other in `cwd`; a variable that is None is not set."""
    scratch = Path(tempfile.mkdtemp())
    scratch.chmod(0o755)
    try:
        for path in cwd.iterdir():
            if path.is_file():
                shutil.copy(path, scratch)
        commands = dict.fromkeys(("run night.yaml --outputs out", *(step.command for step in steps)))
        common: dict[str, str | None] = {
            "HOME": "/nonexistent", "TOMDICH_CACHE": str(cwd / "cache"), "HF_DATASETS_CACHE": None,
            "COVERAGE_PROCESS_CONFIG": None,
        }  # fmt: skip
        todo = [(step.uid, step.umask, common | step.environment, step.command.split()) for step in steps]
        cache = cwd / "cache" if (cwd / "cache").exists() else scratch / "cache"
        given = json.dumps([[one.split() for one in commands], todo, str(scratch), str(cache), GROUP, str(clone)])
        done = subprocess.run(
            [sys.executable, "-c", _RUN, given],
            cwd=cwd, env=os.environ | {"PYTHONPATH": str(clone)}, timeout=250, check=False,
        )  # fmt: skip
        if len(steps) == 1:
            (scratch / "0.code").write_text(str(done.returncode))
        return [
            Result(
                int((scratch / f"{number}.code").read_text()),
                *((scratch / f"{number}.{stream}").read_text(encoding="utf-8") for stream in ("out", "err")),
            )
            for number in range(len(steps))
        ]
    finally:
        shutil.rmtree(scratch)
