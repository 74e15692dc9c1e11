"""Find names in the English that no Vietnamese text of the record supports.

If a name of the source is missing, such a name probably replaced it; otherwise the translation invented it. English
capitalizes many words that are not names; `ordinary_words.toml` lists them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.checks.names.entities import (
    ROMAN_NUMERAL,
    CapitalizedSpan,
    English,
    Token,
    Vietnamese,
    is_syllable,
)
from pipeline.checks.names.gazetteer import gazetteer

SHORTEST_JOINED = 5  # letters: a shorter name may stand within other words by chance
_SHORTEST_ALIKE = 4
_LEAST_ALIKE = 0.6
_ARTICLES = frozenset({"a", "an", "the"})  # in titles: have the form of a syllable, and are no part of a name
NAMED = frozenset({"country", "place", "person"})
# Chinese syllables in pinyin, one to three
_PINYIN = re.compile(
    "(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ong|ian|iao|ing|uai|uan|ai|ei|ao|ou|an|en|er|ia|ie"
    "|iu|in|ua|uo|ui|un|ue|[aeiou])){1,3}"
)
_WORD_ENDING = re.compile(
    ".{3,}(?:[ts]ions?|ments?|ness|it(?:y|ies)|olog(?:y|ies|ical)|ographic|ography|isms?|ists?|ical|ional|icians?|"
    "ative|ctive|ful|ships?|izing|ising|ously|edly|[ai]bly|ally|ies|ings|ized|ised)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """The Vietnamese text of the whole record, prepared for lookups."""

    article: str  # article and title as `syllable_text`
    article_folded: frozenset[str]
    syllables: str  # article, title and summary as `syllable_text`
    folded: frozenset[str]
    known: frozenset[str]  # keys of the syllables that the article capitalizes within a sentence
    published: dt.date | None


@dataclass(frozen=True, slots=True)
class UnsupportedName:
    """A name in the English that no Vietnamese text of the record contains."""

    start: int
    end: int
    begin: int  # index of its first token
    finish: int  # index after its last token
    sure: bool  # certainly a name: in the table, or of several words
    weak: bool  # may be any word at the start of a sentence
    romanized: bool  # may be read from Chinese or Korean


def find_unsupported(text: str, vietnamese: Vietnamese, english: English, source: Source) -> list[UnsupportedName]:
    """Return the names in the English that neither the sentence nor the record contains, in order."""
    table = gazetteer()
    known = source.folded
    joined = "".join(token.folded for token in vietnamese.tokens)
    named = {entity.entry for entity in vietnamese.entities}
    read_as_chinese = {
        way for run in vietnamese.spans for token in run.tokens[:1] for way in table.chinese_surnames.get(token.key, ())
    }
    abroad = any(f" {words} " in source.syllables for words in table.chinese_or_korean)
    covered: set[int] = set()
    found: list[UnsupportedName] = []
    for means, begin, end in english.entities:
        span = english.tokens[begin:end]
        if (
            all(entry.kind not in NAMED for entry in means)
            or all(_is_ordinary(token) for token in span)
            or not named.isdisjoint(means)
            or any(way in source.syllables for entry in means for way in table.spellings[entry])
            or all(token.folded in known for token in span)
            or text[span[-1].end : span[-1].end + 1] == "$"  # US$1
        ):
            covered.update(range(begin, end))
        elif span[0].capital and not (end - begin == 1 and all(entry.kind == "person" for entry in means)):
            covered.update(range(begin, end))
            added = any(entry.name == "Việt Nam" for entry in means)  # a translator may add the country
            found.append(
                UnsupportedName(span[0].start, span[-1].end, begin, end, sure=True, weak=added, romanized=False)
            )
    at = 0
    while at < len(english.tokens):
        end = at
        while (
            end < len(english.tokens)
            and end not in covered
            and (end == at or _adjacent(english, end))
            and _is_unsupported(english.tokens[end], vietnamese, known, joined)
        ):
            end += 1
        if end > at:
            # a romanized surname that is also a word precedes the span: Sun in Sun Jianping
            span = english.tokens[at - 1 if at and _adjacent(english, at) else at : end]
            if not read_as_chinese.isdisjoint(token.folded for token in span):
                at = end
                continue
            span = english.tokens[at:end]
            sure = len(span) > 1
            weak = span[0].first and len(span) == 1
            romanized = (
                abroad
                and all(_PINYIN.fullmatch(token.folded) for token in span)
                and not all(is_syllable(token.folded) for token in span)
            )
            found.append(
                UnsupportedName(span[0].start, span[-1].end, at, end, sure=sure, weak=weak, romanized=romanized)
            )
        at = max(end, at + 1)
    return sorted(found, key=lambda unsupported: unsupported.start)


def _adjacent(english: English, at: int) -> bool:
    """Return whether only one character, a space or hyphen, separates token `at` from the one before."""
    return english.tokens[at].start - english.tokens[at - 1].end == 1


def whole_name(text: str, english: English, unsupported: UnsupportedName) -> tuple[int, int]:
    """Return the span in the English `text` of the name that this is part of, in code points.

    Its other syllables may be words (Pham Van Long) or be in the record (Tran Thi Lan), so that no rule takes them for
    unsupported; a person reads them as one name.
    """
    begin, finish = unsupported.begin, unsupported.finish
    while begin > 0 and _adjacent(english, begin) and _continues(english.tokens[begin - 1]):
        begin -= 1
    while finish < len(english.tokens) and _adjacent(english, finish):
        following = english.tokens[finish]
        hyphenated = text[following.start - 1] == "-" and is_syllable(following.folded)  # Ki-moon
        if not (hyphenated or _continues(following)):
            break
        finish += 1
    return english.tokens[begin].start, english.tokens[finish - 1].end


def _continues(token: Token) -> bool:
    """Return whether the token beside a part of a name may belong to the name."""
    if token.folded in _ARTICLES or (token.first and _is_ordinary(token)):
        return False
    return token.capital and is_syllable(token.folded)


def _is_ordinary(token: Token) -> bool:
    ordinary = gazetteer().ordinary
    word = token.folded
    return word in ordinary or word.removesuffix("s") in ordinary or _WORD_ENDING.fullmatch(word) is not None


def _is_unsupported(token: Token, vietnamese: Vietnamese, known: frozenset[str], joined: str) -> bool:
    word = token.folded
    return (
        token.capital
        and len(word) > 1
        and word.isalpha()
        and not (token.text.isupper())
        and not _is_ordinary(token)
        and word not in known
        and word.removesuffix("s") not in known
        and not (len(word) >= SHORTEST_JOINED and word in joined)
        and not share_beginning(word, [other.folded for other in vietnamese.tokens])
        and not ROMAN_NUMERAL.fullmatch(token.text)
    )


def replacement_within(
    run: CapitalizedSpan, english: English, unsupported_names: Sequence[UnsupportedName]
) -> UnsupportedName | None:
    """Return the unsupported name that occurs beside a part of this name, if another part of it is missing."""
    parts = {token.folded for token in run.tokens}
    if parts <= english.words:
        return None
    for unsupported in unsupported_names:
        if unsupported.weak:
            continue
        before = english.tokens[max(0, unsupported.begin - 1) : unsupported.begin]
        after = english.tokens[unsupported.finish : unsupported.finish + 1]
        if any(token.folded in parts and token.capital for token in (*before, *after)):
            return unsupported
    return None


def share_beginning(folded: str, words: Iterable[str]) -> bool:
    """Return whether one of `words` has most of its beginning in common with `folded`: Ukraina, Ukraine."""
    if len(folded) < _SHORTEST_ALIKE:
        return False
    head = folded[:_SHORTEST_ALIKE]
    for word in words:
        if word.startswith(head):
            longest = max(len(word), len(folded))
            same = next(
                (at for at, pair in enumerate(zip(word, folded, strict=False)) if pair[0] != pair[1]),
                min(len(word), len(folded)),
            )
            if same >= _LEAST_ALIKE * longest:
                return True
    return False
