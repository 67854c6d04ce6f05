"""What was decided by the end of a past run: every value that was decided anew keeps the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from instep.errors import ConfigError
from instep.model.rules import Facts
from instep.model.values import decode, pack, unpack
from instep.store import Store


def last_run(store: Store, at: datetime) -> int:
    """The last run that had begun by an instant. Raises `ConfigError` where none had."""
    row = store.row("SELECT max(id) FROM run WHERE started_at <= ?", (at.isoformat(),))
    if row is None or row[0] is None:
        raise ConfigError(f"Nothing was known by {at.isoformat()}: no run had begun. See: instep runs")
    return int(row[0])


def decided_by(
    store: Store, field: tuple[str, str], run: int | None, now: Any, reason: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The value, as JSON has it, of a field (entity, name) and why: now, or else as the runs until `run` left it."""
    if run is None or reason.get("run", 0) <= run:
        return now, dict(reason)
    row = store.row(
        "SELECT decided FROM past WHERE entity = ? AND name = ? AND run <= ? ORDER BY run DESC LIMIT 1",
        (*field, run),
    )
    if row is None:
        return None, {"rule": "nobody had said anything by then"}
    decided = json.loads(row[0])
    return decided["value"], dict(decided["reason"])


def facts_by(store: Store, entity: str, run: int | None) -> Facts:
    """An entity's own canonical values by the end of a run, or now."""
    row = store.row("SELECT fields, reasons FROM entity WHERE id = ?", (entity,))
    if row is None:
        return {}
    fields, reasons = decode(row[0]), json.loads(row[1]) if row[1] else {}
    if run is None:
        return fields
    return {
        name: unpack(decided_by(store, (entity, name), run, pack(value), reasons.get(name, {}))[0])
        for name, value in fields.items()
    }


def related_by(store: Store, entity: str, name: str, run: int | None) -> tuple[str, ...]:
    """The other ends of an entity's relation by the end of a run, or now."""
    row = store.row("SELECT reasons FROM entity WHERE id = ?", (entity,))
    reasons = json.loads(row[0]) if row and row[0] else {}
    ends = store.rows("SELECT to_entity FROM relation WHERE entity = ? AND name = ? ORDER BY 1", (entity, name))
    value, _ = decided_by(store, (entity, name), run, [end for (end,) in ends], reasons.get(name, {}))
    return tuple(value or ())


def people_by(store: Store, company: str, run: int | None) -> tuple[str, ...]:
    """The persons of a company by the end of a run, or now."""
    found = {
        person
        for (person,) in store.rows(
            "SELECT r.entity FROM relation r JOIN entity e ON e.id = r.entity "
            "WHERE r.name = 'company' AND r.to_entity = ? AND e.kind = 'person'",
            (company,),
        )
    }
    if run is None:
        return tuple(sorted(found))
    found |= {
        person
        for (person,) in store.rows(
            "SELECT DISTINCT p.entity FROM past p JOIN entity e ON e.id = p.entity WHERE p.name = 'company' "
            "AND e.kind = 'person' AND instr(CAST(p.decided AS TEXT), ?) > 0",
            (json.dumps(company),),
        )
    }
    return tuple(sorted(p for p in found if company in related_by(store, p, "company", run)))


def is_known_by(store: Store, entity: str, run: int | None) -> bool:
    """Whether anything had been decided of an entity by the end of a run, or ever."""
    row = store.row("SELECT reasons FROM entity WHERE id = ?", (entity,))
    if row is None or run is None:
        return row is not None
    reasons = json.loads(row[0]) if row[0] else {}
    first = store.row("SELECT min(run) FROM past WHERE entity = ?", (entity,))
    runs = [reason.get("run", 0) for reason in reasons.values()] + [run for run in first or () if run is not None]
    return bool(runs) and min(runs) <= run
