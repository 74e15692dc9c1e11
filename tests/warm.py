"""Import all that a run imports, and read what it reads on its first record: once, in the server of `tests.forked`."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

from pipeline.checks.rules import inspect
from tests.records import translated

sys.dont_write_bytecode = True  # the first import of a module would be a write, and a rename, that the second lacks
for _name in (
    "datasketch jinja2 prometheus_client pyarrow.compute pyarrow.json pyarrow.parquet rich.console rich.table "
    "pipeline.checks.worker pipeline.cli pipeline.commands.compact pipeline.engines.fake pipeline.runner.notify "
    "pipeline.commands.forget pipeline.report.writing pipeline.runner.chain pipeline.commands.show"
).split():
    import_module(_name)
with suppress(ImportError):
    import_module("pandas")  # pyarrow takes it where it is there

inspect(
    translated(("Ông Nam đến Huế ngày 2/3.", "Mr Nam came to Hue on March 2."), title="Tin", title_translation="News")
)
