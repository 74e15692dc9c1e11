"""Align each target token with a source token: hard alignments that guide the first steps of a training.

For translation IBM Model 1 (Brown et al. 1993) with a prior for the diagonal, exp(-5·|i/m - j/n|), as in fast_align
(Dyer et al. 2013): four rounds over 120,000 pairs take 14 seconds of one core, and an alignment is kept where its
posterior is at least 0.35. For summaries a token is aligned with its copy in the source: the token after
the previous copy, else the start of the longest copy, if that has at least two tokens or there are at most two
candidates.
"""

from __future__ import annotations

import logging
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline.errors import ConfigError
from pipeline.ids import digest
from pipeline.progress import Progress
from pipeline.storage.atomic import replacing
from pipeline.train.batches import UNALIGNED
from pipeline.train.coding import Coder
from pipeline.train.config import Guidance, ModelTraining, TranslateTraining
from pipeline.train.data import Packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Alignment: TypeAlias = NDArray[np.uint16]

_log = logging.getLogger(__name__)

VERSION = 2
_CELLS = 4_000_000  # word pairs computed at a time: a few hundred megabytes
_LARGEST = 16_384  # of a vocabulary: the table of two of them is a gigabyte
_FEW = 2  # candidates among which a copied token is aligned without further evidence


def align(training: ModelTraining, packed: Packed, coder: Coder, *, progress: Progress) -> Alignment | None:
    """Return the source position of each target token, UNALIGNED where there is none; None without `guidance`.

    Computed once and kept in `data/alignment.npz`.
    """
    import numpy as np

    guidance = training.guidance
    if guidance is None:
        return None
    path = training.home / "data" / "alignment.npz"
    numbers = guidance.model_dump(include={"rounds", "diagonal", "least_posterior"})
    key = digest({"version": VERSION, "of": packed.key(), "task": type(training).__name__, "guidance": numbers})
    kept = _kept(path, key, tokens=len(packed.target))
    if kept is not None:
        return kept
    if isinstance(training, TranslateTraining):
        found = by_model_1(packed, coder.size, guidance, progress=progress)
    else:
        found = by_copying(packed, progress=progress)
    with replacing(path) as file:
        np.savez_compressed(file, alignment=found, key=np.frombuffer(key.encode(), np.uint8))
    _log.info(f"{training.name}: {np.mean(found != UNALIGNED):.0%} of the target tokens are aligned")
    return found


def by_model_1(packed: Packed, vocabulary: int, guidance: Guidance, *, progress: Progress) -> Alignment:
    """Return the alignment of sentence pairs; raises `ConfigError` for a vocabulary that is too large for the table."""
    import numpy as np

    if vocabulary > _LARGEST:
        raise ConfigError(
            f"guidance: the aligner's table is for vocabularies of at most {_LARGEST}, this has {vocabulary}; drop it"
        )
    chunks = _chunks(packed)
    progress.begin("align", (guidance.rounds + 1) * len(packed))
    table: NDArray[np.float32] | None = None
    for _ in range(guidance.rounds):
        counts = np.zeros(vocabulary * vocabulary, np.float32)
        for first, last in chunks:
            cells = _cells(packed, first, last, vocabulary, guidance.diagonal)
            np.add.at(counts, cells["key"], _posterior(cells, table))
            progress.advance(last - first)
        by_source = counts.reshape(vocabulary, vocabulary)  # a view
        by_source /= np.maximum(by_source.sum(1, keepdims=True), 1e-9)  # a source token's translations sum to one
        table = counts
    found = np.full(len(packed.target), UNALIGNED, np.uint16)
    for first, last in chunks:
        cells = _cells(packed, first, last, vocabulary, guidance.diagonal)
        posterior = _posterior(cells, table)
        best = np.maximum.reduceat(posterior, cells["start"])
        at_best = np.flatnonzero(posterior >= np.repeat(best, cells["size"]))
        token = np.searchsorted(cells["start"], at_best, side="right") - 1
        token, where = np.unique(token, return_index=True)  # the first, where several are the best
        position = at_best[where] - cells["start"][token]
        found[cells["token"][token]] = np.where(best[token] >= guidance.least_posterior, position, UNALIGNED)
        progress.advance(last - first)
    return found


def _chunks(packed: Packed) -> list[tuple[int, int]]:
    """Return ranges of examples with about as many word pairs each."""
    import numpy as np

    cells = (np.diff(packed.source_starts) - 1) * (np.diff(packed.target_starts) - 1)
    number = np.cumsum(cells) // _CELLS
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(packed)]
    return [(first, last) for first, last in pairwise(edges) if last > first]


def _cells(packed: Packed, first: int, last: int, vocabulary: int, diagonal: float) -> dict[str, NDArray[Any]]:
    """Return every pair of a target token and a source token of its example, without the end marks.

    `key`: source × vocabulary + target; `prior`; and of each target token `start` and `size` of its run of cells and
    `token`, its index in `packed.target`.
    """
    import numpy as np

    lefts = np.diff(packed.source_starts)[first:last] - 1
    rights = np.diff(packed.target_starts)[first:last] - 1
    example = np.repeat(np.arange(last - first), rights)
    column = np.arange(len(example)) - np.repeat(np.cumsum(rights) - rights, rights)
    token = packed.target_starts[first:last][example] + column
    size = lefts[example]
    has = size > 0
    example, column, token, size = example[has], column[has], token[has], size[has]
    start = np.cumsum(size) - size
    row = np.arange(size.sum()) - np.repeat(start, size)
    source = packed.source[np.repeat(packed.source_starts[first:last][example], size) + row].astype(np.int64)
    height = ((column + 0.5) / rights[example]).astype(np.float32)
    breadth = (row + 0.5).astype(np.float32) / np.repeat(size, size).astype(np.float32)
    return {
        "key": source * vocabulary + np.repeat(packed.target[token], size),
        "prior": np.exp(-diagonal * np.abs(breadth - np.repeat(height, size))),
        "start": start,
        "size": size,
        "token": token,
    }


def _posterior(cells: dict[str, NDArray[Any]], table: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the probability of each cell among those of its target token."""
    import numpy as np

    weight = cells["prior"] if table is None else cells["prior"] * table[cells["key"]]
    total = np.add.reduceat(weight, cells["start"])
    posterior: NDArray[np.float32] = weight / np.repeat(np.maximum(total, 1e-30), cells["size"])
    return posterior


def by_copying(packed: Packed, *, progress: Progress) -> Alignment:
    """Return for each target token the source position it is copied from, else UNALIGNED."""
    import numpy as np

    found = np.full(len(packed.target), UNALIGNED, np.uint16)
    progress.begin("align", len(packed))
    for example in range(len(packed)):
        source = packed.source[packed.source_starts[example] : packed.source_starts[example + 1] - 1].tolist()
        start, end = packed.target_starts[example], packed.target_starts[example + 1] - 1
        target = packed.target[start:end].tolist()
        found[start:end] = _copied(source, target)
        progress.advance(1)
    return found


def _copied(source: list[int], target: list[int]) -> list[int]:
    places: dict[int, list[int]] = {}
    for place, token in enumerate(source):
        places.setdefault(token, []).append(place)
    found: list[int] = []
    before = -2
    for at, token in enumerate(target):
        here = places.get(token, [])
        if before + 1 in here:
            before += 1
        elif here:
            longest, first = max((_run(source[place:], target[at:]), -place) for place in here)
            before = -first if longest > 1 or len(here) <= _FEW else -2
        else:
            before = -2
        found.append(before if before >= 0 else UNALIGNED)
    return found


def _run(left: list[int], right: list[int]) -> int:
    """Return the length of the common beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _kept(path: Path, key: str, *, tokens: int) -> Alignment | None:
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as held:
            if held["key"].tobytes().decode() == key and len(held["alignment"]) == tokens:
                kept: Alignment = held["alignment"]
                return kept
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        pass
    return None
