"""The table of names in `names.toml`, made ready for looking up from either language.

Knows spellings and renderings, not texts. An entry is one thing (a country, a person, an office) with all its
Vietnamese spellings and all the English words that may stand for it.
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

Kind = Literal["country", "place", "person", "organisation", "office", "term"]

# A word of English text: an abbreviation with dots (U.S., Ph.D.) is one.
ENGLISH_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that has a name in both languages."""

    name: str  # as a Vietnamese text writes it
    english: str  # the rendering that a message proposes
    kind: Kind


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write an entry: the words, and which of them must begin with a capital."""

    entry: Entry
    words: tuple[str, ...]  # Vietnamese: press style, small letters; English: folded
    capital: tuple[bool, ...]


_SYLLABLES_OF_A_SHORT_NAME = 2

Index = Mapping[str, tuple[Spelling, ...]]  # by the first word, the longest spelling first


@dataclass(frozen=True, slots=True)
class Change:
    """That one province or ministry went into another."""

    into: Entry
    date: dt.date


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The whole table."""

    vietnamese: Index
    english: Index
    changes: Mapping[Entry, Change]
    alone: frozenset[str]  # syllables in small letters, as are all that follow
    joined: frozenset[str]
    joining: frozenset[str]
    not_first: frozenset[str]
    stems: frozenset[str]
    branches: frozenset[str]
    surnames: frozenset[str]
    male: frozenset[str]
    female: frozenset[str]
    titles: frozenset[str]  # of both, and those that tell no sex
    places: frozenset[str]
    heads: frozenset[str]
    chinese: Mapping[str, frozenset[str]]  # surname in small letters: its folded renderings
    ordinary: frozenset[str]  # folded English words
    renamed: frozenset[str]  # people who have another name in English, spelled as in `spoken`
    spoken: Mapping[Entry, tuple[str, ...]]  # every Vietnamese spelling, as " syllables in small letters "


def syllable_key(syllable: str) -> str:
    """Return the syllable in press style and small letters: what two spellings of it share."""
    return press_tone(syllable).lower()


def is_borne(kind: Kind, words: Sequence[object]) -> bool:
    """Return whether a Vietnamese person or place may bear the name too: Thành Long, Trường Giang, not Tập Cận Bình."""
    return len(words) > 1 and (kind == "place" or (kind == "person" and len(words) == _SYLLABLES_OF_A_SHORT_NAME))


def english_words(text: str) -> list[re.Match[str]]:
    """Return the matches of the words of `text`; an abbreviation with dots is one."""
    return list(ENGLISH_WORD.finditer(text))


def english_key(word: str) -> str:
    """Return an English word folded, and without dots."""
    return fold(word).replace(".", "")


@cache
def gazetteer() -> Gazetteer:
    """Return the table of the package, read once."""
    raw = _read("names.toml")
    build = _Build()
    kinds: tuple[tuple[str, Kind], ...] = (
        ("countries", "country"), ("places", "place"), ("people", "person"), ("organisations", "organisation"),
        ("offices", "office"), ("terms", "term"),
    )  # fmt: skip
    for section, kind in kinds:
        for spellings, renderings in raw[section].items():
            build.add(spellings.split("|"), renderings.split("|"), kind)
    for group in raw["provinces"]:
        for new, olds in group["into"].items():
            into = build.province(new, raw["province_renderings"])
            for old in olds:
                build.changes[build.province(old, raw["province_renderings"])] = Change(into, group["date"])
    ministries = raw["ministries"]
    for new, olds in ministries["into"].items():
        for old in olds:
            build.changes[build.entries[old]] = Change(build.entries[new], ministries["date"])
    words = {name: frozenset(map(syllable_key, text.split())) for name, text in raw["words"].items()}
    words["titles"] = words["male"] | words["female"] | words.pop("neutral")
    return Gazetteer(
        vietnamese=_index(build.vietnamese),
        english=_index(build.english),
        changes=build.changes,
        chinese={
            syllable_key(surname): frozenset(map(fold, renderings.split("|"))) - {fold(surname)}
            for surname, renderings in raw["chinese"].items()
        },
        ordinary=frozenset(_read("ordinary_words.toml")["words"].split()),
        renamed=frozenset(way for entry, ways in build.spoken.items() if entry.kind == "person" for way in ways),
        spoken={entry: tuple(spoken) for entry, spoken in build.spoken.items()},
        **words,
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("pipeline.checks.names").joinpath(name).read_text(encoding="utf-8"))


class _Build:
    """The entries while the table is read."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.vietnamese: list[Spelling] = []
        self.english: list[Spelling] = []
        self.changes: dict[Entry, Change] = {}
        self.spoken: dict[Entry, list[str]] = {}

    def add(self, spellings: list[str], renderings: list[str], kind: Kind) -> Entry:
        entry = Entry(spellings[0], renderings[0], kind)
        self.entries[entry.name] = entry
        for spelling in spellings:
            words = syllables(spelling)
            keys = tuple(map(syllable_key, words))
            self.vietnamese.append(Spelling(entry, keys, tuple(word[0].isupper() for word in words)))
            self.spoken.setdefault(entry, []).append(f" {' '.join(keys)} ")
        # a Vietnamese may have the name of a Chinese city or actor: then it stands in English as it is
        named = [spelling for spelling in spellings if is_borne(kind, spelling.split())]
        for rendering in filter(None, dict.fromkeys([*renderings, *named])):
            words = [match[0] for match in english_words(rendering)]
            # an institution's and an office's name is written with capitals or without, an acronym is not
            proper = kind in {"place", "country", "person"}
            capital = tuple(word[0].isupper() and (proper or word.isupper()) for word in words)
            self.english.append(Spelling(entry, tuple(map(english_key, words)), capital))
        return entry

    def province(self, spellings: str, renderings: Mapping[str, str]) -> Entry:
        names = spellings.split("|")
        ascii_name = fold(names[0]).title()
        written = renderings.get(names[0], f"{ascii_name}|{ascii_name.replace(' ', '').capitalize()}")
        return self.add(names, written.split("|"), "place")


def _index(spellings: Iterable[Spelling]) -> Index:
    by_first: dict[str, list[Spelling]] = {}
    for spelling in spellings:
        by_first.setdefault(spelling.words[0], []).append(spelling)
    return {
        first: tuple(sorted(dict.fromkeys(group), key=lambda spelling: -len(spelling.words)))
        for first, group in by_first.items()
    }
