"""`instep undo RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from instep.cli.output import Progress, talk
from instep.cli.process import json_option, workspace_option
from instep.cli.reports import Reports, report_options, reporting


@click.command()
@click.argument("run", type=int)
@workspace_option
@click.option(
    "--delete-created", is_flag=True, help="Delete what the run created, where nobody has changed it since."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to a file for `apply`.")
@click.option("--yes", is_flag=True, help="Do it now, instead of only saying what it takes.")
@report_options
@json_option
def undo(
    run: int, workspace: Path, delete_created: bool, out: Path | None, yes: bool, as_json: bool, reports: Reports
) -> None:
    """Take back what RUN wrote, wherever a record still holds it. Without --yes, only say what that takes.

    What somebody changed since is left alone and listed; nobody is ever opted in. To redo it, undo the undo.
    """
    from instep.cli.sync import how_to_apply, print_outcome, print_plan
    from instep.mapping.load import load_workspace
    from instep.sync.run import save_plan
    from instep.sync.run import undo as run_undo

    if yes and out is not None:
        raise click.UsageError("--out saves a plan for `instep apply`, and --yes does it now. Choose one.")
    progress, loaded = Progress(quiet=as_json), load_workspace(workspace)
    with reporting(reports, loaded.store):
        outcome = reports.outcome = run_undo(
            loaded, reports.world, run, delete_created=delete_created, write=yes, progress=progress
        )
    progress.end()
    if yes:
        print_outcome(outcome, as_json)
        return
    if out is not None:
        save_plan(loaded, outcome, out)
    print_plan(outcome, as_json)
    if not as_json and not outcome.plan.is_empty:
        with_deletes = " --delete-created" if delete_created else ""
        command = how_to_apply(outcome, out) if out else f"instep undo {run}{with_deletes} --yes"
        talk(f"Nothing was written. To do exactly this: {command}")
    raise click.exceptions.Exit(outcome.exit_code)
