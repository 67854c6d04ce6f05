"""`instep doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.output import CODES_HINT, print_json, talk
from instep.cli.process import json_option, workspace_option
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.sync.health.finding import Finding


@click.command()
@workspace_option
@click.option("--create-fields", metavar="CONNECTION", help="Create the fields that Instep keeps for itself there.")
@json_option
def doctor(workspace: Path, create_fields: str | None, as_json: bool) -> None:
    """Ask every system whether logins, fields, stages and owners are as the files expect. Exit 1 if not.

    Each line says that something is as it should be, worth a look (!) or wrong, and what to do. A login that is wrong
    is exit 8.
    """
    findings = _created(workspace, create_fields) if create_fields is not None else _examined(workspace)
    if as_json:
        ok = all(finding.ok for finding in findings)
        print_json("doctor", {"ok": ok, "findings": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            _print(finding)
        if any(finding.level != "ok" for finding in findings):
            talk(CODES_HINT)
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(8 if any(finding.is_access for finding in findings) else 1)


def _examined(workspace: Path) -> list[Finding]:
    from instep.errors import InstepError
    from instep.mapping.load import load_workspace
    from instep.sync.doctor import examine
    from instep.sync.session import open_session
    from instep.sync.transport import World

    broken: dict[str, InstepError] = {}
    with open_session(load_workspace(workspace), World(), broken=broken) as session:
        return examine(session, broken)


def _created(workspace: Path, connection: str) -> list[Finding]:
    from instep.mapping.load import load_workspace
    from instep.sync.doctor import create_fields
    from instep.sync.session import identify, open_session, require_connection
    from instep.sync.transport import World

    loaded = load_workspace(workspace)
    require_connection(loaded, connection)
    with open_session(loaded, World(), only=[connection]) as session:
        identify(session)
        return create_fields(session, session.live(connection))


def _print(finding: Finding) -> None:
    code = "" if finding.level == "ok" else f" [{finding.code}]"
    click.echo(plain(f"{finding.sign} {finding.connection}: {finding.what}{code}"))
    if finding.remedy and finding.level != "ok":
        click.echo(plain(f"    {finding.remedy}"))
