"""Find the folder and the license of a checkpoint: bundled, a folder, or a model of the Hugging Face hub.

Also lists, downloads and pins the models of the catalog for the commands.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline import catalog, yaml_core
from pipeline.checkpoints import hub
from pipeline.checkpoints.files import CACHE_REMEDY
from pipeline.config import Stage, is_folder_name
from pipeline.config_file import in_words
from pipeline.errors import LicenseError, ModelError
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.user_folders import expand_home

_log = logging.getLogger(__name__)

CARD_FIELD = "tomdich"
"""The field of a model card's front matter that holds the `CallingConventions`."""


class CallingConventions(BaseModel):
    """The input and output conventions of a checkpoint made by `tomdich train`, as its model card has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = ""
    output_prefix: str = ""
    tone_style: catalog.ToneStyle = "any"
    with_title: bool = False
    lead: int | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """The folder, license and catalog entry of a checkpoint."""

    folder: Path
    revision: str  # the commit; "" for a folder and a bundled checkpoint
    license: str
    entry: catalog.Entry | None  # from the catalog, else from the model card


def bundled_folder(entry: catalog.Entry) -> Path:
    """Return the folder of a bundled checkpoint in this installation, which may not exist."""
    return Path(str(files("pipeline"))) / "bundled" / entry.name.removeprefix(catalog.BUNDLED)


def locate(
    stage: Stage,
    *,
    reproducible: Literal["warn", "strict"],
    cache: Path,
    only_ready: bool,
) -> Located | None:
    """Return the location of the stage's checkpoint, downloaded if necessary.

    With `only_ready`, return None if it would have to be downloaded. Raises `LicenseError`, before the download if the
    license is known by then, and `ModelError` with the nearest catalog names for an unavailable checkpoint.
    """
    name = stage.model
    entry = catalog.find(name)
    if name.startswith(catalog.BUNDLED) or is_folder_name(name):
        if stage.revision is not None:
            raise ModelError(f"{name}: revision: applies to models of the hub only; remove it")
        return _bundled(name, entry) if name.startswith(catalog.BUNDLED) else _folder(name)
    if entry is not None:
        if entry.pretrained_only:
            _log.warning(f"{name}: {entry.note}")
        require_license(stage, entry.license)
    revision = stage.revision or (entry.revision if entry is not None else None)
    pinned = revision is not None and hub.COMMIT.fullmatch(revision) is not None
    if reproducible == "strict" and not pinned:
        unpinned = _unpinned_message(name, revision, hub.resolve(name, revision=revision))
        raise ModelError(f"{unpinned}; `reproducible: strict` requires it")
    approve = partial(require_license, stage) if entry is None else None
    try:
        snapshot = hub.snapshot(name, revision=revision, cache=cache, local=only_ready, approve=approve)
    except hub.NotThereError as error:
        if only_ready and hub.can_be_fetched(name):
            return None
        folder = f"for the folder write ./{name}" if Path(name).is_dir() else "a folder can be given instead, ./NAME"
        raise ModelError(f"{error}; {folder}{_nearest(name) if entry is None else ''}") from None
    license_name = entry.license if entry is not None else card_license(snapshot.folder) or catalog.UNKNOWN_LICENSE
    require_license(stage, license_name)
    if not pinned:
        _log.warning(_unpinned_message(name, revision, snapshot.commit))
    return Located(snapshot.folder, snapshot.commit, license_name, entry or _conventions(snapshot.folder, license_name))


def _bundled(name: str, entry: catalog.Entry | None) -> Located:
    if entry is None:
        raise ModelError(f"{name}: there is no bundled checkpoint of this name{_nearest(name)}")
    folder = bundled_folder(entry)
    if not (folder / "config.json").is_file():
        raise ModelError(f"{name}: is not in this installation ({folder}); reinstall tomdich with its package data")
    return Located(folder, "", entry.license, entry)


def _folder(name: str) -> Located:
    folder = expand_home(name)
    if not folder.is_dir():
        raise ModelError(f"{name}: no such folder; give the folder of a checkpoint, or a name{_nearest(name)}")
    license_name = card_license(folder) or catalog.UNKNOWN_LICENSE
    return Located(folder, "", license_name, _conventions(folder, license_name))


def _unpinned_message(name: str, revision: str | None, commit: str) -> str:
    problem = f"revision {revision!r} is a branch or tag and may change" if revision else "no revision is pinned"
    return f"{name}: {problem}; it is now {commit}; pin it with `revision: {commit}` beside its `model`"


def require_license(stage: Stage, license_name: str) -> None:
    """Raise `LicenseError` unless the license is free or the stage accepts it by name."""
    kind = catalog.license_class(license_name)
    if kind == "free" or (stage.accept_license or "").lower() == license_name.lower():
        return
    why = {
        "noncommercial": "forbids commercial use",
        "copyleft": "is copyleft",
        "unclear": "has unclear terms",
    }[kind]
    accepted = f" (the config accepts {stage.accept_license!r})" if stage.accept_license else ""
    raise LicenseError(
        f"{stage.model}: its license, {license_name}, {why}{accepted}; read it on the model's card, and if you may "
        f"use it, add this line beside its `model`:\n    accept_license: {license_name}"
    )


def card_license(folder: Path) -> str | None:
    """Return the license in the front matter of the folder's README.md, or None."""
    value = front_matter(folder).get("license")
    if isinstance(value, list) and value:
        return ", ".join(str(one) for one in value)
    return value if isinstance(value, str) and value else None


def _conventions(folder: Path, license_name: str) -> catalog.Entry | None:
    """Return the conventions in the folder's model card, which `tomdich train` writes; None if it has none."""
    value = front_matter(folder).get(CARD_FIELD)
    if value is None:
        return None
    try:
        conventions = CallingConventions.model_validate(value)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in (CARD_FIELD, *problem["loc"]))
        raise ModelError(
            f"{folder / 'README.md'}: {field}: {in_words(problem)}; correct the front matter, or train the model again"
        ) from None
    return catalog.Entry(
        name=folder.name,
        stage="summarize",  # unused: the config names the stage
        family="t5",  # unused: `metadata` detects the family
        license=license_name,
        license_class=catalog.license_class(license_name),
        note="",
        **conventions.model_dump(),
    )


def front_matter(folder: Path) -> dict[str, object]:
    """Return the YAML front matter of the folder's README.md, {} if there is none."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if not text.startswith("---"):
        return {}
    try:
        front = yaml_core.load(text.split("---", 2)[1])
    except yaml_core.NotYamlError:
        return {}
    return front if isinstance(front, dict) else {}


def _nearest(name: str) -> str:
    near = catalog.near(name)
    return f"; did you mean {' or '.join(near)}?" if near else "; `tomdich models` lists the known ones"


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A catalog entry and whether its files are on this machine."""

    entry: catalog.Entry
    present: bool
    commits: tuple[str, ...]  # of a hub model: those in the local cache


def list_models() -> list[ListedModel]:
    """Return the catalog in its order, with what is on this machine; does not use the network."""
    rows = []
    for entry in catalog.entries():
        if entry.bundled:
            present = entry.name in catalog.MODEL_FREE or (bundled_folder(entry) / "config.json").is_file()
            rows.append(ListedModel(entry, present, ()))
        else:
            commits = tuple(hub.cached_commits(entry.name))
            rows.append(ListedModel(entry, bool(commits), commits))
    return rows


def pull(name: str, *, revision: str | None, cache: Path) -> hub.Snapshot:
    """Download the model, verify its digests, and return its folder and commit; raises `ModelError`.

    The license is not checked here but when a config uses the model.
    """
    entry = catalog.find(name)
    if entry is not None and entry.bundled:
        raise ModelError(f"{name}: is part of tomdich; there is nothing to pull")
    wanted = revision or (entry.revision if entry is not None else None)
    with on_disk(cache, remedy=CACHE_REMEDY):
        return hub.snapshot(name, revision=wanted, cache=cache)


def pin(name: str, *, revision: str | None = None) -> str:
    """Return the current commit of the model's `revision` (None: the main branch); raises `ModelError`."""
    entry = catalog.find(name)
    if entry is not None and entry.bundled:
        raise ModelError(f"{name}: is part of tomdich and has no revision of its own")
    return hub.resolve(name, revision=revision)
