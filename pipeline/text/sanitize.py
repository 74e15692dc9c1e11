"""Escape untrusted text for display in a terminal, a page or a spreadsheet: controls, links, formulas.

An article may contain anything. Nothing is dropped: active characters are written as visible escapes.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

# controls except tab and newline, lone surrogates, noncharacters, marks of writing direction
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_URL_SAFE = (
    "!#$&'*+,/:;=?@[]~%"  # characters of a URL that are not percent-encoded; characters with a meaning in markup are
)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # East Asian locales also take the wide ones for formulas


def visible(text: str) -> str:
    r"""Return `text` with each control, surrogate and direction mark written like `\u202e`; line breaks are kept."""
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """Return `visible(text)` on one line with single spaces."""
    return " ".join(visible(text).split())


def web_link(url: str) -> str:
    """Return `url` percent-encoded for a link if it is a web address (http, https), else ""."""
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        return ""
    return quote(url.encode("utf-8", "replace"), safe=_URL_SAFE)


def host(url: str) -> str:
    """Return the host of a web address without `www.`, or ""."""
    link = web_link(url)
    return one_line((urlsplit(link).hostname or "").removeprefix("www.")) if link else ""


def cell(text: str) -> str:
    """Return `text` for a spreadsheet cell, with an apostrophe before a character that could start a formula."""
    return "'" + text if text.startswith(_FORMULA) else text
