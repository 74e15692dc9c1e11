"""The inspect stage: each check is a pure function over one record that returns flags; none needs a model.

A flag names the check, the field and the span it is about, and how severe it is. What is compared sentence by sentence
goes over `pairs.aligned`: the headline and its translation, then each sentence of the summary and its own.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.checks import delivery
from pipeline.records import Translated

__all__ = ["inspect"]

_CHECKS = (delivery.check,)


def inspect(translated: Translated) -> Translated:
    """Return the record with the flags of every check added to those it has."""
    found = [flag for check in _CHECKS for flag in check(translated)]
    return replace(translated, flags=(*translated.flags, *found))
