"""The last word: what every system holds, read past Instep, against what Instep says and against each other."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from instep.demo.hands import Held
from instep.mapping.compiled import EntityMapping, Workspace
from instep.mapping.translate import Directory, Unheard, Untold, User, hear
from instep.model.entities import Kind
from instep.model.rules import Moment
from instep.model.rulewords import spelled
from instep.model.stagetable import StageTable
from instep.model.values import Scalar, decode, display, is_blank

Ref = tuple[str, str, str]
INSTEP = "instep"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not the same everywhere: what each says of it."""

    name: str
    what: str
    said: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name}: {self.what}: " + ", ".join(f"{who} says {value}" for who, value in self.said.items())


@dataclass(slots=True)
class Comparison:
    """What agreed, what did not, and what was left alone and reported."""

    agree: Counter[Kind] = field(default_factory=Counter)
    values: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    left_alone: Counter[str] = field(default_factory=Counter)
    by_file: Counter[str] = field(default_factory=Counter)
    """What is not shown somewhere because the system's own file says so."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What Instep says of one entity."""

    kind: Kind
    values: Mapping[str, Scalar]
    stage: str | None
    outcome: str | None
    opted_out: bool
    relations: Mapping[str, frozenset[str]]


def compare(workspace: Workspace, held: Mapping[str, Iterable[Held]]) -> Comparison:
    """Compare all records of all connections, entity by entity."""
    with closing(sqlite3.connect(f"file:{workspace.store}?mode=ro", uri=True)) as store:
        truths = _truths(store)
        entity_of: dict[Ref, str] = {tuple(row[:3]): row[3] for row in store.execute(_LINKS)}
        directories = {name: Directory(name, workspace.team, *users_of(store, name)) for name in held}
    result = Comparison()
    records: dict[str, dict[tuple[str, str], Held]] = {entity: {} for entity in truths}
    for connection, found in held.items():
        for one in found:
            entity, place = entity_of.get((connection, one.object, one.id)), (connection, one.object)
            if entity is None or place in records[entity]:
                text = "belongs to nobody" if entity is None else f"is a second record of {entity}"
                ref = f"{connection}/{one.object}/{one.id}"
                result.mismatches.append(Mismatch(ref, "record", {connection: text}))
            else:
                records[entity][place] = one
    for entity, truth in truths.items():
        look = _Look(workspace, directories, entity_of, entity, truth, result)
        look.at(records[entity], tuple(held))
    return result


@dataclass(slots=True)
class _Look:
    """A look at one entity."""

    workspace: Workspace
    directories: Mapping[str, Directory]
    entity_of: Mapping[Ref, str]
    entity: str
    truth: Truth
    result: Comparison

    def at(self, records: Mapping[tuple[str, str], Held], connections: tuple[str, ...]) -> None:
        """Compare every record of the entity; a system may show a person as a lead and as a contact."""
        before = len(self.result.mismatches)
        said: dict[str, dict[str, Scalar]] = {}
        for connection in connections:
            here = [held for place, held in records.items() if place[0] == connection]
            for held in here:
                who = connection if len(here) == 1 else f"{connection} {held.object}"
                for what, value in self._heard(connection, held).items():
                    said.setdefault(what, {})[who] = value
            if not here:
                self._missing(connection)
        for what, values in said.items():
            self._judge(what, {INSTEP: self._truth(what), **values})
        if len(self.result.mismatches) == before:
            self.result.agree[self.truth.kind] += 1

    def _missing(self, connection: str) -> None:
        """A system need not have what it does not know, or what its file says is not created there."""
        mapping = self.workspace.mappings[connection].entities.get(self.truth.kind)
        if mapping is None:
            return
        facts = {name: self.truth.values.get(name) for name in mapping.create.fields()}
        if mapping.create.value(facts, Moment(datetime.now(UTC))):
            self._differ("record", {connection: "nothing"})
        else:
            self.result.by_file[f"{connection}: {self.truth.kind} create = {spelled(mapping.create)}"] += 1

    def _judge(self, what: str, said: Mapping[str, Scalar]) -> None:
        alone = [who for who, value in said.items() if isinstance(value, _LeftAlone)]
        for who in alone:
            counts = self.result.by_file if isinstance(said[who], _ByFile) else self.result.left_alone
            counts[str(said[who])] += 1
        spoken = {who: None if is_blank(value) else value for who, value in said.items() if who not in alone}
        self.result.values += len(spoken) - 1
        first = spoken[INSTEP]
        if any(value != first for value in spoken.values()):
            self._differ(what, {who: display(value) for who, value in spoken.items()})

    def _differ(self, what: str, said: Mapping[str, str]) -> None:
        self.result.mismatches.append(Mismatch(f"{self.truth.kind} {self._name()}", what, said))

    def _name(self) -> str:
        values = self.truth.values
        return display(next((v for key in ("email", "domain", "reference") if (v := values.get(key))), self.entity))

    def _truth(self, what: str) -> Scalar:
        match what:
            case "stage":
                return self.truth.outcome or self.truth.stage
            case "instep_stage":
                return self.truth.stage
            case "instep_id":
                return self.entity
            case "opted out":
                return self.truth.opted_out
        if what in self.truth.relations or what.startswith("@"):
            return tuple(sorted(self.truth.relations.get(what.removeprefix("@"), ())))
        return self.truth.values.get(what)

    # --- what one record says ------------------------------------------------------------------------------------

    def _heard(self, connection: str, held: Held) -> dict[str, Scalar]:
        """Everything that a record says, in canonical words."""
        mapping = self.workspace.mappings[connection].objects[held.object]
        fields: dict[str, Scalar] = dict(held.fields)
        one_of_several = len(mapping.objects) > 1
        shown = [m.name for m in mapping.fields if m.field in fields or not one_of_several]
        heard = {name: self._field(connection, mapping, name, fields) for name in shown}
        if (id := held.fields.get(mapping.instep_id or "")) is not None:
            heard["instep_id"] = id
        table = table_of(mapping, fields)
        if table is not None and table.field in fields:
            heard["stage"] = self._stage(connection, table, fields.get(table.field))
        if self.truth.kind is Kind.PERSON:
            heard["opted out"] = held.opted_out
        for relation in mapping.relations:
            if relation.object not in held.related:
                continue  # a lead has no company of its own
            ends = (self.entity_of.get((connection, relation.object, id)) for id in held.related[relation.object])
            heard[f"@{relation.name}"] = tuple(sorted(end or "nobody" for end in ends))
        return heard

    def _field(self, connection: str, mapping: EntityMapping, name: str, fields: dict[str, Scalar]) -> Scalar:
        mapped = mapping.mapped(name)
        if mapped is None or mapped.field not in fields:
            return None
        directory = self.directories[connection]
        value = hear(mapped, fields, directory)
        if isinstance(value, Unheard):
            return _LeftAlone(f'{connection}: {name} "{value.raw}" is not in the table of values')
        owner = self.workspace.team.owner(str(self.truth.values.get("owner"))) if name == "owner" else None
        if owner is not None and not owner.active and is_blank(value):
            return _LeftAlone(f"{connection}: {owner.name} has left and cannot be given anything")
        if owner is not None and value != owner.key and isinstance(directory.user_for(owner.key), Untold):
            return _LeftAlone(f"{connection}: {owner.name} has no user there")
        if name == "score" and is_blank(value) and not self.truth.values.get("score"):
            return self.truth.values.get("score")
        return value

    def _stage(self, connection: str, table: StageTable, raw: Scalar) -> Scalar:
        """A coarse value agrees with the exact stage if the stage is spelled like that there."""
        if is_blank(raw):
            stage = self.truth.stage
            is_shown = stage is None or table.put(stage, self.workspace.process) is not None
            return None if is_shown else _ByFile(f"{connection}: {self.truth.kind} stages have no word for {stage}")
        outcome = table.outcome(str(raw))
        if outcome is not None:
            return outcome.value
        return table.get(str(raw), self.truth.stage, self.workspace.process) or f"{raw} (unknown)"


class _LeftAlone(str):
    """Why a value is not as Instep would have it: a run has said so."""

    __slots__ = ()


class _ByFile(_LeftAlone):
    """Why a system does not show a value: its file says so."""

    __slots__ = ()


def table_of(mapping: EntityMapping, fields: Mapping[str, Scalar]) -> StageTable | None:
    """The words for stages that a record with these fields goes by."""
    for table in mapping.pipelines:
        if table.pipeline_field is not None and fields.get(table.pipeline_field) == table.pipeline:
            return table
    return mapping.stages


# --- what instep says --------------------------------------------------------------------------------------------

_LINKS = "SELECT connection, object, id, entity FROM mirror WHERE state = 'live' AND entity IS NOT NULL"
_ENTITIES = """
SELECT e.id, e.kind, e.fields, e.consent, e.score, j.outcome
FROM entity e LEFT JOIN journey j ON j.id = e.id AND e.kind = 'opportunity'
"""


def _truths(store: sqlite3.Connection) -> dict[str, Truth]:
    relations: dict[str, dict[str, set[str]]] = {}
    for entity, name, to in store.execute("SELECT entity, name, to_entity FROM relation"):
        relations.setdefault(entity, {}).setdefault(name, set()).add(to)
    truths = {}
    for id, kind, fields, consent, score, outcome in store.execute(_ENTITIES):
        kept = json.loads(score) if score else {}
        values = {**decode(fields or b"{}"), "score": kept.get("published")}
        said = [state for scope, state, *_ in json.loads(consent or b"[]") if scope == "all"]
        ends = {name: frozenset(to) for name, to in relations.get(id, {}).items()}
        truths[id] = Truth(Kind(kind), values, kept.get("stage"), outcome, "out" in said, ends)
    return truths


def users_of(store: sqlite3.Connection, connection: str) -> tuple[tuple[User, ...] | None, str]:
    """The users of a system as the last run knew them, and which of them is the login."""
    row = store.execute("SELECT catalogue FROM connection WHERE name = ?", (connection,)).fetchone()
    catalogue = json.loads(row[0]) if row and row[0] else {"users": None}
    users = catalogue["users"]
    login = str(catalogue.get("login", ""))
    return None if users is None else tuple(User(*user) for user in users), login
