"""Read RSS and Atom: an article for each entry, with the text that the feed itself holds; no link is followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from html.entities import html5
from typing import Any

from pipeline.errors import SourceError, UnavailableError
from pipeline.sources.articles import Row

# The elements of each field, the one with the longest text first.
_FIELDS = {
    "id": ("guid", "id", "link"),
    "title": ("title",),
    "text": ("encoded", "content", "description", "summary"),
    "url": ("link",),
    "published": ("pubDate", "published", "date", "updated"),
}
_NAMED = re.compile(rb"&([A-Za-z][A-Za-z0-9]*);")
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}


def rows(data: bytes, *, name: str) -> Iterator[Row]:
    """Yield a row for each entry of a feed; raises `SourceError` for other XML and for declared entities."""
    from lxml import etree  # type: ignore[import-untyped]

    if b"<!ENTITY" in data:
        raise SourceError(f"{name}: declares entities, which are not expanded; fetch the feed without its DOCTYPE")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(_NAMED.sub(_as_number, data), parser)
    except etree.XMLSyntaxError as error:
        raise UnavailableError(f"{name}: not valid XML: {error.msg}; it may have been cut off") from None
    kind = _local(root)
    if kind in {"urlset", "sitemapindex"}:
        raise SourceError(f"{name}: a sitemap lists addresses and holds no text; give the pages themselves as sources")
    if kind not in {"rss", "RDF", "feed"}:
        raise SourceError(f"{name}: neither RSS nor Atom: its root is <{kind}>")
    outlet = next((_text(one) for one in root.iter("{*}title") if one.getparent() is not None), "")
    entries = [one for one in root.iter("{*}item", "{*}entry") if isinstance(one.tag, str)]
    for index, entry in enumerate(entries):
        values: dict[str, object] = {field: _first(entry, names) for field, names in _FIELDS.items()}
        values["published"] = _date(str(values["published"]))
        yield Row(index, f"entry {index + 1}", values | {"outlet": outlet})


def _first(entry: Any, names: tuple[str, ...]) -> str:  # noqa: ANN401 - lxml has no types
    """Return the text of the first of the named children that has one; of an Atom link its address."""
    for wanted in names:
        for child in entry:
            if isinstance(child.tag, str) and _local(child) == wanted and child.get("rel", "alternate") == "alternate":
                found = _text(child) or child.get("href", "")
                if found:
                    return str(found)
    return ""


def _text(element: Any) -> str:  # noqa: ANN401 - lxml has no types
    """Return the text of an element; of one that holds markup as elements (XHTML) the markup."""
    from lxml import etree

    if len(element):
        return "".join([element.text or "", *(etree.tostring(one, encoding="unicode") for one in element)]).strip()
    return (element.text or "").strip()


def _local(element: Any) -> str:  # noqa: ANN401 - lxml has no types
    return str(element.tag).rpartition("}")[2]


def _date(written: str) -> str:
    """Return the date of an RSS entry in ISO 8601, any other as it is written."""
    try:
        return parsedate_to_datetime(written).isoformat()
    except ValueError:
        return written


def _as_number(match: re.Match[bytes]) -> bytes:
    """Return a named entity of HTML that XML does not know as numeric ones."""
    letters = None if match[1] in _OF_XML else html5.get(f"{match[1].decode()};")
    return match[0] if letters is None else "".join(f"&#{ord(letter)};" for letter in letters).encode()
