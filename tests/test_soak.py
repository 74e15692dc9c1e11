"""Many articles on the fake engine: memory stays flat, and a replay is quick. `make soak` runs this."""

# ruff: noqa: T201 - a measurement prints

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import article, write_feed

ROOT = Path(__file__).parents[1]
MIB = 1024 * 1024
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


# A small process between: Linux keeps over `exec` the peak of the memory that the one which starts it has.
_MEASURE = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def run(config: Path, *arguments: str) -> tuple[float, int]:
    """Run a config; as `measured`."""
    return measured("run", config, *arguments, cwd=config.parent)


def measured(*arguments: str | Path, cwd: Path) -> tuple[float, int]:
    """Run the command line into `out`; return the processor's seconds and the bytes of memory it peaked at.

    The clock's seconds would be those of whatever else runs on the machine, too.
    """
    command: list[str | Path] = [sys.executable, "-m", "pipeline", *arguments, "--outputs", "out"]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    code, seconds, peak = json.loads(done.stdout)
    assert code == 0
    return seconds, peak * UNIT


def test_memory_for_100_000_articles_is_that_for_10_000(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    config = make_config()
    peaks = []
    for count in (10_000, 100_000):
        write_feed(tmp_path / "feed.jsonl", (article(number, length=1) for number in range(count)))
        seconds, peak = run(config, "--set", f"name=soak{count}", "--set", f"memo=memo{count}")
        print(
            f"{count} articles: {seconds:.0f} s of the processor, {count / seconds:.0f} a second, peak {peak / MIB:.0f} MiB"
        )
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 50 * MIB


def test_10_000_articles_are_replayed_in_under_a_minute(tmp_path: Path, make_config: Callable[..., Path]) -> None:
    config = make_config()
    write_feed(tmp_path / "feed.jsonl", [article(number, length=12) for number in range(10_000)])
    first, _ = run(config)
    again, _ = run(config, "--force")
    print(f"10000 articles: first {first:.1f} s of the processor, replayed {again:.1f} s")
    assert again < 60
