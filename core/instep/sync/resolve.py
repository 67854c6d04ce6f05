"""Resolve: a person decides a conflict, or all of one field. Asks no system; the next run carries it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from instep.errors import ConfigError
from instep.mapping.compiled import FieldMapping, Workspace
from instep.mapping.translate import Directory, Unheard, hear
from instep.model.conflict import voice_row
from instep.model.entities import RELATIONS, FieldType, Kind
from instep.model.merging import Voice
from instep.model.values import Scalar, display
from instep.store import Store, require_state
from instep.sync.conflicts import Kept, Wanted, current_value, question_id, read_conflicts
from instep.sync.run import close, running
from instep.sync.session import Session, require_connection
from instep.sync.transport import World

A_PERSON = "a person"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was decided, what could not be, and the line that makes it hold from now on."""

    taken: tuple[tuple[Kept, Voice], ...]
    left: tuple[tuple[Kept, str], ...] = ()
    line: str = ""


Choose = Callable[[Kept], Voice]


def resolve_one(
    workspace: Workspace, world: World, id: int, *, take: str | None = None, value: str | None = None
) -> Resolved:
    """Decide one conflict: take what a connection (or a record) said, or another value of the field's type.

    Raises `ConfigError` where there is no such conflict, nobody said that, or it cannot be decided here.
    """
    with _resolving(workspace, world) as session:
        found = read_conflicts(session.store, Wanted(id=id))
        if not found:
            raise ConfigError(f"There is no conflict {id}. See: instep conflicts")
        kept = found[0]
        voice = said_by(kept, take) if take is not None else own_value(workspace, kept, str(value), session.at)
        if (wrong := objection(workspace, session.store, kept, voice)) is not None:
            raise ConfigError(f"Conflict {id} was not decided: {wrong}")
        _keep(session, [(kept, voice)], "once")
        close(session, "done", {"resolved": [id]})
    return Resolved(((kept, voice),))


def resolve_field(
    workspace: Workspace, world: World, name: str, connection: str, *, decided: bool = False
) -> Resolved:
    """Decide every open conflict (with `decided`, also those that a rule decided) of one field for one connection."""
    kind, field = _field(workspace, name)
    require_connection(workspace, connection)
    with _resolving(workspace, world) as session:
        wanted = Wanted(states=("open", "decided") if decided else ("open",), kind=kind, field=field)
        taken: list[tuple[Kept, Voice]] = []
        left: list[tuple[Kept, str]] = []
        for kept in read_conflicts(session.store, wanted):
            voice = next((v for v in kept.conflict.voices if v.connection == connection), None)
            wrong = (
                f"{connection} said nothing" if voice is None else objection(workspace, session.store, kept, voice)
            )
            if voice is None or wrong is not None:
                left.append((kept, str(wrong)))
            elif kept.state == "open" or voice != kept.conflict.winner:
                taken.append((kept, voice))
        _keep(session, taken, "rule")
        close(session, "done", {"resolved": [kept.id for kept, _ in taken]})
    return Resolved(tuple(taken), tuple(left), line_to_write(workspace, kind, field, connection, taken))


def keep_apart(workspace: Workspace, world: World, id: str) -> str:
    """Answer "merge these too?" with no: the entities stay as they are, and the question is over."""
    with _resolving(workspace, world) as session:
        rows = session.store.rows("SELECT kind, subject, connection, text FROM question")
        found = next((row for row in rows if question_id(*row[:3]) == id), None)
        if found is None:
            raise ConfigError(f'There is no question "{id}". See: instep conflicts')
        if found[0] != "merge-too":
            raise ConfigError(f"{id} is answered in the system: give one of the records another key, or delete one.")
        with session.store.transaction("keep apart"):
            session.store.run("DELETE FROM question WHERE kind = ? AND subject = ? AND connection = ?", found[:3])
            session.store.bump("serial")
        close(session, "done", {"kept_apart": found[1]})
    return str(found[3])


# --- what may be decided ---------------------------------------------------------------------------------------


def said_by(kept: Kept, take: str) -> Voice:
    """The one value that a connection or record said, or that reads so. Raises `ConfigError` if it is not one."""
    voices = kept.conflict.voices
    found = [v for v in voices if take in (v.connection, v.source)] or [v for v in voices if display(v.value) == take]
    if len({voice.value for voice in found}) == 1:
        return found[0]
    said = "; ".join(f"{voice.source} says {display(voice.value)}" for voice in voices)
    if found:
        raise ConfigError(
            f'"{take}" says several things in conflict {kept.id}. Name the record, or write the value: {said}.'
        )
    raise ConfigError(f'Nobody called "{take}" is part of conflict {kept.id}: {said}.')


def own_value(workspace: Workspace, kept: Kept, text: str, at: datetime) -> Voice:
    """A value that nobody said, as the field's type has it. Raises `ConfigError` where it is none of that type."""
    kind, field = kept.kind, kept.conflict.field
    if field == "stage" or field in RELATIONS[kind]:
        raise ConfigError(f"For a {field}, take what one of the records says: --take CONNECTION.")
    type = workspace.types.get((kind, field))
    if type is None:
        raise ConfigError(f"{kept.name} is mapped nowhere any more, so it cannot be decided.")
    heard = hear(
        FieldMapping(field, type, "value", currency_field="currency"),
        _raw(type, text),
        Directory("", workspace.team, None),
    )
    if isinstance(heard, Unheard):
        raise ConfigError(f'"{text}" {heard.why}, and {kept.name} is of type {type}.')
    if type is FieldType.OWNER and heard is not None and workspace.team.owner(str(heard)) is None:
        raise ConfigError(f'mappings/team.toml has no person "{text}".')
    known = _choices(workspace, kind, field)
    if known and not set(heard if isinstance(heard, tuple) else [heard]) <= {*known, None}:
        raise ConfigError(f'"{text}" is no value of {kept.name}. It has: {", ".join(sorted(known))}.')
    return Voice(A_PERSON, "", heard, True, False, at)


def _raw(type: FieldType, text: str) -> dict[str, Scalar]:
    if type is FieldType.MONEY:
        amount, _, currency = text.strip().partition(" ")
        return {"value": amount, "currency": currency or None}
    if type is FieldType.CHOICES:
        return {"value": tuple(part.strip() for part in text.split(";") if part.strip())}
    return {"value": text, "currency": None}


def _choices(workspace: Workspace, kind: Kind, field: str) -> set[str]:
    """The canonical values of a choice, where files list them."""
    mapped = (m.entities[kind].mapped(field) for m in workspace.mappings.values() if kind in m.entities)
    return {value for mapping in mapped if mapping is not None for value in mapping.values}


def objection(workspace: Workspace, store: Store, kept: Kept, voice: Voice) -> str | None:
    """Why a conflict cannot be decided so; None where it can."""
    kind, field, conflict = kept.kind, kept.conflict.field, kept.conflict
    if kept.state == "resolved" and not kept.pending:
        told = kept.resolution or {}
        return f"it is settled ({told.get('settled') or 'a person decided it'})."
    every = read_conflicts(store, Wanted(entities=[kept.entity], field=field))
    later = [other.id for other in every if other.id > kept.id]
    if later:
        return f"it came up again since, as conflict {max(later)}."
    if field == "stage":
        wrong = _stage_objection(workspace, kept, voice)
    else:
        wrong = _law_objection(workspace, kind, field, voice)
    holds = current_value(store, kept.entity, field, conflict.journey)
    if wrong is None and conflict.winner is not None and holds != conflict.winner.value:
        return f"{kept.name} has changed since, and is {display(holds)} now."
    return wrong


def _law_objection(workspace: Workspace, kind: Kind, field: str, voice: Voice) -> str | None:
    law = workspace.law(kind, field)
    if law.authority is not None:
        return f"{law.authority} is its authority. Change it there, or take the authority out of the mapping."
    if law.law == "most_restrictive" and voice.value is not True:
        return "its law is most_restrictive, which no decision here loosens. Change it in the systems that say so."
    return None


def _stage_objection(workspace: Workspace, kept: Kept, voice: Voice) -> str | None:
    conflict, process = kept.conflict, workspace.process
    if conflict.winner is not None and voice.value == conflict.winner.value:
        return "that stage holds already." if kept.state == "decided" else None
    values = (voice.value, *(v.value for v in conflict.voices if v == conflict.winner))
    if any(not process.has_stage(str(value)) for value in values if value is not None):
        return "an outcome is set and cleared by the opportunity's own records only."
    if kept.kind is not Kind.OPPORTUNITY and conflict.rule.startswith("an opportunity moves only"):
        return "an opportunity moves only by its own records. Change its stage there."
    return None


# --- keeping it ------------------------------------------------------------------------------------------------


@contextmanager
def _resolving(workspace: Workspace, world: World) -> Iterator[Session]:
    require_state(workspace.store)
    with running(workspace, world, "resolve") as session:
        yield session


def _keep(session: Session, taken: Sequence[tuple[Kept, Voice]], how: str) -> None:
    at = session.at.isoformat()
    rows = [
        (json.dumps({"voice": voice_row(voice), "at": at, "how": how, "said_in": session.run}).encode(), kept.id)
        for kept, voice in taken
    ]
    with session.store.transaction("resolve"):
        session.store.bulk("UPDATE conflict SET state = 'resolved', pending = 1, resolution = ? WHERE id = ?", rows)
        session.store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", [(kept.entity,) for kept, _ in taken])
        session.store.bump("serial")


def line_to_write(
    workspace: Workspace, kind: Kind, field: str, connection: str, taken: Sequence[tuple[Kept, Voice]]
) -> str:
    """What to write in the mapping so that a connection is preferred from now on."""
    mapping = workspace.mappings[connection].entities.get(kind)
    place = f"mappings/{connection}.toml"
    if field in RELATIONS[kind]:
        return f"sync.toml: put [connections.{connection}] first; a {field} goes by the order of the connections."
    if field == "stage":
        roles = {role for _, voice in taken if (role := _role(workspace, voice.value))}
        speaks = sorted({str(role) for role in (mapping.speaks_for if mapping else ())} | roles)
        listed = ", ".join(f'"{role}"' for role in speaks)
        return f"{place}, [{kind}]: speaks_for = [{listed}]"
    law = workspace.law(kind, field)
    prefer = ", ".join(f'"{name}"' for name in (connection, *(n for n in law.prefer if n != connection)))
    mapped = mapping.mapped(field) if mapping else None
    column = mapped.field if mapped else field
    instead = f' instead of law = "{law.law}"' if law.law != "prefer" else ""
    return f'{place}, [{kind}.fields]: {field} = {{ field = "{column}", prefer = [{prefer}] }}{instead}'


def _role(workspace: Workspace, stage: Scalar) -> str | None:
    process = workspace.process
    if not process.has_stage(str(stage)):
        return None
    role = process.stage(str(stage)).role
    return str(role) if role else None


def _field(workspace: Workspace, name: str) -> tuple[Kind, str]:
    kind, _, field = name.partition(".")
    if field == "consent":
        raise ConfigError(
            "Consent is decided by nobody but the person it is of: record an opt-in where they gave it."
        )
    if kind not in set(Kind) or not field:
        raise ConfigError(f'"{name}" is no field. Write it as person.phone, company.name or opportunity.stage.')
    known = {n for of, n in workspace.types if of == kind} | set(RELATIONS[Kind(kind)]) | {"stage"}
    if field not in known:
        raise ConfigError(f'No mapping has a field "{name}". There are: {", ".join(sorted(known))}.')
    return Kind(kind), field
