"""Read the sheets that raters filled in: wins and ties, the preference with its interval, and their agreement."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.evaluation.agreement import alpha
from pipeline.evaluation.metrics import RESAMPLES, SEED
from pipeline.evaluation.tables import Table
from pipeline.export.rating import COLUMNS, VERDICTS, a_is_left, pairs
from pipeline.storage.rows import Readable

_OUTSIDE = 2.5  # percent on each side of the interval
_SAID = {verdict: at - 1 for at, verdict in enumerate(VERDICTS)}  # left −1, tie 0, right 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rater:
    """What one rater, or all of them, preferred."""

    name: str
    a: int
    tie: int
    b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What the raters said of two versions."""

    a: str
    b: str
    records: int  # with at least one rating
    raters: tuple[Rater, ...]  # by name
    total: Rater
    preference: float  # in % of the records: how many more are better in B than in A, ties counted as neither
    low: float  # of its 95 % interval
    high: float
    alpha_nominal: float | None  # None where no two raters rated the same record, or all verdicts are equal
    alpha_ordinal: float | None  # A, tie, B in this order
    both: int  # records with at least two ratings
    equal: int  # records of both versions with the same texts, which are not rated
    notes: tuple[str, ...]


def read(a: Readable, b: Readable, files: Sequence[Path]) -> Ratings:
    """Return what the raters of the CSV files said of `a` and `b`.

    A rater without a name has that of the file. Of two verdicts of one rater on one record the last counts, and a note
    says so. Raises `UsageError` for a file that is no sheet of these versions, naming the line.
    """
    found = pairs(a, b)
    said: dict[tuple[str, str], int] = {}  # rater, record: −1 A is better, 0, 1 B is better
    notes: list[str] = []
    for path in files:
        for line, item, verdict, rater in _lines(path):
            record = found.differing.get(item)
            if record is None:
                raise UsageError(
                    f"{path}:{line}: item {item!r} is not of a sheet of {a.name} and {b.name}; name the versions that "
                    "the sheet was written of"
                )
            value = _SAID[verdict] if a_is_left(a, b, record) else -_SAID[verdict]
            if said.get((rater, record), value) != value:
                notes.append(f"{path}:{line}: {rater} had rated {record} otherwise before; the last verdict counts")
            said[rater, record] = value
    if not said:
        raise UsageError(f"rate: no verdict in {', '.join(map(str, files))}; the column `verdict` takes {_listed()}")
    return _ratings(a, b, said, equal=found.equal, notes=notes)


def as_json(found: Ratings) -> str:
    """Return the ratings as JSON, two spaces a level."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=2)


def tables(found: Ratings) -> list[Table]:
    """Return the ratings as a table."""
    agreement = "two raters of the same records are needed"
    if found.alpha_nominal is not None and found.alpha_ordinal is not None:
        agreement = f"{found.alpha_nominal:.3f} nominal, {found.alpha_ordinal:.3f} ordinal, n = {found.both}"
    counted = (*found.raters, found.total) if len(found.raters) > 1 else found.raters
    return [
        Table(
            title=f"A: {found.a}, B: {found.b}; n = {found.records} records",
            headings=("rater", "A is better", "tie", "B is better"),
            rows=tuple((one.name, str(one.a), str(one.tie), str(one.b)) for one in counted),
            notes=(
                f"B − A: {found.preference:+.1f} % of the records [{found.low:+.1f}, {found.high:+.1f}]".replace(
                    "-", "−"
                ),
                f"95 % interval: bootstrap over the records, {RESAMPLES} resamples, seed {SEED}",
                f"Krippendorff’s alpha: {agreement}",
                f"not rated: {found.equal} records with the same texts in both",
                *found.notes,
            ),
        )
    ]


def _ratings(
    a: Readable, b: Readable, said: Mapping[tuple[str, str], int], *, equal: int, notes: Sequence[str]
) -> Ratings:
    import numpy as np

    by_record: dict[str, list[int]] = {}
    by_rater: dict[str, Counter[int]] = {}
    for (rater, record), value in said.items():
        by_record.setdefault(record, []).append(value)
        by_rater.setdefault(rater, Counter())[value] += 1
    means = np.array([float(np.mean(values)) for values in by_record.values()])
    rng = np.random.default_rng(SEED)
    drawn = np.array([means[rng.integers(len(means), size=len(means))].mean() for _ in range(RESAMPLES)])
    low, high = np.percentile(drawn, [_OUTSIDE, 100 - _OUTSIDE])
    return Ratings(
        a=a.name,
        b=b.name,
        records=len(by_record),
        raters=tuple(_rater(name, by_rater[name]) for name in sorted(by_rater)),
        total=_rater("all", sum(by_rater.values(), Counter())),
        preference=100 * float(means.mean()),
        low=100 * float(low),
        high=100 * float(high),
        alpha_nominal=alpha(by_record.values(), level="nominal"),
        alpha_ordinal=alpha(by_record.values(), level="ordinal"),
        both=sum(len(values) > 1 for values in by_record.values()),
        equal=equal,
        notes=tuple(notes),
    )


def _rater(name: str, counts: Mapping[int, int]) -> Rater:
    return Rater(name=name, a=counts.get(-1, 0), tie=counts.get(0, 0), b=counts.get(1, 0))


def _lines(path: Path) -> Iterator[tuple[int, str, str, str]]:
    """Yield the line, item, verdict and rater of each row with a verdict."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--read {path}: cannot be read: {error}") from None
    heading = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count))
    if missing := [name for name in COLUMNS[:2] if name not in (table.fieldnames or ())]:
        raise UsageError(f"{path}: has no column {' and '.join(missing)}; give the CSV that the page saves")
    for row in table:
        verdict = (row["verdict"] or "").strip().lower()
        if not verdict:
            continue
        if verdict not in _SAID:
            raise UsageError(f"{path}:{table.line_num}: verdict {verdict!r}; the column takes {_listed()}, or nothing")
        yield table.line_num, (row["item"] or "").strip(), verdict, (row.get("rater") or "").strip() or path.stem


def _listed() -> str:
    return f"{', '.join(VERDICTS[:-1])} and {VERDICTS[-1]}"
