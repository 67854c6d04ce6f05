"""`instep why-not KEY [CONNECTION]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.output import CODES_HINT, code_shown, print_json, talk
from instep.cli.process import json_option, workspace_option

if TYPE_CHECKING:
    from instep.sync.why_not import Answer

IN_THE_WAY = 3


@click.command("why-not")
@click.argument("key")
@click.argument("connection", required=False)
@workspace_option
@json_option
def why_not(key: str, connection: str | None, workspace: Path, as_json: bool) -> None:
    """Say why a record is not in a system, or not kept in step, and what to do. Asks no system.

    KEY is an e-mail address, domain, name, record's id or instep_id. Exits 0 when nothing is in its way, else 3.
    """
    from instep.mapping.load import load_workspace
    from instep.sync.transport import World
    from instep.sync.why_not import why_not as ask

    answers = ask(load_workspace(workspace), World(), key, connection)
    if as_json:
        print_json("why-not", {"key": key, "answers": [answer.as_json() for answer in answers]})
    else:
        click.echo(answers_text(answers))
        if any(answer.obstacles for answer in answers):
            talk(CODES_HINT)
    raise click.exceptions.Exit(IN_THE_WAY if any(answer.obstacles for answer in answers) else 0)


def answers_text(answers: Sequence[Answer]) -> str:
    """What is in the way, for people."""
    from instep.model.values import plain

    lines: list[str] = []
    for answer in answers:
        there = ", ".join(answer.records) or "no record"
        lines.append(f"{answer.known_as} in {answer.connection}: {there}")
        if not answer.obstacles:
            next_step = "" if answer.records else "; the next sync makes a record"
            lines.append(f"  nothing is in its way{next_step}")
        for one in answer.obstacles:
            lines += [f"  {one.text} [{code_shown(one.code)}]", f"      {one.remedy}"]
    return "\n".join(map(plain, lines))
