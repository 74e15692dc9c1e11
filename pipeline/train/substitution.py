"""Make variants of a sentence pair: names and figures that occur on both sides are replaced on both.

A small translator learns names and figures as vocabulary and garbles those it has not seen. Variants teach it to copy
them: `Nguyễn Văn Hùng` / `Nguyen Van Hung` becomes `Trần Thị Sen` / `Tran Thi Sen`, `1.200 tỷ` / `1.2 trillion`
becomes `3.700 tỷ` / `3.7 trillion`, `28/5` / `May 28` becomes `3/11` / `November 3`. What cannot be
matched on both sides with certainty (a translated name, a figure that occurs twice, a figure in words) stays. The
random choice is seeded with the pair and the training's seed.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.checks.names.entities import Token, is_syllable, read_vietnamese
from pipeline.checks.names.gazetteer import gazetteer
from pipeline.quantities.values import MONTHS

_SHARE = 0.9  # of the replaceable names and figures are replaced; the rest keep their context
_LATEST_DAY = 28  # exists in every month
_YEARS = (1950, 2030)

_DATE = re.compile(r"(?<![\d/.,-])(\d{1,2})([/.-])(\d{1,2})(?![\d/-]|[.,]\d)")
_ENGLISH_DATE = re.compile(rf"\b({'|'.join(MONTHS)}) (\d{{1,2}})\b(?![,.]\d)|\b(\d{{1,2}}) ({'|'.join(MONTHS)})\b")
_VIETNAMESE_NUMBER = r"(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?"
_ENGLISH_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SCALES = {"nghìn": 10**3, "ngàn": 10**3, "triệu": 10**6, "tỷ": 10**9, "tỉ": 10**9, "nghìn tỷ": 10**12}
_ENGLISH_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_AMOUNT = re.compile(rf"(?<![\w.,/])({_VIETNAMESE_NUMBER}) ({'|'.join(sorted(_SCALES, key=len, reverse=True))})\b")
_ENGLISH_AMOUNT = re.compile(rf"(?<![\d.,/])({_ENGLISH_NUMBER}) ({'|'.join(_ENGLISH_SCALES)})\b")
_FIGURE = re.compile(rf"(?<![\w.,/:+-]){_VIETNAMESE_NUMBER}(?![\w/:]|[.,-]\d)")
_ENGLISH_FIGURE = re.compile(rf"(?<![\d.,/:+-]){_ENGLISH_NUMBER}(?![\w/:]|[.,-]\d)")
_GROUP_FROM = 10_000  # from here on both languages group the digits
_WHOLE = 100  # percent
_DECIMALS = 2  # of an English amount
_OTHER_MARKS = str.maketrans(",.", ".,")  # Vietnamese groups digits by points and marks decimals by a comma
_LONGEST = 12  # digits of a figure that is replaced


@dataclass(frozen=True, slots=True)
class _Slot:
    """A name or figure that occurs on both sides: its kind and its span on each, in code points."""

    kind: str
    source: tuple[int, int]
    target: tuple[int, int]


@dataclass(slots=True)
class Names:
    """The names that occur on both sides of pairs, by kind, from which variants are drawn."""

    by_kind: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def gathered(cls, pairs: Iterable[tuple[str, str]]) -> Names:
        """Return the distinct names of the pairs, in the order in which they first occur."""
        found: defaultdict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        for source, target in pairs:
            for slot in _names(source, target):
                found[slot.kind][source[slice(*slot.source)], target[slice(*slot.target)]] = None
        return cls({kind: list(names) for kind, names in found.items()})


def variant(source: str, target: str, names: Names, *, seed: str) -> tuple[str, str] | None:
    """Return the pair with other names and figures; None where none occur on both sides."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    made: list[tuple[_Slot, str, str]] = []
    slots = _names(source, target)
    for slot in [*slots, *_figures(source, target)]:
        if rng.random() > _SHARE or _overlaps(slot, [one for one, _, _ in made]):
            continue
        old = source[slice(*slot.source)], target[slice(*slot.target)]
        new = _DRAWN[slot.kind](*old, rng) if slot.kind in _DRAWN else rng.choice(names.by_kind.get(slot.kind, [old]))
        if new is not None and new != old:
            made.append((slot, *new))
    if not made:
        return None
    for slot, left, _ in sorted(made, key=lambda one: one[0].source, reverse=True):
        source = source[: slot.source[0]] + left + source[slot.source[1] :]
    for slot, _, right in sorted(made, key=lambda one: one[0].target, reverse=True):
        target = target[: slot.target[0]] + right + target[slot.target[1] :]
    return source, target


def romanized(text: str) -> str:
    """Return NFC Vietnamese `text` without diacritics, with the same case and length."""
    return "".join(
        unicodedata.normalize("NFD", letter)[0] if letter not in "đĐ" else "dD"["đĐ".index(letter)] for letter in text
    )


def _overlaps(slot: _Slot, others: list[_Slot]) -> bool:
    return any(
        mine[0] < its[1] and its[0] < mine[1]
        for other in others
        for mine, its in ((slot.source, other.source), (slot.target, other.target))
    )


def _only(text: str, part: str) -> tuple[int, int] | None:
    """Return the span of `part` in `text` as whole words, if it occurs exactly once."""
    found = [match.span() for match in re.finditer(rf"(?<![^\W_]){re.escape(part)}(?![^\W_])", text)]
    return found[0] if len(found) == 1 else None


# Names


def _names(source: str, target: str) -> list[_Slot]:
    """Return the names that occur on both sides, once in each, spelled alike without diacritics."""
    slots: list[_Slot] = []
    read = read_vietnamese(source)
    spans = [
        ("place", tuple(read.tokens[entity.begin : entity.end]))
        for entity in read.entities
        if entity.entry.kind == "place"
    ]
    spans += [
        (_kind(run.tokens, person=run.person, place=run.place), run.tokens)
        for run in read.spans
        # one syllable may be any first word of a sentence; after a title it is a name
        if not run.translatable and (len(run.tokens) > 1 or run.title or not is_syllable(run.tokens[0].folded))
    ]
    counts: defaultdict[str, int] = defaultdict(int)
    for _, tokens in spans:
        for syllable in {token.key for token in tokens}:
            counts[syllable] += 1
    for kind, tokens in spans:
        written = source[tokens[0].start : tokens[-1].end]
        again = any(counts[token.key] > 1 for token in tokens)  # Phúc after Nguyễn Xuân Phúc: one person
        if again or written.isupper() or any(letter.isdigit() for letter in written):
            continue
        at, there = _only(source, written), _only(target, romanized(written))
        if at is not None and there is not None:
            slots.append(_Slot(kind, at, there))
    return slots


def _kind(tokens: tuple[Token, ...], *, person: bool, place: bool) -> str:
    """Return the kind of a name: a name is replaced by one of the same kind and similar length."""
    if place:
        return "place"
    if not all(is_syllable(token.folded) for token in tokens):
        return f"foreign {len(tokens)}"
    if not person:
        return f"name {len(tokens)}"
    if len(tokens) > 1 and tokens[0].key in gazetteer().surnames:
        return "woman" if any(token.key == "thị" for token in tokens) else f"person {len(tokens)}"
    return f"called {len(tokens)}"


# Figures


def _figures(source: str, target: str) -> list[_Slot]:
    """Return dates, amounts with a scale word and plain figures whose value occurs once on each side."""
    slots: list[_Slot] = []
    for kind, left, right in (
        ("date", _DATE, _ENGLISH_DATE),
        ("amount", _AMOUNT, _ENGLISH_AMOUNT),
        ("figure", _FIGURE, _ENGLISH_FIGURE),
    ):
        sources, targets = _by_value(kind, left, source), _by_value(kind, right, target)
        for value, span in sources.items():
            there = targets.get(value)
            if span is not None and there is not None:
                slot = _Slot(kind, span, there)
                if not _overlaps(slot, slots):
                    slots.append(slot)
    return slots


def _by_value(kind: str, pattern: re.Pattern[str], text: str) -> dict[object, tuple[int, int] | None]:
    """Return the span of each value in `text`; None where it occurs twice."""
    found: dict[object, tuple[int, int] | None] = {}
    for match in pattern.finditer(text):
        value = _value(kind, match)
        if value is not None:
            found[value] = None if value in found else match.span()
    return found


def _value(kind: str, match: re.Match[str]) -> object:
    """Return the value of a match, comparable across the languages; None where it is ambiguous."""
    english = match.re in (_ENGLISH_DATE, _ENGLISH_AMOUNT, _ENGLISH_FIGURE)
    match kind:
        case "date" if english:
            month, day = (match[1], match[2]) if match[1] else (match[4], match[3])
            return MONTHS.index(month) + 1, int(day)
        case "date":
            return int(match[3]), int(match[1])
        case "amount":
            number = _number(match[1], english=english)
            return None if number is None else number * (_ENGLISH_SCALES if english else _SCALES)[match[2]]
        case _:
            return _number(match[0], english=english)


def _number(written: str, *, english: bool) -> Decimal | None:
    """Return the value of a figure; None for a code: too long, or with leading zeros."""
    plain = (written if english else written.translate(_OTHER_MARKS)).replace(",", "")
    if len(plain) > _LONGEST or re.match(r"0\d", plain):
        return None
    return Decimal(plain)


def _written(value: Decimal, *, english: bool, grouped: bool) -> str:
    text = f"{value:,f}" if grouped else f"{value:f}"
    return text if english else text.translate(_OTHER_MARKS)


def _drawn_date(source: str, target: str, rng: random.Random) -> tuple[str, str]:
    day, month = rng.randint(1, _LATEST_DAY), rng.randint(1, len(MONTHS))
    name = MONTHS[month - 1]
    mark = re.sub(r"\d", "", source)
    return f"{day}{mark}{month}", f"{name} {day}" if target[0].isalpha() else f"{day} {name}"


def _drawn_amount(source: str, target: str, rng: random.Random) -> tuple[str, str] | None:
    number, scale = source.split(" ", 1)
    _, english_scale = target.split(" ", 1)
    value = _number(number, english=False)
    assert value is not None, "a slot has a value"
    new = _redrawn(value, rng)
    there = (new * _SCALES[scale] / _ENGLISH_SCALES[english_scale]).normalize()
    if there < 1 or there >= 1000 or -int(there.as_tuple().exponent) > _DECIMALS:  # noqa: PLR2004 - the next scale word
        return None
    grouped = new >= 1000  # noqa: PLR2004
    return f"{_written(new, english=False, grouped=grouped)} {scale}", f"{there:f} {english_scale}"


def _drawn_figure(source: str, target: str, rng: random.Random) -> tuple[str, str] | None:
    value = _number(source, english=False)
    assert value is not None, "a slot has a value"
    if value < 2:  # noqa: PLR2004 - 0 and 1 take other grammar
        return None
    low, high = _YEARS
    if value == int(value) and low <= value <= high and "." not in source:
        new = Decimal(rng.randint(low, high))
        return str(new), str(new)
    new = _redrawn(value, rng)
    if value <= _WHOLE < new:  # a percentage stays one
        return None
    left = _written(new, english=False, grouped="." in source or new >= _GROUP_FROM)
    return left, _written(new, english=True, grouped="," in target or new >= _GROUP_FROM)


def _redrawn(value: Decimal, rng: random.Random) -> Decimal:
    """Return a number with as many digits before and after the point, and as many trailing zeros, as `value`."""
    sign, digits, exponent = value.as_tuple()
    kept = len("".join(map(str, digits)).rstrip("0")) or 1
    new = [rng.randint(0, 9) for _ in range(kept)]
    new[0] = rng.randint(2 if len(digits) == 1 else 1, 9)  # 1 takes other grammar
    new[-1] = new[-1] or 1
    return Decimal((sign, (*new, *[0] * (len(digits) - kept)), int(exponent)))


_DRAWN = {"date": _drawn_date, "amount": _drawn_amount, "figure": _drawn_figure}
