"""Explain: for any field of any entity, the value, the reason, the evidence, who lost, and what each system holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from instep.errors import ConfigError
from instep.mapping.compiled import EntityMapping, Workspace
from instep.model.entities import Kind
from instep.model.journey import fold
from instep.model.values import Scalar, decode, display, unpack
from instep.store import Store, require_state
from instep.sync.ledger import Ref
from instep.sync.session import utc
from instep.sync.stages import table_for
from instep.sync.state import claim_of


@dataclass(frozen=True, slots=True)
class Held:
    """What one record holds in the field that expresses a canonical one."""

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
    extra: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "format_version": 1,
            "entity": self.entity,
            "kind": self.kind.value,
            "field": self.name,
            "value": display(self.value),
            "reason": self.reason,
            "held": [
                {"record": str(h.ref), "field": h.field, "value": display(h.value), "state": h.state}
                for h in self.held
            ],
            "history": list(self.history),
            "writes": list(self.writes),
            **self.extra,
        }


def find_entity(store: Store, key: str) -> list[tuple[str, Kind]]:
    """The entities that a key names: an instep_id, an e-mail address, a domain, a record's id, or a name."""
    wanted = key.strip()
    rows = store.rows("SELECT id, kind FROM entity WHERE id = ?", (wanted,))
    if not rows:
        rows = store.rows(
            "SELECT DISTINCT m.entity, key.kind FROM key JOIN mirror m USING (connection, object, id) "
            "WHERE key.value IN (?, ?) AND m.entity IS NOT NULL",
            (wanted.lower(), wanted.casefold()),
        )
    if not rows:
        id = wanted.rsplit("/", 1)[-1]
        rows = store.rows(
            "SELECT DISTINCT e.id, e.kind FROM mirror m JOIN entity e ON e.id = m.entity WHERE m.id = ? "
            "AND (? NOT LIKE '%/%' OR m.connection || '/' || m.object || '/' || m.id = ?)",
            (id, wanted, wanted),
        )
    return [(row[0], Kind(row[1])) for row in sorted(set(rows))]


def explain(workspace: Workspace, key: str, name: str | None) -> list[Explanation]:
    """Explain one field, or every field, of everything that `key` names.

    Raises `ConfigError` where the key or the field is unknown.
    """
    with Store(require_state(workspace.store)) as store:
        found = find_entity(store, key)
        if not found:
            raise ConfigError(
                f"Nothing is known by {key!r}. Give an e-mail address, a domain, a record id or an instep_id."
            )
        explanations: list[Explanation] = []
        for entity, kind in found:
            for each in [name] if name else _names(workspace, kind):
                explanations.append(_explain(store, workspace, entity, kind, each))
        return explanations


def _names(workspace: Workspace, kind: Kind) -> list[str]:
    names = [name for of, name in workspace.types if of is kind]
    return ["stage", *names, *(["score", "consent"] if kind is Kind.PERSON else [])]


def _explain(store: Store, workspace: Workspace, entity: str, kind: Kind, name: str) -> Explanation:
    if name not in {*_names(workspace, kind), "score", "consent", "instep_stage"}:
        raise ConfigError(f"A {kind} has no field {name!r} here. It has: {', '.join(_names(workspace, kind))}.")
    row = store.row("SELECT fields, reasons, consent, score, shown FROM entity WHERE id = ?", (entity,))
    if row is None:
        raise ConfigError(f"{entity} is not known.")
    reasons = json.loads(row[1]) if row[1] else {}
    score = json.loads(row[3]) if row[3] else {}
    held = _held(store, workspace, entity, kind, name)
    writes = _writes(store, entity, name)
    if name in ("stage", "instep_stage"):
        return _explain_stage(store, workspace, entity, kind, row[4], held, writes)
    if name == "score":
        return Explanation(
            entity, kind, name, score.get("published"), reasons.get("score", {}), held, (), writes, {"score": score}
        )
    if name == "consent":
        standing = json.loads(row[2]) if row[2] else []
        said = "; ".join(f"{s}: {state} since {at} ({source})" for s, state, at, source in standing)
        rule = "an opt-out holds until a later opt-in with source and time, not until a flag turns false"
        why = {"rule": rule} if any(state == "out" for _, state, _, _ in standing) else {}
        return Explanation(entity, kind, name, said or "nothing was said", why, held, (), writes)
    value = decode(row[0]).get(name)
    reason = dict(reasons.get(name, {}))
    reason["lost"] = [{**loser, "value": display(unpack(loser["value"]))} for loser in reason.get("lost", [])]
    return Explanation(entity, kind, name, value, reason, held, (), writes)


def _explain_stage(
    store: Store,
    workspace: Workspace,
    entity: str,
    kind: Kind,
    journey: str | None,
    held: tuple[Held, ...],
    writes: tuple[dict[str, Any], ...],
) -> Explanation:
    if journey is None:
        return Explanation(
            entity, kind, "stage", None, {"rule": "no journey has reached a stage yet"}, held, (), writes
        )
    rows = store.rows(
        "SELECT claim.journey, at, type, value, source, accepted, note, expires, run FROM claim "
        "WHERE claim.journey = ? OR claim.journey IN (SELECT id FROM journey WHERE continues_as = ?)",
        (journey, journey),
    )
    claims = [claim_of(row[:8]) for row in rows]
    runs = {(row[1], row[4], row[3]): row[8] for row in rows}
    kept = store.row("SELECT kind, segment, outcome FROM journey WHERE id = ?", (journey,))
    decided = store.row("SELECT max(started_at) FROM run")
    now = datetime.fromisoformat(decided[0]) if decided and decided[0] else datetime.now(UTC)
    position = fold(claims, workspace.process, now, kept[1] if kept else None)
    history = [
        {
            "at": claim.at.isoformat(),
            "what": claim.type,
            "value": claim.value,
            "source": claim.source,
            "counts": claim.accepted,
            "note": claim.note,
            "run": runs.get((claim.at.isoformat(), claim.source, claim.value)),
        }
        for claim in sorted(claims, key=lambda claim: (claim.at, claim.source))
    ]
    cause = position.history[-1].cause if position.history else None
    reason: dict[str, Any] = {"rule": "no claim counts"}
    if cause is not None:
        stage = workspace.process.stage(position.stage) if position.stage else None
        reason = {
            "rule": _RULES[cause.type].format(value=cause.value, note=f" ({cause.note})" if cause.note else ""),
            "source": cause.source,
            "at": cause.at.isoformat(),
            "run": runs.get((cause.at.isoformat(), cause.source, cause.value)),
            "owner_role": stage.role.value if stage and stage.role else None,
            "lost": [{"source": c.source, "value": c.value, "why": c.note} for c in claims if not c.accepted],
        }
    extra = {"journey": {"id": journey, "kind": kept[0], "segment": kept[1], "outcome": kept[2]} if kept else {}}
    return Explanation(entity, kind, "stage", position.stage, reason, held, tuple(history), writes, extra)


_RULES = {
    "evidence": "a buyer did {value}{note}",
    "assertion": "was set to {value}{note}",
    "outcome": "the outcome is {value}{note}",
    "reopened": "was reopened{note}",
}


def _held(store: Store, workspace: Workspace, entity: str, kind: Kind, name: str) -> tuple[Held, ...]:
    found: list[Held] = []
    for connection, object, id, fields, state in store.rows(
        "SELECT connection, object, id, fields, state FROM mirror WHERE entity = ? ORDER BY connection, object, id",
        (entity,),
    ):
        mapping = workspace.mappings[connection].entity_of(object) if connection in workspace.mappings else None
        if mapping is None:
            continue
        values = decode(fields)
        for field_name in _field_names(mapping, values, name):
            found.append(Held(Ref(connection, object, id), field_name, values.get(field_name), state))
    return tuple(found)


def _field_names(mapping: EntityMapping, values: dict[str, Scalar], name: str) -> Sequence[str]:
    if name in ("stage", "instep_stage"):
        table = table_for(mapping, values)
        exact = mapping.mapped("instep_stage")
        return [*([table.field] if table else []), *([exact.field] if exact else [])]
    if name == "consent":
        return [n for n in values if "optout" in n or (mapping.consent and n == mapping.consent.field)]
    mapped = mapping.mapped(name)
    return [mapped.field] if mapped else []


def _writes(store: Store, entity: str, name: str) -> tuple[dict[str, Any], ...]:
    found = []
    for run, connection, object, record, action, reason, state, at in store.rows(
        "SELECT run, connection, object, record, action, reason, state, intended_at FROM journal WHERE entity = ? "
        "ORDER BY seq DESC LIMIT 50",
        (entity,),
    ):
        why = json.loads(reason).get("why", {})
        if name in why:
            found.append(
                {
                    "run": run,
                    "record": f"{connection}/{object}/{record}",
                    "action": action,
                    "because": why[name],
                    "state": state,
                    "at": at,
                }
            )
    return tuple(found)


__all__ = ["Explanation", "Held", "explain", "find_entity", "utc"]
