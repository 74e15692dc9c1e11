"""Compute the geometry of the figures at the top of the report, which the template draws as inline SVG.

Each figure also has a description in words, for screen readers and for a quick look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.records import SEVERITIES
from pipeline.tally import FlagKind

WIDTH = 300  # units of the drawing, about a pixel each on a desktop screen
PLOT_HEIGHT = 84
ROW_HEIGHT = 19
_MOST_BARS = 24
_MOST_ROWS = 7
_TAIL = 0.98  # values above this quantile are drawn as one last bar
_FENCE = 3.0  # so are values more than this many interquartile ranges above the upper quartile
_LABEL_WIDTH = 104
_COUNT_WIDTH = 44


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle and its label."""

    x: float
    y: float
    width: float
    height: float
    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on the axis."""

    x: float
    label: str
    anchor: str  # "start", "middle", "end"


@dataclass(frozen=True, slots=True)
class Histogram:
    """How a length is spread over the records."""

    title: str
    middle: str
    spread: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    median: float  # its place on the axis


@dataclass(frozen=True, slots=True)
class Line:
    """One check: its flags by severity, in a row of bars."""

    y: float
    label: str
    count: int
    bars: tuple[Bar, ...]
    end: float  # where the bars end


@dataclass(frozen=True, slots=True)
class ByCheck:
    """How many flags each check raised."""

    title: str
    summary: str
    lines: tuple[Line, ...]
    height: float


def histogram(title: str, counts: Counter[int], *, unit: str) -> Histogram | None:
    """Return the figure of `counts` (value: how many records), or None where there is nothing to draw."""
    if not counts:
        return None
    low, median, high = (_quantile(counts, share) for share in (0.05, 0.5, 0.95))
    top = _top(counts)
    least = min(counts)
    step = next(step for step in _steps() if (top - least // step * step) // step < _MOST_BARS)
    first, last = least // step * step, top // step * step
    binned = Counter[int]()
    for value, count in counts.items():
        binned[min(value // step * step, last + step)] += count
    beyond = last + step in binned
    edges = range(first, last + step * (2 if beyond else 1), step)
    width, most = WIDTH / len(edges), max(binned.values())
    bars = []
    for number, edge in enumerate(edges):
        height = PLOT_HEIGHT * binned[edge] / most
        if beyond and edge == edges[-1]:
            span = f"{edge:,} {unit} or more"
        else:
            span = f"{edge:,} {unit}" if step == 1 else f"{edge:,} to {edge + step - 1:,} {unit}"
        label = f"{span}: {_records(binned[edge])}"
        if height:
            height = max(height, 1.5)  # one record among thousands is visible too
            bars.append(Bar(number * width + 0.5, PLOT_HEIGHT - height, max(width - 1, 0.5), height, label))
    return Histogram(
        title=title,
        middle=f"median {median:,} {unit}",
        spread=f"nine in ten between {low:,} and {high:,}"
        + (f", the most {max(counts):,}" if beyond and max(counts) > high else ""),
        bars=tuple(bars),
        ticks=(
            Tick(0, f"{first:,}", "start"),
            Tick(WIDTH, f"{last + step:,}+" if beyond else f"{last + step:,}", "end"),
        ),
        median=min(WIDTH * (median - first + 0.5) / (step * len(edges)), WIDTH),
    )


def by_check(flags: Counter[FlagKind]) -> ByCheck | None:
    """Return the figure of `flags` ((check, severity): how many), or None where nothing is flagged."""
    checks = Counter[str]()
    for (check, _), count in flags.items():
        checks[check] += count
    if not checks:
        return None
    ranked = sorted(checks, key=lambda check: (-checks[check], check))
    alone = ranked if len(ranked) <= _MOST_ROWS else ranked[: _MOST_ROWS - 1]
    groups: list[tuple[str, tuple[str, ...]]] = [(_words(check), (check,)) for check in alone]
    if len(alone) < len(ranked):
        groups.append((f"{len(ranked) - len(alone)} others", tuple(ranked[len(alone) :])))
    most = max(sum(checks[check] for check in members) for _, members in groups)
    room = WIDTH - _LABEL_WIDTH - _COUNT_WIDTH
    lines = []
    for number, (label, members) in enumerate(groups):
        x, bars = float(_LABEL_WIDTH), []
        for severity in SEVERITIES:
            count = sum(flags[check, severity] for check in members)
            if count:
                width = max(room * count / most, 1.5)
                bars.append(Bar(x, 3, width, ROW_HEIGHT - 7, f"{label}: {count:,} × {severity}", severity))
                x += width
        total = sum(checks[check] for check in members)
        lines.append(Line(number * ROW_HEIGHT, label, total, tuple(bars), x))
    return ByCheck(
        title="Flags by check",
        summary=", ".join(f"{_words(check)} {checks[check]:,}" for check in ranked),
        lines=tuple(lines),
        height=len(lines) * ROW_HEIGHT,
    )


def _top(counts: Counter[int]) -> int:
    """Return the highest value of the axis: an outlier must not compress the scale."""
    lower, upper, tail = (_quantile(counts, share) for share in (0.25, 0.75, _TAIL))
    fence = max(upper + _FENCE * (upper - lower), 2 * upper)
    return max(value for value in counts if value <= min(tail, fence))


def _quantile(counts: Counter[int], share: float) -> int:
    """Return the `share` quantile: the least value that at least `share` of all do not exceed."""
    wanted, seen = share * counts.total(), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    raise AssertionError("some value is the last")


def _steps() -> Iterator[int]:
    scale = 1
    while True:
        yield from (scale, 2 * scale, 5 * scale)
        scale *= 10


def _records(count: int) -> str:
    return f"{count:,} record" + ("s" if count != 1 else "")


def _words(check: str) -> str:
    return check.replace("_", " ")
