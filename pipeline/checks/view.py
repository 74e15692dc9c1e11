"""One record as the checks read it: pairs of texts to compare, and facts about the article, each computed once.

A pair is the headline or a sentence of the summary (`source`) and its English translation (`target`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from pipeline.records import Flag, Severity, Translated
from pipeline.text.normalize import press_tone
from pipeline.text.recase import recased


@dataclass(frozen=True, slots=True)
class Side:
    """One text of a pair and its place in the field that contains it. All positions are code points."""

    text: str
    field: str  # "title", "summary", "title_translation" or "translation"
    start: int
    limit: int  # the length of the field: an approximate `start` must not lead past it

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


class View:
    """A record, its pairs and the facts about its article that several checks need."""

    def __init__(self, record: Translated) -> None:
        self.record = record

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The headline with its translation, if it has one, then each sentence of the summary with its own.

        Empty for a record that was not translated (`--until summarize`).
        """
        record = self.record
        article, summary, translation = record.article, record.summary, record.translation
        pairs: list[Pair] = []
        if article.title and record.title_translation:
            shown = recased(article.title, article.text)  # as the translator read it: `NĂM` in capitals is no name
            title = shown if len(shown) == len(article.title) else article.title
            english = record.title_translation
            pairs.append(Pair(Side(title, "title", 0, len(title)), Side(english, "title_translation", 0, len(english))))
        source_at = target_at = 0
        for sentence in record.sentences:
            source, target = sentence.summary, sentence.translation
            start = summary.find(source, source_at)
            if start < 0:  # a sentence over two lines is joined by a space: use the nearest known position
                start = source_at
            pairs.append(
                Pair(
                    Side(source, "summary", start, len(summary)),
                    Side(target, "translation", target_at, len(translation)),
                )
            )
            source_at = start + len(source)
            target_at += len(target) + 1 if target else 0
        return tuple(pairs)

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
