"""The command line: each command parses, calls one function of the library, and prints.

Results go to stdout, progress and notices to stderr. Only this module turns an error into an exit code. The library is
imported inside the commands, so that `--help` stays quick.
There is one module for each help panel.
"""

from pipeline.cli.entry import main
from pipeline.cli.options import app

__all__ = ["app", "main"]
