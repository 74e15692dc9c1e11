"""Cutting a text to what a checkpoint takes: whole sentences in parts of about equal length, and nothing lost.

Pure: what it knows of the checkpoint is a token counter and a budget. Used by the stages, and by the training of
summarizers, which must see what they will be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.sentences import clauses, sentences
from pipeline.text import new_tone, press_tone

TITLE_MARK = " | "  # between the headline and the text, for a checkpoint that reads both


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
    with_title: bool = False  # the checkpoint reads the headline in front of each part

    def headed(self, title: str) -> tuple[str, Fit]:
        """Return what stands in front of each part, the headline or "", and what fits beside it.

        A headline that would take more than half of the budget is left out: compare with `takes_title`.
        """
        if not self.takes_title(title):
            return "", self
        heading = " ".join(self.turn(title).split()) + TITLE_MARK
        # one token more: the first of the text may be cut otherwise behind the mark
        return heading, replace(self, budget=self.budget - self.count(heading) - 1)

    def takes_title(self, title: str) -> bool:
        """Return whether the checkpoint is shown this headline."""
        return self.with_title and bool(title.strip()) and 2 * self.count(title) <= self.budget

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
