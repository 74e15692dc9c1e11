"""Send a published version, or a finished training (`train.tracked`), to an experiment tracker: MLflow or Trackio.

Of a version the tracker gets what it knows of itself: the recipe and the models as parameters; counts, times, scores,
flags and lengths as metrics; version, recipe, place and labels as tags; the report, the manifest and the config as
artifacts. The tags lead back to the version. What the tracker has is not sent again.

The tracker's library runs in a process of its own (`worker`), so that its imports, its output and its waiting stay out
of the run. It finds its server as always: by MLFLOW_TRACKING_URI, TRACKIO_SERVER_URL and their like.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

import pipeline
from pipeline import config as configs
from pipeline.config import Track
from pipeline.errors import UsageError, WorldError
from pipeline.evaluation import evaluate
from pipeline.records import JSON
from pipeline.secrets import masked
from pipeline.storage import labels
from pipeline.storage.versions import Version
from pipeline.tracking.worker import Job, Sent

Tracker = Literal["mlflow", "trackio"]

TIMEOUT = 300.0  # seconds: a report of some tens of megabytes over a slow line
ARTIFACTS = ("report.html", "manifest.json", "config.yaml")
_TAIL = 500  # characters of what a failing library said
_ENVIRONMENT = {  # unless set: a server that is down is noticed within seconds
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONWARNINGS": "ignore",
}


def deliver(job: Job, *, timeout: float = TIMEOUT) -> Sent:
    """Give a job to its tracker; raises `WorldError` with the reason where the tracker does not take it."""
    environment = _ENVIRONMENT | os.environ
    root = str(Path(pipeline.__file__).parents[1])  # this package, installed or not
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.tracking.worker"],
            input=msgspec.json.encode(job),
            capture_output=True,
            env=environment,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorldError(f"{job.tracker}: did not answer within {timeout:g} s") from None
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return msgspec.json.decode(lines[-1], type=Sent)
    said = done.stderr.decode("utf-8", "replace").strip()[-_TAIL:]
    raise WorldError(f"{job.tracker}: {masked(said.splitlines()[-1] if said else f'ended with {done.returncode}')}")


def job(version: Version, tracker: Tracker | None = None) -> Job:
    """Return what `tracker`, None for that of its config, gets of `version`; raises as `chosen`."""
    manifest = version.manifest
    said = labels.read(version)
    seconds = sum(manifest["timings"].values())
    parameters = flat({"recipe": manifest["identity"], "models": manifest["models"]})
    tags = {
        "tomdich.version": version.name,
        "tomdich.place": version.address if "://" in version.address else str(version.folder.absolute()),
        "tomdich.recipe": manifest["recipe"],
        "tomdich.scope": manifest["scope"],
        "tomdich.edition": version.edition,
        "tomdich.signature": manifest["signature"],
        **({"tomdich.tags": ", ".join(said.tags)} if said.tags else {}),
    }
    return Job(
        kind="version",
        tracker=chosen(tracker, configs.load(version.path("config.yaml")).track, of=version.name),
        experiment=manifest["name"],
        run=version.folder.name,
        key=version.name,
        note=said.note,
        began=version.published.timestamp() - seconds,
        ended=version.published.timestamp(),
        parameters=parameters,
        metrics=metrics(version),
        tags=tags,
        artifacts=[str(path) for name in ARTIFACTS if (path := version.path(name)).is_file()],
    )


def chosen(asked: Tracker | None, configured: Track, *, of: str) -> Tracker:
    """Return the tracker that was asked for, else the configured one; raises `UsageError` where neither is one."""
    if asked is not None:
        return asked
    if configured == "none":
        raise UsageError(f"{of}: its config names no tracker; say which with --to mlflow or --to trackio")
    return configured


def metrics(version: Version) -> dict[str, float]:
    """Return the numbers of a version by name: counts, calls, seconds, scores, flags per 1,000 records, lengths."""
    manifest = version.manifest
    found = {f"counts/{name}": value for name, value in manifest["counts"].items()}
    found |= {f"seconds/{stage}": value for stage, value in manifest["timings"].items()}
    found |= {f"calls/{name}": value for name, value in _flat(manifest["calls"])}
    evaluated = evaluate.evaluate(version)
    scores = zip(evaluate.ROUGE, (one.score for one in evaluated.summaries), strict=False)
    found |= {f"summary/{metric}": score.value for metric, score in scores}
    translations = zip(evaluate.TRANSLATION, evaluated.translations, strict=False)
    found |= {f"translation/{metric.replace('+', 'p')}": score.value for metric, score in translations}
    found |= {f"flags_per_1000/{one.check}_{one.severity}": one.per_1000 for one in evaluated.flags}
    found |= {f"length/{one.name.replace(' / ', ' of ')}".replace(" ", "_"): one.mean for one in evaluated.spreads}
    return {name: float(value) for name, value in found.items()}


def flat(value: Mapping[str, Any]) -> dict[str, str]:
    """Return nested values as the parameters of a tracker: text by dotted names, without secrets."""
    return {
        name: masked(one) if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for name, one in _flat(value)
    }


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, JSON]]:
    """Yield nested values by their dotted names; the items of a list that holds mappings by their numbers."""
    for name, inner in value.items():
        if isinstance(inner, list) and any(isinstance(one, Mapping) for one in inner):
            inner = {str(number): one for number, one in enumerate(inner)}  # noqa: PLW2901
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}", inner


def has_library(tracker: Tracker) -> bool:
    """Return whether the library of a tracker is installed; imports nothing."""
    return importlib.util.find_spec(tracker) is not None
