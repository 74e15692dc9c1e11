"""Names of football clubs, which hold words that someone watches for: steel, coal, the police, a province.

A name that is nothing but a club's is one everywhere. The others are also names of places, companies and
offices: they are a club's behind `CLB`, before `FC`, and in a text about sport.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_CLUBS_ONLY = (
    "thép xanh nam định", "than quảng ninh", "sông lam nghệ an", "đông á thanh hóa", "thể công viettel",
    "shb đà nẵng", "hồng lĩnh hà tĩnh", "quy nhơn bình định", "topenland bình định", "merryland quy nhơn bình định",
    "xi măng the vissai ninh bình", "the vissai ninh bình", "vissai ninh bình", "xi măng công thanh thanh hóa",
    "xi măng vicem hải phòng", "gạch đồng tâm long an", "đồng tâm long an", "thép miền nam cảng sài gòn",
    "cảng sài gòn", "than khoáng sản việt nam", "phong phú hà nam", "trường tươi bình phước",
    "thep xanh nam dinh", "nam dinh green steel", "green steel nam dinh", "nam dinh blue steel", "blue steel nam dinh",
    "song lam nghe an", "than quang ninh",
)  # fmt: skip
_ALSO_OTHERS = (
    "công an hà nội", "công an nhân dân", "công an tp.hcm", "công an thành phố hồ chí minh", "hoàng anh gia lai",
    "becamex bình dương", "bình dương", "hà nội", "hải phòng", "thanh hóa", "nam định", "nghệ an", "hà tĩnh",
    "quảng nam", "đà nẵng", "bình định", "bình phước", "ninh bình", "long an", "khánh hòa", "cần thơ", "đồng tháp",
    "đồng nai", "bà rịa vũng tàu", "phú thọ", "huế", "sài gòn", "thành phố hồ chí minh", "tp.hcm", "quảng ninh",
    "hanoi police", "cong an ha noi", "hanoi", "ha noi", "hai phong", "thanh hoa", "nam dinh", "da nang", "binh duong",
)  # fmt: skip
_SPORT = re.compile(
    r"(?<!\w)(?:v[-. ]?league|clb|cầu thủ|bàn thắng|vòng đấu|trận đấu|tiền đạo|tiền vệ|hậu vệ|thủ môn|hlv"
    r"|huấn luyện viên|bóng đá|ghi bàn|đội bóng|striker|goalkeeper|midfielder|defender|football|soccer|coach)(?!\w)"
)
_LEAST = 2  # different words of sport that make a text one about it; one may stand in a report of a crime


def _any(names: tuple[str, ...]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_CLUB_ONLY = re.compile(rf"(?<!\w)(?:{_any(_CLUBS_ONLY)})(?!\w)")
_NAMED_AS_CLUB = re.compile(
    rf"(?<!\w)(?:(?:clb|câu lạc bộ|đội bóng)\s+(?:bóng đá\s+)?(?:{_any(_ALSO_OTHERS)})(?:\s+fc)?"
    rf"|(?:{_any(_ALSO_OTHERS)})\s+(?:fc|f\.c\.|football club))(?!\w)"
)
_OTHER = re.compile(rf"(?<!\w)(?:{_any(_ALSO_OTHERS)})(?!\w)")


class Club(NamedTuple):
    """The position of a club's name in a text."""

    start: int
    end: int
    names_club: bool  # its words say that it is a club; else only the text around them does

    def hides(self, start: int, end: int) -> bool:
        """Return whether the text there is a part of the club's name and does not name the club."""
        inside = self.start <= start and end <= self.end
        return inside and not (self.names_club and (start, end) == (self.start, self.end))


def clubs(normal: str) -> tuple[Club, ...]:
    """Return the names of clubs in a text in lower case, NFC, with tones where the press puts them."""
    found = [Club(*match.span(), names_club=True) for match in _CLUB_ONLY.finditer(normal)]
    found += [Club(*match.span(), names_club=True) for match in _NAMED_AS_CLUB.finditer(normal)]
    if len(set(_SPORT.findall(normal))) >= _LEAST:
        found += [Club(*match.span(), names_club=False) for match in _OTHER.finditer(normal)]
    return tuple(found)
