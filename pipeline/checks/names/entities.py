"""The names of a text: what in a Vietnamese sentence, and in an English one, is a name.

Knows one sentence at a time and nothing of the other language; `names` compares the two. Vietnamese marks a name by
its capitals but writes them on half an institution (Bộ Giáo dục và Đào tạo), on ranks and on the first word of a
sentence: what is surely a person or a place is told by a surname, by the word before it, or by the table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
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
    "CapitalizedSpan",
    "English",
    "Entity",
    "Initials",
    "Token",
    "Vietnamese",
    "capitalised_within",
    "is_syllable",
    "read_english",
    "read_vietnamese",
    "roman",
    "spoken",
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
# A syllable without its marks: at most two letters of consonant behind at most three vowels.
_SYLLABLE = re.compile(
    f"(?:{_ONSETS})?(?:[aeiouy]|[aeiou][aeiouy]|oai|oay|uoi|uou|ieu|yeu|uya|uay|oeo|uye|uyu|oao|uao)(?:ch|ng|nh|[cmnpt])?"
)
_LONGEST_NAME = 5
_SHORTEST_PLURAL = 3


@dataclass(slots=True)
class Token:
    """A word, and where it stands."""

    text: str
    key: str  # Vietnamese: press style, small letters; English: folded, without dots
    folded: str
    start: int
    end: int
    capital: bool
    first: bool  # at the head of a sentence or quotation, where any word has a capital


@dataclass(frozen=True, slots=True)
class Entity:
    """Something of the table, as it stands in a text: the tokens from `begin` to before `end`."""

    entry: Entry
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class CapitalizedSpan:
    """Capitalised words in a row that are not in the table."""

    tokens: tuple[Token, ...]
    person: bool  # surely: a surname with given names, or a title before it
    place: bool  # surely: the word for a kind of place before it
    vague: bool  # may be translated by meaning (a body, a law, a feast)
    titled: str  # the title before it in small letters (ông, bà, em), or ""


@dataclass(frozen=True, slots=True)
class Initials:
    """A person named by initials: the letters without their marks, in small letters."""

    letters: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Vietnamese:
    """The names of a Vietnamese sentence."""

    tokens: Sequence[Token]
    entities: Sequence[Entity]
    runs: Sequence[CapitalizedSpan]
    initials: Sequence[Initials]


@dataclass(frozen=True, slots=True)
class English:
    """The words of an English sentence and what of the table stands among them."""

    tokens: Sequence[Token]
    found: frozenset[Entry]  # everything that may be meant
    standing: frozenset[Entry]  # without what is part of a longer rendering: Korea in South Korea
    entities: Sequence[tuple[frozenset[Entry], int, int]]  # the longest renderings: what they may mean, and tokens
    words: frozenset[str]  # folded, with their stems
    capitals: frozenset[str]  # of words with a capital
    joined: str  # the folded words without spaces


@lru_cache(maxsize=1 << 16)
def _keys(word: str) -> tuple[str, str]:
    return syllable_key(word), fold(word)


_CAPITALS = "".join(chr(code) for code in range(0x41, 0x1EFA) if chr(code).isupper())
_WITHIN = re.compile(f"(?<=[^\\W_]),? ([{_CAPITALS}][^\\W_]*)")


def capitalised_within(text: str) -> frozenset[str]:
    """Return the keys of the syllables of `text` that have a capital where no sentence begins."""
    return frozenset(_keys(word)[0] for word in set(_WITHIN.findall(text)))


def spoken(text: str) -> tuple[str, frozenset[str]]:
    """Return the syllables of Vietnamese `text`: in press style and small letters, spaces around; and folded."""
    keys = [_keys(word) for word in _WORD.findall(text)]
    return f" {' '.join([key for key, _ in keys])} ", frozenset([folded for _, folded in keys])


@lru_cache(maxsize=1 << 14)
def is_syllable(folded: str) -> bool:
    """Return whether the folded word may be a Vietnamese syllable: Long and Tom, not Trump."""
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
    """Return whether what stands between two words ends a sentence or opens a quotation."""
    if gap in _DOTS and before.capital and (len(before.text) == 1 or before.text.isupper()):
        return False  # George W. Bush, TP. HCM
    return gap[-1:] in _OPENERS or not _ENDERS.isdisjoint(gap)


@lru_cache(maxsize=1 << 15)
def _english_key(word: str) -> str:
    return english_key(word)


# Vietnamese


def read_vietnamese(text: str, *, known: frozenset[str] = frozenset()) -> Vietnamese:
    """Return the names of the sentence.

    `known`: keys of the syllables that the article writes with a capital within a sentence; a single syllable at the
    head of a sentence counts as a name only if it is one of them.
    """
    table = gazetteer()
    tokens = _tokens(text, _WORD, english=False)
    initials, taken = _initials(text, tokens, table)
    entities: list[Entity] = []
    index = table.vietnamese
    shouted = text.isupper()
    at = 0
    while at < len(tokens):
        known_word = tokens[at].key in index and at not in taken
        spelling = _spelling_at(tokens, at, text, table, shouted=shouted) if known_word else None
        if spelling is None:
            at += 1
            continue
        end = at + len(spelling.words)
        entities.append(Entity(spelling.entry, at, end))
        taken.update(range(at, end))
        at = end
    runs = [] if shouted else _runs(text, tokens, taken, known, table)
    return Vietnamese(tokens, entities, runs, initials)


def _spelling_at(tokens: Sequence[Token], at: int, text: str, table: Gazetteer, *, shouted: bool) -> Spelling | None:
    """Return the longest spelling of the table that begins at token `at`."""
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
            case 1 if span[0].key in table.alone and (shouted or not _stands_alone(tokens, at, text, table)):
                continue
            case 2 if _within_a_name(tokens, at, text, table):
                continue
        return spelling
    return None


def _adjacent(tokens: Sequence[Token], left: int, text: str) -> bool:
    """Return whether only a space stands between token `left` and the next one."""
    return 0 <= left < len(tokens) - 1 and text[tokens[left].end : tokens[left + 1].start] == " "


def _stands_alone(tokens: Sequence[Token], at: int, text: str, table: Gazetteer) -> bool:
    """Return whether a short name is no given name, no part of a longer name and no word at the head of a sentence."""
    token = tokens[at]
    if token.text.isupper() and len(token.text) > 1:
        return True
    before = tokens[at - 1] if at else None
    if token.key in table.joined:
        hyphens = {text[left.end : right.start].strip() for left, right in pairwise(tokens[max(0, at - 1) : at + 2])}
        return not hyphens.isdisjoint(_HYPHENS) or (before is not None and before.key in table.joining)
    if token.first and token.key in table.not_first:
        return False
    if before is not None and _adjacent(tokens, at - 1, text):
        if before.key in table.titles or (before.first and before.key in table.surnames):
            return False
        if before.capital and not before.first and is_syllable(before.folded):
            return False
    after = tokens[at + 1] if _adjacent(tokens, at, text) else None
    return after is None or not (after.capital and is_syllable(after.folded))


def _within_a_name(tokens: Sequence[Token], at: int, text: str, table: Gazetteer) -> bool:
    """Return whether a place of two syllables is part of a person's name: Nguyễn Thái Bình, ông Hòa Bình."""
    if not _adjacent(tokens, at - 1, text):
        return False
    before = tokens[at - 1]
    if before.key in table.surnames and before.capital and before.key not in table.heads:
        return True
    return before.key in table.male or before.key in table.female


def _initials(text: str, tokens: Sequence[Token], table: Gazetteer) -> tuple[list[Initials], set[int]]:
    """Return the people named by initials, and the tokens that they take."""
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


def _runs(
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
            # Lơ-nan: what follows a hyphen belongs to the name, in small letters too
            if gap not in _RUN_JOINTS or not (tokens[end].capital or (gap == "-" and not tokens[end].text.isdigit())):
                break
            if gap in _DOTS and (len(tokens[end - 1].text) > 1 or not tokens[end - 1].text.isupper()):
                break
            end += 1
        run = _run(text, tokens, at, end, taken, known, table)
        if run is not None:
            runs.append(run)
        at = end
    return runs


def _run(
    text: str, tokens: Sequence[Token], at: int, end: int, taken: set[int], known: frozenset[str], table: Gazetteer
) -> CapitalizedSpan | None:
    """Return the run without the words at its head that are no part of the name, or None if nothing is left."""
    behind_entity = at - 1 in taken
    begin, titled, vague = _head(tokens, at, end, known, table)
    name = tuple(tokens[begin:end])
    if all(any(letter.isdigit() for letter in token.text) for token in name):
        return None
    if name[0].key in table.stems and name[-1].key in table.branches:
        return None
    before = tokens[begin - 1].key if _adjacent(tokens, begin - 1, text) else ""
    if not titled and before in table.titles:
        titled = before
    surname = name[0].key in table.surnames and (name[0].key not in table.heads or bool(titled))
    syllables = all(is_syllable(token.folded) for token in name)
    person = syllables and len(name) > 1 and ((surname and len(name) <= _LONGEST_NAME) or bool(titled))
    place = before in table.places and not vague
    if not place and not titled:
        # Vietnamese syllables that nothing marks as a person's or a place's may be any institution's
        vague = vague or name[0].key in table.heads or behind_entity
    return CapitalizedSpan(name, person=person, place=place, vague=vague and syllables and not person, titled=titled)


def _head(tokens: Sequence[Token], at: int, end: int, known: frozenset[str], table: Gazetteer) -> tuple[int, str, bool]:
    """Return where the name within the run begins, the title before it, and whether a body's name may begin there."""
    titled = ""
    vague = False
    while at < end:
        token = tokens[at]
        following = tokens[at + 1] if at + 1 < end else None
        if token.key in table.titles:
            leads = token.first or (at > 0 and tokens[at - 1].first) or following is not None
            if not leads or (not token.first and token.key in table.surnames):
                break
            titled = token.key
        elif token.first and is_syllable(token.folded) and token.key not in known:
            if token.key in table.surnames and following is not None and is_syllable(following.folded):
                break
            vague = vague or token.key in table.heads
        elif token.key in table.heads and not titled and not (token.key in table.surnames and following is not None):
            vague = True
        else:
            break
        at += 1
    return at, titled, vague


# English


def read_english(text: str) -> English:
    """Return the words of the sentence and what of the table stands among them."""
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
        standing=frozenset(entry for means, _, _ in entities for entry in means),
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


@cache
def roman() -> re.Pattern[str]:
    """Return the pattern of a roman numeral, which is no name."""
    return re.compile("[IVXLCDM]+")
