"""The exceptions of tomdich.

    TomdichError                  an error with a message for the user; only the CLI maps it to an exit code
    ├── UsageError         (2)    the command line, the config, a source or a license is wrong; the user can correct it
    │   ├── ConfigError           names the config file and the field
    │   ├── SourceError           names the source file, and the row or column where there is one
    │   │   └── UnavailableError  a source that is absent or incomplete; under `optional: true` a warning
    │   ├── ModelError            a checkpoint is missing or unusable, or its tokenizer is wrong
    │   └── LicenseError          a checkpoint's license was not accepted by name
    ├── GateError          (3)    too many failures or flags: nothing was published; too many errors for `lint`
    ├── LockedError        (4)    another run holds this name
    ├── StoppedError       (5)    a signal or the deadline ended the run early; it is safe to rerun
    │   └── AbandonedError        a read hangs: its thread cannot be stopped, so the process must end
    ├── ReaderGoneError  (141)    the reader of stdout has ended, as `head` does; not an error of tomdich
    └── WorldError         (1)    an error of the disk, the device, the memo or the engine
        ├── StdoutError           stdout cannot be written
        ├── EngineError           an engine stopped or broke its contract
        │   └── HungError         a batch hangs: its thread cannot be stopped, so the process must end
        ├── MemoError             the memo is damaged or of another schema
        └── DifferenceError       files of a version differ from its manifest, or cannot be read

A failure that belongs to one record is not an exception but a `records.Failure`, and is kept as one.
"""

from __future__ import annotations

from typing import ClassVar


class TomdichError(Exception):
    """An error with a message for the user, which names the cause and the remedy."""

    exit_code: ClassVar[int] = 1


class UsageError(TomdichError):
    """An error in the command line, the config, a source or a license, which the user can correct."""

    exit_code = 2


class ConfigError(UsageError):
    """An invalid config; the message names the file and the field."""


class SourceError(UsageError):
    """A source that cannot be read; the message names the file, and the row or column where there is one."""


class UnavailableError(SourceError):
    """A source that is absent, cannot be reached, or is incomplete.

    Of an optional source it is a warning: what was read of it is kept.
    """


class ModelError(UsageError):
    """A checkpoint that is missing, is not a seq2seq model, or whose tokenizer is wrong."""


class LicenseError(UsageError):
    """A checkpoint whose license the config has not accepted by name."""


class GateError(TomdichError):
    """Too many failures or flags: nothing was published, or `lint` found too many errors."""

    exit_code = 3


class LockedError(TomdichError):
    """Another run holds the lock of this name."""

    exit_code = 4


class StoppedError(TomdichError):
    """The run was stopped early by a signal or its deadline; finished calls are kept."""

    exit_code = 5


class AbandonedError(StoppedError):
    """A read hangs and was abandoned: its thread cannot be stopped, so the handler must end the process."""


class WorldError(TomdichError):
    """An error of the disk, the device, the memo or the engine."""


class ReaderGoneError(TomdichError):
    """The reader of stdout has ended. The exit code is that of a program ended by SIGPIPE."""

    exit_code = 141


class StdoutError(WorldError):
    """stdout cannot be written, because of a full disk or a closed descriptor."""


class EngineError(WorldError):
    """An engine stopped or broke its contract."""


class HungError(EngineError):
    """A batch hangs: its thread cannot be stopped, so the handler must end the process."""


class MemoError(WorldError):
    """The memo is damaged, or was written by a newer tomdich."""


class DifferenceError(WorldError):
    """The files of a version differ from its manifest, or cannot be read as what tomdich writes."""
