"""`extends:`: a config begins with the fields of another, and every value and mistake is named with its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import config as configs
from pipeline import config_file, yaml_core
from pipeline.commands.resolved import resolve
from pipeline.errors import ConfigError
from pipeline.train import config as training
from tests.conftest import tomdich_in_process

BASE = """\
name: base
sources:
  - path: feed.jsonl
    keep: [section, author]
summarize: &stage
  model: ./vit5
  generation: {num_beams: 4, max_new_tokens: 60}
translate:
  <<: *stage
  model: fake
  terms: terms.csv
limits: {min_records: 10}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with `shared/base.yaml`."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "base.yaml").write_text(BASE, encoding="utf-8")
    return tmp_path


def child(folder: Path, text: str, *, name: str = "child.yaml") -> Path:
    path = folder / name
    path.write_text("extends: shared/base.yaml\n" + text, encoding="utf-8")
    return path


def test_mappings_are_merged_and_lists_are_replaced(folder: Path) -> None:
    config = configs.load(
        child(folder, "name: child\nsources: [{path: own.csv}]\nsummarize: {generation: {num_beams: 1}}\n")
    )
    assert config.name == "child"
    assert config.summarize.generation.num_beams == 1
    assert config.summarize.generation.max_new_tokens == 60
    assert config.translate.generation.num_beams == 4  # an alias of the base is not changed with what it names
    assert [source.path for source in config.sources] == [str(folder / "own.csv")]
    assert config.limits.min_records == 10


def test_null_unsets_a_field_of_the_base(folder: Path) -> None:
    config = configs.load(child(folder, "limits: {min_records: null}\nsummarize: {generation: {num_beams: ~}}\n"))
    assert config.limits.min_records is None
    assert config.summarize.generation.num_beams is None


def test_a_relative_path_stays_relative_to_its_own_file(folder: Path) -> None:
    config = configs.load(child(folder, "translate: {corrections: mine.jsonl}\n"), ("memo=memo",))
    assert config.sources[0].path == str(folder / "shared" / "feed.jsonl")
    assert config.summarize.model == str(folder / "shared" / "vit5")
    assert config.translate.terms == str(folder / "shared" / "terms.csv")
    assert config.translate.corrections == str(folder / "mine.jsonl")
    assert config.memo == str(folder / "memo")


def test_an_override_goes_before_every_file(folder: Path) -> None:
    config = configs.load(child(folder, "name: child\n"), ("name=set", "sources.0.path=set.csv"))
    assert (config.name, config.sources[0].path) == ("set", str(folder / "set.csv"))


def test_a_base_may_extend_another(folder: Path) -> None:
    child(folder, "name: middle\nlimits: {max_hold_ratio: 0.5}\n", name="middle.yaml")
    top = folder / "top.yaml"
    top.write_text("name: top\nextends: middle.yaml\n", encoding="utf-8")
    config = configs.load(top)
    assert (config.name, config.limits.max_hold_ratio, config.limits.min_records) == ("top", 0.5, 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: gone.yaml\n", r"child\.yaml:1: extends: .*gone\.yaml: no such file; correct the path or remove"),
        ("name: child\nextends: child.yaml\n", r"child\.yaml:2: extends: no config may extend itself: "),
        ("extends: there/../child.yaml\n", r"no config may extend itself: "),
        ("extends: back.yaml\n", r"back\.yaml:1: extends: .*child\.yaml extends .*back\.yaml extends .*child\.yaml;"),
        ("extends: [a.yaml, b.yaml]\n", r"child\.yaml:1: extends: must be the path of one config file"),
        ("extends:\n", r"child\.yaml:1: extends: must be the path of one config file"),
        ("extends: ${BASE}.yaml\n", r"child\.yaml:1: extends: \$\{BASE\}\.yaml: .* is not replaced here; write"),
        ("extends: list.yaml\n", r"list\.yaml: a config is a mapping"),
        ("extends: broken.yaml\n", r"broken\.yaml: not valid YAML: line 2"),
        ("extends: there\n", r"child\.yaml:1: extends: .*there: cannot be read: "),
        ("extends: ~nobody-here/base.yaml\n", r"~nobody-here/base\.yaml: no such file"),
    ],
)
def test_a_base_that_cannot_be_had_is_named_with_the_line_that_names_it(folder: Path, text: str, said: str) -> None:
    (folder / "back.yaml").write_text("extends: child.yaml\n")
    (folder / "list.yaml").write_text("- a\n")
    (folder / "broken.yaml").write_text("a: [\n")
    (folder / "there").mkdir()
    (folder / "child.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        configs.load(folder / "child.yaml")


@pytest.mark.parametrize(
    ("base", "own", "overrides", "said"),
    [
        ("limit: 3\n", "", (), r"shared/base\.yaml:13: limit: no such field; did you mean `limits`\?"),
        ("inspect: {hold: [x]}\n", "", (), r"shared/base\.yaml:13: inspect\.hold: no such check"),
        ("", "limits: {min_records: yes}\n", (), r"child\.yaml:2: limits\.min_records: must be a whole number"),
        ("", "limits: []\n", (), r"child\.yaml:2: limits: must be a section"),
        ("", "", ("limits.min_records=yes",), r"--set: limits\.min_records: must be a whole number"),
        ("", "runtime:\n  threads: 0\n", (), r"child\.yaml:3: runtime\.threads: must be at least 1"),
    ],
)
def test_a_mistake_is_named_with_the_file_that_makes_it(
    folder: Path, base: str, own: str, overrides: tuple[str, ...], said: str
) -> None:
    (folder / "shared" / "base.yaml").write_text(BASE + base, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        configs.load(child(folder, own), overrides)


def test_a_training_extends_a_config_too(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "base.yaml").write_text(
        "task: tokenizer\nname: base\nlines: [{path: a.txt}]\nfolder: out\n", encoding="utf-8"
    )
    loaded = training.load(child(tmp_path, "name: child\nfolder: own\n"))
    assert isinstance(loaded, training.TokenizerTraining)
    assert (loaded.name, loaded.folder) == ("child", str(tmp_path / "own"))
    assert [lines.path for lines in loaded.lines] == [str(tmp_path / "shared" / "a.txt")]


def test_resolved_shows_each_value_with_its_origin(folder: Path) -> None:
    path = child(folder, "name: child\nsummarize: {generation: {num_beams: 1}}\non_finish: ./tell.sh ${DESK}\n")
    done = tomdich_in_process("check", path, "--resolved", "--set", "runtime.threads=2", cwd=folder)
    assert done.returncode == 0
    origins = {line.partition(":")[0].strip(" -"): line.partition("  # ")[2] for line in done.stdout.splitlines()}
    assert origins["name"] == f"{path}:2"
    assert origins["path"] == f"{folder}/shared/base.yaml:3"
    assert origins["terms"] == f"{folder}/shared/base.yaml:11"
    assert origins["threads"] == "--set"
    assert origins["timezone"] == "default"
    assert "${DESK}" in done.stdout
    assert yaml_core.load(done.stdout)["summarize"]["generation"] == {"num_beams": 1, "max_new_tokens": 60}


def test_resolved_gives_the_same_config_again(folder: Path) -> None:
    path = child(folder, "name: child\nsummarize: {prefix: 'a: # b\n  c'}\non_finish: [mail, -s, 'it ended']\n")
    again = folder / "elsewhere" / "again.yaml"
    again.parent.mkdir()
    again.write_text(resolve(path, ()).as_yaml(), encoding="utf-8")
    assert configs.load(again) == configs.load(path)


def test_resolved_shows_no_secret(folder: Path) -> None:
    path = child(folder, "on_finish: https://hooks/x?token=s3cret\n")
    assert "s3cret" not in resolve(path, ()).as_yaml()


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def paths(value: Any) -> list[tuple[str, ...]]:
    """Return the field of each value in nested mappings that is no mapping itself."""
    if not isinstance(value, dict) or not value:
        return [()]
    return [(name, *rest) for name, one in value.items() for rest in paths(one)]


def at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name] if isinstance(value, dict) and name in value else ...
    return value


@settings(max_examples=60)
@given(base=MAPPINGS, own=MAPPINGS)
def test_every_value_is_that_of_the_file_it_is_said_to_come_from(
    tmp_path_factory: pytest.TempPathFactory, base: dict[str, Any], own: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    (folder / "base.yaml").write_text(yaml_core.dump(base, width=100), encoding="utf-8")
    (folder / "own.yaml").write_text(yaml_core.dump(own | {"extends": "base.yaml"}, width=100), encoding="utf-8")
    fields = config_file.read(folder / "own.yaml")
    texts = {"own.yaml": own, "base.yaml": base}
    for path in paths(fields.values):
        origin = fields.origin(path)
        if path and at(fields.values, path) != {}:
            assert at(texts[Path(origin.name).name], path) == at(fields.values, path)
    assert all(at(fields.values, path) == at(own, path) for path in paths(own) if path and at(own, path) != {})
