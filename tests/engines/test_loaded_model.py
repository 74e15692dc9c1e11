"""A model that several engines share one after the other: loaded once, freed before another, each with its own search."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import ctranslate2  # type: ignore[import-untyped]
import pytest

from pipeline.checkpoints import Checkpoint
from pipeline.engines import LoadedModel, open_backend, open_engine
from pipeline.errors import EngineError, HungError
from pipeline.records import Generation
from tests import tiny
from tests.conftest import article, tomdich_in_process, write_feed
from tests.engines.test_engines import RUNTIME, Library, prepared

TEXTS = [f"Hà Nội hôm nay {number} độ, trời nắng và có gió nhẹ ở ven biển." for number in range(6)]


def answers(checkpoint: Checkpoint, models: LoadedModel | None) -> list[Generation]:
    with closing(open_engine(checkpoint, runtime=RUNTIME, models=models)) as engine:
        found = dict(engine.generate(TEXTS))
    assert all(isinstance(one, Generation) for one in found.values())
    return [found[at] for at in range(len(TEXTS))]  # type: ignore[misc]


@pytest.mark.parametrize("library", ["ctranslate2", "transformers"])
def test_engines_that_share_a_model_answer_as_those_that_load_their_own(library: Library) -> None:
    greedy, wide = prepared("mbart50", library), prepared("mbart50", library, beams=4, limit=9)
    with LoadedModel() as models:
        shared = [answers(checkpoint, models) for checkpoint in (greedy, wide, greedy)]
    assert [[one.text for one in found] for found in shared] == [
        [one.text for one in answers(checkpoint, None)] for checkpoint in (greedy, wide, greedy)
    ]
    assert shared[0] != shared[1]


@pytest.mark.parametrize(("library", "name"), [("ctranslate2", "_translator"), ("transformers", "_model")])
def test_a_model_is_loaded_once_until_another_is_needed(library: Library, name: str) -> None:
    one, other = prepared("t5-json", library), prepared("marian", library)
    with LoadedModel() as models:
        loaded = []
        for checkpoint in (one, prepared("t5-json", library, beams=3), other, one):
            with closing(open_backend(checkpoint, runtime=RUNTIME, models=models)) as backend:
                loaded.append(getattr(backend, name))
        assert loaded[0] is loaded[1]
        assert loaded[3] is not loaded[0]
        if library == "ctranslate2":
            assert [translator.model_is_loaded for translator in loaded] == [False, False, False, True]
    if library == "ctranslate2":
        assert not loaded[3].model_is_loaded


@pytest.mark.parametrize(("error", "freed"), [(EngineError("lost"), ["model"]), (HungError("hangs"), [])])
def test_a_model_that_hangs_is_left_to_the_end_of_the_process(error: EngineError, freed: list[str]) -> None:
    given_back: list[str] = []

    def fail() -> None:
        with LoadedModel() as models:
            models.get(("a",), lambda: ("model", partial(given_back.append, "model")))
            raise error

    with pytest.raises(type(error)):
        fail()
    assert given_back == freed


def test_the_cells_of_a_matrix_load_a_model_once(
    tmp_path: Path, make_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_feed(tmp_path / "feed.jsonl", map(article, range(2)))
    loads: list[str] = []

    def counted(path: str, **options: Any) -> Any:
        loads.append(path)
        return translator(path, **options)

    translator = ctranslate2.Translator
    monkeypatch.setattr(ctranslate2, "Translator", counted)
    config = make_config(
        summarize={"model": "lead"},
        translate={"model": str(tiny.checkpoint("t5-json")), "generation": {"max_new_tokens": 8}},
        matrix={"translate.generation.num_beams": [1, 2, 3]},
    )
    done = tomdich_in_process("matrix", config, "--outputs", "out", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["cells"]) == 3
    assert len(loads) == 1
