"""Shards on disk: what the jobs of an array leave for `tomdich merge`.

A shard is kept like an experiment of its own: under the same kind of lock, built in `.staging/`, and there only when it
is whole. It has one version, of scope `shard`, which the next run of the same shard replaces.

Layout:
    <outputs>/<name>/.shards/03-of-16/<version>/manifest.json   what the shard read and computed, and its digests
    <outputs>/<name>/.shards/03-of-16/<version>/entries.jsonl   every record that was read, with what came of it
    <outputs>/<name>/.shards/03-of-16/memo/                     the memo of the shard
    <outputs>/<name>/.shards/03-of-16/.stopped                  why its last run has no result
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from pipeline.errors import DifferenceError, UsageError
from pipeline.records import Article, Failure, Translated
from pipeline.storage.memo import FILE as MEMO
from pipeline.storage.memo import Memo, open_memo
from pipeline.storage.versions import Experiment, Version, locked, versions
from pipeline.waiting import Stopping

FOLDER = ".shards"
ENTRIES = "entries.jsonl"
SCOPE = "shard"
_STOPPED = ".stopped"
_MOST = 10_000  # shards
_NAME = re.compile(r"([0-9]+)-of-([0-9]+)")


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """One shard of an array job: its number, from 1, and how many there are."""

    of: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the share that `3/16` names; raises `UsageError`."""
        found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
        share = None if found is None else cls(int(found[2]), int(found[1]))
        if share is None or not 1 <= share.number <= share.of <= _MOST:
            raise UsageError(f"--shard {text}: write 3/16 for the third of 16; {_MOST} shards are the most")
        return share

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def owns(self, key: str) -> bool:
        """Return whether what has this key is the shard's."""
        hashed = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest()
        return int.from_bytes(hashed, "big") % self.of == self.number - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record that a shard read, and what came of it.

    `failure` alone: no article could be read. `article` and `failure`: it was withdrawn, rejected by an editor, or a
    stage failed on it. `record` alone: it is finished, and has the article.
    """

    source: int  # its number in the config
    file: int  # its number in the source
    article: Article | None = None
    failure: Failure | None = None
    record: Translated | None = None

    @property
    def read(self) -> Article | Failure:
        """The article, or why there is none."""
        found = self.record.article if self.record is not None else self.article or self.failure
        assert found is not None
        return found

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it was read; the entries of a shard are in this order."""
        return self.source, self.file, self.read.source.row


_entries = msgspec.json.Decoder(Entry)


@dataclass(frozen=True, slots=True)
class Shard:
    """The folder of one shard of an experiment."""

    experiment: Path
    share: Share

    @property
    def name(self) -> str:
        """The name of its folder: 03-of-16."""
        return f"{self.share.number:0{len(str(self.share.of))}}-of-{self.share.of}"

    @property
    def folder(self) -> Path:
        """The folder of its version, its memo and its lock."""
        return self.experiment / FOLDER / self.name

    @property
    def memo(self) -> Path:
        """The folder of its memo."""
        return self.folder / "memo"

    @property
    def has_memo(self) -> bool:
        """Whether it has a memo."""
        return (self.memo / MEMO).exists()

    def open_memo(self, *, stopping: Stopping = lambda: None, behind: Memo | None = None) -> Memo:
        """Return its memo, made if absent; needs its lock. As `memo.open_memo`."""
        return open_memo(self.memo, stopping=stopping, alone=True, behind=behind)

    @contextmanager
    def locked(self, *, wait: float, stopping: Stopping = lambda: None) -> Iterator[Experiment]:
        """Hold its lock for the block; as `versions.locked`."""
        with locked(self.folder.parent, self.name, wait=wait, stopping=stopping) as experiment:
            yield experiment

    def version(self) -> Version | None:
        """Return what it left, where it is whole."""
        return next(reversed(versions(self.folder)), None)

    def stopped(self) -> str:
        """Return why its last run has no result; "" where it has one, or none was begun."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / _STOPPED).read_text(encoding="utf-8")
        return ""

    def note_stopped(self, reason: str) -> None:
        """Leave the reason for `merge`, which names the shard; "" removes it."""
        with suppress(OSError):  # a full disk is what the run itself says
            if reason:
                (self.folder / _STOPPED).write_text(reason, encoding="utf-8")
            else:
                (self.folder / _STOPPED).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """Return the files of what it left and of its memo."""
        folders = [self.memo, *(version.folder for version in versions(self.folder))]
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    def remove(self, *, memo: bool) -> None:
        """Remove what it left, and with `memo` its memo; needs its lock."""
        experiment = Experiment(self.folder)
        for version in versions(self.folder):
            experiment.remove(version)
        if memo and self.memo.exists():
            shutil.rmtree(self.memo)


def shards(experiment: Path) -> list[Shard]:
    """Return the shards of an experiment's folder, whole or not, in the order of their numbers."""
    folder = experiment / FOLDER
    if not folder.is_dir():
        return []
    names = [_NAME.fullmatch(entry.name) for entry in folder.iterdir() if entry.is_dir()]
    shares = sorted(Share(int(name[2]), int(name[1])) for name in names if name)
    return [shard for share in shares if (shard := Shard(experiment, share)).folder.is_dir()]


def entries(version: Version) -> Iterator[Entry]:
    """Yield the entries of a shard in order; raises `DifferenceError` where the file is damaged."""
    for _, entry in located_entries(version):
        yield entry


def located_entries(version: Version) -> Iterator[tuple[int, Entry]]:
    """Yield the entries of a shard in order, each with its offset in the file, for `EntryFile`."""
    path = version.folder / ENTRIES
    offset = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                yield offset, _entries.decode(line)
                offset += len(line)
    except (OSError, msgspec.DecodeError) as error:
        raise _damaged(path, error) from None


class EntryFile:
    """The entries of a shard by their offsets; a context manager."""

    def __init__(self, version: Version) -> None:
        self._path = version.folder / ENTRIES
        self._file = self._path.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def at(self, offset: int) -> Entry:
        """Return the entry at `offset`."""
        try:
            if self._file.tell() != offset:  # most are read in order
                self._file.seek(offset)
            return _entries.decode(self._file.readline())
        except (OSError, msgspec.DecodeError) as error:
            raise _damaged(self._path, error) from None


def shard_versions(experiment: Path) -> list[Version]:
    """Return what the whole shards of an experiment's folder left."""
    return [version for shard in shards(experiment) if (version := shard.version()) is not None]


def waiting(experiment: Path) -> list[str]:
    """Return a sentence for each array job whose shards wait for `tomdich merge`."""
    counts = Counter(shard.share.of for shard in shards(experiment) if shard.version() is not None)
    return [
        f"{experiment.name}: {count} of {of} shards wait for `tomdich merge {experiment.name} --shards {of}`"
        for of, count in sorted(counts.items())
    ]


def having_shards(outputs: Path) -> list[Path]:
    """Return the folders of the experiments that have a shard, by name."""
    if not outputs.is_dir():
        return []
    return sorted(entry for entry in outputs.iterdir() if not entry.name.startswith(".") and shards(entry))


def _damaged(path: Path, error: Exception) -> DifferenceError:
    return DifferenceError(f"{path}: cannot be read: {error}; run the shard again")
