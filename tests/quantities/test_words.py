"""Each word of the tables in the modules of `pipeline.quantities`, in a text that is read otherwise without it.

The texts are in `words.tsv`: language, text, and what is read, written as in the examples of the rules. A new word of a
table needs a line there: `python -m tests.mutate_rules pipeline/quantities/number_words.py` reports words without one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.quantities import english, vietnamese
from tests.quantities.test_examples import written

READ = {"vi": vietnamese, "en": english}
ROWS = [line.split("\t") for line in Path(__file__).with_name("words.tsv").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("language", "text", "expected"), ROWS)
def test_a_word_is_read(language: str, text: str, expected: str) -> None:
    assert written(READ[language](text)) == expected
