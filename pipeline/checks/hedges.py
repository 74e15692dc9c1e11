"""The check `hedge`: what the source only claims or expects must not be stated as a fact, nor a fact be doubted.

In news of crime `bị cho là` and `alleged` keep an editor out of court. The table is `hedges.toml`.
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
    """`hedges.toml`, compiled."""

    claim: Bilingual
    suspect: Bilingual  # a person; a sentence about a suspect may claim something else
    chance: Bilingual
    doubt: Bilingual

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        return cls(*(Bilingual.of(data[name]) for name in ("claim", "suspect", "chance", "doubt")))


@cache
def _tables() -> Tables:
    return Tables.of(read("hedges"))


def check(view: View) -> Iterator[Flag]:
    """Yield the flags `hedge` of each pair that has a translation."""
    for pair in view.translated:
        yield from flags(pair, _tables())


def flags(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where one side doubts and the other states."""
    source, target = pair.source.normalized, pair.target.normalized
    vi, en = source, target
    if people := min(tables.suspect.vi.count(vi), tables.suspect.en.count(en)):
        vi, en = tables.suspect.vi.hidden(vi, people), tables.suspect.en.hidden(en, people)
    claim = tables.claim.vi.search(vi)
    if claim is not None and not tables.claim.en.search(en):
        message = f"the Vietnamese only claims or suspects ({source[claim]}); the English states it"
        yield pair.flag("hedge", message, source=claim, severity="error")
        return
    chance = tables.chance.vi.search(source)
    if chance is not None and not tables.chance.en.search(target):
        message = f"the Vietnamese is not certain ({source[chance]}); the English is"
        yield pair.flag("hedge", message, source=chance, severity="warning")
    doubt = tables.doubt.en.search(target)
    if doubt is not None and not tables.doubt.vi.search(source):
        message = f"the English is not certain (“{target[doubt]}”); the Vietnamese is"
        yield pair.flag("hedge", message, target=doubt, severity="warning")
