"""The checks `loop`, `prefix_left` and `capitals`: defects of a model's output that do not depend on the content.

Outputs that are cut or empty are found by `truncation`. A loop that the summary and its translation both have is
flagged in both, because an editor may read only one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from pipeline.checks.view import Pair, View
from pipeline.records import Flag, Severity
from pipeline.text.normalize import LOOP_LENGTH, LOOP_TIMES

# How often a cycle of 1 to 6 words must repeat. People write one word three times ("very, very, very good"), but not
# a longer cycle, and none of the words of `_NEVER_THRICE`.
_CYCLE_TIMES = {1: 4, 2: 3, 3: 3, 4: 3, 5: 3, 6: 3}
_NEVER_THRICE = frozenset("the a an of to and in on at by for with from is are was were be".split())
# Repeated letters, digits or marks: hahahahahaha, 2-2-2-2-2-2, ",000" six times, nine marks in a row.
_REPEATED_CHARACTERS = re.compile(r"([^\W\d_]{1,4})\1{5,}|([-.,/]\d{1,3})\2{5,}(?!\d)|([^\w\s])(?: ?\3){8,}")
_WORD = re.compile(r"[^\W_]+")

# Language tokens and prefixes of the families in the catalog (T5 and ViT5, MarianMT, M2M-100, NLLB, mBART, EnViT5),
# their special tokens, and the word mark of SentencePiece.
_SPECIAL = re.compile(
    r"</?s>|<pad>|<unk>|<mask>|<bos>|<eos>|<extra_id_\d+>|<2[a-z]{2,3}>|__[a-z]{2,3}__|>>[a-z]{2,3}(?:_[A-Z][a-z]{3})?<<"
    r"|(?<![A-Za-z_])(?:vi_VN|en_XX|vie_Latn|eng_Latn)(?![A-Za-z_])|▁+|<\|[a-z_]+\|>|\[(?:CLS|SEP|PAD|MASK|UNK)\]|⁇"
)
_PREFIX = re.compile(
    r"\A\s*(?:vi|en|vietnews|summarize|summary|tóm tắt|translate(?: [a-z]+ to [a-z]+)?)\s*:",
    re.IGNORECASE,
)
_INNER_PREFIX = re.compile(r"(?<=[.!?] )(?:vi|en|vietnews): ")

_MIN_REPEATED_SENTENCE = 6  # syllables
_SHOWN = 12  # letters of the repetition that a message quotes
_MIN_CAPITAL_WORDS = 3  # words of two letters and more
_CAPITAL_SHARE = 0.8  # of the letters
_MIN_CAPITAL_RUN = 5  # words in a row, within a text that is not all capitals


def check(view: View) -> list[Flag]:
    """Return the flags `loop`, `prefix_left` and `capitals` of the summary, the headline and the translation."""
    record = view.record
    texts = (
        ("summary", record.summary),
        ("title_translation", record.title_translation),
        ("translation", record.translation),
    )
    found: list[Flag] = []
    for field, text in texts:
        found += list(_repeated_characters(field, text)) or list(_loops(field, text))
        found += _left(field, text)
    for pair in view.pairs:
        if pair.target.field == "article_translation":  # sentence by sentence: a long text repeats phrases
            of_sentence = [*_repeated_characters("", pair.target.text)] or [*_loops("", pair.target.text)]
            of_sentence += _left("", pair.target.text)
            found += [pair.target.placed(flag) for flag in of_sentence]
    found += _repeated_sentences(view)
    for pair in view.pairs:
        found += _capitals(pair, all_capitals=pair.source.field == "title" and record.article.title.isupper())
    return found


def _flag(check: str, field: str, span: tuple[int, int], message: str, text: str, severity: Severity) -> Flag:
    return Flag(
        check=check,
        field=field,
        start=span[0],
        end=span[1],
        message=message,
        found=text[slice(*span)],
        severity=severity,
    )


def _repeated_characters(field: str, text: str) -> Iterator[Flag]:
    """Yield one flag for the first letters, digits or marks that repeat."""
    if (repeated := _REPEATED_CHARACTERS.search(text)) is not None:
        shown = text[repeated.start() : repeated.start() + _SHOWN]
        yield _flag("loop", field, repeated.span(), f"“{shown}…” is repeated", text, "error")


def _loops(field: str, text: str) -> Iterator[Flag]:
    """Yield one flag for the first loop: a short cycle, or the third occurrence of a run of four words."""
    words = list(_WORD.finditer(text))
    words_folded = [word[0].casefold() for word in words]
    if max(Counter(words_folded).values(), default=0) < LOOP_TIMES:  # no word is frequent enough for a loop
        return
    for length, least in _CYCLE_TIMES.items():
        if (span := _cycle(words_folded, length, least)) is not None:
            where = words[span[0]].start(), words[span[1]].end()
            shown = " ".join(word[0] for word in words[span[0] : span[0] + length])
            yield _flag("loop", field, where, f"“{shown}” is repeated", text, "error")
            return
    loop: Flag | None = None
    times: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(words_folded) - LOOP_LENGTH + 1):
        places = times.setdefault(tuple(words_folded[at : at + LOOP_LENGTH]), [])
        if places and at - places[-1] < LOOP_LENGTH:
            continue
        places.append(at)
        if len(places) >= LOOP_TIMES and not _is_name(words, at):
            where = words[places[0]].start(), words[at + LOOP_LENGTH - 1].end()
            shown = text[words[at].start() : words[at + LOOP_LENGTH - 1].end()]
            wrong = len(places) > LOOP_TIMES  # a person may repeat it exactly that often
            if wrong or loop is None:
                message = f"“{shown}” occurs {len(places)} times"
                loop = _flag("loop", field, where, message, text, "error" if wrong else "warning")
            if wrong:
                break
    if loop is not None:
        yield loop


def _repeated_sentences(view: View) -> Iterator[Flag]:
    """Yield a flag for each sentence of the summary that an earlier one equals.

    `_loops` needs three repetitions; a summary never needs the same sentence twice, unless it is short, like a slogan.
    """
    seen: set[str] = set()
    for pair in view.pairs:
        if pair.source.field != "summary":
            continue
        words = " ".join(pair.source.normalized.lowercased.split())
        if words in seen:
            message = "this sentence repeats an earlier one word for word"
            yield pair.source.flag("loop", message, found=pair.source.text, severity="error")
        elif len(words.split()) >= _MIN_REPEATED_SENTENCE:
            seen.add(words)


def _is_name(words: list[re.Match[str]], at: int) -> bool:
    """Return whether the run is a name with at most one lower-case word: "of Ho Chi Minh", "Ho Chi Minh s"."""
    return sum(word[0][0].islower() for word in words[at : at + LOOP_LENGTH]) <= 1


def _cycle(words_folded: list[str], length: int, least: int) -> tuple[int, int] | None:
    """Return the indices of the first and last word of a cycle of `length` words, not all digits, `least` times."""
    run = 0
    for at in range(length, len(words_folded)):
        run = run + 1 if words_folded[at] == words_folded[at - length] else 0
        times = least - 1 if length == 1 and words_folded[at] in _NEVER_THRICE else least
        if (
            run >= length * (times - 1)
            and run
            and not all(word.isdigit() for word in words_folded[at - length + 1 : at + 1])
        ):
            first = at - run - length + 1
            last = at
            while last + 1 < len(words_folded) and words_folded[last + 1] == words_folded[last + 1 - length]:
                last += 1
            return first, last
    return None


def _left(field: str, text: str) -> Iterator[Flag]:
    """Yield a flag for each special token or prefix of a model."""
    for pattern in (_PREFIX, _SPECIAL, _INNER_PREFIX):
        for match in pattern.finditer(text):
            message = f"“{match[0].strip()}” is a prefix or token of the model, not text"
            yield _flag("prefix_left", field, match.span(), message, text, "error")


def _capitals(pair: Pair, *, all_capitals: bool) -> Iterator[Flag]:
    """Yield a flag for English in capitals: the whole text, or a run of words."""
    words = [word for word in _WORD.finditer(pair.target.text) if len(word[0]) > 1 and not word[0].isdigit()]
    if len(words) < _MIN_CAPITAL_WORDS:
        return
    letters = [letter for letter in pair.target.text if letter.isalpha()]
    if sum(letter.isupper() for letter in letters) >= _CAPITAL_SHARE * len(letters):
        source = "as in the Vietnamese" if all_capitals or pair.source.text.isupper() else "and the Vietnamese is not"
        yield _capitals_flag(pair, 0, len(pair.target.text), f"all in capitals, {source}: English uses lower case")
        return
    if len(words) <= _MIN_CAPITAL_RUN:
        return
    start = 0
    for at, (one, two) in enumerate(pairwise([*words, words[-1]]), start=1):
        if not one[0].isupper():
            start = at
        if at - start >= _MIN_CAPITAL_RUN and (not two[0].isupper() or at == len(words)) and one[0].isupper():
            yield _capitals_flag(pair, words[start].start(), one.end(), "words in capitals")


def _capitals_flag(pair: Pair, start: int, end: int, message: str) -> Flag:
    return pair.target.flag("capitals", message, span=(start, end), found=pair.target.text[start:end])
