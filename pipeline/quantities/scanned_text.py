"""A text while the rules read it: what one rule reads is blanked, so that no later rule reads it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Final, TypeAlias

from pipeline.quantities.values import Kind, Quantity, Reading, Salience
from pipeline.text.normalize import small

DIGIT: Final = "0"  # among the words of a text: it has a figure
MOST_DIGITS: Final = 30  # longer digit runs are ignored

_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile("[0-9]")
_MARKS = "/:"

Reader: TypeAlias = "Callable[[ScannedText, re.Match[str]], Iterable[Quantity] | None]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One way to write a value: its pattern, and what reads a match of it.

    The pattern is searched in a text in lower case (`ScannedText.unread`). `read` returns None where a match is not
    this form after all; without `read` a match is passed over. `needs`: every match contains one of these
    words, so that most rules are not searched for in most texts. `examples`: texts, and all that is read in them, as
    `tests/quantities` writes it; at least one of them is read differently without the rule.
    """

    name: str
    pattern: re.Pattern[str]
    read: Reader | None
    needs: frozenset[str]
    examples: Mapping[str, str]


@dataclass
class ScannedText:
    """A text, the quantities read so far, and the part that is still unread."""

    text: str
    lowercased: str = field(init=False)  # in lower case, as long as the text
    unread: str = field(init=False)  # `lowercased` with what was read blanked
    found: list[Quantity] = field(default_factory=list)
    scales: dict[int, int] = field(default_factory=dict)  # the multiplier of a scale word, by the start of its number
    decimal_comma: bool = False  # the text is known to use a decimal comma

    def __post_init__(self) -> None:
        self.lowercased = self.unread = small(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the text, its slashes and colons, and `DIGIT` where it has a figure."""
        found = set(_WORD.findall(self.lowercased))
        found.update(mark for mark in _MARKS if mark in self.lowercased)
        if _DIGIT.search(self.lowercased):
            found.add(DIGIT)
        return frozenset(found)

    def read(self, rule: Rule) -> None:
        """Read all that has the form of this rule."""
        if rule.needs.isdisjoint(self.words):
            return
        pieces: list[str] = []
        at = 0
        match = rule.pattern.search(self.unread)
        while match is not None:
            end = match.end()
            found = rule.read(self, match) if rule.read else ()
            if found is not None:
                kept = len(self.found)
                self.found.extend(found)
                # a unit or sign after the figure belongs to it: the 2 of 70 m2 is not a separate figure
                end = max(end, *(quantity.end for quantity in self.found[kept:]), 0)
                pieces += self.unread[at : match.start()], "\0" * (end - match.start())
                at = end
            match = rule.pattern.search(self.unread, end)
        if at:
            self.unread = "".join(pieces) + self.unread[at:]

    @cached_property
    def month_ends(self) -> frozenset[int]:
        """The ends of the months found; cached, so access it only after the explicit month rules have run."""
        return frozenset(quantity.end for quantity in self.found if quantity.kind in ("month", "lunar"))

    def before(self, at: int, most: int = 14) -> str:
        """Return up to `most` characters before index `at`, in lower case."""
        return self.lowercased[max(0, at - most) : at]

    def quantity(
        self,
        span: tuple[int, int],
        value: Fraction | int,
        kind: Kind,
        *,
        unit: str = "",
        alternatives: tuple[Reading, ...] = (),
        salience: Salience = "figure",
    ) -> Quantity:
        """Return a quantity of the text at `span`."""
        start, end = span
        text = self.text[start:end]
        return Quantity(
            Fraction(value), kind, start, end, text, unit=unit, alternatives=alternatives, salience=salience
        )
