"""A revision: an edition published again with today's corrections and terms, from its versions and the memo alone.

It reads no source, for a feed of last week may be gone, and asks no model: what the memo lacks is an error. The one
exception is a Vietnamese summary that an editor wrote: its sentences are translated, by the model of the edition.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

from pipeline.checkpoints import Checkpoint
from pipeline.config import Config, Exclude
from pipeline.corrections import Rejection
from pipeline.engines import Engine
from pipeline.errors import UsageError
from pipeline.glossary import Glossary
from pipeline.records import BY_EDITOR, ROW_COLUMNS, Article, Failure, Origin, StageName
from pipeline.runner.loading import Loaded, SourceTotals, unless_rejected
from pipeline.sources import SourceFile
from pipeline.storage import versions as store
from pipeline.storage.editions import standing, union
from pipeline.storage.rows import Edition, Row, column_names, failures, rows
from pipeline.storage.versions import Version


def to_revise(experiment: store.Experiment, edition: date) -> tuple[Version, ...]:
    """Return the versions that a revision of `edition` supersedes, oldest first; raises `UsageError` without one."""
    there = experiment.versions()
    if not there:
        raise UsageError(f"--revise: no version of {experiment.folder.name} is published; run it without --revise")
    found = standing(there, str(edition))
    if not found:
        editions = sorted({str(version.manifest.get("edition")) for version in there})
        raise UsageError(
            f"--revise: {experiment.folder.name} has no edition {edition}; there are: {', '.join(editions[-5:])}"
        )
    if found[0].manifest["scope"] not in store.WHOLE:
        raise UsageError(
            f"--revise: of edition {edition} only a part is published ({found[0].name}, scope "
            f"{found[0].manifest['scope']}); run it whole: tomdich run CONFIG --edition {edition}"
        )
    return tuple(found)


def as_published(config: Config, versions: Sequence[Version]) -> Config:
    """Return `config` with what decides which articles are read as the newest of `versions` had it: none is read."""
    identity = versions[-1].manifest["identity"]
    return config.model_copy(
        update={"exclude": Exclude.model_validate(identity["exclude"]), "on_same_id": identity["on_same_id"]}
    )


def articles_of(experiment: store.Experiment, edition: date) -> Edition:
    """Return every whole version of `edition`, read as one.

    Those that are superseded are among them: an article that an editor rejected, and does not any more, comes back.
    """
    there = experiment.versions()
    return union(
        f"{experiment.folder.name}@{edition}",
        [one for one in there if one.manifest.get("edition") == str(edition) and one.manifest["scope"] in store.WHOLE],
        with_rejected=True,
    )


def kept_columns(edition: Edition) -> tuple[str, ...]:
    """Return the columns of the sources that the versions of an edition pass through."""
    return tuple(name for name in column_names(edition) if name not in ROW_COLUMNS)


def load(
    edition: Edition,
    *,
    folder: Path,
    withdrawn: Callable[[str, str], bool],
    rejected: Mapping[str, Rejection],
    fail: Callable[[Failure], None],
    advance: Callable[[int], None],
    check: Callable[[], None],
) -> Loaded:
    """Return the articles of an edition in `folder`/articles.jsonl; its failures go to `fail`, and `read` counts both.

    `rejected`: what editors do not want published, by the digest of its text. `check` raises where the run is to stop.
    """
    keep = kept_columns(edition)
    loaded = Loaded(folder / "articles.jsonl", frozenset())
    encoder = msgspec.json.Encoder()
    with loaded.articles.open("wb") as out:
        for row in rows(edition):
            check()
            advance(1)
            if withdrawn(row["id"], row["text_sha256"]):
                continue
            loaded.read += 1
            record = unless_rejected(_article(row, keep), rejected)
            if isinstance(record, Failure):
                loaded.rejected += 1
                loaded.rejected_by_editor += 1
                fail(record)
            else:
                out.write(encoder.encode(record) + b"\n")
                loaded.kept += 1
                loaded.characters += len(record.text)
    for line in failures(edition):
        if line["kind"] == BY_EDITOR and line["id"] in edition.texts:
            continue  # this edition published it: whether it is rejected now was asked above
        failure = Failure(**line | {"source": _origin(line["source"])})
        loaded.rejected += failure.category == "rejected"
        loaded.damaged += failure.category == "damaged"
        loaded.duplicates += failure.category == "duplicate"
        loaded.read += 1
        fail(failure)
    tallies = {json.dumps(tally): tally for version in edition.versions for tally in version.manifest["sources"]}
    loaded.tallies = [SourceTotals(**tally) for tally in tallies.values()]
    loaded.files = list(dict.fromkeys(file for version in edition.versions for file in _files(version)))
    return loaded


def may_translate(edition: Edition, glossary: Glossary, checkpoint: Checkpoint) -> bool:
    """Return whether the translating stage may ask its model: for an editor's summary, and the model of the edition."""
    made_with = edition.manifest["identity"]["stages"].get("translate")
    return bool(glossary.summaries) and made_with == json.loads(json.dumps(checkpoint.identity()))


def refuse_calls(stage: StageName, *, model: str, newest: Version) -> Callable[[], Engine]:
    """Return what stands in an engine's place in a revision: the memo knows every answer, or it is an error."""

    def refuse() -> Engine:
        made = newest.manifest["models"].get(stage, {}).get("name", "no model")
        raise UsageError(
            f"--revise makes no model call, and the memo lacks an answer of {model} ({stage}). "
            f"{newest.name} was made with {made}; its config is {newest.folder / 'config.yaml'}: revise with that one, "
            "or run the edition again without --revise"
        )

    return refuse


def _article(row: Row, keep: Sequence[str]) -> Article:
    return Article(
        id=row["id"],
        text=row["article"],
        text_sha256=row["text_sha256"],
        source=_origin(row["source"]),
        title=row["title"],
        url=row["url"],
        published=row["published"],
        outlet=row.get("outlet") or "",
        extra={name: row[name] for name in keep if row.get(name) is not None},
        set_aside=tuple((line["kind"], line["text"]) for line in row.get("set_aside") or ()),
        reference_summary=row["reference_summary"],
        reference_translation=row["reference_translation"],
    )


def _origin(source: Row) -> Origin:
    return Origin(**source | {"repairs": tuple(source["repairs"])})


def _files(version: Version) -> Iterator[SourceFile]:
    with (version.folder / "sources.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield SourceFile(**json.loads(line))
