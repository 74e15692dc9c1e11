"""The command line as a person meets it: in its own process, by its exit codes and what it prints."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline import config as configs
from pipeline.commands.single import write_config
from pipeline.storage import versions
from tests.conftest import article, tomdich, write_feed
from tests.examples import commands

ROOT = Path(__file__).parents[2]


@pytest.fixture
def night(tmp_path: Path, make_config: Callable[..., Path]) -> Path:
    """Return the path of a config on the fake engine, with a feed of three articles beside it."""
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(3)])
    return make_config()


def test_help_is_grouped_in_panels() -> None:
    panels = [command.rich_help_panel for name, command in commands().items() if " " not in name]
    assert list(dict.fromkeys(panels)) == ["Every day", "Experiments", "Inspect", "Maintenance"]


def test_the_version_is_that_of_the_package() -> None:
    assert tomdich("--version", cwd=ROOT).stdout == f"tomdich {pipeline.__version__}\n"


def test_every_command_has_help_and_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, command in commands().items():
        assert command.help, name
        assert f"tomdich {name}" in readme, f"`tomdich {name}` is not in the README"


def test_help_imports_nothing_that_takes_long() -> None:
    script = (
        "import sys; from pipeline import cli\n"
        "try: cli.app(['--help'], standalone_mode=False)\n"
        "finally: print(*{name.partition('.')[0] for name in sys.modules}, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines())
    assert "typer" in imported
    slow = {"torch", "transformers", "ctranslate2", "tokenizers", "numpy", "pyarrow", "pydantic", "yaml", "fsspec"}
    assert not imported & slow


def test_a_run_prints_the_version_on_stdout_and_progress_on_stderr(night: Path) -> None:
    done = tomdich("run", night, "--outputs", "out", cwd=night.parent)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert (night.parent / line / "manifest.json").is_file()
    assert "summarize: 3 of 3" in done.stderr
    assert "published: 3 records" in done.stderr


def test_an_unchanged_rerun_says_so_and_imports_neither_torch_nor_transformers(night: Path) -> None:
    first = tomdich("run", night, "--outputs", "out", cwd=night.parent)
    script = (
        "import sys; from pipeline import cli; sys.argv[1:] = sys.argv[1:]\n"
        "try: cli.app(standalone_mode=False)\n"
        "finally: print(sorted({'torch', 'transformers', 'ctranslate2', 'datasets', 'ray'} & set(sys.modules)))"
    )
    again = subprocess.run(
        [sys.executable, "-c", script, "run", night, "--outputs", "out"],
        cwd=night.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.splitlines() == [*first.stdout.splitlines(), "[]"]
    assert "nothing changed" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "missing.yaml"], 2, "missing.yaml: no such config"),
        (["run", "night.yaml", "--set", "summarise.model=x"], 2, "did you mean `summarize`"),
        (["run", "night.yaml", "--set", "sources.0.path=nowhere.jsonl"], 2, "nowhere.jsonl"),
        (["run", "night.yaml", "--set", "sources.0.columns={text: body}"], 2, "body"),
        (["run", "night.yaml", "--set", "summarize={model: no/such-model}"], 2, "no/such-model"),
        (["run", "night.yaml", "--set", "summarize={model: ./no-such-folder}"], 2, "no-such-folder"),
        (["run", "night.yaml", "--until", "translate"], 2, "--until load or --until summarize"),
        (["run", "night.yaml", "--wait-lock", "soon"], 2, "90s, 10m"),
        (["run", "night.yaml", "--wait-lock", "²s"], 2, "90s, 10m"),
        (["run", "night.yaml", "--show", "-1"], 2, "--show"),
        (["prune", "night", "--older-than", "99999999999d"], 2, "longer than 36525d"),
        (["prune", "night", "--over", f"{'9' * 400}TB"], 2, "500MB or 20GB"),
        (["show", "--failures", "--hold"], 2, "--failures or --hold"),
        (["try", "a.txt", "--set", "nam=x"], 2, "--set: nam: no such field; did you mean `name`?"),
        (["translate", "a.txt", "--set", "nam=x"], 2, "--set: nam: no such field; did you mean `name`?"),
        (["try", "https://user:s3cretpw@host/a.txt"], 2, "https://user:***@host/a.txt"),
        (["show", "nothing"], 2, "no such experiment"),
        (["verify"], 2, "no version is published"),
        (["prune", "night", "--keep", "0"], 2, "keep"),
    ],
)
def test_what_a_person_gets_wrong_is_one_message_without_a_traceback(
    night: Path, arguments: list[str], code: int, said: str
) -> None:
    done = tomdich(*arguments, cwd=night.parent, HF_HUB_OFFLINE="1")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
    assert done.stdout == ""


def start(night: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a run."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", str(night), "--outputs", "out", *arguments],
        cwd=night.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def remembered(memo: Path) -> int:
    """Return the number of calls in a memo."""
    if not memo.exists():
        return 0
    with closing(sqlite3.connect(memo)) as database, suppress(sqlite3.OperationalError):
        return int(database.execute("SELECT count(*) FROM calls").fetchone()[0])
    return 0


def test_sigterm_stops_within_a_batch_with_exit_5_and_a_rerun_goes_on(night: Path) -> None:
    feed = [article(number) | {"text": "Tin fake:slow " + article(number)["text"]} for number in range(200)]
    write_feed(night.parent / "feed.jsonl", feed)
    process = start(night, "--set", "runtime.batch_tokens=64")
    while process.poll() is None and not remembered(night.parent / "out" / ".memo" / "memo.sqlite"):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5, stderr
    assert "run it again" in stderr
    assert not versions.versions(night.parent / "out" / "night")
    again = tomdich("run", night, "--outputs", "out", cwd=night.parent)
    assert again.returncode == 0, again.stderr
    (version,) = versions.versions(night.parent / "out" / "night")
    assert version.manifest["calls"]["summarize"]["replayed"] > 0
    assert version.manifest["counts"]["records"] == 200


def test_a_second_run_on_one_name_exits_4_or_waits(night: Path) -> None:
    write_feed(night.parent / "feed.jsonl", [article(0) | {"text": "Tin fake:hang " + article(0)["text"]}])
    first = start(night)
    try:
        assert first.stderr is not None
        assert first.stderr.readline().startswith("load: ")  # it holds the lock, and its engine hangs from here on
        refused = tomdich("run", night, "--outputs", "out", cwd=night.parent)
        assert refused.returncode == 4
        assert "--wait-lock" in refused.stderr
        write_feed(night.parent / "feed.jsonl", [article(number) for number in range(3)])
        waiting = start(night, "--wait-lock", "60s")
        assert waiting.stderr is not None
        assert "waiting at most 60 s" in waiting.stderr.readline()
    finally:
        first.kill()
        first.communicate()
    _, stderr = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, stderr
    (version,) = versions.versions(night.parent / "out" / "night")
    assert version.manifest["counts"]["records"] == 3


def test_two_runs_on_one_memo_agree(night: Path) -> None:
    write_feed(night.parent / "feed.jsonl", [article(number) for number in range(60)])
    runs = [start(night, "--set", f"name={name}") for name in ("one", "two")]
    for process in runs:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    rows = [
        (version.folder / "data" / "articles-00000.parquet").read_bytes()
        for name in ("one", "two")
        for version in versions.versions(night.parent / "out" / name)
    ]
    assert rows[0] == rows[1]


def test_show_prints_records_jsonl_and_failures(night: Path) -> None:
    write_feed(night.parent / "feed.jsonl", [article(1), {"id": "leer", "text": ""}])
    tomdich("run", night, "--outputs", "out", cwd=night.parent)
    shown = tomdich("show", "night", "--outputs", "out", cwd=night.parent).stdout
    assert article(1)["title"] in shown
    (line,) = tomdich("show", "night", "--jsonl", "--outputs", "out", cwd=night.parent).stdout.splitlines()
    assert json.loads(line)["article"] == article(1)["text"]
    (line,) = tomdich("show", "--failures", "--jsonl", "--outputs", "out", cwd=night.parent).stdout.splitlines()
    assert json.loads(line)["kind"] == "empty"
    assert "empty" in tomdich("show", "--failures", "--outputs", "out", cwd=night.parent).stdout


def test_show_prints_as_many_failures_as_are_asked_for_and_says_how_many_are_left(night: Path) -> None:
    write_feed(night.parent / "feed.jsonl", [article(1), *({"id": f"leer{n}", "text": ""} for n in range(3))])
    tomdich("run", night, "--outputs", "out", cwd=night.parent)
    shown = tomdich("show", "--failures", "--limit", "2", "--outputs", "out", cwd=night.parent).stdout
    assert [name in shown for name in ("leer0", "leer1", "leer2")] == [True, True, False]
    assert "… and 1 more: tomdich show night/" in shown


def test_translate_takes_a_line_sentence_by_sentence_and_says_what_was_cut(night: Path) -> None:
    lines = ["Ông Nam đến Huế. Bà Lan ở lại.", "", "Một " * 600 + "hết."]
    (night.parent / "a.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    limits = ("--set", "translate.generation.max_new_tokens=12", "--set", "translate.max_source_tokens=64")
    done = tomdich("translate", "a.txt", "--config", night, *limits, cwd=night.parent)
    assert done.stdout.splitlines()[:2] == lines[:2]  # the fake engine answers a text with its first sentence
    assert "a.txt:3: a sentence longer than the model's input was split" in done.stderr
    assert "a.txt:3: the translation is cut off after 12 tokens" in done.stderr
    assert "a.txt:1:" not in done.stderr


def test_verify_says_what_differs_and_exits_1(night: Path) -> None:
    tomdich("run", night, "--outputs", "out", cwd=night.parent)
    assert "as published" in tomdich("verify", "night", "--outputs", "out", cwd=night.parent).stdout
    (version,) = versions.versions(night.parent / "out" / "night")
    (version.folder / "README.md").write_text("else")
    done = tomdich("verify", "night", "--outputs", "out", cwd=night.parent)
    assert done.returncode == 1
    assert "README.md: changed" in done.stderr


def test_runs_marks_latest(night: Path) -> None:
    tomdich("run", night, "--outputs", "out", cwd=night.parent)
    tomdich("run", night, "--outputs", "out", "--limit", "1", cwd=night.parent)
    lines = tomdich("runs", "--outputs", "out", cwd=night.parent, COLUMNS="120").stdout.splitlines()
    assert [line.split()[-1] == "latest" for line in lines[1:]] == [True, False]


def test_init_writes_a_config_that_check_accepts_and_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "bài").mkdir()
    (tmp_path / "bài" / "a.txt").write_text(article(1)["title"] + "\n\n" + article(1)["text"], encoding="utf-8")
    done = tomdich("init", "daily", "--articles", "bài", cwd=tmp_path)
    assert done.stdout.strip() == "daily.yaml"
    fakes = [
        word for stage in ("summarize", "translate") for word in ("--set", f"{stage}={{model: fake, engine: fake}}")
    ]
    checked = tomdich("check", "daily.yaml", *fakes, cwd=tmp_path)  # the bundled checkpoints are for test_quickstart
    assert checked.returncode == 0, checked.stdout + checked.stderr
    again = tomdich("init", "daily", cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize("folder", ["my #1", "a: b", "- x", "*", '"quoted" \\ back', "on"])
def test_init_writes_the_folder_as_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_config("daily", articles=Path(folder))
    assert [source.path for source in configs.load(path).sources] == [str(tmp_path / folder)]


def test_runs_prints_names_whole_on_a_narrow_screen_and_in_a_pipe(tmp_path: Path, make_config: Any) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    config = make_config(name="the-evening-feeds-of-all-provinces-and-cities")
    folder = tomdich("run", config, "--outputs", "out", cwd=tmp_path).stdout.strip()
    name = "/".join(Path(folder).parts[-2:])
    for screen in ({}, {"COLUMNS": "30"}, {"COLUMNS": "80"}):
        heading, line = tomdich("runs", "--outputs", "out", cwd=tmp_path, **screen).stdout.splitlines()
        assert line.split()[0] == name
        assert heading.split() == ["version", "edition", "scope", "records", "flagged", "held", "failed", "seconds"]
        assert line.split()[2:4] == ["full", "1"]


@pytest.mark.parametrize("columns", ["0", "00", ""])
def test_a_screen_without_a_width_shows_everything(tmp_path: Path, columns: str) -> None:
    shown = tomdich("models", cwd=tmp_path, COLUMNS=columns)
    assert shown.stdout == tomdich("models", cwd=tmp_path).stdout
    assert "translate" in shown.stdout


def test_bench_prints_a_table_and_a_block_to_paste(night: Path) -> None:
    done = tomdich("bench", night, "--articles", "2", cwd=night.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 articles, 2 texts to summarize, ")
    assert "\nruntime:\n" in done.stdout
    assert "a pass takes" in done.stderr
    assert not (night.parent / "outputs").exists()


def test_bench_measures_on_the_articles_of_an_edition(night: Path) -> None:
    (night.parent / "feed.jsonl").rename(night.parent / "day-2026-11-23.jsonl")
    dated = ("--set", "sources.0.path=day-{edition}.jsonl", "--articles", "2")
    done = tomdich("bench", night, *dated, "--edition", "2026-11-23", cwd=night.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 articles, ")


def test_a_notice_that_names_a_strangers_file_has_no_control_sequence(night: Path) -> None:
    done = tomdich("run", night, "--set", "sources.0.path=\x1b]0;x.jsonl", cwd=night.parent)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_check_tells_every_problem_at_once(night: Path) -> None:
    done = tomdich(
        "check", night, "--set", "sources.0.path=no.jsonl", "--set", "summarize={model: ./no-model}", cwd=night.parent
    )
    assert done.returncode == 2
    assert [line for line in done.stdout.splitlines() if line.startswith("✗")][0:2]
    assert "no.jsonl" in done.stdout
    assert "no-model" in done.stdout


def test_check_with_trial_asks_each_engine(night: Path) -> None:
    done = tomdich("check", night, "--trial", cwd=night.parent)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("trial: ") == 2


def test_plan_before_and_after_a_run(night: Path) -> None:
    before = tomdich("plan", night, "--outputs", "out", cwd=night.parent).stdout
    assert "summarize: 0 calls known, 3 to make" in before
    tomdich("run", night, "--outputs", "out", cwd=night.parent)
    after = tomdich("plan", night, "--outputs", "out", cwd=night.parent).stdout
    assert "summarize: 3 calls known, 0 to make" in after
    assert "translate: 6 calls known, 0 to make" in after


def test_init_refuses_what_cannot_be_a_name_before_it_writes(tmp_path: Path) -> None:
    done = tomdich("init", "my news!", cwd=tmp_path)
    assert done.returncode == 2
    assert "init 'my news!': a name begins with a letter or a digit" in done.stderr
    assert ".yaml:" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_try_names_the_file_of_a_text_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n", encoding="utf-8")
    done = tomdich("try", "a.txt", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: a.txt: there is no text\n")


def test_try_takes_overrides_of_the_bundled_models(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(article(1)["text"], encoding="utf-8")
    fakes = ("summarize.engine=fake", "translate.engine=fake", "summarize.generation.max_new_tokens=3")
    options = [word for override in fakes for word in ("--set", override)]
    done = tomdich("try", "a.txt", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "stopped at the length limit, 3 tokens" in done.stdout
    wrong = tomdich("try", "a.txt", "--set", "translate.generation.num_beams=yes", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--set: translate.generation.num_beams: must be a whole number" in wrong.stderr
