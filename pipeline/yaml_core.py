"""YAML 1.2 by its core schema: `yes`, `no`, `on`, `1:30` and dates are text, `0100` is a hundred.

PyYAML reads YAML 1.1, where `max_failure_ratio: yes` is 1, `1:30` is 90 and `0100` is 64. What this module dumps reads
the same in either version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
_MERGE = "tag:yaml.org,2002:merge"  # `<<:`, which may stand more than once
_MOST_DIGITS = 4000  # of a whole number: Python refuses to read longer ones


# What PyYAML raises: its own error, and whatever its constructors come upon in broken dates, keys and nesting.
_NOT_YAML = (yaml.YAMLError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)


class NotYamlError(ValueError):
    """A text is not YAML; the message says what is wrong and where, and repeats no piece of the text."""


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text that was read: what it says, and where."""

    value: Any
    node: yaml.Node | None  # None: the text is empty

    def line(self, field: Sequence[str | int]) -> int:
        """Return the 1-based line of the deepest part of `field` that stands in the text."""
        line, node = 1, self.node
        for part in field:
            found: tuple[yaml.Node, yaml.Node] | None = None
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                found = (node.value[part], node.value[part])
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line


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


def read(text: str) -> Document:
    """Return a YAML text as a document; raises `NotYamlError`, for a key that stands twice in a mapping too.

    YAML forbids such a key; PyYAML lets the last one win, and half of what a person wrote would have no effect.
    """
    try:
        node = yaml.compose(text, Loader=CoreLoader)
        _require_unique_keys(node)
        return Document(yaml.load(text, Loader=CoreLoader), node)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        if error.problem_mark is None:
            raise NotYamlError(str(error)) from None
        mark = error.problem_mark  # not the piece that PyYAML shows of the text, which may hold a secret
        problem = ": ".join(filter(None, (error.context, error.problem)))
        raise NotYamlError(f"line {mark.line + 1}, column {mark.column + 1}: {problem}") from None
    except _NOT_YAML as error:
        raise NotYamlError(str(error)) from None


def load(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    """Return what a YAML text says; raises `NotYamlError`."""
    return read(text).value


def dump(fields: object, *, width: int) -> str:
    """Return fields as YAML, in their order."""
    return str(yaml.dump(fields, Dumper=CoreDumper, allow_unicode=True, sort_keys=False, width=width))


def _require_unique_keys(root: yaml.Node | None) -> None:
    for mapping in _mappings(root):
        lines: dict[tuple[str, str], int] = {}
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    twice = f"lines {lines[name]} and {line}"
                    raise NotYamlError(f"`{key.value}` stands twice, on {twice}; keep one of them")
                lines[name] = line


def _mappings(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield every mapping below `root` once, however often an alias leads to it."""
    seen: set[int] = set()
    left = [root] if root is not None else []
    while left:
        node = left.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            left.extend(part for pair in node.value for part in pair)
        else:
            left.extend(node.value)
