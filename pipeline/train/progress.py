"""How a training tells what it does: the part of `pipeline.progress` it needs, which lies a floor above."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what goes on; `pipeline.progress.Bar` and `.Lines` are such."""

    def begin(self, stage: str, total: int | None) -> None:
        """Start a part of the work; `total` is None where nobody knows yet."""
        ...

    def advance(self, count: int) -> None:
        """So many more are done."""
        ...

    def notice(self, message: str) -> None:
        """Say something a person should know."""
        ...
