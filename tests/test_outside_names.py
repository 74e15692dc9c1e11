"""Names that others wrote: in either normal form of Unicode, with signs of patterns, linked from elsewhere, from `${ENV}`."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import config as configs
from pipeline import sources
from pipeline.cli import app
from pipeline.commands.forget import forget
from pipeline.config import Columns, Exclude, Source
from pipeline.errors import SourceError, WorldError
from pipeline.messages import logged_to
from pipeline.records import Article
from pipeline.storage import versions as store
from pipeline.storage.pruning import prune
from pipeline.storage.rows import rows
from tests.conftest import article, tomdich, write_feed
from tests.storage.test_versions import published

ALL = Exclude(under_syllables=0, not_vietnamese=False)
TEXT = article(1)["text"]
Form = Literal["NFC", "NFD"]
BOTH: tuple[Form, Form] = ("NFC", "NFD")
FORMS = [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC"), ("NFD", "NFD")]


def read(path: Path | str, **fields: Any) -> list[Article]:
    source = Source(path=str(path), **fields)
    with logged_to(pytest.fail):
        found = list(sources.read(source, exclude=ALL, on_file=lambda _: None))
    return [one for one in found if isinstance(one, Article)]


@pytest.mark.parametrize(("on_disk", "typed"), FORMS)
@pytest.mark.parametrize(
    "pattern", ["Bản tin/số báo.jsonl", "Bản tin", "Bản tin/*.jsonl", "Bản*/số*.jsonl", "**/*báo*"]
)
def test_a_path_is_found_in_either_normal_form(tmp_path: Path, on_disk: Form, typed: Form, pattern: str) -> None:
    folder = tmp_path / unicodedata.normalize(on_disk, "Bản tin")
    folder.mkdir()
    write_feed(folder / unicodedata.normalize(on_disk, "số báo.jsonl"), [article(1)])
    (found,) = read(tmp_path / unicodedata.normalize(typed, pattern))
    assert found.text == TEXT


def test_of_two_names_that_look_alike_the_one_that_is_written_is_read(tmp_path: Path) -> None:
    for form in BOTH:
        write_feed(tmp_path / unicodedata.normalize(form, "báo.jsonl"), [article(1) | {"id": form}])
    for form in BOTH:
        assert [one.id for one in read(tmp_path / unicodedata.normalize(form, "báo.jsonl"))] == [form]


@pytest.mark.parametrize("folder", ["tin [1]", "a*b", "what?", "[!x]", "{2026}"])
@pytest.mark.parametrize("pattern", ["*.jsonl", "a [x].jsonl", "", "sub/../*.jsonl"])
def test_signs_of_patterns_in_names_that_are_there_are_letters(tmp_path: Path, folder: str, pattern: str) -> None:
    (tmp_path / folder / "sub").mkdir(parents=True)
    write_feed(tmp_path / folder / "a [x].jsonl", [article(1)])
    assert [one.text for one in read(f"{tmp_path}/{folder}/{pattern}")] == [TEXT]


def test_a_run_from_a_folder_with_signs_of_patterns(tmp_path: Path) -> None:
    home = tmp_path / "tin [1]"
    home.mkdir()
    write_feed(home / "feed.jsonl", [article(1)])
    write_config(home, "'*.jsonl'")
    done = tomdich("run", "c.yaml", cwd=home)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("in_file", "typed"), FORMS)
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_column_is_found_in_either_normal_form(tmp_path: Path, in_file: Form, typed: Form, ending: str) -> None:
    row = {unicodedata.normalize(in_file, name): value for name, value in (("nội dung", TEXT), ("mục", "Thời sự"))}
    path = tmp_path / f"a.{ending}"
    if ending == "jsonl":
        write_feed(path, [row])
    elif ending == "csv":
        path.write_text(";".join(row) + "\n" + ";".join(f'"{value}"' for value in row.values()) + "\n", "utf-8")
    else:
        pq.write_table(pa.Table.from_pylist([row]), path)
    section = unicodedata.normalize(typed, "mục")
    (found,) = read(path, columns=Columns(text=unicodedata.normalize(typed, "nội dung")), keep=(section,))
    assert (found.text, found.extra) == (TEXT, {section: "Thời sự"})


def write_config(folder: Path, path: str) -> None:
    (folder / "c.yaml").write_text(
        f"name: c\nsources: [{{path: {path}}}]\nsummarize: {{model: fake, engine: fake}}\n"
        "translate: {model: fake, engine: fake}\n",
        encoding="utf-8",
    )


def test_a_relative_path_from_the_environment_stands_against_the_configs_folder(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    write_feed(home / "feed.jsonl", [article(1)])
    write_config(home, "'${FEED}'")
    for value in ("feed.jsonl", str(home / "feed.jsonl"), "../home/*.jsonl"):
        done = tomdich("plan", home / "c.yaml", cwd=elsewhere, FEED=value)
        assert done.returncode == 0, done.stderr


def test_a_published_config_takes_a_relative_and_an_absolute_path_from_the_environment(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder, number in ((home, 1), (elsewhere, 2)):
        folder.mkdir()
        write_feed(folder / "feed.jsonl", [article(number)])
    write_config(home, "'${FEED}'")
    out = str(tmp_path / "out")
    done = tomdich("run", home / "c.yaml", "--outputs", out, cwd=elsewhere, FEED="feed.jsonl")
    assert done.returncode == 0, done.stderr
    published_config = store.find(tmp_path / "out", "c").folder / "config.yaml"
    assert str(home / "feed.jsonl") not in published_config.read_text(encoding="utf-8")
    for feed, ids in (("feed.jsonl", ["a1"]), (str(elsewhere / "feed.jsonl"), ["a2"])):
        again = str(tmp_path / "again")
        done = tomdich("run", published_config, "--outputs", again, cwd=elsewhere, FEED=feed)
        assert done.returncode == 0, done.stderr
        assert [row.id for row in rows(store.find(tmp_path / "again", "c"))] == ids


@pytest.mark.parametrize(("on_disk", "typed"), FORMS)
def test_files_of_a_stage_are_found_in_either_normal_form(tmp_path: Path, on_disk: Form, typed: Form) -> None:
    folder = tmp_path / unicodedata.normalize(on_disk, "tòa soạn")
    folder.mkdir()
    for name in ("thuật ngữ.csv", "sửa.jsonl"):
        (folder / unicodedata.normalize(on_disk, name)).write_text("vi,en\n" if "csv" in name else "", encoding="utf-8")
    (folder / unicodedata.normalize(on_disk, "mô hình")).mkdir()
    write_config(tmp_path, "feed.jsonl")
    place = unicodedata.normalize(typed, "tòa soạn")
    config = configs.load(
        tmp_path / "c.yaml",
        (
            f"translate.terms={place}/{unicodedata.normalize(typed, 'thuật ngữ.csv')}",
            f"translate.corrections={place}/{unicodedata.normalize(typed, 'sửa.jsonl')}",
            f"translate.model=./{place}/{unicodedata.normalize(typed, 'mô hình')}",
            f"memo={unicodedata.normalize(typed, 'bộ nhớ')}",  # not there: it stays as it is typed
        ),
    )
    for path in (config.translate.terms, config.translate.corrections, config.translate.model):
        assert path is not None
        assert Path(path).exists()
    assert config.memo == str(tmp_path / unicodedata.normalize(typed, "bộ nhớ"))


@pytest.mark.parametrize("folder", ["tin [1]", "a*b", "what?"])
@pytest.mark.usefixtures("no_messages")
def test_a_dataset_in_a_folder_with_signs_of_patterns(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder / "data").mkdir(parents=True)
    write_feed(tmp_path / folder / "data" / "train.jsonl", [article(1)])
    source = Source(dataset=str(tmp_path / folder))
    files: list[sources.SourceFile] = []
    (found,) = sources.read(source, exclude=ALL, on_file=files.append)
    assert isinstance(found, Article)
    assert (found.text, found.source.path) == (TEXT, f"{tmp_path / folder}#train")
    assert [file.records for file in files] == [1]
    (tmp_path / folder / "data" / "train.jsonl").unlink()
    with pytest.raises(SourceError) as error:
        list(sources.read(source, exclude=ALL, on_file=files.append))
    assert str(tmp_path / folder) in str(error.value)
    assert "tomdich-" not in str(error.value)


def test_an_empty_path_from_the_environment_is_named(tmp_path: Path) -> None:
    write_config(tmp_path, "'${FEED}'")
    done = tomdich("run", "c.yaml", cwd=tmp_path, FEED="")
    assert done.returncode == 2
    assert "${FEED}: is empty in the environment; set it to the path of a file or folder" in done.stderr


def test_a_server_that_cannot_be_reached_is_no_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"feed\.jsonl: cannot be reached: .*is the address right") as error:
        read("http://127.0.0.1:9/feed.jsonl")
    assert "no such file" not in str(error.value)


def test_check_names_what_is_missing_once(tmp_path: Path) -> None:
    write_config(tmp_path, "feeds/*.jsonl")
    done = tomdich("check", "c.yaml", cwd=tmp_path)
    assert done.stdout.count("feeds/*.jsonl") == 1
    assert done.stdout.count("nothing matches") == 1


def test_an_id_is_one_id_in_either_normal_form(tmp_path: Path) -> None:
    name = "bài-viết-1"
    path = write_feed(
        tmp_path / "a.jsonl",
        [article(n) | {"id": unicodedata.normalize(form, name)} for n, form in enumerate(BOTH)],
    )
    assert [one.id for one in read(path)] == [name, name]


def night(tmp_path: Path, *feed: dict[str, Any]) -> store.Version:
    write_feed(tmp_path / "feed.jsonl", feed)
    write_config(tmp_path, "feed.jsonl")
    app(["run", str(tmp_path / "c.yaml"), "--outputs", str(tmp_path / "out")], standalone_mode=False)
    return store.find(tmp_path / "out", "c")


def test_forget_takes_an_id_in_either_normal_form(tmp_path: Path) -> None:
    version = night(tmp_path, article(1) | {"id": "bài-1"}, article(2))
    typed = unicodedata.normalize("NFD", "bài-1")
    forget(tmp_path / "out", typed, delete=True, wait=0)
    assert [row.id for row in rows(version)] == ["a2"]


def test_forget_leaves_alone_and_names_what_is_linked_from_elsewhere(tmp_path: Path, messages: list[str]) -> None:
    version = night(tmp_path, article(1), article(2))
    archive = tmp_path / "archive"
    version.folder.rename(archive)
    version.folder.symlink_to(archive)
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}
    found = forget(tmp_path / "out", "a1", delete=True, wait=0)
    assert found.holdings == []
    assert any(f"is a link to {archive}; it holds the article and is left alone" in line for line in messages)
    assert {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()} == before


def test_prune_leaves_alone_and_names_what_is_linked_from_elsewhere(tmp_path: Path, messages: list[str]) -> None:
    versions = [published(tmp_path / "out", text=str(number)) for number in range(4)]
    linked, holding = versions[0].folder, versions[1].folder
    archive = tmp_path / "archive"
    linked.rename(archive)
    linked.symlink_to(archive)
    (tmp_path / "elsewhere").write_text("kept")
    (holding / "data" / "link").symlink_to(tmp_path / "elsewhere")
    gone = prune(tmp_path / "out", "night", keep=1, delete=True, wait=0)
    assert [version.folder for version, _ in gone] == [versions[2].folder]
    assert json.loads((archive / "manifest.json").read_text())["recipe"]
    assert (tmp_path / "elsewhere").read_text() == "kept"
    assert [line.partition(":")[0] for line in messages] == [str(linked), str(holding / "data" / "link")]
    assert all("left alone: remove it by hand" in line for line in messages)


def test_a_staging_folder_that_is_a_link_is_an_error_that_says_so(tmp_path: Path) -> None:
    version = published(tmp_path / "out")
    (tmp_path / "disk").mkdir()
    staging = version.folder.parent / ".staging"
    staging.symlink_to(tmp_path / "disk")
    with pytest.raises(WorldError, match=r"\.staging: is a link to .*disk, and versions are renamed within one file"):
        published(tmp_path / "out")
