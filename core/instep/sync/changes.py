"""Changes: one thing to write to one system each, with before, after and why; and the plan that orders them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from instep.model.entities import Kind
from instep.model.values import Scalar, display, pack
from instep.sync.ledger import Ref, target

Action = Literal["opt_out", "create", "update", "relate", "opt_out_new", "unrelate", "opt_in", "delete"]
_ORDER = {
    "opt_out": 0,
    "create": 1,
    "update": 2,
    "opt_out_new": 3,
    "relate": 4,
    "unrelate": 5,
    "opt_in": 6,
    "delete": 7,
}
CONSENT = "consent"
"""The name of a value that says whether its person opted out: it is only written where that changes."""
OPT_OUT_HOLDS, OPTED_IN = "an opt-out holds everywhere", "opted in"
"""Why a field that keeps consent is written."""
_KINDS = {Kind.COMPANY: 0, Kind.PERSON: 1, Kind.OPPORTUNITY: 2}


@dataclass(frozen=True, slots=True)
class Value:
    """One field of a change, for people: the canonical name, what was there, what will be, and why."""

    name: str
    field: str
    before: Scalar
    after: Scalar
    because: str

    @property
    def shown(self) -> tuple[str, str]:
        """Before and after as people read them: of consent what they mean, in whatever words a field holds it."""
        if self.name != CONSENT:
            return display(self.before), display(self.after)
        is_out = self.because == OPT_OUT_HOLDS or (self.because != OPTED_IN and bool(self.after))
        return ("not opted out", "opted out") if is_out else ("opted out", OPTED_IN)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to write to one system. `record` is None for what is created first."""

    action: Action
    connection: str
    object: str
    kind: Kind
    entity: str
    record: str | None
    values: tuple[Value, ...] = ()
    relation: str = ""
    to_object: str = ""
    to_entity: str = ""
    primary: bool = False
    scope: str = ""
    at: datetime | None = None
    because: str = ""
    label: str = ""
    """What people know the entity by."""

    @property
    def ref(self) -> Ref | None:
        return None if self.record is None else Ref(self.connection, self.object, self.record)

    @property
    def target(self) -> Ref:
        """The record for the account of a run: of one that is yet to be made, its entity stands in."""
        return target(self.connection, self.object, self.record, self.entity)

    @property
    def verb(self) -> str:
        """The action as people know it: that an opt-out is a new record's is of no interest to them."""
        return "opt_out" if self.action == "opt_out_new" else self.action

    @property
    def is_consent(self) -> bool:
        """Whether it is written through the system's consent store, not into a field."""
        return self.action in ("opt_out", "opt_out_new", "opt_in")

    @property
    def fields(self) -> dict[str, Scalar]:
        """What to write, by the system's own field names."""
        is_written = not self.is_consent and self.action != "delete"
        return {value.field: value.after for value in self.values} if is_written else {}

    @property
    def expected(self) -> dict[str, Scalar]:
        """What these fields held when that was decided; nothing for a new record."""
        if self.action not in ("update", "delete"):
            return {}
        return {value.field: value.before for value in self.values}

    @property
    def order(self) -> tuple[Any, ...]:
        """Where a change stands in a plan: consent first, then what others refer to, removals last."""
        place = (_ORDER[self.action], _KINDS[self.kind], self.connection, self.object, self.relation, self.scope)
        return (*place, self.entity, self.record or "", self.to_entity)

    @property
    def digest(self) -> str:
        """The same for the same write, on any day."""
        parts = [self.action, self.connection, self.object, self.entity, self.relation, self.to_entity, self.scope]
        fields = {name: pack(value) for name, value in sorted(self.fields.items())}
        return hashlib.sha256(msgspec.json.encode([parts, fields])).hexdigest()

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "action": self.action,
            "connection": self.connection,
            "object": self.object,
            "kind": self.kind.value,
            "entity": self.entity,
            "known_as": self.label or self.entity,
            "record": self.record,
            "values": [
                {"name": v.name, "field": v.field, "before": pack(v.before), "after": pack(v.after), "why": v.because}
                for v in self.values
            ],
        }
        if self.relation:
            document |= {"relation": self.relation, "to": self.to_entity}
        if self.scope:
            document["scope"] = self.scope
        return document


def quarantine_key(change: Change) -> tuple[str, str, str]:
    """What a refusal is kept under: the same write of the same entity."""
    detail = f":{change.object}/{change.record or ''}"
    detail += f":{change.relation}:{change.to_entity}" if change.relation else ""
    return change.connection, change.entity, change.action + detail


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would write, and what it was computed from."""

    changes: tuple[Change, ...]
    at: datetime
    made_from: Mapping[str, str]
    notes: tuple[Mapping[str, Any], ...] = ()
    undoes: Mapping[str, Any] = field(default_factory=dict)
    """For a plan that takes a run back: which one, and whether its new records are deleted."""
    left: tuple[Mapping[str, Any], ...] = ()
    """What such a plan leaves as it is, and why."""

    @property
    def is_empty(self) -> bool:
        return not self.changes

    @property
    def digest(self) -> str:
        """The same whenever the same changes are planned from the same state."""
        parts: list[Any] = [[change.digest for change in self.changes], dict(sorted(self.made_from.items()))]
        parts += [dict(self.undoes)] if self.undoes else []
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Connection to object to action to how many."""
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for change in self.changes:
            actions = counts.setdefault(change.connection, {}).setdefault(change.object, {})
            actions[change.verb] = actions.get(change.verb, 0) + 1
        return counts

    def as_json(self) -> dict[str, Any]:
        document = {
            "at": self.at.isoformat(),
            "made_from": dict(self.made_from),
            "digest": self.digest,
            "counts": self.counts(),
            "changes": [change.as_json() for change in self.changes],
            "notes": list(self.notes),
        }
        return document | {"undoes": dict(self.undoes), "left": list(self.left)} if self.undoes else document


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes in the order in which they are applied, the same every time."""
    return tuple(sorted(changes, key=lambda change: change.order))


def about_few(changes: Sequence[Change], few: int) -> tuple[Change, ...]:
    """The changes about so many people, or else companies or opportunities, and about what these are tied to."""
    order = {Kind.PERSON: 0, Kind.COMPANY: 1, Kind.OPPORTUNITY: 2}
    entities = dict.fromkeys(change.entity for change in sorted(changes, key=lambda c: (order[c.kind], c.entity)))
    chosen = set(list(entities)[:few])
    chosen |= {change.to_entity for change in changes if change.relation and change.entity in chosen}
    return tuple(change for change in changes if change.entity in chosen)
