"""Send a finished training to an experiment tracker, now or later.

What the tracker gets is written into the training's folder when the training ends, so that nothing is lost where the
tracker is down: the config as parameters, the curves and the scores on the dev set as metrics, and with them the model
card, the picture of the curves and the config. The training's identity has none of it.
"""

from __future__ import annotations

import logging
import math
import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline import __version__, tracking, yaml_core
from pipeline.errors import TomdichError, UsageError, WorldError
from pipeline.evaluation.metrics import Metric
from pipeline.records import JSON
from pipeline.storage.atomic import write_atomically
from pipeline.storage.versions import stamp
from pipeline.tracking import Tracker
from pipeline.tracking.worker import Job, Measured
from pipeline.train import card, state
from pipeline.train.config import ModelTraining

_log = logging.getLogger(__name__)

_FILE = "tracked.json"  # the `Job`; what depends on the place of the folder is filled in when it is sent
_CONFIG = "config.yaml"
_ARTIFACTS = (f"{state.RESULT}/README.md", f"{state.RESULT}/{card.CURVES}", _CONFIG)
_WIDTH = 110  # characters of a line of the config
# What the Trainer logs, by our names: at its own steps, and in the evaluations on the start of the dev set.
_LOGGED = {"loss": "train/loss", "learning_rate": "train/learning_rate", "eval_loss": "evaluation/loss"}


def write(
    training: ModelTraining,
    result: card.TrainingResult,
    *,
    made_of: str,
    log: Sequence[Mapping[str, float]],
    reported: Sequence[Metric],
) -> None:
    """Write what a tracker gets of a finished training, and the config that resumes it, into the training's folder.

    `made_of`: the digest of the result. `log`: the Trainer's. `reported`: the metrics of the result's scores.
    """
    config = training.model_dump(mode="json", exclude_none=True, exclude={"folder"})
    recipe = {field: value for field, value in config.items() if field != "track"}
    scores = dict(zip(reported, result.scores, strict=True))
    environment: dict[str, JSON] = {"tomdich": __version__, "device": result.device, **card.libraries()}
    base = {} if result.base is None else {"init_from": {"digest": result.base.digest, "license": result.base.license}}
    write_atomically(training.home / _CONFIG, yaml_core.dump(config | {"folder": "."}, width=_WIDTH))
    ended = time.time()
    run = f"{stamp(datetime.fromtimestamp(ended, UTC))}-{made_of[:8]}"
    job = Job(
        kind="training",
        tracker=training.track,
        experiment=training.name,
        run=run,
        key=f"{training.name}/{run}",
        note="",
        began=ended - result.seconds,
        ended=ended,
        parameters=tracking.flat({"recipe": recipe, "environment": environment, **base}),
        metrics={f"dev/{metric}": score.value for metric, score in scores.items()}
        | {"seconds": result.seconds, "parameters": float(result.parameters)},
        step=result.step,
        history=list(_history(log, reported)),
        tags={
            "tomdich.training": f"{training.name}/{run}",
            "tomdich.weights": result.what,
            **{f"tomdich.signature.{metric}": score.signature for metric, score in scores.items()},
        },
        artifacts=[],
    )
    write_atomically(training.home / _FILE, msgspec.json.format(msgspec.json.encode(job)).decode() + "\n")


def _history(log: Sequence[Mapping[str, float]], reported: Sequence[Metric]) -> list[Measured]:
    """Return what was logged by step; JSON has no number for a dev loss that is not finite, which is left out."""
    names = _LOGGED | {f"eval_{metric}": f"evaluation/{metric}" for metric in reported}
    lines = ((int(line["step"]), {names[one]: line[one] for one in names.keys() & line.keys()}) for line in log)
    finite = ((step, {name: one for name, one in found.items() if math.isfinite(one)}) for step, found in lines)
    return [Measured(step, dict(sorted(found.items()))) for step, found in finite if found]


def is_training(folder: Path) -> bool:
    """Return whether `folder` is that of a training, finished or not."""
    return (folder / state.MADE_OF).is_file()


def job(folder: Path, tracker: Tracker | None = None) -> Job:
    """Return what `tracker`, None for that of its config, gets of the finished training in `folder`.

    Raises `UsageError` where the training is not finished, or as `tracking.chosen`.
    """
    path = folder / _FILE
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Job)
    except FileNotFoundError:
        raise UsageError(
            f"{folder}: holds no finished training of a translator or summarizer; `tomdich train CONFIG` with its "
            "config finishes it"
        ) from None
    except (OSError, msgspec.DecodeError) as error:
        raise WorldError(
            f"{path}: cannot be read: {error}; remove it and `{state.FINISHED}` beside it, and `tomdich train CONFIG` "
            "with its config writes both again"
        ) from None
    return msgspec.structs.replace(
        kept,
        tracker=tracking.chosen(tracker, kept.tracker, of=str(folder)),
        tags=kept.tags | {"tomdich.place": str(folder.absolute())},
        artifacts=[str(folder / name) for name in _ARTIFACTS if (folder / name).is_file()],
    )


def send_finished(training: ModelTraining) -> None:
    """Send a training that has just ended to the tracker of its config; what goes wrong can be made up for later."""
    if training.track == "none":
        return
    try:
        _log.info(f"track: {tracking.deliver(job(training.home)).place}")
    except TomdichError as problem:
        _log.warning(f"track: {problem}; send it later: tomdich track {shlex.quote(str(training.home))}")
