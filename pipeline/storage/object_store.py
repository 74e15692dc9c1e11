"""Keep the versions of a folder of outputs in an object store: `--outputs s3://bucket/prefix`.

Every command works on a *working copy*: a local folder of outputs in the cache, which has a file `.remote` with the
address. It holds the lock, the staging folder, the memo and the index of published articles, and of each version in
the store the manifest; the other files of a version are fetched when they are read, and checked against the manifest.
So nothing above `storage` knows of object stores, and what needs a disk (SQLite, flock, rename) has one. A second
implementation of the whole storage, for keys in place of paths, would have had to give all of that up or build it
again.

The promise is that of a disk: a version that is visible is complete. A store has no rename, so a version is visible
when its `manifest.json` is there: that is uploaded last and deleted first. Each upload and each deletion has a marker,
`<name>/.unfinished/<version>`. The upload's source is a complete version in the working copy, so the next holder of the
lock completes what a killed process began, from the start. Markers of machines that never return are cleared, with
the files, after `ABANDONED`.

There is no lock between machines. Two that publish the same name at once both publish: each version is whole and has a
name of its own, because a name is claimed by creating its marker, which only one of two can. `latest` is a small object
with a version's name, written after every change until it agrees with the listing after it: the last writer has seen
every version before. With `--only-new`, an article that both machines read is in both versions.

Keys:
    <prefix>/<name>/<version>/…      <prefix>/<name>/latest      <prefix>/<name>/.unfinished/<version>
    <prefix>/<name>/.labels/<version>.json    of two machines that edit the labels of one version at once, the last wins
    <prefix>/.withdrawn/…            the list of withdrawn articles, a line an object: of two writers none loses one
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.errors import DifferenceError, UsageError, WorldError
from pipeline.ids import file_digest, text_digest
from pipeline.storage.atomic import TEMPORARY, write_atomically

_log = logging.getLogger(__name__)

SCHEME = "s3://"
REMOTE = ".remote"
MANIFEST = "manifest.json"
WITHDRAWN = ".withdrawn"
LABELS = ".labels"
ABANDONED = timedelta(days=7)  # an upload without a new object for so long has ended
KEPT = timedelta(days=7)  # files of an older version that were fetched or read within it stay in the working copy
_UNFINISHED = ".unfinished"
_ETAGS = ".etags"  # in the working copy: the manifests and labels that it holds, by path, with the store's tag of each
_LATEST = "latest"
_TRIES = 3
_BLOCK = 2**20  # bytes
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})  # S3's answers to a second claim


def working_copy(address: str, *, cache: Path) -> Path:
    """Return the working copy of the outputs at `address`, made if absent; the store is not asked.

    Raises `UsageError` for an address that is not `s3://bucket/prefix`.
    """
    bucket, _, prefix = address.removeprefix(SCHEME).rstrip("/").partition("/")
    parts = prefix.split("/") if prefix else []
    if not address.startswith(SCHEME) or not bucket or any(part in {"", ".", ".."} for part in parts):
        raise UsageError(f"--outputs {address}: write a folder, or s3://bucket/prefix")
    url = "/".join((f"{SCHEME}{bucket}", *parts))
    copy = cache / "outputs" / f"{quote(bucket)}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    if of(copy) is None:
        copy.mkdir(parents=True, exist_ok=True)
        write_atomically(copy / REMOTE, json.dumps({"url": url, "id": secrets.token_hex(8)}) + "\n")
    return copy


def of(outputs: Path) -> ObjectStore | None:
    """Return the store that a folder of outputs is a working copy of; None where it is none."""
    try:
        remote = json.loads((outputs / REMOTE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise WorldError(f"{outputs / REMOTE}: cannot be read: {error}; remove it, and run again") from None
    return ObjectStore(remote["url"], outputs, f"{remote['id']}@{socket.gethostname()}")


def without_address(name: str, where: str) -> str:
    """Return the name of a version, without the address of the outputs at `where`, with which it may begin."""
    if name.startswith(SCHEME) and not name.startswith(f"{where}/"):
        raise UsageError(f"{name}: is not in --outputs {where}; give --outputs s3://bucket/prefix, and name/version")
    return name.removeprefix(f"{where}/") if name.startswith(SCHEME) else name


def require_folder(outputs: Path, what: str) -> None:
    """Raise `UsageError` where `what` needs a folder that all its jobs share, and outputs are in a store."""
    if of(outputs) is not None:
        raise UsageError(f"{what}: needs a folder that all jobs share, and --outputs is {shown(outputs)}: give one")


def shown(outputs: Path) -> str:
    """Return where outputs are published, for a message: the address of the store, else the folder."""
    store = of(outputs)
    return str(outputs) if store is None else store.url


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """An object store and its working copy. Every method raises `WorldError` where the store cannot be used."""

    url: str  # without a slash at the end
    copy: Path
    owner: str  # of markers: the working copy and the machine

    def refresh(self, name: str | None = None) -> list[Path]:
        """Bring the manifests of the working copy up to date, of one experiment or of all; return their folders.

        Versions that the store no longer has are removed from it. Needs no lock.
        """
        listed: dict[str, dict[str, str]] = {} if name is None else {name: {}}
        within = "" if name is None else f"{name}/"
        for key, info in self._list(name or "").items():
            experiment, _, path = f"{within}{key}".partition("/")
            above, _, file = path.partition("/")
            if (file == MANIFEST or (above == LABELS and file)) and not experiment.startswith("."):
                listed.setdefault(experiment, {})[path] = str(info.get("ETag", info.get("LastModified")))
        if name is None:
            listed |= {path.parent.name: {} for path in self.copy.glob(f"*/{_ETAGS}") if path.parent.name not in listed}
        for experiment, tags in listed.items():
            self._refresh(self.copy / experiment, tags)
        self._refresh_withdrawn()
        return [self.copy / experiment for experiment, tags in listed.items() if tags]

    def _refresh(self, folder: Path, tags: dict[str, str]) -> None:
        held = _held(folder)
        for path in held.keys() - tags.keys():
            _discard(folder / path)
        for path, tag in tags.items():
            if held.get(path) != tag or not (folder / path).exists():
                self.pull(folder / path)
        if tags != held and folder.is_dir():
            write_atomically(folder / _ETAGS, json.dumps(tags))

    def pull(self, path: Path) -> None:
        """Take a manifest or labels into the working copy, unless the store does not have them."""
        content = self._read(path.relative_to(self.copy).as_posix())
        if content is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == MANIFEST and path.exists():
            _drop_changed(path, content)
        write_atomically(path, content.decode())

    def push(self, path: Path) -> None:
        """Write labels from the working copy into the store."""
        self._write(path.relative_to(self.copy).as_posix(), path.read_bytes())

    def _refresh_withdrawn(self) -> None:
        held = {text_digest(line): line for line in self._withdrawn()}
        listed = self._list(WITHDRAWN)
        for key in listed.keys() - held.keys():
            held[key] = (self._read(f"{WITHDRAWN}/{key}") or b"").decode()
        lines = sorted(line for key, line in held.items() if key in listed and line)
        if lines != self._withdrawn():
            write_atomically(self.copy / WITHDRAWN, "".join(f"{line}\n" for line in lines))

    def _withdrawn(self) -> list[str]:
        """Return the lines of the list of withdrawn articles in the working copy."""
        try:
            return (self.copy / WITHDRAWN).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def fetch(self, folder: Path, file: dict[str, Any]) -> None:
        """Fetch a file of a version into the working copy, unless it is there; `file` is its entry in the manifest.

        Raises `DifferenceError` where the store has other bytes than the manifest says.
        """
        os.utime(folder)
        at = folder / file["path"]
        if at.is_file() and at.stat().st_size == file["bytes"]:
            return
        key = f"{folder.parent.name}/{folder.name}/{file['path']}"
        at.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.parent / f"{TEMPORARY}{secrets.token_hex(4)}"
        try:
            with self._reaching():
                self._system().get_file(self._key(key), str(partial))
            if partial.stat().st_size != file["bytes"] or file_digest(partial) != file["sha256"]:
                raise DifferenceError(
                    f"{self.url}/{key}: changed since it was published; `tomdich verify` lists what did"
                )
            partial.replace(at)
        except FileNotFoundError:
            raise DifferenceError(f"{self.url}/{key}: missing; `tomdich verify` lists what is") from None
        finally:
            partial.unlink(missing_ok=True)

    def files(self, folder: Path) -> dict[str, int]:
        """Return the files of a version in the store, with their bytes."""
        return {key: int(info["size"]) for key, info in self._list(f"{folder.parent.name}/{folder.name}").items()}

    def digest(self, folder: Path, path: str) -> str:
        """Return the SHA-256 of a file of a version in the store."""
        running = hashlib.sha256()
        key = self._key(f"{folder.parent.name}/{folder.name}/{path}")
        with self._reaching(), self._system().open(key, "rb", cache_type="readahead") as remote:
            while block := remote.read(_BLOCK):
                running.update(block)
        return running.hexdigest()

    def claim(self, folder: Path) -> bool:
        """Return whether this machine now has the name of a version for itself, by creating its marker."""
        experiment, version = folder.parent.name, folder.name
        if not self._create(f"{experiment}/{_UNFINISHED}/{version}", self._marker()):
            return False
        if self._read(f"{experiment}/{version}/{MANIFEST}") is None:
            return True
        self._delete([f"{experiment}/{_UNFINISHED}/{version}"])  # published since it was listed
        return False

    def upload(self, source: Path, folder: Path) -> None:
        """Publish the complete version in `source` as the version at `folder`, its manifest last.

        What is there under this name is deleted before, its manifest first, unless it is this very version.
        """
        key = f"{folder.parent.name}/{folder.name}"
        manifest = (source / MANIFEST).read_bytes()
        if self._read(f"{key}/{MANIFEST}") != manifest:
            sizes = {
                path.relative_to(source).as_posix(): path.stat().st_size
                for path in sorted(source.rglob("*"))
                if path.is_file() and path != source / MANIFEST
            }
            _log.info(f"uploading {len(sizes) + 1} files, {sum(sizes.values()) / 1e6:.1f} MB, to {self.url}/{key}")
            self._write(f"{folder.parent.name}/{_UNFINISHED}/{folder.name}", self._marker())
            self._delete_version(key)
            for _ in range(_TRIES):  # another machine clears an upload that made no progress for days
                there = self.files(folder)
                missing = [path for path, size in sizes.items() if there.get(path) != size]
                if not missing:
                    break
                for path in missing:
                    self._put(source / path, f"{key}/{path}")
            else:
                raise WorldError(f"{self.url}/{key}: does not keep what is uploaded ({missing[0]}); run it again")
            self._write(f"{key}/{MANIFEST}", manifest)
        self._delete([f"{folder.parent.name}/{_UNFINISHED}/{folder.name}"])
        held = _held(folder.parent) | {f"{folder.name}/{MANIFEST}": ""}  # so that it goes when the store has it no more
        write_atomically(folder.parent / _ETAGS, json.dumps(held))

    def remove(self, folder: Path) -> None:
        """Delete a version and its labels from the store, its manifest first."""
        marker = f"{folder.parent.name}/{_UNFINISHED}/{folder.name}"
        self._write(marker, self._marker())
        self._delete_version(f"{folder.parent.name}/{folder.name}")
        self._delete([f"{folder.parent.name}/{LABELS}/{folder.name}.json", marker])

    def clear(self, folder: Path) -> None:
        """Delete what uploads and deletions that have ended left; needs the lock, and no upload left to complete.

        These are those of this working copy, and those of others that made no progress for `ABANDONED`.
        """
        name = folder.name
        listed = self._list(name)
        for key in listed:
            if not key.startswith(f"{_UNFINISHED}/"):
                continue
            version = key.removeprefix(f"{_UNFINISHED}/")
            marker = self._read(f"{name}/{key}")
            files = [file for file in listed if file.startswith(f"{version}/")]
            touched = max(_modified(listed[one]) for one in (key, *files))
            if marker is None or not (_owner(marker) == self.owner or datetime.now(UTC) - touched > ABANDONED):
                continue
            if _owner(marker) != self.owner:
                _log.warning(f"{self.url}/{name}/{version}: {_owner(marker)} left it unfinished; it is deleted")
            if f"{version}/{MANIFEST}" not in listed:  # else the version is whole: it is deleted by its manifest first
                self._delete_version(f"{name}/{version}")
            self._delete([f"{name}/{key}"])

    def evict(self, folder: Path, *, keep: str | None) -> None:
        """Remove the files of versions that nobody has read for `KEPT` from the working copy, but of `keep`."""
        for version in _versions(folder):
            if version.name == keep or time.time() - version.stat().st_mtime < KEPT.total_seconds():
                continue
            for path in version.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != MANIFEST:
                    path.unlink()

    def put_latest(self, name: str, version: str) -> bool:
        """Write `latest`; return False where it leads to `version` already."""
        if self._read(f"{name}/{_LATEST}") == f"{version}\n".encode():
            return False
        self._write(f"{name}/{_LATEST}", f"{version}\n".encode())
        return True

    def withdraw(self, line: str) -> None:
        """Add a line to the list of withdrawn articles, in the store and in the working copy."""
        self._write(f"{WITHDRAWN}/{text_digest(line)}", line.encode())
        self._refresh_withdrawn()

    def require_writable(self, name: str) -> None:
        """Raise `WorldError` where an object cannot be written and deleted."""
        probe = f"{name}/{_UNFINISHED}/.probe-{secrets.token_hex(4)}"
        self._write(probe, self._marker())  # as of an upload, so that `clear` removes it after a kill
        self._delete([probe])

    def _marker(self) -> bytes:
        return json.dumps({"owner": self.owner, "at": datetime.now(UTC).isoformat(timespec="seconds")}).encode()

    def _list(self, under: str) -> dict[str, dict[str, Any]]:
        """Return the objects below a key, by the rest of their keys."""
        root = self._key(under)
        with self._reaching():
            found: dict[str, dict[str, Any]] = self._system().find(root, detail=True)
        return {key.removeprefix(f"{root}/"): info for key, info in found.items() if key.startswith(f"{root}/")}

    def _read(self, key: str) -> bytes | None:
        with self._reaching():
            try:
                content: bytes = self._system().cat_file(self._key(key))
            except FileNotFoundError:
                return None
            return content

    def _write(self, key: str, content: bytes) -> None:
        with self._reaching():
            self._system().pipe_file(self._key(key), content)

    def _create(self, key: str, content: bytes) -> bool:
        """Write an object, unless there is one; return whether it was written."""
        with self._reaching():
            try:
                self._system().pipe_file(self._key(key), content, mode="create")
            except FileExistsError:
                return False
            except OSError as error:
                answer = getattr(error.__cause__, "response", {})
                if answer.get("Error", {}).get("Code") in _TAKEN:
                    return False
                raise
            return True

    def _put(self, path: Path, key: str) -> None:
        with self._reaching():
            self._system().put_file(str(path), self._key(key))

    def _delete(self, keys: Iterable[str]) -> None:
        with self._reaching():
            for key in keys:
                self._system().rm_file(self._key(key))

    def _delete_version(self, key: str) -> None:
        """Delete all objects of a version, its manifest first, and the parts of uploads that were cut off."""
        there = sorted(self._list(key), key=lambda path: path != MANIFEST)
        self._delete(f"{key}/{path}" for path in there)
        bucket, _, prefix = self._key(key).partition("/")
        with suppress(OSError, *_client_errors()):  # where it is refused, a lifecycle rule of the bucket has to do it
            system = self._system()
            uploads = system.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/").get("Uploads", ())
            for one in uploads:
                system.call_s3("abort_multipart_upload", Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])

    def _key(self, key: str) -> str:
        return "/".join(filter(None, (self.url.removeprefix(SCHEME), key)))

    def _system(self) -> Any:  # noqa: ANN401 - a file system of fsspec
        return _file_system(os.getpid())

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn what the client of the store raises into a `WorldError` that names the address and the remedy."""
        try:
            yield
        except ImportError as error:
            raise UsageError(f"{self.url}: {error}; install tomdich[s3]") from None
        except FileNotFoundError:
            if not self._has_bucket():
                bucket = self.url.removeprefix(SCHEME).partition("/")[0]
                raise WorldError(f"{self.url}: there is no bucket {bucket}; create it, or correct --outputs") from None
            raise
        except PermissionError as error:
            raise WorldError(
                f"{self.url}: access is refused: {error}; the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role) "
                "need to list, read, write and delete there"
            ) from None
        except _client_errors() as error:
            raise WorldError(
                f"{self.url}: cannot be used: {error}; are the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role) "
                "and AWS_ENDPOINT_URL right, and is the network up? Then run it again"
            ) from None
        except OSError as error:
            if error.errno == errno.ENOSPC:  # of the working copy
                raise WorldError(
                    f"{self.copy}: {error.strerror}; files of {self.url} are kept there: free some space, or set "
                    "TOMDICH_CACHE to a folder on another disk"
                ) from None
            raise WorldError(f"{self.url}: {error}; run it again") from None

    def _has_bucket(self) -> bool:
        with suppress(OSError, *_client_errors()):
            self._system().call_s3("head_bucket", Bucket=self.url.removeprefix(SCHEME).partition("/")[0])
            return True
        return False


@cache
def _file_system(process: int) -> Any:  # noqa: ANN401, ARG001 - a file system of fsspec; of each process, for its connections
    import s3fs

    return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


def _client_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the client that are not an `OSError`; imports nothing."""
    module = sys.modules.get("botocore.exceptions")
    return () if module is None else (module.BotoCoreError, module.ClientError)


def _modified(info: dict[str, Any]) -> datetime:
    modified = info["LastModified"]
    assert isinstance(modified, datetime)
    return modified


def _owner(marker: bytes) -> str:
    try:
        return str(json.loads(marker)["owner"])
    except (ValueError, KeyError, TypeError):
        return "another program"


def _held(folder: Path) -> dict[str, str]:
    """Return the manifests and labels of an experiment in the working copy, with the store's tag of each."""
    try:
        held: dict[str, str] = json.loads((folder / _ETAGS).read_bytes())
    except (OSError, ValueError):
        return dict.fromkeys((f"{version.name}/{MANIFEST}" for version in _versions(folder)), "")
    return held


def _versions(folder: Path) -> list[Path]:
    """Return the versions of an experiment in the working copy, whole or not; `latest` is a link to one."""
    found = (path.parent for path in folder.glob(f"[!.]*/{MANIFEST}"))
    return [version for version in found if not version.is_symlink()]


def _discard(path: Path) -> None:
    """Remove labels, or a version, from the working copy: its manifest first, as a reader sees it by that."""
    with suppress(FileNotFoundError):
        path.unlink()
        if path.name == MANIFEST:
            shutil.rmtree(path.parent)


def _drop_changed(old: Path, manifest: bytes) -> None:
    """Remove the files of a version that differ from its new manifest; they are fetched when they are read."""
    with suppress(ValueError, KeyError, TypeError):
        listed = {(one["path"], one["sha256"]) for one in json.loads(manifest)["files"]}
        for one in json.loads(old.read_bytes())["files"]:
            if (one["path"], one["sha256"]) not in listed:
                (old.parent / one["path"]).unlink(missing_ok=True)
