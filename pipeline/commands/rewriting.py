"""Rewrite a version without one article, under the same name."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import report
from pipeline.ids import text_digest
from pipeline.records import JSON, Failure, Origin
from pipeline.runner.publishing import ROWS_PER_GROUP, card
from pipeline.storage import versions as store
from pipeline.storage.rows import failures, rows
from pipeline.storage.versions import Experiment, Version

if TYPE_CHECKING:
    import pyarrow as pa

_REWRITTEN = frozenset({store.MANIFEST, "README.md", "failures.jsonl", "log.jsonl", "sources.jsonl", "report.html"})
_REWRITTEN_FOLDERS = frozenset({"data", "report-data"})


@dataclass(frozen=True, slots=True)
class WithdrawnArticle:
    """The id and the texts of the article to remove."""

    id: str
    texts: frozenset[str]  # digests of the digests of its texts: the list of withdrawals keeps no other

    @property
    def digests(self) -> list[str]:
        """The digests of the id and of the texts, sorted, as the manifest lists them."""
        return sorted({text_digest(self.id), *self.texts})

    def matches(self, article_id: str, text_sha256: str) -> bool:
        """Return whether a row or a failure with this id and text digest is the article's."""
        return article_id == self.id or text_digest(text_sha256) in self.texts

    def is_in_log(self, line: dict[str, JSON]) -> bool:
        """Return whether a line of the log is about it."""
        named = (line.get("id"), line.get("record"), line.get("same_text_as"))
        return self.id in named or text_digest(line.get("text_sha256", "")) in self.texts


@dataclass(frozen=True, slots=True)
class _Sourced:
    """A row's key and source: a projection."""

    id: str
    text_sha256: str
    source: Origin


def rewrite(experiment: Experiment, version: Version, article: WithdrawnArticle) -> None:
    """Replace the version by one without the article."""
    version.fetch()
    staged = experiment.stage()
    records = _copy_rows(version.folder / "data", staged / "data", article)
    gone = _copy_failures(version, staged, article)
    _copy_log(version.folder / "log.jsonl", staged / "log.jsonl", article)
    _copy_sources(version.folder / "sources.jsonl", staged / "sources.jsonl", version, article)
    _copy_others(version.folder, staged)
    manifest = version.manifest | {
        "withdrawn": [*version.manifest.get("withdrawn", ()), {"at": now(), "digests": article.digests}],
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


def _copy_rows(there: Path, here: Path, article: WithdrawnArticle) -> int:
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


def _without(batch: pa.RecordBatch, article: WithdrawnArticle) -> pa.RecordBatch:
    import pyarrow as pa

    pairs = zip(batch.column("id").to_pylist(), batch.column("text_sha256").to_pylist(), strict=True)
    return batch.filter(pa.array([not article.matches(str(id_), str(sha)) for id_, sha in pairs], pa.bool_()))


def _copy_failures(version: Version, staged: Path, article: WithdrawnArticle) -> list[Failure]:
    """Copy the lines of the failures but the article's, byte for byte; return those left out."""
    gone: list[Failure] = []
    with (version.folder / "failures.jsonl").open("rb") as lines, (staged / "failures.jsonl").open("wb") as out:
        for line, failure in zip(lines, failures(version), strict=True):
            if article.matches(failure.id, failure.text_sha256):
                gone.append(failure)
            else:
                out.write(line)
    return gone


def _copy_log(there: Path, here: Path, article: WithdrawnArticle) -> None:
    with here.open("w", encoding="utf-8") as out:
        out.writelines(
            json.dumps(line, ensure_ascii=False) + "\n" for line in log_lines(there) if not article.is_in_log(line)
        )


def _copy_sources(there: Path, here: Path, version: Version, article: WithdrawnArticle) -> None:
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
    """Copy the files that hold no article."""
    for path in sorted(there.iterdir()):
        if path.name in _REWRITTEN | _REWRITTEN_FOLDERS:
            continue
        if path.is_dir():
            shutil.copytree(path, here / path.name)
        else:
            shutil.copy2(path, here / path.name)


def log_lines(path: Path) -> Iterator[dict[str, JSON]]:
    """Yield the events of a version's log.jsonl."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
