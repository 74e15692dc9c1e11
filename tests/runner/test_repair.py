"""Repair in a whole run on the fake engine: what is published, counted, replayed, and when it is off."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import config as configs
from pipeline.catalog import MODEL_FREE
from pipeline.config import Config, Repair, Stage, TranslateStage
from pipeline.progress import Silent
from pipeline.records import PublishedRow
from pipeline.runner.chain import run
from pipeline.runner.options import RunOptions
from pipeline.runner.planning import plan
from pipeline.runner.preparing import repair
from pipeline.storage.rows import rows
from pipeline.storage.versions import Version
from tests.conftest import article, write_feed

TITLE = "Tàu chở 25 người fake:slip"  # the fake's first answer loses the figure
FAKE = {"model": "fake", "engine": "fake"}
Go = Callable[..., tuple[Version, list[PublishedRow]]]


@pytest.fixture
def go(tmp_path: Path, load_config: Callable[..., Config]) -> Go:
    """Give a function that runs the fake config over two articles, one with that title, and returns what it published."""
    write_feed(tmp_path / "feed.jsonl", [article(0) | {"title": TITLE}, article(1)])

    def run_(options: RunOptions = RunOptions(outputs=tmp_path / "out"), **translate: Any):  # type: ignore[no-untyped-def]  # noqa: B008, ANN202
        config = load_config(translate=FAKE | translate)
        version = run(config, options=options, progress=Silent()).version
        assert version is not None
        return version, list(rows(version))

    return run_


def test_a_flagged_title_is_replaced_and_the_record_and_the_counts_say_so(go: Go) -> None:
    version, (first, second) = go(repair={"candidates": 3})
    assert first.title_translation == TITLE
    (one,) = (one for one in first.repaired if one.field == "title_translation")
    assert (one.first, one.taken, one.rank) == ("Tàu chở người fake:slip", "beam", 2)
    assert "number error" in one.before
    assert "number error" not in one.after
    again = [call for call in first.calls if call.repair]
    assert {call.stage for call in again} == {"translate"}
    counted = version.manifest["statistics"]["repaired"]["translate"]
    every = (*first.repaired, *second.repaired)  # the fake's English is Vietnamese, which is flagged too
    assert (counted["asked"], counted["replaced"]) == (len(every), sum(one.taken != "first" for one in every))


def test_the_calls_of_a_repair_are_replayed_and_planned_like_all_others(go: Go, tmp_path: Path) -> None:
    outputs = RunOptions(outputs=tmp_path / "out")
    version, published = go(repair={"candidates": 3})
    made = version.manifest["calls"]["translate"]
    planned = plan(configs.load(version.folder / "config.yaml"), options=outputs, progress=Silent())
    assert planned.same == version.name
    assert (planned.stages["translate"].missing, planned.stages["summarize"].missing) == (0, 0)
    again, replayed = go(replace(outputs, force=True), repair={"candidates": 3})
    assert again.manifest["calls"]["translate"] == {"computed": 0, "replayed": made["computed"] + made["replayed"]}
    assert replayed == published


def test_it_is_in_the_recipe_and_off_by_null_which_the_version_s_own_config_keeps(go: Go, tmp_path: Path) -> None:
    mended, _ = go(repair={"candidates": 3})
    plain, (first, _) = go(repair=None)
    assert (first.title_translation, first.repaired) == ("Tàu chở người fake:slip", ())
    assert plain.manifest["recipe"] != mended.manifest["recipe"]
    assert json.loads(json.dumps(mended.manifest["identity"]["repair"])) == {
        "translate": {"candidates": 3, "variants": True, "fallback": "extractive"}
    }
    assert "repair" not in plain.manifest["identity"]
    kept = configs.load(plain.folder / "config.yaml")
    assert kept.translate.repair is False
    found = run(kept, options=RunOptions(outputs=tmp_path / "out"), progress=Silent())
    assert (found.published, found.version) == (False, plain)


def test_a_revision_asks_again_only_what_its_version_did(go: Go, tmp_path: Path) -> None:
    version, published = go(repair={"candidates": 3})
    terms = tmp_path / "terms.csv"
    terms.write_text("vi,en\nMột hai ba bốn,One two three four\n", encoding="utf-8")
    options = RunOptions(outputs=tmp_path / "out", revise=True)
    revised, rows_ = go(options, repair=None, terms=str(terms))
    assert revised != version
    assert [row.repaired for row in rows_] == [row.repaired for row in published]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "bundled/translator"}, Repair()),
        ({"model": "bundled/translator", "repair": None}, None),
        ({"model": "bundled/translator", "repair": {"candidates": 4}}, Repair(candidates=4)),
        ({"model": "Helsinki-NLP/opus-mt-vi-en"}, None),
        ({"model": "Helsinki-NLP/opus-mt-vi-en", "repair": {}}, Repair()),
        ({"model": "lead"}, None),
    ],
)
def test_it_is_on_for_the_bundled_checkpoints_and_where_the_config_asks_for_it(
    fields: dict[str, Any], expected: Repair | None
) -> None:
    kind = Stage if fields["model"] in MODEL_FREE else TranslateStage
    assert repair(kind.model_validate(fields)) == expected
