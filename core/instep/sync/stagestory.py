"""Why somebody is at a stage: every claim made on the journey that they show, and which of them counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.journey import Claim, Position, fold, shown
from instep.model.process import Process
from instep.store import Store
from instep.sync.state import claim_of


@dataclass(frozen=True, slots=True)
class StageStory:
    """The stage that is shown, why, and everything that was ever said of it."""

    value: str | None
    reason: dict[str, Any]
    history: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A journey with the claims that were known, and where they put it."""

    id: str
    kind: str
    segment: str | None
    claims: tuple[Claim, ...]
    runs: Mapping[tuple[str, str, str], int]
    """(instant, source, value) of a claim to the run that heard it."""
    position: Position

    def run_of(self, claim: Claim) -> int | None:
        return self.runs.get((claim.at.isoformat(), claim.source, claim.value))


def explain_stage(store: Store, workspace: Workspace, entity: str, run: int | None) -> StageStory:
    """The stage that an entity shows now, or showed after a past run: by the version of the process in force then."""
    now = _instant(store, run)
    process = workspace.process if run is None else workspace.process_at(now.date())
    row = store.row("SELECT shown FROM entity WHERE id = ?", (entity,))
    journeys = [_told(store, process, journey, now, run) for journey in _journeys(store, entity, row)]
    id = row[0] if row else None
    if run is not None:
        id = shown([(told.id, told.position) for told in journeys], process)
    told = next((told for told in journeys if told.id == id), None)
    if told is None:
        return StageStory(None, {"rule": "no journey has reached a stage yet"})
    outcome = told.position.outcome.value if told.position.outcome else None
    extra = {"journey": {"id": told.id, "kind": told.kind, "segment": told.segment, "outcome": outcome}}
    return StageStory(told.position.stage, _reason(process, told), _history(told), extra)


def _instant(store: Store, run: int | None) -> datetime:
    """When that run was, or the latest one."""
    query, wanted = "SELECT max(started_at) FROM run WHERE id <= ?", run if run is not None else 2**62
    row = store.row(query, (wanted,))
    return datetime.fromisoformat(row[0]) if row and row[0] else datetime.now(UTC)


def _journeys(store: Store, entity: str, shows: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
    """An entity's own journeys and those of its opportunities; what went on as an opportunity is told there."""
    return store.rows(
        "SELECT id, kind, segment FROM journey WHERE id = ? OR continues_as IS NULL AND (entity = ? OR entity IN "
        "(SELECT entity FROM relation WHERE to_entity = ?)) ORDER BY id",
        (shows[0] if shows else None, entity, entity),
    )


def _told(store: Store, process: Process, row: tuple[Any, ...], now: datetime, run: int | None) -> Told:
    id, kind, segment = row
    rows = store.rows(
        "SELECT journey, at, type, value, source, accepted, note, expires, run FROM claim WHERE run <= ? AND "
        "(journey = ? OR journey IN (SELECT id FROM journey WHERE continues_as = ?))",
        (run if run is not None else 2**62, id, id),
    )
    claims = tuple(claim_of(row[:8]) for row in rows)
    runs = {(row[1], row[4], row[3]): row[8] for row in rows}
    return Told(id, kind, segment, claims, runs, fold(claims, process, now, segment))


def _reason(process: Process, told: Told) -> dict[str, Any]:
    cause = told.position.history[-1].cause if told.position.history else None
    if cause is None:
        return {"rule": "no claim counts"}
    stage = process.stage(told.position.stage) if told.position.stage else None
    note = f" ({cause.note})" if cause.note else ""
    return {
        "rule": _RULES[cause.type].format(value=cause.value, note=note),
        "source": cause.source,
        "at": cause.at.isoformat(),
        "run": told.run_of(cause),
        "owner_role": stage.role.value if stage and stage.role else None,
        "lost": [{"source": c.source, "value": c.value, "why": c.note} for c in told.claims if not c.accepted],
    }


def _history(told: Told) -> tuple[dict[str, Any], ...]:
    in_order: Sequence[Claim] = sorted(told.claims, key=lambda claim: (claim.at, claim.source))
    return tuple(
        {
            "at": claim.at.isoformat(),
            "what": claim.type,
            "value": claim.value,
            "source": claim.source,
            "counts": claim.accepted,
            "note": claim.note,
            "run": told.run_of(claim),
        }
        for claim in in_order
    )


_RULES = {
    "evidence": "a buyer did {value}{note}",
    "assertion": "was set to {value}{note}",
    "outcome": "the outcome is {value}{note}",
    "reopened": "was reopened{note}",
}
