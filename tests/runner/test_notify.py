"""Telling how a run ended: what cannot be told is a warning in the log, and never an error of the run."""

from __future__ import annotations

import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.runner.notify import Finish


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give a function that returns the warnings so far."""
    caplog.set_level(logging.WARNING, logger="pipeline")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def garbage() -> Iterator[str]:
    """Give the address of a server that answers with what is not HTTP."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"220 mail.example ESMTP\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
        server.shutdown()


def test_a_server_that_does_not_speak_http_is_named(
    tmp_path: Path, load_config: Callable[..., Config], warned: Callable[[], list[str]], garbage: str
) -> None:
    with Finish(load_config(on_finish=garbage), outputs=tmp_path):
        pass
    (warning,) = warned()
    assert "cannot be told: BadStatusLine; the run itself ended with exit 0" in warning


def test_an_address_whose_variable_is_not_set_is_not_asked(
    tmp_path: Path, load_config: Callable[..., Config], warned: Callable[[], list[str]]
) -> None:
    with Finish(load_config(on_finish="https://host.example/${HOOK_NOT_SET}"), outputs=tmp_path):
        pass
    assert warned() == ["on_finish: ${HOOK_NOT_SET} is not set in the environment; the run itself ended with exit 0"]


def test_metrics_that_cannot_be_written_end_no_run(
    tmp_path: Path, load_config: Callable[..., Config], warned: Callable[[], list[str]]
) -> None:
    (tmp_path / "file").write_text("no folder")
    with Finish(load_config(metrics="file/night.prom"), outputs=tmp_path):
        pass
    (warning,) = warned()
    assert warning.startswith(f"metrics: {tmp_path / 'file' / 'night.prom'}: cannot be written: ")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"no metrics at all {", b""])
def test_a_textfile_that_cannot_be_read_is_replaced(
    tmp_path: Path, load_config: Callable[..., Config], warned: Callable[[], list[str]], content: bytes
) -> None:
    textfile = tmp_path / "night.prom"
    textfile.write_bytes(content)
    with pytest.raises(ZeroDivisionError), Finish(load_config(metrics="night.prom"), outputs=tmp_path):
        raise ZeroDivisionError
    assert warned() == []
    written = textfile.read_text(encoding="utf-8")
    assert 'tomdich_last_exit_code{name="night"} 1.0' in written
    assert "tomdich_last_success" not in written
