"""Give one job to a tracker's library: reads the job from stdin, prints where it is as the last line of stdout.

`python -m pipeline.tracking.worker`, in a process of its own. Why it failed is the last line on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

T = TypeVar("T")

_AT_ONCE = 100  # parameters, metrics or tags that MLflow takes in one request


class Measured(msgspec.Struct, frozen=True):
    """Metrics at one step of a training."""

    step: int
    metrics: dict[str, float]


class Job(msgspec.Struct, kw_only=True, frozen=True):
    """What a tracker gets of one version or training."""

    kind: Literal["version", "training"]
    tracker: Literal["mlflow", "trackio", "none"]
    experiment: str
    run: str  # what the tracker calls it
    key: str  # what it is found by again
    note: str
    began: float  # seconds since 1970
    ended: float
    parameters: dict[str, str]
    metrics: dict[str, float]
    step: int = 0  # of `metrics`
    history: list[Measured] = []
    tags: dict[str, str]
    artifacts: list[str]  # paths


class Sent(msgspec.Struct, frozen=True):
    """Where a job is in the tracker."""

    place: str  # an address, or what the library needs to find it
    is_new: bool  # False: the tracker had it already


def main() -> None:
    """Read a job, send it, print a `Sent`."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        sent = _to_mlflow(job) if job.tracker == "mlflow" else _to_trackio(job)
    except ModuleNotFoundError as error:
        if error.name != job.tracker:
            raise
        sys.exit(f"is not installed; install it with `pip install 'tomdich[{job.tracker}]'`")
    sys.stdout.buffer.write(b"\n" + msgspec.json.encode(sent) + b"\n")


def _to_mlflow(job: Job) -> Sent:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient()
    there = client.get_experiment_by_name(job.experiment)
    experiment = client.create_experiment(job.experiment) if there is None else there.experiment_id
    found_by, key = f"tomdich.{job.kind}", job.key.replace("'", "")
    runs = client.search_runs([experiment], f"tags.`{found_by}` = '{key}'", max_results=1)
    is_new = not runs or runs[0].info.status != "FINISHED"
    if not runs:
        began = int(job.began * 1000)
        runs = [client.create_run(experiment, start_time=began, tags={found_by: key}, run_name=job.run)]
    run = runs[0].info.run_id
    if is_new:  # or begun by a process that was killed: what it sent has the same values
        for parameters in _some(list(job.parameters.items())):
            client.log_batch(run, params=[Param(*one) for one in parameters])
        ended = int(job.ended * 1000)
        measured = [(name, value, one.step) for one in _measured(job) for name, value in one.metrics.items()]
        for some in _some(measured):
            client.log_batch(run, metrics=[Metric(name, value, ended, step) for name, value, step in some])
        note = {"mlflow.note.content": job.note} if job.note else {}
        client.log_batch(run, tags=[RunTag(*one) for one in (job.tags | note).items()])
        for path in job.artifacts:
            client.log_artifact(run, path)
        client.set_terminated(run, "FINISHED", ended)
    uri = client.tracking_uri
    is_server = uri.startswith(("http://", "https://"))
    place = f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{run}" if is_server else f"run {run} in {uri}"
    return Sent(place, is_new)


def _to_trackio(job: Job) -> Sent:
    import trackio

    place = f"trackio {job.experiment}/{job.run}"
    with suppress(ValueError):  # no such project yet, or on a server, which cannot be asked
        if any(run.name == job.run for run in trackio.Api().runs(job.experiment)):
            return Sent(place, is_new=False)
    note = {"note": job.note} if job.note else {}
    trackio.init(
        project=job.experiment,
        name=job.run,
        config=job.parameters | job.tags | note,
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )
    for one in _measured(job):
        trackio.log(one.metrics, step=one.step)
    for path in job.artifacts:
        trackio.log_artifact(path, name=f"{job.run}-{Path(path).name}", type="tomdich")
    trackio.finish()
    return Sent(place, is_new=True)


def _measured(job: Job) -> list[Measured]:
    """Return all metrics of a job, by step."""
    return [*job.history, Measured(job.step, job.metrics)]


def _some(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield `values` in pieces that one request may have."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _reason(error: BaseException) -> str:
    """Return what went wrong in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001 - of whatever a tracker's library raises the reason is reported
        sys.exit(_reason(error))
