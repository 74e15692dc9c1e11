"""`push`: a version becomes a commit and a tag of a dataset repository, private unless asked otherwise."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.storage import versions
from tests import hub as lookalike
from tests.conftest import article, tomdich
from tests.hub_datasets import READ_ONLY, TOKEN, DatasetHub, Datasets
from tests.published import publish

REPO = "someone/night"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> versions.Version:
    return publish(tmp_path_factory.mktemp("push"), [article(number) for number in range(3)])


@pytest.fixture
def hub() -> Iterator[DatasetHub]:
    with lookalike.running(DatasetHub(), serving=Datasets) as running:
        assert isinstance(running, DatasetHub)
        yield running


@pytest.fixture
def push(
    hub: DatasetHub, published: versions.Version, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that pushes in a process of its own: HF_ENDPOINT is read at import."""

    def run(*arguments: str, version: str = "night", **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
        outputs = str(published.folder.parents[1])
        return tomdich("push", version, REPO, "--outputs", outputs, *arguments, cwd=tmp_path, **own | environment)

    return run


def files(version: versions.Version) -> dict[str, bytes]:
    paths = [path for path in version.folder.rglob("*") if path.is_file()]
    return {path.relative_to(version.folder).as_posix(): path.read_bytes() for path in paths}


def test_a_version_is_a_commit_with_its_name_as_tag_in_a_private_repository(
    hub: DatasetHub, push: Callable[..., Any], published: versions.Version
) -> None:
    done = push()
    assert done.returncode == 0, done.stderr
    tag = published.folder.name
    assert done.stdout == f"{hub.url}/datasets/{REPO}/tree/{tag}\n"
    assert "pushed" in done.stderr
    dataset = hub.datasets[REPO]
    assert dataset.private
    there = dataset.commits[dataset.tags[tag]]
    assert {name: content for name, content in there.items() if name != ".gitattributes"} == files(published)
    assert there["README.md"].startswith(b"---\nlanguage: [vi, en]\nconfigs:")
    commits = list(dataset.commits)
    again = push(version=f"night/{tag}")
    assert again.returncode == 0, again.stderr
    assert "nothing changed, already pushed" in again.stderr
    assert again.stdout == done.stdout
    assert list(dataset.commits) == commits


def test_the_main_branch_is_the_version_that_was_pushed_last(
    hub: DatasetHub, push: Callable[..., Any], published: versions.Version
) -> None:
    push()
    dataset = hub.datasets[REPO]
    tag = published.folder.name
    earlier = dict(dataset.commits[dataset.main]) | {"data/articles-00001.parquet": b"more", "README.md": b"old"}
    dataset.commits["a" * 40] = earlier
    dataset.tags = {"20200101T000000Z-aaaaaaaa": "a" * 40}
    assert push().returncode == 0
    assert {name for name in dataset.commits[dataset.main] if name != ".gitattributes"} == set(files(published))
    assert dataset.tags[tag] == dataset.main
    assert dataset.commits["a" * 40]["README.md"] == b"old"


@pytest.mark.parametrize("at", ["/objects/", "/commit/", "/tag/"])
def test_a_push_that_was_cut_off_shows_no_tag_and_is_completed_by_the_same_command(
    hub: DatasetHub, push: Callable[..., Any], published: versions.Version, at: str
) -> None:
    hub.fail = at
    done = push()
    assert done.returncode == 1
    assert "push again: what the hub has is not sent twice" in done.stderr
    assert not hub.datasets[REPO].tags
    hub.fail = ""
    assert push().returncode == 0
    dataset = hub.datasets[REPO]
    assert dataset.tags == {published.folder.name: dataset.main}
    assert len(dataset.commits) == 2  # the first is the repository's own


def test_a_public_repository_is_asked_for(hub: DatasetHub, push: Callable[..., Any]) -> None:
    assert push("--public").returncode == 0
    assert not hub.datasets[REPO].private
    refused = push()
    assert refused.returncode == 2
    assert f"{REPO}: is public, and everyone could read the articles; give --public" in refused.stderr
    assert push("--public").returncode == 0


def test_a_tag_that_holds_another_content_is_refused(
    hub: DatasetHub, push: Callable[..., Any], published: versions.Version
) -> None:
    push()
    dataset = hub.datasets[REPO]
    manifest = json.loads(dataset.commits[dataset.main]["manifest.json"])
    dataset.commits[dataset.main]["manifest.json"] = json.dumps(manifest | {"withdrawn": []}).encode()
    refused = push()
    assert refused.returncode == 2
    assert f"has the tag {published.folder.name} with another content" in refused.stderr


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"HF_TOKEN": ""}, 2, "there is no token for the hub; log in with `hf auth login`, or set HF_TOKEN"),
        ({"HF_TOKEN": "hf_wrong"}, 2, "the hub does not accept the token"),
        ({"HF_TOKEN": READ_ONLY}, 2, "the token may not write there (your token has no write access)"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, 1, "the hub cannot be reached"),
        ({"HF_HUB_OFFLINE": "1"}, 2, "HF_HUB_OFFLINE is set; unset it to push"),
    ],
)
def test_what_keeps_from_a_push_is_said_with_the_remedy(
    hub: DatasetHub, push: Callable[..., Any], environment: dict[str, str], code: int, said: str
) -> None:
    done = push(**environment)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert done.stderr.startswith(f"error: {REPO}: ")
    assert "Traceback" not in done.stderr
    assert not any(dataset.tags for dataset in hub.datasets.values())


def test_a_damaged_version_is_not_pushed(
    hub: DatasetHub, push: Callable[..., Any], published: versions.Version
) -> None:
    report = published.folder / "report.html"
    content = report.read_bytes()
    report.write_bytes(content + b" ")
    try:
        done = push()
    finally:
        report.write_bytes(content)
    assert done.returncode == 1
    assert "report.html: changed since it was published" in done.stderr
    assert not hub.datasets
