"""What the calls themselves tell: text that was cut, cut short or came back empty, and damage in the source."""

from __future__ import annotations

import re

from pipeline.records import Call, Flag, Translated


def check(translated: Translated) -> list[Flag]:
    """Return the flags `dropped`, `unfinished`, `empty` and `replacement`."""
    article = translated.article
    found: list[Flag] = []
    for call in translated.calls:
        for field, start, end in _places(translated, call):
            if call.dropped_tokens:
                message = f"{call.dropped_tokens} source tokens did not fit"
                found.append(Flag(check="dropped", field=field, start=start, end=end, message=message))
            if not call.finished:
                message = f"stopped at the length limit, {call.output_tokens} tokens"
                found.append(Flag(check="unfinished", field=field, start=start, end=end, message=message))
    if not translated.summary.strip():
        found.append(_whole(translated, "empty", "summary", "the summarizer answered nothing"))
    empty = [sentence for sentence in translated.sentences if not sentence.translation.strip()]
    if empty:
        message = f"{len(empty)} of {len(translated.sentences)} sentences came back empty"
        found.append(_whole(translated, "empty", "translation", message))
    asked = any(call.stage == "translate" for call in translated.calls)  # not so under `--until summarize`
    if asked and article.title and not translated.title_translation.strip():
        found.append(_whole(translated, "empty", "title_translation", "the translator answered nothing"))
    for field, text in (("title", article.title), ("article", article.text)):
        found += [
            Flag(
                check="replacement",
                field=field,
                start=at.start(),
                end=at.end(),
                message="unreadable character",
            )
            for at in re.finditer("�+", text)
        ]
    return found


def _places(translated: Translated, call: Call) -> list[tuple[str, int, int]]:
    """Return where the answer of a call stands: the headline, a sentence, or a field where its sentence is not known.

    A call does not say what it is about; the headline is translated first, then each sentence, in as many pieces as it
    takes (`stages.translate`). Where both were cut, a piece in the middle may be of either field: then it is both.
    """
    if call.stage == "summarize":
        return [("summary", 0, len(translated.summary))]
    headline = 1 if translated.article.title else 0
    texts = headline + len(translated.sentences)
    pieces = sum(1 for other in translated.calls if other.stage == "translate")
    cut = {flag.field for flag in translated.flags if flag.check == "long_sentence"}
    most = headline + (pieces - texts if "title" in cut else 0)  # of the pieces that may be the headline's
    least = headline + (1 if "title" in cut else 0) if "summary" in cut else most
    places: list[tuple[str, int, int]] = []
    if call.index < most:
        places.append(("title_translation", 0, len(translated.title_translation)))
    if call.index >= least:
        start, end = 0, len(translated.translation)
        if pieces == texts:
            before = translated.sentences[: call.index - headline]
            start = min(end, sum(len(sentence.translation) + 1 for sentence in before if sentence.translation))
            end = start + len(translated.sentences[call.index - headline].translation)
        places.append(("translation", start, end))
    return places


def _whole(translated: Translated, check: str, field: str, message: str) -> Flag:
    text = {
        "summary": translated.summary,
        "translation": translated.translation,
        "title_translation": translated.title_translation,
    }[field]
    return Flag(check=check, field=field, start=0, end=len(text), message=message)
