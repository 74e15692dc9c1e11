"""What was published so far: filled from the versions, and never believed beyond them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import store
from pipeline.errors import WorldError
from pipeline.published import FILE, look, open_published


def publish(outputs: Path, *pairs: tuple[str, str], scope: str = "full") -> store.Version:
    with store.locked(outputs, "night", wait=0, notice=print) as experiment:
        staged = experiment.stage()
        (staged / "data").mkdir()
        table = pa.table({"id": [one for one, _ in pairs], "text_sha256": [sha for _, sha in pairs]})
        pq.write_table(table, staged / "data" / "articles-00000.parquet")
        manifest = {"recipe": "0" * 64, "scope": scope, "counts": {}}
        return experiment.publish(staged, manifest=manifest, move_latest=True)


@pytest.mark.parametrize(("scope", "known"), [("full", True), ("new", True), ("limited", False), ("partial", False)])
def test_an_article_of_a_whole_version_is_known_by_id_and_text(tmp_path: Path, scope: str, known: bool) -> None:
    version = publish(tmp_path, ("a", "1"), ("b", "2"), scope=scope)
    with open_published(tmp_path / "night", [version], warn=print) as published:
        assert published.has("a", "1") is known
        assert not published.has("a", "2")  # an updated text is new


def test_what_is_known_outlives_its_version(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    with open_published(tmp_path / "night", [version], warn=print):
        pass
    with open_published(tmp_path / "night", [], warn=print) as published:
        assert published.has("a", "1")
    with look(tmp_path / "night", []) as published:
        assert published.has("a", "1")


def test_looking_writes_nothing(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    with look(tmp_path / "night", [version]) as published:
        assert published.has("a", "1")
    assert not (tmp_path / "night" / FILE).exists()


def test_a_damaged_file_is_set_aside_and_named(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    (tmp_path / "night" / FILE).write_bytes(b"no database" * 1000)
    told: list[str] = []
    with look(tmp_path / "night", [version]) as published:
        assert published.has("a", "1")
    with open_published(tmp_path / "night", [version], warn=told.append) as published:
        assert published.has("a", "1")
    assert "is damaged" in told[0]
    assert list((tmp_path / "night").glob(f"{FILE}.damaged-*"))


def test_a_folder_in_its_place_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "night" / FILE).mkdir(parents=True)
    with pytest.raises(WorldError, match=r"\.published: cannot be opened"):
        open_published(tmp_path / "night", [], warn=print)
