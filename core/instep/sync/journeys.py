"""Whose journeys a run knows: a person's own, and their opportunities'; and which of them an act counts for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time

from instep.model.acts import NAMED, Act, Course, claim_of_act, counts_for, evidence
from instep.model.journey import Claim, Position, turns
from instep.model.process import Half, JourneyKind, Outcome
from instep.sync.decisions import Decisions
from instep.sync.evidence import Referral
from instep.sync.session import Session, utc
from instep.sync.stages import position_of
from instep.sync.state import CLAIM, JourneyState, claim_of, load_journeys

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
    unknown = [doer for doer in doers if doer not in decisions.own]
    decisions.own.update((doer, []) for doer in unknown)
    for doer, journeys in load_journeys(session, unknown).items():
        for journey in sorted(journeys, key=lambda j: (len(j.id), j.id)):
            if journey.id not in decisions.journeys:
                journey.active_at = decisions.acted.get(doer)
                journey.position = position_of(session, journey)
                decisions.journeys[journey.id] = journey
                decisions.own[doer].append(journey.id)


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
    """What an opportunity takes over of the journey that goes on as it, beside what its buyers did.

    What was asserted before its own records said anything: from then on it moves by these alone.
    """
    said = [claim for claim in own if claim.type not in ("evidence", "referral")]
    since = min((c.at for c in successor if c.type not in ("evidence", "referral")), default=None)
    return [claim for claim in said if since is None or claim.at < since]


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


# --- which journeys an act counts for ----------------------------------------------------------------------------


def count_acts(
    session: Session,
    decisions: Decisions,
    doers: Sequence[str],
    opportunities: Mapping[str, Sequence[str]],
    acts: Mapping[str, Sequence[Act]],
    referrals: Mapping[str, Sequence[Referral]],
    *,
    add: Adder,
) -> set[str]:
    """Give everything that these persons and companies did to the journeys that it counts for, and to no others.

    `add` brings in an opportunity that this run did not know yet. Returns the opportunities of which it is news when
    they were open, and in which half: what others did may count elsewhere now.
    """
    process = session.workspace.process
    proofs = {doer: evidence(acts.get(doer, ()), process) for doer in doers}
    held = _holding(session, decisions, doers)
    wanted = {id for doer in doers if proofs[doer] or referrals.get(doer) for id in opportunities.get(doer, ())}
    wanted |= {id for found in proofs.values() for act in found for id in act.about}
    courses = _courses(session, decisions, sorted(wanted))
    turned: set[str] = set()
    for doer in doers:
        mine = [courses[id] for id in opportunities.get(doer, ()) if id in courses]
        found = _claims(session, decisions, doer, proofs[doer], mine, courses)
        brought = _referral_claims(session, decisions, doer, referrals.get(doer, ()), mine)
        own = set(decisions.own.get(doer, ()))
        for id in own:
            decisions.journeys[id].active_at = decisions.acted.get(doer)
        for id in sorted({*held.get(doer, ()), *own, *found, *brought}):
            claims = found.get(id, [])
            if id not in decisions.journeys and not _is_news(session, id, doer, claims, brought.get(id, [])):
                continue
            if id not in decisions.journeys:
                add(session, decisions, {id})
            journey = decisions.journeys.get(id)
            if journey is None:
                continue
            before = _named(journey.claims)
            journey.settle(doer, "referral", brought.get(id, []))
            if journey.settle(doer, "evidence", claims) and id not in own and _named(journey.claims) != before:
                turned.add(id)
            journey.position = position_of(session, journey)
        _date_own(decisions, doer, opportunities.get(doer, ()), session)
    return turned


def _named(claims: Iterable[Claim]) -> set[tuple[str, str, datetime]]:
    """The evidence that is this journey's whatever else is known, because its source says so."""
    return {(c.value, c.source, c.at) for c in claims if c.type == "evidence" and c.note == NAMED}


def _holding(session: Session, decisions: Decisions, doers: Sequence[str]) -> dict[str, set[str]]:
    """Doer to the journeys that something they did counts for until now."""
    found: dict[str, set[str]] = {}
    for doer, journey in session.store.among(
        "SELECT DISTINCT doer, journey FROM claim WHERE ended IS NULL AND doer <> '' AND doer IN (?)", list(doers)
    ):
        found.setdefault(doer, set()).add(journey)
    wanted = set(doers)
    for journey in decisions.journeys.values():
        for claim in journey.new_claims:
            if claim.doer in wanted:
                found.setdefault(claim.doer, set()).add(journey.id)
    return found


def _is_news(session: Session, journey: str, doer: str, claims: Sequence[Claim], brought: Sequence[Claim]) -> bool:
    """Whether a journey that this run does not know holds something else of a doer."""
    rows = session.store.rows(
        f"SELECT {CLAIM} FROM claim WHERE journey = ? AND doer = ? AND ended IS NULL",  # noqa: S608  # our own text
        (journey, doer),
    )
    return {_told(claim_of(row)) for row in rows} != {_told(claim) for claim in (*claims, *brought)}


def _told(claim: Claim) -> tuple[str, str, str, datetime]:
    return claim.type, claim.value, claim.source, claim.at


def _courses(session: Session, decisions: Decisions, ids: Sequence[str]) -> dict[str, Course]:
    """When these opportunities were open, and in which half."""
    unknown = [id for id in ids if id not in decisions.journeys]
    loaded = {j.id: j for journeys in load_journeys(session, unknown).values() for j in journeys if j.id in unknown}
    alive = _with_records(session, decisions, set(ids))
    return {
        id: _course(session, decisions.journeys.get(id) or loaded.get(id), id)
        for id in ids
        if id in alive or id in decisions.journeys
    }


def _course(session: Session, journey: JourneyState | None, id: str) -> Course:
    if journey is None:
        return Course(id, session.at)
    process = session.workspace.process
    settled = [c for c in journey.claims if c.type != "evidence" or c.note == NAMED]
    return Course(id, journey.opened_at, turns(settled, process, journey.half, journey.segment), journey.half)


def _claims(
    session: Session,
    decisions: Decisions,
    doer: str,
    proofs: Sequence[Act],
    mine: Sequence[Course],
    courses: Mapping[str, Course],
) -> dict[str, list[Claim]]:
    """Journey to what a doer did for it."""
    found: dict[str, list[Claim]] = {}
    own = [_course(session, journey, journey.id) for journey in open_own(decisions, doer)]
    for act in proofs:
        known = [*mine, *(courses[id] for id in act.about if id in courses and courses[id] not in mine)]
        targets = counts_for(act, known, session.workspace.process)
        halves = session.workspace.process.halves_of(act.key)
        for target in targets or [_own_for(session, decisions, doer, own, halves, act.at)]:
            found.setdefault(target, []).append(claim_of_act(act, doer, target))
    return found


def _referral_claims(
    session: Session, decisions: Decisions, doer: str, referrals: Sequence[Referral], mine: Sequence[Course]
) -> dict[str, list[Claim]]:
    """Journey to who brought this person to it."""
    found: dict[str, list[Claim]] = {}
    own = [_course(session, journey, journey.id) for journey in open_own(decisions, doer)]
    acquiring = frozenset({Half.ACQUISITION})
    for referral in referrals:
        open_then = [c.journey for c in mine if c.is_open_in(acquiring, referral.at)]
        coming = [(at, c.journey) for c in mine if (at := c.opens_in(acquiring, referral.at)) is not None]
        target = min(open_then, default=None) or (min(coming)[1] if coming else None)
        target = target or _own_for(session, decisions, doer, own, acquiring, referral.at)
        claim = Claim(referral.at, "referral", referral.by, referral.source, True, "", None, target, doer)
        found.setdefault(target, []).append(claim)
    return found


def _own_for(
    session: Session, decisions: Decisions, doer: str, own: list[Course], halves: frozenset[Half], at: datetime
) -> str:
    """The doer's own journey that an act counts for; with none, it opens one, which is another of `own`."""
    for course in own:
        if course.takes_own(halves, at):
            return course.journey
    half = Half.ACQUISITION if Half.ACQUISITION in halves else Half.RETENTION
    opened = open_journey(session, decisions, doer, at, half)
    own.append(_course(session, decisions.journeys[opened], opened))
    return opened


def _date_own(decisions: Decisions, doer: str, opportunities: Sequence[str], session: Session) -> None:
    """An own journey began with the first thing that is known of it; after a purchase it is about more of it."""
    own = [decisions.journeys[id] for id in decisions.own.get(doer, ())]
    if not own:
        return
    bought = _bought_at(session, decisions, opportunities)
    for journey in own:
        if journey.half is not None and journey.claims:
            journey.opened_at = min(claim.at for claim in journey.claims)
            is_more = bought is not None and bought <= journey.opened_at
            journey.kind = JourneyKind.EXPANSION if is_more else JourneyKind.NEW


def _bought_at(session: Session, decisions: Decisions, opportunities: Sequence[str]) -> datetime | None:
    """When the first of these opportunities was won."""
    known = [decisions.journeys[id] for id in opportunities if id in decisions.journeys]
    won = [c.at for j in known for c in j.claims if c.type == "outcome" and c.accepted and c.value == Outcome.WON]
    rows = session.store.among(
        "SELECT at FROM claim WHERE type = 'outcome' AND value = 'won' AND accepted = 1 AND journey IN (?)",
        [id for id in opportunities if id not in decisions.journeys],
    )
    return min([*won, *(datetime.fromisoformat(at) for (at,) in rows)], default=None)


def positions_of(
    session: Session, decisions: Decisions, doer: str, opportunities: Sequence[str]
) -> dict[str, Position]:
    """Where every journey of a person or company stands."""
    positions: dict[str, Position] = {}
    unknown = [id for id in opportunities if id not in decisions.journeys]
    for id, stage, outcome, closed_at, since, detour, detour_since, proven in session.store.among(
        "SELECT id, stage, outcome, closed_at, since, detour, detour_since, proven FROM journey WHERE id IN (?)",
        unknown,
    ):
        today = session.workspace.process.current_key(stage) if stage else None
        ended = Outcome(outcome) if outcome else None
        positions[id] = Position(
            today, ended, utc(closed_at), (), detour, utc(detour_since), utc(since), proven=proven
        )
    for id in opportunities:
        if id in decisions.journeys:
            positions[id] = decisions.journeys[id].position
    for id in decisions.own.get(doer, ()):
        if decisions.journeys[id].continues_as is None:
            positions[id] = decisions.journeys[id].position
    return positions


def open_journey(session: Session, decisions: Decisions, doer: str, at: datetime, half: Half | None) -> str:
    """A new journey of a person's own; `half` is None where an edit opens it."""
    number = len(decisions.own.get(doer, ())) + 1
    journey = JourneyState(f"{doer}.{number}", doer, JourneyKind.NEW, at, half=half, is_new=True)
    decisions.journeys[journey.id] = journey
    decisions.own.setdefault(doer, []).append(journey.id)
    return journey.id


def opened_on(value: object, otherwise: datetime) -> datetime:
    """When an opportunity was opened: on the day that a system names, if that is earlier than it was first seen."""
    if not isinstance(value, date) or isinstance(value, datetime):
        return otherwise
    return min(datetime.combine(value, time(), UTC), otherwise)
