"""`instep allow KEY [CONNECTION]`."""

from __future__ import annotations

from pathlib import Path

import click

from instep.cli.output import print_json
from instep.cli.process import json_option, workspace_option


@click.command()
@click.argument("key")
@click.argument("connection", required=False)
@workspace_option
@json_option
def allow(key: str, connection: str | None, workspace: Path, as_json: bool) -> None:
    """Let what was deleted in a system be created there again by the next run. Asks no system.

    KEY is an e-mail address, domain, name, record's id or instep_id. Without CONNECTION: let a person who was erased
    come in again, by an e-mail address, a record (connection/object/id) or the instep_id they had.
    """
    from instep.mapping.load import load_workspace
    from instep.sync.allow import allow as allow_again
    from instep.sync.allow import allow_back
    from instep.sync.transport import World

    loaded = load_workspace(workspace)
    if connection is None:
        allow_back(loaded, World(), key)
        if as_json:
            print_json("allow", {"connection": None, "allowed": [], "allowed_back": True})
        else:
            click.echo("They may come in again: the next run reads every system anew. To see: instep plan")
        return
    entities = allow_again(loaded, World(), key, connection)
    if as_json:
        print_json("allow", {"connection": connection, "allowed": entities, "allowed_back": False})
    else:
        what = entities[0] if len(entities) == 1 else f"{len(entities)} entities"
        click.echo(f"{what} may be created in {connection} again. To see what that means: instep plan")
