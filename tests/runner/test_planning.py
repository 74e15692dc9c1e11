"""What a plan says, and that it refuses what a run refuses before its first model call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.storage import versions
from tests import tiny
from tests.conftest import article, tomdich, tomdich_in_process, write_feed

ROOT = Path(__file__).parents[2]
DAMAGED = [article(number) for number in range(20)] + [{"id": str(number), "text": 5} for number in range(3)]
TWICE = [article(number) for number in range(20)] + [article(number) | {"text": article(90 + number)["text"]} for number in range(3)]  # fmt: skip


@pytest.mark.parametrize(
    ("feed", "fields", "code", "message"),
    [
        (20, {"translate": {"model": "fake", "engine": "fake", "terms": "nowhere.csv"}}, 2, "nowhere.csv"),
        (20, {"translate": {"model": "fake", "engine": "fake", "corrections": "nowhere.jsonl"}}, 2, "nowhere.jsonl"),
        (20, {"summarize": {"model": "./nowhere"}}, 2, "no such folder"),
        (20, {"translate": {"model": "bundled/translater"}}, 2, "did you mean bundled/translator"),
        (20, {"translate": {"model": "no such/name"}}, 2, "is not a valid model name"),
        (20, {"translate": {"model": "nobody/nothing"}}, 2, "HF_HUB_OFFLINE is set"),
        (20, {"limits": {"min_records": 21}}, 3, "fewer than limits.min_records"),
        ([{"id": "1", "text": "Ngắn."}], {}, 3, "no record is left of 1 read"),
        (DAMAGED, {}, 3, "3 of 23 rows"),
    ],
)
def test_a_plan_refuses_what_a_run_refuses_before_its_first_call(
    make_config: Callable[..., Path],
    tmp_path: Path,
    feed: int | list[dict[str, Any]],
    fields: dict[str, Any],
    code: int,
    message: str,
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(n) for n in range(feed)] if isinstance(feed, int) else feed)
    config = make_config(**fields)
    for command in ("plan", "run"):
        done = tomdich(command, config, "--outputs", "out", cwd=tmp_path, HF_HUB_OFFLINE="1")
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    if code == 2:
        checked = tomdich("check", config, "--outputs", "out", cwd=tmp_path, HF_HUB_OFFLINE="1")
        assert checked.returncode == 2
        assert message in checked.stdout
    assert (
        not list((tmp_path / "out").glob(".memo/*.sqlite*"))
        or "0 calls known" in tomdich("check", make_config(), "--outputs", "out", cwd=tmp_path).stdout
    )


def test_a_plan_names_what_is_rejected_and_what_failed(make_config: Callable[..., Path], tmp_path: Path) -> None:
    rejected = [{"id": f"r{number}", "text": "Ngắn."} for number in range(30)]
    write_feed(tmp_path / "feed.jsonl", [*TWICE[:21], *rejected])
    planned = tomdich("plan", make_config(), "--outputs", "out", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert "failed: " in planned.stdout
    assert " a0 (same_id): another text has the same id" in planned.stdout
    assert " r0 (short): " in planned.stdout
    assert planned.stdout.count("  rejected: ") == 19
    assert "… and 11 more; a run lists every one in failures.jsonl" in planned.stdout


def test_a_plan_estimates_time_from_what_an_earlier_version_took(
    make_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config()
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(25)])
    first = tomdich("plan", config, "--outputs", "out", cwd=tmp_path).stdout
    assert "summarize: 0 calls known, 25 to make; how long they take, no version here has measured" in first
    assert tomdich("run", config, "--outputs", "out", cwd=tmp_path).returncode == 0
    same = tomdich("plan", config, "--outputs", "out", cwd=tmp_path).stdout
    assert same.startswith(f"nothing changed: already published as {versions.find(tmp_path / 'out', None).name}\n")
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(50)])
    second = tomdich("plan", config, "--outputs", "out", cwd=tmp_path).stdout
    assert "summarize: 25 calls known, 25 to make; about " in second
    assert second.count("at the rate of an earlier version") == 2


def test_a_rate_that_was_measured_with_another_model_is_not_taken(
    make_config: Callable[..., Path], tmp_path: Path
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(25)])
    assert tomdich_in_process("run", make_config(), "--outputs", "out", cwd=tmp_path).returncode == 0
    path = versions.find(tmp_path / "out", "night").folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["models"]["summarize"]["digest"] = "0" * 64
    path.write_text(json.dumps(manifest), encoding="utf-8")
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(50)])
    planned = tomdich_in_process("plan", make_config(), "--outputs", "out", cwd=tmp_path).stdout
    assert "summarize: 25 calls known, 25 to make; how long they take, no version here has measured" in planned
    assert planned.count("at the rate of an earlier version") == 1


def test_a_plan_counts_the_stages_that_the_run_would_reach(make_config: Callable[..., Path], tmp_path: Path) -> None:
    write_feed(
        tmp_path / "feed.jsonl",
        [article(number) | ({"reference_summary": "Tỉnh trồng rừng."} if number else {}) for number in range(25)],
    )

    def planned(*arguments: str, **fields: Any) -> list[str]:
        done = tomdich_in_process("plan", make_config(**fields), "--outputs", "out", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return [line.partition(";")[0] for line in done.stdout.splitlines() if " known, " in line or "remain" in line]

    assert planned("--until", "load") == []
    assert planned("--until", "summarize") == ["summarize: 0 calls known, 25 to make"]
    assert planned("--limit", "3")[0] == "summarize: 0 calls known, 3 to make"
    assert planned(summarize={"model": "oracle"}) == [  # of the one without a reference nothing is translated
        "summarize: 0 calls known, 0 to make",
        "translate: 0 calls known, 48 to make",
    ]


def test_a_plan_of_a_checkpoint_that_is_not_prepared_says_what_prepares_it(
    make_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOMDICH_CACHE", str(tmp_path / "cache"))
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    config = make_config(summarize={"model": "bundled/summarizer"})
    done = tomdich_in_process("plan", config, "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = (
        "all calls remain, and cannot be counted yet: not every checkpoint is prepared on this machine; `tomdich check"
    )
    assert said in " ".join(done.stdout.split())


def test_another_search_keeps_the_engine_and_is_told_in_plan_manifest_and_card(tmp_path: Path) -> None:
    config = tmp_path / "beams.yaml"
    models = f"summarize: {{model: {tiny.checkpoint('t5-json')}}}\ntranslate: {{model: fake, engine: fake}}\n"
    config.write_text(f"name: beams\nsources: [{{path: feed.jsonl}}]\n{models}", encoding="utf-8")
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    values = ("num_beams=4", "no_repeat_ngram_size=5")
    search = [word for value in values for word in ("--set", f"summarize.generation.{value}")]
    done = tomdich("run", config, "--outputs", "out", *search, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version = versions.find(tmp_path / "out", "beams")
    summarizer = version.manifest["models"]["summarize"]
    assert (summarizer["engine"], summarizer["compute_type"]) == ("ctranslate2", "int8")
    chosen = ["engine: auto is ctranslate2 on a CPU", "compute_type: auto is int8 for ctranslate2 on a CPU"]
    assert summarizer["choices"] == chosen
    assert "; ".join(chosen) in tomdich("check", config, "--outputs", "out", *search, cwd=tmp_path).stdout
    named = ["early_stopping=False with num_beams=4", "no_repeat_ngram_size=5 with num_beams=4"]
    assert [difference.partition(":")[0] for difference in summarizer["search_differences"]] == named
    planned = tomdich("plan", config, "--outputs", "out", *search, cwd=tmp_path).stdout
    card = (version.folder / "README.md").read_text(encoding="utf-8")
    assert f"({'; '.join(chosen)})" in planned
    program = json.loads(tomdich("plan", config, "--outputs", "out", *search, "--json", cwd=tmp_path).stdout)
    assert program["models"]["summarize"]["search_differences"] == summarizer["search_differences"]
    assert program["models"]["summarize"]["choices"] == chosen
    for difference in named:
        assert difference in planned
        assert difference in card
        assert difference in done.stderr
    impossible = ("--set", "summarize.engine=transformers", "--set", "summarize.compute_type=int8")
    for command in ("run", "plan"):
        refused = tomdich(command, config, "--outputs", "out", *impossible, cwd=tmp_path)
        assert refused.returncode == 2
        assert "summarize: compute_type: int8 needs `engine: ctranslate2`" in refused.stderr
    parity = (*search, "--set", "summarize.engine=transformers", "--force")
    done = tomdich_in_process("run", config, "--outputs", "out", *parity, cwd=tmp_path)  # torch is imported here
    assert done.returncode == 0, done.stderr
    other = versions.find(tmp_path / "out", "beams").manifest
    assert other["models"]["summarize"]["search_differences"] == []
    assert other["recipe"] != version.manifest["recipe"]
    assert json.dumps(other["calls"]["summarize"]) == json.dumps({"computed": 1, "replayed": 0})  # nothing is shared


def _as_file(outputs: Path) -> None:
    outputs.write_text("", encoding="utf-8")


def _under_a_file(outputs: Path) -> None:
    outputs.mkdir()
    (outputs / "night").write_text("", encoding="utf-8")


def _staging_elsewhere(outputs: Path) -> None:
    (outputs / "night").mkdir(parents=True)
    (outputs / "night" / ".staging").symlink_to(outputs)


def _latest_copied(outputs: Path) -> None:
    (outputs / "night" / "latest").mkdir(parents=True)


def _memo_as_file(outputs: Path) -> None:
    outputs.mkdir()
    (outputs / ".memo").write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_as_file, "out: Not a directory; choose another --outputs"),
        (_under_a_file, "out/night: Not a directory; choose another --outputs"),
        (_staging_elsewhere, "is a link to"),
        (_latest_copied, "latest: is a folder, and not the link to a version"),
        (_memo_as_file, ".memo: the memo's folder cannot be made"),
    ],
)
@pytest.mark.parametrize("model", ["fake", "absent"])  # a checkpoint that is not prepared yet hides none of it
def test_what_cannot_be_written_is_refused_by_plan_check_and_run(
    make_config: Callable[..., Path], tmp_path: Path, spoil: Callable[[Path], None], message: str, model: str
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(3)])
    spoil(tmp_path / "out")
    stage = {"model": "fake", "engine": "fake"} if model == "fake" else {"model": "bundled/summarizer"}
    config = make_config(summarize=stage)
    before = sorted((tmp_path / "out").rglob("*"))
    for command, code in (("plan", 1), ("check", 2), ("run", 1)):
        done = tomdich(command, config, "--outputs", "out", cwd=tmp_path, TOMDICH_CACHE=str(tmp_path / "cache"))
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert message in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        if command == "plan":
            assert sorted((tmp_path / "out").rglob("*")) == before
