"""Gather the contents of a brief: the stories of a version, each once, grouped by topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal, TypeAlias

from pipeline.errors import UsageError
from pipeline.export.brief.watchlist import Topic, prepare
from pipeline.records import PublishedRow, Status
from pipeline.storage.rows import Edition, Readable, rows
from pipeline.storage.versions import WHOLE, version_time
from pipeline.text import near_duplicates
from pipeline.text.sanitize import host, one_line, web_link

Hold: TypeAlias = Literal["leave-out", "mark"]

OTHER = "Other"
_SCOPES = {
    "limited": "A sample: only the first articles of the sources were read.",
    "partial": "A part: the run was stopped before every article was done.",
}
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Copy:
    """Another outlet that published the story."""

    name: str
    link: str  # http, https, or empty


@dataclass(slots=True, kw_only=True)
class Item:
    """One story: all texts on one line each, harmless but not escaped."""

    headline: str
    outlet: str
    date: str
    link: str  # http, https, or empty
    address: str  # the link's host; what is not a web link, unchanged
    summary: str
    held: tuple[str, ...]  # why it is on hold, where it is
    when: datetime
    also: list[Copy] = field(default_factory=list)  # by their outlet
    copies: list[Copy] = field(default_factory=list)  # those whose outlet is not known, by their title


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A topic, or an empty name where nobody watches, and its stories, the newest first."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A whole brief; `notes` stand at its end: what is not in it, and what made it."""

    title: str
    subtitle: str
    groups: tuple[Group, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What decides whether a record goes into the brief, and of which story it is a copy: a projection."""

    id: str
    article: str
    published: str = ""
    translation: str = ""
    status: Status = "ok"


def gather(version: Readable, *, topics: Sequence[Topic], hold: Hold, title: str | None) -> Brief:
    """Return the brief of `version`; raises `UsageError` where it has no translations."""
    if version.manifest["until"]:
        raise UsageError(
            f"{version.name}: was run with --until {version.manifest['until']} and has no English; "
            "run it whole, then ask for the brief"
        )
    leads, unusable = _leads(version, hold=hold)
    taken: list[str] = []
    items: dict[str, Item] = {}
    copies: list[tuple[str, PublishedRow]] = []
    left_out: Counter[str] = Counter()  # articles by each topic that they are about
    mentioned: dict[str, list[str]] = {}  # the leads of the stories that are about a topic
    under: dict[str, list[Item]] = {name: [] for name in [*(topic.name for topic in topics), OTHER if topics else ""]}
    placed: dict[str, str] = {}  # lead: its topic
    for row in rows(version):
        lead = leads.get(row.id)
        matched = _matched(row, topics)
        if lead is None:
            left_out.update(matched)
            continue
        taken.append(_outlet(row))
        for name in matched:
            mentioned.setdefault(name, []).append(lead)
        if lead != row.id:
            copies.append((lead, row))
            continue
        items[lead] = _item(row)
        placed[lead] = matched[0] if matched else OTHER if topics else ""
        under[placed[lead]].append(items[lead])
    for lead, row in copies:
        _add_copy(items[lead], row)
    empty_topics = [
        _Unmatched(name, left_out[name], tuple(dict.fromkeys(placed[lead] for lead in mentioned.get(name, ()))))
        for name, found in under.items()
        if not found and name not in {OTHER, ""}
    ]
    groups = tuple(
        Group(name=name, items=tuple(sorted(found, key=lambda item: item.when, reverse=True)))
        for name, found in under.items()
        if found
    )
    return Brief(
        title=one_line(title or version.manifest["name"]),
        subtitle=_subtitle(version, len(items), 0 if "" in taken else len({*taken})),  # one of none is from nowhere
        groups=groups,
        notes=tuple(_notes(version, unusable, empty_topics)),
    )


def _leads(version: Readable, *, hold: Hold) -> tuple[dict[str, str], Counter[str]]:
    """Return the lead of each usable record, by id, and how many records are not usable: "held", "empty"."""
    unusable: Counter[str] = Counter()

    def usable() -> Iterator[near_duplicates.Story]:
        for row in rows(version, _Candidate):
            if row.status == "hold" and hold == "leave-out":
                unusable["held"] += 1
            elif not row.translation.strip():
                unusable["empty"] += 1
            else:
                yield near_duplicates.Story(row.id, row.article, row.published)

    return near_duplicates.leads(usable()), unusable


def _item(row: PublishedRow) -> Item:
    link = web_link(row.url)
    reasons = [one_line(f"{flag.check}: {flag.message}") for flag in row.flags if flag.severity == "error"]
    return Item(
        headline=one_line(row.title_translation) or one_line(row.title) or "(no headline)",
        outlet=_outlet(row),
        date=_date(row.published),
        link=link,
        address=host(link) if link else one_line(row.url),
        summary=one_line(row.translation),
        held=tuple(reasons or ["a check holds it back"]) if row.status == "hold" else (),
        when=near_duplicates.parse_date(row.published) or _NEVER,
    )


def _add_copy(item: Item, row: PublishedRow) -> None:
    """Add a near copy to its story, by its outlet or, where that is not known, by its title."""
    outlet = _outlet(row)
    copy = Copy(outlet or one_line(row.title) or one_line(row.id), web_link(row.url))
    (item.also if outlet else item.copies).append(copy)


def _matched(row: PublishedRow, topics: Sequence[Topic]) -> list[str]:
    """Return the topics whose terms stand in the headline or the summary, then those of the article alone."""
    if not topics:
        return []
    texts = [prepare((row.title, row.title_translation, row.summary, row.translation)), prepare((row.article,))]
    return list(dict.fromkeys(topic.name for text in texts for topic in topics if topic.matches(text)))


def _outlet(row: PublishedRow) -> str:
    return one_line(row.outlet) or host(row.url)


def _date(published: str) -> str:
    """Return a date as English writes it, `14 March 2024`; what is not a date, unchanged."""
    try:
        found = datetime.fromisoformat(published)
    except ValueError:
        return one_line(published)
    return f"{found.day} {found:%B %Y}"


def _subtitle(version: Readable, count: int, outlets: int) -> str:
    day = _day(version)
    parts = [f"{day.day} {day:%B %Y}", _counted(count, "story", "stories")]
    if outlets:
        parts.append("from " + _counted(outlets, "outlet", "outlets"))
    return parts[0] + " · " + " ".join(parts[1:])


def _day(version: Readable) -> date:
    """Return the day the version is of: its edition; of one before there were editions, when it was made, in UTC."""
    edition = version.manifest.get("edition")
    if edition:
        return date.fromisoformat(edition)
    made = version_time(version.manifest["version"])
    assert made is not None
    return made.date()


@dataclass(frozen=True, slots=True)
class _Unmatched:
    """A topic without stories."""

    name: str
    left_out: int  # articles about it, on hold or without English
    under: tuple[str, ...]  # the topics under which stories about it stand

    def as_text(self) -> str:
        """Return the topic with where its stories stand and how many are left out."""
        about = [f"see {', '.join(map(one_line, self.under))}"] if self.under else []
        if self.left_out:
            about.append(f"{_counted(self.left_out, 'article', 'articles')} left out")
        return f"{one_line(self.name)} ({'; '.join(about)})"


def _notes(version: Readable, unusable: Counter[str], unmatched: Sequence[_Unmatched]) -> list[str]:
    notes = ["Summarized and translated from Vietnamese by machine: check before you quote."]
    scope = version.manifest["scope"]
    if scope not in WHOLE:
        notes.append(_SCOPES.get(scope, f"Not every article of the sources is in it (scope: {scope})."))
    if held := unusable["held"]:
        left_out = _counted(held, "article is", "articles are")
        notes.append(f"{left_out} left out: on hold until someone has looked.")
    if empty := unusable["empty"]:
        notes.append(f"{_counted(empty, 'article is', 'articles are')} left out: the translator gave no English text.")
    failed = version.manifest["counts"]["failures"]
    if failed:
        notes.append(f"{_counted(failed, 'article', 'articles')} could not be summarized or translated.")
    if elsewhere := [one.as_text() for one in unmatched if one.left_out or one.under]:
        notes.append(f"Nothing of its own on: {', '.join(elsewhere)}.")
    if nothing := [one_line(one.name) for one in unmatched if not (one.left_out or one.under)]:
        notes.append(f"Nothing on: {', '.join(nothing)}.")
    made = f" ({', '.join(one.folder.name for one in version.versions)})" if isinstance(version, Edition) else ""
    notes.append(f"tomdich {version.name}{made}")
    return notes


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
