"""The words of the tables in Python modules, each with the code of the module without it, for `mutate_rules`."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Final
from unittest import mock

from pipeline.text.normalize import fold

ROOT: Final = Path(__file__).parents[1]
NOWHERE: Final = "qzxqv"  # a word of no text, and a valid pattern


@dataclass(frozen=True)
class Word:
    """One word of a table in a module of `pipeline.quantities`: the module's code without it."""

    file: Path
    place: str
    text: str
    code: str
    is_pattern: bool = True  # a word may be told by its value alone, so every case may depend on it

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}: {self.place}: {self.text}"

    def shared(self, text: str) -> int:
        """Return how often a text has the word."""
        return text.count(fold(self.text))

    @contextlib.contextmanager
    def dropped(self) -> Iterator[None]:
        """Import the module without the word."""
        usual = SourceFileLoader.get_code

        def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
            if Path(loader.path) == self.file:
                return compile(self.code, loader.path, "exec", dont_inherit=True)
            return usual(loader, name)

        with mock.patch.object(SourceFileLoader, "get_code", get_code):
            yield


def words_of_module(file: Path) -> Iterator[Word]:
    """Yield the words of the tables in a Python file: keys of dicts, and words of texts that are split."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node, place in _named_nodes(tree):
        match node:
            case ast.Dict(keys=keys):
                for key in keys:
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield _overwritten(file, tree, place, key, key.value, NOWHERE)
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str() as text) as constant, attr="split"), args=[]
            ):
                words = text.split()
                for at, word in enumerate(words):
                    other = " ".join([*words[:at], NOWHERE, *words[at + 1 :]])
                    yield _overwritten(file, tree, place, constant, word, other)
            case _:
                pass


def _named_nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes of each table of a module with the name that it is assigned to; rules have examples of their own."""
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                pass
            case ast.FunctionDef(name=name):
                yield from ((node, name) for node in ast.walk(statement))
                continue
            case _:
                continue
        if value is not None and not (isinstance(value, ast.Call) and ast.unparse(value.func) == "Rule"):
            yield from ((node, name) for node in ast.walk(value))


def _overwritten(file: Path, tree: ast.Module, place: str, node: ast.Constant, word: str, other: str) -> Word:
    usual, node.value = node.value, other
    code = ast.unparse(tree)
    node.value = usual
    return Word(file, place, word, code)
