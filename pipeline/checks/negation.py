"""The check `negation`: what one side denies the other must deny too, and the summary must deny what its article does.

Negators are counted on both sides of a pair. A negator that moved to the wrong clause is not noticed. Some words deny
without a negator (`unknown`, `thất bại`): `negation.toml` says when they answer a negator of the other side. Its lists
are wide where they excuse a translation and narrow where they accuse it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from pipeline.checks.phrases import Bilingual, Phrases, Table, Term, contradicted, read
from pipeline.checks.view import Pair, Text, View
from pipeline.records import Flag
from pipeline.text.normalize import small

_SHOWN = 24  # characters behind a negator that a message shows
_SHOWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class Tables:
    """`negation.toml`, compiled."""

    negators: Bilingual
    harmless: Bilingual
    implicit: Bilingual
    not_only: Bilingual
    also: Bilingual
    plain_only: Bilingual
    paraphrases: tuple[Bilingual, ...]
    equivalents: tuple[Bilingual, ...]
    terms: tuple[Term, ...]
    any_term: Phrases  # the Vietnamese of all the terms
    syllables: frozenset[str]  # the Vietnamese negators

    @classmethod
    def of(cls, data: Table) -> Tables:
        """Return the tables of a file as it was read."""
        return cls(
            negators=Bilingual.of(data["negators"]),
            harmless=Bilingual.of(data["harmless"]),
            implicit=Bilingual.of(data["implicit"]),
            not_only=Bilingual.of(data["not_only"]),
            also=Bilingual.of(data["also"]),
            plain_only=Bilingual.of(data["plain_only"]),
            paraphrases=tuple(map(Bilingual.of, data["paraphrases"])),
            equivalents=tuple(map(Bilingual.of, data["equivalents"])),
            terms=tuple(map(Term.of, data["terms"])),
            any_term=Phrases(entry for term in data["terms"] for entry in term["vi"]),
            syllables=frozenset(data["negators"]["vi"]),
        )


@cache
def _tables() -> Tables:
    return Tables.of(read("negation"))


def check(view: View) -> Iterator[Flag]:
    """Yield the flags `negation`: of the summary beside its article, then of each pair that has a translation."""
    tables = _tables()
    yield from _against_article(view, tables)
    for pair in view.translated:
        yield from flags(pair, tables)


# A sentence and its translation


def flags(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where one side denies more often than the other can account for."""
    source, target = pair.source.normalized, pair.target.normalized
    yield from _not_only(pair, tables)
    if tables.any_term.search(source):
        yield from contradicted(pair, "negation", tables.terms)
    vi, en = _counted(source, target, tables)
    denied, denials = list(tables.negators.vi.finditer(vi)), list(tables.negators.en.finditer(en))
    if len(denied) > len(denials):
        excused = tables.implicit.en.count(target) + sum(
            max(0, group.en.count(en) - group.vi.count(vi)) for group in tables.equivalents
        )
        missing = len(denied) - len(denials)
        lost = denied[-1] if denials else denied[0]
        shown = " ".join(pair.source.text[lost.start() : lost.end() + _SHOWN].split()[:_SHOWN_WORDS])
        said = f"“{shown}” ({_gloss(lost[0])})"
        if missing > excused:
            message = f"{said}: {_negations(len(denied))} in the Vietnamese, {_negations(len(denials))} in the English"
            yield pair.flag("negation", message, source=lost, severity="error")
        elif excused == missing == 1:
            message = f"{said}: a negation in the Vietnamese, in the English at most a word that implies one"
            yield pair.flag("negation", message, source=lost, severity="warning")
    elif len(denials) - len(denied) > tables.implicit.vi.count(source):
        added = denials[-1] if denied else denials[0]
        shown = f"“{target[added]}”"
        message = f"{shown}: {_negations(len(denials))} in the English, {_negations(len(denied))} in the Vietnamese"
        yield pair.flag("negation", message, target=added, severity="error")


def _counted(source: Text, target: Text, tables: Tables) -> tuple[Text, Text]:
    """Return the texts without harmless negators, and without those that the other side paraphrases.

    A paraphrase (`không rõ`, unknown) is hidden only as far as one side has too many negators. Where both deny as
    often, each negator answers one.
    """
    vi, en = tables.harmless.vi.hidden(_without_names(source)), tables.harmless.en.hidden(target)
    surplus = tables.negators.vi.count(vi) - tables.negators.en.count(en)
    for group in tables.paraphrases if surplus else ():
        answered: list[tuple[re.Match[str], re.Match[str]]] = []
        for one, other in zip(group.vi.finditer(source), group.en.finditer(target), strict=False):
            here, there = Text.of(vi[one]), Text.of(en[other])
            settled = tables.negators.vi.count(here) - tables.negators.en.count(there)
            if settled * surplus > 0 and abs(settled) <= abs(surplus):
                answered.append((one, other))
                surplus -= settled
        if answered:
            vi, en = vi.without(one for one, _ in answered), en.without(other for _, other in answered)
    return vi, en


def _without_names(vi: Text) -> Text:
    """Return the Vietnamese without the negators that are part of a name: Tôn Ngộ Không, chùa Không Lộ.

    Within a sentence only a name has a capital. A headline that capitalizes every word shows no names.
    """
    named = list(_NAMED.finditer(vi.written))
    words = vi.written.split() if named else ()
    if sum(word[0].isupper() for word in words) > _MOST_CAPITALS * len(words):
        return vi
    return vi.without(named)


_MOST_CAPITALS = 0.6
_NAMED = re.compile(r"(?<=[^\W_] )(?:Không|Chưa|Chẳng|Chả|Chớ)(?![^\W_])")


def _negations(count: int) -> str:
    return {0: "none", 1: "one negation"}.get(count, f"{count} negations")


def _gloss(negator: str) -> str:
    return {"chưa": "not yet", "đừng": "do not", "chớ": "do not"}.get(negator.lower(), "not")


def _not_only(pair: Pair, tables: Tables) -> Iterator[Flag]:
    """Yield a flag where "not only" became "only", or the other way round."""
    source, target = pair.source.normalized, pair.target.normalized
    vi, en = tables.not_only.vi.search(source), tables.not_only.en.search(target)
    if vi is not None and en is None:
        only = tables.plain_only.en.search(target)
        if only is not None and ("but" in target.lowercased or not tables.also.en.search(target)):
            message = f"the Vietnamese says “not only” ({source[vi]}), the English “{target[only]}”"
            yield pair.flag("negation", message, source=vi, target=only, severity="error")
    elif en is not None and vi is None and not tables.also.vi.search(source):
        only = tables.plain_only.vi.search(source)
        if only is not None:
            message = f"the Vietnamese says “only” ({source[only]}), the English “{target[en]}”"
            yield pair.flag("negation", message, source=only, target=en, severity="error")


# The summary and its article

_SYLLABLE = re.compile(r"[^\W_]+|[.!?;:,]")
_RUN = 3
_Places: TypeAlias = dict[tuple[str, ...], tuple[int, int]]


def _against_article(view: View, tables: Tables) -> Iterator[Flag]:
    """Yield a warning where the summary repeats words of the article and drops or adds the negator among them.

    "Ông Nam không nhận tiền" summarized as "Nam nhận tiền": the word before the negator and the two after it are
    compared, so that reworded text is not judged. Two of 2,000 human summaries have such a place.
    """
    if view.is_copied:
        return
    summary, article = view.summary_press, view.article_press
    denied_here, plain_here = _runs(summary, tables.syllables)
    if not denied_here and plain_here.keys().isdisjoint(_denied(article, tables.syllables)):
        return  # nearly every article; finding the place of each of its runs takes most of the time
    denied_there, plain_there = _runs(article, tables.syllables)
    changed = [
        (run, plain_here[run], denied_there[run], "denies this")
        for run in denied_there
        if run in plain_here and run not in denied_here
    ]
    changed += [
        (run, denied_here[run], plain_there[run], "does not deny this") for run in denied_here if run in plain_there
    ]
    for run, here, there, what in changed:
        both = Text.of(f"{summary[slice(*here)]} {article[slice(*there)]}")
        if (run in plain_there) == (run in denied_there) or tables.harmless.vi.search(both):
            continue
        said = view.record.article.text[slice(*there)]
        yield Flag(
            check="negation",
            field="summary",
            start=here[0],
            end=here[1],
            message=f"the article {what} (“{said}”)",
            expected=said,
            found=view.record.summary[slice(*here)],
        )


def _denied(text: str, negators: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Yield the runs of three syllables with a negator behind the first, as `_runs` finds them."""
    words = _SYLLABLE.findall(small(text))
    for one, two, three, four in zip(words, words[1:], words[2:], words[3:], strict=False):
        if two in negators and one[0].isalnum():
            yield one, three, four


def _runs(text: str, negators: frozenset[str]) -> tuple[_Places, _Places]:
    """Return the place of each run of three syllables: those with a negator behind the first, and those without."""
    words = [(match[0], match.start(), match.end()) for match in _SYLLABLE.finditer(small(text))]
    negated: _Places = {}
    plain: _Places = {}
    for at, ((one, start, _), (two, _, _), (three, _, end)) in enumerate(
        zip(words, words[1:], words[2:], strict=False)
    ):
        if two not in negators:
            plain.setdefault((one, two, three), (start, end))
        elif at + _RUN < len(words) and one[0].isalnum():
            negated.setdefault((one, three, words[at + _RUN][0]), (start, words[at + _RUN][2]))
    return negated, plain
