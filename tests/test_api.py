"""The Python API: the same answers, errors and versions as the command line's."""

from __future__ import annotations

import doctest
import inspect
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import pipeline
from pipeline import api
from pipeline.config import Config
from pipeline.errors import ConfigError, EngineError, StoppedError, UsageError
from tests.conftest import article, tomdich_in_process, write_feed

ROOT = Path(__file__).parents[1]
FAKE = ["summarize={model: fake, engine: fake}", "translate={model: fake, engine: fake}"]


def test_importing_the_package_imports_nothing_else_of_it_and_nothing_that_takes_long() -> None:
    script = "import sys; import pipeline; print(*sys.modules); pipeline.inspect; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = (set(line.split()) for line in done.stdout.splitlines())
    assert [name for name in before if name.startswith("pipeline.")] == []
    assert not {"pydantic", "rich", "typer", "numpy", "pyarrow", "msgspec"} & before
    assert not {"torch", "transformers", "ctranslate2", "typer"} & after


def test_each_name_of_the_package_is_one_of_the_api_is_typed_and_documented() -> None:
    assert set(pipeline.__all__) <= set(api.__all__) & set(dir(pipeline))
    for name in pipeline.__all__:
        there = getattr(pipeline, name)
        assert there is getattr(api, name)
        assert there.__doc__
        if inspect.isfunction(there):
            assert set(get_type_hints(there)) == {*inspect.signature(there).parameters, "return"}
    with pytest.raises(AttributeError, match="no attribute 'summarise'"):
        getattr(pipeline, "summarise")  # noqa: B009 - a type checker knows that it is not there


def test_the_examples_of_the_docstrings_are_right() -> None:
    assert doctest.testmod(api).attempted > 1
    assert doctest.testmod(api).failed == 0


# Texts


def test_summaries_come_in_order_with_their_calls_and_an_empty_text_has_none() -> None:
    texts = ["Một câu. Hai câu.", " \n", "Ba câu. Bốn câu.", "Một câu. Hai câu."]
    found = list(pipeline.summarize(iter(texts), overrides=FAKE))
    assert [one.summary for one in found] == ["Một câu.", "", "Ba câu.", "Một câu."]
    assert [len(one.calls) for one in found] == [1, 0, 1, 1]
    assert [one.article.id for one in found] == ["0", "1", "2", "3"]
    assert found[1].flags == ()


def test_what_was_cut_is_accounted_for() -> None:
    limits = ["summarize.max_source_tokens=64", "summarize.lead=64", "summarize.generation.max_new_tokens=4"]
    (one,) = pipeline.summarize(["Một hai ba bốn năm sáu bảy. " * 40], overrides=[*FAKE, *limits])
    assert [call.finished for call in one.calls] == [False]
    assert {"lead", "unfinished"} <= {flag.check for flag in one.flags}


def test_a_summarizer_that_reads_the_headline_gets_it() -> None:
    (one,) = pipeline.summarize(["Một câu."], titles=["Đầu đề"], overrides=[*FAKE, "summarize.with_title=true"])
    assert one.article.title == "Đầu đề"
    assert "Đầu đề" in one.summary  # the fake engine answers a text with its first sentence
    with pytest.raises(ValueError, match="there are only 1; give one for each text"):
        list(pipeline.summarize(["Một câu.", "Hai câu."], titles=["Đầu đề"], overrides=FAKE))


def test_a_summary_has_the_flags_of_a_run() -> None:
    text = "Có 12 xe ở Huế. " * 2
    overrides = [*FAKE, "summarize.output_prefix=Có "]
    (one,) = pipeline.summarize([text + "\ufffd"], overrides=overrides)
    assert "replacement" in {flag.check for flag in one.flags}


def test_translations_have_sentences_terms_and_flags(tmp_path: Path) -> None:
    terms = tmp_path / "terms.csv"
    terms.write_text("vi,en,wrong\nrừng tràm,melaleuca forest,rừng tràm\n", encoding="utf-8")
    (one, empty) = pipeline.translate(
        ["Có 12 xe ở rừng tràm. Không ai bị thương.", ""], overrides=[*FAKE, f"translate.terms={terms}"]
    )
    assert one.translation == "Có 12 xe ở melaleuca forest. Không ai bị thương."
    assert [sentence.summary for sentence in one.sentences] == ["Có 12 xe ở rừng tràm.", "Không ai bị thương."]
    assert "vietnamese_left" in {flag.check for flag in one.flags}
    assert (empty.translation, empty.calls, empty.flags) == ("", (), ())


def test_texts_are_read_as_they_are_needed() -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield f"Câu {read}."

    answers = pipeline.translate(endless(), overrides=FAKE)
    assert next(answers).translation == "Câu 1."
    assert read < 10_000


def test_a_memo_keeps_the_answers_and_is_that_of_a_run(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    config = make_config(memo=str(tmp_path / "memo"))
    outcome = pipeline.run(config, options=pipeline.RunOptions(outputs=tmp_path / "out"))
    assert outcome.version is not None
    (row,) = pipeline.load_version(outcome.version.folder).rows()
    assert outcome.version.manifest["calls"]["translate"]["computed"] > 0
    list(pipeline.translate([row.summary, article(1)["title"]], memo=tmp_path / "memo", overrides=FAKE))
    again = pipeline.run(config, options=pipeline.RunOptions(outputs=tmp_path / "out", force=True))
    assert again.version is not None
    assert again.version.manifest["calls"]["translate"]["computed"] == 0
    own = tmp_path / "own"
    first = [one.translation for one in pipeline.translate(["Một câu.", "Hai câu."], memo=own, overrides=FAKE)]
    again_refused = pipeline.translate(["Một câu.", "Hai câu."], memo=own, overrides=FAKE)
    assert [one.translation for one in again_refused] == first
    assert (own / "memo.sqlite").is_file()


def test_a_text_that_the_model_refuses_is_named_and_those_before_it_are_answered() -> None:
    answers = pipeline.translate(["Một câu.", "fake:refuse câu."], overrides=FAKE)
    with pytest.raises(EngineError, match="translate: texts:1: "):
        list(answers)


def test_what_a_caller_gets_wrong_is_said_by_the_call_itself() -> None:
    with pytest.raises(TypeError, match="give a list of texts"):
        pipeline.summarize("Một câu.")
    with pytest.raises(ConfigError, match=r"translate\.prefx: no such field"):
        pipeline.translate([], overrides=["translate.prefx=x"])
    with pytest.raises(UsageError, match="no/such-model"):
        list(pipeline.translate(["Một"], model="no/such-model"))
    with pytest.raises(TypeError, match="overrides: is one text"):
        pipeline.translate([], overrides="runtime.device=cpu")


@pytest.mark.parametrize(
    ("texts", "titles", "said"),
    [
        (["Một câu.", None], None, "texts: item 1 is of type NoneType, not str"),
        (["Một câu."], [float("nan")], "titles: item 0 is of type float, not str"),
        (["Một câu.", "Hai câu."], ["Một"], "titles: there are only 1; give one for each text"),
        (["Một câu."], ["Một", "Hai"], "titles: there are more than 1; give one for each text"),
        (["Một câu."], "Một", "titles: is one text"),
    ],
)
def test_what_is_no_text_or_has_no_headline_is_named(texts: list[Any], titles: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        list(pipeline.summarize(texts, titles=titles, model="lead"))


@pytest.mark.parametrize("pair", [("Một",), ("Một", "One", "a"), "ab", ("Một", None), (b"a", "a")])
def test_a_pair_that_is_none_is_named(pair: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="pairs: item 1 is "):
        list(pipeline.inspect([("Một", "One"), pair]))


def test_pairs_are_inspected_lazily_and_in_order() -> None:
    pairs = pipeline.inspect(iter([("Có 12 xe.", "There are 13 cars."), ("Có 12 xe.", "There are 12 cars.")]))
    assert [[flag.check for flag in pair.flags] for pair in pairs] == [["number"], []]


# Runs and versions


def test_a_run_publishes_what_the_command_line_does(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1), {"id": "leer", "text": ""}])
    config = make_config()
    options = pipeline.RunOptions(outputs=tmp_path / "out")
    outcome = pipeline.run(config, options=options)
    assert (outcome.published, outcome.reason) == (True, "published")
    done = tomdich_in_process("run", config, "--outputs", tmp_path / "out", cwd=tmp_path)
    assert outcome.version is not None
    assert done.stdout.strip() == str(outcome.version.folder)
    assert "nothing changed" in done.stderr
    assert pipeline.run(str(config), options=options).reason == "nothing changed"
    version = pipeline.load_version("night", outputs=tmp_path / "out")
    assert version.name == outcome.version.name
    assert version.manifest["counts"]["records"] == 1
    assert [row.id for row in version.rows()] == ["a1"]
    assert [failure.kind for failure in version.failures()] == ["empty"]
    assert pipeline.load_version(outcome.version.folder).name == version.name


def test_a_run_takes_overrides_or_a_loaded_config(
    tmp_path: Path, make_config: Callable[..., Path], load_config: Callable[..., Config]
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    options = pipeline.RunOptions(outputs=tmp_path / "out")
    other = pipeline.run(make_config(), overrides=["name=other"], options=options)
    assert other.version is not None
    assert other.version.name.startswith("other/")
    loaded = pipeline.run(load_config(), options=options)
    assert loaded.version is not None
    assert loaded.version.name.startswith("night/")
    with pytest.raises(ValueError, match="overrides"):
        pipeline.run(load_config(), overrides=["name=other"])


def test_a_run_that_is_stopped_with_a_part_published_raises_and_tells_the_hook(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(number) for number in range(40)])
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncat > {tmp_path}/ending.json\n")
    hook.chmod(0o755)
    config = make_config(on_finish=str(hook), runtime={"batch_tokens": 64})

    def stopping() -> str | None:
        """Stop among the translations: forty calls are the summaries."""
        with closing(sqlite3.connect(tmp_path / "out" / ".memo" / "memo.sqlite")) as memo, suppress(sqlite3.Error):
            return "stopped by the test" if memo.execute("SELECT count(*) FROM calls").fetchone()[0] > 110 else None
        return None

    (tmp_path / "out" / ".memo").mkdir(parents=True)
    options = pipeline.RunOptions(outputs=tmp_path / "out", publish_partial=True, stopping=stopping)
    with pytest.raises(StoppedError, match=r"^stopped by the test; .*what is complete is published$"):
        pipeline.run(config, options=options)
    version = pipeline.load_version("night", outputs=tmp_path / "out")
    ending = json.loads((tmp_path / "ending.json").read_text(encoding="utf-8"))
    assert version.manifest["scope"] == "partial"
    assert (ending["exit"], ending["version"]) == (5, version.name)


@pytest.mark.parametrize("task", ["summarization", "translation", "translation_vi_to_en", "text2text-generation"])
def test_the_pipelines_that_the_page_for_programs_replaces_are_gone_from_transformers(task: str) -> None:
    from transformers.pipelines import check_task

    with pytest.raises(KeyError, match="has been removed"):
        check_task(task)
    assert task.partition("_")[0] in (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
