"""`datasets.load_dataset` gives the rows of the version that is named, whatever its cache holds already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.errors import WorldError
from pipeline.storage import dataset_cache
from tests.conftest import article, tomdich, write_feed
from tests.refusals import as_nobody

LOAD = """
import json, sys
from datasets import Dataset, config, load_dataset
ids = {path: list(load_dataset(path)["train"]["id"]) for path in sys.argv[1:]}
print(json.dumps([ids, str(config.HF_DATASETS_CACHE)]))
"""
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {"HF_HOME": "hub"},
    {"HF_DATASETS_CACHE": "own", "HF_HOME": "hub"},
    {"XDG_CACHE_HOME": "xdg"},
    {},
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def environment(home: Path, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))}
    return (
        kept | {"HOME": str(home), "HF_HUB_OFFLINE": "1"} | {name: str(home / one) for name, one in variables.items()}
    )


def python(code: str, *arguments: str | Path, cwd: Path, env: dict[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("variables", ENVIRONMENTS, ids=lambda one: "+".join(one) or "none")
def test_the_cache_is_looked_for_where_datasets_keeps_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    env = environment(home, **variables)
    monkeypatch.delenv("HF_DATASETS_CACHE")
    for name in ("HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    _, used = python(LOAD, cwd=home, env=env)
    assert dataset_cache.location() == Path(used)


def test_two_versions_a_rerun_and_a_forget_in_one_cache(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    cache = tmp_path / "datasets"

    def run(name: str, articles: list[int], *arguments: str) -> Path:
        write_feed(tmp_path / "feed.jsonl", map(article, articles))
        config = make_config(
            name=name, exclude={"under_syllables": len(name)}
        )  # another recipe, and so another version
        done = tomdich("run", config, "--outputs", "out", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return tmp_path / done.stdout.strip()

    def loaded(*folders: Path) -> list[list[str]]:
        env = {name: value for name, value in os.environ.items() if name != "HF_HOME"}
        ids, _ = python(LOAD, *folders, cwd=tmp_path, env=env | {"HF_DATASETS_CACHE": str(cache)})
        return [ids[str(folder)] for folder in folders]

    def latest(name: str) -> Path:
        return tmp_path / "out" / name / "latest"

    first, second = run("mds", [0, 1, 2, 3]), run("night", [4, 5])
    expected = [["a0", "a1", "a2", "a3"], ["a4", "a5"]]
    assert loaded(latest("mds"), latest("night"), first, second) == expected * 2
    again = run("mds", [0, 1, 2], "--force")  # a rerun: `latest` leads elsewhere now
    assert loaded(latest("mds"), again, first) == [["a0", "a1", "a2"], ["a0", "a1", "a2"], expected[0]]
    # the same moment, recipe and name in other outputs: the version's name alone is not enough
    twin = tmp_path / "other" / "night" / second.name
    twin.parent.mkdir(parents=True)
    first.rename(twin)
    card = (twin / "README.md").read_text(encoding="utf-8").replace(first.name, second.name)
    (twin / "README.md").write_text(card, encoding="utf-8")
    assert loaded(twin, second) == expected
    twin.rename(first)

    before = sorted(cache.glob("*/*/*/*/*.arrow"))
    dry = tomdich("forget", "a1", "--outputs", "out", cwd=tmp_path, HF_DATASETS_CACHE=str(cache))
    assert sorted(cache.glob("*/*/*/*/*.arrow")) == before
    done = tomdich("forget", "a1", "--outputs", "out", "--yes", cwd=tmp_path, HF_DATASETS_CACHE=str(cache))
    assert f"cache of datasets.load_dataset at {cache}" in done.stderr
    gone = {line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith("deleted ")}
    assert {line.split(" ", 2)[2] for line in dry.stdout.splitlines() if "would delete" in line} == gone
    assert all(b"a1" not in path.read_bytes() for path in cache.rglob("*.arrow"))
    assert any(cache.glob("latest/*/*/*/*.arrow")), "what does not hold the article stays"
    assert loaded(latest("mds"), again, first, latest("night")) == [
        ["a0", "a2"], ["a0", "a2"], ["a0", "a2", "a3"], ["a4", "a5"],
    ]  # fmt: skip


def test_what_was_loaded_by_other_means_is_found_by_its_rows(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    """As from a version whose card names the config `default`, or straight from its data files; also unfinished."""
    cache = tmp_path / "datasets"
    write_feed(tmp_path / "feed.jsonl", map(article, range(3)))
    version = tmp_path / tomdich("run", make_config(), "--outputs", "out", cwd=tmp_path).stdout.strip()
    code = """
import sys
from datasets import Dataset, load_dataset
load_dataset("parquet", data_files=sys.argv[1] + "/data/*.parquet", cache_dir=sys.argv[2])
load_dataset(sys.argv[1], columns=["summary"], cache_dir=sys.argv[2])
print(0)
"""
    python(code, version, cache, cwd=tmp_path, env=dict(os.environ))
    (whole,) = cache.glob("parquet/*/*/*/*.arrow")
    other = cache / "latest" / "default" / "0.0.0"
    for name, data in (
        ("ab.incomplete", whole.read_bytes()[:-3000]),
        ("cd", b"no Arrow file"),
    ):
        (other / name).mkdir(parents=True)
        (other / name / "latest-train.arrow").write_bytes(data)
    done = tomdich("forget", "a1", "--outputs", "out", "--yes", cwd=tmp_path, HF_DATASETS_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert [path.relative_to(cache) for path in cache.rglob("*.arrow")] == [
        (other / "cd" / "latest-train.arrow").relative_to(cache)
    ]


def test_a_copy_of_other_columns_is_none_of_the_articles(tmp_path: Path) -> None:
    for name, columns in (("articles", ("id", "text_sha256")), ("others", ("id", "summary"))):
        folder = tmp_path / "csv" / "default" / "0.0.0" / name
        folder.mkdir(parents=True)
        table = pa.table({column: ["x"] for column in columns})
        with pa.ipc.new_stream(str(folder / "csv-train.arrow"), table.schema) as out:
            out.write_table(table)
    found = dataset_cache.entries(tmp_path, versions=[], holds=lambda _id, _sha: True)
    assert [entry.name for entry in found] == ["articles"]


def test_a_copy_that_this_account_may_not_remove_is_named() -> None:
    with as_nobody() as folder:
        entry = folder / "entry"
        entry.mkdir()
        (entry / "latest-train.arrow").touch()
        entry.chmod(0o555)
        with pytest.raises(WorldError, match=r"entry: holds a copy of the rows.*: Permission denied; remove it as"):
            dataset_cache.remove(entry)
        assert (entry / "latest-train.arrow").exists()
