"""Prepare a published row for the page: sentences in pairs, and the place of every flag in the texts.

The places are computed here, in pure functions, so that the script of the page only draws. A *slot* is a text
on the page: `title`, `headline`, `article`, and for the n-th pair `vi<n>` and `en<n>`. Flags count code points of a
field; the places in a slot count UTF-16 units, as a browser does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from pipeline.records import JSON, Flag, PublishedRow, RepairSource

HEADLINE = -1  # the index of the headline among a record's sentences
_TAKEN: Mapping[RepairSource, str] = {
    "beam": "another hypothesis of a wider beam",
    "names": "the translation with the names in ASCII",
    "amounts": "the translation with short dates and units in full",
    "names_amounts": "the translation with names in ASCII, short dates and units in full",
    "clauses": "the translations of the clauses",
    "second": "the translation by {second}",
    "extractive": "the article’s own sentences",
}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Place:
    """A text on the page, and where it starts in its field, in code points."""

    slot: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A Vietnamese text and its English; `index` is the sentence's, `HEADLINE`, or None where it had no translator."""

    vietnamese: str
    english: str
    index: int | None
    vietnamese_start: int | None  # in its field, in code points; None if it was not found there
    english_start: int | None
    fields: tuple[str, str] = ("summary", "translation")  # that have the texts


def listed(row: PublishedRow, *, order: int, sources: Sequence[str], second: str) -> dict[str, JSON]:
    """Return what the page holds of every record at once: all but the article.

    `sources` are the run's own, `second` is the name of its second checkpoint.
    """
    aligned = pairs(row)
    placed = places(row, aligned)
    return {
        "id": row.id,
        "order": order,
        "sha": row.text_sha256,
        "hold": row.status == "hold",
        "origin": origin(row, sources),
        "published": row.published,
        "url": row.url,
        "source": f"{row.source.path}:{row.source.row}",
        "words": len(row.article.split()),
        "translatesFirst": bool(row.article_sentences),  # the English text has no Vietnamese: it is a summary
        "pairs": [[pair.vietnamese, pair.english, pair.index] for pair in aligned],
        # what was replaced because of its flags: the index of its pair, or "summary"; the first answer
        "repaired": [
            {
                "index": {"summary": "summary", "title_translation": HEADLINE}.get(one.field, one.index),
                "first": one.first,
                "taken": _TAKEN[one.taken].format(second=second),
                "before": list(one.before),
            }
            for one in row.repaired
            if one.taken != "first"
        ],
        "flags": [
            {
                "check": flag.check,
                "severity": flag.severity,
                "field": flag.field,
                "message": flag.message,
                "expected": flag.expected,
                "found": flag.found,
                # a release is about the whole record
                "spans": [] if flag.check == "released" else spans(flag, placed[flag.field]),
            }
            for flag in row.flags
        ],
    }


def opened(row: PublishedRow) -> dict[str, JSON]:
    """Return what the page fetches when a record is opened: the article, and what stood around it."""
    return {
        "article": row.article,
        "aside": [[line.kind, line.text] for line in row.set_aside],
        "references": [row.reference_summary, row.reference_translation],
    }


def pairs(row: PublishedRow) -> list[Pair]:
    """Return the headline with its translation, then the summary sentence by sentence; no text of either is left out.

    What no sentence holds (a summary that was not translated, a part of it that the translator never saw) is a pair
    of its own without an index. So is the English summary of an article that was translated first; behind it is the
    article, sentence by sentence.
    """
    found: list[Pair] = []
    if row.title or row.title_translation:
        found.append(Pair(row.title, row.title_translation, HEADLINE, 0, 0, ("title", "title_translation")))
    summary, translation = row.summary, row.translation
    if not row.sentences and (summary or translation):
        found.append(Pair(summary, translation, None, 0, 0))
    else:
        sentences = [(one.summary, one.translation) for one in row.sentences]
        found += _aligned(sentences, summary, translation, ("summary", "translation"))
    body = [(one.article, one.translation) for one in row.article_sentences]
    return [*found, *_aligned(body, row.article, row.article_translation, ("article", "article_translation"))]


def _aligned(
    sentences: Sequence[tuple[str, str]], vietnamese: str, english: str, fields: tuple[str, str]
) -> Iterator[Pair]:
    """Yield each sentence with its translation, and what of the Vietnamese text no sentence holds."""
    at = english_at = 0
    for index, (sentence, translation) in enumerate(sentences):
        start, end = _find(sentence, vietnamese, at)
        if start is not None:
            yield from _left_over(vietnamese, at, start, fields)
            at = end
        english_start, english_end = _find(translation, english, english_at)
        english_at = english_end if english_start is not None else english_at
        yield Pair(sentence, translation, index, start, english_start, fields)
    if sentences or fields[0] == "summary":
        yield from _left_over(vietnamese, at, len(vietnamese), fields)


def places(row: PublishedRow, aligned: Sequence[Pair]) -> dict[str, list[Place]]:
    """Return, for each field that a flag may name, the texts on the page that show it, in order."""
    found: dict[str, list[Place]] = {
        "title": [Place("title", 0, row.title)],
        "article": [Place("article", 0, row.article)],
        "title_translation": [Place("headline", 0, row.title_translation)],
        "summary": [],
        "translation": [],
        "article_translation": [],
    }
    for number, pair in enumerate(aligned):
        if pair.index == HEADLINE:
            continue
        source, target = pair.fields
        if pair.vietnamese_start is not None:
            found[source].append(Place(f"vi{number}", pair.vietnamese_start, pair.vietnamese))
        if pair.english_start is not None and pair.english:
            found[target].append(Place(f"en{number}", pair.english_start, pair.english))
    return found


def spans(flag: Flag, shown: Sequence[Place]) -> list[tuple[str, int, int]]:
    """Return where a flag is seen: (slot, start, end) in UTF-16 units; an empty span is a place where text is missing.

    Empty where the flag points outside its field.
    """
    start, end = flag.start, flag.end
    found = []
    for place in shown:
        first, last = max(start - place.start, 0), min(end - place.start, len(place.text))
        inside = first < last if start < end else 0 <= start - place.start <= len(place.text)
        if inside:
            found.append((place.slot, _units(place.text, first), _units(place.text, last)))
            if start == end:
                break
    return found


def origin(row: PublishedRow, sources: Sequence[str]) -> str:
    """Return what the page sorts records by: the outlet, else the host of the URL, else the run's source."""
    if row.outlet:
        return row.outlet
    try:
        host = urlsplit(row.url).hostname
    except ValueError:  # not an address: "http://[", as a feed may hold
        host = None
    if host:
        return host
    path = row.source.path
    pattern = next((source for source in sources if source == path or fnmatchcase(path, source)), path)
    return "/".join(pattern.split("/")[-2:])


def _find(part: str, whole: str, at: int) -> tuple[int | None, int]:
    """Return where `part` begins and ends in `whole` from `at` on, its white space as it may be; (None, `at`) if not.

    A sentence over two lines is joined by a space, so it may not stand letter by letter in its summary.
    """
    start = whole.find(part, at)
    if start >= 0:
        return start, start + len(part)
    match = re.compile(r"\s+".join(map(re.escape, part.split()))).search(whole, at)
    return (match.start(), match.end()) if match else (None, at)


def _left_over(whole: str, start: int, end: int, fields: tuple[str, str]) -> list[Pair]:
    text = whole[start:end]
    return [Pair(text, "", None, start, None, fields)] if text.strip() else []


def _units(text: str, points: int) -> int:
    """Return the UTF-16 units of the first `points` code points of `text`."""
    return points + len(_ASTRAL.findall(text, 0, points))
