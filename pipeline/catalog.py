"""The known checkpoints, read from `catalog.toml`.

The catalog has the conventions of a checkpoint (prefix, language codes, lengths, tone style) and its license, not
whether its files are on this machine, which `checkpoints` finds. A name that it does not have is not an error: the
config may give the conventions of any encoder-decoder checkpoint.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

Family = Literal["t5", "mt5", "mbart", "mbart50", "m2m100", "nllb", "marian", "bart", "fake", "extractive"]
LicenseClass = Literal["free", "noncommercial", "copyleft", "unclear"]
ToneStyle = Literal["press", "new", "any"]

BUNDLED = "bundled/"
MODEL_FREE = ("extractive", "lead", "textrank", "oracle")
"""The summarizers without a model; see `extractive`."""
UNKNOWN_LICENSE = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One checkpoint of the catalog; the checkpoint's own files decide an unset field."""

    name: str
    stage: Literal["summarize", "translate"]
    family: Family
    license: str
    license_class: LicenseClass
    note: str
    prefix: str = ""
    output_prefix: str = ""
    source_lang: str | None = None
    target_lang: str | None = None
    max_source: int | None = None  # tokens, prefix and special tokens counted
    tone_style: ToneStyle = "any"
    word_segmented: bool = False
    with_title: bool = False  # the input of a summarizer begins with the headline
    lead: int | None = None  # a summarizer that reads so many tokens of the beginning; None: the whole, in rounds
    languages: tuple[str, ...] = ("vi",)  # that a summarizer reads; English is for `order: translate_then_summarize`
    pretrained_only: bool = False  # not fine-tuned: it runs, but its output is noise
    repair: bool = False  # `repair: auto` asks again where the checks flag an answer: measured to gain by it
    published: str = ""  # published scores and their source
    revision: str | None = None  # a verified commit; None if not pinned
    generation: Mapping[str, int | float | bool] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether the checkpoint, or the summarizer without a model, is part of the package."""
        return self.name.startswith(BUNDLED) or self.name in MODEL_FREE


@cache
def _data() -> tuple[tuple[Entry, ...], Mapping[str, LicenseClass]]:
    """Return the entries in the order of the file, and the class of each known license."""
    raw = tomllib.loads(files("pipeline").joinpath("catalog.toml").read_text(encoding="utf-8"))
    classes: dict[str, LicenseClass] = {name: kind for kind, names in raw["licenses"].items() for name in names}
    entries = tuple(Entry(**model, license_class=classes.get(model["license"], "unclear")) for model in raw["models"])
    return entries, classes


def entries() -> tuple[Entry, ...]:
    """Return every known checkpoint in the order of the catalog."""
    return _data()[0]


def find(name: str) -> Entry | None:
    """Return the entry with exactly this name, or None."""
    return next((entry for entry in entries() if entry.name == name), None)


def near(name: str, count: int = 3) -> list[str]:
    """Return up to `count` catalog names similar to `name`, best first; ignores owner and case."""
    wanted = name.lower().rpartition("/")[2]
    by_key = {entry.name.lower().rpartition("/")[2]: entry.name for entry in entries()}
    inside = [key for key in by_key if wanted and wanted in key]
    alike = difflib.get_close_matches(wanted, by_key, n=count, cutoff=0.5)
    return [by_key[key] for key in dict.fromkeys([*inside, *alike])][:count]


def license_class(license_name: str) -> LicenseClass:
    """Return the class of a license by its name on the model card; `unclear` if the name is unknown."""
    return _data()[1].get(license_name.lower(), "unclear")
