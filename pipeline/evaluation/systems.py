"""Compare several versions, the systems, with one of them, the baseline: scores with corrected significance, and costs.

Everything is computed over the common records: those that every version has, with the same text. Scores are over those
of them whose references are equal everywhere too. The records without their articles are held in memory.
"""

from __future__ import annotations

import heapq
import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from pipeline.errors import UsageError
from pipeline.evaluation.compare import FIELDS, Change, distance, english_summaries, flags_differ, manifest_changes
from pipeline.evaluation.evaluate import TRANSLATION, lengths
from pipeline.evaluation.metrics import Difference, Metric, Score, holm, numbers_kept, paired, score
from pipeline.records import Flag, PublishedRow
from pipeline.storage.rows import Readable, rows, translates_first
from pipeline.tally import FlagKind, Tally

SUMMARY: tuple[Metric, ...] = ("rouge1", "rouge2", "rougeL")
MOST = 50  # systems: of more no p could be below 0.05, since the smallest of 1,000 resamples is 1/1001
HOLM = "p: two-sided paired bootstrap, corrected by Holm's method for the systems compared on one metric"
_PER_HUNDRED = 100
_NAMES = ("name", "office", "initials")  # the checks of names
_OF_FLAGS = frozenset({"number_errors", "name_errors", "errors", "warnings", "held", "repaired"})
_LENGTH_KEYS = ("summary_syllables", "", "translation_words", "novelty")  # of what `lengths` gives


@dataclass(frozen=True, slots=True)
class Column:
    """A measure of every system: its key for `--columns`, its heading, and whether more or less of it is better."""

    key: str
    heading: str
    better: str = ""  # "more", "less", or "" where neither is
    digits: int = 1


COLUMNS = (
    Column("rouge1", "ROUGE-1", "more", 2),
    Column("rouge2", "ROUGE-2", "more", 2),
    Column("rougeL", "ROUGE-L", "more", 2),
    Column("chrf++", "chrF++", "more", 2),
    Column("bleu", "BLEU", "more", 2),
    Column("numbers_kept", "numbers kept, %", "more"),
    Column("numbers_invented", "numbers invented, %", "less"),
    Column("number_errors", "number errors /100", "less"),
    Column("name_errors", "name errors /100", "less"),
    Column("errors", "errors /100", "less"),
    Column("warnings", "warnings /100", "less"),
    Column("held", "held, %", "less"),
    Column("repaired", "repaired texts /100"),
    Column("summary_syllables", "summary, syllables"),
    Column("translation_words", "translation, words"),
    Column("novelty", "new bigrams, %"),
    Column("tokens", "tokens/article", "less", 0),
    Column("seconds", "s/article", "less", 3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A score of a system beside the baseline's on the same texts, with its p-value corrected by Holm's method."""

    difference: Difference  # the system - the baseline
    corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One version among those that are compared."""

    letter: str
    label: str  # the cell of a matrix, else the experiment if no other system is of it, else the version
    version: str
    recipe: str
    signature: str
    changes: tuple[Change, ...]  # of the recipe, from the baseline's (a) to this one's (b)
    records: int
    scores: Mapping[str, Score]  # by key
    compared: Mapping[str, Compared]  # by key; empty for the baseline
    values: Mapping[str, float]  # every measure by key, also the scores; one that is not known is absent
    flags: Mapping[FlagKind, int]
    replayed: bool  # whether the memo answered some calls, so that `seconds` is an estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingRecord:
    """A record, its largest distance from the baseline's answer (0 to 1), and of each system its texts and flags."""

    id: str
    title: str
    distance: float
    texts: tuple[Mapping[str, str], ...]  # by field
    flags: tuple[tuple[Flag, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A record that is not compared: the letters of the systems that have it, and whether their texts differ."""

    id: str
    where: str
    other_text: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """Several versions compared with the baseline, which is the first."""

    systems: tuple[System, ...]
    common: int
    left_out: tuple[Left, ...]
    other_references: int  # common records left out of the scores because their references differ
    not_scored: tuple[str, ...]
    apart: tuple[DifferingRecord, ...]  # the furthest first

    @property
    def baseline(self) -> System:
        """The system that the others are compared with."""
        return self.systems[0]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The measures that at least one system has."""
        return tuple(one for one in COLUMNS if any(one.key in system.values for system in self.systems))


@dataclass(slots=True)
class _Answers:
    """The answers of one version: its rows by id without their articles, and of each its lengths."""

    version: Readable
    rows: dict[str, PublishedRow]
    lengths: dict[str, tuple[float | None, ...]]


def compare_systems(versions: Sequence[Readable], *, labels: Mapping[str, str], baseline: int, records: int) -> Systems:
    """Return `versions` compared with the one at `baseline`, with the `records` common records that differ most.

    `labels`: by the name of a version what a person calls it. Raises `UsageError` for fewer than two, more than `MOST`,
    or one that is named twice.
    """
    names = [version.name for version in versions]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"compare: {twice[0]} is named twice; name each version once")
    if not 1 < len(versions) <= MOST:
        raise UsageError(f"compare: {len(versions)} versions; name 2 to {MOST}")
    ordered = [versions[baseline], *versions[:baseline], *versions[baseline + 1 :]]
    answers = [_read(version) for version in ordered]
    letters = [letter(at) for at in range(len(answers))]
    common = [id_ for id_, row in answers[0].rows.items() if _is_everywhere(row, answers)]
    same = [id_ for id_ in common if len({_references(one.rows[id_]) for one in answers}) == 1]
    stages = [frozenset(version.manifest["models"]) for version in ordered]
    english = [name for name, version in zip(letters, ordered, strict=True) if translates_first(version)]
    differ = flags_differ(english, of=len(ordered))
    scored = _scored(answers, common, same, stages, scores_summaries=not english)
    experiments = [version.name.partition("/")[0] for version in ordered]
    counts = Counter(experiments)
    systems = tuple(
        System(
            letter=letters[at],
            label=labels.get(one.version.name) or (experiment if counts[experiment] == 1 else one.version.name),
            version=one.version.name,
            recipe=one.version.manifest["recipe"],
            signature=one.version.manifest["signature"],
            changes=tuple(_recipe_changes(answers[0].version, one.version)),
            records=len(one.rows),
            scores=scored[at][0],
            compared=scored[at][1],
            values={key: found.value for key, found in scored[at][0].items()}
            | {key: value for key, value in _values(one, common).items() if not (differ and key in _OF_FLAGS)},
            flags=_tally(one, common).flags,
            replayed=any(calls["replayed"] for calls in one.version.manifest["calls"].values()),
        )
        for at, (one, experiment) in enumerate(zip(answers, experiments, strict=True))
    )
    return Systems(
        systems=systems,
        common=len(common),
        left_out=tuple(_left_out(answers, set(common), letters)),
        other_references=len(common) - len(same),
        not_scored=(*_not_scored(stages, letters), *english_summaries(english), *([differ] if differ else [])),
        apart=_apart(answers, common, records),
    )


def letter(at: int) -> str:
    """Return the name of a column as spreadsheets have it: A, B, …, Z, AA, AB, …."""
    before, last = divmod(at, len(string.ascii_uppercase))
    return (letter(before - 1) if before else "") + string.ascii_uppercase[last]


def _recipe_changes(a: Readable, b: Readable) -> Iterator[Change]:
    return (change for change in manifest_changes(a.manifest, b.manifest) if change.section == "recipe")


def _read(version: Readable) -> _Answers:
    found = _Answers(version, {}, {})
    for row in rows(version):
        found.lengths[row.id] = lengths(row)
        found.rows[row.id] = replace(
            row, article="", set_aside=(), article_translation="", article_sentences=(), kept={}
        )
    return found


def _is_everywhere(row: PublishedRow, answers: Sequence[_Answers]) -> bool:
    there = [one.rows.get(row.id) for one in answers]
    return all(other is not None and other.text_sha256 == row.text_sha256 for other in there)


def _references(row: PublishedRow) -> tuple[str, str]:
    return row.reference_summary, row.reference_translation


def _left_out(answers: Sequence[_Answers], common: set[str], letters: Sequence[str]) -> Iterator[Left]:
    for id_ in dict.fromkeys(id_ for one in answers for id_ in one.rows):
        if id_ not in common:
            where = [name for name, one in zip(letters, answers, strict=True) if id_ in one.rows]
            texts = {one.rows[id_].text_sha256 for one in answers if id_ in one.rows}
            yield Left(id=id_, where=" ".join(where), other_text=len(texts) > 1)


def _not_scored(stages: Sequence[frozenset[str]], letters: Sequence[str]) -> Iterator[str]:
    for stage, texts in (("summarize", "summaries"), ("translate", "translations")):
        if without := [name for name, ran in zip(letters, stages, strict=True) if stage not in ran]:
            yield f"{texts} are not scored: {stage} did not run in {', '.join(without)}"


# Measuring


def _scored(
    answers: Sequence[_Answers],
    common: Sequence[str],
    same: Sequence[str],
    stages: Sequence[frozenset[str]],
    *,
    scores_summaries: bool,
) -> list[tuple[dict[str, Score], dict[str, Compared]]]:
    """Return the scores of each system by key, and their comparisons with the first.

    `same`: those of the `common` ids whose references are equal everywhere.
    """
    found: list[tuple[dict[str, Score], dict[str, Compared]]] = [({}, {}) for _ in answers]
    for stage, metrics, answer in (("summarize", SUMMARY, "summary"), ("translate", TRANSLATION, "translation")):
        references = {id_: str(getattr(answers[0].rows[id_], f"reference_{answer}")) for id_ in same}
        references = {id_: text for id_, text in references.items() if text}
        is_scored = scores_summaries or stage != "summarize"
        if references and is_scored and all(stage in ran for ran in stages):
            texts = [[str(getattr(one.rows[id_], answer)) for id_ in references] for one in answers]
            for metric in metrics:
                _score(metric, texts, list(references.values()), into=found)
    if all("translate" in ran for ran in stages):
        for (scores, _), one in zip(found, answers, strict=True):
            shown = [row for row in (one.rows[id_] for id_ in common) if row.summary and row.translation]
            if shown:
                kept, invented = numbers_kept([row.summary for row in shown], [row.translation for row in shown])
                scores |= {"numbers_kept": kept, "numbers_invented": invented}
    return found


def _score(
    metric: Metric,
    texts: Sequence[Sequence[str]],
    references: Sequence[str],
    *,
    into: Sequence[tuple[dict[str, Score], dict[str, Compared]]],
) -> None:
    """Score each system's texts by one metric, and compare those behind the first with the first."""
    for (scores, _), hypotheses in zip(into, texts, strict=True):
        scores[metric] = score(metric, hypotheses, references)
    differences = [paired(metric, hypotheses, texts[0], references) for hypotheses in texts[1:]]
    corrected = holm([one.p for one in differences])
    for (_, compared), difference, p in zip(into[1:], differences, corrected, strict=True):
        compared[metric] = Compared(difference=difference, corrected=p)


def _tally(answers: _Answers, common: Sequence[str]) -> Tally:
    tally = Tally()
    for id_ in common:
        row = answers.rows[id_]
        tally.add_flags(row.flags, status=row.status)
        tally.add_repaired(row.repaired)
    return tally


def _values(answers: _Answers, common: Sequence[str]) -> dict[str, float]:
    """Return the measures that need no reference, by key."""
    if not common:
        return {}
    tally = _tally(answers, common)

    def rate(counts: Callable[[str, str], bool]) -> float:
        return _PER_HUNDRED * sum(count for kind, count in tally.flags.items() if counts(*kind)) / len(common)

    found = {
        "number_errors": rate(lambda check, severity: check == "number" and severity == "error"),
        "name_errors": rate(lambda check, severity: check in _NAMES and severity == "error"),
        "errors": rate(lambda _, severity: severity == "error"),
        "warnings": rate(lambda _, severity: severity == "warning"),
        "held": _PER_HUNDRED * tally.held / len(common),
        "repaired": _PER_HUNDRED * sum(one["replaced"] for one in tally.repaired_by_stage().values()) / len(common),
        "tokens": fmean(
            sum(call.source_tokens - call.dropped_tokens + call.output_tokens for call in answers.rows[id_].calls)
            for id_ in common
        ),
    }
    measured = zip(*(answers.lengths[id_] for id_ in common), strict=True)
    for key, values in zip(_LENGTH_KEYS, measured, strict=True):
        known = [value for value in values if value is not None]
        if known and key:
            found[key] = fmean(known)
    seconds = _seconds(answers.version.manifest)
    return found if seconds is None else found | {"seconds": seconds}


def _seconds(manifest: Mapping[str, Any]) -> float | None:
    """Return the seconds of the model stages for one article as if the memo had answered nothing, models loaded.

    None where a stage computed nothing, so that its time is not known, and for an edition of several versions.
    """
    records, total = manifest["counts"]["records"], 0.0
    for stage in manifest["models"]:
        calls = manifest["calls"].get(stage, {"computed": 0, "replayed": 0})
        made = calls["computed"] + calls["replayed"]
        if made and not calls["computed"]:
            return None
        opening = manifest.get("opening", {}).get(stage, 0.0)  # older versions do not have it
        seconds = manifest["timings"].get(stage, 0.0) - opening
        total += seconds * (made / calls["computed"] if made else 1.0)
    return total / records if records else None


def _apart(answers: Sequence[_Answers], common: Sequence[str], count: int) -> tuple[DifferingRecord, ...]:
    """Return the records on which a system is furthest from the baseline."""
    furthest: list[tuple[float, int, DifferingRecord]] = []
    for at, id_ in enumerate(common if count else ()):
        texts = tuple({name: getattr(one.rows[id_], name) for name in FIELDS} for one in answers)
        far = max(distance(texts[0], other) for other in texts[1:])
        if far:
            row = answers[0].rows[id_]
            push = heapq.heappush if len(furthest) < count else heapq.heappushpop
            flags = tuple(one.rows[id_].flags for one in answers)
            record = DifferingRecord(id=id_, title=row.title, distance=far, texts=texts, flags=flags)
            push(furthest, (far, -at, record))
    return tuple(one for _, _, one in sorted(furthest, reverse=True))
