"""A damaged SQLite file goes aside whole, so that none of its logs is replayed into the one that takes its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.storage.sqlite_recovery import set_aside


@pytest.mark.parametrize("tail", ["-journal", "-wal", "-shm"])
def test_what_sqlite_keeps_beside_a_file_goes_aside_with_it(tmp_path: Path, tail: str) -> None:
    for name in ("list", f"list{tail}"):
        (tmp_path / name).write_text(name)
    aside = set_aside(tmp_path / "list", "damaged")
    assert aside.name.startswith("list.damaged-")
    assert sorted(path.name for path in tmp_path.iterdir()) == [aside.name, f"{aside.name}{tail}"]
