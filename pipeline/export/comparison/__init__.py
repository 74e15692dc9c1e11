"""A page of several compared versions: tables, the Pareto front of quality against cost, the records that differ most.

One HTML file that needs no network and runs no script, in the look of the report.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

from pipeline.evaluation.compare import FIELDS
from pipeline.evaluation.compare_tables import FIELD_NAMES, percent
from pipeline.evaluation.systems import Systems
from pipeline.evaluation.systems_tables import tables
from pipeline.export.comparison import pareto
from pipeline.report import STYLE
from pipeline.text.sanitize import visible

__all__ = ["page"]

_HERE = Path(__file__).parent


def page(systems: Systems) -> str:
    """Return the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    environment.filters["units"] = "{:.1f}".format
    style = "\n" + STYLE.read_text(encoding="utf-8") + (_HERE / "comparison.css").read_text(encoding="utf-8")
    without_records = replace(systems, apart=())
    return environment.get_template("comparison.html.j2").render(
        systems=systems,
        tables=tables(without_records),
        picture=pareto.picture(systems),
        pareto=pareto,
        records=[
            {
                "title": one.title or one.id,
                "about": f"{one.id}, {percent(one.distance)} apart",
                "rows": [
                    (FIELD_NAMES[name], [_marked(texts[name], one.texts[0][name]) for texts in one.texts])
                    for name in FIELDS
                    if any(texts[name] for texts in one.texts)
                ],
                "flags": one.flags if any(one.flags) else (),
            }
            for one in systems.apart
        ],
        style=style,
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _marked(text: str, baseline: str) -> list[tuple[str, bool]]:
    """Return a text as runs of words, each with whether the baseline's text has other words there."""
    words, others = text.split(), baseline.split()
    changes = SequenceMatcher(None, others, words, autojunk=False).get_opcodes()
    return [(visible(" ".join(words[b1:b2])), kind != "equal") for kind, _, _, b1, b2 in changes if b2 > b1]
