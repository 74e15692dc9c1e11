"""The checks of the calls: input that was cut, output that hit the length limit, is empty, damaged or not prose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.checks.view import View
from pipeline.records import Call, Flag, Translated
from pipeline.text import prose

UNFINISHED = "unfinished"


def check(view: View) -> list[Flag]:
    """Return the flags `dropped`, `unfinished`, `empty`, `replacement` and `not_prose`."""
    translated, article = view.record, view.record.article
    found = list(_cut(translated))
    if not translated.summary.strip():
        found.append(_whole(translated, "empty", "summary", "the summarizer answered nothing"))
    empty = [sentence for sentence in translated.sentences if not sentence.translation.strip()]
    if empty:
        message = f"{len(empty)} of {len(translated.sentences)} sentences came back empty"
        found.append(_whole(translated, "empty", "translation", message))
    asked = any(call.stage == "translate" for call in translated.calls)  # not so under `--until summarize`
    if asked and article.title and not translated.title_translation.strip():
        found.append(_whole(translated, "empty", "title_translation", "the translator answered nothing"))
    outputs = (
        ("summary", translated.summary),
        ("title_translation", translated.title_translation),
        ("translation", translated.translation),
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
    if call.stage == "summarize":
        return [("summary", 0, len(translated.summary))]
    headline = 1 if translated.article.title else 0
    texts = headline + len(translated.sentences)
    pieces = _pieces(translated)
    # a note is about a second checkpoint, which got nothing
    cut = {flag.field for flag in translated.flags if flag.check == "long_sentence" and flag.severity != "note"}
    most = headline + (pieces - texts if "title" in cut else 0)  # of the pieces that may be the headline's
    least = headline + (1 if "title" in cut else 0) if "summary" in cut else most
    places: list[tuple[str, int, int]] = []
    if call.index < most:
        places.append(("title_translation", 0, len(translated.title_translation)))
    if call.index >= least:
        whole = 0, len(translated.translation)
        start, end = _span(translated, "translation", call.index - headline) if pieces == texts else whole
        places.append(("translation", start, end))
    return places


def _span(translated: Translated, field: str, index: int) -> tuple[int, int]:
    """Return where a text is in its field: a sentence's translation, or the whole field."""
    if field != "translation":
        return 0, len(translated.summary if field == "summary" else translated.title_translation)
    before = translated.sentences[:index]
    start = sum(len(sentence.translation) + 1 for sentence in before if sentence.translation)
    start = min(len(translated.translation), start)
    return start, start + len(translated.sentences[index].translation)


def _pieces(translated: Translated) -> int:
    return sum(1 for call in translated.calls if call.stage == "translate" and not call.repair)


def first_answers(translated: Translated) -> Iterator[Call]:
    """Yield the calls whose answers the record has: not those of candidates, nor those that a candidate replaced."""
    replaced = {(one.field, one.index) for one in translated.repaired if one.taken != "first"}
    last = max((call.round for call in translated.calls if call.stage == "summarize" and not call.repair), default=0)
    headline = 1 if translated.article.title else 0
    is_whole = _pieces(translated) == headline + len(translated.sentences)  # else a call may be a piece of any text
    for call in translated.calls:
        if call.repair:
            continue
        if call.stage == "summarize" and call.round == last and ("summary", 0) in replaced:
            continue
        text = ("title_translation", 0) if call.index < headline else ("translation", call.index - headline)
        if not (call.stage == "translate" and is_whole and text in replaced):
            yield call


def _whole(translated: Translated, check: str, field: str, message: str) -> Flag:
    text = {
        "summary": translated.summary,
        "translation": translated.translation,
        "title_translation": translated.title_translation,
    }[field]
    return Flag(check=check, field=field, start=0, end=len(text), message=message)
