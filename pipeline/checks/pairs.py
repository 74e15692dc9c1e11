"""What is compared with what: the headline and each sentence of the summary, with its translation and their places."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import Translated


@dataclass(frozen=True, slots=True)
class Pair:
    """A Vietnamese text and its translation, and where each begins in the field that it stands in (code points)."""

    vietnamese: str
    english: str
    vietnamese_field: str  # "title" or "summary"
    english_field: str  # "title_translation" or "translation"
    vietnamese_start: int
    english_start: int


def aligned(translated: Translated) -> list[Pair]:
    """Return the headline with its translation, where there is one, and each sentence of the summary with its own.

    Empty for a record that was not translated (`--until summarize`).
    """
    pairs: list[Pair] = []
    article = translated.article
    if article.title and translated.title_translation:
        pairs.append(Pair(article.title, translated.title_translation, "title", "title_translation", 0, 0))
    vietnamese_at = english_at = 0
    for sentence in translated.sentences:
        start = translated.summary.find(sentence.summary, vietnamese_at)
        if start < 0:  # a sentence over two lines is joined by a space: the place is then the nearest known
            start = vietnamese_at
        pairs.append(Pair(sentence.summary, sentence.translation, "summary", "translation", start, english_at))
        vietnamese_at = start + len(sentence.summary)
        english_at += len(sentence.translation) + 1 if sentence.translation else 0
    return pairs
