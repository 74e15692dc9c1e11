"""Write a brief as HTML for a mail, as Word and as Markdown. Each format escapes its own text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.export.brief.gathering import Brief, Copy, Item

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

_TEMPLATE = "brief.html.j2"
_NOTHING = "There is nothing to report."
_COPIES = "Near copies, outlet not known:"
# characters that Markdown (CommonMark and GitHub's) interprets: anywhere, and at the start of a line (list, heading)
_MARKS = re.compile(r"([\\`*_\[\]<>#|~&$])")
_LINE_START = re.compile(r"^([-+=:]|\d+(?=[.)]))")
_ADDRESS = re.compile(r"(?i)\b(https?:|www\.|mailto:)|@")  # GitHub turns these into links
_IN_LINK = str.maketrans({"(": "%28", ")": "%29", "[": "%5B", "]": "%5D", "*": "%2A", "_": "%5F", "~": "%7E"})
_LINK_COLOR, _PALE, _WARNING = "12496B", "6B6B6B", "9A5200"


def as_html(brief: Brief) -> str:
    """Return `brief` as a page for mail programs: inline styles, no script, nothing loaded from the network."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(brief=brief, copies_label=_COPIES)


def as_markdown(brief: Brief) -> str:
    """Return `brief` as Markdown that shows every text as it is."""
    blocks = [f"# {_escaped(brief.title)}", _escaped(brief.subtitle)]
    for group in brief.groups:
        if group.name:
            blocks.append(f"## {_escaped(group.name)}")
        for item in group.items:
            blocks += _markdown_item(item)
    if not brief.groups:
        blocks.append(_NOTHING)
    return "\n\n".join([*blocks, "---", *map(_escaped, brief.notes)]) + "\n"


def as_docx(brief: Brief) -> bytes:
    """Return `brief` as a Word document with real headings and links."""
    import docx
    from docx.shared import Pt

    document = docx.Document()
    document.core_properties.title = brief.title
    document.core_properties.language = "en"
    document.core_properties.author = "tomdich"
    document.core_properties.comments = ""
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Georgia", Pt(11)
    document.add_heading(brief.title, level=0)
    _small(document.add_paragraph(), brief.subtitle)
    for group in brief.groups:
        if group.name:
            document.add_heading(group.name, level=1)
        for item in group.items:
            _docx_item(document, item)
    if not brief.groups:
        document.add_paragraph(_NOTHING)
    document.add_paragraph()
    for note in brief.notes:
        _small(document.add_paragraph(), note)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def _docx_item(document: Document, item: Item) -> None:
    if item.held:
        _small(document.add_paragraph(), f"ON HOLD. {'; '.join(item.held)}", color=_WARNING)
    _linked(document.add_heading("", level=2), item.headline, item.link)
    if about := _about(item):
        _small(document.add_paragraph(), about)
    document.add_paragraph(item.summary)
    if item.also:
        _docx_copies(document, "Also in ", item.also, between=", ")
    if item.copies:
        _docx_copies(document, f"{_COPIES} ", item.copies, between="; ")


def _docx_copies(document: Document, label: str, copies: Sequence[Copy], *, between: str) -> None:
    paragraph = _small(document.add_paragraph(), label)
    for at, copy in enumerate(copies):
        if at:
            _small(paragraph, between)
        _linked(paragraph, copy.name, copy.link, small=True)


def _markdown_item(item: Item) -> list[str]:
    headline = _escaped(item.headline)
    blocks = [f"### {_markdown_link(headline, item.link)}"]
    if item.held:
        blocks.append(f"> **On hold.** {_escaped('; '.join(item.held))}")
    if about := _about(item):
        blocks.append(_escaped(about))
    blocks.append(_escaped(item.summary))
    if item.also:
        blocks.append("Also in " + ", ".join(_markdown_copy(copy) for copy in item.also))
    if item.copies:
        blocks.append(f"{_COPIES} " + "; ".join(_markdown_copy(copy) for copy in item.copies))
    return blocks


def _markdown_copy(copy: Copy) -> str:
    return _markdown_link(_escaped(copy.name), copy.link)


def _markdown_link(escaped: str, link: str) -> str:
    return f"[{escaped}]({link.translate(_IN_LINK)})" if link else escaped


def _about(item: Item) -> str:
    return " · ".join(
        part for part in (item.outlet, item.date, item.address if item.address != item.outlet else "") if part
    )


def _escaped(text: str) -> str:
    """Return one line of text escaped for Markdown; the colon of an address becomes an entity, so it is not a link."""
    marked = _LINE_START.sub(r"\\\1" if not text[:1].isdigit() else r"\1\\", _MARKS.sub(r"\\\1", text))
    return _ADDRESS.sub(lambda match: match[0][:-1] + f"&#{ord(match[0][-1])};", marked)


def _small(paragraph: Paragraph, text: str, *, color: str = _PALE) -> Paragraph:
    from docx.shared import Pt, RGBColor

    run = paragraph.add_run(text)
    run.font.size, run.font.color.rgb = Pt(9), RGBColor.from_string(color)
    return paragraph


def _linked(paragraph: Paragraph, text: str, link: str, *, small: bool = False) -> None:
    """Add text to a paragraph, as a link if there is one; python-docx has no function for that."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    run = paragraph.add_run(text)
    if small:
        run.font.size = Pt(9)
    if not link:
        return
    run.font.color.rgb = RGBColor.from_string(_LINK_COLOR)
    wrapper = OxmlElement("w:hyperlink")
    wrapper.set(qn("r:id"), paragraph.part.relate_to(link, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    wrapper.append(run._r)  # noqa: SLF001 - as above
    paragraph._p.append(wrapper)  # noqa: SLF001
