"""Upload a version to a dataset repository of a hub: one commit, with a tag that is the version's name.

The commit makes the main branch equal to the version: its card is the repository's, and what the version before it had
and this one has not is deleted. The tag comes last, so that a version with a tag is complete. A push that was cut off
is completed by the same command: the hub keeps the files that it has, and an equal commit is not made twice.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.errors import UsageError, WorldError
from pipeline.storage.rows import Edition, Readable
from pipeline.storage.versions import MANIFEST, Version, verify

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_KIND = "dataset"
_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN, with a token that may write"
_UNAUTHORIZED, _FORBIDDEN = 401, 403


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a version is on the hub, and whether this push brought it there."""

    address: str
    is_new: bool
    held: int  # records on hold, which are in it


def push(version: Readable, repository: str, *, public: bool = False) -> Pushed:
    """Upload `version` to the dataset `repository` (`owner/name`), created if absent: private unless `public`.

    Returns without a change where the version is there. Raises `UsageError` for a repository that is public without
    `public`, a token that is missing or may not write, and a tag that holds another content; `DifferenceError` where
    the version is not as published, `WorldError` where the hub cannot be reached.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if isinstance(version, Edition):
        names = ", ".join(one.name for one in version.versions)
        raise UsageError(f"{version.name}: is several versions, and a push is of one: {names}")
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError(f"{repository}: write the repository as owner/name")
    if get_token() is None:
        raise UsageError(f"{repository}: there is no token for the hub; {_LOG_IN}")
    verify(version)
    version.fetch()
    if not sys.stderr.isatty():
        disable_progress_bars()
    tag = version.folder.name
    pushed = Pushed(f"{_page(repository)}/tree/{tag}", is_new=True, held=int(version.manifest["counts"]["held"]))
    with _asking(repository):
        api = HfApi()
        api.whoami()
        if not _found(api, repository, public=public):
            api.create_repo(repository, repo_type=_KIND, private=not public, exist_ok=True)
        elif _has_tag(api, repository, version):
            return replace(pushed, is_new=False)
        commit = api.upload_folder(
            repo_id=repository,
            repo_type=_KIND,
            folder_path=version.folder,
            commit_message=f"{version.name}: {version.manifest['counts']['records']} records",
            delete_patterns="*",
        )
        api.create_tag(repository, repo_type=_KIND, tag=tag, revision=commit.oid)
    return pushed


def _found(api: HfApi, repository: str, *, public: bool) -> bool:
    """Return whether the repository is there; raises `UsageError` where everyone can read it, unless `public`."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        found = api.repo_info(repository, repo_type=_KIND)
    except RepositoryNotFoundError:
        return False
    if not found.private and not public:
        raise UsageError(
            f"{repository}: is public, and everyone could read the articles; give --public if that is wanted, name "
            f"another repository, or make it private at {_page(repository)}/settings"
        )
    return True


def _has_tag(api: HfApi, repository: str, version: Version) -> bool:
    """Return whether the version is there; raises `UsageError` where its tag holds another content."""
    tag = version.folder.name
    if all(one.name != tag for one in api.list_repo_refs(repository, repo_type=_KIND).tags):
        return False
    there = api.get_paths_info(repository, MANIFEST, revision=tag, repo_type=_KIND)
    if [getattr(one, "blob_id", None) for one in there] != [_blob_id((version.folder / MANIFEST).read_bytes())]:
        raise UsageError(
            f"{repository}: has the tag {tag} with another content: of another version, or from before `tomdich "
            f"forget` rewrote this one. Delete the tag (`hf repos tag delete {repository} {tag} --type dataset`), and "
            "for a withdrawn article the repository, whose history keeps it; then push again"
        )
    return True


def _blob_id(content: bytes) -> str:
    """Return the id of a file as a git blob: the SHA-1 of a header and the content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def _asking(repository: str) -> Iterator[None]:
    """Turn what the hub's client raises into a `UsageError` or a `WorldError` with the remedy."""
    from huggingface_hub import errors

    http_error: type[Exception] = errors.HTTPError  # type: ignore[attr-defined] # imported there, not declared
    again = "push again: what the hub has is not sent twice"
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise UsageError(f"{repository}: HF_HUB_OFFLINE is set; unset it to push") from None
    except errors.HFValidationError as error:
        raise UsageError(f"{repository}: {error}") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        said = error.server_message or str(error).splitlines()[0]
        if status == _UNAUTHORIZED:
            raise UsageError(f"{repository}: the hub does not accept the token ({said}); {_LOG_IN}") from None
        if status == _FORBIDDEN:
            raise UsageError(f"{repository}: the token may not write there ({said}); {_LOG_IN}") from None
        raise WorldError(f"{repository}: the hub answered {status} ({said}); {again}") from None
    except (http_error, OSError) as error:
        raise WorldError(
            f"{repository}: the hub cannot be reached ({type(error).__name__}: {error}); {again}"
        ) from None
    except (RuntimeError, ValueError) as error:  # of the transfer of a file
        raise WorldError(f"{repository}: {error} ({error.__cause__ or 'no reason given'}); {again}") from None


def _page(repository: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/datasets/{repository}"
