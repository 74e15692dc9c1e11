"""The standard streams of the command line: closed, full or without a reader, and in every locale."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.storage import versions
from tests import hub, tiny
from tests.conftest import article, write_feed
from tests.published import publish

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="/dev/full is of Linux")


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Return the config of an experiment that has a version, and whose metrics are written."""
    publish(tmp_path, [article(n) for n in range(3)], metrics="night.prom")
    return tmp_path / "night.yaml"


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's line in which `tomdich` is the command line."""
    tomdich = f'tomdich() {{ "{sys.executable}" -m pipeline "$@"; }}'
    return subprocess.run(
        ["/bin/sh", "-c", f"{tomdich}\n{command}"],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


def last(folder: Path) -> versions.Version:
    """Return the newest version, whose files are as published."""
    found = versions.versions(folder / "out" / "night")[-1]
    versions.verify(found)
    return found


@pytest.mark.parametrize("stderr", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_a_notice_that_cannot_be_written_does_not_end_a_run(night: Path, stderr: str) -> None:
    done = shell(f"tomdich run {night} --outputs out --force {stderr}", night.parent)
    assert done.returncode == 0
    version = last(night.parent)
    assert done.stdout == f"out/{version.name}\n"
    assert len(versions.versions(night.parent / "out" / "night")) == 2
    assert 'tomdich_last_exit_code{name="night"} 0.0' in (night.parent / "night.prom").read_text()


@pytest.mark.parametrize("stderr", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_an_error_that_cannot_be_written_keeps_its_exit_code(night: Path, stderr: str) -> None:
    done = shell(f"tomdich run {night} --outputs out --set limits.min_records=9 {stderr}", night.parent)
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("stdout", [">&-", pytest.param(">/dev/full", marks=needs_full)])
def test_a_run_that_published_says_so_on_stderr_where_stdout_cannot_be_written(night: Path, stdout: str) -> None:
    done = shell(f"tomdich run {night} --outputs out --force --show 1 {stdout}", night.parent)
    assert done.returncode == 0
    assert "stdout: cannot be written: " in done.stderr
    assert f"; the version is out/{last(night.parent).name}\n" in done.stderr
    assert "Traceback" not in done.stderr


@needs_full
def test_a_log_on_a_full_disk_does_not_keep_a_version_from_being_published(night: Path) -> None:
    done = shell(f"tomdich run {night} --outputs out --force >>/dev/full 2>&1", night.parent)
    assert done.returncode == 0
    last(night.parent)
    assert len(versions.versions(night.parent / "out" / "night")) == 2


@needs_full
@pytest.mark.parametrize("arguments", ["show", "show --jsonl", "export --to csv -o -", "runs", "--help"])
def test_a_result_that_cannot_be_written_is_an_error(night: Path, arguments: str) -> None:
    outputs = "" if arguments == "--help" else "--outputs out"
    done = shell(f"tomdich {arguments} {outputs} >/dev/full", night.parent)
    assert done.stderr == "error: stdout: cannot be written: No space left on device\n"
    assert done.returncode == 1


def test_a_reader_that_leaves_does_not_change_what_a_run_did(night: Path) -> None:
    done = shell(f"{{ tomdich run {night} --outputs out --force --show 3; echo $? >code; }} | true", night.parent)
    assert (night.parent / "code").read_text() == "0\n"
    assert "Traceback" not in done.stderr
    last(night.parent)
    assert len(versions.versions(night.parent / "out" / "night")) == 2


@pytest.mark.parametrize("arguments", ["show", "export --to jsonl -o -"])
def test_a_reader_that_leaves_ends_other_commands_like_any_tool(night: Path, arguments: str) -> None:
    done = shell(f"{{ tomdich {arguments} --outputs out; echo $? >code; }} | true", night.parent)
    assert (night.parent / "code").read_text() == "141\n"
    assert done.stderr == ""


def test_a_forgotten_article_is_forgotten_whoever_reads_the_answer(night: Path) -> None:
    done = shell("{ tomdich forget a1 --yes --outputs out; echo $? >code; } | true", night.parent)
    assert (night.parent / "code").read_text() == "0\n", done.stderr
    assert last(night.parent).manifest["counts"]["records"] == 2


@pytest.fixture
def hub_model(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Serve a model `some/model`; give the environment in which it is found."""
    with hub.running(hub.Hub()) as server:
        server.add("some/model", tiny.checkpoint("t5-json"))
        yield {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}


def tokenizer_training(folder: Path) -> None:
    """Write the config of a training that takes a second."""
    (folder / "lines.txt").write_text("\n".join(tiny.sentences()), encoding="utf-8")
    config = {
        "name": "small", "task": "tokenizer", "folder": "small", "vocabulary": 500,
        "lines": [{"path": "lines.txt", "license": "cc0"}], "card": {"license": "cc0"},
    }  # fmt: skip
    (folder / "small.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


@pytest.mark.parametrize(
    "reader", [pytest.param(">/dev/full", marks=needs_full), "| true"], ids=["stdout is full", "the reader leaves"]
)
@pytest.mark.parametrize(
    ("command", "made", "done"),
    [
        ("prune night --keep 1 --yes --outputs out", None, "all of it is done"),
        ("models pull some/model", "hf/hub/models--some--model", r"\S+ is complete"),
        ("train small.yaml", "small/model/tokenizer.json", "the result is in "),
    ],
)
def test_a_command_that_did_its_work_exits_with_0_whatever_becomes_of_its_answer(
    night: Path, hub_model: dict[str, str], command: str, made: str | None, done: str, reader: str
) -> None:
    folder = night.parent
    tokenizer_training(folder)
    publish(folder, [article(n) for n in range(4)], metrics="night.prom")
    said = shell(
        f"{{ tomdich {command} || echo $? >failed; }} {reader}",
        folder,
        TOMDICH_CACHE=str(folder / "cache"),
        **hub_model,
    )
    assert not (folder / "failed").exists(), said.stderr
    assert said.stdout == ""
    assert "Traceback" not in said.stderr
    if reader == ">/dev/full":
        assert re.search(f"stdout: cannot be written: No space left on device; {done}", said.stderr)
    if made is None:
        assert len(versions.versions(folder / "out" / "night")) == 1
    else:
        assert (folder / made).exists()


@needs_full
def test_a_prune_that_only_says_what_would_go_fails_where_it_cannot_say_it(night: Path) -> None:
    publish(night.parent, [article(n) for n in range(4)], metrics="night.prom")
    done = shell("tomdich prune night --keep 1 --outputs out >/dev/full", night.parent)
    assert "stdout: cannot be written: No space left on device; nothing is changed without --yes" in done.stderr
    assert len(versions.versions(night.parent / "out" / "night")) == 2


def test_a_closed_stdin_is_an_error_that_names_it(night: Path) -> None:
    done = shell(f"tomdich translate --config {night} <&-", night.parent)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "error: -: cannot be read: Bad file descriptor")


# Signals


@pytest.fixture
def waiting(night: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts a run which waits for the lock, with `on_finish` writing `told.json`."""
    fields = yaml.safe_load(night.read_text(encoding="utf-8")) | {"on_finish": ["/bin/sh", "-c", "cat >told.json"]}
    night.write_text(yaml.safe_dump(fields), encoding="utf-8")

    def start(**options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "run", night, "--outputs", "out", "--wait-lock", "10m", "--force"],
            cwd=night.parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            encoding="utf-8",
            **options,
        )
        assert process.stderr is not None
        assert "waiting at most 600 s" in process.stderr.readline()
        return process

    with versions.locked(night.parent / "out", "night", wait=0):
        yield start


@pytest.mark.parametrize("also", [None, signal.SIGTERM, signal.SIGHUP])
def test_a_hangup_stops_a_run_and_tells_metrics_and_on_finish(
    night: Path, waiting: Callable[..., subprocess.Popen[str]], also: signal.Signals | None
) -> None:
    """systemd's `SendSIGHUP` sends SIGTERM and SIGHUP together, a shell that ends may send SIGHUP twice."""
    process = waiting()
    for number in [also, signal.SIGHUP] if also else [signal.SIGHUP]:
        process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5, stderr
    assert 'tomdich_last_exit_code{name="night"} 5.0' in (night.parent / "night.prom").read_text()
    told = json.loads((night.parent / "told.json").read_text())
    assert told["exit"] == 5
    # two signals that are pending together come in any order
    assert any(f"stopped by {one.name}" in told["reason"] for one in (also, signal.SIGHUP) if one is not None)


def test_a_hangup_that_nohup_ignores_is_ignored(waiting: Callable[..., subprocess.Popen[str]]) -> None:
    process = waiting(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "stopped by SIGTERM" in stderr


# Locales

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES = ("ISO-8859-1", "C", "PYTHONIOENCODING")


@pytest.fixture(scope="session")
def latin1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a locale in ISO-8859-1, which is made for it."""
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(folder / "en_US.ISO-8859-1")]
    if shutil.which("localedef") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("localedef cannot make a locale here")
    return {"LOCPATH": str(folder), "LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"}


@pytest.fixture(params=LOCALES)
def locale(request: pytest.FixtureRequest) -> dict[str, str]:
    match request.param:
        case "C":
            return ASCII
        case "PYTHONIOENCODING":
            return {"PYTHONIOENCODING": "ascii"}
        case _:
            environment: dict[str, str] = request.getfixturevalue("latin1")
            return environment


def test_every_command_is_utf8_in_every_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    folder = tmp_path / "báo đêm"
    folder.mkdir()
    feed = write_feed(folder / "bài.jsonl", [article(n) for n in range(2)])
    (folder / "một bài.txt").write_text(article(1)["text"], encoding="utf-8")
    stage = {"model": "fake", "engine": "fake"}
    fields = {"name": "night", "sources": [{"path": feed.name}], "exclude": {"under_syllables": 5}}
    config = folder / "đêm.yaml"
    config.write_text(
        yaml.safe_dump(fields | {"summarize": stage, "translate": stage}, allow_unicode=True), encoding="utf-8"
    )

    def done(command: str) -> str:
        found = shell(f"tomdich {command}", folder, **locale)
        assert found.returncode == 0, (command, found.stderr)
        assert "\\u" not in found.stdout + found.stderr  # nothing is written out for want of an encoding
        return found.stdout

    assert f"source {feed}:" in done("check đêm.yaml")
    assert "Tỉnh số 1 trồng rừng" in done("run đêm.yaml --outputs bản --show 2")
    assert "Tỉnh số 0 trồng rừng" in done("show --outputs bản")
    assert "Tỉnh số 0 trồng rừng" in done("forget a0 --outputs bản")
    for command in ("eval", "compare night night"):
        done(f"{command} --outputs bản")
    assert str(feed) in done("plan đêm.yaml --outputs bản").replace("\n", "")
    assert "Sáng ngày" in done("try 'một bài.txt' --config đêm.yaml")
    assert "Sáng" in done("translate 'một bài.txt' --config đêm.yaml")
    assert done("export --to csv -o ra-đêm.csv --outputs bản") == "ra-đêm.csv\n"
    assert "Tỉnh số 0" in (folder / "ra-đêm.csv").read_text(encoding="utf-8")
    version = versions.versions(folder / "bản" / "night")[-1]
    assert json.loads((version.folder / "sources.jsonl").read_text(encoding="utf-8"))["path"] == str(feed)
    written = yaml.safe_load((version.folder / "config.yaml").read_text(encoding="utf-8"))
    assert (version.folder / written["sources"][0]["path"]).resolve() == feed


@pytest.mark.parametrize("environment", [ASCII, {"PYTHONIOENCODING": "ascii:surrogateescape"}], ids=["C", "ascii"])
def test_stdin_is_utf8_or_an_error(night: Path, environment: dict[str, str]) -> None:
    translated = f"tomdich translate --config {night}"
    done = shell(f"printf 'H\\303\\240 N\\341\\273\\231i\\n' | {translated}", night.parent, **environment)
    assert (done.returncode, "Hà Nội" in done.stdout) == (0, True), done
    done = shell(f"printf 'H\\340 N\\n' | {translated}", night.parent, **environment)
    assert done.returncode == 2
    assert "error: -: is not UTF-8 (" in done.stderr
