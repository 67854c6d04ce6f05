"""`instep override KEY [STAGE]`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.instants import as_instant
from instep.cli.output import moment, print_json
from instep.cli.process import json_option, workspace_option

if TYPE_CHECKING:
    from instep.model.override import Override
    from instep.store import Store
    from instep.sync.override import Overridden

_STATES = {"waits": "the next sync carries it out", "counts": "holds", "over": "over"}


@click.command()
@click.argument("key")
@click.argument("stage", required=False)
@click.option("--reason", metavar="TEXT", help="Why; everybody who asks will read it. Needed with STAGE.")
@click.option("--until", callback=as_instant, metavar="DATE", help="The last day (UTC) on which it holds.")
@click.option("--by", metavar="NAME", help="Who decided it; without it, whoever is logged in here.")
@click.option("--withdraw", is_flag=True, help="Let all that was set here for KEY be over now; says what that was.")
@workspace_option
@json_option
def override(
    *,
    key: str,
    stage: str | None,
    reason: str | None,
    until: datetime | None,
    by: str | None,
    withdraw: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Set the stage of a person, company or opportunity here, for a reason; without STAGE: list what was set.

    KEY is an e-mail address, domain, name, record's id or instep_id; STAGE a stage of the process, or a detour. Asks
    no system: the next plan shows what follows, and the next sync does it.
    """
    from instep.mapping.load import load_workspace
    from instep.store import Store
    from instep.sync import override as overriding
    from instep.sync.transport import World

    files, world = load_workspace(workspace), World()
    if stage is None and (reason is not None or until is not None or by is not None):
        raise click.UsageError("--reason, --until and --by need a STAGE: instep override KEY STAGE --reason TEXT")
    if stage is not None and withdraw:
        raise click.UsageError("Either set a STAGE, or --withdraw what was set.")
    if stage is not None:
        setting = overriding.Setting(stage, reason or "", by or _whoever_this_is(), until)
        done = overriding.set_stage(files, world, key, setting)
    else:
        done = (overriding.withdraw if withdraw else overriding.listed)(files, world, key)
    with Store(files.store) as store:
        document = overrides_json(store, done)
    if as_json:
        print_json("override", document)
    else:
        click.echo(overrides_text(document))


def _whoever_this_is() -> str:
    """The name of the user of this machine."""
    from getpass import getuser

    try:
        return getuser()
    except (ImportError, KeyError, OSError):  # a container may run as a user without a name
        return "somebody"


def overrides_json(store: Store, done: Overridden) -> dict[str, Any]:
    """What was set, for machines."""
    return {
        "overrides": [override_json(store, one, done.at) for one in done.overrides],
        "set": done.set,
        "withdrawn": list(done.withdrawn),
    }


def override_json(store: Store, one: Override, now: datetime) -> dict[str, Any]:
    from instep.sync.labels import label_of

    return {
        "id": one.id,
        "entity": one.entity,
        "known_as": label_of(store, one.entity),
        "stage": one.stage,
        "reason": one.reason,
        "by": one.by,
        "at": one.at.isoformat(),
        "until": one.expires.isoformat() if one.expires else None,
        "state": one.state_at(now),
    }


def overrides_text(document: dict[str, Any]) -> str:
    """What was set, for people, and what follows."""
    from instep.model.values import plain

    lines: list[str] = []
    for one in document["overrides"]:
        until = f" until {moment(one['until'])}" if one["until"] else ""
        state = "withdrawn now" if one["id"] in document["withdrawn"] else _STATES[one["state"]]
        lines.append(f"#{one['id']} {one['known_as']}: {one['stage']}{until}, {state}")
        lines.append(f"    by {one['by']} at {moment(one['at'])}: {one['reason']}")
    if document["set"] or document["withdrawn"]:
        lines.append("To see what follows: instep plan")
    return "\n".join(map(plain, lines)) or "Nothing was overridden here."
