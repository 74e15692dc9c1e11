"""What the README promises and no other test holds it to, in the README's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pipeline import store
from pipeline.config import Config
from pipeline.runner.preparing import prepare_stages, resolved
from tests.conftest import article, tomdich, write_feed

FEED = [article(n) for n in range(4)]


def run(config: Path, *arguments: str | Path, cwd: Path | None = None) -> store.Version:
    """Run `config` into the outputs beside it and return the version that the command names."""
    folder = cwd or config.parent
    done = tomdich("run", config, "--outputs", config.parent / "out", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    (found,) = [
        one for one in store.versions(config.parent / "out" / "night") if str(one.folder) == done.stdout.strip()
    ]
    return found


def again(version: store.Version, cwd: Path) -> store.Version:
    """Feed the version's config back into `run`, in other outputs and from another working directory."""
    cwd.mkdir()
    done = tomdich("run", version.folder / "config.yaml", "--outputs", cwd / "out", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return store.versions(cwd / "out" / "night")[-1]


# What `config.yaml` of a version gives


def test_a_published_config_gives_the_same_recipe_and_rows_from_another_working_directory(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    feeds = tmp_path / "2026-11-22"
    feeds.mkdir()
    write_feed(feeds / "tin số 1.jsonl", FEED)
    (tmp_path / "house.csv").write_text("vi,en,wrong\nrừng ngập mặn,mangrove,salt forest\n", encoding="utf-8")
    stage = {"model": "fake", "engine": "fake"}
    config = make_config(
        sources=[{"path": "{edition}/tin*.jsonl"}],
        translate=stage | {"terms": "house.csv", "prefix": "vi: "},
        limits={"max_failure_ratio": 0.5},
        memo="memo",
    )
    first = run(config, "--edition", "2026-11-22", "--set", "on_same_id=newest", "--set", "inspect.hold=[number]")
    second = again(first, tmp_path / "elsewhere")
    assert second.manifest["recipe"] == first.manifest["recipe"]
    assert second.manifest["identity"] == first.manifest["identity"]
    assert [row["id"] for row in _rows(second)] == [row["id"] for row in _rows(first)]
    assert [row["translation"] for row in _rows(second)] == [row["translation"] for row in _rows(first)]


def test_a_published_config_names_what_the_run_took_for_auto(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    """On a machine where `auto` is something else, it is the same recipe all the same."""
    write_feed(tmp_path / "feed.jsonl", FEED[:1])
    bundled = {"summarize": {"model": "bundled/summarizer"}, "translate": {"model": "bundled/translator"}}
    first = run(make_config(**bundled))
    written = yaml.safe_load((first.folder / "config.yaml").read_text(encoding="utf-8"))
    for name, model in first.manifest["models"].items():
        assert written[name]["engine"] == model["engine"] != "auto"
        assert written[name]["compute_type"] == model["compute_type"] != "auto"
        effective = first.manifest["identity"]["stages"][name]["generation"]
        assert written[name]["generation"] == effective
    assert again(first, tmp_path / "elsewhere").manifest["recipe"] == first.manifest["recipe"]


def test_a_published_config_names_the_commit_of_a_branch_and_leaves_to_the_checkpoint_what_only_it_can_say(
    load_config: Callable[..., Config],
) -> None:
    config = load_config(translate={"model": "example/model", "revision": "main"})
    fake = prepare_stages(load_config(), until=None, warn=lambda _: None)["translate"]
    values = dict(fake.generation) | {"num_beams": 4, "early_stopping": "never"}  # "never" is no value of a config's
    took = replace(fake, revision="c" * 40, engine="transformers", compute_type="bfloat16", generation=values)
    stage = resolved(config, {"translate": took}).translate
    assert (stage.revision, stage.engine, stage.compute_type) == ("c" * 40, "transformers", "bfloat16")
    assert (stage.generation.num_beams, stage.generation.early_stopping) == (4, None)
    assert stage.generation.max_new_tokens == fake.generation["max_new_tokens"]


def _rows(version: store.Version) -> list[dict[str, Any]]:
    from pipeline.rows import rows

    return list(rows(version))
