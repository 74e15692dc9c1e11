"""The geometry of the picture of quality against cost: which systems no other one beats in both.

Quality is chrF++ where there are reference translations, else ROUGE-L. Cost is the seconds an article takes, where they
are known of every system, else the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.evaluation.systems import COLUMNS, Column, Systems

WIDTH, HEIGHT = 520, 300  # units of the drawing, about a pixel each
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 16, 44  # margins
_QUALITY = ("chrf++", "rougeL")
_COST = ("seconds", "tokens")
_AROUND = 0.08  # of the range that is left free around the points


@dataclass(frozen=True, slots=True)
class Point:
    """A system at its cost and quality; `front`: no other system is as good for less, or better for as much."""

    x: float
    y: float
    letter: str
    label: str  # in words
    front: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The figure: its points, the line through the front, the axes, and what it shows in words."""

    points: tuple[Point, ...]
    line: str  # the path of the front, in steps
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str


def front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Return for each (cost, quality) whether none is at least as good in both and better in one."""
    return [
        not any(cost <= one[0] and quality >= one[1] and (cost, quality) != one for cost, quality in points)
        for one in points
    ]


def picture(systems: Systems) -> Picture | None:
    """Return the figure, or None where there is no quality or no cost that every system has."""
    quality, cost = (_known(systems, keys) for keys in (_QUALITY, _COST))
    if quality is None or cost is None:
        return None
    values = [(one.values[cost.key], one.values[quality.key]) for one in systems.systems]
    on_front = front(values)
    costs, qualities = zip(*values, strict=True)
    x_range, y_range = _range(costs), _range(qualities)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - x_range[0]) / (x_range[1] - x_range[0])

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - y_range[0]) / (y_range[1] - y_range[0])

    points = tuple(
        Point(
            x(c),
            y(q),
            one.letter,
            f"{one.label}: {quality.heading} {q:.{quality.digits}f}, {c:.{cost.digits}f} {cost.heading}",
            is_front,
        )
        for one, (c, q), is_front in zip(systems.systems, values, on_front, strict=True)
    )
    best = sorted((point for point in points if point.front), key=lambda point: point.x)
    line = f"M{best[0].x:.1f} {best[0].y:.1f}" + "".join(f" H{point.x:.1f} V{point.y:.1f}" for point in best[1:])
    names = ", ".join(point.letter for point in best)
    return Picture(
        points=points,
        line=line,
        x_title=cost.heading,
        y_title=quality.heading,
        x_ticks=tuple(Tick(x(value), f"{value:.{cost.digits}f}") for value in _ends(costs)),
        y_ticks=tuple(Tick(y(value), f"{value:.{quality.digits}f}") for value in _ends(qualities)),
        summary=f"on the front, where no other version has more {quality.heading} for as little cost: {names}",
    )


def _known(systems: Systems, keys: Sequence[str]) -> Column | None:
    """Return the first of these measures that every system has."""
    columns = {column.key: column for column in COLUMNS}
    return next((columns[key] for key in keys if all(key in one.values for one in systems.systems)), None)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    free = _AROUND * (high - low or abs(high) or 1.0)
    return low - free, high + free


def _ends(values: Sequence[float]) -> list[float]:
    return sorted({min(values), max(values)})
