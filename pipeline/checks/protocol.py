"""The messages between a run and a process that inspects for it, over pipes.

The run sends a `WorkerConfig`, then bundles of records, one JSON line each. The process answers each bundle with a list
of `CheckResult`, in order. Each message has an eight-byte length prefix.
"""

from __future__ import annotations

from typing import IO

import msgspec

from pipeline.glossary import Glossary
from pipeline.records import Failure

_HEAD = 8  # bytes
_MOST = 2**48  # bytes; a larger length prefix means stdout was polluted (by a sitecustomize): treat it as a broken pipe


class WorkerConfig(msgspec.Struct, frozen=True):
    """What a worker needs before the first record."""

    glossary: Glossary
    hold: tuple[str, ...]


class CheckResult(msgspec.Struct, frozen=True, array_like=True):
    """The result of inspecting one record."""

    line: bytes = b""  # the record as JSON, where it did not fail
    flagged: bool = False
    held: bytes = b""  # for a record that is held: its id, title, url and the flags that hold it, as JSON
    failure: Failure | None = None


def send(out: IO[bytes], message: bytes) -> None:
    """Write one message."""
    out.write(len(message).to_bytes(_HEAD, "big") + message)
    out.flush()


def receive(source: IO[bytes]) -> bytes | None:
    """Return the next message, or None if the other side has ended or the stream is not this protocol."""
    head = source.read(_HEAD)
    size = int.from_bytes(head, "big")
    if len(head) < _HEAD or size > _MOST:
        return None
    message = source.read(size)
    return message if len(message) == size else None
