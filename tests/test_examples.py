"""Every example of the documents: shell lines are run, configs are loaded, commands within the text are parsed.

A block of shell that cannot run here says so behind its language (```` ```sh parsed: why ````). Its commands are parsed.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import yaml

from pipeline import config as configs
from pipeline import corrections, glossary
from pipeline.catalog import Entry
from pipeline.checks.phrases import read
from pipeline.export.brief import watchlist
from pipeline.runner import cells
from pipeline.train import config as training
from tests import examples
from tests.checks.rule_examples import CHECKS, groups, problems
from tests.conftest import article, write_feed
from tests.examples import PAGES, ROOT, Fence

FENCES = [fence for page in PAGES for fence in examples.fences(page)]
FAKE = {
    "summarize": {"model": "fake", "engine": "fake"},
    "translate": {"model": "fake", "engine": "fake"},
}
STAND_IN = """#!{python}
# `tomdich` on the fake engine; of `make`, what it would do
import os, sys
words = sys.argv[1:]
if os.path.basename(sys.argv[0]) == "make":
    os.execvp({make!r}, ["make", "--dry-run", "--directory", {root!r}, *words])
if words[0] in {{"run", "plan", "check", "bench"}}:
    words += ["--set", "summarize={{model: fake, engine: fake}}", "--set", "translate={{model: fake, engine: fake}}"]
os.execv(sys.executable, [sys.executable, "-m", "pipeline", *words])
"""


def of(*languages: str) -> list[Fence]:
    return [fence for fence in FENCES if fence.language in languages]


def lines(fence: Fence) -> list[str]:
    """Return the commands of a block of shell."""
    return [line for line in fence.text.replace("\\\n", " ").splitlines() if shlex.split(line, comments=True)]


def test_every_block_says_what_it_is() -> None:
    known = {"sh", "python", "crontab", "yaml", "toml", "csv", "jsonl", "watchlist", "text"}
    assert [fence.place for fence in FENCES if fence.language not in known] == []
    assert [fence.place for fence in FENCES if fence.remark and not fence.remark.startswith("parsed: ")] == []


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Give a folder with all that the examples name: articles, configs, and the programs on its path."""
    programs = [
        tmp_path / folder / name for folder, name in ((".venv/bin", "tomdich"), ("bin", "tomdich"), ("bin", "make"))
    ]
    for program in programs:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(STAND_IN.format(python=sys.executable, make=shutil.which("make"), root=str(ROOT)))
        program.chmod(0o755)
    (tmp_path / "articles").mkdir()
    for number in range(3):
        one = article(number)
        (tmp_path / "articles" / f"{number}.txt").write_text(f"{one['title']}\n\n{one['text']}\n", encoding="utf-8")
    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    for name in ("night", "daily"):
        config = {"name": name, "sources": [{"path": "feed.jsonl"}], "exclude": {"under_syllables": 5}} | FAKE
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return tmp_path


def bash(script: str, scene: Path) -> None:
    environment = {"HOME": str(scene), "PATH": f"{scene / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=scene, env=os.environ | environment, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "fence",
    [one for one in of("sh") if not one.remark and one.page.name not in examples.IN_ORDER],
    ids=lambda one: one.place,
)
def test_the_lines_of_a_block_of_shell_run_one_after_the_other(fence: Fence, scene: Path) -> None:
    if "tomdich init daily" in fence.text:
        (scene / "daily.yaml").unlink()  # the example writes it
    bash(fence.text, scene)


@pytest.mark.parametrize("fence", [one for one in of("sh") if one.remark], ids=lambda one: one.place)
def test_the_commands_of_a_block_that_cannot_run_here_are_right(fence: Fence, scene: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for line in lines(fence):
        program, *words = shlex.split(line, comments=True)
        match Path(program).name:
            case "tomdich":
                examples.parse(line)
                overrides = tuple(os.path.expandvars(words[at + 1]) for at, word in enumerate(words) if word == "--set")
                load = training.load if words[0] == "train" else configs.load
                load(scene / words[1], overrides)
            case "cp":
                bash(line, scene)
            case "pip":
                assert set(re.findall(r"\[(\w+)\]", line)) <= set(extras), line
            case "run":
                assert (ROOT / program).is_file(), line
            case "make":
                bash(line, scene)
            case "python":
                assert module(words).is_file(), line
            case _:
                pytest.fail(f"{fence.place}: nothing is known of {program}")


@pytest.mark.parametrize("page", sorted({fence.page for fence in of("python")}), ids=lambda page: page.name)
def test_the_blocks_of_python_of_a_page_run_one_after_the_other(
    page: Path, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share their names; a block of text right below one shows what it prints."""
    monkeypatch.chdir(scene)
    names: dict[str, object] = {}
    lines = page.read_text(encoding="utf-8").splitlines()
    blocks = examples.fences(page)
    for block, below in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language != "python":
            continue
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block.text, block.place, "exec"), names)
        end = block.line + block.text.count("\n")
        if below is not None and below.language == "text" and not "".join(lines[end : below.line - 2]).strip():
            assert printed.getvalue() == below.text, block.place


def module(words: list[str]) -> Path:
    """Return the file of `python -m a.b`."""
    assert words[0] == "-m", words
    return ROOT / (words[1].replace(".", "/") + ".py")


@pytest.mark.parametrize("fence", of("crontab"), ids=lambda one: one.place)
def test_the_line_of_a_crontab_is_read_by_cron_and_its_command_runs(fence: Fence, scene: Path) -> None:
    (line,) = [line for line in fence.text.splitlines() if not line.startswith("#")]
    if crontab := shutil.which("crontab"):
        (scene / "crontab").write_text(fence.text)
        subprocess.run([crontab, "-n", str(scene / "crontab")], check=True, capture_output=True)
    command = line.split(maxsplit=5)[5]
    bash(command.replace("/srv/news", str(scene)), scene)
    assert (scene / "outputs" / "night" / "latest").exists()


def load_run(text: str, scene: Path) -> None:
    """Load a config of a run, whole or only a stage of it."""
    given = yaml.safe_load(text)
    whole = (
        text
        if {"sources", "extends"} & set(given)
        else yaml.safe_dump(yaml.safe_load((scene / "night.yaml").read_text()) | given)
    )
    (scene / "example.yaml").write_text(whole, encoding="utf-8")
    load = cells.load if configs.MATRIX in given else configs.load
    load(scene / "example.yaml")


@pytest.mark.parametrize("fence", of("yaml"), ids=lambda one: one.place)
def test_a_config_is_loaded(fence: Fence, scene: Path) -> None:
    load_run(fence.text, scene)


@pytest.mark.parametrize("fence", of("toml"), ids=lambda one: one.place)
def test_an_entry_of_a_table_is_one_that_its_table_takes(fence: Fence) -> None:
    data = tomllib.loads(fence.text)
    for entry in data.pop("models", ()):
        Entry(**{"license_class": "free"} | entry)
    tables = CHECKS["procedure"].Tables.of(read("procedure"))
    for section in data:
        found = [problem for group in groups(data, section) for problem in problems("procedure", group, tables)]
        assert found == []


@pytest.mark.parametrize("fence", of("csv", "jsonl"), ids=lambda one: one.place)
def test_a_file_of_the_newsroom_is_read(fence: Fence, tmp_path: Path) -> None:
    file = tmp_path / f"example.{fence.language}"
    file.write_text(fence.text, encoding="utf-8")
    if fence.language == "csv":
        assert len(glossary.read(str(file), None).terms) == len(fence.text.splitlines()) - 1
    else:
        assert len(list(corrections.parse(fence.text, path=str(file)))) == len(fence.text.splitlines())


@pytest.mark.parametrize("fence", of("watchlist"), ids=lambda one: one.place)
def test_a_watchlist_is_read(fence: Fence, tmp_path: Path) -> None:
    file = tmp_path / "watch.yaml"
    file.write_text(fence.text, encoding="utf-8")
    assert len(watchlist.read(file)) == len(fence.text.splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_within_the_text_is_one_that_there_is(page: Path) -> None:
    for number, told in examples.inline(page):
        try:
            examples.parse(told)
        except Exception as error:  # noqa: BLE001 - Typer's own error says what, and this one where
            pytest.fail(f"{page.name}:{number}: `{told}`: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_python_command_within_the_text_has_its_module_and_options(page: Path) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    for told in re.findall(r"`python -m (tests[^`]+)`", text):
        name, *words = shlex.split(told)
        source = module(["-m", name]).read_text(encoding="utf-8")
        for option in (word for word in words if word.startswith("--")):
            assert f'"{option}"' in source, told
