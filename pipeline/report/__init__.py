"""Write `report.html`: the records of a version and their flags, for an editor; one file that needs no network.

    rows.py     a published row as the page shows it: sentences in pairs, flags placed in their text
    charts.py   the figures' geometry
    writing.py  the pages of data and the file
    report.html.j2, report.css    the page
    text.js, pages.js, decisions.js, search.js, report.js    its script; without a framework or a build step

Nothing here sees a model, and nothing writes text into markup but Jinja with autoescape and, in the browser,
text nodes.
"""

from __future__ import annotations

from pipeline.report.writing import STYLE, template, write

__all__ = ["STYLE", "template", "write"]
