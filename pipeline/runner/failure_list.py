"""The failures of a run: listed in failures.jsonl, counted by what the gates ask for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Self

from pipeline.records import JSON, SAME_ID, Category, Failure
from pipeline.storage.rows import failures
from pipeline.storage.versions import WHOLE, Experiment


class FailureList:
    """failures.jsonl in the staging folder of a run, and its counts; a context manager.

    A failure that an earlier version lists is listed again, and counted apart: it lasts, and closes no gate.
    """

    def __init__(
        self, folder: Path, *, event: Callable[[str, dict[str, JSON]], None], earlier: Experiment | None
    ) -> None:
        """`earlier`: whose versions say which failures are known; None: every failure is new."""
        self.path = folder / "failures.jsonl"
        self.retryable = 0
        self.while_loading = 0  # failed before the first stage
        self._counts: Counter[Category] = Counter()
        self._superseded = 0  # of the failed ones, those whose id another text holds
        self._known = self._known_superseded = 0
        self._event = event
        self._earlier = earlier
        self._listed_before: frozenset[tuple[str, str, str]] | None = None  # kind, id and text
        self._out = self.path.open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the file."""
        self._out.close()

    def add(self, failure: Failure) -> None:
        """List a record that is not in the output."""
        self._out.write(json.dumps(asdict(failure), ensure_ascii=False) + "\n")
        self._counts[failure.category] += 1
        self._superseded += failure.kind == SAME_ID
        self.retryable += failure.retry
        if failure.category in {"failed", "damaged"}:
            self._event("failure", {"record": failure.id, "kind": failure.kind, "message": failure.message})
        if failure.category == "failed" and self._is_known(failure):
            self._known += 1
            self._known_superseded += failure.kind == SAME_ID

    def loaded(self, *, all_known: bool) -> None:
        """Say that loading has ended; `all_known`: a published version lists each failure so far."""
        self.while_loading = self.failed
        if all_known:
            self._known, self._known_superseded = self.failed, self._superseded

    @property
    def failed(self) -> int:
        """Failures that are neither rejected, nor damaged, nor duplicates."""
        return self._counts["failed"]

    @property
    def superseded(self) -> int:
        """Of the failed ones, those whose id another text holds."""
        return self._superseded

    @property
    def known(self) -> int:
        """Of the failed ones, those that a published version lists."""
        return self._known

    @property
    def new(self) -> int:
        """Of the failed ones, those that no published version lists."""
        return self.failed - self._known

    @property
    def new_superseded(self) -> int:
        """Of the new ones, those whose id another text holds."""
        return self._superseded - self._known_superseded

    def listed(self) -> Path:
        """Return failures.jsonl with every failure so far; more may follow."""
        self._out.flush()
        return self.path

    def _is_known(self, failure: Failure) -> bool:
        if self._earlier is None:
            return False
        if self._listed_before is None:
            self._listed_before = frozenset(
                (earlier.kind, earlier.id, earlier.text_sha256)
                for version in self._earlier.versions()
                if version.manifest["scope"] in WHOLE
                for earlier in failures(version)
                if earlier.category == "failed"
            )
        return (failure.kind, failure.id, failure.text_sha256) in self._listed_before
