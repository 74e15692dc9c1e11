"""The cells of a matrix: from one config with a section `matrix:`, a config for each combination of values.

```yaml
matrix:
  summarize.generation.num_beams: [1, 4]          # the product of these lists
  summarize.generation.length_penalty: [1.0, 2.0]
  exclude:                                        # without these combinations
    - {summarize.generation.num_beams: 1, summarize.generation.length_penalty: 2.0}
  include:                                        # and one more cell for each of these
    - {name: lead, summarize: {model: lead, sentences: 2}}
```

A value takes the place of the config's own, as with `--set`: a section of a cell replaces the whole section. The cells
share the name of the config, so that their versions stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from pipeline.config import MATRIX, Config, checked
from pipeline.config_file import Fields, Origin, read
from pipeline.errors import ConfigError, UsageError
from pipeline.records import JSON

_EXCLUDE, _INCLUDE, _SEEDS, _NAME = "exclude", "include", "seeds", "name"
_MOST = 1000  # cells; a longer product is a mistake
_LONGEST_NAME = 120  # characters
# What changes no answer: every cell would be the same version.
_OUTSIDE = ("name", "runtime", "memo", "limits", "metrics", "track", "on_finish")

Values = Mapping[str, JSON]  # by field, written with dots


@dataclass(frozen=True, slots=True)
class Cell:
    """One config of a matrix."""

    name: str  # `num_beams=4,length_penalty=1.0`, or what `include` calls it
    values: Values
    config: Config
    words: frozenset[str]  # that select it on the command line: its name, and `field=value` of each value


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cells of one file, in the order of the config: the last list changes fastest, `include` comes last."""

    name: str  # of the file, without its ending
    cells: tuple[Cell, ...]
    baseline: Cell

    def selected(self, only: Sequence[str]) -> tuple[Cell, ...]:
        """Return the cells that `only` selects, by name or `field=value`; all without one. Raises `UsageError`."""
        for word in only:
            if not any(word in cell.words for cell in self.cells):
                raise UsageError(f"--only {word}: no such cell; there are: {self._names()}")
        return tuple(cell for cell in self.cells if not only or cell.words & {*only})

    def with_baseline(self, word: str) -> Matrix:
        """Return the matrix with the one cell that `word` selects as its baseline; raises `UsageError`."""
        named = [cell for cell in self.cells if cell.name == word]
        found = named or [cell for cell in self.cells if word in cell.words]
        if len(found) != 1:
            problem = "several cells match" if found else "no such cell"
            raise UsageError(f"--baseline {word}: {problem}; there are: {self._names()}")
        return Matrix(self.name, self.cells, found[0])

    def _names(self) -> str:
        return "; ".join(cell.name for cell in self.cells)


def load(path: Path, overrides: tuple[str, ...] = ()) -> Matrix:
    """Return the matrix of the config at `path`, with `a.b=v` overrides applied under the values of each cell.

    Raises `ConfigError` with the file and line of what is wrong, in the matrix or in a cell's config.
    """
    fields = read(path, overrides)
    section = fields.values.get(MATRIX)
    if not isinstance(section, dict) or not section:
        raise ConfigError(
            f"{fields.origin([MATRIX])}: {MATRIX}: must be a section with a list for each field, such as "
            f"`summarize.generation.num_beams: [1, 4]`; `tomdich run {fields.name}` runs a config without one"
        )
    drafts = [*_product(fields, section), *_included(fields, section)]
    if not drafts:
        raise _error(fields, message="no cell is left; remove something from `exclude`")
    base, cells = fields.without(MATRIX), list[Cell]()
    short = _short_names(drafts)
    for draft in drafts:
        pairs = [f"{short[field]}={_text(value)}" for field, value in draft.values.items()]
        name = draft.name or ",".join(pairs)
        try:
            config = checked(base.with_values(draft.values, draft.origins))
        except ConfigError as error:
            raise ConfigError(f"{error}\nin the cell {name} of the matrix") from None
        for before in cells:
            if before.config == config:
                raise _error(fields, message=f"the cells {before.name} and {name} are the same config; remove one")
            if before.name == name:
                raise _error(fields, message=f"two cells are called {name}; give one of `include` another `name:`")
        cells.append(Cell(name, draft.values, config, frozenset({name, *pairs})))
    return Matrix(path.stem, tuple(cells), cells[0])


@dataclass(frozen=True, slots=True)
class _Draft:
    """The values of a cell, where each was given, and the cell's name where `include` gives it one."""

    values: Values
    origins: Mapping[str, Origin]
    name: str = ""


def _product(fields: Fields, section: Mapping[str, JSON]) -> Iterator[_Draft]:
    """Yield the combinations of the lists, without those that `exclude` has."""
    axes = _axes(fields, section)
    excluded = _mappings(fields, section, _EXCLUDE)
    for number, one in enumerate(excluded):
        for field, value in one.items():
            if field not in axes or value not in axes[field]:
                problem = f"{_text(value)} is no value of it" if field in axes else "the matrix has no list for it"
                raise _error(fields, _EXCLUDE, number, field, message=f"{problem}, so nothing would be excluded")
    origins = {field: fields.origin([MATRIX, field]) for field in axes}
    for values in product(*axes.values()) if axes else ():
        found = dict(zip(axes, values, strict=True))
        if not any(all(found[field] == value for field, value in one.items()) for one in excluded):
            yield _Draft(found, origins)


def _axes(fields: Fields, section: Mapping[str, JSON]) -> dict[str, list[JSON]]:
    """Return the list of values of each field."""
    if _SEEDS in section:
        raise _error(fields, _SEEDS, message="beam search gives the same text for every seed; remove it")
    axes = {field: values for field, values in section.items() if field not in {_EXCLUDE, _INCLUDE}}
    for field, values in axes.items():
        _require_field(fields, field)
        if not isinstance(values, list) or not values:
            raise _error(fields, field, message="must be a list of values, such as [1, 4]")
        if any(one in values[:at] for at, one in enumerate(values)):
            raise _error(fields, field, message="a value occurs twice; remove one")
    count = prod(map(len, axes.values()))
    if count > _MOST:
        raise _error(fields, message=f"has {count} cells, more than {_MOST}; make the lists shorter")
    return axes


def _included(fields: Fields, section: Mapping[str, JSON]) -> Iterator[_Draft]:
    """Yield the cells that `include` adds."""
    for number, one in enumerate(_mappings(fields, section, _INCLUDE)):
        name = one.get(_NAME, "")
        if not isinstance(name, str) or len(name) > _LONGEST_NAME or not name.isprintable():
            message = f"must be text on one line, {_LONGEST_NAME} characters at most"
            raise _error(fields, _INCLUDE, number, _NAME, message=message)
        values = {field: value for field, value in one.items() if field != _NAME}
        for field in values:
            _require_field(fields, field, _INCLUDE, number)
        origins = {field: fields.origin([MATRIX, _INCLUDE, number, field]) for field in values}
        yield _Draft(values, origins, name)


def _mappings(fields: Fields, section: Mapping[str, JSON], name: str) -> list[dict[str, JSON]]:
    """Return the items of `include` or `exclude`; [] where there is none."""
    items = section.get(name, [])
    if not isinstance(items, list) or not all(isinstance(one, dict) and one for one in items):
        raise _error(fields, name, message="must be a list of sections, such as `- {summarize.model: lead}`")
    return items


def _require_field(fields: Fields, field: object, *where: str | int) -> None:
    """Raise `ConfigError` for what cannot be the field of a cell."""
    if not isinstance(field, str) or not all(field.split(".")):
        raise _error(fields, *where, str(field), message="must be a field, written with dots: section.field")
    if field.split(".")[0] in _OUTSIDE:
        message = "changes no answer, so that all cells would be one version; write it beside the matrix"
        raise _error(fields, *where, field, message=message)


def _short_names(drafts: Sequence[_Draft]) -> dict[str, str]:
    """Return for each field as much of its end as tells it from the others."""
    every = {field: field.split(".") for draft in drafts for field in draft.values}
    short: dict[str, str] = {}
    for field, parts in every.items():
        ends = (parts[-size:] for size in range(1, len(parts) + 1))
        short[field] = ".".join(
            next((end for end in ends if sum(other[-len(end) :] == end for other in every.values()) == 1), parts)
        )
    return short


def _text(value: JSON) -> str:
    """Return a value as the name of a cell has it: as YAML would on one line, without quotes."""
    text = _flow(value)
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _flow(value: JSON) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{name}: {_flow(one)}' for name, one in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case str():
            return value
        case _:
            return json.dumps(value)


def _error(fields: Fields, *where: str | int, message: str) -> ConfigError:
    field = (MATRIX, *where)
    return ConfigError(f"{fields.origin(field)}: {'.'.join(map(str, field))}: {message}")
