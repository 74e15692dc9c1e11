"""Split Vietnamese news into sentences and clauses, in linear time.

The word before a full stop (an abbreviation, an initial, a list number) and the word after it decide whether it ends a
sentence. After an initial or abbreviation this is ambiguous ("chị H. Hà" continues, "chị H. Theo" does not), so the
sentence ends only before one of `_OPENERS`. A headline without a full stop that a scraper joined to the text is split
off before one of `_UNANNOUNCED`. A stop without a following space ends a sentence unless it is part of an address,
abbreviation, name or number ("mẹ.Dựa vào", "5,2%.Trong").

`tests/benchmarks/sentences.py` measures it and compares it with other splitters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Both lists were counted in the articles of the vietnews training set, whose lines are sentences.
#
# Of each of these words, 90 % of the capitalized occurrences start a sentence (30,000 articles, at least 60 times).
_OPENERS = frozenset(
    "Biết Buổi Bây Bên Bước Bị Bởi Chia Chiếc Chiều Chuyến Chúng Chưa Chẳng Chị Các Cháu Còn Có Cô Cũng Cùng Cú Cơn"
    " Cảm Cụ Cuối Cuộc Do Dù Dưới Dường Dẫn Dẫu Dịp Dựa Ghi Giữa Gần Hiện Hoặc Hôm Hơn Hắn Họ Khi Khoảng Khán Khác Kèm"
    " Kể Kết Là Lúc Lấy Lần Mong Màn Mà Mình Mặc Mấy Mỗi Mọi Mối Mới Mở Mức Muốn Ngay Ngoài Nghe Nguồn Ngược Ngày"
    " Nhiều Nhìn Nhóm Nhưng Nhận Nhắc Nhằm Nhờ Những Nó Nói Nạn Nằm Nếu Phía Phải Phản Qua Riêng Rõ Rất Rồi Sau Suốt"
    " Sẽ Số Sắp Sự Sợ Theo Thay Thấy Thậm Thật Tiếp Trao Trong Trên Trưa Trước Trả Trải Trở Tuy Tên Tôi Tại Từng Vài"
    " Việc Và Vào Ví Vì Vẫn Về Vốn Với Vậy Vừa Xem Xác Xét Ít Ông Đang Đã Đáng Đáp Đây Đó Đoạn Đúng Đến Để Đặc Được"
    " Đứng Đợt Ở".split()
)
# Of each of these, 90 % of the capitalized occurrences after a small letter, digit or closing quote start a sentence
# (40,000 articles).
_UNANNOUNCED = (
    "(?:(?:Bên cạnh|Cho đến|Chia sẻ (?:với|về)|Cuối (?:năm|tháng|tuần)|Các chuyên|Cách đây|Cùng (?:ngày|với)|Cũng"
    "|Cụ thể|Dù|Ghi nhận|Giới (?:chức|quan)|Gần|Hiện (?:nay|tại)|Hôm|Hầu hết|Hồi (?:giữa|tháng|đầu)|Khi được"
    "|Không chỉ|Kết (?:quả|thúc)|Kể|Liên quan|Là một|Mặc dù|Một (?:số|trong)|Mới đây|Ngay|Ngoài|Nguồn tin|Nhiều người"
    "|Nhìn|Như (?:báo|vậy)|Nhưng|Nhắc|Nhận định|Những năm|Nói về|Phát biểu|Rạng sáng"
    "|Sau (?:cuộc|khi|một|nhiều|những|thời|vụ|đó)|Sự việc|Theo(?! dõi)|Thế nhưng|Thời gian|Thực tế|Trao đổi|Trình bày"
    "|Trong|Trên|Trước|Trưa|Trả lời|Tuy nhiên|Tính đến|Tại(?! sao)|Từ khi|Việc(?! làm)|Vào|Về (?:phần|việc|vấn)|Với"
    "|Vụ việc|Vừa|Xem thêm|Ông (?:Bùi|Hoàng|Huỳnh|Hồ|Lê|Ngô|Nguyễn|Phan|Phạm|Trump|Trương|Trần|Võ|Vũ|Đặng|Đỗ)"
    "|Đây là|Đó|Được biết|Đầu (?:năm|tháng)|Đề cập|Đối với|Đồng thời|Động thái)(?= [^\\W\\d_]|,)"
    "|(?:Chiều|Hơn|Khoảng|Ngày|Năm|Sau|Sáng|Tối|Đêm|Đến) [0-9])"
)
_SHORTEST_HEADLINE = 12  # characters; a shorter one is more likely a name

_ABBREVIATIONS = frozenset(
    "TP Tp tp TX Tx TT PGS GS TS TSKH ThS Ths THS BS Bs BSCK CKI CKII LS Ls KS KTS CN NCS DS ĐD"
    " Mr Mrs Ms Dr Prof St Vol vol No Co sn Sn SN tr đt Đt ĐT SĐT Tel tel Fax".split()
)
# A name cut to its onset ("chị Tr.") is an initial too; a letter with a tone is a word ("nước Ý").
_INITIALS = frozenset((*"ABCDEFGHIJKLMNOPQRSTUVWXYZĂÂĐÊÔƠƯ", *"Ch Gi Kh Ng Ngh Nh Ph Qu Th Tr".split()))
# A capital after one of these is a label, not an initial: "vitamin C.", "bảng A.", "độ C.", "châu Á.", "Nam Á."
_LABELED = frozenset("vitamin nhóm bảng hạng loại khối lớp vùng kênh hình cấp khu dãy lô nhà độ châu nam".split())

_BREAK = re.compile(rf"[.!?…]+|(?<=[^\W_A-ZĐ]|[”\")])\s(?=[A-ZĐÔ]){_UNANNOUNCED}")
_CLOSERS = "\"'”’»)]}"
_DASHES = ("-", "–", "—")
# Characters before the first word of a sentence: quotes, brackets, dialogue dashes, list bullets.
_LEAD = re.compile(r"[\s\"'“‘”’«»(\[{*•+–—-]*")
_FIRST_WORD = re.compile(r"[^\W_]+")
_LAST_WORD = re.compile(r"[^\s\"'“‘«(\[{/,;:–—-]*\Z")
_NUMBER_OF_LIST = re.compile(r"[\"'“(\[*•+–—-]*\s*(?:[0-9]{1,3}(?:\.[0-9]{1,2})*|[A-Za-zĐđ]|[IVX]{1,5})\Z")
_LETTER_OF_LIST = re.compile(r"[a-hđ][.)]\s")
_TORN_NUMBER = re.compile(r"[0-9]\.\s[0-9]{3}(?![^\W_])")  # "1. 200", by a tokenizer
# Limits of looking back, which keep hostile input linear: longer than any abbreviation, than most quotations.
_LOOK_BACK = 24
_QUOTE_BACK = 400
# Before a stop without a following space: the last word, then closing quotes and brackets.
_BEFORE_GLUED = re.compile(r"(?P<word>[^\s\"'“‘«(\[{/,;:–—.!?…\"'”’»)\]}-]*)[\"'”’»)\]}]*\Z")
_AFTER_GLUED = re.compile(r"[\"“‘«(\[]?(?P<word>[^\W\d_]+)")
_ADDRESS = re.compile(r"://|www\.|[@_=\\]", re.IGNORECASE)
_LIST_DIGITS = 3  # "5.Điểm", "16.Omar" are list numbers
_WITHIN_NUMBER = frozenset(",./")  # "15/11.Văn", "5,2.Hai"
_DOMAINS = frozenset("Com Net Vn Org Edu Gov Info".split())
_TOKEN_BACK = 60  # of an address longer than this only the part near the stop is seen


def sentences(text: str) -> list[str]:
    """Return the sentences of `text` in order, stripped, none empty, with every character of `text` but spaces.

    A line break always ends a sentence. A stop within a quotation ends one like any other stop; closing quotes and
    brackets after the stop belong to the sentence.
    """
    return [piece for line in text.splitlines() for piece in _pieces(line)]


def _pieces(line: str) -> Iterator[str]:
    start = 0
    for end in (*_ends(line), len(line)):
        if piece := line[start:end].strip():
            yield piece
        start = end


def _ends(line: str) -> Iterator[int]:
    """Yield the end index of each sentence of `line` but the last."""
    start = 0
    for match in _BREAK.finditer(line):
        stop, behind = match.span()
        if line[stop].isspace():
            end, ends = stop, stop - start >= _SHORTEST_HEADLINE and not _is_in_name(line, stop)
        else:
            end = _behind_closers(line, behind)
            if line[end : end + 1].isspace():
                ends = _is_end(line, start, stop, behind, end)
            else:
                ends = _is_glued_end(line, start, stop, end)
        if ends:
            yield end
            start = end


def _is_in_name(line: str, before: int) -> bool:
    """Return whether the word after the space at `before` is part of a name: Trần Văn Trong, Đi Trong Mưa."""
    last = _word_before(line, 0, before)
    following = line[before : before + _LOOK_BACK].split()[1:2]
    return last in {"Thị", "Văn"} or (last[:1].isupper() and following != [] and following[0][0].isupper())


def _behind_closers(line: str, at: int) -> int:
    """Return the index after the quotes and brackets that close at `at`.

    A closing quote that a tokenizer separated (`rồi. " Ông`) counts too: unlike an opening one, a space follows it.
    """
    end = at
    while end < len(line) and line[end] in _CLOSERS:
        end += 1
    torn = line[at : at + 3]
    if end == at and len(torn) == len(' " ') and torn[0].isspace() and torn[1] in _CLOSERS and torn[2].isspace():
        return at + 2
    return end


def _is_end(line: str, start: int, stop: int, behind: int, end: int) -> bool:
    """Return whether the stop at [stop, behind) ends the sentence from `start`; `end` is after its closers."""
    lead = _LEAD.match(line, end)
    assert lead is not None
    first = line[lead.end() : lead.end() + 1]
    if not (first.isalnum() or first in {"#", "@", "$", "€"}):
        return False
    if first.islower() and not _LETTER_OF_LIST.match(line, lead.end()):
        return False
    opening = lead[0].strip()[:1]
    if opening in _DASHES and (end > behind or not first.isupper()):
        return False  # “Đi thôi!” - ông nói
    mark = line[stop:behind]
    if mark == ".":
        return _full_stop_ends(line, start, stop, first_word=_word_at(line, lead.end()), opening=opening)
    if "…" in mark or "..." in mark:
        near = max(start, stop - _QUOTE_BACK)
        if line.rfind("“", near, stop) > line.rfind("”", near, stop):
            return False  # a pause in direct speech
        return not (first.isdigit() or opening == "(" or opening in _DASHES)
    return True


def _is_glued_end(line: str, start: int, stop: int, end: int) -> bool:
    """Return whether the stop at `stop` ends a sentence although no space follows it and its closers, at `end`.

    It does after a word in lower case, a percentage, a closer, or a long or composed number, and after any other word
    before one of `_OPENERS`.
    """
    following = _AFTER_GLUED.match(line, end)
    if following is None or not following["word"][0].isupper():
        return False
    near = max(start, stop - _LOOK_BACK)
    before = _BEFORE_GLUED.search(line, near, stop)
    assert before is not None
    word, first = before["word"], following["word"]
    if not before[0] or _ADDRESS.search(_token_at(line, start, stop)):
        return False
    if word in _ABBREVIATIONS or word in _INITIALS or first in _DOMAINS:
        return False
    opens = first in _OPENERS
    if not (opens or first[1:2].islower()):
        return False  # "_3.JPG", "TP.HCM"
    if word.isdigit():
        whole = line[max(start, before.start() - 1) : before.start()]
        return opens or len(word) > _LIST_DIGITS or whole in _WITHIN_NUMBER
    small = word == "" or word[-1] == "%" or (word.islower() and (len(word) > 1 or not word.isascii()))
    return small or (opens and len(word) > 1)


def _token_at(line: str, start: int, at: int) -> str:
    """Return the characters around `at` up to the next spaces."""
    before = line[max(start, at - _TOKEN_BACK) : at].rpartition(" ")[2]
    return before + line[at : at + _TOKEN_BACK].partition(" ")[0]


def _full_stop_ends(line: str, start: int, stop: int, *, first_word: str, opening: str) -> bool:
    """Return whether the full stop at `stop` ends the sentence; `first_word` would start the next one."""
    if stop - start < _LOOK_BACK and _NUMBER_OF_LIST.match(line[start:stop].strip()):
        return False
    last = _LAST_WORD.search(line, max(start, stop - _LOOK_BACK), stop)
    assert last is not None
    word = last[0].rpartition(".")[2]
    if word in _ABBREVIATIONS:
        return first_word in _OPENERS
    if word in _INITIALS and _word_before(line, start, last.start()).lower() not in _LABELED:
        return opening in {'"', "“"} or (opening == "" and first_word in _OPENERS)
    return _TORN_NUMBER.match(line, stop - 1) is None


def _word_at(line: str, at: int) -> str:
    found = _FIRST_WORD.match(line, at)
    return found[0] if found else ""


def _word_before(line: str, start: int, at: int) -> str:
    words = line[max(start, at - _LOOK_BACK) : at].split()
    return words[-1] if words else ""


# A clause ends after these marks, and starts before these words and dashes. Words that are often not conjunctions (còn,
# nên, hay, song) are left out.
_CLAUSE = re.compile(
    r"(?<=[;:,…]) | (?=[–—-] )"
    r"|(?<![–—-]) (?=(?:và|nhưng|hoặc|mà|thì|vì|bởi|nếu|rằng|để|trong khi|trước khi|sau khi|đồng thời|tuy nhiên|do đó"
    r"|cho nên|cũng như) )"
)


def clauses(sentence: str) -> list[str]:
    """Return the clauses of `sentence`, stripped, none empty; joined by spaces they are its words.

    They are as short as punctuation and conjunctions allow; callers join neighbors into longer ones.
    """
    return [clause for clause in _CLAUSE.split(" ".join(sentence.split())) if clause]
