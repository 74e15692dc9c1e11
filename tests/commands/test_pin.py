"""`models pin` and `init`: only the intended lines of a user's file change, or none."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pipeline import checkpoints
from pipeline.commands import single
from pipeline.errors import UsageError
from tests.conftest import tomdich
from tests.refusals import as_nobody, no_room

COMMITS = {"example/one": "1" * 20 + "a" * 20, "example/two": "2" * 20 + "b" * 20}
TEXT = """\
# của tòa soạn
name: night   # tên
sources: [{path: feed.jsonl}]
summarize:
  model: example/one  # tóm tắt

  # a comment
  engine: auto
translate:
  revision: main   # to be pinned
  model: "example/two"
limits: {max_failure_ratio: 0.1}
"""
PINNED = TEXT.replace(
    "  model: example/one  # tóm tắt\n", f"  model: example/one  # tóm tắt\n  revision: {COMMITS['example/one']}\n"
).replace("revision: main ", f"revision: {COMMITS['example/two']} ")


@pytest.fixture(autouse=True)
def _hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the hub, which `test_hub` tests: here the file is what matters."""
    monkeypatch.setattr(checkpoints, "pin", lambda name: COMMITS[name])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "night.yaml"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_only_the_revisions_change(path: Path, end: str, mark: str) -> None:
    path.write_bytes((mark + TEXT).replace("\n", end).encode())
    path.chmod(0o640)
    assert single.pin(path) == [f"{stage}: {name}@{COMMITS[name]}" for stage, name in
                                (("summarize", "example/one"), ("translate", "example/two"))]  # fmt: skip
    assert path.read_bytes() == (mark + PINNED).replace("\n", end).encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    single.pin(path)
    assert path.read_bytes() == (mark + PINNED).replace("\n", end).encode()  # once more changes nothing


def test_lines_of_both_ends_and_a_last_line_without_one_stay(path: Path) -> None:
    head = "name: night\r\nsources: [{path: a.jsonl}]\nsummarize:\n  model: bundled/summarizer\n"
    path.write_bytes(f"{head}translate:\r\n  engine: auto\r\n  model: example/two".encode())
    single.pin(path)
    pinned = f"translate:\r\n  engine: auto\r\n  model: example/two\r\n  revision: {COMMITS['example/two']}"
    assert path.read_bytes() == (head + pinned).encode()


SECOND = (
    "name: night\nsources: [{path: a.jsonl}]\nsummarize: {model: lead}\ntranslate:\n  model: example/one\n  repair:\n"
)


def test_a_second_checkpoint_is_pinned_too(path: Path) -> None:
    path.write_text(f"{SECOND}    model: {{model: example/two, engine: auto}}\n", encoding="utf-8")
    assert single.pin(path)[1:] == [f"{field}: {name}@{COMMITS[name]}" for field, name in
                                    (("translate", "example/one"), ("translate.repair.model", "example/two"))]  # fmt: skip
    pinned = SECOND.replace("  model: example/one\n", f"  model: example/one\n  revision: {COMMITS['example/one']}\n")
    pinned += f"    model: {{model: example/two, revision: {COMMITS['example/two']}, engine: auto}}\n"
    assert path.read_text(encoding="utf-8") == pinned


def test_a_second_checkpoint_that_is_a_name_only_has_no_place_for_a_revision(path: Path) -> None:
    text = f"{SECOND}    model: example/two\n"
    path.write_text(text, encoding="utf-8")
    remedy = rf"write `\{{model: example/two, revision: {COMMITS['example/two']}\}}` there; the file is as it was"
    with pytest.raises(UsageError, match=remedy):
        single.pin(path)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("stage", ["{model: example/one}", "&x {model: 'example/one', engine: auto}"])
def test_a_stage_in_one_line_is_pinned_there(path: Path, stage: str) -> None:
    text = (
        f"name: night\nsources: [{{path: a.jsonl}}]\nsummarize: {stage}  # x\ntranslate:\n  model: bundled/translator\n"
    )
    path.write_text(text, encoding="utf-8")
    single.pin(path)
    model = "'example/one'" if "'" in stage else "example/one"
    pinned = text.replace(model, f"{model}, revision: {COMMITS['example/one']}")
    assert path.read_text(encoding="utf-8") == pinned


def test_a_stage_that_shares_the_fields_of_another_gets_its_revision(path: Path) -> None:
    head = "name: night\nsources: [{path: a.jsonl}]\nsummarize: &x\n  model: example/one\n"
    path.write_text(f"{head}translate:\n  <<: *x\n", encoding="utf-8")
    single.pin(path)
    pinned = f"{head}  revision: {COMMITS['example/one']}\ntranslate:\n  <<: *x\n"
    assert path.read_text(encoding="utf-8") == pinned


def test_a_stage_that_cannot_be_edited_is_refused_with_what_to_write(path: Path) -> None:
    stages = "summarize:\n  ? model\n  : example/one\ntranslate:\n  model: example/two\n"
    text = f"name: night\nsources: [{{path: a.jsonl}}]\n{stages}"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"night.yaml: .* By hand, write `revision: {COMMITS['example/one']}` under"):
        single.pin(path)
    assert path.read_text(encoding="utf-8") == text


def test_a_full_disk_leaves_the_config_as_it_was(path: Path) -> None:
    path.write_text(TEXT, encoding="utf-8")
    with no_room(100), pytest.raises(UsageError, match=r"night.yaml: cannot be written: File too large; it is as it"):
        single.pin(path)
    assert path.read_text(encoding="utf-8") == TEXT
    assert [one.name for one in path.parent.iterdir()] == ["night.yaml"]


def test_a_read_only_config_is_an_error_that_says_what_to_write() -> None:
    with as_nobody() as folder:
        path = folder / "night.yaml"
        path.write_text(TEXT, encoding="utf-8")
        path.chmod(0o444)
        with pytest.raises(UsageError, match=r"cannot be written: the file is read-only; it is as it was. By hand"):
            single.pin(path)
        assert path.read_text(encoding="utf-8") == TEXT


def test_a_config_in_a_folder_that_is_read_only_is_an_error_too() -> None:
    with as_nobody() as folder:
        path = folder / "sub" / "night.yaml"
        path.parent.mkdir()
        path.write_text(TEXT, encoding="utf-8")
        path.parent.chmod(0o555)
        with pytest.raises(UsageError, match=r"night.yaml: cannot be written: Permission denied; it is as it was"):
            single.pin(path)
        path.parent.chmod(0o755)


def test_a_config_behind_a_link_is_pinned_there(path: Path) -> None:
    path.write_text(TEXT, encoding="utf-8")
    link = path.with_name("link.yaml")
    link.symlink_to(path)
    single.pin(link)
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == PINNED


def test_the_command_says_what_needs_no_pin(path: Path) -> None:
    text = TEXT.replace("example/one", "bundled/summarizer").replace("example/two", "bundled/translator")
    path.write_text(text, encoding="utf-8")
    done = tomdich("models", "pin", path, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    assert "there is nothing to pin" in done.stdout
    assert path.read_text(encoding="utf-8") == text


def test_init_on_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with no_room(100), pytest.raises(UsageError, match=r"new.yaml: cannot be written: File too large"):
        single.write_config("new", articles=Path("articles"))
    assert list(tmp_path.iterdir()) == []
    single.write_config("new", articles=Path("articles"))  # and can be done again


def test_a_stage_of_the_extended_file_is_pinned_there(tmp_path: Path, path: Path) -> None:
    (tmp_path / "base.yaml").write_text(TEXT, encoding="utf-8")
    path.write_text("extends: base.yaml\nname: own\n", encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"night\.yaml: has no section `summarize:` of its own; .*pin that one\. By hand"
    ):
        single.pin(path)
    assert path.read_text(encoding="utf-8") == "extends: base.yaml\nname: own\n"
