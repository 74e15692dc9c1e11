"""Imports only point down: the floors of the house, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pipeline"

# A module imports modules of lower floors only; a package is one room, free inside.
FLOORS = (
    (
        "errors",
        "ids",
        "catalog",
        "durable",
        "examples",
        "legacy_encodings",
        "mounts",
        "prose",
        "sentences",
        "untrusted",
        "yaml_core",
        "field_errors",
    ),
    ("disk_errors", "user_folders", "cpu_quota"),
    ("text", "records", "corrections", "tables", "progress", "locking", "damage", "streams", "waiting"),
    ("config", "extractive", "fit", "recase", "house", "stories", "quantities", "monitoring", "attempts"),
    ("memo", "store", "checkpoints", "sources", "metrics", "checks", "dataset_cache"),
    ("rows",),
    ("engines", "stages", "train", "report", "destination", "comet", "editions"),
    ("published", "space", "compacting"),
    ("runner", "evaluating", "briefs", "exporting"),
    ("checking", "single", "show", "finishing", "benching", "comparing", "forgetting"),
    ("listings",),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {"torch", "transformers", "ctranslate2"}
MAY_BE_HEAVY = {"engines", "checkpoints", "train", "comet"}  # comet: a script for another environment


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each imported module's dotted name, and whether the import stands at the top of the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    top = set(ast.walk(ast.Module(body=statements, type_ignores=[])))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "pipeline" else [node.module]
            )
            yield from ((name, node in top) for name in names)


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
        if name.split(".")[0] in HEAVY:
            assert room(path) in MAY_BE_HEAVY, f"{name} in {path.name}"
            assert not at_top or "TYPE_CHECKING" in path.read_text(encoding="utf-8"), (
                f"{name} at the top of {path.name}"
            )


def test_every_module_has_a_floor() -> None:
    assert {room(path) for path in modules()} <= set(FLOOR)
