"""Inspect records in the run, or in a worker process that ends when the run ends, also when the run is killed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import IO

import msgspec

from pipeline.checks.protocol import CheckResult, WorkerConfig, receive, send
from pipeline.checks.rules import Rules, inspect
from pipeline.failures import attempt
from pipeline.records import Article, Failure, Origin, Sentence, Translated

_FIRST = Translated(
    Article(id="", text="Một hai", text_sha256="", source=Origin("", 0)), "Một", "", (Sentence("Một", "One"),), ()
)
_lines = msgspec.json.Encoder()
_records = msgspec.json.Decoder(Translated)


def rules(setup: WorkerConfig) -> Rules:
    """Return the rules of a run."""
    return Rules.of(setup.glossary, hold=setup.hold)


def inspected(record: Translated, rules: Rules) -> CheckResult:
    """Return the result of inspecting a record; an exception in a check makes it a failure."""
    result = attempt("inspect", record, partial(inspect, record, rules))
    if isinstance(result, Failure):
        return CheckResult(failure=result)
    held = held_line(result, rules) if result.status == "hold" else b""
    return CheckResult(_lines.encode(result), bool(result.flags), held)


def held_line(record: Translated, rules: Rules) -> bytes:
    """Return the line of a held record in the list for a person: what it is, and the flags that hold it."""
    article = record.article
    flags = [asdict(flag) for flag in rules.holding(record.flags)]
    return _lines.encode({"id": article.id, "title": article.title, "url": article.url, "flags": flags})


def bundle_inspected(bundle: bytes, rules: Rules) -> list[CheckResult]:
    """Return the results of a bundle, in order."""
    return [inspected(_records.decode(line), rules) for line in bundle.split(b"\n")]


def main() -> None:
    """Answer bundles from standard input on standard output; end when the input ends. Nothing else may print there."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")  # buffered, whatever PYTHONUNBUFFERED says
    os.dup2(2, 1)
    with suppress(BrokenPipeError):
        _answer(source, out)


def _answer(source: IO[bytes], out: IO[bytes]) -> None:
    if (first := receive(source)) is None:
        return
    known = rules(msgspec.msgpack.decode(first, type=WorkerConfig))
    inspected(_FIRST, known)  # loads the tables while the run has no record yet
    while (bundle := receive(source)) is not None:
        send(out, msgspec.msgpack.encode(bundle_inspected(bundle, known)))
