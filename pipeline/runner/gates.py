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

    def loaded(self, failed: int, *, loaded: Loaded, listed: Path | None = None) -> None:
        """Raise `GateError` where `failures` would in any case, before a model is asked.

        `listed`: where the failures so far are listed; a plan has no such list.
        """
        what = self._too_many(failed, records=loaded.kept, loaded=loaded)
        if what is not None:
            raise (
                GateError(f"{self.name}: {what}; nothing is published")
                if listed is None
                else self._closed(what, listed)
            )

    def failures(self, failed: int, *, records: int, loaded: Loaded, listed: Path) -> None:
        """Raise `GateError` where nothing is left to publish, or too much failed."""
        what = self._too_many(failed, records=records, loaded=loaded)
        if what is not None:
            raise self._closed(what, listed)

    def _too_many(self, failed: int, *, records: int, loaded: Loaded) -> str | None:
        tried = records + failed
        most = self.limits.max_failure_ratio
        if not records:
            return f"no record is left of {loaded.read} read ({loaded.rejected} rejected, {failed} failed)"
        if tried >= _FROM and failed > most * tried:
            return f"{failed} of {tried} records failed, more than limits.max_failure_ratio = {most:g} allows"
        return None

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
