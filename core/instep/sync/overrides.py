"""Overrides as the state keeps them, and how a run hears those that no run has carried out yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from instep.model.override import Override
from instep.store import Store

if TYPE_CHECKING:
    from instep.sync.session import Session
    from instep.sync.state import EntityState, JourneyState

_COLUMNS = "id, entity, stage, reason, by, at, expires, pending"


def overrides_of(store: Store, entities: Sequence[str]) -> list[Override]:
    """Every override of these entities, the latest first."""
    rows = store.among(f"SELECT {_COLUMNS} FROM override WHERE entity IN (?)", entities)  # noqa: S608  # our own text
    return sorted(map(_override, rows), key=lambda one: one.id, reverse=True)


def waiting_overrides(store: Store, entities: Sequence[str]) -> list[Override]:
    """What people set of these entities, and no run has carried out yet; in the order in which they did."""
    query = f"SELECT {_COLUMNS} FROM override WHERE pending = 1 AND entity IN (?)"  # noqa: S608  # our own text
    return sorted(map(_override, store.among(query, entities)), key=lambda one: one.id)


def _override(row: tuple[Any, ...]) -> Override:
    id, entity, stage, reason, by, at, expires, pending = row
    last = datetime.fromisoformat(expires) if expires else None
    return Override(id, entity, stage, reason, by, datetime.fromisoformat(at), last, bool(pending))


def hear_overrides(
    session: Session, state: EntityState, journey: JourneyState, *, refused: str | None = None
) -> None:
    """Turn what people set here into claims on a journey; with `refused`, into claims that do not count, and why."""
    for one in state.overrides:
        state.overridden.add(one.id)
        if one.state_at(session.at) == "over":
            continue  # withdrawn, or its last day has passed, before any run could carry it out
        claim = one.as_claim(session.workspace.process, session.at)
        if refused is not None:
            claim = replace(claim, accepted=False, note=refused)
            session.ledger.note(
                "stage-refused",
                "",
                f"{state.kind}: the override to {one.stage} is not taken ({refused}).",
                "Override the stage of that opportunity instead.",
                state.id,
            )
        journey.add(claim)


def store_heard(store: Store, heard: Iterable[int]) -> None:
    """Keep that a run carried these out, in the transaction that stores its decisions."""
    store.bulk("UPDATE override SET pending = 0 WHERE id = ?", [(id,) for id in sorted(heard)])
