"""A revision: an edition published again with today's corrections and terms, from its versions and the memo alone.

It reads no source, for a feed of last week may be gone, and asks no model: what the memo lacks is an error. The
exception is what an editor's decision makes new, by the model of the edition: a Vietnamese summary that an editor wrote
is translated; where the article was translated first, one with a corrected sentence or a term is summarized again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import msgspec

from pipeline.checkpoints import Checkpoint
from pipeline.config import Config, Exclude, ModelOptions, Repair
from pipeline.corrections import Rejection
from pipeline.errors import UsageError
from pipeline.glossary import Glossary
from pipeline.records import BY_EDITOR, DEFAULT_ORDER, JSON, Failure, StageName
from pipeline.runner.loading import Loaded, SourceTotals, article_of, unless_rejected
from pipeline.sources import SourceFile
from pipeline.storage import versions as store
from pipeline.storage.editions import current_versions, union
from pipeline.storage.rows import Edition, failures, kept_column_names, rows
from pipeline.storage.versions import Version


@dataclass(frozen=True)
class Revision:
    """An edition that is published again, and the versions that this supersedes; read without a lock."""

    experiment: store.Experiment
    edition: date
    versions: tuple[Version, ...]  # superseded, oldest first

    def as_published(self, config: Config) -> Config:
        """Return `config` with what decides which texts are read, and asked for again, as the newest version had it."""
        identity = self.versions[-1].manifest["identity"]
        repairs = {name: Repair.model_validate(one) for name, one in identity.get("repair", {}).items()}
        if "repair" in identity["stages"]:
            repairs["translate"] = repairs["translate"].model_copy(update={"model": self._second_model(config)})
        return config.model_copy(
            update={
                "exclude": Exclude.model_validate(identity["exclude"]),
                "on_same_id": identity["on_same_id"],
                "summarize": config.summarize.model_copy(update={"repair": repairs.get("summarize", False)}),
                "translate": config.translate.model_copy(update={"repair": repairs.get("translate", False)}),
            }
        )

    def _second_model(self, config: Config) -> ModelOptions:
        """Return the second checkpoint that `config` names; raises `UsageError` where it names none."""
        asked = config.translate.repair
        if isinstance(asked, Repair) and asked.model is not None:
            return asked.model
        newest = self.versions[-1]
        raise UsageError(
            f"--revise: {newest.name} was made with `translate.repair.model: "
            f"{newest.manifest['models']['repair']['name']}`, and the config names none; "
            f"its config is {newest.path('config.yaml')}: revise with that one"
        )

    @cached_property
    def source(self) -> Edition:
        """Every whole version of the edition, read as one.

        Those that are superseded are among them: an article that an editor rejected, and does not any more, comes back.
        """
        return union(
            f"{self.experiment.folder.name}@{self.edition}",
            [
                version
                for version in self.experiment.versions()
                if version.manifest.get("edition") == str(self.edition) and version.manifest["scope"] in store.WHOLE
            ],
            with_rejected=True,
        )

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns of the sources that the versions pass through."""
        return kept_column_names(self.source)

    def load(
        self,
        *,
        folder: Path,
        withdrawn: Callable[[str, str], bool],
        rejected: Mapping[str, Rejection],
        fail: Callable[[Failure], None],
        advance: Callable[[int], None],
        check: Callable[[], None],
    ) -> Loaded:
        """Return the articles in `folder`/articles.jsonl; the failures go to `fail`, and `read` counts both.

        `rejected`: what editors do not want published, by the digest of its text. `check` raises where the run is to
        stop.
        """
        source = self.source
        loaded = Loaded(folder / "articles.jsonl", frozenset())
        encoder = msgspec.json.Encoder()
        with loaded.articles.open("wb") as out:
            for row in rows(source):
                check()
                advance(1)
                if withdrawn(row.id, row.text_sha256):
                    continue
                loaded.read += 1
                record = unless_rejected(article_of(row), rejected)
                if isinstance(record, Failure):
                    loaded.rejected += 1
                    loaded.rejected_by_editor += 1
                    fail(record)
                else:
                    out.write(encoder.encode(record) + b"\n")
                    loaded.count += 1
                    loaded.characters += len(record.text)
        for failure in failures(source):
            if failure.kind == BY_EDITOR and failure.id in source.texts:
                continue  # this edition published it: whether it is rejected now was asked above
            loaded.rejected += failure.category == "rejected"
            loaded.damaged += failure.category == "damaged"
            loaded.duplicates += failure.category == "duplicate"
            loaded.read += 1
            fail(failure)
        tallies = {json.dumps(tally): tally for version in source.versions for tally in version.manifest["sources"]}
        loaded.tallies = [SourceTotals(**tally) for tally in tallies.values()]
        loaded.files = list(dict.fromkeys(file for version in source.versions for file in _files(version)))
        return loaded

    def may_ask(self, stage: StageName, checkpoint: Checkpoint, *, glossary: Glossary) -> bool:
        """Return whether a stage may ask its model, that of the edition: for what an editor's decision makes new."""
        translates_first = self.versions[-1].order != DEFAULT_ORDER
        decided = bool(glossary.corrections or glossary.terms) if translates_first else bool(glossary.summaries)
        if not decided or (stage == "summarize") != translates_first:
            return False
        made_with = self.source.manifest["identity"]["stages"].get(stage)
        return bool(made_with == json.loads(json.dumps(checkpoint.identity())))

    def refusal(self, stage: StageName, checkpoint: Checkpoint) -> UsageError:
        """Return the error of a stage that may not ask its model, and whose memo lacks an answer."""
        newest = self.versions[-1]
        made = newest.manifest["models"].get(stage, {}).get("name", "no model")
        return UsageError(
            f"--revise makes no model call, and the memo lacks an answer of {checkpoint.name} ({stage}). "
            f"{newest.name} was made with {made}; its config is {newest.path('config.yaml')}: revise with that one, "
            "or run the edition again without --revise"
        )

    def in_manifest(self) -> dict[str, JSON]:
        """Return what the manifest says of the versions that are superseded."""
        return {"supersedes": [version.folder.name for version in self.versions]}


def to_revise(experiment: store.Experiment, edition: date) -> Revision:
    """Return the revision of `edition`; raises `UsageError` where no whole version of it is published."""
    there = experiment.versions()
    if not there:
        raise UsageError(f"--revise: no version of {experiment.folder.name} is published; run it without --revise")
    found = current_versions(there, str(edition))
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
    return Revision(experiment, edition, tuple(found))


def _files(version: Version) -> Iterator[SourceFile]:
    with version.path("sources.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield SourceFile(**json.loads(line))
