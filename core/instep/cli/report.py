"""`instep status`, `runs` and `show RUN`: read the local state, ask no system."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.output import CODES_HINT, brief, class_of_refusal, moment, notes, table, talk
from instep.cli.process import json_option, print_json, workspace_option
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.store import Store

SAMPLES = 10


def _open(workspace: Path) -> Store:
    from instep.mapping.load import load_workspace
    from instep.store import Store, require_state

    return Store(require_state(load_workspace(workspace).store))


@click.command()
@workspace_option
@json_option
def status(workspace: Path, as_json: bool) -> None:
    """What is known of every connection, the last run, and what waits for a person."""
    with _open(workspace) as store:
        document = status_of(store)
    if as_json:
        print_json(document)
        return
    rows = [
        [
            c["connection"],
            c["org"],
            o["object"],
            f"{o['records']:,}",
            f"{o['linked']:,}",
            f"{o['waiting']:,}",
            moment(o["read_at"]) if o["read_at"] else "",
        ]
        for c in document["connections"]
        for o in c["objects"]
    ]
    click.echo(table(["connection", "org", "object", "records", "linked", "to decide", "read"], rows))
    last = document["last_run"]
    if last:
        click.echo(f"\nLast run: {last['id']} ({last['command']}), {last['status']}, {_when(last['finished_at'])}")
    if document["questions"]:
        click.echo(f"\nQuestions for a person: {len(document['questions'])}. See: instep conflicts")
        for item in document["questions"][:SAMPLES]:
            click.echo(f"  {plain(str(item))}")
    if document["quarantine"]:
        click.echo("\n" + quarantine_text(document["quarantine"]))
    for name, count in document["kept_away"].items():
        text = f"{count:,} kept away from {name}, because they were deleted there. See: instep why-not KEY {name}"
        click.echo("\n" + plain(text))
    if document["quarantine"]:
        talk(CODES_HINT)


def quarantine_text(found: Sequence[Mapping[str, Any]]) -> str:
    """What was refused and waits: since when, how often tried, when it is tried next, and what to do."""
    lines = [f"Refused, and waiting: {len(found):,}"]
    for one in found[:SAMPLES]:
        times = "once" if one["tries"] == 1 else f"{one['tries']} times"
        lines.append(
            f"  {one['record']} ({one['action']}): {one['class']}: {one['reason']} [{class_of_refusal(one['code'])}]"
        )
        lines.append(f"      tried {times} since {one['since']}; {one['next_try']}")
        lines.append(f"      {one['remedy']}")
    if len(found) > SAMPLES:
        lines.append(f"  … and {len(found) - SAMPLES:,} more (--json)")
    return "\n".join(map(plain, lines))


def _when(at: str | None) -> str:
    return moment(at) if at else "at work"


def status_of(store: Store) -> dict[str, Any]:
    """The state in figures."""
    read = {(c, s): at for c, s, at in store.rows("SELECT connection, stream, read_at FROM cursor")}
    from instep.sync.refusals import read_waiting

    connections = []
    for name, org in store.rows("SELECT name, org FROM connection ORDER BY name"):
        counted = store.rows(
            "SELECT object, count(*), count(entity), sum(dirty) FROM mirror WHERE connection = ? AND state = 'live' "
            "GROUP BY object ORDER BY object",
            (name,),
        )
        objects = [
            {"object": o, "records": n, "linked": linked, "waiting": dirty, "read_at": read.get((name, o))}
            for o, n, linked, dirty in counted
        ]
        connections.append({"connection": name, "org": org, "objects": objects})
    last = store.row("SELECT id, command, status, started_at, finished_at FROM run ORDER BY id DESC LIMIT 1")
    keys = ("id", "command", "status", "started_at", "finished_at")
    kept_away = store.rows("SELECT connection, count(*) FROM tombstone GROUP BY connection ORDER BY connection")
    return {
        "format_version": 1,
        "connections": connections,
        "entities": dict(store.rows("SELECT kind, count(*) FROM entity GROUP BY kind ORDER BY kind")),
        "journeys": dict(
            store.rows(
                "SELECT stage, count(*) FROM journey WHERE closed_at IS NULL AND stage NOT NULL "
                "AND continues_as IS NULL GROUP BY stage"
            )
        ),
        "last_run": dict(zip(keys, last, strict=True)) if last else None,
        "questions": [row[0] for row in store.rows("SELECT text FROM question ORDER BY subject")],
        "open_conflicts": store.count("SELECT count(*) FROM conflict WHERE state = 'open'"),
        "quarantine": [one.as_json() for one in read_waiting(store)],
        "kept_away": dict(kept_away),
        "unsettled": store.count("SELECT count(*) FROM journal WHERE state IN ('intended', 'unknown')"),
    }


@click.command()
@workspace_option
@click.option("--limit", default=20, show_default=True, help="How many, the newest first.")
@json_option
def runs(workspace: Path, limit: int, as_json: bool) -> None:
    """The latest runs: what each was, when, and how it ended."""
    with _open(workspace) as store:
        rows = store.rows(
            "SELECT id, command, status, started_at, finished_at, (SELECT count(*) FROM journal "
            "WHERE run = run.id AND state = 'confirmed') "
            "FROM run ORDER BY id DESC LIMIT ?",
            (limit,),
        )
    keys = ("run", "command", "status", "started_at", "finished_at", "writes")
    if as_json:
        print_json({"format_version": 1, "runs": [dict(zip(keys, row, strict=True)) for row in rows]})
    else:
        shown = [[*row[:3], _when(row[3]), _when(row[4]), row[5]] for row in rows]
        click.echo(table(keys, shown))


@click.command()
@click.argument("run", type=int)
@workspace_option
@click.option("--limit", default=50, show_default=True, help="How many writes to list.")
@json_option
def show(run: int, workspace: Path, limit: int, as_json: bool) -> None:
    """What one run did, write by write, with before, after and why."""
    from instep.errors import ConfigError
    from instep.model.values import decode, display
    from instep.sync.refusals import read_waiting

    with _open(workspace) as store:
        found = store.row("SELECT command, status, started_at, finished_at, report FROM run WHERE id = ?", (run,))
        if found is None:
            raise ConfigError(f"There is no run {run}. See: instep runs")
        rows = store.rows(
            "SELECT connection, object, record, entity, action, before, after, reason, state, intended_at "
            "FROM journal WHERE run = ? ORDER BY seq LIMIT ?",
            (run, limit),
        )
        total = store.count("SELECT count(*) FROM journal WHERE run = ?", (run,))
        waiting = [one.as_json() for one in read_waiting(store, "run = ?", (run,))]
    report = json.loads(found[4]) if found[4] else {}
    writes = []
    for connection, object, record, entity, action, before, after, reason, state, at in rows:
        was, now = decode(before), decode(after)
        values = {name: [display(was.get(name)), display(value)] for name, value in now.items()}
        why = json.loads(reason)
        writes.append(
            {
                "record": f"{connection}/{object}/{record}",
                "entity": entity,
                "action": action,
                "values": values,
                "why": why["why"],
                "to": why.get("to_entity") or None,
                "state": state,
                "at": at,
            }
        )
    if as_json:
        print_json(
            {"run": run, "status": found[1], "report": report, "writes": writes, "total": total, "waiting": waiting}
        )
        return
    click.echo(f"Run {run} ({found[0]}): {found[1]}, {_when(found[2])} to {_when(found[3])}. {total:,} writes.")
    for write in writes:
        click.echo(plain(f"  {write['action']} {write['record']} ({write['state']})"))
        for name, (was_text, now_text) in write["values"].items():
            click.echo(plain(f"      {name}: {brief(was_text)} -> {brief(now_text)}"))
        for name, because in write["why"].items():
            click.echo(plain(f"      why {name}: {because}"))
    if total > len(writes):
        click.echo(f"  … and {total - len(writes):,} more (--limit)")
    if waiting:
        click.echo("\n" + quarantine_text(waiting))
    if report.get("notes"):
        click.echo("\n" + notes(report["notes"]))
    if waiting or report.get("notes"):
        talk(CODES_HINT)
