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
_MOST = 2**48  # bytes of a message; more is said by a head that is none, such as what somebody's sitecustomize prints


class WorkerConfig(msgspec.Struct, frozen=True):
    """What a worker must know before the first record."""

    glossary: Glossary
    hold: tuple[str, ...]


class CheckResult(msgspec.Struct, frozen=True, array_like=True):
    """What became of one record."""

    line: bytes = b""  # the record as JSON, where it did not fail
    flagged: bool = False
    held: bytes = b""  # where it is held back: what a person needs to see why, as JSON
    failure: Failure | None = None


def send(out: IO[bytes], message: bytes) -> None:
    """Write one message."""
    out.write(len(message).to_bytes(_HEAD, "big") + message)
    out.flush()


def receive(source: IO[bytes]) -> bytes | None:
    """Return the next message, None where the other side has ended, or says something else."""
    head = source.read(_HEAD)
    size = int.from_bytes(head, "big")
    if len(head) < _HEAD or size > _MOST:
        return None
    message = source.read(size)
    return message if len(message) == size else None
