"""Other ways to write a Vietnamese sentence, which may help a translator that made an error in it.

Each variant says the same. Its translation is a candidate beside those of the sentence itself (`repair`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from pipeline.checks.names.entities import read_vietnamese
from pipeline.records import RepairSource
from pipeline.text.normalize import fold
from pipeline.text.sentences import clauses

_MARKS = re.compile("[\u0300-\u036f]+")


def variants(sentence: str) -> list[tuple[RepairSource, list[str]]]:
    """Return the other ways to write it, without those that change nothing; one in clauses has several texts."""
    named, spelled = ascii_names(sentence), spelled_amounts(sentence)
    both = ascii_names(spelled)
    ways: dict[str, RepairSource] = {both: "names_amounts", spelled: "amounts", named: "names"}  # equal ones once
    several = in_clauses(sentence)
    written: list[tuple[RepairSource, list[str]]] = [(way, [text]) for text, way in ways.items() if text != sentence]
    return written + ([("clauses", several)] if several else [])


def ascii_names(sentence: str) -> str:
    """Return the sentence with its personal and Vietnamese place names without marks, as English writes them."""
    reading = read_vietnamese(sentence)
    spans = [(run.tokens[0].start, run.tokens[-1].end) for run in reading.spans if not run.translatable]
    for entity in reading.entities:
        first, last = reading.tokens[entity.begin], reading.tokens[entity.end - 1]
        if fold(sentence[first.start : last.end]) == fold(entity.entry.english):
            spans.append((first.start, last.end))
    pieces, at = [], 0
    for start, end in sorted(spans):
        pieces += [sentence[at:start], _without_marks(sentence[start:end])]
        at = end
    return "".join([*pieces, sentence[at:]])


def _without_marks(name: str) -> str:
    bare = _MARKS.sub("", unicodedata.normalize("NFD", name))
    return unicodedata.normalize("NFC", bare).replace("đ", "d").replace("Đ", "D")


_DAY = r"(0?[1-9]|[12]\d|3[01])"
_MONTH = r"(0?[1-9]|1[0-2])"
_YEAR = r"((?:19|20)\d\d)"
_NO_MORE = r"\b(?![/.,-]?\d)"
_SPELLED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        (rf"\bngày {_DAY}[/.-]{_MONTH}[/.-]{_YEAR}{_NO_MORE}", r"ngày \1 tháng \2 năm \3"),
        (rf"(?<![\d/.,-]){_DAY}[/.-]{_MONTH}[/.-]{_YEAR}{_NO_MORE}", r"ngày \1 tháng \2 năm \3"),
        (rf"\bngày {_DAY}[/-]{_MONTH}{_NO_MORE}", r"ngày \1 tháng \2"),
        (rf"\b(sáng|trưa|chiều|tối|đêm|hôm)( nay)? {_DAY}[/-]{_MONTH}{_NO_MORE}", r"\1\2 ngày \3 tháng \4"),
        (rf"\({_DAY}[/-]{_MONTH}\)", r"(ngày \1 tháng \2)"),
        (rf"\btháng {_MONTH}[/-]{_YEAR}{_NO_MORE}", r"tháng \1 năm \2"),
        (r"\b([01]?\d|2[0-4])[hg]([0-5]\d)\b", r"\1 giờ \2 phút"),
        (r"\b([01]?\d|2[0-4])h\b", r"\1 giờ"),
        (r"(?<=\d) ?tr(?:đ|iệu đ)?\b", " triệu đồng"),
        (r"(?<=\d) ?tỷ đ\b", " tỷ đồng"),
        (r"(?<=\d) ?đ\b", " đồng"),
        (r"(?<=\d) ?ha\b", " héc-ta"),
        (r"(?<=\d) ?m2\b", " mét vuông"),
    )
)


# a time of the afternoon or the night by the clock of 24 hours, which small models turn into "20 p.m."
_AFTERNOON = re.compile(
    r"(?<![\d.,/:-])(1[3-9]|2[0-3])(?:[hg]([0-5]\d)?|\s+giờ(?:\s+([0-5]\d)(?:\s+phút)?)?)(?![\w/]|\s+đồng hồ)"
    r"(\s+(?:trưa|chiều|tối|đêm|khuya))?",
    re.IGNORECASE,
)
_EVENING, _NIGHT = 18, 22


def _by_twelve_hours(match: re.Match[str]) -> str:
    hour, minutes = int(match[1]), match[2] or match[3]
    part = match[4] or (" chiều" if hour < _EVENING else " tối" if hour < _NIGHT else " đêm")
    return f"{hour - 12} giờ{f' {minutes} phút' if minutes else ''}{part}"


def spelled_amounts(sentence: str) -> str:
    """Return the sentence with its short dates, times and units written in full: `20h`, `14/2`, `5 tr`.

    A time after noon is written as it is said, `8 giờ tối`: of `20h` the bundled translator made "20 p.m.".
    """
    sentence = _AFTERNOON.sub(_by_twelve_hours, sentence)
    for pattern, written in _SPELLED:
        sentence = pattern.sub(written, sentence)
    return sentence


_LONG = 24  # syllables
_SHORTEST_CLAUSE = 8
_STOP = re.compile(r"[.!?…]+[\"'”’)]*\Z")


def in_clauses(sentence: str) -> list[str]:
    """Return a long sentence as two or more groups of clauses, or nothing."""
    if len(sentence.split()) < _LONG:
        return []
    groups: list[str] = []
    for clause in clauses(sentence):
        if groups and (len(groups[-1].split()) < _SHORTEST_CLAUSE or len(clause.split()) < _SHORTEST_CLAUSE):
            groups[-1] += f" {clause}"
        else:
            groups.append(clause)
    return groups if len(groups) > 1 else []


def joined_clauses(groups: Sequence[str], translations: Sequence[str]) -> str:
    """Return the translations as one sentence: without the full stop that a translator adds to a part of one."""
    kept = [
        translation if _STOP.search(group) else translation.strip().removesuffix(".")
        for group, translation in zip(groups[:-1], translations[:-1], strict=True)
    ]
    return " ".join([*kept, translations[-1]]).strip()
