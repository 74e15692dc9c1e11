"""Mutation test of the rules: take away each entry in turn, and report those whose loss no test notices.

    python -m tests.mutate_rules                                   # every table and rule of the checks
    python -m tests.mutate_rules pipeline/checks/coverage.toml     # the entries of one table
    python -m tests.mutate_rules pipeline/quantities/dates.py      # the rules of one module

An entry is a key of a TOML table, one of the alternatives that a key or value lists (in the tables of `PARTED`), a flag
or number, a rule of `pipeline.quantities`, or a word of a table in its Python: a key of a dict, or one of the words of a
text that is split. A key or word is overwritten by a word that no text has and keeps its value, so that an example that
is the value of its entry is still run; a rule is dropped. The tests are the functions of the test
modules that read the table, called in this process: those that need a fixture, draw random input or take long are left
out. Exits 1 where an entry is unnoticed, 2 where a test fails without any mutation.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import itertools
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final, Self
from unittest import mock

from pipeline.quantities import scanned_text, scanner
from pipeline.text.normalize import fold
from tests.mutated_words import NOWHERE, ROOT, Word, words_of_module

TABLES: Final = ROOT / "pipeline" / "checks"
RULES: Final = ROOT / "pipeline" / "quantities"
TESTS: Final = ("tests/checks", "tests/quantities")
RELOADED: Final = ("pipeline.checks", "pipeline.quantities", "tests.checks", "tests.quantities")

# Tables whose strings list several entries, and what parts these.
PARTED: Final[Mapping[str, str]] = {
    "coverage.toml": " ",
    "number_order.toml": " ",
    "names.toml": "|",
    "ordinary_words.toml": " ",
}
EXAMPLES: Final = "examples"  # a key whose value is no entry
SLOW: Final = 0.25  # seconds: tests of long texts say nothing about one entry

Table = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry of a table: where it stands, what it is, and the table without it."""

    file: Path
    place: str  # `negation.vi.harmless`
    text: str  # the entry itself
    mutated: Callable[[], Table]
    is_pattern: bool  # not plain words, without which in its arguments no case can depend on it

    def __str__(self) -> str:
        file = self.file.relative_to(ROOT) if self.file.is_relative_to(ROOT) else self.file
        return f"{file}: {self.place}: {self.text}"

    @cached_property
    def _words(self) -> list[str]:
        return re.findall(r"[^\W\d_]+", fold(self.text))

    def shared(self, text: str) -> int:
        """Return how much a text has of the entry."""
        return sum(word in text for word in self._words)


@dataclass(frozen=True)
class Rule:
    """One rule of `pipeline.quantities`."""

    file: Path
    language: str
    at: int
    name: str
    pattern: re.Pattern[str]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}: {self.name}"

    def shared(self, text: str) -> int:
        """Return how much a text has of the rule's form."""
        return len(self.pattern.findall(text))

    @contextlib.contextmanager
    def dropped(self) -> Iterator[None]:
        """Read without the rule."""
        scanner = importlib.import_module("pipeline.quantities.scanner")  # as the tests have it now
        rules = getattr(scanner, self.language)
        with mock.patch.object(scanner, self.language, (*rules[: self.at], *rules[self.at + 1 :])):
            yield


@dataclass(frozen=True)
class Case:
    """One call of a test function."""

    module: str
    function: str
    arguments: Mapping[str, object]
    call: Callable[..., object]

    @property
    def key(self) -> str:
        return f"{self.module}.{self.function}{sorted(self.arguments.items())!r}"

    @cached_property
    def text(self) -> str:
        """What the case is about, in small letters."""
        return fold(f"{self.function} {list(self.arguments.values())!r}")

    def passes(self) -> bool:
        try:
            self.call(**self.arguments)
        except Exception:  # noqa: BLE001 - any way to fail is a way to notice
            return False
        return True


# Entries


def entries_of_table(file: Path) -> Iterator[Entry]:
    """Yield the entries of a TOML file in the order of the file."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    for path, text, change in _changes(table, (), PARTED.get(file.name)):

        def mutated(path: tuple[str | int, ...] = path, change: Callable[[Any, str | int], None] = change) -> Table:
            whole = copy.deepcopy(table)
            parent: Any = whole
            for step in path[:-1]:
                parent = parent[step]
            change(parent, path[-1])
            return whole

        yield Entry(
            file,
            "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:],
            text,
            mutated,
            is_pattern=file.name not in PARTED,
        )


_Change = tuple[tuple[str | int, ...], str, Callable[[Any, str | int], None]]


def _changes(node: Any, path: tuple[str | int, ...], parted: str | None) -> Iterator[_Change]:
    """Yield the place of each entry below `node`, the entry, and what takes it away there."""
    if isinstance(node, list):
        for at, value in enumerate(node):
            yield from _changes(value, (*path, at), parted)
        return
    for name, value in node.items():
        here = (*path, name)
        match value:
            case _ if name == EXAMPLES:
                continue
            case dict() | [dict(), *_]:
                yield from _changes(value, here, parted)
            case bool():
                yield (
                    here,
                    f"{name} = {str(value).lower()}",
                    lambda parent, name: parent.update({name: not parent[name]}),
                )
            case int() | float():
                yield here, f"{name} = {value}", lambda parent, name: parent.update({name: parent[name] + 1})
            case str() if parted is not None:
                yield from _parts(name, here, parted, of_key=True)
                yield from _parts(value, here, parted, of_key=False)
            case _:
                yield here, name, _rename


def _rename(parent: Table, name: str | int, other: str = NOWHERE) -> None:
    items = [(other if key == name else key, value) for key, value in parent.items()]
    parent.clear()
    parent.update(items)


def _parts(text: str, path: tuple[str | int, ...], parted: str, *, of_key: bool) -> Iterator[_Change]:
    """Yield the alternatives that a key or value lists."""
    # the words of a phrase belong together where keys are phrases: `bệnh nhân` is one entry of coverage.toml
    parts = [text] if of_key and parted == " " else text.split() if parted == " " else text.split(parted)
    for at, part in enumerate(parts):
        left = (parted if parted != " " else " ").join(
            [*parts[:at], *([NOWHERE] if len(parts) == 1 else []), *parts[at + 1 :]]
        )

        def change(parent: Table, name: str | int, left: str = left) -> None:
            if of_key:
                _rename(parent, name, left)
            else:
                parent[str(name)] = left

        yield path, part, change


def entries_of_rules(file: Path | None = None) -> Iterator[Rule]:
    """Yield the rules of `pipeline.quantities`, those of one module where `file` is one."""
    modules = [importlib.import_module(f"pipeline.quantities.{one.stem}") for one in sorted(RULES.glob("*.py"))]
    homes = {
        id(value): Path(str(module.__file__))
        for module in modules
        for value in vars(module).values()
        if isinstance(value, scanned_text.Rule)
    }
    for language in ("VIETNAMESE_RULES", "ENGLISH_RULES"):
        for at, rule in enumerate(getattr(scanner, language)):
            if file is None or file == homes[id(rule)]:
                yield Rule(homes[id(rule)], language, at, rule.name, rule.pattern)


# Tests


@dataclass
class _Tables:
    """Stands for `tomllib.loads` and `tomllib.load`: tells what is read, and gives another table for some texts."""

    seen: set[str] = field(default_factory=set)
    instead: dict[str, Table] = field(default_factory=dict)
    _loads: Callable[..., Table] = tomllib.loads

    def loads(self, text: str, **options: Any) -> Table:
        self.seen.add(text)
        return copy.deepcopy(self.instead[text]) if text in self.instead else self._loads(text, **options)

    def load(self, file: BinaryIO, **options: Any) -> Table:
        return self.loads(file.read().decode(), **options)


@dataclass
class Bench:
    """The cases of some test modules, and how the code under test is made to read a table anew.

    A table that is read when it is first asked for is read anew once the caches of the code are cleared; one that is
    read by an import, of the code or of a test, needs the imports anew.
    """

    tests: Sequence[str]  # names of modules
    reloaded: Sequence[str] = RELOADED  # packages of the code and of the tests
    failed: list[str] = field(default_factory=list)  # the cases that fail without a mutation
    _slow: set[str] = field(default_factory=set)
    _readers: dict[str, set[str]] = field(default_factory=dict)  # test modules that read a table, by its text
    _imported: set[str] = field(default_factory=set)  # texts of tables that are read by an import
    _cases: list[Case] = field(default_factory=list)
    _tables: _Tables = field(default_factory=_Tables)
    _patches: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        # for as long as the code is used: a module may have bound the function by its import
        for name in ("loads", "load"):
            self._patches.enter_context(mock.patch.object(tomllib, name, getattr(self._tables, name)))
        self._fresh()
        self._imported = set(self._tables.seen)
        for name in self.tests:
            self._clear()
            self._tables.seen = set(self._imported)
            for case in [one for one in self._cases if one.module == name]:
                begun = time.process_time()
                if not case.passes():
                    self.failed.append(case.key)
                if time.process_time() - begun > SLOW:
                    self._slow.add(case.key)
            for text in self._tables.seen:
                self._readers.setdefault(text, set()).add(name)
        self._cases = [case for case in self._cases if case.key not in self._slow]
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()
        self._tables.instead.clear()
        self._unload()  # what was imported here has the patched functions

    def notices(self, entry: Entry | Rule | Word) -> bool:
        """Return whether some test fails without the entry; the likeliest are run first."""
        if isinstance(entry, Word):
            return self._notices_word(entry)
        if isinstance(entry, Rule):
            cases = self._fresh()
            with entry.dropped():
                return not all(case.passes() for case in _likeliest_first(cases, entry))
        source = entry.file.read_text(encoding="utf-8")
        readers = self._readers.get(source, set())
        cases = [] if source in self._imported else self._fresh()
        self._tables.instead = {source: entry.mutated()}
        self._clear()
        try:
            if source not in self._imported:
                return self._fails([case for case in cases if case.module in readers], entry)
            self._cases = []
            self._unload()
            return any(self._fails(_cases(importlib.import_module(name)), entry) for name in _own_first(readers, entry))
        except Exception:  # noqa: BLE001 - without the entry a module cannot even be imported
            return True
        finally:
            self._tables.instead = {}
            self._clear()

    def _notices_word(self, entry: Word) -> bool:
        """Return whether some test fails without a word, with all imported anew: patterns are made of the tables."""
        self._cases = []
        self._unload()
        modules = sorted(self.tests, key=lambda name: ".quantities." not in name and "numbers" not in name)
        try:
            with entry.dropped():
                return any(self._fails(_cases(importlib.import_module(name)), entry) for name in modules)
        except Exception:  # noqa: BLE001 - without the word a module cannot even be imported
            return True
        finally:
            self._unload()

    def _fails(self, cases: Iterable[Case], entry: Entry | Word) -> bool:
        chosen = [case for case in cases if case.key not in self._slow]
        if not entry.is_pattern:
            chosen = [case for case in chosen if not case.arguments or entry.shared(case.text)]
        return not all(case.passes() for case in _likeliest_first(chosen, entry))

    def _fresh(self) -> list[Case]:
        """Return the cases of the code as it is, imported anew after a mutation that needed it."""
        if not self._cases:
            self._unload()
            self._cases = [case for name in self.tests for case in _cases(importlib.import_module(name))]
            self._cases = [case for case in self._cases if case.key not in self._slow]
        return self._cases

    def _unload(self) -> None:
        for name in self._loaded():
            del sys.modules[name]

    def _loaded(self) -> list[str]:
        return [name for name in sys.modules if name.startswith(tuple(self.reloaded))]

    def _clear(self) -> None:
        for name in self._loaded():
            for value in list(vars(sys.modules[name]).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _cases(module: ModuleType) -> Iterator[Case]:
    for name, function in vars(module).items():
        if not name.startswith("test_") or not callable(function) or hasattr(function, "hypothesis"):
            continue
        marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
        choices = [_choices(*mark.args) for mark in marks]
        wanted = set(function.__code__.co_varnames[: function.__code__.co_argcount])
        for chosen in itertools.product(*choices):
            arguments = {name: value for choice in chosen for name, value in choice.items()}
            if wanted == set(arguments):
                yield Case(module.__name__, name, arguments, function)


def _choices(names: str | Sequence[str], rows: Sequence[Any]) -> list[dict[str, object]]:
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    values = [getattr(row, "values", row) if not isinstance(row, dict) else row for row in rows]
    return [dict(zip(names, row if len(names) > 1 else [_single(row)], strict=True)) for row in values]


def _single(row: Any) -> Any:
    """Return the value of a row of one argument: `pytest.param(value)` holds it in a tuple."""
    return row[0] if type(row) is tuple and len(row) == 1 else row


def _own_first(modules: Iterable[str], entry: Entry) -> list[str]:
    """Return the test modules in order, those of the folder that mirrors the table's first."""
    return sorted(
        modules, key=lambda name: (f".{entry.file.parent.name}." not in name, entry.file.stem not in name, name)
    )


def _likeliest_first(cases: Sequence[Case], entry: Entry | Rule | Word) -> list[Case]:
    """Return the cases that share most with the entry first; at the same count those of the table's own tests."""
    return sorted(cases, key=lambda case: (entry.shared(case.text), entry.file.stem in case.module), reverse=True)


def unnoticed(
    bench: Bench, entries: Sequence[Entry | Rule | Word], tell: Callable[[str], None]
) -> list[Entry | Rule | Word]:
    """Return the entries whose loss no test notices; `tell` gets a line for each."""
    found: list[Entry | Rule | Word] = []
    for entry in entries:
        if not bench.notices(entry):
            found.append(entry)
            tell(f"{entry}: no test notices its loss")
    return found


def _modules(folders: Sequence[str]) -> list[str]:
    return [
        f"{folder.replace('/', '.')}.{file.stem}"
        for folder in folders
        for file in sorted((ROOT / folder).glob("test_*.py"))
    ]


def _entries(paths: Sequence[str]) -> list[Entry | Rule | Word]:
    files = [Path(path).resolve() for path in paths]
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        sys.exit(f"no such file: {', '.join(missing)}")
    tables = [
        file for file in sorted(TABLES.rglob("*.toml")) + sorted(RULES.rglob("*.toml")) if not files or file in files
    ]
    found: list[Entry | Rule | Word] = [entry for file in tables for entry in entries_of_table(file)]
    for file in files:
        found += entries_of_rules(file)
    if not files:
        found += entries_of_rules()
    for file in sorted(RULES.glob("*.py")):
        if not files or file in files:
            found += words_of_module(file)
    return found


def main(paths: Sequence[str]) -> int:
    re._MAXCACHE = 1 << 20  # type: ignore[attr-defined] # the patterns of all modules are compiled once, not anew for each mutation
    begun = time.perf_counter()
    entries = _entries(paths)
    with Bench(_modules(TESTS)) as bench:
        if bench.failed:
            print("these fail without a mutation:", *bench.failed, sep="\n  ")  # noqa: T201
            return 2
        found = unnoticed(bench, entries, lambda line: print(line, flush=True))  # noqa: T201
    print(f"{len(entries):,} entries, {len(found):,} unnoticed, {time.perf_counter() - begun:.0f} s")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
