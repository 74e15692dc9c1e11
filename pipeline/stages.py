"""The stages, each a generator over one record that yields requests to its model and receives generations.

A stage does no input or output and has no access to models or batches; of the checkpoint it gets a `Chunker`.
`runner.stage_runner` runs thousands of stages concurrently and merges their requests into one stream for the engine.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pipeline import extractive
from pipeline.checks.editing import edit, with_editors_summary
from pipeline.checks.terms import Terms
from pipeline.checks.variants import joined_clauses, variants
from pipeline.checks.view import starts
from pipeline.config import Repair
from pipeline.corrections import Correction, Summary
from pipeline.extractive import NotSummarizedError
from pipeline.glossary import of_text, sentence_key
from pipeline.records import (
    Article,
    ArticleSentence,
    Call,
    Candidates,
    Failure,
    Flag,
    Generation,
    RepairedText,
    Request,
    Sentence,
    StageName,
    Summarized,
    Translated,
)
from pipeline.text.chunking import Chunker, Part
from pipeline.text.normalize import new_tone, press_tone
from pipeline.text.recase import recased
from pipeline.text.sentences import sentences

if TYPE_CHECKING:  # it loads every check, which takes over a tenth of a second: imported where there is a repair
    from pipeline.checks.repair import Choice

T = TypeVar("T")
Round: TypeAlias = Generator[Sequence[Request], list[Generation], T]

# Bump when a change here, in `text.chunking`, `text.sentences` or `checks.variants` changes the texts that a model gets
# or the use of its output. It is part of the recipe, so a bump publishes everything again.
VERSION = 4
MAX_ROUNDS = 4
SHRINK = 0.75  # a round of a long article must leave at most this share of its input tokens


def summarize(article: Article, chunker: Chunker, *, repair: Repair | None = None) -> Round[Summarized | Failure]:
    """Summarize the body; a long article in rounds: its parts, then the summaries of the parts, until one is left.

    With `with_title`, each part of each round begins with the headline. With `lead_only`, the model gets only the
    beginning of the body, and a flag has the number of tokens left out. A summarizer without a model gets the whole
    body and makes no call. With `repair`, a summary that the checks flag is asked for again, once.
    """
    if chunker.select is not None:
        yield []
        try:
            chosen = chunker.select(article.text, article.title, article.reference_summary)
        except NotSummarizedError as error:
            return _failed(article, kind=error.kind, message=str(error))
        return Summarized(article, " ".join(chosen), ())
    heading, chunker = chunker.with_heading(recased(article.title, article.text))
    left_out = 0
    if chunker.lead_only:
        lead, left_out = chunker.lead(article.text)
        parts = [lead]
    else:
        parts = chunker.split(article.text)
    calls: list[Call] = []
    flags = _cut_flags(parts, "a sentence", field="article", length=len(article.text))
    if left_out:
        flags.append(_lead_flag(article.text, parts[0], left_out))
    if chunker.with_title and article.title and not heading:
        message = "the summarizer did not get the headline, which needs over half of its longest input"
        flags.append(Flag(check="long_title", field="title", start=0, end=len(article.title), message=message))
    tokens = sum(part.tokens for part in parts)
    number = 0
    while True:
        answers = yield [heading + part.text for part in parts]
        calls += _calls("summarize", answers, round_=number)
        if len(answers) == 1:
            summarized = Summarized(article, _source_style(answers[0].text, like=article.text), (), tuple(flags))
            finished, asked = answers[0].finished, heading + parts[0].text
            if repair is not None:
                summarized = yield from _summarized_again(summarized, asked, finished=finished, repair=repair)
            again = tuple(replace(call, round=number + 1) for call in summarized.calls)
            return replace(summarized, calls=(*calls, *again))
        parts = chunker.split("\n".join(answer.text for answer in answers))
        flags += _cut_flags(parts, "a sentence of a part's summary", field="article", length=len(article.text))
        left = sum(part.tokens for part in parts)
        number += 1
        if len(parts) > 1 and (left > SHRINK * tokens or number > MAX_ROUNDS):
            message = (
                f"round {number} left {left} of {tokens} tokens in {len(parts)} parts, more than {SHRINK:.0%}: "
                "the summarizer does not shorten; lower `summarize.generation.max_new_tokens` or use another model"
            )
            return _failed(article, kind="no_shrink", message=message)
        tokens = left


def _failed(article: Article, *, kind: str, message: str) -> Failure:
    """Return the failure of an article that cannot be summarized, now or in a later run."""
    return Failure(
        stage="summarize",
        kind=kind,
        message=message,
        source=article.source,
        id=article.id,
        text_sha256=article.text_sha256,
    )


def _summarized_again(first: Summarized, asked: str, *, finished: bool, repair: Repair) -> Round[Summarized]:
    """Return the record with the best of several summaries where the checks flag the first, and the calls of that."""
    from pipeline.checks.repair import Answer, Choice, judge_summary, of_beam

    article = first.article
    choice = Choice(Answer(first.summary, finished), partial(judge_summary, article=article), field="summary")
    if choice.is_clean:
        return first
    (answer,) = yield [Candidates(asked, repair.candidates)]
    choice.offer(replace(one, text=_source_style(one.text, like=article.text)) for one in of_beam(answer))
    if choice.found.errors and repair.fallback == "extractive":
        choice.offer([Answer(" ".join(extractive.summarize(article.text, article.title)), source="extractive")])
    calls = _calls("summarize", [answer], round_=0, repair=True)
    return replace(first, summary=choice.best.text, calls=tuple(calls), repaired=(choice.record(),))


def summarize_or_edited(
    article: Article,
    chunker: Chunker,
    *,
    summaries: Mapping[str, tuple[Summary, ...]],
    repair: Repair | None = None,
) -> Round[Summarized | Failure]:
    """Summarize; if an editor wrote a summary for this text, return that one with the calls of the model."""
    is_edited = of_text(summaries, article) is not None
    result = yield from summarize(article, chunker, repair=None if is_edited else repair)
    return result if isinstance(result, Failure) else with_editors_summary(result, summaries)


def translate(
    summarized: Summarized, chunker: Chunker, *, repair: Repair | None = None, corrected: Container[str] = ()
) -> Round[Translated]:
    """Translate the title and each sentence of the summary.

    With `repair`, a text whose translation the checks flag is asked for again. Not so if it was cut into pieces, nor if
    its `glossary.sentence_key` is in `corrected`: an editor's translation will take its place.
    """
    article, summary = summarized.article, summarized.summary
    split = sentences(summary)
    asked = _Asked(article, split, summary, source="summary", target="translation")
    outputs = yield from _translate(asked, chunker, repair=repair, corrected=corrected)
    return Translated(
        article,
        summary,
        outputs.title,
        tuple(Sentence(*pair) for pair in zip(split, outputs.texts, strict=True)),
        (*summarized.calls, *outputs.calls),
        (*summarized.flags, *outputs.flags),
        repaired=(*summarized.repaired, *outputs.repaired),
    )


def translate_article(
    article: Article,
    chunker: Chunker,
    *,
    terms: Terms,
    corrections: Mapping[str, Correction],
    repair: Repair | None = None,
) -> Round[Translated]:
    """Translate the title and each sentence of the article; the first stage of a run that translates first.

    The terms and corrections of the glossary are applied here, so that the summarizer reads them. `repair` as in
    `translate`.
    """
    split = sentences(article.text)
    asked = _Asked(
        article,
        split,
        article.text,
        source="article",
        target="article_translation",
        starts=tuple(starts(article.text, split)),
    )
    outputs = yield from _translate(asked, chunker, repair=repair, corrected=corrections)
    lines = (" ".join(text.split()) for text in outputs.texts)  # a line of the translated article is a sentence
    translated = Translated(
        article,
        "",
        outputs.title,
        (),
        tuple(outputs.calls),
        tuple(outputs.flags),
        repaired=tuple(outputs.repaired),
        article_sentences=tuple(ArticleSentence(*pair) for pair in zip(split, lines, strict=True)),
    )
    edited = edit(translated, terms=terms, corrections=corrections)
    return replace(edited.view.record, flags=(*translated.flags, *edited.flags))


def summarize_translation(translated: Translated, chunker: Chunker) -> Round[Translated | Failure]:
    """Summarize the translated article as `summarize` does an article; the second stage of a run that translates first.

    The text and the headline are the English ones. There is no repair: the checks of a summary read Vietnamese.
    """
    article = translated.article
    english = replace(article, title=translated.title_translation, text=translated.article_translation)
    result = yield from summarize(english, chunker.in_english())
    if isinstance(result, Failure):
        return result
    fields = {"article": "article_translation", "title": "title_translation"}
    flags = [replace(flag, field=fields[flag.field]) for flag in result.flags]
    return replace(
        translated,
        english_summary=result.summary.strip(),
        calls=(*translated.calls, *result.calls),
        flags=(*translated.flags, *flags),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The sentences of an article or of its summary, which `_translate` translates with the headline.

    `context`: the text whose sentences they are. `source`, `target`: the fields of the record that hold them. `starts`:
    where each sentence begins in `context`; without it, a flag on a sentence names its length only.
    """

    article: Article
    split: Sequence[str]
    context: str
    source: str
    target: str
    starts: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class _Outputs:
    """The English headline and sentences, and how they came about."""

    title: str
    texts: Sequence[str]
    calls: Sequence[Call]
    flags: Sequence[Flag]
    repaired: Sequence[RepairedText]


def _translate(asked: _Asked, chunker: Chunker, *, repair: Repair | None, corrected: Container[str]) -> Round[_Outputs]:
    """Translate the headline, if there is one, and the sentences."""
    article = asked.article
    title = [recased(article.title, article.text)] if article.title else []
    texts = (*title, *asked.split)
    cut = [chunker.pieces(text) for text in texts]
    answers = yield [part.text for parts in cut for part in parts]
    begins = (*(0 for _ in title), *(asked.starts or (0 for _ in asked.split)))
    flags = [
        flag
        for index, parts in enumerate(cut)
        for flag in _cut_flags(
            parts,
            "a sentence",
            field="title" if index < len(title) else asked.source,
            length=len(texts[index]),
            start=begins[index],
        )
    ]
    left = iter(answers)
    answered = [[next(left) for _ in parts] for parts in cut]
    outputs = [" ".join(answer.text for answer in several).strip() for several in answered]
    calls = _calls("translate", answers, round_=0)
    repaired: list[RepairedText] = []
    if repair is not None:
        from pipeline.checks.repair import Answer, Choice, judge_translation

        choices = {
            at: Choice(
                Answer(outputs[at], answered[at][0].finished),
                partial(judge_translation, source=text, title="".join(title), summary=asked.context),
                field="title_translation" if at < len(title) else asked.target,
                index=max(0, at - len(title)),
            )
            for at, text in enumerate(texts)
            if len(cut[at]) == 1 and sentence_key(text) not in corrected
        }
        flagged = {at: choice for at, choice in choices.items() if not choice.is_clean}
        if flagged:
            again = [(texts[at], choice) for at, choice in flagged.items()]
            calls += yield from _translated_again(again, chunker, repair)
        for at, choice in flagged.items():
            outputs[at] = choice.best.text
            repaired.append(choice.record())
    return _Outputs(outputs[0] if title else "", outputs[len(title) :], calls, flags, repaired)


def _translated_again(flagged: Sequence[tuple[str, Choice]], chunker: Chunker, repair: Repair) -> Round[list[Call]]:
    """Offer each choice the translations of a wider beam, and where an error is left, of other ways to write the text.

    Returns the calls that were made.
    """
    from pipeline.checks.repair import Answer, of_beam

    answers = yield [Candidates(chunker.normalize_tone(text), repair.candidates) for text, _ in flagged]
    calls = _calls("translate", answers, round_=1, repair=True)
    for (_, choice), answer in zip(flagged, answers, strict=True):
        choice.offer(of_beam(answer))
    written = [
        (choice, way, [chunker.normalize_tone(one) for one in written])
        for text, choice in flagged
        if repair.variants and choice.found.errors
        for way, written in variants(text)
    ]
    if not written:
        return calls
    answers = yield [text for _, _, texts in written for text in texts]
    left = iter(answers)
    for choice, way, texts in written:
        several = [next(left) for _ in texts]
        text = joined_clauses(texts, [one.text for one in several])
        choice.offer([Answer(text, all(one.finished for one in several), way)])
    return calls + _calls("translate", answers, round_=2, repair=True)


def translate_second(translated: Translated, chunker: Chunker) -> Round[Translated]:
    """Ask a second checkpoint once for each text that has an error after the first was asked again.

    Its answer is taken where it has fewer errors, or as many and fewer warnings. A text that is longer than its input
    is not asked for, and gets a note.
    """
    wrong = list(_with_errors(translated))
    if not wrong:
        yield []
        return translated
    from pipeline.checks.repair import Answer, Choice, judge_translation, taken

    title, *split = texts = _sources(translated)
    outputs = [translated.title_translation, *(sentence.translation for sentence in translated.sentences)]
    repaired = list(translated.repaired)
    cut = [(number, at, chunker.pieces(texts[at])) for number, at in wrong]
    asked = [(number, at, parts[0].text) for number, at, parts in cut if len(parts) == 1]
    too_long = [
        _not_asked_flag("summary", len(translated.summary))
        if at
        else _not_asked_flag("title", len(translated.article.title))
        for _, at, parts in cut
        if len(parts) > 1
    ]
    answers = yield [text for *_, text in asked]
    for (number, at, _), answer in zip(asked, answers, strict=True):
        earlier = repaired[number]
        choice = Choice(
            taken(earlier, outputs[at]),
            partial(judge_translation, source=texts[at], title=title, summary=translated.summary),
            field=earlier.field,
            index=earlier.index,
        )
        choice.offer([Answer(answer.text.strip(), answer.finished, "second")])
        outputs[at], repaired[number] = choice.best.text, choice.record_after(earlier)
    return replace(
        translated,
        title_translation=outputs[0],
        sentences=tuple(Sentence(*pair) for pair in zip(split, outputs[1:], strict=True)),
        calls=(*translated.calls, *_calls("repair", answers, round_=0, repair=True)),
        flags=(*translated.flags, *dict.fromkeys(too_long)),
        repaired=tuple(repaired),
    )


def second_characters(translated: Translated) -> int:
    """Return how many characters a second checkpoint is asked for, at most."""
    wrong = [at for _, at in _with_errors(translated)]
    texts = _sources(translated) if wrong else []
    return sum(len(texts[at]) for at in wrong)


def _sources(translated: Translated) -> list[str]:
    """Return the headline, which may be empty, and the sentences of the summary, as a translator gets them."""
    article = translated.article
    return [recased(article.title, article.text), *(sentence.summary for sentence in translated.sentences)]


def _with_errors(translated: Translated) -> Iterator[tuple[int, int]]:
    """Yield where the repaired translations that have an error are: the number in `repaired`, and in `_sources`."""
    for number, one in enumerate(translated.repaired):
        if one.field != "summary" and one.has_error:
            yield number, 0 if one.field == "title_translation" else one.index + 1


def _calls(stage: StageName, answers: Sequence[Generation], *, round_: int, repair: bool = False) -> list[Call]:
    return [
        Call(
            stage=stage,
            index=index,
            round=round_,
            source_tokens=answer.source_tokens,
            dropped_tokens=answer.dropped_tokens,
            output_tokens=answer.output_tokens,
            finished=answer.finished,
            score=answer.score,
            repair=repair,
        )
        for index, answer in enumerate(answers)
    ]


def _lead_flag(text: str, lead: Part, left_out: int) -> Flag:
    """Return the note on what the summarizer was not shown of an article: `left_out` tokens behind its lead."""
    shown = sum(not letter.isspace() for letter in lead.text)  # tone styles have equal lengths, white space differs
    places = [at for at, letter in enumerate(text) if not letter.isspace()]
    message = f"the summarizer got the first {lead.tokens} tokens of the article; {left_out} were left out"
    return Flag(check="lead", field="article", start=places[shown], end=len(text), message=message, severity="note")


def _not_asked_flag(field: str, length: int) -> Flag:
    message = "a sentence longer than the input of the second checkpoint was not given to it"
    return Flag(check="long_sentence", field=field, start=0, end=length, message=message, severity="note")


def _cut_flags(parts: Sequence[Part], what: str, *, field: str, length: int, start: int = 0) -> list[Flag]:
    return [
        Flag(
            check="long_sentence",
            field=field,
            start=start,
            end=start + length,
            message=f"{what} longer than the model's input was split at {'words' if cut == 'token' else 'clauses'}",
        )
        for cut in sorted({part.cut for part in parts} - {""})
    ]


def _source_style(summary: str, *, like: str) -> str:
    """Return `summary` in the tone style of `like`, so that a published summary has the style of its article."""
    press, new = press_tone(like) != like, new_tone(like) != like
    if press == new:  # both or none: the style of the source is unknown
        return summary
    return new_tone(summary) if press else press_tone(summary)
