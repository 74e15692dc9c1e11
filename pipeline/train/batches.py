"""Compose the batch of every step before the training, from the seed alone: a resumed training sees the same batches.

Batch shapes are taken from a grid of lengths: on a CPU, shapes that change from step to step cost a third of the speed
(buffers and kernels are allocated again), on a GPU they defeat the caching allocator. An epoch's examples are shuffled,
distributed over the cells of the grid and cut into batches of as many rows as `batch_tokens` allows. Examples that do
not fill a batch move to the next larger cell, so none is left out. Step N is item N: the Trainer gets a sequential
sampler and one item a step. The Trainer takes the labels out of a batch when it has a custom loss, so the batch holds
`decoder_input_ids`.

The curriculum begins with short sentences: on whole sentences a small model from scratch stays a language model for
thousands of steps; on short ones it learns to attend to the source (about 450 steps of at most 16 tokens, 1,000 of 44,
then all). A summarizer is shown the lead of the articles first, for the same reason. The alignment that guides the
first steps is a part of the batch, because accelerate fetches a batch ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline.errors import ConfigError
from pipeline.train.coding import Coder
from pipeline.train.config import ModelTraining
from pipeline.train.data import Dev, Packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places: TypeAlias = NDArray[np.int64]
    Arrays: TypeAlias = dict[str, NDArray[Any]]

IGNORED = -100  # the label that a loss ignores: torch's own
UNALIGNED = 65535
_TARGET_COST = 1.6  # times a source token: a target token is also scored over the vocabulary
_GROWTH = 1.4  # from one length of the grid to the next: 15 % of a batch is padding on average
_SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples of a batch, and its shape."""

    rows: int
    source: int
    target: int
    examples: Places


def grid(longest: int) -> list[int]:
    """Return the lengths of the grid, multiples of four but the last, which is `longest`."""
    lengths: list[int] = []
    length = float(_SHORTEST)
    while length < longest:
        lengths.append(4 * round(length / 4))
        length = max(length * _GROWTH, lengths[-1] + 4)
    return [*(one for one in lengths if one < longest), longest]


def plan(training: ModelTraining, packed: Packed, *, repeats: tuple[int, ...]) -> list[Batch]:
    """Return the batch of each step of the schedule.

    The first M batches are the same for every number of steps from M on. Raises `ConfigError` for a stage of the
    curriculum that no example fits.
    """
    import numpy as np

    rng = np.random.default_rng(training.seed)
    every = np.repeat(np.arange(len(packed)), np.array(repeats)[packed.group])
    sizes = np.maximum(np.diff(packed.source_starts), np.diff(packed.target_starts))
    leads = {stage.lead for stage in training.curriculum if stage.lead is not None}
    longest = training.lengths.source
    cells = (sorted({*grid(longest), *(lead for lead in leads if lead < longest)}), grid(training.lengths.target))
    batches: list[Batch] = []
    for stage in training.curriculum:
        examples = every if stage.longest is None else every[sizes[every] <= stage.longest]
        if not len(examples):
            raise ConfigError(f"curriculum: no example has both sides of at most {stage.longest} tokens")
        while len(batches) < stage.until:
            shuffled = rng.permutation(examples)
            batches += _epoch(training, packed, shuffled, rng, cells, lead=stage.lead or longest)
        batches = batches[: stage.until]
    while len(batches) < training.schedule.steps:
        batches += _epoch(training, packed, rng.permutation(every), rng, cells, lead=longest)
    return batches[: training.schedule.steps]


def _epoch(
    training: ModelTraining,
    packed: Packed,
    examples: Places,
    rng: np.random.Generator,
    grids: tuple[list[int], list[int]],
    *,
    lead: int,
) -> list[Batch]:
    """Return the batches of one epoch over `examples`, in random order; sources count as at most `lead` tokens."""
    import numpy as np

    sources, targets = grids
    at_source = np.searchsorted(sources, np.minimum(np.diff(packed.source_starts)[examples], lead))
    at_target = np.searchsorted(targets, np.diff(packed.target_starts)[examples])
    cell = at_source * len(targets) + at_target
    order = np.argsort(cell, kind="stable")
    cells = np.split(examples[order], np.searchsorted(cell[order], np.arange(1, len(sources) * len(targets))))
    batches: list[Batch] = []
    for number in range(len(cells)):
        row, column = divmod(number, len(targets))
        source, target = sources[row], targets[column]
        rows = max(1, int(training.batch_tokens // (source + _TARGET_COST * target)))
        held = cells[number]
        full = len(held) // rows * rows
        batches += [Batch(rows, min(source, lead), target, held[at : at + rows]) for at in range(0, full, rows)]
        left = held[full:]
        if len(left) and number + 1 < len(cells):
            above = number + 1 if column + 1 < len(targets) else number + len(targets)
            cells[above] = np.concatenate([cells[above], left])
        elif len(left):
            batches.append(Batch(rows, min(source, lead), target, left))
    return [batches[at] for at in rng.permutation(len(batches))]


@dataclass(frozen=True, slots=True)
class TrainingBatches:
    """The steps' batches as a dataset; item N is the whole batch of step N."""

    packed: Packed
    coder: Coder
    batches: list[Batch]
    alignment: NDArray[np.uint16] | None = None  # of each target token, its source position in its example
    guided: int = 0  # the number of batches, from the first, that hold it

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.batches)

    def __getitem__(self, step: int) -> Arrays:
        """Return the batch of a step: input_ids, attention_mask, decoder_input_ids, labels; alignment where guided."""
        import numpy as np

        batch = self.batches[step]
        made = _arrays(self.packed, self.coder, batch)
        if self.alignment is not None and step < self.guided:
            starts, width = self.packed.target_starts, batch.target
            aligned = np.full((batch.rows, width), UNALIGNED, np.int64)
            aligned[: len(batch.examples)] = _rows(self.alignment, starts, batch.examples, width, UNALIGNED)
            # positions that were cut off, and the position of the end mark now
            aligned[aligned >= batch.source - 1] = UNALIGNED
            made["alignment"] = aligned
        return made


class DevBatches:
    """The first `examples` of the dev set (None: all) as a dataset of whole batches of similar lengths."""

    def __init__(self, dev: Dev, coder: Coder, *, examples: int | None, batch_tokens: int) -> None:
        """Group the examples into batches; `order` is the example of each row, in sequence."""
        import numpy as np

        packed = dev.packed
        chosen = np.arange(len(packed))[:examples]
        lefts, rights = np.diff(packed.source_starts), np.diff(packed.target_starts)
        sorted_ = chosen[np.lexsort((rights[chosen], lefts[chosen]))]
        self._packed, self._coder = packed, coder
        self._batches: list[Batch] = []
        held: list[int] = []
        for example in sorted_.tolist():
            longest = [max(int(sizes[one]) for one in (*held, example)) for sizes in (lefts, rights)]
            if held and (len(held) + 1) * (longest[0] + _TARGET_COST * longest[1]) > batch_tokens:
                self._end(held, lefts, rights)
                held = []
            held.append(example)
        self._end(held, lefts, rights)
        self.order: list[int] = [one for batch in self._batches for one in batch.examples.tolist()]
        self.references = [dev.references[one] for one in self.order]

    def _end(self, held: list[int], lefts: Places, rights: Places) -> None:
        import numpy as np

        examples = np.array(held)
        self._batches.append(Batch(len(held), int(lefts[examples].max()), int(rights[examples].max()), examples))

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __getitem__(self, number: int) -> Arrays:
        """Return a whole batch."""
        return _arrays(self._packed, self._coder, self._batches[number])


def collate(items: list[Arrays]) -> dict[str, Any]:
    """Return the one item of a "batch of one", which is a whole batch, as tensors."""
    import torch

    (batch,) = items
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def _arrays(packed: Packed, coder: Coder, batch: Batch) -> Arrays:
    """Return a batch as the model takes it; rows beyond the examples hold an end mark and no label."""
    import numpy as np

    used = len(batch.examples)
    source = np.full((batch.rows, batch.source), coder.pad, np.int64)
    mask = np.zeros((batch.rows, batch.source), np.int64)
    labels = np.full((batch.rows, batch.target), IGNORED, np.int64)
    source[used:, 0] = coder.eos  # attention over an empty source gives NaN
    mask[used:, 0] = 1
    source[:used] = _rows(packed.source, packed.source_starts, batch.examples, batch.source, coder.pad)
    sizes = np.diff(packed.source_starts)[batch.examples]
    source[:used, -1][sizes > batch.source] = coder.eos  # a cut source ends with the end mark too
    mask[:used] = np.arange(batch.source) < sizes[:, None]
    labels[:used] = _rows(packed.target, packed.target_starts, batch.examples, batch.target, IGNORED)
    shifted = np.full_like(labels, coder.pad)
    shifted[:, 0] = coder.start
    shifted[:, 1:] = np.where(labels[:, :-1] == IGNORED, coder.pad, labels[:, :-1])
    return {"input_ids": source, "attention_mask": mask, "decoder_input_ids": shifted, "labels": labels}


def _rows(flat: NDArray[Any], starts: Places, examples: Places, width: int, fill: int) -> Places:
    """Return the ids of the examples as rows, filled up to `width`."""
    import numpy as np

    columns = np.arange(width)
    inside = columns < (starts[examples + 1] - starts[examples])[:, None]
    out = np.full((len(examples), width), fill, np.int64)
    out[inside] = flat[(starts[examples][:, None] + columns)[inside]]
    return out
