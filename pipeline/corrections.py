"""Parse a corrections file: the decisions of editors in the report, one JSON object a line.

A line without `action` corrects the English of one sentence or headline. The others are about a record, given by its id
and the digest of its text, so that a decision never applies to a text that the editor has not read:

    summary   a Vietnamese summary that replaces the model's and is what gets translated
    reject    the article is not to be published
    release   the record is not held for the flags that the line lists
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from pipeline.errors import ConfigError

_ACTIONS = ("sentence", "summary", "reject", "release")
_FLAG_KEY = ("check", "field", "expected", "found", "message")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Correction:
    """The English that an editor wants for a sentence or headline, with name and time."""

    vi: str
    en: str
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The Vietnamese summary that an editor wrote for one text of an article."""

    id: str
    text_sha256: str
    vi: str
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An article that an editor excludes while it has this text."""

    id: str
    text_sha256: str
    reason: str
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The flags that no longer put a record on hold, each as (check, field, expected, found, message)."""

    id: str
    text_sha256: str
    flags: tuple[tuple[str, str, str, str, str], ...]
    by: str
    at: str


Line: TypeAlias = Correction | Summary | Rejection | Release


def parse(text: str, *, path: str) -> Iterator[Line]:
    """Yield the decision of each line of a corrections file; raises `ConfigError` naming file, line and field."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ConfigError(
                f"{where}: not valid JSON; each line must be a correction as saved from the report"
            ) from None
        if not isinstance(row, dict):
            raise ConfigError(
                f"{where}: is not a JSON object with the fields vi, en, by, at; save the line again from the report"
            )
        yield _line(row, where)


def moment(at: str) -> datetime:
    """Return an ISO 8601 time; UTC if it has no time zone."""
    found = datetime.fromisoformat(at.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _line(row: dict[str, Any], where: str) -> Line:
    action = row.get("action", "sentence")
    if action not in _ACTIONS:
        near = difflib.get_close_matches(str(action), _ACTIONS, n=1)
        remedy = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(_ACTIONS)}"
        raise ConfigError(f"{where}: action: no such action: `{action}`; {remedy}")
    if action == "sentence":
        return Correction(*(_string(row, name, where) for name in ("vi", "en", "by", "at")))
    about = {name: _string(row, name, where) for name in ("id", "text_sha256", "by", "at")}
    if not _SHA256.fullmatch(about["text_sha256"]):
        raise ConfigError(f"{where}: text_sha256: must be 64 hexadecimal digits; save the line again from the report")
    if action == "summary":
        return Summary(**about, vi=_string(row, "vi", where))
    if action == "reject":
        return Rejection(**about, reason=_string(row, "reason", where) if row.get("reason") else "")
    return Release(**about, flags=_flags(row, where))


def _string(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where}: {name}: {'is missing' if value is None else 'must be a text that is not empty'}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # JSON can contain lone surrogates, which no file can
        raise ConfigError(f"{where}: {name}: contains half of a character; save the line again from the report")
    if name == "at":
        try:
            moment(value)
        except ValueError:
            raise ConfigError(f"{where}: at: {value!r} is not a time; write it as 2026-11-23T09:30:00+07:00") from None
    return value if name == "id" else " ".join(value.split())


def _flags(row: Mapping[str, Any], where: str) -> tuple[tuple[str, str, str, str, str], ...]:
    flags = row.get("flags")
    if not isinstance(flags, list) or not flags:
        raise ConfigError(f"{where}: flags: must be a list of the flags that no longer hold the record")
    found = []
    for flag in flags:
        values = [flag.get(name, "") for name in _FLAG_KEY] if isinstance(flag, dict) else []
        if not values or not all(isinstance(value, str) for value in values):
            raise ConfigError(f"{where}: flags: each needs the texts {', '.join(_FLAG_KEY)}")
        check, field, expected, was, message = (" ".join(value.split()) for value in values)
        found.append((check, field, expected, was, message))
    return tuple(found)
