"""Publish the shards of an array job as one version: that of a run without shards.

The records of all shards are put into the order of the sources and go through the same load pass as those of a run, so
that duplicates and equal ids are decided as there. No source is read, no model is called and no record is inspected
again: what came of each article that stays is taken from its shard.
"""

from __future__ import annotations

import logging
import resource
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from heapq import merge as merged
from itertools import groupby
from pathlib import Path

import msgspec

from pipeline import __version__
from pipeline import config as configs
from pipeline.checks.rules import Rules
from pipeline.checks.worker import held_line
from pipeline.config import Config, Source
from pipeline.errors import MemoError, StoppedError, UsageError
from pipeline.glossary import Glossary
from pipeline.ids import text_digest
from pipeline.progress import Progress
from pipeline.records import BY_EDITOR, JSON, Article, Failure, Translated
from pipeline.runner.chain import check_failures, load_through_gates, publish
from pipeline.runner.context import Day, RunContext, open_run
from pipeline.runner.inspection import HELD
from pipeline.runner.loading import Loaded, content
from pipeline.runner.manifest import Counted, manifest, same_again
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.preparing import memo_folder, model_stages, require_writable
from pipeline.runner.sharding import SOURCES, ReadFile
from pipeline.sources import SourceFile
from pipeline.storage import labels
from pipeline.storage import versions as store
from pipeline.storage.memo import open_memo
from pipeline.storage.rows import read_failures
from pipeline.storage.shards import Entry, EntryFile, Shard, Share, located_entries
from pipeline.storage.versions import Version

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()

_SHOWN = 8  # shards named in one message
# What must be equal in every shard of one job: the manifest's key, what it is called, and how to make it equal.
_EQUAL = (
    ("schema", "written by different versions of tomdich", "run them again with one version"),
    ("recipe", "of different recipes", "run those of the old recipe again with the same config, models and files"),
    ("until", "that end at different stages", "run them again with the same --until"),
    ("edition", "of different editions", "run them again with the same --edition"),
)
_CONFIG = "config.yaml"
_AT = "at"  # in the `extra` of an article, while the load pass decides: its shard's index, its offset there
_DIGEST = 64  # digits
_OTHER_FILES = 256
_FILES = 4  # that are open for each shard: its lock, its entries twice, and one to spare


@dataclass(frozen=True, slots=True)
class _Whole:
    """A shard and what it left."""

    shard: Shard
    version: Version


def settings(outputs: Path, name: str, *, shards: int) -> Config | None:
    """Return the config of the first shard that is whole, with `on_finish` and `metrics`; None where none is."""
    for shard in _asked(outputs, name, shards):
        if (version := shard.version()) is not None:
            return _config(version)
    return None


def merge(name: str, *, shards: int, options: RunOptions, progress: Progress) -> Outcome:
    """Publish the shards of `name` as one version, or return the existing one where nothing would change.

    Then their calls go into the memo, and the shards are removed. Raises `UsageError` where a shard is missing or the
    shards are not of one job, naming them; `LockedError` where one is running; `GateError`, `StoppedError` and
    `WorldError` as `chain.run`. In each case nothing is published, and the shards stay.
    """
    asked = _asked(options.outputs, name, shards)
    _whole(asked)  # before a lock is taken, which would leave a folder
    _allow_files(_FILES * shards)
    with ExitStack() as stack:
        for shard in asked:
            stack.enter_context(shard.locked(wait=options.wait_lock, stopping=options.stopping))
        whole, published = _whole(asked)
        if not published:
            _require_one_job(whole)
        first = whole[0].version
        edition = date.fromisoformat(first.manifest["edition"])
        options = replace(options, edition=edition, until=first.manifest["until"])
        day = Day(edition, _config(first), first.manifest["edition_is_named"], revise=False)
        try:
            with open_run(day, options=options, progress=progress, models=None) as context:
                outcome = Outcome(published, published=False) if published else _merged(context, whole)
                if outcome.version is not None and (options.tags or options.note is not None):
                    labels.edit(outcome.version, add=options.tags, note=options.note)
                _empty(context, whole, progress)
        except StoppedError as error:  # the shards name their edition themselves
            raise type(error)(f"{name}: {error}") from None
    return outcome


def _asked(outputs: Path, name: str, shards: int) -> list[Shard]:
    return [Shard(outputs / name, Share(shards, number)) for number in range(1, shards + 1)]


def _whole(asked: Sequence[Shard]) -> tuple[list[_Whole], Version | None]:
    """Return every shard with what it left; raises `UsageError` that names those that left nothing.

    Where a merge was killed while it removed its shards, return those that are left, and the version it published.
    """
    found = [(shard, shard.version()) for shard in asked]
    whole = [_Whole(shard, version) for shard, version in found if version is not None]
    missing = [shard for shard, version in found if version is None]
    if not missing:
        return whole, None
    experiment = asked[0].experiment
    merged_last = next((one for one in reversed(store.versions(experiment)) if "shards" in one.manifest), None)
    if merged_last is not None and whole and not any(shard.stopped() for shard in missing):
        taken = merged_last.manifest["shards"]
        if all(_as_taken(one.version.manifest) in taken for one in whole):
            return whole, merged_last
    lines = "".join(f"\n  shard {one.share}: {one.stopped() or 'has not been run'}" for one in missing[:_SHOWN])
    more = f"\n  and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    raise UsageError(
        f"{experiment.name}: {len(missing)} of {len(asked)} shards have no result, and nothing is published; run them "
        f"with `tomdich run CONFIG --shard {missing[0].share}`, then merge{lines}{more}"
    )


def _as_taken(manifest: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what a merged version says of a shard that it took; the name alone is that of any run of that second."""
    return {name: manifest[name] for name in ("shard", "version", "counts", "calls", "timings")}


def _require_one_job(whole: Sequence[_Whole]) -> None:
    """Raise `UsageError` where the recipe, options or sources of the shards differ, naming those that do."""
    for key, difference, remedy in _EQUAL:
        _require_equal(whole, _of_manifest(key), difference, remedy)
    texts = {(one.version.folder / _CONFIG).read_text(encoding="utf-8") for one in whole}
    if len(texts) > 1:  # parsing takes a while
        _require_equal(whole, _published_config, "of different configs", "run those of the old config again")
    for number, source in enumerate(whole[0].version.manifest["sources"]):
        difference = f"that found different files at {source['path']}"
        remedy = "run those again that ran before it changed; what lies on each node's own disk must be equal on all"
        _require_equal(whole, _listing(number), difference, remedy)
    for one in whole:
        store.verify(one.version)


def _of_manifest(key: str) -> Callable[[Version], JSON]:
    return lambda version: version.manifest[key]


def _listing(number: int) -> Callable[[Version], JSON]:
    return lambda version: version.manifest["sources"][number]["listing"]


def _require_equal(whole: Sequence[_Whole], value: Callable[[Version], JSON], difference: str, remedy: str) -> None:
    by_value: dict[str, list[Share]] = defaultdict(list)
    for one in whole:
        by_value[str(value(one.version))].append(one.shard.share)
    if len(by_value) > 1:
        groups = sorted(by_value.items(), key=lambda item: item[1][0])
        told = "".join(f"\n  {_shares(shares)}: {_brief(said)}" for said, shares in groups)
        name = whole[0].shard.experiment.name
        raise UsageError(f"{name}: has shards {difference}; nothing is published; {remedy}{told}")


def _shares(shares: Sequence[Share]) -> str:
    more = f" and {len(shares) - _SHOWN} more" if len(shares) > _SHOWN else ""
    return f"{'shard' if len(shares) == 1 else 'shards'} {', '.join(map(str, shares[:_SHOWN]))}{more}"


def _brief(said: str) -> str:
    """Return a value as a message shows it: a long one by the beginning of its digest, as in the name of a version."""
    if len(said) == _DIGEST and said.isalnum():
        return said[:8]
    return said if len(said) < _DIGEST else text_digest(said)[:8]


def _published_config(version: Version) -> str:
    """Return the config of a shard as text, without what may differ from one node to another."""
    same = _config(version).model_copy(update={"runtime": configs.Runtime(), "memo": None})
    return configs.dump(same)


def _config(version: Version) -> Config:
    written = configs.load(version.folder / _CONFIG)
    machine = {name: version.manifest[name] for name in ("on_finish", "metrics")}
    machine = {name: tuple(value) if isinstance(value, list) else value for name, value in machine.items()}
    return written.model_copy(update=machine)


def _merged(run: RunContext, whole: Sequence[_Whole]) -> Outcome:
    start = {"name": run.config.name, "scope": run.options.scope, "shards": len(whole), "tomdich": __version__}
    run.run_log.event("start", start)
    require_writable(run.config, run.options.outputs)
    manifests = [one.version.manifest for one in whole]
    loaded = load_through_gates(run, _Reader(whole).read, rejected={})
    recipe = manifests[0]["recipe"]
    there = run.experiment.versions()
    if same := same_again(there, recipe, loaded, options=run.options, day=run.day, revision=None):
        return Outcome(same, published=False, unavailable=loaded.reasons)
    check_failures(run, loaded, records=loaded.count)
    with run.run_log.stage("merge", loaded.count):
        records, counted = _taken(run, whole, loaded)
    check_failures(run, loaded, records=counted.records)
    run.gates.holds(counted.held, records=counted.records, listed=run.work / HELD)
    facts = manifest(
        run,
        manifests[0]["identity"],
        models=manifests[0]["models"],
        environment=_environment(manifests),
        loaded=loaded,
        counted=counted,
        calls={stage: _sum(one["calls"][stage] for one in manifests) for stage in manifests[0]["calls"]},
        scope=run.options.scope,
    )
    facts["timings"] |= _sum(one["timings"] for one in manifests)
    facts["opening"] = _sum(one.get("opening", {}) for one in manifests)  # not there in a shard of an earlier tomdich
    facts["shards"] = [_as_taken(one) for one in manifests]
    version = publish(run, records, facts, loaded=loaded, config=run.config)
    return Outcome(version, published=True, unavailable=loaded.reasons)


class _Reader:
    """The records of all shards in the order of the sources: a `loading.Reader` without the sources.

    The articles have no text, but in their `extra` where their shard has them.
    """

    def __init__(self, whole: Sequence[_Whole]) -> None:
        self._files = _files(whole)
        self._unavailable = sorted(
            {(number, file, reason) for one in whole for number, file, reason in one.version.manifest["unavailable"]}
        )
        coming = merged(*(_placed(index, one.version) for index, one in enumerate(whole)))
        self._by_source = groupby(coming, key=lambda placed: placed.place[0])
        self._next = next(self._by_source, None)

    def read(
        self,
        number: int,
        _: Source,
        *,
        on_file: Callable[[SourceFile], None],
        on_unavailable: Callable[[str], None],
    ) -> Iterator[tuple[Article | Failure, bytes]]:
        """Yield the records of one source; as `loading.Reader`."""
        if self._next is not None and self._next[0] == number:
            for placed in self._next[1]:
                yield placed.light(), content(placed.entry.read)
            self._next = next(self._by_source, None)
        for (source, _file), file in self._files.items():
            if source == number:
                on_file(file)
        for source, _file, reason in self._unavailable:
            if source == number:
                on_unavailable(reason)


@dataclass(frozen=True, slots=True)
class _Placed:
    """An entry of a shard with its place in the sources, by which it is sorted."""

    place: tuple[int, int, int]
    shard: int  # its index
    offset: int
    entry: Entry

    def __lt__(self, other: _Placed) -> bool:
        return self.place < other.place

    def light(self) -> Article | Failure:
        """Return what the load pass needs of the record: what decides which of two stays, or the failure."""
        read, failure = self.entry.read, self.entry.failure
        if isinstance(read, Failure):
            return read
        if failure is not None and failure.kind == BY_EDITOR:
            return failure
        empty = replace(read, text="", set_aside=(), reference_summary="", reference_translation="")
        return replace(empty, extra={_AT: [self.shard, self.offset]})


def _placed(index: int, version: Version) -> Iterator[_Placed]:
    for offset, entry in located_entries(version):
        yield _Placed(entry.place, index, offset, entry)


def _files(whole: Sequence[_Whole]) -> dict[tuple[int, int], SourceFile]:
    """Return every file that was read, in order; raises `UsageError` where two shards read different bytes of one."""
    found: dict[tuple[int, int], tuple[SourceFile, Share]] = {}
    decoder = msgspec.json.Decoder(ReadFile)
    for one in whole:
        with (one.version.folder / SOURCES).open("rb") as lines:
            for read in map(decoder.decode, lines):
                at, file, share = (read.source, read.number), read.file, one.shard.share
                earlier, first = found.get(at, (replace(file, records=0), share))
                if (earlier.path, earlier.digest) != (file.path, file.digest):
                    raise UsageError(
                        f"{file.path}: was another file for shard {share} than for shard {first}; nothing is "
                        "published; run the shards again that read it before it changed"
                    )
                found[at] = replace(earlier, records=earlier.records + file.records), first
    return {at: file for at, (file, _) in sorted(found.items())}


class _Taken:
    """The records that are published, in order, read from their shards each time; made once."""

    def __init__(self, path: Path, whole: Sequence[_Whole]) -> None:
        self._path, self._whole = path, whole
        self.count = 0

    def __iter__(self) -> Iterator[Translated]:
        with _opened(self._whole) as files, self._path.open("rb") as lines:
            for line in lines:
                shard, offset = map(int, line.split())
                record = files[shard].at(offset).record
                assert record is not None
                yield record


@contextmanager
def _opened(whole: Sequence[_Whole]) -> Iterator[list[EntryFile]]:
    with ExitStack() as stack:
        yield [stack.enter_context(EntryFile(one.version)) for one in whole]


def _taken(run: RunContext, whole: Sequence[_Whole], loaded: Loaded) -> tuple[_Taken, Counted]:
    """Return the finished records of the articles that stay, counted; the failures of the others go to the run's list.

    The failures are listed stage by stage, as a run does that computes everything.
    """
    path, held_list = run.work / "taken", run.work / HELD
    rules = Rules.of(Glossary(), hold=run.config.inspect.hold)
    records = flagged = held = 0
    with (
        _opened(whole) as files,
        path.open("wb") as out,
        held_list.open("wb") as listed,
        ExitStack() as stack,
    ):
        order = (*model_stages(run.config, until=None), "inspect")
        failed = {stage: stack.enter_context((run.work / f"failed-{stage}").open("w+b")) for stage in order}
        for article in loaded:
            run.stop.check("while merging")
            shard, offset = article.extra[_AT]
            entry = files[shard].at(offset)
            run.run_log.advance(1)
            if entry.record is None:
                if entry.failure is None or entry.failure.stage not in failed:
                    raise UsageError(
                        f"shard {whole[shard].shard.share} did not summarize the article {article.id}, which was "
                        "withdrawn when it ran, and is not any more; nothing is published; run that shard again"
                    )
                failed[entry.failure.stage].write(_encoder.encode(entry.failure) + b"\n")
                continue
            out.write(b"%d %d\n" % (shard, offset))
            records += 1
            flagged += bool(entry.record.flags)
            if entry.record.status == "hold":
                held += 1
                listed.write(held_line(entry.record, rules) + b"\n")
        for stage, file in failed.items():
            file.flush()
            for failure in read_failures(run.work / f"failed-{stage}"):
                run.failures.add(failure)
    return _Taken(path, whole), Counted(records, flagged, held)


def _environment(manifests: Sequence[Mapping[str, JSON]]) -> JSON:
    """Return the environment of the first shard, with the devices and processors of all."""
    found = {
        name: sorted({value for one in manifests for value in one["environment"].get(name, ())})
        for name in ("devices", "processors")
    }
    return manifests[0]["environment"] | found


def _sum(counts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return {name: round(value, 3) for name, value in total.items()}


def _empty(run: RunContext, whole: Sequence[_Whole], progress: Progress) -> None:
    """Move the calls of the shards into the memo, and remove the shards; what is published needs neither."""
    folder = memo_folder(run.config, run.options.outputs)
    is_moved = True
    if any(one.shard.has_memo for one in whole):
        try:
            with open_memo(folder, stopping=run.stop.now) as memo:
                progress.begin("memo", len(whole))
                for one in whole:
                    if one.shard.has_memo:
                        with one.shard.open_memo(stopping=run.stop.now) as its_own:
                            memo.absorb(its_own)
                    progress.advance(1)
        except MemoError as error:
            is_moved = False
            _log.warning(f"{error}; the calls stay in the memos of the shards, which the next run of each shard reads")
    for one in whole:
        one.shard.remove(memo=is_moved)


def _allow_files(count: int) -> None:
    """Let the process open `count` files beside those it has, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
