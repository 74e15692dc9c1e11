"""Training: a tiny translator from generated sentences, killed, resumed, ended early, fine-tuned; and each part alone."""

from __future__ import annotations

import json
import logging
import lzma
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import yaml

from pipeline import checkpoints
from pipeline import train as training
from pipeline.checkpoints import device
from pipeline.checkpoints.tokenizers import JsonTokenizer
from pipeline.config import Exclude, Runtime, Stage
from pipeline.engines import open_engine
from pipeline.errors import ConfigError, EngineError, LockedError, ModelError, SourceError, StoppedError, WorldError
from pipeline.messages import logged_to
from pipeline.records import Generation
from pipeline.storage.atomic import replacing
from pipeline.train import batches, choose, config, data, reading, state
from pipeline.train.coding import Coder
from pipeline.train.data import Packed
from pipeline.train.from_scratch import alignment
from tests import tiny
from tests.refusals import no_room

WHO = [("Chị Hoa", "Ms Hoa"), ("Anh Tuấn", "Mr Tuan"), ("Ông Bảy", "Mr Bay"), ("Cô giáo", "The teacher"), ("Bác sĩ", "The doctor")]  # fmt: skip
DID = [("cho biết", "said that"), ("hy vọng", "hope that"), ("lo ngại rằng", "fear that"), ("dự báo", "expect that")]
WHAT = [("giá xăng sẽ giảm", "petrol will be cheaper"), ("cầu mới sắp mở", "a new bridge opens soon"), ("trường học đóng cửa", "schools are closed")]  # fmt: skip
WHEN = [("hôm nay", "today"), ("vào tuần tới", "next week"), ("ở Hà Nội", "in Hanoi"), ("từ tháng 9", "from September")]


def pairs(count: int, *, seed: int) -> list[tuple[str, str]]:
    """Return made-up Vietnamese sentences and their English."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        parts = [rng.choice(table) for table in (WHO, DID, WHAT, WHEN)]
        cases = rng.randrange(2, 99)
        vietnamese, english = (" ".join(side) for side in zip(*parts, strict=True))
        made.append((f"{vietnamese}, {cases} ca.", f"{english}, {cases} cases."))
    return made


T = TypeVar("T")


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done = 0

    def begin(self, stage: str, total: int | None) -> None:
        self.said.append(f"begin {stage} {total or ''}".strip())

    def advance(self, count: int) -> None:
        self.done += count

    def expect(self, _seconds: float) -> None:
        pass

    def __str__(self) -> str:
        return "\n".join(self.said)


def heard(function: Callable[..., T]) -> Callable[..., T]:
    """Return `function` with what it logs told to its progress."""

    def call(*arguments: Any, progress: Told, **options: Any) -> T:
        with logged_to(progress.said.append, level=logging.INFO):
            return function(*arguments, progress=progress, **options)

    return call


train, pack = heard(training.train), heard(data.pack)


def write_yaml(path: Path, **fields: Any) -> Path:
    path.write_text(yaml.safe_dump(fields, allow_unicode=True), encoding="utf-8")
    return path


def tsv(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{left}\t{right}\n" for left, right in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sentence pairs and a tokenizer trained on them."""
    folder = tmp_path_factory.mktemp("work")
    tsv(folder / "train.tsv", pairs(600, seed=1))
    tsv(folder / "dev.tsv", pairs(20, seed=2))
    made = write_yaml(
        folder / "tokenizer.yaml",
        name="tokenizer",
        task="tokenizer",
        folder="tokenizer",
        pairs=[{"path": "train.tsv", "source": 1, "target": 2}],
        vocabulary=370,
    )
    train(made, progress=Told())
    return folder


def translator(work: Path, name: str, **fields: Any) -> Path:
    """Write the config of a tiny translator, its folder beside it."""
    whole = {
        "name": name,
        "task": "translate",
        "folder": name,
        "tokenizer": "tokenizer/model",
        "model": {
            "width": 32,
            "heads": 2,
            "head_width": 16,
            "feed_forward": 64,
            "encoder_layers": 2,
            "decoder_layers": 1,
        },
        "data": [{"path": "train.tsv", "source": 1, "target": 2, "license": "cc0-1.0"}],
        "dev": [{"path": "dev.tsv", "source": 1, "target": 2}],
        "lengths": {"source": 64, "target": 64},
        "batch_tokens": 1500,
        "optimizer": {"kind": "muon", "lr": 0.02, "embedding_lr": 0.02},
        "schedule": {"steps": 60, "warmup": 5},
        "curriculum": [{"until": 10, "longest": 40}],
        "guidance": {"steps": 30},
        "choose": {"every": 20, "examples": 10, "average": 2},
        "generation": {"max_new_tokens": 48},
        "card": {"license": "apache-2.0"},
        "threads": 1,
        "log_every": 10,
    } | fields
    return write_yaml(work / f"{name}.yaml", **{field: value for field, value in whole.items() if value is not None})


@pytest.fixture(scope="module")
def trained(work: Path) -> tuple[Path, Told]:
    """A tiny translator, trained without interruption, and what was told."""
    told = Told()
    return train(translator(work, "whole"), progress=told), told


def loaded(folder: Path, *, cache: Path) -> checkpoints.Checkpoint:
    """Return the checkpoint in `folder` as a run loads it, from a stage that names the folder and nothing else."""
    stage = Stage(model=str(folder), engine="transformers", compute_type="float32")
    return checkpoints.prepare(
        stage, runtime=Runtime(device="cpu"), deterministic=False, reproducible="warn", cache=cache
    )


def answers(folder: Path, texts: list[str], *, cache: Path) -> list[Generation]:
    """Return what the pipeline makes of `texts` with the checkpoint in `folder`."""
    engine = open_engine(loaded(folder, cache=cache), runtime=Runtime(threads=1))
    found = dict(engine.generate(texts))
    engine.close()
    answered = [found[at] for at in range(len(texts))]
    assert all(isinstance(answer, Generation) for answer in answered)
    return [answer for answer in answered if isinstance(answer, Generation)]


# The whole way


def test_the_loss_falls_and_the_result_translates_in_the_pipeline(
    trained: tuple[Path, Told], work: Path, tmp_path: Path
) -> None:
    folder, told = trained
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in told.said if ": loss " in line]
    assert losses[0] > 6
    assert losses[-1] < 1.5
    assert "600 examples of 600 read" in str(told)
    assert "the average of checkpoints 40, 60: chrF" in str(told)
    (answer,) = answers(folder, [pairs(1, seed=3)[0][0]], cache=tmp_path)
    assert answer.finished
    assert answer.text.endswith("cases.")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "curves.png", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert json.loads((folder / "tokenizer_config.json").read_text())["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"] == 64
    assert json.loads((folder / "generation_config.json").read_text())["max_new_tokens"] == 48
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_card_names_license_data_and_numbers_with_signatures(trained: tuple[Path, Told]) -> None:
    text = (trained[0] / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] == "apache-2.0"
    assert front["language"] == ["vi", "en"]
    assert "| chrF |" in text
    assert "nrefs:1|bs:1000|seed:12345|case:mixed|eff:yes|nc:6|nw:0" in text
    assert "| train.tsv | 600 | 600 | – | cc0-1.0 |" in text
    assert "The weights are" in text
    assert "Unfinished" not in text


def test_what_the_card_says_of_loading_by_name_holds(trained: tuple[Path, Told]) -> None:
    from transformers import AutoTokenizer, T5Tokenizer

    assert "`T5Tokenizer` builds the tokenizer without byte" in (trained[0] / "README.md").read_text(encoding="utf-8")
    auto, by_name = AutoTokenizer.from_pretrained(trained[0]), T5Tokenizer.from_pretrained(trained[0])
    assert auto.unk_token_id not in auto("€")["input_ids"]
    assert by_name.unk_token_id in by_name("€")["input_ids"]  # once it does not, the card need not say so


def test_what_is_done_is_not_done_again(trained: tuple[Path, Told], work: Path) -> None:
    told = Told()
    assert train(work / "whole.yaml", progress=told) == trained[0]
    assert "nothing has changed" in str(told)
    assert told.done == 0


def test_what_only_the_card_says_of_the_data_makes_another_card(trained: tuple[Path, Told], work: Path) -> None:
    weights = (trained[0] / "model.safetensors").read_bytes()
    train(work / "whole.yaml", ("data.0.license=mit", "data.0.note=ours", "dev.0.license=gpl"), progress=Told())
    text = (trained[0] / "README.md").read_text(encoding="utf-8")
    assert "| train.tsv | 600 | 600 | – | mit | ours |" in text
    assert "| dev.tsv | 20 | 20 | – | gpl |  |" in text
    assert (trained[0] / "model.safetensors").read_bytes() == weights
    train(work / "whole.yaml", progress=Told())


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(trained: tuple[Path, Told], work: Path) -> None:
    path = translator(work, "killed")
    script = (
        "import logging, sys; from pathlib import Path; from pipeline.train import train; from pipeline.progress import Lines; "
        "logging.basicConfig(level=logging.INFO, format='%(message)s'); train(Path(sys.argv[1]), progress=Lines())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:  # between the checkpoints of steps 20 and 40
        if line.startswith("step 30"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=60)
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    torn = work / "killed" / "checkpoints" / "checkpoint-30"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    told = Told()
    train(path, progress=told)
    assert "checkpoint-30: was not finished" in str(told)
    assert "going on from step 20" in str(told)
    assert not any(line.startswith("step 10:") for line in told.said)
    weights = "model/model.safetensors"
    assert (work / "killed" / weights).read_bytes() == (work / "whole" / weights).read_bytes()


def test_a_stint_ends_cleanly_and_a_longer_schedule_goes_on_before_the_decay(work: Path, tmp_path: Path) -> None:
    path = translator(
        work,
        "stint",
        model={
            "width": 128,
            "heads": 2,
            "head_width": 16,
            "feed_forward": 512,
            "encoder_layers": 2,
            "decoder_layers": 1,
        },
        schedule={"steps": 30, "warmup": 5},
        choose={"every": 10, "examples": 5, "average": 2},
        shard_mb=1,
    )
    told, steps = Told(), iter(range(1000))
    with pytest.raises(StoppedError, match=r"no more at step 13 of 30; .*model holds the best so far"):
        train(
            path,
            progress=told,
            stopping=lambda: "no more" if "begin train 30" in told.said and next(steps) == 12 else None,
        )
    assert "Unfinished: step 13 of 30" in (work / "stint" / "model" / "README.md").read_text(encoding="utf-8")
    assert len(answers(work / "stint" / "model", ["Chị Hoa"], cache=tmp_path)) == 1
    files = [
        path for folder in ("checkpoints", "model") for path in (work / "stint" / folder).rglob("*") if path.is_file()
    ]
    assert {"optimizer.pt.piece-001", "model-00001-of-00002.safetensors"} <= {path.name for path in files}
    assert max(path.stat().st_size for path in files) <= 1024 * 1024
    train(path, ("only=export",), progress=Told())
    card = (work / "stint" / "model" / "README.md").read_text(encoding="utf-8")
    assert "Unfinished: step 13 of 30" in card
    assert "On the 20 texts of the dev set" in card
    with pytest.raises(StoppedError, match="max_minutes: 1e-06 are over at step 14"):
        train(path, ("max_minutes=0.000001",), progress=Told())
    train(path, progress=Told())
    told = Told()
    train(path, ("schedule.steps=40",), progress=told)
    assert "ends at step 40 and decays from 28 now: going on from step 20, before the decay" in str(told)
    assert [one.step for one in state.saved(work / "stint" / "checkpoints")][-1] == 40
    with pytest.raises(ConfigError, match=r"schedule.steps: 25, but the training is at step 40 already"):
        train(path, ("schedule.steps=25",), progress=Told())
    told = Told()
    train(path, ("schedule.steps=40", "schedule.decay=0.5"), progress=told)
    assert "decays from 20 now: going on from step 20, before the decay" in str(told)


def test_another_training_in_the_same_folder_is_refused(trained: tuple[Path, Told], work: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds a training with another `optimizer`, `seed`"):
        train(work / "whole.yaml", ("seed=2", "optimizer.lr=0.01"), progress=Told())
    with pytest.raises(ConfigError, match=r"holds a training with another `repeat`"):
        train(work / "whole.yaml", ("data.0.repeat=2",), progress=Told())
    with state.locked(work / "whole"), pytest.raises(LockedError, match="another training holds"):
        train(work / "whole.yaml", progress=Told())


@pytest.mark.parametrize("kind", ["t5", "marian"])
def test_a_checkpoint_is_fine_tuned(kind: tiny.Kind, work: Path, tmp_path: Path) -> None:
    folder = tiny.copy(kind, tmp_path / kind)
    path = translator(
        work,
        f"fine-{kind}",
        tokenizer=None,
        model=None,
        init_from=str(folder),
        guidance=None,
        curriculum=None,
        deepen={"encoder": 4, "decoder": 3} if kind == "t5" else None,
        optimizer={"kind": "adafactor" if kind == "t5" else "adamw", "lr": 0.005},
        schedule={"steps": 6, "warmup": 0},
        choose={"every": 6, "examples": 4},
        weights="float32",
        data=[{"path": "train.tsv", "source": 1, "target": 2, "take": 40}],
        generation={"max_new_tokens": 8},
        prefix="Hà Nội: ",
        tone_style="new",
        log_every=3,
    )
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    told = Told()
    result = train(path, progress=told)
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in told.said if ": loss " in line]
    assert losses[-1] < losses[0]
    assert json.loads((result / "tokenizer_config.json").read_text())["model_max_length"] == 64
    if kind == "t5":
        shape = json.loads((result / "config.json").read_text())
        assert (shape["num_layers"], shape["num_decoder_layers"]) == (4, 3)
    assert len(answers(result, ["Chị Hoa cho biết"], cache=tmp_path)) == 1
    used = loaded(result, cache=tmp_path)
    assert (used.prefix, used.tone_style) == ("Hà Nội: ", "new")
    card = (result / "README.md").read_text(encoding="utf-8")
    assert f"fine-tuned from the folder `{kind}` (license: mit; SHA-256 of its files: " in card
    assert str(tmp_path) not in card
    elsewhere = folder.rename(tmp_path / "elsewhere")
    told = Told()
    assert train(path, (f"init_from={elsewhere}",), progress=told) == result
    assert "nothing has changed" in str(told)
    folder = elsewhere.rename(folder)
    for name in ("optimizer.kind=muon", "guidance={}"):
        if kind == "marian":
            with pytest.raises(ConfigError, match="is for T5, this is marian"):
                train(path, (name, f"folder={tmp_path}/other"), progress=Told())


def test_a_card_that_says_what_tomdich_does_not_know_is_refused(trained: tuple[Path, Told], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained[0], tmp_path / "model"))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "tomdich:\n  tone_style: press\n" in card
    (folder / "README.md").write_text(card.replace("tone_style: press", "tone_style: pres"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"README.md: tomdich.tone_style: must be one of 'press', 'new' or 'any'"):
        loaded(folder, cache=tmp_path)


def test_a_checkpoint_that_is_not_there_is_named_with_its_field(work: Path, tmp_path: Path) -> None:
    start = {"tokenizer": None, "model": None, "guidance": None, "init_from": str(tmp_path / "vit5")}
    with pytest.raises(ModelError, match=r"init_from: .*vit5: no such folder; give the folder of a checkpoint"):
        train(translator(work, "nowhere", **start), progress=Told())


def test_a_device_that_is_not_there_is_said_before_anything_is_read(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "cuda_devices", lambda: 0)
    told = Told()
    with pytest.raises(ConfigError, match=r"^device: cuda is asked for"):
        train(translator(work, "gpu"), ("device=cuda",), progress=told)
    assert told.said == []


def test_cuda_with_a_torch_that_has_none_is_refused_and_not_replaced_by_the_cpu(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "cuda_devices", lambda: 1)
    monkeypatch.setattr(device, "torch_has_cuda", lambda: False)
    with pytest.raises(ConfigError, match=r"^device: cuda is asked for, but the installed torch is a CPU build"):
        train(translator(work, "gpu"), ("device=cuda",), progress=Told())


def test_a_family_that_cannot_be_trained_is_refused(work: Path) -> None:
    start = {"tokenizer": None, "model": None, "guidance": None, "init_from": str(tiny.checkpoint("bart"))}
    with pytest.raises(ModelError, match="is bart; only T5, mT5 and Marian"):
        train(translator(work, "bart", **start), progress=Told())


def test_a_summarizer_is_trained_on_the_leads_of_articles(work: Path, tmp_path: Path) -> None:
    rows = []
    for number, (vietnamese, _) in enumerate(pairs(60, seed=4)):
        body = " ".join(text for text, _ in pairs(8, seed=100 + number))
        rows.append({"id": str(number), "body": f"{vietnamese} {body}", "abstract": vietnamese if number else ""})
    for name, part in (("articles", rows[:50]), ("held", rows[50:])):
        (work / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")
    columns = {"text": "body", "reference_summary": "abstract"}
    path = translator(
        work,
        "summarizer",
        task="summarize",
        data=[{"path": "articles.jsonl", "columns": columns}],
        dev=[{"path": "held.jsonl", "columns": columns, "skip": 2, "take": 5}],
        lengths={"source": 96, "target": 64, "cut_source": True},
        curriculum=[{"until": 3, "lead": 40}],
        schedule={"steps": 6, "warmup": 0},
        choose={"every": 6, "examples": 3},
        guidance={"steps": 4},
    )
    told = Told()
    folder = train(path, progress=told)
    assert "data.0 articles.jsonl: 49 examples of 50 read, left out: 1 without a summary" in str(told)
    assert "dev.0 held.jsonl: 5 examples of 5 read" in str(told)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "49 cut to their start" in text
    assert "| ROUGE-L |" in text
    assert "tok:syllable" in text
    assert "the first 96 tokens at most" in text
    used = loaded(folder, cache=tmp_path)
    assert (used.lead_only, used.max_source) == (True, 96)  # a run shows it what it was trained on
    assert len(answers(folder, [rows[55]["body"]], cache=tmp_path)) == 1


def test_a_summarizer_is_trained_on_what_the_rounds_of_a_run_will_show_it(work: Path, tmp_path: Path) -> None:
    rows = []
    for number, (title, _) in enumerate(pairs(30, seed=5)):
        sentences = [text for text, _ in pairs(8, seed=200 + number)]
        body = " ".join(sentences[: 8 if number % 2 else 1])
        rows.append({"id": str(number), "title": title, "body": body, "abstract": sentences[number % 3]})
    (work / "titled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = {"text": "body", "reference_summary": "abstract"}
    path = translator(
        work,
        "rounds",
        task="summarize",
        with_title=True,
        rounds={"untitled": 0.0},
        data=[{"path": "titled.jsonl", "columns": columns, "take": 20}],
        dev=[{"path": "titled.jsonl", "columns": columns, "skip": 20}],
        lengths={"source": 192, "target": 64, "cut_source": True},
        exclude={"under_syllables": 0, "not_vietnamese": False},
        curriculum=[],
        schedule={"steps": 2, "warmup": 0, "decay": 0.5},
        choose={"every": 2, "examples": 3},
        guidance=None,
    )
    told = Told()
    folder = train(path, progress=told)
    assert "data.0 titled.jsonl: 30 examples of 20 read" in str(told)  # every second article is longer than a part
    assert "no prefix; the headline and ` | ` in front of the text" in (folder / "README.md").read_text("utf-8")
    used = loaded(folder, cache=tmp_path)
    assert (used.with_title, used.tone_style, used.max_source, used.lead_only) == (True, "press", 192, False)
    decode = JsonTokenizer(work / "tokenizer" / "model" / "tokenizer.json", unk_piece="<unk>").decode
    with np.load(work / "rounds" / "data" / "train-00.npz") as packed:
        ends = np.cumsum(packed["source_sizes"])
        shown = decode([ids[:-1].tolist() for ids in np.split(packed["source"], ends[:-1])])
    assert max(packed_size for packed_size in np.diff(ends)) <= 192
    for row in rows[:20]:
        assert sum(text.startswith(f"{row['title']} | ") for text in shown) >= 1


# The config


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task": "summarise"}, "task: is one of tokenizer, translate, summarize"),
        ({"shedule": {}}, r"shedule: no such field; did you mean `schedule`\?"),
        ({"model": {"widht": 3}}, r"model.widht: no such field; did you mean `width`\?"),
        ({"schedule": {"steps": 0}}, "schedule.steps: must be at least 1"),
        ({"schedule": {"steps": 10, "warmup": 9}}, "10 steps have no room for a `warmup` of 9"),
        ({"init_from": "x"}, "drop `model` and `tokenizer`"),
        ({"model": None}, "from scratch give `model` and `tokenizer`"),
        ({"data": [{"path": "a.tsv", "source": 1, "target": "en"}]}, "data.0: give `source` and `target` both"),
        ({"data": []}, "data: must have at least one item"),
        (
            {"dev": None},
            r"dev: give what the checkpoint is chosen on, .* `take: 200` here and `skip: 200` under `data`",
        ),
        (
            {"curriculum": [{"until": 5, "longest": 9}, {"until": 5, "longest": 12}]},
            "later than that of the stage before",
        ),
        ({"curriculum": [{"until": 5}]}, "give `longest` or `lead`"),
        ({"generation": {"num_beams": "two"}}, r"generation.num_beams: .*found 'two'"),
    ],
)
def test_a_mistake_is_named_with_its_field(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    path = translator(tmp_path, "night", **fields)
    with pytest.raises(ConfigError, match=said):
        config.load(path)


def test_paths_stand_against_the_configs_folder_and_state_outside_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    loaded = config.load(translator(tmp_path, "night", folder=None), ("dev.0.path=../held.tsv",))
    assert isinstance(loaded, config.TranslateTraining)
    assert loaded.home == Path("/state/tomdich/training/night")
    assert loaded.tokenizer == str(tmp_path / "tokenizer" / "model")
    assert loaded.data[0].path == str(tmp_path / "train.tsv")
    assert loaded.dev[0].path == str(tmp_path.parent / "held.tsv")


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "configs" / "train").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_training_config_that_comes_with_tomdich_loads(path: Path) -> None:
    assert config.load(path).name == path.stem


# Reading


def read(
    folder: Path, name: str, content: str | bytes, **fields: Any
) -> tuple[list[tuple[str, str]], reading.ReadCounts]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    tally = reading.ReadCounts()
    source = config.Pairs(path=str(path), **fields)
    return list(reading.read_pairs(source, tone_style="press", tally=tally)), tally


@pytest.mark.parametrize(
    ("name", "content", "fields", "expected"),
    [
        ("a.tsv", "source\ttarget\nhoà  bình\tpeace\n", {}, [("hòa bình", "peace")]),
        ("a.tsv", "x\tmột\tone\n", {"source": 2, "target": 3}, [("một", "one")]),
        ("a.tsv", '"""Vâng"", ông nói."\t"Yes"\n', {"source": 1, "target": 2}, [('"Vâng", ông nói.', '"Yes"')]),
        ("a.tsv", "Ho\u0300a\tpeace\n", {"source": 1, "target": 2}, [("Hòa", "peace")]),
        ("a.csv", 'en,vi\n"one, two",một hai\n', {"source": "vi", "target": "en"}, [("một hai", "one, two")]),
        ("a.jsonl", '{"vi": "một", "en": "one"}\n', {"source": "vi", "target": "en"}, [("một", "one")]),
        ("a.txt", "một\tone\n", {"format": "tsv", "source": 1, "target": 2}, [("một", "one")]),
        ("a.tsv.xz", lzma.compress("một\tone\n".encode()), {"source": 1, "target": 2}, [("một", "one")]),
        ("a.tsv.xz", lzma.compress("một\t".encode()) + lzma.compress(b"one"), {"source": 1, "target": 2}, [("một", "one")]),
        ("a.tsv", "1\ta\n2\tb\n3\tc\n4\td\n", {"source": 1, "target": 2, "skip": 1, "every": 2, "take": 1}, [("2", "b")]),
    ],
)  # fmt: skip
def test_pairs_are_read_and_cleaned(
    tmp_path: Path, name: str, content: str | bytes, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found, tally = read(tmp_path, name, content, **fields)
    assert found == expected
    assert not tally.left_out


@pytest.mark.parametrize(
    ("name", "content", "fields", "reason"),
    [
        ("a.tsv", "một\tone\nhai\n", {"source": 1, "target": 2}, "not as many columns as the others"),
        ("a.tsv", "một\tone\nhai\t\n", {"source": 1, "target": 2}, "a side is empty"),
        ("a.jsonl", '{"source": "a", "target": "b"}\n{"source"\n', {}, "not JSON"),
        ("a.jsonl", '{"source": "a", "target": "b"}\n{"source": 1}\n', {}, "no text under 'source' and 'target'"),
    ],
)
def test_a_row_that_is_no_pair_is_counted(
    tmp_path: Path, name: str, content: str, fields: dict[str, Any], reason: str
) -> None:
    found, tally = read(tmp_path, name, content, **fields)
    assert len(found) == 1
    assert tally.left_out == {reason: 1}


@pytest.mark.parametrize(
    ("name", "content", "fields", "said"),
    [
        ("a.tsv", "vi\ten\n", {}, r"line 1: no column 'source'; there are 'vi', 'en'. .*give numbers"),
        ("a.pdf", "", {}, "pairs come in TSV, CSV or JSON lines"),
        ("a.csv", 'source,target\n"một,one\n', {}, "mend the quotes"),
        ("a.tsv", b"\xff\xfe\t\n", {"source": 1, "target": 2}, "line 1: is not UTF-8"),
        ("a.tsv.xz", lzma.compress(b"a\tb\n")[:-9], {"source": 1, "target": 2}, "the xz data is (cut short|damaged)"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: str | bytes, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        read(tmp_path, name, content, **fields)


def test_articles_come_from_the_pipelines_own_sources_also_from_xz(tmp_path: Path) -> None:
    row = {"id": "1", "title": "Hoà bình", "text": "Hoà bình là điều ai cũng mong.\nĐúng vậy.", "note": "x"}
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress((json.dumps(row) + "\n" + "{}\n").encode()))
    source = config.Articles(path=str(tmp_path / "a.jsonl.xz"), columns={"reference_summary": "note"})  # type: ignore[arg-type]
    tally = reading.ReadCounts()
    found = reading.read_articles(source, exclude=Exclude(under_syllables=3), tone_style="press", tally=tally)
    assert list(found) == [("Hòa bình", "Hòa bình là điều ai cũng mong. Đúng vậy.", "x")]
    assert tally.left_out == {"empty": 1}


# The tokenizer


def test_the_tokenizer_is_lossless_and_splits_digits(work: Path) -> None:
    tokenizer = JsonTokenizer(work / "tokenizer" / "model" / "tokenizer.json", unk_piece="<unk>")
    texts = ["Chị Hoa cho biết 2025", "🎉 ngoài vốn từ: Ⓐ", "Hà Nội"]
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    pieces = [tokenizer.piece(token) for token in tokenizer.encode(["2025"])[0]]
    assert [piece.strip("▁") for piece in pieces if piece != "▁"] == ["2", "0", "2", "5"]
    assert [tokenizer.find(piece) for piece in ("<pad>", "</s>", "<unk>")] == [0, 1, 2]


def test_a_tokenizer_is_made_once_and_again_when_its_texts_change(work: Path) -> None:
    told = Told()
    train(work / "tokenizer.yaml", progress=told)
    assert "nothing has changed" in str(told)
    told = Told()
    train(work / "tokenizer.yaml", (f"folder={work}/other", "pairs.0.take=400", "vocabulary=365"), progress=told)
    assert "365 pieces; 0 of 800 lines differ" in str(told)
    told = Told()
    same = (f"folder={work}/other", "pairs.0.take=400", "vocabulary=365", "pairs.0.license=mit")
    card = (train(work / "tokenizer.yaml", same, progress=told) / "README.md").read_text(encoding="utf-8")
    assert "nothing has changed" not in str(told)
    assert "| pairs.0 train.tsv | 400 | mit |  |" in card


def test_too_little_text_for_a_vocabulary_is_said(work: Path) -> None:
    with pytest.raises(ConfigError, match=r"vocabulary: 5000 cannot be learnt .* smaller `vocabulary`"):
        train(work / "tokenizer.yaml", (f"folder={work}/large", "vocabulary=5000"), progress=Told())


# Packing


def words(texts: Sequence[str]) -> list[list[int]]:
    """Encode each word as one token by its length, behind the special ones; the end mark is 1."""
    return [[*(10 + len(word) for word in text.split()), 1] for text in texts]


CODER = Coder(words, words, lambda rows: [str(row) for row in rows], 100, 0, 1, 0, "words")


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., config.TranslateTraining]:
    """Give a function that loads a config over two small files."""

    def make(rows: list[tuple[str, str]], **fields: Any) -> config.TranslateTraining:
        tsv(tmp_path / "train.tsv", rows)
        tsv(tmp_path / "dev.tsv", [("dev a b c d", "dev e f g h")])
        loaded = config.load(translator(tmp_path, "small", **fields))
        assert isinstance(loaded, config.TranslateTraining)
        return loaded

    return make


def test_what_is_left_out_is_counted_by_reason(small: Callable[..., config.TranslateTraining]) -> None:
    rows = [
        ("a b c", "d e f"),
        ("dev a b c d", "x y z"),
        ("a", "b c d"),
        ("a b c", " ".join("x" * 30)),
        (" ".join("x" * 70), " ".join("y" * 60)),
    ]
    told = Told()
    packed, dev = pack(small(rows, lengths={"source": 64, "target": 64, "ratio": 2.0}), CODER, progress=told)
    assert len(packed) == 1
    for reason in ("also in the dev set", "too short", "sides of too different a length", "too long"):
        assert f"1 {reason}" in str(told)
    assert dev.references == ["dev e f g h"]
    assert packed.source.dtype == np.uint16
    assert packed.source.tolist() == words(["a b c"])[0]


def test_packing_stops_for_a_reason(small: Callable[..., config.TranslateTraining]) -> None:
    with pytest.raises(StoppedError, match="stopped by SIGTERM while reading the sources; run it again"):
        pack(small([("a b c", "d e f")] * 3), CODER, progress=Told(), stopping=lambda: "stopped by SIGTERM")


def test_packed_files_are_reused_carried_and_made_again_when_a_source_changes(
    small: Callable[..., config.TranslateTraining], tmp_path: Path
) -> None:
    rows = [("a b c", "d e f"), ("g h i j", "k l m")]
    training = small(rows, compress=True)
    first, _ = pack(training, CODER, progress=Told())
    told = Told()
    again, _ = pack(training, CODER, progress=told)
    assert "begin pack train.tsv" not in told.said
    assert again.key() == first.key()
    (tmp_path / "train.tsv").rename(tmp_path / "away.tsv")  # a box that has the packed files alone
    carried, _ = pack(training, CODER, progress=Told())
    assert carried.target.tolist() == first.target.tolist()
    changed, _ = pack(small([*rows, ("n o p", "q r s")]), CODER, progress=Told())
    assert (len(first), len(changed)) == (2, 3)
    (tmp_path / "train.tsv").unlink()
    with pytest.raises(SourceError, match=r"train.tsv"):
        pack(
            small(rows, lengths={"source": 32, "target": 32}).model_copy(
                update={"data": (config.Pairs(path=str(tmp_path / "no.tsv")),)}
            ),
            CODER,
            progress=Told(),
        )


def test_a_change_in_one_of_two_files_of_one_name_is_seen(
    small: Callable[..., config.TranslateTraining], tmp_path: Path
) -> None:
    for folder, rows in (("1", [("a b c", "d e f")]), ("2", [("g h i", "k l m")])):
        (tmp_path / folder).mkdir()
        tsv(tmp_path / folder / "day.tsv", rows)
    data = [{"path": "*/day.tsv", "source": 1, "target": 2}]
    first, _ = pack(small([], data=data), CODER, progress=Told())
    tsv(tmp_path / "1" / "day.tsv", [("a b c", "d e f"), ("n o p", "q r s")])
    again, _ = pack(small([], data=data), CODER, progress=Told())
    assert (len(first), len(again)) == (2, 3)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], r"0 read: there is no row; fill it, or lower `data.0.skip`"),
        ([("a", "b")], r"1 read: 1 too short; lower `lengths.least_source`"),
        (
            [("a " * 70, "b " * 70), ("a", "b"), ("a " * 80, "b " * 80)],
            r"3 read: 2 too long; 1 too short; raise `lengths",
        ),
        ([("dev a b c d", "x y z")], r"1 read: 1 also in the dev set; separate them with `take` and `skip`"),
        ([("a b c", "")], r"1 read: 1 a side is empty; check the file"),
    ],
)
def test_no_example_left_names_file_reason_and_remedy(
    small: Callable[..., config.TranslateTraining], rows: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"data: /.*train.tsv: no example is left of {said}"):
        pack(small(rows), CODER, progress=Told())


# Batches


def made(count: int, *, seed: int = 0) -> Packed:
    """Return examples of random lengths whose tokens tell example and side."""
    rng = np.random.default_rng(seed)
    lefts, rights = rng.integers(4, 60, count), rng.integers(4, 40, count)
    return Packed(
        np.repeat(np.arange(count) + 10, lefts).astype(np.uint16), np.concatenate([[0], np.cumsum(lefts)]),
        np.repeat(np.arange(count) + 10, rights).astype(np.uint16), np.concatenate([[0], np.cumsum(rights)]),
        np.zeros(count, np.uint16), ({},),
    )  # fmt: skip


def training_of(tmp_path: Path, **fields: Any) -> config.TranslateTraining:
    loaded = config.load(translator(tmp_path, "t", **fields))
    assert isinstance(loaded, config.TranslateTraining)
    return loaded


@pytest.mark.parametrize("longest", [8, 12, 64, 160, 512])
def test_the_grid_rises_to_the_longest_by_half_at_most(longest: int) -> None:
    lengths = batches.grid(longest)
    assert lengths[-1] == longest
    assert all(one < other <= 1.6 * one for one, other in pairwise(lengths))


def test_every_example_is_seen_once_an_epoch_in_shapes_of_the_grid(tmp_path: Path) -> None:
    training = training_of(tmp_path, curriculum=None)
    packed = made(500)
    epoch = batches._epoch(
        training, packed, np.arange(500), np.random.default_rng(1), (batches.grid(64), batches.grid(64)), lead=64
    )
    assert sorted(one for batch in epoch for one in batch.examples.tolist()) == list(range(500))
    assert sum(len(batch.examples) < batch.rows for batch in epoch) <= 1
    for batch in epoch:
        assert batch.rows * (batch.source + 1.6 * batch.target) <= training.batch_tokens
        assert batch.source in batches.grid(64)
        assert (np.diff(packed.source_starts)[batch.examples] <= batch.source).all()
        assert (np.diff(packed.target_starts)[batch.examples] <= batch.target).all()


def test_a_longer_schedule_begins_with_the_same_batches(tmp_path: Path) -> None:
    packed = made(200)
    plans = [
        batches.plan(training_of(tmp_path, schedule={"steps": steps, "warmup": 1}), packed, repeats=(2,))
        for steps in (25, 60)
    ]
    assert [batch.examples.tolist() for batch in plans[0]] == [batch.examples.tolist() for batch in plans[1][:25]]
    assert len(plans[1]) == 60
    sizes = np.maximum(np.diff(packed.source_starts), np.diff(packed.target_starts))
    assert all((sizes[batch.examples] <= 40).all() for batch in plans[1][:10])  # the lesson
    with pytest.raises(ConfigError, match="curriculum: no example has both sides of at most 8"):
        batches.plan(training_of(tmp_path, curriculum=[{"until": 5, "longest": 8}]), made(3), repeats=(1,))


def test_a_batch_holds_its_examples_shifted_padded_and_aligned(tmp_path: Path) -> None:
    packed = made(3, seed=5)
    aligned = np.zeros(len(packed.target), np.uint16)
    aligned[-2] = 30  # beyond the cut
    plan = [batches.Batch(4, 16, 40, np.array([2, 0])), batches.Batch(4, 60, 40, np.array([1]))]
    dataset = batches.TrainingBatches(packed, CODER, plan, aligned, guided=1)
    batch = dataset[0]
    assert batch["input_ids"].shape == (4, 16)
    lengths = np.diff(packed.source_starts)
    assert batch["attention_mask"].sum(1).tolist() == [min(lengths[2], 16), min(lengths[0], 16), 1, 1]
    assert batch["input_ids"][0, -1] == (CODER.eos if lengths[2] > 16 else 0)
    size = int(np.diff(packed.target_starts)[2])
    assert batch["labels"][0, :size].tolist() == [12] * size
    assert (batch["labels"][0, size:] == batches.IGNORED).all()
    assert (batch["labels"][2:] == batches.IGNORED).all()
    assert batch["decoder_input_ids"][0, :3].tolist() == [CODER.start, 12, 12]
    assert batch["alignment"][0, 0] == 0
    assert batch["alignment"][0, size - 2] == batches.UNALIGNED
    assert "alignment" not in dataset[1]


# Alignment and guidance


def test_model_1_finds_the_words_that_belong_together() -> None:
    rng = np.random.default_rng(1)
    lefts, rights = [], []
    for _ in range(400):  # each word has its translation, 50 higher; the order is turned round
        sentence = rng.integers(3, 43, rng.integers(3, 9)).tolist()
        lefts.append([*sentence, 1])
        rights.append([*(word + 50 for word in reversed(sentence)), 1])
    starts = np.concatenate([[0], np.cumsum([len(row) for row in lefts])])
    packed = Packed(
        np.concatenate(lefts).astype(np.uint16), starts, np.concatenate(rights).astype(np.uint16), starts,
        np.zeros(400, np.uint16), ({},),
    )  # fmt: skip
    found = alignment.by_model_1(packed, 100, config.Guidance(diagonal=0.5), progress=Told())
    ends = starts[1:] - 1
    assert (found[ends] == batches.UNALIGNED).all()
    sources = np.concatenate([np.array(row)[found[a:b]] for row, a, b in zip(lefts, starts, ends, strict=False)])
    targets = np.concatenate([np.array(row[:-1]) for row in rights])
    assert np.mean(sources + 50 == targets) > 0.97
    with pytest.raises(ConfigError, match="guidance: the aligner's table"):
        alignment.by_model_1(packed, 20_000, config.Guidance(), progress=Told())


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ([5, 6, 7, 8], [6, 7, 9], [1, 2, None]),
        ([5, 6, 5, 7], [5, 7], [2, 3]),  # the 5 that is followed by a 7
        ([5, 6, 5, 7, 5, 8], [5, 9], [None, None]),  # three places, nothing tells
        ([5, 6, 5, 7], [5, 9, 6], [0, None, 1]),
        ([], [5], [None]),
    ],
)
def test_a_copied_token_points_at_its_place(source: list[int], target: list[int], expected: list[int | None]) -> None:
    wanted = [batches.UNALIGNED if place is None else place for place in expected]
    assert alignment._copied(source, target) == wanted


def test_guidance_turns_the_attention_and_leaves_the_answer_alone() -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from pipeline.train.from_scratch.guidance import Guide, Loss

    torch.manual_seed(0)
    shape: dict[str, Any] = {"vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0, "decoder_start_token_id": 0}  # fmt: skip
    model: Any = T5ForConditionalGeneration(T5Config(**shape))
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 1]]),
        "attention_mask": torch.ones(1, 4, dtype=torch.long),
        "decoder_input_ids": torch.tensor([[0, 8, 9]]),
    }
    before = model(**batch).logits
    loss = Loss(Guide(model, config.Guidance(weight=1.0)), config.Smoothing(value=0.2, after=5))
    aligned = batch | {"alignment": torch.tensor([[2, 0, batches.UNALIGNED]])}
    labels = torch.tensor([[8, 9, 1]])
    outputs = model(**aligned)
    assert torch.equal(outputs.logits, before)
    guided = loss(outputs, labels)
    plain = loss(model(**batch), labels)
    assert guided > plain + 0.5
    loss.step = 5
    assert loss(model(**batch), labels) != plain  # smoothed from here on
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        step: Any = loss(model(**aligned), labels)
        step.backward()
        optimizer.step()
    with torch.no_grad():
        model.set_attn_implementation("eager")
        weights = model(**batch, output_attentions=True).cross_attentions[0][0]  # heads, target, source
    assert (weights[:, 0].argmax(-1) == 2).all()
    assert (weights[:, 1].argmax(-1) == 0).all()


def test_queries_get_a_smaller_rate_and_embeddings_another_optimizer() -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from pipeline.train.from_scratch.muon import muon_and_adamw

    shape: dict[str, Any] = {"vocab_size": 40, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
    model = T5ForConditionalGeneration(T5Config(**shape))
    settings = config.Optimizer(lr=0.02, embedding_lr=0.01)
    optimizer = muon_and_adamw(model, settings, in_bfloat16=True)
    rates = {id(one): group["lr"] for group in optimizer.param_groups for one in group["params"]}
    named = {name: rates[id(parameter)] for name, parameter in model.named_parameters()}
    assert {rate for name, rate in named.items() if name.endswith("Attention.q.weight")} == {0.005}  # 0.02 / √16
    assert {rate for name, rate in named.items() if name.endswith(("k.weight", "wi.weight", "wo.weight"))} == {0.02}
    assert {rate for name, rate in named.items() if "shared" in name or "norm" in name or "relative" in name} == {0.01}
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():  # each matrix moves by its rate of what it began with
        if name.endswith(("k.weight", "v.weight", "o.weight", "q.weight")) and parameter.ndim == 2:
            moved = (parameter - before[name]).pow(2).mean().sqrt() / before[name].pow(2).mean().sqrt()
            assert 0.01 < moved < 0.03, name
    kept = optimizer.state_dict()
    other = muon_and_adamw(model, settings, in_bfloat16=True)
    other.load_state_dict(kept)
    assert torch.equal(next(iter(other.state_dict()["second"]["state"].values()))["exp_avg"], next(iter(kept["second"]["state"].values()))["exp_avg"])  # fmt: skip
    other.param_groups[0]["lr"] = 0.5  # as a schedule does
    assert other.state_dict()["first"]["param_groups"][0]["lr"] == 0.5


def test_muon_in_float32_does_what_torchs_does_in_bfloat16() -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from pipeline.train.from_scratch.muon import muon_and_adamw

    shape: dict[str, Any] = {"vocab_size": 40, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2}
    torch.manual_seed(1)
    model = T5ForConditionalGeneration(T5Config(**shape))
    other = deepcopy(model)
    settings = config.Optimizer(lr=0.02, embedding_lr=0.01, weight_decay=0.1)
    for one, in_bfloat16 in ((model, True), (other, False)):
        torch.manual_seed(2)
        optimizer = muon_and_adamw(one, settings, in_bfloat16=in_bfloat16)
        for _ in range(3):  # the momentum is carried over
            for parameter in one.parameters():
                parameter.grad = torch.randn_like(parameter)
            optimizer.step()
        kept = {tuple(state) for state in optimizer.state_dict()["first"]["state"].values()}
        assert kept == {("momentum_buffer",)}
    for name, parameter in model.named_parameters():
        twin = other.get_parameter(name)
        assert torch.allclose(parameter, twin, atol=0.02 * float(parameter.detach().std()) + 1e-6), name
        if name.endswith(("wi.weight", "wo.weight")):
            assert not torch.equal(parameter, twin), "the products are those of bfloat16"


@pytest.mark.parametrize(("fast", "precision"), [(False, "float32"), (True, "bfloat16")])
def test_a_cpu_without_fast_bfloat16_trains_in_float32_and_the_log_says_so(
    work: Path, monkeypatch: pytest.MonkeyPatch, fast: bool, precision: str
) -> None:
    few: dict[str, Any] = {"schedule": {"steps": 4, "warmup": 1, "decay": 0.5}, "choose": {"every": 2, "examples": 2}}
    path = translator(work, f"on-{precision}", device="cpu", guidance=None, curriculum=None, **few)
    monkeypatch.setattr("pipeline.train.training.cpu_has_fast_bfloat16", lambda: fast)
    told = Told()
    folder = train(path, progress=told)
    assert f"precision: auto is {precision} on this CPU" in str(told)
    assert f"minutes on cpu, {precision};" in (folder / "README.md").read_text(encoding="utf-8")

    # the folder is taken to a machine of the other kind
    monkeypatch.setattr("pipeline.train.training.cpu_has_fast_bfloat16", lambda: not fast)
    with pytest.raises(
        ConfigError, match=rf"another `precision`; set `precision: {precision}`, give another `folder:`"
    ):
        train(path, ("schedule.steps=6",), progress=Told())
    train(path, ("schedule.steps=6", f"precision={precision}"), progress=Told())


# Checkpoints


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    state.write_json(path, {"seed": 1})

    def torn() -> None:
        with replacing(path) as file:
            file.write(b"{")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        torn()
    assert state.read_json(path) == {"seed": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["training.json"]


def test_a_large_file_travels_in_pieces(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "checkpoint-7"
    folder.mkdir(parents=True)
    content = os.urandom(2_500_000)
    (folder / "optimizer.pt").write_bytes(content)
    (folder / "small.json").write_text("{}")
    assert state.saved(folder.parent) == []
    state.complete(state.Saved(folder, 7, decay=(7, 10), seconds=1.5), shard_mb=1)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["complete.json", *(f"optimizer.pt.piece-00{n}" for n in range(3)), "small.json"]
    assert max(path.stat().st_size for path in folder.iterdir()) <= 1024 * 1024
    (saved,) = state.saved(folder.parent)
    assert (saved.step, saved.stable, saved.seconds) == (7, True, 1.5)
    with state.whole(saved, tmp_path) as whole:
        assert (whole / "optimizer.pt").read_bytes() == content
        assert (whole / "small.json").is_file()
    (folder / "optimizer.pt.piece-001").write_bytes(b"short")  # lost on the way
    assert state.saved(folder.parent) == []
    assert state.unfinished(folder.parent) == [folder]


def test_a_disk_that_takes_no_more_is_named_and_the_training_goes_on_after_it(work: Path) -> None:
    path = translator(work, "full", schedule={"steps": 20, "warmup": 0}, choose={"every": 10, "examples": 2})
    train(path, ("only=pack",), progress=Told())
    said = r"full: .*File too large.*; the checkpoints in .*full are complete: make room"
    with no_room(50_000), pytest.raises(WorldError, match=said):  # the weights are larger
        train(path, progress=Told())
    told = Told()
    assert (train(path, progress=told) / "model.safetensors").stat().st_size > 50_000
    assert "checkpoint-10: was not finished" in str(told)


def test_a_training_that_the_disk_has_no_room_for_does_not_begin(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(work)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=500_000))
    told = Told()
    with pytest.raises(
        WorldError, match=r"room: 6 checkpoints of about .* GB .*, 0.0005 GB are free: make room, lower"
    ):
        train(translator(work, "room", choose={"every": 20, "examples": 2, "average": 3}), progress=told)
    assert "begin train 60" not in told.said


def test_a_batch_that_memory_cannot_hold_is_said(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from pipeline.train.from_scratch.guidance import Loss

    def refuse(*_: object, **_more: object) -> None:
        torch.empty(2**60)  # an exabyte

    monkeypatch.setattr(Loss, "__call__", refuse)
    with pytest.raises(EngineError, match=r"memory: a batch of 1500 tokens does not fit .* cpu: lower `batch_tokens`"):
        train(translator(work, "memory"), progress=Told())


def test_the_last_the_best_and_the_stable_checkpoint_are_kept(tmp_path: Path) -> None:
    for step in range(10, 80, 10):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        state.complete(state.Saved(folder, step, decay=(40, 70), seconds=0.0), shard_mb=None)
    state.prune(tmp_path, last=2, best=20)
    assert [one.step for one in state.saved(tmp_path)] == [20, 40, 60, 70]


@pytest.mark.parametrize(
    ("scores", "patience", "expected"),
    [([1, 2, 3], 2, False), ([3, 2, 1], 2, True), ([3, 2, 4], 2, False), ([3, 3], 1, True), ([1], 1, False), ([3, 1, 1], None, False)],
)  # fmt: skip
def test_patience_counts_looks_that_brought_nothing_better(
    scores: list[float], patience: int | None, expected: bool
) -> None:
    log = [{"step": float(at), "eval_chrf": score} for at, score in enumerate(scores)]
    assert choose.exhausted([{"step": 0, "loss": 9.0}, *log], "chrf", patience) is expected
    best = choose.best_evaluated(log, "chrf", set(range(9)))
    assert best is not None
    assert scores[best] == max(scores)


def test_patience_ends_a_training(work: Path) -> None:
    path = translator(
        work,
        "patient",
        optimizer={"kind": "muon", "lr": 1e-9, "embedding_lr": 1e-9},  # learns nothing
        choose={"every": 3, "examples": 3, "patience": 1, "average": 1},
        guidance=None,
        curriculum=None,
    )
    told = Told()
    train(path, progress=told)
    assert "step 6: no better in 1 evaluations: the training ends" in str(told)
    card = (work / "patient" / "model" / "README.md").read_text(encoding="utf-8")
    assert "6 steps of 60, ended where 1 evaluations brought nothing better, of 1500 tokens" in card
    assert "Unfinished" not in card
    assert (work / "patient" / "result.json").is_file()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny matrices are slower on several threads, much slower on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_nothing_heavy_is_imported_before_a_training_begins() -> None:
    script = "import sys; import pipeline.train; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
