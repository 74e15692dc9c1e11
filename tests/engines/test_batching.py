from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checkpoints import Checkpoint, prepare
from pipeline.checkpoints.tokenizers import WordTokenizer
from pipeline.config import GenerationOptions, Runtime, Stage
from pipeline.engines import batching
from pipeline.engines.batching import Answer, Backend, BatchingEngine
from pipeline.engines.fake import FakeBackend
from pipeline.engines.workers import Outcome, Threads, Trouble
from pipeline.errors import EngineError, HungError
from pipeline.messages import logged_to
from pipeline.records import Candidates, Generation, Refused

END = WordTokenizer().encode(["</s>"])[0][0]


def words(
    *, max_source: int = 1000, max_new_tokens: int = 1000, deterministic: bool = False, prefix: str = ""
) -> Checkpoint:
    """The fake's checkpoint, whose tokens are words, with an end mark behind the text as T5 has."""
    plain = prepare(
        Stage(
            model="fake",
            engine="fake",
            prefix=prefix,
            max_source_tokens=max(16, max_source),
            generation=GenerationOptions(max_new_tokens=max_new_tokens),
        ),
        runtime=Runtime(),
        deterministic=deterministic,
        reproducible="warn",
        cache=Path(),
    )
    return replace(plain, max_source=max_source, after=(END,), special_ids=frozenset({END}))


@dataclass
class Echo:
    """A backend that answers with the source itself, and has so much memory."""

    memory: int = 10**9  # slots
    workers: int = 1
    batches: list[list[int]] = field(default_factory=list)  # the lengths of each batch that was tried
    candidates: list[int | None] = field(default_factory=list)  # that each batch was asked for
    gate: threading.Event | None = None  # waits for it in each batch

    def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
        self.batches.append([len(row) for row in rows])
        self.candidates.append(candidates)
        if self.gate is not None:
            assert self.gate.wait(10)
        if len(rows) * max(len(row) for row in rows) > self.memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        if any("poison" in WordTokenizer().decode([row])[0] for row in rows):
            raise IndexError("index out of range in self")
        answers = [Answer(list(row), finished=True, score=None) for row in rows]
        return [replace(answer, others=(answer,) * ((candidates or 1) - 1)) for answer in answers]

    def close(self) -> None:
        pass


class Source:
    """Texts that count how many of them were pulled."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = iter(texts)
        self.pulled = 0
        self.tokens = 0

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            self.pulled += 1
            self.tokens += len(text.split()) + 1
            yield text


def engine(
    backend: Backend,
    *,
    checkpoint: Checkpoint | None = None,
    budget: int = 64,
) -> BatchingEngine:
    return BatchingEngine(checkpoint or words(), workers=Threads(backend), budget=budget, patience=30.0)


def text_of(length: int, *, name: object) -> str:
    """A text of `length` tokens, its end mark counted."""
    return " ".join([str(name)] * (length - 1))


lengths = st.lists(st.integers(min_value=2, max_value=40), max_size=150)


@given(
    lengths=lengths,
    budget=st.integers(64, 400),
    poison=st.sets(st.integers(0, 149)),
    memory=st.integers(20, 500),
    workers=st.integers(1, 4),
)
@settings(max_examples=60)
def test_every_text_is_answered_once_whatever_fails(
    lengths: list[int], budget: int, poison: set[int], memory: int, workers: int
) -> None:
    texts = [text_of(length, name=f"poison{i}" if i in poison else i) for i, length in enumerate(lengths)]
    backend, messages = Echo(memory=memory, workers=workers), list[str]()
    opened = engine(backend, budget=budget)
    with logged_to(messages.append):
        answers = list(opened.generate(texts))
    opened.close()

    assert sorted(index for index, _ in answers) == list(range(len(texts)))
    for index, answer in answers:
        if lengths[index] > memory:
            assert isinstance(answer, Refused)
            assert answer.kind == "memory"
            assert f"its {lengths[index]} tokens do not fit in memory, even alone" in answer.message
        elif index in poison:
            assert answer == Refused("error", "index out of range in self")
        else:
            assert isinstance(answer, Generation)
            assert answer.text == texts[index]
            assert (answer.source_tokens, answer.dropped_tokens) == (lengths[index], 0)
    assert all(len(batch) == 1 or len(batch) * max(batch) <= budget for batch in backend.batches)
    stats = opened.stats()
    assert stats.texts == sum(isinstance(answer, Generation) for _, answer in answers)
    assert stats.slots >= stats.tokens
    # Each reduction halves at least, is told once, and holds for what is packed after it.
    assert len(messages) <= budget.bit_length()
    assert (stats.budget < budget) == bool(messages)
    if messages:
        assert f"at most {stats.budget} tokens" in messages[-1]


@given(lengths=lengths, budget=st.integers(64, 200))
@settings(max_examples=30)
def test_no_more_is_pulled_than_the_window(lengths: list[int], budget: int) -> None:
    lengths = lengths * 8
    source = Source(text_of(length, name="x") for length in lengths)
    answered = 0
    for index, _ in engine(Echo(), budget=budget).generate(source):
        ahead = source.tokens - answered
        assert ahead <= batching.WINDOW_BATCHES * budget + 2 * batching.CHUNK_TEXTS * 40
        answered += lengths[index]


def test_short_texts_are_pulled_up_to_a_number() -> None:
    source = Source("x" for _ in range(3 * batching.WINDOW_TEXTS))
    answered = 0
    for _ in engine(Echo(), budget=10**6).generate(source):
        assert source.pulled - answered <= batching.WINDOW_TEXTS
        answered += 1
    assert answered == 3 * batching.WINDOW_TEXTS


def test_a_batch_has_one_search_and_its_budget_counts_the_width_of_its_beam() -> None:
    backend = Echo()
    wide = Candidates(text_of(8, name="x"), 4)  # the fake's own search has one beam
    answers = dict(engine(backend, budget=64).generate([*[text_of(8, name="y")] * 8, *[wide] * 4]))
    assert sorted(zip(backend.candidates, map(len, backend.batches), strict=True), key=str) == [
        (4, 2),
        (4, 2),
        (None, 8),
    ]
    found = answers[11]
    assert isinstance(found, Generation)
    assert [found.text, *(other.text for other in found.others)] == [wide.text] * 4
    assert [len(answer.others) for _, answer in sorted(answers.items()) if isinstance(answer, Generation)] == [
        0
    ] * 8 + [3] * 4


def test_memory_is_asked_for_too_much_only_once(messages: list[str]) -> None:
    backend = Echo(memory=40)
    opened = engine(backend, budget=64)
    texts = [text_of(8, name=i) for i in range(500)]
    assert len(list(opened.generate(texts))) == 500
    tried = [len(batch) * max(batch) for batch in backend.batches]
    assert sum(slots > 40 for slots in tried) <= batching.AHEAD  # the second was on its way when the first failed
    assert len(messages) == 1
    assert "8 texts × 8 tokens did not fit" in messages[0]
    assert "`runtime.batch_tokens: 32`" in messages[0]
    list(opened.generate(texts))  # the next call of the run knows the size
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), "memory"),
        (RuntimeError("CUDA failed with error out of memory"), "memory"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:126] DefaultCPUAllocator: can't allocate memory"),
            "memory",
        ),
        (RuntimeError("mkl_malloc: failed to allocate memory"), "memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), "memory"),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            "memory",
        ),
        (RuntimeError("The size of tensor a (1030) must match the size of tensor b (1024)"), "error"),
        (ValueError(), "error"),
        (RuntimeError("CUDA error: device-side assert triggered"), "lost"),
        (RuntimeError("CUDA failed with error unspecified launch failure"), "lost"),
        (RuntimeError("Library libcublas.so.12 is not found or cannot be loaded"), "lost"),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED"), "lost"),
    ],
)
def test_what_an_error_means(error: Exception, kind: str) -> None:
    class Failing(Echo):
        def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
            del rows, candidates
            raise error

    answers = engine(Failing()).generate(["một câu", "hai câu"])
    if kind == "lost":
        with pytest.raises(EngineError, match="the cpu device was lost: "):
            list(answers)
    else:
        assert [answer.kind for _, answer in answers if isinstance(answer, Refused)] == [kind, kind]


def test_a_defect_is_not_taken_for_a_bad_text() -> None:
    class Defective(Echo):
        def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
            del rows, candidates
            raise TypeError("unexpected keyword")

    with pytest.raises(TypeError, match="unexpected keyword"):
        list(engine(Defective()).generate(["một câu"]))


def test_too_few_answers_break_the_contract() -> None:
    class Short(Echo):
        def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
            return super().run(rows, candidates)[1:]

    with pytest.raises(EngineError, match="gave 1 answers to a batch of 2 texts"):
        list(engine(Short()).generate(["một câu", "hai câu"]))


def test_a_long_source_keeps_prefix_and_end_and_its_loss_is_counted() -> None:
    class Ends(Echo):
        def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
            assert all(row[-1] == END for row in rows)
            return super().run(rows, candidates)

    checkpoint = words(max_source=6, prefix="vietnews: ")
    answers = dict(engine(Ends(), checkpoint=checkpoint).generate(["a b c d", "a b c d e f g"]))
    assert answers[0] == Generation("vietnews: a b c d", 6, 0, 6, finished=True, score=None)
    assert answers[1] == Generation("vietnews: a b c d", 9, 3, 6, finished=True, score=None)


def test_a_text_that_cannot_be_encoded_is_refused_alone() -> None:
    answers = dict(engine(Echo()).generate(["trước", "nửa cặp \ud83d", "sau"]))
    refused = answers.pop(1)
    assert isinstance(refused, Refused)
    assert refused.kind == "error"
    assert "cannot be encoded" in refused.message
    assert [answer.text for answer in answers.values() if isinstance(answer, Generation)] == ["trước", "sau"]


class Mortal(Threads):
    """Workers that die of a batch with the word `deadly`, and are replaced."""

    def __init__(self) -> None:
        super().__init__(Echo())
        self.tried: list[list[str]] = []

    def submit(self, rows: list[list[int]], candidates: int | None) -> Future[Outcome]:
        texts = WordTokenizer().decode(rows)
        self.tried.append(texts)
        if not any("deadly" in text for text in texts):
            return super().submit(rows, candidates)
        died: Future[Outcome] = Future()
        died.set_result(Outcome(Trouble("died", "its node has left"), 0, 0.0, 0.0))
        return died


def test_a_text_that_was_in_two_dead_workers_is_refused_and_the_others_of_its_batch_are_not() -> None:
    workers = Mortal()
    opened = BatchingEngine(words(), workers=workers, budget=64, patience=30.0)
    texts = [text_of(8, name="deadly" if number == 20 else number) for number in range(40)]
    answers = dict(opened.generate(texts))
    opened.close()
    assert answers.pop(20) == Refused("died", "two workers died while they computed it: its node has left")
    assert all(isinstance(answer, Generation) for answer in answers.values())
    assert sorted(answers) == [number for number in range(40) if number != 20]
    tries = Counter(text.split()[0] for batch in workers.tried for text in batch)
    assert max(tries.values()) == 2


def test_deterministic_is_one_text_a_batch_in_order() -> None:
    backend = Echo()
    lengths = [5, 30, 2, 17, 30] * 50
    texts = [text_of(length, name="x") for length in lengths]
    answers = engine(backend, checkpoint=words(deterministic=True)).generate(texts)
    assert [index for index, _ in answers] == list(range(len(texts)))
    assert backend.batches == [[length] for length in lengths]


def test_the_next_window_is_read_while_the_first_computes() -> None:
    gate = threading.Event()
    backend = Echo(gate=gate)
    texts = [text_of(8, name=i) for i in range(1000)]

    def pulled() -> Iterator[str]:
        for index, text in enumerate(texts):
            if index == batching.WINDOW_BATCHES * 8 // 2:  # in the second half of the window
                assert backend.batches
                gate.set()
            yield text

    assert len(list(engine(backend, budget=64).generate(pulled()))) == 1000


def test_closing_early_abandons_what_is_in_flight() -> None:
    backend = Echo()
    source = Source(text_of(8, name=i) for i in range(10_000))
    opened = engine(backend)
    running = opened.generate(source)
    next(running)
    running.close()
    assert source.pulled < 1000
    assert len(list(opened.generate(["một câu"]))) == 1  # the engine is as good as before
    assert len(backend.batches) < 10
    opened.close()


def test_an_error_of_the_source_is_the_callers_and_what_waits_is_not_computed() -> None:
    def broken() -> Iterator[str]:
        for index in range(batching.WINDOW_BATCHES * 8 // 2):
            yield text_of(8, name=index)
        raise OSError("the feed is gone")

    gate = threading.Event()
    backend = Echo(gate=gate)
    opened = engine(backend)
    with pytest.raises(OSError, match="the feed is gone"):
        list(opened.generate(broken()))
    gate.set()
    assert len(list(opened.generate(["một câu"]))) == 1
    assert [len(batch) for batch in backend.batches] == [8, 1]  # the one that was computing, and the new one


def test_the_model_goes_on_while_the_caller_is_busy() -> None:
    backend = Echo()
    running = engine(backend).generate(text_of(8, name=i) for i in range(100))
    next(running)
    deadline = time.monotonic() + 10
    while len(backend.batches) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_is_left_over_fills_the_next_window() -> None:
    backend = Echo()
    list(engine(backend, budget=72).generate(text_of(10, name=i) for i in range(1000)))
    assert {len(batch) for batch in backend.batches[:-1]} == {7}


def test_the_time_the_model_waits_is_told() -> None:
    opened = engine(Echo(), checkpoint=words(deterministic=True))
    for _ in opened.generate(["một câu"] * 10):
        time.sleep(0.02)  # a slow caller: one batch is computed meanwhile, then the model waits
    stats = opened.stats()
    assert stats.idle_seconds > 0.08  # of 0.2 s at least; the sleeps can only be longer
    assert stats.busy_seconds > 0


def test_workers_compute_at_the_same_time_and_the_last_texts_are_shared_among_them() -> None:
    together = threading.Barrier(3, timeout=10)

    class Meeting(Echo):
        def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
            together.wait()
            return super().run(rows, candidates)

    backend = Meeting(workers=3)
    answers = list(engine(backend, budget=4096).generate(text_of(8, name=i) for i in range(12)))
    assert sorted(index for index, _ in answers) == list(range(12))
    assert [len(batch) for batch in backend.batches] == [4, 4, 4]


def test_a_batch_that_never_comes_back_is_an_error_once_the_others_are_answered() -> None:
    gate, returned = threading.Event(), threading.Event()

    class Hanging(Echo):
        def run(self, rows: Sequence[Sequence[int]], candidates: int | None = None) -> list[Answer]:
            if rows == [rows[0]] and len(rows[0]) == 7:
                gate.wait(20)
                returned.set()
            return super().run(rows, candidates)

    checkpoint = words(deterministic=True)
    opened = BatchingEngine(checkpoint, workers=Threads(Hanging(workers=2)), budget=64, patience=0.3)
    answered: list[int] = []
    with pytest.raises(HungError, match=r"a batch of 1 texts × 7 tokens has not come back in 0\.005 minutes"):
        answered.extend(index for index, _ in opened.generate([text_of(n, name="x") for n in (5, 7, 9, 5, 5, 9)]))
    assert answered == [0, 2, 3, 4, 5]
    opened.close()
    assert not returned.is_set()  # it was not waited for
    gate.set()


def test_no_texts() -> None:
    assert list(engine(Echo()).generate([])) == []


def news_lengths(count: int) -> list[int]:
    """Lengths like those of news articles: log-normal, median 500, cut at 1024."""
    random = Random(7)
    return [min(1024, max(20, int(random.lognormvariate(6.2, 0.6)))) for _ in range(count)]


def test_sorting_saves_padding_and_fills_the_batches() -> None:
    lengths = news_lengths(2000)
    opened = engine(Echo(), checkpoint=words(max_source=1024), budget=8192)
    list(opened.generate(text_of(length, name="x") for length in lengths))
    stats = opened.stats()
    assert stats.tokens == sum(lengths)
    assert 1 - stats.tokens / stats.slots < 0.06
    assert stats.slots / (stats.batches * 8192) > 0.90


@pytest.mark.parametrize(
    ("text", "answer", "finished"),
    [
        ("Giá xăng giảm. Người dân vui.", "Giá xăng giảm.", True),
        ("Giá xăng giảm", "Giá xăng giảm", True),
        ("một hai ba bốn năm sáu bảy. tám", "một hai ba bốn năm sáu", False),
        ("Hết. fake:empty", "", True),
        ("Lại. fake:loop", "Lại. fake:loop Lại. fake:loop Lại. fake:loop", False),
        ("Chậm. fake:slow", "Chậm.", True),
        ("Đông. fake:memory", "Đông.", True),
        ("", "", True),
    ],
)
def test_the_fake_answers(text: str, answer: str, finished: bool) -> None:
    checkpoint = words(max_new_tokens=6, prefix="vietnews: ")
    opened = engine(FakeBackend(checkpoint), checkpoint=checkpoint)
    answers = dict(opened.generate(["Câu khác.", text, "Câu khác nữa."]))
    found = answers[1]
    assert isinstance(found, Generation)
    assert (found.text, found.finished, found.output_tokens) == (answer, finished, len(answer.split()))
    assert all(
        isinstance(other, Generation) and other.text.startswith("Câu khác") for i, other in answers.items() if i != 1
    )


def test_the_fake_slips_and_its_second_candidate_does_not() -> None:
    checkpoint = words()
    text = "Giá vé 50 đồng fake:slip"
    opened = engine(FakeBackend(checkpoint), checkpoint=checkpoint)
    first, wide = (answer for _, answer in sorted(opened.generate([text, Candidates(text, 3)])))
    assert isinstance(first, Generation)
    assert isinstance(wide, Generation)
    assert first.text == wide.text == "Giá vé đồng fake:slip"
    assert [other.text for other in wide.others] == [text, "Giá vé 50 đồng"]


@pytest.mark.parametrize(("text", "kind"), [("A. fake:refuse", "error"), ("A. fake:huge", "memory")])
def test_the_fake_refuses(text: str, kind: str) -> None:
    checkpoint = words()
    texts = ["Câu khác."] * 20 + [text] + ["Câu khác."] * 20
    answers = dict(engine(FakeBackend(checkpoint), checkpoint=checkpoint).generate(texts))
    refused = answers.pop(20)
    assert isinstance(refused, Refused)
    assert refused.kind == kind
    assert {answer.text for answer in answers.values() if isinstance(answer, Generation)} == {"Câu khác."}


def test_the_fake_is_lost() -> None:
    checkpoint = words()
    with pytest.raises(EngineError, match="fake:lost"):
        list(engine(FakeBackend(checkpoint), checkpoint=checkpoint).generate(["A. fake:lost"]))


def test_the_time_of_the_batching_grows_with_the_texts_and_no_faster() -> None:
    checkpoint = words()
    text = "Hà Nội hôm nay trời nắng nhẹ, nhiệt độ cao nhất 31 độ. Đêm có mưa rào."

    def seconds(count: int) -> float:
        opened = engine(FakeBackend(checkpoint), checkpoint=checkpoint, budget=4096)
        started = time.process_time()
        assert sum(1 for _ in opened.generate(text for _ in range(count))) == count
        return time.process_time() - started

    assert seconds(16_000) < 30 * min(seconds(1_600) for _ in range(2))


def test_the_fake_is_slow() -> None:
    checkpoint = words()
    opened = engine(FakeBackend(checkpoint), checkpoint=checkpoint)
    list(opened.generate(["A. fake:slow"]))
    assert opened.stats().busy_seconds >= 0.05


def test_the_fake_crashes() -> None:
    code = """
from pipeline.engines.fake import FakeBackend
from pipeline.engines.workers import Outcome, Threads, Trouble
from tests.engines.test_batching import engine, words
checkpoint = words()
for _ in engine(FakeBackend(checkpoint), checkpoint=checkpoint).generate(["A.", "B. fake:crash"]):
    print("answered")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
