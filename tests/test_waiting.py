"""Sources that never answer (a pipe without a writer, a silent server, a slow one): a signal or a deadline ends the run."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from pipeline import waiting
from pipeline.config import Exclude, Source
from pipeline.errors import AbandonedError
from pipeline.sources import read
from tests.conftest import article, tomdich, write_feed

Make = Callable[..., Path]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture(params=["silent", "dripping"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a server that does not answer, or answers a byte at a time and never ends."""
    over = threading.Event()

    class Slow(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked = self.request.recv(65536)
            if request.param == "dripping":
                self.request.sendall(HEAD)
                if asked.startswith(b"HEAD"):
                    return
            while not over.wait(0.2):
                if request.param == "dripping":
                    try:
                        self.request.sendall(b" ")
                    except OSError:
                        return

    with _Server(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/feed.jsonl"
        over.set()
        server.shutdown()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Return a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe.jsonl")
    return tmp_path / "pipe.jsonl"


def started(night: Path, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """Start a run, and return it when it waits for its source."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", str(night), "--outputs", "out", *arguments],
        cwd=night.parent,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=stdin,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = night.parent / "out" / "night" / ".staging"
    while process.poll() is None and not any(log.glob("*/log.jsonl")):
        time.sleep(0.1)
    time.sleep(1)
    return process


def ended(process: subprocess.Popen[str]) -> str:
    """Return what a run says that was told to end; it needs no second signal."""
    process.send_signal(signal.SIGTERM)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 5, said
    assert "Traceback" not in said
    assert "Fatal Python error" not in said
    return said


def test_a_signal_ends_a_run_that_waits_for_a_server(address: str, make_config: Make) -> None:
    said = ended(started(make_config(sources=[{"path": address}])))
    assert f"stopped by SIGTERM while waiting for {address}; run it again" in said


def test_the_deadline_ends_a_run_that_waits_for_a_server(address: str, make_config: Make) -> None:
    night = make_config(sources=[{"path": address}], on_finish=["sh", "-c", "cat > told.json"])
    done = tomdich("run", night, "--outputs", "out", "--deadline", "5s", cwd=night.parent)
    assert done.returncode == 5, done.stderr
    assert "stopped at the deadline of 5 s" in done.stderr
    assert json.loads((night.parent / "told.json").read_text(encoding="utf-8"))["exit"] == 5


def test_a_signal_ends_a_run_that_waits_for_a_pipe_or_for_its_standard_input(pipe: Path, make_config: Make) -> None:
    assert f"while waiting for {pipe}" in ended(started(make_config(sources=[{"path": pipe.name}])))
    reading, writing = os.pipe()
    try:
        waits = started(make_config(sources=[{"path": "-", "format": "jsonl"}]), stdin=reading)
        assert "while waiting for -" in ended(waits)
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def waits_for(pipe: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Give a command that has opened the pipe, to which nothing is ever written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *command],
        cwd=pipe.parent, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    writing = None
    while writing is None and process.poll() is None:
        try:
            writing = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it yet
            time.sleep(0.1)
    try:
        yield process
    finally:
        process.kill()
        if writing is not None:
            os.close(writing)


@pytest.mark.parametrize("kind", ["articles", "pairs", "lines"])
def test_a_signal_ends_a_training_that_waits_for_a_pipe(pipe: Path, kind: str) -> None:
    columns = {"source": "vi", "target": "en", "format": "jsonl"} if kind == "pairs" else {}
    data = {kind: [{"path": pipe.name} | columns]}
    training = {"name": "tokenizer", "task": "tokenizer", "folder": "tokenizer", "vocabulary": 370}
    (pipe.parent / "train.yaml").write_text(json.dumps(training | data), encoding="utf-8")
    with waits_for(pipe, "train", "train.yaml") as process:
        assert f"stopped by SIGTERM while waiting for {pipe}; run it again" in ended(process)


def test_a_signal_ends_a_bench_that_waits_for_a_pipe(pipe: Path, make_config: Make) -> None:
    config = make_config(sources=[{"path": pipe.name}])
    with waits_for(pipe, "bench", str(config)) as process:
        assert f"stopped by SIGTERM while waiting for {pipe}" in ended(process)


def test_a_pipe_that_is_named_is_read_to_its_end(pipe: Path, make_config: Make) -> None:
    feed = write_feed(pipe.parent / "feed.dat", map(article, range(3)))
    writer = threading.Thread(target=lambda: pipe.write_bytes(feed.read_bytes()))
    writer.start()
    night = make_config(sources=[{"path": pipe.name}])
    done = tomdich("run", night, "--outputs", "out", cwd=night.parent)
    writer.join()
    assert done.returncode == 0, done.stderr
    assert "3 records" in done.stderr


def test_what_is_no_file_in_a_folder_is_left_out_and_named(pipe: Path, messages: list[str]) -> None:
    write_feed(pipe.parent / "feed.jsonl", map(article, range(3)))
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(pipe.parent / "s.jsonl"))
    for path in (pipe.parent, pipe.parent / "*.jsonl"):
        source = Source(path=str(path))
        found = list(read(source, exclude=Exclude(under_syllables=5), on_file=lambda _: None))
        assert len(found) == 3
        (warning,) = messages
        assert "ignored 2 that are not regular files (a pipe, a socket, a device)" in warning
        assert "pipe.jsonl" in warning
        assert "s.jsonl" in warning
        messages.clear()


# The waiting itself


def test_an_error_comes_from_where_it_was_raised_and_the_iterator_is_closed() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(100)
            raise ValueError("lost")
        finally:
            closed.set()

    found: list[int] = []
    with pytest.raises(ValueError, match="lost"):
        found.extend(waiting.iterate(items, what="items", stopping=lambda: None))
    assert closed.wait(10)
    closed.clear()
    stream = waiting.iterate(items, what="items", stopping=lambda: None)
    assert next(stream) == 0
    stream.close()
    assert closed.wait(10)


def test_a_call_that_never_comes_back_is_given_up_on_for_a_reason() -> None:
    never = threading.Event()
    with pytest.raises(AbandonedError, match="the time is over while waiting for the hub; run it again"):
        waiting.call(never.wait, what="the hub", stopping=lambda: "the time is over")
    never.set()
    assert waiting.call(lambda: 7, what="seven", stopping=lambda: None) == 7


# Locks, transactions and the model hub


@pytest.fixture
def fed(tmp_path: Path, make_config: Make) -> Path:
    """Return a config on the fake engine whose feed and memo are there."""
    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
    night = make_config()
    assert tomdich("run", night, "--outputs", "out", "--limit", "1", cwd=tmp_path).returncode == 0
    return night


def test_a_signal_ends_a_run_that_waits_for_the_lock_of_the_memo(fed: Path) -> None:
    with (fed.parent / "out" / ".memo" / "memo.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "stopped by SIGTERM while waiting for the lock " in ended(started(fed))


@pytest.mark.parametrize(("file", "begin"), [(".memo/memo.sqlite", "IMMEDIATE"), ("night/.published", "EXCLUSIVE")])
def test_the_deadline_ends_a_run_that_waits_for_a_transaction(fed: Path, file: str, begin: str) -> None:
    with closing(sqlite3.connect(fed.parent / "out" / file, isolation_level=None)) as other:
        other.execute(f"BEGIN {begin}")
        done = tomdich("run", fed, "--outputs", "out", "--deadline", "5s", cwd=fed.parent)
    assert done.returncode == 5, done.stderr
    assert "stopped at the deadline of 5 s while waiting for another process's transaction on " in done.stderr


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="sees by /proc that the plan has opened the list")
def test_a_signal_ends_a_plan_that_waits_for_the_list_of_the_published(fed: Path) -> None:
    with closing(sqlite3.connect(fed.parent / "out" / "night" / ".published", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "plan", str(fed), "--outputs", "out"],
            cwd=fed.parent, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while process.poll() is None and not has_open(process.pid, ".published"):
            time.sleep(0.1)
        assert "while waiting for another process's transaction on " in ended(process)


def has_open(pid: int, name: str) -> bool:
    """Return whether a process has a file of this name open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if link.readlink().name == name:
                return True
    return False


@pytest.mark.parametrize(("file", "begin"), [(".memo/memo.sqlite", "IMMEDIATE"), ("night/.published", "EXCLUSIVE")])
def test_a_transaction_that_ends_in_time_is_waited_for(fed: Path, file: str, begin: str) -> None:
    with closing(sqlite3.connect(fed.parent / "out" / file, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"BEGIN {begin}")
        timer = threading.Timer(8, other.rollback)
        timer.start()
        done = tomdich("run", fed, "--outputs", "out", cwd=fed.parent)
        timer.join()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("address", ["silent"], indirect=True)
def test_the_deadline_ends_a_run_that_waits_for_the_hub(address: str, fed: Path, make_config: Make) -> None:
    make_config(summarize={"model": "some/model"})
    hub = {"HF_ENDPOINT": address.removesuffix("/feed.jsonl"), "HF_HOME": str(fed.parent / "hf")}
    done = tomdich("run", fed, "--outputs", "out", "--deadline", "5s", cwd=fed.parent, **hub)
    assert done.returncode == 5, done.stderr
    assert "stopped at the deadline of 5 s while waiting for a checkpoint" in done.stderr
