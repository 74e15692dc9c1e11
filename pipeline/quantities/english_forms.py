"""What the numbers of an English text say.

As in `vietnamese_forms`: the narrow forms first (months, clock times, ordinals, "two-thirds"), then numerals with their
scale words and units, then the words that can answer for a number ("both", "a decade").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pipeline.quantities import english_numerals as numerals
from pipeline.quantities import english_words as words
from pipeline.quantities.english_words import END, ONES, ORDINALS, START, TENS
from pipeline.quantities.page import (
    CODE,
    DIGIT,
    HOURS,
    LAST_MINUTE,
    MONTHS_OF_YEAR,
    NOON,
    ROMANS,
    SHORT_YEARS,
    Form,
    Page,
    code,
    finished,
    roman,
    short_years,
    square_or_cubic,
)
from pipeline.quantities.units import ENGLISH, SQUARE_OR_CUBIC, alternatives, named, of_time
from pipeline.quantities.values import MONTHS, WEEKDAYS, Quantity, Reading, Weight

_NO_NUMBER = re.compile(
    rf"{START}(?:(?:sars-|n|2019-n)?cov(?:id)?[ ‐-–-]{{0,3}}(?:2019|19|2)|2019[ -]?ncov"
    rf"|2019(?:[-–]20)? (?:novel )?coronavirus|corona ?virus(?: disease)? 2019){END}"
)
_VERSION = re.compile(rf"{START}[a-z](?:\.[0-9]+){{1,4}}{END}")  # the variant B.1.617
_FOOTNOTE = re.compile(r"(?<=[a-z])\([0-9]{1,2}\)|(?<=[a-z]) \([0-9]\)")
_PRONOUN = re.compile(rf"{START}(?:one another|no one|one of|one by one|the one|ones|one's|every one){END}")
_ALL_DAY = re.compile(rf"{START}24(?:/24|/7|[ -]hours?){END}(?!/[0-9])")
_DATED = re.compile(rf"{START}(?:on|from|until|till|since|by|before|after|morning|afternoon|evening|night)[ ,]+\Z|\(\Z")
_TIME = re.compile(
    rf"(?<![\w.,:/$€£])(?P<hour>[0-9]{{1,2}})(?:[:.](?P<minute>[0-9][0-9]))?[ ]?(?P<period>[ap])\.?[ ]?m{END}"
    rf"|(?<![\w.,:/$€£])(?P<hour24>[0-9]{{1,2}})(?::(?P<minute24>[0-9][0-9])|h(?P<minute_h>[0-9][0-9])?)(?![\w:])"
    rf"|{START}(?P<clock>[0-9]{{1,2}}|{alternatives(ONES)}) o['’]clock"
    rf"|{START}half past (?P<half>[0-9]{{1,2}}|{alternatives(ONES)}){END}"
    rf"|{START}(?P<named>noon|midday|midnight){END}"
)
_SOME_MINUTES = r"(?:(?:a )?quarter|(?:five|ten|fifteen|twenty|twenty-five|[0-9]{1,2}) minutes)"
_SPOKEN_TIME = re.compile(
    rf"{START}(?:(?P<before>{_SOME_MINUTES}|twenty|ten|five) past|(?P<to>{_SOME_MINUTES}) (?:to|before))"
    rf" (?P<name>[0-9]{{1,2}}|{alternatives(ONES)}){END}"
    r"|(?<![\w.,:/$€£])(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-9][0-9]))?(?: o['’]clock)?"
    rf" (?:in the (?P<day>morning|afternoon|evening)|at (?P<night>night)){END}"
    r"|(?<=\b(?:at|by)[ ])(?P<hundred>[01][0-9]|2[0-3])(?P<rest>[0-5][0-9])(?: hours| hrs)(?!\w)"
)
# 19 h 50, 20 o'clock 30 minutes, 8 hours 30 p.m.: no English, but the hour is the one that was said
_ODD_TIME = re.compile(
    r"(?<![\w.,:/$€£])(?P<hour>[0-9]{1,2})(?: h ?|h | hours? | o['’]clock (?:and )?)(?P<minute>[0-5][0-9])"
    r"(?:(?<=clock [0-9][0-9]) minutes?)?(?: ?(?P<half>[ap])\.?m(?!\w)\.?)?"
    r"(?=[.,;:)]?(?:\Z|\s(?:on|in|of)\s|\s*[\n)])|[.,;]\s)"
)
_MINUTES: Final = {"quarter": 15, "five": 5, "ten": 10, "fifteen": 15, "twenty": 20, "twenty-five": 25}
_EVENING: Final = 6  # 9 at night is in the evening, 2 at night is not
_HALF = re.compile(
    rf"{START}(?:(?:(?P<first>first|1st|opening)|second|2nd|latter|last|final)[ -]"
    rf"(?:half|(?P<months>six months|6 months))"
    rf"|h(?P<number>[12])){END}"
)
_OF_YEAR = re.compile(r" of (?:the |this |last |next )?(?:fiscal |financial )?(?:year|20[0-9][0-9])")
_MONTH_NAMES: Final = {name.lower(): at + 1 for at, name in enumerate(MONTHS)}
_MONTH_SHORT: Final = {name[:3].lower(): at + 1 for at, name in enumerate(MONTHS)} | {"sept": 9}
_MONTH = re.compile(
    rf"{START}(?:(?P<name>{alternatives(_MONTH_NAMES)})|(?P<short>{alternatives(_MONTH_SHORT)})\.?){END}"
)
_BESIDE_DIGITS = re.compile(r"[ .,]{1,3}[0-9]|[ ,.]{0,2}\Z")
_DIGITS_BEFORE = re.compile(r"[0-9](?:st|nd|rd|th)?(?: of[ -]|[ /-]{1,3})\Z")
_MONTH_BEFORE = re.compile(
    r"(?<!\w)(?:in|of|on|by|since|until|till|from|to|last|this|next|early|late|mid|and|or|through|between|during|before|after"
    r"|around|for|every|each|as of)[ -]\Z|(?<![\w])(?:end|start|beginning) of \Z"
)
_WEEKDAY_NAMES: Final = {name.lower(): at + 1 for at, name in enumerate(WEEKDAYS)}
_WEEKDAY = re.compile(rf"{START}({alternatives(_WEEKDAY_NAMES)})(?:s|{END})")
_LUNAR_WORD = re.compile(r"lunar|full moon")
_DECADE = re.compile(rf"(?<![\w.,])['’]?((?:1[0-9]|20)?[0-9]0)(?:['’]?s){END}")
_SLASHED = re.compile(
    r"(?<![0-9/.,-])([0-9]{1,2})/([0-9]{1,2})(?:/([0-9]{4}|[0-9][0-9]))?(?![0-9/]|[.,][0-9])|(?<![0-9/.,-])([0-9]{1,2})([.-])([0-9]{1,2})\5([0-9]{4})(?![0-9]|[.-][0-9])"
)
_MONTH_YEAR = re.compile(r"(?<![0-9/.,-])([0-9]{1,2})[/-]((?:19|20)[0-9][0-9])(?![0-9/-])")
_ORDINAL_FIGURE = re.compile(rf"(?<![\w.,])([0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,6}})[ ]?(?:st|nd|rd|th){END}")
_ORDINAL = re.compile(
    rf"{START}(?:(?P<tens>{alternatives(TENS)})[ -])?(?P<name>{alternatives(ORDINALS)})(?P<plural>s?){END}"
)
_HALF_A = re.compile(rf"{START}(?:half (?:an?|the) |(?<!and )an? half[ -]){of_time(ENGLISH)}")
_AND_HALF = re.compile(rf"{START}an? {of_time(ENGLISH)} and a half{END}")
_FRACTION = re.compile(
    rf"{START}(?P<above>[0-9]{{1,2}}|a|{alternatives(ONES)})[ -](?P<below>{alternatives(words.PARTS)}){END}"
)
_MOST_IDIOMATIC: Final = 3
# What makes "second" or "third" a statement, not an idiom.
_RANKED = re.compile(
    r"[ -](?:quarter|half|term|phase|century|time|wave|round|place|(?:lunar )?month|day|week|year|case|death|batch"
    r"|stage|floor)"
)
_RANKS = re.compile(
    rf"{START}(?:rank(?:s|ed|ing)?|placed|(?:came|finish(?:ed|es)|stands?|stood|sits?|is) (?:in )?)[ ]?\Z"
)
_ANNIVERSARY = re.compile(r"[ -](?:\w+ )?(?:anniversar|birthday)")
_HEIGHT = re.compile(
    rf"(?<![\w.,])(?P<metres>[12])m(?P<cm>[0-9]{{1,2}}){END}"
    rf"|(?<![\w.,])(?P<feet>[0-9])[ -]?(?:ft\.?|feet|foot|['’′])[ -]?(?P<inches>[0-9]{{1,2}})"
    r"[ -]?(?:in\b\.?|inch(?:es)?|[\"”″])?"
)
_ROMAN = re.compile(
    rf"{START}([ivxl]{{2,7}}|(?<=quarter )[iv]|(?<=war )[iv]|(?<=type )[iv]|(?<=phase )[iv]|(?<=term )[ivx]){END}"
    r"(?![.-]\w)"
)
_QUARTER = re.compile(rf"{START}q([1-4]){END}")
_YEAR = re.compile(
    rf"{START}(?:in|since|from|until|by|of|early|late|mid)[ -](1[0-9]{{3}}|20[0-9][0-9])"
    rf"(?![\w%]|[.,][0-9]{{3}}|[ ]\w+s{END})"
)


def english(text: str) -> list[Quantity]:
    """Return the quantities of English `text`, in order."""
    page = Page(text)
    if page.words.isdisjoint(_ANY):
        return []
    for form in _FORMS:
        page.read(form)
    found = finished(page, between=words.BETWEEN, hedge=words.HEDGE)
    return [_lunar(page, quantity) for quantity in found] if _LUNAR_WORD.search(page.low) else found


def _lunar(page: Page, quantity: Quantity) -> Quantity:
    """Return the quantity with the reading it has where the text speaks of the lunar calendar."""
    if quantity.kind not in ("month", "ordinal", "number") or not 1 <= quantity.value <= MONTHS_OF_YEAR:
        return quantity
    if page.low.startswith(" day", quantity.end):
        return quantity
    return replace(quantity, also=(*quantity.also, Reading(quantity.value, "lunar")))


# Readers of one form each: the quantities of a match, or None where it is not that form after all


def _all_day(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match[0] == "24/7" and _DATED.search(page.low, max(0, match.start() - 12), match.start()):
        return None  # 24 July, as the Vietnamese write it
    weight: Weight = "loose" if "/" in match[0] else "figure"
    return (page.quantity(match.span(), 24, "measure", unit="hours", weight=weight),)


def _time(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    hour = match["hour"] or match["hour24"] or match["clock"] or match["half"]
    if hour is None:
        value = 0 if match["named"] == "midnight" else NOON * 60
        also = (Reading(Fraction(HOURS * 60), "time"),) if not value else ()
        return (page.quantity(match.span(), value, "time", also=also, weight="loose"),)
    hours = ONES.get(hour) or int(hour)
    minutes = int(match["minute"] or match["minute24"] or match["minute_h"] or (30 if match["half"] else 0))
    if hours > HOURS or minutes > LAST_MINUTE:
        return None
    if match["period"]:
        value = hours % NOON * 60 + minutes + (NOON * 60 if match["period"] == "p" else 0)
        return (page.quantity(match.span(), value, "time"),)
    value = hours * 60 + minutes
    also = (Reading(Fraction(value + NOON * 60), "time"),) if hours < NOON else ()
    return (page.quantity(match.span(), value, "time", also=also),)


def _spoken_time(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read a quarter past seven, 6 in the morning, 1900 hours."""
    if match["hundred"]:
        return (page.quantity(match.span(), int(match["hundred"]) * 60 + int(match["rest"]), "time"),)
    name = match["name"] or match["hour"]
    hour, minute = ONES.get(name) or int(name), int(match["minute"] or 0)
    if hour > HOURS or minute > LAST_MINUTE:
        return None
    if match["name"]:
        said = (match["before"] or match["to"]).removeprefix("a ").removesuffix(" minutes")
        minutes = _MINUTES.get(said) or int(said)
        if minutes > LAST_MINUTE:
            return None
        value = (hour * 60 + (minutes if match["before"] else -minutes)) % (HOURS * 60)
        return (page.quantity(match.span(), value, "time", also=(Reading(Fraction(value + NOON * 60), "time"),)),)
    late = match["day"] in ("afternoon", "evening") or (match["night"] and hour >= _EVENING)
    value = (hour + NOON if late and hour < NOON else hour) * 60 + minute
    # two at night may be two accidents; no number, which would be any time with that hour
    count = () if match["minute"] else (Reading(Fraction(hour), "ordinal"),)
    return (page.quantity(match.span(), value, "time", also=count),)


def _odd_time(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > HOURS:
        return None
    if match["half"]:
        hour = hour % NOON + (NOON if match["half"] == "p" else 0)
    value = hour * 60 + minute
    also = [Reading(Fraction(value, 60), "measure", "hours")]
    if hour < NOON and not match["half"]:
        also.append(Reading(Fraction(value + NOON * 60), "time"))
    return (page.quantity(match.span(), value, "time", also=tuple(also)),)


def _half(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read the first half of a year or a match; H1; the first six months, which are no half of anything else."""
    if match["number"] and not page.text[match.start()].isupper():
        return None
    value = int(match["number"]) if match["number"] else 1 if match["first"] else 2
    also = Reading(Fraction(6), "measure", "months") if match["months"] else Reading(Fraction(value), "ordinal")
    of_year = match["number"] or match["months"] or _OF_YEAR.match(page.low, match.end())
    return (page.quantity(match.span(), value, "half", also=(also,), weight="word" if of_year else "loose"),)


def _half_a(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read half an hour."""
    also = (Reading(Fraction(1, 2), "fraction"), Reading(Fraction(50), "percent"))
    unit = named(ENGLISH, match["unit"]).name
    return (page.quantity(match.span(), Fraction(1, 2), "measure", unit=unit, also=also, weight="loose"),)


def _and_half(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    """Read an hour and a half."""
    unit = named(ENGLISH, match["unit"]).name
    return (page.quantity(match.span(), Fraction(3, 2), "measure", unit=unit, weight="word"),)


def _month(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    start, end = match.span()
    if not page.text[start].isupper() and (match["short"] or match["name"] in ("may", "march", "august")):
        return None
    before = page.low[max(0, start - 14) : start]
    digits = _BESIDE_DIGITS.match(page.low, end) is not None or _DIGITS_BEFORE.search(before) is not None
    name = match["name"] or match["short"]
    sure = digits or (match["name"] and (name not in ("may", "march") or _MONTH_BEFORE.search(before)))
    if not sure:
        return None
    value = _MONTH_NAMES.get(name) or _MONTH_SHORT[name]
    return (page.quantity(match.span(), value, "month"),)


def _weekday(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (page.quantity(match.span(), _WEEKDAY_NAMES[match[1]], "weekday", weight="word"),)


def _decade(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = int(match[1])
    return (page.quantity(match.span(), value, "decade", also=(Reading(Fraction(value), "number"),)),)


def _slashed(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    at = (4, 6, 7) if match[4] else (1, 2, 3)
    left, right, year = int(match[at[0]]), int(match[at[1]]), match[at[2]]
    if not right:
        return None
    share = (Reading(Fraction(left, right), "fraction"),) if year is None else ()
    found = [
        page.quantity(
            match.span(group),
            value,
            "number",
            also=(*share, Reading(Fraction(value), "month"), Reading(Fraction(value), "lunar")),
        )
        for group, value in ((at[0], left), (at[1], right))
    ]
    if year:
        found.append(page.quantity(match.span(at[2]), int(year) + (2000 if len(year) < len("2000") else 0), "year"))
    return found


def _month_year(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    month = int(match[1])
    if not 1 <= month <= MONTHS_OF_YEAR:
        return None
    return (
        page.quantity(match.span(1), month, "number", also=(Reading(Fraction(month), "month"),)),
        page.quantity(match.span(2), int(match[2]), "year"),
    )


def _ordinal_figure(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = Fraction(match[1].replace(",", ""))
    return (page.quantity(match.span(), value, "ordinal", also=_anniversary(page, match, value)),)


def _anniversary(page: Page, match: re.Match[str], value: Fraction) -> tuple[Reading, ...]:
    """Return the years that an anniversary counts."""
    return (Reading(value, "measure", "years"),) if _ANNIVERSARY.match(page.low, match.end()) else ()


def _ordinal(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    value = ORDINALS[match["name"]]
    if match["plural"] and not match["tens"]:  # seconds, thirds: a unit, a part
        return None
    if match["tens"]:
        if value >= min(TENS.values()) // 2:  # twenty-tenth
            return None
        return (page.quantity(match.span(), TENS[match["tens"]] + value, "ordinal"),)
    also = (Reading(Fraction(1, value), "fraction"),) if value > words.HALF else ()
    firm = value > _MOST_IDIOMATIC or (
        value > 1
        and (_RANKED.match(page.low, match.end()) or _RANKS.search(page.low, max(0, match.start() - 13), match.start()))
    )
    return (page.quantity(match.span(), value, "ordinal", also=also, weight="word" if firm else "loose"),)


def _fraction(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    above, below = match["above"], words.PARTS[match["below"]]
    upper = 1 if above == "a" else ONES.get(above) or int(above)
    if (above == "a" and below == words.HALF) or upper == 0:  # and a half
        return None
    value = Fraction(upper, below)
    also = [Reading(Fraction(below), "ordinal"), Reading(Fraction(upper), "number"), Reading(Fraction(below), "number")]
    if below == words.QUARTER:  # of a year
        also.append(Reading(Fraction(upper * 3), "measure", "months"))
    also.append(Reading(value * 100, "percent"))
    weight: Weight = "loose" if upper == 1 else "figure"
    return (page.quantity(match.span(), value, "fraction", also=tuple(also), weight=weight),)


def _height(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    if match["metres"]:
        return (page.quantity(match.span(), Fraction(f"{match['metres']}.{match['cm']}"), "measure", unit="m"),)
    inches = int(match["feet"]) * 12 + int(match["inches"])
    return (page.quantity(match.span(), inches, "measure", unit="inches"),)


def _roman(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    numeral = page.text[match.start() : match.end()]
    value = roman(numeral) if numeral.isupper() else None
    return (page.quantity(match.span(), value, "ordinal", weight="loose"),) if value else None


def _quarter(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (page.quantity(match.span(), int(match[1]), "ordinal"),)


def _year(page: Page, match: re.Match[str]) -> Iterable[Quantity] | None:
    return (page.quantity(match.span(1), int(match[1]), "year"),)


def _needs(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ORDINAL_WORDS: Final = frozenset(ORDINALS) | {name + "s" for name in ORDINALS}
_FORMS: Final = (
    Form(_NO_NUMBER, None, _needs("cov covid ncov coronavirus corona")),
    Form(_VERSION, None, _needs(DIGIT)),
    Form(_FOOTNOTE, None, _needs(DIGIT)),
    Form(_PRONOUN, None, _needs("one ones")),
    Form(_ALL_DAY, _all_day, _needs(DIGIT)),
    Form(CODE, code, _needs(DIGIT)),
    Form(SHORT_YEARS, short_years, _needs(DIGIT)),
    Form(_SPOKEN_TIME, _spoken_time, _needs("past to before morning afternoon evening night hours hrs")),
    Form(_ODD_TIME, _odd_time, _needs("h hour hours clock")),
    Form(_TIME, _time, _needs(": h am pm m clock past noon midday midnight")),
    Form(_MONTH, _month, frozenset((*_MONTH_NAMES, *_MONTH_SHORT))),
    Form(_WEEKDAY, _weekday, frozenset((*_WEEKDAY_NAMES, *(name + "s" for name in _WEEKDAY_NAMES)))),
    Form(_DECADE, _decade, _needs("s")),
    Form(_MONTH_YEAR, _month_year, _needs(DIGIT)),
    Form(_SLASHED, _slashed, _needs(DIGIT)),
    Form(_ORDINAL_FIGURE, _ordinal_figure, _needs("st nd rd th")),
    Form(_HALF, _half, _needs("half h months")),
    Form(_HALF_A, _half_a, _needs("half")),
    Form(_AND_HALF, _and_half, _needs("half")),
    Form(_FRACTION, _fraction, frozenset(words.PARTS)),
    Form(_ORDINAL, _ordinal, _ORDINAL_WORDS),
    Form(_HEIGHT, _height, _needs(DIGIT)),
    Form(_ROMAN, _roman, ROMANS),
    Form(_QUARTER, _quarter, _needs("q")),
    Form(words.VAGUE, numerals.vague, frozenset(words.VAGUE_VALUES)),
    Form(_YEAR, _year, _needs(DIGIT)),
    Form(SQUARE_OR_CUBIC, square_or_cubic, _needs("m km cm dm mm")),
    Form(words.LABEL, numerals.label, _needs(DIGIT)),
    Form(words.NUMERAL, numerals.numeral, frozenset((DIGIT, *words.SCALES, *words.VAGUE_VALUES, *ONES, *TENS))),
    Form(words.LOOSE_WORD, numerals.loose, _needs(" ".join(words.LOOSE).replace("-", " "))),
)
_ANY: Final = frozenset().union(*(form.needs for form in _FORMS))
