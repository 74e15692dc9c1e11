"""Compare what two versions publish: texts and statuses, and flags but for their message.

    python -m tests.equal_versions outputs/before/latest outputs/after/latest

For a change of the code that must change no output: run the same config with both, then this. Exits 1 on a difference.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

_TEXTS = ("id", "text_sha256", "summary", "title_translation", "translation", "status")
_SHOWN = 20


def differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each difference, in the order of the records."""
    if [row["id"] for row in before] != [row["id"] for row in after]:
        yield f"other records, or another order: {len(before)} before, {len(after)} after"
        return
    for old, new in zip(before, after, strict=True):
        yield from (f"{old['id']}: {name}: {old[name]!r} → {new[name]!r}" for name in _TEXTS if old[name] != new[name])
        flags = [{_key(flag) for flag in row["flags"]} for row in (old, new)]
        for sign, only in (("-", flags[0] - flags[1]), ("+", flags[1] - flags[0])):
            yield from (f"{old['id']}: {sign} {flag}" for flag in sorted(only, key=str))


def _key(flag: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in flag.items() if name != "message"))


def main() -> int:
    before, after = (pq.read_table(Path(folder) / "data").to_pylist() for folder in sys.argv[1:3])
    found = list(differences(before, after))
    for line in found[:_SHOWN]:
        print(line)  # noqa: T201
    print(f"{len(before)} records, {len(found)} differences")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
