"""The picture of the report in the README, taken by Chromium of a real report.

python -m tests.picture              # runs configs/quickstart.yaml, writes docs/report.png

The picture holds a digest of the page's style and template: a test says where they have changed since.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 760  # CSS pixels
RECORD = 1  # of the list: one with flags


def look() -> str:
    """Return the digest of what gives the page its look."""
    files = sorted((ROOT / "pipeline" / "report").glob("*.css")) + sorted((ROOT / "pipeline" / "report").glob("*.j2"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def taken_of(picture: Path) -> str:
    """Return the digest of the look that the picture was taken of."""
    from PIL import Image

    with Image.open(picture) as image:
        return str(image.info.get("look", ""))


def take(report: Path, picture: Path) -> None:
    """Write a picture of the report's page, one record open, in at most 64 colors."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce"
        )
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready]")
        for _ in range(RECORD):
            page.keyboard.press("j")
        page.wait_for_selector(".body")
        page.evaluate("scrollTo({top: 0, behavior: 'instant'}); new Promise(done => setTimeout(done, 500))")
        shot = page.screenshot()
        browser.close()
    said = PngInfo()
    said.add_text("look", look())
    with Image.open(BytesIO(shot)) as image:
        image.convert("RGB").quantize(64).save(picture, optimize=True, pnginfo=said)


def main() -> None:
    """Run the quickstart into a folder of its own and take the picture of its report."""
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-m", "pipeline", "run", "configs/quickstart.yaml", "--outputs", folder]
        version = subprocess.run(run, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        take(ROOT / version / "report.html", PICTURE)


if __name__ == "__main__":
    main()
