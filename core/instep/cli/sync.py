"""`instep plan`, `apply` and `sync`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.output import CODES_HINT, Progress, brief, notes, print_json, table, talk
from instep.cli.process import json_option, workspace_option
from instep.cli.reports import Reports, report_options, reporting
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.sync.changes import Change, Plan
    from instep.sync.run import Outcome

SAMPLES = 5
SIGNS = {"create": "+", "update": "~", "opt_out": "~", "opt_in": "~", "relate": "+", "unrelate": "-", "delete": "-"}


@click.command()
@workspace_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to a file for `apply`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is something to write.")
@report_options
@json_option
def plan(workspace: Path, out: Path | None, detailed_exitcode: bool, as_json: bool, reports: Reports) -> None:
    """Read every system and say what a sync would write, and why. Writes nothing."""
    from instep.mapping.load import load_workspace
    from instep.sync.run import plan_only, save_plan

    progress, loaded = Progress(quiet=as_json), load_workspace(workspace)
    with reporting(reports, loaded.store):
        outcome = reports.outcome = plan_only(loaded, reports.world, progress=progress)
    progress.end()
    if out is not None:
        save_plan(loaded, outcome, out)
    print_plan(outcome, as_json)
    if out is not None and not as_json:
        talk(f"Saved. To do exactly this: {how_to_apply(outcome, out)}")
    code = outcome.exit_code or (2 if detailed_exitcode and not outcome.plan.is_empty else 0)
    raise click.exceptions.Exit(code)


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@workspace_option
@click.option("--past-guards", is_flag=True, help="Do it although it changes surprisingly much: you have read it.")
@report_options
@json_option
def apply(plan_file: Path, workspace: Path, past_guards: bool, as_json: bool, reports: Reports) -> None:
    """Do exactly what a saved plan says, or say why not (exit 6 when it is stale, 5 when a guard stops it)."""
    from instep.errors import ConfigError
    from instep.mapping.load import load_workspace
    from instep.sync.run import apply_plan

    try:
        saved = json.loads(plan_file.read_text(encoding="utf-8"))
        known = saved.get("format_version") == 1
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise ConfigError(f"{plan_file} is not a plan. Make one with: instep plan --out {plan_file}")
    loaded = load_workspace(workspace)
    with reporting(reports, loaded.store):
        outcome = reports.outcome = apply_plan(loaded, reports.world, saved, past_guards=past_guards)
    print_outcome(outcome, as_json)


@click.command()
@workspace_option
@click.option(
    "--first-run",
    type=click.Choice(["plan", "10", "100", "apply"]),
    default="plan",
    show_default=True,
    help="What the first run of a workspace does: plan, write about 10 or 100 people, or everything.",
)
@report_options
@json_option
def sync(workspace: Path, first_run: str, as_json: bool, reports: Reports) -> None:
    """Bring every system in step. The first run of a workspace only plans, unless told otherwise."""
    from instep.mapping.load import load_workspace
    from instep.sync.run import sync as run_sync

    progress, loaded = Progress(quiet=as_json), load_workspace(workspace)
    with reporting(reports, loaded.store):
        outcome = reports.outcome = run_sync(loaded, reports.world, first_run=first_run, progress=progress)
    progress.end()
    if not as_json and not outcome.applied:
        click.echo(plan_text(outcome.plan))
    print_outcome(outcome, as_json)


def how_to_apply(outcome: Outcome, plan_file: Path) -> str:
    """The command that does exactly what a saved plan says."""
    is_guarded = any(note["code"] == "guard" for note in outcome.notes)
    return f"instep apply {plan_file}{' --past-guards' if is_guarded else ''}"


def print_plan(outcome: Outcome, as_json: bool) -> None:
    """Print what a run would write, and what it leaves."""
    if as_json:
        print_json("plan", {**outcome.plan.as_json(), "calls": outcome.calls})
    else:
        click.echo(plan_text(outcome.plan) + left_text(outcome.plan))
        for name, used in outcome.calls.items():
            talk(f"{name}: {used['calls']:,} calls, left today: {_left(used['allowance'])}")
        _print_notes(outcome)


def print_outcome(outcome: Outcome, as_json: bool) -> None:
    """Print what a run did, and exit with its code."""
    if as_json:
        print_json("run", outcome.as_json())
    else:
        click.echo(outcome_text(outcome) + left_text(outcome.plan))
        _print_notes(outcome)
    raise click.exceptions.Exit(outcome.exit_code)


def _print_notes(outcome: Outcome) -> None:
    if outcome.notes:
        talk(f"\n{notes(outcome.notes)}\n{CODES_HINT}")


def outcome_text(outcome: Outcome) -> str:
    """What a run did, per connection, with every record accounted for."""
    rows = []
    for name, account in outcome.account.items():
        written = ", ".join(
            f"{object} {action} {count:,}"
            for object, acts in account["written"].items()
            for action, count in acts.items()
        )
        skipped = sum(account["skipped"].values())
        rows.append(
            [
                name,
                f"{account['seen']:,}",
                f"{account['unchanged']:,}",
                f"{account['changed']:,}",
                f"{skipped:,}",
                f"{sum(account['quarantined'].values()):,}",
                f"{account['unaccounted']:,}",
                f"{account['calls']:,}",
                _left(account["allowance"]),
                written or "nothing",
            ]
        )
    headers = [
        "connection",
        "seen",
        "unchanged",
        "changed",
        "skipped",
        "quarantined",
        "unaccounted",
        "calls",
        "left today",
        "written",
    ]
    total = sum(sum(acts.values()) for a in outcome.account.values() for acts in a["written"].values())
    end = f"Run {outcome.run}: {outcome.status}. {total:,} written."
    skips = [
        [name, f"{count:,}", reason]
        for name, account in outcome.account.items()
        for reason, count in account["skipped"].items()
    ]
    parts = [table(headers, rows)]
    if skips:
        parts.append(table(["skipped in", "records", "because"], skips))
    for name, why in outcome.stopped.items():
        parts.append(f"{name} was left early: {why}")
    return "\n\n".join([*parts, end])


def _left(allowance: dict[str, int] | None) -> str:
    """How many calls are left, and how many of those are kept; where the system does not tell, that."""
    return f"{allowance['left']:,} ({allowance['kept']:,} kept)" if allowance else "not told"


def plan_text(plan: Plan) -> str:
    """A plan as people read it: per system and object, some samples of each action, and the sum."""
    if plan.is_empty:
        return "Nothing to write."
    groups: dict[tuple[str, str, str], list[Change]] = {}
    action: str
    for change in plan.changes:
        groups.setdefault((change.connection, change.object, change.verb), []).append(change)
    lines: list[str] = []
    for (connection, object, action), changes in groups.items():
        lines.append(f"{connection}: {action} {len(changes):,} {object}")
        for change in changes[:SAMPLES]:
            lines += _change_lines(change, SIGNS[action])
        if len(changes) > SAMPLES:
            lines.append(f"    … and {len(changes) - SAMPLES:,} more")
        lines.append("")
    totals: dict[str, int] = {}
    for (_, _, action), changes in groups.items():
        totals[action] = totals.get(action, 0) + len(changes)
    lines.append("To write: " + ", ".join(f"{count:,} {action}" for action, count in totals.items()) + ".")
    return "\n".join(lines)


def left_text(plan: Plan) -> str:
    """What an undo leaves as it is: samples of every reason, and how many; empty where it leaves nothing."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in plan.left:
        groups.setdefault((one["record"].split("/")[0], one["why"]), []).append(f"{one['record']} {one['what']}")
    lines = []
    for (connection, why), found in groups.items():
        more = f", … and {len(found) - SAMPLES:,} more" if len(found) > SAMPLES else ""
        lines.append(plain(f"  {connection}: {', '.join(found[:SAMPLES])}{more}: {why}"))
    return "\n\nLeft as it is:\n" + "\n".join(lines) if lines else ""


def _change_lines(change: Change, sign: str) -> list[str]:
    known_as = brief(change.label or change.entity)
    name = f"{change.record} ({known_as})" if change.record else f"new: {known_as}"
    if change.relation:
        return [plain(f"  {sign} {name} {change.relation} {change.to_entity}   ({change.because})")]
    lines = [plain(f"  {sign} {name}")]
    for value in change.values:
        if value.name == "instep_id":
            continue
        was, will = map(brief, value.shown)
        before = "" if change.action == "create" else f"{was} -> "
        lines.append(plain(f"      {value.name}: {before}{will}   ({value.because})"))
    return lines
