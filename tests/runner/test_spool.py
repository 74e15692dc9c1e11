"""The spool between the model stages: what passes through, what a drain takes to the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Article, Origin, Summarized
from pipeline.runner.spool import Spool


def summarized(number: int) -> Summarized:
    return Summarized(Article(id=f"a{number}", text="", text_sha256="", source=Origin("f", number)), "Tóm tắt.", ())


@given(count=st.integers(0, 6), drained_after=st.integers(0, 7))
def test_every_record_comes_once_and_in_order_wherever_the_spool_is_drained(
    tmp_path_factory: object, count: int, drained_after: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")  # type: ignore[attr-defined]
    records = [summarized(number) for number in range(count)]
    with Spool(iter(records), folder / "summarize.jsonl", Summarized) as spool:
        if drained_after == 0:
            spool.drain()
        seen = []
        for record in spool:
            seen.append(record)
            if len(seen) == drained_after:
                spool.drain()
    assert seen == records
    assert (spool.count, spool.characters) == (count, count * len("Tóm tắt."))


def test_a_record_passes_through_before_the_next_one_is_asked_for(tmp_path: Path) -> None:
    given_: list[int] = []

    def coming() -> Iterator[Summarized]:
        for number in range(3):
            given_.append(number)
            yield summarized(number)

    with Spool(coming(), tmp_path / "summarize.jsonl", Summarized) as spool:
        next(iter(spool))
        assert (given_, spool.is_complete) == ([0], False)


def test_a_drain_takes_what_is_left_to_the_disk_and_completes_the_spool(tmp_path: Path) -> None:
    path = tmp_path / "summarize.jsonl"
    with Spool(map(summarized, range(3)), path, Summarized) as spool:
        passing = iter(spool)
        first = next(passing)
        spool.drain()
        assert spool.is_complete
        assert len(path.read_text(encoding="utf-8").splitlines()) == 2
        assert [first, *passing] == [summarized(number) for number in range(3)]
