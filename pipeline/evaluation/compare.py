"""Compare two versions: the changes of the recipe, their effect on the scores, and the records that differ most.

Records are paired by id and text; scores, flags and differences are computed over the pairs. Records of one version
only, and those whose text differs, are listed. The answers of the second version are held in memory, those of the first
are read one by one.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pipeline.evaluation.evaluate import ENGLISH_SUMMARIES, TRANSLATION
from pipeline.evaluation.metrics import Difference, Metric, Score, paired, score
from pipeline.records import DEFAULT_ORDER, SEVERITIES, Failure, Flag, RepairedText, Status
from pipeline.storage.rows import Readable, failures, rows, translates_first
from pipeline.tally import FlagKind, Tally

Section: TypeAlias = Literal["recipe", "scope", "models", "sources", "counts", "environment"]

_SUMMARY: tuple[Metric, ...] = ("rouge1", "rouge2", "rougeL")
FIELDS = ("title_translation", "summary", "translation")
_GRAM = 3  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that differs between the manifests; empty where a manifest lacks it."""

    section: Section
    field: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaired:
    """A record without a counterpart: which version has it, and why the other does not, if known."""

    id: str
    where: Literal["a", "b", "both"]  # both: under one id, but with another text
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One metric of both versions on the same records, and B - A."""

    of: Literal["summary", "translation"]
    a: Score
    b: Score
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagCounts:
    """The flags of one check and severity among the common records."""

    check: str
    severity: str
    a: int
    b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingRecord:
    """A record with different texts: their distance from 0 to 1, and the texts by field."""

    id: str
    title: str
    distance: float
    a: Mapping[str, str]
    b: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The differences between two versions."""

    a: str
    b: str
    same_recipe: bool
    changes: tuple[Change, ...]
    common: int
    unpaired: tuple[Unpaired, ...]
    changed: Mapping[str, int]  # by field, how many of the common records
    other_references: int  # common records left out of the scores because their references differ
    scores: tuple[Scores, ...]
    not_scored: tuple[str, ...]  # of what a version has none, and which
    flags: tuple[FlagCounts, ...]
    flags_differ: str  # why the counts of flags cannot be compared; empty where they can
    held: tuple[int, int]
    repaired: tuple[int, int]  # texts that were replaced because a check flagged the first answer
    repaired_by_second: tuple[int, int]  # of these, by the answer of a second checkpoint
    apart: tuple[DifferingRecord, ...]  # the furthest first


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is compared of a record, a projection without its article: those of version B are held in memory."""

    id: str
    title: str = ""
    text_sha256: str
    summary: str = ""
    title_translation: str = ""
    translation: str = ""
    reference_summary: str = ""
    reference_translation: str = ""
    status: Status = "ok"
    flags: tuple[Flag, ...] = ()
    repaired: tuple[RepairedText, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """The texts that the models wrote, by field."""
        return {
            "title_translation": self.title_translation,
            "summary": self.summary,
            "translation": self.translation,
        }

    @property
    def references(self) -> tuple[str, str]:
        """The reference summary and the reference translation."""
        return self.reference_summary, self.reference_translation


def compare(a: Readable, b: Readable, *, records: int) -> Comparison:
    """Return the differences between `a` and `b`, with the `records` common records that differ most."""
    answers_b = {row.id: row for row in rows(b, _Answer)}
    unpaired: list[Unpaired] = []
    lost = {failure.id: _reason(failure) for failure in failures(b)}
    tallies = Tally(), Tally()
    stages = a.manifest["models"].keys() & b.manifest["models"].keys()
    english = [letter for letter, version in (("A", a), ("B", b)) if translates_first(version)]
    changed = Counter(dict.fromkeys(FIELDS, 0))
    summaries: list[tuple[str, str, str]] = []
    translations: list[tuple[str, str, str]] = []
    other_references = 0
    furthest: list[tuple[float, int, DifferingRecord]] = []
    for at, answer_a in enumerate(rows(a, _Answer)):
        answer_b = answers_b.pop(answer_a.id, None)
        if answer_b is None:
            unpaired.append(Unpaired(id=answer_a.id, where="a", why=lost.get(answer_a.id, "not among what B read")))
            continue
        if answer_b.text_sha256 != answer_a.text_sha256:
            unpaired.append(Unpaired(id=answer_a.id, where="both", why="the article’s text is another"))
            continue
        for tally, answer in zip(tallies, (answer_a, answer_b), strict=True):
            tally.add_flags(answer.flags, status=answer.status)
            tally.add_repaired(answer.repaired)
        changed.update(name for name in FIELDS if answer_a.texts[name] != answer_b.texts[name])
        if answer_a.references != answer_b.references:
            other_references += 1
        else:
            if answer_a.reference_summary and "summarize" in stages and not english:
                summaries.append((answer_a.summary, answer_b.summary, answer_a.reference_summary))
            if answer_a.reference_translation and "translate" in stages:
                translations.append((answer_a.translation, answer_b.translation, answer_a.reference_translation))
        found = _apart(answer_a, answer_b)
        if found.distance and records:
            push = heapq.heappush if len(furthest) < records else heapq.heappushpop
            push(furthest, (found.distance, -at, found))
    lost = {failure.id: _reason(failure) for failure in failures(a)}
    unpaired += [Unpaired(id=id_, where="b", why=lost.get(id_, "not among what A read")) for id_ in answers_b]
    return Comparison(
        a=a.name,
        b=b.name,
        same_recipe=a.manifest["recipe"] == b.manifest["recipe"],
        changes=tuple(manifest_changes(a.manifest, b.manifest)),
        common=tallies[0].records,
        unpaired=tuple(unpaired),
        changed=dict(changed),  # asdict takes a Counter apart wrongly
        other_references=other_references,
        scores=(*_scores("summary", _SUMMARY, summaries), *_scores("translation", TRANSLATION, translations)),
        not_scored=(*_not_scored(a.manifest["models"], b.manifest["models"]), *english_summaries(english)),
        flags_differ=flags_differ(english, of=2),
        flags=_flags(*(tally.flags for tally in tallies)),
        held=(tallies[0].held, tallies[1].held),
        repaired=(_repaired(tallies[0], "replaced"), _repaired(tallies[1], "replaced")),
        repaired_by_second=(_repaired(tallies[0], "second_taken"), _repaired(tallies[1], "second_taken")),
        apart=tuple(one for _, _, one in sorted(furthest, reverse=True)),
    )


def _repaired(tally: Tally, outcome: str) -> int:
    return sum(counts.get(outcome, 0) for counts in tally.repaired_by_stage().values())


def manifest_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    """Yield each value that differs between two manifests, that of a model once: in the recipe, if it is there."""
    sections: tuple[tuple[Section, Any, Any], ...] = (
        ("recipe", _recipe(a), _recipe(b)),
        ("scope", {"scope": a["scope"], "until": a["until"]}, {"scope": b["scope"], "until": b["until"]}),
        ("models", a["models"], b["models"]),
        ("sources", _by_path(a["sources"]), _by_path(b["sources"])),
        ("counts", a["counts"], b["counts"]),
        ("environment", a["environment"], b["environment"]),
    )
    in_recipe: set[str] = set()  # what the recipe says of a model is not repeated
    for section, left, right in sections:
        leaves_a, leaves_b = dict(_flat(left)), dict(_flat(right))
        for name in dict.fromkeys((*leaves_a, *leaves_b)):
            if section == "recipe":
                in_recipe.add(name)
            value_a, value_b = leaves_a.get(name), leaves_b.get(name)
            if value_a != value_b and not (section == "models" and f"stages.{name}" in in_recipe):
                yield Change(section=section, field=name, a=value_a or "", b=value_b or "")


def _recipe(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the recipe digest covers; of an edition whose versions have several, their digests too."""
    # the recipe does not name the default order
    return {
        "order": DEFAULT_ORDER,
        **manifest["identity"],
        **({"digests": manifest["recipe"]} if "+" in manifest["recipe"] else {}),
    }


def _by_path(sources: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {source["path"]: {key: value for key, value in source.items() if key != "path"} for source in sources}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Yield each leaf of nested mappings as `a.b.c` and its value, a list in one piece."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _reason(failure: Failure) -> str:
    return f"{failure.category} there: {failure.kind}, {failure.message}"


def _scores(
    of: Literal["summary", "translation"], wanted: Sequence[Metric], texts: Sequence[tuple[str, str, str]]
) -> Iterator[Scores]:
    if not texts:
        return
    texts_a, texts_b, references = zip(*texts, strict=True)
    for metric in wanted:
        yield Scores(
            of=of,
            a=score(metric, texts_a, references),
            b=score(metric, texts_b, references),
            difference=paired(metric, texts_b, texts_a, references),
        )


def _not_scored(a: Container[str], b: Container[str]) -> Iterator[str]:
    """Yield what is not scored because a stage did not run, which is not a score of 0."""
    for stage, texts in (("summarize", "summaries"), ("translate", "translations")):
        without = [name for name, models in (("A", a), ("B", b)) if stage not in models]
        if without:
            yield f"{texts} are not scored: {stage} did not run in {' and '.join(without)}"


def english_summaries(letters: Sequence[str]) -> Iterator[str]:
    """Yield why summaries are not scored where the versions with these letters were translated first."""
    if letters:
        yield f"summaries are not scored: {ENGLISH_SUMMARIES} ({', '.join(letters)})"


def flags_differ(letters: Sequence[str], *, of: int) -> str:
    """Return why the flags of `of` versions cannot be compared: some of them, with these letters, translated first."""
    if not letters or len(letters) == of:
        return ""
    return f"flags are not comparable: in {', '.join(letters)} those of the whole translated article are among them"


def _flags(a: Counter[FlagKind], b: Counter[FlagKind]) -> tuple[FlagCounts, ...]:
    def order(kind: FlagKind) -> tuple[int, int, FlagKind]:
        return SEVERITIES.index(kind[1]), -a[kind] - b[kind], kind

    return tuple(
        FlagCounts(check=check, severity=severity, a=a[check, severity], b=b[check, severity])
        for check, severity in sorted(a.keys() | b.keys(), key=order)
    )


def distance(a: Mapping[str, str], b: Mapping[str, str]) -> float:
    """Return 1 - the Dice coefficient of the character trigrams of two answers, whose texts are given by field."""
    one, other = ("\n".join(texts.values()) for texts in (a, b))
    if one == other:
        return 0.0
    left, right = _grams(one), _grams(other)
    found = 1 - 2 * (left & right).total() / (left.total() + right.total())
    return max(found, 1e-6)  # the same trigrams in another order: not equal


def _apart(a: _Answer, b: _Answer) -> DifferingRecord:
    """Return the record with the distance of both answers."""
    return DifferingRecord(id=a.id, title=a.title, distance=distance(a.texts, b.texts), a=a.texts, b=b.texts)


def _grams(text: str) -> Counter[str]:
    padded = f"\n{text}\n"
    return Counter(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
