"""The Typer app, and the arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.parsing import outputs_folder
from pipeline.runner.options import RunOptions

EVERY_DAY, EXPERIMENTS, INSPECT, MAINTENANCE = "Every day", "Experiments", "Inspect", "Maintenance"
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    invoke_without_command=True,
    help="List the checkpoints the catalog knows, with license and whether they are in the local cache.",
)
app.add_typer(models_app, name="models", rich_help_panel=INSPECT)
ConfigPath = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="The YAML config of a run; `tomdich init` writes one.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=V", help="Override one field of the config; may be given many times."),
]
OUTPUTS = typer.Option(
    "--outputs",
    envvar="TOMDICH_OUTPUTS",
    metavar="DIR",
    parser=outputs_folder,
    help="Where versions are published: a folder, or s3://bucket/prefix.",
)
LIMIT = typer.Option("--limit", min=1, metavar="N", help="Read only the first N articles.")
Outputs = Annotated[Path, OUTPUTS]
VersionName = Annotated[
    str | None,
    typer.Argument(
        metavar="[VERSION]",
        help=(
            "`name`, `name/prefix`, `name/cell` of a matrix, `name@edition`, the digest in a version's name or a path; "
            "without it, the newest."
        ),
    ),
]
Edition = Annotated[
    str | None,
    typer.Option(
        "--edition",
        metavar="DATE",
        help="The date that {edition} in source paths stands for: 2026-11-23, yesterday, -2d; by default today in the "
        "config's time zone.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Give the version this tag, outside its recipe; may be repeated."),
]
Note = Annotated[
    str | None, typer.Option("--note", metavar="TEXT", help="Give the version this note, outside its recipe.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
DEFAULT_OUTPUTS = RunOptions().outputs
