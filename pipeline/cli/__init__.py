"""The command line: each command parses, calls one function of the library, and prints.

Results go to stdout, progress and notices to stderr. Only `entry` turns an error into an exit code. The library is
imported inside the commands, so that `--help` stays quick. There is one module for each help panel.
"""

import sys

import pipeline

# Other distributions install a package `pipeline` too, and the last one installed overwrites the `__init__.py` of the
# first. Said here, before the import that would fail without a hint.
if getattr(pipeline, "DISTRIBUTION", None) != "tomdich":
    sys.stderr.write(
        f"error: {pipeline.__file__} is not tomdich's: another distribution has installed its own `pipeline` over it; "
        "install tomdich in an environment of its own: python3 -m venv tomdich && tomdich/bin/pip install tomdich\n"
    )
    raise SystemExit(2)

from pipeline.cli.entry import main
from pipeline.cli.options import app

__all__ = ["app", "main"]
