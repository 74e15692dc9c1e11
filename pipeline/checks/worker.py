"""Inspect records in the run, or in a worker process that ends when the run ends, also when the run is killed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import IO

import msgspec

from pipeline import __version__
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


class InspectingActor:
    """Bundles inspected on a node of a cluster; not yet an actor."""

    def version(self) -> str:
        """Return the version of tomdich there."""
        return __version__

    def begin(self, setup: bytes) -> None:
        """Take the `WorkerConfig` of the run."""
        self._rules = _ready(setup)

    def inspect(self, bundle: bytes) -> bytes:
        """Return the answer to a bundle."""
        return _answer(bundle, self._rules)


def _ready(setup: bytes) -> Rules:
    """Return the rules of an encoded `WorkerConfig`; loads the tables while the run has no record yet."""
    known = rules(msgspec.msgpack.decode(setup, type=WorkerConfig))
    inspected(_FIRST, known)
    return known


def _answer(bundle: bytes, rules: Rules) -> bytes:
    return msgspec.msgpack.encode(bundle_inspected(bundle, rules))


def main() -> None:
    """Answer bundles from standard input on standard output; end when the input ends. Nothing else may print there."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")  # buffered, whatever PYTHONUNBUFFERED says
    os.dup2(2, 1)
    with suppress(BrokenPipeError):
        _serve(source, out)


def _serve(source: IO[bytes], out: IO[bytes]) -> None:
    if (setup := receive(source)) is None:
        return
    known = _ready(setup)
    while (bundle := receive(source)) is not None:
        send(out, _answer(bundle, known))
