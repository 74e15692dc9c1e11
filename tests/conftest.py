"""What many tests share: configs on the fake engine, and the command line run in this process or its own."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from pipeline import config as configs
from pipeline.config import Config
from pipeline.engines.batching import BatchingEngine
from pipeline.errors import TomdichError
from pipeline.messages import logged_to
from tests.faults_tally import fault, pytest_terminal_summary

# the machine may be busy, and a first call imports much
settings.register_profile("tomdich", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tomdich")

__all__ = ["fault", "pytest_terminal_summary"]  # pytest finds them here


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep prepared checkpoints and datasets of a test session out of the user's caches.

    The workers of a session share the prepared checkpoints, so that each is converted once.
    """
    own = tmp_path_factory.getbasetemp()
    session = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    monkeypatch.setenv("TOMDICH_CACHE", str(session / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(own / "datasets"))


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """Give the messages that are logged during the test."""
    logged: list[str] = []
    with logged_to(logged.append, level=logging.INFO):
        yield logged


@pytest.fixture
def no_messages() -> Iterator[None]:
    """Fail the test at the first message that is logged."""
    with logged_to(pytest.fail):
        yield


@pytest.fixture
def engine_events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list in which each engine that is opened or closed in this process writes `open` or `close`."""
    events: list[str] = []
    opened, closed = BatchingEngine.__init__, BatchingEngine.close

    def opens(engine: BatchingEngine, *arguments: Any, **options: Any) -> None:
        events.append("open")
        opened(engine, *arguments, **options)

    def closes(engine: BatchingEngine) -> None:
        events.append("close")
        closed(engine)

    monkeypatch.setattr(BatchingEngine, "__init__", opens)
    monkeypatch.setattr(BatchingEngine, "close", closes)
    return events


def sentence(number: int) -> str:
    """Return a Vietnamese sentence that no other number gives."""
    return f"Sáng ngày {number % 28 + 1}/3, tỉnh số {number} công bố kế hoạch trồng {number * 7} ha rừng ngập mặn."


def article(number: int, *, length: int = 3) -> dict[str, Any]:
    """Return a row of a feed: an id, a title and a body of `length` sentences."""
    return {
        "id": f"a{number}",
        "title": f"Tỉnh số {number} trồng rừng",
        "text": " ".join(sentence(number * 1000 + part) for part in range(length)),
    }


def write_feed(path: Path, articles: Iterable[dict[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in articles)
    return path


def fake_config(*, max_new_tokens: int = 12, **fields: Any) -> dict[str, Any]:
    """Return the fields of a config on the fake engine, which reads feed.jsonl beside it, with fields of the caller's."""
    return {
        "name": "night",
        "sources": [{"path": "feed.jsonl"}],
        "exclude": {"under_syllables": 5},
        "summarize": {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": max_new_tokens}},
        "translate": {"model": "fake", "engine": "fake"},
    } | fields


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a config on the fake engine, with fields of the caller's."""

    def make(**fields: Any) -> Path:
        path = tmp_path / "night.yaml"
        path.write_text(yaml.safe_dump(fake_config(**fields), allow_unicode=True), encoding="utf-8")
        return path

    return make


@pytest.fixture
def load_config(make_config: Callable[..., Path]) -> Callable[..., Config]:
    """Give a function that returns a loaded config on the fake engine."""
    return lambda **fields: configs.load(make_config(**fields))


def tomdich(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, forked from one that has imported what a run imports."""
    from tests import forked

    early = [name for name in environment if name.startswith(("LD_", "PYTHON"))]
    assert not early, f"{early} act before the fork: take cold_tomdich"
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = forked.start(arguments, cwd=cwd, out=out, err=err, environment=os.environ | environment)
        process.join(240)
        if process.exitcode is None:
            process.kill()
            process.join()
            pytest.fail(f"tomdich {arguments} did not end: {err.read_text('utf-8', 'replace')}")
        texts = [path.read_bytes().decode() for path in (out, err)]
        return subprocess.CompletedProcess(["tomdich", *map(str, arguments)], process.exitcode, *texts)


def cold_tomdich(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in an interpreter of its own: where its start, its flags or its imports are part of the test."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def tomdich_in_process(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process: quicker, where no signal, crash or stream is part of the test."""
    from pipeline.cli import app

    words = ["tomdich", *map(str, arguments)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: int | str | None = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", words)
        try:
            app()
        except SystemExit as ended:
            code = ended.code
        except TomdichError as error:
            print(f"error: {error}", file=sys.stderr)  # noqa: T201 - as `main` does, which takes the real streams
            code = error.exit_code
    told, said = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(words, int(code or 0), told, said)
