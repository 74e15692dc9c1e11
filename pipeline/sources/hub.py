"""Stream a Hugging Face dataset: by its name on the hub, or from a local folder.

A dataset of the hub is read at one commit, which is resolved first and is its digest. The digest of a local folder is
computed from its files. No code of a dataset is run.
"""

from __future__ import annotations

import glob
import hashlib
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, cast

from pipeline import ids
from pipeline.config import Source, is_folder_name
from pipeline.errors import SourceError, UnavailableError
from pipeline.secrets import expand_env
from pipeline.sources import files
from pipeline.sources.articles import BadRow, Row
from pipeline.storage.disk_errors import temporary_folder
from pipeline.storage.names import as_on_disk
from pipeline.storage.user_folders import expand_home

Stamp: TypeAlias = tuple[tuple[str, int, int, int], ...]  # of each file: name, size, mtime, inode


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset, opened."""

    name: str  # as recorded
    digest: str  # the hub's commit, or the SHA-256 of the local files' digests
    bytes: int  # of the local files; 0 where the hub keeps them
    columns: list[str] | None  # None: each row names its own
    rows: Iterator[Row | BadRow]
    folder: Path | None  # of a local one
    stamp: Stamp  # of its files when it was opened

    def changed(self) -> bool:
        """Return whether one of its files has changed since it was opened."""
        return self.folder is not None and _stamp(self.folder) != self.stamp


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """The folder of a local dataset, and a path under which the `datasets` library reads it.

    The library takes `[`, `*` and `?` in the path of a folder for a pattern, after it has followed links: there,
    `readable` is a folder of links to the files.
    """

    folder: Path
    readable: Path


def name_of(source: Source) -> str:
    """Return the name that is recorded with a dataset's articles: dataset, subset and split."""
    subset = f"/{source.subset}" if source.subset else ""
    return f"{source.dataset}{subset}#{source.split}"


@contextmanager
def local_folder(source: Source) -> Iterator[LocalFolder | None]:
    """Give the folder of a local dataset, for as long as it is read; None for a dataset of the hub.

    Raises `SourceError` where the folder does not exist.
    """
    assert source.dataset is not None
    written = expand_env(source.dataset)
    folder = expand_home(as_on_disk(written))
    if not folder.is_dir():
        if is_folder_name(written):
            raise SourceError(f"{source.dataset}: no such folder; a dataset is a folder or a name on the hub")
        yield None
        return
    if not glob.has_magic(str(folder.resolve())):
        yield LocalFolder(folder, folder)
        return
    with tempfile.TemporaryDirectory(prefix="tomdich-", dir=temporary_folder()) as mirror:
        for path in _inside(folder):
            link = Path(mirror) / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
        try:
            yield LocalFolder(folder, Path(mirror))
        except SourceError as error:
            raise type(error)(str(error).replace(mirror, str(folder))) from None


def open_dataset(source: Source, local: LocalFolder | None, *, wanted: Collection[str]) -> Dataset:
    """Return the dataset of `source`, its rows with those columns that are `wanted`; `local`: see `local_folder`.

    Raises `SourceError` where it, its subset or its split does not exist, or the hub does not answer.
    """
    datasets = _library()
    assert source.dataset is not None
    name = name_of(source)
    stamp = () if local is None else _stamp(local.folder)
    with _reading(name):
        digest, size = (_commit(source), 0) if local is None else _folder_digest(local.folder)
    stream: Any  # Dataset and IterableDataset have no common type
    with _reading(name):
        if local is None:
            stream = _streamed(datasets, expand_env(source.dataset), source, digest)
        elif any((local.folder / file).exists() for file in ("state.json", "dataset_dict.json")):
            stream = _saved(datasets.load_from_disk(str(local.folder)), source, name)
        else:
            stream = _streamed(datasets, str(local.readable), source, None)
        columns: list[str] | None = stream.column_names
        if columns is not None:
            stream = stream.select_columns([column for column in columns if column in wanted])
    return Dataset(name, digest, size, columns, _rows(stream, name), None if local is None else local.folder, stamp)


def _streamed(datasets: ModuleType, place: str, source: Source, revision: str | None) -> Any:  # noqa: ANN401 - see open_dataset
    """Return a stream of the rows with the columns that each file has.

    `datasets` expects the columns of the first file in all of them, and refuses a later file with one more. Without
    its features it casts nothing, and each row names its own columns.
    """
    builder = datasets.load_dataset_builder(place, source.subset, revision=revision)
    stream = builder.as_streaming_dataset(split=source.split)
    builder.info.features = stream.info.features = None
    return stream


def _library() -> ModuleType:
    """Return the `datasets` library, imported without torch, which it does not need here and which takes seconds."""
    before = os.environ.get("USE_TORCH")
    os.environ["USE_TORCH"] = "0"
    try:
        import datasets
    finally:
        if before is None:
            del os.environ["USE_TORCH"]
        else:
            os.environ["USE_TORCH"] = before
    return cast("ModuleType", datasets)


def _rows(stream: Iterable[dict[str, object]], name: str) -> Iterator[Row | BadRow]:
    index = 0
    rows = iter(stream)
    while True:
        with _reading(f"{name}: row {index + 1}"):
            values = next(rows, None)
        if values is None:
            return
        yield Row(index, f"row {index + 1}", values)
        index += 1


def _saved(saved: Any, source: Source, name: str) -> Any:  # noqa: ANN401 - see open_dataset
    """Return the split of a dataset that `save_to_disk` wrote."""
    if not isinstance(saved, dict):  # a DatasetDict is one
        return saved
    if source.split not in saved:
        raise SourceError(f"{name}: no such split; it has {', '.join(map(str, saved))}")
    return saved[source.split]


def _commit(source: Source) -> str:
    """Return the commit that the dataset's revision names now."""
    from huggingface_hub import HfApi

    with _reading(f"{source.dataset}"):
        assert source.dataset is not None
        return str(HfApi().dataset_info(expand_env(source.dataset), revision=source.revision).sha)


def _folder_digest(folder: Path) -> tuple[str, int]:
    """Return the SHA-256 of the files of `folder`, their names among them, and their bytes in all."""
    running = hashlib.sha256()
    size = 0
    for path in _inside(folder):
        running.update(
            f"{path.relative_to(folder).as_posix()}\0{ids.file_digest(path)}\n".encode(errors="surrogateescape")
        )
        size += path.stat().st_size
    return running.hexdigest(), size


def _inside(folder: Path) -> list[Path]:
    """Return the files of a dataset's folder, in order, less the hidden ones."""

    def shows(path: Path) -> bool:
        return not any(part.startswith(".") for part in path.relative_to(folder).parts)

    return [path for path in sorted(folder.rglob("*")) if shows(path) and path.is_file()]


def _stamp(folder: Path) -> Stamp:
    stats = []
    for path in _inside(folder):
        with suppress(OSError):  # gone meanwhile
            status = path.stat()
            stats.append((str(path), status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(stats)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what `datasets`, the hub's client and Arrow raise into a `SourceError` that names the dataset."""
    import pyarrow as pa
    from datasets.exceptions import DatasetsError

    # the hub's client is httpx or httpx2, by its version
    clients = tuple(sys.modules[module].HTTPError for module in ("httpx", "httpx2") if module in sys.modules)
    try:
        yield
    except (OSError, ValueError, OverflowError, KeyError, DatasetsError, pa.ArrowException, *clients) as error:
        cause = error.__cause__ or error.__context__ or error
        message = f"{error}" if cause is error or str(cause) in str(error) else f"{error} ({cause})"
        # other errors: an unknown split or subset, or data that do not match the dataset's description
        is_unavailable = isinstance(error, (OSError, *clients)) and not isinstance(error, ValueError)
        kind = UnavailableError if is_unavailable else SourceError
        raise kind(f"{name}: cannot be read: {files.hidden(' '.join(message.split()), name)}") from None
