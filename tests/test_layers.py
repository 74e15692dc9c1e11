"""Imports only point down: the floors of the package, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pipeline"

# A room is a package, free inside, or a module beside them; it imports rooms of lower floors only.
FLOORS = (
    ("catalog", "errors", "ids", "messages", "records", "text", "yaml_core"),
    ("corrections", "extractive", "failures", "progress", "quantities", "secrets", "tally", "waiting"),
    ("config_file", "glossary", "storage"),
    ("checks", "config", "evaluation", "report"),
    ("checkpoints", "export", "sources", "stages", "tracking"),
    ("engines", "train"),
    ("runner",),
    ("commands",),
    ("api", "cli"),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {"torch", "transformers", "ctranslate2", "ray"}
MAY_BE_HEAVY = {"engines", "checkpoints", "train"}
SCRIPTS = {PACKAGE / "evaluation" / "comet" / "worker.py"}  # run in an environment of their own, never imported


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each imported module's dotted name, and whether importing the module imports it too."""
    yield from _imported(ast.parse(path.read_text(encoding="utf-8")).body, at_top=True)


def _imported(statements: list[ast.stmt], *, at_top: bool) -> Iterator[tuple[str, bool]]:
    for node in statements:
        match node:
            case ast.Import():
                yield from ((alias.name, at_top) for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                names = [f"{module}.{alias.name}" for alias in node.names] if module == "pipeline" else [module]
                yield from ((name, at_top) for name in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from _imported(node.body, at_top=False)
                yield from _imported(node.orelse, at_top=at_top)
            case _:
                inside = at_top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                for field in ("body", "orelse", "finalbody"):
                    yield from _imported(getattr(node, field, []), at_top=inside)
                for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                    yield from _imported(part.body, at_top=inside)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    here = room(path)
    for name, _ in imported(path):
        parts = name.split(".")
        if parts[0] == "pipeline" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != here:
            assert FLOOR[parts[1]] < FLOOR[here], (
                f"{here} (floor {FLOOR[here]}) imports {name} (floor {FLOOR[parts[1]]})"
            )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_takes_seconds_to_import_is_imported_only_where_it_is_used(path: Path) -> None:
    for name, at_top in imported(path):
        if name.split(".")[0] in HEAVY and path not in SCRIPTS:
            assert room(path) in MAY_BE_HEAVY, f"{name} in {path.name}"
            assert not at_top, f"{name} at the top of {path.name}"


def test_every_module_has_a_floor() -> None:
    assert {room(path) for path in modules()} == set(FLOOR)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch\nfrom typing import TYPE_CHECKING", ["torch"]),
        ("if TYPE_CHECKING:\n    import torch", []),
        ("try:\n    import torch\nexcept ImportError:\n    import ctranslate2", ["torch", "ctranslate2"]),
        ("if sys.platform:\n    import torch\nelse:\n    import ctranslate2", ["torch", "ctranslate2"]),
        ("class A:\n    import torch", ["torch"]),
        ("def f():\n    import torch", []),
        ("with a:\n    import torch", ["torch"]),
        ("match a:\n    case 1:\n        import torch", ["torch"]),
    ],
)
def test_an_import_counts_as_heavy_where_importing_the_module_runs_it(
    source: str, expected: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    assert [name for name, at_top in imported(path) if at_top and name in HEAVY] == expected
