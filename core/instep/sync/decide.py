"""Decide: what is true of every buyer now, from everything that the systems say. Touches nothing.

Three passes, each reading the result of the one before: companies, journeys, persons; then companies show their
furthest journey. Only dirty entities are decided: those with a changed record, those whose due date has come, and
those that depend on one of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from instep.model.acts import Act
from instep.model.consent import Standing
from instep.model.entities import FieldType, Kind
from instep.model.identity import normalised_key
from instep.model.journey import Claim, Position, shown
from instep.model.process import Actor, JourneyKind
from instep.model.rules import Always, Moment, earliest, with_company
from instep.model.scoring import Engagement
from instep.model.values import decode, is_blank
from instep.store.ahead import read_ahead
from instep.sync.conflicts import waiting_resolutions
from instep.sync.decisions import Decisions, Facts, dirty_entities
from instep.sync.evidence import FIRST_BUYER, acts_of, referrals_of
from instep.sync.fields import Ends, decide_consent, decide_fields, decide_relations
from instep.sync.firstbuyers import find_first_buyers, first_buyers_of, known_of
from instep.sync.journeys import (
    carried_on,
    continue_as_opportunities,
    count_acts,
    load_own,
    open_journey,
    open_own,
    opened_on,
    opportunities_of,
    positions_of,
)
from instep.sync.ledger import Ref
from instep.sync.match import Matches, facts_of
from instep.sync.overrides import waiting_overrides
from instep.sync.owners import assign_owner
from instep.sync.scores import decide_company_score, decide_score, kept_engagement, scores_companies
from instep.sync.session import Session
from instep.sync.stages import due_of, hear_stages, is_overdue, position_of
from instep.sync.state import (
    EntityState,
    JourneyState,
    RecordState,
    load_entities,
    load_journeys,
    standings_of,
    undone_of,
)

CHUNK = 2000
T = TypeVar("T")


def decide(
    session: Session, matches: Matches, whom: Mapping[Kind, set[str]] | None = None
) -> Iterator[tuple[list[EntityState], Decisions]]:
    """Yield decided entities, some at a time: opportunities, then persons, then companies.

    These are the dirty ones, or those of `whom`.
    """
    dirty = dirty_entities(session, matches) if whom is None else {kind: set(whom.get(kind, ())) for kind in Kind}
    decisions = Decisions(matches, dirty)
    decisions.first_buyers = find_first_buyers(session, decisions)
    if whom is not None:
        decisions.dirty = {kind: ids & set(whom.get(kind, ())) for kind, ids in decisions.dirty.items()}
    _decide_companies(session, decisions)
    _hear_opportunities(session, decisions)
    _assign_evidence(session, decisions)
    yield _settle_opportunities(session, decisions), decisions
    persons = sorted(decisions.dirty[Kind.PERSON])
    for start in range(0, len(persons), CHUNK):
        yield _decide_persons(session, decisions, persons[start : start + CHUNK]), decisions
    yield _settle_companies(session, decisions), decisions


def _load(session: Session, decisions: Decisions, ids: Sequence[str]) -> dict[str, EntityState]:
    """Entities with what match found out about them."""
    states = load_entities(session, ids, decisions.matches.links)
    process = session.workspace.process
    for entity, resolution in waiting_resolutions(session.store, ids):
        states[entity].resolutions[resolution.conflict.field] = resolution
    for override in waiting_overrides(session.store, ids):
        states[override.entity].overrides.append(override)
    for state in states.values():
        if state.stage_before is not None:
            state.stage = state.stage_before = process.current_key(state.stage_before)
        for record in state.records:
            record.frozen = _is_left_out(session, record)
            predecessor = decisions.matches.moved.get(record.ref)
            if predecessor is not None and record.heard is None:
                _inherit(session, record, predecessor)
            record.masked = session.masked.get(record.ref, set())
        for (connection, entity), why in decisions.matches.barred.items():
            if entity == state.id:
                state.tombstones.add(connection)
                state.waits = why if "waits" in why else state.waits
        state.tombstones -= {c for c, e in decisions.matches.lifted if e == state.id}
    return states


def recall(session: Session, ids: Sequence[str]) -> list[EntityState]:
    """Entities as they were last decided, with everything that rules may look at. Decides nothing."""
    decisions = Decisions(Matches(), {kind: set() for kind in Kind})
    states = list(_load(session, decisions, ids).values())
    _company_facts(session, decisions, states)
    opportunities = opportunities_of(session, decisions, ids)
    for state in states:
        state.company = _facts_of_company(decisions, state)
        state.has_opportunity = bool(opportunities.get(state.id))
    return states


def _is_left_out(session: Session, record: RecordState) -> bool:
    """Whether a record is outside its mapping's `include`: it keeps its link, and only consent is written."""
    include = record.mapping.include
    if isinstance(include, Always):
        return False
    return not include.value(facts_of(record.live, record.mapping, record.fields), Moment(session.at))


def _inherit(session: Session, record: RecordState, predecessor: Ref) -> None:
    """A successor starts from what was last heard of its predecessor, so that an old value wins nothing."""
    row = session.store.row("SELECT heard FROM base WHERE connection = ? AND object = ? AND id = ?", predecessor)
    if row is not None:
        record.heard = _in_words_of(session, record, predecessor, decode(row[0]))
        for name, value in record.fields.items():
            if is_blank(value):
                record.heard[name] = value  # what a merge left blank was not cleared by anyone
        record.undone = _in_words_of(session, record, predecessor, undone_of(session, predecessor))


def _in_words_of(session: Session, record: RecordState, predecessor: Ref, heard: dict[str, T]) -> dict[str, T]:
    """What is known of a predecessor, under the names that the successor's object has for the same fields."""
    mapping = session.mapping(predecessor.connection, predecessor.object)
    if mapping is None or predecessor.object == record.ref.object:
        return heard
    renamed = {f.field: f.name for f in mapping.fields}
    found: dict[str, T] = {}
    for name, value in heard.items():
        mapped = record.mapping.mapped(renamed[name]) if name in renamed else None
        found[mapped.field if mapped else name] = value
    return {name: value for name, value in found.items() if name in record.fields or name.startswith("@")}


def _learn_ends(session: Session, decisions: Decisions, states: Sequence[EntityState]) -> None:
    """Find the entity of every record that these entities' records are associated with."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for state in states:
        for record in state.records:
            for object, ends in record.related.items():
                wanted.setdefault((record.connection, object), set()).update(id for id, _ in ends)
    links, found = decisions.matches.links, decisions.entity_of
    for (connection, object), ids in wanted.items():
        for id, entity in session.store.among(
            "SELECT id, entity FROM mirror WHERE connection = ? AND object = ? AND state <> 'gone' "
            "AND entity IS NOT NULL AND id IN (?)",  # a tie to what was merged or converted is not read again yet
            sorted(ids),
            connection,
            object,
        ):
            found[Ref(connection, object, id)] = entity
        for id in ids:
            ref = Ref(connection, object, id)
            if ref in links:
                found[ref] = links[ref]
    _learn_presence(session, decisions, states)


def _learn_presence(session: Session, decisions: Decisions, states: Sequence[EntityState]) -> None:
    """Find which of the ends that were heard before still have a record in their connection."""
    heard = {end for s in states for r in s.records for names in (r.related_heard or {}).values() for end in names}
    decisions.present |= set(
        session.store.among(
            "SELECT connection, entity FROM mirror WHERE state = 'live' AND entity IN (?)", sorted(heard)
        )
    )
    decisions.present |= {(r.connection, e) for r, e in decisions.matches.links.items() if e in heard}


# --- pass 1: companies -----------------------------------------------------------------------------------------


def _decide_companies(session: Session, decisions: Decisions) -> None:
    states = _load(session, decisions, sorted(decisions.dirty[Kind.COMPANY]))
    decisions.companies = states
    changed = []
    for state in states.values():
        decide_fields(session, state)
        state.segment = _segment(session, state, {})
        decisions.facts[state.id] = dict(state.values)
        if state.changed:
            changed.append(state.id)
    if changed and session.workspace.needs_companies:
        rows = session.store.among(
            "SELECT relation.entity, entity.kind FROM relation JOIN entity ON entity.id = relation.entity "
            "WHERE relation.name = 'company' AND relation.to_entity IN (?)",
            changed,
        )
        for entity, kind in rows:
            decisions.dirty[Kind(kind)].add(entity)


def _segment(session: Session, state: EntityState, company: Facts) -> str | None:
    """The first segment whose rule fits; a person's or opportunity's rule may look at its company."""
    facts = with_company(state.values, state.values if state.kind is Kind.COMPANY else company)
    moment = Moment(session.at, frozenset(state.changed))
    for segment in session.workspace.process.segments:
        if segment.when is None or segment.when.value(facts, moment):
            return segment.key
    return None


def _company_facts(session: Session, decisions: Decisions, states: Sequence[EntityState]) -> None:
    """Make sure that the companies of these entities are known to rules."""
    if not session.workspace.needs_companies:
        return
    wanted = {c for state in states for c in state.relations.get("company", ())} - decisions.facts.keys()
    for id, fields in session.store.among("SELECT id, fields FROM entity WHERE id IN (?)", sorted(wanted)):
        decisions.facts[id] = decode(fields)


def _facts_of_company(decisions: Decisions, state: EntityState) -> Facts:
    company = next(iter(state.relations.get("company", ())), None)
    return decisions.facts.get(company, {}) if company else {}


# --- pass 2: journeys ------------------------------------------------------------------------------------------


def _hear_opportunities(session: Session, decisions: Decisions) -> None:
    _add_opportunities(session, decisions, decisions.dirty[Kind.OPPORTUNITY])


def _add_opportunities(session: Session, decisions: Decisions, ids: set[str]) -> None:
    """Load opportunities, decide their fields and relations, and hear their own records' stages."""
    new = sorted(ids - decisions.opportunities.keys())
    states = _load(session, decisions, new)
    decisions.opportunities.update(states)
    _learn_ends(session, decisions, list(states.values()))
    journeys = load_journeys(session, new)
    continued = _continued(session, new)
    for state in states.values():
        decide_fields(session, state)
        decide_relations(session, state, Ends(decisions.entity_of, decisions.present))
    _company_facts(session, decisions, list(states.values()))
    for state in states.values():
        state.company = _facts_of_company(decisions, state)
        state.segment = _segment(session, state, state.company)
        kept = journeys.get(state.id)
        journey = kept[0] if kept else JourneyState(state.id, state.id, JourneyKind.NEW, session.at, is_new=True)
        journey.claims += carried_on(continued.get(state.id, []), journey.claims)
        journey.segment = state.segment
        journey.opened_at = opened_on(state.values.get("opened_on"), journey.opened_at)
        decisions.journeys[journey.id] = journey
        hear_stages(session, state, journey)
        decisions.dirty[Kind.OPPORTUNITY].add(state.id)


def _continued(session: Session, opportunities: Sequence[str]) -> dict[str, list[Claim]]:
    """Claims of persons' own journeys that went on as one of these opportunities."""
    rows = session.store.among(
        "SELECT entity, id, continues_as FROM journey WHERE continues_as IN (?)", list(opportunities)
    )
    own = load_journeys(session, [row[0] for row in rows])
    found: dict[str, list[Claim]] = {}
    for journeys in own.values():
        for journey in journeys:
            if journey.continues_as is not None and journey.continues_as in opportunities:
                found.setdefault(journey.continues_as, []).extend(journey.claims)
    return found


def _assign_evidence(session: Session, decisions: Decisions) -> None:
    """Give every act of a dirty person or company to the journeys that it counts for."""
    for state in decisions.opportunities.values():
        if _is_open_otherwise(decisions, state):
            for name, kind in (("people", Kind.PERSON), ("company", Kind.COMPANY)):
                decisions.dirty[kind] |= state.relations.get(name, frozenset())
                decisions.dirty[kind] |= state.relations_before.get(name, frozenset())
    doers = decisions.dirty[Kind.PERSON] | decisions.dirty[Kind.COMPANY]
    counted: set[str] = set()
    while doers - counted:
        turned: set[str] = set()
        waiting = sorted(doers - counted)
        for start in range(0, len(waiting), CHUNK):
            turned |= _count_acts(session, decisions, waiting[start : start + CHUNK])
        counted |= doers
        doers = {end for id in turned for ends in decisions.opportunities[id].relations.values() for end in ends}


def _is_open_otherwise(decisions: Decisions, state: EntityState) -> bool:
    """Whether it is news whose opportunity it is, or when it was open: what they did may count elsewhere now."""
    is_other = not state.changed.isdisjoint(("people", "company", "opened_on"))
    return is_other or not state.records or bool(decisions.journeys[state.id].new_claims)


def _count_acts(session: Session, decisions: Decisions, doers: Sequence[str]) -> set[str]:
    read_ahead(session.store, doers)
    acts = _acts_of_buyers(session, decisions, doers)
    _note_acts(session, decisions, acts)
    opportunities = opportunities_of(session, decisions, doers)
    load_own(session, decisions, doers)
    continue_as_opportunities(session, decisions, opportunities)
    referrals = referrals_of(known_of(session, decisions), doers)
    return count_acts(session, decisions, doers, opportunities, acts, referrals, add=_add_opportunities)


def _acts_of_buyers(session: Session, decisions: Decisions, ids: Sequence[str]) -> dict[str, Sequence[Act]]:
    """Everything that these did; read once for a run of few, whose stages and scores both ask."""
    unread = [id for id in ids if id not in decisions.acts]
    if len(decisions.acts) + len(unread) > CHUNK:
        unread = list(ids)
        decisions.acts.clear()
    found = acts_of(known_of(session, decisions), unread, first_buyers_of(session, decisions, unread))
    decisions.acts.update((id, found.get(id, ())) for id in unread)
    return {id: decisions.acts[id] for id in ids if decisions.acts[id]}


def _note_acts(session: Session, decisions: Decisions, acts: Mapping[str, Sequence[Act]]) -> None:
    """Keep when each buyer last did anything, whatever it was."""
    for doer, done in acts.items():
        last = max((act.at for act in done if act.actor == Actor.BUYER and act.at <= session.at), default=None)
        if last is not None:
            decisions.acted[doer] = last


def _note_activity(session: Session, decisions: Decisions) -> None:
    """When somebody last did anything, for every decided opportunity; only where the process asks."""
    if not session.workspace.process.watches_acts:
        return
    buyers = {end for s in decisions.opportunities.values() for ends in s.relations.values() for end in ends}
    acted = dict(decisions.acted)
    for id, score in session.store.among(
        "SELECT id, score FROM entity WHERE score IS NOT NULL AND id IN (?)", sorted(buyers - acted.keys())
    ):
        if at := json.loads(score).get("acted_at"):
            acted[id] = datetime.fromisoformat(at)
    for state in decisions.opportunities.values():
        ends = {end for ends in state.relations.values() for end in ends}
        decisions.journeys[state.id].active_at = max((acted[e] for e in ends if e in acted), default=None)


def _settle_opportunities(session: Session, decisions: Decisions) -> list[EntityState]:
    """Fold every journey a last time, and mark who shows it."""
    persons, companies = decisions.dirty[Kind.PERSON], decisions.dirty[Kind.COMPANY]
    _note_activity(session, decisions)
    for state in decisions.opportunities.values():
        journey = decisions.journeys[state.id]
        journey.position = position_of(session, journey)
        state.shown, state.stage = state.id, journey.position.stage
        stands = state.stand_at(journey.position, overdue=is_overdue(session, journey.position, journey.segment))
        state.due_at = earliest([due_of(session, journey), _segment_due(session, state)])
        state.score["outcome"] = journey.position.outcome.value if journey.position.outcome else None
        assign_owner(session, state)
        if (
            not state.records
            or state.is_new
            or state.stage != state.stage_before
            or stands
            or journey.new_claims
            or journey.ended
            or "people" in state.changed
        ):
            before = state.relations_before
            persons |= state.relations.get("people", frozenset()) | before.get("people", frozenset())
            companies |= state.relations.get("company", frozenset()) | before.get("company", frozenset())
    return list(decisions.opportunities.values())


# --- pass 3: persons -------------------------------------------------------------------------------------------


def _absorbed(session: Session, decisions: Decisions, ids: Sequence[str]) -> dict[str, list[Standing]]:
    """Opt-outs that no live record of these entities tells: of whom a record became theirs, and of what is gone."""
    of = {id: decisions.matches.absorbed[id] for id in ids if id in decisions.matches.absorbed}
    known = standings_of(session.store, {other for others in of.values() for other in others})
    found = {id: [s for other in sorted(others) for s in known.get(other, {}).values()] for id, others in of.items()}
    for id in ids:
        if words := decisions.matches.last_words.get(id):
            found[id] = [*found.get(id, ()), *words]
    return found


def _former(session: Session, decisions: Decisions, state: EntityState) -> list[Standing]:
    """What stood for somebody with the address of a new person: a person who was deleted has said it all the same."""
    address = normalised_key(FieldType.EMAIL, state.values.get("email"))
    if not state.is_new or address is None:
        return []
    if decisions.former is None:
        decisions.former = {}
        for id, fields in session.store.rows(
            "SELECT id, fields FROM entity WHERE kind = 'person' AND consent IS NOT NULL"
        ):
            known = normalised_key(FieldType.EMAIL, decode(fields).get("email"))
            if known is not None:
                decisions.former.setdefault(known, []).append(id)
    standings = standings_of(session.store, decisions.former.get(address, ()))
    return [standing for id in sorted(standings) for standing in standings[id].values()]


def _decide_persons(session: Session, decisions: Decisions, ids: Sequence[str]) -> list[EntityState]:
    states = _load(session, decisions, ids)
    every = list(states.values())
    _learn_ends(session, decisions, every)
    absorbed = _absorbed(session, decisions, ids)
    for state in every:
        decide_fields(session, state)
        decide_relations(session, state, Ends(decisions.entity_of, decisions.present))
        decide_consent(session, state, [*absorbed.get(state.id, ()), *_former(session, decisions, state)])
    _company_facts(session, decisions, every)
    opportunities = opportunities_of(session, decisions, ids)
    acts = _acts_of_buyers(session, decisions, ids)
    _note_acts(session, decisions, acts)
    load_own(session, decisions, ids)
    for state in every:
        company = state.company = _facts_of_company(decisions, state)
        state.segment = _segment(session, state, company)
        state.has_opportunity = bool(opportunities.get(state.id))
        _show(session, decisions, state, opportunities.get(state.id, ()))
        engaged = kept_engagement(state.score)
        decide_score(session, state, acts.get(state.id, ()), company)
        _note_acted(decisions, state)
        _note_engagement(session, decisions, state, engaged)
        _note_due(session, decisions, state)
        assign_owner(session, state)
    return every


def _note_acted(decisions: Decisions, state: EntityState) -> None:
    acted = decisions.acted.get(state.id)
    state.score["acted_at"] = acted.isoformat() if acted is not None else None


def _note_engagement(session: Session, decisions: Decisions, state: EntityState, known: Engagement | None) -> None:
    """A company's score is made of what its people did: it is decided too, where anybody is told it."""
    if not scores_companies(session):
        return
    company = next(iter(state.relations.get("company", ())), None)
    before = next(iter(state.relations_before.get("company", ())), None)
    engagement = kept_engagement(state.score)
    if engagement is not None:
        decisions.engaged[state.id] = (company, engagement)
    half_life = session.workspace.scoring.half_life_days
    was = known.worth(session.at, half_life) if known is not None else 0.0
    is_news = engagement is not None and abs(engagement.value - was) > 1e-9
    if is_news or company != before:
        decisions.dirty[Kind.COMPANY] |= {c for c in (company, before) if c is not None}


def _note_due(session: Session, decisions: Decisions, state: EntityState) -> None:
    """Look again when something of this person's own journeys falls due, if not earlier for the score."""
    own = [decisions.journeys[id] for id in decisions.own.get(state.id, ())]
    due = [due_of(session, journey) for journey in own]
    state.due_at = earliest([state.due_at, *due, _segment_due(session, state)])


def _segment_due(session: Session, state: EntityState) -> datetime | None:
    """When somebody may belong to another segment by the time alone."""
    company = state.values if state.kind is Kind.COMPANY else state.company
    facts = with_company(state.values, company)
    rules = (segment.when for segment in session.workspace.process.segments if segment.when is not None)
    return earliest(rule.turns_at(facts, session.at) for rule in rules)


def _shows_stages(session: Session) -> bool:
    """Whether any connection wants to know the stage of a company."""
    mappings = [live.mapping.entities.get(Kind.COMPANY) for live in session.connections.values()]
    return any(m is not None and (m.stages is not None or m.mapped("instep_stage")) for m in mappings)


def _show(session: Session, decisions: Decisions, state: EntityState, opportunities: Sequence[str]) -> None:
    """Hear edits of the shown stage, then show the furthest open journey."""
    process = session.workspace.process
    for id in decisions.own.get(state.id, ()):
        journey = decisions.journeys[id]
        journey.segment = state.segment
        journey.position = position_of(session, journey)
    positions = positions_of(session, decisions, state.id, opportunities)
    current = shown(list(positions.items()), process)
    if state.overrides or _has_stage_records(state):
        open_ones = [id for id in opportunities if positions.get(id, Position()).is_open]
        if current in open_ones or (current is None and open_ones):
            _hear_locked(session, decisions, state, current or open_ones[0])
        else:
            own = open_own(decisions, state.id)
            if own:
                hear_stages(session, state, own[0])
            else:
                _hear_new(session, decisions, state, positions)
    positions = positions_of(session, decisions, state.id, opportunities)
    state.shown = shown(list(positions.items()), process)
    position = positions[state.shown] if state.shown else Position()
    known = decisions.journeys.get(state.shown or "")
    segment = known.segment if known is not None else state.segment
    state.stage = position.stage
    state.stand_at(position, overdue=is_overdue(session, position, segment))


def _has_stage_records(state: EntityState) -> bool:
    return any(record.mapping.stages is not None for record in state.records)


def _hear_locked(session: Session, decisions: Decisions, state: EntityState, current: str) -> None:
    """What is said of a person's stage while an opportunity decides it: recorded beside that journey."""
    if current not in decisions.journeys:
        loaded = load_journeys(session, [current]).get(current)
        if not loaded:
            return
        decisions.journeys[current] = loaded[0]
    hear_stages(session, state, decisions.journeys[current], locked=True)


def _hear_new(session: Session, decisions: Decisions, state: EntityState, positions: dict[str, Position]) -> None:
    """With no journey open, an edit opens a new one, if it says anything at all."""
    id = open_journey(session, decisions, state.id, session.at, None)
    journey = decisions.journeys[id]
    hear_stages(session, state, journey)
    if not journey.new_claims:
        del decisions.journeys[id]
        decisions.own[state.id].remove(id)


# --- companies show their furthest journey ---------------------------------------------------------------------


def _settle_companies(session: Session, decisions: Decisions) -> list[EntityState]:
    late = sorted(decisions.dirty[Kind.COMPANY] - decisions.companies.keys())
    for id, state in _load(session, decisions, late).items():
        decide_fields(session, state)
        state.segment = _segment(session, state, {})
        decisions.companies[id] = state
    ids = list(decisions.companies)
    opportunities = opportunities_of(session, decisions, ids)
    load_own(session, decisions, ids)
    scored = scores_companies(session)
    buyers = first_buyers_of(session, decisions, ids)
    acts = acts_of(known_of(session, decisions), ids, {}) if scored else {}
    people = _engagement_of_people(session, decisions, ids) if scored else {}
    for state in decisions.companies.values():
        state.has_opportunity = bool(opportunities.get(state.id))
        if _shows_stages(session):
            _show(session, decisions, state, opportunities.get(state.id, ()))
        first = buyers.get(state.id)
        if first is not None or FIRST_BUYER in state.relations:
            state.relations[FIRST_BUYER] = frozenset([first]) if first else frozenset()
        if scored:
            engaged = people.get(state.id, ())
            decide_company_score(session, state, engaged, acts.get(state.id, ()), is_joined=first is not None)
        _note_acted(decisions, state)
        _note_due(session, decisions, state)
        assign_owner(session, state)
    return list(decisions.companies.values())


def _engagement_of_people(
    session: Session, decisions: Decisions, companies: Sequence[str]
) -> dict[str, list[Engagement]]:
    """Company to what each of its people did, in closed form."""
    found: dict[str, list[Engagement]] = {}
    wanted = set(companies)
    for person, company, score in session.store.among(
        "SELECT r.entity, r.to_entity, e.score FROM relation r JOIN entity e ON e.id = r.entity "
        "WHERE r.name = 'company' AND e.kind = 'person' AND r.to_entity IN (?)",
        list(companies),
    ):
        engagement = kept_engagement(json.loads(score)) if score and person not in decisions.engaged else None
        if engagement is not None:
            found.setdefault(company, []).append(engagement)
    for of, engagement in decisions.engaged.values():
        if of in wanted:
            found.setdefault(str(of), []).append(engagement)
    return found
