"""The lock of a run's name and of a training's folder, where another holds it and where the disk has none."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pipeline.errors import LockedError, StoppedError, WorldError
from pipeline.storage import versions
from pipeline.storage.locking import require_lockable
from pipeline.train import state
from tests.refusals import as_nobody


def held(holder: str, folder: Path) -> AbstractContextManager[object]:
    if holder == "run":
        return versions.locked(folder, "night", wait=0)
    return state.locked(folder / "night")


HOLDERS = pytest.mark.parametrize(("holder", "setting"), [("run", "--outputs"), ("training", "`folder:`")])


@HOLDERS
@pytest.mark.parametrize(
    ("number", "said"),
    [
        *((number, "this file system has no locks") for number in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)),
        (errno.EIO, "cannot be locked: Input/output error"),
    ],
)
def test_a_file_system_without_locks_and_one_that_fails_are_named(
    holder: str, setting: str, number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(WorldError, match=rf"night: {said}; put {setting} on a local disk"),
        held(holder, tmp_path),
    ):
        pass


@HOLDERS
def test_a_second_holder_is_told_of_the_first(holder: str, setting: str, tmp_path: Path) -> None:
    with (
        held(holder, tmp_path),
        pytest.raises(LockedError, match=rf"night: another {holder} holds .*\.lock; wait for it"),
        held(holder, tmp_path),
    ):
        pass
    with held(holder, tmp_path):
        pass


@HOLDERS
def test_a_folder_that_cannot_be_made_is_named(holder: str, setting: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WorldError, match=rf"cannot be written: .*; choose another {setting}"),
        held(holder, tmp_path / "file"),
    ):
        pass


@HOLDERS
def test_a_lock_that_this_account_may_not_make_is_named(holder: str, setting: str) -> None:
    with as_nobody() as folder:
        (folder / "night").mkdir(mode=0o555)
        said = rf"night: cannot be written: .*Permission denied.*choose another {setting}"
        with pytest.raises(WorldError, match=said), held(holder, folder):
            pass


def test_a_lock_of_another_account_is_held_by_who_can_read_it() -> None:
    with as_nobody() as folder:
        lock = folder / "night" / ".lock"
        lock.parent.mkdir()
        lock.touch(mode=0o444)
        require_lockable(lock.parent, setting="--outputs")
        with held("run", folder), pytest.raises(LockedError), held("run", folder):
            pass
        lock.chmod(0)
        said = r"night: cannot be written: .*\.lock: Permission denied.*; choose another --outputs"
        with pytest.raises(WorldError, match=said):
            require_lockable(lock.parent, setting="--outputs")
        with pytest.raises(WorldError, match=said), held("run", folder):
            pass


def test_who_waits_may_be_stopped(tmp_path: Path) -> None:
    asked: list[str] = []

    def stopping() -> str | None:
        asked.append("")
        return "stopped by SIGTERM" if len(asked) > 2 else None

    with (
        versions.locked(tmp_path, "night", wait=0),
        pytest.raises(StoppedError, match="night: stopped by SIGTERM while waiting for another run"),
        versions.locked(tmp_path, "night", wait=60, stopping=stopping),
    ):
        pass
