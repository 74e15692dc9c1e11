"""Units of measure and currencies: what each is called in either language, its dimension and its size.

Sizes are exact (SI, the international yard and pound); `tạ`, `yến` and `lạng` are the metric ones of today's markets.
Conversions between dimensions, and between currencies, are not handled.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from typing import Any, Final

from pipeline.quantities.patterns import any_of


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: what it measures, how many of the dimension's first unit it is, and whether it is an imperial one."""

    name: str  # as English writes it behind a number; for money the currency's code
    dimension: str  # "money" for a currency
    size: Fraction = Fraction(1)
    imperial: bool = False


DOLLARS: Final = frozenset(("$", "USD", "AUD", "SGD", "HKD", "CAD", "TWD", "NZD"))
_TABLE: Final[dict[str, Any]] = tomllib.loads(
    files("pipeline.quantities").joinpath("units.toml").read_text(encoding="utf-8")
)
UNITS: Final = {
    row["name"]: Unit(row["name"], row["dimension"], Fraction(row.get("size", 1)), imperial=row.get("imperial", False))
    for row in _TABLE["units"]
}
VI_UNITS: Final = {name: UNITS[row["name"]] for row in _TABLE["units"] for name in row["vi"]}  # by what it is called
EN_UNITS: Final = {name: UNITS[row["name"]] for row in _TABLE["units"] for name in row["en"]}
SIGNS: Final = {sign: code for code, signs in _TABLE["signs"].items() for sign in signs}  # before a figure


def beside(units: dict[str, Unit]) -> str:
    """Return a pattern of the units, group 1: a currency may have a unit behind a slash, a measure is another then."""
    money = any_of(name for name, unit in units.items() if unit.dimension == "money")
    other = any_of(name for name, unit in units.items() if unit.dimension != "money")
    return rf"((?:{money})(?![^\W_])|(?:{other})(?![^\W_])(?!/[a-zđ]))"


def of_time(units: dict[str, Unit]) -> str:
    """Return a pattern of the units of time, group `unit`."""
    return rf"(?P<unit>{any_of(name for name, unit in units.items() if unit.dimension == 'time')})(?![^\W_])"


def named(units: dict[str, Unit], name: str) -> Unit:
    """Return the unit of a name that the pattern of `any_of` matched."""
    name = name.replace("\xa0", " ")
    return units[name] if name in units else units[name.replace("-", " ")]
