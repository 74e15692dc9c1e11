"""Print results: for a person, as JSON lines, or as SARIF 2.1.0, which code hosts and editors show beside the lines.

Each result is printed when it is found, so that there may be more than memory holds. Where the file cannot be read to
its end, a SARIF document is completed all the same, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Protocol, TypeAlias
from urllib.parse import quote

from rich.console import Console

from pipeline import __version__
from pipeline.checks.pairs import MEANINGS
from pipeline.commands.lint.results import UNREADABLE, Result, Totals
from pipeline.commands.show import print_pair
from pipeline.errors import SourceError
from pipeline.evaluation.tables import Table, print_tables
from pipeline.records import JSON, SEVERITIES, Flag

LintFormat: TypeAlias = Literal["table", "jsonl", "sarif"]
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {**MEANINGS, UNREADABLE: "a row or unit of the file cannot be read"}
_HELP = "Read the two texts at this place. Correct the translation, or leave it where it is right."


def _rule(name: str, meaning: str) -> dict[str, JSON]:
    shown = {"text": f"{meaning[0].upper()}{meaning[1:]}."}
    return {"id": name, "shortDescription": shown, "fullDescription": shown, "help": {"text": _HELP}}


_TOOL = {"driver": {"name": "tomdich", "version": __version__, "rules": [_rule(*one) for one in _RULES.items()]}}


class Writer(Protocol):
    """What prints results in one format."""

    def write(self, result: Result) -> None:
        """Print a result."""

    def end(self, totals: Totals) -> None:
        """Print what follows the last result."""


@contextmanager
def writer(to: LintFormat, file: str) -> Iterator[Writer]:
    """Give what prints the results of `file` in the format `to`."""
    match to:
        case "table":
            yield _TableWriter()
        case "jsonl":
            yield _JsonWriter(file)
        case "sarif":
            sarif = _SarifWriter(file)
            try:
                yield sarif
            except SourceError as error:
                sarif.fail(str(error))
                raise


class _TableWriter:
    """Prints each pair with its flags below it, and at the end a table of the checks."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def write(self, result: Result) -> None:
        heading = " · ".join(filter(None, (result.place.where, result.place.id)))
        print_pair(self._console, heading, result.pair)
        self._console.print()

    def end(self, totals: Totals) -> None:
        names = dict.fromkeys(check for (check, _), _ in totals.flags.most_common())
        rows = tuple((name, *(str(totals.flags[name, one] or "") for one in SEVERITIES)) for name in names)
        if rows:
            print_tables([Table(title="Flags", headings=("check", *SEVERITIES), rows=rows)], console=self._console)


class _JsonWriter:
    """Prints one JSON object for each flag."""

    def __init__(self, file: str) -> None:
        self._file = file

    def write(self, result: Result) -> None:
        place = result.place
        where: dict[str, JSON] = {"file": self._file, "where": place.where, "line": place.line, "id": place.id}
        for flag in result.pair.flags:
            _print(where | asdict(flag) | _texts(result))

    def end(self, totals: Totals) -> None:
        """Print nothing: the totals are on stderr."""


class _SarifWriter:
    """Prints one SARIF document with one run."""

    def __init__(self, file: str) -> None:
        self._uri = _uri(file)
        self._separator = ""
        head = {"$schema": SARIF_SCHEMA, "version": "2.1.0"}
        run = {"tool": _TOOL, "columnKind": "unicodeCodePoints"}
        print(f'{_json(head)[:-1]}, "runs": [{_json(run)[:-1]}, "results": [')  # noqa: T201

    def write(self, result: Result) -> None:
        for flag in result.pair.flags:
            print(self._separator + _json(self._result(flag, result)))  # noqa: T201
            self._separator = ","

    def end(self, totals: Totals) -> None:
        self._end([{"level": "note", "message": {"text": str(totals)}}], successful=True)

    def fail(self, message: str) -> None:
        """Complete the document with the error that ended the reading."""
        self._end([{"level": "error", "message": {"text": message}}], successful=False)

    def _end(self, notifications: list[JSON], *, successful: bool) -> None:
        invocation = {"executionSuccessful": successful, "toolExecutionNotifications": notifications}
        print(f'], "invocations": [{_json(invocation)}]}}]}}')  # noqa: T201

    def _result(self, flag: Flag, result: Result) -> dict[str, JSON]:
        place = result.place
        physical: dict[str, JSON] = {"artifactLocation": {"uri": self._uri}}
        if place.line is not None:
            physical["region"] = {"startLine": place.line}
        logical = {"name": place.id or place.where, "kind": "unit"}
        details = {name: value for name, value in asdict(flag).items() if name not in {"check", "severity", "message"}}
        return {
            "ruleId": flag.check,
            "level": flag.severity,
            "message": {"text": flag.message},
            "locations": [{"physicalLocation": physical, "logicalLocations": [logical]}],
            "properties": details | _texts(result),
        }


def _texts(result: Result) -> dict[str, JSON]:
    return {"source": result.pair.source, "target": result.pair.target}


def _uri(file: str) -> str:
    """Return a path or URL as a URI reference: relative where the path is, so that a code host finds the file."""
    if "://" in file:
        return quote(file, safe="!#$&'()*+,/:;=?@[]~%")
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _print(value: JSON) -> None:
    print(_json(value))  # noqa: T201


def _json(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False)
