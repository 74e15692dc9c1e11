"""Separate an article from the rest of a Vietnamese news page that was pasted into a `.txt` file. Pure.

The page has three zones. The head comes before the first paragraph: sections, title, place, date, names. The tail
comes after the end of the article: byline, tags, links, comments. Between them is the body, from which only lines
that are clearly no running text are removed: captions, links, datelines. A doubtful line stays in the body. What is
removed is kept with its kind in `Pasted.dropped`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from pipeline.sources import dates
from pipeline.sources.line_classifier import (
    Kind,
    date_of,
    ends_sentence,
    has_no_letters,
    is_button,
    is_byline,
    is_caption,
    is_certain_button,
    is_comment_button,
    is_comments_heading,
    is_credit,
    is_initials,
    is_masthead,
    is_outlet,
    is_paragraph,
    is_place,
    is_related_heading,
    is_section,
    is_stopped,
    is_tags,
    is_tags_heading,
    kind_of,
    trails_off,
    without_dateline,
    without_end_mark,
    word_count,
)
from pipeline.sources.page_lines import PageLines, unwrapped

_HEADING = re.compile(r"#{1,3}\s+(?=\S)|(?:tiêu\s+đề|title)\s*:\s*(?=\S)", re.IGNORECASE)
_SECTION_WORDS = 6  # a line before the title is a section up to this length; a longer one is the title
_LEAD_WORDS = 22  # an unpunctuated line from this length on is a lead, not a title
_SHORT_TITLE = 4
_CLOCK = "T"  # precedes the time of day in ISO 8601; no title has one
_LONGEST_TITLE = 45
_HEAD_BELOW_TITLE = 8  # how soon after its title an article's text must begin
_NAMES_IN_A_ROW = 2  # more than two short lines after the title are a list
_DATELINE_PARAGRAPHS = 3  # the lead, the first paragraph, and one to spare
_CAPTION_WORDS = 30
_FAR = 200  # lines looked ahead below a heading


@dataclass(frozen=True, slots=True)
class Pasted:
    """The parts of a pasted page; every line of it is in exactly one of them."""

    title: str
    body: str  # paragraphs separated by one newline, the lead among them
    published: str = ""  # ISO 8601
    byline: str = ""
    section: str = ""
    dropped: tuple[tuple[str, str], ...] = ()  # (kind, line), in their order on the page


def parse(text: str, *, title: str = "") -> Pasted:
    """Return the title, the body and the removed lines of `text`, a pasted page.

    `title`: the title where it is known already (from a web page's metadata); then none is searched for, and `text`
    has no head except perhaps the title again.
    """
    lines, gaps = unwrapped(text)
    page = PageLines(lines, gaps)
    texts = (at for at, line in enumerate(lines) if _is_text(line) and not _is_long_title(lines, gaps, at))
    head = next(texts, len(lines))
    _read_head(page, head, known_title=bool(title))
    _read_tail(page)
    _read_body(page)
    found = title or ("" if page.title is None else _HEADING.sub("", page.lines[page.title]))
    for index in page.left()[:3]:
        if found and page.lines[index].casefold() == found.casefold():
            page.take(index, "title_again")
    dropped = tuple(pair for index in sorted(page.taken) for pair in page.taken[index])
    return Pasted(
        title=found,
        body="\n".join(page.lines[index] for index in page.left()),
        published=page.published,
        byline=page.bylines[-1] if page.bylines else "",
        section=" > ".join(line for kind, line in dropped if kind == "section"),
        dropped=dropped,
    )


def _is_text(line: str) -> bool:
    return is_paragraph(line) and kind_of(line) is None and date_of(line) is None


def _is_long_title(lines: list[str], gaps: list[bool], at: int) -> bool:
    """Return whether the line at `at`, long or trailing off, is a title: text that ends in full follows."""
    line = lines[at]
    if at + 1 == len(lines) or word_count(line) > _LONGEST_TITLE:
        return False
    if is_stopped(line) and not (trails_off(line) and gaps[at + 1] and word_count(line) < _LEAD_WORDS):
        return False
    if any(word_count(before) > _SECTION_WORDS and kind_of(before) is None for before in lines[:at]):
        return False
    return any(is_stopped(after) and _is_text(after) for after in lines[at + 1 : at + _HEAD_BELOW_TITLE])


def _read_head(page: PageLines, end: int, *, known_title: bool) -> None:
    """Classify the lines before `end`, the first paragraph."""
    if end == len(page.lines):  # a poem, a list, a table: there is no paragraph to start from
        _read_headless(page, known_title=known_title)
        return
    figures = [
        index for index in range(end) if any(map(str.isdigit, page.lines[index])) and has_no_letters(page.lines[index])
    ]
    kept = figures if len(figures) > _NAMES_IN_A_ROW else []  # one is a count of something, many are a table
    open_lines = [index for index in range(end) if index not in kept and not _take_if_plain(page, index)]
    if known_title:
        return
    page.title = _title(page, open_lines) if open_lines else _dated_title(page, end)
    if page.title is None:
        return
    for index in open_lines:
        if index < page.title:
            _take_classified(page, index, otherwise="section")
    after = [index for index in open_lines if index > page.title]
    for index in after:
        if is_masthead(page.lines[index]):
            page.take(index, "furniture")
    short = [index for index in after if _names_someone(page.lines[index])]
    if len(short) <= _NAMES_IN_A_ROW:
        for index in short:
            _take_classified(page, index, otherwise="byline")


def _names_someone(line: str) -> bool:
    return is_place(line) or is_byline(line)


def _rarely_title(line: str) -> bool:
    """Return whether `line` is the title only if no other line can be ("Video: Lũ về thành phố")."""
    return _names_someone(line) or is_caption(line) or is_masthead(line)


def _take_if_plain(page: PageLines, index: int) -> bool:
    """Remove a line of the head whose text alone decides its kind; return whether it was removed."""
    line = page.lines[index]
    stamp = date_of(line)
    plain = kind_of(line)
    if stamp is not None:
        page.published = page.published or stamp[0]
        if stamp[1]:
            page.bylines.append(stamp[1])
        page.take(index, "date")
    elif is_section(line):
        page.take(index, "section")
    elif plain == "caption" and word_count(line) >= _SHORT_TITLE:
        return False  # perhaps the title
    elif plain is not None:
        page.take(index, plain)
    elif is_button(line) or is_outlet(line) or has_no_letters(line):
        page.take(index, "furniture")
    else:
        return False
    return True


def _take_classified(page: PageLines, index: int, *, otherwise: Kind) -> None:
    line = page.lines[index]
    if is_place(line):
        page.take(index, "place")
    elif is_byline(line):
        page.bylines.append(line)
        page.take(index, "byline")
    elif is_masthead(line):
        page.take(index, "furniture")
    else:
        page.take(index, kind_of(line) or otherwise)


def _title(page: PageLines, open_lines: list[int]) -> int | None:
    """Return which of the head's open lines is the title."""
    for index in open_lines:
        if _HEADING.match(page.lines[index]):
            return index
    likely = [index for index in open_lines if not _rarely_title(page.lines[index])] or open_lines[:1]
    if not likely:
        return None
    counts = [word_count(page.lines[index]) for index in likely]
    long = [_SECTION_WORDS < count < _LEAD_WORDS for count in counts]
    for place, index in enumerate(likely[:4]):
        if long[place] and not page.lines[index].endswith(":") and (place == 0 or not any(long[place + 1 :])):
            return index
        if not _may_be_section(page.lines[index]):
            break
    return next((index for index, count in zip(likely[:2], counts, strict=False) if count >= _SHORT_TITLE), likely[0])


def _dated_title(page: PageLines, end: int) -> int | None:
    """Return which line of a head without any other is a title with a day in it ("Thời tiết ngày 2/3/2023")."""
    for index in range(end):
        for kind, line in page.taken.get(index, ()):
            found = dates.split(line) if kind == "date" else None
            if found is not None and found[1] and _CLOCK not in found[0]:
                del page.taken[index]
                page.lines[index] = line
                return index
    return None


def _may_be_section(line: str) -> bool:
    if line.endswith(":"):
        return True
    return word_count(line) <= _SECTION_WORDS and not re.search(r"[\d:,?!\"“”'‘’]", line)


def _read_headless(page: PageLines, *, known_title: bool) -> None:
    """Classify the lines of a page without a paragraph: only a first line followed by an empty one is a title."""
    for index, line in enumerate(page.lines):
        if (stamp := date_of(line)) is not None and index in {0, 1, len(page.lines) - 1}:
            page.published = page.published or stamp[0]
            page.take(index, "date")
    left = page.left()
    if known_title or len(left) < 2:  # noqa: PLR2004 - one line is the body
        return
    first, second, *rest = left
    set_off = page.gaps[second] and (not rest or not all(page.gaps[index] for index in rest))
    if set_off or page.lines[first].isupper() or _HEADING.match(page.lines[first]):
        page.title = first


def _read_tail(page: PageLines) -> None:
    """Remove what follows the end of the article, and the boxes of links within it."""
    left = page.left()
    end = _marked_end(page, left)
    if end is not None:
        for index in left[end + 1 :]:
            _take_after_end(page, index)
        left = left[: end + 1]
    lines = [page.lines[index] for index in left]
    follows = _text_follows(lines)
    ended = False
    block: Kind | None = None  # what the lines under the last heading are
    for place, index in enumerate(left):
        line = page.lines[index]
        before = page.lines[left[place - 1]] if place else ""
        if is_related_heading(line):
            block = "related"
            ended = ended or _alternates(lines[place + 1 : place + _FAR])
            page.take(index, block)
        elif is_comments_heading(line) and (ended or _are_comments(line, lines[place + 1 : place + _FAR])):
            block, ended = "comments", True
            page.take(index, block)
        elif place and is_tags(line):
            ended = ended or not follows[place]
            block = "tags" if is_tags_heading(line) else "after_end" if ended else None
            page.take(index, "tags")
        elif block == "after_end":
            _take_after_end(page, index)
        elif block is not None and (ended or not _is_text(line)):
            page.take(index, block)
        else:
            block = None
            if place and not follows[place] and _ends_article(line, before):
                block, ended = "after_end", True
                _take_after_end(page, index)


def _marked_end(page: PageLines, left: list[int]) -> int | None:
    """Return the position in `left` of the end mark, if more of the page is before it than after."""
    total = sum(word_count(page.lines[index]) for index in left)
    done = 0
    for place, index in enumerate(left):
        done += word_count(page.lines[index])
        rest, mark, after = without_end_mark(page.lines[index])
        if mark and 2 * done >= total:
            page.cut(index, rest, mark, "end_mark")
            if after:
                page.bylines.append(after)
                page.cut(index, rest, after, "byline")
            return place
    return None


def _ends_article(line: str, before: str) -> bool:
    """Return whether `line`, with no running text after it, is a byline, a date or a button.

    A name is a byline only below a finished sentence or a removed line: elsewhere it is a line of a list.
    """
    if is_button(line) or is_comments_heading(line):
        return True
    below_text = not before or ends_sentence(before) or kind_of(before) is not None
    signed = (is_byline(line) and not is_place(line)) or date_of(line) is not None
    return below_text and signed


def _text_follows(lines: list[str]) -> list[bool]:
    """Return for each line whether running text follows it, before any heading of links or comments."""
    follows: list[bool] = []
    found = False
    for line in reversed(lines):
        follows.append(found)
        if is_related_heading(line) or is_comments_heading(line):
            found = False
        elif _is_text(line):
            found = True
    return follows[::-1]


def _take_after_end(page: PageLines, index: int) -> None:
    line = page.lines[index]
    stamp = date_of(line)
    kind = kind_of(line)
    if stamp is not None:
        page.published = page.published or stamp[0]
        page.take(index, "date")
    elif kind is not None:
        page.take(index, kind)
    elif is_comments_heading(line):
        page.take(index, "comments")
    elif is_button(line):
        page.take(index, "share")
    elif is_byline(line):
        page.bylines.append(line)
        page.take(index, "byline")
    else:
        page.take(index, "after_end")


def _alternates(after: list[str]) -> bool:
    """Return whether `after` is a list of links with their leads: two paragraphs or more, no two in a row."""
    texts = [_is_text(line) for line in after]
    return texts.count(True) > 1 and not any(first and second for first, second in pairwise([True, *texts]))


def _are_comments(heading: str, after: list[str]) -> bool:
    return bool(re.search(r"\d", heading)) or any(map(is_comment_button, after))


def _read_body(page: PageLines) -> None:
    """Remove from the body what is clearly no text of it, and the datelines from its first paragraphs."""
    _take_byline_under_lead(page)
    left = page.left()
    certain = {index for index in left if is_certain_button(page.lines[index])}
    for place, index in enumerate(left):
        line = page.lines[index]
        kind = kind_of(line)
        if kind is not None:
            page.take(index, kind)
            above = left[place - 1] if place else index
            if is_credit(line) and _may_be_caption(page.lines[above]):
                page.take(above, "caption")
        elif is_button(line) and {index - 1, index + 1} & certain:
            page.take(index, "share")
        elif is_initials(line):
            page.bylines.append(line)
            page.take(index, "byline")
    for index in page.left()[:_DATELINE_PARAGRAPHS]:
        rest, dateline = without_dateline(page.lines[index])
        if dateline:
            page.cut(index, rest, dateline, "dateline")


def _take_byline_under_lead(page: PageLines) -> None:
    """Remove the one name between the lead and the second paragraph.

    Where there are more names between paragraphs, each is a heading of what follows.
    """
    left = page.left()
    names = [
        place
        for place, index in enumerate(left)
        if is_byline(page.lines[index]) and not is_place(page.lines[index]) and place + 1 < len(left)
    ]
    if names == [1] and _is_text(page.lines[left[0]]) and _is_text(page.lines[left[2]]):
        page.bylines.append(page.lines[left[1]])
        page.take(left[1], "byline")


def _may_be_caption(line: str) -> bool:
    return 0 < word_count(line) <= _CAPTION_WORDS and not ends_sentence(line) and not line.endswith(":")
