"""Human rating of two versions: write a blinded sheet, and read what the raters said.

A sheet is a page and a CSV with the same items: an article and the texts of both versions, left and right. A digest of
both versions' recipes and of the record's id decides which version is on the left. So the sheet does not say it, equal
commands write equal sheets, every rater sees the same sides, and reading needs no other file. Records with equal texts
are not rated.
"""

from __future__ import annotations

import base64
import codecs
import csv
import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import UsageError
from pipeline.export import output_file
from pipeline.ids import text_digest
from pipeline.records import JSON
from pipeline.storage.rows import Readable, rows, translates_first
from pipeline.text.sanitize import cell, visible

VERDICTS = ("left", "tie", "right")
COLUMNS = ("item", "verdict", "rater", "note")  # of a CSV that is read; the sheet has the texts behind them
FIELDS = ("title_translation", "summary", "translation")
_NAMES = {"title_translation": "headline", "summary": "summary", "translation": "translation"}
_ID = 12  # hexadecimal digits of an item


@dataclass(frozen=True, slots=True)
class RatedTexts:
    """What a rater sees of a record: a projection."""

    id: str
    text_sha256: str
    article: str
    title: str = ""
    title_translation: str = ""
    summary: str = ""
    translation: str = ""

    def texts(self, fields: Sequence[str]) -> dict[str, str]:
        """Return these texts of the models, by field."""
        return {field: getattr(self, field) for field in fields}


@dataclass(frozen=True, slots=True)
class Pairs:
    """The records of both versions with the same article, by the id of their item."""

    differing: Mapping[str, str]  # item → the record's id
    equal: int  # with the same texts in both


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One record of a sheet."""

    item: str
    title: str
    article: str
    left: Mapping[str, str]
    right: Mapping[str, str]


def item_of(a: Readable, b: Readable, record: str) -> str:
    """Return the id under which a sheet of two versions, in either order, has a record."""
    return text_digest("\n".join((*sorted((a.name, b.name)), record)))[:_ID]


def a_is_left(a: Readable, b: Readable, record: str) -> bool:
    """Return whether a sheet shows the texts of `a` on the left; half of the records, and `b` on the others."""
    recipes = sorted((one.manifest["recipe"], one.name) for one in (a, b))
    first_is_left = int(text_digest(json.dumps([recipes, record])), 16) % 2 == 0
    return first_is_left == ((a.manifest["recipe"], a.name) == recipes[0])


def _shown(a: Readable, b: Readable) -> tuple[str, ...]:
    """Return the fields that raters see: no Vietnamese summary that one side alone has, so that the sheet is blind."""
    return FIELDS if translates_first(a) == translates_first(b) else tuple(one for one in FIELDS if one != "summary")


def pairs(a: Readable, b: Readable) -> Pairs:
    """Return the records that both versions have of the same article; of `a` a digest of each is in memory."""
    fields = _shown(a, b)
    texts = {one.id: (one.text_sha256, _digest(one, fields)) for one in rows(a, RatedTexts)}
    differing: dict[str, str] = {}
    equal = 0
    for one in rows(b, RatedTexts):
        sha, digest = texts.get(one.id, ("", ""))
        if sha == one.text_sha256 and digest == _digest(one, fields):
            equal += 1
        elif sha == one.text_sha256:
            differing[item_of(a, b, one.id)] = one.id
    return Pairs(differing, equal)


def write(a: Readable, b: Readable, *, sample: int, seed: int, output: Path | None) -> tuple[Path, Path]:
    """Write a sheet of `sample` records as a page and as a CSV beside it; return both paths.

    `output`: the page; by default a new file in the current folder. Raises `UsageError` where no record of both has
    other texts.
    """
    found = pairs(a, b)
    if not found.differing:
        raise UsageError(
            f"rate: {a.name} and {b.name} have no article with different texts in common ({found.equal} with the same "
            "texts): there is nothing to rate"
        )
    chosen = random.Random(seed).sample(sorted(found.differing), min(sample, len(found.differing)))  # noqa: S311
    items = list(_items(a, b, {found.differing[item]: item for item in chosen}, order=chosen))
    sheet = text_digest("\n".join(chosen))[:_ID]
    page = output or Path(f"rating-{sheet}.html")
    if page.suffix != ".html":
        raise UsageError(f"-o {page}: name the page FILE.html; the CSV goes beside it as FILE.csv")
    fill = partial(_fill_page, items=items, sheet=sheet)
    return (
        output_file.write(a, page, ending="html", fill=fill),
        output_file.write(a, page.with_suffix(".csv"), ending="csv", fill=partial(_fill_csv, items=items)),
    )


def _items(a: Readable, b: Readable, chosen: Mapping[str, str], *, order: Sequence[str]) -> Iterator[_Item]:
    fields = _shown(a, b)
    first = {one.id: one for one in rows(a, RatedTexts) if one.id in chosen}
    second = {one.id: one for one in rows(b, RatedTexts) if one.id in chosen}
    records = {item: record for record, item in chosen.items()}
    for item in order:
        record = records[item]
        sides = first[record].texts(fields), second[record].texts(fields)
        left, right = sides if a_is_left(a, b, record) else reversed(sides)
        one = first[record]
        yield _Item(item=item, title=one.title, article=one.article, left=left, right=right)


def _digest(one: RatedTexts, fields: Sequence[str]) -> str:
    return text_digest(json.dumps(one.texts(fields)))


# Writing


def _fill_page(file: BinaryIO, *, items: Sequence[_Item], sheet: str) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = ("\n" + (here / name).read_text(encoding="utf-8") for name in ("rating.css", "rating.js"))
    facts: dict[str, JSON] = {
        "sheet": sheet,
        "columns": COLUMNS,
        "names": _NAMES,
        "items": [asdict(one) for one in items],
    }
    page = environment.get_template("rating.html.j2").render(
        count=len(items),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        facts=json.dumps(facts, ensure_ascii=True).replace("<", "\\u003c"),  # nothing in it ends the script element
    )
    file.write(page.encode())


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _fill_csv(file: BinaryIO, *, items: Sequence[_Item]) -> None:
    writer = csv.writer(codecs.getwriter("utf-8-sig")(file))
    fields = tuple(items[0].left)
    sides = [f"{side} {_NAMES[field]}" for side in ("left", "right") for field in fields]
    writer.writerow([*COLUMNS, "title", "article", *sides])
    for one in items:
        texts = [side[field] for side in (one.left, one.right) for field in fields]
        writer.writerow([one.item, "", "", "", *(cell(visible(text)) for text in (one.title, one.article, *texts))])
