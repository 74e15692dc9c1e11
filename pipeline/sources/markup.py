"""Detect HTML in a field of a row and convert it to plain text. Pure, and linear in the length of the text.

Feeds and content systems store an article's body as a piece of a page (`<p>…</p>`), and escape headlines (`&amp;`). A
whole page is for `html.parse`, which searches it for the article; here every element of the piece is kept, in order,
except what a browser does not show. Only tags of HTML count: `a < b`, `<5 tuổi` and `<Nguyễn Văn A>` are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from typing import Literal

from pipeline.config import Markup
from pipeline.text.normalize import repair

_BLOCKS = (
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main nav ol p pre section summary table tbody tfoot "
    "thead title tr ul"
)
_INLINE = (
    "a abbr acronym amp-img audio b base bdi bdo big button cite code col colgroup data del dfn em embed font i img "
    "input ins kbd label link mark meta o:p option param picture q rp rt ruby s samp select small source span strike "
    "strong sub sup td th time track tt u var video wbr"
)
_HIDDEN = "canvas iframe math noscript object script style svg template textarea"  # with their content


def _names(names: str) -> str:
    return "(?:" + "|".join(sorted(names.split(), key=len, reverse=True)) + ")"


_NAME = _names(f"{_BLOCKS} {_INLINE} {_HIDDEN}")
# A quoted value may hold ">"; where the quotes do not match, the tag ends at the first ">".
_ATTRIBUTES = r"""(?:\s(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+|\s[^<>]*|/)?"""
_TAG = re.compile(
    rf"<(?:(?P<comment>!--)|[!?][A-Za-z][^<>]*>|(?P<close>/)?(?P<name>{_NAME}){_ATTRIBUTES}>)", re.IGNORECASE
)
# Evidence of real markup, which a tag name mentioned in prose does not have: an attribute, a position at the start of
# the text, or an element without an end tag.
_REAL_MARKUP = re.compile(
    rf"""<{_NAME}\s+[a-z][\w:-]*\s*=\s*["'\w]|<(?:br|hr)\s*/?>"""
    rf"|\A\s*<(?:!--|!doctype\s|\?xml\s|{_names(f'{_BLOCKS} {_HIDDEN}')}[\s/>])",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"<(/?)({_NAME})(?:\s[^<>]*)?>", re.IGNORECASE)
_PAGE = re.compile(
    r"\A\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)?<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE
)
_BLOCK_NAMES = frozenset(_BLOCKS.split())
_HIDDEN_NAMES = frozenset(_HIDDEN.split())
_CELL_MARK = " | "  # between the cells of a table's row, as trafilatura writes it
_REFERENCE = re.compile(r"&(?:#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_UNTERMINATED_REFERENCE = re.compile(r"&(?:nbsp|amp|quot|lt|gt)(?![A-Za-z0-9;=])")
_TIMES = 3  # a text is unescaped at most this often: `&amp;quot;` is escaped twice


@dataclass(frozen=True, slots=True)
class Plain:
    """A text without markup; its paragraphs are separated by newlines."""

    text: str
    repairs: tuple[str, ...] = ()  # "html": tags were removed; "entities": character references were replaced
    set_aside: tuple[tuple[str, str], ...] = ()  # ("caption" of a figure, or "script" that is never closed; the text)


def is_markup(text: str) -> bool:
    """Return whether `text` has tags of HTML that are not just a mention of a tag in prose."""
    if "<" not in text:
        return False
    if _REAL_MARKUP.search(text):
        return True
    opened: set[str] = set()
    for match in _PAIR.finditer(text):
        name = match[2].lower()
        if not match[1]:
            opened.add(name)
        elif name in opened:
            return True
    return False


def is_page(text: str) -> bool:
    """Return whether `text` is a whole web page."""
    return _PAGE.match(text) is not None


def plain(text: str, markup: Markup) -> Plain:
    """Return `text` without markup: under "auto" where it has any, under "html" always, under "text" unchanged.

    Under "auto" a text without tags is unescaped first, and its tags are removed if it then has any.
    """
    if markup == "text" or ("<" not in text and "&" not in text):
        return Plain(text)
    escaped = text
    for _ in range(_TIMES):
        if markup == "html" or is_markup(escaped):
            return _extracted(escaped, unescaped=escaped != text)
        again = _unescaped(escaped)
        if again == escaped:
            break
        escaped = again
    return Plain(escaped, ("entities",) if escaped != text else ())


def clean(text: str, markup: Markup) -> Plain:
    """Return `text` repaired and without markup, with the names of the repairs."""
    repaired, repairs = repair(text)
    found = plain(repaired, markup)
    if not found.repairs:
        return Plain(repaired, repairs)
    body, again = repair(found.text)  # a reference may name a character that is repaired: `&#8203;`, `&#769;`
    return Plain(body, (*repairs, *found.repairs, *again), found.set_aside)


def clean_line(text: str, markup: Markup) -> Plain:
    """Return a title, or another field of one line, as `clean` does; nothing of it is set aside."""
    found = clean(text, markup)
    return Plain(" ".join(" ".join((found.text, *(aside for _, aside in found.set_aside))).split()), found.repairs)


def _unescaped(text: str) -> str:
    """Return `text` with the character references that HTML defines replaced; `5 &` and `R&D;` stay."""
    if "&" not in text:
        return text
    return _REFERENCE.sub(
        lambda match: match[0] if match[1] and f"{match[1]};" not in html5 else unescape(match[0]), text
    )


def _extracted(html: str, *, unescaped: bool) -> Plain:
    """Return the text of a piece of HTML."""
    pieces: list[str] = []
    aside: list[tuple[str, str]] = []
    repairs = {"entities"} if unescaped else set()
    folds = any((match["name"] or "").lower() in _BLOCK_NAMES for match in _TAG.finditer(html))
    caption_from: int | None = None
    for kind, value in _parts(html):
        match kind, value:
            case "text", _:
                once = _unescaped(_UNTERMINATED_REFERENCE.sub(lambda match: f"{match[0]};", value))
                if once != value:
                    repairs.add("entities")
                pieces.append(_unescaped(_folded(once) if folds else once))
                continue
            case "unclosed", _:
                aside.append(("script", value))
            case "open", "figcaption":
                caption_from = len(pieces)
            case "close", "figcaption" if caption_from is not None:
                if caption := " ".join("".join(pieces[caption_from:]).split()):
                    aside.append(("caption", caption))
                del pieces[caption_from:]
                caption_from = None
            case "open", "td" | "th":
                pieces.append(_CELL_MARK)
        repairs.add("html")
        if value in _BLOCK_NAMES:
            pieces.append("\n")
    lines = (line.strip().removeprefix(_CELL_MARK.lstrip()) for line in "".join(pieces).split("\n"))
    return Plain("\n".join(lines), tuple(sorted(repairs, reverse=True)), tuple(aside))


def _parts(html: str) -> Iterator[tuple[Literal["text", "open", "close", "hidden", "unclosed"], str]]:
    """Yield the pieces of `html` in order: text, the name of each tag, and what a browser does not show."""
    unclosed: set[str] = set()  # elements without an end tag, which are not searched for twice
    at = searched = 0
    while (match := _TAG.search(html, searched)) is not None:
        searched = match.end()
        name = "--" if match["comment"] else (match["name"] or "").lower()
        hides = name == "--" or (name in _HIDDEN_NAMES and not match["close"] and not match[0].endswith("/>"))
        end = _end_of_element(html, searched, name, unclosed) if hides else searched
        if end is None and name == "--":
            continue  # no comment, but text
        yield "text", html[at : match.start()]
        if end is None:
            yield "unclosed", html[match.start() :]
            return
        at = searched = end
        yield ("hidden" if hides else "close" if match["close"] else "open"), name
    yield "text", html[at:]


def _end_of_element(html: str, at: int, name: str, unclosed: set[str]) -> int | None:
    """Return the index after the end of a comment or hidden element; None if it has no end."""
    if name in unclosed:
        return None
    found = re.compile("-->" if name == "--" else rf"</{name}\s*>", re.IGNORECASE).search(html, at)
    if found is None:
        unclosed.add(name)
        return None
    return found.end()


def _folded(text: str) -> str:
    """Return `text` with line breaks as spaces, as in HTML; an empty line still separates paragraphs."""
    return "\n".join(" ".join(part.split("\n")) for part in re.split(r"\n[ \t\r]*\n\s*", text))
