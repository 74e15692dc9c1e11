"""What is compared with what: the headline and each sentence of the summary, with its translation and their places."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.records import Flag, Severity, Translated
from pipeline.text.recase import recased


@dataclass(frozen=True, slots=True)
class Pair:
    """A Vietnamese text and its translation, and where each begins in the field that it stands in (code points)."""

    vietnamese: str
    english: str
    vietnamese_field: str  # "title" or "summary"
    english_field: str  # "title_translation" or "translation"
    vietnamese_start: int
    english_start: int
    vietnamese_end: int  # of the field: a place that is only the nearest known must not lead past it

    def vietnamese_flag(
        self,
        check: str,
        message: str,
        *,
        span: tuple[int, int] | None = None,
        expected: str = "",
        found: str = "",
        severity: Severity = "warning",
    ) -> Flag:
        """Return a flag on the Vietnamese, or on `span` of it."""
        start, end = span or (0, len(self.vietnamese))
        return Flag(
            check=check,
            field=self.vietnamese_field,
            start=min(self.vietnamese_start + start, self.vietnamese_end),
            end=min(self.vietnamese_start + end, self.vietnamese_end),
            message=message,
            expected=expected,
            found=found,
            severity=severity,
        )

    def english_flag(
        self,
        check: str,
        message: str,
        *,
        span: tuple[int, int] | None = None,
        expected: str = "",
        found: str = "",
        severity: Severity = "warning",
    ) -> Flag:
        """Return a flag on the English, or on `span` of it."""
        start, end = span or (0, len(self.english))
        return Flag(
            check=check,
            field=self.english_field,
            start=self.english_start + start,
            end=self.english_start + end,
            message=message,
            expected=expected,
            found=found,
            severity=severity,
        )


def is_copied(translated: Translated) -> bool:
    """Return whether each sentence of the summary stands in the article word for word: all that it says is there.

    So of many a record, with a summarizer that takes sentences, and then nothing else has to be looked for.
    """
    said = [sentence.summary for sentence in translated.sentences] or [translated.summary]
    return all(stands(text, translated.article.text) for text in said)


def stands(text: str, whole: str) -> bool:
    """Return whether `text` stands in `whole` as it stands here: not as part of a word or figure, nor below zero."""
    at = whole.find(text)
    while at >= 0:
        before, behind = whole[max(0, at - 1) : at], whole[at + len(text) : at + len(text) + 2]
        signed = before in _MINUS or whole[max(0, at - len("âm ")) : at].lower() == "âm "
        if not (before.isalnum() or before in (".", ",") or signed) and not _GOES_ON.match(behind):
            return True
        at = whole.find(text, at + 1)
    return False


_MINUS = ("-", "–", "\N{MINUS SIGN}")
_GOES_ON = re.compile(r"[^\W_]|[.,/]\d")


def aligned(translated: Translated) -> list[Pair]:
    """Return the headline with its translation, where there is one, and each sentence of the summary with its own.

    Empty for a record that was not translated (`--until summarize`).
    """
    pairs: list[Pair] = []
    article = translated.article
    if article.title and translated.title_translation:
        shown = recased(article.title, article.text)  # as the translator read it: `NĂM` in capitals is no name
        title = shown if len(shown) == len(article.title) else article.title
        pairs.append(Pair(title, translated.title_translation, "title", "title_translation", 0, 0, len(title)))
    vietnamese_at = english_at = 0
    for sentence in translated.sentences:
        start = translated.summary.find(sentence.summary, vietnamese_at)
        if start < 0:  # a sentence over two lines is joined by a space: the place is then the nearest known
            start = vietnamese_at
        vietnamese, english, length = sentence.summary, sentence.translation, len(translated.summary)
        pairs.append(Pair(vietnamese, english, "summary", "translation", start, english_at, length))
        vietnamese_at = start + len(sentence.summary)
        english_at += len(sentence.translation) + 1 if sentence.translation else 0
    return pairs
