"""tomdich: summarize Vietnamese news, translate the summaries to English, in resumable, versioned batches.

The functions for programs are in `pipeline.api`; they are imported when one of them is first used.
"""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import RunOptions, inspect, load_version, run, summarize, translate

DISTRIBUTION = "tomdich"  # distinguishes this package from another one named `pipeline`
__version__ = "0.1.0"
__all__ = ["RunOptions", "inspect", "load_version", "run", "summarize", "translate"]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent, unless the program that uses it listens


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what the API has
    if name in __all__:
        from pipeline import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
