"""The options of `run` and `plan`: the fields of `RunOptions`, as the command line writes them.

A field has its type and its default there, its name and help text here. A command that takes `RunOptions` does not list
them again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any, get_type_hints

import typer

from pipeline.cli.options import LIMIT, OUTPUTS
from pipeline.cli.parsing import parse_seconds
from pipeline.runner.options import RunOptions
from pipeline.storage.shards import Share

_OPTIONS = {
    "outputs": OUTPUTS,
    "limit": LIMIT,
    "until": typer.Option("--until", help="Stop after this stage and publish that."),
    "force": typer.Option("--force", help="Publish even if nothing changed."),
    "wait_lock": typer.Option(
        "--wait-lock",
        metavar="TIME",
        parser=parse_seconds,
        help="Wait up to this long for another run of the same name: 90s, 10m.",
    ),
    "only_new": typer.Option(
        "--only-new", help="Only articles whose id and text no whole version of this name has published."
    ),
    "shard": typer.Option(
        "--shard",
        metavar="K/N",
        parser=Share.parse,
        help="Only the K-th of N shares of the sources: one job of an array, whose results `tomdich merge` publishes.",
    ),
    "revise": typer.Option(
        "--revise",
        help="Publish the edition again with today's corrections and terms, from its versions and the memo; the new "
        "version supersedes them.",
    ),
    "deadline": typer.Option(
        "--deadline",
        metavar="TIME",
        parser=parse_seconds,
        help="End within this time: 90s, 5h; finished calls are kept.",
    ),
    "publish_partial": typer.Option(
        "--publish-partial", help="If the run is stopped early, publish the complete records."
    ),
}
RUN = tuple(_OPTIONS)
MERGE = ("outputs", "force", "wait_lock", "deadline")
PLAN = ("outputs", "limit", "until", "only_new", "revise")


def takes_run_options(names: tuple[str, ...]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: in the place of its parameter `options` a command gets an option for each field of `names`.

    The command is called with the `RunOptions` of what was given.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters: list[Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name == "options":
                parameters += map(_parameter, names)
            else:
                parameters.append(parameter.replace(annotation=hints[parameter.name], kind=Parameter.KEYWORD_ONLY))

        @wraps(command)
        def call(**given: Any) -> None:  # noqa: ANN401 - what Typer has parsed
            options = RunOptions(**{name: given.pop(name) for name in names})
            command(**given, options=options)

        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return call

    return decorate


def _parameter(name: str) -> Parameter:
    option = _OPTIONS[name]
    default = next(field.default for field in fields(RunOptions) if field.name == name)
    if option.parser is parse_seconds and default is not None:
        default = f"{default:g}s"  # a default is parsed too
    annotation = Annotated[get_type_hints(RunOptions)[name], option]  # type: ignore[valid-type]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
