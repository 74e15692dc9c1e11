"""`order: translate_then_summarize`, from the config to the comparison with the default order."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config as configs
from pipeline.checks import numbers
from pipeline.checks.names import comparison
from pipeline.checks.view import View
from pipeline.config import Config
from pipeline.errors import ConfigError, UsageError
from pipeline.progress import Silent
from pipeline.records import ArticleSentence, PublishedRow
from pipeline.report.rows import listed
from pipeline.runner.chain import run
from pipeline.runner.options import Outcome, RunOptions
from pipeline.runner.planning import StagePlan, plan
from pipeline.runner.preparing import prepare_stages
from pipeline.storage import versions
from pipeline.storage.rows import rows
from tests import forked, tiny
from tests.conftest import article, fake_config, sentence, tomdich_in_process, write_feed
from tests.records import translated

FIRST: dict[str, Any] = {"order": "translate_then_summarize"}
REFERENCES = {"reference_summary": "summary", "reference_translation": "english"}
COLUMNS = [{"path": "feed.jsonl", "columns": REFERENCES}]


@pytest.fixture
def go(tmp_path: Path, load_config: Callable[..., Config]) -> Callable[..., Outcome]:
    """Give a function that runs the fake config over three articles, which it translates first."""
    feed = [article(number) | {"summary": "Tóm tắt.", "english": "A summary."} for number in range(3)]
    write_feed(tmp_path / "feed.jsonl", feed)

    def run_(*, until: Any = None, **fields: Any) -> Outcome:
        options = RunOptions(outputs=tmp_path / "out", until=until)
        return run(load_config(**FIRST | {"sources": COLUMNS} | fields), options=options, progress=Silent())

    return run_


def records(outcome: Outcome) -> list[PublishedRow]:
    assert outcome.version is not None
    return list(rows(outcome.version))


def calls(outcome: Outcome) -> dict[str, tuple[int, int]]:
    assert outcome.version is not None
    counts = outcome.version.manifest["calls"]
    return {stage: (count["computed"], count["replayed"]) for stage, count in counts.items()}


def test_the_english_summary_of_the_translated_article_is_the_translation(go: Any) -> None:
    outcome = go()
    for number, row in enumerate(records(outcome)):
        whole = [sentence(number * 1000 + part) for part in range(3)]  # the fake engine repeats what it reads
        assert [(one.article, one.translation) for one in row.article_sentences] == [(one, one) for one in whole]
        assert row.article_translation == "\n".join(whole)
        assert row.translation == " ".join(" ".join(whole).split()[:12])
        assert (row.summary, row.sentences, row.title_translation) == ("", (), row.title)
        assert [call.stage for call in row.calls] == ["translate"] * 4 + ["summarize"]
    assert list(calls(outcome).items()) == [("translate", (12, 0)), ("summarize", (3, 0))]


def test_a_rerun_publishes_nothing_and_forced_it_makes_no_call(go: Any, tmp_path: Path, load_config: Any) -> None:
    first = go()
    again = go()
    assert (again.published, again.version) == (False, first.version)
    config = load_config(**FIRST, sources=COLUMNS)
    options = RunOptions(outputs=tmp_path / "out", force=True)
    assert plan(config, options=options, progress=Silent()).stages == {
        "translate": StagePlan(known=12, missing=0, waiting=0),
        "summarize": StagePlan(known=3, missing=0, waiting=0),
    }
    forced = run(config, options=options, progress=Silent())
    assert calls(forced) == {"translate": (0, 12), "summarize": (0, 3)}


def test_a_plan_counts_the_translations_and_says_that_the_summaries_depend_on_them(
    go: Any, tmp_path: Path, load_config: Any
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(9)])
    planned = plan(load_config(**FIRST), options=RunOptions(outputs=tmp_path / "out"), progress=Silent())
    assert list(planned.stages.items()) == [("translate", StagePlan(0, 4, 0)), ("summarize", StagePlan(0, 0, 1))]


def test_the_default_order_is_not_in_the_recipe_and_shares_its_translations(go: Any) -> None:
    default = go(order="summarize_then_translate", summarize={"model": "lead", "sentences": 3})
    assert default.version.manifest["identity"].keys() & {"order"} == set()
    first = go(summarize={"model": "lead", "sentences": 3})
    assert first.version.manifest["identity"]["order"] == "translate_then_summarize"
    assert default.version.manifest["recipe"] != first.version.manifest["recipe"]
    assert calls(first) == {"translate": (0, 12), "summarize": (0, 0)}
    assert [row.translation for row in records(first)] == [row.translation for row in records(default)]


def test_one_engine_is_open_at_a_time(go: Any, engine_events: list[str]) -> None:
    go()
    assert engine_events == ["open", "close"] * 2


def test_until_translate_publishes_the_translated_article_alone(go: Any) -> None:
    (row, *_) = records(go(until="translate"))
    assert (row.translation, row.summary) == ("", "")
    assert row.article_translation.startswith(sentence(0))
    assert not [flag for flag in row.flags if flag.check == "empty"]


@pytest.mark.parametrize(
    ("order", "last", "first"),
    [
        ("translate_then_summarize", "summarize", "translate"),
        ("summarize_then_translate", "translate", "summarize"),
    ],
)
def test_until_the_last_stage_is_refused(go: Any, order: str, last: str, first: str) -> None:
    with pytest.raises(
        UsageError, match=f"--until {last}: with `order: {order}` .* after load or {first}; write --until"
    ):
        go(order=order, until=last)


@pytest.mark.parametrize("model", ["lead", "textrank", "extractive"])
def test_a_summarizer_without_a_model_takes_sentences_of_the_translated_article(go: Any, model: str) -> None:
    for row in records(go(summarize={"model": model, "sentences": 2})):
        sentences = row.article_translation.split("\n")
        assert len(row.translation.split(". ")) == 2
        assert all(one.rstrip(".") in row.article_translation for one in row.translation.split(". "))
        assert model != "lead" or row.translation == " ".join(sentences[:2])


def test_a_long_article_is_summarized_in_rounds(go: Any, tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1, length=30)])
    summarize = {"model": "fake", "engine": "fake", "max_source_tokens": 64, "generation": {"max_new_tokens": 8}}
    (row,) = records(go(summarize=summarize, sources=[{"path": "feed.jsonl"}]))
    assert {call.round for call in row.calls if call.stage == "summarize"} == {0, 1}
    assert row.translation == " ".join(sentence(1000).split()[:8])


# What is refused, each with its field and the remedy


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"summarize": {"model": "bundled/summarizer"}}, "summarize.model: .* reads English, and bundled/summarizer"),
        ({"summarize": {"model": "oracle"}}, "summarize.model: .* oracle does not; name another .* lead, textrank"),
        ({"order": None, "summarize": {"model": "facebook/bart-large-cnn"}}, "summarize.model: .* reads Vietnamese"),
        ({"summarize": {"model": "./english", "repair": {}}}, "summarize.repair: .* remove it"),
        (
            {"translate": {"model": "./vi-en", "repair": {"model": "./other"}}},
            r"translate\.repair\.model: .* remove it",
        ),
        ({"order": "backwards"}, "order"),
    ],
)
def test_what_makes_no_sense_in_this_order_is_refused_by_the_config(
    load_config: Any, fields: dict[str, Any], said: str
) -> None:
    fields = {name: value for name, value in (FIRST | fields).items() if value is not None}
    with pytest.raises(ConfigError, match=said):
        load_config(**fields)


@pytest.mark.parametrize("field", [{"tone_style": "press"}, {"word_segmented": True}])
def test_a_summarizer_prepared_for_vietnamese_is_refused(load_config: Any, field: dict[str, Any]) -> None:
    if "word_segmented" in field:
        pytest.importorskip("underthesea")
    summarize = {"model": str(tiny.checkpoint("bart")), "accept_license": "unknown"} | field
    with pytest.raises(ConfigError, match=rf"summarize: {next(iter(field))}.*order: translate_then_summarize"):
        prepare_stages(load_config(**FIRST, summarize=summarize), until=None)


def test_an_editors_vietnamese_summary_is_refused_and_named(go: Any, tmp_path: Path) -> None:
    line = {"action": "summary", "id": "a1", "text_sha256": "0" * 64, "vi": "Tin.", "by": "Lan", "at": "2026-11-23"}
    (tmp_path / "made.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"translate\.corrections: .*made\.jsonl: .* \(of a1\)"):
        go(translate={"model": "fake", "engine": "fake", "corrections": "made.jsonl"})


# The decisions of editors


def test_a_correction_and_a_term_are_in_the_article_that_is_summarized(go: Any, tmp_path: Path) -> None:
    before = records(go())
    line = {"vi": sentence(1000), "en": "Province 1000 said: rừng ngập mặn.", "by": "Lan", "at": "2026-11-23"}
    (tmp_path / "made.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    (tmp_path / "terms.csv").write_text("vi,en,wrong\nkế hoạch,plan,kế hoạch\n", encoding="utf-8")
    translate = {"model": "fake", "engine": "fake", "corrections": "made.jsonl", "terms": "terms.csv"}
    outcome = go(translate=translate)
    other, corrected, _ = records(outcome)
    whole = before[0].article_translation.replace("kế hoạch", "plan")
    assert (other.article_translation, other.translation) == (whole, " ".join(whole.split()[:12]))
    assert corrected.article_sentences[0] == ArticleSentence(sentence(1000), line["en"])
    assert corrected.translation == line["en"]  # the fake engine's summary is the first sentence
    assert calls(outcome) == {"translate": (0, 12), "summarize": (3, 0)}
    (flag,) = [flag for flag in corrected.flags if flag.check == "corrected"]
    assert (flag.field, flag.start, flag.end) == ("article_translation", 0, len(line["en"]))
    on_it = [one for one in corrected.flags if one.field == flag.field and one.end <= flag.end]
    assert {one.severity for one in on_it} == {"note"}


def test_a_revision_may_ask_the_summarizer_for_a_corrected_article(go: Any, tmp_path: Path, load_config: Any) -> None:
    published = go().version
    line = {"vi": sentence(1000), "en": "Province 1000 has a plan.", "by": "Lan", "at": "2026-11-23"}
    (tmp_path / "made.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    translate = {"model": "fake", "engine": "fake", "corrections": "made.jsonl"}
    options = RunOptions(outputs=tmp_path / "out", revise=True)
    config = load_config(**FIRST, sources=COLUMNS, translate=translate)
    assert plan(config, options=options, progress=Silent()).stages["summarize"].missing == 1
    revised = run(config, options=options, progress=Silent())
    assert revised.version is not None
    assert revised.version.manifest["supersedes"] == [published.folder.name]
    assert calls(revised) == {"translate": (0, 12), "summarize": (1, 2)}


# The checks


def test_flags_point_to_their_place_in_the_article_and_its_translation(go: Any) -> None:
    texts = ("title", "article", "title_translation", "translation", "article_translation")
    for row in records(go()):
        flags = [flag for flag in row.flags if flag.check == "vietnamese_left"]
        assert {flag.field for flag in flags} == {"title_translation", "article_translation"}
        for flag in flags:
            assert getattr(row, flag.field)[flag.start : flag.end] == flag.found
        assert {flag.field for flag in row.flags} <= set(texts)


def english(summary: str, *sentences: tuple[str, str]) -> View:
    """Return the view of a record with this English summary of an article of these sentences."""
    record = translated(summary="", text=" ".join(vietnamese for vietnamese, _ in sentences))
    return View(
        type(record)(
            record.article,
            "",
            "",
            (),
            (),
            article_sentences=tuple(ArticleSentence(*one) for one in sentences),
            english_summary=summary,
        )
    )


@pytest.mark.parametrize(
    ("summary", "found"),
    [
        ("The province planted 1,200 ha in 2025.", []),
        ("It planted 1.2 thousand hectares.", []),
        ("The province planted 1,300 ha.", ["1,300 ha"]),
        ("It planted 1,200 ha in 2024.", ["2024"]),
        ("Nobody planted anything.", []),
    ],
)
def test_a_number_of_the_english_summary_that_the_article_lacks_is_an_error(summary: str, found: list[str]) -> None:
    view = english(summary, ("Năm 2025 tỉnh trồng 1.200 ha rừng.", "In 2025 the province planted 1,200 ha of forest."))
    flags = numbers.check(view)
    assert [summary[flag.start : flag.end] for flag in flags] == found
    assert all((flag.field, flag.severity) == ("translation", "error") for flag in flags)


@pytest.mark.parametrize(
    ("summary", "found"),
    [
        ("Nguyen Van An spoke in Hanoi.", []),
        ("Nguyen Van Binh spoke in Hanoi.", ["Binh"]),
        ("Nguyen Van An spoke in Paris.", ["Paris"]),
    ],
)
def test_a_name_of_the_english_summary_that_the_article_lacks_is_flagged(summary: str, found: list[str]) -> None:
    view = english(summary, ("Ông Nguyễn Văn An phát biểu ở Hà Nội.", "Nguyen Van An spoke in Hanoi."))
    flags = comparison.check(view)
    assert [summary[flag.start : flag.end] for flag in flags] == found
    assert {flag.field for flag in flags} <= {"translation"}


def test_a_dropped_and_an_unfinished_text_are_flagged_in_the_field_that_has_them(go: Any) -> None:
    long = {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": 4}}
    (row, *_) = records(go(translate=long))
    unfinished = [row for row in row.flags if row.check == "unfinished"]
    assert [(flag.field, flag.start) for flag in unfinished] == [
        ("title_translation", 0),
        *(
            ("article_translation", at)
            for at in (0, *(1 + at for at, one in enumerate(row.article_translation) if one == "\n"))
        ),
    ]


def test_the_report_shows_the_summary_and_the_article_in_pairs(go: Any) -> None:
    row = records(go())[0]
    shown = listed(row, order=0, sources=(), second="")
    assert shown["translatesFirst"]
    assert [pair[2] for pair in shown["pairs"]] == [-1, None, 0, 1, 2]
    assert shown["pairs"][1] == ["", row.translation, None]
    slots = {span[0] for flag in shown["flags"] for span in flag["spans"]}
    assert {"headline", "en2", "en3", "en4"} <= slots


# Against the default order


def test_a_matrix_of_both_orders_is_compared_by_its_english(tmp_path: Path) -> None:
    feed = [article(number) | {"summary": sentence(number), "english": "Province will plant."} for number in range(3)]
    write_feed(tmp_path / "feed.jsonl", feed)
    fields = fake_config(sources=COLUMNS, name="orders", matrix={"order": ["summarize_then_translate", FIRST["order"]]})
    (tmp_path / "orders.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
    assert tomdich_in_process("matrix", "orders.yaml", cwd=tmp_path).returncode == 0
    second = f"orders/order={FIRST['order']}"

    table = json.loads(tomdich_in_process("compare", "--matrix", "orders", "--to", "json", cwd=tmp_path).stdout)
    assert all({"chrf++", "bleu"} <= one["values"].keys() for one in table["systems"])
    assert not any({"rouge1", "errors", "held"} & one["values"].keys() for one in table["systems"])
    assert [one.partition(":")[0] for one in table["not_scored"]] == [
        "summaries are not scored",
        "flags are not comparable",
    ]
    (change,) = table["systems"][1]["changes"]
    assert (change["field"], change["a"], change["b"]) == ("order", "summarize_then_translate", FIRST["order"])

    two = tomdich_in_process("compare", "orders/order=summarize_then_translate", second, cwd=tmp_path).stdout
    assert "translation, chrF++" in two
    assert "summary, ROUGE" not in two
    assert "flags are not comparable" in " ".join(two.split())

    scored = json.loads(tomdich_in_process("eval", second, "--to", "json", cwd=tmp_path).stdout)
    assert (scored["summaries"], len(scored["translations"])) == ([], 2)
    assert scored["left_out"] == [
        "with `order: translate_then_summarize` the summaries are English, and their references Vietnamese: no ROUGE"
    ]
    assert [one["name"] for one in scored["spreads"]] == ["translation"]
    comet = tomdich_in_process("eval", second, "--comet", "no.ckpt", cwd=tmp_path)
    assert (comet.returncode != 0, "--comet" in comet.stderr) == (True, True)

    refused = tomdich_in_process("compare", "--matrix", "orders", "--columns", "errors", "--to", "latex", cwd=tmp_path)
    assert "flags are not comparable" in refused.stderr


def test_a_sheet_of_both_orders_does_not_show_which_is_which(tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(3)])
    for name, order in (("one", "summarize_then_translate"), ("two", FIRST["order"])):
        made = configs.build(
            fake_config(name=name, order=order, summarize={"model": "lead", "sentences": 1 + (name == "two")})
            | {"sources": [{"path": str(tmp_path / "feed.jsonl")}]},
            (),
            named="test",
        )
        run(made, options=RunOptions(outputs=tmp_path / "outputs"), progress=Silent())
    done = tomdich_in_process("rate", "one", "two", "-o", "sheet.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    heading = (tmp_path / "sheet.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert heading.endswith("left headline,left translation,right headline,right translation")


def test_pack_and_reproduce_and_a_changed_text_is_named_by_its_stage(go: Any, tmp_path: Path) -> None:
    version = go().version
    again = tomdich_in_process("reproduce", str(version.folder), cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, again.stderr), again.stdout
    packed = tomdich_in_process("pack", str(version.folder), "--articles", "version", "-o", "p.tar.gz", cwd=tmp_path)
    assert packed.returncode == 0, packed.stderr
    (tmp_path / "feed.jsonl").unlink()
    unpacked = tomdich_in_process("reproduce", "p.tar.gz", cwd=tmp_path)
    assert unpacked.returncode == 0, unpacked.stdout + unpacked.stderr


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    slow = [
        article(number) | {"text": article(number)["text"].replace("ngày", "fake:slow ngày")} for number in range(12)
    ]
    write_feed(tmp_path / "feed.jsonl", slow)
    fields = fake_config(**FIRST, runtime={"batch_tokens": 64})
    (tmp_path / "night.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
    process = forked.start(
        ["run", "night.yaml"],
        cwd=tmp_path,
        out=tmp_path / "printed",
        err=tmp_path / "said",
        environment=dict(os.environ),
    )
    config, options = configs.load(tmp_path / "night.yaml"), RunOptions(outputs=tmp_path / "outputs")
    end = time.monotonic() + 240
    while not plan(config, options=options, progress=Silent()).stages["translate"].known:
        assert process.is_alive()
        assert time.monotonic() < end
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    known = plan(config, options=options, progress=Silent()).stages["translate"].known
    outcome = run(config, options=options, progress=Silent())
    assert 0 < known < 48
    assert calls(outcome)["translate"] == (48 - known, known)
    assert versions.versions(tmp_path / "outputs" / "night") == [outcome.version]


def test_shards_are_merged_to_the_version_of_a_whole_run(go: Any, tmp_path: Path) -> None:
    whole = records(go())
    for arguments in (("run", "night.yaml", "--shard", "1/2"), ("run", "night.yaml", "--shard", "2/2")):
        assert tomdich_in_process(*arguments, cwd=tmp_path).returncode == 0
    assert tomdich_in_process("merge", "night", "--shards", "2", cwd=tmp_path).returncode == 0
    (merged,) = versions.versions(tmp_path / "outputs" / "night")
    assert list(rows(merged)) == whole


def test_real_checkpoints_of_both_stages(go: Any, tmp_path: Path, load_config: Any) -> None:
    """A BART that reads English, and a translator; random weights, so that the texts say nothing."""
    summarize = {
        "model": str(tiny.checkpoint("bart")),
        "generation": {"max_new_tokens": 12},
        "accept_license": "unknown",
    }
    translate = {
        "model": str(tiny.checkpoint("marian")),
        "generation": {"max_new_tokens": 16},
        "accept_license": "unknown",
    }
    outcome = go(summarize=summarize, translate=translate, deterministic=True)
    found = records(outcome)
    assert all(row.translation and row.article_translation for row in found)
    assert {name: model["engine"] for name, model in outcome.version.manifest["models"].items()} == dict.fromkeys(
        ("translate", "summarize"), "ctranslate2"
    )
    config = configs.load(outcome.version.folder / "config.yaml")  # as `reproduce` reads it
    options = RunOptions(outputs=tmp_path / "elsewhere")
    assert [row.translation for row in records(run(config, options=options, progress=Silent()))] == [
        row.translation for row in found
    ]
