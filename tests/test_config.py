"""The config: every mistake is named with its file, line, field and remedy; what loads can be dumped and loaded again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline import config as configs
from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.runner import cells
from pipeline.secrets import expand_env, masked

GOOD = """\
name: night
sources:
  - path: feed.jsonl
    columns: {id: url}
summarize:
  model: ./models/vit5
translate:
  model: Helsinki-NLP/opus-mt-vi-en
"""


def loaded(tmp_path: Path, text: str, *overrides: str) -> Config:
    path = tmp_path / "night.yaml"
    path.write_text(text, encoding="utf-8")
    return configs.load(path, overrides)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("summarize:", "summarise:", r"night.yaml:5: summarise: no such field; did you mean `summarize`\?"),
        ("name: night\n", "", r"name: is required and missing"),
        ("columns:", "colums:", r"night.yaml:4: sources.0.colums: no such field; did you mean `columns`\?"),
        (
            "{id: url}",
            "{idd: url}",
            r"night.yaml:4: sources.0.columns.idd: no such field; did you mean `id`\?",
        ),
        ("name: night", "name: ../up", r"night.yaml:1: name: a name begins with a letter or a digit"),
        ("name: night", "name: [night]", r"night.yaml:1: name: must be text"),
        (
            "  - path: feed.jsonl",
            "  - optional: true",
            r"sources.0: give exactly one of `path` and `dataset`",
        ),
        ("    columns: {id: url}", "    keep: [title]", r"`title` already has its own column"),
        (
            "{id: url}",
            "{id: url",
            r"night.yaml: not valid YAML: line 5, column 10: while parsing a flow mapping: expected",
        ),
        (
            "name: night",
            "name: night\ninspect: {hold: [numbers]}",
            r"night.yaml:2: inspect.hold: .*did you mean `number`\?",
        ),
        (
            "name: night",
            "name: night\ninspect: {hold: [xyz]}",
            r"inspect.hold: no such check: `xyz`; there are: number, ",
        ),
        (
            "name: night",
            "name: night\ntimezone: Asia/Saigonn",
            r"night.yaml:2: timezone: .*did you mean `Asia/Saigon`\?",
        ),
        ("name: night", "name: night\ntimezone: ../up", r"timezone: no such time zone"),
        ("name: night", "name: night\non_finish: ''", r"on_finish: is empty"),
        ("name: night", "name: night\non_finish: mail 'x", r"on_finish: No closing quotation"),
        (
            "  model: ./models/vit5",
            "  model: ./models/vit5\n  terms: house.csv",
            r"night.yaml:7: summarize.terms: no such",
        ),
        (
            "sources:\n  - path: feed.jsonl\n    columns: {id: url}",
            "sources: []",
            r"night.yaml:2: sources: must have at least one item",
        ),
    ],
)
def test_a_mistake_is_named_with_line_field_and_remedy(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, GOOD.replace(old, new))


WHOLE = "must be a whole number, such as 8"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("limits.max_failure_ratio", "yes", r"must be a number, such as 0.05 \(found 'yes'\)"),
        ("limits.max_failure_ratio", "true", r"must be a number, such as 0.05 \(found true\)"),
        ("limits.max_failure_ratio", "5", r"must be at most 1 \(found 5\)"),
        ("limits.max_failure_ratio", ".nan", r"must be a finite number"),
        ("limits.min_records", "1.000", rf"{WHOLE}; write it without a point: a thousand is 1000 \(found 1.0\)"),
        ("limits.min_records", "1:30", rf"{WHOLE} \(found '1:30'\)"),
        ("limits.min_records", "1_000", rf"{WHOLE} \(found '1_000'\)"),
        ("limits.min_records", "'200'", rf"{WHOLE}; write it without quotes"),
        ("limits.min_records", f"{'9' * 5000}", r"a number of 5000 digits"),
        ("limits", "", r"limits: is empty; give it a value, or delete the line"),
        ("limits", "5", r"limits: must be a section: `field: value`, a line each \(found 5\)"),
        ("limits", "[5]", r"limits: must be a section"),
        ("translate.generation.max_new_tokens", "yes", WHOLE),
        ("translate.generation.early_stopping", "no", r"must be true or false; `no` is text in YAML 1.2"),
        ("translate.generation.repetition_penalty", "-1", r"must be more than 0"),
        ("translate.model", "12", r"must be text; put it in quotes \(found 12\)"),
        ("runtime.threads", "1000000", r"must be at most 1024"),
        ("runtime.engine_pool", "{address: 10.0.0.1:6379}", r"engine_pool.address: '10.0.0.1:6379' is none of `local`"),
        ("runtime.engine_pool", "{gpus_per_worker: 2}", r"engine_pool.gpus_per_worker: must be at most 1"),
        ("runtime.engine_pool", "{workers: all}", r"engine_pool.workers: must be `auto`, or a whole number of workers"),
        ("runtime", "{device: cpu, engine_pool: {gpus_per_worker: 0.5}}", r"whose workers compute on cuda"),
        ("runtime", "{device: mps, engine_pool: {gpus_per_worker: 0}}", r"whose workers compute on cpu"),
        ("translate.repair.candidates", "1", r"translate.repair.candidates: must be at least 2 \(found 1\)$"),
        ("translate.repair.fallback", "none", r"translate: `repair: {fallback: none}` is of a summarizer"),
        ("summarize.repair.variants", "false", r"summarize: `repair: {variants: false}` is of a translator"),
        ("translate.repair.tries", "1", r"translate.repair.tries: no such field; known: candidates, "),
        ("translate.repair", "yes", r"translate.repair: must be a section: .*, or must be one of 'auto' or False"),
        ("translate.Repair", "1", r"translate.Repair: no such field; did you mean `repair`\?"),
        ("runtime.batch_tokens", "999999999999", r"must be at most 16777216"),
        ("exclude.under_syllables", "-1", r"must be at least 0"),
        ("deterministic", "1", r"must be true or false \(found 1\)"),
        ("reproducible", "stric", r"must be one of 'warn' or 'strict'; did you mean `strict`\?"),
        ("sources.0.keep", "section", r"must be a list: "),
        ("sources.0.optional", "on", r"must be true or false; `on` is text in YAML 1.2"),
        ("on_finish", "3", r"on_finish: must be text; .*, or must be a list"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_plain_words(tmp_path: Path, field: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        loaded(tmp_path, GOOD, f"{field}={value}")
    assert "Input" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_plain_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        GOOD.replace("name: night", "name: no\nlimits: {min_records: 0100, max_failure_ratio: 1e-1}")
        + "exclude: {under_syllables: 0x10}\n",
    )
    assert config.name == "no"
    assert (config.limits.min_records, config.limits.max_failure_ratio) == (100, 0.1)
    assert config.exclude.under_syllables == 16


@pytest.mark.parametrize("text", ["yes", "off", "1e3", "0o17", "1:30", "0100", "1_000", "2026-11-23", "null", "<<"])
def test_text_that_looks_like_something_else_survives_a_round_trip(tmp_path: Path, text: str) -> None:
    config = loaded(tmp_path, GOOD.replace("{id: url}", f"{{id: '{text}'}}"))
    dumped = configs.dump(config)
    assert loaded(tmp_path, dumped).sources[0].columns.id == text
    assert yaml.safe_load(dumped)["sources"][0]["columns"]["id"] == text  # a reader of YAML 1.1


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("columns:", "colums:").replace("summarize:", "summarise:")
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 3  # the two, and `summarize` missing


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("translate.generation.num_beams=two", "must be a whole number"),
        ("runtime.gpu=1", "runtime.gpu: no such field"),
        ("runtime", "write it as"),
        ("sources.3.path=x", "has items 0 to 0"),
        ("name.first=x", "is a value, not a section"),
        ("sources.²=x", "has items 0 to 0"),
        (f"sources.{'9' * 5000}=x", "has items 0 to 0"),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, GOOD, override)


def test_overrides_reach_lists_and_sections_that_are_not_there_yet(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD, "sources.0.path=other.csv", "translate.generation.num_beams=2")
    assert config.sources[0].path == str(tmp_path / "other.csv")
    assert config.translate.generation.num_beams == 2


def test_relative_paths_stand_against_the_configs_folder(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD)
    assert config.sources[0].path == str(tmp_path / "feed.jsonl")
    assert config.summarize.model == str(tmp_path / "models" / "vit5")
    assert config.translate.model == "Helsinki-NLP/opus-mt-vi-en"
    config = loaded(tmp_path, GOOD + "  terms: house/terms.csv\n  corrections: ../corrections.jsonl\n")
    assert config.translate.terms == str(tmp_path / "house" / "terms.csv")
    assert config.translate.corrections == str(tmp_path.parent / "corrections.jsonl")


@pytest.mark.parametrize(
    ("told", "placed"),
    [
        ("./tell.sh 'the desk'", ("{base}/tell.sh", "the desk")),
        ("[mail, -s, 'it ended']", ("mail", "-s", "it ended")),
        ("https://hooks/${TOKEN}", "https://hooks/${TOKEN}"),
        ("${HOOK}", "${HOOK}"),
        ("${HOOK}/${TOKEN}", "${HOOK}/${TOKEN}"),
        ("${SCRIPTS}/tell.sh --quiet", ("${SCRIPTS}/tell.sh", "--quiet")),
        ("${NOT_SET}", ("${NOT_SET}",)),
    ],
)
def test_what_is_told_is_a_command_or_a_web_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, placed: str | tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOOK", "https://hooks/geheim")
    monkeypatch.setenv("SCRIPTS", "/srv/scripts")
    config = loaded(tmp_path, GOOD + f"on_finish: {told}\n")
    words = placed if isinstance(placed, str) else tuple(word.replace("{base}", str(tmp_path)) for word in placed)
    assert config.on_finish == words
    assert configs.is_web_address(config.on_finish or "") == isinstance(placed, str)


def test_who_is_told_is_no_part_of_the_config_that_is_published(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD + "on_finish: https://hooks/services/geheim\nmetrics: night.prom\n")
    assert "geheim" not in configs.dump(config)
    assert loaded(tmp_path, configs.dump(config)) == config.model_copy(update={"on_finish": None, "metrics": None})


PASSWORDS = [
    ("https://user:s3cretpw@host/feed.jsonl", "https://user:***@host/feed.jsonl"),
    ("https://:s3cretpw@host/", "https://:***@host/"),
    ("https://user:s3cret@pw@host/", "https://user:***@host/"),
    ("sftp://user:s3cretpw@host/{edition}.csv", "sftp://user:***@host/{edition}.csv"),
    ("https://s3cretpw@host/", "https://***@host/"),
    ("https://s3cretpw:@host/", "https://***:@host/"),
    ("zip://day.csv::https://user:s3cretpw@host/a.zip", "zip://day.csv::https://user:***@host/a.zip"),
    ("https://host/feed.jsonl?token=s3cret&page=2", "https://host/feed.jsonl?token=***&page=2"),
    ("https://host/feed?page=2&API_KEY=s3cret#x", "https://host/feed?page=2&API_KEY=***#x"),
    ("https://host/feed?X-Amz-Signature=s3cret&sig=s3cret", "https://host/feed?X-Amz-Signature=***&sig=***"),
]


@pytest.mark.parametrize(("place", "shown"), PASSWORDS)
def test_a_password_in_a_source_is_refused_and_not_repeated(tmp_path: Path, place: str, shown: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, GOOD.replace("feed.jsonl", f'"{place}"'))
    assert "s3cret" not in str(refused.value)
    assert all(part in str(refused.value) for part in ("sources.0", shown, "${NAME}"))
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, GOOD, f"sources={place}")  # of another kind, and shown for that
    assert "s3cret" not in str(refused.value)
    with pytest.raises(ConfigError, match="not valid YAML") as refused:
        loaded(tmp_path, GOOD, f"sources.0.path={{'{place}")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "place",
    [
        "https://user:${FEED_PASSWORD}@host/feed.jsonl", "https://${FEED_TOKEN}@host/feed.jsonl", "sftp://user@host/a.csv",
        "sftp://user:@host/a.csv", "s3://bucket/a:b@c.csv", "https://host/a:b@c.csv?mail=a:b@c",
        "https://host/feed?token=${FEED_TOKEN}", "https://host/feed?monkey=1&design=2&tokens=3",
    ],
)  # fmt: skip
def test_what_is_no_password_is_left_in_a_source(tmp_path: Path, place: str) -> None:
    assert loaded(tmp_path, GOOD.replace("feed.jsonl", f'"{place}"')).sources[0].path == place
    assert masked(place) == place


@pytest.mark.parametrize("path", ["-", "s3://bucket/feed.jsonl", "memory://feed.csv", "${FEEDS}/x.jsonl"])
def test_what_is_no_local_path_stays_as_written(tmp_path: Path, path: str) -> None:
    assert loaded(tmp_path, GOOD.replace("feed.jsonl", f'"{path}"')).sources[0].path == path


def test_a_dumped_config_loads_to_the_same_from_anywhere(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert loaded(elsewhere, configs.dump(config)) == config


def test_secrets_are_expanded_only_when_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_TOKEN", "geheim")
    config = loaded(tmp_path, GOOD.replace("feed.jsonl", "https://feeds/${FEED_TOKEN}/x.jsonl"))
    assert "geheim" not in configs.dump(config)
    assert expand_env(config.sources[0].path or "") == "https://feeds/geheim/x.jsonl"
    monkeypatch.delenv("FEED_TOKEN")
    with pytest.raises(ConfigError, match="FEED_TOKEN"):
        expand_env(config.sources[0].path or "")


def test_a_home_folder_that_is_none_is_named_with_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"night\.yaml: ~nobody-here/feed\.jsonl: ~ cannot be replaced"):
        loaded(tmp_path, GOOD.replace("feed.jsonl", "~nobody-here/feed.jsonl"))


def test_a_missing_config_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tomdich init"):
        configs.load(tmp_path / "no.yaml")


def test_the_fixture_config_is_accepted(load_config: Callable[..., Config]) -> None:
    assert load_config().summarize.engine == "fake"


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_every_config_that_comes_with_tomdich_loads(path: Path) -> None:
    loaded = [configs.load(path)] if path.stem != "baselines" else [cell.config for cell in cells.load(path).cells]
    assert {config.name for config in loaded} == {path.stem}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "name: day\n", r"night\.yaml: .*`name` occurs twice, on lines 1 and 9;"),
        (GOOD.replace("{id: url}", "{id: url, id: link}"), r"`id` occurs twice, on lines 4 and 4;"),
        (GOOD + "limits:\n  min_records: 1\n  min_records: 2\n", r"`min_records` occurs twice, on lines 10 and 11;"),
    ],
)
def test_a_key_that_stands_twice_is_an_error_with_both_lines(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, text)


def test_a_key_that_stands_twice_in_an_override_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--set limits=.*`min_records` occurs twice"):
        loaded(tmp_path, GOOD, "limits={min_records: 1, min_records: 2}")


def test_one_key_in_two_mappings_and_under_aliases_stands_once_in_each(tmp_path: Path) -> None:
    stages = "summarize: &stage\n  model: fake\n  engine: fake\ntranslate:\n  <<: *stage\n  model: fake\n"
    config = loaded(tmp_path, "name: night\nsources:\n  - path: a.jsonl\n  - path: b.jsonl\n" + stages)
    assert config.translate.engine == "fake"


def test_an_override_of_an_alias_leaves_what_it_stands_for(tmp_path: Path) -> None:
    stages = (
        "summarize: &stage\n  model: fake\n  generation: {num_beams: 4}\ntranslate:\n  <<: *stage\n  model: other\n"
    )
    text = "name: night\nsources: [&source {path: a.jsonl}, *source]\n" + stages
    config = loaded(tmp_path, text, "summarize.generation.num_beams=1", "sources.1.path=b.jsonl")
    assert (config.summarize.generation.num_beams, config.translate.generation.num_beams) == (1, 4)
    assert [source.path for source in config.sources] == [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]


def test_aliases_that_multiply_are_looked_through_in_no_time(tmp_path: Path) -> None:
    levels = "".join(f"  - &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(ConfigError, match="many"):
        loaded(tmp_path, GOOD + "many:\n  - &l0 {a: 1}\n" + levels)


@pytest.mark.parametrize(
    "field",
    ["memo", "metrics", "summarize.model", "translate.terms", "translate.corrections", "translate.revision"],
)
def test_a_name_of_the_environment_is_refused_where_it_is_not_put_in(tmp_path: Path, field: str) -> None:
    with pytest.raises(ConfigError, match=rf"{field}: \$\{{HOUSE\}} is not replaced here.*--set"):
        loaded(tmp_path, GOOD, f"{field}=${{HOUSE}}/x")


def test_a_secret_is_not_in_what_pydantic_says_itself() -> None:
    with pytest.raises(ValueError, match="holds a secret") as refused:
        configs.Source(path="https://user:s3cretpw@host/")
    assert "s3cret" not in str(refused.value)


def test_to_truncate_needs_a_lead(tmp_path: Path) -> None:
    assert loaded(tmp_path, GOOD, "summarize.lead=512", "summarize.truncate=true").summarize.truncate
    with pytest.raises(ConfigError, match="`truncate: true` needs `lead: N`"):
        loaded(tmp_path, GOOD, "summarize.truncate=true")


def test_a_config_is_written_relative_to_its_folder_and_read_back_from_there(tmp_path: Path) -> None:
    text = GOOD + "  terms: house/terms.csv\nmemo: memo\n"
    config = loaded(tmp_path, text)
    folder = tmp_path / "out" / "night" / "v"
    folder.mkdir(parents=True)
    dumped = configs.dump(config, folder=folder)
    assert str(tmp_path) not in dumped
    (folder / "config.yaml").write_text(dumped, encoding="utf-8")
    assert configs.load(folder / "config.yaml") == config


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/a/b/feed.jsonl", "../../b/feed.jsonl"),
        ("/a/out/v/feed.jsonl", "./feed.jsonl"),
        ("/a/b/./${FEED}/*.jsonl", "../../b/./${FEED}/*.jsonl"),
        ("/other/feed.jsonl", "/other/feed.jsonl"),
        ("${FEED}", "${FEED}"),
        ("https://host/feed.jsonl", "https://host/feed.jsonl"),
        ("-", "-"),
        ("owner/dataset", "owner/dataset"),
    ],
)
def test_a_relative_path_leads_to_what_the_absolute_one_does(path: str, written: str) -> None:
    folder = Path("/a/out/v")
    assert configs.relative_path(path, folder) == written
    if "${" not in path and path != "owner/dataset":
        assert configs.resolve_path(written, folder) == path
