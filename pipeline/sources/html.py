"""A `.html` file or page: trafilatura finds the article in it; what it leaves around the body goes as in a `.txt`."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from pipeline import text
from pipeline.sources import pasted

_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_HEAD = 8192  # bytes in which a page names its encoding
# The names pages give to what browsers read as windows-1252, after the WHATWG encoding standard.
_READ_AS = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "ascii": "windows-1252", "us-ascii": "windows-1252"}
_PUBLISHED = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//meta[@name='pubdate']/@content",
    "//time[@datetime]/@datetime",
)


@dataclass(frozen=True, slots=True)
class Page:
    """The article of one web page."""

    pasted: pasted.Pasted
    title: str
    published: str  # as found
    author: str
    url: str
    outlet: str


def decode(data: bytes) -> text.Decoded:
    """Return the page's bytes as text: UTF-8 where they are, else as the page says, else as `text.decode` finds.

    Raises `UnicodeError` when they are no text.
    """
    try:
        return text.Decoded(data.decode("utf-8-sig"), "utf-8")
    except UnicodeDecodeError:
        pass
    if named := _CHARSET.search(data[:_HEAD]):
        name = named[1].decode("ascii").lower()
        try:
            encoding = codecs.lookup(_READ_AS.get(name, name)).name
            if encoding not in {"utf-8", "cp1252"}:  # utf-8 it is not; cp1252 is said of TCVN3 and VNI pages too
                return text.Decoded(data.decode(encoding), encoding)
        except (LookupError, UnicodeDecodeError):
            pass
    return text.decode(data)


def parse(html: str, *, url: str = "") -> Page | None:
    """Return the article found in `html`, or None where there is none; `url`: where the page was read."""
    from lxml import etree  # type: ignore[import-untyped]
    from lxml import html as lxml_html
    from trafilatura import bare_extraction

    html = _DECLARATION.sub("", html)  # it names an encoding, and this is text already
    try:
        tree = lxml_html.fromstring(html)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):  # an empty page, or no markup at all
        return None
    published = next((str(found) for path in _PUBLISHED for found in tree.xpath(path) if str(found).strip()), "")
    found = bare_extraction(tree, url=url or None, with_metadata=True, include_comments=False)
    if found is None or isinstance(found, dict) or not found.text:
        return None
    title = found.title or ""
    return Page(
        pasted=pasted.parse(found.text, title=title),
        title=title,
        published=published or found.date or "",
        author=found.author or "",
        url=found.url or url,
        outlet=found.sitename or "",
    )
