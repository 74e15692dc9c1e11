"""Return the output of `runs`, `plan`, `check` and `models` as JSON; `show` prints the same for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.checkpoints import Checkpoint, list_models
from pipeline.commands.check import Finding
from pipeline.commands.resolved import ResolvedConfig
from pipeline.records import JSON, StageName
from pipeline.runner.planning import Plan
from pipeline.storage import labels
from pipeline.storage.editions import superseded
from pipeline.storage.labels import Labels
from pipeline.storage.versions import Version


def runs(listed: Iterable[tuple[Path, Sequence[Version]]], *, tags: frozenset[str] = frozenset()) -> str:
    """Return the versions of each experiment that have all of `tags`, oldest first."""
    every = ((version, labels.read(version), folder, there) for folder, there in listed for version in there)
    return _json([_version(*one) for one in every if tags <= {*one[1].tags}])


def _version(version: Version, labelled: Labels, folder: Path, there: Sequence[Version]) -> dict[str, JSON]:
    manifest = version.manifest
    return {
        "version": version.name,
        "path": version.address,
        "edition": manifest.get("edition"),
        "scope": manifest["scope"],
        "until": manifest["until"],
        "latest": version.folder.resolve() == (folder / "latest").resolve(),
        "supersedes": manifest.get("supersedes", []),
        "superseded": version.folder.name in superseded(there),
        "recipe": manifest["recipe"],
        "counts": manifest["counts"],
        "seconds": round(sum(manifest["timings"].values()), 3),
        "tags": list(labelled.tags),
        "note": labelled.note,
    }


def plan(planned: Plan) -> str:
    """Return what a run would read, replay and compute; the listed failures are the first."""
    loaded = planned.loaded
    return _json(
        {
            "read": loaded.read,
            "articles": loaded.count,
            "known": loaded.known,
            "duplicates": loaded.duplicates,
            "rejected": loaded.rejected,
            "damaged": loaded.damaged,
            "failed": planned.failures,
            "sources": [asdict(tally) for tally in loaded.tallies],
            "listed": [asdict(failure) for failure in planned.listed],
            "models": models_of(planned.checkpoints),
            "stages": {name: asdict(stage) for name, stage in planned.stages.items()},
            "unprepared": planned.unprepared,
            "same": planned.same,
            "supersedes": planned.supersedes,
        }
    )


def models_of(checkpoints: Mapping[StageName, Checkpoint]) -> dict[str, JSON]:
    """Return what runs each stage, why, and how its search differs."""
    return {
        name: {
            "name": checkpoint.name,
            "engine": checkpoint.engine,
            "compute_type": checkpoint.compute_type,
            "device": checkpoint.device,
            "choices": list(checkpoint.choices),
            "search_differences": list(checkpoint.search_differences),
        }
        for name, checkpoint in checkpoints.items()
    }


def check(findings: Sequence[Finding]) -> str:
    """Return what a check found."""
    return _json(
        {
            "ready": not any(finding.problem for finding in findings),
            "findings": [asdict(finding) for finding in findings],
        }
    )


def resolved(shown: ResolvedConfig) -> str:
    """Return each value of a config with its field, written with dots, and where it was given."""
    return _json(
        [
            {
                "field": ".".join(map(str, one.field)),
                "value": one.value,
                "origin": "default" if one.origin is None else one.origin.name,
                "line": None if one.origin is None else one.origin.line,
            }
            for one in shown.values
        ]
    )


def models() -> str:
    """Return the catalog: what each checkpoint is for, its license, and what of it is on this machine."""
    return _json(
        [
            {
                "model": listed.entry.name,
                "stage": listed.entry.stage,
                "license": listed.entry.license,
                "present": listed.present,
                "commits": listed.commits,
                "note": listed.entry.note,
            }
            for listed in list_models()
        ]
    )


def _json(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
