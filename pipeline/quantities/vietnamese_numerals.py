"""Vietnamese numerals: figures and number words, their scale words, and the unit or currency beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities import vietnamese_words as words
from pipeline.quantities.page import MOST_DIGITS, Page, percent, pieces, signed, with_sign, with_unit
from pipeline.quantities.units import SIGNS, VIETNAMESE, named
from pipeline.quantities.values import Kind, Quantity, Reading, Weight

_NO_IDIOM: Final = 100  # number words of this size are meant
_SHORT: Final = len("mười")  # the number words that have homographs
_THOUSAND: Final = 1000
_LARGEST_LABEL: Final = 20  # 4K, 8K, a run of 10K


def numeral(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a run of figures, number words and scale words."""
    found = []
    for quantity in _values(page, match):
        read = _judged(page, quantity)
        if read is not None:
            found.append(_signed(page, _with_neighbours(page, read)))
    return found


def vague(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read scale words without a number: hàng nghìn, vài trăm, nghìn tỷ."""
    names = match["scales"].split()
    start = match.start("scales")
    named_so = page.text[start].isupper() and not (  # Triệu Vy, Vạn Phúc; not Trăm tỷ đồng
        len(names) > 1 and words.SENTENCE_START.search(page.text, max(0, start - 4), start)
    )
    if named_so or (not match["head"] and names == ["tá"]):
        return None
    dozen = (Reading(Fraction(12), "number"),) if names[-1] == "chục" else ()
    weight: Weight = "word" if match["head"] or len(names) > 1 else "loose"
    return (page.quantity(match.span(), _product(match["scales"]), "vague", also=dozen, weight=weight),)


def loose(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a word that can answer for a number."""
    value, kind, unit = words.LOOSE[match[0]]
    return (page.quantity(match.span(), value, kind, unit=unit, weight="loose"),)


def label(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read the number of a name: U23, F0, QL1A."""
    if match[1] in SIGNS or not page.text[match.start()].isupper():
        return None
    weekday = match[1] == "t" and match[2] in "234567"  # T2-T6: Monday to Friday
    also = (Reading(Fraction(int(match[2]) - 1), "weekday"),) if weekday else ()
    return (page.quantity(match.span(), int(match[2]), "number", also=also, weight="word"),)


def _values(page: Page, match: re.Match[str]) -> Iterator[Quantity]:
    """Yield the numbers of a run: `2 tỷ 300 triệu` is one, `5 triệu 7 tỷ` would be two."""
    parts = list(words.PART.finditer(page.rest, match.start(), match.end()))
    at = 0
    while at < len(parts):
        start, end = parts[at].span()
        read = atom(parts[at]["atom"], page)
        if read and _is_whole(page, parts[at]):
            read = [Fraction(parts[at]["atom"].replace(",", ""))]
        if not read:
            yield from pieces(page, start, parts[at]["atom"])
            at += 1
            continue
        if (short := parts[at]["scales"].strip()) in words.SHORT_SCALES:
            yield _short(page, parts[at], [value * words.SHORT_SCALES[short] for value in read], read)
            at += 1
            continue
        scale = largest = _product(parts[at]["scales"])
        values = [value * scale for value in read]
        while at + 1 < len(parts) and scale > 1:
            added = _added(page, parts[at], parts[at + 1], scale)
            if added is None:
                break
            at += 1
            values = [value + added for value in values]
            scale, end = _product(parts[at]["scales"]), parts[at].end()
        if scale > 1 and page.rest.startswith((" rưỡi", " rưởi"), end) and end < match.end():
            values = [value + Fraction(scale, 2) for value in values]
            end += len(" rưỡi")
        if largest > 1:
            page.scales[start] = largest
        figure = values[0] >= _NO_IDIOM or any(letter.isdigit() for letter in page.rest[start:end])
        also = tuple(Reading(value, "number") for value in values[1:])
        yield page.quantity((start, end), values[0], "number", also=also, weight="figure" if figure else "word")
        at += 1


def _is_whole(page: Page, part: re.Match[str]) -> bool:
    """Return whether the comma of a figure such as "1,200" parts its thousands for sure: of people there are no 1.2.

    Nor are there decimals that end in two zeros, of a writer who is not known to have decimals with a comma.
    """
    if part["scales"] or not words.DOUBTFUL.fullmatch(part["atom"]):
        return False
    if words.COUNTED_BEHIND.match(page.low, part.end()):
        unit = words.UNIT.match(page.low, part.end())
        return unit is None or named(VIETNAMESE, unit[1]).dimension in ("money", "time")
    return part["atom"].endswith("00") and not page.decimal_comma


def _short(page: Page, part: re.Match[str], values: Sequence[Fraction], bare: Sequence[Fraction]) -> Quantity:
    """Return what `500k` says, or may say: a television of 4K has no 4,000 of anything."""
    page.scales[part.start()] = int(values[0] / bare[0]) if bare[0] else 1
    label = page.text[part.end() - 1] == "K" and bare[0] <= _LARGEST_LABEL
    also = (*readings(values[1:], "number"), *(readings(bare, "number") if label else ()))
    return page.quantity(part.span(), values[0], "number", also=also)


def _added(page: Page, part: re.Match[str], following: re.Match[str], scale: int) -> Fraction | None:
    """Return what the part that follows adds to a number with this scale, None where it is a number of its own."""
    read, smaller = atom(following["atom"], page), _product(following["scales"])
    gap = page.rest[part.end() : following.start()]
    if not read or read[0] * smaller >= scale:
        return None
    if smaller > 1:
        return read[0] * smaller
    if part["atom"][0].isdigit() or following["atom"][0].isdigit():  # 1 tỷ 2 đồng, 5 nghìn 300 đồng; not 5 triệu 2 ca
        unit = words.UNIT.match(page.low, following.end())
        money = unit is not None and named(VIETNAMESE, unit[1]).dimension == "money"
        money = money or (scale > _THOUSAND and words.CLAUSE_END.match(page.low, following.end()) is not None)
        if not money or not following["atom"].isdigit() or len(following["atom"]) != (3 if scale == _THOUSAND else 1):
            return None
        return read[0] if scale == _THOUSAND else read[0] * scale / 10
    if gap == " " and read[0] < 10 and scale >= _THOUSAND:  # noqa: PLR2004 - một triệu hai: 1.2 million
        return read[0] * scale / 10
    return read[0]


def _judged(page: Page, quantity: Quantity) -> Quantity | None:
    """Return a number word as it stands, loose where it may be its homograph, None where it is part of a name."""
    word, start, end = quantity.text.lower(), quantity.start, quantity.end
    if word[0].isdigit() and page.before(start, 4) == "ngã ":  # a junction
        return replace(quantity, weight="loose")
    if len(word) > _SHORT or word[0].isdigit():
        return quantity
    if quantity.text[0].isupper() and (
        not words.SENTENCE_START.search(page.text, max(0, start - 4), start) or words.CAPITAL.match(page.text, end)
    ):
        return None
    before = page.before(start, 8)
    counted = words.COUNTED_BEHIND.match(page.low, end) is not None
    match word:
        case "năm":
            all_five = words.ALL.search(before) and words.THEM.match(page.low, end)  # cả năm người, not cả năm
            if not all_five and (words.NOT_FIVE.search(before) or words.YEAR_BEHIND.match(page.low, end)):
                return None
            sure = counted
        case "chín":
            sure = counted
        case "ba":
            sure = not words.NOT_THREE.match(page.low, end) and not words.FATHER.search(before)
        case "một":
            sure = False
            if not counted and words.UNIT.match(page.low, end) is None:
                return None
        case _:
            sure = True
    return quantity if sure else replace(quantity, weight="loose")


def _with_neighbours(page: Page, quantity: Quantity) -> Quantity:
    """Return the number with the percent sign, currency or unit that stands beside it."""
    low, end = page.low, quantity.end
    if sign := words.PERCENT.match(low, end):
        if re.fullmatch(r"[0-9]{1,2}\.[0-9]{3}", quantity.text):  # 3.125 % in the English way
            quantity = replace(quantity, also=(Reading(Fraction(quantity.text), "percent"),))
        return percent(quantity, end=sign.end(), text=page.text)
    if behind := words.BASIS_POINTS.match(low, end):
        points = Reading(quantity.value / 100, "percent")
        return replace(quantity, end=behind.end(), text=page.text[quantity.start : behind.end()], also=(points,))
    if before := words.SIGN.search(low, max(0, quantity.start - 5), quantity.start):
        return with_sign(quantity, before[1], start=before.start(), text=page.text)
    unit = words.UNIT.match(low, end)
    if unit is None or words.NO_UNIT.match(low, end) or page.text[unit.start(1) : unit.end(1)] in ("G", "K", "M"):
        return quantity
    counted = with_unit(quantity, named(VIETNAMESE, unit[1]), end=unit.end(), text=page.text)
    if counted.kind == "measure" and (more := words.AND_HALF.match(low, counted.end)):  # 2 năm rưỡi
        text = page.text[counted.start : more.end()]
        weight: Weight = "word" if counted.weight == "loose" else counted.weight
        counted = replace(counted, value=counted.value + Fraction(1, 2), end=more.end(), text=text, weight=weight)
    return counted


def _signed(page: Page, quantity: Quantity) -> Quantity:
    return signed(
        page,
        quantity,
        said=words.BELOW_ZERO_SAID,
        degrees=words.DEGREES,
        below=words.BELOW_ZERO,
        needs=words.BELOW_ZERO_NEEDS,
    )


def atom(text: str, page: Page) -> list[Fraction]:
    """Return what a figure or the words of a number below a thousand may mean, the Vietnamese reading first."""
    if text[0].isdigit():
        return _figure(text, page)
    value = digit = 0
    for word in text.split():
        if word == "trăm":
            value, digit = value + digit * 100, 0
        elif word == "mươi":
            value, digit = value + digit * 10, 0
        elif word == "mười":
            value += 10
        elif word in ("lăm", "nhăm", "mốt") and digit:  # bốn lăm: 45
            value, digit = value + digit * 10, words.DIGITS[word]
        elif word in words.DIGITS:
            digit = words.DIGITS[word]
    return [Fraction(value + digit)]


def _figure(text: str, page: Page) -> list[Fraction]:
    """Return what a figure may mean; nothing where it is no number."""
    if len(text) > MOST_DIGITS:
        return []
    if text.isdigit():
        return [Fraction(int(text))]
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?", text):
        return [Fraction(text.replace(".", "").replace(",", "."))]
    if re.fullmatch(r"[0-9]+,[0-9]+", text):
        values = [Fraction(text.replace(",", "."))]
        if words.DOUBTFUL.fullmatch(text) and not page.decimal_comma:
            values.append(Fraction(text.replace(",", "")))
        return values
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+\.[0-9]+", text):  # the English way
        return [Fraction(text.replace(",", ""))]
    return []


def _product(scales: str) -> int:
    value = 1
    for scale in words.ANY_SCALE.findall(scales):
        value *= words.SCALES[scale]
    return value


def readings(values: Iterable[Fraction], kind: Kind) -> tuple[Reading, ...]:
    """Return each value as a reading of this kind."""
    return tuple(Reading(value, kind) for value in values)
