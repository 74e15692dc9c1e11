"""What a run is asked, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pipeline.errors import StoppedError, UsageError
from pipeline.storage.shards import Share
from pipeline.storage.versions import Version

Until = Literal["load", "summarize", "translate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line adds to a config; outside the recipe. `cli.run_options` names each field there."""

    outputs: Path = Path("outputs")
    limit: int | None = None
    until: Until | None = None
    only_new: bool = False  # only articles that no version of this name has published
    edition: date | None = None  # None: today, in the config's time zone
    shard: Share | None = None  # only this share of the sources, for `tomdich merge`
    revise: bool = False  # publish the edition again, from its versions and the memo
    deadline: float | None = None  # seconds from the start, waiting for the lock included
    publish_partial: bool = False  # where the run is stopped early, publish what is complete
    force: bool = False
    wait_lock: float = 0.0  # seconds
    tags: tuple[str, ...] = ()  # that the version gets, published now or found to be the same again
    note: str | None = None  # likewise; None leaves the one that it has
    stopping: Callable[[], str | None] = lambda: None  # a reason to stop, asked after each answer
    articles_of: Version | None = None  # take the articles from the rows of this version; read no source

    def __post_init__(self) -> None:
        """Raise `UsageError` if `revise` or `shard` is combined with an option that it excludes."""
        if self.shard is not None and (self.limit or self.only_new or self.revise or self.publish_partial):
            raise UsageError(
                "--shard leaves what is published to `tomdich merge`, which takes whole shards of the whole sources: "
                "leave out --limit, --only-new, --revise and --publish-partial"
            )
        if self.shard is not None and (self.force or self.tags or self.note is not None):
            raise UsageError("--shard publishes no version: give --force, --tag and --note to `tomdich merge`")
        if self.revise and (self.limit or self.until or self.only_new or self.publish_partial):
            raise UsageError(
                "--revise publishes the whole edition again, from its versions: leave out --limit, --until, --only-new "
                "and --publish-partial"
            )

    @property
    def scope(self) -> str:
        """What part of the job this run is, if it is not stopped early; a shard has its own, `sharding.SCOPE`."""
        if self.revise:
            return "revised"
        return "until" if self.until else "limited" if self.limit else "new" if self.only_new else "full"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the version, and whether it was there already."""

    version: Version | None  # None: nothing was new in what was read
    published: bool
    stopped: str = ""  # why the run ended early; the version is then partial
    unavailable: tuple[str, ...] = ()  # optional sources, or files of them, that were not read to their end: why
    damaged: int = 0  # rows that cannot be read, if there is no version that counted them

    @property
    def reason(self) -> str:
        """What the run did, in a few words; only sources that were read whole are said to hold nothing new."""
        if self.published:
            return "published"
        if self.version is not None:
            return "nothing changed"
        if not self.unavailable and not self.damaged:
            return "nothing new: every article of the sources is published"
        damaged = f"; {self.damaged} damaged" if self.damaged else ""
        return f"nothing new in what could be read{damaged}{self.missing_sources}"

    def stopped_early(self) -> StoppedError:
        """Return the error of a run that published only what was complete when it was stopped."""
        return StoppedError(f"{self.stopped}; what is complete is published")

    @property
    def missing_sources(self) -> str:
        """The optional sources that were not read to their end, as clauses of a summary line."""
        return "".join(f"; unavailable: {reason}" for reason in self.unavailable)
