"""Apply an editor's decisions and the glossary: corrected sentences, editors' summaries, terms, rejections, releases.

A corrected sentence is used as it is: no term is replaced in it, and flags on it become notes, because an editor has
read it. A sentence that an editor accepted unchanged counts as corrected. A summary that an editor wrote replaces the
model's before it is translated, and flags that compare it with the article become notes.

A decision about a record applies to the text of the article that the editor has read. If the article has another text
now, a flag says so, and a record that was rejected is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.checks.terms import TARGET, Rendered, Terms
from pipeline.checks.view import Pair, View
from pipeline.corrections import Correction, Release, Summary
from pipeline.glossary import Glossary, of_text, sentence_key
from pipeline.records import ArticleSentence, Flag, Sentence, Summarized, Translated

OUTDATED = "edit_outdated"  # the check of a flag about a decision on an earlier text; its errors always hold a record
# These flags are about the model's call, so they say nothing of a summary that an editor wrote.
_OF_THE_MODELS_SUMMARY = ("dropped", "unfinished", "long_sentence", "long_title", "lead")


@dataclass(frozen=True, slots=True)
class Edited:
    """A record with corrections and terms applied, flags on what was done, and the approved pairs."""

    view: View
    flags: tuple[Flag, ...]
    approved: tuple[Pair, ...]


def edit(translated: Translated, *, terms: Terms, corrections: Mapping[str, Correction]) -> Edited:
    """Return the record with corrected sentences in place and wrong renderings of terms replaced."""
    article = translated.article
    asked = any(call.stage == "translate" for call in translated.calls)  # not so under `--until summarize`
    title = Rendered(translated.title_translation)
    if article.title and (asked or title.english):
        title = _rendered(article.title, translated.title_translation, terms, corrections)
    of_summary = [_rendered(one.summary, one.translation, terms, corrections) for one in translated.sentences]
    of_article = [_rendered(one.article, one.translation, terms, corrections) for one in translated.article_sentences]
    sentences = tuple(
        Sentence(one.summary, text.english) for one, text in zip(translated.sentences, of_summary, strict=True)
    )
    body = tuple(
        ArticleSentence(one.article, text.english)
        for one, text in zip(translated.article_sentences, of_article, strict=True)
    )
    view = View(replace(translated, title_translation=title.english, sentences=sentences, article_sentences=body))
    texts = [*of_summary, *of_article]
    if len(view.pairs) > len(texts):
        texts.insert(0, title)
    placed = list(zip(view.pairs, texts, strict=True))
    flags = [_placed(flag, pair) for pair, text in placed for flag in text.flags]
    approved = [pair for pair, text in placed if any(flag.check == "corrected" for flag in text.flags)]
    return Edited(view, tuple(flags), tuple(approved))


def as_edited(translated: Translated) -> Edited:
    """Return what `edit` gave for a record that it gave: its flags are among those of the record."""
    view = View(translated)
    corrected = [flag for flag in translated.flags if flag.check == "corrected"]
    approved = (pair for pair in view.pairs if any(_within(flag, pair) for flag in corrected))
    return Edited(view, (), tuple(approved))


def with_editors_summary(summarized: Summarized, summaries: Mapping[str, tuple[Summary, ...]]) -> Summarized:
    """Return the record with the summary that an editor wrote for this text of the article, if there is one."""
    written = of_text(summaries, summarized.article)
    if written is None:
        return summarized
    flag = Flag(
        check="corrected",
        field="summary",
        start=0,
        end=len(written.vi),
        message=f"summary written by {written.by}, {written.at}",
        found=summarized.summary,
        severity="note",
    )
    flags = [one for one in summarized.flags if one.check not in _OF_THE_MODELS_SUMMARY]
    return replace(summarized, summary=written.vi, flags=(*flags, flag))


def has_editors_summary(record: Translated) -> bool:
    """Return whether an editor wrote the record's summary."""
    return any(flag.check == "corrected" and flag.field == "summary" for flag in record.flags)


def downgrade_editors_summary(flags: Sequence[Flag], *, without: Iterable[Flag]) -> list[Flag]:
    """Return the flags of a record whose summary an editor wrote: those that compare it with the article as notes.

    `without`: the flags of the record without its translations. Flags on how the model made its summary are left out.
    """
    of_the_summary = {flag for flag in without if flag.check != "replacement"}
    return [
        replace(flag, severity="note") if flag in of_the_summary else flag
        for flag in flags
        if not (flag.field == "summary" and flag.check in _OF_THE_MODELS_SUMMARY)
    ]


def outdated(record: Translated, glossary: Glossary) -> list[Flag]:
    """Return a flag for each decision of an editor about an earlier text of the article, where this text has none."""
    title = len(record.article.title)
    found = []
    if of_text(glossary.summaries, record.article) is None:
        for summary in glossary.summaries.get(record.article.id, ())[-1:]:
            message = f"{summary.by} wrote a summary for another text of this article, {summary.at}; it is not used"
            found.append(Flag(check=OUTDATED, field="summary", start=0, end=len(record.summary), message=message))
    for rejection in glossary.rejections.get(record.article.id, ())[-1:]:  # one of this text would not be here
        because = f" ({rejection.reason})" if rejection.reason else ""
        message = f"{rejection.by} rejected another text of this article, {rejection.at}{because}; read this one"
        found.append(Flag(check=OUTDATED, field="title", start=0, end=title, message=message, severity="error"))
    return found


def released(holding: Sequence[Flag], release: Release | None) -> Flag | None:
    """Return the flag that says who released a record from these flags, None where one of them is not released."""
    if release is None or not {_key(flag) for flag in holding} <= set(release.flags):
        return None
    message = f"released from hold by {release.by}, {release.at}"
    return Flag(check="released", field="title", start=0, end=0, message=message, severity="note")


def _key(flag: Flag) -> tuple[str, str, str, str, str]:
    """Return what identifies a flag independently of its position in the field, as `Release` lists it."""
    expected, found, message = (" ".join(text.split()) for text in (flag.expected, flag.found, flag.message))
    return flag.check, flag.field, expected, found, message


def downgrade_reviewed(flags: Sequence[Flag], *, without: Iterable[Flag], approved: Sequence[Pair]) -> list[Flag]:
    """Return `flags`, those about `approved` pairs as notes; those `without` any translation keep their severity."""
    not_of_the_english = set(without)
    return [
        replace(flag, severity="note")
        if flag not in not_of_the_english and any(_within(flag, pair) for pair in approved)
        else flag
        for flag in flags
    ]


def _rendered(vi: str, en: str, terms: Terms, corrections: Mapping[str, Correction]) -> Rendered:
    correction = corrections.get(sentence_key(vi)) if corrections else None
    if correction is None:
        return terms.render(vi, en)
    approved = correction.en
    done = "accepted as it is" if approved == en else "written"
    message = f"{done} by {correction.by}, {correction.at}"
    flag = Flag(check="corrected", field=TARGET, start=0, end=len(approved), message=message, found=en, severity="note")
    return Rendered(approved, (flag,))


def _placed(flag: Flag, pair: Pair) -> Flag:
    side = pair.target if flag.field == TARGET else pair.source
    return replace(flag, field=side.field, start=flag.start + side.start, end=flag.end + side.start)


def _within(flag: Flag, pair: Pair) -> bool:
    """Return whether the flag is on a span of this pair."""
    return any(
        flag.field == side.field and side.start <= flag.start and flag.end <= side.start + len(side.text)
        for side in (pair.source, pair.target)
    )
