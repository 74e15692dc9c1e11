"""The page of several compared versions: what it shows, and that nothing in it acts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.evaluation.systems import Systems, compare_systems
from pipeline.export.comparison import page, pareto
from tests.evaluation.test_compare import fake, feed
from tests.published import edit, flag, publish


@pytest.fixture
def systems(tmp_path: Path) -> Systems:
    """Return three systems; the records of the second are hostile."""
    versions = []
    for at, length in enumerate((24, 12, 6)):
        (tmp_path / str(at)).mkdir()
        versions.append(publish(tmp_path / str(at), feed(4), name=f"n{length}", summarize=fake(max_new_tokens=length)))
    hostile = {
        "translation": "<script>alert(1)</script> \u202e one",
        "flags": [flag("number", "error", message="<b>12</b>")],
    }
    edit(versions[1], lambda _: hostile)
    return compare_systems(versions, labels={}, baseline=0, records=2)


def with_values(systems: Systems, *values: tuple[float, float]) -> Systems:
    """Return the systems with these seconds and chrF++."""
    changed = tuple(
        replace(one, values=dict(one.values) | {"seconds": seconds, "chrf++": quality})
        for one, (seconds, quality) in zip(systems.systems, values, strict=True)
    )
    return replace(systems, systems=changed)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)], [True, True, True]),
        ([(1.0, 30.0), (2.0, 20.0), (3.0, 10.0)], [True, False, False]),
        ([(1.0, 10.0), (1.0, 20.0), (2.0, 20.0)], [False, True, False]),
        ([(1.0, 10.0), (1.0, 10.0)], [True, True]),  # as good for as much: none beats the other
    ],
)
def test_on_the_front_is_what_no_other_system_beats(points: list[tuple[float, float]], expected: list[bool]) -> None:
    assert pareto.front(points) == expected


def test_the_picture_has_each_system_at_its_cost_and_quality(systems: Systems) -> None:
    found = pareto.picture(with_values(systems, (1.0, 40.0), (2.0, 30.0), (3.0, 50.0)))
    assert found is not None
    a, b, c = found.points
    assert a.x < b.x < c.x
    assert c.y < a.y < b.y  # up is better
    assert [point.front for point in found.points] == [True, False, True]
    assert found.summary.endswith(": A, C")
    assert found.line == f"M{a.x:.1f} {a.y:.1f} H{c.x:.1f} V{c.y:.1f}"
    assert [tick.label for tick in found.x_ticks] == ["1.000", "3.000"]


def test_without_seconds_the_cost_is_tokens_and_without_references_there_is_no_picture(systems: Systems) -> None:
    def without(*keys: str) -> Systems:
        left = (replace(one, values={k: v for k, v in one.values.items() if k not in keys}) for one in systems.systems)
        return replace(systems, systems=tuple(left))

    found = pareto.picture(without("seconds"))
    assert found is not None
    assert found.x_title == "tokens/article"
    assert pareto.picture(without("chrf++", "rougeL")) is None


def test_equal_systems_are_one_point_and_not_a_division_by_zero(systems: Systems) -> None:
    found = pareto.picture(with_values(systems, (1.0, 40.0), (1.0, 40.0), (1.0, 40.0)))
    assert found is not None
    assert len({(point.x, point.y) for point in found.points}) == 1
    assert pareto.picture(with_values(systems, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))) is not None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def test_the_page_shows_tables_picture_and_records_and_nothing_in_it_acts(systems: Systems) -> None:
    text = page(systems)
    reader = _Reader()
    reader.feed(text)
    shown = " ".join(" ".join(reader.shown).split())
    assert not {"script", "b", "iframe", "img"} & set(reader.tags)
    assert reader.links == ["data:,"]
    assert reader.tags.count("circle") == 3
    assert "<script>alert(1)</script>" in shown
    assert "\\u202e" in shown
    assert "error, number : <b>12</b>" in shown
    assert "Holm" in shown
    assert {"svg", "mark"} <= set(reader.tags)
    assert "default-src 'none'" in text
    for record in systems.apart:
        assert record.title in shown


def test_only_words_that_the_baseline_does_not_have_are_marked(systems: Systems) -> None:
    (first, *_) = systems.apart
    texts = tuple(dict(first.texts[0]) | {"summary": text} for text in ("một hai ba", "một bốn ba", "một hai ba"))
    alone = replace(systems, apart=(replace(first, texts=texts, flags=((), (), ())),))
    marked = re.findall(r"<mark>([^<]*)</mark>", page(alone))
    assert marked == ["bốn"]
