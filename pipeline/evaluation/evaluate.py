"""Evaluate a version: scores against the references of its records, flags, lengths, novelty and throughput.

The rows are read once. Of each only numbers are kept, and of those with a reference the texts too, for the bootstrap.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.evaluation import comet
from pipeline.evaluation.metrics import P_VALUE, Difference, Metric, Score, paired, score
from pipeline.evaluation.tables import Table
from pipeline.records import SEVERITIES, PublishedRow
from pipeline.storage.rows import Edition, Readable, rows, translates_first
from pipeline.storage.versions import Version
from pipeline.tally import Tally
from pipeline.text.normalize import press_tone, syllables
from pipeline.text.sentences import sentences

ROUGE: tuple[Metric, ...] = (
    "rouge1", "rouge2", "rougeL", "rouge1-ascii", "rouge2-ascii", "rougeL-ascii", "rouge1-xlsum", "rouge2-xlsum",
    "rougeL-xlsum",
)  # fmt: skip
TRANSLATION: tuple[Metric, ...] = ("chrf++", "bleu")
ENGLISH_SUMMARIES = "with `order: translate_then_summarize` the summaries are English, and their references Vietnamese"
_PER = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstLead:
    """A score of the summaries beside that of the lead-1 baseline, the article's first sentence."""

    score: Score
    lead1: Score
    difference: Difference  # score - lead1, paired


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRate:
    """How often a check flags: its flags, the records with at least one, and flags per 1,000 records."""

    check: str
    severity: str
    flags: int
    records: int
    per_1000: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The distribution of a quantity over the records: mean, median, 5th and 95th percentile."""

    name: str
    unit: str
    records: int
    mean: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The speed of a stage; the token rates are those of the calls that the memo did not answer."""

    stage: str
    seconds: float
    records_per_second: float
    computed: int
    replayed: int
    source_tokens_per_second: float | None  # None where nothing was computed
    output_tokens_per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All measurements of a version."""

    version: str
    signature: str
    recipe: str
    records: int
    held: int
    flagged: int
    repaired: Mapping[str, Mapping[str, int]]  # by stage, the texts asked for again, replaced, and clean afterwards
    summaries: tuple[AgainstLead, ...]  # empty without reference summaries
    translations: tuple[Score, ...]  # empty without reference translations
    left_out: tuple[str, ...]  # what is not scored, and why
    flags: tuple[FlagRate, ...]
    spreads: tuple[Spread, ...]
    throughput: tuple[Throughput, ...]


def evaluate(version: Readable, *, comet_checkpoint: Path | None = None, comet_python: str | None = None) -> Evaluation:
    """Return the measurements of `version`; with a COMET checkpoint also its score, computed by `comet_python`.

    An edition of several versions has no throughput: each of them was timed with articles that it may hold no more.
    Raises `UsageError` for COMET of a version that was translated first.
    """
    english = translates_first(version)
    if english and comet_checkpoint is not None:
        raise UsageError(
            f"--comet: {version.name} has `order: translate_then_summarize`: its English text is a summary, and COMET "
            "compares a translation with its source; leave it out"
        )
    place = None if comet_checkpoint is None else comet.locate(comet_checkpoint, python=comet_python)
    several = version.versions if isinstance(version, Edition) else ()
    tally = Tally()
    summaries: list[tuple[str, str, str]] = []  # the hypothesis, the first sentence, the reference
    translations: list[tuple[str, str]] = []
    segments: list[comet.Segment] = []
    measured: dict[tuple[str, str], array[float]] = {
        ("summary", "syllables"): array("d"),
        ("summary / article", "%"): array("d"),
        ("translation", "words"): array("d"),
        ("new bigrams in the summary", "%"): array("d"),
    }
    stages = version.manifest["models"]
    for row in rows(version):
        tally.add(row)
        if row.reference_summary and "summarize" in stages and not english:
            summaries.append((row.summary, lead_one(row.article), row.reference_summary))
        if row.reference_translation and "translate" in stages:
            translations.append((row.translation, row.reference_translation))
        if place is not None:
            segments.append(comet.Segment(row.summary, row.translation, row.reference_translation))
        for values, value in zip(measured.values(), lengths(row), strict=True):
            if value is not None:
                values.append(value)
    scores = _scores(TRANSLATION, translations)
    if place is not None:
        scores += (comet.score(segments, place=place),)
    return Evaluation(
        version=version.name,
        signature=version.manifest["signature"],
        recipe=version.manifest["recipe"],
        records=tally.records,
        held=tally.held,
        flagged=tally.flagged,
        repaired=tally.repaired_by_stage(),
        summaries=_beside(summaries),
        translations=scores,
        left_out=tuple(
            _left_out(stages, several, summaries=bool(summaries), translations=bool(translations), english=english)
        ),
        flags=_flag_rates(tally),
        spreads=tuple(_spread(name, unit, values) for (name, unit), values in measured.items() if values),
        throughput=() if several else _throughput(version.manifest, tally),
    )


def lead_one(article: str) -> str:
    """Return the first sentence of an article, the lead-1 baseline."""
    return next(iter(sentences(article)), "")


def as_json(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON, two spaces a level."""
    return json.dumps(asdict(evaluation), ensure_ascii=False, indent=2)


def tables(evaluation: Evaluation) -> list[Table]:
    """Return an evaluation as tables."""
    found = [_overview(evaluation)]
    if evaluation.summaries:
        found.append(_summary_table(evaluation.summaries))
    if evaluation.translations:
        found.append(_translation_table(evaluation.translations))
    found += [_flag_table(evaluation), _spread_table(evaluation)]
    return [*found, _throughput_table(evaluation)] if evaluation.throughput else found


# Counting


def _left_out(
    stages: Container[str], several: Sequence[Version], *, summaries: bool, translations: bool, english: bool
) -> Iterator[str]:
    """Yield what is not scored and why: a stage that did not run has no score, which is not a score of 0."""
    if several:
        yield f"several versions, each with a throughput of its own: {', '.join(one.name for one in several)}"
    for stage, texts, scores, there in (
        ("summarize", "summaries", "no ROUGE", summaries),
        ("translate", "translations", "no chrF++, no BLEU", translations),
    ):
        if stage not in stages:
            yield f"without {texts}, {stage} did not run: {scores}"
        elif stage == "summarize" and english:
            yield f"{ENGLISH_SUMMARIES}: {scores}"
        elif not there:
            yield f"without reference {texts}: {scores}"


def _scores(wanted: tuple[Metric, ...], pairs: list[tuple[str, str]]) -> tuple[Score, ...]:
    if not pairs:
        return ()
    hypotheses, references = zip(*pairs, strict=True)
    return tuple(score(metric, hypotheses, references) for metric in wanted)


def _beside(summaries: list[tuple[str, str, str]]) -> tuple[AgainstLead, ...]:
    if not summaries:
        return ()
    hypotheses, first, references = zip(*summaries, strict=True)
    return tuple(
        AgainstLead(
            score=score(metric, hypotheses, references),
            lead1=score(metric, first, references),
            difference=paired(metric, hypotheses, first, references),
        )
        for metric in ROUGE
    )


def lengths(row: PublishedRow) -> tuple[float | None, float | None, float | None, float | None]:
    """Return the summary's syllables, its share of the article's, the translation's words, the share of new bigrams."""
    summary, article = _folded(row.summary), _folded(row.article)
    bigrams = list(pairwise(summary))
    known = set(pairwise(article))
    return (
        float(len(summary)) if summary else None,
        100 * len(summary) / len(article) if summary and article else None,
        float(len(row.translation.split())) if row.translation else None,
        100 * sum(bigram not in known for bigram in bigrams) / len(bigrams) if bigrams else None,
    )


def _folded(text: str) -> list[str]:
    return syllables(press_tone(text).lower())


def _spread(name: str, unit: str, values: array[float]) -> Spread:
    import numpy as np

    low, median, high = np.percentile(values, [5, 50, 95])
    return Spread(
        name=name,
        unit=unit,
        records=len(values),
        mean=float(np.mean(values)),
        median=float(median),
        low=float(low),
        high=float(high),
    )


def _flag_rates(tally: Tally) -> tuple[FlagRate, ...]:
    """Return the rate of each check and severity, the severe first, the frequent first."""
    ordered = sorted(tally.flags.items(), key=lambda item: (SEVERITIES.index(item[0][1]), -item[1], item[0]))
    return tuple(
        FlagRate(
            check=check,
            severity=severity,
            flags=count,
            records=tally.flagged_by[check, severity],
            per_1000=_PER * count / tally.records,
        )
        for (check, severity), count in ordered
    )


def _throughput(manifest: Mapping[str, Any], tally: Tally) -> tuple[Throughput, ...]:
    found = []
    for stage, seconds in manifest["timings"].items():
        calls = manifest["calls"].get(stage, {"computed": 0, "replayed": 0})
        made = calls["computed"] + calls["replayed"]
        read = tally.tokens[stage, "source"] - tally.tokens[stage, "dropped"]
        rate = calls["computed"] / made / seconds if calls["computed"] and seconds else None
        found.append(
            Throughput(
                stage=stage,
                seconds=seconds,
                records_per_second=tally.records / seconds if seconds else 0.0,
                computed=calls["computed"],
                replayed=calls["replayed"],
                source_tokens_per_second=None if rate is None else read * rate,
                output_tokens_per_second=None if rate is None else tally.tokens[stage, "output"] * rate,
            )
        )
    return tuple(found)


# Showing


def _overview(evaluation: Evaluation) -> Table:
    count = evaluation.records
    return Table(
        title=f"{evaluation.version}: {count} records, {evaluation.flagged} flagged, {evaluation.held} on hold",
        headings=("",),
        rows=(),
        notes=(evaluation.signature, *map(_repair_line, evaluation.repaired.items()), *evaluation.left_out),
    )


def _repair_line(of_stage: tuple[str, Mapping[str, int]]) -> str:
    stage, counts = of_stage
    second = ""
    if "second_asked" in counts:
        second = f"; the second checkpoint: asked for {counts['second_asked']}, taken {counts['second_taken']}"
    return (
        f"repair, {stage}: asked again for {counts['asked']}, replaced {counts['replaced']}, "
        f"without a flag afterwards {counts['clean']}{second}"
    )


def _summary_table(summaries: tuple[AgainstLead, ...]) -> Table:
    lines = []
    for one in summaries:
        difference = signed(one.difference.value), interval(one.difference), f"{one.difference.p:.3f}"
        lines.append((one.score.name, f"{one.score.value:.2f}", interval(one.score), *difference))
        lines.append(("  lead-1", f"{one.lead1.value:.2f}", interval(one.lead1), "", "", ""))
    return Table(
        title=f"Summaries beside their references, n = {summaries[0].score.texts}",
        headings=("", "score", "95 %", "− lead-1", "95 %", "p"),
        rows=tuple(lines),
        notes=(
            "lead-1: the article’s first sentence as the summary",
            P_VALUE,
            *signatures([one.score for one in summaries]),
        ),
    )


def _translation_table(translations: tuple[Score, ...]) -> Table:
    return Table(
        title="The English texts" + (" beside their references" if len(translations) > 1 else ""),
        headings=("", "score", "95 %", "n"),
        rows=tuple((one.name, f"{one.value:.2f}", interval(one), str(one.texts)) for one in translations),
        notes=signatures(translations),
    )


def _flag_table(evaluation: Evaluation) -> Table:
    if not evaluation.flags:
        return Table(title="Flags: none", headings=("",), rows=())
    return Table(
        title="Flags",
        headings=("check", "severity", "per 1,000 records", "flags", "records"),
        rows=tuple(
            (flag.check, flag.severity, f"{flag.per_1000:.1f}", str(flag.flags), str(flag.records))
            for flag in evaluation.flags
        ),
    )


def _spread_table(evaluation: Evaluation) -> Table:
    return Table(
        title="Length and novelty",
        headings=("", "mean", "median", "5–95 %", "records"),
        rows=tuple(
            (
                f"{one.name}, {one.unit}",
                f"{one.mean:.1f}",
                f"{one.median:.1f}",
                f"{one.low:.1f}–{one.high:.1f}",
                str(one.records),
            )
            for one in evaluation.spreads
        ),
        notes=("new bigrams: pairs of syllables of the summary that do not stand in the article",),
    )


def _throughput_table(evaluation: Evaluation) -> Table:
    replayed = any(one.replayed for one in evaluation.throughput)
    return Table(
        title="Throughput",
        headings=("stage", "seconds", "records/s", "calls", "replayed", "source tokens/s", "output tokens/s"),
        rows=tuple(
            (
                one.stage,
                f"{one.seconds:.2f}",
                f"{one.records_per_second:.1f}",
                str(one.computed + one.replayed) if one.computed + one.replayed else "",
                str(one.replayed) if one.replayed else "",
                _rate(one.source_tokens_per_second, one.replayed),
                _rate(one.output_tokens_per_second, one.replayed),
            )
            for one in evaluation.throughput
        ),
        notes=(
            ("replayed: answered by the memo, in no time; tokens/s are estimated from the share that was computed",)
            if replayed
            else ()
        ),
    )


def _rate(value: float | None, replayed: int) -> str:
    if value is None:
        return ""
    return f"{'≈ ' if replayed else ''}{value:.0f}"


def interval(found: Score | Difference) -> str:
    """Return a 95 % interval as text."""
    return f"[{found.low:.2f}, {found.high:.2f}]".replace("-", "−")


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.2f}".replace("-", "−")


def signatures(scores: list[Score] | tuple[Score, ...]) -> tuple[str, ...]:
    """Return a line for each signature, with the names of the scores that share it."""
    names: dict[str, list[str]] = {}
    for one in scores:
        names.setdefault(one.signature, []).append(one.name)
    return tuple(f"{', '.join(shared)}: {signature}" for signature, shared in names.items())
