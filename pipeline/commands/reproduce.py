"""Run a published version again, with an empty memo, and say whether the texts are the same.

The stored config runs on the sources where they are now, or on the articles of the version's own rows, into a temporary
folder. Compared are the texts that the models wrote, record by record, by their digests: flags follow from the texts
and from the version of the checks. What differs between then and now is read from the two manifests: these are the
possible causes. Which of several it was cannot be known from the texts.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import config as configs
from pipeline.commands import packing
from pipeline.commands.packing import FIELDS, Expected, expected
from pipeline.config import Config, Limits
from pipeline.errors import DifferenceError, UsageError
from pipeline.progress import Progress
from pipeline.records import DEFAULT_ORDER, JSON, Order, StageName
from pipeline.runner import chain
from pipeline.runner.options import RunOptions
from pipeline.runner.preparing import field_of, prepare_stages
from pipeline.storage.disk_errors import on_disk, temporary_folder
from pipeline.storage.published import Withdrawal, withdraw
from pipeline.storage.rows import failures
from pipeline.storage.versions import Version, find

_FROM_ROWS = "--from-version takes the articles from the version itself"
_ASK_FOR_ROWS = "ask for a pack that has its records: `tomdich pack VERSION --articles version`"
_MOVES = frozenset({"int8", "bfloat16"})  # compute types in which a text can change with its batch
_LISTED = 20  # records that a person is shown; JSON has all
_DIGEST = 12
_KINDS = (  # of causes, the likeliest first
    "weights", "source", "glossary", "config", "tomdich", "engine", "compute_type", "device", "library", "batch",
    "memo", "machine",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that was different when the version was made, or that can change a text by itself."""

    kind: str  # of _KINDS
    message: str
    remedy: str = ""  # a command that rules it out


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingRecord:
    """A record whose texts are not those of the version."""

    id: str
    fields: tuple[str, ...]  # of FIELDS; none where the record is on one side only
    why: str  # where in the run it first differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What came of it."""

    version: str
    recipe: bool  # whether the recipe is the same
    records: int  # of the version
    equal: int  # of these, with the same texts
    differing: tuple[DifferingRecord, ...]
    causes: tuple[Cause, ...]  # what differs between then and now, the likeliest first
    notes: tuple[str, ...]  # what was not reproduced


def reproduce(
    outputs: Path,
    name: str | None,
    *,
    overrides: tuple[str, ...],
    sources: Path | None,
    from_version: bool,
    progress: Progress,
    stopping: Callable[[], str | None],
) -> Reproduction:
    """Return how the texts of a version, or of a pack of one, compare with those that its config gives now.

    `name`: as `storage.versions.find` takes it, or the file that `tomdich pack` wrote. `sources`: the folder in which
    its source files are now. Raises `UsageError` where it cannot be reproduced in this way, naming the way that is
    left, and `DifferenceError` where the weights of a model are other ones: then nothing is run.
    """
    temporary = temporary_folder()
    with on_disk(temporary, remedy="set TMPDIR to a folder that can be written, with room for the version"):
        work = Path(tempfile.mkdtemp(prefix="tomdich-reproduce-", dir=temporary))
        try:
            is_pack = name is not None and Path(name).is_file()
            version = packing.unpack(Path(name or ""), work / "pack") if is_pack else find(outputs, name)
            from_rows = from_version or (is_pack and sources is None and bool(version.data()))
            config = _config(version, overrides, sources=sources, from_rows=from_rows)
            _require_same_weights(version, config)
            made = _run(version, config, work, from_rows=from_rows, progress=progress, stopping=stopping)
            return _compared(version, made, from_rows=from_rows)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def as_json(found: Reproduction) -> str:
    """Return the result as JSON, two spaces a level."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=2)


def lines(found: Reproduction) -> Iterator[str]:
    """Yield the lines of the result for a person."""
    yield (
        f"{found.version}: {found.equal} of {found.records} records have the same texts"
        f"{'' if found.recipe else '; the recipe is another one'}"
    )
    yield from (f"  not reproduced: {note}" for note in found.notes)
    if found.causes:
        yield "possible causes:" if found.differing else "differs from then, without effect on the texts:"
        for cause in found.causes:
            remedy = f"; to rule it out: {cause.remedy}" if cause.remedy and found.differing else ""
            yield f"  {cause.kind.replace('_', ' ')}: {cause.message}{remedy}"
    if found.differing:
        yield "records that differ:"
        yield from (f"  {one.id}: {one.why}" for one in found.differing[:_LISTED])
        if len(found.differing) > _LISTED:
            yield f"  and {len(found.differing) - _LISTED} more: --json lists all"


# The run


def _config(version: Version, overrides: tuple[str, ...], *, sources: Path | None, from_rows: bool) -> Config:
    """Return the stored config with its sources where they are now; the gates are open, the memo is its own."""
    config = configs.load(version.path("config.yaml"), overrides)
    config = config.model_copy(update={"memo": None, "limits": Limits(max_failure_ratio=1.0)})
    if from_rows:
        if not version.data():
            raise UsageError(
                f"--from-version: the pack of {_name(version)} holds no articles; name the folder of its source files "
                "with --sources DIR"
            )
        return config
    remedy = _FROM_ROWS if version.data() else _ASK_FOR_ROWS
    if why := packing.needs_records(version, config):
        raise UsageError(f"{_name(version)}: cannot be reproduced from its sources, because {why}; {remedy}")
    if sources is None and version.path(packing.EXPECTED).is_file():
        packing.require_sources(version.folder, config)
    placed = tuple(packing.placed(source, folder=sources, remedy=remedy) for source in config.sources)
    return config.model_copy(update={"sources": placed})


def _require_same_weights(version: Version, config: Config) -> None:
    """Raise `DifferenceError` where a model is not the one that the version was made with."""
    then = version.manifest["models"]
    other = [
        f"the weights of `{field_of(stage)}.model: {checkpoint.name}` have the digest {checkpoint.digest[:_DIGEST]}, "
        f"those of {_name(version)} had {then[stage]['digest'][:_DIGEST]} (made by tomdich "
        f"{version.manifest['environment']['tomdich']}); put them back, or name their folder with --set "
        f"{field_of(stage)}.model=FOLDER"
        for stage, checkpoint in prepare_stages(config, until=version.manifest["until"]).items()
        if stage in then and checkpoint.digest != then[stage]["digest"]
    ]
    if other:
        raise DifferenceError("\n".join(["other weights, so nothing was run:", *other]))


def _run(
    version: Version,
    config: Config,
    work: Path,
    *,
    from_rows: bool,
    progress: Progress,
    stopping: Callable[[], str | None],
) -> Version:
    """Return the version that the config gives now, in temporary outputs."""
    outputs = work / "outputs"
    outputs.mkdir()
    for one in version.manifest.get("withdrawn", ()):
        digests = tuple(one["digests"])
        withdraw(outputs, Withdrawal(one["at"], digests[0], digests, None, (config.name,)))
    options = RunOptions(
        outputs=outputs,
        until=version.manifest["until"],
        limit=None if from_rows else _limit(version),
        force=True,
        stopping=stopping,
        articles_of=version if from_rows else None,
    )
    made = chain.run(config, options=options, progress=progress).version
    assert made is not None  # not --only-new: it publishes or raises
    return made


def _limit(version: Version) -> int | None:
    """Return the `--limit` that the version was made with: the articles that reached the first stage."""
    if version.manifest["scope"] != "limited":
        return None
    counts = version.manifest["counts"]
    failed = counts["failures"]
    if failed and version.path("failures.jsonl").is_file():  # those that failed while loading did not reach it
        failed = sum(one.category == "failed" and one.stage != "load" for one in failures(version))
    return int(counts["records"] + counts.get("withdrawn", 0) + failed)


# Comparing


def _compared(version: Version, made: Version, *, from_rows: bool) -> Reproduction:
    then = {one.id: one for one in expected(version)}
    now = {one.id: one for one in expected(made)}
    lost = {failure.id: failure.message for failure in failures(made)}
    differing = tuple(_differing(then, now, lost, order=version.order))
    ids = {one.id for one in differing}
    causes = list(_changes(version.manifest, made.manifest))
    if any(one.fields for one in differing):  # of other articles other texts are expected
        causes += _without_change(version.manifest)
    return Reproduction(
        version=_name(version),
        recipe=version.manifest["recipe"] == made.manifest["recipe"],
        records=len(then),
        equal=len(then.keys() - ids),
        differing=differing,
        causes=tuple(sorted(causes, key=lambda cause: _KINDS.index(cause.kind))),
        notes=tuple(_notes(version.manifest["counts"], from_rows=from_rows)),
    )


def _differing(
    then: Mapping[str, Expected], now: Mapping[str, Expected], lost: Mapping[str, str], *, order: Order
) -> Iterator[DifferingRecord]:
    for article, one in then.items():
        other = now.get(article)
        fields: tuple[str, ...] = ()
        if other is None:
            why = f"failed now: {lost[article]}" if article in lost else "source: the sources hold it no more"
        elif one.text_sha256 != other.text_sha256:
            why = "source: the article has another text now"
        else:
            fields = tuple(field for field in FIELDS if getattr(one, field) != getattr(other, field))
            why = f"{_first_stage(fields, order)}: another {', '.join(fields)}"
        if other is None or fields or one.text_sha256 != other.text_sha256:
            yield DifferingRecord(id=article, fields=fields, why=why)
    for article in now:
        if article not in then:
            yield DifferingRecord(id=article, fields=(), why="source: is not among the records of the version")


def _first_stage(fields: Sequence[str], order: Order) -> StageName:
    """Return the first stage that gave another text."""
    if order == DEFAULT_ORDER:
        return "summarize" if "summary" in fields else "translate"
    return "summarize" if fields == ("translation",) else "translate"


def _notes(counts: Mapping[str, int], *, from_rows: bool) -> Iterator[str]:
    if withdrawn := counts.get("withdrawn", 0):
        articles = f"{withdrawn} withdrawn article{'s' if withdrawn > 1 else ''}"
        yield f"{articles}, removed by `tomdich forget`; the others are compared"
    if from_rows and counts["failures"]:
        yield f"{counts['failures']} articles that failed then: the version does not hold their texts"
    if from_rows:
        yield "how the sources are read: the articles are those of the version"


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what differs between the manifests."""
    yield from _of_sources(then["sources"], now["sources"])
    yield from _of_identity(_flat(then["identity"]), _flat(json.loads(json.dumps(now["identity"]))))
    before, after = _flat(then["environment"]), _flat(json.loads(json.dumps(now["environment"])))
    kinds = {"tomdich": "tomdich", "devices": "device", "processors": "device"}
    for field in sorted({*before, *after}):
        if field == "processors" and not before.get(field):
            continue  # earlier versions and shards do not say it
        if before.get(field) != after.get(field):
            kind = "library" if field.startswith("libraries.") else kinds.get(field, "machine")
            name = "version" if field == "tomdich" else field.removeprefix("libraries.")
            is_library = kind == "library" and before.get(field)
            remedy = f"pip install {name}=={before[field]}" if is_library else ""
            yield Cause(kind=kind, message=_change(name, before, after, field), remedy=remedy)


def _without_change(then: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what can change a text although nothing that the manifests record is different."""
    for stage, made in then["identity"]["stages"].items():
        if made["compute_type"] in _MOVES and not made["deterministic"]:
            message = f"{stage} computes in {made['compute_type']}, in which a text can change with its batch"
            if not then["environment"].get("processors"):
                message += " and with the kind of CPU, which versions of then do not say"
            yield Cause(kind="batch", message=f"{message}; `deterministic: true` in the config rules that out")
        calls = then["calls"].get(stage, {"computed": 0, "replayed": 0})
        if calls["replayed"]:
            total = calls["computed"] + calls["replayed"]
            message = (
                f"{calls['replayed']} of {total} answers of {stage} came from the memo; earlier runs, perhaps with "
            )
            yield Cause(kind="memo", message=f"{message}other libraries or in other batches, computed them")


def _of_sources(then: list[dict[str, JSON]], now: list[dict[str, JSON]]) -> Iterator[Cause]:
    for number, (before, after) in enumerate(zip(then, now, strict=False), 1):  # with a limit, the last are not read
        if before["digest"] != after["digest"]:
            counts = f"{before['records']} records then, {after['records']} now"
            yield Cause(kind="source", message=f"source {number} ({before['path']}) has another content: {counts}")


def _of_identity(then: Mapping[str, JSON], now: Mapping[str, JSON]) -> Iterator[Cause]:
    kinds = {"digest": "weights", "calling": "tomdich", "preparing": "tomdich"} | {
        name: name for name in ("engine", "compute_type")
    }
    for field in sorted({*then, *now}):
        if then.get(field) == now.get(field):
            continue
        section, _, rest = field.partition(".")
        kind = {"house": "glossary", "schema": "tomdich", "stages_version": "tomdich", "inspect": "tomdich"}.get(
            section, "config"
        )
        if section == "stages":
            kind = kinds.get(rest.rpartition(".")[2], "config")
        yield Cause(kind=kind, message=_change(field, then, now, field))


def _change(name: str, then: Mapping[str, JSON], now: Mapping[str, JSON], field: str) -> str:
    return f"{name}: {_shown(then.get(field))} then, {_shown(now.get(field))} now"


def _shown(value: JSON) -> str:
    text = value if isinstance(value, str) else "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text[:_DIGEST] if len(text) == len("0" * 64) and set(text) <= set("0123456789abcdef") else text


def _flat(value: Mapping[str, JSON], before: str = "") -> dict[str, JSON]:
    """Return nested values by their dotted names."""
    found: dict[str, JSON] = {}
    for name, inner in value.items():
        found |= _flat(inner, f"{before}{name}.") if isinstance(inner, dict) else {f"{before}{name}": inner}
    return found


def _name(version: Version) -> str:
    return f"{version.manifest['name']}/{version.manifest['version']}"
