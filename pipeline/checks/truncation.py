"""The checks of the calls: input that was cut, output that hit the length limit, is empty, damaged or not prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.checks.view import View
from pipeline.records import Call, Flag, Translated
from pipeline.text import prose

UNFINISHED = "unfinished"


def check(view: View) -> list[Flag]:
    """Return the flags `dropped`, `unfinished`, `empty`, `replacement` and `not_prose`."""
    translated, article = view.record, view.record.article
    found = list(_cut(translated))
    body = _Body.of(translated)
    summary = translated.english_summary if translated.article_sentences else translated.summary
    is_summarized = not translated.article_sentences or any(call.stage == "summarize" for call in translated.calls)
    if not summary.strip() and is_summarized:  # not so under `--until translate`
        found.append(_whole(translated, "empty", body.summary, "the summarizer answered nothing"))
    empty = [text for text in body.translations if not text.strip()]
    if empty:
        message = f"{len(empty)} of {len(body.translations)} sentences came back empty"
        found.append(_whole(translated, "empty", body.target, message))
    asked = any(call.stage == "translate" for call in translated.calls)  # not so under `--until summarize`
    if asked and article.title and not translated.title_translation.strip():
        found.append(_whole(translated, "empty", "title_translation", "the translator answered nothing"))
    outputs = (
        ("summary", translated.summary),
        ("title_translation", translated.title_translation),
        ("translation", translated.translation),
        ("article_translation", translated.article_translation),
    )
    for field, text in (("title", article.title), ("article", article.text), *outputs):
        found += [
            Flag(
                check="replacement",
                field=field,
                start=at.start(),
                end=at.end(),
                message="unreadable character",
                severity="error" if (field, text) in outputs else "warning",
            )
            for at in re.finditer("�+", text)
        ]
    for field, text in outputs:
        found += _no_prose(field, text)
    return found


@dataclass(frozen=True, slots=True)
class _Body:
    """What was translated sentence by sentence, the summary or the article, and the fields that have it.

    `summary`: the field that has the summarizer's answer.
    """

    source: str
    target: str
    summary: str
    translations: tuple[str, ...]

    @classmethod
    def of(cls, translated: Translated) -> _Body:
        if translated.article_sentences:
            texts = tuple(one.translation for one in translated.article_sentences)
            return cls("article", "article_translation", "translation", texts)
        return cls("summary", "translation", "summary", tuple(one.translation for one in translated.sentences))


def _cut(translated: Translated) -> Iterator[Flag]:
    """Yield the flags of sources and outputs that were cut."""
    for call in first_answers(translated):
        for field, start, end in _places(translated, call):
            if call.dropped_tokens:
                message = f"{call.dropped_tokens} source tokens did not fit"
                yield Flag(check="dropped", field=field, start=start, end=end, message=message)
            if not call.finished:
                message = f"stopped at the length limit, {call.output_tokens} tokens"
                yield Flag(check=UNFINISHED, field=field, start=start, end=end, message=message)
    for one in translated.repaired:
        if one.taken != "first" and f"{UNFINISHED} warning" in one.after:
            start, end = _span(translated, one.field, one.index)
            yield Flag(check=UNFINISHED, field=one.field, start=start, end=end, message="stopped at the length limit")


def _no_prose(field: str, text: str) -> list[Flag]:
    """Return a flag for each part of an output that is not prose: an error if it comes first or is most of the text."""
    if text.strip() and not prose.has_letters(text):
        return [_not_prose(field, text, (0, len(text)), "there is no word in it", wrong=True)]
    found = []
    for spans, what in ((prose.addresses(text), "a web address"), (prose.encoded(text), "encoded data")):
        length = sum(end - start for start, end in spans)
        for start, end in spans:
            wrong = what == "encoded data" or not prose.has_letters(text[:start]) or 2 * length >= len(text)
            found.append(_not_prose(field, text, (start, end), f"{what}, not text", wrong=wrong))
    return found


def _not_prose(field: str, text: str, span: tuple[int, int], message: str, *, wrong: bool) -> Flag:
    start, end = span
    return Flag(
        check="not_prose",
        field=field,
        start=start,
        end=end,
        message=message,
        found=text[start:end],
        severity="error" if wrong else "note",
    )


def _places(translated: Translated, call: Call) -> list[tuple[str, int, int]]:
    """Return the span of a call's output: the headline, a sentence, or a whole field if its sentence is not known.

    A call does not record its text. The headline is translated first, then each sentence, in as many pieces as needed
    (`stages.translate`). If both were cut, a piece in the middle may belong to either field: then both are returned.
    """
    body = _Body.of(translated)
    if call.stage == "summarize":
        return [(body.summary, 0, len(_text(translated, body.summary)))]
    headline = 1 if translated.article.title else 0
    texts = headline + len(body.translations)
    pieces = _pieces(translated)
    # a note is about a second checkpoint, which got nothing
    cut = {flag.field for flag in translated.flags if flag.check == "long_sentence" and flag.severity != "note"}
    most = headline + (pieces - texts if "title" in cut else 0)  # of the pieces that may be the headline's
    least = headline + (1 if "title" in cut else 0) if body.source in cut else most
    places: list[tuple[str, int, int]] = []
    if call.index < most:
        places.append(("title_translation", 0, len(translated.title_translation)))
    if call.index >= least:
        whole = 0, len(_text(translated, body.target))
        start, end = _span(translated, body.target, call.index - headline) if pieces == texts else whole
        places.append((body.target, start, end))
    return places


def _span(translated: Translated, field: str, index: int) -> tuple[int, int]:
    """Return where a text is in its field: a sentence's translation, or the whole field."""
    body, length = _Body.of(translated), len(_text(translated, field))
    if field != body.target:
        return 0, length
    start = sum(len(text) + 1 for text in body.translations[:index] if text)
    start = min(length, start)
    return start, start + len(body.translations[index])


def _pieces(translated: Translated) -> int:
    return sum(1 for call in translated.calls if call.stage == "translate" and not call.repair)


def first_answers(translated: Translated) -> Iterator[Call]:
    """Yield the calls whose answers the record has: not those of candidates, nor those that a candidate replaced."""
    replaced = {(one.field, one.index) for one in translated.repaired if one.taken != "first"}
    last = max((call.round for call in translated.calls if call.stage == "summarize" and not call.repair), default=0)
    headline = 1 if translated.article.title else 0
    body = _Body.of(translated)
    is_whole = _pieces(translated) == headline + len(body.translations)  # else a call may be a piece of any text
    for call in translated.calls:
        if call.repair:
            continue
        if call.stage == "summarize" and call.round == last and ("summary", 0) in replaced:
            continue
        text = ("title_translation", 0) if call.index < headline else (body.target, call.index - headline)
        if not (call.stage == "translate" and is_whole and text in replaced):
            yield call


def _whole(translated: Translated, check: str, field: str, message: str) -> Flag:
    return Flag(check=check, field=field, start=0, end=len(_text(translated, field)), message=message)


def _text(translated: Translated, field: str) -> str:
    """Return one of the output texts of a record."""
    return {
        "summary": translated.summary,
        "translation": translated.translation,
        "title_translation": translated.title_translation,
        "article_translation": translated.article_translation,
    }[field]
