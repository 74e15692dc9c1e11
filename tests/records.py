"""Records of the stages, built by the tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.records import Article, Call, Flag, Origin, Sentence, Status, Translated


def article_record(text: str = "", **fields: Any) -> Article:
    """Return an article with this body; `fields` are those of `Article`."""
    whole: dict[str, Any] = {"id": "a", "text_sha256": "", "source": Origin("a.jsonl", 0)}
    return Article(text=text, **whole | fields)


def translated(
    *pairs: tuple[str, str],
    summary: str | None = None,
    title_translation: str = "",
    calls: Iterable[Call] = (),
    flags: Iterable[Flag] = (),
    status: Status = "ok",
    **article: Any,
) -> Translated:
    """Return a translated record: `pairs` are a Vietnamese sentence of the summary and its English.

    The summary is its sentences, joined by spaces, and the article's body is the summary, unless they are given.
    `article` are fields of `Article`.
    """
    if summary is None:
        summary = " ".join(vietnamese for vietnamese, _ in pairs)
    return Translated(
        article_record(**{"text": summary, **article}),
        summary,
        title_translation,
        tuple(Sentence(*pair) for pair in pairs),
        tuple(calls),
        tuple(flags),
        status,
    )
