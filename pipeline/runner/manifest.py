"""The manifest of a run's version, and whether an earlier one says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.ids import digest
from pipeline.runner.preparing import SCHEMA

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.records import JSON, StageName
    from pipeline.runner.context import Day, RunContext
    from pipeline.runner.loading import Loaded
    from pipeline.runner.options import RunOptions
    from pipeline.runner.revising import Revision
    from pipeline.storage.versions import Version


@dataclass(frozen=True, slots=True)
class Counted:
    """The records that are published: how many, with a flag, and held back."""

    records: int
    flagged: int
    held: int


def manifest(
    run: RunContext,
    identity: Mapping[str, JSON],
    *,
    models: Mapping[str, JSON],
    environment: JSON,
    loaded: Loaded,
    counted: Counted,
    calls: Mapping[str, JSON],
    scope: str,
) -> dict[str, JSON]:
    """Return what the manifest says before anything is written; `identity`: the recipe."""
    called = [f"{stage}:{m['name']}@{m['digest'][:8]}.{m['engine']}.{m['compute_type']}" for stage, m in models.items()]
    lost = run.failures.failed - run.failures.while_loading
    return {
        "schema": SCHEMA,
        "name": run.config.name,
        "recipe": digest(identity),
        "scope": scope,
        "until": run.options.until,
        "edition": str(run.day.edition),
        **(run.revision.in_manifest() if run.revision is not None else {}),
        "signature": "|".join([f"tomdich:{__version__}", *called, f"scope:{scope}"]),
        "identity": identity,
        "sources": [asdict(tally) for tally in loaded.tallies],
        "unavailable": [asdict(one) for one in loaded.unavailable],  # of the optional sources
        "models": dict(models),
        "counts": {
            "read": loaded.read,
            "duplicates": loaded.duplicates,
            "rejected": loaded.rejected,
            "rejected_by_editor": loaded.rejected_by_editor,  # of those
            "damaged": loaded.damaged,
            "known": loaded.known,  # under --only-new: published before
            "failures": run.failures.failed,
            "retryable": run.failures.retryable,
            "unfinished": loaded.count - lost - counted.records,  # of a partial version
            **asdict(counted),
        },
        "calls": calls,
        "timings": dict(run.run_log.timings),
        "opening": dict(run.run_log.opening),  # of the timings: the seconds in which an engine was opened
        "environment": environment,
    }


def described(checkpoints: Mapping[StageName, Checkpoint]) -> dict[str, JSON]:
    """Return what the manifest says of the model of each stage."""
    return {stage: _model(checkpoint) for stage, checkpoint in checkpoints.items()}


def _model(checkpoint: Checkpoint) -> dict[str, JSON]:
    return {
        "name": checkpoint.name,
        "revision": checkpoint.revision,
        "digest": checkpoint.digest,
        "engine": checkpoint.engine,
        "compute_type": checkpoint.compute_type,
        "choices": list(checkpoint.choices),
        "search_differences": list(checkpoint.search_differences),
        "license": checkpoint.license,
    }


def same_again(
    there: Sequence[Version],
    recipe: str,
    loaded: Loaded,
    *,
    options: RunOptions,
    day: Day,
    revision: Revision | None,
) -> Version | None:
    """Return which of the versions `there` a run would only repeat, or None; `recipe`: the digest."""
    if options.force or options.only_new:
        return None
    if revision is not None:
        superseded = revision.versions
        is_same = all(version.manifest["recipe"] == recipe for version in superseded)
        return superseded[-1] if is_same else None
    sources = [asdict(tally) for tally in loaded.tallies]
    for version in reversed(there):
        earlier = version.manifest
        if (
            earlier["recipe"] == recipe
            and earlier["sources"] == sources
            and earlier["scope"] == options.scope
            and earlier["until"] == options.until
            and (not day.is_named or earlier.get("edition") == str(day.edition))
            and not earlier["counts"]["retryable"]
        ):
            return version
    return None
