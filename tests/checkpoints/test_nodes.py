"""The files of a checkpoint on the nodes of a cluster: found, converted or received, each under its digest."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from pipeline.checkpoints import Checkpoint, nodes, prepare
from pipeline.checkpoints.nodes import Receiving, Sending, node_cache, on_this_node
from pipeline.config import GenerationOptions, Runtime, Stage
from pipeline.engines import open_engine
from pipeline.errors import WorldError
from pipeline.records import Generation
from tests import tiny

TEXT = tiny.sentences()[0]


def prepared(folder: Path, cache: Path, engine: Literal["transformers", "ctranslate2"]) -> Checkpoint:
    return prepare(
        Stage(
            model=str(folder),
            engine=engine,
            compute_type="float32",
            accept_license="unknown",
            generation=GenerationOptions(max_new_tokens=8),
        ),
        runtime=Runtime(),
        deterministic=False,
        reproducible="warn",
        cache=cache,
    )


def answer(checkpoint: Checkpoint) -> str:
    engine = open_engine(checkpoint, runtime=Runtime(threads=1))
    ((_, found),) = engine.generate([TEXT])
    engine.close()
    assert isinstance(found, Generation)
    return found.text


@pytest.mark.parametrize("engine", ["transformers", "ctranslate2"])
def test_a_node_that_has_nothing_gets_the_files_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Literal["transformers", "ctranslate2"]
) -> None:
    checkpoint = prepared(tiny.copy("t5", tmp_path / "model"), tmp_path / "driver", engine)
    expected = answer(checkpoint)
    monkeypatch.setattr(nodes, "PIECE", 1000)
    (node := tmp_path / "node").mkdir()
    sending, receiving = Sending(checkpoint), Receiving(checkpoint, cache=node)
    for name, data in sending:
        assert len(data) <= 1000
        receiving.write(name, data)
    shutil.rmtree(tmp_path / "model")
    shutil.rmtree(tmp_path / "driver")
    assert on_this_node(checkpoint, cache=node) is None

    there = receiving.finish(sending.digests)
    assert (there.converted or there.folder).is_relative_to(node)
    assert answer(there) == expected
    assert on_this_node(checkpoint, cache=node) == there  # the next worker finds it
    assert not list(node.glob(".receiving-*"))


def test_a_piece_that_is_damaged_on_the_way_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    checkpoint = prepared(tiny.copy("t5", tmp_path / "model"), tmp_path / "driver", "transformers")
    (node := tmp_path / "node").mkdir()
    sending, receiving = Sending(checkpoint), Receiving(checkpoint, cache=node)
    for name, data in sending:
        receiving.write(name, data[:-1])
    with pytest.raises(WorldError, match="arrived damaged"):
        receiving.finish(sending.digests)
    assert not (node / "received").exists()


def test_a_shared_path_is_used_as_it_is_and_another_checkpoint_under_that_path_is_not(tmp_path: Path) -> None:
    checkpoint = prepared(tiny.copy("t5", tmp_path / "model"), tmp_path / "driver", "transformers")
    assert on_this_node(checkpoint, cache=tmp_path / "node") == checkpoint
    tiny.change_json(tmp_path / "model" / "config.json", n_positions=256)
    assert on_this_node(checkpoint, cache=tmp_path / "node") is None


def test_a_node_with_the_weights_alone_converts_them(tmp_path: Path) -> None:
    checkpoint = prepared(tiny.copy("t5", tmp_path / "model"), tmp_path / "driver", "ctranslate2")
    expected = answer(checkpoint)
    shutil.rmtree(tmp_path / "driver")
    there = on_this_node(checkpoint, cache=tmp_path / "node")
    assert there is not None
    assert there == replace(checkpoint, converted=there.converted)
    assert answer(there) == expected


def test_a_home_that_cannot_be_written_gives_way_to_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOMDICH_CACHE", "/dev/null/cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert node_cache().parent == tmp_path
    monkeypatch.setenv("TOMDICH_CACHE", str(tmp_path / "own"))
    assert node_cache() == tmp_path / "own"
