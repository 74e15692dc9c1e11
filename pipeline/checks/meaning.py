"""Meaning that must not flip: negation, hedges, the stages of a criminal case, and who said it.

Every check counts words of a table (`meaning.toml`) on both sides of an aligned pair, and asks whether what is on one
side can stand for what is on the other. Nothing here understands a sentence: a negator that moved to the wrong clause
is not seen, and a translation that says "remain free" for `không bị bắt` is flagged where the tables do not know it.
So the lists of English words are wide where they excuse, and narrow where they accuse.
What this finds and what it flags wrongly: `python -m tests.benchmarks.fidelity`.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from typing import Any, TypeAlias

from pipeline.checks.view import Pair, View
from pipeline.records import Flag, Severity
from pipeline.text.normalize import press_tone, small

_HIDDEN = "#"
_SHOWN = 24  # characters behind a negator that a message shows
_SHOWN_WORDS = 3


def check(view: View) -> list[Flag]:
    """Return the flags `negation`, `hedge`, `procedure` and `attribution` of each pair, and of summary and article."""
    tables = _tables()
    found = list(_against_article(view, tables.negation))
    for pair in view.pairs:
        if pair.target.text.strip():
            sides = _Sides(pair, _Text.of(press_tone(pair.source.text)), _Text.of(pair.target.text.replace("’", "'")))
            found += _negation(sides, tables)
            found += _hedge(sides, tables)
            found += _procedure(sides, tables)
            found += _attribution(sides, tables)
    return found


# The tables


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as it is written and in small letters, every character in its place."""

    written: str
    low: str

    @classmethod
    def of(cls, written: str) -> _Text:
        return cls(written, small(written))

    def __getitem__(self, match: re.Match[str]) -> str:
        """Return what matched as it is written."""
        return self.written[slice(*match.span())]

    def without(self, matches: Iterable[re.Match[str]]) -> _Text:
        """Return the text with what matched blanked."""
        written, low = list(self.written), list(self.low)
        for match in matches:
            blank = _HIDDEN * len(match[0])
            written[slice(*match.span())] = low[slice(*match.span())] = blank
        return _Text("".join(written), "".join(low))


_ESCAPED = re.compile(r"\\.")


class _Words:
    """Words and phrases of a table, in any case: all of them in one expression, the longest first."""

    def __init__(self, entries: Sequence[str]) -> None:
        # To match in any case takes two to three times as long, and only an entry that speaks of capitals needs it.
        self._cased = any(
            "(?-i:" in entry or _ESCAPED.sub("", entry) != _ESCAPED.sub("", entry).lower() for entry in entries
        )
        alternatives = "|".join(sorted(entries, key=len, reverse=True))
        form = rf"(?<!\w)(?:{alternatives})(?!\w)" if entries else "(?!)"  # none: never
        self._pattern = re.compile(form, re.IGNORECASE if self._cased else re.NOFLAG)

    def search(self, text: _Text) -> re.Match[str] | None:
        return self._pattern.search(text.written if self._cased else text.low)

    def finditer(self, text: _Text) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(text.written if self._cased else text.low)

    def count(self, text: _Text) -> int:
        return sum(1 for _ in self.finditer(text))

    def hidden(self, text: _Text, times: int | None = None) -> _Text:
        """Return the text with what matches blanked; the first `times`, or all."""
        return text.without(islice(self.finditer(text), times))


@dataclass(frozen=True, slots=True)
class _Both:
    """The same thing said in either language."""

    vi: _Words
    en: _Words


@dataclass(frozen=True, slots=True)
class _Negation:
    negators: _Both
    harmless: _Both
    weak: _Both
    told: tuple[_Both, ...]
    terms: tuple[_Term, ...]
    opposable: _Words  # the Vietnamese of all the terms
    alike: tuple[_Both, ...]
    only: _Both
    also: _Both
    bare: _Both
    syllables: frozenset[str]  # the Vietnamese negators


@dataclass(frozen=True, slots=True)
class _Hedge:
    claim: _Both
    suspect: _Both  # the person: no hedge of what else the sentence claims
    chance: _Both
    doubt: _Both  # English that says more doubt than Vietnamese without one of these


@dataclass(frozen=True, slots=True)
class _Stage:
    words: _Both
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Term:
    words: _Both
    wrong: _Words
    silent: bool  # to lack both is no warning: there are too many ways to tell it


@dataclass(frozen=True, slots=True)
class _Tables:
    negation: _Negation
    hedge: _Hedge
    stages: tuple[_Stage, ...]
    terms: tuple[_Term, ...]
    legal: _Words  # any Vietnamese word of the stages and terms
    attribution: _Both
    speech: _Both


@functools.cache
def _tables() -> _Tables:
    """Return the tables of `meaning.toml`, compiled."""
    data: dict[str, Any] = tomllib.loads(files("pipeline.checks").joinpath("meaning.toml").read_text(encoding="utf-8"))
    negation, only, hedge, procedure = data["negation"], data["only"], data["hedge"], data["procedure"]
    attribution = data["attribution"]

    def of_each(name: str) -> _Both:
        return _both(negation["vi"][name], negation["en"][name])

    return _Tables(
        negation=_Negation(
            negators=of_each("negators"),
            harmless=of_each("harmless"),
            weak=of_each("weak"),
            told=tuple(_both(group["vi"], group["en"]) for group in negation["told"]),
            terms=tuple(map(_term, negation["term"])),
            opposable=_Words([word for term in negation["term"] for word in term["vi"]]),
            alike=tuple(_both(group["vi"], group["en"]) for group in negation["alike"]),
            only=_both(only["vi"], only["en"]),
            also=_both(only["vi_also"], only["en_also"]),
            bare=_both(only["vi_bare"], only["en_bare"]),
            syllables=frozenset(negation["vi"]["negators"]),
        ),
        hedge=_Hedge(
            claim=_both(hedge["claim"]["vi"], hedge["claim"]["en"]),
            suspect=_both(hedge["suspect"]["vi"], hedge["suspect"]["en"]),
            chance=_both(hedge["chance"]["vi"], hedge["chance"]["en"]),
            doubt=_both(hedge["claim"]["vi_any"], hedge["claim"]["en_strong"]),
        ),
        stages=tuple(
            _Stage(_both(stage["vi"], stage["en"]), stage["from"], stage["to"]) for stage in procedure["stage"]
        ),
        terms=tuple(map(_term, procedure["term"])),
        legal=_Words([word for row in (*procedure["stage"], *procedure["term"]) for word in row["vi"]]),
        attribution=_both(attribution["vi"], attribution["en"]),
        speech=_both(attribution["vi_sure"], attribution["en_sure"]),
    )


def _term(term: dict[str, Any]) -> _Term:
    return _Term(_both(term["vi"], term["en"]), _Words(term["wrong"]), silent=term.get("silent", False))


def _both(vietnamese: Sequence[str], english: Sequence[str]) -> _Both:
    return _Both(_Words(vietnamese), _Words(english))


# Flags


@dataclass(frozen=True, slots=True)
class _Sides:
    """A pair and its two texts as the tables are written: every character still in its place."""

    pair: Pair
    vi: _Text
    en: _Text

    def flag(
        self,
        check: str,
        message: str,
        *,
        severity: Severity,
        vi: re.Match[str] | None = None,
        en: re.Match[str] | None = None,
    ) -> Flag:
        """Return a flag on the English where it has a match, else on the Vietnamese."""
        pair = self.pair
        side, match = (pair.source, vi) if en is None else (pair.target, en)
        assert match is not None
        return side.flag(
            check,
            message,
            span=match.span(),
            expected=pair.source.text[slice(*vi.span())] if vi is not None else "",
            found=pair.target.text[slice(*en.span())] if en is not None else "",
            severity=severity,
        )


# Negation


def _negation(sides: _Sides, tables: _Tables) -> Iterator[Flag]:
    """Yield a flag where one side denies more often than the other can account for."""
    table = tables.negation
    yield from _not_only(sides, table)
    if table.opposable.search(sides.vi):
        yield from _opposed(sides, "negation", table.terms)
    vi, en = _told(table, sides)
    theirs, ours = list(table.negators.vi.finditer(vi)), list(table.negators.en.finditer(en))
    if len(theirs) > len(ours):
        excused = table.weak.en.count(sides.en) + sum(
            max(0, group.en.count(en) - group.vi.count(vi)) for group in table.alike
        )
        missing = len(theirs) - len(ours)
        lost = theirs[-1] if ours else theirs[0]
        what = sides.pair.source.text[lost.start() : lost.end() + _SHOWN].split()
        said = " ".join(what[:_SHOWN_WORDS])
        if missing > excused:
            yield sides.flag(
                "negation",
                f"“{said}” ({_gloss(lost[0])}): the Vietnamese denies {_times(len(theirs))}, the English"
                f" {_times(len(ours))}",
                severity="error",
                vi=lost,
            )
        elif excused == missing == 1:
            yield sides.flag(
                "negation",
                f"“{said}” ({_gloss(lost[0])}): the Vietnamese denies; the English says it without a not, if at all",
                severity="warning",
                vi=lost,
            )
    elif len(ours) - len(theirs) > table.weak.vi.count(sides.vi):
        added = ours[-1] if theirs else ours[0]
        yield sides.flag(
            "negation",
            f"“{sides.en[added]}”: the English denies {_times(len(ours))}, the Vietnamese {_times(len(theirs))}",
            severity="error",
            en=added,
        )


def _told(table: _Negation, sides: _Sides) -> tuple[_Text, _Text]:
    """Return the texts without the negators that mean nothing, and without those the other side tells in another way.

    Those (`không rõ`, unknown) go only as far as one side has too many: where both deny as often, each answers one.
    """
    vi, en = table.harmless.vi.hidden(_without_names(sides.vi)), table.harmless.en.hidden(sides.en)
    more = table.negators.vi.count(vi) - table.negators.en.count(en)
    for group in table.told if more else ():
        answered: list[tuple[re.Match[str], re.Match[str]]] = []
        for one, other in zip(group.vi.finditer(sides.vi), group.en.finditer(sides.en), strict=False):
            here, there = _Text.of(vi[one]), _Text.of(en[other])
            settled = table.negators.vi.count(here) - table.negators.en.count(there)
            if settled * more > 0 and abs(settled) <= abs(more):
                answered.append((one, other))
                more -= settled
        if answered:
            vi, en = vi.without(one for one, _ in answered), en.without(other for _, other in answered)
    return vi, en


def _without_names(vi: _Text) -> _Text:
    """Return the Vietnamese without the negators that are part of a name: Tôn Ngộ Không, chùa Không Lộ.

    Within a sentence only a name has its capital; in a headline that writes every word with one, none is told.
    """
    named = list(_NAMED.finditer(vi.written))
    words = vi.written.split() if named else ()
    if sum(word[0].isupper() for word in words) > _MOST_CAPITALS * len(words):
        return vi
    return vi.without(named)


_MOST_CAPITALS = 0.6
_NAMED = re.compile(r"(?<=[^\W_] )(?:Không|Chưa|Chẳng|Chả|Chớ)(?![^\W_])")


def _opposed(sides: _Sides, check: str, terms: Sequence[_Term]) -> Iterator[Flag]:
    """Yield a flag where the English has a word against a term's sense and none for it, or, if that counts, neither."""
    for term in terms:
        said = term.words.vi.search(sides.vi)
        if said is None or term.words.en.search(sides.en):
            continue
        if (wrong := term.wrong.search(sides.en)) is not None:
            message = f"“{sides.en[wrong]}” is not what the Vietnamese says ({sides.vi[said]})"
            yield sides.flag(check, message, severity="error", vi=said, en=wrong)
        elif not term.silent:
            message = f"no English word for {sides.vi[said]} was found"
            yield sides.flag(check, message, severity="warning", vi=said)


def _times(count: int) -> str:
    return {0: "does not", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _gloss(negator: str) -> str:
    return {"chưa": "not yet", "đừng": "do not", "chớ": "do not"}.get(negator.lower(), "not")


def _not_only(sides: _Sides, table: _Negation) -> Iterator[Flag]:
    """Yield a flag where "not only" became "only", or the other way round."""
    theirs, ours = table.only.vi.search(sides.vi), table.only.en.search(sides.en)
    if theirs is not None and ours is None:
        bare = table.bare.en.search(sides.en)
        if bare is not None and ("but" in sides.en.low or not table.also.en.search(sides.en)):
            yield sides.flag(
                "negation",
                f"the Vietnamese says “not only” ({sides.vi[theirs]}), the English “{sides.en[bare]}”",
                severity="error",
                vi=theirs,
                en=bare,
            )
    elif ours is not None and theirs is None and not table.also.vi.search(sides.vi):
        bare = table.bare.vi.search(sides.vi)
        if bare is not None:
            yield sides.flag(
                "negation",
                f"the Vietnamese says “only” ({sides.vi[bare]}), the English “{sides.en[ours]}”",
                severity="error",
                vi=bare,
                en=ours,
            )


# The summary and its article

_SYLLABLE = re.compile(r"[^\W_]+|[.!?;:,]")
_RUN = 3
_Places: TypeAlias = dict[tuple[str, ...], tuple[int, int]]


def _against_article(view: View, table: _Negation) -> Iterator[Flag]:
    """Yield a warning where the summary has the article's very words, and lacks or adds the negator among them.

    "Ông Nam không nhận tiền" summarized as "Nam nhận tiền": the word before and the two behind it are compared, so
    that what is reworded is not judged. Two human summaries in 2,000 have such a place.
    """
    if view.is_copied:
        return
    summary, article = view.summary_press, view.article_press
    ours, said = _runs(summary, table.syllables)
    if not ours and said.keys().isdisjoint(_denied(article, table.syllables)):
        return  # nearly every article: where each of its runs stands takes longer than all else here
    theirs, stands = _runs(article, table.syllables)
    changed = [(run, said[run], theirs[run], "denies this") for run in theirs if run in said and run not in ours]
    changed += [(run, ours[run], stands[run], "does not deny this") for run in ours if run in stands]
    for run, here, there, what in changed:
        both = _Text.of(f"{summary[slice(*here)]} {article[slice(*there)]}")
        if (run in stands) == (run in theirs) or table.harmless.vi.search(both):
            continue
        yield Flag(
            check="negation",
            field="summary",
            start=here[0],
            end=here[1],
            message=f"the article {what} (“{view.record.article.text[slice(*there)]}”)",
            expected=view.record.article.text[slice(*there)],
            found=view.record.summary[slice(*here)],
        )


def _denied(text: str, negators: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Yield the runs of three syllables with a negator behind the first, as `_runs` finds them."""
    words = _SYLLABLE.findall(small(text))
    for one, two, three, four in zip(words, words[1:], words[2:], words[3:], strict=False):
        if two in negators and one[0].isalnum():
            yield one, three, four


def _runs(text: str, negators: frozenset[str]) -> tuple[_Places, _Places]:
    """Return where each run of three syllables stands: those with a negator behind the first, and those without."""
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


# Hedges


def _hedge(sides: _Sides, tables: _Tables) -> Iterator[Flag]:
    """Yield a flag where a doubt of one side is a fact on the other."""
    table = tables.hedge
    vi, en = sides.vi, sides.en
    if people := min(table.suspect.vi.count(vi), table.suspect.en.count(en)):
        vi, en = table.suspect.vi.hidden(vi, people), table.suspect.en.hidden(en, people)
    claim = table.claim.vi.search(vi)
    if claim is not None and not table.claim.en.search(en):
        yield sides.flag(
            "hedge",
            f"the Vietnamese only claims or suspects ({sides.vi[claim]}); the English states it",
            severity="error",
            vi=claim,
        )
        return
    chance = table.chance.vi.search(sides.vi)
    if chance is not None and not table.chance.en.search(sides.en):
        yield sides.flag(
            "hedge",
            f"the Vietnamese is not certain ({sides.vi[chance]}); the English is",
            severity="warning",
            vi=chance,
        )
    doubt = table.doubt.en.search(sides.en)
    if doubt is not None and not table.doubt.vi.search(sides.vi):
        yield sides.flag(
            "hedge",
            f"the English doubts (“{sides.en[doubt]}”); the Vietnamese states it",
            severity="warning",
            en=doubt,
        )


# Procedure

_CHARGED, _CONVICTED = 3, 7  # the first stages at which somebody is accused, and found guilty


def _procedure(sides: _Sides, tables: _Tables) -> Iterator[Flag]:
    """Yield a flag where the English is at a later stage of the case than the Vietnamese, or lacks a term's sense."""
    ours = [(stage, match) for stage in tables.stages if (match := stage.words.en.search(sides.en))]
    later = max(ours, key=lambda one: one[0].first, default=None)
    if not tables.legal.search(sides.vi):
        if later is not None and later[0].first >= _CONVICTED:
            message = f"the English tells of a conviction (“{sides.en[later[1]]}”), the Vietnamese of no case"
            yield sides.flag("procedure", message, severity="error", en=later[1])
        return
    theirs = [(stage, match) for stage in tables.stages if (match := stage.words.vi.search(sides.vi))]
    if theirs and later is not None:
        reached, last = max(theirs, key=lambda one: one[0].last)
        # where they only look into it, English may speak of suspects and arrests that the next sentence tells
        if later[0].first > (reached.last if reached.last > 1 else _CHARGED - 1):
            yield sides.flag(
                "procedure",
                f"the English is at a later stage of the case (“{sides.en[later[1]]}”) than the Vietnamese"
                f" ({sides.vi[last]})",
                severity="error",
                vi=last,
                en=later[1],
            )
    yield from _opposed(sides, "procedure", tables.terms)


# Attribution


def _attribution(sides: _Sides, tables: _Tables) -> Iterator[Flag]:
    """Yield a flag where one side says whose words these are, and the other does not."""
    theirs = tables.speech.vi.search(sides.vi)
    if theirs is not None and not tables.attribution.en.search(sides.en):
        yield sides.flag(
            "attribution",
            f"the Vietnamese says that somebody said it ({sides.vi[theirs]}); the English states it",
            severity="warning",
            vi=theirs,
        )
    ours = tables.speech.en.search(sides.en)
    if ours is not None and not tables.attribution.vi.search(sides.vi):
        yield sides.flag(
            "attribution",
            f"the English says that somebody said it (“{sides.en[ours]}”); the Vietnamese does not",
            severity="warning",
            en=ours,
        )
