"""Whose journeys a run knows: a person's own, and their opportunities'; and which of them an act counts for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from instep.model.journey import Claim, Position
from instep.model.process import JourneyKind, Outcome
from instep.sync.decisions import Decisions
from instep.sync.evidence import Act, claim, counts_for
from instep.sync.session import Session, utc
from instep.sync.stages import position_of
from instep.sync.state import JourneyState, load_journeys

Adder = Callable[[Session, Decisions, set[str]], None]
"""Loads opportunities that a run did not know yet, and hears their own records."""


def opportunities_of(session: Session, decisions: Decisions, doers: Sequence[str]) -> dict[str, list[str]]:
    """Person or company to its opportunities, this run's changes included."""
    wanted = set(doers)
    found: dict[str, set[str]] = {}
    for opportunity, name, doer in session.store.among(
        "SELECT r.entity, r.name, r.to_entity FROM relation r JOIN entity e ON e.id = r.entity "
        "WHERE e.kind = 'opportunity' AND r.to_entity IN (?)",
        list(doers),
    ):
        state = decisions.opportunities.get(opportunity)
        if state is None or doer in state.relations.get(name, ()):
            found.setdefault(doer, set()).add(opportunity)
    for state in decisions.opportunities.values():
        for ends in state.relations.values():
            for doer in ends & wanted:
                found.setdefault(doer, set()).add(state.id)
    alive = _with_records(session, decisions, {id for ids in found.values() for id in ids})
    return {doer: sorted(ids & alive) for doer, ids in found.items() if ids & alive}


def _with_records(session: Session, decisions: Decisions, opportunities: set[str]) -> set[str]:
    """The opportunities that still have a record somewhere: one that was deleted everywhere is no journey."""
    known = {id for id in opportunities if id in decisions.opportunities}
    rows = session.store.among(
        "SELECT DISTINCT entity FROM mirror WHERE state = 'live' AND entity IN (?)", sorted(opportunities - known)
    )
    return {row[0] for row in rows} | {id for id in known if decisions.opportunities[id].records}


def load_own(session: Session, decisions: Decisions, doers: Sequence[str]) -> None:
    """Load the journeys that are these persons' or companies' own."""
    for doer, journeys in load_journeys(session, doers).items():
        for journey in journeys:
            if journey.id not in decisions.journeys:
                journey.position = position_of(session, journey)
                decisions.journeys[journey.id] = journey
                decisions.own.setdefault(doer, []).append(journey.id)


def continue_as_opportunities(session: Session, decisions: Decisions, opportunities: dict[str, list[str]]) -> None:
    """A person's own journey goes on as the first opportunity."""
    for doer, ids in opportunities.items():
        new = [id for id in ids if _is_new_to(decisions, id, doer)]
        if not new:
            continue
        first = min(new, key=lambda id: (decisions.journeys[id].opened_at, id))
        for own in open_own(decisions, doer):
            own.continues_as = first
            successor = decisions.journeys[first]
            successor.claims += carried_on(own.claims, successor.claims)
            successor.position = position_of(session, successor)


def carried_on(own: Sequence[Claim], successor: Sequence[Claim]) -> list[Claim]:
    """What an opportunity takes over of the journey that goes on as it.

    All evidence, and what was asserted before its own records said anything: from then on it moves by these alone.
    """
    since = min((claim.at for claim in successor if claim.type != "evidence"), default=None)
    return [claim for claim in own if claim.type == "evidence" or since is None or claim.at < since]


def _is_new_to(decisions: Decisions, opportunity: str, doer: str) -> bool:
    """Whether an open opportunity got this person or company only now."""
    state = decisions.opportunities.get(opportunity)
    if state is None or not decisions.journeys[opportunity].position.is_open:
        return False
    had = {end for ends in state.relations_before.values() for end in ends}
    return doer not in had


def open_own(decisions: Decisions, doer: str) -> list[JourneyState]:
    """A person's own journeys that are open and have not gone on as an opportunity."""
    journeys = [decisions.journeys[id] for id in decisions.own.get(doer, ())]
    return [journey for journey in journeys if journey.continues_as is None and journey.position.is_open]


def assign_acts(
    session: Session,
    decisions: Decisions,
    doer: str,
    opportunities: Sequence[str],
    acts: Sequence[Act],
    *,
    add: Adder,
) -> None:
    """Give every new act to the journeys that it counts for; `add` brings in one that was not known yet."""
    process = session.workspace.process
    for act in acts:
        if _is_claimed(session, decisions, act):
            continue
        positions = positions_of(session, decisions, doer, opportunities)
        for id in act.about:
            positions.setdefault(id, Position())
        targets = counts_for(act, positions, process)
        for target in targets or [open_journey(session, decisions, doer, act, positions)]:
            if target not in decisions.journeys:
                add(session, decisions, {target})
            journey = decisions.journeys[target]
            journey.add(claim(act))
            journey.position = position_of(session, journey)


def _is_claimed(session: Session, decisions: Decisions, act: Act) -> bool:
    return (
        session.store.row(
            "SELECT 1 FROM claim WHERE source = ? AND value = ? AND at = ?", (act.source, act.key, act.at.isoformat())
        )
        is not None
    )


def positions_of(
    session: Session, decisions: Decisions, doer: str, opportunities: Sequence[str]
) -> dict[str, Position]:
    """Where every journey of a person or company stands."""
    positions: dict[str, Position] = {}
    unknown = [id for id in opportunities if id not in decisions.journeys]
    for id, stage, outcome, closed_at in session.store.among(
        "SELECT id, stage, outcome, closed_at FROM journey WHERE id IN (?)", unknown
    ):
        today = session.workspace.process.current_key(stage) if stage else None
        positions[id] = Position(today, Outcome(outcome) if outcome else None, utc(closed_at))
    for id in opportunities:
        if id in decisions.journeys:
            positions[id] = decisions.journeys[id].position
    for id in decisions.own.get(doer, ()):
        if decisions.journeys[id].continues_as is None:
            positions[id] = decisions.journeys[id].position
    return positions


def open_journey(
    session: Session, decisions: Decisions, doer: str, act: Act | None, positions: dict[str, Position]
) -> str:
    """A new journey of a person's own: of someone who has bought before, it is an expansion."""
    number = len(decisions.own.get(doer, ())) + 1
    bought = any(position.outcome is Outcome.WON for position in positions.values())
    kind = JourneyKind.EXPANSION if bought and act is not None else JourneyKind.NEW
    journey = JourneyState(f"{doer}.{number}", doer, kind, act.at if act else session.at, is_new=True)
    decisions.journeys[journey.id] = journey
    decisions.own.setdefault(doer, []).append(journey.id)
    return journey.id
