"""Score translations with COMET, a learned metric, in a separate environment: its pinned dependencies conflict.

The other environment's Python runs `worker.py`, which gets the texts as JSON lines and gives back a number a line. The
checkpoint is a local path; COMET itself takes its encoder's vocabulary from the hub's cache, or fetches it. It reads at
most 512 tokens of a text, which no summary reaches.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import EngineError, UsageError
from pipeline.evaluation.metrics import RESAMPLES, SEED, Score
from pipeline.storage.disk_errors import temporary_folder
from pipeline.storage.user_folders import expand_home

_WORKER = Path(__file__).with_name("worker.py")
_SCALE = 100  # COMET's numbers are near 0 to 1; papers print them so
_LAST_LINES = 5
REMEDY = (
    "COMET needs an environment of its own: `python3 -m venv ~/comet && ~/comet/bin/pip install unbabel-comet "
    "'setuptools<81'`; then give its Python as --comet-python ~/comet/bin/python, or in TOMDICH_COMET_PYTHON"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A summary, its translation, and the reference translation if there is one."""

    source: str
    hypothesis: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a COMET checkpoint is, and the Python that has COMET."""

    checkpoint: Path
    python: Path


def locate(checkpoint: Path, *, python: str | None) -> Place:
    """Return where COMET is to be run; raises `UsageError` where the checkpoint or the other Python is missing.

    `checkpoint` is a `.ckpt` file, or a folder that holds one (`checkpoints/model.ckpt`, as the hub has it).
    """
    if python is None:
        raise UsageError(f"--comet: {REMEDY}")
    found = shutil.which(expand_home(python))
    if found is None:
        raise UsageError(f"--comet-python {python}: no such program; {REMEDY}")
    return Place(_checkpoint(checkpoint), Path(found).absolute())


def score(segments: Sequence[Segment], *, place: Place) -> Score:
    """Return the mean of COMET's scores × 100 with its 95 % bootstrap interval.

    A checkpoint that compares with references scores the segments that have one; the number of texts shows which.
    Raises `UsageError` where COMET or every reference that the checkpoint wants is missing, `EngineError` where COMET
    breaks.
    """
    path = place.checkpoint
    lines = [
        {"src": segment.source, "mt": segment.hypothesis, "ref": segment.reference}
        for segment in segments
        if segment.source and segment.hypothesis
    ]
    if not lines:
        raise UsageError("--comet: no record has a summary and its translation; run the version without --until")
    # a folder of its own, so that nothing of the present one is imported
    with TemporaryDirectory(dir=temporary_folder()) as folder:
        try:
            done = subprocess.run(
                [place.python, _WORKER, path],
                input="".join(json.dumps(line) + "\n" for line in lines),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                cwd=folder,
                check=False,
            )
        except OSError as error:
            raise UsageError(f"--comet-python {place.python}: cannot be run: {error.strerror}; {REMEDY}") from None
    last = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
    if done.returncode == _exit("NO_COMET"):
        raise UsageError(f"--comet-python {place.python}: has no COMET ({last}); {REMEDY}")
    if done.returncode == _exit("NO_REFERENCES"):
        raise UsageError(
            f"--comet {path}: wants reference translations, and no record has one; take a checkpoint that needs "
            "none (wmt22-cometkiwi-da), or name their column with sources.columns.reference_translation"
        )
    if done.returncode:
        raise EngineError(f"--comet {path}: COMET ended with exit code {done.returncode}:\n{last}")
    return _mean(done.stdout, path=path)


def _exit(name: str) -> int:
    """Return one of the worker's exit codes; they stand there, because it cannot import from here."""
    from pipeline.evaluation.comet import worker

    return {"NO_COMET": worker.NO_COMET, "NO_REFERENCES": worker.NO_REFERENCES}[name]


def _checkpoint(given: Path) -> Path:
    path = expand_home(given).resolve()
    if path.is_dir():
        found = sorted(path.rglob("*.ckpt"))
        if len(found) != 1:
            there = ", ".join(str(file.relative_to(path)) for file in found) or "none"
            raise UsageError(f"--comet {given}: give one .ckpt file; in this folder there are: {there}")
        return found[0]
    if not path.is_file():
        raise UsageError(f"--comet {given}: no such checkpoint; give the path of a COMET .ckpt file on this machine")
    return path


def _mean(output: str, *, path: Path) -> Score:
    import numpy as np

    try:
        header, *scores = [json.loads(line) for line in output.splitlines()]
        values = np.array(scores, dtype=float) * _SCALE
        version, references, texts = header["version"], int(header["references"]), int(header["texts"])
    except (ValueError, KeyError, TypeError):
        raise EngineError(f"--comet {path}: COMET gave back what is no score: {output[:200]!r}") from None
    if values.shape != (texts,):
        raise EngineError(f"--comet {path}: COMET gave back {values.size} scores for {texts} texts")
    rng = np.random.default_rng(SEED)
    means = [values[rng.integers(0, texts, texts)].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    # two levels, as COMET's checkpoints are all called model.ckpt
    name = path.stem if path.stem != "model" else path.parents[path.parent.name == "checkpoints"].name
    signature = f"nrefs:{references}|model:{name}|scale:{_SCALE}|bs:{RESAMPLES}|seed:{SEED}|version:comet-{version}"
    return Score("COMET", float(values.mean()), float(low), float(high), texts, signature)
