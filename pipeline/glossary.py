"""Read the glossary: the terms of a newsroom, and the decisions of its editors.

The files are `translate.terms`, a CSV (vi, en, wrong), and `translate.corrections`, the JSON lines saved from the
report (see `corrections`). An error names the line. Loading and `checks.editing` apply them. They change what is
published, so the digests of their contents, not their paths, are part of the recipe.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pipeline.corrections import Correction, Line, Rejection, Release, Summary, moment, parse
from pipeline.errors import ConfigError
from pipeline.records import Article
from pipeline.text.normalize import press_tone

_COLUMNS = ("vi", "en", "wrong", "note")  # note: for people, ignored
_WRONG_SEPARATOR = "|"
_WORD = re.compile(r"\w")

L = TypeVar("L", Correction, Summary, Rejection, Release)
R = TypeVar("R", Summary, Rejection, Release)


@dataclass(frozen=True, slots=True)
class Term:
    """A Vietnamese term, its English term, and wrong renderings of it."""

    vi: str
    en: str
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Glossary:
    """The terms and the decisions of the editors; `digests`: SHA-256 of each file by the name of its field."""

    terms: tuple[Term, ...] = ()
    corrections: Mapping[str, Correction] = field(default_factory=dict)  # by `sentence_key`
    # by the id of the article; the newest for each of its texts
    summaries: Mapping[str, tuple[Summary, ...]] = field(default_factory=dict)
    rejections: Mapping[str, tuple[Rejection, ...]] = field(default_factory=dict)
    releases: Mapping[str, tuple[Release, ...]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def rejected_texts(self) -> dict[str, Rejection]:
        """Return the rejections by the digest of the text, so that they apply to the text under another id too."""
        return {line.text_sha256: line for lines in self.rejections.values() for line in lines}


def read(terms: str | None, corrections: str | None) -> Glossary:
    """Read the files at these absolute paths; raises `ConfigError` naming file, line and field."""
    digests: dict[str, str] = {}
    found: tuple[Term, ...] = ()
    lines: list[Line] = []
    if terms is not None:
        text, digests["terms"] = _text(Path(terms), "translate.terms")
        found = tuple(_terms(text, terms))
    if corrections is not None:
        text, digests["corrections"] = _text(Path(corrections), "translate.corrections")
        lines = list(parse(text, path=corrections))
    return Glossary(
        found,
        corrections=_newest(
            (line for line in lines if isinstance(line, Correction)), lambda line: sentence_key(line.vi)
        ),
        summaries=_by_id(line for line in lines if isinstance(line, Summary)),
        rejections=_by_id(line for line in lines if isinstance(line, Rejection)),
        releases=_by_id(line for line in lines if isinstance(line, Release)),
        digests=digests,
    )


def of_text(lines: Mapping[str, tuple[R, ...]], article: Article) -> R | None:
    """Return the decision about this text of the article, or None."""
    return next((line for line in lines.get(article.id, ()) if line.text_sha256 == article.text_sha256), None)


def sentence_key(text: str) -> str:
    """Return a key for comparing Vietnamese sentences: NFC, tone style of the press, single spaces."""
    return " ".join(press_tone(unicodedata.normalize("NFC", text)).split())


def _text(path: Path, config_field: str) -> tuple[str, str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{config_field}: {path}: cannot be read: {error.strerror}") from None
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode(), hashlib.sha256(data).hexdigest()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)") from None


def _terms(text: str, path: str) -> Iterator[Term]:
    """Yield the terms of a CSV with commas, semicolons (written by Excel in many locales) or tabs."""
    heading = text.split("\n", 1)[0]
    separator = max(",;\t", key=heading.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] = []
    first: dict[str, int] = {}
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise ConfigError(f"{path}:{rows.line_num}: not valid CSV: {error}") from None
        if cells is None:
            break
        where = f"{path}:{rows.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = _heading(cells, where)
            continue
        if len(cells) > len(columns):
            raise ConfigError(
                f"{where}: {len(cells)} cells under {len(columns)} columns; quote cells that hold `{separator}`"
            )
        term = _term(dict(zip(columns, cells, strict=False)), where)
        key = sentence_key(term.vi)
        if key in first:
            raise ConfigError(f"{where}: vi: “{term.vi}” is in line {first[key]} already; remove one of them")
        first[key] = rows.line_num
        yield term
    if not columns:
        raise ConfigError(f"{path}: is empty; its first line names the columns: vi,en,wrong")


def _heading(cells: list[str], where: str) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    for name in columns:
        if name not in _COLUMNS:
            near = difflib.get_close_matches(name, _COLUMNS, n=1)
            remedy = f"did you mean `{near[0]}`?" if near else "the first line names the columns: vi,en,wrong"
            raise ConfigError(f"{where}: no such column: `{name}`; {remedy}")
    missing = [name for name in ("vi", "en") if name not in columns]
    if missing or len(set(columns)) < len(columns):
        problem = f"no column `{missing[0]}`" if missing else "a column is named twice"
        raise ConfigError(f"{where}: {problem}; the first line names the columns: vi,en,wrong")
    return columns


def _term(cells: dict[str, str], where: str) -> Term:
    vi, en = (" ".join(unicodedata.normalize("NFC", cells.get(name, "")).split()) for name in ("vi", "en"))
    for name, value in (("vi", vi), ("en", en)):
        if not value:
            raise ConfigError(f"{where}: {name}: is empty; a term needs both vi and en")
    if not _WORD.match(vi):
        raise ConfigError(f"{where}: vi: “{vi}” must begin with a letter or a digit")
    wrong = tuple(" ".join(one.split()) for one in cells.get("wrong", "").split(_WRONG_SEPARATOR) if one.strip())
    if en in wrong:
        raise ConfigError(f"{where}: wrong: “{en}” is also the English term; remove it here")
    return Term(vi, en, wrong)


def _newest(lines: Iterable[L], key: Callable[[L], str]) -> dict[str, L]:
    """Return for each key the line with the latest time; of two with the same time, the later line."""
    kept: dict[str, L] = {}
    for line in lines:
        name = key(line)
        if name not in kept or moment(line.at) >= moment(kept[name].at):
            kept[name] = line
    return kept


def _by_id(lines: Iterable[R]) -> dict[str, tuple[R, ...]]:
    """Return by the id of the article the newest line for each of its texts, in the order of time."""
    found: dict[str, list[R]] = {}
    for one in _newest(lines, lambda line: f"{line.text_sha256} {line.id}").values():
        found.setdefault(one.id, []).append(one)
    return {name: tuple(sorted(group, key=lambda line: moment(line.at))) for name, group in found.items()}
