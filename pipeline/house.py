"""What a newsroom says of its English: the terms of the house, and the sentences its editors have put right.

Both are files that people write and keep: `translate.terms`, a CSV (vi, en, wrong), and `translate.corrections`, the
JSON lines that the report's page gives. This module reads them and names every bad line; `checks.editing`
applies them. What they say changes what is published, so their contents are in the recipe, wherever they lie.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.text import press_tone

if TYPE_CHECKING:
    from pipeline.records import JSON

_COLUMNS = ("vi", "en", "wrong", "note")  # note: for people, not read
_WRONG_SEPARATOR = "|"
_CORRECTION = ("vi", "en", "by", "at")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Term:
    """A Vietnamese term, what the house calls it in English, and known renderings that it does not want."""

    vi: str
    en: str
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """A sentence or headline as an editor wants it, and who said so when."""

    vi: str
    en: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class House:
    """The terms and the corrections, by `sentence_key`; `digests`: SHA-256 of the files' bytes, by their field."""

    terms: tuple[Term, ...] = ()
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


def read(terms: str | None, corrections: str | None) -> House:
    """Return what the files at these absolute paths say; raises `ConfigError` naming file, line and field."""
    digests: dict[str, str] = {}
    found: tuple[Term, ...] = ()
    kept: dict[str, Correction] = {}
    if terms is not None:
        text, digests["terms"] = _text(Path(terms), "translate.terms")
        found = tuple(_terms(text, terms))
    if corrections is not None:
        text, digests["corrections"] = _text(Path(corrections), "translate.corrections")
        kept = _newest(_corrections(text, corrections))
    return House(found, kept, digests)


def sentence_key(text: str) -> str:
    """Return what is equal for equal Vietnamese sentences: NFC, tones where the press puts them, single spaces."""
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
    """Yield the terms of a CSV; commas, semicolons (what Excel writes in half of the world) or tabs between cells."""
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
            raise ConfigError(f"{where}: vi: “{term.vi}” stands in line {first[key]} already; one of them must go")
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
        raise ConfigError(f"{where}: wrong: “{en}” is what `en` asks for")
    return Term(vi, en, wrong)


def _corrections(text: str, path: str) -> Iterator[Correction]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ConfigError(f"{where}: not valid JSON; every line is one correction as the report gives it") from None
        if not isinstance(row, dict):
            raise ConfigError(f"{where}: not a correction; it needs {', '.join(_CORRECTION)}")
        yield Correction(*(_said(row, name, where) for name in _CORRECTION))


def _said(row: dict[str, JSON], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where}: {name}: {'is missing' if value is None else 'must be a text that is not empty'}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # JSON can hold halves of pairs, which no file can
        raise ConfigError(f"{where}: {name}: holds half of a character; save the line again from the report")
    if name == "at":
        try:
            _moment(value)
        except ValueError:
            raise ConfigError(f"{where}: at: {value!r} is no time; write it as 2026-11-23T09:30:00+07:00") from None
    return " ".join(value.split())


def _moment(at: str) -> datetime:
    """Return an ISO 8601 time; one without a zone counts as UTC."""
    moment = datetime.fromisoformat(at.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _newest(corrections: Iterator[Correction]) -> dict[str, Correction]:
    """Return the correction of each sentence that was made last; of two made at one time the later line."""
    kept: dict[str, Correction] = {}
    for one in corrections:
        key = sentence_key(one.vi)
        if key not in kept or _moment(one.at) >= _moment(kept[key].at):
            kept[key] = one
    return kept
