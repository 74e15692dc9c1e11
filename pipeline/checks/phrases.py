"""Words and phrases that the checks look for, as an editor writes them in a TOML table.

A list has one entry a line: `"entry" = example`. Examples are for people and for the tests; the checks read the entries
only. An entry is matched in any case, between word borders, and in its own notation:

- `*` matches any further letters: `alleg*` is alleged, allegedly, allegation;
- `(a|b)` is a or b, `(a )?` is a or nothing;
- anything else is as in a regular expression: `(?! x)` not before x, `(?= x)` only before x, `(?<!x )` not after x.

An entry with a capital, or with `(?-i:…)`, is matched in the case that it is written in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, TypeAlias

from pipeline.checks.view import Pair, Text
from pipeline.records import Flag

Table: TypeAlias = Mapping[str, Any]

_ESCAPED = re.compile(r"\\.")
_LETTERS = re.compile(r"(?<!\])\*")
_GROUP = re.compile(r"(?<!\\)\((?!\?)")


@cache
def read(name: str) -> Table:
    """Return the table of a check, `<name>.toml` beside this module."""
    return tomllib.loads(files("pipeline.checks").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def expressions_of(entries: Iterable[str]) -> list[str]:
    """Return each entry as a regular expression, the longest first."""
    return sorted((_GROUP.sub("(?:", _LETTERS.sub("[a-z]*", entry)) for entry in entries), key=len, reverse=True)


class Phrases:
    """Entries of a table as one expression, the longest first."""

    def __init__(self, entries: Iterable[str]) -> None:
        expressions = expressions_of(entries)
        # Matching in any case takes two to three times as long. Only an entry that has capitals needs it.
        self._cased = any(
            "(?-i:" in one or _ESCAPED.sub("", one) != _ESCAPED.sub("", one).lower() for one in expressions
        )
        alternatives = "|".join(expressions)
        form = rf"(?<!\w)(?:{alternatives})(?!\w)" if expressions else "(?!)"  # no entry: no match
        self._pattern = re.compile(form, re.IGNORECASE if self._cased else re.NOFLAG)

    def search(self, text: Text) -> re.Match[str] | None:
        """Return the first match."""
        return self._pattern.search(text.written if self._cased else text.lowercased)

    def finditer(self, text: Text) -> Iterator[re.Match[str]]:
        """Yield every match, in order."""
        return self._pattern.finditer(text.written if self._cased else text.lowercased)

    def count(self, text: Text) -> int:
        """Return the number of matches."""
        return sum(1 for _ in self.finditer(text))

    def hidden(self, text: Text, times: int | None = None) -> Text:
        """Return the text with the first `times` matches hidden, or with all."""
        return text.without(islice(self.finditer(text), times))


@dataclass(frozen=True, slots=True)
class Bilingual:
    """What means the same in Vietnamese and in English."""

    vi: Phrases
    en: Phrases

    @classmethod
    def of(cls, table: Table) -> Bilingual:
        """Return the two lists of a table, compiled."""
        return cls(Phrases(table["vi"]), Phrases(table["en"]))


@dataclass(frozen=True, slots=True)
class Term:
    """A Vietnamese term, the English words that give its sense, and the English words that contradict it."""

    words: Bilingual
    wrong: Phrases
    optional: bool  # a translation with neither is not flagged: the sense has too many translations

    @classmethod
    def of(cls, table: Table) -> Term:
        """Return a group of `terms`, compiled."""
        return cls(Bilingual.of(table), Phrases(table.get("wrong", ())), optional=table.get("optional", False))


def contradicted(pair: Pair, check: str, terms: Sequence[Term]) -> Iterator[Flag]:
    """Yield a flag for each term of the source whose sense the target lacks or contradicts."""
    source, target = pair.source.normalized, pair.target.normalized
    for term in terms:
        said = term.words.vi.search(source)
        if said is None or term.words.en.search(target):
            continue
        if (wrong := term.wrong.search(target)) is not None:
            message = f"“{target[wrong]}” is not what the Vietnamese says ({source[said]})"
            yield pair.flag(check, message, source=said, target=wrong, severity="error")
        elif not term.optional:
            message = f"no English word for {source[said]} was found"
            yield pair.flag(check, message, source=said, severity="warning")
