"""What people run instead, on the very texts that a run of ours asks: same weights, same search, tokenizing included.

Each peer is given the texts of both stages up front, prefix and all, and its models loaded before the clock runs; ours
is the whole `tomdich run` in a process of its own, from the feed to the published version, Python's start, loading and
all, with an empty memo. What is unequal here is in the peers' favour.
"""

# ruff: noqa: T201 - a measurement prints

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.checkpoints import Checkpoint
from pipeline.engines.with_transformers import _generation_config
from pipeline.records import StageName
from tests.benchmarks.workload import NAMES, ROOT, Asked, Workload

ROWS = 16  # of the example scripts' batches
GRID_TOKENS = (512, 1024, 2048, 4096, 8192)
TRIED_ON, TUNED_ON = 0.05, 0.2  # of the texts: every setting, and the fastest ones again


@dataclass(slots=True)
class Peer:
    """Something that answers all the texts, its seconds in each round, and its last answers."""

    name: str
    run: Callable[[], dict[StageName, list[str]]]
    every: int = 1  # of so many texts, in order, it answers one; its seconds count so many times
    seconds: list[float] = field(default_factory=list)
    answers: dict[StageName, list[str]] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The seconds for all the texts."""
        return self.every * statistics.median(self.seconds)


def measure(peers: Sequence[Peer], *, rounds: int) -> None:
    """Run every peer in turn, `rounds` times over, each round beginning with another one."""
    for number in range(rounds):
        at = number % len(peers)
        for peer in (*peers[at:], *peers[:at]):
            started = time.perf_counter()
            peer.answers = peer.run()
            peer.seconds.append(time.perf_counter() - started)
            print(f"  round {number + 1}: {peer.name}: {peer.seconds[-1]:.1f} s", file=sys.stderr, flush=True)


def everyone(workload: Workload, asked: dict[StageName, Asked], *, every: int) -> list[Peer]:
    """Return ours, and the peers (a) to (d) with their models loaded; (d) is tuned, the slow ones answer one of `every`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    texts = {name: [_read(asked[name].checkpoint, text) for text in asked[name].texts] for name in NAMES}
    full = {name: Scripted(asked[name].checkpoint, dtype="float32") for name in NAMES}
    half = {name: Scripted(asked[name].checkpoint, dtype="bfloat16") for name in NAMES}
    tuned = {name: tune(asked[name].checkpoint, texts[name], cores=cores) for name in NAMES}
    settings = ", ".join(f"{name} {tuned[name].setting}" for name in NAMES)

    def scripted(models: dict[StageName, Scripted], rows: int, *, by_length: bool) -> dict[StageName, list[str]]:
        return {name: models[name].answer(texts[name][::every], rows=rows, by_length=by_length) for name in NAMES}

    return [
        Peer("ours", Ours(workload)),
        Peer(
            f"(d) CTranslate2 alone, tuned: {settings}",
            lambda: {name: tuned[name].answer(texts[name]) for name in NAMES},
        ),
        Peer(f"(c) generate, bf16, sorted, {ROWS} a batch", partial(scripted, half, ROWS, by_length=True), every),
        Peer(f"(b) generate, {ROWS} a batch", partial(scripted, full, ROWS, by_length=False), every),
        Peer("(a) generate, one at a time", partial(scripted, full, 1, by_length=False), every),
    ]


def _read(checkpoint: Checkpoint, text: str) -> str:
    """Return a text as the model reads it: what a careful script would send."""
    return checkpoint.prefix + " ".join(unicodedata.normalize("NFC", text).split())


class Ours:
    """`tomdich run`, in a process of its own, with an empty memo each time."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._runs = 0

    def __call__(self) -> dict[StageName, list[str]]:
        self._runs += 1
        command_line(self._workload, f"out{self._runs}")
        return {}


def command_line(workload: Workload, outputs: str, *more: str) -> None:
    """Run `tomdich run` on the workload; raises where it fails."""
    subprocess.run(
        [sys.executable, "-m", "pipeline", "run", workload.config_file, "--outputs", outputs, *more],
        cwd=workload.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


class Scripted:
    """(a) to (c): `generate` in batches of so many rows, as the example scripts do it."""

    def __init__(self, checkpoint: Checkpoint, *, dtype: str) -> None:
        import torch
        from transformers import AutoModelForSeq2SeqLM, PreTrainedTokenizerFast

        tokens = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
        path = str(checkpoint.folder / "tokenizer.json")
        self._tokenizer: Any = PreTrainedTokenizerFast(tokenizer_file=path, **tokens)  # type: ignore[no-untyped-call]
        model: Any = AutoModelForSeq2SeqLM.from_pretrained(checkpoint.folder, dtype=getattr(torch, dtype))
        self._model = model.eval()
        self._generation = _generation_config(checkpoint)
        self._model.generation_config = self._generation

    def answer(self, texts: Sequence[str], *, rows: int, by_length: bool) -> list[str]:
        """Return the answer to each text."""
        import torch

        order = sorted(range(len(texts)), key=lambda at: len(texts[at])) if by_length else list(range(len(texts)))
        answers = [""] * len(texts)
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            batch = self._tokenizer([texts[at] for at in chosen], return_tensors="pt", padding=True)
            with torch.inference_mode():
                ids = self._model.generate(
                    input_ids=batch["input_ids"],
                    attention_mask=batch["attention_mask"],
                    generation_config=self._generation,
                )
            for at, text in zip(chosen, self._tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True):
                answers[at] = " ".join(text.split())
        return answers


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """(d): CTranslate2's own batching over all the texts at once, with one setting."""

    checkpoint: Checkpoint
    how: str  # "iterable", which sorts in windows, or "batch", which sorts everything
    tokens: int
    workers: int
    threads: int
    translator: Any = None
    tokenizer: Any = None

    @property
    def setting(self) -> str:
        return f"{self.how}/{self.tokens} tokens/{self.workers}x{self.threads} threads"

    def opened(self) -> Tuned:
        """Return it with model and tokenizer loaded."""
        import ctranslate2  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        translator = ctranslate2.Translator(
            str(self.checkpoint.converted),
            device="cpu",
            compute_type=self.checkpoint.compute_type,
            inter_threads=self.workers,
            intra_threads=self.threads,
        )
        return replace(
            self,
            translator=translator,
            tokenizer=Tokenizer.from_file(str(self.checkpoint.folder / "tokenizer.json")),
        )

    def answer(self, texts: Sequence[str]) -> list[str]:
        """Return the answer to each text."""
        asked: dict[str, Any] = dict(self.checkpoint.generation)
        pieces = [row.tokens for row in self.tokenizer.encode_batch(list(texts))]
        translate = self.translator.translate_iterable if self.how == "iterable" else self.translator.translate_batch
        results = translate(
            pieces,
            max_batch_size=self.tokens,
            batch_type="tokens",
            beam_size=asked["num_beams"],
            length_penalty=asked["length_penalty"],
            no_repeat_ngram_size=asked["no_repeat_ngram_size"],
            repetition_penalty=asked["repetition_penalty"],
            max_decoding_length=asked["max_new_tokens"],
            min_decoding_length=0,
            max_input_length=0,
        )
        find = self.tokenizer.token_to_id
        rows = [[find(piece) for piece in result.hypotheses[0]] for result in results]
        return [" ".join(text.split()) for text in self.tokenizer.decode_batch(rows)]


def tune(checkpoint: Checkpoint, texts: Sequence[str], *, cores: int) -> Tuned:
    """Return the fastest setting of the grid on a small sample of the texts, the first three tried again on more."""
    assert checkpoint.engine == "ctranslate2", "the peer (d) runs the model that ours converted"
    assert checkpoint.encode(["một câu"])[0] == _own_ids(checkpoint, checkpoint.prefix + "một câu")
    few, sample = (texts[:: int(1 / share)] if len(texts) > 400 else texts for share in (TRIED_ON, TUNED_ON))
    tried: dict[Tuned, float] = {}
    for workers in sorted({1, cores}):
        opened = Tuned(checkpoint, "batch", 1, workers, max(1, cores // workers)).opened()
        opened.answer(sample[:8])
        for setting in _grid(opened):
            tried[setting] = _timed(setting, few)
        kept = sorted(tried, key=lambda setting: tried[setting])[:3]
        tried = {setting: tried[setting] for setting in kept}  # the other models are let go
    seconds: dict[Tuned, list[float]] = {setting: [] for setting in tried}
    for _ in range(3):
        for setting, found in seconds.items():
            found.append(_timed(setting, sample))
    return min(seconds, key=lambda setting: statistics.median(seconds[setting]))


def _grid(opened: Tuned) -> Iterator[Tuned]:
    for how in ("iterable", "batch"):
        yield from (replace(opened, how=how, tokens=tokens) for tokens in GRID_TOKENS)


def _timed(setting: Tuned, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    setting.answer(texts)
    return time.perf_counter() - started


def _own_ids(checkpoint: Checkpoint, text: str) -> list[int]:
    from tokenizers import Tokenizer

    return list(Tokenizer.from_file(str(Path(checkpoint.folder) / "tokenizer.json")).encode(text).ids)


def alike(one: Sequence[str], other: Sequence[str]) -> str:
    """Return how many of the answers are equal, in words."""
    return f"{sum(a == b for a, b in zip(one, other, strict=True))} of {len(one)}"
