"""Inspecting in a process of its own, beside the run that started it: bundles of records in, what was found out.

First comes a `Setup`, then bundles of records, one JSON line each, every bundle answered by a list of `Inspected`, in
order. Each of these is so many bytes as the eight before it say. The process ends when nothing more can come: with the
run, however that ends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import IO

import msgspec

from pipeline.attempts import attempt
from pipeline.checks import Rules, inspect
from pipeline.house import House
from pipeline.records import Failure, Translated

_HEAD = 8  # bytes
_MOST = 2**48  # bytes of a message; more is said by a head that is none, such as what somebody's sitecustomize prints

_lines = msgspec.json.Encoder()
_records = msgspec.json.Decoder(Translated)


class Setup(msgspec.Struct, frozen=True):
    """What a worker must know before the first record."""

    house: House
    hold: tuple[str, ...]


class Inspected(msgspec.Struct, frozen=True, array_like=True):
    """What became of one record."""

    line: bytes = b""  # the record as JSON, where it did not fail
    flagged: bool = False
    held: bytes = b""  # where it is held back: what a person needs to see why, as JSON
    failure: Failure | None = None


def inspected(record: Translated, rules: Rules) -> Inspected:
    """Return what becomes of a record; an error of a check is its failure."""
    result = attempt("inspect", record, partial(inspect, record, rules))
    if isinstance(result, Failure):
        return Inspected(failure=result)
    held = b""
    if result.status == "hold":
        article = result.article
        flags = [asdict(flag) for flag in result.flags if flag.severity == "error" and flag.check in rules.hold]
        held = _lines.encode({"id": article.id, "title": article.title, "url": article.url, "flags": flags})
    return Inspected(_lines.encode(result), bool(result.flags), held)


def bundle_inspected(bundle: bytes, rules: Rules) -> list[Inspected]:
    """Return what becomes of each record of a bundle."""
    return [inspected(_records.decode(line), rules) for line in bundle.split(b"\n")]


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


def main() -> None:
    """Answer standard input on standard output, which nothing else is printed on; end when the run does."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")  # buffered, whatever PYTHONUNBUFFERED says
    os.dup2(2, 1)
    with suppress(BrokenPipeError):
        _answer(source, out)


def _answer(source: IO[bytes], out: IO[bytes]) -> None:
    if (first := receive(source)) is None:
        return
    setup = msgspec.msgpack.decode(first, type=Setup)
    rules = Rules.of(setup.house, hold=setup.hold)
    while (bundle := receive(source)) is not None:
        send(out, msgspec.msgpack.encode(bundle_inspected(bundle, rules)))
