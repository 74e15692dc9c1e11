"""What is wrong with a field of a config, in the words of the person who wrote it.

Pydantic names Python's types (`valid dictionary or instance of Limits`); a person writes text, numbers, lists and
sections.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic_core import ErrorDetails

# What would be right, by pydantic's name of the problem; the names in braces are the limits that it gives.
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
    "too_short": "must have an item at least",
    "literal_error": "must be one of {expected}",
}
_YES = {"yes", "no", "on", "off", "y", "n"}
# How pydantic calls the branches of a union and the validators of a field, in the place of an error.
_BRANCH = re.compile(r"(?:str|int|float|bool|(?:tuple|list|function|constrained)[-\[].*)")


def in_words(problem: ErrorDetails) -> str:
    """Return what is wrong and what would be right."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if problem["input"] is None and kind.endswith("_type"):
        return "is empty; give it a value, or delete the line"
    if kind not in _RIGHT:
        return problem["msg"].removeprefix("Value error, ")
    return _RIGHT[kind].format(**limits) + _hint(kind, problem["input"], str(limits.get("expected", "")))


def place(problem: ErrorDetails) -> list[str | int]:
    """Return the names and numbers that lead to the field."""
    return [part for part in problem["loc"] if isinstance(part, int) or not _BRANCH.fullmatch(part)]


def _hint(kind: str, found: Any, expected: str) -> str:  # noqa: ANN401 - whatever the config holds
    """Return the remedy for values that are often written in the wrong way, else nothing."""
    if isinstance(found, str) and found.lower() in _YES and kind in {"bool_type", "literal_error"}:
        return f"; `{found}` is text in YAML 1.2"
    if kind == "int_type" and isinstance(found, float):
        return "; write it without a point, a thousand is 1000"
    if kind in {"int_type", "float_type"} and isinstance(found, str) and re.fullmatch(r"[0-9.]+", found):
        return "; write it without quotes"
    if kind == "string_type" and isinstance(found, bool | int | float):
        return "; put it in quotes"
    if not isinstance(found, str):  # a list of aliases may be larger than the memory as text
        return ""
    near = difflib.get_close_matches(found, re.findall(r"'([^']*)'", expected), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
