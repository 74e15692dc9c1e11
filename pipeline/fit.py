"""Cutting a text to what a checkpoint takes: whole sentences in parts of about equal length, and nothing lost.

Pure: what it knows of the checkpoint is a token counter and a budget. Used by the stages, and by the training of
summarizers, which must see what they will be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.sentences import clauses, sentences
from pipeline.text import new_tone, press_tone

_NEARLY = 0.9  # of the budget
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
        pieces: list[Part] = []
        sizes: list[int] = []
        for sentence in sentences(turned):
            size = self.count(sentence)
            fitting = [Part(sentence)] if size <= self.budget else self._fitting(sentence)
            pieces += fitting
            sizes += [size] if size <= self.budget else [self.count(piece.text) for piece in fitting]
        # Joined, sentences hardly take more tokens than one by one, and counting each join costs more than all else.
        parts = self._in_shares(pieces, sizes, counted_from=_NEARLY * self.budget)
        if all(self.count(part.text) <= self.budget for part in parts):
            return parts
        return self._in_shares(pieces, sizes, counted_from=0)

    def _in_shares(self, pieces: Sequence[Part], sizes: Sequence[int], *, counted_from: float) -> list[Part]:
        """Return neighbours joined into parts of about equal length; joins of fewer tokens are taken to fit."""
        share = sum(sizes) / -(-sum(sizes) // self.budget)
        packed: list[Part] = []
        held: list[Part] = []
        used = done = 0
        for piece, size in zip(pieces, sizes, strict=True):
            past_share = done + used + size / 2 > share * (len(packed) + 1)
            if held and (past_share or not self._takes([*held, piece], used + size, counted_from)):
                packed.append(_joined(held))
                done += used
                held, used = [], 0
            held.append(piece)
            used += size
        return [*packed, _joined(held)]

    def _takes(self, held: Sequence[Part], size: int, counted_from: float) -> bool:
        return size < counted_from or self.count(_joined(held).text) <= self.budget

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
