"""Statements of the README and of docs/ that no other test checks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from pipeline.config import Config
from pipeline.errors import TomdichError
from pipeline.records import PublishedRow
from pipeline.runner.preparing import prepare_stages, resolved
from pipeline.storage import versions
from pipeline.storage.rows import as_json
from tests import examples
from tests.conftest import article, tomdich, write_feed

ROOT = Path(__file__).parents[1]
README = "\n".join(
    (ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/configuring.md", "docs/operating.md")
)
FEED = [article(n) for n in range(4)]


def run(config: Path, *arguments: str | Path, cwd: Path | None = None) -> versions.Version:
    """Run `config` into the outputs beside it and return the version that the command names."""
    folder = cwd or config.parent
    done = tomdich("run", config, "--outputs", config.parent / "out", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    (found,) = [
        one for one in versions.versions(config.parent / "out" / "night") if str(one.folder) == done.stdout.strip()
    ]
    return found


def again(version: versions.Version, cwd: Path) -> versions.Version:
    """Feed the version's config back into `run`, in other outputs and from another working directory."""
    cwd.mkdir()
    done = tomdich("run", version.folder / "config.yaml", "--outputs", cwd / "out", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return versions.versions(cwd / "out" / "night")[-1]


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
    assert [row.id for row in _rows(second)] == [row.id for row in _rows(first)]
    assert [row.translation for row in _rows(second)] == [row.translation for row in _rows(first)]


def test_a_published_config_names_what_the_run_took_for_auto(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    """On a machine where `auto` is something else, it is the same recipe all the same."""
    write_feed(tmp_path / "feed.jsonl", FEED[:1])
    bundled = {"summarize": {"model": "bundled/summarizer"}, "translate": {"model": "bundled/translator"}}
    first = run(make_config(**bundled))
    written = yaml.safe_load((first.folder / "config.yaml").read_text(encoding="utf-8"))
    for name, model in first.manifest["models"].items():
        assert written[name]["engine"] == model["engine"] != "auto"
        assert written[name]["compute_type"] == model["compute_type"] != "auto"
        identity = first.manifest["identity"]["stages"][name]
        for field in ("prefix", "output_prefix", "tone_style", "word_segmented", "with_title", "generation"):
            assert written[name][field] == identity[field]
        assert written[name]["max_source_tokens"] == identity["max_source"]
        assert written["summarize"]["lead"] == 512  # what its card says, not the default
    assert again(first, tmp_path / "elsewhere").manifest["recipe"] == first.manifest["recipe"]


def test_a_published_config_names_the_commit_of_a_branch_and_leaves_to_the_checkpoint_what_only_it_can_say(
    load_config: Callable[..., Config],
) -> None:
    config = load_config(translate={"model": "example/model", "revision": "main"})
    fake = prepare_stages(load_config(), until=None)["translate"]
    values = dict(fake.generation) | {"num_beams": 4, "early_stopping": "never"}  # "never" is no value of a config's
    took = replace(fake, revision="c" * 40, engine="transformers", compute_type="bfloat16", generation=values)
    took = replace(took, prefix="dịch: ", source_lang="vi_VN", target_lang="en_XX")
    stage = resolved(config, {"translate": took}).translate
    assert (stage.revision, stage.engine, stage.compute_type) == ("c" * 40, "transformers", "bfloat16")
    assert (stage.prefix, stage.source_lang, stage.target_lang) == ("dịch: ", "vi_VN", "en_XX")
    assert (stage.generation.num_beams, stage.generation.early_stopping) == (4, None)
    assert stage.generation.max_new_tokens == fake.generation["max_new_tokens"]


def _rows(version: versions.Version) -> list[PublishedRow]:
    from pipeline.storage.rows import rows

    return list(rows(version))


def block(after: str) -> str:
    """Return the first block of code in the README behind these words."""
    return README.split(after, 1)[1].split("```")[1].partition("\n")[2]


# What a version's folder holds


def test_the_readme_lists_the_files_of_a_version_and_the_columns_of_its_records(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    write_feed(tmp_path / "feed.jsonl", FEED)
    version = run(make_config())
    listing = block("A version is a folder").split(version.folder.parent.name)[-1]
    told = set(re.findall(r"(?<![\w`])([\w*-]+(?:/\*)?\.(?:jsonl|json|parquet|yaml|html|md))(?!`)", listing))
    there = {path.name for path in version.folder.iterdir() if path.is_file()}
    assert there <= told
    assert list((version.folder / "data").glob("*.parquet"))
    assert {name for name in told if "*" not in name} == there
    columns = README.split("gives the records, typed: ", 1)[1].split(", and the columns you asked to keep", 1)[0]
    assert re.findall(r"`(\w+)`", columns) == list(as_json(_rows(version)[0]))


def test_failures_list_what_is_failed_damaged_rejected_and_duplicate(
    tmp_path: Path, make_config: Callable[..., Path]
) -> None:
    kept = [article(n) for n in range(60)]
    feed = [
        *kept,
        article(100) | {"text": "fake:refuse " + article(100)["text"]},
        article(101) | {"text": "Ngắn quá."},
        kept[0] | {"id": "copy"},
    ]
    path = write_feed(tmp_path / "feed.jsonl", feed)
    with path.open("a", encoding="utf-8") as out:
        out.write('{"id": "cut", "text": "Sáng nay\n')
    version = run(make_config())
    listed = [json.loads(line) for line in (version.folder / "failures.jsonl").read_text(encoding="utf-8").splitlines()]
    counts = version.manifest["counts"]
    assert (counts["failures"], counts["damaged"], counts["rejected"], counts["duplicates"]) == (1, 1, 1, 1)
    assert len(listed) == 4
    assert len({line["kind"] for line in listed}) == 4
    assert {line["id"] for line in listed} >= {"a100", "a101", "copy"}
    assert counts["read"] == counts["records"] + len(listed)


# The tables and the config


def test_every_option_in_the_tables_of_the_readme_is_one_of_its_command() -> None:
    named = 0
    for line in README.splitlines():
        found = re.match(r"\| `tomdich (\w+)([^`]*)`", line)
        if found is None or found[1] == "models":
            continue
        options = {name for parameter in examples.commands()[found[1]].params for name in parameter.opts}
        told = set(re.findall(r"`(--[a-z-]+)", line))
        assert told <= options, found[1]
        named += len(told)
    assert named > 25


def test_the_readme_lists_every_exit_code() -> None:
    def codes(kind: type[TomdichError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(one) for one in kind.__subclasses__()))

    table = {int(code) for code in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}
    assert table == codes(TomdichError) | {0, 130}
