"""The memo: a stored call is not computed again, and a damaged row is not used."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import MemoError
from pipeline.records import Candidates, Generation, Hypothesis
from pipeline.storage import memo as storage
from pipeline.storage.memo import Memo, open_memo
from pipeline.storage.sqlite_recovery import set_aside
from tests.refusals import as_nobody, no_room

ANSWER = Generation("Bão số 3 vào bờ.", 7, 0, 5, finished=True, score=-0.25)


def opened(folder: Path) -> Memo:
    return open_memo(folder)


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


def test_the_candidates_of_a_text_are_stored_apart_from_its_first_answer(tmp_path: Path) -> None:
    others = (Hypothesis("Bão vào bờ.", 4, finished=True, score=-0.5), Hypothesis("", 9, finished=False, score=None))
    several = replace(ANSWER, others=others)
    with opened(tmp_path) as memo:
        calls = memo.calls({})
        calls.put("câu", ANSWER)
        assert calls.get(Candidates("câu", 3)) is None
        assert calls.put(Candidates("câu", 3), several) == several
        assert calls.put(Candidates("câu", 4), several) == several
    with opened(tmp_path) as memo:
        calls = memo.calls({})
        assert calls.get("câu") == ANSWER
        assert calls.get(Candidates("câu", 3)) == several
        assert calls.get(Candidates("câu", 2)) is None
        numbers = {
            (stored.source_tokens, stored.output_tokens, stored.score)
            for stored in memo.scan(lambda _: True, delete=False)
        }
        assert numbers == {(ANSWER.source_tokens, ANSWER.output_tokens, ANSWER.score)}  # by which `forget` finds them


def test_the_key_of_a_first_answer_does_not_change(tmp_path: Path) -> None:
    with opened(tmp_path) as memo:
        memo.calls({"beams": 4}).put("câu", ANSWER)
        ((key,),) = memo.execute("SELECT lower(hex(key)) FROM calls")
    assert key == "eb45d4bb5dd4b93a370b18afb28ab4e506adadecccd74b1663402ca1cf5606d1"


def test_of_two_answers_the_first_stands_for_both(tmp_path: Path) -> None:
    later = Generation("khác", 7, 0, 5, finished=True, score=-0.25)
    with opened(tmp_path) as one, opened(tmp_path) as two:
        one.calls({}).put("câu", ANSWER)
        assert two.calls({}).put("câu", later) == ANSWER


def test_a_row_with_a_flipped_bit_is_removed_and_named(tmp_path: Path, messages: list[str]) -> None:
    with opened(tmp_path) as memo:
        memo.calls({}).put("câu", ANSWER)
    with sqlite3.connect(tmp_path / "memo.sqlite") as raw:
        raw.execute("UPDATE calls SET text = 'Bão số 4 vào bờ.'")
    raw.close()
    with open_memo(tmp_path) as memo:
        assert memo.calls({}).get("câu") is None
        assert memo.calls({}).put("câu", ANSWER) == ANSWER
    assert len(messages) == 1
    assert "checksum" in messages[0]


def rewrite(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "memo.sqlite") as raw:
        for statement in statements:
            raw.execute(statement)
    raw.close()


@pytest.mark.parametrize(
    "change", ["text = CAST(text AS BLOB)", "text = NULL", "source_tokens = 'seven'", "score = 'high'"]
)
def test_a_row_with_a_value_of_another_type_is_removed_and_named(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """In a file that is too large to be checked when it is opened."""
    monkeypatch.setattr(storage, "_CHECKED_WHOLE", 0)
    with opened(tmp_path) as memo:
        memo.calls({}).put("câu", ANSWER)
        ((strict,),) = memo.execute("SELECT sql FROM sqlite_schema WHERE name = 'calls'")
    loose = strict.replace("STRICT, ", "").replace("NOT NULL", "")
    rewrite(tmp_path, "PRAGMA writable_schema = ON", f"UPDATE sqlite_schema SET sql = '{loose}' WHERE name = 'calls'")
    rewrite(tmp_path, f"UPDATE calls SET {change}")  # as damage to the row would
    rewrite(tmp_path, "PRAGMA writable_schema = ON", f"UPDATE sqlite_schema SET sql = '{strict}' WHERE name = 'calls'")
    with opened(tmp_path) as memo:
        assert memo.calls({}).get("câu") is None
        assert memo.calls({}).put("câu", ANSWER) == ANSWER
        assert memo.calls({}).get("câu") == ANSWER
    assert len(messages) == 1
    assert "checksum" in messages[0]


def test_a_damaged_file_is_set_aside_and_named(tmp_path: Path, messages: list[str]) -> None:
    (tmp_path / "memo.sqlite").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    with open_memo(tmp_path) as memo:
        assert memo.size() == 0
    (aside,) = tmp_path.glob("memo.sqlite.damaged-*")
    assert "is damaged" in messages[0]
    assert aside.name in messages[0]


def test_a_memo_of_a_newer_schema_is_set_aside_whole_and_named(tmp_path: Path, messages: list[str]) -> None:
    with opened(tmp_path) as memo:
        memo.calls({}).put("câu", ANSWER)
    schema(tmp_path / "memo.sqlite", 99)
    with open_memo(tmp_path) as memo:
        assert memo.calls({}).get("câu") is None
    (aside,) = tmp_path.glob("memo.sqlite.schema-99-*")
    assert "newer tomdich (schema 99, this one reads 1)" in messages[0]
    assert aside.name in messages[0]
    schema(aside, 1)
    aside.rename(tmp_path / "memo.sqlite")  # nothing in it was touched
    with opened(tmp_path) as memo:
        assert memo.calls({}).get("câu") == ANSWER


def schema(path: Path, number: int) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {number}")
    raw.close()


def test_damage_that_comes_to_light_while_it_is_used_sets_it_aside_and_the_run_goes_on(
    tmp_path: Path, messages: list[str]
) -> None:
    answers = fill(tmp_path, 400)
    path = tmp_path / "memo.sqlite"
    with open_memo(tmp_path) as memo:
        calls = memo.calls({})
        memo.execute("PRAGMA shrink_memory")  # what it has read before is forgotten
        damage(path)  # every page but the first, under the open connection's hands
        for text, answer in answers.items():
            assert calls.get(text) in {None, answer}
            assert calls.put(text, answer) == answer
        assert memo.size() == len(answers)
    assert len(list(tmp_path.glob("memo.sqlite.damaged-*"))) == 1
    assert "set aside" in messages[-1]
    assert recalled(tmp_path, answers) == len(answers)


def test_of_two_runs_that_meet_the_damage_one_sets_it_aside_and_both_go_on_in_the_new_file(
    tmp_path: Path, messages: list[str]
) -> None:
    answers = fill(tmp_path, 400)
    path = tmp_path / "memo.sqlite"
    with open_memo(tmp_path) as one, open_memo(tmp_path) as two:
        both = one.calls({}), two.calls({})
        damage(path)
        for text, answer in answers.items():
            for calls in both:
                assert calls.get(text) in {None, answer}
                assert calls.put(text, answer) == answer
    assert len([warning for warning in messages if "set aside" in warning]) == 1
    assert recalled(tmp_path, answers) == len(answers)


def test_damage_in_a_file_that_another_run_has_just_set_aside_begins_a_new_one_in_its_place(
    tmp_path: Path, messages: list[str]
) -> None:
    answers = fill(tmp_path, 400)
    path = tmp_path / "memo.sqlite"
    with open_memo(tmp_path) as memo:
        calls = memo.calls({})
        memo.execute("PRAGMA shrink_memory")
        damage(path)
        set_aside(path, "damaged")
        assert not path.exists()
        for text, answer in answers.items():
            assert calls.get(text) in {None, answer}
            assert calls.put(text, answer) == answer
    assert messages == []  # the other run said it
    assert recalled(tmp_path, answers) == len(answers)


def test_a_file_too_large_to_be_checked_when_it_is_opened_is_checked_as_it_is_read(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_CHECKED_WHOLE", 0)
    answers = fill(tmp_path, 400)
    path = tmp_path / "memo.sqlite"
    damage(path, at=path.stat().st_size - 8 * 4096)
    with open_memo(tmp_path) as memo:
        calls = memo.calls({})
        assert messages == []
        for text, answer in [*answers.items()] * 2:
            assert calls.get(text) in {None, answer}
            assert calls.put(text, answer) == answer
    assert ["set aside" in message for message in messages] == [True]
    assert recalled(tmp_path, answers) == len(answers)


def damage(path: Path, *, at: int = 4096) -> None:
    """Overwrite the pages of a file from `at` on."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * (path.stat().st_size - at))


def test_many_processes_that_open_one_damaged_file_at_once_set_it_aside_once(tmp_path: Path) -> None:
    (tmp_path / "memo.sqlite").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    script = (
        "import logging, sys; from pathlib import Path; from pipeline.storage.memo import open_memo;"
        "from pipeline.records import Generation; logging.basicConfig(stream=sys.stdout); sys.stdin.read();"
        "calls = open_memo(Path(sys.argv[1])).calls({});"
        "[calls.put(str(n), Generation(str(n), 1, 0, 1, True, None)) for n in range(20)]"
    )
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for start in starts:
        assert start.stdin is not None
        start.stdin.close()  # go
        start.stdin = None
    said = [start.communicate(timeout=60) for start in starts]
    assert [start.returncode for start in starts] == [0] * 6, said
    assert len([out for out, _ in said if "set aside" in out]) == 1
    assert len(list(tmp_path.glob("memo.sqlite.damaged-*"))) == 1
    with opened(tmp_path) as memo:
        assert memo.size() == 20


def test_what_the_disk_refuses_is_named_with_its_remedy(tmp_path: Path) -> None:
    with opened(tmp_path) as memo:
        calls = memo.calls({})
        memo.execute("PRAGMA max_page_count = 1")  # what SQLite takes for a full disk
        with pytest.raises(MemoError, match=r"memo\.sqlite: .* full; free some space"):
            [calls.put(f"câu {number}", ANSWER) for number in range(2000)]


def test_what_the_disk_refuses_of_another_memos_calls_is_named_and_none_is_half_there(tmp_path: Path) -> None:
    fill(tmp_path / "two", 1000)
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        one.execute("PRAGMA max_page_count = 1")
        with pytest.raises(MemoError, match=r"one/memo\.sqlite: .* full; free some space"):
            one.absorb(two)
        assert one.size() == 0


def test_where_the_file_that_takes_the_place_of_a_damaged_one_has_no_room_the_disk_is_named(
    tmp_path: Path, messages: list[str]
) -> None:
    fill(tmp_path, 400)
    with opened(tmp_path) as memo:
        calls = memo.calls({})
        memo.execute("PRAGMA shrink_memory")
        damage(tmp_path / "memo.sqlite")
        with no_room(150_000), pytest.raises(MemoError, match=r"memo\.sqlite: .*(full|disk I/O error); "):
            calls.put("câu", replace(ANSWER, text="Bão vào bờ. " * 50_000))
    assert ["set aside" in message for message in messages] == [True]


def test_where_no_file_can_take_the_place_of_a_damaged_one_the_disk_is_named(
    tmp_path: Path, messages: list[str]
) -> None:
    (tmp_path / "memo.sqlite").write_bytes(b"no database" * 1000)
    with no_room(0), pytest.raises(MemoError, match=r"memo\.sqlite: .*(full|disk I/O error); "):
        opened(tmp_path)
    assert ["set aside" in message for message in messages] == [True]
    with opened(tmp_path) as memo:
        assert memo.size() == 0


def test_a_file_that_this_account_may_not_write_is_named_with_its_owner() -> None:
    with as_nobody() as folder:
        (folder / "memo.sqlite").touch(mode=0o444)
        with pytest.raises(MemoError, match=r"memo\.sqlite: Permission denied \(.* is owned by .*; let its owner give"):
            opened(folder)


def test_a_folder_in_which_this_account_may_make_no_lock_is_named() -> None:
    with as_nobody() as folder:
        (folder / "memo").mkdir(mode=0o555)
        with pytest.raises(MemoError, match=r"the memo cannot be locked: .*Permission denied.*; let its owner give"):
            opened(folder / "memo")


def test_a_folder_in_the_place_of_the_file_is_one_message_and_stays(tmp_path: Path, messages: list[str]) -> None:
    (tmp_path / "memo.sqlite" / "what it holds").mkdir(parents=True)
    with pytest.raises(MemoError, match=r"memo\.sqlite: unable to open database file; let its owner"):
        opened(tmp_path)
    assert messages == []
    assert (tmp_path / "memo.sqlite" / "what it holds").is_dir()


def test_a_large_file_frees_its_unused_pages_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_VACUUM_LIMIT", 0)
    monkeypatch.setattr(storage, "_PAGES_FREED", 3)
    answers = fill(tmp_path, 1000)
    before = (tmp_path / "memo.sqlite").stat().st_size
    with opened(tmp_path) as memo:
        gone = itertools.count()
        assert len([*memo.scan(lambda _: next(gone) < 800, delete=True)]) == 800
        memo.shrink()
        assert memo.execute("PRAGMA freelist_count") == [(0,)]
    assert (tmp_path / "memo.sqlite").stat().st_size < before / 2
    assert recalled(tmp_path, answers) == 200


def test_pages_that_another_run_frees_at_the_same_time_are_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_VACUUM_LIMIT", 0)
    monkeypatch.setattr(storage, "_PAGES_FREED", 1)
    fill(tmp_path, 1000)
    with opened(tmp_path) as one, opened(tmp_path) as other:
        gone, meanwhile = itertools.count(), list[str]()
        list(one.scan(lambda _: next(gone) < 300, delete=True))

        def traced(statement: str) -> None:
            if "incremental_vacuum" in statement:
                meanwhile.append(statement)
                list(other.scan(lambda _: True, delete=True))

        one._connection.set_trace_callback(traced)
        one.shrink()
        assert len(meanwhile) == 1
        assert one.execute("PRAGMA freelist_count")[0][0] > 1


def fill(folder: Path, count: int) -> dict[str, Generation]:
    """Store so many calls, and return them."""
    answers = {f"câu {n}": Generation(f"Bão số {n} vào bờ. " * 3, n, 0, n, n % 2 == 0, -n / 7) for n in range(count)}
    with opened(folder) as memo:
        calls = memo.calls({})
        for text, answer in answers.items():
            calls.put(text, answer)
    return answers


def recalled(folder: Path, answers: dict[str, Generation]) -> int:
    """Return how many of the calls a memo still knows, each as it was stored."""
    with opened(folder) as memo:
        calls = memo.calls({})
        found = [calls.get(text) for text in answers]
        assert all(one in {None, answer} for one, answer in zip(found, answers.values(), strict=True))
        return sum(one is not None for one in found)


def test_a_killed_writer_loses_nothing_it_committed(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from pipeline.storage.memo import open_memo;"
        "from pipeline.records import Generation;"
        "calls = open_memo(Path(sys.argv[1])).calls({});"
        "[calls.put(str(n), Generation(str(n), 1, 0, 1, True, None)) for n in range(100)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -9
    with opened(tmp_path) as memo:
        assert [memo.calls({}).get(str(n)) is not None for n in range(100)] == [True] * 100


def test_a_score_that_is_no_number_is_none_and_its_row_stands(tmp_path: Path, messages: list[str]) -> None:
    with open_memo(tmp_path) as memo:
        calls = memo.calls({})
        put = calls.put("một", Generation("one", 1, 0, 1, finished=True, score=float("nan")))
        assert put.score is None
        assert calls.get("một") == put
    assert messages == []


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(
        MemoError, match=r"file/memo: the memo's folder cannot be made: .*Not a directory; .*set `memo:`"
    ):
        opened(tmp_path / "file" / "memo")


def test_a_damaged_memo_that_cannot_be_set_aside_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memo.sqlite").write_bytes(b"no database" * 1000)

    def refused(path: Path, _: object) -> Path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(MemoError, match=r"memo\.sqlite: is damaged .* and cannot be set aside: .*Permission denied"):
        opened(tmp_path)


def test_a_network_file_system_is_refused_with_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.storage.memo.file_system", lambda _: "nfs4")
    with pytest.raises(MemoError, match=r"network file system \(nfs4\).*set `memo:` in the config"):
        opened(tmp_path)
