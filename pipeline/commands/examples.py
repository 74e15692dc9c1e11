"""Find the example configs: in `configs` of a checkout, in `share/tomdich/configs` of an environment."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

INSTALLED = "share/tomdich/configs"


def example_config(name: str) -> Path | None:
    """Return the path of an example config, or None where the installation lacks it."""
    checkout = Path(__file__).parents[2] / "configs" / name
    if checkout.is_file():
        return checkout
    try:
        installed = files("tomdich") or []
    except PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in installed if file.as_posix().endswith(f"{INSTALLED}/{name}"))
    return next((path.resolve() for path in found if path.is_file()), None)
