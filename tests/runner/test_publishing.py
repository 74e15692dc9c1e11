"""Rows as a table: by way of JSON it is the table that pyarrow makes of the rows themselves."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Article, Call, Flag, Origin, Sentence, Translated
from pipeline.runner import publishing
from pipeline.runner.publishing import published_row, table
from pipeline.storage.rows import arrow_schema, as_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "null", "2026-11-26", "2026-11-26T10:00:00Z", "1e5", "true", "\x00", "\u2028", '"\\', "[]", "-0"]
)
COUNTS = st.integers(0, 2**31 - 1)
CALLS = st.builds(
    Call,
    stage=st.sampled_from(["summarize", "translate"]),
    index=COUNTS,
    round=COUNTS,
    source_tokens=COUNTS,
    dropped_tokens=COUNTS,
    output_tokens=COUNTS,
    finished=st.booleans(),
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
FLAGS = st.builds(Flag, check=TEXTS, field=TEXTS, start=COUNTS, end=COUNTS, message=TEXTS, expected=TEXTS)
ARTICLES = st.builds(
    Article,
    id=TEXTS,
    text=TEXTS,
    text_sha256=TEXTS,
    source=st.builds(Origin, TEXTS, st.integers(0, 2**62), st.none() | TEXTS, st.lists(TEXTS, max_size=2).map(tuple)),
    title=TEXTS,
    extra=st.fixed_dictionaries({}, optional={"section": st.none() | TEXTS | COUNTS | st.lists(TEXTS, max_size=2)}),
    set_aside=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
)
RECORDS = st.builds(
    Translated,
    ARTICLES,
    TEXTS,
    TEXTS,
    st.lists(st.builds(Sentence, TEXTS, TEXTS), max_size=2).map(tuple),
    st.lists(CALLS, max_size=2).map(tuple),
    st.lists(FLAGS, max_size=2).map(tuple),
)
KEEP = ("section", "desk")
SCHEMA = arrow_schema(KEEP)


@given(st.lists(RECORDS, max_size=4))
def test_the_table_is_that_of_the_rows(records: list[Translated]) -> None:
    rows = [published_row(record, keep=KEEP) for record in records]
    assert table(rows, SCHEMA).equals(
        pa.Table.from_pylist(list(map(as_json, rows)), schema=SCHEMA), check_metadata=True
    )


@given(st.lists(RECORDS, min_size=3, max_size=7))
def test_rows_of_more_bytes_than_are_read_at_once_are_all_there(records: list[Translated]) -> None:
    rows = [published_row(record, keep=KEEP) for record in records]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "_MOST_JSON", 1000)
        assert table(rows, SCHEMA).equals(
            pa.Table.from_pylist(list(map(as_json, rows)), schema=SCHEMA), check_metadata=True
        )
