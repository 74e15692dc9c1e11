"""Read a config file: YAML, `--set` overrides, and every mistake named with its file, line, field and remedy.

It knows no field of any config: the pydantic model is given by `config` for a run and by `train.config` for a training.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline import yaml_core
from pipeline.errors import ConfigError
from pipeline.field_errors import in_words
from pipeline.field_errors import place as place_of
from pipeline.secrets import masked
from pipeline.yaml_core import Document, NotYamlError

M = TypeVar("M", bound=BaseModel)

_INDEX = re.compile(r"[0-9]{1,9}")  # of an item of a list: `²` is a digit too, and no number


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a config before they are checked, overrides applied, and the document they were read from."""

    name: str  # of the file, for messages
    values: dict[str, Any]
    document: Document | None  # None: not read from a file, so there are no lines


def read(path: Path, overrides: tuple[str, ...] = ()) -> Fields:
    """Return the YAML mapping at `path` with `a.b=v` overrides applied; raises `ConfigError` where it is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such config; `tomdich init NAME` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    try:
        document = yaml_core.read(text)
    except NotYamlError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(document.value, dict):
        raise ConfigError(f"{path}: a config is a mapping of fields: `name: …` and what else it needs, a line each")
    return Fields(str(path), overridden(document.value, overrides), document)


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
        # a list whose items are wrong is also called too short: that says nothing more
        inner = {problem["loc"][:depth] for problem in problems for depth in range(1, len(problem["loc"]))}
        explained = [_explain(fields, kind, problem) for problem in problems if problem["loc"] not in inner]
        messages: dict[str, list[str]] = {}  # by place: a field that may be of two kinds is wrong in two ways
        for where, message in explained:
            messages.setdefault(where, []).append(message)
        raise ConfigError("\n".join(f"{where}: {', or '.join(all_)}" for where, all_ in messages.items())) from None


def _override(values: dict[str, Any], override: str) -> None:
    shown = masked(override)
    dotted, equals, value = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {shown}: write it as field.subfield=value")
    try:
        parsed = yaml_core.load(value)
    except NotYamlError as error:
        raise ConfigError(f"--set {shown}: the value is not valid YAML: {error}") from None
    at: Any = values
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(at, list):
            if not _INDEX.fullmatch(key) or int(key) >= len(at):
                raise ConfigError(f"--set {shown}: `{'.'.join(keys[:depth])}` has items 0 to {len(at) - 1}")
            if last:
                at[int(key)] = parsed
            else:
                at = at[int(key)]
        elif isinstance(at, dict):
            if last:
                at[key] = parsed
            else:
                at = at.setdefault(key, {})
        else:
            raise ConfigError(f"--set {shown}: `{'.'.join(keys[:depth])}` is a value, not a section")


def _explain(fields: Fields, kind: type[BaseModel], problem: ErrorDetails) -> tuple[str, str]:
    """Return where a problem is (file, line, field), and in a line what is wrong and what would be right."""
    where = place_of(problem)
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
    line = "" if fields.document is None else f":{fields.document.line(where)}"
    return f"{fields.name}{line}: {field}", message


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
