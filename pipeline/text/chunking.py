"""Split a text into parts that fit a checkpoint: whole sentences, parts of about equal length, nothing lost.

Of the checkpoint it needs only a token counter and a budget. Used by the stages and by the training of summarizers,
which must see the same input as in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline.text.english_sentences import english_sentences
from pipeline.text.normalize import new_tone, press_tone
from pipeline.text.sentences import clauses, sentences

_NEARLY = 0.9  # share of the budget up to which a join is not counted
TITLE_MARK = " | "  # between the headline and the text, for a checkpoint that reads both


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text that fits the model, its length in tokens, and how it was cut."""

    text: str
    tokens: int
    cut: str = ""  # "", or "clause" or "token" if a sentence longer than the budget was cut there


@dataclass(frozen=True, slots=True)
class Chunker:
    """Splits texts for one checkpoint. Lengths are in tokens of its tokenizer."""

    count: Callable[[str], int]
    budget: int  # longest text, without prefix and special tokens
    tone_style: str = "any"
    with_title: bool = False  # each part begins with the headline
    lead_only: bool = False  # a summarizer that reads the beginning of an article, not its parts in rounds
    truncate: bool = False  # with `lead_only`: the engine cuts the text at a token, as it does whatever is too long
    # only for a summarizer without a model: chooses sentences, given the text, the headline and the reference summary
    select: Callable[..., list[str]] | None = None
    split_sentences: Callable[[str], list[str]] = sentences  # of a text in the language of the checkpoint's input

    def in_english(self) -> Chunker:
        """Return the chunker for English texts."""
        select = None if self.select is None else partial(self.select, split=english_sentences)
        return replace(self, split_sentences=english_sentences, select=select)

    def with_heading(self, title: str) -> tuple[str, Chunker]:
        """Return the heading of each part, which is the headline or "", and the chunker for the rest of the budget.

        A headline that needs more than half of the budget is left out (`takes_title`).
        """
        if not self.takes_title(title):
            return "", self
        heading = " ".join(self.normalize_tone(title).split()) + TITLE_MARK
        # one more token: after the mark, the text may begin with another token
        return heading, replace(self, budget=self.budget - self.count(heading) - 1)

    def takes_title(self, title: str) -> bool:
        """Return whether the parts begin with this headline."""
        return self.with_title and bool(title.strip()) and 2 * self.count(title) <= self.budget

    def normalize_tone(self, text: str) -> str:
        """Return `text` in the tone style of the checkpoint's training data."""
        match self.tone_style:
            case "press":
                return press_tone(text)
            case "new":
                return new_tone(text)
            case _:
                return text

    def split(self, text: str) -> list[Part]:
        """Return `text` as the fewest parts of whole sentences that fit the budget, of about equal length, in order."""
        pieces = self._whole_or_pieces(text)
        if len(pieces) == 1:
            return pieces
        # Joining sentences hardly changes their number of tokens, and counting each join is the largest cost here.
        parts = self._in_shares(pieces, counted_from=_NEARLY * self.budget)
        if all(part.tokens <= self.budget for part in parts):
            return parts
        return self._in_shares(pieces, counted_from=0)

    def lead(self, text: str) -> tuple[Part, int]:
        """Return as many whole sentences of the start of `text` as fit the budget, and the tokens of the rest.

        A first sentence longer than the budget is cut as in `split`. With `truncate`, return all of the text: the
        engine cuts it, and counts what it cuts.
        """
        if self.truncate:
            return self._part(" ".join(self.normalize_tone(text).split()), ""), 0
        pieces = self._whole_or_pieces(text)
        taken = self._leading(pieces, counted_from=_NEARLY * self.budget)
        if self._joined(pieces[:taken]).tokens > self.budget:
            taken = self._leading(pieces, counted_from=0)
        return self._joined(pieces[:taken]), sum(piece.tokens for piece in pieces[taken:])

    def _whole_or_pieces(self, text: str) -> list[Part]:
        """Return `text` as one piece where it fits the budget, else its sentences, each cut where it does not fit."""
        turned = self.normalize_tone(text)
        whole = self._part(" ".join(turned.split()), "")
        if whole.tokens <= self.budget:
            return [whole]
        return [piece for sentence in self.split_sentences(turned) for piece in self._pieces(sentence)]

    def _leading(self, pieces: Sequence[Part], *, counted_from: float) -> int:
        """Return how many of the first pieces fit the budget, at least one; joins below `counted_from` tokens do."""
        used = pieces[0].tokens
        for taken, piece in enumerate(pieces[1:], 1):
            used += piece.tokens
            if not self._takes(pieces[: taken + 1], used, counted_from):
                return taken
        return len(pieces)

    def _in_shares(self, pieces: Sequence[Part], *, counted_from: float) -> list[Part]:
        """Join neighbors into parts of about equal length; joins below `counted_from` tokens are assumed to fit."""
        total = sum(piece.tokens for piece in pieces)
        share = total / -(-total // self.budget)
        packed: list[Part] = []
        held: list[Part] = []
        used = done = 0
        for piece in pieces:
            past_share = done + used + piece.tokens / 2 > share * (len(packed) + 1)
            if held and (past_share or not self._takes([*held, piece], used + piece.tokens, counted_from)):
                packed.append(self._joined(held))
                done += used
                held, used = [], 0
            held.append(piece)
            used += piece.tokens
        return [*packed, self._joined(held)]

    def _takes(self, held: Sequence[Part], tokens: int, counted_from: float) -> bool:
        return tokens < counted_from or self._joined(held).tokens <= self.budget

    def _joined(self, parts: Sequence[Part]) -> Part:
        if len(parts) == 1:
            return parts[0]
        worst = max(part.cut for part in parts)  # "" < "clause" < "token"
        return self._part(" ".join(part.text for part in parts), worst)

    def _part(self, text: str, cut: str) -> Part:
        return Part(text, self.count(text), cut)

    def pieces(self, sentence: str) -> list[Part]:
        """Return a sentence as pieces that fit the budget: itself, joined clauses, or cut between words."""
        return self._pieces(self.normalize_tone(sentence))

    def _pieces(self, turned: str) -> list[Part]:
        whole = self._part(turned, "")
        if whole.tokens <= self.budget:
            return [whole]
        fitting: list[Part] = []
        for clause in clauses(turned):
            part = self._part(clause, "clause")
            if part.tokens <= self.budget:
                fitting.append(part)
            else:
                fitting.extend(self._part(piece, "token") for piece in self._cut(clause))
        packed: list[Part] = []
        for part in fitting:
            joined = self._joined([*packed[-1:], part])
            if joined.tokens <= self.budget:
                packed[-1:] = [joined]
            else:
                packed.append(part)
        return packed

    def _cut(self, text: str) -> list[str]:
        """Return `text` cut into pieces that fit, between words if possible, without loss."""
        cut: list[str] = []
        while text:
            # The longest prefix that fits, by bisection: token counts grow with the text.
            # A token rarely has more than 16 characters, so a prefix longer than twice that is not tried.
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
