"""Where a checkpoint's files lie, and under which licence they come: bundled, a folder, or the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Callable
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
from pipeline.errors import LicenseError, ModelError
from pipeline.field_errors import in_words
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.user_folders import expand_home

CALLED = "tomdich"
"""The field of a card's front matter that says how the checkpoint is called."""


class Called(BaseModel):
    """How a checkpoint that `tomdich train` made is called: what the catalog says of those it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = ""
    output_prefix: str = ""
    tone_style: catalog.ToneStyle = "any"
    with_title: bool = False
    lead: int | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """A checkpoint's folder."""

    folder: Path
    revision: str  # the commit; "" for a folder and a bundled checkpoint
    license: str
    entry: catalog.Entry | None  # the catalog's, else what the card says


def bundled_folder(entry: catalog.Entry) -> Path:
    """Return where a bundled checkpoint lies in this installation, whether it is there or not."""
    return Path(str(files("pipeline"))) / "bundled" / entry.name.removeprefix(catalog.BUNDLED)


def locate(
    stage: Stage,
    *,
    reproducible: Literal["warn", "strict"],
    cache: Path,
    warn: Callable[[str], None],
    only_ready: bool,
) -> Located | None:
    """Return where the stage's checkpoint lies, downloaded if need be; None with `only_ready` where it must be fetched.

    Raises `LicenseError` before anything is downloaded where the licence is known by then, `ModelError` with the
    remedy and the nearest catalog names for a checkpoint that cannot be had.
    """
    name = stage.model
    entry = catalog.find(name)
    if name.startswith(catalog.BUNDLED) or is_folder_name(name):
        if stage.revision is not None:
            raise ModelError(f"{name}: revision: is for models of the hub; a folder's content is its revision: drop it")
        return _bundled(name, entry) if name.startswith(catalog.BUNDLED) else _folder(name)
    if entry is not None:
        if entry.pretrained_only:
            warn(f"{name}: {entry.note}")
        require_license(stage, entry.license)
    revision = stage.revision or (entry.revision if entry is not None else None)
    pinned = revision is not None and hub.COMMIT.fullmatch(revision) is not None
    if reproducible == "strict" and not pinned:
        raise ModelError(
            f"{_moving(name, revision, hub.resolve(name, revision=revision))}; `reproducible: strict` asks it"
        )
    approve = partial(require_license, stage) if entry is None else None
    try:
        snapshot = hub.snapshot(name, revision=revision, cache=cache, warn=warn, local=only_ready, approve=approve)
    except hub.NotThereError as error:
        if only_ready and hub.may_be_fetched(name):
            return None
        folder = f"for the folder write ./{name}" if Path(name).is_dir() else "a folder can be given instead, ./NAME"
        raise ModelError(f"{error}; {folder}{_nearest(name) if entry is None else ''}") from None
    license_name = entry.license if entry is not None else card_license(snapshot.folder) or catalog.UNKNOWN_LICENSE
    require_license(stage, license_name)
    if not pinned:
        warn(_moving(name, revision, snapshot.commit))
    return Located(snapshot.folder, snapshot.commit, license_name, entry or _called(snapshot.folder, license_name))


def _bundled(name: str, entry: catalog.Entry | None) -> Located:
    if entry is None:
        raise ModelError(f"{name}: no bundled checkpoint has this name{_nearest(name)}")
    folder = bundled_folder(entry)
    if not (folder / "config.json").is_file():
        raise ModelError(f"{name}: is not in this installation ({folder}); reinstall tomdich with its package data")
    return Located(folder, "", entry.license, entry)


def _folder(name: str) -> Located:
    folder = expand_home(name)
    if not folder.is_dir():
        raise ModelError(f"{name}: no such folder; give the folder of a checkpoint, or a name{_nearest(name)}")
    license_name = card_license(folder) or catalog.UNKNOWN_LICENSE
    return Located(folder, "", license_name, _called(folder, license_name))


def _moving(name: str, revision: str | None, commit: str) -> str:
    said = f"revision {revision!r} can move" if revision else "no revision is pinned"
    return f"{name}: {said}; it is {commit} now: `revision: {commit}` in the stage stays with it"


def require_license(stage: Stage, license_name: str) -> None:
    """Raise `LicenseError` unless the licence is a free one, or the stage accepts it by its name."""
    kind = catalog.license_class(license_name)
    if kind == "free" or (stage.accept_license or "").lower() == license_name.lower():
        return
    why = {
        "noncommercial": "forbids commercial use",
        "copyleft": "is copyleft",
        "unclear": "is not one whose terms are clear",
    }[kind]
    accepted = f" (the config accepts {stage.accept_license!r})" if stage.accept_license else ""
    raise LicenseError(
        f"{stage.model}: its licence, {license_name}, {why}{accepted}; read it on the model's card, and if you may "
        f"use it, add this line to the stage:\n    accept_license: {license_name}"
    )


def card_license(folder: Path) -> str | None:
    """Return the licence that the front matter of the folder's README.md names, or None."""
    said = _front_matter(folder).get("license")
    if isinstance(said, list) and said:
        return ", ".join(str(one) for one in said)
    return said if isinstance(said, str) and said else None


def _called(folder: Path, license_name: str) -> catalog.Entry | None:
    """Return how the folder's card says that its checkpoint is called, as `tomdich train` writes it; None without."""
    said = _front_matter(folder).get(CALLED)
    if said is None:
        return None
    try:
        called = Called.model_validate(said)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in (CALLED, *problem["loc"]))
        raise ModelError(
            f"{folder / 'README.md'}: {field}: {in_words(problem)}; mend the card's front matter, or train it again"
        ) from None
    return catalog.Entry(
        name=folder.name,
        stage="summarize",  # nobody asks: the config says which stage it is for
        family="t5",  # nor this: the checkpoint's own files say
        license=license_name,
        license_class=catalog.license_class(license_name),
        note="",
        **called.model_dump(),
    )


def _front_matter(folder: Path) -> dict[str, object]:
    """Return what stands between the first two `---` of the folder's README.md, {} where there is nothing to read."""
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
class Row:
    """One line of `tomdich models`."""

    entry: catalog.Entry
    present: bool
    commits: tuple[str, ...]  # of a hub model: what the local cache holds


def list_models() -> list[Row]:
    """Return the catalog in its order, with what is on this machine; asks no network."""
    rows = []
    for entry in catalog.entries():
        if entry.bundled:
            present = entry.name in catalog.MODEL_FREE or (bundled_folder(entry) / "config.json").is_file()
            rows.append(Row(entry, present, ()))
        else:
            commits = tuple(hub.cached_commits(entry.name))
            rows.append(Row(entry, bool(commits), commits))
    return rows


def pull(name: str, *, revision: str | None, cache: Path, warn: Callable[[str], None]) -> hub.Snapshot:
    """Download the model, compare its digests, and return its folder and commit; raises `ModelError`.

    Fetching is not running: the licence is asked for when a config uses it.
    """
    entry = catalog.find(name)
    if entry is not None and entry.bundled:
        raise ModelError(f"{name}: comes with tomdich; there is nothing to pull")
    wanted = revision or (entry.revision if entry is not None else None)
    with on_disk(cache, remedy=CACHE_REMEDY):
        return hub.snapshot(name, revision=wanted, cache=cache, warn=warn)


def pin(name: str, *, revision: str | None = None) -> str:
    """Return the commit that the model's `revision` (None: the main branch) is now; raises `ModelError`."""
    entry = catalog.find(name)
    if entry is not None and entry.bundled:
        raise ModelError(f"{name}: comes with tomdich; its revision is tomdich's own version")
    return hub.resolve(name, revision=revision)
