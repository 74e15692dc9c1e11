"""A finished training in a tracker: a real MLflow on SQLite, first down; what is written for it when there is none."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.train import config, tracked
from tests.conftest import tomdich_in_process
from tests.train.test_train import Told, train, translator, work

__all__ = ["work"]  # a fixture

mlflow = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mlflow", "sqlalchemy", "alembic")),
    reason="no MLflow here: pip install mlflow-skinny sqlalchemy alembic",
)
FEW_STEPS = {
    "schedule": {"steps": 4, "warmup": 1},
    "choose": {"every": 2, "examples": 4, "average": 1},
    "log_every": 1,
    "guidance": None,
    "curriculum": None,
}


def ask(database: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture
def no_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which MLflow is not installed."""
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "mlflow.py").write_text("raise ModuleNotFoundError('no', name='mlflow')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))


@pytest.mark.usefixtures("no_mlflow")
def test_a_tracker_that_is_down_is_a_warning_and_changes_nothing_of_the_training(work: Path) -> None:
    path = translator(work, "few", **FEW_STEPS)
    model = train(path, ("track=mlflow",), progress=(told := Told()))
    later = f"send it later: tomdich track {work / 'few'}"
    assert f"track: mlflow: is not installed; install it with `pip install 'tomdich[mlflow]'`; {later}" in str(told)
    job = tracked.job(work / "few")
    assert (job.experiment, job.tracker) == ("few", "mlflow")
    assert job.parameters["recipe.schedule.steps"] == "4"
    assert job.parameters["recipe.data.0.path"] == str(work / "train.tsv")
    assert job.parameters["environment.torch"].partition("+")[0] == version("torch").partition("+")[0]
    losses = {one.step: one.metrics["train/loss"] for one in job.history if "train/loss" in one.metrics}
    assert list(losses) == [1, 2, 3, 4]
    assert all(f"step {step}: loss {loss:.3f}" in str(told) for step, loss in losses.items())
    evaluated = {one.step: one.metrics for one in job.history if "evaluation/chrf" in one.metrics}
    assert list(evaluated) == [2, 4]
    assert all("evaluation/loss" in metrics for metrics in evaluated.values())
    assert job.step == 4
    card = (model / "README.md").read_text(encoding="utf-8")
    assert f"| chrF | {job.metrics['dev/chrf']:.2f} |" in card
    assert f"| BLEU | {job.metrics['dev/bleu']:.2f} |" in card
    assert f"`{job.tags['tomdich.signature.chrf']}`" in card
    assert job.tags["tomdich.weights"] in card
    assert job.tags["tomdich.place"] == str(work / "few")
    assert [Path(one).relative_to(work / "few").as_posix() for one in job.artifacts] == [
        "model/README.md", "model/curves.png", "config.yaml",
    ]  # fmt: skip

    # without a tracker, with another, and from the written config it is the same training, which is finished
    recorded = config.load(work / "few" / "config.yaml")
    assert isinstance(recorded, config.TranslateTraining)
    assert recorded.precision != "auto"  # what it was on this machine
    assert recorded == config.load(path, ("track=mlflow", f"precision={recorded.precision}"))
    for again, overrides in ((path, ()), (path, ("track=trackio",)), (work / "few" / "config.yaml", ())):
        assert train(again, overrides, progress=(told := Told())) == model
        assert "nothing has changed" in str(told)
        assert "track:" not in str(told)
    train(path, ("card.title=another",), progress=Told())  # another card is another result, and no tracker now
    with pytest.raises(UsageError, match=r"few: its config names no tracker; say which with --to mlflow or --to"):
        tracked.job(work / "few")


def test_a_training_that_is_not_finished_cannot_be_sent(work: Path) -> None:
    stopped = translator(work, "stopped", **FEW_STEPS | {"max_minutes": 1e-6})
    assert tomdich_in_process("train", stopped, cwd=work).returncode == 5
    done = tomdich_in_process("track", "stopped", cwd=work)
    assert done.returncode == 2
    assert "stopped: holds no finished training of a translator or summarizer; `tomdich train CONFIG`" in done.stderr
    (work / "stopped" / "tracked.json").write_text("{", encoding="utf-8")
    done = tomdich_in_process("track", "stopped", cwd=work)
    assert done.returncode == 1
    assert "stopped/tracked.json: cannot be read: " in done.stderr
    assert "remove it and `result.json` beside it" in done.stderr


@mlflow
def test_a_training_is_in_mlflow_when_it_ends_or_later(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = work / "mlflow.db"
    monkeypatch.chdir(work)
    path = translator(work, "tracked", **FEW_STEPS, track="mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # no server is there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    train(path, progress=(told := Told()))
    assert "track: mlflow: MlflowException: " in str(told)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    done = tomdich_in_process("track", "tracked", cwd=work)
    assert done.returncode == 0, done.stderr
    ((identity, status, place),) = ask(database, "SELECT run_uuid, status, artifact_uri FROM runs")
    assert done.stdout == f"run {identity} in sqlite:///{database}\n"
    assert status == "FINISHED"
    assert ("tracked",) in ask(database, "SELECT name FROM experiments")
    job = tracked.job(work / "tracked")
    assert dict(ask(database, "SELECT key, value FROM params")) == job.parameters
    sent = {(name, step): value for name, value, step in ask(database, "SELECT key, value, step FROM metrics")}
    points = {(name, one.step): value for one in job.history for name, value in one.metrics.items()}
    assert sent == pytest.approx(points | {(name, job.step): value for name, value in job.metrics.items()})
    assert job.tags.items() <= dict(ask(database, "SELECT key, value FROM tags")).items()
    for artifact in job.artifacts:
        assert (Path(place.removeprefix("file://")) / Path(artifact).name).read_bytes() == Path(artifact).read_bytes()
    again = tomdich_in_process("track", "tracked/", "--to", "mlflow", cwd=work)
    assert (again.stdout, again.stderr) == (done.stdout, f"mlflow has {job.key} already\n")

    # another result, here with another card, is another run, sent when it is finished
    train(path, ("card.title=Thử",), progress=(told := Told()))
    assert "track: run " in str(told)
    assert len(ask(database, "SELECT run_uuid FROM runs")) == 2
    assert json.loads((work / "tracked" / "tracked.json").read_text(encoding="utf-8"))["kind"] == "training"
