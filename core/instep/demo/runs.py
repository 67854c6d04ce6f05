"""What a run's changes come to in a few lines, and what people call the entities that they are about."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instep.demo.scene import Scene
from instep.mapping.compiled import Workspace
from instep.model.values import Scalar, decode, display

if TYPE_CHECKING:
    from instep.sync.changes import Change, Value

NAMING = ("email", "reference", "domain", "name", "last_name")
VERBS = {
    "create": "create",
    "update": "update",
    "relate": "associate",
    "unrelate": "part",
    "opt_out": "opt out",
    "opt_out_new": "opt out",
    "opt_in": "opt in",
}
_MOVED = (
    "SELECT connection, entity, before, after, reason FROM journal JOIN run ON run.id = journal.run "
    "WHERE run.command = 'provision' AND journal.state = 'confirmed' ORDER BY seq"
)
_SAMPLED = ("consent", "stage", "title", "name", "owner")


@dataclass(frozen=True, slots=True)
class Moved:
    """A record that left a stage before that was retired, as the journal has it."""

    connection: str
    name: str
    field: str
    before: str
    after: str
    why: str


def moved(workspace: Workspace) -> list[Moved]:
    """Every record that was moved so, in the order of the journal."""
    with closing(_open(workspace)) as store:
        rows = store.execute(_MOVED).fetchall()
    known = names(workspace, {row[1] for row in rows})
    found = []
    for connection, entity, before, after, reason in rows:
        ((field, held),) = decode(before).items()
        why = json.loads(reason)["why"][field]
        name = known.get(entity, entity)
        found.append(Moved(connection, name, field, display(held), display(decode(after)[field]), why))
    return found


def sums(changes: Sequence[Change]) -> list[str]:
    """How much of what, one line for each system and object."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for change in changes:
        counts.setdefault((change.connection, change.object), Counter())[VERBS[change.action]] += 1
    return [
        f"{connection:<10} {object:<14} " + ", ".join(f"{verb} {count:,}" for verb, count in found.items())
        for (connection, object), found in sorted(counts.items())
    ]


def samples(changes: Sequence[Change]) -> list[tuple[Change, Value]]:
    """One change of each field that reads well, with a value before wherever there is one."""
    found: dict[str, tuple[Change, Value]] = {}
    for change in changes:
        for value in change.values if change.action in ("update", "opt_out") else ():
            readable = value.name != "owner" or not str(value.after).isdigit()
            if value.name in _SAMPLED and readable:
                found.setdefault(value.name, (change, value))
    return [found[name] for name in _SAMPLED if name in found]


def by_entity(changes: Sequence[Change]) -> dict[str, tuple[list[Change], list[Value]]]:
    """Changes by whom they are about, each canonical field once: as the first system that is told spells it."""
    grouped: dict[str, list[Change]] = {}
    for change in changes:
        grouped.setdefault(change.entity, []).append(change)
    found = {}
    for entity, group in grouped.items():
        values: dict[str, Value] = {}
        for value in (value for change in group for value in change.values):
            values.setdefault(value.name, value)
        if "stage" in values:
            values.pop("instep_stage", None)
        found[entity] = (group, [values[name] for name in sorted(values)])
    return found


def without_fading(changes: Sequence[Change]) -> tuple[int, list[Change]]:
    """How many scores only fell because time passed, and every other change."""
    fading = {change.entity for change in changes}
    fading -= {c.entity for c in changes if len(c.values) != 1 or not _fades(c.values[0])}
    return len(fading), [change for change in changes if change.entity not in fading]


def _fades(value: Value) -> bool:
    return value.name == "score" and float(str(value.after)) < float(str(value.before or 0))


def words(workspace: Workspace, change: Change, value: Value) -> str:
    """One value of a change; an owner by name, whatever the system calls them."""
    if value.name == "owner":
        return f"owner → {owner_of(workspace, change.entity)}"
    return f"{value.name}: {' → '.join(value.shown)}"


def named(workspace: Workspace, change: Change) -> str:
    """What people call the record that a change is about, before anything was decided."""
    mapping = workspace.mappings[change.connection].objects[change.object]
    with closing(_open(workspace)) as store:
        row = store.execute(
            "SELECT fields FROM mirror WHERE connection = ? AND object = ? AND id = ?",
            (change.connection, change.object, change.record),
        ).fetchone()
    fields = decode(row[0]) if row else {}
    held = {m.name: fields.get(m.field) for m in mapping.fields}
    return _name(held, change.entity)


def names(workspace: Workspace, ids: set[str]) -> dict[str, str]:
    """What people call these entities."""
    return {id: _name(fields, id) for id, fields in _every(workspace).items() if id in ids}


def entities(workspace: Workspace) -> set[str]:
    """Every entity that is known."""
    return set(_every(workspace))


def owner_of(workspace: Workspace, key: str) -> str:
    """The name of the colleague who owns an entity, by its id or by what people call it."""
    for id, fields in _every(workspace).items():
        if key in (id, _name(fields, id)):
            owner = workspace.team.owner(str(fields.get("owner")))
            return owner.name if owner else "nobody"
    return "nobody"


def account_managers(scene: Scene) -> set[str]:
    """The names of those who keep customers."""
    return {colleague.name for colleague in scene.colleagues if colleague.job == "service"}


def _every(workspace: Workspace) -> dict[str, dict[str, Scalar]]:
    with closing(_open(workspace)) as store:
        return {id: decode(fields or b"{}") for id, fields in store.execute("SELECT id, fields FROM entity")}


def _open(workspace: Workspace) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{workspace.store}?mode=ro", uri=True)


def _name(fields: dict[str, Scalar], otherwise: str) -> str:
    return display(next((value for name in NAMING if (value := fields.get(name))), otherwise))
