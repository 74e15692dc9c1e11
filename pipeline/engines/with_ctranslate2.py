"""The CTranslate2 backend: a converted checkpoint, several times faster than transformers on a CPU.

It imports neither torch nor transformers. Its batching, its truncation at 1024 source tokens and its minimum
length are switched off: batching and cuts are counted in `batching`, and transformers has no minimum either.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.device import cores
from pipeline.engines import LoadedModel, cannot_open
from pipeline.engines.batching import Answer
from pipeline.errors import ModelError

if TYPE_CHECKING:
    from pipeline.checkpoints import Checkpoint
    from pipeline.config import Runtime

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


class CTranslate2Backend:
    """A `Backend` over `ctranslate2.Translator`, which takes pieces of text where others take ids."""

    def __init__(self, checkpoint: Checkpoint, *, runtime: Runtime, models: LoadedModel | None = None) -> None:
        """Load the converted model; raises `ModelError` when it cannot be loaded, or not on this device.

        `models`: where it is taken from, and left by `close`.
        """
        import ctranslate2  # type: ignore[import-untyped]

        assert checkpoint.converted is not None, "prepare() converts what ctranslate2 is to run"
        # A core for each batch: two cores that share one wait for each other at every step, and take up to four times
        # as long (`tests/benchmarks`). The weights are in memory once.
        self.workers = (runtime.threads or cores()) if checkpoint.device == "cpu" else 1
        self._pieces = pieces = checkpoint.tokens(range(checkpoint.vocab_size))
        self._ids = {piece: id_ for id_, piece in enumerate(pieces)}
        self._end = pieces[checkpoint.eos_id]
        asked: dict[str, Any] = dict(checkpoint.generation)
        self._asked = asked
        if checkpoint.device == "cpu":
            _keep_memory()
        try:
            self._prefix, self._skip = _target_prefix(checkpoint)
            where = {"device": checkpoint.device, "compute_type": checkpoint.compute_type}

            def load() -> tuple[Any, Callable[[], None]]:
                translator = ctranslate2.Translator(
                    str(checkpoint.converted), **where, inter_threads=self.workers, intra_threads=1
                )

                def free() -> None:
                    with suppress(RuntimeError):  # of a lost device, which is reported where it was lost
                        translator.unload_model()

                return translator, free

            key = (CTranslate2Backend, checkpoint.converted, *where.values(), self.workers)
            self._own = models is None
            self._models = LoadedModel() if models is None else models
            self._translator = self._models.get(key, load)
            if checkpoint.device == "cuda":
                self.run([[checkpoint.eos_id]])  # the CUDA libraries are opened at the first batch only
        except (OSError, RuntimeError, ValueError) as error:
            if any(words in str(error) for words in ("CUDA", "cuBLAS", "libcublas")):
                raise cannot_open(checkpoint, str(error)) from None
            raise ModelError(
                f"{checkpoint.name}: CTranslate2 cannot use {checkpoint.converted} on {checkpoint.device}: {error}; "
                "delete that folder to have it converted again, or set `engine: transformers`"
            ) from error

    def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
        """Return the answers to `rows`, each with its mean log-probability a token as score."""
        results = self._translator.translate_batch(
            [[self._pieces[token] for token in row] for row in rows],
            target_prefix=[self._prefix] * len(rows) if self._prefix else None,
            beam_size=candidates or self._asked["num_beams"],
            num_hypotheses=candidates or 1,
            length_penalty=self._asked["length_penalty"],
            no_repeat_ngram_size=self._asked["no_repeat_ngram_size"],
            repetition_penalty=self._asked["repetition_penalty"],
            max_decoding_length=self._asked["max_new_tokens"],
            min_decoding_length=0,
            max_input_length=0,
            return_end_token=True,
            return_scores=True,
        )
        answers = [list(map(self._answer, result.hypotheses, result.scores)) for result in results]
        return [replace(best, others=tuple(others)) for best, *others in answers]

    def close(self) -> None:
        """Free the model's memory, unless it is kept."""
        if self._own:
            self._models.close()

    def _answer(self, pieces: list[str], score: float) -> Answer:
        finished = bool(pieces) and pieces[-1] == self._end
        ids = [self._ids[piece] for piece in pieces[self._skip : len(pieces) - finished]]
        # CTranslate2 divides the sum of the log-probabilities by length ** length_penalty, the language code
        # counted though it was given.
        total = score * len(pieces) ** float(self._asked["length_penalty"])
        return Answer(ids, finished, total / max(1, len(pieces) - self._skip))


def _keep_memory() -> None:
    """Have the C library keep the memory of a batch for the next one.

    Given back and asked for again, each page of it is cleared by the system: a sixth of a run of the bundled models.
    """
    with suppress(OSError, AttributeError):  # not on macOS, nor with musl
        c_library = ctypes.CDLL(None)
        c_library.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        c_library.mallopt(_MMAP_THRESHOLD, 2**25)  # the most that glibc takes


def _target_prefix(checkpoint: Checkpoint) -> tuple[list[str], int]:
    """Return the pieces each answer must begin with, and how many of them CTranslate2 gives back with it.

    mBART's conversions start with nothing and take the decoder's start from the prefix, and do not give it
    back; the others carry their own start.
    """
    assert checkpoint.converted is not None
    config = json.loads((checkpoint.converted / "config.json").read_text(encoding="utf-8"))
    start = [] if config.get("decoder_start_token") is not None else [checkpoint.decoder_start_id]
    language = [] if checkpoint.forced_bos_id is None else [checkpoint.forced_bos_id]
    return checkpoint.tokens(start + language), len(language)
