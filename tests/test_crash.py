"""SIGKILL at the Nth system call that writes, syncs or renames; then a rerun that must make it whole.

`strace` delivers the signal inside the call, so SQLite, Arrow and Python's own files are all covered.
`make test` kills at twenty points spread over a run and a prune, `make faults` at every one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import store
from tests.conftest import article, tomdich, write_feed
from tests.faults_tally import Tally, accounted

CALLS = "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,symlink,symlinkat,unlink,unlinkat,rmdir,ftruncate"
SAMPLES = 20

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it delivers the kills")


def traced(arguments: list[str | Path], *, cwd: Path, kill_at: int | None = None) -> tuple[int, int]:
    """Run the command line under strace; return its exit code and how many of the calls it made."""
    trace = cwd / "trace"
    inject = [] if kill_at is None else ["-e", f"inject={CALLS}:signal=SIGKILL:when={kill_at}"]
    done = subprocess.run(
        [
            *("strace", "-f", "--seccomp-bpf", "-qq", "-o", str(trace), "-e", f"trace={CALLS}", *inject),
            *(sys.executable, "-m", "pipeline.cli", *map(str, arguments)),
        ],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if kill_at is None and done.returncode != 0:
        pytest.fail(done.stderr)
    return done.returncode, len(trace.read_text(errors="replace").splitlines())


def content(version: store.Version) -> dict[str, bytes]:
    """Return what must be equal byte for byte between two runs: the rows and the failures."""
    data = sorted((version.folder / "data").glob("*"))
    return {path.name: path.read_bytes() for path in [*data, version.folder / "failures.jsonl"]}


def paid(outputs: Path) -> int:
    """Return how many calls the memo holds."""
    memo = outputs / ".memo" / "memo.sqlite"
    if not memo.exists():
        return 0
    with sqlite3.connect(memo) as connection:
        has_table = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'calls'").fetchone()[0]
        rows = connection.execute("SELECT count(*) FROM calls").fetchone()[0] if has_table else 0
    connection.close()
    return int(rows)


class Job:
    """A small run in a folder of its own, on the fake engine."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder, self.outputs = folder, folder / "out"
        folder.mkdir(exist_ok=True)
        feed = [article(number) for number in range(8)] + [{"id": "bad", "title": "", "text": ""}]
        write_feed(folder / "feed.jsonl", feed)
        text = config.read_text(encoding="utf-8").replace("path: feed.jsonl", f"path: {folder.parent / 'feed.jsonl'}")
        (folder / "night.yaml").write_text(text, encoding="utf-8")
        self.arguments: list[str | Path] = ["run", "night.yaml", "--outputs", self.outputs]

    def versions(self) -> list[store.Version]:
        return store.versions(self.outputs / "night")


@pytest.fixture
def make_job(tmp_path: Path, make_config: Callable[..., Path]) -> Callable[[str], Job]:
    """Give a function that makes a job; all jobs read one feed, so that their versions can be compared."""
    config = make_config()
    write_feed(
        tmp_path / "feed.jsonl", [article(number) for number in range(8)] + [{"id": "bad", "title": "", "text": ""}]
    )
    return lambda name: Job(tmp_path / name, config)


def kill_and_rerun(job: Job, *, at: int, whole: dict[str, bytes], total: int) -> list[str]:
    """Kill a run, run again, and return the ids of its records and failures."""
    code, _ = traced(job.arguments, cwd=job.folder, kill_at=at)
    assert code in {0, -9, 137}, f"call {at}: exit {code}"
    for version in job.versions():
        store.verify(version)  # whatever is visible is complete
    before = paid(job.outputs)
    again = tomdich(*job.arguments, cwd=job.folder)
    assert again.returncode == 0, f"call {at}: {again.stderr}"
    (version,) = job.versions()  # nothing twice
    store.verify(version)
    assert content(version) == whole, f"call {at}"
    assert (job.outputs / "night" / "latest").resolve() == version.folder.resolve()
    assert not any((job.outputs / "night" / ".staging").glob("*"))
    if before < total:  # only what was in flight is paid again
        assert sum(stage["computed"] for stage in version.manifest["calls"].values()) == total - before
    assert paid(job.outputs) == total
    return accounted(version)


def campaign(make_job: Callable[[str], Job], fault: Tally, *, share: int, of: int, samples: int | None) -> None:
    job = make_job("whole")
    _, calls = traced(job.arguments, cwd=job.folder)
    (version,) = job.versions()
    whole, total = content(version), paid(job.outputs)
    assert total > 0
    step = 1 if samples is None else max(1, calls // samples)
    for at in range(1 + step * share, calls + 1, step * of):
        with fault("killed at a write of a run", read=accounted(version)) as one:
            one.left(kill_and_rerun(make_job(f"killed-{at}"), at=at, whole=whole, total=total))


@pytest.mark.parametrize("share", range(4))
def test_a_run_killed_at_any_of_twenty_writes_is_made_whole_by_a_rerun(
    make_job: Callable[[str], Job], fault: Tally, share: int
) -> None:
    campaign(make_job, fault, share=share, of=4, samples=SAMPLES)


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("share", range(16))
def test_a_run_killed_at_every_write_is_made_whole_by_a_rerun(
    make_job: Callable[[str], Job], fault: Tally, share: int
) -> None:
    campaign(make_job, fault, share=share, of=16, samples=None)


@pytest.mark.parametrize("samples", [6, pytest.param(None, marks=[pytest.mark.faults, pytest.mark.timeout(3000)])])
def test_a_prune_killed_at_any_write_leaves_only_whole_versions(
    make_job: Callable[[str], Job], fault: Tally, samples: int | None
) -> None:
    job = make_job("prune")
    for _ in range(3):
        assert tomdich(*job.arguments, "--force", cwd=job.folder).returncode == 0
    prune: list[str | Path] = ["prune", "night", "--keep", "1", "--yes", "--outputs", job.outputs]
    latest = job.versions()[-1]
    backup = job.folder / "backup"
    shutil.copytree(job.outputs, backup, symlinks=True)
    _, calls = traced(prune, cwd=job.folder)
    for at in range(1, calls + 1, 1 if samples is None else max(1, calls // samples)):
        with fault("killed at a write of a prune", read=accounted(latest)) as one:
            shutil.rmtree(job.outputs)
            shutil.copytree(backup, job.outputs, symlinks=True)
            traced(prune, cwd=job.folder, kill_at=at)
            for version in job.versions():
                store.verify(version)
            assert tomdich(*prune, cwd=job.folder).returncode == 0
            (left,) = job.versions()
            assert left.folder == latest.folder
            assert not any((job.outputs / "night" / ".staging").glob("*"))
            one.left(accounted(left))
