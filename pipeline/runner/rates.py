"""How fast the stages are: in earlier versions, for the estimate of a plan, and now, for the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.checkpoints import Checkpoint
from pipeline.records import StageName
from pipeline.storage.versions import Version

_ENOUGH = 20  # computed calls from which a version's rate says something


@dataclass(frozen=True, slots=True)
class Rate:
    """What a stage took in one version."""

    seconds_per_call: float
    calls_per_record: float  # calls answered by the memo included


def measured(versions: Sequence[Version], checkpoints: Mapping[StageName, Checkpoint]) -> dict[StageName, Rate]:
    """Return the rate of each stage from the newest of `versions` that computed enough calls with the same model.

    The same model is the same weights in the same engine and number type. A version whose other settings, such as the
    number of beams, are the same too goes before one that differs in them.
    """
    found: dict[StageName, Rate] = {}
    for in_all in (True, False):
        for version in reversed(versions):
            for name, checkpoint in checkpoints.items():
                if name not in found and (rate := _rate(version, name, checkpoint, in_all=in_all)) is not None:
                    found[name] = rate
    return found


def _rate(version: Version, name: StageName, checkpoint: Checkpoint, *, in_all: bool) -> Rate | None:
    manifest = version.manifest
    calls, model = manifest["calls"].get(name), manifest["models"].get(name)
    if calls is None or model is None or calls["computed"] < _ENOUGH or not manifest["counts"]["records"]:
        return None
    if in_all and manifest["identity"]["stages"].get(name) != checkpoint.identity():
        return None
    if (model["digest"], model["engine"], model["compute_type"]) != (
        checkpoint.digest,
        checkpoint.engine,
        checkpoint.compute_type,
    ):
        return None
    answered = calls["computed"] + calls["replayed"]
    return Rate(manifest["timings"][name] / calls["computed"], answered / manifest["counts"]["records"])


class TimeLeft:
    """The time a stage still needs, by the source characters that are done.

    Batches run the longest texts first, so the number of records that are finished says little at the beginning. Tokens
    are proportional to characters within one language.
    """

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = total, clock
        self._began, self._known = clock(), 0

    def begin(self, known: int) -> None:
        """Say that the model starts now, with so many characters known from the memo: they took none of its time."""
        self._began, self._known = self._clock(), known

    def seconds(self, done: int) -> float | None:
        """Return the seconds left when `done` characters are done; None before the first is."""
        computed = done - self._known
        if computed <= 0:
            return None
        return max(0, self._total - done) * (self._clock() - self._began) / computed
