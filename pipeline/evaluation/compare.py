"""Two versions side by side: what changed in the recipe, what that did to the scores, and the records that differ most.

Records are paired by id and text; scores, flags and differences are over these pairs, so that like stands against like.
What stands in one version only, or under another text, is listed. The second version's answers are in memory, the
first's go by.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pipeline.evaluation.evaluate import TRANSLATION, Tally, interval, signatures, signed
from pipeline.evaluation.metrics import P_VALUE, Difference, Metric, Score, paired, score
from pipeline.evaluation.tables import Table, print_tables
from pipeline.records import SEVERITIES
from pipeline.storage.rows import Readable, Row, category, failures, rows
from pipeline.text.sanitize import one_line, visible

Section: TypeAlias = Literal["recipe", "scope", "models", "sources", "counts", "environment"]

_SUMMARY: tuple[Metric, ...] = ("rouge1", "rouge2", "rougeL")
_COLUMNS = (
    "id", "title", "text_sha256", "summary", "title_translation", "translation", "reference_summary",
    "reference_translation", "status", "flags",
)  # fmt: skip
_Kind: TypeAlias = tuple[str, str]  # a check and a severity
_FIELDS = ("title_translation", "summary", "translation")
_NAMES = {"title_translation": "headline", "summary": "summary", "translation": "translation"}
_GRAM = 3  # characters
_LISTED = 20  # ids that a person is shown; JSON has all
_LONG_VALUE = 40
_DIGEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line that is not the same in both manifests; a value that one of them lacks is empty."""

    section: Section
    field: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaired:
    """A record that has no partner: which version has it, and why the other does not, where it says so."""

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
class Apart:
    """A record that the versions answer differently: how far apart from 0 to 1, and the texts by field."""

    id: str
    title: str
    distance: float
    a: Mapping[str, str]
    b: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything in which two versions differ."""

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
    held: tuple[int, int]
    apart: tuple[Apart, ...]  # the furthest first


def compare(a: Readable, b: Readable, *, records: int) -> Comparison:
    """Return in what `a` and `b` differ, with the `records` common records that differ most."""
    theirs = {row["id"]: row for row in rows(b, _COLUMNS)}
    unpaired: list[Unpaired] = []
    lost = {failure["id"]: _reason(failure) for failure in failures(b)}
    tallies = Tally(), Tally()
    stages = a.manifest["models"].keys() & b.manifest["models"].keys()
    changed = Counter(dict.fromkeys(_FIELDS, 0))
    summaries: list[tuple[str, str, str]] = []
    translations: list[tuple[str, str, str]] = []
    other_references = 0
    furthest: list[tuple[float, int, Apart]] = []
    for at, ours in enumerate(rows(a, _COLUMNS)):
        other = theirs.pop(ours["id"], None)
        if other is None:
            unpaired.append(Unpaired(id=ours["id"], where="a", why=lost.get(ours["id"], "not among what B read")))
            continue
        if other["text_sha256"] != ours["text_sha256"]:
            unpaired.append(Unpaired(id=ours["id"], where="both", why="the article’s text is another"))
            continue
        for tally, row in zip(tallies, (ours, other), strict=True):
            tally.add(row)
        changed.update(name for name in _FIELDS if ours[name] != other[name])
        if any(ours[name] != other[name] for name in ("reference_summary", "reference_translation")):
            other_references += 1
        else:
            if ours["reference_summary"] and "summarize" in stages:
                summaries.append((ours["summary"], other["summary"], ours["reference_summary"]))
            if ours["reference_translation"] and "translate" in stages:
                translations.append((ours["translation"], other["translation"], ours["reference_translation"]))
        found = _apart(ours, other)
        if found.distance and records:
            push = heapq.heappush if len(furthest) < records else heapq.heappushpop
            push(furthest, (found.distance, -at, found))
    lost = {failure["id"]: _reason(failure) for failure in failures(a)}
    unpaired += [Unpaired(id=id_, where="b", why=lost.get(id_, "not among what A read")) for id_ in theirs]
    return Comparison(
        a=a.name,
        b=b.name,
        same_recipe=a.manifest["recipe"] == b.manifest["recipe"],
        changes=tuple(_changes(a.manifest, b.manifest)),
        common=tallies[0].records,
        unpaired=tuple(unpaired),
        changed=dict(changed),  # asdict takes a Counter apart wrongly
        other_references=other_references,
        scores=(*_scores("summary", _SUMMARY, summaries), *_scores("translation", TRANSLATION, translations)),
        not_scored=tuple(_not_scored(a.manifest["models"], b.manifest["models"])),
        flags=_flags(*(Counter({(one.check, one.severity): one.flags for one in tally.rates()}) for tally in tallies)),
        held=(tallies[0].held, tallies[1].held),
        apart=tuple(one for _, _, one in sorted(furthest, reverse=True)),
    )


def as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON, two spaces a level."""
    return json.dumps(asdict(comparison), ensure_ascii=False, indent=2)


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison for a person: tables, then the records side by side with what differs in colour."""
    console = Console(highlight=False)
    print_tables(_tables(comparison), console=console)
    if not comparison.apart:
        return
    console.print(Text("\nThe records that differ most", style="bold"))
    for one in comparison.apart:
        console.print()
        about = f"  {one_line(one.id)}, {_percent(one.distance)} apart"
        console.print(Text.assemble((one_line(one.title or one.id), "bold"), (about, "dim")), soft_wrap=True)
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        grid.add_column("", style="dim")
        grid.add_column("A", ratio=1)
        grid.add_column("B", ratio=1)
        for name in _FIELDS:
            if one.a[name] or one.b[name]:
                grid.add_row(_NAMES[name], *_marked(one.a[name], one.b[name]))
        console.print(grid)


def tables(comparison: Comparison) -> list[Table]:
    """Return a comparison as tables, the records that differ most among them."""
    return [
        *_tables(comparison),
        *(
            Table(
                title=f"{one.title or one.id} ({one.id}), {_percent(one.distance)} apart",
                headings=("", "A", "B"),
                rows=tuple((_NAMES[name], one.a[name], one.b[name]) for name in _FIELDS if one.a[name] or one.b[name]),
                align="words",
            )
            for one in comparison.apart
        ),
    ]


# Finding


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    sections: tuple[tuple[Section, Any, Any], ...] = (
        ("recipe", _recipe(a), _recipe(b)),
        ("scope", {"scope": a["scope"], "until": a["until"]}, {"scope": b["scope"], "until": b["until"]}),
        ("models", a["models"], b["models"]),
        ("sources", _by_path(a["sources"]), _by_path(b["sources"])),
        ("counts", a["counts"], b["counts"]),
        ("environment", a["environment"], b["environment"]),
    )
    told: set[str] = set()  # of the recipe: what it says of a model is not said a second time
    for section, left, right in sections:
        ours, theirs = dict(_flat(left)), dict(_flat(right))
        for name in dict.fromkeys((*ours, *theirs)):
            if section == "recipe":
                told.add(name)
            if ours.get(name) != theirs.get(name) and not (section == "models" and f"stages.{name}" in told):
                yield Change(section=section, field=name, a=ours.get(name, ""), b=theirs.get(name, ""))


def _recipe(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the recipe digest covers; of an edition whose versions have several, their digests too."""
    return {**manifest["identity"], **({"digests": manifest["recipe"]} if "+" in manifest["recipe"] else {})}


def _by_path(sources: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {source["path"]: {key: value for key, value in source.items() if key != "path"} for source in sources}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Yield each leaf of nested mappings as `a.b.c` and its value, a list in one piece."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _reason(failure: Mapping[str, Any]) -> str:
    return f"{category(failure)} there: {failure['kind']}, {failure['message']}"


def _scores(
    of: Literal["summary", "translation"], wanted: Sequence[Metric], texts: Sequence[tuple[str, str, str]]
) -> Iterator[Scores]:
    if not texts:
        return
    ours, theirs, references = zip(*texts, strict=True)
    for metric in wanted:
        yield Scores(
            of=of,
            a=score(metric, ours, references),
            b=score(metric, theirs, references),
            difference=paired(metric, theirs, ours, references),
        )


def _not_scored(a: Container[str], b: Container[str]) -> Iterator[str]:
    """Yield what is not scored because a stage did not run: that answered nothing, which is no score of 0."""
    for stage, texts in (("summarize", "summaries"), ("translate", "translations")):
        without = [name for name, models in (("A", a), ("B", b)) if stage not in models]
        if without:
            yield f"{texts} are not scored: {stage} did not run in {' and '.join(without)}"


def _flags(a: Counter[_Kind], b: Counter[_Kind]) -> tuple[FlagCounts, ...]:
    def order(kind: _Kind) -> tuple[int, int, _Kind]:
        return SEVERITIES.index(kind[1]), -a[kind] - b[kind], kind

    return tuple(
        FlagCounts(check=check, severity=severity, a=a[check, severity], b=b[check, severity])
        for check, severity in sorted(a.keys() | b.keys(), key=order)
    )


def _apart(ours: Row, theirs: Row) -> Apart:
    """Return the record with its distance: 1 - the share of runs of three characters that both have (Dice)."""
    texts: list[dict[str, str]] = [{name: row[name] or "" for name in _FIELDS} for row in (ours, theirs)]
    one, other = ("\n".join(text.values()) for text in texts)
    distance = 0.0
    if one != other:
        left, right = _grams(one), _grams(other)
        distance = 1 - 2 * (left & right).total() / (left.total() + right.total())
        distance = max(distance, 1e-6)  # other words in the same runs, but not equal
    return Apart(id=ours["id"], title=ours["title"], distance=distance, a=texts[0], b=texts[1])


def _grams(text: str) -> Counter[str]:
    padded = f"\n{text}\n"
    return Counter(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))


# Showing


def _tables(comparison: Comparison) -> list[Table]:
    found = [_overview(comparison), _change_table(comparison)]
    if comparison.unpaired:
        found.append(_unpaired_table(comparison))
    return [*found, _score_table(comparison), _flag_table(comparison)]


def _overview(comparison: Comparison) -> Table:
    common = comparison.common
    changed = ", ".join(f"the {_NAMES[name]} of {count}" for name, count in comparison.changed.items() if count)
    differ = f"they differ in {changed}" if changed else "every headline, summary and translation is the same"
    one = ("A and B are one version; `tomdich runs` lists the others",) if comparison.a == comparison.b else ()
    return Table(
        title=f"A {comparison.a}  →  B {comparison.b}",
        headings=("",),
        rows=(),
        notes=(
            *one,
            f"{common} records in both" + (f"; {differ}" if common else ""),
            f"{len(comparison.unpaired)} in one only, or with another text in the other",
        ),
    )


def _change_table(comparison: Comparison) -> Table:
    recipe = [change for change in comparison.changes if change.section == "recipe"]
    rest = [change for change in comparison.changes if change.section != "recipe"]
    lines = [(change.field, _short(change.a), _short(change.b)) for change in recipe]
    lines += [(f"({change.section}) {change.field}", _short(change.a), _short(change.b)) for change in rest]
    title = "The recipe is the same" if comparison.same_recipe else "What changed in the recipe"
    notes = ("in brackets: not in the recipe",) if rest else ()
    if not lines:
        return Table(title=title + ", and so is all else", headings=("", "A", "B"), rows=())
    return Table(title=title, headings=("", "A", "B"), rows=tuple(lines), notes=notes, align="words")


def _unpaired_table(comparison: Comparison) -> Table:
    shown, rest = comparison.unpaired[:_LISTED], len(comparison.unpaired) - _LISTED
    places = {"a": "A only", "b": "B only", "both": "both"}
    return Table(
        title="Records that are not compared",
        headings=("id", "in", "why"),
        rows=tuple((one.id, places[one.where], one.why) for one in shown),
        notes=(f"and {rest} more: --to json lists them all",) if rest > 0 else (),
        align="words",
    )


def _score_table(comparison: Comparison) -> Table:
    left_out = comparison.not_scored
    if comparison.other_references:
        left_out = (f"left out: {comparison.other_references} records whose references differ", *left_out)
    if not comparison.scores:
        title = "No scores" if comparison.not_scored else "No scores: no common record has a reference"
        return Table(title=title, headings=("",), rows=(), notes=left_out)
    return Table(
        title="Scores on the common records that have a reference",
        headings=("", "A", "B", "B − A", "95 %", "p", "n"),
        rows=tuple(
            (
                f"{one.of}, {one.difference.name}",
                f"{one.a.value:.2f}",
                f"{one.b.value:.2f}",
                signed(one.difference.value),
                interval(one.difference),
                f"{one.difference.p:.3f}",
                str(one.difference.texts),
            )
            for one in comparison.scores
        ),
        notes=(
            *left_out,
            P_VALUE,
            *signatures([one.a for one in comparison.scores]),
        ),
    )


def _flag_table(comparison: Comparison) -> Table:
    rows = [(flag.check, flag.severity, str(flag.a), str(flag.b), _step(flag.a, flag.b)) for flag in comparison.flags]
    held = comparison.held
    return Table(
        title=f"Flags on the common records{'' if rows else ': none in either'}",
        headings=("check", "severity", "A", "B", "B − A"),
        rows=(*rows, ("records on hold", "", str(held[0]), str(held[1]), _step(*held))) if rows or any(held) else (),
    )


def _step(a: int, b: int) -> str:
    return f"{b - a:+d}".replace("-", "−") if a != b else "="


def _percent(share: float) -> str:
    return f"{max(1, round(100 * share))} %"


def _short(value: str) -> str:
    """Return a value at a length for a table; only digests are cut, and JSON has them whole."""
    if len(value) > _LONG_VALUE and set(value) <= set("0123456789abcdef"):
        return value[:_DIGEST] + "…"
    return value or "–"


def _marked(a: str, b: str) -> tuple[Text, Text]:
    """Return both texts with the words that differ in colour."""
    ours, theirs = visible(a).split(), visible(b).split()
    left, right = Text(), Text()
    for kind, start, end, other_start, other_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        left.append("".join(f"{word} " for word in ours[start:end]), "" if kind == "equal" else "bold red")
        right.append(
            "".join(f"{word} " for word in theirs[other_start:other_end]), "" if kind == "equal" else "bold green"
        )
    left.rstrip()
    right.rstrip()
    return left, right
