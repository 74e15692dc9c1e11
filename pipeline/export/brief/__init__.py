"""Write a brief, an overview of the day for readers of English, as HTML for a mail, Word or Markdown.

watchlist.py   the terms that someone watches for, and where they stand in a text
gathering.py   a version's records as stories under topics
writing.py     the three formats; brief.html.j2 is the page
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipeline.export import output_file
from pipeline.export.brief.gathering import Hold, gather
from pipeline.export.brief.watchlist import read
from pipeline.export.brief.writing import as_docx, as_html, as_markdown
from pipeline.storage.rows import Readable

__all__ = ["Format", "Hold", "write"]

Format = Literal["html", "docx", "md"]


def write(
    version: Readable, *, to: Format, watch: Path | None, hold: Hold, title: str | None, output: Path | None
) -> Path:
    """Write the brief of `version` and return where; raises `UsageError` if the list, version or place is invalid."""
    brief = gather(version, topics=read(watch) if watch else [], hold=hold, title=title)
    match to:
        case "html":
            data = as_html(brief).encode()
        case "docx":
            data = as_docx(brief)
        case "md":
            data = as_markdown(brief).encode()
    return output_file.write(version, output, ending=f"brief.{to}", fill=lambda file: file.write(data))
