"""YAML: what is dumped reads the same here and in YAML 1.1; what is no YAML is told without its text."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import yaml_core

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = (
    TEXTS | NUMBERS | st.booleans() | st.sampled_from(["yes", "0100", "1_000", "1:30", "2026-11-23", "<<", "=", "~"])
)


@given(st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4))
def test_what_is_dumped_reads_the_same_in_either_version_of_yaml(fields: dict[str, Any]) -> None:
    dumped = yaml_core.dump(fields, width=110)
    assert yaml_core.load(dumped) == fields
    assert yaml.safe_load(dumped) == fields


@pytest.mark.parametrize("text", ["token: s3cret: x", "token: 's3cret", "token: [s3cret", "token: *s3cret x: y"])
def test_an_error_repeats_no_piece_of_the_line(text: str) -> None:
    with pytest.raises(yaml_core.NotYamlError, match=r"^line \d+, column \d+: ") as error:
        yaml_core.load(text)
    assert "s3cret:" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_field_of_a_merged_mapping_has_its_line() -> None:
    document = yaml_core.read("x: &x\n  model: a\n  engine: b\ny:\n  <<: *x\n  model: c\n")
    assert document.value["y"] == {"model": "c", "engine": "b"}
    assert [document.line(["y", name]) for name in ("model", "engine", "other")] == [6, 3, 4]
