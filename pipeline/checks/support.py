"""The checks `support` and `copied_lead`: whether the summary's words occur in the article.

A summarizer that invents uses words that the article does not have. Counted are the content words of the summary
(syllables without the most frequent function words, tone placement normalized) that the article and its headline lack,
and runs of words of which no two neighbors are neighbors in the article. A summary that is copied from the lead gets
a note: it is not an error, but an editor may want to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pipeline.checks.view import View
from pipeline.records import Flag
from pipeline.text.normalize import press_tone, small

# The median share of a human summary's content words that occur in the article is 0.84 (1,500 of vietnews val; for the
# summary of another article 0.27). One summary in fifty is below 0.45, one in two hundred below 0.33.
_WARNING = 0.45
_ERROR = 0.33
_LEAST = 8  # content words; for a shorter summary the share says little
# A run of words that the article has nowhere in this order, two in three not at all: in one human summary of 22.
_RUN = 6
_RUN_UNKNOWN = 0.67
# The share of neighboring words that are neighbors in the beginning of the article, slightly longer than the summary.
_COPIED = 0.9  # two human summaries of 1,500
_LEAD_MORE = 20

# The most frequent syllables that carry little meaning by themselves.
_FUNCTION = frozenset(
    "và của là có được cho trong với các những một này đã đang sẽ khi để từ đến tại trên về ra vào theo như bị do ở thì"
    " mà nhưng cũng vì sau trước người năm ngày không".split()
)
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")


def check(view: View) -> Iterator[Flag]:
    """Yield the flags `support` (the whole summary, or a run of it) and `copied_lead` (a note)."""
    summary = view.record.summary
    places = list(_WORD.finditer(small(view.summary_press)))
    said = [match[0] for match in places]
    body = _WORD.findall(small(view.article_press))
    if not said or not body:
        return
    known = {*body, *_WORD.findall(small(press_tone(view.record.article.title)))}
    content = [word for word in said if word not in _FUNCTION]
    unknown = [word for word in content if word not in known]
    share = 1 - len(unknown) / len(content) if content else 1.0
    if len(content) >= _LEAST and share < _WARNING:
        yield Flag(
            check="support",
            field="summary",
            start=0,
            end=len(summary),
            message=f"only {share:.0%} of the summary's words are in the article; not in it: "
            f"{', '.join(dict.fromkeys(unknown[:8]))}",
            expected=f"{_WARNING:.0%} or more",
            found=f"{share:.0%}",
            severity="error" if share < _ERROR else "warning",
        )
    else:
        spans = [(match.start(), match.end()) for match in places]
        yield from _novel_runs(summary, spans, said, known, set(pairwise(body)))
    yield from _copied(summary, said, body)


def _novel_runs(
    summary: str,
    spans: list[tuple[int, int]],
    said: list[str],
    known: set[str],
    neighbors: set[tuple[str, str]],
) -> Iterator[Flag]:
    """Yield a flag for each run of words that the article has in no such order, and mostly not at all."""
    start = 0
    for at in range(1, len(said) + 1):
        if at < len(said) and (said[at - 1], said[at]) not in neighbors:
            continue
        run = said[start:at]
        lost = [word for word in run if word not in known]
        if len(run) >= _RUN and len(lost) >= _RUN_UNKNOWN * len(run):
            where = spans[start][0], spans[at - 1][1]
            yield Flag(
                check="support",
                field="summary",
                start=where[0],
                end=where[1],
                message=f"words that are not in the article: {', '.join(dict.fromkeys(lost[:8]))}",
                found=summary[slice(*where)],
            )
        start = at


def _copied(summary: str, said: list[str], body: list[str]) -> Iterator[Flag]:
    """Yield the note that the summary is the beginning of the article."""
    if len(said) < _LEAST or len(body) <= len(said) + _LEAD_MORE:
        return
    lead = body[: len(said) + _LEAD_MORE]
    neighbors = set(pairwise(lead))
    copied = sum(pair in neighbors for pair in pairwise(said)) / (len(said) - 1)
    if copied >= _COPIED:
        yield Flag(
            check="copied_lead",
            field="summary",
            start=0,
            end=len(summary),
            message=f"{copied:.0%} of the summary is copied from the beginning of the article",
            severity="note",
        )
