"""Classify one line of a pasted news page by its text alone: a caption, a byline, a button, a paragraph.

Each function is pure and sees no other line; `pasted` knows the position of the line and decides whether to remove it.
The word lists hold what Vietnamese news pages print around an article.
"""

from __future__ import annotations

import re
from typing import Literal

from pipeline.sources import dates, page_words
from pipeline.text import normalize

Kind = Literal[
    "section", "date", "place", "byline", "caption", "related", "share", "tags", "comments", "furniture",
    "dateline", "end_mark", "title_again", "after_end",
]  # fmt: skip


def _any(phrases: str) -> str:
    """Return a pattern for any of the phrases (between semicolons), however wide their spaces."""
    return "(?:" + "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases.split(";")) + ")"


def _capitals() -> str:
    latin = (*range(0x41, 0x250), *range(0x1EA0, 0x1EFA))
    return "[" + "".join(chr(code) for code in latin if chr(code).isupper()) + "]"


_OUTLET = rf"(?:{_any(page_words.OUTLETS)}|VOV\d|VTV\d|TTXVN/[\w.+]+|Báo {_capitals()}[\w ]{{1,20}})"
_PLACE_NAME = rf"(?:TP\.?\s?)?{_capitals()}[\w.]*(?:\s{_capitals()}[\w.]*){{0,4}}"
_DASH = r"(?:\s+[-–—]\s*|[-–—]\s+)"  # a space on one side at least: not the hyphen of "TP-HCM"
_DATELINE = re.compile(
    rf"(?:{_PLACE_NAME},?\s(?:ngày\s[\d/]+\s)?)?\((?={_capitals()}|\w+\.vn)[^()\n]{{2,40}}\){_DASH}(?=\S)"
    rf"|{_OUTLET}(?:[ ,]+{_PLACE_NAME})?{_DASH}(?=\S)"
    rf"|{_PLACE_NAME},?\s+{_OUTLET}{_DASH}(?=\S)"
)
_PLACE_FIRST = re.compile(rf"(?P<place>{_PLACE_NAME}),?\s+[-–—]\s+(?={_capitals()}|\d)")
_END_MARK = re.compile(r"\s*(?P<stop>[.…]*)\s*/\s*\.\s*/?\s*\.?(?P<closing>[)\]”’\"]*)(?P<after>\s.*)?$")
_STOP = re.compile(r"[.…][\"'”’»)\]*]*$|/\.$")
_ASKING = re.compile(r"[?!][\"'”’»)\]*]*$")
_CREDIT = rf"{_any(page_words.PICTURES)}(?:\s{_any(page_words.PICTURE_KINDS)})?"
_CAPTION = re.compile(
    rf"\(?\s*{_CREDIT}\s*:\s*\S.{{0,120}}$"
    rf"|\(?\s*{_any(page_words.PICTURES)}\s{_any(page_words.PICTURE_KINDS)}[^.]{{0,60}}\)?\.?$"
    rf"|\({_any(page_words.PICTURES)}\b[^()]{{1,100}}\)\.?$"
)
_CREDIT_AT_END = re.compile(
    r".{1,400}?(?:[.…!?”\"]\s*|\s[-–—|/]\s*|\s*\()\s*\(?"
    rf"(?:{_CREDIT}\s*:\s*[^:]{{1,70}}|Ảnh\s(?:{_any(page_words.PICTURE_KINDS)}|\d{{1,3}}))\)?\.?$"
)
_CREDIT_ALONE = re.compile(rf"\(?{_CREDIT}\s*:\s*\S.{{0,60}}$")
_SOURCE_AT_END = re.compile(r".{1,200}\(Nguồn:\s*[^:()]{1,40}\)\.?$")
_CAPTION_WORDS = 60  # a longer line that ends in a credit is a paragraph with a credit
_SOURCE_WORDS = 30  # "(Nguồn: …)" ends captions, but now and then a paragraph too
_TAGS = re.compile(rf"{_any('từ khóa; từ khoá; tag; tags; chủ đề; thẻ')}\s*:", re.IGNORECASE)
_HASHTAGS = re.compile(r"(?:#\w[\w-]*[\s,;|·•]*)+")
_RELATED_LINE = re.compile(
    r"(?:>{2,}|»)\s*\S"
    rf"|{_any('xem thêm; đọc thêm; xem tiếp; đọc tiếp; tin liên quan; bài liên quan')}\s*:"
    rf"|mời\s+{_any('quý độc giả; độc giả; bạn đọc; quý bạn đọc; bạn')}\s+{_any('xem; đọc; theo dõi')}"
    r"|(?:theo\s+dõi|đọc|xem)\b.{0,60}\bgoogle\s+news",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_COUNTER = re.compile(
    rf"[\d.,]+\s*{_any(page_words.COUNTED)}|{_any(page_words.COUNTED)}\s*:?\s*\(?[\d.,]+\)?"
    rf"|\d+\s{_any('giây; phút; giờ; ngày; tuần; tháng')}\strước",
    re.IGNORECASE,
)
_CELLS = re.compile(r"\t+|\s{2,}|\s[|•·]\s")
_APPEAL = re.compile(
    rf"{_any(page_words.APPEALS)}\b|theo\s+dõi\b.{{0,60}}\b(?:facebook|zalo|youtube|tiktok|fanpage)",
    re.IGNORECASE,
)
_MASTHEAD = re.compile(_any(page_words.MASTHEADS), re.IGNORECASE)
_MASTHEAD_WORDS = 15
_LABEL = re.compile(rf"{_any(page_words.BYLINE_LABELS)}\s*:\s*(?=\S)", re.IGNORECASE)
_INITIALS = re.compile(r"[^\W\d_](?:\.\s?[^\W\d_]{1,8}){1,3}\.?")
_ROLE = re.compile(rf"(?:nhóm\s+)?{_any('pv; p.v; phóng viên; ctv; cộng tác viên; btv; t.h')}\.?", re.IGNORECASE)
_BEFORE_NAME = re.compile(rf"{_any('phóng viên; cộng tác viên; biên tập viên')}\s+(?=\S)", re.IGNORECASE)
_AFTER_NAME = re.compile(
    rf"\s*(?:\((?:{_any('t/h; th; st; dịch; sưu tầm')}|{_any(page_words.AUTHORSHIP)}|theo\b[^()]{{1,60}}"
    r"|ttxvn[^()]{0,30}|[^\W\d_][\w.]*(?:[ /][^\W\d_][\w.]*){0,4})\)"
    rf"|(?:[-–—,]\s*|\s)(?:{_any(page_words.AUTHORSHIP)}|theo\s+.{{1,50}}))$",
    re.IGNORECASE,
)
_THEO = re.compile(rf"theo\s+(?:{_any('báo; trang; tạp chí')}\s+)?(?=\S)", re.IGNORECASE)
_DOTTED = re.compile(r"\b\w\.")  # the dots of initials
_BETWEEN_NAMES = re.compile(r"\s*[-–—,;/&+|]\s*|\s+và\s+")
_LINE_END = 120  # characters at the end of a line in which its end is looked for
_LONGEST_DATE_LINE = 200
_LONGEST_PHRASE = 80  # characters; what is longer need not be looked up
_NAME_WORDS = 5
_BYLINE_WORDS = 14
_PARAGRAPH_WORDS = 30
_TITLE_WORDS = 25


def key(line: str) -> str:
    """Return the words of `line` in lower case, without digits and punctuation, in press tone style."""
    return normalize.press_tone(" ".join(re.findall(r"[^\W\d_]+", line.lower())))


def _is_one_of(line: str, phrases: frozenset[str]) -> bool:
    return len(line) <= _LONGEST_PHRASE and key(line) in phrases


def word_count(line: str) -> int:
    """Return the number of words of `line`, separated by spaces."""
    return len(line.split())


def is_paragraph(line: str) -> bool:
    """Return whether `line` is running text: it ends like a sentence, or is too long for a title."""
    count = word_count(line)
    if line.isupper() and count <= _TITLE_WORDS:
        return False
    if count >= _PARAGRAPH_WORDS or (count >= _TITLE_WORDS and _ASKING.search(line[-_LINE_END:])):
        return True
    return bool(_STOP.search(line[-_LINE_END:])) and count > 2 and not is_byline(line)  # noqa: PLR2004 - "Theo H.A." is two words


def is_stopped(line: str) -> bool:
    """Return whether `line` ends in a full stop, as few titles do."""
    return bool(_STOP.search(line[-_LINE_END:]))


def trails_off(line: str) -> bool:
    """Return whether `line` ends in three dots."""
    return line.rstrip("\"'”’»)").endswith(("...", "…"))


def ends_sentence(line: str) -> bool:
    """Return whether `line` ends as a sentence does."""
    return bool(_STOP.search(line[-_LINE_END:]) or _ASKING.search(line[-_LINE_END:]))


def kind_of(line: str) -> Kind | None:
    """Return the kind of `line` that its text decides, or None where its position decides."""
    if is_caption(line):
        return "caption"
    if is_related(line):
        return "related"
    if is_tags(line):
        return "tags"
    if _ADDRESS.fullmatch(line):
        return "furniture"
    if is_certain_button(line):
        return "share"
    return None


def is_caption(line: str) -> bool:
    """Return whether `line` is the caption or credit of a picture."""
    if _CAPTION.match(line):
        return True
    if word_count(line) <= _SOURCE_WORDS and _SOURCE_AT_END.match(line):
        return True
    return word_count(line) <= _CAPTION_WORDS and bool(_CREDIT_AT_END.match(line))


def is_credit(line: str) -> bool:
    """Return whether `line` only credits a picture, so that the line above may be its caption."""
    return bool(_CREDIT_ALONE.match(line))


def is_related(line: str) -> bool:
    """Return whether `line` points to another article: a heading such as "Xem thêm", or one link."""
    return is_related_heading(line) or bool(_RELATED_LINE.match(line))


def is_related_heading(line: str) -> bool:
    """Return whether links to other articles follow `line`."""
    return _is_one_of(line, page_words.RELATED)


def is_tags(line: str) -> bool:
    """Return whether `line` lists the article's tags, or is the heading of such a list."""
    return bool(_TAGS.match(line) or _HASHTAGS.fullmatch(line)) or _is_one_of(line, page_words.TAG_HEADINGS)


def is_tags_heading(line: str) -> bool:
    """Return whether tags follow `line`, one a line."""
    return _is_one_of(line, page_words.TAG_HEADINGS)


def is_comments_heading(line: str) -> bool:
    """Return whether readers' comments follow `line`."""
    return _is_one_of(line, page_words.COMMENTS)


def is_comment_button(line: str) -> bool:
    """Return whether `line` is printed under a reader's comment."""
    return _is_one_of(line, page_words.COMMENT_BUTTONS) or bool(re.fullmatch(r"\d+ (?:phút|giờ|ngày) trước", line))


def is_button(line: str) -> bool:
    """Return whether `line` is only buttons and counts, or asks the reader for something."""
    if has_no_letters(line):
        return False
    return bool(_APPEAL.match(line)) or (
        word_count(line) <= _BYLINE_WORDS and all(_is_one_button(cell) for cell in _CELLS.split(line.strip()))
    )


def _is_one_button(cell: str) -> bool:
    plain = " ".join(word for word in key(cell).split() if len(word) > 1)  # not the letters of "A- A A+"
    if not plain or plain in page_words.BUTTONS or plain in page_words.CERTAIN_BUTTONS:
        return True
    return bool(_COUNTER.fullmatch(cell)) or all(word in page_words.BUTTONS for word in plain.split())


def is_certain_button(line: str) -> bool:
    """Return whether `line` is a button even between two paragraphs, where "In" or "Facebook" may be text."""
    return _is_one_of(line, page_words.CERTAIN_BUTTONS)


def is_section(line: str) -> bool:
    """Return whether `line` is a section of a newspaper, or a trail of them ("Trang chủ > Thời sự")."""
    return _is_one_of(line, page_words.SECTIONS) or (
        bool(re.search(r"\S\s*[>»›]\s*\S", line)) and word_count(line) < _BYLINE_WORDS
    )


def is_place(line: str) -> bool:
    """Return whether `line` is only the name of a place."""
    return _is_one_of(line, page_words.PLACES)


def is_outlet(line: str) -> bool:
    """Return whether `line` is only the name of a newspaper."""
    return bool(re.fullmatch(rf"\(?{_OUTLET}\)?", line))


def is_masthead(line: str) -> bool:
    """Return whether `line` may be a newspaper's description of itself; a title may mention one too."""
    return word_count(line) <= _MASTHEAD_WORDS and bool(_MASTHEAD.search(line)) and not ends_sentence(line)


def has_no_letters(line: str) -> bool:
    """Return whether `line` has no letter: a count, a rule, a bullet."""
    return not any(letter.isalpha() for letter in line)


def is_name(line: str) -> bool:
    """Return whether `line` is written as a person's name: one to five words, each with a capital."""
    parts = line.split()
    return 0 < len(parts) <= _NAME_WORDS and all(map(_is_name_part, parts))


def _is_name_part(part: str) -> bool:
    pieces = part.split(".")
    if not part[0].isupper() or not all(piece.isalpha() for piece in pieces if piece):
        return False
    return len(pieces) == 1 or len(pieces[0]) <= 2  # noqa: PLR2004 - "Q.Huy", "Th.Hà", but not "Bắc Kạn."


def is_initials(line: str) -> bool:
    """Return whether `line` is only initials ("H.A.")."""
    return bool(_INITIALS.fullmatch(line)) and word_count(line) == 1


def is_byline(line: str) -> bool:
    """Return whether `line` says who wrote it: names, "PV", "Theo VnExpress", "Bài và ảnh: …"."""
    if word_count(line) > _BYLINE_WORDS or "\t" in line:
        return False
    written = line.strip(" *—–-_")
    if written.startswith("(") and written.endswith(")") and written.count("(") == 1:
        written = written[1:-1].strip()
    label = _LABEL.match(written)
    if label:
        written = written[label.end() :]
        return written[:1].isupper() and not _ASKING.search(written) and not _STOP.search(_DOTTED.sub("", written))
    if credited := _THEO.match(written):
        outlet = written[credited.end() :]
        return (
            outlet[:1].isupper() and word_count(outlet) <= _NAME_WORDS + 1 and not _STOP.search(_DOTTED.sub("", outlet))
        )
    written = _BEFORE_NAME.sub("", _AFTER_NAME.sub("", written))
    names = [part for part in _BETWEEN_NAMES.split(written) if part]
    return bool(names) and all(
        is_name(name) or _ROLE.fullmatch(name) or _INITIALS.fullmatch(name) or is_outlet(name) for name in names
    )


def date_of(line: str) -> tuple[str, str] | None:
    """Return `(ISO 8601 date, byline or outlet beside it)` for a line that only gives the date, or None."""
    found = dates.split(line) if len(line) <= _LONGEST_DATE_LINE else None
    if found is None:
        return None
    stamp, rest = found
    parts = [part for part in re.split(r"\s*\|\s*", rest) if part]
    names = [part for part in parts if is_byline(part) and not is_section(part) and not is_button(part)]
    if all(part in names or is_section(part) or is_place(part) or is_outlet(part) or is_button(part) for part in parts):
        return stamp, " | ".join(names)
    return None


def without_dateline(line: str) -> tuple[str, str]:
    """Return `(line without the dateline it begins with, the dateline or "")`.

    A place alone is a dateline only when a sentence follows: "Hà Nội - Lào Cai" is a road.
    """
    if match := _DATELINE.match(line):
        return line[match.end() :], match[0].strip()
    match = _PLACE_FIRST.match(line)
    if match is None or key(match["place"]) not in page_words.PLACES:
        return line, ""
    rest = line[match.end() :]
    following = rest.split()[:2]
    if key(following[0]) in page_words.PLACES or all(word[0].isupper() for word in following):
        return line, ""
    return rest, match[0].strip()


def without_end_mark(line: str) -> tuple[str, str, str]:
    """Return `(line without the agency's end mark "./.", the mark or "", what follows it)`.

    A sentence keeps its own full stop, and gets one where there was only the mark.
    """
    start = max(0, len(line) - _LINE_END)
    match = _END_MARK.search(line, start)
    if match is None or not match.start():
        return line, "", ""
    after = (match["after"] or "").strip()
    if after and not is_byline(after):
        return line, "", ""
    return f"{line[: match.start()]}{match['stop'] or '.'}{match['closing']}", "./.", after
