"""Show a config as a run takes it: every value, and the file and line that gave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import config as configs
from pipeline import yaml_core
from pipeline.config_file import Fields, Origin, read
from pipeline.records import JSON
from pipeline.secrets import masked

_ONE_LINE = 1_000_000  # columns: no value is folded, so that its comment stands behind all of it
_ALIGNED = 60  # columns; a longer value moves its own comment and no other


@dataclass(frozen=True, slots=True)
class ResolvedValue:
    """One value of a config, and where it was given."""

    field: tuple[str | int, ...]
    value: JSON
    origin: Origin | None  # None: it is the default


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A config with the files that it extends merged, paths absolute, `${NAME}` as written, without unset fields."""

    fields: dict[str, JSON]
    values: tuple[ResolvedValue, ...]

    def as_yaml(self) -> str:
        """Return it as YAML that gives the same config, the origin of each value in a comment."""
        text = yaml_core.dump(self.fields, width=_ONE_LINE)
        document, lines = yaml_core.read(text), text.splitlines()
        width = max((len(lines[document.line(one.field) - 1]) for one in self.values), default=0)
        width = min(width, _ALIGNED)
        for one in self.values:
            at = document.line(one.field) - 1
            lines[at] = f"{lines[at]:{width}}  # {one.origin or 'default'}"
        return "\n".join(lines)


def resolve(path: Path, overrides: tuple[str, ...]) -> ResolvedConfig:
    """Return the config at `path` with the origin of each value; raises `ConfigError` as `config.load` does."""
    fields = read(path, overrides)
    config = configs.checked(fields)
    dumped = config.model_dump(mode="json", exclude_none=True)
    shown = _shown(dumped)
    assert isinstance(shown, dict)
    values = [
        ResolvedValue(field, value, fields.origin(field) if _is_given(fields, field) else None)
        for field, value in _leaves(shown)
    ]
    return ResolvedConfig(shown, tuple(values))


def _shown(value: JSON) -> JSON:
    """Return a value without the secrets that are written out in it; only `on_finish` may hold some."""
    match value:
        case dict():
            return {name: _shown(one) for name, one in value.items()}
        case list():
            return [_shown(one) for one in value]
        case str():
            return masked(value)
        case _:
            return value


def _leaves(value: JSON, field: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], JSON]]:
    """Yield each value that is no section and no list, with its field; an empty list too."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _leaves(one, (*field, name))
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            yield from _leaves(one, (*field, number))
    elif value != {}:
        yield field, value


def _is_given(fields: Fields, field: tuple[str | int, ...]) -> bool:
    """Return whether the files or `--set` have the field, or text in its place that was split into a list."""
    at: object = fields.values
    for part in field:
        if isinstance(at, Mapping):
            if part not in at:
                return False
            at = at[part]
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
        else:
            return at is not None
    return at is not None
