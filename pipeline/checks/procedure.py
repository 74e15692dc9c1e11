"""The check `procedure`: no case is further along in the English, no crime is new, legal terms keep their sense.

The stages follow Vietnam's Criminal Procedure Code of 2015: khởi tố (articles 143 to 154), truy tố (236 to 249), xét xử
(250 to 364). The table is `procedure.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.checks.phrases import Bilingual, Phrases, Table, Term, contradicted, read
from pipeline.checks.view import Pair, View
from pipeline.records import Flag

_STEPS = ("arrest", "charge", "trial", "conviction")
_CONVICTION = _STEPS.index("conviction")


@dataclass(frozen=True, slots=True)
class _CaseStep:
    """The words for one step of a criminal case; steps are indices of `_STEPS`."""

    vi: Phrases
    en: Phrases
    step: int  # the step that the English words express
    up_to: int  # the latest step allowed in the English if the Vietnamese has one of the words

    @classmethod
    def of(cls, table: Table) -> _CaseStep:
        up_to = _STEPS.index(table["up_to"])
        return cls(Phrases(table["vi"]), Phrases(table.get("en", ())), _STEPS.index(table.get("step", "arrest")), up_to)


@dataclass(frozen=True, slots=True)
class Tables:
    """`procedure.toml`, compiled."""

    stages: tuple[_CaseStep, ...]
    crimes: tuple[Bilingual, ...]
    terms: tuple[Term, ...]
    legal: Phrases  # any Vietnamese word of the steps and terms

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        return cls(
            tuple(map(_CaseStep.of, data["stages"])),
            tuple(map(Bilingual.of, data["crimes"])),
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
    """Yield a flag where the English is at a later stage, tells of another crime, or lacks or contradicts a term."""
    source, target = pair.source.normalized, pair.target.normalized
    for crime in tables.crimes:
        if (accusing := crime.en.search(target)) is not None and not crime.vi.search(source):
            message = f"the English tells of a crime (“{target[accusing]}”) that the Vietnamese does not tell of"
            yield pair.flag("procedure", message, target=accusing, severity="error")
    english_stages = [(stage.step, match) for stage in tables.stages if (match := stage.en.search(target))]
    step, word = max(english_stages, key=lambda one: one[0], default=(0, None))
    if not tables.legal.search(source):
        if word is not None and step == _CONVICTION:
            message = f"the English tells of a conviction (“{target[word]}”), the Vietnamese of no court case"
            yield pair.flag("procedure", message, target=word, severity="error")
        return
    allowed = [(stage.up_to, match) for stage in tables.stages if (match := stage.vi.search(source))]
    if allowed and word is not None:
        up_to, last = max(reversed(allowed), key=lambda one: one[0])  # if several allow the same step, the last one
        if step > up_to:
            message = (
                f"the English is at a later stage of the case (“{target[word]}”) than the Vietnamese ({source[last]})"
            )
            yield pair.flag("procedure", message, source=last, target=word, severity="error")
    yield from contradicted(pair, "procedure", tables.terms)
