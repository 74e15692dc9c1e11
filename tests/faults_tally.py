"""The tally of the faults: what was tried, what was survived, and how many records were lost, at the end of pytest.

A test opens `fault(kind, read=ids)` around one fault and says what became of the records; an id that was read and is
then neither a record nor a listed failure is lost, and fails the test. The counts travel in the test's report, so that
they are whole under xdist too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow.parquet as pq
import pytest

from pipeline.storage import versions

_PROPERTY = "fault"


class Fault:
    """One fault under way."""

    def __init__(self, read: Collection[str]) -> None:
        self.read = frozenset(read)
        self.lost: frozenset[str] | None = None

    def left(self, ids: Iterable[str]) -> None:
        """Say which ids there are in the end, as records or as failures."""
        self.lost = self.read - frozenset(ids)
        assert not self.lost, f"lost: {sorted(self.lost)[:20]}"


FaultFixture: TypeAlias = Callable[..., AbstractContextManager[Fault]]


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> FaultFixture:
    """Give a context manager for one fault: `fault(kind, read=ids)`, which must be told what was `left`."""

    @contextmanager
    def under_way(kind: str, *, read: Collection[str] = ()) -> Iterator[Fault]:
        one = Fault(read)
        survived = False
        try:
            yield one
            assert one.lost is not None or not read, "nobody counted what was left"
            survived = True
        finally:
            lost = one.read if one.lost is None else one.lost  # where nobody came to count, all of it
            request.node.user_properties.append((_PROPERTY, [kind, survived, len(lost)]))

    return under_way


def accounted(version: versions.Version) -> list[str]:
    """Return the id of every record and of every failure of a version, and check its own counts against them."""
    rows = pq.read_table(version.folder / "data", columns=["id"]).column("id").to_pylist()
    failures = [json.loads(line) for line in (version.folder / "failures.jsonl").read_text("utf-8").splitlines()]
    counts: dict[str, Any] = version.manifest["counts"]
    assert counts["records"] == len(rows)
    assert counts["rejected"] + counts["damaged"] + counts["failures"] + counts["duplicates"] == len(failures)
    assert counts["read"] == len(rows) + len(failures) + counts["known"]
    return [*rows, *(failure["id"] for failure in failures if failure["kind"] != "duplicate")]


def whole(folder: Path) -> list[versions.Version]:
    """Return an experiment's versions, each verified: whatever is visible is complete."""
    found = versions.versions(folder)
    for version in found:
        versions.verify(version)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tally where any test tried a fault."""
    tried: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            for name, value in report.user_properties:
                if name == _PROPERTY:
                    kind, came_through, missing = value
                    tried[kind] += 1
                    survived[kind] += came_through
                    lost[kind] += missing
    if not tried:
        return
    width = max(map(len, tried))
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'':{width}}  tried  survived  records lost")
    for kind in sorted(tried):
        terminalreporter.write_line(f"{kind:{width}}  {tried[kind]:5}  {survived[kind]:8}  {lost[kind]:12}")
    terminalreporter.write_line(
        f"faults tried {tried.total()}, survived {survived.total()}, records lost {lost.total()}"
    )
