"""The gates a run must pass before anything is published: each says what is wrong and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Limits
from pipeline.errors import GateError
from pipeline.runner.loading import Loaded

FROM = 20  # among fewer records a ratio says nothing


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits of a config; `beside`: where the reasons are left for a person, until the next run."""

    name: str
    limits: Limits
    beside: Path

    def feed(self, loaded: Loaded) -> None:
        """Raise `GateError` where the sources hold fewer articles than there must be: a feed that is dying."""
        least = self.limits.min_records
        found = loaded.count + loaded.known + loaded.rejected_by_editor  # which the feed did hold
        if least is not None and found < least:
            each = "".join(f"\n  {tally.path}: {tally.records} records" for tally in loaded.tallies)
            raise GateError(
                f"{self.name}: the sources hold {found} articles, fewer than limits.min_records = {least}"
                f" ({loaded.read} read, {loaded.duplicates} duplicates, {loaded.rejected} rejected, {loaded.damaged}"
                f" damaged){_unavailable(loaded)}; nothing is published{each}"
            )

    def damage(self, loaded: Loaded, *, listed: Path | None = None) -> None:
        """Raise `GateError` where too many of the rows read are damaged; `listed` as in `failures`."""
        most = self.limits.max_failure_ratio
        if loaded.read >= FROM and loaded.damaged > most * loaded.read:
            what = f"{loaded.damaged} of {loaded.read} rows read are damaged"
            raise self._closed(f"{what}, more than limits.max_failure_ratio = {most:g} allows", listed)

    def failures(
        self, failed: int, *, superseded: int, records: int, loaded: Loaded, listed: Path | None = None
    ) -> None:
        """Raise `GateError` where nothing is left to publish, or too much failed.

        `superseded`: the failed ones whose id another text holds. They do not count: nothing went wrong with them.
        `listed`: where the failures so far are listed; a plan has no such list.
        """
        counted = failed - superseded
        tried = records + counted
        most = self.limits.max_failure_ratio
        if not records:
            lost = f"{_lost(loaded)}, {failed} failed"
            raise self._closed(f"no record is left of {loaded.read} read ({lost}){_unavailable(loaded)}", listed)
        if tried >= FROM and counted > most * tried:
            what = f"{counted} of {tried} records failed, more than limits.max_failure_ratio = {most:g} allows"
            raise self._closed(what, listed)

    def holds(self, held: int, *, records: int, listed: Path) -> None:
        """Raise `GateError` where too many records are held back."""
        most = self.limits.max_hold_ratio
        if most is not None and records >= FROM and held > most * records:
            what = f"{held} of {records} records are held back, more than limits.max_hold_ratio = {most:g} allows"
            raise self._closed(what, listed)

    def _closed(self, what: str, listed: Path | None) -> GateError:
        if listed is None:
            return GateError(f"{self.name}: {what}; nothing is published")
        kept = self.beside / listed.name
        kept.write_bytes(listed.read_bytes())
        return GateError(f"{self.name}: {what}; nothing is published, the reasons are in {kept}")


def _lost(loaded: Loaded) -> str:
    damaged = f", {loaded.damaged} damaged" if loaded.damaged else ""
    return f"{loaded.rejected} rejected{damaged}"


def _unavailable(loaded: Loaded) -> str:
    return "".join(f"; unavailable: {one.reason}" for one in loaded.unavailable)
