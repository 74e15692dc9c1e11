"""Krippendorff's alpha: how far raters agree beyond chance; 1 is full agreement, 0 what chance gives.

After K. Krippendorff, *Computing Krippendorff's Alpha-Reliability* (2011), whose examples are the tests. Raters
may have left units out. The library that is often used for this is under the GPL, which this package is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Literal

Level = Literal["nominal", "ordinal"]


def alpha(units: Iterable[Sequence[int]], *, level: Level) -> float | None:
    """Return alpha over the units, each given by the values that its raters chose, in any order.

    `ordinal`: values far from each other in their order disagree more. None where no unit has two ratings, or where
    every rating has the same value: then nothing can be said of chance.
    """
    coincidences: Counter[tuple[int, int]] = Counter()
    shares: dict[tuple[int, int], float] = {}
    for values in units:
        if len(values) < 2:  # noqa: PLR2004 - a pair
            continue
        coincidences.clear()
        for at, one in enumerate(values):
            coincidences.update((one, other) for place, other in enumerate(values) if place != at)
        for pair, count in coincidences.items():
            shares[pair] = shares.get(pair, 0.0) + count / (len(values) - 1)
    totals: dict[int, float] = {}
    for (one, _), share in shares.items():
        totals[one] = totals.get(one, 0.0) + share
    rated = sum(totals.values())
    expected = sum(totals[c] * totals[k] * _squared(c, k, totals, level) for c, k in product(totals, repeat=2))
    if not expected:
        return None
    observed = sum(share * _squared(c, k, totals, level) for (c, k), share in shares.items())
    return 1 - (rated - 1) * observed / expected


def _squared(one: int, other: int, totals: dict[int, float], level: Level) -> float:
    """Return the squared difference of two values."""
    if one == other:
        return 0.0
    if level == "nominal":
        return 1.0
    between = sum(total for value, total in totals.items() if min(one, other) <= value <= max(one, other))
    return (between - (totals[one] + totals[other]) / 2) ** 2
