"""What the steps of one run share: its config and options, the lock it holds, its folders, its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

from pipeline.config import Config, at_edition, today
from pipeline.engines import LoadedModel
from pipeline.progress import Progress
from pipeline.runner import revising
from pipeline.runner.deadline import Deadline, StopConditions
from pipeline.runner.disk_space import Watch
from pipeline.runner.failure_list import FailureList
from pipeline.runner.gates import Gates
from pipeline.runner.options import RunOptions
from pipeline.runner.preparing import kept_columns, memo_folder
from pipeline.runner.revising import Revision
from pipeline.runner.run_log import RunLog
from pipeline.storage import versions
from pipeline.storage.disk_errors import on_disk
from pipeline.storage.published import Published, open_published, read_published
from pipeline.storage.shards import Shard

_MAKE_ROOM = "what is finished is kept: make room, or choose another --outputs, and run again"


@dataclass(frozen=True, slots=True)
class Day:
    """The edition of a run."""

    edition: date
    config: Config  # with the source paths of the edition
    # Whether versions of another edition differ from this one. The edition date alone does not force a new version:
    # equal sources are the same again on another day, unless the edition was asked for.
    is_named: bool
    revise: bool

    @classmethod
    def of(cls, config: Config, options: RunOptions) -> Self:
        """Return the edition that the options ask for, else that of today."""
        edition = options.edition or today(config)
        dated = at_edition(config, edition)
        is_named = options.edition is not None or options.revise or dated.sources != config.sources
        return cls(edition, dated, is_named, options.revise)

    def rerun(self, stopped: str) -> str:
        """Return why the run stopped, with the edition to resume: by default a later run takes the next day."""
        if not self.is_named:
            return stopped
        options = f"--edition {self.edition}{' --revise' if self.revise else ''}"
        return f"{stopped.removesuffix('run it again').rstrip(' ,;')}; run it again with {options}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run under the lock of its name."""

    config: Config
    options: RunOptions
    day: Day
    experiment: versions.Experiment
    published: Published
    revision: Revision | None
    staged: Path  # the version in the making
    work: Path  # the files between the steps
    run_log: RunLog
    failures: FailureList
    gates: Gates
    stop: StopConditions
    models: LoadedModel | None  # that several runs share; None: each stage loads its own

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns of the sources that are published beside those of every version."""
        return kept_columns(self.config) if self.revision is None else self.revision.kept_columns


@contextmanager
def open_run(day: Day, *, options: RunOptions, progress: Progress, models: LoadedModel | None) -> Iterator[RunContext]:
    """Give what a run needs, with the lock of its name held for the block; raises as `versions.locked` does."""
    deadline = Deadline(options.deadline)
    config = day.config

    def stopping() -> str | None:
        return options.stopping() or deadline.over()

    folder = options.outputs / config.name
    shard = None if options.shard is None else Shard(folder, options.shard)
    with (
        on_disk(options.outputs, remedy=_MAKE_ROOM),
        versions.locked(
            *((options.outputs, config.name) if shard is None else (shard.folder.parent, shard.name)),
            wait=options.wait_lock,
            stopping=stopping,
        ) as experiment,
        ExitStack() as stack,
    ):
        staged, work = experiment.stage(), experiment.stage()
        name = f"{config.name}{'' if shard is None else f'-{shard.name}'}-{versions.stamp(datetime.now(UTC))}"
        run_log = stack.enter_context(RunLog(staged, run=name, progress=progress))
        failures = FailureList(staged, event=run_log.event, earlier=experiment if options.only_new else None)
        stack.enter_context(failures)
        published = stack.enter_context(
            open_published(folder, experiment.versions(), stopping=stopping)
            if shard is None
            else read_published(folder, versions.versions(folder), stopping=stopping)
        )
        revision = revising.to_revise(experiment, day.edition) if options.revise else None
        config = config if revision is None else revision.as_published(config)
        memo = memo_folder(config, options.outputs) if shard is None else shard.memo
        space = Watch([experiment.folder, memo])
        yield RunContext(
            config=config,
            options=options,
            day=day,
            experiment=experiment,
            published=published,
            revision=revision,
            staged=staged,
            work=work,
            run_log=run_log,
            failures=failures,
            gates=Gates(config.name, config.limits, experiment.staging),
            models=models,
            stop=StopConditions(options.stopping, space, deadline),
        )
