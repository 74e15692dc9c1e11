"""One record as the checks read it: pairs of texts to compare, and facts about the article, each computed once.

A pair is the headline or a sentence of the summary (`source`) and its English translation (`target`); in a record that
was translated first, a sentence of the article and its translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.records import Flag, Severity, Translated
from pipeline.text.normalize import press_tone, small
from pipeline.text.recase import recased


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it is written and in lower case; every character keeps its place."""

    written: str
    lowercased: str

    @classmethod
    def of(cls, written: str) -> Text:
        """Return the text with its lower case, which is as long."""
        return cls(written, small(written))

    def __getitem__(self, match: re.Match[str]) -> str:
        """Return what matched, as it is written."""
        return self.written[slice(*match.span())]

    def without(self, matches: Iterable[re.Match[str]]) -> Text:
        """Return the text with what matched hidden."""
        written, lowercased = list(self.written), list(self.lowercased)
        for match in matches:
            written[slice(*match.span())] = lowercased[slice(*match.span())] = "#" * len(match[0])
        return Text("".join(written), "".join(lowercased))


@dataclass(frozen=True, slots=True)
class Side:
    """One text of a pair and its place in the field that contains it. All positions are code points."""

    text: str
    field: (
        str  # "title", "summary" or "article", of the English "title_translation", "translation", "article_translation"
    )
    start: int
    limit: int  # the length of the field: an approximate `start` must not lead past it
    normalized: Text  # `text` as the tables write it: tone marks as in the press, straight apostrophes

    @classmethod
    def of_source(cls, text: str, field: str, start: int, limit: int) -> Side:
        """Return a Vietnamese side."""
        return cls(text, field, start, limit, Text.of(press_tone(text)))

    @classmethod
    def of_target(cls, text: str, field: str, start: int, limit: int) -> Side:
        """Return an English side."""
        return cls(text, field, start, limit, Text.of(text.replace("’", "'")))

    def placed(self, flag: Flag) -> Flag:
        """Return a flag that counts from the beginning of this text in its field."""
        return replace(
            flag,
            field=self.field,
            start=min(self.start + flag.start, self.limit),
            end=min(self.start + flag.end, self.limit),
        )

    def flag(
        self,
        check: str,
        message: str,
        *,
        span: tuple[int, int] | None = None,
        expected: str = "",
        found: str = "",
        severity: Severity = "warning",
    ) -> Flag:
        """Return a flag on this text, or on `span` of it."""
        start, end = span or (0, len(self.text))
        return Flag(
            check=check,
            field=self.field,
            start=min(self.start + start, self.limit),
            end=min(self.start + end, self.limit),
            message=message,
            expected=expected,
            found=found,
            severity=severity,
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """A Vietnamese text and its English translation."""

    source: Side
    target: Side

    def flag(
        self,
        check: str,
        message: str,
        *,
        source: re.Match[str] | None = None,
        target: re.Match[str] | None = None,
        severity: Severity,
    ) -> Flag:
        """Return a flag on what matched: in the target if it has a match, else in the source."""
        side, match = (self.source, source) if target is None else (self.target, target)
        assert match is not None
        return side.flag(
            check,
            message,
            span=match.span(),
            expected=self.source.text[slice(*source.span())] if source is not None else "",
            found=self.target.text[slice(*target.span())] if target is not None else "",
            severity=severity,
        )


class View:
    """A record, its pairs and the facts about its article that several checks need."""

    def __init__(self, record: Translated) -> None:
        self.record = record

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The headline with its translation, if it has one, then each sentence of the summary or article with its own.

        Empty for a record that was not translated (`--until summarize`).
        """
        record = self.record
        article = record.article
        pairs: list[Pair] = []
        if article.title and record.title_translation:
            shown = recased(article.title, article.text)  # as the translator read it: `NĂM` in capitals is not a name
            title = shown if len(shown) == len(article.title) else article.title
            english = record.title_translation
            pairs.append(
                Pair(
                    Side.of_source(title, "title", 0, len(title)),
                    Side.of_target(english, "title_translation", 0, len(english)),
                )
            )
        summary = [(one.summary, one.translation) for one in record.sentences]
        pairs += _aligned(summary, ("summary", record.summary), ("translation", record.translation))
        body = [(one.article, one.translation) for one in record.article_sentences]
        pairs += _aligned(body, ("article", article.text), ("article_translation", record.article_translation))
        return tuple(pairs)

    @property
    def translated(self) -> Iterator[Pair]:
        """The pairs whose translation is not empty; `coverage` flags the others."""
        return (pair for pair in self.pairs if pair.target.text.strip())

    @cached_property
    def is_copied(self) -> bool:
        """Whether the article contains each sentence of the summary word for word.

        An extractive summarizer copies often. No check then has to compare the summary with the article.
        """
        record = self.record
        texts = [sentence.summary for sentence in record.sentences] or [record.summary]
        return all(occurs_whole(text, record.article.text) for text in texts)

    @cached_property
    def title_and_text(self) -> str:
        """The headline and the text of the article, on lines of their own."""
        return f"{self.record.article.title}\n{self.record.article.text}"

    @cached_property
    def article_press(self) -> str:
        """The text of the article with tone marks placed as in the press; as long as the original."""
        return press_tone(self.record.article.text)

    @cached_property
    def summary_press(self) -> str:
        """The summary with tone marks placed as in the press; as long as the original."""
        return press_tone(self.record.summary)


def starts(whole: str, parts: Iterable[str]) -> Iterator[int]:
    """Yield where each of `parts` begins in `whole`, in which they follow each other."""
    at = 0
    for part in parts:
        found = whole.find(part, at)
        start = at if found < 0 else found  # a sentence over two lines is joined by a space: the nearest known position
        yield start
        at = start + len(part)


def _aligned(texts: Sequence[tuple[str, str]], source: tuple[str, str], target: tuple[str, str]) -> Iterator[Pair]:
    """Yield a pair for each sentence and its translation; `source`, `target`: the name and text of their fields."""
    (source_field, vietnamese), (target_field, english) = source, target
    at = 0
    for (sentence, translation), start in zip(texts, starts(vietnamese, [one for one, _ in texts]), strict=True):
        yield Pair(
            Side.of_source(sentence, source_field, start, len(vietnamese)),
            Side.of_target(translation, target_field, at, len(english)),
        )
        at += len(translation) + 1 if translation else 0


def occurs_whole(text: str, whole: str) -> bool:
    """Return whether `text` occurs in `whole` as whole words and numbers, and with the same sign."""
    at = whole.find(text)
    while at >= 0:
        before, behind = whole[max(0, at - 1) : at], whole[at + len(text) : at + len(text) + 2]
        signed = before in _MINUS or whole[max(0, at - len("âm ")) : at].lower() == "âm "
        if not (before.isalnum() or before in (".", ",") or signed) and not _CONTINUES.match(behind):
            return True
        at = whole.find(text, at + 1)
    return False


_MINUS = ("-", "–", "\N{MINUS SIGN}")
_CONTINUES = re.compile(r"[^\W_]|[.,/]\d")
