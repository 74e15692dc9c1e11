"""Pack the examples into arrays of ids: they are read and encoded once, small to copy, and quick to make batches of.

Each configured source becomes one file `data/train-NN.npz` (uint16 where the vocabulary allows), written whole or not
at all: after a kill, packing continues with the next source. A file records what it was made of, without folders: a
machine that has the packed files but not the sources uses them as they are; where the sources are there and have
changed, they are packed again. The dev set is packed first, and its examples are left out of the training.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pipeline import extractive
from pipeline.errors import ConfigError
from pipeline.ids import digest, text_digest
from pipeline.progress import Progress
from pipeline.storage.atomic import replacing
from pipeline.text.chunking import Chunker
from pipeline.train import reading, substitution
from pipeline.train.coding import Coder
from pipeline.train.config import Articles, ModelTraining, Pairs, SummarizeTraining, TranslateTraining, data_key
from pipeline.train.from_scratch import rounds
from pipeline.waiting import Stopping

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids: TypeAlias = "NDArray[np.uint16] | NDArray[np.uint32]"
    Starts: TypeAlias = NDArray[np.int64]

_log = logging.getLogger(__name__)

VERSION = 2  # of the files' shape and of what is done to a text: bumped when either changes
_CHUNK = 2000  # texts encoded at a time
_SLACK = 6  # tokens that are allowed beyond `lengths.ratio`: short sentences differ more
_MIB = 1024 * 1024

_TOO_LONG, _TOO_SHORT, _UNLIKE = "too long", "too short", "sides of too different a length"
_IN_DEV_SET = "also in the dev set"
_NO_SUMMARY = "without a summary (columns.reference_summary)"
_REMEDIES = {
    _TOO_LONG: "raise `lengths.source` and `lengths.target`, or set `lengths.cut_source: true`",
    _TOO_SHORT: "lower `lengths.least_source` and `lengths.least_target`",
    _UNLIKE: "raise `lengths.ratio`",
    _IN_DEV_SET: "separate them with `take` and `skip`",
    "short": "lower `exclude.under_syllables`",  # as the sources say it
    "not_vietnamese": "set `exclude: {not_vietnamese: false}`",
    _NO_SUMMARY: "say which column holds the summary: `columns: {reference_summary: NAME}`",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Packed:
    """Examples: the ids of each side concatenated, and the start of each example (one more start than examples)."""

    source: Ids
    source_starts: Starts
    target: Ids
    target_starts: Starts
    group: NDArray[np.uint16]  # the number of the config's source of each example
    facts: tuple[dict[str, Any], ...]  # of each source: what it was made of, and the counts

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.group)

    def key(self) -> str:
        """Return a digest of what the examples were made of."""
        return digest([[facts["key"], facts["files"]] for facts in self.facts])


@dataclass(frozen=True, slots=True)
class Dev:
    """The dev set: packed, and the references as text."""

    packed: Packed
    references: list[str]


def pack(
    training: TranslateTraining | SummarizeTraining,
    coder: Coder,
    *,
    progress: Progress,
    stopping: Stopping = lambda: None,
) -> tuple[Packed, Dev]:
    """Return the packed training examples and the dev set, from the files that are there or from the sources.

    Raises `SourceError` where a source is missing and nothing is packed of it, `ConfigError` where nothing is left,
    `StoppedError` where `stopping` gives a reason: what is packed whole is kept.
    """
    folder = training.home / "data"
    folder.mkdir(parents=True, exist_ok=True)
    part = partial(_part, training, coder, progress=progress, stopping=stopping)
    dev_parts = [part(number, dev=None) for number in range(len(training.dev))]
    references = [text for part in dev_parts for text in json.loads(part.texts)]
    _require_examples([part.packed for part in dev_parts], "dev", training.dev)
    dev = Dev(_joined([part.packed for part in dev_parts]), references)
    known = _DevSet(dev.packed.key(), frozenset(text for part in dev_parts for text in part.packed.facts[0]["sources"]))
    parts = [part(number, dev=known).packed for number in range(len(training.data))]
    _require_examples(parts, "data", training.data)
    size = sum(path.stat().st_size for path in folder.glob("*.npz"))
    _log.info(f"{training.name}: {sum(map(len, parts))} examples packed, {size / _MIB:.1f} MiB in {folder}")
    return _joined(parts), dev


@dataclass(frozen=True, slots=True)
class _DevSet:
    """What identifies the dev set and its texts, to leave them out of the training."""

    key: str
    sources: frozenset[str]  # digests of the source texts


@dataclass(frozen=True, slots=True)
class _Part:
    packed: Packed
    texts: str  # of a dev set: the references, JSON


def _require_examples(parts: list[Packed], field: str, sources: Sequence[Pairs | Articles]) -> None:
    """Raise `ConfigError` with the remedy where no example is left."""
    if sum(map(len, parts)):
        return
    names = ", ".join(source.path or getattr(source, "dataset", None) or "" for source in sources)
    left_out: Counter[str] = Counter()
    for part in parts:
        left_out.update(part.facts[0]["left_out"])
    read = sum(part.facts[0]["read"] for part in parts)
    why = "; ".join(f"{count} {reason}" for reason, count in left_out.most_common())
    remedy = _REMEDIES.get(max(left_out, key=left_out.__getitem__, default=""), "check the file")
    if not read:
        why, remedy = "there is no row", f"fill it, or lower `{field}.0.skip`"
    raise ConfigError(f"{field}: {names}: no example is left of {read} read: {why}; {remedy}")


def _part(
    training: TranslateTraining | SummarizeTraining,
    coder: Coder,
    number: int,
    *,
    progress: Progress,
    stopping: Stopping,
    dev: _DevSet | None,
) -> _Part:
    """Return one source packed; read from its file where that was made of the same data and settings."""
    source = training.dev[number] if dev is None else training.data[number]
    path = training.home / "data" / f"{'dev' if dev is None else 'train'}-{number:02}.npz"
    key = digest(
        {
            "version": VERSION,
            "source": data_key(source),
            "coder": coder.digest,
            "lengths": training.lengths.model_dump(),
            "tone": training.tone_style,
            "exclude": training.exclude.model_dump() if isinstance(source, Articles) else None,
            "dev": None if dev is None else dev.key,
            "shown": training.model_dump(include={"with_title", "rounds"}),
        }
    )
    files = reading.digests(source)
    there = _load(path, number)
    if there is not None:
        facts = there.packed.facts[0]
        if facts["key"] == key and (files is None or files == facts["files"]):
            if training.compress and not facts["compressed"]:
                _save(path, there, compress=True)
            return there
    name = Path(source.path or getattr(source, "dataset", None) or "").name
    tally = reading.ReadCounts()
    progress.begin(f"pack {name}", None)
    part = _encode(training, coder, source, tally=tally, progress=progress, stopping=stopping, dev=dev)
    reading.report(f"{'dev' if dev is None else 'data'}.{number} {name}", tally, len(part.packed))
    part.packed.facts[0].update(
        key=key, files=files, name=name, read=tally.read, used=len(part.packed), left_out=dict(tally.left_out)
    )
    _save(path, part, compress=training.compress)
    return part


def _encode(
    training: TranslateTraining | SummarizeTraining,
    coder: Coder,
    source: Pairs | Articles,
    *,
    tally: reading.ReadCounts,
    progress: Progress,
    stopping: Stopping,
    dev: _DevSet | None,
) -> _Part:
    """Read and encode one source."""
    import numpy as np

    kind = np.uint16 if coder.size <= np.iinfo(np.uint16).max + 1 else np.uint32
    lefts, rights = [np.zeros(0, kind)], [np.zeros(0, kind)]
    left_sizes: list[int] = []
    right_sizes: list[int] = []
    references: list[str] = []
    seen: list[str] = []
    cut = 0
    for chunk in _chunks(_examples(training, coder, source, tally, stopping=stopping, dev=dev is None)):
        ids = (coder.source([one.source for one in chunk]), coder.target([one.target for one in chunk]))
        kept: list[tuple[list[int], list[int]]] = []
        for one, left_ids, right_ids in zip(chunk, *ids, strict=True):
            fitted, reason = _fitted(left_ids, right_ids, training, coder, dev=dev is None)
            mark = text_digest(one.whole)[:16]
            if fitted is None:
                tally.drop(reason)
            elif dev is not None and mark in dev.sources:
                tally.drop(_IN_DEV_SET)
            else:
                cut += one.cut or len(fitted[0]) < len(left_ids)
                kept.append(fitted)
                if dev is None:
                    references.append(one.target)
                    seen.append(mark)
        lefts.append(np.array([one for left, _ in kept for one in left], kind))
        rights.append(np.array([one for _, right in kept for one in right], kind))
        left_sizes += [len(left) for left, _ in kept]
        right_sizes += [len(right) for _, right in kept]
        progress.advance(len(chunk))
    packed = Packed(
        np.concatenate(lefts),
        _starts(left_sizes),
        np.concatenate(rights),
        _starts(right_sizes),
        np.zeros(len(left_sizes), np.uint16),
        ({"cut": cut, "sources": seen},),
    )
    return _Part(packed, json.dumps(references, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class _Example:
    source: str
    target: str
    whole: str  # the sentence or article it is made of, which must not be in the dev set too
    cut: bool = False  # the source is the beginning of an article only


def _examples(
    training: TranslateTraining | SummarizeTraining,
    coder: Coder,
    source: Pairs | Articles,
    tally: reading.ReadCounts,
    *,
    stopping: Stopping,
    dev: bool,
) -> Iterator[_Example]:
    """Yield the examples of one source; of the dev set's articles always the start: scores are comparable."""
    if isinstance(source, Pairs):
        yield from _pairs(training, source, tally, stopping)
        return
    assert isinstance(training, SummarizeTraining)
    empty = len(coder.source([""])[0])
    chunker = Chunker(
        lambda text: len(coder.source([text])[0]) - empty,
        training.lengths.source - empty,
        with_title=training.with_title,
    )
    for title, text, summary in reading.read_articles(
        source,
        exclude=training.exclude,
        tone_style=training.tone_style,
        tally=tally,
        stopping=stopping,
    ):
        if source.targets == "reference" and not summary:
            tally.drop(_NO_SUMMARY)
        elif training.rounds is None or dev:
            heading, beside = chunker.with_heading(title)
            lead, left_out = text, 0
            if training.lengths.cut_source or dev:
                part, left_out = beside.lead(text)
                lead = part.text
            target = summary if source.targets == "reference" else " ".join(extractive.summarize(lead, title))
            yield _Example(heading + lead, target, text, cut=left_out > 0)
        elif source.targets == "extractive":
            yield from (
                _Example(*example, text) for example in rounds.extractive_examples(title, text, chunker=chunker)
            )
        else:
            for shown, wanted in rounds.examples(title, text, summary, chunker=chunker, rounds=training.rounds):
                yield _Example(shown, wanted, text)


def _pairs(training: ModelTraining, source: Pairs, tally: reading.ReadCounts, stopping: Stopping) -> Iterator[_Example]:
    """Yield the pairs, each followed by its variants with names from the same source."""
    names = substitution.Names()
    read = partial(reading.read_pairs, source, tone_style=training.tone_style, stopping=stopping)
    if source.variants:
        names = substitution.Names.gathered(read(tally=reading.ReadCounts()))
    for left, right in read(tally=tally):
        yield _Example(left, right, left)
        for number in range(source.variants):
            varied = substitution.variant(left, right, names, seed=f"{training.seed} {number} {left}")
            if varied is not None:
                yield _Example(*varied, left)


def _fitted(
    left: list[int], right: list[int], training: ModelTraining, coder: Coder, *, dev: bool
) -> tuple[tuple[list[int], list[int]] | None, str]:
    """Return an example as it is used, or None and the reason; of a dev set none is left out for its length."""
    lengths = training.lengths
    if dev or lengths.cut_source:
        left = left if len(left) <= lengths.source else [*left[: lengths.source - 1], coder.eos]
    if dev:
        return (left, right if len(right) <= lengths.target else [*right[: lengths.target - 1], coder.eos]), ""
    if len(left) > lengths.source or len(right) > lengths.target:
        return None, _TOO_LONG
    if len(left) < lengths.least_source or len(right) < lengths.least_target:
        return None, _TOO_SHORT
    if lengths.ratio is not None and not (
        len(left) <= lengths.ratio * len(right) + _SLACK and len(right) <= lengths.ratio * len(left) + _SLACK
    ):
        return None, _UNLIKE
    return (left, right), ""


def _chunks(items: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(items, _CHUNK)):
        yield chunk


def _starts(sizes: list[int]) -> Starts:
    import numpy as np

    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(sizes, np.int64))])


def _joined(parts: list[Packed]) -> Packed:
    """Return the parts as one, each its own group."""
    import numpy as np

    def starts(name: str) -> Starts:
        sizes = np.concatenate([np.diff(getattr(part, name)) for part in parts])
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])

    return Packed(
        np.concatenate([part.source for part in parts]),
        starts("source_starts"),
        np.concatenate([part.target for part in parts]),
        starts("target_starts"),
        np.concatenate([np.full(len(part), number, np.uint16) for number, part in enumerate(parts)]),
        tuple(part.facts[0] for part in parts),
    )


def _save(path: Path, part: _Part, *, compress: bool) -> None:
    """Write a part whole or not at all."""
    import numpy as np

    packed = part.packed
    packed.facts[0]["compressed"] = compress
    save = np.savez_compressed if compress else np.savez
    with replacing(path) as file:
        save(
            file,
            source=packed.source,
            source_sizes=np.diff(packed.source_starts).astype(np.uint16),
            target=packed.target,
            target_sizes=np.diff(packed.target_starts).astype(np.uint16),
            facts=_as_array(json.dumps(packed.facts[0], ensure_ascii=False)),
            texts=_as_array(part.texts),
        )


def _load(path: Path, number: int) -> _Part | None:
    """Return a part that was packed earlier, or None."""
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as held:
            facts = json.loads(held["facts"].tobytes())
            packed = Packed(
                held["source"],
                _starts(held["source_sizes"].tolist()),
                held["target"],
                _starts(held["target_sizes"].tolist()),
                np.full(len(held["source_sizes"]), number, np.uint16),
                (facts,),
            )
            return _Part(packed, held["texts"].tobytes().decode())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None  # missing, or of another version: packed again


def _as_array(text: str) -> NDArray[np.uint8]:
    import numpy as np

    return np.frombuffer(text.encode(), np.uint8)
