"""Look before the run: every problem at once, each with its remedy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline import sources
from pipeline.checkpoints import OTHER_SEARCH, prepare
from pipeline.config import Config, at_edition, today
from pipeline.engines import open_engine
from pipeline.errors import TomdichError, UsageError, WorldError
from pipeline.records import Failure, Generation
from pipeline.runner import disk_space
from pipeline.runner.gates import FROM
from pipeline.runner.preparing import default_cache, house_of, memo_folder, require_writable
from pipeline.storage.disk_errors import existing
from pipeline.storage.memo import open_memo
from pipeline.storage.versions import unreadable_versions

_PATIENCE = 60.0  # seconds for a sample of one source
_TRIAL = "Hà Nội hôm nay trời nắng, nhiệt độ cao nhất 34 độ C."


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
    """Return what was found about `config`'s sources, models, licences, disk and device; never raises on a problem."""
    config = at_edition(config, edition or today(config))
    return [*_sources(config), *_house(config), *_models(config, trial=trial), *_disk(config, outputs)]


def _sources(config: Config) -> Iterator[Finding]:
    for source in config.sources:
        what = f"source {source.path or source.dataset}"
        warnings: list[str] = []
        try:
            stopping = _patience()
            found = sources.find(source, warn=lambda _: None, stopping=stopping)  # told by `sample` too
            sample = [
                record if isinstance(record, Failure) else None
                for record in sources.sample(source, exclude=config.exclude, warn=warnings.append, stopping=stopping)
            ]
        except TomdichError as error:
            # what is checked is named already
            yield Finding(what, str(error).removeprefix(f"{source.path or source.dataset}: "), problem=True)
            continue
        yield from (Finding(what, warning, warning=True) for warning in warnings)
        if sample:
            yield _sampled(what, len(found), sample, config)
        else:
            yield Finding(what, "holds no record", problem=not source.optional, warning=source.optional)


def _patience() -> Callable[[], str | None]:
    """Return what says that a source has been waited for long enough."""
    end = time.monotonic() + _PATIENCE
    return lambda: f"not read within {_PATIENCE:.0f} s" if time.monotonic() > end else None


def _sampled(what: str, files: int, sample: list[Failure | None], config: Config) -> Finding:
    """Return what a sample of a source says: None stands for an article, a failure for what is none."""
    failures = [one for one in sample if one is not None]
    lost = {name: [one for one in failures if one.category == name] for name in ("damaged", "rejected")}
    counted = f"{len(sample)} {'row' if len(sample) == 1 else 'rows'}"
    size = f"{files} {'file' if files == 1 else 'files'}, a sample of {counted}"
    if not failures:
        return Finding(what, f"{size}: every one can be read")
    shares = []
    for name, found in lost.items():
        if found:
            first = f"{found[0].kind.replace('_', ' ')}: {found[0].message}"
            shares.append(f"{len(found)} ({len(found) / len(sample):.0%}) are {name}; first, {first}")
    too_many = len(sample) >= FROM and len(lost["damaged"]) > config.limits.max_failure_ratio * len(sample)
    problem = too_many or None not in sample
    told = "; a run would publish nothing" if problem else ""
    return Finding(what, f"{size}: {'; '.join(shares)}{told}", problem=problem, warning=not problem)


def _house(config: Config) -> Iterator[Finding]:
    if config.translate.terms is None and config.translate.corrections is None:
        return
    try:
        found = house_of(config)
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
    for name, stage in (("summarize", config.summarize), ("translate", config.translate)):
        what = f"{name} {stage.model}"
        warnings: list[str] = []
        try:
            checkpoint = prepare(
                stage,
                runtime=config.runtime,
                deterministic=config.deterministic,
                reproducible=config.reproducible,
                cache=default_cache(),
                warn=warnings.append,
            )
            if checkpoint.engine == "extractive":
                count = checkpoint.generation["sentences"]
                yield Finding(what, f"no model, takes {count} sentences of the article, licence {checkpoint.license}")
                continue
            message = (
                f"{checkpoint.engine} {checkpoint.compute_type} on {checkpoint.device}, licence {checkpoint.license}, "
                f"takes {checkpoint.budget} tokens of text at a time"
            )
            if trial:
                engine = open_engine(checkpoint, runtime=config.runtime, notice=warnings.append)
                try:
                    (_, answer) = next(iter(engine.generate([_TRIAL])))
                finally:
                    engine.close()
                told = answer.text if isinstance(answer, Generation) else f"refused: {answer.message}"
                yield Finding(what, f"trial: {told}", problem=not isinstance(answer, Generation))
        except TomdichError as error:
            yield Finding(what, str(error), problem=True)
            continue
        finally:
            yield from (Finding(what, warning, warning=True) for warning in warnings)
        yield Finding(what, message)
        for difference in checkpoint.search_differences:
            yield Finding(what, f"{OTHER_SEARCH}: {difference}", warning=True)


def _disk(config: Config, outputs: Path) -> Iterator[Finding]:
    what = f"outputs {outputs}"
    try:
        require_writable(config, outputs)
        free = disk_space.format_bytes(shutil.disk_usage(existing(outputs)).free)
        yield Finding(what, f"{free} free")
    except WorldError as error:
        yield Finding(what, str(error), problem=True)
    try:
        disk_space.require(config, outputs=outputs)
    except WorldError as error:
        yield Finding("disk", str(error), problem=True)
    except UsageError:
        pass  # a source that cannot be found: said above
    yield from (Finding(what, said, warning=True) for said in unreadable_versions(outputs / config.name))
    try:
        with open_memo(memo_folder(config, outputs), warn=lambda _: None) as memo:
            yield Finding("memo", f"{memo.size()} calls known")
    except TomdichError as error:
        yield Finding("memo", str(error), problem=True)
