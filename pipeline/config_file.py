"""Read a config file: YAML, `--set` overrides, and every mistake named with its file, line, field and remedy.

It knows no field of any config: the pydantic model is given by `config` for a run and by `train.config` for a training.
Pydantic names Python's types (`valid dictionary or instance of Limits`); the messages here speak of text, numbers,
lists and sections, as a person writes them.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline import yaml_core
from pipeline.errors import ConfigError
from pipeline.secrets import ENV, masked
from pipeline.yaml_core import Document, NotYamlError

M = TypeVar("M", bound=BaseModel)

# What is right, by pydantic's name of the error; names in braces are the limits in its context.
_RIGHT = {
    "int_type": "must be a whole number, such as 8",
    "int_from_float": "must be a whole number, such as 8",
    "float_type": "must be a number, such as 0.05",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "model_type": "must be a section: `field: value`, a line each",
    "tuple_type": "must be a list: `[one, another]`, or a line each that begins with `- `",
    "greater_than_equal": "must be at least {ge:.12g}",
    "greater_than": "must be more than {gt:.12g}",
    "less_than_equal": "must be at most {le:.12g}",
    "less_than": "must be less than {lt:.12g}",
    "too_short": "must have at least one item",
    "literal_error": "must be one of {expected}",
}
_YES = {"yes", "no", "on", "off", "y", "n"}
# Names of union branches (types, classes) and validators in the location of an error.
_BRANCH = re.compile(r"(?:str|int|float|bool|[A-Z]\w*|(?:tuple|list|function|constrained|literal)[-\[].*)")
_INDEX = re.compile(r"[0-9]{1,9}")  # of an item of a list: `²` is a digit too, and no number


EXTENDS = "extends"
"""The field that names the file whose fields a config begins with."""

_SET = "--set"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a field was given."""

    name: str  # of the file, as messages name it, or of what stands in for one: `--set`
    line: int | None  # None: not in a file
    folder: Path  # against which a relative path is resolved

    def __str__(self) -> str:
        return self.name if self.line is None else f"{self.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class _Layer:
    """One file of a config: that which was asked for, or one that it extends."""

    name: str
    folder: Path
    document: Document


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a config before they are checked, overrides applied, and the files they were read from."""

    name: str  # of the file, for messages
    values: dict[str, Any]
    folder: Path  # against which the relative paths of overrides are resolved
    layers: tuple[_Layer, ...] = ()  # a file comes before the one that it extends; (): not read from a file
    given: tuple[tuple[str, Origin], ...] = ()  # fields that were given beside the files, later ones before earlier

    def origin(self, field: Sequence[str | int]) -> Origin:
        """Return where `field` was given, or the deepest part of it that was; of a missing one, where it belongs."""
        dotted = ".".join(map(str, field))
        for name, origin in reversed(self.given):
            if dotted == name or dotted.startswith(f"{name}."):
                return origin
        if not self.layers:
            return Origin(self.name, None, self.folder)
        traces = [(layer, layer.document.trace(field)) for layer in self.layers]
        # a value that is no mapping replaces all that the files behind it say of the field
        found = next((one for one in traces if one[1].depth == len(field) or not one[1].is_mapping), None)
        layer, trace = found or max(traces, key=lambda one: one[1].depth)
        return Origin(layer.name, trace.line, layer.folder)

    def without(self, name: str) -> Fields:
        """Return the fields but for one of the top level."""
        return replace(self, values={key: value for key, value in self.values.items() if key != name})

    def with_values(self, values: Mapping[str, Any], origins: Mapping[str, Origin]) -> Fields:
        """Return the fields with these set in them, by their names written with dots; `origins`: where they come from.

        Raises `ConfigError` for a name that leads through a value or beyond the end of a list.
        """
        changed = dict(self.values)
        for name, value in values.items():
            _put(changed, name, value, named=f"{origins[name]}: {name}")
        return replace(self, values=changed, given=(*self.given, *((name, origins[name]) for name in values)))


def read(path: Path, overrides: tuple[str, ...] = ()) -> Fields:
    """Return the YAML mapping at `path` over that of the file that it extends, with `a.b=v` overrides applied.

    Mappings are merged field by field; a list or another value replaces that of the extended file. Raises `ConfigError`
    where a file cannot be read, is no mapping, or extends itself.
    """
    layers = _layers(path)
    values: dict[str, Any] = {}
    for layer in reversed(layers):
        values = _merged(values, {name: value for name, value in layer.document.value.items() if name != EXTENDS})
    folder = path.resolve().parent
    given = tuple((override.partition("=")[0].strip(), Origin(_SET, None, folder)) for override in overrides)
    return Fields(str(path), overridden(values, overrides), folder, tuple(layers), given)


def _layers(path: Path) -> list[_Layer]:
    """Return the file at `path`, the one that it extends, and so on."""
    layers = [_layer(path, extended_by=None)]
    chain = [path]
    while EXTENDS in layers[-1].document.value:
        base = layers[-1].document.value[EXTENDS]
        where = f"{chain[-1]}:{layers[-1].document.line([EXTENDS])}: {EXTENDS}"
        if not isinstance(base, str) or not base:
            raise ConfigError(f"{where}: must be the path of one config file, such as base.yaml")
        if ENV.search(base):
            raise ConfigError(f"{where}: {base}: a `${{NAME}}` is not replaced here; write the path out")
        # a ~name without a home folder stays as it is, and is said to be missing
        named = chain[-1].parent / os.path.expanduser(base)  # noqa: PTH111
        if any(named.resolve() == file.resolve() for file in chain):
            circle = " extends ".join(map(str, (*chain, named)))
            raise ConfigError(f"{where}: no config may extend itself: {circle}; remove one of these lines")
        chain.append(named)
        layers.append(_layer(named, extended_by=where))
    return layers


def _layer(path: Path, *, extended_by: str | None) -> _Layer:
    """Return the file at `path`; `extended_by`: the place that names it, None for the one that was asked for."""
    before = "" if extended_by is None else f"{extended_by}: "
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if extended_by is not None:
            raise ConfigError(f"{extended_by}: {path}: no such file; correct the path or remove the line") from None
        raise ConfigError(f"{path}: no such config; `tomdich init NAME` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{before}{path}: cannot be read: {error}") from None
    try:
        document = yaml_core.read(text)
    except NotYamlError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(document.value, dict):
        raise ConfigError(f"{path}: a config is a mapping of fields: `name: …` and what else it needs, a line each")
    return _Layer(str(path), path.resolve().parent, document)


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the fields of `own`: mappings are merged, all else is replaced."""
    merged = dict(base)
    for name, value in own.items():
        under = merged.get(name)
        merged[name] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def overridden(values: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    """Return `values` with `a.b.0.c=value` overrides set in them; a value is YAML. Raises `ConfigError`."""
    for override in overrides:
        _override(values, override)
    return values


def validate(fields: Fields, kind: type[M]) -> M:
    """Return `fields` as a config of this kind; raises `ConfigError`, a line for each problem."""
    try:
        return kind.model_validate(fields.values)
    except ValidationError as error:
        problems = error.errors()
        # pydantic calls a list with wrong items too short as well, and a section with a wrong field no `auto`: that
        # adds nothing
        places = [tuple(_place(problem)) for problem in problems]
        inner = {place[:depth] for place in places for depth in range(1, len(place))}
        explained = [
            _explain(fields, kind, problem)
            for problem, place in zip(problems, places, strict=True)
            if place not in inner
        ]
        messages: dict[str, list[str]] = {}  # by place: a field of a union type has an error for each type
        for where, message in explained:
            messages.setdefault(where, []).append(message)
        raise ConfigError("\n".join(f"{where}: {', or '.join(all_)}" for where, all_ in messages.items())) from None


def _override(values: dict[str, Any], override: str) -> None:
    shown = masked(override)
    dotted, equals, value = override.partition("=")
    if not equals or not all(dotted.strip().split(".")):
        raise ConfigError(f"{_SET} {shown}: write it as field.subfield=value")
    try:
        parsed = yaml_core.load(value)
    except NotYamlError as error:
        raise ConfigError(f"{_SET} {shown}: the value is not valid YAML: {error}") from None
    _put(values, dotted.strip(), parsed, named=f"{_SET} {shown}")


def _put(values: dict[str, Any], dotted: str, value: object, *, named: str) -> None:
    """Set a field, written with dots, to `value`; `named`: where that was asked for, for messages."""
    keys = dotted.split(".")
    at: Any = values
    for depth, key in enumerate(keys):
        place: Any = key
        if isinstance(at, list):
            if not _INDEX.fullmatch(key) or int(key) >= len(at):
                raise ConfigError(f"{named}: `{'.'.join(keys[:depth])}` has items 0 to {len(at) - 1}")
            place = int(key)
        elif not isinstance(at, dict):
            raise ConfigError(f"{named}: `{'.'.join(keys[:depth])}` is a value, not a section")
        if depth == len(keys) - 1:
            at[place] = value
        else:
            # a copy: with aliases, other fields may share the section
            at[place] = copy(at[place] if isinstance(at, list) else at.get(place, {}))
            at = at[place]


def _explain(fields: Fields, kind: type[BaseModel], problem: ErrorDetails) -> tuple[str, str]:
    """Return where a problem is (file, line, field), and in a line what is wrong and what would be right."""
    where = _place(problem)
    field = ".".join(str(part) for part in where) or "config"
    message = in_words(problem)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(kind, where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1)
        message = f"no such field; did you mean `{near[0]}`?" if near else f"no such field; known: {', '.join(known)}"
    elif problem["type"] == "missing":
        message = "is required and missing"
    elif problem["input"] is not None and not isinstance(problem["input"], dict | list):
        message = f"{message} (found {_as_yaml(problem['input'])})"
    return f"{fields.origin(where)}: {field}", message


def _as_yaml(value: object) -> str:
    """Return a value as a config writes it, without a secret."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(masked(value)) if isinstance(value, str) else repr(value)


def _fields_at(kind: type[BaseModel], where: list[str | int]) -> list[str]:
    """Return the field names of the model that `where` leads to from `kind`."""
    model: Any = kind
    for part in where:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel))
    return sorted(model.model_fields)


def in_words(problem: ErrorDetails) -> str:
    """Return what is wrong and what is right."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if problem["input"] is None and kind.endswith("_type"):
        return "is empty; give it a value, or delete the line"
    if kind not in _RIGHT:
        return problem["msg"].removeprefix("Value error, ")
    return _RIGHT[kind].format(**limits) + _hint(kind, problem["input"], str(limits.get("expected", "")))


def _place(problem: ErrorDetails) -> list[str | int]:
    """Return the names and numbers that lead to the field."""
    *above, last = problem["loc"] or ("",)
    place = [part for part in (*above, last) if isinstance(part, int) or not _BRANCH.fullmatch(part)]
    return [*place, last] if problem["type"] == "extra_forbidden" and place[-1:] != [last] else place


def _hint(kind: str, found: Any, expected: str) -> str:  # noqa: ANN401 - whatever the config holds
    """Return the remedy for common mistakes, else an empty string."""
    if isinstance(found, str) and found.lower() in _YES and kind in {"bool_type", "literal_error"}:
        return f"; `{found}` is text in YAML 1.2"
    if kind == "int_type" and isinstance(found, float):
        return "; write it without a point: a thousand is 1000"
    if kind in {"int_type", "float_type"} and isinstance(found, str) and re.fullmatch(r"[0-9.]+", found):
        return "; write it without quotes"
    if kind == "string_type" and isinstance(found, bool | int | float):
        return "; put it in quotes"
    if not isinstance(found, str):  # a list of aliases may be larger than the memory when printed
        return ""
    near = difflib.get_close_matches(found, re.findall(r"'([^']*)'", expected), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
