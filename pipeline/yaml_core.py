"""YAML 1.2 by its core schema: `yes`, `no`, `on`, `1:30` and dates are text, `0100` is a hundred.

PyYAML reads YAML 1.1, where `max_failure_ratio: yes` is 1, `1:30` is 90 and `0100` is 64. What this module dumps reads
the same in either version.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_BOOL, _INT, _FLOAT, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "null"))
# of https://yaml.org/spec/1.2.2/#103-core-schema, each with the characters that it can begin with
_CORE: tuple[tuple[str, str, str], ...] = (
    (_BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_INT, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (_FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    (_FLOAT, r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    (_NULL, r"~|null|Null|NULL|", "~nN"),
)
_BASES = {"0o": 8, "0x": 16}
_MOST_DIGITS = 4000  # of a whole number: Python refuses to read longer ones


class CoreLoader(yaml.SafeLoader):
    """A safe loader that resolves plain scalars as YAML 1.2 does, and keeps `<<` for merging."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012 - PyYAML's own attribute
        "<": [("tag:yaml.org,2002:merge", re.compile(r"<<\Z"))],
        "=": [],
    }


class CoreDumper(yaml.SafeDumper):
    """A safe dumper that quotes what either version of YAML would not read as text."""


def _number(loader: CoreLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"line {node.start_mark.line + 1}: a number of {len(text)} digits")
    return int(text, _BASES.get(text[:2], 10))


for _tag, _pattern, _first in _CORE:
    for _one in (CoreLoader, CoreDumper):
        _one.add_implicit_resolver(
            _tag, re.compile(rf"(?:{_pattern})\Z"), [*_first, ""] if _tag == _NULL else [*_first]
        )
CoreLoader.add_constructor(_INT, _number)


def load(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    """Return what a YAML text says; raises what PyYAML raises."""
    return yaml.load(text, Loader=CoreLoader)  # noqa: S506 - a SafeLoader


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of a YAML text."""
    return yaml.compose(text, Loader=CoreLoader)


def dump(fields: object, *, width: int) -> str:
    """Return fields as YAML, in their order."""
    return str(yaml.dump(fields, Dumper=CoreDumper, allow_unicode=True, sort_keys=False, width=width))
