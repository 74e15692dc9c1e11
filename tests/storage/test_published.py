"""The index of what is published: filled from the versions, and never trusted beyond them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import WorldError
from pipeline.storage import versions
from pipeline.storage.atomic import TEMPORARY
from pipeline.storage.published import (
    FILE,
    WITHDRAWN,
    Withdrawal,
    open_published,
    read_published,
    withdraw,
    withdrawals,
)
from tests.refusals import as_nobody, no_room


def publish(outputs: Path, *pairs: tuple[str, str], scope: str = "full", published: str = "") -> versions.Version:
    with versions.locked(outputs, "night", wait=0) as experiment:
        staged = experiment.stage()
        (staged / "data").mkdir()
        ids, shas = [one for one, _ in pairs], [sha for _, sha in pairs]
        table = pa.table({"id": ids, "text_sha256": shas, "published": [published] * len(pairs)})
        pq.write_table(table, staged / "data" / "articles-00000.parquet")
        manifest = {"recipe": "0" * 64, "scope": scope, "counts": {}}
        return experiment.publish(staged, manifest=manifest)


@pytest.mark.parametrize(("scope", "known"), [("full", True), ("new", True), ("limited", False), ("partial", False)])
def test_an_article_of_a_whole_version_is_known_by_id_and_text(tmp_path: Path, scope: str, known: bool) -> None:
    version = publish(tmp_path, ("a", "1"), ("b", "2"), scope=scope)
    with open_published(tmp_path / "night", [version]) as published:
        assert published.has("a", "1") is known
        assert not published.has("a", "2")  # an updated text is new


def test_what_is_known_outlives_its_version(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    with open_published(tmp_path / "night", [version]):
        pass
    with open_published(tmp_path / "night", []) as published:
        assert published.has("a", "1")
    with read_published(tmp_path / "night", []) as published:
        assert published.has("a", "1")


@pytest.mark.usefixtures("no_messages")
def test_a_file_without_dates_gets_those_of_the_versions_that_are_left(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE versions (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")
    connection.execute("CREATE TABLE articles (id TEXT, sha TEXT, PRIMARY KEY (id, sha)) STRICT, WITHOUT ROWID")
    connection.execute("INSERT INTO articles VALUES ('pruned', '0')")
    version = publish(tmp_path, ("a", "1"), published="2026-03-02")
    connection.execute("INSERT INTO versions VALUES (?)", (version.folder.name,))
    connection.execute("INSERT INTO articles VALUES ('a', '1')")
    connection.commit()
    connection.close()
    (tmp_path / FILE).rename(tmp_path / "night" / FILE)
    with open_published(tmp_path / "night", [version]) as published:
        assert published.has("pruned", "0")
        assert published.state_of("a", "2", "2026-03-01") == (False, True)
        published.forget(article_id="a", texts=[])
        assert published.state_of("a", "2", "2026-03-01") == (False, False)


def test_looking_writes_nothing(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    with read_published(tmp_path / "night", [version]) as published:
        assert published.has("a", "1")
    assert not (tmp_path / "night" / FILE).exists()


def test_a_damaged_file_is_set_aside_and_named(tmp_path: Path, messages: list[str]) -> None:
    version = publish(tmp_path, ("a", "1"))
    (tmp_path / "night" / FILE).write_bytes(b"no database" * 1000)
    with read_published(tmp_path / "night", [version]) as published:
        assert published.has("a", "1")
    with open_published(tmp_path / "night", [version]) as published:
        assert published.has("a", "1")
    assert "is damaged" in messages[0]
    assert list((tmp_path / "night").glob(f"{FILE}.damaged-*"))


def test_a_folder_in_its_place_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "night" / FILE).mkdir(parents=True)
    with pytest.raises(WorldError, match=r"\.published: cannot be opened"):
        open_published(tmp_path / "night", [])


def test_damage_inside_the_file_is_found_on_opening(tmp_path: Path, messages: list[str]) -> None:
    version = publish(tmp_path, *((f"a{number}", f"{number:064}") for number in range(400)))
    path = tmp_path / "night" / FILE
    with open_published(tmp_path / "night", [version]):
        pass
    data = bytearray(path.read_bytes())
    for at in range(4096 * 3, len(data) - 4096, 4096):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    with open_published(tmp_path / "night", [version]) as published:
        assert all(published.has(f"a{number}", f"{number:064}") for number in range(400))
    assert "is damaged" in messages[0]
    assert list(path.parent.glob(f"{FILE}.damaged-*"))
    with open_published(tmp_path / "night", [version]):
        assert len(messages) == 1


def test_a_table_of_another_shape_is_damage_too(tmp_path: Path, messages: list[str]) -> None:
    version = publish(tmp_path, ("a", "1"))
    connection = sqlite3.connect(tmp_path / "night" / FILE)
    connection.execute("CREATE TABLE articles (what)")
    connection.close()
    with open_published(tmp_path / "night", [version]) as published:
        assert published.has("a", "1")
    assert "is damaged" in messages[0]


def test_looking_at_a_damaged_file_leaves_no_file_open(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    (tmp_path / "night" / FILE).write_bytes(b"no database" * 1000)
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = [read_published(tmp_path / "night", [version]) for _ in range(5)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    for one in held:
        one.close()


def test_a_withdrawal_is_of_a_text_everywhere_and_of_an_id_where_it_is_the_articles(tmp_path: Path) -> None:
    from pipeline.ids import text_digest

    withdraw(tmp_path, Withdrawal("2026-11-26T00:00:00+00:00", text_digest("x"), (text_digest("1"),), None, ("night",)))
    withdraw(tmp_path, Withdrawal("2026-11-26T00:00:00+00:00", text_digest("y"), (text_digest("2"),), "day", ("day",)))
    found = {}
    for name in ("night", "day", "new"):
        with read_published(tmp_path / name, []) as published:
            pairs = [("x", "9"), ("z", "1"), ("y", "9"), ("z", "2"), ("z", "9")]
            found[name] = [published.is_withdrawn(*pair) for pair in pairs]
    assert found == {
        "night": [True, True, False, False, False],
        "day": [False, True, True, True, False],
        "new": [False, True, False, False, False],
    }


@pytest.mark.parametrize("content", [b"{\n", b"[]\n", b"\xff\n", b'{"at": 1}\n'])
def test_a_damaged_list_of_withdrawals_is_never_taken_for_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / WITHDRAWN).write_bytes(content)
    with pytest.raises(WorldError, match=r"\.withdrawn.* put it back from a copy"):
        open_published(tmp_path / "night", [])


def test_a_list_of_withdrawals_that_may_not_be_read_is_never_taken_for_an_empty_one() -> None:
    with as_nobody() as folder:
        (folder / WITHDRAWN).touch(mode=0)
        with pytest.raises(WorldError, match=r"\.withdrawn: Permission denied.*; without it a run could publish"):
            open_published(folder / "night", [])


def test_what_a_killed_process_left_of_the_list_of_withdrawals_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f"{TEMPORARY}0123abcd-{WITHDRAWN}.part"
    left.write_text("half a list")
    entry = Withdrawal("2026-11-26T00:00:00+00:00", "0" * 64, (), None, ("night",))
    withdraw(tmp_path, entry)
    assert not left.exists()
    assert withdrawals(tmp_path) == [entry]


def test_a_full_disk_keeps_an_index_as_it_was_and_is_named(tmp_path: Path) -> None:
    version = publish(tmp_path, ("a", "1"))
    said = r"\.published: cannot be written: .*(full|disk I/O error)"
    with open_published(tmp_path / "night", []) as published:
        with no_room(0), pytest.raises(WorldError, match=said):
            published.note([version])
        assert not published.has("a", "1")
        published.note([version])
        with no_room(0), pytest.raises(WorldError, match=said):
            published.forget(article_id="a", texts=[])
        assert published.has("a", "1")
        published.forget(article_id="a", texts=[])
        assert not published.has("a", "1")
