"""Messages: who hears what the library logs, and that nobody does unless somebody listens."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.messages import about, logged_to, muted

ROOT = Path(__file__).parents[1]
LOG = logging.getLogger("pipeline.sources.files")


def test_a_listener_hears_warnings_of_the_library_from_any_thread() -> None:
    told: list[str] = []
    with logged_to(told.append):
        LOG.warning("một")
        LOG.info("hai")
        thread = threading.Thread(target=LOG.warning, args=("ba",))
        thread.start()
        thread.join()
    LOG.warning("bốn")
    assert told == ["một", "ba"]


def test_information_is_for_a_listener_that_asks_for_it(messages: list[str]) -> None:
    told: list[str] = []
    with logged_to(told.append):
        LOG.info("một")
    assert (told, messages) == ([], ["một"])


def test_each_listener_hears_a_message_once(messages: list[str]) -> None:
    told: list[str] = []
    with logged_to(told.append):
        LOG.warning("100 % một")
    assert told == messages == ["100 % một"]


def test_a_listener_that_is_alone_keeps_the_messages_of_its_logger_from_others(messages: list[str]) -> None:
    told: list[str] = []
    with logged_to(told.append, of="pipeline.sources", alone=True):
        LOG.warning("một")
        logging.getLogger("pipeline.storage").warning("hai")
    with muted("pipeline.sources"):
        LOG.warning("ba")
    LOG.warning("bốn")
    assert (told, messages) == (["một"], ["hai", "bốn"])


def test_messages_of_a_block_say_what_they_are_about(messages: list[str]) -> None:
    with about("summarize"):
        LOG.warning("một")
    LOG.warning("hai")
    assert messages == ["summarize: một", "hai"]


def test_what_a_listener_raises_is_raised_where_it_was_logged() -> None:
    def full(_message: str) -> None:
        raise OSError(28, "No space left on device")

    with logged_to(full), pytest.raises(OSError, match="No space left"):
        LOG.warning("một")


def test_a_program_that_does_not_listen_hears_nothing() -> None:
    script = "import logging, pipeline; logging.getLogger('pipeline.sources').warning('một')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
