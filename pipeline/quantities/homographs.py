"""Number words that are something else: `năm` is a year, `ba` a father, `Ba Đình` a place, "one another" a pronoun."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pipeline.quantities.measures import VI_UNIT
from pipeline.quantities.patterns import EN_CAPITAL, END, SENTENCE_START, START, VI_CAPITAL, needs
from pipeline.quantities.scanned_text import Rule, ScannedText
from pipeline.quantities.values import Quantity

# năm is a year, chín ripe and ba a father unless something that is counted follows.
_VI_COUNTED: Final = (
    "người con chiếc cái căn ngôi bộ cuốn quyển bức ngày tháng tuần giờ phút giây năm lần bàn trận đội cầu vụ ca trường"
    " tỉnh huyện xã nước quốc công nhóm thành đứa trẻ em cô anh chị bà ông cháu bệnh nạn nghi bị đối dự loại điểm mét"
    " km tấn hecta ha tàu xe máy tầng phòng đồng đô phần cấp tổ địa khu hộ gia cặp tên kẻ sinh vị mùa món bài khách thí"
    " cảnh binh nhà hãng ngân bước yếu vấn lý cách mục chương tiêu trong viên quả phiên tập bang thập thế khóa đợt hành"
    " nữ nam chuyến tiếng cây phiếu tuổi bậc mức tội lính dịch"
).split()
VI_COUNTED_BEHIND: Final = re.compile(rf"[ ](?:{'|'.join(_VI_COUNTED)}|học (?:sinh|viên|trò)){END}")
_VI_NOT_FIVE: Final = re.compile(
    rf"(?:{START}(?:mỗi|một|hằng|hàng|nhiều|vài|mấy|các|những|suốt|quanh|cuối|đầu|giữa|nửa|cả|từng|cùng|của|theo|lâu"
    r"|tháng|năm|[0-9]+)[ ]|[0-9])\Z"
)
_VI_ALL: Final = re.compile(rf"{START}(?:cả|các|những|của)[ ]\Z")
_VI_THEM: Final = re.compile(
    r"[ ](?:người|nạn nhân|bị can|bị cáo|nghi phạm|em|cháu|con|đứa|anh|chị|cô|đội|nước"
    rf"|tỉnh|xã|chiếc|ngôi|vụ|ca|ngư dân|học sinh|thuyền viên|thành viên|đối tượng){END}"
)
_VI_YEAR_BEHIND: Final = re.compile(
    r" (?:[0-9]{3,4}|nay|ngoái|trước|sau|qua|tới|học|mới|âm|dương|đầu)(?![^\W_])|[^ ]|\Z"
)
_VI_NOT_THREE: Final = re.compile(
    rf"-[^\W\d_]| (?:mẹ|má|lô|hoa|lan|tư|chỉ|rọi|phải|tôi|của|chồng|vợ|đình|na|gai|lăng|nuôi|bánh|láp|ba|que){END}"
)
_VI_FATHER: Final = re.compile(rf"{START}(?:ông|bố|người|vài|đôi|ngã)[ ]\Z|[^\W\d_]-\Z")
_VI_COUPLE: Final = re.compile(rf" (?:vợ chồng|(?:cha|bố|mẹ|bà|ông|chị|anh) (?:con|cháu|em)){END}")  # a man and his son
_VI_LONGEST_HOMOGRAPH: Final = len("mười")  # the number words that have homographs


def vi_judged(scanned: ScannedText, quantity: Quantity) -> Quantity | None:
    """Return a number word unchanged, with lower salience if it may be its homograph, None if it is part of a name."""
    word, start, end = quantity.text.lower(), quantity.start, quantity.end
    if word[0].isdigit() and (
        scanned.before(start, 4) == "ngã "  # a junction
        or (word == "4" and scanned.before(start, 8) == "nhà cấp ")  # a house of one story
        or (word == "2" and _VI_COUPLE.match(scanned.lowercased, end))
    ):
        return replace(quantity, salience="optional")
    if len(word) > _VI_LONGEST_HOMOGRAPH or word[0].isdigit():
        return quantity
    if quantity.text[0].isupper() and (
        not SENTENCE_START.search(scanned.text, max(0, start - 4), start) or VI_CAPITAL.match(scanned.text, end)
    ):
        return None
    before = scanned.before(start, 8)
    counted = VI_COUNTED_BEHIND.match(scanned.lowercased, end) is not None
    match word:
        case "năm":
            all_five = _VI_ALL.search(before) and _VI_THEM.match(scanned.lowercased, end)  # cả năm người, not cả năm
            if not all_five and (_VI_NOT_FIVE.search(before) or _VI_YEAR_BEHIND.match(scanned.lowercased, end)):
                return None
            sure = counted
        case "chín":
            sure = counted
        case "ba":
            sure = not _VI_NOT_THREE.match(scanned.lowercased, end) and not _VI_FATHER.search(before)
        case "một":
            sure = False
            if not counted and VI_UNIT.match(scanned.lowercased, end) is None:
                return None
        case _:
            sure = True
    return quantity if sure else replace(quantity, salience="optional")


# English


EN_PRONOUN: Final = Rule(
    name="English: pronoun",
    pattern=re.compile(rf"{START}(?:one another|no one|one of|one by one|the one|ones|one's|every one){END}"),
    read=None,
    needs=needs("one ones"),
    examples={
        "one another, no one": "",
    },
)


def en_judged(scanned: ScannedText, quantity: Quantity) -> Quantity:
    """Return a number word of a name, the Four Seasons, as loose."""
    start, end = quantity.start, quantity.end
    if (
        quantity.salience == "word"
        and quantity.text[0].isupper()
        and EN_CAPITAL.match(scanned.text, end)
        and not SENTENCE_START.search(scanned.text, max(0, start - 4), start)
    ):
        return replace(quantity, salience="optional")
    return quantity
