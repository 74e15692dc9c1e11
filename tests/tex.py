"""Typeset a table of `--to latex` as a paper would, where there is a TeX."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HAS_TEX = shutil.which("pdflatex") is not None
NO_TEX = "no TeX here: apt-get install texlive-latex-recommended"


def typeset(table: str, folder: Path, *, label: str) -> str:
    """Return the log of a paper that has the table and refers to its label; fails where it does not compile."""
    document = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{table}See Table~\ref{{{label}}}.\end{{document}}"
    (folder / "paper.tex").write_text(document, encoding="utf-8")
    for _ in range(2):  # the second reads the label that the first has written
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")
    log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace")
    assert "undefined" not in log
    assert (folder / "paper.pdf").stat().st_size > 1_000
    return log
