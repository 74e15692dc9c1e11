"""What the throughput benchmarks run: articles of real lengths, and checkpoints of real or random weights.

Without the data of the project the bodies are made of invented sentences, as long as those of 3,000 articles of the
vietnews validation set: `BODY_SYLLABLES` are the 5 % steps of their lengths, counted once.

Random weights stand in for checkpoints that cannot be had here, in their true shapes. The rows of every token that ends
an answer or is not a whole piece of text are zero in the tied embedding, so no search ever chooses them: every answer
has exactly `max_new_tokens` tokens, in every library, without a setting that asks for it.
"""

from __future__ import annotations

import json
import lzma
import random
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from pipeline import config as configs
from pipeline.checkpoints import Checkpoint
from pipeline.commands.single import SUMMARIZER, TRANSLATOR
from pipeline.config import Config
from pipeline.progress import Silent
from pipeline.records import Article, Failure, Generation, StageName, Summarized, Translated
from pipeline.runner import chain
from pipeline.runner.options import RunOptions
from pipeline.runner.preparing import chunker, memo_folder, prepare_stages
from pipeline.runner.stage_runner import StageRunner
from pipeline.sources import read
from pipeline.stages import Round, summarize, translate
from pipeline.storage.memo import open_memo
from tests.conftest import sentence

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
VIETNEWS = "vietnews.val.jsonl.xz"
BUNDLED = ROOT / "pipeline" / "bundled"
# Syllables of a body: the shortest, each 5 %, the longest.
BODY_SYLLABLES = (
    103, 193, 225, 250, 277, 297, 323, 350, 377, 404, 435, 465, 497, 530, 572, 618, 660, 725, 795, 898, 1824,
)  # fmt: skip
MARIAN_SIZE = 53685  # pieces of opus-mt-vi-en
# How wide the weights are drawn, over the root of their inputs: the narrower, the more one token is said again and again;
# the wider, the more rounding decides. T5 does not scale its attention: of five articles, one alone was answered as in a
# batch with 2.5 for all, and all five with these.
_WIDE, _WIDE_QUERY = 2.0, 0.7
_NEVER = -1000.0  # a piece's log-probability that no tokenization can want

Models = Literal["bundled", "vit5-shape"]
NAMES: tuple[StageName, ...] = ("summarize", "translate")


@dataclass(frozen=True, slots=True)
class Workload:
    """A config over a feed, ready to run, and what it is in words."""

    folder: Path
    config_file: Path
    config: Config
    articles: int
    described: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The texts one stage asked its engine, each once, in order, and the answers."""

    checkpoint: Checkpoint
    texts: list[str]
    answers: list[Generation]


def make(folder: Path, *, articles: int, models: Models, data: Path = DATA) -> Workload:
    """Write a feed, the checkpoints where they are random, and a config into `folder`."""
    origin = _write_feed(folder / "feed.jsonl", articles, data=data)
    stages = _bundled() if models == "bundled" else _shapes(folder)
    whole: dict[str, Any] = {
        "name": "throughput",
        "sources": [{"path": "feed.jsonl", "columns": {"text": "body"}}],
        "on_same_id": "newest",
        "exclude": {"under_syllables": 0, "not_vietnamese": False},
        "limits": {"max_failure_ratio": 1.0},
        **stages,
    }
    path = folder / "throughput.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return Workload(folder, path, configs.load(path), articles, f"{models}, {articles} articles of {origin}")


def prepared(config: Config) -> dict[StageName, Checkpoint]:
    """Return the prepared checkpoints of a config."""
    return prepare_stages(config, until=None)


def asked(workload: Workload, outputs: Path) -> dict[StageName, Asked]:
    """Return what the stages asked in a run into `outputs`, from its memo; the run must have been complete."""
    config = workload.config
    checkpoints = prepared(config)
    found: dict[StageName, Asked] = {}
    with open_memo(memo_folder(config, outputs)) as memo:

        def asked_of(name: StageName, stage: Any, records: list[Any]) -> list[Any]:
            checkpoint, texts = checkpoints[name], dict[str, Generation]()
            fitted = chunker(checkpoint)
            runner: StageRunner[Any, Any] = StageRunner(
                name=name,
                stage=lambda record: _heard(stage(record, fitted), texts),
                calls=memo.calls(checkpoint.identity()),
                open_engine=_nothing_left,
            )
            results = [result for result in runner.over(records) if not isinstance(result, Failure)]
            found[name] = Asked(checkpoint, list(texts), list(texts.values()))
            return results

        source = config.sources[0]
        records = read(source, exclude=config.exclude, on_file=lambda _: None)
        articles = [record for record in records if isinstance(record, Article)]
        asked_of("translate", translate, asked_of("summarize", summarize, articles))
    return found


def _heard(steps: Round[Summarized | Translated | Failure], texts: dict[str, Generation]) -> Generator[Any, Any, Any]:
    """Pass a stage's questions and answers on, and keep them."""
    try:
        round_ = next(steps)
        while True:
            answers = yield round_
            texts.update({str(text): answer for text, answer in zip(round_, answers, strict=True)})
            round_ = steps.send(answers)
    except StopIteration as stop:
        return stop.value


def _nothing_left() -> Any:
    raise AssertionError("the run left a text unasked: is it complete?")


# Articles


def _write_feed(path: Path, count: int, *, data: Path) -> str:
    """Write `count` articles as JSON lines; return where they come from."""
    real = data / VIETNEWS
    if real.exists():
        with lzma.open(real, "rt", encoding="utf-8") as lines:
            taken = list(islice(lines, count))
        path.write_text("".join(taken), encoding="utf-8")
        return f"{VIETNEWS} (the first {len(taken)})"
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in invented(count))
    return f"invented sentences in the lengths of vietnews ({real} is not there)"


def invented(count: int) -> Iterator[dict[str, str]]:
    """Yield articles of invented sentences, no two alike, with bodies as long as vietnews' are."""
    rng = random.Random(5)
    number = 0
    for at in range(count):
        step = rng.randrange(len(BODY_SYLLABLES) - 1)
        wanted = rng.randint(BODY_SYLLABLES[step], BODY_SYLLABLES[step + 1])
        body: list[str] = []
        syllables = 0
        while syllables < wanted:
            number += 1
            body.append(sentence(number))
            syllables += len(body[-1].split())
        yield {"id": str(at), "title": sentence(number + 1)[:60], "body": "\n".join(body)}


# Checkpoints


def _bundled() -> dict[str, Any]:
    # without repair, which the peers do not do
    return {"summarize": {"model": SUMMARIZER, "repair": None}, "translate": {"model": TRANSLATOR, "repair": None}}


def _shapes(folder: Path) -> dict[str, Any]:
    """Build random weights in the shapes of ViT5-base and opus-mt-vi-en; return the two stages.

    The shapes are those of T5-base with ViT5's vocabulary, and of the opus-mt models of Marian, from memory. Their
    tokenizer is the bundled one, whose pieces are shorter: an article has a few more tokens than with ViT5's own.
    """
    stage = {"engine": "ctranslate2", "compute_type": "int8", "accept_license": "unknown"}
    return {
        "summarize": stage
        | {
            "model": str(vit5_base(folder / "vit5-base")),
            "prefix": "vietnews: ",
            "max_source_tokens": 1024,
            "generation": {"max_new_tokens": 48, "num_beams": 1},
        },
        "translate": stage
        | {
            "model": str(opus_mt(folder / "opus-mt")),
            "max_source_tokens": 512,
            "generation": {"max_new_tokens": 32, "num_beams": 4, "early_stopping": True},
        },
    }


def vit5_base(folder: Path) -> Path:
    """Write a T5 of 223 million random parameters."""
    from transformers import T5Config, T5ForConditionalGeneration

    shape: dict[str, Any] = {
        "vocab_size": 36096, "d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_decoder_layers": 12,
        "num_heads": 12, "dropout_rate": 0.0, "feed_forward_proj": "relu", "tie_word_embeddings": True,
        "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
    }  # fmt: skip
    return _save(T5ForConditionalGeneration(T5Config(**shape)), folder, tokenizer_class="T5Tokenizer")


def opus_mt(folder: Path) -> Path:
    """Write a Marian transformer of 72 million random parameters."""
    from transformers import MarianConfig, MarianMTModel

    shape: dict[str, Any] = {
        "vocab_size": MARIAN_SIZE, "d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 8,
        "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "max_position_embeddings": 512,
        "scale_embedding": True, "activation_function": "swish", "static_position_embeddings": True, "dropout": 0.0,
        "share_encoder_decoder_embeddings": True, "pad_token_id": MARIAN_SIZE - 1, "eos_token_id": 1, "bos_token_id": 1,
        "decoder_start_token_id": MARIAN_SIZE - 1, "forced_eos_token_id": None,
    }  # fmt: skip
    _save(MarianMTModel(MarianConfig(**shape)), folder, tokenizer_class="MarianTokenizer")
    # the padding is the last piece of every Marian vocabulary, and CTranslate2's converter counts on it
    path = folder / "tokenizer.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    pieces = raw["model"]["vocab"]
    pieces[0] = ["<none_0>", _NEVER]
    pieces += [[f"<none_{number}>", _NEVER] for number in range(len(pieces), MARIAN_SIZE - 1)]
    pieces.append(["<pad>", 0.0])
    padding = next(token for token in raw["added_tokens"] if token["content"] == "<pad>")
    raw["added_tokens"] = [token for token in raw["added_tokens"] if token is not padding]
    raw["added_tokens"].append(padding | {"id": MARIAN_SIZE - 1})
    path.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    return folder


def _save(model: PreTrainedModel, folder: Path, *, tokenizer_class: str) -> Path:
    """Draw the weights, so that answers differ from text to text, and save them beside the bundled tokenizer."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    pieces = _ordinary_pieces()
    rng = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "shared" in name or "embed_tokens" in name or "lm_head" in name:
                weight.normal_(0, 0.5, generator=rng)
                chosen = torch.zeros(len(weight), dtype=torch.bool)
                chosen[pieces] = True
                weight[~chosen] = 0
            elif weight.dim() > 1 and "position" not in name:
                weight.normal_(0, (_WIDE_QUERY if ".q." in name else _WIDE) * weight.shape[1] ** -0.5, generator=rng)
    model.save_pretrained(folder)
    shutil.copy(BUNDLED / "summarizer" / "tokenizer.json", folder)
    tokens = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    about = {"tokenizer_class": tokenizer_class, **tokens}
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "generation_config.json").unlink(missing_ok=True)
    return folder


def _ordinary_pieces() -> list[int]:
    """Return the tokens of the bundled tokenizer that are text: no special token, no byte."""
    from tokenizers import Tokenizer

    vocabulary = Tokenizer.from_file(str(BUNDLED / "summarizer" / "tokenizer.json")).get_vocab()
    return [number for piece, number in vocabulary.items() if not piece.startswith("<")]


def run(workload: Workload, outputs: Path, *, force: bool = False) -> None:
    """Run the workload in this process."""
    chain.run(workload.config, options=RunOptions(outputs=outputs, force=force), progress=Silent())
