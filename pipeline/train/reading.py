"""Read training texts from files: articles with `pipeline.sources`, pairs and lines here; what is left out is counted.

Every text is repaired, normalized to NFC, put on one line and converted to one tone style with the pipeline's own
functions: the model sees the same in training as in use. Both sides of a pair are converted, so that a name that is
copied is written alike. Files are found, opened and decompressed by `pipeline.sources`.
"""

from __future__ import annotations

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pipeline import sources, waiting
from pipeline.catalog import ToneStyle
from pipeline.config import Exclude
from pipeline.errors import SourceError, StoppedError
from pipeline.ids import file_digest
from pipeline.messages import logged_to, muted
from pipeline.records import Article, Failure
from pipeline.sources import byte_streams, compression, files, finding
from pipeline.text.normalize import new_tone, press_tone, repair
from pipeline.train.config import Articles, Lines, Pairs
from pipeline.waiting import Stopping

_log = logging.getLogger(__name__)

T = TypeVar("T")

_NAMED = 3  # bad rows named in a message


@dataclass(slots=True)
class ReadCounts:
    """What was read of one source and what was left out, by reason."""

    read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)  # of bad rows: file and line

    def drop(self, reason: str, where: str = "") -> None:
        """Count something that is left out; the places of the first few are kept."""
        self.left_out[reason] += 1
        if where and len(self.examples) < _NAMED:
            self.examples.append(where)


def clean(text: str, tone_style: ToneStyle) -> str:
    """Return `text` as the model sees it: repaired, NFC, one line, one tone style."""
    line = " ".join(repair(text)[0].split())
    match tone_style:
        case "press":
            return press_tone(line)
        case "new":
            return new_tone(line)
        case "any":
            return line


def read_pairs(
    source: Pairs, *, tone_style: ToneStyle, tally: ReadCounts, stopping: Stopping = lambda: None
) -> Iterator[tuple[str, str]]:
    """Yield the cleaned sides of each pair; raises `SourceError` where the file is not as the config says.

    Raises `StoppedError` where `stopping` gives a reason, also while a pipe or a server is waited for. So do
    `read_articles` and `read_lines`.
    """
    for left, right in _chosen(_pairs(source, tally, stopping), source, stopping):
        tally.read += 1
        pair = clean(left, tone_style), clean(right, tone_style)
        if all(pair):
            yield pair
        else:
            tally.drop("a side is empty")


def read_articles(
    source: Articles, *, exclude: Exclude, tone_style: ToneStyle, tally: ReadCounts, stopping: Stopping = lambda: None
) -> Iterator[tuple[str, str, str]]:
    """Yield the cleaned title, text and summary ("" where there is none) of each article of any source of a run.

    Raises `SourceError` as a run does.
    """
    records = sources.read(
        source, exclude=exclude, on_file=lambda _: None, on_unavailable=tally.drop, stopping=stopping
    )
    for record in _chosen(records, source, stopping):
        tally.read += 1
        if isinstance(record, Failure):
            tally.drop(record.kind, record.message)
            continue
        assert isinstance(record, Article)
        texts = (record.title, record.text, record.reference_summary)
        title, text, summary = (clean(text, tone_style) for text in texts)
        yield title, text, summary


def read_lines(
    source: Lines, *, tone_style: ToneStyle, tally: ReadCounts, stopping: Stopping = lambda: None
) -> Iterator[str]:
    """Yield the cleaned lines that are not empty."""
    for _, line in _chosen(_lines(source.path, tally, stopping), source, stopping):
        tally.read += 1
        if text := clean(line, tone_style):
            yield text


def digests(source: Pairs | Articles | Lines) -> list[list[str]] | None:
    """Return name and SHA-256 of each of the source's local files, None where it has none, or one is a pipe."""
    if source.path is None or "://" in source.path or source.path == "-":
        return None
    try:
        with muted("pipeline.sources"):  # reading them logs it
            found = finding.find(source.path, given="txt")
    except SourceError:
        return None
    if not all(Path(one.path).is_file() for one in found):
        return None
    return [[Path(one.path).name, file_digest(Path(one.path))] for one in found]  # not the folder


def _chosen(items: Iterable[T], source: Pairs | Articles | Lines, stopping: Stopping) -> Iterator[T]:
    """Yield every n-th of the items after the first that are skipped, as many as `source` says at most."""
    for item in islice(islice(items, source.skip, None, source.every), source.take):
        if reason := stopping():
            raise StoppedError(f"{reason} while reading the sources; run it again")
        yield item


def _pairs(source: Pairs, tally: ReadCounts, stopping: Stopping) -> Iterator[tuple[str, str]]:
    kind = source.format or finding.format_of(source.path)
    lines = _lines(source.path, tally, stopping)
    match kind:
        case "tsv":
            yield from _by_columns(((where, _tabbed(line)) for where, line in lines), source, tally)
        case "csv":
            yield from _by_columns(_comma_rows(lines, source.path), source, tally)
        case "jsonl":
            yield from _by_fields(lines, source, tally)
        case _:
            raise SourceError(
                f"{source.path}: pairs come in TSV, CSV or JSON lines; give `format:`, or name it .tsv, …"
            )


def _by_columns(rows: Iterator[tuple[str, list[str]]], source: Pairs, tally: ReadCounts) -> Iterator[tuple[str, str]]:
    if isinstance(source.source, int) and isinstance(source.target, int):
        left, right = source.source - 1, source.target - 1
        wanted = None
    else:
        where, header = next(rows, ("", []))
        for column in (source.source, source.target):
            if column not in header:
                raise SourceError(
                    f"{where}: no column {column!r}; there are {', '.join(map(repr, header))}. In a file without a "
                    "header give numbers: `source: 1`, `target: 2`"
                )
        left, right = header.index(str(source.source)), header.index(str(source.target))
        wanted = len(header)
    for where, row in rows:
        if (wanted is not None and len(row) != wanted) or max(left, right) >= len(row):
            tally.drop("not as many columns as the others", f"{where}: {len(row)} columns")
        else:
            yield row[left], row[right]


def _by_fields(lines: Iterator[tuple[str, str]], source: Pairs, tally: ReadCounts) -> Iterator[tuple[str, str]]:
    names = (str(source.source), str(source.target))
    for where, line in lines:
        try:
            row = json.loads(line)
        except ValueError as error:
            tally.drop("not JSON", f"{where}: {error}")
            continue
        left, right = (row.get(name) if isinstance(row, dict) else None for name in names)
        if isinstance(left, str) and isinstance(right, str):
            yield left, right
        else:
            tally.drop(f"no text under {names[0]!r} and {names[1]!r}", where)


def _tabbed(line: str) -> list[str]:
    """Return the fields of a TSV line; a field that a CSV writer quoted (inner quotes doubled) is unquoted.

    A sentence that merely begins and ends with a quotation mark is left as it is.
    """
    fields = line.split("\t")
    return [
        field[1:-1].replace('""', '"')
        if len(field) > 1 and field[0] == field[-1] == '"' and '""' in field[1:-1]
        else field
        for field in fields
    ]


def _comma_rows(lines: Iterator[tuple[str, str]], name: str) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader((line + "\n" for _, line in lines), strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise SourceError(f"{name}: line {reader.line_num}: {error}; mend the quotes, or save it as TSV") from None
        if row is None:
            return
        if row:
            yield f"{name}: line {reader.line_num}", row


def _lines(path: str, tally: ReadCounts, stopping: Stopping) -> Iterator[tuple[str, str]]:
    """Yield the lines of the files at `path`, each with file and line number; raises `SourceError`."""
    with logged_to(tally.drop, of="pipeline.sources", alone=True):
        files_found = finding.find(path, given="txt")
    for found in files_found:
        read = partial(files.raw, found, files.RunningDigest())
        is_file = files.stamp(found) is not None
        chunks = waiting.iterate(read, what=found.name, stopping=None if is_file else stopping)
        plain = compression.decompressed(chunks, name=found.name)
        for number, line in enumerate(byte_streams.lines(plain), 1):
            where = f"{found.name}: line {number}"
            if line is None:
                tally.drop("too long a line", where)
                continue
            try:
                yield where, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
            except UnicodeDecodeError as error:
                raise SourceError(f"{where}: is not UTF-8 ({error.reason}); convert the file first") from None


def report(what: str, tally: ReadCounts, used: int) -> None:
    """Report of one source how much was read and used, and what was left out for which reason."""
    reasons = "; ".join(f"{count} {reason}" for reason, count in tally.left_out.most_common())
    examples = f" (first: {' | '.join(tally.examples)})" if tally.examples else ""
    left_out = f", left out: {reasons}{examples}" if reasons else ""
    _log.info(f"{what}: {used} examples of {tally.read} read{left_out}")
