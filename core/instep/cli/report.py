"""`instep status`, `runs` and `show RUN`: read the local state, ask no system."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.output import CODES_HINT, brief, class_of_refusal, moment, notes, print_json, table, talk
from instep.cli.process import json_option, workspace_option
from instep.model.values import amount, plain

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
        print_json("status", document)
        return
    rows = [
        [
            c["connection"],
            c["org"],
            o["object"],
            f"{o['records']:,}",
            f"{o['linked']:,}",
            f"{o['undecided']:,}",
            moment(o["read_at"]) if o["read_at"] else "",
        ]
        for c in document["connections"]
        for o in c["objects"]
    ]
    click.echo(table(["connection", "org", "object", "records", "linked", "not yet synced", "read"], rows))
    last = document["last_run"]
    if last:
        click.echo(f"\nLast run: {last['run']} ({last['command']}), {last['status']}, {_when(last['finished_at'])}")
        if last["status"] == "failed":
            click.echo(f"  Why: instep show {last['run']}")
    if document["open_conflicts"]:
        click.echo(f"\nValues that wait for a person: {document['open_conflicts']:,}. See: instep conflicts --open")
    if document["questions"]:
        click.echo(f"\nQuestions for a person: {len(document['questions'])}. See: instep conflicts")
        for item in document["questions"][:SAMPLES]:
            click.echo(f"  {plain(item['text'])}")
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
        lines.append(f"      tried {times} since {moment(one['since'])}; {one['next_try']}")
        lines.append(f"      {one['remedy']}")
    if len(found) > SAMPLES:
        lines.append(f"  … and {len(found) - SAMPLES:,} more (--json)")
    return "\n".join(map(plain, lines))


def _when(at: str | None) -> str:
    return moment(at) if at else "at work"


def status_of(store: Store) -> dict[str, Any]:
    """The state in figures."""
    from instep.cli.conflicts import question_json
    from instep.sync.conflicts import count_open, read_questions
    from instep.sync.journal import count_unsettled
    from instep.sync.refusals import read_waiting

    read = {(c, s): at for c, s, at in store.rows("SELECT connection, stream, read_at FROM cursor")}
    connections = []
    for name, org in store.rows("SELECT name, org FROM connection ORDER BY name"):
        counted = store.rows(
            "SELECT object, count(*), count(entity), sum(dirty) FROM mirror WHERE connection = ? AND state = 'live' "
            "GROUP BY object ORDER BY object",
            (name,),
        )
        objects = [
            {"object": o, "records": n, "linked": linked, "undecided": dirty, "read_at": read.get((name, o))}
            for o, n, linked, dirty in counted
        ]
        connections.append({"connection": name, "org": org, "objects": objects})
    last = store.row("SELECT id, command, status, started_at, finished_at FROM run ORDER BY id DESC LIMIT 1")
    keys = ("run", "command", "status", "started_at", "finished_at")
    kept_away = store.rows("SELECT connection, count(*) FROM tombstone GROUP BY connection ORDER BY connection")
    return {
        "connections": connections,
        "entities": dict(store.rows("SELECT kind, count(*) FROM entity GROUP BY kind ORDER BY kind")),
        "journeys": dict(
            store.rows(
                "SELECT stage, count(*) FROM journey WHERE closed_at IS NULL AND stage NOT NULL "
                "AND continues_as IS NULL GROUP BY stage"
            )
        ),
        "last_run": dict(zip(keys, last, strict=True)) if last else None,
        "questions": [question_json(asked) for asked in read_questions(store)],
        "open_conflicts": count_open(store),
        "quarantine": [one.as_json() for one in read_waiting(store)],
        "kept_away": dict(kept_away),
        "unsettled": count_unsettled(store),
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
        print_json("runs", {"runs": [dict(zip(keys, row, strict=True)) for row in rows]})
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
    with _open(workspace) as store:
        document = show_of(store, run, limit)
    if as_json:
        print_json("show", document)
    else:
        click.echo(show_text(document))
        if document["quarantine"] or (document["report"] or {}).get("notes"):
            talk(CODES_HINT)


def show_of(store: Store, run: int, limit: int) -> dict[str, Any]:
    """One run: how it ended, its first writes, and what it left refused. Raises `ConfigError` if there was none."""
    from instep.errors import ConfigError
    from instep.sync.refusals import read_waiting

    found = store.row("SELECT command, status, started_at, finished_at, report FROM run WHERE id = ?", (run,))
    if found is None:
        raise ConfigError(f"There is no run {run}. See: instep runs")
    rows = store.rows(
        "SELECT connection, object, record, entity, action, before, after, reason, state, intended_at "
        "FROM journal WHERE run = ? ORDER BY seq LIMIT ?",
        (run, limit),
    )
    command, status, started_at, finished_at, report = found
    return {
        "run": run,
        "command": command,
        "status": status,
        "started_at": started_at,
        "finished_at": finished_at,
        "report": json.loads(report) if report else None,
        "writes": [_write_json(row) for row in rows],
        "total": store.count("SELECT count(*) FROM journal WHERE run = ?", (run,)),
        "quarantine": [one.as_json() for one in read_waiting(store, "run = ?", (run,))],
    }


def _write_json(row: tuple[Any, ...]) -> dict[str, Any]:
    """A write as the journal has it, with values as people read them."""
    from instep.model.values import decode, display
    from instep.sync.ledger import target

    connection, object, record, entity, action, before, after, reason, state, at = row
    was, now, why = decode(before), decode(after), json.loads(reason)
    return {
        "record": str(target(connection, object, record, entity)),
        "entity": entity,
        "action": action,
        "values": {n: {"before": display(was.get(n)), "after": display(value)} for n, value in now.items()},
        "why": why["why"],
        "to": why.get("to_entity") or None,
        "state": state,
        "at": at,
    }


def show_text(shown: Mapping[str, Any]) -> str:
    """The same for people."""
    when = f"{_when(shown['started_at'])} to {_when(shown['finished_at'])}"
    lines = [
        f"Run {shown['run']} ({shown['command']}): {shown['status']}, {when}. {amount(shown['total'], 'write')}."
    ]
    error = (shown["report"] or {}).get("error")
    lines += [plain(f"  {line}") for line in error.splitlines()] if error else []
    for write in shown["writes"]:
        lines.append(f"  {write['action']} {write['record']} ({write['state']})")
        lines += [
            f"      {n}: {brief(told['before'])} -> {brief(told['after'])}" for n, told in write["values"].items()
        ]
        lines += [f"      why {name}: {because}" for name, because in write["why"].items()]
    if (more := shown["total"] - len(shown["writes"])) > 0:
        lines.append(f"  … and {more:,} more (--limit)")
    noted = (shown["report"] or {}).get("notes")
    parts = [quarantine_text(shown["quarantine"])] if shown["quarantine"] else []
    return "\n\n".join(["\n".join(map(plain, lines)), *parts, *([notes(noted)] if noted else [])])
