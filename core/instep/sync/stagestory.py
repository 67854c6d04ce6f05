"""Why somebody is at a stage: every claim made on the journey that they show, and which of them counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.journey import Claim, Position, fold, proven, shown
from instep.model.override import Override
from instep.model.process import Actor
from instep.store import Store
from instep.sync.evidence import Known, acts_of, first_buyers
from instep.sync.labels import label_of
from instep.sync.overrides import overrides_of
from instep.sync.stages import FIRST_CONTACT
from instep.sync.state import CLAIM, claim_of


@dataclass(frozen=True, slots=True)
class StageStory:
    """The stage that is shown, why, and everything that was ever said of it."""

    value: str | None
    reason: dict[str, Any]
    history: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AsOf:
    """When a question is asked of: now; the end of a past run, with what was known then; or a past instant."""

    run: int | None = None
    at: datetime | None = None

    @property
    def is_past(self) -> bool:
        return self.run is not None or self.at is not None

    @property
    def last_run(self) -> int:
        """The last run whose findings count: what was found later of an earlier time counts for that time."""
        return self.run if self.run is not None else 2**62

    def instant(self, store: Store) -> datetime:
        """The instant that is meant: when that run was, or the latest one."""
        if self.at is not None:
            return self.at
        row = store.row("SELECT max(started_at) FROM run WHERE id <= ?", (self.last_run,))
        return datetime.fromisoformat(row[0]) if row and row[0] else datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """A journey with the claims that were known, and where they put it."""

    id: str
    entity: str
    known_as: str
    kind: str
    segment: str | None
    claims: tuple[Claim, ...]
    runs: Mapping[tuple[str, str, str], int]
    """(instant, source, value) of a claim to the run that heard it."""
    position: Position
    proven: str | None
    """The stage by what the buyer did alone."""
    overdue_from: datetime | None
    referred_by: tuple[tuple[str, str], ...]
    """Who brought the buyer, and what people know them by."""

    def run_of(self, claim: Claim) -> int | None:
        return self.runs.get((claim.at.isoformat(), claim.source, claim.value))

    def as_json(self) -> dict[str, Any]:
        position = self.position
        return {
            "id": self.id,
            "entity": self.entity,
            "known_as": self.known_as,
            "kind": self.kind,
            "stage": position.stage,
            "segment": self.segment,
            "outcome": position.outcome.value if position.outcome else None,
            "detour": position.detour,
            "detour_since": position.detour_since.isoformat() if position.detour_since else None,
            "since": position.since.isoformat() if position.since else None,
            "proven": self.proven,
            "overdue_from": self.overdue_from.isoformat() if self.overdue_from else None,
            "referred_by": [{"entity": who, "known_as": label} for who, label in self.referred_by],
        }


def explain_stage(store: Store, workspace: Workspace, entity: str, as_of: AsOf) -> StageStory:
    """The stage that an entity shows now, or showed then: by the version of the process in force then."""
    if as_of.is_past:
        workspace = replace(workspace, process=workspace.process_at(as_of.instant(store).date()))
    row = store.row("SELECT shown FROM entity WHERE id = ?", (entity,))
    journeys = [_told(store, workspace, journey, as_of) for journey in _journeys(store, entity, row)]
    id = row[0] if row else None
    if as_of.is_past:
        id = shown([(told.id, told.position) for told in journeys], workspace.process)
    told = next((told for told in journeys if told.id == id), None)
    if told is None:
        return StageStory(None, {"rule": "no journey has reached a stage yet"}, extra=_nowhere(store, entity, as_of))
    extra = {
        "journey": told.as_json(),
        "steps": _steps(workspace, told),
        "journeys": [journey.as_json() for journey in journeys if journey.id != told.id],
        "overrides": _overrides(store, told, entity, as_of),
    }
    return StageStory(told.position.stage, _reason(workspace, told), _history(told, as_of.instant(store)), extra)


def _journeys(store: Store, entity: str, shows: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
    """An entity's own journeys and those of its opportunities; what went on as an opportunity is told there."""
    return store.rows(
        "SELECT id, kind, segment, entity FROM journey WHERE id = ? OR continues_as IS NULL AND (entity = ? OR "
        "entity IN (SELECT r.entity FROM relation r JOIN entity e ON e.id = r.entity WHERE e.kind = 'opportunity' "
        "AND r.to_entity = ?)) ORDER BY id",
        (shows[0] if shows else None, entity, entity),
    )


def _told(store: Store, workspace: Workspace, row: tuple[Any, ...], as_of: AsOf) -> Told:
    id, kind, segment, entity = row
    now, run = as_of.instant(store), as_of.last_run
    rows = store.rows(
        f"SELECT {CLAIM}, run FROM claim WHERE run <= ? AND "  # noqa: S608  # our own text
        "(ended IS NULL OR ended > ?) AND (journey = ? OR type NOT IN ('evidence', 'referral') AND journey IN "
        "(SELECT id FROM journey WHERE continues_as = ?))",
        (run, run, id, id),
    )
    told = [(claim_of(tuple(said)), heard) for *said, heard in rows]
    if as_of.at is not None:
        told = [(claim, heard) for claim, heard in told if claim.at <= now]
    claims = tuple(claim for claim, _ in told)
    runs = {(claim.at.isoformat(), claim.source, claim.value): heard for claim, heard in told}
    process = workspace.process
    position = fold(claims, process, now, segment, _last_act(store, workspace, entity, now))
    overdue = position.overdue_from(process, segment)
    overdue = overdue if overdue is not None and overdue <= now else None
    referred = tuple((c.value, label_of(store, c.value)) for c in claims if c.type == "referral")
    alone = proven(claims, process, now, segment)
    label = label_of(store, entity)
    return Told(id, entity, label, kind, segment, claims, runs, position, alone, overdue, referred)


def _last_act(store: Store, workspace: Workspace, entity: str, now: datetime) -> datetime | None:
    """When the buyers of a journey last did anything; only where the process asks."""
    if not workspace.process.watches_acts:
        return None
    ends = store.rows("SELECT to_entity FROM relation WHERE entity = ? AND name IN ('people', 'company')", (entity,))
    acts = acts_of(Known(store, workspace), [entity, *(end for (end,) in ends)], first_buyers(store))
    done = [act.at for found in acts.values() for act in found if act.actor == Actor.BUYER and act.at <= now]
    return max(done, default=None)


def _steps(workspace: Workspace, told: Told) -> list[dict[str, Any]]:
    """The stages that a journey was at, each since when and why; whether it went back."""
    order = workspace.process.order()
    found: list[dict[str, Any]] = []
    for before, step in zip((None, *told.position.history), told.position.history, strict=False):
        back = before is not None and order[step.stage] < order[before.stage]
        cause = step.cause
        found.append(
            {
                "stage": step.stage,
                "since": step.at.isoformat(),
                "back": back,
                "because": f"{cause.type} {cause.value}",
                "reason": cause.note if cause.type == "assertion" else "",
                "source": cause.source,
            }
        )
    return found


def _overrides(store: Store, told: Told, entity: str, as_of: AsOf) -> list[dict[str, Any]]:
    """What people had set here and was not over, the latest first; and whether it is why the stage is shown."""
    now = as_of.instant(store)
    heard = {claim.source for claim in told.claims if claim.accepted}
    cause = told.position.history[-1].cause.source if told.position.history else None
    found = []
    for one in overrides_of(store, sorted({entity, told.entity})):
        is_heard = one.source in heard
        if one.state_at(now) == "over" or (not is_heard and (as_of.is_past or not one.pending)):
            continue
        decides = is_heard and (one.source == cause or one.stage == told.position.detour)
        found.append(_override_json(one, is_heard=is_heard, decides=decides))
    return found


def _nowhere(store: Store, entity: str, as_of: AsOf) -> dict[str, Any]:
    """What people set here of somebody who shows no stage."""
    waiting = [] if as_of.is_past else [one for one in overrides_of(store, [entity]) if one.pending]
    now = as_of.instant(store)
    held = [_override_json(one, is_heard=False, decides=False) for one in waiting if one.state_at(now) != "over"]
    return {"overrides": held}


def _override_json(one: Override, *, is_heard: bool, decides: bool) -> dict[str, Any]:
    return {
        "id": one.id,
        "stage": one.stage,
        "reason": one.reason,
        "by": one.by,
        "at": one.at.isoformat(),
        "until": one.expires.isoformat() if one.expires else None,
        "state": "counts" if is_heard else "waits",
        "decides": decides,
    }


def _reason(workspace: Workspace, told: Told) -> dict[str, Any]:
    cause = told.position.history[-1].cause if told.position.history else None
    if cause is None:
        return {"rule": "no claim counts"}
    stage = workspace.process.stage(told.position.stage) if told.position.stage else None
    note = f" ({cause.note})" if cause.note else ""
    return {
        "rule": _RULES[cause.type].format(value=cause.value, note=note),
        "source": cause.source,
        "at": cause.at.isoformat(),
        "run": told.run_of(cause),
        "owner_role": stage.role.value if stage and stage.role else None,
        "lost": [{"source": c.source, "value": c.value, "why": c.note} for c in told.claims if not c.accepted],
    }


def _history(told: Told, now: datetime) -> tuple[dict[str, Any], ...]:
    in_order: Sequence[Claim] = sorted(told.claims, key=lambda claim: (claim.at, claim.source))
    met = min((c.at for c in told.claims if c.accepted and c.note == FIRST_CONTACT), default=None)
    return tuple(
        {
            "at": claim.at.isoformat(),
            "what": claim.type,
            "value": claim.value,
            "source": claim.source,
            "counts": claim.accepted and (claim.expires is None or claim.expires > now),
            "note": _note_of(claim, met),
            "run": told.run_of(claim),
        }
        for claim in in_order
    )


def _note_of(claim: Claim, met: datetime | None) -> str:
    """What stands beside a claim: the reason, until when it holds, and that it was done before the first contact."""
    until = f"until {claim.expires:%Y-%m-%d %H:%M:%S}Z" if claim.expires is not None else ""
    is_older = claim.type == "evidence" and met is not None and claim.at < met
    return ", ".join(part for part in (claim.note, until, _OUTWEIGHED if is_older else "") if part)


_OUTWEIGHED = "before the first contact, which outweighs it"

_RULES = {
    "evidence": "a buyer did {value}{note}",
    "assertion": "was set to {value}{note}",
    "outcome": "the outcome is {value}{note}",
    "reopened": "was reopened{note}",
    "detour": "was led aside to {value}{note}",
    "referral": "was referred by {value}{note}",
}
