"""Disk errors: the path that failed, the reason, the owner, and a remedy for what can be remedied there."""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import WorldError
from pipeline.storage import disk_errors
from pipeline.storage.disk_errors import (
    describe,
    existing,
    on_disk,
    path_of,
    require_access,
    require_folder,
    temporary_folder,
)
from tests.refusals import as_nobody

REMEDY = "choose another folder"


def failing(error: Exception) -> Callable[[Path], str]:
    """Return a function that gives the message with which `on_disk(folder)` reports `error`."""

    def message(folder: Path) -> str:
        with pytest.raises(WorldError) as raised, on_disk(folder, remedy=REMEDY):
            raise error
        return str(raised.value)

    return message


def test_an_error_without_a_path_is_named_by_the_folder(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert failing(full)(tmp_path) == f"{tmp_path}: No space left on device; {REMEDY}"
    assert failing(sqlite3.DatabaseError("disk I/O error"))(tmp_path) == f"{tmp_path}: disk I/O error; {REMEDY}"


@pytest.mark.parametrize("as_name", [str, os.fsencode])
def test_a_path_inside_the_folder_is_named_itself(tmp_path: Path, as_name: Callable[[str], str | bytes]) -> None:
    file = tmp_path / "calls.sqlite"
    error = OSError(errno.EIO, os.strerror(errno.EIO), as_name(str(file)))
    assert path_of(error) == file
    assert failing(error)(tmp_path) == f"{file}: Input/output error; {REMEDY}"


def test_a_path_elsewhere_gets_a_remedy_of_its_own(tmp_path: Path) -> None:
    error = OSError(errno.EIO, os.strerror(errno.EIO), str(tmp_path / "other" / "file"))
    assert failing(error)(tmp_path / "folder").endswith("it has to be readable and writable, with room on its disk")


def test_refused_access_names_the_owner_the_mode_and_this_account(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"")
    file.chmod(0o600)
    message = failing(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file)))(tmp_path)
    owner = disk_errors._account(os.geteuid())
    assert message.startswith(f"{file}: Permission denied ({file} is owned by {owner}, mode 0600; this account is ")
    assert message.endswith(f"(chmod g+rwX, umask 002); otherwise {REMEDY}")


def test_a_folder_that_cannot_be_made_names_the_folder_above_it_that_refuses(tmp_path: Path) -> None:
    missing = tmp_path / "a" / "b"
    message = failing(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "a")))(missing)
    assert f"({tmp_path} is owned by " in message  # `a` is not there: its parent refuses
    assert message.endswith(f"; {REMEDY}")  # its owner cannot give access to what is not there


def test_a_folder_on_the_way_that_may_not_be_entered_is_named_and_not_what_it_holds() -> None:
    with as_nobody() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o600)
        with pytest.raises(PermissionError) as raised:
            (closed / "inner" / "data").read_bytes()
        assert f"({closed} is owned by " in failing(raised.value)(folder)


def test_refused_access_to_what_is_gone_meanwhile_names_no_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path) -> os.stat_result:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(Path, "stat", gone)
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path))
    assert describe(error, folder=tmp_path) == f"{tmp_path}: Permission denied"


def test_an_account_without_a_name_is_its_number() -> None:
    unused = 2**31 - 7
    assert disk_errors._account(unused) == f"uid {unused}"


def test_a_machine_without_a_temporary_folder_is_told_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nonexistent/tmp"])
    with pytest.raises(WorldError, match=r"No usable temporary directory.*; set TMPDIR to a folder"):
        temporary_folder()


def test_access_that_is_not_given_is_raised_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_access(tmp_path, os.W_OK)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OSError, match="Permission denied") as refused:
        require_access(tmp_path, os.W_OK)
    assert refused.value.errno == errno.EACCES


def test_a_read_only_file_system_is_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = list(os.statvfs(tmp_path))
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    with pytest.raises(OSError, match="Read-only file system"):
        require_access(tmp_path, os.W_OK)


def test_a_folder_is_looked_for_up_to_the_first_that_is_there(tmp_path: Path) -> None:
    assert existing(tmp_path / "a" / "b") == tmp_path
    require_folder(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as raised:
        require_folder(tmp_path / "file" / "b")
    assert path_of(raised.value) == tmp_path / "file"
