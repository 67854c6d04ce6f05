"""`instep conflicts` and `instep conflicts resolve`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.output import brief, moment, print_json
from instep.cli.process import json_option, workspace_option

if TYPE_CHECKING:
    from instep.model.merging import Voice
    from instep.store import Store
    from instep.sync.conflicts import Asked, Kept
    from instep.sync.resolve import Resolved

WAITS = 4
"""The exit code when something waits for a person."""


class _Listing(click.Group):
    """A group that lists where no subcommand is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, "-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Listing)
def conflicts() -> None:
    """What the systems disagree about: list it (list, also when left out), and decide it (resolve)."""


@conflicts.command("list")
@click.argument("key", required=False)
@click.option("--open", "only_open", is_flag=True, help="Only what waits for a person.")
@click.option("--run", type=int, help="Only what this run decided or asked.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many to list.")
@click.option(
    "--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all of them to a file."
)
@workspace_option
@json_option
def list_conflicts(
    key: str | None,
    only_open: bool,
    run: int | None,
    limit: int,
    csv_file: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Everything that systems said and that was not taken, the open ones first. Exits 4 when some wait.

    KEY narrows it: an e-mail address, a domain, a record's id or an instep_id.
    """
    from instep.mapping.load import load_workspace
    from instep.store import Store, require_state
    from instep.sync.conflicts import STATES, Wanted, count_conflicts, read_conflicts, read_questions

    with Store(require_state(load_workspace(workspace).store)) as store:
        wanted = Wanted(_entities(store, key), ("open",) if only_open else STATES, run)
        counts = count_conflicts(store, wanted)
        asked = read_questions(store) if key is None and run is None else []
        if csv_file is not None:
            _write_csv(store, read_conflicts(store, wanted), csv_file)
        shown = [conflict_json(store, kept) for kept in read_conflicts(store, wanted, limit)]
    total, waiting = sum(counts.values()), counts.get("open", 0)
    if as_json:
        questions = [question_json(one) for one in asked]
        print_json("conflicts", {"conflicts": shown, "total": total, "open": waiting, "questions": questions})
    else:
        click.echo(conflicts_text(shown, total, waiting, asked))
    raise click.exceptions.Exit(WAITS if waiting or asked else 0)


def _entities(store: Store, key: str | None) -> list[str] | None:
    from instep.sync.lookup import require_entity

    return None if key is None else [entity for entity, _ in require_entity(store, key)]


# --- for people and machines -----------------------------------------------------------------------------------


def conflict_json(store: Store, kept: Kept) -> dict[str, Any]:
    """One conflict, with every value as people read it."""
    from instep.sync.labels import label_of

    holds = kept.conflict.winner
    document: dict[str, Any] = {
        "id": kept.id,
        "state": kept.state,
        "entity": kept.entity,
        "known_as": label_of(store, kept.entity),
        "kind": kept.kind.value,
        "field": kept.conflict.field,
        "rule": kept.conflict.rule,
        "run": kept.run,
        "at": kept.at.isoformat(),
        "values": [
            {
                "value": _value_text(store, kept, voice),
                "record": voice.source,
                "at": voice.at.isoformat() if voice.at else None,
                "holds": voice is holds,
            }
            for voice in kept.conflict.voices
        ],
        "resolution": resolution_text(kept),
    }
    return document


def _value_text(store: Store, kept: Kept, voice: Voice) -> str:
    """A value as people read it: of a relation, what the other end is known by."""
    from instep.model.entities import RELATIONS
    from instep.model.values import display
    from instep.sync.labels import label_of

    if kept.conflict.field in RELATIONS[kept.kind] and voice.value is not None:
        return label_of(store, str(voice.value))
    return display(voice.value)


def resolution_text(kept: Kept) -> str | None:
    """How a conflict ended, in words; None while it has not."""
    from instep.model.conflict import voice_of
    from instep.model.values import display

    told = kept.resolution
    if told is None:
        return None
    if "settled" in told:
        return f"{told['settled']} (run {told['run']})"
    taken = voice_of(told["voice"])
    text = f"a person took {display(taken.value)} from {taken.source} at {moment(told['at'])}"
    if kept.pending:
        return f"{text}; the next run carries it out"
    return f"{text}; not done in run {told['run']}: {told['not_done']}" if told["not_done"] else f"{text}; done"


def question_json(asked: Asked) -> dict[str, Any]:
    return {
        "id": asked.id,
        "kind": asked.kind,
        "subject": asked.subject,
        "connection": asked.connection,
        "text": asked.text,
        "remedy": asked.remedy.replace("ID", asked.id),
        "run": asked.run,
    }


def conflicts_text(shown: Sequence[dict[str, Any]], total: int, waiting: int, asked: Sequence[Asked]) -> str:
    """Conflicts as people read them, with what to type to decide each one."""
    from instep.model.values import amount, plain

    lines: list[str] = []
    for one in shown:
        lines += _conflict_lines(one)
    if total > len(shown):
        lines.append(f"… and {total - len(shown):,} more (--limit, or --csv FILE for all)")
    for question in map(question_json, asked):
        lines += [f"{question['id']} {question['text']}", f"    {question['remedy']}"]
    waits = f"{waiting:,} of them {'waits' if waiting == 1 else 'wait'} for a person"
    end = f"{amount(total, 'conflict')}, {waits}; {amount(len(asked), 'question')} about who is who."
    return "\n".join([*map(plain, lines), *([""] if lines else []), end])


def _conflict_lines(one: dict[str, Any]) -> list[str]:
    where = f"{one['kind']} {one['known_as']}"
    where += f" ({one['entity']})" if one["known_as"] != one["entity"] else ""
    lines = [f"#{one['id']} {one['state']}: {one['field']} of {where}"]
    for said in one["values"]:
        at = f" at {moment(said['at'])}" if said["at"] else ""
        lines.append(f"    {'holds' if said['holds'] else 'said '} {brief(said['value'])}  {said['record']}{at}")
    lines.append(f"    because {one['rule']}, run {one['run']} at {moment(one['at'])}")
    if one["resolution"]:
        lines.append(f"    {one['resolution']}")
    if one["state"] == "open":
        lines.append(f"    To decide: instep conflicts resolve {one['id']} --take CONNECTION")
    return lines


def _write_csv(store: Store, found: Sequence[Kept], path: Path) -> None:
    from instep.cli.csvfile import csv_text

    headers = ("conflict", "state", "kind", "field", "known_as", "entity", "value", "record", "said_at", "holds")
    rows = [
        (*[one[name] for name in ("id", "state", "kind", "field", "known_as", "entity")], *_said(said), *_end(one))
        for one in (conflict_json(store, kept) for kept in found)
        for said in one["values"]
    ]
    text = csv_text((*headers, "rule", "run", "decided_at", "resolution"), rows)
    path.write_text(text, encoding="utf-8", newline="")


def _said(said: dict[str, Any]) -> tuple[Any, ...]:
    return said["value"], said["record"], said["at"], "yes" if said["holds"] else "no"


def _end(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["rule"], one["run"], one["at"], one["resolution"]


# --- deciding --------------------------------------------------------------------------------------------------


@conflicts.command()
@click.argument("id", required=False)
@click.option("--take", metavar="CONNECTION", help="What this connection said (or a record's ref, or the value).")
@click.option("--value", metavar="TEXT", help="Another value, of the field's type.")
@click.option("--field", "name", metavar="KIND.FIELD", help="Every open conflict of a field, such as person.phone.")
@click.option("--prefer", metavar="CONNECTION", help="With --field: whose values are taken.")
@click.option("--decided", is_flag=True, help="With --field: also conflicts that a rule decided.")
@click.option("--keep-apart", "apart", is_flag=True, help="Answer a question (q-…): these stay two.")
@workspace_option
@json_option
def resolve(
    *,
    id: str | None,
    take: str | None,
    value: str | None,
    name: str | None,
    prefer: str | None,
    decided: bool,
    apart: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Decide a conflict once (ID with --take or --value), or all of one field (--field with --prefer).

    Asks no system: the next plan shows what follows, and the next sync does it.
    """
    from instep.mapping.load import load_workspace
    from instep.sync import resolve as resolving
    from instep.sync.transport import World

    files = load_workspace(workspace)
    if name is not None and prefer is not None and id is None and take is None and value is None:
        done = resolving.resolve_field(files, World(), name, prefer, decided=decided)
    elif id is not None and apart and take is None and value is None:
        _tell_apart(id, resolving.keep_apart(files, World(), id), as_json)
        return
    elif id is not None and id.lstrip("#").isdigit() and (take is None) is not (value is None) and name is None:
        done = resolving.resolve_one(files, World(), int(id.lstrip("#")), take=take, value=value)
    else:
        raise click.UsageError("Give a conflict's number with --take or --value, or --field with --prefer.")
    if as_json:
        print_json("conflicts-resolve", resolved_json(done))
    else:
        click.echo(resolved_text(done))


def _tell_apart(id: str, text: str, as_json: bool) -> None:
    from instep.model.values import plain
    from instep.sync.resolve import Resolved

    if as_json:
        print_json("conflicts-resolve", {**resolved_json(Resolved(())), "kept_apart": {"id": id, "text": text}})
    else:
        click.echo(f"They stay two. It was asked: {plain(text)}")


def resolved_json(done: Resolved) -> dict[str, Any]:
    """What was decided, for machines."""
    from instep.model.values import display

    def taken(kept: Kept, voice: Voice) -> dict[str, Any]:
        return {"id": kept.id, "entity": kept.entity, "value": display(voice.value), "from": voice.source}

    return {
        "resolved": [taken(kept, voice) for kept, voice in done.taken],
        "left": [{"id": kept.id, "entity": kept.entity, "why": why} for kept, why in done.left],
        "line": done.line or None,
        "kept_apart": None,
    }


def resolved_text(done: Resolved) -> str:
    """What was decided, for people."""
    from instep.model.values import display, plain

    lines = [
        f"#{kept.id} {kept.name} of {kept.entity}: {display(voice.value)} from {voice.source}"
        for kept, voice in done.taken
    ]
    lines += [f"#{kept.id} {kept.name} of {kept.entity} was left as it is: {why}" for kept, why in done.left]
    lines.append(f"{len(done.taken):,} decided. To see what follows: instep plan")
    if done.line:
        lines += ["So that it holds from now on, write:", f"  {done.line}"]
    return "\n".join(map(plain, lines))
