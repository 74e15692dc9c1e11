"""The transformers backend: any checkpoint, on any device torch knows.

Every generation value is given in full and the checkpoint's own `generation_config` is put aside, so that
nothing applies but what `Checkpoint.identity` speaks of. In particular no end mark is forced at the length
limit (mBART, BART and Marian configs ask for one): an answer that was cut off would look finished. Scores are
not asked for: `output_scores` keeps the logits of every step (34 GB for NLLB, 128 rows × 256 steps).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.device import cores
from pipeline.checkpoints.weights import load
from pipeline.engines import LoadedModel, cannot_open
from pipeline.engines.batching import Answer

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig

    from pipeline.checkpoints import Checkpoint
    from pipeline.config import Runtime


class TransformersBackend:
    """A `Backend` over `AutoModelForSeq2SeqLM`."""

    workers = 1  # torch itself shares a batch among the cores

    def __init__(self, checkpoint: Checkpoint, *, runtime: Runtime, models: LoadedModel | None = None) -> None:
        """Load the weights; raises `ModelError` when they are not usable.

        `models`: where the model is taken from, and left by `close`.
        """
        import torch

        torch.set_num_threads(runtime.threads or min(torch.get_num_threads(), cores()))  # torch knows no quota
        self._checkpoint = checkpoint
        self._device = torch.device(checkpoint.device)
        key = (TransformersBackend, checkpoint.folder, checkpoint.digest, checkpoint.compute_type, checkpoint.device)
        self._own = models is None
        self._models = LoadedModel() if models is None else models
        self._model = self._models.get(key, lambda: _load(checkpoint))
        self._generation = _generation_config(checkpoint)
        # generate() fills what is None from here, so the checkpoint's own must not be left in place
        self._model.generation_config = self._generation
        if checkpoint.device == "cuda":
            self._try()

    def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
        """Return the answers to `rows`; raises `MemoryError` when they do not fit on the device."""
        import torch

        try:
            generated = self._generate(rows, candidates)
        except torch.OutOfMemoryError as error:
            message = str(error)
        else:
            answers = list(map(self._answer, generated))
            each = len(answers) // len(rows)
            best_first = [answers[at : at + each] for at in range(0, len(answers), each)]
            return [replace(best, others=tuple(others)) for best, *others in best_first]
        # Only here, with the exception gone, are the tensors its traceback held free to be given back.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        raise MemoryError(message)

    def close(self) -> None:
        """Free the model's memory, unless it is kept."""
        self._model = None
        if self._own:
            self._models.close()

    def _try(self) -> None:
        """Answer the shortest row: a GPU that this build of torch does not know fails at its first batch only."""
        try:
            self.run([[self._checkpoint.eos_id]])
        except (MemoryError, RuntimeError) as error:
            message = str(error)
        else:
            return
        self._model = None
        self._models.close()
        raise cannot_open(self._checkpoint, message)

    def _generate(self, rows: Sequence[Sequence[int]], candidates: int | None) -> list[list[int]]:
        import torch

        longest = max(len(row) for row in rows)
        padded = [[*row, *[self._checkpoint.pad_id] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        with torch.inference_mode():
            generated: torch.Tensor = self._model.generate(
                input_ids=torch.tensor(padded, device=self._device),
                attention_mask=torch.tensor(mask, device=self._device),
                generation_config=self._generation
                if candidates is None
                else _generation_config(self._checkpoint, candidates=candidates),
            )
        ids: list[list[int]] = generated.tolist()
        return ids

    def _answer(self, row: list[int]) -> Answer:
        """Return the tokens between the decoder's start (and language code) and the first end mark."""
        start = 1 if self._checkpoint.forced_bos_id is None else 2
        finished = self._checkpoint.eos_id in row[start:]
        end = row.index(self._checkpoint.eos_id, start) if finished else len(row)
        return Answer(row[start:end], finished, None)


def _load(checkpoint: Checkpoint) -> tuple[Any, Callable[[], None]]:
    """Return the model on its device, and what gives its memory back when nothing refers to it any more."""
    import torch

    assert checkpoint.compute_type != "int8", "prepare() gives int8 to ctranslate2 alone"
    # Any: transformers' annotations of `to` and `generate` do not admit how they are called everywhere
    model: Any = load(checkpoint.folder, dtype=checkpoint.compute_type)
    if checkpoint.device != "cuda":
        return model.to(checkpoint.device), lambda: None

    def free() -> None:
        with suppress(RuntimeError):  # of a lost device, which is reported where it was lost
            torch.cuda.empty_cache()

    try:
        return model.to(checkpoint.device), free
    except (RuntimeError, AssertionError) as error:  # the latter from a torch without CUDA
        message = str(error)
    # Only here, with the exception gone, is what was moved free to be given back.
    del model
    free()
    raise cannot_open(checkpoint, message)


def _generation_config(checkpoint: Checkpoint, *, candidates: int | None = None) -> GenerationConfig:
    """Return the checkpoint's effective generation values as transformers writes them.

    With `candidates`, of a beam that is so wide, all of whose hypotheses are returned. It ends when they are finished,
    which is the only way that CTranslate2 has.
    """
    from transformers import GenerationConfig

    asked: dict[str, Any] = dict(checkpoint.generation)
    if candidates is not None:
        asked |= {"num_beams": candidates, "early_stopping": True}
    return GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=asked["max_new_tokens"],
        num_beams=asked["num_beams"],
        num_return_sequences=candidates or 1,
        # a beam search's values: without beams they mean nothing, and transformers warns of them
        length_penalty=asked["length_penalty"] if asked["num_beams"] > 1 else None,
        early_stopping=asked["early_stopping"] if asked["num_beams"] > 1 else None,
        no_repeat_ngram_size=asked["no_repeat_ngram_size"],
        repetition_penalty=asked["repetition_penalty"],
        do_sample=False,
        # Marian's checkpoints ask for this as `bad_words_ids`: padding's embedding is zero there, and so its
        # logit, which beats the others where they are all negative.
        suppress_tokens=[checkpoint.pad_id] if checkpoint.family == "marian" else None,
        pad_token_id=checkpoint.pad_id,
        eos_token_id=checkpoint.eos_id,
        decoder_start_token_id=checkpoint.decoder_start_id,
        forced_bos_token_id=checkpoint.forced_bos_id,
    )
