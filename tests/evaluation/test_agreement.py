"""The examples of K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), with the numbers printed there."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.evaluation.agreement import alpha

# A: two observers, binary data; B: two observers, nominal data; C: four observers, missing data
A = ["0100000010", "1110010000"]
B = ["aabbdcccedda", "babbbccceddd"]
C = ["123321412...", "1233224125.3", ".333234225 1.".replace(" ", ""), "123324412 51.".replace(" ", "")]


def units(observers: list[str]) -> list[list[int]]:
    return [[ord(value) for value in column if value != "."] for column in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("observers", "level", "value"),
    [(A, "nominal", 0.095), (B, "nominal", 0.692), (C, "nominal", 0.743), (C, "ordinal", 0.815)],
)
def test_the_published_examples(observers: list[str], level: Any, value: float) -> None:
    assert alpha(units(observers), level=level) == pytest.approx(value, abs=0.0005)


def test_full_agreement_is_1_and_what_says_nothing_of_chance_is_none() -> None:
    assert alpha([[0, 0], [1, 1, 1], [-1]], level="nominal") == 1
    assert alpha([[0, 0], [0, 0]], level="nominal") is None
    assert alpha([[0], [1]], level="ordinal") is None
    assert alpha([], level="nominal") is None


def test_an_ordinal_disagreement_weighs_more_the_farther_apart() -> None:
    near = alpha([[-1, 0], [1, 1], [0, 0], [-1, -1]], level="ordinal")
    far = alpha([[-1, 1], [1, 1], [0, 0], [-1, -1]], level="ordinal")
    assert near is not None
    assert far is not None
    assert far < near
