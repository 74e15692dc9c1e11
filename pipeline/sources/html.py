"""Read a web page: trafilatura finds the article; what it leaves around the body is removed as in a `.txt`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.sources import dates, markup, pasted
from pipeline.sources import line_classifier as classifier
from pipeline.text import normalize

_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_HEAD = 8192  # bytes in which a page names its encoding
# Names of encodings that browsers read as windows-1252, after the WHATWG encoding standard.
_READ_AS = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "ascii": "windows-1252", "us-ascii": "windows-1252"}
_PROPERTIES = ("article:published_time", "og:published_time", "datePublished", "pubdate", "publishdate", "publish-date")
_DECLARED = (  # XPaths, the surest first
    *(f"//meta[@property='{name}' or @itemprop='{name}' or @name='{name}']/@content" for name in _PROPERTIES),
    "//*[@itemprop='datePublished']/@datetime",
    "//script[@type='application/ld+json']/text()",
    "//time[@datetime][not(ancestor::footer or ancestor::aside or ancestor::nav)]/@datetime",
)
_DATE_PUBLISHED = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')
_WINDOW_TITLE = re.compile(r"<title[^>]*>[^<]*</title>", re.IGNORECASE)  # no line of the page
_CLOCK = "T"  # precedes the time of day in ISO 8601
_BELOW_TITLE, _ABOVE_TITLE = 10, 3  # lines around the heading in which the date line is searched for


@dataclass(frozen=True, slots=True)
class WebArticle:
    """The article of one web page."""

    pasted: pasted.Pasted
    title: str
    published: str  # as found
    author: str
    url: str
    outlet: str


def decode(data: bytes) -> normalize.Decoded:
    """Return the page's bytes as text: UTF-8 if valid, else as the page declares, else as detected.

    Raises `UnicodeError` where they are no text.
    """
    try:
        return normalize.Decoded(data.decode("utf-8-sig"), "utf-8")
    except UnicodeDecodeError:
        pass
    if named := _CHARSET.search(data[:_HEAD]):
        name = named[1].decode("ascii").lower()
        try:
            encoding = codecs.lookup(_READ_AS.get(name, name)).name
            if encoding not in {"utf-8", "cp1252"}:  # utf-8 has failed; TCVN3 and VNI pages declare cp1252 too
                return normalize.Decoded(data.decode(encoding), encoding)
        except (LookupError, UnicodeDecodeError):
            pass
    return normalize.decode(data)


def parse(html: str, *, url: str = "") -> WebArticle | None:
    """Return the article found in `html`, or None where there is none; `url`: where the page was read."""
    from lxml import etree  # type: ignore[import-untyped]
    from lxml import html as lxml_html
    from trafilatura import bare_extraction

    html = _DECLARATION.sub("", html)  # it declares an encoding, and the page is decoded already
    try:
        tree = lxml_html.fromstring(html)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):  # an empty page, or no markup at all
        return None
    published = _first_date(str(found) for path in _DECLARED for found in tree.xpath(path))
    headings = ["".join(heading.itertext()) for heading in tree.xpath("//h1")]  # before trafilatura changes the tree
    found = bare_extraction(tree, url=url or None, with_metadata=True, include_comments=False)
    if found is None or isinstance(found, dict) or not found.text:
        return None
    title = found.title or ""
    parts = pasted.parse(found.text, title=title)
    read = parts.published  # where there is a heading, a day alone may be the day of the visit
    return WebArticle(
        pasted=parts,
        title=title,
        # found.date is a guess: without metadata it may be the date of a license in the footer
        published=published or _date_line(html, headings) or (read if not headings or _CLOCK in read else ""),
        author=found.author or "",
        url=found.url or url,
        outlet=found.sitename or "",
    )


def _first_date(declared: Iterable[str]) -> str:
    """Return the first date in the values of a page's metadata (JSON-LD as a whole), in ISO 8601; or ""."""
    for value in declared:
        for written in _DATE_PUBLISHED.findall(value) or (value,):
            if (found := dates.read(written)) is not None:
                return found
    return ""


def _date_line(html: str, headings: Sequence[str]) -> str:
    """Return the date, in ISO 8601, of a line near the page's heading that holds only a date, or "".

    A line above the heading must have a time of day: a day alone is the day of the visit, in the page's header.
    """
    body = _WINDOW_TITLE.sub("", html, count=1)
    lines = [one for line in markup.plain(body, "html").text.split("\n") if (one := " ".join(line.split()))]
    for heading in (" ".join(heading.split()) for heading in headings):
        if heading not in lines:
            continue
        at = lines.index(heading)
        below = lines[at + 1 : at + 1 + _BELOW_TITLE]
        above = lines[max(0, at - _ABOVE_TITLE) : at][::-1]
        for line in below:
            if (found := classifier.date_of(line)) is not None:
                return found[0]
        for line in above:
            if (found := classifier.date_of(line)) is not None and _CLOCK in found[0]:
                return found[0]
    return ""
