"""The gates a run must pass before anything is published: each says what is wrong and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Limits
from pipeline.errors import GateError
from pipeline.runner.loading import Loaded

_FROM = 20  # among fewer records a ratio says nothing


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits of a config; `beside`: where the reasons are left for a person, until the next run."""

    name: str
    limits: Limits
    beside: Path

    def feed(self, loaded: Loaded) -> None:
        """Raise `GateError` where the sources hold fewer articles than there must be: a feed that is dying."""
        least = self.limits.min_records
        found = loaded.kept + loaded.known + loaded.rejected_by_editor  # which the feed did hold
        if least is not None and found < least:
            each = "".join(f"\n  {tally.path}: {tally.records} records" for tally in loaded.tallies)
            raise GateError(
                f"{self.name}: the sources hold {found} articles, fewer than limits.min_records = {least}"
                f" ({loaded.read} read, {loaded.duplicates} duplicates, {loaded.rejected} rejected); nothing is"
                f" published{each}"
            )

    def failures(self, failed: int, *, records: int, loaded: Loaded, listed: Path) -> None:
        """Raise `GateError` where nothing is left to publish, or too much failed."""
        tried = records + failed
        most = self.limits.max_failure_ratio
        if not records:
            what = f"no record is left of {loaded.read} read ({loaded.rejected} rejected, {failed} failed)"
        elif tried >= _FROM and failed > most * tried:
            what = f"{failed} of {tried} records failed, more than limits.max_failure_ratio = {most:g} allows"
        else:
            return
        raise self._closed(what, listed)

    def holds(self, held: int, *, records: int, listed: Path) -> None:
        """Raise `GateError` where too many records are held back."""
        most = self.limits.max_hold_ratio
        if most is not None and records >= _FROM and held > most * records:
            what = f"{held} of {records} records are held back, more than limits.max_hold_ratio = {most:g} allows"
            raise self._closed(what, listed)

    def _closed(self, what: str, listed: Path) -> GateError:
        kept = self.beside / listed.name
        kept.write_bytes(listed.read_bytes())
        return GateError(f"{self.name}: {what}; nothing is published, the reasons are in {kept}")
