"""Download a model from the Hugging Face hub and verify the digest of every file.

The revision is resolved to a commit first, and only the folder of that commit is read. `huggingface_hub` compares
sizes only; this module compares digests: with those that the hub declares at the download, later with the saved ones.
Only the files in `files` are downloaded, and one set of weights, safetensors if there is a choice.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import UNKNOWN_LICENSE
from pipeline.checkpoints.files import CONFIGS, TOKENIZERS, read_json, remembered_digest, shards, weights_entry
from pipeline.errors import ModelError, UsageError, WorldError
from pipeline.storage.atomic import write_atomically
from pipeline.storage.disk_errors import describe, path_of

_log = logging.getLogger(__name__)

COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_REMEDY = "set HF_HOME to a folder for downloads that this account can write, with room for the checkpoint"
_WANTED = (*CONFIGS, *TOKENIZERS, "README.md")


class NotThereError(ModelError):
    """The checkpoint is not on this machine, and could not or should not be downloaded."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one commit of a model."""

    folder: Path
    commit: str


def snapshot(
    name: str,
    *,
    revision: str | None,
    cache: Path,
    local: bool = False,
    approve: Callable[[str], None] | None = None,
) -> Snapshot:
    """Return the verified files of a model at `revision` (a commit, a branch, or None for the main branch).

    With `local`, or offline (HF_HUB_OFFLINE), or for a commit whose files are all in the cache, the hub is not queried.
    `approve` gets the license on the model's card before the download, and may raise. Raises `NotThereError` if the
    model is not available, `ModelError` for a file that differs from the one that the hub declared.
    """
    from huggingface_hub import constants

    if not _NAME.fullmatch(name):
        raise NotThereError(f"{name}: is not a valid model name; write a folder as ./{name}")
    offline = local or constants.is_offline_mode()
    pinned = revision is not None and COMMIT.fullmatch(revision) is not None
    if offline or pinned:
        found = _cached(name, revision=revision, cache=cache)
        if found is not None:
            return found
    if offline:
        why = " and HF_HUB_OFFLINE is set" if constants.is_offline_mode() else ""
        raise NotThereError(
            f"{name}: is not in the local cache{_at(revision)}{why}; run `tomdich models pull {name}` "
            "with a network connection, or give the folder of a copy"
        )
    return _fetch(name, revision=revision, cache=cache, approve=approve)


def can_be_fetched(name: str) -> bool:
    """Return whether `name` is a valid hub name and the hub may be used (HF_HUB_OFFLINE is not set)."""
    from huggingface_hub import constants

    return _NAME.fullmatch(name) is not None and not constants.is_offline_mode()


def resolve(name: str, *, revision: str | None = None) -> str:
    """Return the current commit of `revision`; queries the hub."""
    return _ask(name, revision=revision).commit


def cached_commits(name: str) -> list[str]:
    """Return the commits of a model that are complete in the local cache of the hub."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "snapshots"
    return sorted(path.name for path in folder.iterdir() if _is_whole(path)) if folder.is_dir() else []


def _is_whole(folder: Path) -> bool:
    """Return whether a snapshot has its config and a complete set of weights; a broken symbolic link does not count."""
    names = {path.name for path in folder.iterdir() if path.exists()}
    entry = weights_entry(names)
    if entry is None or "config.json" not in names:
        return False
    return not entry.endswith(".index.json") or names.issuperset(shards(read_json(folder / entry), where=str(folder)))


def _cached(name: str, *, revision: str | None, cache: Path) -> Snapshot | None:
    """Return the snapshot in the local cache if it is complete, else None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=list(_WANTED)))
    except LocalEntryNotFoundError:  # also raised for a snapshot that the library knows to be incomplete
        return None
    if not _is_whole(folder):
        return None
    _verify(name, folder, declared=None, cache=cache)
    return Snapshot(folder, folder.name)


def _fetch(
    name: str,
    *,
    revision: str | None,
    cache: Path,
    approve: Callable[[str], None] | None,
) -> Snapshot:
    """Query the hub, download the files that are missing, and return the snapshot."""
    from huggingface_hub import constants, hf_hub_download, snapshot_download

    if constants.HF_HUB_CACHE.startswith("~"):
        raise UsageError(f"HOME is not set and this account has no home folder; {_HUB_REMEDY}")
    try:
        listing = _ask(name, revision=revision)
    except _UnreachableError as error:
        found = _cached(name, revision=revision, cache=cache)
        if found is None:
            raise
        _log.warning(f"{error}; using {found.commit} from the local cache")
        return found
    if approve is not None:
        approve(listing.license)
    commit, siblings = listing.commit, listing.digests
    entry = weights_entry(siblings.keys())
    if entry is None or "config.json" not in siblings:
        raise ModelError(
            f"{name}: has no config.json with PyTorch weights at {commit}, so it cannot be run; choose another model"
        )
    wanted = [entry, *(file for file in _WANTED if file in siblings)]
    try:
        if entry.endswith(".index.json"):
            index = hf_hub_download(name, entry, revision=commit)
            wanted += shards(read_json(Path(index)), where=f"{name}/{entry}")
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except (_http_error(), OSError) as error:
        if isinstance(error, OSError) and (path_of(error) is not None or error.errno == errno.ENOSPC):
            raise WorldError(f"{describe(error, folder=Path(constants.HF_HUB_CACHE))}; {_HUB_REMEDY}") from error
        raise NotThereError(f"{name}: the download failed ({error}); run again: complete files are kept") from error
    if folder.name != commit:  # the branch moved between the two requests
        return _fetch(name, revision=revision, cache=cache, approve=approve)
    _verify(name, folder, declared={file: siblings[file] for file in wanted}, cache=cache)
    return Snapshot(folder, commit)


class _UnreachableError(NotThereError):
    """The hub did not answer."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The hub's answer about a model at one commit."""

    commit: str
    license: str
    digests: dict[str, str]  # by file name: SHA-256 of LFS files, which all weights are; git blob id of others


def _ask(name: str, *, revision: str | None) -> _Listing:
    """Query the hub about `revision`."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    page = f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/{name}"
    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=_TIMEOUT)
    except GatedRepoError:
        raise ModelError(
            f"{name}: is gated; accept its terms at {page}, then log in with `hf auth login` or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"{name}: has no revision {revision!r}; its commits are at {page}/commits/main") from None
    except RepositoryNotFoundError:
        raise NotThereError(f"{name}: the hub has no such model, or it is private (log in)") from None
    except HfHubHTTPError as error:
        raise _UnreachableError(f"{name}: the hub answered {error.response.status_code}; try again later") from None
    except (_http_error(), OSError) as error:
        raise _UnreachableError(f"{name}: the hub cannot be reached ({type(error).__name__}: {error})") from None
    assert info.sha is not None
    license_name = info.card_data.get("license") if info.card_data is not None else None
    digests = {file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id or "" for file in info.siblings or []}
    return _Listing(info.sha, str(license_name or UNKNOWN_LICENSE), digests)


_TIMEOUT = 20.0  # seconds for the hub's first answer


def _http_error() -> type[Exception]:
    """Return the base exception of the HTTP client, which differs between versions of huggingface_hub."""
    from huggingface_hub import errors

    kind: type[Exception] = errors.HTTPError  # type: ignore[attr-defined] # imported there, not declared
    return kind


def _verify(name: str, folder: Path, *, declared: dict[str, str] | None, cache: Path) -> None:
    """Raise `ModelError` for a file of the snapshot whose digest differs from the one declared by the hub or saved.

    Without either, the name of the blob is compared: the cache of the hub names files by their declared digest.
    """
    note = cache / "hub" / f"{name.replace('/', '--')}@{folder.name}.json"
    known = {str(file): str(sha) for file, sha in read_json(note).items()}
    expected = {**known, **(declared or {})}
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        real = path.resolve()
        want = expected.get(path.name) or (real.name if _DIGEST.fullmatch(real.name) else None)
        if want is None:
            continue
        have = _git_blob_id(real) if len(want) == _GIT_DIGITS else remembered_digest(real, cache=cache)
        if have != want:
            raise ModelError(
                f"{name}: {path.name} is not the file the hub declared: its digest is {have}, declared is {want}. "
                f"It was damaged by the download or changed later. Delete {real} and run `tomdich models pull {name}`"
            )
        found[path.name] = want
    if found != known:
        write_atomically(note, json.dumps(found, indent=1))


_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_GIT_DIGITS = 40


def _git_blob_id(path: Path) -> str:
    """Return the id of the file as a git blob: the SHA-1 of a header and the content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _at(revision: str | None) -> str:
    return f" at {revision}" if revision else ""
