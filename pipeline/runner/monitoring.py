"""Monitoring: Prometheus metrics as a textfile, and drift against the versions of the nights before.

Both read manifests only, so they give the same for a run that has just ended and for one of months ago.
`prometheus_client` formats the textfile; it is renamed into place, as the node exporter asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pipeline.records import JSON
from pipeline.storage.atomic import is_file_or_absent, own_descriptor, writing

NIGHTS = 7  # that a night is compared with
_LEAST_NIGHTS = 3  # fewer do not show what is usual
_SPREADS = 4.0  # scaled median absolute deviations: by chance one night in thousands deviates so far
_MAD_TO_SIGMA = 1.4826
_LEAST_SHARE = 0.2  # of the usual value, however even the nights were


@dataclass(frozen=True, slots=True)
class _Quantity:
    value: float
    least: float  # a smaller difference is not reported


def drift(manifest: Mapping[str, JSON], earlier: Sequence[Mapping[str, JSON]]) -> list[str]:
    """Return a sentence for each quantity that deviates from the last seven of `earlier` (oldest first); mostly none.

    A quantity deviates where its distance from their median is more than four (scaled) median absolute deviations, more
    than a fifth of the median, and more than a least difference of its own. A check that starts or stops flagging
    deviates too. With fewer than three earlier versions nothing is compared.
    """
    compared = earlier[-NIGHTS:]
    checks = sorted({check for night in (*compared, manifest) for check in _flags(night)})
    nights = [_quantities(night, checks) for night in compared]
    found: list[str] = []
    for name, quantity in _quantities(manifest, checks).items():
        usual = [night[name].value for night in nights if name in night]
        if len(usual) < _LEAST_NIGHTS:
            continue
        middle = median(usual)
        spread = _MAD_TO_SIGMA * median(abs(one - middle) for one in usual)
        if abs(quantity.value - middle) > max(_SPREADS * spread, _LEAST_SHARE * abs(middle), quantity.least):
            change = f"{quantity.value:.4g}, where the last {len(usual)} versions had about {middle:.4g}"
            found.append(f"drift: {name} is {change}")
    return found


def _flags(manifest: Mapping[str, JSON]) -> Mapping[str, int]:
    statistics = manifest.get("statistics") or {"flags": {}}
    flags: Mapping[str, int] = statistics["flags"]
    return flags


def _quantities(manifest: Mapping[str, JSON], checks: Sequence[str]) -> dict[str, _Quantity]:
    """Return what is compared between nights; shares and means, so that a larger feed is not taken for another one.

    `checks` are those of all the nights: a manifest names those alone that flagged something, and the others have 0.
    """
    counts = manifest["counts"]
    tried = max(1, counts["records"] + counts["failures"])
    found = {
        "the number of records": _Quantity(counts["records"], 10),
        "the share of failures": _Quantity(counts["failures"] / tried, 0.02),
        "the share of rejected articles": _Quantity(counts["rejected"] / max(1, counts["read"]), 0.05),
        "the share of damaged rows": _Quantity(counts.get("damaged", 0) / max(1, counts["read"]), 0.02),
    }
    statistics = manifest.get("statistics")
    if statistics is None or not counts["records"]:
        return found
    for side, words in statistics["mean_words"].items():
        found[f"the mean length of a {side} (words)"] = _Quantity(words, 2)
    flags = _flags(manifest)
    for check in checks:
        found[f"the number of `{check}` flags a record"] = _Quantity(flags.get(check, 0) / counts["records"], 0.05)
    return found


def write_metrics(
    path: Path,
    *,
    name: str,
    exit_code: int,
    finished: float,
    manifest: Mapping[str, JSON] | None,
    succeeded: float | None,
    drifts: int,
    unavailable: int | None,
) -> None:
    """Write the textfile of one experiment, whole or not at all; `manifest` is that of the newest version, if any.

    A pipe or a device is written into; raises `OSError` where that cannot be done at once.

    `finished` and `succeeded` are seconds since 1970: the end of this run, and of the last one that ended well.
    `unavailable`: optional sources that this run could not read, None where it ended before it knew.
    """
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    about_run: list[tuple[str, dict[str, str], float]] = [
        ("last_exit_code", {}, exit_code),
        ("last_run_timestamp_seconds", {}, finished),
        ("drifts", {}, drifts),
        *([] if unavailable is None else [("unavailable_sources", {}, unavailable)]),
        *([] if succeeded is None else [("last_success_timestamp_seconds", {}, succeeded)]),
    ]
    for metric, labels, value in (*about_run, *([] if manifest is None else _of_version(manifest))):
        if metric not in gauges:
            gauges[metric] = Gauge(f"tomdich_{metric}", _ABOUT[metric], ("name", *labels), registry=registry)
        gauges[metric].labels(name, *labels.values()).set(value)
    with writing(path, wait=False) as file:
        file.write(generate_latest(registry))


def last_success(path: Path, *, name: str) -> float | None:
    """Return when a run of this experiment last ended well, as the textfile at `path` has it, or None."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        if own_descriptor(path) is not None or not is_file_or_absent(path):
            return None  # a pipe or a device: reading it could wait for ever
        families = [*text_string_to_metric_families(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return None
    samples = (sample for family in families for sample in family.samples)
    wanted = "tomdich_last_success_timestamp_seconds"
    return next((one.value for one in samples if one.name == wanted and one.labels.get("name") == name), None)


_ABOUT = {
    "last_exit_code": "Exit code of the last run",
    "last_run_timestamp_seconds": "When the last run ended",
    "last_success_timestamp_seconds": "When a run last ended with exit code 0",
    "drifts": "Quantities of the newest version that stray from the seven before",
    "unavailable_sources": "Optional sources, and files of them, that the last run could not read to their end",
    "articles": "Articles of the newest version, by what became of them",
    "stage_seconds": "Seconds that each stage of the newest version took",
    "calls": "Model calls of the newest version, computed or replayed from the memo",
    "flags": "Flags of the newest version, by check",
    "repaired": "Texts of the newest version that were asked for again, by stage and what became of them",
    "tokens": "Tokens of the newest version, by stage",
}


def _of_version(manifest: Mapping[str, JSON]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield metric, labels and value of each sample that a manifest gives."""
    statistics = manifest.get("statistics") or {"flags": {}, "tokens": {}}
    for kind, count in manifest["counts"].items():
        yield "articles", {"kind": kind}, count
    for stage, seconds in manifest["timings"].items():
        yield "stage_seconds", {"stage": stage}, seconds
    for stage, calls in manifest["calls"].items():
        for kind, count in calls.items():
            yield "calls", {"stage": stage, "kind": kind}, count
    for check, count in statistics["flags"].items():
        yield "flags", {"check": check}, count
    for stage, outcomes in statistics.get("repaired", {}).items():
        for outcome, count in outcomes.items():
            yield "repaired", {"stage": stage, "outcome": outcome}, count
    for stage, sides in statistics["tokens"].items():
        for side, count in sides.items():
            yield "tokens", {"stage": stage, "side": side}, count
