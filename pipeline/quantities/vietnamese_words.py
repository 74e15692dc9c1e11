"""The Vietnamese words of numbers, and what tells them from their homographs."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from pipeline.quantities.units import SIGNS, VIETNAMESE, alternatives, beside
from pipeline.quantities.values import Kind

START: Final = r"(?<![^\W_])"
END: Final = r"(?![^\W_])"

DIGITS: Final = {
    "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "nhăm": 5, "sáu": 6, "bảy": 7,
    "bẩy": 7, "tám": 8, "chín": 9,
}  # fmt: skip
SCALES: Final = {
    "chục": 10, "tá": 12, "trăm": 10**2, "nghìn": 10**3, "ngàn": 10**3, "vạn": 10**4, "triệu": 10**6, "tỷ": 10**9,
    "tỉ": 10**9,
}  # fmt: skip
MONTHS: Final = {
    "giêng": 1, "một": 1, "hai": 2, "ba": 3, "tư": 4, "năm": 5, "sáu": 6, "bảy": 7, "bẩy": 7, "tám": 8, "chín": 9,
    "mười một": 11, "mười hai": 12, "mười": 10, "chạp": 12,
}  # fmt: skip
WEEKDAYS: Final = {"hai": 1, "ba": 2, "tư": 3, "năm": 4, "sáu": 5, "bảy": 6, "bẩy": 6}
ORDINALS: Final = {"nhất": 1, "nhì": 2} | {word: value for word, value in DIGITS.items() if value > 1}
# Words that can answer for a number, and need not be answered.
LOOSE: Final[dict[str, tuple[Fraction, Kind, str]]] = {
    "đôi": (Fraction(2), "number", ""),
    "cặp": (Fraction(2), "number", ""),
    "kép": (Fraction(2), "multiple", ""),
    "tá": (Fraction(12), "number", ""),
    "rưỡi": (Fraction(1, 2), "fraction", ""),
    "duy nhất": (Fraction(1), "number", ""),
    "đầu tiên": (Fraction(1), "ordinal", ""),
    "thập kỷ": (Fraction(1), "measure", "decades"),
    "thập kỉ": (Fraction(1), "measure", "decades"),
    "thế kỷ": (Fraction(1), "measure", "centuries"),
    "thế kỉ": (Fraction(1), "measure", "centuries"),
}

# Numerals: figures and words with their scale words

FIGURE: Final = r"[0-9]+(?:[.,][0-9]+)*"
_D: Final = "một|hai|ba|bốn|năm|sáu|bảy|bẩy|tám|chín"
_TAIL: Final = "một|mốt|hai|ba|bốn|tư|lăm|nhăm|sáu|bảy|bẩy|tám|chín"  # năm behind a ten is a year
_BELOW_HUNDRED: Final = (
    rf"(?:(?:{_D}) mươi(?: (?:{_TAIL}){END})?|(?:{_D}) (?:lăm|nhăm|mốt)|mười(?: (?:{_TAIL}){END})?|(?:{_D}))"
)
_BELOW_THOUSAND: Final = rf"(?:(?:{_D}) trăm(?: (?:linh|lẻ) (?:{_D})| {_BELOW_HUNDRED})?|{_BELOW_HUNDRED}){END}"
# tỷ lệ, tỷ số, tỷ giá, tỷ phú and triệu tập, triệu hồi, triệu chứng, triệu phú hold no scale
SCALE: Final = (
    rf"(?:chục|tá|trăm|nghìn|ngàn|vạn|triệu(?! (?:tập|hồi|chứng|phú){END})"
    rf"|t[ỷỉ](?! (?:lệ|số|giá|trọng|suất|phú|phần|mỉ|đối|thí){END})){END}"
)
_ATOM: Final = rf"(?:{FIGURE}|{_BELOW_THOUSAND})"
SHORT_SCALES: Final = {"k": 10**3, "tr": 10**6}  # 500k, 50 tr đồng
_SHORT: Final = rf"(?:(?<=[0-9])k|(?<=[0-9])[ ]?tr){END}"
PART: Final = re.compile(rf"(?P<atom>{_ATOM})(?P<scales>{_SHORT}|(?:[ \xa0]?{SCALE}){{0,3}})")
NUMERAL: Final = re.compile(
    rf"(?:{START}|(?<=[^\W\d_])(?=[0-9])){_ATOM}"  # VND5
    rf"(?:{_SHORT})?(?:(?:[ \xa0]?{SCALE}){{1,3}}(?:[ ](?:không trăm )?(?:(?:linh|lẻ) )?{_ATOM}(?![.,/][0-9]))?)*"
    rf"(?:[ ]r[ưu][ỡở]i{END})?"
)
ANY_SCALE: Final = re.compile(SCALE)
VAGUE: Final = re.compile(
    rf"{START}(?P<head>(?:hàng|nhiều|vài|mấy|dăm|cả|vài ba|hằng)[ ])?(?P<scales>{SCALE}(?:[ ]{SCALE}){{0,2}})"
)
LOOSE_WORD: Final = re.compile(rf"{START}(?:{alternatives(LOOSE)}){END}")
LABEL: Final = re.compile(r"(?<![^\W_])([a-zđ]{1,5})-?([0-9]{1,4})(?:[a-zđ](?![^\W_])|(?![^\W_]|[.,][0-9]))")

# năm is a year, chín ripe and ba a father unless something that is counted follows.
_COUNTED: Final = (
    "người con chiếc cái căn ngôi bộ cuốn quyển bức ngày tháng tuần giờ phút giây năm lần bàn trận đội cầu vụ ca trường"
    " tỉnh huyện xã nước quốc công nhóm thành đứa trẻ em cô anh chị bà ông cháu bệnh nạn nghi bị đối dự loại điểm mét"
    " km tấn hecta ha tàu xe máy tầng phòng đồng đô phần cấp tổ địa khu hộ gia cặp tên kẻ sinh vị mùa món bài khách thí"
    " cảnh binh nhà hãng ngân bước yếu vấn lý cách mục chương tiêu trong viên quả phiên tập bang thập thế khóa đợt hành"
    " nữ nam chuyến tiếng cây phiếu trăm nghìn ngàn triệu tỷ tỉ vạn tuổi bậc mức tội lính dịch"
).split()
COUNTED_BEHIND: Final = re.compile(rf"[ ](?:{'|'.join(_COUNTED)}|học (?:sinh|viên|trò)){END}")
NOT_FIVE: Final = re.compile(
    rf"(?:{START}(?:mỗi|một|hằng|hàng|nhiều|vài|mấy|các|những|suốt|quanh|cuối|đầu|giữa|nửa|cả|từng|cùng|của|theo|lâu"
    r"|tháng|năm|[0-9]+)[ ]|[0-9])\Z"
)
ALL: Final = re.compile(rf"{START}(?:cả|các|những|của)[ ]\Z")
THEM: Final = re.compile(
    r"[ ](?:người|nạn nhân|bị can|bị cáo|nghi phạm|em|cháu|con|đứa|anh|chị|cô|đội|nước"
    rf"|tỉnh|xã|chiếc|ngôi|vụ|ca|ngư dân|học sinh|thuyền viên|thành viên|đối tượng){END}"
)
YEAR_BEHIND: Final = re.compile(r" (?:[0-9]{3,4}|nay|ngoái|trước|sau|qua|tới|học|mới|âm|dương|đầu)(?![^\W_])|[^ ]|\Z")
NOT_THREE: Final = re.compile(
    rf"-[^\W\d_]| (?:mẹ|má|lô|hoa|lan|tư|chỉ|rọi|phải|tôi|của|chồng|vợ|đình|na|gai|lăng|nuôi|bánh|láp|ba|que){END}"
)
FATHER: Final = re.compile(rf"{START}(?:ông|bố|người|vài|đôi|ngã)[ ]\Z|[^\W\d_]-\Z")
SENTENCE_START: Final = re.compile(r"(?:\A|[.!?…:;\n]|[“\"'‘(•*\[-])[\s“\"'‘(\[]*\Z")
CAPITAL: Final = re.compile(f"[ -][{''.join(chr(code) for code in range(0x41, 0x1EFA) if chr(code).isupper())}]")

# What stands beside a number

UNIT: Final = re.compile(rf"[ \xa0-]?{beside(VIETNAMESE)}")
NO_UNIT: Final = re.compile(
    r"[ \xa0-]?(?:đồng (?:chí|phạm|nghiệp|đội|hồ|bằng|thời|minh|bào|hương|tác|loạt|ý|tháp|nai|hới|chủ|sáng|đẳng|phục"
    r"|lõa|xoài)|đô (?:thị|vật|đốc)|bảng (?:đấu|xếp|điểm|xanh|tổng|cân|giá)|cân (?:đối|nặng|bằng|nhắc)"
    r"|tháng [0-9]+|ngày [0-9]+|năm (?:[0-9]{4}|nay)"
    r"|tiếng (?:súng|nổ|nói|anh|việt|pháp|trung|nhật|hàn|nga|kêu|động|la|đồn)"
    r"|tuần (?:tra|lộc)|yên (?:bái|thế|tĩnh|ổn)|giờ đây|đêm (?:nhạc|diễn)|tạ (?:ơn|lỗi|đình|tội)|tấn công"
    rf"|phút (?:bù|cuối)|yến (?:tiệc|sào)){END}"
)
PERCENT: Final = re.compile(rf"[ \xa0]?(?:%|phần trăm{END}|điểm phần trăm|điểm %|pct)")
AND_HALF: Final = re.compile(rf"[ ]r[ưu][ỡở]i{END}")
BASIS_POINTS: Final = re.compile(rf"[ ]điểm cơ bản{END}")  # hundredths of a percent
SIGN: Final = re.compile(rf"(?:(?<![^\W\d_])({alternatives(SIGNS)}))[ \xa0]?\Z")
# A number below zero: `âm 5 độ C`, `5 độ C dưới 0`; a lone minus before so many degrees is one for sure
BELOW_ZERO_SAID: Final = re.compile(rf"{START}âm[ \xa0](?:{alternatives(SIGNS)})?[ ]?\Z")
BELOW_ZERO: Final = re.compile(rf"(?:[ ]?độ)?[ ]dưới (?:0|không)(?![.,][0-9])(?:[ ]?(?:độ(?: c{END})?|°c))?{END}")
BELOW_ZERO_NEEDS: Final = frozenset(("âm", "dưới"))
DEGREES: Final = re.compile(rf"(?:[ ]?(?:-|–|đến|tới|và|hoặc)[ ]?(?:âm |[-−])?{FIGURE})?[ \xa0]?(?:độ{END}|[°º℃℉])")
HEDGE: Final = re.compile(
    rf"{START}(?:gần|hơn|khoảng|trên|dưới|chừng|xấp xỉ|ít nhất|tối thiểu|tối đa|quá|cỡ|tầm|ước tính|ngót|độ"
    r"|tới|đến)[ ]\Z"
)
CLAUSE_END: Final = re.compile(r"[ ]?(?:[.;:!?…)”\"/]|,(?![0-9])|\Z)")
BETWEEN: Final = re.compile(
    r"[ ]?(?:-|–|—|~|,|đến|tới|và|hoặc|hay|lên|xuống|xuống còn|lên tới|lên đến)[ ]?(?:hơn |gần |khoảng |còn |mức )?\Z"
)
# A figure that shows how its writer separates decimals, and one of which it matters.
DECIMAL_COMMA: Final = re.compile(r"[0-9]\.[0-9]{3}(?![0-9])|(?<![0-9,.])[0-9]{1,3},(?:[0-9]{1,2}|[0-9]{4,})(?![0-9])")
DOUBTFUL: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}(?![0-9])")
