"""The memo: what is paid for once is never paid for again, and what is damaged is never believed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import MemoError
from pipeline.memo import Memo, file_system, open_memo
from pipeline.records import Generation

ANSWER = Generation("Bão số 3 vào bờ.", 7, 0, 5, finished=True, score=-0.25)


def quiet(_message: str) -> None:
    """Say nothing."""


def opened(folder: Path) -> Memo:
    return open_memo(folder, warn=quiet)


def test_a_stored_call_is_found_again_after_reopening(tmp_path: Path) -> None:
    with opened(tmp_path) as memo:
        memo.calls({"engine": 1}).put("câu", ANSWER)
    with opened(tmp_path) as memo:
        assert memo.calls({"engine": 1}).get("câu") == ANSWER


@pytest.mark.parametrize("score", [None, 0.0, -1.5])
def test_every_field_survives(tmp_path: Path, score: float | None) -> None:
    answer = Generation("", 3, 1, 0, finished=False, score=score)
    with opened(tmp_path) as memo:
        memo.calls({}).put("x", answer)
        assert memo.calls({}).get("x") == answer


def test_another_engine_and_another_text_know_nothing_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as memo:
        memo.calls({"beams": 4}).put("câu", ANSWER)
        assert memo.calls({"beams": 5}).get("câu") is None
        assert memo.calls({"beams": 4}).get("câu.") is None


def test_of_two_answers_the_first_stands_for_both(tmp_path: Path) -> None:
    later = Generation("khác", 7, 0, 5, finished=True, score=-0.25)
    with opened(tmp_path) as one, opened(tmp_path) as two:
        one.calls({}).put("câu", ANSWER)
        assert two.calls({}).put("câu", later) == ANSWER


def test_a_row_with_a_flipped_bit_is_removed_and_named(tmp_path: Path) -> None:
    with opened(tmp_path) as memo:
        memo.calls({}).put("câu", ANSWER)
    with sqlite3.connect(tmp_path / "memo.sqlite") as raw:
        raw.execute("UPDATE calls SET text = 'Bão số 4 vào bờ.'")
    raw.close()
    warnings: list[str] = []
    with open_memo(tmp_path, warn=warnings.append) as memo:
        assert memo.calls({}).get("câu") is None
        assert memo.calls({}).put("câu", ANSWER) == ANSWER
    assert len(warnings) == 1
    assert "checksum" in warnings[0]


def test_a_damaged_file_is_set_aside_and_named(tmp_path: Path) -> None:
    (tmp_path / "memo.sqlite").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    warnings: list[str] = []
    with open_memo(tmp_path, warn=warnings.append) as memo:
        assert memo.size() == 0
    assert len(list(tmp_path.glob("memo.sqlite.damaged-*"))) == 1
    assert "damaged" in warnings[0]


def test_a_memo_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).__exit__()
    with sqlite3.connect(tmp_path / "memo.sqlite") as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(MemoError, match="newer tomdich"):
        opened(tmp_path)


def test_a_killed_writer_loses_nothing_it_committed(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from pipeline.memo import open_memo;"
        "from pipeline.records import Generation;"
        "calls = open_memo(Path(sys.argv[1]), warn=print).calls({});"
        "[calls.put(str(n), Generation(str(n), 1, 0, 1, True, None)) for n in range(100)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path], cwd=Path(__file__).parents[1], check=False)
    assert killed.returncode == -9
    with opened(tmp_path) as memo:
        assert [memo.calls({}).get(str(n)) is not None for n in range(100)] == [True] * 100


def test_the_file_system_of_a_folder_is_known_on_linux(tmp_path: Path) -> None:
    assert file_system(Path("/proc")) == "proc" if sys.platform == "linux" else file_system(tmp_path) == ""
