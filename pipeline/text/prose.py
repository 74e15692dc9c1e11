"""Find web addresses, encoded data and texts without letters, in linear time.

A summarizer copies an address at the start of an article into its summary, so such noise is removed on loading.
"""

from __future__ import annotations

import re

# Base64, hexadecimal digits and keys: a run longer than any word, or any run in a data URI.
_DATA_URI = r"data:[\w.+/-]{3,60}(?:;[\w=-]{1,40}){0,3},[A-Za-z0-9+/=%_-]*"
_RUN = r"(?<![\w+/=.:?&%-])[A-Za-z0-9+/_-]{60,}={0,2}(?![\w+/=:?&%-]|\.\w)"
_ENCODED = re.compile(f"{_DATA_URI}|{_RUN}")
_ADDRESS = re.compile(r"<?(?:https?://|www\.)[^\s<>]+>?", re.IGNORECASE)
_FIRST_ADDRESSES = re.compile(rf"\s*(?:{_ADDRESS.pattern}(?:\s[\s:;,|–—-]*|\Z))+", re.IGNORECASE)


def has_letters(text: str) -> bool:
    """Return whether `text` has a letter or a digit; a headline of emoji has none."""
    return any(map(str.isalnum, text))


def encoded(text: str) -> list[tuple[int, int]]:
    """Return the spans of base64 and other encoded data."""
    return [match.span() for match in _ENCODED.finditer(text) if _is_encoded(match[0])]


def addresses(text: str) -> list[tuple[int, int]]:
    """Return the spans of web addresses."""
    return [match.span() for match in _ADDRESS.finditer(text)]


def without_noise(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return `text` without noise, and what was removed, each with its kind, "encoded" or "address".

    Removed are encoded data, and addresses at the start of the text or alone on a line.
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
    """Return whether a long run is encoded data: unlike words and file names, it mixes digits and both cases."""
    if run.startswith("data:"):
        return True
    figures = sum(map(str.isdigit, run))
    if re.fullmatch(r"[0-9a-fA-F]+", run):
        return figures < len(run)
    return bool(figures) and any(map(str.isupper, run)) and any(map(str.islower, run))
