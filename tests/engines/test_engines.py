from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pipeline.checkpoints import Checkpoint, prepare
from pipeline.checkpoints.weights import load
from pipeline.config import GenerationOptions, Runtime, Stage
from pipeline.engines import open_backend, open_engine
from pipeline.engines.batching import Answer, Backend
from pipeline.engines.with_ctranslate2 import CTranslate2Backend
from pipeline.engines.with_transformers import TransformersBackend
from pipeline.errors import ModelError
from pipeline.records import Generation
from tests import tiny

if TYPE_CHECKING:
    import torch

TEXTS = [*tiny.sentences()[:15], *tiny.sentences()[900:1300:8]]  # whole ones, and some of two syllables
RUNTIME = Runtime(device="cpu", threads=1)
LIMIT = 32  # tokens
ROOT = Path(__file__).parents[2]
MARGIN = 1e-4  # two logits that are nearer may change places when additions change their order
Library = Literal["transformers", "ctranslate2"]
KINDS = [kind for kind in tiny.KINDS if kind != "bartpho-word"]  # it needs underthesea; its model is bartpho's
OFTEN_END = {"mt5", "mbart50", "marian", "t5"}  # with the random weights they have


def stage_of(
    kind: tiny.Kind,
    engine: Library,
    *,
    beams: int = 1,
    limit: int = LIMIT,
    max_source: int | None = None,
) -> Stage:
    languages = tiny.LANGUAGES.get(kind, {})
    return Stage(
        model=str(tiny.checkpoint(kind)),
        engine=engine,
        compute_type="float32",
        accept_license="unknown",
        max_source_tokens=max_source,
        generation=GenerationOptions(
            max_new_tokens=limit,
            num_beams=beams,
            early_stopping=True,
            length_penalty=1.0,
            no_repeat_ngram_size=0,
            repetition_penalty=1.0,
        ),
        source_lang=languages.get("source_lang"),
        target_lang=languages.get("target_lang"),
    )


@functools.cache
def prepared(
    kind: tiny.Kind,
    engine: Library,
    *,
    beams: int = 1,
    limit: int = LIMIT,
    deterministic: bool = False,
    max_source: int | None = None,
) -> Checkpoint:
    return prepare(
        stage_of(kind, engine, beams=beams, limit=limit, max_source=max_source),
        runtime=RUNTIME,
        deterministic=deterministic,
        reproducible="warn",
        cache=tiny.checkpoint(kind).parent / "cache",
    )


def answers_of(backend: Backend, checkpoint: Checkpoint, candidates: int | None = None) -> list[Answer]:
    rows = sorted(checkpoint.encode(TEXTS), key=len, reverse=True)
    return backend.run(rows, candidates)


def decoded(checkpoint: Checkpoint, answer: Answer) -> tuple[int, list[int]]:
    """What the decoder had seen at the end, and how much of it was given to it."""
    given = [checkpoint.decoder_start_id, *([] if checkpoint.forced_bos_id is None else [checkpoint.forced_bos_id])]
    return len(given), [*given, *answer.ids, *([checkpoint.eos_id] if answer.finished else [])]


def margin(model: Any, checkpoint: Checkpoint, row: list[int], answer: Answer) -> float:
    """How much the best logit is above the second, at the step of this answer where they are nearest."""
    import torch

    given, whole = decoded(checkpoint, answer)
    with torch.inference_mode():
        logits: torch.Tensor = model(
            input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([whole[:-1]]), use_cache=False
        ).logits[0, given - 1 :]
        if checkpoint.family == "marian":
            logits[:, checkpoint.pad_id] = float("-inf")
    best = logits.topk(2).values
    assert logits.argmax(-1).tolist() == whole[given:] or float((best[:, 0] - best[:, 1]).min()) < MARGIN
    return float((best[:, 0] - best[:, 1]).min())


@pytest.mark.parametrize("kind", KINDS)
def test_both_libraries_give_the_same_tokens(kind: tiny.Kind) -> None:
    checkpoint = prepared(kind, "transformers")
    rows = sorted(checkpoint.encode(TEXTS), key=len, reverse=True)
    ours = TransformersBackend(checkpoint, runtime=RUNTIME).run(rows)
    other = prepared(kind, "ctranslate2")
    assert sorted(other.encode(TEXTS), key=len, reverse=True) == rows
    theirs = CTranslate2Backend(other, runtime=RUNTIME).run(rows)

    model = load(checkpoint.folder, dtype="float32")
    clear = [margin(model, checkpoint, row, answer) > MARGIN for row, answer in zip(rows, ours, strict=True)]
    assert sum(clear) >= len(rows) * 0.8
    for sure, mine, yours in zip(clear, ours, theirs, strict=True):
        if sure:
            assert (mine.ids, mine.finished) == (yours.ids, yours.finished)
    assert len({tuple(answer.ids) for answer in ours}) > len(rows) / 3, "the answers follow from the texts"
    assert any(answer.finished for answer in ours) or kind not in OFTEN_END


@pytest.mark.parametrize("engine", ["transformers", "ctranslate2"])
def test_the_accounting_is_the_same_for_both(engine: Library) -> None:
    checkpoint = prepared("mbart50", engine, limit=12)
    opened = open_engine(checkpoint, runtime=RUNTIME)
    answers = dict(opened.generate(TEXTS))
    opened.close()
    assert sorted(answers) == list(range(len(TEXTS)))
    for index, text in enumerate(TEXTS):
        answer = answers[index]
        assert isinstance(answer, Generation)
        assert answer.source_tokens == checkpoint.count(text) + 2  # a language code and an end mark
        assert answer.dropped_tokens == 0
        assert answer.output_tokens <= 11  # twelve, one of them the language code
        assert answer.finished or answer.output_tokens == 11
        assert (answer.score is None) == (engine == "transformers")
        assert answer.score is None or answer.score <= 0
    assert {answer.finished for answer in answers.values() if isinstance(answer, Generation)} == {True, False}


@pytest.mark.parametrize("engine", ["transformers", "ctranslate2"])
@pytest.mark.parametrize("kind", ["mbart", "t5"])
def test_a_source_that_is_cut_still_ends_as_the_model_knows_it(kind: tiny.Kind, engine: Library) -> None:
    checkpoint = prepared(kind, engine, max_source=30)
    long = " ".join(tiny.sentences()[:6])
    (row,) = checkpoint.encode([long])
    behind = {"t5": 1, "mbart": 2}[kind]  # </s>; </s> and vi_VN
    opened = open_engine(checkpoint, runtime=RUNTIME)
    ((_, answer),) = opened.generate([long])
    opened.close()
    backend = open_backend(checkpoint, runtime=RUNTIME)
    (expected,) = backend.run([row[: 30 - behind] + row[-behind:]])
    backend.close()
    assert isinstance(answer, Generation)
    assert (answer.source_tokens, answer.dropped_tokens) == (len(row), len(row) - 30)
    assert answer.dropped_tokens > 30
    assert answer.text == checkpoint.decode([expected.ids])[0] != ""


@pytest.mark.parametrize("engine", ["transformers", "ctranslate2"])
def test_in_float32_the_batch_does_not_change_a_text(engine: Library) -> None:
    opened = open_engine(prepared("t5", engine, limit=12), runtime=RUNTIME)
    together = {index: answer.text for index, answer in opened.generate(TEXTS) if isinstance(answer, Generation)}
    assert len(set(together.values())) > 10
    for index, text in enumerate(TEXTS[:20]):
        ((_, alone),) = opened.generate([text])
        assert isinstance(alone, Generation)
        assert alone.text == together[index]
    opened.close()


def test_deterministic_answers_are_equal_to_the_last_bit() -> None:
    opened = open_engine(prepared("mbart", "ctranslate2", limit=12, deterministic=True), runtime=RUNTIME)
    forward = dict(opened.generate(TEXTS))
    last = len(TEXTS) - 1
    assert {last - index: answer for index, answer in opened.generate(reversed(TEXTS))} == forward
    opened.close()


def test_what_the_files_would_force_is_not_applied(tmp_path: Path) -> None:
    """They may ask for a least length, and for an end mark at the limit, with which a cut answer looks finished."""
    checkpoint = prepared("mbart50", "transformers", limit=12)
    folder = tiny.copy("mbart50", tmp_path / "forcing")
    tiny.change_json(folder / "generation_config.json", min_length=10, forced_eos_token_id=2, do_sample=True)
    forcing = replace(checkpoint, folder=folder)
    plain, found = (answers_of(TransformersBackend(one, runtime=RUNTIME), one) for one in (checkpoint, forcing))
    assert found == plain
    assert any(len(answer.ids) < 5 for answer in found)
    assert {len(answer.ids) for answer in found if not answer.finished} == {11}


@pytest.mark.parametrize("kind", ["t5", "mt5", "mbart", "marian", "bartpho"])
def test_beams_find_the_same_in_both(kind: tiny.Kind) -> None:
    ours, theirs = prepared(kind, "transformers", beams=4), prepared(kind, "ctranslate2", beams=4)
    mine = answers_of(TransformersBackend(ours, runtime=RUNTIME), ours)
    yours = answers_of(CTranslate2Backend(theirs, runtime=RUNTIME), theirs)
    same = sum(one.ids == other.ids for one, other in zip(mine, yours, strict=True))
    assert same >= 0.95 * len(TEXTS)  # two hypotheses may be nearer than rounding
    greedy = prepared(kind, "transformers")
    assert mine != answers_of(TransformersBackend(greedy, runtime=RUNTIME), greedy)


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("kind", ["t5", "mt5", "mbart", "marian", "bartpho"])
def test_candidates_are_the_same_in_both_and_the_first_answer_of_a_beam_of_that_width(
    kind: tiny.Kind, beams: int
) -> None:
    ours, theirs = prepared(kind, "transformers", beams=beams), prepared(kind, "ctranslate2", beams=beams)
    backend = TransformersBackend(ours, runtime=RUNTIME)
    mine = answers_of(backend, ours, 4)
    yours = answers_of(CTranslate2Backend(theirs, runtime=RUNTIME), theirs, 4)
    found = [[[one.ids for one in (best, *best.others)] for best in answers] for answers in (mine, yours)]
    same = sum(hypotheses == others for hypotheses, others in zip(*found, strict=True))
    assert same >= 0.9 * len(TEXTS)  # of four hypotheses more pairs may be nearer than rounding
    assert all(len(set(map(tuple, hypotheses))) == 4 for hypotheses in found[0])
    own = answers_of(backend, ours)  # one loaded model serves both searches
    assert ([answer.ids for answer in own] == [hypotheses[0] for hypotheses in found[0]]) == (beams == 4)
    for best in yours:
        assert best.score is not None
        assert all(other.score is not None for other in best.others)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("t5", {"num_beams": 4, "early_stopping": False, "length_penalty": 0.0}),
        ("marian", {"num_beams": 4, "early_stopping": False, "length_penalty": 0.0}),
        ("bartpho", {"no_repeat_ngram_size": 2}),
        ("marian", {"num_beams": 4, "early_stopping": False}),
        ("bartpho", {"num_beams": 4, "early_stopping": True, "no_repeat_ngram_size": 3}),
        ("mbart50", {"no_repeat_ngram_size": 1}),
        ("mbart50", {"repetition_penalty": 1.3}),
        ("t5", {"num_beams": 4, "early_stopping": True, "repetition_penalty": 1.3}),
        ("mbart50", {"num_beams": 4, "early_stopping": True, "length_penalty": 0.0}),
    ],
)
def test_answers_differ_from_transformers_only_where_a_difference_is_named(
    kind: tiny.Kind, values: dict[str, Any]
) -> None:
    answers = []
    for engine, backend in (("transformers", TransformersBackend), ("ctranslate2", CTranslate2Backend)):
        plain = prepared(kind, engine)
        checkpoint = replace(plain, generation={**plain.generation, **values})
        answers.append([answer.ids for answer in answers_of(backend(checkpoint, runtime=RUNTIME), checkpoint)])
    same = sum(mine == yours for mine, yours in zip(*answers, strict=True))
    assert (same < 0.95 * len(TEXTS)) == bool(checkpoint.search_differences)


@pytest.mark.parametrize("kind", ["mbart50", "mt5", "t5", "marian"])
def test_the_score_is_the_mean_log_probability_of_a_token(kind: tiny.Kind) -> None:
    import torch

    checkpoint = prepared(kind, "ctranslate2")
    (row,) = checkpoint.encode(TEXTS[:1])
    (answer,) = CTranslate2Backend(checkpoint, runtime=RUNTIME).run([row])
    given, whole = decoded(checkpoint, answer)  # mBART-50's language code is given, so it must not be counted
    model: Any = load(checkpoint.folder, dtype="float32")
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([whole[:-1]])).logits[0]
        if kind == "marian":
            logits[:, checkpoint.pad_id] = float("-inf")
        likely = logits.log_softmax(-1)[given - 1 :].gather(1, torch.tensor(whole[given:])[:, None])
    assert answer.score == pytest.approx(likely.mean().item(), abs=1e-4)


def test_what_a_batch_held_is_free_when_its_memory_error_is_told() -> None:
    """CUDA's error, on a machine that has none: its traceback holds the tensors, so nothing may hold it."""
    import torch

    class Full:
        def generate(self, **_: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    backend = TransformersBackend(prepared("t5", "transformers"), runtime=RUNTIME)
    backend._model = Full()
    with pytest.raises(MemoryError, match="Tried to allocate") as caught:
        backend.run([[5, 1]])
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_a_damaged_conversion_is_the_users_to_mend(tmp_path: Path) -> None:
    checkpoint = replace(prepared("t5", "ctranslate2"), converted=tmp_path)
    with pytest.raises(ModelError, match="delete that folder to have it converted again"):
        open_engine(checkpoint, runtime=RUNTIME)
    assert prepared("t5", "ctranslate2").converted is not None
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.bin").write_bytes(b"half a model")
    with pytest.raises(ModelError, match="delete that folder to have it converted again"):
        open_engine(checkpoint, runtime=RUNTIME)


def in_a_process_of_its_own(code: str, *, kind: tiny.Kind, engine: Library) -> str:
    """Run `code`, which finds `checkpoint` and `texts`, in a fresh Python; return what it printed."""
    cache = prepared(kind, engine, limit=8).folder.parent / "cache"
    stage = stage_of(kind, engine, limit=8).model_dump_json(exclude_none=True)
    head = f"""
import json, sys
from pathlib import Path
from pipeline.checkpoints import ready
from pipeline.config import Runtime, Stage
from pipeline.engines import open_backend, open_engine

stage = Stage.model_validate_json({stage!r})
checkpoint = ready(stage, runtime=Runtime(device="cpu"), deterministic=False, reproducible="warn",
                   cache=Path({str(cache)!r}))
assert checkpoint is not None
texts = json.loads({json.dumps(TEXTS)!r})
"""
    done = subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ctranslate2_needs_neither_torch_nor_transformers() -> None:
    code = """
engine = open_engine(checkpoint, runtime=Runtime(device="cpu"))
print(len(list(engine.generate(texts[:3]))), "answers,", {"torch", "transformers"} & set(sys.modules))
"""
    assert in_a_process_of_its_own(code, kind="t5", engine="ctranslate2") == "3 answers, set()\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process to its address space")
def test_a_batch_too_large_for_the_memory_there_is() -> None:
    """CTranslate2's own error, in a process that may have 150 MB more than the model took."""
    code = """
import logging, resource

logging.basicConfig(stream=sys.stdout)
engine = open_engine(checkpoint, runtime=Runtime(batch_tokens=10**6, threads=1))
texts = [f"{one} {two}" for one in texts[:15] for two in texts for _ in range(2)]
small = dict(engine.generate(texts[:2]))
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 150 * 2**20,) * 2)
answers = dict(engine.generate(texts))
assert sorted(answers) == list(range(len(texts)))
assert {index: answers[index].text for index in small} == {index: one.text for index, one in small.items()}
"""
    assert "did not fit in memory" in in_a_process_of_its_own(code, kind="mbart", engine="ctranslate2")


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("CUDA failed with error out of memory", "another process"),
        ("CUDA failed with error no kernel image is available for execution on the device", "docs/gpu.md"),
        ("Library libcublas.so.12 is not found or cannot be loaded", "install `nvidia-cublas-cu12`"),
    ],
)
def test_what_keeps_ctranslate2_from_a_gpu_is_said_with_its_remedy(
    message: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ctranslate2  # type: ignore[import-untyped]

    def translator(*_: object, **__: object) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(ctranslate2, "Translator", translator)
    checkpoint = replace(prepared("t5", "ctranslate2"), device="cuda")
    with pytest.raises(ModelError, match=f"ctranslate2 cannot run on cuda: .*{remedy}"):
        open_engine(checkpoint, runtime=Runtime(device="cuda"))
