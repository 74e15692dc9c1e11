"""The commands about checkpoints: the catalog, fetching one, pinning revisions."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import AsJson, ConfigPath, models_app
from pipeline.cli.terminal import keep_exit_code, show_progress


@models_app.callback()
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the checkpoints the catalog knows, with license and whether they are in the local cache."""
    if context.invoked_subcommand is None:
        from pipeline.commands import listings
        from pipeline.commands.show import print_models

        if as_json:
            typer.echo(listings.models())
        else:
            print_models()


@models_app.command("pull")
def models_pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the catalog or of the hub.")],
    revision: Annotated[str | None, typer.Option("--revision", help="A commit, tag or branch.")] = None,
) -> None:
    """Download a checkpoint into the local cache and verify it."""
    from pipeline.checkpoints import default_cache, pull

    with show_progress():
        snapshot = pull(name, revision=revision, cache=default_cache())
    with keep_exit_code(f"{snapshot.folder} is complete"):
        typer.echo(f"{name}@{snapshot.commit}\n{snapshot.folder}")


@models_app.command("pin")
def models_pin(config: ConfigPath) -> None:
    """Write the present commit of each hub checkpoint into a config."""
    from pipeline.commands.single import pin

    pinned = pin(config)
    with keep_exit_code(f"{config} is written"):
        for line in pinned:
            typer.echo(line)
