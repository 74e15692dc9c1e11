"""How fast this machine multiplies matrices, and how much multiplying a checkpoint's work is.

The limit is what torch's own matrix product reaches on the checkpoint's shapes, with as many threads: int8 by
`torch._int_mm` (oneDNN), bfloat16 and float32 by `@`. Two heights: a batch of an encoder, and the fewer rows of a step
of a decoder, where reading the weights counts rather than multiplying.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENCODER_ROWS = 2048
_SECONDS = 0.3  # each product is repeated for so long, three times
ARITHMETICS = ("int8", "bfloat16", "float32")


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a checkpoint's `config.json` decides how much there is to multiply."""

    width: int
    inner: int  # heads × their width
    feed_forward: int
    matrices: int  # of a feed-forward block: 3 where it is gated
    encoder_layers: int
    decoder_layers: int
    vocabulary: int

    @classmethod
    def of(cls, folder: Path) -> Shape:
        raw: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        width = raw["d_model"]
        if raw["model_type"] in {"t5", "mt5"}:
            inner = raw["num_heads"] * raw["d_kv"]
            gated = str(raw.get("feed_forward_proj", "relu")).startswith("gated")
            layers = raw["num_layers"], raw["num_decoder_layers"]
            return cls(width, inner, raw["d_ff"], 2 + gated, *layers, raw["vocab_size"])
        layers = raw["encoder_layers"], raw["decoder_layers"]
        return cls(width, width, raw["encoder_ffn_dim"], 2, *layers, raw["vocab_size"])

    def encoding(self, lengths: Sequence[int]) -> float:
        """Return the operations (two a multiply-add) to encode sources of these lengths, unpadded."""
        block = 4 * self.width * self.inner + self.matrices * self.width * self.feed_forward
        # each decoder layer's keys and values of the source are computed once
        crossing = 2 * self.width * self.inner * self.decoder_layers
        tokens = sum(lengths)
        pairs = sum(length * length for length in lengths)
        return 2.0 * (tokens * (self.encoder_layers * block + crossing) + self.encoder_layers * 2 * pairs * self.inner)

    def decoding(self, lengths: Sequence[int], outputs: Sequence[int], *, beams: int) -> float:
        """Return the operations to write answers of so many tokens each, the end mark counted."""
        block = 6 * self.width * self.inner + self.matrices * self.width * self.feed_forward
        step = self.decoder_layers * block + self.width * self.vocabulary
        steps = [count + 1 for count in outputs]
        looks = sum(count * (length + count / 2) for length, count in zip(lengths, steps, strict=True))
        return 2.0 * beams * (sum(steps) * step + self.decoder_layers * 2 * looks * self.inner)


def limits(shape: Shape, *, step_rows: int, threads: int) -> dict[str, dict[int, float]]:
    """Return operations a second for each arithmetic and height, on the feed-forward product of `shape`."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found: dict[str, dict[int, float]] = {name: {} for name in ARITHMETICS}
    for rows in (ENCODER_ROWS, step_rows):
        operations = 2.0 * rows * shape.width * shape.feed_forward
        for name in ARITHMETICS:
            found[name][rows] = operations / _seconds(_product(name, rows, shape))
    torch.set_num_threads(before)
    return found


def _product(arithmetic: str, rows: int, shape: Shape) -> Callable[[], object]:
    import torch

    if arithmetic == "int8":
        left = torch.randint(-127, 127, (rows, shape.width), dtype=torch.int8)
        right = torch.randint(-127, 127, (shape.feed_forward, shape.width), dtype=torch.int8).t()
        return lambda: torch._int_mm(left, right)
    dtype = getattr(torch, arithmetic)
    one, two = torch.randn(rows, shape.width).to(dtype), torch.randn(shape.feed_forward, shape.width).to(dtype).t()
    return lambda: one @ two


def _seconds(product: Callable[[], object]) -> float:
    """Return the seconds of one product, in the best of three turns."""
    best = float("inf")
    for _ in range(3):
        done, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < _SECONDS or done < 2:
            product()
            done += 1
        best = min(best, spent / done)
    return best
