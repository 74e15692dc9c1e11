"""Check names, offices and initials: of the summary against the article, and of the translation against the summary.

A name of the table (`gazetteer`) is found by any of its spellings and renderings, any other name by its syllables
without marks. A missing name is more severe if a name that no Vietnamese text supports replaces it. `gender` checks
pronouns and the name after a title such as Mr.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.checks.names import offices
from pipeline.checks.names.entities import (
    CapitalizedSpan,
    English,
    Entity,
    Initials,
    Token,
    Vietnamese,
    capitalized_within,
    is_syllable,
    read_english,
    read_vietnamese,
    syllable_text,
)
from pipeline.checks.names.gazetteer import gazetteer, may_be_vietnamese
from pipeline.checks.names.unsupported_names import (
    NAMED,
    SHORTEST_JOINED,
    Source,
    UnsupportedName,
    find_unsupported,
    replacement_within,
    share_beginning,
    whole_name,
)
from pipeline.checks.view import Pair, View
from pipeline.records import Flag, Severity
from pipeline.text.normalize import fold

_PRONOUNS = frozenset({"he", "his", "him", "she", "her", "hers"})
_SHORTEST_NAME = 3
_SHORTEST_PERSON = 2  # syllables
_VIETNAMESE_LETTER = re.compile("[Ạ-ỹĂăĐđĨĩŨũƠơƯư]")  # rare in other languages


@dataclass(frozen=True, slots=True)
class _Missing:
    """A name of the Vietnamese that is missing in the English."""

    check: str
    start: int
    end: int
    expected: str
    severity: Severity | None  # if no other name replaces it; None: no flag
    severity_replaced: Severity | None  # if an unsupported name replaces it


def check(view: View) -> list[Flag]:
    """Return the flags `name`, `office` and `initials` of the record."""
    article = view.record.article
    article_syllables, article_folded = syllable_text(view.title_and_text)
    summary_syllables, summary_folded = syllable_text(view.record.summary)
    source = Source(
        article=article_syllables,
        article_folded=article_folded,
        syllables=article_syllables + summary_syllables,
        folded=article_folded | summary_folded,
        known=capitalized_within(article.text),
        published=_date(article.published),
    )
    found = _unsupported(view, source)
    if view.record.english_summary:
        found += _unsupported_in_english(view, source)
    for pair in view.pairs:
        if pair.source.text.strip() and pair.target.text.strip():
            found += _compared(pair, source)
    return found


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


# Summary and article


def _unsupported(view: View, source: Source) -> list[Flag]:
    """Return a flag for each name of the summary that neither the article nor its title contains."""
    if not view.record.article.text.strip() or view.is_copied:
        return []
    text = source.article
    folded = source.article_folded
    summary = view.record.summary
    reading = read_vietnamese(summary, known=source.known)
    spellings_of = gazetteer().spellings
    found: list[Flag] = []
    for entity in reading.entities:
        span = reading.tokens[entity.begin : entity.end]
        in_article = any(way in text for way in spellings_of[entity.entry]) or all(
            token.folded in folded for token in span
        )
        if entity.entry.kind in NAMED and not in_article:
            found.append(_unsupported_flag(summary, span[0].start, span[-1].end, "error"))
    found += [
        _unsupported_flag(summary, run.tokens[0].start, run.tokens[-1].end, severity)
        for run in reading.spans
        if (severity := _unsupported_run(run, text, folded))
    ]
    plain = fold(text) if reading.initials else ""
    for initials in reading.initials:
        if f" {' '.join(initials.letters)} " not in plain and f" {initials.letters} " not in plain:
            flag = _unsupported_flag(summary, initials.start, initials.end, "error")
            found.append(replace(flag, check="initials"))
    return found


def _unsupported_in_english(view: View, source: Source) -> list[Flag]:
    """Return a flag for each name of the English summary that neither the article nor its title contains."""
    summary = view.record.english_summary
    vietnamese = read_vietnamese(view.title_and_text, known=source.known)
    return [
        _unsupported_flag(
            summary,
            unsupported.start,
            unsupported.end,
            "error" if unsupported.sure and not unsupported.romanized else "warning",
            field="translation",
        )
        for unsupported in find_unsupported(summary, vietnamese, read_english(summary), source)
        if not unsupported.weak
    ]


def _unsupported_run(run: CapitalizedSpan, text: str, folded: frozenset[str]) -> Severity | None:
    """Return the severity: "error" if the article lacks a word of the name, "warning" if it lacks the full name."""
    if _may_be_a_word(run):
        return None
    if any(f" {token.key} " not in text and not share_beginning(token.folded, folded) for token in run.tokens):
        return "error"
    together = f" {' '.join(token.key for token in run.tokens)} " in text
    return "warning" if run.person and not together else None


def _unsupported_flag(summary: str, start: int, end: int, severity: Severity, *, field: str = "summary") -> Flag:
    name = summary[start:end]
    how = "is not in the article" if severity == "error" or field != "summary" else "is not in the article in this form"
    return Flag(
        check="name",
        field=field,
        start=start,
        end=end,
        message=f"the summary names “{name}”, which {how}",
        found=name,
        severity=severity,
    )


# Summary and translation


def _compared(pair: Pair, source: Source) -> list[Flag]:
    vietnamese = read_vietnamese(pair.source.text, known=source.known)
    english = read_english(pair.target.text)
    unsupported_names = find_unsupported(pair.target.text, vietnamese, english, source)
    found = offices.invented_body(pair, vietnamese, english)
    confused = {flag.start - pair.target.start for flag in found}
    missing: list[_Missing] = []
    for entity in {entity.entry: entity for entity in vietnamese.entities}.values():
        match entity.entry.kind:
            case "office":
                found += offices.office(pair, vietnamese, entity, english)
            case "country" | "place" | "person" | "organization" if entity.entry not in english.outermost:
                if merged := offices.merged(pair, vietnamese, entity, english, source):
                    found.append(merged)
                    unsupported_names = [
                        unsupported
                        for unsupported in unsupported_names
                        if not (
                            merged.field == pair.target.field and unsupported.start + pair.target.start == merged.start
                        )
                    ]
                elif entity.entry.kind == "organization":
                    found += [
                        flag
                        for flag in offices.other_body(pair, vietnamese, entity, english, source)
                        if flag.start - pair.target.start not in confused
                    ]
                else:
                    missing += _missing_entity(vietnamese, entity, english)
            case _:
                pass
    for run in vietnamese.spans:
        if replacement := replacement_within(run, english, unsupported_names):
            unsupported_names.remove(replacement)
            found.append(_replacement_flag(pair, run, whole_name(pair.target.text, english, replacement)))
        elif altered := _altered(run, pair, english):
            unsupported_names = [one for one in unsupported_names if not altered[0] <= one.start < altered[1]]
            found.append(_altered_flag(pair, run, altered))
        else:
            missing += _missing_run(run, english)
    for initials in vietnamese.initials:
        missing += _missing_initials(initials, pair.target.text)
    return found + _flags_of_missing(pair, missing, unsupported_names, english) + _marked(pair, english)


def _flags_of_missing(
    pair: Pair, missing: Sequence[_Missing], unsupported_names: Sequence[UnsupportedName], english: English
) -> list[Flag]:
    """Return a flag for each missing name, paired with an unsupported one if possible, and for the rest of these."""
    found: list[Flag] = []
    left = sorted(unsupported_names, key=lambda unsupported: (unsupported.weak, not unsupported.sure))
    for absent in missing:
        unsupported = left.pop(0) if left and absent.severity_replaced else None
        severity = absent.severity_replaced if unsupported else absent.severity
        if severity == "warning" and unsupported and unsupported.sure:
            severity = "error"
        if unsupported and unsupported.romanized and severity == "error":
            severity = "warning"
        if severity is None:
            continue
        name = pair.source.text[absent.start : absent.end]
        instead = pair.target.text[slice(*whole_name(pair.target.text, english, unsupported))] if unsupported else ""
        message = f"“{name}” is not in the translation"
        if instead:
            message += f"; “{instead}” is, and no Vietnamese text of this record contains it"
        found.append(
            pair.source.flag(
                absent.check,
                message,
                span=(absent.start, absent.end),
                expected=absent.expected,
                found=instead,
                severity=severity,
            )
        )
    for unsupported in left:
        if unsupported.weak:
            continue
        span = whole_name(pair.target.text, english, unsupported)
        name = pair.target.text[slice(*span)]
        found.append(
            pair.target.flag(
                "name",
                f"the translation names “{name}”, which no Vietnamese text of this record contains",
                span=span,
                found=name,
                severity="error" if unsupported.sure and not unsupported.romanized else "warning",
            )
        )
    return found


def _marked(pair: Pair, english: English) -> list[Flag]:
    """Return a note for each name in the English that kept its Vietnamese marks, which the English press drops."""
    if pair.target.text.isascii() or any(_is_marked(token) and not token.capital for token in english.tokens):
        return []  # `vietnamese_left` flags words in lower case
    found: list[Flag] = []
    at = 0
    while at < len(english.tokens):
        end = at
        while (
            end < len(english.tokens)
            and _is_name_syllable(english.tokens[end])
            and (end == at or _follows(pair, english, end))
        ):
            end += 1
        span = english.tokens[at:end]
        if span and span[0].first and not _is_marked(span[0]):  # the first word of a sentence: In Đà Nẵng
            span = span[1:]
        if any(map(_is_marked, span)):
            start, finish = span[0].start, span[-1].end
            name, plain = pair.target.text[start:finish], " ".join(token.folded.capitalize() for token in span)
            message = f"“{name}” has Vietnamese marks; English news writes “{plain}”"
            found.append(
                pair.target.flag("name", message, span=(start, finish), expected=plain, found=name, severity="note")
            )
        at = max(end, at + 1)
    return found


def _is_marked(token: Token) -> bool:
    return _VIETNAMESE_LETTER.search(token.text) is not None


def _is_name_syllable(token: Token) -> bool:
    return token.capital and is_syllable(token.folded)


def _follows(pair: Pair, english: English, at: int) -> bool:
    """Return whether a single space separates token `at` from the one before."""
    return pair.target.text[english.tokens[at - 1].end : english.tokens[at].start] == " "


# Missing names


def _missing_entity(vietnamese: Vietnamese, entity: Entity, english: English) -> list[_Missing]:
    span = vietnamese.tokens[entity.begin : entity.end]
    joined = "".join(token.folded for token in span)
    vietnamese_name = may_be_vietnamese(entity.entry.kind, span)
    if vietnamese_name and len(joined) >= SHORTEST_JOINED and joined in english.joined:
        return []
    if len(span) == 1 and span[0].folded in english.capitals:  # Tiến sĩ Nga may be Dr Nga or a Russian PhD
        return []
    # Vietnam may be left out: the reader knows the country
    alone: Severity | None = None if entity.entry.name == "Việt Nam" else "error"
    return [_Missing("name", span[0].start, span[-1].end, entity.entry.english, alone, "error")]


def _missing_run(run: CapitalizedSpan, english: English) -> list[_Missing]:
    """Return the name as missing, unless the English contains it or enough of it."""
    name = " ".join(fold(token.text).capitalize() for token in run.tokens)
    joined = "".join(token.folded for token in run.tokens)
    absent = _Missing("name", run.tokens[0].start, run.tokens[-1].end, name, None, "error")
    if len(joined) >= SHORTEST_JOINED and joined in english.joined:
        return []
    if (run.person or run.title) and _romanized(run, english):
        return []
    if run.person:
        # two syllables without a title may be something else: Lục Bộ, the six ministries
        sure = run.title or len(run.tokens) > _SHORTEST_PERSON
        missing = run.tokens[-1].folded not in english.words
        return [replace(absent, severity="error" if sure else "warning")] if missing else []
    if any(token.folded in english.words or share_beginning(token.folded, english.capitals) for token in run.tokens):
        return []
    if all(token.text.isupper() for token in run.tokens) or not all(token.capital for token in run.tokens):
        return []  # an acronym may be written out; Lơ-nan transcribes a sound
    if run.place and len(run.tokens) > 1:
        return [replace(absent, severity="error")]
    if _may_be_a_word(run):
        return []
    if run.translatable:
        return [replace(absent, severity_replaced="warning")]
    if run.title and english.words & _PRONOUNS:
        return [absent]
    return [replace(absent, severity="error" if _is_foreign(run) else "warning")]


def _is_foreign(run: CapitalizedSpan) -> bool:
    """Return whether this is no Vietnamese name. One of Vietnamese syllables may be a film title, translated."""
    return len(run.tokens) > 1 and any(
        not is_syllable(token.folded) and not token.text.isupper() for token in run.tokens
    )


def _may_be_a_word(run: CapitalizedSpan) -> bool:
    """Return whether this is one syllable or letter without a sign of a name: tội Giết người, bảng G."""
    token = run.tokens[0]
    return len(run.tokens) == 1 and not run.title and (is_syllable(token.folded) or len(token.text) < _SHORTEST_NAME)


def _romanized(run: CapitalizedSpan, english: English) -> bool:
    """Return whether the English contains the surname in its Chinese or Korean romanization."""
    return not english.capitals.isdisjoint(gazetteer().chinese_surnames.get(run.tokens[0].key, frozenset()))


def _missing_initials(initials: Initials, english: str) -> list[_Missing]:
    pattern = r"\b" + r"\.?\s?".join(map(re.escape, initials.letters)) + r"\b"
    if re.search(pattern, fold(english)):
        return []
    shown = "".join(f"{letter.upper()}." for letter in initials.letters)
    severity: Severity = "error" if len(initials.letters) > 1 else "warning"
    return [_Missing("initials", initials.start, initials.end, shown, severity, None)]


def _altered(run: CapitalizedSpan, pair: Pair, english: English) -> tuple[int, int] | None:
    """Return the span of a person in the English whose first and last syllables are right and another is not.

    Le Europe Ngan Anh for Lê Âu Ngân Anh: the word that is wrong may be an ordinary one, or a name of the record.
    """
    name = [token.folded for token in run.tokens]
    size = len(name)
    if not run.person or size <= _SHORTEST_PERSON:
        return None
    found: tuple[int, int] | None = None
    for at in range(len(english.tokens) - size + 1):
        span = english.tokens[at : at + size]
        if span[0].folded != name[0] or span[-1].folded != name[-1] or not all(token.capital for token in span):
            continue
        if [token.folded for token in span] == name:
            return None
        if all(_follows(pair, english, place) for place in range(at + 1, at + size)):
            found = found or (span[0].start, span[-1].end)
    return found


def _altered_flag(pair: Pair, run: CapitalizedSpan, span: tuple[int, int]) -> Flag:
    name, other = pair.source.text[run.tokens[0].start : run.tokens[-1].end], pair.target.text[slice(*span)]
    return pair.target.flag(
        "name",
        f"“{name}” is “{other}” in the translation",
        span=span,
        expected=" ".join(fold(token.text).capitalize() for token in run.tokens),
        found=other,
        severity="error",
    )


def _replacement_flag(pair: Pair, run: CapitalizedSpan, span: tuple[int, int]) -> Flag:
    name = pair.source.text[run.tokens[0].start : run.tokens[-1].end]
    other = pair.target.text[slice(*span)]
    return pair.target.flag(
        "name",
        f"“{name}” is “{other}” in the translation, which no Vietnamese text of this record contains",
        span=span,
        expected=" ".join(fold(token.text).capitalize() for token in run.tokens),
        found=other,
        severity="error",
    )
