"""The tutorial `docs/experiments.md` from its first command to its last, killed in the middle, reproduced elsewhere."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.records import JSON
from pipeline.storage import labels, versions
from tests import examples, forked
from tests.accounts import BOB, ROOT, Step, open_folder, run_as
from tests.conftest import article, tomdich, write_feed
from tests.tex import HAS_TEX, typeset

__all__ = ["open_folder"]  # a fixture

PAGE = ROOT / "docs" / "experiments.md"
BLOCKS = examples.fences(PAGE)
SH = [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]
CONFIG, ORDERS = (block.text for block in BLOCKS if block.language == "yaml")
(PLAN,) = (block.text for block in BLOCKS if block.language == "text")
CELLS = [f"num_beams={beams},max_new_tokens={length}" for beams in (1, 4) for length in (32, 64)] + ["lead", "textrank"]
RUN, REPRODUCE = "tomdich matrix beams.yaml --tag", "tomdich reproduce"


def article_with_references(number: int, **fields: JSON) -> dict[str, JSON]:
    one = article(number) | fields
    return one | {"summary": one["text"].partition(". ")[0], "english": f"Province {number} will plant mangroves."}


def scene(folder: Path, *, articles: int, fake: bool) -> None:
    """Write the page's configs and the articles; those of the fake engine take it 50 ms a batch."""
    for name, written in {"beams": CONFIG, "orders": ORDERS}.items():
        config = written
        if fake:
            for model in ("summarizer", "translator"):
                config = config.replace(f"model: bundled/{model}, compute_type: float32", "model: fake, engine: fake")
            config += "runtime: {batch_tokens: 64}\nexclude: {under_syllables: 5}\n"
        assert ("bundled" in config) != fake
        (folder / f"{name}.yaml").write_text(config, encoding="utf-8")
    slow = " fake:slow" if fake else ""
    rows = [article_with_references(number, title=article(number)["title"] + slow) for number in range(articles)]
    write_feed(folder / "articles.jsonl", rows)


def do(line: str, folder: Path) -> str:
    """Run a line of the page, which has to succeed; return what it prints, also where it writes that to a file."""
    command, _, file = line.partition(" > ")
    done = tomdich(*shlex.split(command)[1:], cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    if file:
        (folder / file).write_text(done.stdout, encoding="utf-8")
    return done.stdout


def kill_in_the_middle(line: str, folder: Path) -> list[Path]:
    """Run a line until the first version is published, and kill it; return the versions that are there."""
    out, err = folder / "printed", folder / "said"
    process = forked.start(shlex.split(line)[1:], cwd=folder, out=out, err=err, environment=dict(os.environ))
    end = time.monotonic() + 240
    while not (found := versions.versions(folder / "outputs" / "beams")):
        assert process.is_alive(), err.read_text("utf-8")
        assert time.monotonic() < end
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it was over before it was killed"
    found = versions.versions(folder / "outputs" / "beams")
    assert 1 <= len(found) < len(CELLS)
    return [version.folder for version in found]


def elsewhere(line: str, folder: Path, pack: Path) -> str:
    """Run a line in a second clone, by another account if this is root, that has only the pack; return what it prints.

    The other account has a home of its own, and can read neither the first one's work nor its cache.
    """
    second = folder / "second"
    clone, there, home = second / "clone", second / "work", second / "home"
    shutil.copytree(ROOT / "pipeline", clone / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    there.mkdir()
    home.mkdir()
    shutil.move(pack, there)
    for closed in (pack.parent, folder / "cache"):
        if closed.exists():
            closed.chmod(0o700)
    own: dict[str, str | None] = {"HOME": str(home), "TOMDICH_CACHE": None, "XDG_CACHE_HOME": None}
    command = line.removeprefix("tomdich ")
    if os.geteuid() == 0:
        for path in (there, home):
            os.chown(path, BOB, -1)
        (done,) = run_as(Step(BOB, command, environment=own), cwd=there, clone=clone)
        assert done.code == 0, done.err
        assert {path.lstat().st_uid for path in home.rglob("*")} <= {BOB}
        return done.out
    environment = {name: value for name, value in os.environ.items() if name not in own}
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline", *shlex.split(command)],
        cwd=there, env=environment | {"HOME": str(home), "PYTHONPATH": str(clone)},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize(("articles", "fake"), [(6, True), (2, False)], ids=["fake", "bundled"])
def test_the_page_is_followed_to_its_end(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, articles: int, fake: bool
) -> None:
    monkeypatch.setenv("TOMDICH_CACHE", str(open_folder / "cache"))
    home = open_folder / "home"
    home.mkdir()
    scene(home, articles=articles, fake=fake)
    printed = {}
    for line in SH:
        if line.startswith(RUN):
            before = kill_in_the_middle(line, home)
        if line.startswith(REPRODUCE):
            for path in ("articles.jsonl", "outputs"):  # nothing is left but the pack
                (home / path).rename(home / f"{path}.gone")
            printed[line] = elsewhere(line, open_folder, home / "best.tar.gz")
        else:
            printed[line] = do(line, home)
        if line.startswith(RUN):
            there = versions.versions(home / "outputs" / "beams")
            assert [version.folder for version in there[: len(before)]] == before
            assert [cell.name for cell in labels.cells(there, "beams")] == CELLS
            assert {version.manifest["counts"]["records"] for version in there} == {articles}
    (planned,) = (text for line, text in printed.items() if line.endswith("--dry"))
    if fake:
        assert [line.rstrip() for line in planned.splitlines()] == PLAN.splitlines()
    table = (home / "table.tex").read_text(encoding="utf-8")
    for said in (r"\toprule", r"\label{tab:beams}", "chrF++", "textrank"):
        assert said in table
    assert all(cell in (home / "beams.html").read_text(encoding="utf-8") for cell in CELLS)
    (reproduced,) = (text for line, text in printed.items() if line.startswith(REPRODUCE))
    assert f": {articles} of {articles} records have the same texts" in reproduced
    assert (open_folder / "second" / "home" / ".cache" / "tomdich").exists() != fake  # converted there again
    if HAS_TEX:
        typeset(table, home, label="tab:beams")
