"""Check the gender of pronouns and titles in the translation, and the name after a title such as Mr.

Vietnamese uses the given name, which comes last (Nguyễn Xuân Phúc is Mr Phuc), and shows the gender by the title. A
translator that sees one sentence at a time must guess and is often wrong. Only clear cases are flagged: one person,
titles of one gender, and English pronouns of the other gender only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.checks.names.entities import is_syllable, read_vietnamese
from pipeline.checks.names.gazetteer import gazetteer
from pipeline.checks.view import Pair, View
from pipeline.records import Flag
from pipeline.text.normalize import fold, press_tone

Gender = Literal["man", "woman"]

_MEN = ("ông", "anh", "chú", "thầy", "cậu", "chàng")
_WOMEN = ("bà", "chị", "cô", "thím", "mợ", "dì", "nàng")
_HONORIFICS = frozenset((*_MEN, *_WOMEN))
_CAPITALS = "".join(chr(code) for code in range(0x41, 0x1EFA) if chr(code).isupper())
_NAME = f"[{_CAPITALS}][^\\W\\d_]*(?: [{_CAPITALS}][^\\W\\d_]*){{0,4}}"
_FULL_NAME = re.compile(f"(?<![^\\W_])({_NAME})")


def _either(phrases: str) -> re.Pattern[str]:
    """Return the case-insensitive pattern of any of the comma-separated phrases."""
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(phrases.split(', '))})(?![^\W_])", re.IGNORECASE)


_TITLES = re.compile(f"(?<![^\\W_])({'|'.join([*_MEN, *_WOMEN, *map(str.title, [*_MEN, *_WOMEN])])}) ({_NAME})")
_TITLE_WORDS: dict[Gender, re.Pattern[str]] = {"man": _either(", ".join(_MEN)), "woman": _either(", ".join(_WOMEN))}
# Compounds and names in which these syllables are not titles.
_COMPOUNDS = _either(
    "anh em, anh chị, anh hùng, anh dũng, anh linh, anh minh, anh tài, anh ngữ, anh đào, anh quốc, chị em, ông bà, "
    "ông lớn, ông trùm, ông kẹ, ông bụt, bà con, bà rịa, bà nà, bà đen, bà mụ, bà triệu, cô đơn, cô lập, cô đọng, "
    "cô đặc, cô quạnh, cô thôn, cô hồn, chú trọng, chú ý, chú giải, chú thích, chú tâm, chú chó, chú mèo, chú khỉ, "
    "chú cá, chú chim, chú lợn, chú gấu, chú ngựa, chú voi, chú rối, chú lùn, thầy cô, thầy thuốc, thầy trò, thần chú, "
    "ghi chú, bùa chú, tiếng anh, nước anh, người anh, bảng anh, mẫu anh, dặm anh"
)
# Nouns that show the gender (tàu and thuyền: a ship may be she), and nouns for people that do not.
_NOUNS: dict[Gender, re.Pattern[str]] = {
    "man": _either(
        "đàn ông, cậu bé, chàng trai, anh trai, em trai, con trai, bé trai, chồng, bố, cha, nam sinh, nam diễn viên, "
        "nam ca sĩ, nam thanh niên, nam bệnh nhân, nam nghi phạm, nam giới, vua, hoàng tử, chú rể, quý ông"
    ),
    "woman": _either(
        "phụ nữ, đàn bà, cô gái, cô bé, cô dâu, chị gái, em gái, con gái, bé gái, thiếu nữ, vợ, mẹ, nữ, nữ sinh, "
        "hoàng hậu, công chúa, nữ hoàng, hoa hậu, quý bà, góa phụ, tàu, thuyền"
    ),
}
_SOMEBODY = _either(
    "em, cháu, con, bé, trẻ, cụ, bác, nạn nhân, bệnh nhân, bị cáo, bị can, nghi phạm, nghi can, thân nhân, bạn, "
    "người yêu, người tình, người này, đối tượng, diễn viên, ca sĩ, người mẫu, cầu thủ, thí sinh, học sinh, sinh viên, "
    "tài xế, luật sư, bác sĩ"
)
_BEFORE_NAME = re.compile(f" [{_CAPITALS}]")
_PRONOUNS: dict[Gender, re.Pattern[str]] = {
    "man": _either("he, him, his, himself"),
    "woman": _either("she, her, hers, herself"),
}
_ENGLISH_TITLE = re.compile(
    r"\b(Mr|Mister|Ms|Mrs|Miss|Madam|Madame|Dr|Prof|Professor|President|Prime Minister|Deputy Prime Minister|Minister|"
    r"Deputy Minister|Chairman|Chairwoman|General|Colonel|Captain|Major|Lieutenant|Lawyer|Judge|Secretary|Director)"
    r"\.?\s+([A-Z][a-z]+)\b(?![-\s]+[A-Z])"
)
_TITLE_GENDER: dict[str, Gender] = {
    "Mr": "man", "Mister": "man", "Ms": "woman", "Mrs": "woman", "Miss": "woman", "Madam": "woman", "Madame": "woman",
}  # fmt: skip
_BY_SURNAME = frozenset({"ho chi minh"})  # known by the surname abroad
_FEWEST_OF_A_FULL_NAME = 2


@dataclass(frozen=True, slots=True)
class _People:
    """The Vietnamese people of a record; names folded."""

    full: frozenset[tuple[str, ...]]  # full names, surname first
    gender: Mapping[str, Gender]  # by given name, if all titles in the article are of one gender


def check(view: View) -> list[Flag]:
    """Return the flags `pronoun`, and `name` for a title before a surname alone."""
    speaking = [pair for pair in view.pairs if _speaks_of_somebody(pair.target.text)]
    if not speaking:
        return []  # as for most records; looking for people reads the whole article
    people = _people(view)
    found: list[Flag] = []
    for pair in speaking:
        found += _mistitled(pair, people)
        found += _pronouns(pair, people)
    return found


def _speaks_of_somebody(english: str) -> bool:
    return any(pattern.search(english) for pattern in (_ENGLISH_TITLE, *_PRONOUNS.values()))


def _people(view: View) -> _People:
    text = f"{press_tone(view.record.article.title)}\n{view.article_press}\n{view.summary_press}"
    table = gazetteer()
    full: set[tuple[str, ...]] = set()
    genders: dict[str, set[Gender]] = {}
    for match in _TITLES.finditer(text):
        parts = fold(match[2]).split()
        genders.setdefault(parts[-1], set()).add(_gender_of(match[1].lower()))
    for name in set(_FULL_NAME.findall(text)):
        words = name.lower().split()
        # Ông at the start of a sentence is a title, not a surname; GS Nguyễn Lân
        while len(words) > _FEWEST_OF_A_FULL_NAME and (words[0] in _HONORIFICS or words[0] not in table.surnames):
            words = words[1:]
        if len(words) >= _FEWEST_OF_A_FULL_NAME and words[0] in table.surnames:
            folded = tuple(map(fold, words))
            if (
                words[0] not in _HONORIFICS
                and all(map(is_syllable, folded))
                and f" {' '.join(words)} " not in table.known_people
            ):
                full.add(folded)
            if "thị" in words[1:-1]:
                genders.setdefault(folded[-1], set()).add("woman")
    return _People(frozenset(full), {given: next(iter(of)) for given, of in genders.items() if len(of) == 1})


def _gender_of(title: str) -> Gender:
    return "man" if title in _MEN else "woman"


# Mr and a surname


def _mistitled(pair: Pair, people: _People) -> list[Flag]:
    """Return a flag for each title before a surname alone, or of the other gender."""
    found: list[Flag] = []
    given = {name[-1] for name in people.full} | set(people.gender)
    for match in _ENGLISH_TITLE.finditer(pair.target.text):
        name = fold(match[2])
        bearers = sorted(full for full in people.full if full[0] == name and " ".join(full) not in _BY_SURNAME)
        sentence = fold(pair.source.text)
        here = [full for full in bearers if re.search(rf"\b{full[-1]}\b", sentence)] or bearers
        if name not in given and here:
            right = f"{match[1]} {here[0][-1].capitalize()}"
            whole = " ".join(part.capitalize() for part in here[0])
            found.append(
                pair.target.flag(
                    "name",
                    f"“{match[0]}”: in {whole} the given name comes last, and the person is {right}",
                    span=match.span(),
                    expected=right,
                    found=match[0],
                    severity="warning",
                )
            )
        shown = _TITLE_GENDER.get(match[1])
        gender = people.gender.get(name)
        if shown and gender and shown != gender:
            right = f"{'Mr' if gender == 'man' else 'Ms'} {match[2]}"
            found.append(
                pair.target.flag(
                    "pronoun",
                    f"the article calls {match[2]} a {gender}; the translation says “{match[0]}”",
                    span=match.span(),
                    expected=right,
                    found=match[0],
                    severity="error",
                )
            )
    return found


# He and she


def _pronouns(pair: Pair, people: _People) -> list[Flag]:
    """Return a flag if the sentence is about one person of known gender and the English has the other gender."""
    male, female = (_PRONOUNS[gender].search(pair.target.text) for gender in ("man", "woman"))
    if (male is None) == (female is None):
        return []
    shown: Gender = "man" if male else "woman"
    gender, word = _gender(pair.source.text, people)
    if gender is None or gender == shown:
        return []
    pronoun = male or female
    assert pronoun is not None
    right = "he, him, his" if gender == "man" else "she, her"
    return [
        pair.target.flag(
            "pronoun",
            f"“{word}” is a {gender}; the translation says “{pronoun[0]}”",
            span=pronoun.span(),
            expected=right,
            found=pronoun[0],
            severity="error",
        )
    ]


def _gender(vietnamese: str, people: _People) -> tuple[Gender | None, str]:
    """Return the gender of the people in the sentence and the word that shows it; None in doubt.

    A title without a name (ông nói, vợ của anh) is a pronoun, so English must have one of the same gender. A title
    before a name (ông Long) counts only if the sentence has no other person.
    """
    text = _COMPOUNDS.sub(lambda match: "-" * len(match[0]), press_tone(vietnamese))
    found: dict[Gender, str] = {}
    without_name = False
    for gender, pattern in _TITLE_WORDS.items():
        for match in pattern.finditer(text):
            if _is_title(text, match):
                found.setdefault(gender, match[0])
                without_name = without_name or not _BEFORE_NAME.match(text, match.end())
    if len(found) > 1 or any(pattern.search(text) for gender, pattern in _NOUNS.items() if gender not in found):
        return None, ""
    if found and without_name:
        return next(iter(found.items()))
    named = _named(text)
    if len(named) > 1 or _SOMEBODY.search(text):
        return None, ""
    if found:
        return next(iter(found.items()))
    if named and (gender_by_article := people.gender.get(given := next(iter(named)))):
        return gender_by_article, given.capitalize()
    return None, ""


def _is_title(text: str, match: re.Match[str]) -> bool:
    """Return whether this `ông`, `anh` … is a title; Anh within a sentence is England or a name."""
    if match[0][0].islower():
        return True
    before = text[: match.start()].rstrip(" “\"'")
    return not before or before[-1] in ".!?…:\n"


def _named(text: str) -> set[str]:
    """Return the folded given names of the people, certain or possible, that the sentence names."""
    reading = read_vietnamese(text)
    names = {run.tokens[-1].folded for run in reading.spans if not run.place and not run.translatable}
    names |= {f"initials {initials.letters}" for initials in reading.initials}
    return names | {entity.entry.name for entity in reading.entities if entity.entry.kind in {"person", "office"}}
