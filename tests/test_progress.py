"""The progress messages of long work."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.progress import Lines, duration


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0.0 s"), (4.21, "4.2 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_a_duration_is_written_for_a_person(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_line_says_the_time_that_is_expected_and_not_that_of_the_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("pipeline.progress.time", SimpleNamespace(monotonic=lambda: now))
    lines = Lines()
    lines.begin("summarize", 600)
    now = 50.0
    lines.advance(1)
    assert capsys.readouterr().err == "summarize: 1 of 600 in 50.0 s, 0.0/s, 8 h 19 min left\n"
    now = 56.0
    lines.expect(90.0)
    assert capsys.readouterr().err == "summarize: 1 of 600 in 56.0 s, 0.0/s, 1 min 30 s left\n"
    now = 60.0
    lines.advance(599)
    lines.done()
    assert capsys.readouterr().err == "summarize: 600 of 600 in 60.0 s, 10.0/s\n"
