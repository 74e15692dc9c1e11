"""`reproduce` and `pack`: the texts of a version, made again here or elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.checkpoints.device import processor
from pipeline.commands.packing import expected
from pipeline.storage import versions
from pipeline.storage.versions import Version
from tests.conftest import article, sentence, tomdich_in_process, write_feed
from tests.published import publish

FEED = [article(number) for number in range(4)]
TERMS = "vi,en,wrong\nrừng ngập mặn,mangrove,salt forest\n"


def reproduce(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return tomdich_in_process("reproduce", *arguments, "--outputs", folder / "out", cwd=folder)


def found(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(reproduce(folder, *arguments, "--json").stdout)
    return result


def pack(version: Version, *arguments: str | Path) -> Path:
    folder = version.folder.parents[2]
    done = tomdich_in_process("pack", version.folder, "-o", folder / "night.tar.gz", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "night.tar.gz"


def with_manifest(version: Version, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest, as a version of another time or machine has it."""
    manifest = json.loads((version.folder / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    versions.write_json(version.folder / "manifest.json", manifest)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def version(home: Path) -> Version:
    return publish(home, FEED)


# Here


def test_equal_texts_are_exit_0(home: Path, version: Version) -> None:
    done = reproduce(home)
    assert (done.returncode, done.stdout) == (0, f"{version.name}: 4 of 4 records have the same texts\n")
    assert [one.name for one in versions.versions(home / "out" / "night")] == [version.name]  # nothing is published
    assert found(home)["recipe"] is True


def test_a_text_that_differs_is_named_with_what_was_different_then(home: Path, version: Version) -> None:
    done = reproduce(home, "--set", "summarize.generation.max_new_tokens=8")
    assert done.returncode == 1
    assert "0 of 4 records have the same texts; the recipe is another one" in done.stdout
    assert "  config: stages.summarize.generation.max_new_tokens: 24 then, 8 now" in done.stdout
    assert "  a2: summarize: another summary, translation" in done.stdout
    assert done.stderr.endswith(f"error: {version.name}: 4 records differ\n")


def test_each_kind_of_cause_is_told_by_its_name(home: Path, version: Version) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["environment"] |= {"tomdich": "0.0.9", "devices": ["cuda"], "cpus": 999}
        manifest["environment"]["processors"] = ["EPYC 7B13 (avx2)"]
        manifest["environment"]["libraries"]["torch"] = "1.0"
        manifest["identity"]["stages"]["summarize"] |= {"compute_type": "int8", "engine": "ctranslate2"}
        manifest["identity"]["stages_version"] = 0
        manifest["calls"]["translate"] |= {"computed": 1, "replayed": 7}
        manifest["sources"][0]["digest"] = "0" * 64

    with_manifest(version, change)
    causes = found(home)["causes"]  # equal texts: what is no difference is not told
    assert [cause["kind"] for cause in causes] == [
        "source", "tomdich", "tomdich", "engine", "compute_type", "device", "device", "library", "machine",
    ]  # fmt: skip
    assert f'processors: ["EPYC 7B13 (avx2)"] then, ["{processor()}"] now' in [cause["message"] for cause in causes]
    library = {"kind": "library", "message": f"torch: 1.0 then, {_installed('torch')} now"}
    assert library | {"remedy": "pip install torch==1.0"} in causes
    assert "to rule it out" not in reproduce(home).stdout
    assert "now; to rule it out: pip install torch==1.0\n" in reproduce(home, "--set", "translate.prefix=vi").stdout
    causes = found(home, "--set", "translate.prefix=vi")["causes"]
    assert [cause["kind"] for cause in causes if cause["kind"] in {"config", "batch", "memo"}] == [
        "config", "batch", "memo",
    ]  # fmt: skip
    assert "7 of 8 answers of translate came from the memo" in causes[-2]["message"]


def test_an_earlier_version_does_not_say_its_kind_of_cpu(home: Path, version: Version) -> None:
    def change(manifest: dict[str, Any]) -> None:
        del manifest["environment"]["processors"]
        manifest["identity"]["stages"]["summarize"]["compute_type"] = "int8"

    with_manifest(version, change)
    causes = found(home, "--set", "translate.prefix=vi")["causes"]
    assert not [cause for cause in causes if "processors" in cause["message"]]
    (batch,) = [cause for cause in causes if cause["kind"] == "batch"]
    assert "with its batch and with the kind of CPU, which versions of then do not say" in batch["message"]


def _installed(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def test_articles_that_changed_are_told_from_texts_that_did(home: Path, version: Version) -> None:
    write_feed(home / "feed.jsonl", [FEED[0], FEED[1] | {"text": sentence(77)}, FEED[3], article(9)])
    result = found(home)
    assert {one["id"]: one["why"] for one in result["differing"]} == {
        "a1": "source: the article has another text now",
        "a2": "source: the sources hold it no more",
        "a9": "source: is not among the records of the version",
    }
    assert (result["records"], result["equal"]) == (4, 2)
    assert [cause["kind"] for cause in result["causes"]] == ["source"]  # and not what can change a text
    assert found(home, "--from-version")["differing"] == []


def test_other_weights_are_an_error_before_anything_runs(home: Path, version: Version) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["models"]["translate"]["digest"] = "ab" * 32

    with_manifest(version, change)
    (home / "feed.jsonl").unlink()  # would be the error of a run
    done = reproduce(home, "--from-version")
    assert done.returncode == 1
    assert "other weights, so nothing was run" in done.stderr
    assert "those of night/" in done.stderr
    assert "had abababababab" in done.stderr
    assert "translate: " not in done.stderr


def test_terms_that_changed_are_a_cause(home: Path) -> None:
    (home / "terms.csv").write_text(TERMS, encoding="utf-8")
    publish(home, FEED, translate={"model": "fake", "engine": "fake", "terms": "terms.csv"})
    assert found(home)["causes"] == []
    (home / "terms.csv").write_text(TERMS.replace("mangrove", "mangroves"), encoding="utf-8")
    assert [cause["kind"] for cause in found(home)["causes"]] == ["glossary"]


def test_a_limited_version_reads_as_many_articles_again(home: Path) -> None:
    write_feed(home / "feed.jsonl", FEED)
    config = home / "night.yaml"
    publish(home, FEED)
    done = tomdich_in_process("run", config, "--limit", "2", "--outputs", home / "out", cwd=home)
    assert done.returncode == 0, done.stderr
    result = found(home, done.stdout.strip())
    assert (result["records"], result["equal"], result["differing"]) == (2, 2, [])


def test_a_limited_version_of_which_a_record_failed_reads_as_many_articles_again(home: Path) -> None:
    refused = FEED[0] | {"id": "refused", "text": f"fake:refuse {FEED[0]['text']}"}
    publish(home, FEED)
    write_feed(home / "feed.jsonl", [refused, *FEED[1:]])
    done = tomdich_in_process("run", home / "night.yaml", "--limit", "2", "--outputs", home / "out", cwd=home)
    assert done.returncode == 0, done.stderr
    result = found(home, done.stdout.strip())
    assert (result["records"], result["equal"], result["differing"]) == (1, 1, [])


def test_a_version_of_one_stage_is_reproduced_as_one(home: Path) -> None:
    version = publish(home, FEED, until="summarize")
    assert found(home, version.name)["equal"] == 4


# What cannot be reproduced


def test_stdin_and_new_articles_only_need_the_articles_of_the_version(home: Path, version: Version) -> None:
    config = yaml.safe_load((version.folder / "config.yaml").read_text(encoding="utf-8"))
    config["sources"] = [{"path": "-"}]
    stored = (version.folder / "config.yaml").read_bytes()
    (version.folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = reproduce(home)
    assert done.returncode == 2
    assert "one of them was stdin; --from-version takes the articles from the version itself" in done.stderr
    assert found(home, "--from-version")["equal"] == 4
    for articles in ("digests", "sources"):  # nobody could reproduce it from such a pack
        done = tomdich_in_process("pack", version.folder, "--articles", articles, cwd=home)
        assert done.returncode == 2
        assert "because one of them was stdin; pack its records: --articles version" in done.stderr
    (version.folder / "config.yaml").write_bytes(stored)
    with_manifest(version, lambda manifest: manifest.update(scope="new"))
    done = reproduce(home)
    assert done.returncode == 2
    assert "holds only what no version before it had published (scope `new`); --from-version" in done.stderr
    assert found(home, "--from-version")["equal"] == 4


def test_a_withdrawn_article_is_named_and_the_others_are_compared(home: Path, version: Version) -> None:
    done = tomdich_in_process("forget", "a1", "--outputs", home / "out", "--yes", cwd=home)
    assert done.returncode == 0, done.stderr
    for arguments in ([], ["--from-version"]):
        result = found(home, *arguments)
        assert (result["records"], result["equal"], result["differing"]) == (3, 3, [])
        assert result["notes"][0].startswith("1 withdrawn article, removed by `tomdich forget`; ")


def test_a_source_that_is_gone_names_both_ways(home: Path, version: Version) -> None:
    (home / "feed.jsonl").rename(home / "moved.jsonl")
    done = reproduce(home)
    assert done.returncode == 2
    assert "name the folder that holds it now with --sources DIR, or --from-version takes" in done.stderr
    done = reproduce(home, "--sources", home / "out")
    assert "holds nothing that ends like" in done.stderr
    assert reproduce(home, "--sources", home / "none").stderr == f"error: --sources {home / 'none'}: no such folder\n"
    assert "not both" in reproduce(home, "--sources", home, "--from-version").stderr


# Elsewhere


def test_a_tree_that_moved_runs_and_reproduces_where_it_lies(home: Path, version: Version) -> None:
    other = home.with_name("other")
    shutil.copytree(home, other, symlinks=True)
    shutil.rmtree(home)
    moved = other / "out" / "night" / version.folder.name
    done = tomdich_in_process("run", moved / "config.yaml", "--outputs", other / "again", cwd=other)
    assert done.returncode == 0, done.stderr
    assert versions.find(other / "again", "night").manifest["recipe"] == version.manifest["recipe"]
    assert reproduce(other).returncode == 0


@pytest.mark.parametrize("sources", [".", "deep/feeds/2026", "deep"])
def test_sources_are_found_by_the_longest_ending_of_their_path(tmp_path: Path, home: Path, sources: str) -> None:
    feeds = home / "feeds" / "2026"
    feeds.mkdir(parents=True)
    write_feed(feeds / "one.jsonl", FEED[:2])
    write_feed(feeds / "two.jsonl", FEED[2:])
    publish(home, FEED, sources=[{"path": "feeds/2026/*.jsonl"}])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "deep").mkdir()
    shutil.move(home / "feeds", elsewhere / "deep" if sources != "." else elsewhere)
    assert found(home, "--sources", elsewhere / sources)["equal"] == 4


@pytest.mark.parametrize("articles", ["digests", "sources", "version"])
def test_a_pack_is_reproduced_without_what_it_was_made_of(tmp_path: Path, home: Path, articles: str) -> None:
    (home / "terms.csv").write_text(TERMS, encoding="utf-8")
    feeds = home / "feeds"
    feeds.mkdir()
    write_feed(feeds / "one.jsonl", FEED)
    version = publish(
        home,
        FEED,
        sources=[{"path": "feeds/*.jsonl"}],
        translate={"model": "fake", "engine": "fake", "terms": "terms.csv"},
    )
    packed = pack(version, "--articles", articles)
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(packed, other)
    if articles == "digests":
        shutil.move(feeds, other)
    shutil.rmtree(home)
    if articles == "digests":
        assert "holds only the digests of its sources" in reproduce(other, "night.tar.gz").stderr
        assert "holds no articles" in reproduce(other, "night.tar.gz", "--from-version").stderr
    where: list[str | Path] = ["--sources", other] if articles == "digests" else []
    done = reproduce(other, "night.tar.gz", *where)
    assert done.returncode == 0, done.stderr
    assert f"{version.name}: 4 of 4 records have the same texts" in done.stdout
    assert sorted(path.name for path in other.iterdir()) == ["feeds"] * (articles == "digests") + ["night.tar.gz"]


def test_a_pack_has_the_same_bytes_each_time_and_no_article_unless_asked(home: Path, version: Version) -> None:
    first = pack(version).read_bytes()
    assert first == pack(version).read_bytes()
    assert FEED[0]["text"].encode() not in gzip.decompress(first)
    assert FEED[0]["title"].encode() not in gzip.decompress(first)
    assert FEED[0]["text"].encode() in gzip.decompress(pack(version, "--articles", "sources").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert {(entry.mtime, entry.uid, entry.uname) for entry in archive} == {(0, 0, "")}
        requirements = archive.extractfile("requirements.txt")
        assert requirements is not None
        assert f"torch=={_installed('torch')}\n" in requirements.read().decode()


def test_a_pack_is_not_made_of_files_that_changed(home: Path) -> None:
    (home / "terms.csv").write_text(TERMS, encoding="utf-8")
    version = publish(home, FEED, translate={"model": "fake", "engine": "fake", "terms": "terms.csv"})
    write_feed(home / "feed.jsonl", FEED[:3])
    done = tomdich_in_process("pack", version.folder, "--articles", "sources", cwd=home)
    assert done.returncode == 1
    assert "feed.jsonl: was changed since the version was made; put the old file back" in done.stderr
    (home / "terms.csv").unlink()
    done = tomdich_in_process("pack", version.folder, cwd=home)
    assert done.returncode == 1
    assert "terms.csv: cannot be read: No such file or directory" in done.stderr
    assert not list(home.glob("*.tar.gz"))


# Archives of somebody else


def entry(name: str, content: bytes = b"x", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for field, value in fields.items():
        setattr(made, field, value)
    return made, content


def archived(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], listed: dict[str, Any] | bytes) -> Path:
    listing = listed if isinstance(listed, bytes) else json.dumps(listed).encode()
    with tarfile.open(path, "w:gz") as archive:
        for made, content in [entry("pack.json", listing), *entries]:
            archive.addfile(made, io.BytesIO(content) if made.isreg() else None)
    return path


def listing(*files: tuple[str, int, str]) -> dict[str, Any]:
    return {"schema": 1, "files": [{"path": path, "bytes": size, "sha256": sha} for path, size, sha in files]}


X = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # SHA-256 of "x"


def attacks() -> Iterator[Any]:
    yield pytest.param([entry("../out")], listing(("../out", 1, X)), 2, "leads out of the folder", id="parent")
    yield pytest.param([entry("/tmp/out")], listing(("/tmp/out", 1, X)), 2, "leads out of the folder", id="absolute")
    link = entry("data", b"", type=tarfile.SYMTYPE, linkname="/tmp")
    yield pytest.param([link], listing(("data", 0, X)), 1, "is not as pack.json lists it", id="link")
    yield pytest.param([entry("more")], listing(), 1, "more: is not as pack.json lists it", id="not listed")
    yield pytest.param([entry("a")], listing(("a", 2, X)), 1, "a: is not as pack.json lists it", id="size")
    yield pytest.param([entry("a", b"y")], listing(("a", 1, X)), 1, "a: is damaged", id="digest")
    yield pytest.param([entry("a"), entry("a")], listing(("a", 1, X)), 1, "a: is not as pack.json", id="twice")
    yield pytest.param([], listing(("a", 1, X)), 1, "lacks a", id="missing")
    yield pytest.param([], b"[]", 2, "pack.json: cannot be read", id="listing")
    yield pytest.param([], listing() | {"schema": 9}, 2, "written by a newer tomdich", id="newer")


@pytest.mark.parametrize(("entries", "listed", "code", "said"), list(attacks()))
def test_an_archive_writes_nothing_but_what_it_lists(
    tmp_path: Path, entries: list[Any], listed: Any, code: int, said: str
) -> None:
    done = reproduce(tmp_path, archived(tmp_path / "bad.tar.gz", entries, listed))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no archive", mtime=0)])
def test_a_file_that_is_no_pack_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    done = reproduce(tmp_path, "x.tar.gz")
    assert done.returncode == 2
    assert "is no pack that `tomdich pack` wrote" in done.stderr


# With a model


def test_in_float32_another_batch_gives_the_same_texts(home: Path) -> None:
    translate = {"model": "bundled/translator", "engine": "ctranslate2", "compute_type": "float32"}
    version = publish(home, FEED[:3], summarize={"model": "lead", "sentences": 1}, translate=translate)
    assert len({one.translation for one in expected(version)}) == 3
    assert found(home, "--set", "runtime.batch_tokens=64")["equal"] == 3
