"""`rate`: a blinded sheet of two versions, rated in Chromium and in a spreadsheet, and what the raters said."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.export import rating
from pipeline.export.rating import reading
from pipeline.storage.versions import Version
from tests.conftest import article, tomdich_in_process
from tests.published import edit, publish

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FEED = [article(number) for number in range(12)]


def translated(letter: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"translation": "same" if row["id"] in {"a0", "a1"} else f"{letter}: {row['id']}"}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Version]:
    """Two versions of twelve articles; the texts of the first two are equal."""
    folder = tmp_path_factory.mktemp("rated")
    first = publish(folder, FEED)
    second = publish(folder, FEED, translate={"model": "fake", "engine": "fake", "prefix": "en: "})
    for letter, version in (("A", first), ("B", second)):
        edit(version, partial(translated, letter))
    return first, second


def rate(versions: tuple[Version, Version], cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return tomdich_in_process("rate", *(one.folder for one in versions), *arguments, cwd=cwd)


def sheet(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, verdicts: dict[str, str], *, rater: str = "", delimiter: str = ",") -> Path:
    """Write the CSV of a rater: verdicts by item."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["item", "verdict", "rater"])
        writer.writerows([item, verdict, rater] for item, verdict in verdicts.items())
    return path


def prefer(versions: tuple[Version, Version], letters: str) -> dict[str, str]:
    """Return the verdicts that prefer A, B or neither (T), for the records a2, a3, … in turn."""
    found = {}
    for number, letter in enumerate(letters, 2):
        left = rating.a_is_left(*versions, f"a{number}")
        verdict = "tie" if letter == "T" else "left" if (letter == "A") == left else "right"
        found[rating.item_of(*versions, f"a{number}")] = verdict
    return found


def test_a_sheet_has_the_pairs_that_differ_and_does_not_say_which_side_is_which(
    versions: tuple[Version, Version], tmp_path: Path
) -> None:
    done = rate(versions, tmp_path)
    page, table = (tmp_path / line for line in done.stdout.split())
    assert page.with_suffix(".csv") == table
    items = sheet(table)
    assert len(items) == 10  # of twelve, two have the same texts
    sides = {(one["left translation"][0], one["right translation"][0]) for one in items}
    assert sides == {("A", "B"), ("B", "A")}
    assert all(one["left translation"][3:] == one["right translation"][3:] for one in items)
    for written in (page.read_text(encoding="utf-8"), table.read_text(encoding="utf-8")):
        for version in versions:
            assert version.folder.name not in written
            assert version.manifest["recipe"][:8] not in written
    again = tmp_path / "again.html"
    rate(versions, tmp_path, "-o", again)
    assert again.read_bytes() == page.read_bytes()


def test_a_sample_depends_on_the_seed(versions: tuple[Version, Version], tmp_path: Path) -> None:
    samples = []
    for seed in ("0", "0", "1"):
        rate(versions, tmp_path, "--sample", "4", "--seed", seed, "-o", tmp_path / "x.html")
        samples.append([one["item"] for one in sheet(tmp_path / "x.csv")])
    assert samples[0] == samples[1] != samples[2]
    assert [len(one) for one in samples] == [4, 4, 4]


def test_what_raters_said_is_counted_for_the_versions(versions: tuple[Version, Version], tmp_path: Path) -> None:
    lan = fill(tmp_path / "1.csv", prefer(versions, "BBBBBAATTB"), rater="Lan")
    hoa = fill(tmp_path / "hoa.csv", prefer(versions, "BBBBAAAT"), delimiter=";")  # as Excel saves it here and there
    found = json.loads(rate(versions, tmp_path, "--read", lan, "--read", hoa, "--to", "json").stdout)
    assert found["raters"] == [{"name": "Lan", "a": 2, "tie": 2, "b": 6}, {"name": "hoa", "a": 3, "tie": 1, "b": 4}]
    assert found["total"] == {"name": "all", "a": 5, "tie": 3, "b": 10}
    assert (found["records"], found["both"], found["equal"]) == (10, 8, 2)
    # by record: 1 1 1 1 0 -1 -1 0 0 1
    assert found["preference"] == pytest.approx(30)
    assert found["low"] < 10
    assert 50 < found["high"] <= 100
    assert found["alpha_nominal"] == pytest.approx(1 - 15 * 2 / (2 * (9 * 5 + 9 * 2 + 5 * 2)))  # one of eight differs
    text = rate(versions, tmp_path, "--read", lan, "--read", hoa).stdout
    assert "B − A: +30.0 % of the records [" in text
    assert f"A: {versions[0].name}, B: {versions[1].name}; n = 10 records" in text
    assert r"\toprule" in rate(versions, tmp_path, "--read", lan, "--to", "latex").stdout


def test_the_versions_may_be_named_in_the_other_order(versions: tuple[Version, Version], tmp_path: Path) -> None:
    path = fill(tmp_path / "1.csv", prefer(versions, "BBBBBBBBBA"))
    there, back = (reading.read(*pair, [path]) for pair in (versions, versions[::-1]))
    assert (there.total.a, there.total.b) == (back.total.b, back.total.a) == (1, 9)
    assert there.alpha_nominal is None


def test_the_last_of_two_verdicts_counts_and_is_told(versions: tuple[Version, Version], tmp_path: Path) -> None:
    first = fill(tmp_path / "1.csv", prefer(versions, "A"), rater="Lan")
    second = fill(tmp_path / "2.csv", prefer(versions, "B"), rater="Lan")
    found = reading.read(*versions, [first, second])
    assert (found.total.a, found.total.b) == (0, 1)
    assert found.notes == (f"{second}:2: Lan had rated a2 otherwise before; the last verdict counts",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("item,verdict\nabc,left\n", "item 'abc' is not of a sheet of"),
        ("item,verdict\n{item},best\n", "verdict 'best'; the column takes left, tie and right, or nothing"),
        ("item,verdict\n{item},\n", "no verdict in"),
        ("id,verdict\n", "has no column item"),
        ("", "has no column item and verdict"),
    ],
)
def test_a_wrong_sheet_is_named(versions: tuple[Version, Version], tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(content.replace("{item}", rating.item_of(*versions, "a2")), encoding="utf-8")
    done = rate(versions, tmp_path, "--read", path)
    assert done.returncode == 2
    assert said in done.stderr
    assert str(path) in done.stderr


def test_there_must_be_something_to_rate(versions: tuple[Version, Version], tmp_path: Path) -> None:
    done = rate((versions[0], versions[0]), tmp_path)
    assert done.returncode == 2
    assert "no article with different texts in common (12 with the same texts)" in done.stderr
    assert "name the page FILE.html" in rate(versions, tmp_path, "-o", tmp_path / "x.csv").stderr
    assert "No such file" in rate(versions, tmp_path, "--read", tmp_path / "none.csv").stderr


# In the browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = running.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def test_a_page_is_rated_by_keys_keeps_its_state_and_saves_what_is_read(
    browser: Any, versions: tuple[Version, Version], tmp_path: Path
) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    second = edit(versions[1], lambda row: {"title": hostile} if row["id"] == "a5" else {})
    page_file, table = rating.write(versions[0], second, sample=100, seed=0, output=tmp_path / "sheet.html")
    items = sheet(table)
    page = browser.new_context(accept_downloads=True).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]")
    shown = [page.inner_text("#left p:last-child"), page.inner_text("#right p:last-child")]
    assert shown == [items[0]["left translation"], items[0]["right translation"]]
    page.fill("#rater", "Lan Anh")
    page.keyboard.press("Escape")
    for key in "13231":
        page.keyboard.press(key)
    page.keyboard.press("ArrowLeft")  # at the fifth pair
    page.keyboard.press("n")
    page.keyboard.type('both "fine", 123')
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    assert page.inner_text("#progress") == "pair 6 of 10, 5 rated"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#progress") == "pair 6 of 10, 5 rated"
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("[data-verdict=tie]", "aria-pressed") == "true"
    assert page.input_value("#note") == 'both "fine", 123'
    page.click("#next")
    page.click("[data-verdict=right]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("0")  # takes it back
    with page.expect_download() as download:
        page.click("#save")
    saved = tmp_path / "saved.csv"
    download.value.save_as(saved)
    assert download.value.suggested_filename.endswith("-Lan-Anh.csv")
    assert [(one["item"], one["verdict"], one["rater"], one["note"]) for one in sheet(saved)] == [
        (item["item"], verdict, "Lan Anh", note)
        for item, verdict, note in zip(
            items, ["left", "right", "tie", "right", "tie"], ["", "", "", "", 'both "fine", 123'], strict=False
        )
    ]
    assert reading.read(versions[0], second, [saved]).records == 5
    assert complaints == []
    page.context.close()
