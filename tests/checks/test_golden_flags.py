"""The flags of a fixed set of sentences, message apart: they change only together with `checks.VERSION`.

The version of the checks is in the recipe of a run. Where flags change and the version does not, two runs with one recipe
publish different flags. After a change that is meant, raise `VERSION` in `pipeline/checks/__init__.py` and write the
flags anew:

    python -m tests.checks.test_golden_flags
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.checks import VERSION
from pipeline.checks.rules import inspect
from pipeline.records import CHECKS, Translated
from tests.records import translated

FOLDER = Path(__file__).parents[1] / "data" / "flags"
RECORDS = FOLDER / "records.jsonl"
FLAGS = FOLDER / "flags.jsonl"  # the version, then a line for each record
REMEDY = "raise VERSION in pipeline/checks/__init__.py, then run `python -m tests.checks.test_golden_flags`"


def found() -> list[list[list[Any]]]:
    """Return the flags of each record, without their message."""
    return [
        [
            [flag.check, flag.severity, flag.field, flag.start, flag.end, flag.expected, flag.found]
            for flag in inspect(_record(**json.loads(line))).flags
        ]
        for line in RECORDS.read_text(encoding="utf-8").splitlines()
    ]


def _record(*, sentences: list[tuple[str, str]], **fields: Any) -> Translated:
    return translated(*sentences, **fields)


def golden() -> tuple[int, list[list[list[Any]]]]:
    """Return the version of the checks that the flags were written with, and the flags."""
    version, *flags = map(json.loads, FLAGS.read_text(encoding="utf-8").splitlines())
    return version, flags


def test_flags_change_only_together_with_the_version() -> None:
    version, before = golden()
    after = found()
    differ = [number for number, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new]
    assert not differ, f"other flags for lines {differ} of {RECORDS.name}: {REMEDY}"
    assert version == VERSION, f"the flags were written with version {version}: {REMEDY}"


def test_the_records_raise_most_checks() -> None:
    raised = Counter(flag[0] for flags in golden()[1] for flag in flags)
    from_elsewhere = {"unfinished", "dropped", "term", "corrected", "edit_outdated", "released", "long_sentence", "long_title", "lead"}  # fmt: skip
    assert set(CHECKS) - set(raised) <= from_elsewhere


def main() -> int:
    after = found()
    if FLAGS.exists():
        version, before = golden()
        if before != after and version == VERSION:
            print(f"other flags, and VERSION is still {VERSION}: {REMEDY}", file=sys.stderr)  # noqa: T201
            return 1
    lines = [json.dumps(VERSION), *(json.dumps(flags, ensure_ascii=False) for flags in after)]
    FLAGS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
