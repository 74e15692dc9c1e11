"""The Typer app, and the arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EVERY_DAY, INSPECT, MAINTENANCE = "Every day", "Inspect", "Maintenance"
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    invoke_without_command=True,
    help="List the checkpoints the catalog knows, with licence and whether they are in the local cache.",
)
app.add_typer(models_app, name="models", rich_help_panel=INSPECT)
ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML config; `tomdich init` writes one.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=V", help="Override one field of the config; may be given many times."),
]
OUTPUTS = typer.Option("--outputs", envvar="TOMDICH_OUTPUTS", metavar="DIR", help="Where versions are published.")
LIMIT = typer.Option("--limit", min=1, metavar="N", help="Take only the first N articles.")
Outputs = Annotated[Path, OUTPUTS]
Limit = Annotated[int | None, LIMIT]
VersionName = Annotated[
    str | None,
    typer.Argument(
        metavar="[VERSION]",
        help="`name`, `name/prefix`, `name@edition`, the digest in a version's name or a path; without it, the newest.",
    ),
]
Edition = Annotated[
    str | None,
    typer.Option(
        "--edition",
        metavar="DATE",
        help="The day that {edition} in source paths is: 2026-11-23, yesterday, -2d; else today there.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
DEFAULT_OUTPUTS = Path("outputs")
