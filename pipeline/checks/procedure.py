"""The check `procedure`: a criminal case must not be further along in the English, and legal terms keep their sense.

The stages follow Vietnam's Criminal Procedure Code of 2015: khởi tố (articles 143 to 154), truy tố (236 to 249), xét xử
(250 to 364). The table is `procedure.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.checks.phrases import Phrases, Table, Term, contradicted, read
from pipeline.checks.view import Pair, View
from pipeline.records import Flag

_ARRESTED, _CONVICTED = 2, 7  # stages: somebody is held, somebody is found guilty


@dataclass(frozen=True, slots=True)
class _Stage:
    """Words for a stage of a case; a word may stand for any stage from `first` to `last`."""

    vi: Phrases
    en: Phrases
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Tables:
    """`procedure.toml`, compiled."""

    stages: tuple[_Stage, ...]
    terms: tuple[Term, ...]
    legal: Phrases  # any Vietnamese word of the stages and terms

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        return cls(
            tuple(
                _Stage(Phrases(stage["vi"]), Phrases(stage.get("en", ())), stage["from"], stage["to"])
                for stage in data["stages"]
            ),
            tuple(map(Term.of, data["terms"])),
            Phrases(entry for group in (*data["stages"], *data["terms"]) for entry in group["vi"]),
        )


@cache
def _tables() -> Tables:
    return Tables.of(read("procedure"))


def check(view: View) -> Iterator[Flag]:
    """Yield the flags `procedure` of each pair that has a translation."""
    for pair in view.translated:
        yield from flags(pair, _tables())


def flags(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where the English is at a later stage of the case, or lacks or contradicts a term."""
    source, target = pair.source.normalized, pair.target.normalized
    reached_en = [(stage, match) for stage in tables.stages if (match := stage.en.search(target))]
    later = max(reached_en, key=lambda one: one[0].first, default=None)
    if not tables.legal.search(source):
        if later is not None and later[0].first >= _CONVICTED:
            message = f"the English tells of a conviction (“{target[later[1]]}”), the Vietnamese of no case"
            yield pair.flag("procedure", message, target=later[1], severity="error")
        return
    reached_vi = [(stage, match) for stage in tables.stages if (match := stage.vi.search(source))]
    if reached_vi and later is not None:
        stage, last = max(reached_vi, key=lambda one: one[0].last)
        # of an investigation English may tell the arrests that the next sentence tells
        if later[0].first > max(stage.last, _ARRESTED):
            message = (
                f"the English is at a later stage of the case (“{target[later[1]]}”) than the Vietnamese"
                f" ({source[last]})"
            )
            yield pair.flag("procedure", message, source=last, target=later[1], severity="error")
    yield from contradicted(pair, "procedure", tables.terms)
