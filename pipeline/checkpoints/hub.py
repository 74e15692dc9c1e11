"""The Hugging Face hub: a name and a revision become a folder whose every file is the one the hub declared.

The commit is resolved first, and only that commit's folder is read. `huggingface_hub` compares sizes; digests are
compared here: with what the hub declares on the first visit, with what was remembered then on every later one. Only
the files that matter are fetched, and one set of weights, safetensors where there is a choice.
"""

from __future__ import annotations

import errno
import hashlib
import json
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

COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_REMEDY = "set HF_HOME to a folder for downloads that this account can write, with room for the checkpoint"
_WANTED = (*CONFIGS, *TOKENIZERS, "README.md")


class NotThereError(ModelError):
    """The checkpoint is not on this machine, and could not or should not be fetched."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit of a model, on disk."""

    folder: Path
    commit: str


def snapshot(
    name: str,
    *,
    revision: str | None,
    cache: Path,
    warn: Callable[[str], None],
    local: bool = False,
    approve: Callable[[str], None] | None = None,
) -> Snapshot:
    """Return the model's files at `revision` (a commit, a branch or None for the main branch), digests compared.

    With `local`, or offline (HF_HUB_OFFLINE), or for a commit whose files are all here, nothing is asked of the hub.
    `approve` is given the licence on the model's card before anything is downloaded, and may raise.
    Raises `NotThereError` where the model cannot be had, `ModelError` for a file that is not what the hub declared.
    """
    from huggingface_hub import constants

    if not _NAME.fullmatch(name):
        raise NotThereError(f"{name}: is not the name of a model; write a folder as ./{name}")
    offline = local or constants.is_offline_mode()
    pinned = revision is not None and COMMIT.fullmatch(revision) is not None
    if offline or pinned:
        found = _cached(name, revision=revision, cache=cache)
        if found is not None:
            return found
    if offline:
        why = " and HF_HUB_OFFLINE is set" if constants.is_offline_mode() else ""
        raise NotThereError(
            f"{name}: is not in the local cache{_at(revision)}{why}; fetch it with `tomdich models pull {name}` where "
            "there is a network, or give the folder of a copy"
        )
    return _fetch(name, revision=revision, cache=cache, warn=warn, approve=approve)


def may_be_fetched(name: str) -> bool:
    """Return whether a model that is not on this machine could be downloaded: it has a hub name, and hub use is on."""
    from huggingface_hub import constants

    return _NAME.fullmatch(name) is not None and not constants.is_offline_mode()


def resolve(name: str, *, revision: str | None = None) -> str:
    """Return the commit that `revision` of the model is now; asks the hub."""
    return _ask(name, revision=revision).commit


def cached_commits(name: str) -> list[str]:
    """Return the commits of a model that the hub's cache on this machine holds with their weights."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "snapshots"
    return sorted(path.name for path in folder.iterdir() if _is_whole(path)) if folder.is_dir() else []


def _is_whole(folder: Path) -> bool:
    """Return whether a snapshot has its config and all files of one set of weights (a link may hang in the air)."""
    names = {path.name for path in folder.iterdir() if path.exists()}
    entry = weights_entry(names)
    if entry is None or "config.json" not in names:
        return False
    return not entry.endswith(".index.json") or names.issuperset(shards(read_json(folder / entry), where=str(folder)))


def _cached(name: str, *, revision: str | None, cache: Path) -> Snapshot | None:
    """Return the snapshot in the hub's cache when it is whole, else None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=list(_WANTED)))
    except LocalEntryNotFoundError:  # also for a snapshot that is known to be incomplete
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
    warn: Callable[[str], None],
    approve: Callable[[str], None] | None,
) -> Snapshot:
    """Return the snapshot after asking the hub what it holds and downloading what is missing."""
    from huggingface_hub import constants, hf_hub_download, snapshot_download

    if constants.HF_HUB_CACHE.startswith("~"):
        raise UsageError(f"HOME is not set and this account has no home folder; {_HUB_REMEDY}")
    try:
        listing = _ask(name, revision=revision)
    except _UnreachableError as error:
        found = _cached(name, revision=revision, cache=cache)
        if found is None:
            raise
        warn(f"{error}; using {found.commit} from the local cache")
        return found
    if approve is not None:
        approve(listing.license)
    commit, siblings = listing.commit, listing.digests
    entry = weights_entry(siblings.keys())
    if entry is None or "config.json" not in siblings:
        raise ModelError(f"{name}: holds no config.json with weights for torch at {commit}; it is no checkpoint to run")
    wanted = [entry, *(file for file in _WANTED if file in siblings)]
    try:
        if entry.endswith(".index.json"):
            index = hf_hub_download(name, entry, revision=commit)
            wanted += shards(read_json(Path(index)), where=f"{name}/{entry}")
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except (_http_error(), OSError) as error:
        if isinstance(error, OSError) and (path_of(error) is not None or error.errno == errno.ENOSPC):
            raise WorldError(f"{describe(error, folder=Path(constants.HF_HUB_CACHE))}; {_HUB_REMEDY}") from error
        raise NotThereError(f"{name}: the download broke off ({error}); run again, whole files are kept") from error
    if folder.name != commit:  # the branch moved between the two questions
        return _fetch(name, revision=revision, cache=cache, warn=warn, approve=approve)
    _verify(name, folder, declared={file: siblings[file] for file in wanted}, cache=cache)
    return Snapshot(folder, commit)


class _UnreachableError(NotThereError):
    """The hub did not answer."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """What the hub says of a model at one commit."""

    commit: str
    license: str
    digests: dict[str, str]  # of each file: a SHA-256 (LFS files, so all weights), or a git blob id (small files)


def _ask(name: str, *, revision: str | None) -> _Listing:
    """Return what the hub says of `revision` now."""
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
    said = info.card_data.get("license") if info.card_data is not None else None
    digests = {file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id or "" for file in info.siblings or []}
    return _Listing(info.sha, str(said or UNKNOWN_LICENSE), digests)


_TIMEOUT = 20.0  # seconds for the hub's first answer


def _http_error() -> type[Exception]:
    """Return the base of what the hub's HTTP client raises; which client it is depends on huggingface_hub's version."""
    from huggingface_hub import errors

    kind: type[Exception] = errors.HTTPError  # type: ignore[attr-defined] # imported there, not declared
    return kind


def _verify(name: str, folder: Path, *, declared: dict[str, str] | None, cache: Path) -> None:
    """Raise `ModelError` for a file of the snapshot that is not the one declared, by the hub or when it was fetched.

    Without either, the blob's own name says it: the hub's cache calls a file by the digest it was declared with.
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
                f"It was damaged on the way or changed since. Delete {real} and run `tomdich models pull {name}`"
            )
        found[path.name] = want
    if found != known:
        write_atomically(note, json.dumps(found, indent=1))


_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_GIT_DIGITS = 40


def _git_blob_id(path: Path) -> str:
    """Return the id git gives the file's content: the SHA-1 of a small header and the bytes."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _at(revision: str | None) -> str:
    return f" at {revision}" if revision else ""
