"""`instep erase SUBJECT`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.output import print_json, table
from instep.cli.process import json_option, workspace_option
from instep.model.values import amount, plain

if TYPE_CHECKING:
    from instep.sync.erase import Erasure

THEIRS = "Backups, logs, reports and output in files, and plans that were moved are yours to delete."


@click.command()
@click.argument("subject")
@workspace_option
@click.option("--yes", is_flag=True, help="Do it. Without it, only say what it would do.")
@click.option(
    "--local-anyway", is_flag=True, help="Forget them here although a system refused: what is left is yours."
)
@json_option
def erase(subject: str, workspace: Path, yes: bool, local_anyway: bool, as_json: bool) -> None:
    """Erase a person: in every system by its declared policy, then here, and keep them from coming back.

    SUBJECT is an e-mail address, a record (connection/object/id), a record's id or an instep_id. Exit 3: something is
    left to do, and the same command goes on.
    """
    from instep.mapping.load import load_workspace
    from instep.sync.erase import erase as erase_them
    from instep.sync.erase import preview
    from instep.sync.transport import World

    loaded = load_workspace(workspace)
    done = erase_them(loaded, World(), subject, here_anyway=local_anyway) if yes else preview(loaded, subject)
    if as_json:
        print_json("erase", done.as_json())
    else:
        click.echo(erasure_text(done))
    raise click.exceptions.Exit(done.exit_code)


def erasure_text(done: Erasure) -> str:
    """What erasing somebody does or did, system by system, then here, then what is left."""
    if done.erased_before:
        paragraphs = ["They were erased before, and nothing is known of them. To let them back: instep allow SUBJECT"]
    else:
        paragraphs = [_systems(done), _here(done)]
    paragraphs += [plain(problem) for problem in done.problems]
    if done.unsearched:
        names = ", ".join(done.unsearched)
        paragraphs.append(f"{names}: could not be searched by address. Look there for other records of theirs.")
    if not done.is_done:
        return "\n\n".join([*paragraphs, *_next(done)])
    if done.left:
        paragraphs.append(
            f"Left to do: {amount(len(done.left), 'record')}. Repeat the command, or erase it there by hand."
        )
    return "\n\n".join([*paragraphs, THEIRS])


def _next(done: Erasure) -> list[str]:
    """What to do after a look."""
    if done.erased_before:
        return []
    files = sorted({f"mappings/{part.ref.connection}.toml" for part in done.parts if part.fate == "undeclared"})
    if files:
        return [f"Nothing was done. Declare a policy in {', '.join(files)} first, then add: --yes"]
    return ["Nothing was done. To do it, add: --yes"]


def _systems(done: Erasure) -> str:
    rows = [[p.ref.connection, f"{p.ref.object}/{p.ref.id}", p.fate, p.reason] for p in done.parts]
    return table(["connection", "record", "fate", "why"], rows) if rows else "No system has a record of theirs."


def _here(done: Erasure) -> str:
    if done.is_done and not done.is_forgotten:
        return "Here: kept, because it says what is left to do."
    said = "Here, deleted or emptied" if done.is_done else "Here, to be deleted or emptied"
    rows = ", ".join(f"{count:,} {name}" for name, count in done.here.items())
    lines = [f"{said} (rows of the state): {rows or 'none'}."]
    if done.plans:
        lines.append(plain(f"Saved plans, deleted with it: {', '.join(done.plans)}."))
    if done.shared:
        lines.append(f"{done.shared} of their addresses are others' as well: these do not keep anybody out.")
    return "\n".join(lines)
