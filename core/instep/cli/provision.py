"""`instep provision`: every system's stages, choices and fields, as the files say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from instep.cli.output import Progress, print_json, talk
from instep.cli.process import json_option, workspace_option
from instep.cli.reports import NewFile, publish

if TYPE_CHECKING:
    from instep.mapping.compiled import Workspace
    from instep.provision.plan import ProvisionPlan

F = TypeVar("F", bound=Callable[..., Any])

only_option = click.option(
    "--connection", "only", multiple=True, metavar="NAME", help="Only this connection; may be given more than once."
)
detailed_option = click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there is a difference.")
markdown_option = click.option("--markdown", type=NewFile(), help="Write a report for a pull request.")


@click.group()
def provision() -> None:
    """Configure every system's stages, choices and fields from the files: plan, apply, drift, import, export."""


def _loaded(workspace: Path, only: tuple[str, ...]) -> Workspace:
    from instep.mapping.load import load_workspace
    from instep.sync.session import require_connection

    loaded = load_workspace(workspace)
    for name in only:
        require_connection(loaded, name)
    return loaded


@provision.command()
@workspace_option
@only_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to a file for `apply`.")
@detailed_option
@markdown_option
@json_option
def plan(
    workspace: Path,
    only: tuple[str, ...],
    out: Path | None,
    detailed_exitcode: bool,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Say what would be done so that every system is as the files say. Changes nothing, and needs no right to.

    Exit 1 if something has to be put right first, and with --detailed-exitcode 2 if there is a difference.
    """
    from instep.cli.provision_view import plan_markdown, plan_text
    from instep.provision.run import plan_configuration, save_plan
    from instep.sync.transport import World

    found = plan_configuration(_loaded(workspace, only), World(), only, progress=Progress(quiet=as_json))
    if out is not None:
        save_plan(found, out)
    publish(markdown, lambda: plan_markdown(found))
    if as_json:
        print_json("provision-plan", found.as_json())
    else:
        click.echo(plan_text(found))
        if not found.is_empty and not found.wrong:
            talk(f"Nothing was done. To do exactly this: {_how_to_apply(out)}")
    _leave(found, detailed=detailed_exitcode)


def _how_to_apply(out: Path | None) -> str:
    return f"instep provision apply {out}" if out else "instep provision apply --yes"


def _leave(found: ProvisionPlan, *, detailed: bool) -> None:
    if found.wrong:
        raise click.exceptions.Exit(1)
    if detailed and not found.is_empty:
        raise click.exceptions.Exit(2)


@provision.command()
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@workspace_option
@only_option
@click.option("--yes", is_flag=True, help="Do what a plan would say now, without a saved one.")
@click.option("--past-guards", is_flag=True, help="Do it even if it would change surprisingly much.")
@markdown_option
@json_option
def apply(
    plan_file: Path | None,
    workspace: Path,
    only: tuple[str, ...],
    yes: bool,
    past_guards: bool,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Do exactly what a saved PLAN says, or with --yes what one would say now.

    Writes mappings/CONNECTION.ids.toml, which says what is managed: commit it. Exit 1 if something has to be put
    right first, 3 if something was refused, 8 if that was for want of a right, and 6 if a system, a file or a plugin
    is not what the plan was made from.
    """
    from instep.cli.provision_view import report_markdown, report_text
    from instep.provision.run import apply_configuration
    from instep.sync.transport import World

    if (plan_file is None) != yes:
        raise click.UsageError("Name a plan that was saved with `instep provision plan --out`, or say --yes.")
    saved = _read(plan_file) if plan_file is not None else None
    progress = Progress(quiet=as_json)
    report = apply_configuration(
        _loaded(workspace, only), World(), only, saved=saved, past_guards=past_guards, progress=progress
    )
    publish(markdown, lambda: report_markdown(report))
    if as_json:
        print_json("provision-report", report.as_json())
    else:
        click.echo(report_text(report))
    raise click.exceptions.Exit(report.exit_code)


def _read(plan_file: Path) -> Any:
    from instep.errors import ConfigError

    try:
        saved = json.loads(plan_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        saved = None
    if not _is_plan(saved):
        remedy = f"Make one with: instep provision plan --out {plan_file}"
        raise ConfigError(f"{plan_file} is not a plan of a configuration. {remedy}")
    return saved


def _is_plan(saved: Any) -> bool:
    """Whether it has what an apply looks at: other documents have systems too."""
    if not isinstance(saved, dict) or saved.get("format_version") != 1:
        return False
    systems = saved.get("systems")
    are_named = isinstance(systems, list) and all(isinstance(s, dict) and s.get("connection") for s in systems)
    return are_named and isinstance(saved.get("digest"), str) and isinstance(saved.get("made_from"), dict)


@provision.command("import")
@workspace_option
@only_option
@json_option
def import_(workspace: Path, only: tuple[str, ...], as_json: bool) -> None:
    """Begin to manage what is there already and is called as the files say. Changes nothing in any system."""
    from instep.cli.provision_view import adopted_text
    from instep.provision.run import import_configuration
    from instep.sync.transport import World

    report = import_configuration(_loaded(workspace, only), World(), only, progress=Progress(quiet=as_json))
    if as_json:
        print_json(
            "provision-import",
            {"systems": [_adopted(system) for system in report.plan.systems], "files": report.files},
        )
    else:
        click.echo(adopted_text(report))


def _adopted(system: Any) -> dict[str, Any]:
    return {"connection": system.connection, "adopted": system.adopted}


@provision.command()
@workspace_option
@only_option
@detailed_option
@markdown_option
@json_option
def drift(
    workspace: Path, only: tuple[str, ...], detailed_exitcode: bool, markdown: Path | None, as_json: bool
) -> None:
    """Say where a system is not any more what was applied to it, and what people added to what is managed.

    Meant for a schedule, on the files as they were applied last. With --detailed-exitcode, exit 2 if there is any.
    """
    from instep.cli.provision_view import drift_markdown, drift_text
    from instep.provision.drift import drift_of
    from instep.provision.run import plan_configuration
    from instep.sync.transport import World

    found = drift_of(plan_configuration(_loaded(workspace, only), World(), only, progress=Progress(quiet=as_json)))
    publish(markdown, lambda: drift_markdown(found))
    if as_json:
        print_json("provision-drift", {"drifted": bool(found), "drift": [one.as_json() for one in found]})
    else:
        click.echo(drift_text(found))
        if found:
            talk("To put it right: instep provision apply --yes; what was added stays. To keep it: change the files.")
    if detailed_exitcode and found:
        raise click.exceptions.Exit(2)


@provision.command()
@click.argument("connection")
@workspace_option
@click.option(
    "--to", required=True, type=click.Path(file_okay=False, path_type=Path), help="A folder that is new or empty."
)
@json_option
def export(connection: str, workspace: Path, to: Path, as_json: bool) -> None:
    """Write what CONNECTION's system has now as the files of a new workspace, from which a plan finds nothing to do.

    What is inactive is left out. Files that are there are never overwritten.
    """
    from instep.errors import ConfigError
    from instep.provision.run import export_configuration
    from instep.sync.transport import World

    if to.exists() and any(to.iterdir()):
        raise ConfigError(f"{to} is not empty. Name a folder that is new.")
    files = export_configuration(_loaded(workspace, (connection,)), World(), connection)
    for name, text in files.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_text(text, encoding="utf-8")
    if as_json:
        print_json("provision-export", {"folder": str(to), "files": sorted(files)})
    else:
        click.echo("\n".join(str(to / name) for name in files))
        talk(f"See that nothing is to be done: instep provision plan --workspace {to}")
