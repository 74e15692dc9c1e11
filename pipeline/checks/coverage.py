"""The checks `coverage`, `length` and `vietnamese_left`: each sentence is translated, in full, into English.

*Anchors* of a sentence are names, figures and some 550 common words with few English translations (`coverage.toml`). A
translation that lacks a clause misses neighboring anchors; one that is reworded misses single ones. So the check finds
the stretch of anchors with the strongest evidence of an omission (the maximal run of log-likelihood ratios, after
Kadane), and adds the evidence of the length. Two sentences whose anchors fit each other's translations better than
their own were swapped.

Vietnamese in the English is found by its letters, without a model. Unlike py3langid and lingua, this is not misled by
Vietnamese names in English text (`python -m tests.benchmarks.fidelity --only language`).
"""

from __future__ import annotations

import functools
import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations

from pipeline.checks.view import Pair, View
from pipeline.records import Flag, Severity
from pipeline.text.normalize import fold, press_tone
from pipeline.text.sentences import sentences

# How often an anchor is found in a translation that has it, and in another sentence's (3,007 human pairs).
_KEPT = {"word": 0.86, "name": 0.35, "foreign": 0.87, "figure": 0.95}
_CHANCE = {"word": 0.06, "name": 0.03, "foreign": 0.02, "figure": 0.02}
# Thresholds of the evidence for an omission, in nats: 1 % of those human pairs exceed `_ERROR`, 3 % `_WARNING`; most of
# these do leave something out.
_WARNING = 6.0
_ERROR = 8.5
# Evidence, in nats, of fewer sentences in a translation shorter than usual: 4 in 1,000 such human pairs have fewer,
# but nearly every translation that lacks a sentence.
_FEWER_SENTENCES = 5.0
# How much better, in nats, two sentences must fit each other's translations than their own.
_SWAPPED = 4.0
# Letters of English per letter of Vietnamese: the median of 7,000 human pairs is 0.95. The ratio of short sentences
# varies more, so their length is weaker evidence; below `_SURE_SHORT` the length alone decides.
_USUAL = 0.95
_SPREAD = 0.22  # of the natural logarithm of the ratio, in sentences of 80 letters or more
_SHORT = 80
_SURE_SHORT = 0.45  # 1 in 500 human pairs of 80 letters or more is below it
_LONG = 1.9  # 1 in 500 is above it
_LONG_SHORT = 3.6  # of 20 to 80 letters
_LEAST = 20  # letters: the length of shorter ones is not judged ("Ừ." is "That is right.")


def check(view: View) -> list[Flag]:
    """Return the flags `coverage`, `length` and `vietnamese_left` of each pair."""
    found: list[Flag] = []
    doubtful: list[Pair] = []
    for pair in view.pairs:
        if not pair.target.text.strip():
            if pair.source.text.strip():
                found.append(pair.source.flag("coverage", "this sentence has no translation", severity="error"))
            continue
        left = list(_vietnamese_left(pair))
        found += left
        if any(flag.severity == "error" for flag in left):
            continue
        anchors = _anchors(pair.source.text, pair.target.text)
        found += _covered(pair, anchors)
        if _fit(anchors) <= 0:
            doubtful.append(pair)
    found += _swapped(doubtful)
    return found


# What is covered


def _covered(pair: Pair, anchors: Sequence[_Anchor]) -> Iterator[Flag]:
    """Yield a flag for an omitted stretch or an implausible length ratio."""
    vietnamese, english = pair.source.text.strip(), pair.target.text.strip()
    ratio = len(english) / len(vietnamese) if vietnamese else 1.0
    evidence, stretch = _left_out(anchors)
    missing = [pair.source.text[anchor.start : anchor.end] for anchor in stretch if not anchor.found]
    if len(vietnamese) >= _LEAST:
        evidence += _of_length(len(vietnamese), ratio)
        if ratio < _USUAL and len(sentences(vietnamese)) > len(sentences(english)):
            evidence += _FEWER_SENTENCES
    too_short = len(vietnamese) >= _SHORT and ratio < _SURE_SHORT
    if (missing and evidence >= _WARNING) or too_short:
        severity: Severity = "error" if evidence >= _ERROR or too_short else "warning"
        span = (stretch[0].start, stretch[-1].end) if missing else (0, len(pair.source.text))
        what = pair.source.text[slice(*span)]
        yield pair.source.flag(
            "coverage",
            f"the English may leave something out: {len(english)} letters for {len(vietnamese)} in the Vietnamese, "
            f"and no word for {', '.join(missing[:5]) or 'much of it'}",
            severity=severity,
            span=span,
            expected=what,
        )
    elif len(vietnamese) >= _LEAST and ratio > (_LONG if len(vietnamese) >= _SHORT else _LONG_SHORT):
        yield pair.target.flag(
            "length",
            f"the English is {ratio:.1f} times as long as the Vietnamese: something may be invented",
            expected=f"about {round(_USUAL * len(vietnamese))} letters",
            found=f"{len(english)} letters",
        )


def _of_length(letters: int, ratio: float) -> float:
    """Return the evidence of the length for an omission, in nats; negative if the translation is longer than usual.

    It is 1.5 z |z|, where z is the standardized log ratio of the lengths, limited to ±`_MOST_OF_LENGTH`. A normal
    distribution would give z² / 2; the factor is three times that because anchors are counted as independent although
    neighbors are correlated, so that their sum overstates their evidence against that of the length.
    """
    spread = _SPREAD * math.sqrt(max(1.0, _SHORT / letters))
    z = -math.log(ratio / _USUAL) / spread
    return max(-_MOST_OF_LENGTH, min(_MOST_OF_LENGTH, 1.5 * z * abs(z)))


_MOST_OF_LENGTH = 9.0
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_CAPITAL = "A-ZÀ-ÖÙÚÝĂĐĨŨƠƯ" + "".join(map(chr, range(0x1EA0, 0x1EFA, 2)))
_NAME = re.compile(rf"(?<=\w )[{_CAPITAL}][^\W\d_]+(?: [{_CAPITAL}][^\W\d_]+)*")
_LONGEST_BEGINNING = 15  # letters: the longest in `coverage.toml`
_SEPARATORS = re.compile("[^a-z0-9]+")
_WORD = re.compile(r"[^\W_]+|[%$]")
_SYLLABLE = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A span of the source that a translation should have a trace of, and whether it has."""

    kind: str
    start: int
    end: int
    found: bool

    @property
    def left_out(self) -> float:
        """The evidence that this was omitted, in nats."""
        chance, kept = _CHANCE[self.kind], _KEPT[self.kind]
        return math.log(chance / kept) if self.found else math.log((1 - chance) / (1 - kept))


def _fit(anchors: Sequence[_Anchor]) -> float:
    """Return the evidence that the English is the translation of this sentence, not of another, in nats."""
    return -sum(anchor.left_out for anchor in anchors)


def _left_out(anchors: Sequence[_Anchor]) -> tuple[float, Sequence[_Anchor]]:
    """Return the strongest evidence of an omission, in nats, and its stretch of anchors."""
    best, best_at, running, start = 0.0, (0, 0), 0.0, 0
    for at, anchor in enumerate(anchors):
        if running <= 0:
            running, start = 0.0, at
        running += anchor.left_out
        if running > best:
            best, best_at = running, (start, at + 1)
    return best, anchors[slice(*best_at)]


def _swapped(doubtful: Sequence[Pair]) -> Iterator[Flag]:
    """Yield a flag on each of two sentences that fit each other's translations far better than their own."""
    for one, two in combinations(doubtful, 2):
        own = _fit(_anchors(one.source.text, one.target.text)) + _fit(_anchors(two.source.text, two.target.text))
        crossed = _fit(_anchors(one.source.text, two.target.text)) + _fit(_anchors(two.source.text, one.target.text))
        if crossed - own >= _SWAPPED and crossed > 0:
            for pair, other in ((one, two), (two, one)):
                yield pair.source.flag(
                    "coverage",
                    "the English here fits another sentence of the summary",
                    severity="error",
                    expected=other.target.text,
                    found=pair.target.text,
                )


def _anchors(vietnamese: str, english: str) -> list[_Anchor]:
    """Return the anchors of `vietnamese` in their order."""
    vietnamese = press_tone(vietnamese)
    folded = fold(english)
    joined = _SEPARATORS.sub("", folded)
    words = set(_WORD.findall(folded))
    beginnings = {word[:length] for word in words for length in range(1, min(len(word), _LONGEST_BEGINNING) + 1)}
    table, longest = _words()
    found: list[_Anchor] = []
    taken = bytearray(len(vietnamese))
    for match in _NAME.finditer(vietnamese):
        if match[0].lower() in table:  # Hoa Kỳ is translated, so it is not looked for in English
            continue
        name = fold(match[0])
        kept = name.replace(" ", "") in joined or not words.isdisjoint(name.split())
        found.append(_Anchor("foreign" if match[0].isascii() else "name", *match.span(), kept))
        taken[match.start() : match.end()] = b"\1" * len(match[0])
    for match in _FIGURE.finditer(vietnamese):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) > 1:  # one digit is often written out
            found.append(_Anchor("figure", *match.span(), digits.lstrip("0") in joined))
    for start, end, expected in _common(vietnamese, table, longest):
        if not taken[start]:
            found.append(_Anchor("word", start, end, not beginnings.isdisjoint(expected)))
    return sorted(found, key=lambda anchor: anchor.start)


def _common(
    vietnamese: str, table: dict[str, tuple[str, ...]], longest: int
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield the span of each word of the table, the longest first, and the beginnings of its translations.

    The table is looked up syllable by syllable: one expression of 550 words takes ten times as long.
    """
    places = [(match[0].lower(), match.start(), match.end()) for match in _SYLLABLE.finditer(vietnamese)]
    at = 0
    while at < len(places):
        word, start, end = places[at]
        best = (table.get(word), end, at + 1)
        for following in range(at + 1, min(at + longest, len(places))):
            if vietnamese[places[following - 1][2] : places[following][1]] != " ":
                break
            word += f" {places[following][0]}"
            if word in table:
                best = (table[word], places[following][2], following + 1)
        beginnings, end, at = best
        if beginnings is not None:
            yield start, end, beginnings


@functools.cache
def _words() -> tuple[dict[str, tuple[str, ...]], int]:
    """Return the beginnings of the translations of each word, and the number of syllables of the longest word."""
    text = files("pipeline.checks").joinpath("coverage.toml").read_text(encoding="utf-8")
    table = {word: tuple(beginnings.split()) for word, beginnings in tomllib.loads(text)["words"].items()}
    return table, max(len(word.split()) for word in table)


# Text that is not English

# Letters that no other language of a European keyboard has; with à, ê, ó and the like alone a word may be French.
_MARKED = re.compile("[ăđơưạ-ỹĩũ]")
_PLAIN = re.compile("[àáâãèéêìíòóôõùúý]")
_ENGLISH_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SHARE = 0.3  # of the words without a capital
_MARKED_PER_ENGLISH = 10  # a Vietnamese sentence may contain "The Voice of Vietnam"
_RUN = 4  # words in a row
_QUOTED = re.compile(r"[\"“‘(\[][^\"“”‘’()\[\]]{1,120}[\"”’)\]]")


def is_untranslated(text: str) -> bool:
    """Return whether `text`, a sentence or a part of one, is Vietnamese with diacritics and not English.

    Words are judged by their letters; names and quoted text are not judged. It is Vietnamese if three in ten of the
    words without a capital have marks, and there are hardly any English function words.
    """
    words = _ENGLISH_WORD.findall(_hidden(text)) or _ENGLISH_WORD.findall(text)
    small = [word for word in words if not word[0].isupper()]
    share = _SHARE
    if not small:  # all capitals, or only names: judge all words, with a higher threshold
        small, share = [word.lower() for word in words], 2 * _SHARE
        if len(small) <= _RUN:
            return False
    marked = sum(1 for word in small if _MARKED.search(word) or _PLAIN.search(word))
    english = sum(word.lower() in _ENGLISH for word in words)
    return marked >= share * len(small) and marked > _MARKED_PER_ENGLISH * english


# English function words, without those that are also Vietnamese syllables ("to", "in", "do").
_ENGLISH = frozenset(
    "the of and for on at by with from is are was were be been says said after as it its he she his her they their has"
    " have had will would not that this who which".split()
)
# Syllables without diacritics that often begin a clause.
_UNMARKED = frozenset("trong khi cho theo hay sang ra con hai ba sau qua nay khu cao xem nhau nhanh".split())


def _hidden(text: str) -> str:
    """Return `text` with quoted and bracketed parts (titles, glosses) blanked."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)


def _vietnamese_left(pair: Pair) -> Iterator[Flag]:
    """Yield `vietnamese_left` for text that is not English, or for a run of Vietnamese words in it."""
    text = pair.target.text
    if text.isascii():
        return
    foreign = sum(letter.isalpha() and not _LATIN.match(letter) for letter in text)
    if foreign > _MOST_FOREIGN * sum(map(str.isalpha, text)):
        yield pair.target.flag("vietnamese_left", "the translation is in another script", found=text, severity="error")
        return
    if is_untranslated(text):
        yield pair.target.flag(
            "vietnamese_left", "the translation is still Vietnamese", found=pair.target.text, severity="error"
        )
        return
    start = end = marked = count = 0
    runs: list[tuple[int, int, int]] = []
    for word in _ENGLISH_WORD.finditer(_hidden(text)):
        letters = _MARKED.search(word[0]) or (count and _PLAIN.search(word[0]))
        vietnamese = bool(letters) and not word[0][0].isupper()
        within = len(word[0]) <= _LONGEST and word[0].islower() and word[0] not in _ENGLISH
        if vietnamese or word[0] in _UNMARKED or (count and within):
            if not count:
                start = word.start()
            count += 1
            if vietnamese:
                marked, end = marked + 1, word.end()
            continue
        runs.append((marked, start, end))
        count = marked = 0
    runs.append((marked, start, end))
    for marks, begin, stop in runs:
        if marks >= _RUN - 1:
            severity: Severity = "error" if marks > _RUN else "warning"
            yield pair.target.flag(
                "vietnamese_left",
                "words that are still Vietnamese",
                span=(begin, stop),
                found=pair.target.text[begin:stop],
                severity=severity,
            )


# A multilingual model can answer in the wrong language; up to a third may be a name in its own script
_LATIN = re.compile("[A-Za-zÀ-ɏḀ-ỿ]")
_MOST_FOREIGN = 1 / 3
_LONGEST = 6  # letters of a Vietnamese syllable ("nghiêng" has 7, but always a mark)
