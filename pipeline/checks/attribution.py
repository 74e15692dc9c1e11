"""The check `attribution`: where one side says whose words these are, the other must say so too.

The words of `certain` in `attribution.toml` are frequent and mean nothing but speech; `any` is wide, so that a
translation may choose another word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.checks.phrases import Bilingual, Table, read
from pipeline.checks.view import Pair, View
from pipeline.records import Flag


@dataclass(frozen=True, slots=True)
class Tables:
    """`attribution.toml`, compiled."""

    certain: Bilingual
    any: Bilingual

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        return cls(Bilingual.of(data["certain"]), Bilingual.of(data["any"]))


@cache
def _tables() -> Tables:
    return Tables.of(read("attribution"))


def check(view: View) -> Iterator[Flag]:
    """Yield the flags `attribution` of each pair that has a translation."""
    for pair in view.translated:
        yield from flags(pair, _tables())


def flags(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where one side has a word of speech and the other has none."""
    source, target = pair.source.normalized, pair.target.normalized
    spoken = tables.certain.vi.search(source)
    if spoken is not None and not tables.any.en.search(target):
        message = f"the Vietnamese says that somebody said it ({source[spoken]}); the English states it"
        yield pair.flag("attribution", message, source=spoken, severity="warning")
    spoken = tables.certain.en.search(target)
    if spoken is not None and not tables.any.vi.search(source):
        message = f"the English says that somebody said it (“{target[spoken]}”); the Vietnamese does not"
        yield pair.flag("attribution", message, target=spoken, severity="warning")
