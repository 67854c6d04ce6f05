"""`instep retry [KEY|--all] [CONNECTION]`."""

from __future__ import annotations

from pathlib import Path

import click

from instep.cli.output import print_json
from instep.cli.process import json_option, workspace_option


@click.command()
@click.argument("key", required=False)
@click.argument("connection", required=False)
@click.option("--all", "everything", is_flag=True, help="Whatever was refused; the next argument is a connection.")
@workspace_option
@json_option
def retry(key: str | None, connection: str | None, everything: bool, workspace: Path, as_json: bool) -> None:
    """Let what a system refused be tried again by the next run, parked or not. Asks no system.

    KEY is an e-mail address, domain, name, record's id or instep_id.
    """
    from instep.mapping.load import load_workspace
    from instep.model.values import plain
    from instep.sync.retry import retry as retry_again
    from instep.sync.transport import World

    if everything and connection is None:
        key, connection = None, key
    elif everything or key is None:
        raise click.UsageError("Give a KEY, or --all.")
    chosen = retry_again(load_workspace(workspace), World(), key, connection)
    if as_json:
        print_json("retry", {"retried": [one.as_json() for one in chosen]})
        return
    for one in chosen:
        click.echo(plain(f"{one.place}: {one.reason}"))
    click.echo(f"{len(chosen):,} tried again in the next run. To see what that means: instep plan")
