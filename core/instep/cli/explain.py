"""`instep explain KEY [FIELD]`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.explain_lines import score_lines, stage_lines
from instep.cli.instants import as_past_instant
from instep.cli.output import brief, moment, print_json, shown
from instep.cli.process import json_option, workspace_option

if TYPE_CHECKING:
    from instep.sync.explain import Explanation


@click.command()
@click.argument("key")
@click.argument("field", required=False)
@workspace_option
@click.option("--run", type=int, help="As of the end of a past run: see `instep runs`.")
@click.option("--as-of", "at", callback=as_past_instant, metavar="DATE", help="As of the end of a past day, in UTC.")
@json_option
def explain(
    key: str, field: str | None, workspace: Path, run: int | None, at: datetime | None, as_json: bool
) -> None:
    """Say why a value is what it is: source, rule, time, run, who lost, and what each system holds.

    KEY is an e-mail address, domain, name, record's id or instep_id; FIELD a canonical field such as "stage".
    """
    from instep.mapping.load import load_workspace
    from instep.sync.explain import explain as explain_entity

    if run is not None and at is not None:
        raise click.UsageError("Give either --run or --as-of.")
    found = explain_entity(load_workspace(workspace), key, field, run=run, at=at)
    if as_json:
        print_json("explain", {"explanations": [explanation.as_json() for explanation in found]})
        return
    told = [e for e in found if field or e.value not in (None, ()) or e.held]
    away = {one["remedy"]: one for explanation in found for one in explanation.kept_away}
    texts = [explanation_text(explanation) for explanation in told]
    click.echo("\n\n".join([*texts, *([kept_away_text(list(away.values()))] if away else [])]))


def kept_away_text(away: Sequence[dict[str, Any]]) -> str:
    """Where no record is made again, and what allows it."""
    from instep.model.values import plain

    lines: list[str] = []
    for one in away:
        since = moment(one["since"])
        lines.append(f"kept away from {one['connection']} since {since}, because its record there is {one['reason']}")
        lines.append(f"  to let it be created there again: {one['remedy']}")
    return "\n".join(map(plain, lines))


def explanation_text(explanation: Explanation) -> str:
    """One field's story, for people."""
    from instep.model.values import plain

    reason = explanation.reason
    then = f" (as of run {explanation.run})" if explanation.run is not None else ""
    if explanation.at is not None:
        then = f" (as of {moment(explanation.at.isoformat())}, run {explanation.run})"
    lines = [f"{explanation.kind} {explanation.entity}: {explanation.name} is {shown(explanation.value)}{then}"]
    because = [str(reason.get("rule", "nobody has said anything"))]
    because += [f"from {reason['source']}"] if reason.get("source") else []
    because += [f"at {moment(reason['at'])}"] if reason.get("at") else []
    because += [f"run {reason['run']}"] if reason.get("run") else []
    lines.append("  because   " + ", ".join(because))
    lines.append(f"  law       {explanation.law}")
    for loser in reason.get("lost", []):
        why = f" ({loser['why']})" if loser.get("why") else ""
        lines.append(f"  lost      {brief(loser['value'])} from {loser['source']}{why}")
    for held in explanation.held:
        state = "" if held.state == "live" else f" [{held.state}]"
        lines.append(f"  held      {held.ref}{state} {held.field} = {shown(held.value)}")
    document = explanation.as_json()
    lines += stage_lines(document)
    lines += score_lines(document["score"]) if document["score"] is not None else []
    for step in explanation.history:
        counts = "" if step["counts"] else " (does not count)"
        note = f": {step['note']}" if step["note"] else ""
        lines.append(f"  {step['what']:<9} {moment(step['at'])} {step['value']} from {step['source']}{counts}{note}")
    for write in explanation.writes:
        values = ", ".join(
            f"{name}: {brief(told['before'])} -> {brief(told['after'])}" for name, told in write["values"].items()
        )
        written = f"run {write['run']} to {write['record']}{': ' + values if values else ''}"
        lines.append(f"  written   {written}, because {write['why']} ({write['state']})")
    return "\n".join(plain(line) for line in lines)
