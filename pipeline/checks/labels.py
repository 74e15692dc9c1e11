"""The check `label`: a label before a headline (“TRỰC TIẾP: …”) is a label of this sense in English, not text.

Only where the English has a label too, words before a colon, is it compared. The table is `labels.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from pipeline.checks.phrases import Phrases, Table, expressions_of, read
from pipeline.checks.view import Pair, Text, View
from pipeline.records import Flag

_LABEL: Final = re.compile(r"[\W_]*([^:|\n]{1,40}?)\s*[:|]\s")


@dataclass(frozen=True, slots=True)
class _Label:
    """The Vietnamese words of a label, and the English ones."""

    vi: re.Pattern[str]
    en: Phrases

    @classmethod
    def of(cls, table: Table) -> _Label:
        return cls(re.compile(rf"[\W_]*({'|'.join(expressions_of(table['vi']))})\s*[:|]\s"), Phrases(table["en"]))


@dataclass(frozen=True, slots=True)
class Tables:
    """`labels.toml`, compiled."""

    labels: tuple[_Label, ...]

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        return cls(tuple(map(_Label.of, data["labels"])))


@cache
def _tables() -> Tables:
    return Tables.of(read("labels"))


def check(view: View) -> Iterator[Flag]:
    """Yield the flags `label` of each pair that has a translation."""
    for pair in view.translated:
        yield from flags(pair, _tables())


def flags(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield a warning where the English has another label than the Vietnamese."""
    if not _LABEL.match(pair.source.text):
        return
    english = _LABEL.match(pair.target.normalized.lowercased)
    for label in tables.labels:
        said = label.vi.match(pair.source.normalized.lowercased)
        if said is None or english is None or label.en.search(Text.of(english[1])):
            continue
        shown, other = pair.source.text[slice(*said.span(1))], pair.target.text[slice(*english.span(1))]
        yield pair.target.flag(
            "label",
            f"“{other}” is not what the label “{shown}” says",
            span=english.span(1),
            expected=shown,
            found=other,
            severity="warning",
        )
