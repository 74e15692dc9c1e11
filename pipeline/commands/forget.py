"""Remove an article that its publisher withdrew from the memo and from every version that holds it.

The article is *found* by its id and by every text that was published under it, so that a copy under another id is
removed too; and where a run skipped it as a duplicate, by the log of that run.

*The memo* holds no source text, but the answers of models: summaries, their parts, translations. Its keys are digests,
which do not lead back to an article. But every record lists its calls with their numbers, and the memo stores the same
numbers with each answer: the calls of a record are the rows of its engine with the numbers of one of them. With scores
these are exactly its calls; with an engine that gives none, a few calls of other articles are removed too, and made
again. Calls of runs that published no version with the article are not found: stopped, refused by a gate, pruned since,
or the article failed in them. For that case `everything` empties the memo. Memo files that were set aside as damaged
are always removed.

*The versions* are rewritten and exchanged atomically, under the same name: rows, failures, log, report, counts, digests
(`commands/rewriting.py`).

*Shards* that wait for `tomdich merge` are removed whole where they read the article, and have to be run again; their
memos lose its calls, so that all other answers are there.

*The cache of `datasets`* of this user loses the entries of the rewritten versions, and every other entry with a row of
the article.

*The list* of withdrawals, `<outputs>/.withdrawn`, holds digests of the id and of the texts, so that no later run
publishes them again: the texts under no id, and the id nowhere where it was this article's.

The order lets a rerun complete what was killed: first the list, from which a rerun knows the texts when the rewritten
versions no longer have them; then the memo, because its calls are found through the versions; then the versions. All
names are locked, so that no concurrent run holds a copy.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from pipeline.commands import compact
from pipeline.commands.rewriting import WithdrawnArticle, log_lines, now, rewrite
from pipeline.errors import UsageError
from pipeline.ids import text_digest
from pipeline.records import Call, Failure
from pipeline.storage import dataset_cache, locking
from pipeline.storage import versions as store
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.memo import FILE as MEMO
from pipeline.storage.memo import Memo, StoredCall, open_memo
from pipeline.storage.names import forms as name_forms
from pipeline.storage.published import FILE as PUBLISHED
from pipeline.storage.published import Withdrawal, open_published, read_published, withdraw, withdrawals
from pipeline.storage.rows import ArticleKey, failures, rows
from pipeline.storage.shards import Shard, entries, shard_versions
from pipeline.storage.shards import shards as all_shards
from pipeline.storage.versions import Experiment, Version

_log = logging.getLogger(__name__)

_Numbers: TypeAlias = tuple[str, int, int, int, bool, float | None]  # the engine's digest first
_SHARD_REMOVED = "held an article that was withdrawn with `tomdich forget`, and was removed"
_FAILED_BEFORE = frozenset({"load"})  # stages before the first call of a model


@dataclass(frozen=True, slots=True)
class Holding:
    """The records and failures of one version that are the article's."""

    version: Version
    titles: tuple[str, ...]  # of its records
    failures: int
    paid_unknown: bool  # it failed after calls that the version does not list


@dataclass(frozen=True, slots=True)
class HoldingShard:
    """A shard that has the article, and the calls that it made for it."""

    shard: Shard
    calls: frozenset[_Numbers]


@dataclass(slots=True)
class Forgotten:
    """What is to be removed, or was."""

    holdings: list[Holding] = field(default_factory=list)
    shards: list[HoldingShard] = field(default_factory=list)  # which are removed, to be run again
    calls: int = 0
    aside: list[Path] = field(default_factory=list)  # files that were set aside as damaged
    cached: list[Path] = field(default_factory=list)  # entries in the cache of `datasets` with a row of it
    known: list[str] = field(default_factory=list)  # names whose list of what was published knows the id
    elsewhere: list[str] = field(default_factory=list)  # versions of names that were not asked for
    already: bool = False  # withdrawn before, and nothing of it left

    @property
    def certain(self) -> bool:
        """Whether each experiment that ever published the article still records which calls were its own."""
        held = {holding.version.folder.parent.name for holding in self.holdings if holding.titles}
        return not any(holding.paid_unknown for holding in self.holdings) and held >= set(self.known)


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


def forget(
    outputs: Path,
    article_id: str,
    *,
    name: str | None = None,
    everything: bool = False,
    delete: bool,
    wait: float,
) -> Forgotten:
    """Return what is stored of the article; with `delete`, remove it. `name`: only of this experiment.

    `everything`: empty the memo. Raises `UsageError` where nothing knows the id, `LockedError` where a run is under
    way on one of the names, `WorldError` where the disk fails: run it again then.
    """
    store.refresh(outputs)
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
            _warn_of_unreadable(experiments)  # as the locks do
        article = _named(outputs, names, article_id)
        article_id = article.id
        found = _look(outputs, asked, article)
        found.shards = [*_look_into_shards(outputs, asked, article)]
        earlier = [one for one in withdrawals(outputs) if one.article == text_digest(article_id)]
        found.already = found.already or any(one.name in {None, *asked} for one in earlier)
        found.elsewhere = [
            holding.version.name for holding in _look(outputs, set(names) - set(asked), article).holdings
        ]
        if not (found.holdings or found.shards or found.known or found.already or everything):
            also = f"; these hold it: {', '.join(found.elsewhere)}" if found.elsewhere else ""
            raise UsageError(
                f"{article_id}: no version holds an article with this id{also}; ids are in the column `id`: "
                "tomdich show NAME --jsonl"
            )
        held = {holding.version.folder.parent.name for holding in found.holdings} | set(found.known)
        held |= {holding.shard.experiment.name for holding in found.shards}
        held |= {one for withdrawal in earlier for one in withdrawal.names} | ({name} if name is not None else set())
        if delete and (found.holdings or found.known or found.shards):
            withdraw(
                outputs,
                Withdrawal(now(), text_digest(article_id), tuple(sorted(article.texts)), name, tuple(sorted(held))),
            )
        numbers = frozenset(number for holding in found.holdings for number in _paid(holding.version, article))
        numbers = numbers.union(*(holding.calls for holding in found.shards))
        found.holdings = [one for one in found.holdings if not _is_linked(one.version)]
        _forget_in_memos(outputs, experiments, found, None if everything else numbers, delete=delete, wait=wait)
        if delete:
            for path in found.aside:
                path.unlink()
            for experiment in experiments:
                its_own = article_id if experiment.folder.name in held else None  # elsewhere it may be another's
                with open_published(experiment.folder, experiment.versions()) as published:
                    published.forget(article_id=its_own, texts=article.texts)
            for left in found.shards:
                left.shard.note_stopped(_SHARD_REMOVED)
                left.shard.remove(memo=False)
            for holding in found.holdings:
                rewrite(Experiment(holding.version.folder.parent), holding.version, article)
    found.cached = _forget_cached(found, article, delete=delete)
    return found


def _named(outputs: Path, names: Iterable[str], article_id: str) -> WithdrawnArticle:
    """Return what to look for by an id in the normal form of Unicode in which something is held under it."""
    spelled = {form: _texts(outputs, names, form) for form in name_forms(article_id)}
    held = next((form for form, texts in spelled.items() if texts), article_id)
    return WithdrawnArticle(held, spelled[held])


def _is_linked(version: Version) -> bool:
    """Return whether a version is linked from elsewhere, which is logged: it is left alone."""
    link = version.link()
    if link:
        _log.warning(f"{link}; it holds the article and is left alone: forget it there, or remove the link")
    return bool(link)


def _forget_cached(found: Forgotten, article: WithdrawnArticle, *, delete: bool) -> list[Path]:
    """Return the entries of the cache of `datasets` to remove; with `delete`, remove them."""
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
    for shard in (shard for name in names for shard in all_shards(outputs / name)):
        stack.enter_context(shard.locked(wait=wait))
    return [stack.enter_context(store.locked(outputs, name, wait=wait)) for name in names]


def _warn_of_unreadable(experiments: Iterable[Experiment]) -> None:
    for experiment in experiments:
        for said in store.unreadable_versions(experiment.folder):
            _log.warning(said)


def _names(outputs: Path) -> list[str]:
    """Return the names that a run has been under way on, or that hold a version, copied here from elsewhere perhaps."""
    entries = outputs.iterdir() if outputs.is_dir() else ()
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(one.name for one in folders if (one / ".lock").exists() or store.versions(one) or all_shards(one))


def _texts(outputs: Path, names: Iterable[str], article_id: str) -> frozenset[str]:
    """Return the digests of the digests of every text that is held, or was published or withdrawn, under the id."""
    found: set[str] = set()
    for name in names:
        versions = store.versions(outputs / name)
        with read_published(outputs / name, versions) as published:
            found |= published.texts(article_id)
            for version in versions:
                equal = _equal_texts(version, article_id)
                listed: list[ArticleKey | Failure] = [*rows(version, ArticleKey), *failures(version)]
                found |= {one.text_sha256 for one in listed if one.id == article_id or one.id in equal}
                elsewhere = equal - {one.id for one in listed}  # published by an earlier run
                found |= {sha for other in elsewhere for sha in published.texts(other)}
        for version in shard_versions(outputs / name):
            found |= {entry.read.text_sha256 for entry in entries(version) if entry.read.id == article_id}
    withdrawn = {text for one in withdrawals(outputs) if one.article == text_digest(article_id) for text in one.texts}
    return frozenset(withdrawn.union(map(text_digest, found - {""})))


def _equal_texts(version: Version, article_id: str) -> set[str]:
    """Return the ids that the article's text was read under before, where a run passed it over as their duplicate."""
    found: set[str] = set()
    for line in log_lines(version.path("log.jsonl")):
        if line.get("record") == article_id and line["event"] == "duplicate":
            found.add(line["same_text_as"])
        elif line.get("record") == article_id and line["event"] == "no_duplicate":
            found.clear()  # the other one was removed, this one is among the records or the failures
    return found


def _look(outputs: Path, names: Collection[str], article: WithdrawnArticle) -> Forgotten:
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


def _look_into_shards(outputs: Path, names: Iterable[str], article: WithdrawnArticle) -> Iterator[HoldingShard]:
    for shard in (shard for name in names for shard in all_shards(outputs / name)):
        if (version := shard.version()) is None:
            continue
        held = [entry for entry in entries(version) if article.matches(entry.read.id, entry.read.text_sha256)]
        if held:
            calls = (call for entry in held if entry.record is not None for call in entry.record.calls)
            yield HoldingShard(shard, frozenset(_numbers_of(calls, version)))


def _forget_in_memos(
    outputs: Path,
    experiments: Sequence[Experiment],
    found: Forgotten,
    wanted: frozenset[_Numbers] | None,
    *,
    delete: bool,
    wait: float,
) -> None:
    """Count the article's calls in every memo, and find the files that were set aside; as `_forget_calls`."""
    memos = compact.memos(outputs, [version for one in experiments for version in one.versions()])
    shards = [shard for one in experiments for shard in all_shards(one.folder) if shard.has_memo]
    for memo in memos:
        found.calls += _forget_calls(partial(open_memo, memo), wanted, delete=delete)
    for shard in shards:
        with nullcontext() if delete else shard.locked(wait=wait):  # to delete, every lock is held already
            found.calls += _forget_calls(shard.open_memo, wanted, delete=delete)
    found.aside = [*_aside({outputs / ".memo", *memos, *(shard.memo for shard in shards)}, experiments)]


def _forget_calls(opening: Callable[[], Memo], wanted: frozenset[_Numbers] | None, *, delete: bool) -> int:
    """Return how many calls of a memo are the article's, None: all; remove them if `delete`, to the last byte."""
    with opening() as memo:
        gone = sum(1 for _ in memo.scan(lambda call: wanted is None or _numbers(call) in wanted, delete=delete))
        if delete:  # also where none is left: the run before this one may have been killed just here
            memo.shrink(fully=True)
    return gone


def _paid(version: Version, article: WithdrawnArticle) -> Iterator[_Numbers]:
    """Yield the numbers of the calls that the version's records of the article were made of."""
    for row in rows(version, _Called):
        if article.matches(row.id, row.text_sha256):
            yield from _numbers_of(row.calls, version)


def _numbers_of(calls: Iterable[Call], version: Version) -> Iterator[_Numbers]:
    engines = {stage: digest for digest, stage in compact.engines(version).items()}
    for call in calls:
        yield (
            engines.get(call.stage, ""),
            call.source_tokens,
            call.dropped_tokens,
            call.output_tokens,
            call.finished,
            None if call.score is None or math.isnan(call.score) else call.score,  # SQLite keeps no NaN
        )


def _numbers(call: StoredCall) -> _Numbers:
    return (call.engine, call.source_tokens, call.dropped_tokens, call.output_tokens, call.finished, call.score)


def _aside(memos: Collection[Path], experiments: Collection[Experiment]) -> Iterator[Path]:
    """Yield the files that were set aside as damaged, which are never read and may hold what was in them."""
    for folder in sorted(memos):
        yield from sorted(folder.glob(f"{MEMO}.*"))
    for experiment in experiments:
        yield from sorted(experiment.folder.glob(f"{PUBLISHED}.*"))
