"""What the calls themselves tell: text that was cut, cut short or came back empty, and damage in the source."""

from __future__ import annotations

import re

from pipeline.records import Flag, Translated


def check(translated: Translated) -> list[Flag]:
    """Return the flags `dropped`, `unfinished`, `empty` and `replacement`."""
    article = translated.article
    found: list[Flag] = []
    for call in translated.calls:
        field = "summary" if call.stage == "summarize" else "translation"
        if call.dropped_tokens:
            found.append(_whole(translated, "dropped", field, f"{call.dropped_tokens} source tokens did not fit"))
        if not call.finished:
            found.append(
                _whole(
                    translated,
                    "unfinished",
                    field,
                    f"stopped at the length limit, {call.output_tokens} tokens",
                )
            )
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


def _whole(translated: Translated, check: str, field: str, message: str) -> Flag:
    text = {
        "summary": translated.summary,
        "translation": translated.translation,
        "title_translation": translated.title_translation,
    }[field]
    return Flag(check=check, field=field, start=0, end=len(text), message=message)
