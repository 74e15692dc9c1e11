"""How long the report of many records takes to write, to open in Chromium, to search and to scroll.

python -m tests.benchmarks.report_page --records 10000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from pipeline import report
from tests.report.test_report_browser import CHROMIUM, MANIFEST, Opened, expect, many

FRAMES = """() => new Promise((resolve) => {
  const list = document.getElementById('list'), times = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    times.push(now - last);
    last = now;
    if (times.length > 100) resolve(times.sort((a, b) => a - b)[50]);
    else { list.scrollTop += list.scrollHeight / 101; requestAnimationFrame(step); }
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    """Print the times of one report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=10_000)
    records = options.parse_args().records
    rows = many(records)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        began = time.perf_counter()
        report.write(Path(folder), manifest=MANIFEST, rows=rows, failures=[])
        wrote = time.perf_counter() - began
        size = (Path(folder) / report.writing.FILE).stat().st_size
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        began = time.perf_counter()
        tab = Opened(browser, Path(folder), width=1440, fragment="", scheme="light")
        opened = time.perf_counter() - began
        began = time.perf_counter()
        tab.page.fill("#search", f"storm {records - 1}")
        expect(tab.page.locator(".row")).to_have_count(1)
        searched = time.perf_counter() - began
        tab.page.fill("#search", "")
        frame = tab.page.evaluate(FRAMES)
        print(  # noqa: T201 - the measurement
            f"{records:,} records of {len(rows[0].article)} characters: {size / 1e6:.1f} MB written in"
            f" {wrote:.1f} s, opened in {opened:.2f} s, first search {searched:.2f} s, {frame:.0f} ms a frame"
        )
        browser.close()


if __name__ == "__main__":
    main()
