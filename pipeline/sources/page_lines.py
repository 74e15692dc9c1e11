"""Keep the lines of a pasted page: unwrapped, and with what has been removed from them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.sources.line_classifier import Kind

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_WRAPPED_LINES = 3
_WRAP_WIDTH = 40


@dataclass(slots=True)
class PageLines:
    """The page while its lines are being classified."""

    lines: list[str]
    gaps: list[bool]  # whether an empty line precedes each line
    taken: dict[int, list[tuple[Kind, str]]] = field(default_factory=dict)
    title: int | None = None
    published: str = ""
    bylines: list[str] = field(default_factory=list)

    def take(self, index: int, kind: Kind) -> None:
        """Remove the whole line as `kind`."""
        self.taken[index] = [*self.taken.get(index, ()), (kind, self.lines[index])]
        self.lines[index] = ""

    def cut(self, index: int, rest: str, part: str, kind: Kind) -> None:
        """Remove `part` of the line as `kind` and keep `rest`."""
        self.taken[index] = [*self.taken.get(index, ()), (kind, part)]
        self.lines[index] = rest

    def left(self) -> list[int]:
        """Return the indices of the lines that are left, without the title."""
        return [index for index, line in enumerate(self.lines) if line and index != self.title]


def unwrapped(text: str) -> tuple[list[str], list[bool]]:
    """Return the lines of `text` without the empty ones, and whether an empty one preceded each.

    A block was wrapped by a program where at every line break the next word would not have fitted: its lines are
    joined to one paragraph.
    """
    blocks: list[list[str]] = [[]]
    for raw in text.splitlines():
        line = raw.translate(_INVISIBLE).replace("\u00a0", " ").strip()
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    width = max((len(line) for block in blocks if _is_wrapped(block) for line in block), default=0)
    lines: list[str] = []
    gaps: list[bool] = []
    for block in blocks:
        wrapped = len(block) > 1 and width and _breaks_at(block, width)
        joined = [" ".join(block)] if wrapped else block
        lines.extend(joined)
        gaps.extend(at == 0 and bool(gaps) for at in range(len(joined)))
    return lines, gaps


def _is_wrapped(block: Sequence[str]) -> bool:
    width = max(map(len, block), default=0)
    running_on = sum(line[0].islower() for line in block[1:])
    return (
        len(block) >= _WRAPPED_LINES
        and width >= _WRAP_WIDTH
        and 2 * running_on >= len(block) - 1
        and _breaks_at(block, width)
    )


def _breaks_at(block: Sequence[str], width: int) -> bool:
    """Return whether each line of `block` ends where the next one's first word would have passed `width`."""
    return max(map(len, block)) <= width and all(
        len(line) + 1 + len(after.split()[0]) > width for line, after in pairwise(block)
    )
