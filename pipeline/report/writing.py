"""Write the report: compressed records in parts, and the page that shows them.

Records are gathered into pages of about a mebibyte, each compressed (zlib, which browsers inflate themselves:
`DecompressionStream`, in every browser since 2023) and written in base64 into a `<script>` that is not run. A page has
two parts. *Listed* is what searching, sorting and checking need, read when the report opens; *opened* holds the
articles, most of the bytes, and is inflated when one of its records is looked at. Held records come first, so that they
are there first.

How much goes into the one file: `INLINE_BYTES`, some 15,000 articles of 3,000 characters; mail takes about half of it.
Past it the articles go into `report-data/` beside the report, as scripts, because a page opened from a disk may load
nothing else; past it again the listed part goes there too. A browser tab has an end as well: beyond `MOST_RECORDS` the
report holds the held records and the first of the others, and says so.

Near copies of one story are found among the first `MOST_COMPARED` records, for which `near_duplicates` takes 8 kB and
0.7 ms each.

Memory: a page, the counts, and what the near copies take. 10,000 records of 3,000 characters: 21.7 MB, written in 2.1 s
of processor time and some 7 s for the near copies. Opened on two cores at a load of nine (Chromium 156, eight times):
the first rows after 0.3 to 0.7 s, all of them after 1.0 to 3.0 s, 1.8 in the middle; scrolling at the screen's rate.
`python -m tests.benchmarks.report_page` prints the like.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO

from pipeline.progress import duration
from pipeline.records import JSON, Failure, PublishedRow
from pipeline.report import charts
from pipeline.report.rows import listed, opened
from pipeline.storage.versions import version_time
from pipeline.tally import Tally, group_failures
from pipeline.text import near_duplicates

FILE = "report.html"
FOLDER = "report-data"
INLINE_BYTES = 32_000_000  # of base64
MOST_RECORDS = 100_000
MOST_COMPARED = 20_000
PAGE_CHARACTERS = 1_000_000
_LEVEL = 4  # the press packs 3.2 to one; level 6 makes that 3.5 in three times the time, level 1 2.7 in half of it
_HERE = Path(__file__).parent
STYLE = _HERE / "report.css"
_SCRIPTS = ("text.js", "pages.js", "decisions.js", "search.js", "report.js")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Part:
    """Compressed bytes in the spool."""

    id: str
    start: int
    length: int

    @property
    def encoded(self) -> int:
        """Bytes in base64."""
        return (self.length + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class _Page:
    records: int
    listed: _Part
    opened: _Part


@dataclass(slots=True)
class _Pages:
    """Pages in the making: rows go in, compressed pages come out at the end of the spool."""

    name: str
    spool: IO[bytes]
    digest: hashlib._Hash  # of all that goes into the spool
    done: list[_Page] = field(default_factory=list)
    _listed: list[str] = field(default_factory=list)
    _opened: list[str] = field(default_factory=list)
    _size: int = 0

    def add(self, in_list: dict[str, JSON], in_full: dict[str, JSON]) -> None:
        self._listed.append(_json(in_list))
        self._opened.append(_json(in_full))
        self._size += len(self._listed[-1]) + len(self._opened[-1])
        if self._size >= PAGE_CHARACTERS:
            self.close()

    def close(self) -> None:
        """Compress what was gathered."""
        if not self._listed:
            return
        name = f"{self.name}-{len(self.done):03}"
        count = len(self._listed)
        self.done.append(_Page(count, self._part(f"{name}-list", self._listed), self._part(name, self._opened)))
        self._size = 0

    def _part(self, name: str, items: list[str]) -> _Part:
        packed = zlib.compress(f"[{','.join(items)}]".encode(), _LEVEL)
        items.clear()
        start = self.spool.tell()
        self.spool.write(packed)
        self.digest.update(packed)
        return _Part(name, start, len(packed))


def write(
    folder: Path,
    *,
    manifest: dict[str, JSON],
    rows: Iterable[PublishedRow],
    failures: Iterable[Failure],
    made: datetime | None = None,
    inline_bytes: int = INLINE_BYTES,
    most_records: int = MOST_RECORDS,
    most_compared: int = MOST_COMPARED,
) -> Tally:
    """Write `folder`/report.html, and report-data/ beside it for what does not fit; return the counts over `rows`.

    `manifest` is the version's, as far as it is known: without `version` the report is dated `made`, by default now.
    """
    tally = Tally()
    sources = [source["path"] for source in manifest.get("sources", ())]
    second = manifest.get("models", {}).get("repair", {}).get("name", "")
    with tempfile.TemporaryFile(dir=folder) as spool:
        digest = hashlib.sha256(str(manifest["name"]).encode())
        held, clean = _Pages("held", spool, digest), _Pages("rest", spool, digest)

        def packed() -> Iterator[near_duplicates.Story]:
            """Pack every row; yield what the first ones are compared by."""
            for order, row in enumerate(rows):
                tally.add(row)
                group = held if row.status == "hold" else clean
                group.add(listed(row, order=order, sources=sources, second=second), opened(row))
                if order < most_compared:
                    yield near_duplicates.Story(row.id, row.article, row.published)

        copies = _near_copies(near_duplicates.leads(packed()))
        held.close()
        clean.close()
        pages = _first([*held.done, *clean.done], most_records)
        lists, texts = [page.listed for page in pages], [page.opened for page in pages]
        lists_fit = _size(lists) <= inline_bytes
        texts_fit = lists_fit and _size(lists) + _size(texts) <= inline_bytes
        beside = [*([] if lists_fit else lists), *([] if texts_fit else texts)]
        for part in beside:
            _write_beside(folder, part, read=_reader(spool))
        shown = sum(page.records for page in pages)
        facts = {
            "pages": [page.opened.id for page in pages],
            "beside": {"list": not lists_fit, "text": not texts_fit},
            "folder": FOLDER,
            "shown": shown,
            "digest": digest.hexdigest(),  # of the records: what the page keeps in the browser is kept under it
            "copies": copies,
        }
        template().stream(
            facts=facts,
            tally=tally,
            shown=shown,
            compared=min(tally.records, most_compared),
            missing=group_failures(failures),
            manifest=manifest,
            when=_when(manifest, made or datetime.now(UTC)),
            figures=[
                charts.histogram("Article length", tally.article_words, unit="words"),
                *(
                    [
                        charts.histogram("Summary length", _without_empty(tally.summary_words), unit="words"),
                        charts.histogram("Compression", tally.percents, unit="% of the article"),
                    ]
                    if tally.summary_words or not tally.records
                    else [
                        charts.histogram(
                            "English summary length", _without_empty(tally.translation_words), unit="words"
                        )
                    ]
                ),
            ],
            by_check=charts.by_check(tally.flags),
            charts=charts,
            lists=lists if lists_fit else [],
            texts=texts if texts_fit else [],
            read=_reader(spool),
            style=_Asset(STYLE.name),
            scripts=[_Asset(name) for name in _SCRIPTS],
        ).dump(str(folder / FILE), encoding="utf-8", errors="replace")
    return tally


class _Asset:
    """A file of this package as it is in the page, and its hash for the content security policy."""

    def __init__(self, name: str) -> None:
        self.text = "\n" + (_HERE / name).read_text(encoding="utf-8")
        self.hash = "sha256-" + base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()


@cache
def template() -> JSON:
    """Return the page's template, compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["duration"] = duration
    environment.filters["units"] = "{:.1f}".format
    return environment.get_template("report.html.j2")


def _first(pages: Iterable[_Page], records: int) -> list[_Page]:
    """Return whole pages from the first on, of `records` at most, but one."""
    kept: list[_Page] = []
    count = 0
    for page in pages:
        count += page.records
        if kept and count > records:
            break
        kept.append(page)
    return kept


def _near_copies(leads: Mapping[str, str]) -> list[list[str]]:
    """Return the ids of the records that are near copies of each other, each group with its lead first."""
    groups: dict[str, list[str]] = {}
    for id_, lead in leads.items():
        group = groups.setdefault(lead, [lead])
        if id_ != lead:
            group.append(id_)
    return [group for group in groups.values() if len(group) > 1]


def _write_beside(folder: Path, part: _Part, *, read: Callable[[_Part], str]) -> None:
    path = folder / FOLDER / f"{part.id}.js"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'tomdichPage("{part.id}","{read(part)}");\n', encoding="ascii")


def _reader(spool: IO[bytes]) -> Callable[[_Part], str]:
    def read(part: _Part) -> str:
        spool.seek(part.start)
        return base64.b64encode(spool.read(part.length)).decode("ascii")

    return read


def _without_empty(lengths: Counter[int]) -> Counter[int]:
    return Counter({length: count for length, count in lengths.items() if length})


def _size(parts: Iterable[_Part]) -> int:
    return sum(part.encoded for part in parts)


def _json(value: JSON) -> str:
    """Return compact JSON; half a surrogate pair, which no UTF-8 holds, becomes the replacement character."""
    return _SURROGATE.sub("�", json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _when(manifest: dict[str, JSON], made: datetime) -> datetime:
    return version_time(manifest.get("version") or "") or made.astimezone(UTC)
