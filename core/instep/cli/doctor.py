"""`instep doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from instep.cli.process import json_option, print_json, workspace_option


@click.command()
@workspace_option
@click.option("--create-fields", metavar="CONNECTION", help="Create the fields that Instep keeps for itself there.")
@json_option
def doctor(workspace: Path, create_fields: str | None, as_json: bool) -> None:
    """Ask every system whether logins, fields, stages and owners are as the files expect. Exit 1 if not."""
    from instep.errors import ConfigError
    from instep.mapping.load import load_workspace
    from instep.model.values import plain
    from instep.sync.doctor import create_fields as create
    from instep.sync.doctor import examine
    from instep.sync.session import identify, open_session
    from instep.sync.transport import World

    loaded = load_workspace(workspace)
    if create_fields is not None and create_fields not in loaded.connection_names:
        raise ConfigError(
            f"sync.toml has no connection {create_fields!r}. It has: {', '.join(loaded.connection_names)}."
        )
    only = [create_fields] if create_fields else None
    with open_session(loaded, World(), only=only) as session:
        if create_fields:
            identify(session)
            findings = create(session, session.live(create_fields))
        else:
            identify_quietly(session)
            findings = examine(session)
    if as_json:
        ok = all(finding.ok for finding in findings)
        print_json({"format_version": 1, "ok": ok, "findings": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            click.echo(plain(f"{'✓' if finding.ok else '✗'} {finding.connection}: {finding.what}"))
            if finding.remedy and not finding.ok:
                click.echo(plain(f"    {finding.remedy}"))
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(8 if any(finding.is_access for finding in findings) else 1)


def identify_quietly(session: object) -> None:
    """Bind what can be bound; what cannot be reached is a finding of the examination."""
    from instep.errors import InstepError
    from instep.sync.session import Session, identify

    if isinstance(session, Session):
        try:
            identify(session)
        except InstepError:
            return
