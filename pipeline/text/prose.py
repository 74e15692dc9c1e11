"""What is no prose in a text: addresses of the web, encoded data, and signs without letters. Pure, linear.

A summarizer that is shown an article which begins with an address gives the address for its summary.
"""

from __future__ import annotations

import re

# Base64, hex and keys: a run of their letters longer than any word. A short run is so only in a data URI.
_DATA_URI = r"data:[\w.+/-]{3,60}(?:;[\w=-]{1,40}){0,3},[A-Za-z0-9+/=%_-]*"
_RUN = r"(?<![\w+/=.:?&%-])[A-Za-z0-9+/_-]{60,}={0,2}(?![\w+/=:?&%-]|\.\w)"
_ENCODED = re.compile(f"{_DATA_URI}|{_RUN}")
_ADDRESS = re.compile(r"<?(?:https?://|www\.)[^\s<>]+>?", re.IGNORECASE)
_FIRST_ADDRESSES = re.compile(rf"\s*(?:{_ADDRESS.pattern}(?:\s[\s:;,|–—-]*|\Z))+", re.IGNORECASE)


def has_letters(text: str) -> bool:
    """Return whether `text` has a letter or a digit: a headline of emoji has none."""
    return any(map(str.isalnum, text))


def encoded(text: str) -> list[tuple[int, int]]:
    """Return where base64 or other encoded data stand."""
    return [match.span() for match in _ENCODED.finditer(text) if _is_encoded(match[0])]


def addresses(text: str) -> list[tuple[int, int]]:
    """Return where addresses of the web stand."""
    return [match.span() for match in _ADDRESS.finditer(text)]


def without_noise(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return `text` without encoded data and without addresses at its start or alone on a line; and those, with kinds.

    The kinds are "encoded" and "address".
    """
    aside: list[tuple[str, str]] = []
    kept: list[str] = []
    at = 0
    for start, end in encoded(text):
        aside.append(("encoded", text[start:end]))
        kept.append(text[at:start])
        at = end
    text = "".join((*kept, text[at:]))
    if (first := _FIRST_ADDRESSES.match(text)) is not None:
        aside.append(("address", first[0].strip()))
        text = text[first.end() :].lstrip()
    if "://" not in text and "www." not in text.lower():
        return text, tuple(aside)
    lines = []
    for line in text.split("\n"):
        alone = _FIRST_ADDRESSES.fullmatch(line) is not None
        if alone:
            aside.append(("address", line.strip()))
        else:
            lines.append(line)
    return "\n".join(lines), tuple(aside)


def _is_encoded(run: str) -> bool:
    """Return whether a long run is encoded data: in words and file names capitals and figures do not alternate."""
    if run.startswith("data:"):
        return True
    figures = sum(map(str.isdigit, run))
    if re.fullmatch(r"[0-9a-fA-F]+", run):
        return figures < len(run)
    return bool(figures) and any(map(str.isupper, run)) and any(map(str.islower, run))
