"""Lock a folder with flock on its `.lock`; the kernel releases the lock when the process ends, killed or not."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import LockedError, StoppedError, WorldError
from pipeline.storage.disk_errors import describe, require_access, require_folder

_log = logging.getLogger(__name__)

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
_EVERY = 0.1  # seconds between two looks


@contextmanager
def locked(
    folder: Path,
    *,
    holder: str,
    busy: str,
    setting: str,
    wait: float = 0.0,
    stopping: Callable[[], str | None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock of `folder`, made if absent, during the block; wait at most `wait` seconds for it.

    For the messages: who may hold it ("run"), what to do then, and which setting names another folder. Raises
    `LockedError` where another process holds it, `StoppedError` where `stopping` gives a reason not to wait for it any
    longer, `WorldError` where it cannot be written or has no locks.
    """
    with ExitStack() as stack:
        with _named(folder, setting):
            require_folder(folder)
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open_shared(folder / ".lock"))
        deadline = time.monotonic() + wait
        announced = False
        while not _acquired(file.fileno(), folder, setting):
            if announced and (reason := stopping()):
                raise StoppedError(f"{folder.name}: {reason} while waiting for another {holder}; run it again")
            if time.monotonic() >= deadline:
                raise LockedError(f"{folder.name}: another {holder} holds {folder / '.lock'}; {busy}")
            if not announced:
                _log.warning(f"{folder.name}: another {holder} holds the lock; waiting at most {wait:.0f} s")
                announced = True
            time.sleep(_EVERY)
        yield


def require_lockable(folder: Path, *, setting: str) -> None:
    """Raise the `WorldError` with which `locked` would fail because `folder` cannot be written; writes nothing."""
    lock = folder / ".lock"
    with _named(folder, setting):
        require_folder(folder)
        if lock.exists() and not os.access(lock, os.W_OK):
            require_access(lock, os.R_OK)


@contextmanager
def _named(folder: Path, setting: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(
            f"{folder}: cannot be written: {describe(error, folder=folder)}; choose another {setting}"
        ) from None


def open_shared(path: Path) -> IO[bytes]:
    """Open a lock's file, made if absent; read access suffices for a lock, where another account owns the file."""
    try:
        return path.open("ab")
    except PermissionError:
        if not path.exists():
            raise
        return path.open("rb")


def _acquired(descriptor: int, folder: Path, setting: str) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise WorldError(f"{folder}: this file system has no locks; put {setting} on a local disk") from None
        raise WorldError(f"{folder}: cannot be locked: {error.strerror}; put {setting} on a local disk") from None
    return True
