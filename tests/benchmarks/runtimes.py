"""Whether another runtime is faster than CTranslate2 on a CPU, with the same weights, texts and quality.

    python -m tests.benchmarks.runtimes [--models bundled|vit5-shape] [--articles 24] [--tokens 48] [--rounds 3]

Two tasks: `encode` (states of the sources) and `answer` (the same, then exactly so many tokens, greedy). Each runtime
is tuned by itself, on every fourth text: one batch on all cores or a batch on each core, one text a batch or batches of
so many tokens with padding. Then all of them run in turn, each with its best setting, and the median counts. The texts
are those that a run asks first. Quality is told beside ONNX Runtime in float32.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import importlib
import logging
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.checkpoints import Checkpoint
from pipeline.checkpoints.device import cores
from pipeline.checkpoints.weights import load
from pipeline.records import Article
from pipeline.runner.preparing import chunker, prepare_stages
from pipeline.sources import read
from pipeline.stages import summarize
from tests.benchmarks.graphs import NAMES, Array, Graph, export, greedy
from tests.benchmarks.throughput import FORCED, device
from tests.benchmarks.workload import DATA, make

INSTALL = "pip install onnx onnxscript onnxruntime openvino nncf"
Task = Literal["encode", "answer"]
BUDGETS = (1, 2048, 4096)  # tokens of a batch, padding counted; 1: each text alone
TASKS: tuple[Task, ...] = ("encode", "answer")
DYNAMIC_GROUP = 64  # inputs that share a scale in OpenVINO's weights-only form
CALIBRATING = 8  # further texts, for the quantization that needs some
Run = Callable[[Array, Array], Array]  # ids and mask to states, or to tokens


@dataclass(frozen=True, slots=True)
class Job:
    """What every runtime is given."""

    checkpoint: Checkpoint
    graphs: Path
    rows: list[list[int]]
    more: list[list[int]]
    tokens: int


@dataclass(frozen=True, slots=True)
class Setting:
    """So many batches at a time, each on so many threads, and how large they are."""

    workers: int
    threads: int
    budget: int

    def __str__(self) -> str:
        return f"{self.workers}x{self.threads} threads, {'1 text' if self.budget == 1 else f'{self.budget} tokens'}"


@dataclass(slots=True)
class Peer:
    """A runtime that does the task, with its best setting, and what was measured."""

    name: str
    open: Callable[[Job, Task, int, int], Run]  # of workers and threads
    once: bool = False  # there for scale: measured in the first round only
    setting: Setting = field(default_factory=lambda: Setting(1, 1, 1))
    run: Run | None = None
    seconds: list[float] = field(default_factory=list)
    found: list[Array] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def main() -> None:
    options = _options()
    for name in ("onnx", "onnxscript", "onnxruntime", "openvino", "nncf"):
        _need(name)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {device()}: {' '.join(['runtimes', *sys.argv[1:]])}")
    with tempfile.TemporaryDirectory(prefix="runtimes-") as name:
        job = _job(Path(name), options)
        print(
            f"{options.models}: {len(job.rows)} texts, {sum(map(len, job.rows))} tokens, {max(map(len, job.rows))} at most"
        )
        for task in options.only or TASKS:
            compare(job, task, rounds=options.rounds)


def compare(job: Job, task: Task, *, rounds: int) -> None:
    """Tune every runtime, measure them in turn, and print how they compare with the first, CTranslate2."""
    peers = [peer for peer in everyone() if task == "encode" or peer.open is not torch_float32]
    for peer in peers:
        tune(peer, job, task)
        print(f"  {peer.name}: {peer.setting}", file=sys.stderr, flush=True)
    for number in range(rounds):
        at = number % len(peers)
        for peer in (*peers[at:], *peers[:at]):
            if peer.once and number:
                continue
            assert peer.run is not None
            spent, peer.found = timed(peer.run, job.rows, peer.setting)
            peer.seconds.append(spent)
            print(f"  round {number + 1}: {peer.name}: {spent:.1f} s", file=sys.stderr, flush=True)
    true = next(peer.found for peer in reversed(peers) if "float32" in peer.name)
    print(
        f"\n{task}{'' if task == 'encode' else f', {job.tokens} tokens each'}; median of {rounds} rounds in turn, float32 once"
    )
    for peer in peers:
        quality = _states(peer.found, true) if task == "encode" else _answers(peer.found, true)
        print(
            f"  {peer.median:7.2f} s [{min(peer.seconds):.2f}, {max(peer.seconds):.2f}]"
            f" {peers[0].median / peer.median:5.2f}x CTranslate2  {quality}  {peer.name} ({peer.setting})"
        )


def tune(peer: Peer, job: Job, task: Task) -> None:
    """Leave the peer opened with its fastest setting on a quarter of the texts."""
    some = sorted(job.rows, key=len)[len(job.rows) // 8 :: 4]
    best = float("inf")
    for workers in sorted({1, cores()}):
        run = peer.open(job, task, workers, max(1, cores() // workers))
        timed(run, some[:workers], Setting(workers, 1, 1))  # the first batch of every library is slow
        for budget in BUDGETS:
            setting = Setting(workers, max(1, cores() // workers), budget)
            spent, _ = timed(run, some, setting)
            if spent < best:
                best, peer.setting, peer.run = spent, setting, run


def timed(run: Run, rows: Sequence[list[int]], setting: Setting) -> tuple[float, list[Array]]:
    """Return the seconds of a pass over the rows, batched by length, the longest first, and what each row gave."""
    order = sorted(range(len(rows)), key=lambda at: -len(rows[at]))
    found: list[Array] = [np.empty(0)] * len(rows)
    started = time.perf_counter()

    def one(chosen: list[int]) -> None:
        lengths = [len(rows[at]) for at in chosen]
        ids, mask = (np.zeros((len(chosen), max(lengths)), np.int64) for _ in range(2))
        for at, (row, length) in enumerate(zip(chosen, lengths, strict=True)):
            ids[at, :length], mask[at, :length] = rows[row], 1
        for row, length, result in zip(chosen, lengths, run(ids, mask), strict=True):
            found[row] = result[:length] if result.ndim > 1 else result

    with ThreadPoolExecutor(setting.workers) as pool:
        list(pool.map(one, _batches(order, rows, setting.budget)))
    return time.perf_counter() - started, found


def _batches(order: Sequence[int], rows: Sequence[list[int]], budget: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for at in order:
        if batch and len(rows[batch[0]]) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(at)
    yield batch


# Runtimes


def everyone() -> list[Peer]:
    """Return the runtimes; the first is what the others are compared with, the last what is right."""
    return [
        Peer("CTranslate2 int8", ctranslate2_int8),
        Peer("ONNX Runtime int8, dynamic", partial(onnx_runtime, suffix=".int8")),
        Peer("OpenVINO int8 weights, dynamic", partial(openvino_int8, encoder="weights")),
        Peer("OpenVINO int8, encoder calibrated", partial(openvino_int8, encoder="calibrated")),
        Peer("torch float32", torch_float32, once=True),
        Peer("ONNX Runtime float32", partial(onnx_runtime, suffix=""), once=True),
    ]


def ctranslate2_int8(job: Job, task: Task, workers: int, threads: int) -> Run:
    ct2 = _need("ctranslate2")
    where = {"device": "cpu", "compute_type": "int8", "inter_threads": workers, "intra_threads": threads}
    if task == "encode":
        encoder = ct2.Encoder(str(_ctranslate2_encoder(job)), **where)

        def encode(ids: Array, mask: Array) -> Array:
            given = (ct2.StorageView.from_array(array.astype(np.int32)) for array in (ids, mask.sum(1)))
            return np.array(encoder.forward_batch(*given).last_hidden_state)

        return encode
    translator = ct2.Translator(str(job.checkpoint.converted), **where)
    pieces = job.checkpoint.tokens(range(job.checkpoint.vocab_size))
    number = {piece: id_ for id_, piece in enumerate(pieces)}

    def answer(ids: Array, mask: Array) -> Array:
        results = translator.translate_batch(
            [[pieces[id_] for id_ in row[: real.sum()]] for row, real in zip(ids, mask, strict=True)],
            beam_size=1,
            min_decoding_length=job.tokens,
            max_decoding_length=job.tokens,
            max_input_length=0,
        )
        return np.array([[number[piece] for piece in result.hypotheses[0]] for result in results])

    return answer


def _ctranslate2_encoder(job: Job) -> Path:
    """Convert the encoder alone, as CTranslate2's `Encoder` gives states, which its `Translator` keeps to itself."""
    specs, loaders = _need("ctranslate2.specs"), _need("ctranslate2.converters.transformers")
    folder = job.graphs / "ctranslate2"
    if folder.exists():
        return folder
    model: Any = load(job.checkpoint.folder, dtype="float32")
    encoder = specs.TransformerEncoderSpec(
        model.config.num_layers,
        model.config.num_heads,
        pre_norm=True,
        activation=specs.Activation.RELU,
        relative_attention_bias=True,
        rms_norm=True,
    )
    assert model.config.dense_act_fn == "relu", "the activation and the gate are written down here"
    assert not model.config.is_gated_act, "the activation and the gate are written down here"
    loaders.T5Loader().set_stack(encoder, model.encoder)
    spec = specs.TransformerEncoderModelSpec(encoder)
    spec.register_vocabulary(job.checkpoint.tokens(range(job.checkpoint.vocab_size)))
    spec.config.unk_token = job.checkpoint.tokens([job.checkpoint.unk_id])[0]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir()
    spec.save(str(folder))
    return folder


def onnx_runtime(job: Job, task: Task, workers: int, threads: int, *, suffix: str) -> Run:
    ort = _need("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3

    def opened(name: str) -> Graph:
        path = job.graphs / f"{name}{suffix}.onnx"
        if not path.exists():
            _need("onnxruntime.quantization").quantize_dynamic(
                job.graphs / f"{name}.onnx",
                path,
                per_channel=True,
                op_types_to_quantize=["MatMul"],
                weight_type=_need("onnxruntime.quantization").QuantType.QInt8,
                use_external_data_format=True,
            )
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return partial(session.run, None)

    return _graphs(job, task, opened)


def openvino_int8(job: Job, task: Task, workers: int, threads: int, *, encoder: str) -> Run:
    """int8 as NNCF makes it: weights alone, the activations quantized at each call, or, in the encoder, both calibrated."""
    nncf = _need("nncf")
    nncf.set_log_level(logging.ERROR)

    def weights(model: Any) -> Any:
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)

    def calibrated(model: Any) -> Any:
        data = [{"ids": np.array([row]), "mask": np.ones((1, len(row)), np.int64)} for row in job.more]
        return nncf.quantize(model, nncf.Dataset(data), model_type=nncf.ModelType.TRANSFORMER)

    def opened(name: str) -> Graph:
        rewrite = calibrated if name == "encoder" and encoder == "calibrated" else weights
        return _compiled(_rewritten(job, name, rewrite), workers, threads, "f32" if name == "step" else "bf16")

    return _graphs(job, task, opened)


def _rewritten(job: Job, name: str, rewrite: Callable[[Any], Any]) -> Path:
    """Return an exported graph as OpenVINO's own, rewritten once."""
    openvino = _need("openvino")
    path = job.graphs / f"{name}.{rewrite.__name__}.xml"
    if not path.exists():
        model = rewrite(openvino.Core().read_model(job.graphs / f"{name}.onnx"))
        openvino.save_model(model, path, compress_to_fp16=False)
    return path


def _compiled(model: Path, workers: int, threads: int, precision: str) -> Graph:
    settings = {
        "NUM_STREAMS": workers,
        "INFERENCE_NUM_THREADS": workers * threads,
        "INFERENCE_PRECISION_HINT": precision,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": DYNAMIC_GROUP,
    }
    compiled = _need("openvino").Core().compile_model(model, "CPU", settings)
    mine = threading.local()  # a request serves one thread

    def run(inputs: dict[str, Array]) -> list[Array]:
        if not hasattr(mine, "request"):
            mine.request = compiled.create_infer_request()
        return list(mine.request.infer(inputs, share_inputs=True).to_tuple())

    return run


def torch_float32(job: Job, task: Task, workers: int, threads: int) -> Run:
    import torch

    model: Any = load(job.checkpoint.folder, dtype="float32")

    def encode(ids: Array, mask: Array) -> Array:
        torch.set_num_threads(threads)  # of this thread
        with torch.inference_mode():
            given = (torch.from_numpy(array) for array in (ids, mask))
            states: Array = model.encoder(*given).last_hidden_state.numpy()
        return states

    return encode


def _graphs(job: Job, task: Task, opened: Callable[[str], Graph]) -> Run:
    """Return the task over the exported graphs."""
    if task == "encode":
        encoder = opened("encoder")
        return lambda ids, mask: encoder({"ids": ids, "mask": mask})[0]
    return partial(
        greedy,
        [opened(name) for name in NAMES],
        tokens=job.tokens,
        start=job.checkpoint.decoder_start_id,
        end=job.checkpoint.eos_id,
    )


# Quality


def _states(found: Sequence[Array], true: Sequence[Array]) -> str:
    """Return the relative error of the states over all tokens, and the mean cosine of a token's."""
    one, two = (np.concatenate(list(arrays)).astype(np.float64) for arrays in (found, true))
    error = np.linalg.norm(one - two) / np.linalg.norm(two)
    cosine = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    return f"error {error:.4f}, cosine {cosine.mean():.5f}"


def _answers(found: Sequence[Array], true: Sequence[Array]) -> str:
    """Return how many answers are equal to those in float32, and how many tokens before the first that differs."""
    same = [np.append(one == two, False).argmin() for one, two in zip(found, true, strict=True)]
    equal = sum(np.array_equal(one, two) for one, two in zip(found, true, strict=True))
    return f"{equal} of {len(true)} answers equal, {np.mean(same):.1f} tokens alike"


def _job(folder: Path, options: argparse.Namespace) -> Job:
    workload = make(folder, articles=options.articles + CALIBRATING, models=options.models, data=options.data)
    config = workload.config
    checkpoint = prepare_stages(config, until="summarize")["summarize"]
    assert checkpoint.compute_type == "int8"
    records = read(config.sources[0], exclude=config.exclude, on_file=lambda _: None)
    articles = [record for record in records if isinstance(record, Article)]
    fitted = chunker(checkpoint)
    rows, more = (
        checkpoint.encode([str(text) for article in some for text in next(summarize(article, fitted))])
        for some in (articles[: options.articles], articles[options.articles :])
    )
    graphs = options.folder or folder / "graphs"
    graphs.mkdir(parents=True, exist_ok=True)
    export(checkpoint.folder, graphs)
    return Job(checkpoint, graphs, rows, more, options.tokens)


def _need(name: str) -> Any:
    """Import a module that tomdich itself can do without."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SystemExit(f"{name} cannot be imported ({error}); this benchmark needs: {INSTALL}") from None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.runtimes", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--models", choices=("bundled", FORCED), default="bundled", help="real or random weights")
    parser.add_argument("--articles", type=int, default=24, metavar="N", help="articles of the feed")
    parser.add_argument("--tokens", type=int, default=48, metavar="N", help="of each answer")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each measurement")
    parser.add_argument("--only", choices=TASKS, action="append", help="only this task")
    parser.add_argument("--folder", type=Path, help="keep the exported graphs there, one folder for each model")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the articles")
    return parser.parse_args()


if __name__ == "__main__":
    main()
