"""Tell how a run ended, whatever the end was: `metrics` to a monitor, `on_finish` to a command or a web address.

The last two are given one JSON object, `{name, exit, reason, version, counts, unavailable}`: a command on
its standard input (and `exit`, `reason` and `version` in TOMDICH_EXIT, TOMDICH_REASON and TOMDICH_VERSION), a web
address as the body of a POST. What goes wrong here is said and changes nothing: the run has ended as it has. Only a
second signal, which ends the process at once, sends nothing.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline import tracking
from pipeline.config import Config, command, is_web_address
from pipeline.errors import ConfigError, TomdichError
from pipeline.runner.monitoring import last_success, write_metrics
from pipeline.secrets import expand_env
from pipeline.storage.versions import versions

if TYPE_CHECKING:
    from types import TracebackType

    from pipeline.records import JSON
    from pipeline.runner.options import Outcome

_log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds: enough for a mail server, too short to keep the next run waiting
_TAIL = 500  # characters of what a failing command said
_DYING = 1.0  # seconds to collect what was killed: a process of another session may hold its pipes for ever


class Finish:
    """Context manager around a run that reports how it ended."""

    def __init__(self, config: Config, *, outputs: Path, timeout: float = TIMEOUT) -> None:
        self.outcome: Outcome | None = None  # None: the run did not come to tell
        self._config, self._outputs, self._timeout = config, outputs, timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._config.metrics is not None:
            self._measure(Path(self._config.metrics), exit_code=_exit_code(error))
        self._track()
        target = self._config.on_finish
        if target is None:
            return
        version = None if self.outcome is None else self.outcome.version
        reason = "" if self.outcome is None else self.outcome.reason
        ending: dict[str, JSON] = {
            "name": self._config.name,
            "exit": _exit_code(error),
            "reason": reason if error is None else str(error) or type(error).__name__,
            "version": None if version is None else version.name,
            "counts": None if version is None else version.manifest["counts"],
            "unavailable": None if self.outcome is None else self.outcome.unavailable,
        }
        problem = self._post(target, ending) if is_web_address(target) else self._run(command(target), ending)
        if problem:
            _log.warning(f"on_finish: {problem}; the run itself ended with exit {ending['exit']}")

    def _track(self) -> None:
        """Send a version that was published just now to its tracker; what goes wrong can be made up for later."""
        tracker = self._config.track
        if tracker == "none" or self.outcome is None or not self.outcome.published or self.outcome.version is None:
            return
        try:
            _log.info(f"track: {tracking.deliver(tracking.job(self.outcome.version, tracker)).place}")
        except TomdichError as problem:
            _log.warning(f"track: {problem}; send it later: tomdich track {self.outcome.version.name}")

    def _measure(self, path: Path, *, exit_code: int) -> None:
        try:
            newest = versions(self._outputs / self._config.name)[-1:]
            manifest = newest[0].manifest if newest else None
            now = time.time()
            write_metrics(
                path,
                name=self._config.name,
                exit_code=exit_code,
                finished=now,
                manifest=manifest,
                succeeded=now if exit_code == 0 else last_success(path, name=self._config.name),
                unavailable=None if self.outcome is None else len(self.outcome.unavailable),
                drifts=len(manifest.get("drift", ())) if manifest else 0,  # older versions tell of none
            )
        except (OSError, TomdichError) as problem:
            _log.warning(f"metrics: {path}: cannot be written: {problem}")

    def _run(self, words: tuple[str, ...], ending: dict[str, JSON]) -> str:
        said = {f"TOMDICH_{name.upper()}": str(ending[name] or "") for name in ("reason", "version")}
        try:
            words = (expand_env(words[0]), *words[1:])
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,  # not ours: what a run prints there is for programs
                stderr=subprocess.STDOUT,
                env=os.environ | said | {"TOMDICH_EXIT": str(ending["exit"])},
                start_new_session=True,  # so that its children end with it
                encoding="utf-8",
                errors="replace",
            )
        except ConfigError as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"{words[0]} cannot be run: {error}"
        try:
            output, _ = process.communicate(json.dumps(ending, ensure_ascii=False) + "\n", timeout=self._timeout)
        except subprocess.TimeoutExpired:
            ended = process.poll() is not None
            _end(process)
            if ended:
                left = f"left a process that held its output open for {self._timeout:g} s"
                return f"{words[0]} ended with {process.returncode} and {left}; it is not waited for"
            return f"{words[0]} did not end within {self._timeout:g} s and was killed"
        if process.returncode:
            return f"{words[0]} ended with {process.returncode}: {output[-_TAIL:].strip()}"
        return ""

    def _post(self, target: str | tuple[str, ...], ending: dict[str, JSON]) -> str:
        """Post the ending; a server that answers by the drop is not waited for beyond the time."""
        assert isinstance(target, str)
        problems: list[str] = [f"{_shown(target)} did not answer within {self._timeout:g} s"]
        thread = threading.Thread(target=self._posted, args=(target, ending, problems), daemon=True)
        thread.start()
        thread.join(self._timeout)
        return problems[-1]

    def _posted(self, target: str, ending: dict[str, JSON], problems: list[str]) -> None:
        try:
            address = expand_env(target)
            request = urllib.request.Request(  # noqa: S310 - http and https only: `is_web_address`
                address,
                data=json.dumps(ending, ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json", "User-Agent": "tomdich"},
            )
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                answer.read(1)
        except ConfigError as error:
            problems.append(str(error))
        except urllib.error.HTTPError as error:
            problems.append(f"{_shown(target)} answered {error.code} {error.reason}")
            error.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            problems.append(f"{_shown(target)} cannot be told: {getattr(error, 'reason', type(error).__name__)}")
        else:
            problems.append("")


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a command with its group, and close its pipes, whoever else holds their other ends."""
    with suppress(ProcessLookupError, PermissionError):  # all of it is gone; macOS says so in the second way
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_DYING)
    for pipe in filter(None, (process.stdin, process.stdout)):
        with suppress(OSError):  # what it did not read stays unread
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_DYING)


def _shown(address: str) -> str:
    """Return the scheme and the host of a web hook, or the `${NAME}` it is in: what follows is often a secret."""
    scheme, there, rest = address.partition("://")
    if not there:
        return address[: address.find("}") + 1]
    return f"{scheme}://{re.split('[/?#]', rest)[0].rpartition('@')[2]}"


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    return error.exit_code if isinstance(error, TomdichError) else 1
