"""Two accounts of a group share outputs and a cache; where one has no access, the message names the file."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

import pytest
import yaml

from pipeline.cli import app
from pipeline.errors import TomdichError
from pipeline.storage.atomic import new_folder, write_atomically
from tests.accounts import ALICE, BOB, GROUP, ROOT, Step, is_open, needs_root, open_folder, run_as
from tests.conftest import article, sentence, tomdich, write_feed

__all__ = ["open_folder"]  # a fixture


@pytest.fixture
def shared(open_folder: Path) -> Path:
    """Give a folder with a config, a feed and an `out` of the group."""
    fake = {"model": "fake", "engine": "fake"}
    config = {"name": "night", "sources": [{"path": "feed.jsonl"}], "exclude": {"under_syllables": 5}}
    text = yaml.safe_dump(config | {"summarize": fake, "translate": fake})
    (open_folder / "night.yaml").write_text(text, encoding="utf-8")
    write_feed(open_folder / "feed.jsonl", map(article, range(5)))
    (open_folder / "lines.txt").write_text(sentence(1) + "\n", encoding="utf-8")
    (open_folder / "out").mkdir()
    if os.geteuid() == 0:
        os.chown(open_folder / "out", 0, GROUP)
    (open_folder / "out").chmod(0o2775)
    return open_folder


def done(*steps: Step, cwd: Path) -> None:
    """Run commands that have to succeed."""
    for step, result in zip(steps, run_as(*steps, cwd=cwd), strict=True):
        assert result.code == 0, (step, result.err)


def refused(*steps: Step, cwd: Path) -> list[str]:
    """Run commands that have to fail with one message each, and return those."""
    results = run_as(*steps, cwd=cwd)
    for result in results:
        assert result.code in {1, 2}, result
        assert "Traceback" not in result.err
    return [result.out + result.err for result in results]


RUN = "run night.yaml --force --outputs out"


@needs_root
def test_two_accounts_of_a_group_take_turns_in_one_outputs_folder(shared: Path) -> None:
    done(
        Step(ALICE, RUN),
        Step(BOB, "plan night.yaml --outputs out"),
        Step(BOB, RUN),
        Step(ALICE, "forget a1 --yes --outputs out"),
        Step(BOB, "prune night --keep 1 --memo --yes --outputs out"),
        Step(0, "forget a2 --yes --outputs out", umask=0o022),
        Step(ALICE, RUN),
        Step(BOB, "run night.yaml --only-new --outputs out"),
        cwd=shared,
    )
    modes = {path: path.stat().st_mode & 0o777 for path in (shared / "out").rglob("*") if path.is_file()}
    assert [path for path, mode in modes.items() if mode & 0o444 != 0o444] == []
    assert modes[shared / "out" / ".memo" / "memo.sqlite"] == 0o664
    assert modes[shared / "out" / "night" / ".published"] == 0o664


@needs_root
def test_an_account_that_is_kept_out_is_told_by_which_file_and_leaves_nothing(shared: Path) -> None:
    done(Step(ALICE, RUN, umask=0o022), cwd=shared)
    before = sorted((shared / "out").rglob("*"))
    memo = shared / "out" / ".memo" / "memo.sqlite"
    plan, check, run = refused(
        Step(BOB, "plan night.yaml --outputs out"),
        Step(BOB, "check night.yaml --outputs out"),
        Step(BOB, RUN),
        cwd=shared,
    )
    for said in (plan, check, run):
        assert f"{shared / 'out' / 'night'} is owned by uid {ALICE}, mode " in said
    assert f"{memo} is owned by uid {ALICE}, mode 0644; this account is uid {BOB}" in check
    assert sorted((shared / "out").rglob("*")) == before
    (shared / "out" / "night").chmod(0o2775)
    plan, run = refused(Step(BOB, "plan night.yaml --outputs out"), Step(BOB, RUN), cwd=shared)
    for said in (plan, run):
        assert f"{shared / 'out' / 'night' / '.published'} is owned by uid {ALICE}, mode 0644" in said
        assert "chmod g+rwX" in said
    (shared / "out" / "night" / ".published").chmod(0o664)
    (said,) = refused(Step(BOB, "plan night.yaml --outputs out"), cwd=shared)
    assert f"{memo} is owned by uid {ALICE}, mode 0644; this account is uid {BOB}" in said
    side_file = memo.with_name("memo.sqlite-shm")  # as an older version left it
    side_file.touch(mode=0o644)
    os.chown(side_file, BOB, GROUP)
    (said,) = refused(Step(ALICE, RUN), cwd=shared)
    assert f"{side_file} is owned by uid {BOB}, mode 0644; this account is uid {ALICE}" in said


@needs_root
def test_a_list_of_withdrawals_that_cannot_be_read_is_not_to_be_removed(shared: Path) -> None:
    done(Step(0, RUN), Step(0, "forget a1 --yes --outputs out"), cwd=shared)
    (shared / "out" / ".withdrawn").chmod(0o600)
    (said,) = refused(Step(ALICE, RUN), cwd=shared)
    assert re.search(r"\.withdrawn: Permission denied \(.* is owned by root, mode 0600", said)
    assert "remove it" not in said


@needs_root
@pytest.mark.skipif(not is_open(ROOT / "pipeline" / "bundled"), reason="another account cannot read this checkout")
def test_a_cache_that_another_account_filled_is_read(shared: Path) -> None:
    first = tomdich("translate", "lines.txt", cwd=shared, TOMDICH_CACHE=str(shared / "cache"))
    assert first.returncode == 0, first.stderr
    (second,) = run_as(Step(BOB, "translate lines.txt"), cwd=shared)
    assert (second.code, second.out) == (0, first.stdout), second.err
    (converted,) = (shared / "cache" / "prepared").glob("*ct2*")
    converted.chmod(0o700)  # as an older version made it
    (said,) = refused(Step(BOB, "translate lines.txt"), cwd=shared)
    assert f"{converted} is owned by root, mode 0700; this account is uid {BOB}" in said
    assert "set TOMDICH_CACHE to a folder" in said


@pytest.mark.parametrize(("umask", "file", "folder"), [(0o002, 0o664, 0o775), (0o027, 0o640, 0o750)])
def test_what_is_written_by_replacing_has_the_mode_of_the_umask(
    tmp_path: Path, umask: int, file: int, folder: int
) -> None:
    before = os.umask(umask)
    try:
        for _ in range(2):  # the second replaces
            write_atomically(tmp_path / "new" / "list", "text")
        made = new_folder(tmp_path, ".building-")
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "list").stat().st_mode & 0o777 == file
    assert made.stat().st_mode & 0o777 == folder


def test_a_run_gives_every_file_the_mode_of_the_umask(shared: Path) -> None:
    before = os.umask(0o007)
    try:
        result = tomdich("run", "night.yaml", "--outputs", "out", cwd=shared)
    finally:
        os.umask(before)
    assert result.returncode == 0, result.stderr
    wrong = {
        str(path): oct(path.lstat().st_mode)
        for path in (shared / "out").rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o777 != (0o770 if path.is_dir() else 0o660)
    }
    assert wrong == {}


COMMANDS = {
    "run": ["run", "real.yaml"],
    "check": ["check", "real.yaml"],
    "plan": ["plan", "real.yaml"],
    "bench": ["bench", "real.yaml"],
    "try": ["try", "lines.txt"],
    "translate": ["translate", "lines.txt"],
    "train": ["train", "train.yaml"],
    "models pull": ["models", "pull", "google-t5/t5-small"],
}


@pytest.fixture
def commands(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give `shared` with configs of the bundled checkpoints and of a training; it is the present folder."""
    config = {"name": "real", "sources": [{"path": "feed.jsonl"}], "exclude": {"under_syllables": 5}}
    models = {"summarize": {"model": "bundled/summarizer"}, "translate": {"model": "bundled/translator"}}
    (shared / "real.yaml").write_text(yaml.safe_dump(config | models), encoding="utf-8")
    training = yaml.safe_load((ROOT / "configs" / "train" / "tokenizer.yaml").read_text(encoding="utf-8"))
    training.pop("folder")
    (shared / "train.yaml").write_text(yaml.safe_dump(training), encoding="utf-8")
    for name in ("TOMDICH_CACHE", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(shared)
    return shared


def said(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that has to fail, and return what it says."""
    with pytest.raises(TomdichError) as error:
        app(COMMANDS[command], standalone_mode=False)
    told = capsys.readouterr().out + str(error.value)
    assert ("`folder:`" if command == "train" else "TOMDICH_CACHE") in told
    return told


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "models pull"])  # its hub is offline here
def test_each_command_names_the_folder_that_cannot_be_made_and_the_setting(
    commands: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A home folder below a file cannot be made by root either."""
    monkeypatch.setenv("HOME", str(commands / "lines.txt" / "home"))
    assert str(commands / "lines.txt" / "home") in said(command, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_that_there_is_no_home_folder_and_what_to_set(
    commands: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert "no home folder" in said(command, capsys)
