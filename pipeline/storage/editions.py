"""Editions: parse the days that runs are for, and find what was published for one of them.

Several runs of a day make one edition: a whole run and those of `--only-new` after it, or two whole ones. A version of
scope `revised` replaces the versions that its manifest lists under `supersedes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.records import BY_EDITOR, Status
from pipeline.storage import versions as store
from pipeline.storage.rows import Edition, Readable, failures, rows
from pipeline.storage.versions import WHOLE, Version
from pipeline.text.near_duplicates import is_earlier

_AGO = re.compile(r"-([0-9]{1,5})d")
_MOST_DAYS = 366  # of a range: a longer one is a typing error in the year


@dataclass(frozen=True, slots=True)
class _Head:
    """What decides which text of an id an edition has: a projection."""

    id: str
    text_sha256: str
    published: str = ""
    status: Status = "ok"


def day(text: str, *, today: date) -> date:
    """Return the day that `2026-11-23`, `today`, `yesterday` or `-2d` (two days ago) names; raises `UsageError`."""
    if text == "today":
        return today
    ago = 1 if text == "yesterday" else int(found[1]) if (found := _AGO.fullmatch(text)) else None
    try:
        return date.fromisoformat(text) if ago is None else today - timedelta(days=ago)
    except (ValueError, OverflowError):
        raise UsageError(f"--edition {text}: write a date as 2026-11-23, yesterday or -1d") from None


def days(text: str, *, today: date) -> list[date]:
    """Return the day, or each day of a range as `2026-11-20..2026-11-23`, both ends included; raises `UsageError`."""
    first, between, last = text.partition("..")
    if not between:
        return [day(text, today=today)]
    start, end = day(first, today=today), day(last, today=today)
    count = (end - start).days + 1
    if count < 1:
        raise UsageError(f"--edition {text}: ends before it begins; write the earlier day first")
    if count > _MOST_DAYS:
        raise UsageError(f"--edition {text}: is {count} days long, and {_MOST_DAYS} are the most; run it in parts")
    return [start + timedelta(days=number) for number in range(count)]


def find(outputs: Path, name: str | None) -> Readable:
    """Return what `versions.find` does; for `name@2026-11-23` all versions of that day, read as one."""
    version = store.find(outputs, name)
    experiment, at, edition = (name or "").partition("@")
    if not at or edition == "latest" or version.folder.parent.name != experiment:
        return version
    there = current_versions(store.versions(version.folder.parent), edition)
    return there[0] if len(there) == 1 else union(f"{experiment}@{edition}", there)


def superseded(versions: Sequence[Version]) -> set[str]:
    """Return the names of the versions that a revised one among `versions` replaces."""
    return {name for version in versions for name in version.manifest.get("supersedes", ())}


def current_versions(versions: Sequence[Version], edition: str) -> list[Version]:
    """Return the versions that make up an edition: the whole ones that none supersedes, else the newest partial one."""
    replaced = superseded(versions)
    found = [
        version
        for version in versions
        if version.manifest.get("edition") == edition and version.folder.name not in replaced
    ]
    return [version for version in found if version.manifest["scope"] in WHOLE] or found[-1:]


def union(name: str, versions: Sequence[Version], *, with_rejected: bool = False) -> Edition:
    """Return `versions`, oldest first, as one edition: by id the text with the later date.

    A text that an editor rejected since it was published is left out unless `with_rejected`. About 200 bytes of memory
    a record.
    """
    texts: dict[str, tuple[int, str]] = {}
    dates: dict[str, str] = {}
    held: dict[str, bool] = {}
    for at, version in enumerate(versions):
        for row in rows(version, _Head):
            is_older = row.id in texts and is_earlier(row.published, dates[row.id])
            if is_older and texts[row.id][1] != row.text_sha256:
                continue
            texts[row.id], dates[row.id], held[row.id] = (at, row.text_sha256), row.published, row.status == "hold"
        gone = set() if with_rejected else {one.text_sha256 for one in failures(version) if one.kind == BY_EDITOR}
        for article in [article for article, (_, sha) in texts.items() if sha in gone]:
            del texts[article], dates[article], held[article]
    edition = Edition(name, {}, tuple(versions), texts)
    lost = Counter(failure.category for failure in failures(edition))
    counts: dict[str, Any] = {
        "records": len(texts),
        "held": sum(held.values()),
        "failures": lost["failed"],
        "rejected": lost["rejected"],
        "damaged": lost["damaged"],
        "duplicates": lost["duplicate"],
    }
    made = {name: " + ".join(dict.fromkeys(v.manifest[name] for v in versions)) for name in ("recipe", "signature")}
    return replace(edition, manifest=versions[-1].manifest | {"counts": counts} | made)
