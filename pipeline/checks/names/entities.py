"""Find the names in one Vietnamese or one English sentence.

Each sentence is read alone; `comparison` compares the two. Vietnamese capitalizes names, but also parts of the names
of bodies (Bộ Giáo dục và Đào tạo), ranks, and the first word of a sentence. A surname, the word before, or the table
(`gazetteer`) shows that a capitalized word names a person or place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from pipeline.checks.names.gazetteer import (
    ENGLISH_WORD,
    Entry,
    Gazetteer,
    Spelling,
    english_key,
    gazetteer,
    syllable_key,
)
from pipeline.text.normalize import fold

__all__ = [
    "ROMAN_NUMERAL",
    "CapitalizedSpan",
    "English",
    "Entity",
    "Initials",
    "Token",
    "Vietnamese",
    "capitalized_within",
    "is_syllable",
    "read_english",
    "read_vietnamese",
    "syllable_text",
]

_WORD = re.compile(r"[^\W_]+")
_OPENERS = frozenset("“\"'‘«(")
_ENDERS = frozenset(".!?…:;\n")
_DOTS = frozenset({".", ". "})
_SPACES = frozenset({".", ". ", " "})
_HYPHENS = frozenset({"-", "–"})
_MIDDLE_NAMES = frozenset({"thị", "văn"})
_JOINTS = {" ", "-", ".", ". ", " - ", "–", " – ", ", ", "&", " & ", "'", "’"}  # within a name of the table
_RUN_JOINTS = {" ", "-", ". ", "'", "’", "."}
_ONSETS = "ngh|ng|nh|gh|gi|kh|ph|qu|th|tr|ch|[bcdghklmnpqrstvx]"
# A syllable without its marks: onset, one to three vowels, and at most two consonants.
_SYLLABLE = re.compile(
    f"(?:{_ONSETS})?(?:[aeiouy]|[aeiou][aeiouy]|oai|oay|uoi|uou|ieu|yeu|uya|uay|oeo|uye|uyu|oao|uao)(?:ch|ng|nh|[cmnpt])?"
)
ROMAN_NUMERAL = re.compile("[IVXLCDM]+")
_LONGEST_NAME = 5
_USUAL_NAME = 3  # syllables of most Vietnamese names
_SHORTEST_PLURAL = 3


@dataclass(slots=True)
class Token:
    """A word and its position, in code points."""

    text: str
    key: str  # Vietnamese: press style, lower case; English: folded, without dots
    folded: str
    start: int
    end: int
    capital: bool
    first: bool  # first word of a sentence or quotation, which is always capitalized


@dataclass(frozen=True, slots=True)
class Entity:
    """An occurrence of a table entry: the tokens from `begin` to before `end`."""

    entry: Entry
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class CapitalizedSpan:
    """A sequence of capitalized words that are not in the table."""

    tokens: tuple[Token, ...]
    person: bool  # certainly a person: a surname with given names, or a title before it
    place: bool  # certainly a place: a word such as huyện before it
    translatable: bool  # may be translated by meaning (a body, a law, a holiday)
    title: str  # the title before it in lower case (ông, bà, em), or ""


@dataclass(frozen=True, slots=True)
class Initials:
    """A person named by initials; `letters` without marks, in lower case."""

    letters: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Vietnamese:
    """The names of a Vietnamese sentence."""

    tokens: Sequence[Token]
    entities: Sequence[Entity]
    spans: Sequence[CapitalizedSpan]
    initials: Sequence[Initials]


@dataclass(frozen=True, slots=True)
class English:
    """The words of an English sentence and the table entries among them."""

    tokens: Sequence[Token]
    found: frozenset[Entry]  # every entry that may be meant
    outermost: frozenset[Entry]  # without parts of longer renderings, such as Korea in South Korea
    entities: Sequence[tuple[frozenset[Entry], int, int]]  # longest renderings: possible entries, first token, end
    words: frozenset[str]  # folded words and their stems
    capitals: frozenset[str]  # the same of capitalized words
    joined: str  # the folded words without spaces


@lru_cache(maxsize=1 << 16)
def _keys(word: str) -> tuple[str, str]:
    return syllable_key(word), fold(word)


_CAPITALS = "".join(chr(code) for code in range(0x41, 0x1EFA) if chr(code).isupper())
_WITHIN = re.compile(f"(?<=[^\\W_]),? ([{_CAPITALS}][^\\W_]*)")


def capitalized_within(text: str) -> frozenset[str]:
    """Return the keys of the syllables that `text` capitalizes within a sentence."""
    return frozenset(_keys(word)[0] for word in set(_WITHIN.findall(text)))


def syllable_text(text: str) -> tuple[str, frozenset[str]]:
    """Return the syllable keys of Vietnamese `text`, joined and surrounded by spaces, and the folded syllables."""
    keys = [_keys(word) for word in _WORD.findall(text)]
    return f" {' '.join([key for key, _ in keys])} ", frozenset([folded for _, folded in keys])


@lru_cache(maxsize=1 << 14)
def is_syllable(folded: str) -> bool:
    """Return whether the folded word has the form of a Vietnamese syllable: Long and Tom, not Trump."""
    return _SYLLABLE.fullmatch(folded) is not None


def _tokens(text: str, word: re.Pattern[str], *, english: bool) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    for match in word.finditer(text):
        written = match[0]
        if english:
            folded = key = _english_key(written)
        else:
            key, folded = _keys(written)
        start = match.start()
        gap = text[at:start]
        at = match.end()
        first = not tokens or (gap != " " and _begins_anew(gap, tokens[-1]))
        tokens.append(Token(written, key, folded, start, at, written[0].isupper(), first))
    return tokens


def _begins_anew(gap: str, before: Token) -> bool:
    """Return whether the text between two words ends a sentence or opens a quotation."""
    if gap in _DOTS and before.capital and (len(before.text) == 1 or before.text.isupper()):
        return False  # George W. Bush, TP. HCM
    return gap[-1:] in _OPENERS or not _ENDERS.isdisjoint(gap)


@lru_cache(maxsize=1 << 15)
def _english_key(word: str) -> str:
    return english_key(word)


# Vietnamese


def read_vietnamese(text: str, *, known: frozenset[str] = frozenset()) -> Vietnamese:
    """Return the names of the sentence.

    `known`: keys of the syllables that the article capitalizes within a sentence; a single syllable at the start of a
    sentence is a name only if it is one of them.
    """
    table = gazetteer()
    tokens = _tokens(text, _WORD, english=False)
    initials, taken = _initials(text, tokens, table)
    entities: list[Entity] = []
    index = table.vietnamese
    all_capitals = text.isupper()
    at = 0
    while at < len(tokens):
        known_word = tokens[at].key in index and at not in taken
        spelling = _spelling_at(tokens, at, text, table, all_capitals=all_capitals) if known_word else None
        if spelling is None:
            at += 1
            continue
        end = at + len(spelling.words)
        entities.append(Entity(spelling.entry, at, end))
        taken.update(range(at, end))
        at = end
    runs = [] if all_capitals else _spans(text, tokens, taken, known, table)
    return Vietnamese(tokens, entities, runs, initials)


def _spelling_at(
    tokens: Sequence[Token], at: int, text: str, table: Gazetteer, *, all_capitals: bool
) -> Spelling | None:
    """Return the longest spelling of the table that starts at token `at`."""
    for spelling in table.vietnamese.get(tokens[at].key, ()):
        end = at + len(spelling.words)
        if end > len(tokens):
            continue
        span = tokens[at:end]
        if any(token.key != word for token, word in zip(span, spelling.words, strict=True)):
            continue
        if any(must and not token.capital for token, must in zip(span, spelling.capital, strict=True)):
            continue
        if any(text[left.end : right.start] not in _JOINTS for left, right in pairwise(span)):
            continue
        match len(span):
            case 1 if span[0].key in table.needs_context and (
                all_capitals or not _stands_alone(tokens, at, text, table)
            ):
                continue
            case 2 if _within_a_name(tokens, at, text, table):
                continue
        return spelling
    return None


def _adjacent(tokens: Sequence[Token], left: int, text: str) -> bool:
    """Return whether a single space separates token `left` from the next one."""
    return 0 <= left < len(tokens) - 1 and text[tokens[left].end : tokens[left + 1].start] == " "


def _stands_alone(tokens: Sequence[Token], at: int, text: str, table: Gazetteer) -> bool:
    """Return whether a short name is not a given name, part of a longer name, or ordinary first word."""
    token = tokens[at]
    if token.text.isupper() and len(token.text) > 1:
        return True
    before = tokens[at - 1] if at else None
    if token.key in table.needs_joiner:
        hyphens = {text[left.end : right.start].strip() for left, right in pairwise(tokens[max(0, at - 1) : at + 2])}
        return not hyphens.isdisjoint(_HYPHENS) or (before is not None and before.key in table.joiners)
    if token.first and token.key in table.never_first:
        return False
    if before is not None and _adjacent(tokens, at - 1, text):
        if before.key in table.titles or (before.first and before.key in table.surnames):
            return False
        if before.capital and not before.first and is_syllable(before.folded):
            return False
    after = tokens[at + 1] if _adjacent(tokens, at, text) else None
    return after is None or not (after.capital and is_syllable(after.folded))


def _within_a_name(tokens: Sequence[Token], at: int, text: str, table: Gazetteer) -> bool:
    """Return whether a place of two syllables is part of the name of a person: Nguyễn Thái Bình, ông Hòa Bình."""
    if not _adjacent(tokens, at - 1, text):
        return False
    before = tokens[at - 1]
    if before.key in table.surnames and before.capital and before.key not in table.body_words:
        return True
    man = before.key == "ông" and _adjacent(tokens, at - 2, text) and tokens[at - 2].key == "đàn"  # người đàn ông Ấn Độ
    return not man and (before.key in table.male_titles or before.key in table.female_titles)


def _initials(text: str, tokens: Sequence[Token], table: Gazetteer) -> tuple[list[Initials], set[int]]:
    """Return the people named by initials, and the indices of their tokens."""
    found: list[Initials] = []
    taken: set[int] = set()
    at = 0
    while at < len(tokens):
        if len(tokens[at].text) != 1:
            at += 1
            continue
        end = at
        while (
            end < len(tokens)
            and _is_letter(tokens[end])
            and (end == at or text[tokens[end - 1].end : tokens[end].start] in _DOTS)
        ):
            end += 1
        count = end - at
        dotted = count and text[tokens[end - 1].end : tokens[end - 1].end + 1] == "."
        before = tokens[at - 1] if at and _adjacent(tokens, at - 1, text) else None
        named = before is not None and (before.key in table.titles or (before.capital and before.key in _MIDDLE_NAMES))
        within = end < len(tokens) and tokens[end].capital and text[tokens[end - 1].end : tokens[end].start] in _SPACES
        several = count > 1 and (before is None or not before.capital)
        if count and not within and (named or several):
            letters = "".join(token.folded for token in tokens[at:end])
            found.append(Initials(letters, tokens[at].start, tokens[end - 1].end + bool(dotted)))
            taken.update(range(at, end))
        at = max(end, at + 1)
    return found, taken


def _is_letter(token: Token) -> bool:
    return len(token.text) == 1 and token.capital and token.text.isalpha()


def _spans(
    text: str, tokens: Sequence[Token], taken: set[int], known: frozenset[str], table: Gazetteer
) -> list[CapitalizedSpan]:
    runs: list[CapitalizedSpan] = []
    at = 0
    while at < len(tokens):
        if not tokens[at].capital or at in taken:
            at += 1
            continue
        end = at + 1
        while end < len(tokens) and end not in taken:
            gap = text[tokens[end - 1].end : tokens[end].start]
            # Lơ-nan: a word after a hyphen belongs to the name, in lower case too
            if gap not in _RUN_JOINTS or not (tokens[end].capital or (gap == "-" and not tokens[end].text.isdigit())):
                break
            if gap in _DOTS and (len(tokens[end - 1].text) > 1 or not tokens[end - 1].text.isupper()):
                break
            end += 1
        run = _span(text, tokens, at, end, taken, known, table)
        if run is not None:
            runs.append(run)
        at = end
    return runs


def _span(
    text: str, tokens: Sequence[Token], at: int, end: int, taken: set[int], known: frozenset[str], table: Gazetteer
) -> CapitalizedSpan | None:
    """Return the span without leading words that are not part of the name, or None if it is empty then."""
    behind_entity = at - 1 in taken
    begin, title, translatable = _head(tokens, at, end, known, table)
    name = tuple(tokens[begin:end])
    if all(any(letter.isdigit() for letter in token.text) for token in name):
        return None
    # Tân also begins names of bodies, so `_head` has removed it: Tết Tân Mùi
    leading = {token.key for token in tokens[at : begin + 1]}
    if not table.heavenly_stems.isdisjoint(leading) and name[-1].key in table.earthly_branches:
        return None
    before = tokens[begin - 1].key if _adjacent(tokens, begin - 1, text) else ""
    if not title and before in table.titles:
        title = before
    surname = name[0].key in table.surnames and (name[0].key not in table.body_words or bool(title))
    syllables = all(is_syllable(token.folded) for token in name)
    written = all(token.capital for token in name)  # not Vi-rút
    person = syllables and written and len(name) > 1 and ((surname and len(name) <= _LONGEST_NAME) or bool(title))
    place = before in table.place_words and not translatable
    if not place and not title:
        # Vietnamese syllables without a sign of a person or place may name any body
        translatable = translatable or name[0].key in table.body_words or behind_entity
    return CapitalizedSpan(
        name, person=person, place=place, translatable=translatable and syllables and not person, title=title
    )


def _head(tokens: Sequence[Token], at: int, end: int, known: frozenset[str], table: Gazetteer) -> tuple[int, str, bool]:
    """Return the start of the name in the span, the title before it, and whether it may be the name of a body."""
    title = ""
    translatable = False
    while at < end:
        token = tokens[at]
        following = tokens[at + 1] if at + 1 < end else None
        if token.key in table.titles:
            leads = token.first or (at > 0 and tokens[at - 1].first) or following is not None
            if not leads or (not token.first and token.key in table.surnames):
                break
            title = token.key
        elif token.first and is_syllable(token.folded) and token.key not in known:
            is_word = token.key in table.surnames_as_words and (
                end - at != _USUAL_NAME or tokens[at + 1].key in table.body_words
            )
            if token.key in table.surnames and not is_word and following is not None and is_syllable(following.folded):
                break
            translatable = translatable or token.key in table.body_words
        elif (
            token.key in table.body_words and not title and not (token.key in table.surnames and following is not None)
        ):
            translatable = True
        else:
            break
        at += 1
    return at, title, translatable


# English


def read_english(text: str) -> English:
    """Return the words of the sentence and the table entries among them."""
    table = gazetteer()
    tokens = _tokens(text, ENGLISH_WORD, english=True)
    found: set[Entry] = set()
    entities: list[tuple[frozenset[Entry], int, int]] = []
    covered = 0
    index = table.english
    for at, token in enumerate(tokens):
        if token.folded not in index and _stem(token.folded) not in index:
            continue
        longest = 0
        means: set[Entry] = set()
        for spelling in (*index.get(token.folded, ()), *index.get(_stem(token.folded), ())):
            size = len(spelling.words)
            if at + size > len(tokens) or not _is_rendering(tokens[at : at + size], spelling):
                continue
            found.add(spelling.entry)
            if size >= longest:
                if size > longest:
                    means = set()
                longest = size
                means.add(spelling.entry)
        if longest and at >= covered:
            entities.append((frozenset(means), at, at + longest))
            covered = at + longest
    folded = [token.folded for token in tokens]
    return English(
        tokens=tokens,
        found=frozenset(found),
        outermost=frozenset(entry for means, _, _ in entities for entry in means),
        entities=entities,
        words=frozenset(folded) | frozenset(map(_stem, folded)),
        capitals=frozenset(key for token in tokens if token.capital for key in (token.folded, _stem(token.folded))),
        joined="".join(folded),
    )


def _stem(word: str) -> str:
    return word[:-1] if len(word) > _SHORTEST_PLURAL and word.endswith("s") else word


def _is_rendering(tokens: Sequence[Token], spelling: Spelling) -> bool:
    last = len(tokens) - 1
    for at, word in enumerate(spelling.words):
        token = tokens[at]
        if token.folded != word and not (at == last and _stem(token.folded) == word):
            return False
        if spelling.capital[at] and not token.capital:
            return False
    return True
