"""The records of a run, as frozen dataclasses without knowledge of files or models.

articles ─load─▶ Article ─summarize─▶ Summarized ─translate─▶ Translated ─inspect─▶ PublishedRow
                     └─────────────── any record may become a Failure, and is kept as one ───────┘

With `order: translate_then_summarize` both stages give a `Translated`: first one whose article is translated, then with
its English summary.

`PublishedRow` and its parts define the columns of a version's Parquet files: `storage.rows.arrow_schema` derives the
Arrow schema from them, and every reader gets them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, TypeAlias

JSON: TypeAlias = Any  # a value that JSON can hold; typed in full it would recurse, which decoders refuse
Int64: TypeAlias = Annotated[int, "int64"]  # the width of a stored column; a plain `int` is stored in 32 bits

# repair: the second checkpoint of `translate.repair`, behind the translating stage
StageName = Literal["load", "summarize", "translate", "repair", "inspect"]
Order = Literal["summarize_then_translate", "translate_then_summarize"]
DEFAULT_ORDER: Order = "summarize_then_translate"  # of a config and of a recipe that name none
Severity = Literal["note", "warning", "error"]  # worth knowing, worth reading, wrong unless shown otherwise
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # from the worst on
Status = Literal["ok", "hold"]  # hold: not to be printed before a person has looked

Category = Literal["failed", "damaged", "rejected", "duplicate"]  # what a failure is counted as
DUPLICATE, SAME_ID = "duplicate", "same_id"  # kinds of failures: an equal text, another text under an equal id

# What a flag's `check` may be: the names a config may hold on, and a reader may filter by.
CHECKS = (
    "number", "name", "office", "initials", "pronoun", "negation", "hedge", "procedure", "attribution", "coverage",
    "length", "vietnamese_left", "loop", "unfinished", "empty", "dropped", "prefix_left", "capitals", "support",
    "copied_lead", "term", "corrected", "edit_outdated", "released", "replacement", "not_prose", "long_sentence",
    "long_title", "lead", "label",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an article was read, and what had to be done to its text."""

    path: str  # as found: a path or URL
    row: Int64  # 0-based row, line or document within the path
    encoding: str | None = None  # the encoding the bytes were read in; None where the format has its own
    repairs: tuple[str, ...] = ()  # e.g. ("mojibake", "nfc", "eth"), in the order they were done


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article, repaired and normalized to NFC; `text` is the body the summarizer sees."""

    id: str
    text: str  # paragraphs separated by one newline
    text_sha256: str  # of `text`, UTF-8
    source: Origin
    title: str = ""
    url: str = ""
    published: str = ""  # ISO 8601 where it could be read, else as found
    outlet: str = ""
    extra: dict[str, JSON] = field(default_factory=dict)  # the source's `keep` columns
    set_aside: tuple[tuple[str, str], ...] = ()  # lines of a pasted page that are not its body: (kind, text)
    reference_summary: str = ""
    reference_translation: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """A request for the `count` best hypotheses of a beam that is `count` wide."""

    text: str
    count: int


Request: TypeAlias = str | Candidates  # of a model: a plain text asks for one answer, by the checkpoint's own search


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One of several answers of a beam search; its fields are as in `Generation`."""

    text: str
    output_tokens: int
    finished: bool
    score: float | None


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer of a model to one text, or the best of those to `Candidates`."""

    text: str
    source_tokens: int  # before any cut
    dropped_tokens: int  # cut off because the source did not fit: never silently
    output_tokens: int
    finished: bool  # False: stopped by the length limit, not by end-of-sequence
    score: float | None  # engine-specific confidence (mean log-probability a token), or None
    others: tuple[Hypothesis, ...] = ()  # to `Candidates`: the hypotheses after the best, in the order of the beam


@dataclass(frozen=True, slots=True)
class Refused:
    """A text the engine could not answer, alone in its batch; never memoized, retried by the next run."""

    kind: str  # a short word: "memory", "error"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The accounting of one model call of one record; of several candidates, that of the best."""

    stage: str
    index: int  # within the round
    round: int
    source_tokens: int
    dropped_tokens: int
    output_tokens: int
    finished: bool
    score: float | None
    repair: bool = False  # made because a check flagged the first answer


# Where a text came from that was asked for again: the first answer, a wider beam, the translation of the source with
# names in ASCII, with amounts in full, with both, or one clause at a time, the second checkpoint, the article's own
# sentences.
RepairSource = Literal["first", "beam", "names", "amounts", "names_amounts", "clauses", "second", "extractive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedText:
    """A text whose first answer the checks flagged, so that candidates were asked for; the first answer may stay."""

    field: str  # "summary", "title_translation", "translation", "article_translation"
    index: int  # of "translation" and "article_translation", the sentence; else 0
    first: str  # the first answer
    taken: RepairSource
    rank: int  # of the hypothesis taken in its beam, from 1; 0 where it is not from one
    candidates: int  # different texts compared with the first answer
    before: tuple[str, ...]  # the checks that flagged the first answer, with severity: "number error"
    after: tuple[str, ...]  # those that flag what was taken
    second: bool = False  # whether the second checkpoint was asked, too

    @property
    def has_error(self) -> bool:
        """Whether what was taken has an error."""
        return any(named.endswith(" error") for named in self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something a person should look at; `start` and `end` count code points of `field`."""

    check: str
    field: str  # "title", "article", "summary", "title_translation", "translation", "article_translation"
    start: int
    end: int
    expected: str = ""
    found: str = ""
    message: str
    severity: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Summarized:
    """An article and its Vietnamese summary."""

    article: Article
    summary: str
    calls: tuple[Call, ...]
    flags: tuple[Flag, ...] = ()
    repaired: tuple[RepairedText, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the summary and its translation."""

    summary: str
    translation: str


@dataclass(frozen=True, slots=True)
class ArticleSentence:
    """One sentence of the article and its translation, of a run that translates first."""

    article: str
    translation: str


@dataclass(frozen=True, slots=True)
class Translated:
    """An article with its English title and its English text.

    By default the text is the translation of the Vietnamese summary, sentence by sentence. In a run that translates
    first, `article_sentences` are the article, there is no Vietnamese summary, and the text is an English summary.
    """

    article: Article
    summary: str
    title_translation: str
    sentences: tuple[Sentence, ...]
    calls: tuple[Call, ...]
    flags: tuple[Flag, ...] = ()
    status: Status = "ok"
    repaired: tuple[RepairedText, ...] = ()
    article_sentences: tuple[ArticleSentence, ...] = ()
    english_summary: str = ""  # of the translated article

    @property
    def translation(self) -> str:
        """The English text: the translated sentences of the summary, joined by spaces, or the English summary."""
        if self.article_sentences:
            return self.english_summary
        return " ".join(sentence.translation for sentence in self.sentences if sentence.translation)

    @property
    def article_translation(self) -> str:
        """The translated article, one line for each sentence that has a translation; empty by default."""
        return "\n".join(one.translation for one in self.article_sentences if one.translation)


BY_EDITOR = "by_editor"  # the kind of a rejection that a corrections file asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A record that is not in the output, and why.

    `damaged`: the row or file cannot be read or decoded; counted apart, and limited as failures are.
    `rejected`: a text that is not wanted (empty, too short, not Vietnamese, withdrawn, a duplicate, rejected by an
    editor); listed, not retried, and no reason to stop. Otherwise it failed: the model refused it, or its id came
    twice.
    """

    stage: StageName
    kind: str  # "empty", "short", "bad_row", "duplicate", "same_id", "refused", "no_shrink", "by_editor", ...
    message: str  # names the remedy where there is one
    source: Origin
    id: str = ""
    text_sha256: str = ""
    rejected: bool = False
    retry: bool = False  # the next run tries again (engine refusals)
    damaged: bool = False  # absent in versions that counted such rows as rejected

    @property
    def category(self) -> Category:
        """What the run counts it as."""
        if self.damaged:
            return "damaged"
        return "duplicate" if self.kind == DUPLICATE else "rejected" if self.rejected else "failed"


@dataclass(frozen=True, slots=True)
class SetAsideLine:
    """One line of a pasted page that is not part of the article's body."""

    kind: str  # "caption", "title", ...
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One row of a published version; the fields but `kept` are its columns, in their order on disk.

    `translation` is the English text to be printed, whatever the order of the stages.

    The names and types are a contract (`schema: 1`): add fields with a default, rename none. A column that an older
    version lacks, or that is null, has its default.
    """

    id: str
    url: str = ""
    title: str = ""
    published: str = ""  # ISO 8601 where it could be read, else as found
    outlet: str = ""
    article: str
    text_sha256: str
    source: Origin
    set_aside: tuple[SetAsideLine, ...] = ()
    summary: str = ""
    title_translation: str = ""
    translation: str = ""
    sentences: tuple[Sentence, ...] = ()
    reference_summary: str = ""
    reference_translation: str = ""
    status: Status = "ok"
    flags: tuple[Flag, ...] = ()
    calls: tuple[Call, ...] = ()
    repaired: tuple[RepairedText, ...] = ()
    # Of a run that translates first, which has no `summary` and no `sentences`; else empty.
    article_translation: str = ""  # one line for each sentence
    article_sentences: tuple[ArticleSentence, ...] = ()
    kept: dict[str, str | None] = field(default_factory=dict)  # the source's `keep` columns, each stored as a column


ROW_COLUMNS = tuple(one.name for one in fields(PublishedRow) if one.name != "kept")
