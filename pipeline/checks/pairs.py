"""Check a Vietnamese text and its translation by anybody, without an article: the checks that compare a pair."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.checks.rules import inspect
from pipeline.records import Article, Flag, Origin, Sentence, Translated
from pipeline.text.normalize import repair

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
