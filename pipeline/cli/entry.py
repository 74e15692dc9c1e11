"""The entry point: every `TomdichError` becomes one message and its exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli import every_day, experiments, inspection, maintenance, models, streams  # noqa: F401 - registers the commands
from pipeline.cli.options import app
from pipeline.cli.terminal import say
from pipeline.errors import (
    AbandonedError,
    HungError,
    ReaderGoneError,
    TomdichError,
    WorldError,
)
from pipeline.storage.disk_errors import describe, path_of


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tomdich {__version__}")
        raise typer.Exit


@app.callback()
def tomdich(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Summarize Vietnamese news articles and translate the summaries to English.

    In batches that can be resumed, rerun for nothing and explained months later.
    """


def main() -> None:
    """Run the command line; every `TomdichError` becomes one message and its exit code."""
    streams.begin()
    if os.environ.get("COLUMNS", "1").strip("0") == "":
        del os.environ["COLUMNS"]  # 0 and an empty one mean that the width is not known; rich would print nothing
    code: str | int | None = 0
    try:
        app()
    except SystemExit as ended:
        code = ended.code
    except (HungError, AbandonedError) as error:  # its thread would be waited for at the end of a usual exit
        say(f"error: {error}")
        with suppress(TomdichError):
            sys.stdout.flush()
        os._exit(error.exit_code)
    except TomdichError as error:
        code = _failed(error)
    except OSError as error:
        if (path := path_of(error)) is None:
            raise
        code = _failed(WorldError(describe(error, folder=path)))
    try:
        sys.stdout.flush()
    except TomdichError as error:
        code = code or _failed(error)
    raise SystemExit(code)


def _failed(error: TomdichError) -> int:
    """Print the message of `error` and return its exit code."""
    if not isinstance(error, ReaderGoneError):
        say(f"error: {error}")
    return error.exit_code
