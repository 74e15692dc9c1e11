"""The exceptions of tomdich.

    TomdichError                  every error a person is meant to read; only the CLI turns one into an exit code
    ├── UsageError         (2)    the command line, the config, a source, a licence: the user can mend it
    │   ├── ConfigError           names the config file and the field
    │   ├── SourceError           names the source file, and the row or column where there is one
    │   │   └── UnavailableError  a source that is absent, or was not received whole: `optional` covers this alone
    │   ├── ModelError            a checkpoint is missing, not usable, or its tokenizer is wrong
    │   └── LicenseError          a checkpoint's licence was not accepted by name
    ├── GateError          (3)    too many failures, or too many flags: nothing was published
    ├── LockedError        (4)    another run holds this name
    ├── StoppedError       (5)    a signal or the deadline ended the run early; it is safe to rerun
    │   └── AbandonedError        a read never came back: its thread cannot be stopped, so the process must end
    ├── ReaderGoneError  (141)    the reader of stdout has ended, as `head` does: no fault of ours
    └── WorldError         (1)    the disk, the device, the memo or the engine gave way
        ├── StdoutError           stdout cannot be written
        ├── EngineError           an engine died, or broke its contract
        │   └── HungError         a batch never came back: its thread cannot be stopped, so the process must end
        ├── MemoError             the memo is damaged or of another schema
        └── DifferenceError       verify found a difference

A failure that belongs to one record is not an exception but a `records.Failure`, and is kept as one.
"""

from __future__ import annotations

from typing import ClassVar


class TomdichError(Exception):
    """An error a person is meant to read: one message that names the thing and the remedy."""

    exit_code: ClassVar[int] = 1


class UsageError(TomdichError):
    """The command line, the config, a source or a licence: the user can mend it."""

    exit_code = 2


class ConfigError(UsageError):
    """A config that cannot be used; the message names the file and the field."""


class SourceError(UsageError):
    """A source that cannot be read; the message names the file, and the row or column where there is one."""


class UnavailableError(SourceError):
    """A source that is absent, cannot be reached, or was not received whole; an optional source is left out for it."""


class ModelError(UsageError):
    """A checkpoint that is missing, is not a seq2seq model, or whose tokenizer is wrong."""


class LicenseError(UsageError):
    """A checkpoint whose licence the config has not accepted by name."""


class GateError(TomdichError):
    """Too many failures or flags: nothing was published."""

    exit_code = 3


class LockedError(TomdichError):
    """Another run holds the lock of this name."""

    exit_code = 4


class StoppedError(TomdichError):
    """The run was stopped early by a signal or its deadline; finished calls are kept."""

    exit_code = 5


class AbandonedError(StoppedError):
    """A read was given up on: its thread cannot be stopped, so whoever catches this must end the process at last."""


class WorldError(TomdichError):
    """The disk, the device, the memo or the engine gave way."""


class ReaderGoneError(TomdichError):
    """The reader of stdout has ended: the rest has no taker. The exit code is that of any tool that SIGPIPE ends."""

    exit_code = 141


class StdoutError(WorldError):
    """stdout cannot be written: a full disk, a closed descriptor."""


class EngineError(WorldError):
    """An engine died or broke its contract."""


class HungError(EngineError):
    """A batch never came back: its thread cannot be stopped, so whoever catches this must end the process at last."""


class MemoError(WorldError):
    """The memo is damaged, or was written by a newer tomdich."""


class DifferenceError(WorldError):
    """A version is not what its manifest says."""
