"""A smaller memo: calls that no version names, old calls, and a run beside it that loses nothing."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pipeline.cli import app
from pipeline.errors import UsageError
from pipeline.records import Generation
from pipeline.storage import versions
from pipeline.storage.memo import open_memo
from tests.conftest import article, write_feed
from tests.faults_tally import whole

ROOT = Path(__file__).parents[2]
SHORTER = ("--set", "summarize.generation.max_new_tokens=6")  # another engine


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(4)])
    monkeypatch.chdir(tmp_path)
    return make_config()


def run(night: Path, *arguments: str) -> versions.Version:
    app(["run", str(night), "--outputs", "out", *arguments], standalone_mode=False)
    return versions.versions(night.parent / "out" / "night")[-1]


def prune(*arguments: str) -> str:
    """Return what the command prints."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        app(["prune", "night", "--outputs", "out", *arguments], standalone_mode=False)
    return said.getvalue()


def memo(night: Path) -> Path:
    return night.parent / "out" / ".memo" / "memo.sqlite"


def ask(night: Path, statement: str) -> int:
    connection = sqlite3.connect(memo(night))
    with connection:
        found = connection.execute(statement).fetchone()
    connection.close()
    return 0 if found is None else int(found[0])


def size(night: Path) -> int:
    return ask(night, "SELECT count(*) FROM calls")


def computed(version: versions.Version) -> int:
    return sum(calls["computed"] for calls in version.manifest["calls"].values())


def test_calls_of_engines_that_only_versions_that_go_name_go_with_them(night: Path) -> None:
    first = run(night)
    both = computed(first) + computed(run(night, *SHORTER))
    assert size(night) == both
    own = first.manifest["calls"]["summarize"]["computed"]  # the translator is the same in both
    dry = prune("--keep", "1", "--memo")
    assert f"would remove {own} calls" in dry
    assert "nothing is deleted without --yes" in dry
    assert size(night) == both
    assert "freed" in prune("--keep", "1", "--memo", "--yes")
    assert size(night) == both - own
    assert computed(run(night, *SHORTER, "--force")) == 0
    assert computed(run(night)) == own


def test_calls_that_no_version_names_are_kept_for_a_week(night: Path) -> None:
    run(night)
    with open_memo(memo(night).parent) as held:
        for number in range(5):
            held.calls({"a": "run that has not ended"}).put(
                str(number), Generation("x", 1, 0, 1, finished=True, score=None)
            )
    known = size(night)
    assert "nothing to delete" in prune("--memo", "--yes")
    ask(night, f"UPDATE calls SET created = {time.time() - 8 * 86400}")
    assert "removed 5 calls" in prune("--memo", "--yes")
    assert size(night) == known - 5


def test_old_calls_go_whatever_their_engine(night: Path) -> None:
    run(night)
    known = size(night)
    ask(night, f"UPDATE calls SET created = {time.time() - 100 * 86400} WHERE output_tokens > 8")
    old = ask(night, "SELECT count(*) FROM calls WHERE output_tokens > 8")
    assert 0 < old < known
    assert "nothing to delete" in prune("--memo-older-than", "101d", "--yes")
    assert "removed" in prune("--memo-older-than", "90d", "--yes")
    assert size(night) == known - old


def test_engines_of_another_experiment_are_named_too(night: Path) -> None:
    run(night)
    run(night, "--set", "name=day", *SHORTER)
    known = size(night)
    assert "nothing to delete" in prune("--memo", "--yes")
    assert size(night) == known


@pytest.mark.parametrize("made_before", [False, True])  # by a version that made files which cannot give pages back
def test_the_file_gives_its_room_back(tmp_path: Path, made_before: bool) -> None:
    path = tmp_path / "memo.sqlite"
    if made_before:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE before (x)")
        connection.close()
    with open_memo(tmp_path) as held:
        for number in range(5_000):
            held.calls({}).put(str(number), Generation("một câu " * 10, 1, 0, number % 10, finished=True, score=None))
        held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.stat().st_size
        assert sum(1 for _ in held.scan(lambda call: call.output_tokens > 0, delete=True)) == 4_500
        held.shrink()
        assert path.stat().st_size < before / 5
        assert path.with_name("memo.sqlite-wal").stat().st_size == 0
        assert held.size() == 500


WRITER = """
import sys
from pathlib import Path
from pipeline.storage.memo import open_memo
from pipeline.records import Generation
with open_memo(Path(sys.argv[1])) as memo:
    calls = memo.calls({"beside": 1})
    print("ready", flush=True)
    for number in range(int(sys.argv[2])):
        answer = Generation(f"câu {number} " * 8, 1, 0, number, finished=True, score=None)
        assert calls.put(f"beside {number}", answer) == answer
        calls.get(f"old {number}")
"""


def test_a_process_that_writes_beside_loses_nothing(tmp_path: Path) -> None:
    with open_memo(tmp_path) as memo:
        for number in range(3_000):
            memo.calls({"old": 1}).put(
                f"old {number}", Generation("một câu " * 20, 1, 0, number, finished=True, score=None)
            )
        (old,) = [engine for engine, identity in memo.identities().items() if "old" in identity]
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path, "4000"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            rounds = 0
            while writer.poll() is None or not rounds:
                for _ in memo.scan(lambda call: call.engine == old, delete=True):
                    pass
                memo.shrink()
                rounds += 1
            assert writer.stdout.read() == ""
        assert writer.returncode == 0
        assert memo.size() == 4_000


@pytest.mark.timeout(120)
def test_a_run_beside_a_compaction_publishes_all_its_records(night: Path) -> None:
    run(night)
    articles = [article(n) | {"text": "Tin fake:slow " + article(n)["text"]} for n in range(60)]
    write_feed(night.parent / "feed.jsonl", articles)
    command = [sys.executable, "-m", "pipeline", "run", str(night), "--outputs", "out"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as beside:
        times = 0
        while beside.poll() is None:
            prune("--memo-older-than", "0s", "--yes")  # everything, as it comes
            times += 1
        assert beside.stderr is not None
        assert beside.returncode == 0, beside.stderr.read()
    assert times > 0
    version = whole(night.parent / "out" / "night")[-1]
    assert version.manifest["counts"]["records"] == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--keep N, --older-than 30d"),
        (("--over", "much"), "500MB or 20GB"),
        (("--older-than", "30"), "30d"),
        (("--memo-older-than", "long"), "30d"),
    ],
)
def test_what_a_person_gets_wrong_is_one_message(night: Path, arguments: tuple[str, ...], said: str) -> None:
    run(night)
    with pytest.raises(UsageError, match=said):
        prune(*arguments)
