"""Texts of strangers made harmless where another program shows them: controls, marks of direction, links, formulas.

An article is whatever its source holds. Nothing is dropped here: what could act is written out for a person to see.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

# controls but tab and newline, lone surrogates, noncharacters; the marks that turn the direction of writing
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_URL_SAFE = "!#$&'*+,/:;=?@[]~%"  # of a URL as it stands: what may act in markup is quoted
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # the wide ones are taken for formulas in East Asian settings


def visible(text: str) -> str:
    r"""Return `text` with each control, surrogate and mark of direction written out as `\u202e`; lines stay lines."""
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """Return `text` made visible, on one line with single spaces."""
    return " ".join(visible(text).split())


def web_link(url: str) -> str:
    """Return `url` fit for a link, if it leads to the web (http, https); else an empty text."""
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        return ""
    return quote(url.encode("utf-8", "replace"), safe=_URL_SAFE)


def host(url: str) -> str:
    """Return the host of a web link without `www.`, or an empty text."""
    link = web_link(url)
    return one_line((urlsplit(link).hostname or "").removeprefix("www.")) if link else ""


def cell(text: str) -> str:
    """Return `text` as a cell that no spreadsheet takes for a formula: an apostrophe before what could begin one."""
    return "'" + text if text.startswith(_FORMULA) else text
