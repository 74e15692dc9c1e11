"""What the house has the last word on: an editor's sentence stands for the model's, a house term for a wrong one.

Her sentence is taken as it is: no term is replaced in it, and what a check says against it is kept as a note only,
for she has looked. To accept the model's sentence as it is counts the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.checks.pairs import Pair, aligned
from pipeline.checks.terms import Rendered, Terms
from pipeline.house import Correction, sentence_key
from pipeline.records import Flag, Translated


@dataclass(frozen=True, slots=True)
class Edited:
    """A record with the house's English; what was done; and the pairs that an editor stands for."""

    record: Translated
    flags: tuple[Flag, ...]
    hers: tuple[Pair, ...]


def edit(translated: Translated, *, terms: Terms, corrections: Mapping[str, Correction]) -> Edited:
    """Return the record with corrected sentences and house terms in place."""
    article = translated.article
    asked = any(call.stage == "translate" for call in translated.calls)  # not so under `--until summarize`
    title = Rendered(translated.title_translation)
    if article.title and (asked or title.english):
        title = _rendered(article.title, translated.title_translation, terms, corrections)
    texts = [_rendered(one.summary, one.translation, terms, corrections) for one in translated.sentences]
    sentences = tuple(
        replace(sentence, translation=text.english) for sentence, text in zip(translated.sentences, texts, strict=True)
    )
    record = replace(translated, title_translation=title.english, sentences=sentences)
    pairs = aligned(record)
    if len(pairs) > len(texts):
        texts.insert(0, title)
    placed = list(zip(pairs, texts, strict=True))
    flags = [_placed(flag, pair) for pair, text in placed for flag in text.flags]
    hers = [pair for pair, text in placed if any(flag.check == "corrected" for flag in text.flags)]
    return Edited(record, tuple(flags), tuple(hers))


def vouched(flags: Sequence[Flag], *, without: Iterable[Flag], hers: Sequence[Pair]) -> list[Flag]:
    """Return `flags`, those about her pairs as notes; what is found without any translation (`without`) stays."""
    not_of_the_english = set(without)
    return [
        replace(flag, severity="note")
        if flag not in not_of_the_english and any(_within(flag, pair) for pair in hers)
        else flag
        for flag in flags
    ]


def _rendered(vi: str, en: str, terms: Terms, corrections: Mapping[str, Correction]) -> Rendered:
    correction = corrections.get(sentence_key(vi)) if corrections else None
    if correction is None:
        return terms.render(vi, en)
    hers = correction.en
    done = "accepted as it is" if hers == en else "written"
    message = f"{done} by {correction.by}, {correction.at}"
    flag = Flag(check="corrected", field="english", start=0, end=len(hers), message=message, found=en, severity="note")
    return Rendered(hers, (flag,))


def _placed(flag: Flag, pair: Pair) -> Flag:
    english = flag.field == "english"
    by = pair.english_start if english else pair.vietnamese_start
    field = pair.english_field if english else pair.vietnamese_field
    return replace(flag, field=field, start=flag.start + by, end=flag.end + by)


def _within(flag: Flag, pair: Pair) -> bool:
    """Return whether the flag is about this pair, on either side."""
    for field, start, text in (
        (pair.english_field, pair.english_start, pair.english),
        (pair.vietnamese_field, pair.vietnamese_start, pair.vietnamese),
    ):
        if flag.field == field and start <= flag.start and flag.end <= start + len(text):
            return True
    return False
