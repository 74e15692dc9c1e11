"""The table of names in `names.toml`, indexed by Vietnamese spellings and by English renderings.

An entry is one thing (a country, a person, an office) with all its Vietnamese spellings and English renderings.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pipeline.text.normalize import fold, press_tone, syllables

Kind = Literal["country", "place", "person", "organization", "office", "term"]

# A word of English text; an abbreviation with dots (U.S., Ph.D.) is one word.
ENGLISH_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing with a name in both languages."""

    name: str  # the first Vietnamese spelling
    english: str  # the first rendering, which messages suggest
    kind: Kind


@dataclass(frozen=True, slots=True)
class Spelling:
    """One spelling or rendering of an entry: its words, and which of them must be capitalized."""

    entry: Entry
    words: tuple[str, ...]  # Vietnamese: syllable keys; English: folded words
    capital: tuple[bool, ...]


_SYLLABLES_OF_A_SHORT_NAME = 2

Index = Mapping[str, tuple[Spelling, ...]]  # by the first word; longest spelling first


@dataclass(frozen=True, slots=True)
class Merger:
    """The merger of a province or ministry into another."""

    into: Entry
    date: dt.date


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The whole table."""

    vietnamese: Index
    english: Index
    mergers: Mapping[Entry, Merger]
    needs_context: frozenset[str]  # keys of syllables, like all sets below; see `names.toml`
    needs_joiner: frozenset[str]
    joiners: frozenset[str]
    never_first: frozenset[str]
    heavenly_stems: frozenset[str]
    earthly_branches: frozenset[str]
    surnames: frozenset[str]
    surnames_as_words: frozenset[str]
    any_office: frozenset[str]
    distinct_bodies: frozenset[str]
    chinese_or_korean: frozenset[str]
    male_titles: frozenset[str]
    female_titles: frozenset[str]
    titles: frozenset[str]  # male, female and neutral ones
    place_words: frozenset[str]
    body_words: frozenset[str]
    chinese_surnames: Mapping[str, frozenset[str]]  # key of a surname: its folded romanizations
    ordinary: frozenset[str]  # folded English words
    known_people: frozenset[str]  # every spelling of a person of the table, as in `spellings`
    spellings: Mapping[Entry, tuple[str, ...]]  # every Vietnamese spelling, as " syllable keys "


def syllable_key(syllable: str) -> str:
    """Return the syllable in press style and lower case, which is equal for two spellings of it."""
    return press_tone(syllable).lower()


def may_be_vietnamese(kind: Kind, words: Sequence[object]) -> bool:
    """Return whether a Vietnamese person or place may have the same name: Thành Long, not Tập Cận Bình."""
    return len(words) > 1 and (kind == "place" or (kind == "person" and len(words) == _SYLLABLES_OF_A_SHORT_NAME))


def english_words(text: str) -> list[re.Match[str]]:
    """Return the matches of the words of `text`; an abbreviation with dots is one word."""
    return list(ENGLISH_WORD.finditer(text))


def english_key(word: str) -> str:
    """Return an English word folded and without dots."""
    return fold(word).replace(".", "")


_SECTIONS: Mapping[str, Kind] = {
    "countries": "country",
    "places": "place",
    "people": "person",
    "organizations": "organization",
    "offices": "office",
    "terms": "term",
    "provinces": "place",
}


@cache
def gazetteer() -> Gazetteer:
    """Return the table, read once from `names.toml` and `ordinary_words.toml`."""
    raw = _read("names.toml")
    build = _Build()
    for section, kind in _SECTIONS.items():
        for spellings, renderings in raw[section].items():
            build.add(spellings.split("|"), renderings.split("|"), kind)
    for spelling in raw["words"].pop("not_names"):
        build.add([spelling], [""], "term")
    words = {name: frozenset(map(syllable_key, listed)) for name, listed in raw["words"].items()}
    words["titles"] = words["male_titles"] | words["female_titles"] | words.pop("neutral_titles")
    return Gazetteer(
        vietnamese=_index(build.vietnamese),
        english=_index(build.english),
        mergers={
            build.entries[old]: Merger(build.entries[new], group["date"])
            for group in raw["mergers"].values()
            for old, new in group["into"].items()
        },
        chinese_surnames={
            syllable_key(surname): frozenset(map(fold, renderings.split("|"))) - {fold(surname)}
            for surname, renderings in raw["chinese_surnames"].items()
        },
        ordinary=frozenset(_read("ordinary_words.toml")["words"].split()),
        known_people=frozenset(
            way for entry, ways in build.spellings.items() if entry.kind == "person" for way in ways
        ),
        spellings={entry: tuple(spellings) for entry, spellings in build.spellings.items()},
        **words,
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("pipeline.checks.names").joinpath(name).read_text(encoding="utf-8"))


class _Build:
    """Collects the entries while the table is read."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.vietnamese: list[Spelling] = []
        self.english: list[Spelling] = []
        self.spellings: dict[Entry, list[str]] = {}

    def add(self, spellings: list[str], renderings: list[str], kind: Kind) -> None:
        entry = Entry(spellings[0], renderings[0], kind)
        self.entries[entry.name] = entry
        for spelling in spellings:
            words = syllables(spelling)
            keys = tuple(map(syllable_key, words))
            self.vietnamese.append(Spelling(entry, keys, tuple(word[0].isupper() for word in words)))
            self.spellings.setdefault(entry, []).append(f" {' '.join(keys)} ")
        # a Vietnamese may have the name of a Chinese city or actor, which English then keeps
        named = [spelling for spelling in spellings if may_be_vietnamese(kind, spelling.split())]
        for rendering in filter(None, dict.fromkeys([*renderings, *named])):
            words = [match[0] for match in english_words(rendering)]
            # the name of a body or office may be written in lower case; an acronym may not
            proper = kind in {"place", "country", "person"}
            capital = tuple(word[0].isupper() and (proper or word.isupper()) for word in words)
            self.english.append(Spelling(entry, tuple(map(english_key, words)), capital))


def _index(spellings: Iterable[Spelling]) -> Index:
    by_first: dict[str, list[Spelling]] = {}
    for spelling in spellings:
        by_first.setdefault(spelling.words[0], []).append(spelling)
    return {
        first: tuple(sorted(dict.fromkeys(group), key=lambda spelling: -len(spelling.words)))
        for first, group in by_first.items()
    }
