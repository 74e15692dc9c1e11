"""Trackers: a version in a real MLflow on SQLite, in Trackio where it is installed, and while the tracker is down."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import tracking
from pipeline.errors import WorldError
from pipeline.evaluation.evaluate import evaluate
from pipeline.storage import labels
from pipeline.storage.versions import Version, find
from tests.conftest import article, fake_config, tomdich_in_process, write_feed
from tests.published import publish

mlflow = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mlflow", "sqlalchemy", "alembic")),
    reason="no MLflow here: pip install mlflow-skinny sqlalchemy alembic",
)
trackio = pytest.mark.skipif(importlib.util.find_spec("trackio") is None, reason="no Trackio: pip install trackio")
REFERENCES = {"reference_summary": "Tỉnh trồng rừng.", "reference_translation": "The province plants a forest."}
FEED = [article(number) | REFERENCES for number in range(3)]


def run(folder: Path, *arguments: str | Path, **fields: Any) -> subprocess.CompletedProcess[str]:
    write_feed(folder / "feed.jsonl", FEED)
    config = fake_config(max_new_tokens=24, **fields)
    (folder / "night.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return tomdich_in_process("run", folder / "night.yaml", *arguments, cwd=folder)


def track(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tomdich_in_process("track", "night", *arguments, cwd=folder)


def ask(database: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(question).fetchall()


def test_a_job_has_the_recipe_the_numbers_and_the_way_back(tmp_path: Path) -> None:
    version = publish(tmp_path, FEED)
    labels.edit(version, add=("paper",), note="for table 2")
    job = tracking.job(version, "mlflow")
    assert job.parameters["recipe.stages.summarize.generation.max_new_tokens"] == "24"
    assert job.parameters["models.translate.name"] == "fake"
    assert job.metrics["counts/records"] == 3
    found = evaluate(version)
    assert job.metrics["summary/rouge1"] == found.summaries[0].score.value
    assert job.metrics["translation/chrfpp"] == found.translations[0].value
    assert job.metrics["length/summary"] == found.spreads[0].mean
    assert job.tags["tomdich.version"] == version.name
    assert job.tags["tomdich.place"] == str(version.folder)
    assert (job.tags["tomdich.tags"], job.note) == ("paper", "for table 2")
    assert job.ended - job.began == pytest.approx(sum(version.manifest["timings"].values()), abs=1e-3)
    assert [Path(path).name for path in job.artifacts] == ["report.html", "manifest.json", "config.yaml"]
    assert all(Path(path).is_file() for path in job.artifacts)


def test_a_version_without_references_has_no_scores_and_is_sent_all_the_same(tmp_path: Path) -> None:
    names = tracking.metrics(publish(tmp_path, [article(1)]))
    assert not [name for name in names if name.startswith(("summary/", "translation/"))]
    assert names["counts/records"] == 1


def test_no_tracker_is_an_error_that_names_both(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    done = track(tmp_path)
    assert done.returncode == 2
    assert "its config names no tracker; say which with --to mlflow or --to trackio" in done.stderr


@pytest.mark.parametrize("tracker", ["mlflow", "trackio"])
def test_a_tracker_that_is_not_installed_is_a_warning_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracker: str
) -> None:
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / f"{tracker}.py").write_text(
        f"raise ModuleNotFoundError('no', name={tracker!r})", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    done = run(tmp_path, track=tracker)
    assert done.returncode == 0
    version = find(tmp_path / "outputs", "night")
    wanted = f"track: {tracker}: is not installed; install it with `pip install 'tomdich[{tracker}]'`"
    assert f"{wanted}; send it later: tomdich track {version.name}" in done.stderr
    assert version.manifest["counts"]["records"] == 3
    assert tracker not in json.dumps(version.manifest["identity"])  # outside the recipe
    done = track(tmp_path)
    assert done.returncode == 1
    assert "is not installed" in done.stderr


def test_check_says_whether_the_library_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, track="trackio")
    for spec, mark in ((None, "✗ track: trackio is not installed"), (True, "✓ track: trackio gets each version")):
        monkeypatch.setattr(importlib.util, "find_spec", lambda _, spec=spec: spec)
        assert mark in tomdich_in_process("check", "night.yaml", cwd=tmp_path).stdout


def test_a_tracker_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(WorldError, match=r"mlflow: did not answer within 0\.5 s"):
        tracking.deliver(tracking.job(publish(tmp_path, FEED), "mlflow"), timeout=0.5)


@mlflow
def test_a_run_is_in_mlflow_when_it_ends_or_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "mlflow.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://lan:geheim@127.0.0.1:9")  # no server is there
    done = run(tmp_path, track="mlflow")
    assert done.returncode == 0, done.stderr
    version = find(tmp_path / "outputs", "night")
    assert "track: mlflow: MlflowException: " in done.stderr
    assert f"; send it later: tomdich track {version.name}" in done.stderr
    assert "geheim" not in done.stderr

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    done = track(tmp_path)
    assert done.returncode == 0, done.stderr
    ((identity, status),) = ask(database, "SELECT run_uuid, status FROM runs")
    assert done.stdout == f"run {identity} in sqlite:///{database}\n"
    assert_sent(database, version, identity, status)

    # a process that was killed on the way left a run that is not finished: it is completed, and there is no second one
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE runs SET status = 'RUNNING', end_time = NULL")
        connection.execute("DELETE FROM metrics WHERE key LIKE 'counts/%'")
        connection.execute("DELETE FROM latest_metrics WHERE key LIKE 'counts/%'")
    assert track(tmp_path).stdout == done.stdout
    assert_sent(database, version, *ask(database, "SELECT run_uuid, status FROM runs")[0])
    again = track(tmp_path)
    assert (again.stdout, again.stderr) == (done.stdout, f"mlflow has {version.name} already\n")


def assert_sent(database: Path, version: Version, identity: str, status: str) -> None:
    job = tracking.job(version, "mlflow")
    assert status == "FINISHED"
    assert len(ask(database, "SELECT run_uuid FROM runs")) == 1
    assert ("night",) in ask(database, "SELECT name FROM experiments")
    assert dict(ask(database, "SELECT key, value FROM params")) == job.parameters
    assert dict(ask(database, "SELECT key, value FROM latest_metrics")) == pytest.approx(job.metrics)
    assert job.tags.items() <= dict(ask(database, "SELECT key, value FROM tags")).items()
    ((place,),) = ask(database, "SELECT artifact_uri FROM runs")
    folder = Path(place.removeprefix("file://"))
    for path in job.artifacts:
        assert (folder / Path(path).name).read_bytes() == Path(path).read_bytes()


@trackio
def test_a_version_is_in_trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    version = publish(tmp_path, FEED)
    job = tracking.job(version, "trackio")
    sent = tracking.deliver(job)
    assert (sent.place, sent.is_new) == (f"trackio night/{version.folder.name}", True)
    (database,) = (tmp_path / "trackio").glob("night*.db")
    ((metrics,),) = ask(database, "SELECT metrics FROM metrics")
    assert json.loads(metrics)["counts/records"] == 3
    assert tracking.deliver(job).is_new is False
