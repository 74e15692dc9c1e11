"""Real versions for tests of what reads them: run on the fake engine, then with flags and texts as a test wants them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipeline import config as configs
from pipeline.runner.chain import run
from pipeline.runner.options import RunOptions
from pipeline.storage.versions import Version
from tests.conftest import fake_config, write_feed

Row = dict[str, Any]


class _Silent:
    def begin(self, stage: str, total: int | None) -> None:
        pass

    def advance(self, count: int) -> None:
        pass

    def expect(self, _seconds: float) -> None:
        pass


def publish(folder: Path, articles: list[Row], *, until: Any = None, **fields: Any) -> Version:
    """Return the version of a run over `articles`, published in `folder`/out."""
    write_feed(folder / "feed.jsonl", articles)
    whole = fake_config(max_new_tokens=24, **fields)
    path = folder / "night.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    outcome = run(configs.load(path), options=RunOptions(outputs=folder / "out", until=until), progress=_Silent())
    assert outcome.version is not None
    return outcome.version


def edit(version: Version, change: Callable[[Row], Row]) -> Version:
    """Return the version with the columns that `change` returns for each row; flags and status are cleared first."""
    (path,) = (version.folder / "data").glob("*.parquet")
    table = pq.read_table(path)
    rows = [row | {"flags": [], "status": "ok"} for row in table.to_pylist()]
    rows = [row | change(row) for row in rows]
    schema = table.schema
    for name in dict.fromkeys(itertools.chain.from_iterable(rows)):
        if name not in schema.names:
            schema = schema.append(pa.field(name, pa.string()))
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return version


def flag(check: str, severity: str = "warning", **fields: Any) -> Row:
    """Return a flag of a row."""
    whole = {"field": "translation", "start": 0, "end": 3, "expected": "", "found": "", "message": f"about {check}"}
    return {"check": check, "severity": severity} | whole | fields
