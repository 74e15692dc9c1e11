"""YAML 1.2 by its core schema, on `ruamel.yaml`: `yes`, `no`, `on`, `1:30` and dates are text, `0100` is a hundred.

In YAML 1.1 `max_failure_ratio: yes` is 1, `1:30` is 90 and `0100` is 64; ruamel's rules for 1.2 still read dates, and
`1_000` as a number, so the core schema is given here. What `dump` writes reads the same in YAML 1.1.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.resolver import VersionedResolver, implicit_resolvers

_TAG = "tag:yaml.org,2002:"
# of https://yaml.org/spec/1.2.2/#103-core-schema, each with the characters that it can begin with
_CORE: tuple[tuple[str, str, str], ...] = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("merge", r"<<", "<"),  # not of the schema: `<<: *name` is how configs share fields
)
_MERGE = f"{_TAG}merge"
_BASES = {"0o": 8, "0x": 16}
_MOST_DIGITS = 4000  # of a whole number: Python refuses to read longer ones
# What ruamel raises: its own error, and what its constructors raise for broken dates, keys and nesting.
_NOT_YAML = (YAMLError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)

_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


class NotYamlError(ValueError):
    """A text is not YAML; the message says what is wrong and where, and repeats no piece of the text."""


@dataclass(frozen=True, slots=True)
class Trace:
    """How far a document leads towards a field: the line and depth of the deepest part that it has."""

    line: int  # 1-based
    depth: int  # names and numbers of the field that were found
    is_mapping: bool  # whether that part has fields of its own


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text that was read: its value, and the lines of its fields."""

    value: Any
    _node: Node | None  # None: the text is empty

    def line(self, field: Sequence[str | int]) -> int:
        """Return the 1-based line of `field`, or of the deepest part of it that the text has."""
        return self.trace(field).line

    def trace(self, field: Sequence[str | int]) -> Trace:
        """Return how far the text leads towards `field`."""
        line, node, depth = 1, self._node, 0
        for part in field:
            found: tuple[Node, Node] | None = None
            if isinstance(node, MappingNode):
                found = _entry(node, str(part))
            elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
                found = (node.value[part], node.value[part])
            if found is None:
                break
            line, node, depth = found[0].start_mark.line + 1, found[1], depth + 1
        return Trace(line, depth, isinstance(node, MappingNode))


def read(text: str) -> Document:
    """Return a YAML text as a document; raises `NotYamlError`, also for a key that occurs twice in a mapping.

    Aliases of one node share its value, so that nested aliases take no more memory than their text.
    """
    with _not_yaml():
        reader = _reader()
        node = _composed(reader, text)
        return Document(None if node is None else reader.constructor.construct_document(node), node)


def load(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the value of a YAML text; raises `NotYamlError`."""
    return read(text).value


def dump(fields: Mapping[str, Any], *, width: int) -> str:
    """Return fields as YAML, in their order."""
    writer = YAML(typ="safe", pure=True)
    writer.Resolver, writer.Representer = _StrictestResolver, _PortableRepresenter
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # ruamel's type is that of its default
    writer.width = width
    out = io.StringIO()
    writer.dump(fields, out)
    return out.getvalue()


def with_field(text: str, *, section: Sequence[str], name: str, value: str, after: str) -> str:
    """Return a YAML text with `name: value` in the mapping that `section` leads to, and no other character changed.

    A field that is there gets the new value, a new one follows the field `after`. Where the section has neither as its
    own (it is an alias, or merged), the text is returned as it is. Raises `NotYamlError`.
    """
    with _not_yaml():
        root = _composed(_reader(), text)
    mapping = root
    for key in section:
        found = _entry(mapping, key) if isinstance(mapping, MappingNode) else None
        mapping = None if found is None else found[1]
    if not isinstance(mapping, MappingNode):
        return text
    if (entry := _entry(mapping, name)) is not None:
        start, end = entry[1].start_mark.index, entry[1].end_mark.index
        return text[:start] + (value if start < end else f" {value}") + text[end:]
    if (entry := _entry(mapping, after)) is None:
        return text
    key, end = entry[0].start_mark.index, entry[1].end_mark.index
    if mapping.flow_style:
        return f"{text[:end]}, {name}: {value}{text[end:]}"
    begin = text.rfind("\n", 0, key) + 1
    newline = "\r\n" if text[:begin].endswith("\r\n") else "\n"
    line_end = re.compile(r"\r?\n|\Z").search(text, end)
    assert line_end is not None, "a text has an end"
    at = line_end.start()
    return f"{text[:at]}{newline}{text[begin:key]}{name}: {value}{text[at:]}"


@contextmanager
def _not_yaml() -> Iterator[None]:
    """Turn what ruamel raises for a text that is not YAML into `NotYamlError`."""
    try:
        yield
    except MarkedYAMLError as error:
        if error.problem_mark is None:
            raise NotYamlError(str(error)) from None
        mark = error.problem_mark  # not the piece of the text that ruamel shows, which may hold a secret
        problem = ": ".join(filter(None, (error.context, error.problem)))
        raise NotYamlError(f"line {mark.line + 1}, column {mark.column + 1}: {problem}") from None
    except _NOT_YAML as error:
        raise NotYamlError(str(error)) from None


def _entry(mapping: MappingNode, key: str) -> tuple[Node, Node] | None:
    """Return a mapping's key and value nodes; of a key that is merged too, the mapping's own."""
    return next((entry for entry in reversed(mapping.value) if entry[0].value == key), None)


def _reader() -> YAML:
    reader = YAML(typ="safe", pure=True)
    reader.Resolver, reader.Composer, reader.Constructor = _CoreResolver, _UniqueKeysComposer, _CoreConstructor
    reader.composer.warn_double_anchors = False  # YAML allows them, and the warning shows a piece of the text
    return reader


def _composed(reader: YAML, text: str) -> Node | None:
    node: Node | None = reader.compose(text)
    return node


def _resolvers(*, strictest: bool) -> _Resolvers:
    """Return the patterns of plain scalars that are no text, by first character; `strictest`: those of YAML 1.1 too."""
    found: _Resolvers = {}
    for kind, pattern, first in _CORE:
        for letter in [*first, ""] if kind == "null" else first:
            found.setdefault(letter, []).append((_TAG + kind, re.compile(rf"(?:{pattern})\Z")))
    older: Any = implicit_resolvers if strictest else ()  # Any: ruamel's types do not say what its lists hold
    for versions, tag, compiled, letters in older:
        for letter in letters if (1, 1) in versions else ():
            found.setdefault(letter, []).append((tag, compiled))
    return found


class _CoreResolver(VersionedResolver):
    """Resolves plain scalars by the core schema, whatever a `%YAML` line says."""

    _PATTERNS = _resolvers(strictest=False)

    @property
    def versioned_resolver(self) -> _Resolvers:
        return self._PATTERNS

    @property
    def processing_version(self) -> tuple[int, int]:
        return (1, 2)


class _StrictestResolver(_CoreResolver):
    """Which texts `dump` has to quote: those that YAML 1.1 or the core schema would not read as text."""

    _PATTERNS = _resolvers(strictest=True)


class _PortableRepresenter(SafeRepresenter):
    """Writes values so that YAML 1.1 reads the same."""

    def represent_str(self, data: str) -> ScalarNode:
        """Represent a text; one with control characters in double quotes: in single ones ruamel folds U+0085."""
        node: ScalarNode = self.represent_scalar(f"{_TAG}str", data, style=None if data.isprintable() else '"')
        return node

    def represent_float(self, data: float) -> ScalarNode:
        """Represent a number; YAML 1.1 wants a point before the exponent."""
        node: ScalarNode = super().represent_float(data)
        if "e" in node.value and "." not in node.value:
            node.value = node.value.replace("e", ".0e")
        return node


_PortableRepresenter.add_representer(str, _PortableRepresenter.represent_str)
_PortableRepresenter.add_representer(float, _PortableRepresenter.represent_float)


class _UniqueKeysComposer(Composer):
    """Refuses a key that occurs twice in a mapping; ruamel misses it beside `<<`, and its message shows the values."""

    def compose_mapping_node(self, anchor: Any) -> Any:  # noqa: ANN401 - ruamel's own type
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, ScalarNode) and str(key.tag) != _MERGE:
                name, line = (str(key.tag), key.value), key.start_mark.line + 1
                if name in lines:
                    where = f"on lines {lines[name]} and {line}"
                    raise NotYamlError(f"`{key.value}` occurs twice, {where}; keep one of them")
                lines[name] = line
        return node


class _CoreConstructor(SafeConstructor):
    """Constructs whole numbers by the core schema, up to the digits that Python reads."""

    def construct_yaml_int(self, node: Any) -> int:  # noqa: ANN401 - ruamel's own type
        text = str(self.construct_scalar(node))
        if len(text) > _MOST_DIGITS:
            raise NotYamlError(f"line {node.start_mark.line + 1}: a number of {len(text)} digits")
        return int(text, _BASES.get(text[:2], 10))


_CoreConstructor.add_default_constructor("int")
