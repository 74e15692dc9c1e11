"""Forget an article that its publisher withdrew: out of the memo, and out of every version that holds it.

*Found* by its id, and by every text that was published under it, so that a copy under another id goes with it; also
where a run passed it over as a duplicate, by what its log says of that.

*The memo* holds no source text but what models answered: summaries, their parts, translations. Its keys are digests,
which say nothing of an article. But every record lists its calls with their numbers, and the memo keeps the same
numbers with each answer: the calls of a record are the rows of its engine that have the numbers of one of them. With
scores that is exactly they; without (an engine that gives none), a few calls of other articles go too, and are paid
again. What this cannot find are calls of runs that published no version with the article: stopped, refused by a gate,
pruned since, or the article failed in them. Where that may be, `everything` empties the memo: then nothing is left.
Files of the memo that were set aside as damaged go in any case.

*The versions* are rewritten beside and exchanged, each in one step, with their name: rows, failures, log, report,
counts, digests. The manifest says when something was withdrawn, by digests that name nobody who does not know the id.

*The cache of `datasets`* of the user who runs this loses the entries of the rewritten versions, and every other entry
with a row of the article.

*The list* of withdrawals, `<outputs>/.withdrawn`, holds the same digests, so that no later run publishes it again: of
its text none, under whatever name, and of its id none where it was this article's.

The order makes a rerun finish what was killed: first the list, from which a rerun knows the texts when half of the
versions do not tell them any more, then the memo, because the versions are what its calls are told from. All names are
locked, so that no run beside holds a copy.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pipeline import report
from pipeline.commands import compact
from pipeline.errors import UsageError
from pipeline.ids import text_digest
from pipeline.records import JSON, Call, Failure, Origin
from pipeline.runner.publishing import ROWS_PER_GROUP, card
from pipeline.storage import dataset_cache, locking
from pipeline.storage import versions as store
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.memo import FILE as MEMO
from pipeline.storage.memo import Stored, open_memo
from pipeline.storage.names import forms as name_forms
from pipeline.storage.published import FILE as PUBLISHED
from pipeline.storage.published import Withdrawal, open_published, read_published, withdraw, withdrawals
from pipeline.storage.rows import ArticleKey, failures, rows
from pipeline.storage.versions import Experiment, Version

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

_Numbers: TypeAlias = tuple[str, int, int, int, bool, float | None]  # the engine's digest first
_REWRITTEN = frozenset({store.MANIFEST, "README.md", "failures.jsonl", "log.jsonl", "sources.jsonl", "report.html"})
_REWRITTEN_FOLDERS = frozenset({"data", "report-data"})
_FAILED_BEFORE = frozenset({"load"})  # stages in which nothing is paid for yet


@dataclass(frozen=True, slots=True)
class Holding:
    """What one version holds of the article."""

    version: Version
    titles: tuple[str, ...]  # of its records
    failures: int
    paid_unknown: bool  # it failed after calls that the version does not list


@dataclass(slots=True)
class Forgotten:
    """What goes, or has gone."""

    holdings: list[Holding] = field(default_factory=list)
    calls: int = 0
    aside: list[Path] = field(default_factory=list)  # files that were set aside as damaged
    cached: list[Path] = field(default_factory=list)  # entries in the cache of `datasets` with a row of it
    known: list[str] = field(default_factory=list)  # names whose list of what was published knows the id
    elsewhere: list[str] = field(default_factory=list)  # versions of names that were not asked for
    already: bool = False  # withdrawn before, and nothing of it left

    @property
    def certain(self) -> bool:
        """Whether each experiment that ever published the article still told which calls were its own."""
        held = {holding.version.folder.parent.name for holding in self.holdings if holding.titles}
        return not any(holding.paid_unknown for holding in self.holdings) and held >= set(self.known)


@dataclass(frozen=True, slots=True)
class _Article:
    """What to look for."""

    id: str
    texts: frozenset[str]  # digests of the digests of its texts: the list of withdrawals keeps no other

    @property
    def digests(self) -> list[str]:
        return sorted({text_digest(self.id), *self.texts})

    def matches(self, article_id: str, text_sha256: str) -> bool:
        """Return whether a row or a failure with this id and text digest is the article's."""
        return article_id == self.id or text_digest(text_sha256) in self.texts

    def is_in_log(self, line: dict[str, JSON]) -> bool:
        """Return whether a line of the log is about it."""
        named = (line.get("id"), line.get("record"), line.get("same_text_as"))
        return self.id in named or text_digest(line.get("text_sha256", "")) in self.texts


@dataclass(frozen=True, slots=True)
class _Titled:
    """A row's key and title: a projection."""

    id: str
    text_sha256: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Called:
    """A row's key and calls: a projection."""

    id: str
    text_sha256: str
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sourced:
    """A row's key and source: a projection."""

    id: str
    text_sha256: str
    source: Origin


def forget(
    outputs: Path,
    article_id: str,
    *,
    name: str | None = None,
    everything: bool = False,
    delete: bool,
    wait: float,
) -> Forgotten:
    """Return what is held of the article; remove it if `delete`. `name`: only of this experiment.

    `everything`: empty the memo. Raises `UsageError` where nothing knows the id, `LockedError` where a run is under
    way on one of the names, `WorldError` where the disk gives way: run it again then.
    """
    names = _names(outputs)
    if name is not None and name not in names:
        store.find(outputs, name)  # raises, naming what there is
    asked = [one for one in names if name in {None, one}]
    with (
        on_disk(outputs, remedy="make room for a copy of the largest version and run it again"),
        ExitStack() as stack,
    ):
        experiments = [Experiment(outputs / one) for one in asked]
        if delete:
            experiments = _locked(stack, outputs, asked, wait=wait)
        else:
            _name_strays(experiments)  # as the locks do
        article = _named(outputs, names, article_id)
        article_id = article.id
        found = _look(outputs, asked, article)
        told = [one for one in withdrawals(outputs) if one.article == text_digest(article_id)]
        found.already = found.already or any(one.name in {None, *asked} for one in told)
        found.elsewhere = [
            holding.version.name for holding in _look(outputs, set(names) - set(asked), article).holdings
        ]
        if not (found.holdings or found.known or found.already or everything):
            also = f"; these hold it: {', '.join(found.elsewhere)}" if found.elsewhere else ""
            raise UsageError(
                f"{article_id}: no version holds an article with this id{also}; ids are in the column `id`: "
                "tomdich show NAME --jsonl"
            )
        held = {holding.version.folder.parent.name for holding in found.holdings} | set(found.known)
        held |= {one for earlier in told for one in earlier.names} | ({name} if name is not None else set())
        if delete and (found.holdings or found.known):
            withdraw(
                outputs,
                Withdrawal(_now(), text_digest(article_id), tuple(sorted(article.texts)), name, tuple(sorted(held))),
            )
        numbers = frozenset(number for holding in found.holdings for number in _paid(holding.version, article))
        found.holdings = [one for one in found.holdings if not _is_linked(one.version)]
        memos = compact.memos(outputs, [version for one in experiments for version in one.versions()])
        for memo in memos:
            found.calls += _forget_calls(memo, None if everything else numbers, delete=delete)
        found.aside = [*_aside({outputs / ".memo", *memos}, experiments)]
        if delete:
            for path in found.aside:
                path.unlink()
            for experiment in experiments:
                its_own = article_id if experiment.folder.name in held else None  # elsewhere it may be another's
                with open_published(experiment.folder, experiment.versions()) as published:
                    published.forget(article_id=its_own, texts=article.texts)
            for holding in found.holdings:
                _rewrite(Experiment(holding.version.folder.parent), holding.version, article)
    found.cached = _forget_cached(found, article, delete=delete)
    return found


def _named(outputs: Path, names: Iterable[str], article_id: str) -> _Article:
    """Return what to look for by an id in the normal form of Unicode in which something is held under it."""
    spelled = {form: _texts(outputs, names, form) for form in name_forms(article_id)}
    held = next((form for form, texts in spelled.items() if texts), article_id)
    return _Article(held, spelled[held])


def _is_linked(version: Version) -> bool:
    """Return whether a version is linked from elsewhere, which is logged: it is left alone."""
    link = version.link()
    if link:
        _log.warning(f"{link}; it holds the article and is left alone: forget it there, or remove the link")
    return bool(link)


def _forget_cached(found: Forgotten, article: _Article, *, delete: bool) -> list[Path]:
    """Return the entries of the cache of `datasets` that have to go; remove them if `delete`."""
    cached = dataset_cache.entries(
        dataset_cache.location(),
        versions={holding.version.folder.name for holding in found.holdings},
        holds=article.matches,
    )
    for entry in cached if delete else ():
        dataset_cache.remove(entry)
    return cached


def _locked(stack: ExitStack, outputs: Path, names: Iterable[str], *, wait: float) -> list[Experiment]:
    """Lock the list of withdrawals, and then each name."""
    busy = "wait for it with --wait-lock 10m"
    stack.enter_context(locking.locked(outputs, holder="forget", busy=busy, setting="--outputs", wait=wait))
    return [stack.enter_context(store.locked(outputs, name, wait=wait)) for name in names]


def _name_strays(experiments: Iterable[Experiment]) -> None:
    for experiment in experiments:
        for said in store.unreadable_versions(experiment.folder):
            _log.warning(said)


def _names(outputs: Path) -> list[str]:
    """Return the names that a run has been under way on, or that hold a version, copied here from elsewhere perhaps."""
    entries = outputs.iterdir() if outputs.is_dir() else ()
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(one.name for one in folders if (one / ".lock").exists() or store.versions(one))


def _texts(outputs: Path, names: Iterable[str], article_id: str) -> frozenset[str]:
    """Return the digests of the digests of every text that is held, or was published or withdrawn, under the id."""
    found: set[str] = set()
    for name in names:
        versions = store.versions(outputs / name)
        with read_published(outputs / name, versions) as published:
            found |= published.texts(article_id)
            for version in versions:
                twins = _twins(version, article_id)
                listed: list[ArticleKey | Failure] = [*rows(version, ArticleKey), *failures(version)]
                found |= {one.text_sha256 for one in listed if one.id == article_id or one.id in twins}
                elsewhere = twins - {one.id for one in listed}  # published by an earlier run
                found |= {sha for twin in elsewhere for sha in published.texts(twin)}
    told = {text for one in withdrawals(outputs) if one.article == text_digest(article_id) for text in one.texts}
    return frozenset(told.union(map(text_digest, found - {""})))


def _twins(version: Version, article_id: str) -> set[str]:
    """Return the ids that the article's text was read under before, where a run passed it over as their duplicate."""
    found: set[str] = set()
    for line in _log_lines(version.folder / "log.jsonl"):
        if line.get("record") == article_id and line["event"] == "duplicate":
            found.add(line["same_text_as"])
        elif line.get("record") == article_id and line["event"] == "no_duplicate":
            found.clear()  # the other one went, this one is among the records or the failures
    return found


def _log_lines(path: Path) -> Iterator[dict[str, JSON]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _look(outputs: Path, names: Collection[str], article: _Article) -> Forgotten:
    found = Forgotten()
    for name in sorted(names):
        versions = store.versions(outputs / name)
        with read_published(outputs / name, versions) as published:
            if published.texts(article.id):
                found.known.append(name)
            found.already = found.already or published.is_withdrawn(article.id)
        for version in versions:
            titles = tuple(
                row.title or row.id for row in rows(version, _Titled) if article.matches(row.id, row.text_sha256)
            )
            failed = [one for one in failures(version) if article.matches(one.id, one.text_sha256)]
            if titles or failed:
                unknown = any(not one.rejected and one.stage not in _FAILED_BEFORE for one in failed)
                found.holdings.append(Holding(version, titles, len(failed), unknown))
    return found


def _forget_calls(folder: Path, wanted: frozenset[_Numbers] | None, *, delete: bool) -> int:
    """Return how many calls of a memo are the article's, None: all; remove them if `delete`, to the last byte."""
    with open_memo(folder) as memo:
        gone = sum(1 for _ in memo.scan(lambda call: wanted is None or _numbers(call) in wanted, delete=delete))
        if delete:  # also where none is left: the run before this one may have been killed just here
            memo.shrink(fully=True)
    return gone


def _paid(version: Version, article: _Article) -> Iterator[_Numbers]:
    """Yield the numbers of the calls that the version's records of the article were made of."""
    engines = {stage: digest for digest, stage in compact.engines(version).items()}
    for row in rows(version, _Called):
        for call in row.calls if article.matches(row.id, row.text_sha256) else ():
            yield (
                engines.get(call.stage, ""),
                call.source_tokens,
                call.dropped_tokens,
                call.output_tokens,
                call.finished,
                None if call.score is None or math.isnan(call.score) else call.score,  # SQLite keeps no NaN
            )


def _numbers(call: Stored) -> _Numbers:
    return (call.engine, call.source_tokens, call.dropped_tokens, call.output_tokens, call.finished, call.score)


def _aside(memos: Collection[Path], experiments: Collection[Experiment]) -> Iterator[Path]:
    """Yield the files that were set aside as damaged, which are never read and may hold what was in them."""
    for folder in sorted(memos):
        yield from sorted(folder.glob(f"{MEMO}.*"))
    for experiment in experiments:
        yield from sorted(experiment.folder.glob(f"{PUBLISHED}.*"))


def _rewrite(experiment: Experiment, version: Version, article: _Article) -> None:
    """Put in the version's place one without the article."""
    staged = experiment.stage()
    records = _copy_rows(version.folder / "data", staged / "data", article)
    gone = _copy_failures(version, staged, article)
    _copy_log(version.folder / "log.jsonl", staged / "log.jsonl", article)
    _copy_sources(version.folder / "sources.jsonl", staged / "sources.jsonl", version, article)
    _copy_others(version.folder, staged)
    manifest = version.manifest | {
        "withdrawn": [*version.manifest.get("withdrawn", ()), {"at": _now(), "digests": article.digests}],
    }
    manifest["counts"] = _recounted(version.manifest["counts"], records=records, gone=gone)
    rewritten = Version(staged, manifest)
    tally = report.write(staged, manifest=manifest, rows=rows(rewritten), failures=failures(rewritten))
    manifest["counts"] |= {"held": tally.held, "flagged": tally.flagged}
    manifest["statistics"] = tally.statistics()
    (staged / "README.md").write_text(card(manifest, data=staged / "data"), encoding="utf-8")
    experiment.replace(version, staged, manifest=manifest)


def _recounted(counts: dict[str, int], *, records: int, gone: list[Failure]) -> dict[str, int]:
    """Return the counts without what was withdrawn; `read` stays what it was, and `withdrawn` is the difference."""
    lost = Counter(failure.category for failure in gone)
    withdrawn = counts["records"] - records + len(gone)
    return counts | {
        "records": records,
        "rejected": counts["rejected"] - lost["rejected"],
        "damaged": counts.get("damaged", 0) - lost["damaged"],
        "duplicates": counts["duplicates"] - lost["duplicate"],
        "failures": counts["failures"] - lost["failed"],
        "retryable": counts["retryable"] - sum(failure.retry for failure in gone),
        "withdrawn": counts.get("withdrawn", 0) + withdrawn,
    }


def _copy_rows(there: Path, here: Path, article: _Article) -> int:
    """Copy the rows but the article's, file by file; return how many are left."""
    import pyarrow.parquet as pq

    here.mkdir()
    left = 0
    for path in sorted(there.glob("*.parquet")):
        with (
            pq.ParquetFile(path) as file,
            pq.ParquetWriter(here / path.name, file.schema_arrow, compression="zstd") as writer,
        ):
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
                kept = _without(batch, article)
                if kept.num_rows:
                    writer.write_batch(kept)
                left += kept.num_rows
    return left


def _without(batch: pa.RecordBatch, article: _Article) -> pa.RecordBatch:
    import pyarrow as pa

    pairs = zip(batch.column("id").to_pylist(), batch.column("text_sha256").to_pylist(), strict=True)
    return batch.filter(pa.array([not article.matches(str(id_), str(sha)) for id_, sha in pairs], pa.bool_()))


def _copy_failures(version: Version, staged: Path, article: _Article) -> list[Failure]:
    """Copy the lines of the failures but the article's, byte for byte; return those left out."""
    gone: list[Failure] = []
    with (version.folder / "failures.jsonl").open("rb") as lines, (staged / "failures.jsonl").open("wb") as out:
        for line, failure in zip(lines, failures(version), strict=True):
            if article.matches(failure.id, failure.text_sha256):
                gone.append(failure)
            else:
                out.write(line)
    return gone


def _copy_log(there: Path, here: Path, article: _Article) -> None:
    with here.open("w", encoding="utf-8") as out:
        out.writelines(
            json.dumps(line, ensure_ascii=False) + "\n" for line in _log_lines(there) if not article.is_in_log(line)
        )


def _copy_sources(there: Path, here: Path, version: Version, article: _Article) -> None:
    """Copy the list of files; the name of a file that held nothing but the article is often its headline."""
    listed: Iterator[_Sourced | Failure] = chain(rows(version, _Sourced), failures(version))
    paths = {one.source.path for one in listed if article.matches(one.id, one.text_sha256)}
    with there.open(encoding="utf-8") as lines, here.open("w", encoding="utf-8") as out:
        for line in lines:
            file: dict[str, JSON] = json.loads(line)
            if file["records"] == 1 and file["path"] in paths:
                file["path"] = "(withdrawn)"
            out.write(json.dumps(file, ensure_ascii=False) + "\n")


def _copy_others(there: Path, here: Path) -> None:
    """Copy what no article is in."""
    for path in sorted(there.iterdir()):
        if path.name in _REWRITTEN | _REWRITTEN_FOLDERS:
            continue
        if path.is_dir():
            shutil.copytree(path, here / path.name)
        else:
            shutil.copy2(path, here / path.name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
