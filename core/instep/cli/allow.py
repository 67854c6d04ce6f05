"""`instep allow KEY CONNECTION`."""

from __future__ import annotations

from pathlib import Path

import click

from instep.cli.process import json_option, print_json, workspace_option


@click.command()
@click.argument("key")
@click.argument("connection")
@workspace_option
@json_option
def allow(key: str, connection: str, workspace: Path, as_json: bool) -> None:
    """Let what was deleted in a system be created there again by the next run. Asks no system.

    KEY is an e-mail address, a domain, a record's id or an instep_id.
    """
    from instep.mapping.load import load_workspace
    from instep.sync.allow import allow as allow_again
    from instep.sync.transport import World

    entities = allow_again(load_workspace(workspace), World(), key, connection)
    if as_json:
        print_json({"format_version": 1, "connection": connection, "allowed": entities})
    else:
        what = entities[0] if len(entities) == 1 else f"{len(entities)} entities"
        click.echo(f"{what} may be created in {connection} again. To see what that means: instep plan")
