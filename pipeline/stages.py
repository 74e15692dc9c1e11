"""The stages: each is a generator over one record that yields texts and is sent back generations.

A stage is pure and short; it knows neither batches nor models nor files. What it may know of the checkpoint is a `Fit`.
`runner.sweep` drives thousands of them side by side and pools what they ask for into one stream for the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from pipeline.records import (
    Article,
    Call,
    Failure,
    Flag,
    Generation,
    Sentence,
    StageName,
    Summarized,
    Translated,
)
from pipeline.text import clauses, new_tone, press_tone, sentences

T = TypeVar("T")
Round: TypeAlias = Generator[list[str], list[Generation], T]

MAX_ROUNDS = 4
SHRINK = 0.75  # each round of a long article must leave at most this share of the tokens it was given


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text that fits the model, and how it had to be cut."""

    text: str
    cut: str = ""  # "", "clause" or "token": where one sentence was longer than the budget


@dataclass(frozen=True, slots=True)
class Fit:
    """What a stage may know of its checkpoint: how many tokens a text takes, and how many fit."""

    count: Callable[[str], int]
    budget: int  # tokens, less the prefix and the special tokens
    tone_style: str = "any"

    def turn(self, text: str) -> str:
        """Return `text` in the tone style the checkpoint was trained on."""
        match self.tone_style:
            case "press":
                return press_tone(text)
            case "new":
                return new_tone(text)
            case _:
                return text

    def split(self, text: str) -> list[Part]:
        """Return `text` in as few parts of whole sentences as fit the budget, of about equal length, in order."""
        turned = self.turn(text)
        whole = " ".join(turned.split())
        if self.count(whole) <= self.budget:
            return [Part(whole)]
        pieces = [piece for sentence in sentences(turned) for piece in self._fitting(sentence)]
        sizes = [self.count(piece.text) for piece in pieces]
        parts = -(-sum(sizes) // self.budget)
        share = sum(sizes) / parts
        packed: list[Part] = []
        held: list[Part] = []
        used = done = 0
        for piece, size in zip(pieces, sizes, strict=True):
            past_share = done + used + size / 2 > share * (len(packed) + 1)
            if held and (past_share or self.count(_joined([*held, piece]).text) > self.budget):
                packed.append(_joined(held))
                done += used
                held, used = [], 0
            held.append(piece)
            used += size
        return [*packed, _joined(held)]

    def pieces(self, sentence: str) -> list[Part]:
        """Return one sentence as it fits the budget: itself, or its clauses packed, or cut between words."""
        return _packed(self._fitting(self.turn(sentence)), count=self.count, budget=self.budget)

    def _fitting(self, sentence: str) -> list[Part]:
        if self.count(sentence) <= self.budget:
            return [Part(sentence)]
        fitting: list[Part] = []
        for clause in clauses(sentence):
            if self.count(clause) <= self.budget:
                fitting.append(Part(clause, "clause"))
            else:
                fitting.extend(Part(piece, "token") for piece in self._cut(clause))
        return _packed(fitting, count=self.count, budget=self.budget)

    def _cut(self, text: str) -> list[str]:
        """Return `text` cut wherever it must be, between words where there are any: nothing is lost."""
        cut: list[str] = []
        while text:
            # The longest prefix that fits, by bisection: token counts grow with the text.
            # A token is rarely over 16 characters: looking further than twice that would only cost time.
            low, high = 1, min(len(text), 32 * self.budget)
            while low < high:
                middle = (low + high + 1) // 2
                if self.count(text[:middle]) <= self.budget:
                    low = middle
                else:
                    high = middle - 1
            space = text.rfind(" ", 1, low + 1)
            end = space if low < len(text) and space > 0 else low
            cut.append(text[:end].strip())
            text = text[end:].strip()
        return cut


def summarize(article: Article, fit: Fit) -> Round[Summarized | Failure]:
    """Summarize the body; a long article in rounds: parts, then the summaries of the parts, until one is left."""
    parts = fit.split(article.text)
    calls: list[Call] = []
    flags = _cut_flags(parts, field="article", length=len(article.text))
    tokens = sum(fit.count(part.text) for part in parts)
    number = 0
    while True:
        answers = yield [part.text for part in parts]
        calls += _calls("summarize", answers, round_=number)
        if len(answers) == 1:
            summary = _source_style(answers[0].text, like=article.text)
            return Summarized(article, summary, tuple(calls), tuple(flags))
        parts = fit.split("\n".join(answer.text for answer in answers))
        left = sum(fit.count(part.text) for part in parts)
        number += 1
        if left > SHRINK * tokens or number > MAX_ROUNDS:
            return Failure(
                stage="summarize",
                kind="no_shrink",
                message=f"round {number} left {left} of {tokens} tokens in {len(parts)} parts, more than {SHRINK:.0%}: "
                "the summarizer does not shorten; lower `summarize.generation.max_new_tokens` or take another model",
                source=article.source,
                id=article.id,
                text_sha256=article.text_sha256,
            )
        tokens = left


def translate(summarized: Summarized, fit: Fit) -> Round[Translated]:
    """Translate the title, and the summary sentence by sentence: one output for each, put back in order."""
    article = summarized.article
    title = [article.title] if article.title else []
    split = sentences(summarized.summary)
    cut = [fit.pieces(text) for text in (*title, *split)]
    answers = yield [part.text for parts in cut for part in parts]
    flags = [
        flag
        for index, parts in enumerate(cut)
        for flag in _cut_flags(
            parts,
            field="title" if index < len(title) else "summary",
            length=len((*title, *split)[index]),
        )
    ]
    left = iter(answers)
    outputs = [" ".join(next(left).text for _ in parts).strip() for parts in cut]
    return Translated(
        article,
        summarized.summary,
        outputs[0] if title else "",
        tuple(Sentence(*pair) for pair in zip(split, outputs[len(title) :], strict=True)),
        (*summarized.calls, *_calls("translate", answers, round_=0)),
        (*summarized.flags, *flags),
    )


def _calls(stage: StageName, answers: Sequence[Generation], *, round_: int) -> list[Call]:
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
        )
        for index, answer in enumerate(answers)
    ]


def _cut_flags(parts: Sequence[Part], *, field: str, length: int) -> list[Flag]:
    return [
        Flag(
            check="long_sentence",
            field=field,
            start=0,
            end=length,
            message=f"a sentence longer than the model takes was split at {'words' if cut == 'token' else 'clauses'}",
        )
        for cut in sorted({part.cut for part in parts} - {""})
    ]


def _joined(parts: Sequence[Part]) -> Part:
    worst = max((part.cut for part in parts), default="")  # "" < "clause" < "token"
    return Part(" ".join(part.text for part in parts), worst)


def _packed(parts: Sequence[Part], *, count: Callable[[str], int], budget: int) -> list[Part]:
    """Return neighbours joined as long as they fit."""
    packed: list[Part] = []
    for part in parts:
        joined = _joined([packed[-1], part]) if packed else part
        if packed and count(joined.text) <= budget:
            packed[-1] = joined
        else:
            packed.append(part)
    return packed


def _source_style(summary: str, *, like: str) -> str:
    """Return `summary` in the tone style that `like` is written in: what is published keeps the source's."""
    press, new = press_tone(like) != like, new_tone(like) != like
    if press == new:  # both or none: the source does not tell
        return summary
    return new_tone(summary) if press else press_tone(summary)
