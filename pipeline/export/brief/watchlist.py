"""A list of terms that someone watches for: topics, each with the terms that stand for it.

A text file has a term a line, each a topic of its own; YAML has topics with lists of terms. Matching takes whole words
and forgives what keyboards and English leave out: a letter of the term with marks is also met by the letter with fewer
of them or none, a letter without marks by any, a space by none or a hyphen. So `Hà Nội` finds Ha Noi and Hanoi, `ha
noi` finds Hà Nội, but `bão` (storm) does not find báo (newspaper). Where a text is written with marks, a term of one
syllable needs its own: it is matched as it is written, and bao (a sack, or how many) is not a storm.
A star at the end takes what begins so: `flood*`. A term inside the name of a football club does not count (`thép` in
Thép Xanh Nam Định): who watches the club writes its name, or `CLB Hà Nội`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import yaml_core
from pipeline.errors import UsageError
from pipeline.export.brief.clubs import Club, clubs
from pipeline.text.normalize import decode, fold, press_tone, syllables

_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_HATS = ("", "\u0302", "\u0306", "\u031b")
_STROKE = "\u0335"
_NEITHER = re.compile(r"[\W_\u0300-\u036f]+")  # letters nor digits
_MARKED = 0.1  # of the words: Vietnamese has marks on two of three, an English text on a name here and there
_BETWEEN = r"[\s‐‑–-]{0,2}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A heading, and the terms that put an article under it."""

    name: str
    terms: tuple[Term, ...]

    def matches(self, text: Prepared) -> bool:
        """Return whether `text` has one of the terms."""
        return any(term.stands_in(text) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Term:
    """A term as it is looked for in a text that is written with marks, and in one that is not."""

    probe: str  # the term, squeezed: where that is missing, a slow search would find nothing
    strict: re.Pattern[str]
    lenient: re.Pattern[str]

    def stands_in(self, text: Prepared) -> bool:
        """Return whether the term is in `text`, and not only inside the name of a football club."""
        if self.probe not in text.squeezed:
            return False
        pattern = self.strict if text.marked else self.lenient
        places = (match.span() for match in pattern.finditer(text.normal))
        return any(not any(club.hides(*place) for club in text.clubs) for place in places)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text as terms are looked for in it."""

    normal: str  # NFC, lower case, tones where the press puts them
    squeezed: str  # without marks, spaces and punctuation
    marked: bool  # written with the marks of Vietnamese, in a part at least
    clubs: tuple[Club, ...]


def prepare(texts: Iterable[str]) -> Prepared:
    """Return texts made ready for any number of topics; no term reaches from one into the next."""
    normal = _normal("\n\n\n".join(texts))
    words = syllables(normal)
    marked = sum(any(map(_marks, word)) for word in words)
    return Prepared(normal, _squeezed(normal), marked >= _MARKED * len(words) > 0, clubs(normal))


def read(path: Path) -> list[Topic]:
    """Return the topics of a watchlist in its order; raises `UsageError` naming the line or topic that is wrong."""
    try:
        text = decode(path.read_bytes()).text
    except FileNotFoundError:
        raise UsageError(f"--watch {path}: no such file; write a term a line into it") from None
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--watch {path}: cannot be read: {error}") from None
    pairs = _from_yaml(text, path) if path.suffix.lower() in {".yaml", ".yml"} else _from_lines(text)
    topics = [_topic(name, terms, path) for name, terms in pairs]
    if not topics:
        raise UsageError(f"--watch {path}: holds no term; write one a line")
    return topics


def _from_lines(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.splitlines():
        term = " ".join(line.split())
        if term and not term.startswith("#"):
            yield term, [term]


def _from_yaml(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        found: Any = yaml_core.load(text)
    except yaml_core.NotYamlError as error:
        raise UsageError(f"--watch {path}: not valid YAML: {error}") from None
    if isinstance(found, list):
        found = {str(term): term for term in found}
    if not isinstance(found, dict):
        raise UsageError(
            f"--watch {path}: write topics with their terms, as `Storms: [bão, typhoon]`, or a list of terms"
        )
    for name, terms in found.items():
        listed = terms if isinstance(terms, list) else [name if terms is None else terms]
        if not all(isinstance(term, str | int) and not isinstance(term, bool) for term in listed):
            raise UsageError(f"--watch {path}: {name}: its terms are words, as `{name}: [one, another]`")
        yield " ".join(str(name).split()), [str(term) for term in listed]


def _topic(name: str, terms: list[str], path: Path) -> Topic:
    found = []
    for term in terms:
        probe = _squeezed(_normal(term))
        if not probe:
            raise UsageError(f"--watch {path}: {name}: {term!r} holds no letter or digit to look for")
        found.append(Term(probe, _pattern(term, strict=True), _pattern(term, strict=False)))
    return Topic(name, tuple(found))


def _normal(text: str) -> str:
    return press_tone(unicodedata.normalize("NFC", text)).lower()


def _squeezed(normal: str) -> str:
    return _NEITHER.sub("", unicodedata.normalize("NFD", normal)).replace("đ", "d")


def _pattern(term: str, *, strict: bool) -> re.Pattern[str]:
    open_end = term.rstrip().endswith("*")
    words = syllables(_normal(term))
    exact = strict and len(words) == 1
    body = _BETWEEN.join("".join(_letter(letter, exact=exact) for letter in word) for word in words)
    return re.compile(rf"(?<!\w){body}" + ("" if open_end else r"(?!\w)"))


def _letter(letter: str, *, exact: bool) -> str:
    """Return what a letter of a term is met by, as part of a pattern; `exact`: one with marks by itself alone."""
    marks, base = _marks(letter), fold(letter)
    met = [] if marks and exact else [other for other in _family(base) if not marks or _marks(other) <= marks]
    return f"[{''.join(met)}]" if len(met) > 1 else re.escape(letter)


def _family(base: str) -> list[str]:
    """Return a letter with all the marks that it has in Vietnamese, in one character each; [] for what takes none."""
    if base == "d":
        return ["d", "đ"]
    if base not in {*"aeiouy"}:
        return []
    forms = [unicodedata.normalize("NFC", base + hat + tone) for hat in _HATS for tone in _TONES]
    return [form for form in forms if len(form) == 1]


def _marks(letter: str) -> frozenset[str]:
    return frozenset(_STROKE) if letter == "đ" else frozenset(unicodedata.normalize("NFD", letter)[1:])
