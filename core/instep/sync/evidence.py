"""What buyers did, and for which journeys it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from instep.model.journey import Claim, Position
from instep.model.process import Actor, Half, Process
from instep.sync.ledger import Ref
from instep.sync.session import Session


@dataclass(frozen=True, slots=True)
class Act:
    """One mapped behaviour of one entity. `about` names the opportunities among its subjects."""

    key: str
    at: datetime
    actor: str
    source: str
    about: tuple[str, ...] = ()


def acts_of(session: Session, ids: Sequence[str], links: Mapping[Ref, str]) -> dict[str, list[Act]]:
    """Everything mapped that these entities did, oldest first."""
    found: dict[str, dict[str, Act]] = {}
    for entity, row in _by_subject(session, ids, links) + _by_email(session, ids, links):
        connection, id, key, at, actor = row
        source = f"{connection}/behaviour/{id}"
        found.setdefault(entity, {})[source] = Act(key, datetime.fromisoformat(at), actor, source)
    about = _opportunities(session, [act for acts in found.values() for act in acts.values()], links)
    return {
        entity: sorted(
            (Act(a.key, a.at, a.actor, a.source, about.get(a.source, ())) for a in acts.values()),
            key=lambda act: (act.at, act.source),
        )
        for entity, acts in found.items()
    }


def _by_subject(session: Session, ids: Sequence[str], links: Mapping[Ref, str]) -> list[tuple[str, tuple[str, ...]]]:
    rows = session.store.among(
        "SELECT m.entity, b.connection, b.id, b.key, b.at, b.actor FROM mirror m "
        "JOIN behaviour_subject s ON s.connection = m.connection AND s.object = m.object AND s.record = m.id "
        "JOIN behaviour b ON b.connection = s.connection AND b.id = s.behaviour "
        "WHERE b.key IS NOT NULL AND m.entity IN (?)",
        ids,
    )
    found = [(row[0], row[1:]) for row in rows]
    wanted = set(ids)
    for ref, entity in links.items():
        if entity in wanted:
            rows = session.store.rows(
                "SELECT b.connection, b.id, b.key, b.at, b.actor FROM behaviour_subject s "
                "JOIN behaviour b ON b.connection = s.connection AND b.id = s.behaviour "
                "WHERE s.connection = ? AND s.object = ? AND s.record = ? AND b.key IS NOT NULL",
                ref,
            )
            found += [(entity, row) for row in rows]
    return found


def _by_email(session: Session, ids: Sequence[str], links: Mapping[Ref, str]) -> list[tuple[str, tuple[str, ...]]]:
    if not session.store.row("SELECT 1 FROM behaviour WHERE email IS NOT NULL LIMIT 1"):
        return []
    rows = session.store.among(
        "SELECT m.entity, b.connection, b.id, b.key, b.at, b.actor FROM mirror m "
        "JOIN key k ON k.connection = m.connection AND k.object = m.object AND k.id = m.id AND k.name = 'email' "
        "JOIN behaviour b ON b.email = k.value WHERE b.key IS NOT NULL AND m.entity IN (?)",
        ids,
    )
    found = [(row[0], row[1:]) for row in rows]
    wanted = set(ids)
    for ref, entity in links.items():
        if entity in wanted:
            rows = session.store.rows(
                "SELECT b.connection, b.id, b.key, b.at, b.actor FROM key k JOIN behaviour b ON b.email = k.value "
                "WHERE k.connection = ? AND k.object = ? AND k.id = ? AND k.name = 'email' AND b.key IS NOT NULL",
                ref,
            )
            found += [(entity, row) for row in rows]
    return found


def _opportunities(session: Session, acts: Sequence[Act], links: Mapping[Ref, str]) -> dict[str, tuple[str, ...]]:
    """Source of an act to the opportunities that it names."""
    objects = {
        (live.name, object)
        for live in session.connections.values()
        for kind, mapping in live.mapping.entities.items()
        if kind == "opportunity"
        for object in mapping.objects
    }
    found: dict[str, tuple[str, ...]] = {}
    by_connection: dict[str, list[str]] = {}
    for act in acts:
        connection, _, id = act.source.split("/", 2)
        by_connection.setdefault(connection, []).append(id)
    for connection, ids in by_connection.items():
        for behaviour, object, record, entity in session.store.among(
            "SELECT s.behaviour, s.object, s.record, m.entity FROM behaviour_subject s "
            "JOIN mirror m ON m.connection = s.connection AND m.object = s.object AND m.id = s.record "
            "WHERE s.connection = ? AND s.behaviour IN (?)",
            sorted(set(ids)),
            connection,
        ):
            named = entity or links.get(Ref(connection, object, record))
            if (connection, object) in objects and named is not None:
                source = f"{connection}/behaviour/{behaviour}"
                found[source] = (*found.get(source, ()), named)
    return found


def evidence(acts: Sequence[Act], process: Process) -> list[Act]:
    """The acts that can move a stage: a buyer's, of a behaviour that some stage is entered by."""
    entering = {key for stage in _stages(process) for key in stage.enter.behaviours}
    return [act for act in acts if act.actor == Actor.BUYER and act.key in entering and _is_buyers(process, act.key)]


def halves(process: Process, key: str) -> set[Half]:
    """The halves of the stages that a behaviour may enter."""
    return {stage.half for stage in _stages(process) if key in stage.enter.behaviours}


def counts_for(act: Act, journeys: Mapping[str, Position], process: Process) -> list[str]:
    """The journeys that an act counts for: those its source names, else the open ones of its stage's half.

    Empty means that it opens a new one.
    """
    named = [journey for journey in act.about if journey in journeys]
    if named:
        return named
    wanted = halves(process, act.key)
    return sorted(id for id, position in journeys.items() if position.is_open and _half(position, process) in wanted)


def claim(act: Act) -> Claim:
    return Claim(act.at, "evidence", act.key, act.source)


def _half(position: Position, process: Process) -> Half:
    if position.stage is None or not process.has_stage(position.stage):
        return Half.ACQUISITION
    return process.stage(position.stage).half


def _is_buyers(process: Process, key: str) -> bool:
    behaviour = process.behaviour(key)
    return behaviour is None or behaviour.actor is Actor.BUYER


def _stages(process: Process) -> list:  # type: ignore[type-arg]
    return [*process.stages, *(stage for segment in process.segments for stage in segment.stages)]
