"""Look before the run: every problem at once, each with its remedy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline import sources, tracking
from pipeline.checkpoints import OTHER_SEARCH, Checkpoint
from pipeline.config import Config, Limits, at_edition, today
from pipeline.engines import open_engine
from pipeline.errors import TomdichError, UsageError, WorldError
from pipeline.messages import logged_to
from pipeline.records import DEFAULT_ORDER, Generation, StageName
from pipeline.runner import disk_space
from pipeline.runner.gates import FROM
from pipeline.runner.preparing import (
    field_of,
    memo_folder,
    model_stages,
    prepare_stage,
    read_glossary,
    require_second_is_other,
    require_writable,
    stage_of,
)
from pipeline.storage import object_store
from pipeline.storage.disk_errors import existing
from pipeline.storage.memo import open_memo
from pipeline.storage.versions import refresh, unreadable_versions

_PATIENCE = 60.0  # seconds for a sample of one source
_TRIAL = "Hà Nội hôm nay trời nắng, nhiệt độ cao nhất 34 độ C."
_ENGLISH_TRIAL = "Hanoi is sunny today, with a high of 34 degrees Celsius."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    message: str
    problem: bool = False
    warning: bool = False

    @property
    def mark(self) -> str:
        """A mark a person sees at a glance."""
        return "✗" if self.problem else "!" if self.warning else "✓"


def check(config: Config, *, outputs: Path, trial: bool, edition: date | None = None) -> list[Finding]:
    """Return what was found about `config`'s sources, models, licenses, disk and device; never raises on a problem."""
    config = at_edition(config, edition or today(config))
    return [
        *_sources(config),
        *_house(config),
        *_models(config, trial=trial),
        *_disk(config, outputs),
        *_tracker(config),
    ]


def _sources(config: Config) -> Iterator[Finding]:
    samples: list[sources.Sample] = []
    for source in config.sources:
        what = f"source {source.path or source.dataset}"
        warnings: list[str] = []
        try:
            with logged_to(warnings.append):
                sample = sources.sample(source, exclude=config.exclude, stopping=_patience())
        except TomdichError as error:
            # what is checked is named already
            yield Finding(what, str(error).removeprefix(f"{source.path or source.dataset}: "), problem=True)
            continue
        yield from (Finding(what, warning, warning=True) for warning in warnings)
        if sample.rows:
            samples.append(sample)
            yield _sampled(what, sample)
        else:
            yield Finding(what, "holds no record", problem=not source.optional, warning=source.optional)
    if samples:
        yield from _limits(config.limits, samples)


def _patience() -> Callable[[], str | None]:
    """Return what says that a source has been waited for long enough."""
    end = time.monotonic() + _PATIENCE
    return lambda: f"not read within {_PATIENCE:.0f} s" if time.monotonic() > end else None


def _sampled(what: str, sample: sources.Sample) -> Finding:
    """Return what a sample of a source says."""
    files = f"{sample.files} {'file' if sample.files == 1 else 'files'}"
    rows = f"{sample.rows} {'row' if sample.rows == 1 else 'rows'}"
    size = f"{files}, {rows}" if sample.is_whole else f"{files}, a sample of {rows}"
    if not sample.failures:
        return Finding(what, f"{size}: every one can be read")
    shares = []
    for name in ("damaged", "rejected"):
        if found := sample.counted(name):
            first = f"{found[0].kind.replace('_', ' ')}: {found[0].message}"
            shares.append(f"{len(found)} ({len(found) / sample.rows:.0%}) are {name}; first, {first}")
    return Finding(what, f"{size}: {'; '.join(shares)}", warning=True)


def _limits(limits: Limits, samples: Sequence[sources.Sample]) -> Iterator[Finding]:
    """Yield what the samples say of the gates of a run, and what they cannot say."""
    rows, articles = sum(sample.rows for sample in samples), sum(sample.articles for sample in samples)
    damaged = sum(len(sample.counted("damaged")) for sample in samples)
    is_whole = all(sample.is_whole for sample in samples)
    of = f"{rows} {'row' if rows == 1 else 'rows'}{'' if is_whole else ' of a sample'}"
    would = "a run would publish nothing" if is_whole else "a run whose other rows are like these would publish nothing"
    if not articles:
        yield Finding("limits", f"no article among {of}; {would}", problem=True)
    elif rows >= FROM and damaged > limits.max_failure_ratio * rows:
        most = f"more than limits.max_failure_ratio = {limits.max_failure_ratio:g} allows"
        yield Finding("limits", f"{damaged} of {of} are damaged, {most}; {would}", problem=True)
    least = limits.min_records
    if least is not None and articles < least and is_whole:
        message = f"the sources hold {articles} articles, fewer than limits.min_records = {least}; {would}"
        yield Finding("limits", message, problem=True)
    elif least is not None:
        known = f"{articles} articles, equal ones included" if is_whole else f"a sample of {articles} articles"
        message = f"limits.min_records = {least}: {known}; `tomdich plan` counts those that a run would take"
        yield Finding("limits", message, warning=articles < least)
    later = [f"records that fail (max_failure_ratio = {limits.max_failure_ratio:g})"]
    if limits.max_hold_ratio is not None:
        later.append(f"records that are held back (max_hold_ratio = {limits.max_hold_ratio:g})")
    yield Finding("limits", f"only a run knows the share of {' and of '.join(later)}")


def _tracker(config: Config) -> Iterator[Finding]:
    if config.track == "none":
        return
    if tracking.has_library(config.track):
        yield Finding("track", f"{config.track} gets each version; whether its server answers is not tried")
    else:
        missing = f"{config.track} is not installed: `pip install 'tomdich[{config.track}]'`, or remove `track`"
        yield Finding("track", missing, problem=True)


def _house(config: Config) -> Iterator[Finding]:
    if config.translate.terms is None and config.translate.corrections is None:
        return
    try:
        found = read_glossary(config)
    except TomdichError as error:
        yield Finding("house", str(error), problem=True)
    else:
        said = [f"{len(found.terms)} terms", f"{len(found.corrections)} sentences corrected"]
        for what, lines in (
            ("summaries", found.summaries),
            ("rejections", found.rejections),
            ("releases from hold", found.releases),
        ):
            if count := sum(map(len, lines.values())):
                said.append(f"{what}: {count}")
        yield Finding("house", ", ".join(said))


def _models(config: Config, *, trial: bool) -> Iterator[Finding]:
    prepared: dict[StageName, Checkpoint] = {}
    for name in model_stages(config, until=None):
        stage = stage_of(config, name)
        what = f"{field_of(name)} {stage.model}"
        warnings: list[str] = []
        try:
            with logged_to(warnings.append):
                checkpoint = prepared[name] = prepare_stage(config, name)
            require_second_is_other(prepared)
            if checkpoint.engine == "extractive":
                count = checkpoint.generation["sentences"]
                yield Finding(what, f"no model, takes {count} sentences of the article, license {checkpoint.license}")
                continue
            message = (
                f"{checkpoint.engine} {checkpoint.compute_type} on {checkpoint.device}, license {checkpoint.license}, "
                f"takes {checkpoint.budget} tokens of text at a time"
                f"{''.join(f'; {choice}' for choice in checkpoint.choices)}"
            )
            if trial:
                with logged_to(warnings.append), closing(open_engine(checkpoint, runtime=config.runtime)) as engine:
                    reads_english = name == "summarize" and config.order != DEFAULT_ORDER
                    (_, answer) = next(iter(engine.generate([_ENGLISH_TRIAL if reads_english else _TRIAL])))
                output = answer.text if isinstance(answer, Generation) else f"refused: {answer.message}"
                yield Finding(what, f"trial: {output}", problem=not isinstance(answer, Generation))
        except TomdichError as error:
            yield Finding(what, str(error).removeprefix(f"{field_of(name)}: "), problem=True)
            continue
        finally:
            yield from (Finding(what, warning, warning=True) for warning in warnings)
        yield Finding(what, message)
        for difference in checkpoint.search_differences:
            yield Finding(what, f"{OTHER_SEARCH}: {difference}", warning=True)


def _disk(config: Config, outputs: Path) -> Iterator[Finding]:
    what = f"outputs {object_store.shown(outputs)}"
    store = object_store.of(outputs)
    try:
        if store is not None:
            store.require_writable(config.name)
            refresh(outputs, config.name)
        require_writable(config, outputs)
        free = disk_space.format_bytes(shutil.disk_usage(existing(outputs)).free)
        yield Finding(what, f"{free} free" if store is None else f"can be written; {free} free for {outputs}")
    except TomdichError as error:
        yield Finding(what, str(error), problem=True)
        if store is not None:
            return
    try:
        disk_space.require(config, outputs=outputs)
    except WorldError as error:
        yield Finding("disk", str(error), problem=True)
    except UsageError:
        pass  # a source that cannot be found: said above
    yield from (Finding(what, said, warning=True) for said in unreadable_versions(outputs / config.name))
    try:
        with open_memo(memo_folder(config, outputs)) as memo:
            yield Finding("memo", f"{memo.size()} calls known")
    except TomdichError as error:
        yield Finding("memo", str(error), problem=True)
