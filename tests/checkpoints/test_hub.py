"""Loading from a look-alike hub on loopback, each time in a process of its own: HF_ENDPOINT is read at import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import hub as lookalike
from tests import tiny

NAME = "someone/vi-summarizer"
SCRIPT = """
import json, sys
from pathlib import Path
from pipeline.checkpoints import pin, prepare, pull, ready
from pipeline.config import Runtime, Stage
from pipeline.errors import TomdichError
from pipeline.messages import logged_to

asked = json.loads(sys.argv[1])
cache, answers = Path(asked["cache"]), []
for step in asked["steps"]:
    warnings = []
    try:
        match step["do"]:
            case "prepare" | "ready":
                make = prepare if step["do"] == "prepare" else ready
                with logged_to(warnings.append):
                    got = make(
                        Stage(engine="transformers", **step["stage"]), runtime=Runtime(device="cpu"),
                        deterministic=False, reproducible=step.get("reproducible", "warn"), cache=cache,
                    )
                answer = got and {"revision": got.revision, "license": got.license, "digest": got.digest,
                                  "files": sorted(path.name for path in got.folder.iterdir())}
            case "pull":
                with logged_to(warnings.append):
                    answer = {"commit": pull(step["name"], revision=None, cache=cache).commit}
            case "pin":
                answer = {"commit": pin(step["name"])}
        answers.append({"answer": answer, "warnings": warnings, "error": None})
    except TomdichError as error:
        answers.append({"answer": None, "warnings": warnings, "error": f"{type(error).__name__}: {error}"})
print(json.dumps({"steps": answers, "heavy": sorted({"torch", "transformers"} & set(sys.modules))}))
"""


@dataclass
class Client:
    hub: lookalike.Hub
    root: Path

    def command(self, *steps: dict[str, Any]) -> list[str]:
        return [sys.executable, "-c", SCRIPT, json.dumps({"cache": str(self.root / "cache"), "steps": steps})]

    def environment(self, **more: str) -> dict[str, str]:
        own = {
            "HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.root / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": str(Path(__file__).parents[2]),
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        return {**kept, **own, **more}

    def run(self, *steps: dict[str, Any], **environment: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            self.command(*steps),
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)["steps"]
        return answers

    def prepare(
        self, *, reproducible: str = "warn", environment: dict[str, str] | None = None, **stage: Any
    ) -> dict[str, Any]:
        step = {"do": "prepare", "stage": {"model": NAME, **stage}, "reproducible": reproducible}
        return self.run(step, **(environment or {}))[0]

    def blob(self, file: str) -> Path:
        [found] = (self.root / "hf" / "hub").rglob(f"snapshots/*/{file}")
        return found.resolve()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with lookalike.running(lookalike.Hub()) as hub:
        yield Client(hub, tmp_path)


def test_a_pinned_revision_is_loaded_and_then_needs_no_hub(client: Client) -> None:
    first = client.hub.add(NAME, tiny.checkpoint("t5"))
    client.hub.add(NAME, tiny.checkpoint("t5-bpe"))  # the branch has moved on
    got = client.prepare(revision=first)
    assert got["error"] is None
    assert got["warnings"] == []
    assert got["answer"]["revision"] == first
    assert got["answer"]["license"] == "mit"
    assert "tf_model.h5" not in got["answer"]["files"]
    assert ".gitattributes" not in got["answer"]["files"]
    asked = len(client.hub.requests)
    again = client.prepare(revision=first)
    assert again["answer"] == got["answer"]
    assert len(client.hub.requests) == asked


def test_an_unpinned_revision_warns_and_names_the_commit_it_is_now(client: Client) -> None:
    first = client.hub.add(NAME, tiny.checkpoint("t5"))
    [before] = client.prepare()["warnings"]
    assert f"revision: {first}" in before
    second = client.hub.add(NAME, tiny.checkpoint("t5-bpe"))
    moved = client.prepare()
    assert moved["answer"]["revision"] == second
    assert f"revision: {second}" in moved["warnings"][0]


def test_strict_refuses_an_unpinned_revision_and_downloads_nothing(client: Client) -> None:
    commit = client.hub.add(NAME, tiny.checkpoint("t5"))
    for revision in (None, "main"):
        refused = client.prepare(reproducible="strict", revision=revision)
        assert refused["error"].startswith("ModelError")
        assert f"revision: {commit}" in refused["error"]
    assert client.hub.fetched("model.safetensors") == 0
    assert client.prepare(reproducible="strict", revision=commit)["answer"]["revision"] == commit


def test_a_line_that_drops_is_taken_up_where_it_broke(client: Client, tmp_path: Path) -> None:
    folder = tiny.copy("t5", tmp_path / "source")
    (folder / "model.safetensors").write_bytes(bytes(12 << 20))  # huggingface_hub writes chunks of 10 MiB
    commit = client.hub.add(NAME, folder)
    client.hub.break_after["model.safetensors"] = 11 << 20
    assert client.prepare(revision=commit)["error"] is None
    ranges = [
        one.range for one in client.hub.requests if one.method == "GET" and one.path.endswith("model.safetensors")
    ]
    assert ranges == [None, f"bytes={10 << 20}-"]


def test_a_process_killed_while_downloading_leaves_nothing_half_and_whole_files_are_kept(client: Client) -> None:
    commit = client.hub.add(NAME, tiny.checkpoint("t5"))
    client.hub.stall_after["model.safetensors"] = 5000
    step = {"do": "prepare", "stage": {"model": NAME, "revision": commit}}
    with subprocess.Popen(
        client.command(step), env=client.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        assert client.hub.stalled.wait(60)
        while client.hub.fetched("config.json") == 0 or client.hub.fetched("spiece.model") == 0:
            assert process.poll() is None
        process.kill()
    client.hub.released.set()
    assert client.run({**step, "do": "ready"})[0]["answer"] is None
    assert client.run(step)[0]["answer"]["revision"] == commit
    assert client.hub.fetched("model.safetensors") == 2


def test_offline_uses_the_cache_or_says_what_to_do(client: Client) -> None:
    client.hub.add(NAME, tiny.checkpoint("t5"))
    offline = {"HF_HUB_OFFLINE": "1"}
    missing = client.prepare(environment=offline)
    assert "ModelError" in missing["error"]
    assert f"tomdich models pull {NAME}" in missing["error"]
    [pulled] = client.run({"do": "pull", "name": NAME})
    asked = len(client.hub.requests)
    got = client.prepare(environment=offline)
    assert got["answer"]["revision"] == pulled["answer"]["commit"]
    assert len(client.hub.requests) == asked


def test_a_hub_that_is_away_is_not_the_end_when_the_cache_has_it(client: Client) -> None:
    commit = client.hub.add(NAME, tiny.checkpoint("t5"))
    client.prepare()
    away = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    got = client.prepare(environment=away)
    assert got["answer"]["revision"] == commit
    assert "cannot be reached" in got["warnings"][0]
    unknown = client.run({"do": "prepare", "stage": {"model": "someone/else"}}, **away)[0]
    assert "cannot be reached" in unknown["error"]
    assert "a folder can be given instead, ./NAME" in unknown["error"]


def test_a_file_that_is_not_the_declared_one_is_refused(client: Client) -> None:
    commit = client.hub.add(NAME, tiny.checkpoint("t5"))
    lie = "0" * 64
    client.hub.repos[NAME].declared["model.safetensors"] = lie
    refused = client.prepare(revision=commit)
    assert "ModelError" in refused["error"]
    assert "model.safetensors" in refused["error"]
    assert lie in refused["error"]
    assert "models pull" in refused["error"]
    again = client.prepare(
        revision=commit, environment={"HF_HUB_OFFLINE": "1"}
    )  # it is in the cache now, and stays refused
    assert lie in again["error"]


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_file_changed_in_the_cache_since_is_refused(client: Client, file: str) -> None:
    commit = client.hub.add(NAME, tiny.checkpoint("t5"))
    assert client.prepare(revision=commit)["error"] is None
    blob = client.blob(file)
    content = bytearray(blob.read_bytes())
    content[-2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(content)
    refused = client.prepare(revision=commit)
    assert f"{file} is not the file" in refused["error"]
    assert str(blob) in refused["error"]
    blob.unlink()  # the remedy that it names
    [pulled, again] = client.run(
        {"do": "pull", "name": NAME}, {"do": "prepare", "stage": {"model": NAME, "revision": commit}}
    )
    assert pulled["answer"]["commit"] == commit
    assert again["error"] is None


def test_gated_missing_and_mistyped_models_are_told_apart(client: Client) -> None:
    client.hub.add(NAME, tiny.checkpoint("t5"))
    client.hub.repos["closed/model"] = lookalike.Repo({"a" * 40: {}}, {"main": "a" * 40}, gated=True)
    gated, missing, near, revision, pinned = client.run(
        {"do": "prepare", "stage": {"model": "closed/model"}},
        {"do": "prepare", "stage": {"model": "nobody/nothing-alike"}},
        {"do": "prepare", "stage": {"model": "vietai/vit5-base-vietnews"}},
        {"do": "prepare", "stage": {"model": NAME, "revision": "v9"}},
        {"do": "pin", "name": NAME},
    )
    assert "gated" in gated["error"]
    assert f"{client.hub.url}/closed/model" in gated["error"]
    assert "no such model" in missing["error"]
    assert "tomdich models" in missing["error"]
    assert "did you mean VietAI/vit5-base-vietnews-summarization" in near["error"]
    assert "no revision 'v9'" in revision["error"]
    assert pinned["answer"]["commit"] == client.hub.repos[NAME].branches["main"]


def test_the_card_s_license_is_asked_for_before_the_weights_are_fetched(client: Client) -> None:
    client.hub.add(NAME, tiny.checkpoint("t5"), license="cc-by-nc-4.0")
    refused = client.prepare()
    assert refused["error"].startswith("LicenseError")
    assert "accept_license: cc-by-nc-4.0" in refused["error"]
    assert client.hub.fetched("model.safetensors") == 0
    assert client.prepare(accept_license="cc-by-nc-4.0")["answer"]["license"] == "cc-by-nc-4.0"


def test_safetensors_are_preferred_and_no_code_of_the_checkpoint_runs(client: Client, tmp_path: Path) -> None:
    folder = tiny.copy("t5-json", tmp_path / "source")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody opens")
    (folder / "modeling_own.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    tiny.change_json(
        folder / "config.json",
        auto_map={"AutoConfig": "modeling_own.Config", "AutoModelForSeq2SeqLM": "modeling_own.Model"},
    )
    tiny.change_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling_own.Tokenizer", None]})
    commit = client.hub.add(NAME, folder)
    got = client.prepare(revision=commit)
    assert got["error"] is None
    assert {"pytorch_model.bin", "modeling_own.py"}.isdisjoint(got["answer"]["files"])
    assert client.hub.fetched("modeling_own.py") == 0


def test_sharded_weights_are_fetched_by_their_index(client: Client, tmp_path: Path) -> None:
    from transformers import T5ForConditionalGeneration

    folder = tiny.copy("t5", tmp_path / "source")
    T5ForConditionalGeneration.from_pretrained(folder).save_pretrained(tmp_path / "sharded", max_shard_size="60KB")
    (folder / "model.safetensors").unlink()
    for shard in (tmp_path / "sharded").glob("model*"):
        shard.rename(folder / shard.name)
    commit = client.hub.add(NAME, folder)
    got = client.prepare(revision=commit)
    assert sum(name.startswith("model-0000") for name in got["answer"]["files"]) > 1


def test_preparing_from_the_hub_imports_neither_torch_nor_transformers(client: Client) -> None:
    commit = client.hub.add(NAME, tiny.checkpoint("t5"))
    step = {"do": "prepare", "stage": {"model": NAME, "revision": commit}}
    done = subprocess.run(
        client.command(step), env=client.environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout)["heavy"] == []
