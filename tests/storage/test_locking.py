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
from pipeline.train import state


def held(holder: str, folder: Path) -> AbstractContextManager[object]:
    if holder == "run":
        return versions.locked(folder, "night", wait=0)
    return state.locked(folder / "night")


HOLDERS = pytest.mark.parametrize(("holder", "setting"), [("run", "--outputs"), ("training", "`folder:`")])


@HOLDERS
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(
    holder: str, setting: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(WorldError, match=rf"night: this file system has no locks; put {setting} on a local disk"),
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
