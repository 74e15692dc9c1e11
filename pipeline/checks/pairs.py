"""Check a Vietnamese text and its translation by anybody, without an article: the checks that compare a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from pipeline.checks.rules import inspect
from pipeline.records import Article, Flag, Origin, Sentence, Translated
from pipeline.text.normalize import repair

MEANINGS: Final[Mapping[str, str]] = {
    "number": "a number, date, time, amount or unit is missing, added or another one",
    "name": "a person, place or organization is missing, replaced or added",
    "office": "an office or title is missing or is another one in English",
    "initials": "a person named by initials is missing or has other letters",
    "pronoun": "“he” for a woman or “she” for a man",
    "negation": "a negation was lost or added",
    "hedge": "a suspicion, possibility or doubt became a fact, or a fact became one",
    "procedure": "another stage of a legal procedure, or another legal term",
    "attribution": "“according to …” was lost or added",
    "coverage": "the translation leaves out much of the text",
    "length": "the translation is much longer than the text",
    "vietnamese_left": "the translation, or words of it, are still Vietnamese or in another script",
    "loop": "a text repeats itself",
    "empty": "one of the two texts is missing",
    "prefix_left": "a prefix or a special token of a model is left in the translation",
    "capitals": "the translation is in capitals where the Vietnamese is not",
    "replacement": "an unreadable character (�)",
    "not_prose": "the translation is, or has, a web address or encoded data",
    "label": "a label before a headline is translated as text",
}
"""What a flag of each check says that `check_pair` can raise; the others need an article or the calls of a model."""

_FIELDS = {"summary": "source", "translation": "target"}


@dataclass(frozen=True, slots=True)
class CheckedPair:
    """A pair as it was checked, and its flags, whose `field` is `source` or `target`."""

    source: str  # as given, but repaired as an article is (NFC, mojibake) and without space around it
    target: str
    flags: tuple[Flag, ...]


def check_pair(source: str, target: str) -> CheckedPair:
    """Return the pair with the flags of the checks that compare a Vietnamese text with its English.

    The spans of the flags are code points of the texts in the result. Where one of the texts is empty, that is the only
    flag; where both are, there is none.
    """
    source, target = (repair(text)[0].strip() for text in (source, target))
    if not source or not target:
        return CheckedPair(source, target, tuple(_empty(source, target)))
    # The source stands for the article and its summary, so that the checks between these two find nothing.
    article = Article(id="", text=source, text_sha256="", source=Origin("", 0))
    inspected = inspect(Translated(article, source, "", (Sentence(source, target),), ()))
    flags = (replace(flag, field=_FIELDS[flag.field]) for flag in inspected.flags if flag.field in _FIELDS)
    return CheckedPair(source, target, tuple(flags))


def _empty(source: str, target: str) -> list[Flag]:
    if not source and not target:
        return []
    field, what = ("source", "there is no Vietnamese text") if target else ("target", "there is no translation")
    return [Flag(check="empty", field=field, start=0, end=0, message=what)]
