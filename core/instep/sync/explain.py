"""Explain: for any field of any entity, the value, the reason, the evidence, who lost, and what each system holds.

The same as of any past run: what was decided then, and what was written to each system by then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from instep.errors import ConfigError
from instep.mapping.compiled import EntityMapping, Workspace
from instep.model.entities import RELATIONS, Kind
from instep.model.values import Scalar, decode, display, pack, unpack
from instep.store import Store, require_state
from instep.sync.ledger import Ref, target
from instep.sync.lookup import require_entity
from instep.sync.past import decided_by, last_run
from instep.sync.scores import SCORES
from instep.sync.scorestory import Scored, explain_score
from instep.sync.session import utc
from instep.sync.stages import table_for
from instep.sync.stagestory import AsOf, explain_stage

_MOST_WRITES = 50
_STAGES = ("stage", "instep_stage")
"""One stage, as a system spells it and as Instep does: a system that knows no stages is told the second alone."""
_FLAGS = ("optout", "optedout", "unsubscribed")
"""What is in the names of fields in which systems keep consent by themselves."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a record holds in the field that expresses a canonical one; as of a past run, what was written there."""

    ref: Ref
    field: str
    value: Scalar
    state: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything there is to say about one field of one entity."""

    entity: str
    kind: Kind
    name: str
    value: Scalar
    reason: dict[str, Any]
    held: tuple[Held, ...]
    history: tuple[dict[str, Any], ...] = ()
    writes: tuple[dict[str, Any], ...] = ()
    law: str = ""
    """How several systems' values become one."""
    run: int | None = None
    """As of which run, if not as of now."""
    at: datetime | None = None
    """As of which instant, where one was asked for."""
    extra: dict[str, Any] = field(default_factory=dict)
    kept_away: tuple[dict[str, Any], ...] = ()
    """Connections in which no record is made again, since when and why, and what allows it."""

    def as_json(self) -> dict[str, Any]:
        return {
            "entity": self.entity,
            "kind": self.kind.value,
            "field": self.name,
            "as_of_run": self.run,
            "as_of": self.at.isoformat() if self.at is not None else None,
            "value": display(self.value),
            "law": self.law,
            "reason": _reason_json(self.reason),
            "held": [
                {"record": str(h.ref), "field": h.field, "value": display(h.value), "state": h.state}
                for h in self.held
            ],
            "history": list(self.history),
            "writes": list(self.writes),
            "kept_away": list(self.kept_away),
            "journey": self.extra.get("journey"),
            "steps": self.extra.get("steps", []),
            "other_journeys": self.extra.get("journeys", []),
            "overrides": self.extra.get("overrides", []),
            "score": self.extra.get("score"),
        }


def _reason_json(reason: Mapping[str, Any]) -> dict[str, Any]:
    """Why, with the same keys whatever the field is."""
    document = {name: reason.get(name) for name in ("rule", "source", "at", "run", "owner_role")}
    lost = [
        {"value": told["value"], "source": told["source"], "why": told.get("why")} for told in reason.get("lost", [])
    ]
    return {**document, "lost": lost}


def explain(
    workspace: Workspace, key: str, name: str | None, *, run: int | None = None, at: datetime | None = None
) -> list[Explanation]:
    """Explain one field, or every field, of everything that `key` names; as of a past `run` or instant if given.

    Raises `ConfigError` where the key, the field or the run is unknown, or no run had begun by then.
    """
    with Store(require_state(workspace.store)) as store:
        if run is not None and store.row("SELECT 1 FROM run WHERE id = ?", (run,)) is None:
            raise ConfigError(f"There is no run {run}. See: instep runs")
        if at is not None:
            run = last_run(store, at)
        found = require_entity(store, key)
        return [
            replace(
                _explain(Asked(store, workspace, entity, kind, each, run, at)), kept_away=_kept_away(store, entity)
            )
            for entity, kind in found
            for each in ([name] if name else _names(workspace, kind))
        ]


def _kept_away(store: Store, entity: str) -> tuple[dict[str, Any], ...]:
    rows = store.rows("SELECT connection, at, reason FROM tombstone WHERE entity = ? ORDER BY connection", (entity,))
    return tuple(
        {"connection": name, "since": at, "reason": why, "remedy": f"instep allow {entity} {name}"}
        for name, at, why in rows
    )


def _names(workspace: Workspace, kind: Kind) -> list[str]:
    names = [name for of, name in workspace.types if of is kind]
    others = {Kind.PERSON: ["score", "consent"], Kind.COMPANY: ["score"] if _scores_companies(workspace) else []}
    return [*dict.fromkeys(["stage", *names, *RELATIONS[kind], *others.get(kind, [])])]


def _scores_companies(workspace: Workspace) -> bool:
    return any((Kind.COMPANY, name) in workspace.types for name in SCORES)


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of one entity, as of now or of a past run."""

    store: Store
    workspace: Workspace
    entity: str
    kind: Kind
    name: str
    run: int | None
    at: datetime | None = None

    @property
    def as_of(self) -> AsOf:
        """When the question is asked of; what was found later of a past instant counts for that instant."""
        return AsOf(at=self.at) if self.at is not None else AsOf(self.run)

    def says(self, value: Scalar, reason: dict[str, Any], **more: Any) -> Explanation:
        """The explanation, with what each system holds and what was written."""
        return Explanation(
            self.entity,
            self.kind,
            self.name,
            value,
            reason,
            _held(self),
            writes=_writes(self),
            law=_law(self),
            run=self.run,
            at=self.at,
            **more,
        )


def _explain(asked: Asked) -> Explanation:
    known = [*_names(asked.workspace, asked.kind), "score", "consent", "instep_stage"]
    if asked.name not in known:
        has = ", ".join(_names(asked.workspace, asked.kind))
        raise ConfigError(f"A {asked.kind} has no field {asked.name!r} here. It has: {has}.")
    row = asked.store.row("SELECT fields, reasons, consent, score FROM entity WHERE id = ?", (asked.entity,))
    if row is None:
        raise ConfigError(f"{asked.entity} is not known.")
    if asked.name in ("stage", "instep_stage"):
        stage = explain_stage(asked.store, asked.workspace, asked.entity, asked.as_of)
        return asked.says(stage.value, stage.reason, history=stage.history, extra=stage.extra)
    reasons = json.loads(row[1]) if row[1] else {}
    field = (asked.entity, asked.name)
    value, reason = decided_by(asked.store, field, asked.run, _value_now(asked, row), reasons.get(asked.name, {}))
    reason |= _waits(asked)
    reason["lost"] = [{**loser, "value": display(unpack(loser["value"]))} for loser in reason.get("lost", [])]
    match asked.name:
        case "score":
            story = explain_score(
                Scored(asked.store, asked.workspace, asked.entity, asked.kind, asked.as_of, asked.run)
            )
            if story is None:
                reason = {"rule": "nobody is scored: mappings/scoring.toml gives no points", **reason}
            return asked.says(unpack(value), reason, extra={"score": story.as_json() if story is not None else None})
        case "consent":
            return asked.says(*_consent(value or [], reason))
        case name if name in RELATIONS[asked.kind]:
            return asked.says(tuple(value or ()), reason)
    return asked.says(unpack(value), reason)


def _waits(asked: Asked) -> dict[str, Any]:
    """That a person has to decide the field, where one has to; the value is what it was before."""
    row = asked.store.row(
        "SELECT id FROM conflict WHERE entity = ? AND field = ? AND state = 'open' ORDER BY id DESC",
        (asked.entity, asked.name),
    )
    if row is None or asked.run is not None:
        return {}
    return {
        "rule": f"it waits for a person: conflict {row[0]}, see instep conflicts --open",
        "source": None,
        "at": None,
    }


def _value_now(asked: Asked, row: tuple[Any, ...]) -> Any:
    """A value as JSON has it."""
    match asked.name:
        case "score":
            return json.loads(row[3]).get("published") if row[3] else None
        case "consent":
            return json.loads(row[2]) if row[2] else []
        case name if name in RELATIONS[asked.kind]:
            ends = (asked.entity, name)
            found = asked.store.rows("SELECT to_entity FROM relation WHERE entity = ? AND name = ? ORDER BY 1", ends)
            return [end for (end,) in found]
    return pack(decode(row[0]).get(asked.name))


def _consent(standings: list[list[str]], reason: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    said = "; ".join(f"{scope}: {state} since {at} ({source})" for scope, state, at, source in standings)
    rule = "an opt-out holds until a later opt-in with source and time, not until a flag turns false"
    is_out = any(state == "out" for _, state, _, _ in standings)
    return said or "nothing was said", {**reason, "rule": rule} if is_out else {}


def _law(asked: Asked) -> str:
    """How several systems' values of a field become one, as the files have it."""
    match asked.name:
        case "stage" | "instep_stage":
            return "evidence raises a stage; an edit counts from the system that speaks for its role"
        case "consent":
            return "an opt-out anywhere holds everywhere"
        case "score":
            return "computed from behaviours and fit, published when it crosses a band or a cut"
    if asked.name in RELATIONS[asked.kind]:
        return "merged per element" if RELATIONS[asked.kind][asked.name][1] else _ordered(asked.workspace, ())
    law = asked.workspace.law(asked.kind, asked.name)
    if law.authority is not None:
        return f"{law.authority} alone decides"
    return _ordered(asked.workspace, law.prefer) if law.law == "prefer" else law.law.replace("_", " ")


def _ordered(workspace: Workspace, prefer: Sequence[str]) -> str:
    return "of several changes, prefer " + ", then ".join(prefer or workspace.connection_names)


# --- systems ---------------------------------------------------------------------------------------------------


def _held(asked: Asked) -> tuple[Held, ...]:
    found: list[Held] = []
    for connection, object, id, fields, state in asked.store.rows(
        "SELECT connection, object, id, fields, state FROM mirror WHERE entity = ? ORDER BY connection, object, id",
        (asked.entity,),
    ):
        mapping = asked.workspace.entity_mapping(connection, object)
        if mapping is None:
            continue
        ref, values = Ref(connection, object, id), decode(fields)
        names = _field_names(mapping, values, asked.name)
        if asked.run is None:
            found += [Held(ref, name, values.get(name), state) for name in names]
        else:
            written = _written_by(asked.store, ref, asked.run)
            found += [Held(ref, name, written[name], "written by then") for name in names if name in written]
    return tuple(found)


def _written_by(store: Store, ref: Ref, run: int) -> dict[str, Scalar]:
    """What Instep had written to a record by the end of a run; what colleagues wrote is not kept that long."""
    written: dict[str, Scalar] = {}
    for (after,) in store.rows(
        "SELECT after FROM journal WHERE connection = ? AND object = ? AND record = ? AND run <= ? "
        "AND state = 'confirmed' ORDER BY seq",
        (*ref, run),
    ):
        written |= decode(after)
    return written


def _field_names(mapping: EntityMapping, values: dict[str, Scalar], name: str) -> Sequence[str]:
    if name in _STAGES:
        table = table_for(mapping, values)
        exact = mapping.mapped("instep_stage")
        return [*([table.field] if table else []), *([exact.field] if exact else [])]
    if name == "consent":
        own = mapping.consent.field if mapping.consent is not None else None
        return [n for n in values if n == own or any(word in n.casefold() for word in _FLAGS)]
    mapped = mapping.mapped(name)
    return [column for column in (mapped.field, mapped.currency_field) if column] if mapped else []


def _writes(asked: Asked) -> tuple[dict[str, Any], ...]:
    """The latest writes that were about the field, the newest first, each with what it wrote."""
    found: list[dict[str, Any]] = []
    for run, connection, object, record, action, before, after, reason, state, at in asked.store.each(
        "SELECT run, connection, object, record, action, before, after, reason, state, intended_at FROM journal "
        "WHERE entity = ? AND run <= ? ORDER BY seq DESC",
        (asked.entity, asked.run if asked.run is not None else sys.maxsize),
    ):
        why = json.loads(reason).get("why", {})
        about = next((name for name in _STAGES if name in why), None) if asked.name in _STAGES else asked.name
        if about not in why:
            continue
        if len(found) == _MOST_WRITES:
            break
        mapping = asked.workspace.entity_mapping(connection, object)
        was, now = decode(before), decode(after)
        names = [name for name in _field_names(mapping, now, asked.name) if name in now] if mapping else []
        found.append(
            {
                "run": run,
                "record": str(target(connection, object, record, asked.entity)),
                "action": action,
                "values": {n: {"before": display(was.get(n)), "after": display(now[n])} for n in names},
                "why": why[about],
                "state": state,
                "at": at,
            }
        )
    return tuple(found)


__all__ = ["Explanation", "Held", "explain", "utc"]
