"""Summaries without a model: sentences of the article as they stand, the same ones every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import extractive
from pipeline.evaluation import metrics
from pipeline.extractive import WEIGHTS, Candidates, summarize
from pipeline.storage import versions
from pipeline.storage.rows import failures, rows
from pipeline.text.sentences import sentences
from tests.conftest import article, tomdich, write_feed

TITLE = "Nghệ An giải ngân trên 95% vốn đầu tư công"
LEAD = "Sáng 14/3, tỉnh Nghệ An họp trực tuyến với 21 huyện về tiến độ các dự án trọng điểm."
ASIDE = "Nhiều đại biểu đến từ rất sớm và trò chuyện với nhau ở ngoài hành lang của hội trường."
GOAL = "Tỉnh đặt mục tiêu giải ngân trên 95% vốn đầu tư công năm 2024, tương đương 9.096 tỷ đồng."
CAPTION = "Quang cảnh hội nghị trực tuyến về giải ngân vốn đầu tư công của tỉnh Nghệ An sáng 14/3 (Ảnh: Thành Duy)."
HEADING = "Giải ngân trên 95% vốn đầu tư công của tỉnh Nghệ An trong năm 2024"

# Whole sentences, and what pages have beside them.
SENTENCES = st.sampled_from([LEAD, ASIDE, GOAL, CAPTION, HEADING, "Ảnh: Thành Duy.", "Tham vọng", "“Tôi 66 tuổi rồi!”"])
INVENTED = st.lists(
    st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạ 0123456789,", min_size=1, max_size=80).map(
        lambda text: f"Ông {text.strip()}."
    ),
    min_size=1,
    max_size=8,
)
BODIES = st.one_of(
    st.lists(SENTENCES, min_size=1, max_size=8), INVENTED, st.lists(st.text(min_size=1), min_size=1)
).map("\n".join)


def test_what_the_headline_is_about_is_taken_and_the_aside_is_not() -> None:
    assert summarize(f"{LEAD} {ASIDE} {GOAL}", TITLE) == [LEAD, GOAL]


def test_captions_headings_and_fragments_are_left_out() -> None:
    body = f"{CAPTION}\n{HEADING}\nẢnh: Thành Duy.\n{LEAD}\nTham vọng\n{ASIDE}"
    assert summarize(body, TITLE) == [LEAD, ASIDE]


@pytest.mark.parametrize("body", [CAPTION, HEADING, "Tham vọng", "Mưa!", LEAD])
def test_one_sentence_is_its_own_summary_whatever_it_is(body: str) -> None:
    assert summarize(body, TITLE) == [body]


def test_lead_is_the_first_sentences() -> None:
    assert summarize(f"{ASIDE} {LEAD} {GOAL}", TITLE, method="lead") == [ASIDE, LEAD]
    assert summarize(f"{ASIDE} {LEAD} {GOAL}", TITLE, method="lead", count=1) == [ASIDE]


@given(body=BODIES, title=st.one_of(st.just(""), st.just(TITLE), st.text()), count=st.integers(1, 4))
@pytest.mark.parametrize("method", get_args(extractive.Method))
def test_a_summary_is_sentences_of_the_article_in_its_order(
    method: extractive.Method, body: str, title: str, count: int
) -> None:
    found = summarize(body, title, LEAD, method=method, count=count)
    rest = iter(sentences(body))
    assert all(sentence in rest for sentence in found)  # verbatim, in order, none twice
    assert len(found) <= count
    assert bool(found) == bool(body.strip())
    assert summarize(body, title, LEAD, method=method, count=count) == found


def test_textrank_takes_the_sentences_that_have_most_in_common_with_others() -> None:
    other = "Các dự án trọng điểm của tỉnh Nghệ An đều có vốn đầu tư công năm 2024."
    assert summarize(f"{ASIDE} {LEAD} {GOAL} {other}", "", method="textrank", count=1) == [other]


def test_textrank_fails_on_a_text_whose_graph_would_be_too_large() -> None:
    with pytest.raises(extractive.NotSummarizedError, match=r"501 sentences, and textrank takes 500 at most") as raised:
        summarize(" ".join([LEAD] * 501), "", method="textrank")
    assert raised.value.kind == "too_long"


def test_the_oracle_takes_what_is_most_like_the_reference_and_no_more() -> None:
    body = f"{LEAD} {ASIDE} {GOAL}"
    assert summarize(body, TITLE, "Tỉnh đặt mục tiêu giải ngân trên 95% vốn đầu tư công.", method="oracle") == [GOAL]
    assert summarize(body, TITLE, f"{GOAL} {ASIDE}", method="oracle") == [ASIDE, GOAL]
    assert summarize(body, TITLE, "Không gì cả", method="oracle", count=1) != []


def test_the_oracle_is_no_worse_than_another_sentence() -> None:
    body, reference = f"{LEAD} {ASIDE} {GOAL}", "Nghệ An họp về tiến độ giải ngân vốn đầu tư công năm 2024."
    best = metrics.rouge(summarize(body, "", reference, method="oracle", count=1), [reference])
    for sentence in (LEAD, ASIDE, GOAL):
        other = metrics.rouge([sentence], [reference])
        assert best[0].value + best[1].value >= other[0].value + other[1].value


def test_an_article_without_a_reference_is_a_failure_of_the_oracle(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    feed = [article(number) | {"reference_summary": article(number)["text"]} for number in range(3)]
    write_feed(tmp_path / "feed.jsonl", [*feed, article(3)])
    done = tomdich("run", make_config(summarize={"model": "oracle", "sentences": 3}), "--outputs", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version = versions.find(tmp_path / "out", None)
    assert [row.summary for row in rows(version)] == [row["text"] for row in feed]
    assert [(one.id, one.kind) for one in failures(version)] == [("a3", "no_reference")]
    again = tomdich("run", make_config(summarize={"model": "oracle", "sentences": 3}), "--outputs", "out", cwd=tmp_path)
    assert "nothing changed" in again.stderr


@given(body=BODIES, title=st.sampled_from(["", TITLE]))
def test_the_search_is_no_worse_than_two_sentences_one_by_one(body: str, title: str) -> None:
    """The search finds a selection that no exchange of one sentence improves; mostly it is the best of all."""
    found = Candidates(body, title)
    if len(found.eligible) > 2:
        score = dict.fromkeys(combinations(found.eligible, 2), 0.0)
        for chosen in score:
            score[chosen] = sum(map(float.__mul__, WEIGHTS.values(), found.features(chosen)))
        best = found.best(2)
        beside = [chosen for chosen in score if set(chosen) & set(best)]
        assert score[best[0], best[1]] >= max(score[chosen] for chosen in beside) - 1e-9


def test_another_process_chooses_the_same() -> None:
    """Sets of strings have another order in each process."""
    body = "\n".join(article(1, length=30)["text"].split(". "))
    code = "import sys; from pipeline.extractive import Candidates; c = Candidates(sys.argv[1], 'Trồng rừng'); "
    code += "print([c.features(p) for p in [(0, 1), (3, 20), (7, 29)]], c.best(3))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code, body], env=os.environ | {"PYTHONHASHSEED": seed}, check=True, stdout=-1
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_the_time_grows_with_the_length_and_not_with_its_square() -> None:
    def took(length: int) -> float:
        text = article(1, length=length)["text"]
        started = time.process_time()
        summarize(text, "Trồng rừng")
        return time.process_time() - started

    took(50)
    assert min(took(2000) for _ in range(2)) < 40 * max(0.005, min(took(200) for _ in range(3)))


def test_the_weights_are_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = extractive.fingerprint("extractive"), extractive.fingerprint("lead")
    assert before[0] != before[1]
    monkeypatch.setattr(extractive, "WEIGHTS", {**WEIGHTS, "headline": 0.0})
    assert extractive.fingerprint("extractive") != before[0]
    assert extractive.fingerprint("lead") == before[1]


# --- through the pipeline


@pytest.fixture
def daily(tmp_path: Path, make_config: Callable[..., Path]) -> Callable[..., Path]:
    """Give a function that writes a config of an extractive summarizer over three articles, one without a headline."""
    body = f"{LEAD} {ASIDE} {GOAL}"
    rows = [
        {"id": "whole", "title": TITLE, "text": body},
        {"id": "untitled", "title": "", "text": f"{LEAD} {ASIDE}"},
        {"id": "short", "title": TITLE, "text": LEAD},
    ]
    write_feed(tmp_path / "feed.jsonl", rows)
    return lambda **summarize: make_config(
        summarize={"model": "extractive", **summarize}, exclude={"under_syllables": 5}
    )


def shown(tmp_path: Path) -> dict[str, dict[str, Any]]:
    done = tomdich("show", "night", "--jsonl", cwd=tmp_path)
    return {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}


def manifest(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "outputs" / "night" / "latest" / "manifest.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_run_publishes_sentences_of_the_article_with_its_translation(tmp_path: Path, daily: Any) -> None:
    config = daily()
    planned = tomdich("plan", config, cwd=tmp_path)
    assert "summarize: 0 calls known, 0 to make" in planned.stdout
    assert "translate: 0 calls known, 4 to make" in planned.stdout  # a headline and three sentences
    done = tomdich("run", config, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = shown(tmp_path)
    assert rows["whole"]["summary"] == f"{LEAD} {GOAL}"
    assert [pair["summary"] for pair in rows["whole"]["sentences"]] == [LEAD, GOAL]
    assert all(pair["translation"] for pair in rows["whole"]["sentences"])
    assert rows["untitled"]["summary"] == f"{LEAD} {ASIDE}"
    assert rows["short"]["summary"] == LEAD
    assert {call["stage"] for row in rows.values() for call in row["calls"]} == {"translate"}
    said = manifest(tmp_path)
    assert said["calls"]["summarize"] == {"computed": 0, "replayed": 0}
    assert said["calls"]["translate"]["computed"] == 4
    model = said["models"]["summarize"]
    assert (model["name"], model["engine"], model["license"]) == ("extractive", "extractive", "apache-2.0")
    assert model["digest"] == extractive.fingerprint("extractive")
    report = (tmp_path / "outputs" / "night" / "latest" / "report.html").read_text(encoding="utf-8")
    assert "extractive" in report
    again = tomdich("run", config, cwd=tmp_path)
    assert again.returncode == 0
    assert manifest(tmp_path)["version"] == said["version"]


def test_the_count_of_sentences_is_in_the_recipe_and_the_published_config_gives_it_again(
    tmp_path: Path, daily: Any
) -> None:
    assert tomdich("run", daily(), cwd=tmp_path).returncode == 0
    two = manifest(tmp_path)
    assert tomdich("run", daily(sentences=1), cwd=tmp_path).returncode == 0
    one = manifest(tmp_path)
    assert one["recipe"] != two["recipe"]
    assert len(sentences(shown(tmp_path)["whole"]["summary"])) == 1
    published = tmp_path / "outputs" / "night" / "latest" / "config.yaml"
    assert tomdich("run", published, cwd=tmp_path).returncode == 0
    assert manifest(tmp_path)["version"] == one["version"]


def test_check_try_bench_and_the_catalog_know_it(tmp_path: Path, daily: Any) -> None:
    config = daily(sentences=3)
    checked = tomdich("check", "--trial", config, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert "no model, takes 3 sentences of the article, license apache-2.0" in checked.stdout
    benched = tomdich("bench", config, cwd=tmp_path)
    assert benched.returncode == 0, benched.stderr
    assert "texts to translate" in benched.stdout
    assert "to summarize" not in benched.stdout
    listed = tomdich("models", cwd=tmp_path, COLUMNS="200").stdout
    assert [line.split()[:4] for line in listed.splitlines() if line.startswith(("extractive", "lead"))] == [
        ["extractive", "summarize", "apache-2.0", "yes"],
        ["lead", "summarize", "apache-2.0", "yes"],
    ]
    (tmp_path / "one.txt").write_text(f"{TITLE}\n\n{LEAD} {ASIDE} {GOAL}\n", encoding="utf-8")
    tried = tomdich("try", "one.txt", "--config", config, "--model", "extractive", cwd=tmp_path)
    assert tried.returncode == 0, tried.stderr
    assert "9.096 tỷ đồng" in " ".join(tried.stdout.split())


def test_a_run_imports_neither_torch_nor_ctranslate2_for_it(tmp_path: Path, daily: Any) -> None:
    code = (
        "import sys; from pipeline.cli import app; app(['run', sys.argv[1]], standalone_mode=False); "
        "assert not {'torch', 'transformers', 'ctranslate2', 'tokenizers'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(daily())], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"summarize": {"model": "extractive", "engine": "ctranslate2"}}, "takes `sentences` only; remove `engine`"),
        (
            {"summarize": {"model": "lead", "generation": {"num_beams": 4}}},
            "takes `sentences` only; remove `generation`",
        ),
        (
            {"summarize": {"model": "fake", "engine": "fake", "sentences": 2}},
            "`sentences` is for the models `extractive`, `lead`",
        ),
        ({"translate": {"model": "extractive"}}, "summarizes, it does not translate; name a translator"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    tmp_path: Path, make_config: Callable[..., Path], fields: dict[str, Any], said: str
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    done = tomdich("check", make_config(**fields), cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    [(stage, wrong)] = fields.items()
    assert f"{stage}: " in done.stderr, wrong
