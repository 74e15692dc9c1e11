"""Versions in an object store: what is visible is complete, on whichever machine, whoever is killed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.s3.models import s3_backends

import pipeline
from pipeline.errors import DifferenceError, UsageError, WorldError
from pipeline.storage import labels, object_store, versions
from pipeline.storage.pruning import prune
from pipeline.storage.published import Withdrawal, withdraw, withdrawals
from tests import examples, forked, hub, hub_datasets, s3
from tests.conftest import article, tomdich_in_process, write_feed

RECIPE = "3f9a1c2b" + "0" * 56
URL = f"s3://{s3.BUCKET}/daily"


@pytest.fixture(scope="module")
def server() -> Iterator[s3.S3]:
    with s3.running() as running:
        yield running


@pytest.fixture
def store(server: s3.S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.S3]:
    """Give the server with an empty bucket; its requests count from now on."""
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    object_store._file_system.cache_clear()
    server.empty()
    server.client = os.getpid()
    yield server
    server.client = 0


@pytest.fixture
def machine(store: s3.S3, tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that returns the working copy of a machine."""
    return lambda name: object_store.working_copy(URL, cache=tmp_path / name)


def publish(outputs: Path, *, text: str = "one", scope: str = "full", files: int = 2) -> versions.Version:
    with versions.locked(outputs, "night", wait=0) as experiment:
        staged = experiment.stage()
        (staged / "data").mkdir()
        for number in range(files):
            (staged / "data" / f"rows-{number}").write_text(f"{text} {number}")
        (staged / "report.html").write_text(text)
        return experiment.publish(staged, manifest={"recipe": RECIPE, "counts": {}, "scope": scope})


def visible(store: s3.S3) -> list[str]:
    """Return the versions that are visible in the store, each of which must be complete."""
    keys = store.objects("daily/night/")
    found = [key.split("/")[2] for key in keys if key.endswith("/manifest.json")]
    for name in found:
        manifest = json.loads(keys[f"daily/night/{name}/manifest.json"])
        held = {
            key.removeprefix(f"daily/night/{name}/"): len(content)
            for key, content in keys.items()
            if key.startswith(f"daily/night/{name}/")
        }
        wanted = {file["path"]: file["bytes"] for file in manifest["files"]}
        assert held == wanted | {"manifest.json": held["manifest.json"]}
    return sorted(found)


def latest(store: s3.S3) -> str:
    return store.objects()["daily/night/latest"].decode().strip()


def test_a_version_that_one_machine_publishes_is_read_by_another(store: s3.S3, machine: Callable[[str], Path]) -> None:
    version = publish(machine("a"))
    found = versions.find(machine("b"), "night")
    assert found.manifest == version.manifest
    assert found.address == f"{URL}/night/{version.folder.name}"
    assert [path.name for path in found.folder.rglob("*") if path.is_file()] == ["manifest.json"]
    assert found.path("data/rows-1").read_text() == "one 1"
    assert found.bytes() == sum(path.stat().st_size for path in version.folder.rglob("*") if path.is_file())
    assert versions.find(machine("b"), found.address).manifest == version.manifest
    assert versions.find(machine("b"), f"{URL}/night").manifest == version.manifest
    versions.verify(found)
    assert visible(store) == [latest(store)] == [version.folder.name]


def test_the_manifest_is_uploaded_last_and_deleted_first(store: s3.S3, machine: Callable[[str], Path]) -> None:
    name = publish(machine("a")).folder.name
    inside = [change for change in store.changes if f"night/{name}/" in change]
    assert inside[-1] == f"PUT daily/night/{name}/manifest.json"
    assert store.changes[-1] == "PUT daily/night/latest"
    publish(machine("a"))
    store.changes.clear()
    (gone,) = prune(machine("a"), "night", keep=1, delete=True, wait=0)
    deleted = [change for change in store.changes if change.startswith(f"DELETE daily/night/{gone[0].folder.name}/")]
    assert deleted[0].endswith("/manifest.json")
    assert len(visible(store)) == 1
    assert [version.folder.name for version in versions.versions(machine("a") / "night")] == visible(store)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda store, key: store.put(f"{key}/data/rows-1", b"two 1"), "data/rows-1: changed"),
        (lambda store, key: store.delete(f"{key}/data/rows-1"), "data/rows-1: missing"),
        (lambda store, key: store.put(f"{key}/more", b""), "more: not in the manifest"),
    ],
)
def test_verify_reads_what_the_store_has(
    store: s3.S3, machine: Callable[[str], Path], damage: Callable[[s3.S3, str], None], said: str
) -> None:
    version = publish(machine("a"))
    damage(store, f"daily/night/{version.folder.name}")
    for name in "ab":
        with pytest.raises(DifferenceError, match=said):
            versions.verify(versions.find(machine(name), "night"))


def test_a_file_that_is_not_as_published_is_not_read(store: s3.S3, machine: Callable[[str], Path]) -> None:
    key = f"daily/night/{publish(machine('a')).folder.name}"
    store.put(f"{key}/data/rows-0", b"two 0")
    store.delete(f"{key}/data/rows-1")
    found = versions.find(machine("b"), "night")
    with pytest.raises(DifferenceError, match="rows-0: changed since it was published"):
        found.path("data/rows-0")
    with pytest.raises(DifferenceError, match="rows-1: missing"):
        found.path("data/rows-1")
    assert not list((machine("b") / "night").glob(".tmp-*"))


def change_with(environment: dict[str, str], step: str, outputs: str) -> None:
    """Do one step, in a process that is killed; the server it is forked from has another environment."""
    os.environ.clear()
    os.environ.update(environment)
    change(step, outputs)


def change(step: str, outputs: str) -> None:
    """Do one step."""
    if step == "publish":
        publish(Path(outputs), text="second")
    elif step == "prune":
        prune(Path(outputs), "night", keep=1, delete=True, wait=0)
    else:
        with versions.locked(Path(outputs), "night", wait=0) as experiment:
            staged = experiment.stage()
            (staged / "data").mkdir()
            (staged / "data" / "rows-0").write_text("withdrawn")
            version = experiment.versions()[-1]
            experiment.replace(version, staged, manifest=version.manifest | {"counts": {"withdrawn": 1}})


@pytest.mark.parametrize(
    ("step", "at"),
    [
        ("publish", "/data/rows-1"),
        ("publish", "DELETE daily/night/.unfinished/"),
        ("publish", "/latest"),
        ("prune", "/manifest.json"),
        ("prune", "/data/rows-1"),
        ("replace", "/manifest.json"),
        *(pytest.param(step, "", marks=pytest.mark.faults) for step in ("publish", "prune", "replace")),
    ],
)
def test_a_kill_at_any_change_leaves_whole_versions_and_the_next_holder_of_the_lock_completes_it(
    store: s3.S3, machine: Callable[[str], Path], step: str, at: str, tmp_path: Path
) -> None:
    outputs = machine("a")
    earlier = [publish(outputs, text="first").folder.name for _ in range(2)]
    before, backup = store.objects(), tmp_path / "backup"
    shutil.copytree(outputs, backup, symlinks=True)
    store.changes.clear()
    change(step, str(outputs))
    points = [number for number, change in enumerate(store.changes) if at in change]
    assert points
    uninterrupted = sorted(content for key, content in store.objects().items() if "/data/" in key)
    for number in points:
        store.empty()
        for key, content in before.items():
            store.put(key, content)
        shutil.rmtree(outputs)
        shutil.copytree(backup, outputs, symlinks=True)
        process = forked._forked.Process(target=change_with, args=(dict(os.environ), step, str(outputs)))
        process.start()
        store.client, store.kill_at = process.pid or 0, number
        process.join(60)
        assert process.exitcode == -9, number
        store.client, store.kill_at = 0, None
        after_kill = visible(store)
        assert set(after_kill) >= set(earlier[1:] if step == "prune" else earlier[:1] if step == "replace" else earlier)
        other = machine("b")
        versions.refresh(other)
        assert [version.folder.name for version in versions.versions(other / "night")] == after_kill, number
        with versions.locked(outputs, "night", wait=0) as experiment:
            there = [version.folder.name for version in experiment.versions()]
            assert there == visible(store) == sorted(visible(store)), number
            assert latest(store) == there[-1]
        assert not [key for key in store.objects() if "/.unfinished/" in key], number
        names = set(visible(store))
        assert {key.split("/")[2] for key in store.objects("daily/night/")} == {*names, "latest"}, number
        if step == "prune" or (step == "publish" and not (set(there) - set(earlier))):
            change(step, str(outputs))  # the version was not complete here: its run is done again
        assert sorted(content for key, content in store.objects().items() if "/data/" in key) in (
            uninterrupted, sorted(content for key, content in before.items() if "/data/" in key)
        )  # fmt: skip
        if step != "replace":
            assert sorted(content for key, content in store.objects().items() if "/data/" in key) == uninterrupted


def test_parts_of_an_upload_that_was_cut_off_are_removed(store: s3.S3, machine: Callable[[str], Path]) -> None:
    publish(machine("a"))
    (name,) = visible(store)
    store.begin_multipart(f"daily/night/{name}/data/rows-0")
    store.begin_multipart("daily/other/rows-0")
    change("replace", str(machine("a")))
    assert store.multiparts() == ["daily/other/rows-0"]


def test_two_machines_that_publish_at_once_publish_two_whole_versions(
    store: s3.S3, machine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second begins and ends while the first uploads, and while it writes `latest`; in one second, by one recipe."""
    now = datetime(2026, 11, 30, 1, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ARG003
            return now

    monkeypatch.setattr(versions, "datetime", Clock)
    for at in ("/data/rows-0", "/latest"):
        store.empty()
        store.client = os.getpid()
        meanwhile: list[str] = []

        def other(request: str, at: str = at, meanwhile: list[str] = meanwhile) -> None:
            if request.endswith(at) and not meanwhile:
                meanwhile.append(request)
                meanwhile.append(publish(machine(f"b{at[1]}"), text="of b").folder.name)

        store.before = other
        first = publish(machine(f"a{at[1]}"), text="of a").folder.name
        store.before = None
        assert visible(store) == [first, meanwhile[1]], at
        assert latest(store) == meanwhile[1] > first, at
        assert not [key for key in store.objects() if "/.unfinished/" in key]
        for name in (f"a{at[1]}", f"b{at[1]}"):
            assert versions.find(machine(name), "night").folder.name == meanwhile[1]


def test_a_name_is_claimed_by_one_of_many(store: s3.S3, machine: Callable[[str], Path]) -> None:
    folder = machine("a") / "night" / "20261130T010000Z-3f9a1c2b"
    claimed: list[bool] = []
    stores = [object_store.of(machine(f"m{number}")) for number in range(8)]
    threads = [
        threading.Thread(target=lambda one=one: claimed.append(one is not None and one.claim(folder))) for one in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [False] * 7 + [True]


@pytest.mark.parametrize(("status", "code"), [("409 Conflict", "ConditionalRequestConflict"), s3.FORBIDDEN])
def test_a_claim_that_the_store_refuses_is_lost_or_an_error(
    store: s3.S3, machine: Callable[[str], Path], status: str, code: str
) -> None:
    """S3 answers 409 where two claim a name at the same moment."""
    folder = machine("a") / "night" / "20261130T010000Z-3f9a1c2b"
    mine = object_store.of(machine("a"))
    assert mine is not None
    store.refuse, store.refusal = "/.unfinished/", (status, code)
    if code == "AccessDenied":
        with pytest.raises(WorldError, match="access is refused"):
            mine.claim(folder)
    else:
        assert not mine.claim(folder)


def test_the_name_of_a_version_that_was_published_since_it_was_listed_is_not_claimed(
    store: s3.S3, machine: Callable[[str], Path]
) -> None:
    name = publish(machine("a")).folder.name
    mine = object_store.of(machine("b"))
    assert mine is not None
    before = store.objects()
    assert not mine.claim(machine("b") / "night" / name)
    assert store.objects() == before


@pytest.mark.parametrize(("marker", "owner"), [(b'{"owner": "c@other"}', "c@other"), (b"[]", "another program")])
def test_what_another_machine_left_unfinished_stays_for_days(
    store: s3.S3, machine: Callable[[str], Path], messages: list[str], marker: bytes, owner: str
) -> None:
    left = "daily/night/20261130T010000Z-aaaaaaaa"
    store.put("daily/night/.unfinished/20261130T010000Z-aaaaaaaa", marker)
    store.put(f"{left}/data/rows-0", b"half")
    publish(machine("a"))
    assert f"{left}/data/rows-0" in store.objects()
    for key in store.objects(left) | store.objects("daily/night/.unfinished/"):
        object_ = s3_backends["123456789012"]["aws"].buckets[s3.BUCKET].keys[key]
        object_.last_modified = datetime.now(UTC).replace(tzinfo=None) - object_store.ABANDONED - timedelta(hours=1)
    publish(machine("a"))
    assert not store.objects(left)
    assert not store.objects("daily/night/.unfinished/")
    assert any(f"{owner} left it unfinished" in message for message in messages)


def test_an_upload_that_another_machine_cleared_is_made_whole_before_it_is_visible(
    store: s3.S3, machine: Callable[[str], Path]
) -> None:
    cleared: list[str] = []

    def clear(request: str) -> None:
        if request.endswith("/data/rows-1") and not cleared:
            cleared.append(request)
            store.delete(request.removeprefix("PUT ").replace("rows-1", "rows-0"))

    store.before = clear
    publish(machine("a"))
    assert cleared
    assert len(visible(store)) == 1


def test_a_store_that_does_not_keep_what_is_uploaded_is_named_and_nothing_is_visible(
    store: s3.S3, machine: Callable[[str], Path]
) -> None:
    def clear(request: str) -> None:
        if "/data/rows-" in request and request.startswith("PUT"):
            store.delete(f"{request.removeprefix('PUT ')[:-1]}{1 - int(request[-1])}")

    store.before = clear
    with pytest.raises(WorldError, match=r"does not keep what is uploaded \(.*\); run it again"):
        publish(machine("a"))
    assert visible(store) == []
    store.before = None
    publish(machine("a"))
    assert len(visible(store)) == 2  # what was not kept is uploaded again


def test_labels_are_seen_by_every_machine_and_go_with_their_version(
    store: s3.S3, machine: Callable[[str], Path]
) -> None:
    version = publish(machine("a"))
    labels.edit(version, add=["one"])
    labels.edit(versions.find(machine("b"), "night"), add=["two"], note="good")
    labels.edit(version, remove=["one"])
    for name in "abc":
        assert labels.read(versions.find(machine(name), "night")) == labels.Labels(("two",), "good")
    publish(machine("c"))
    prune(machine("c"), "night", keep=1, delete=True, wait=0)
    versions.refresh(machine("b"))
    assert not list(machine("b").rglob(".labels/*.json"))
    assert not [key for key in store.objects() if ".labels" in key]


def test_a_rewritten_version_replaces_what_another_machine_had_fetched(
    store: s3.S3, machine: Callable[[str], Path]
) -> None:
    publish(machine("a"))
    versions.find(machine("b"), "night").fetch()
    change("replace", str(machine("a")))
    found = versions.find(machine("b"), "night")
    assert not (found.folder / "data" / "rows-1").exists()
    assert found.path("data/rows-0").read_text() == "withdrawn"


def test_withdrawals_of_two_machines_are_both_kept(store: s3.S3, machine: Callable[[str], Path]) -> None:
    one, other = (Withdrawal("2026-11-30T01:00:00+00:00", name * 64, (), None, ()) for name in "ab")

    def meanwhile(request: str) -> None:
        store.before = None
        withdraw(machine("b"), other)

    store.before = meanwhile
    withdraw(machine("a"), one)
    versions.refresh(machine("c"))
    assert {withdrawal.article[0] for withdrawal in withdrawals(machine("c"))} == {"a", "b"}


def test_files_of_older_versions_leave_the_working_copy_when_nobody_reads_them(
    store: s3.S3, machine: Callable[[str], Path]
) -> None:
    old, read, new = (publish(machine("a"), text=text) for text in ("1", "2", "3"))
    ago = time.time() - object_store.KEPT.total_seconds() - 3600
    for version in (old, read, new):
        os.utime(version.folder, (ago, ago))
    read.path("data/rows-0")
    with versions.locked(machine("a"), "night", wait=0):
        held = [(version.folder / "data" / "rows-0").exists() for version in (old, read, new)]
    assert held == [False, True, True]
    assert [(version.folder / "report.html").exists() for version in (old, read, new)] == held
    assert old.path("data/rows-0").read_text() == "1 0"


@pytest.mark.parametrize("address", ["gs://news/daily", "s3://", "s3:///daily", "s3://news/a//b", "s3://news/../b"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="write a folder, or s3://bucket/prefix"):
        object_store.working_copy(address, cache=tmp_path)


def test_what_keeps_from_the_store_is_said_before_the_work(
    store: s3.S3, machine: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.refuse = "/.unfinished/"
    with pytest.raises(WorldError, match=r"access is refused.*list, read, write and delete"):
        publish(machine("a"))
    store.refuse = ""
    with pytest.raises(WorldError, match="there is no bucket nowhere"):
        versions.find(object_store.working_copy("s3://nowhere/daily", cache=tmp_path), None)
    object_store._file_system.cache_clear()
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match=r"install tomdich\[s3\]"):
        versions.find(machine("a"), None)


def test_a_store_that_cannot_be_reached_or_that_fails_is_named(
    store: s3.S3, machine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(machine("a"))
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)  # else a minute of waiting
    store.refuse, store.refusal = "/.unfinished/", ("400 Bad Request", "InvalidDigest")
    with pytest.raises(WorldError, match=r"s3://news/daily: .*No: InvalidDigest; run it again"):
        publish(machine("a"))
    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        object_store._file_system.cache_clear()
        with pytest.raises(WorldError, match=r"s3://news/daily: cannot be used: .*AWS_ENDPOINT_URL right"):
            versions.find(machine("a"), "night")


def test_a_full_disk_of_the_working_copy_is_not_taken_for_the_store(
    store: s3.S3, machine: Callable[[str], Path], tmp_path: Path
) -> None:
    publish(machine("a"), text="x" * 200_000)
    disk = tmp_path / "b"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tomdich-copy", disk], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"cannot mount a small disk here: {made.stderr.decode().strip()}")
    try:
        found = versions.find(machine("b"), "night")
        with pytest.raises(WorldError, match=rf"{disk}/.*: No space left on device; .*set TOMDICH_CACHE"):
            found.path("data/rows-0")
        assert not list(disk.rglob(".tmp-*"))
        assert not (found.folder / "data" / "rows-0").exists()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_working_copy_whose_address_is_damaged_is_named(store: s3.S3, machine: Callable[[str], Path]) -> None:
    (machine("a") / object_store.REMOTE).write_text('{"url": ')
    with pytest.raises(WorldError, match=r"\.remote: cannot be read: .*; remove it, and run again"):
        versions.find(machine("a"), "night")


def test_a_version_of_another_store_is_refused(store: s3.S3, machine: Callable[[str], Path]) -> None:
    publish(machine("a"))
    with pytest.raises(UsageError, match=r"s3://other/night: is not in --outputs s3://news/daily; give --outputs"):
        versions.find(machine("a"), "s3://other/night")


def test_what_needs_a_folder_of_all_jobs_is_refused(store: s3.S3, night: tuple[Path, dict[str, bytes]]) -> None:
    done = tomdich_in_process("run", "night.yaml", "--shard", "1/2", "--outputs", URL, cwd=night[0])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs a folder that all jobs share, and --outputs is {URL}: give one" in done.stderr


# Every command that takes --outputs, on a machine that did not publish what it reads; what it must print.
COMMANDS = {
    "run": ("run {config}", "nothing changed, already published"),
    "plan": ("plan {config} --only-new", "2 published before"),
    "matrix": ("matrix cells.yaml", "nothing changed, already published"),
    "check": ("check {config}", f"✓ outputs {URL}: can be written"),
    "brief": ("brief night --to md -o -", "Tỉnh số 1 trồng rừng"),
    "export": ("export night --to csv -o -", "Tỉnh số 1 trồng rừng"),
    "runs": ("runs", "latest"),
    "tag": ("tag night --add seen --note good", "seen"),
    "show": ("show night --jsonl", '"id": "a1"'),
    "eval": ("eval night", "flagged"),
    "compare": ("compare night night", "night"),
    "verify": ("verify night", "files are as published"),
    "pack": ("pack night -o {folder}/night.tar.gz", "night.tar.gz"),
    "reproduce": ("reproduce night", "2 of 2 records have the same texts"),
    "rate": ("rate night night", "2 with the same texts"),  # exit 2: a version has nothing to rate beside itself
    "prune": ("prune night --keep 1 --yes", "deleted night/"),
    "forget": ("forget a1 --yes", "rewritten night/"),
}


def test_every_command_is_tested_against_a_store() -> None:
    takes = {name for name, command in examples.commands().items() if any(p.name == "outputs" for p in command.params)}
    assert takes == {*COMMANDS, "push", "merge", "track"}


@pytest.fixture(scope="module")
def night(server: s3.S3, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Give the folder of a config, and the objects of two versions that a machine published by it."""
    folder = tmp_path_factory.mktemp("night")
    write_feed(folder / "feed.jsonl", map(article, range(2)))
    (folder / "night.yaml").write_text(
        "name: night\nsources: [{path: feed.jsonl}]\nexclude: {under_syllables: 5}\n"
        "summarize: {model: fake, engine: fake}\ntranslate: {model: fake, engine: fake}\ninspect: {hold: []}\n",
        encoding="utf-8",
    )
    (folder / "cells.yaml").write_text("extends: night.yaml\nmatrix: {deterministic: [false]}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOMDICH_CACHE", str(folder / "cache"))
        for name, value in {"ENDPOINT_URL": server.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}.items():
            patch.setenv(f"AWS_{name}", value)
        object_store._file_system.cache_clear()
        server.empty()
        for _ in range(2):
            done = tomdich_in_process("run", "night.yaml", "--force", "--outputs", URL, cwd=folder)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith(f"{URL}/night/2")
    return folder, server.objects()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works_where_versions_are_in_a_store(
    command: str, store: s3.S3, night: tuple[Path, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, objects = night
    for key, content in objects.items():
        store.put(key, content)
    monkeypatch.setenv("TOMDICH_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("TOMDICH_OUTPUTS", URL)
    line, printed = COMMANDS[command]
    done = tomdich_in_process(*line.format(config="night.yaml", folder=tmp_path).split(), cwd=folder)
    assert done.returncode == (2 if command == "rate" else 0), done.stderr
    assert printed in done.stdout + done.stderr
    visible(store)


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the hub's client, of its HTTP library
def test_push_takes_a_version_from_a_store(
    store: s3.S3, night: tuple[Path, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, objects = night
    for key, content in objects.items():
        store.put(key, content)
    monkeypatch.setenv("TOMDICH_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("HF_TOKEN", hub_datasets.TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with hub.running(hub_datasets.DatasetHub(), serving=hub_datasets.Datasets) as there:
        assert isinstance(there, hub_datasets.DatasetHub)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", there.url)
        done = tomdich_in_process("push", "night", "someone/night", "--outputs", URL, cwd=folder)
        assert done.returncode == 0, done.stderr
        ((tag, commit),) = there.datasets["someone/night"].tags.items()
        pushed = there.datasets["someone/night"].commits[commit]
    assert {f"daily/night/{tag}/{name}": content for name, content in pushed.items() if name != ".gitattributes"} == {
        key: content for key, content in objects.items() if tag in key and ".labels" not in key
    }


def test_a_program_reads_and_runs_where_versions_are_in_a_store(
    store: s3.S3, night: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, objects = night
    for key, content in objects.items():
        store.put(key, content)
    monkeypatch.setenv("TOMDICH_CACHE", str(tmp_path / "other"))
    monkeypatch.chdir(folder)
    assert [row.id for row in pipeline.load_version("night", outputs=URL).rows()] == ["a0", "a1"]
    outcome = pipeline.run("night.yaml", options=pipeline.RunOptions(outputs=Path(URL)))
    assert not outcome.published
    assert outcome.version is not None
    assert outcome.version.address.startswith(f"{URL}/night/2")
