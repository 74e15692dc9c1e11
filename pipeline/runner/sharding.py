"""One job of an array: a share of the sources through the model stages, left for `tomdich merge`.

A shard computes every article of its share. Which of two articles with one text or one id stays, what the gates say,
and where `latest` leads can only be decided over all shards: `merging` does. So a shard finds no duplicates; the answer
to an equal text is in its memo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec

from pipeline import __version__, sources
from pipeline.config import Config, dump
from pipeline.errors import TomdichError, UsageError
from pipeline.glossary import Glossary
from pipeline.ids import digest
from pipeline.progress import Progress
from pipeline.records import JSON, Article, Failure, StageName, Translated
from pipeline.runner.chain import prepare_models, through_stages, warn_of_searches
from pipeline.runner.context import Day, RunContext, open_run
from pipeline.runner.loading import unless_rejected, unless_withdrawn
from pipeline.runner.manifest import described
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.preparing import SCHEMA, before_reading, environment, kept_columns, memo_folder, recipe, resolved
from pipeline.secrets import masked
from pipeline.sources.shares import Division
from pipeline.storage.memo import FILE, Memo, open_memo
from pipeline.storage.mounts import file_system, is_network
from pipeline.storage.rows import read_failures
from pipeline.storage.shards import ENTRIES, SCOPE, Entry, Shard, Share

SOURCES = "sources.jsonl"
STAGES: tuple[StageName, ...] = ("summarize", "translate", "repair", "inspect")  # in which an article may fail
_UNFINISHED = "did not finish: it is running elsewhere, or was killed"

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file of a source, as far as a shard read it."""

    source: int  # its number in the config
    number: int  # of the file in the source
    file: sources.SourceFile


@dataclass(slots=True)
class _ShareRead:
    """What a shard read, in a file; iterated over, the articles that go through the stages."""

    path: Path
    read: int = 0
    count: int = 0  # of the articles that go through the stages
    characters: int = 0  # of their texts
    listings: list[str] = field(default_factory=list)  # of each source: see `Division.listing`
    unavailable: list[tuple[int, int, str]] = field(default_factory=list)  # source, file, reason
    files: list[ReadFile] = field(default_factory=list)
    is_complete: ClassVar[bool] = True

    def drain(self) -> None:
        """Do nothing: the articles are in a file already."""

    def entries(self) -> Iterator[Entry]:
        decoder = msgspec.json.Decoder(Entry)
        with self.path.open("rb") as lines:
            yield from map(decoder.decode, lines)

    def __iter__(self) -> Iterator[Article]:
        for entry in self.entries():
            if entry.article is not None and entry.failure is None:
                yield entry.article


def run(config: Config, *, options: RunOptions, progress: Progress) -> Outcome:
    """Run one share of the sources of `config`, and leave the result in its shard's folder; it replaces an earlier one.

    Raises as `chain.run` does, but for what the gates say: `merging.merge` asks them. The reason is left beside, for
    `merge` to name.
    """
    share = options.shard
    assert share is not None
    for source in config.sources:
        if source.path == "-":
            raise UsageError("--shard: standard input can be read by one job only; write the articles to a file")
    day = Day.of(config, options)
    shard = Shard(options.outputs / config.name, share)
    with open_run(day, options=options, progress=progress, models=None) as context, _noting_why_it_ends(shard):
        return _run(context, shard)


@contextmanager
def _noting_why_it_ends(shard: Shard) -> Iterator[None]:
    """Leave the reason why the block ends without a result."""
    shard.note_stopped(_UNFINISHED)
    try:
        yield
    except TomdichError as error:
        shard.note_stopped(str(error))
        raise
    shard.note_stopped("")


def _run(run: RunContext, shard: Shard) -> Outcome:
    shard.remove(memo=False)  # so that a run that fails leaves no older result for `merge` to take
    start = {"name": run.config.name, "scope": SCOPE, "shard": str(shard.share), "tomdich": __version__}
    run.run_log.event("start", start)
    glossary = before_reading(run.config, run.options)
    checkpoints = prepare_models(run)
    warn_of_searches(checkpoints)
    read = _read(run, shard.share, glossary)
    with ExitStack() as stack:
        behind = _main_memo(run, stack) if checkpoints else None
        opened = shard.open_memo(stopping=run.stop.now, behind=behind) if checkpoints else open_memo(None)
        memo = stack.enter_context(opened)
        inspection, passes = through_stages(run, read, checkpoints, memo=memo, glossary=glossary)
    with run.run_log.stage("write", read.read):
        _write_entries(run, read, inspection.records)
        with (run.staged / SOURCES).open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in read.files)
        (run.staged / "config.yaml").write_text(dump(resolved(run.config, checkpoints)), encoding="utf-8")
    run.run_log.close()
    run.failures.close()
    identity = recipe(run.config, checkpoints, glossary)
    manifest: dict[str, JSON] = {
        "schema": SCHEMA,
        "name": run.config.name,
        "recipe": digest(identity),
        "scope": SCOPE,
        "shard": str(shard.share),
        "until": run.options.until,
        "edition": str(run.day.edition),
        "edition_is_named": run.day.is_named,
        "identity": identity,
        "sources": [
            {"path": masked(source.path or source.dataset or ""), "listing": listing}
            for source, listing in zip(run.config.sources, read.listings, strict=True)
        ],
        "unavailable": read.unavailable,
        "models": described(checkpoints),
        "counts": {
            "read": read.read,
            "articles": read.count,
            "failures": run.failures.failed,
            "records": inspection.records.count,
            "flagged": inspection.flagged,
            "held": inspection.held,
        },
        "calls": passes.calls,
        "timings": run.run_log.timings,
        "opening": run.run_log.opening,
        "environment": environment(checkpoints),
        "kept": kept_columns(run.config),
        "on_finish": run.config.on_finish,  # `config.yaml` has neither: a version must not publish them
        "metrics": run.config.metrics,
    }
    version = run.experiment.publish(run.staged, manifest=manifest)
    return Outcome(version, published=True, unavailable=tuple(reason for *_, reason in read.unavailable))


def _read(run: RunContext, share: Share, glossary: Glossary) -> _ShareRead:
    """Read the share into a file, each record with its place and, where it is not to be summarized, why."""
    read = _ShareRead(run.work / "read.jsonl")
    withdrawn, rejected = run.published.is_withdrawn, glossary.rejected_texts()
    with run.run_log.stage("load", None), read.path.open("wb") as out:
        run.stop.deadline.begin()
        for number, source in enumerate(run.config.sources):
            division = Division(share)

            def note_file(file: sources.SourceFile, number: int = number, division: Division = division) -> None:
                read.files.append(ReadFile(number, division.number, file))

            def miss(reason: str, number: int = number, division: Division = division) -> None:
                read.unavailable.append((number, division.number, reason))

            for record in sources.read(
                source,
                exclude=run.config.exclude,
                on_file=note_file,
                on_unavailable=miss,
                timezone=run.config.timezone,
                stopping=run.stop.now,
                division=division,
            ):
                run.stop.check("while loading")
                article = record if isinstance(record, Article) else None
                kept = unless_rejected(unless_withdrawn(record, withdrawn), rejected)
                failure = kept if isinstance(kept, Failure) else None
                out.write(
                    _encoder.encode(Entry(source=number, file=division.number, article=article, failure=failure))
                    + b"\n"
                )
                read.read += 1
                if article is not None and failure is None:
                    read.count += 1
                    read.characters += len(article.text)
                run.run_log.advance(1)
            read.listings.append(division.listing())
    return read


def _main_memo(run: RunContext, stack: ExitStack) -> Memo | None:
    """Return the memo of the runs without shards, where there is one on a disk of this machine: it is read too."""
    folder = memo_folder(run.config, run.options.outputs)
    if not (folder / FILE).exists() or is_network(file_system(folder)):
        return None
    return stack.enter_context(open_memo(folder, stopping=run.stop.now))


def _write_entries(run: RunContext, read: _ShareRead, records: Iterable[Translated]) -> None:
    """Write every record that was read with what came of it; `records`: the finished ones, in the order of reading.

    The failures of each stage are in that order too. So each article is found at the head of one of these.
    """
    finished = iter(records)
    record = next(finished, None)
    failed = {stage: _failed(run, stage) for stage in STAGES}
    heads = {stage: next(found, None) for stage, found in failed.items()}
    with (run.staged / ENTRIES).open("wb") as out:
        for entry in read.entries():
            article, whole = entry.article, entry
            if article is not None and entry.failure is None:
                if record is not None and record.article == article:
                    whole = Entry(source=entry.source, file=entry.file, record=record)
                    record = next(finished, None)
                else:
                    stage = next(stage for stage, head in heads.items() if head is not None and _is_of(head, article))
                    whole = Entry(source=entry.source, file=entry.file, article=article, failure=heads[stage])
                    heads[stage] = next(failed[stage], None)
            out.write(_encoder.encode(whole) + b"\n")
            run.run_log.advance(1)
    assert record is None, record


def _failed(run: RunContext, stage: str) -> Iterator[Failure]:
    return (failure for failure in read_failures(run.failures.listed()) if failure.stage == stage)


def _is_of(failure: Failure, article: Article) -> bool:
    return (failure.source, failure.id, failure.text_sha256) == (article.source, article.id, article.text_sha256)
